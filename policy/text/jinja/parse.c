// policy/text/jinja/parse.c -- statements of templates: tokens become a tree.
#include "policy/text/jinja/parser.h"

#include <string.h>

bool jinja_word(const JinjaParser *p, const char *word) {
    return p->at->kind == JINJA_T_NAME && jinja_is(p->at->text, word);
}

bool jinja_sign(const JinjaParser *p, const char *sign) {
    return p->at->kind == JINJA_T_OPERATOR && jinja_is(p->at->text, sign);
}

bool jinja_take(JinjaParser *p, const char *sign) {
    if (!jinja_sign(p, sign)) return false;
    p->at++;
    return true;
}

static bool take_word(JinjaParser *p, const char *word) {
    if (!jinja_word(p, word)) return false;
    p->at++;
    return true;
}

static const char *shown(const JinjaParser *p, Arena *arena) {
    const JinjaToken *t = p->at;
    switch (t->kind) {
    case JINJA_T_END: return "the end of the template";
    case JINJA_T_BLOCK_END: return "'%}'";
    case JINJA_T_PRINT_END: return "'}}'";
    case JINJA_T_BLOCK_BEGIN: return "'{%'";
    case JINJA_T_PRINT_BEGIN: return "'{{'";
    case JINJA_T_DATA: return "text";
    default:
        return arena_printf(arena, "'%.*s'", (int)(t->text.size > 40 ? 40 : t->text.size),
                            t->text.data);
    }
}

Status jinja_expected(const JinjaParser *p, const char *what) {
    return FAIL(ST_FORMAT, "%s: line %d: expected %s, not %s", p->name, p->at->line, what,
                shown(p, p->arena));
}

Status jinja_expect(JinjaParser *p, const char *sign) {
    if (jinja_take(p, sign)) return ST_OK;
    char what[16] = "'";
    strcat(strncat(what, sign, 8), "'");
    return jinja_expected(p, what);
}

JinjaNode *jinja_node(const JinjaParser *p, JinjaNodeKind kind) {
    JinjaNode *n = ARENA_ARRAY(p->arena, JinjaNode, 1);
    n->kind = kind;
    n->line = p->at->line;
    return n;
}

void jinja_append(const JinjaParser *p, JinjaNode *to, const JinjaNode *item) {
    if (to->n == to->cap) {
        to->cap = to->cap ? 2 * to->cap : 4;
        const JinjaNode **grown = ARENA_ARRAY(p->arena, const JinjaNode *, to->cap);
        if (to->n) memcpy(grown, to->list, (size_t)to->n * sizeof(JinjaNode *));
        to->list = grown;
    }
    to->list[to->n++] = item;
}

static Status end_tag(JinjaParser *p) {
    if (p->at->kind != JINJA_T_BLOCK_END) return jinja_expected(p, "'%}'");
    p->at++;
    return ST_OK;
}

// Statements until a tag that begins with one of the words; the word is left as the next token.
static Status body(JinjaParser *p, const char *const *until, const JinjaNode **out);

static Status name(JinjaParser *p, JinjaText *out) {
    if (p->at->kind != JINJA_T_NAME) return jinja_expected(p, "a name");
    *out = p->at++->text;
    return ST_OK;
}

// One name, name.attribute (a namespace's), or names with commas.
static Status target(JinjaParser *p, bool attributes, const JinjaNode **out) {
    JinjaNode *tuple = jinja_node(p, JINJA_N_TUPLE);
    bool comma = false, open = jinja_take(p, "(");
    do {
        if (comma && p->at->kind != JINJA_T_NAME) break; // a comma at the end
        JinjaNode *n = jinja_node(p, JINJA_N_NAME);
        TRY(name(p, &n->text));
        if (attributes && jinja_take(p, ".")) {
            JinjaNode *attribute = jinja_node(p, JINJA_N_ATTRIBUTE);
            attribute->a = n;
            TRY(name(p, &attribute->text));
            n = attribute;
        }
        jinja_append(p, tuple, n);
        if (jinja_sign(p, ",")) comma = true;
    } while (jinja_take(p, ","));
    if (open) TRY(jinja_expect(p, ")"));
    *out = comma ? tuple : tuple->list[0];
    return ST_OK;
}

static Status parse_if(JinjaParser *p, const JinjaNode **out) {
    static const char *const stops[] = {"elif", "else", "endif", NULL};
    static const char *const end[] = {"endif", NULL};
    JinjaNode *n = jinja_node(p, JINJA_N_IF);
    const JinjaNode *inner;
    TRY(jinja_parse_tuple(p, &n->a));
    TRY(end_tag(p));
    TRY(body(p, stops, &inner));
    n->list = inner->list, n->n = inner->n;
    if (take_word(p, "elif")) {
        TRY(jinja_deeper(p));
        TRY(parse_if(p, &n->b)); // takes the endif
        p->depth--;
    } else if (take_word(p, "else")) {
        TRY(end_tag(p));
        TRY(body(p, end, &n->b));
        p->at++;
        TRY(end_tag(p));
    } else {
        p->at++;
        TRY(end_tag(p));
    }
    *out = n;
    return ST_OK;
}

static Status parse_for(JinjaParser *p, const JinjaNode **out) {
    static const char *const stops[] = {"else", "endfor", NULL}, *const end[] = {"endfor", NULL};
    JinjaNode *n = jinja_node(p, JINJA_N_FOR);
    const JinjaNode *inner;
    TRY(target(p, false, &n->a));
    if (!take_word(p, "in")) return jinja_expected(p, "'in'");
    p->no_condition++; // `for x in y if z`: the `if` is the loop's
    Status st = jinja_parse_tuple(p, &n->b);
    p->no_condition--;
    if (st != ST_OK) return st;
    if (take_word(p, "if")) TRY(jinja_parse_expression(p, &n->c));
    if (jinja_word(p, "recursive")) n->text = p->at++->text;
    TRY(end_tag(p));
    p->loops++;
    TRY(body(p, stops, &inner));
    p->loops--;
    n->list = inner->list, n->n = inner->n;
    if (take_word(p, "else")) {
        TRY(end_tag(p));
        TRY(body(p, end, &n->d));
    }
    p->at++;
    *out = n;
    return end_tag(p);
}

static Status parse_set(JinjaParser *p, const JinjaNode **out) {
    static const char *const end[] = {"endset", NULL};
    JinjaNode *n = jinja_node(p, JINJA_N_SET);
    TRY(target(p, true, &n->a));
    *out = n;
    if (jinja_take(p, "=")) {
        TRY(jinja_parse_tuple(p, &n->b));
        return end_tag(p);
    }
    const JinjaNode *inner;
    n->kind = JINJA_N_SET_BLOCK;
    if (jinja_sign(p, "|")) TRY(jinja_parse_filters(p, NULL, &n->b));
    TRY(end_tag(p));
    TRY(body(p, end, &inner));
    n->list = inner->list, n->n = inner->n;
    p->at++;
    return end_tag(p);
}

// (a, b=1): JINJA_N_KEYWORD nodes, `a` NULL without a default.
static Status parameters(JinjaParser *p, const JinjaNode **out) {
    JinjaNode *list = jinja_node(p, JINJA_N_LIST);
    TRY(jinja_expect(p, "("));
    while (!jinja_sign(p, ")")) {
        if (list->n) TRY(jinja_expect(p, ","));
        if (jinja_sign(p, ")")) break;
        JinjaNode *one = jinja_node(p, JINJA_N_KEYWORD);
        TRY(name(p, &one->text));
        if (jinja_take(p, "=")) TRY(jinja_parse_expression(p, &one->a));
        jinja_append(p, list, one);
    }
    *out = list;
    return jinja_expect(p, ")");
}

static Status parse_macro(JinjaParser *p, const JinjaNode **out) {
    static const char *const end[] = {"endmacro", NULL};
    JinjaNode *n = jinja_node(p, JINJA_N_MACRO);
    const JinjaNode *inner;
    TRY(name(p, &n->text));
    TRY(parameters(p, &n->d));
    TRY(end_tag(p));
    int loops = p->loops;
    p->loops = 0;
    TRY(body(p, end, &inner));
    p->loops = loops;
    n->list = inner->list, n->n = inner->n;
    p->at++;
    if (p->at->kind == JINJA_T_NAME) p->at++; // endmacro may repeat the name
    *out = n;
    return end_tag(p);
}

static Status parse_call(JinjaParser *p, const JinjaNode **out) {
    static const char *const end[] = {"endcall", NULL};
    JinjaNode *n = jinja_node(p, JINJA_N_CALL_BLOCK);
    const JinjaNode *inner;
    if (jinja_sign(p, "("))
        TRY(parameters(p, &n->d));
    else
        n->d = jinja_node(p, JINJA_N_LIST);
    TRY(jinja_parse_expression(p, &n->a));
    if (n->a->kind != JINJA_N_CALL) return jinja_expected(p, "a call of a macro before");
    TRY(end_tag(p));
    TRY(body(p, end, &inner));
    n->list = inner->list, n->n = inner->n;
    p->at++;
    *out = n;
    return end_tag(p);
}

static Status parse_filter_block(JinjaParser *p, const JinjaNode **out) {
    static const char *const end[] = {"endfilter", NULL};
    JinjaNode *n = jinja_node(p, JINJA_N_FILTER_BLOCK);
    const JinjaNode *inner;
    TRY(jinja_parse_filters(p, NULL, &n->b));
    TRY(end_tag(p));
    TRY(body(p, end, &inner));
    n->list = inner->list, n->n = inner->n;
    p->at++;
    *out = n;
    return end_tag(p);
}

// What Hugging Face marks as the assistant's own words: the inside as it is.
static Status parse_generation(JinjaParser *p, const JinjaNode **out) {
    static const char *const end[] = {"endgeneration", NULL};
    TRY(end_tag(p));
    TRY(body(p, end, out));
    p->at++;
    return end_tag(p);
}

static Status parse_jump(JinjaParser *p, const JinjaNode **out) {
    if (p->loops == 0)
        return FAIL(ST_FORMAT, "%s: line %d: '%.*s' outside a loop", p->name, p->at[-1].line,
                    (int)p->at[-1].text.size, p->at[-1].text.data);
    *out = jinja_node(p, jinja_is(p->at[-1].text, "break") ? JINJA_N_BREAK : JINJA_N_CONTINUE);
    return end_tag(p);
}

static Status statement(JinjaParser *p, const JinjaNode **out) {
    static const struct {
        const char *word;
        Status (*parse)(JinjaParser *p, const JinjaNode **out);
    } known[] = {{"if", parse_if},
                 {"for", parse_for},
                 {"set", parse_set},
                 {"macro", parse_macro},
                 {"call", parse_call},
                 {"filter", parse_filter_block},
                 {"generation", parse_generation},
                 {"break", parse_jump},
                 {"continue", parse_jump}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (take_word(p, known[i].word)) {
            TRY(jinja_deeper(p));
            TRY(known[i].parse(p, out));
            p->depth--;
            return ST_OK;
        }
    return FAIL(ST_UNSUPPORTED, "%s: line %d: the statement %s is not supported", p->name,
                p->at->line, shown(p, p->arena));
}

static bool stops_here(const JinjaParser *p, const char *const *until) {
    for (int i = 0; until && until[i]; i++)
        if (p->at->kind == JINJA_T_BLOCK_BEGIN && p->at[1].kind == JINJA_T_NAME &&
            jinja_is(p->at[1].text, until[i]))
            return true;
    return false;
}

static Status body(JinjaParser *p, const char *const *until, const JinjaNode **out) {
    JinjaNode *list = jinja_node(p, JINJA_N_BODY);
    *out = list;
    while (!stops_here(p, until)) {
        const JinjaNode *inner = NULL;
        if (p->at->kind == JINJA_T_END) {
            if (!until) return ST_OK;
            return FAIL(ST_FORMAT, "%s: line %d: no '%s' to the end of the template", p->name,
                        list->line, until[1] ? until[until[2] ? 2 : 1] : until[0]);
        }
        if (p->at->kind == JINJA_T_DATA) {
            JinjaNode *data = jinja_node(p, JINJA_N_DATA);
            data->text = p->at++->text;
            inner = data;
        } else if (p->at->kind == JINJA_T_PRINT_BEGIN) {
            JinjaNode *print = jinja_node(p, JINJA_N_PRINT);
            p->at++;
            TRY(jinja_parse_tuple(p, &print->a));
            if (p->at->kind != JINJA_T_PRINT_END) return jinja_expected(p, "'}}'");
            p->at++;
            inner = print;
        } else {
            p->at++; // {%
            TRY(statement(p, &inner));
        }
        jinja_append(p, list, inner);
    }
    p->at++; // {% of the word that ends it
    return ST_OK;
}

Status jinja_parse_tokens(const JinjaToken *token, const char *name_, const JinjaNode **out,
                          Arena *arena) {
    JinjaParser p = {.at = token, .name = name_, .arena = arena};
    return body(&p, NULL, out);
}
