// sandbox/record.c -- the words of a record, and giving its memory back.
#include <string.h>

#include "sandbox/cage.h"

typedef struct LangWord {
    const char *word;
    CageLang lang;
} LangWord;

// The first word of a language is its name.
static const LangWord langs[] = {
    {"python", CAGE_PYTHON}, {"c", CAGE_C},       {"cpp", CAGE_CPP},        {"sh", CAGE_SH},
    {"js", CAGE_JS},         {"py", CAGE_PYTHON}, {"python3", CAGE_PYTHON}, {"c++", CAGE_CPP},
    {"cc", CAGE_CPP},        {"bash", CAGE_SH},   {"shell", CAGE_SH},       {"javascript", CAGE_JS},
    {"node", CAGE_JS},
};

const char *cage_lang_name(CageLang lang) {
    for (size_t i = 0; i < sizeof langs / sizeof langs[0]; i++)
        if (langs[i].lang == lang) return langs[i].word;
    return "?";
}

bool cage_lang_find(const char *name, CageLang *out) {
    for (size_t i = 0; i < sizeof langs / sizeof langs[0]; i++)
        if (strcmp(langs[i].word, name) == 0) {
            *out = langs[i].lang;
            return true;
        }
    return false;
}

const char *cage_verdict_name(CageVerdict verdict) {
    static const char *const name[CAGE_N_VERDICTS] = {
        [CAGE_SANDBOX_ERROR] = "sandbox_error",
        [CAGE_SECURITY_VIOLATION] = "security_violation",
        [CAGE_OUTPUT_LIMIT] = "output_limit",
        [CAGE_MEMORY_LIMIT] = "memory_limit",
        [CAGE_TIME_LIMIT] = "time_limit",
        [CAGE_RUNTIME_ERROR] = "runtime_error",
        [CAGE_OK] = "ok",
    };
    return (unsigned)verdict < CAGE_N_VERDICTS ? name[verdict] : "sandbox_error";
}

Status cage_allow_find(const char *name, unsigned *layers) {
    *layers = 0;
    if (strcmp(name, "ns") == 0)
        *layers = CAGE_NAMESPACES;
    else if (*name)
        return FAIL(ST_CONFIG,
                    "the sandbox may miss 'ns' (user, pid, mount and all other namespaces), and "
                    "nothing else; not '%s'",
                    name);
    return ST_OK;
}

const char *cage_layer_name(int bit_index) {
    static const char *const name[CAGE_N_LAYERS] = {
        "userns", "mntns",  "pidns", "ipcns",   "utsns",  "netns",    "uid",
        "runns",  "caps",   "nnp",   "rlimits", "cgroup", "landlock", "seccomp",
        "clock",  "output", "scope", "ownpid",  "reap",   "wipe",
    };
    return bit_index >= 0 && bit_index < CAGE_N_LAYERS ? name[bit_index] : "?";
}

void cage_record_free(CageRecord *record) {
    str_free(&record->out);
    str_free(&record->err);
    memset(record, 0, sizeof *record);
}
