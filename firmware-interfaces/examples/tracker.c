/* A tracker without its hardware: writes what it kept over a day without coverage as one packed batch, hexadecimal, on stdout.
 *
 *     cc -std=c99 -I ../include tracker.c -o tracker -lm && ./tracker
 */
#include "floorwise_packed.h"

typedef struct {
    uint64_t seq, ts;
    double temperature_c, humidity_pct; /* not a number where the probe said nothing of it */
} look;

int main(void) {
    static const char *const kinds[] = {"temperature_c", "humidity_pct"};
    static const uint8_t both[] = {0, 1}, dry[] = {0};
    const look memory[] = {{41, 1766991600000u, 4.25, 61.0}, {42, 1766991660000u, 4.5, NAN}, {43, 1766991720500u, -0.125, 60.5}};
    static uint8_t bytes[1024];
    size_t length, i;
    fw_packed p;

    fw_packed_begin(&p, bytes, sizeof bytes, "trk-0041", 1767078000000u, memory[0].ts, kinds, 2, 2);
    fw_packed_series(&p, "trk-0041", 3, both, 2);
    fw_packed_series(&p, "trk-0041", 3, dry, 1);
    for (i = 0; i < 3; i++) fw_packed_look(&p, memory[i].seq, memory[i].ts, isnan(memory[i].humidity_pct) ? 1 : 0);
    for (i = 0; i < 3; i++) {
        fw_packed_value(&p, memory[i].temperature_c);
        if (!isnan(memory[i].humidity_pct)) fw_packed_value(&p, memory[i].humidity_pct);
    }
    length = fw_packed_end(&p);
    if (!length) return 1;
    for (i = 0; i < length; i++) printf("%02x", bytes[i]);
    printf("\n");
    return 0;
}
