// pipelines/sources.c -- families by name, files by path.
#include "pipelines/sources.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "datasets/jsonl.h"
#include "datasets/mix.h"
#include "datasets/published.h"
#include "datasets/rowfile.h"
#include "datasets/taskfile.h"
#include "pipelines/datafields.h"
#include "rl/judge.h"
#include "verifiers/verify.h"

// Are the held-out questions a part of the training ones?
static bool is_split(const RunConfig *rc) {
    return rc->data.heldout_fraction > 0 && !rc->data.heldout[0];
}

static const char *name_of(const RunConfig *rc, Split split) {
    if (split == SPLIT_HELDOUT) return is_split(rc) ? rc->data.tasks : rc->data.heldout;
    if (split == SPLIT_LARGE) return rc->data.large;
    return rc->data.tasks;
}

static const void *family_config(const RunConfig *rc, const TaskFamily *family) {
    return family == &desk_family ? &rc->desk : NULL;
}

bool sources_has(const RunConfig *rc, Split split) {
    if (name_of(rc, split)[0]) return true;
    const TaskFamily *family = family_find(rc->data.tasks);
    return family && family->source[split];
}

Status sources_open(const char *name, const char *folder, Split split, const TaskFields *fields,
                    TaskSource *out) {
    if (published_is(name)) return taskfile_open_published(name, folder, split, fields, out);
    if (!file_exists(name) && !rowfile_is_pattern(name))
        return FAIL(ST_CONFIG,
                    "%s: is neither a family (%s), nor a data set by name (%s), nor a file", name,
                    family_names(), published_names());
    return taskfile_open(name, fields, out);
}

const char *sources_template(const char *text) {
    if (!text[0]) return NULL;
    if (strcmp(text, "r1-zero") == 0) return chat_r1_zero_prompt();
    if (strcmp(text, "boxed") == 0)
        return "{}\nPlease reason step by step, and put your final answer within \\boxed{}.";
    return text;
}

static Status one_source(const RunConfig *rc, const char *name, Split split, TaskSource *out) {
    const TaskFamily *family = family_find(name[0] ? name : rc->data.tasks);
    uint64_t seed = (uint64_t)(split == SPLIT_TRAIN ? rc->run.seed : rc->data.eval_seed);
    if (family) return procedural_tasks(family, family_config(rc, family), split, seed, out);
    if (!name[0])
        return FAIL(
            ST_CONFIG, "data.%s: is needed, because data.tasks is a file (%s)%s", split_name(split),
            rc->data.tasks,
            split == SPLIT_HELDOUT ? "; or data.heldout_fraction=0.02 holds a part of it out" : "");
    TaskFields fields = {.template_ = sources_template(rc->data.template_),
                         .judge = rc->data.judge[0] ? rc->data.judge : NULL,
                         .shuffle = split == SPLIT_TRAIN && rc->data.order == 0,
                         .seed = seed};
    if (is_split(rc) && split != SPLIT_LARGE) {
        fields.side = split == SPLIT_HELDOUT ? TASKS_HELDOUT : TASKS_TRAIN;
        fields.heldout_fraction = rc->data.heldout_fraction;
        fields.split_seed = (uint64_t)rc->data.eval_seed;
    }
    Arena *arena = arena_new(1024);
    DataFields named;
    Status st = datafields_parse(rc->data.fields, name, &named, arena);
    datafields_tasks(&named, &fields);
    // Both sides of a split are of the same files of a folder.
    if (st == ST_OK)
        st = sources_open(name, rc->data.folder, is_split(rc) ? SPLIT_TRAIN : split, &fields, out);
    arena_free(arena);
    return st;
}

enum { PARTS_MAX = 32 };

static bool is_mix(const char *name) {
    if (family_find(name) || file_exists(name)) return false;
    if (rowfile_is_pattern(name) && !strchr(name, ',') && !strrchr(name, ':')) return false;
    if (published_is(name) && !strchr(name, ',') && !strrchr(name, ':')) return false;
    return strchr(name, ',') || strchr(name, ':');
}

typedef Status PartFn(void *ctx, const char *name, double weight);

// Calls fn with each NAME:WEIGHT of a mix, or with (name, 1) alone.
static Status each_part(const char *name, PartFn *fn, void *ctx) {
    if (!is_mix(name)) return fn(ctx, name, 1);
    Arena *arena = arena_new(4096);
    char *rest = arena_printf(arena, "%s", name), *part;
    Status st = ST_OK;
    while (st == ST_OK && (part = strsep(&rest, ",")) != NULL) {
        char *colon = strrchr(part, ':'), *end = NULL;
        double weight = colon ? strtod(colon + 1, &end) : 0;
        if (!colon || colon == part || end == colon + 1 || *end) {
            st = FAIL(ST_CONFIG, "data: '%s' of the mix '%s' is not NAME:WEIGHT, as in desk:0.3",
                      part, name);
        } else {
            *colon = 0;
            st = fn(ctx, part, weight);
        }
    }
    arena_free(arena);
    return st;
}

typedef struct Parts {
    const RunConfig *rc;
    Split split;
    TaskSource source[PARTS_MAX];
    double weight[PARTS_MAX];
    int n;
} Parts;

static Status open_part(void *ctx, const char *name, double weight) {
    Parts *p = ctx;
    if (p->n == PARTS_MAX) return FAIL(ST_CONFIG, "data: a mix has at most %d parts", PARTS_MAX);
    TRY(one_source(p->rc, name, p->split, &p->source[p->n]));
    p->weight[p->n++] = weight;
    return ST_OK;
}

static void close_parts(Parts *p) {
    for (int i = 0; i < p->n; i++) task_source_close(&p->source[i]);
}

Status sources_tasks(const RunConfig *rc, Split split, TaskSource *out) {
    const char *name = name_of(rc, split);
    if (!is_mix(name)) return one_source(rc, name, split, out);
    Parts parts = {.rc = rc, .split = split};
    uint64_t seed = (uint64_t)(split == SPLIT_TRAIN ? rc->run.seed : rc->data.eval_seed);
    Status st = each_part(name, open_part, &parts);
    if (st == ST_OK) st = mix_tasks(parts.source, parts.weight, parts.n, seed, out);
    if (st != ST_OK) close_parts(&parts);
    return st;
}

// ---- can the questions be judged?

typedef struct Inspection {
    const RunConfig *rc;
    const Judge *judge; // of the question before
    int64_t seen, refused;
    Str report; // the first refused ones
} Inspection;

static Status inspect(Inspection *c, const TaskSource *source, int64_t i, const Task *task) {
    const RunConfig *rc = c->rc;
    const Judge *judge = task->judge ? verify_find(task->judge) : NULL;
    if (!judge || judge != c->judge) {
        Str who = {0};
        str_printf(&who, "question %lld of %s", (long long)i + 1, source->name);
        Status st = verify_need(task->judge, str_text(&who), &judge);
        if (st == ST_OK && strcmp(judge->name, "program") == 0 && !rc->rl.judge_program[0])
            st = FAIL(ST_CONFIG,
                      "%s asks for the judge 'program': name it in rl.judge_program, as in "
                      "rl.judge_program='python3 my_judge.py'",
                      str_text(&who));
        str_free(&who);
        if (st != ST_OK) return st;
    }
    c->judge = judge;
    JsonDoc *row = NULL;
    if (task->row) TRY(json_parse(task->row, strlen(task->row), source->name, 1, false, &row));
    JudgeInput in = {
        .gold = task->gold,
        .prompt = task->prompt,
        .task = row ? json_root(row) : NULL,
        .policy = rc->rl.math_policy[0] ? rc->rl.math_policy : NULL,
        .target = rc->rl.language[0] ? rc->rl.language : NULL,
        .template_ = row ? json_text(json_get(json_root(row), "template"), NULL) : NULL,
    };
    const char *why = judge->needs_gold && !in.gold ? "no gold answer"
                      : judge->refuses              ? judge->refuses(&in)
                                                    : NULL;
    c->seen++;
    if (why && c->refused++ < 5)
        str_printf(&c->report, "\n  %s, question %lld: %s%s%s", source->name, (long long)i + 1, why,
                   in.gold ? ": " : "", in.gold ? in.gold : "");
    json_free(row);
    return ST_OK;
}

static Status inspect_source(Inspection *c, const TaskSource *source) {
    Arena *arena = arena_new(1 << 16);
    Status st = ST_OK;
    // A family makes what it has always made: its first question stands for all.
    int64_t n = source->n_tasks > 0 ? source->n_tasks : 1;
    for (int64_t i = 0; i < n && st == ST_OK; i++) {
        ArenaMark mark = arena_mark(arena);
        Task task = {0};
        st = source->get(source, (uint64_t)i, &task, arena);
        if (st == ST_OK) st = inspect(c, source, i, &task);
        arena_rewind(arena, mark);
    }
    arena_free(arena);
    return st;
}

Status sources_inspect(const RunConfig *rc, const TaskSource *source) {
    Inspection c = {.rc = rc};
    Status st = inspect_source(&c, source);
    if (st == ST_OK && source->form)
        log_info("%s: %lld questions (%s), judge %s", source->name, (long long)source->n_tasks,
                 source->form, c.judge->name);
    if (st == ST_OK && c.refused == c.seen && c.seen > 0)
        st = FAIL(ST_CONFIG, "%s: none of its %lld questions can be judged:%s", source->name,
                  (long long)c.seen, str_text(&c.report));
    else if (st == ST_OK && c.refused)
        log_warn("%s: %lld of %lld questions cannot be judged; they get the verdict error and "
                 "teach nothing:%s%s",
                 source->name, (long long)c.refused, (long long)c.seen, str_text(&c.report),
                 c.refused > 5 ? "\n  ..." : "");
    str_free(&c.report);
    return st;
}

Status sources_check(const RunConfig *rc) {
    for (int s = 0; s < SPLITS; s++) {
        if (!sources_has(rc, (Split)s)) continue;
        Parts parts = {.rc = rc, .split = (Split)s};
        Status st = each_part(name_of(rc, (Split)s)[0] ? name_of(rc, (Split)s) : rc->data.tasks,
                              open_part, &parts);
        for (int i = 0; i < parts.n && st == ST_OK; i++) st = sources_inspect(rc, &parts.source[i]);
        close_parts(&parts);
        TRY(st);
    }
    return ST_OK;
}

// Appends the ids of all questions of the files among the parts.
static Status add_ids(const Parts *p, uint64_t **id, int64_t *n) {
    Arena *arena = arena_new(1 << 16);
    Status st = ST_OK;
    for (int i = 0; i < p->n && st == ST_OK; i++) {
        const TaskSource *s = &p->source[i];
        *id = realloc(*id, (size_t)(*n + s->n_tasks + 1) * sizeof **id);
        CHECK(*id != NULL);
        for (int64_t k = 0; k < s->n_tasks && st == ST_OK; k++) {
            ArenaMark mark = arena_mark(arena);
            Task task;
            st = s->get(s, (uint64_t)k, &task, arena);
            if (st == ST_OK) (*id)[(*n)++] = task.id;
            arena_rewind(arena, mark);
        }
    }
    arena_free(arena);
    return st;
}

static int by_id(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

Status sources_overlap(const RunConfig *rc, int64_t *shared, int64_t *checked) {
    *shared = *checked = 0;
    if (!name_of(rc, SPLIT_HELDOUT)[0] || is_split(rc)) return ST_OK; // disjoint by their making
    Parts train = {.rc = rc, .split = SPLIT_TRAIN}, heldout = {.rc = rc, .split = SPLIT_HELDOUT};
    uint64_t *in_train = NULL, *asked = NULL;
    int64_t n_train = 0, n_asked = 0;
    Status st;
    TRY_OUT(each_part(name_of(rc, SPLIT_TRAIN), open_part, &train));
    TRY_OUT(each_part(name_of(rc, SPLIT_HELDOUT), open_part, &heldout));
    TRY_OUT(add_ids(&train, &in_train, &n_train));
    TRY_OUT(add_ids(&heldout, &asked, &n_asked));
    if (n_train) qsort(in_train, (size_t)n_train, sizeof *in_train, by_id);
    for (int64_t i = 0; i < n_asked && n_train; i++)
        *shared += bsearch(&asked[i], in_train, (size_t)n_train, sizeof *asked, by_id) != NULL;
    *checked = n_asked;
out:
    free(in_train);
    free(asked);
    close_parts(&train);
    close_parts(&heldout);
    return st;
}

static Status open_corpus(const RunConfig *rc, const char *path, bool shuffle, uint64_t seed,
                          Corpus **out) {
    Arena *arena = arena_new(1024);
    DataFields named;
    Status st = datafields_parse(rc->data.fields, path, &named, arena);
    if (st == ST_OK)
        st =
            corpus_of_rows(path, &(CorpusFields){named.prompt, named.response}, shuffle, seed, out);
    arena_free(arena);
    return st;
}

Status sources_corpus(const RunConfig *rc, Corpus **out) {
    const char *name = rc->data.corpus;
    uint64_t seed = (uint64_t)rc->run.seed;
    const TaskFamily *family = family_find(name);
    if (family) return corpus_of_family(family, family_config(rc, family), seed, out);
    if (!file_exists(name) && !rowfile_is_pattern(name))
        return FAIL(ST_CONFIG, "%s: is neither a family (%s) nor a file", name, family_names());
    return open_corpus(rc, name, true, seed, out);
}

Status sources_corpus_heldout(const RunConfig *rc, Corpus **out) {
    *out = NULL;
    if (!rc->data.corpus_heldout[0]) return ST_OK;
    return open_corpus(rc, rc->data.corpus_heldout, false, 0, out);
}

Status sources_hashes(const RunConfig *rc, Str *out) {
    str_putc(out, '{');
    for (int s = 0; s < SPLITS; s++) {
        if (!sources_has(rc, (Split)s)) continue;
        TaskSource source;
        TRY(sources_tasks(rc, (Split)s, &source));
        if (out->size > 1) str_puts(out, ", ");
        str_printf(out, "\"%s\": \"%016llx\"", split_name((Split)s),
                   (unsigned long long)source.hash);
        source.close(&source);
    }
    str_putc(out, '}');
    return ST_OK;
}
