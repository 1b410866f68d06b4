// tests/test_stops.c -- a run that is stopped at any decode call goes on from the tokens it has.
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "policy/ops.h"
#include "rl/trainer_inside.h"
#include "tests/tiny_run.h"

// A stop that comes with the n-th draw from now.
static volatile int stop;
static int countdown, n_draws;
static void counted_draw(Queue *q, View x, const Weight *head, const Draw *draw, int n,
                         DeviceByte *out) {
    n_draws += n;
    if (countdown > 0 && --countdown == 0) stop = 1;
    ops_cpu.draw(q, x, head, draw, n, out);
}

static RlConfig everything(void) {
    RlConfig cfg = config();
    cfg.updates_per_rollout = 2, cfg.max_new_tokens = 12, cfg.steps = 8;
    cfg.kl = KL_K3, cfg.kl_coef = 0.05, cfg.reference_refresh_steps = 3;
    cfg.entropy_coef = 0.01, cfg.curriculum = CURRICULUM_TASK;
    cfg.dynamic_sampling = DYNAMIC_REFILL, cfg.max_gen_batches = 3;
    cfg.router_bias_step = 1e-3, cfg.routing_replay = REPLAY_ROLLOUT;
    cfg.top_p = 0.8, cfg.keep_sampling_mask = true, cfg.repeat_window = 6;
    return cfg;
}

static TinyRun resume(TinyRun *part, const RlConfig *cfg, const char *folder) {
    assert_ok(file_mkdirs(folder));
    assert_ok(trainer_save(part->trainer, folder));
    TinyRun next = open_run(cfg, 1, 0, NULL);
    int n;
    params_write(next.policy, params_read(part->policy, &n));
    policy_sync(next.policy);
    policy_set_version(next.policy, policy_version(part->policy));
    policy_set_steps(next.policy, policy_steps(part->policy));
    assert_ok(trainer_load(next.trainer, folder));
    close_run(part);
    assert_ok(file_remove_tree(folder));
    return next;
}

// New tokens of the samples that a stop kept, and samples among them that are unfinished.
static int kept_tokens(const Trainer *t, int *unfinished) {
    int n = 0;
    for (int p = 0; p < t->n_parts; p++)
        for (int i = 0; i < t->part[p]->n_samples; i++) {
            n += batch_response_length(t->part[p], i);
            *unfinished += t->part[p]->sample_stage[i] == STAGE_ASKED;
        }
    return n;
}

static void stops_at_random_decode_calls_leave_no_trace(void **state) {
    (void)state;
    char folder[] = "/tmp/test_stops.XXXXXX";
    assert_non_null(mkdtemp(folder));
    Ops ops = ops_cpu;
    ops.draw = counted_draw;
    policy_backend(&ops);
    for (int round = 0; round < 3; round++) {
        RlConfig cfg = everything();
        if (round % 2) cfg.dynamic_sampling = DYNAMIC_OFF, cfg.old_logp = OLD_RECOMPUTE;
        cfg.lag = round; // with rollouts that wait for their turn
        if (round % 3 == 2) cfg.keep_sampling_mask = false, cfg.routing_replay = REPLAY_OFF;
        Rng rng = rng_open((RngKey){.seed = (uint64_t)round + 1, .stream = RNG_TEST});
        TinyRun whole = open_run(&cfg, 1, 0, NULL), part = open_run(&cfg, 1, 0, NULL);
        Metrics a, b;
        TrainerStep out;
        int stops = 0, kept = 0, unfinished = 0, drawn_whole = 0, drawn_part = 0;
        while (!trainer_done(whole.trainer)) {
            n_draws = 0;
            assert_ok(trainer_step(whole.trainer, NULL, &a, &out));
            drawn_whole += n_draws;
            n_draws = 0;
            for (;;) {
                countdown = 1 + (int)rng_below(&rng, 9);
                assert_ok(trainer_step(part.trainer, &stop, &b, &out));
                countdown = 0, stop = 0;
                if (!out.stopped) break;
                assert_true(trainer_in_rollout(part.trainer));
                kept += kept_tokens(part.trainer, &unfinished);
                stops++;
                if (rng_below(&rng, 4) > 0) part = resume(&part, &cfg, folder);
                assert_true(trainer_in_rollout(part.trainer));
            }
            drawn_part += n_draws;
            assert_false(trainer_in_rollout(part.trainer));
            assert_same_rows(&a, &b);
            assert_same_weights(whole.policy, part.policy);
        }
        assert_true(stops >= 4 && kept > 100 && unfinished > 20);
        assert_int_equal(drawn_part, drawn_whole); // nothing was drawn twice
        close_run(&whole), close_run(&part);
    }
    policy_backend(&ops_cpu);
    assert_ok(file_mkdirs(folder));
    assert_ok(file_remove_tree(folder));
}

static void a_rollout_of_other_questions_is_refused(void **state) {
    (void)state;
    char folder[] = "/tmp/test_stops.XXXXXX";
    assert_non_null(mkdtemp(folder));
    Ops ops = ops_cpu;
    ops.draw = counted_draw;
    policy_backend(&ops);
    RlConfig cfg = everything();
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    TrainerStep out;
    countdown = 2;
    assert_ok(trainer_step(r.trainer, &stop, &row, &out));
    assert_true(out.stopped);
    stop = countdown = 0;
    r.trainer->part[0]->prompt_token[0]++;
    assert_ok(trainer_save(r.trainer, folder));
    assert_ok(trainer_load(r.trainer, folder));
    assert_int_equal(trainer_step(r.trainer, NULL, &row, &out), ST_CONFIG);
    assert_non_null(strstr(status_text(), "other questions"));
    close_run(&r);
    policy_backend(&ops_cpu);
    assert_ok(file_remove_tree(folder));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_at_random_decode_calls_leave_no_trace),
        cmocka_unit_test(a_rollout_of_other_questions_is_refused),
    };
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    return cmocka_run_group_tests_name("stops inside a rollout", tests, NULL, NULL);
}
