// tests/test_tfevents.c -- pipelines/tfevents: bytes decoded again by an independent reader.
#include "pipelines/run/tfevents.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/test.h"

static const uint8_t *whole_file(const char *folder, const char *part, size_t *size) {
    static uint8_t data[1 << 16];
    char path[512] = "";
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strstr(e->d_name, part)) snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    if (d) closedir(d);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    *size = fread(data, 1, sizeof data, f);
    fclose(f);
    unlink(path);
    return data;
}

// A table-free CRC-32C of its own, most significant bit first over reversed bits.
static uint32_t other_crc32c(const uint8_t *p, size_t n) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < n; i++)
        for (int bit = 0; bit < 8; bit++) {
            uint32_t in = (p[i] >> bit) & 1;
            uint32_t top = crc >> 31;
            crc <<= 1;
            if (in ^ top) crc ^= 0x1edc6f41u;
        }
    uint32_t out = 0;
    for (int i = 0; i < 32; i++) out |= ((crc >> i) & 1) << (31 - i);
    return out ^ 0xffffffffu;
}

static void crc_matches_the_published_vectors(void **state) {
    (void)state;
    uint8_t zeros[32] = {0}, count[32];
    for (int i = 0; i < 32; i++) count[i] = (uint8_t)i;
    assert_int_equal(tfevents_crc32c(zeros, 32), 0x8a9136aau); // RFC 3720, B.4
    assert_int_equal(tfevents_crc32c(count, 32), 0x46dd794eu);
    assert_int_equal(tfevents_crc32c("123456789", 9), 0xe3069283u);
    assert_int_equal(other_crc32c((const uint8_t *)"123456789", 9), 0xe3069283u);
}

static uint64_t varint(const uint8_t **p) {
    uint64_t v = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t c = *(*p)++;
        v |= (uint64_t)(c & 127) << shift;
        if (c < 128) return v;
    }
}

// Checks the frame at *p and gives its payload.
static const uint8_t *frame(const uint8_t **p, const uint8_t *end, uint64_t *size) {
    uint32_t c1, c2;
    assert_true(end - *p >= 16);
    memcpy(size, *p, 8);
    memcpy(&c1, *p + 8, 4);
    const uint8_t *payload = *p + 12;
    assert_true(payload + *size + 4 <= end);
    memcpy(&c2, payload + *size, 4);
    uint32_t a = other_crc32c(*p, 8), b = other_crc32c(payload, *size);
    assert_int_equal(c1, (uint32_t)(((a >> 15) | (a << 17)) + 0xa282ead8u));
    assert_int_equal(c2, (uint32_t)(((b >> 15) | (b << 17)) + 0xa282ead8u));
    *p = payload + *size + 4;
    return payload;
}

static void what_is_written_reads_back(void **state) {
    (void)state;
    char folder[] = "/tmp/tfevents.XXXXXX";
    assert_non_null(mkdtemp(folder));
    Tfevents *t;
    assert_ok(tfevents_open(folder, 7, &t));
    static Metrics m;
    metrics_clear(&m);
    metrics_set(&m, 0.5, "critic/rewards/mean");
    metrics_set(&m, -3, "actor/%s", "pg_loss");
    assert_ok(tfevents_add(t, &m, 300, 1700000000.25));
    tfevents_close(t);

    size_t size;
    const uint8_t *p = whole_file(folder, "tfevents", &size), *end = p + size;
    uint64_t n;
    const uint8_t *e = frame(&p, end, &n); // file_version
    assert_int_equal(e[0], 1 << 3 | 1);
    assert_memory_equal(e + 9,
                        "\x1a\x0d"
                        "brain.Event:2",
                        15);
    e = frame(&p, end, &n); // session start at step 7
    assert_int_equal(e[9], 2 << 3);
    assert_int_equal(e[10], 7);
    assert_memory_equal(e + 11, "\x3a\x02\x08\x01", 4);

    e = frame(&p, end, &n); // two scalars at step 300
    double time;
    memcpy(&time, e + 1, 8);
    assert_true(time == 1700000000.25);
    const uint8_t *q = e + 9;
    assert_int_equal(*q++, 2 << 3);
    assert_int_equal(varint(&q), 300);
    assert_int_equal(*q++, 5 << 3 | 2);
    uint64_t left = varint(&q);
    assert_ptr_equal(q + left, e + n);
    const char *tags[] = {"critic/rewards/mean", "actor/pg_loss"};
    const float values[] = {0.5f, -3};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(*q++, 1 << 3 | 2);
        varint(&q);
        assert_int_equal(*q++, 1 << 3 | 2);
        uint64_t len = varint(&q);
        assert_int_equal(len, strlen(tags[i]));
        assert_memory_equal(q, tags[i], len);
        q += len;
        assert_int_equal(*q++, 2 << 3 | 5);
        float v;
        memcpy(&v, q, 4);
        q += 4;
        assert_true(v == values[i]);
    }
    assert_ptr_equal(q, e + n);
    assert_ptr_equal(p, end);
    rmdir(folder);
}

static void a_text_panel_is_framed_too(void **state) {
    (void)state;
    char folder[] = "/tmp/tfevents.XXXXXX";
    assert_non_null(mkdtemp(folder));
    Tfevents *t;
    assert_ok(tfevents_open(folder, -1, &t));
    assert_ok(tfevents_text(t, "samples", "| a |\n|---|\n", 2, 1));
    tfevents_close(t);
    size_t size;
    const uint8_t *p = whole_file(folder, "tfevents", &size), *end = p + size;
    uint64_t n;
    frame(&p, end, &n);
    const uint8_t *e = frame(&p, end, &n);
    assert_non_null(memmem(e, n, "| a |\n|---|\n", 12));
    assert_non_null(memmem(e, n, "\x0a\x06\x0a\x04text", 8)); // metadata.plugin_data.plugin_name
    assert_ptr_equal(p, end);
    rmdir(folder);
}

static void a_folder_that_is_not_there_is_named(void **state) {
    (void)state;
    Tfevents *t;
    assert_int_equal(tfevents_open("/nonexistent/folder", -1, &t), ST_IO);
    assert_null(t);
    assert_non_null(strstr(status_text(), "/nonexistent/folder"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_matches_the_published_vectors),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(a_text_panel_is_framed_too),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests_name("pipelines/tfevents", tests, NULL, NULL);
}
