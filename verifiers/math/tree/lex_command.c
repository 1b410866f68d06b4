// verifiers/math/tree/lex_command.c -- behind a backslash: commands, environments, escapes.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/lexer.h"

static void lex_environment(Lexer *l, bool begin, const char *from) {
    Slice name = {NULL, 0};
    lexer_blanks(l);
    if (l->p < l->end && *l->p == '{') lexer_group(l, &name);
    name = slice_trim(name);
    if (name.size && name.data[name.size - 1] == '*') name.size--;
    static const char *const aligned[] = {"align",    "aligned", "equation", "gather",
                                          "gathered", "split",   NULL};
    if (!name.size) {
        l->out->bad = true;
    } else if (begin && name.size == 5 && memcmp(name.data, "array", 5) == 0) {
        Slice columns;
        lexer_blanks(l);
        if (l->p < l->end && *l->p == '{') lexer_group(l, &columns);
    }
    if (name.size && lexer_is_one_of(name, aligned)) { // a frame: only its lines mean something
        l->frames += begin ? 1 : l->frames > 0 ? -1 : 0;
        return;
    }
    l->tables += begin ? 1 : l->tables > 0 ? -1 : 0;
    Token *t = lexer_emit(l, TK_MARK, begin ? MARK_BEGIN : MARK_END, name, from);
    if (t) t->text = name;
}

static bool is_bold(Slice font) {
    return lexer_is_one_of(font, (const char *const[]){"mathbf", "bm", "boldsymbol", "pmb", NULL});
}

// \num{1.2e4}, \SI{12}{\meter}, \unit{m}, \ang{90}; their options do not matter.
static void lex_siunitx(Lexer *l, int which, const char *begin) {
    for (int part = which == 3 ? 1 : 0; part < (which == 2 || which == 3 ? 2 : 1); part++) {
        Slice group = {NULL, 0};
        lexer_blanks(l);
        if (l->p < l->end && *l->p == '[') {
            const char *close = memchr(l->p, ']', (size_t)(l->end - l->p));
            if (close) l->p = close + 1;
            lexer_blanks(l);
        }
        if (l->p >= l->end || *l->p != '{' || !lexer_group(l, &group)) {
            l->out->bad = true;
            return;
        }
        if (part == 0)
            lexer_inside(l, group);
        else if (slice_trim(group).size)
            lexer_emit(l, TK_WORD, 0, group, group.data);
    }
    if (which == 4) lexer_mark(l, MARK_DEGREE, begin);
}

void lexer_command(Lexer *l, const TexCommand *c, Slice name, const char *begin) {
    Slice group = {NULL, 0};
    Token *t;
    switch (c->action) {
    case DO_SPACE:
        l->space = true;
        if ((name.size == 4 && memcmp(name.data, "left", 4) == 0) ||
            (name.size == 5 && memcmp(name.data, "right", 5) == 0)) {
            lexer_blanks(l);
            if (l->p < l->end && *l->p == '.') l->p++;
        }
        return;
    case DO_SKIP_GROUP:
        lexer_blanks(l);
        if (l->p < l->end && *l->p == '{') lexer_group(l, &group);
        return;
    case DO_TEXT:
    case DO_FONT:
        lexer_blanks(l);
        if (l->p < l->end && *l->p == '{' && lexer_group(l, &group))
            lexer_words(l, group, c->action == DO_FONT, is_bold(name), begin);
        return;
    case DO_DOMAIN:
        lexer_blanks(l);
        if (l->p < l->end && *l->p == '{') {
            if (!lexer_group(l, &group)) return;
            group = slice_trim(group);
        } else if (l->p < l->end) {
            group = (Slice){l->p++, 1};
        }
        if (!group.size) {
            l->out->bad = true;
            return;
        }
        if (group.size == 1 && strchr("RZNQCP", *group.data))
            lexer_emit(l, TK_MARK, MARK_DOMAIN, group, begin);
        else
            lexer_emit(l, TK_LETTER, 0, group, begin);
        return;
    case DO_SIUNITX: lex_siunitx(l, c->value, begin); return;
    case DO_SYMBOL: lexer_emit(l, TK_LETTER, 1, slice_of(c->text), begin); return;
    case DO_FUNCTION:
        lexer_emit(l, TK_FUNCTION, c->value, c->text ? slice_of(c->text) : name, begin);
        return;
    case DO_ACCENT: lexer_emit(l, TK_MARK, MARK_ACCENT, slice_of(c->text), begin); return;
    case DO_BIG: lexer_emit(l, TK_MARK, MARK_BIG, slice_of(c->text), begin); return;
    case DO_CONSTANT:
        t = lexer_mark(l, MARK_CONSTANT, begin);
        if (t) t->exp10 = c->value;
        return;
    case DO_RELATION: {
        int relation = c->value;
        if (relation == RELATION_OTHER) relation += texcommand_number(c);
        Token *before = l->out->n ? &l->out->token[l->out->n - 1] : NULL;
        if (before && token_is(before, MARK_NOT)) { // \not\in
            l->out->n--;
            relation = relation == RELATION_EQ   ? RELATION_NE
                       : relation == RELATION_IN ? RELATION_NOTIN
                                                 : relation | RELATION_NEGATED;
        }
        t = lexer_mark(l, MARK_RELATION, begin);
        if (t) t->exp10 = relation;
        return;
    }
    case DO_MARK:
        if (c->value == MARK_BEGIN || c->value == MARK_END) {
            lex_environment(l, c->value == MARK_BEGIN, begin);
            return;
        }
        if (c->value == MARK_SET_OPEN || c->value == '(' || c->value == '[') l->brackets++;
        if (c->value == MARK_SET_CLOSE || c->value == ')' || c->value == ']') l->brackets--;
        lexer_mark(l, c->value, begin);
        return;
    }
}

void lexer_backslash(Lexer *l) {
    const char *begin = l->p++;
    if (l->p >= l->end) return; // a backslash that ends the text is dress
    unsigned char c = (unsigned char)*l->p;
    if (isalpha(c)) {
        const char *from = l->p;
        while (l->p < l->end && isalpha((unsigned char)*l->p)) l->p++;
        Slice name = {from, (size_t)(l->p - from)};
        const TexCommand *known = texcommand_find(name);
        // "\cdotx" and "\pir" are what models write for "\cdot x"
        if (known)
            lexer_command(l, known, name, begin);
        else
            lexer_emit(l, TK_MARK, MARK_UNKNOWN, name, begin);
        return;
    }
    l->p++;
    switch (c) {
    case '{': l->brackets++, lexer_mark(l, MARK_SET_OPEN, begin); return;
    case '}': l->brackets--, lexer_mark(l, MARK_SET_CLOSE, begin); return;
    case '|': lexer_mark(l, MARK_DOUBLE_BAR, begin); return;
    case '%': lexer_mark(l, '%', begin); return;
    case '$': lexer_emit(l, TK_MARK, MARK_CURRENCY, slice_of("dollar"), begin); return;
    case '&': lexer_mark(l, MARK_AND, begin); return;
    case '_': lexer_mark(l, '_', begin); return;
    case '\\': {
        // A whole answer that was escaped twice: \\frac{1}{2}
        const char *from = l->p;
        const char *p = from;
        while (p < l->end && isalpha((unsigned char)*p)) p++;
        if (!l->tables && p - from >= 2 && texcommand_find((Slice){from, (size_t)(p - from)})) {
            l->p--;
            lexer_backslash(l);
            return;
        }
        if (l->p < l->end && *l->p == '[' && l->tables) { // \\[2pt]
            const char *close = memchr(l->p, ']', (size_t)(l->end - l->p));
            if (close && close - l->p < 8 && isalpha((unsigned char)close[-1])) l->p = close + 1;
        }
        lexer_mark(l, l->tables ? MARK_ROW : MARK_LINE, begin);
        return;
    }
    case '(':
    case ')':
    case '[':
    case ']': l->space = true; return; // frames of a formula
    case '!':
    case ',':
    case ';':
    case ':':
    case ' ':
    case '>':
    case '\n':
    case '\t':
    case '\r':
    case '/': l->space = true; return;
    default: l->out->bad = true; return;
    }
}
