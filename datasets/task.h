// datasets/task.h -- tasks, documents and their sources.
//
// Layer 2 (datasets). A Task is one question with what is needed to judge an answer to it. It says
// nothing about tokens or rewards. verifiers/ may read this header; no other module below layer 4
// does.
#ifndef DATASETS_TASK_H
#define DATASETS_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// One message of a conversation.
typedef struct DocumentTurn {
    const char *role, *content; // "system", "user", "assistant"
} DocumentTurn;

typedef struct Task {
    uint64_t id;        // hash of the question: equal questions have equal ids in every run
    const char *source; // "desk", "gsm8k": names the curve val-core/<source>/acc/mean@1
    const char *prompt; // what the model sees, template already applied
    // [n_turns] Where the question has a system message or several turns: all of them, `prompt` is
    // the last one. Only a chat template makes a text of them. n_turns 0: `prompt` is all.
    const DocumentTurn *turn;
    int n_turns;
    const char *gold;  // the right answer, as text
    const char *judge; // which verifier: "number"
    const char *row; // further fields for the verifier (tests, kwargs, ...), a JSON object; or NULL
    int level;       // difficulty as the source knows it, for curricula; 0 = unknown
} Task;

// A source of tasks. Task number `index` is a function of (source, seed, index) only, so a run
// resumes by index and order does not depend on what was asked before. Texts live in the arena.
typedef struct TaskSource TaskSource;
struct TaskSource {
    const char *name;
    const char *form; // what kind of rows: "gzip JSON lines, verl: ..."; NULL where there are none
    int64_t n_tasks;  // 0 = endless
    uint64_t hash;    // of what the tasks are made of (a file's bytes); goes into run.json
    void *self;       // owned by the source
    Status (*get)(const TaskSource *source, uint64_t index, Task *out, Arena *arena);
    void (*close)(TaskSource *source);
};

static inline void task_source_close(TaskSource *source) { // a zeroed source is fine
    if (source->close) source->close(source);
}

// A document of a corpus for next-token training: prompt + response as one text (without end
// token), or a conversation, which only a chat template makes a text of.
typedef struct Document {
    const char *prompt, *response; // "" both where there are turns
    const DocumentTurn *turn;      // [n_turns], the last one the assistant's
    int n_turns;                   // 0: no conversation
} Document;

#ifdef __cplusplus
}
#endif
#endif
