// tests/tiny_run.h -- a whole run in miniature: model, engine, judges and a task, for rl's tests.
//
// The task: repeat the digit of the prompt. "7=" -> "7". A model with random weights is right about
// once in twelve tries.
#ifndef TESTS_TINY_RUN_H
#define TESTS_TINY_RUN_H

#include "policy/text/tokenizer.h"
#include "rl/trainer.h"
#include "tests/models.h"
#include "tests/param.h"
#include "tests/test.h"

// A byte-level tokenizer without merges: <eos>, the digits and '=' are ids 0 to 11, all that the
// model knows; the other bytes come after them, because a tokenizer must hold all 256.
static inline Tokenizer *digit_tokenizer(void) {
    Str s = {0};
    str_puts(
        &s,
        "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":0,\"content\":\"<eos>\","
        "\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"
        "\"special\":true}],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\","
        "\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true},"
        "\"post_processor\":null,\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\","
        "\"vocab\":{\"<eos>\":0");
    int id = 12, moved = 256; // GPT-2's letters for bytes that cannot be printed start at 256
    for (int byte = 0; byte < 256; byte++) {
        bool prints = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
        int letter = prints ? byte : moved++;
        int at = byte >= '0' && byte <= '9' ? 1 + byte - '0' : byte == '=' ? 11 : id++;
        char utf8[3] = {(char)letter, 0, 0};
        if (letter >= 128) {
            utf8[0] = (char)(0xC0 | letter >> 6);
            utf8[1] = (char)(0x80 | (letter & 63));
        }
        str_putc(&s, ',');
        str_json(&s, utf8, strlen(utf8));
        str_printf(&s, ":%d", at);
    }
    str_puts(&s, "},\"merges\":[]}}");
    Tokenizer *t;
    assert_ok(tokenizer_parse(s.data, s.size, "test", &t));
    str_free(&s);
    return t;
}

static inline Status digit_task(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    (void)source;
    int digit = (int)(index * 7 % 10);
    *out = (Task){.id = (uint64_t)digit + 1,
                  .source = "digits",
                  .prompt = arena_printf(arena, "%d=", digit),
                  .gold = arena_printf(arena, "%d", digit),
                  .judge = "number",
                  .level = digit < 5};
    return ST_OK;
}
// Where a test may hear of every question that is asked.
static void (*on_task)(uint64_t index);
static inline Status heard_task(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    if (on_task) on_task(index);
    return digit_task(source, index, out, arena);
}
static const TaskSource digits = {.name = "digits", .get = heard_task};

// The teachers of runs that are opened from here on.
__attribute__((unused)) static Teachers tiny_teachers;

// A whole run's belongings.
typedef struct TinyRun {
    Pool *pool;
    Policy *policy, *reference;
    Engine *engine;
    Tokenizer *tokenizer;
    Trainer *trainer;
} TinyRun;

static inline RlConfig config(void) {
    RlConfig c = {0};
    ConfigSection section = {.name = "rl", .key = rl_keys, .n_keys = n_rl_keys, .target = &c};
    Config *all = config_new(&section, 1);
    assert_ok(config_load_text(all,
                               "{\"rl\":{\"steps\":8,\"groups_per_step\":6,\"group_size\":8,"
                               "\"max_new_tokens\":3,\"lr\":0.01,\"chunk_tokens\":64,"
                               "\"accuracy_needs_end\":false,\"reward_format\":0}}",
                               "test", "file"));
    assert_ok(config_apply(all));
    c.format_template = "think-boxed", c.prefilled = "", c.extract = "bare"; // outlive the Config
    c.language = c.math_policy = c.judge_program = "";
    c.dynamic_metric = "reward";
    config_free(all);
    return c;
}

static inline TinyRun open_model(const ModelConfig *model, const RlConfig *cfg, int threads,
                                 int in_flight, const char *dump) {
    TinyRun r = {.pool = pool_new(threads), .tokenizer = digit_tokenizer()};
    PolicyOpts o = {.pool = r.pool,
                    .trainable = true,
                    .chunk_tokens = 256,
                    .max_seq_tokens = 64,
                    .chunks_in_flight = in_flight,
                    .kv_pages = 256,
                    .max_decode_rows = 256};
    assert_ok(policy_new(model, &o, &r.policy));
    policy_init(r.policy, 3);
    const PolicyOpts frozen = {.pool = r.pool, .chunk_tokens = 64, .max_seq_tokens = 64};
    if (settings_reference(cfg)) assert_ok(policy_new(model, &frozen, &r.reference));

    assert_ok(engine_new(&(EngineOpts){.policy = r.policy,
                                       .pool = r.pool,
                                       .tokenizer = r.tokenizer,
                                       .max_seqs = 128,
                                       .kv_pages = 256,
                                       .max_decode_rows = 256,
                                       .max_seq_tokens = 64,
                                       .seed = 11},
                         &r.engine));
    assert_ok(trainer_new(&(TrainerDeps){.run.policy = r.policy,
                                         .run.engine = r.engine,
                                         .run.tokenizer = r.tokenizer,
                                         .run.pool = r.pool,
                                         .source = &digits,
                                         .reference = r.reference,
                                         .teachers = tiny_teachers,
                                         .max_seq_tokens = 64,
                                         .run.seed = 11,
                                         .dump_folder = dump},
                          cfg, &r.trainer));
    return r;
}

static inline TinyRun open_run(const RlConfig *cfg, int threads, int in_flight, const char *dump) {
    return open_model(&tiny_model, cfg, threads, in_flight, dump);
}

static inline void assert_same_weights(Policy *a, Policy *b) {
    int n, m;
    const Param *x = policy_params(a, &n);
    const ParamCopy *of_a = params_read(a, &n), *of_b = params_read(b, &m);
    assert_int_equal(n, m);
    for (int i = 0; i < n; i++)
        if (memcmp(of_a[i].master, of_b[i].master, param_count(&x[i]) * sizeof(float)) != 0)
            fail_msg("%s differs", x[i].name);
}

// All but timings and rates.
static inline void assert_same_rows(const Metrics *a, const Metrics *b) {
    assert_int_equal(a->n, b->n);
    for (int i = 0; i < a->n; i++) {
        assert_string_equal(a->name[i], b->name[i]);
        if (strncmp(a->name[i], "timing_s/", 9) == 0 ||
            strncmp(a->name[i], "perf/throughput", 15) == 0)
            continue;
        if (memcmp(&a->value[i], &b->value[i], sizeof a->value[i]) != 0)
            fail_msg("%s: %.17g and %.17g", a->name[i], a->value[i], b->value[i]);
    }
}

static inline void close_run(TinyRun *r) {
    trainer_free(r->trainer);
    engine_free(r->engine);
    tokenizer_free(r->tokenizer);
    policy_free(r->policy);
    policy_free(r->reference);
    pool_free(r->pool);
}

#endif
