// verifiers/code/blocks.c -- one walk over the words of each block, and a small table of names.
#include "verifiers/code/blocks.h"

#include <ctype.h>
#include <string.h>

// ---- words of Python

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c & 0x80;
}

typedef struct PythonWords {
    const char *at, *end;
    bool line_start; // the next word is the first of its line, at column 0
} PythonWords;

static void skip_quoted(PythonWords *w) {
    char quote = *w->at;
    bool triple = w->end - w->at >= 3 && w->at[1] == quote && w->at[2] == quote;
    w->at += triple ? 3 : 1;
    while (w->at < w->end) {
        if (*w->at == '\\') {
            w->at += w->end - w->at > 1 ? 2 : 1;
        } else if (!triple && *w->at == '\n') {
            return;
        } else if (*w->at == quote &&
                   (!triple || (w->end - w->at >= 3 && w->at[1] == quote && w->at[2] == quote))) {
            w->at += triple ? 3 : 1;
            return;
        } else {
            w->at++;
        }
    }
}

// The next word outside of quotes and comments; *first: it opens a line at column 0; *before: the
// character in front of it, blanks left out.
static bool next_word(PythonWords *w, Slice *word, bool *first, char *before) {
    *before = 0;
    while (w->at < w->end) {
        char c = *w->at;
        if (is_word(c)) {
            const char *begin = w->at;
            while (w->at < w->end && is_word(*w->at)) w->at++;
            *word = (Slice){begin, (size_t)(w->at - begin)};
            *first = w->line_start;
            w->line_start = false;
            if (w->at < w->end && (*w->at == '"' || *w->at == '\'') && word->size <= 2)
                continue; // a prefix of a text
            return true;
        }
        if (c == '"' || c == '\'') {
            skip_quoted(w);
            w->line_start = false;
        } else if (c == '#') {
            const char *stop = memchr(w->at, '\n', (size_t)(w->end - w->at));
            w->at = stop ? stop : w->end;
        } else {
            w->line_start = c == '\n';
            w->at++;
        }
        if (c != ' ' && c != '\t') *before = c;
    }
    return false;
}

static bool word_is(Slice word, const char *name) {
    return word.size == strlen(name) && memcmp(word.data, name, word.size) == 0;
}

static char behind(const PythonWords *w) {
    const char *p = w->at;
    while (p < w->end && (*p == ' ' || *p == '\t')) p++;
    return p < w->end ? *p : 0;
}

// ---- names of several blocks

enum { SLOTS = 1024, NAMES = 512, NEAR = 4096 }; // NEAR: bytes looked ahead from a word

typedef struct BlockNames {
    Slice name[SLOTS];
    uint64_t blocks[SLOTS]; // bit i: block i makes it at column 0: def, class, import, =
    uint64_t makers[SLOTS]; // the same by def, class or lambda
    int n;
} BlockNames;

static int slot_of(const BlockNames *t, Slice name) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < name.size; i++) h = (h ^ (unsigned char)name.data[i]) * 16777619u;
    int i = (int)(h % SLOTS);
    while (t->name[i].data &&
           (t->name[i].size != name.size || memcmp(t->name[i].data, name.data, name.size) != 0))
        i = (i + 1) % SLOTS;
    return i;
}

static void add_name(BlockNames *t, Slice name, int block, bool maker) {
    int i = slot_of(t, name);
    if (!t->name[i].data) {
        if (t->n == NAMES) return;
        t->n++;
        t->name[i] = name;
    }
    t->blocks[i] |= 1ull << block;
    if (maker) t->makers[i] |= 1ull << block;
}

// How a word of a block is met: one walk that knows which words come to be there.
typedef struct WordWalk {
    PythonWords w;
    Slice word, last;
    bool first;   // opens a line at column 0
    bool bound;   // the word is bound here: left of '=', a parameter, behind def, for, as, import
    bool maker;   // behind def, async def or class at column 0
    bool outer;   // the line begins at column 0
    bool lambda_; // f = lambda
    char before;
    const char *line_end, *assign_end, *bound_end;
} WordWalk;

// Where the names that a line assigns to end: at its last '=' outside of brackets.
static const char *end_of_targets(const char *p, const char *end) {
    int depth = 0;
    const char *last = p;
    for (; p < end && *p != '#' && *p != '"' && *p != '\''; p++) {
        depth += (*p == '(' || *p == '[' || *p == '{') - (*p == ')' || *p == ']' || *p == '}');
        if (*p != '=' || depth) continue;
        bool compared = p + 1 < end && p[1] == '=';
        if (!compared && p > last && !strchr("=!<>", p[-1])) last = p;
        p += compared;
    }
    return last;
}

static bool walk(WordWalk *k) {
    k->last = k->word;
    bool first;
    char before;
    if (!next_word(&k->w, &k->word, &first, &before)) return false;
    const char *at = k->word.data;
    k->first = first, k->before = before;
    if (at >= k->line_end) {
        const char *stop = memchr(at, '\n', (size_t)(k->w.end - at));
        k->line_end = stop ? stop : k->w.end;
        k->assign_end = end_of_targets(at, k->line_end);
        k->bound_end = at;
        k->outer = first;
        k->last = (Slice){0};
    }
    Slice last = k->last, word = k->word;
    k->maker = k->outer && (word_is(last, "def") || word_is(last, "class"));
    k->bound = at < k->assign_end || at < k->bound_end || k->maker || word_is(last, "def") ||
               word_is(last, "class") || word_is(last, "as") || word_is(last, "global");
    const char *near = k->line_end - at > NEAR ? at + NEAR : k->line_end;
    if (word_is(word, "def") || word_is(word, "import") || word_is(word, "from"))
        k->bound_end = k->line_end;
    if (word_is(word, "lambda")) {
        const char *colon = memchr(at, ':', (size_t)(near - at));
        if (colon) k->bound_end = colon;
    }
    if (word_is(word, "for")) { // up to its `in`
        const char *in = memmem(at, (size_t)(near - at), " in ", 4);
        if (in && in > k->bound_end) k->bound_end = in;
    }
    k->lambda_ = false;
    if (first && k->assign_end > at) {
        const char *p = k->assign_end + 1;
        while (p < k->line_end && *p == ' ') p++;
        k->lambda_ = k->line_end - p > 6 && memcmp(p, "lambda", 6) == 0;
    }
    return true;
}

static WordWalk walk_block(const CodeBlock *b) {
    return (WordWalk){.w = {b->code.data, b->code.data + b->code.size, true},
                      .line_end = b->code.data};
}

static void collect(const CodeBlock *b, int index, BlockNames *t) {
    WordWalk k = walk_block(b);
    bool importing = false;
    const char *open_until = NULL; // from x import (a, b ...)
    while (walk(&k)) {
        if (k.first) {
            importing = word_is(k.word, "import") || word_is(k.word, "from");
            const char *at = k.word.data, *shut = NULL;
            size_t near = k.w.end - at > NEAR ? NEAR : (size_t)(k.w.end - at);
            size_t line = k.line_end - at > NEAR ? NEAR : (size_t)(k.line_end - at);
            if (importing && memchr(at, '(', line)) shut = memchr(at, ')', near);
            open_until = shut;
            if (importing) continue;
        }
        bool listed = importing && (k.outer || (open_until && k.word.data < open_until)) &&
                      !word_is(k.word, "import") && !word_is(k.word, "as") && k.before != '.';
        if (listed || k.maker || (k.outer && k.word.data < k.assign_end && k.before != '.'))
            add_name(t, k.word, index, k.maker || k.lambda_);
    }
}

// ---- what a block looks like

typedef struct BlockLook {
    bool reads, prints, computes, defines, transcript;
    bool top_effect; // prints or reads at column 0
    uint64_t needs;  // earlier blocks that make what it uses and nothing here does
} BlockLook;

static bool is_transcript(Slice code) {
    size_t i = 0;
    while (i < code.size && isspace((unsigned char)code.data[i])) i++;
    Slice rest = {code.data + i, code.size - i};
    return (rest.size >= 3 && memcmp(rest.data, ">>>", 3) == 0) ||
           (rest.size >= 2 && memcmp(rest.data, "$ ", 2) == 0) ||
           (rest.size >= 4 && memcmp(rest.data, "In [", 4) == 0);
}

static BlockLook look_at_python(const CodeBlock *b, int index, const BlockNames *t) {
    BlockLook look = {.transcript = is_transcript(b->code)};
    WordWalk k = walk_block(b);
    bool at_once = false, used[SLOTS] = {false}, bound[SLOTS] = {false};
    while (walk(&k)) {
        Slice word = k.word;
        char next = behind(&k.w);
        bool read = (word_is(word, "input") && next == '(') || word_is(word, "stdin") ||
                    word_is(word, "fileinput") || (word_is(word, "raw_input") && next == '(') ||
                    (word_is(word, "open") && k.w.end - k.w.at > 1 && k.w.at[0] == '(' &&
                     k.w.at[1] == '0') ||
                    (word_is(word, "read") && word_is(k.last, "os") && k.before == '.');
        bool print = (word_is(word, "print") && next == '(') || word_is(word, "stdout") ||
                     (word_is(word, "write") && k.before == '.');
        if (k.first) {
            bool def = word_is(word, "def") || word_is(word, "class") || word_is(word, "async");
            bool passive =
                word_is(word, "import") || word_is(word, "from") || word_is(word, "assert");
            look.defines |= def;
            look.computes |= !passive && !def;
            at_once = !def;
        }
        look.reads |= read;
        look.prints |= print;
        look.top_effect |= at_once && (read || print);
        int i = slot_of(t, word);
        if (!t->name[i].data || k.before == '.') continue;
        if (k.bound)
            bound[i] = true;
        else
            used[i] = true;
    }
    for (int i = 0; i < SLOTS; i++)
        if (used[i] && !bound[i] && !(t->blocks[i] >> index & 1))
            look.needs |= t->blocks[i] & ((1ull << index) - 1);
    return look;
}

// ---- the choice

bool block_defines(Slice code, const char *name) {
    const CodeBlock b = {.code = code};
    WordWalk k = walk_block(&b);
    while (walk(&k))
        if (word_is(k.word, name) &&
            (k.maker || (k.outer && k.word.data < k.assign_end && k.before != '.')))
            return true;
    return false;
}

static bool has_word(Slice code, const char *name) {
    size_t n = strlen(name);
    const char *p = code.data, *end = code.data + code.size;
    while (p && (size_t)(end - p) >= n && (p = memmem(p, (size_t)(end - p), name, n)) != NULL) {
        bool whole = (p == code.data || !is_word(p[-1])) && (p + n == end || !is_word(p[n]));
        if (whole) return true;
        p++;
    }
    return false;
}

static int rank_program(const CodeBlock *b, const BlockLook *look, const BlockTask *task) {
    if (look->transcript) return 0;
    switch (b->lang) {
    case CAGE_C:
    case CAGE_CPP: return has_word(b->code, "main") ? 6 : 1;
    case CAGE_JS:
        return task->reads && (has_word(b->code, "stdin") || has_word(b->code, "readline") ||
                               has_word(b->code, "readFileSync"))
                   ? 6
                   : 4;
    case CAGE_SH: return 4;
    case CAGE_PYTHON:
    case CAGE_N_LANGS: break;
    }
    if (task->reads && look->reads) return look->needs ? 5 : 6;
    if (!look->needs && (look->prints || look->defines || look->computes))
        return look->prints || look->defines ? 4 : 3;
    return look->prints || look->computes || look->defines ? 2 : 1;
}

// The first name of a path: Solution of Solution().f. False: there is none, or it is too long.
static bool head_of(const char *entry, char *head, size_t size) {
    size_t n = entry ? strcspn(entry, ".(") : 0;
    if (n == 0 || n >= size) return false;
    memcpy(head, entry, n);
    head[n] = 0;
    return true;
}

static bool has_method(Slice code, const char *entry) {
    PythonWords w = {code.data, code.data + code.size, true};
    Slice word;
    bool first, def = false;
    char before;
    while (next_word(&w, &word, &first, &before)) {
        if (def && word_is(word, entry)) return true;
        def = word_is(word, "def");
    }
    return false;
}

// Does it define what the tests call?
static bool defines_called(const CodeBlock *b, int index, const BlockTask *task,
                           const BlockNames *t, const bool *tested) {
    char head[256];
    if (head_of(task->entry, head, sizeof head))
        return block_defines(b->code, head) || has_method(b->code, head);
    for (int i = 0; i < SLOTS; i++)
        if (tested[i] && t->makers[i] >> index & 1) return true;
    return false;
}

// BlockNames of the table that the tests use as words.
static void find_tested(const BlockTask *task, const BlockNames *t, bool *tested) {
    for (int k = 0; k < task->n_tests; k++) {
        PythonWords w = {task->test[k], task->test[k] + strlen(task->test[k]), true};
        Slice word;
        bool first;
        char before;
        while (next_word(&w, &word, &first, &before)) {
            char next = behind(&w);
            int i = slot_of(t, word);
            if (t->name[i].data && before != '.' && (next == '(' || next == '.')) tested[i] = true;
        }
    }
}

int blocks_choose(const CodeBlock *block, int n, const BlockTask *task, int part[BLOCK_PARTS],
                  int *n_parts) {
    static const BlockNames none;
    BlockNames t = none;
    BlockLook look[BLOCKS_MAX] = {{0}};
    bool tested[SLOTS] = {false};
    int best = 0, best_rank = -1;
    *n_parts = 0;
    for (int i = 0; i < n; i++)
        if (block[i].lang == CAGE_PYTHON) collect(&block[i], i, &t);
    find_tested(task, &t, tested);
    bool functions = task->entry || task->n_tests > 0;
    for (int i = 0; i < n; i++) {
        look[i] = block[i].lang == CAGE_PYTHON ? look_at_python(&block[i], i, &t) : (BlockLook){0};
        int rank = rank_program(&block[i], &look[i], task);
        if (functions) // any other: what defines comes before what only uses
            rank = defines_called(&block[i], i, task, &t, tested) ? 16 : rank > 2 ? 2 : rank;
        rank = 2 * rank + block[i].named;
        if (rank >= best_rank) best = i, best_rank = rank;
    }
    // Earlier blocks that it needs, and that these need; of each name the last that defines it.
    uint64_t wanted = 0, more = block[best].lang == CAGE_PYTHON ? 1ull << best : 0;
    for (int i = best; i >= 0; i--) {
        if (!(more >> i & 1)) continue;
        if (i != best && (look[i].top_effect || look[i].transcript)) continue;
        if (i != best) wanted |= 1ull << i;
        more |= look[i].needs;
    }
    for (int i = 0; i < best && *n_parts < BLOCK_PARTS; i++)
        if (wanted >> i & 1) part[(*n_parts)++] = i;
    return best;
}
