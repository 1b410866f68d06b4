// datasets/codeset.c -- the question of a contest's row.
#include "datasets/codeset.h"

#include <stddef.h>
#include <string.h>

#include "base/str.h"

static const char *text_of(const Json *row, const char *name) {
    const Json *n = json_get(row, name);
    return n && json_kind(n) == JSON_STRING && json_text_size(n) ? json_text(n, NULL) : NULL;
}

static const char *statement(const Json *row) {
    static const char *const name[] = {
        "prompt", "question", "question_content", "description", "content", "problem", "text"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (text_of(row, name[i])) return text_of(row, name[i]);
    return NULL;
}

// A list of tests with inputs and outputs, or of calls.
static bool is_tests(const Json *n) {
    const Json *first = n && json_kind(n) == JSON_ARRAY ? json_first(n) : NULL;
    return first &&
           (json_get(first, "input") || json_get(first, "output") || json_get(first, "args"));
}

bool codeset_fits(const Json *row) {
    static const char *const sure[] = {"input_output", "public_tests", "public_test_cases"};
    static const char *const list[] = {"tests", "official_tests", "calls"};
    if (!statement(row)) return false;
    for (size_t i = 0; i < 3; i++) {
        const Json *n = json_get(row, sure[i]);
        if (n && json_kind(n) != JSON_NULL) return true;
        if (is_tests(json_get(row, list[i]))) return true;
    }
    const char *test = text_of(row, "test"); // SandboxFusion's records
    return test &&
           (strstr(test, "assert") || strncmp(test, "eJ", 2) == 0 || strstr(test, "\"stdin\""));
}

// Is a function asked for, and not a program that reads and prints?
static bool wants_function(const Json *row) {
    static const char *const name[] = {"starter_code", "fn_name", "entry", "entry_point"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (text_of(row, name[i])) return true;
    if (json_get(row, "calls")) return true;
    const char *test = text_of(row, "test");
    if (test && strstr(test, "assert")) return true;
    const Json *io = json_get(row, "input_output");
    if (io && json_kind(io) == JSON_STRING) return strstr(json_text(io, ""), "\"fn_name\"") != NULL;
    return io && json_get(io, "fn_name");
}

const char *codeset_question(const Json *row, Arena *arena) {
    const char *asked = statement(row), *starter = text_of(row, "starter_code");
    if (!asked) return NULL;
    const char *how =
        wants_function(row)
            ? "Answer with the whole Python program in one ```python block."
            : "Write a Python program that reads standard input and writes standard output. Answer "
              "with the whole program in one ```python block.";
    if (!starter) return arena_printf(arena, "%s\n\n%s", asked, how);
    return arena_printf(arena, "%s\n\n```python\n%s\n```\n\n%s", asked, starter, how);
}
