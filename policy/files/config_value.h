// policy/files/config_value.h -- values of a config.json; errors name file, line and key.
//
// Private to policy/files: what the readers of the families share, and how values are written.
#ifndef POLICY_FILES_CONFIG_VALUE_H
#define POLICY_FILES_CONFIG_VALUE_H

#include <stddef.h>

#include "base/json.h"
#include "base/status.h"
#include "base/str.h"
#include "policy/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ConfigReader {
    const JsonDoc *doc;
    const Json *root;
    ModelConfig *model;
} ConfigReader;

// How a key that is absent or null is taken.
typedef enum Need { REQUIRED, MOE_REQUIRED, OPTIONAL } Need;

typedef struct ConfigInt {
    const char *name;
    size_t offset; // of an int in ModelConfig
    int low, initial;
    Need need;
} ConfigInt;
#define CONFIG_INT(name, field, low, need, initial)                                                \
    { name, offsetof(ModelConfig, field), low, initial, need }

// ST_FORMAT: FILE:LINE: "key" and what is wrong with it.
Status config_bad(const ConfigReader *r, const Json *node, const char *key, const char *what);
// ST_UNSUPPORTED likewise.
Status config_unbuilt(const ConfigReader *r, const Json *node, const char *what);
const Json *config_get(const Json *object, const char *key); // null counts as absent
MUST_USE Status config_ints(const ConfigReader *r, const ConfigInt *key, size_t n);
MUST_USE Status config_num(const ConfigReader *r, const Json *object, const char *key,
                           double initial, double *out);
MUST_USE Status config_flag(const ConfigReader *r, const char *key, bool initial, bool *out);
// The index of the key's text among the choices (a list ended by NULL), `initial` if absent.
MUST_USE Status config_choice(const ConfigReader *r, const Json *object, const char *key,
                              const char *const *choice, int initial, int *out);
// A token id, or the first of a list; -1 if absent.
MUST_USE Status config_id(const ConfigReader *r, const char *key, int32_t *out);
// rope_theta, rope_scaling or rope_parameters.
MUST_USE Status config_rope(const ConfigReader *r);

// Each appends a line of a JSON object: two blanks, key, value, comma. A number is written with a
// point or an exponent: transformers refuses 1 where it wants 1.0.
void config_put_num(Str *out, const char *key, double value);
void config_put_int(Str *out, const char *key, int value);
void config_put_id(Str *out, const char *key, int32_t id);
void config_put_flag(Str *out, const char *key, bool value);
void config_put_text(Str *out, const char *key, const char *value);
void config_float(Str *out, double value); // the value alone
void config_put_rope(const RopeConfig *rope, Str *out);

#ifdef __cplusplus
}
#endif
#endif
