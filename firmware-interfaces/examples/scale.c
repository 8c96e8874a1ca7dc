/* A scale without its hardware: says its messages on stdout, "topic payload" a line, and forgets what an ack names.
 *
 *     cc -std=c99 -I ../include scale.c -o scale -lm && ./scale [ACK-PAYLOAD]
 */
#include "floorwise.h"

#define KEEPS 64u

typedef struct {
    uint64_t seq, ts;
    double gross_g;
    int waiting;
} look;

static void say(const char *what, const fw_message *m) {
    char topic[96];
    if (!fw_end(m) || !fw_topic_up(topic, sizeof topic, "scale-7", what)) exit(1);
    printf("%s %s\n", topic, m->text);
}

int main(int count, char **words) {
    static char text[FW_MESSAGE_BYTES];
    const char *kinds[] = {"gross_g"};
    look memory[KEEPS] = {{7, 1766991600000u, 3700.0, 1}, {8, 1766991601000u, 3699.5, 1}, {9, 1766991602000u, 3700.1, 1}};
    uint64_t first, last, i;
    fw_message m;

    fw_begin(&m, text, sizeof text);
    fw_death(&m, "scale-7", 3, 1766991590000u);
    say(FW_UP_DEATH, &m); /* really: hand it to the MQTT library as the will, before connecting */

    fw_begin(&m, text, sizeof text);
    fw_birth(&m, "scale-7", 3, 1766991590000u, "scale", "1.4.0", kinds, 1, KEEPS);
    say(FW_UP_BIRTH, &m);

    fw_begin(&m, text, sizeof text);
    fw_reading(&m, "scale-7", 3, 7, 1766991600000u);
    fw_number(&m, "gross_g", memory[0].gross_g);
    fw_reading_end(&m);
    say(FW_UP_READINGS, &m);

    if (count > 1) { /* forget what is durable on the other side */
        const char *at = words[1];
        while (fw_ack_next(&at, "scale-7", 3, &first, &last))
            for (i = 0; i < KEEPS; i++)
                if (memory[i].seq >= first && memory[i].seq <= last) memory[i].waiting = 0;
        at = words[1];
        while (fw_ack_refused(&at, "scale-7", 3, &first))
            for (i = 0; i < KEEPS; i++)
                if (memory[i].seq == first) memory[i].waiting = 0;
    }

    fw_begin(&m, text, sizeof text);
    fw_readings(&m, "scale-7", 3);
    for (i = 0; i < KEEPS; i++)
        if (memory[i].waiting) {
            fw_row(&m, memory[i].seq, memory[i].ts);
            fw_number(&m, "gross_g", memory[i].gross_g);
            fw_row_end(&m);
        }
    fw_readings_end(&m);
    say(FW_UP_READINGS, &m);
    return 0;
}
