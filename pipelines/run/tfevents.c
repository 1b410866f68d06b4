// pipelines/run/tfevents.c -- protobuf and record framing in a few lines.
#include "pipelines/run/tfevents.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

struct Tfevents {
    FILE *file;
    char *path;
};

// Field numbers of event.proto, summary.proto, tensor.proto.
enum { EVENT_TIME = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_SUMMARY = 5, EVENT_SESSION = 7 };
enum { SUMMARY_VALUE = 1, VALUE_TAG = 1, VALUE_SIMPLE = 2, VALUE_TENSOR = 8, VALUE_METADATA = 9 };
enum { SESSION_STATUS = 1, SESSION_START = 1 };
enum { METADATA_PLUGIN = 1, PLUGIN_NAME = 1 };
enum { TENSOR_DTYPE = 1, TENSOR_SHAPE = 2, TENSOR_STRING = 8, DT_STRING = 7 };
enum { SHAPE_DIM = 2, DIM_SIZE = 1 };
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

uint32_t tfevents_crc32c(const void *data, size_t size) {
    const uint8_t *byte = data;
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= byte[i];
        for (int k = 0; k < 8; k++) crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1)));
    }
    return ~crc;
}

uint32_t tfevents_mask(uint32_t crc) {
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

static void put_le(Str *out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) str_putc(out, (char)(value >> (8 * i)));
}

void tfevents_record(Str *out, const Str *event) {
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)event->size >> (8 * i));
    str_add(out, length, 8);
    put_le(out, tfevents_mask(tfevents_crc32c(length, 8)), 4);
    str_add(out, event->data, event->size);
    put_le(out, tfevents_mask(tfevents_crc32c(event->data, event->size)), 4);
}

static void put_varint(Str *out, uint64_t value) {
    for (; value > 127; value >>= 7) str_putc(out, (char)(value | 128));
    str_putc(out, (char)value);
}

static void put_key(Str *out, int field, int wire) {
    put_varint(out, (uint64_t)field << 3 | (uint64_t)wire);
}

static void put_int(Str *out, int field, int64_t value) {
    put_key(out, field, WIRE_VARINT);
    put_varint(out, (uint64_t)value);
}

static void put_bytes(Str *out, int field, const void *data, size_t size) {
    put_key(out, field, WIRE_BYTES);
    put_varint(out, size);
    str_add(out, data, size);
}

// Moves a finished message into its parent.
static void put_message(Str *out, int field, Str *message) {
    put_bytes(out, field, str_text(message), message->size);
    str_free(message);
}

static void put_double(Str *out, int field, double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    put_key(out, field, WIRE_64);
    put_le(out, bits, 8);
}

static void put_float(Str *out, int field, double value) {
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, 4);
    put_key(out, field, WIRE_32);
    put_le(out, bits, 4);
}

static Status write_event(Tfevents *t, Str *event) {
    Str record = {0};
    tfevents_record(&record, event);
    size_t done = fwrite(record.data, 1, record.size, t->file);
    bool good = done == record.size && fflush(t->file) == 0;
    str_free(&record);
    str_free(event);
    if (!good) return FAIL(ST_IO, "%s: cannot write: %s", t->path, strerror(errno));
    return ST_OK;
}

Status tfevents_open(const char *folder, int64_t restart_step, Tfevents **out) {
    *out = NULL;
    char host[65] = "localhost";
    if (gethostname(host, sizeof host - 1) != 0) strcpy(host, "localhost");
    Tfevents *t = calloc(1, sizeof *t);
    CHECK(t);
    double now = clock_wall();
    // A name that is free: two starts within one second get different numbers.
    for (int n = 0; n < 1000 && !t->file; n++) {
        Str path = {0};
        str_printf(&path, "%s/events.out.tfevents.%ld.%s.%d.%d", folder, (long)now, host,
                   (int)getpid(), n);
        free(t->path);
        t->path = path.data;
        t->file = fopen(t->path, "wbx");
        if (!t->file && errno != EEXIST) break;
    }
    if (!t->file) {
        Status st = FAIL(ST_IO, "%s: cannot create: %s", t->path, strerror(errno));
        tfevents_close(t);
        return st;
    }
    Str event = {0};
    put_double(&event, EVENT_TIME, now);
    put_bytes(&event, EVENT_VERSION, "brain.Event:2", 13);
    Status st = write_event(t, &event);
    if (st == ST_OK && restart_step >= 0) {
        Str session = {0};
        put_int(&session, SESSION_STATUS, SESSION_START);
        put_double(&event, EVENT_TIME, now);
        put_int(&event, EVENT_STEP, restart_step);
        put_message(&event, EVENT_SESSION, &session);
        st = write_event(t, &event);
    }
    if (st != ST_OK) {
        tfevents_close(t);
        return st;
    }
    *out = t;
    return ST_OK;
}

Status tfevents_add(Tfevents *t, const Metrics *metrics, int64_t step, double time) {
    Str summary = {0}, event = {0};
    for (int i = 0; i < metrics->n; i++) {
        Str value = {0};
        put_bytes(&value, VALUE_TAG, metrics->name[i], strlen(metrics->name[i]));
        put_float(&value, VALUE_SIMPLE, metrics->value[i]);
        put_message(&summary, SUMMARY_VALUE, &value);
    }
    put_double(&event, EVENT_TIME, time);
    put_int(&event, EVENT_STEP, step);
    put_message(&event, EVENT_SUMMARY, &summary);
    return write_event(t, &event);
}

Status tfevents_text(Tfevents *t, const char *tag, const char *markdown, int64_t step,
                     double time) {
    Str dim = {0}, shape = {0}, tensor = {0}, plugin = {0}, metadata = {0}, value = {0};
    Str summary = {0}, event = {0};
    put_int(&dim, DIM_SIZE, 1);
    put_message(&shape, SHAPE_DIM, &dim);
    put_int(&tensor, TENSOR_DTYPE, DT_STRING);
    put_message(&tensor, TENSOR_SHAPE, &shape);
    put_bytes(&tensor, TENSOR_STRING, markdown, strlen(markdown));
    put_bytes(&plugin, PLUGIN_NAME, "text", 4);
    put_message(&metadata, METADATA_PLUGIN, &plugin);
    put_bytes(&value, VALUE_TAG, tag, strlen(tag));
    put_message(&value, VALUE_TENSOR, &tensor);
    put_message(&value, VALUE_METADATA, &metadata);
    put_message(&summary, SUMMARY_VALUE, &value);
    put_double(&event, EVENT_TIME, time);
    put_int(&event, EVENT_STEP, step);
    put_message(&event, EVENT_SUMMARY, &summary);
    return write_event(t, &event);
}

void tfevents_close(Tfevents *t) {
    if (!t) return;
    if (t->file) fclose(t->file);
    free(t->path);
    free(t);
}
