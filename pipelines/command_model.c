// pipelines/command_model.c -- `grpo model`: new, info, diff.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "pipelines/actor.h"
#include "pipelines/command.h"
#include "pipelines/runconfig.h"
#include "policy/io/checkpoint.h"

static const Flag flags[] = {
    {"out", 'o', "DIR", "new: the folder to write"},
    {"dtype", 0, "D", "new: f32 or bf16 (default f32)"},
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

static int info(const Args *args) {
    if (args->n_words != 2) return command_usage("model info: wants one DIR");
    Actor a = {0};
    Str plan = {0};
    Status st;
    ActorOpts ao = {.folder = args->word[1],
                    .trainable = true,
                    .engine = true,
                    .quiet = true,
                    .max_seq_tokens = 1 << 24,
                    .chunk_tokens = 2048,
                    .decode_seqs = 128};
    TRY_OUT(actor_open(&ao, &a));
    static const char *const precision[] = {"fp32", "bf16", "fp8"};
    const ModelConfig *m = &a.model;
    if (args_has(args, "json")) {
        printf("{\"family\":\"%s\",\"parameters\":%lld,\"active\":%lld,\"hidden_size\":%d,"
               "\"n_layers\":%d,\"n_heads\":%d,\"vocab_size\":%d,\"max_position\":%d,"
               "\"precision\":\"%s\",\"mla_form\":\"%s\",\"plan_bytes\":%zu}\n",
               family_name(m), (long long)a.plan.n_params, (long long)a.plan.n_active,
               m->hidden_size, m->n_layers, m->n_heads, m->vocab_size, m->max_position,
               precision[m->precision], m->mla_form == MLA_ABSORBED ? "absorbed" : "expanded",
               a.plan.total);
        goto out;
    }
    printf("%s: %s, hidden %d, %d layers, %d heads, vocabulary %d, context %d, %s\n", args->word[1],
           m->family == FAMILY_MLA_MOE ? "MLA/MoE" : family_name(m), m->hidden_size, m->n_layers,
           m->n_heads, m->vocab_size, m->max_position, precision[m->precision]);
    printf("cache: %d values a token and layer\n", model_cache_dim(m));
    if (m->n_routed_experts)
        printf("experts: %d routed, %d a token, %d shared\n", m->n_routed_experts,
               m->n_experts_per_tok, m->n_shared_experts);
    policy_plan_print(&a.plan, &plan);
    printf("to train and sample it (chunks of 2048 tokens, 128 sequences):\n%s\n", str_text(&plan));
out:
    str_free(&plan);
    actor_close(&a);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

static Status open_weights(const char *folder, Actor *a) {
    ActorOpts ao = {.folder = folder,
                    .allocate = true,
                    .quiet = true,
                    .max_seq_tokens = 1,
                    .chunk_tokens = 1,
                    .threads = 1};
    return actor_open(&ao, a);
}

// Tensors that differ, largest difference first seen; exit code 1 if any does.
static int diff(const Args *args) {
    if (args->n_words != 3) return command_usage("model diff: wants two model folders");
    Actor a = {0}, b = {0};
    Status st;
    int n_a = 0, n_b = 0, differ = 0;
    TRY_OUT(open_weights(args->word[1], &a));
    TRY_OUT(open_weights(args->word[2], &b));
    Param *pa = policy_params(a.policy, &n_a), *pb = policy_params(b.policy, &n_b);
    if (n_a != n_b) {
        st = FAIL(ST_FORMAT, "the models have %d and %d tensors: they are of different shape", n_a,
                  n_b);
        goto out;
    }
    for (int i = 0; i < n_a; i++) {
        if (strcmp(pa[i].name, pb[i].name) != 0 || pa[i].rows != pb[i].rows ||
            pa[i].cols != pb[i].cols) {
            st = FAIL(ST_FORMAT, "tensor '%s' [%d, %d] stands against '%s' [%d, %d]", pa[i].name,
                      pa[i].rows, pa[i].cols, pb[i].name, pb[i].rows, pb[i].cols);
            goto out;
        }
        size_t n = (size_t)pa[i].rows * (size_t)(pa[i].cols ? pa[i].cols : 1), changed = 0;
        double most = 0, square = 0, size = 0;
        for (size_t k = 0; k < n; k++) {
            double d = (double)pb[i].master[k] - (double)pa[i].master[k];
            changed += memcmp(&pa[i].master[k], &pb[i].master[k], sizeof(float)) != 0;
            if (fabs(d) > most) most = fabs(d);
            square += d * d;
            size += (double)pa[i].master[k] * (double)pa[i].master[k];
        }
        if (!changed) continue;
        differ++;
        printf("%-56s %9zu of %9zu differ, at most %.3g, relative norm %.3g\n", pa[i].name, changed,
               n, most, size > 0 ? sqrt(square / size) : sqrt(square));
    }
    printf("%d of %d tensors differ\n", differ, n_a);
out:
    actor_close(&a);
    actor_close(&b);
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
    .summary = "make, inspect and compare model folders",
    .usage =
        "model new [CONFIG.json] [model.key=value ...] -o DIR | model info DIR | model diff A B",
    .about = "diff ends with exit code 1 if any tensor differs.",
    .examples = "grpo model new model.hidden_size=256 -o model/\n"
                "grpo model new model.family=qwen3 model.n_kv_heads=2 -o model/\n"
                "grpo model info runs/zero/checkpoints/step-100/model\n"
                "grpo model diff runs/a/checkpoints/step-0/model runs/a/checkpoints/step-20/model",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .config = true,
    .run = run,
};
