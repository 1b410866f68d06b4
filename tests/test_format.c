// tests/test_format.c -- verifiers/format and the table of judges: the form, part by part.
#include "verifiers/format.h"

#include <stdlib.h>

#include "tests/test.h"
#include "tests/work.h"
#include "verifiers/verify.h"

static Judgement judge(const char *template_, const char *prefilled, const char *text) {
    JudgeInput in = {.text = text,
                     .size = strlen(text),
                     .template_ = template_,
                     .prefilled = prefilled,
                     .finished = true};
    return format_judge(&in);
}

static void expect(Verdict want, const char *template_, const char *prefilled, const char *text) {
    Judgement j = judge(template_, prefilled, text);
    if (j.verdict != want)
        fail_msg("%s: '%s' is %s: %s", template_ ? template_ : "default", text,
                 verdict_name(j.verdict), j.reason);
    assert_true(j.score == (want == VERDICT_RIGHT));
    assert_non_null(j.reason);
}

static void think_boxed_is_a_thought_and_a_box(void **state) {
    (void)state;
    const char *const good[] = {
        "<think> 47*6=282.</think> \\boxed{367}", "<think></think> \\boxed{367}",
        "<think>a\n\nb < c {\n</think>\n\n\\boxed{\\frac{1}{2}}\n", " <think>x</think>\\fbox{1}",
        "<think>so \\boxed{1}?</think> \\boxed{2}"};
    const char *const bad[] = {"",
                               "\\boxed{367}",
                               "<think> x \\boxed{367}",
                               "<think> x</think> So it is 367.",
                               "<think>x</think> \\boxed{367} yes",
                               "<think>x</think> \\boxed{1} \\boxed{2}",
                               "<think>x</think> \\boxed{",
                               "<think>x</think> \\boxed{}",
                               "<think>x</think> \\boxed{ }",
                               "<think>x</think>",
                               "a<think>x</think> \\boxed{1}",
                               "<think><think>x</think> \\boxed{1}",
                               "<think>x</think></think> \\boxed{1}",
                               "<think>x</think> \\boxed{<think>}",
                               "x</think> \\boxed{1}",
                               "<think>x<think> \\boxed{1}",
                               "<think>x</think> $\\boxed{1}$",
                               "<Think>x</Think> \\boxed{1}"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        expect(VERDICT_RIGHT, "think-boxed", NULL, good[i]);
        expect(VERDICT_RIGHT, NULL, NULL, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(VERDICT_WRONG, "think-boxed", NULL, bad[i]);
}

static void r1_zero_is_a_thought_and_an_answer_tag(void **state) {
    (void)state;
    const char *const good[] = {"<think>x</think><answer>5</answer>",
                                "<think>\nx\n</think>\n<answer>\n5\n</answer>\n"};
    const char *const bad[] = {"<think>x</think> 5",
                               "<think>x</think> <answer>5",
                               "<think>x</think> <answer> </answer>",
                               "<think>x</think> so <answer>5</answer>",
                               "<think>x</think> <answer>5</answer> bye",
                               "<think>x</think> <answer>5</answer> <answer>6</answer>",
                               "<think>x</think> <answer><answer>5</answer>",
                               "<answer>5</answer>",
                               "<think>x <answer>4</answer></think> <answer>5</answer>",
                               "<think>x</think> <answer>5</answer></answer>",
                               "<think>x</think> <answer>5</think></answer>"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        expect(VERDICT_RIGHT, "r1-zero", NULL, good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(VERDICT_WRONG, "r1-zero", NULL, bad[i]);
}

static void chat_is_a_thought_and_any_answer(void **state) {
    (void)state;
    expect(VERDICT_RIGHT, "chat", NULL, "<think>x</think>Hello.");
    expect(VERDICT_WRONG, "chat", NULL, "<think>x</think> \n");
    expect(VERDICT_WRONG, "chat", NULL, "Hello.");
    expect(VERDICT_WRONG, "chat", NULL, "<think>x</think>Hello.<think>y</think>");
}

static void a_thought_that_the_prompt_opened_is_not_opened_again(void **state) {
    (void)state;
    expect(VERDICT_RIGHT, "r1-zero", "<think>", "x</think><answer>5</answer>");
    expect(VERDICT_RIGHT, "think-boxed", "Assistant: <think>\n", "</think> \\boxed{1}");
    expect(VERDICT_WRONG, "r1-zero", "<think>", "<think>x</think><answer>5</answer>");
    expect(VERDICT_WRONG, "r1-zero", "<think>", "<answer>5</answer>");
    expect(VERDICT_WRONG, "r1-zero", "Assistant:", "x</think><answer>5</answer>");
}

static void a_response_that_was_cut_off_has_no_form(void **state) {
    (void)state;
    const char *text = "<think>x</think> \\boxed{1}";
    JudgeInput in = {.text = text, .size = strlen(text)};
    assert_int_equal(format_judge(&in).verdict, VERDICT_WRONG);
    in.finished = true;
    assert_int_equal(format_judge(&in).verdict, VERDICT_RIGHT);
    JudgeInput empty = {.text = NULL, .size = 0, .finished = true};
    assert_int_equal(format_judge(&empty).verdict, VERDICT_WRONG);
}

static void an_unknown_template_gives_no_verdict(void **state) {
    (void)state;
    expect(VERDICT_ERROR, "r2", NULL, "<think>x</think> \\boxed{1}");
    assert_false(format_template_known("r2"));
    assert_true(format_template_known("chat"));
}

static void judges_are_found_by_name(void **state) {
    (void)state;
    assert_non_null(verify_find("number"));
    assert_non_null(verify_find("format"));
    assert_non_null(verify_find("math"));
    assert_null(verify_find("poetry"));
    const char *names = verify_names();
    assert_non_null(strstr(names, verify_find("number")->name));
    assert_non_null(strstr(names, verify_find("format")->name));
}

static void hostile_input_costs_linear_work(void **state) {
    (void)state;
    static const char *const piece[] = {
        "<think>", "</think>", "<answer>", "<think></think>\\boxed{", "\\boxed{1}", "<"};
    size_t n = 1500000;
    char *text = malloc(n);
    for (size_t i = 0; i < sizeof piece / sizeof *piece; i++) {
        memcpy(text, "<think></think>", 15);
        for (size_t k = 15; k < n; k++) text[k] = piece[i][k % strlen(piece[i])];
        JudgeInput in = {.text = text, .size = n, .finished = true};
        WorkMeter meter = {.most = 5};
        while (work_again(&meter)) format_judge(&in);
        if (meter.over) fail_msg("'%s' needs %.0f units of work", piece[i], meter.least);
    }
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(think_boxed_is_a_thought_and_a_box),
        cmocka_unit_test(r1_zero_is_a_thought_and_an_answer_tag),
        cmocka_unit_test(chat_is_a_thought_and_any_answer),
        cmocka_unit_test(a_thought_that_the_prompt_opened_is_not_opened_again),
        cmocka_unit_test(a_response_that_was_cut_off_has_no_form),
        cmocka_unit_test(an_unknown_template_gives_no_verdict),
        cmocka_unit_test(judges_are_found_by_name),
        cmocka_unit_test(hostile_input_costs_linear_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
