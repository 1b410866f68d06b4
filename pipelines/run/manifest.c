// pipelines/run/manifest.c -- walks a checkpoint's folder and checks it.
#include "pipelines/run/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"

static const char manifest_name[] = "manifest.json";

// Read, not mapped: a state of gigabytes would count as the process's memory while it is looked at.
static Status crc_of(const char *path, uint32_t *crc, int64_t *size) {
    unsigned char piece[1 << 16];
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return FAIL(ST_IO, "%s: not a file", path);
    FILE *in = fopen(path, "rbe");
    if (!in) return FAIL(ST_IO, "%s: cannot open: %s", path, strerror(errno));
    *crc = (uint32_t)crc32_z(0, NULL, 0);
    *size = 0;
    for (size_t n; (n = fread(piece, 1, sizeof piece, in)) > 0; *size += (int64_t)n)
        *crc = (uint32_t)crc32_z(*crc, piece, n);
    const bool failed = ferror(in) != 0;
    const int why = errno;
    fclose(in);
    return failed ? FAIL(ST_IO, "%s: cannot read: %s", path, strerror(why)) : ST_OK;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

// Adds "name":{"bytes":..,"crc32":..} for every file, folders depth first, in order of name.
static Status list_files(const char *folder, const char *prefix, Str *out) {
    struct dirent **entry = NULL;
    int n = scandir(folder, &entry, NULL, by_name);
    if (n < 0) return FAIL(ST_IO, "%s: cannot list: %s", folder, strerror(errno));
    Status st = ST_OK;
    Str path = {0}, name = {0};
    for (int i = 0; i < n && st == ST_OK; i++) {
        const char *e = entry[i]->d_name;
        if (strcmp(e, ".") == 0 || strcmp(e, "..") == 0) continue;
        str_clear(&path);
        str_clear(&name);
        str_printf(&path, "%s/%s", folder, e);
        str_printf(&name, "%s%s", prefix, e);
        struct stat info;
        if (stat(path.data, &info) != 0) {
            st = FAIL(ST_IO, "%s: cannot stat: %s", path.data, strerror(errno));
        } else if (S_ISDIR(info.st_mode)) {
            str_putc(&name, '/');
            st = list_files(path.data, name.data, out);
        } else if (strcmp(name.data, manifest_name) != 0) {
            uint32_t crc = 0;
            int64_t size = 0;
            st = crc_of(path.data, &crc, &size);
            if (st != ST_OK) break;
            str_puts(out, out->size && out->data[out->size - 1] == '{' ? "\n    " : ",\n    ");
            str_json(out, name.data, name.size);
            str_printf(out, ": {\"bytes\": %lld, \"crc32\": %u}", (long long)size, crc);
        }
    }
    for (int i = 0; i < n; i++) free(entry[i]);
    free(entry);
    str_free(&path);
    str_free(&name);
    return st;
}

Status manifest_write(const char *folder, int64_t step, int64_t metrics_bytes) {
    Str text = {0}, path = {0};
    str_printf(&text, "{\n  \"step\": %lld,\n  \"metrics_bytes\": %lld,\n  \"files\": {",
               (long long)step, (long long)metrics_bytes);
    str_printf(&path, "%s/%s", folder, manifest_name);
    Status st = list_files(folder, "", &text);
    if (st == ST_OK) {
        str_puts(&text, "\n  }\n}\n");
        st = file_write_atomic(path.data, text.data, text.size);
    }
    str_free(&text);
    str_free(&path);
    return st;
}

// No part of the name leads upwards.
static bool stays_inside(const char *name) {
    if (!name || *name == 0) return false;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == 0)) return false;
    }
    return true;
}

Status manifest_check(const char *folder, int64_t *metrics_bytes) {
    Str path = {0};
    JsonDoc *doc = NULL;
    str_printf(&path, "%s/%s", folder, manifest_name);
    Status st = ST_OK;
    if (!file_exists(path.data)) {
        st = FAIL(ST_FORMAT, "%s: has no %s", folder, manifest_name);
        goto out;
    }
    TRY_OUT(json_read(path.data, false, &doc));
    const Json *files = json_get(json_root(doc), "files");
    if (json_kind(json_root(doc)) != JSON_OBJECT || !files || json_count(files) == 0) {
        st = FAIL(ST_FORMAT, "%s: lists no files", path.data);
        goto out;
    }
    for (const Json *f = json_first(files); f; f = json_next(f)) {
        if (json_kind(files) != JSON_OBJECT || !stays_inside(json_key(f))) {
            st = FAIL(ST_FORMAT, "%s: line %d of its %s names no file of the folder", folder,
                      json_line(doc, f), manifest_name);
            goto out;
        }
        str_clear(&path);
        str_printf(&path, "%s/%s", folder, json_key(f));
        if (!file_exists(path.data)) {
            st = FAIL(ST_FORMAT, "%s: is missing", path.data);
            goto out;
        }
        uint32_t crc = 0;
        int64_t size = 0;
        TRY_OUT(crc_of(path.data, &crc, &size));
        int64_t want = json_int(json_get(f, "bytes"), -1);
        if (size != want) {
            st = FAIL(ST_FORMAT, "%s: has %lld bytes, its manifest says %lld", path.data,
                      (long long)size, (long long)want);
            goto out;
        }
        if ((int64_t)crc != json_int(json_get(f, "crc32"), -1)) {
            st = FAIL(ST_FORMAT, "%s: its checksum is not the manifest's", path.data);
            goto out;
        }
    }
    if (metrics_bytes) *metrics_bytes = json_int(json_get(json_root(doc), "metrics_bytes"), 0);
out:
    json_free(doc);
    str_free(&path);
    return st;
}
