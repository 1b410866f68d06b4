// datasets/codeset.c -- a question from a row; the row itself goes to the judge.
#include "datasets/codeset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/str.h"
#include "datasets/order.h"

static const char *const questions[] = {"prompt",      "question",    "question_content",
                                        "description", "content",     "problem",
                                        "text",        "instruction", NULL};
static const char *const tests[] = {"tests",        "test_list",         "test",
                                    "calls",        "input_output",      "inputs",
                                    "public_tests", "public_test_cases", "official_tests"};

static const char *text_of(const Json *row, const char *name) {
    const Json *n = name ? json_get(row, name) : NULL;
    return n && json_kind(n) == JSON_STRING && json_text_size(n) ? json_text(n, NULL) : NULL;
}

static const char *question_of(const Json *row, const char *name) {
    if (name) return text_of(row, name);
    for (int i = 0; questions[i]; i++)
        if (text_of(row, questions[i])) return text_of(row, questions[i]);
    return NULL;
}

static bool has_tests(const Json *row) {
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        const Json *n = json_get(row, tests[i]);
        if (!n || json_kind(n) == JSON_NULL) continue;
        if (json_kind(n) == JSON_STRING && !json_text_size(n)) continue;
        if (json_kind(n) == JSON_ARRAY && json_count(n) == 0) continue;
        return true;
    }
    return false;
}

const char *codeset_lacks(const Json *row) {
    if (!question_of(row, NULL)) return "no question: needs a text 'prompt', 'question', ...";
    if (!has_tests(row)) return "no tests: needs 'tests', 'test', 'input_output', 'calls', ...";
    return NULL;
}

typedef struct Codeset {
    Jsonl *jsonl;
    JsonlFields fields;
    char *source; // the file's name without folder and suffix
} Codeset;

static const char *accept_row(void *ctx, const Json *row) {
    const Codeset *c = ctx;
    if (c->fields.prompt && !text_of(row, c->fields.prompt))
        return "no question in the field that the config names";
    const char *lacks = codeset_lacks(row);
    return lacks && c->fields.prompt && has_tests(row) ? NULL : lacks;
}

bool codeset_is(const char *path) {
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    bool is = false;
    while (file && (n = getline(&line, &cap, file)) > 0) {
        JsonDoc *doc;
        if (json_parse(line, (size_t)n, path, 1, false, &doc) != ST_OK) continue;
        is = codeset_lacks(json_root(doc)) == NULL;
        json_free(doc);
        break;
    }
    free(line);
    if (file) fclose(file);
    return is;
}

// ---- what the model sees

static const char *mbpp_test(const Json *row) {
    const Json *list = json_get(row, "tests");
    if (!list) list = json_get(row, "test_list");
    const Json *first = list && json_kind(list) == JSON_ARRAY ? json_first(list) : NULL;
    return first && json_kind(first) == JSON_STRING ? json_text(first, NULL) : NULL;
}

static void put_question(const Json *row, const char *name, Str *out) {
    str_puts(out, question_of(row, name));
    const char *test = mbpp_test(row), *starter = text_of(row, "starter_code");
    if (test) str_printf(out, "\nYour code should pass this test:\n%s\n", test);
    if (starter) str_printf(out, "\n\n%s", starter);
}

static Status get(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    const Codeset *c = source->self;
    uint64_t n = (uint64_t)source->n_tasks, i = index % n;
    if (c->fields.shuffle) i = order_at(c->fields.seed, index / n, n, i);
    JsonDoc *doc;
    TRY(jsonl_row(c->jsonl, (int64_t)i, &doc));
    const Json *row = json_root(doc);
    Str question = {0}, text = {0};
    put_question(row, c->fields.prompt, &question);
    const char *gap = c->fields.template_ ? strstr(c->fields.template_, "{}") : NULL;
    const char *asked = str_text(&question), *named = text_of(row, "source");
    if (!c->fields.source && named) named = arena_printf(arena, "%s", named);
    json_echo(row, &text);
    *out = (Task){.id = rng_hash(asked, question.size),
                  .source = c->fields.source ? c->fields.source
                            : named          ? named
                                             : c->source,
                  .prompt = gap ? arena_printf(arena, "%.*s%s%s", (int)(gap - c->fields.template_),
                                               c->fields.template_, asked, gap + 2)
                                : arena_printf(arena, "%s", asked),
                  .gold = "",
                  .judge = "code",
                  .row = arena_printf(arena, "%s", str_text(&text)),
                  .level = (int)json_int(json_get(row, "level"), 0)};
    str_free(&question);
    str_free(&text);
    json_free(doc);
    return ST_OK;
}

static void close_tasks(TaskSource *source) {
    Codeset *c = source->self;
    if (c) {
        jsonl_close(c->jsonl);
        free(c->source);
        free(c);
    }
    *source = (TaskSource){0};
}

Status codeset_tasks(const char *path, const JsonlFields *fields, TaskSource *out) {
    *out = (TaskSource){0};
    if (fields->template_ && !strstr(fields->template_, "{}"))
        return FAIL(ST_CONFIG, "the prompt template '%s' has no {} for the question",
                    fields->template_);
    Codeset *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    c->fields = *fields;
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    c->source = strndup(base, strcspn(base, "."));
    CHECK(c->source != NULL);
    *out = (TaskSource){.name = fields->source ? fields->source : c->source,
                        .self = c,
                        .get = get,
                        .close = close_tasks};
    Status st = jsonl_open(path, accept_row, c, &c->jsonl);
    if (st != ST_OK) {
        close_tasks(out);
        return st;
    }
    out->n_tasks = jsonl_size(c->jsonl);
    out->hash = jsonl_hash(c->jsonl);
    return ST_OK;
}
