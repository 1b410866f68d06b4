// verifiers/ifeval/rule_length.c -- how many words, sentences and paragraphs.
#include <string.h>

#include "verifiers/ifeval/glyph.h"
#include "verifiers/ifeval/rule.h"
#include "verifiers/ifeval/sentence.h"

static bool number_words(Slice text, const Json *kwargs) {
    return rule_compare(kwargs, "relation", "num_words", sentence_words(text));
}

static const char *words_refuses(const Json *kwargs) {
    return rule_refuses_compare(kwargs, "relation", "num_words");
}

static bool number_sentences(Slice text, const Json *kwargs) {
    return rule_compare(kwargs, "relation", "num_sentences", sentence_count(text));
}

static const char *sentences_refuses(const Json *kwargs) {
    return rule_refuses_compare(kwargs, "relation", "num_sentences");
}

static Slice until(const char *begin, const char *end) {
    return (Slice){begin, (size_t)(end - begin)};
}

// Paragraphs lie between lines of ***; the first and the last may be blank, others may not.
static bool number_paragraphs(Slice text, const Json *kwargs) {
    long n = 0;
    const char *p = text.data, *end = p + text.size;
    for (bool first = true;; first = false) {
        const char *star = memmem(p, (size_t)(end - p), "***", 3);
        bool blank = glyph_is_blank(until(p, star ? star : end));
        if (blank && !first && star) return false;
        n += !blank;
        if (!star) break;
        p = star + 3;
    }
    return n == json_int(json_get(kwargs, "num_paragraphs"), 0);
}

static const char *paragraphs_refuses(const Json *kwargs) {
    return rule_refuses_count(kwargs, "num_paragraphs");
}

// The first word of a paragraph in lower case up to a punctuation mark, against `want`.
static bool begins_with_word(Slice paragraph, Slice want) {
    static const char stops[] = ".,?!'\"";
    Slice s = glyph_strip(paragraph);
    const char *p = s.data, *end = p + s.size, *q = want.data, *stop = q + want.size;
    while (p < end && *p == '\'') p++;
    while (p < end && *p == '"') p++;
    size_t n, m;
    while (p < end) {
        uint32_t c = glyph_next(p, end, &n);
        if (glyph_is_space(c) || (c < 0x80 && c && strchr(stops, (int)c))) break;
        if (q == stop || glyph_lower(c) != glyph_lower(glyph_next(q, stop, &m))) return false;
        p += n, q += m;
    }
    return q == stop;
}

static bool nth_paragraph_first_word(Slice text, const Json *kwargs) {
    long nth = (long)json_int(json_get(kwargs, "nth_paragraph"), 0), n = 0, place = 0;
    Slice chosen = {NULL, 0};
    const char *p = text.data, *end = p + text.size;
    for (;;) {
        const char *gap = memmem(p, (size_t)(end - p), "\n\n", 2);
        Slice paragraph = until(p, gap ? gap : end);
        if (++place == nth) chosen = paragraph;
        n += !glyph_is_blank(paragraph);
        if (!gap) break;
        p = gap + 2;
    }
    if (nth > n || !chosen.data || glyph_is_blank(chosen)) return false;
    return n == json_int(json_get(kwargs, "num_paragraphs"), 0) &&
           begins_with_word(chosen, rule_text(kwargs, "first_word", false));
}

static const char *nth_refuses(const Json *kwargs) {
    const char *why = rule_refuses_text(kwargs, "first_word");
    if (!why) why = rule_refuses_count(kwargs, "num_paragraphs");
    if (why) return why;
    int64_t nth = json_int(json_get(kwargs, "nth_paragraph"), 0);
    bool there = nth >= 1 && nth <= json_int(json_get(kwargs, "num_paragraphs"), 0);
    return there ? NULL : "\"nth_paragraph\" is not one of the paragraphs";
}

const Rule rules_length[] = {
    {"length_constraints:number_words", number_words, words_refuses},
    {"length_constraints:number_sentences", number_sentences, sentences_refuses},
    {"length_constraints:number_paragraphs", number_paragraphs, paragraphs_refuses},
    {"length_constraints:nth_paragraph_first_word", nth_paragraph_first_word, nth_refuses},
    {NULL, NULL, NULL},
};
