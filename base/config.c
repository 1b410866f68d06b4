// base/config.c -- rows of all sections in one list; a load writes values and where they came from.
#include "base/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/setting.h"

typedef struct ConfigRow {
    const ConfigSection *section;
    const ConfigKey *key;
    const char *name; // "rl.lr"
    Setting value, initial;
    const char *origin, *where; // where: "train.json:12"
    int load, line;             // the last load that wrote it, and its line
} ConfigRow;

struct Config {
    const ConfigSection *section;
    int n_sections;
    ConfigRow *row;
    int n_rows;
    int load; // counts files, to see a key given twice in one
    const ConfigNeed *need;
    int n_needs;
    Arena *arena;
};

Config *config_new(const ConfigSection *sections, int n_sections) {
    Arena *arena = arena_new(1 << 16);
    Config *config = ARENA_ARRAY(arena, Config, 1);
    *config = (Config){.section = sections, .n_sections = n_sections, .arena = arena};
    int n = 0;
    for (int s = 0; s < n_sections; s++) n += sections[s].n_keys;
    config->row = ARENA_ARRAY(arena, ConfigRow, n);
    for (int s = 0; s < n_sections; s++) {
        for (int k = 0; k < sections[s].n_keys; k++) {
            ConfigRow *row = &config->row[config->n_rows++];
            const ConfigKey *key = &sections[s].key[k];
            *row = (ConfigRow){
                .section = &sections[s], .key = key, .origin = "default", .where = "default"};
            row->name = arena_printf(arena, "%s.%s", sections[s].name, key->name);
            if (setting_from_text(key, row->name, "default", key->initial, &row->initial, arena) !=
                ST_OK) {
                fprintf(stderr, "grpo: bug: %s\n", status_text());
                abort();
            }
            row->value = row->initial;
        }
    }
    return config;
}

void config_free(Config *config) {
    if (config) arena_free(config->arena);
}

const ConfigSection *config_sections(const Config *config, int *n) {
    *n = config->n_sections;
    return config->section;
}

static ConfigRow *find(const Config *config, const char *name) {
    for (int i = 0; i < config->n_rows; i++)
        if (strcmp(config->row[i].name, name) == 0) return &config->row[i];
    return NULL;
}

// Is `word` one of the space-separated `words`?
static bool has_word(const char *words, const char *word) {
    for (size_t n; words && *words; words += n + (words[n] == ' ')) {
        n = strcspn(words, " ");
        if (strlen(word) == n && strncmp(words, word, n) == 0) return true;
    }
    return false;
}

// What the person may have meant: another trainer's word, the name in another section, or the
// nearest spelling. NULL if nothing is near.
static const char *suggest(const Config *config, const char *name) {
    const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;
    for (int i = 0; i < config->n_rows; i++) {
        const ConfigKey *key = config->row[i].key;
        if (has_word(key->alias, last) || has_word(key->alias, name)) return config->row[i].name;
    }
    for (int i = 0; i < config->n_rows; i++)
        if (strcmp(config->row[i].key->name, last) == 0) return config->row[i].name;
    int best = (int)strlen(name) / 3 + 1;
    const char *nearest = NULL;
    for (int i = 0; i < config->n_rows; i++) {
        const ConfigRow *row = &config->row[i];
        int distance = str_distance(dot ? row->name : row->key->name, name);
        if (distance < best) best = distance, nearest = row->name;
    }
    return nearest;
}

static const char *nearest_section(const Config *config, const char *name) {
    int best = 3;
    const char *nearest = NULL;
    for (int s = 0; s < config->n_sections; s++) {
        int distance = str_distance(config->section[s].name, name);
        if (distance < best) best = distance, nearest = config->section[s].name;
    }
    return nearest;
}

static Status unknown(const Config *config, const char *where, const char *name, bool is_section) {
    const char *meant = is_section ? nearest_section(config, name) : suggest(config, name);
    const char *what = is_section ? "section" : "key";
    if (meant)
        return FAIL(ST_CONFIG, "%s: unknown %s '%s'; did you mean '%s'?", where, what, name, meant);
    Str sections = {0};
    for (int s = 0; s < config->n_sections; s++)
        str_printf(&sections, "%s%s", s ? ", " : "", config->section[s].name);
    Status st = FAIL(ST_CONFIG, "%s: unknown %s '%s'; the sections are %s", where, what, name,
                     str_text(&sections));
    str_free(&sections);
    return st;
}

static bool opens_section(const Config *config, const char *path) {
    size_t n = strlen(path);
    for (int i = 0; i < config->n_rows; i++)
        if (strncmp(config->row[i].name, path, n) == 0 && config->row[i].name[n] == '.')
            return true;
    return false;
}

static Status load_object(Config *config, const JsonDoc *doc, const Json *object,
                          const char *prefix, const char *origin) {
    for (const Json *e = json_first(object); e; e = json_next(e)) {
        const char *key = json_key(e);
        if (!*prefix && (strcmp(key, "$schema") == 0 || strcmp(key, "name") == 0)) continue;
        const char *name = arena_printf(config->arena, "%s%s%s", prefix, *prefix ? "." : "", key);
        const char *where = arena_printf(config->arena, "%s:%d", json_name(doc), json_line(doc, e));
        ConfigRow *row = find(config, name);
        if (!row && json_kind(e) == JSON_OBJECT) {
            if (!opens_section(config, name)) return unknown(config, where, name, true);
            TRY(load_object(config, doc, e, name, origin));
            continue;
        }
        if (!row) return unknown(config, where, name, false);
        if (row->load == config->load)
            return FAIL(ST_CONFIG, "%s: %s was already given in line %d", where, name, row->line);
        TRY(setting_from_json(row->key, name, where, e, &row->value, config->arena));
        row->origin = origin;
        row->where = where;
        row->load = config->load;
        row->line = json_line(doc, e);
    }
    return ST_OK;
}

static Status load_doc(Config *config, const JsonDoc *doc, const char *origin) {
    config->load++;
    if (json_kind(json_root(doc)) != JSON_OBJECT)
        return FAIL(ST_CONFIG, "%s:%d: a config is an object {...}, not %s", json_name(doc),
                    json_line(doc, json_root(doc)), json_kind_name(json_kind(json_root(doc))));
    return load_object(config, doc, json_root(doc), "", arena_printf(config->arena, "%s", origin));
}

Status config_load_node(Config *config, const JsonDoc *doc, const Json *object, const char *prefix,
                        const char *origin) {
    config->load++;
    return load_object(config, doc, object, prefix, arena_printf(config->arena, "%s", origin));
}

Status config_load(Config *config, const char *path, const char *origin) {
    JsonDoc *doc;
    if (json_read(path, true, &doc) != ST_OK) return FAIL(ST_CONFIG, "%s", status_text());
    Status st = load_doc(config, doc, origin);
    json_free(doc);
    return st;
}

Status config_load_text(Config *config, const char *text, const char *name, const char *origin) {
    JsonDoc *doc;
    if (json_parse(text, strlen(text), name, 1, true, &doc) != ST_OK)
        return FAIL(ST_CONFIG, "%s", status_text());
    Status st = load_doc(config, doc, origin);
    json_free(doc);
    return st;
}

// "rl.lr" -> "GRPO_RL_LR"
static char *variable_name(const Config *config, const char *name) {
    char *variable = arena_printf(config->arena, "GRPO_%s", name);
    for (char *p = variable; *p; p++)
        *p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
    return variable;
}

// A variable that opens like a section but names no key is most likely a slip.
static void warn_of_unknown_variables(const Config *config) {
    for (char **v = environ; *v; v++) {
        for (int s = 0; s < config->n_sections; s++) {
            const char *prefix = variable_name(config, config->section[s].name);
            size_t n = strlen(prefix), size = strcspn(*v, "=");
            if (strncmp(*v, prefix, n) != 0 || (*v)[n] != '_') continue;
            bool known = false;
            for (int i = 0; i < config->n_rows && !known; i++) {
                const char *variable = variable_name(config, config->row[i].name);
                known = strlen(variable) == size && strncmp(variable, *v, size) == 0;
            }
            if (!known)
                log_warn("environment: %.*s names no known key; it is passed over", (int)size, *v);
            break;
        }
    }
}

Status config_load_env(Config *config) {
    for (int i = 0; i < config->n_rows; i++) {
        ConfigRow *row = &config->row[i];
        const char *variable = variable_name(config, row->name);
        const char *text = getenv(variable);
        if (!text) continue;
        const char *where = arena_printf(config->arena, "environment: %s", variable);
        TRY(setting_from_text(row->key, row->name, where, text, &row->value, config->arena));
        row->origin = "environment";
        row->where = where;
    }
    warn_of_unknown_variables(config);
    return ST_OK;
}

Status config_assign(Config *config, const char *assignment) {
    const char *where = "command line", *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return FAIL(ST_CONFIG, "%s: '%s' is not key=value", where, assignment);
    char *name = arena_printf(config->arena, "%.*s", (int)(equals - assignment), assignment);
    ConfigRow *row = find(config, name);
    if (!row) return unknown(config, where, name, false);
    TRY(setting_from_text(row->key, name, where, equals + 1, &row->value, config->arena));
    row->origin = row->where = where;
    return ST_OK;
}

Status config_default(Config *config, const char *name, const char *text) {
    ConfigRow *row = find(config, name);
    CHECK(row != NULL);
    TRY(setting_from_text(row->key, name, "default", text, &row->initial, config->arena));
    if (strcmp(row->origin, "default") == 0) row->value = row->initial;
    return ST_OK;
}

Status config_override(Config *config, const char *name, const char *text, const char *origin) {
    ConfigRow *row = find(config, name);
    CHECK(row != NULL);
    TRY(setting_from_text(row->key, name, origin, text, &row->value, config->arena));
    row->origin = row->where = arena_printf(config->arena, "%s", origin);
    return ST_OK;
}

bool config_was_asked(const Config *config, const char *name) {
    static const char *const asked[] = {"file", "environment", "command line"};
    const ConfigRow *row = find(config, name);
    for (int i = 0; row && i < 3; i++)
        if (strcmp(row->origin, asked[i]) == 0) return true;
    return false;
}

Status config_apply(Config *config) {
    for (int i = 0; i < config->n_rows; i++) {
        ConfigRow *row = &config->row[i];
        if (row->section->target) setting_store(row->key, &row->value, row->section->target);
    }
    return ST_OK;
}

void config_set_needs(Config *config, const ConfigNeed *need, int n_needs) {
    config->need = need;
    config->n_needs = n_needs;
}

const char *config_need_of(const Config *config, const char *key) {
    size_t section = strcspn(key, ".");
    const char *found = NULL;
    for (int i = 0; i < config->n_needs; i++) {
        const char *row = config->need[i].key;
        if (strcmp(row, key) == 0) return config->need[i].needs;
        if (strcmp(row + strcspn(row, "."), ".*") == 0 && strcspn(row, ".") == section &&
            strncmp(row, key, section) == 0)
            found = config->need[i].needs;
    }
    return found;
}

int config_count(const Config *config) {
    return config->n_rows;
}

// As on a command line: a text without quotes.
static void typed(const ConfigRow *row, const Setting *value, Str *out) {
    if (row->key->type == CONFIG_TEXT) {
        str_puts(out, value->text);
        return;
    }
    size_t from = out->size;
    setting_json(row->key, value, out);
    if (row->key->type != CONFIG_CHOICE || out->data[from] != '"') return;
    memmove(out->data + from, out->data + from + 1, out->size - from - 1);
    out->size -= 2;
    out->data[out->size] = 0;
}

ConfigEntry config_entry(const Config *config, int i) {
    CHECK(i >= 0 && i < config->n_rows);
    const ConfigRow *row = &config->row[i];
    Str is = {0}, was = {0};
    typed(row, &row->value, &is);
    typed(row, &row->initial, &was);
    static const char *const off[] = {"", "0", "false", "[]"};
    ConfigEntry e = {.name = row->name,
                     .origin = row->origin,
                     .where = row->where,
                     .is_default = strcmp(str_text(&is), str_text(&was)) == 0};
    for (size_t k = 0; k < sizeof off / sizeof *off; k++)
        e.is_off = e.is_off || strcmp(str_text(&is), off[k]) == 0;
    str_free(&is);
    str_free(&was);
    return e;
}

bool config_value(const Config *config, const char *name, Str *out) {
    const ConfigRow *row = find(config, name);
    if (row) typed(row, &row->value, out);
    return row != NULL;
}

void config_dump(const Config *config, Str *out) {
    str_putc(out, '{');
    for (int i = 0; i < config->n_rows; i++) {
        const ConfigRow *row = &config->row[i];
        str_printf(out, "%s\n  \"%s\":{\"value\":", i ? "," : "", row->name);
        setting_json(row->key, &row->value, out);
        str_puts(out, ",\"origin\":");
        str_json(out, row->origin, strlen(row->origin));
        str_putc(out, '}');
    }
    str_puts(out, "\n}");
}

void config_dump_plain(const Config *config, Str *out) {
    const ConfigSection *section = NULL;
    str_puts(out, "{");
    for (int i = 0; i < config->n_rows; i++) {
        const ConfigRow *row = &config->row[i];
        if (row->section != section)
            str_printf(out, "%s\n  \"%s\": {", section ? "\n  }," : "", row->section->name);
        str_printf(out, "%s\n    \"%s\": ", row->section == section ? "," : "", row->key->name);
        section = row->section;
        setting_json(row->key, &row->value, out);
    }
    str_puts(out, section ? "\n  }\n}\n" : "}\n");
}

static bool is_ignored(const char *const *ignore, const char *name) {
    for (; ignore && *ignore; ignore++) {
        const size_t n = strlen(*ignore);
        if (strcmp(*ignore, name) == 0) return true;
        if (n > 1 && (*ignore)[n - 1] == '*' && strncmp(*ignore, name, n - 1) == 0) return true;
    }
    return false;
}

void config_given(const Config *config, Str *out) {
    for (int i = 0; i < config->n_rows; i++) {
        const ConfigRow *row = &config->row[i];
        if (strcmp(row->origin, "default") == 0) continue;
        str_printf(out, "%s=", row->name);
        setting_json(row->key, &row->value, out);
        str_printf(out, " (%s)\n", row->origin);
    }
}

Status config_diff(const Config *config, const JsonDoc *doc, const Json *dump,
                   const char *const *ignore, Str *out) {
    if (json_kind(dump) != JSON_OBJECT)
        return FAIL(ST_CONFIG, "%s:%d: not a config as it was written", json_name(doc),
                    json_line(doc, dump));
    Str was = {0}, is = {0};
    for (int i = 0; i < config->n_rows; i++) {
        const ConfigRow *row = &config->row[i];
        if (is_ignored(ignore, row->name)) continue;
        // A key that is newer than the dump had its default then.
        Setting old = row->initial;
        const Json *entry = json_get(dump, row->name), *value = json_get(entry, "value");
        str_clear(&was), str_clear(&is);
        if (entry && (!value || setting_from_json(row->key, row->name, "", value, &old,
                                                  config->arena) != ST_OK))
            str_puts(&was, "(not readable)");
        else
            setting_json(row->key, &old, &was);
        setting_json(row->key, &row->value, &is);
        if (strcmp(str_text(&was), str_text(&is)) != 0)
            str_printf(out, "%s: %s -> %s\n", row->name, str_text(&was), str_text(&is));
    }
    for (const Json *e = json_first(dump); e; e = json_next(e))
        if (!find(config, json_key(e)) && !is_ignored(ignore, json_key(e)))
            str_printf(out, "%s: no longer a key\n", json_key(e));
    str_free(&was);
    str_free(&is);
    return ST_OK;
}
