// pipelines/command/command_generate.c -- `grpo generate`: samples for given prompts.
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "pipelines/actor.h"
#include "pipelines/chatflags.h"
#include "pipelines/command.h"
#include "pipelines/interrupt.h"
#include "pipelines/lines.h"
#include "rollout/batch.h"

static const Flag flags[] = {
    {"prompt", 'p', "TEXT", "one prompt; the text of its samples goes to stdout"},
    {"in", 'i', "FILE",
     "JSON lines {\"id\",\"prompt\"}, {\"id\",\"messages\"} or {\"id\",\"tokens\"}; - is stdin"},
    {"n", 'n', "N", "samples of each prompt (default 1)"},
    {"temperature", 'T', "T", "0 = greedy (default 1)"},
    {"top-p", 0, "P", "nucleus (default 1 = off)"},
    {"top-k", 0, "K", "best tokens only (default 0 = off)"},
    {"min-p", 0, "P", "least share of the best token's probability (default 0 = off)"},
    {"max-tokens", 'm', "N", "longest response (default 512, at most the model's context)"},
    {"stop", 0, "TEXT", "ends a response where it appears; may be given several times"},
    {"seed", 's', "N", "default 1"},
    {"draft", 0, "KIND",
     "none, mtp or lookup: guesses of the next tokens, verified by the next call; the samples stay "
     "the same (default none)"},
    {"draft-tokens", 0, "N", "guesses for a sample and call (default: MTP modules, or 4)"},
    {"threads", 'j', "N", "worker threads (default: all cores)"},
    CHAT_FLAGS,
};

enum { CHAT_ROOM = 1024 }; // tokens of a template around a prompt, and of its system message
enum { SLICE = 64, SLICE_SAMPLES = 4096 }; // prompts and samples drawn together

typedef struct InputQuestion {
    int32_t *ids;
    int n;
} InputQuestion;

static void read_prompt(const Actor *a, const Chat *chat, InLine *line, InputQuestion *q,
                        Arena *arena) {
    const Json *messages = json_get(line->row, "messages");
    const Json *text = json_get(line->row, "prompt"), *tokens = json_get(line->row, "tokens");
    if (!text) text = json_get(line->row, "text");
    if (tokens && json_kind(tokens) == JSON_ARRAY) {
        q->ids = ARENA_ARRAY(arena, int32_t, json_count(tokens) + 1);
        for (const Json *v = json_first(tokens); v; v = json_next(v)) {
            int64_t id = json_int(v, -1);
            if (id < 0 || id >= a->model.vocab_size) {
                line->error =
                    arena_printf(arena, "token %d is no id below %d", q->n, a->model.vocab_size);
                return;
            }
            q->ids[q->n++] = (int32_t)id;
        }
    } else if (messages && chat) {
        const char *said = chatflags_messages(chat, a->tokenizer, line->row, &line->error, arena);
        if (said && tokenizer_encode(a->tokenizer, said, strlen(said), true, true, &q->ids, &q->n,
                                     arena) != ST_OK)
            line->error = arena_printf(arena, "%s", status_text());
    } else if (messages) {
        line->error = "\"messages\" need --chat or --template";
    } else if (text && json_kind(text) == JSON_STRING) {
        Status st =
            chat ? chat_encode(chat, a->tokenizer, json_text(text, ""), &q->ids, &q->n, arena)
                 : tokenizer_encode(a->tokenizer, json_text(text, ""), json_text_size(text), true,
                                    true, &q->ids, &q->n, arena);
        if (st != ST_OK) line->error = arena_printf(arena, "%s", status_text());
    } else {
        line->error = "neither \"prompt\" nor \"tokens\" is there";
    }
    if (!line->error && q->n == 0) line->error = "the prompt is empty";
    if (!line->error && q->n >= a->model.max_position)
        line->error = arena_printf(arena, "%d tokens leave no room in the model's context of %d",
                                   q->n, a->model.max_position);
}

// At least the tokens of the longest prompt, known before there is a tokenizer: a byte is one token
// at most, and normal form C makes three of it at most.
static int64_t longest_prompt(const Lines *lines, bool chat) {
    int64_t longest = 0;
    for (int i = 0; i < lines->n; i++) {
        const InLine *line = &lines->line[i];
        if (line->error) continue;
        const Json *text = json_get(line->row, "prompt"), *tokens = json_get(line->row, "tokens");
        if (!text) text = json_get(line->row, "text");
        int64_t n = 0;
        if (tokens && json_kind(tokens) == JSON_ARRAY)
            n = json_count(tokens);
        else if (text && json_kind(text) == JSON_STRING)
            n = 3 * (int64_t)json_text_size(text) + 16; // and the special tokens around it
        Str whole = {0};
        if (json_get(line->row, "messages")) json_echo(json_get(line->row, "messages"), &whole);
        if (json_get(line->row, "tools")) json_echo(json_get(line->row, "tools"), &whole);
        if (chat) n += CHAT_ROOM + 3 * (int64_t)whole.size;
        str_free(&whole);
        if (n > longest) longest = n;
    }
    return longest;
}

static void put_sample(const Actor *a, const Batch *b, int sample, int number, const InLine *line,
                       bool plain, Str *out) {
    Str text = {0};
    int begin = b->response_begin[sample], end = b->token_end[sample];
    tokenizer_decode(a->tokenizer, b->token + begin, end - begin, true, &text);
    if (plain) {
        str_add(out, str_text(&text), text.size);
        str_putc(out, '\n');
    } else {
        lines_begin(line, out);
        str_printf(out, ",\"sample\":%d,\"tokens\":[", number);
        for (int i = begin; i < end; i++)
            str_printf(out, "%s%d", i > begin ? "," : "", b->token[i]);
        str_puts(out, "],\"logp\":[");
        for (int i = begin; i < end; i++) {
            if (i > begin) str_putc(out, ',');
            str_number(out, (double)b->logp_roll[i]);
        }
        str_puts(out, "],\"text\":");
        str_json(out, str_text(&text), text.size);
        str_printf(out, ",\"finish\":\"%s\"}\n", finish_name((Finish)b->finish[sample]));
    }
    str_free(&text);
}

static Status draft_kind(const Args *args, DraftKind *out) {
    static const char *const names[] = {"none", "mtp", "lookup"};
    const char *name = args_text(args, "draft", names[0]);
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (DraftKind)i;
            return ST_OK;
        }
    return FAIL(ST_CONFIG, "--draft wants %s, not '%s'", DRAFT_CHOICES, name);
}

static void say_drafts(const Actor *a) {
    EngineCounts c;
    if (!a->engine || a->opts.draft == DRAFT_NONE) return;
    engine_counts(a->engine, &c);
    if (c.stats.n_draws == 0) return;
    log_info("drafts: %lld of %lld guesses right, %.2f tokens a draw, %.2f of %.2f s",
             (long long)c.stats.n_accepted, (long long)c.stats.n_drafts,
             (double)c.stats.n_new_tokens / (double)c.stats.n_draws, c.stats.draft_seconds,
             c.stats.seconds);
}

// The draw of a sample is named by its prompt and number, not by its place in the file.
static Status sample_slice(Actor *a, Lines *lines, const InputQuestion *q, int begin, int end,
                           const SampleConfig *cfg, int n_samples, bool plain, Str *out,
                           bool *heard, Arena *arena) {
    int n = 0, group = 0;
    for (int i = begin; i < end; i++) n += !lines->line[i].error;
    Batch *batch = batch_new(n, n_samples, arena);
    for (int i = begin; i < end; i++) {
        if (lines->line[i].error) continue;
        uint64_t id = rng_hash(q[i].ids, (uint64_t)q[i].n * sizeof *q[i].ids);
        batch_ask(batch, group++, NULL, id, 0, q[i].ids, q[i].n, arena);
    }
    if (n > 0) {
        TRY(engine_sample(a->engine, batch, cfg, RNG_EVAL, NULL, NULL, interrupt_flag(), NULL,
                          arena));
        if (batch->stage != STAGE_SAMPLED) return ST_OK; // stopped
    }
    group = 0;
    for (int i = begin; i < end; i++) {
        if (lines->line[i].error) {
            lines_error(&lines->line[i], false, out);
            continue;
        }
        for (int s = batch->group_begin[group]; s < batch->group_begin[group + 1]; s++)
            put_sample(a, batch, s, s - batch->group_begin[group], &lines->line[i], plain, out);
        group++;
    }
    *heard = lines_flush(out);
    return ST_OK;
}

static Status one_prompt(const char *prompt, Lines *lines, Arena *arena) {
    Str text = {0};
    str_puts(&text, "{\"prompt\":");
    str_json(&text, prompt, strlen(prompt));
    str_putc(&text, '}');
    lines->line = ARENA_ARRAY(arena, InLine, 1);
    Status st = json_parse(text.data, text.size, "-p", 1, false, &lines->line->doc);
    str_free(&text);
    if (st != ST_OK) return st;
    *lines->line = (InLine){
        .doc = lines->line->doc, .row = json_root(lines->line->doc), .id = "0", .number = 1};
    lines->n = 1;
    return ST_OK;
}

static int run(const Args *args) {
    const char *path = args_text(args, "in", NULL), *prompt = args_text(args, "prompt", NULL);
    if (args->n_words != 1 || !path == !prompt)
        return command_usage("generate: wants MODEL and either -p TEXT or --in FILE");
    Arena *arena = arena_new(1 << 20);
    Lines lines = {0};
    Actor a = {0};
    Str out = {0};
    Status st;
    SampleConfig cfg = {.temperature = 1, .top_p = 1};
    int64_t n = 1, max_tokens = 512, seed = 1, threads = 0, top_k = 0, drafts = 0;
    DraftKind draft = DRAFT_NONE;
    ConfigTexts stop = args_texts(args, "stop", arena);
    TRY_OUT(args_int(args, "n", 1, 4096, &n));
    TRY_OUT(args_int(args, "max-tokens", 1, 1 << 24, &max_tokens));
    TRY_OUT(args_int(args, "seed", 0, INT64_MAX, &seed));
    TRY_OUT(args_int(args, "threads", 0, 1024, &threads));
    TRY_OUT(args_int(args, "draft-tokens", 1, DRAFT_MOST, &drafts));
    TRY_OUT(draft_kind(args, &draft));
    TRY_OUT(args_int(args, "top-k", 0, 1 << 24, &top_k));
    TRY_OUT(args_num(args, "temperature", 0, 100, &cfg.temperature));
    TRY_OUT(args_num(args, "top-p", 1e-6, 1, &cfg.top_p));
    TRY_OUT(args_num(args, "min-p", 0, 1, &cfg.min_p));
    ActorOpts ao = {.folder = args->word[0],
                    .engine = true,
                    .allocate = true,
                    .quiet = true,
                    .threads = (int)threads,
                    .decode_seqs = 64,
                    .draft = draft,
                    .draft_tokens = (int)drafts,
                    .seed = (uint64_t)seed};
    if (prompt)
        TRY_OUT(one_prompt(prompt, &lines, arena));
    else
        TRY_OUT(lines_read(path, &lines, arena));
    const char *said = chatflags_system(args);
    int64_t most = longest_prompt(&lines, chatflags_given(args)) + max_tokens +
                   (said ? 3 * (int64_t)strlen(said) : 0);
    ao.max_seq_tokens = most < 1 << 24 ? (int)most : 1 << 24; // or the model's context, if shorter
    TRY_OUT(actor_open(&ao, &a));
    const Chat *chat;
    TRY_OUT(chatflags_actor(args, &a, &chat));
    if (max_tokens > a.model.max_position) max_tokens = a.model.max_position;
    cfg.max_new_tokens = (int)max_tokens;
    cfg.top_k = (int)top_k;
    cfg.stop_token = a.stop_token;
    cfg.n_stop_tokens = a.n_stop_tokens;
    cfg.stop_text = stop.value;
    cfg.n_stop_texts = stop.n;
    bool plain = prompt && !args_has(args, "json"), heard = true;
    int slice = n * SLICE > SLICE_SAMPLES ? (int)(SLICE_SAMPLES / n) : SLICE;
    for (int begin = 0; begin < lines.n && heard && !*interrupt_flag(); begin += slice) {
        ArenaMark mark = arena_mark(arena);
        int end = begin + slice < lines.n ? begin + slice : lines.n;
        InputQuestion *q = ARENA_ARRAY(arena, InputQuestion, lines.n);
        for (int i = begin; i < end; i++)
            if (!lines.line[i].error) read_prompt(&a, chat, &lines.line[i], &q[i], arena);
        if (prompt && lines.line->error) {
            st = FAIL(ST_CONFIG, "-p: %s", lines.line->error);
            goto out;
        }
        TRY_OUT(sample_slice(&a, &lines, q, begin, end, &cfg, (int)n, plain, &out, &heard, arena));
        arena_rewind(arena, mark);
    }
    say_drafts(&a);
out:
    lines_close(&lines);
    actor_close(&a);
    str_free(&out);
    arena_free(arena);
    if (st != ST_OK) return command_failed(st);
    return *interrupt_flag() ? 128 + interrupt_signal() : EXIT_DONE;
}

const Command command_generate = {
    .name = "generate",
    .summary = "samples for given prompts, with the log-prob of every token",
    .usage = "generate MODEL -p TEXT | generate MODEL --in FILE [--n N ...]",
    .examples = "grpo generate runs/zero/checkpoints/step-100/model -p 'User: Compute 47*6+85. "
                "Assistant:'\n"
                "grpo generate model/ --chat -p 'What is 47*6+85?'\n"
                "grpo generate model/ --in prompts.jsonl --n 4 --temperature 1 --max-tokens 512",
    .model = true,
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
