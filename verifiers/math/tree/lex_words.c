// verifiers/math/tree/lex_words.c -- what is in a text command: marks, items, functions, words.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/lexer.h"

static Slice trim_text(Slice s) {
    for (;;) {
        while (s.size && lexer_is_blank(*s.data)) s.data++, s.size--;
        while (s.size && lexer_is_blank(s.data[s.size - 1])) s.size--;
        if (s.size >= 2 && s.data[0] == '\\' && strchr(" ,;:!", s.data[1]))
            s.data += 2, s.size -= 2;
        else
            return s;
    }
}

bool lexer_is_word(Slice s, const char *word) {
    return s.size && ((*s.data ^ *word) & ~0x20) == 0 && s.size == strlen(word) &&
           strncasecmp(s.data, word, s.size) == 0;
}

bool lexer_is_one_of(Slice s, const char *const *words) {
    for (; *words; words++)
        if (lexer_is_word(s, *words)) return true;
    return false;
}

// "A, D, F": letters of choices, not a sentence.
static bool is_letters_list(Slice s) {
    bool comma = false;
    for (size_t i = 0; i < s.size; i++) {
        bool letter = isalpha((unsigned char)s.data[i]);
        if (letter && i + 1 < s.size && isalpha((unsigned char)s.data[i + 1])) return false;
        if (!letter && s.data[i] != ',' && s.data[i] != ' ') return false;
        comma |= s.data[i] == ',';
    }
    return comma;
}

// x=5, x+1, a^2 in a font: no two letters side by side but functions, "and", "or"; and some sign.
static bool is_formula(Slice s) {
    bool sign = false;
    for (size_t i = 0; i < s.size;) {
        size_t n = 0;
        if (s.data[i] == '\\') return true;
        while (i + n < s.size && isalpha((unsigned char)s.data[i + n])) n++;
        Slice word = {s.data + i, n};
        if (n >= 2 && !texcommand_is_word(word)) return false;
        sign |= !n && strchr("=+-<>^_/*", s.data[i]) && s.data[i];
        if (s.data[i] & 0x80) return false;
        i += n ? n : 1;
    }
    return sign;
}

// May the next token begin an operand?
static bool begins_operand(const Lexer *l) {
    if (!l->out->n) return true;
    const Token *t = &l->out->token[l->out->n - 1];
    return token_is(t, ',') || token_is(t, ';') || token_is(t, MARK_AND) || token_is(t, '(') ||
           token_is(t, '[') || token_is(t, '{') || token_is(t, '+') || token_is(t, '-') ||
           token_is(t, '*') || token_is(t, MARK_SET_OPEN) || token_is(t, MARK_RELATION);
}

static bool begins_item(const Lexer *l) {
    if (!l->out->n) return true;
    const Token *t = &l->out->token[l->out->n - 1];
    return token_is(t, ',') || token_is(t, ';') || token_is(t, MARK_AND) || token_is(t, '(') ||
           token_is(t, MARK_SET_OPEN);
}

// "red, blue and green": items with separators between them. False if it is one item.
static bool lex_enumeration(Lexer *l, Slice s) {
    static const char *const between[] = {", and ", ", or ", ", ", " and ", " or "};
    const char *at = NULL, *sign = NULL, *after = l->p;
    for (size_t i = 0; i < sizeof between / sizeof *between; i++) {
        const char *found = memmem(s.data, s.size, between[i], strlen(between[i]));
        if (found && (!at || found < at)) at = found, sign = between[i];
    }
    if (!at || at == s.data || l->nested >= LEXER_MAX_NESTED) return false;
    Slice rest = {at + strlen(sign), (size_t)(s.data + s.size - at) - strlen(sign)};
    l->p = at;
    lexer_emit(l, TK_WORD, 0, (Slice){s.data, (size_t)(at - s.data)}, s.data);
    l->p = rest.data;
    lexer_emit(l, TK_MARK, sign[2] ? MARK_AND : ',', slice_of(strstr(sign, "or") ? "or" : "and"),
               at);
    l->p = rest.data + rest.size;
    l->nested++;
    lexer_words(l, rest, false, false, rest.data);
    l->nested--;
    l->p = after;
    return true;
}

// "chickens and" before a number, "and 10 rabbits" behind one: the word and a separator.
static bool lex_joined(Lexer *l, Slice s, const char *begin) {
    static const char *const joins[] = {"and", "or"};
    const char *after = l->p;
    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++) {
        size_t n = strlen(joins[i]);
        if (s.size <= n + 1) continue;
        const char *last = s.data + s.size - n;
        if (strncasecmp(last, joins[i], n) == 0 && lexer_is_blank(last[-1])) {
            Slice word = slice_trim((Slice){s.data, s.size - n});
            if (word.size && word.data[word.size - 1] == ',') word.size--;
            l->p = word.data + word.size;
            lexer_emit(l, TK_WORD, 0, word, begin);
            l->p = after;
            lexer_emit(l, TK_MARK, MARK_AND, slice_of(joins[i]), last);
            return true;
        }
        if (strncasecmp(s.data, joins[i], n) == 0 && lexer_is_blank(s.data[n])) {
            Slice rest = slice_trim((Slice){s.data + n, s.size - n});
            if (!rest.size || !isdigit((unsigned char)*rest.data)) continue;
            lexer_emit(l, TK_MARK, MARK_AND, slice_of(joins[i]), begin);
            lexer_inside(l, rest);
            return true;
        }
    }
    return false;
}

// Behind "The answer is", "Answer:", "Final answer =": the text itself if it has no such title.
Slice lexer_behind_title(Slice s) {
    enum { NAMES = 4 };
    static const char *const words[] = {"answer", "ans",      "result", "solution", "the",
                                        "final",  "correct",  "our",    "so",       "therefore",
                                        "thus",   "required", "hence",  NULL};
    static const char *const ends[] = {"is", "equals", NULL};
    const char *p = s.data, *end = p + s.size;
    for (bool named = false; p < end;) {
        while (p < end && lexer_is_blank(*p)) p++;
        const char *word = p;
        while (p < end && isalpha((unsigned char)*p)) p++;
        Slice w = {word, (size_t)(p - word)};
        bool sign = p < end && (*p == ':' || *p == '=');
        if (named && (lexer_is_one_of(w, ends) || (!w.size && sign))) {
            while (p < end && (lexer_is_blank(*p) || *p == ':' || *p == '=')) p++;
            return (Slice){p, (size_t)(end - p)};
        }
        if (!w.size || !lexer_is_one_of(w, words)) return s;
        for (int i = 0; i < NAMES; i++) named |= lexer_is_word(w, words[i]);
        if (p < end && *p == ',') p++;
    }
    return s;
}

// What is in \text{}, \mathrm{} and the like.
void lexer_words(Lexer *l, Slice content, bool font, bool bold, const char *begin) {
    static const char *const ands[] = {"and", "or", "and/or", ",",    ", and", ", or", ",and",
                                       ",or", ";",  "; and",  "; or", "&",     NULL};
    bool blank = content.size && lexer_is_blank(*content.data);
    Slice s = trim_text(content);
    l->space |= blank;
    if (!l->out->n) s = lexer_behind_title(s);
    if (!s.size) return;
    if (lexer_is_one_of(s, ands)) {
        lexer_mark(l, *s.data == ',' && s.size == 1 ? ',' : MARK_AND, begin);
        return;
    }
    if (s.size >= 3 && lexer_is_word((Slice){s.data, 3}, "mod") &&
        (s.size == 3 || !isalpha((unsigned char)s.data[3]))) {
        lexer_inside(l, s);
        return;
    }
    static const char *const ifs[] = {"if", "for", "when", "where", NULL};
    size_t letters = 0;
    while (letters < s.size && isalpha((unsigned char)s.data[letters])) letters++;
    if (l->tables &&
        lexer_is_one_of((Slice){s.data, letters}, ifs)) { // conditions of a case distinction
        lexer_inside(l, (Slice){s.data + letters, s.size - letters});
        return;
    }
    letters = 0;
    while (letters < s.size && isalpha((unsigned char)s.data[letters])) letters++;
    if (s.size == 1 || is_letters_list(s)) {
        lexer_inside(l, s);
        Token *last = l->out->n ? &l->out->token[l->out->n - 1] : NULL;
        if (s.size == 1 && last && last->kind == TK_LETTER) {
            last->plain = !bold; // may be a unit
            last->bold = bold;
        }
        return;
    }
    const TexCommand *known = letters == s.size ? texcommand_find(s) : NULL;
    if (known && known->action == DO_FUNCTION &&
        (font || texcommand_is_word(s) || (l->p < l->end && *l->p == '('))) {
        lexer_emit(l, TK_FUNCTION, known->value, known->text ? slice_of(known->text) : s, begin);
        return;
    }
    if (!font && letters == s.size && lexer_is_one_of(s, (const char *const[]){"infinity", NULL})) {
        Token *t = lexer_emit(l, TK_MARK, MARK_CONSTANT, s, begin);
        if (t) t->exp10 = 'o';
        return;
    }
    if (!isalpha((unsigned char)*s.data) && !(*s.data & 0x80)) {
        lexer_inside(l, s);
        return;
    }
    if (begins_operand(l) && is_formula(s)) { // \mathbf{x=5}
        lexer_inside(l, s);
        return;
    }
    const char *currency = lexer_currency(s), *next = l->p;
    while (next < l->end && (lexer_is_blank(*next) || *next == '\\' || *next == ',')) next++;
    if (currency && next < l->end && isdigit((unsigned char)*next)) { // \text{USD }12
        lexer_emit(l, TK_MARK, MARK_CURRENCY, slice_of(currency), begin);
        return;
    }
    if (!font && lexer_is_one_of(s, (const char *const[]){"only", "exactly", NULL}) &&
        begins_item(l))
        return; // "only x = 5"
    if (!font && begins_item(l) && lex_enumeration(l, s)) return;
    if (!font && lex_joined(l, s, begin)) return;
    lexer_emit(l, TK_WORD, font, s, begin);
}
