// tests/test_rowfile.c -- datasets/rowfile: the same rows in every format, with their lines.
#include "datasets/rowfile.h"

#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/json.h"
#include "datasets/jsonl.h"
#include "tests/test.h"

// The rows of these bytes, one a line, then what was skipped; NULL where nothing can be used.
static const char *rows(const char *name, const char *data, size_t size) {
    static Str out;
    Jsonl *j;
    str_clear(&out);
    if (jsonl_open_bytes(data, size, name, NULL, NULL, &j) != ST_OK) return NULL;
    for (int64_t i = 0; i < jsonl_size(j); i++) {
        JsonDoc *doc;
        const char *file;
        assert_ok(jsonl_row(j, i, &doc));
        str_printf(&out, "%d:", jsonl_line(j, i, &file));
        json_echo(json_root(doc), &out);
        str_putc(&out, '\n');
        json_free(doc);
    }
    str_puts(&out, jsonl_report(j));
    jsonl_close(j);
    return str_text(&out);
}

static const char *text_rows(const char *name, const char *text) {
    return rows(name, text, strlen(text));
}

static void an_array_is_its_elements(void **state) {
    (void)state;
    static const char want[] = "2:{\"a\":\"1,]\\\"\"}\n3:{\"b\":[1,{\"c\":2}]}\n";
    assert_string_equal(
        text_rows("x.json", " [\n{\"a\":\"1,]\\\"\"},\n {\"b\":\n[1,{\"c\":2}]}\n]\n"), want);
    assert_non_null(
        strstr(text_rows("x.json", "[{\"a\":1}, 5, {\"a\":2}] x"), "x.json:1: not a JSON object"));
    assert_non_null(strstr(text_rows("x.json", "[{\"a\":1}] x"), "text behind the array"));
    assert_non_null(
        strstr(text_rows("x.json", "[{\"a\":1},\n{\"a\":2}"), "x.json:2: the array does not end"));
    // A raw newline in a text is no JSON, in an array neither.
    assert_non_null(strstr(text_rows("x.json", "[{\"a\":1},{\"a\":\"1\n2\"}]"), "x.json:1:"));
}

static void csv_is_rfc_4180(void **state) {
    (void)state;
    static const char csv[] = "question,answer,note\r\n"
                              "\"What is 1,5 + \"\"x\"\"?\nSay it.\",7,\r\n"
                              "\r\n"
                              "two,\"8\",\"[1,2]\"\r\n"
                              "short,1\r\n"
                              "three,9,\"[1,2\"";
    assert_string_equal(text_rows("q.csv", csv),
                        "2:{\"question\":\"What is 1,5 + \\\"x\\\"?\\nSay it.\",\"answer\":\"7\"}\n"
                        "5:{\"question\":\"two\",\"answer\":\"8\",\"note\":[1,2]}\n"
                        "7:{\"question\":\"three\",\"answer\":\"9\",\"note\":\"[1,2\"}\n"
                        "q.csv:6: 2 fields, but the first record names 3 columns\n");
    assert_string_equal(text_rows("q.tsv", "a\tb\n1,5\t\"x\ty\"\n"),
                        "2:{\"a\":\"1,5\",\"b\":\"x\\ty\"}\n");
    assert_non_null(
        strstr(text_rows("q.csv", "a,b\n1,2\n3,\"4\n"), "q.csv:3: a quote does not end"));
    assert_null(text_rows("q.csv", "a,b\n"));      // no rows
    assert_null(text_rows("q.csv", "a,a\n1,2\n")); // a column twice is a key twice
}

static const char plain[] = "{\"q\":\"\xC3\xBC 1\"}\n\n{\"q\":2}\n";
static const char plain_rows[] = "1:{\"q\":\"\xC3\xBC 1\"}\n3:{\"q\":2}\n";

static size_t gzip(const char *text, size_t size, char *out, size_t room) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)text, z.avail_in = (uInt)size;
    z.next_out = (Bytef *)out, z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = room - z.avail_out;
    deflateEnd(&z);
    return n;
}

static void packed_files_are_unpacked(void **state) {
    (void)state;
    char packed[1024];
    size_t n = gzip(plain, sizeof plain - 1, packed, sizeof packed);
    assert_string_equal(rows("p.jsonl.gz", packed, n), plain_rows);
    assert_null(rows("p.jsonl.gz", packed, n - 3)); // cut off
    assert_non_null(strstr(status_text(), "damaged or cut off"));
    size_t two = n + gzip("{\"q\":3}\n", 8, packed + n, sizeof packed - n); // members follow
    assert_non_null(strstr(rows("p", packed, two), "4:{\"q\":3}"));
    n = ZSTD_compress(packed, sizeof packed, plain, sizeof plain - 1, 3);
    assert_string_equal(rows("p.jsonl.zst", packed, n), plain_rows);
    assert_null(rows("p.jsonl.zst", packed, n - 3));
    n = gzip("a,b\n1,2\n", 8, packed, sizeof packed);
    assert_string_equal(rows("p.csv.gz", packed, n), "2:{\"a\":\"1\",\"b\":\"2\"}\n");
}

static void utf16_is_recoded(void **state) {
    (void)state;
    // {"q":"ü😀"} little and big endian, and a lone surrogate.
    static const uint16_t units[] = {0xFEFF, '{',    '"',    'q', '"', ':', '"',
                                     0xFC,   0xD83D, 0xDE00, '"', '}', '\n'};
    char le[64], be[64];
    size_t n = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++, n += 2) {
        le[n] = be[n + 1] = (char)(units[i] & 255);
        le[n + 1] = be[n] = (char)(units[i] >> 8);
    }
    static const char want[] = "1:{\"q\":\"\xC3\xBC\xF0\x9F\x98\x80\"}\n";
    assert_string_equal(rows("u.jsonl", le, n), want);
    assert_string_equal(rows("u.jsonl", be, n), want);
    le[2 * 9] = 'x', le[2 * 9 + 1] = 0; // the second half of the pair
    assert_string_equal(rows("u.jsonl", le, n), "1:{\"q\":\"\xC3\xBC\xEF\xBF\xBDx\"}\n");
}

static void other_formats_are_named_with_what_converts_them(void **state) {
    (void)state;
    assert_null(text_rows("t.parquet", "PAR1 and so on"));
    assert_non_null(strstr(status_text(), "is Parquet"));
    assert_non_null(strstr(status_text(), "grpo data import t.parquet -o rows.jsonl"));
    assert_null(text_rows("t.arrow", "ARROW1\0\0"));
    assert_null(text_rows("t.zip", "PK\x03\x04"));
    assert_non_null(strstr(status_text(), "unzip t.zip"));
}

static void folders_and_patterns_are_all_their_files(void **state) {
    (void)state;
    char folder[] = "/tmp/test_rowfile.XXXXXX";
    assert_non_null(mkdtemp(folder));
    static const char *const file[][2] = {{"b.jsonl", "{\"n\":2}\n{\"n\":3}\n"},
                                          {"a.csv", "n\n1\n"},
                                          {"notes.txt", "{\"n\":9}\n"},
                                          {"c.json", "[{\"n\":4}]"}};
    char path[128];
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, file[i][0]);
        assert_ok(file_write_atomic(path, file[i][1], strlen(file[i][1])));
    }
    Jsonl *j;
    assert_ok(jsonl_open(folder, NULL, NULL, &j));
    assert_int_equal(jsonl_size(j), 4);
    Arena *arena = arena_new(0);
    static const char *const names[] = {"n", NULL};
    for (int i = 0; i < 4; i++) {
        JsonDoc *doc;
        const char *name;
        assert_ok(jsonl_row(j, i, &doc));
        assert_int_equal(jsonl_text(json_root(doc), names, arena)[0], '1' + i);
        json_free(doc);
        jsonl_line(j, i, &name);
        assert_non_null(strstr(name, i == 0 ? "a.csv" : i < 3 ? "b.jsonl" : "c.json"));
    }
    jsonl_close(j);
    snprintf(path, sizeof path, "%s/*.json*", folder);
    assert_true(rowfile_is_pattern(path));
    assert_ok(jsonl_open(path, NULL, NULL, &j));
    assert_int_equal(jsonl_size(j), 3);
    jsonl_close(j);
    snprintf(path, sizeof path, "%s/*.none", folder);
    assert_int_equal(jsonl_open(path, NULL, NULL, &j), ST_FORMAT);
    arena_free(arena);
    assert_ok(file_remove_tree(folder));
}

// Beyond what is kept in memory: through a file without a name, with the right rows.
static void a_large_file_goes_through_a_temporary_file(void **state) {
    (void)state;
    enum { ROWS = 600000 };
    Str csv = {0};
    str_puts(&csv, "number,text\n");
    for (int i = 0; i < ROWS; i++) str_printf(&csv, "%d,some words to fill it\n", i);
    Jsonl *j;
    assert_ok(jsonl_open_bytes(csv.data, csv.size, "large.csv", NULL, NULL, &j));
    str_free(&csv);
    assert_int_equal(jsonl_size(j), ROWS);
    JsonDoc *doc;
    const char *file;
    assert_ok(jsonl_row(j, ROWS - 1, &doc));
    assert_string_equal(json_text(json_get(json_root(doc), "number"), ""), "599999");
    assert_int_equal(jsonl_line(j, ROWS - 1, &file), ROWS + 1);
    json_free(doc);
    jsonl_close(j);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_is_its_elements),
        cmocka_unit_test(csv_is_rfc_4180),
        cmocka_unit_test(packed_files_are_unpacked),
        cmocka_unit_test(utf16_is_recoded),
        cmocka_unit_test(other_formats_are_named_with_what_converts_them),
        cmocka_unit_test(folders_and_patterns_are_all_their_files),
        cmocka_unit_test(a_large_file_goes_through_a_temporary_file),
    };
    return cmocka_run_group_tests_name("datasets/rowfile", tests, NULL, NULL);
}
