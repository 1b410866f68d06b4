// tests/test_math.c -- verifiers/math: pairs of every kind, budgets, threads, policies.
//
// tests/golden/math/pairs.txt was written for this test. Where SHARED names a folder with the
// labelled cases of peers (cases/math_*.jsonl), these are judged too, both ways round and by the
// policy of each tool.
#include "verifiers/math/math.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "base/pool.h"
#include "tests/test.h"

// Sanitizers make everything ten times slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TIMED 0
#else
#define TIMED 1
#endif

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static MathResult compare(const char *gold, const char *answer) {
    return math_compare(gold, strlen(gold), answer, strlen(answer), NULL);
}

static void expect(const char *gold, const char *answer, Verdict want) {
    MathResult got = compare(gold, answer);
    if (got.verdict != want)
        fail_msg("%s and %s: %s (%s), not %s", gold, answer, verdict_name(got.verdict), got.reason,
                 verdict_name(want));
}

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

// ---- made at random: what is equal by construction, and what is not by a hair

static unsigned long long seed = 1;
static int pick(int n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int)((seed >> 33) % (unsigned long long)n);
}

static int nonzero(int most) {
    int v = 1 + pick(most);
    return pick(2) ? v : -v;
}

// (ax+b)(cx+d), expanded; then with one coefficient off by one.
static void products_equal_their_expansion_alone(void **state) {
    (void)state;
    for (int i = 0; i < 300; i++) {
        int a = nonzero(9), b = nonzero(9), c = nonzero(9), d = nonzero(9), off = pick(3);
        const char *x = (const char *[]){"x", "t", "n", "\\theta "}[pick(4)];
        char factored[128], sum[128], wrong[128];
        snprintf(factored, sizeof factored,
                 pick(2) ? "(%d%s%+d)(%d%s%+d)" : "\\left(%d%s%+d\\right)\\cdot(%d%s%+d)", a, x, b,
                 c, x, d);
        snprintf(sum, sizeof sum, "%+d%+d%s^2%+d%s", b * d, a * c, x, a * d + b * c, x);
        snprintf(wrong, sizeof wrong, "%+d%+d%s^2%+d%s", b * d + (off == 0), a * c + (off == 1), x,
                 a * d + b * c + (off == 2), x);
        expect(factored, sum, VERDICT_RIGHT);
        expect(sum, factored, VERDICT_RIGHT);
        expect(factored, wrong, VERDICT_WRONG);
    }
}

// p/q as decimal, percent, scaled fraction, sum; then p+1.
static void fractions_equal_their_other_spellings_alone(void **state) {
    (void)state;
    for (int i = 0; i < 300; i++) {
        int p = nonzero(500), q = 2 + pick(40), k = 2 + pick(7), part = pick(50);
        char plain[64], other[6][96], wrong[64];
        snprintf(plain, sizeof plain, "\\frac{%d}{%d}", p, q);
        snprintf(other[0], sizeof other[0], "\\frac{%d}{%d}", p * k, q * k);
        snprintf(other[1], sizeof other[1], "%d/%d", -p, -q);
        snprintf(other[2], sizeof other[2], "\\dfrac{%d}{%d}+\\tfrac{%d}{%d}", p - part, q, part,
                 q);
        snprintf(other[3], sizeof other[3], "%d\\cdot %d^{-1}", p, q);
        snprintf(other[4], sizeof other[4], "{%d \\over %d}", p, q);
        snprintf(other[5], sizeof other[5], "\\frac{%d}{%d}\\%%", 100 * p, q);
        for (int j = 0; j < 6; j++) expect(plain, other[j], VERDICT_RIGHT);
        snprintf(wrong, sizeof wrong, "\\frac{%d}{%d}", p + 1, q);
        for (int j = 0; j < 6; j++) expect(wrong, other[j], VERDICT_WRONG);
    }
}

// a sqrt(b) and its square under the root; (a + sqrt b)/c rationalised.
static void roots_equal_their_other_forms_alone(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) {
        int a = 2 + pick(30), b = 2 + pick(60), c = 2 + pick(9);
        int r = 1;
        while (r * r < b) r++;
        if (r * r == b) continue;
        char one[96], two[96], off[96];
        snprintf(one, sizeof one, "%d\\sqrt{%d}", a, b);
        snprintf(two, sizeof two, "\\sqrt{%d}", a * a * b);
        snprintf(off, sizeof off, "\\sqrt{%d}", a * a * b + 1);
        expect(one, two, VERDICT_RIGHT);
        expect(one, off, VERDICT_WRONG);
        snprintf(one, sizeof one, "\\frac{%d+\\sqrt{%d}}{%d}", a, b, c);
        snprintf(two, sizeof two, "\\frac{%d}{%d(%d-\\sqrt{%d})}", a * a - b, c, a, b);
        snprintf(off, sizeof off, "%d+\\frac{\\sqrt{%d}}{%d}", a, b, c);
        if (a * a != b) expect(one, two, VERDICT_RIGHT);
        expect(one, off, VERDICT_WRONG);
    }
}

static void intervals_equal_their_inequalities_alone(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        int lo = pick(40) - 20, hi = lo + 1 + pick(20);
        bool lo_in = pick(2), hi_in = pick(2);
        char one[64], two[64], three[64], four[96];
        snprintf(one, sizeof one, "%c%d, %d%c", lo_in ? '[' : '(', lo, hi, hi_in ? ']' : ')');
        snprintf(two, sizeof two, "%d %s x %s %d", lo, lo_in ? "\\le" : "<",
                 hi_in ? "\\leqslant" : "<", hi);
        snprintf(three, sizeof three, "%d %s x %s %d", hi, hi_in ? "\\ge" : ">", lo_in ? ">=" : ">",
                 lo);
        snprintf(four, sizeof four, "x \\in \\left%c%d;%d\\right%c", lo_in ? '[' : ']', lo, hi,
                 hi_in ? ']' : '[');
        expect(one, two, VERDICT_RIGHT);
        expect(one, three, VERDICT_RIGHT);
        expect(two, four, VERDICT_RIGHT);
        snprintf(two, sizeof two, "%d %s x %s %d", lo, lo_in ? "<" : "\\le", hi_in ? "\\le" : "<",
                 hi);
        expect(one, two, VERDICT_WRONG);
        snprintf(two, sizeof two, "%c%d,%d%c", lo_in ? '[' : '(', lo, hi + 1, hi_in ? ']' : ')');
        expect(one, two, VERDICT_WRONG);
    }
}

static void lines_equal_their_multiples_alone(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        int a = nonzero(9), b = nonzero(9), c = nonzero(20), k = nonzero(6);
        char one[64], two[64], off[64], slope[96];
        snprintf(one, sizeof one, "%dx%+dy%+d=0", a, b, c);
        snprintf(two, sizeof two, "%dx%+dy=%d", k * a, k * b, -k * c);
        snprintf(slope, sizeof slope, "y=-\\frac{%d}{%d}x-\\frac{%d}{%d}", a, b, c, b);
        snprintf(off, sizeof off, "%dx%+dy=%d", k * a, k * b, -k * c + 1);
        expect(one, two, VERDICT_RIGHT);
        expect(one, slope, VERDICT_RIGHT);
        expect(one, off, VERDICT_WRONG);
        snprintf(off, sizeof off, "%dx%+dy>%d", k * a, k * b, -k * c);
        expect(one, off, VERDICT_WRONG);
    }
}

static void sets_equal_their_shuffles_alone(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        int n = 2 + pick(5), v[8], order[8];
        char one[128] = "\\{", two[128] = "", off[128] = "";
        for (int j = 0; j < n; j++) v[j] = 10 * j + pick(9) - 20, order[j] = j;
        for (int j = n - 1; j > 0; j--) {
            int k = pick(j + 1), t = order[j];
            order[j] = order[k], order[k] = t;
        }
        for (int j = 0; j < n; j++) {
            sprintf(one + strlen(one), j ? ", %d" : "%d", v[j]);
            const char *sep = j == 0 ? "" : j == n - 1 ? " \\text{ and } " : ", ";
            sprintf(two + strlen(two), "%s%d", sep, v[order[j]]);
            sprintf(off + strlen(off), "%s%d", sep, v[order[j]] + (j == 0 ? 5000 : 0));
        }
        strcat(one, "\\}");
        expect(one, two, VERDICT_RIGHT);
        expect(one, off, VERDICT_WRONG);
    }
}

static void one_digit_of_many_makes_a_difference(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        char one[128], grouped[200], off[128];
        int n = 4 + pick(90), at = pick(n), k = 0;
        for (int j = 0; j < n; j++) one[j] = (char)('0' + (j ? pick(10) : 1 + pick(9)));
        one[n] = 0;
        strcpy(off, one);
        off[at] = (char)(off[at] == '9' ? '8' : off[at] + 1);
        for (int j = 0; j < n; j++) {
            if (j && (n - j) % 3 == 0) k += sprintf(grouped + k, "%s", i % 2 ? "{,}" : ",\\!");
            grouped[k++] = one[j];
        }
        grouped[k] = 0;
        expect(one, grouped, VERDICT_RIGHT);
        expect(off, grouped, VERDICT_WRONG);
    }
}

// ---- budgets

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

static void hostile_texts_are_answered_in_time(void **state) {
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
    double slowest = 0;
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            char *text = repeat(shape[i].before, shape[i].what, counts[c], shape[i].middle,
                                shape[i].after, *shape[i].after ? counts[c] : 0);
            for (size_t g = 0; g < sizeof gold / sizeof *gold; g++) {
                double start = cpu_ms();
                compare(gold[g], text);
                double took = cpu_ms() - start;
                if (took > slowest) slowest = took;
#if TIMED
                if (took > 50)
                    fail_msg("%.0f ms for %s%s.. x %d", took, shape[i].before, shape[i].what,
                             counts[c]);
#endif
            }
            free(text);
        }
    print_message("slowest hostile text: %.1f ms\n", slowest);
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

// What is missing to all is listed in verifiers/README.md: texts that the tool cannot read, and
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
        cmocka_unit_test(products_equal_their_expansion_alone),
        cmocka_unit_test(fractions_equal_their_other_spellings_alone),
        cmocka_unit_test(roots_equal_their_other_forms_alone),
        cmocka_unit_test(intervals_equal_their_inequalities_alone),
        cmocka_unit_test(lines_equal_their_multiples_alone),
        cmocka_unit_test(sets_equal_their_shuffles_alone),
        cmocka_unit_test(one_digit_of_many_makes_a_difference),
        cmocka_unit_test(hostile_texts_are_answered_in_time),
        cmocka_unit_test(what_is_too_large_is_not_equal),
        cmocka_unit_test(a_gold_over_budget_is_an_error_and_an_answer_wrong),
        cmocka_unit_test(a_gold_that_cannot_be_read_is_an_error),
        cmocka_unit_test(bytes_that_are_no_text_are_wrong),
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
