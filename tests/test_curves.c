// tests/test_curves.c -- pipelines/curves: lines joined by step, bad ones counted, names found.
#include "pipelines/report/curves.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/test.h"

static Curves load(const char *text, Arena *arena) {
    char path[] = "/tmp/curves.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_ok(file_write_atomic(path, text, strlen(text)));
    Curves c;
    assert_ok(curves_load(path, &c, arena));
    unlink(path);
    return c;
}

static void lines_of_one_step_are_one_row(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    Curves c = load("{\"step\":0,\"time\":1,\"data\":{\"b\":5}}\n"
                    "{\"step\":1,\"time\":2,\"data\":{\"a\":1}}\n"
                    "{\"step\":1,\"time\":3,\"data\":{\"b\":7,\"c\":null}}\n",
                    arena);
    assert_int_equal(c.n_rows, 2);
    assert_true(isnan(curves_get(&c, "a")[0]) && curves_get(&c, "a")[1] == 1);
    assert_true(curves_get(&c, "b")[0] == 5 && curves_get(&c, "b")[1] == 7);
    assert_null(curves_get(&c, "c"));
    assert_true(curves_first(&c, "b", -1) == 5 && curves_last(&c, "b", -1) == 7);
    assert_true(curves_last(&c, "nothing", -1) == -1);
    arena_free(arena);
}

static void a_line_that_cannot_be_read_is_counted(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    Curves c =
        load("{\"step\":1,\"data\":{\"a\":1}}\nnonsense\n{\"step\":\"x\",\"data\":{}}\n[]\n\n"
             "{\"step\":1e300,\"data\":{}}\n{\"step\":2.5,\"data\":{}}\n"
             "{\"step\":2,\"data\":{\"a\":2}}\n{\"step\":3,\"da",
             arena);
    assert_int_equal(c.n_rows, 2);
    assert_int_equal(c.n_bad_lines, 6);
    arena_free(arena);
}

static void names_of_both_vocabularies_are_found(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    Curves c = load("{\"step\":1,\"data\":{\"reward\":4,\"val-core/gsm8k/acc/mean@1\":0.5,"
                    "\"val-core/x/acc/best@4/mean\":1}}\n",
                    arena);
    assert_true(curves_get(&c, "critic/rewards/mean")[0] == 4);
    assert_true(curves_get(&c, "val-core/*/acc/mean@1")[0] == 0.5);
    assert_null(curves_get(&c, "val-core/*/mean@1"));
    arena_free(arena);
}

static void no_file_is_an_empty_table(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    Curves c;
    assert_ok(curves_load("/nonexistent/metrics.jsonl", &c, arena));
    assert_int_equal(c.n_rows, 0);
    assert_null(curves_get(&c, "a"));
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_one_step_are_one_row),
        cmocka_unit_test(a_line_that_cannot_be_read_is_counted),
        cmocka_unit_test(names_of_both_vocabularies_are_found),
        cmocka_unit_test(no_file_is_an_empty_table),
    };
    return cmocka_run_group_tests_name("pipelines/curves", tests, NULL, NULL);
}
