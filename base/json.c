// base/json.c -- a strict scan that notes lines and sizes, then cJSON builds the tree.
//
// cJSON reads more than JSON ("01", control characters, text after the value) and keeps no
// positions. So a scan first refuses what is not RFC 8259 and writes one Note per value in the
// order the text has them; cJSON then cannot fail, and a walk in the same order moves the notes
// into fields that cJSON leaves unused: `valueint` holds the line of every node, `valuedouble` the
// size of a string, which may contain zero bytes, `valuestring` the digits of a number.
#include "base/json.h"

#include <cjson/cJSON.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/str.h"

enum {
    DEPTH_MAX = 64,
    NUMBER_MAX = 63,    // characters cJSON can take
    INTEGER_MAX = 4301, // and we, of an integer: as many digits as Python's json reads, and a sign
};

typedef struct Note {
    int line;
    const char *at; // of a number, where it begins in the text as it was given
    size_t size;    // of a string, decoded; of a number, as written
} Note;

// Where a string decodes to a zero byte, which cJSON would take for its end.
typedef struct Zero {
    size_t value, offset; // index of the value's note, offset in the decoded text
} Zero;

struct JsonDoc {
    cJSON *root;
    char *name;
};

typedef struct JsonScan {
    // In a copy of the text that ends with a zero; what cJSON could not take is overwritten:
    // comments, \u0000, the digits of an integer beyond its most.
    char *at;
    const char *copy, *text; // the copy, and what it is of
    const char *name;
    int line;
    bool comments;
    Note *note;
    size_t n_notes, cap_notes;
    Zero *zero;
    size_t n_zeros, cap_zeros;
} JsonScan;

static Status bad(const JsonScan *s, const char *what) {
    return FAIL(ST_FORMAT, "%s:%d: %s", s->name, s->line, what);
}

static void *grow(void *items, size_t n, size_t *cap, size_t size) {
    if (n < *cap) return items;
    *cap = *cap ? 2 * *cap : 64;
    items = realloc(items, *cap * size);
    CHECK(items != NULL);
    return items;
}

static void skip_space(JsonScan *s) {
    for (;; s->at++) {
        if (s->comments && s->at[0] == '/' && s->at[1] == '/')
            while (*s->at && *s->at != '\n') *s->at++ = ' ';
        if (*s->at == '\n')
            s->line++;
        else if (*s->at != ' ' && *s->at != '\t' && *s->at != '\r')
            return;
    }
}

static int hex4(const char *p) {
    int value = 0;
    for (int k = 0; k < 4; k++) {
        const char *digits = "0123456789abcdef", *d;
        char c = p[k] >= 'A' && p[k] <= 'F' ? (char)(p[k] + 'a' - 'A') : p[k];
        if (!c || !(d = strchr(digits, c))) return -1;
        value = value * 16 + (int)(d - digits);
    }
    return value;
}

// at[0] is the backslash. *size: what the escape decodes to, in bytes.
static Status scan_escape(JsonScan *s, size_t value, size_t *size) {
    char kind = s->at[1];
    if (kind && strchr("\"\\/bfnrt", kind)) {
        s->at += 2;
        *size += 1;
        return ST_OK;
    }
    if (kind != 'u') return bad(s, "bad escape in a string");
    int code = hex4(s->at + 2);
    if (code < 0) return bad(s, "\\u wants four hexadecimal digits");
    if (code >= 0xDC00 && code <= 0xDFFF) return bad(s, "half of a surrogate pair");
    if (code >= 0xD800 && code <= 0xDBFF) {
        int low = s->at[6] == '\\' && s->at[7] == 'u' ? hex4(s->at + 8) : -1;
        if (low < 0xDC00 || low > 0xDFFF) return bad(s, "half of a surrogate pair");
        s->at += 12;
        *size += 4;
        return ST_OK;
    }
    if (code == 0) {
        s->zero = grow(s->zero, s->n_zeros, &s->cap_zeros, sizeof *s->zero);
        s->zero[s->n_zeros++] = (Zero){value, *size};
        s->at[5] = '1'; // any code of one byte; put right after cJSON has been here
    }
    s->at += 6;
    *size += code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
    return ST_OK;
}

static Status scan_string(JsonScan *s, size_t value, size_t *size) {
    *size = 0;
    for (s->at++; *s->at != '"';) {
        if (*s->at == '\\') {
            TRY(scan_escape(s, value, size));
        } else if (*s->at == 0 || *s->at == '\n') {
            return bad(s, "a string is not closed");
        } else if ((unsigned char)*s->at < 0x20) {
            return bad(s, "a control character in a string; write it as an escape");
        } else {
            s->at++;
            *size += 1;
        }
    }
    s->at++;
    return ST_OK;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static Status scan_number(JsonScan *s) {
    char *begin = s->at;
    bool whole = true;
    if (*s->at == '-') s->at++;
    if (*s->at == '0')
        s->at++;
    else if (is_digit(*s->at))
        while (is_digit(*s->at)) s->at++;
    else
        return bad(s, "a value was expected");
    if (*s->at == '.') {
        whole = false;
        if (!is_digit(*++s->at)) return bad(s, "a digit must follow the decimal point");
        while (is_digit(*s->at)) s->at++;
    }
    if (*s->at == 'e' || *s->at == 'E') {
        whole = false;
        s->at++;
        if (*s->at == '+' || *s->at == '-') s->at++;
        if (!is_digit(*s->at)) return bad(s, "a digit must follow the exponent");
        while (is_digit(*s->at)) s->at++;
    }
    if (is_digit(*s->at)) return bad(s, "a number may not begin with 0");
    size_t size = (size_t)(s->at - begin);
    if (whole && size > INTEGER_MAX) return bad(s, "an integer of more than 4300 digits");
    if (!whole && size > NUMBER_MAX) return bad(s, "a number of more than 63 characters");
    if (!whole && !isfinite(strtod(begin, NULL))) return bad(s, "a number is too large");
    if (size > NUMBER_MAX) memset(begin + NUMBER_MAX, ' ', size - NUMBER_MAX);
    return ST_OK;
}

static Status scan_value(JsonScan *s, int depth);

// After '{' or '['; `closer` ends it.
static Status scan_members(JsonScan *s, char closer, int depth) {
    if (depth >= DEPTH_MAX) return bad(s, "nested more than 64 deep");
    s->at++;
    skip_space(s);
    if (*s->at == closer) {
        s->at++;
        return ST_OK;
    }
    for (;;) {
        if (closer == '}') {
            size_t size, zeros = s->n_zeros;
            if (*s->at != '"') return bad(s, "a key in double quotes was expected");
            TRY(scan_string(s, 0, &size));
            if (s->n_zeros != zeros) return bad(s, "a key may not contain \\u0000");
            skip_space(s);
            if (*s->at != ':') return bad(s, "a ':' was expected after the key");
            s->at++;
            skip_space(s);
        }
        TRY(scan_value(s, depth + 1));
        skip_space(s);
        if (*s->at == closer) break;
        if (*s->at != ',')
            return bad(s, closer == '}' ? "',' or '}' was expected" : "',' or ']' was expected");
        s->at++;
        skip_space(s);
        if (*s->at == closer) return bad(s, "a comma before the closing bracket");
    }
    s->at++;
    return ST_OK;
}

static Status scan_value(JsonScan *s, int depth) {
    static const char *const word[] = {"true", "false", "null"};
    size_t me = s->n_notes;
    s->note = grow(s->note, s->n_notes, &s->cap_notes, sizeof *s->note);
    s->note[s->n_notes++] = (Note){.line = s->line};
    switch (*s->at) {
    case '{': return scan_members(s, '}', depth);
    case '[': return scan_members(s, ']', depth);
    case '"': {
        size_t size;
        TRY(scan_string(s, me, &size));
        s->note[me].size = size;
        return ST_OK;
    }
    case 0: return bad(s, "the text ends where a value was expected");
    default: break;
    }
    for (int k = 0; k < 3; k++) {
        size_t n = strlen(word[k]);
        if (strncmp(s->at, word[k], n) == 0) {
            s->at += n;
            return ST_OK;
        }
    }
    const char *begin = s->at;
    s->note[me].at = s->text + (begin - s->copy);
    TRY(scan_number(s));
    s->note[me].size = (size_t)(s->at - begin);
    return ST_OK;
}

// cJSON frees the copy with the node.
static char *keep_digits(const Note *note) {
    char *copy = cJSON_malloc(note->size + 1);
    CHECK(copy != NULL && note->at != NULL);
    memcpy(copy, note->at, note->size);
    copy[note->size] = 0;
    return copy;
}

// Moves the notes into the nodes, in the order of the text; `next` is the next note's index.
static void take_notes(const JsonScan *s, cJSON *node, size_t *next, size_t *next_zero) {
    for (; node; node = node->next) {
        size_t me = (*next)++;
        node->valueint = s->note[me].line;
        if (cJSON_IsString(node)) node->valuedouble = (double)s->note[me].size;
        if (cJSON_IsNumber(node)) node->valuestring = keep_digits(&s->note[me]);
        if (cJSON_IsNumber(node) && s->note[me].size > NUMBER_MAX)
            node->valuedouble = fmax(fmin(strtod(node->valuestring, NULL), DBL_MAX), -DBL_MAX);
        for (; *next_zero < s->n_zeros && s->zero[*next_zero].value == me; ++*next_zero)
            node->valuestring[s->zero[*next_zero].offset] = 0;
        take_notes(s, node->child, next, next_zero);
    }
}

static int by_key(const void *a, const void *b) {
    const cJSON *x = *(const cJSON *const *)a, *y = *(const cJSON *const *)b;
    int order = strcmp(x->string, y->string);
    return order ? order : (x->valueint > y->valueint) - (x->valueint < y->valueint);
}

static Status refuse_duplicates(const cJSON *node, const char *name) {
    const cJSON *child;
    if (!node) return ST_OK;
    if (cJSON_IsObject(node) && node->child && node->child->next) {
        size_t n = 0;
        cJSON_ArrayForEach(child, node) n++;
        const cJSON **sorted = malloc(n * sizeof *sorted);
        CHECK(sorted != NULL);
        n = 0;
        cJSON_ArrayForEach(child, node) sorted[n++] = child;
        qsort(sorted, n, sizeof *sorted, by_key);
        const cJSON *twice = NULL, *first = NULL;
        for (size_t k = 1; k < n && !twice; k++)
            if (strcmp(sorted[k - 1]->string, sorted[k]->string) == 0)
                first = sorted[k - 1], twice = sorted[k];
        free(sorted);
        if (twice)
            return FAIL(ST_FORMAT, "%s:%d: the key '%s' was already given in line %d", name,
                        twice->valueint, twice->string, first->valueint);
    }
    cJSON_ArrayForEach(child, node) TRY(refuse_duplicates(child, name));
    return ST_OK;
}

Status json_parse(const char *text, size_t size, const char *name, int first_line, bool comments,
                  JsonDoc **out) {
    Status st = ST_OK;
    char *copy = calloc(size + 1, 1);
    JsonDoc *doc = calloc(1, sizeof *doc);
    CHECK(copy != NULL && doc != NULL);
    if (size) memcpy(copy, text, size);
    JsonScan s = {.at = copy,
                  .copy = copy,
                  .text = text,
                  .name = name,
                  .line = first_line,
                  .comments = comments};
    *out = NULL;

    size_t wrong, next = 0, next_zero = 0;
    if (!str_is_utf8(copy, size, &wrong)) {
        for (size_t k = 0; k < wrong; k++) s.line += copy[k] == '\n';
        TRY_OUT(bad(&s, "not valid UTF-8"));
    }
    if (strncmp(copy, "\xEF\xBB\xBF", 3) == 0) s.at += 3; // byte order mark
    const char *begin = s.at;
    skip_space(&s);
    TRY_OUT(scan_value(&s, 0));
    const char *end = s.at;
    skip_space(&s);
    if (s.at != copy + size) TRY_OUT(bad(&s, "text after the end of the value"));

    doc->root = cJSON_ParseWithLength(begin, (size_t)(end - begin));
    if (!doc->root) TRY_OUT(bad(&s, "cJSON cannot read what the strict scan could"));
    take_notes(&s, doc->root, &next, &next_zero);
    CHECK(next == s.n_notes && next_zero == s.n_zeros);
    TRY_OUT(refuse_duplicates(doc->root, name));
    doc->name = strdup(name);
    CHECK(doc->name != NULL);
    *out = doc;
    doc = NULL;
out:
    free(s.note);
    free(s.zero);
    free(copy);
    json_free(doc);
    return st;
}

Status json_read(const char *path, bool comments, JsonDoc **out) {
    *out = NULL;
    Arena *arena = arena_new(0);
    char *text;
    size_t size;
    Status st = file_read(path, &text, &size, arena);
    if (st == ST_OK) st = json_parse(text, size, path, 1, comments, out);
    arena_free(arena);
    return st;
}

Status json_read_if_there(const char *path, JsonDoc **out) {
    bool there;
    *out = NULL;
    TRY(file_look(path, &there));
    return there ? json_read(path, false, out) : ST_OK;
}

void json_free(JsonDoc *doc) {
    if (!doc) return;
    cJSON_Delete(doc->root);
    free(doc->name);
    free(doc);
}

// A Json is a cJSON; only this file knows.
static const cJSON *peer(const Json *node) {
    return (const cJSON *)(const void *)node;
}
static const Json *view(const cJSON *node) {
    return (const Json *)(const void *)node;
}

const Json *json_root(const JsonDoc *doc) {
    return view(doc->root);
}

const char *json_name(const JsonDoc *doc) {
    return doc->name;
}

JsonKind json_kind(const Json *node) {
    const cJSON *c = peer(node);
    if (cJSON_IsObject(c)) return JSON_OBJECT;
    if (cJSON_IsArray(c)) return JSON_ARRAY;
    if (cJSON_IsString(c)) return JSON_STRING;
    if (cJSON_IsNumber(c)) return JSON_NUMBER;
    return cJSON_IsBool(c) ? JSON_BOOL : JSON_NULL;
}

const char *json_kind_name(JsonKind kind) {
    switch (kind) {
    case JSON_NULL: return "null";
    case JSON_BOOL: return "true or false";
    case JSON_NUMBER: return "a number";
    case JSON_STRING: return "a string";
    case JSON_ARRAY: return "an array";
    case JSON_OBJECT: return "an object";
    }
    return "nothing";
}

int json_line(const JsonDoc *doc, const Json *node) {
    (void)doc;
    return node ? peer(node)->valueint : 0;
}

const Json *json_first(const Json *node) {
    return node ? view(peer(node)->child) : NULL;
}

const Json *json_next(const Json *node) {
    return view(peer(node)->next);
}

int json_count(const Json *node) {
    int n = 0;
    for (const Json *child = json_first(node); child; child = json_next(child)) n++;
    return n;
}

const char *json_key(const Json *node) {
    return peer(node)->string;
}

const Json *json_get(const Json *object, const char *key) {
    const cJSON *c = peer(object);
    return cJSON_IsObject(c) ? view(cJSON_GetObjectItemCaseSensitive(c, key)) : NULL;
}

const char *json_text(const Json *node, const char *fallback) {
    return cJSON_IsString(peer(node)) ? peer(node)->valuestring : fallback;
}

size_t json_text_size(const Json *node) {
    return cJSON_IsString(peer(node)) ? (size_t)peer(node)->valuedouble : 0;
}

double json_num(const Json *node, double fallback) {
    return cJSON_IsNumber(peer(node)) ? peer(node)->valuedouble : fallback;
}

const char *json_raw(const Json *node) {
    return cJSON_IsNumber(peer(node)) ? peer(node)->valuestring : NULL;
}

void json_echo(const Json *node, Str *out) {
    switch (node ? json_kind(node) : JSON_NULL) {
    case JSON_NULL: str_puts(out, "null"); break;
    case JSON_BOOL: str_puts(out, json_bool(node, false) ? "true" : "false"); break;
    case JSON_NUMBER: str_puts(out, json_raw(node)); break;
    case JSON_STRING: str_json(out, json_text(node, ""), json_text_size(node)); break;
    case JSON_ARRAY:
    case JSON_OBJECT: {
        bool object = json_kind(node) == JSON_OBJECT;
        str_putc(out, object ? '{' : '[');
        for (const Json *child = json_first(node); child; child = json_next(child)) {
            if (child != json_first(node)) str_putc(out, ',');
            if (object) {
                str_json(out, json_key(child), strlen(json_key(child)));
                str_putc(out, ':');
            }
            json_echo(child, out);
        }
        str_putc(out, object ? '}' : ']');
        break;
    }
    }
}

int64_t json_int(const Json *node, int64_t fallback) {
    double value = json_num(node, 0.5);
    return fabs(value) < 0x1p53 && value == nearbyint(value) ? (int64_t)value : fallback;
}

bool json_bool(const Json *node, bool fallback) {
    return cJSON_IsBool(peer(node)) ? cJSON_IsTrue(peer(node)) : fallback;
}
