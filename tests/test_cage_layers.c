// tests/test_cage_layers.c -- a set-up call that fails lets nothing run; the broker may die; a
// plain user has a cage too.
#include "tests/child.h"
#include "tests/test.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "sandbox/cage.h"
#include "sandbox/host_load.h"

static Arena *arena;

static CageRecord run(Cage *cage, CageLang lang, const char *source) {
    CageFile file = {NULL, source, strlen(source)};
    CageJob job = {.lang = lang,
                   .file = &file,
                   .n_files = 1,
                   .limits = {.cpu_ms = 20000, .wall_ms = 60000, .memory_bytes = 64 << 20}};
    CageRecord r;
    cage_run(cage, &job, &r);
    return r;
}

static const char hello_py[] = "print('ran')";
static const char hello_c[] = "#include <stdio.h>\nint main(void) { puts(\"ran\"); return 0; }\n";

static bool cage_or_skip(const CageOpts *opts, Cage **cage) {
    if (cage_open(opts, cage) == ST_OK) return true;
    print_message("skipped: %s\n", status_text());
    return false;
}

static bool gets_out(Cage *cage, CageLang lang, const char *file) {
    char path[128], *source;
    snprintf(path, sizeof path, "tests/attacks/%s", file);
    assert_ok(file_read(path, &source, NULL, arena));
    CageRecord r = run(cage, lang, source);
    bool out = strstr(str_text(&r.out), "ESCAPED") || strstr(str_text(&r.err), "ESCAPED") ||
               r.verdict == CAGE_SANDBOX_ERROR;
    cage_record_free(&r);
    return out;
}

// The n-th call fails, for every n until the set-up has no more calls: never a program that ran.
static void check_failing_calls(CageLang lang, bool of_slot) {
    int n = 1, n_refused = 0;
    for (;; n++) {
        Cage *cage;
        CageOpts opts = {.fail_slot = of_slot ? n : 0, .fail_run = of_slot ? 0 : n};
        if (!cage_or_skip(&opts, &cage)) return;
        static const char *const hello[CAGE_N_LANGS] = {hello_py, hello_c, NULL, "echo ran\n",
                                                        "console.log('ran')"};
        CageRecord r = run(cage, lang, hello[lang]);
        if (strstr(r.why, "apt-get install")) {
            print_message("skipped: %s\n", r.why);
            cage_record_free(&r);
            cage_close(cage);
            return;
        }
        bool ok = r.verdict == CAGE_OK;
        // Sixty libraries are bound by the same three calls: a few of those will do.
        bool same = strstr(r.why, "of the root") || strstr(r.why, "into the root") ||
                    strstr(r.why, "make it read-only");
        if (same && n > 30) n += 16;
        if (!ok) {
            n_refused++;
            if (r.verdict != CAGE_SANDBOX_ERROR || r.out.size || !r.why[0])
                fail_msg("call %d failed and the verdict is %s: %s%s", n,
                         cage_verdict_name(r.verdict), r.why, str_text(&r.out));
        }
        cage_record_free(&r);
        cage_close(cage);
        if (ok) break;
        assert_true(n < 400);
    }
    print_message("%s of %s: %d calls, each refused in turn\n",
                  of_slot ? "set-up of a slot" : "set-up", cage_lang_name(lang), n_refused);
    assert_true(n_refused > (of_slot ? 25 : 15));
}

static void every_failing_setup_call_of_a_program_is_our_fault(void **state) {
    (void)state;
    check_failing_calls(CAGE_SH, false);
    check_failing_calls(CAGE_PYTHON, false);
}

static void every_failing_setup_call_of_a_slot_is_our_fault(void **state) {
    (void)state;
    check_failing_calls(CAGE_PYTHON, true);
    check_failing_calls(CAGE_C, true); // of the compiler's as well
    check_failing_calls(CAGE_JS, true);
}

static size_t environment_of(pid_t pid) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    return n;
}

static void *kill_soon(void *pid) {
    usleep(200000);
    kill(*(pid_t *)pid, SIGKILL);
    return NULL;
}

static void a_killed_broker_is_our_fault_once_and_comes_back(void **state) {
    (void)state;
    Cage *cage;
    pthread_t thread;
    CageCounts counts;
    setenv("GRPO_TEST_CANARY", "canary", 1);
    if (!cage_or_skip(NULL, &cage)) return;
    pid_t broker = first_child();
    assert_true(broker > 0);
    assert_int_equal(pthread_create(&thread, NULL, kill_soon, &broker), 0);
    CageRecord r = run(cage, CAGE_PYTHON, "import time\ntime.sleep(50)\nprint('ran')");
    pthread_join(thread, NULL);
    assert_int_equal(r.verdict, CAGE_SANDBOX_ERROR);
    assert_int_equal(r.out.size, 0);
    cage_record_free(&r);
    for (int i = 0; i < 3; i++) {
        r = run(cage, i ? CAGE_PYTHON : CAGE_C, i ? hello_py : hello_c);
        assert_int_equal(r.verdict, CAGE_OK);
        assert_string_equal(str_text(&r.out), "ran\n");
        cage_record_free(&r);
    }
    cage_counts(cage, &counts);
    assert_int_equal(environment_of(first_child()), 0); // the second one's is as empty
    unsetenv("GRPO_TEST_CANARY");
    assert_int_equal(counts.broker_restarts, 1);
    assert_int_equal(counts.verdict[CAGE_SANDBOX_ERROR], 1);
    assert_int_equal(counts.verdict[CAGE_OK], 3);
    cage_close(cage);
}

static void the_broker_sees_nothing_of_its_caller(void **state) {
    (void)state;
    Cage *cage;
    setenv("GRPO_TEST_CANARY", "canary", 1);
    if (!cage_or_skip(NULL, &cage)) return;
    assert_int_equal(environment_of(first_child()), 0);
    CageRecord r = run(cage, CAGE_PYTHON, "import os\nprint(sorted(os.environ))");
    assert_string_equal(str_text(&r.out), "['HOME', 'LANG', 'LC_ALL', 'PATH', 'TMPDIR']\n");
    cage_record_free(&r);
    cage_close(cage);
    unsetenv("GRPO_TEST_CANARY");
}

static void a_plain_user_has_a_cage_too(void **state) {
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: as root only; a plain user's run is the rest of this file\n");
        return;
    }
    Cage *cage;
    CageOpts opts = {.drop_to_nobody = true};
    if (!cage_or_skip(&opts, &cage)) return;
    const CageMachine *m = cage_machine(cage);
    assert_false(m->layers & CAGE_UID);
    assert_true(m->layers & CAGE_USERNS && m->layers & CAGE_SECCOMP && m->layers & CAGE_MNTNS);
    static const CageLang langs[] = {CAGE_PYTHON, CAGE_C, CAGE_SH};
    static const char *const sources[] = {hello_py, hello_c, "echo ran\n"};
    for (int i = 0; i < 3; i++) {
        CageRecord r = run(cage, langs[i], sources[i]);
        if (r.verdict != CAGE_OK) fail_msg("%s: %s", cage_lang_name(langs[i]), r.why);
        assert_string_equal(str_text(&r.out), "ran\n");
        cage_record_free(&r);
    }
    assert_false(gets_out(cage, CAGE_C, "c15_unshare_userns.c"));
    assert_false(gets_out(cage, CAGE_PYTHON, "f06_read_secrets.py"));
    assert_false(gets_out(cage, CAGE_PYTHON, "f15_inherited_fds.py"));
    assert_false(gets_out(cage, CAGE_C, "c08_ptrace_parent.c"));
    cage_close(cage);
}

static void wall_time_that_a_busy_host_took_is_given_once_more(void **state) {
    (void)state;
    for (int busy = 0; busy < 2; busy++) {
        Cage *cage;
        CageOpts opts = {.say_busy = busy};
        CageCounts counts;
        if (!cage_or_skip(&opts, &cage)) return;
        CageFile file = {.data = "import time\nprint('once', flush=True)\ntime.sleep(60)\n"};
        CageJob job = {
            .lang = CAGE_PYTHON, .file = &file, .n_files = 1, .limits = {.wall_ms = 400}};
        CageRecord r;
        file.size = strlen(file.data);
        cage_run(cage, &job, &r);
        cage_counts(cage, &counts);
        assert_int_equal(r.verdict, CAGE_TIME_LIMIT);
        assert_true(r.out.size == 0 || strcmp(str_text(&r.out), "once\n") == 0); // not both tries'
        assert_int_equal(counts.second_tries, busy);
        assert_int_equal(counts.runs, 1);
        cage_record_free(&r);
        cage_close(cage);
    }
}

static void a_busy_host_is_known_by_its_files(void **state) {
    (void)state;
    assert_true(host_load_pressure("some avg10=61.20 avg60=0.00 total=1", "0.1 0 0", 2));
    assert_false(host_load_pressure("some avg10=3.00 avg60=99.00 total=1", "9.0 0 0", 2));
    assert_true(host_load_pressure("", "3.1 0 0", 2));
    assert_false(host_load_pressure("", "2.9 0 0", 2));
    assert_false(host_load_pressure("", "", 2));
    assert_true(host_load_stolen("cpu  10 0 0 90 0 0 0 0 0 0\n", "cpu  50 0 0 110 0 0 0 40 0 0\n"));
    assert_false(host_load_stolen("cpu  10 0 0 90 0 0 0 0 0 0\n", "cpu  50 0 0 150 0 0 0 1 0 0\n"));
    assert_false(host_load_stolen("", "cpu 1"));
    const CellRun run = {.cpu_ms = 4000, .wall_ms = 10000};
    CellTail tail = {.ended_by = CELL_BY_WALL, .cpu_us = 1900000, .put_off = 20};
    assert_true(host_load_starved(&run, &tail));
    tail.put_off = 19; // it slept
    assert_false(host_load_starved(&run, &tail));
    tail.put_off = 500, tail.cpu_us = 2100000; // it had its time
    assert_false(host_load_starved(&run, &tail));
    tail.cpu_us = 100, tail.ended_by = CELL_BY_BROKER;
    assert_false(host_load_starved(&run, &tail));
}

static int begin(void **state) {
    (void)state;
    arena = arena_new(1 << 20);
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_free(arena);
    return 0;
}

int main(int argc, char **argv) {
    cage_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failing_setup_call_of_a_program_is_our_fault),
        cmocka_unit_test(every_failing_setup_call_of_a_slot_is_our_fault),
        cmocka_unit_test(a_killed_broker_is_our_fault_once_and_comes_back),
        cmocka_unit_test(the_broker_sees_nothing_of_its_caller),
        cmocka_unit_test(a_plain_user_has_a_cage_too),
        cmocka_unit_test(wall_time_that_a_busy_host_took_is_given_once_more),
        cmocka_unit_test(a_busy_host_is_known_by_its_files),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
