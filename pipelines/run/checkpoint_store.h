// pipelines/run/checkpoint_store.h -- RUN/checkpoints: found, published whole, kept or discarded.
//
// Layer 5. A checkpoint is made in step-N.tmp, gets a manifest with the size and CRC-32 of every
// file, and is renamed; the file `latest` then names it, `best` perhaps another one.
// Codes: ST_IO.
#ifndef PIPELINES_RUN_CHECKPOINT_STORE_H
#define PIPELINES_RUN_CHECKPOINT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CheckpointStore {
    const char *folder; // RUN/checkpoints, borrowed
    int keep;           // newest ones kept; the best is kept besides
    int64_t best;       // its step; -1: none
} CheckpointStore;

CheckpointStore store_at(const char *folder, int keep);
// The step of the newest checkpoint whose manifest holds, -1 if there is none; appends its folder
// to `path` and tells how long metrics.jsonl was. Torn ones are warned of and set aside.
int64_t store_newest(const CheckpointStore *store, Str *path, int64_t *metrics_bytes);

// Makes an empty step-N.tmp with model/ and state/ in it; the caller fills them. `folder` is
// appended to.
MUST_USE Status store_begin(const CheckpointStore *store, int64_t step, Str *folder);
// Publishes it.
MUST_USE Status store_publish(CheckpointStore *store, int64_t step, int64_t metrics_bytes,
                              bool best);
// Removes the older ones that need not be kept.
MUST_USE Status store_tidy(const CheckpointStore *store);
// Gives up one that could not be written; older ones are untouched, and so is status_text().
void store_abort(const CheckpointStore *store, int64_t step);

#ifdef __cplusplus
}
#endif
#endif
