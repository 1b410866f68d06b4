// pipelines/pipeline/artefacts.c -- the records as JSON, and hashes of content.
#include "pipelines/pipeline/artefacts.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/str.h"

static uint64_t hash_of(const Json *node) {
    return strtoull(json_text(node, "0"), NULL, 16);
}

static void read_record(const Json *e, Artefact *a, Arena *arena) {
    a->stage = arena_printf(arena, "%s", json_text(json_get(e, "stage"), ""));
    a->kind = arena_printf(arena, "%s", json_text(json_get(e, "kind"), ""));
    a->command = arena_printf(arena, "%s", json_text(json_get(e, "command"), ""));
    a->key = hash_of(json_get(e, "key"));
    a->settings = hash_of(json_get(e, "settings"));
    a->done = json_bool(json_get(e, "done"), false);
    for (const Json *i = json_first(json_get(e, "inputs")); i && a->n_inputs < ARTEFACT_INPUTS;
         i = json_next(i))
        a->input[a->n_inputs++] =
            (ArtefactInput){.name = arena_printf(arena, "%s", json_text(json_get(i, "name"), "")),
                            .path = arena_printf(arena, "%s", json_text(json_get(i, "path"), "")),
                            .hash = hash_of(json_get(i, "hash"))};
    const Json *made = json_get(e, "made");
    if (!made) return;
    a->made = arena_printf(arena, "%s", json_text(json_get(made, "path"), ""));
    a->hash = hash_of(json_get(made, "hash"));
}

Status artefacts_open(const char *run, int cap, Artefacts *out, Arena *arena) {
    JsonDoc *doc;
    *out = (Artefacts){.path = arena_printf(arena, "%s/artefacts.json", run)};
    TRY(json_read_if_there(out->path, &doc));
    const Json *list = doc ? json_get(json_root(doc), "stages") : NULL;
    out->cap = cap + json_count(list);
    out->of = ARENA_ARRAY(arena, Artefact, out->cap);
    for (const Json *e = json_first(list); e; e = json_next(e))
        read_record(e, &out->of[out->n++], arena);
    json_free(doc);
    return ST_OK;
}

Artefact *artefacts_find(const Artefacts *a, const char *stage) {
    for (int i = 0; i < a->n; i++)
        if (strcmp(a->of[i].stage, stage) == 0) return &a->of[i];
    return NULL;
}

static void put_text(const char *name, const char *text, Str *out) {
    str_printf(out, "\"%s\": ", name);
    str_json(out, text, strlen(text));
}

static void put_record(const Artefact *a, Str *out) {
    str_puts(out, "  {");
    put_text("stage", a->stage, out);
    str_puts(out, ", ");
    put_text("kind", a->kind, out);
    str_printf(out, ", \"done\": %s,\n   \"key\": \"%016llx\", \"settings\": \"%016llx\",\n   ",
               a->done ? "true" : "false", (unsigned long long)a->key,
               (unsigned long long)a->settings);
    put_text("command", a->command, out);
    str_puts(out, ",\n   \"inputs\": [");
    for (int i = 0; i < a->n_inputs; i++) {
        str_puts(out, i ? ", {" : "{");
        put_text("name", a->input[i].name, out);
        str_puts(out, ", ");
        put_text("path", a->input[i].path, out);
        str_printf(out, ", \"hash\": \"%016llx\"}", (unsigned long long)a->input[i].hash);
    }
    str_puts(out, "]");
    if (a->made) {
        str_puts(out, ",\n   \"made\": {");
        put_text("path", a->made, out);
        str_printf(out, ", \"hash\": \"%016llx\"}", (unsigned long long)a->hash);
    }
    str_puts(out, "}");
}

Status artefacts_put(Artefacts *a, const Artefact *record) {
    Artefact *of = artefacts_find(a, record->stage);
    if (!of) {
        CHECK(a->n < a->cap);
        of = &a->of[a->n++];
    }
    *of = *record;
    Str text = {0};
    str_puts(&text, "{\"stages\": [\n");
    for (int i = 0; i < a->n; i++) {
        if (i) str_puts(&text, ",\n");
        put_record(&a->of[i], &text);
    }
    str_puts(&text, "\n]}\n");
    Status st = file_write_atomic(a->path, text.data, text.size);
    str_free(&text);
    return st;
}

// ---- content

static Status hash_file(const char *path, uint64_t *h) {
    FileMap map;
    TRY(file_map(path, &map));
    *h = rng_mix(*h ^ rng_hash(map.data ? map.data : "", map.size));
    file_unmap(&map);
    return ST_OK;
}

static Status hash_folder(const char *path, uint64_t *h) {
    struct dirent **entry;
    const int n = scandir(path, &entry, NULL, alphasort);
    Status st = n < 0 ? FAIL(ST_IO, "%s: cannot be read", path) : ST_OK;
    Str at = {0};
    for (int i = 0; i < n; i++) {
        const char *name = entry[i]->d_name;
        if (st == ST_OK && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            str_clear(&at);
            str_printf(&at, "%s/%s", path, name);
            *h = rng_mix(*h ^ rng_hash(name, strlen(name)));
            struct stat info;
            if (stat(at.data, &info) != 0)
                st = FAIL(ST_IO, "%s: cannot be read", at.data);
            else
                st = S_ISDIR(info.st_mode) ? hash_folder(at.data, h) : hash_file(at.data, h);
        }
        free(entry[i]);
    }
    if (n >= 0) free(entry);
    str_free(&at);
    return st;
}

Status artefact_hash(const char *path, uint64_t *out) {
    struct stat info;
    *out = 0x9e3779b97f4a7c15u;
    if (stat(path, &info) != 0) return FAIL(ST_IO, "%s: there is no such file or folder", path);
    return S_ISDIR(info.st_mode) ? hash_folder(path, out) : hash_file(path, out);
}
