// verifiers/math/tree/tail.c -- peels the words behind a number, part by part.
#include "verifiers/math/tree/tail.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "verifiers/math/tree/tail_words.h"
#include "verifiers/math/tree/unit.h"

enum { MAX_NOUN_WORDS = 6 };

typedef struct TailText {
    const char *p, *end;
} TailText;

// ---- words

static bool is_blank(char c) {
    return c == ' ';
}

static void skip(TailText *t) {
    while (t->p < t->end && is_blank(*t->p)) t->p++;
    bool hyphen =
        t->end - t->p > 1 && *t->p == '-' && (isalpha((unsigned char)t->p[1]) || t->p[1] & 0x80);
    t->p += hyphen;
}

static Slice word_at(const TailText *t) {
    TailText at = *t;
    skip(&at);
    const char *from = at.p;
    while (at.p < at.end && isalpha((unsigned char)*at.p)) at.p++;
    return (Slice){from, (size_t)(at.p - from)};
}

static bool word_is(Slice w, const char *text) {
    return w.size == strlen(text) && strncasecmp(w.data, text, w.size) == 0;
}

static void pass(TailText *t, Slice w) {
    t->p = w.data + w.size;
}

static bool take(TailText *t, const char *text) {
    Slice w = word_at(t);
    if (!word_is(w, text)) return false;
    pass(t, w);
    return true;
}

static bool at_end(const TailText *t) {
    TailText at = *t;
    int points = 0;
    while (at.p < at.end && (is_blank(*at.p) || *at.p == '.' || *at.p == ')'))
        points += *at.p++ == '.';
    return at.p == at.end && points < 2; // "7 ..." is no end
}

// Is the word, in lower case, one of a list with blanks around each word?
static bool listed(const char *list, Slice w) {
    char key[40];
    if (w.size + 2 >= sizeof key) return false;
    key[0] = ' ';
    for (size_t i = 0; i < w.size; i++) key[i + 1] = (char)tolower((unsigned char)w.data[i]);
    key[w.size + 1] = ' ', key[w.size + 2] = 0;
    return strstr(list, key) != NULL;
}

static bool starts(const char *p, const char *end, const char *text) {
    size_t n = strlen(text);
    return (size_t)(end - p) >= n && memcmp(p, text, n) == 0;
}

// ---- what changes the value

static int part_of(Slice w) {
    if (w.size > 3 && tolower((unsigned char)w.data[w.size - 1]) == 's') w.size--;
    for (size_t i = 0; i < sizeof tail_parts / sizeof *tail_parts; i++)
        if (word_is(w, tail_parts[i].word)) return tail_parts[i].down;
    return 0;
}

static int digit_of(Slice w) {
    for (int i = 0; i < 10; i++)
        if (word_is(w, tail_digits[i])) return i;
    return -1;
}

// "and a half", "and three quarters", "point two five". False if it begins so and goes wrong.
static bool take_addition(TailText *t, NumberTail *out) {
    TailText at = *t;
    if (take(&at, "point")) {
        int64_t up = 0, down = 1;
        int digit, n = 0;
        Slice w;
        while (w = word_at(&at), (digit = digit_of(w)) >= 0 && n++ < 15) {
            up = up * 10 + digit, down *= 10;
            pass(&at, w);
        }
        if (down == 1) return true; // "1 point"
        out->add_up = up, out->add_down = down;
        *t = at;
        return true;
    }
    if (!take(&at, "and")) return true;
    int64_t up = 1;
    if (!take(&at, "a") && !take(&at, "an")) {
        Slice w = word_at(&at);
        if (digit_of(w) > 0) up = digit_of(w), pass(&at, w);
    }
    Slice w = word_at(&at);
    int down = part_of(w);
    if (!down || up >= down) return false;
    pass(&at, w);
    out->add_up = up, out->add_down = down;
    *t = at;
    return true;
}

size_t tail_addition(Slice text) {
    TailText t = {text.data, text.data + text.size};
    NumberTail tail = {.add_down = 1};
    if (text.size < 5 || strncasecmp(text.data, "and ", 4) != 0) return 0;
    return take_addition(&t, &tail) && tail.add_up ? (size_t)(t.p - text.data) : 0;
}

static void take_factors(TailText *t, NumberTail *out) {
    enum { MOST = 3 };
    for (int n = 0; n < MOST; n++) {
        Slice w = word_at(t);
        bool found = false;
        for (size_t i = 0; !found && i < sizeof tail_factors / sizeof *tail_factors; i++)
            if (word_is(w, tail_factors[i].word)) {
                out->up *= tail_factors[i].up, out->exp10 += tail_factors[i].exp10;
                pass(t, w);
                found = true;
            }
        if (!found) return;
    }
}

static void take_cjk_factors(TailText *t, NumberTail *out) {
    enum { MOST = 3 };
    for (int n = 0; n < MOST; n++) {
        TailText at = *t;
        bool found = false;
        skip(&at);
        for (size_t i = 0; !found && i < sizeof tail_cjk_factors / sizeof *tail_cjk_factors; i++)
            if (starts(at.p, at.end, tail_cjk_factors[i].word)) {
                const char *plain;
                if (unit_cjk((Slice){at.p, (size_t)(at.end - at.p)}, &plain)) return; // 千米
                out->exp10 += tail_cjk_factors[i].exp10;
                t->p = at.p + strlen(tail_cjk_factors[i].word);
                found = true;
            }
        if (!found) return;
    }
}

// "base six", "in base 6", "in binary". False if it names a base that there is none.
static bool take_base(TailText *t, NumberTail *out) {
    TailText at = *t;
    take(&at, "in");
    if (take(&at, "base")) {
        skip(&at);
        int base = 0;
        const char *from = at.p;
        while (at.p < at.end && isdigit((unsigned char)*at.p) && at.p - from < 2)
            base = base * 10 + (*at.p++ - '0');
        Slice w = word_at(&at);
        for (size_t i = 0; !base && i < sizeof tail_bases / sizeof *tail_bases; i++)
            if (word_is(w, tail_bases[i].word)) base = tail_bases[i].base, pass(&at, w);
        if (base < 2 || base > 36 || !at_end(&at)) return false;
        out->base = base;
        *t = at;
        return true;
    }
    Slice w = word_at(&at);
    for (size_t i = 0; i < sizeof tail_base_names / sizeof *tail_base_names; i++)
        if (word_is(w, tail_base_names[i].word)) {
            pass(&at, w);
            take(&at, "notation");
            if (!at_end(&at)) return true; // "5 decimal places"
            out->base = tail_base_names[i].base;
            *t = at;
            return true;
        }
    return true;
}

// One word that is the last: percent, squared, halves, repeating. True if one was taken.
static bool take_last_word(TailText *t, NumberTail *out) {
    TailText at = *t;
    Slice w = word_at(&at);
    if (!w.size) return false;
    pass(&at, w);
    if (word_is(w, "per")) {
        Slice of = word_at(&at);
        int exp10 = word_is(of, "cent") || word_is(of, "hundred")                           ? 2
                    : word_is(of, "mille") || word_is(of, "mil") || word_is(of, "thousand") ? 3
                    : word_is(of, "million")                                                ? 6
                                                                                            : 0;
        pass(&at, of);
        if (!exp10 || !at_end(&at)) return false;
        if (word_is(of, "cent"))
            out->percent = true;
        else
            out->exp10 -= exp10;
        *t = at;
        return true;
    }
    if (!at_end(&at)) return false;
    int part = part_of(w);
    if (word_is(w, "percent") || word_is(w, "percentage") || word_is(w, "pct")) {
        out->percent = true;
    } else if (word_is(w, "squared") || word_is(w, "cubed")) {
        out->power = word_is(w, "squared") ? 2 : 3;
    } else if (word_is(w, "factorial")) {
        out->factorial = true;
    } else if (word_is(w, "repeating") || word_is(w, "recurring") || word_is(w, "repeated")) {
        out->repeating = true;
    } else if (part && !out->add_up) {
        out->down *= part;
    } else {
        return false;
    }
    *t = at;
    return true;
}

bool tail_can_repeat(Slice digits, int exp10) {
    size_t n = exp10 < 0 ? (size_t)-exp10 : 0;
    if (!n || digits.size < n || n > 200) return false;
    const char *tail = digits.data + digits.size - n;
    for (size_t i = 1; i < n; i++)
        if (tail[i] != tail[0]) return false;
    return true;
}

// ---- units and nouns

// "5 apples in total", "3 m long": what says nothing is taken off the end.
static void cut_fillers(TailText *t) {
    static const char *const fillers[] = {"in total",      "in all",
                                          "altogether",    "total",
                                          "overall",       "each",
                                          "apiece",        "long",
                                          "wide",          "tall",
                                          "high",          "deep",
                                          "thick",         "old",
                                          "away",          "apart",
                                          "left",          "remaining",
                                          "together",      "exactly",
                                          "is the answer", "is the final answer"};
    for (bool any = true; any;) {
        any = false;
        while (t->end > t->p && (t->end[-1] == ' ' || t->end[-1] == '.')) t->end--;
        for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
            size_t n = strlen(fillers[i]);
            size_t left = (size_t)(t->end - t->p);
            if (left >= n && strncasecmp(t->end - n, fillers[i], n) == 0 &&
                (left == n || t->end[-(long)n - 1] == ' ')) {
                t->end -= n;
                any = true;
            }
        }
    }
}

static bool take_unit(Slice text, NumberTail *out) {
    Unit unit;
    const char *plain;
    size_t n = unit_cjk(text, &plain);
    if (n && n == text.size) text = slice_of(plain);
    static const char *const unsure[] = {"B", "b", "G", "u", "t", "d"}; // billion, bits, grand, ..
    for (size_t i = 0; i < sizeof unsure / sizeof *unsure; i++)
        if (text.size == 1 && *text.data == *unsure[i]) return false;
    if (!unit_read(text, &unit)) return false;
    unit_name(&unit, out->unit);
    if (strcmp(out->unit, "degree") == 0) out->degree = true, out->unit[0] = 0;
    return true;
}

// The word in letters without accents, in lower case.
static Slice fold_word(Slice w, char *out, size_t cap) {
    size_t n = 0;
    for (size_t i = 0; i < w.size;) {
        utf8proc_int32_t code, base[8];
        utf8proc_ssize_t got = utf8proc_iterate((const utf8proc_uint8_t *)w.data + i,
                                                (utf8proc_ssize_t)(w.size - i), &code);
        if (got <= 0) break;
        int bound = 0;
        utf8proc_ssize_t k = utf8proc_decompose_char(
            code, base, 8, UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD, &bound);
        for (utf8proc_ssize_t j = 0; j < k && j < 8 && n + 4 < cap; j++)
            n += (size_t)utf8proc_encode_char(base[j], (utf8proc_uint8_t *)out + n);
        i += (size_t)got;
    }
    return (Slice){out, n};
}

static bool roman(Slice w) {
    if (w.size < 2) return false;
    for (size_t i = 0; i < w.size; i++)
        if (!strchr("IVXLCDM", w.data[i])) return false;
    return true;
}

// trillionths, Zehntausend, nineteenths
static bool holds_number(Slice key) {
    for (size_t i = 0; i < sizeof tail_inside / sizeof *tail_inside; i++)
        if (memmem(key.data, key.size, tail_inside[i], strlen(tail_inside[i]))) return true;
    if (key.size && key.data[key.size - 1] == 's') key.size--;
    for (size_t i = 0; i < sizeof tail_ends / sizeof *tail_ends; i++) {
        size_t n = strlen(tail_ends[i]);
        if (key.size > n && memcmp(key.data + key.size - n, tail_ends[i], n) == 0) return true;
    }
    return false;
}

static bool noun_word(Slice w, bool last) {
    char low[64];
    Slice key = fold_word(w, low, sizeof low);
    bool ascii = true, vowel = false;
    for (size_t i = 0; i < key.size; i++) {
        ascii &= !(key.data[i] & 0x80);
        vowel |= strchr("aeiouy", key.data[i]) != NULL;
    }
    if (w.size > 40 || !key.size) return false;
    if (listed(tail_refused, key) || holds_number(key) || roman(w)) return false;
    if (last ? listed(tail_not_last, key) : listed(tail_last_only, key)) return false;
    if (ascii && key.size <= 2) return listed(tail_short, key);
    if (ascii) return vowel || listed(tail_abbreviated, key);
    for (size_t i = 0; i < sizeof tail_foreign / sizeof *tail_foreign; i++)
        if (memmem(key.data, key.size, tail_foreign[i], strlen(tail_foreign[i])) ||
            memmem(w.data, w.size, tail_foreign[i], strlen(tail_foreign[i])))
            return w.size == strlen("\xE7\x82\xB9") && memcmp(w.data, "\xE7\x82\xB9", 3) == 0;
    return true;
}

static bool take_noun(Slice text, NumberTail *out) {
    static const char first_not[] = " of to by at on in a an the ";
    size_t n = 0, i = 0;
    int words = 0;
    bool ordered = false; // "ordered pairs" are counted, "pairs" are two each
    while (i < text.size) {
        const char *from = text.data + i;
        size_t k = 0;
        while (i + k < text.size && (isalpha((unsigned char)from[k]) || from[k] & 0x80 ||
                                     (from[k] == '\'' && k && i + k + 1 < text.size)))
            k++;
        Slice w = {from, k};
        size_t after = i + k;
        if (after + 3 <= text.size && memcmp(from + k, "(s)", 3) == 0) after += 3; // "apple(s)"
        if (!k || ++words > MAX_NOUN_WORDS) return false;
        char low[64];
        char bare[40];
        size_t m = 0;
        for (size_t j = 0; j < k && m < sizeof bare - 1; j++)
            if (from[j] != '\'') bare[m++] = from[j];
        bool last = after >= text.size;
        bool pairs = ordered && (word_is(w, "pair") || word_is(w, "pairs"));
        if (!pairs && !noun_word((Slice){bare, m}, last)) return false;
        ordered = word_is(w, "ordered") || word_is(w, "unordered");
        Slice key = fold_word(w, low, sizeof low);
        if (words == 1 && listed(first_not, key)) return false;
        if (!listed(" a an the ", key)) {
            if (n + key.size + 2 >= TAIL_NAME_BYTES) return false;
            if (n) out->unit[n++] = ' ';
            memcpy(out->unit + n, key.data, key.size);
            n += key.size;
        }
        if (!last && text.data[after] != ' ' && text.data[after] != '-') return false;
        i = after;
        while (i < text.size && (text.data[i] == ' ' || text.data[i] == '-')) i++;
    }
    if (n > 3 && out->unit[n - 1] == 's' && out->unit[n - 2] != 's') n--;
    out->unit[n] = 0;
    out->noun = true;
    return words > 0;
}

bool tail_read(Slice text, NumberTail *out) {
    char plain[TAIL_MAX_BYTES + 1];
    size_t n;
    *out = (NumberTail){.add_down = 1, .up = 1, .down = 1, .power = 1};
    if (text.size > 4 * TAIL_MAX_BYTES || !tail_plain(text, plain, &n)) return false;
    if (memmem(plain, n, "..", 2)) return false;
    TailText t = {plain, plain + n};
    if (n > 2 && plain[0] == '(' && plain[n - 1] == ')' && !memchr(plain + 1, '(', n - 1))
        t.p++, t.end--; // "(base 5)", "(cm)"
    if (at_end(&t)) return true;
    if (!take_addition(&t, out)) return false;
    if (at_end(&t)) return true;
    take_factors(&t, out);
    take_cjk_factors(&t, out);
    if (at_end(&t)) return true;
    if (!take_base(&t, out)) return false;
    if (out->base) return true;
    if (take_last_word(&t, out)) return true;
    skip(&t);
    cut_fillers(&t);
    if (at_end(&t)) return true;
    Slice rest = {t.p, (size_t)(t.end - t.p)};
    static const char *const hours[][2] = {{"am", "am"}, {"a.m", "am"}, {"a.m.", "am"},
                                           {"pm", "pm"}, {"p.m", "pm"}, {"p.m.", "pm"}};
    for (size_t i = 0; i < sizeof hours / sizeof *hours; i++)
        if (word_is(rest, hours[i][0])) {
            memcpy(out->unit, hours[i][1], 3);
            return true;
        }
    if (take_unit(rest, out)) return true;
    return take_noun(rest, out);
}
