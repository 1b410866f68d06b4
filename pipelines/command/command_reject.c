// pipelines/command/command_reject.c -- `grpo reject`: samples of a model that are kept as data.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "pipelines/chatflags.h"
#include "pipelines/command.h"
#include "pipelines/command/asking.h"
#include "pipelines/command/command_reject.h"
#include "pipelines/command/evalfile.h"
#include "pipelines/command/rejectfile.h"
#include "pipelines/input.h"
#include "pipelines/interrupt.h"
#include "pipelines/sources.h"
#include "verifiers/format.h"
#include "verifiers/language.h"

const Flag reject_flags[REJECT_FLAGS] = {
    {"data", 'd', "F",
     "JSON-lines file, a data set by name (grpo data list), or desk (default desk)"},
    {"out", 'o', "OUT.jsonl",
     "the kept rows; OUT.jsonl.samples has all samples, OUT.jsonl.summary the counts"},
    {"split", 0, "S", "train or heldout (default train)"},
    {"folder", 0, "DIR", "of data sets known by name: DIR/gsm8k/train.jsonl"},
    {"judge", 0, "NAME", "who judges (default: as the rows or the data set say, else math)"},
    {"fields", 0, "JSON", "which field is what: {\"prompt\":\"problem\",\"answer\":\"extra.gt\"}"},
    {"program", 0, "CMD", "the judge 'program'"},
    {"tasks", 'N', "N", "how many questions (default: the file's, or 1000)"},
    {"k", 'k', "N", "samples of each question (default 4)"},
    {"temperature", 'T', "T", "above 0 (default 1)"},
    {"max-tokens", 'm', "N", "longest response that is drawn (default 160)"},
    {"seed", 's', "N", "of the samples (default 1)"},
    {"top-p", 0, "P", "nucleus (default 1 = off)"},
    {"top-k", 0, "K", "best tokens only (default 0 = off)"},
    {"stop", 0, "TEXT", "ends a response where it appears; may be given several times"},
    {"ask", 0, "TEXT",
     "of files: the prompt with {} for the question; @FILE holds it; or a name: r1-zero, boxed"},
    {"extract", 0, "HOW",
     "where the answer stands: boxed, answer, hash, bare (default: the judge's own)"},
    {"format", 0, "NAME",
     "the form that is wanted: think-boxed, r1-zero, chat, or any (default think-boxed)"},
    {"language", 0, "CODE", "the language of the thought: en, zh, ... (default: any)"},
    {"min-language", 0, "S", "smallest share of its words that are of that language (default 0.9)"},
    {"max-repeats", 0, "S",
     "largest share of six-word runs that stood in the response before (default 0.5; 1 = any)"},
    {"shortest", 0, "N", "tokens of a kept response, its end token included (default 1)"},
    {"longest", 0, "N", "the same (default: any)"},
    {"per-prompt", 'n', "N", "most rows kept of one prompt, the first ones (default 4; 0 = any)"},
    {"test", 0, "F",
     "a file or data set (its test split): a row with ten words in a row of it, or one of its "
     "questions, is left out; may be given several times"},
    {"fresh", 0, NULL, "begin anew, whatever samples are there"},
    {"seqs", 0, "N", "sequences decoded together (default 128, fewer where memory is short)"},
    {"threads", 'j', "N", "worker threads (default: all cores)"},
    CHAT_FLAGS,
    FLAG_ALLOW_MISSING,
};

enum { DRAW = 0x52454a }; // EvalConfig.step: other draws than those of `grpo eval`

static int is_weights(const struct dirent *e) {
    const char *dot = strrchr(e->d_name, '.');
    return dot && strcmp(dot, ".safetensors") == 0;
}

// Of the bytes of a model's weights: the policy version of a row.
static Status hash_weights(const char *model, Str *out, Arena *arena) {
    const char *folder;
    TRY(input_model(model, &folder, arena));
    struct dirent **entry = NULL;
    int n = scandir(folder, &entry, is_weights, alphasort);
    uint64_t hash = 0;
    Status st = ST_OK;
    for (int i = 0; i < (n < 0 ? 1 : n); i++) { // a file: GGUF
        const char *path = n < 0 ? folder : arena_printf(arena, "%s/%s", folder, entry[i]->d_name);
        FileMap map;
        if (st == ST_OK) st = file_map(path, &map);
        if (st == ST_OK) {
            hash = rng_mix(hash ^ rng_hash(map.data, map.size));
            file_unmap(&map);
        }
        if (n >= 0) free(entry[i]);
    }
    free(entry);
    str_printf(out, "%016llx", (unsigned long long)hash);
    return st;
}

typedef struct Keeper {
    RejectOrigin origin;
    EvalFile file;
    Str lines;
} Keeper;

static Status keep_record(void *ctx, const EvalRecord *record, const Batch *batch, int group) {
    Keeper *k = ctx;
    str_clear(&k->lines);
    for (int i = batch->group_begin[group]; i < batch->group_begin[group + 1]; i++)
        rejectfile_line(&k->origin, batch, i, &k->lines);
    return evalfile_add(&k->file, record, &k->lines);
}

// Everything that decides about the samples and the reasons against each, on one line.
static void write_header(const Args *args, const RejectOrigin *o, const EvalConfig *cfg,
                         const TaskSource *source, Str *out) {
    static const char *const words[] = {"data",     "split",   "judge",   "fields",   "program",
                                        "ask",      "extract", "format",  "language", "chat",
                                        "template", "system",  "no-think"};
    const RlConfig *rl = o->cfg;
    str_puts(out, "{\"command\":\"reject\",\"model\":");
    str_json(out, o->model, strlen(o->model));
    str_printf(out, ",\"policy_hash\":\"%s\",\"questions\":\"%016llx\",\"tasks\":%d,\"k\":%d",
               o->hash, (unsigned long long)source->hash, cfg->n_tasks, cfg->k);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!args_has(args, words[i])) continue;
        const char *value = args_text(args, words[i], "");
        str_printf(out, ",\"%s\":", words[i]);
        str_json(out, value ? value : "", value ? strlen(value) : 0);
    }
    const struct {
        const char *name;
        double value;
    } number[] = {{"seed", (double)o->seed},
                  {"temperature", cfg->temperature},
                  {"top_p", rl->top_p},
                  {"top_k", (double)rl->top_k},
                  {"max_tokens", (double)rl->max_new_tokens},
                  {"min_language", o->rules.min_language},
                  {"max_repeats", o->rules.max_repeats},
                  {"shortest", o->rules.min_tokens},
                  {"longest", o->rules.max_tokens}};
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
        str_printf(out, ",\"%s\":", number[i].name);
        str_number(out, number[i].value);
    }
    for (int i = 0; i < rl->stop.n; i++) {
        str_puts(out, i ? "," : ",\"stop\":[");
        str_json(out, rl->stop.value[i], strlen(rl->stop.value[i]));
        if (i == rl->stop.n - 1) str_putc(out, ']');
    }
    // The order of two test sets decides nothing, but who changes it may have changed them.
    str_printf(out, ",\"test_grams\":%zu,\"test_questions\":%lld}",
               o->rules.tests ? o->rules.tests->gram.n : 0,
               (long long)(o->rules.tests ? o->rules.tests->questions : 0));
}

static Status open_tests(const Args *args, RejectTests *tests, Arena *arena) {
    ConfigTexts name = args_texts(args, "test", arena);
    for (int i = 0; i < name.n; i++) {
        TaskSource source = {0};
        TaskFields fields = {.template_ = "{}"}; // the question alone
        Status st;
        const TaskFamily *family = family_find(name.value[i]);
        if (family)
            st = procedural_tasks(family, NULL, SPLIT_HELDOUT, 0, &source);
        else
            st = sources_open(name.value[i], args_text(args, "folder", ""), SPLIT_HELDOUT, &fields,
                              &source);
        if (st == ST_OK) st = reject_tests_add(tests, &source);
        task_source_close(&source);
        TRY(st);
    }
    return ST_OK;
}

static Status read_rules(const Args *args, RunConfig *rc, RejectRules *rules) {
    int64_t shortest = 1, longest = 0, most = 4;
    *rules = (RejectRules){.format = true, .max_repeats = 0.5};
    TRY(args_int(args, "shortest", 0, 1 << 24, &shortest));
    TRY(args_int(args, "longest", 1, 1 << 24, &longest));
    TRY(args_int(args, "per-prompt", 0, 1 << 20, &most));
    TRY(args_num(args, "max-repeats", 0, 1, &rules->max_repeats));
    rules->min_tokens = (int)shortest, rules->max_tokens = (int)longest;
    rules->per_prompt = (int)most;
    if (longest > 0 && longest < shortest)
        return FAIL(ST_CONFIG, "--longest %lld is below --shortest %lld: nothing could be kept",
                    (long long)longest, (long long)shortest);
    const char *form = args_text(args, "format", rc->rl.format_template);
    if (strcmp(form, "any") == 0)
        rules->format = false;
    else if (!format_template_known(form))
        return FAIL(ST_CONFIG, "--format %s: think-boxed, r1-zero, chat or any", form);
    else
        rc->rl.format_template = form;
    const char *language = args_text(args, "language", NULL);
    if (!language && args_has(args, "min-language"))
        return FAIL(ST_CONFIG, "--min-language does nothing without --language CODE");
    if (!language) return ST_OK;
    if (!language_known(language))
        return FAIL(ST_CONFIG, "--language %s: there are %s", language, language_codes());
    rules->min_language = 0.9;
    TRY(args_num(args, "min-language", 1e-6, 1, &rules->min_language));
    rc->rl.language = language;
    rc->rl.reward_language = 1; // so that the judges measure it
    return ST_OK;
}

static Status finish(const Args *args, const char *from, const char *out, const RejectRules *rules,
                     const Str *header) {
    static RejectSummary sum;
    Str path = {0}, text = {0}, plain = {0};
    Status st = rejectfile_keep(from, out, rules, &sum);
    if (st == ST_OK) {
        str_printf(&path, "%s.summary", out);
        str_printf(&text, "{\"asked\":%s,\"per_prompt\":%d,\"kept\":", str_text(header),
                   rules->per_prompt);
        rejectfile_json(&sum, &text);
        str_puts(&text, "}\n");
        st = file_write_atomic(str_text(&path), text.data, text.size);
    }
    if (st == ST_OK) {
        rejectfile_text(&sum, &plain);
        fputs(args_has(args, "json") ? str_text(&text) : str_text(&plain), stdout);
        if (sum.all.kept == 0) log_warn("%s: no sample was kept", out);
    }
    str_free(&path);
    str_free(&text);
    str_free(&plain);
    return st;
}

int reject_run(const Args *args) {
    const char *out = args_text(args, "out", NULL);
    if (args->n_words != 1 || !out)
        return command_usage("reject: wants one MODEL and -o OUT.jsonl");
    Arena *arena = arena_new(1 << 20);
    RunConfig rc = {0};
    TaskSource source = {0};
    Actor a = {0};
    Keeper keeper = {.origin.model = args->word[0]};
    RejectTests tests = {0};
    EvalResult result = {0};
    Str header = {0}, hash = {0};
    bool nonfinite = false;
    EvalConfig cfg = {.temperature = 1, .step = DRAW};
    int64_t tasks = 0, k = 4, threads = 0;
    Args none = {.command = "eval"};
    const char *samples = arena_printf(arena, "%s.samples", out);
    RejectOrigin *o = &keeper.origin;
    o->seed = 1;
    Status st;
    TRY_OUT(runconfig_open(&rc, "zero-desk", &none));
    TRY_OUT(args_int(args, "k", 1, 4096, &k));
    TRY_OUT(args_int(args, "max-tokens", 1, 1 << 24, &rc.rl.max_new_tokens));
    TRY_OUT(args_int(args, "seed", 0, INT64_MAX, &o->seed));
    TRY_OUT(args_int(args, "threads", 0, 1024, &threads));
    TRY_OUT(args_num(args, "temperature", 1e-3, 100, &cfg.temperature));
    TRY_OUT(args_num(args, "top-p", 1e-6, 1, &rc.rl.top_p));
    TRY_OUT(args_int(args, "top-k", 0, 1 << 24, &rc.rl.top_k));
    TRY_OUT(args_int(args, "seqs", 1, 65536, &rc.run.decode_seqs));
    rc.rl.extract = args_text(args, "extract", rc.rl.extract);
    if (args_has(args, "stop")) rc.rl.stop = args_texts(args, "stop", arena);
    rc.rl.judge_program = args_text(args, "program", rc.rl.judge_program);
    TRY_OUT(read_rules(args, &rc, &o->rules));
    TRY_OUT(open_tests(args, &tests, arena));
    if (tests.questions > 0) o->rules.tests = &tests;
    TRY_OUT(asking_words(args, &rc.data.template_, arena));
    TRY_OUT(asking_source(args, &rc, "train", &source, &tasks));
    cfg.n_tasks = (int)tasks, cfg.k = (int)k;
    TRY_OUT(settings_resolve(&rc.rl));
    TRY_OUT(hash_weights(args->word[0], &hash, arena));
    o->hash = str_text(&hash), o->cfg = &rc.rl;
    int64_t most;
    TRY_OUT(asking_longest(args, &source, tasks, &most, arena));
    most += rc.rl.max_new_tokens;
    if (rc.run.decode_seqs > tasks * k) rc.run.decode_seqs = tasks * k;
    ActorOpts ao = {.folder = args->word[0],
                    .engine = true,
                    .allocate = true,
                    .quiet = true,
                    .threads = (int)threads,
                    .max_seq_tokens = most < 1 << 24 ? (int)most : 1 << 24,
                    .decode_seqs = (int)rc.run.decode_seqs,
                    .seed = (uint64_t)o->seed};
    TRY_OUT(asking_actor(&ao, &a));
    TRY_OUT(chatflags_actor(args, &a, &o->chat));
    if (o->chat && !rc.rl.prefilled[0]) rc.rl.prefilled = chat_prefilled(o->chat);
    o->tokenizer = a.tokenizer;
    write_header(args, o, &cfg, &source, &header);
    if (args_has(args, "fresh")) unlink(samples);
    TRY_OUT(evalfile_open(samples, str_text(&header), &keeper.file, arena));
    if (keeper.file.n > 0) log_info("%s: going on after %d questions", samples, keeper.file.n);
    AskingProgress ahead = {.begin = clock_now(),
                            .last = clock_now(),
                            .first = (int64_t)keeper.file.n * k,
                            .what = "reject"};
    EvalDeps deps = {.run = actor_context(&a, o->chat, 0),
                     .source = &source,
                     .cfg = &rc.rl,
                     .record = keep_record,
                     .record_ctx = &keeper,
                     .done = keeper.file.record,
                     .n_done = keeper.file.n,
                     .progress = asking_progress,
                     .progress_ctx = &ahead,
                     .stop = interrupt_flag(),
                     .nonfinite = &nonfinite};
    cfg.slice_samples = 2 * ao.decode_seqs;
    st = evaluate(&deps, &cfg, &result, arena);
    log_progress_end();
    if (st != ST_OK) goto out;
    if (result.stopped)
        log_info("stopped; the same command goes on from %s", samples);
    else
        st = finish(args, samples, out, &o->rules, &header);
out:
    str_free(&keeper.lines);
    str_free(&header);
    str_free(&hash);
    evalfile_close(&keeper.file);
    reject_tests_free(&tests);
    actor_close(&a);
    task_source_close(&source);
    runconfig_close(&rc);
    arena_free(arena);
    if (st != ST_OK) {
        int code = command_failed(st);
        return nonfinite ? EXIT_NUMERIC : code;
    }
    return result.stopped ? EXIT_STOPPED : EXIT_DONE;
}

const Command command_reject = {
    .name = "reject",
    .summary = "rejection sampling: the samples of a model that are kept as data",
    .usage = "reject MODEL --data F -o OUT.jsonl",
    .about =
        "Asks each question k times and keeps the samples that are right, ended by themselves, "
        "have "
        "the form, are in\nthe language, do not repeat themselves, and are of the length asked "
        "for; at most so many of a prompt, each\nonce, none with ten words in a row of a test set. "
        "The kept rows are data for `grpo sft`, and `grpo verify --in`\njudges them again. Equal "
        "command, equal rows, whatever the threads; a stopped one (exit code 75) goes on.",
    .examples = "grpo reject runs/zero/checkpoints/latest --data desk -k 4 -o kept.jsonl\n"
                "grpo reject model/ --data gsm8k --chat --ask boxed -k 16 -n 2 --language en "
                "--test gsm8k --test math500 -o kept.jsonl\n"
                "grpo sft data.corpus=kept.jsonl sft.mask=response model.path=student -o runs/sft",
    .model = true,
    .flag = reject_flags,
    .n_flags = REJECT_FLAGS,
    .run = reject_run,
};
