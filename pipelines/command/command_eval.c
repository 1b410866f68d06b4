// pipelines/command/command_eval.c -- `grpo eval`: accuracy, pass@k and cons@k with intervals.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipelines/actor.h"
#include "pipelines/chatflags.h"
#include "pipelines/command.h"
#include "pipelines/command/asking.h"
#include "pipelines/command/evalfile.h"
#include "pipelines/interrupt.h"
#include "pipelines/run/sample_lines.h"
#include "pipelines/run/stage_eval.h"
#include "pipelines/runconfig.h"

static const Flag flags[] = {
    {"data", 'd', "F",
     "JSON-lines file, a data set by name (grpo data list), or desk (default desk)"},
    {"split", 0, "S", "heldout, train, or of desk also large (default heldout)"},
    {"folder", 0, "DIR", "of data sets known by name: DIR/gsm8k/test.jsonl"},
    {"judge", 0, "NAME", "who judges (default: as the rows or the data set say, else math)"},
    {"fields", 0, "JSON", "which field is what: {\"prompt\":\"problem\",\"answer\":\"extra.gt\"}"},
    {"program", 0, "CMD", "the judge 'program'"},
    {"tasks", 'N', "N", "how many questions (default: the file's, or 1000)"},
    {"k", 'k', "1,8,64",
     "k of pass@k; the largest is how often each question is asked (default 1)"},
    {"n", 'n', "N", "samples of each question (default: the largest k)"},
    {"stop", 0, "TEXT", "ends a response where it appears; may be given several times"},
    {"temperature", 'T', "T", "0 = greedy (default 1)"},
    {"max-tokens", 'm', "N", "longest response (default 160)"},
    {"seed", 's', "N", "of the samples (default 1)"},
    {"top-p", 0, "P", "nucleus (default 1 = off)"},
    {"top-k", 0, "K", "best tokens only (default 0 = off)"},
    {"ask", 0, "TEXT",
     "of files: the prompt with {} for the question; @FILE holds it; or a name: r1-zero, boxed"},
    {"extract", 0, "HOW",
     "where the answer stands: boxed, answer, hash, bare (default: the judge's own)"},
    {"format", 0, "NAME",
     "the form that is looked for: think-boxed, r1-zero, chat (default think-boxed)"},
    {"out", 'o', "FILE",
     "keep each question's verdicts and samples there; the same command goes on from it"},
    {"samples", 0, "FILE",
     "write every sample with its verdict as JSON lines (with -o at the end)"},
    {"seqs", 0, "N", "sequences decoded together (default 128, fewer where memory is short)"},
    {"threads", 'j', "N", "worker threads (default: all cores)"},
    CHAT_FLAGS,
    FLAG_ALLOW_MISSING,
};

// Where samples go: with -o into the records, else each to a stream when it is judged.
typedef struct Seen {
    const Tokenizer *tokenizer;
    EvalFile file;
    FILE *stream;
    Str lines;
} Seen;

static void write_samples(void *ctx, const Batch *batch, const BatchJudge *judging) {
    (void)judging;
    Seen *s = ctx;
    str_clear(&s->lines);
    for (int i = 0; i < batch->n_samples; i++) sample_line(batch, i, s->tokenizer, 0, &s->lines);
    fwrite(str_text(&s->lines), 1, s->lines.size, s->stream);
    fflush(s->stream);
}

static Status keep_record(void *ctx, const EvalRecord *record, const Batch *batch, int group) {
    Seen *s = ctx;
    str_clear(&s->lines);
    for (int i = batch->group_begin[group]; i < batch->group_begin[group + 1]; i++)
        sample_line(batch, i, s->tokenizer, 0, &s->lines);
    return evalfile_add(&s->file, record, &s->lines);
}

// What is evaluated how, on one line: a file of another evaluation is not gone on from.
static void write_header(const Args *args, const RunConfig *rc, const EvalConfig *cfg, int64_t seed,
                         const TaskSource *source, const Chat *chat, Str *out) {
    static const char *const weights[] = {"model.safetensors", "model.safetensors.index.json"};
    struct stat info;
    str_puts(out, "{\"model\":");
    str_json(out, args->word[0], strlen(args->word[0]));
    for (int i = 0; i < 2; i++) {
        Str path = {0};
        str_printf(&path, "%s/%s", args->word[0], weights[i]);
        if (stat(path.data, &info) == 0)
            str_printf(out, ",\"weights\":\"%lld bytes of %lld\"", (long long)info.st_size,
                       (long long)info.st_mtime);
        str_free(&path);
    }
    str_puts(out, ",\"data\":");
    const char *data = args_text(args, "data", "desk");
    str_json(out, data, strlen(data));
    str_printf(out, ",\"hash\":\"%016llx\",\"tasks\":%d,\"k\":%d,\"max_tokens\":%lld,\"seed\":%lld",
               (unsigned long long)source->hash, cfg->n_tasks, cfg->k,
               (long long)rc->rl.max_new_tokens, (long long)seed);
    static const char *const words[] = {"split", "judge", "extract", "format", "system"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *value = args_text(args, words[i], NULL);
        if (!value) continue;
        str_printf(out, ",\"%s\":", words[i]);
        str_json(out, value, strlen(value));
    }
    str_puts(out, ",\"ask\":");
    str_json(out, rc->data.template_, strlen(rc->data.template_));
    if (chat) str_printf(out, ",\"template\":\"%s\",\"think\":%d", chat->name, (int)chat->thinking);
    str_puts(out, ",\"temperature\":");
    str_number(out, cfg->temperature);
    str_puts(out, ",\"top_p\":");
    str_number(out, rc->rl.top_p);
    str_printf(out, ",\"top_k\":%lld", (long long)rc->rl.top_k);
    for (int i = 0; i < rc->rl.stop.n; i++) {
        str_puts(out, i ? "," : ",\"stop\":[");
        str_json(out, rc->rl.stop.value[i], strlen(rc->rl.stop.value[i]));
        if (i == rc->rl.stop.n - 1) str_putc(out, ']');
    }
    str_putc(out, '}');
}

static Status read_ks(const char *text, EvalConfig *cfg) {
    cfg->k = 1;
    for (const char *at = text; *at;) {
        char *end;
        long k = strtol(at, &end, 10);
        if (end == at || k < 1 || k > 4096 || (*end && *end != ',') || cfg->n_pass == EVAL_PASS_MAX)
            return FAIL(ST_CONFIG, "--k %s: wants up to %d numbers from 1 to 4096, as in 1,8,64",
                        text, EVAL_PASS_MAX);
        cfg->pass_k[cfg->n_pass++] = (int)k;
        if (k > cfg->k) cfg->k = (int)k;
        at = end + (*end == ',');
    }
    return ST_OK;
}

static Status read_samples(const Args *args, EvalConfig *cfg) {
    int64_t n = cfg->k;
    TRY(args_int(args, "n", 1, 4096, &n));
    if (n < cfg->k)
        return FAIL(ST_CONFIG, "--n %lld: pass@%d needs at least %d samples of each question",
                    (long long)n, cfg->k, cfg->k);
    cfg->k = (int)n;
    return ST_OK;
}

// "name  61.0 %  (95 %: 50.1 to 70.9)", or that it is unknown and why.
static void print_interval(const char *name, const Interval *v, const char *unknown) {
    if (isnan(v->mean))
        printf("%-9s  unknown: %s\n", name, unknown);
    else
        printf("%-9s  %.1f %%  (95 %%: %.1f to %.1f)\n", name, 100 * v->mean, 100 * v->low,
               100 * v->high);
}

static void print_plain(const EvalResult *r) {
    static const char none[] = "no sample has a verdict";
    printf("tasks      %d, %d sample%s each\n", r->n_asked, r->k, r->k == 1 ? "" : "s");
    if (r->n_tasks < r->n_asked)
        printf("           %d of them count: no sample of the other %d has a verdict\n", r->n_tasks,
               r->n_asked - r->n_tasks);
    print_interval("accuracy", &r->accuracy, none);
    char name[16], why[80];
    for (int i = 0; i < r->n_pass; i++) {
        snprintf(name, sizeof name, "pass@%d", r->pass[i].k);
        snprintf(why, sizeof why, "no question has %d samples with a verdict", r->pass[i].k);
        print_interval(name, &r->pass[i].value, why);
        if (r->pass[i].n_tasks > 0 && r->pass[i].n_tasks < r->n_asked)
            printf("           of %d questions: %d lack %d samples with a verdict\n",
                   r->pass[i].n_tasks, r->n_asked - r->pass[i].n_tasks, r->pass[i].k);
    }
    snprintf(name, sizeof name, "cons@%d", r->k);
    if (r->k > 1) print_interval(name, &r->cons, none);
    print_interval("format", &r->format, "no sample was finished");
    printf("length     %.1f tokens", r->length_mean);
    if (isfinite(r->length_right)) printf(", right %.1f", r->length_right);
    if (isfinite(r->length_wrong)) printf(", wrong %.1f", r->length_wrong);
    for (int s = 0; s < r->n_sources; s++) {
        const EvalResult *part = &r->by_source[s];
        printf("\n%-9s  accuracy ", part->source);
        if (isnan(part->accuracy.mean))
            printf("unknown");
        else
            printf("%.1f %%  (95 %%: %.1f to %.1f)", 100 * part->accuracy.mean,
                   100 * part->accuracy.low, 100 * part->accuracy.high);
        printf(" of %d tasks", part->n_tasks);
    }
    printf("\ncut off    %.1f %%, without verdict %.1f %%\n", 100 * r->truncated_frac,
           100 * r->error_frac);
}

static int run(const Args *args) {
    if (args->n_words != 1) return command_usage("eval: wants one MODEL");
    Arena *arena = arena_new(1 << 20);
    RunConfig rc = {0};
    TaskSource source = {0};
    Actor a = {0};
    Seen seen = {0};
    EvalResult result = {0};
    Str header = {0};
    bool nonfinite = false, resumable = false;
    EvalConfig cfg = {.temperature = 1};
    int64_t tasks = 0, seed = 1, threads = 0;
    Args none = {.command = "eval"};
    Status st;
    TRY_OUT(runconfig_open(&rc, "zero-desk", &none));
    TRY_OUT(args_int(args, "max-tokens", 1, 1 << 24, &rc.rl.max_new_tokens));
    TRY_OUT(args_int(args, "seed", 0, INT64_MAX, &seed));
    TRY_OUT(args_int(args, "threads", 0, 1024, &threads));
    TRY_OUT(args_num(args, "temperature", 0, 100, &cfg.temperature));
    TRY_OUT(args_num(args, "top-p", 1e-6, 1, &rc.rl.top_p));
    TRY_OUT(args_int(args, "top-k", 0, 1 << 24, &rc.rl.top_k));
    TRY_OUT(args_int(args, "seqs", 1, 65536, &rc.run.decode_seqs));
    rc.rl.extract = args_text(args, "extract", rc.rl.extract);
    rc.rl.format_template = args_text(args, "format", rc.rl.format_template);
    TRY_OUT(read_ks(args_text(args, "k", "1"), &cfg));
    TRY_OUT(read_samples(args, &cfg));
    if (cfg.temperature == 0 && (args_has(args, "top-p") || args_has(args, "top-k")))
        TRY_OUT(FAIL(ST_CONFIG, "--top-p and --top-k cannot act here: they need --temperature "
                                "above 0"));
    if (args_has(args, "stop")) rc.rl.stop = args_texts(args, "stop", arena);
    rc.rl.judge_program = args_text(args, "program", rc.rl.judge_program);
    TRY_OUT(asking_words(args, &rc.data.template_, arena));
    TRY_OUT(asking_source(args, &rc, "heldout", &source, &tasks));
    cfg.n_tasks = (int)tasks;
    TRY_OUT(settings_resolve(&rc.rl));
    int64_t most;
    TRY_OUT(asking_longest(args, &source, tasks, &most, arena));
    most += rc.rl.max_new_tokens;
    int64_t samples_in_all = tasks * cfg.k;
    if (rc.run.decode_seqs > samples_in_all) rc.run.decode_seqs = samples_in_all;
    ActorOpts ao = {.folder = args->word[0],
                    .engine = true,
                    .allocate = true,
                    .quiet = true,
                    .threads = (int)threads,
                    .max_seq_tokens = most < 1 << 24 ? (int)most : 1 << 24,
                    .decode_seqs = (int)rc.run.decode_seqs,
                    .seed = (uint64_t)seed};
    TRY_OUT(asking_actor(&ao, &a));
    const Chat *chat;
    TRY_OUT(chatflags_actor(args, &a, &chat));
    if (chat && !rc.rl.prefilled[0]) rc.rl.prefilled = chat_prefilled(chat);
    seen.tokenizer = a.tokenizer;
    EvalDeps deps = {.run = actor_context(&a, chat, 0),
                     .source = &source,
                     .cfg = &rc.rl,
                     .stop = interrupt_flag(),
                     .nonfinite = &nonfinite};
    const char *samples = args_text(args, "samples", NULL), *kept = args_text(args, "out", NULL);
    if (kept) {
        write_header(args, &rc, &cfg, seed, &source, chat, &header);
        TRY_OUT(evalfile_open(kept, str_text(&header), &seen.file, arena));
        deps.record = keep_record, deps.record_ctx = &seen;
        deps.done = seen.file.record, deps.n_done = seen.file.n;
        if (seen.file.n > 0) log_info("%s: going on after %d questions", kept, seen.file.n);
    }
    if (samples && !kept) {
        seen.stream = fopen(samples, "w");
        if (!seen.stream) TRY_OUT(FAIL(ST_IO, "%s: cannot open: %s", samples, strerror(errno)));
        deps.seen = write_samples, deps.seen_ctx = &seen;
    }
    AskingProgress ahead = {.begin = clock_now(),
                            .last = clock_now(),
                            .first = (int64_t)seen.file.n * cfg.k,
                            .what = "eval"};
    deps.progress = asking_progress, deps.progress_ctx = &ahead;
    cfg.slice_samples = 2 * ao.decode_seqs;
    st = evaluate(&deps, &cfg, &result, arena);
    log_progress_end();
    if (st != ST_OK) goto out;
    if (kept && samples) TRY_OUT(evalfile_samples(kept, samples));
    if (result.stopped) {
        if (kept) log_info("stopped; the same command goes on from %s", kept);
        resumable = kept != NULL;
        goto out;
    }
    if (args_has(args, "json")) {
        Str text = {0};
        stage_eval_json(&result, NULL, &text);
        printf("%s\n", str_text(&text));
        str_free(&text);
    } else {
        print_plain(&result);
    }
    if (seen.stream && ferror(seen.stream))
        st = FAIL(ST_IO, "%s: cannot write: %s", samples, strerror(errno));
out:
    if (seen.stream) fclose(seen.stream);
    str_free(&seen.lines);
    str_free(&header);
    evalfile_close(&seen.file);
    actor_close(&a);
    if (source.close) source.close(&source);
    runconfig_close(&rc);
    arena_free(arena);
    if (st != ST_OK) {
        int code = command_failed(st);
        return nonfinite ? EXIT_NUMERIC : code;
    }
    if (result.stopped && resumable) return EXIT_STOPPED;
    return result.stopped ? 128 + interrupt_signal() : EXIT_DONE;
}

const Command command_eval = {
    .name = "eval",
    .summary = "accuracy, unbiased pass@k and cons@k, each with its 95 % interval",
    .usage = "eval MODEL [--data F] [--k 1,8,64]",
    .about =
        "Definitions: accuracy is the mean over questions of the share of right samples; pass@k "
        "the unbiased\nestimate from all samples of a question; cons@k takes the most frequent "
        "answer. Samples without a\nverdict are left out. Intervals are over questions. With -o "
        "FILE a "
        "stopped evaluation (exit code 75) goes on\nwhere it was, to the same numbers.",
    .examples = "grpo eval runs/zero/checkpoints/step-100/model --k 1,8,64 --tasks 200\n"
                "grpo eval model/ --split large\n"
                "grpo eval model/ --data test.jsonl --temperature 0 --json\n"
                "grpo eval model/ --data gsm8k --chat --ask boxed -T 0.6 --top-p 0.95 --k 1,8 "
                "--max-tokens 400 -o gsm8k.eval",
    .model = true,
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
