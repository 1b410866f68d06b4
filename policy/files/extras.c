// policy/files/extras.c -- a folder is listed once; names decide what is weights.
#include "policy/files/extras.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"

enum { READ_BYTES = 1 << 20 }; // larger files are mapped

typedef struct KeptExtra {
    const char *name;
    const void *data;
    size_t size;
    FileMap map; // if it is mapped
} KeptExtra;

struct Extras {
    Arena *arena;
    SafeTensors *file;
    const SafeTensor **tensor;
    int n_tensors;
    KeptExtra *kept;
    int n_kept, kept_cap;
    JsonDoc *config; // NULL: the folder has none
};

// ---- reading ---------------------------------------------------------------------------------
static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

// Weights in other formats would be stale beside ours; config.json is written anew.
static bool is_ours(const char *name) {
    static const char *const weights[] = {".safetensors", ".safetensors.index.json",
                                          ".bin",         ".bin.index.json",
                                          ".pt",          ".pth",
                                          ".gguf",        ".h5",
                                          ".msgpack",     ".onnx",
                                          ".ckpt",        ".npz"};
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
        if (ends_with(name, weights[i])) return true;
    return strcmp(name, "config.json") == 0 || strstr(name, ".tmp.") != NULL;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const KeptExtra *)a)->name, ((const KeptExtra *)b)->name);
}

static Status keep_file(Extras *c, const char *name, const char *path, int64_t size) {
    if (c->n_kept == c->kept_cap) {
        c->kept_cap = c->kept_cap ? 2 * c->kept_cap : 32;
        c->kept = (KeptExtra *)realloc(c->kept, (size_t)c->kept_cap * sizeof *c->kept);
        CHECK(c->kept != NULL);
    }
    KeptExtra *kept = &c->kept[c->n_kept++];
    *kept = (KeptExtra){.name = arena_printf(c->arena, "%s", name)};
    if (size > READ_BYTES) {
        TRY(file_map(path, &kept->map));
        kept->data = kept->map.data;
        kept->size = kept->map.size;
        return ST_OK;
    }
    char *data;
    TRY(file_read(path, &data, &kept->size, c->arena));
    kept->data = data;
    return ST_OK;
}

static Status read_files(Extras *c, const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir) return FAIL(ST_IO, "%s: cannot open: %s", folder, strerror(errno));
    Status st = ST_OK;
    for (struct dirent *e; st == ST_OK && (e = readdir(dir)) != NULL;) {
        struct stat info;
        const char *path = arena_printf(c->arena, "%s/%s", folder, e->d_name);
        if (is_ours(e->d_name) || stat(path, &info) < 0 || !S_ISREG(info.st_mode)) continue;
        st = keep_file(c, e->d_name, path, info.st_size);
    }
    closedir(dir);
    if (c->n_kept) qsort(c->kept, (size_t)c->n_kept, sizeof *c->kept, by_name);
    return st;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void find_tensors(Extras *c, const char *const *known, int n) {
    const int count = safetensors_count(c->file);
    const char **sorted = ARENA_ARRAY(c->arena, const char *, n + 1);
    if (n) memcpy(sorted, known, (size_t)n * sizeof *sorted);
    if (n) qsort(sorted, (size_t)n, sizeof *sorted, by_text);
    c->tensor = ARENA_ARRAY(c->arena, const SafeTensor *, count + 1);
    for (int i = 0; i < count; i++) {
        const SafeTensor *t = safetensors_at(c->file, i);
        if (safetensors_is_scale(c->file, t)) continue;
        if (n && bsearch(&t->name, sorted, (size_t)n, sizeof *sorted, by_text)) continue;
        c->tensor[c->n_tensors++] = t;
    }
}

Status extras_read(const char *folder, SafeTensors *file, const char *const *known, int n,
                   Extras **out) {
    Extras *c = (Extras *)calloc(1, sizeof *c);
    CHECK(c != NULL);
    c->arena = arena_new(1 << 16);
    c->file = file;
    find_tensors(c, known, n);
    const char *config = arena_printf(c->arena, "%s/config.json", folder);
    Status st = read_files(c, folder);
    if (st == ST_OK) st = json_read_if_there(config, &c->config);
    if (st != ST_OK) extras_free(c), c = NULL;
    if (c && c->n_tensors == 0) safetensors_close(c->file), c->file = NULL;
    *out = c;
    return st;
}

void extras_free(Extras *c) {
    if (!c) return;
    json_free(c->config);
    safetensors_close(c->file);
    for (int i = 0; i < c->n_kept; i++) file_unmap(&c->kept[i].map);
    free(c->kept);
    arena_free(c->arena);
    free(c);
}

// ---- writing ---------------------------------------------------------------------------------
int extras_n_tensors(const Extras *c) {
    return c->n_tensors;
}

static Status rows(const TensorSource *s, int64_t row, int64_t n, float *out) {
    return safetensors_rows((const SafeTensors *)s->file, (const SafeTensor *)s->tensor, row, n,
                            out);
}

TensorSource extras_tensor(const Extras *c, int i, Dtype dtype) {
    const SafeTensor *t = c->tensor[i];
    TensorSource s = {.name = t->name, .n_dims = t->n_dims, .file = c->file, .tensor = t};
    memcpy(s.dim, t->dim, sizeof s.dim);
    s.exact = t->dtype == DTYPE_F32 && ends_with(t->name, "e_score_correction_bias");
    if (t->dtype == DTYPE_OTHER || t->dtype == dtype || (s.exact && t->dtype == DTYPE_F32))
        s.raw = t;
    else
        s.rows = rows;
    return s;
}

Status extras_config(const Extras *c, const char *torch_dtype, const char *grpo, int n_mtp,
                     Str *out) {
    const Json *root = c->config ? json_root(c->config) : NULL;
    bool dtype = false, mtp = n_mtp < 0, first = true;
    if (!root || json_kind(root) != JSON_OBJECT)
        return FAIL(ST_FORMAT, "%s: not a JSON object",
                    c->config ? json_name(c->config) : "config.json");
    str_puts(out, "{");
    for (const Json *n = json_first(root); n; n = json_next(n)) {
        const char *key = json_key(n);
        bool is_dtype = strcmp(key, "torch_dtype") == 0 || strcmp(key, "dtype") == 0;
        bool is_mtp = n_mtp >= 0 && strcmp(key, "num_nextn_predict_layers") == 0;
        if (strcmp(key, "quantization_config") == 0) continue;
        if (grpo && strcmp(key, "grpo") == 0) continue;
        str_puts(out, first ? "\n  " : ",\n  ");
        str_json(out, key, strlen(key));
        str_puts(out, ": ");
        if (is_dtype)
            str_printf(out, "\"%s\"", torch_dtype);
        else if (is_mtp)
            str_printf(out, "%d", n_mtp);
        else
            json_echo(n, out);
        dtype |= is_dtype;
        mtp |= is_mtp;
        first = false;
    }
    if (!dtype) str_printf(out, "%s\n  \"torch_dtype\": \"%s\"", first ? "" : ",", torch_dtype);
    if (!mtp) str_printf(out, ",\n  \"num_nextn_predict_layers\": %d", n_mtp);
    if (grpo) str_printf(out, ",\n  \"grpo\": %s", grpo);
    str_puts(out, "\n}\n");
    return ST_OK;
}

Status extras_files(const Extras *c, const char *folder) {
    Status st = ST_OK;
    Str path = {0};
    for (int i = 0; i < c->n_kept && st == ST_OK; i++) {
        str_clear(&path);
        str_printf(&path, "%s/%s", folder, c->kept[i].name);
        if (!file_exists(path.data))
            st = file_write_atomic(path.data, c->kept[i].data, c->kept[i].size);
    }
    str_free(&path);
    return st;
}
