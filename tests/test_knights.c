// tests/test_knights.c -- verifiers/knights: everybody as they are, said plainly.
#include "verifiers/knights.h"

#include "tests/test.h"

static const char gold[] = "Zoey is a knight, and Oliver is a knave.";

static Judgement judge(const char *want, const char *answer) {
    JudgeInput in = {
        .text = answer, .size = strlen(answer), .finished = true, .gold = want, .extract = "bare"};
    return knights_judge(&in);
}

static void expect(Verdict want, const char *answer) {
    Judgement j = judge(gold, answer);
    if (j.verdict != want) fail_msg("'%s' is %s: %s", answer, verdict_name(j.verdict), j.reason);
}

static void everybody_as_they_are_is_right(void **state) {
    (void)state;
    expect(VERDICT_RIGHT, "Zoey is a knight, Oliver is a knave");
    expect(VERDICT_RIGHT, "(1) Oliver is a knave\n(2) Zoey is a knight");
    expect(VERDICT_RIGHT, "zoey: KNIGHT; oliver: KNAVE");
    expect(VERDICT_RIGHT, "\\text{Zoey is a knight and Oliver is a knave}");
    expect(VERDICT_RIGHT, "So Zoey is a knight. Zoey is a knight, Oliver is a knave.");
    assert_int_equal(judge("Ann and Bob are knights.", "Ann is a knight, Bob is a knight").verdict,
                     VERDICT_RIGHT);
    assert_int_equal(
        judge("Ann is a knight, Bob is a knight.", "Ann and Bob are both knights").verdict,
        VERDICT_RIGHT);
}

static void anything_else_is_wrong(void **state) {
    (void)state;
    expect(VERDICT_WRONG, "Zoey is a knave, Oliver is a knight");
    expect(VERDICT_WRONG, "Zoey is a knight");
    expect(VERDICT_WRONG, "Zoey is a knight, Oliver is a knave, Zoey is a knave");
    expect(VERDICT_WRONG, "Zoey is not a knave, Oliver is not a knight");
    expect(VERDICT_WRONG, "Zoey is a knight or a knave, Oliver is a knave");
    expect(VERDICT_WRONG, "Zoey is a knight, Oliver is a knave, Bob is a knave");
    expect(VERDICT_WRONG, "Zoey is a knight, Oliver");
    expect(VERDICT_WRONG, "knight, knave");
    expect(VERDICT_WRONG, "");
    expect(VERDICT_WRONG, "Zoeyx is a knight, Oliver is a knave");
    expect(VERDICT_WRONG, "\xff\xfe knight");
}

static void the_answer_stands_in_tags_or_a_box(void **state) {
    (void)state;
    const char *text =
        "<think>if Zoey is a knave ...</think><answer>Zoey is a knight, Oliver is a knave</answer>";
    JudgeInput in = {.text = text, .size = strlen(text), .finished = true, .gold = gold};
    assert_int_equal(knights_judge(&in).verdict, VERDICT_RIGHT);
    in.finished = false;
    assert_int_equal(knights_judge(&in).verdict, VERDICT_WRONG);
    in = (JudgeInput){.text = "Zoey is a knight", .size = 16, .finished = true, .gold = gold};
    assert_int_equal(knights_judge(&in).verdict, VERDICT_WRONG);
}

static void a_gold_that_says_nothing_gives_no_verdict(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "42",
                                      "Zoey",
                                      "knight",
                                      "Zoey is not a knight",
                                      "Zoey is a knight, Zoey is a knave",
                                      "Zoey is a knight, Oliver"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(judge(bad[i], "x").verdict, VERDICT_ERROR);
    assert_int_equal(judge(NULL, "x").verdict, VERDICT_ERROR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_as_they_are_is_right),
        cmocka_unit_test(anything_else_is_wrong),
        cmocka_unit_test(the_answer_stands_in_tags_or_a_box),
        cmocka_unit_test(a_gold_that_says_nothing_gives_no_verdict),
    };
    return cmocka_run_group_tests_name("verifiers/knights", tests, NULL, NULL);
}
