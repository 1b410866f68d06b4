// tests/test_settings.c -- rl/settings: presets of the losses, and what is refused.
#include "rl/settings.h"

#include "tests/test.h"

static Config *all;

// The config of a JSON text; its texts live until the next call.
static RlConfig parse(const char *json) {
    static RlConfig c;
    static ConfigSection section;
    section = (ConfigSection){.name = "rl", .key = rl_keys, .n_keys = n_rl_keys, .target = &c};
    config_free(all);
    all = config_new(&section, 1);
    assert_ok(config_load_text(all, json, "test", "file"));
    assert_ok(config_apply(all));
    return c;
}

static void a_loss_brings_its_papers_settings(void **state) {
    (void)state;
    RlConfig c = parse("{}"); // dapo
    assert_ok(settings_resolve(&c));
    assert_true(c.loss == LOSS_DAPO && c.loss_agg == AGG_TOKEN_MEAN && c.advantage == ADV_STD);
    assert_true(c.clip_low == 0.2 && c.clip_high == 0.28 && c.dual_clip == 3);
    c = parse("{\"rl.loss\":\"dr_grpo\"}");
    assert_ok(settings_resolve(&c));
    assert_true(c.loss_agg == AGG_TOKEN_SUM_NORM && c.advantage == ADV_NONE && c.dual_clip == 0);
    c = parse("{\"rl.loss\":\"gspo\"}");
    assert_ok(settings_resolve(&c));
    assert_true(c.clip_low == 3e-4 && c.clip_high == 4e-4);
    assert_true(c.loss_agg == AGG_SEQ_MEAN_TOKEN_MEAN);
    c = parse("{\"rl.loss\":\"cispo\"}");
    assert_ok(settings_resolve(&c));
    assert_true(c.advantage == ADV_BATCH_STD && c.clip_low == 1 && c.clip_high == 5);
    c = parse("{\"rl.loss\":\"sapo\"}");
    assert_ok(settings_resolve(&c));
    assert_true(c.loss_agg == AGG_SEQ_MEAN_TOKEN_MEAN && c.sapo_tau_pos == 1);
    c = parse("{\"rl.loss\":\"dppo_tv\"}");
    assert_ok(settings_resolve(&c));
    assert_true(c.clip_low == 0.2 && c.clip_high == 0.2 && c.dual_clip == 20);
}

static void what_was_said_wins_over_the_loss(void **state) {
    (void)state;
    RlConfig c = parse("{\"rl\":{\"loss\":\"gspo\",\"clip_low\":0.1,\"advantage\":\"none\","
                       "\"loss_agg\":\"seq-mean-token-sum\",\"dual_clip\":4}}");
    assert_ok(settings_resolve(&c));
    assert_true(c.clip_low == 0.1 && c.clip_high == 4e-4 && c.advantage == ADV_NONE);
    assert_true(c.loss_agg == AGG_SEQ_MEAN_TOKEN_SUM && c.dual_clip == 4);
}

static void what_cannot_be_is_refused_by_name(void **state) {
    (void)state;
    const struct {
        const char *json, *key;
    } bad[] = {
        {"{\"rl.group_size\":1}", "rl.group_size"},
        {"{\"rl.dual_clip\":1}", "rl.dual_clip"},
        {"{\"rl.updates_per_rollout\":33}", "rl.updates_per_rollout"},
        {"{\"rl.overlong_buffer\":200}", "rl.overlong_buffer"},
        {"{\"rl.warmup_steps\":101}", "rl.warmup_steps"},
        {"{\"rl\":{\"loss\":\"cispo\",\"reward_agg\":\"normalize-first\"}}", "rl.reward_agg"},
        {"{\"rl.tis_cap\":0.5,\"rl.tis_floor\":0.6}", "rl.tis_floor"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        RlConfig c = parse(bad[i].json);
        assert_int_equal(settings_resolve(&c), ST_CONFIG);
        assert_non_null(strstr(status_text(), bad[i].key));
    }
}

static void what_is_rarely_meant_is_said(void **state) {
    (void)state;
    Str said = {0};
    RlConfig c = parse("{\"rl.kl\":\"k3\"}");
    assert_ok(settings_resolve(&c));
    settings_advice(&c, &said);
    assert_int_equal(said.size, 0);
    c = parse("{\"rl.kl\":\"k1\"}");
    settings_advice(&c, &said);
    assert_non_null(strstr(str_text(&said), "expected gradient of zero"));
    const char *const cut[] = {"top_k\":50", "top_p\":0.95", "min_p\":0.05"};
    for (int i = 0; i < 3; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"rl.%s}", cut[i]);
        c = parse(json);
        str_clear(&said);
        settings_advice(&c, &said);
        assert_non_null(strstr(str_text(&said), "biased"));
        assert_memory_equal(strstr(str_text(&said), "rl.") + 3, cut[i], 5);
    }
    str_free(&said);
}

static void names_of_other_trainers_lead_here(void **state) {
    (void)state;
    RlConfig c;
    ConfigSection section = {.name = "rl", .key = rl_keys, .n_keys = n_rl_keys, .target = &c};
    Config *config = config_new(&section, 1);
    assert_int_equal(config_assign(config, "rl.num_generations=8"), ST_CONFIG);
    assert_non_null(strstr(status_text(), "group_size"));
    config_free(config);
}

// The enums' order is the order of the choices.
static void choices_stand_in_the_enums_order(void **state) {
    (void)state;
    RlConfig c = parse("{\"rl\":{\"kl\":\"unbiased\",\"advantage\":\"leave-one-out\","
                       "\"advantage_std\":\"sample\",\"dynamic_sampling\":\"refill\","
                       "\"curriculum\":\"task\",\"old_logp\":\"recompute\","
                       "\"schedule\":\"cosine\",\"loss_agg\":\"token-sum-norm\"}}");
    assert_true(c.kl == KL_UNBIASED && c.advantage == ADV_LEAVE_ONE_OUT);
    assert_true(c.advantage_std == STD_SAMPLE && c.dynamic_sampling == DYNAMIC_REFILL);
    assert_true(c.curriculum == CURRICULUM_TASK && c.old_logp == OLD_RECOMPUTE);
    assert_true(c.schedule == SCHEDULE_COSINE && c.loss_agg == AGG_TOKEN_SUM_NORM);
    c = parse("{\"rl\":{\"kl\":\"k3+\",\"advantage\":\"maxrl\",\"loss\":\"dppo_kl\","
              "\"tis_mode\":\"sequence-mask\"}}");
    assert_true(c.kl == KL_K3_PLUS && c.advantage == ADV_MAXRL && c.loss == LOSS_DPPO_KL);
    assert_int_equal(c.tis_mode, TIS_SEQUENCE_MASK);
}

static int close_all(void **state) {
    (void)state;
    config_free(all);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loss_brings_its_papers_settings),
        cmocka_unit_test(what_was_said_wins_over_the_loss),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(what_is_rarely_meant_is_said),
        cmocka_unit_test(names_of_other_trainers_lead_here),
        cmocka_unit_test(choices_stand_in_the_enums_order),
    };
    return cmocka_run_group_tests_name("rl/settings", tests, NULL, close_all);
}
