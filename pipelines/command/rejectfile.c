// pipelines/command/rejectfile.c -- samples as lines, lines as kept rows, and counts of both.
#include "pipelines/command/rejectfile.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "pipelines/command/evalfile.h"
#include "rl/reward.h"

static void text(const char *key, const char *value, size_t size, Str *out) {
    str_printf(out, ",\"%s\":", key);
    str_json(out, value, size);
}

static void text_if(const char *key, const char *value, Str *out) {
    if (value && value[0]) text(key, value, strlen(value), out);
}

static void number(const char *key, double value, Str *out) {
    str_printf(out, ",\"%s\":", key);
    str_number(out, value);
}

static void message(const char *role, const char *content, bool first, Str *out) {
    str_printf(out, "%s{\"role\":\"%s\",\"content\":", first ? "" : ",", role);
    str_json(out, content, strlen(content));
    str_putc(out, '}');
}

// What was asked: a text, or messages where there is a system message or a conversation.
static void put_prompt(const Task *task, const Chat *chat, Str *out) {
    const char *system = chat && chat->said && chat->said[0] ? chat->said : NULL;
    if (task->n_turns == 0 && !system) {
        text("prompt", task->prompt, strlen(task->prompt), out);
        return;
    }
    str_puts(out, ",\"prompt\":[");
    if (task->n_turns > 0 && strcmp(task->turn[0].role, "system") == 0) system = NULL;
    if (system) message("system", system, true, out);
    for (int i = 0; i < task->n_turns; i++)
        message(task->turn[i].role, task->turn[i].content, i == 0 && !system, out);
    if (task->n_turns == 0) message("user", task->prompt, !system, out);
    str_putc(out, ']');
}

// The response without a special token that ends it, which "finish" tells.
static void response(const RejectOrigin *o, const Batch *b, int i, Str *out) {
    int begin = b->response_begin[i], end = b->token_end[i];
    if (end > begin && b->finish[i] == FINISH_STOP &&
        tokenizer_is_special(o->tokenizer, b->token[end - 1]))
        end--;
    tokenizer_decode(o->tokenizer, b->token + begin, end - begin, false, out);
}

void rejectfile_line(const RejectOrigin *o, const Batch *b, int i, Str *out) {
    int g = batch_group_of(b, i);
    const Task *task = b->task[g];
    Str said = {0};
    response(o, b, i, &said);
    double repeats;
    RejectSample sample = {.task = task,
                           .response = str_text(&said),
                           .size = said.size,
                           .verdict = (Verdict)b->verdict[i],
                           .ended = b->finish[i] == FINISH_STOP,
                           .looped = b->finish[i] == FINISH_REPEAT,
                           .format = (double)b->part[PART_FORMAT][i],
                           .language = (double)b->part[PART_LANGUAGE][i],
                           .n_tokens = batch_response_length(b, i)};
    unsigned why = reject_reasons(&o->rules, &sample, &repeats);
    str_printf(out, "{\"id\":\"%016llx\",\"task_index\":%llu,\"sample\":%d",
               (unsigned long long)b->task_id[g], (unsigned long long)b->task_index[g],
               i - b->group_begin[g]);
    put_prompt(task, o->chat, out);
    text("response", str_text(&said), said.size, out);
    if (task->gold) text("gold", task->gold, strlen(task->gold), out);
    text_if("judge", task->judge, out);
    text_if("source", task->source, out);
    if (task->level) str_printf(out, ",\"level\":%d", task->level);
    text_if("prefilled", o->cfg->prefilled, out);
    if (strcmp(o->cfg->extract, "boxed") != 0) text_if("extract", o->cfg->extract, out);
    text_if("math_policy", o->cfg->math_policy, out);
    if (task->row) str_printf(out, ",\"row\":%s", task->row);
    str_printf(out, ",\"verdict\":\"%s\"", verdict_name((Verdict)b->verdict[i]));
    number("score", (double)b->part[PART_ACCURACY][i], out);
    number("format", sample.format, out);
    if (o->rules.min_language > 0) number("language", sample.language, out);
    number("repeats", repeats, out);
    str_printf(out, ",\"length\":%d,\"finish\":\"%s\",\"reasons\":[", sample.n_tokens,
               finish_name((Finish)b->finish[i]));
    for (int r = 0, n = 0; r < REJECT_REASONS; r++)
        if (why >> r & 1) str_printf(out, "%s\"%s\"", n++ ? "," : "", reject_reason_name(r));
    str_printf(out, "],\"seed\":%lld,\"policy\":", (long long)o->seed);
    str_json(out, o->model, strlen(o->model));
    str_printf(out, ",\"policy_hash\":\"%s\"}\n", o->hash);
    str_free(&said);
}

// ---- kept rows

typedef struct Keeping {
    const RejectRules *rules;
    RejectTaken taken;
    RejectSummary *sum;
    FileSink *sink;
    Str line;
} Keeping;

// The share with that name; the last place is for all names that find none.
static RejectShare *share_of(RejectShare *share, int most, int *n, const char *name) {
    char cut[sizeof share->name];
    snprintf(cut, sizeof cut, "%s", name);
    for (int i = 0; i < *n; i++)
        if (strcmp(share[i].name, cut) == 0) return &share[i];
    if (*n == most) return &share[most - 1];
    snprintf(share[*n].name, sizeof cut, "%s", *n == most - 1 ? "other" : cut);
    return &share[(*n)++];
}

static unsigned reasons_of(const Json *sample) {
    unsigned why = 0;
    for (const Json *s = json_first(json_get(sample, "reasons")); s; s = json_next(s))
        for (int r = 0; r < REJECT_REASONS; r++)
            if (strcmp(json_text(s, ""), reject_reason_name(r)) == 0) why |= 1u << r;
    return why;
}

static void add_to(RejectShare *s, int64_t samples, int64_t right, int64_t kept) {
    s->questions++;
    s->samples += samples, s->right += right, s->kept += kept;
    s->questions_kept += kept > 0;
}

// The row with the difficulty of its question behind it.
static Status write_row(Keeping *k, const Json *sample, double rate) {
    str_clear(&k->line);
    json_echo(sample, &k->line);
    CHECK(k->line.size > 1 && k->line.data[k->line.size - 1] == '}');
    k->line.data[--k->line.size] = 0;
    number("pass_rate", rate, &k->line);
    str_puts(&k->line, "}\n");
    return file_sink_add(k->sink, k->line.data, k->line.size);
}

static Status keep_question(void *ctx, const Json *record) {
    Keeping *k = ctx;
    int64_t samples = json_int(json_get(record, "samples"), 0), kept = 0;
    int64_t right = json_int(json_get(record, "right"), 0);
    int64_t known = json_int(json_get(record, "known"), 0);
    double rate = known > 0 ? (double)right / (double)known : 0;
    const Json *first = json_first(json_get(record, "drawn"));
    Str prompt = {0};
    reject_next(&k->taken);
    json_echo(json_get(first, "prompt"), &prompt);
    Status st = ST_OK;
    for (const Json *s = first; s && st == ST_OK; s = json_next(s)) {
        unsigned why = reasons_of(s);
        if (!why)
            why = reject_take(k->rules, &k->taken, str_text(&prompt),
                              json_text(json_get(s, "response"), ""));
        for (int r = 0; r < REJECT_REASONS; r++) {
            k->sum->reason[r] += why >> r & 1;
            k->sum->alone[r] += why == 1u << r;
        }
        if (!why) kept++, st = write_row(k, s, rate);
    }
    str_free(&prompt);
    char level[32];
    snprintf(level, sizeof level, "%lld", (long long)json_int(json_get(first, "level"), 0));
    RejectSummary *sum = k->sum;
    add_to(&sum->all, samples, right, kept);
    add_to(share_of(sum->source, REJECT_SOURCES, &sum->n_sources,
                    json_text(json_get(first, "source"), "")),
           samples, right, kept);
    add_to(share_of(sum->level, REJECT_LEVELS, &sum->n_levels, level), samples, right, kept);
    int bin = right == 0 ? 0 : right == known ? REJECT_RATES - 1 : 1 + (int)(rate * 4);
    add_to(&sum->rate[bin], samples, right, kept);
    return st;
}

Status rejectfile_keep(const char *from, const char *to, const RejectRules *rules,
                       RejectSummary *out) {
    static const char *const rate[REJECT_RATES] = {"none",       "below 25 %", "25 to 50 %",
                                                   "50 to 75 %", "from 75 %",  "all"};
    *out = (RejectSummary){.all.name = "all"};
    for (int i = 0; i < REJECT_RATES; i++)
        snprintf(out->rate[i].name, sizeof out->rate[i].name, "%s", rate[i]);
    Keeping k = {.rules = rules, .sum = out};
    TRY(file_sink_open(to, &k.sink));
    Status st = evalfile_each(from, keep_question, &k);
    if (st == ST_OK)
        st = file_sink_commit(k.sink);
    else
        file_sink_abort(k.sink);
    reject_taken_free(&k.taken);
    str_free(&k.line);
    return st;
}

// ---- the summary

static void put_share(const RejectShare *s, Str *out) {
    str_puts(out, "{\"name\":");
    str_json(out, s->name, strlen(s->name));
    str_printf(out,
               ",\"questions\":%lld,\"samples\":%lld,\"right\":%lld,\"kept\":%lld,"
               "\"questions_kept\":%lld,\"keep_rate\":",
               (long long)s->questions, (long long)s->samples, (long long)s->right,
               (long long)s->kept, (long long)s->questions_kept);
    str_number(out, s->samples ? (double)s->kept / (double)s->samples : 0);
    str_putc(out, '}');
}

static void put_shares(const char *name, const RejectShare *share, int n, Str *out) {
    str_printf(out, ",\"%s\":[", name);
    for (int i = 0, some = 0; i < n; i++) {
        if (share[i].questions == 0) continue;
        if (some++) str_putc(out, ',');
        put_share(&share[i], out);
    }
    str_putc(out, ']');
}

void rejectfile_json(const RejectSummary *s, Str *out) {
    str_puts(out, "{\"all\":");
    put_share(&s->all, out);
    put_shares("by_source", s->source, s->n_sources, out);
    put_shares("by_level", s->level, s->n_levels, out);
    put_shares("by_pass_rate", s->rate, REJECT_RATES, out);
    str_puts(out, ",\"by_reason\":{");
    for (int r = 0; r < REJECT_REASONS; r++)
        str_printf(out, "%s\"%s\":{\"samples\":%lld,\"alone\":%lld}", r ? "," : "",
                   reject_reason_name(r), (long long)s->reason[r], (long long)s->alone[r]);
    str_puts(out, "}}");
}

static void line_of(const RejectShare *s, Str *out) {
    str_printf(out, "  %-24.24s %9lld %9lld %9lld %9lld  %5.1f %%\n", s->name,
               (long long)s->questions, (long long)s->samples, (long long)s->right,
               (long long)s->kept, s->samples ? 100.0 * (double)s->kept / (double)s->samples : 0);
}

void rejectfile_text(const RejectSummary *s, Str *out) {
    str_printf(out, "  %-24s %9s %9s %9s %9s  %s\n", "", "questions", "samples", "right", "kept",
               "keep rate");
    line_of(&s->all, out);
    if (s->n_sources > 1) str_puts(out, "by source\n");
    for (int i = 0; s->n_sources > 1 && i < s->n_sources; i++) line_of(&s->source[i], out);
    if (s->n_levels > 1) str_puts(out, "by level\n");
    for (int i = 0; s->n_levels > 1 && i < s->n_levels; i++) line_of(&s->level[i], out);
    str_puts(out, "by the share of a question's samples that are right\n");
    for (int i = 0; i < REJECT_RATES; i++)
        if (s->rate[i].questions) line_of(&s->rate[i], out);
    str_puts(out, "reasons against samples (of these, the only one)\n");
    for (int r = 0; r < REJECT_REASONS; r++)
        if (s->reason[r])
            str_printf(out, "  %-24s %9lld (%lld)\n", reject_reason_name(r),
                       (long long)s->reason[r], (long long)s->alone[r]);
}
