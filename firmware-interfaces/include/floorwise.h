/* floorwise.h: messages of a device, for C99, without allocation.
 *
 * A message is written into a buffer of the caller: fw_begin, the fw_..._ calls, fw_end. Errors stick: when the buffer is too small or a
 * value cannot be sent, fw_end returns 0 and nothing may be published. fw_end returns the length otherwise; the text ends in NUL.
 *
 *     char text[FW_MESSAGE_BYTES];
 *     fw_message m;
 *     fw_begin(&m, text, sizeof text);
 *     fw_reading(&m, "scale-7", 3, 7, 1766991600000);
 *     fw_number(&m, "gross_g", 3700.0);
 *     fw_reading_end(&m);
 *     if (fw_end(&m)) publish("up/scale-7/readings", text, 1);
 *
 * Keep what was sent until an ack names it: fw_ack_next walks through the payload of ack/<device>.
 */
#ifndef FLOORWISE_H
#define FLOORWISE_H

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FW_MESSAGE_BYTES 262144u   /* a larger payload is refused unread */
#define FW_MESSAGE_READINGS 1000u  /* readings in one message */
#define FW_READING_VALUES 16u      /* values in one reading */
#define FW_NUMBER_MAX 9007199254740991ull /* 2^53 - 1: boot, seq and ts */
#define FW_NAME_LENGTH 64u         /* of a device */

#define FW_UP_READINGS "readings"
#define FW_UP_SCAN "scan"
#define FW_UP_BIRTH "birth"
#define FW_UP_DEATH "death"
#define FW_UP_BATCH "batch"
#define FW_UP_CONFIRM "confirm"
#define FW_UP_ANSWER "answer"

typedef struct {
    char *text;
    size_t size, length;
    unsigned rows;   /* readings written */
    unsigned values; /* values in the present reading */
    int failed;
} fw_message;

static inline void fw_put(fw_message *m, const char *form, ...) {
    va_list words;
    int wrote;
    if (m->failed) return;
    va_start(words, form);
    wrote = vsnprintf(m->text + m->length, m->size - m->length, form, words);
    va_end(words);
    if (wrote < 0 || (size_t)wrote >= m->size - m->length) m->failed = 1;
    else m->length += (size_t)wrote;
}

/* A JSON string; control characters other than GS (which scanners send) fail. */
static inline void fw_put_text(fw_message *m, const char *text) {
    fw_put(m, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') fw_put(m, "\\%c", c);
        else if (c == 0x1d) fw_put(m, "\\u001d");
        else if (c < 0x20 || c == 0x7f) m->failed = 1;
        else fw_put(m, "%c", c);
    }
    fw_put(m, "\"");
}

static inline void fw_put_count(fw_message *m, uint64_t count) {
    if (count > FW_NUMBER_MAX) m->failed = 1;
    fw_put(m, "%llu", (unsigned long long)count);
}

static inline void fw_begin(fw_message *m, char *text, size_t size) {
    memset(m, 0, sizeof *m);
    m->text = text;
    m->size = size < FW_MESSAGE_BYTES ? size : FW_MESSAGE_BYTES;
    if (size) text[0] = '\0';
    else m->failed = 1;
}

static inline size_t fw_end(const fw_message *m) { return m->failed ? 0 : m->length; }

static inline void fw_sender(fw_message *m, const char *device, uint64_t boot) {
    size_t n = strlen(device);
    if (n < 1 || n > FW_NAME_LENGTH) m->failed = 1;
    fw_put(m, "{\"device\":");
    fw_put_text(m, device);
    fw_put(m, ",\"boot\":");
    fw_put_count(m, boot);
}

/* One reading in a message of its own: fw_reading, fw_number | fw_text …, fw_reading_end. */
static inline void fw_reading(fw_message *m, const char *device, uint64_t boot, uint64_t seq, uint64_t ts) {
    fw_sender(m, device, boot);
    fw_put(m, ",\"seq\":");
    fw_put_count(m, seq);
    fw_put(m, ",\"ts\":");
    fw_put_count(m, ts);
    fw_put(m, ",\"values\":{");
    m->values = 0;
}

static inline void fw_kind(fw_message *m, const char *kind) {
    if (m->values++ >= FW_READING_VALUES) m->failed = 1;
    if (m->values > 1) fw_put(m, ",");
    fw_put_text(m, kind);
    fw_put(m, ":");
}

/* The shortest of 15, 16 or 17 digits that gives the same double again; NaN and infinity fail. */
static inline void fw_number(fw_message *m, const char *kind, double value) {
    char digits[32];
    int precision;
    fw_kind(m, kind);
    if (!isfinite(value)) { m->failed = 1; return; }
    for (precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) break;
    }
    fw_put(m, "%s", digits);
}

static inline void fw_text(fw_message *m, const char *kind, const char *text) {
    fw_kind(m, kind);
    fw_put_text(m, text);
}

static inline void fw_reading_end(fw_message *m) {
    if (m->values == 0) m->failed = 1;
    fw_put(m, "}}");
}

/* Many readings of one boot: fw_readings, then for each fw_row, fw_number | fw_text …, fw_row_end; at last fw_readings_end. */
static inline void fw_readings(fw_message *m, const char *device, uint64_t boot) {
    fw_sender(m, device, boot);
    fw_put(m, ",\"readings\":[");
}

static inline void fw_row(fw_message *m, uint64_t seq, uint64_t ts) {
    if (m->rows++ >= FW_MESSAGE_READINGS) m->failed = 1;
    fw_put(m, m->rows > 1 ? ",[" : "[");
    fw_put_count(m, seq);
    fw_put(m, ",");
    fw_put_count(m, ts);
    fw_put(m, ",{");
    m->values = 0;
}

static inline void fw_row_end(fw_message *m) {
    if (m->values == 0) m->failed = 1;
    fw_put(m, "}]");
}

static inline void fw_readings_end(fw_message *m) { fw_put(m, "]}"); }

/* What a device says when it has connected (retained), and what it leaves with the broker as its will before that. */
static inline void fw_birth(fw_message *m, const char *device, uint64_t boot, uint64_t ts, const char *profile, const char *firmware,
                            const char *const *kinds, size_t kinds_count, uint64_t keeps) {
    size_t i;
    fw_sender(m, device, boot);
    fw_put(m, ",\"ts\":");
    fw_put_count(m, ts);
    fw_put(m, ",\"profile\":");
    fw_put_text(m, profile);
    fw_put(m, ",\"firmware\":");
    fw_put_text(m, firmware);
    fw_put(m, ",\"kinds\":[");
    for (i = 0; i < kinds_count; i++) {
        if (i) fw_put(m, ",");
        fw_put_text(m, kinds[i]);
    }
    fw_put(m, "],\"keeps\":");
    fw_put_count(m, keeps);
    fw_put(m, "}");
}

static inline void fw_death(fw_message *m, const char *device, uint64_t boot, uint64_t ts) {
    fw_sender(m, device, boot);
    fw_put(m, ",\"ts\":");
    fw_put_count(m, ts);
    fw_put(m, "}");
}

/* The answer to a command; it has a seq, so it is kept and sent again until it is acknowledged. */
static inline void fw_answer(fw_message *m, const char *device, uint64_t boot, uint64_t seq, uint64_t ts, const char *id, int ok,
                             const char *detail) {
    fw_sender(m, device, boot);
    fw_put(m, ",\"seq\":");
    fw_put_count(m, seq);
    fw_put(m, ",\"ts\":");
    fw_put_count(m, ts);
    fw_put(m, ",\"id\":");
    fw_put_text(m, id);
    fw_put(m, ",\"ok\":%s,\"detail\":", ok ? "true" : "false");
    fw_put_text(m, detail);
    fw_put(m, "}");
}

static inline int fw_topic_up(char *topic, size_t size, const char *device, const char *what) {
    int n = snprintf(topic, size, "up/%s/%s", device, what);
    return n > 0 && (size_t)n < size;
}

static inline int fw_topic_ack(char *topic, size_t size, const char *device) {
    int n = snprintf(topic, size, "ack/%s", device);
    return n > 0 && (size_t)n < size;
}

/* What an ack says about one boot of this device, range by range. `*at` starts as the NUL-terminated payload and moves on; 1 = *first
 * to *last may be forgotten, 0 = no more. It relies on the canonical form that floorwise always sends: sorted keys, no spaces. Readings
 * in "refused" will never be taken: fw_ack_refused walks through those, they may be forgotten too. */
static inline int fw_ack_next(const char **at, const char *device, uint64_t boot, uint64_t *first, uint64_t *last) {
    char want[FW_NAME_LENGTH + 64];
    const char *from = *at, *end;
    if (*from == '{') { /* the first call: go to the block of this boot */
        snprintf(want, sizeof want, "{\"boot\":%llu,\"device\":\"%s\",\"ranges\":[", (unsigned long long)boot, device);
        from = strstr(from, want);
        if (!from) return 0;
        from += strlen(want);
    }
    if (*from == ',') from++;
    if (*from != '[') return 0;
    *first = strtoull(from + 1, (char **)&end, 10);
    if (*end != ',') return 0;
    *last = strtoull(end + 1, (char **)&end, 10);
    if (*end != ']') return 0;
    *at = end + 1;
    return *first <= *last;
}

static inline int fw_ack_refused(const char **at, const char *device, uint64_t boot, uint64_t *seq) {
    char want[FW_NAME_LENGTH + 64];
    const char *from = strstr(*at, "\"refused\":[");
    if (!from) from = *at;
    snprintf(want, sizeof want, "{\"boot\":%llu,\"device\":\"%s\",\"reason\":\"", (unsigned long long)boot, device);
    from = strstr(from, want);
    if (!from) return 0;
    from = strstr(from + strlen(want), "\"seq\":");
    if (!from) return 0;
    *seq = strtoull(from + 6, NULL, 10);
    *at = from;
    return 1;
}

#endif
