// datasets/jsonl.c -- finds the good rows of a file, and makes tasks of them.
#include "datasets/jsonl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/str.h"
#include "datasets/order.h"
#include "datasets/published.h"

enum { NAMED = 5 }; // skipped lines that are named

typedef struct Row {
    size_t begin;
    uint32_t size;
    int line;
} Row;

struct Jsonl {
    char *name;
    FileMap map; // data is NULL where the bytes are somebody else's
    const char *data;
    Row *row;
    int64_t n_rows, cap, n_skipped;
    Str report;
    uint64_t hash;
};

static void skip_line(Jsonl *j, int line, const char *reason) {
    if (j->n_skipped++ >= NAMED) return;
    char head[64];
    int n = snprintf(head, sizeof head, ":%d: ", line);
    const char *own = strstr(reason, head); // a parser's sentence names file and line itself
    str_printf(&j->report, "%s%s%s\n", j->name, head, own ? own + n : reason);
}

static void keep_row(Jsonl *j, size_t begin, size_t size, int line) {
    if (j->n_rows == j->cap) {
        j->cap = j->cap ? 2 * j->cap : 256;
        j->row = realloc(j->row, (size_t)j->cap * sizeof *j->row);
        CHECK(j->row != NULL);
    }
    j->row[j->n_rows++] = (Row){.begin = begin, .size = (uint32_t)size, .line = line};
}

// Is the line of these bytes a row? If not, it is counted.
static void read_line(Jsonl *j, size_t begin, size_t end, int line, JsonlAccept *accept,
                      void *ctx) {
    while (begin < end && isspace((unsigned char)j->data[begin])) begin++;
    while (begin < end && isspace((unsigned char)j->data[end - 1])) end--;
    if (begin == end) {
        skip_line(j, line, "empty line");
        return;
    }
    if (end - begin > INT32_MAX) {
        skip_line(j, line, "line longer than 2 GiB");
        return;
    }
    JsonDoc *doc;
    if (json_parse(j->data + begin, end - begin, j->name, line, false, &doc) != ST_OK) {
        skip_line(j, line, status_text());
        return;
    }
    const char *why = NULL;
    if (json_kind(json_root(doc)) != JSON_OBJECT)
        why = "not a JSON object";
    else if (accept)
        why = accept(ctx, json_root(doc));
    if (why)
        skip_line(j, line, why);
    else
        keep_row(j, begin, end - begin, line);
    json_free(doc);
}

static Status index_rows(Jsonl *j, size_t size, JsonlAccept *accept, void *ctx) {
    size_t at = size >= 3 && memcmp(j->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (int line = 1; at < size; line++) {
        const char *newline = memchr(j->data + at, '\n', size - at);
        size_t end = newline ? (size_t)(newline - j->data) : size;
        read_line(j, at, end, line, accept, ctx);
        at = end + 1;
    }
    if (j->n_skipped > NAMED)
        str_printf(&j->report, "%s: and %lld more\n", j->name, (long long)j->n_skipped - NAMED);
    if (j->n_rows == 0)
        return FAIL(ST_FORMAT, "%s: no row can be used%s%s", j->name,
                    j->n_skipped ? "; first: " : ": the file is empty",
                    j->n_skipped ? str_text(&j->report) : "");
    j->hash = rng_hash(j->data, size);
    return ST_OK;
}

static Status open_rows(FileMap map, const char *data, size_t size, const char *name,
                        JsonlAccept *accept, void *ctx, Jsonl **out) {
    Jsonl *j = calloc(1, sizeof *j);
    CHECK(j != NULL);
    j->map = map;
    j->data = data;
    j->name = strdup(name);
    CHECK(j->name != NULL);
    Status st = index_rows(j, size, accept, ctx);
    if (st != ST_OK) jsonl_close(j);
    *out = st == ST_OK ? j : NULL;
    return st;
}

Status jsonl_open(const char *path, JsonlAccept *accept, void *ctx, Jsonl **out) {
    FileMap map;
    *out = NULL;
    TRY(file_map(path, &map));
    TRY(open_rows(map, map.data, map.size, path, accept, ctx, out));
    if ((*out)->n_skipped)
        log_warn("%s: %lld of %lld lines skipped\n%s", path, (long long)(*out)->n_skipped,
                 (long long)((*out)->n_skipped + (*out)->n_rows), jsonl_report(*out));
    return ST_OK;
}

Status jsonl_open_bytes(const char *data, size_t size, const char *name, JsonlAccept *accept,
                        void *ctx, Jsonl **out) {
    return open_rows((FileMap){0}, data, size, name, accept, ctx, out);
}

void jsonl_close(Jsonl *j) {
    if (!j) return;
    file_unmap(&j->map);
    str_free(&j->report);
    free(j->row);
    free(j->name);
    free(j);
}

int64_t jsonl_size(const Jsonl *j) {
    return j->n_rows;
}

int64_t jsonl_skipped(const Jsonl *j) {
    return j->n_skipped;
}

const char *jsonl_report(const Jsonl *j) {
    return str_text(&j->report);
}

uint64_t jsonl_hash(const Jsonl *j) {
    return j->hash;
}

Status jsonl_row(const Jsonl *j, int64_t row, JsonDoc **out) {
    CHECK(row >= 0 && row < j->n_rows);
    const Row *r = &j->row[row];
    return json_parse(j->data + r->begin, r->size, j->name, r->line, false, out);
}

const char *jsonl_text(const Json *row, const char *const *names, Arena *arena) {
    for (; *names; names++) {
        const Json *value = json_get(row, *names);
        if (!value) continue;
        if (json_kind(value) == JSON_STRING) {
            const char *text = json_text(value, "");
            if (strlen(text) != json_text_size(value)) return NULL; // a zero byte inside
            return arena_printf(arena, "%s", text);
        }
        if (json_kind(value) == JSON_NUMBER) return arena_printf(arena, "%s", json_raw(value));
    }
    return NULL;
}

// ---- rows as tasks

typedef struct JsonlTasks {
    Jsonl *jsonl;
    JsonlFields fields;
    char *source;          // the file's name without folder and suffix
    const char *prompt[5]; // names to look for
    const char *gold[6];
} JsonlTasks;

static const Published *known(const JsonlTasks *t, const Json *row) {
    return t->fields.known ? t->fields.known : published_of_row(row);
}

static const char *judge_of(const JsonlTasks *t, const Json *row, Arena *arena) {
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

static const char *question_of(const JsonlTasks *t, const Json *row, Arena *arena) {
    const Published *p = known(t, row);
    bool own = p && p->question && !t->fields.prompt;
    return own ? p->question(row, arena) : jsonl_text(row, t->prompt, arena);
}

static const char *accept_task(void *ctx, const Json *row) {
    const JsonlTasks *t = ctx;
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
    const JsonlTasks *t = source->self;
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
    JsonlTasks *t = source->self;
    if (t) {
        jsonl_close(t->jsonl);
        free(t->source);
        free(t);
    }
    *source = (TaskSource){0};
}

static Status prepare(const char *path, const JsonlFields *fields, TaskSource *out) {
    *out = (TaskSource){0};
    if (fields->template_ && !gap_of(fields->template_))
        return FAIL(ST_CONFIG, "the prompt template '%s' has no {} for the question",
                    fields->template_);
    JsonlTasks *t = calloc(1, sizeof *t);
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
    const JsonlTasks *t = out->self;
    out->n_tasks = jsonl_size(t->jsonl);
    out->hash = jsonl_hash(t->jsonl);
    return ST_OK;
}

Status jsonl_tasks(const char *path, const JsonlFields *fields, TaskSource *out) {
    TRY(prepare(path, fields, out));
    JsonlTasks *t = out->self;
    return opened(jsonl_open(path, accept_task, t, &t->jsonl), out);
}

Status jsonl_tasks_bytes(const char *data, size_t size, const char *name, const JsonlFields *fields,
                         TaskSource *out) {
    TRY(prepare(name, fields, out));
    JsonlTasks *t = out->self;
    return opened(jsonl_open_bytes(data, size, name, accept_task, t, &t->jsonl), out);
}
