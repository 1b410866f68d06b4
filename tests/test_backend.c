// tests/test_backend.c -- policy/ops: a second backend runs all of it, and the host reads no device
// memory.
//
// The backend is tests/watched_backend.h: memory of its own, unreadable between operations. What it
// gives must be the CPU's bits. A host dereference that is planted here dies; the number of calls
// of a layer depends on the model's structure alone.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "pipelines/command.h"
#include "policy/net.h"
#include "sandbox/cage.h"
#include "tests/same_bits.h"
#include "tests/watched_backend.h"

static Ops second;

static Policy *policy_on(const Ops *ops, ModelConfig m, int n_sums) {
    const PolicyOpts o = {.ops = ops,
                          .trainable = true,
                          .chunk_tokens = 200,
                          .max_seq_tokens = MAX_SEQ,
                          .partial_sums = n_sums,
                          .kv_pages = 128,
                          .max_decode_rows = 1024};
    Policy *p = NULL;
    m.initializer_range = 0.1;
    assert_ok(policy_new(&m, &o, &p));
    policy_init(p, 7);
    return p;
}

// What two MTP modules guess behind a short sequence.
static void drafted(Policy *p, const WaysText *x, float *out) {
    const int32_t page[] = {9, 4};
    const DecodeSeq seq[] = {{.token = x->token, .n_new = 20, .page = page, .n_logits = 1}};
    const Draw draw = {.forced = -1, .rule = draw_rule(1, 0, 1, 0), .uniform = 0.5};
    Drawn drawn;
    assert_ok(policy_decode(p, seq, 1, &draw, 1, &drawn));
    DraftSeq d = {.rows = {.token = x->token + 1, .n_new = 20, .page = page},
                  .n_drafts = 2,
                  .rule = draw.rule,
                  .uniform = {0.3, 0.7}};
    assert_ok(policy_draft(p, &d, 1, 2));
    assert_int_equal(d.n_drafts, 2);
    for (int k = 0; k < 2; k++) out[k] = (float)d.draft[k];
}

// Trained for some chunks and a step, scored and decoded: all of it in one array.
static float *results(const Ops *ops, ModelConfig m, int n_sums, WaysText *x, size_t *n_out) {
    Policy *p = policy_on(ops, m, n_sums);
    int n_chunks;
    Pack *chunk = pack_chunks(x->token, x->want, x->seq, NULL, N_SEQS, 150, &n_chunks, x->arena);
    Mean sum = {.denominator = 500};
    ScoreOpts o = warm;
    o.balance_alpha = 0.01;
    o.mtp_scale = m.n_mtp > 0 ? 1e-3 : 0;
    const AdamWConfig adam = {
        .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .clip_norm = 1, .router_bias_step = 1e-3};
    StepReport r;
    assert_ok(train_all(p, chunk, n_chunks, &o, mean_loss, &sum));
    assert_ok(policy_step(p, &adam, 1e-3, &r));
    assert_ok(train_all(p, chunk, n_chunks, &o, mean_loss, &sum));
    size_t n_grad, n_weight;
    const float *grad = params_part(p, PARAM_GRAD, &n_grad);
    const float *weight = params_part(p, PARAM_WEIGHT, &n_weight);
    float *out = ARENA_ARRAY(x->arena, float, n_grad + n_weight + 2 * N_TOKENS + 2);
    memcpy(out, grad, n_grad * sizeof *out);
    memcpy(out + n_grad, weight, n_weight * sizeof *out);
    assert_ok(policy_score(p, &x->pack, &warm, out + n_grad + n_weight, NULL));
    policy_kv_copy(p, 3, 5, 7);
    decode_text(p, x, (BatchCut){120, 33, 5, 0x1ff}, out + n_grad + n_weight + N_TOKENS);
    *n_out = n_grad + n_weight + 2 * N_TOKENS + 2;
    if (m.n_mtp > 0) drafted(p, x, out + *n_out - 2);
    policy_free(p);
    return out;
}

static void a_second_backend_gives_the_same_bits(void **state) {
    (void)state;
    for (int f = 0; f < N_DENSE + 5; f++) { // the last three with MTP modules
        WaysText x;
        open_text(&x);
        ModelConfig m = f < N_DENSE ? dense_model(f) : small_moe;
        if (f >= N_DENSE) m.mla_form = f == N_DENSE ? MLA_ABSORBED : MLA_EXPANDED;
        if (f >= N_DENSE + 2) m.n_mtp = 2;
        m.precision = (Precision)(f % 3);
        size_t n, k;
        const int n_sums = f % 2 ? 8 : 1;
        const float *one = results(&ops_cpu, m, n_sums, &x, &n);
        const float *two = results(&second, m, n_sums, &x, &k);
        assert_int_equal(n, k);
        assert_memory_equal(one, two, n * sizeof *one);
        arena_free(x.arena);
    }
    for (int op = 0; op < WATCH_OPS; op++) // the table is complete, and all of it was called
        if (watched.calls[op] == 0 && op != WATCH_COPY && op != WATCH_DRAW)
            fail_msg("%s was not called", watched_name[op]);
}

// ---- planted dereferences

static volatile float seen;

static void read_a_weight(Policy *p) {
    seen = *(const volatile float *)(uintptr_t)p->master;
}
static void copy_log_probs(Policy *p) {
    float host[4];
    memcpy(host, (const void *)(uintptr_t)p->work[0].acts.logp.data, sizeof host);
    seen = host[1];
}
static void write_a_page(Policy *p) {
    *(volatile float *)(uintptr_t)p->kv = 1;
}

static void a_host_that_reads_device_memory_dies(void **state) {
    (void)state;
    void (*const planted[])(Policy *) = {read_a_weight, copy_log_probs, write_a_page};
    WaysText x;
    open_text(&x);
    float logp[N_TOKENS];
    Policy *p = policy_on(&second, small_moe, 1);
    assert_ok(policy_score(p, &x.pack, &warm, logp, NULL));
    for (size_t i = 0; i < sizeof planted / sizeof *planted; i++) {
        const pid_t child = fork();
        if (child == 0) {
            signal(SIGSEGV, SIG_DFL);
            planted[i](p);
            _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        // a sanitizer reports it and exits
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            fail_msg("dereference %zu was not seen", i);
        if (WIFSIGNALED(status)) assert_int_equal(WTERMSIG(status), SIGSEGV);
    }
    policy_free(p);
    arena_free(x.arena);
}

// ---- calls of a layer

// Calls of one decode of n_seqs sequences, operation by operation.
static void count_decode(ModelConfig m, int n_seqs, long calls[WATCH_OPS]) {
    WaysText x;
    open_text(&x);
    Policy *p = policy_on(&second, m, 1);
    DecodeSeq seq[64];
    Draw draw[64];
    Drawn drawn[64];
    int32_t page[64];
    for (int s = 0; s < n_seqs; s++) {
        page[s] = s;
        seq[s] =
            (DecodeSeq){.token = &x.token[s], .n_new = 1, .page = &page[s], .n_logits = 1, .id = 4};
        draw[s] = (Draw){
            .seq = s, .forced = s % 2 ? -1 : 5, .rule = draw_rule(1, 0, 0.9, 0), .uniform = 0.5};
    }
    memset(watched.calls, 0, sizeof watched.calls);
    assert_ok(policy_decode(p, seq, n_seqs, draw, n_seqs, drawn));
    for (int s = 0; s < n_seqs; s++) assert_true(drawn[s].finite && (s % 2 || drawn[s].token == 5));
    memcpy(calls, watched.calls, sizeof watched.calls);
    policy_free(p);
    arena_free(x.arena);
}

// The same of one chunk that is trained, with as many sequences as are asked for.
static void count_train(ModelConfig m, int n_seqs, long calls[WATCH_OPS]) {
    WaysText x;
    open_text(&x);
    Policy *p = policy_on(&second, m, 1);
    Seq seq[64];
    for (int s = 0; s < n_seqs; s++) seq[s] = (Seq){300 + 2 * s, 302 + 2 * s, s};
    for (int i = 0; i < N_TOKENS; i++) x.want[i] = i % 2 == 1;
    Pack pack = pack_make(x.token, x.want, seq, n_seqs, x.arena);
    Mean sum = {.denominator = 500};
    memset(watched.calls, 0, sizeof watched.calls);
    assert_ok(train_all(p, &pack, 1, &warm, mean_loss, &sum));
    memcpy(calls, watched.calls, sizeof watched.calls);
    policy_free(p);
    arena_free(x.arena);
}

static void print_calls(const char *what, const long calls[WATCH_OPS], int n_layers) {
    print_message("%s, calls of %d layers:", what, n_layers);
    long sum = 0;
    for (int op = 0; op <= WATCH_LOGITS; op++) {
        if (calls[op] > 0) print_message(" %s %ld", watched_name[op], calls[op]);
        sum += calls[op];
    }
    print_message("; %.1f a layer\n", (double)sum / n_layers);
}

static void assert_same_calls(const long a[WATCH_OPS], const long b[WATCH_OPS], const char *what) {
    for (int op = 0; op < WATCH_OPS; op++)
        if (a[op] != b[op])
            fail_msg("%s: %s %ld and %ld times", what, watched_name[op], a[op], b[op]);
}

static void calls_do_not_grow_with_sequences_heads_or_experts(void **state) {
    (void)state;
    for (int f = 0; f < 3; f++) {
        ModelConfig m = f == 0 ? dense_model(0) : small_moe, wide = m;
        m.mla_form = wide.mla_form = f == 2 ? MLA_EXPANDED : MLA_ABSORBED;
        wide.n_heads *= 2;
        if (f > 0) wide.n_routed_experts = 32;
        long one[WATCH_OPS], many[WATCH_OPS], more[WATCH_OPS];
        count_decode(m, 1, one);
        count_decode(m, 64, many);
        count_decode(wide, 64, more);
        print_calls(f == 0   ? "dense, decode"
                    : f == 1 ? "absorbed, decode"
                             : "expanded, decode",
                    one, m.n_layers);
        assert_same_calls(one, many, "decode of 1 and 64 sequences");
        assert_same_calls(one, more, "decode with more heads and experts");
        count_train(m, 1, one);
        count_train(m, 64, many);
        count_train(wide, 64, more);
        print_calls(f == 0   ? "dense, train"
                    : f == 1 ? "absorbed, train"
                             : "expanded, train",
                    one, m.n_layers);
        assert_same_calls(one, many, "a chunk of 1 and 64 sequences");
        assert_same_calls(one, more, "a chunk with more heads and experts");
    }
}

// ---- a whole run

static int run_zero(const char *folder) {
    char out[256];
    snprintf(out, sizeof out, "%s", folder);
    const char *word[] = {"grpo",
                          "zero",
                          "-q",
                          "-o",
                          out,
                          "run.threads=1",
                          "model.hidden_size=32",
                          "model.n_layers=2",
                          "model.n_heads=2",
                          "model.intermediate_size=48",
                          "model.q_lora_rank=16",
                          "model.kv_lora_rank=16",
                          "model.qk_nope_head_dim=8",
                          "model.qk_rope_head_dim=8",
                          "model.v_head_dim=8",
                          "model.moe_intermediate_size=16",
                          "model.n_routed_experts=4",
                          "sft.steps=60",
                          "sft.batch=32",
                          "sft.warmup_steps=5",
                          "sft.lr=1e-2",
                          "desk.bare=0",
                          "desk.says=0",
                          "desk.leap=0",
                          "desk.full=0",
                          "desk.check=0",
                          "desk.broken=0",
                          "desk.giveup=0.3",
                          "desk.empty=1",
                          "rl.steps=2",
                          "rl.groups_per_step=4",
                          "rl.group_size=4",
                          "rl.max_new_tokens=24",
                          "rl.lr=1e-3",
                          "rl.warmup_steps=1",
                          "rl.preflight_tasks=0",
                          "rl.kl=k3",
                          "rl.kl_coef=0.01",
                          "eval.every=0",
                          "eval.tasks=2",
                          "eval.samples=1",
                          "eval.final_tasks=2",
                          "eval.passk_tasks=1",
                          "eval.passk_samples=1",
                          "eval.large_tasks=1",
                          "eval.shown=1",
                          "run.decode_seqs=8"};
    const Command *cmd = command_find("zero");
    static Args args;
    memset(&args, 0, sizeof args);
    assert_non_null(cmd);
    assert_ok(args_parse(&args, sizeof word / sizeof *word, (char **)word, cmd->flag, cmd->n_flags,
                         cmd->config));
    return cmd->run(&args);
}

static void a_second_backend_runs_a_whole_zero(void **state) {
    (void)state;
    char folder[] = "/tmp/test_backend.XXXXXX", one[64], two[64];
    assert_non_null(mkdtemp(folder));
    log_open(LOG_WARN, LOG_COLOR_NEVER);
    snprintf(one, sizeof one, "%s/cpu", folder);
    snprintf(two, sizeof two, "%s/watched", folder);
    assert_int_equal(run_zero(one), EXIT_DONE);
    policy_backend(&second);
    memset(watched.calls, 0, sizeof watched.calls);
    const int code = run_zero(two);
    policy_backend(&ops_cpu);
    assert_int_equal(code, EXIT_DONE);
    assert_true(watched.calls[WATCH_ATTEND_BACK] > 0 && watched.calls[WATCH_DRAW] > 0);
    assert_true(watched.calls[WATCH_LOGITS] == 0); // logits stay where they are
    for (int step = 0; step <= 2; step += 2) {
        char path[2][128];
        FileMap file[2];
        for (int i = 0; i < 2; i++) {
            snprintf(path[i], sizeof path[i], "%s/checkpoints/step-%d/model/model.safetensors",
                     i ? two : one, step);
            assert_ok(file_map(path[i], &file[i]));
        }
        assert_int_equal(file[0].size, file[1].size);
        assert_memory_equal(file[0].data, file[1].data, file[0].size);
        file_unmap(&file[0]);
        file_unmap(&file[1]);
    }
    assert_ok(file_remove_tree(folder));
}

int main(int argc, char **argv) {
    cage_main(argc, argv); // the sandbox's broker is this program again
    second = watched_ops();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_backend_gives_the_same_bits),
        cmocka_unit_test(a_host_that_reads_device_memory_dies),
        cmocka_unit_test(calls_do_not_grow_with_sequences_heads_or_experts),
        cmocka_unit_test(a_second_backend_runs_a_whole_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
