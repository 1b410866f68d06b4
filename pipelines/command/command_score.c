// pipelines/command/command_score.c -- `grpo score`: log-probabilities of given texts or token ids.
#include <string.h>

#include "pipelines/actor.h"
#include "pipelines/command.h"
#include "pipelines/input.h"
#include "pipelines/lines.h"
#include "policy/files/checkpoint.h"
#include "policy/pack.h"

static const Flag flags[] = {
    {"in", 'i', "FILE", "JSON lines {\"id\",\"text\"} or {\"id\",\"tokens\"}; - is stdin"},
    {"temperature", 'T', "T", "log-probs are of logits / T (default 1)"},
    {"precision", 0, "P", "fp32, bf16 or fp8 (default: the model's)"},
    {"entropy", 0, NULL, "the entropy before each token too, nats"},
    {"threads", 'j', "N", "worker threads (default: all cores)"},
};

// Is any text to be tokenised? A folder without a tokenizer can still score ids.
static bool has_text(const Lines *lines) {
    for (int i = 0; i < lines->n; i++)
        if (!lines->line[i].error &&
            json_kind(json_get(lines->line[i].row, "tokens")) != JSON_ARRAY)
            return true;
    return false;
}

// Ids of a line into *ids; or line->error.
static void read_line(const Tokenizer *t, const ModelConfig *model, InLine *line, int32_t **ids,
                      int *n, Arena *arena) {
    const Json *text = json_get(line->row, "text"), *tokens = json_get(line->row, "tokens");
    *n = 0;
    if (tokens && json_kind(tokens) == JSON_ARRAY) {
        *ids = ARENA_ARRAY(arena, int32_t, json_count(tokens) + 1);
        for (const Json *v = json_first(tokens); v; v = json_next(v)) {
            int64_t id = json_int(v, -1);
            if (id < 0 || id >= model->vocab_size) {
                line->error =
                    arena_printf(arena, "token %d is no id below %d", *n, model->vocab_size);
                return;
            }
            (*ids)[(*n)++] = (int32_t)id;
        }
    } else if (text && json_kind(text) == JSON_STRING) {
        if (tokenizer_encode(t, json_text(text, ""), json_text_size(text), true, true, ids, n,
                             arena) != ST_OK)
            line->error = arena_printf(arena, "%s", status_text());
    } else {
        line->error = "neither \"text\" nor \"tokens\" is there";
    }
    if (!line->error && *n == 0) line->error = "it has no tokens";
    if (!line->error && *n > model->max_position)
        line->error = arena_printf(arena, "%d tokens are more than the model's context of %d", *n,
                                   model->max_position);
}

static void put_numbers(const char *key, const float *v, int n, Str *out) {
    str_printf(out, ",\"%s\":[null", key);
    for (int i = 1; i < n; i++) {
        str_putc(out, ',');
        str_number(out, (double)v[i]);
    }
    str_putc(out, ']');
}

static Status score_line(Actor *a, const int32_t *ids, int n, const ScoreOpts *opts, bool entropy,
                         InLine *line, Str *out, Arena *arena) {
    uint8_t *want = ARENA_ARRAY(arena, uint8_t, n);
    float *logp = ARENA_ARRAY(arena, float, n), *h = ARENA_ARRAY(arena, float, n);
    memset(want, 1, (size_t)n);
    want[0] = 0;
    Seq seq = {.begin = 0, .end = n, .id = line->number};
    if (n > 1) {
        Pack pack = pack_make(ids, want, &seq, 1, arena);
        TRY(policy_score(a->policy, &pack, opts, logp, entropy ? h : NULL));
    }
    lines_begin(line, out);
    str_puts(out, ",\"tokens\":[");
    for (int i = 0; i < n; i++) str_printf(out, "%s%d", i ? "," : "", ids[i]);
    str_putc(out, ']');
    put_numbers("logp", logp, n, out);
    if (entropy) put_numbers("entropy", h, n, out);
    str_puts(out, "}\n");
    return ST_OK;
}

static int run(const Args *args) {
    const char *path = args_text(args, "in", NULL);
    if (args->n_words != 1 || !path) return command_usage("score: wants MODEL and --in FILE");
    Arena *arena = arena_new(1 << 20);
    Lines lines = {0};
    Actor actor = {0};
    Tokenizer *t = NULL;
    Str out = {0};
    Status st;
    ScoreOpts opts = {.temperature = 1};
    int64_t threads = 0;
    ModelConfig model;
    TRY_OUT(args_num(args, "temperature", 1e-3, 1e3, &opts.temperature));
    TRY_OUT(args_int(args, "threads", 0, 1024, &threads));
    const char *folder;
    TRY_OUT(input_model(args->word[0], &folder, arena));
    TRY_OUT(checkpoint_config(folder, &model));
    const char *precision = args_text(args, "precision", NULL);
    if (precision) {
        static const char *const names[] = {"fp32", "bf16", "fp8"};
        int p = 0;
        while (p < 3 && strcmp(names[p], precision) != 0) p++;
        if (p == 3) {
            st = FAIL(ST_CONFIG, "--precision %s: wants fp32, bf16 or fp8", precision);
            goto out;
        }
        model.precision = (Precision)p;
    }
    TRY_OUT(lines_read(path, &lines, arena));
    int longest = 1;
    int32_t **ids = ARENA_ARRAY(arena, int32_t *, lines.n + 1);
    int *n = ARENA_ARRAY(arena, int, lines.n + 1);
    bool text = has_text(&lines);
    if (text) TRY_OUT(tokenizer_load(folder, &t));
    for (int i = 0; i < lines.n; i++) {
        if (!lines.line[i].error) read_line(t, &model, &lines.line[i], &ids[i], &n[i], arena);
        if (!lines.line[i].error && n[i] > longest) longest = n[i];
    }
    ActorOpts ao = {.folder = folder,
                    .model = &model,
                    .ids_only = !text,
                    .allocate = true,
                    .quiet = true,
                    .threads = (int)threads,
                    .max_seq_tokens = longest,
                    .chunk_tokens = longest};
    TRY_OUT(actor_open(&ao, &actor));
    for (int i = 0; i < lines.n; i++) {
        ArenaMark mark = arena_mark(arena);
        if (lines.line[i].error)
            lines_error(&lines.line[i], false, &out);
        else
            TRY_OUT(score_line(&actor, ids[i], n[i], &opts, args_has(args, "entropy"),
                               &lines.line[i], &out, arena));
        arena_rewind(arena, mark);
        if (!lines_flush(&out)) break;
    }
out:
    lines_close(&lines);
    tokenizer_free(t);
    actor_close(&actor);
    str_free(&out);
    arena_free(arena);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

const Command command_score = {
    .name = "score",
    .summary = "log-probabilities of given texts or token ids, in nats",
    .usage = "score MODEL --in FILE",
    .about = "A text is tokenised as it stands, with the tokenizer's own rule for a leading token. "
             "The first token\nhas no log-probability (null). A folder without a tokenizer scores "
             "ids.",
    .examples = "grpo score model/ --in texts.jsonl\n"
                "echo '{\"id\":1,\"text\":\"User: Compute 2+3.\"}' | grpo score model/ --in -",
    .model = true,
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
