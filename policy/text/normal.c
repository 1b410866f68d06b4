// policy/text/normal.c -- a list of steps, each from one buffer to another.
#include "policy/text/normal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "policy/text/splitstep.h"
#include "policy/text/unicode.h"

typedef enum NormalKind {
    NORMAL_FORM,
    NORMAL_LOWER,
    NORMAL_PREPEND,
    NORMAL_REPLACE,
    NORMAL_STRIP
} NormalKind;

typedef struct Step {
    NormalKind kind;
    bool compose, compat; // of a form
    bool left, right;     // of Strip
    char *content;        // of Prepend, Replace; owned
    SplitStep pattern;    // of Replace
} Step;

struct Normal {
    Step *step;
    int n_steps;
};

static Status read_replace(const JsonDoc *doc, const Json *node, Step *out) {
    const Json *pattern = json_get(node, "pattern");
    const Json *regex = json_get(pattern, "Regex"), *string = json_get(pattern, "String");
    const Json *text = regex ? regex : string;
    out->kind = NORMAL_REPLACE;
    if (!text || json_text_size(text) == 0)
        return FAIL(ST_FORMAT, "%s:%d: normalizer: Replace needs a pattern, Regex or String",
                    json_name(doc), json_line(doc, node));
    return splitstep_regex(json_name(doc), json_line(doc, node), json_text(text, ""),
                           json_text_size(text), text == string, &out->pattern);
}

static Status read_node(Normal *normal, const JsonDoc *doc, const Json *node) {
    const char *type = json_text(json_get(node, "type"), "");
    if (strcmp(type, "Sequence") == 0) {
        const Json *list = json_get(node, "normalizers");
        for (const Json *n = list ? json_first(list) : NULL; n; n = json_next(n))
            TRY(read_node(normal, doc, n));
        return ST_OK;
    }
    static const char *const form[] = {"NFD", "NFC", "NFKD", "NFKC"};
    Step step = {.kind = NORMAL_FORM};
    int f = 0;
    while (f < 4 && strcmp(form[f], type) != 0) f++;
    const char *content = NULL;
    if (f < 4) {
        step.compose = f & 1;
        step.compat = f & 2;
    } else if (strcmp(type, "Lowercase") == 0) {
        step.kind = NORMAL_LOWER;
    } else if (strcmp(type, "Prepend") == 0) {
        step.kind = NORMAL_PREPEND;
        content = json_text(json_get(node, "prepend"), "");
    } else if (strcmp(type, "Replace") == 0) {
        TRY(read_replace(doc, node, &step));
        content = json_text(json_get(node, "content"), "");
    } else if (strcmp(type, "Strip") == 0) {
        step.kind = NORMAL_STRIP;
        step.left = json_bool(json_get(node, "strip_left"), true);
        step.right = json_bool(json_get(node, "strip_right"), true);
    } else {
        return FAIL(ST_UNSUPPORTED, "%s:%d: normalizer '%s' is not built", json_name(doc),
                    json_line(doc, node), type);
    }
    if (content) {
        step.content = strdup(content);
        CHECK(step.content != NULL);
    }
    normal->step = (Step *)realloc(normal->step, (size_t)(normal->n_steps + 1) * sizeof step);
    CHECK(normal->step != NULL);
    normal->step[normal->n_steps++] = step;
    return ST_OK;
}

Status normal_parse(const JsonDoc *doc, const Json *node, Normal **out) {
    Normal *normal = (Normal *)calloc(1, sizeof *normal);
    CHECK(normal != NULL);
    Status st = ST_OK;
    if (node && json_kind(node) != JSON_NULL) st = read_node(normal, doc, node);
    if (st != ST_OK) normal_free(normal);
    *out = st == ST_OK ? normal : NULL;
    return st;
}

void normal_free(Normal *normal) {
    if (!normal) return;
    for (int i = 0; i < normal->n_steps; i++) {
        free(normal->step[i].content);
        splitstep_close(&normal->step[i].pattern);
    }
    free(normal->step);
    free(normal);
}

// ---- running ---------------------------------------------------------------------------------
static void lower(const char *text, size_t size, Str *out) {
    for (size_t at = 0; at < size;) {
        int32_t c;
        at = unicode_next(text, at, &c);
        if (c == 0x130) // the one character whose small form is two
            str_puts(out, "i\xCC\x87");
        else
            unicode_put(utf8proc_tolower(c), out);
    }
}

static void replace(const Step *s, const char *text, size_t size, Str *out) {
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    CHECK(data != NULL);
    const size_t *span = pcre2_get_ovector_pointer(data);
    size_t done = 0, at = 0;
    while (at <= size) {
        int rc = pcre2_match((const pcre2_code *)s->pattern.code, (PCRE2_SPTR)text, size, at,
                             PCRE2_NO_UTF_CHECK, data, (pcre2_match_context *)s->pattern.limits);
        if (rc < 0 || span[0] < done || span[1] < span[0]) break;
        str_add(out, text + done, span[0] - done);
        str_puts(out, s->content);
        done = at = span[1];
        if (span[0] == span[1]) { // an empty match: one character on
            int32_t c;
            at = at < size ? unicode_next(text, at, &c) : size + 1;
        }
    }
    str_add(out, text + done, size - done);
    pcre2_match_data_free(data);
}

// The text without white space at its ends, a view.
static const char *strip(const Step *s, const char *text, size_t *size) {
    const uint8_t *class_of = unicode_classes();
    size_t begin = *size, end = 0, next;
    for (size_t at = 0; at < *size; at = next) {
        int32_t c;
        next = unicode_next(text, at, &c);
        if ((class_of[c] & UC_KIND) == UC_SPACE) continue;
        if (end == 0) begin = at;
        end = next;
    }
    if (end == 0) {
        *size = 0; // nothing but white space
        return text;
    }
    if (!s->left) begin = 0;
    if (!s->right) end = *size;
    *size = end - begin;
    return text + begin;
}

const char *normal_run(const Normal *normal, const char *text, size_t size, size_t *out_size,
                       Str *work) {
    Str next = {0};
    for (int i = 0; i < normal->n_steps; i++) {
        const Step *s = &normal->step[i];
        bool changed = true;
        str_clear(&next);
        switch (s->kind) {
        case NORMAL_FORM: changed = unicode_normal(text, size, s->compose, s->compat, &next); break;
        case NORMAL_LOWER: lower(text, size, &next); break;
        case NORMAL_PREPEND:
            if (size) str_puts(&next, s->content);
            str_add(&next, text, size);
            break;
        case NORMAL_REPLACE: replace(s, text, size, &next); break;
        case NORMAL_STRIP: text = strip(s, text, &size); changed = false;
        }
        if (!changed) continue;
        Str old = *work;
        *work = next;
        next = old;
        text = str_text(work);
        size = work->size;
    }
    str_free(&next);
    *out_size = size;
    return text;
}
