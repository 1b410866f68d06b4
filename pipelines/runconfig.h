// pipelines/runconfig.h -- every key of a run's config, merged from all sources.
//
// Layer 5. The sections of modules (sft, rl) stand beside those of the command line (run, model,
// data, eval, log). Order of precedence: default < recipe < file < environment < command line.
#ifndef PIPELINES_RUNCONFIG_H
#define PIPELINES_RUNCONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/status.h"
#include "base/str.h"
#include "datasets/desk.h"
#include "pipelines/args.h"
#include "policy/model.h"
#include "policy/text/chat.h"
#include "rl/settings.h"
#include "sft/finetune.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { RUNCONFIG_SECTIONS = 11 };

typedef struct RunSettings {
    int64_t seed, threads, chunks_in_flight;
    int64_t memory_mb; // 0 = what the machine has free
    int64_t checkpoint_every, base_checkpoint_every, keep;
    int64_t decode_seqs;  // sequences decoded together
    const char *max_time; // pipelines/timelimit.h
} RunSettings;

typedef struct ModelSettings {
    const char *path; // a model folder to start from; "" = a new model of these dimensions
    int family;       // 0 MLA/MoE, else DenseKind + 1
    int64_t hidden_size, n_layers, n_heads, intermediate_size, max_position;
    int64_t n_kv_heads, head_dim; // dense; 0 = n_heads, hidden_size / n_heads
    int64_t q_lora_rank, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim;
    int64_t first_k_dense, moe_intermediate_size, n_routed_experts, n_shared_experts;
    int64_t n_experts_per_tok, n_group, topk_group;
    bool norm_topk_prob, tie_word_embeddings;
    double routed_scaling_factor, rope_theta, rms_norm_eps;
    double rope_factor, rope_beta_fast, rope_beta_slow, rope_mscale, rope_mscale_all_dim; // YaRN
    int64_t rope_original_max_position;
    int scoring, topk_method; // RouterScore, RouterTopk
    int precision, mla_form;  // Precision, MlaForm
    int64_t mtp;              // MTP modules that are computed
    int mtp_save;             // 0 keep, 1 drop
} ModelSettings;

typedef struct EvalSettings {
    int64_t every;                      // steps between evaluations; 0 = only base and final
    int64_t tasks, samples;             // of the evaluations on the way
    int64_t final_tasks;                // of base and final evaluation, one sample each
    int64_t passk_tasks, passk_samples; // for pass@k of base and final
    int64_t large_tasks;                // the set with larger operands
    int64_t shown;                      // prompts whose samples the report shows over the steps
    double temperature;
    double top_p;           // 0 = rl.top_p
    int64_t top_k;          // 0 = rl.top_k; -1 = all tokens
    int64_t max_new_tokens; // 0 = rl.max_new_tokens
    ConfigList pass_k;      // k of pass@k, base and final; none: the powers of 2
} EvalSettings;

typedef struct DataSettings {
    const char *tasks;          // a family, a file of questions, or "a.jsonl:0.7,desk:0.3"
    const char *heldout;        // "" = the family's own held-out split
    const char *large;          // "" = the family's own split with larger operands
    const char *corpus;         // a family, or a file of documents
    const char *corpus_heldout; // a file of documents that are only scored; "" = none
    const char *template_;      // for files: "User: {}\nAssistant:"
    const char *folder;         // of data sets that are known by name; "" = the program's slices
    const char *judge;       // who judges the questions of files; "" = as the file or its name says
    const char *chat;        // "" = prompts as written; auto = the model folder's template; a name
    const char *system;      // with chat: the system message; "" = the family's own; r1-zero
    int thinking;            // ChatThinking
    const char *fields;      // JSON: which field of a row is what (pipelines/datafields.h)
    double heldout_fraction; // of the training questions of files; 0 = data.heldout is a file
    double epochs;           // over the training questions; 0 = rl.steps decides
    int order;               // 0 shuffled, 1 as in the file
    int64_t eval_seed;       // the evaluation's questions are the same for every run.seed
} DataSettings;

typedef struct LogSettings {
    int64_t every;    // steps between plain progress lines
    int64_t rollouts; // steps between rollout files; 0 = none
    bool tensorboard;
} LogSettings;

typedef struct MetricsSettings {
    int alias; // 0 verl, 1 trl
} MetricsSettings;

typedef struct SandboxSettings {
    int allow_missing; // 0 nothing, 1 "ns"
} SandboxSettings;

typedef struct RolloutSettings {
    int draft; // DraftKind
    int64_t draft_tokens;
} RolloutSettings;

typedef struct RunConfig {
    RunSettings run;
    ModelSettings model;
    EvalSettings eval;
    LogSettings log;
    MetricsSettings metrics;
    SandboxSettings sandbox;
    RolloutSettings rollout;
    DataSettings data;
    DeskConfig desk;
    FinetuneConfig sft;
    RlConfig rl;
    ConfigSection section[RUNCONFIG_SECTIONS]; // points into this struct: do not copy a RunConfig
    Config *config;                            // owner of every text and list above
    const char *command;                       // "sft"; NULL where there is none
    const char *recipe;                        // name of the embedded recipe at the bottom, or NULL
    const char *file;                          // the CONFIG.json given, or NULL
} RunConfig;

// Merges everything into *out. `recipe` may be NULL. `words` names CONFIG.json (or a recipe by
// name) if it has a first entry. ST_CONFIG, ST_FORMAT, ST_IO. The caller ends it with
// runconfig_close.
MUST_USE Status runconfig_open(RunConfig *out, const char *recipe, const Args *args);
// The same from parts, in this order: an embedded config (may be NULL), objects of sections inside
// a document, the environment, assignments of the command line, and at last what the caller sets
// (key, value, from where; NULL-terminated keys). `command` may be NULL.
typedef struct ConfigParts {
    const char *command, *recipe;
    const JsonDoc *doc;
    // for all stages, of the stage where the model was made, of this stage; NULLs are passed over.
    // Only what the last says must be able to act. data: keys of the section data
    const Json *sections[3], *data;
    const char *const *assignment;
    int n_assignments;
    const char *set[4][3];
} ConfigParts;
MUST_USE Status runconfig_open_parts(RunConfig *out, const ConfigParts *parts);
void runconfig_close(RunConfig *rc);

// The dimensions as a ModelConfig. vocab_size, bos_id and eos_id come from the tokenizer.
ModelConfig runconfig_model(const ModelSettings *model);
// The longest response, of training and evaluation.
int64_t runconfig_new_tokens(const RunConfig *rc);
// Tokens of the longest sequence that is planned for; the model's own context may be shorter.
int runconfig_longest(const RunConfig *rc);

void runconfig_help(Str *out);
// Only the tables: *out is otherwise zero, and nothing need be closed.
void runconfig_sections(RunConfig *out);

#ifdef __cplusplus
}
#endif
#endif
