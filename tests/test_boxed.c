// tests/test_boxed.c -- verifiers/boxed: which part of a response is its answer, at any size.
#include "verifiers/boxed.h"

#include <stdlib.h>

#include "tests/test.h"
#include "tests/work.h"

typedef struct BoxedCase {
    const char *text, *want; // want NULL: no answer
    const char *extract, *prefilled;
} BoxedCase;

static void check(const BoxedCase *c) {
    JudgeInput in = {.text = c->text,
                     .size = strlen(c->text),
                     .extract = c->extract,
                     .prefilled = c->prefilled,
                     .finished = true};
    const char *reason;
    Slice got = boxed_answer(&in, &reason);
    if (!c->want) {
        if (got.data) fail_msg("'%s': got '%.*s'", c->text, (int)got.size, got.data);
        assert_non_null(reason);
        return;
    }
    if (!got.data || got.size != strlen(c->want) || memcmp(got.data, c->want, got.size) != 0)
        fail_msg("'%s': got '%.*s' (%s)", c->text, (int)got.size, got.data ? got.data : "",
                 reason ? reason : "");
}

static void the_last_complete_box_is_the_answer(void **state) {
    (void)state;
    static const BoxedCase cases[] = {
        {"\\boxed{5}", "5", NULL, NULL},
        {"so $\\boxed{ 5 }$, I hope", "5", NULL, NULL},
        {"\\boxed{1} then \\boxed{2}", "2", NULL, NULL},
        {"\\boxed {7} \\fbox{8}", "8", NULL, NULL},
        {"\\boxed\n{7}", "7", NULL, NULL},
        {"\\boxed{\\frac{1}{2}}", "\\frac{1}{2}", NULL, NULL},
        {"\\boxed{\\boxed{5}}", "5", NULL, NULL},
        {"\\boxed{ \\fbox{\\boxed{5}} }", "5", NULL, NULL},
        {"\\boxed{a \\boxed{5} b}", "a \\boxed{5} b", NULL, NULL},
        {"\\boxed{\\{1,2\\}}", "\\{1,2\\}", NULL, NULL},
        {"\\boxed{4} \\boxed{5", "4", NULL, NULL}, // cut off
        {"\\boxed{\\boxed{5}", "5", NULL, NULL},
        {"{{{ \\boxed{5} }", "5", NULL, NULL},
        {"}}} \\boxed{5}", "5", NULL, NULL},
        {"\\boxed{}", "", NULL, NULL},
        {"\\boxed{5", NULL, NULL, NULL},
        {"\\boxed 5", NULL, NULL, NULL},
        {"boxed{5}", NULL, NULL, NULL},
        {"\\boxedx{5}", NULL, NULL, NULL},
        {"\\\\boxed{5}", NULL, NULL, NULL}, // a line break and a word
        {"\\boxed{5\\}", NULL, NULL, NULL}, // the brace is escaped
        {"", NULL, NULL, NULL},
        {"5", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
}

static void only_what_stands_behind_the_thought_counts(void **state) {
    (void)state;
    static const BoxedCase cases[] = {
        {"<think>\\boxed{1}</think>\\boxed{2}", "2", NULL, NULL},
        {"<think>\\boxed{1}</think> so 2", NULL, NULL, NULL},
        {"<think> 2+2 \\boxed{4}", NULL, NULL, NULL},
        {"<think><think></think></think>\\boxed{5}", "5", NULL, NULL},
        {"</think>\\boxed{5}", "5", NULL, NULL},
        {"a</think>\\boxed{1}<think>\\boxed{2}</think>\\boxed{3}", "3", NULL, NULL},
        {"<think>a</think>\\boxed{5}<think>b", NULL, NULL, NULL},
        {"still thinking \\boxed{5}", NULL, NULL, "<think>"},
        {"done</think> \\boxed{5}", "5", NULL, "<think>\n"},
        {"\\boxed{5}", "5", NULL, "Answer:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
}

static void other_ways_to_mark_an_answer(void **state) {
    (void)state;
    static const BoxedCase cases[] = {
        {"<think>x</think><answer> 5 </answer>", "5", "answer", NULL},
        {"<answer>1</answer><answer>2</answer>", "2", "answer", NULL},
        {"<answer>it is \\boxed{3}</answer>", "3", "answer", NULL},
        {"<answer><answer>4</answer>", "4", "answer", NULL},
        {"<think><answer>1</answer></think>", NULL, "answer", NULL},
        {"<answer>5", NULL, "answer", NULL},
        {"</answer>5<answer>", NULL, "answer", NULL},
        {"so\n#### 72\nthanks", "72", "hash", NULL},
        {"#### 1\n####2", "2", "hash", NULL},
        {"72", NULL, "hash", NULL},
        {"##### 72", "72", "hash", NULL},
        {"  72 \n", "72", "bare", NULL},
        {"<think>3", "<think>3", "bare", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
    assert_true(boxed_extract_known(NULL) && boxed_extract_known("hash"));
    assert_false(boxed_extract_known("last_number"));
}

static void zero_bytes_are_bytes_like_others(void **state) {
    (void)state;
    static const char text[] = "a\0\\boxed{5}\0\\boxed{6}";
    Slice got = boxed_last((Slice){text, sizeof text - 1});
    assert_int_equal(got.size, 1);
    assert_int_equal(got.data[0], '6');
}

// A response of 1.5 MB made of one piece over and over.
static void hostile(const char *piece, const char *prefilled) {
    size_t n = 1500000, m = strlen(piece);
    char *text = malloc(n);
    for (size_t i = 0; i < n; i++) text[i] = piece[i % m];
    JudgeInput in = {.text = text, .size = n, .prefilled = prefilled, .finished = true};
    const char *reason;
    WorkMeter meter = {.most = 15};
    while (work_again(&meter)) {
        boxed_answer(&in, &reason);
        in.extract = "answer";
        boxed_answer(&in, &reason);
        in.extract = NULL;
    }
    if (meter.over) fail_msg("'%s' over and over needs %.0f units of work", piece, meter.least);
    free(text);
}

static void hostile_input_costs_linear_work(void **state) {
    (void)state;
    static const char *const piece[] = {"\\boxed{",    "\\boxed ",
                                        "\\boxed{4} ", "{",
                                        "}",           "\\",
                                        "<think>",     "</think>",
                                        "<answer>",    "</answer>",
                                        "\\boxed{}{",  "\\boxed{\\boxed{}",
                                        "<",           "\\boxed                              ",
                                        "####"};
    for (size_t i = 0; i < sizeof piece / sizeof *piece; i++) {
        hostile(piece[i], NULL);
        hostile(piece[i], "<think>");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_complete_box_is_the_answer),
        cmocka_unit_test(only_what_stands_behind_the_thought_counts),
        cmocka_unit_test(other_ways_to_mark_an_answer),
        cmocka_unit_test(zero_bytes_are_bytes_like_others),
        cmocka_unit_test(hostile_input_costs_linear_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
