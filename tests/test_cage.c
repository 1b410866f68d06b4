// tests/test_cage.c -- programs in the cage: what comes back, and what never does.
#include "tests/test.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "sandbox/cage.h"
#include "tests/bare.h"

static Cage *cage;

static int open_one(void **state) {
    (void)state;
    const CageOpts opts = cage_opts();
    Status st = cage_open(&opts, &cage);
    if (st != ST_OK) print_message("no cage here: %s\n", status_text());
    return st == ST_OK ? 0 : -1;
}

static int close_one(void **state) {
    (void)state;
    cage_close(cage);
    return 0;
}

static CageRecord run(CageLang lang, const char *source, const char *input) {
    CageFile file = {NULL, source, strlen(source)};
    CageJob job = {.lang = lang, .file = &file, .n_files = 1, .input = input};
    job.input_bytes = input ? strlen(input) : 0;
    CageRecord r;
    cage_run(cage, &job, &r);
    return r;
}

static void a_python_program_reads_stdin_and_writes_stdout(void **state) {
    (void)state;
    CageRecord r = run(CAGE_PYTHON, "print(sum(map(int, input().split())))", "1 2 39\n");
    print_message("%s %s %s | %s | %.2f ms cpu %.2f ms wall %ld KiB layers %x\n",
                  cage_verdict_name(r.verdict), r.stage, r.why, str_text(&r.err), r.cpu_ms,
                  r.wall_ms, (long)r.peak_kb, r.layers);
    assert_int_equal(r.verdict, CAGE_OK);
    assert_string_equal(str_text(&r.out), "42\n");
    cage_record_free(&r);
}

static void a_c_program_compiles_and_runs(void **state) {
    (void)state;
    CageRecord r = run(
        CAGE_C,
        "#include <stdio.h>\nint main(void){int a,b;scanf(\"%d%d\",&a,&b);printf(\"%d\\n\",a+b);}",
        "40 2\n");
    print_message("%s %s %s | %s | %.2f ms cpu %.2f ms wall %ld KiB layers %x\n",
                  cage_verdict_name(r.verdict), r.stage, r.why, str_text(&r.err), r.cpu_ms,
                  r.wall_ms, (long)r.peak_kb, r.layers);
    assert_int_equal(r.verdict, CAGE_OK);
    assert_string_equal(str_text(&r.out), "42\n");
    cage_record_free(&r);
}

// What a C library does before and after main, by which our own start could be told from its.
static void a_compiled_program_starts_and_ends_as_elsewhere(void **state) {
    (void)state;
    static const char source[] =
        "#include <errno.h>\n#include <math.h>\n#include <pthread.h>\n#include <stdio.h>\n"
        "#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
        "static _Thread_local int own = 7;\n"
        "__attribute__((constructor)) static void first(int n, char **v, char **e) {\n"
        "    printf(\"first %d %s %d\\n\", n, v[0], *e != NULL); }\n"
        "__attribute__((destructor)) static void last(void) { puts(\"last\"); }\n"
        "static void bye(void) { puts(\"bye\"); }\n"
        "static void *other(void *arg) { own++; usleep(50000);\n"
        "    printf(\"other %d %d\\n\", own, *(int *)arg); return NULL; }\n"
        "int main(int argc, char **argv) {\n"
        "    pthread_t t; static int x = 5; size_t n = 50 << 20;\n"
        "    char *a = malloc(n), *b = malloc(n);\n"
        "    atexit(bye); memset(a, 1, n); memcpy(b, a, n); errno = 3;\n"
        "    printf(\"%d %s %s %d %d %.9f\\n\", argc, argv[0], strrchr(getenv(\"HOME\"), '/'), b[n "
        "- 1], own,\n"
        "           sin(argc) * exp(2.5));\n"
        "    printf(\"%d %ld %d\\n\", memcmp(a, b, n), sysconf(_SC_PAGESIZE),\n"
        "           sysconf(_SC_MINSIGSTKSZ) > 1000);\n"
        "    pthread_create(&t, NULL, other, &x); pthread_exit(NULL); }\n";
    CageRecord r = run(CAGE_C, source, NULL);
    assert_string_equal(str_text(&r.out), "first 1 /main 1\n1 /main /tmp 1 7 10.251215191\n"
                                          "0 4096 1\nother 8 5\nbye\nlast\n");
    assert_int_equal(r.verdict, CAGE_OK);
    cage_record_free(&r);
    r = run(
        CAGE_CPP,
        "#include <iostream>\n#include <stdexcept>\n#include <string>\n#include <thread>\n"
        "struct S { S() { std::cout << \"made \"; } ~S() { std::cout << \"gone\\n\"; } } s;\n"
        "int main() { std::string w; std::cin >> w; std::thread t([&] { w += '!'; }); t.join();\n"
        "    try { throw std::runtime_error(w); } catch (std::exception &e) {\n"
        "        std::cout << e.what() << ' '; } return 3; }\n",
        "hello\n");
    assert_string_equal(str_text(&r.out), "made hello! gone\n");
    assert_int_equal(r.verdict, CAGE_RUNTIME_ERROR);
    assert_int_equal(r.exit, 3);
    cage_record_free(&r);
}

static void count_signal(int number) {
    (void)number;
    _exit(77);
}

static void a_program_that_ends_while_it_is_told_is_no_end_of_ours(void **state) {
    (void)state;
    static char block[1 << 20];
    CageFile file = {NULL, "pass", 4};
    CageJob job = {.lang = CAGE_PYTHON, .file = &file, .n_files = 1};
    CageTalk *talk;
    CageRecord r;
    void (*before)(int) = signal(SIGPIPE, count_signal);
    assert_ok(cage_talk_begin(cage, &job, &talk));
    assert_int_equal(cage_talk_send(talk, block, sizeof block, 20000), ST_IO);
    assert_int_equal(cage_talk_send(talk, block, 1, 20000), ST_IO);
    cage_talk_end(talk, 5000, &r);
    assert_int_equal(r.verdict, CAGE_OK);
    cage_record_free(&r);
    signal(SIGPIPE, before);
}

static CageRecord run_js(const char *source, const char *data, int cpu_ms) {
    CageFile file[] = {{NULL, source, strlen(source)}, {"data.txt", data, strlen(data)}};
    CageJob job = {.lang = CAGE_JS,
                   .file = file,
                   .n_files = 2,
                   .input = "in",
                   .input_bytes = 2,
                   .limits = {.cpu_ms = cpu_ms, .wall_ms = 30000}};
    CageRecord r;
    cage_run(cage, &job, &r);
    return r;
}

// The second finds a node that has waited, by its age; nothing else tells it, and nothing is left.
static void a_node_that_waited_is_as_new_as_another(void **state) {
    (void)state;
    static const char source[] =
        "const fs = require('fs');\n"
        "console.log(process.argv[1].slice(-12), process.execArgv.length, require.main === "
        "module,\n"
        "  fs.readFileSync('data.txt', 'utf8'), fs.readFileSync('/dev/stdin', 'utf8'), "
        "fs.readdirSync('.').join(),\n"
        "  Object.keys(require.cache).length, globalThis.x);\n"
        "globalThis.x = 1; fs.writeFileSync('left.txt', 'left');\n"
        "console.error(process.uptime() > 0.5 ? 'waited' : 'new'); process.exit(3);\n";
    CageRecord r = run_js(source, "one", 8000);
    if (r.verdict == CAGE_SANDBOX_ERROR && strstr(r.why, "no node")) {
        print_message("skipped: %s\n", r.why);
        cage_record_free(&r);
        return;
    }
    static const char *const data[] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++) {
        char want[128];
        snprintf(want, sizeof want, "/tmp/main.js 1 true %s in data.txt,main.js 1 undefined\n",
                 data[i]);
        assert_string_equal(str_text(&r.out), want);
        assert_int_equal(r.exit, 3);
        if (i == 1) assert_string_equal(str_text(&r.err), "waited\n");
        cage_record_free(&r);
        if (i == 2) break;
        if (i == 0) usleep(1000000);
        r = run_js(source, data[i + 1],
                   i == 0 ? 8000 : 7000); // other limits: not for the one that waits
    }
    r = run_js("while (true);", "", 300);
    assert_int_equal(r.verdict, CAGE_TIME_LIMIT);
    cage_record_free(&r);
    r = run(CAGE_JS,
            "const w = require('worker_threads');\n"
            "if (w.isMainThread) new w.Worker(__filename).on('exit', () => console.log('end'));\n"
            "else console.log('worker');\n",
            NULL);
    assert_string_equal(str_text(&r.out), "worker\nend\n");
    cage_record_free(&r);
    r = run_js("const fs = require('fs'), lines = require('readline');\n"
               "lines.createInterface({input: fs.createReadStream('/dev/stdin')})\n"
               "  .on('line', l => fs.writeFileSync('/dev/stdout', 'read ' + l));\n",
               "", 8000);
    assert_string_equal(str_text(&r.out), "read in");
    cage_record_free(&r);
}

// Turn by turn, so that a lane which served both would be found at once; compilers too, since what
// one compiled must not be the other's.
static void a_judge_never_runs_where_a_candidate_does(void **state) {
    (void)state;
    static const char python[] = "print(1)", c[] = "int main(void) { return 0; }";
    enum { TURNS = 24 };
    uint32_t slot[CAGE_N_ROLES][TURNS];
    CageCounts before, after;
    cage_counts(cage, &before);
    for (int i = 0; i < TURNS; i++) {
        for (int role = 0; role < CAGE_N_ROLES; role++) {
            CageLang lang = i % 4 == 3 ? CAGE_C : CAGE_PYTHON;
            CageFile file = {NULL, lang == CAGE_C ? c : python, 0};
            file.size = strlen(file.data);
            CageJob job = {.lang = lang, .role = (CageRole)role, .file = &file, .n_files = 1};
            CageRecord r;
            cage_run(cage, &job, &r);
            assert_int_equal(r.verdict, CAGE_OK);
            assert_true(r.slot > 0);
            slot[role][i] = r.slot;
            cage_record_free(&r);
        }
    }
    for (int i = 0; i < TURNS; i++)
        for (int k = 0; k < TURNS; k++)
            assert_int_not_equal(slot[CAGE_CANDIDATE][i], slot[CAGE_JUDGE][k]);
    assert_int_equal(slot[CAGE_JUDGE][0], slot[CAGE_JUDGE][1]); // and stays warm
    cage_counts(cage, &after);
    assert_int_equal(after.role[CAGE_JUDGE] - before.role[CAGE_JUDGE], TURNS);
    assert_int_equal(after.role[CAGE_CANDIDATE] - before.role[CAGE_CANDIDATE], TURNS);
    assert_int_equal(after.compiles - before.compiles, 2); // the same source, once for each
}

// A program's hashes and random numbers are a function of the job's seed.
static void seeds_decide_hashes_and_random_numbers(void **state) {
    (void)state;
    static const char source[] =
        "import random\nprint(hash('a'), list({'x', 'y', 'zz', 'w'}), random.random())";
    const CageFile file = {NULL, source, sizeof source - 1};
    enum { SEEDS = 8 };
    char said[SEEDS][200];
    int n_other = 0;
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < SEEDS; i++) {
            CageJob job = {.lang = CAGE_PYTHON, .file = &file, .n_files = 1, .seed = (uint64_t)i};
            CageRecord r;
            cage_run(cage, &job, &r);
            assert_int_equal(r.verdict, CAGE_OK);
            if (turn)
                assert_string_equal(said[i], str_text(&r.out));
            else
                snprintf(said[i], sizeof said[i], "%s", str_text(&r.out));
            cage_record_free(&r);
        }
    }
    for (int i = 1; i < SEEDS; i++)
        n_other += strtoll(said[i], NULL, 10) != strtoll(said[0], NULL, 10);
    assert_true(n_other >= 2);
    for (int i = 1; i < SEEDS; i++) assert_string_not_equal(said[i], said[i - 1]);
}

// A compiler's time is the program's: twice the wall time is for both.
static void a_source_does_not_keep_a_compiler_busy(void **state) {
    (void)state;
    static const char source[] = "#include __FILE__\n#include __FILE__\nint main(void) {}\n";
    const CageFile file = {NULL, source, sizeof source - 1};
    CageJob job = {
        .lang = CAGE_C, .file = &file, .n_files = 1, .limits = {.cpu_ms = 500, .wall_ms = 1000}};
    CageRecord r;
    cage_run(cage, &job, &r);
    assert_int_equal(r.verdict, CAGE_TIME_LIMIT);
    assert_string_equal(r.stage, "compile");
    cage_record_free(&r);
}

int main(int argc, char **argv) {
    cage_main(argc, argv);
    if (is_bare()) among_ourselves();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_python_program_reads_stdin_and_writes_stdout),
        cmocka_unit_test(a_c_program_compiles_and_runs),
        cmocka_unit_test(a_compiled_program_starts_and_ends_as_elsewhere),
        cmocka_unit_test(a_node_that_waited_is_as_new_as_another),
        cmocka_unit_test(a_program_that_ends_while_it_is_told_is_no_end_of_ours),
        cmocka_unit_test(seeds_decide_hashes_and_random_numbers),
        cmocka_unit_test(a_source_does_not_keep_a_compiler_busy),
        cmocka_unit_test(a_judge_never_runs_where_a_candidate_does),
    };
    return cmocka_run_group_tests(tests, open_one, close_one);
}
