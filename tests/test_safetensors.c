// tests/test_safetensors.c -- policy/files/safetensors and safewrite: what is written comes back;
// every lie in a file has its own sentence.
#include "policy/files/safetensors.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/str.h"
#include "policy/files/safewrite.h"
#include "tests/test.h"

static Arena *arena;
static char folder[] = "/tmp/test_safetensors.XXXXXX";

static char *in_folder(const char *name) {
    return arena_printf(arena, "%s/%s", folder, name);
}

// A file of this header and so many data bytes of 0x3C (finite in every dtype).
static Status parse(const char *header, size_t data, SafeTensors **out) {
    size_t n = strlen(header), size = 8 + n + data;
    unsigned char *file = malloc(size); // exactly, so that a sanitizer sees a read past its end
    for (int b = 0; b < 8; b++) file[b] = (unsigned char)((uint64_t)n >> 8 * b);
    memcpy(file + 8, header, n);
    memset(file + 8 + n, 0x3C, data);
    Status st = safetensors_parse(file, size, "bad.safetensors", out);
    if (st == ST_OK) safetensors_close(*out), *out = NULL; // views into what is freed now
    free(file);
    return st;
}

static void refused(const char *header, size_t data, const char *word) {
    SafeTensors *s = (SafeTensors *)1;
    assert_int_equal(parse(header, data, &s), ST_FORMAT);
    assert_null(s);
    assert_non_null(strstr(status_text(), "bad.safetensors"));
    if (!strstr(status_text(), word)) fail_msg("'%s' not in: %s", word, status_text());
}

#define T(name, dtype, shape, offsets)                                                             \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void every_lie_has_its_sentence(void **state) {
    (void)state;
    SafeTensors *s = NULL;
    assert_ok(
        parse("{" T("a", "F32", "[2]", "[0,8]") "," T("b", "BF16", "[1,2]", "[8,12]") "}", 12, &s));
    assert_ok(parse("{}", 0, &s));
    refused("{" T("a", "F32", "[2]", "[0,8]") "}", 4, "cut off or lies");
    refused("{" T("a", "F32", "[2]", "[0,8]") "}", 12, "last 4 bytes belong to no tensor");
    refused("{" T("a", "F32", "[2]", "[4,12]") "}", 12, "4 bytes before tensor 'a'");
    refused("{" T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[2]", "[4,12]") "}", 12,
            "'a' and 'b' overlap");
    refused("{" T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[2]", "[0,8]") "}", 8, "overlap");
    refused("{" T("a", "F32", "[2]", "[0,8]") "," T("a", "F32", "[2]", "[8,16]") "}", 16,
            "key 'a'");
    refused("{" T("a", "F32", "[3]", "[0,8]") "}", 8, "shape wants 12 bytes");
    refused("{" T("a", "F32", "[4294967296,4294967296,4294967296]", "[0,8]") "}", 8, "impossible");
    refused("{" T("a", "F32", "[4611686018427387904]", "[0,0]") "}", 0, "impossible");
    refused("{" T("a", "F32", "[-2]", "[0,8]") "}", 8, "impossible");
    refused("{" T("a", "F32", "[1.5]", "[0,8]") "}", 8, "impossible");
    refused("{" T("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "at most 8");
    refused("{" T("a", "F99", "[2]", "[0,8]") "}", 8, "dtype 'F99'");
    refused("{" T("a", "F32", "[2]", "[8,0]") "}", 8, "[begin, end]");
    refused("{" T("a", "F32", "[2]", "[-8,0]") "}", 8, "[begin, end]");
    refused("{" T("a", "F32", "[2]", "[0]") "}", 8, "[begin, end]");
    refused("{" T("a", "F32", "[2]", "[0,9e30]") "}", 8, "[begin, end]");
    refused("{\"a\":7}", 8, "tensor 'a'");
    refused("[]", 0, "not a JSON object");
    refused("{\"a\":", 0, "bad.safetensors:1");
}

static void a_header_that_cannot_be_is_refused(void **state) {
    (void)state;
    SafeTensors *s = NULL;
    unsigned char huge[8] = {0, 0, 0, 0, 1}, lies[9] = {200, 0, 0, 0, 0, 0, 0, 0, '{'};
    assert_int_equal(safetensors_parse(huge, 8, "x", &s), ST_FORMAT);
    assert_non_null(strstr(status_text(), "over the limit"));
    assert_int_equal(safetensors_parse(lies, 9, "x", &s), ST_FORMAT);
    assert_non_null(strstr(status_text(), "cut off"));
    assert_int_equal(safetensors_parse(huge, 7, "x", &s), ST_FORMAT);
    assert_non_null(strstr(status_text(), "too short"));
    assert_int_equal(safetensors_open(in_folder("none"), &s), ST_FORMAT);
    assert_null(s);
}

static const float matrix[6] = {1, -2, 0.5f, 3e-5f, -1e20f, 0.1f};
static const float vector[3] = {7, 8, 9};
static const TensorSource source[2] = {
    {.name = "m.weight", .n_dims = 2, .dim = {2, 3}, .value = matrix},
    {.name = "v.weight", .n_dims = 1, .dim = {3}, .value = vector}};

static void what_is_written_comes_back(void **state) {
    (void)state;
    char *path = in_folder("two.safetensors");
    float m[6], v[3];
    SafeTensors *s = NULL;
    assert_ok(safewrite_file(path, source, 2, DTYPE_F32));
    assert_ok(safetensors_open(path, &s));
    assert_int_equal(safetensors_count(s), 2);
    assert_ok(safetensors_read(s, "m.weight", 2, 3, m));
    assert_ok(safetensors_read(s, "v.weight", 3, 0, v));
    assert_memory_equal(m, matrix, sizeof m);
    assert_memory_equal(v, vector, sizeof v);
    assert_int_equal((uintptr_t)safetensors_at(s, 0)->data % 8, 0); // the header is padded
    assert_int_equal(safetensors_read(s, "m.weight", 3, 2, m), ST_FORMAT);
    assert_non_null(strstr(status_text(), "m.weight"));
    assert_int_equal(safetensors_read(s, "m.weight", 6, 0, m), ST_FORMAT);
    assert_int_equal(safetensors_read(s, "w.weight", 6, 0, m), ST_FORMAT);
    assert_non_null(strstr(status_text(), "'w.weight' is missing"));
    safetensors_close(s);
    assert_ok(safewrite_file(path, source, 2, DTYPE_BF16));
    assert_ok(safetensors_open(path, &s));
    assert_ok(safetensors_read(s, "m.weight", 2, 3, m));
    assert_close(m, matrix, 6, 0, 1.0 / 256);
    safetensors_close(s);
}

static void a_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    char *path = in_folder("two.safetensors"), *text;
    size_t size;
    assert_ok(safewrite_file(path, source, 2, DTYPE_F32));
    assert_ok(file_read(path, &text, &size, arena));
    for (size_t n = 0; n < size; n++) {
        SafeTensors *s = NULL;
        char *cut = malloc(n ? n : 1);
        memcpy(cut, text, n);
        if (safetensors_parse(cut, n, "cut", &s) == ST_OK) fail_msg("%zu of %zu bytes", n, size);
        free(cut);
    }
}

static void shards_are_read_by_their_index(void **state) {
    (void)state;
    float m[6];
    SafeTensors *s = NULL;
    assert_ok(safewrite_model(folder, source, 2, DTYPE_F32, 24)); // one tensor a shard
    assert_true(file_exists(in_folder("model-00002-of-00002.safetensors")));
    assert_ok(safetensors_open(folder, &s));
    assert_int_equal(safetensors_count(s), 2);
    assert_ok(safetensors_read(s, "m.weight", 2, 3, m));
    assert_memory_equal(m, matrix, sizeof m);
    safetensors_close(s);
    static const struct {
        const char *index, *word;
    } bad[] = {
        {"{\"weight_map\":{\"m.weight\":\"../model.safetensors\"}}", "plain file name"},
        {"{\"weight_map\":{\"m.weight\":\"/etc/passwd\"}}", "plain file name"},
        {"{\"weight_map\":{\"m.weight\":3}}", "plain file name"},
        {"{\"weight_map\":[]}", "weight_map"},
        {"{\"weight_map\":{\"x.weight\":\"model-00001-of-00002.safetensors\"}}", "'x.weight'"},
        {"{\"weight_map\":{\"m.weight\":\"model-00001-of-00002.safetensors\","
         "\"v.weight\":\"model-00001-of-00002.safetensors\"}}",
         "'v.weight'"},
    };
    char *index = in_folder("model.safetensors.index.json");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_ok(file_write_atomic(index, bad[i].index, strlen(bad[i].index)));
        assert_int_equal(safetensors_open(folder, &s), ST_FORMAT);
        if (!strstr(status_text(), bad[i].word)) fail_msg("'%s': %s", bad[i].word, status_text());
        assert_null(s);
    }
    assert_int_equal(unlink(index), 0);
    assert_ok(safewrite_model(folder, source, 2, DTYPE_F32, 1 << 20)); // fits one file
    assert_ok(safetensors_open(folder, &s));
    assert_int_equal(safetensors_count(s), 2);
    safetensors_close(s);
}

// What an interrupted download or copy leaves.
static void a_shard_that_is_missing_or_half_there_is_named(void **state) {
    (void)state;
    SafeTensors *s = NULL;
    const char *place = in_folder("half");
    char *second = in_folder("half/model-00002-of-00002.safetensors"), *text;
    size_t size;
    assert_ok(file_mkdirs(place));
    assert_ok(safewrite_model(place, source, 2, DTYPE_F32, 24));
    assert_ok(file_read(second, &text, &size, arena));
    for (size_t n = 0; n < size; n += 7) {
        assert_ok(file_write_atomic(second, text, n));
        assert_int_equal(safetensors_open(place, &s), ST_FORMAT);
        assert_non_null(strstr(status_text(), second));
    }
    assert_int_equal(unlink(second), 0);
    assert_int_equal(safetensors_open(place, &s), ST_FORMAT);
    assert_non_null(strstr(status_text(), second));
    assert_null(s);
}

static void small_floats_convert_exactly(void **state) {
    (void)state;
    assert_true(dtype_from_e4m3(0x7E) == 448.0f && dtype_from_e4m3(0xFE) == -448.0f);
    assert_true(dtype_from_e4m3(0x01) == 0x1p-9f && dtype_from_e4m3(0x08) == 0x1p-6f);
    assert_true(dtype_from_e4m3(0x38) == 1.0f && isnan(dtype_from_e4m3(0x7F)));
    assert_true(dtype_from_f16(0x3C00) == 1.0f && dtype_from_f16(0xFBFF) == -65504.0f);
    assert_true(dtype_from_f16(0x0001) == 0x1p-24f && isinf(dtype_from_f16(0x7C00)));
    assert_true(dtype_from_bf16(0x3F80) == 1.0f && dtype_from_bf16(0xC000) == -2.0f);
    assert_int_equal(dtype_to_bf16(1.0f + 0x1p-8f), 0x3F80);   // a tie goes to even
    assert_int_equal(dtype_to_bf16(1.0f + 0x1.8p-7f), 0x3F82); // and up to even
    assert_true(isnan(dtype_from_bf16(dtype_to_bf16(NAN))));
    for (uint32_t b = 0; b < 0x7F80; b++)
        assert_int_equal(dtype_to_bf16(dtype_from_bf16((uint16_t)b)), b);
}

// F8 [130, 129] with scales [2, 2]: blocks at the edges are ragged.
static void fp8_is_code_times_the_scale_of_its_block(void **state) {
    (void)state;
    enum { R = 130, C = 129 };
    Str file = {0};
    const char header[] = "{" T("w.weight", "F8_E4M3", "[130,129]", "[0,16770]") "," T(
        "w.weight_scale_inv", "F32", "[2,2]", "[16770,16786]") "}";
    unsigned char size[8] = {sizeof header - 1};
    size[1] = (sizeof header - 1) >> 8;
    str_add(&file, size, 8);
    str_add(&file, header, sizeof header - 1);
    for (int i = 0; i < R * C; i++) str_putc(&file, (char)(i % 3 == 0 ? 0x38 : 0xB8)); // 1, -1
    str_add(&file, (float[]){2, 3, 5, 7}, 16);
    SafeTensors *s = NULL;
    float *w = malloc(sizeof(float) * R * C);
    assert_ok(safetensors_parse(file.data, file.size, "fp8", &s));
    assert_ok(safetensors_read(s, "w.weight", R, C, w));
    for (int r = 0; r < R; r++)
        for (int c = 0; c < C; c++) {
            int i = r * C + c;
            float scale = r < 128 ? (c < 128 ? 2.0f : 3.0f) : (c < 128 ? 5.0f : 7.0f);
            assert_true(w[i] == (i % 3 == 0 ? scale : -scale));
        }
    float row[2 * C]; // rows from the middle take the scales of their own blocks
    assert_ok(safetensors_rows(s, safetensors_find(s, "w.weight"), 127, 2, row));
    assert_memory_equal(row, w + (size_t)127 * C, sizeof row);
    safetensors_close(s);
    file.data[8 + sizeof header - 1] = 0x7F; // NaN
    assert_ok(safetensors_parse(file.data, file.size, "fp8", &s));
    assert_int_equal(safetensors_read(s, "w.weight", R, C, w), ST_FORMAT);
    assert_non_null(strstr(status_text(), "not finite"));
    safetensors_close(s);
    file.data[8 + (int)(strstr(header, "_scale") - header)] = '-';
    assert_ok(safetensors_parse(file.data, file.size, "fp8", &s));
    assert_int_equal(safetensors_read(s, "w.weight", R, C, w), ST_FORMAT);
    assert_non_null(strstr(status_text(), "scale_inv"));
    safetensors_close(s);
    str_free(&file);
    free(w);
}

int main(void) {
    arena = arena_new(1 << 16);
    if (!mkdtemp(folder)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_lie_has_its_sentence),
        cmocka_unit_test(a_header_that_cannot_be_is_refused),
        cmocka_unit_test(what_is_written_comes_back),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(shards_are_read_by_their_index),
        cmocka_unit_test(a_shard_that_is_missing_or_half_there_is_named),
        cmocka_unit_test(small_floats_convert_exactly),
        cmocka_unit_test(fp8_is_code_times_the_scale_of_its_block),
    };
    int failed = cmocka_run_group_tests_name("policy/files/safetensors", tests, NULL, NULL);
    if (file_remove_tree(folder) != ST_OK) failed = 1;
    arena_free(arena);
    return failed;
}
