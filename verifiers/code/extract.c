// verifiers/code/extract.c -- fences are found line by line; blocks.c chooses among the blocks.
#include "verifiers/code/extract.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "verifiers/boxed.h"

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

// Words of fences that hold no program, whatever is asked for.
static bool is_other(Slice word) {
    static const char *const other[] = {"text",     "txt",   "output",     "console", "json",
                                        "markdown", "md",    "diff",       "yaml",    "plaintext",
                                        "java",     "rust",  "go",         "html",    "sql",
                                        "input",    "pycon", "csharp",     "cs",      "kotlin",
                                        "ruby",     "swift", "typescript", "ts",      "mermaid"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (word_is(word, other[i])) return true;
    return false;
}

// Could a block with this fence be the program? Fills *block, but for its code.
static bool fits(const Fence *fence, const CageLang *lang, CodeBlock *block) {
    CageLang named = lang ? *lang : CAGE_PYTHON;
    bool known = word_lang(fence->word, &named);
    if (known && lang && named != *lang) return false;
    if (known && !lang && named == CAGE_SH) return false; // how to start it, not the program
    if (!known && fence->word.size && is_other(fence->word)) return false;
    *block = (CodeBlock){.indent = fence->indent,
                         .named = known,
                         .lang = named,
                         .tag = fence->word.size ? fence->word.data : NULL};
    return true;
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

// Of more blocks than there is space for the last ones stay.
static void add_block(CodeBlock *block, int *n, const CodeBlock *next) {
    if (*n == BLOCKS_MAX) memmove(block, block + 1, (size_t)-- * n * sizeof *block);
    block[(*n)++] = *next;
}

// The blocks that may be the program. False: there is no fence at all.
static bool find_blocks(const JudgeInput *in, Slice text, const CageLang *lang, CodeBlock *block,
                        int *n) {
    Fence open = {0}, f;
    bool inside = opens_block(in->prefilled, &open), any = inside;
    const char *begin = text.data;
    Slice rest = text, line;
    *n = 0;
    while (next_line(&rest, &line)) {
        if (!read_fence(line, &f)) continue;
        if (!inside) {
            open = f, inside = any = true, begin = rest.data;
            continue;
        }
        if (f.mark != open.mark || f.length < open.length || !f.empty) continue;
        inside = false;
        CodeBlock next;
        if (!fits(&open, lang, &next)) continue;
        next.code = (Slice){begin, (size_t)(line.data - begin)};
        add_block(block, n, &next);
    }
    return any;
}

Extract extract_code(const JudgeInput *in, const CageLang *lang, const BlockTask *task) {
    Extract found = {.lang = lang ? *lang : CAGE_PYTHON, .reason = "no complete block of code"};
    if (in->extract && strcmp(in->extract, "bare") == 0) {
        found.code = (Slice){in->text, in->size};
        return found;
    }
    Slice text = boxed_after_think(in->text, in->size, in->prefilled);
    if (!text.data) {
        found.reason = "the thought is not closed";
        return found;
    }
    CodeBlock block[BLOCKS_MAX];
    int n, part[BLOCK_PARTS], n_parts;
    if (!find_blocks(in, text, lang, block, &n)) {
        const char *reason = NULL;
        JudgeInput answer = *in;
        answer.extract = "answer";
        Slice tagged = boxed_answer(&answer, &reason);
        found.code = tagged.data ? tagged : text;
        return found;
    }
    if (n == 0) return found;
    const CodeBlock *best = &block[blocks_choose(block, n, task, part, &n_parts)];
    for (int i = 0; i < n_parts; i++) {
        found.part[i] = block[part[i]].code;
        found.part_indent[i] = block[part[i]].indent;
    }
    found.n_parts = n_parts;
    found.code = best->code;
    found.indent = best->indent;
    found.fenced = true;
    found.tag = best->tag;
    found.lang = best->lang;
    return found;
}

// Without the indentation of its fence.
static void put_block(Slice code, int indent, Str *out) {
    Slice rest = code, line;
    if (!indent) {
        str_add(out, code.data, code.size);
        return;
    }
    while (next_line(&rest, &line)) {
        size_t skip = 0;
        while (skip < line.size && skip < (size_t)indent &&
               (line.data[skip] == ' ' || line.data[skip] == '\t'))
            skip++;
        str_add(out, line.data + skip, line.size - skip);
        str_putc(out, '\n');
    }
}

void extract_text(const Extract *found, Str *out) {
    for (int i = 0; i < found->n_parts; i++) {
        put_block(found->part[i], found->part_indent[i], out);
        str_puts(out, "\n\n");
    }
    put_block(found->code, found->indent, out);
}
