// policy/files/config_value.c -- one function a kind of value; null counts as absent.
#include "policy/files/config_value.h"

#include <math.h>
#include <string.h>

Status config_bad(const ConfigReader *r, const Json *node, const char *key, const char *what) {
    return FAIL(ST_FORMAT, "%s:%d: \"%s\" %s", json_name(r->doc),
                json_line(r->doc, node ? node : r->root), key, what);
}

Status config_unbuilt(const ConfigReader *r, const Json *node, const char *what) {
    return FAIL(ST_UNSUPPORTED, "%s:%d: %s", json_name(r->doc), json_line(r->doc, node), what);
}

const Json *config_get(const Json *object, const char *key) { // null counts as absent
    const Json *node = object ? json_get(object, key) : NULL;
    return node && json_kind(node) != JSON_NULL ? node : NULL;
}

Status config_ints(const ConfigReader *r, const ConfigInt *key, size_t n_keys) {
    bool moe = json_int(config_get(r->root, "n_routed_experts"), 0) > 0;
    for (size_t i = 0; i < n_keys; i++) {
        const ConfigInt *k = &key[i];
        const Json *node = config_get(r->root, k->name);
        int value = k->initial;
        if (node) {
            int64_t n = json_int(node, INT64_MIN);
            if (n < k->low || n > (1 << 30))
                return FAIL(ST_FORMAT, "%s:%d: \"%s\" must be a whole number of at least %d",
                            json_name(r->doc), json_line(r->doc, node), k->name, k->low);
            value = (int)n;
        } else if (k->need == REQUIRED || (k->need == MOE_REQUIRED && moe)) {
            return config_bad(r, r->root, k->name, "is missing");
        }
        memcpy((char *)r->model + k->offset, &value, sizeof value);
    }
    return ST_OK;
}

Status config_num(const ConfigReader *r, const Json *object, const char *key, double initial,
                  double *out) {
    const Json *node = config_get(object, key);
    if (node && json_kind(node) != JSON_NUMBER) return config_bad(r, node, key, "must be a number");
    *out = json_num(node, initial);
    if (!isfinite(*out)) return config_bad(r, node, key, "must be a finite number");
    return ST_OK;
}

Status config_flag(const ConfigReader *r, const char *key, bool initial, bool *out) {
    const Json *node = config_get(r->root, key);
    if (node && json_kind(node) != JSON_BOOL)
        return config_bad(r, node, key, "must be true or false");
    *out = json_bool(node, initial);
    return ST_OK;
}

// The index of the key's text among the choices (a list ended by NULL), `initial` if absent.
Status config_choice(const ConfigReader *r, const Json *object, const char *key,
                     const char *const *choice, int initial, int *out) {
    const Json *node = config_get(object, key);
    *out = initial;
    if (!node) return ST_OK;
    for (int i = 0; choice[i]; i++)
        if (strcmp(json_text(node, ""), choice[i]) == 0) {
            *out = i;
            return ST_OK;
        }
    Str list = {0};
    for (int i = 0; choice[i]; i++) str_printf(&list, "%s\"%s\"", i ? ", " : "", choice[i]);
    Status st = FAIL(ST_FORMAT, "%s:%d: \"%s\" must be one of %s", json_name(r->doc),
                     json_line(r->doc, node), key, str_text(&list));
    str_free(&list);
    return st;
}

// A token id, or the first of a list; -1 if absent.
Status config_id(const ConfigReader *r, const char *key, int32_t *out) {
    const Json *node = config_get(r->root, key);
    *out = -1;
    if (!node) return ST_OK;
    if (json_kind(node) == JSON_ARRAY) node = json_first(node);
    int64_t id = json_int(node, -2);
    if (!node || id < -1 || id > INT32_MAX)
        return config_bad(r, node ? node : config_get(r->root, key), key, "must be a token id");
    *out = (int32_t)id;
    return ST_OK;
}

// ---- writing ---------------------------------------------------------------------------------
// With a point or an exponent: transformers refuses 1 where it wants 1.0.
void config_float(Str *out, double value) {
    size_t from = out->size;
    str_number(out, value);
    if (!strpbrk(out->data + from, ".eE")) str_puts(out, ".0");
}

void config_put_num(Str *out, const char *key, double value) {
    str_printf(out, "  \"%s\": ", key);
    config_float(out, value);
    str_puts(out, ",\n");
}

void config_put_int(Str *out, const char *key, int value) {
    str_printf(out, "  \"%s\": %d,\n", key, value);
}

void config_put_id(Str *out, const char *key, int32_t id) {
    if (id >= 0)
        str_printf(out, "  \"%s\": %d,\n", key, id);
    else
        str_printf(out, "  \"%s\": null,\n", key);
}

void config_put_flag(Str *out, const char *key, bool value) {
    str_printf(out, "  \"%s\": %s,\n", key, value ? "true" : "false");
}

void config_put_text(Str *out, const char *key, const char *value) {
    str_printf(out, "  \"%s\": \"%s\",\n", key, value);
}
