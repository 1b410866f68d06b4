// tests/test_corpus.c -- datasets/corpus: documents by index, from a family or a file.
#include "datasets/corpus.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "datasets/desk.h"
#include "tests/test.h"

#define ROWS_PATH "/tmp/test_corpus.XXXXXX"
static void write_rows(char *path, const char *text, size_t size) {
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_ok(file_write_atomic(path, text, size));
}

static void a_family_never_ends_and_repeats_by_index(void **state) {
    (void)state;
    Corpus *a, *b;
    assert_ok(corpus_of_family(&desk_family, NULL, 1, &a));
    assert_ok(corpus_of_family(&desk_family, NULL, 2, &b));
    assert_int_equal(corpus_size(a), 0);
    Arena *arena = arena_new(4096);
    int same = 0;
    for (uint64_t i = 0; i < 100; i++) {
        Document x, y, z;
        assert_ok(corpus_get(a, i + 1000000, &x, arena));
        assert_ok(corpus_get(a, i, &y, arena));
        assert_ok(corpus_get(b, i, &z, arena));
        same += strcmp(y.prompt, z.prompt) == 0;
        assert_ok(corpus_get(a, i + 1000000, &y, arena));
        assert_string_equal(x.prompt, y.prompt);
        assert_string_equal(x.response, y.response);
    }
    assert_true(same < 5);
    arena_free(arena);
    corpus_free(a);
    corpus_free(b);
}

static void a_config_of_nothing_is_refused(void **state) {
    (void)state;
    DeskConfig none = {.slip = 0};
    Corpus *c;
    assert_int_equal(corpus_of_family(&desk_family, &none, 1, &c), ST_CONFIG);
    assert_null(c);
}

static void rows_of_a_file_become_documents(void **state) {
    (void)state;
    static const char text[] = "{\"text\":\"whole\"}\n"
                               "{\"prompt\":\"p\",\"response\":\"r\"}\n"
                               "{\"prompt\":\"only\"}\n"
                               "{\"text\":\"\"}\n"
                               "{\"question\":\"q\",\"answer\":\"a\"}\n";
    char path[] = ROWS_PATH;
    write_rows(path, text, sizeof text - 1);
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    Corpus *c;
    assert_ok(corpus_of_jsonl(path, false, 0, &c));
    assert_int_equal(corpus_size(c), 3);
    Arena *arena = arena_new(4096);
    const char *want[][2] = {{"", "whole"}, {"p", "r"}, {"q", "a"}, {"", "whole"}};
    for (uint64_t i = 0; i < 4; i++) {
        Document d;
        assert_ok(corpus_get(c, i, &d, arena));
        assert_string_equal(d.prompt, want[i][0]);
        assert_string_equal(d.response, want[i][1]);
    }
    corpus_free(c);

    assert_ok(corpus_of_jsonl(path, true, 3, &c));
    for (uint64_t epoch = 0; epoch < 4; epoch++) {
        int letters = 0;
        for (uint64_t i = 0; i < 3; i++) {
            Document d;
            assert_ok(corpus_get(c, epoch * 3 + i, &d, arena));
            letters += d.response[0];
        }
        assert_int_equal(letters, 'w' + 'r' + 'a');
    }
    corpus_free(c);
    arena_free(arena);
    unlink(path);
}

static void conversations_end_with_their_last_reply(void **state) {
    (void)state;
    static const char text[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":"
        "\"b\"},{\"role\":\"user\",\"content\":\"c\"}]}\n"
        "{\"messages\":[{\"role\":\"user\",\"content\":\"no reply\"}]}\n"
        "{\"messages\":[{\"role\":\"tool\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":"
        "\"b\"}]}\n"
        "{\"messages\":[{\"role\":\"assistant\",\"content\":null}]}\n"
        "{\"messages\":\"a text\"}\n"
        "{\"prompt\":\"p\",\"response\":\"r\"}\n";
    char path[] = ROWS_PATH;
    write_rows(path, text, sizeof text - 1);
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    Corpus *c;
    Document d;
    Arena *arena = arena_new(4096);
    assert_ok(corpus_of_jsonl(path, false, 0, &c));
    assert_int_equal(corpus_size(c), 2);
    assert_true(corpus_has_turns(c));
    assert_ok(corpus_get(c, 0, &d, arena));
    assert_int_equal(d.n_turns, 2);
    assert_string_equal(d.turn[1].role, "assistant");
    assert_string_equal(d.turn[1].content, "b");
    assert_ok(corpus_get(c, 1, &d, arena));
    assert_int_equal(d.n_turns, 0);
    assert_string_equal(d.response, "r");
    corpus_free(c);
    arena_free(arena);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_never_ends_and_repeats_by_index),
        cmocka_unit_test(a_config_of_nothing_is_refused),
        cmocka_unit_test(rows_of_a_file_become_documents),
        cmocka_unit_test(conversations_end_with_their_last_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
