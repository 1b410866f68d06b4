// policy/text/added.c -- a sorted list, narrowed byte by byte.
#include "policy/text/added.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

struct Added {
    AddedToken *token; // sorted by content
    size_t n;
    bool first[256]; // some token begins with this byte
};

static int compare(const void *pa, const void *pb) {
    const AddedToken *a = (const AddedToken *)pa, *b = (const AddedToken *)pb;
    size_t n = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->content, b->content, n);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

Added *added_new(AddedToken *token, size_t n, const char **twin, Arena *arena) {
    Added *added = ARENA_ARRAY(arena, Added, 1);
    *twin = NULL;
    if (n) qsort(token, n, sizeof *token, compare);
    for (size_t i = 0; i < n; i++) {
        added->first[(unsigned char)token[i].content[0]] = true;
        if (i > 0 && compare(&token[i - 1], &token[i]) == 0) *twin = token[i].content;
    }
    added->token = token;
    added->n = n;
    return added;
}

// The first token in [low, high) whose byte `depth` is at least `byte`.
static size_t lower(const Added *added, size_t low, size_t high, size_t depth, int byte) {
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const AddedToken *t = &added->token[mid];
        int there = depth < t->size ? (unsigned char)t->content[depth] : -1;
        if (there < byte)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

// The longest token that text begins with, or NULL.
static const AddedToken *longest(const Added *added, const char *text, size_t size) {
    const AddedToken *best = NULL;
    size_t low = 0, high = added->n;
    for (size_t depth = 0; depth < size; depth++) {
        int byte = (unsigned char)text[depth];
        low = lower(added, low, high, depth, byte);
        high = lower(added, low, high, depth, byte + 1);
        if (low == high) break;
        if (added->token[low].size == depth + 1) best = &added->token[low];
    }
    return best;
}

int32_t added_find(const Added *added, const char *content, size_t size) {
    const AddedToken *t = size ? longest(added, content, size) : NULL;
    return t && t->size == size ? t->id : -1;
}

static size_t char_before(const char *text, size_t at, int32_t *c) { // its first byte
    size_t begin = at - 1;
    while (begin > 0 && ((unsigned char)text[begin] & 0xC0) == 0x80) begin--;
    utf8proc_iterate((const utf8proc_uint8_t *)text + begin, (utf8proc_ssize_t)(at - begin), c);
    return begin;
}

static size_t char_after(const char *text, size_t at, size_t size, int32_t *c) { // its end
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(size - at), c);
    return at + (n > 0 ? (size_t)n : 1);
}

static bool is_space(int32_t c) { // Unicode's White_Space
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

// \w of a Unicode regex: letters, marks, decimal digits, connectors, joiners and the few other
// alphabetic characters (letter numbers, circled and squared letters).
static bool is_word(int32_t c) {
    if (c == 0x200C || c == 0x200D || (c >= 0x24B6 && c <= 0x24E9)) return true;
    if ((c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
        (c >= 0x1F170 && c <= 0x1F189))
        return true;
    utf8proc_category_t k = utf8proc_category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NL) || k == UTF8PROC_CATEGORY_PC;
}

static bool stands_alone(const char *text, size_t size, size_t begin, size_t end) {
    int32_t c = -1;
    if (begin > 0) {
        char_before(text, begin, &c);
        if (is_word(c)) return false;
    }
    if (end < size) {
        char_after(text, end, size, &c);
        if (is_word(c)) return false;
    }
    return true;
}

bool added_next(const Added *added, const char *text, size_t size, bool specials, AddedScan *scan) {
    if (added->n == 0) return false;
    scan->done = scan->end;
    while (scan->at < size) {
        if (!added->first[(unsigned char)text[scan->at]]) {
            scan->at++;
            continue;
        }
        const AddedToken *t = longest(added, text + scan->at, size - scan->at);
        if (!t) {
            scan->at++;
            continue;
        }
        size_t begin = scan->at, end = begin + t->size;
        scan->at = end; // a match that does not count is passed over all the same
        if (t->special && !specials) continue;
        if (t->single_word && !stands_alone(text, size, begin, end)) continue;
        int32_t c = -1;
        if (begin < scan->done) begin = scan->done; // the last token took white space of this one
        while (t->lstrip && begin > scan->done) {
            size_t before = char_before(text, begin, &c);
            if (!is_space(c)) break;
            begin = before < scan->done ? scan->done : before;
        }
        while (t->rstrip && end < size) {
            size_t after = char_after(text, end, size, &c);
            if (!is_space(c)) break;
            end = after;
        }
        scan->begin = begin;
        scan->end = end > begin ? end : begin;
        scan->id = t->id;
        return true;
    }
    return false;
}
