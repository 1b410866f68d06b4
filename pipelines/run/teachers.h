// pipelines/run/teachers.h -- the teachers of rl.teachers: found, planned, loaded.
//
// Layer 5. Each is "MODEL" or "SOURCE=MODEL" (a name before '=' without a slash). A model that is
// named twice is loaded once. A teacher with another tokenizer than the student's is refused.
#ifndef PIPELINES_RUN_TEACHERS_H
#define PIPELINES_RUN_TEACHERS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/pool.h"
#include "base/status.h"
#include "policy/text/tokenizer.h"
#include "rl/distill.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TEACHERS_MAX = 16 };

typedef struct TeacherSet { // zeroed: none
    Teachers teachers;
    Teacher of[TEACHERS_MAX];
    const char *folder[TEACHERS_MAX]; // of each, in the arena
    PolicyPlan plan[TEACHERS_MAX];    // 0 where an earlier one has the same folder
    int chunk_tokens, max_seq_tokens; // of the student
    size_t total;                     // bytes of all plans
} TeacherSet;

// Looks at the models without loading them. ST_CONFIG, ST_FORMAT, ST_IO.
MUST_USE Status teachers_plan(const ConfigTexts *names, int chunk_tokens, int max_seq_tokens,
                              TeacherSet *out, Arena *arena);
// Loads them. ST_CONFIG: another tokenizer than the student's, named by the first token that
// differs.
MUST_USE Status teachers_open(TeacherSet *set, Pool *pool, const Tokenizer *student);
void teachers_close(TeacherSet *set);

// ST_CONFIG unless every token of the student has the same id and bytes in the teacher's.
MUST_USE Status teachers_same_tokenizer(const char *name, const Tokenizer *teacher,
                                        const Tokenizer *student);

#ifdef __cplusplus
}
#endif
#endif
