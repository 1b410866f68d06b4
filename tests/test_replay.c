// tests/test_replay.c -- rl/replay: updates take the experts that the weights that sampled took.
#include "rl/replay.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "rl/trainer_inside.h"
#include "tests/tiny_run.h"

static RlConfig replaying(void) {
    RlConfig cfg = config();
    cfg.updates_per_rollout = 3, cfg.epochs = 2, cfg.entropy_coef = 0.01, cfg.lr = 0.05;
    cfg.old_logp = OLD_RECOMPUTE, cfg.routing_replay = REPLAY_OLD, cfg.steps = 12;
    return cfg;
}

// Mean of old minus new log-prob over all trained tokens of the batch, with and without replay.
static double drift(TinyRun *r, const Batch *b, bool replay, Arena *arena) {
    Pack pack = update_pack(b, b->loss_mask, arena);
    float *logp = ARENA_ARRAY(arena, float, pack.n_tokens + 1);
    Routes routes = replay_gather(b, &pack, 1, arena);
    ScoreOpts opts = {.temperature = 1, .replay = replay ? &routes : NULL};
    assert_ok(policy_score(r->policy, &pack, &opts, logp, NULL));
    double sum = 0;
    int n = 0;
    for (int s = 0; s < pack.n_seqs; s++)
        for (int t = pack.seq[s].begin; t < pack.seq[s].end; t++)
            if (b->loss_mask[t]) {
                sum +=
                    (double)b->logp_old[t] - (double)logp[pack.offset[s] + t - pack.seq[s].begin];
                n++;
            }
    return sum / n;
}

static void later_updates_replay_the_old_routes(void **state) {
    (void)state;
    RlConfig cfg = replaying();
    cfg.updates_per_rollout = 1, cfg.epochs = 6;
    TinyRun r = open_run(&cfg, 2, 0, NULL);
    Arena *arena = arena_new(1 << 16);
    Metrics row;
    TrainerStep out;
    int differ = 0;
    for (int s = 0; s < 12; s++) {
        double with = 0, without = 0;
        if (s % 6 > 0) {
            with = drift(&r, r.trainer->batch, true, arena);
            without = drift(&r, r.trainer->batch, false, arena);
        }
        assert_ok(trainer_step(r.trainer, NULL, &row, &out));
        assert_true(fabs(metrics_get(&row, "actor/ppo_kl", nan("")) - with) < 1e-7);
        differ += fabs(with - without) > 1e-5;
        if (s % 6 == 0) // at the weights that sampled they are the experts chosen anyway
            assert_true(metrics_get(&row, "actor/ratio/max", 0) == 1);
    }
    assert_true(differ > 3); // or nothing was tried
    arena_free(arena);
    close_run(&r);
}

static void the_first_update_is_the_same_with_and_without(void **state) {
    (void)state;
    RlConfig cfg = replaying();
    cfg.updates_per_rollout = cfg.epochs = 1, cfg.router_bias_step = 1e-3, cfg.entropy_coef = 0;
    TinyRun on = open_run(&cfg, 1, 0, NULL);
    cfg.routing_replay = REPLAY_OFF;
    TinyRun off = open_run(&cfg, 2, 0, NULL);
    Metrics a, b;
    TrainerStep out;
    while (!trainer_done(on.trainer)) {
        assert_ok(trainer_step(on.trainer, NULL, &a, &out));
        assert_ok(trainer_step(off.trainer, NULL, &b, &out));
        assert_same_rows(&a, &b);
    }
    assert_same_weights(on.policy, off.policy);
    close_run(&on), close_run(&off);
}

static void routes_are_resumed_with_the_batch(void **state) {
    (void)state;
    char folder[] = "/tmp/test_replay.XXXXXX";
    assert_non_null(mkdtemp(folder));
    RlConfig cfg = replaying();
    TinyRun a = open_run(&cfg, 1, 0, NULL), b = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    TrainerStep out;
    assert_ok(trainer_step(a.trainer, NULL, &row, &out));
    assert_ok(trainer_save(a.trainer, folder));
    assert_ok(trainer_load(b.trainer, folder));
    const Batch *x = a.trainer->batch, *y = b.trainer->batch;
    assert_int_equal(x->route_layers, 1);
    assert_int_equal(x->route_k, 2);
    assert_memory_equal(x->route, y->route, (size_t)x->n_tokens * 2 * sizeof *x->route);
    for (int i = 0; i < x->n_samples; i++)
        for (int t = x->token_begin[i]; batch_trained(x, i) && t < x->token_end[i]; t++)
            assert_true(x->route[2 * t] >= 0 && x->route[2 * t] < x->route[2 * t + 1] &&
                        x->route[2 * t + 1] < 4);
    close_run(&a), close_run(&b);
    assert_ok(file_remove_tree(folder));
}

// The sampler's own routes are those of the pass that recomputes old log-probs, for every token but
// a sample's last, which was not computed yet; so the losses differ by rounding.
static void the_rollouts_routes_are_the_trainers(void **state) {
    (void)state;
    RlConfig cfg = replaying();
    cfg.updates_per_rollout = 1, cfg.epochs = cfg.steps = 6;
    TinyRun old = open_run(&cfg, 1, 0, NULL);
    cfg.routing_replay = REPLAY_ROLLOUT;
    TinyRun with = open_run(&cfg, 2, 0, NULL);
    cfg.old_logp = OLD_SAMPLER; // needs no further pass
    TinyRun without = open_run(&cfg, 1, 0, NULL);
    cfg.routing_replay = REPLAY_OFF;
    TinyRun off = open_run(&cfg, 1, 0, NULL);
    Metrics a, b, c, d;
    TrainerStep out;
    double differs = 0;
    while (!trainer_done(old.trainer)) {
        assert_ok(trainer_step(old.trainer, NULL, &a, &out));
        assert_ok(trainer_step(with.trainer, NULL, &b, &out));
        assert_ok(trainer_step(without.trainer, NULL, &c, &out));
        assert_ok(trainer_step(off.trainer, NULL, &d, &out));
        assert_same_weights(with.policy, without.policy);
        const double kl = metrics_get(&a, "actor/ppo_kl", nan(""));
        assert_true(fabs(metrics_get(&b, "actor/ppo_kl", nan("")) - kl) < 1e-5);
        differs = fmax(differs, fabs(metrics_get(&d, "actor/ppo_kl", nan("")) - kl));
    }
    assert_true(differs > 1e-4);
    const Batch *x = old.trainer->batch, *y = without.trainer->batch;
    for (int i = 0; i < x->n_samples; i++)
        for (int t = x->token_begin[i]; batch_trained(x, i) && t < x->token_end[i]; t++)
            for (int k = 0; k < 2; k++)
                assert_int_equal(y->route[2 * t + k],
                                 t + 1 < x->token_end[i] ? x->route[2 * t + k] : -1);
    close_run(&old), close_run(&with), close_run(&without), close_run(&off);
}

static void a_model_without_experts_is_refused(void **state) {
    (void)state;
    RlConfig cfg = replaying();
    ModelConfig dense = {.family = FAMILY_DENSE,
                         .vocab_size = 12,
                         .hidden_size = 32,
                         .intermediate_size = 48,
                         .n_layers = 2,
                         .n_heads = 2,
                         .n_kv_heads = 1,
                         .head_dim = 16,
                         .max_position = 64,
                         .rms_norm_eps = 1e-6,
                         .eos_id = 0,
                         .rope = {.theta = 10000}};
    cfg.routing_replay = REPLAY_OFF;
    TinyRun r = open_model(&dense, &cfg, 1, 0, NULL);
    const TrainerDeps deps = {.run.policy = r.policy,
                              .run.engine = r.engine,
                              .run.tokenizer = r.tokenizer,
                              .source = &digits,
                              .max_seq_tokens = 64};
    Trainer *t;
    const char *const key[] = {"rl.routing_replay", "rl.router_bias_step", "rl.balance_alpha"};
    for (int i = 0; i < 3; i++) {
        RlConfig bad = cfg;
        bad.routing_replay = i == 0 ? REPLAY_OLD : REPLAY_OFF;
        bad.router_bias_step = i == 1 ? 1e-3 : 0;
        bad.balance_alpha = i == 2 ? 1e-3 : 0;
        assert_int_equal(trainer_new(&deps, &bad, &t), ST_CONFIG);
        assert_non_null(strstr(status_text(), key[i]));
    }
    close_run(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_updates_replay_the_old_routes),
        cmocka_unit_test(the_first_update_is_the_same_with_and_without),
        cmocka_unit_test(routes_are_resumed_with_the_batch),
        cmocka_unit_test(the_rollouts_routes_are_the_trainers),
        cmocka_unit_test(a_model_without_experts_is_refused),
    };
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    return cmocka_run_group_tests_name("rl/replay", tests, NULL, NULL);
}
