// tests/test_output.c -- verifiers/code/output: what counts as the expected output, and what never
// does.
#include "verifiers/code/output.h"

#include "tests/test.h"

static bool same(const char *got, const char *want) {
    const char *reason = NULL;
    bool equal = output_equals(got, strlen(got), want, strlen(want), &reason);
    assert_non_null(reason);
    return equal;
}

static void white_space_at_ends_does_not_matter(void **state) {
    (void)state;
    assert_true(same("3\n", "3"));
    assert_true(same("3", "3\n"));
    assert_true(same("1 2 \n3\t\n\n\n", "1 2\n3"));
    assert_true(same("1 2\r\n3\r\n", "1 2\n3\n"));
    assert_true(same("1   2\n", "1 2\n"));
    assert_true(same("", "\n"));
    assert_true(same("", ""));
}

static void lines_and_tokens_are_counted(void **state) {
    (void)state;
    assert_false(same("1 9", "1 9\n4 8"));           // a prefix
    assert_false(same("1 9\n4 8\n1 4", "1 9\n4 8")); // more than was asked for
    assert_false(same("1\n2", "1 2"));               // other lines
    assert_false(same("1 2 3", "1 2"));
    assert_false(same("", "0"));
    assert_false(same("5", ""));
    assert_false(same("\n\n5", "5")); // blank lines before it are output
}

static void case_and_whole_numbers_are_exact(void **state) {
    (void)state;
    assert_false(same("yes", "YES"));
    assert_false(same("50000000000000000", "50000000000000001"));
    assert_false(same("5.0", "5")); // a whole number was expected
    assert_false(same("05", "5"));
    assert_false(same("+5", "5"));
    assert_false(same("1e3", "1000"));
    assert_true(same("123456789012345678901234567890", "123456789012345678901234567890"));
}

static void decimals_are_equal_to_a_millionth(void **state) {
    (void)state;
    assert_true(same("3.162277660168", "3.162277660"));
    assert_true(same("0.5000001", "0.5"));
    assert_true(same("3", "3.0"));
    assert_true(same("11384199.5", "11384199.576606")); // relative
    assert_true(same("1e-9", "0.0"));
    assert_true(same("1000.0", "1e3"));
    assert_false(same("3.1624", "3.1622"));
    assert_false(same("nan", "0.5"));
    assert_false(same("inf", "1e400")); // both would be infinite
    assert_true(same("1e400", "1e400"));
    assert_false(same("0x1p-1", "0.5")); // strtod would read it
    assert_false(same("0.5abc", "0.5"));
    assert_false(same("x 0.5", "y 0.5"));
}

static void bytes_need_not_be_text(void **state) {
    (void)state;
    const char *reason;
    assert_true(output_equals("\0\xff\n", 3, "\0\xff", 2, &reason));
    assert_false(output_equals("\0\xfe", 2, "\0\xff", 2, &reason));
    assert_false(output_equals("5\0", 2, "5", 1, &reason));
    assert_true(output_equals(NULL, 0, "", 0, &reason));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_at_ends_does_not_matter),
        cmocka_unit_test(lines_and_tokens_are_counted),
        cmocka_unit_test(case_and_whole_numbers_are_exact),
        cmocka_unit_test(decimals_are_equal_to_a_millionth),
        cmocka_unit_test(bytes_need_not_be_text),
    };
    return cmocka_run_group_tests_name("verifiers/code/output", tests, NULL, NULL);
}
