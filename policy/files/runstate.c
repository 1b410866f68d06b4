// policy/files/runstate.c -- checksums first, then the file; on reading all checks, then all
// copies.
#include "policy/files/runstate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "sections are written as they stand");

enum { FORMAT = 1, PREFIX = 32, SECTIONS = 3 };
static const char magic[16] = "GRPO-STATE";

static uint32_t crc_of(const void *data, size_t size) {
    return (uint32_t)crc32_z(0, (const unsigned char *)data, size);
}

static size_t param_bytes(const Param *p) {
    return param_count(p) * sizeof(float);
}

// The sections of a parameter, in order.
static const ParamPart section[SECTIONS] = {PARAM_WEIGHT, PARAM_M, PARAM_V};
static int sections(const Param *p) {
    return p->trainable ? SECTIONS : 1;
}

// Room for one section of any parameter.
static float *section_room(const Param *param, int n) {
    size_t most = 1;
    for (int i = 0; i < n; i++)
        if (param_count(&param[i]) > most) most = param_count(&param[i]);
    float *room = malloc(most * sizeof *room);
    CHECK(room);
    return room;
}

// ---- writing ---------------------------------------------------------------------------------
static Status put_header(const Runstate *s, float *room, Str *out) {
    int n_params;
    const Param *param = policy_params(s->policy, &n_params);
    str_printf(out,
               "{\"steps\":%lld,\"version\":%u,\"extra\":{\"bytes\":%zu,\"crc\":%u},\"params\":[",
               (long long)s->steps, s->version, s->extra_size, crc_of(s->extra, s->extra_size));
    for (int i = 0; i < n_params; i++) {
        const Param *p = &param[i];
        str_puts(out, i ? ",\n{\"name\":" : "\n{\"name\":");
        str_json(out, p->name, strlen(p->name));
        str_printf(out, ",\"rows\":%d,\"cols\":%d,\"crc\":[", p->rows, p->cols);
        for (int k = 0; k < sections(p); k++) {
            TRY(policy_get(s->policy, i, section[k], 0, param_count(p), room));
            str_printf(out, "%s%u", k ? "," : "", crc_of(room, param_bytes(p)));
        }
        str_puts(out, "]}");
    }
    str_puts(out, "]}");
    while (out->size % 8) str_putc(out, ' ');
    return ST_OK;
}

static Status put_all(FileSink *sink, const Runstate *s, float *room, const Str *header) {
    int n_params;
    const Param *param = policy_params(s->policy, &n_params);
    unsigned char prefix[PREFIX];
    uint32_t word[2] = {FORMAT, crc_of(header->data, header->size)};
    uint64_t size = header->size;
    memcpy(prefix, magic, sizeof magic);
    memcpy(prefix + 16, word, sizeof word);
    memcpy(prefix + 24, &size, sizeof size);
    TRY(file_sink_add(sink, prefix, sizeof prefix));
    TRY(file_sink_add(sink, header->data, header->size));
    for (int i = 0; i < n_params; i++)
        for (int k = 0; k < sections(&param[i]); k++) {
            TRY(policy_get(s->policy, i, section[k], 0, param_count(&param[i]), room));
            TRY(file_sink_add(sink, room, param_bytes(&param[i])));
        }
    return s->extra_size ? file_sink_add(sink, s->extra, s->extra_size) : ST_OK;
}

Status runstate_save(const char *path, const Runstate *state) {
    Str header = {0};
    FileSink *sink = NULL;
    Status st;
    int n;
    const Param *param = policy_params(state->policy, &n);
    float *room = section_room(param, n);
    TRY_OUT(put_header(state, room, &header));
    TRY_OUT(file_sink_open(path, &sink));
    TRY_OUT(put_all(sink, state, room, &header));
    st = file_sink_commit(sink);
    sink = NULL;
out:
    file_sink_abort(sink);
    str_free(&header);
    free(room);
    return st;
}

// ---- reading ---------------------------------------------------------------------------------
typedef struct RunstateReader {
    const char *path;
    const unsigned char *at; // the section that comes next
    size_t left;
} RunstateReader;

// Checks a section against its checksum and steps over it.
static Status check_section(RunstateReader *r, size_t bytes, const Json *crc, const char *name) {
    if (bytes > r->left)
        return FAIL(ST_FORMAT, "%s: cut off in '%s': take an older state file", r->path, name);
    if (json_int(crc, -1) != (int64_t)crc_of(r->at, bytes))
        return FAIL(ST_FORMAT, "%s: checksum of '%s' is wrong: take an older state file", r->path,
                    name);
    r->at += bytes;
    r->left -= bytes;
    return ST_OK;
}

static Status check_param(RunstateReader *r, const Json *node, const Param *p) {
    const char *name = json_text(json_get(node, "name"), "");
    int64_t rows = json_int(json_get(node, "rows"), -1),
            cols = json_int(json_get(node, "cols"), -1);
    const Json *crc = json_get(node, "crc");
    const int n = sections(p);
    if (strcmp(name, p->name) != 0)
        return FAIL(ST_CONFIG, "%s: of another model: holds '%s' where this one has '%s'", r->path,
                    name, p->name);
    if (rows != p->rows || cols != p->cols)
        return FAIL(ST_CONFIG, "%s: of another model: '%s' is [%lld, %lld] there, [%d, %d] here",
                    r->path, name, (long long)rows, (long long)cols, p->rows, p->cols);
    if (!crc || json_count(crc) != n)
        return FAIL(ST_CONFIG, "%s: '%s' %s moments there, not so here", r->path, name,
                    n == 1 ? "has" : "has no");
    for (const Json *c = json_first(crc); c; c = json_next(c))
        TRY(check_section(r, param_bytes(p), c, name));
    return ST_OK;
}

static Status check_all(RunstateReader *r, const Json *root, const Runstate *s) {
    const Json *params = json_get(root, "params"), *extra = json_get(root, "extra");
    const Json *node = params ? json_first(params) : NULL;
    int n;
    const Param *param = policy_params(s->policy, &n);
    for (int i = 0; i < n; i++, node = json_next(node)) {
        if (!node)
            return FAIL(ST_CONFIG, "%s: of another model: '%s' is not there", r->path,
                        param[i].name);
        TRY(check_param(r, node, &param[i]));
    }
    if (node)
        return FAIL(ST_CONFIG, "%s: of another model: holds '%s' besides", r->path,
                    json_text(json_get(node, "name"), ""));
    int64_t extra_size = json_int(json_get(extra, "bytes"), -1);
    if (extra_size < 0 || (uint64_t)extra_size != r->left)
        return FAIL(ST_FORMAT,
                    "%s: %zu bytes at the end where %lld should be: take an older state "
                    "file",
                    r->path, r->left, (long long)extra_size);
    return check_section(r, r->left, json_get(extra, "crc"), "extra");
}

static Status open_header(RunstateReader *r, const FileMap *map, JsonDoc **doc) {
    const unsigned char *p = (const unsigned char *)map->data;
    uint32_t word[2];
    uint64_t size;
    if (map->size < PREFIX || memcmp(p, magic, sizeof magic) != 0)
        return FAIL(ST_FORMAT, "%s: not a state file", r->path);
    memcpy(word, p + 16, sizeof word);
    memcpy(&size, p + 24, sizeof size);
    if (word[0] != FORMAT)
        return FAIL(ST_FORMAT, "%s: state format %u; this program reads %d", r->path, word[0],
                    FORMAT);
    if (size > map->size - PREFIX)
        return FAIL(ST_FORMAT, "%s: cut off in its header: take an older state file", r->path);
    if (crc_of(p + PREFIX, (size_t)size) != word[1])
        return FAIL(ST_FORMAT, "%s: checksum of the header is wrong: take an older state file",
                    r->path);
    r->at = p + PREFIX + size;
    r->left = map->size - PREFIX - (size_t)size;
    return json_parse((const char *)p + PREFIX, (size_t)size, r->path, 1, false, doc);
}

Status runstate_load(const char *path, Runstate *state, Arena *arena) {
    FileMap map = {0};
    JsonDoc *doc = NULL;
    RunstateReader r = {.path = path};
    Status st;
    int n_params;
    const Param *param = policy_params(state->policy, &n_params);
    float *room = section_room(param, n_params); // sections are on no boundary
    TRY_OUT(file_map(path, &map));
    TRY_OUT(open_header(&r, &map, &doc));
    const unsigned char *at = r.at;
    TRY_OUT(check_all(&r, json_root(doc), state));
    for (int i = 0; i < n_params; i++) {
        const size_t bytes = param_bytes(&param[i]);
        for (int k = 0; k < sections(&param[i]); k++, at += bytes) {
            memcpy(room, at, bytes);
            TRY_OUT(policy_set(state->policy, i, section[k], 0, param_count(&param[i]), room));
        }
    }
    state->steps = json_int(json_get(json_root(doc), "steps"), 0);
    state->version = (uint32_t)json_int(json_get(json_root(doc), "version"), 0);
    state->extra_size = (size_t)json_int(json_get(json_get(json_root(doc), "extra"), "bytes"), 0);
    state->extra = arena_alloc(arena, state->extra_size + 1, 1);
    if (state->extra_size) memcpy(state->extra, at, state->extra_size);
out:
    json_free(doc);
    file_unmap(&map);
    free(room);
    return st;
}
