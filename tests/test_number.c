// tests/test_number.c -- verifiers/number: equal numbers are equal in any notation, others never.
#include "verifiers/number.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/str.h"
#include "datasets/jsonl.h"
#include "tests/test.h"
#include "tests/work.h"

static Verdict compare(const char *gold, const char *answer, const char **reason) {
    return number_compare(gold, strlen(gold), answer, strlen(answer), reason);
}

static void expect(Verdict want, const char *gold, const char *answer) {
    const char *reason;
    Verdict got = compare(gold, answer, &reason);
    if (got != want)
        fail_msg("gold '%s', answer '%s': %s (%s), not %s", gold, answer, verdict_name(got), reason,
                 verdict_name(want));
}

static const char *const equal[][2] = {
    {"367", "367"},
    {"367", "+367"},
    {"367", " 367 "},
    {"367", "0367"},
    {"367", "367."},
    {"367", "367.0"},
    {"-5", "-5"},
    {"-5", "\xE2\x88\x92"
           "5"},
    {"0", "-0"},
    {"0", "0.000"},
    {"0", "0e99"},
    {".5", "0.5"},
    {"0.5", "1/2"},
    {"0.5", "\\frac12"},
    {"0.5", "\\frac{1}{2}"},
    {"0.5", "\\dfrac 12"},
    {"0.5", "\\tfrac{ 2 }{ 4 }"},
    {"0.5", "\\frac1{2}"},
    {"0.5", "\\frac{1}2"},
    {"-0.5", "-\\frac{1}{2}"},
    {"-0.5", "\\frac{-1}{2}"},
    {"-0.5", "\\frac{1}{-2}"},
    {"0.5", "-1/-2"},
    {"0.5", "(1)/(2)"},
    {"0.5", "1 \\div 2"},
    {"7/12", "7 \\div 12"},
    {"1/3", "33333333333/99999999999"},
    {"1.5", "\\frac{0.3}{.2}"},
    {"1236", "1,236"},
    {"1236", "1{,}236"},
    {"1236", "1,\\!236"},
    {"1236", "1\\,236"},
    {"1234567.5", "1,234,567.5"},
    {"1e6", "1,000,000"},
    {"5400", "5.4e3"},
    {"5400", "5.4E+3"},
    {"5400", "5.40 \\times 10^{3}"},
    {"5400", "5.4\\cdot 10^3"},
    {"5400", "5.4*10^{ 3 }"},
    {"0.00083", "8.3 \\times 10^{-4}"},
    {"2.9e33", "29 \\times 10^{32}"},
    {"10^{400}", "1e400"},
    {"1e999999999", "10e999999998"},
    {"50\\%", "50%"},
    {"50\\%", "0.5"},
    {"50\\%", "1/2"},
    {"50\\%", "50\\text{ percent}"},
    {"50%", "50 percent"},
    {"13\\frac{1}{4}", "53/4"},
    {"13\\frac14", "13 \\dfrac{1}{4}"},
    {"13 1/4", "13.25"},
    {"-2\\frac{1}{2}", "-2.5"},
    {"20\\frac{10}{40}", "20.25"},
    {"100 \\frac{100}{200}", "100.5"},
    {"5", "$5$"},
    {"5", "\\(5\\)"},
    {"5", "\\[ 5 \\]"},
    {"5", "{{5}}"},
    {"5", "\\text{5}"},
    {"5", "\\mathbf{5}"},
    {"5", "\\left(5\\right)"},
    {"5", "x = 5"},
    {"5", "x=5"},
    {"5", "\\$5"},
    {"5", "$5"},
    {"-5", "-\\$5.00"},
    {"5", "\\$ 5"},
    {"5", "5\\text{ dollars}"},
    {"48^\\circ", "48"},
    {"48", "48^{\\circ}"},
    {"48", "48\xC2\xB0"},
    {"128\\text{ m}", "128"},
    {"128\\text{ m}", "128 \\mathrm{m}"},
    {"5\\text{ cm}^2", "5"},
    {"\\frac{3}{4}", "0.75."},
    {"123456789012345678901234567890", "123,456,789,012,345,678,901,234,567,890"},
    {"0.1", "1e-1"},
    {"5", "\\displaystyle 5"},
    {"5", "5 \\, "},
    {"5", "\xEF\xBC\x95"}, // full width
};

static const char *const different[][2] = {
    {"367", "376"},
    {"367", "-367"},
    {"367", "367.0000000000000000000001"},
    {"367", "36.7"},
    {"367", "367x"},
    {"367", "3 67"},
    {"367", "\\frac{367}{2}"},
    {"0.5", "0.50000001"},
    {"1/3", "0.3333333333333333"},
    {"12345678901234567890", "12345678901234567891"},
    {"1e400", "1e401"},
    {"1e-400", "0"},
    {"1e-400", "1e-401"},
    {"50\\%", "50"},
    {"0.5", "50"},
    {"52\\%", "5200\\%"},
    {"13\\frac{1}{4}", "13/4"},
    {"13 1/4", "131/4"},
    {"1000", "1,00"},
    {"1000", "1,0000"},
    {"1000", "10,00"},
    {"12345", "12,345,6"},
    {"1236", "1236,"},
    {"5", "1,5"},
    {"5", "--5"},
    {"5", "-+5"},
    {"5", "5-"},
    {"5", "- -5"},
    {"5", "2+3"},
    {"5", "\\sqrt{25}"},
    {"5", "5=5"},
    {"5", "5="},
    {"5", "5 or 6"},
    {"5", "five"},
    {"5", ""},
    {"5", "nan"},
    {"5", "inf"},
    {"5", "0x5"},
    {"1000", "1_000"},
    {"5", "1.2.3"},
    {"5", "."},
    {"5", "-"},
    {"5", "1/0"},
    {"5", "5/0"},
    {"5", "\\frac{5}{0}"},
    {"0", "0/0"},
    {"5", "\\frac"},
    {"5", "\\frac{5}"},
    {"5", "\\frac{5}{1"},
    {"5", "\\frac51x"},
    {"5", "5e"},
    {"5", "5e+"},
    {"5", "5\\times"},
    {"50", "5\\times 10"},
    {"5", "5 \\times 10^{"},
    {"5", "1e99999999999999999"},
    {"1e999999999", "1e999999998"},
    {"5\\text{ cm}", "5\\text{ m}"},
    {"5", "\xD9\xA3"},
    {"5", "(5,1)"},
    {"5", "(5"},
    {"5", "5%%"},
    {"5", "\\text{5"},
    {"5", "1/2/3"},
    {"0.5", "1/2/1"},
    {"5", "x y = 5"},
    {"5", "5 5"},
    {"53/4", "13 1/4 x"},
};

static void one_number_in_many_notations(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++) {
        expect(VERDICT_RIGHT, equal[i][0], equal[i][1]);
        expect(VERDICT_RIGHT, equal[i][1], equal[i][0]);
    }
}

static void other_numbers_and_other_things_are_wrong(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof different / sizeof *different; i++)
        expect(VERDICT_WRONG, different[i][0], different[i][1]);
}

static void a_gold_that_is_no_number_gives_no_verdict(void **state) {
    (void)state;
    const char *const golds[] = {"", "x", "\\sqrt{2}", "1,23", "2 and 3", "1/0", "5 5"};
    for (size_t i = 0; i < sizeof golds / sizeof *golds; i++) {
        expect(VERDICT_ERROR, golds[i], "5");
        JudgeInput in = {.text = "cut", .size = 3, .gold = golds[i]};
        assert_int_equal(number_judge(&in).verdict, VERDICT_ERROR);
    }
    JudgeInput none = {.text = "\\boxed{5}", .size = 9, .finished = true};
    assert_int_equal(number_judge(&none).verdict, VERDICT_ERROR);
    none.gold = "5", none.extract = "guess";
    assert_int_equal(number_judge(&none).verdict, VERDICT_ERROR);
}

// Random rationals written in several ways; a value that is off by one part must never be equal.
static void random_rationals_agree_with_arithmetic(void **state) {
    (void)state;
    Rng rng = rng_open((RngKey){.seed = 1, .stream = RNG_TEST});
    for (int i = 0; i < 20000; i++) {
        int num = rng_range(&rng, -9999, 9999), den = rng_range(&rng, 1, 200);
        int scale = rng_range(&rng, 1, 9), off = rng_range(&rng, 0, 1);
        char gold[64], answer[96];
        snprintf(gold, sizeof gold, "%d/%d", num, den);
        int n = num * scale + off, d = den * scale;
        switch (rng_below(&rng, 3)) {
        case 0: snprintf(answer, sizeof answer, "\\frac{%d}{%d}", n, d); break;
        case 1: snprintf(answer, sizeof answer, "%d / %d", n, d); break;
        default:
            if (n < 0) continue;
            snprintf(answer, sizeof answer, "%d\\frac{%d}{%d}", n / d, n % d, d);
        }
        expect(off ? VERDICT_WRONG : VERDICT_RIGHT, gold, answer);
    }
    for (int i = 0; i < 5000; i++) { // decimals against an integer with a power of ten
        int v = rng_range(&rng, 0, 999999), e = rng_range(&rng, 0, 6), off = rng_range(&rng, 0, 1);
        int unit = 1;
        for (int k = 0; k < e; k++) unit *= 10;
        char gold[64], answer[64];
        snprintf(gold, sizeof gold, "%d.%0*d", v / unit, e, e ? v % unit : 0);
        if (!e) snprintf(gold, sizeof gold, "%d", v);
        snprintf(answer, sizeof answer, "%de-%d", v + off, e);
        expect(off ? VERDICT_WRONG : VERDICT_RIGHT, gold, answer);
    }
}

static Judgement judge(const char *text, const char *gold, bool finished) {
    JudgeInput in = {.text = text, .size = strlen(text), .gold = gold, .finished = finished};
    return number_judge(&in);
}

static void a_response_is_right_by_its_last_box_if_it_ended(void **state) {
    (void)state;
    Judgement j = judge("<think> 282+85=367.</think> \\boxed{367}", "367", true);
    assert_int_equal(j.verdict, VERDICT_RIGHT);
    assert_true(j.score == 1);
    assert_string_equal(j.reason, "equal rationals");
    assert_int_equal(j.answer_size, 3);
    assert_memory_equal(j.answer, "367", 3);
    assert_int_equal(judge(" \\boxed{367}", "367", true).verdict, VERDICT_RIGHT); // no thought
    assert_int_equal(judge(" \\boxed{367}", "\\boxed{367}", true).verdict, VERDICT_RIGHT);
    assert_int_equal(judge(" \\boxed{367}", "so it is\n#### 367", true).verdict, VERDICT_RIGHT);
    j = judge(" \\boxed{367}", "367", false);
    assert_int_equal(j.verdict, VERDICT_WRONG);
    assert_string_equal(j.reason, "cut off");
    j = judge(" The answer is 367.", "367", true);
    assert_string_equal(j.reason, "no box");
    assert_null(j.answer);
    assert_string_equal(judge("<think> \\boxed{367}", "367", true).reason, "thought not closed");
    assert_string_equal(judge("\\boxed{368}", "367", true).reason, "different rationals");
    assert_string_equal(judge("\\boxed{x}", "367", true).reason, "not a number");
    assert_true(judge("\\boxed{368}", "367", true).score == 0);
}

static void long_numbers_are_exact_and_longer_ones_refused(void **state) {
    (void)state;
    enum { N = 16000 };
    static char a[2 * NUMBER_MAX_BYTES], b[2 * NUMBER_MAX_BYTES];
    memset(a, '7', N);
    memset(b, '7', N);
    expect(VERDICT_RIGHT, a, b);
    WorkMeter meter = {.most = 50};
    while (work_again(&meter)) {
        b[8000] = '7', b[N - 1] = '8';
        expect(VERDICT_WRONG, a, b);
        b[8000] = '/';
        expect(VERDICT_WRONG, a, b);
    }
    assert_false(meter.over);
    memset(b, '7', sizeof b - 1);
    expect(VERDICT_WRONG, "5", b);
    expect(VERDICT_ERROR, b, "5");
    memset(b, '{', NUMBER_MAX_BYTES); // nested deeper than any number is
    b[NUMBER_MAX_BYTES] = 0;
    expect(VERDICT_WRONG, "5", b);
    for (int i = 0; i < 100; i++) a[i] = '{', a[101 + i] = '}';
    a[100] = '5', a[201] = 0;
    expect(VERDICT_RIGHT, "5", a);
}

// The labelled rewrites of real answers, where they are beside the repository: no wrong answer
// may pass, and the kinds that are plain numbers must be found equal.
static void labelled_rewrites_are_never_falsely_right(void **state) {
    (void)state;
    const char *path = getenv("GRPO_MATH_REWRITES");
    if (!path) path = "../shared/cases/math_rewrites.jsonl";
    if (!file_exists(path)) {
        print_message("%s is not there (GRPO_MATH_REWRITES names another place): skipped\n", path);
        skip();
    }
    static const char *const plain[] = {"sep/", "sci/", "pct/", "money/", "extract/", NULL};
    Jsonl *cases;
    assert_ok(jsonl_open(path, NULL, NULL, &cases));
    int right = 0, read = 0, error = 0, missed = 0;
    for (int64_t i = 0; i < jsonl_size(cases); i++) {
        JsonDoc *doc;
        assert_ok(jsonl_row(cases, i, &doc));
        const Json *row = json_root(doc);
        const char *pred = json_text(json_get(row, "pred"), ""), *cat;
        const char *gold = json_text(json_get(row, "gold"), "");
        bool want = json_bool(json_get(row, "expect"), false);
        Judgement j = judge(pred, gold, true);
        if (j.verdict == VERDICT_RIGHT && !want) fail_msg("gold '%s' is not '%s'", gold, pred);
        cat = json_text(json_get(row, "cat"), "");
        error += j.verdict == VERDICT_ERROR;
        read += j.verdict != VERDICT_ERROR;
        right += j.verdict == VERDICT_RIGHT;
        for (int k = 0; plain[k]; k++) {
            if (strncmp(cat, plain[k], strlen(plain[k])) != 0) continue;
            if (want && j.verdict == VERDICT_WRONG) {
                print_message("missed %s: gold %s, pred %s (%s)\n", cat, gold, pred, j.reason);
                missed++;
            }
        }
        json_free(doc);
    }
    print_message("%d read, %d right, %d golds are not numbers, %d missed\n", read, right, error,
                  missed);
    assert_true(missed == 0 && right > 300);
    jsonl_close(cases);
}

// A case's response: the text, its bytes in base64, or pieces that are repeated.
static void build_response(const Json *row, Str *out) {
    const Json *base64 = json_get(row, "pred_b64"), *pieces = json_get(row, "pred_gen");
    str_clear(out);
    if (base64) {
        static const char digit[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        unsigned bits = 0, n = 0;
        for (const char *p = json_text(base64, ""); *p && *p != '='; p++) {
            bits = bits << 6 | (unsigned)(strchr(digit, *p) - digit);
            n += 6;
            if (n >= 8) str_putc(out, (char)(bits >> (n -= 8)));
        }
    } else if (pieces) {
        const Json *piece = json_first(json_get(pieces, "concat"));
        for (; piece; piece = json_next(piece))
            for (int64_t k = json_int(json_get(piece, "n"), 0); k > 0; k--)
                str_puts(out, json_text(json_get(piece, "s"), ""));
    } else {
        str_puts(out, json_text(json_get(row, "pred"), ""));
    }
}

// Hostile responses, where they are beside the repository: none passes that must not, none takes
// long.
static void hostile_responses_are_judged_at_once(void **state) {
    (void)state;
    const char *path = getenv("GRPO_MATH_ADVERSARIAL");
    if (!path) path = "../shared/cases/math_adversarial.jsonl";
    if (!file_exists(path)) {
        print_message("%s is not there (GRPO_MATH_ADVERSARIAL names another place): skipped\n",
                      path);
        skip();
    }
    Jsonl *cases;
    Str text = {0};
    double most = 0;
    int missed = 0;
    assert_ok(jsonl_open(path, NULL, NULL, &cases));
    for (int64_t i = 0; i < jsonl_size(cases); i++) {
        JsonDoc *doc;
        assert_ok(jsonl_row(cases, i, &doc));
        const Json *row = json_root(doc), *expected = json_get(row, "expect");
        const char *name = json_text(json_get(row, "name"), "");
        build_response(row, &text);
        JudgeInput in = {.text = str_text(&text),
                         .size = text.size,
                         .gold = json_text(json_get(row, "gold"), ""),
                         .finished = true};
        Judgement j = {0};
        WorkMeter meter = {.most = 15};
        while (work_again(&meter)) j = number_judge(&in);
        if (meter.over) fail_msg("'%s' needs %.0f units of work", name, meter.least);
        if (meter.least > most) most = meter.least;
        if (json_kind(expected) == JSON_BOOL) {
            bool want = json_bool(expected, false);
            if (j.verdict == VERDICT_RIGHT && !want) fail_msg("'%s' passes", name);
            if (j.verdict == VERDICT_WRONG && want) {
                print_message("missed '%s': %s\n", name, j.reason);
                missed++;
            }
        }
        json_free(doc);
    }
    print_message("%d hostile responses, at most %.1f units of work, %d missed\n",
                  (int)jsonl_size(cases), most, missed);
    assert_int_equal(missed, 0);
    str_free(&text);
    jsonl_close(cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_number_in_many_notations),
        cmocka_unit_test(other_numbers_and_other_things_are_wrong),
        cmocka_unit_test(a_gold_that_is_no_number_gives_no_verdict),
        cmocka_unit_test(random_rationals_agree_with_arithmetic),
        cmocka_unit_test(a_response_is_right_by_its_last_box_if_it_ended),
        cmocka_unit_test(long_numbers_are_exact_and_longer_ones_refused),
        cmocka_unit_test(labelled_rewrites_are_never_falsely_right),
        cmocka_unit_test(hostile_responses_are_judged_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
