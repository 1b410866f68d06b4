// policy/text/unicode.c -- the table unrolled, regexes brought up to date, normal forms.
#include "policy/text/unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "policy/text/unicode_table.h"

enum { MARKS_LIMIT = 1024 };

static uint8_t classes[UC_POINTS];
static uint8_t unsafe[UC_POINTS / 8]; // may change, move or compose in form C

static void unroll(void) {
    size_t n = sizeof unicode_runs / sizeof *unicode_runs;
    for (size_t i = 0; i < n; i++) {
        size_t begin = unicode_runs[i] >> 8;
        size_t end = i + 1 < n ? unicode_runs[i + 1] >> 8 : UC_POINTS;
        memset(classes + begin, (int)(unicode_runs[i] & 255), end - begin);
    }
}

const uint8_t *unicode_classes(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, unroll);
    return classes;
}

void unicode_put(int32_t c, Str *out) {
    utf8proc_uint8_t bytes[4];
    str_add(out, bytes, (size_t)utf8proc_encode_char(c, bytes));
}

// ---- regexes ---------------------------------------------------------------------------------
typedef struct Property {
    const char *name;
    unsigned kinds; // bits of UnicodeKind
} Property;

static const Property properties[] = {
    {"L", 1u << UC_LU | 1u << UC_LL | 1u << UC_LT | 1u << UC_LM | 1u << UC_LO},
    {"Lu", 1u << UC_LU},
    {"Ll", 1u << UC_LL},
    {"Lt", 1u << UC_LT},
    {"Lm", 1u << UC_LM},
    {"Lo", 1u << UC_LO},
    {"M", 1u << UC_MARK},
    {"N", 1u << UC_DIGIT | 1u << UC_NUMBER},
    {"Nd", 1u << UC_DIGIT},
    {"P", 1u << UC_PUNCT},
    {"S", 1u << UC_SYMBOL},
};

static void put_range(int32_t first, int32_t last, Str *out) {
    str_printf(out, "\\x{%x}", (unsigned)first);
    if (last > first) str_printf(out, "-\\x{%x}", (unsigned)last);
}

// The characters of the property that PCRE2 does not count to it, as ranges of a regex class.
static void find_missing(const Property *p, Str *out) {
    const uint8_t *class_of = unicode_classes();
    Str all = {0}, pattern = {0};
    for (int32_t c = 0; c < UC_POINTS; c++)
        if (p->kinds >> (class_of[c] & UC_KIND) & 1) unicode_put(c, &all);
    str_printf(&pattern, "\\P{%s}+", p->name);
    int error;
    PCRE2_SIZE at = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.size, PCRE2_UTF | PCRE2_UCP,
                                     &error, &at, NULL);
    CHECK(code != NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    CHECK(data != NULL);
    const size_t *span = pcre2_get_ovector_pointer(data);
    for (at = 0;
         pcre2_match(code, (PCRE2_SPTR)all.data, all.size, at, PCRE2_NO_UTF_CHECK, data, NULL) > 0;
         at = span[1]) {
        int32_t first = -1, last = -1, c;
        for (size_t i = span[0]; i < span[1];) {
            i = unicode_next(all.data, i, &c);
            if (first >= 0 && c != last + 1) put_range(first, last, out), first = -1;
            if (first < 0) first = c;
            last = c;
        }
        put_range(first, last, out);
    }
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    str_free(&pattern);
    str_free(&all);
}

// The same, looked for once.
static const char *missing(const Property *p) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static Str ranges[sizeof properties / sizeof *properties];
    static bool known[sizeof properties / sizeof *properties];
    size_t i = (size_t)(p - properties);
    pthread_mutex_lock(&lock);
    if (!known[i]) find_missing(p, &ranges[i]);
    known[i] = true;
    pthread_mutex_unlock(&lock);
    return str_text(&ranges[i]);
}

static const Property *find_property(const char *name, size_t size) {
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        if (strlen(properties[i].name) == size && memcmp(properties[i].name, name, size) == 0)
            return &properties[i];
    return NULL;
}

static void put_class(const Property *p, bool negated, bool in_class, Str *out) {
    if (!in_class) str_puts(out, negated ? "[^" : "[");
    str_printf(out, "\\p{%s}", p->name);
    str_puts(out, missing(p));
    if (!in_class) str_putc(out, ']');
}

// regex[at] is the p of \p or \P. Returns where the property ends; 0: none that is known.
static size_t put_property(const char *regex, size_t size, size_t at, bool in_class, Str *out) {
    size_t begin = at + 1, end = begin + 1;
    if (begin >= size) return 0;
    if (regex[begin] == '{') {
        const char *close = memchr(regex + begin, '}', size - begin);
        if (!close) return 0;
        end = (size_t)(close - regex);
        begin++;
    }
    const Property *p = find_property(regex + begin, end - begin);
    bool negated = regex[at] == 'P';
    if (!p || (negated && in_class)) return 0;
    put_class(p, negated, in_class, out);
    return end + (regex[at + 1] == '{');
}

void unicode_regex(const char *regex, size_t size, Str *out) {
    size_t class_begin = 0; // where the class that is open began, 0: none
    for (size_t i = 0; i < size;) {
        char c = regex[i];
        if (c == '\\' && i + 1 < size) {
            char next = regex[i + 1];
            size_t end = 0;
            if (next == 'p' || next == 'P')
                end = put_property(regex, size, i + 1, class_begin > 0, out);
            if (next == 'd' || (next == 'D' && class_begin == 0)) {
                put_class(find_property("Nd", 2), next == 'D', class_begin > 0, out);
                end = i + 2;
            }
            if (next == 's' || next == 'S') {
                str_puts(out, next == 's' ? "\\p{White_Space}" : "\\P{White_Space}");
                end = i + 2;
            }
            if (end == 0) str_add(out, regex + i, 2), end = i + 2;
            i = end;
            continue;
        }
        str_putc(out, c);
        i++;
        if (c == '[' && class_begin == 0) {
            if (i < size && regex[i] == '^') str_putc(out, regex[i++]);
            if (i < size && regex[i] == ']') str_putc(out, regex[i++]); // a first ] is itself
            class_begin = i;
        } else if (c == ']') {
            class_begin = 0;
        }
    }
}

// ---- normal forms ----------------------------------------------------------------------------
static void mark_unsafe(int32_t c) {
    unsafe[c >> 3] |= (uint8_t)(1 << (c & 7));
}

static void find_unsafe(void) {
    for (int32_t c = 0; c < UC_POINTS; c++) {
        const utf8proc_property_t *p = utf8proc_get_property(c);
        if (p->combining_class) mark_unsafe(c);
        if (p->decomp_seqindex == UINT16_MAX || p->decomp_type != 0) continue;
        utf8proc_int32_t parts[16];
        int bound = 0;
        utf8proc_ssize_t n = utf8proc_decompose_char(c, parts, 16, UTF8PROC_DECOMPOSE, &bound);
        if (n < 2) { // a singleton: never stays
            mark_unsafe(c);
            continue;
        }
        mark_unsafe(parts[n - 1]);
        utf8proc_ssize_t joined =
            utf8proc_normalize_utf32(parts, n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        if (joined != 1 || parts[0] != c) mark_unsafe(c); // excluded from composition
    }
    for (int32_t c = 0x1161; c <= 0x1175; c++) mark_unsafe(c); // vowels and finals of Hangul
    for (int32_t c = 0x11A8; c <= 0x11C2; c++) mark_unsafe(c);
}

// Is there anything in the text that the form might change? In `any` case for forms other than C
// a character beyond ASCII is enough.
static bool may_change(const char *text, size_t size, bool form_c) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_unsafe);
    bool change = false;
    int marks = 0;
    for (size_t at = 0; at < size;) {
        if ((unsigned char)text[at] < 0x80) {
            marks = 0;
            at++;
            continue;
        }
        int32_t c;
        at = unicode_next(text, at, &c);
        change |= !form_c || (unsafe[c >> 3] >> (c & 7) & 1);
        marks = utf8proc_get_property(c)->combining_class ? marks + 1 : 0;
        if (marks > MARKS_LIMIT) return false;
    }
    return change;
}

static bool normal_run(const char *text, size_t size, utf8proc_option_t options, Str *out) {
    utf8proc_uint8_t *mapped = NULL;
    utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &mapped, options);
    if (n >= 0)
        str_add(out, mapped, (size_t)n);
    else
        str_add(out, text, size);
    free(mapped);
    return n >= 0;
}

bool unicode_normal(const char *text, size_t size, bool compose, bool compat, Str *out) {
    if (!may_change(text, size, compose && !compat)) return false;
    const uint8_t *class_of = unicode_classes();
    int options = UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE);
    if (compat) options |= UTF8PROC_COMPAT;
    size_t done = 0;
    for (size_t at = 0; at < size;) { // an inert character parts what is beside it
        int32_t c;
        size_t end = unicode_next(text, at, &c);
        if (class_of[c] & UC_INERT) {
            if (at > done) normal_run(text + done, at - done, (utf8proc_option_t)options, out);
            str_add(out, text + at, end - at);
            done = end;
        }
        at = end;
    }
    if (size > done) normal_run(text + done, size - done, (utf8proc_option_t)options, out);
    return true;
}
