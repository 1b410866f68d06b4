// pipelines/command/asking.c -- the source, the longest prompt, the model; what the flags say of
// them.
#include "pipelines/command/asking.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "datasets/procedural.h"
#include "datasets/taskfile.h"
#include "pipelines/chatflags.h"
#include "pipelines/datafields.h"
#include "pipelines/input.h"
#include "pipelines/sources.h"
#include "rl/ask.h"

void asking_progress(void *ctx, int64_t done, int64_t all) {
    AskingProgress *a = ctx;
    double now = clock_now();
    double every = log_is_terminal() ? 0.2 : 30;
    if (now - a->last < every && done < all) return;
    a->last = now;
    double rate = (double)(done - a->first) / (now - a->begin + 1e-9);
    double left = rate > 0 ? (double)(all - done) / rate : 0;
    log_progress(done < all, "%s  %lld/%lld samples  %.1f/s  %d:%02d left", a->what,
                 (long long)done, (long long)all, rate, (int)(left / 60), (int)left % 60);
}

// Fewer sequences at once where they do not fit: no result depends on it.
Status asking_actor(ActorOpts *ao, Actor *a) {
    for (;; ao->decode_seqs /= 2) {
        Status st = actor_open(ao, a);
        if (st != ST_NOMEM || ao->decode_seqs <= 1) return st;
    }
}

// What --ask says, its file's text where it names one.
Status asking_words(const Args *args, const char **out, Arena *arena) {
    char *text;
    size_t size;
    *out = args_text(args, "ask", "");
    if ((*out)[0] != '@') return ST_OK;
    TRY(file_read(*out + 1, &text, &size, arena));
    if (memchr(text, 0, size)) return FAIL(ST_FORMAT, "%s: holds a zero byte", *out + 1);
    *out = text;
    return ST_OK;
}

Status asking_source(const Args *args, const RunConfig *rc, const char *split_by_default,
                     TaskSource *out, int64_t *n_tasks) {
    const char *data = args_text(args, "data", "desk");
    const TaskFamily *family = family_find(data);
    if (family) {
        Split split;
        TRY(split_parse(args_text(args, "split", split_by_default), &split));
        TRY(procedural_tasks(family, NULL, split, 0, out));
        *n_tasks = 1000;
    } else {
        Split split;
        TRY(split_parse(args_text(args, "split", split_by_default), &split));
        const char *judge = args_text(args, "judge", NULL);
        TaskFields fields = {.judge = judge, .template_ = sources_template(rc->data.template_)};
        Arena *arena = arena_new(1024);
        DataFields named;
        Status st = datafields_parse(args_text(args, "fields", ""), data, &named, arena);
        datafields_tasks(&named, &fields);
        if (st == ST_OK)
            st = sources_open(data, args_text(args, "folder", ""), split, &fields, out);
        arena_free(arena);
        TRY(st);
        TRY(sources_inspect(rc, out));
        *n_tasks = out->n_tasks;
    }
    return args_int(args, "tasks", 1, 100000000, n_tasks);
}

// The tokens of the longest prompt that evaluate() may ask.
Status asking_longest(const Args *args, const TaskSource *source, int64_t n_tasks, int64_t *out,
                      Arena *arena) {
    Tokenizer *tokenizer = NULL;
    Chat chat = {0}, *speaks = NULL;
    int64_t n = source->n_tasks > 0 ? source->n_tasks : 16 * n_tasks + 4096;
    Status st;
    *out = 0;
    const char *model;
    TRY_OUT(input_model(args->word[0], &model, arena));
    TRY_OUT(tokenizer_load(model, &tokenizer));
    if (chatflags_given(args)) {
        TRY_OUT(chat_open(chatflags_name(args), args->word[0], tokenizer, &chat));
        chat.thinking = chatflags_thinking(args);
        chat.said = chatflags_system(args);
        speaks = &chat;
    }
    for (int64_t i = 0; i < n; i++) {
        ArenaMark mark = arena_mark(arena);
        Task task = {0};
        int32_t *ids;
        int n_ids;
        TRY_OUT(source->get(source, (uint64_t)i, &task, arena));
        TRY_OUT(ask_prompt(&task, tokenizer, speaks, &ids, &n_ids, arena));
        if (n_ids > *out) *out = n_ids;
        arena_rewind(arena, mark);
    }
out:
    chat_close(&chat);
    tokenizer_free(tokenizer);
    return st;
}
