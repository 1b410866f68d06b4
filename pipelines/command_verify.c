// pipelines/command_verify.c -- `grpo verify`: judge answers.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pipelines/command.h"
#include "pipelines/lines.h"
#include "verifiers/verify.h"

static const Flag flags[] = {
    {"in", 'i', "FILE", "JSON lines {\"id\",\"task\",\"gold\",\"pred\",...}; - is stdin"},
    {"task", 't', "NAME", "which judge, for GOLD PRED on the command line"},
    {"extract", 'e', "HOW",
     "where the answer stands in PRED: boxed, bare, answer, hash (default: boxed if it has a box)"},
    {"template", 0, "NAME", "for --task format: think-boxed, r1-zero or chat"},
};

static void put_judgement(const Judgement *j, double us, const Str *more, Str *out) {
    str_printf(out, "\"verdict\":\"%s\",\"score\":", verdict_name(j->verdict));
    if (j->verdict == VERDICT_ERROR)
        str_puts(out, "null");
    else
        str_number(out, j->score);
    if (j->answer) {
        str_puts(out, ",\"answer\":");
        str_json(out, j->answer, j->answer_size);
    }
    str_puts(out, ",\"reason\":");
    str_json(out, j->reason ? j->reason : "", j->reason ? strlen(j->reason) : 0);
    if (j->note[0]) {
        str_puts(out, ",\"note\":");
        str_json(out, j->note, strlen(j->note));
    }
    str_puts(out, str_text(more));
    str_printf(out, ",\"us\":%.0f}\n", us);
}

// Texts of the row, or why it cannot be judged.
static const char *read_case(const Json *row, JudgeInput *in, const Judge **judge, Arena *arena) {
    const char *task = json_text(json_get(row, "task"), NULL);
    if (!task) return "\"task\" is missing";
    *judge = verify_find(task);
    if (!*judge)
        return arena_printf(arena, "there is no task '%s'; there are: %s", task, verify_names());
    const Json *pred = json_get(row, "pred");
    if (!pred || json_kind(pred) != JSON_STRING) return "\"pred\" is missing or not a text";
    *in = (JudgeInput){.text = json_text(pred, ""), .size = json_text_size(pred), .finished = true};
    return verify_read_row(row, in);
}

static int judge_file(const char *path) {
    Arena *arena = arena_new(1 << 20);
    Lines lines;
    Str out = {0};
    Status st = lines_read(path, &lines, arena);
    for (int i = 0; st == ST_OK && i < lines.n; i++) {
        InLine *line = &lines.line[i];
        JudgeInput in;
        const Judge *judge = NULL;
        if (!line->error) line->error = read_case(line->row, &in, &judge, arena);
        if (line->error) {
            lines_error(line, true, &out);
        } else {
            Str more = {0};
            in.more = &more;
            double begin = clock_now();
            Judgement j = verify_judge(judge, &in);
            double us = (clock_now() - begin) * 1e6;
            lines_begin(line, &out);
            str_putc(&out, ',');
            put_judgement(&j, us, &more, &out);
            str_free(&more);
        }
        if (out.size > 60000) lines_flush(&out);
    }
    if (st == ST_OK) {
        lines_flush(&out);
        lines_close(&lines);
    }
    str_free(&out);
    arena_free(arena);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

static int run(const Args *args) {
    const char *path = args_text(args, "in", NULL), *task = args_text(args, "task", NULL);
    if (path && args->n_words == 0) return judge_file(path);
    if (path || !task)
        return command_usage("verify: wants --in FILE, or --task NAME GOLD PRED (tasks: %s)",
                             verify_names());
    const Judge *judge = verify_find(task);
    if (!judge)
        return command_usage("verify: there is no task '%s'; there are: %s", task, verify_names());
    bool needs_gold = strcmp(task, "format") != 0;
    if (args->n_words != (needs_gold ? 2 : 1))
        return command_usage("verify --task %s: wants %s", task, needs_gold ? "GOLD PRED" : "PRED");
    const char *pred = args->word[args->n_words - 1];
    bool boxed = strstr(pred, "\\boxed") || strstr(pred, "\\fbox");
    JudgeInput in = {.text = pred,
                     .size = strlen(pred),
                     .gold = needs_gold ? args->word[0] : NULL,
                     .template_ = args_text(args, "template", NULL),
                     .extract = args_text(args, "extract", needs_gold && !boxed ? "bare" : NULL),
                     .finished = true};
    Str out = {0}, more = {0};
    in.more = &more;
    double begin = clock_now();
    Judgement j = verify_judge(judge, &in);
    str_putc(&out, '{');
    put_judgement(&j, (clock_now() - begin) * 1e6, &more, &out);
    lines_flush(&out);
    str_free(&out);
    str_free(&more);
    return j.verdict == VERDICT_ERROR ? EXIT_BAD_DATA : EXIT_DONE;
}

const Command command_verify = {
    .name = "verify",
    .summary = "judge answers: right, wrong, or error (no verdict, never a zero)",
    .usage = "verify --in FILE | verify --task NAME GOLD PRED",
    .about =
        "Tasks: number (exact: fractions, decimals, percent), math (judged as number; a gold that "
        "is no number\nis an error), format (<think> ... </think> and an answer).\nIn a file "
        "\"pred\" is a whole response and its \\boxed{} is judged; "
        "\"extract\":\"bare\" says that it is\nthe answer itself. On the command line PRED is "
        "the answer itself where it has no box.",
    .examples = "grpo verify --task number 1/2 0.5\n"
                "grpo verify --task number 367 '<think> ... </think> \\boxed{367}'\n"
                "grpo verify --in cases.jsonl",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
