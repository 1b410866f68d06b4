// verifiers/ifeval/rule_keyword.c -- words and letters that must occur, or must not.
//
// The reference takes keywords as regular expressions of Python, without escaping them: so does
// this file, with PCRE2. An expression that cannot be read refuses the task; one that takes too
// many steps on a text does not occur in it.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "verifiers/ifeval/glyph.h"
#include "verifiers/ifeval/rule.h"

enum {
    MATCH_STEPS = 100000, // from one place of the text; a plain word takes a handful
    PATTERN_BYTES = 4096,
    MATCHES_MAX = 1 << 20,
};

static pcre2_code *compile(const char *before, Slice word, const char *after, bool any_case) {
    Str pattern = {0};
    str_puts(&pattern, before);
    str_add(&pattern, word.data, word.size);
    str_puts(&pattern, after);
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
                       (any_case ? PCRE2_CASELESS : 0);
    int error;
    PCRE2_SIZE at;
    pcre2_code *code = NULL;
    if (pattern.size <= PATTERN_BYTES)
        code =
            pcre2_compile((PCRE2_SPTR)str_text(&pattern), pattern.size, options, &error, &at, NULL);
    str_free(&pattern);
    return code;
}

// How often the expression matches, one match behind the other; `most` ends the search.
static long count(pcre2_code *code, Slice text, long most) {
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    CHECK(data && context);
    pcre2_set_match_limit(context, MATCH_STEPS);
    pcre2_set_heap_limit(context, 1024);
    long n = 0;
    PCRE2_SIZE at = 0;
    while (n < most && at <= text.size) {
        int got = pcre2_match(code, (PCRE2_SPTR)text.data, text.size, at, 0, data, context);
        if (got < 0) break;
        const PCRE2_SIZE *span = pcre2_get_ovector_pointer(data);
        n++;
        at = span[1];
        if (span[1] <= span[0] && at < text.size) { // an empty match: on by a character
            size_t step;
            glyph_next(text.data + at, text.data + text.size, &step);
            at += step;
        } else if (span[1] <= span[0]) {
            break;
        }
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    return n;
}

static long occurs(const char *before, Slice word, const char *after, bool any_case, Slice text,
                   long most) {
    pcre2_code *code = compile(before, word, after, any_case);
    if (!code) return 0;
    long n = count(code, text, most);
    pcre2_code_free(code);
    return n;
}

static const char *refuses_pattern(Slice word) {
    pcre2_code *code = compile("", word, "", true);
    if (!code) return "an argument is no regular expression, which IFEval takes it for";
    pcre2_code_free(code);
    return NULL;
}

static Slice json_slice(const Json *text) {
    return (Slice){json_text(text, ""), json_text_size(text)};
}

static const char *refuses_list(const Json *kwargs, const char *name) {
    const Json *list = json_get(kwargs, name);
    if (!list || json_kind(list) != JSON_ARRAY || !json_first(list))
        return "an instruction lacks its list of words";
    for (const Json *word = json_first(list); word; word = json_next(word)) {
        if (json_kind(word) != JSON_STRING) return "a keyword is not a text";
        const char *why = refuses_pattern(json_slice(word));
        if (why) return why;
    }
    return NULL;
}

static bool existence(Slice text, const Json *kwargs) {
    for (const Json *w = json_first(json_get(kwargs, "keywords")); w; w = json_next(w))
        if (!occurs("", json_slice(w), "", true, text, 1)) return false;
    return true;
}

static const char *existence_refuses(const Json *kwargs) {
    return refuses_list(kwargs, "keywords");
}

static bool frequency(Slice text, const Json *kwargs) {
    long n = occurs("", rule_text(kwargs, "keyword", true), "", true, text, MATCHES_MAX);
    return rule_compare(kwargs, "relation", "frequency", n);
}

static const char *frequency_refuses(const Json *kwargs) {
    const char *why = rule_refuses_text(kwargs, "keyword");
    if (!why) why = refuses_pattern(rule_text(kwargs, "keyword", true));
    return why ? why : rule_refuses_compare(kwargs, "relation", "frequency");
}

static bool forbidden_words(Slice text, const Json *kwargs) {
    for (const Json *w = json_first(json_get(kwargs, "forbidden_words")); w; w = json_next(w))
        if (occurs("\\b", json_slice(w), "\\b", true, text, 1)) return false;
    return true;
}

static const char *forbidden_refuses(const Json *kwargs) {
    return refuses_list(kwargs, "forbidden_words");
}

static bool letter_frequency(Slice text, const Json *kwargs) {
    Slice letter = rule_text(kwargs, "letter", true);
    size_t step;
    uint32_t want = glyph_lower(glyph_next(letter.data, letter.data + letter.size, &step));
    long n = 0;
    for (const char *p = text.data, *end = p + text.size; p < end; p += step)
        n += glyph_lower(glyph_next(p, end, &step)) == want;
    return rule_compare(kwargs, "let_relation", "let_frequency", n);
}

static const char *letter_refuses(const Json *kwargs) {
    Slice letter = rule_text(kwargs, "letter", true);
    size_t step = 0;
    if (letter.size) glyph_next(letter.data, letter.data + letter.size, &step);
    if (!letter.size || step != letter.size) return "\"letter\" is not one character";
    return rule_refuses_compare(kwargs, "let_relation", "let_frequency");
}

static bool multiple_sections(Slice text, const Json *kwargs) {
    Slice mark = rule_text(kwargs, "section_spliter", true);
    return occurs("\\s?", mark, "\\s?\\d+\\s?", false, text, MATCHES_MAX) >=
           json_int(json_get(kwargs, "num_sections"), 0);
}

static const char *sections_refuses(const Json *kwargs) {
    const char *why = rule_refuses_text(kwargs, "section_spliter");
    if (!why) why = refuses_pattern(rule_text(kwargs, "section_spliter", true));
    return why ? why : rule_refuses_count(kwargs, "num_sections");
}

static bool is(Slice s, const char *text) {
    return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}

static bool postscript(Slice text, const Json *kwargs) {
    Slice mark = rule_text(kwargs, "postscript_marker", true);
    if (is(mark, "P.P.S")) return occurs("p\\.\\s?p\\.\\s?s", (Slice){"", 0}, "", true, text, 1);
    if (is(mark, "P.S.")) return occurs("p\\.\\s?s\\.", (Slice){"", 0}, "", true, text, 1);
    return occurs("", mark, "", true, text, 1);
}

static const char *postscript_refuses(const Json *kwargs) {
    const char *why = rule_refuses_text(kwargs, "postscript_marker");
    return why ? why : refuses_pattern(rule_text(kwargs, "postscript_marker", true));
}

const Rule rules_keyword[] = {
    {"keywords:existence", existence, existence_refuses},
    {"keywords:frequency", frequency, frequency_refuses},
    {"keywords:forbidden_words", forbidden_words, forbidden_refuses},
    {"keywords:letter_frequency", letter_frequency, letter_refuses},
    {"detectable_format:multiple_sections", multiple_sections, sections_refuses},
    {"detectable_content:postscript", postscript, postscript_refuses},
    {NULL, NULL, NULL},
};
