// base/setting.h -- one value of one config key: read, checked, shown, stored.
//
// Layer 1, used by base/config. `where` begins every message: "train.json:12", "command line".
// Fails with ST_CONFIG only; *out is then unchanged. Texts and lists live in the arena.
#ifndef BASE_SETTING_H
#define BASE_SETTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/config_key.h"
#include "base/json.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

// The key's type selects the field.
typedef struct Setting {
    bool flag;
    int choice;
    int64_t whole;
    double number;
    const char *text;
    ConfigList list;
    ConfigTexts texts;
} Setting;

// `name` is the whole key, "rl.lr".
MUST_USE Status setting_from_json(const ConfigKey *key, const char *name, const char *where,
                                  const Json *node, Setting *out, Arena *arena);
MUST_USE Status setting_from_text(const ConfigKey *key, const char *name, const char *where,
                                  const char *text, Setting *out, Arena *arena);

void setting_store(const ConfigKey *key, const Setting *value, void *target);
void setting_json(const ConfigKey *key, const Setting *value, Str *out);
// "0 to 1", "grpo|dapo", or nothing where any value is allowed.
void setting_allowed(const ConfigKey *key, Str *out);
const char *setting_type(const ConfigKey *key); // "a number"

#ifdef __cplusplus
}
#endif
#endif
