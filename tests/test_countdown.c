// tests/test_countdown.c -- verifiers/countdown: numbers used once, exactly, in bounds.
#include "verifiers/countdown.h"

#include <stdlib.h>

#include "tests/test.h"
#include "tests/work.h"

static Judgement judge(const char *row, const char *text, const char *extract) {
    JsonDoc *doc;
    assert_ok(json_parse(row, strlen(row), "row", 1, false, &doc));
    JudgeInput in = {.text = text,
                     .size = strlen(text),
                     .finished = true,
                     .task = json_root(doc),
                     .extract = extract};
    Judgement j = countdown_judge(&in);
    json_free(doc);
    return j;
}

static const char row[] = "{\"numbers\":[3,5,7,2],\"target\":38}";

static void expect(Verdict want, const char *expression, const char *reason) {
    Judgement j = judge(row, expression, "bare");
    if (j.verdict != want || (reason && !strstr(j.reason, reason)))
        fail_msg("'%s' is %s: %s", expression, verdict_name(j.verdict), j.reason);
}

static void an_expression_that_makes_the_target_is_right(void **state) {
    (void)state;
    expect(VERDICT_RIGHT, "(5+7)*3+2", NULL);
    expect(VERDICT_RIGHT, " ( 5 + 7 ) * 3 + 2 = 38 ", NULL);
    expect(VERDICT_RIGHT, "(5+7) \\times 3 + 2", NULL);
    expect(VERDICT_RIGHT, "$\\left(5+7\\right)\\cdot 3+2$", NULL);
    expect(VERDICT_RIGHT,
           "(5+7)\xc3\x97"
           "3+2",
           NULL);
    expect(VERDICT_RIGHT, "-(-5-7)*3+2", NULL);
    assert_int_equal(judge("{\"nums\":[8,3,8,3],\"target\":24}", "8/(3-8/3)", "bare").verdict,
                     VERDICT_RIGHT); // through thirds, exactly
    assert_int_equal(judge("{\"nums\":[6,3],\"target\":2}", "\\frac{6}{3}", "bare").verdict,
                     VERDICT_RIGHT);
    assert_int_equal(judge("{\"nums\":[\"6\",3],\"target\":\"2\"}",
                           "6\xc3\xb7"
                           "3",
                           "bare")
                         .verdict,
                     VERDICT_RIGHT);
}

static void each_number_is_used_once(void **state) {
    (void)state;
    expect(VERDICT_WRONG, "5*7+3", "not used");
    expect(VERDICT_WRONG, "5*7+3*2-3", "too often");
    expect(VERDICT_WRONG, "38", "not given");
    expect(VERDICT_WRONG, "35+3*2/2", "not given"); // 3 and 5 are not 35
    expect(VERDICT_WRONG, "5+7+3+2", "another value");
    const char *loose = "{\"numbers\":[3,5,7,2],\"target\":38,\"use_all\":false}";
    assert_int_equal(judge(loose, "5*7+3", "bare").verdict, VERDICT_RIGHT);
    assert_int_equal(judge(loose, "38", "bare").verdict, VERDICT_WRONG);
}

static void other_operations_do_not_exist(void **state) {
    (void)state;
    static const char *const bad[] = {"3**2+5*7", "7//2+5*7",
                                      "5^3",      "3!+5",
                                      "sqrt(7)",  "5%3",
                                      "0x5",      "5e3",
                                      "5.0+3",    "1_0",
                                      "(5)(7)",   "5 7 + 3",
                                      "",         "()",
                                      "(5+7",     "5+7)",
                                      "5+",       "*5",
                                      "--5",      "5+7=38=38",
                                      "5+7 = 12", "__import__('os')",
                                      "5;7",      "5,7",
                                      "{5",       "\\frac57",
                                      "5+\\alpha"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) expect(VERDICT_WRONG, bad[i], NULL);
    expect(VERDICT_WRONG, "5/(3-3)", NULL);
    assert_string_equal(judge("{\"nums\":[5,3,3],\"target\":1}", "5/(3-3)", "bare").reason,
                        "division by zero");
}

static void the_answer_stands_in_a_box_or_in_tags(void **state) {
    (void)state;
    assert_int_equal(judge(row, "<think>hm</think> <answer>(5+7)*3+2</answer>", NULL).verdict,
                     VERDICT_RIGHT);
    assert_int_equal(judge(row, "so \\boxed{(5+7)*3+2}", NULL).verdict, VERDICT_RIGHT);
    assert_int_equal(judge(row, "<think><answer>(5+7)*3+2</answer>", NULL).verdict, VERDICT_WRONG);
    assert_int_equal(judge(row, "(5+7)*3+2", NULL).verdict, VERDICT_WRONG);
    JudgeInput cut = {.text = "x", .size = 1};
    assert_int_equal(countdown_judge(&cut).verdict, VERDICT_ERROR); // no task
}

static void tasks_that_are_none_give_no_verdict(void **state) {
    (void)state;
    static const char *const bad[] = {"{}",
                                      "{\"numbers\":[],\"target\":3}",
                                      "{\"numbers\":[1.5],\"target\":3}",
                                      "{\"numbers\":[1]}",
                                      "{\"numbers\":\"1\",\"target\":3}",
                                      "{\"numbers\":[1],\"target\":\"x\"}",
                                      "{\"numbers\":[null],\"target\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(judge(bad[i], "1", "bare").verdict, VERDICT_ERROR);
    JudgeInput by_gold = {.gold = "24"};
    assert_non_null(countdown_refuses(&by_gold));
}

static void hostile_input_is_bounded(void **state) {
    (void)state;
    static const char *const piece[] = {"(", "3*(", "-", "\\frac{", "7", "3+", " ", "\\left", "$"};
    size_t n = 1500000;
    char *text = malloc(n + 1);
    for (size_t i = 0; i < sizeof piece / sizeof *piece; i++)
        for (int s = 0; s < 2; s++) {
            size_t size = s ? COUNTDOWN_MAX_BYTES : n;
            for (size_t k = 0; k < size; k++) text[k] = piece[i][k % strlen(piece[i])];
            text[size] = 0;
            WorkMeter meter = {.most = 5};
            while (work_again(&meter))
                assert_int_equal(judge(row, text, "bare").verdict, VERDICT_WRONG);
            if (meter.over)
                fail_msg("%zu bytes of '%s' need %.0f units of work", size, piece[i], meter.least);
        }
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expression_that_makes_the_target_is_right),
        cmocka_unit_test(each_number_is_used_once),
        cmocka_unit_test(other_operations_do_not_exist),
        cmocka_unit_test(the_answer_stands_in_a_box_or_in_tags),
        cmocka_unit_test(tasks_that_are_none_give_no_verdict),
        cmocka_unit_test(hostile_input_is_bounded),
    };
    return cmocka_run_group_tests_name("verifiers/countdown", tests, NULL, NULL);
}
