// verifiers/designator.c -- looks for another letter with a sign of a choice at its side.
#include "verifiers/designator.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_option(char c) {
    return c >= 'A' && c <= 'J';
}

static bool word_is(Slice w, const char *text) {
    return w.size == strlen(text) && strncasecmp(w.data, text, w.size) == 0;
}

static Slice next_word(const char **p, const char *end) {
    while (*p < end && !isalpha((unsigned char)**p)) ++*p;
    const char *from = *p;
    while (*p < end && isalpha((unsigned char)**p)) ++*p;
    return (Slice){from, (size_t)(*p - from)};
}

static bool is_taken_back(Slice rest) {
    static const char *const verbs[] = {"is", "isn", "was", "are", "seems"};
    static const char *const denials[] = {"wrong",  "false",   "incorrect", "not", "never",
                                          "untrue", "invalid", "t",         "no",  "nothing"};
    const char *p = rest.data, *end = p + rest.size;
    Slice first = next_word(&p, end), second = next_word(&p, end);
    bool verb = false;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) verb |= word_is(first, verbs[i]);
    for (size_t i = 0; verb && i < sizeof denials / sizeof *denials; i++)
        if (word_is(second, denials[i])) return true;
    return false;
}

bool designator_hedged(Slice rest) {
    const char *p = rest.data, *end = p + rest.size;
    if (is_taken_back(rest)) return true;
    bool after_or = false;
    for (; p < end; p++) {
        char before = p > rest.data ? p[-1] : ' ';
        if (!isalpha((unsigned char)*p) || isalnum((unsigned char)before) || before == '\\')
            continue;
        const char *from = p;
        while (p + 1 < end && isalpha((unsigned char)p[1])) p++;
        Slice word = {from, (size_t)(p + 1 - from)};
        char after = p + 1 < end ? p[1] : ' ';
        if (word.size == 1 && is_option(*from)) {
            bool round = before == '(' && after == ')', square = before == '[' && after == ']';
            bool colon = after == ':' || after == ')' || (after == '.' && p + 2 < end);
            if (round || square || after_or || (colon && *from != 'I')) return true;
        }
        bool title = word_is(word, "option") || word_is(word, "choice") ||
                     word_is(word, "answer") || word_is(word, "possibly") ||
                     word_is(word, "maybe") || word_is(word, "else") || word_is(word, "even");
        if (word_is(word, "text") || word_is(word, "textbf") || title) continue;
        after_or = word_is(word, "or") || word_is(word, "nor") || word_is(word, "oder");
    }
    return false;
}
