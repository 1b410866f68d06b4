// base/clock.c -- three clocks and a short list of spans.
#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "base/status.h"

static double read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_now(void) {
    return read_clock(CLOCK_MONOTONIC);
}
double clock_wall(void) {
    return read_clock(CLOCK_REALTIME);
}

double clock_cpu(void) {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static Span *find(const Spans *spans, const char *name) {
    for (int i = 0; i < spans->n; i++)
        if (strcmp(spans->span[i].name, name) == 0) return (Span *)&spans->span[i];
    return NULL;
}

void span_begin(Spans *spans, const char *name) {
    Span *s = find(spans, name);
    if (!s) {
        CHECK(spans->n < SPANS_MAX);
        s = &spans->span[spans->n++];
        *s = (Span){.name = name};
    }
    s->cpu_begin = clock_cpu();
    s->begin = clock_now();
}

void span_end(Spans *spans, const char *name) {
    Span *s = find(spans, name);
    CHECK(s != NULL && s->begin > 0);
    s->seconds += clock_now() - s->begin;
    s->cpu += clock_cpu() - s->cpu_begin;
    s->begin = 0;
    s->count++;
}

double span_seconds(const Spans *spans, const char *name) {
    const Span *s = find(spans, name);
    return s ? s->seconds : 0;
}

double span_cpu(const Spans *spans, const char *name) {
    const Span *s = find(spans, name);
    return s ? s->cpu : 0;
}

void span_reset(Spans *spans) {
    spans->n = 0;
}
