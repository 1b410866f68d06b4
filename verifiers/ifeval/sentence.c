// verifiers/ifeval/sentence.c -- Punkt's decisions at each . ? ! and the Treebank's cuts.
#include "verifiers/ifeval/sentence.h"

#include <string.h>

#include "base/str.h"
#include "verifiers/ifeval/glyph.h"
#include "verifiers/language.h"

long sentence_words(Slice text) {
    long n = 0;
    bool inside = false;
    size_t step;
    for (const char *p = text.data, *end = p + text.size; p < end; p += step) {
        bool word = glyph_is_word(glyph_next(p, end, &step));
        n += word && !inside;
        inside = word;
    }
    return n;
}

// ---- tokens of Punkt

static bool is_quote(uint32_t c) {
    return c == 0x2018 || c == 0x2019 || c == 0x201c || c == 0x201d || c == 0xab || c == 0xbb;
}

// Characters that no word holds (a full stop it may).
static bool ends_word(uint32_t c) {
    return is_quote(c) || (c < 0x80 && c && strchr(")\";}]*:@'({[!?", (int)c));
}

static bool may_begin_word(uint32_t c) {
    return c >= 0x80 || !c || !strchr("(\"`{[:;&#*@)}]-,", (int)c);
}

// Bytes of "--", "..", ". . ." at p; 0 if none begins here.
static size_t many_marks(const char *p, const char *end) {
    size_t n = 0;
    if (p < end && (*p == '-' || *p == '.'))
        while (p + n < end && p[n] == *p) n++;
    if (n >= 2) return n;
    if (n == 0 || *p != '.') return 0;
    const char *q = p; // (?:\.\s){2,}\.
    size_t step;
    int pairs = 0;
    while (q < end && *q == '.' && q + 1 < end && glyph_is_space(glyph_next(q + 1, end, &step)))
        q += 1 + step, pairs++;
    if (pairs >= 2 && q < end && *q == '.') return (size_t)(q + 1 - p);
    if (pairs >= 3) { // the last pair's stop closes the run
        while (q > p && *--q != '.') {
        }
        return (size_t)(q + 1 - p);
    }
    return 0;
}

typedef struct SentenceToken {
    const char *data;
    size_t size; // 0: none
} SentenceToken;

static bool word_ends_at(const char *p, const char *end) {
    size_t n, m;
    if (p == end) return true;
    uint32_t c = glyph_next(p, end, &n);
    if (glyph_is_space(c) || ends_word(c) || many_marks(p, end)) return true;
    if (c != ',') return false;
    if (p + 1 == end) return true;
    uint32_t d = glyph_next(p + 1, end, &m);
    return glyph_is_space(d) || ends_word(d) || many_marks(p + 1, end) != 0;
}

// The next token of one line; *at moves behind it.
static SentenceToken next_token(const char **at, const char *end) {
    const char *p = *at;
    size_t n;
    while (p < end && glyph_is_space(glyph_next(p, end, &n))) p += n;
    if (p == end) {
        *at = end;
        return (SentenceToken){NULL, 0};
    }
    const char *from = p;
    size_t marks = many_marks(p, end);
    uint32_t first = glyph_next(p, end, &n);
    if (marks) {
        p += marks;
    } else {
        p += n;
        if (may_begin_word(first))
            while (!word_ends_at(p, end)) {
                glyph_next(p, end, &n);
                p += n;
            }
    }
    *at = p;
    return (SentenceToken){from, (size_t)(p - from)};
}

// ---- its decisions

// Written with a full stop, and yet no end: titles, months, states, firms, hours.
static bool is_abbreviation(const char *word, size_t n) {
    static const char list[] =
        " mr mrs ms dr prof st jr sr gen col lt rep reps sen maj adm messrs inc corp co cos ltd "
        "bros conn ct vs u.s u.k u.n a.m p.m d.c n.y n.j n.c s.c l.a ph.d ave ft va wash jan feb "
        "aug "
        "sep sept oct nov dec tues wed fri ala ariz calif colo fla ga ill kan ky mich minn nev "
        "okla "
        "ore pa tenn vt wis yr ";
    char key[20];
    if (n == 0 || n > sizeof key - 3) return false;
    if (n == 1) return glyph_is_lower((unsigned char)*word) && !strchr("abijoquxyz", *word);
    key[0] = ' ', key[n + 1] = ' ', key[n + 2] = 0;
    memcpy(key + 1, word, n);
    return strstr(list, key) != NULL;
}

typedef struct Mark {
    bool stop; // ends with a full stop
    bool breaks, abbreviates, ellipsis;
    bool initial, number; // "J."  "12."
} Mark;

// In lower case, ASCII and what fits; longer words are no abbreviation.
static size_t lower(SentenceToken t, char *out, size_t room) {
    size_t n = 0;
    for (; n < t.size && n < room; n++) out[n] = (char)glyph_lower((unsigned char)t.data[n] & 0x7f);
    return t.size <= room ? n : 0;
}

static bool is_number(SentenceToken t) { // ^-?[\.,]?\d[\d,\.-]*\.?$
    const char *p = t.data, *end = p + t.size;
    if (p < end && *p == '-') p++;
    if (p < end && (*p == '.' || *p == ',')) p++;
    if (p == end || *p < '0' || *p > '9') return false;
    while (p < end && ((*p >= '0' && *p <= '9') || *p == ',' || *p == '.' || *p == '-')) p++;
    return p == end;
}

static Mark look(SentenceToken t) {
    Mark m = {.stop = t.data[t.size - 1] == '.', .number = is_number(t)};
    if (t.size == 1 && (*t.data == '.' || *t.data == '?' || *t.data == '!')) {
        m.breaks = true;
        return m;
    }
    if (!m.stop) return m;
    bool dots = t.size >= 2 && t.data[t.size - 2] == '.';
    m.ellipsis = dots && t.data[0] == '.' && t.size == strspn(t.data, ".");
    if (dots) return m;
    char word[24];
    size_t n = lower((SentenceToken){t.data, t.size - 1}, word, sizeof word), step;
    const char *dash = n ? memrchr(word, '-', n) : NULL;
    m.abbreviates = is_abbreviation(word, n) ||
                    (dash && is_abbreviation(dash + 1, (size_t)(word + n - dash - 1)));
    m.breaks = !m.abbreviates;
    uint32_t c = glyph_next(t.data, t.data + t.size, &step);
    m.initial = step + 1 == t.size && glyph_is_word(c) && c != '_' && !(c >= '0' && c <= '9');
    return m;
}

typedef enum Evidence { NO, YES, UNKNOWN } Evidence;

// Does this token begin a sentence? A common word with a capital does; a small letter does not.
static Evidence begins_sentence(SentenceToken t) {
    size_t n;
    uint32_t c = glyph_next(t.data, t.data + t.size, &n);
    if (t.size == 1 && strchr(";:,.!?", *t.data)) return NO;
    if (glyph_is_lower(c)) return NO;
    char word[24];
    size_t size = lower(t, word, sizeof word);
    return glyph_is_upper(c) && size && language_has_word("en", word, size) ? YES : UNKNOWN;
}

static bool breaks(Mark m, bool begins_line, SentenceToken next) {
    if (!m.stop) return m.breaks;
    Evidence e = begins_sentence(next);
    size_t n;
    bool capital = glyph_is_upper(glyph_next(next.data, next.data + next.size, &n));
    if (m.ellipsis) m.breaks = e == YES || capital;
    if (m.abbreviates && !m.initial) m.breaks = e == YES;
    if (m.initial || m.number) {
        if (e == NO) return false;
        // J. Bach; but a letter that begins its line counts the points of a list.
        if (m.initial && e == UNKNOWN) return m.breaks && !(capital && !begins_line);
    }
    return m.breaks;
}

// Is there a break before the last token of this stretch?
static bool has_break(const char *p, const char *end, bool first_of_line) {
    const char *begin = p;
    SentenceToken before = {NULL, 0}, t;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p)), *stop = newline ? newline : end;
        while ((t = next_token(&p, stop)).size) {
            if (before.size && breaks(look(before), before.data == begin && first_of_line, t))
                return true;
            before = t;
        }
        p = newline ? newline + 1 : end;
    }
    return false;
}

// ---- sentences

typedef struct Counter {
    Slice held; // the last sentence: the next one may begin with its closing quotes
    size_t realign;
    bool any;
    long n;
    void (*fn)(void *ctx, Slice sentence);
    void *ctx;
} Counter;

static void yield(Counter *c, const char *from, const char *to) {
    if (to <= from) return;
    c->n++;
    if (c->fn) c->fn(c->ctx, (Slice){from, (size_t)(to - from)});
}

// ["')\]}...]+?(?:\s+|(?=--)|$) at the beginning: *bytes behind its blanks, and without them.
static bool closing_marks(Slice s, size_t *all, size_t *marks) {
    const char *p = s.data, *end = p + s.size;
    size_t n;
    while (p < end) {
        uint32_t c = glyph_next(p, end, &n);
        if (!is_quote(c) && !(c < 0x80 && c && strchr("\"')]}", (int)c))) return false;
        p += n;
        const char *q = p;
        while (q < end && glyph_is_space(glyph_next(q, end, &n))) q += n;
        if (q > p || p == end || (end - p >= 2 && p[0] == '-' && p[1] == '-')) {
            *marks = (size_t)(p - s.data);
            *all = (size_t)(q - s.data);
            return true;
        }
    }
    return false;
}

static void add_sentence(Counter *c, Slice s) {
    if (!c->any) {
        c->held = s, c->any = true;
        return;
    }
    const char *from = c->held.data + c->realign, *to = c->held.data + c->held.size;
    size_t all, marks;
    if (closing_marks(s, &all, &marks)) {
        yield(c, from, s.data + marks);
        c->realign = all;
    } else {
        yield(c, from, to);
        c->realign = 0;
    }
    c->held = s;
}

typedef struct Candidate {
    const char *word, *mark; // where the word before begins; the . ? or !
    const char *after, *after_end;
    const char *next; // where the sentence behind it would begin
    bool begins_line; // nothing but blanks is before the word
} Candidate;

// What follows a . ? or !: a mark, or white space and a token. False: neither.
static bool find_after(Candidate *c, const char *end) {
    const char *p = c->mark + 1;
    size_t n;
    if (p == end) return false;
    c->after = p;
    uint32_t at = glyph_next(p, end, &n);
    if (ends_word(at)) {
        c->after_end = c->next = p + n;
        c->next = p;
        return true;
    }
    if (!glyph_is_space(at)) return false;
    while (p < end && glyph_is_space(glyph_next(p, end, &n))) p += n;
    if (p == end) return false;
    c->next = p;
    while (p < end && !glyph_is_space(glyph_next(p, end, &n))) p += n;
    c->after_end = p;
    return true;
}

static void settle(Counter *counter, const Candidate *c, const char **last) {
    // The stretch is the word, its mark and what is behind: bytes that lie side by side.
    if (!has_break(c->word, c->after_end, c->begins_line)) return;
    add_sentence(counter, (Slice){*last, (size_t)(c->mark + 1 - *last)});
    *last = c->next;
}

static void each_sentence(Slice text, Counter *counter) {
    const char *p = text.data, *end = p + text.size, *last = p, *word = p;
    Candidate held = {0};
    bool begins_line = true;
    for (; p < end; p++) {
        char c = *p;
        if (c == '\n') begins_line = true;
        if (c == ' ' || (c >= 9 && c <= 13)) {
            if (word < p) begins_line = c == '\n';
            word = p + 1;
        }
        if (c != '.' && c != '?' && c != '!') continue;
        Candidate now = {.word = word, .mark = p, .begins_line = begins_line};
        if (!find_after(&now, end)) continue;
        if (held.mark && held.word != now.word) settle(counter, &held, &last);
        held = now;
    }
    if (held.mark) settle(counter, &held, &last);
    size_t n;
    while (end > last && glyph_is_space(glyph_before(last, end, &n))) end -= n;
    add_sentence(counter, (Slice){last, (size_t)(end - last)});
    yield(counter, counter->held.data + counter->realign, counter->held.data + counter->held.size);
}

long sentence_count(Slice text) {
    Counter counter = {0};
    each_sentence(text, &counter);
    return counter.n;
}

// ---- capital words

// Cuts a sentence as the Treebank tokenizer does, where the cut makes a token of its own: marks
// stand apart, and a full stop does at the sentence's end.
static void pad(Slice s, Str *out) {
    const char *p = s.data, *end = p + s.size, *final = end;
    size_t n;
    while (final > p) { // ([^\.])(\.)([\]\)}>"' ...]*)\s*$
        uint32_t c = glyph_before(p, final, &n);
        if (!glyph_is_space(c) && c != 0xbb && c != 0x201d && c != 0x2019 &&
            !(c < 0x80 && c && strchr("])}>\"'", (int)c)))
            break;
        final -= n;
    }
    bool stop = final - p >= 2 && final[-1] == '.' && final[-2] != '.';
    uint32_t before = ' ';
    for (; p < end; p += n) {
        uint32_t c = glyph_next(p, end, &n);
        bool digit_next = p + 1 < end && p[1] >= '0' && p[1] <= '9';
        bool apart = is_quote(c) || c == 0x201e || (c >= 0x2012 && c <= 0x2015) ||
                     (c < 0x80 && c && strchr("`\";@#$%&?!*[](){}<>", (int)c)) ||
                     ((c == ':' || c == ',') && !digit_next) || (stop && p + 1 == final) ||
                     ((c == '.' || c == '-') && (before == c || (p + 1 < end && p[1] == (char)c)));
        // ' before a word that is no clitic
        if (c == '\'' && !glyph_is_word(before)) apart = true;
        if (apart && !(before == c && (c == '.' || c == '-' || c == '\''))) str_putc(out, ' ');
        str_add(out, p, n);
        bool run = p + n < end && p[n] == *p && (c == '.' || c == '-' || c == '\'');
        if (apart && !run && !(c == '\'')) str_putc(out, ' ');
        if (c == '\'' && apart && !run) {
            // kept with a clitic ('s, 're), cut from anything else
            size_t k = 0;
            while (p + 1 + k < end && ((p[1 + k] | 32) >= 'a' && (p[1 + k] | 32) <= 'z')) k++;
            static const char clitic[] = " re ve ll m t s d n ";
            char key[6] = " ";
            for (size_t i = 0; i < k && k <= 2; i++) key[1 + i] = (char)(p[1 + i] | 32);
            if (k == 0 || k > 2 || (key[1 + k] = ' ', !strstr(clitic, key))) str_putc(out, ' ');
        }
        before = c;
    }
    str_putc(out, ' ');
}

static bool any_of(const char *word, size_t n, const char *list) {
    char key[12];
    if (n > sizeof key - 3) return false;
    key[0] = ' ', key[n + 1] = ' ', key[n + 2] = 0;
    for (size_t i = 0; i < n; i++) key[1 + i] = (char)glyph_lower((unsigned char)word[i] & 0x7f);
    return strstr(list, key) != NULL;
}

// Where a token is cut in two: DO|N'T  IT|'S  CAN|NOT  GON|NA; its size if it is not.
static size_t cut_at(const char *word, size_t n) {
    if (n > 3 && any_of(word + n - 3, 3, " 'll 're 've n't ")) {
        const char *w = word + n - 3;
        bool same = glyph_is_upper((unsigned char)w[2]) ==
                    glyph_is_upper((unsigned char)w[*w == '\'' ? 1 : 0]);
        if (same && w[-1] != '\'') return n - 3;
    }
    if (n > 2 && any_of(word + n - 2, 2, " 's 'm 'd ") && word[n - 3] != '\'') return n - 2;
    if (n > 1 && word[n - 1] == '\'' && word[n - 2] != '\'') return n - 1;
    if (any_of(word, n, " cannot gimme gonna gotta lemme wanna ")) return 3;
    return n;
}

static void count_capitals(void *ctx, Slice sentence) {
    long *n_upper = ctx;
    Str padded = {0};
    pad(sentence, &padded);
    const char *p = str_text(&padded), *end = p + padded.size;
    size_t n;
    while (p < end) {
        while (p < end && glyph_is_space(glyph_next(p, end, &n))) p += n;
        const char *word = p;
        while (p < end && !glyph_is_space(glyph_next(p, end, &n))) p += n;
        size_t size = (size_t)(p - word), cut = cut_at(word, size);
        *n_upper += glyph_all_upper((Slice){word, cut});
        if (cut < size) *n_upper += glyph_all_upper((Slice){word + cut, size - cut});
    }
    str_free(&padded);
}

long sentence_capitals(Slice text) {
    long n_upper = 0;
    Counter counter = {.fn = count_capitals, .ctx = &n_upper};
    each_sentence(text, &counter);
    return n_upper;
}
