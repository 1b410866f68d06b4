// verifiers/code/suite.c -- many spellings of a few forms.
#include "verifiers/code/suite.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "verifiers/code/packed.h"

static const Json *first_of(const Json *row, const char *const *name) {
    for (; *name; name++) {
        const Json *n = json_get(row, *name);
        if (n && json_kind(n) != JSON_NULL) return n;
    }
    return NULL;
}
#define FIRST_OF(row, ...) first_of((row), (const char *const[]){__VA_ARGS__, NULL})

static bool is(const Json *n, JsonKind kind) {
    return n && json_kind(n) == kind;
}

static const Json *parse(Suite *s, const char *text, size_t size) {
    JsonDoc *doc;
    if (s->n_docs == SUITE_DOCS_MAX || json_parse(text, size, "tests", 1, false, &doc) != ST_OK)
        return NULL;
    s->doc[s->n_docs++] = doc;
    return json_root(doc);
}

// A field that may be JSON, or a text that holds JSON, or the same packed.
static const Json *opened(Suite *s, const Json *n) {
    if (!is(n, JSON_STRING)) return n;
    const char *text = json_text(n, "");
    if (!packed_is(text)) return parse(s, text, json_text_size(n));
    Str out = {0};
    const Json *root = NULL;
    if (packed_open(text, json_text_size(n), &out)) root = parse(s, str_text(&out), out.size);
    str_free(&out);
    return root;
}

// ---- limits

static void limit_int(const Json *row, const char *name, int low, int high, int *out) {
    int64_t v = json_int(json_get(row, name), 0);
    if (v > 0) *out = (int)(v < low ? low : v > high ? high : v);
}

static double seconds_of(const Json *n) {
    if (is(n, JSON_OBJECT))
        return json_num(json_get(n, "seconds"), 0) + json_num(json_get(n, "nanos"), 0) * 1e-9;
    return json_num(n, 0);
}

// "Time Limit: 1000 ms", "Time Limit: {'seconds': 2, 'nanos': 0}", "Memory Limit: 256 MB".
static void said_in(const char *prompt, double *seconds, double *bytes) {
    const char *at = prompt ? strstr(prompt, "Time Limit:") : NULL;
    char *end;
    if (at && (at = strpbrk(at, "0123456789\n")) != NULL && *at != '\n') {
        double v = strtod(at, &end);
        while (*end == ' ') end++;
        *seconds = strncmp(end, "ms", 2) == 0 ? v / 1000 : v;
    }
    at = prompt ? strstr(prompt, "Memory Limit:") : NULL;
    if (at && (at = strpbrk(at, "0123456789\n")) != NULL && *at != '\n') {
        double v = strtod(at, &end);
        while (*end == ' ') end++;
        *bytes = strncmp(end, "Byte", 4) == 0 ? v : v * (1 << 20);
    }
}

// A contest's limit is for compiled programs on its own machines: a second more, interpreters three
// times as long.
static void read_limits(const Json *row, const char *prompt, Suite *s) {
    double seconds = seconds_of(json_get(row, "time_limit")), bytes = 0;
    if (!(seconds > 0)) said_in(prompt, &seconds, &bytes);
    bytes = json_num(json_get(row, "memory_limit"), 0) * (1 << 20) + bytes;
    bytes = json_num(json_get(row, "memory_limit_bytes"), bytes);
    bool compiled = !s->any_lang && (s->lang == CAGE_C || s->lang == CAGE_CPP);
    s->limits.cpu_ms = s->form == SUITE_IO ? 6000 : 4000;
    if (seconds > 0 && seconds < 1000)
        s->limits.cpu_ms = (int)lround(seconds * (compiled ? 1000 : 3000)) + 1000;
    s->limits.memory_bytes = 512 << 20;
    if (bytes > 0 && bytes < 1e11)
        s->limits.memory_bytes = (int64_t)fmax(bytes + (64 << 20), 256 << 20);
    limit_int(row, "cpu_ms", 1, 600000, &s->limits.cpu_ms);
    limit_int(row, "wall_ms", 1, 1200000, &s->limits.wall_ms);
    int mb = 0, kb = 0;
    limit_int(row, "memory_mb", 16, 1 << 20, &mb);
    limit_int(row, "output_kb", 1, 1 << 20, &kb);
    if (mb) s->limits.memory_bytes = (int64_t)mb << 20;
    s->limits.output_bytes = kb ? (int64_t)kb << 10 : 8 << 20;
}

// ---- io

// A text, a list of lines, or {"stdin": text}; a number as it is written.
static bool text_of(const Json *n, const char **text, size_t *size, Arena *arena) {
    if (is(n, JSON_OBJECT)) n = FIRST_OF(n, "stdin", "stdout");
    if (is(n, JSON_NUMBER)) {
        *text = json_raw(n);
        *size = strlen(*text);
        return true;
    }
    if (is(n, JSON_STRING)) {
        *text = json_text(n, "");
        *size = json_text_size(n);
        return true;
    }
    if (!is(n, JSON_ARRAY)) return false;
    Str out = {0};
    bool ok = true;
    for (const Json *line = json_first(n); line; line = json_next(line)) {
        ok = ok && (is(line, JSON_STRING) || is(line, JSON_NUMBER));
        if (is(line, JSON_STRING)) str_add(&out, json_text(line, ""), json_text_size(line));
        if (is(line, JSON_NUMBER)) str_puts(&out, json_raw(line));
        str_putc(&out, '\n');
    }
    char *copy = arena_alloc(arena, out.size + 1, 1);
    memcpy(copy, str_text(&out), out.size);
    *text = copy, *size = out.size;
    str_free(&out);
    return ok;
}

static SuiteTest *more_tests(Suite *s, int n, Arena *arena) {
    SuiteTest *all = ARENA_ARRAY(arena, SuiteTest, s->n_tests + n + 1);
    if (s->n_tests) memcpy(all, s->test, (size_t)s->n_tests * sizeof *all);
    s->test = all;
    return all + s->n_tests;
}

// [{"input","output"}] or {"input": [..], "output": [..]}
static const char *add_io(Suite *s, const Json *tests, Arena *arena) {
    const Json *in = NULL, *out = NULL;
    bool columns = is(tests, JSON_OBJECT);
    if (columns) {
        const Json *ins = FIRST_OF(tests, "input", "inputs");
        const Json *outs = FIRST_OF(tests, "output", "outputs");
        if (!is(ins, JSON_ARRAY) || !is(outs, JSON_ARRAY) || json_count(ins) != json_count(outs))
            return "inputs and outputs are not two lists of one length";
        in = json_first(ins), out = json_first(outs);
        tests = ins;
    } else if (!is(tests, JSON_ARRAY)) {
        return "\"tests\" is not a list";
    }
    SuiteTest *t = more_tests(s, json_count(tests), arena);
    for (const Json *n = json_first(tests); n; n = json_next(n), t++, s->n_tests++) {
        if (!columns) in = FIRST_OF(n, "input", "stdin"), out = FIRST_OF(n, "output", "stdout");
        if (!in && !columns) { // a test without an input is one with an empty input
            t->input = "";
        } else if (!text_of(in, &t->input, &t->input_size, arena)) {
            return "a test's input is not a text";
        }
        if (out && !text_of(out, &t->output, &t->output_size, arena))
            return "a test's output is not a text";
        if (!out && !s->checker) return "a test has no output, and the task no checker";
        if (columns) in = json_next(in), out = json_next(out);
    }
    s->form = SUITE_IO;
    return NULL;
}

// ---- calls

// f, Solution().f, Stack.push, make(): names with dots between, each called without arguments or
// not.
static bool can_be_called(const char *entry) {
    const char *p = entry;
    for (;;) {
        if (!isalpha((unsigned char)*p) && *p != '_' && !((unsigned char)*p & 0x80)) return false;
        while (isalnum((unsigned char)*p) || *p == '_' || (unsigned char)*p & 0x80) p++;
        if (p[0] == '(' && p[1] == ')') p += 2;
        if (!*p) return true;
        if (*p++ != '.') return false;
    }
}

#define NOT_CALLED(key)                                                                            \
    "\"" key "\" names nothing that can be called: write f, Solution().f or Class.method"

// The name of what is called, from the first of these fields that is there.
static const char *read_entry(const Json *row, Suite *s) {
    static const struct {
        const char *key, *why;
    } fields[] = {{"entry", NOT_CALLED("entry")},
                  {"entry_point", NOT_CALLED("entry_point")},
                  {"fn_name", NOT_CALLED("fn_name")},
                  {"func_name", NOT_CALLED("func_name")}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const Json *n = json_get(row, fields[i].key);
        if (!n || json_kind(n) == JSON_NULL) continue;
        const char *text = json_text(n, NULL);
        if (text && !*text) continue; // nothing is said
        if (!text || !can_be_called(text)) return fields[i].why;
        s->entry = text;
        return NULL;
    }
    return NULL;
}

static const char *add_calls(Suite *s, const Json *calls, Arena *arena) {
    if (!is(calls, JSON_ARRAY)) return "\"calls\" is not a list";
    if (!s->entry) return "\"entry\" is missing";
    SuiteTest *t = more_tests(s, json_count(calls), arena);
    for (const Json *n = json_first(calls); n; n = json_next(n), t++, s->n_tests++) {
        t->args = json_get(n, "args");
        t->kwargs = json_get(n, "kwargs");
        t->want = FIRST_OF(n, "want", "output", "expected");
        if (!t->want) t->want = json_get(n, "want");
        if (t->args && !is(t->args, JSON_ARRAY)) return "a call's \"args\" is not a list";
        if (t->kwargs && !is(t->kwargs, JSON_OBJECT)) return "a call's \"kwargs\" is not an object";
        if (!t->want) return "a call has no \"want\"";
    }
    s->form = SUITE_CALLS;
    return NULL;
}

// A value as JSON text. A text holds JSON values, one a line: they are put side by side.
static bool put_lines(const Json *n, bool all, Str *out) {
    if (!is(n, JSON_STRING)) {
        json_echo(n, out);
        return true;
    }
    const char *p = json_text(n, "");
    bool any = false;
    while (*p) {
        size_t size = strcspn(p, "\n");
        size_t blank = strspn(p, " \t\r");
        if (blank < size) {
            if (any && !all) return false;
            if (any) str_putc(out, ',');
            str_add(out, p, size);
            any = true;
        }
        p += size + (p[size] == '\n');
    }
    return any || all;
}

// APPS and LiveCodeBench: becomes [{"args":[..],"want":..}] and is read as that.
static const char *add_function(Suite *s, const Json *ins, const Json *outs, Arena *arena) {
    if (!is(ins, JSON_ARRAY) || !is(outs, JSON_ARRAY) || json_count(ins) != json_count(outs))
        return "inputs and outputs are not two lists of one length";
    Str text = {0};
    bool ok = true;
    const Json *out = json_first(outs);
    str_putc(&text, '[');
    for (const Json *in = json_first(ins); in; in = json_next(in), out = json_next(out)) {
        if (text.size > 1) str_putc(&text, ',');
        str_puts(&text, "{\"args\":");
        bool lines = is(in, JSON_STRING);
        if (lines) str_putc(&text, '[');
        ok = ok && (lines || is(in, JSON_ARRAY)) && put_lines(in, true, &text);
        if (lines) str_putc(&text, ']');
        str_puts(&text, ",\"want\":");
        // APPS wraps a result into a list; LiveCodeBench writes it as JSON text.
        const Json *want = out;
        if (!lines && is(out, JSON_ARRAY) && json_count(out) == 1) want = json_first(out);
        ok = ok && (lines ? put_lines(want, false, &text) : (json_echo(want, &text), true));
        str_putc(&text, '}');
    }
    str_putc(&text, ']');
    const Json *calls = ok ? parse(s, str_text(&text), text.size) : NULL;
    str_free(&text);
    if (!calls) return "inputs or outputs of a function are not JSON";
    s->leetcode = true;
    return add_calls(s, calls, arena);
}

static const char *add_columns(Suite *s, const Json *io, Arena *arena) {
    const char *why = read_entry(io, s);
    if (why) return why;
    const Json *ins = FIRST_OF(io, "inputs", "input"), *outs = FIRST_OF(io, "outputs", "output");
    // A function's arguments are lists of values; a program's input is a text.
    bool function = s->entry && s->entry[0];
    return function ? add_function(s, ins, outs, arena) : add_io(s, io, arena);
}

// ---- asserts and check

static const char *add_texts(Suite *s, const Json *tests, Arena *arena) {
    SuiteTest *t = more_tests(s, json_count(tests), arena);
    for (const Json *n = json_first(tests); n; n = json_next(n), t++, s->n_tests++) {
        if (!is(n, JSON_STRING)) return "\"tests\" mixes texts and other things";
        t->text = json_text(n, "");
    }
    s->form = SUITE_ASSERTS;
    return NULL;
}

static const char *add_text(Suite *s, const char *text, SuiteForm form, Arena *arena) {
    *more_tests(s, 1, arena) = (SuiteTest){.text = text};
    s->n_tests++;
    s->form = form;
    return NULL;
}

static void read_asserts(const Json *row, Suite *s, Arena *arena) {
    const Json *imports = json_get(row, "test_imports");
    if (is(imports, JSON_ARRAY)) {
        s->import = ARENA_ARRAY(arena, const char *, json_count(imports) + 1);
        for (const Json *n = json_first(imports); n; n = json_next(n))
            if (is(n, JSON_STRING)) s->import[s->n_imports++] = json_text(n, "");
    }
    s->setup = json_text(FIRST_OF(row, "test_setup_code", "test_setup"), NULL);
    s->reference = json_text(FIRST_OF(row, "code", "reference"), NULL);
}

static const char *read_list(const Json *row, Suite *s, const Json *tests, Arena *arena) {
    tests = opened(s, tests);
    if (!tests) return "\"tests\" is a text that is not JSON";
    if (is(tests, JSON_OBJECT)) {
        const Json *function = json_get(tests, "functional");
        if (is(function, JSON_STRING)) {
            read_asserts(row, s, arena);
            return add_text(s, json_text(function, ""), SUITE_ASSERTS, arena);
        }
        return add_columns(s, tests, arena);
    }
    if (is(json_first(tests), JSON_STRING)) {
        read_asserts(row, s, arena);
        return add_texts(s, tests, arena);
    }
    const Json *first = json_first(tests);
    if (first && (json_get(first, "args") || json_get(first, "want")))
        return add_calls(s, tests, arena);
    return add_io(s, tests, arena);
}

// LiveCodeBench's own records: "functional" tests are calls with JSON, one argument a line.
static const char *read_cases(const Json *row, Suite *s, Arena *arena) {
    static const char *const name[] = {"public_test_cases", "private_test_cases"};
    Str ins = {0}, outs = {0}, all = {0};
    const char *why = NULL;
    bool function = false;
    for (int i = 0; i < 2 && !why; i++) {
        const Json *n = json_get(row, name[i]), *cases = n ? opened(s, n) : NULL;
        if (n && !is(cases, JSON_ARRAY)) why = "the test cases cannot be read";
        for (const Json *c = why ? NULL : json_first(cases); c; c = json_next(c)) {
            function = function || !strcmp(json_text(json_get(c, "testtype"), ""), "functional");
            if (ins.size) str_putc(&ins, ','), str_putc(&outs, ',');
            json_echo(json_get(c, "input"), &ins);
            json_echo(json_get(c, "output"), &outs);
        }
    }
    const Json *meta = opened(s, json_get(row, "metadata")), *root = NULL;
    if (function && meta && !why) why = read_entry(meta, s);
    if (!function) s->entry = NULL;
    str_printf(&all, "{\"inputs\":[%s],\"outputs\":[%s]}", str_text(&ins), str_text(&outs));
    if (!why && !(root = parse(s, str_text(&all), all.size))) why = "the test cases are too many";
    if (!why) why = add_columns(s, root, arena);
    str_free(&ins);
    str_free(&outs);
    str_free(&all);
    return why;
}

static const char *read_tests(const Json *row, Suite *s, Arena *arena) {
    const char *format = json_text(json_get(row, "format"), "");
    const char *test = json_text(json_get(row, "test"), NULL);
    const Json *n;
    if ((n = json_get(row, "calls")) != NULL) return add_calls(s, n, arena);
    if ((n = json_get(row, "input_output")) != NULL) {
        n = opened(s, n);
        return n ? add_columns(s, n, arena) : "\"input_output\" is not JSON";
    }
    if (json_get(row, "inputs")) return add_columns(s, row, arena);
    if (json_get(row, "public_test_cases")) return read_cases(row, s, arena);
    if (test && s->entry && (!strcmp(format, "humaneval") || strstr(test, "def check("))) {
        s->prompt = json_text(json_get(row, "prompt"), NULL);
        read_asserts(row, s, arena);
        return add_text(s, test, SUITE_CHECK, arena);
    }
    if ((n = FIRST_OF(row, "tests", "test_list", "official_tests")) != NULL)
        return read_list(row, s, n, arena);
    static const char *const contest[] = {"public_tests", "private_tests", "generated_tests"};
    const char *why = NULL;
    for (int i = 0; i < 3 && !why; i++)
        if ((n = json_get(row, contest[i])) != NULL && json_kind(n) != JSON_NULL)
            why = add_io(s, n, arena);
    if (why || s->n_tests) return why;
    if (!test || !test[strspn(test, " \n\t\r")])
        return "the task has no tests: \"tests\", \"calls\", \"test\" or \"input_output\"";
    if (packed_is(test)) {
        n = opened(s, json_get(row, "test"));
        if (n && json_get(n, "input_output")) n = opened(s, json_get(n, "input_output"));
        return n ? read_list(row, s, n, arena) : "\"test\" is packed in an unknown way";
    }
    if (test[strspn(test, " \n\t\r")] == '[')
        return read_list(row, s, json_get(row, "test"), arena);
    read_asserts(row, s, arena);
    return add_text(s, test, SUITE_ASSERTS, arena);
}

// LeetCode's prelude: by the key, else where what is called is a `Solution`, as its tests do.
static const char *read_prelude(const Json *row, Suite *s) {
    const Json *n = json_get(row, "prelude");
    const char *name = is(n, JSON_STRING) ? json_text(n, "") : NULL;
    if (n && json_kind(n) != JSON_NULL && !name) return "\"prelude\" is neither leetcode nor none";
    if (name && *name) {
        s->leetcode = !strcmp(name, "leetcode");
        return s->leetcode || !strcmp(name, "none") ? NULL
                                                    : "\"prelude\" is neither leetcode nor none";
    }
    static const char *const sign[] = {"Solution(",  "Solution.",     "list_node(",
                                       "tree_node(", "is_same_list(", "is_same_tree("};
    if (s->entry && !strncmp(s->entry, "Solution", 8)) s->leetcode = true;
    for (int i = 0; i < s->n_tests && !s->leetcode; i++)
        for (size_t k = 0; s->test[i].text && k < sizeof sign / sizeof *sign; k++)
            if (strstr(s->test[i].text, sign[k])) s->leetcode = true;
    return NULL;
}

static const char *read_score(const Json *row, Suite *s) {
    const Json *n = json_get(row, "score");
    if (!is(n, JSON_STRING)) return NULL;
    const char *name = json_text(n, "");
    if (!strcmp(name, "binary"))
        s->score = SUITE_BINARY;
    else if (!strcmp(name, "fraction"))
        s->score = SUITE_FRACTION;
    else if (!strcmp(name, "weighted"))
        s->score = SUITE_WEIGHTED;
    else
        return "\"score\" is none of binary, fraction, weighted";
    return NULL;
}

const char *suite_read(const Json *row, const char *prompt, Suite *s, Arena *arena) {
    SuiteScore score = s->score; // what the run asks for; a row may ask for another
    *s = (Suite){.score = score, .lang = CAGE_PYTHON};
    if (!is(row, JSON_OBJECT)) return "the task has no row with tests";
    const char *lang = json_text(FIRST_OF(row, "lang", "language"), NULL);
    s->any_lang = !lang;
    if (lang && !cage_lang_find(lang, &s->lang)) return "\"lang\" is an unknown language";
    const char *why = read_entry(row, s);
    const Json *checker = FIRST_OF(row, "checker", "generated_checker");
    if (is(checker, JSON_OBJECT)) checker = json_get(checker, "source");
    s->checker = json_text(checker, NULL);
    if (!why) why = read_score(row, s);
    if (!why) why = read_tests(row, s, arena);
    if (!why) why = read_prelude(row, s);
    if (!why && s->n_tests == 0) why = "the task has no tests";
    if (!why && s->form != SUITE_IO && !s->any_lang && s->lang != CAGE_PYTHON)
        why = "functions are called in Python only";
    if (!why) read_limits(row, prompt, s);
    if (why) suite_free(s);
    return why;
}

void suite_free(Suite *suite) {
    while (suite->n_docs) json_free(suite->doc[--suite->n_docs]);
}

void suite_select(Suite *s, int n, uint64_t draw) {
    if (n <= 0 || n >= s->n_tests || s->form == SUITE_CHECK) return;
    Rng rng = rng_open((RngKey){.seed = draw, .stream = RNG_TASK});
    // Each test is taken with probability (still wanted) / (still there): order is kept.
    int kept = 0;
    for (int i = 0; kept < n; i++)
        if ((int)rng_below(&rng, (uint32_t)(s->n_tests - i)) < n - kept)
            s->test[kept++] = s->test[i];
    s->n_tests = kept;
}
