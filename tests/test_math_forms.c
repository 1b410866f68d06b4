// tests/test_math_forms.c -- made at random: equal by construction, and different by a hair.
#include <stdio.h>
#include <stdlib.h>

#include "tests/math_expect.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_equal_their_expansion_alone),
        cmocka_unit_test(fractions_equal_their_other_spellings_alone),
        cmocka_unit_test(roots_equal_their_other_forms_alone),
        cmocka_unit_test(intervals_equal_their_inequalities_alone),
        cmocka_unit_test(lines_equal_their_multiples_alone),
        cmocka_unit_test(sets_equal_their_shuffles_alone),
        cmocka_unit_test(one_digit_of_many_makes_a_difference),
    };
    return cmocka_run_group_tests_name("verifiers/math", tests, NULL, NULL);
}
