// pipelines/command/command_verify.c -- `grpo verify`: judge answers.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "pipelines/command.h"
#include "pipelines/lines.h"
#include "verifiers/program.h"
#include "verifiers/verify.h"

static const Flag flags[] = {
    {"in", 'i', "FILE",
     "JSON lines {\"id\",\"task\",\"gold\",\"pred\",...}, or rows of grpo reject; - is stdin"},
    {"task", 't', "NAME", "which judge: for GOLD PRED, and for lines that name none"},
    {"extract", 'e', "HOW",
     "where the answer stands in PRED: boxed, bare, answer, hash (default: boxed if it has a box)"},
    {"template", 0, "NAME", "format: think-boxed, r1-zero or chat; ifeval: strict, loose or share"},
    {"prefilled", 0, "TEXT", "what the prompt already opened, e.g. '<think>'"},
    {"target", 0, "CODE", "language: en, de, zh, ..."},
    {"policy", 0, "NAME", "math: whose conventions"},
    {"row", 0, "JSON", "further fields of the task: numbers, options, kwargs, tests, ..."},
    {"program", 0, "CMD", "the judge 'program', e.g. 'python3 my_judge.py'"},
    {"deadline-ms", 0, "N", "time the program has for one answer (default 10000)"},
    {"explain", 'x', NULL, "say how the verdict came about: trees, layer, instructions"},
    {"threads", 'j', "N", "worker threads for --in (default: all cores)"},
    FLAG_ALLOW_MISSING,
};

typedef struct Options {
    JudgeInput defaults; // what a line may leave open
    const char *task;
    bool explain;
} Options;

// ---- one judgement

typedef struct Case {
    const Judge *judge;
    JudgeInput in;
    Judgement got;
    Str more, explain;
    double us;
} Case;

static void judge_case(Case *c, bool explain) {
    c->in.more = &c->more;
    c->in.explain = explain ? &c->explain : NULL;
    double begin = clock_now();
    c->got = verify_judge(c->judge, &c->in);
    c->us = (clock_now() - begin) * 1e6;
    if (explain && c->explain.size == 0) {
        if (c->got.answer) {
            str_puts(&c->explain, "answer   ");
            str_shown(&c->explain, c->got.answer, c->got.answer_size);
            str_putc(&c->explain, '\n');
        }
        str_printf(&c->explain, "%-8s %s%s", verdict_name(c->got.verdict),
                   c->got.reason ? c->got.reason : "", c->got.note[0] ? ": " : "");
        str_shown(&c->explain, c->got.note, strlen(c->got.note));
        str_putc(&c->explain, '\n');
    }
}

static void free_case(Case *c) {
    str_free(&c->more);
    str_free(&c->explain);
}

static void text_member(const char *name, const char *text, size_t size, Str *out) {
    str_printf(out, ",\"%s\":", name);
    str_json(out, text, size);
}

enum { LONGEST_SHOWN = 64 * 1024 };

// Without the brace before it.
static void put_case(const Case *c, Str *out) {
    const Judgement *j = &c->got;
    str_printf(out, "\"verdict\":\"%s\",\"score\":", verdict_name(j->verdict));
    if (j->verdict == VERDICT_ERROR)
        str_puts(out, "null");
    else
        str_number(out, j->score);
    if (j->answer) {
        // What is longer than any judge reads is shown by its beginning.
        size_t shown = j->answer_size;
        if (shown > LONGEST_SHOWN) {
            shown = LONGEST_SHOWN;
            while (shown && (j->answer[shown] & 0xC0) == 0x80) shown--;
        }
        text_member("answer", j->answer, shown, out);
        if (shown < j->answer_size) str_printf(out, ",\"answer_bytes\":%zu", j->answer_size);
    }
    text_member("reason", j->reason ? j->reason : "", j->reason ? strlen(j->reason) : 0, out);
    if (j->note[0]) text_member("note", j->note, strlen(j->note), out);
    str_puts(out, str_text(&c->more));
    if (c->in.explain) text_member("explain", str_text(&c->explain), c->explain.size, out);
    str_printf(out, ",\"us\":%.0f}\n", c->us);
}

// ---- a file of them

// What is to be judged, or why it cannot be.
static const char *read_case(const Json *row, const Options *opts, Case *c, Arena *arena) {
    const Json *name = json_get(row, "task");
    const char *task = json_text(name ? name : json_get(row, "judge"), opts->task);
    if (!task) return "\"task\" is missing";
    c->judge = verify_find(task);
    if (!c->judge)
        return arena_printf(arena, "there is no task '%s'; there are: %s", task, verify_names());
    if (strcmp(c->judge->name, "program") == 0 && !opts->defaults.program)
        return "the judge 'program' wants --program CMD";
    if (c->judge->ready && c->judge->ready() != ST_OK)
        return arena_printf(arena, "%s", status_text());
    const Json *pred = json_get(row, "pred");
    if (!pred) pred = json_get(row, "response"); // a row of `grpo reject`
    if (!pred || json_kind(pred) != JSON_STRING) return "\"pred\" is missing or not a text";
    c->in = opts->defaults;
    c->in.text = json_text(pred, ""), c->in.size = json_text_size(pred);
    const char *wrong = verify_read_row(row, &c->in);
    const Json *fields = json_get(row, "row"); // what the judge was told of the task then
    if (wrong || json_kind(fields) != JSON_OBJECT) return wrong;
    c->in.task = fields;
    c->in.template_ = json_text(json_get(fields, "template"), NULL);
    return NULL;
}

enum { BLOCK = 256 }; // lines that are judged before their answers are printed

typedef struct Block {
    const Options *opts;
    InLine *line; // [n]
    Case c[BLOCK];
    int n;
} Block;

static void judge_line(void *ctx, int i, int worker) {
    (void)worker;
    Block *b = ctx;
    if (!b->line[i].error) judge_case(&b->c[i], b->opts->explain);
}

typedef struct Count {
    long of[3], unread; // of[Verdict]
} Count;

// False: nobody takes the answers.
static bool print_block(Block *b, Count *count, Str *out) {
    for (int i = 0; i < b->n; i++) {
        if (b->line[i].error) {
            lines_error(&b->line[i], true, out);
            count->unread++;
        } else {
            lines_begin(&b->line[i], out);
            str_putc(out, ',');
            put_case(&b->c[i], out);
            count->of[b->c[i].got.verdict]++;
        }
        free_case(&b->c[i]);
    }
    return lines_flush(out);
}

static Status judge_file(const char *path, const Options *opts, int threads) {
    static Block block;
    Arena *arena = arena_new(1 << 20);
    Pool *pool = pool_new(threads);
    Lines lines = {0};
    Str out = {0};
    Count count = {0};
    Status st = lines_read(path, &lines, arena);
    for (int at = 0; st == ST_OK && at < lines.n; at += BLOCK) {
        block = (Block){.opts = opts, .line = lines.line + at};
        block.n = lines.n - at < BLOCK ? lines.n - at : BLOCK;
        for (int i = 0; i < block.n; i++) {
            InLine *line = &block.line[i];
            if (!line->error) line->error = read_case(line->row, opts, &block.c[i], arena);
        }
        pool_for(pool, block.n, judge_line, &block);
        if (!print_block(&block, &count, &out)) break;
    }
    if (st == ST_OK && lines.n > 1)
        log_info("%ld right, %ld wrong, %ld without verdict", count.of[VERDICT_RIGHT],
                 count.of[VERDICT_WRONG], count.of[VERDICT_ERROR] + count.unread);
    if (st == ST_OK) lines_close(&lines);
    pool_free(pool);
    str_free(&out);
    arena_free(arena);
    return st;
}

// ---- one on the command line

// GOLD PRED or PRED; the exit code.
static int judge_words(const Args *args, const Options *opts) {
    Case c = {.in = opts->defaults};
    Status st = verify_need(opts->task, "verify --task", &c.judge);
    if (st != ST_OK) return command_failed(st);
    int most = c.judge->needs_gold || c.in.gold ? 2 : 1;
    if (strcmp(c.judge->name, "program") == 0 || strcmp(c.judge->name, "countdown") == 0) most = 2;
    int least = c.judge->needs_gold && !c.in.gold ? 2 : 1;
    if (args->n_words < least || args->n_words > most)
        return command_usage("verify --task %s: wants %s", opts->task,
                             least == 2  ? "GOLD PRED"
                             : most == 2 ? "[GOLD] PRED"
                                         : "PRED");
    if (strcmp(c.judge->name, "program") == 0 && !c.in.program)
        return command_usage("verify --task program: wants --program CMD");
    if (args->n_words == 2) c.in.gold = args->word[0];
    const char *pred = args->word[args->n_words - 1];
    c.in.text = pred, c.in.size = strlen(pred);
    // Where there is no box, PRED is the answer itself.
    bool whole = strstr(pred, "\\boxed") || strstr(pred, "\\fbox") || strstr(pred, "<answer>");
    bool answer = c.judge->needs_gold || strcmp(c.judge->name, "countdown") == 0;
    if (!c.in.extract && answer && !whole) c.in.extract = "bare";
    judge_case(&c, opts->explain);
    Str out = {0};
    bool text = opts->explain && !args_has(args, "json");
    if (text) c.in.explain = NULL; // not in the line, but below it
    str_putc(&out, '{');
    put_case(&c, &out);
    if (text) str_puts(&out, str_text(&c.explain));
    lines_flush(&out);
    str_free(&out);
    int code = c.got.verdict == VERDICT_ERROR ? EXIT_BAD_DATA : EXIT_DONE;
    free_case(&c);
    return code;
}

// ---- the command line

static Status open_program(const Args *args, int copies, Program **out) {
    int64_t deadline = PROGRAM_DEADLINE_MS;
    TRY(args_int(args, "deadline-ms", 1, 10000000, &deadline));
    const char *command = args_text(args, "program", NULL);
    if (!command) return ST_OK;
    return program_open(
        &(ProgramOpts){.command = command, .copies = copies, .deadline_ms = (int)deadline}, out);
}

static Status read_flags(const Args *args, Options *opts, JsonDoc **row) {
    *opts = (Options){.task = args_text(args, "task", NULL), .explain = args_has(args, "explain")};
    opts->defaults = (JudgeInput){.finished = true,
                                  .extract = args_text(args, "extract", NULL),
                                  .template_ = args_text(args, "template", NULL),
                                  .prefilled = args_text(args, "prefilled", NULL),
                                  .target = args_text(args, "target", NULL),
                                  .policy = args_text(args, "policy", NULL)};
    const char *text = args_text(args, "row", NULL);
    if (!text) return ST_OK;
    if (json_parse(text, strlen(text), "--row", 1, false, row) != ST_OK)
        return FAIL(ST_CONFIG, "%s", status_text());
    const char *wrong = verify_read_row(json_root(*row), &opts->defaults);
    return wrong ? FAIL(ST_CONFIG, "--row: %s", wrong) : ST_OK;
}

static int run(const Args *args) {
    const char *path = args_text(args, "in", NULL);
    Options opts;
    JsonDoc *row = NULL;
    Program *program = NULL;
    int64_t threads = 0;
    Status st;
    int code = EXIT_DONE;
    TRY_OUT(read_flags(args, &opts, &row));
    TRY_OUT(args_int(args, "threads", 0, 1024, &threads));
    if (path ? args->n_words > 0 : !opts.task) {
        code = command_usage("verify: wants --in FILE, or --task NAME GOLD PRED (tasks: %s)",
                             verify_names());
        goto out;
    }
    if (opts.task && !verify_find(opts.task)) {
        code = command_usage("verify: there is no task '%s'; there are: %s", opts.task,
                             verify_names());
        goto out;
    }
    Pool *probe = path ? pool_new((int)threads) : NULL;
    int copies = pool_threads(probe);
    pool_free(probe);
    TRY_OUT(open_program(args, copies, &program));
    opts.defaults.program = program;
    if (path)
        st = judge_file(path, &opts, (int)threads);
    else
        code = judge_words(args, &opts);
out:
    program_close(program);
    json_free(row);
    return st == ST_OK ? code : command_failed(st);
}

const Command command_verify = {
    .name = "verify",
    .summary = "judge answers: right, wrong, or error (no verdict, never a zero)",
    .usage = "verify --in FILE | verify --task NAME [GOLD] PRED",
    .about =
        "Tasks: number (an exact number), math (expressions, sets, intervals, ...), code (tests in "
        "a cage), format\n(<think> ... </think> and an answer), language (share of the thought in "
        "one language), ifeval (25 types of\ninstructions), choice, countdown, knights, and "
        "program "
        "(yours; it speaks JSON lines, see verifiers/program.h).\nIn a file \"pred\" is a whole "
        "response and its last \\boxed{} is judged; \"extract\":\"bare\" says that it is the\n"
        "answer itself. On the command line PRED is the answer itself where it has no box. Further "
        "fields of a line are\nthe task's: "
        "{\"task\":\"countdown\",\"numbers\":[..],\"target\":..}, "
        "{\"task\":\"choice\",\"options\":[..]},\n{\"task\":\"ifeval\",\"instruction_id_list\":[..]"
        ","
        "\"kwargs\":[..]}, {\"task\":\"code\",\"tests\":[..]}.",
    .examples = "grpo verify --task math '\\frac{1}{2}' 0.5\n"
                "grpo verify --task math --explain '(x+1)^2' 'x^2+2x+1'\n"
                "grpo verify --task format --template r1-zero '<think>2+3=5</think> "
                "<answer>5</answer>'\n"
                "grpo verify --task language --target en '<think>First we add.</think> 5'\n"
                "grpo verify --task countdown --row '{\"numbers\":[3,5,7],\"target\":36}' "
                "'(5+7)*3'\n"
                "grpo verify --task choice B '\\boxed{(B)}'\n"
                "grpo verify --task program --program 'python3 my_judge.py' 42 '\\boxed{42}'\n"
                "grpo verify --in cases.jsonl > verdicts.jsonl",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
