// verifiers/ifeval/pyjson.c -- a pushdown automaton: a stack of open brackets, no recursion.
#include "verifiers/ifeval/pyjson.h"

#include <string.h>

typedef struct PyJsonScan {
    const char *p, *end;
} PyJsonScan;

static void blanks(PyJsonScan *s) {
    while (s->p < s->end && *s->p && strchr(" \t\n\r", *s->p)) s->p++;
}

static bool eat(PyJsonScan *s, const char *what) {
    size_t n = strlen(what);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, what, n) != 0) return false;
    s->p += n;
    return true;
}

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

static bool string(PyJsonScan *s) {
    if (!eat(s, "\"")) return false;
    while (s->p < s->end) {
        char c = *s->p++;
        if (c == '"') return true;
        if ((unsigned char)c < 0x20) return false;
        if (c != '\\') continue;
        if (s->p == s->end) return false;
        c = *s->p++;
        if (c == 'u') {
            for (int i = 0; i < 4; i++)
                if (s->p == s->end || !is_hex(*s->p++)) return false;
        } else if (!c || !strchr("\"\\/bfnrt", c)) {
            return false;
        }
    }
    return false;
}

static bool digits(PyJsonScan *s) {
    const char *from = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9') s->p++;
    return s->p > from;
}

static bool number(PyJsonScan *s) {
    eat(s, "-");
    if (!eat(s, "0") && !digits(s)) return false;
    PyJsonScan back = *s;
    if (eat(s, ".") && !digits(s)) *s = back;
    back = *s;
    if (eat(s, "e") || eat(s, "E")) {
        if (!eat(s, "+")) eat(s, "-");
        if (!digits(s)) *s = back;
    }
    return true;
}

static bool scalar(PyJsonScan *s) {
    if (s->p < s->end && *s->p == '"') return string(s);
    return eat(s, "null") || eat(s, "true") || eat(s, "false") || eat(s, "NaN") ||
           eat(s, "Infinity") || eat(s, "-Infinity") || number(s);
}

static bool key(PyJsonScan *s) {
    blanks(s);
    if (!string(s)) return false;
    blanks(s);
    return eat(s, ":");
}

bool pyjson_valid(Slice text) {
    PyJsonScan s = {text.data, text.data + text.size};
    char open[PYJSON_MAX_DEPTH];
    int depth = 0;
    for (;;) {
        // a value begins
        blanks(&s);
        bool empty = false;
        if (eat(&s, "{")) {
            if (depth == PYJSON_MAX_DEPTH) return false;
            open[depth++] = '}';
            blanks(&s);
            empty = s.p < s.end && *s.p == '}';
            if (!empty && !key(&s)) return false;
        } else if (eat(&s, "[")) {
            if (depth == PYJSON_MAX_DEPTH) return false;
            open[depth++] = ']';
            blanks(&s);
            empty = s.p < s.end && *s.p == ']';
        } else {
            if (!scalar(&s)) return false;
            empty = true;
        }
        if (!empty) continue;
        // a value has ended, or an empty bracket is about to
        for (;;) {
            blanks(&s);
            if (depth == 0) return s.p == s.end;
            if (s.p == s.end) return false;
            if (*s.p == open[depth - 1]) {
                s.p++, depth--;
                continue;
            }
            // After an opening bracket only its closer was seen, so a comma follows a value.
            if (!eat(&s, ",")) return false;
            if (open[depth - 1] == '}' && !key(&s)) return false;
            break;
        }
    }
}
