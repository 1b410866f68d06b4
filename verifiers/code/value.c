// verifiers/code/value.c -- one walk over untrusted bytes, which builds a tree where it is asked
// to.
#include "verifiers/code/value.h"

#include <gmp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

// ---- writing

static void put_u32(Str *out, uint32_t n) {
    const unsigned char b[4] = {(unsigned char)n, (unsigned char)(n >> 8), (unsigned char)(n >> 16),
                                (unsigned char)(n >> 24)};
    str_add(out, b, sizeof b);
}

void value_none(Str *out) {
    str_putc(out, 'N');
}

void value_bool(Str *out, bool value) {
    str_putc(out, value ? 'T' : 'F');
}

void value_int(Str *out, int64_t value) {
    str_putc(out, 'i');
    put_u32(out, 8);
    for (int i = 0; i < 8; i++) str_putc(out, (char)((uint64_t)value >> (8 * i)));
}

void value_text(Str *out, const char *text, size_t size) {
    str_putc(out, 's');
    put_u32(out, (uint32_t)size);
    str_add(out, text, size);
}

void value_bytes(Str *out, const void *data, size_t size) {
    str_putc(out, 'b');
    put_u32(out, (uint32_t)size);
    str_add(out, data, size);
}

void value_open(Str *out, char kind, uint32_t n) {
    str_putc(out, kind);
    put_u32(out, n);
}

void value_key(Str *out, const char *key) {
    value_text(out, key, strlen(key));
}

static bool is_decimal(const char *raw) {
    return strpbrk(raw, ".eE") != NULL;
}

static void put_big(Str *out, const char *raw) {
    mpz_t z, two;
    mpz_init(two);
    CHECK(mpz_init_set_str(z, raw, 10) == 0);
    size_t n = mpz_sizeinbase(z, 2) / 8 + 1; // space for the sign
    if (mpz_sgn(z) < 0) {
        mpz_setbit(two, 8 * n);
        mpz_add(z, z, two);
    }
    unsigned char *bytes = calloc(1, n + 1);
    CHECK(bytes != NULL);
    mpz_export(bytes, NULL, -1, 1, 0, 0, z);
    str_putc(out, 'i');
    put_u32(out, (uint32_t)n);
    str_add(out, bytes, n);
    free(bytes);
    mpz_clears(z, two, NULL);
}

static void put_number(Str *out, const char *raw) {
    if (!is_decimal(raw)) {
        if (strlen(raw) < 18)
            value_int(out, strtoll(raw, NULL, 10));
        else
            put_big(out, raw);
        return;
    }
    double value = strtod(raw, NULL);
    str_putc(out, 'f');
    str_add(out, &value, sizeof value);
}

void value_json(Str *out, const Json *value) {
    switch (value ? json_kind(value) : JSON_NULL) {
    case JSON_NULL: value_none(out); return;
    case JSON_BOOL: value_bool(out, json_bool(value, false)); return;
    case JSON_NUMBER: put_number(out, json_raw(value)); return;
    case JSON_STRING: value_text(out, json_text(value, ""), json_text_size(value)); return;
    case JSON_ARRAY: value_open(out, '[', (uint32_t)json_count(value)); break;
    case JSON_OBJECT: value_open(out, '{', (uint32_t)json_count(value)); break;
    }
    for (const Json *n = json_first(value); n; n = json_next(n)) {
        if (json_key(n)) value_key(out, json_key(n));
        value_json(out, n);
    }
}

// ---- reading

typedef struct ValueReader {
    const uint8_t *data;
    size_t size, at;
    const char *why;
    int depth, n_nodes;
    Arena *arena; // NULL: only look
    Value **object;
    uint32_t n_objects, cap;
} ValueReader;

static bool bad(ValueReader *r, const char *why) {
    if (!r->why) r->why = why;
    return false;
}

static const uint8_t *take(ValueReader *r, size_t n) {
    if (n > r->size - r->at) {
        bad(r, "a value ends too early");
        return NULL;
    }
    const uint8_t *p = r->data + r->at;
    r->at += n;
    return p;
}

static bool take_u32(ValueReader *r, uint32_t *out) {
    const uint8_t *p = take(r, 4);
    if (!p) return false;
    *out = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return true;
}

static bool read_value(ValueReader *r, Value *out);

// `n` values, at least a byte each.
static bool read_items(ValueReader *r, uint64_t n, Value *out) {
    if (n > r->size - r->at) return bad(r, "a length beyond the frame");
    if (r->arena && n > (uint64_t)(VALUE_MAX_NODES - r->n_nodes))
        return bad(r, "a value of too many parts");
    if (++r->depth > VALUE_MAX_DEPTH) return bad(r, "nested too deep");
    out->size = (size_t)n;
    Value scratch, *item = NULL;
    if (r->arena) {
        item = out->item = ARENA_ARRAY(r->arena, Value, n + 1);
        r->n_nodes += (int)n;
    }
    for (uint64_t i = 0; i < n; i++)
        if (!read_value(r, item ? &item[i] : &scratch)) return false;
    r->depth--;
    return true;
}

static void note_object(ValueReader *r, Value *out) {
    if (r->arena && r->n_objects == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->object = realloc(r->object, r->cap * sizeof(Value *));
        CHECK(r->object != NULL);
    }
    if (r->arena) r->object[r->n_objects] = out;
    r->n_objects++;
}

static bool read_name(ValueReader *r, Value *out) {
    const uint8_t *n = take(r, 1);
    if (!n) return false;
    out->size = *n;
    out->data = take(r, *n);
    return out->data != NULL;
}

static bool read_bytes(ValueReader *r, Value *out) {
    uint32_t n;
    if (!take_u32(r, &n)) return false;
    out->size = n;
    out->data = take(r, n);
    return out->data != NULL;
}

static bool read_reference(ValueReader *r, Value *out) {
    uint32_t n;
    if (!take_u32(r, &n)) return false;
    if (out->kind != '@') return r->arena ? bad(r, "an object of the program's own type") : true;
    if (!r->arena) return true;
    if (n >= r->n_objects) return bad(r, "a reference to nothing");
    out->item = r->object[n];
    out->size = 1;
    return true;
}

static bool read_library(ValueReader *r, Value *out) {
    if (!read_name(r, out)) return false;
    if (out->kind == 'q') note_object(r, out);
    Value held = *out;
    if (!read_items(r, 1, out)) return false;
    out->size = held.size;
    return true;
}

static bool read_value(ValueReader *r, Value *out) {
    const uint8_t *kind = take(r, 1);
    if (!kind) return false;
    *out = (Value){.kind = (char)*kind};
    uint32_t n;
    switch (out->kind) {
    case 'N':
    case 'T':
    case 'F':
    case '.':
    case '!': return true;
    case 'f': out->size = 8; return (out->data = take(r, 8)) != NULL;
    case 'c': out->size = 16; return (out->data = take(r, 16)) != NULL;
    case 'y': note_object(r, out); return read_bytes(r, out);
    case 'i':
    case 's':
    case 'b': return read_bytes(r, out);
    case '[':
    case '<':
    case '{':
        note_object(r, out);
        return take_u32(r, &n) && read_items(r, out->kind == '{' ? 2 * (uint64_t)n : n, out);
    case '(':
    case 'z': return take_u32(r, &n) && read_items(r, n, out);
    case 'r': return read_items(r, 3, out);
    case '@':
    case 'o':
    case 'w': return read_reference(r, out);
    case 'g': return read_name(r, out);
    case 'x':
    case 'q': return read_library(r, out);
    default: return bad(r, "an unknown kind of value");
    }
}

static const char *read_all(ValueReader *r, Value *out) {
    if (!read_value(r, out)) return r->why;
    return r->at == r->size ? NULL : "bytes after the value";
}

const char *value_check(const uint8_t *data, size_t size) {
    ValueReader r = {.data = data, .size = size};
    Value scratch;
    return read_all(&r, &scratch);
}

const Value *value_read(const uint8_t *data, size_t size, const char **why, Arena *arena) {
    ValueReader r = {.data = data, .size = size, .arena = arena};
    Value *out = ARENA_ARRAY(arena, Value, 1);
    *why = read_all(&r, out);
    free(r.object);
    return *why ? NULL : out;
}

// ---- what a value says

static void to_mpz(const Value *value, mpz_t z) {
    mpz_import(z, value->size, -1, 1, 0, 0, value->data);
    if (value->size && value->data[value->size - 1] & 0x80) {
        mpz_t two;
        mpz_init(two);
        mpz_setbit(two, 8 * value->size);
        mpz_sub(z, z, two);
        mpz_clear(two);
    }
}

int64_t value_get_int(const Value *value, int64_t fallback) {
    if (!value || value->kind != 'i') return fallback;
    mpz_t z;
    mpz_init(z);
    to_mpz(value, z);
    int64_t out = mpz_fits_slong_p(z) ? mpz_get_si(z) : fallback;
    mpz_clear(z);
    return out;
}

bool value_is_text(const Value *value, const char *text) {
    return value && value->kind == 's' && value->size == strlen(text) &&
           memcmp(value->data, text, value->size) == 0;
}

static double get_float(const Value *value) {
    double out;
    memcpy(&out, value->data, sizeof out);
    return out;
}

static bool number_equals(const Value *value, const char *raw) {
    if (value->kind != 'i' && value->kind != 'f') return false;
    bool equal = false;
    mpz_t got, want;
    mpz_inits(got, want, NULL);
    if (is_decimal(raw)) {
        double w = strtod(raw, NULL), g;
        if (value->kind == 'i') to_mpz(value, got);
        g = value->kind == 'i' ? mpz_get_d(got) : get_float(value);
        double by = fabs(g - w);
        equal = isfinite(g) && isfinite(w) && (by <= 1e-6 || by <= 1e-6 * fabs(w));
    } else if (mpz_set_str(want, raw, 10) == 0) {
        double g = value->kind == 'f' ? get_float(value) : 0;
        if (value->kind == 'i')
            to_mpz(value, got);
        else if (isfinite(g) && g == floor(g))
            mpz_set_d(got, g);
        else
            goto out;
        equal = mpz_cmp(got, want) == 0;
    }
out:
    mpz_clears(got, want, NULL);
    return equal;
}

static bool key_equals(const Value *key, const char *want) {
    if (key->kind == 's') return value_is_text(key, want);
    if (key->kind != 'i' || !*want) return false;
    for (const char *p = want + (*want == '-'); *p; p++)
        if (*p < '0' || *p > '9') return false;
    return want[strspn(want, "-")] && number_equals(key, want);
}

static bool equals(const Value *value, const Json *want, int depth);

// A key as text: of equal keys, whole numbers too, it is the same. False: it is no key of JSON's.
static bool key_text(const Value *key, Str *out) {
    str_clear(out);
    if (key->kind == 's') {
        str_add(out, key->data, key->size);
        return true;
    }
    if (key->kind != 'i' || key->size > 512) return false;
    mpz_t z;
    mpz_init(z);
    to_mpz(key, z);
    char *text = mpz_get_str(NULL, 10, z);
    str_puts(out, text);
    free(text);
    mpz_clear(z);
    return true;
}

static uint64_t hash_of(const char *data, size_t size) {
    uint64_t h = 1469598103934665603ull; // FNV-1a
    for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)data[i]) * 1099511628211ull;
    return rng_mix(h);
}

// Where the keys of a dict are: open addressing, a power of two that is at least twice as many.
typedef struct KeyTable {
    uint32_t *place; // index of the key in the dict's items, plus 1; 0: empty
    size_t mask;
} KeyTable;

static KeyTable table_of(const Value *dict) {
    size_t n = 16;
    while (n < dict->size) n *= 2;
    KeyTable t = {calloc(n, sizeof(uint32_t)), n - 1};
    Str text = {0};
    CHECK(t.place != NULL);
    for (size_t i = 0; i < dict->size; i += 2) {
        if (!key_text(&dict->item[i], &text)) continue;
        size_t at = hash_of(str_text(&text), text.size) & t.mask;
        while (t.place[at]) at = (at + 1) & t.mask;
        t.place[at] = (uint32_t)i + 1;
    }
    str_free(&text);
    return t;
}

static bool dict_equals(const Value *dict, const Json *want, int depth) {
    if (dict->size != 2 * (size_t)json_count(want)) return false;
    // The same order is the usual case; otherwise each key is looked for.
    KeyTable t = {0};
    bool equal = true;
    size_t at = 0;
    for (const Json *n = json_first(want); n && equal; n = json_next(n), at += 2) {
        const char *key = json_key(n);
        const Value *found = NULL;
        if (key_equals(&dict->item[at], key)) found = &dict->item[at + 1];
        if (!found && !t.place) t = table_of(dict);
        size_t i = t.place ? hash_of(key, strlen(key)) & t.mask : 0;
        for (; !found && t.place && t.place[i]; i = (i + 1) & t.mask)
            if (key_equals(&dict->item[t.place[i] - 1], key)) found = &dict->item[t.place[i]];
        equal = found && equals(found, n, depth);
    }
    free(t.place);
    return equal;
}

static bool equals(const Value *value, const Json *want, int depth) {
    if (depth > VALUE_MAX_DEPTH) return false; // a list that holds itself
    if (value->kind == '@') value = value->item;
    switch (want ? json_kind(want) : JSON_NULL) {
    case JSON_NULL: return value->kind == 'N';
    case JSON_BOOL: return value->kind == (json_bool(want, false) ? 'T' : 'F');
    case JSON_NUMBER: return number_equals(value, json_raw(want));
    case JSON_STRING:
        return value->kind == 's' && value->size == json_text_size(want) &&
               memcmp(value->data, json_text(want, ""), value->size) == 0;
    case JSON_OBJECT: return value->kind == '{' && dict_equals(value, want, depth + 1);
    case JSON_ARRAY: break;
    }
    if ((value->kind != '[' && value->kind != '(') || value->size != (size_t)json_count(want))
        return false;
    size_t i = 0;
    for (const Json *n = json_first(want); n; n = json_next(n))
        if (!equals(&value->item[i++], n, depth + 1)) return false;
    return true;
}

bool value_equals(const Value *value, const Json *want) {
    return equals(value, want, 0);
}
