// tests/test_verify_bounds.c -- one hostile answer, one process: its work and memory from outside.
//
// tests/golden/math/hostile.jsonl was written for this test: a name, the gold, the expected result
// (true, false, or null for anything), and the answer as pieces with their counts. Where SHARED
// names a folder with the labelled cases of peers, cases/math_adversarial.jsonl is asked too. The
// work is the processor time of the whole process in units of tests/work.h, less that of a process
// which judges a short answer.
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/test.h"
#include "tests/work.h"

enum { MOST_UNITS = 75, PEAK_MIB = 64, TRIES = 5, LONGEST = 1500000 };

// Sanitizers take ten times the memory: there only the verdicts are checked.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BOUNDED 0
#else
#define BOUNDED 1
#endif

typedef struct Cost {
    double units, peak_mib;
} Cost;

static char grpo[PATH_MAX], folder[] = "/tmp/bounds.XXXXXX", in_path[64], out_path[64];

static double seconds_of(struct timeval t) {
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

// Runs the program on the one line of in_path; its answer goes to out_path.
static Cost ask(void) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int out = open(out_path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
        if (out >= 0 && dup2(out, 1) == 1)
            execl(grpo, "grpo", "verify", "--in", in_path, "-q", (char *)NULL);
        _exit(127);
    }
    int status;
    struct rusage used;
    while (wait4(pid, &status, 0, &used) < 0) assert_int_equal(errno, EINTR);
    Cost cost = {.units =
                     (seconds_of(used.ru_utime) + seconds_of(used.ru_stime)) / work_unit(false),
                 .peak_mib = (double)used.ru_maxrss / 1024};
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the program ended with status %d", status);
    return cost;
}

static const char *verdict_of_answer(Arena *arena) {
    char *text;
    size_t size;
    JsonDoc *doc;
    assert_ok(file_read(out_path, &text, &size, arena));
    assert_ok(json_parse(text, size, out_path, 1, false, &doc));
    const char *verdict =
        arena_printf(arena, "%s", json_text(json_get(json_root(doc), "verdict"), ""));
    json_free(doc);
    return verdict;
}

typedef struct BoundsTally {
    int rows;
    Cost worst;
} BoundsTally;

static void write_row(const char *gold, const char *pred, size_t size) {
    Str line = {0};
    str_puts(&line, "{\"task\":\"math\",\"gold\":");
    str_json(&line, gold, strlen(gold));
    str_puts(&line, ",\"pred\":");
    str_json(&line, pred, size);
    str_puts(&line, "}\n");
    assert_ok(file_write_atomic(in_path, str_text(&line), line.size));
    str_free(&line);
}

// A process that starts, judges a short answer and ends.
static double units_of_short_answer(void) {
    static double least;
    if (least > 0) return least;
    write_row("5", "6", 1);
    least = 1e9;
    for (int i = 0; i < TRIES; i++) {
        const double units = ask().units;
        if (units < least) least = units;
    }
    return least;
}

static void ask_row(const char *name, const char *gold, const char *pred, size_t size,
                    const Json *expect, BoundsTally *tally) {
    Arena *arena = arena_new(4096);
    const double start = units_of_short_answer();
    write_row(gold, pred, size);
    Cost best = {1e9, 1e9};
    for (int i = 0; i < TRIES; i++) {
        Cost c = ask();
        c.units -= start;
        if (c.units > MOST_UNITS) c.units *= work_unit(false) / work_unit(true);
        if (c.units < best.units) best.units = c.units;
        if (c.peak_mib < best.peak_mib) best.peak_mib = c.peak_mib;
        if (best.units <= MOST_UNITS || !BOUNDED) break;
    }
    const char *verdict = verdict_of_answer(arena);
    if (json_kind(expect) == JSON_BOOL) {
        const char *want = json_bool(expect, false) ? "right" : "wrong";
        if (strcmp(verdict, want) != 0) fail_msg("%s: %s, not %s", name, verdict, want);
    }
    arena_free(arena);
    tally->rows++;
    if (!BOUNDED) return;
    if (best.units > MOST_UNITS) fail_msg("%s: %.0f units of work", name, best.units);
    if (best.peak_mib > PEAK_MIB) fail_msg("%s: %.0f MiB", name, best.peak_mib);
    if (best.units > tally->worst.units) tally->worst.units = best.units;
    if (best.peak_mib > tally->worst.peak_mib) tally->worst.peak_mib = best.peak_mib;
}

static void put_pieces(const Json *pieces, Str *out) {
    for (const Json *p = json_first(pieces); p; p = json_next(p)) {
        const Json *text = json_kind(p) == JSON_ARRAY ? json_first(p) : json_get(p, "s");
        const Json *count = json_kind(p) == JSON_ARRAY ? json_next(text) : json_get(p, "n");
        for (int64_t i = json_int(count, 1); i > 0; i--)
            str_add(out, json_text(text, ""), json_text_size(text));
    }
}

static void ask_file(const char *path, BoundsTally *tally) {
    Arena *arena = arena_new(1 << 16);
    char *text;
    size_t size;
    assert_ok(file_read(path, &text, &size, arena));
    for (char *at = text; *at;) {
        char *end = strchrnul(at, '\n');
        JsonDoc *doc;
        assert_ok(json_parse(at, (size_t)(end - at), path, 1, false, &doc));
        const Json *row = json_root(doc), *pieces = json_get(row, "pieces");
        if (!pieces) pieces = json_get(json_get(row, "pred_gen"), "concat");
        Str pred = {0};
        if (pieces)
            put_pieces(pieces, &pred);
        else if (json_get(row, "pred"))
            str_add(&pred, json_text(json_get(row, "pred"), ""),
                    json_text_size(json_get(row, "pred")));
        assert_true(pred.size <= LONGEST + 100);
        if (pieces || json_get(row, "pred")) // rows of raw bytes cannot be written in JSON
            ask_row(json_text(json_get(row, "name"), "?"), json_text(json_get(row, "gold"), ""),
                    str_text(&pred), pred.size, json_get(row, "expect"), tally);
        str_free(&pred);
        json_free(doc);
        at = *end ? end + 1 : end;
    }
    arena_free(arena);
    print_message("%d rows: at most %.1f units of work, %.1f MiB\n", tally->rows,
                  tally->worst.units, tally->worst.peak_mib);
}

static void a_hostile_answer_costs_little_from_outside(void **state) {
    (void)state;
    BoundsTally tally = {0};
    ask_file("tests/golden/math/hostile.jsonl", &tally);
    assert_true(tally.rows >= 100);
}

static void peers_hostile_answers_cost_little(void **state) {
    (void)state;
    const char *shared = getenv("SHARED");
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/cases/math_adversarial.jsonl", shared ? shared : "");
    if (!shared || access(path, R_OK) != 0) {
        print_message("no SHARED: the cases of peers are not asked\n");
        skip();
    }
    BoundsTally tally = {0};
    ask_file(path, &tally);
}

int main(int argc, char **argv) {
    (void)argc, (void)argv;
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0 || !mkdtemp(folder)) return 1;
    self[n] = 0;
    snprintf(grpo, sizeof grpo, "%.4000s/../grpo", dirname(self));
    snprintf(in_path, sizeof in_path, "%s/in.jsonl", folder);
    snprintf(out_path, sizeof out_path, "%s/out.jsonl", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hostile_answer_costs_little_from_outside),
        cmocka_unit_test(peers_hostile_answers_cost_little),
    };
    int failed = cmocka_run_group_tests_name("verify, from outside", tests, NULL, NULL);
    unlink(in_path);
    unlink(out_path);
    rmdir(folder);
    return failed;
}
