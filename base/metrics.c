// base/metrics.c -- a row is short, so looking a name up is a walk.
#include "base/metrics.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void metrics_clear(Metrics *metrics) {
    metrics->n = 0;
}

static int find(const Metrics *metrics, const char *name) {
    for (int i = 0; i < metrics->n; i++)
        if (strcmp(metrics->name[i], name) == 0) return i;
    return -1;
}

void metrics_set(Metrics *metrics, double value, const char *fmt, ...) {
    char name[METRICS_NAME];
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    CHECK(size > 0 && size < METRICS_NAME);
    int i = find(metrics, name);
    if (i < 0) {
        CHECK(metrics->n < METRICS_MAX);
        i = metrics->n++;
        memcpy(metrics->name[i], name, sizeof name);
    }
    metrics->value[i] = value;
}

double metrics_get(const Metrics *metrics, const char *name, double fallback) {
    int i = find(metrics, name);
    return i < 0 ? fallback : metrics->value[i];
}

void metrics_json(const Metrics *metrics, long step, double time, Str *out) {
    str_printf(out, "{\"step\":%ld,\"time\":%.3f,\"data\":{", step, time);
    for (int i = 0; i < metrics->n; i++) {
        if (i) str_putc(out, ',');
        str_json(out, metrics->name[i], strlen(metrics->name[i]));
        str_putc(out, ':');
        str_number(out, metrics->value[i]);
    }
    str_puts(out, "}}");
}
