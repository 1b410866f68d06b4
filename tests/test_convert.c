// tests/test_convert.c -- policy/files/convert, gguf_map, gguf_config, gguf_vocab: folders to GGUF
// and back are the same bits; what does not fit is named.
#include "policy/files/convert.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "policy/files/config_hf.h"
#include "policy/files/gguf/gguf_config.h"
#include "policy/files/gguf/gguf_map.h"
#include "policy/files/gguf/gguf_vocab.h"
#include "policy/files/safewrite.h"
#include "policy/text/tokenizer.h"
#include "tests/test.h"

static Arena *arena;
static char folder[] = "/tmp/test_convert.XXXXXX";

static char *in_folder(const char *name) {
    return arena_printf(arena, "%s/%s", folder, name);
}

static void convert(const char *from, const char *to, const char *dtype) {
    const ConvertOpts opts = {.dtype = dtype, .overwrite = true};
    ConvertReport report;
    assert_ok(convert_model(from, to, &opts, &report));
}

static void assert_same_weights(const char *a, const char *b) {
    SafeTensors *x = NULL, *y = NULL;
    assert_ok(safetensors_open(a, &x));
    assert_ok(safetensors_open(b, &y));
    assert_int_equal(safetensors_count(x), safetensors_count(y));
    for (int i = 0; i < safetensors_count(x); i++) {
        const SafeTensor *t = safetensors_at(x, i), *u = safetensors_at(y, i);
        assert_string_equal(t->name, u->name);
        assert_string_equal(t->dtype_name, u->dtype_name);
        if (t->bytes != u->bytes || memcmp(t->data, u->data, t->bytes) != 0)
            fail_msg("%s: %s differs", b, t->name);
    }
    safetensors_close(x);
    safetensors_close(y);
}

static const char *const models[] = {
    "llama3",      "llama-bias",          "mistral",     "smollm2",         "qwen2", "qwen3",
    "deepseek-v3", "deepseek-v3-plain-q", "deepseek-v2", "deepseek-v2-lite"};
enum { N_MODELS = sizeof models / sizeof *models };

// What GGUF does not say: mistral is llama there.
static void as_gguf_tells(ModelConfig *m) {
    if (m->dense == DENSE_MISTRAL) m->dense = DENSE_LLAMA;
    m->initializer_range = 0.02;
    m->n_mtp_published = 0; // MTP modules have no place there
}

// The golden folder, or a copy whose two yarn scales are equal: GGUF holds one.
static const char *golden_for_gguf(const char *name) {
    const char *golden = arena_printf(arena, "tests/golden/%s", name);
    char *config = NULL, *at;
    size_t size;
    assert_ok(file_read(arena_printf(arena, "%s/config.json", golden), &config, &size, arena));
    if (!(at = strstr(config, "\"mscale\": 1.0")) || !strstr(config, "\"mscale_all_dim\": 0.7"))
        return golden;
    memcpy(at, "\"mscale\": 0.7", 13);
    convert(golden, in_folder("copy"), "f32");
    assert_ok(file_write_atomic(in_folder("copy/config.json"), config, size));
    return in_folder("copy");
}

static void a_folder_to_gguf_and_back_is_the_same(void **state) {
    (void)state;
    for (int i = 0; i < N_MODELS; i++) {
        const char *golden = golden_for_gguf(models[i]);
        convert(golden, in_folder("model.gguf"), "f32");
        convert(in_folder("model.gguf"), in_folder("back"), "f32");
        assert_same_weights(arena_printf(arena, "tests/golden/%s/model.safetensors", models[i]),
                            in_folder("back"));
        ModelConfig want, got;
        assert_ok(config_hf_read(golden, &want));
        assert_ok(config_hf_read(in_folder("back"), &got));
        as_gguf_tells(&want);
        if (memcmp(&want, &got, sizeof want) == 0) continue;
        Str a = {0}, b = {0};
        config_hf_write(&want, "float32", &a);
        config_hf_write(&got, "float32", &b);
        fail_msg("%s: %s\nbecame %s", models[i], a.data, b.data);
    }
}

// Rows that are no whole blocks become F16; norms and biases stay exact.
static void q8_0_is_near(void **state) {
    (void)state;
    const char *golden = "tests/golden/smollm2"; // o_proj has rows of 128, the others of 48 and 40
    convert(golden, in_folder("q8.gguf"), "q8_0");
    convert(in_folder("q8.gguf"), in_folder("q8"), "f32");
    SafeTensors *x = NULL, *y = NULL;
    Gguf *g = NULL;
    assert_ok(safetensors_open("tests/golden/smollm2/model.safetensors", &x));
    assert_ok(safetensors_open(in_folder("q8"), &y));
    assert_ok(gguf_open(in_folder("q8.gguf"), &g));
    assert_string_equal(gguf_tensor(g, "blk.0.attn_output.weight")->type->name, "Q8_0");
    assert_string_equal(gguf_tensor(g, "blk.0.attn_q.weight")->type->name, "F16");
    assert_string_equal(gguf_tensor(g, "output_norm.weight")->type->name, "F32");
    for (int i = 0; i < safetensors_count(x); i++) {
        const SafeTensor *t = safetensors_at(x, i), *u = safetensors_find(y, t->name);
        const size_t n = t->bytes / 4;
        float *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b), most = 0;
        assert_non_null(u);
        assert_ok(safetensors_rows(x, t, 0, safetensors_n_rows(t), a));
        assert_ok(safetensors_rows(y, u, 0, safetensors_n_rows(u), b));
        for (size_t k = 0; k < n; k++) most = fabsf(a[k]) > most ? fabsf(a[k]) : most;
        assert_close(b, a, n, strstr(t->name, "norm") ? 0 : (double)most / 200, 0);
        free(a);
        free(b);
    }
    gguf_close(g);
    safetensors_close(x);
    safetensors_close(y);
}

// The pairs that llama.cpp rotates, 2i and 2i + 1, are i and i + d/2 here.
static void heads_of_llama_are_turned(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++) {
        const char *golden = k ? "tests/golden/qwen2" : "tests/golden/llama3";
        convert(golden, in_folder("turn.gguf"), "f32");
        Gguf *g = NULL;
        SafeTensors *s = NULL;
        ModelConfig m;
        assert_ok(config_hf_read(golden, &m));
        assert_ok(gguf_open(in_folder("turn.gguf"), &g));
        assert_ok(safetensors_open(arena_printf(arena, "%s/model.safetensors", golden), &s));
        const GgufTensor *t = gguf_tensor(g, "blk.0.attn_k.weight");
        const SafeTensor *u = safetensors_find(s, "model.layers.0.self_attn.k_proj.weight");
        const int d = m.head_dim, cols = m.hidden_size;
        for (int r = 0; r < m.n_kv_heads * d; r++) {
            const int at = r % d, from = k ? r : r - at + at % 2 * (d / 2) + at / 2;
            float x[512], y[512];
            assert_ok(gguf_rows(g, t, r, 1, x));
            assert_ok(safetensors_rows(s, u, from, 1, y));
            assert_memory_equal(x, y, (size_t)cols * sizeof *x);
        }
        assert_true((gguf_tensor(g, "rope_freqs.weight") != NULL) == !k);
        gguf_close(g);
        safetensors_close(s);
    }
}

// A layer that predicts further tokens is left out and counted; a stranger is refused.
static void what_gguf_has_no_place_for_is_said(void **state) {
    (void)state;
    const ConvertOpts opts = {.overwrite = true};
    ConvertReport report;
    assert_ok(convert_model("tests/golden/deepseek-fp8", in_folder("fp8.gguf"), &opts, &report));
    assert_int_equal(report.skipped, 32);
    assert_string_equal(report.dtype, "BF16");
    ModelConfig a, b;
    convert(in_folder("fp8.gguf"), in_folder("fp8"), NULL);
    assert_ok(config_hf_read("tests/golden/deepseek-fp8", &a));
    assert_ok(config_hf_read(in_folder("fp8"), &b));
    a.n_mtp_published = 0;
    assert_memory_equal(&a, &b, sizeof a);
    SafeTensors *s = NULL;
    assert_ok(safetensors_open("tests/golden/qwen2/model.safetensors", &s));
    const int n = safetensors_count(s);
    TensorSource *source = ARENA_ARRAY(arena, TensorSource, n + 1);
    for (int i = 0; i < n; i++)
        source[i] = (TensorSource){.name = safetensors_at(s, i)->name, .raw = safetensors_at(s, i)};
    source[n] = tensor_source("model.layers.0.stranger.weight", 1, 0, (const float[]){1});
    char *config = NULL;
    size_t size;
    assert_ok(file_read("tests/golden/qwen2/config.json", &config, &size, arena));
    assert_ok(file_mkdirs(in_folder("strange")));
    assert_ok(file_write_atomic(in_folder("strange/config.json"), config, size));
    assert_ok(safewrite_model(in_folder("strange"), source, n + 1, DTYPE_F32, (size_t)1 << 30));
    safetensors_close(s);
    assert_int_equal(convert_model(in_folder("strange"), in_folder("s.gguf"), &opts, &report),
                     ST_FORMAT);
    assert_non_null(strstr(status_text(), "model.layers.0.stranger.weight"));
    assert_false(file_exists(in_folder("s.gguf")));
}

static void a_folder_to_another_dtype_keeps_the_rest(void **state) {
    (void)state;
    const char *from = "tests/golden/deepseek-fp8";
    convert(from, in_folder("bf16"), "bf16");
    SafeTensors *x = NULL, *y = NULL;
    assert_ok(safetensors_open(from, &x));
    assert_ok(safetensors_open(in_folder("bf16"), &y));
    int scales = 0;
    for (int i = 0; i < safetensors_count(x); i++)
        scales += safetensors_is_scale(x, safetensors_at(x, i));
    assert_int_equal(safetensors_count(y), safetensors_count(x) - scales);
    assert_string_equal(
        safetensors_find(y, "model.layers.1.mlp.gate.e_score_correction_bias")->dtype_name, "F32");
    assert_string_equal(safetensors_find(y, "model.layers.2.eh_proj.weight")->dtype_name, "BF16");
    safetensors_close(x);
    safetensors_close(y);
    assert_true(file_exists(in_folder("bf16/configuration_deepseek.py")));
    ModelConfig a, b;
    assert_ok(config_hf_read(from, &a));
    assert_ok(config_hf_read(in_folder("bf16"), &b));
    assert_memory_equal(&a, &b, sizeof a);
    convert("tests/golden/qwen2", in_folder("same"), NULL); // f32, as it is
    assert_same_weights("tests/golden/qwen2/model.safetensors", in_folder("same"));
    const ConvertOpts small = {.dtype = "f32", .shard_bytes = 20000};
    ConvertReport report;
    assert_ok(convert_model("tests/golden/qwen2", in_folder("shards"), &small, &report));
    assert_true(file_exists(in_folder("shards/model.safetensors.index.json")));
    assert_same_weights("tests/golden/qwen2/model.safetensors", in_folder("shards"));
    assert_int_equal(convert_model("tests/golden/qwen2", in_folder("shards"), &small, &report),
                     ST_CONFIG);
    assert_non_null(strstr(status_text(), "is there already"));
}

// ---- tokenizers ------------------------------------------------------------------------------
// Their strips, words and normalised contents have no place in GGUF.
static bool gguf_can_tell(const char *text) {
    static const char *const not [] = {"<mask>", "<pad>", "cat", "caf"};
    for (int i = 0; i < 4; i++)
        if (strstr(text, not [i])) return false;
    return true;
}

static Tokenizer *through_gguf(const char *style, const char *pre) {
    char *json = NULL;
    size_t size;
    GgufKeys keys = {0};
    Gguf *g = NULL;
    Vocabulary v;
    Str text = {0};
    Tokenizer *t = NULL;
    const ModelConfig m = {.vocab_size = 450, .bos_id = 420, .eos_id = 420};
    assert_ok(file_read(arena_printf(arena, "tests/golden/tokenizer/%s.json", style), &json, &size,
                        arena));
    char *quote = strstr(json, "[!\\\\\\\"#"); // a backslash that the published file lacks
    if (quote) memmove(quote + 2, quote + 4, strlen(quote + 4) + 1), size -= 2;
    assert_ok(file_mkdirs(in_folder("tok")));
    assert_ok(file_write_atomic(in_folder("tok/tokenizer.json"), json, size));
    assert_ok(gguf_put_vocab(in_folder("tok"), &m, &keys));
    assert_ok(gguf_write(in_folder("tok.gguf"), &keys, NULL, NULL, 0));
    assert_ok(gguf_open(in_folder("tok.gguf"), &g));
    assert_int_equal(gguf_value(g, "tokenizer.ggml.tokens")->count, 450); // padded
    assert_ok(gguf_vocab(g, &v, arena));
    assert_string_equal(v.pre, pre);
    assert_true(v.n_tokens < 450); // and cut again
    assert_ok(tokenwrite_json(&v, &text));
    assert_ok(tokenizer_parse(text.data, text.size, style, &t));
    str_free(&text);
    str_free(&keys.bytes);
    gguf_close(g);
    return t;
}

static void a_tokenizer_through_gguf_gives_the_same_ids(void **state) {
    (void)state;
    static const char *const style[][2] = {{"smollm2", "smollm"},
                                           {"qwen2", "qwen2"},
                                           {"llama3", "llama-bpe"},
                                           {"deepseek", "deepseek-v3"}};
    for (int k = 0; k < 4; k++) {
        Tokenizer *t = through_gguf(style[k][0], style[k][1]);
        JsonDoc *doc = NULL;
        int compared = 0;
        assert_ok(
            json_read(arena_printf(arena, "tests/golden/tokenizer/%s.expect.json", style[k][0]),
                      false, &doc));
        for (const Json *row = json_first(json_root(doc)); row; row = json_next(row)) {
            const Json *text = json_get(row, "text"), *want = json_get(row, "ids");
            int32_t *ids;
            int n, i = 0;
            if (!gguf_can_tell(json_text(text, ""))) continue;
            assert_ok(tokenizer_encode(t, json_text(text, ""), json_text_size(text), true, true,
                                       &ids, &n, arena));
            if (n != json_count(want)) fail_msg("%s: '%s'", style[k][0], json_text(text, ""));
            for (const Json *id = json_first(want); id; id = json_next(id))
                if (json_int(id, -1) != ids[i++])
                    fail_msg("%s: '%s'", style[k][0], json_text(text, ""));
            compared++;
        }
        assert_true(compared > 40);
        json_free(doc);
        tokenizer_free(t);
    }
}

static void a_tokenizer_without_a_name_is_refused(void **state) {
    (void)state;
    char *json = NULL;
    size_t size;
    GgufKeys keys = {0};
    const ModelConfig m = {.vocab_size = 450}, few = {.vocab_size = 100};
    assert_ok(file_read("tests/golden/tokenizer/invert.json", &json, &size, arena));
    assert_ok(file_mkdirs(in_folder("odd")));
    assert_ok(file_write_atomic(in_folder("odd/tokenizer.json"), json, size));
    assert_int_equal(gguf_put_vocab(in_folder("odd"), &m, &keys), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "odd/tokenizer.json"));
    assert_ok(file_read("tests/golden/tokenizer/qwen2.json", &json, &size, arena));
    assert_ok(file_write_atomic(in_folder("odd/tokenizer.json"), json, size));
    assert_int_equal(gguf_put_vocab(in_folder("odd"), &few, &keys), ST_FORMAT);
    assert_non_null(strstr(status_text(), "vocabulary of 100"));
    str_free(&keys.bytes);
}

// ---- what does not fit -----------------------------------------------------------------------
static void bad_source(const char *name, const char *word) {
    const ConvertOpts opts = {.dtype = "f32", .overwrite = true};
    ConvertReport report;
    assert_int_equal(convert_model(in_folder(name), in_folder("never"), &opts, &report), ST_FORMAT);
    if (!strstr(status_text(), word)) fail_msg("'%s' not in: %s", word, status_text());
    assert_non_null(strstr(status_text(), name));
    assert_false(file_exists(in_folder("never")) || file_exists(in_folder("never.tmp")));
}

// Writes the llama3 model as GGUF with one source changed.
static void write_changed(void (*edit)(TensorSource *, int *), const char *arch) {
    SafeTensors *s = NULL;
    ModelConfig m;
    GgufExport x = {0};
    GgufKeys keys = {0};
    assert_ok(config_hf_read("tests/golden/llama3", &m));
    assert_ok(safetensors_open("tests/golden/llama3/model.safetensors", &s));
    assert_ok(gguf_map_export(s, &m, gguf_type(GGUF_F32), &x, arena));
    if (edit) edit(x.source, &x.n);
    if (arch) gguf_put_text(&keys, "general.architecture", arch, strlen(arch));
    gguf_put_config(&m, &keys);
    assert_ok(gguf_write(in_folder("bad.gguf"), &keys, x.source, x.type, x.n));
    safetensors_close(s);
    str_free(&keys.bytes);
}

static void drop_one(TensorSource *s, int *n) {
    for (int i = 3; i < *n - 1; i++) s[i] = s[i + 1];
    --*n;
}
static void rename_one(TensorSource *s, int *n) {
    (void)n;
    s[3].name = "blk.0.stranger.weight";
}
static void add_stranger(TensorSource *s, int *n) {
    s[*n - 1] = tensor_source("stranger", 1, 0, (const float[]){1}); // in place of rope_freqs
}
static void reshape_one(TensorSource *s, int *n) {
    for (int i = 0; i < *n; i++)
        if (strcmp(s[i].name, "blk.1.ffn_down.weight") == 0) s[i].dim[0]--;
}
static void other_freqs(TensorSource *s, int *n) {
    static const float ones[64] = {1, 1, 9, 1, 3};
    s[*n - 1].value = ones;
}

static void what_does_not_fit_is_named(void **state) {
    (void)state;
    const ConvertOpts opts = {.overwrite = true};
    ConvertReport report;
    write_changed(NULL, "llama");
    convert(in_folder("bad.gguf"), in_folder("good"), "f32");
    write_changed(drop_one, "llama"), bad_source("bad.gguf", "is missing");
    write_changed(rename_one, "llama"), bad_source("bad.gguf", "is missing");
    write_changed(add_stranger, "llama"), bad_source("bad.gguf", "'stranger' has no place");
    write_changed(reshape_one, "llama"), bad_source("bad.gguf", "wanted [");
    write_changed(NULL, NULL), bad_source("bad.gguf", "general.architecture");
    write_changed(NULL, "qwen2"), bad_source("bad.gguf", "'qwen2.embedding_length' is missing");
    write_changed(NULL, "gemma3");
    assert_int_equal(convert_model(in_folder("bad.gguf"), in_folder("never"), &opts, &report),
                     ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "'gemma3' is not built; llama"));
    write_changed(other_freqs, "llama");
    assert_int_equal(convert_model(in_folder("bad.gguf"), in_folder("never"), &opts, &report),
                     ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "rope_freqs.weight"));
    assert_int_equal(convert_model(in_folder("none"), in_folder("never"), &opts, &report), ST_IO);
    assert_int_equal(convert_model("tests/golden/qwen2", in_folder("x.gguf"),
                                   &(ConvertOpts){.dtype = "q4_k"}, &report),
                     ST_CONFIG);
    assert_non_null(strstr(status_text(), "q8_0"));
    assert_int_equal(convert_model("tests/golden/qwen2", in_folder("x"),
                                   &(ConvertOpts){.dtype = "q8_0"}, &report),
                     ST_CONFIG);
}

int main(void) {
    arena = arena_new(1 << 16);
    if (!mkdtemp(folder)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_to_gguf_and_back_is_the_same),
        cmocka_unit_test(q8_0_is_near),
        cmocka_unit_test(heads_of_llama_are_turned),
        cmocka_unit_test(what_gguf_has_no_place_for_is_said),
        cmocka_unit_test(a_folder_to_another_dtype_keeps_the_rest),
        cmocka_unit_test(a_tokenizer_through_gguf_gives_the_same_ids),
        cmocka_unit_test(a_tokenizer_without_a_name_is_refused),
        cmocka_unit_test(what_does_not_fit_is_named),
    };
    int failed = cmocka_run_group_tests_name("policy/files/convert", tests, NULL, NULL);
    if (file_remove_tree(folder) != ST_OK) failed = 1;
    arena_free(arena);
    return failed;
}
