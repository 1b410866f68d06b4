// tests/test_knownsplit.c -- policy/files/knownsplit: what is matched by hand is what PCRE2
// matches.
#include "policy/text/knownsplit.h"
#include "policy/text/presplit.h"

#include "base/rng.h"
#include "policy/text/unicode.h"
#include "tests/test.h"

static void add_split(const char *regex, const char *behavior, bool invert, Str *json) {
    str_puts(json, "{\"type\":\"Split\",\"pattern\":{\"Regex\":");
    str_json(json, regex, strlen(regex));
    str_printf(json, "},\"behavior\":\"%s\",\"invert\":%s},", behavior, invert ? "true" : "false");
}

// The pre-tokenizer of a family as its tokenizer.json has it; by_regex: as PCRE2 cuts.
static Presplit *make(KnownSplit kind, bool by_regex) {
    Str json = {0};
    str_puts(&json, "{\"type\":\"Sequence\",\"pretokenizers\":[");
    bool gpt2 = kind == KNOWN_GPT2 || kind == KNOWN_SMOLLM;
    if (kind == KNOWN_SMOLLM) str_puts(&json, "{\"type\":\"Digits\",\"individual_digits\":true},");
    if (kind == KNOWN_QWEN) add_split(known_regex_qwen, "Isolated", false, &json);
    if (kind == KNOWN_LLAMA3) add_split(known_regex_llama3, "Removed", true, &json);
    if (kind == KNOWN_DEEPSEEK) {
        add_split(known_regex_digits, "Isolated", false, &json);
        add_split(known_regex_cjk, "Isolated", false, &json);
        add_split(known_regex_deepseek, "Isolated", false, &json);
    }
    str_printf(&json, "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":%s}]}",
               gpt2 ? "true" : "false");
    JsonDoc *doc = NULL;
    Presplit *split = NULL;
    assert_ok(json_parse(json.data, json.size, "made", 1, false, &doc));
    assert_ok(presplit_parse(doc, json_root(doc), &split));
    json_free(doc);
    str_free(&json);
    if (by_regex) presplit_by_regex(split);
    return split;
}

static void same_pieces(const Presplit *hand, const Presplit *regex, const char *text,
                        size_t size) {
    static Pieces a, b;
    presplit_run(hand, text, size, true, &a);
    presplit_run(regex, text, size, true, &b);
    size_t n = a.n < b.n ? a.n : b.n;
    for (size_t i = 0; i < n; i++)
        if (a.piece[i].begin != b.piece[i].begin || a.piece[i].end != b.piece[i].end)
            fail_msg("'%.*s': piece %zu is %zu..%zu by hand, %zu..%zu by regex", (int)size, text, i,
                     a.piece[i].begin, a.piece[i].end, b.piece[i].begin, b.piece[i].end);
    assert_int_equal(a.n, b.n);
    pieces_free(&a);
    pieces_free(&b);
}

static const KnownSplit kinds[] = {KNOWN_GPT2, KNOWN_SMOLLM, KNOWN_QWEN, KNOWN_LLAMA3,
                                   KNOWN_DEEPSEEK};
enum { KINDS = 5 };

static void every_character_is_of_the_class_that_the_regex_has_it_in(void **state) {
    (void)state;
    // each character at the start, after a letter, a blank, a digit, a mark of punctuation
    static const char *const before[] = {"", "a", " ", "1", "!", "\n"};
    for (int k = 0; k < KINDS; k++) {
        Presplit *hand = make(kinds[k], false), *regex = make(kinds[k], true);
        Str text = {0};
        for (int32_t c = 1; c < UC_POINTS; c++) {
            if (c >= 0xD800 && c < 0xE000) continue;
            if (c > 0x3FF && c % 3 != k % 3) continue; // each character for one kind at least
            str_puts(&text, before[(unsigned)c % 6]);
            unicode_put(c, &text);
            str_puts(&text, c % 5 == 0 ? "b" : c % 5 == 1 ? "\n" : c % 5 == 2 ? "." : "");
            if (text.size > 4000) {
                same_pieces(hand, regex, text.data, text.size);
                str_clear(&text);
            }
        }
        same_pieces(hand, regex, str_text(&text), text.size);
        str_free(&text);
        presplit_free(hand);
        presplit_free(regex);
    }
}

static void hard_texts_are_cut_the_same(void **state) {
    (void)state;
    static const char *const part[] = {"a",
                                       "Zz",
                                       " ",
                                       "  ",
                                       "\t",
                                       "\n",
                                       "\r\n",
                                       "\n\n ",
                                       "'s",
                                       "'S",
                                       "'ll",
                                       "'LL",
                                       "'l",
                                       "'",
                                       "'re",
                                       "'vE",
                                       "'t",
                                       "'\xC5\xBF",
                                       "1",
                                       "234",
                                       "\xC2\xB2",
                                       "\xE2\x85\xA7",
                                       ".",
                                       "!?",
                                       "_",
                                       "/",
                                       "$",
                                       "\xC2\xA0",
                                       "\xE3\x80\x80",
                                       "\xE1\xA0\x8E",
                                       "\xC2\x85",
                                       "\xC3\xA9",
                                       "e\xCC\x81",
                                       "\xCC\x81",
                                       "\xE4\xB8\x96",
                                       "\xE3\x82\xAB",
                                       "\xE3\x83\xBB",
                                       "\xE3\x82\x99",
                                       "\xF0\x9F\x98\x80",
                                       "\xE2\x80\x8D",
                                       "\x01",
                                       "\xE0\xA4\xB9\xE0\xA4\xBF",
                                       "\xD9\xA1",
                                       "\xF0\x90\xB5\x90",
                                       " a",
                                       " 1",
                                       " .",
                                       " \xCC\x81"};
    enum { PARTS = sizeof part / sizeof *part };
    uint64_t seed = 7;
    for (int k = 0; k < KINDS; k++) {
        Presplit *hand = make(kinds[k], false), *regex = make(kinds[k], true);
        Str text = {0};
        for (int round = 0; round < 4000; round++) {
            str_clear(&text);
            seed = rng_mix(seed + 1);
            int n = 1 + (int)(seed % 24);
            for (int i = 0; i < n; i++) {
                seed = rng_mix(seed + 1);
                str_puts(&text, part[seed % PARTS]);
            }
            same_pieces(hand, regex, text.data, text.size);
        }
        str_free(&text);
        presplit_free(hand);
        presplit_free(regex);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_is_of_the_class_that_the_regex_has_it_in),
        cmocka_unit_test(hard_texts_are_cut_the_same),
    };
    return cmocka_run_group_tests_name("policy/files/knownsplit", tests, NULL, NULL);
}
