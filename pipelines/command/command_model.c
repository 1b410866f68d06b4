// pipelines/command/command_model.c -- `grpo model`: new, info, diff.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "pipelines/actor.h"
#include "pipelines/command.h"
#include "pipelines/input.h"
#include "pipelines/run/machine.h"
#include "pipelines/runconfig.h"
#include "policy/files/checkpoint.h"
#include "policy/files/safewrite.h"
#include "policy/files/weights.h"

enum { CONTEXT = 1024, DTYPES = 16 };

static const Flag flags[] = {
    {"out", 'o', "DIR", "new: the folder to write"},
    {"dtype", 0, "D", "new: f32, bf16 or f16 (default f32)"},
};

static int make(const Args *args) {
    const char *folder = args_text(args, "out", NULL);
    if (!folder) return command_usage("model new: wants -o DIR");
    Args rest = *args;
    memmove(rest.word, rest.word + 1, sizeof rest.word[0] * (size_t)--rest.n_words);
    RunConfig rc = {0};
    Actor a = {0};
    Status st;
    TRY_OUT(runconfig_open(&rc, "zero-desk", &rest));
    ModelConfig model = runconfig_model(&rc.model);
    ActorOpts ao = {.model = &model,
                    .allocate = true,
                    .quiet = true,
                    .max_seq_tokens = 1,
                    .chunk_tokens = 1,
                    .seed = (uint64_t)rc.run.seed};
    TRY_OUT(actor_open(&ao, &a));
    if (file_exists(folder)) {
        st = FAIL(ST_CONFIG, "%s: is there already; choose another -o", folder);
        goto out;
    }
    TRY_OUT(file_mkdirs(folder));
    TRY_OUT(checkpoint_save(folder, a.policy, a.tokenizer, args_text(args, "dtype", "f32")));
    puts(folder);
out:
    actor_close(&a);
    runconfig_close(&rc);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

static const char *family_name(const ModelConfig *m) {
    static const char *const dense[] = {"llama", "mistral", "qwen2", "qwen3"};
    return m->family == FAMILY_MLA_MOE ? "mla_moe" : dense[m->dense];
}

static const char *const precisions[] = {"fp32", "bf16", "fp8"};

// What training and sampling it would take, at the contexts that are common in training.
static Status plan_of(const ModelConfig *m, PolicyPlan *plan) {
    Pool *pool = pool_new(0);
    const int seqs = 128, longest = m->max_position < CONTEXT ? m->max_position : CONTEXT;
    const int pages = (longest + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS + 1;
    const PolicyOpts opts = {.pool = pool,
                             .trainable = true,
                             .chunk_tokens = 2048,
                             .max_seq_tokens = longest,
                             .kv_pages = pages * (seqs + 1),
                             .max_decode_rows = 2 * seqs};
    Status st = policy_plan(m, &opts, plan);
    pool_free(pool);
    return st;
}

typedef struct Stored { // tensors of one dtype
    const char *dtype;
    int tensors;
    int64_t values;
} Stored;

static int count_dtypes(const Weights *w, Stored *out, int max) {
    int n = 0;
    for (int i = 0; i < w->n; i++) {
        int k = 0;
        while (k < n && strcmp(out[k].dtype, w->weight[i].dtype) != 0) k++;
        if (k == max) continue;
        if (k == n) out[n++] = (Stored){.dtype = w->weight[i].dtype};
        out[k].tensors++;
        out[k].values += w->weight[i].values;
    }
    return n;
}

static void info_json(const Weights *w, const PolicyPlan *plan, const Stored *stored, int n) {
    const ModelConfig *m = &w->model;
    printf("{\"family\":\"%s\",\"parameters\":%lld,\"active\":%lld,\"hidden_size\":%d,"
           "\"n_layers\":%d,\"n_heads\":%d,\"vocab_size\":%d,\"max_position\":%d,"
           "\"precision\":\"%s\",\"mla_form\":\"%s\",\"plan_bytes\":%zu,\"tokenizer\":%s,"
           "\"stored_bytes\":%llu,\"stored\":{",
           family_name(m), (long long)plan->n_params, (long long)plan->n_active, m->hidden_size,
           m->n_layers, m->n_heads, m->vocab_size, m->max_position, precisions[m->precision],
           m->mla_form == MLA_ABSORBED ? "absorbed" : "expanded", plan->total,
           w->tokenizer ? "true" : "false", (unsigned long long)w->bytes);
    for (int i = 0; i < n; i++)
        printf("%s\"%s\":{\"tensors\":%d,\"values\":%lld}", i ? "," : "", stored[i].dtype,
               stored[i].tensors, (long long)stored[i].values);
    puts("}}");
}

static void info_text(const char *path, const Weights *w, const PolicyPlan *plan,
                      const Stored *stored, int n) {
    const ModelConfig *m = &w->model;
    Str text = {0};
    printf("%s: %s, hidden %d, %d layers, %d heads, vocabulary %d, context %d, %s\n", path,
           m->family == FAMILY_MLA_MOE ? "MLA/MoE" : family_name(m), m->hidden_size, m->n_layers,
           m->n_heads, m->vocab_size, m->max_position, precisions[m->precision]);
    if (m->family == FAMILY_DENSE)
        printf("attention: %d heads of %d over %d key-value heads%s%s\n", m->n_heads, m->head_dim,
               m->n_kv_heads, m->qkv_bias ? ", biases" : "", m->qk_norm ? ", normed" : "");
    printf("cache: %d values a token and layer\n", model_cache_dim(m));
    if (m->n_routed_experts)
        printf("experts: %d routed, %d a token, %d shared\n", m->n_routed_experts,
               m->n_experts_per_tok, m->n_shared_experts);
    machine_bytes(w->bytes, &text);
    printf("stored: %d tensors, %s:", w->n, str_text(&text));
    for (int i = 0; i < n; i++)
        printf("%s %lld values in %s", i ? "," : "", (long long)stored[i].values, stored[i].dtype);
    printf("; %s tokenizer%s\n", w->tokenizer ? "with" : "without",
           m->tie_word_embeddings ? "; embedding and head tied" : "");
    str_clear(&text);
    policy_plan_print(plan, &text);
    printf("to train and sample it (chunks of 2048 tokens, 128 sequences, at most %d tokens "
           "each):\n%s\n",
           m->max_position < CONTEXT ? m->max_position : CONTEXT, str_text(&text));
    str_free(&text);
}

static int info(const Args *args) {
    if (args->n_words != 2) return command_usage("model info: wants one folder or GGUF file");
    Weights w = {0};
    PolicyPlan plan;
    Stored stored[DTYPES];
    Arena *arena = arena_new(0);
    Status st;
    const char *model;
    TRY_OUT(input_model(args->word[1], &model, arena));
    TRY_OUT(weights_open(model, &w));
    TRY_OUT(plan_of(&w.model, &plan));
    int n = count_dtypes(&w, stored, DTYPES);
    if (args_has(args, "json"))
        info_json(&w, &plan, stored, n);
    else
        info_text(args->word[1], &w, &plan, stored, n);
out:
    weights_close(&w);
    arena_free(arena);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

// ---- diff ------------------------------------------------------------------------------------
typedef struct Difference {
    int64_t changed;
    double most, square, size;
} Difference;

static Status compare(const TensorSource *a, const TensorSource *b, TensorBuffer *x,
                      TensorBuffer *y, Difference *d) {
    const int64_t rows = tensor_source_rows(a), cols = tensor_source_cols(a);
    const int64_t step = tensor_buffer_rows(x, cols);
    tensor_buffer_rows(y, cols);
    for (int64_t row = 0; row < rows; row += step) {
        const int64_t m = rows - row < step ? rows - row : step;
        TRY(tensor_source_read(a, row, m, x->value));
        TRY(tensor_source_read(b, row, m, y->value));
        for (int64_t i = 0; i < m * cols; i++) {
            const double v = (double)x->value[i], by = (double)y->value[i] - v;
            d->changed += memcmp(&x->value[i], &y->value[i], sizeof(float)) != 0;
            if (fabs(by) > d->most) d->most = fabs(by);
            d->square += by * by;
            d->size += v * v;
        }
    }
    return ST_OK;
}

static bool same_shape(const TensorSource *a, const TensorSource *b) {
    return a->n_dims == b->n_dims && memcmp(a->dim, b->dim, sizeof a->dim) == 0;
}

// One tensor that both have; *differ counts.
static Status diff_one(const FileWeight *a, const FileWeight *b, TensorBuffer *x, TensorBuffer *y,
                       int *differ) {
    Difference d = {0};
    if (!same_shape(&a->source, &b->source))
        return FAIL(ST_FORMAT, "tensor '%s' has %lld values against %lld, or another shape",
                    a->source.name, (long long)a->values, (long long)b->values);
    TRY(compare(&a->source, &b->source, x, y, &d));
    if (!d.changed) return ST_OK;
    ++*differ;
    printf("%-56s %9lld of %9lld differ, at most %.3g, relative norm %.3g\n", a->source.name,
           (long long)d.changed, (long long)a->values, d.most,
           d.size > 0 ? sqrt(d.square / d.size) : sqrt(d.square));
    return ST_OK;
}

// Tensors that differ, in order of name; exit code 1 if any does. Both lists are sorted.
static int diff(const Args *args) {
    if (args->n_words != 3) return command_usage("model diff: wants two folders or GGUF files");
    Weights a = {0}, b = {0};
    TensorBuffer x = {0}, y = {0};
    Status st;
    int differ = 0, all = 0;
    Arena *arena = arena_new(0);
    const char *left, *right;
    TRY_OUT(input_model(args->word[1], &left, arena));
    TRY_OUT(input_model(args->word[2], &right, arena));
    TRY_OUT(weights_open(left, &a));
    TRY_OUT(weights_open(right, &b));
    for (int i = 0, k = 0; i < a.n || k < b.n; all++) {
        int order = i == a.n   ? 1
                    : k == b.n ? -1
                               : strcmp(a.weight[i].source.name, b.weight[k].source.name);
        if (order == 0) {
            TRY_OUT(diff_one(&a.weight[i++], &b.weight[k++], &x, &y, &differ));
            continue;
        }
        const char *name = order < 0 ? a.weight[i++].source.name : b.weight[k++].source.name;
        printf("%-56s only in %s\n", name, args->word[order < 0 ? 1 : 2]);
        differ++;
    }
    printf("%d of %d tensors differ\n", differ, all);
out:
    tensor_buffer_free(&x);
    tensor_buffer_free(&y);
    weights_close(&a);
    weights_close(&b);
    arena_free(arena);
    if (st != ST_OK) return command_failed(st);
    return differ ? EXIT_FAILED : EXIT_DONE;
}

static int run(const Args *args) {
    const char *what = args->n_words ? args->word[0] : "";
    if (strcmp(what, "new") == 0) return make(args);
    if (strcmp(what, "info") == 0) return info(args);
    if (strcmp(what, "diff") == 0) return diff(args);
    return command_usage("model: wants new, info or diff");
}

const Command command_model = {
    .name = "model",
    .summary = "make, inspect and compare models",
    .usage = "model new [CONFIG.json] [model.key=value ...] -o DIR | model info MODEL | "
             "model diff A B",
    .about =
        "MODEL, A and B are Hugging Face folders or GGUF files. diff compares values as fp32, by "
        "Hugging\nFace's names, and ends with exit code 1 if any tensor differs.",
    .examples = "grpo model new model.hidden_size=256 -o model/\n"
                "grpo model new model.family=qwen3 model.n_kv_heads=2 -o model/\n"
                "grpo model info runs/zero/checkpoints/step-100/model\n"
                "grpo model diff models/SmolLM2-135M-Instruct SmolLM2-135M-Instruct.Q4_1.gguf\n"
                "grpo model diff runs/a/checkpoints/step-0/model runs/a/checkpoints/step-20/model",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .config = true,
    .run = run,
};
