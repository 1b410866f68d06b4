// tests/test_needs.c -- base/config_need and pipelines/needs: settings that cannot act are refused.
#include "pipelines/needs.h"

#include "pipelines/recipe.h"
#include "pipelines/runconfig.h"
#include "tests/test.h"

// The sentence for a config of this file's text and these assignments; "" if it is accepted.
static const char *check(const char *command, const char *file, const char *const *assign) {
    static RunConfig rc;
    static char text[1024];
    runconfig_sections(&rc);
    Config *config = config_new(rc.section, RUNCONFIG_SECTIONS);
    config_set_needs(config, needs_table, n_needs_table);
    if (file) assert_ok(config_load_text(config, file, "my.json", "file"));
    for (; assign && *assign; assign++) assert_ok(config_assign(config, *assign));
    Status st = config_check_needs(config, command);
    assert_true(st == ST_OK || st == ST_CONFIG);
    snprintf(text, sizeof text, "%s", st == ST_OK ? "" : status_text());
    config_free(config);
    return text;
}

static const char *one(const char *command, const char *a, const char *b) {
    const char *const assign[] = {a, b, NULL};
    return check(command, NULL, assign);
}

static void a_setting_without_its_partner_is_an_error_that_names_it(void **state) {
    (void)state;
    const struct {
        const char *command, *set, *with, *names;
    } row[] = {
        {"rl", "rl.kl_coef=0.01", "rl.kl=k3", "rl.kl other than off"},
        {"rl", "rl.kl_coef=0.001", "rl.kl=k1", "rl.kl other than off"}, // the default, but said
        {"rl", "rl.reference_refresh_steps=400", "rl.kl=k3", "rl.kl other than off"},
        {"rl", "rl.tis_cap=2", "rl.old_logp=recompute", "rl.old_logp=recompute"},
        {"rl", "rl.min_lr_ratio=0.2", "rl.schedule=cosine", "rl.schedule other than constant"},
        {"rl", "rl.overlong_penalty=0.5", "rl.overlong_buffer=16", "rl.overlong_buffer above 0"},
        {"rl", "rl.max_gen_batches=3", "rl.dynamic_sampling=drop",
         "rl.dynamic_sampling other than off"},
        {"rl", "rl.dynamic_metric=accuracy", "rl.dynamic_sampling=drop",
         "rl.dynamic_sampling other than off"},
        {"rl", "rl.kl_reward_coef=0.01", "rl.kl_reward=k3", "rl.kl_reward other than off"},
        {"rl", "rl.reference_refresh_steps=40", "rl.kl_reward=k1", "rl.kl_reward other than off"},
        {"rl", "rl.sapo_tau_neg=2", "rl.loss=sapo", "rl.loss=sapo"},
        {"rl", "rl.curriculum_decay=0.5", "rl.curriculum=task", "rl.curriculum other than off"},
        {"rl", "rl.judge_deadline_ms=50", "rl.judge_program=./judge", "rl.judge_program to be set"},
        {"rl", "rl.reward_language=1", "rl.language=en", "rl.language to be set"},
        {"rl", "eval.large_tasks=5", "data.large=x.jsonl", NULL},
        {"zero", "data.thinking=on", "data.chat=auto", "data.chat to be set"},
        {"zero", "model.topk_group=2", "model.n_group=4", "model.n_group above 1"},
        {"zero", "model.rope_beta_fast=16", "model.rope_factor=4", "model.rope_factor above 1"},
        {"zero", "model.head_dim=16", "model.family=qwen3", "model.family other than mla_moe"},
        {"sft", "sft.final_ratio=0.1", "sft.schedule=linear", NULL},
        {"sft", "sft.epochs=3", "sft.steps=0", "sft.steps=0"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (row[i].names) {
            const char *why = one(row[i].command, row[i].set, NULL);
            if (!strstr(why, row[i].names) || !strstr(why, row[i].set))
                fail_msg("%s: '%s'", row[i].set, why);
        }
        const char *why = one(row[i].command, row[i].set, row[i].with);
        if (*why) fail_msg("%s %s: '%s'", row[i].set, row[i].with, why);
    }
    assert_non_null(
        strstr(one("rl", "model.hidden_size=64", "model.path=m"), "model.path to be empty"));
    assert_non_null(strstr(one("rl", "rl.advantage_eps=1e-3", "rl.loss=dr_grpo"), "rl.advantage"));
    assert_string_equal(one("rl", "rl.advantage_eps=1e-3", NULL), "");
    assert_non_null(strstr(one("rl", "rl.tis_mode=token-mask", NULL), "rl.tis_cap above 0"));
    assert_non_null(strstr(one("rl", "rl.clip_high=0.3", "rl.loss=sapo"), "rl.loss other than"));
    assert_non_null(strstr(one("rl", "rl.dual_clip=3", "rl.loss=cispo"), "rl.loss other than"));
}

static void what_switches_off_is_always_accepted(void **state) {
    (void)state;
    assert_string_equal(one("rl", "rl.kl_coef=0", "rl.kl=off"), "");
    assert_string_equal(one("rl", "rl.tis_cap=0", "rl.overlong_buffer=0"), "");
    assert_string_equal(one("zero", "data.system=", NULL), "");
}

static void a_file_is_named_with_its_line(void **state) {
    (void)state;
    const char *why = check("rl", "{\"rl\": {\n  \"lr\": 1e-5,\n  \"kl_coef\": 0.01}}", NULL);
    assert_non_null(strstr(why, "my.json:3: rl.kl_coef=0.01 cannot act here"));
    assert_non_null(strstr(why, "rl.kl is off"));
    // A file of all the defaults, as `grpo config` prints it, is no request.
    assert_string_equal(check("rl", "{\"rl.kl_coef\": 0.001, \"sft.epochs\": 1}", NULL), "");
}

static void a_key_of_another_command_is_refused_where_it_was_typed(void **state) {
    (void)state;
    assert_non_null(strstr(one("rl", "sft.lr=1e-4", NULL), "'grpo rl' does not use sft.lr"));
    assert_non_null(strstr(one("sft", "rl.lr=1e-4", NULL), "'grpo sft' does not use rl.lr"));
    assert_non_null(strstr(one("sft", "data.tasks=x", NULL), "does not use data.tasks"));
    assert_string_equal(one("sft", "rl.chunk_tokens=512", NULL), "");
    assert_string_equal(one("zero", "sft.lr=1e-4", NULL), "");
    assert_non_null(strstr(one("zero", "sft.lr=1e-4", "model.path=m"), "model.path to be empty"));
    assert_string_equal(one(NULL, "rl.lr=1e-4", "sft.lr=1e-4"), ""); // grpo config check
    assert_string_equal(check("sft", "{\"rl.lr\": 1e-4, \"sft.lr\": 1e-4}", NULL), ""); // shared
}

// A row of the table that names no key would never be looked at.
static void every_row_and_every_condition_names_keys_that_are_there(void **state) {
    (void)state;
    static RunConfig rc;
    runconfig_sections(&rc);
    Config *config = config_new(rc.section, RUNCONFIG_SECTIONS);
    Str value = {0};
    for (int i = 0; i < n_needs_table; i++) {
        const char *key = needs_table[i].key, *needs = needs_table[i].needs;
        if (!strstr(key, ".*") && !config_value(config, key, &value)) fail_msg("no key %s", key);
        for (const char *at = needs; at && *at;) {
            char name[64] = "";
            size_t n = strcspn(at, "!=>~ ");
            assert_true(n < sizeof name);
            memcpy(name, at, n);
            if (strchr(name, '.') && !config_value(config, name, &value))
                fail_msg("%s needs %s, which is no key", key, name);
            const char *space = strchr(at, ' ');
            at = space ? space + 1 : NULL;
        }
    }
    str_free(&value);
    config_free(config);
}

static void no_recipe_sets_what_cannot_act(void **state) {
    (void)state;
    const char *const name[] = {"zero-desk", "rl-smollm2-gsm8k", "rl-smollm2-words",
                                "sft-smollm2-gsm8k"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        const Recipe *r = recipe_find(name[i]);
        const char *why = check(NULL, r->text, NULL);
        if (*why) fail_msg("%s: %s", name[i], why);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setting_without_its_partner_is_an_error_that_names_it),
        cmocka_unit_test(what_switches_off_is_always_accepted),
        cmocka_unit_test(a_file_is_named_with_its_line),
        cmocka_unit_test(a_key_of_another_command_is_refused_where_it_was_typed),
        cmocka_unit_test(every_row_and_every_condition_names_keys_that_are_there),
        cmocka_unit_test(no_recipe_sets_what_cannot_act),
    };
    return cmocka_run_group_tests_name("pipelines/needs", tests, NULL, NULL);
}
