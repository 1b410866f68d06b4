// tests/test_extras.c -- policy/files/extras through checkpoints: what a published folder holds
// besides weights comes out of the saved one as it went in.
#include "policy/files/extras.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "policy/files/checkpoint.h"
#include "policy/files/convert.h"
#include "policy/files/safewrite.h"
#include "tests/test.h"

enum { N_TOKENS = 90 };
#define GOLDEN "tests/golden/deepseek-fp8"

static Arena *arena;
static char folder[] = "/tmp/test_extras.XXXXXX";

static char *in_folder(const char *name) {
    return arena_printf(arena, "%s/%s", folder, name);
}

static Policy *load(const char *path) {
    ModelConfig model;
    Policy *p = NULL;
    assert_ok(checkpoint_config(path, &model));
    model.precision = PRECISION_FP32;
    const PolicyOpts opts = {.chunk_tokens = N_TOKENS, .max_seq_tokens = N_TOKENS};
    assert_ok(policy_new(&model, &opts, &p));
    assert_ok(checkpoint_load(path, p));
    return p;
}

// Two shards of FP8 with partial blocks, YaRN, a layer that predicts further tokens.
static void a_published_fp8_checkpoint_scores_as_hugging_face_says(void **state) {
    (void)state;
    SafeTensors *golden = NULL;
    float number[N_TOKENS], want_logp[N_TOKENS], logp[N_TOKENS];
    int32_t token[N_TOKENS];
    uint8_t want[N_TOKENS];
    assert_ok(safetensors_open(GOLDEN "/golden.safetensors", &golden));
    assert_ok(safetensors_read(golden, "tokens", N_TOKENS, 0, number));
    assert_ok(safetensors_read(golden, "logp", N_TOKENS, 0, want_logp));
    for (int i = 0; i < N_TOKENS; i++) token[i] = (int32_t)number[i], want[i] = i > 0;
    const Seq seq = {0, N_TOKENS, 0};
    const ScoreOpts opts = {.temperature = 1};
    Pack pack = pack_make(token, want, &seq, 1, arena);
    Policy *p = load(GOLDEN);
    assert_ok(policy_score(p, &pack, &opts, logp, NULL));
    assert_close(logp, want_logp, N_TOKENS, 2e-5, 0);
    policy_free(p);
    safetensors_close(golden);
}

static char *read_text(const char *path) {
    char *text = NULL;
    assert_ok(file_read(path, &text, NULL, arena));
    return text;
}

// Every key of config.json in its order, but for the three that saving decides.
static void assert_same_config(const char *from, const char *to, const char *dtype) {
    JsonDoc *a = NULL, *b = NULL;
    assert_ok(json_read(from, false, &a));
    assert_ok(json_read(to, false, &b));
    const Json *n = json_first(json_root(b));
    for (const Json *m = json_first(json_root(a)); m; m = json_next(m)) {
        Str x = {0}, y = {0};
        if (strcmp(json_key(m), "quantization_config") == 0) continue;
        assert_non_null(n);
        assert_string_equal(json_key(n), json_key(m));
        json_echo(m, &x);
        json_echo(n, &y);
        if (strcmp(json_key(m), "torch_dtype") == 0)
            assert_string_equal(json_text(n, ""), dtype);
        else
            assert_string_equal(str_text(&x), str_text(&y));
        str_free(&x);
        str_free(&y);
        n = json_next(n);
    }
    assert_true(n && strcmp(json_key(n), "grpo") == 0 && !json_next(n));
    json_free(a);
    json_free(b);
}

static void what_a_folder_holds_comes_along(void **state) {
    (void)state;
    Policy *p = load(GOLDEN);
    Tokenizer *tokenizer = NULL;
    assert_ok(tokenizer_load("datasets/desk/tokenizer.json", &tokenizer));
    assert_ok(checkpoint_save(in_folder("one"), p, tokenizer, "bf16"));
    assert_same_config(GOLDEN "/config.json", in_folder("one/config.json"), "bfloat16");
    static const char *const files[] = {"configuration_deepseek.py", "generation_config.json"};
    for (int i = 0; i < 2; i++)
        assert_string_equal(read_text(arena_printf(arena, "%s/%s", GOLDEN, files[i])),
                            read_text(arena_printf(arena, "%s/one/%s", folder, files[i])));
    assert_false(file_exists(in_folder("one/golden.safetensors"))); // weights are ours
    assert_true(file_exists(in_folder("one/tokenizer_config.json")));
    policy_free(p);

    // Again, from what was saved, after its folder is gone: nothing is lost on the way.
    p = load(in_folder("one"));
    assert_ok(file_remove_tree(in_folder("one")));
    assert_ok(checkpoint_save(in_folder("two"), p, tokenizer, "f32"));
    assert_same_config(GOLDEN "/config.json", in_folder("two/config.json"), "float32");
    policy_free(p);
    SafeTensors *from = NULL, *to = NULL;
    assert_ok(safetensors_open(GOLDEN, &from));
    assert_ok(safetensors_open(in_folder("two"), &to));
    int n = 0, predicting = 0;
    for (int i = 0; i < safetensors_count(from); i++) {
        const SafeTensor *t = safetensors_at(from, i), *u = safetensors_find(to, t->name);
        if (safetensors_is_scale(from, t)) {
            assert_null(u); // multiplied in
            continue;
        }
        if (!u) fail_msg("%s is lost", t->name);
        n++;
        const size_t count = (size_t)(safetensors_n_rows(t) * safetensors_n_cols(t));
        float *x = malloc(count * sizeof *x), *y = malloc(count * sizeof *y);
        assert_ok(safetensors_rows(from, t, 0, safetensors_n_rows(t), x));
        assert_ok(safetensors_rows(to, u, 0, safetensors_n_rows(u), y));
        const bool exact = t->dtype != DTYPE_F8_E4M3; // bf16 then f32; the bias was F32 all along
        assert_close(y, x, count, 0, exact ? 0 : 1.0 / 256);
        predicting += strncmp(t->name, "model.layers.2.", 15) == 0;
        free(x);
        free(y);
    }
    assert_int_equal(n, safetensors_count(to));
    assert_int_equal(predicting, 32);
    safetensors_close(from);
    safetensors_close(to);
    tokenizer_free(tokenizer);
}

// A tokenizer's model or a table of 70 MB is carried like a licence of one line, and more than a
// few.
static void files_come_along_however_large_and_many(void **state) {
    (void)state;
    enum { LARGE = 70 << 20, MANY = 1100 };
    char *large = calloc(1, LARGE);
    assert_non_null(large);
    for (int i = 0; i < LARGE; i += 4097) large[i] = (char)(i >> 12);
    assert_ok(file_mkdirs(in_folder("large")));
    assert_ok(file_write_atomic(in_folder("large/table.tsv"), large, LARGE));
    for (int i = 0; i < MANY; i++) {
        FILE *f = fopen(arena_printf(arena, "%s/large/note.%d", folder, i), "w");
        assert_non_null(f);
        fprintf(f, "%d", i);
        fclose(f);
    }
    SafeTensors *none = NULL;
    Extras *c = NULL;
    assert_ok(safetensors_open(GOLDEN, &none));
    assert_ok(extras_read(in_folder("large"), none, NULL, 0, &c));
    assert_ok(file_remove_tree(in_folder("large")));
    assert_ok(file_mkdirs(in_folder("saved")));
    assert_ok(extras_files(c, in_folder("saved")));
    extras_free(c);
    FileMap map;
    assert_ok(file_map(in_folder("saved/table.tsv"), &map));
    assert_int_equal(map.size, LARGE);
    assert_memory_equal(map.data, large, LARGE);
    file_unmap(&map);
    free(large);
    for (int i = 0; i < MANY; i += 37)
        assert_int_equal(atoi(read_text(arena_printf(arena, "%s/saved/note.%d", folder, i))), i);
}

// The golden folder with a head beside its embedding, whose first value is `off` away from it.
static const char *write_tied(const char *name, float off) {
    SafeTensors *file = NULL;
    const char *path = in_folder(name);
    assert_ok(safetensors_open("tests/golden/smollm2", &file));
    const int n = safetensors_count(file);
    TensorSource *source = ARENA_ARRAY(arena, TensorSource, n + 1);
    for (int i = 0; i < n; i++)
        source[i] =
            (TensorSource){.name = safetensors_at(file, i)->name, .raw = safetensors_at(file, i)};
    const SafeTensor *embed = safetensors_find(file, "model.embed_tokens.weight");
    float *head = ARENA_ARRAY(arena, float, embed->dim[0] * embed->dim[1]);
    assert_ok(safetensors_rows(file, embed, 0, embed->dim[0], head));
    head[0] += off;
    source[n] = tensor_source("lm_head.weight", (int)embed->dim[0], (int)embed->dim[1], head);
    assert_ok(file_mkdirs(path));
    assert_ok(safewrite_model(path, source, n + 1, DTYPE_F32, (size_t)1 << 30));
    safetensors_close(file);
    char *config = read_text("tests/golden/smollm2/config.json");
    assert_ok(
        file_write_atomic(arena_printf(arena, "%s/config.json", path), config, strlen(config)));
    return path;
}

// A head that is tied moves with the embedding: the one a folder stores would be stale.
static void a_tied_head_is_not_carried(void **state) {
    (void)state;
    SafeTensors *file = NULL;
    const char *path = write_tied("tied", 0);
    Policy *p = load(path);
    assert_ok(checkpoint_save(in_folder("out"), p, NULL, "f32"));
    policy_free(p);
    assert_ok(safetensors_open(in_folder("out"), &file));
    assert_null(safetensors_find(file, "lm_head.weight"));
    const int n = safetensors_count(file);
    safetensors_close(file);
    assert_ok(safetensors_open("tests/golden/smollm2", &file));
    assert_int_equal(safetensors_count(file), n);
    safetensors_close(file);
}

// transformers 5 unties such a folder, older ones take the embedding: neither is guessed here.
static void a_head_that_is_tied_and_another_is_refused(void **state) {
    (void)state;
    const char *path = write_tied("untied", 0.5f);
    ModelConfig model;
    Policy *p = NULL;
    assert_ok(checkpoint_config(path, &model));
    const PolicyOpts opts = {.chunk_tokens = 8, .max_seq_tokens = 8};
    assert_ok(policy_new(&model, &opts, &p));
    assert_int_equal(checkpoint_load(path, p), ST_FORMAT);
    assert_non_null(strstr(status_text(), "tie_word_embeddings is true"));
    policy_free(p);
    ConvertReport report;
    assert_int_equal(convert_model(path, in_folder("untied.gguf"), &(ConvertOpts){0}, &report),
                     ST_FORMAT);
    assert_non_null(strstr(status_text(), "lm_head.weight"));
}

int main(void) {
    arena = arena_new(1 << 16);
    if (!mkdtemp(folder)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_published_fp8_checkpoint_scores_as_hugging_face_says),
        cmocka_unit_test(what_a_folder_holds_comes_along),
        cmocka_unit_test(files_come_along_however_large_and_many),
        cmocka_unit_test(a_tied_head_is_not_carried),
        cmocka_unit_test(a_head_that_is_tied_and_another_is_refused),
    };
    int failed = cmocka_run_group_tests_name("policy/files/extras", tests, NULL, NULL);
    if (file_remove_tree(folder) != ST_OK) failed = 1;
    arena_free(arena);
    return failed;
}
