// policy/text/jinja/parse_expression.c -- expressions of templates, by Jinja's precedence.
#include <stdlib.h>
#include <string.h>

#include "policy/text/jinja/parser.h"

enum { MAX_DEPTH = 100 };

Status jinja_deeper(JinjaParser *p) {
    if (++p->depth > MAX_DEPTH)
        return FAIL(ST_FORMAT, "%s: line %d: nested deeper than %d", p->name, p->at->line,
                    MAX_DEPTH);
    return ST_OK;
}

static Status unary(JinjaParser *p, bool filters, const JinjaNode **out);

static JinjaNode *pair(const JinjaParser *p, JinjaNodeKind kind, const JinjaNode *a,
                       const JinjaNode *b) {
    JinjaNode *n = jinja_node(p, kind);
    n->a = a, n->b = b;
    return n;
}

static Status primary(JinjaParser *p, const JinjaNode **out);

// Arguments of a call, the '(' taken already.
static Status arguments(JinjaParser *p, JinjaNode *to) {
    bool named = false;
    for (bool first = true; !jinja_sign(p, ")"); first = false) {
        if (!first) TRY(jinja_expect(p, ","));
        if (jinja_sign(p, ")")) break;
        const JinjaNode *value;
        if (p->at->kind == JINJA_T_NAME && p->at[1].kind == JINJA_T_OPERATOR &&
            jinja_is(p->at[1].text, "=")) {
            JinjaNode *keyword = jinja_node(p, JINJA_N_KEYWORD);
            keyword->text = p->at->text;
            p->at += 2;
            TRY(jinja_parse_expression(p, &keyword->a));
            value = keyword;
            named = true;
        } else {
            if (named) return jinja_expected(p, "a named argument");
            if (jinja_sign(p, "*") || jinja_sign(p, "**")) return jinja_expected(p, "an argument");
            TRY(jinja_parse_expression(p, &value));
        }
        jinja_append(p, to, value);
    }
    return jinja_expect(p, ")");
}

static Status subscript(JinjaParser *p, const JinjaNode *of, const JinjaNode **out) {
    const JinjaNode *part[3] = {NULL, NULL, NULL};
    int n = 0;
    bool slice = false;
    for (;;) {
        if (jinja_take(p, ":")) {
            slice = true;
            if (++n > 2) return jinja_expected(p, "']'");
        } else if (jinja_sign(p, "]")) {
            break;
        } else {
            if (part[n]) return jinja_expected(p, "']'");
            TRY(jinja_parse_expression(p, &part[n]));
        }
    }
    if (!slice && !part[0]) return jinja_expected(p, "an index");
    p->at++;
    JinjaNode *item = pair(p, JINJA_N_ITEM, of, part[0]);
    if (slice) {
        JinjaNode *range = pair(p, JINJA_N_SLICE, part[0], part[1]);
        range->c = part[2];
        item->b = range;
    }
    *out = item;
    return ST_OK;
}

static Status call(JinjaParser *p, const JinjaNode *of, const JinjaNode **out) {
    JinjaNode *n = pair(p, JINJA_N_CALL, of, NULL);
    TRY(arguments(p, n));
    *out = n;
    return ST_OK;
}

static Status postfix(JinjaParser *p, const JinjaNode **node) {
    for (;;) {
        if (jinja_take(p, ".")) {
            JinjaNode *n = pair(p, JINJA_N_ATTRIBUTE, *node, NULL);
            if (p->at->kind == JINJA_T_INT) {
                JinjaNode *index = jinja_node(p, JINJA_N_CONST);
                index->value = jinja_int(strtoll(p->at->text.data, NULL, 10));
                n->kind = JINJA_N_ITEM;
                n->b = index;
            } else if (p->at->kind == JINJA_T_NAME) {
                n->text = p->at->text;
            } else {
                return jinja_expected(p, "a name");
            }
            p->at++;
            *node = n;
        } else if (jinja_take(p, "[")) {
            TRY(subscript(p, *node, node));
        } else if (jinja_take(p, "(")) {
            TRY(call(p, *node, node));
        } else {
            return ST_OK;
        }
    }
}

static Status dotted(JinjaParser *p, JinjaText *out) {
    if (p->at->kind != JINJA_T_NAME) return jinja_expected(p, "a name");
    *out = p->at++->text;
    return ST_OK;
}

static Status test(JinjaParser *p, const JinjaNode **node) {
    JinjaNode *n = pair(p, JINJA_N_TEST, *node, NULL);
    bool negated = jinja_word(p, "not");
    p->at += negated;
    TRY(dotted(p, &n->text));
    const JinjaTokenKind next = p->at->kind;
    bool starts = next == JINJA_T_STRING || next == JINJA_T_INT || next == JINJA_T_FLOAT ||
                  jinja_sign(p, "[") || jinja_sign(p, "{");
    bool word = next == JINJA_T_NAME && !jinja_word(p, "else") && !jinja_word(p, "or") &&
                !jinja_word(p, "and") && !jinja_word(p, "is") && !jinja_word(p, "if") &&
                !jinja_word(p, "not") && !jinja_word(p, "in");
    if (jinja_take(p, "(")) {
        TRY(arguments(p, n));
    } else if (starts || word) {
        const JinjaNode *argument;
        TRY(primary(p, &argument));
        TRY(postfix(p, &argument));
        jinja_append(p, n, argument);
    }
    *node = n;
    if (negated) *node = pair(p, JINJA_N_NOT, n, NULL);
    return ST_OK;
}

static Status filter(JinjaParser *p, const JinjaNode *value, const JinjaNode **out) {
    JinjaNode *n = pair(p, JINJA_N_FILTER, value, NULL);
    TRY(dotted(p, &n->text));
    if (jinja_take(p, "(")) TRY(arguments(p, n));
    *out = n;
    return ST_OK;
}

Status jinja_parse_filters(JinjaParser *p, const JinjaNode *value, const JinjaNode **out) {
    jinja_take(p, "|");
    TRY(filter(p, value, out));
    while (jinja_take(p, "|")) TRY(filter(p, *out, out));
    return ST_OK;
}

static Status filters_and_tests(JinjaParser *p, const JinjaNode **node) {
    for (;;) {
        if (jinja_take(p, "|")) {
            TRY(filter(p, *node, node));
        } else if (jinja_word(p, "is")) {
            p->at++;
            TRY(test(p, node));
        } else if (jinja_take(p, "(")) {
            TRY(call(p, *node, node));
        } else {
            return ST_OK;
        }
    }
}

static Status list_until(JinjaParser *p, JinjaNode *to, const char *close, bool pairs) {
    while (!jinja_sign(p, close)) {
        const JinjaNode *item;
        if (to->n) TRY(jinja_expect(p, ","));
        if (jinja_sign(p, close)) break;
        TRY(jinja_parse_expression(p, &item));
        jinja_append(p, to, item);
        if (!pairs) continue;
        TRY(jinja_expect(p, ":"));
        TRY(jinja_parse_expression(p, &item));
        jinja_append(p, to, item);
    }
    return jinja_expect(p, close);
}

static Status number(JinjaParser *p, JinjaNode *n) {
    char digits[64];
    size_t size = 0;
    for (size_t i = 0; i < p->at->text.size; i++) {
        if (size + 1 == sizeof digits) return jinja_expected(p, "a number of fewer digits");
        if (p->at->text.data[i] != '_') digits[size++] = p->at->text.data[i];
    }
    digits[size] = 0;
    bool real = p->at->kind == JINJA_T_FLOAT;
    if (!real && size > 18) return jinja_expected(p, "an integer below 10^18");
    n->value = real ? jinja_float(strtod(digits, NULL)) : jinja_int(strtoll(digits, NULL, 10));
    p->at++;
    return ST_OK;
}

static bool constant(const JinjaToken *t, JinjaValue *out) {
    bool yes = jinja_is(t->text, "true") || jinja_is(t->text, "True");
    bool no = jinja_is(t->text, "false") || jinja_is(t->text, "False");
    *out = yes || no ? jinja_bool(yes) : jinja_none();
    return yes || no || jinja_is(t->text, "none") || jinja_is(t->text, "None");
}

// "(" taken: a tuple, an expression in brackets, or ().
static Status in_brackets(JinjaParser *p, const JinjaNode **out) {
    JinjaNode *tuple = jinja_node(p, JINJA_N_TUPLE);
    bool comma = false;
    while (!jinja_sign(p, ")")) {
        const JinjaNode *item;
        if (tuple->n && !jinja_take(p, ",")) return jinja_expected(p, "')'");
        comma = comma || tuple->n > 0;
        if (jinja_sign(p, ")")) break;
        TRY(jinja_parse_expression(p, &item));
        jinja_append(p, tuple, item);
    }
    p->at++;
    *out = tuple->n == 1 && !comma ? tuple->list[0] : tuple;
    return ST_OK;
}

static Status primary(JinjaParser *p, const JinjaNode **out) {
    JinjaNode *n = jinja_node(p, JINJA_N_CONST);
    *out = n;
    switch (p->at->kind) {
    case JINJA_T_NAME:
        if (!constant(p->at, &n->value)) {
            n->kind = JINJA_N_NAME;
            n->text = p->at->text;
        }
        p->at++;
        return ST_OK;
    case JINJA_T_STRING: {
        Str joined = {0};
        for (; p->at->kind == JINJA_T_STRING; p->at++)
            str_add(&joined, p->at->text.data, p->at->text.size);
        n->value = jinja_copy(&joined, p->arena);
        str_free(&joined);
        return ST_OK;
    }
    case JINJA_T_INT:
    case JINJA_T_FLOAT: return number(p, n);
    default: break;
    }
    int outside = p->no_condition;
    p->no_condition = 0;
    Status st;
    if (jinja_take(p, "(")) {
        st = in_brackets(p, out);
    } else if (jinja_take(p, "[")) {
        n->kind = JINJA_N_LIST;
        st = list_until(p, n, "]", false);
    } else if (jinja_take(p, "{")) {
        n->kind = JINJA_N_DICT;
        st = list_until(p, n, "}", true);
    } else {
        st = jinja_expected(p, "an expression");
    }
    p->no_condition = outside;
    return st;
}

static Status unary(JinjaParser *p, bool filters, const JinjaNode **out) {
    TRY(jinja_deeper(p));
    bool minus = jinja_sign(p, "-"), plus = jinja_sign(p, "+");
    if (minus || plus) {
        JinjaNode *n = jinja_node(p, minus ? JINJA_N_NEGATE : JINJA_N_PLUS);
        p->at++;
        TRY(unary(p, false, &n->a));
        *out = n;
    } else {
        TRY(primary(p, out));
    }
    TRY(postfix(p, out));
    if (filters) TRY(filters_and_tests(p, out));
    p->depth--;
    return ST_OK;
}

typedef Status ExpressionLevel(JinjaParser *p, const JinjaNode **out);

// Operators of one level, from the left.
static Status chain(JinjaParser *p, const char *const *signs, ExpressionLevel *below,
                    const JinjaNode **out) {
    TRY(below(p, out));
    for (;;) {
        const char *found = NULL;
        for (int i = 0; signs[i]; i++)
            if (jinja_sign(p, signs[i])) found = signs[i];
        if (!found) return ST_OK;
        JinjaNode *n = pair(p, JINJA_N_BINARY, *out, NULL);
        n->text = p->at++->text;
        TRY(below(p, &n->b));
        *out = n;
    }
}

static Status filtered(JinjaParser *p, const JinjaNode **out) {
    return unary(p, true, out);
}
static Status power(JinjaParser *p, const JinjaNode **out) {
    static const char *const signs[] = {"**", NULL};
    return chain(p, signs, filtered, out);
}
static Status product(JinjaParser *p, const JinjaNode **out) {
    static const char *const signs[] = {"*", "/", "//", "%", NULL};
    return chain(p, signs, power, out);
}
static Status concatenation(JinjaParser *p, const JinjaNode **out) {
    static const char *const signs[] = {"~", NULL};
    return chain(p, signs, product, out);
}
static Status sum(JinjaParser *p, const JinjaNode **out) {
    static const char *const signs[] = {"+", "-", NULL};
    return chain(p, signs, concatenation, out);
}

static Status comparison(JinjaParser *p, const JinjaNode **out) {
    static const char *const signs[] = {"==", "!=", "<", ">", "<=", ">=", NULL};
    TRY(sum(p, out));
    JinjaNode *all = NULL;
    for (;;) {
        JinjaText text = {0};
        for (int i = 0; signs[i]; i++)
            if (jinja_sign(p, signs[i])) text = p->at->text;
        if (text.size) {
            p->at++;
        } else if (jinja_word(p, "in")) {
            text = p->at++->text;
        } else if (jinja_word(p, "not") && p->at[1].kind == JINJA_T_NAME &&
                   jinja_is(p->at[1].text, "in")) {
            text = (JinjaText){"not in", 6};
            p->at += 2;
        } else {
            return ST_OK;
        }
        if (!all) {
            all = pair(p, JINJA_N_COMPARE, *out, NULL);
            *out = all;
        }
        JinjaNode *one = jinja_node(p, JINJA_N_BINARY);
        one->text = text;
        TRY(sum(p, &one->b));
        jinja_append(p, all, one);
    }
}

static Status negation(JinjaParser *p, const JinjaNode **out) {
    if (!jinja_word(p, "not")) return comparison(p, out);
    JinjaNode *n = jinja_node(p, JINJA_N_NOT);
    p->at++;
    TRY(jinja_deeper(p));
    TRY(negation(p, &n->a));
    p->depth--;
    *out = n;
    return ST_OK;
}

static Status logic(JinjaParser *p, const char *word, JinjaNodeKind kind, ExpressionLevel *below,
                    const JinjaNode **out) {
    TRY(below(p, out));
    while (jinja_word(p, word)) {
        JinjaNode *n = pair(p, kind, *out, NULL);
        p->at++;
        TRY(below(p, &n->b));
        *out = n;
    }
    return ST_OK;
}

static Status conjunction(JinjaParser *p, const JinjaNode **out) {
    return logic(p, "and", JINJA_N_AND, negation, out);
}
static Status disjunction(JinjaParser *p, const JinjaNode **out) {
    return logic(p, "or", JINJA_N_OR, conjunction, out);
}

Status jinja_parse_expression(JinjaParser *p, const JinjaNode **out) {
    TRY(jinja_deeper(p));
    TRY(disjunction(p, out));
    while (p->no_condition == 0 && jinja_word(p, "if")) {
        JinjaNode *n = pair(p, JINJA_N_IF_ELSE, *out, NULL);
        p->at++;
        TRY(disjunction(p, &n->b));
        if (jinja_word(p, "else")) {
            p->at++;
            TRY(jinja_parse_expression(p, &n->c));
        }
        *out = n;
    }
    p->depth--;
    return ST_OK;
}

Status jinja_parse_tuple(JinjaParser *p, const JinjaNode **out) {
    TRY(jinja_parse_expression(p, out));
    if (!jinja_sign(p, ",")) return ST_OK;
    JinjaNode *tuple = jinja_node(p, JINJA_N_TUPLE);
    jinja_append(p, tuple, *out);
    while (jinja_take(p, ",")) {
        if (p->at->kind == JINJA_T_BLOCK_END || p->at->kind == JINJA_T_PRINT_END) break;
        TRY(jinja_parse_expression(p, out));
        jinja_append(p, tuple, *out);
    }
    *out = tuple;
    return ST_OK;
}
