// pipelines/run/sample_lines.c -- one sample, one line.
#include "pipelines/run/sample_lines.h"

#include <string.h>

#include "datasets/task.h"
#include "rl/reward.h"
#include "verifiers/verdict.h"

static void text(const char *key, const char *value, size_t size, Str *out) {
    str_printf(out, ",\"%s\":", key);
    str_json(out, value, size);
}

void sample_line(const Batch *b, int i, const Tokenizer *tokenizer, int64_t step, Str *out) {
    int g = batch_group_of(b, i);
    const Task *task = b->task[g];
    Str words = {0};
    str_printf(out, "{\"step\":%lld,\"id\":\"%016llx\",\"task_index\":%llu,\"sample\":%d",
               (long long)step, (unsigned long long)b->task_id[g],
               (unsigned long long)b->task_index[g], i - b->group_begin[g]);
    int asked = b->prompt_begin[g];
    tokenizer_decode(tokenizer, b->prompt_token + asked, b->prompt_begin[g + 1] - asked, false,
                     &words);
    text("input", str_text(&words), words.size, out);
    str_clear(&words);
    if (task) {
        text("gts", task->gold ? task->gold : "", task->gold ? strlen(task->gold) : 0, out);
        text("data_source", task->source, strlen(task->source), out);
    }
    int begin = b->response_begin[i], end = b->token_end[i];
    // The end token that closed it is told by "finish".
    if (end > begin && b->finish[i] == FINISH_STOP &&
        tokenizer_is_special(tokenizer, b->token[end - 1]))
        end--;
    tokenizer_decode(tokenizer, b->token + begin, end - begin, false, &words);
    text("output", str_text(&words), words.size, out);
    str_free(&words);
    str_printf(out, ",\"verdict\":\"%s\",\"score\":", verdict_name((Verdict)b->verdict[i]));
    str_number(out, (double)b->reward[i]);
    for (int p = 0; p < b->n_parts; p++) {
        if (p == PART_KL && b->part[p][i] == 0) continue; // as with rl.kl_reward=off
        str_printf(out, ",\"reward_%s\":", batch_part_name(b, p));
        str_number(out, (double)b->part[p][i]);
    }
    str_puts(out, ",\"reward\":");
    str_number(out, (double)b->reward[i]);
    str_puts(out, ",\"weight\":");
    str_number(out, (double)b->weight[i]);
    if (b->stage >= STAGE_WEIGHED) {
        str_puts(out, ",\"advantage\":");
        str_number(out, (double)b->advantage[i]);
    }
    str_printf(out, ",\"length\":%d,\"finish\":\"%s\"}\n", batch_response_length(b, i),
               finish_name((Finish)b->finish[i]));
}
