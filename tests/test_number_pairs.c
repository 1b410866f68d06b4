// tests/test_number_pairs.c -- a number and the words behind it: for every spelling that is equal,
// a near miss that is not. Both judges, number and math, see every row.
#include <string.h>

#include "tests/test.h"
#include "verifiers/math/math.h"
#include "verifiers/number.h"

typedef enum Judges { BOTH, MATH_ALONE } Judges;

typedef struct NumberPair {
    const char *gold, *right, *miss; // NULL: none of this kind
    Judges judges;
} NumberPair;

static const NumberPair pairs[] = {
    // multipliers have a value
    {"7000", "7\\text{ thousand}", "7\\text{ million}", BOTH},
    {"7", "7\\text{ apples}", "7\\text{ thousand}", BOTH},
    {"7000000", "7 million", "7 thousand", BOTH},
    {"3000000000000000", "3 quadrillion", "3 trillion", BOTH},
    {"3", "3", "3 quadrillion", BOTH},
    {"30000000", "3 crore", "3 lakh", BOTH},
    {"3", "3\\text{ ways}", "3 crore", BOTH},
    {"100000", "1 lakh", "1", BOTH},
    {"84", "7\\text{ dozen}", "7", BOTH},
    {"7", "7", "7\\text{ dozens}", BOTH},
    {"300000000000", "3 hundred billion", "3 hundred million", BOTH},
    {"7", "7", "7\\text{ gross}", BOTH},
    {"7", "7", "7\\text{ grand}", BOTH},
    {"7", "7", "7\\text{ M}", BOTH},
    {"7", "7", "7\\text{ B}", BOTH},
    {"5", "5", "5\\mathrm{k}", BOTH},
    {"7", "7", "7\\text{ pairs}", BOTH},
    {"7", "7\\text{ ordered pairs}", "7\\text{ score}", BOTH},
    {"7", "7", "7 zillion", BOTH},
    {"7", "7", "7 doubled", BOTH},
    {"7", "7", "7 basis points", BOTH},
    // fractions
    {"3/2", "3 halves", "3 thirds", BOTH},
    {"3", "3", "3 halves", BOTH},
    {"7/10", "7\\text{ tenths}", "7\\text{ hundredths}", BOTH},
    {"5.5", "5\\text{ and a half}", "5\\text{ and a third}", BOTH},
    {"-5.5", "-5\\text{ and a half}", "-4.5", BOTH},
    {"5", "5", "5\\text{ and a half}", BOTH},
    {"7.75", "7 and three quarters", "7", BOTH},
    {"7.5", "7\\text{ point five}", "7\\text{ point six}", BOTH},
    {"1", "1 point", "1 point five", BOTH},
    {"0.007", "7 per thousand", "7", BOTH},
    {"0.07", "7 per cent", "7 per person", BOTH},
    {"0.07", "7\\text{ percent}", "7", BOTH},
    // powers, bases, periods
    {"9", "3 squared", "3 cubed", BOTH},
    {"3", "3", "3 squared", BOTH},
    {"120", "5\\text{ factorial}", "5", MATH_ALONE},
    {"7", "7", "7\\text{ factorial}", BOTH},
    {"101_2", "101\\text{ in binary}", "101\\text{ in octal}", MATH_ALONE},
    {"101", "101", "101\\text{ in binary}", BOTH},
    {"4210_5", "4210\\text{ (base 5)}", "4210\\text{ (base 6)}", MATH_ALONE},
    {"4210_5", "4210\\text{ in base five}", "4210", MATH_ALONE},
    {"7", "7 in base ten", "7 base six", BOTH},
    {"1/3", "0.3\\text{ repeating}", "0.3", BOTH},
    {"1/3", "0.333\\text{ (repeating)}", "0.334\\text{ repeating}", BOTH},
    {"0.3", "0.3", "0.3\\text{ repeating}", BOTH},
    {"1/3", "0.333\\ldots", "0.3334\\ldots", MATH_ALONE},
    {"1/6", "0.1666...", "0.16...", MATH_ALONE},
    {"20/33", "0.606060...", "0.60...", MATH_ALONE},
    {"4/33", "0.1212...", "0.12...", MATH_ALONE},
    // digits, remainders, choices: another answer
    {"5", "5", "5\\text{.5}", BOTH},
    {"5", "5\\textbf{ cm}", "5\\textbf{6}", BOTH},
    {"7", "7", "7\\text{\\^{}2}", BOTH},
    {"7", "7", "7\\text{ remainder 1}", BOTH},
    {"7", "7", "7\\text{ R 1}", BOTH},
    {"7", "7", "7 choose 2", BOTH},
    {"7", "7", "7\\text{ e6}", BOTH},
    {"3", "3\\text{ h}", "3\\text{ h }20\\text{ min}", BOTH},
    {"3", "3 hours", "3 hours 20 minutes", BOTH},
    {"3", "3", "3 out of 10", BOTH},
    {"3", "3", "3 in 10", BOTH},
    // conditions, denials, comparisons
    {"7", "7\\text{ distinct real roots}", "7\\text{ if even, six if odd}", BOTH},
    {"7", "7", "7\\text{ is false}", BOTH},
    {"7", "7", "7\\text{ is not correct, six is}", BOTH},
    {"7", "7", "7\\text{ maybe, otherwise seven}", BOTH},
    {"7", "7", "7\\text{ nothing like this}", BOTH},
    {"7", "7", "7\\text{ too many}", BOTH},
    {"7", "7", "7\\text{ or more}", BOTH},
    {"7", "7", "7 approximately", BOTH},
    {"7", "7", "7\\text{ less than the answer}", BOTH},
    {"7", "7", "7\\text{ and counting up to 9}", BOTH},
    {"7", "7\\text{ times}", "7\\text{ times ten}", BOTH},
    {"7", "7", "7\\text{ over two}", BOTH},
    {"7", "7 negative roots", "7 negative", BOTH},
    {"5", "5 positive integers", "5 minus one", BOTH},
    // other languages
    {"7", "7\\text{ manzanas}", "7\\text{ millones}", BOTH},
    {"7", "7\\text{ manzanas}", "7\\text{ y medio}", BOTH},
    {"7", "7\\text{ Tiere}", "7\\text{ Millionen}", BOTH},
    {"7", "7\\text{ Tiere}", "7\\text{ und ein halb}", BOTH},
    {"7", "7\\text{ pommes}", "7\\text{ mille}", BOTH},
    // units: the same unit in other words, another unit of the dimension, another dimension
    {"12\\text{ m/s}^2", "12\\text{ meters per second squared}", "12\\text{ m/s}", BOTH},
    {"12", "12\\text{ m/s}^2", "13\\text{ m/s}^2", BOTH},
    {"5\\text{ km}", "5 kilometers", "5\\text{ m}", BOTH},
    {"5\\text{ m}", "5\\text{ metres}", "5\\text{ s}", BOTH},
    {"5\\text{ mW}", "5\\text{ milliwatts}", "5\\text{ MW}", BOTH},
    {"5\\text{ km/h}", "5\\text{ kilometers per hour}", "5\\text{ mph}", BOTH},
    {"5\\text{ mph}", "5\\text{ miles per hour}", "5\\text{ km/h}", BOTH},
    {"5\\text{ ft}^2", "5\\text{ square feet}", "5\\text{ ft}", BOTH},
    {"5\\text{ ft}^2", "5\\text{ sq. ft.}", "5\\text{ cubic feet}", BOTH},
    {"5\\text{ N}\\cdot\\text{m}", "5\\text{ newton-meters}", "5\\text{ N/m}", BOTH},
    {"5\\text{ kJ/mol}", "5\\ \\mathrm{kJ\\,mol^{-1}}", "5\\text{ kJ}", BOTH},
    {"5\\ \\mu\\text{m}", "5\\text{ micrometers}", "5\\text{ mm}", BOTH},
    {"5\\text{ dollars}", "\\$5", "5\\text{ euros}", BOTH},
    {"5\\text{ kWh}", "5\\text{ kilowatt-hours}", "5\\text{ kW}", BOTH},
    {"5\\text{ m}", "5", "500\\text{ cm}", BOTH}, // conversion: a policy of its own
    {"12", "12 kJ/mol", "12 abc", MATH_ALONE},
    {"12", "12 m/s^2", "12 x/y^2", MATH_ALONE},
    {"2\\pi", "2\\pi cm", "2\\pi r", MATH_ALONE},
    {"12\\frac{m}{s^2}", "12 m/s^2", "12 m s^2", MATH_ALONE}, // letters where the gold has letters
    // nouns must agree where both sides have one
    {"12\\text{ apples}", "12", "12\\text{ pears}", BOTH},
};

static Verdict by_number(const char *gold, const char *answer) {
    const char *reason;
    return number_compare(gold, strlen(gold), answer, strlen(answer), &reason);
}

static Verdict by_math(const char *gold, const char *answer, const char *policy) {
    MathOptions options = {.policy = policy};
    return math_compare(gold, strlen(gold), answer, strlen(answer), &options).verdict;
}

static int expect(const char *judge, Verdict got, Verdict want, const char *gold,
                  const char *answer) {
    if (got == want) return 0;
    print_message("%s: %s and %s: %s\n", judge, gold, answer, verdict_name(got));
    return 1;
}

static void every_spelling_has_a_near_miss(void **state) {
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const NumberPair *p = &pairs[i];
        bad += expect("math", by_math(p->gold, p->right, NULL), VERDICT_RIGHT, p->gold, p->right);
        bad += expect("math", by_math(p->gold, p->miss, NULL), VERDICT_WRONG, p->gold, p->miss);
        if (p->judges == MATH_ALONE) continue;
        bad += expect("number", by_number(p->gold, p->right), VERDICT_RIGHT, p->gold, p->right);
        bad += expect("number", by_number(p->gold, p->miss), VERDICT_WRONG, p->gold, p->miss);
    }
    assert_int_equal(bad, 0);
}

// The policy convert-units: 5 m is 500 cm, but never 5 cm, nor 5 s.
static void units_convert_by_policy_alone(void **state) {
    (void)state;
    static const char *const rows[][3] = {
        {"5\\text{ m}", "500\\text{ cm}", "5\\text{ cm}"},
        {"36\\text{ km/h}", "10\\text{ m/s}", "36\\text{ m/s}"},
        {"1\\text{ hour}", "60\\text{ minutes}", "60\\text{ seconds}"},
        {"1\\text{ foot}", "12\\text{ inches}", "12\\text{ yards}"},
        {"\\$5", "500\\text{ cents}", "500\\text{ dollars}"},
        {"2\\text{ m}^2", "20000\\text{ cm}^2", "200\\text{ cm}^2"},
        {"1\\text{ kWh}", "3600\\text{ kJ}", "3600\\text{ J}"},
        {"5\\text{ N}", "5\\text{ kg m/s}^2", "5\\text{ kg m/s}"},
    };
    int bad = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const *r = rows[i];
        bad += expect("convert", by_math(r[0], r[1], "convert-units"), VERDICT_RIGHT, r[0], r[1]);
        bad += expect("convert", by_math(r[0], r[2], "convert-units"), VERDICT_WRONG, r[0], r[2]);
        bad += expect("default", by_math(r[0], r[1], NULL), VERDICT_WRONG, r[0], r[1]);
    }
    assert_int_equal(bad, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_has_a_near_miss),
        cmocka_unit_test(units_convert_by_policy_alone),
    };
    return cmocka_run_group_tests_name("number pairs", tests, NULL, NULL);
}
