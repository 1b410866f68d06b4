// tests/test_choice.c -- verifiers/choice: a letter, however it is dressed.
#include "verifiers/choice.h"

#include <stdlib.h>

#include "tests/test.h"
#include "tests/work.h"

static Judgement judge(const char *gold, const char *row, const char *answer) {
    JsonDoc *doc = NULL;
    if (row) assert_ok(json_parse(row, strlen(row), "row", 1, false, &doc));
    JudgeInput in = {.text = answer,
                     .size = strlen(answer),
                     .finished = true,
                     .gold = gold,
                     .task = doc ? json_root(doc) : NULL,
                     .extract = "bare"};
    Judgement j = choice_judge(&in);
    json_free(doc);
    return j;
}

static const char cities[] = "{\"options\":[\"Rome\",\"Paris\",\"New York\",\"10\"]}";

static void expect(Verdict want, const char *gold, const char *row, const char *answer) {
    Judgement j = judge(gold, row, answer);
    if (j.verdict != want)
        fail_msg("gold %s, answer '%s' is %s: %s", gold, answer, verdict_name(j.verdict), j.reason);
}

static void a_letter_in_any_dress(void **state) {
    (void)state;
    static const char *const b[] = {"B",           "b",           "(B)",
                                    "[B]",         "B.",          "B)",
                                    "$B$",         "\\text{B}",   "\\textbf{(B)}",
                                    "**B**",       "Option B",    "The answer is (B).",
                                    "Answer: B",   "\\mathrm{B}", "{B}",
                                    "\\text{(B) }"};
    for (size_t i = 0; i < sizeof b / sizeof *b; i++) {
        expect(VERDICT_RIGHT, "B", NULL, b[i]);
        expect(VERDICT_RIGHT, "B", cities, b[i]);
        expect(VERDICT_WRONG, "C", NULL, b[i]);
    }
    expect(VERDICT_RIGHT, "(B)", NULL, "B");
    static const char *const none[] = {"",  "Bee",   "B or C",   "AB",  "7",
                                       "?", "not B", "B, no: C", "\xff"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        expect(VERDICT_WRONG, "B", NULL, none[i]);
}

static void the_text_of_an_option_is_its_letter(void **state) {
    (void)state;
    expect(VERDICT_RIGHT, "B", cities, "Paris");
    expect(VERDICT_RIGHT, "B", cities, "paris.");
    expect(VERDICT_RIGHT, "C", cities, "\\text{New  York}");
    expect(VERDICT_RIGHT, "D", cities, "10");
    expect(VERDICT_RIGHT, "Paris", cities, "B");
    expect(VERDICT_RIGHT, "B", cities, "B. Paris");
    expect(VERDICT_RIGHT, "B", cities, "(B) Paris");
    expect(VERDICT_RIGHT, "B", cities, "\\text{(B) Paris}");
    expect(VERDICT_RIGHT, "B", "{\"options\":[\"A. Rome\",\"B. Paris\"]}", "Paris");
    expect(VERDICT_WRONG, "B", cities, "Rome");
    expect(VERDICT_WRONG, "B", cities, "London");
    expect(VERDICT_WRONG, "B", "{\"options\":[\"1\",\"1\"]}", "1"); // it could be either
}

static void a_letter_with_anothers_text_contradicts_itself(void **state) {
    (void)state;
    expect(VERDICT_WRONG, "B", cities, "B. Rome");
    expect(VERDICT_WRONG, "A", cities, "B. Rome");
    expect(VERDICT_WRONG, "B", cities, "(B) London");
}

static void several_letters_are_a_set(void **state) {
    (void)state;
    expect(VERDICT_RIGHT, "A, C", NULL, "C,A");
    expect(VERDICT_RIGHT, "AC", NULL, "A and C");
    expect(VERDICT_WRONG, "A, C", NULL, "A");
    expect(VERDICT_WRONG, "A", NULL, "A, C");
    expect(VERDICT_WRONG, "A, C", NULL, "A, A, C");
}

static void a_gold_that_is_no_choice_gives_no_verdict(void **state) {
    (void)state;
    expect(VERDICT_ERROR, NULL, cities, "B");
    expect(VERDICT_ERROR, "London", cities, "B");
    expect(VERDICT_ERROR, "Z", cities, "B");
    expect(VERDICT_ERROR, "", NULL, "B");
}

static void hostile_input_is_bounded(void **state) {
    (void)state;
    static const char *const piece[] = {"(", "\\text{", "A,", "A ", "**", "answer ", "$", "\n"};
    size_t n = 1500000;
    char *text = malloc(n + 1);
    for (size_t i = 0; i < sizeof piece / sizeof *piece; i++)
        for (int s = 0; s < 2; s++) {
            size_t size = s ? CHOICE_MAX_BYTES : n;
            for (size_t k = 0; k < size; k++) text[k] = piece[i][k % strlen(piece[i])];
            text[size] = 0;
            WorkMeter meter = {.most = 40};
            while (work_again(&meter))
                assert_int_equal(judge("B", cities, text).verdict, VERDICT_WRONG);
            if (meter.over)
                fail_msg("%zu bytes of '%s' need %.0f units of work", size, piece[i], meter.least);
        }
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_in_any_dress),
        cmocka_unit_test(the_text_of_an_option_is_its_letter),
        cmocka_unit_test(a_letter_with_anothers_text_contradicts_itself),
        cmocka_unit_test(several_letters_are_a_set),
        cmocka_unit_test(a_gold_that_is_no_choice_gives_no_verdict),
        cmocka_unit_test(hostile_input_is_bounded),
    };
    return cmocka_run_group_tests_name("verifiers/choice", tests, NULL, NULL);
}
