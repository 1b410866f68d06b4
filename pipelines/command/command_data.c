// pipelines/command/command_data.c -- `grpo data`: make and inspect data sets.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "datasets/corpus.h"
#include "datasets/jsonl.h"
#include "datasets/published.h"
#include "datasets/taskfile.h"
#include "pipelines/actor.h"
#include "pipelines/command.h"
#include "pipelines/command/datapick.h"
#include "pipelines/input.h"
#include "pipelines/sources.h"

static const Flag flags[] = {
    {"n", 'n', "N", "how many (default 100)"},
    {"split", 0, "S", "train, heldout or large (default train)"},
    {"seed", 's', "N", "default 1"},
    {"first", 0, "I", "number of the first one (default 0)"},
    {"documents", 0, NULL, "documents of the corpus, not questions"},
    {"folder", 0, "DIR", "of data sets known by name, for show"},
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

typedef struct Stats {
    int64_t n, bytes_prompt, bytes_answer;
    int64_t longest_prompt, longest_answer, duplicates;
} Stats;

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int stats(const Args *args) {
    if (args->n_words != 2) return command_usage("data stats: wants one FILE");
    static const char *const prompts[] = {"prompt", "question", "problem", "text", NULL};
    static const char *const answers[] = {
        "gold", "answer", "expected_answer", "solution", "response", "completion", NULL};
    Jsonl *rows = NULL;
    Status st = input_file(args->word[1]);
    if (st == ST_OK) st = jsonl_open(args->word[1], NULL, NULL, &rows);
    if (st != ST_OK) return command_failed(st);
    Arena *arena = arena_new(1 << 16);
    Stats s = {.n = jsonl_size(rows)};
    uint64_t *hash = calloc((size_t)s.n + 1, sizeof *hash);
    CHECK(hash);
    for (int64_t i = 0; i < s.n && st == ST_OK; i++) {
        JsonDoc *doc;
        st = jsonl_row(rows, i, &doc);
        if (st != ST_OK) break;
        ArenaMark mark = arena_mark(arena);
        const char *p = jsonl_text(json_root(doc), prompts, arena);
        const char *a = jsonl_text(json_root(doc), answers, arena);
        int64_t np = p ? (int64_t)strlen(p) : 0, na = a ? (int64_t)strlen(a) : 0;
        s.bytes_prompt += np, s.bytes_answer += na;
        if (np > s.longest_prompt) s.longest_prompt = np;
        if (na > s.longest_answer) s.longest_answer = na;
        hash[i] = rng_hash(p ? p : "", (uint64_t)np);
        arena_rewind(arena, mark);
        json_free(doc);
    }
    qsort(hash, (size_t)s.n, sizeof *hash, by_value);
    for (int64_t i = 1; i < s.n; i++) s.duplicates += hash[i] == hash[i - 1];
    double n = s.n ? (double)s.n : 1;
    if (st == ST_OK && args_has(args, "json"))
        printf("{\"rows\":%lld,\"skipped\":%lld,\"duplicate_prompts\":%lld,\"prompt_bytes_mean\":"
               "%.1f,\"prompt_bytes_max\":%lld,\"answer_bytes_mean\":%.1f,\"answer_bytes_max\":"
               "%lld,\"hash\":\"%016llx\"}\n",
               (long long)s.n, (long long)jsonl_skipped(rows), (long long)s.duplicates,
               (double)s.bytes_prompt / n, (long long)s.longest_prompt, (double)s.bytes_answer / n,
               (long long)s.longest_answer, (unsigned long long)jsonl_hash(rows));
    else if (st == ST_OK)
        printf("rows       %lld (%lld lines skipped, %lld prompts seen before)\n"
               "prompt     %.1f bytes in the mean, %lld at most\n"
               "answer     %.1f bytes in the mean, %lld at most\n"
               "hash       %016llx\n",
               (long long)s.n, (long long)jsonl_skipped(rows), (long long)s.duplicates,
               (double)s.bytes_prompt / n, (long long)s.longest_prompt, (double)s.bytes_answer / n,
               (long long)s.longest_answer, (unsigned long long)jsonl_hash(rows));
    if (jsonl_skipped(rows)) log_warn("%s", jsonl_report(rows));
    free(hash);
    arena_free(arena);
    jsonl_close(rows);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
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

// A data set by name is its rows: `data show gsm8k -n 3` prints them as the model would see them.
static int show(const Args *args) {
    if (args->n_words != 2) return command_usage("data show: wants one NAME or FILE");
    int64_t n = 5, first = 0;
    Split split;
    Str out = {0};
    TaskSource source = {0};
    Arena *arena = arena_new(1 << 16);
    Status st;
    TRY_OUT(args_int(args, "n", 0, 100000000, &n));
    TRY_OUT(args_int(args, "first", 0, INT64_MAX / 2, &first));
    TRY_OUT(split_parse(args_text(args, "split", "train"), &split));
    TRY_OUT(sources_open(args->word[1], args_text(args, "folder", ""), split, &(TaskFields){0},
                         &source));
    for (int64_t i = first; i < first + n && i < source.n_tasks; i++) {
        Task task;
        TRY_OUT(source.get(&source, (uint64_t)i, &task, arena));
        put_task(&task, &out);
    }
    fwrite(str_text(&out), 1, out.size, stdout);
out:
    task_source_close(&source);
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
    if (strcmp(what, "pick") == 0) return pick(args);
    return command_usage("data: wants list, show, make, stats or pick");
}

const Command command_data = {
    .name = "data",
    .summary = "make and inspect data sets",
    .usage =
        "data list | data show NAME | data make FAMILY [-n N] [--split S] [--documents] | data "
        "stats FILE |\n       grpo data pick FILE --eval RECORDS -o FILE [--heldout FILE]",
    .about =
        "list names the data sets that are known by name, each with the judge that is bound to "
        "it; show prints\ntheir questions as a model sees them.",
    .examples =
        "grpo data list\n"
        "grpo data show humaneval -n 1\n"
        "grpo data make desk -n 100 --split heldout --seed 1\n"
        "grpo data make desk -n 5 --documents\n"
        "grpo data stats train.jsonl\n"
        "grpo eval model/ --data pool.jsonl --k 8 -o pool.eval && grpo data pick pool.jsonl "
        "--eval pool.eval -o train.jsonl --heldout test.jsonl",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
