// pipelines/report/rundata.h -- a finished or running run, read back for reports.
//
// Layer 5. Everything comes from files; a part that is not there yet is empty. All memory lives in
// the arena, the JSON documents until rundata_close. ST_IO, ST_FORMAT (no run.json).
#ifndef PIPELINES_RUNDATA_H
#define PIPELINES_RUNDATA_H

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "pipelines/report/curves.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct SampleLine {
    JsonDoc *doc; // one line of samples/NNNNNN.jsonl
    long step;
} SampleLine;

typedef struct RunData {
    const char *path, *name; // name: the last part of the path
    JsonDoc *run;            // run.json
    JsonDoc *eval;           // eval.json or NULL
    Curves curves, base;     // metrics.jsonl, base/metrics.jsonl
    SampleLine *sample;      // the fixed held-out prompts over the steps
    int n_samples;
} RunData;

MUST_USE Status rundata_open(const char *path, RunData *out, Arena *arena);
void rundata_close(RunData *run);

#ifdef __cplusplus
}
#endif
#endif
