// datasets/taskfile.c -- the fields of a row, found and put into a template.
#include "datasets/taskfile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/str.h"
#include "datasets/jsonl.h"
#include "datasets/order.h"

typedef struct TaskFile {
    Jsonl *jsonl;
    TaskFields fields;
    char *source;          // the file's name without folder and suffix
    const char *prompt[5]; // names to look for
    const char *gold[6];
} TaskFile;

static const Published *known(const TaskFile *t, const Json *row) {
    return t->fields.known ? t->fields.known : published_of_row(row);
}

static const char *judge_of(const TaskFile *t, const Json *row, Arena *arena) {
    static const char *const names[] = {"judge", NULL};
    if (t->fields.judge) return t->fields.judge;
    const char *own = jsonl_text(row, names, arena);
    return own ? own : known(t, row) ? known(t, row)->judge : "math";
}

// Does this judge compare with an answer that the row must have?
static bool wants_gold(const char *judge) {
    static const char *const without[] = {"code",     "ifeval",  "countdown",
                                          "language", "program", "format"};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        if (strcmp(judge, without[i]) == 0) return false;
    return true;
}

static const char *question_of(const TaskFile *t, const Json *row, Arena *arena) {
    const Published *p = known(t, row);
    bool own = p && p->question && !t->fields.prompt;
    return own ? p->question(row, arena) : jsonl_text(row, t->prompt, arena);
}

static const char *accept_task(void *ctx, const Json *row) {
    const TaskFile *t = ctx;
    Arena *arena = arena_new(4096);
    const char *prompt = question_of(t, row, arena), *gold = jsonl_text(row, t->gold, arena);
    bool needed = wants_gold(judge_of(t, row, arena));
    const char *why = !prompt || !*prompt ? "no question: needs a text 'prompt', 'question' or "
                                            "'problem', or the field that the config names"
                      : needed && (!gold || !*gold)
                          ? "no answer: needs 'gold', 'answer', 'expected_answer' or "
                            "'solution', or the field that the config names"
                          : NULL;
    arena_free(arena);
    return why;
}

static const char *final_answer(const char *gold, Arena *arena) {
    const char *from = gold;
    for (const char *p = gold; (p = strstr(p, "####")) != NULL; p += 4) from = p + 4;
    if (from == gold) return gold;
    while (isspace((unsigned char)*from)) from++;
    size_t n = strlen(from);
    while (n && isspace((unsigned char)from[n - 1])) n--;
    return arena_printf(arena, "%.*s", (int)n, from);
}

// The first {} that is not the argument of \\boxed{}, which templates speak of.
static const char *gap_of(const char *template_) {
    static const char macro[] = "boxed";
    const size_t n = sizeof macro - 1;
    for (const char *at = template_; (at = strstr(at, "{}")) != NULL; at += 2)
        if ((size_t)(at - template_) < n || memcmp(at - n, macro, n) != 0) return at;
    return NULL;
}

static const char *apply_template(const char *template_, const char *question, Arena *arena) {
    const char *gap = template_ ? gap_of(template_) : NULL;
    if (!gap) return question;
    return arena_printf(arena, "%.*s%s%s", (int)(gap - template_), template_, question, gap + 2);
}

static int level_of(const Json *row) { // 3, or MATH's "Level 3"
    const Json *level = json_get(row, "level");
    const char *text = json_text(level, "");
    return strncmp(text, "Level ", 6) == 0 ? atoi(text + 6) : (int)json_int(level, 0);
}

static const char *echo(const Json *row, Arena *arena) {
    Str text = {0};
    json_echo(row, &text);
    char *out = ARENA_ARRAY(arena, char, text.size + 1);
    memcpy(out, str_text(&text), text.size);
    str_free(&text);
    return out;
}

static Status get(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    static const char *const source_names[] = {"source", NULL};
    const TaskFile *t = source->self;
    uint64_t n = (uint64_t)source->n_tasks, i = index % n;
    if (t->fields.shuffle) i = order_at(t->fields.seed, index / n, n, i);
    JsonDoc *doc;
    TRY(jsonl_row(t->jsonl, (int64_t)i, &doc));
    const Json *row = json_root(doc);
    const char *question = question_of(t, row, arena), *gold = jsonl_text(row, t->gold, arena);
    const char *named = t->fields.source ? t->fields.source : jsonl_text(row, source_names, arena);
    *out = (Task){.id = rng_hash(question, strlen(question)),
                  .source = named ? named : t->source,
                  .prompt = apply_template(t->fields.template_, question, arena),
                  .gold = gold ? final_answer(gold, arena) : NULL,
                  .judge = judge_of(t, row, arena),
                  .row = echo(row, arena),
                  .level = level_of(row)};
    json_free(doc);
    return ST_OK;
}

static void close_tasks(TaskSource *source) {
    TaskFile *t = source->self;
    if (t) {
        jsonl_close(t->jsonl);
        free(t->source);
        free(t);
    }
    *source = (TaskSource){0};
}

static Status prepare(const char *path, const TaskFields *fields, TaskSource *out) {
    *out = (TaskSource){0};
    if (fields->template_ && !gap_of(fields->template_))
        return FAIL(ST_CONFIG, "the prompt template '%s' has no {} for the question",
                    fields->template_);
    TaskFile *t = calloc(1, sizeof *t);
    CHECK(t != NULL);
    t->fields = *fields;
    const char *prompts[] = {"prompt", "question", "problem", "quiz"};
    const char *golds[] = {"gold", "answer", "expected_answer", "solution", "solution_text"};
    if (fields->prompt)
        t->prompt[0] = fields->prompt;
    else
        memcpy(t->prompt, prompts, sizeof prompts);
    if (fields->gold)
        t->gold[0] = fields->gold;
    else
        memcpy(t->gold, golds, sizeof golds);

    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    t->source = strndup(base, strcspn(base, "."));
    CHECK(t->source != NULL);
    *out = (TaskSource){.name = fields->source ? fields->source : t->source,
                        .self = t,
                        .get = get,
                        .close = close_tasks};
    return ST_OK;
}

static Status opened(Status st, TaskSource *out) {
    if (st != ST_OK) {
        close_tasks(out);
        return st;
    }
    const TaskFile *t = out->self;
    out->n_tasks = jsonl_size(t->jsonl);
    out->hash = jsonl_hash(t->jsonl);
    return ST_OK;
}

Status taskfile_open(const char *path, const TaskFields *fields, TaskSource *out) {
    TRY(prepare(path, fields, out));
    TaskFile *t = out->self;
    return opened(jsonl_open(path, accept_task, t, &t->jsonl), out);
}

Status taskfile_open_bytes(const char *data, size_t size, const char *name,
                           const TaskFields *fields, TaskSource *out) {
    TRY(prepare(name, fields, out));
    TaskFile *t = out->self;
    return opened(jsonl_open_bytes(data, size, name, accept_task, t, &t->jsonl), out);
}

// ---- data sets that are known by name

// The file of a folder that serves the split, or NULL.
static const char *file_of(const char *folder, Split split, Arena *arena) {
    static const char *const train[] = {"train", "all", "sanitized", "test"};
    static const char *const test[] = {"test", "sanitized", "all", "train"};
    for (int i = 0; i < 4; i++) {
        const char *path =
            arena_printf(arena, "%s/%s.jsonl", folder, split == SPLIT_TRAIN ? train[i] : test[i]);
        if (file_exists(path)) return path;
    }
    return NULL;
}

static Status find_file(const Published *p, const char *given, const char *folder, Split split,
                        const char **path, Arena *arena) {
    *path = NULL;
    if (!given && folder && *folder) {
        *path = file_of(arena_printf(arena, "%s/%s", folder, p->name), split, arena);
        const char *flat = arena_printf(arena, "%s/%s.jsonl", folder, p->name);
        if (!*path && file_exists(flat)) *path = flat;
        if (!*path)
            return FAIL(ST_CONFIG, "%s: neither %s/%s/train.jsonl nor test.jsonl nor %s is there",
                        p->name, folder, p->name, flat);
    } else if (given) {
        *path = file_of(given, split, arena);
        if (!*path && file_exists(given)) *path = given;
        if (!*path) return FAIL(ST_CONFIG, "%s=%s: no such file or folder", p->name, given);
    }
    return ST_OK;
}

Status taskfile_open_published(const char *what, const char *folder, Split split,
                               const TaskFields *fields, TaskSource *out) {
    *out = (TaskSource){0};
    size_t n = strcspn(what, "=");
    Arena *arena = arena_new(8192);
    const Published *p = published_find(arena_printf(arena, "%.*s", (int)n, what));
    if (!p) {
        arena_free(arena);
        return FAIL(ST_CONFIG, "there is no data set '%.*s'; there are: %s", (int)n, what,
                    published_names());
    }
    const char *path;
    Status st = find_file(p, what[n] ? what + n + 1 : NULL, folder, split, &path, arena);
    if (st == ST_OK && !path && !p->slice)
        st = FAIL(ST_CONFIG, "%s: no rows of it come with the program; say %s=FILE", p->name,
                  p->name);
    TaskFields with = *fields;
    with.known = p;
    if (!with.source) with.source = p->name;
    if (!with.template_) with.template_ = p->template_;
    if (st == ST_OK && path)
        st = taskfile_open(path, &with, out);
    else if (st == ST_OK)
        st = taskfile_open_bytes(p->slice, strlen(p->slice),
                                 arena_printf(arena, "%s (the program's slice)", p->name), &with,
                                 out);
    arena_free(arena);
    return st;
}
