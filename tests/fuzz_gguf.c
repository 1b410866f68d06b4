// tests/fuzz_gguf.c -- any bytes as a GGUF file: refused, or read whole, vocabulary too.
#include <stdlib.h>

#include "policy/files/gguf/gguf_config.h"
#include "policy/files/gguf/gguf_map.h"
#include "policy/files/gguf/gguf_vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES_MAX = 1 << 20 };

static void read_tensors(const Gguf *g) {
    for (int i = 0; i < gguf_n_tensors(g); i++) {
        const GgufTensor *t = gguf_tensor_at(g, i);
        if (t->rows * t->cols > VALUES_MAX) continue;
        float *out = (float *)malloc((size_t)(t->rows * t->cols) * sizeof *out);
        Status st = gguf_rows(g, t, 0, t->rows, out);
        (void)st;
        free(out);
    }
}

static void read_model(const Gguf *g, Arena *arena) {
    ModelConfig model;
    TensorSource *source;
    int n, skipped;
    if (gguf_config(g, &model) != ST_OK) return;
    if (gguf_map_import(g, &model, &source, &n, &skipped, arena) != ST_OK) return;
    for (int i = 0; i < n; i++) {
        const int64_t rows = tensor_source_rows(&source[i]), cols = tensor_source_cols(&source[i]);
        if (rows * cols > VALUES_MAX) continue;
        float *out = (float *)malloc((size_t)(rows * cols) * sizeof *out);
        Status st = tensor_source_read(&source[i], 0, rows, out);
        (void)st;
        free(out);
    }
    GgufKeys keys = {0};
    const char *arch;
    if (gguf_architecture(&model, &arch) == ST_OK) gguf_put_config(&model, &keys);
    str_free(&keys.bytes);
}

static void read_vocab(const Gguf *g, Arena *arena) {
    Vocabulary v;
    Str text = {0};
    if (gguf_vocab(g, &v, arena) != ST_OK) return;
    if (tokenwrite_json(&v, &text) == ST_OK) tokenwrite_config(&v, &text);
    str_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Gguf *g = NULL;
    if (gguf_parse(data, size, "fuzz", &g) != ST_OK) return 0;
    Arena *arena = arena_new(1 << 16);
    read_tensors(g);
    read_model(g, arena);
    read_vocab(g, arena);
    arena_free(arena);
    gguf_close(g);
    return 0;
}
