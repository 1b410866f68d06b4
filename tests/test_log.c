// tests/test_log.c -- base/log: levels, the copy in a file, progress off a terminal.
#include "base/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/test.h"

// Runs `talk` with stderr in a file and returns what was said.
static char *heard(void (*talk)(void), Arena *arena) {
    char path[] = "build/test_log.XXXXXX";
    int fd = mkstemp(path), before = dup(STDERR_FILENO);
    assert_true(fd >= 0 && before >= 0);
    fflush(stderr);
    dup2(fd, STDERR_FILENO);
    talk();
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(fd), close(before);
    char *text;
    assert_ok(file_read(path, &text, NULL, arena));
    unlink(path);
    return text;
}

static const char copy_path[] = "build/test_log.copy";

static void talk_plainly(void) {
    log_open(LOG_INFO, LOG_COLOR_AUTO);
    assert_true(log_copy_to(copy_path));
    assert_false(log_copy_to("build/test_log.other")); // one at a time
    log_info("one %d", 1);
    log_warn("two");
    log_debug("hidden");
    log_progress(false, "passing");
    log_progress(true, "kept");
    log_progress_end();
    log_open(LOG_QUIET, LOG_COLOR_AUTO);
    log_info("hidden");
    log_warn("hidden");
    log_progress(true, "hidden");
    log_error("three");
    log_copy_to(NULL);
}

static void levels_choose_what_is_said(void **state) {
    (void)state;
    unlink(copy_path);
    Arena *arena = arena_new(0);
    assert_string_equal(heard(talk_plainly, arena), "one 1\nwarning: two\nkept\nerror: three\n");
    char *text;
    assert_ok(file_read(copy_path, &text, NULL, arena)); // has all that was not passing
    assert_string_equal(text, "one 1\nwarning: two\nhidden\nkept\nhidden\nwarning: hidden\n"
                              "hidden\nerror: three\n");
    assert_false(file_exists("build/test_log.other"));
    unlink(copy_path);
    arena_free(arena);
}

static void talk_in_color(void) {
    log_open(LOG_DEBUG, LOG_COLOR_ALWAYS);
    log_warn("w");
    log_debug("d");
    log_open(LOG_INFO, LOG_COLOR_NEVER);
    log_warn("w");
    log_open(LOG_INFO, LOG_COLOR_AUTO);
}

static void color_is_used_when_asked_for(void **state) {
    (void)state;
    Arena *arena = arena_new(0);
    assert_string_equal(heard(talk_in_color, arena), "\033[33mwarning: \033[0mw\nd\nwarning: w\n");
    assert_false(log_is_terminal() && getenv("NO_COLOR") && log_has_color());
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_choose_what_is_said),
        cmocka_unit_test(color_is_used_when_asked_for),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
