// tests/test_cage.c -- programs in the cage: what comes back, and what never does.
#include "tests/test.h"

#include <stdlib.h>

#include "sandbox/cage.h"

static Cage *cage;

static int open_one(void **state) {
    (void)state;
    Status st = cage_open(NULL, &cage);
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

int main(int argc, char **argv) {
    cage_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_python_program_reads_stdin_and_writes_stdout),
        cmocka_unit_test(a_c_program_compiles_and_runs),
    };
    return cmocka_run_group_tests(tests, open_one, close_one);
}
