/* floorwise_packed.h: many readings of numbers in one binary message, for C99, without allocation. topics.md tells the layout.
 *
 * First who speaks of what, then the looks, then their values, look by look, each in the order of its series' kinds:
 *
 *     static const char *const kinds[] = {"temperature_c", "humidity_pct"};
 *     static const uint8_t both[] = {0, 1};
 *     uint8_t bytes[1024];
 *     fw_packed p;
 *     fw_packed_begin(&p, bytes, sizeof bytes, "trk-1", now, oldest_ts, kinds, 2, 1);
 *     fw_packed_series(&p, "trk-1", 3, both, 2);
 *     for (i = 0; i < n; i++) fw_packed_look(&p, look[i].seq, look[i].ts, 0);
 *     for (i = 0; i < n; i++) { fw_packed_value(&p, look[i].temperature_c); fw_packed_value(&p, look[i].humidity_pct); }
 *     length = fw_packed_end(&p);
 *     if (length) publish("up/trk-1/batch", bytes, length, 1);
 *
 * Errors stick: fw_packed_end returns 0 and nothing may be published. Send it only to a gateway whose acks have "packed-1" in "takes".
 */
#ifndef FLOORWISE_PACKED_H
#define FLOORWISE_PACKED_H

#include "floorwise.h"

#define FW_PACKED_HEAD 32u
#define FW_PACKED_LOOK 16u
#define FW_PACKED_SERIES 64u /* in one message of this writer */

typedef char fw_packed_needs_eight_byte_doubles[sizeof(double) == 8 ? 1 : -1];

typedef struct {
    uint8_t *bytes;
    size_t size, length, table; /* table: where it ends, 0 until the first look */
    uint64_t base;
    uint32_t values, wanted; /* written, and due for the looks so far */
    unsigned looks, series, series_due, kinds;
    uint8_t sizes[FW_PACKED_SERIES];
    int failed;
} fw_packed;

static inline void fw_packed_put(fw_packed *p, uint64_t value, unsigned count) {
    if (p->failed || p->size - p->length < count) { p->failed = 1; return; }
    for (; count--; value >>= 8) p->bytes[p->length++] = (uint8_t)(value & 0xff);
}

static inline void fw_packed_name(fw_packed *p, const char *name) {
    size_t n = strlen(name), i;
    if (n < 1 || n > FW_NAME_LENGTH) p->failed = 1;
    fw_packed_put(p, n, 1);
    for (i = 0; i < n; i++) fw_packed_put(p, (uint8_t)name[i], 1);
}

/* `base` is the earliest time of all looks; `agent` is the sender, a device that speaks for itself names itself. */
static inline void fw_packed_begin(fw_packed *p, uint8_t *bytes, size_t size, const char *agent, uint64_t ts, uint64_t base,
                                   const char *const *kinds, unsigned kinds_count, unsigned series_count) {
    unsigned i;
    memset(p, 0, sizeof *p);
    p->bytes = bytes;
    p->size = size < FW_MESSAGE_BYTES ? size : FW_MESSAGE_BYTES;
    p->base = base;
    p->kinds = kinds_count;
    p->series_due = series_count;
    if (series_count > FW_PACKED_SERIES || kinds_count > 255 || ts > FW_NUMBER_MAX || base > FW_NUMBER_MAX) p->failed = 1;
    fw_packed_put(p, 0x31505746u, 4); /* "FWP1" */
    fw_packed_put(p, 0, 8);           /* checksum, table and readings: known at the end */
    fw_packed_put(p, 0, 4);
    fw_packed_put(p, ts, 8);
    fw_packed_put(p, base, 8);
    fw_packed_name(p, agent);
    fw_packed_put(p, kinds_count, 1);
    for (i = 0; i < kinds_count; i++) fw_packed_name(p, kinds[i]);
    fw_packed_put(p, series_count, 2);
}

/* A series: looks of one device and boot that hold the same kinds. `which` numbers them in the list given to fw_packed_begin. */
static inline void fw_packed_series(fw_packed *p, const char *device, uint64_t boot, const uint8_t *which, unsigned count) {
    unsigned i;
    if (p->table || p->series >= p->series_due || count < 1 || count > FW_READING_VALUES || boot > FW_NUMBER_MAX) p->failed = 1;
    if (p->failed) return;
    fw_packed_name(p, device);
    fw_packed_put(p, boot, 8);
    fw_packed_put(p, count, 1);
    for (i = 0; i < count; i++) {
        if (which[i] >= p->kinds) p->failed = 1;
        fw_packed_put(p, which[i], 1);
    }
    p->sizes[p->series++] = (uint8_t)count;
}

static inline void fw_packed_table_end(fw_packed *p) {
    if (p->series != p->series_due) p->failed = 1;
    while (!p->failed && p->length % 8) fw_packed_put(p, 0, 1);
    p->table = p->length;
    if (p->table - FW_PACKED_HEAD > 0xffffu) p->failed = 1;
}

static inline void fw_packed_look(fw_packed *p, uint64_t seq, uint64_t ts, unsigned series) {
    if (!p->table) fw_packed_table_end(p);
    if (series >= p->series || p->values || seq > FW_NUMBER_MAX || ts < p->base || ts - p->base > 0xffffffffu) p->failed = 1;
    if (p->looks >= FW_MESSAGE_READINGS) p->failed = 1;
    if (p->failed) return;
    fw_packed_put(p, seq, 8);
    fw_packed_put(p, ts - p->base, 4);
    fw_packed_put(p, series, 2);
    fw_packed_put(p, 0, 2); /* quality: as measured */
    p->wanted += p->sizes[series];
    p->looks++;
}

static inline void fw_packed_value(fw_packed *p, double value) {
    uint64_t bits;
    if (!isfinite(value)) p->failed = 1;
    memcpy(&bits, &value, 8);
    fw_packed_put(p, bits, 8);
    p->values++;
}

/* CRC-32 as zlib, PNG and Ethernet have it, a bit at a time: no table in flash. */
static inline uint32_t fw_crc32(const uint8_t *bytes, size_t length) {
    uint32_t crc = 0xffffffffu;
    unsigned bit;
    while (length--) {
        crc ^= *bytes++;
        for (bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

/* The length of the message, 0 when something went wrong. */
static inline size_t fw_packed_end(fw_packed *p) {
    size_t length;
    if (!p->table) fw_packed_table_end(p);
    if (p->failed || p->values != p->wanted) return 0;
    length = p->length;
    p->length = 8;
    fw_packed_put(p, p->table - FW_PACKED_HEAD, 2);
    fw_packed_put(p, p->looks, 2);
    fw_packed_put(p, p->values, 4);
    p->length = 4;
    fw_packed_put(p, fw_crc32(p->bytes + 8, length - 8), 4);
    p->length = length;
    return length;
}

#endif
