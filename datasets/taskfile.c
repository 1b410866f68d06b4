// datasets/taskfile.c -- rows of files as tasks: by their form, or as a mapping says.
#include "datasets/taskfile.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/str.h"
#include "datasets/jsonl.h"
#include "datasets/order.h"
#include "datasets/rowform.h"
#include "datasets/rowread.h"

typedef struct TaskFile {
    Jsonl *jsonl;
    TaskFields fields;
    char *source; // the file's name without folder and suffix
    Arena *arena; // of the names of fields
    char form[160];
} TaskFile;

// Does this judge compare with an answer that the row must have?
static bool wants_gold(const char *judge) {
    static const char *const without[] = {"code",     "ifeval",  "countdown",
                                          "language", "program", "format"};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        if (strcmp(judge, without[i]) == 0) return false;
    return true;
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

static int level_of(const Json *row, const char *path) { // 3, or MATH's "Level 3"
    const Json *level = rowread_at(row, path ? path : "level");
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

// The question, its messages and the answer: what a mapping names, else what the row's form says.
static const char *read_parts(const TaskFile *t, const Json *row, RowTask *out, Arena *arena) {
    const TaskFields *f = &t->fields;
    const Published *known = f->known;
    *out = (RowTask){0};
    const char *why = NULL;
    if (!f->prompt || !f->gold) why = rowform_read(row, known, out, arena);
    if (f->prompt) {
        why = rowform_prompt(rowread_at(row, f->prompt), f->prompt, out, arena);
        if (!f->gold && !why && !out->gold) out->gold_why = "no answer";
    }
    if (why) return why;
    if (f->gold) {
        out->gold = rowread_text(rowread_at(row, f->gold), f->gold, &out->gold_why, arena);
        out->gold_field = f->gold;
        out->judge_row = NULL;
    }
    if (f->source_field) {
        const char *named =
            rowread_text(rowread_at(row, f->source_field), f->source_field, NULL, arena);
        if (named) out->source = named;
    }
    if (f->judge_field) {
        const char *named =
            rowread_text(rowread_at(row, f->judge_field), f->judge_field, NULL, arena);
        if (named) out->judge = named;
    }
    return NULL;
}

// Words and spaces, in lower case: what makes two questions the same for the split.
static uint64_t content_hash(const RowTask *r) {
    Str text = {0};
    for (int i = 0; i < (r->n_turns ? r->n_turns : 1); i++) {
        const char *at = r->n_turns ? r->turn[i].content : r->prompt;
        for (; *at; at++) {
            bool space = isspace((unsigned char)*at);
            if (space && (!text.size || text.data[text.size - 1] == ' ')) continue;
            str_putc(&text, space ? ' ' : (char)tolower((unsigned char)*at));
        }
        str_putc(&text, ' ');
    }
    while (text.size && text.data[text.size - 1] == ' ') text.size--;
    uint64_t hash = rng_hash(str_text(&text), text.size);
    str_free(&text);
    return hash;
}

static bool is_heldout(const TaskFields *f, const RowTask *r) {
    double at = (double)(rng_mix(content_hash(r) ^ rng_mix(f->split_seed + 1)) >> 11) * 0x1p-53;
    return at < f->heldout_fraction;
}

static const char *judge_of(const TaskFile *t, const RowTask *r) {
    return t->fields.judge ? t->fields.judge : r->judge ? r->judge : "math";
}

static const char *accept_task(void *ctx, const Json *row) {
    static _Thread_local char reason[256];
    const TaskFile *t = ctx;
    Arena *arena = arena_new(4096);
    RowTask r;
    const char *why = read_parts(t, row, &r, arena);
    if (!why && !*r.prompt && !r.n_turns) why = "the question is empty";
    if (!why && wants_gold(judge_of(t, &r)) && (!r.gold || !*r.gold))
        why = r.gold ? "the answer is empty" : r.gold_why;
    if (why) snprintf(reason, sizeof reason, "%s", why);
    if (!why && t->fields.side != TASKS_ALL &&
        is_heldout(&t->fields, &r) != (t->fields.side == TASKS_HELDOUT))
        why = jsonl_pass_over;
    else if (why)
        why = reason;
    arena_free(arena);
    return why;
}

static Status get(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    const TaskFile *t = source->self;
    const TaskFields *f = &t->fields;
    uint64_t n = (uint64_t)source->n_tasks, i = index % n;
    if (f->shuffle) i = order_at(f->seed, index / n, n, i);
    JsonDoc *doc;
    TRY(jsonl_row(t->jsonl, (int64_t)i, &doc));
    RowTask r;
    CHECK(!read_parts(t, json_root(doc), &r, arena)); // the row was read when the file was opened
    uint64_t id = rng_hash(r.prompt, strlen(r.prompt));
    for (int k = 0; k < r.n_turns - 1; k++) // the last one is the prompt
        id = rng_mix(id ^ rng_hash(r.turn[k].content, strlen(r.turn[k].content)));
    *out = (Task){.id = id,
                  .source = f->source  ? f->source
                            : r.source ? r.source
                                       : t->source,
                  .prompt = apply_template(f->template_, r.prompt, arena),
                  .turn = r.turn,
                  .n_turns = r.n_turns,
                  .gold = r.gold ? final_answer(r.gold, arena) : NULL,
                  .judge = judge_of(t, &r),
                  .row = r.judge_row ? r.judge_row : echo(json_root(doc), arena),
                  .level = level_of(json_root(doc), f->level_field)};
    if (r.n_turns) r.turn[r.n_turns - 1].content = out->prompt;
    json_free(doc);
    return ST_OK;
}

static void close_tasks(TaskSource *source) {
    TaskFile *t = source->self;
    if (t) {
        jsonl_close(t->jsonl);
        free(t->source);
        arena_free(t->arena);
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
    t->arena = arena_new(1024);
    const char **name[] = {&t->fields.prompt, &t->fields.gold, &t->fields.source_field,
                           &t->fields.judge_field, &t->fields.level_field};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (*name[i]) *name[i] = arena_printf(t->arena, "%s", *name[i]);
    const char *slash = strrchr(path, '/'), *base = slash && slash[1] ? slash + 1 : path;
    t->source = strndup(base, strcspn(base, "."));
    CHECK(t->source != NULL);
    *out = (TaskSource){.name = fields->source ? fields->source : t->source,
                        .self = t,
                        .get = get,
                        .close = close_tasks};
    return ST_OK;
}

// What the first row is, for the line that says what was opened.
static void name_form(TaskFile *t) {
    JsonDoc *doc;
    if (jsonl_row(t->jsonl, 0, &doc) != ST_OK) return;
    Arena *arena = arena_new(4096);
    const char *form = t->fields.known    ? t->fields.known->name
                       : t->fields.prompt ? "data.fields"
                                          : rowform_name(json_root(doc));
    RowTask r;
    CHECK(!read_parts(t, json_root(doc), &r, arena));
    int n = snprintf(t->form, sizeof t->form, "%s, %s", jsonl_format(t->jsonl), form);
    if (r.prompt_field && n < (int)sizeof t->form)
        n += snprintf(t->form + n, sizeof t->form - (size_t)n, ": question from '%s'",
                      r.prompt_field);
    if (r.gold_field && r.gold && n < (int)sizeof t->form)
        snprintf(t->form + n, sizeof t->form - (size_t)n, ", answer from '%s'", r.gold_field);
    arena_free(arena);
    json_free(doc);
}

static Status opened(Status st, const char *path, TaskSource *out) {
    TaskFile *t = out->self;
    if (st == ST_FORMAT && t->fields.side == TASKS_HELDOUT && t->fields.heldout_fraction > 0)
        st = FAIL(ST_CONFIG,
                  "data.heldout_fraction=%g leaves no held-out question of %s: raise it, or name a "
                  "file in data.heldout (%s)",
                  t->fields.heldout_fraction, path, status_text());
    if (st != ST_OK) {
        close_tasks(out);
        return st;
    }
    out->n_tasks = jsonl_size(t->jsonl);
    out->hash = jsonl_hash(t->jsonl);
    name_form(t);
    out->form = t->form;
    return ST_OK;
}

Status taskfile_open(const char *path, const TaskFields *fields, TaskSource *out) {
    TRY(prepare(path, fields, out));
    TaskFile *t = out->self;
    return opened(jsonl_open(path, accept_task, t, &t->jsonl), path, out);
}

Status taskfile_open_bytes(const char *data, size_t size, const char *name,
                           const TaskFields *fields, TaskSource *out) {
    TRY(prepare(name, fields, out));
    TaskFile *t = out->self;
    return opened(jsonl_open_bytes(data, size, name, accept_task, t, &t->jsonl), name, out);
}

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
