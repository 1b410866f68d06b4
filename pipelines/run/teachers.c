// pipelines/run/teachers.c -- a plan for each folder, then the weights.
#include "pipelines/run/teachers.h"

#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "base/str.h"
#include "pipelines/input.h"
#include "policy/files/checkpoint.h"
#include "rl/reference.h"

// "SOURCE=MODEL", or MODEL with *source NULL.
static const char *split(const char *text, const char **source, Arena *arena) {
    const char *equal = strchr(text, '=');
    *source = NULL;
    if (!equal || equal == text || memchr(text, '/', (size_t)(equal - text))) return text;
    *source = arena_printf(arena, "%.*s", (int)(equal - text), text);
    return equal + 1;
}

// A context too short for the student is refused by distill_check, which knows the student's.
static PolicyOpts opts_of(const TeacherSet *set, const ModelConfig *config, Pool *pool) {
    int longest = set->max_seq_tokens;
    if (longest > config->max_position) longest = config->max_position;
    return reference_opts(pool, set->chunk_tokens > longest ? set->chunk_tokens : longest, longest);
}

Status teachers_plan(const ConfigTexts *names, int chunk_tokens, int max_seq_tokens,
                     TeacherSet *out, Arena *arena) {
    *out = (TeacherSet){0};
    if (names->n > TEACHERS_MAX)
        return FAIL(ST_CONFIG, "rl.teachers: %d teachers, at most %d", names->n, TEACHERS_MAX);
    out->chunk_tokens = chunk_tokens, out->max_seq_tokens = max_seq_tokens;
    for (int i = 0; i < names->n; i++) {
        const char *source, *model = split(names->value[i], &source, arena);
        TRY(input_model(model, &out->folder[i], arena));
        out->of[i] = (Teacher){.source = source, .name = model};
        for (int k = 0; k < i; k++)
            if (source ? out->of[k].source && strcmp(out->of[k].source, source) == 0
                       : !out->of[k].source)
                return FAIL(ST_CONFIG, "rl.teachers: two teachers for %s: %s and %s",
                            source ? source : "all questions", out->of[k].name, model);
        ModelConfig config;
        TRY(checkpoint_config(out->folder[i], &config));
        for (int k = 0; k < i; k++)
            if (strcmp(out->folder[k], out->folder[i]) == 0) config.vocab_size = 0;
        if (config.vocab_size == 0) continue; // loaded once
        const PolicyOpts opts = opts_of(out, &config, NULL);
        TRY(policy_plan(&config, &opts, &out->plan[i]));
        out->total += out->plan[i].total;
    }
    out->teachers = (Teachers){NULL, names->n};
    return ST_OK;
}

Status teachers_same_tokenizer(const char *name, const Tokenizer *teacher,
                               const Tokenizer *student) {
    const int n = tokenizer_size(student);
    for (int id = 0; id < n; id++) {
        size_t a_size = 0, b_size = 0;
        const char *a = id < tokenizer_size(teacher) ? tokenizer_bytes(teacher, id, &a_size) : NULL;
        const char *b = tokenizer_bytes(student, id, &b_size);
        if (a_size == b_size && (b_size == 0 || (a && memcmp(a, b, b_size) == 0))) continue;
        Str shown = {0};
        str_shown(&shown, b ? b : "", b_size);
        Status st = FAIL(ST_CONFIG,
                         "the teacher %s has another tokenizer than the student: token %d is '%s' "
                         "of the student and not of the teacher. Its samples can be learnt from as "
                         "text (grpo reject, then grpo sft)",
                         name, id, str_text(&shown));
        str_free(&shown);
        return st;
    }
    return ST_OK;
}

static Status load(TeacherSet *set, int i, Pool *pool, const Tokenizer *student) {
    Tokenizer *own = NULL;
    TRY(tokenizer_load(set->folder[i], &own));
    Status st = teachers_same_tokenizer(set->of[i].name, own, student);
    tokenizer_free(own);
    if (st != ST_OK) return st;
    ModelConfig config;
    TRY(checkpoint_config(set->folder[i], &config));
    const PolicyOpts opts = opts_of(set, &config, pool);
    TRY(policy_new(&config, &opts, &set->of[i].policy));
    TRY(checkpoint_load(set->folder[i], set->of[i].policy));
    log_info("teacher of %s: %s (%.1f MiB)",
             set->of[i].source ? set->of[i].source : "all questions", set->of[i].name,
             (double)set->plan[i].total / (1 << 20));
    return ST_OK;
}

Status teachers_open(TeacherSet *set, Pool *pool, const Tokenizer *student) {
    set->teachers.of = set->of;
    for (int i = 0; i < set->teachers.n; i++) {
        for (int k = 0; k < i && !set->of[i].policy; k++)
            if (strcmp(set->folder[k], set->folder[i]) == 0) set->of[i].policy = set->of[k].policy;
        if (!set->of[i].policy) TRY(load(set, i, pool, student));
    }
    return ST_OK;
}

void teachers_close(TeacherSet *set) {
    for (int i = 0; i < set->teachers.n; i++)
        if (set->plan[i].total > 0) policy_free(set->of[i].policy);
    *set = (TeacherSet){0};
}
