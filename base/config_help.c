// base/config_help.c -- the option tables as help, JSON Schema and Markdown.
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/setting.h"

// The default as JSON: what was typed into the table, read and shown again.
static void default_json(const ConfigKey *key, Str *out) {
    Arena *arena = arena_new(0);
    Setting value = {0};
    Status st = setting_from_text(key, key->name, "default", key->initial, &value, arena);
    CHECK(st == ST_OK); // config_new has read it before
    setting_json(key, &value, out);
    arena_free(arena);
}

static void key_schema(const ConfigKey *key, Str *out) {
    const char *type = "string", *items = NULL;
    switch (key->type) {
    case CONFIG_BOOL: type = "boolean"; break;
    case CONFIG_INT: type = "integer"; break;
    case CONFIG_DOUBLE: type = "number"; break;
    case CONFIG_TEXT:
    case CONFIG_CHOICE: break;
    case CONFIG_LIST: type = "array", items = "number"; break;
    case CONFIG_TEXTS: type = "array", items = "string"; break;
    }
    Str range = {0};
    if (key->min != key->max) {
        str_puts(&range, ",\"minimum\":");
        str_number(&range, key->min);
        str_puts(&range, ",\"maximum\":");
        str_number(&range, key->max);
    }
    str_printf(out, "{\"type\":\"%s\"", type);
    if (items)
        str_printf(out, ",\"items\":{\"type\":\"%s\"%s}", items, str_text(&range));
    else
        str_puts(out, str_text(&range));
    str_free(&range);
    if (key->type == CONFIG_CHOICE) {
        str_puts(out, ",\"enum\":[");
        for (const char *p = key->choices;; p++) {
            size_t n = strcspn(p, "|");
            str_json(out, p, n);
            p += n;
            if (!*p) break;
            str_putc(out, ',');
        }
        str_putc(out, ']');
    }
    str_puts(out, ",\"default\":");
    default_json(key, out);
    str_puts(out, ",\"description\":");
    str_json(out, key->help, strlen(key->help));
    str_putc(out, '}');
}

// What the key needs of others, if it is a key of its own that does.
static const char *need_of(const Config *config, const char *section, const ConfigKey *key) {
    char name[96], all[96];
    snprintf(name, sizeof name, "%s.%s", section, key->name);
    snprintf(all, sizeof all, "%s.*", section);
    const char *needs = config_need_of(config, name);
    return needs && needs != config_need_of(config, all) ? needs : NULL;
}

void config_schema(const Config *config, Str *out) {
    int n;
    const ConfigSection *section = config_sections(config, &n);
    str_puts(out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                  "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                  "\n\"$schema\":{\"type\":\"string\"},\n\"name\":{\"type\":\"string\"}");
    for (int s = 0; s < n; s++) {
        str_printf(out, ",\n\"%s\":{\"type\":\"object\",\"description\":", section[s].name);
        str_json(out, section[s].help, strlen(section[s].help));
        str_puts(out, ",\"additionalProperties\":false,\"properties\":{");
        for (int k = 0; k < section[s].n_keys; k++) {
            str_printf(out, "%s\n  \"%s\":", k ? "," : "", section[s].key[k].name);
            key_schema(&section[s].key[k], out);
        }
        str_puts(out, "}}");
    }
    for (int s = 0; s < n; s++) // the dotted form of every key
        for (int k = 0; k < section[s].n_keys; k++)
            str_printf(out, ",\n\"%s.%s\":{\"$ref\":\"#/properties/%s/properties/%s\"}",
                       section[s].name, section[s].key[k].name, section[s].name,
                       section[s].key[k].name);
    str_puts(out, "}}\n");
}

static bool is_wanted(const ConfigSection *section, const char *name) {
    return !name || strcmp(section->name, name) == 0;
}

void config_help(const Config *config, const char *name, Str *out) {
    int n, shown = 0;
    const ConfigSection *section = config_sections(config, &n);
    Str head = {0}, allowed = {0};
    for (int s = 0; s < n; s++) {
        if (!is_wanted(&section[s], name)) continue;
        str_printf(out, "%s%s -- %s\n", shown++ ? "\n" : "", section[s].name, section[s].help);
        for (int k = 0; k < section[s].n_keys; k++) {
            const ConfigKey *key = &section[s].key[k];
            str_clear(&head), str_clear(&allowed);
            str_printf(&head, "%s.%s=", section[s].name, key->name);
            default_json(key, &head);
            setting_allowed(key, &allowed);
            str_printf(out, "  %-34s %s", str_text(&head), key->help);
            if (allowed.size) str_printf(out, " [%s]", str_text(&allowed));
            const char *needs = need_of(config, section[s].name, key);
            if (needs) str_printf(out, " (needs %s)", needs);
            str_putc(out, '\n');
        }
    }
    str_free(&head);
    str_free(&allowed);
}

// '|' would end the cell of a table.
static void cell(Str *out, const char *text) {
    for (; *text; text++) {
        if (*text == '|') str_putc(out, '\\');
        str_putc(out, *text);
    }
}

void config_markdown(const Config *config, Str *out) {
    int n;
    const ConfigSection *section = config_sections(config, &n);
    Str text = {0};
    for (int s = 0; s < n; s++) {
        str_printf(out,
                   "%s## %s\n\n%s\n\n| key | default | allowed | what it is |\n"
                   "| --- | --- | --- | --- |\n",
                   s ? "\n" : "", section[s].name, section[s].help);
        for (int k = 0; k < section[s].n_keys; k++) {
            const ConfigKey *key = &section[s].key[k];
            str_printf(out, "| `%s.%s` | `", section[s].name, key->name);
            str_clear(&text);
            default_json(key, &text);
            cell(out, str_text(&text));
            str_puts(out, "` | ");
            str_clear(&text);
            setting_allowed(key, &text);
            cell(out, text.size ? str_text(&text) : setting_type(key));
            str_puts(out, " | ");
            cell(out, key->help);
            const char *needs = need_of(config, section[s].name, key);
            if (needs) str_puts(out, "; needs `"), cell(out, needs), str_putc(out, '`');
            str_puts(out, " |\n");
        }
    }
    str_free(&text);
}
