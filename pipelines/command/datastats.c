// pipelines/command/datastats.c -- opens the file twice, counts, finds what is there twice.
#include "pipelines/command/datastats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "datasets/corpus.h"
#include "datasets/jsonl.h"

typedef struct SideStats {
    int64_t n; // -1: none can be used
    int64_t duplicates, bytes_prompt, bytes_answer, longest_prompt, longest_answer;
    char why[600]; // where none can be used
} SideStats;

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void count(SideStats *s, size_t prompt, size_t answer) {
    s->bytes_prompt += (int64_t)prompt;
    s->bytes_answer += (int64_t)answer;
    if ((int64_t)prompt > s->longest_prompt) s->longest_prompt = (int64_t)prompt;
    if ((int64_t)answer > s->longest_answer) s->longest_answer = (int64_t)answer;
}

static void count_duplicates(SideStats *s, uint64_t *hash) {
    if (s->n > 0) qsort(hash, (size_t)s->n, sizeof *hash, by_value);
    for (int64_t i = 1; i < s->n; i++) s->duplicates += hash[i] == hash[i - 1];
    free(hash);
}

static Status of_tasks(const TaskSource *source, SideStats *s) {
    Arena *arena = arena_new(1 << 16);
    *s = (SideStats){.n = source->n_tasks};
    uint64_t *hash = calloc((size_t)s->n + 1, sizeof *hash);
    CHECK(hash != NULL);
    Status st = ST_OK;
    for (int64_t i = 0; i < s->n && st == ST_OK; i++) {
        ArenaMark mark = arena_mark(arena);
        Task task = {0};
        st = source->get(source, (uint64_t)i, &task, arena);
        if (st == ST_OK) count(s, strlen(task.prompt), task.gold ? strlen(task.gold) : 0);
        hash[i] = task.id;
        arena_rewind(arena, mark);
    }
    count_duplicates(s, hash);
    arena_free(arena);
    return st;
}

static Status of_documents(const Corpus *corpus, SideStats *s) {
    Arena *arena = arena_new(1 << 16);
    *s = (SideStats){.n = corpus_size(corpus)};
    uint64_t *hash = calloc((size_t)s->n + 1, sizeof *hash);
    CHECK(hash != NULL);
    Status st = ST_OK;
    for (int64_t i = 0; i < s->n && st == ST_OK; i++) {
        ArenaMark mark = arena_mark(arena);
        Document d = {0};
        st = corpus_get(corpus, (uint64_t)i, &d, arena);
        if (st != ST_OK) break;
        size_t prompt = strlen(d.prompt), answer = strlen(d.response);
        uint64_t h = rng_hash(d.prompt, prompt) ^ rng_mix(rng_hash(d.response, answer));
        for (int k = 0; k < d.n_turns; k++) {
            size_t n = strlen(d.turn[k].content);
            *(d.turn[k].role[0] == 'a' ? &answer : &prompt) += n;
            h = rng_mix(h ^ rng_hash(d.turn[k].content, n));
        }
        count(s, prompt, answer);
        hash[i] = h;
        arena_rewind(arena, mark);
    }
    count_duplicates(s, hash);
    arena_free(arena);
    return st;
}

static void none(SideStats *s) {
    *s = (SideStats){.n = -1};
    snprintf(s->why, sizeof s->why, "%s", status_text());
    s->why[strcspn(s->why, "\n")] = 0;
}

static void put_side(const char *name, const SideStats *s, bool json, Str *out) {
    double n = s->n > 0 ? (double)s->n : 1;
    if (json && s->n < 0) {
        str_printf(out, ",\"%s\":{\"rows\":0,\"why\":", name);
        str_json(out, s->why, strlen(s->why));
        str_putc(out, '}');
    } else if (json) {
        str_printf(
            out,
            ",\"%s\":{\"rows\":%lld,\"duplicates\":%lld,\"prompt_bytes_mean\":%.1f,"
            "\"prompt_bytes_max\":%lld,\"answer_bytes_mean\":%.1f,\"answer_bytes_max\":%lld}",
            name, (long long)s->n, (long long)s->duplicates, (double)s->bytes_prompt / n,
            (long long)s->longest_prompt, (double)s->bytes_answer / n,
            (long long)s->longest_answer);
    } else if (s->n < 0) {
        str_printf(out, "%-10s none: %s\n", name, s->why);
    } else {
        str_printf(out,
                   "%-10s %lld (%lld seen before); prompt %.1f bytes in the mean, %lld at most; "
                   "answer %.1f, %lld at most\n",
                   name, (long long)s->n, (long long)s->duplicates, (double)s->bytes_prompt / n,
                   (long long)s->longest_prompt, (double)s->bytes_answer / n,
                   (long long)s->longest_answer);
    }
}

Status datastats(const char *path, const TaskFields *fields, const char *response, bool json,
                 Str *out) {
    Jsonl *rows = NULL;
    TaskSource source = {0};
    Corpus *corpus = NULL;
    SideStats questions, documents;
    TRY(jsonl_open(path, NULL, NULL, &rows));
    Status st = taskfile_open(path, fields, &source);
    if (st == ST_OK)
        st = of_tasks(&source, &questions);
    else
        none(&questions), st = ST_OK;
    const CorpusFields named = {fields->prompt, response};
    if (st == ST_OK && corpus_of_rows(path, &named, false, 0, &corpus) == ST_OK)
        st = of_documents(corpus, &documents);
    else if (st == ST_OK)
        none(&documents);
    const char *form = source.form ? source.form : jsonl_format(rows);
    if (st == ST_OK && json) {
        str_printf(out, "{\"rows\":%lld,\"skipped\":%lld,\"form\":", (long long)jsonl_size(rows),
                   (long long)jsonl_skipped(rows));
        str_json(out, form, strlen(form));
        put_side("questions", &questions, true, out);
        put_side("documents", &documents, true, out);
        str_printf(out, ",\"hash\":\"%016llx\"}\n", (unsigned long long)jsonl_hash(rows));
    } else if (st == ST_OK) {
        str_printf(out, "rows       %lld (%lld lines skipped)\nform       %s\n",
                   (long long)jsonl_size(rows), (long long)jsonl_skipped(rows), form);
        put_side("questions", &questions, false, out);
        put_side("documents", &documents, false, out);
        str_printf(out, "hash       %016llx\n", (unsigned long long)jsonl_hash(rows));
    }
    corpus_free(corpus);
    task_source_close(&source);
    jsonl_close(rows);
    return st;
}
