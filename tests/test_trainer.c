// tests/test_trainer.c -- rl/trainer with the real policy, engine and judges, on a tiny task.
#include "rl/trainer.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "rl/ask.h"
#include "rl/evaluate.h"
#include "rl/preflight.h"
#include "rl/trainer_inside.h"
#include "tests/param.h"
#include "tests/tiny_run.h"

static Status unjudged_task(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    TRY(digit_task(source, index, out, arena));
    if (index == 5) out->judge = "oracle";
    return ST_OK;
}
static double step(TinyRun *r, Metrics *row, const char *name) {
    TrainerStep out;
    assert_ok(trainer_step(r->trainer, NULL, row, &out));
    assert_false(out.stopped);
    return name ? metrics_get(row, name, nan("")) : 0;
}

static void the_trainer_sees_the_samplers_own_log_probs(void **state) {
    (void)state;
    RlConfig cfg = config();
    cfg.entropy_coef = 0.01; // every sample has a gradient
    for (int precision = PRECISION_FP32; precision <= PRECISION_FP8; precision++)
        for (int form = MLA_ABSORBED; form <= MLA_EXPANDED; form++) {
            ModelConfig model = tiny_model;
            model.precision = (Precision)precision, model.mla_form = (MlaForm)form;
            TinyRun r = open_model(&model, &cfg, 2, 0, NULL);
            Metrics row;
            while (!trainer_done(r.trainer)) {
                step(&r, &row, NULL);
                assert_true(metrics_get(&row, "sampling/logp_diff/max", nan("")) == 0);
                assert_true(metrics_get(&row, "actor/ratio/min", nan("")) == 1);
                assert_true(metrics_get(&row, "actor/ratio/max", nan("")) == 1);
                assert_true(metrics_get(&row, "actor/grad_norm", nan("")) > 0);
                assert_true(metrics_get(&row, "actor/trained_samples", nan("")) == 48);
            }
            close_run(&r);
        }
}

// Everything on, several updates a rollout, and refills.
static RlConfig busy(void) {
    RlConfig cfg = config();
    cfg.updates_per_rollout = 2, cfg.epochs = 2;
    cfg.kl = KL_K3, cfg.kl_coef = 0.05, cfg.reference_refresh_steps = 3;
    cfg.entropy_coef = 0.01, cfg.curriculum = CURRICULUM_TASK;
    cfg.dynamic_sampling = DYNAMIC_REFILL, cfg.max_gen_batches = 3;
    cfg.old_logp = OLD_RECOMPUTE, cfg.tis_cap = 2;
    cfg.router_bias_step = 1e-3, cfg.schedule = SCHEDULE_COSINE, cfg.warmup_steps = 2;
    return cfg;
}

static void threads_and_chunks_in_flight_do_not_move_a_bit(void **state) {
    (void)state;
    RlConfig cfg = busy();
    TinyRun one = open_run(&cfg, 1, 1, NULL), two = open_run(&cfg, 2, 2, NULL),
            four = open_run(&cfg, 2, 1, NULL);
    Metrics a, b;
    while (!trainer_done(one.trainer)) {
        step(&one, &a, NULL);
        step(&two, &b, NULL);
        assert_same_rows(&a, &b);
        step(&four, &b, NULL);
        assert_same_rows(&a, &b);
    }
    assert_same_weights(one.policy, two.policy);
    assert_same_weights(one.policy, four.policy);
    close_run(&one), close_run(&two), close_run(&four);
}

static void four_threads_change_no_bit_in_any_precision(void **state) {
    (void)state;
    RlConfig cfg = busy();
    for (int precision = PRECISION_FP32; precision <= PRECISION_FP8; precision++) {
        ModelConfig model = tiny_model;
        model.precision = (Precision)precision;
        TinyRun one = open_model(&model, &cfg, 1, 1, NULL),
                four = open_model(&model, &cfg, 4, 4, NULL);
        Metrics a, b;
        while (!trainer_done(one.trainer)) {
            step(&one, &a, NULL);
            step(&four, &b, NULL);
            assert_same_rows(&a, &b);
        }
        assert_true(trainer_done(four.trainer));
        assert_same_weights(one.policy, four.policy);
        close_run(&one), close_run(&four);
    }
}

// What policy/files/checkpoint does through a file.
static void copy_policy_state(Policy *to, Policy *from) {
    int n;
    params_write(to, params_read(from, &n));
    policy_sync(to);
    policy_set_version(to, policy_version(from));
    policy_set_steps(to, policy_steps(from));
}

static void a_resumed_run_equals_one_that_never_stopped(void **state) {
    (void)state;
    char folder[] = "/tmp/test_trainer.XXXXXX";
    assert_non_null(mkdtemp(folder));
    RlConfig cfg = busy();
    TinyRun whole = open_run(&cfg, 1, 0, NULL), part = open_run(&cfg, 1, 0, NULL);
    Metrics a, b;
    volatile int stop = 1;
    TrainerStep out;
    while (!trainer_done(whole.trainer)) { // stop and resume before every step
        assert_ok(trainer_step(part.trainer, &stop, &b, &out));
        assert_true(out.stopped && out.step == trainer_steps_done(whole.trainer));
        assert_ok(file_mkdirs(folder));
        assert_ok(trainer_save(part.trainer, folder));
        TinyRun next = open_run(&cfg, 2, 0, NULL);
        copy_policy_state(next.policy, part.policy);
        assert_ok(trainer_load(next.trainer, folder));
        close_run(&part);
        part = next;
        assert_ok(file_remove_tree(folder));
        step(&whole, &a, NULL);
        step(&part, &b, NULL);
        assert_same_rows(&a, &b);
        assert_same_weights(whole.policy, part.policy);
    }
    assert_string_equal(trainer_warnings(whole.trainer), trainer_warnings(part.trainer));
    close_run(&whole), close_run(&part);
}

static volatile int stop_flag;
static uint64_t stop_at;
static void stop_at_task(uint64_t index) {
    if (index == stop_at) stop_flag = 1;
}

static void a_stop_while_sampling_leaves_no_trace(void **state) {
    (void)state;
    RlConfig cfg = busy();
    TinyRun whole = open_run(&cfg, 1, 0, NULL), part = open_run(&cfg, 2, 0, NULL);
    Metrics a, b;
    TrainerStep out;
    int stops = 0;
    while (!trainer_done(whole.trainer)) {
        step(&whole, &a, NULL);
        for (int question = 2; question < 9; question += 6) { // in the first round, in a refill
            stop_at = part.trainer->at.next_task + (uint64_t)question;
            on_task = stop_at_task;
            Position before = part.trainer->at;
            if (trainer_has_batch(part.trainer)) break; // this step will not sample
            assert_ok(trainer_step(part.trainer, &stop_flag, &b, &out));
            on_task = NULL, stop_flag = 0;
            if (!out.stopped) fail_msg("question %d was not asked", question);
            assert_memory_equal(&before, &part.trainer->at, sizeof before);
            assert_null(out.batch);
            stops++;
        }
        on_task = NULL;
        step(&part, &b, NULL);
        assert_same_rows(&a, &b);
        assert_same_weights(whole.policy, part.policy);
    }
    assert_true(stops >= 4 && stops == 2 * (int)whole.trainer->at.rollouts_done);
    close_run(&whole), close_run(&part);
}

// On the CPU the recomputed log-probs equal the sampler's, so a lost column would not show: change
// it.
static void the_columns_of_the_batch_in_hand_are_saved(void **state) {
    (void)state;
    char folder[] = "/tmp/test_trainer.XXXXXX";
    assert_non_null(mkdtemp(folder));
    RlConfig cfg = busy();
    TinyRun a = open_run(&cfg, 1, 0, NULL), b = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    step(&a, &row, NULL);
    const Batch *held = a.trainer->batch;
    int n = held->n_tokens;
    float *old = held->logp_old;
    assert_non_null(old);
    for (int i = 0; i < n; i++) old[i] -= 0.125f;
    assert_ok(trainer_save(a.trainer, folder));
    assert_ok(trainer_load(b.trainer, folder));
    assert_memory_equal(b.trainer->batch->logp_old, old, (size_t)n * sizeof *old);
    assert_memory_equal(b.trainer->batch->logp_ref, held->logp_ref, (size_t)n * sizeof *old);
    assert_memory_equal(b.trainer->batch->loss_mask, held->loss_mask, (size_t)n);
    assert_int_equal(b.trainer->batch->updates_made, held->updates_made);
    assert_true(held->updates_made >= 1);
    close_run(&a), close_run(&b);
    assert_ok(file_remove_tree(folder));
}

static void a_state_of_another_run_is_refused(void **state) {
    (void)state;
    char folder[] = "/tmp/test_trainer.XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    RlConfig cfg = busy();
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    step(&r, &row, NULL);
    assert_ok(trainer_save(r.trainer, folder));
    RlConfig other = config();
    TinyRun off = open_run(&other, 1, 0, NULL);
    assert_int_equal(trainer_load(off.trainer, folder), ST_CONFIG);
    assert_non_null(strstr(status_text(), "rl.kl"));
    assert_int_equal(trainer_steps_done(off.trainer), 0);
    snprintf(path, sizeof path, "%s/trainer.bin", folder);
    Arena *arena = arena_new(1 << 16);
    char *data;
    size_t size;
    assert_ok(file_read(path, &data, &size, arena));
    data[size / 2] ^= 1;
    assert_ok(file_write_atomic(path, data, size));
    assert_int_equal(trainer_load(r.trainer, folder), ST_FORMAT);
    assert_non_null(strstr(status_text(), "damaged"));
    assert_ok(file_write_atomic(path, data, 10));
    assert_int_equal(trainer_load(r.trainer, folder), ST_FORMAT);
    arena_free(arena);
    close_run(&r), close_run(&off);
    assert_ok(file_remove_tree(folder));
}

static double accuracy(TinyRun *r, double temperature) {
    Arena *arena = arena_new(1 << 16);
    EvalDeps deps = {.run.engine = r->engine,
                     .run.tokenizer = r->tokenizer,
                     .run.pool = r->pool,
                     .source = &digits,
                     .run.stop_token = (int32_t[]){0},
                     .run.n_stop_tokens = 1,
                     .cfg = trainer_config(r->trainer)};
    EvalResult e;
    assert_ok(evaluate(
        &deps,
        &(EvalConfig){
            .n_tasks = 10, .k = 64, .temperature = temperature, .pass_k = {1, 64}, .n_pass = 2},
        &e, arena));
    assert_int_equal(e.n_tasks, 10);
    assert_true(e.accuracy.low <= e.accuracy.mean && e.accuracy.mean <= e.accuracy.high);
    assert_true(fabs(e.pass[0].value.mean - e.accuracy.mean) < 1e-12);
    double mean = e.accuracy.mean;
    arena_free(arena);
    return mean;
}

static void every_loss_learns_to_repeat_a_digit(void **state) {
    (void)state;
    for (int loss = LOSS_GRPO; loss < N_LOSSES; loss++) {
        RlConfig cfg = config();
        cfg.loss = loss, cfg.steps = 60, cfg.max_new_tokens = 1, cfg.groups_per_step = 8;
        cfg.group_size = 16;
        TinyRun r = open_run(&cfg, 2, 0, NULL);
        double before = accuracy(&r, 1);
        Metrics row;
        while (!trainer_done(r.trainer)) step(&r, &row, NULL);
        double after = accuracy(&r, 1);
        print_message("loss %d: accuracy %.3f -> %.3f\n", loss, before, after);
        assert_true(before < 0.2 && after > 0.6);
        close_run(&r);
    }
}

static void the_preflight_says_what_it_saw(void **state) {
    (void)state;
    RlConfig cfg = config();
    cfg.preflight_tasks = 10, cfg.preflight_k = 8, cfg.preflight_min_pass = 0.99;
    cfg.max_new_tokens = 1;
    TinyRun r = open_run(&cfg, 2, 0, NULL);
    Arena *arena = arena_new(1 << 16);
    EvalDeps deps = {.run.engine = r.engine,
                     .run.tokenizer = r.tokenizer,
                     .run.pool = r.pool,
                     .source = &digits,
                     .run.stop_token = (int32_t[]){0},
                     .run.n_stop_tokens = 1,
                     .cfg = trainer_config(r.trainer)};
    Preflight p;
    Str text = {0};
    assert_ok(preflight_run(&deps, 0, &p, arena));
    preflight_print(&p, trainer_config(r.trainer), &text);
    assert_false(p.ready);
    assert_non_null(strstr(str_text(&text), "pass@8"));
    assert_non_null(strstr(str_text(&text), "would not start"));
    assert_non_null(strstr(str_text(&text), "format is almost never met"));
    assert_true(p.eval.truncated_frac > 0.5); // one token, rarely the end token
    str_free(&text);
    arena_free(arena);
    close_run(&r);
}

static void an_unknown_judge_is_an_error_at_the_start(void **state) {
    (void)state;
    RlConfig cfg = config();
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    TaskSource bad = {.name = "bad", .get = unjudged_task};
    Trainer *t;
    TrainerDeps deps = {.run.policy = r.policy,
                        .run.engine = r.engine,
                        .run.tokenizer = r.tokenizer,
                        .source = &bad};
    assert_int_equal(trainer_new(&deps, &cfg, &t), ST_CONFIG);
    assert_non_null(strstr(status_text(), "oracle"));
    assert_non_null(strstr(status_text(), "number"));
    cfg.format_template = "no-such";
    deps.source = &digits;
    assert_int_equal(trainer_new(&deps, &cfg, &t), ST_CONFIG);
    assert_non_null(strstr(status_text(), "format_template"));
    close_run(&r);
}

// Task 3 of 7 has more tokens than a sequence, task 5 as many, task 6 leaves two.
static Status long_task(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    static const int length[] = {2, 2, 2, 70, 2, 64, 62};
    TRY(digit_task(source, index, out, arena));
    out->prompt = arena_printf(arena, "%0*d=", length[index % 7] - 1, 7);
    return ST_OK;
}

static void a_prompt_without_room_is_refused_by_name(void **state) {
    (void)state;
    RlConfig cfg = config();
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    TaskSource source = {.name = "rows.jsonl", .n_tasks = 7, .get = long_task};
    Arena *arena = arena_new(1 << 12);
    assert_int_equal(ask_room(&source, r.tokenizer, NULL, 64, 3, arena), ST_CONFIG);
    assert_non_null(strstr(status_text(), "rows.jsonl: the prompt of task 3 has 70 tokens"));
    assert_non_null(strstr(status_text(), "2 of 7 prompts"));
    assert_non_null(strstr(status_text(), "model.max_position=73"));
    Trainer *t;
    const TrainerDeps deps = {.run.policy = r.policy,
                              .run.engine = r.engine,
                              .run.tokenizer = r.tokenizer,
                              .source = &source,
                              .max_seq_tokens = 64};
    assert_int_equal(trainer_new(&deps, &cfg, &t), ST_CONFIG);
    assert_non_null(strstr(status_text(), "task 3"));
    assert_ok(ask_room(&source, r.tokenizer, NULL, 71, 3, arena)); // a warning at most
    source.n_tasks = 0;                                            // endless
    assert_ok(ask_room(&source, r.tokenizer, NULL, 8, 3, arena));
    arena_free(arena);
    close_run(&r);
}

static void a_step_of_known_size_ignores_the_end(void **state) {
    (void)state;
    RlConfig cfg = config();
    cfg.ignore_eos = true;
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    static Metrics row;
    TrainerStep did;
    assert_ok(trainer_step(r.trainer, NULL, &row, &did));
    for (int i = 0; i < did.batch->n_samples; i++)
        assert_int_equal(batch_response_length(did.batch, i), 3);
    close_run(&r);
}

static void a_number_that_is_none_stops_the_run_and_keeps_the_weights(void **state) {
    (void)state;
    char folder[] = "/tmp/test_trainer.XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    RlConfig cfg = busy();
    cfg.steps = 8;
    TinyRun r = open_run(&cfg, 1, 0, folder);
    Metrics row;
    TrainerStep out;
    step(&r, &row, NULL); // a batch is now in hand
    int n;
    ParamCopy *p = params_read(r.policy, &n);
    const Param *param = policy_params(r.policy, &n);
    for (size_t i = 0; i < param_count(&param[0]); i++) p[0].master[i] = NAN;
    params_write(r.policy, p);
    policy_sync(r.policy);
    assert_int_equal(trainer_step(r.trainer, NULL, &row, &out), ST_FORMAT);
    assert_true(trainer_nonfinite(r.trainer));
    assert_int_equal(trainer_steps_done(r.trainer), 1);
    assert_non_null(strstr(status_text(), "step 2"));
    snprintf(path, sizeof path, "%s/nonfinite-step-2.batch", folder);
    assert_true(file_exists(path));
    p = params_read(r.policy, &n);
    for (int i = 1; i < n; i++) // nothing else was touched
        for (size_t j = 0; j < param_count(&param[i]); j++) assert_true(isfinite(p[i].master[j]));
    close_run(&r);
    assert_ok(file_remove_tree(folder));
}

static void a_reference_that_is_no_number_is_dumped_too(void **state) {
    (void)state;
    char folder[] = "/tmp/test_trainer.XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    RlConfig cfg = config();
    cfg.kl = KL_K3, cfg.reference_refresh_steps = 1;
    TinyRun r = open_run(&cfg, 1, 0, folder);
    Metrics row;
    TrainerStep out;
    step(&r, &row, NULL);
    int n;
    const ParamCopy *keep = params_read(r.policy, &n), *p = params_read(r.policy, &n);
    const size_t count = param_count(&policy_params(r.policy, &n)[0]);
    for (size_t i = 0; i < count; i++) p[0].master[i] = NAN; // for the reference alone
    params_write(r.policy, p);
    assert_ok(reference_refresh(r.trainer->reference, r.policy, 1));
    params_write(r.policy, keep);
    policy_sync(r.policy);
    assert_int_equal(trainer_step(r.trainer, NULL, &row, &out), ST_FORMAT);
    assert_true(trainer_nonfinite(r.trainer)); // so the command exits with 5
    assert_non_null(strstr(status_text(), "under the reference is not finite"));
    assert_non_null(strstr(status_text(), "step 2"));
    snprintf(path, sizeof path, "%s/nonfinite-step-2.batch", folder);
    assert_true(file_exists(path));
    close_run(&r);
    assert_ok(file_remove_tree(folder));
}

// Two runs with other settings, in turn in one process: the bits of each alone.
static void two_runs_in_one_process_do_not_touch_each_other(void **state) {
    (void)state;
    RlConfig cfg[2] = {config(), busy()};
    cfg[1].reward_format = 0.3, cfg[1].temperature = 0.9;
    static Metrics alone[2][8], row;
    TinyRun single[2], both[2];
    for (int i = 0; i < 2; i++) {
        single[i] = open_run(&cfg[i], 2, 0, NULL);
        for (int s = 0; s < 8; s++) step(&single[i], &alone[i][s], NULL);
    }
    for (int i = 0; i < 2; i++) both[i] = open_run(&cfg[i], 2, 0, NULL);
    for (int s = 0; s < 8; s++)
        for (int i = 0; i < 2; i++) {
            step(&both[i], &row, NULL);
            assert_same_rows(&alone[i][s], &row);
        }
    for (int i = 0; i < 2; i++) {
        assert_same_weights(single[i].policy, both[i].policy);
        close_run(&single[i]);
        close_run(&both[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trainer_sees_the_samplers_own_log_probs),
        cmocka_unit_test(threads_and_chunks_in_flight_do_not_move_a_bit),
        cmocka_unit_test(four_threads_change_no_bit_in_any_precision),
        cmocka_unit_test(a_resumed_run_equals_one_that_never_stopped),
        cmocka_unit_test(two_runs_in_one_process_do_not_touch_each_other),
        cmocka_unit_test(a_stop_while_sampling_leaves_no_trace),
        cmocka_unit_test(the_columns_of_the_batch_in_hand_are_saved),
        cmocka_unit_test(a_state_of_another_run_is_refused),
        cmocka_unit_test(every_loss_learns_to_repeat_a_digit),
        cmocka_unit_test(the_preflight_says_what_it_saw),
        cmocka_unit_test(an_unknown_judge_is_an_error_at_the_start),
        cmocka_unit_test(a_prompt_without_room_is_refused_by_name),
        cmocka_unit_test(a_step_of_known_size_ignores_the_end),
        cmocka_unit_test(a_number_that_is_none_stops_the_run_and_keeps_the_weights),
        cmocka_unit_test(a_reference_that_is_no_number_is_dumped_too),
    };
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    return cmocka_run_group_tests_name("rl/trainer", tests, NULL, NULL);
}
