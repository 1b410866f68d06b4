// pipelines/bench/bench_step.c -- runs steps of the desk recipe and counts the products they need.
#include "pipelines/bench/bench_step.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pipelines/actor.h"
#include "pipelines/args.h"
#include "pipelines/runconfig.h"
#include "pipelines/sources.h"
#include "rl/trainer.h"

typedef struct Needed {       // of a forward pass
    double tokens, low, fp32; // operations in the model's precision, and in fp32
} Needed;

typedef struct Phase {
    const char *name;
    double wall, cpu, tokens, low, fp32;
} Phase;

static bool ends_with(const char *s, const char *end) {
    const size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

// Operations a token: two a weight that multiplies it.
static void of_weights(Policy *p, Needed *each) {
    const ModelConfig *m = policy_model(p);
    int n;
    const Param *param = policy_params(p, &n);
    for (int i = 0; i < n; i++) {
        const Param *q = &param[i];
        const double size = 2.0 * q->rows * q->cols;
        if (q->cols == 0 || strstr(q->name, "embed_tokens")) continue;
        if (q->expert)
            each->low += size * m->n_experts_per_tok / m->n_routed_experts;
        else if (ends_with(q->name, "lm_head.weight") || ends_with(q->name, "mlp.gate.weight"))
            each->fp32 += size;
        else
            each->low += size;
    }
}

// Operations of a query and a key that it sees, over all layers.
static double of_pair(const ModelConfig *m) {
    const double wide = m->mla_form == MLA_ABSORBED ? model_cache_dim(m) + m->kv_lora_rank
                                                    : model_qk_dim(m) + m->v_head_dim;
    return 2.0 * wide * m->n_heads * m->n_layers;
}

static double pairs(double n) {
    return n * (n + 1) / 2;
}

static Needed of_batch(const Batch *b, const Needed *each, double pair) {
    Needed all = {0};
    double seen = 0;
    for (int g = 0; g < b->n_groups; g++) {
        const double prompt = b->prompt_begin[g + 1] - b->prompt_begin[g];
        all.tokens += prompt;
        seen += pairs(prompt);
        for (int i = b->group_begin[g]; i < b->group_begin[g + 1]; i++) {
            const double n = b->token_end[i] - b->token_begin[i];
            all.tokens += n - prompt;
            seen += pairs(n) - pairs(prompt);
        }
    }
    all.low = all.tokens * each->low;
    all.fp32 = all.tokens * each->fp32 + seen * pair;
    return all;
}

static void add(Phase *p, const Needed *need, double times, double wall, double cpu) {
    p->wall += wall;
    p->cpu += cpu;
    p->tokens += need->tokens;
    p->low += times * need->low;
    p->fp32 += times * need->fp32;
}

static void show(const BenchStep *b, const Phase *p, int threads) {
    const double n = (double)b->steps, wall = p->wall / n, cpu = p->cpu / n;
    const double flops = (p->low + p->fp32) / n;
    const double one =
        b->fp32_flops > 0 ? (p->low / b->bf16_flops + p->fp32 / b->fp32_flops) / n : 0;
    const double floor_s = one / threads;
    const double times = one > 0 ? wall / floor_s : 0, cpu_times = one > 0 ? cpu / one : 0;
    if (b->json)
        printf("{\"name\":\"desk_step\",\"phase\":\"%s\",\"seconds\":%.4f,\"cpu_seconds\":%.4f,"
               "\"tokens\":%.0f,\"tokens_s\":%.0f,\"gflops\":%.2f,\"fp32_share\":%.3f,"
               "\"floor_s\":%.4f,\"times_floor\":%.2f,\"cpu_times_floor\":%.2f}\n",
               p->name, wall, cpu, p->tokens / n, p->tokens / n / wall, flops / wall * 1e-9,
               p->fp32 / n / flops, floor_s, times, cpu_times);
    else
        printf("  %-9s %8.3f s  %9.0f tokens/s  %6.1f GFLOP/s  %5.2f times its floor of %.3f s  "
               "(processor: %.3f s, %.2f times)\n",
               p->name, wall, p->tokens / n / wall, flops / wall * 1e-9, times, floor_s, cpu,
               cpu_times);
}

// The recipe's step on a base that knows nothing: most of its samples run to the limit, none is
// left out because its group is flat, so every token is trained.
static Status run(const BenchStep *bench, RunConfig *rc, Actor *a, Trainer *trainer) {
    static Metrics row;
    Phase sampling = {.name = "sampling"}, training = {.name = "training"},
          whole = {.name = "whole"};
    Needed each = {0};
    of_weights(a->policy, &each);
    const double pair = of_pair(policy_model(a->policy));
    for (int64_t i = 0; i <= bench->steps; i++) {
        TrainerStep did;
        const double cpu = clock_cpu();
        TRY(trainer_step(trainer, NULL, &row, &did));
        if (i == 0) continue; // caches and pages are cold
        const Spans *spans = trainer_spans(trainer);
        const Needed need = of_batch(did.batch, &each, pair);
        add(&sampling, &need, 1, span_seconds(spans, "gen"), span_cpu(spans, "gen"));
        add(&training, &need, 3, span_seconds(spans, "update_actor"),
            span_cpu(spans, "update_actor"));
        add(&whole, &need, 4, metrics_get(&row, "timing_s/step", 0), clock_cpu() - cpu);
    }
    const int threads = pool_threads(a->pool);
    if (!bench->json)
        printf("a desk step: %lld prompts x %lld samples, %.0f tokens, %.0f active parameters, "
               "%d threads\n",
               (long long)rc->rl.groups_per_step, (long long)rc->rl.group_size,
               whole.tokens / (double)bench->steps,
               (double)a->policies.of[ROLE_ACTOR].plan.n_active, threads);
    show(bench, &sampling, threads);
    show(bench, &training, threads);
    show(bench, &whole, threads);
    return ST_OK;
}

Status bench_step(const BenchStep *bench) {
    RunConfig rc = {0};
    Actor a = {0};
    TaskSource source = {0};
    Trainer *trainer = NULL;
    Args none = {.command = "bench"};
    Status st;
    TRY_OUT(runconfig_open(&rc, "zero-desk", &none));
    rc.rl.steps = bench->steps + 1;
    rc.rl.warmup_steps = 0;
    rc.rl.skip_flat = false;
    ModelConfig model = runconfig_model(&rc.model);
    ActorOpts ao = {.model = &model,
                    .trainable = true,
                    .engine = true,
                    .allocate = true,
                    .quiet = true,
                    .chunk_tokens = (int)rc.rl.chunk_tokens,
                    .max_seq_tokens = model.max_position,
                    .decode_seqs = (int)rc.run.decode_seqs,
                    .seed = 1};
    TRY_OUT(actor_open(&ao, &a));
    TRY_OUT(sources_tasks(&rc, SPLIT_TRAIN, &source));
    TrainerDeps deps = {
        .run = actor_context(&a, NULL, 1),
        .source = &source,
    };
    TRY_OUT(trainer_new(&deps, &rc.rl, &trainer));
    TRY_OUT(run(bench, &rc, &a, trainer));
out:
    trainer_free(trainer);
    if (source.close) source.close(&source);
    actor_close(&a);
    runconfig_close(&rc);
    return st;
}
