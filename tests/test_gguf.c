// tests/test_gguf.c -- policy/files/gguf: what is written comes back; every lie has its sentence.
#include "policy/files/gguf/gguf.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "policy/files/gguf/gguf_write.h"
#include "tests/test.h"

static Arena *arena;
static char folder[] = "/tmp/test_gguf.XXXXXX";

// ---- a file by hand --------------------------------------------------------------------------
static Str file;

static void number(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) str_putc(&file, (char)(value >> 8 * i));
}
static void text(const char *t) {
    number(strlen(t), 8);
    str_puts(&file, t);
}
static void begin(uint32_t version, uint64_t tensors, uint64_t keys) {
    str_clear(&file);
    str_puts(&file, "GGUF");
    number(version, 4);
    number(tensors, 8);
    number(keys, 8);
}
static void tensor(const char *name, uint32_t n_dims, uint64_t d0, uint64_t d1, uint32_t type,
                   uint64_t offset) {
    text(name);
    number(n_dims, 4);
    for (uint32_t i = 0; i < n_dims && i < 8; i++) number(i == 0 ? d0 : i == 1 ? d1 : 1, 8);
    number(type, 4);
    number(offset, 8);
}
static void data(size_t bytes) {
    while (file.size % GGUF_ALIGNMENT) str_putc(&file, 0);
    for (size_t i = 0; i < bytes; i++) str_putc(&file, 0);
}

static Status parse(size_t size) {
    Gguf *g = (Gguf *)1;
    unsigned char *copy = malloc(size ? size : 1); // exactly: a sanitizer sees a read past its end
    if (size) memcpy(copy, file.data, size);
    Status st = gguf_parse(copy, size, "bad.gguf", &g);
    if (st == ST_OK)
        gguf_close(g);
    else
        assert_null(g);
    free(copy);
    return st;
}

static void refused(Status want, const char *word) {
    Status st = parse(file.size);
    if (st != want) fail_msg("'%s': %s: %s", word, status_name(st), status_text());
    assert_non_null(strstr(status_text(), "bad.gguf"));
    if (!strstr(status_text(), word)) fail_msg("'%s' not in: %s", word, status_text());
}

static void every_lie_has_its_sentence(void **state) {
    (void)state;
    begin(3, 1, 0), tensor("a", 2, 4, 2, 0, 0), data(32);
    assert_ok(parse(file.size));
    file.data[0] = 'X', refused(ST_FORMAT, "not a GGUF file");
    begin(1, 0, 0), refused(ST_UNSUPPORTED, "version 1");
    begin(0x03000000, 0, 0), refused(ST_UNSUPPORTED, "big endian");
    begin(3, 1ull << 60, 0), refused(ST_FORMAT, "cannot be in");
    begin(3, 0, 1ull << 40), refused(ST_FORMAT, "cannot be in");
    begin(3, 0, 1), number(1ull << 50, 8), data(64), refused(ST_FORMAT, "cut off");
    begin(3, 0, 1), text("k"), number(13, 4), data(64), refused(ST_FORMAT, "value type 13");
    begin(3, 0, 1), text("k"), number(9, 4), number(9, 4), number(1, 8), data(64);
    refused(ST_UNSUPPORTED, "arrays of arrays");
    begin(3, 0, 1), text("k"), number(9, 4), number(8, 4), number(1ull << 50, 8), data(64);
    refused(ST_FORMAT, "cut off");
    begin(3, 0, 1), text("k"), number(9, 4), number(10, 4), number(1ull << 61, 8), data(64);
    refused(ST_FORMAT, "cut off");
    begin(3, 0, 1), text(""), number(4, 4), number(1, 4), data(64);
    refused(ST_FORMAT, "1 to 65535 bytes");
    begin(3, 0, 2);
    for (int i = 0; i < 2; i++) text("k"), number(4, 4), number(1, 4);
    refused(ST_FORMAT, "'k' is there twice");
    begin(3, 1, 1), text("general.alignment"), number(4, 4), number(0, 4);
    tensor("a", 1, 8, 1, 0, 0), data(32), refused(ST_FORMAT, "general.alignment");
    begin(3, 1, 0), tensor("a", 0, 0, 0, 0, 0), data(64), refused(ST_FORMAT, "0 dimensions");
    begin(3, 1, 0), tensor("a", 5, 1, 1, 0, 0), data(64), refused(ST_FORMAT, "5 dimensions");
    begin(3, 1, 0), tensor("a", 2, 1u << 31, 1, 0, 0), data(64), refused(ST_FORMAT, "impossible");
    begin(3, 1, 0), tensor("a", 2, 0, 1, 0, 0), data(64), refused(ST_FORMAT, "impossible");
    begin(3, 1, 0), tensor("a", 2, 0x7FFFFFFF, 0x7FFFFFFF, 0, 0), data(64);
    refused(ST_FORMAT, "impossible");
    begin(3, 1, 0), tensor("a", 1, 8, 1, 99, 0), data(32), refused(ST_UNSUPPORTED, "type 99");
    begin(3, 1, 0), tensor("a", 1, 40, 1, 8, 0), data(64), refused(ST_FORMAT, "Q8_0 blocks of 32");
    begin(3, 1, 0), tensor("a", 1, 8, 1, 0, 4), data(64), refused(ST_FORMAT, "no multiple of 32");
    begin(3, 1, 0), tensor("a", 1, 8, 1, 0, 32), data(32), refused(ST_FORMAT, "cut off or lies");
    begin(3, 1, 0), tensor("a", 1, 8, 1, 0, 1ull << 63), data(32);
    refused(ST_FORMAT, "cut off or lies");
    begin(3, 2, 0), tensor("a", 1, 16, 1, 0, 0), tensor("b", 1, 8, 1, 0, 32), data(64);
    refused(ST_FORMAT, "'a' and 'b' overlap");
    begin(3, 2, 0), tensor("a", 1, 8, 1, 0, 0), tensor("a", 1, 8, 1, 0, 32), data(64);
    refused(ST_FORMAT, "'a' is there twice");
}

static void a_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    begin(3, 1, 2), text("k"), number(9, 4), number(8, 4), number(2, 8), text("one"), text("two");
    text("n"), number(10, 4), number(7, 8);
    tensor("a", 2, 4, 2, 0, 0), data(32);
    assert_ok(parse(file.size));
    for (size_t n = 0; n < file.size; n++)
        if (parse(n) == ST_OK) fail_msg("%zu of %zu bytes", n, file.size);
}

static void types_that_are_known_but_not_read_are_named(void **state) {
    (void)state;
    Gguf *g = NULL;
    float out[256];
    begin(3, 1, 0), tensor("a", 1, 256, 1, 10, 0), data(84);
    assert_ok(gguf_parse(file.data, file.size, "q2.gguf", &g));
    assert_int_equal(gguf_rows(g, gguf_tensor(g, "a"), 0, 1, out), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "Q2_K"));
    assert_non_null(strstr(status_text(), "q2.gguf"));
    gguf_close(g);
    begin(3, 1, 0), tensor("a", 1, 1, 1, 0, 0), data(0), number(0x7F800000, 4);
    assert_ok(gguf_parse(file.data, file.size, "inf.gguf", &g));
    assert_int_equal(gguf_rows(g, gguf_tensor(g, "a"), 0, 1, out), ST_FORMAT);
    assert_non_null(strstr(status_text(), "not finite"));
    gguf_close(g);
}

// ---- what is written -------------------------------------------------------------------------
static const float matrix[64] = {1, -2, 0.5f, 3e-5f, -1000, 0.1f};
static const float vector[3] = {7, 8, 9};

static void what_is_written_comes_back(void **state) {
    (void)state;
    char *path = arena_printf(arena, "%s/two.gguf", folder);
    const TensorSource source[] = {tensor_source("m", 2, 32, matrix),
                                   tensor_source("v", 3, 0, vector)};
    const GgufType *type[] = {gguf_type(GGUF_F32), gguf_type(GGUF_F32)};
    GgufKeys keys = {0};
    gguf_put_int(&keys, "whole", 70000);
    gguf_put_int(&keys, "negative", -3);
    gguf_put_num(&keys, "part", 0.25);
    gguf_put_bool(&keys, "flag", true);
    gguf_put_text(&keys, "text", "a\0b", 3);
    gguf_put_array(&keys, "texts", GGUF_TEXT_VALUE, 2);
    gguf_add_text(&keys, "x", 1), gguf_add_text(&keys, "", 0);
    gguf_put_array(&keys, "numbers", GGUF_I32_VALUE, 2);
    gguf_add_i32(&keys, -1), gguf_add_i32(&keys, 5);
    assert_ok(gguf_write(path, &keys, source, type, 2));
    Gguf *g = NULL;
    float m[64], v[3];
    assert_ok(gguf_open(path, &g));
    assert_int_equal(gguf_n_values(g), 7);
    assert_int_equal(gguf_int(g, "whole", 0), 70000);
    assert_int_equal(gguf_int(g, "negative", 0), -3);
    assert_int_equal(gguf_int(g, "text", 42), 42);
    assert_int_equal(gguf_int(g, "none", 42), 42);
    assert_true(gguf_num(g, "part", 0) == 0.25 && gguf_num(g, "whole", 0) == 70000);
    assert_true(gguf_bool(g, "flag", false));
    assert_int_equal(gguf_text(g, "text")->size, 3);
    assert_memory_equal(gguf_text(g, "text")->data, "a\0b", 3);
    assert_int_equal(gguf_value(g, "texts")->count, 2);
    assert_int_equal(gguf_item_int(gguf_value(g, "numbers"), 1, 0), 5);
    assert_int_equal(gguf_item_int(gguf_value(g, "numbers"), 2, 9), 9);
    const GgufTensor *t = gguf_tensor(g, "m");
    assert_int_equal(t->n_dims, 2);
    assert_int_equal(t->dim[0], 2);
    assert_int_equal(t->dim[1], 32);
    assert_ok(gguf_rows(g, t, 0, 2, m));
    assert_memory_equal(m, matrix, sizeof m);
    assert_ok(gguf_rows(g, gguf_tensor(g, "v"), 0, 1, v));
    assert_memory_equal(v, vector, sizeof v);
    gguf_close(g);

    const GgufType *narrow[] = {gguf_type(GGUF_Q8_0), gguf_type(GGUF_Q8_0)};
    assert_int_equal(gguf_write(path, &keys, source, narrow, 2), ST_FORMAT); // 3 is no block
    assert_non_null(strstr(status_text(), "'v'"));
    const float big[1] = {1e6f};
    const TensorSource large = tensor_source("large", 1, 0, big);
    const GgufType *half = gguf_type(GGUF_F16);
    assert_int_equal(gguf_write(path, &keys, &large, &half, 1), ST_FORMAT);
    assert_non_null(strstr(status_text(), "F16 cannot hold"));
    assert_ok(gguf_open(path, &g)); // the older file is unchanged
    gguf_close(g);
    str_free(&keys.bytes);
}

int main(void) {
    arena = arena_new(1 << 16);
    if (!mkdtemp(folder)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_lie_has_its_sentence),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(types_that_are_known_but_not_read_are_named),
        cmocka_unit_test(what_is_written_comes_back),
    };
    int failed = cmocka_run_group_tests_name("policy/files/gguf", tests, NULL, NULL);
    if (file_remove_tree(folder) != ST_OK) failed = 1;
    str_free(&file);
    arena_free(arena);
    return failed;
}
