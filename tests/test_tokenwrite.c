// tests/test_tokenwrite.c -- policy/text/tokenwrite: bare vocabularies become files we read.
#include "policy/text/tokenwrite.h"

#include "policy/text/tokenizer.h"
#include "tests/test.h"

enum { N_TOKENS = 256 + 4 };

static Arena *arena;

// All 256 bytes, "ab", "abc" and two special tokens.
static Vocabulary byte_vocabulary(void) {
    const char **token = ARENA_ARRAY(arena, const char *, N_TOKENS);
    int32_t *type = ARENA_ARRAY(arena, int32_t, N_TOKENS);
    static const char *const merge[] = {"a b", "ab c"};
    int next = 256;
    for (int b = 0; b < 256; b++) {
        bool prints = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
        int c = prints ? b : next++;
        token[b] = c < 0x80 ? arena_printf(arena, "%c", c)
                            : arena_printf(arena, "%c%c", 0xC0 | c >> 6, 0x80 | (c & 0x3F));
        type[b] = VOCAB_NORMAL;
    }
    token[256] = "ab", token[257] = "abc", token[258] = "<bos>", token[259] = "<eos>";
    type[256] = type[257] = VOCAB_NORMAL;
    type[258] = type[259] = VOCAB_CONTROL;
    return (Vocabulary){.model = "gpt2",
                        .pre = "qwen2",
                        .token = token,
                        .type = type,
                        .merge = merge,
                        .n_tokens = N_TOKENS,
                        .n_merges = 2,
                        .bos_id = 258,
                        .eos_id = 259,
                        .pad_id = -1,
                        .unk_id = -1,
                        .add_bos = -1,
                        .add_eos = -1,
                        .add_space_prefix = -1};
}

static Tokenizer *written(const Vocabulary *v) {
    Str text = {0};
    Tokenizer *t = NULL;
    assert_ok(tokenwrite_json(v, &text));
    assert_ok(tokenizer_parse(text.data, text.size, "written.json", &t));
    str_free(&text);
    return t;
}

static void assert_ids(const Tokenizer *t, const char *text, const int32_t *want, int n_want) {
    int32_t *ids;
    int n;
    assert_ok(tokenizer_encode(t, text, strlen(text), true, true, &ids, &n, arena));
    assert_int_equal(n, n_want);
    assert_memory_equal(ids, want, (size_t)n * sizeof *ids);
}

static void a_vocabulary_becomes_the_tokenizer_of_its_name(void **state) {
    (void)state;
    Vocabulary v = byte_vocabulary();
    Tokenizer *t = written(&v);
    assert_ids(t, "abcab<eos>", (int32_t[]){257, 256, 259}, 3);
    assert_true(tokenizer_is_special(t, 258));
    assert_ids(t, "1234", (int32_t[]){'1', '2', '3', '4'}, 4);
    tokenizer_free(t);
    v.pre = "llama-bpe"; // brings its <bos>
    t = written(&v);
    assert_ids(t, "abc", (int32_t[]){258, 257}, 2);
    tokenizer_free(t);
    v.add_bos = 0;
    t = written(&v);
    assert_ids(t, "abc", (int32_t[]){257}, 1);
    tokenizer_free(t);
    static const char *const pre[] = {"smollm", "deepseek-v3", "gpt-4o", "tekken", "default", NULL};
    for (int i = 0; i < 6; i++) {
        v.pre = pre[i];
        t = written(&v);
        assert_ids(t, "abc", (int32_t[]){257}, 1);
        tokenizer_free(t);
    }
}

static void scores_become_merges(void **state) {
    (void)state;
    // a SentencePiece vocabulary: the higher score merges first, "ab" before "bc"
    enum { N = 3 + 256 + 8 };
    const char **token = ARENA_ARRAY(arena, const char *, N);
    int32_t *type = ARENA_ARRAY(arena, int32_t, N);
    float *score = ARENA_ARRAY(arena, float, N);
    static const char mark_ab[] = "\xE2\x96\x81\x61\x62";
    const char *const word[] = {"\xE2\x96\x81", "a", "b", "c", "ab", "bc", "abc", mark_ab};
    static const float worth[] = {-3, -4, -5, -6, -1, -0.5f, -2, -2.5f};
    token[0] = "<unk>", token[1] = "<s>", token[2] = "</s>";
    type[0] = VOCAB_UNKNOWN, type[1] = type[2] = VOCAB_CONTROL;
    for (int b = 0; b < 256; b++) {
        token[3 + b] = arena_printf(arena, "<0x%02X>", (unsigned)b);
        type[3 + b] = VOCAB_BYTE;
    }
    for (int i = 0; i < 8; i++) {
        token[259 + i] = word[i];
        type[259 + i] = VOCAB_NORMAL;
        score[259 + i] = worth[i];
    }
    Vocabulary v = {.model = "llama",
                    .token = token,
                    .type = type,
                    .score = score,
                    .n_tokens = N,
                    .bos_id = 1,
                    .eos_id = 2,
                    .pad_id = -1,
                    .unk_id = 0,
                    .add_bos = -1,
                    .add_eos = -1,
                    .add_space_prefix = -1};
    Tokenizer *t = written(&v);
    // bc before ab; abc then comes of a + bc as well as of ab + c
    assert_ids(t, "abc ab", (int32_t[]){1, 259, 265, 266}, 4);
    assert_ids(t, "\xC3\xA9</s>", (int32_t[]){1, 259, 3 + 0xC3, 3 + 0xA9, 2}, 5);
    Str out = {0};
    tokenizer_decode(t, (int32_t[]){1, 259, 265, 266}, 4, true, &out);
    assert_string_equal(str_text(&out), "abc ab");
    str_free(&out);
    tokenizer_free(t);
    v.score = NULL;
    assert_int_equal(tokenwrite_json(&v, &out), ST_FORMAT);
}

static void what_is_not_known_is_named(void **state) {
    (void)state;
    Vocabulary v = byte_vocabulary();
    Str out = {0};
    v.pre = "no-such-pre";
    assert_int_equal(tokenwrite_json(&v, &out), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "no-such-pre"));
    v.model = "bert";
    assert_int_equal(tokenwrite_json(&v, &out), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "bert"));
    assert_int_equal(out.size, 0);
    str_free(&out);
}

int main(void) {
    arena = arena_new(1 << 20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vocabulary_becomes_the_tokenizer_of_its_name),
        cmocka_unit_test(scores_become_merges),
        cmocka_unit_test(what_is_not_known_is_named),
    };
    int failed = cmocka_run_group_tests_name("policy/text/tokenwrite", tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
