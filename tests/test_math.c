// tests/test_math.c -- verifiers/math: pairs of every kind, layers, policies, threads.
//
// tests/golden/math/pairs.txt was written for this test. Where SHARED names a folder with the
// labelled cases of peers (cases/math_*.jsonl), these are judged too, both ways round and by the
// policy of each tool.
#include "verifiers/math/math.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/pool.h"
#include "tests/math_expect.h"

// ---- the pairs

typedef struct Pairs {
    FileMap map;
    char *text;
    const char *(*row)[3];
    bool *same;
    int n;
} Pairs;

static void pairs_open(Pairs *p) {
    *p = (Pairs){0};
    assert_ok(file_map("tests/golden/math/pairs.txt", &p->map));
    p->text = strndup(p->map.data, p->map.size);
    p->row = calloc(4096, sizeof *p->row);
    p->same = calloc(4096, sizeof *p->same);
    assert_true(p->row && p->same);
    for (char *line = strtok(p->text, "\n"); line; line = strtok(NULL, "\n")) {
        if (*line == '#') continue;
        char *gold = strstr(line, " | "), *answer = gold ? strstr(gold + 3, " | ") : NULL;
        char *mark = answer ? strstr(answer + 3, " | ") : NULL;
        assert_non_null(mark);
        *gold = *answer = *mark = 0;
        p->row[p->n][0] = line;
        p->row[p->n][1] = gold + 3;
        p->row[p->n][2] = answer + 3;
        p->same[p->n++] = mark[3] == '=';
        assert_true(p->n < 4096);
    }
    assert_true(p->n > 500);
}

static void pairs_close(Pairs *p) {
    free(p->row);
    free(p->same);
    free(p->text);
    file_unmap(&p->map);
}

static void every_pair_has_its_verdict_both_ways(void **state) {
    (void)state;
    Pairs p;
    int bad = 0;
    pairs_open(&p);
    for (int i = 0; i < p.n; i++)
        for (int turn = 0; turn < 2; turn++) {
            const char *gold = p.row[i][1 + turn], *answer = p.row[i][2 - turn];
            MathResult got = compare(gold, answer);
            if ((got.verdict == VERDICT_RIGHT) == p.same[i] &&
                (p.same[i] || got.verdict == VERDICT_WRONG || turn))
                continue;
            print_message("%s: %s and %s: %s, %s\n", p.row[i][0], gold, answer,
                          verdict_name(got.verdict), got.reason);
            bad++;
        }
    pairs_close(&p);
    assert_int_equal(bad, 0);
}

static void every_readable_text_equals_itself(void **state) {
    (void)state;
    Pairs p;
    pairs_open(&p);
    for (int i = 0; i < p.n; i++) {
        char spaced[512];
        snprintf(spaced, sizeof spaced, "\\displaystyle %s", p.row[i][1]);
        expect(p.row[i][1], spaced, VERDICT_RIGHT);
    }
    pairs_close(&p);
}

// ---- who decides

static void each_layer_decides_what_it_can(void **state) {
    (void)state;
    assert_int_equal(compare("\\dfrac12", "\\frac{1}{2}").layer, MATH_TEXT);
    assert_int_equal(compare("0.5", "\\frac{1}{2}").layer, MATH_RATIONAL);
    assert_int_equal(compare("(x+1)^2", "x^2+2x+1").layer, MATH_IDENTITY);
    assert_int_equal(compare("\\sqrt{8}", "2\\sqrt2").layer, MATH_NUMERIC);
    assert_int_equal(compare("\\{1,2\\}", "2,1").layer, MATH_STRUCTURE);
    assert_int_equal(compare("5", "\\frac{").layer, MATH_UNREAD);
    Arena *arena = arena_new(4096);
    const char *text = math_explain("x+1", 3, "1+x", 3, NULL, arena);
    assert_non_null(strstr(text, "(+ x 1)"));
    assert_non_null(strstr(text, "(+ 1 x)"));
    assert_non_null(strstr(text, "identity"));
    arena_free(arena);
}

static void a_tolerance_is_absolute_and_only_what_the_gold_states(void **state) {
    (void)state;
    MathOptions bar = {.tolerance = "1e-1"};
    assert_int_equal(math_compare("1.68", 4, "1.7", 3, &bar).verdict, VERDICT_RIGHT);
    assert_int_equal(math_compare("1.68", 4, "1.79", 4, &bar).verdict, VERDICT_WRONG);
    assert_int_equal(math_compare("1.68", 4, "1.7", 3, NULL).verdict, VERDICT_WRONG);
}

static void policies_differ_where_the_tools_do(void **state) {
    (void)state;
    static const struct {
        const char *gold, *answer;
        bool right[5]; // default, math-verify, qwen, prm800k, verl
    } row[] = {{"50\\%", "0.5", {1, 1, 1, 0, 0}},
               {"50\\%", "50", {0, 0, 1, 1, 1}},
               {"\\frac{1}{3}", "0.333333", {0, 1, 1, 0, 0}},
               {"\\pi", "3.14", {0, 0, 0, 0, 0}},
               {"(1,2)", "1,2", {0, 1, 1, 0, 0}},
               {"[1,2]", "(1,2)", {0, 0, 1, 0, 0}},
               {"1,2", "2,1", {1, 1, 0, 0, 0}},
               {"5\\text{ cm}", "5\\text{ m}", {0, 1, 1, 1, 1}},
               {"2112_6", "2112", {0, 1, 0, 0, 0}},
               {"\\text{even}", "Even", {1, 1, 1, 1, 0}},
               {"7:32", "14:64", {1, 1, 1, 0, 0}},
               {"1+2i", "1+2j", {0, 0, 1, 0, 0}},
               {"\\frac{6}{8}", "\\frac{3}{4}", {1, 1, 1, 0, 0}},
               {"x>2", "(2,\\infty)", {1, 1, 0, 0, 0}},
               {"x=1", "1", {1, 1, 1, 1, 1}},
               {"(2,\\infty)", "x>2", {1, 0, 0, 0, 0}},
               {"0.45", "45", {0, 0, 1, 0, 0}},
               {"\\$7", "700\\text{ cents}", {0, 0, 1, 0, 0}},
               {"\\pm 4", "4,-4", {1, 1, 0, 0, 0}},
               {"a=3,b=4", "3,4", {1, 1, 1, 0, 0}},
               {"(a,b)=(3,4)", "(3,4)", {1, 1, 0, 0, 0}},
               {"\\text{(B)}", "\\text{B: }7", {1, 0, 0, 0, 0}},
               {"\\emptyset", "\\text{no solution}", {1, 0, 0, 0, 0}},
               {"(x+1)^2", "x^2+2x+1", {1, 1, 1, 1, 0}}};
    static const char *const policy[] = {NULL, "math-verify", "qwen", "prm800k", "verl"};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        for (int p = 0; p < 5; p++) {
            MathOptions options = {.policy = policy[p]};
            MathResult got = math_compare(row[i].gold, strlen(row[i].gold), row[i].answer,
                                          strlen(row[i].answer), &options);
            if ((got.verdict == VERDICT_RIGHT) != row[i].right[p])
                fail_msg("%s and %s by %s: %s (%s)", row[i].gold, row[i].answer,
                         policy[p] ? policy[p] : "default", verdict_name(got.verdict), got.reason);
        }
    MathOptions unknown = {.policy = "nobody"};
    assert_int_equal(math_compare("5", 1, "5", 1, &unknown).verdict, VERDICT_ERROR);
    assert_true(math_policy_known("qwen") && !math_policy_known("nobody"));
}

// ---- labelled cases of peers, where they are

typedef void RowFn(const Json *row, void *ctx);

// False, and says so, where the file is not there.
static bool each_case(const char *name, RowFn *fn, void *ctx) {
    const char *shared = getenv("SHARED");
    char path[512];
    FileMap map;
    if (!shared) {
        print_message("SHARED is not set: %s is not judged\n", name);
        return false;
    }
    snprintf(path, sizeof path, "%s/cases/%s", shared, name);
    assert_ok(file_map(path, &map));
    int line = 1;
    for (const char *p = map.data, *end = p + map.size, *stop; p < end; p = stop + 1, line++) {
        stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        JsonDoc *doc;
        if (stop == p) continue;
        assert_ok(json_parse(p, (size_t)(stop - p), path, line, false, &doc));
        fn(json_root(doc), ctx);
        json_free(doc);
    }
    file_unmap(&map);
    return true;
}

static const char *field(const Json *row, const char *first, const char *second) {
    const char *text = json_text(json_get(row, first), NULL);
    return text ? text : json_text(json_get(row, second), NULL);
}

static void count_asymmetric(const Json *row, void *ctx) {
    const char *a = field(row, "gold_bare", "gold"), *b = field(row, "ans", "pred_bare");
    if (!b) b = json_text(json_get(row, "pred"), NULL);
    if (!a || !b) return;
    int *n = ctx;
    MathResult one = compare(a, b), two = compare(b, a);
    n[0]++;
    if ((one.verdict == VERDICT_RIGHT) == (two.verdict == VERDICT_RIGHT)) return;
    n[1]++;
    print_message("%.200s and %.200s: %s, turned round %s\n", a, b, verdict_name(one.verdict),
                  verdict_name(two.verdict));
}

static void equality_is_symmetric_on_every_case(void **state) {
    (void)state;
    static const char *const files[] = {"math_rewrites.jsonl", "math_verify_cases.jsonl",
                                        "math_policy.jsonl", "math_real_outputs.jsonl",
                                        "math_adversarial.jsonl"};
    int n[2] = {0};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!each_case(files[i], count_asymmetric, n)) return;
    print_message("%d pairs both ways\n", n[0]);
    assert_int_equal(n[1], 0);
}

typedef struct Tool {
    const char *key, *policy;
    int agree, rows;
} Tool;

static void count_agreement(const Json *row, void *ctx) {
    Tool *tool = ctx;
    const char *gold = field(row, "gold", "gold"), *answer = field(row, "ans", "ans");
    const Json *said = json_get(json_get(row, "peers"), tool->key);
    if (!gold || !answer || !said) return;
    MathOptions options = {.policy = tool->policy};
    MathResult got = math_compare(gold, strlen(gold), answer, strlen(answer), &options);
    tool->rows++;
    tool->agree += (got.verdict == VERDICT_RIGHT) == json_bool(said, false);
}

// What is missing to all is listed in docs/JUDGES.md: texts that the tool cannot read, and
// bugs.
static void a_policy_gives_the_verdicts_of_its_tool(void **state) {
    (void)state;
    Tool tools[] = {{"mv", "math-verify", 83, 86},
                    {"qwen", "qwen", 78, 86},
                    {"prm", "prm800k", 80, 86},
                    {"verl_math", "verl", 86, 86}};
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        Tool got = {tools[i].key, tools[i].policy, 0, 0};
        if (!each_case("math_policy.jsonl", count_agreement, &got)) return;
        print_message("%s: %d of %d\n", got.policy, got.agree, got.rows);
        assert_int_equal(got.rows, tools[i].rows);
        assert_int_equal(got.agree, tools[i].agree);
    }
}

// ---- whole responses

static Verdict judge(const char *gold, const char *text, const char *extract) {
    JudgeInput in = {
        .gold = gold, .text = text, .size = strlen(text), .extract = extract, .finished = true};
    return math_judge(&in).verdict;
}

static void several_boxes_are_a_list_only_where_the_gold_is_one(void **state) {
    (void)state;
    assert_int_equal(judge("1,2", "\\boxed{1} and \\boxed{2}", NULL), VERDICT_RIGHT);
    assert_int_equal(judge("1,2", "\\boxed{1}, $\\boxed{2}$.", NULL), VERDICT_RIGHT);
    assert_int_equal(judge("2", "\\boxed{1}, \\boxed{2}", NULL), VERDICT_RIGHT); // the last
    assert_int_equal(judge("1", "\\boxed{1}, \\boxed{2}", NULL), VERDICT_WRONG);
    assert_int_equal(judge("1,2", "\\boxed{1} no, no \\boxed{2}", NULL), VERDICT_WRONG);
    assert_int_equal(judge("1,2", "\\boxed{3}, \\boxed{1}, \\boxed{2}", NULL), VERDICT_WRONG);
}

static void a_sentence_counts_only_where_the_text_is_the_answer(void **state) {
    (void)state;
    assert_int_equal(judge("9", "Answer \\( 9 \\)", "bare"), VERDICT_RIGHT);
    assert_int_equal(judge("9", "so the answer must be 9.", "bare"), VERDICT_RIGHT);
    assert_int_equal(judge("9", "and so it is surely not 9", "bare"), VERDICT_WRONG);
    assert_int_equal(judge("9", "and so it must be at least 9", "bare"), VERDICT_WRONG);
    assert_int_equal(judge("9", "so the answer must be 9.", NULL), VERDICT_WRONG);
    assert_int_equal(judge("9", "\\boxed{so the answer must be 9}", NULL), VERDICT_WRONG);
}

static void a_cut_off_response_is_wrong(void **state) {
    (void)state;
    JudgeInput in = {.gold = "5", .text = "\\boxed{5}", .size = 9, .finished = false};
    assert_int_equal(math_judge(&in).verdict, VERDICT_WRONG);
    in.gold = "\\frac{";
    assert_int_equal(math_judge(&in).verdict, VERDICT_ERROR); // whatever the response says
}

// ---- threads

static void judge_one(void *ctx, int i, int worker) {
    (void)worker;
    const Pairs *p = ctx;
    MathResult got = compare(p->row[i % p->n][1], p->row[i % p->n][2]);
    CHECK((got.verdict == VERDICT_RIGHT) == p->same[i % p->n]);
}

static void threads_judge_alike(void **state) {
    (void)state;
    Pairs p;
    pairs_open(&p);
    Pool *pool = pool_new(4);
    pool_for(pool, 3 * p.n, judge_one, &p);
    pool_free(pool);
    pairs_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_has_its_verdict_both_ways),
        cmocka_unit_test(every_readable_text_equals_itself),
        cmocka_unit_test(each_layer_decides_what_it_can),
        cmocka_unit_test(a_tolerance_is_absolute_and_only_what_the_gold_states),
        cmocka_unit_test(policies_differ_where_the_tools_do),
        cmocka_unit_test(equality_is_symmetric_on_every_case),
        cmocka_unit_test(a_policy_gives_the_verdicts_of_its_tool),
        cmocka_unit_test(several_boxes_are_a_list_only_where_the_gold_is_one),
        cmocka_unit_test(a_sentence_counts_only_where_the_text_is_the_answer),
        cmocka_unit_test(a_cut_off_response_is_wrong),
        cmocka_unit_test(threads_judge_alike),
    };
    return cmocka_run_group_tests_name("verifiers/math", tests, NULL, NULL);
}
