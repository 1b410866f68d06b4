// tests/test_verify.c -- verifiers/verify: the table, its rules, and every judge on many threads.
#include "verifiers/verify.h"

#include <stdlib.h>

#include "base/pool.h"
#include "sandbox/cage.h"
#include "tests/test.h"
#include "tests/work.h"

static void every_judge_has_its_row(void **state) {
    (void)state;
    static const char *const want[] = {"number", "math",   "code",      "format",  "language",
                                       "ifeval", "choice", "countdown", "knights", "program"};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const Judge *judge = verify_find(want[i]);
        assert_non_null(judge);
        assert_non_null(judge->help);
        assert_non_null(strstr(verify_names(), want[i]));
    }
    assert_int_equal(verify_count(), sizeof want / sizeof *want);
    assert_null(verify_find("poetry"));
    const Judge *none;
    assert_int_equal(verify_need("poetry", "the config", &none), ST_CONFIG);
    assert_non_null(strstr(status_text(), "the config asks for the judge 'poetry'"));
    assert_non_null(strstr(status_text(), "number, math"));
    assert_int_equal(verify_need(NULL, "x", &none), ST_CONFIG);
}

// What cannot be judged is an error whatever the response says, and `refuses` says so beforehand.
static void a_task_that_is_none_is_an_error(void **state) {
    (void)state;
    static const char *const response[] = {"", "5", "\\boxed{5}",
                                           "<think>x</think><answer>5</answer>"};
    for (int i = 0; i < verify_count(); i++) {
        const Judge *judge = verify_at(i);
        if (!strcmp(judge->name, "format")) continue; // needs nothing
        JudgeInput task = {.finished = true};
        if (judge->refuses) assert_non_null(judge->refuses(&task));
        for (size_t k = 0; k < sizeof response / sizeof *response; k++) {
            JudgeInput in = {.text = response[k], .size = strlen(response[k]), .finished = true};
            Judgement j = verify_judge(judge, &in);
            if (j.verdict != VERDICT_ERROR)
                fail_msg("%s: %s", judge->name, verdict_name(j.verdict));
            assert_non_null(j.reason);
        }
    }
}

static void a_row_fills_what_it_has(void **state) {
    (void)state;
    static const char text[] = "{\"gold\":12345678901234567890,\"template\":\"chat\",\"extract\":"
                               "\"bare\",\"math_policy\":null,\"policy\":\"last box wins\","
                               "\"target\":\"de\",\"finished\":false}";
    JsonDoc *doc;
    assert_ok(json_parse(text, strlen(text), "row", 1, false, &doc));
    JudgeInput in = {.finished = true, .policy = "x", .prompt = "p"};
    assert_null(verify_read_row(json_root(doc), &in));
    assert_string_equal(in.gold, "12345678901234567890"); // digit by digit
    assert_string_equal(in.template_, "chat");
    assert_string_equal(in.policy, "x");
    assert_string_equal(in.prompt, "p");
    assert_false(in.finished);
    assert_ptr_equal(in.task, json_root(doc));
    json_free(doc);
    static const char *const bad[] = {"{\"gold\":[1]}", "{\"gold\":true}", "{\"extract\":3}",
                                      "{\"gold\":\"a\\u0000b\"}", "{\"prompt\":{}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_ok(json_parse(bad[i], strlen(bad[i]), "row", 1, false, &doc));
        assert_non_null(verify_read_row(json_root(doc), &in));
        json_free(doc);
    }
}

// One task for each judge that runs in this process, and what is right for it.
static const struct {
    const char *judge, *row, *right, *wrong;
} cases[] = {
    {"number", "{\"gold\":\"1/2\"}", "\\boxed{0.5}", "\\boxed{0.6}"},
    {"math", "{\"gold\":\"\\\\frac12\"}", "\\boxed{0.5}", "\\boxed{0.6}"},
    {"format", "{\"template\":\"r1-zero\"}", "<think>a</think><answer>b</answer>", "<think>a"},
    {"language", "{\"target\":\"en\"}", "<think>we add the two</think>",
     "<think>wir addieren die beiden und das</think>"},
    {"ifeval", "{\"instruction_id_list\":[\"punctuation:no_comma\"],\"kwargs\":[{}]}", "a b",
     "a, b"},
    {"choice", "{\"gold\":\"B\",\"options\":[\"x\",\"y\"]}", "\\boxed{(B) y}", "\\boxed{x}"},
    {"countdown", "{\"numbers\":[2,3],\"target\":6}", "\\boxed{2*3}", "\\boxed{2+3}"},
    {"knights", "{\"gold\":\"Ann is a knight.\"}", "\\boxed{Ann: knight}", "\\boxed{Ann: knave}"},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static JsonDoc *row[N_CASES];

static void judge_one(void *ctx, int i, int worker) {
    (void)worker;
    uint8_t *ok = ctx;
    int c = i / 2 % N_CASES;
    const char *text = i % 2 ? cases[c].wrong : cases[c].right;
    Str explain = {0}, more = {0};
    JudgeInput in = {
        .text = text, .size = strlen(text), .finished = true, .explain = &explain, .more = &more};
    ok[i] = verify_read_row(json_root(row[c]), &in) == NULL &&
            verify_judge(verify_find(cases[c].judge), &in).verdict ==
                (i % 2 ? VERDICT_WRONG : VERDICT_RIGHT);
    str_free(&explain), str_free(&more);
}

static void threads_judge_at_once(void **state) {
    (void)state;
    enum { N = 2 * N_CASES * 40 };
    uint8_t ok[N];
    for (int c = 0; c < N_CASES; c++)
        assert_ok(json_parse(cases[c].row, strlen(cases[c].row), "row", 1, false, &row[c]));
    for (int threads = 1; threads <= 4; threads += 3) {
        Pool *pool = pool_new(threads);
        memset(ok, 0, sizeof ok);
        pool_for(pool, N, judge_one, ok);
        for (int i = 0; i < N; i++)
            if (!ok[i]) fail_msg("%s, %s", cases[i / 2 % N_CASES].judge, i % 2 ? "wrong" : "right");
        pool_free(pool);
    }
    for (int c = 0; c < N_CASES; c++) json_free(row[c]);
}

// Every judge answers 1.5 MB of anything after little work.
static void large_responses_are_bounded(void **state) {
    (void)state;
    static const char *const piece[] = {"a", "\\boxed{",     "<think>", "1,",  "$",
                                        "{", "\xe4\xbd\xa0", "[1",      "\n- "};
    size_t n = 1500000;
    char *text = malloc(n);
    for (int c = 0; c < N_CASES; c++) {
        JsonDoc *doc;
        assert_ok(json_parse(cases[c].row, strlen(cases[c].row), "row", 1, false, &doc));
        for (size_t i = 0; i < sizeof piece / sizeof *piece; i++) {
            for (size_t k = 0; k < n; k++) text[k] = piece[i][k % strlen(piece[i])];
            JudgeInput in = {.text = text, .size = n, .finished = true};
            assert_null(verify_read_row(json_root(doc), &in));
            WorkMeter meter = {.most = 25};
            while (work_again(&meter)) verify_judge(verify_find(cases[c].judge), &in);
            if (meter.over)
                fail_msg("%s: '%s' needs %.0f units of work", cases[c].judge, piece[i],
                         meter.least);
        }
        json_free(doc);
    }
    free(text);
}

int main(int argc, char **argv) {
    cage_main(argc, argv); // the judge code's broker is this program again
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_judge_has_its_row),
        cmocka_unit_test(a_task_that_is_none_is_an_error),
        cmocka_unit_test(a_row_fills_what_it_has),
        cmocka_unit_test(threads_judge_at_once),
        cmocka_unit_test(large_responses_are_bounded),
    };
#ifdef __SANITIZE_THREAD__
    cmocka_set_test_filter("threads_*"); // the rest has no threads
#endif
    return cmocka_run_group_tests_name("verifiers/verify", tests, NULL, NULL);
}
