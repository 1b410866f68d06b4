// tests/test_math_pairs.c -- every rule that makes two spellings equal, with a near miss of it.
// The rows: tests/spelling_pairs.h.
#include "tests/spelling_pairs.h"

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
        {"three letters", "\\max(a,b,c)", "\\max(a,\\max(b,c))", "\\max(a,b,c,-100)"},
        {"three letters", "|a|+|b|+|c|", "|c|+|-a|+|b|", "\\min(|a|+|b|+|c|,900)"},
        {"at a breakpoint", "x+\\operatorname{sgn}(x-20)", "\\operatorname{sgn}(x-20)+x",
         "x+\\operatorname{sgn}(x-20)^3-1+\\operatorname{sgn}(x-20)^2"},
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
        {"letters of a sum", "\\sum_{k=1}^{n}|x|", "n|x|", "nx"},
        {"letters of a sum", "\\sum_{k=1}^{n}kx", "\\frac{n(n+1)x}{2}", "\\frac{n(n+1)}{2}|x|"},
        {"breakpoints in a sum", "\\sum_{k=1}^{10}|x-k|", "\\sum_{k=1}^{10}|k-x|", "55-10x"},
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

// ---- what a letter is: derivatives, indices, words

static void derivatives_do_not_cancel(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"derivative", "\\frac{dy}{dx}", "dy/dx", "y/x"},
        {"derivative", "\\frac{dy}{dx}", "\\frac{\\mathrm{d}y}{\\mathrm{d}x}", "\\frac{y}{x}"},
        {"derivative", "\\frac{dy}{dx}", "\\frac{d}{dx}y", "\\frac{dx}{dy}"},
        {"derivative", "\\frac{dy}{dx}", "{dy \\over dx}", "\\frac{\\partial y}{\\partial x}"},
        {"derivative", "\\frac{da}{dt}", "da/dt", "a/t"},
        {"derivative of a Greek letter", "\\frac{d\\theta}{dt}", "d\\theta/dt", "\\theta/t"},
        {"in an equation", "\\frac{dV}{dt}=3", "dV/dt=3", "\\frac{V}{t}=3"},
        {"with a factor", "\\frac{2dy}{dx}", "2\\frac{dy}{dx}", "\\frac{2y}{x}"},
        {"second derivative", "\\frac{d^2y}{dx^2}", "d^2y/dx^2", "\\frac{dy}{x^2}"},
        {"second derivative", "\\frac{d^2y}{dx^2}", "\\frac{d^2}{dx^2}y", "(\\frac{dy}{dx})^2"},
        {"partial derivative", "\\frac{\\partial f}{\\partial x}", "\\partial f/\\partial x",
         "f/x"},
        {"difference", "\\frac{\\Delta y}{\\Delta x}", "\\Delta y/\\Delta x", "\\frac yx"},
        {"relative change", "dv/v", "\\frac{dv}{v}", "d"},
        {"relative change", "\\frac{\\Delta V}{V}", "\\Delta V/V", "\\Delta"},
        {"relative change", "\\frac{\\delta x}{x}", "\\delta x/x", "\\delta"},
        {"gradient", "\\frac{\\nabla f}{f}", "\\nabla f/f", "\\nabla"},
        {"d is a letter", "\\frac{dr}{2}", "\\frac{rd}{2}", "\\frac r2"},
        {"d is a letter", "a+nd-d", "a+(n-1)d", "a+(n+1)d"},
        {"d is a letter", "ad-bc", "da-cb", "ad+bc"},
    };
    CHECK_ROWS(row);
}

static void a_digit_behind_a_letter_is_an_index(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"index", "x1+x2", "x_1+x_2", "3x"},
        {"index", "r1*r2/(r1+r2)", "\\frac{r_1r_2}{r_1+r_2}", "2r/3"},
        {"index", "x2", "x_{2}", "2x"},
        {"index", "x10", "x_{10}", "10x"},
        {"index", "C1*e^x+C2*e^(-x)", "C_1e^x+C_2e^{-x}", "C_1e^x+C_1e^{-x}"},
        {"index", "x2=3", "x_2=3", "x=3/2"},
        {"index", "a1b2", "b_2a_1", "2ab"},
        {"index of a Greek letter", "theta1", "\\theta_1", "\\theta"},
        {"power", "x^2", "xx", "x2"},
        {"coefficient", "2x", "x\\cdot 2", "x2"},
        {"i is no name", "3+i2", "3+2i", "3+i_2"},
        {"function", "sin2", "\\sin 2", "2\\sin 1"},
        {"base of a logarithm", "log2(8)", "3", "\\log(2)\\cdot 8"},
    };
    CHECK_ROWS(row);
}

static void plus_minus_is_both(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"both", "\\pm5", "+-5", "-5"},
        {"both", "+/-5", "5\\text{ or }-5", "5"},
        {"both", "+-\\sqrt2", "\\pm\\sqrt{2}", "-\\sqrt2"},
        {"both", "-+x", "x,-x", "-x"},
        {"a term before", "2+-5", "7,-3", "-3"},
        {"a term before", "2 +/- 5", "2\\pm5", "3,7"},
        {"letters", "a\\pm b", "\\{a-b,a+b\\}", "b\\pm a"},
        {"independent signs", "\\pm1\\pm2", "3,1,-1,-3", "3,-3"},
        {"signs together", "\\pm1\\mp2", "-1,1", "3,1,-1,-3"},
        {"with a name", "x=+-3", "x=3\\text{ or }x=-3", "x=3"},
        {"formula", "(-b+-sqrt(b^2-4ac))/(2a)", "\\frac{-b\\pm\\sqrt{b^2-4ac}}{2a}",
         "\\frac{-b-\\sqrt{b^2-4ac}}{2a}"},
        {"two signs apart", "5 + -3", "2", "8,2"},
    };
    CHECK_ROWS(row);
}

static void words_are_not_products(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"word", "red", "\\text{Red}", "der"},
        {"word", "cat", "Cat", "act"},
        {"word", "no", "No", "on"},
        {"word", "bad", "Bad", "dab"},
        {"product", "abc", "bca", "ABC"},
        {"product", "xyz", "z\\cdot y\\cdot x", "xyy"},
        {"product", "mgh", "hgm", "mgh^2"},
        {"names", "ABC", "\\text{ABC}", "CBA"},
        {"product", "2abc", "2\\cdot cba", "abc"},
        {"word in order", "tie", "t\\cdot i\\cdot e", "eit"},
    };
    CHECK_ROWS(row);
}

// ---- sets, domains, functions and vectors as people type them

static void sets_in_other_words(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"an end at infinity", "(2,\\infty)", "x>2", "(2,\\infty]"},
        {"an end at infinity", "[0,\\infty)", "x\\ge0", "[0,\\infty]"},
        {"set builder", "(1,\\infty)", "{x|x>1}", "{x|x>=1}"},
        {"set builder", "\\{x\\in\\mathbb{R}:x>1\\}", "{x : x > 1}", "{x : x < 1}"},
        {"U", "(-\\infty,2)\\cup(3,\\infty)", "(-infinity,2)U(3,infinity)",
         "(-\\infty,2)U[3,\\infty)"},
        {"U", "(-\\infty,2)\\text{ union }(3,\\infty)", "(-\\infty,2) or (3,\\infty)",
         "(-\\infty,2)\\cap(3,\\infty)"},
        {"U is a letter", "(x+1)U(x)", "(1+x)U(x)", "(x+1)\\cup(x)"},
        {"all but", "\\mathbb{R}\\setminus\\{2\\}", "\\text{all reals except 2}",
         "\\text{all reals except 3}"},
        {"all but", "x\\in\\mathbb{R},x\\neq0", "all real numbers except 0", "\\mathbb{R}"},
        {"all but two", "\\mathbb{R}\\setminus\\{2,3\\}",
         "\\text{all real numbers other than 2 and 3}", "\\text{all real numbers other than 2}"},
        {"dummy letter", "\\{x\\mid x>0\\}", "\\{t\\mid t>0\\}", "\\{t\\mid t\\ge0\\}"},
        {"where it is taken from", "\\{x\\in[0,3]:x>2\\}", "(2,3]", "(2,\\infty)"},
        {"whole numbers", "\\{n\\in\\mathbb{N}\\mid n>2\\}", "\\{n\\in\\mathbb{N}:n>2\\}",
         "(2,\\infty)"},
        {"positive reals", "\\mathbb{R}^+", "(0,\\infty)", "[0,\\infty)"},
        {"two half lines", "x\\ge2,x\\le5", "[2,5]", "x\\ge2,y\\le5"},
        {"two half lines", "x<-1,x>3", "(-\\infty,-1)\\cup(3,\\infty)", "-1<x<3"},
        {"the reals and a condition", "x\\neq0,x\\in\\mathbb{R}", "\\mathbb{R}^*", "\\mathbb{R}"},
        {"pairs", "(x,y)\\in\\{(1,2),(3,4)\\}", "(3,4),(1,2)", "(2,1),(4,3)"},
        {"solutions by name", "(5,2),(7,2)", "p=5,q=2;p=7,q=2", "p=2,q=5;p=2,q=7"},
    };
    CHECK_ROWS(row);
}

static void a_usual_domain_may_be_left_out(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"for all", "f(x)=x+1", "f(x)=x+1\\text{ for all }x\\in\\mathbb{R}",
         "f(x)=x+2\\text{ for all }x"},
        {"for all", "f(x)=0", "f(x)=0\\ \\forall x", "f(x)=x\\ \\forall x"},
        {"for all, typed", "f(x)=x+1", "f(x)=x+1 for all x in R", "f(x)=x+1 if x>0"},
        {"identically", "f(x)=x+1", "f(x)\\equiv x+1", "f(x)\\equiv x"},
        {"behind a comma", "a_n=2^n", "a_n=2^n,\\ n\\ge1", "a_n=2^n,\\ n\\ge5"},
        {"behind a comma", "x+1", "x+1, x>0", "x+1, 0<x<1"},
        {"behind a space", "\\frac1x", "\\frac1x \\quad x\\neq0", "\\frac1x \\quad x=0"},
        {"in brackets", "2^n", "2^n\\ (n\\geq1)", "2^n\\ (n=1)"},
        {"a parameter", "f(x)=cx", "f(x)=cx, c\\in\\mathbb{R}", "f(x)=cx, d\\in\\mathbb{R}"},
        {"whole numbers", "x=2k\\pi", "x=2k\\pi, k\\in\\mathbb{Z}", "x=2k\\pi, k\\in\\{0\\}"},
        {"on both sides", "x+1, x>0", "x+1\\text{ for }x>0", "x+1, x>1"},
        {"a letter of its own", "5", "5.0", "5, n>0"},
        {"only", "p=2", "\\text{only }p=2", "\\text{only }p=3"},
    };
    CHECK_ROWS(row);
}

static void plain_functions_and_vectors(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"max", "\\max(a,b)", "max{a,b}", "min(a,b)"},
        {"min", "1+\\min(m,n)", "min(n,m)+1", "min(n,m)"},
        {"gcd", "gcd(12,18)", "6", "12"},
        {"order of arguments", "\\gcd(a,b)", "\\text{gcd}(b,a)", "\\gcd(a,c)"},
        {"gcd", "\\gcd(a,b)-1", "gcd(a,b)-1", "gcd(a,c)-1"},
        {"lcm", "lcm(4,6)", "\\operatorname{lcm}(4,6)", "24"},
        {"det", "\\det A", "det(A)", "tr A"},
        {"tr", "\\operatorname{tr}A+1", "1+tr(A)", "tr(B)+1"},
        {"arg", "\\arg z", "arg z", "z"},
        {"deg", "\\deg f", "deg f", "deg g"},
        {"vector", "\\langle1,2,3\\rangle", "<1,2,3>", "<1,3,2>"},
        {"vector", "\\left<x+1,y\\right>", "<1+x,y>", "x+1,y"},
        {"inequality", "1<x", "x>1", "<1,x>"},
        {"power before index", "v_0^2", "v^2_0", "v_2^0"},
        {"bounds of a sum", "\\sum_{k=1}^{n}k^2", "\\sum^{n}_{j=1}j^2", "\\sum_{k=0}^{n-1}k^2"},
        {"bounds of an integral", "\\int_0^1f(x)dx", "\\int^1_0f(x)dx", "\\int_1^0f(x)dx"},
        {"name of an index", "\\sum_{n=1}^\\infty\\frac1{n^2}", "\\sum^\\infty_{k=1}\\frac1{k^2}",
         "\\sum_{n=1}^\\infty\\frac1{n^3}"},
    };
    CHECK_ROWS(row);
}

#define CASES(rows) "\\begin{cases}" rows "\\end{cases}"

static void case_distinctions_are_functions(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"absolute value", "|x|", CASES("x&x\\ge0\\\\-x&x<0"), CASES("x&x\\ge-1\\\\-x&x<-1")},
        {"otherwise", "|x|", CASES("x&x>0\\\\-x&\\text{otherwise}"), CASES("x&x>0\\\\-x&x<0")},
        {"rows that disagree", "|x|", CASES("-x&x\\le0\\\\x&x\\ge0"),
         CASES("x&x\\ge0\\\\7&x\\ge0\\\\-x&x<0")},
        {"maximum", "\\max(x,20)", CASES("x&x>20\\\\20&x\\le20"), CASES("x&x>30\\\\20&x\\le30")},
        {"two letters", "\\max(x,y)", CASES("x&x\\ge y\\\\y&x<y"), CASES("x&x\\ge0\\\\y&x<0")},
        {"an end", CASES("1&x\\ge2\\\\0&x<2"), CASES("0&x<2\\\\1&x\\ge2"),
         CASES("1&x>2\\\\0&x\\le2")},
        {"an end that is no double", CASES("1&x\\ge\\frac13\\\\0&x<\\frac13"),
         CASES("0&x<\\frac13\\\\1&x\\ge\\frac13"), CASES("1&x>\\frac13\\\\0&x\\le\\frac13")},
        {"one place", CASES("\\frac{\\sin x}x&x\\ne0\\\\1&x=0"),
         CASES("1&x=0\\\\\\frac{\\sin x}x&x\\ne0"), CASES("\\frac{\\sin x}x&x\\ne0\\\\0&x=0")},
        {"far away", CASES("x^2&x<100\\\\0&x\\ge100"), CASES("0&100\\le x\\\\x^2&x<100"), "x^2"},
    };
    CHECK_ROWS(row);
}

static void letters_that_are_no_real_numbers(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"real part", "\\Re z+i\\Im z", "z", "\\Re z"},
        {"imaginary part", "\\Im z", "\\operatorname{Im}(z)", "0"},
        {"conjugate", "\\overline{z+w}", "\\bar z+\\bar w", "z+w"},
        {"conjugate", "|z|^2-\\bar z", "z\\bar z-\\bar z", "z^2-\\bar z"},
        {"cross product", "\\vec a\\times\\vec b", "-\\vec b\\times\\vec a",
         "\\vec b\\times\\vec a"},
        {"cross product", "\\mathbf{a}\\times\\mathbf{b}", "-\\mathbf{b}\\times\\mathbf{a}",
         "\\mathbf{a}\\cdot\\mathbf{b}"},
        {"cross product", "2\\vec u\\times\\vec v", "\\vec u\\times\\vec v\\cdot2",
         "2\\vec u\\cdot\\vec v"},
        {"times is a product", "a\\times b", "b\\times a", "a+b"},
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
        cmocka_unit_test(derivatives_do_not_cancel),
        cmocka_unit_test(a_digit_behind_a_letter_is_an_index),
        cmocka_unit_test(plus_minus_is_both),
        cmocka_unit_test(words_are_not_products),
        cmocka_unit_test(sets_in_other_words),
        cmocka_unit_test(a_usual_domain_may_be_left_out),
        cmocka_unit_test(plain_functions_and_vectors),
        cmocka_unit_test(case_distinctions_are_functions),
        cmocka_unit_test(letters_that_are_no_real_numbers),
        cmocka_unit_test(the_reason_says_how_it_was_decided),
    };
    return cmocka_run_group_tests_name("verifiers/math pairs", tests, NULL, NULL);
}
