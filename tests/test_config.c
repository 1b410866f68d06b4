// tests/test_config.c -- base/config: precedence, every kind of mistake, and what is shown.
#include "base/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/test.h"

typedef struct Rl {
    double lr, clip_low;
    int64_t steps;
    bool debug;
    int loss;
    ConfigList weights;
} Rl;

typedef struct Data {
    const char *path;
    ConfigTexts families;
    int64_t seed;
} Data;

static Rl rl;
static Data data;

static const ConfigKey rl_key[] = {
    {"lr", CONFIG_DOUBLE, offsetof(Rl, lr), "1e-6", 0, 1, NULL, "learning rate", "learning_rate"},
    {"clip_low", CONFIG_DOUBLE, offsetof(Rl, clip_low), "0.2", 0, 1, NULL, "clip range, below",
     "epsilon cliprange"},
    {"steps", CONFIG_INT, offsetof(Rl, steps), "100", 1, 1e9, NULL, "optimiser steps", NULL},
    {"debug", CONFIG_BOOL, offsetof(Rl, debug), "false", 0, 0, NULL, "say more", NULL},
    {"loss", CONFIG_CHOICE, offsetof(Rl, loss), "grpo", 0, 0, "grpo|dapo|gspo", "which loss", NULL},
    {"weights", CONFIG_LIST, offsetof(Rl, weights), "1,0.5", 0, 10, NULL, "of rewards", NULL},
};
static const ConfigKey data_key[] = {
    {"path", CONFIG_TEXT, offsetof(Data, path), "", 0, 0, NULL, "a file", NULL},
    {"families", CONFIG_TEXTS, offsetof(Data, families), "add,mul", 0, 0, NULL, "which", NULL},
    {"seed", CONFIG_INT, offsetof(Data, seed), "1", 0, 0, NULL, "of all draws", NULL},
};
static const ConfigSection section[] = {
    {"rl", "learning", rl_key, 6, &rl},
    {"data", "tasks", data_key, 3, &data},
};

static Config *open_config(void) {
    return config_new(section, 2);
}

static Status diff_text(const Config *config, const char *dump, const char *const *ignore,
                        Str *out) {
    JsonDoc *doc;
    if (json_parse(dump, strlen(dump), "saved config", 1, false, &doc) != ST_OK) return ST_CONFIG;
    Status st = config_diff(config, doc, json_root(doc), ignore, out);
    json_free(doc);
    return st;
}

static void defaults_are_what_the_table_says(void **state) {
    (void)state;
    Config *config = open_config();
    assert_ok(config_apply(config));
    assert_true(rl.lr == 1e-6);
    assert_int_equal(rl.steps, 100);
    assert_false(rl.debug);
    assert_int_equal(rl.loss, 0);
    assert_int_equal(rl.weights.n, 2);
    assert_true(rl.weights.value[1] == 0.5);
    assert_string_equal(data.path, "");
    assert_int_equal(data.families.n, 2);
    assert_string_equal(data.families.value[1], "mul");
    config_free(config);
    config_free(NULL);
}

static void later_sources_win_and_are_named(void **state) {
    (void)state;
    Config *config = open_config();
    assert_ok(config_load_text(config,
                               "{ // nested and dotted\n\"name\":\"x\", \"$schema\":\"y\",\n"
                               "\"rl\":{\"lr\":1e-4,\"steps\":5,\"loss\":\"dapo\"},"
                               "\"data.path\":\"f\"}",
                               "desk", "recipe"));
    assert_ok(config_load_text(config, "{\"rl.steps\":6,\"rl\":{\"debug\":true}}", "t", "file"));
    setenv("GRPO_RL_STEPS", "7", 1);
    setenv("GRPO_RL_DEBUG", "off", 1);
    assert_ok(config_load_env(config));
    unsetenv("GRPO_RL_STEPS");
    unsetenv("GRPO_RL_DEBUG");
    assert_ok(config_assign(config, "rl.steps=1e3"));
    assert_ok(config_assign(config, "data.families=[\"a,b\",\"c\"]"));
    assert_ok(config_assign(config, "rl.weights=3"));
    assert_ok(config_assign(config, "data.path=a=b"));
    assert_ok(config_apply(config));
    assert_true(rl.lr == 1e-4);
    assert_int_equal(rl.steps, 1000);
    assert_false(rl.debug);
    assert_int_equal(rl.loss, 1);
    assert_int_equal(rl.weights.n, 1);
    assert_string_equal(data.path, "a=b");
    assert_int_equal(data.families.n, 2);
    assert_string_equal(data.families.value[0], "a,b");
    Str s = {0};
    config_dump(config, &s);
    const char *want[] = {
        "\"rl.lr\":{\"value\":0.0001,\"origin\":\"recipe\"}",
        "\"rl.steps\":{\"value\":1000,\"origin\":\"command line\"}",
        "\"rl.debug\":{\"value\":false,\"origin\":\"environment\"}",
        "\"rl.loss\":{\"value\":\"dapo\",\"origin\":\"recipe\"}",
        "\"rl.clip_low\":{\"value\":0.2,\"origin\":\"default\"}",
        "\"data.families\":{\"value\":[\"a,b\",\"c\"],\"origin\":\"command line\"}",
    };
    for (size_t k = 0; k < sizeof want / sizeof *want; k++)
        if (!strstr(str_text(&s), want[k])) fail_msg("%s not in %s", want[k], str_text(&s));
    str_free(&s);
    config_free(config);
}

static void a_mistake_is_named_with_its_place_and_remedy(void **state) {
    (void)state;
    const struct {
        const char *text, *want;
    } row[] = {
        {"{\n\"rl\":{\n\"lrr\":1}}", "t.json:3: unknown key 'rl.lrr'; did you mean 'rl.lr'?"},
        {"{\"epsilon\":1}", "t.json:1: unknown key 'epsilon'; did you mean 'rl.clip_low'?"},
        {"{\"rl\":{\"epsilon\":1}}", "unknown key 'rl.epsilon'; did you mean 'rl.clip_low'?"},
        {"{\"data.lr\":1}", "unknown key 'data.lr'; did you mean 'rl.lr'?"},
        {"{\"step\":1}", "unknown key 'step'; did you mean 'rl.steps'?"},
        {"{\"zzzzzz\":1}", "unknown key 'zzzzzz'; the sections are rl, data"},
        {"{\"rll\":{}}", "t.json:1: unknown section 'rll'; did you mean 'rl'?"},
        {"{\"zzzzzz\":{\"a\":1}}", "unknown section 'zzzzzz'; the sections are rl, data"},
        {"{\"rl\":1}", "t.json:1: unknown key 'rl'"},
        {"{\"rl.lr\":2}", "t.json:1: rl.lr is 2; allowed is 0 to 1"},
        {"{\"rl.lr\":\"x\"}", "rl.lr wants a number, not a string"},
        {"{\"rl.lr\":null}", "rl.lr wants a number, not null"},
        {"{\"rl.lr\":{\"a\":1}}", "rl.lr wants a number, not an object"},
        {"{\"rl.steps\":1.5}", "rl.steps wants a whole number, not a fraction"},
        {"{\"rl.steps\":0}", "rl.steps is 0; allowed is 1 to 1000000000"},
        {"{\"data.seed\":9007199254740993}", "2^53"},
        {"{\"rl.debug\":1}", "rl.debug wants true or false, not a number"},
        {"{\"rl.loss\":\"gprpo\"}", "rl.loss is 'gprpo'; did you mean 'grpo'? Allowed is grpo|"},
        {"{\"rl.loss\":\"reinforce\"}", "rl.loss is 'reinforce'; allowed is grpo|dapo|gspo"},
        {"{\"rl.weights\":[1,\"x\"]}", "but number 2 is a string"},
        {"{\"rl.weights\":[1,11]}", "rl.weights is 11; allowed is 0 to 10"},
        {"{\"rl.weights\":1}", "rl.weights wants a list of numbers, not a number"},
        {"{\"data.families\":[1]}", "number 1 is a number"},
        {"{\"rl.lr\":1,\n\"rl\":{\"lr\":1}}", "t.json:2: rl.lr was already given in line 1"},
        {"{\"rl.lr\":1,\n\"rl.lr\":1}", "t.json:2: the key 'rl.lr' was already given in line 1"},
        {"[]", "t.json:1: a config is an object {...}, not an array"},
        {"{\"rl.lr\":1", "t.json:1: ',' or '}' was expected"},
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        Config *config = open_config();
        Status st = config_load_text(config, row[k].text, "t.json", "file");
        if (st != ST_CONFIG || !strstr(status_text(), row[k].want))
            fail_msg("%s: %s: %s", row[k].text, status_name(st), status_text());
        config_free(config);
    }
    Config *config = open_config();
    assert_int_equal(config_load(config, "no/such.json", "file"), ST_CONFIG);
    assert_non_null(strstr(status_text(), "no/such.json: cannot open"));
    config_free(config);
}

static void a_wrong_word_on_the_command_line_is_refused(void **state) {
    (void)state;
    const struct {
        const char *text, *want;
    } row[] = {
        {"rl.lr", "'rl.lr' is not key=value"},
        {"=1", "is not key=value"},
        {"rl.lrr=1", "command line: unknown key 'rl.lrr'; did you mean 'rl.lr'?"},
        {"rl.lr=", "rl.lr wants a number, not ''"},
        {"rl.lr=nan", "rl.lr wants a number, not 'nan'"},
        {"rl.lr=0x1", "rl.lr wants a number, not '0x1'"},
        {"rl.lr=1e-4x", "rl.lr wants a number"},
        {"rl.lr=-1", "rl.lr is -1; allowed is 0 to 1"},
        {"rl.steps=1.5", "rl.steps wants a whole number, not '1.5'"},
        {"rl.debug=maybe", "rl.debug wants true or false, not 'maybe'"},
        {"rl.weights=1,,2", "rl.weights wants a list of numbers, not '1,,2'"},
        {"rl.weights=[1", "rl.weights wants a list of numbers"},
        {"rl.weights=1],[2", "rl.weights wants a list of numbers"},
    };
    Config *config = open_config();
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        Status st = config_assign(config, row[k].text);
        if (st != ST_CONFIG || !strstr(status_text(), row[k].want))
            fail_msg("%s: %s: %s", row[k].text, status_name(st), status_text());
    }
    assert_ok(config_assign(config, "data.seed=9223372036854775807"));
    assert_ok(config_assign(config, "rl.weights="));
    assert_ok(config_apply(config));
    assert_int_equal(data.seed, INT64_MAX);
    assert_int_equal(rl.weights.n, 0);
    setenv("GRPO_RL_LR", "fast", 1);
    assert_int_equal(config_load_env(config), ST_CONFIG);
    assert_non_null(strstr(status_text(), "environment: GRPO_RL_LR: rl.lr wants a number"));
    unsetenv("GRPO_RL_LR");
    config_free(config);
}

static void a_plain_dump_reads_back_the_same(void **state) {
    (void)state;
    Config *a = open_config(), *b = open_config();
    assert_ok(config_assign(a, "rl.lr=0.1"));
    assert_ok(config_assign(a, "rl.loss=gspo"));
    assert_ok(config_assign(a, "data.path=x \"y\""));
    Str plain = {0}, dump = {0}, diff = {0};
    config_dump_plain(a, &plain);
    assert_ok(config_load_text(b, str_text(&plain), "dump", "file"));
    config_dump(a, &dump);
    assert_ok(diff_text(b, str_text(&dump), NULL, &diff));
    assert_string_equal(str_text(&diff), "");
    str_free(&plain), str_free(&dump), str_free(&diff);
    config_free(a), config_free(b);
}

static void a_difference_is_listed_and_may_be_ignored(void **state) {
    (void)state;
    Config *config = open_config();
    assert_ok(config_assign(config, "rl.lr=0.25"));
    assert_ok(config_assign(config, "rl.steps=7"));
    const char *old = "{\"rl.lr\":{\"value\":0.5,\"origin\":\"file\"},\"rl.loss\":{\"value\":3},"
                      "\"rl.gone\":{\"value\":1},\"data.seed\":{\"value\":1}}";
    const char *ignore[] = {"rl.steps", NULL};
    Str diff = {0};
    assert_ok(diff_text(config, old, ignore, &diff));
    assert_string_equal(str_text(&diff), "rl.lr: 0.5 -> 0.25\n"
                                         "rl.loss: (not readable) -> \"grpo\"\n"
                                         "rl.gone: no longer a key\n");
    str_clear(&diff);
    assert_ok(diff_text(config, "{}", NULL, &diff));
    assert_string_equal(str_text(&diff), "rl.lr: 1e-06 -> 0.25\nrl.steps: 100 -> 7\n");
    assert_int_equal(diff_text(config, "[", NULL, &diff), ST_CONFIG);
    assert_int_equal(diff_text(config, "[]", NULL, &diff), ST_CONFIG);
    str_free(&diff);
    config_free(config);
}

static void the_table_is_shown_whole(void **state) {
    (void)state;
    Config *config = open_config();
    assert_ok(config_assign(config, "rl.steps=7")); // defaults are shown, not values
    Str help = {0}, schema = {0}, page = {0};
    config_help(config, NULL, &help);
    config_schema(config, &schema);
    config_markdown(config, &page);
    assert_non_null(strstr(str_text(&help), "rl -- learning\n  rl.lr=1e-06"));
    assert_non_null(strstr(str_text(&help), "learning rate [0 to 1]\n"));
    assert_non_null(strstr(str_text(&help), "which loss [grpo|dapo|gspo]\n"));
    assert_non_null(strstr(str_text(&help), "data -- tasks\n"));
    assert_non_null(strstr(str_text(&page), "| `rl.steps` | `100` | 1 to 1000000000 |"));
    assert_non_null(strstr(str_text(&page), "grpo\\|dapo\\|gspo"));
    str_clear(&help);
    config_help(config, "data", &help);
    assert_null(strstr(str_text(&help), "rl.lr"));
    JsonDoc *doc;
    assert_ok(json_parse(str_text(&schema), schema.size, "schema", 1, false, &doc));
    const Json *all = json_get(json_root(doc), "properties");
    const Json *keys = json_get(json_get(all, "rl"), "properties");
    assert_int_equal(json_count(keys), 6);
    assert_int_equal(json_count(all), 2 + 2 + 9);
    assert_true(json_num(json_get(json_get(keys, "lr"), "maximum"), 0) == 1);
    assert_int_equal(json_int(json_get(json_get(keys, "steps"), "default"), 0), 100);
    assert_int_equal(json_count(json_get(json_get(keys, "loss"), "enum")), 3);
    assert_string_equal(json_text(json_get(json_get(all, "rl.lr"), "$ref"), ""),
                        "#/properties/rl/properties/lr");
    json_free(doc);
    str_free(&help), str_free(&schema), str_free(&page);
    config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_what_the_table_says),
        cmocka_unit_test(later_sources_win_and_are_named),
        cmocka_unit_test(a_mistake_is_named_with_its_place_and_remedy),
        cmocka_unit_test(a_wrong_word_on_the_command_line_is_refused),
        cmocka_unit_test(a_plain_dump_reads_back_the_same),
        cmocka_unit_test(a_difference_is_listed_and_may_be_ignored),
        cmocka_unit_test(the_table_is_shown_whole),
    };
    return cmocka_run_group_tests_name("base/config", tests, NULL, NULL);
}
