// pipelines/sources.h -- from the section "data" to sources of questions and documents.
//
// Layer 5. A value that names a family is one; a data set by name (datasets/published.h) is the
// program's slice of it, or NAME=PATH; else it is the path of a JSON-lines file, or several of them
// with weights: "a.jsonl:0.7,desk:0.3" (datasets/mix.h).
// ST_CONFIG, ST_IO, ST_FORMAT.
#ifndef PIPELINES_SOURCES_H
#define PIPELINES_SOURCES_H

#include "base/str.h"
#include "datasets/corpus.h"
#include "datasets/jsonl.h"
#include "datasets/procedural.h"
#include "datasets/taskfile.h"
#include "pipelines/runconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

// The caller ends *out with out->close. `rc` is borrowed by it.
MUST_USE Status sources_tasks(const RunConfig *rc, Split split, TaskSource *out);
// Is there a source for this split? Files have no large set unless one is named.
bool sources_has(const RunConfig *rc, Split split);
// What a prompt template stands for: a name (r1-zero, boxed), the text itself, NULL for "".
const char *sources_template(const char *text);
// A data set by name, or a file.
MUST_USE Status sources_open(const char *name, const char *folder, Split split,
                             const TaskFields *fields, TaskSource *out);
// Can the questions be judged here? Every judge is there and can work, and reads its part of every
// question; ST_CONFIG or ST_UNSUPPORTED with the remedy if none of a source can be judged. Where
// some cannot, they are counted and the first ones named on the log.
MUST_USE Status sources_inspect(const RunConfig *rc, const TaskSource *source);
MUST_USE Status sources_check(const RunConfig *rc); // all sources of the config
// The documents of data.corpus_heldout; *out NULL where there are none.
MUST_USE Status sources_corpus_heldout(const RunConfig *rc, Corpus **out);
MUST_USE Status sources_corpus(const RunConfig *rc, Corpus **out);
// {"tasks":"hash",...} for run.json.
MUST_USE Status sources_hashes(const RunConfig *rc, Str *out);

// How many held-out questions of files are also in a training file, by the id of the question.
// *checked: held-out questions looked at. Families are disjoint by their making and are not asked.
MUST_USE Status sources_overlap(const RunConfig *rc, int64_t *shared, int64_t *checked);

#ifdef __cplusplus
}
#endif
#endif
