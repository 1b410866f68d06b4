// tests/test_code_cheats.c -- verifiers/code: programs that want to be right without being it.
//
// tests/golden/code/cheats.txt holds them, one below each line '### what it does'. Each is judged
// in every form of task; none is right, none gets a part of a point, and none turns its judgement
// into an error, which would save it from a zero.
#include "verifiers/code/code.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/file.h"
#include "tests/code_cage.h"
#include "tests/test.h"

// What add(a, b) should do; the io forms read "a b". Their numbers are no lucky guesses.
static const char *const form[] = {
    "\"entry\":\"add\",\"calls\":[{\"args\":[2,3],\"want\":5},{\"args\":[1000,-4],\"want\":996}]",
    "\"entry_point\":\"add\",\"tests\":[\"assert add(2, 3) == 5\",\"assert add(70, 1) in [71]\","
    "\"assert isinstance(add(1, 2), int) and add(1, 2) - 3 == 0\","
    "\"x = add(20, 22)\\nassert not x != 42 and x < 43 and x > 41\","
    "\"assert abs(add(1, 7) - 8) < 1e-6\",\"assert [add(4, 5)] == [9] and {add(4, 5): 1} == {9: "
    "1}\"]",
    "\"entry_point\":\"add\",\"prompt\":\"def add(a, b):\\n    \\\"\\\"\\\" add \\\"\\\"\\\"\\n\","
    "\"test\":\"def check(candidate):\\n    assert candidate(2, 3) == 5\\n"
    "    assert abs(candidate(1, 7) - 8) < 1e-6\\n\"",
    "\"tests\":[{\"input\":\"2 3\\n\",\"output\":\"5\\n6\\n\"},"
    "{\"input\":\"7 7\\n\",\"output\":\"14\\n49\\n\"}]",
    "\"input_output\":\"{\\\"inputs\\\":[\\\"2 3\\\\n\\\"],\\\"outputs\\\":[\\\"5 6\\\"]}\"",
    "\"tests\":[{\"input\":\"2 3\\n\",\"output\":\"5\\n6\\n\"}],\"checker\":\"import sys\\n"
    "want = open(sys.argv[2]).read().split()\\ngot = open(sys.argv[3]).read().split()\\n"
    "print(1 if want == got else 0)\\n\"",
};
enum { N_FORMS = sizeof form / sizeof *form, MOST = 256 };

static const char *const score[] = {"fraction", "weighted", "binary"};

typedef struct Cheat {
    char *name, *text;
} Cheat;

static Cheat cheats[MOST];
static int n_cheats, next_job, n_bad, n_judged;
static bool honest_ones; // then "bad" is what was hoped for
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void judge_one(const Cheat *cheat, int f, const char *how) {
    Str line = {0};
    JsonDoc *doc;
    str_printf(&line,
               "{\"extract\":\"bare\",\"cpu_ms\":%d,\"wall_ms\":%d,\"score\":\"%s\",%s,"
               "\"pred\":",
               honest_ones ? 20000 : 1500, honest_ones ? 60000 : 5000, how, form[f]);
    str_json(&line, cheat->text, strlen(cheat->text));
    str_putc(&line, '}');
    CHECK(json_parse(line.data, line.size, "cheat", 1, false, &doc) == ST_OK);
    const Json *row = json_root(doc), *pred = json_get(row, "pred");
    JudgeInput in = {.text = json_text(pred, ""),
                     .size = json_text_size(pred),
                     .finished = true,
                     .prompt = json_text(json_get(row, "prompt"), NULL),
                     .extract = "bare",
                     .task = row};
    Judgement j = code_judge(&in);
    pthread_mutex_lock(&lock);
    n_judged++;
    if (j.verdict != VERDICT_WRONG || j.score > 0) {
        if (!honest_ones)
            print_error("%s, form %d, %s: %s %g (%s; %s)\n", cheat->name, f, how,
                        verdict_name(j.verdict), j.score, j.reason, j.note);
        n_bad++;
    }
    pthread_mutex_unlock(&lock);
    json_free(doc);
    str_free(&line);
}

static void *work(void *unused) {
    for (;;) {
        pthread_mutex_lock(&lock);
        int i = next_job++;
        pthread_mutex_unlock(&lock);
        if (i >= n_cheats * N_FORMS) return unused;
        // A fraction above zero is the easiest to get; the others alternate.
        judge_one(&cheats[i / N_FORMS], i % N_FORMS, score[0]);
        if (i % 7 == 0) judge_one(&cheats[i / N_FORMS], i % N_FORMS, score[1 + i % 2]);
    }
}

static void no_cheat_is_rewarded_in_any_form(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 16);
    char *text;
    const char *only = getenv("CHEAT"); // part of a name, to try one by hand
    assert_ok(file_read("tests/golden/code/cheats.txt", &text, NULL, arena));
    for (char *at = strstr(text, "### "); at; at = strstr(at, "\n### ")) {
        Cheat *c = &cheats[n_cheats];
        c->name = at + (at == text ? 4 : 5);
        c->text = strchr(c->name, '\n');
        if (at > text) *at = 0;
        assert_non_null(c->text);
        *c->text++ = 0;
        at = c->text;
        n_cheats += !only || strstr(c->name, only);
        assert_true(n_cheats < MOST);
    }
    assert_true(n_cheats >= 40 || only);
    pthread_t thread[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&thread[i], NULL, work, NULL), 0);
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    arena_free(arena);
    print_message("%d programs, %d judgements\n", n_cheats, n_judged);
    assert_int_equal(n_bad, 0);
}

// The same tasks are solvable: an honest program gets all of each.
static void an_honest_program_is_right_in_every_form(void **state) {
    (void)state;
    static char text[] = "def add(a, b):\n    return a + b\n"
                         "import sys\nt = sys.stdin.read().split()\n"
                         "if len(t) == 2:\n    print(add(*map(int, t)))\n"
                         "    print(int(t[0]) * int(t[1]))\n",
                row[] = "def add(a, b):\n    return a + b\n"
                        "import sys\nt = sys.stdin.read().split()\n"
                        "if len(t) == 2: print(add(*map(int, t)), int(t[0]) * int(t[1]))\n";
    n_bad = n_judged = 0;
    honest_ones = true;
    for (int f = 0; f < N_FORMS; f++) {
        Cheat honest = {"honest", f == 4 ? row : text};
        judge_one(&honest, f, "binary");
    }
    assert_int_equal(n_bad, N_FORMS);
}

int main(int argc, char **argv) {
    cage_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cheat_is_rewarded_in_any_form),
        cmocka_unit_test(an_honest_program_is_right_in_every_form),
    };
    return cmocka_run_group_tests(tests, open_cage, close_cage);
}
