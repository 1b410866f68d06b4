// verifiers/code/extract.c -- fences are found line by line; blocks are ranked as they close.
#include "verifiers/code/extract.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

typedef struct Fence {
    char mark; // '`' or '~'
    int length, indent;
    Slice word; // the first word behind it
    bool empty; // nothing but white space behind it
} Fence;

// Is this line a fence? CommonMark's rule, at any indentation: words behind backticks hold none.
static bool read_fence(Slice line, Fence *out) {
    size_t i = 0;
    while (i < line.size && (line.data[i] == ' ' || line.data[i] == '\t')) i++;
    *out = (Fence){.indent = (int)i};
    if (i == line.size || (line.data[i] != '`' && line.data[i] != '~')) return false;
    out->mark = line.data[i];
    size_t begin = i;
    while (i < line.size && line.data[i] == out->mark) i++;
    out->length = (int)(i - begin);
    if (out->length < 3) return false;
    Slice rest = slice_trim((Slice){line.data + i, line.size - i});
    out->empty = rest.size == 0;
    if (out->mark == '`' && rest.size && memchr(rest.data, '`', rest.size)) return false;
    size_t n = 0;
    while (n < rest.size && !isspace((unsigned char)rest.data[n]) && rest.data[n] != ',' &&
           (n == 0 || rest.data[n] != '{'))
        n++;
    out->word = (Slice){rest.data, n};
    if (n && rest.data[0] == '{') { // {.python ...}, {python}
        size_t skip = 1 + (n > 1 && rest.data[1] == '.');
        while (skip < n && n > skip && rest.data[n - 1] == '}') n--;
        out->word = (Slice){rest.data + skip, n > skip ? n - skip : 0};
    }
    return true;
}

static bool next_line(Slice *rest, Slice *line) {
    if (!rest->size) return false;
    const char *stop = memchr(rest->data, '\n', rest->size);
    size_t n = stop ? (size_t)(stop - rest->data) : rest->size;
    *line = (Slice){rest->data, n};
    rest->data += n + (stop != NULL);
    rest->size -= n + (stop != NULL);
    return true;
}

static bool word_is(Slice word, const char *name) {
    return word.size == strlen(name) && strncasecmp(word.data, name, word.size) == 0;
}

static bool word_lang(Slice word, CageLang *out) {
    static const struct {
        const char *name;
        CageLang lang;
    } known[] = {
        {"python", CAGE_PYTHON}, {"py", CAGE_PYTHON},   {"python3", CAGE_PYTHON},
        {"py3", CAGE_PYTHON},    {"pypy", CAGE_PYTHON}, {"pypy3", CAGE_PYTHON},
        {"cpp", CAGE_CPP},       {"c++", CAGE_CPP},     {"cc", CAGE_CPP},
        {"cxx", CAGE_CPP},       {"cpp17", CAGE_CPP},   {"c++17", CAGE_CPP},
        {"c", CAGE_C},           {"js", CAGE_JS},       {"javascript", CAGE_JS},
        {"node", CAGE_JS},       {"sh", CAGE_SH},       {"bash", CAGE_SH},
        {"shell", CAGE_SH},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (word_is(word, known[i].name)) return *out = known[i].lang, true;
    return false;
}

bool extract_defines(Slice code, const char *name) {
    static const char *const how[] = {"def ", "class ", "async def "};
    size_t n = strlen(name);
    Slice line;
    while (next_line(&code, &line)) {
        size_t at = 0;
        for (int h = 0; h < 3 && !at; h++) {
            size_t m = strlen(how[h]);
            if (line.size > m && memcmp(line.data, how[h], m) == 0) at = m;
        }
        while (at && at < line.size && line.data[at] == ' ') at++;
        if (!at) { // a name that is bound: add = lambda a, b: ...
            const char *p = line.data + n, *end = line.data + line.size;
            if (line.size <= n || memcmp(line.data, name, n) != 0) continue;
            while (p < end && *p == ' ') p++;
            if (p + 1 < end && *p == '=' && p[1] != '=') return true;
            continue;
        }
        if (line.size - at < n || memcmp(line.data + at, name, n) != 0) continue;
        char c = line.size - at > n ? line.data[at + n] : 0;
        if (!isalnum((unsigned char)c) && c != '_') return true;
    }
    return false;
}

// A method counts: LeetCode's Solution.
static bool mentions_entry(Slice code, const char *entry) {
    if (extract_defines(code, entry)) return true;
    Slice line;
    size_t n = strlen(entry);
    while (next_line(&code, &line)) {
        Slice l = slice_trim(line);
        if (l.size > 4 + n && memcmp(l.data, "def ", 4) == 0 && memcmp(l.data + 4, entry, n) == 0 &&
            (l.data[4 + n] == '(' || l.data[4 + n] == ' '))
            return true;
    }
    return false;
}

// How well a block fits; the last of the best is taken. Negative: not at all.
static int rank(Slice code, const Fence *fence, const CageLang *lang, const char *entry) {
    CageLang named;
    bool known = word_lang(fence->word, &named);
    if (known && lang && named != *lang) return -1;
    if (known && !lang && named == CAGE_SH) return -1; // how to start it, not the program
    if (!known && fence->word.size) {
        static const char *const other[] = {
            "text", "txt",       "output", "console", "json", "markdown", "md",  "diff",
            "yaml", "plaintext", "java",   "rust",    "go",   "html",     "sql", "input"};
        for (size_t i = 0; i < sizeof other / sizeof *other; i++)
            if (word_is(fence->word, other[i])) return -1;
    }
    int r = known ? 1 : 0;
    if (entry && mentions_entry(code, entry)) r += 2;
    return r;
}

static bool opens_block(const char *prefilled, Fence *fence) {
    if (!prefilled) return false;
    Slice rest = {prefilled, strlen(prefilled)}, line;
    bool open = false;
    Fence f;
    while (next_line(&rest, &line)) {
        if (!read_fence(line, &f)) continue;
        if (!open)
            *fence = f, open = true;
        else if (f.mark == fence->mark && f.length >= fence->length && f.empty)
            open = false;
    }
    return open;
}

Extract extract_code(const JudgeInput *in, const CageLang *lang, const char *entry) {
    Extract best = {.lang = lang ? *lang : CAGE_PYTHON, .reason = "no complete block of code"};
    if (in->extract && strcmp(in->extract, "bare") == 0) {
        best.code = (Slice){in->text, in->size};
        return best;
    }
    Slice text = boxed_after_think(in->text, in->size, in->prefilled);
    if (!text.data) {
        best.reason = "the thought is not closed";
        return best;
    }
    Fence open = {0}, f;
    bool inside = opens_block(in->prefilled, &open), any = inside;
    const char *begin = text.data;
    int best_rank = -1;
    Slice rest = text, line;
    while (next_line(&rest, &line)) {
        if (!read_fence(line, &f)) continue;
        if (!inside) {
            open = f, inside = any = true, begin = rest.data;
            continue;
        }
        if (f.mark != open.mark || f.length < open.length || !f.empty) continue;
        inside = false;
        Slice code = {begin, (size_t)(line.data - begin)};
        int r = rank(code, &open, lang, entry);
        if (r < 0 || r < best_rank) continue;
        best_rank = r;
        best.code = code;
        best.indent = open.indent;
        best.fenced = true;
        best.tag = open.word.size ? open.word.data : NULL;
        CageLang named;
        best.lang = word_lang(open.word, &named) ? named : lang ? *lang : CAGE_PYTHON;
    }
    if (any) return best;
    const char *reason = NULL;
    JudgeInput answer = *in;
    answer.extract = "answer";
    Slice tagged = boxed_answer(&answer, &reason);
    best.code = tagged.data ? tagged : text;
    return best;
}

void extract_text(const Extract *found, Str *out) {
    if (!found->indent) {
        str_add(out, found->code.data, found->code.size);
        return;
    }
    Slice rest = found->code, line;
    while (next_line(&rest, &line)) {
        size_t skip = 0;
        while (skip < line.size && skip < (size_t)found->indent &&
               (line.data[skip] == ' ' || line.data[skip] == '\t'))
            skip++;
        str_add(out, line.data + skip, line.size - skip);
        str_putc(out, '\n');
    }
}
