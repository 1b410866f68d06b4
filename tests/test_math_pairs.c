// tests/test_math_pairs.c -- every rule that makes two spellings equal, with a near miss of it.
//
// A row says: the rule, an answer, another spelling of it, and a text that differs by a hair. The
// first two must be equal and the third equal to neither, each pair both ways round: a rule that is
// taken away loses the first, a rule that is too wide pays for the second.
#include "tests/math_expect.h"

typedef struct SpellingPair {
    const char *rule, *answer, *same, *miss;
} SpellingPair;

static void check(const SpellingPair *row, int n) {
    int bad = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 6; k++) {
            const char *text[3] = {row[i].answer, row[i].same, row[i].miss};
            static const int pair[6][2] = {{0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 2}, {2, 1}};
            const char *gold = text[pair[k][0]], *answer = text[pair[k][1]];
            if (!gold || !answer) continue;
            MathResult got = compare(gold, answer);
            bool right = got.verdict == VERDICT_RIGHT;
            if (right == (k < 2) && got.verdict != VERDICT_ERROR) continue;
            print_message("%s: %s and %s: %s, %s\n", row[i].rule, gold, answer,
                          verdict_name(got.verdict), got.reason);
            bad++;
        }
    assert_int_equal(bad, 0);
}

#define CHECK_ROWS(rows) check(rows, (int)(sizeof(rows) / sizeof *(rows)))

// ---- functions with breakpoints: equal near the origin is not enough

static void functions_agree_in_every_part(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"absolute value", "|x-7|", "|7-x|", "7-x"},
        {"absolute value", "|x+4.5|", "\\sqrt{(x+4.5)^2}", "x+4.5"},
        {"absolute value, far", "|x-1000000|", "|1000000-x|", "1000000-x"},
        {"absolute value, near", "|x-0.001|", "|0.001-x|", "x-0.001"},
        {"absolute value, rational", "|3x-100|", "|100-3x|", "100-3x"},
        {"absolute value, irrational", "|x-20\\pi|", "|20\\pi-x|", "20\\pi-x"},
        {"absolute value of a square", "|x^2-400|", "|400-x^2|", "400-x^2"},
        {"absolute value of a cube", "|x^3-8000|", "|8000-x^3|", "8000-x^3"},
        {"a narrow part", "|(x-50)(x-50.5)|", "|(50-x)(x-50.5)|", "(x-50)(x-50.5)"},
        {"a narrow part", "\\max(0,(x-30)(31-x))", "\\max((x-30)(31-x),0)", "0"},
        {"sum of two", "|x-5|+|x+5|", "2\\max(|x|,5)", "10"},
        {"nested", "||x|-90|", "\\max(|x|-90,90-|x|)", "90-|x|"},
        {"root of a square", "\\sqrt{x^2-14x+49}", "|x-7|", "7-x"},
        {"root of a fourth power", "\\sqrt{(x^2-49)^2}", "|x^2-49|", "49-x^2"},
        {"root", "\\sqrt{x^2}", "|x|", "x"},
        {"logarithm", "\\ln|x-7|+C", "\\ln|7-x|+C", "\\ln(7-x)+C"},
        {"logarithm", "\\ln|x-1|-\\ln|x+1|", "\\ln\\left|\\frac{x-1}{x+1}\\right|",
         "\\ln\\frac{x-1}{x+1}"},
        {"logarithm", "-\\ln|\\cos x|+C", "\\ln|\\sec x|+C", "\\ln|\\cos x|+C"},
        {"maximum", "\\max(0,50-x)", "\\max(50-x,0)", "50-x"},
        {"minimum", "\\min(n,20)", "20-\\max(20-n,0)", "n"},
        {"of three", "\\max(x,y,60)", "\\max(60,\\max(y,x))", "60"},
        {"by sign", "\\operatorname{sgn}(x-12)", "\\frac{|x-12|}{x-12}", "-1"},
        {"exponential inside", "|e^x-1000|", "|1000-e^x|", "1000-e^x"},
        {"logarithm inside", "|\\ln x-9|", "|9-\\ln x|", "9-\\ln x"},
        {"sine inside", "\\sqrt{1-\\cos^2x}", "|\\sin x|", "\\sin x"},
        {"arcsine", "\\arcsin x+\\arccos x", "\\frac{\\pi}{2}", "\\frac{\\pi}{2}x"},
        {"arcsine of a sine", "x", "\\ln(e^x)", "\\arcsin(\\sin x)"},
        {"arctangent", "2\\arctan x", "\\arctan x+\\arctan x", "\\arctan\\frac{2x}{1-x^2}"},
        {"arctangent", "\\arctan(1-x)", "-\\arctan(x-1)", "\\arctan\\frac{1}{x-1}+\\frac{\\pi}{2}"},
        {"two letters", "|x-y|", "\\max(x-y,y-x)", "x-y"},
        {"two letters", "|xy-300|", "|300-xy|", "300-xy"},
        {"two letters", "\\sqrt{x^2y^2}", "|xy|", "xy"},
        {"two letters", "\\sqrt{(x-40)^2+y^2-2y(x-40)}", "|x-40-y|", "y-x+40"},
        {"equation", "|x-37|=2+y", "|37-x|-2=y", "37-x=2+y"},
        {"function", "f(x)=|x-9|", "f(x)=|9-x|", "f(x)=9-x"},
        {"floor", "\\lfloor x/100\\rfloor", "-\\lceil -x/100\\rceil", "\\lfloor x/101\\rfloor"},
        {"floor", "\\lfloor x\\rfloor", "-\\lceil -x\\rceil", "\\lceil x\\rceil-1"},
        {"floor of a whole number", "\\lfloor n/2\\rfloor", "\\frac{2n-1+(-1)^n}{4}",
         "\\lfloor n/2\\rfloor+\\lfloor n/400\\rfloor"},
        {"floor", "\\lceil n/2\\rceil", "\\lfloor\\frac{n+1}{2}\\rfloor", "\\frac{n+1}{2}"},
        {"floor below zero", "\\lfloor\\frac{n}{3}\\rfloor", "-\\lceil\\frac{-n}{3}\\rceil",
         "\\lfloor\\frac{|n|}{3}\\rfloor"},
        {"remainder", "n \\bmod 2", "\\frac{1-(-1)^n}{2}", "n \\bmod 4"},
        {"greatest divisor", "\\gcd(n,2)", "\\frac{3+(-1)^n}{2}", "\\gcd(n,4)"},
        {"power of -1", "(-1)^n", "\\cos(n\\pi)", "(-1)^{n+\\lfloor n/90\\rfloor}"},
        {"sum", "\\sum_{k=1}^{n} k", "\\frac{n(n+1)}{2}", "\\sum_{k=1}^{\\min(n,80)} k"},
        {"factorial", "\\frac{(n+1)!}{n!}", "n+1", "\\min(n,400)+1"},
        {"analytic", "\\sqrt{x}\\sqrt{y}", "\\sqrt{xy}", "\\sqrt{x+y}"},
        {"analytic", "\\log_2 x", "\\frac{\\ln x}{\\ln 2}", "\\frac{\\ln x}{\\ln 3}"},
    };
    CHECK_ROWS(row);
}

// ---- differences below the working precision

static void hair_fine_differences_are_seen(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"tanh", "\\tanh(70)", "\\frac{e^{140}-1}{e^{140}+1}", "1"},
        {"sinh", "\\cosh(100)", "\\sinh(100)+e^{-100}", "\\sinh(100)"},
        {"a power of ten", "1+10^{-80}", "\\frac{10^{80}+1}{10^{80}}", "1"},
        {"an exponential", "e^{-200}", "\\frac{1}{e^{200}}", "0"},
        {"arctangent", "\\arctan(10^{90})", "\\frac{\\pi}{2}-\\arctan(10^{-90})",
         "\\frac{\\pi}{2}"},
        {"arctangent", "\\arctan(e^{300})", "\\frac{\\pi}{2}-\\arctan(e^{-300})",
         "\\frac{\\pi}{2}"},
        {"logarithm", "\\ln(1+e^{200})", "200+\\ln(1+e^{-200})", "200"},
        {"root", "\\sqrt{10^{80}+1}", "10^{40}\\sqrt{1+10^{-80}}", "10^{40}"},
        {"cosine", "\\cos(10^{-60})", "1-2\\sin^2(\\frac{10^{-60}}{2})", "1"},
        {"sine", "\\sin(10^{-50})", "2\\sin(\\frac{10^{-50}}{2})\\cos(\\frac{10^{-50}}{2})",
         "10^{-50}"},
        {"out of reach", "\\tanh(100000)", NULL, "1"},
    };
    CHECK_ROWS(row);
}

static void the_reason_says_how_it_was_decided(void **state) {
    (void)state;
    assert_string_equal(compare("|x-7|", "|7-x|").reason, "equal within the proven error");
    assert_non_null(strstr(compare("|\\sin x|", "\\sqrt{\\sin^2x}").reason, "sampled"));
    assert_non_null(strstr(compare("\\lceil x\\rceil", "-\\lfloor -x\\rfloor").reason, "sampled"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_agree_in_every_part),
        cmocka_unit_test(hair_fine_differences_are_seen),
        cmocka_unit_test(the_reason_says_how_it_was_decided),
    };
    return cmocka_run_group_tests_name("verifiers/math pairs", tests, NULL, NULL);
}
