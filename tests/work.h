// tests/work.h -- how much work a call does, in units of a loop that is timed in the same process.
//
// A processor of half the speed takes twice the time for both, so a bound in units holds there too;
// no test compares a clock with a constant (tests/layers.sh checks it). Tests read clocks through
// this file alone.
//
// A unit is the processor time of one pass of work_pass over 1 MiB: 4 ms on a processor of 3 GHz.
// The bounds in the tests are about five times what the code needs today. They find code that
// became quadratic (at 1.5 MB that is a factor of a thousand), not code that became a little
// slower: `grpo bench` measures that. WORK_SHOW=1 prints each measurement.
//
//     WorkMeter meter = {.most = 30};
//     while (work_again(&meter)) judge(text);
//     if (meter.over) fail_msg("%.1f units", meter.least);
#ifndef TESTS_WORK_H
#define TESTS_WORK_H
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

// Sanitizers slow the code down more than the loop.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WORK_SLACK 12
#else
#define WORK_SLACK 1
#endif

typedef struct WorkMeter {
    double most;  // in units; the caller's
    double least; // of the tries, in units
    bool over;    // every try needed more than `most`
    int tries;
    double begin;
} WorkMeter;

// Seconds of processor time of this thread: what other programs do is not counted.
static inline double work_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Reads, looks up, branches and writes, as a parser does.
__attribute__((noinline)) static unsigned work_pass(const unsigned char *text, unsigned char *out,
                                                    size_t n) {
    unsigned kinds[256] = {0}, hash = 2166136261u;
    size_t put = 0;
    for (size_t i = 0; i < n; i++) {
        kinds[text[i]]++;
        hash = (hash ^ text[i]) * 16777619u;
        if (hash & 64) out[put++] = (unsigned char)hash;
    }
    return hash + kinds[hash & 255] + out[put / 2];
}

// The least of several passes; a clock of coarse ticks needs them all to see anything.
static inline double work_measure_unit(void) {
    enum { BYTES = 1 << 20 };
    static volatile unsigned sink; // read below: the passes are not to be left out
    unsigned char *text = malloc(2 * BYTES);
    double least = 1e9, sum = 0;
    int n = 0;
    for (unsigned i = 0; i < 2 * BYTES; i++) text[i] = (unsigned char)(i * 2654435761u >> 24);
    while (n < 3 || (sum < .02 && n < 1000)) {
        double begin = work_seconds();
        sink += work_pass(text, text + BYTES, BYTES);
        double took = work_seconds() - begin;
        sum += took, n++;
        if (took > 0 && took < least) least = took;
    }
    free(text);
    return sum / n < 2 * least || sink == 0 ? least : sum / n;
}

// Seconds of one unit on this processor, measured once; again where a try was over its bound, for
// the processor may have become slower since.
static inline double work_unit(bool again) {
    static _Thread_local double unit;
    if (unit == 0) unit = work_measure_unit();
    if (again) {
        double now = work_measure_unit();
        return now > unit ? now : unit;
    }
    return unit;
}

// True before each try. The first that stays within the bound is the last; at most five.
static inline bool work_again(WorkMeter *m) {
    enum { TRIES = 5 };
    const double now = work_seconds();
    if (m->tries++ == 0) {
        m->least = 1e9;
        work_unit(false);
    } else {
        const double most = m->most * WORK_SLACK, took = now - m->begin;
        double units = took / work_unit(false);
        if (units > most) units = took / work_unit(true);
        if (units < m->least) m->least = units;
        m->over = m->least > most;
        if (getenv("WORK_SHOW")) fprintf(stderr, "work: %.2f of %.0f units\n", units, most);
        if (!m->over || m->tries > TRIES) return false;
    }
    m->begin = work_seconds();
    return true;
}

// Waits until done(arg), for long: false only where it will never be. What ends by itself is waited
// for in this way, so that a slow machine is waited for longer.
static inline bool work_wait(bool (*done)(void *arg), void *arg) {
    const double until = clock_now() + 120;
    while (!done(arg)) {
        if (clock_now() > until) return false;
        usleep(5000);
    }
    return true;
}
#endif
