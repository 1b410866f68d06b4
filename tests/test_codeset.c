// tests/test_codeset.c -- datasets/codeset: rows of the known sets become questions for a program.
#include "datasets/codeset.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/test.h"

static const char rows[] =
    "{\"task_id\":\"HumanEval/0\",\"prompt\":\"def f(x):\\n    "
    "\\\"\\\"\\\"doc\\\"\\\"\\\"\\n\",\"entry_point\":\"f\","
    "\"test\":\"def check(candidate):\\n    assert candidate(1) == 2\\n\"}\n"
    "{\"prompt\":\"Add two numbers.\",\"test_list\":[\"assert add(1,2)==3\",\"assert "
    "add(2,2)==4\"]}\n"
    "{\"question\":\"Sum.\",\"starter_code\":\"class Solution:\",\"input_output\":\"{}\"}\n"
    "{\"prompt\":\"no tests\"}\n"
    "{\"tests\":[{\"input\":\"1\",\"output\":\"2\"}]}\n"
    "{\"description\":\"Print "
    "n+1.\",\"public_tests\":{\"input\":[\"1\"],\"output\":[\"2\"]},\"level\":3}\n";

static char path[] = "/tmp/grpo_codeset_XXXXXX";

static int setup(void **state) {
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, rows, sizeof rows - 1) != (ssize_t)(sizeof rows - 1)) return -1;
    return close(fd);
}

static int teardown(void **state) {
    (void)state;
    return unlink(path);
}

static void each_form_is_asked_in_its_way(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 12);
    TaskSource source;
    Task task;
    JsonlFields fields = {.template_ = "Q: {}\nA:"};
    assert_true(codeset_is(path));
    assert_ok(codeset_tasks(path, &fields, &source));
    assert_int_equal(source.n_tasks, 4); // two rows lack something
    static const char *const want[] = {
        "Q: def f(x):\n    \"\"\"doc\"\"\"\n\nA:",
        "Q: Add two numbers.\nYour code should pass this test:\nassert add(1,2)==3\n\nA:",
        "Q: Sum.\n\nclass Solution:\nA:", "Q: Print n+1.\nA:"};
    for (uint64_t i = 0; i < 4; i++) {
        assert_ok(source.get(&source, i, &task, arena));
        assert_string_equal(task.prompt, want[i]);
        assert_string_equal(task.judge, "code");
        JsonDoc *doc; // the row is whole, so the judge sees every test
        assert_ok(json_parse(task.row, strlen(task.row), "row", 1, false, &doc));
        assert_null(codeset_lacks(json_root(doc)));
        json_free(doc);
        assert_true(strncmp(task.source, "grpo_codeset_", 13) == 0);
    }
    assert_int_equal(task.level, 3);
    Task again;
    assert_ok(source.get(&source, 7, &again, arena)); // the next epoch
    assert_true(again.id == task.id);
    task_source_close(&source);
    arena_free(arena);
}

static void other_files_are_none(void **state) {
    (void)state;
    assert_false(codeset_is("/nonexistent"));
    char other[] = "/tmp/grpo_codeset_XXXXXX";
    int fd = mkstemp(other);
    static const char text[] = "{\"question\":\"2+2\",\"answer\":\"4\"}\n";
    assert_true(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)(sizeof text - 1));
    close(fd);
    assert_false(codeset_is(other));
    TaskSource source;
    assert_int_equal(codeset_tasks(other, &(JsonlFields){0}, &source), ST_FORMAT);
    unlink(other);
}

static void a_template_needs_a_gap(void **state) {
    (void)state;
    TaskSource source;
    assert_int_equal(codeset_tasks(path, &(JsonlFields){.template_ = "Q:"}, &source), ST_CONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_asked_in_its_way),
        cmocka_unit_test(other_files_are_none),
        cmocka_unit_test(a_template_needs_a_gap),
    };
    return cmocka_run_group_tests_name("datasets/codeset", tests, setup, teardown);
}
