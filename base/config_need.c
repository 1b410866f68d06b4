// base/config_need.c -- reads the conditions and looks the values up.
#include "base/config_need.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

// What is known about the command while a condition is read.
typedef struct Scope {
    const Config *config;
    const char *command; // NULL: comparisons with it are true
} Scope;

// A piece of a condition.
typedef struct NeedPart {
    const char *text;
    size_t size;
} NeedPart;

// Cuts off the text before the next `word`; false at the end.
static bool next_piece(const char **rest, const char *word, NeedPart *out) {
    if (!*rest) return false;
    const char *at = strstr(*rest, word);
    *out = (NeedPart){*rest, at ? (size_t)(at - *rest) : strlen(*rest)};
    *rest = at ? at + strlen(word) : NULL;
    return true;
}

static bool is_text(const char *value, NeedPart want) {
    if (want.size == 2 && memcmp(want.text, "\"\"", 2) == 0) want.size = 0;
    return strlen(value) == want.size && memcmp(value, want.text, want.size) == 0;
}

// Is the value one of "a|b|c"?
static bool is_one_of(const char *value, NeedPart list) {
    while (true) {
        const char *bar = memchr(list.text, '|', list.size);
        NeedPart one = {list.text, bar ? (size_t)(bar - list.text) : list.size};
        if (is_text(value, one)) return true;
        if (!bar) return false;
        list.size -= one.size + 1;
        list.text = bar + 1;
    }
}

static bool compare(const Scope *scope, NeedPart p) {
    static const char operators[] = "!=>~";
    char name[64];
    size_t n = 0;
    while (n < p.size && !strchr(operators, p.text[n])) n++;
    CHECK(n > 0 && n < p.size && n < sizeof name);
    memcpy(name, p.text, n);
    name[n] = 0;
    char op = p.text[n];
    size_t skip = op == '!' ? 2 : 1;
    NeedPart want = {p.text + n + skip, p.size - n - skip};
    Str value = {0};
    bool is = true;
    if (strcmp(name, "command") == 0) {
        if (!scope->command) return true;
        str_puts(&value, scope->command);
    } else if (!config_value(scope->config, name, &value)) {
        return true;
    }
    switch (op) {
    case '=': is = is_one_of(str_text(&value), want); break;
    case '!': is = !is_one_of(str_text(&value), want); break;
    case '>': is = strtod(str_text(&value), NULL) > strtod(want.text, NULL); break;
    default: is = memmem(str_text(&value), value.size, want.text, want.size) != NULL; break;
    }
    str_free(&value);
    return is;
}

// One side of an "or", as a text of its own.
static void cut_side(NeedPart side, char text[256]) {
    CHECK(side.size < 256);
    memcpy(text, side.text, side.size);
    text[side.size] = 0;
}

static bool is_command(NeedPart part) {
    return part.size > 7 && memcmp(part.text, "command", 7) == 0;
}

// Do the comparisons with the command hold on this side?
static bool side_is_of(const Scope *scope, const char *side) {
    bool all = true;
    for (NeedPart part; next_piece(&side, " and ", &part);)
        all = all && (!is_command(part) || compare(scope, part));
    return all;
}

static bool holds(const Scope *scope, const char *condition) {
    char text[256];
    for (NeedPart side; next_piece(&condition, " or ", &side);) {
        cut_side(side, text);
        const char *parts = text;
        bool all = true;
        for (NeedPart part; next_piece(&parts, " and ", &part);) all = all && compare(scope, part);
        if (all) return true;
    }
    return false;
}

// Is there a side on which this command uses the key?
static bool used_by(const Scope *scope, const char *condition) {
    char text[256];
    for (NeedPart side; next_piece(&condition, " or ", &side);) {
        cut_side(side, text);
        if (side_is_of(scope, text)) return true;
    }
    return false;
}

// "rl.kl!=off" as words: "rl.kl other than off".
static void in_words(NeedPart p, Str *out) {
    size_t n = 0;
    while (n < p.size && !strchr("!=>~", p.text[n])) n++;
    size_t skip = p.text[n] == '!' ? 2 : 1;
    NeedPart want = {p.text + n + skip, p.size - n - skip};
    bool empty = want.size == 2 && memcmp(want.text, "\"\"", 2) == 0;
    str_add(out, p.text, n);
    switch (p.text[n]) {
    case '!': str_puts(out, empty ? " to be set" : " other than "); break;
    case '>': str_puts(out, " above "); break;
    case '~': str_puts(out, " with "); break;
    default: str_puts(out, empty ? " to be empty" : "="); break;
    }
    if (!empty) str_add(out, want.text, want.size);
}

// The sides of this command in words, without the command.
static void sides_in_words(const Scope *scope, const char *condition, Str *out) {
    char text[256];
    for (NeedPart side; next_piece(&condition, " or ", &side);) {
        cut_side(side, text);
        if (!side_is_of(scope, text)) continue;
        const char *parts = text;
        size_t before = out->size;
        for (NeedPart part; next_piece(&parts, " and ", &part);) {
            if (is_command(part)) continue;
            if (out->size > before)
                str_puts(out, " and ");
            else if (before > 0)
                str_puts(out, ", or ");
            in_words(part, out);
        }
    }
}

// ", and rl.kl is off" for each key of the condition.
static void add_present(const Config *config, const char *condition, Str *out) {
    Str value = {0}, said = {0};
    for (const char *at = condition; *at;) {
        size_t n = strcspn(at, "!=>~ ");
        char name[64] = "";
        if (n < sizeof name) memcpy(name, at, n), name[n] = 0;
        str_clear(&value);
        if (strchr(name, '.') && !strstr(str_text(&said), name) &&
            config_value(config, name, &value)) {
            str_printf(out, "%s%s is %s", said.size ? ", " : "; ", name,
                       value.size ? str_text(&value) : "empty");
            str_printf(&said, "%s ", name);
        }
        const char *space = strchr(at, ' ');
        at = space ? space + 1 : at + strlen(at);
    }
    str_free(&value);
    str_free(&said);
}

static Status cannot_act(const Scope *scope, const ConfigEntry *e, const char *needs) {
    Str text = {0}, value = {0}, present = {0};
    sides_in_words(scope, needs, &text);
    config_value(scope->config, e->name, &value);
    add_present(scope->config, needs, &present);
    Status st = FAIL(ST_CONFIG, "%s: %s=%s cannot act here: it needs %s%s", e->where, e->name,
                     str_text(&value), str_text(&text), str_text(&present));
    str_free(&text);
    str_free(&value);
    str_free(&present);
    return st;
}

// Files and variables may serve several commands: there it is a warning, once for each section.
static void warn_once(const ConfigEntry *e, const char *command, Str *warned) {
    char section[64];
    snprintf(section, sizeof section, "%.*s ", (int)strcspn(e->name, "."), e->name);
    if (strstr(str_text(warned), section)) return;
    str_puts(warned, section);
    log_warn("%s: 'grpo %s' does not use %s here", e->where, command, e->name);
}

// Did a person ask for this value, and for something that acts?
static bool was_asked(const ConfigEntry *e) {
    if (strcmp(e->origin, "default") == 0 || strcmp(e->origin, "recipe") == 0) return false;
    if (e->is_off) return false;
    return strcmp(e->origin, "file") != 0 || !e->is_default;
}

static bool is_section_row(const Config *config, const ConfigEntry *e, const char *needs) {
    char row[64];
    snprintf(row, sizeof row, "%.*s.*", (int)strcspn(e->name, "."), e->name);
    return config_need_of(config, row) == needs;
}

bool config_acts(const Config *config, const char *key, const char *command) {
    const Scope scope = {config, command};
    const char *needs = config_need_of(config, key);
    return !needs || holds(&scope, needs);
}

Status config_check_needs(const Config *config, const char *command) {
    const Scope scope = {config, command};
    Str warned = {0};
    Status st = ST_OK;
    for (int i = 0; i < config_count(config) && st == ST_OK; i++) {
        ConfigEntry e = config_entry(config, i);
        const char *needs = config_need_of(config, e.name);
        if (!needs || !was_asked(&e) || holds(&scope, needs)) continue;
        bool used = used_by(&scope, needs), typed = strcmp(e.origin, "command line") == 0;
        if (!typed && command && (!used || is_section_row(config, &e, needs)))
            warn_once(&e, command, &warned);
        else if (used)
            st = cannot_act(&scope, &e, needs);
        else
            st = FAIL(ST_CONFIG, "%s: 'grpo %s' does not use %s", e.where, command, e.name);
    }
    str_free(&warned);
    return st;
}
