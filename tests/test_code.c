// tests/test_code.c -- verifiers/code: verdicts of programs, honest and other, in the real cage.
#include "verifiers/code/code.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/rng.h"
#include "tests/code_cage.h"
#include "tests/test.h"

static Judgement judge_row(const Json *row) {
    const Json *pred = json_get(row, "pred");
    JudgeInput in = {.text = json_text(pred, ""),
                     .size = json_text_size(pred),
                     .finished = json_bool(json_get(row, "finished"), true),
                     .prompt = json_text(json_get(row, "prompt"), NULL),
                     .extract = json_text(json_get(row, "extract"), NULL),
                     .task = row};
    return code_judge(&in);
}

// ---- every line of a file of cases: {..., "pred", "verdict", "points"}

typedef struct Cases {
    char **line;
    int n, next, bad;
    pthread_mutex_t lock;
} Cases;

static CageMachine machine; // its languages

static void judge_case(Cases *c, const char *line) {
    JsonDoc *doc;
    CHECK(json_parse(line, strlen(line), "case", 1, false, &doc) == ST_OK);
    const Json *row = json_root(doc);
    CageLang lang = CAGE_PYTHON;
    (void)cage_lang_find(json_text(json_get(row, "lang"), "python"), &lang);
    if (!machine.lang[lang]) {
        print_message("skipped: %s: no %s here\n", json_text(json_get(row, "id"), "?"),
                      cage_lang_name(lang));
        json_free(doc);
        return;
    }
    Judgement j = judge_row(row);
    const char *want = json_text(json_get(row, "verdict"), "");
    double points = json_num(json_get(row, "points"), j.score);
    if (strcmp(verdict_name(j.verdict), want) != 0 || fabs(points - j.score) > 1e-9) {
        pthread_mutex_lock(&c->lock);
        c->bad++;
        print_error("%s: %s (%s %s) %g, wanted %s\n", json_text(json_get(row, "id"), "?"),
                    verdict_name(j.verdict), j.reason, j.note, j.score, want);
        pthread_mutex_unlock(&c->lock);
    }
    json_free(doc);
}

static void *work(void *arg) {
    Cases *c = arg;
    for (;;) {
        pthread_mutex_lock(&c->lock);
        int i = c->next < c->n ? c->next++ : -1;
        pthread_mutex_unlock(&c->lock);
        if (i < 0) return NULL;
        judge_case(c, c->line[i]);
    }
}

static void judge_file(const char *path, int at_least) {
    if (!machine.lang[CAGE_PYTHON]) assert_ok(cage_probe(NULL, &machine));
    Arena *arena = arena_new(1 << 16);
    char *text, *rest;
    assert_ok(file_read(path, &text, NULL, arena));
    Cases c = {.line = ARENA_ARRAY(arena, char *, 4096), .lock = PTHREAD_MUTEX_INITIALIZER};
    rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;)
        if (*line) c.line[c.n++] = line;
    pthread_t thread[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&thread[i], NULL, work, &c), 0);
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    assert_true(c.n >= at_least);
    assert_int_equal(c.bad, 0);
    arena_free(arena);
}

static void the_cases_get_their_verdicts_on_four_threads(void **state) {
    (void)state;
    judge_file("tests/golden/code/cases.jsonl", 150);
}

static void what_can_be_called_is_called_and_else_the_key_is_named(void **state) {
    (void)state;
    judge_file("tests/golden/code/calls.jsonl", 70);
}

static void input_is_a_file_and_nothing_of_the_host_is_seen(void **state) {
    (void)state;
    judge_file("tests/golden/code/seen.jsonl", 14);
}

static void of_several_blocks_the_program_is_found(void **state) {
    (void)state;
    judge_file("tests/golden/code/blocks.jsonl", 60);
}

static void no_text_of_a_program_writes_a_verdict_or_makes_an_error(void **state) {
    (void)state;
    judge_file("tests/golden/code/evaluated.jsonl", 110);
}

// ---- programs that cheat: none is right, none gets a point

static const char *const disguise[] = {
    "\"entry\":\"add\",\"calls\":[{\"args\":[2,3],\"want\":5},{\"args\":[1000,-4],\"want\":996}]",
    "\"entry_point\":\"add\",\"tests\":[\"assert add(2, 3) == 5\",\"assert add(70, 1) in [71]\"]",
    "\"entry_point\":\"add\",\"prompt\":\"def add(a, b):\\n    \\\"\\\"\\\" add "
    "\\\"\\\"\\\"\\n\",\"test\":"
    "\"def check(candidate):\\n    assert candidate(2, 3) == 5\\n    assert abs(candidate(1, 7) - "
    "8) < 1e-6\\n\"",
    "\"tests\":[{\"input\":\"2 3\\n\",\"output\":\"5\\n\"},{\"input\":\"7 "
    "7\\n\",\"output\":\"14\\n\"}]",
    "\"tests\":[{\"input\":\"2 3\\n\",\"output\":\"5\\n6\\n\"},{\"input\":\"7 "
    "7\\n\",\"output\":\"14\\n49\\n\"}]",
};

static int judge_cheat(const char *name, const char *program, size_t size) {
    int bad = 0;
    for (size_t d = 0; d < sizeof disguise / sizeof *disguise; d++) {
        if (d == 3 && strstr(program, "stdio:sumprod")) continue; // half of its task is all of this
        Str line = {0};
        JsonDoc *doc;
        str_printf(&line,
                   "{\"extract\":\"bare\",\"cpu_ms\":1000,\"wall_ms\":3000,\"score\":\"%s\",%s,"
                   "\"pred\":",
                   d % 2 ? "fraction" : "weighted", disguise[d]);
        str_json(&line, program, size);
        str_putc(&line, '}');
        assert_ok(json_parse(line.data, line.size, name, 1, false, &doc));
        Judgement j = judge_row(json_root(doc));
        // v14 may take pid 1 of its own namespace down: then there is no verdict, and no point.
        if (j.verdict == VERDICT_RIGHT || j.score > 0 ||
            (j.verdict == VERDICT_ERROR && strncmp(name, "v14", 3) != 0)) {
            print_error("%s, form %zu: %s %g (%s %s)\n", name, d, verdict_name(j.verdict), j.score,
                        j.reason, j.note);
            bad++;
        }
        json_free(doc);
        str_free(&line);
    }
    return bad;
}

static void no_cheating_program_gets_a_point(void **state) {
    (void)state;
    static const char folder[] = "../shared/cases/sandbox_attacks";
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("skipped: %s is not here\n", folder);
        skip();
    }
    Arena *arena = arena_new(1 << 16);
    int bad = 0, n = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        size_t len = strlen(e->d_name), size;
        char *text;
        if (e->d_name[0] != 'v' || len < 3 || strcmp(e->d_name + len - 3, ".py") != 0) continue;
        assert_ok(file_read(arena_printf(arena, "%s/%s", folder, e->d_name), &text, &size, arena));
        bad += judge_cheat(e->d_name, text, size);
        n++;
    }
    closedir(dir);
    arena_free(arena);
    assert_true(n > 0);
    assert_int_equal(bad, 0);
}

// ---- what was expected is nowhere in the program's cage

// Looks for a text that begins with CANARY in every object, frame, file, variable and argument, and
// answers it. The text itself is not in the program.
static const char spy[] =
    "import gc, os, sys\n"
    "def hunt():\n"
    "    mark, seen = 'CAN' + 'ARY', []\n"
    "    def look(x):\n"
    "        if isinstance(x, bytes): x = x.decode('latin-1')\n"
    "        if isinstance(x, str) and mark in x: seen.append(x[x.index(mark):][:11])\n"
    "    for o in gc.get_objects():\n"
    "        for r in gc.get_referents(o):\n"
    "            look(r)\n"
    "    f = sys._getframe()\n"
    "    while f:\n"
    "        for v in list(f.f_locals.values()) + list(f.f_code.co_consts): look(v)\n"
    "        f = f.f_back\n"
    "    for x in list(os.environ.items()) + sys.argv: look(str(x))\n"
    "    for root in ('.', '/tmp', '/proc/self', '/dev/shm', '/'):\n"
    "        try: names = os.listdir(root)\n"
    "        except OSError: continue\n"
    "        for name in names:\n"
    "            try: look(open(os.path.join(root, name), 'rb').read(1 << 20))\n"
    "            except (OSError, ValueError): pass\n"
    "    try:\n"
    "        for line in open('/proc/self/maps'):\n"
    "            a, b = (int(x, 16) for x in line.split()[0].split('-'))\n"
    "            with open('/proc/self/mem', 'rb') as m:\n"
    "                m.seek(a)\n"
    "                look(m.read(min(b - a, 1 << 24)))\n"
    "    except (OSError, ValueError): pass\n"
    "    return seen[0] if seen else 'nothing'\n"
    "def add(*a): return hunt()\n";

static Verdict spy_on(const char *task) {
    Str line = {0};
    JsonDoc *doc;
    str_printf(&line, "{\"extract\":\"bare\",%s,\"pred\":", task);
    Str text = {0};
    str_puts(&text, spy);
    if (strstr(task, "\"input\"")) str_puts(&text, "line = input()\nprint(hunt())\n");
    str_json(&line, text.data, text.size);
    str_putc(&line, '}');
    assert_ok(json_parse(line.data, line.size, "spy", 1, false, &doc));
    Judgement j = judge_row(json_root(doc));
    if (j.verdict == VERDICT_ERROR) print_error("%s: %s %s\n", task, j.reason, j.note);
    json_free(doc);
    str_free(&line);
    str_free(&text);
    return j.verdict;
}

static void expected_outputs_never_enter_the_cage(void **state) {
    (void)state;
    static const char *const hidden[] = {
        "\"entry\":\"add\",\"calls\":[{\"args\":[1],\"want\":\"CANARY-7f3a\"}]",
        "\"entry_point\":\"add\",\"tests\":[\"assert add(1) == 'CANARY-7f3a'\"]",
        "\"entry_point\":\"add\",\"test\":\"def check(c):\\n    assert c(1) == 'CANARY-7f3a'\\n\"",
        "\"tests\":[{\"input\":\"1\\n\",\"output\":\"CANARY-7f3a\\n\"}]",
    };
    // The same texts as inputs are found: the spy sees what there is.
    static const char *const shown[] = {
        "\"entry\":\"add\",\"calls\":[{\"args\":[\"CANARY-7f3a\"],\"want\":\"CANARY-7f3a\"}]",
        "\"entry_point\":\"add\",\"tests\":[\"assert add('CANARY-7f3a') == 'CANARY-7f3a'\"]",
        ("\"entry_point\":\"add\",\"test\":\"def check(c):\\n  x='CANARY-7f3a'\\n  assert "
         "c(x)==x\\n\""),
        "\"tests\":[{\"input\":\"CANARY-7f3a\\n\",\"output\":\"CANARY-7f3a\\n\"}]",
    };
    for (int i = 0; i < 4; i++) {
        assert_int_equal(spy_on(hidden[i]), VERDICT_WRONG);
        assert_int_equal(spy_on(shown[i]), VERDICT_RIGHT);
    }
}

// A checker, a test's own text: programs in a slot where no candidate runs. The harness that both
// ends run is compiled there as well.
static void what_judges_runs_in_slots_of_judges(void **state) {
    (void)state;
    static const struct {
        const char *task, *pred;
        int n_judges;
    } form[] = {
        {"\"tests\":[{\"input\":\"1\",\"output\":\"1\"}],\"checker\":\"print(1)\"",
         "print(input())", 1},
        {"\"entry_point\":\"add\",\"tests\":[\"assert add(1) == 1\"]", "def add(a): return a", 1},
        {"\"entry_point\":\"add\",\"prompt\":\"\",\"test\":\"def check(c):\\n    assert c(1) == "
         "1\"",
         "def add(a): return a", 1},
        {"\"entry\":\"add\",\"calls\":[{\"args\":[1],\"want\":1}]", "def add(a): return a", 0},
        {"\"tests\":[{\"input\":\"1\",\"output\":\"1\"}]", "print(input())", 0},
    };
    code_close(); // a new cage: the harness is compiled again
    assert_ok(code_ready());
    for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
        CageCounts before, after;
        JsonDoc *doc;
        Str line = {0};
        str_printf(&line, "{\"extract\":\"bare\",%s,\"pred\":\"%s\"}", form[i].task, form[i].pred);
        assert_ok(json_parse(line.data, line.size, "row", 1, false, &doc));
        cage_counts(code_cage(), &before);
        Judgement j = judge_row(json_root(doc));
        cage_counts(code_cage(), &after);
        assert_int_equal(j.verdict, VERDICT_RIGHT);
        int compiled = i == 1 ? 2 : 0; // both ends, for the first that has a use for them
        assert_int_equal(after.role[CAGE_CANDIDATE] - before.role[CAGE_CANDIDATE], 1);
        assert_int_equal(after.role[CAGE_JUDGE] - before.role[CAGE_JUDGE],
                         form[i].n_judges + compiled);
        json_free(doc);
        str_free(&line);
    }
}

// ---- faults, groups

static void a_fault_of_the_sandbox_is_an_error_and_no_zero(void **state) {
    (void)state;
    code_close();
    code_configure(&(CageOpts){.fail_run = 1});
    for (size_t d = 0; d < sizeof disguise / sizeof *disguise; d++) {
        Str line = {0};
        JsonDoc *doc;
        str_printf(&line, "{\"extract\":\"bare\",%s,\"pred\":\"def add(a, b): return a + b\"}",
                   disguise[d]);
        assert_ok(json_parse(line.data, line.size, "fault", 1, false, &doc));
        Judgement j = judge_row(json_root(doc));
        assert_int_equal(j.verdict, VERDICT_ERROR);
        assert_true(j.score == 0 && j.reason);
        json_free(doc);
        str_free(&line);
    }
    code_close();
    code_configure(&(CageOpts){0});
    assert_ok(code_ready());
}

static void a_group_is_judged_by_the_same_tests(void **state) {
    (void)state;
    // Right for 1 .. 8 of 16 tests: whether it passes depends on which four are drawn.
    Str line = {0};
    JsonDoc *doc;
    str_puts(&line, "{\"extract\":\"bare\",\"entry\":\"f\",\"score\":\"fraction\",\"calls\":[");
    for (int i = 0; i < 16; i++)
        str_printf(&line, "%s{\"args\":[%d],\"want\":%d}", i ? "," : "", i, i < 8 ? i : -1);
    str_puts(&line, "],\"pred\":\"def f(x): return x\"}");
    assert_ok(json_parse(line.data, line.size, "group", 1, false, &doc));
    const Json *row = json_root(doc), *pred = json_get(row, "pred");
    const CodeRules four = {.max_tests = 4};
    double score[16];
    bool differ = false;
    for (int i = 0; i < 16; i++) {
        Str more = {0};
        JudgeInput in = {.text = json_text(pred, ""),
                         .size = json_text_size(pred),
                         .finished = true,
                         .extract = "bare",
                         .task = row,
                         .code = &four,
                         .draw = rng_mix((uint64_t)(i / 2)),
                         .more = &more};
        score[i] = code_judge(&in).score;
        assert_non_null(strstr(str_text(&more), "\"tests\":4"));
        if (i % 2) assert_true(score[i] == score[i - 1]);
        differ = differ || score[i] != score[0];
        str_free(&more);
    }
    assert_true(differ); // another draw, other tests
    json_free(doc);
    str_free(&line);
}

static void tasks_that_no_response_could_pass_are_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"{}",
                                       "{\"tests\":[]}",
                                       "{\"tests\":[{\"input\":\"1\"}]}",
                                       "{\"calls\":[{\"args\":[]}]}",
                                       "{\"lang\":\"cobol\",\"tests\":[{\"output\":\"\"}]}",
                                       "{\"input_output\":\"not json\"}",
                                       "{\"tests\":[\"assert f()\"],\"score\":\"high\"}"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        JsonDoc *doc;
        assert_ok(json_parse(rows[i], strlen(rows[i]), "row", 1, false, &doc));
        assert_non_null(code_refuses(&(JudgeInput){.task = json_root(doc)}));
        json_free(doc);
    }
    assert_non_null(code_refuses(&(JudgeInput){0}));
}

int main(int argc, char **argv) {
    cage_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cases_get_their_verdicts_on_four_threads),
        cmocka_unit_test(what_can_be_called_is_called_and_else_the_key_is_named),
        cmocka_unit_test(input_is_a_file_and_nothing_of_the_host_is_seen),
        cmocka_unit_test(of_several_blocks_the_program_is_found),
        cmocka_unit_test(no_text_of_a_program_writes_a_verdict_or_makes_an_error),
        cmocka_unit_test(no_cheating_program_gets_a_point),
        cmocka_unit_test(expected_outputs_never_enter_the_cage),
        cmocka_unit_test(what_judges_runs_in_slots_of_judges),
        cmocka_unit_test(a_fault_of_the_sandbox_is_an_error_and_no_zero),
        cmocka_unit_test(a_group_is_judged_by_the_same_tests),
        cmocka_unit_test(tasks_that_no_response_could_pass_are_refused),
    };
    return cmocka_run_group_tests_name("verifiers/code", tests, open_cage, close_cage);
}
