// tests/test_runfolder.c -- pipelines/runfolder: rows, checkpoints, and coming back to life.
#include "pipelines/run/runfolder.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "pipelines/report/curves.h"
#include "pipelines/run/manifest.h"
#include "tests/test.h"

static char root[64];

static int open_root(void **state) {
    (void)state;
    strcpy(root, "/tmp/runfolder.XXXXXX");
    return mkdtemp(root) ? 0 : 1;
}

static int close_root(void **state) {
    (void)state;
    return file_remove_tree(root) == ST_OK ? 0 : 1;
}

static const char *path(const char *part) {
    static char text[4][256];
    static int next;
    char *out = text[next++ % 4];
    snprintf(out, 256, "%s/run/%s", root, part);
    return out;
}

static RunFolder *open_run(int keep) {
    static char folder[128];
    snprintf(folder, sizeof folder, "%s/run", root);
    RunFolder *run = NULL;
    RunFolderOpts opts = {.path = folder, .command = "test", .keep = keep, .tensorboard = true};
    assert_ok(runfolder_open(&opts, &run));
    return run;
}

static void add_row(RunFolder *run, int step) {
    static Metrics row;
    metrics_clear(&row);
    metrics_set(&row, step * 10, "x");
    assert_ok(runfolder_row(run, &row, step));
}

static void add_checkpoint(RunFolder *run, int step, bool best) {
    Str folder = {0}, file = {0};
    assert_ok(runfolder_checkpoint_begin(run, step, &folder));
    str_printf(&file, "%s/state/data", folder.data);
    assert_ok(file_write_atomic(file.data, "0123456789", 10));
    assert_ok(runfolder_checkpoint_commit(run, step, best));
    str_free(&folder);
    str_free(&file);
}

static int rows(void) {
    Arena *arena = arena_new(4096);
    Curves c;
    assert_ok(curves_load(path("metrics.jsonl"), &c, arena));
    int n = c.n_rows;
    assert_int_equal(c.n_bad_lines, 0);
    for (int i = 0; i < n; i++) assert_true(curves_get(&c, "x")[i] == c.step[i] * 10);
    arena_free(arena);
    return n;
}

static void a_new_run_has_nothing_to_resume(void **state) {
    (void)state;
    RunFolder *run = open_run(2);
    assert_int_equal(runfolder_resume_step(run), -1);
    assert_null(runfolder_resume_path(run));
    runfolder_close(run);
    assert_true(file_exists(path("run.json")));
}

static void rows_after_the_checkpoint_are_cut(void **state) {
    (void)state;
    RunFolder *run = open_run(2);
    for (int s = 1; s <= 3; s++) add_row(run, s);
    add_checkpoint(run, 3, false);
    Str line = {0};
    str_puts(&line, "{}\n");
    for (int s = 4; s <= 5; s++) {
        add_row(run, s);
        assert_ok(runfolder_lines(run, "rollouts", s, &line));
    }
    assert_ok(runfolder_lines(run, "rollouts", 3, &line));
    str_free(&line);
    runfolder_close(run);
    assert_int_equal(rows(), 5);

    run = open_run(2);
    assert_int_equal(runfolder_resume_step(run), 3);
    assert_int_equal(rows(), 3);
    assert_true(file_exists(path("rollouts/000003.jsonl")));
    assert_false(file_exists(path("rollouts/000004.jsonl")));
    add_row(run, 4);
    runfolder_close(run);
    assert_int_equal(rows(), 4);
}

static void without_a_checkpoint_it_begins_anew(void **state) {
    (void)state;
    RunFolder *run = open_run(2);
    add_row(run, 1);
    runfolder_close(run);
    run = open_run(2);
    assert_int_equal(runfolder_resume_step(run), -1);
    runfolder_close(run);
    assert_int_equal(rows(), 0);
}

static void a_torn_checkpoint_is_passed_over(void **state) {
    (void)state;
    static const char *const how[] = {"cut", "flipped", "missing", "no manifest"};
    for (int h = 0; h < 4; h++) {
        RunFolder *run = open_run(3);
        add_row(run, 1);
        add_checkpoint(run, 1, false);
        add_row(run, 2);
        add_checkpoint(run, 2, false);
        runfolder_close(run);
        const char *data = path("checkpoints/step-2/state/data");
        if (h == 0) assert_int_equal(truncate(data, 5), 0);
        if (h == 1) assert_ok(file_write_atomic(data, "0123456799", 10));
        if (h == 2) assert_int_equal(unlink(data), 0);
        if (h == 3) assert_int_equal(unlink(path("checkpoints/step-2/manifest.json")), 0);
        run = open_run(3);
        if (runfolder_resume_step(run) != 1) fail_msg("%s: resumed the torn one", how[h]);
        assert_int_equal(rows(), 1);
        runfolder_close(run);
        assert_ok(file_remove_tree(path("")));
    }
}

static void a_half_made_checkpoint_is_no_checkpoint(void **state) {
    (void)state;
    RunFolder *run = open_run(2);
    add_row(run, 1);
    add_checkpoint(run, 1, false);
    add_row(run, 2);
    Str folder = {0};
    assert_ok(runfolder_checkpoint_begin(run, 2, &folder)); // killed here
    str_free(&folder);
    runfolder_close(run);
    run = open_run(2);
    assert_int_equal(runfolder_resume_step(run), 1);
    add_checkpoint(run, 2, false); // the same step again
    runfolder_close(run);
}

static void the_newest_and_the_best_are_kept(void **state) {
    (void)state;
    RunFolder *run = open_run(2);
    for (int s = 1; s <= 5; s++) {
        add_row(run, s);
        add_checkpoint(run, s, s == 2);
    }
    runfolder_close(run);
    static const bool kept[] = {false, true, false, true, true};
    for (int s = 1; s <= 5; s++) {
        char part[64];
        snprintf(part, sizeof part, "checkpoints/step-%d", s);
        if (file_exists(path(part)) != kept[s - 1]) fail_msg("step %d", s);
    }
    Arena *arena = arena_new(4096);
    char *text;
    assert_ok(file_read(path("checkpoints/latest"), &text, NULL, arena));
    assert_string_equal(text, "step-5\n");
    assert_ok(file_read(path("checkpoints/best"), &text, NULL, arena));
    assert_string_equal(text, "step-2\n");
    arena_free(arena);
}

static void lost_rows_are_an_error_not_a_gap(void **state) {
    (void)state;
    RunFolder *run = open_run(2);
    add_row(run, 1);
    add_row(run, 2);
    add_checkpoint(run, 2, false);
    runfolder_close(run);
    assert_int_equal(truncate(path("metrics.jsonl"), 10), 0);
    RunFolderOpts opts = {.path = path("."), .command = "test", .keep = 2};
    assert_int_equal(runfolder_open(&opts, &run), ST_FORMAT);
    assert_null(run);
    assert_non_null(strstr(status_text(), "lost rows"));
}

static void another_command_s_folder_is_refused(void **state) {
    (void)state;
    runfolder_close(open_run(2));
    RunFolder *run;
    RunFolderOpts opts = {.path = path("."), .command = "other", .keep = 2};
    assert_int_equal(runfolder_open(&opts, &run), ST_CONFIG);
    assert_non_null(strstr(status_text(), "grpo test"));
}

static void fresh_moves_the_old_run_aside(void **state) {
    (void)state;
    RunFolder *run = open_run(2);
    add_row(run, 1);
    add_checkpoint(run, 1, false);
    runfolder_close(run);
    char folder[128];
    snprintf(folder, sizeof folder, "%s/run", root);
    RunFolderOpts opts = {.path = folder, .command = "test", .keep = 2, .fresh = true};
    assert_ok(runfolder_open(&opts, &run));
    assert_int_equal(runfolder_resume_step(run), -1);
    runfolder_close(run);
    strcat(folder, ".1/metrics.jsonl");
    assert_true(file_exists(folder));
}

static void two_processes_do_not_share_a_folder(void **state) {
    (void)state;
    RunFolder *first = open_run(2), *second;
    RunFolderOpts opts = {.path = path("."), .command = "test", .keep = 2};
    assert_int_equal(runfolder_open(&opts, &second), ST_CONFIG);
    assert_non_null(strstr(status_text(), "another process"));
    runfolder_close(first);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, open_root, close_root)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_new_run_has_nothing_to_resume),         CASE(rows_after_the_checkpoint_are_cut),
        CASE(without_a_checkpoint_it_begins_anew),     CASE(a_torn_checkpoint_is_passed_over),
        CASE(a_half_made_checkpoint_is_no_checkpoint), CASE(the_newest_and_the_best_are_kept),
        CASE(lost_rows_are_an_error_not_a_gap),        CASE(another_command_s_folder_is_refused),
        CASE(fresh_moves_the_old_run_aside),           CASE(two_processes_do_not_share_a_folder),
    };
    return cmocka_run_group_tests_name("pipelines/runfolder", tests, NULL, NULL);
}
