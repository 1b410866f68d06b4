// tests/test_tokenizer.c -- policy/text/tokenizer: the ids of Hugging Face, and any bytes.
//
// tests/golden/make_tokenizer.py made the files under tests/golden/tokenizer.
#include "policy/text/tokenizer.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "policy/text/stopids.h"
#include "policy/text/tokenstream.h"
#include "tests/test.h"
#include "tests/work.h"

static Arena *arena;
static const char desk_path[] = "datasets/desk/tokenizer.json";

static Tokenizer *load(const char *path) {
    Tokenizer *t = NULL;
    assert_ok(tokenizer_load(path, &t));
    return t;
}

static bool same_ids(const Json *want, const int32_t *ids, int n) {
    int i = 0;
    for (const Json *w = json_first(want); w; w = json_next(w), i++)
        if (i >= n || json_int(w, -1) != ids[i]) return false;
    return i == n;
}

// The ids with what the post-processor puts after a text.
static int32_t *with_eos(const Tokenizer *t, const int32_t *ids, int *n) {
    const int32_t *eos;
    int n_eos = tokenizer_eos(t, &eos);
    int32_t *all = ARENA_ARRAY(arena, int32_t, *n + n_eos + 1);
    if (*n) memcpy(all, ids, (size_t)*n * sizeof *ids);
    for (int i = 0; i < n_eos; i++) all[(*n)++] = eos[i];
    return all;
}

// Where bytes are no UTF-8, Hugging Face's library has U+FFFD and we what they were.
static void compare_back(const Tokenizer *t, const char *back, const int32_t *ids, int n) {
    Str out = {0};
    tokenizer_decode(t, ids, n, true, &out);
    if (back && !strstr(back, "\xEF\xBF\xBD") && str_is_utf8(str_text(&out), out.size, NULL))
        assert_string_equal(str_text(&out), back);
    str_free(&out);
}

static void compare(const char *tokenizer_path, const char *expect_path) {
    Tokenizer *t = load(tokenizer_path);
    JsonDoc *doc = NULL;
    assert_ok(json_read(expect_path, false, &doc));
    int rows = 0;
    for (const Json *row = json_first(json_root(doc)); row; row = json_next(row), rows++) {
        const Json *text = json_get(row, "text");
        for (int plain = 0; plain < 2; plain++) {
            int32_t *ids;
            int n;
            assert_ok(tokenizer_encode(t, json_text(text, ""), json_text_size(text), !plain, !plain,
                                       &ids, &n, arena));
            if (!plain) ids = with_eos(t, ids, &n);
            if (!same_ids(json_get(row, plain ? "plain" : "ids"), ids, n))
                fail_msg("%s:%d: %s ids of \"%s\" differ", expect_path, json_line(doc, row),
                         plain ? "plain" : "full", json_text(text, ""));
            if (!plain) compare_back(t, json_text(json_get(row, "back"), NULL), ids, n);
        }
    }
    assert_true(rows > 50);
    json_free(doc);
    tokenizer_free(t);
}

static void ids_are_those_of_hugging_face_in_every_style(void **state) {
    (void)state;
    static const char *const style[] = {
        "gpt2", "smollm2",    "qwen2",  "llama3",      "deepseek", "removed", "previous",
        "next", "contiguous", "invert", "punctuation", "words",    "llama2",  "metaspace"};
    for (size_t i = 0; i < sizeof style / sizeof *style; i++)
        compare(arena_printf(arena, "tests/golden/tokenizer/%s.json", style[i]),
                arena_printf(arena, "tests/golden/tokenizer/%s.expect.json", style[i]));
}

static void the_desk_tokenizer_is_read_as_hugging_face_reads_it(void **state) {
    (void)state;
    compare(desk_path, "tests/golden/tokenizer/desk.expect.json");
}

static void a_desk_word_is_one_token(void **state) {
    (void)state;
    Tokenizer *t = load(desk_path);
    const char text[] =
        "User: Compute 47*6+85. Assistant: <think> 47*6=282.</think> \\boxed{367}<eos>";
    static const char *const want[] = {
        "User",       ":", " Compute", " ",       "4",        "7", "*", "6", "+", "8",    "5", ".",
        " Assistant", ":", " ",        "<think>", " ",        "4", "7", "*", "6", "=",    "2", "8",
        "2",          ".", "</think>", " ",       "\\boxed{", "3", "6", "7", "}", "<eos>"};
    int32_t *ids;
    int n;
    assert_ok(tokenizer_encode(t, text, sizeof text - 1, true, true, &ids, &n, arena));
    assert_int_equal(n, sizeof want / sizeof *want);
    for (int i = 0; i < n; i++) {
        size_t size;
        assert_string_equal(tokenizer_bytes(t, ids[i], &size), want[i]);
        assert_int_equal(tokenizer_id(t, want[i]), ids[i]);
        assert_true(ids[i] < 64); // the used ones come first
        assert_int_equal(tokenizer_is_special(t, ids[i]), i == n - 1);
    }
    Str out = {0};
    tokenizer_decode(t, ids, n, true, &out);
    assert_memory_equal(out.data, text, sizeof text - 1 - 5); // <eos> is left out
    assert_int_equal(out.size, sizeof text - 1 - 5);
    str_free(&out);
    tokenizer_free(t);
}

static void round_trip(const Tokenizer *t, const char *text, size_t size) {
    Str out = {0};
    ArenaMark mark = arena_mark(arena);
    for (int specials = 0; specials < 2; specials++) {
        int32_t *ids;
        int n;
        assert_ok(tokenizer_encode(t, text, size, specials, false, &ids, &n, arena));
        str_clear(&out);
        tokenizer_decode(t, ids, n, false, &out);
        assert_int_equal(out.size, size);
        if (size) assert_memory_equal(out.data, text, size);
    }
    arena_rewind(arena, mark);
    str_free(&out);
}

static void any_bytes_come_back(void **state) {
    (void)state;
    static const char *const path[] = {desk_path, "tests/golden/tokenizer/smollm2.json",
                                       "tests/golden/tokenizer/llama3.json",
                                       "tests/golden/tokenizer/deepseek.json"};
    static const char *const hard[] = {"",
                                       "\xff\xfe",
                                       "a\x80"
                                       "b",
                                       "\xc3",
                                       "\xe4\xb8",
                                       "<thi\xff"
                                       "nk>",
                                       "\xed\xa0\x80",
                                       "<eos>\xf0\x9f\x98"};
    for (int p = 0; p < 4; p++) {
        Tokenizer *t = load(path[p]);
        for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
            round_trip(t, hard[i], strlen(hard[i]));
        char all[256];
        for (int b = 0; b < 256; b++) all[b] = (char)b;
        round_trip(t, all, sizeof all);
        for (uint64_t k = 0; k < 300; k++) {
            char noise[64];
            size_t n = (size_t)(k % sizeof noise);
            for (size_t i = 0; i < n; i++) {
                uint32_t r = (uint32_t)(k * 2654435761u + i * 40503u) ^ (uint32_t)(i << 7);
                r = (r ^ (r >> 15)) * 0x2c1b3c6du;
                noise[i] = (char)(r >> 11);
            }
            round_trip(t, noise, n);
        }
        tokenizer_free(t);
    }
}

static void a_long_hostile_text_needs_linear_work(void **state) {
    (void)state;
    enum { N = 1 << 20 };
    char *text = malloc(N);
    static const char *const unit[] = {"a", " ", "<", "\n ", "\xcc\x81\xcc\xa3", "1", "ab"};
    static const char *const path[] = {"tests/golden/tokenizer/qwen2.json",
                                       "tests/golden/tokenizer/deepseek.json"};
    for (int p = 0; p < 2; p++) {
        Tokenizer *t = load(path[p]);
        for (size_t u = 0; u < sizeof unit / sizeof *unit; u++) {
            size_t n = strlen(unit[u]);
            for (size_t i = 0; i < N; i++) text[i] = unit[u][i % n];
            WorkMeter meter = {.most = 400};
            while (work_again(&meter)) round_trip(t, text, N);
            if (meter.over) fail_msg("1 MB of '%s' needs %.0f units of work", unit[u], meter.least);
        }
        tokenizer_free(t);
    }
    free(text);
}

// A tokenizer of all bytes whose parts can be set.
static char *with(const char *pre, const char *model, const char *rest) {
    Str s = {0};
    str_puts(&s, "{");
    str_puts(&s, rest);
    str_printf(&s, "\"pre_tokenizer\":%s,\"model\":{%s\"vocab\":{", pre, model);
    int next = 256;
    for (int b = 0; b < 256; b++) {
        bool prints = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
        int c = prints ? b : next++;
        str_printf(&s, "%s\"\\u%04x\":%d", b ? "," : "", (unsigned)c, b);
    }
    str_puts(&s, ",\"ab\":256,\"abc\":257,\"aa\":258}}}");
    char *copy = arena_printf(arena, "%s", s.data);
    str_free(&s);
    return copy;
}

#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}"

static void the_lowest_rank_merges_first_and_the_leftmost_of_equals(void **state) {
    (void)state;
    char *json = with(BYTE_LEVEL, "\"merges\":[\"a a\",[\"a\",\"b\"],\"ab c\"],", "");
    Tokenizer *t = NULL;
    assert_ok(tokenizer_parse(json, strlen(json), "ranks.json", &t));
    int32_t *ids;
    int n;
    assert_ok(tokenizer_encode(t, "aaabcaab", 8, true, false, &ids, &n, arena));
    const int32_t want[] = {258, 257, 258, 'b'}; // aa abc aa b
    assert_int_equal(n, 4);
    assert_memory_equal(ids, want, sizeof want);
    tokenizer_free(t);
}

static void a_regex_that_explodes_falls_back_to_bytes(void **state) {
    (void)state;
    char *json = with("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":"
                      "{\"Regex\":\"(a|a|aa)+$|c\"},\"behavior\":\"Isolated\"}," BYTE_LEVEL "]}",
                      "\"merges\":[\"a b\",\"ab c\"],", "");
    Tokenizer *t = NULL;
    assert_ok(tokenizer_parse(json, strlen(json), "bad.json", &t));
    char text[200];
    memset(text, 'a', sizeof text);
    text[0] = 'c';
    text[199] = 'b';
    int32_t *ids;
    int n;
    WorkMeter meter = {.most = 400};
    while (work_again(&meter))
        assert_ok(tokenizer_encode(t, text, sizeof text, true, false, &ids, &n, arena));
    assert_false(meter.over);
    assert_int_equal(n, 200); // the last "ab" has not merged
    round_trip(t, text, sizeof text);
    tokenizer_free(t);
}

static void refused(const char *json, Status code, const char *word) {
    Tokenizer *t = (Tokenizer *)1;
    assert_int_equal(tokenizer_parse(json, strlen(json), "bad.json", &t), code);
    assert_null(t);
    assert_non_null(strstr(status_text(), "bad.json"));
    if (!strstr(status_text(), word)) fail_msg("'%s' not in: %s", word, status_text());
}

static void what_is_not_built_is_named(void **state) {
    (void)state;
    const char *good = "\"merges\":[],";
    refused(with(BYTE_LEVEL, "\"type\":\"Unigram\",\"merges\":[],", ""), ST_UNSUPPORTED, "Unigram");
    refused(with(BYTE_LEVEL, "\"dropout\":0.5,\"merges\":[],", ""), ST_UNSUPPORTED, "dropout");
    refused(with(BYTE_LEVEL, "\"end_of_word_suffix\":\"</w>\",\"merges\":[],", ""), ST_UNSUPPORTED,
            "end_of_word_suffix");
    refused(with("{\"type\":\"UnicodeScripts\"}", good, ""), ST_UNSUPPORTED, "UnicodeScripts");
    refused(with("{\"type\":\"Sequence\",\"pretokenizers\":[" BYTE_LEVEL ",{\"type\":\"Digits\"}]}",
                 good, ""),
            ST_UNSUPPORTED, "Digits after ByteLevel");
    refused(with(BYTE_LEVEL, good, "\"normalizer\":{\"type\":\"Precompiled\"},"), ST_UNSUPPORTED,
            "Precompiled");
    refused(with(BYTE_LEVEL, good, "\"decoder\":{\"type\":\"WordPiece\"},"), ST_UNSUPPORTED,
            "WordPiece");
    refused(with(BYTE_LEVEL, good, "\"decoder\":{\"type\":\"Metaspace\"},"), ST_UNSUPPORTED,
            "ByteLevel decoder");
    refused(with(BYTE_LEVEL, good, "\"post_processor\":{\"type\":\"Unheard\"},"), ST_UNSUPPORTED,
            "Unheard");
}

static void a_file_that_lies_is_refused(void **state) {
    (void)state;
    const char *good = "\"merges\":[],";
    refused("[]", ST_FORMAT, "object");
    refused("{\"pre_tokenizer\":" BYTE_LEVEL "}", ST_FORMAT, "model");
    refused(with(BYTE_LEVEL, "\"merges\":[\"a\"],", ""), ST_FORMAT, "merge");
    refused(with(BYTE_LEVEL, "\"merges\":[[\"a\",\"c\"]],", ""), ST_FORMAT,
            "not in the vocabulary");
    refused(with(BYTE_LEVEL, "\"merges\":{},", ""), ST_FORMAT, "merges");
    refused(with(BYTE_LEVEL, "\"unk_token\":\"<unk>\",\"merges\":[],", ""), ST_FORMAT, "<unk>");
    refused(with(BYTE_LEVEL, good, "\"normalizer\":{\"type\":\"Replace\"},"), ST_FORMAT, "Replace");
    refused(with(BYTE_LEVEL, good, "\"added_tokens\":[{\"id\":5,\"content\":\"x\"}],"), ST_FORMAT,
            "id 5");
    refused(with(BYTE_LEVEL, good, "\"added_tokens\":[{\"id\":-5,\"content\":\"x\"}],"), ST_FORMAT,
            "whole number");
    refused(with(BYTE_LEVEL, good, "\"added_tokens\":[{\"id\":1999999999,\"content\":\"x\"}],"),
            ST_FORMAT, "whole number");
    refused(with("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{"
                 "\"Regex\":\"(\"},\"behavior\":\"Isolated\"}," BYTE_LEVEL "]}",
                 good, ""),
            ST_FORMAT, "regex");
    refused(with(BYTE_LEVEL, good,
                 "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{"
                 "\"SpecialToken\":{\"id\":\"<s>\"}}],\"special_tokens\":{}},"),
            ST_FORMAT, "<s>");
}

static void the_file_is_kept_word_for_word(void **state) {
    (void)state;
    Tokenizer *t = load(desk_path);
    size_t size;
    const char *json = tokenizer_json(t, &size);
    Tokenizer *again = NULL;
    assert_ok(tokenizer_parse(json, size, "copy", &again));
    assert_int_equal(tokenizer_size(again), tokenizer_size(t));
    assert_true(tokenizer_size(t) <= 384);
    assert_int_equal(tokenizer_id(t, "no such token"), -1);
    assert_int_equal(tokenizer_id(t, "<eos>"), 0);
    Str out = {0};
    tokenizer_decode(t, (int32_t[]){-1, 1 << 20, 1}, 3, false, &out); // unknown ids are nothing
    assert_string_equal(str_text(&out), "<think>");
    str_free(&out);
    tokenizer_free(again);
    tokenizer_free(t);
}

// A SentencePiece-like vocabulary: word marks, byte tokens, an unknown one.
static char *spieces(bool fallback) {
    Str s = {0};
    str_puts(&s,
             "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
             "\"prepend\":\"\u2581\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},"
             "\"content\":\"\u2581\"}]},\"pre_tokenizer\":null,\"decoder\":{\"type\":\"Sequence\","
             "\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\u2581\"},"
             "\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},"
             "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]},");
    str_printf(&s,
               "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"fuse_unk\":true,"
               "\"byte_fallback\":%s,\"vocab\":{\"<unk>\":0",
               fallback ? "true" : "false");
    for (int b = 0; b < 256; b++) str_printf(&s, ",\"<0x%02X>\":%d", (unsigned)b, 1 + b);
    str_puts(&s, ",\"\u2581\":257,\"a\":258,\"b\":259,\"\u2581a\":260,\"\u2581ab\":261},"
                 "\"merges\":[[\"\u2581\",\"a\"],[\"\u2581a\",\"b\"]]}}");
    char *copy = arena_printf(arena, "%s", s.data);
    str_free(&s);
    return copy;
}

static void characters_that_are_not_there_become_bytes_or_unknown(void **state) {
    (void)state;
    static const char text[] = "ab a\xC3\xA9\xE4\xB8\x96 b\xFF";
    for (int fallback = 0; fallback < 2; fallback++) {
        char *json = spieces(fallback);
        Tokenizer *t = NULL;
        assert_ok(tokenizer_parse(json, strlen(json), "pieces.json", &t));
        int32_t *ids;
        int n;
        assert_ok(tokenizer_encode(t, text, sizeof text - 1, true, true, &ids, &n, arena));
        const int32_t plain[] = {261, 260, 0, 257, 259, 0};
        const int32_t bytes[] = {261,      260,      1 + 0xC3, 1 + 0xA9, 1 + 0xE4,
                                 1 + 0xB8, 1 + 0x96, 257,      259,      1 + 0xFF};
        assert_int_equal(n, fallback ? 10 : 6);
        assert_memory_equal(ids, fallback ? bytes : plain, (size_t)n * sizeof *ids);
        if (fallback) {
            Str out = {0};
            tokenizer_decode(t, ids, n, false, &out);
            assert_int_equal(out.size, sizeof text - 1);
            assert_memory_equal(out.data, text, out.size);
            str_free(&out);
        }
        tokenizer_free(t);
    }
}

static void a_stream_never_breaks_a_character(void **state) {
    (void)state;
    static const char text[] = "a\xC3\xA9\xE4\xB8\x96\xF0\x9F\x98\x80 <think>\xF0\x9F";
    static const char want[] =
        "a\xC3\xA9\xE4\xB8\x96\xF0\x9F\x98\x80 <think>\xEF\xBF\xBD\xEF\xBF\xBD";
    Tokenizer *t = load(desk_path);
    int32_t *ids;
    int n;
    assert_ok(tokenizer_encode(t, text, sizeof text - 1, true, false, &ids, &n, arena));
    assert_true(n > 10); // most characters are several tokens
    TokenStream stream = {.tokenizer = t};
    Str all = {0}, piece = {0};
    for (int i = 0; i <= n; i++) {
        str_clear(&piece);
        if (i < n)
            tokenstream_add(&stream, ids[i], &piece);
        else
            tokenstream_end(&stream, &piece);
        assert_true(str_is_utf8(str_text(&piece), piece.size, NULL));
        str_add(&all, str_text(&piece), piece.size);
    }
    assert_string_equal(str_text(&all), want);
    str_free(&all);
    str_free(&piece);
    tokenizer_free(t);
}

static void a_folder_may_name_several_end_tokens(void **state) {
    (void)state;
    char *folder = arena_printf(arena, "%s", "/tmp/grpo-stop-XXXXXX");
    assert_non_null(mkdtemp(folder));
    Tokenizer *t = load(desk_path);
    StopIds ids = {0};
    static const char config[] = "{\"eos_token_id\":3}", lists[] = "{\"eos_token_id\":[3,5,7]}",
                      token[] = "{\"eos_token\":{\"content\":\"<eos>\"}}";
    assert_ok(stopids_of_folder(folder, t, &ids));
    assert_int_equal(ids.n, 0);
    assert_ok(file_write_atomic(arena_printf(arena, "%s/config.json", folder), config,
                                sizeof config - 1));
    assert_ok(file_write_atomic(arena_printf(arena, "%s/generation_config.json", folder), lists,
                                sizeof lists - 1));
    assert_ok(file_write_atomic(arena_printf(arena, "%s/tokenizer_config.json", folder), token,
                                sizeof token - 1));
    assert_ok(stopids_of_folder(folder, t, &ids));
    assert_int_equal(ids.n, 4);
    assert_memory_equal(ids.id, ((int32_t[]){3, 5, 7, tokenizer_id(t, "<eos>")}), 16);
    static const char bad[] = "{\"eos_token_id\":[3,99999999]}";
    assert_ok(file_write_atomic(arena_printf(arena, "%s/generation_config.json", folder), bad,
                                sizeof bad - 1));
    assert_int_equal(stopids_of_folder(folder, t, &ids), ST_FORMAT);
    assert_non_null(strstr(status_text(), "generation_config.json"));
    assert_ok(file_remove_tree(folder));
    tokenizer_free(t);
}

int main(void) {
    arena = arena_new(1 << 20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_hugging_face_in_every_style),
        cmocka_unit_test(the_desk_tokenizer_is_read_as_hugging_face_reads_it),
        cmocka_unit_test(a_desk_word_is_one_token),
        cmocka_unit_test(any_bytes_come_back),
        cmocka_unit_test(a_long_hostile_text_needs_linear_work),
        cmocka_unit_test(the_lowest_rank_merges_first_and_the_leftmost_of_equals),
        cmocka_unit_test(a_regex_that_explodes_falls_back_to_bytes),
        cmocka_unit_test(characters_that_are_not_there_become_bytes_or_unknown),
        cmocka_unit_test(a_stream_never_breaks_a_character),
        cmocka_unit_test(a_folder_may_name_several_end_tokens),
        cmocka_unit_test(what_is_not_built_is_named),
        cmocka_unit_test(a_file_that_lies_is_refused),
        cmocka_unit_test(the_file_is_kept_word_for_word),
    };
    int failed = cmocka_run_group_tests_name("policy/text/tokenizer", tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
