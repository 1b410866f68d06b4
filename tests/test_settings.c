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
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        RlConfig c = parse(bad[i].json);
        assert_int_equal(settings_resolve(&c), ST_CONFIG);
        assert_non_null(strstr(status_text(), bad[i].key));
    }
}

// A setting that cannot act names what it needs; with that it is accepted.
static void a_setting_without_effect_is_refused(void **state) {
    (void)state;
    const struct {
        const char *alone, *key, *needs, *with;
    } idle[] = {
        {"\"kl_coef\":0.05", "rl.kl_coef=0.05", "rl.kl=", "\"kl\":\"k3\""},
        {"\"reference_refresh_steps\":400", "rl.reference_refresh_steps=400",
         "rl.kl=", "\"kl\":\"k2\""},
        {"\"tis_cap\":2", "rl.tis_cap=2", "rl.old_logp=recompute", "\"old_logp\":\"recompute\""},
        {"\"tis_mode\":\"token-mask\"", "rl.tis_mode=token-mask", "rl.tis_cap",
         "\"tis_cap\":2,\"old_logp\":\"recompute\""},
        {"\"tis_floor\":0.5,\"tis_cap\":2,\"old_logp\":\"recompute\"", "rl.tis_floor=0.5",
         "rl.tis_mode=", "\"tis_mode\":\"sequence-mask\""},
        {"\"min_lr_ratio\":0", "rl.min_lr_ratio=0", "rl.schedule", "\"schedule\":\"linear\""},
        {"\"loss\":\"sapo\",\"clip_low\":0.3", "rl.clip_low=0.3", "clips", NULL},
        {"\"loss\":\"cispo\",\"dual_clip\":3", "rl.dual_clip=3", "cispo", NULL},
        {"\"sapo_tau_neg\":2", "rl.sapo_tau_neg=2", "rl.loss=sapo", "\"loss\":\"sapo\""},
        {"\"advantage\":\"none\",\"advantage_std\":\"sample\"", "rl.advantage_std=sample",
         "rl.advantage=std", NULL},
        {"\"overlong_penalty\":2", "rl.overlong_penalty=2", "rl.overlong_buffer",
         "\"overlong_buffer\":20"},
        {"\"judge_deadline_ms\":9", "rl.judge_deadline_ms=9", "rl.judge_program",
         "\"judge_program\":\"x\""},
        {"\"curriculum_floor\":0.5", "rl.curriculum_floor=0.5", "rl.curriculum",
         "\"curriculum\":\"task\""},
    };
    char json[256];
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
        snprintf(json, sizeof json, "{\"rl\":{%s}}", idle[i].alone);
        RlConfig c = parse(json);
        assert_int_equal(settings_resolve(&c), ST_CONFIG);
        assert_non_null(strstr(status_text(), idle[i].key));
        assert_non_null(strstr(status_text(), idle[i].needs));
        if (!idle[i].with) continue;
        snprintf(json, sizeof json, "{\"rl\":{%s,%s}}", idle[i].alone, idle[i].with);
        c = parse(json);
        assert_ok(settings_resolve(&c));
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
        cmocka_unit_test(a_setting_without_effect_is_refused),
        cmocka_unit_test(what_is_rarely_meant_is_said),
        cmocka_unit_test(names_of_other_trainers_lead_here),
        cmocka_unit_test(choices_stand_in_the_enums_order),
    };
    return cmocka_run_group_tests_name("rl/settings", tests, NULL, close_all);
}
