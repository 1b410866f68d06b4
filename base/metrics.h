// base/metrics.h -- the numbers of one step, by name.
//
// Layer 1. A Metrics is one row: names and values in the order in which they were first set. Users
// rely on the names. Sinks (metrics.jsonl, TensorBoard) take whole rows.
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stddef.h>

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

#define METRICS_MAX 256
#define METRICS_NAME 64 // bytes, with the terminator

typedef struct Metrics {
    char name[METRICS_MAX][METRICS_NAME];
    double value[METRICS_MAX];
    int n;
} Metrics;

void metrics_clear(Metrics *metrics);
void metrics_set(Metrics *metrics, double value, const char *fmt, ...)
    PRINTF_LIKE(3, 4); // name is formatted
double metrics_get(const Metrics *metrics, const char *name, double fallback);
// {"step":12,"time":1732230000.1,"data":{"critic/rewards/mean":0.43,...}} without a newline; NaN as
// null.
void metrics_json(const Metrics *metrics, long step, double time, Str *out);

#ifdef __cplusplus
}
#endif
#endif
