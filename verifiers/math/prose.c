// verifiers/math/prose.c -- looks at the last sentence, word by word.
#include "verifiers/math/prose.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const Slice none = {NULL, 0};

static bool among(const char *const *words, const char *word, size_t n) {
    for (; *words; words++)
        if (strlen(*words) == n && strncasecmp(*words, word, n) == 0) return true;
    return false;
}

// Where the last sentence begins, of those that end before `at`.
static const char *sentence_begin(const char *begin, const char *at) {
    for (const char *p = at; p > begin; p--)
        if (p[-1] == '\n' || (p - begin > 1 && p[-1] == ' ' && strchr(".!?", p[-2]))) return p;
    return begin;
}

// Does a sentence, the formula at `from` .. `to` apart, say something else than that it is this?
static bool is_denied(const char *p, const char *end, const char *from, const char *to) {
    static const char *const words[] = {
        "not",     "never",         "no",         "nobody",    "none",
        "nothing", "neither",       "nor",        "cannot",    "can",
        "could",   "may",           "might",      "except",    "but",
        "unless",  "between",       "roughly",    "about",     "around",
        "nearly",  "almost",        "least",      "most",      "than",
        "wrong",   "false",         "unequal",    "incorrect", "untrue",
        "without", "isn",           "aren",       "wasn",      "doesn",
        "don",     "won",           "either",     "or",        "if",
        "less",    "more",          "impossible", "unlike",    "besides",
        "other",   "maybe",         "perhaps",    "possibly",  "hardly",
        "instead", "approximately", NULL};
    while (p < end) {
        if (p == from) p = to;
        size_t n = 0;
        while (p + n < end && p + n != from && isalpha((unsigned char)p[n])) n++;
        if (n && among(words, p, n)) return true;
        p += n ? n : p < end;
    }
    return false;
}

Slice prose_formula(Slice text) {
    static const char *const marks[][2] = {{"\\(", "\\)"}, {"\\[", "\\]"}};
    const char *end = text.data + text.size;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *open = slice_last(text, marks[i][0]), *close = slice_last(text, marks[i][1]);
        if (!open || !close || open >= close) continue;
        const char *begin = sentence_begin(text.data, open);
        if (is_denied(begin, end, open, close + 2)) return none;
        return (Slice){open + 2, (size_t)(close - open - 2)};
    }
    int words = 0;
    for (size_t i = 0; i < text.size; i++) words += text.data[i] == ' ';
    const char *to = end, *from;
    while (to > text.data && !isdigit((unsigned char)to[-1])) to--;
    for (from = to; from > text.data &&
                    (isdigit((unsigned char)from[-1]) || from[-1] == '.' || from[-1] == ',');)
        from--;
    enum { MIN_WORDS = 4, MAX_UNIT = 8 };
    if (words < MIN_WORDS || end - to > MAX_UNIT || from - text.data < 4 || from[-1] != ' ' ||
        memchr(text.data, '\\', text.size) || memchr(to, '%', (size_t)(end - to)))
        return none;
    // the word right before it: "4 and 5", "minus 5", "up to 9"
    static const char *const before[] = {"over", "under", "to",  "and", "minus", "negative",
                                         "plus", "times", "per", "of",  "by",    NULL};
    const char *word = from - 1, *begin = sentence_begin(text.data, from);
    while (word > text.data && isalpha((unsigned char)word[-1])) word--;
    if (among(before, word, (size_t)(from - 1 - word)) || is_denied(begin, end, from, to))
        return none;
    return (Slice){from, (size_t)(to - from)};
}
