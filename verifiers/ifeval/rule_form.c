// verifiers/ifeval/rule_form.c -- marks, beginnings, endings, case and language of an answer.
//
// The regular expressions of the reference are walked by hand: some of them take quadratic time
// on hostile text, and none needs it.
#include <string.h>

#include "verifiers/ifeval/glyph.h"
#include "verifiers/ifeval/pyjson.h"
#include "verifiers/ifeval/rule.h"
#include "verifiers/ifeval/sentence.h"
#include "verifiers/language.h"

static const char *refuses_bullets(const Json *kwargs) {
    return rule_refuses_count(kwargs, "num_bullets");
}
static const char *refuses_highlights(const Json *kwargs) {
    return rule_refuses_count(kwargs, "num_highlights");
}
static const char *refuses_placeholders(const Json *kwargs) {
    return rule_refuses_count(kwargs, "num_placeholders");
}
static const char *refuses_capitals(const Json *kwargs) {
    return rule_refuses_compare(kwargs, "capital_relation", "capital_frequency");
}
static const char *refuses_ending(const Json *kwargs) {
    return rule_refuses_text(kwargs, "end_phrase");
}
static const char *refuses_repeat(const Json *kwargs) {
    return rule_refuses_text(kwargs, "prompt_to_repeat");
}
static const char *refuses_language(const Json *kwargs) {
    if (rule_refuses_text(kwargs, "language")) return "an instruction lacks its language";
    return language_known(json_text(json_get(kwargs, "language"), ""))
               ? NULL
               : "a language that cannot be told from others here";
}

static bool has(Slice text, const char *what) {
    return memmem(text.data, text.size, what, strlen(what)) != NULL;
}

// Lines whose first character that is no white space is `mark`, as ^\s*MARK.*$ finds them: blank
// lines before it belong to the match. A star is followed by something else (^\s*\*[^\*].*$), and
// that may be the end of its line.
static long bullets(Slice text, char mark) {
    const char *p = text.data, *end = p + text.size;
    long n = 0;
    size_t step;
    while (p < end) {
        while (p < end && glyph_is_space(glyph_next(p, end, &step))) p += step;
        if (p == end) break;
        bool found = *p == mark && (mark != '*' || (p + 1 < end && p[1] != '*'));
        n += found;
        if (found && mark == '*') p += 2;
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        p = newline ? newline + 1 : end;
    }
    return n;
}

static bool number_bullet_lists(Slice text, const Json *kwargs) {
    return bullets(text, '*') + bullets(text, '-') == json_int(json_get(kwargs, "num_bullets"), 0);
}

// \*[^\n\*]*\* and \*\*[^\n\*]*\*\*, each counted if there is more than blanks in it.
static long highlights(Slice text, bool twice) {
    const char *p = text.data, *end = p + text.size;
    size_t width = twice ? 2 : 1;
    long n = 0;
    while (p < end && (p = memchr(p, '*', (size_t)(end - p)))) {
        if (twice && (p + 1 >= end || p[1] != '*')) {
            p++;
            continue;
        }
        const char *from = p + width, *q = from;
        while (q < end && *q != '\n' && *q != '*') q++;
        bool closed = q < end && *q == '*' && (!twice || (q + 1 < end && q[1] == '*'));
        if (closed) {
            n += !glyph_is_blank((Slice){from, (size_t)(q - from)});
            p = q + width;
        } else {
            p = twice ? p + 1 : q; // between p and q there is no other star
        }
    }
    return n;
}

static bool number_highlighted_sections(Slice text, const Json *kwargs) {
    return highlights(text, false) + highlights(text, true) >=
           json_int(json_get(kwargs, "num_highlights"), 0);
}

// \[.*?\] within a line.
static bool number_placeholders(Slice text, const Json *kwargs) {
    const char *p = text.data, *end = p + text.size;
    long n = 0;
    while (p < end && (p = memchr(p, '[', (size_t)(end - p)))) {
        const char *q = p + 1;
        while (q < end && *q != ']' && *q != '\n') q++;
        n += q < end && *q == ']';
        p = q;
    }
    return n >= json_int(json_get(kwargs, "num_placeholders"), 0);
}

static bool constrained_response(Slice text, const Json *kwargs) {
    (void)kwargs;
    return has(text, "My answer is yes.") || has(text, "My answer is no.") ||
           has(text, "My answer is maybe.");
}

static bool eat(Slice *s, const char *prefix) {
    size_t n = strlen(prefix);
    if (s->size < n || memcmp(s->data, prefix, n) != 0) return false;
    s->data += n, s->size -= n;
    return true;
}

static bool json_format(Slice text, const Json *kwargs) {
    (void)kwargs;
    Slice s = glyph_strip(text);
    eat(&s, "```json"), eat(&s, "```Json"), eat(&s, "```JSON"), eat(&s, "```");
    if (s.size >= 3 && memcmp(s.data + s.size - 3, "```", 3) == 0) s.size -= 3;
    return pyjson_valid(glyph_strip(s));
}

// <<[^\n]+>> with more in it than brackets and blanks.
static bool title(Slice text, const Json *kwargs) {
    (void)kwargs;
    const char *p = text.data, *end = p + text.size;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p)), *stop = newline ? newline : end;
        const char *open = memmem(p, (size_t)(stop - p), "<<", 2), *close = NULL;
        for (const char *q = stop; open && q >= open + 5 && !close; q--)
            if (q[-1] == '>' && q[-2] == '>') close = q;
        if (close) {
            while (open < close && *open == '<') open++;
            while (close > open && close[-1] == '>') close--;
            if (!glyph_is_blank((Slice){open, (size_t)(close - open)})) return true;
        }
        p = newline ? newline + 1 : end;
    }
    return false;
}

// Two different responses with ****** between them; blanks may be at both ends.
static bool two_responses(Slice text, const Json *kwargs) {
    (void)kwargs;
    Slice valid[2] = {{NULL, 0}, {NULL, 0}};
    int n = 0;
    const char *p = text.data, *end = p + text.size;
    for (bool first = true;; first = false) {
        const char *stars = memmem(p, (size_t)(end - p), "******", 6);
        Slice part = glyph_strip((Slice){p, (size_t)((stars ? stars : end) - p)});
        if (part.size) {
            if (n < 2) valid[n] = part;
            n++;
        } else if (!first && stars) {
            return false;
        }
        if (!stars) break;
        p = stars + 6;
    }
    return n == 2 && (valid[0].size != valid[1].size ||
                      memcmp(valid[0].data, valid[1].data, valid[0].size) != 0);
}

static bool repeat_prompt(Slice text, const Json *kwargs) {
    return glyph_begins(glyph_strip(text), rule_text(kwargs, "prompt_to_repeat", true));
}

static bool end_checker(Slice text, const Json *kwargs) {
    Slice s = glyph_strip(text);
    while (s.size && s.data[0] == '"') s.data++, s.size--;
    while (s.size && s.data[s.size - 1] == '"') s.size--;
    return glyph_ends(s, rule_text(kwargs, "end_phrase", true));
}

static bool quotation(Slice text, const Json *kwargs) {
    (void)kwargs;
    Slice s = glyph_strip(text);
    return s.size > 1 && s.data[0] == '"' && s.data[s.size - 1] == '"';
}

static bool no_comma(Slice text, const Json *kwargs) {
    (void)kwargs;
    return memchr(text.data, ',', text.size) == NULL;
}

static bool capital_word_frequency(Slice text, const Json *kwargs) {
    return rule_compare(kwargs, "capital_relation", "capital_frequency", sentence_capitals(text));
}

// Where no language can be told, the reference counts the instruction as followed.
static bool speaks(Slice text, const char *code) {
    const char *found = language_detect(text.data, text.size);
    return !found || strncmp(found, code, strlen(found)) == 0;
}

static bool english_capital(Slice text, const Json *kwargs) {
    (void)kwargs;
    return glyph_all_upper(text) && speaks(text, "en");
}

static bool english_lowercase(Slice text, const Json *kwargs) {
    (void)kwargs;
    return glyph_all_lower(text) && speaks(text, "en");
}

static bool response_language(Slice text, const Json *kwargs) {
    return speaks(text, json_text(json_get(kwargs, "language"), ""));
}

const Rule rules_form[] = {
    {"punctuation:no_comma", no_comma, NULL},
    {"startend:end_checker", end_checker, refuses_ending},
    {"startend:quotation", quotation, NULL},
    {"change_case:english_capital", english_capital, NULL},
    {"change_case:english_lowercase", english_lowercase, NULL},
    {"change_case:capital_word_frequency", capital_word_frequency, refuses_capitals},
    {"detectable_format:json_format", json_format, NULL},
    {"detectable_format:title", title, NULL},
    {"detectable_format:number_bullet_lists", number_bullet_lists, refuses_bullets},
    {"detectable_format:number_highlighted_sections", number_highlighted_sections,
     refuses_highlights},
    {"detectable_format:constrained_response", constrained_response, NULL},
    {"detectable_content:number_placeholders", number_placeholders, refuses_placeholders},
    {"combination:repeat_prompt", repeat_prompt, refuses_repeat},
    {"combination:two_responses", two_responses, NULL},
    {"language:response_language", response_language, refuses_language},
    {NULL, NULL, NULL},
};
