// base/config.h -- one table of options gives parsing, help, schema and the dump with origins.
//
// Layer 1. A module describes its options as rows {name, type, offset in the module's struct,
// default, range, help}. A Config collects the tables of several modules. Precedence of the values:
// default < recipe < file < environment (GRPO_RL_LR) < command line (rl.lr=1e-4).
// An unknown key, a wrong type or range is ST_CONFIG; the sentence names file, line, the nearest
// known key and the allowed range.
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config_key.h"
#include "base/json.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ConfigSection {
    const char *name; // "rl"
    const char *help;
    const ConfigKey *key;
    int n_keys;
    void *target; // the struct that offsets point into; written by config_apply
} ConfigSection;

typedef struct Config Config;

// `sections` is borrowed for the life of the Config. Every key starts at its default.
Config *config_new(const ConfigSection *sections, int n_sections);
void config_free(Config *config); // NULL is fine
const ConfigSection *config_sections(const Config *config, int *n);

// A key acts only under a condition over other keys; config_need.h has its form and checks it.
typedef struct ConfigNeed {
    const char *key;   // "rl.kl_coef", or "sft.*" for the keys of a section that have no row
    const char *needs; // a condition; NULL: nothing
} ConfigNeed;
// `need` is borrowed for the life of the Config. Help, schema and Markdown show it too.
void config_set_needs(Config *config, const ConfigNeed *need, int n_needs);
// The condition of a key, "rl.kl!=off"; NULL: none.
const char *config_need_of(const Config *config, const char *key);

// A JSON file or text with // comments, nested ({"rl":{"lr":1e-4}}) or dotted ({"rl.lr":1e-4}).
// The top-level keys "$schema" and "name" are passed over. `origin` is "recipe", "file", ...
// All of these leave with ST_CONFIG, also for a file that cannot be read or is not JSON; values
// read before the mistake stay.
MUST_USE Status config_load(Config *config, const char *path, const char *origin);
MUST_USE Status config_load_text(Config *config, const char *text, const char *name,
                                 const char *origin);
// An object inside a document, as if it were a file of its own; `prefix` is "" or a section.
MUST_USE Status config_load_node(Config *config, const JsonDoc *doc, const Json *object,
                                 const char *prefix, const char *origin);
// GRPO_<SECTION>_<KEY> for every known key; a variable GRPO_<SECTION>_* that is none is warned of.
MUST_USE Status config_load_env(Config *config);
// "rl.lr=1e-4". Text values need no quotes; lists are [1,2] or 1,2.
MUST_USE Status config_assign(Config *config, const char *assignment);
// Another default than the table's, as it would be typed; a value that was set stays.
MUST_USE Status config_default(Config *config, const char *name, const char *text);
// Sets a value that follows from others; `origin` says from which.
MUST_USE Status config_override(Config *config, const char *name, const char *text,
                                const char *origin);
// Did a person set this key: in a file, by a variable or on the command line?
bool config_was_asked(const Config *config, const char *name);
// Writes every value into its section's struct. Strings and lists live in the Config.
MUST_USE Status config_apply(Config *config);

// {"rl.lr":{"value":0.0001,"origin":"command line"}, ...}, in table order.
void config_dump(const Config *config, Str *out);
// The plain nested form, which config_load reads back.
void config_dump_plain(const Config *config, Str *out);
void config_schema(const Config *config, Str *out);                    // JSON Schema draft 2020-12
void config_help(const Config *config, const char *section, Str *out); // NULL: all sections
void config_markdown(const Config *config, Str *out);
// The present value of one key. Texts live as long as the Config.
typedef struct ConfigEntry {
    const char *name;   // "rl.lr"
    const char *origin; // "default", "recipe", "file", "environment", "command line"
    const char *where;  // "train.json:12", "command line", ...; opens a sentence about it
    bool is_default;    // it has its default, whoever said so
    bool is_off;        // it is 0, false, "" or an empty list
} ConfigEntry;
int config_count(const Config *config);
ConfigEntry config_entry(const Config *config, int i); // 0 <= i < config_count
// Adds the value as it would be typed on a command line; false: there is no such key.
bool config_value(const Config *config, const char *name, Str *out);

// What is not the default, one a line "rl.lr=0.0001 (file)".
void config_given(const Config *config, Str *out);
// Keys whose values differ from a dump as config_dump wrote it (in a document such as run.json),
// one a line "rl.lr: 1e-4 -> 2e-4". Keys listed in `ignore` (NULL-terminated, may be NULL; "eval.*"
// is all keys of a section) are passed over.
MUST_USE Status config_diff(const Config *config, const JsonDoc *doc, const Json *dump,
                            const char *const *ignore, Str *out);

#ifdef __cplusplus
}
#endif
#endif
