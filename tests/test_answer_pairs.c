// tests/test_answer_pairs.c -- how an answer is dressed: for every dress that does not matter, a
// near miss that does. Options, denials, empty boxes, hidden prose, other scripts, fonts, Markdown.
#include <string.h>

#include "tests/test.h"
#include "verifiers/verify.h"

typedef struct AnswerPair {
    const char *row;          // the task
    const char *right, *miss; // whole responses; NULL: none of this kind
} AnswerPair;

#define CHOICE(gold, right, miss)                                                                  \
    { "{\"task\":\"choice\",\"gold\":\"" gold "\"}", "\\boxed{" right "}", "\\boxed{" miss "}" }
#define MATH(gold, right, miss)                                                                    \
    { "{\"task\":\"math\",\"gold\":\"" gold "\"}", "\\boxed{" right "}", "\\boxed{" miss "}" }

static const AnswerPair choice[] = {
    CHOICE("E", "\\textbf{(E)}\\ 12", "\\textbf{(D)}\\ 12"),
    CHOICE("E", "\\textbf{(E)} 12", "\\textbf{(E)} 12 \\textbf{(D)} 13"),
    CHOICE("E", "\\text{(E)}~\\frac{1}{2}", "\\text{(E)} or \\text{(D)}"),
    CHOICE("E", "E - text", "E - text or D"),
    CHOICE("E", "E: vitamin C", "E: two, D: three"),
    CHOICE("E", "E. Both A and B", "E. two; D. three"),
    CHOICE("E",
           "\xEF\xBC\x88"
           "E\xEF\xBC\x89 text",
           "(E) is wrong"),
    CHOICE("E", "\xEF\xBC\xA5", "\xEF\xBC\xA4"), // full width
    CHOICE("E", "**E**", "**D**"),
    CHOICE("E", "Option E", "Option D"),
    CHOICE("E", "The answer is (E).", "The answer is not E."),
    CHOICE("E", "\\boldsymbol{E}", "\\boldsymbol{D}"),
    CHOICE("E", "(e)", "(d)"),
    CHOICE("AC", "(A), (C)", "(A) or (C)"),
    CHOICE("AC", "A and C", "A"),
    CHOICE("AC",
           "A\xE3\x80\x81"
           "C",
           "A\xE3\x80\x81"
           "B"),
    CHOICE("A, C", "AC", "ABC"),
    CHOICE("B", "(B) two", "(B) two (C) three"),
    CHOICE("B", "B", "B or C"),
    CHOICE("B", "B", "not B"),
    CHOICE("B", "\\{B\\}", "\\{B, C\\}"),
    CHOICE("B", "'B'", "'C'"),
    CHOICE("AC",
           "A\xE5\x92\x8C"
           "C",
           "A\xE5\x92\x8C"
           "B"),
    {"{\"task\":\"choice\",\"gold\":\"B\",\"options\":[\"12\",\"15\"]}", "\\boxed{B 15}",
     "\\boxed{A 15}"},
    {"{\"task\":\"choice\",\"gold\":\"B\",\"options\":[\"12\",\"15\"]}", "\\boxed{B, 15}",
     "\\boxed{B, A}"},
    {"{\"task\":\"choice\",\"gold\":\"A\",\"options\":[\"B\",\"C\"]}", "\\boxed{(A)}",
     "\\boxed{A, B}"},
    {"{\"task\":\"choice\",\"gold\":\"B\",\"options\":[\"12\",\"15\"]}", "\\boxed{B(15)}",
     "\\boxed{B(12)}"},
    {"{\"task\":\"choice\",\"gold\":\"D\",\"options\":[\"A\",\"B\",\"AB\",\"O\"]}", "\\boxed{O}",
     "\\boxed{A}"},
    {"{\"task\":\"choice\",\"gold\":\"B\",\"options\":[\"red\",\"green\"]}", "\\boxed{(B) green}",
     "\\boxed{(B) red}"},
    {"{\"task\":\"choice\",\"gold\":\"B\",\"options\":[\"x\",\"y\"]}", "\\boxed{(B) y}",
     "\\boxed{(A) y}"},
    {"{\"task\":\"choice\",\"gold\":\"B\"}", "\\boxed{B}, that is \\boxed{B}",
     "\\boxed{C} or \\boxed{B}"},
    {"{\"task\":\"choice\",\"gold\":\"B\"}", "\\boxed{A}. Wait, no: \\boxed{B}",
     "\\boxed{A}, or else \\boxed{B}"},
};

#define KNIGHTS "{\"task\":\"knights\",\"gold\":\"Ann is a knight, and Bob is a knave.\"}"
static const AnswerPair knights[] = {
    {KNIGHTS, "\\boxed{Ann is a knight, and Bob is a knave}",
     "\\boxed{Ann is hardly a knight, and Bob is a knave}"},
    {KNIGHTS, "\\boxed{Ann: knight; Bob: knave}", "\\boxed{Ann: not a knight; Bob: knave}"},
    {KNIGHTS, "\\boxed{Therefore, Bob is a knave and Ann is a knight.}",
     "\\boxed{It is false that Ann is a knight and Bob is a knave.}"},
    {KNIGHTS, "\\boxed{Ann must be a knight and Bob must be a knave}",
     "\\boxed{Ann could be a knight and Bob could be a knave}"},
    {KNIGHTS, "\\boxed{(1) Ann is a knight (2) Bob is a knave}",
     "\\boxed{Ann is no knight, Bob is a knave}"},
    {KNIGHTS, "\\boxed{**Ann** is a knight, **Bob** is a knave}",
     "\\boxed{Ann is never a knight, Bob is a knave}"},
    {KNIGHTS, "\\boxed{Ann = knight, Bob = knave}", "\\boxed{Ann \\neq knight, Bob = knave}"},
    {KNIGHTS, NULL, "\\boxed{Ann isn't a knight, Bob is a knave}"},
    {KNIGHTS, NULL, "\\boxed{Ann is a non-knight, Bob is a knave}"},
    {KNIGHTS, NULL, "\\boxed{Ann pretends to be a knight, Bob is a knave}"},
    {KNIGHTS, NULL, "\\boxed{Ann is a knight? Bob is a knave}"},
    {KNIGHTS, NULL, "\\boxed{Ann is a knight and Bob is a knave, or vice versa}"},
    {KNIGHTS, NULL, "\\boxed{Ann is a knight and a knave, Bob is a knave}"},
    {KNIGHTS, NULL, "\\boxed{Neither Ann is a knight nor Bob is a knave}"},
};

#define BOXED "{\"task\":\"format\",\"template\":\"think-boxed\"}"
#define TAGGED "{\"task\":\"format\",\"template\":\"r1-zero\"}"
#define THINK "<think>one two</think>\n"
static const AnswerPair format[] = {
    {BOXED, THINK "\\boxed{5}", THINK "\\boxed{{}}"},
    {BOXED, THINK "\\boxed{\\emptyset}", THINK "\\boxed{\\;}"},
    {BOXED, THINK "\\boxed{-}", THINK "\\boxed{~}"},
    {BOXED, THINK "\\boxed{\\text{no}}", THINK "\\boxed{\\text{ }}"},
    {BOXED, THINK "\\boxed{x}", THINK "\\boxed{\xE2\x80\x8B}"},
    {BOXED, THINK "\\boxed{0}", THINK "\\boxed{\xC2\xA0}"},
    {BOXED, THINK "\\boxed{\xE6\x98\xAF}", THINK "\\boxed{\\phantom{5}}"},
    {BOXED, THINK "\\boxed{\\alpha}", THINK "\\boxed{\\quad}"},
    {BOXED, THINK "\\boxed{5}", THINK "\\boxed{?}"},
    {BOXED, THINK "\\boxed{5}", THINK "\\boxed{\\ldots}"},
    {BOXED, THINK "\\boxed{5}", THINK "\\boxed{\\boxed{}}"},
    {TAGGED, THINK "<answer>5</answer>", THINK "<answer>\\text{}</answer>"},
    {TAGGED, THINK "<answer>x</answer>", THINK "<answer>\xE3\x80\x80</answer>"},
};

#define ENGLISH "{\"task\":\"language\",\"target\":\"en\"}"
#define GERMAN "{\"task\":\"language\",\"target\":\"de\"}"
static const AnswerPair language[] = {
    {ENGLISH, "<think>So $x$ $y$ $z$ are what we want.</think>",
     "<think>$wir addieren zuerst$ $die zahlen und$ $dann noch mehr$</think>"},
    {ENGLISH, "<think>We use `for i in range(10)` to add them.</think>",
     "<think>`wir addieren zuerst die zahlen und dann noch mehr`</think>"},
    {ENGLISH, "<think>So $area = width \\cdot height$ is what we want.</think>",
     "<think>$wir addieren zuerst$. $die zahlen und$; $dann noch mehr$</think>"},
    {ENGLISH, NULL,
     "<think>So $wir addieren zuerst$ then $die zahlen und$ then $dann noch mehr$ so $aber nicht "
     "alle$</think>"},
    {ENGLISH, NULL,
     "<think>$\\text{wir addieren}$ $\\text{zuerst die}$ $\\text{Zahlen und dann}$</think>"},
    {GERMAN,
     "<think>Zuerst schreiben wir ein Programm: ```c\nint main(void) {\n  for (int i = 0; i < 10; "
     "i++) sum += i;\n  return sum;\n}\n``` Dann ist die Summe gleich 45 und wir sind "
     "fertig.</think>",
     "<think>```\nfirst we add all of the numbers and then we have the sum\n```</think>"},
    {GERMAN, "<think>Sei $AB$, $CD$, $EF$, $GH$ gegeben, dann gilt das auch hier.</think>",
     "<think>`first we` `add all` `of the numbers and then we have it`</think>"},
};

static const AnswerPair scripts[] = {
    MATH("\xE7\x94\xB2", "\\text{\xE7\x94\xB2}", "\xE4\xB9\x99"),      // 甲, 乙
    MATH("\xE6\x98\xAF", "\\text{\xE6\x98\xAF}", "\xE5\x90\xA6"),      // 是, 否
    MATH("\xE3\x81\xAF\xE3\x81\x84", "\xE3\x81\xAF\xE3\x81\x84", "5"), // はい
    MATH("\xE2\x91\xA0\xE2\x91\xA2", "\xE2\x91\xA0\xE2\x91\xA2", "\xE2\x91\xA0\xE2\x91\xA1"),
    MATH("\xE6\x97\xA0\xE8\xA7\xA3", "\\text{\xE6\x97\xA0\xE8\xA7\xA3}",
         "\xE6\x9C\x89\xE8\xA7\xA3"),
    MATH("\xD0\xB4\xD0\xB0", "\xD0\x94\xD0\xB0", "\xD0\xBD\xD0\xB5\xD1\x82"), // да, нет
    MATH("\xD9\x86\xD8\xB9\xD9\x85", "\xD9\x86\xD8\xB9\xD9\x85", "\xD9\x84\xD8\xA7"),
    MATH("gr\xC3\xB6\xC3\x9F"
         "er",
         "gr\xC3\xB6\xC3\x9F"
         "er",
         "kleiner"),
    MATH("12\xE4\xBA\xBA", "12", "13"),                          // 12人
    MATH("12", "12 \xE4\xBA\xBA", "12\xE4\xB8\x87\xE4\xBA\xBA"), // 12万人
    MATH("10\xE5\x85\x83", "10", "10\xE4\xB8\x87"),
    MATH("30000", "3\xE4\xB8\x87", "3"),                                  // 3万
    MATH("200000000", "2\xE5\x84\x84", "2\xE4\xB8\x87"),                  // 2億
    MATH("5\\\\text{ cm}", "5\xE5\x8E\x98\xE7\xB1\xB3", "5\xE7\xB1\xB3"), // 厘米, 米
    MATH("7", "7\xEA\xB0\x9C", "7\xEB\xA7\x8C"),                          // 개, 만
    MATH("1,2",
         "x=1\xE6\x88\x96"
         "2",
         "x=1\xE6\x88\x96"
         "3"), // 或
    MATH("1,2",
         "1\xE3\x80\x81"
         "2",
         "1\xE3\x80\x81"
         "3"),                                      // 、
    MATH("12", "12\xE5\x86\x86", "12\xE5\x8D\x8A"), // 円, 半
};

static const AnswerPair glyphs[] = {
    MATH("5", "\xEF\xBC\x95", "\xEF\xBC\x96"), // full width
    MATH("-2",
         "\xEF\xBC\x8D"
         "2",
         "2"),
    MATH("x\\\\le 2",
         "x\xE2\x89\xA6"
         "2",
         "x\xE2\x89\xA7"
         "2"),
    MATH("6",
         "2\xE2\x80\xA2"
         "3",
         "2\xE2\x80\xA2"
         "2"),
    MATH("2",
         "\xE2\x88\x9B"
         "8",
         "\xE2\x88\x9C"
         "8"),
    MATH("1/2",
         "1\xE2\x81\x84"
         "2",
         "1\xE2\x81\x84"
         "3"),
    MATH("3/5", "\xE2\x85\x97", "\xE2\x85\x96"),
    MATH("12", "12\xE2\x84\x83",
         "12\xE2\x84\x83"
         " at most"),
    MATH("3:4",
         "3\xEF\xBC\x9A"
         "4",
         "4\xEF\xBC\x9A"
         "3"),
    MATH("x", "\xF0\x9D\x91\xA5", "\xF0\x9D\x91\xA6"), // of mathematics' own alphabet
    MATH("0.003", "3\xE2\x80\xB0", "3"),
    MATH("3", "\xD9\xA3", "\xD9\xA4"), // Arabic digits
};

static const AnswerPair dress[] = {
    MATH("x=5", "\\boldsymbol{x=5}", "\\boldsymbol{x=6}"),
    MATH("x+1", "\\mathbf{x+1}", "\\mathbf{x-1}"),
    MATH("x^2", "\\bm{x^2}", "\\bm{x^3}"),
    MATH("a-b", "\\pmb{a-b}", "\\pmb{b-a}"),
    MATH("x=5", "\\textbf{x=5}", "\\textbf{y=5}"),
    MATH("5", "**5**", "**6**"),
    MATH("1000", "1.0 x 10^3", "1.0 x 10^2"),
    MATH("1000", "1.0x10^{3}", "1.0x10"),
    MATH("1234567", "1 \\, 234 \\, 567", "1 \\, 234 \\, 56"),
    MATH("3.14159265", "3.141\\,592\\,65", "3.141\\,592\\,66"),
    MATH("9,10", "9\\text{ chickens and }10\\text{ rabbits}",
         "9\\text{ chickens and }11\\text{ rabbits}"),
    MATH("9,10", "\\text{9 chickens and 10 rabbits}", "\\text{9 chickens}"),
    MATH("9\\\\text{ chickens},10\\\\text{ rabbits}", "9\\text{ chickens and }10\\text{ rabbits}",
         "10\\text{ chickens and }9\\text{ rabbits}"),
    MATH("4210_5", "{4210}_{5}", "{4210}_{6}"),
    MATH("12", "US$12", "US$13"),
    MATH("12", "Rs. 12", "Rs. 13"),
    MATH("5000000", "\\$5 million", "\\$5"),
    MATH("12\\\\text{ m}", "\\SI{12}{\\meter}", "\\SI{12}{\\second}"),
    MATH("12000", "\\num{1.2e4}", "\\num{1.2e5}"),
    {"{\"task\":\"math\",\"gold\":\"73\",\"extract\":\"bare\"}", "**73**", "**74**"},
    {"{\"task\":\"math\",\"gold\":\"73\",\"extract\":\"bare\"}", "`73`", "7*3"},
    {"{\"task\":\"math\",\"gold\":\"42\",\"extract\":\"hash\"}", "#### **42**", "#### **43**"},
    {"{\"task\":\"math\",\"gold\":\"5\",\"extract\":\"answer\"}", "<answer>__5__</answer>",
     "<answer>__6__</answer>"},
};

static const AnswerPair boxes[] = {
    {"{\"task\":\"math\",\"gold\":\"2\"}", "\\boxed{1}. Wait, no: \\boxed{2}",
     "\\boxed{1} or \\boxed{2}"},
    {"{\"task\":\"math\",\"gold\":\"2\"}", "\\boxed{2}, i.e. \\boxed{2}",
     "\\boxed{1}, or maybe \\boxed{2}"},
    {"{\"task\":\"math\",\"gold\":\"1,2\"}", "\\boxed{1} or \\boxed{2}",
     "\\boxed{1} or \\boxed{3}"},
    {"{\"task\":\"math\",\"gold\":\"0.5\"}", "\\boxed{1/2} or \\boxed{0.5}",
     "\\boxed{1/3} or \\boxed{0.5}"},
    {"{\"task\":\"number\",\"gold\":\"2\"}", "\\boxed{2}", "\\boxed{1} or \\boxed{2}"},
    {"{\"task\":\"math\",\"gold\":\"42\"}", "\\boxed{42}. I put it in \\boxed{}.",
     "\\boxed{41}. I put it in \\boxed{}."},
    {"{\"task\":\"number\",\"gold\":\"42\"}", "\\boxed{42} \\boxed{\\;}", "\\boxed{\\;}"},
};

static Verdict judge(const char *row, const char *response) {
    JsonDoc *doc;
    assert_ok(json_parse(row, strlen(row), "row", 1, false, &doc));
    JudgeInput in = {.text = response, .size = strlen(response), .finished = true};
    assert_null(verify_read_row(json_root(doc), &in));
    Verdict got =
        verify_judge(verify_find(json_text(json_get(json_root(doc), "task"), "")), &in).verdict;
    json_free(doc);
    return got;
}

static void check(const AnswerPair *pairs, size_t n) {
    int bad = 0;
    for (size_t i = 0; i < n; i++) {
        const char *const text[] = {pairs[i].right, pairs[i].miss};
        for (int k = 0; k < 2; k++) {
            Verdict want = k ? VERDICT_WRONG : VERDICT_RIGHT;
            Verdict got = text[k] ? judge(pairs[i].row, text[k]) : want;
            if (got == want) continue;
            print_message("%s: %s: %s\n", pairs[i].row, text[k], verdict_name(got));
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

#define CHECKS(name, pairs)                                                                        \
    static void name(void **state) {                                                               \
        (void)state;                                                                               \
        check(pairs, sizeof pairs / sizeof *pairs);                                                \
    }

CHECKS(options_are_read_as_people_write_them, choice)
CHECKS(a_denied_role_is_no_role, knights)
CHECKS(what_prints_nothing_is_empty, format)
CHECKS(no_language_hides_in_formulas_or_code, language)
CHECKS(words_of_other_scripts_are_words, scripts)
CHECKS(characters_that_look_alike_are_one, glyphs)
CHECKS(fonts_and_separators_say_nothing, dress)
CHECKS(two_answers_are_no_answer, boxes)

#define BOX "\\boxed"
#define MATH5(more) "{\"task\":\"math\",\"gold\":\"5\"" more "}"

// Several boxes, a denied box, sentences: what is right alone is wrong as one of two answers.
static const AnswerPair hedged[] = {
    {MATH5(""), BOX "{6}. Wait, " BOX "{5}", BOX "{6} \xE6\x88\x96 " BOX "{5}"},
    {MATH5(""), BOX "{6}, so then " BOX "{5}", BOX "{6} \xD0\xB8\xD0\xBB\xD0\xB8 " BOX "{5}"},
    {MATH5(""), BOX "{5} and " BOX "{5}", BOX "{6} $\\lor$ " BOX "{5}"},
    {MATH5(""), BOX "{5} / " BOX "{5}", BOX "{6} / " BOX "{5}"},
    {MATH5(""), BOX "{5} \\vee " BOX "{5}", BOX "{6} \\vee " BOX "{5}"},
    {MATH5(""), BOX "{6}. Corrected guess, sorry: " BOX "{5}",
     "guess " BOX "{6}, guess " BOX "{5}"},
    {MATH5(",\"extract\":\"answer\""), "<answer>" BOX "{5}</answer>",
     "<answer>" BOX "{6} or " BOX "{5}</answer>"},
    {MATH5(""), "The answer is " BOX "{5}", "The answer is not " BOX "{5}"},
    {MATH5(""), "It is not 6, it is $" BOX "{5}$", "It is not $" BOX "{5}$"},
    {MATH5(",\"extract\":\"bare\""), "I am sure that it is 5", "nobody thinks that it is 5"},
    {MATH5(",\"extract\":\"bare\""), "the result of the sum is 5", "the result of it is minus 5"},
    {MATH5(",\"extract\":\"bare\""), "It equals \\(5\\)", "It is not \\(5\\)"},
    {MATH5(",\"extract\":\"bare\""), "It is not 6. So it equals \\(5\\)", "\\(5\\) is wrong"},
    {MATH5(",\"extract\":\"bare\""), "the value that we want is 5", "the value of it is roughly 5"},
    {MATH5(",\"extract\":\"bare\""), "it must be equal to the 5", "it is between 4 and 5"},
    {MATH5(",\"extract\":\"bare\""), "now the answer to this is 5", "now the answer to this is 5%"},
};

CHECKS(a_hedge_and_a_denial_are_no_answer, hedged)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read_as_people_write_them),
        cmocka_unit_test(a_denied_role_is_no_role),
        cmocka_unit_test(what_prints_nothing_is_empty),
        cmocka_unit_test(no_language_hides_in_formulas_or_code),
        cmocka_unit_test(words_of_other_scripts_are_words),
        cmocka_unit_test(characters_that_look_alike_are_one),
        cmocka_unit_test(fonts_and_separators_say_nothing),
        cmocka_unit_test(two_answers_are_no_answer),
        cmocka_unit_test(a_hedge_and_a_denial_are_no_answer),
    };
    return cmocka_run_group_tests_name("answer pairs", tests, NULL, NULL);
}
