// verifiers/math/tree/unit.c -- reads products of powers by the table of unit_table.h.
#include "verifiers/math/tree/unit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verifiers/math/tree/unit_table.h"

// Here, not in the table: C++ has no such initialisers.
static const signed char unit_dimensions[N_DIMENSION_ROWS][10] = {
    [OF_LENGTH] = {1},
    [OF_AREA] = {2},
    [OF_VOLUME] = {3},
    [OF_MASS] = {0, 1},
    [OF_TIME] = {0, 0, 1},
    [OF_FREQUENCY] = {0, 0, -1},
    [OF_SPEED] = {1, 0, -1},
    [OF_CURRENT] = {0, 0, 0, 1},
    [OF_TEMPERATURE] = {0, 0, 0, 0, 1},
    [OF_AMOUNT] = {0, 0, 0, 0, 0, 1},
    [OF_LIGHT] = {0, 0, 0, 0, 0, 0, 1},
    [OF_ANGLE] = {0, 0, 0, 0, 0, 0, 0, 1},
    [OF_INFORMATION] = {0, 0, 0, 0, 0, 0, 0, 0, 1},
    [OF_MONEY] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
    [OF_FORCE] = {1, 1, -2},
    [OF_ENERGY] = {2, 1, -2},
    [OF_POWER] = {2, 1, -3},
    [OF_PRESSURE] = {-1, 1, -2},
    [OF_CHARGE] = {0, 0, 1, 1},
    [OF_VOLTAGE] = {2, 1, -3, -1},
    [OF_CAPACITY] = {-2, -1, 4, 2},
    [OF_RESISTANCE] = {2, 1, -3, -2},
    [OF_CONDUCTANCE] = {-2, -1, 3, 2},
    [OF_FLUX] = {2, 1, -2, -1},
    [OF_FLUX_DENSITY] = {0, 1, -2, -1},
    [OF_INDUCTANCE] = {2, 1, -2, -2},
    [OF_DOSE] = {2, 0, -2},
    [OF_ILLUMINANCE] = {-2, 0, 0, 0, 0, 0, 1},
};

// ---- one factor: a symbol or a word

typedef struct UnitWord {
    int row, prefix;
} UnitWord;

static bool same_text(Slice s, const char *text, bool any_case) {
    size_t n = strlen(text);
    return s.size == n && (any_case ? strncasecmp(s.data, text, n) : memcmp(s.data, text, n)) == 0;
}

// One of the words in "meter|metre"?
static bool in_list(const char *list, Slice s, bool any_case) {
    char first = s.size ? *s.data : 0, fold = any_case ? 0x20 : 0;
    while (*list) {
        size_t n = 0;
        bool may = ((*list ^ first) & ~fold) == 0;
        while (list[n] && list[n] != '|') n++;
        if (may && n == s.size &&
            (any_case ? strncasecmp(list, s.data, n) : memcmp(list, s.data, n)) == 0)
            return true;
        list += n + (list[n] == '|');
    }
    return false;
}

static bool find_symbol(Slice s, UnitWord *out) {
    for (size_t i = 0; i < N_UNIT_ROWS; i++) {
        const UnitRow *u = &unit_rows[i];
        if (in_list(u->symbols, s, false)) {
            *out = (UnitWord){(int)i, 0};
            return true;
        }
    }
    for (size_t k = 0; k < sizeof unit_prefixes / sizeof *unit_prefixes; k++) {
        size_t n = strlen(unit_prefixes[k].symbol);
        if (s.size <= n || memcmp(s.data, unit_prefixes[k].symbol, n) != 0) continue;
        Slice rest = {s.data + n, s.size - n};
        for (size_t i = 0; i < N_UNIT_ROWS; i++) {
            const UnitRow *u = &unit_rows[i];
            bool takes = u->takes == TAKES_ALL ||
                         (u->takes == TAKES_THOUSANDS && unit_prefixes[k].exp10 % 3 == 0) ||
                         (u->takes == TAKES_LARGE && unit_prefixes[k].exp10 >= 3);
            if (takes && in_list(u->symbols, rest, false)) {
                *out = (UnitWord){(int)i, unit_prefixes[k].exp10};
                return true;
            }
        }
    }
    static const char *const sloppy[][2] = {
        // written in the wrong case, and not to be mistaken
        {"cm", "cm"},   {"mm", "mm"},   {"km", "km"}, {"kg", "kg"},   {"ml", "mL"},
        {"ft", "ft"},   {"lb", "lb"},   {"hz", "Hz"}, {"khz", "kHz"}, {"hr", "h"},
        {"kwh", "kWh"}, {"mph", "mph"}, {"kj", "kJ"}, {"kpa", "kPa"}, {"sec", "s"}};
    for (size_t i = 0; i < sizeof sloppy / sizeof *sloppy; i++)
        if (same_text(s, sloppy[i][0], true) && !same_text(s, sloppy[i][1], false))
            return find_symbol(slice_of(sloppy[i][1]), out);
    return false;
}

static bool find_word_alone(Slice s, UnitWord *out) {
    for (size_t i = 0; i < N_UNIT_ROWS; i++)
        if (in_list(unit_rows[i].words, s, true)) {
            *out = (UnitWord){(int)i, 0};
            return true;
        }
    for (size_t k = 0; k < sizeof unit_prefixes / sizeof *unit_prefixes; k++) {
        size_t n = strlen(unit_prefixes[k].word);
        if (s.size <= n || strncasecmp(s.data, unit_prefixes[k].word, n) != 0) continue;
        Slice rest = {s.data + n, s.size - n};
        for (size_t i = 0; i < N_UNIT_ROWS; i++)
            if (unit_rows[i].takes && in_list(unit_rows[i].words, rest, true)) {
                *out = (UnitWord){(int)i, unit_prefixes[k].exp10};
                return true;
            }
    }
    return false;
}

static bool find_word(Slice s, UnitWord *out) {
    if (s.size < 2) return false;
    if (find_word_alone(s, out)) return true;
    bool plural = s.size > 3 && tolower((unsigned char)s.data[s.size - 1]) == 's';
    if (plural && find_word_alone((Slice){s.data, s.size - 1}, out)) return true;
    plural = plural && s.size > 4 && tolower((unsigned char)s.data[s.size - 2]) == 'e';
    return plural && find_word_alone((Slice){s.data, s.size - 2}, out); // inches
}

// ---- a product

typedef struct UnitReader {
    const char *p, *end;
    Unit *out;
    bool symbols; // something was a symbol: a "2" right behind one is a power
} UnitReader;

static void skip_blanks(UnitReader *r) {
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n')) r->p++;
}

static bool is_letter(const char *p, const char *end) {
    return p < end && isalpha((unsigned char)*p);
}

static Slice next_word(UnitReader *r) {
    skip_blanks(r);
    const char *from = r->p, *p = from;
    while (is_letter(p, r->end)) p++;
    return (Slice){from, (size_t)(p - from)};
}

static bool take_word(UnitReader *r, const char *const *words) {
    Slice w = next_word(r);
    for (; *words; words++)
        if (same_text(w, *words, true)) {
            r->p = w.data + w.size;
            return true;
        }
    return false;
}

// "^2", "^-1", "^{2}" without its braces, U+00B2, a "2" right behind a symbol, "squared": 0 if it
// goes wrong.
static int take_power(UnitReader *r, bool symbol) {
    static const char *const squared[] = {"squared", NULL}, *const cubed[] = {"cubed", NULL};
    static const struct {
        const char *utf8;
        int power;
    } raised[] = {{"\xE2\x81\xBB\xC2\xB9", -1},
                  {"\xE2\x81\xBB\xC2\xB2", -2},
                  {"\xE2\x81\xBB\xC2\xB3", -3},
                  {"\xC2\xB2", 2},
                  {"\xC2\xB3", 3},
                  {"\xC2\xB9", 1}};
    for (size_t i = 0; i < sizeof raised / sizeof *raised; i++) {
        size_t n = strlen(raised[i].utf8);
        if ((size_t)(r->end - r->p) >= n && memcmp(r->p, raised[i].utf8, n) == 0) {
            r->p += n;
            return raised[i].power;
        }
    }
    if (symbol && r->p < r->end && (*r->p == '2' || *r->p == '3')) return *r->p++ - '0';
    UnitReader ahead = *r;
    skip_blanks(&ahead);
    if (ahead.p < ahead.end && *ahead.p == '^') {
        *r = ahead;
        r->p++;
        skip_blanks(r);
        int sign = 1;
        if (r->p < r->end && *r->p == '-') sign = -1, r->p++;
        if (r->p >= r->end || *r->p < '1' || *r->p > '9') return 0;
        int power = *r->p++ - '0';
        return r->p < r->end && isdigit((unsigned char)*r->p) ? 0 : sign * power;
    }
    if (take_word(r, squared)) return 2;
    return take_word(r, cubed) ? 3 : 1;
}

static bool add_factor(Unit *u, UnitWord w, int power) {
    if (unit_rows[w.row].symbols[0] == '=') { // "mph", "kWh": a name of a product
        Unit whole;
        if (!unit_read(slice_of(unit_rows[w.row].symbols + 1), &whole)) return false;
        for (int i = 0; i < whole.n; i++)
            if (!add_factor(u, (UnitWord){whole.factor[i].row, whole.factor[i].prefix},
                            whole.factor[i].power * power))
                return false;
        return true;
    }
    for (int i = 0; i < u->n; i++)
        if (u->factor[i].row == w.row && u->factor[i].prefix == w.prefix) {
            u->factor[i].power += power;
            return true;
        }
    if (u->n == UNIT_MAX_FACTORS) return false;
    u->factor[u->n++] = (UnitFactor){w.row, w.prefix, power};
    return true;
}

// A factor of several words: "fluid ounce", "nautical mile", "light year", "degree C".
static bool find_phrase(UnitReader *r, UnitWord *out) {
    for (size_t i = 0; i < sizeof unit_phrases / sizeof *unit_phrases; i++) {
        const char *want = unit_phrases[i].phrase, *p = r->p;
        while (*want && p < r->end) {
            if (*want == ' ') {
                if (*p != ' ' && *p != '-') break;
                while (p < r->end && (*p == ' ' || *p == '-')) p++;
                want++;
            } else if (tolower((unsigned char)*p) == *want) {
                p++, want++;
            } else {
                break;
            }
        }
        if (*want) continue;
        if (is_letter(p, r->end) && tolower((unsigned char)*p) == 's') p++;
        if (is_letter(p, r->end)) continue;
        if (!find_symbol(slice_of(unit_phrases[i].symbol), out)) continue;
        r->p = p;
        return true;
    }
    return false;
}

static bool take_product(UnitReader *r, int sign, int depth);

static bool take_factor(UnitReader *r, int sign, int depth) {
    static const char *const square[] = {"square", "sq", NULL}, *const cubic[] = {"cubic", "cu",
                                                                                  NULL};
    skip_blanks(r);
    if (r->p < r->end && *r->p == '(') {
        if (depth > 2) return false;
        r->p++;
        if (!take_product(r, sign, depth + 1)) return false;
        skip_blanks(r);
        return r->p < r->end && *r->p++ == ')';
    }
    int power = take_word(r, square) ? 2 : take_word(r, cubic) ? 3 : 1;
    if (power > 1 && r->p < r->end && *r->p == '.') r->p++;
    skip_blanks(r);
    UnitWord found;
    bool symbol = false;
    if (!find_phrase(r, &found)) {
        Slice w = next_word(r);
        if (!w.size) return false;
        symbol = find_symbol(w, &found);
        if (!symbol && !find_word(w, &found)) return false;
        r->p = w.data + w.size;
        if (w.size == 1 || unit_rows[found.row].takes == IS_WEAK) r->out->weak = true;
    }
    if (r->p < r->end && *r->p == '.' && power > 1) r->p++;
    int raised = take_power(r, symbol);
    if (!raised || (power > 1 && raised != 1)) return false;
    return add_factor(r->out, found, sign * power * raised);
}

static bool take_product(UnitReader *r, int sign, int depth) {
    static const char *const per[] = {"per", NULL}, *const a[] = {"a", "an", "each", NULL};
    bool first = true;
    for (;; first = false) {
        skip_blanks(r);
        bool below = false;
        if (r->p < r->end && (*r->p == '/' || (!first && (*r->p == '*' || *r->p == '-')) ||
                              (!first && *r->p == '.' && is_letter(r->p + 1, r->end)))) {
            below = *r->p == '/';
            r->p++;
        } else if (take_word(r, per)) {
            below = true;
        } else if (!first && take_word(r, a)) { // "5 dollars an hour"
            below = true;
        } else if (r->p >= r->end || *r->p == ')') {
            return !first;
        }
        if (!take_factor(r, below ? -sign : sign, depth)) return false;
    }
}

bool unit_read(Slice text, Unit *out) {
    *out = (Unit){0};
    while (text.size && (text.data[text.size - 1] == '.' || text.data[text.size - 1] == ' '))
        text.size--;
    UnitReader r = {.p = text.data, .end = text.data + text.size, .out = out};
    if (!text.size || !take_product(&r, 1, 0)) return false;
    skip_blanks(&r);
    if (r.p != r.end) return false;
    int n = 0;
    for (int i = 0; i < out->n; i++) // m^2/m
        if (out->factor[i].power) out->factor[n++] = out->factor[i];
    bool money = false, other = false; // "K dollars" are no kelvin
    for (int i = 0; i < n; i++) {
        bool is_money = unit_rows[out->factor[i].row].dimension == OF_MONEY;
        money |= is_money && out->factor[i].power > 0;
        other |= !is_money && out->factor[i].power > 0;
    }
    if (money && other) return false;
    bool compound = out->n > 1;
    out->n = n;
    if (compound) out->weak = false;
    return true;
}

static int by_row(const void *a, const void *b) {
    const UnitFactor *x = a, *y = b;
    return x->row != y->row ? x->row - y->row : x->prefix - y->prefix;
}

void unit_name(const Unit *unit, char out[UNIT_NAME_BYTES]) {
    Unit u = *unit;
    qsort(u.factor, (size_t)u.n, sizeof *u.factor, by_row);
    size_t n = 0;
    out[0] = 0;
    for (int i = 0; i < u.n; i++) {
        const UnitRow *row = &unit_rows[u.factor[i].row];
        if (row->dimension == NO_DIMENSION) continue; // "units"
        const char *prefix = "";
        for (size_t k = 0; k < sizeof unit_prefixes / sizeof *unit_prefixes; k++)
            if (unit_prefixes[k].exp10 == u.factor[i].prefix) prefix = unit_prefixes[k].symbol;
        int size = (int)strcspn(row->symbols, "|");
        int power = u.factor[i].power;
        char raised[8] = "";
        if (power != 1) snprintf(raised, sizeof raised, "^%d", power);
        int got = snprintf(out + n, UNIT_NAME_BYTES - n, "%s%s%.*s%s", n ? " " : "",
                           u.factor[i].prefix ? prefix : "", size, row->symbols, raised);
        n += (size_t)got;
        if (n >= UNIT_NAME_BYTES) n = UNIT_NAME_BYTES - 1;
    }
}

bool unit_same_name(Slice a, Slice b) {
    if (a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0)) return true;
    for (int i = 0; i < 2; i++) {
        if (same_text(a, "pound", false) &&
            (same_text(b, "lb", false) || same_text(b, "GBP", false)))
            return true;
        Slice t = a;
        a = b, b = t;
    }
    return false;
}

typedef struct UnitScale {
    int64_t up, down;
    int exp10;
    int dimension[UNIT_DIMENSIONS];
} UnitScale;

static bool scale_of(const Unit *u, UnitScale *s) {
    *s = (UnitScale){.up = 1, .down = 1};
    for (int i = 0; i < u->n; i++) {
        const UnitRow *row = &unit_rows[u->factor[i].row];
        int power = u->factor[i].power;
        if (row->up == 0) return false;
        s->exp10 += power * (row->exp10 + u->factor[i].prefix);
        for (int k = 0; k < abs(power); k++)
            if (__builtin_mul_overflow(s->up, power > 0 ? row->up : row->down, &s->up) ||
                __builtin_mul_overflow(s->down, power > 0 ? row->down : row->up, &s->down))
                return false;
        for (int d = 0; d < UNIT_DIMENSIONS; d++)
            s->dimension[d] += power * unit_dimensions[row->dimension][d];
    }
    return true;
}

bool unit_convert(Slice a, Slice b, int64_t *up, int64_t *down, int *exp10) {
    Unit x, y;
    UnitScale s, t;
    if (!unit_read(a, &x) || !unit_read(b, &y) || !scale_of(&x, &s) || !scale_of(&y, &t))
        return false;
    if (memcmp(s.dimension, t.dimension, sizeof s.dimension) != 0) return false;
    *exp10 = s.exp10 - t.exp10;
    return !__builtin_mul_overflow(s.up, t.down, up) && !__builtin_mul_overflow(s.down, t.up, down);
}

size_t unit_cjk(Slice text, const char **plain) {
    for (size_t i = 0; i < sizeof unit_cjk_words / sizeof *unit_cjk_words; i++) {
        size_t n = strlen(unit_cjk_words[i].word);
        if (text.size >= n && memcmp(text.data, unit_cjk_words[i].word, n) == 0) {
            *plain = unit_cjk_words[i].plain;
            return n;
        }
    }
    return 0;
}
