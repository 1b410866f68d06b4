// tests/test_language.c -- verifiers/language: whose words a thought is made of.
#include "verifiers/language.h"

#include <stdlib.h>

#include "tests/test.h"
#include "tests/work.h"

static double share(const char *target, const char *text) {
    return language_share(text, strlen(text), target).share;
}

static const char *detect(const char *text) {
    return language_detect(text, strlen(text));
}

static void scripts_tell_languages_apart(void **state) {
    (void)state;
    assert_string_equal(detect("我们需要先算出这个数"), "zh");
    assert_string_equal(detect("まず計算をします。"), "ja");
    assert_string_equal(detect("먼저 계산을 합니다"), "ko");
    assert_string_equal(detect("Πρώτα υπολογίζουμε"), "el");
    assert_string_equal(detect("ಮೊದಲು ಲೆಕ್ಕ ಹಾಕಿ"), "kn");
    assert_string_equal(detect("முதலில் கணக்கிடுக"), "ta");
    assert_string_equal(detect("ก่อนอื่นเราคำนวณ"), "th");
}

static void common_words_tell_languages_of_one_script_apart(void **state) {
    (void)state;
    assert_string_equal(detect("First we compute the sum of the two numbers."), "en");
    assert_string_equal(detect("Zuerst berechnen wir die Summe der beiden Zahlen."), "de");
    assert_string_equal(detect("Nous calculons d'abord la somme des deux nombres."), "fr");
    assert_string_equal(detect("Primero calculamos la suma de los dos números."), "es");
    assert_string_equal(detect("Prima calcoliamo la somma dei due numeri, che non è grande."),
                        "it");
    assert_string_equal(detect("Primeiro, você não pode somar os números mais uma vez."), "pt");
    assert_string_equal(detect("Eerst berekenen we de som van de twee getallen, dat is het."),
                        "nl");
    assert_string_equal(detect("Най-напред ще намерим сумата, защото тя е по-малка от нея"), "bg");
    assert_string_equal(detect("Сначала мы найдем сумму, потому что это только начало"), "ru");
    assert_string_equal(detect("این یک متن فارسی است که می شود خواند"), "fa");
    assert_string_equal(detect("یہ اردو ہے اور میں لکھ رہا ہوں"), "ur");
    assert_string_equal(detect("हम यह हिंदी में लिख रहे हैं और यह अच्छा है"), "hi");
    assert_string_equal(detect("हे मराठी आहे आणि ते चांगले आहे"), "mr");
    assert_null(detect("x = 2 + 3; 17"));
}

static void the_share_is_of_words(void **state) {
    (void)state;
    assert_true(share("en", "We add the numbers and get seven.") == 1);
    assert_true(share("zh", "We add the numbers and get seven.") == 0);
    LanguageShare s = language_share("one two 三四", strlen("one two 三四"), "en");
    assert_int_equal(s.words, 4); // each Han character is one
    assert_int_equal(s.target, 2);
    assert_true(share("zh", "我们算") == 1);
    assert_true(share("zh-cn", "我们算") == 1);
    assert_true(share("en", "So we go on. Nous devons trouver la somme des nombres dans ce cas.") <
                .5);
    assert_true(share("fr", "Nous devons trouver la somme.") == 1);
}

static void what_is_no_language_is_left_out(void **state) {
    (void)state;
    LanguageShare s = language_share("", 0, "en");
    assert_int_equal(s.words, 0);
    assert_true(s.share == 1);
    const char *const none[] = {"$x^2 + \\alpha y$",
                                "\\[ \\frac{a}{b} \\]",
                                "```python\nfor i in range(3): print(i)\n```",
                                "`foo.bar`",
                                "https://example.org/eine/seite",
                                "17 + 4 = 21, x, y, z",
                                "<think></think>",
                                "sin log max",
                                "x1 foo_bar"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(language_share(none[i], strlen(none[i]), "zh").words, 0);
    assert_true(share("zh", "我们有 $\\sin x + speed$ 和 `code here`") == 1);
}

static void nothing_is_hidden_between_dollars_or_ticks(void **state) {
    (void)state;
    assert_true(share("en", "$ceci est une phrase dans une formule et elle est longue$") == 0);
    assert_true(share("en", "We go on. $我们这样算$") < .5);
    assert_true(share("en", "```\n我们这样算\n```") == 0);
    assert_true(share("zh", "$we think about this in plain words here$") == 0);
}

static Judgement judge(const char *target, const char *text, const char *extract) {
    JudgeInput in = {
        .text = text, .size = strlen(text), .finished = true, .target = target, .extract = extract};
    return language_judge(&in);
}

static void the_thought_is_judged(void **state) {
    (void)state;
    const char *text = "<think>我们先算一下这个数</think> The answer is seven.";
    assert_int_equal(judge("en", text, NULL).verdict, VERDICT_WRONG);
    assert_true(judge("en", text, NULL).score == 0);
    assert_int_equal(judge("zh", text, NULL).verdict, VERDICT_RIGHT);
    double both = judge("en", text, "bare").score;
    assert_true(both > 0 && both < 1);
    // A prompt that opened the thought: the text before </think> is the thought.
    assert_int_equal(judge("en", "We add them up.</think> 七", NULL).verdict, VERDICT_RIGHT);
    // A second </think> does not end it early.
    assert_true(judge("en", "<think>so</think>我们先算一下</think>", NULL).score < .5);
    // A thought that was never closed is judged all the same.
    assert_true(judge("en", "<think>我们先算一下", NULL).score == 0);
}

static void a_target_that_is_none_gives_no_verdict(void **state) {
    (void)state;
    assert_int_equal(judge(NULL, "x", NULL).verdict, VERDICT_ERROR);
    assert_int_equal(judge("klingon", "x", NULL).verdict, VERDICT_ERROR);
    assert_true(language_known("en") && language_known("sw") && !language_known(""));
    assert_non_null(strstr(language_codes(), "en, de"));
}

static void hostile_input_costs_linear_work(void **state) {
    (void)state;
    static const char *const piece[] = {"$",    "\\[",     "`",         "```x", "<a", "the ", "我",
                                        "\xff", "http://", "a\xcc\x81", "\\(",  "ก",  "$$ a"};
    size_t n = 1500000;
    char *text = malloc(n);
    for (size_t i = 0; i < sizeof piece / sizeof *piece; i++) {
        for (size_t k = 0; k < n; k++) text[k] = piece[i][k % strlen(piece[i])];
        WorkMeter meter = {.most = 40};
        while (work_again(&meter)) language_share(text, n, "en");
        if (meter.over) fail_msg("'%s' needs %.0f units of work", piece[i], meter.least);
    }
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_tell_languages_apart),
        cmocka_unit_test(common_words_tell_languages_of_one_script_apart),
        cmocka_unit_test(the_share_is_of_words),
        cmocka_unit_test(what_is_no_language_is_left_out),
        cmocka_unit_test(nothing_is_hidden_between_dollars_or_ticks),
        cmocka_unit_test(the_thought_is_judged),
        cmocka_unit_test(a_target_that_is_none_gives_no_verdict),
        cmocka_unit_test(hostile_input_costs_linear_work),
    };
    return cmocka_run_group_tests_name("verifiers/language", tests, NULL, NULL);
}
