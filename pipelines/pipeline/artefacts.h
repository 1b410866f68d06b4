// pipelines/pipeline/artefacts.h -- RUN/artefacts.json: what each stage read and made.
//
// Layer 5. One record a stage: its key (a hash of kind, settings and the content of its inputs),
// the inputs with their hashes, what it made with its hash, the command, and how far it is. A stage
// whose key is recorded as done is not run again.
#ifndef PIPELINES_PIPELINE_ARTEFACTS_H
#define PIPELINES_PIPELINE_ARTEFACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ARTEFACT_INPUTS = 8 };

typedef struct ArtefactInput {
    const char *name, *path; // "from", "data.tasks"
    uint64_t hash;
} ArtefactInput;

typedef struct Artefact {
    const char *stage, *kind;
    uint64_t key, settings;
    ArtefactInput input[ARTEFACT_INPUTS];
    int n_inputs;
    const char *made; // a model folder or a file; NULL while it is not done
    uint64_t hash;    // of its content
    const char *command;
    bool done;
} Artefact;

typedef struct Artefacts {
    const char *path;
    Artefact *of;
    int n, cap;
} Artefacts;

// Of RUN; none where the file is not there. Everything in the arena.
MUST_USE Status artefacts_open(const char *run, int cap, Artefacts *out, Arena *arena);
Artefact *artefacts_find(const Artefacts *a, const char *stage); // NULL: none
// Replaces the stage's record, or adds one, and writes the file atomically.
MUST_USE Status artefacts_put(Artefacts *a, const Artefact *record);

// The content of a file, or of all files below a folder with their names.
MUST_USE Status artefact_hash(const char *path, uint64_t *out);

#ifdef __cplusplus
}
#endif
#endif
