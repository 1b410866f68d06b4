// verifiers/boxed.c -- one pass over the text with a stack of the boxes that are still open.
#include "verifiers/boxed.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

Slice slice_of(const char *text) {
    return (Slice){text, strlen(text)};
}

Slice slice_trim(Slice s) {
    while (s.size && isspace((unsigned char)s.data[0])) s.data++, s.size--;
    while (s.size && isspace((unsigned char)s.data[s.size - 1])) s.size--;
    return s;
}

const char *slice_last(Slice text, const char *needle) {
    size_t n = strlen(needle);
    for (size_t at = text.size; at >= n; at--)
        if (text.data[at - n] == needle[0] && text.data[at - 1] == needle[n - 1] &&
            memcmp(text.data + at - n, needle, n) == 0)
            return text.data + at - n;
    return NULL;
}

bool boxed_prefill_open(const char *prefilled) {
    if (!prefilled) return false;
    Slice all = {prefilled, strlen(prefilled)};
    const char *open = slice_last(all, "<think>"), *close = slice_last(all, "</think>");
    return open && (!close || close < open);
}

Slice boxed_after_think(const char *text, size_t size, const char *prefilled) {
    Slice all = {text, size};
    const char *closed = slice_last(all, "</think>");
    if (closed) {
        closed += strlen("</think>");
        all = (Slice){closed, (size_t)(text + size - closed)};
    } else if (boxed_prefill_open(prefilled)) {
        return (Slice){NULL, 0};
    }
    return slice_last(all, "<think>") ? (Slice){NULL, 0} : all;
}

// The length of "\boxed{" or "\fbox {" at s, blanks before the brace included; 0 if it is no box.
static size_t box_opens(const char *s, const char *end) {
    static const char *const name[] = {"\\boxed", "\\fbox"};
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(name[i]);
        if ((size_t)(end - s) <= n || memcmp(s, name[i], n) != 0) continue;
        const char *p = s + n;
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\n')) p++;
        if (p < end && *p == '{') return (size_t)(p + 1 - s);
    }
    return 0;
}

typedef struct OpenBox {
    const char *begin, *content;
    size_t depth; // of braces outside of it
} OpenBox;

// Boxes with nothing but "," "and" "or" and dress between them.
typedef struct Run {
    Slice *box;
    int n, max;
    const char *end; // of the last
} Run;

static bool is_connector(const char *p, const char *end) {
    static const char *const words[] = {"\\quad", "\\qquad", "\\text", "\\mbox", "and", "or", "\\(",
                                        "\\)",    "\\[",     "\\]",    "\\,",    "\\;", "\\ "};
    enum { FAR = 64 };
    if (end - p > FAR) return false;
    while (p < end) {
        size_t taken = strchr(" \t\n\r,;$~{}&", *p) && *p ? 1 : 0;
        for (size_t i = 0; !taken && i < sizeof words / sizeof *words; i++) {
            size_t n = strlen(words[i]);
            if ((size_t)(end - p) >= n && memcmp(p, words[i], n) == 0) taken = n;
        }
        if (!taken) return false;
        p += taken;
    }
    return true;
}

static void run_add(Run *run, const OpenBox *box, const char *end) {
    if (run->n && !is_connector(run->end, box->begin)) run->n = 0;
    if (run->n < run->max) run->box[run->n] = (Slice){box->content, (size_t)(end - box->content)};
    if (run->n <= run->max) run->n++; // max + 1: too many
    run->end = end + 1;
}

// Walks the text and returns the content of the complete box that ends last; with `first`, of the
// box that the text begins with, and stops behind it (*stop).
static Slice find_box(Slice text, bool first, const char **stop, Run *run) {
    const char *p = text.data, *end = p + text.size;
    OpenBox *open = NULL;
    size_t n_open = 0, cap = 0, depth = 0;
    Slice found = {NULL, 0};
    while (p < end) {
        size_t opening = *p == '\\' ? box_opens(p, end) : 0;
        if (first && p == text.data && !opening) break;
        if (opening) {
            const char *begin = p;
            p += opening;
            if (n_open == cap) {
                cap = cap ? 2 * cap : 16;
                open = realloc(open, cap * sizeof *open);
                CHECK(open != NULL);
            }
            open[n_open++] = (OpenBox){.begin = begin, .content = p, .depth = depth};
            depth++;
        } else if (*p == '\\') {
            p += p + 1 < end ? 2 : 1; // the next byte is escaped: \{ \} \\ ; a name goes on as text
        } else if (*p == '{') {
            depth++, p++;
        } else if (*p == '}') {
            if (depth) depth--;
            if (n_open && open[n_open - 1].depth == depth) {
                OpenBox *box = &open[--n_open];
                found = (Slice){box->content, (size_t)(p - box->content)};
                if (stop) *stop = p + 1;
                if (run && n_open == 0) run_add(run, box, p);
                if (first && n_open == 0) break;
            }
            p++;
        } else {
            p++;
        }
    }
    if (first && n_open) found = (Slice){NULL, 0};
    free(open);
    return found;
}

Slice boxed_first(Slice text, size_t *end) {
    const char *stop = text.data;
    Slice box = find_box(text, true, &stop, NULL);
    *end = (size_t)(stop - text.data);
    return box;
}

Slice boxed_last(Slice text) {
    if (!text.data) return text;
    Slice box = find_box(text, false, NULL, NULL);
    for (int level = 0; box.data && level < 8; level++) { // \boxed{\boxed{5}}
        Slice inner = slice_trim(box);
        size_t end;
        if (!inner.size || !box_opens(inner.data, inner.data + inner.size)) break;
        Slice content = boxed_first(inner, &end);
        if (!content.data || end != inner.size) break;
        box = content;
    }
    return box;
}

int boxed_run(Slice text, Slice *box, int max) {
    Run run = {.box = box, .max = max};
    if (text.data) find_box(text, false, NULL, &run);
    return run.n <= max ? run.n : 0;
}

static Slice answer_tag(Slice text) {
    const char *close = slice_last(text, "</answer>");
    if (!close) return (Slice){NULL, 0};
    const char *open = slice_last((Slice){text.data, (size_t)(close - text.data)}, "<answer>");
    if (!open) return (Slice){NULL, 0};
    open += strlen("<answer>");
    Slice content = {open, (size_t)(close - open)}, box = boxed_last(content);
    return box.data ? box : content;
}

static Slice hash_line(Slice text) {
    const char *hash = slice_last(text, "####");
    if (!hash) return (Slice){NULL, 0};
    hash += 4;
    size_t left = (size_t)(text.data + text.size - hash);
    const char *newline = memchr(hash, '\n', left);
    return (Slice){hash, newline ? (size_t)(newline - hash) : left};
}

bool boxed_extract_known(const char *extract) {
    return !extract || !strcmp(extract, "boxed") || !strcmp(extract, "answer") ||
           !strcmp(extract, "hash") || !strcmp(extract, "bare");
}

Slice boxed_answer(const JudgeInput *in, const char **reason) {
    const char *how = in->extract ? in->extract : "boxed";
    *reason = NULL;
    if (!in->text) {
        *reason = "empty response";
        return (Slice){NULL, 0};
    }
    if (!strcmp(how, "bare")) return slice_trim((Slice){in->text, in->size});
    Slice rest = boxed_after_think(in->text, in->size, in->prefilled), answer = {NULL, 0};
    if (!rest.data) {
        *reason = "thought not closed";
    } else if (!strcmp(how, "answer")) {
        answer = answer_tag(rest);
        if (!answer.data) *reason = "no answer tag";
    } else if (!strcmp(how, "hash")) {
        answer = hash_line(rest);
        if (!answer.data) *reason = "no ####";
    } else {
        answer = boxed_last(rest);
        if (!answer.data) *reason = "no box";
    }
    return answer.data ? slice_trim(answer) : answer;
}
