// tests/test_published.c -- datasets/published: names, their rows and their judges.
#include "datasets/published.h"
#include "datasets/taskfile.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/test.h"
#include "verifiers/verify.h"

static const struct {
    const char *name, *judge;
    bool gold;
} want[] = {{"gsm8k", "math", true},      {"math", "math", true},  {"math500", "math", true},
            {"humaneval", "code", false}, {"mbpp", "code", false}, {"ifeval", "ifeval", false}};

// The judge could reach a verdict on the task.
static const char *refused(const Task *task) {
    const Judge *judge = verify_find(task->judge);
    assert_non_null(judge);
    JsonDoc *doc;
    assert_ok(json_parse(task->row, strlen(task->row), "row", 1, false, &doc));
    JudgeInput in = {.gold = task->gold, .prompt = task->prompt, .task = json_root(doc)};
    const char *why = judge->needs_gold && !task->gold ? "no gold"
                      : judge->refuses                 ? judge->refuses(&in)
                                                       : NULL;
    json_free(doc);
    return why;
}

static void names_load_with_their_judges(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        TaskSource source;
        assert_true(published_is(want[i].name));
        assert_ok(
            taskfile_open_published(want[i].name, "", SPLIT_HELDOUT, &(TaskFields){0}, &source));
        assert_string_equal(source.name, want[i].name);
        assert_true(source.n_tasks >= 20);
        Arena *arena = arena_new(1 << 16);
        for (int64_t k = 0; k < source.n_tasks; k++) {
            Task task;
            assert_ok(source.get(&source, (uint64_t)k, &task, arena));
            assert_string_equal(task.judge, want[i].judge);
            assert_string_equal(task.source, want[i].name);
            assert_true(task.prompt[0] != 0);
            if (want[i].gold) assert_non_null(task.gold);
            const char *why = refused(&task);
            if (why) fail_msg("%s, row %d: %s", want[i].name, (int)k, why);
        }
        arena_free(arena);
        source.close(&source);
    }
}

static char folder[] = "/tmp/published.XXXXXX";

static void put(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(file_write_atomic(path, text, strlen(text)));
}

static void a_file_is_told_by_its_rows(void **state) {
    (void)state;
    static const struct {
        const char *row, *judge, *in_prompt, *gold;
    } rows[] = {
        {"{\"question\":\"1+1?\",\"answer\":\"so\\n#### 1,002\"}", "math", "1+1?", "1,002"},
        {"{\"problem\":\"x\",\"solution\":\"it is $\\\\boxed{2}$\",\"level\":\"Level 3\"}", "math",
         "x", "it is $\\boxed{2}$"},
        {"{\"prompt\":\"def f():\\n\",\"entry_point\":\"f\",\"test\":\"def check(c): pass\"}",
         "code", "def f()", NULL},
        {"{\"text\":\"Add.\",\"test_list\":[\"assert f()==1\"],\"code\":\"\"}", "code",
         "assert f()==1", NULL},
        {"{\"prompt\":\"p\",\"instruction_id_list\":[\"punctuation:no_comma\"],\"kwargs\":[{}]}",
         "ifeval", "p", NULL},
        {"{\"nums\":[1,2],\"target\":3}", "countdown", "[1,2]", NULL},
        {"{\"question\":\"Which?\",\"options\":[\"x\",\"y\"],\"answer\":\"B\"}", "choice", "B. y",
         "B"},
        {"{\"quiz\":\"Who?\",\"solution_text\":\"A is a knave.\",\"judge\":\"knights\"}", "knights",
         "Who?", "A is a knave."},
        {"{\"prompt\":\"free\",\"judge\":\"program\"}", "program", "free", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put("rows.jsonl", rows[i].row);
        char path[128];
        snprintf(path, sizeof path, "%s/rows.jsonl", folder);
        TaskSource source;
        assert_ok(taskfile_open(path, &(TaskFields){0}, &source));
        Arena *arena = arena_new(4096);
        Task task;
        assert_ok(source.get(&source, 0, &task, arena));
        assert_string_equal(task.judge, rows[i].judge);
        if (!strstr(task.prompt, rows[i].in_prompt)) fail_msg("'%s'", task.prompt);
        if (rows[i].gold)
            assert_string_equal(task.gold, rows[i].gold);
        else
            assert_null(task.gold);
        assert_int_equal(task.level, i == 1 ? 3 : 0);
        assert_non_null(task.row);
        arena_free(arena);
        source.close(&source);
    }
}

static void a_folder_serves_both_splits(void **state) {
    (void)state;
    put("train.jsonl", "{\"question\":\"train\",\"answer\":\"1\"}\n");
    put("test.jsonl",
        "{\"question\":\"test\",\"answer\":\"2\"}\n{\"question\":\"b\",\"answer\":\"2\"}\n");
    char what[128];
    snprintf(what, sizeof what, "gsm8k=%s", folder);
    TaskSource source;
    assert_ok(taskfile_open_published(what, "", SPLIT_TRAIN, &(TaskFields){0}, &source));
    assert_int_equal(source.n_tasks, 1);
    source.close(&source);
    assert_ok(taskfile_open_published(what, "", SPLIT_HELDOUT, &(TaskFields){0}, &source));
    assert_int_equal(source.n_tasks, 2);
    source.close(&source);
}

static void what_is_not_there_is_refused_by_name(void **state) {
    (void)state;
    TaskSource source;
    assert_false(published_is("poetry"));
    assert_int_equal(taskfile_open_published("poetry", "", SPLIT_TRAIN, &(TaskFields){0}, &source),
                     ST_CONFIG);
    assert_non_null(strstr(status_text(), "gsm8k"));
    assert_int_equal(
        taskfile_open_published("gsm8k=/no/such/file", "", SPLIT_TRAIN, &(TaskFields){0}, &source),
        ST_CONFIG);
    assert_int_equal(
        taskfile_open_published("gsm8k", "/no/such/folder", SPLIT_TRAIN, &(TaskFields){0}, &source),
        ST_CONFIG);
    assert_int_equal(
        taskfile_open_published("countdown", "", SPLIT_TRAIN, &(TaskFields){0}, &source),
        ST_CONFIG);
    assert_non_null(strstr(status_text(), "countdown=FILE"));
}

static int tidy(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static int prepare(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_load_with_their_judges),
        cmocka_unit_test(a_file_is_told_by_its_rows),
        cmocka_unit_test(a_folder_serves_both_splits),
        cmocka_unit_test(what_is_not_there_is_refused_by_name),
    };
    return cmocka_run_group_tests_name("datasets/published", tests, prepare, tidy);
}
