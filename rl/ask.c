// rl/ask.c -- look the task up, encode its prompt, put it into a group.
#include "rl/ask.h"

#include <string.h>

#include "base/log.h"

Status ask_prompt(const Task *task, const Tokenizer *tokenizer, const Chat *chat, int32_t **ids,
                  int *n, Arena *arena) {
    if (task->n_turns == 0) return chat_encode(chat, tokenizer, task->prompt, ids, n, arena);
    if (!chat)
        return FAIL(ST_CONFIG,
                    "%s: a question has a system message or several turns, which only a chat "
                    "template makes a prompt of: data.chat=auto, or the name of one",
                    task->source);
    int n_turns = 0;
    ChatMessage *m = ARENA_ARRAY(arena, ChatMessage, task->n_turns + 1);
    if (chat->said && chat->said[0] && strcmp(task->turn[0].role, "system") != 0)
        m[n_turns++] = (ChatMessage){.role = "system", .content = chat->said};
    for (int i = 0; i < task->n_turns; i++)
        m[n_turns++] = (ChatMessage){.role = task->turn[i].role, .content = task->turn[i].content};
    Str text = {0};
    Status st = chat_render(chat, m, n_turns, true, &text);
    if (st == ST_OK) {
        size_t from = chat_own_bos(tokenizer, str_text(&text));
        st = tokenizer_encode(tokenizer, str_text(&text) + from, text.size - from, true, true, ids,
                              n, arena);
    }
    str_free(&text);
    return st;
}

static size_t bytes_of(const Task *task) {
    size_t n = strlen(task->prompt);
    for (int i = 0; i < task->n_turns - 1; i++) n += strlen(task->turn[i].content) + 64;
    return n;
}

Status ask_question(const TaskSource *source, uint64_t index, const Tokenizer *tokenizer,
                    const Chat *chat, const BatchJudge *judging, Question *out, Arena *arena) {
    *out = (Question){.task = ARENA_ARRAY(arena, Task, 1), .index = index};
    TRY(source->get(source, index, out->task, arena));
    TRY(judge_knows(judging, out->task));
    TRY(ask_prompt(out->task, tokenizer, chat, &out->prompt, &out->n_prompt, arena));
    if (out->n_prompt == 0)
        return FAIL(ST_FORMAT, "%s: task %llu has an empty prompt", source->name,
                    (unsigned long long)index);
    return ST_OK;
}

Status ask_room(const TaskSource *source, const Tokenizer *tokenizer, const Chat *chat, int context,
                int64_t max_new_tokens, Arena *scratch) {
    int64_t too_long = 0, tight = 0, first = -1;
    int longest = 0, first_n = 0, around;
    ArenaMark mark = arena_mark(scratch);
    int32_t *prompt;
    TRY(chat_encode(chat, tokenizer, "", &prompt, &around, scratch)); // the template's own
    Status st = ST_OK;
    for (int64_t i = 0; i < source->n_tasks && st == ST_OK; i++) {
        arena_rewind(scratch, mark);
        Task task;
        int n;
        st = source->get(source, (uint64_t)i, &task, scratch);
        // a token is a byte at least, before normalisation: most need not be cut into tokens
        if (st != ST_OK || 2 * ((int64_t)bytes_of(&task) + around) < context - max_new_tokens)
            continue;
        st = ask_prompt(&task, tokenizer, chat, &prompt, &n, scratch);
        if (st != ST_OK) break;
        longest = n > longest ? n : longest;
        tight += n + max_new_tokens > context;
        if (n < context) continue;
        if (too_long++ == 0) first = i, first_n = n;
    }
    arena_rewind(scratch, mark);
    if (st != ST_OK) return st;
    if (too_long > 0)
        return FAIL(
            ST_CONFIG,
            "%s: the prompt of task %lld has %d tokens and a sequence has room for %d (%lld "
            "of %lld prompts are too long). Set model.max_position=%lld (the longest prompt "
            "and rl.max_new_tokens, within the model's context), or leave them out",
            source->name, (long long)first, first_n, context, (long long)too_long,
            (long long)source->n_tasks, (long long)(longest + max_new_tokens));
    if (tight > 0)
        log_warn("%s: %lld of %lld prompts leave less than rl.max_new_tokens=%lld of the %d tokens "
                 "of a sequence; model.max_position=%lld would do",
                 source->name, (long long)tight, (long long)source->n_tasks,
                 (long long)max_new_tokens, context, (long long)(longest + max_new_tokens));
    return ST_OK;
}

Batch *ask_batch(const Question *question, int n, int group_size, uint64_t step, Arena *arena) {
    Batch *batch = batch_new(n, group_size, arena);
    batch->step = step;
    for (int g = 0; g < n; g++) {
        const Question *q = &question[g];
        batch_ask(batch, g, q->task, q->task->id, q->index, q->prompt, q->n_prompt, arena);
    }
    return batch;
}

SampleConfig ask_sampling(const RlConfig *cfg, const int32_t *stop_token, int n_stop_tokens) {
    return (SampleConfig){
        .temperature = cfg->temperature,
        .top_k = (int)cfg->top_k,
        .top_p = cfg->top_p,
        .min_p = cfg->min_p,
        .max_new_tokens = (int)cfg->max_new_tokens,
        .stop_token = stop_token,
        .n_stop_tokens = n_stop_tokens,
        .stop_text = cfg->stop.value,
        .n_stop_texts = cfg->stop.n,
        .repeat_window = (int)cfg->repeat_window,
    };
}
