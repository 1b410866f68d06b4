// verifiers/math/tree/phrase.c -- finds the phrase, reads the formula and the condition apart.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/grammar.h"
#include "verifiers/math/tree/limits.h"
#include "verifiers/math/tree/reader.h"
#include "verifiers/math/tree/wording.h"

enum { MAX_NESTED_PHRASES = 3 };

static bool starts_with(Slice s, const char *text) {
    size_t n = strlen(text);
    if (s.size < n || ((*s.data ^ *text) & ~0x20)) return false;
    return strncasecmp(s.data, text, n) == 0;
}

static bool ends_with(Slice s, const char *text) {
    size_t n = strlen(text);
    return s.size >= n && s.data[s.size - 1] == text[n - 1] &&
           memcmp(s.data + s.size - n, text, n) == 0;
}

static Slice without_first(Slice s, size_t n) {
    return (Slice){s.data + n, s.size - n};
}

// The place of a word that stands alone, in either case; NULL if there is none.
static const char *find_word(Slice s, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= s.size; i++) {
        if ((s.data[i] | 0x20) != *word || strncasecmp(s.data + i, word, n) != 0) continue;
        bool before = i == 0 || !(isalpha((unsigned char)s.data[i - 1]) || s.data[i - 1] == '\\');
        bool behind = i + n == s.size || !isalpha((unsigned char)s.data[i + n]);
        if (before && behind) return s.data + i;
    }
    return NULL;
}

// Blanks, commas, spaces of LaTeX and an opened text command at the end of the formula.
static Slice cut_formula(Slice s) {
    static const char *const ends[] = {"\\text{", "\\mbox{", "\\textrm{", "\\mathrm{", "\\quad",
                                       "\\qquad", "\\,",     "\\;",       "\\:",       "\\!",
                                       "\\ ",     ",",       ";",         "$",         "~"};
    for (bool more = true; more;) {
        more = false;
        while (s.size && isspace((unsigned char)s.data[s.size - 1]) &&
               !(s.size > 1 && s.data[s.size - 2] == '\\'))
            s.size--;
        for (size_t i = 0; i < sizeof ends / sizeof *ends && !more; i++)
            if (ends_with(s, ends[i])) s.size -= strlen(ends[i]), more = true;
    }
    return s;
}

// The rest of a phrase: without the brace that its text command leaves, blanks and final stops.
static Slice cut_condition(Slice s) {
    int open = 0;
    for (size_t i = 0; i < s.size; i++) {
        open += (s.data[i] == '{') - (s.data[i] == '}');
        if (open < 0) { // closes what precedes the phrase
            if (slice_trim((Slice){s.data, i}).size == 0)
                s = without_first(s, i + 1);
            else if (i + 1 == s.size)
                s.size--;
            else
                return (Slice){NULL, 0};
            break;
        }
    }
    s = slice_trim(s);
    while (s.size && strchr(".,;", s.data[s.size - 1])) s = slice_trim((Slice){s.data, s.size - 1});
    return s;
}

static bool is_condition(const Expr *e) {
    if (e->kind != EX_RELATION) return false;
    bool letter = false;
    for (const Expr *c = e->first; c; c = c->next) {
        letter |= c->kind == EX_SYMBOL;
        if (c != e->first && (c->relation == RELATION_EQ || c->relation > RELATION_NOTIN))
            return false;
    }
    return letter;
}

// x; x > 0; n in N, m in N. *nothing: letters alone.
static bool is_domain(const Expr *e, bool *nothing) {
    if (e->kind == EX_SYMBOL) return *nothing = true;
    if (is_condition(e)) return true;
    if (e->kind != EX_LIST) return false;
    bool all = true;
    for (const Expr *c = e->first; c; c = c->next) {
        if (c->kind != EX_SYMBOL && !is_condition(c)) return false;
        all &= c->kind == EX_SYMBOL;
    }
    *nothing = all;
    return true;
}

static Expr *with_domain(Work *w, Expr *formula, Expr *domain) {
    Expr *list = expr_new(w, EX_LIST);
    if (!list) return NULL;
    list->op = 'd';
    expr_add(list, expr_copy(w, formula));
    for (const Expr *c = domain->kind == EX_LIST ? domain->first : domain; c;
         c = domain->kind == EX_LIST ? c->next : NULL)
        if (c->kind != EX_SYMBOL) expr_add(list, expr_copy(w, c));
    return expr_done(w, list);
}

// "x in R" as people type it.
static Expr *typed_domain(Work *w, Slice s) {
    if (s.size < 6 || !isalpha((unsigned char)s.data[0])) return NULL;
    Slice rest = slice_trim(without_first(s, 1));
    if (rest.data == s.data + 1 || !starts_with(rest, "in ")) return NULL;
    rest = slice_trim(without_first(rest, 3));
    if (rest.size != 1 || !strchr("RNZQC", *rest.data)) return NULL;
    Expr *e = expr_new(w, EX_RELATION);
    Expr *set = expr_leaf(w, EX_DOMAIN, *rest.data, rest);
    if (!e || !set) return NULL;
    expr_add(e, expr_leaf(w, EX_SYMBOL, 0, (Slice){s.data, 1}));
    expr_add(e, set);
    set->relation = RELATION_IN;
    return expr_done(w, e);
}

static Expr *read_pair(Work *w, Slice formula, Slice condition, bool group, bool *grouped) {
    formula = cut_formula(formula);
    condition = cut_condition(condition);
    bool nothing = false, ignored;
    if (!formula.size || !condition.size) return NULL;
    Expr *domain = typed_domain(w, condition);
    if (!domain) domain = reader_read(w, condition, group, &ignored);
    if (!domain || !is_domain(domain, &nothing)) return NULL;
    Expr *e = reader_read(w, formula, group, grouped);
    if (!e || e->kind == EX_TEXT || nothing) return e && e->kind != EX_TEXT ? e : NULL;
    return with_domain(w, e, domain);
}

// Behind "for": "all real numbers x", "every positive integer n".
static Slice behind_quantity(Slice s) {
    static const char *const words[] = {"all",     "any",      "every",       "each",     "real",
                                        "reals",   "positive", "nonnegative", "whole",    "integer",
                                        "natural", "numbers",  "number",      "integers", "values",
                                        "value",   "of"};
    for (bool more = true; more;) {
        more = false;
        s = slice_trim(s);
        for (size_t i = 0; i < sizeof words / sizeof *words && !more; i++) {
            size_t n = strlen(words[i]);
            more = starts_with(s, words[i]) && s.size > n && !isalpha((unsigned char)s.data[n]);
            if (more) s = without_first(s, n);
        }
    }
    return s;
}

static Expr *read_for_all(Work *w, Slice text, bool group, bool *grouped) {
    static const char *const words[] = {"\\forall", "for", "where"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        const char *at = i ? find_word(text, words[i]) : memmem(text.data, text.size, words[i], n);
        if (!at || at == text.data) continue;
        Slice formula = {text.data, (size_t)(at - text.data)};
        Slice rest = without_first(text, (size_t)(at - text.data) + n);
        Expr *e = read_pair(w, formula, behind_quantity(rest), group, grouped);
        if (!e && rest.size && *rest.data == '}') // \text{for }x
            e = read_pair(w, formula, rest, group, grouped);
        if (e) return e;
    }
    return NULL;
}

// "2^n (n >= 1)", "x + 1 \quad x \neq 0"
static Expr *read_condition_behind(Work *w, Slice text, bool group, bool *grouped) {
    const char *quad = memmem(text.data, text.size, "\\quad", 5);
    if (!quad) quad = memmem(text.data, text.size, "\\qquad", 6);
    if (quad && quad > text.data && quad[-1] != ',') {
        Slice rest = without_first(text, (size_t)(quad - text.data) +
                                             (quad[1] == 'q' && quad[2] == 'q' ? 6 : 5));
        Expr *e =
            read_pair(w, (Slice){text.data, (size_t)(quad - text.data)}, rest, group, grouped);
        if (e) return e;
    }
    if (text.size < 5 || text.data[text.size - 1] != ')') return NULL;
    size_t at = text.size - 1;
    for (int open = 0;; at--) {
        open += (text.data[at] == ')') - (text.data[at] == '(');
        if (open == 0 || at == 0) break;
    }
    if (at < 2 || !isspace((unsigned char)text.data[at - 1])) return NULL;
    Slice inside = {text.data + at + 1, text.size - at - 2};
    bool relation = memchr(inside.data, '<', inside.size) ||
                    memchr(inside.data, '>', inside.size) || memchr(inside.data, '\\', inside.size);
    return relation ? read_pair(w, (Slice){text.data, at}, inside, group, grouped) : NULL;
}

static Expr *value_of(const Expr *e) { // of "x = 2"
    bool named = e->kind == EX_RELATION && e->n == 2 && e->last->relation == RELATION_EQ &&
                 e->first->kind == EX_SYMBOL;
    return named ? e->last : (Expr *)e;
}

// "all real numbers except 2"
static Expr *read_except(Work *w, Slice text, bool group) {
    static const char *const words[] = {"except", "excluding", "other than", "besides"};
    static const char *const all[] = {"allreals",        "allrealnumbers", "allrealvalues",
                                      "allrealx",        "anyrealnumber",  "allrealnumbersx",
                                      "realnumbers",     "reals",          "allrealvaluesofx",
                                      "everyrealnumber", "allnumbers"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = find_word(text, words[i]);
        if (!at) continue;
        Slice before = words_normal(w, (Slice){text.data, (size_t)(at - text.data)});
        bool reals = false;
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            reals |= words_equal(before, slice_of(all[k]), false);
        if (!reals) continue;
        Slice rest = without_first(text, (size_t)(at - text.data) + strlen(words[i]));
        rest = slice_trim(rest);
        if (starts_with(rest, "for ")) rest = without_first(rest, 4);
        rest = cut_condition(rest);
        bool ignored;
        Expr *left = rest.size ? reader_read(w, rest, group, &ignored) : NULL;
        Expr *set = left ? expr_new(w, EX_SET) : NULL;
        if (!set) return NULL;
        bool list = left->kind == EX_LIST;
        for (const Expr *c = list ? left->first : left; c; c = list ? c->next : NULL) {
            Expr *value = expr_copy(w, value_of(c));
            if (value && value->kind == EX_TEXT &&
                words_equal(value->text, (Slice){"zero", 4}, false))
                value = expr_integer(w, 0);
            if (!value || (value->has & HAS_OBJECT)) return NULL;
            expr_add(set, value);
        }
        return expr_two(w, EX_WITHOUT, expr_leaf(w, EX_DOMAIN, 'R', (Slice){"R", 1}),
                        expr_done(w, set));
    }
    return NULL;
}

// "\text{only } p = 2"
static Expr *read_only(Work *w, Slice text, bool group, bool *grouped) {
    static const char *const starts[] = {"only ", "\\text{only }", "\\text{only}", "\\text{Only }"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (starts_with(text, starts[i])) {
            Expr *e = reader_read(w, without_first(text, strlen(starts[i])), group, grouped);
            return e && e->kind != EX_TEXT ? e : NULL;
        }
    return NULL;
}

// One pass over the text: most answers hold no phrase, and the searches are slow.
static bool may_hold_phrase(Slice s) {
    static const char *const marks[] = {"for",       "where",   "xcept", "xcluding",
                                        "ther than", "besides", "only",  "quad"};
    const char *end = s.data + s.size;
    const uint32_t first = 1u << ('f' - 'a') | 1u << ('w' - 'a') | 1u << ('x' - 'a') |
                           1u << ('t' - 'a') | 1u << ('b' - 'a') | 1u << ('o' - 'a') |
                           1u << ('q' - 'a'); // letters of the marks
    for (const char *p = s.data; p + 3 < end; p++) {
        unsigned char c = (unsigned char)(*p | 0x20);
        if (c < 'a' || c > 'z' || !(first >> (c - 'a') & 1)) continue;
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
            if (c == (unsigned char)*marks[i] &&
                starts_with((Slice){p, (size_t)(end - p)}, marks[i]))
                return true;
    }
    return end[-1] == ')' && memchr(s.data, ' ', s.size) && memchr(s.data, '(', s.size);
}

Expr *phrase_read(Work *w, Slice text, bool group, bool *grouped) {
    if (w->phrases >= MAX_NESTED_PHRASES || text.size < 5 || !may_hold_phrase(text)) return NULL;
    w->phrases++;
    const char *over = w->over;
    bool tables = memmem(text.data, text.size, "\\begin", 6) != NULL;
    Expr *e = tables ? NULL : read_except(w, text, group);
    if (!e && !tables && !w->over) e = read_only(w, text, group, grouped);
    if (!e && !tables && !w->over) e = read_for_all(w, text, group, grouped);
    if (!e && !tables && !w->over) e = read_condition_behind(w, text, group, grouped);
    if (!e) w->over = over; // what ended while a phrase was tried says nothing of the text
    w->phrases--;
    return e;
}
