// tests/fuzz_config.c -- base/config: any file, any assignment, and what it shows reads back.
#include "base/config.h"

#include <stdlib.h>
#include <string.h>

typedef struct Target {
    bool flag;
    int64_t whole;
    double number;
    const char *text;
    int choice;
    ConfigList list;
    ConfigTexts texts;
} Target;

static Target target;
static const ConfigKey key[] = {
    {"b", CONFIG_BOOL, offsetof(Target, flag), "1", 0, 0, NULL, "", NULL},
    {"i", CONFIG_INT, offsetof(Target, whole), "1", -5, 1e6, NULL, "", "whole int"},
    {"d", CONFIG_DOUBLE, offsetof(Target, number), "1", 0, 0, NULL, "", NULL},
    {"t", CONFIG_TEXT, offsetof(Target, text), "x", 0, 0, NULL, "", NULL},
    {"c", CONFIG_CHOICE, offsetof(Target, choice), "a", 0, 0, "a|bb|c", "", NULL},
    {"l", CONFIG_LIST, offsetof(Target, list), "1,2", 0, 9, NULL, "", NULL},
    {"s", CONFIG_TEXTS, offsetof(Target, texts), "", 0, 0, NULL, "", NULL},
};
static const ConfigSection section = {"x", "", key, 7, &target};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 2048) return 0;
    char *text = strndup((const char *)data, size);
    Config *config = config_new(&section, 1), *again = config_new(&section, 1);
    Status st = data[0] == '{' ? config_load_text(config, text, "fuzz", "file")
                               : config_assign(config, text);
    if (st == ST_OK) {
        Status applied = config_apply(config);
        CHECK(applied == ST_OK);
        Str plain = {0}, dump = {0}, diff = {0};
        config_dump_plain(config, &plain);
        config_dump(config, &dump);
        // A text of the command line may be no UTF-8; it is shown with U+FFFD and then differs.
        bool same = str_is_utf8(text, strlen(text), NULL);
        CHECK(config_load_text(again, str_text(&plain), "dump", "file") == ST_OK);
        JsonDoc *doc;
        CHECK(json_parse(str_text(&dump), dump.size, "dump", 1, false, &doc) == ST_OK);
        CHECK(config_diff(again, doc, json_root(doc), NULL, &diff) == ST_OK);
        json_free(doc);
        CHECK(!same || diff.size == 0);
        str_free(&plain), str_free(&dump), str_free(&diff);
    } else {
        CHECK(st == ST_CONFIG && *status_text());
    }
    config_free(config), config_free(again);
    free(text);
    return 0;
}
