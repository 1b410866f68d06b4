// tests/test_cage_bare.c -- the cage without namespaces: folders, leavings, deaths, set-up,
// controls; as root, where every slot has a uid, and as a plain user, whose programs have his.
#include "tests/test.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "sandbox/cage.h"
#include "tests/bare_users.h"
#include "tests/work.h"

static Arena *arena;

// Processes with that name.
static int count_named(const char *name, pid_t *last) {
    int n = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[64], comm[32] = "";
        snprintf(path, sizeof path, "/proc/%.20s/comm", e->d_name);
        FILE *f = fopen(path, "re");
        if (f && fgets(comm, sizeof comm, f) && strncmp(comm, name, strlen(name)) == 0) {
            n++;
            if (last) *last = (pid_t)atoi(e->d_name);
        }
        if (f) fclose(f);
    }
    if (d) closedir(d);
    return n;
}

// Folders of brokers that this user may see, with what lies in their slots' folders.
static int count_left(const char *what) {
    static const char *const places[] = {"/dev/shm", "/tmp", "/var/tmp"};
    char command[200], text[32] = "";
    int n = 0;
    for (int i = 0; i < 3; i++) {
        snprintf(command, sizeof command, "find %s/grpo-cage.* -path '%s' 2>/dev/null | wc -l",
                 places[i], what);
        FILE *f = popen(command, "r"); // NOLINT(cert-env33-c): a test's own words
        assert_non_null(f);
        if (fgets(text, sizeof text, f)) n += atoi(text);
        pclose(f);
    }
    return n;
}

static bool no_folder_left(void *unused) {
    (void)unused;
    return count_left("*") == 0;
}

static bool no_process_left(void *name) {
    return count_named(name, NULL) == 0;
}

static bool one_process_left(void *name) {
    return count_named(name, NULL) == 1;
}

// A broker under load may end before the last of its slots has.
static bool nothing_left(void) {
    return work_wait(no_folder_left, NULL);
}

static pid_t child_of(pid_t pid, int nth) {
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    for (struct dirent *t; tasks && !child && (t = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/children", pid, t->d_name);
        FILE *f = fopen(path, "re");
        for (int i = 0; f && i <= nth; i++)
            if (fscanf(f, "%d", &child) != 1) child = 0;
        if (f) fclose(f);
    }
    if (tasks) closedir(tasks);
    return child;
}

// ---- what a program leaves ---------------------------------------------------------------------

static const char leaves[] =
    "import os, sys\n"
    "print(os.listdir('.'))\n"
    "open('gx', 'w').write('left'); os.symlink('/etc', 'gx-link'); os.mkfifo('gx-fifo') if 0 else "
    "0\n"
    "os.mkdir('gx-dir'); os.symlink('..', 'gx-dir/up'); open('gx-dir/in', 'w').close()\n"
    "os.mkdir('gx-shut'); open('gx-shut/in', 'w').close()\n"
    "try:\n    os.chmod('gx-shut', 0)\nexcept OSError:\n    pass\n"
    "os.mkdir('gx-none', 0)\n"
    "for i in range(18):\n    os.mkdir('d'); os.chdir('d')\nopen('deep', 'w').close()\n";

static void a_folder_is_new_for_each_program(void **state) {
    (void)state;
    for (int user = 0; user < N_USERS; user++) {
        if (!has(user)) continue;
        const CageOpts opts = opts_of(user);
        OPEN_OR_SKIP(cage, &opts);
        for (int i = 0; i < 3; i++) {
            CageRecord r = run(cage, CAGE_PYTHON, leaves, "");
            assert_string_equal(str_text(&r.out), "[]\n");
            if (r.verdict != CAGE_OK) fail_msg("%s: %s", r.why, str_text(&r.err));
            cage_record_free(&r);
            assert_int_equal(count_left("*/w/*"), 0);
        }
        cage_close(cage);
        assert_true(nothing_left());
    }
}

static void a_folder_that_is_too_full_ends_its_program(void **state) {
    (void)state;
    static const char *const source[] = {
        "import time\nfor i in range(3):\n    open(f'f{i}', 'wb').write(bytes(15 << 20))\n"
        "time.sleep(600)\n", // ended before the wall limit, which would be another verdict
        "import time\nfor i in range(2500):\n    open(f'f{i}', 'wb').close()\n", // ends by itself
        "import os, time\nfor i in range(200):\n    os.mkdir('d')\n    os.chdir('d')\n"
        "time.sleep(600)\n",
        "for i in range(3):\n    open(f'f{i}', 'wb').write(bytes(15 << 20))\n",
    };
    for (int user = 0; user < N_USERS; user++) {
        if (!has(user)) continue;
        const CageOpts opts = opts_of(user);
        OPEN_OR_SKIP(cage, &opts);
        for (size_t i = 0; i < sizeof source / sizeof source[0]; i++) {
            CageRecord r = run(cage, CAGE_PYTHON, source[i], "");
            if (r.verdict != CAGE_RUNTIME_ERROR || strcmp(r.why, "its folder is full") != 0)
                fail_msg("%zu: %s: %s %s", i, cage_verdict_name(r.verdict), r.why,
                         str_text(&r.err));
            cage_record_free(&r);
            assert_int_equal(count_left("*/w/*"), 0);
        }
        cage_close(cage);
    }
}

// Forks twice, leaves the session, and its name is known.
static const char daemon_source[] =
    C_HEAD "int main(int argc, char **argv) { prctl(PR_SET_NAME, \"gx-bare\");\n"
           "    for (int i = 0; i < 2; i++) { if (fork() > 0) { WAITS ? pause() : usleep(100000);\n"
           "        return 0; } setsid(); }\n"
           "    for (int s = 1; s < 65; s++) signal(s, SIG_IGN);\n"
           "    for (int i = 0; i < 64; i++) close(i);\n"
           "    for (;;) sleep(1000); }\n";

static void what_a_program_leaves_running_is_ended(void **state) {
    (void)state;
    const char *source = arena_printf(arena, "#define WAITS 0\n%s", daemon_source);
    for (int user = 0; user < N_USERS; user++) {
        if (!has(user)) continue;
        const CageOpts opts = opts_of(user);
        OPEN_OR_SKIP(cage, &opts);
        for (int i = 0; i < 5; i++) {
            CageRecord r = run(cage, CAGE_C, source, "");
            if (r.verdict != CAGE_OK) fail_msg("%s: %s", r.why, str_text(&r.err));
            cage_record_free(&r);
            assert_int_equal(count_named("gx-bare", NULL), 0);
        }
        cage_close(cage);
    }
}

typedef struct Kill {
    int depth;  // below us: broker, outer, zygote, pid 1
    bool ended; // the program has: nobody is to be killed any more
    bool done;
} Kill;

static bool daemons_run(void *arg) {
    const Kill *k = arg;
    return __atomic_load_n(&k->ended, __ATOMIC_ACQUIRE) || count_named("gx-bare", NULL) >= 2;
}

static void *kill_soon(void *arg) {
    Kill *k = arg;
    if (!work_wait(daemons_run, k) || count_named("gx-bare", NULL) < 2) return NULL;
    pid_t pid = getpid();
    for (int d = 0; d < k->depth; d++) {
        pid_t next = child_of(pid, 0);
        // The compiler's slot is the first child of the broker; the program is below the other.
        if (d == 1)
            for (int n = 0; (next = child_of(pid, n)); n++) {
                pid_t zygote = child_of(next, 0);
                if (zygote && child_of(zygote, 0)) break;
            }
        pid = next;
    }
    if (pid <= 1 || __atomic_load_n(&k->ended, __ATOMIC_ACQUIRE)) return NULL;
    k->done = kill(pid, SIGKILL) == 0;
    return NULL;
}

// Where a slow machine ends the program before the thread has found whom to kill: once more, with
// more time. The program itself is endless.
static CageRecord run_and_kill(Cage *cage, const char *source, int depth) {
    for (int limit_ms = depth == 2 || depth == 3 ? 2500 : 20000;; limit_ms *= 4) {
        pthread_t thread;
        Kill k = {.depth = depth};
        assert_int_equal(pthread_create(&thread, NULL, kill_soon, &k), 0);
        CageRecord r = run_for(cage, CAGE_C, source, "", limit_ms);
        __atomic_store_n(&k.ended, true, __ATOMIC_RELEASE);
        pthread_join(thread, NULL);
        if (k.done) return r;
        if (limit_ms > 100000) fail_msg("nobody could be killed: %s", r.why);
        cage_record_free(&r);
    }
}

static void whoever_is_killed_nothing_is_left(void **state) {
    (void)state;
    const char *source = arena_printf(arena, "#define WAITS 1\n%s", daemon_source);
    static const char *const who[] = {"", "broker", "outer process", "zygote", "pid 1"};
    for (int user = 0; user < N_USERS; user++) {
        if (!has(user)) continue;
        for (int depth = 1; depth <= 4; depth++) {
            const CageOpts opts = opts_of(user);
            OPEN_OR_SKIP(cage, &opts);
            CageRecord r = run_and_kill(cage, source, depth);
            // The outer process and the zygote are not needed to go on to the end.
            if ((depth == 1 || depth == 4) && r.verdict != CAGE_SANDBOX_ERROR)
                fail_msg("%s: %s %s, %.0f ms", who[depth], cage_verdict_name(r.verdict), r.why,
                         r.wall_ms);
            assert_int_not_equal(r.verdict, CAGE_OK);
            cage_record_free(&r);
            if (depth != 1) {
                r = run(cage, CAGE_PYTHON, "print('good')", "");
                assert_string_equal(str_text(&r.out), "good\n");
                cage_record_free(&r);
                r = run(cage, CAGE_C, "int main(void) { return 0; }", ""); // may meet the dead one
                cage_record_free(&r);
            }
            if (!work_wait(no_process_left, "gx-bare"))
                fail_msg("after the %s was killed %d processes are left", who[depth],
                         count_named("gx-bare", NULL));
            cage_close(cage);
            if (!nothing_left()) fail_msg("after the %s was killed files are left", who[depth]);
        }
    }
}

// ---- set-up ------------------------------------------------------------------------------------

static void check_failing_calls(int user, CageLang lang, bool of_slot) {
    int n_refused = 0;
    for (int n = 1;; n++) {
        CageOpts opts = opts_of(user);
        opts.fail_slot = of_slot ? n : 0, opts.fail_run = of_slot ? 0 : n;
        static const char *const hello[CAGE_N_LANGS] = {
            "print('ran')", "#include <stdio.h>\nint main(void) { puts(\"ran\"); return 0; }\n",
            NULL, "echo ran\n", "console.log('ran')"};
        OPEN_OR_SKIP(cage, &opts);
        CageRecord r = run(cage, lang, hello[lang], "");
        bool ok = r.verdict == CAGE_OK;
        if (!ok && (r.verdict != CAGE_SANDBOX_ERROR || r.out.size || !r.why[0]))
            fail_msg("call %d failed and the verdict is %s: %s%s", n, cage_verdict_name(r.verdict),
                     r.why, str_text(&r.out));
        if (strstr(r.why, "landlock rule")) n += n > 24 ? 20 : 0; // one for each library
        n_refused += !ok;
        cage_record_free(&r);
        cage_close(cage);
        assert_true(nothing_left());
        if (ok) break;
        assert_true(n < 300);
    }
    print_message("%s of %s: %d calls, each refused in turn\n", of_slot ? "slot" : "program",
                  cage_lang_name(lang), n_refused);
    assert_true(n_refused >= (of_slot ? 12 : 30));
}

static void every_failing_setup_call_is_our_fault(void **state) {
    (void)state;
    for (int user = 0; user < N_USERS; user++) {
        if (!has(user)) continue;
        check_failing_calls(user, CAGE_SH, false);
        if (user == (geteuid() == 0 ? ROOT : PLAIN)) check_failing_calls(user, CAGE_PYTHON, true);
    }
}

static void without_the_word_or_landlock_there_is_no_cage(void **state) {
    (void)state;
    Cage *cage;
    CageOpts opts = {.without = CAGE_NAMESPACES};
    assert_int_equal(cage_open(&opts, &cage), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "--sandbox-allow-missing=ns"));
    assert_non_null(strstr(status_text(), "sysctl"));
    opts = bare_opts();
    opts.without |= CAGE_LANDLOCK;
    assert_int_equal(cage_open(&opts, &cage), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "Landlock"));
    unsigned layers;
    assert_ok(cage_allow_find("ns", &layers));
    assert_int_equal(layers, CAGE_NAMESPACES);
    assert_int_equal(cage_allow_find("seccomp", &layers), ST_CONFIG);
    assert_non_null(strstr(status_text(), "'ns'"));
}

static void where_there_are_namespaces_they_are_used(void **state) {
    (void)state;
    CageOpts opts = {0};
    OPEN_OR_SKIP(plain, &opts);
    unsigned layers = cage_machine(plain)->layers;
    cage_close(plain);
    opts.allow_missing = CAGE_NAMESPACES;
    OPEN_OR_SKIP(cage, &opts);
    assert_int_equal(cage_machine(cage)->layers, layers);
    cage_close(cage);
}

static void a_record_says_what_held(void **state) {
    (void)state;
    for (int user = 0; user < N_USERS; user++) {
        if (!has(user)) continue;
        const CageOpts opts = opts_of(user);
        OPEN_OR_SKIP(cage, &opts);
        CageRecord r = run(cage, CAGE_PYTHON, "print(1)", "");
        const unsigned must = CAGE_BARE_LAYERS | CAGE_CAPS | CAGE_NNP | CAGE_RLIMITS |
                              CAGE_LANDLOCK | CAGE_SECCOMP | CAGE_CLOCK | CAGE_OUTPUT;
        assert_int_equal(r.layers & must, must);
        assert_int_equal(r.layers & CAGE_NAMESPACES, 0);
        assert_int_equal((r.layers & CAGE_UID) != 0, user == ROOT);
        assert_int_equal(r.layers, cage_machine(cage)->layers);
        cage_record_free(&r);
        cage_close(cage);
    }
}

// ---- controls ----------------------------------------------------------------------------------

typedef struct BareControl {
    const char *layer;
    unsigned without;
    const char *source; // prints ESCAPED
    bool twice;
} BareControl;

static const BareControl controls[] = {
    {"scope", CAGE_SCOPE | CAGE_OWNPID | CAGE_UID,
     "int main(void) { puts(kill(getppid(), 0) == 0 ? \"ESCAPED\" : \"CONTAINED\"); }\n", false},
    {"ownpid", CAGE_OWNPID,
     "int main(void) { pid_t p = fork(); if (p == 0) for (;;) pause();\n"
     "    puts(kill(p, 0) == 0 ? \"ESCAPED\" : \"CONTAINED\"); }\n",
     false},
    {"wipe", CAGE_WIPE,
     "int main(void) { puts(open(\"gx\", O_RDONLY) >= 0 ? \"ESCAPED\" : \"CONTAINED\");\n"
     "    close(open(\"gx\", O_CREAT | O_WRONLY, 0644)); }\n",
     true},
    {"uid", CAGE_UID, "int main(void) { puts(getuid() == 0 ? \"ESCAPED\" : \"CONTAINED\"); }\n",
     false},
};

static bool gets_out(const CageOpts *opts, const char *source, bool twice) {
    Cage *cage = open_cage(opts);
    bool out = false;
    assert_non_null(cage);
    source = arena_printf(arena, "%s%s", C_HEAD, source);
    for (int i = 0; i <= twice; i++) {
        CageRecord r = run(cage, CAGE_C, source, "");
        if (r.verdict != CAGE_OK) fail_msg("%s %s", cage_verdict_name(r.verdict), r.why);
        out = strstr(str_text(&r.out), "ESCAPED") != NULL;
        assert_true(out || strstr(str_text(&r.out), "CONTAINED"));
        cage_record_free(&r);
    }
    cage_close(cage);
    return out;
}

static void with_a_layer_off_the_named_attack_escapes(void **state) {
    (void)state;
    const CageOpts whole = opts_of(PLAIN);
    OPEN_OR_SKIP(there, &whole);
    cage_close(there);
    for (int user = 0; user < N_USERS; user++)
        for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
            const BareControl *k = &controls[i];
            if (!has(user) || (user == PLAIN && strcmp(k->layer, "uid") == 0)) continue;
            CageOpts opts = opts_of(user);
            if (gets_out(&opts, k->source, k->twice)) fail_msg("%s: out of a whole cage", k->layer);
            opts.without |= k->without;
            if (!gets_out(&opts, k->source, k->twice))
                fail_msg("without %s it does not get out: the test sees nothing", k->layer);
        }
    // A folder that nobody wiped is found by the user's next broker.
    for (int user = 0; user < N_USERS; user++) {
        const CageOpts opts = opts_of(user);
        if (has(user)) cage_close(open_cage(&opts));
    }
    assert_true(nothing_left());
}

static void without_the_reaper_a_daemon_outlives_its_program(void **state) {
    (void)state;
    const char *source = arena_printf(arena, "#define WAITS 0\n%s", daemon_source);
    CageOpts opts = opts_of(geteuid() == 0 ? ROOT : PLAIN);
    pid_t left = 0;
    opts.without |= CAGE_REAP;
    OPEN_OR_SKIP(cage, &opts);
    CageRecord r = run(cage, CAGE_C, source, "");
    assert_int_equal(r.verdict, CAGE_OK);
    cage_record_free(&r);
    assert_true(work_wait(one_process_left, "gx-bare"));
    assert_int_equal(count_named("gx-bare", &left), 1);
    kill(left, SIGKILL);
    cage_close(cage);
}

// ---- beside each other -------------------------------------------------------------------------

static void two_cages_of_root_have_no_uid_in_common(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    const CageOpts opts = opts_of(ROOT);
    OPEN_OR_SKIP(a, &opts);
    OPEN_OR_SKIP(b, &opts);
    CageRecord ra = run(a, CAGE_PYTHON, "import os\nprint(os.getuid(), os.getgroups())", "");
    CageRecord rb = run(b, CAGE_PYTHON, "import os\nprint(os.getuid(), os.getgroups())", "");
    assert_string_not_equal(str_text(&ra.out), str_text(&rb.out));
    assert_non_null(strstr(str_text(&ra.out), " []"));
    assert_true(atoi(str_text(&ra.out)) >= 1000);
    cage_record_free(&ra), cage_record_free(&rb);
    cage_close(a), cage_close(b);
}

enum { SPANS = 6 };

typedef struct TimeSpan {
    Cage *cage;
    double begin, end;
} TimeSpan;

static void *span_run(void *arg) {
    TimeSpan *s = arg;
    CageRecord r = run(s->cage, CAGE_PYTHON,
                       "import time\nprint(time.monotonic())\ntime.sleep(.05)\n"
                       "print(time.monotonic())\n",
                       "");
    assert_int_equal(r.verdict, CAGE_OK);
    assert_int_equal(sscanf(str_text(&r.out), "%lf\n%lf", &s->begin, &s->end), 2);
    cage_record_free(&r);
    return NULL;
}

static void a_plain_users_programs_run_one_at_a_time(void **state) {
    (void)state;
    const CageOpts opts = opts_of(PLAIN);
    pthread_t thread[SPANS];
    TimeSpan span[2 * SPANS];
    int far[2];
    assert_int_equal(pipe(far), 0);
    pid_t other = fork(); // another process, with a cage of its own
    Cage *cage = open_cage(&opts);
    if (!cage) {
        if (other == 0) _exit(0);
        skip();
    }
    for (int i = 0; i < SPANS; i++) {
        span[i].cage = cage;
        assert_int_equal(pthread_create(&thread[i], NULL, span_run, &span[i]), 0);
    }
    for (int i = 0; i < SPANS; i++) pthread_join(thread[i], NULL);
    cage_close(cage);
    if (other == 0) _exit(write(far[1], span, sizeof span / 2) != sizeof span / 2);
    assert_int_equal(read(far[0], span + SPANS, sizeof span / 2), sizeof span / 2);
    waitpid(other, NULL, 0);
    close(far[0]), close(far[1]);
    for (int i = 0; i < 2 * SPANS; i++)
        for (int k = 0; k < i; k++)
            assert_true(span[i].end <= span[k].begin || span[k].end <= span[i].begin);
}

// As the judge does it: the program and what checks it.
static void a_thread_may_hold_two_talks_and_run_a_third(void **state) {
    (void)state;
    for (int user = 0; user < N_USERS; user++) {
        if (!has(user)) continue;
        const CageOpts opts = opts_of(user);
        OPEN_OR_SKIP(cage, &opts);
        static const char echo[] =
            "import os\nn = int.from_bytes(os.read(3, 4), 'little')\nb = os.read(3, n)\n"
            "os.write(4, n.to_bytes(4, 'little') + b[::-1])\n";
        CageFile file = {NULL, echo, strlen(echo)};
        CageJob job = {.lang = CAGE_PYTHON, .file = &file, .n_files = 1};
        CageTalk *a, *b;
        CageRecord r;
        Str said = {0};
        assert_ok(cage_talk_begin(cage, &job, &a));
        assert_ok(cage_talk_begin(cage, &job, &b));
        r = run(cage, CAGE_SH, "echo third", "");
        assert_string_equal(str_text(&r.out), "third\n");
        cage_record_free(&r);
        assert_ok(cage_talk_send(b, "abc", 3, 5000));
        assert_ok(cage_talk_recv(b, 100, 5000, &said));
        assert_string_equal(str_text(&said), "cba");
        str_free(&said);
        cage_talk_end(b, 5000, &r);
        assert_int_equal(r.verdict, CAGE_OK);
        cage_record_free(&r);
        cage_talk_end(a, 0, &r);
        cage_record_free(&r);
        cage_close(cage);
    }
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
    among_ourselves();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_new_for_each_program),
        cmocka_unit_test(a_folder_that_is_too_full_ends_its_program),
        cmocka_unit_test(what_a_program_leaves_running_is_ended),
        cmocka_unit_test(whoever_is_killed_nothing_is_left),
        cmocka_unit_test(every_failing_setup_call_is_our_fault),
        cmocka_unit_test(without_the_word_or_landlock_there_is_no_cage),
        cmocka_unit_test(where_there_are_namespaces_they_are_used),
        cmocka_unit_test(a_record_says_what_held),
        cmocka_unit_test(with_a_layer_off_the_named_attack_escapes),
        cmocka_unit_test(without_the_reaper_a_daemon_outlives_its_program),
        cmocka_unit_test(two_cages_of_root_have_no_uid_in_common),
        cmocka_unit_test(a_plain_users_programs_run_one_at_a_time),
        cmocka_unit_test(a_thread_may_hold_two_talks_and_run_a_third),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
