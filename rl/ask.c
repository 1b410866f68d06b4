// rl/ask.c -- look the task up, encode its prompt, put it into a group.
#include "rl/ask.h"

Status ask_question(const TaskSource *source, uint64_t index, const Tokenizer *tokenizer,
                    const Chat *chat, const Bench *bench, Question *out, Arena *arena) {
    *out = (Question){.task = ARENA_ARRAY(arena, Task, 1), .index = index};
    TRY(source->get(source, index, out->task, arena));
    TRY(judge_knows(bench, out->task));
    TRY(chat_encode(chat, tokenizer, out->task->prompt, &out->prompt, &out->n_prompt, arena));
    if (out->n_prompt == 0)
        return FAIL(ST_FORMAT, "%s: task %llu has an empty prompt", source->name,
                    (unsigned long long)index);
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
        .repeat_window = (int)cfg->repeat_window,
    };
}
