// pipelines/runconfig.c -- the tables of keys, and the order in which sources are merged.
#include "pipelines/runconfig.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/file.h"
#include "pipelines/defaults.h"
#include "pipelines/needs.h"
#include "pipelines/recipe.h"
#include "policy/policy.h"
#include "rl/evaluate.h"
#include "rollout/request.h"
#include "sandbox/cage.h"

#define ROW(S, field, type, initial, min, max, choices, help)                                      \
    { #field, type, offsetof(S, field), initial, min, max, choices, help, NULL }
#define INT(S, field, initial, min, max, help)                                                     \
    ROW(S, field, CONFIG_INT, initial, min, max, NULL, help)
#define NUM(S, field, initial, min, max, help)                                                     \
    ROW(S, field, CONFIG_DOUBLE, initial, min, max, NULL, help)
#define FLAG(S, field, initial, help) ROW(S, field, CONFIG_BOOL, initial, 0, 0, NULL, help)
#define TEXT(S, field, initial, help) ROW(S, field, CONFIG_TEXT, initial, 0, 0, NULL, help)
#define ONE_OF(S, field, initial, choices, help)                                                   \
    ROW(S, field, CONFIG_CHOICE, initial, 0, 0, choices, help)
#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

static const ConfigKey run_keys[] = {
    INT(RunSettings, seed, "1", 0, 9e15, "the only source of chance: same seed, same run"),
    INT(RunSettings, threads, "0", 0, 1024, "worker threads; 0 = all cores; changes no result"),
    INT(RunSettings, chunks_in_flight, "0", 0, 1024,
        "chunks trained at once; 0 = as many as threads; changes no result"),
    INT(RunSettings, memory_mb, "0", 0, 1e9, "the plan must fit this, MiB; 0 = what is free"),
    INT(RunSettings, checkpoint_every, "20", 0, 1e9,
        "steps between checkpoints; 0 = only the last"),
    INT(RunSettings, base_checkpoint_every, "200", 0, 1e9, "the same for next-token training"),
    INT(RunSettings, decode_seqs, "128", 1, 65536,
        "sequences decoded together: more is faster and wants more memory; changes no result"),
    TEXT(RunSettings, max_time, "",
         "time after which the run stops with a checkpoint (exit code 75; the same command goes "
         "on): "
         "90s, 30m, 3.5h, 1-12:00:00, or slurm (5 minutes before the job's end); empty = none"),
    INT(RunSettings, keep, "2", 1, 1000, "newest checkpoints kept; the best is kept besides"),
};

static const ConfigKey model_keys[] = {
    TEXT(ModelSettings, path, "", "model folder to start from; empty = a new one of these sizes"),
    ONE_OF(ModelSettings, family, "mla_moe", "mla_moe|llama|mistral|qwen2|qwen3",
           "of a new model: DeepSeek's MLA and MoE, or a dense family"),
    INT(ModelSettings, hidden_size, "128", 1, 65536, "width of the residual stream"),
    INT(ModelSettings, n_layers, "4", 1, 1024, "layers"),
    INT(ModelSettings, n_heads, "4", 1, 1024, "attention heads"),
    INT(ModelSettings, intermediate_size, "384", 1, 1 << 20, "width of the dense layers' SwiGLU"),
    INT(ModelSettings, max_position, "0", 0, 1 << 24,
        "longest sequence, tokens; 0 = 256 for a new model, of a folder rl.max_new_tokens "
        "and 512 for the prompt, or sft.max_tokens; never more than its context"),
    INT(ModelSettings, n_kv_heads, "0", 0, 1024, "dense: key-value heads; 0 = n_heads"),
    INT(ModelSettings, head_dim, "0", 0, 512, "dense: width of a head; 0 = hidden_size / n_heads"),
    INT(ModelSettings, q_lora_rank, "64", 0, 65536, "rank of the query latent; 0 = plain q_proj"),
    INT(ModelSettings, kv_lora_rank, "48", 1, 65536,
        "rank of the key-value latent (what is cached)"),
    INT(ModelSettings, qk_nope_head_dim, "32", 1, 4096,
        "query-key width of a head without position"),
    INT(ModelSettings, qk_rope_head_dim, "16", 2, 4096, "query-key width of a head with RoPE"),
    INT(ModelSettings, v_head_dim, "32", 1, 4096, "value width of a head"),
    INT(ModelSettings, first_k_dense, "1", 0, 1024, "first layers that are dense, not MoE"),
    INT(ModelSettings, moe_intermediate_size, "96", 1, 1 << 20, "width of one expert"),
    INT(ModelSettings, n_routed_experts, "8", 0, 4096, "routed experts a layer; 0 = all dense"),
    INT(ModelSettings, n_shared_experts, "1", 0, 64, "experts that every token uses"),
    INT(ModelSettings, n_experts_per_tok, "2", 1, 64, "routed experts a token"),
    INT(ModelSettings, n_group, "1", 1, 4096, "groups of experts"),
    INT(ModelSettings, topk_group, "1", 1, 4096, "groups a token may use"),
    FLAG(ModelSettings, norm_topk_prob, "true", "gate weights of the chosen experts add up to 1"),
    FLAG(ModelSettings, tie_word_embeddings, "false", "the head is the embedding"),
    NUM(ModelSettings, routed_scaling_factor, "1", 0, 1000, "factor on the routed experts' sum"),
    NUM(ModelSettings, rope_theta, "10000", 1, 1e12, "base of the rotary angles"),
    NUM(ModelSettings, rope_factor, "1", 1, 1e6, "YaRN: context over the original; 1 = plain RoPE"),
    INT(ModelSettings, rope_original_max_position, "0", 0, 1 << 24,
        "YaRN: context before it; 0 = max_position over rope_factor"),
    NUM(ModelSettings, rope_beta_fast, "32", 0, 1e6, "YaRN: turns above which angles are kept"),
    NUM(ModelSettings, rope_beta_slow, "1", 0, 1e6, "YaRN: turns below which they are stretched"),
    NUM(ModelSettings, rope_mscale, "1", 0, 100, "YaRN: scale of cosine and sine"),
    NUM(ModelSettings, rope_mscale_all_dim, "0", 0, 100, "YaRN: scale of the attention's scores"),
    NUM(ModelSettings, rms_norm_eps, "1e-6", 0, 1, "epsilon of RMSNorm"),
    ONE_OF(ModelSettings, scoring, "sigmoid", "sigmoid|softmax", "router score: V3, V2"),
    ONE_OF(ModelSettings, topk_method, "noaux_tc", "noaux_tc|group_limited_greedy|greedy",
           "choice of experts: V3, V2, V2-Lite"),
    ONE_OF(ModelSettings, precision, "bf16", "fp32|bf16|fp8",
           "operands of the matrix products, in sampling and training alike"),
    ONE_OF(ModelSettings, mla_form, "absorbed", "absorbed|expanded",
           "form of the attention; one for sampling, scoring and training"),
    INT(ModelSettings, mtp, "0", 0, 8,
        "MTP modules that are computed (DeepSeek): the folder's own, missing ones start at random; "
        "0 = none, a folder's are carried along"),
    ONE_OF(ModelSettings, mtp_save, "keep", "keep|drop", "MTP modules in saved folders"),
};

static const ConfigKey eval_keys[] = {
    INT(EvalSettings, every, "10", 0, 1e9, "steps between evaluations; 0 = base and final only"),
    INT(EvalSettings, tasks, "64", 1, 1e6, "held-out tasks of an evaluation on the way"),
    INT(EvalSettings, samples, "4", 1, 1024, "samples for each of them"),
    INT(EvalSettings, final_tasks, "1000", 1, 1e6,
        "held-out tasks of the base and final evaluation"),
    INT(EvalSettings, passk_tasks, "128", 0, 1e6, "held-out tasks for pass@k of base and final"),
    INT(EvalSettings, passk_samples, "64", 1, 1024, "samples for each of them: the largest k"),
    INT(EvalSettings, large_tasks, "1000", 0, 1e6, "tasks with larger operands, base and final"),
    INT(EvalSettings, shown, "12", 0, 1000, "held-out prompts the report shows over the steps"),
    NUM(EvalSettings, temperature, "1", 0, 100, "temperature of evaluation samples; 0 = greedy"),
    NUM(EvalSettings, top_p, "0", 0, 1, "nucleus of evaluation samples; 0 = rl.top_p, 1 = off"),
    INT(EvalSettings, top_k, "0", -1, 1e7,
        "best tokens of evaluation samples; 0 = rl.top_k, -1 = all"),
    INT(EvalSettings, max_new_tokens, "0", 0, 1e7,
        "longest response of evaluation samples; 0 = rl.max_new_tokens"),
    {"pass_k", CONFIG_LIST, offsetof(EvalSettings, pass_k), "", 1, 4096, NULL,
     "k of pass@k of base and final, as [1,8,64], each at most eval.passk_samples; empty = the "
     "powers of 2",
     NULL},
};

static const ConfigKey data_keys[] = {
    TEXT(DataSettings, tasks, "desk",
         "questions: a family (desk), a data set by name (gsm8k, or gsm8k=FILE; grpo data list), a "
         "JSON-lines file, or a mix by weight: a.jsonl:0.7,desk:0.3"),
    TEXT(DataSettings, heldout, "",
         "held-out questions; empty = the family's own, disjoint by hash"),
    TEXT(DataSettings, large, "", "questions with larger operands; empty = the family's own"),
    TEXT(DataSettings, corpus, "desk", "documents of pretraining: a family, or a JSON-lines file"),
    TEXT(DataSettings, corpus_heldout, "",
         "sft: a JSON-lines file of documents that are only scored: val/loss over the first "
         "eval.tasks of them, every eval.every steps and at the end"),
    {"template", CONFIG_TEXT, offsetof(DataSettings, template_), "", 0, 0, NULL,
     "for files: the prompt with {} for the question, e.g. \"User: {} Assistant:\"; or a name: "
     "r1-zero, "
     "boxed",
     NULL},
    TEXT(DataSettings, folder, "",
         "folder of data sets known by name: FOLDER/gsm8k/train.jsonl; empty = the program's "
         "slices"),
    TEXT(DataSettings, judge, "",
         "judge of the questions of files; empty = as the rows or the data set say, else math"),
    TEXT(DataSettings, chat, "",
         "prompts become turns of this chat template: auto = the model folder's own, or a name as "
         "chatml, qwen3, llama3, r1-zero; empty = prompts as they stand"),
    TEXT(DataSettings, system, "",
         "with data.chat: the system message; r1-zero = R1-Zero's words; empty = the template's "
         "own"),
    ONE_OF(DataSettings, thinking, "auto", CHAT_THINKING_CHOICES,
           "with data.chat: the switch of templates that have one (qwen3)"),
    ROW(DataSettings, fields, CONFIG_TEXT, "", 0, 0, "json",
        "which field of a row is what, as {\"prompt\":\"problem\",\"answer\":\"extra.gt\"} with "
        "dotted "
        "paths (prompt, answer, response, source, judge, level), or such objects by the name of a "
        "mix's part; empty = as the rows' form says"),
    NUM(DataSettings, heldout_fraction, "0", 0, 0.9,
        "this share of the training questions of files is held out, by data.eval_seed and content; "
        "equal questions are on one side; 0 = data.heldout names them"),
    NUM(DataSettings, epochs, "0", 0, 1e6,
        "passes over the training questions, which set rl.steps; 0 = rl.steps decides"),
    ONE_OF(
        DataSettings, order, "shuffle", "shuffle|file",
        "order of a file's training questions: another one each epoch, by run.seed, or the file's"),
    INT(DataSettings, eval_seed, "0", 0, 9e15,
        "which held-out questions are asked: the same for every run.seed"),
};

static const ConfigKey log_keys[] = {
    INT(LogSettings, every, "1", 1, 1e9, "steps between progress lines off a terminal"),
    INT(LogSettings, rollouts, "1", 0, 1e9, "steps between files in rollouts/; 0 = none"),
    FLAG(LogSettings, tensorboard, "true", "write TensorBoard event files"),
};

static const ConfigKey metrics_keys[] = {
    ONE_OF(MetricsSettings, alias, "verl", "verl|trl", "whose names the metrics have"),
};

static const ConfigKey sandbox_keys[] = {
    ONE_OF(SandboxSettings, allow_missing, "none", "none|ns",
           "what the sandbox may miss: ns = namespaces, with Landlock and a filter in their place"),
};

static const ConfigKey rollout_keys[] = {
    ONE_OF(RolloutSettings, draft, "none", DRAFT_CHOICES,
           "guesses of the next tokens, verified by the next call: by the MTP modules (model.mtp), "
           "or by what followed the last tokens where they appeared before; changes no token, no "
           "log-prob"),
    INT(RolloutSettings, draft_tokens, "0", 0, DRAFT_MOST,
        "guesses for a sequence and call; 0 = one for each MTP module, 4 by lookup"),
};

static void sections_fill(ConfigSection *section, RunConfig *s) {
    section[0] = (ConfigSection){"run", "the run itself", run_keys, COUNT(run_keys), &s->run};
    section[1] = (ConfigSection){"model", "the policy (names as in Hugging Face's config.json)",
                                 model_keys, COUNT(model_keys), &s->model};
    section[2] =
        (ConfigSection){"data", "questions and documents", data_keys, COUNT(data_keys), &s->data};
    section[3] = desk_section;
    section[3].target = &s->desk;
    section[8] = (ConfigSection){"metrics", "the numbers of a step", metrics_keys,
                                 COUNT(metrics_keys), &s->metrics};
    section[9] = (ConfigSection){"sandbox", "what holds the programs that tasks with code judge",
                                 sandbox_keys, COUNT(sandbox_keys), &s->sandbox};
    section[10] = (ConfigSection){"rollout", "how samples are drawn", rollout_keys,
                                  COUNT(rollout_keys), &s->rollout};
    section[7] = finetune_section;
    section[7].target = &s->sft;
    section[4] = (ConfigSection){"rl", rl_help, rl_keys, n_rl_keys, &s->rl};
    section[5] = (ConfigSection){"eval", "evaluation on held-out tasks", eval_keys,
                                 COUNT(eval_keys), &s->eval};
    section[6] =
        (ConfigSection){"log", "what is written while it runs", log_keys, COUNT(log_keys), &s->log};
}

static Status check_passes(const EvalSettings *e) {
    if (e->pass_k.n > EVAL_PASS_MAX)
        return FAIL(ST_CONFIG, "eval.pass_k: at most %d numbers", EVAL_PASS_MAX);
    for (int i = 0; i < e->pass_k.n; i++)
        if (e->pass_k.value[i] > (double)e->passk_samples ||
            e->pass_k.value[i] != floor(e->pass_k.value[i]))
            return FAIL(ST_CONFIG,
                        "eval.pass_k: pass@%g needs as many samples of a question, but "
                        "eval.passk_samples is %lld",
                        e->pass_k.value[i], (long long)e->passk_samples);
    return ST_OK;
}

static void begin(RunConfig *out) {
    *out = (RunConfig){0};
    sections_fill(out->section, out);
    out->config = config_new(out->section, RUNCONFIG_SECTIONS);
    config_set_needs(out->config, needs_table, n_needs_table);
}

static Status load_recipe(RunConfig *out, const char *recipe) {
    out->recipe = recipe;
    if (!recipe) return ST_OK;
    const Recipe *r = recipe_find(recipe);
    CHECK(r);
    return config_load_text(out->config, r->text, r->name, "recipe");
}

// Defaults that follow from values, then the values into their structs.
static Status conclude(RunConfig *out, const char *needs) {
    TRY(defaults_of_model(out->config));
    TRY(defaults_of_steps(out->config));
    TRY(config_apply(out->config));
    TRY(check_passes(&out->eval));
    if (needs) TRY(config_check_needs(out->config, needs_command(needs)));
    if (out->sandbox.allow_missing) cage_allow_missing(CAGE_NAMESPACES);
    return ST_OK;
}

// A config that cannot be read is a config error, whatever its kind of wrongness.
static Status closed(RunConfig *out, Status st) {
    if (st == ST_OK) return st;
    runconfig_close(out);
    return st == ST_FORMAT ? FAIL(ST_CONFIG, "%s", status_text()) : st;
}

static Status open_file(RunConfig *out, const char *recipe, const Args *args) {
    const char *file = args && args->n_words > 0 ? args->word[0] : NULL;
    if (file && recipe_find(file)) recipe = file, file = NULL;
    out->command = args ? args->command : NULL;
    out->file = file;
    TRY(load_recipe(out, recipe));
    if (file && !file_exists(file))
        return FAIL(ST_CONFIG, "%s: no such config file; recipes: %s", file, recipe_names());
    if (file) TRY(config_load(out->config, file, "file"));
    TRY(config_load_env(out->config));
    for (int i = 0; args && i < args->n_assignments; i++)
        TRY(config_assign(out->config, args->assignment[i]));
    // other commands have the recipe's values and flags of their own
    return conclude(out, args && args->assignments ? args->command : NULL);
}

Status runconfig_open(RunConfig *out, const char *recipe, const Args *args) {
    begin(out);
    return closed(out, open_file(out, recipe, args));
}

static Status open_parts(RunConfig *out, const ConfigParts *p) {
    out->command = p->command;
    out->file = p->doc ? json_name(p->doc) : NULL;
    TRY(load_recipe(out, p->recipe));
    for (int i = 0; i < 3; i++)
        if (p->sections[i])
            TRY(config_load_node(out->config, p->doc, p->sections[i], "",
                                 i == 2 ? "file" : "recipe"));
    if (p->data) TRY(config_load_node(out->config, p->doc, p->data, "data", "file"));
    TRY(config_load_env(out->config));
    for (int i = 0; i < p->n_assignments; i++) TRY(config_assign(out->config, p->assignment[i]));
    for (int i = 0; i < 4 && p->set[i][0]; i++)
        TRY(config_override(out->config, p->set[i][0], p->set[i][1], p->set[i][2]));
    return conclude(out, p->command);
}

Status runconfig_open_parts(RunConfig *out, const ConfigParts *parts) {
    begin(out);
    return closed(out, open_parts(out, parts));
}

void runconfig_close(RunConfig *rc) {
    if (rc->config) config_free(rc->config);
    rc->config = NULL;
}

enum { NEW_CONTEXT = 256, PROMPT_ROOM = 512 };

int64_t runconfig_new_tokens(const RunConfig *rc) {
    int64_t rl = rc->rl.max_new_tokens, eval = rc->eval.max_new_tokens;
    return rl > eval ? rl : eval;
}

int runconfig_longest(const RunConfig *rc) {
    if (rc->model.max_position > 0) return (int)rc->model.max_position;
    if (!rc->model.path[0]) return NEW_CONTEXT;
    bool sft = rc->command && strcmp(rc->command, "sft") == 0;
    int64_t longest = sft ? rc->sft.max_tokens : PROMPT_ROOM + runconfig_new_tokens(rc);
    return longest < (1 << 24) ? (int)longest : 1 << 24;
}

static int64_t context_of(const ModelSettings *m) {
    return m->max_position > 0 ? m->max_position : NEW_CONTEXT;
}

static RopeConfig rope_config(const ModelSettings *m) {
    if (m->rope_factor <= 1) return (RopeConfig){.theta = m->rope_theta, .factor = 1};
    int before = (int)m->rope_original_max_position;
    if (before == 0) before = (int)ceil((double)context_of(m) / m->rope_factor);
    return (RopeConfig){.theta = m->rope_theta,
                        .yarn = true,
                        .factor = m->rope_factor,
                        .beta_fast = m->rope_beta_fast,
                        .beta_slow = m->rope_beta_slow,
                        .mscale = m->rope_mscale,
                        .mscale_all_dim = m->rope_mscale_all_dim,
                        .original_max_position = before};
}

ModelConfig runconfig_model(const ModelSettings *m) {
    const DenseKind dense = (DenseKind)(m->family > 0 ? m->family - 1 : 0);
    return (ModelConfig){
        .family = m->family > 0 ? FAMILY_DENSE : FAMILY_MLA_MOE,
        .dense = dense,
        .n_kv_heads = (int)(m->n_kv_heads > 0 ? m->n_kv_heads : m->n_heads),
        .head_dim = (int)(m->head_dim > 0 ? m->head_dim : m->hidden_size / m->n_heads),
        .qkv_bias = m->family > 0 && dense == DENSE_QWEN2,
        .qk_norm = m->family > 0 && dense == DENSE_QWEN3,
        .hidden_size = (int)m->hidden_size,
        .intermediate_size = (int)m->intermediate_size,
        .n_layers = (int)m->n_layers,
        .n_heads = (int)m->n_heads,
        .max_position = (int)context_of(m),
        .rms_norm_eps = m->rms_norm_eps,
        .initializer_range = 0, // desk: N(0, 1/sqrt(fan_in)), see policy.c
        .tie_word_embeddings = m->tie_word_embeddings,
        .bos_id = -1,
        .eos_id = -1,
        .rope = rope_config(m),
        .q_lora_rank = (int)m->q_lora_rank,
        .kv_lora_rank = (int)m->kv_lora_rank,
        .qk_nope_head_dim = (int)m->qk_nope_head_dim,
        .qk_rope_head_dim = (int)m->qk_rope_head_dim,
        .v_head_dim = (int)m->v_head_dim,
        .first_k_dense = (int)m->first_k_dense,
        .moe_layer_freq = 1,
        .moe_intermediate_size = (int)m->moe_intermediate_size,
        .n_routed_experts = (int)m->n_routed_experts,
        .n_shared_experts = (int)m->n_shared_experts,
        .n_experts_per_tok = (int)m->n_experts_per_tok,
        .n_group = (int)m->n_group,
        .topk_group = (int)m->topk_group,
        .norm_topk_prob = m->norm_topk_prob,
        .routed_scaling_factor = m->routed_scaling_factor,
        .scoring = (RouterScore)m->scoring,
        .topk_method = (RouterTopk)m->topk_method,
        .precision = (Precision)m->precision,
        .mla_form = (MlaForm)m->mla_form,
        .n_mtp = (int)m->mtp,
        .drop_mtp = m->mtp_save == 1,
    };
}

void runconfig_sections(RunConfig *out) {
    *out = (RunConfig){0};
    sections_fill(out->section, out);
}

void runconfig_help(Str *out) {
    RunConfig s;
    runconfig_sections(&s);
    Config *config = config_new(s.section, RUNCONFIG_SECTIONS);
    config_set_needs(config, needs_table, n_needs_table);
    config_help(config, NULL, out);
    config_free(config);
}
