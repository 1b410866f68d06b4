// tests/test_wordgram.c -- words, runs of ten words, and the rules of rejection sampling.
#include <stdio.h>
#include <string.h>

#include "rl/reject.h"
#include "rl/wordgram.h"
#include "tests/test.h"

static size_t words_of(const char *text) {
    WordList w = {0};
    wordlist_add(&w, text, strlen(text));
    size_t n = w.n;
    wordlist_free(&w);
    return n;
}

static uint64_t whole(const char *text) {
    WordList w = {0};
    wordlist_add(&w, text, strlen(text));
    uint64_t hash = wordlist_gram(&w, 0, w.n);
    wordlist_free(&w);
    return hash;
}

static void words_are_runs_of_letters_and_digits(void **state) {
    (void)state;
    assert_int_equal(words_of(""), 0);
    assert_int_equal(words_of(" .,;!?"), 0);
    assert_int_equal(words_of("How many, then: 12 or 3.5?"), 7);
    assert_int_equal(words_of("gr\xc3\xb6\xc3\x9f"
                              "er als"),
                     2);
    assert_int_equal(words_of("\xe4\xb8\x80\xe4\xba\x8c\xe4\xb8\x89 abc\xe4\xb8\x80"), 5);
    assert_int_equal(words_of("\xe4\xb8"), 1); // cut off
    assert_true(whole("The  Cat, sat") == whole("the cat sat."));
    assert_true(whole("the cat sat") != whole("the cat sat sat"));
    assert_true(whole("cat the sat") != whole("the cat sat"));
    assert_true(whole("thecat sat") != whole("the cat sat"));
}

static void a_loop_repeats_itself(void **state) {
    (void)state;
    WordList w = {0};
    for (int i = 0; i < 40; i++) wordlist_add(&w, "so it is then ", 14);
    assert_true(wordlist_repeats(&w, 6) > 0.9);
    wordlist_clear(&w);
    char word[16];
    for (int i = 0; i < 40; i++)
        wordlist_add(&w, word, (size_t)snprintf(word, sizeof word, "w%d ", i));
    assert_true(wordlist_repeats(&w, 6) == 0);
    wordlist_free(&w);
}

static void a_set_holds_what_was_added(void **state) {
    (void)state;
    GramSet set = {0};
    assert_false(gramset_has(&set, 5));
    for (uint64_t i = 0; i < 5000; i++) assert_true(gramset_add(&set, i * 977 + 2));
    for (uint64_t i = 0; i < 5000; i++) assert_false(gramset_add(&set, i * 977 + 2));
    for (uint64_t i = 0; i < 5000; i++) assert_false(gramset_has(&set, i * 977 + 3));
    assert_int_equal(set.n, 5000);
    gramset_free(&set);
}

// ---- the rules

static Task test_task = {.id = 1,
                         .source = "t",
                         .prompt = "A farmer has twelve cows and each of them gives nine litres",
                         .gold = "108"};

static Status give(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    (void)source;
    (void)index;
    (void)arena;
    *out = test_task;
    return ST_OK;
}

static unsigned bit(RejectReason r) {
    return 1u << r;
}

static unsigned ask(RejectRules rules, RejectSample s) {
    double repeats;
    s.size = strlen(s.response);
    return reject_reasons(&rules, &s, &repeats);
}

static void each_rule_has_its_reason(void **state) {
    (void)state;
    Task task = {.id = 2, .prompt = "What is 2+2?"};
    const RejectRules rules = {
        .format = true, .max_repeats = 0.5, .min_language = 0.9, .min_tokens = 2, .max_tokens = 9};
    const RejectSample fine = {.task = &task,
                               .response = "four",
                               .verdict = VERDICT_RIGHT,
                               .ended = true,
                               .format = 1,
                               .language = 1,
                               .n_tokens = 5};
    assert_int_equal(ask(rules, fine), 0);
    RejectSample s = fine;
    s.verdict = VERDICT_WRONG;
    assert_int_equal(ask(rules, s), bit(REJECT_WRONG));
    s.verdict = VERDICT_ERROR;
    assert_int_equal(ask(rules, s), bit(REJECT_NO_VERDICT));
    s = fine, s.ended = false;
    assert_int_equal(ask(rules, s), bit(REJECT_CUT_OFF));
    s.looped = true;
    assert_int_equal(ask(rules, s), bit(REJECT_CUT_OFF) | bit(REJECT_REPETITION));
    s = fine, s.format = 0;
    assert_int_equal(ask(rules, s), bit(REJECT_FORMAT));
    s = fine, s.language = 0.8;
    assert_int_equal(ask(rules, s), bit(REJECT_LANGUAGE));
    s = fine, s.n_tokens = 1;
    assert_int_equal(ask(rules, s), bit(REJECT_SHORT));
    s.n_tokens = 10;
    assert_int_equal(ask(rules, s), bit(REJECT_LONG));
    s = fine, s.response = "four \xff";
    assert_int_equal(ask(rules, s), bit(REJECT_BYTES));
    s = fine, s.response = "a b c d e f a b c d e f a b c d e f a b c d e f";
    assert_int_equal(ask(rules, s), bit(REJECT_REPETITION));
}

static void ten_words_of_a_test_are_found(void **state) {
    (void)state;
    RejectTests tests = {0};
    TaskSource source = {.name = "t", .n_tasks = 1, .get = give};
    assert_int_equal(reject_tests_add(&tests, &source), ST_OK);
    assert_int_equal(tests.questions, 1);
    assert_int_equal(tests.gram.n, 3); // twelve words
    Task task = {.id = 2, .prompt = "What is 2+2?"};
    const RejectRules rules = {.max_repeats = 1, .tests = &tests};
    RejectSample s = {
        .task = &task, .verdict = VERDICT_RIGHT, .ended = true, .n_tokens = 5, .response = "four"};
    assert_int_equal(ask(rules, s), 0);
    s.response = "I know: a FARMER has twelve cows, and each of them gives nine gallons";
    assert_int_equal(ask(rules, s), bit(REJECT_CONTAMINATED));
    s.response = "I know: a farmer has twelve cows, and each of these gives nine gallons";
    assert_int_equal(ask(rules, s), 0); // nine in a row at most
    s.response = "four";
    task.prompt = "Now: a farmer has twelve cows and each of them gives nine litres. How many?";
    assert_int_equal(ask(rules, s), bit(REJECT_CONTAMINATED));
    DocumentTurn turn[2] = {{"system", task.prompt}, {"user", "How many?"}};
    task.prompt = "How many?", task.turn = turn, task.n_turns = 2;
    assert_int_equal(ask(rules, s), bit(REJECT_CONTAMINATED));
    task = (Task){.id = 1, .prompt = "x"}; // the same question, however short
    assert_int_equal(ask(rules, s), bit(REJECT_CONTAMINATED));
    source.n_tasks = 0;
    assert_int_equal(reject_tests_add(&tests, &source), ST_CONFIG);
    reject_tests_free(&tests);
}

static void copies_and_too_many_are_left_out(void **state) {
    (void)state;
    RejectTaken taken = {0};
    const RejectRules rules = {.per_prompt = 2};
    reject_next(&taken);
    assert_int_equal(reject_take(&rules, &taken, "2+2?", "it is 4"), 0);
    assert_int_equal(reject_take(&rules, &taken, "2+2?", "It is: 4."), bit(REJECT_DUPLICATE));
    assert_int_equal(reject_take(&rules, &taken, "2+2?", "four"), 0);
    assert_int_equal(reject_take(&rules, &taken, "2+2?", "IV"), bit(REJECT_LIMIT));
    reject_next(&taken);
    assert_int_equal(reject_take(&rules, &taken, "2*2?", "it is 4"), 0); // another question
    reject_next(&taken);
    assert_int_equal(reject_take(&rules, &taken, "2+2?", "it is 4"), bit(REJECT_DUPLICATE));
    reject_taken_free(&taken);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_runs_of_letters_and_digits),
        cmocka_unit_test(a_loop_repeats_itself),
        cmocka_unit_test(a_set_holds_what_was_added),
        cmocka_unit_test(each_rule_has_its_reason),
        cmocka_unit_test(ten_words_of_a_test_are_found),
        cmocka_unit_test(copies_and_too_many_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
