// verifiers/math/tree/wording.c -- tables of units, and a plain form of words.
#include "verifiers/math/tree/wording.h"

#include <ctype.h>
#include <string.h>

static bool dress(const char *p, const char *end, size_t *n) {
    static const char *const skip[] = {
        "\\textbf", "\\textit", "\\textrm", "\\textnormal", "\\text",
        "\\mathrm", "\\mathbf", "\\mathit", "\\mathsf",     "\\operatorname",
        "\\mbox",   "\\hbox",   "\\left",   "\\right",      "\\displaystyle",
        "\\quad",   "\\qquad",  "\\,",      "\\;",          "\\:",
        "\\!",      "\\ ",      "\\(",      "\\)",          "\\[",
        "\\]"};
    for (size_t i = 0; i < sizeof skip / sizeof *skip; i++) {
        size_t k = strlen(skip[i]);
        if ((size_t)(end - p) >= k && memcmp(p, skip[i], k) == 0) {
            *n = k;
            return true;
        }
    }
    return false;
}

// "an ellipse", "the origin": where the word itself begins.
static const char *without_article(const char *p, const char *end) {
    static const char *const articles[] = {"a ", "an ", "the "};
    const char *from = p;
    size_t k = 0;
    while (p < end &&
           (isspace((unsigned char)*p) || *p == '{' || (*p == '\\' && dress(p, end, &k))))
        p += *p == '\\' ? k : 1;
    for (size_t i = 0; i < sizeof articles / sizeof *articles; i++) {
        size_t n = strlen(articles[i]), letters = 0;
        if ((size_t)(end - p) <= n || strncasecmp(p, articles[i], n) != 0) continue;
        while (p + n + letters < end && isalpha((unsigned char)p[n + letters])) letters++;
        if (letters >= 3) return p + n;
    }
    return from;
}

Slice words_normal(Work *w, Slice text) {
    char *out = ARENA_ARRAY(w->arena, char, text.size + 1);
    size_t n = 0;
    const char *end = text.data + text.size, *p = without_article(text.data, end);
    while (p < end) {
        size_t k;
        unsigned char c = (unsigned char)*p;
        if (c == '\\' && dress(p, end, &k)) {
            p += k;
        } else if (isspace(c) || strchr("${}~\"'`", c) || (c == '\\')) {
            p++; // NUL too
        } else {
            out[n++] = *p++;
        }
    }
    while (n && strchr(".,;:!?", out[n - 1])) n--;
    return (Slice){out, n};
}

bool words_equal(Slice a, Slice b, bool case_matters) {
    if (a.size != b.size) return false;
    return a.size == 0 || (case_matters ? memcmp(a.data, b.data, a.size)
                                        : strncasecmp(a.data, b.data, a.size)) == 0;
}

Slice words_sentence(Work *w, Slice text) {
    char *out = ARENA_ARRAY(w->arena, char, 2 * text.size + 1);
    size_t n = 0, run = 0, longest = 0;
    bool blank = false;
    text = slice_trim(text);
    while (text.size && strchr(".,;:!?", text.data[text.size - 1]) && text.data[text.size - 1])
        text.size--;
    for (const char *p = text.data, *end = p + text.size; p < end; p++) {
        size_t k;
        unsigned char c = (unsigned char)*p;
        if (c == '\\' && dress(p, end, &k)) {
            p += k - 1;
        } else if (c == '$' || c == '{' || c == '}') {
        } else if (isspace(c) || c == '~') {
            blank = true;
        } else if (!isalnum(c) && c < 0x80 && !(c && strchr(",.:;'()-/&!?", c))) {
            return (Slice){NULL, 0};
        } else {
            if (blank && n && (isalnum(c) || c >= 0x80)) out[n++] = ' ';
            out[n++] = (char)c;
            blank = false;
        }
        run = isalpha(c) ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    return longest >= 3 ? (Slice){out, n} : (Slice){NULL, 0};
}

typedef struct Unit {
    const char *word, *name;
} Unit;

// Sorted by nothing: short enough. Words of two letters and more that are units even without \text.
static const Unit units[] = {
    {"cm", "cm"},
    {"centimeter", "cm"},
    {"centimetre", "cm"},
    {"mm", "mm"},
    {"millimeter", "mm"},
    {"millimetre", "mm"},
    {"km", "km"},
    {"kilometer", "km"},
    {"kilometre", "km"},
    {"m", "m"},
    {"meter", "m"},
    {"metre", "m"},
    {"dm", "dm"},
    {"in", "in"},
    {"inch", "in"},
    {"inche", "in"},
    {"ft", "ft"},
    {"foot", "ft"},
    {"feet", "ft"},
    {"yd", "yd"},
    {"yard", "yd"},
    {"mi", "mi"},
    {"mile", "mi"},
    {"nm", "nm"},
    {"kg", "kg"},
    {"kilogram", "kg"},
    {"g", "g"},
    {"gram", "g"},
    {"mg", "mg"},
    {"milligram", "mg"},
    {"lb", "lb"},
    {"pound", "lb"},
    {"oz", "oz"},
    {"ounce", "oz"},
    {"s", "s"},
    {"sec", "s"},
    {"second", "s"},
    {"ms", "ms"},
    {"min", "min"},
    {"minute", "min"},
    {"h", "h"},
    {"hr", "h"},
    {"hour", "h"},
    {"day", "day"},
    {"week", "week"},
    {"month", "month"},
    {"year", "year"},
    {"yr", "year"},
    {"l", "l"},
    {"liter", "l"},
    {"litre", "l"},
    {"ml", "ml"},
    {"milliliter", "ml"},
    {"mph", "mi/h"},
    {"kmh", "km/h"},
    {"kph", "km/h"},
    {"hz", "hz"},
    {"hertz", "hz"},
    {"n", "n"},
    {"newton", "n"},
    {"j", "j"},
    {"joule", "j"},
    {"w", "w"},
    {"watt", "w"},
    {"v", "v"},
    {"volt", "v"},
    {"pa", "pa"},
    {"kpa", "kpa"},
    {"mol", "mol"},
    {"ev", "ev"},
    {"kev", "kev"},
    {"mev", "mev"},
    {"rad", "radian"},
    {"radian", "radian"},
    {"degree", "degree"},
    {"deg", "degree"},
    {"percent", "percent"},
    {"pct", "percent"},
    {"percentage", "percent"},
    {"dollar", "dollar"},
    {"usd", "dollar"},
    {"buck", "dollar"},
    {"cent", "cent"},
    {"\xC2\xA2", "cent"},
    {"\xE2\x82\xAC", "euro"},
    {"euro", "euro"},
    {"yen", "yen"},
    {"rupee", "rupee"},
    {"unit", ""},
    {"squareunit", ""},
    {"sq.unit", ""},
    {"squnit", ""},
    {"cubicunit", ""},
    {"cu.unit", ""},
    {"unit^2", ""},
    {"unit^3", ""},
    {"units^2", ""},
    {"units^3", ""},
    {"sq.units", ""},
    {"a.m", "am"},
    {"am", "am"},
    {"p.m", "pm"},
    {"pm", "pm"},
    {"kmperhour", "km/h"},
    {"milesperhour", "mi/h"},
    {"mileperhour", "mi/h"},
    {"miles/hour", "mi/h"},
    {"mile/hour", "mi/h"},
    {"km/hr", "km/h"},
    {"meterpersecond", "m/s"},
    {"meterspersecond", "m/s"},
    {"kilometersperhour", "km/h"},
    {"m/sec", "m/s"},
    {"miles/hr", "mi/h"},
};

static const char *unit_name(const char *word, size_t n) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].word) == n && strncasecmp(units[i].word, word, n) == 0)
            return units[i].name;
    return NULL;
}

// "square", "sq.", "cubic" before a unit: its power, and the word moves on.
static char power_prefix(Slice *s) {
    static const struct {
        const char *word;
        char power;
    } prefix[] = {{"square", '2'}, {"sq.", '2'}, {"sq", '2'}, {"cubic", '3'}, {"cu.", '3'}};
    for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++) {
        size_t n = strlen(prefix[i].word);
        if (s->size > n && strncasecmp(s->data, prefix[i].word, n) == 0) {
            s->data += n, s->size -= n;
            return prefix[i].power;
        }
    }
    return 0;
}

// \frac{m}{s} as m/s.
static Slice flat_fraction(Work *w, Slice text) {
    const char *frac = memmem(text.data, text.size, "frac{", 5);
    if (!frac) return text;
    char *out = ARENA_ARRAY(w->arena, char, text.size + 1);
    const char *p = frac + 5, *end = text.data + text.size;
    size_t n = 0;
    int depth = 1, parts = 1;
    for (; p < end && depth > 0; p++) {
        depth += (*p == '{') - (*p == '}');
        if (depth == 0 && parts == 1) {
            while (p + 1 < end && *p != '{') p++;
            out[n++] = '/';
            parts++, depth++;
        } else if (depth) {
            out[n++] = *p;
        }
    }
    for (; p < end; p++) out[n++] = *p;
    return (Slice){out, n};
}

Slice unit_normal(Work *w, Slice text) {
    Slice s = words_normal(w, flat_fraction(w, text));
    char *out = (char *)s.data; // its own copy
    for (size_t i = 0; i < s.size; i++) out[i] = (char)tolower((unsigned char)out[i]);
    const char *known = unit_name(s.data, s.size);
    if (!known && s.size > 1 && s.data[s.size - 1] == 's') known = unit_name(s.data, s.size - 1);
    if (known) return slice_of(known);
    Slice base = s;
    char power = power_prefix(&base);
    if (!power && base.size > 2 && base.data[base.size - 2] == '^') {
        power = base.data[base.size - 1];
        base.size -= 2;
    }
    if (!power && base.size > 2 && (unsigned char)base.data[base.size - 2] == 0xC2) {
        unsigned char last = (unsigned char)base.data[base.size - 1]; // U+00B2, U+00B3
        power = last == 0xB2 ? '2' : last == 0xB3 ? '3' : 0;
        if (power) base.size -= 2;
    }
    known = unit_name(base.data, base.size);
    if (!known && base.size > 1 && base.data[base.size - 1] == 's')
        known = unit_name(base.data, base.size - 1);
    if (!known && !power) {
        if (s.size > 3 && s.data[s.size - 1] == 's') s.size--;
        return s;
    }
    if (power && known && !*known) return slice_of("");
    size_t n = known ? strlen(known) : base.size;
    char *joined = ARENA_ARRAY(w->arena, char, n + 3);
    for (size_t i = 0; i < n; i++) joined[i] = known ? known[i] : base.data[i];
    joined[n++] = '^';
    joined[n++] = power;
    return (Slice){joined, n};
}

bool unit_known(Slice word) {
    if (word.size < 2) return false;
    if (unit_name(word.data, word.size)) return true;
    return word.size > 3 && word.data[word.size - 1] == 's' && unit_name(word.data, word.size - 1);
}

char choice_letter(Slice text, Slice *rest) {
    *rest = (Slice){NULL, 0};
    const char *p = text.data, *end = p + text.size;
    static const char *const titles[] = {"option", "choice", "answer"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        size_t n = strlen(titles[i]);
        if ((size_t)(end - p) > n && strncasecmp(p, titles[i], n) == 0) {
            p += n;
            if (end - p > 1 && *p == ':') p++;
            break;
        }
    }
    bool open = p < end && *p == '(';
    if (open) p++;
    if (p >= end || *p < 'A' || *p > 'J') return 0;
    char letter = *p++;
    if (open) {
        if (p >= end || *p != ')') return 0;
        p++;
    } else if (p < end) {
        if (*p != '.' && *p != ')' && *p != ':') return 0;
        p++;
    }
    if (p < end && (*p == '.' || *p == ':')) p++;
    if (p < end) *rest = (Slice){p, (size_t)(end - p)};
    static const char *const more[] = {"or", "and", ",", "/", "&", ";"}; // a second choice
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        size_t n = strlen(more[i]);
        if (rest->size >= n && memcmp(p, more[i], n) == 0) return 0;
    }
    return letter;
}
