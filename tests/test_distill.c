// tests/test_distill.c -- on-policy distillation: gradient, teachers by source, learning, resume.
#include "rl/distill.h"

#include <stdlib.h>

#include "base/file.h"
#include "rl/grpo.h"
#include "rl/trainer_inside.h"
#include "rl/update.h"
#include "tests/tiny_run.h"

// Llama-shaped: a student or teacher of another shape than tiny_model, with its vocabulary.
static ModelConfig llama_model(void) {
    ModelConfig m = {.family = FAMILY_DENSE,
                     .vocab_size = 12,
                     .hidden_size = 24,
                     .intermediate_size = 40,
                     .n_layers = 1,
                     .n_heads = 2,
                     .n_kv_heads = 1,
                     .head_dim = 12,
                     .max_position = 64,
                     .rms_norm_eps = 1e-6,
                     .bos_id = -1,
                     .eos_id = 0,
                     .rope = {.theta = 10000}};
    return m;
}

static Policy *make_teacher(const ModelConfig *model, uint64_t seed) {
    Policy *p = NULL;
    ModelConfig m = *model;
    m.initializer_range = 0.2; // it knows what it wants
    assert_ok(policy_new(&m, &(PolicyOpts){.chunk_tokens = 64, .max_seq_tokens = 64}, &p));
    policy_init(p, seed);
    return p;
}

static RlConfig distilling(void) {
    RlConfig cfg = config();
    cfg.distill = 1, cfg.distill_alone = true;
    return cfg;
}

static void copy_policy_state(Policy *to, Policy *from) {
    int n;
    params_write(to, params_read(from, &n));
    policy_sync(to);
    policy_set_version(to, policy_version(from));
    policy_set_steps(to, policy_steps(from));
}

static double step(TinyRun *r) {
    static Metrics row;
    TrainerStep out;
    assert_ok(trainer_step(r->trainer, NULL, &row, &out));
    assert_false(out.stopped);
    return metrics_get(&row, "actor/distill_kl", NAN);
}

// ---- the gradient through a model: of the KL between two models at one position

enum { V = 12 };
static const int32_t text[] = {7, 11, 3, 11};
enum { N_TEXT = 4 };

typedef struct AllTokens { // one sequence for each token that may follow the text
    int32_t token[V * (N_TEXT + 1)];
    uint8_t want[V * (N_TEXT + 1)];
    Seq seq[V];
    float teacher[V], weight[V];
} AllTokens;

static void score_all(Policy *p, const AllTokens *all, double *logp) {
    Arena *arena = arena_new(1 << 16);
    Pack pack = pack_make(all->token, all->want, all->seq, V, arena);
    float *got = ARENA_ARRAY(arena, float, pack.n_tokens);
    assert_ok(policy_score(p, &pack, &(ScoreOpts){.temperature = 0.8}, got, NULL));
    for (int v = 0; v < V; v++) logp[v] = (double)got[pack.offset[v] + N_TEXT];
    arena_free(arena);
}

static double kl_of(Policy *p, const AllTokens *all) {
    double logp[V], kl = 0;
    score_all(p, all, logp);
    for (int v = 0; v < V; v++) kl += exp(logp[v]) * (logp[v] - (double)all->teacher[v]);
    return kl;
}

// Each token with the weight that its probability gives it: the expectation over what is drawn.
static Status all_tokens_loss(void *ctx, int c, const Pack *chunk, const float *logp,
                              const float *entropy, float *dlogp, float *dentropy) {
    (void)c, (void)entropy, (void)dentropy;
    AllTokens *all = ctx;
    for (int s = 0; s < chunk->n_seqs; s++) {
        const int v = chunk->seq[s].id, at = chunk->offset[s] - chunk->offset[0] + N_TEXT;
        GrpoStats stats;
        grpo_stats_clear(&stats);
        grpo_distill(&(ComponentSeq){.n = 1,
                                     .weight = &all->weight[v],
                                     .logp = logp + at,
                                     .old = logp + at,
                                     .teacher = &all->teacher[v],
                                     .scale = 1},
                     dlogp + at, &stats);
    }
    return ST_OK;
}

static void the_gradient_is_that_of_the_reverse_kl(void **state) {
    (void)state;
    const ModelConfig student_model = llama_model();
    Policy *teacher = make_teacher(&tiny_model, 5), *p = NULL;
    assert_ok(policy_new(
        &student_model,
        &(PolicyOpts){
            .chunk_tokens = 128, .max_seq_tokens = 64, .trainable = true, .chunks_in_flight = 1},
        &p));
    policy_init(p, 9);
    AllTokens all = {0};
    for (int v = 0; v < V; v++) {
        const int at = v * (N_TEXT + 1);
        memcpy(all.token + at, text, sizeof text);
        all.token[at + N_TEXT] = v, all.want[at + N_TEXT] = 1;
        all.seq[v] = (Seq){at, at + N_TEXT + 1, v};
    }
    double logp[V];
    score_all(teacher, &all, logp);
    for (int v = 0; v < V; v++) all.teacher[v] = (float)logp[v];
    score_all(p, &all, logp);
    for (int v = 0; v < V; v++) all.weight[v] = (float)exp(logp[v]);

    Arena *arena = arena_new(1 << 16);
    int n_chunks;
    Pack *chunk = pack_chunks(all.token, all.want, all.seq, NULL, V, 128, &n_chunks, arena);
    const TrainScope scope = train_scope(chunk, n_chunks);
    assert_ok(policy_train(p, chunk, n_chunks, &scope, &(ScoreOpts){.temperature = 0.8},
                           all_tokens_loss, &all));
    int n_params, checked = 0;
    const Param *param = policy_params(p, &n_params);
    for (int i = 0; i < n_params; i++) {
        if (!param[i].trainable) continue;
        const size_t n = param_count(&param[i]);
        float *grad = ARENA_ARRAY(arena, float, n), *was = ARENA_ARRAY(arena, float, n);
        float *moved = ARENA_ARRAY(arena, float, n);
        assert_ok(policy_get(p, i, PARAM_GRAD, 0, n, grad));
        assert_ok(policy_get(p, i, PARAM_WEIGHT, 0, n, was));
        double norm = 0; // along the gradient: one number for the whole tensor
        for (size_t k = 0; k < n; k++) norm += (double)grad[k] * (double)grad[k];
        norm = sqrt(norm);
        if (norm < 1e-4) continue;
        double kl[2];
        const double h = 4e-3;
        for (int side = 0; side < 2; side++) {
            for (size_t k = 0; k < n; k++)
                moved[k] = was[k] + (float)((side ? h : -h) * (double)grad[k] / norm);
            assert_ok(policy_set(p, i, PARAM_WEIGHT, 0, n, moved));
            policy_sync(p);
            kl[side] = kl_of(p, &all);
        }
        assert_ok(policy_set(p, i, PARAM_WEIGHT, 0, n, was));
        policy_sync(p);
        const double slope = (kl[1] - kl[0]) / (2 * h);
        if (fabs(slope - norm) > 0.02 * norm + 1e-4)
            fail_msg("%s: %g by differences, %g by the gradient", param[i].name, slope, norm);
        checked++;
    }
    assert_true(checked >= 8);
    arena_free(arena);
    policy_free(p), policy_free(teacher);
}

// ---- learning from a teacher of another shape

static void the_student_comes_nearer(void **state) {
    (void)state;
    const ModelConfig student = llama_model();
    Policy *moe = make_teacher(&tiny_model, 21);
    const Teacher teacher = {.name = "moe", .policy = moe};
    tiny_teachers = (Teachers){&teacher, 1};
    RlConfig cfg = distilling();
    cfg.steps = 40, cfg.groups_per_step = 10, cfg.group_size = 16;
    TinyRun r = open_model(&student, &cfg, 2, 0, NULL);
    double first = 0, last = 0;
    for (int s = 0; s < 40; s++) {
        const double kl = step(&r);
        if (s < 4) first += kl / 4;
        if (s >= 36) last += kl / 4;
    }
    if (!(first > 0.02 && last < 0.4 * first)) fail_msg("KL %g -> %g", first, last);
    close_run(&r);
    policy_free(moe);
    tiny_teachers = (Teachers){0};
}

static void threads_and_a_stop_change_no_bit(void **state) {
    (void)state;
    char folder[] = "/tmp/test_distill.XXXXXX";
    assert_non_null(mkdtemp(folder));
    Policy *moe = make_teacher(&tiny_model, 21);
    const Teacher teacher = {.name = "moe", .policy = moe};
    tiny_teachers = (Teachers){&teacher, 1};
    RlConfig cfg = config();
    cfg.distill = 0.5, cfg.distill_clip = 2, cfg.updates_per_rollout = 2;
    TinyRun whole = open_run(&cfg, 1, 1, NULL), part = open_run(&cfg, 3, 0, NULL);
    for (int s = 0; s < 5; s++) {
        TinyRun next = open_run(&cfg, 2, 0, NULL); // go on from what is saved, inside a rollout too
        assert_ok(trainer_save(part.trainer, folder));
        copy_policy_state(next.policy, part.policy);
        assert_ok(trainer_load(next.trainer, folder));
        close_run(&part);
        part = next;
        const double a = step(&whole), b = step(&part);
        assert_true(a == b);
        assert_same_weights(whole.policy, part.policy);
    }
    close_run(&whole), close_run(&part);
    policy_free(moe);
    assert_ok(file_remove_tree(folder));
    tiny_teachers = (Teachers){0};
}

// ---- several teachers

static Status two_sources(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    (void)source;
    Status st = digit_task(source, index, out, arena);
    static const char *const name[] = {"odd", "even", "none"};
    out->source = name[index % 3];
    return st;
}

static void each_source_has_its_teacher(void **state) {
    (void)state;
    const TaskSource mixed = {.name = "mixed", .get = two_sources};
    Policy *a = make_teacher(&tiny_model, 31), *b = make_teacher(&tiny_model, 32);
    const Teacher teacher[] = {{"odd", "a", a}, {"even", "b", b}};
    const Teachers teachers = {teacher, 2};
    assert_int_equal(distill_teacher(&teachers, "even"), 1);
    assert_int_equal(distill_teacher(&teachers, "none"), -1);
    RlConfig cfg = config();
    TinyRun r = open_run(&cfg, 2, 0, NULL);
    r.trainer->deps.source = &mixed;
    step(&r);
    Batch *batch = r.trainer->batch;
    RlConfig wanted = distilling();
    wanted.distill = 0.25;
    Arena *arena = arena_new(1 << 20), *scratch = arena_new(1 << 20);
    assert_ok(distill_score(&teachers, &wanted, batch, arena, scratch));
    distill_weigh(&teachers, &wanted, batch, arena);
    int seen[3] = {0};
    for (int i = 0; i < batch->n_samples; i++) {
        const int g = batch_group_of(batch, i), which = (int)(batch->task_index[g] % 3);
        Seq seq = {batch->token_begin[i], batch->token_end[i], 0};
        Pack one = pack_make(batch->token, batch->loss_mask, &seq, 1, scratch);
        float *logp = ARENA_ARRAY(scratch, float, one.n_tokens);
        if (which < 2)
            assert_ok(
                policy_score(which ? b : a, &one, &(ScoreOpts){.temperature = 1}, logp, NULL));
        for (int t = batch->response_begin[i]; t < batch->token_end[i]; t++) {
            if (!batch->loss_mask[t]) continue;
            seen[which]++;
            assert_true(batch->weight_distill[t] == (which < 2 ? 0.25f : 0));
            assert_true(batch->weight_rl[t] == 0);
            assert_true(batch->logp_teacher[t] == (which < 2 ? logp[t - seq.begin] : 0));
        }
    }
    assert_true(seen[0] > 0 && seen[1] > 0 && seen[2] > 0);
    arena_free(arena), arena_free(scratch);
    close_run(&r);
    policy_free(a), policy_free(b);
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    RlConfig cfg = distilling();
    assert_int_equal(distill_check(&(Teachers){0}, &cfg, &tiny_model, 64), ST_CONFIG);
    ModelConfig small = tiny_model;
    small.vocab_size = 11;
    Policy *p = make_teacher(&small, 1);
    const Teacher teacher = {.name = "small", .policy = p};
    const Teachers teachers = {&teacher, 1};
    assert_int_equal(distill_check(&teachers, &cfg, &tiny_model, 64), ST_CONFIG);
    assert_non_null(strstr(status_text(), "vocabulary of 11"));
    assert_int_equal(distill_check(&teachers, &cfg, &small, 65), ST_CONFIG);
    assert_ok(distill_check(&teachers, &cfg, &small, 64));
    cfg.distill = 0;
    assert_ok(distill_check(&(Teachers){0}, &cfg, &tiny_model, 64));
    policy_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_is_that_of_the_reverse_kl),
        cmocka_unit_test(the_student_comes_nearer),
        cmocka_unit_test(threads_and_a_stop_change_no_bit),
        cmocka_unit_test(each_source_has_its_teacher),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
