// base/config_key.h -- one option of a table: its name, type, place, default and range.
//
// Layer 1. The tables are read by base/config; one value of a key by base/setting.
#ifndef BASE_CONFIG_KEY_H
#define BASE_CONFIG_KEY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ConfigType {
    CONFIG_BOOL,   // bool
    CONFIG_INT,    // int64_t
    CONFIG_DOUBLE, // double
    CONFIG_TEXT,   // const char *, lives as long as the Config
    CONFIG_CHOICE, // int: index into `choices`
    CONFIG_LIST,   // ConfigList of numbers
    CONFIG_TEXTS,  // ConfigTexts
} ConfigType;

typedef struct ConfigList {
    const double *value;
    int n;
} ConfigList;

typedef struct ConfigTexts {
    const char *const *value;
    int n;
} ConfigTexts;

// One option. The whole key is SECTION.NAME, e.g. "rl.lr".
typedef struct ConfigKey {
    const char *name;
    ConfigType type;
    size_t offset;       // of the field in the section's struct
    const char *initial; // the default, as it would be typed
    double min, max;     // both included; min == max means any
    const char *choices; // "grpo|dapo|gspo" for CONFIG_CHOICE; "json" for a CONFIG_TEXT that a file
                         // may give as an object
    const char *help;    // one line, with the unit
    const char *alias;   // other trainers' names, for "did you mean": "epsilon clip_range"; or NULL
} ConfigKey;

#ifdef __cplusplus
}
#endif
#endif
