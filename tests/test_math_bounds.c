// tests/test_math_bounds.c -- verifiers/math: hostile texts, budgets, golds nobody can read.
#include <stdlib.h>

#include "tests/math_expect.h"
#include "tests/work.h"

static char *repeat(const char *before, const char *what, int n, const char *middle,
                    const char *after, int m) {
    size_t size =
        strlen(before) + strlen(what) * (size_t)n + strlen(middle) + strlen(after) * (size_t)m + 1;
    char *out = malloc(size), *p = stpcpy(out, before);
    for (int i = 0; i < n; i++) p = stpcpy(p, what);
    p = stpcpy(p, middle);
    for (int i = 0; i < m; i++) p = stpcpy(p, after);
    return out;
}

static void hostile_texts_are_answered_with_little_work(void **state) {
    (void)state;
    static const struct {
        const char *before, *what, *middle, *after;
    } shape[] = {{"", "{", "5", "}"},
                 {"", "(", "5", ")"},
                 {"", "\\sqrt{", "7", "}"},
                 {"", "\\frac{1}{", "7", "}"},
                 {"2", "^2", "", ""},
                 {"2", "^{2", "", "}"},
                 {"1", "+1", "", ""},
                 {"x", "x", "", ""},
                 {"", "9", "", ""},
                 {"0.", "3", "", ""},
                 {"", "-", "7", ""},
                 {"3", "!", "", ""},
                 {"1", ",1", "", ""},
                 {"1", ",(1,2)", "", ""},
                 {"", "|", "7", "|"},
                 {"", "\\left|", "7", "\\right|"},
                 {"", "\\pm", "7", ""},
                 {"1", "\\pm 1", "", ""},
                 {"", "\\text{", "7", "}"},
                 {"\\begin{pmatrix}1", "&1", "\\end{pmatrix}", ""},
                 {"\\begin{pmatrix}1", "\\\\1", "\\end{pmatrix}", ""},
                 {"(0,1)", "\\cup(0,1)", "", ""},
                 {"\\sin", "\\sin", " 1", ""},
                 {"f", "'", "(x)", ""},
                 {"x", "_{1", "", "}"},
                 {"", "\\log_", "2 3", ""},
                 {"1", "<x", "", ""},
                 {"1", "=1", "", ""},
                 {"7", "\\%", "", ""},
                 {"", "\\binom{9}{", "3", "}"},
                 {"\\sqrt2", "+\\sqrt2", "", ""},
                 {"x", "+\\sin x", "", ""},
                 {"7\\text{ cm}", "/s", "", ""},
                 {"", "\\lfloor ", "x", "\\rfloor"},
                 {"1:", "1:", "1", ""},
                 {"1,", "12,", "1", ""},
                 {"7", "\\text{ and }7", "", ""},
                 {"", "\\sum_{k=1}^{n}", "k", ""},
                 {"", "\\sum_{k=1}^{3999}", "\\frac{1}{k^{9}}", ""},
                 {"", "\\prod_{k=1}^{3999}k!", "", ""},
                 {"", "\\sum_{k=1}^{3999}\\sqrt{k}", "", ""},
                 {"", "\\sum_{k=", "1", "}^{9}k"},
                 {"", "\\begin{vmatrix}1&x\\\\x&", "2", "\\end{vmatrix}"}};
    static const char *const gold[] = {"5", "\\sqrt{2}x+\\sin x", "1,2",
                                       "\\begin{pmatrix}1&2\\end{pmatrix}"};
    static const int counts[] = {20, 150, 1000, 8000, 200000};
    double most = 0;
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            char *text = repeat(shape[i].before, shape[i].what, counts[c], shape[i].middle,
                                shape[i].after, *shape[i].after ? counts[c] : 0);
            for (size_t g = 0; g < sizeof gold / sizeof *gold; g++) {
                WorkMeter meter = {.most = 10};
                while (work_again(&meter)) compare(gold[g], text);
                if (meter.least > most) most = meter.least;
                if (meter.over)
                    fail_msg("%.0f units of work for %s%s.. x %d", meter.least, shape[i].before,
                             shape[i].what, counts[c]);
            }
            free(text);
        }
    print_message("a hostile text needs at most %.1f units of work\n", most);
}

static void what_is_too_large_is_not_equal(void **state) {
    (void)state;
    expect("9^{9^{9^9}}", "9^{9^{9^8}}", VERDICT_WRONG);
    expect("10^{10^{10}}", "10^{10^{10}}+1", VERDICT_WRONG);
    expect("10^{10^{10}}", "10^{10^{10}}", VERDICT_RIGHT);
    expect("(10^9)!", "(10^9+1)!", VERDICT_WRONG);
    expect("5", "1e99999999999999999999", VERDICT_WRONG);
    expect("\\frac{1}{2^{321}}", "\\frac{1}{2^{322}}", VERDICT_WRONG);
    expect("\\frac{1}{1102!}", "\\frac{1}{1104!}", VERDICT_WRONG);
    expect("(1+10^{-300})^{10^{300}}", "e", VERDICT_WRONG);
    expect("\\sqrt{2}", "\\sqrt{2}+10^{-400}", VERDICT_WRONG);
}

static void a_gold_over_budget_is_an_error_and_an_answer_wrong(void **state) {
    (void)state;
    static const char *const large[] = {"9^{9^{9^9}}", "\\binom{10^9}{10^8}", "((5!)!)!"};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        expect(large[i], "5", VERDICT_ERROR);
        expect("5", large[i], VERDICT_WRONG);
        assert_string_equal(compare("5", large[i]).reason, "too large to evaluate");
        assert_string_equal(compare(large[i], "5").reason, "the gold answer is over budget");
    }
    expect("10^{30000}", "5", VERDICT_WRONG); // what can be told apart all the same
}

static void a_gold_that_cannot_be_read_is_an_error(void **state) {
    (void)state;
    expect("", "5", VERDICT_ERROR);
    expect("\\frac{1}{", "5", VERDICT_ERROR);
    expect("1e99999999999", "5", VERDICT_ERROR);
    expect("\\frac{1}{", "\\frac{1}{", VERDICT_RIGHT); // but a copy of it is right
    expect("5", "", VERDICT_WRONG);
    expect("5", "\\frac{1}{", VERDICT_WRONG);
    char *deep = repeat("", "(", 5000, "5", ")", 5000);
    expect(deep, "5", VERDICT_ERROR);
    expect("5", deep, VERDICT_WRONG);
    free(deep);
    const char *reason;
    assert_true(math_gold_readable("#### 72", NULL, &reason));
    assert_false(math_gold_readable("\\sqrt{", NULL, &reason));
}

static void bytes_that_are_no_text_are_wrong(void **state) {
    (void)state;
    char bytes[256];
    for (int i = 0; i < 256; i++) bytes[i] = (char)i;
    assert_int_equal(math_compare("5", 1, bytes, 256, NULL).verdict, VERDICT_WRONG);
    assert_int_equal(math_compare("5", 1, "5\xff", 2, NULL).verdict, VERDICT_WRONG);
    assert_int_equal(math_compare("5", 1, "\xC0\xB5", 2, NULL).verdict, VERDICT_WRONG);
    assert_int_equal(math_compare("5", 1,
                                  "5\0"
                                  "6",
                                  3, NULL)
                         .verdict,
                     VERDICT_WRONG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_texts_are_answered_with_little_work),
        cmocka_unit_test(what_is_too_large_is_not_equal),
        cmocka_unit_test(a_gold_over_budget_is_an_error_and_an_answer_wrong),
        cmocka_unit_test(a_gold_that_cannot_be_read_is_an_error),
        cmocka_unit_test(bytes_that_are_no_text_are_wrong),
    };
    return cmocka_run_group_tests_name("verifiers/math", tests, NULL, NULL);
}
