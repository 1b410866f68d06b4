// base/setting.c -- a switch over the types, once for each thing one does with a value.
#include "base/setting.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *setting_type(const ConfigKey *key) {
    switch (key->type) {
    case CONFIG_BOOL: return "true or false";
    case CONFIG_INT: return "a whole number";
    case CONFIG_DOUBLE: return "a number";
    case CONFIG_TEXT: return "a text";
    case CONFIG_CHOICE: return "one of a list";
    case CONFIG_LIST: return "a list of numbers";
    case CONFIG_TEXTS: return "a list of texts";
    }
    return "";
}

void setting_allowed(const ConfigKey *key, Str *out) {
    if (key->type == CONFIG_CHOICE) {
        str_puts(out, key->choices);
    } else if (key->min != key->max) {
        str_number(out, key->min);
        str_puts(out, " to ");
        str_number(out, key->max);
    }
}

static Status in_range(const ConfigKey *key, const char *name, const char *where, double value) {
    if (key->min == key->max || (value >= key->min && value <= key->max)) return ST_OK;
    Str shown = {0}, allowed = {0};
    str_number(&shown, value);
    setting_allowed(key, &allowed);
    Status st = FAIL(ST_CONFIG, "%s: %s is %s; allowed is %s", where, name, str_text(&shown),
                     str_text(&allowed));
    str_free(&shown);
    str_free(&allowed);
    return st;
}

static Status wrong_type(const ConfigKey *key, const char *name, const char *where,
                         const char *got) {
    return FAIL(ST_CONFIG, "%s: %s wants %s, not %s", where, name, setting_type(key), got);
}

// The index of `text` among "a|b|c", -1 if absent; *nearest is the closest one, in the arena.
static int find_choice(const char *choices, const char *text, char **nearest, Arena *arena) {
    int best = 4; // further away is no help
    *nearest = NULL;
    for (int index = 0;; index++) {
        size_t n = strcspn(choices, "|");
        char *choice = arena_printf(arena, "%.*s", (int)n, choices);
        if (strcmp(choice, text) == 0) return index;
        int distance = str_distance(choice, text);
        if (distance < best) best = distance, *nearest = choice;
        if (!choices[n]) return -1;
        choices += n + 1;
    }
}

static Status choose(const ConfigKey *key, const char *name, const char *where, const char *text,
                     Setting *out, Arena *arena) {
    char *nearest;
    int index = find_choice(key->choices, text, &nearest, arena);
    if (index < 0 && nearest)
        return FAIL(ST_CONFIG, "%s: %s is '%s'; did you mean '%s'? Allowed is %s", where, name,
                    text, nearest, key->choices);
    if (index < 0)
        return FAIL(ST_CONFIG, "%s: %s is '%s'; allowed is %s", where, name, text, key->choices);
    out->choice = index;
    return ST_OK;
}

static Status list_from_json(const ConfigKey *key, const char *name, const char *where,
                             const Json *node, Setting *out, Arena *arena) {
    bool texts = key->type == CONFIG_TEXTS;
    int n = json_count(node), i = 0;
    double *value = ARENA_ARRAY(arena, double, n);
    const char **text = ARENA_ARRAY(arena, const char *, n);
    for (const Json *e = json_first(node); e; e = json_next(e), i++) {
        if (json_kind(e) != (texts ? JSON_STRING : JSON_NUMBER))
            return FAIL(ST_CONFIG, "%s: %s wants %s, but number %d is %s", where, name,
                        setting_type(key), i + 1, json_kind_name(json_kind(e)));
        if (texts) {
            text[i] = arena_printf(arena, "%s", json_text(e, ""));
        } else {
            value[i] = json_num(e, 0);
            TRY(in_range(key, name, where, value[i]));
        }
    }
    if (texts)
        out->texts = (ConfigTexts){text, n};
    else
        out->list = (ConfigList){value, n};
    return ST_OK;
}

Status setting_from_json(const ConfigKey *key, const char *name, const char *where,
                         const Json *node, Setting *out, Arena *arena) {
    JsonKind kind = json_kind(node), want = JSON_NULL;
    switch (key->type) {
    case CONFIG_BOOL: want = JSON_BOOL; break;
    case CONFIG_INT:
    case CONFIG_DOUBLE: want = JSON_NUMBER; break;
    case CONFIG_TEXT:
    case CONFIG_CHOICE: want = JSON_STRING; break;
    case CONFIG_LIST:
    case CONFIG_TEXTS: want = JSON_ARRAY; break;
    }
    if (key->type == CONFIG_TEXT && key->choices && kind == JSON_OBJECT) { // a text that holds JSON
        Str text = {0};
        json_echo(node, &text);
        out->text = arena_printf(arena, "%s", str_text(&text));
        str_free(&text);
        return ST_OK;
    }
    if (kind != want) return wrong_type(key, name, where, json_kind_name(kind));
    switch (key->type) {
    case CONFIG_BOOL: out->flag = json_bool(node, false); return ST_OK;
    case CONFIG_INT: {
        double value = json_num(node, 0);
        if (value != nearbyint(value)) return wrong_type(key, name, where, "a fraction");
        TRY(in_range(key, name, where, value));
        if (fabs(value) >= 0x1p53)
            return FAIL(ST_CONFIG, "%s: %s is 2^53 or more; JSON keeps no such number exactly",
                        where, name);
        out->whole = (int64_t)value;
        return ST_OK;
    }
    case CONFIG_DOUBLE:
        TRY(in_range(key, name, where, json_num(node, 0)));
        out->number = json_num(node, 0);
        return ST_OK;
    case CONFIG_TEXT: out->text = arena_printf(arena, "%s", json_text(node, "")); return ST_OK;
    case CONFIG_CHOICE: return choose(key, name, where, json_text(node, ""), out, arena);
    case CONFIG_LIST:
    case CONFIG_TEXTS: return list_from_json(key, name, where, node, out, arena);
    }
    return ST_OK;
}

static bool read_number(const char *text, double *out) {
    char *end;
    if (!*text || text[strspn(text, "0123456789+-.eE")]) return false; // no "inf", "nan", "0x10"
    *out = strtod(text, &end);
    return *end == 0 && isfinite(*out);
}

static bool read_whole(const char *text, int64_t *out) {
    char *end;
    double value;
    errno = 0;
    long long whole = strtoll(text, &end, 10);
    if (*text && *end == 0 && errno == 0) {
        *out = whole;
        return true;
    }
    if (!read_number(text, &value) || value != nearbyint(value) || fabs(value) >= 0x1p53)
        return false; // but "1e6" is one
    *out = (int64_t)value;
    return true;
}

// "[...]" is JSON; otherwise the elements are separated by commas, without quotes.
static Status list_from_text(const ConfigKey *key, const char *name, const char *where,
                             const char *text, Setting *out, Arena *arena) {
    Str json = {0};
    if (*text == '[') {
        str_puts(&json, text);
    } else {
        str_putc(&json, '[');
        for (const char *p = text; *text;) {
            size_t n = strcspn(p, ",");
            if (key->type == CONFIG_TEXTS)
                str_json(&json, p, n);
            else
                str_add(&json, p, n);
            if (!p[n]) break;
            str_putc(&json, ',');
            p += n + 1;
        }
        str_putc(&json, ']');
    }
    JsonDoc *doc;
    Status st = json_parse(str_text(&json), json.size, where, 1, false, &doc);
    if (st == ST_OK) {
        st = setting_from_json(key, name, where, json_root(doc), out, arena);
        json_free(doc);
    } else {
        st = wrong_type(key, name, where, arena_printf(arena, "'%s'", text));
    }
    str_free(&json);
    return st;
}

static const char *const yes[] = {"true", "1", "yes", "on"};
static const char *const no[] = {"false", "0", "no", "off"};

Status setting_from_text(const ConfigKey *key, const char *name, const char *where,
                         const char *text, Setting *out, Arena *arena) {
    const char *quoted = arena_printf(arena, "'%s'", text);
    switch (key->type) {
    case CONFIG_BOOL:
        for (int k = 0; k < 4; k++) {
            bool is_yes = strcmp(text, yes[k]) == 0;
            if (!is_yes && strcmp(text, no[k]) != 0) continue;
            out->flag = is_yes;
            return ST_OK;
        }
        return wrong_type(key, name, where, quoted);
    case CONFIG_INT: {
        int64_t whole;
        if (!read_whole(text, &whole)) return wrong_type(key, name, where, quoted);
        TRY(in_range(key, name, where, (double)whole));
        out->whole = whole;
        return ST_OK;
    }
    case CONFIG_DOUBLE: {
        double value;
        if (!read_number(text, &value)) return wrong_type(key, name, where, quoted);
        TRY(in_range(key, name, where, value));
        out->number = value;
        return ST_OK;
    }
    case CONFIG_TEXT: out->text = arena_printf(arena, "%s", text); return ST_OK;
    case CONFIG_CHOICE: return choose(key, name, where, text, out, arena);
    case CONFIG_LIST:
    case CONFIG_TEXTS: return list_from_text(key, name, where, text, out, arena);
    }
    return ST_OK;
}

void setting_store(const ConfigKey *key, const Setting *value, void *target) {
    char *at = (char *)target + key->offset;
    switch (key->type) {
    case CONFIG_BOOL: memcpy(at, &value->flag, sizeof value->flag); break;
    case CONFIG_INT: memcpy(at, &value->whole, sizeof value->whole); break;
    case CONFIG_DOUBLE: memcpy(at, &value->number, sizeof value->number); break;
    case CONFIG_TEXT: memcpy(at, &value->text, sizeof value->text); break;
    case CONFIG_CHOICE: memcpy(at, &value->choice, sizeof value->choice); break;
    case CONFIG_LIST: memcpy(at, &value->list, sizeof value->list); break;
    case CONFIG_TEXTS: memcpy(at, &value->texts, sizeof value->texts); break;
    }
}

static void choice_json(const char *choices, int index, Str *out) {
    for (; index > 0; index--) choices += strcspn(choices, "|") + 1;
    str_json(out, choices, strcspn(choices, "|"));
}

void setting_json(const ConfigKey *key, const Setting *value, Str *out) {
    switch (key->type) {
    case CONFIG_BOOL: str_puts(out, value->flag ? "true" : "false"); break;
    case CONFIG_INT: str_printf(out, "%lld", (long long)value->whole); break;
    case CONFIG_DOUBLE: str_number(out, value->number); break;
    case CONFIG_TEXT: str_json(out, value->text, strlen(value->text)); break;
    case CONFIG_CHOICE: choice_json(key->choices, value->choice, out); break;
    case CONFIG_LIST:
        str_putc(out, '[');
        for (int i = 0; i < value->list.n; i++) {
            if (i) str_putc(out, ',');
            str_number(out, value->list.value[i]);
        }
        str_putc(out, ']');
        break;
    case CONFIG_TEXTS:
        str_putc(out, '[');
        for (int i = 0; i < value->texts.n; i++) {
            if (i) str_putc(out, ',');
            str_json(out, value->texts.value[i], strlen(value->texts.value[i]));
        }
        str_putc(out, ']');
        break;
    }
}
