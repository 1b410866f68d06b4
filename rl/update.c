// rl/update.c -- mini-batch, denominator, chunks, loss callback, step.
#include "rl/update.h"

#include <math.h>

#include "base/rng.h"
#include "rl/grpo.h"
#include "rl/replay.h"

static Seq seq_of(const Batch *b, int sample) {
    return (Seq){b->token_begin[sample], b->token_end[sample], sample};
}

static bool wants_any(const Batch *b, const uint8_t *want, int sample) {
    for (int t = b->response_begin[sample]; t < b->token_end[sample]; t++)
        if (want[t]) return true;
    return false;
}

Pack update_pack(const Batch *batch, const uint8_t *want, Arena *arena) {
    Seq *seq = ARENA_ARRAY(arena, Seq, batch->n_samples);
    int *group = ARENA_ARRAY(arena, int, batch->n_samples);
    int n = 0;
    for (int g = 0; g < batch->n_groups; g++)
        for (int i = batch->group_begin[g]; i < batch->group_begin[g + 1]; i++)
            if (batch->keep[g] && batch->weight[i] > 0 && wants_any(batch, want, i)) {
                group[n] = g;
                seq[n++] = seq_of(batch, i);
            }
    Pack pack = pack_make(batch->token, want, seq, n, arena);
    pack_share(&pack, group, arena);
    return pack;
}

// The groups of one update, ascending; *n of them.
static int *choose_groups(const RlConfig *cfg, uint64_t seed, const Batch *b, int *n,
                          Arena *arena) {
    int *group = ARENA_ARRAY(arena, int, b->n_groups);
    int kept = 0;
    for (int g = 0; g < b->n_groups; g++)
        if (b->keep[g]) group[kept++] = g;
    int parts = (int)cfg->updates_per_rollout;
    int epoch = b->updates_made / parts, part = b->updates_made % parts;
    Rng rng = rng_open(
        (RngKey){.seed = seed, .stream = RNG_SHUFFLE, .task = b->step, .sample = (uint32_t)epoch});
    for (int i = kept - 1; parts > 1 && i > 0; i--) {
        int j = (int)rng_below(&rng, (uint32_t)i + 1), swap = group[i];
        group[i] = group[j], group[j] = swap;
    }
    int begin = (int)((int64_t)kept * part / parts),
        end = (int)((int64_t)kept * (part + 1) / parts);
    *n = end - begin;
    for (int i = begin + 1; i < end; i++) // ascending again: few, and nearly always short
        for (int j = i; j > begin && group[j - 1] > group[j]; j--) {
            int swap = group[j];
            group[j] = group[j - 1], group[j - 1] = swap;
        }
    return group + begin;
}

typedef struct UpdateWork {
    const Batch *batch;
    const uint8_t *want; // [batch->n_tokens] tokens of any component of the loss
    const uint8_t *rl;   // those of the policy loss
    GrpoConfig loss;
    double distill_clip;
    GrpoNorm norm;
    GrpoStats *stats; // [n_chunks]
    int *bad_token;   // [n_chunks] index into batch->token, -1 = all finite
    int *bad_sample;
} UpdateWork;

static void other_components(const UpdateWork *w, Seq seq, const float *logp, float *dlogp,
                             GrpoStats *stats) {
    const Batch *b = w->batch;
    ComponentSeq in = {.n = seq.end - seq.begin, .logp = logp, .old = batch_old(b) + seq.begin};
    if (b->weight_sft) {
        in.weight = b->weight_sft + seq.begin;
        in.scale = grpo_component_scale(w->norm.n_sft);
        grpo_sft(&in, dlogp, stats);
    }
    if (b->weight_distill) {
        in.weight = b->weight_distill + seq.begin, in.teacher = b->logp_teacher + seq.begin;
        in.scale = grpo_component_scale(w->norm.n_distill), in.clip = w->distill_clip;
        grpo_distill(&in, dlogp, stats);
    }
}

// The policy calls this from any thread, once per chunk; it writes cell `c` only.
static Status chunk_loss(void *ctx, int c, const Pack *chunk, const float *logp,
                         const float *entropy, float *dlogp, float *dentropy) {
    const UpdateWork *w = ctx;
    const Batch *b = w->batch;
    for (int s = 0; s < chunk->n_seqs; s++) {
        Seq seq = chunk->seq[s];
        int at = chunk->offset[s], n = seq.end - seq.begin, wanted = 0;
        const uint8_t *want = w->want + seq.begin, *rl = w->rl + seq.begin;
        for (int t = 0; t < n; t++) {
            if (!want[t]) continue;
            wanted += rl[t];
            if (isfinite(logp[at + t]) && isfinite(entropy[at + t])) continue;
            w->bad_token[c] = seq.begin + t;
            w->bad_sample[c] = seq.id;
            return FAIL(ST_FORMAT, "a log-prob is not finite");
        }
        GrpoSeq in = {
            .n = n,
            .want = rl,
            .logp = logp + at,
            .old = batch_old(b) + seq.begin,
            .roll = b->logp_roll + seq.begin,
            .ref = b->logp_ref ? b->logp_ref + seq.begin : NULL,
            .entropy = entropy + at,
            .advantage = (double)b->advantage[seq.id],
            .advantage_token = b->advantage_token ? b->advantage_token + seq.begin : NULL,
            .weight = b->weight_rl ? b->weight_rl + seq.begin : NULL,
            .scale = grpo_scale(&w->norm, wanted),
        };
        grpo_sequence(&w->loss, &in, dlogp + at, dentropy + at, &w->stats[c]);
        other_components(w, seq, logp + at, dlogp + at, &w->stats[c]);
    }
    return ST_OK;
}

// Sequences with their groups, in sample order.
typedef struct SeqList {
    Seq *seq;
    int *group;
    int n;
} SeqList;

static SeqList list_new(int cap, Arena *arena) {
    return (SeqList){.seq = ARENA_ARRAY(arena, Seq, cap + 1),
                     .group = ARENA_ARRAY(arena, int, cap + 1)};
}

static void list_add(SeqList *list, Seq seq, int group) {
    list->group[list->n] = group;
    list->seq[list->n++] = seq;
}

// Does a sample with advantage 0 have a gradient?
static bool flat_teaches(const RlConfig *cfg) {
    return cfg->kl != KL_OFF || cfg->entropy_coef != 0 || cfg->balance_alpha != 0 ||
           cfg->mtp_weight > 0;
}

// Has a token of the policy loss an advantage other than 0?
static bool has_advantage(const Batch *b, const uint8_t *rl, int sample) {
    if (!b->advantage_token) return b->advantage[sample] != 0;
    for (int t = b->response_begin[sample]; t < b->token_end[sample]; t++)
        if (rl[t] && b->advantage_token[t] != 0) return true;
    return false;
}

static int count_weights(const Batch *b, const float *weight, int sample) {
    int n = 0;
    for (int t = b->response_begin[sample]; weight && t < b->token_end[sample]; t++)
        n += weight[t] != 0;
    return n;
}

// The sequences with a gradient, those without, and the denominators over both.
static void choose_seqs(const RlConfig *cfg, const Batch *b, const uint8_t *rl, const int *group,
                        int n_groups, SeqList *taught, SeqList *flat, GrpoNorm *norm) {
    const bool all = flat_teaches(cfg);
    *norm = (GrpoNorm){.agg = cfg->loss_agg, .max_tokens = (double)cfg->max_new_tokens};
    for (int k = 0; k < n_groups; k++) {
        int g = group[k];
        for (int i = b->group_begin[g]; i < b->group_begin[g + 1]; i++) {
            if (!batch_counts(b, i)) continue;
            const int wanted = batch_trained(b, i), n_sft = count_weights(b, b->weight_sft, i);
            const int n_distill = count_weights(b, b->weight_distill, i);
            if (wanted + n_sft + n_distill == 0) continue;
            norm->n_seqs += wanted > 0;
            norm->n_tokens += wanted;
            norm->n_sft += n_sft;
            norm->n_distill += n_distill;
            const bool teaches =
                n_sft + n_distill > 0 || (wanted > 0 && (all || has_advantage(b, rl, i)));
            list_add(teaches ? taught : flat, seq_of(b, i), g);
        }
    }
}

static void set_metrics(const RlConfig *cfg, const Batch *b, const GrpoStats *s, double lr,
                        const StepReport *report, Metrics *row) {
    double n = fmax(1, s->n_tokens);
    metrics_set(row, s->pg_loss, "actor/pg_loss");
    metrics_set(row, s->n_seqs, "actor/trained_samples");
    metrics_set(row, s->n_tokens, "actor/trained_tokens");
    if (s->n_tokens > 0) {
        metrics_set(row, s->entropy / n, "actor/entropy");
        metrics_set(row, s->ppo_kl / n, "actor/ppo_kl");
        metrics_set(row, (s->clip_low + s->clip_high) / n, "actor/pg_clipfrac");
        metrics_set(row, s->clip_dual / n, "actor/pg_clipfrac_lower");
        metrics_set(row, s->clip_low / n, "actor/clipfrac/low");
        metrics_set(row, s->clip_high / n, "actor/clipfrac/high");
        metrics_set(row, s->ratio / n, "actor/ratio/mean");
        metrics_set(row, s->ratio_min, "actor/ratio/min");
        metrics_set(row, s->ratio_max, "actor/ratio/max");
    }
    if (cfg->kl != KL_OFF) {
        metrics_set(row, s->kl_loss, "actor/kl_loss");
        metrics_set(row, cfg->kl_coef, "actor/kl_coef");
    }
    if (b->weight_sft) {
        metrics_set(row, s->sft_loss, "actor/sft_loss");
        metrics_set(row, s->n_sft, "actor/sft_tokens");
    }
    if (b->weight_distill) {
        metrics_set(row, s->distill_kl, "actor/distill_kl");
        metrics_set(row, s->n_distill, "actor/distill_tokens");
    }
    if (cfg->tis_cap > 0 && s->n_tokens > 0) {
        metrics_set(row, s->tis / n, "sampling/importance_ratio/mean");
        metrics_set(row, s->tis_min, "sampling/importance_ratio/min");
        metrics_set(row, s->tis_max, "sampling/importance_ratio/max");
        metrics_set(row, s->tis_cut / n, "sampling/importance_ratio/cut_frac");
    }
    if (cfg->offpolicy_mask_delta > 0)
        metrics_set(row, s->n_masked / fmax(1, s->n_seqs), "actor/offpolicy_masked_frac");
    if (b->updates_made == 0 && s->n_tokens > 0) { // the weights are those that sampled
        metrics_set(row, s->diff / n, "sampling/logp_diff/mean");
        metrics_set(row, s->diff_max, "sampling/logp_diff/max");
    }
    metrics_set(row, report->grad_norm, "actor/grad_norm");
    metrics_set(row, lr, "actor/lr");
    metrics_set(row, report->n_without_grad, "actor/tensors_without_grad");
    metrics_set(row, report->n_unmoved, "actor/tensors_unmoved");
    if (report->load_max > 0) {
        metrics_set(row, report->load_min, "moe/load_min");
        metrics_set(row, report->load_max, "moe/load_max");
        metrics_set(row, report->n_idle_experts, "moe/idle_experts");
    }
}

static Status no_loss(void *ctx, int c, const Pack *chunk, const float *logp, const float *entropy,
                      float *dlogp, float *dentropy) {
    (void)ctx, (void)c, (void)chunk, (void)logp, (void)entropy, (void)dlogp, (void)dentropy;
    return ST_OK;
}

// Runs sequences without a gradient: their routes are counted, and exact zeros added. Comes before
// the others, so that what only the clock is to see can be discarded again.
static Status run_flat(Policy *policy, const RlConfig *cfg, const Batch *b, const uint8_t *want,
                       const SeqList *flat, const ScoreOpts *opts, Arena *arena) {
    const bool counted = cfg->router_bias_step != 0;
    if (flat->n == 0 || (cfg->skip_flat && !counted)) return ST_OK;
    int n_chunks = 0;
    Pack *chunk = pack_chunks(b->token, want, flat->seq, flat->group, flat->n,
                              (int)cfg->chunk_tokens, &n_chunks, arena);
    Routes routes;
    ScoreOpts with = *opts;
    if (b->route) routes = replay_gather(b, chunk, n_chunks, arena), with.replay = &routes;
    const TrainScope scope = train_scope(chunk, n_chunks);
    TRY(policy_train(policy, chunk, n_chunks, &scope, &with, no_loss, NULL));
    if (!counted) policy_zero_grad(policy); // the counted routes too
    return ST_OK;
}

// Turns a chunk's record into the sentence; the first bad chunk in order, so it is always the same.
static Status name_nonfinite(const UpdateWork *w, int n_chunks) {
    for (int c = 0; c < n_chunks; c++) {
        if (w->bad_token[c] < 0) continue;
        const Batch *b = w->batch;
        int i = w->bad_sample[c], t = w->bad_token[c] - b->response_begin[i];
        return FAIL(ST_FORMAT,
                    "log-prob or entropy of response token %d of sample %d (group %d) is "
                    "not finite",
                    t, i, batch_group_of(b, i));
    }
    return ST_OK;
}

// The MTP modules learn all trained tokens, which are then all in `chunk` (flat_teaches).
static double mtp_scale(const RlConfig *cfg, const Pack *chunk, int n_chunks) {
    int64_t n = 0;
    for (int c = 0; c < n_chunks; c++) n += chunk[c].n_want;
    return n > 0 ? cfg->mtp_weight / (double)n : 0;
}

Status update_run(Policy *policy, const RlConfig *cfg, uint64_t seed, const Batch *b, double lr,
                  Metrics *row, UpdateResult *out, Arena *arena) {
    *out = (UpdateResult){0};
    CHECK(b->stage == STAGE_WEIGHED);
    int n_groups, n_chunks = 0;
    int *group = choose_groups(cfg, seed, b, &n_groups, arena);
    SeqList taught = list_new(b->n_samples, arena), flat = list_new(b->n_samples, arena);
    UpdateWork work = {.batch = b,
                       .want = batch_loss_tokens(b, arena),
                       .rl = batch_rl_tokens(b, arena),
                       .loss = grpo_config(cfg),
                       .distill_clip = cfg->distill_clip};
    CHECK(!b->weight_distill || b->logp_teacher);
    choose_seqs(cfg, b, work.rl, group, n_groups, &taught, &flat, &work.norm);
    GrpoStats all;
    grpo_stats_clear(&all);
    StepReport report = {0};
    if (taught.n + flat.n == 0) return ST_OK;
    ScoreOpts opts = {.temperature = cfg->temperature, .balance_alpha = cfg->balance_alpha};
    const KeptTokens kept = {b->kept_begin, b->kept_token};
    if (b->kept_begin) opts.kept = &kept;
    Status st = run_flat(policy, cfg, b, work.want, &flat, &opts, arena);
    Pack *chunk = NULL;
    if (taught.n > 0)
        chunk = pack_chunks(b->token, work.want, taught.seq, taught.group, taught.n,
                            (int)cfg->chunk_tokens, &n_chunks, arena);
    const int n_mtp = policy_model(policy)->n_mtp;
    opts.mtp_scale = mtp_scale(cfg, chunk, n_chunks);
    opts.mtp_loss = ARENA_ARRAY(arena, MtpLoss, n_mtp + 1);
    Routes routes;
    if (b->route) routes = replay_gather(b, chunk, n_chunks, arena), opts.replay = &routes;
    work.stats = ARENA_ARRAY(arena, GrpoStats, n_chunks);
    work.bad_token = ARENA_ARRAY(arena, int, n_chunks);
    work.bad_sample = ARENA_ARRAY(arena, int, n_chunks);
    for (int c = 0; c < n_chunks; c++) {
        grpo_stats_clear(&work.stats[c]);
        work.bad_token[c] = -1;
    }
    const TrainScope scope = train_scope(chunk, n_chunks);
    if (st == ST_OK) st = policy_train(policy, chunk, n_chunks, &scope, &opts, chunk_loss, &work);
    if (st != ST_OK) {
        policy_zero_grad(policy);
        out->nonfinite = st == ST_FORMAT;
        Status named = name_nonfinite(&work, n_chunks);
        return named != ST_OK ? named : st;
    }
    for (int c = 0; c < n_chunks; c++) grpo_stats_fold(&all, &work.stats[c]);
    AdamWConfig adamw = {.beta1 = cfg->beta1,
                         .beta2 = cfg->beta2,
                         .eps = cfg->adam_eps,
                         .weight_decay = cfg->weight_decay,
                         .clip_norm = cfg->clip_norm,
                         .router_bias_step = cfg->router_bias_step};
    st = policy_step(policy, &adamw, lr, &report);
    if (st != ST_OK) {
        policy_zero_grad(policy);
        out->nonfinite = st == ST_FORMAT;
        return st;
    }
    out->stepped = true;
    if (taught.n == 0) report.n_without_grad = report.n_unmoved = 0; // there was none to get
    if (taught.n > 0) out->first_without_grad = report.first_without_grad;
    set_metrics(cfg, b, &all, lr, &report, row);
    for (int k = 0; k < n_mtp && cfg->mtp_weight > 0; k++)
        if (opts.mtp_loss[k].tokens > 0)
            metrics_set(row, opts.mtp_loss[k].sum / (double)opts.mtp_loss[k].tokens, "mtp/loss_%d",
                        k + 1);
    return ST_OK;
}
