// pipelines/run/runfolder.h -- a run's folder: what is written where, and how a run resumes.
//
// Layer 5. RUN/run.json, metrics.jsonl, rollouts/, samples/, checkpoints/, event files, log.txt
// (README, "A run's folder"). One process at a time: the folder is locked. A checkpoint is made in
// step-N.tmp, gets a manifest with the size and CRC-32 of every file, and is renamed; the file
// `latest` then names it. Opening the folder again finds the newest checkpoint whose manifest
// holds, warns about torn ones, and cuts metrics.jsonl back to the byte it had then.
// Codes: ST_IO, ST_FORMAT (run.json is not ours), ST_CONFIG (locked, or the config changed).
#ifndef PIPELINES_RUNFOLDER_H
#define PIPELINES_RUNFOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/metrics.h"
#include "base/status.h"
#include "base/str.h"
#include "pipelines/args.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct RunFolder RunFolder;

typedef struct RunFolderOpts {
    const char *path;
    const char *command; // "zero": a folder made by another command is refused
    const Args *args;    // for the exact command; may be NULL
    const Config *config;
    const char *const *free_keys; // keys that may change on resume (NULL-terminated), or NULL
    const char *data;             // JSON object with the hashes of the data, or NULL
    int64_t seed;
    int keep;             // newest checkpoints kept; the best is kept besides
    bool fresh;           // move an older run aside
    bool override_config; // go on with a changed config
    bool tensorboard;
    bool trl_names; // metric names as TRL has them
} RunFolderOpts;

MUST_USE Status runfolder_open(const RunFolderOpts *opts, RunFolder **out);
void runfolder_close(RunFolder *run); // NULL is fine

const char *runfolder_path(const RunFolder *run);
// The command that goes on with this run: as it was typed, without --fresh.
const char *runfolder_again(const RunFolder *run);
// The run came to its end, with this config and this data, and its last checkpoint is whole: there
// is nothing to do, and nothing in the folder was touched.
bool runfolder_finished(const RunFolder *run);
// The checkpoint to go on from: its step (-1: none, begin anew) and its folder (NULL).
int64_t runfolder_resume_step(const RunFolder *run);
const char *runfolder_resume_path(const RunFolder *run);

// A row in metrics.jsonl and in the event file.
MUST_USE Status runfolder_row(RunFolder *run, const Metrics *row, int64_t step);
// In metrics.jsonl alone, behind the newest checkpoint, which brings it back: for a run that ends
// here before the row is whole. Nothing if a row could not be written before.
MUST_USE Status runfolder_row_for_now(RunFolder *run, const Metrics *row, int64_t step);
// FOLDER/NNNNNN.jsonl, whole and atomically.
MUST_USE Status runfolder_lines(RunFolder *run, const char *folder, int64_t step, const Str *lines);

// Makes an empty checkpoints/step-N.tmp with model/ and state/ in it; the caller fills them.
// `folder` is appended to.
MUST_USE Status runfolder_checkpoint_begin(RunFolder *run, int64_t step, Str *folder);
// Publishes it, then removes what need not be kept. With `best` it is remembered as the best.
MUST_USE Status runfolder_checkpoint_commit(RunFolder *run, int64_t step, bool best);
// Gives up a checkpoint that could not be written; older ones are untouched.
void runfolder_checkpoint_abort(RunFolder *run, int64_t step);

// Writes run.json again with how it ended: "finished", "stopped", "failed", and facts (JSON members
// without braces, may be NULL).
MUST_USE Status runfolder_status(RunFolder *run, const char *status, const char *facts);
// "failed", with status_text() as the one warning, which stays status_text(); for what fails before
// there are facts. NULL is fine.
void runfolder_failed(RunFolder *run, Status why);

#ifdef __cplusplus
}
#endif
#endif
