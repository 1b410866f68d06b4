// pipelines/datafields.c -- finds the object, reads its names.
#include "pipelines/datafields.h"

#include <stddef.h>
#include <string.h>

#include "base/json.h"

typedef struct FieldName {
    const char *name;
    size_t offset;
} FieldName;

static const FieldName names[] = {
    {"prompt", offsetof(DataFields, prompt)},       {"question", offsetof(DataFields, prompt)},
    {"messages", offsetof(DataFields, prompt)},     {"answer", offsetof(DataFields, answer)},
    {"gold", offsetof(DataFields, answer)},         {"response", offsetof(DataFields, response)},
    {"completion", offsetof(DataFields, response)}, {"source", offsetof(DataFields, source)},
    {"judge", offsetof(DataFields, judge)},         {"level", offsetof(DataFields, level)},
};

static Status read_names(const Json *object, DataFields *out, Arena *arena) {
    for (const Json *e = json_first(object); e; e = json_next(e)) {
        const char *path = json_text(e, NULL);
        if (!path || !*path)
            return FAIL(ST_CONFIG, "data.fields: '%s' wants the name of a field, as a text",
                        json_key(e));
        size_t i = 0;
        while (i < sizeof names / sizeof *names && strcmp(names[i].name, json_key(e)) != 0) i++;
        if (i == sizeof names / sizeof *names)
            return FAIL(ST_CONFIG,
                        "data.fields: '%s' is none of prompt, answer, response, source, "
                        "judge, level",
                        json_key(e));
        const char **field = (const char **)((char *)out + names[i].offset);
        *field = arena_printf(arena, "%s", path);
    }
    return ST_OK;
}

static const Json *of_part(const Json *root, const char *part) {
    const Json *own = json_get(root, part);
    const char *slash = strrchr(part, '/');
    if (!own && slash) own = json_get(root, slash + 1);
    return own ? own : json_get(root, "*");
}

Status datafields_parse(const char *text, const char *part, DataFields *out, Arena *arena) {
    *out = (DataFields){0};
    if (!text[0]) return ST_OK;
    JsonDoc *doc;
    if (json_parse(text, strlen(text), "data.fields", 1, false, &doc) != ST_OK ||
        json_kind(json_root(doc)) != JSON_OBJECT)
        return FAIL(ST_CONFIG,
                    "data.fields=%s: wants an object, as "
                    "{\"prompt\":\"problem\",\"answer\":\"extra.gt\"}",
                    text);
    const Json *object = json_root(doc);
    const Json *first = json_first(object);
    if (first && json_kind(first) == JSON_OBJECT) object = of_part(object, part);
    Status st = object ? read_names(object, out, arena) : ST_OK;
    json_free(doc);
    return st;
}

void datafields_tasks(const DataFields *named, TaskFields *fields) {
    fields->prompt = named->prompt;
    fields->gold = named->answer;
    fields->source_field = named->source;
    fields->judge_field = named->judge;
    fields->level_field = named->level;
}
