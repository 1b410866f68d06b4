// tests/test_jsonl.c -- datasets/jsonl: good rows are found by number, bad lines are named.
#include "datasets/jsonl.h"
#include "datasets/taskfile.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "tests/test.h"

static char path[] = "/tmp/test_jsonl.XXXXXX";

static void write_file(const char *text, size_t size) {
    assert_ok(file_write_atomic(path, text, size));
}

static void bad_lines_are_skipped_counted_and_named(void **state) {
    (void)state;
    static const char text[] = "\xEF\xBB\xBF{\"a\":1}\r\n" // 1, behind a byte order mark
                               "\n"                        // 2 empty
                               "{\"a\":2\n"                // 3 cut off
                               "[1,2]\n"                   // 4 not an object
                               "{\"a\":\"\xFF\xFE\"}\n"    // 5 not UTF-8
                               "{\"a\":3} tail\n"          // 6 text after the value
                               "   \t \r\n"                // 7 blank
                               "{\"a\":4,\"a\":5}\n"       // 8 duplicate key
                               "{\"a\":6}";                // 9, no newline
    Jsonl *j;
    assert_ok(jsonl_open_bytes(text, sizeof text - 1, "f.jsonl", NULL, NULL, &j));
    assert_int_equal(jsonl_size(j), 2);
    assert_int_equal(jsonl_skipped(j), 5); // blank lines are no rows
    const char *report = jsonl_report(j);
    const char *want[] = {"f.jsonl:3: ", "f.jsonl:4: not a JSON object\n",
                          "f.jsonl:5: ", "f.jsonl:6: ", "f.jsonl:8: "};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        if (!strstr(report, want[i])) fail_msg("'%s' is not in\n%s", want[i], report);
    assert_null(strstr(report, "f.jsonl:7"));
    JsonDoc *doc;
    assert_ok(jsonl_row(j, 1, &doc));
    assert_int_equal(json_int(json_get(json_root(doc), "a"), 0), 6);
    assert_int_equal(json_line(doc, json_root(doc)), 9);
    json_free(doc);
    jsonl_close(j);
}

static void a_file_without_a_good_row_is_an_error(void **state) {
    (void)state;
    Jsonl *j;
    assert_int_equal(jsonl_open_bytes("", 0, "empty", NULL, NULL, &j), ST_FORMAT);
    assert_null(j);
    assert_non_null(strstr(status_text(), "empty"));
    assert_int_equal(jsonl_open_bytes("\n{\n", 3, "f", NULL, NULL, &j), ST_FORMAT);
    assert_non_null(strstr(status_text(), "f:2: "));
    assert_int_equal(jsonl_open("/no/such/file", NULL, NULL, &j), ST_IO);
}

static void rows_become_tasks_by_the_usual_names(void **state) {
    (void)state;
    static const char text[] =
        "{\"question\":\"2+3?\",\"answer\":\"2+3 is 5. #### no\\n####  1,005 \",\"level\":3}\n"
        "{\"problem\":\"p\",\"solution\":\"7\",\"source\":\"aime\",\"judge\":\"format\"}\n"
        "{\"prompt\":\"q\",\"gold\":12}\n"
        "{\"prompt\":\"q\",\"gold\":-0.5}\n"
        "{\"prompt\":\"large\",\"gold\":9007199254740993}\n"
        "{\"prompt\":\"no gold\"}\n"
        "{\"gold\":\"no prompt\"}\n"
        "{\"prompt\":\"zero\\u0000byte\",\"gold\":\"1\"}\n";
    write_file(text, sizeof text - 1);
    TaskSource source;
    TaskFields fields = {.template_ = "User: {} Assistant:"};
    assert_ok(taskfile_open(path, &fields, &source));
    assert_int_equal(source.n_tasks, 5);
    assert_true(source.hash != 0);
    Arena *arena = arena_new(4096);
    Task t;
    assert_ok(source.get(&source, 0, &t, arena));
    assert_string_equal(t.prompt, "User: 2+3? Assistant:");
    assert_string_equal(t.gold, "1,005");
    assert_string_equal(t.judge, "math");
    assert_string_equal(t.source, "test_jsonl");
    assert_int_equal(t.level, 3);
    uint64_t id = t.id;
    assert_ok(source.get(&source, 1, &t, arena));
    assert_string_equal(t.source, "aime");
    assert_string_equal(t.judge, "format");
    assert_string_equal(t.gold, "7");
    assert_ok(source.get(&source, 2, &t, arena));
    assert_string_equal(t.gold, "12");
    assert_ok(source.get(&source, 3, &t, arena));
    assert_string_equal(t.gold, "-0.5");
    assert_ok(source.get(&source, 4, &t, arena));
    assert_string_equal(t.gold, "9007199254740993"); // no double holds it
    assert_ok(source.get(&source, 5, &t, arena));    // the second epoch, in file order
    assert_true(t.id == id);
    task_source_close(&source);

    fields = (TaskFields){.prompt = "question", .gold = "answer", .source = "s", .judge = "format"};
    assert_ok(taskfile_open(path, &fields, &source));
    assert_int_equal(source.n_tasks, 1);
    assert_string_equal(source.name, "s");
    assert_ok(source.get(&source, 0, &t, arena));
    assert_string_equal(t.source, "s");
    assert_string_equal(t.judge, "format");
    task_source_close(&source);

    fields = (TaskFields){.template_ = "no gap but \\boxed{}"};
    assert_int_equal(taskfile_open(path, &fields, &source), ST_CONFIG);
    task_source_close(&source);
    fields = (TaskFields){.template_ = "In \\boxed{}: {}!"};
    assert_ok(taskfile_open(path, &fields, &source));
    assert_ok(source.get(&source, 0, &t, arena));
    assert_memory_equal(t.prompt, "In \\boxed{}: ", 13);
    assert_null(strstr(t.prompt, "{}!"));
    task_source_close(&source);
    arena_free(arena);
}

static void an_epoch_visits_each_row_once_in_its_own_order(void **state) {
    (void)state;
    enum { N = 50 };
    Str text = {0};
    for (int i = 0; i < N; i++) str_printf(&text, "{\"prompt\":\"q%d\",\"gold\":\"%d\"}\n", i, i);
    write_file(text.data, text.size);
    str_free(&text);
    TaskSource source;
    TaskFields fields = {.shuffle = true, .seed = 4};
    assert_ok(taskfile_open(path, &fields, &source));
    Arena *arena = arena_new(4096);
    int order[2][N], seen[N] = {0}, same = 0;
    for (int epoch = 0; epoch < 2; epoch++) {
        for (int i = 0; i < N; i++) {
            Task t;
            assert_ok(source.get(&source, (uint64_t)(epoch * N + i), &t, arena));
            order[epoch][i] = (int)strtol(t.gold, NULL, 10);
            seen[order[epoch][i]]++;
        }
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(seen[i], 2);
        same += order[0][i] == order[1][i];
    }
    assert_true(same < N / 4);
    task_source_close(&source);
    arena_free(arena);
}

static int make_file(void **state) {
    (void)state;
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_lines_are_skipped_counted_and_named),
        cmocka_unit_test(a_file_without_a_good_row_is_an_error),
        cmocka_unit_test(rows_become_tasks_by_the_usual_names),
        cmocka_unit_test(an_epoch_visits_each_row_once_in_its_own_order),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
