// base/clock.h -- clocks, and time added up by name.
//
// Layer 1. A named span adds up the wall time of a phase and the processor time of all threads.
// Spans nest; one Spans belongs to one thread.
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#ifdef __cplusplus
extern "C" {
#endif

double clock_now(void);  // seconds, monotonic
double clock_wall(void); // seconds since 1970
double clock_cpu(void);  // seconds of processor time, all threads of the process

#define SPANS_MAX 32

typedef struct Span {
    const char *name; // a literal
    double seconds, begin;
    double cpu, cpu_begin;
    long count;
} Span;

typedef struct Spans {
    Span span[SPANS_MAX];
    int n;
} Spans;

// `name` is compared by text; more than SPANS_MAX names is a programming error (CHECK).
void span_begin(Spans *spans, const char *name);
void span_end(Spans *spans, const char *name);
double span_seconds(const Spans *spans, const char *name); // 0 if never begun
double span_cpu(const Spans *spans, const char *name);
void span_reset(Spans *spans);

#ifdef __cplusplus
}
#endif
#endif
