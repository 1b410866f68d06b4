// tests/test_codeset.c -- datasets/codeset: rows of contests become questions for the judge "code".
#include "datasets/codeset.h"

#include "datasets/jsonl.h"
#include "datasets/published.h"
#include "datasets/taskfile.h"
#include "tests/test.h"

static const char rows[] =
    "{\"question\":\"Sum.\",\"starter_code\":\"class Solution:\",\"input_output\":\"{}\"}\n"
    "{\"prompt\":\"Add.\",\"tests\":[{\"input\":\"1\",\"output\":\"2\"}]}\n"
    "{\"description\":\"Print n+1.\",\"public_tests\":{\"input\":[\"1\"],\"output\":[\"2\"]}}\n"
    "{\"content\":\"f(x)\",\"test\":\"assert f(1) == 2\"}\n"
    "{\"question\":\"two\",\"input_output\":{\"inputs\":[[1]],\"outputs\":[2],\"fn_name\":\"f\"}}"
    "\n";

static void each_form_is_asked_in_its_way(void **state) {
    (void)state;
    static const char program[] =
        "Write a Python program that reads standard input and writes standard output. Answer with "
        "the whole program in one ```python block.";
    static const char function[] = "Answer with the whole Python program in one ```python block.";
    const char *const want[][2] = {{"Sum.\n\n```python\nclass Solution:\n```\n\n", function},
                                   {"Add.\n\n", program},
                                   {"Print n+1.\n\n", program},
                                   {"f(x)\n\n", function},
                                   {"two\n\n", function}};
    Arena *arena = arena_new(1 << 12);
    TaskSource source;
    assert_ok(taskfile_open_bytes(rows, sizeof rows - 1, "rows", &(TaskFields){0}, &source));
    assert_int_equal(source.n_tasks, 5);
    for (uint64_t i = 0; i < 5; i++) {
        Task task;
        assert_ok(source.get(&source, i, &task, arena));
        assert_string_equal(task.prompt, arena_printf(arena, "%s%s", want[i][0], want[i][1]));
        assert_string_equal(task.judge, "code");
        JsonDoc *doc; // the row is whole: the judge sees every test
        assert_ok(json_parse(task.row, strlen(task.row), "row", 1, false, &doc));
        assert_true(codeset_fits(json_root(doc)));
        json_free(doc);
    }
    task_source_close(&source);
    arena_free(arena);
}

static void other_rows_are_none(void **state) {
    (void)state;
    static const char *const others[] = {
        "{\"question\":\"2+2\",\"answer\":\"4\"}", "{\"prompt\":\"x\",\"tests\":[]}",
        "{\"prompt\":\"x\",\"test\":\"\"}", "{\"tests\":[{\"input\":\"1\",\"output\":\"2\"}]}",
        "{\"prompt\":\"x\",\"input_output\":null}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        JsonDoc *doc;
        assert_ok(json_parse(others[i], strlen(others[i]), "row", 1, false, &doc));
        assert_false(codeset_fits(json_root(doc)));
        json_free(doc);
    }
}

static void the_sets_have_names(void **state) {
    (void)state;
    static const char *const name[] = {"humaneval", "mbpp",       "livecodebench",
                                       "apps",      "codeforces", "code_contests"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        assert_non_null(published_find(name[i]));
        assert_string_equal(published_find(name[i])->judge, "code");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_asked_in_its_way),
        cmocka_unit_test(other_rows_are_none),
        cmocka_unit_test(the_sets_have_names),
    };
    return cmocka_run_group_tests_name("datasets/codeset", tests, NULL, NULL);
}
