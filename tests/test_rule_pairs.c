// tests/test_rule_pairs.c -- the rules of docs/JUDGES.md that make two spellings of a mathematical
// answer equal, one row each, with a near miss that stays different (tests/spelling_pairs.h).
// Newer rules have theirs in test_math_pairs.c, numbers and units in test_number_pairs.c, what
// dresses an answer in test_answer_pairs.c.
#include "tests/spelling_pairs.h"

static void every_rule_has_a_near_miss(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"percent is a hundredth", "50\\%", "\\frac12", "50"},
        {"percent in words", "7\\%", "7\\text{ percent}", "7"},
        {"a calculator's answer to a fraction", "\\frac17", "0.142857142857", "0.142857142858"},
        {"its last digit is rounded", "\\frac23", "0.666666666667", "0.666666666665"},
        {"a decimal of an irrational value", "\\sqrt2", "1.414213562", "1.414213563"},
        {"zeros at the end", "9.6", "9.60", "9.06"},
        {"zeros in front", "33", "033", "303"},
        {"a point in front or at the end", "0.5", ".5", "5."},
        {"scientific notation", "1000", "1.0 \\times 10^3", "1.0 \\times 10^2"},
        {"scientific notation with e", "2.9e33", "2.9\\cdot10^{33}", "2.9e32"},
        {"x as a times sign", "3x10^8", "3\\times10^8", "3x10^7"},
        {"a bare list is a set", "1,2", "2,1", "1,3"},
        {"and, or between values", "1,2", "1\\text{ and }2", "1\\text{ and }3"},
        {"or of one letter", "x=1,x=2", "x=1\\text{ or }x=2", "x=1\\text{ or }x=3"},
        {"and of two letters", "x=2,y=3", "x=2\\text{ and }y=3", "x=2\\text{ or }y=3"},
        {"tuples in another order", "(1,2),(3,4)", "(3,4),(1,2)", "(1,2),(4,3)"},
        {"a semicolon", "(1;2)", "(1,2)", "(2;1)"},
        {"three in brackets", "[1,2,3]", "(1,2,3)", "(1,3,2)"},
        {"a column and a tuple", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(1,2)", "(2,1)"},
        {"a set of one", "\\{5\\}", "5", "\\{5,6\\}"},
        {"a set repeats nothing", "\\{1,2\\}", "\\{2,1,1\\}", "\\{1,2,3\\}"},
        {"braces without a backslash", "\\{1,2\\}", "{1,2}", "{1,3}"},
        {"a name in front", "x=1", "1", "x=2"},
        {"a name in front of a formula", "y=2x+1", "2x+1", "2y+1"},
        {"names of a list", "x=1,y=2", "1,2", "x=2,y=1"},
        {"names of a tuple", "(x,y)=(1,2)", "x=1,y=2", "x=2,y=1"},
        {"an interval and an inequality", "x>2", "(2,\\infty)", "[2,\\infty)"},
        {"both ends", "2<x\\le5", "(2,5]", "[2,5)"},
        {"turned brackets", "(0,5)", "]0,5[", "[0,5["},
        {"an inequality turned round", "5>x", "x<5", "x>5"},
        {"an inequality times a number", "2x<6", "x<3", "x<6"},
        {"an inequality times a negative number", "-x<3", "x>-3", "x<-3"},
        {"not equal and a union", "x\\ne0", "(-\\infty,0)\\cup(0,\\infty)",
         "(-\\infty,0)\\cup[0,\\infty)"},
        {"touching intervals", "[1,2]\\cup(2,3]", "[1,3]", "[1,2)\\cup(2,3]"},
        {"a common part", "(0,5)\\cap(2,9)", "(2,5)", "(2,5]"},
        {"without a point", "(1,3)\\setminus\\{2\\}", "(1,2)\\cup(2,3)", "(1,3)"},
        {"an absolute value in an inequality", "|x-1|<2", "-1<x<3", "-1<x\\le3"},
        {"an absolute value outside", "|x|\\ge2", "(-\\infty,-2]\\cup[2,\\infty)",
         "(-\\infty,-2)\\cup(2,\\infty)"},
        {"multiples of an equation", "x+2y=3", "2x+4y=6", "2x+4y=3"},
        {"sides of an equation", "x^2+y^2=4", "4=y^2+x^2", "x^2+y^2=2"},
        {"all on one side", "y=2x+1", "2x-y+1=0", "2x-y-1=0"},
        {"a chain of equal values", "x=5", "x=2+3=5", "x=2+3=6"},
        {"about a value", "\\sqrt2", "\\sqrt2\\approx1.41", "\\sqrt3\\approx1.41"},
        {"a product of matrices",
         "\\begin{pmatrix}2&0\\\\0&2\\end{pmatrix}\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
         "\\begin{pmatrix}2&4\\\\6&8\\end{pmatrix}", "\\begin{pmatrix}2&4\\\\6&4\\end{pmatrix}"},
        {"a factor of a matrix", "2\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
         "\\begin{pmatrix}2&4\\\\6&8\\end{pmatrix}", "\\begin{pmatrix}2&2\\\\3&4\\end{pmatrix}"},
        {"a power of a matrix", "\\begin{pmatrix}1&1\\\\0&1\\end{pmatrix}^3",
         "\\begin{pmatrix}1&3\\\\0&1\\end{pmatrix}", "\\begin{pmatrix}1&1\\\\0&1\\end{pmatrix}"},
        {"an inverse", "\\begin{pmatrix}1&1\\\\0&1\\end{pmatrix}^{-1}",
         "\\begin{pmatrix}1&-1\\\\0&1\\end{pmatrix}", "\\begin{pmatrix}1&1\\\\0&1\\end{pmatrix}"},
        {"a transpose", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}^T",
         "\\begin{pmatrix}1&3\\\\2&4\\end{pmatrix}", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}"},
        {"brackets of a matrix", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
         "\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}", "\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}"},
        {"rows as lists", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "[[1,2],[3,4]]",
         "[[1,3],[2,4]]"},
        {"a determinant", "\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", "-2", "2"},
        {"degrees", "90^\\circ", "90", "90\\%"},
        {"degrees in words", "90^\\circ", "90\\text{ degrees}", "90\\text{ radians}"},
        {"a unit on one side", "5\\text{ cm}", "5", "50"},
        {"one unit spelt in two ways", "5\\text{ cm}", "5\\text{ centimeters}", "5\\text{ meters}"},
        {"a currency on one side", "\\$5", "5", "-5"},
        {"a currency spelt in two ways", "\\$5", "5\\text{ dollars}", "5\\text{ cents}"},
        {"the base ten", "12_{10}", "12", "12_{9}"},
        {"a base in words", "101_2", "101\\text{ (base 2)}", "101\\text{ (base 3)}"},
        {"digits of a base with letters", "1A_{16}", "(1A)_{16}", "1B_{16}"},
        {"case of words", "\\text{Even}", "even", "odd"},
        {"no solution", "\\emptyset", "\\text{no solution}", "0"},
        {"infinity", "\\infty", "\\text{infinity}", "-\\infty"},
        {"options", "\\text{(C)}", "C.", "D."},
        {"an option with its text", "C", "(C) 5", "(D) 5"},
        {"a title", "5", "\\text{Answer}: 5", "\\text{Answer}: 6"},
        {"a sentence as a title", "5", "\\text{The answer is }5", "\\text{The answer is not }5"},
        {"a ratio", "7:32", "\\frac{7}{32}", "32:7"},
        {"a ratio reduced", "2:4:6", "1:2:3", "1:3:2"},
        {"a clock and half a day", "12:05", "12:05\\text{ PM}", "12:50\\text{ PM}"},
        {"am and a.m.", "7\\text{ am}", "7\\text{ a.m.}", "7\\text{ p.m.}"},
        {"logarithm to ten", "\\log x", "\\log_{10}x", "\\ln x"},
        {"an inverse function", "\\sin^{-1}x", "\\arcsin x", "\\frac{1}{\\sin x}"},
        {"a repeating decimal", "0.\\overline{3}", "\\frac13", "0.3"},
        {"a repeating decimal with dots", "\\frac13", "0.333\\ldots", "0.333"},
        {"a repeating decimal in brackets", "\\frac13", "0.(3)", "0.(6)"},
        {"a mixed number", "2\\frac12", "\\frac52", "2\\cdot\\frac12"},
        {"a mixed number typed", "2\\frac12", "2 1/2", "21/2"},
        {"a mixed number below zero", "-2\\frac12", "-2.5", "-1.5"},
        {"thousands", "1,234,567", "1234567", "1234,567"},
        {"thousands with a zero", "1,050", "1050", "1,50"},
        {"thin spaces", "1\\,234", "1234", "1\\cdot234"},
        {"thousands of other countries", "1.234.567", "1234567", "1.234567"},
        {"a decimal comma in braces", "3{,}14", "3.14", "3,14"},
        {"finite sums", "\\sum_{k=1}^{n}k", "\\frac{n(n+1)}2", "\\frac{n(n-1)}2"},
        {"finite products", "\\prod_{k=1}^{5}k", "120", "24"},
        {"unreduced fractions", "\\frac68", "\\frac34", "\\frac43"},
        {"forms of a fraction", "\\frac12", "1/2", "2/1"},
        {"short arguments", "\\frac12", "\\frac{1}{2}", "\\frac{2}1"},
        {"over", "\\frac{1}{2}", "{1\\over2}", "{2\\over1}"},
        {"a slash binds like a product", "\\frac{x}{2}", "1/2x", "\\frac{1}{2x}"},
        {"expanded", "(x+1)^2", "x^2+2x+1", "x^2+2x-1"},
        {"a rational function", "\\frac{x^2-1}{x-1}", "x+1", "x-1"},
        {"roots", "\\sqrt8", "2\\sqrt2", "4\\sqrt2"},
        {"roots as powers", "\\sqrt[3]{x}", "x^{1/3}", "x^{1/2}"},
        {"powers of powers", "2^{3^2}", "512", "64"},
        {"the sign before a power", "-2^2", "-4", "(-2)^2"},
        {"digits behind a caret", "2^{10}", "2^10", "2^1\\cdot0"},
        {"factorials", "5!", "120", "5"},
        {"a double factorial", "5!!", "15", "(5!)!"},
        {"binomials", "\\binom52", "10", "\\frac52"},
        {"{}_nC_k", "{}_5C_2", "10", "{}_5P_2"},
        {"logarithms of any base", "\\log_28", "3", "\\log_82"},
        {"trigonometry", "\\sin^2x+\\cos^2x", "1", "\\sin^2x-\\cos^2x"},
        {"a shifted sine", "\\sin(x+\\pi)", "-\\sin x", "\\sin x"},
        {"complex numbers", "3+4i", "4i+3", "3-4i"},
        {"a complex power", "e^{i\\pi}", "-1", "1"},
        {"the root of a negative number", "\\sqrt{-4}", "2i", "-2i"},
        {"the modulus", "|3+4i|", "5", "7"},
        {"values in a set of signs", "\\pm3", "3,-3", "3"},
        {"floor of a number", "\\lfloor-1.5\\rfloor", "-2", "-1"},
        {"residues", "n\\equiv1\\pmod4", "n\\equiv1\\ (\\text{mod }4)", "n\\equiv1\\pmod5"},
        {"a remainder", "17\\bmod5", "2", "3"},
        {"names of a function", "f(x)=x+1", "x+1", "f(x)=x-1"},
        {"primes", "f'(x)=2x", "f^\\prime(x)=2x", "f(x)=2x"},
        {"fonts", "x+1", "\\mathbf{x+1}", "\\mathbf{x}+2"},
        {"sizes of brackets", "(1,2)", "\\left(1,2\\right)", "\\left(1,2\\right]"},
        {"dollar signs", "x+1", "$x+1$", "$x-1$"},
        {"boxes", "5", "\\boxed{5}", "\\boxed{6}"},
        {"colours", "5", "\\textcolor{red}{5}", "\\textcolor{red}{6}"},
        {"braces that do nothing", "x_2", "{x}_{2}", "x_{}2"},
        {"phantoms", "5", "\\phantom{6}5", "\\phantom{5}6"},
        {"full-width signs", "5", "５", "６"},
        {"minus signs", "-5", "−5", "5"},
        {"digits of other scripts", "7", "٧", "٨"},
        {"superscripts", "x^2", "x²", "x₂"},
        {"one-character fractions", "\\frac12", "½", "⅓"},
        {"signs of relations", "x\\le3", "x≤3", "x≥3"},
        {"the degree sign", "90^\\circ", "90°", "90%"},
        {"pi", "2\\pi", "2π", "2ρ"},
        {"words of another script", "甲", "\\text{甲}", "乙"},
        {"or in Chinese", "1,2", "1或2", "1或3"},
        {"lines of an alignment", "x=1,y=2", "\\begin{aligned}x&=1\\\\y&=2\\end{aligned}",
         "\\begin{aligned}x&=2\\\\y&=1\\end{aligned}"},
        {"commuted factors", "2xy", "y\\cdot2x", "2x+y"},
        {"commuted terms", "a+b", "b+a", "a-b"},
        {"a constant of integration", "x^2+C", "C+x^2", "x^2"},
        {"i without a star", "3+2i", "3+i2", "3+i^2"},
        {"max and min", "\\max(a,b)", "\\max(b,a)", "\\min(a,b)"},
        {"greatest divisor", "\\gcd(12,18)", "6", "36"},
        {"dots in a list", "1,2,3,\\ldots", "1,2,3,...", "1,2,4,..."},
        {"a coefficient of one", "1x", "x", "10x"},
        {"a plus in front", "+5", "5", "-5"},
        {"an equals sign in front", "=5", "5", "=6"},
        {"a stop at the end", "5.", "5", "5.5"},
        {"white space", "x + 1", "x+1", "x1"},
        {"a noun behind a number", "12\\text{ apples}", "12", "12\\text{ dozen}"},
        {"a plural", "12\\text{ apples}", "12\\text{ apple}", "12\\text{ pears}"},
        {"a multiplier", "7\\text{ million}", "7000000", "7\\text{ millionths}"},
        {"parts in words", "3\\text{ halves}", "1.5", "3"},
        {"and a half", "5\\text{ and a half}", "5.5", "4.5"},
        {"a power in words", "3\\text{ squared}", "9", "27"},
        {"a currency before a multiplier", "\\$5\\text{ million}", "5000000", "5"},
        {"a compound unit", "12\\text{ m/s}", "12\\text{ meters per second}", "12\\text{ s/m}"},
        {"dozens", "3\\text{ dozen}", "36", "3"},
        {"what is the whole answer", "7\\text{ is the answer}", "7", "7\\text{ is not the answer}"},
    };
    CHECK_ROWS(row);
}

static void what_is_not_printed_fills_nothing_in(void **state) {
    (void)state;
    static const SpellingPair row[] = {
        {"thousands in a list", "1,234,050", "1234050", "1,234050"},
        {"thousands and zeros", "900,000,000", "900000000", "900,0,0"},
        {"digits that touch", "5\\cdot6", "5(6)", "56"},
        {"a group and its digits", "{12}", "12", "1+2"},
        {"a root of a group", "\\sqrt3", "\\sqrt{3}", "\\sqrt{3}3"},
        {"an empty group elsewhere", "x{}", "x", "x_1"},
        {"set builder, the letter of the condition", "{x|x>1}", "{y|y>1}", "{x|x_1>1}"},
        {"an element of a set", "n=15", "n\\in\\{15\\}", "n\\in\\{15,16\\}"},
        {"or between letters", "x=0\\text{ or }y=0", "y=0\\text{ or }x=0", "x=0,y=0"},
        {"solutions of two letters", "x=1,y=2;x=3,y=4", "x=1,y=2\\text{ or }x=3,y=4",
         "x=1,y=4;x=3,y=2"},
        {"a base without braces", "\\log_28", "\\log_2 8", "\\log_82"},
        {"a title in a font", "7", "\\textbf{Answer}: 7", "\\textbf{Answer}: 8"},
    };
    CHECK_ROWS(row);
}

// What cannot be read is never equal: braces that print nothing, empty arguments, no set.
static void answers_that_are_not_read(void **state) {
    (void)state;
    static const char *const pair[][2] = {
        {"30", "5{6}"},
        {"56", "5{6}"},
        {"30", "{5}6"},
        {"30", "{5}{6}"},
        {"\\frac14", "\\frac{}1{4}"},
        {"\\frac14", "\\frac1{}{4}"},
        {"\\frac14", "\\frac{1}{}4"},
        {"2\\sqrt3", "2\\sqrt{}3"},
        {"\\frac13", "0.\\overline{}3"},
        {"x^2", "x^{}2"},
        {"x_2", "x_{}2"},
        {"1,000", "1,0"},
        {"1,050", "1,50"},
        {"1,0", "1,000"},
        {"n=15", "n\\in15"},
        {"5", "\\not5"},
        {"5", "\\cancel{5}"},
        {"5", "5\\quad6"},
        {"56", "5\\quad6"},
        {"5", "\\stackrel{?}{=}5"},
        {"5", "6\\iffalse 5\\fi"},
    };
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
        if (compare(pair[i][0], pair[i][1]).verdict != VERDICT_WRONG)
            fail_msg("%s and %s", pair[i][0], pair[i][1]);
}

static Verdict with_word(const char *word) {
    char text[80];
    snprintf(text, sizeof text, "7\\text{ %s}", word);
    return compare("7", text).verdict;
}

static void words_change_a_number_in_many_languages(void **state) {
    (void)state;
    static const char *const changing[] = {
        "negated",   "trillionths", "milliers",    "Hälften",        "Paare",      "nineteenths",
        "fiftieths", "thirtieths",  "Zehntausend", "quintillionths", "milionów",   "tysięcy",
        "ribu",      "juta",        "nghìn",       "triệu",          "χιλιάδες",   "אלף",
        "พัน",        "bin",         "reversed",    "rounded",        "reciprocal", "tidak",
        "inte",      "nem",         "conjugate",   "absolute",       "percentile", "migliaia",
        "dezenas",   "bazillion"};
    static const char *const plain[] = {
        "apples",     "marbles",   "ways",   "students", "distinct real roots",
        "manzanas",   "Äpfel",     "pommes", "elma",     "quả táo",
        "яблок",      "people",    "teeth",  "months",   "widths",
        "paths",      "baths",     "moths",  "booths",   "stallions",
        "medallions", "pavilions", "bins",   "men",      "positive integers"};
    for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
        if (with_word(changing[i]) != VERDICT_WRONG) fail_msg("7 %s is 7", changing[i]);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (with_word(plain[i]) != VERDICT_RIGHT) fail_msg("7 %s is not 7", plain[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_has_a_near_miss),
        cmocka_unit_test(what_is_not_printed_fills_nothing_in),
        cmocka_unit_test(answers_that_are_not_read),
        cmocka_unit_test(words_change_a_number_in_many_languages),
    };
    return cmocka_run_group_tests_name("verifiers/math rules", tests, NULL, NULL);
}
