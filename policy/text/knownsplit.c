// policy/text/knownsplit.c -- one function a regex: where does the piece that begins here end?
#include "policy/text/knownsplit.h"

#include "policy/text/unicode.h"

#define WHITE "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define QWEN(numbers)                                                                              \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" numbers                          \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" WHITE

const char known_regex_gpt2[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const char known_regex_qwen[] = QWEN("\\p{N}");
const char known_regex_llama3[] = QWEN("\\p{N}{1,3}");
const char known_regex_digits[] = "\\p{N}{1,3}";
const char known_regex_cjk[] = "[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-"
                               "\xE3\x83\xBF]+";
const char known_regex_deepseek[] =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
    "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|" WHITE;

// The text up to `end`, which look-ahead does not cross.
typedef struct SplitView {
    const char *text;
    size_t end;
    const uint8_t *class_of;
} SplitView;

// Sets of UnicodeKind.
enum {
    LETTER = 1 << UC_LU | 1 << UC_LL | 1 << UC_LT | 1 << UC_LM | 1 << UC_LO,
    NUMBER = 1 << UC_DIGIT | 1 << UC_NUMBER,
    MARK = 1 << UC_MARK,
    SPACE = 1 << UC_SPACE,
    PUNCT = 1 << UC_PUNCT | 1 << UC_SYMBOL,
    OTHER = 0xFFF & ~(LETTER | NUMBER | SPACE), // [^\s\p{L}\p{N}]
};

// The kind of the character at `at` as a set of one; 0 at the end. *next: where it ends.
static inline int kind_at(const SplitView *v, size_t at, int32_t *c, size_t *next) {
    if (at >= v->end) return *c = -1, *next = at, 0;
    *next = unicode_next(v->text, at, c);
    return 1 << (v->class_of[*c] & UC_KIND);
}

// Past all characters of the set.
static inline size_t run_of(const SplitView *v, size_t at, int set) {
    int32_t c;
    size_t next;
    while (kind_at(v, at, &c, &next) & set) at = next;
    return at;
}

static inline size_t newlines(const SplitView *v, size_t at) {
    while (at < v->end && (v->text[at] == '\r' || v->text[at] == '\n')) at++;
    return at;
}

// \s+(?!\S)|\s+, with `lines` \s*[\r\n]+ before them. v->text[at] begins white space.
static size_t white(const SplitView *v, size_t at, bool lines) {
    size_t last = at, after_line = 0, i = at, next;
    int32_t c;
    while (kind_at(v, i, &c, &next) & SPACE) {
        if (c == '\r' || c == '\n') after_line = next;
        last = i;
        i = next;
    }
    if (lines && after_line) return after_line;
    return i == v->end || last == at ? i : last;
}

// 's 't 're 've 'm 'll 'd; the end of it, or 0.
static size_t contraction(const SplitView *v, size_t at, bool any_case) {
    if (v->text[at] != '\'' || at + 1 >= v->end) return 0;
    const unsigned char *s = (const unsigned char *)v->text + at + 1;
    size_t left = v->end - at - 1;
    int fold = any_case ? 0x20 : 0;
    int a = s[0] | (s[0] >= 'A' && s[0] <= 'Z' ? fold : 0);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return at + 2;
    if (any_case && left >= 2 && s[0] == 0xC5 && s[1] == 0xBF) return at + 3; // long s
    if (left < 2) return 0;
    int b = s[1] | (s[1] >= 'A' && s[1] <= 'Z' ? fold : 0);
    return (a == 'r' || a == 'v') && b == 'e' ? at + 3 : a == 'l' && b == 'l' ? at + 3 : 0;
}

static size_t next_gpt2(const SplitView *v, size_t at) {
    int32_t c, c2;
    size_t next, next2, end;
    int kind = kind_at(v, at, &c, &next);
    if (c == '\'' && (end = contraction(v, at, false))) return end;
    if (c == ' ') {
        int kind2 = kind_at(v, next, &c2, &next2);
        if (!kind2 || kind2 & SPACE) return white(v, at, false);
        kind = kind2;
        next = next2;
    } else if (kind & SPACE) {
        return white(v, at, false);
    }
    return run_of(v, next, kind & LETTER ? LETTER : kind & NUMBER ? NUMBER : OTHER);
}

static size_t next_qwen(const SplitView *v, size_t at, int digits) {
    int32_t c, c2;
    size_t next, next2, end;
    int kind = kind_at(v, at, &c, &next);
    if (c == '\'' && (end = contraction(v, at, true))) return end;
    if (kind & LETTER) return run_of(v, next, LETTER);
    if (kind & NUMBER) {
        for (int i = 1; i < digits && kind_at(v, next, &c, &next2) & NUMBER; i++) next = next2;
        return next;
    }
    int kind2 = kind_at(v, next, &c2, &next2);
    if (c != '\r' && c != '\n' && kind2 & LETTER) return run_of(v, next2, LETTER);
    if (c == ' ' && kind2 & OTHER) return newlines(v, run_of(v, next2, OTHER));
    if (kind & OTHER) return newlines(v, run_of(v, next, OTHER));
    return white(v, at, true);
}

static bool is_ascii_letter(int32_t c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// 0: nothing matches here.
static size_t next_deepseek(const SplitView *v, size_t at) {
    int32_t c, c2;
    size_t next, next2;
    int kind = kind_at(v, at, &c, &next), kind2 = kind_at(v, next, &c2, &next2);
    if (c < 0x80 && kind & PUNCT && is_ascii_letter(c2)) {
        while (next < v->end && is_ascii_letter((unsigned char)v->text[next])) next++;
        return next;
    }
    if (c != '\r' && c != '\n' && !(kind & (LETTER | PUNCT)) && kind2 & (LETTER | MARK))
        return run_of(v, next2, LETTER | MARK);
    if (kind & (LETTER | MARK)) return run_of(v, next, LETTER | MARK);
    if (c == ' ' && kind2 & PUNCT) return newlines(v, run_of(v, next2, PUNCT));
    if (kind & PUNCT) return newlines(v, run_of(v, next, PUNCT));
    return kind & SPACE ? white(v, at, true) : 0;
}

static void gpt2_run(const SplitView *v, size_t at, Pieces *out) {
    for (size_t end; at < v->end; at = end) {
        end = next_gpt2(v, at);
        pieces_add(out, at, end);
    }
}

static void deepseek_segment(const SplitView *whole, size_t at, size_t end, Pieces *out) {
    SplitView v = {whole->text, end, whole->class_of};
    size_t gap = at; // what no part of the regex takes stays together
    while (at < end) {
        size_t next = next_deepseek(&v, at);
        if (next) {
            if (at > gap) pieces_add(out, gap, at);
            pieces_add(out, at, next);
            gap = at = next;
        } else {
            int32_t c;
            at = unicode_next(v.text, at, &c);
        }
    }
    if (end > gap) pieces_add(out, gap, end);
}

static bool is_cjk(int32_t c) {
    return (c >= 0x4E00 && c <= 0x9FA5) || (c >= 0x3040 && c <= 0x30FF);
}

static void deepseek_run(const SplitView *v, size_t at, Pieces *out) {
    size_t begin = at; // of the segment that is open
    bool cjk = false;
    while (at < v->end) {
        int32_t c;
        size_t next;
        int kind = kind_at(v, at, &c, &next);
        if (kind & NUMBER) {
            if (at > begin) deepseek_segment(v, begin, at, out);
            for (int i = 1; i < 3; i++) {
                size_t end;
                if (!(kind_at(v, next, &c, &end) & NUMBER)) break;
                next = end;
            }
            pieces_add(out, at, next);
            begin = next;
            cjk = false;
        } else if (is_cjk(c) != cjk) {
            if (at > begin) deepseek_segment(v, begin, at, out);
            begin = at;
            cjk = !cjk;
        }
        at = next;
    }
    if (at > begin) deepseek_segment(v, begin, at, out);
}

static void smollm_run(const SplitView *whole, size_t at, Pieces *out) {
    SplitView v = *whole;
    while (at < whole->end) {
        size_t digit = at, next = at;
        int32_t c;
        for (; digit < whole->end; digit = next) {
            next = unicode_next(v.text, digit, &c);
            if (v.class_of[c] & UC_NUMERIC) break;
        }
        v.end = digit;
        gpt2_run(&v, at, out);
        if (digit < whole->end) pieces_add(out, digit, next);
        at = next;
    }
}

void knownsplit_run(KnownSplit kind, const char *text, size_t begin, size_t end, Pieces *out) {
    SplitView v = {text, end, unicode_classes()};
    switch (kind) {
    case KNOWN_NONE: status_bug("a known kind", __FILE__, __LINE__);
    case KNOWN_GPT2: gpt2_run(&v, begin, out); return;
    case KNOWN_SMOLLM: smollm_run(&v, begin, out); return;
    case KNOWN_DEEPSEEK: deepseek_run(&v, begin, out); return;
    case KNOWN_QWEN:
    case KNOWN_LLAMA3:
        for (size_t next; begin < end; begin = next) {
            next = next_qwen(&v, begin, kind == KNOWN_QWEN ? 1 : 3);
            pieces_add(out, begin, next);
        }
    }
}
