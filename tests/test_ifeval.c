// tests/test_ifeval.c -- verifiers/ifeval: each instruction type by hand, then the reference's
// verdicts on real responses.
#include "verifiers/ifeval/ifeval.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/file.h"
#include "datasets/jsonl.h"
#include "tests/test.h"
#include "tests/work.h"
#include "verifiers/ifeval/pyjson.h"
#include "verifiers/ifeval/sentence.h"

typedef struct VerdictSeen {
    Verdict verdict;
    bool loose;
    double score;
} VerdictSeen;

static VerdictSeen judge(const char *id, const char *kwargs, const char *text) {
    Str row = {0}, more = {0};
    str_printf(&row, "{\"instruction_id_list\":[\"%s\"],\"kwargs\":[%s]}", id, kwargs);
    JsonDoc *doc;
    assert_ok(json_parse(row.data, row.size, "row", 1, false, &doc));
    JudgeInput in = {.text = text,
                     .size = strlen(text),
                     .finished = true,
                     .task = json_root(doc),
                     .more = &more};
    Judgement j = ifeval_judge(&in);
    VerdictSeen s = {j.verdict, strstr(str_text(&more), "\"loose\":true,\"instr") != NULL, j.score};
    json_free(doc);
    str_free(&row);
    str_free(&more);
    return s;
}

static void yes(const char *id, const char *kwargs, const char *text) {
    VerdictSeen s = judge(id, kwargs, text);
    if (s.verdict != VERDICT_RIGHT || !s.loose)
        fail_msg("%s %s: not followed by '%s'", id, kwargs, text);
}

static void no(const char *id, const char *kwargs, const char *text) {
    if (judge(id, kwargs, text).verdict != VERDICT_WRONG)
        fail_msg("%s %s: followed by '%s'", id, kwargs, text);
}

static void keywords(void **state) {
    (void)state;
    const char *id = "keywords:existence", *kw = "{\"keywords\":[\"apple\",\"Pear\"]}";
    yes(id, kw, "Apples and a PEAR");
    no(id, kw, "Apples alone");
    id = "keywords:frequency",
    kw = "{\"keyword\":\"ha\",\"frequency\":3,\"relation\":\"at least\"}";
    yes(id, kw, "ha HAha"), no(id, kw, "ha ha");
    kw = "{\"keyword\":\"ha\",\"frequency\":3,\"relation\":\"less than\"}";
    yes(id, kw, "ha ha"), no(id, kw, "ha ha ha");
    id = "keywords:forbidden_words", kw = "{\"forbidden_words\":[\"cat\"]}";
    yes(id, kw, "concatenate"), no(id, kw, "A CAT!");
    id = "keywords:letter_frequency";
    kw = "{\"letter\":\"q\",\"let_frequency\":2,\"let_relation\":\"at least\"}";
    yes(id, kw, "Quite quiet"), no(id, kw, "quay");
}

static void lengths(void **state) {
    (void)state;
    const char *id = "length_constraints:number_words";
    yes(id, "{\"num_words\":5,\"relation\":\"at least\"}", "It's a well-known fact");
    no(id, "{\"num_words\":7,\"relation\":\"at least\"}", "It's a well-known fact");
    id = "length_constraints:number_sentences";
    yes(id, "{\"num_sentences\":3,\"relation\":\"less than\"}", "Dr. Smith came. He left.");
    no(id, "{\"num_sentences\":3,\"relation\":\"at least\"}", "Dr. Smith came. He left.");
    id = "length_constraints:number_paragraphs";
    yes(id, "{\"num_paragraphs\":2}", "one\n***\ntwo"),
        yes(id, "{\"num_paragraphs\":2}", "***\none***two\n***");
    no(id, "{\"num_paragraphs\":2}", "one\n***\n***\ntwo"), no(id, "{\"num_paragraphs\":2}", "one");
    id = "length_constraints:nth_paragraph_first_word";
    const char *kw = "{\"num_paragraphs\":2,\"nth_paragraph\":2,\"first_word\":\"Weekend\"}";
    yes(id, kw, "a\n\nweekend, it is"), yes(id, kw, "a\n\n\"Weekend.\" it is");
    no(id, kw, "a\n\nweekends are"), no(id, kw, "weekend"), no(id, kw, "a\n\nweekend\n\nb");
}

static void marks(void **state) {
    (void)state;
    const char *id = "detectable_format:number_bullet_lists";
    yes(id, "{\"num_bullets\":2}", "* a\n  - b\n** c"), no(id, "{\"num_bullets\":2}", "* a");
    yes(id, "{\"num_bullets\":1}", "\n\n*\nx"); // a star and a line end, as the reference reads it
    id = "detectable_format:number_highlighted_sections";
    yes(id, "{\"num_highlights\":2}", "*a* and **b**"),
        no(id, "{\"num_highlights\":2}", "*a* ** * *x\n*");
    id = "detectable_content:number_placeholders";
    yes(id, "{\"num_placeholders\":2}",
        "[a] [b"
        "c]"),
        no(id, "{\"num_placeholders\":2}", "[a [b]\n[c");
    id = "detectable_format:title";
    yes(id, "{}", "<<joy>>\ntext"), no(id, "{}", "<< >>"), no(id, "{}", "<<a\nb>>"),
        no(id, "{}", "<<>>");
}

static void marks_part_two(void **state) {
    (void)state;
    const char *id = "detectable_format:multiple_sections";
    const char *kw = "{\"section_spliter\":\"Section\",\"num_sections\":2}";
    yes(id, kw, "Section 1\nx\nSection 2"), no(id, kw, "Section one Section two"),
        no(id, kw, "section 1 section 2");
    id = "detectable_format:constrained_response";
    yes(id, "{}", "Well: My answer is maybe."), no(id, "{}", "My answer is perhaps.");
    id = "detectable_format:json_format";
    yes(id, "{}", "```json\n{\"a\":[1,2.5e3,NaN,{}],\"a\":null}\n```"),
        no(id, "{}", "{\"a\":1} and more");
    id = "detectable_content:postscript";
    yes(id, "{\"postscript_marker\":\"P.S.\"}", "x\np. s. y"),
        no(id, "{\"postscript_marker\":\"P.S.\"}", "x PS y");
    yes(id, "{\"postscript_marker\":\"P.P.S\"}", "P.P.S. y"),
        no(id, "{\"postscript_marker\":\"P.P.S\"}", "P.S. y");
    id = "punctuation:no_comma";
    yes(id, "{}", "a b"), no(id, "{}", "a, b");
}

static void beginnings_and_endings(void **state) {
    (void)state;
    const char *id = "startend:end_checker", *kw = "{\"end_phrase\":\"The end.\"}";
    yes(id, kw, "So. \"the END.\"  "), no(id, kw, "The end. Or not.");
    id = "startend:quotation";
    yes(id, "{}", " \"a\" "), no(id, "{}", "\"a"), no(id, "{}", "\"");
    id = "combination:repeat_prompt", kw = "{\"prompt_to_repeat\":\"Say hi.\"}";
    yes(id, kw, "say HI. Hi!"), no(id, kw, "Hi! Say hi.");
    id = "combination:two_responses";
    yes(id, "{}", "a\n******\nb"), no(id, "{}", "a ****** a"), no(id, "{}", "a****** ******b"),
        no(id, "{}", "a");
}

static void case_and_language(void **state) {
    (void)state;
    yes("change_case:english_capital", "{}", "THE SUM IS 7 AND IT IS BIG.");
    no("change_case:english_capital", "{}", "THE SUM is 7");
    no("change_case:english_capital", "{}", "DIE SUMME IST NICHT DAS, WAS WIR HABEN");
    yes("change_case:english_lowercase", "{}", "the sum is 7 and it is big.");
    no("change_case:english_lowercase", "{}", "The sum");
    const char *kw = "{\"capital_frequency\":3,\"capital_relation\":\"at least\"}";
    yes("change_case:capital_word_frequency", kw, "DON'T use NASA."); // DO N'T NASA
    no("change_case:capital_word_frequency", kw, "USE AND/OR Nothing");
    yes("language:response_language", "{\"language\":\"de\"}",
        "Das ist nicht die Summe, die wir suchen.");
    no("language:response_language", "{\"language\":\"de\"}", "This is not the sum that we want.");
    yes("language:response_language", "{\"language\":\"kn\"}", "ಹಾಂ ಹೌದು");
}

static void a_blank_answer_follows_nothing(void **state) {
    (void)state;
    no("punctuation:no_comma", "{}", "");
    no("punctuation:no_comma", "{}", " \n\t");
    no("punctuation:no_comma", "{}", "<think>no comma");
    no("punctuation:no_comma", "{}", "<think>no comma</think>");
    yes("punctuation:no_comma", "{}", "<think>a, b</think>no comma");
}

static void loose_drops_lines_and_asterisks(void **state) {
    (void)state;
    VerdictSeen s = judge("startend:quotation", "{}", "Sure:\n\"quoted\"");
    assert_true(s.verdict == VERDICT_WRONG && s.score == 0 && s.loose);
    s = judge("startend:quotation", "{}", "**\"quoted\"**\nHope it helps");
    assert_true(s.verdict == VERDICT_WRONG && s.loose);
    s = judge("punctuation:no_comma", "{}", "a,\nb\nc,");
    assert_true(s.verdict == VERDICT_WRONG && s.loose);
    s = judge("punctuation:no_comma", "{}", "a,\nb,\nc");
    assert_true(s.verdict == VERDICT_WRONG && !s.loose);
}

static void tasks_that_cannot_be_judged_are_errors(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"keywords:poetry", "{}"},
        {"keywords:existence", "{}"},
        {"keywords:existence", "{\"keywords\":[\"(\"]}"},
        {"keywords:frequency", "{\"keyword\":\"a\",\"frequency\":1,\"relation\":\"about\"}"},
        {"keywords:letter_frequency",
         "{\"letter\":\"ab\",\"let_frequency\":1,\"let_relation\":\"at least\"}"},
        {"length_constraints:number_words", "{\"num_words\":null,\"relation\":\"at least\"}"},
        {"length_constraints:nth_paragraph_first_word",
         "{\"num_paragraphs\":2,\"nth_paragraph\":3,\"first_word\":\"a\"}"},
        {"language:response_language", "{\"language\":\"klingon\"}"},
        {"startend:end_checker", "{\"end_phrase\":3}"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (judge(bad[i][0], bad[i][1], "x").verdict != VERDICT_ERROR)
            fail_msg("%s %s has a verdict", bad[i][0], bad[i][1]);
    JudgeInput none = {.text = "x", .size = 1, .finished = true};
    assert_int_equal(ifeval_judge(&none).verdict, VERDICT_ERROR);
}

static void python_reads_json_its_way(void **state) {
    (void)state;
    static const char *const good[] = {"1",
                                       "-0.5E+3",
                                       "\"a\\u00e9\\n\"",
                                       "[]",
                                       "{}",
                                       " [1 , {\"a\" : []}] ",
                                       "[[[]]]",
                                       "Infinity",
                                       "-Infinity",
                                       "{\"a\":1,\"a\":2}",
                                       "\"\\ud800\""};
    static const char *const bad[] = {
        "",         "01",      "1.",  ".5", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "[1 2]",
        "\"a\nb\"", "\"\\x\"", "nul", "[",  "]",    "{\"a\"}",    "{,}",   "[,]", "1 2"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!pyjson_valid((Slice){good[i], strlen(good[i])})) fail_msg("%s is JSON", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (pyjson_valid((Slice){bad[i], strlen(bad[i])})) fail_msg("%s is no JSON", bad[i]);
    char deep[3000];
    memset(deep, '[', 1500), memset(deep + 1500, ']', 1500);
    assert_false(pyjson_valid((Slice){deep, 3000}));
    assert_true(pyjson_valid((Slice){deep + 1000, 1000}));
}

static long sentences(const char *s) {
    return sentence_count((Slice){s, strlen(s)});
}

static void sentences_end_where_they_end(void **state) {
    (void)state;
    assert_int_equal(sentences("One. Two! Three?"), 3);
    assert_int_equal(sentences("Really?! Yes."), 2);
    assert_int_equal(sentences("It costs 3.50 at Mr. Smith's."), 1);
    assert_int_equal(sentences("He said \"Go.\" She went."), 2);
    assert_int_equal(sentences("(One.) Two."), 2);
    assert_int_equal(sentences("Wait... what"), 1);
    assert_int_equal(sentences("Here J. Bach wrote it."), 1);
    assert_int_equal(sentences("See www.example.com for it"), 1);
    assert_int_equal(sentences("1. Go\n2. Come"), 3); // the reference counts the numbers of a list
    assert_int_equal(sentences("no end"), 1);
}

// The reference's verdicts (tests/peers/ifeval_expected.py) on its 541 prompts. The responses are
// may not be shipped here: GRPO_IFEVAL names the folder with test.jsonl and
// example_responses.jsonl.
static const char *const by_model[] = {"language:response_language", "change_case:english_capital",
                                       "change_case:english_lowercase"};

static bool outside(const char *id) {
    for (size_t i = 0; i < sizeof by_model / sizeof *by_model; i++)
        if (strcmp(id, by_model[i]) == 0) return true;
    return false;
}

// Letters that are none: the reference draws another one, at random.
static bool random_there(int64_t key) {
    return key == 1122 || key == 1129;
}

typedef struct IfevalAgreement {
    int same, differ, outside_same, outside_differ;
} IfevalAgreement;

static void compare(const Json *task, const char *response, size_t size, const Json *expected,
                    IfevalAgreement *a) {
    Str more = {0};
    str_puts(&more, "{\"x\":0");
    JudgeInput in = {.text = response, .size = size, .finished = true, .task = task, .more = &more};
    Judgement j = ifeval_judge(&in);
    assert_int_not_equal(j.verdict, VERDICT_ERROR);
    str_putc(&more, '}');
    JsonDoc *doc;
    assert_ok(json_parse(more.data, more.size, "more", 1, false, &doc));
    const Json *got = json_first(json_get(json_root(doc), "instructions"));
    int64_t key = json_int(json_get(task, "key"), 0);
    for (const Json *want = json_first(json_get(expected, "verdicts")); want;
         want = json_next(want), got = json_next(got)) {
        const Json *id = json_first(want), *strict = json_next(id), *loose = json_next(strict);
        bool same = json_bool(json_get(got, "strict"), false) == (json_int(strict, 0) == 1) &&
                    json_bool(json_get(got, "loose"), false) == (json_int(loose, 0) == 1);
        if (outside(json_text(id, "")))
            a->outside_same += same, a->outside_differ += !same;
        else if (!random_there(key)) {
            a->same += same, a->differ += !same;
            if (!same) print_message("differs: key %d %s\n", (int)key, json_text(id, ""));
        }
    }
    json_free(doc);
    str_free(&more);
}

static void the_reference_agrees_on_real_responses(void **state) {
    (void)state;
    const char *folder = getenv("GRPO_IFEVAL");
    if (!folder) {
        print_message("GRPO_IFEVAL is not set: the reference's verdicts on real responses are not "
                      "compared\n");
        skip();
    }
    Str path = {0};
    Jsonl *tasks, *responses, *expected;
    str_printf(&path, "%s/test.jsonl", folder);
    assert_ok(jsonl_open(path.data, NULL, NULL, &tasks));
    str_clear(&path), str_printf(&path, "%s/example_responses.jsonl", folder);
    assert_ok(jsonl_open(path.data, NULL, NULL, &responses));
    assert_ok(jsonl_open("tests/golden/ifeval/expected.jsonl", NULL, NULL, &expected));
    IfevalAgreement a = {0};
    int64_t e = 0;
    JsonDoc *want = NULL;
    for (int64_t i = 0; i < jsonl_size(tasks) && e < jsonl_size(expected); i++) {
        JsonDoc *task, *response;
        assert_ok(jsonl_row(tasks, i, &task));
        assert_ok(jsonl_row(responses, i, &response));
        assert_ok(jsonl_row(expected, e, &want));
        if (json_int(json_get(json_root(task), "key"), -1) ==
            json_int(json_get(json_root(want), "key"), -2)) {
            const Json *text = json_get(json_root(response), "response");
            compare(json_root(task), json_text(text, ""), json_text_size(text), json_root(want),
                    &a);
            e++;
        }
        json_free(task), json_free(response), json_free(want);
    }
    print_message("%d verdicts agree, %d differ; of langdetect's types %d agree, %d differ\n",
                  a.same, a.differ, a.outside_same, a.outside_differ);
    assert_true(a.same > 700);
    assert_int_equal(a.differ, 0);
    assert_true(a.outside_differ * 8 <= a.outside_same);
    jsonl_close(tasks), jsonl_close(responses), jsonl_close(expected);
    str_free(&path);
}

static void hostile_input_is_bounded(void **state) {
    (void)state;
    static const char *const piece[] = {"\n",  "[",   "*",    "**a", "<<", "- ",      ". ",
                                        "...", "\" ", "\xff", "p.",  "a'", "<think>", "Ab-"};
    static const char row[] = "{\"instruction_id_list\":[\"detectable_format:number_bullet_lists\","
                              "\"detectable_format:number_highlighted_sections\",\"detectable_"
                              "content:number_placeholders\","
                              "\"detectable_format:title\",\"detectable_content:postscript\"],"
                              "\"kwargs\":[{\"num_bullets\":3},{\"num_highlights\":99999999},{"
                              "\"num_placeholders\":99999999},{},"
                              "{\"postscript_marker\":\"P.P.S\"}]}";
    static const char row2[] =
        "{\"instruction_id_list\":[\"length_constraints:number_sentences\","
        "\"change_case:capital_word_frequency\"],\"kwargs\":[{\"num_sentences\":99999999,"
        "\"relation\":"
        "\"at least\"},{\"capital_frequency\":9999999,\"capital_relation\":\"at least\"}]}";
    for (int r = 0; r < 2; r++) {
        JsonDoc *doc;
        const char *json = r ? row2 : row;
        assert_ok(json_parse(json, strlen(json), "row", 1, false, &doc));
        static const size_t sizes[] = {1500000, IFEVAL_MAX_BYTES};
        char *text = malloc(sizes[0]);
        for (int z = 0; z < 2; z++)
            for (size_t i = 0; i < sizeof piece / sizeof *piece; i++) {
                for (size_t k = 0; k < sizes[z]; k++) text[k] = piece[i][k % strlen(piece[i])];
                JudgeInput in = {.text = text,
                                 .size = sizes[z],
                                 .finished = true,
                                 .task = json_root(doc),
                                 .template_ = "loose"};
                WorkMeter meter = {.most = 50};
                while (work_again(&meter)) ifeval_judge(&in);
                if (meter.over)
                    fail_msg("row %d, %zu bytes of '%s' need %.0f units of work", r, sizes[z],
                             piece[i], meter.least);
            }
        free(text);
        json_free(doc);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keywords),
        cmocka_unit_test(lengths),
        cmocka_unit_test(marks),
        cmocka_unit_test(marks_part_two),
        cmocka_unit_test(beginnings_and_endings),
        cmocka_unit_test(case_and_language),
        cmocka_unit_test(a_blank_answer_follows_nothing),
        cmocka_unit_test(loose_drops_lines_and_asterisks),
        cmocka_unit_test(tasks_that_cannot_be_judged_are_errors),
        cmocka_unit_test(python_reads_json_its_way),
        cmocka_unit_test(sentences_end_where_they_end),
        cmocka_unit_test(the_reference_agrees_on_real_responses),
        cmocka_unit_test(hostile_input_is_bounded),
    };
    return cmocka_run_group_tests_name("verifiers/ifeval", tests, NULL, NULL);
}
