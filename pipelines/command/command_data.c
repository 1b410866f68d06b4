// pipelines/command/command_data.c -- `grpo data`: make and inspect data sets.
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "datasets/corpus.h"
#include "datasets/jsonl.h"
#include "datasets/published.h"
#include "datasets/taskfile.h"
#include "pipelines/actor.h"
#include "pipelines/chatflags.h"
#include "pipelines/command.h"
#include "pipelines/command/dataimport.h"
#include "pipelines/command/datapick.h"
#include "pipelines/command/datastats.h"
#include "pipelines/datafields.h"
#include "pipelines/input.h"
#include "pipelines/sources.h"
#include "rl/ask.h"

static const Flag flags[] = {
    {"n", 'n', "N", "how many (default 100; show: 3)"},
    {"split", 0, "S", "train, heldout or large (default train)"},
    {"seed", 's', "N", "default 1"},
    {"first", 0, "I", "number of the first one (default 0)"},
    {"documents", 0, NULL, "documents of the corpus, not questions"},
    {"folder", 0, "DIR", "of data sets known by name, for show"},
    {"fields", 0, "JSON",
     "show, stats: which field is what: {\"prompt\":\"problem\",\"answer\":\"extra.gt\"}"},
    {"model", 0, "MODEL", "show: the prompt as this model sees it, with --chat in its template"},
    {"ask", 0, "TEXT", "show: the prompt with {} for the question"},
    CHAT_FLAGS,
    {"out", 'o', "FILE", "where to (default: stdout; pick wants one)"},
    {"eval", 0, "RECORDS", "pick: what 'grpo eval -o RECORDS' kept of the questions"},
    {"min-right", 0, "N", "pick: questions that were right in N samples or more (default 1)"},
    {"max-right", 0, "N", "pick: and in N or fewer (default: any number)"},
    {"heldout", 0, "FILE", "pick: a part of them goes there, not to -o"},
    {"share", 0, "S", "pick: how large a part (default 0.3)"},
};

static void pair(const char *key, const char *value, Str *out) {
    str_printf(out, ",\"%s\":", key);
    str_json(out, value, strlen(value));
}

static void put_task(const Task *task, Str *out) {
    str_printf(out, "{\"id\":\"%016llx\"", (unsigned long long)task->id);
    pair("prompt", task->prompt, out);
    if (task->gold) pair("gold", task->gold, out);
    pair("judge", task->judge, out);
    pair("source", task->source, out);
    for (int i = 0; i < task->n_turns; i++) {
        str_puts(out, i ? ",{" : ",\"messages\":[{");
        str_puts(out, "\"role\":");
        str_json(out, task->turn[i].role, strlen(task->turn[i].role));
        pair("content", task->turn[i].content, out);
        str_puts(out, i == task->n_turns - 1 ? "}]" : "}");
    }
    str_printf(out, ",\"level\":%d}\n", task->level);
}

static Status make_tasks(const TaskFamily *family, Split split, uint64_t seed, int64_t first,
                         int64_t n, Str *out) {
    Arena *arena = arena_new(1 << 16);
    TaskSource source;
    Status st = procedural_tasks(family, NULL, split, seed, &source);
    for (int64_t i = first; st == ST_OK && i < first + n; i++) {
        ArenaMark mark = arena_mark(arena);
        Task task;
        st = source.get(&source, (uint64_t)i, &task, arena);
        if (st != ST_OK) break;
        put_task(&task, out);
        arena_rewind(arena, mark);
    }
    if (source.close) source.close(&source);
    arena_free(arena);
    return st;
}

static Status make_documents(const TaskFamily *family, uint64_t seed, int64_t first, int64_t n,
                             Str *out) {
    Arena *arena = arena_new(1 << 16);
    Corpus *corpus = NULL;
    Status st = corpus_of_family(family, NULL, seed, &corpus);
    for (int64_t i = first; st == ST_OK && i < first + n; i++) {
        ArenaMark mark = arena_mark(arena);
        Document doc;
        st = corpus_get(corpus, (uint64_t)i, &doc, arena);
        if (st != ST_OK) break;
        str_printf(out, "{\"id\":%lld", (long long)i);
        pair("prompt", doc.prompt, out);
        pair("response", doc.response, out);
        str_puts(out, "}\n");
        arena_rewind(arena, mark);
    }
    corpus_free(corpus);
    arena_free(arena);
    return st;
}

static int make(const Args *args) {
    if (args->n_words != 2) return command_usage("data make: wants a family (%s)", family_names());
    const TaskFamily *family = family_find(args->word[1]);
    if (!family)
        return command_usage("data make: no family '%s'; there are: %s", args->word[1],
                             family_names());
    int64_t n = 100, seed = 1, first = 0;
    Split split;
    Str out = {0};
    Status st;
    TRY_OUT(args_int(args, "n", 0, 100000000, &n));
    TRY_OUT(args_int(args, "seed", 0, INT64_MAX, &seed));
    TRY_OUT(args_int(args, "first", 0, INT64_MAX / 2, &first));
    TRY_OUT(split_parse(args_text(args, "split", "train"), &split));
    if (args_has(args, "documents"))
        TRY_OUT(make_documents(family, (uint64_t)seed, first, n, &out));
    else
        TRY_OUT(make_tasks(family, split, (uint64_t)seed, first, n, &out));
    const char *path = args_text(args, "out", NULL);
    if (path)
        st = file_write_atomic(path, str_text(&out), out.size);
    else
        fwrite(str_text(&out), 1, out.size, stdout);
out:
    str_free(&out);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

static int stats(const Args *args) {
    if (args->n_words != 2) return command_usage("data stats: wants one FILE");
    Arena *arena = arena_new(1024);
    DataFields named;
    TaskFields fields = {0};
    Str out = {0};
    Status st;
    TRY_OUT(datafields_parse(args_text(args, "fields", ""), args->word[1], &named, arena));
    datafields_tasks(&named, &fields);
    TRY_OUT(datastats(args->word[1], &fields, named.response, args_has(args, "json"), &out));
    fputs(str_text(&out), stdout);
out:
    str_free(&out);
    arena_free(arena);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

static int import(const Args *args) {
    const char *out = args_text(args, "out", NULL), *tool;
    if (args->n_words != 2 || !out)
        return command_usage("data import: wants one FILE.parquet (or .arrow) and -o FILE.jsonl");
    Status st = dataimport(args->word[1], out, &tool);
    if (st != ST_OK) return command_failed(st);
    log_info("%s: written by %s", out, tool);
    return EXIT_DONE;
}

static int list(const Args *args) {
    if (args->n_words != 1) return command_usage("data list: takes no words");
    bool json = args_has(args, "json");
    Str out = {0};
    if (!json) str_printf(&out, "%-10s %-9s %-12s rows here  what\n", "name", "judge", "licence");
    for (int i = 0; i < published_count(); i++) {
        const Published *p = published_at(i);
        int rows = 0;
        for (const char *at = p->slice ? p->slice : ""; *at; at++) rows += *at == '\n';
        if (json) {
            str_printf(&out, "{\"name\":\"%s\",\"judge\":\"%s\",\"rows\":%d", p->name, p->judge,
                       rows);
            pair("licence", p->licence, &out);
            pair("about", p->about, &out);
            str_puts(&out, "}\n");
        } else {
            str_printf(&out, "%-10s %-9s %-12s %9d  %s\n", p->name, p->judge, p->licence, rows,
                       p->about);
        }
    }
    if (!json)
        str_printf(&out,
                   "Families: %s. NAME alone is the program's few rows; NAME=FILE or NAME=FOLDER "
                   "(train.jsonl, test.jsonl)\nis the whole set, or data.folder=FOLDER of all of "
                   "them.\n",
                   family_names());
    fputs(str_text(&out), stdout);
    str_free(&out);
    return EXIT_DONE;
}

// The prompt exactly as a model sees it, in its template where one is asked for.
static Status put_seen(const Task *task, const Tokenizer *tokenizer, const Chat *chat, Str *out,
                       Arena *arena) {
    int32_t *ids;
    int n;
    Str seen = {0};
    TRY(ask_prompt(task, tokenizer, chat, &ids, &n, arena));
    tokenizer_decode(tokenizer, ids, n, false, &seen);
    out->size -= 2; // the brace and the newline
    str_printf(out, ",\"prompt_tokens\":%d", n);
    pair("seen", str_text(&seen), out);
    str_puts(out, "}\n");
    str_free(&seen);
    return ST_OK;
}

// A data set by name, or a file, is its rows: `data show gsm8k -n 3` prints them as questions.
static int show(const Args *args) {
    if (args->n_words != 2) return command_usage("data show: wants one NAME or FILE");
    int64_t n = 3, first = 0;
    Split split;
    Str out = {0};
    TaskSource source = {0};
    Tokenizer *tokenizer = NULL;
    Chat chat = {0}, *speaks = NULL;
    DataFields named;
    Arena *arena = arena_new(1 << 16);
    const char *model = args_text(args, "model", NULL);
    TaskFields fields = {.template_ = sources_template(args_text(args, "ask", ""))};
    Status st;
    TRY_OUT(args_int(args, "n", 0, 100000000, &n));
    TRY_OUT(args_int(args, "first", 0, INT64_MAX / 2, &first));
    TRY_OUT(split_parse(args_text(args, "split", "train"), &split));
    TRY_OUT(datafields_parse(args_text(args, "fields", ""), args->word[1], &named, arena));
    datafields_tasks(&named, &fields);
    if (model) {
        TRY_OUT(input_model(model, &model, arena));
        TRY_OUT(tokenizer_load(model, &tokenizer));
        if (chatflags_given(args)) {
            TRY_OUT(chat_open(chatflags_name(args), model, tokenizer, &chat));
            chat.thinking = chatflags_thinking(args);
            chat.said = chatflags_system(args);
            speaks = &chat;
        }
    }
    TRY_OUT(sources_open(args->word[1], args_text(args, "folder", ""), split, &fields, &source));
    if (source.form)
        log_info("%s: %lld questions (%s)", source.name, (long long)source.n_tasks, source.form);
    for (int64_t i = first; i < first + n && i < source.n_tasks; i++) {
        Task task;
        TRY_OUT(source.get(&source, (uint64_t)i, &task, arena));
        put_task(&task, &out);
        if (tokenizer) TRY_OUT(put_seen(&task, tokenizer, speaks, &out, arena));
    }
    fwrite(str_text(&out), 1, out.size, stdout);
out:
    chat_close(&chat);
    task_source_close(&source);
    tokenizer_free(tokenizer);
    arena_free(arena);
    str_free(&out);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

static int pick(const Args *args) {
    if (args->n_words != 2) return command_usage("data pick: wants one FILE or NAME");
    DataPick how = {.records = args_text(args, "eval", NULL),
                    .min_right = 1,
                    .max_right = -1,
                    .out = args_text(args, "out", NULL),
                    .heldout = args_text(args, "heldout", NULL),
                    .share = 0.3};
    if (!how.records || !how.out)
        return command_usage("data pick: wants --eval RECORDS (of 'grpo eval -o RECORDS') and -o "
                             "FILE");
    DataPicked n = {0};
    Split split;
    TaskSource source = {0};
    Status st;
    TRY_OUT(args_int(args, "min-right", 0, 4096, &how.min_right));
    TRY_OUT(args_int(args, "max-right", 0, 4096, &how.max_right));
    TRY_OUT(args_num(args, "share", 0, 1, &how.share));
    TRY_OUT(split_parse(args_text(args, "split", "train"), &split));
    TRY_OUT(sources_open(args->word[1], args_text(args, "folder", ""), split, &(TaskFields){0},
                         &source));
    TRY_OUT(datapick(&source, &how, &n));
    if (args_has(args, "json"))
        printf("{\"asked\":%lld,\"taken\":%lld,\"heldout\":%lld}\n", (long long)n.asked,
               (long long)n.taken, (long long)n.heldout);
    else
        printf("%lld of %lld questions: %lld to %s, %lld held out\n",
               (long long)(n.taken + n.heldout), (long long)n.asked, (long long)n.taken, how.out,
               (long long)n.heldout);
out:
    task_source_close(&source);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

static int run(const Args *args) {
    const char *what = args->n_words ? args->word[0] : "";
    if (strcmp(what, "list") == 0) return list(args);
    if (strcmp(what, "show") == 0) return show(args);
    if (strcmp(what, "make") == 0) return make(args);
    if (strcmp(what, "stats") == 0) return stats(args);
    if (strcmp(what, "import") == 0) return import(args);
    if (strcmp(what, "pick") == 0) return pick(args);
    return command_usage("data: wants list, show, stats, import, make or pick");
}

const Command command_data = {
    .name = "data",
    .summary = "make and inspect data sets",
    .usage = "data list | data show NAME|FILE [--model MODEL] | data import FILE.parquet -o "
             "FILE.jsonl |\n"
             "       grpo data make FAMILY [-n N] [--split S] [--documents] | data "
             "stats FILE |\n       grpo data pick FILE --eval RECORDS -o FILE [--heldout FILE]",
    .about =
        "list names the data sets that are known by name, each with the judge that is bound to "
        "it; show prints\ntheir questions, and of any file what each row became; docs/DATA.md has "
        "the "
        "formats.",
    .examples =
        "grpo data list\n"
        "grpo data show humaneval -n 1\n"
        "grpo data make desk -n 100 --split heldout --seed 1\n"
        "grpo data make desk -n 5 --documents\n"
        "grpo data stats train.jsonl\n"
        "grpo data show train.csv --fields '{\"prompt\":\"problem\",\"answer\":\"result\"}'\n"
        "grpo data import train.parquet -o train.jsonl\n"
        "grpo eval model/ --data pool.jsonl --k 8 -o pool.eval && grpo data pick pool.jsonl "
        "--eval pool.eval -o train.jsonl --heldout test.jsonl",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
