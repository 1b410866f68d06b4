// policy/text/jinja/execute.c -- statements of templates write their output.
#include <string.h>

#include "policy/text/jinja/render.h"

enum { MAX_CALLS = 60 }; // of macros and loops inside each other

static JinjaScope *inner_scope(JinjaRender *r, JinjaScope *parent) {
    JinjaScope *s = ARENA_ARRAY(r->arena, JinjaScope, 1);
    *s = (JinjaScope){parent, jinja_dict(JINJA_DICT, r->arena).dict};
    return s;
}

static void set_var(JinjaRender *r, JinjaScope *s, JinjaText name, JinjaValue v) {
    jinja_put(s->vars, jinja_string(name.data, name.size), v, r->arena);
}

static Status assign(JinjaRender *r, const JinjaNode *to, JinjaValue v, JinjaScope *s) {
    if (to->kind == JINJA_N_NAME) {
        set_var(r, s, to->text, v);
        return ST_OK;
    }
    if (to->kind == JINJA_N_ATTRIBUTE) {
        JinjaValue of = jinja_lookup(s, to->a->text);
        if (of.kind != JINJA_NAMESPACE)
            return jinja_fail(r, "'%.*s' is no namespace, so 'set' cannot change it",
                              (int)to->a->text.size, to->a->text.data);
        jinja_put(of.dict, jinja_string(to->text.data, to->text.size), v, r->arena);
        return ST_OK;
    }
    JinjaList *items;
    TRY(jinja_items(r, v, &items));
    if (items->n != to->n) return jinja_fail(r, "%d values for %d names", items->n, to->n);
    for (int i = 0; i < to->n; i++) TRY(assign(r, to->list[i], items->item[i], s));
    return ST_OK;
}

// ---- loops -----------------------------------------------------------------------------------
// The items that pass the loop's condition.
static Status chosen(JinjaRender *r, const JinjaNode *n, JinjaList *items, JinjaScope *s,
                     JinjaList **out) {
    *out = items;
    if (!n->c) return ST_OK;
    JinjaList *kept = jinja_list(JINJA_LIST, r->arena).list;
    for (int i = 0; i < items->n; i++) {
        JinjaScope *own = inner_scope(r, s);
        JinjaValue yes = {0};
        TRY(assign(r, n->a, items->item[i], own));
        TRY(jinja_eval(r, n->c, own, &yes));
        if (jinja_truth(yes)) jinja_push(kept, items->item[i], r->arena);
    }
    *out = kept;
    return ST_OK;
}

static Status walk(JinjaRender *r, const JinjaNode *n, JinjaValue over, int depth, JinjaScope *s,
                   Str *out) {
    JinjaList *items;
    JinjaLoop *loop = ARENA_ARRAY(r->arena, JinjaLoop, 1);
    if (depth > MAX_CALLS)
        return jinja_fail(r, "a loop calls itself more than %d times", MAX_CALLS);
    TRY(jinja_items(r, over, &items));
    TRY(chosen(r, n, items, s, &items));
    *loop =
        (JinjaLoop){.items = items, .depth = depth, .node = n->text.size ? n : NULL, .scope = s};
    for (int i = 0; i < items->n; i++) {
        JinjaScope *own = inner_scope(r, s);
        TRY(jinja_spend(r, JINJA_STEP));
        loop->index = i;
        set_var(r, own, (JinjaText){"loop", 4}, (JinjaValue){.kind = JINJA_LOOP, .loop = loop});
        TRY(assign(r, n->a, items->item[i], own));
        TRY(jinja_execute(r, n->list, n->n, own, out));
        bool leave = r->jumps && !r->continues;
        r->jumps = false;
        if (leave) break;
    }
    if (items->n == 0 && n->d) TRY(jinja_execute(r, n->d->list, n->d->n, s, out));
    return ST_OK;
}

Status jinja_recurse(JinjaRender *r, const JinjaLoop *loop, JinjaValue items, JinjaValue *out) {
    Str text = {0};
    if (!loop->node) return jinja_fail(r, "only a loop marked 'recursive' can be called");
    Status st = walk(r, loop->node, items, loop->depth + 1, loop->scope, &text);
    if (st == ST_OK) return jinja_made(r, &text, out);
    str_free(&text);
    return st;
}

// ---- macros ----------------------------------------------------------------------------------
static JinjaValue macro_of(JinjaRender *r, const JinjaNode *n, JinjaScope *s) {
    JinjaMacro *m = ARENA_ARRAY(r->arena, JinjaMacro, 1);
    *m = (JinjaMacro){n, s};
    return (JinjaValue){.kind = JINJA_MACRO, .macro = m};
}

static Status call_macro(JinjaRender *r, const JinjaMacro *m, const JinjaArgs *args,
                         JinjaValue *out) {
    const JinjaNode *want = m->node->d;
    JinjaScope *own = inner_scope(r, m->scope);
    JinjaValue more = jinja_list(JINJA_TUPLE, r->arena), named = jinja_dict(JINJA_DICT, r->arena);
    for (int i = 0; i < args->n; i++)
        if (i < want->n)
            set_var(r, own, want->list[i]->text, args->value[i]);
        else
            jinja_push(more.list, args->value[i], r->arena);
    for (int k = 0; k < args->n_keywords; k++) {
        JinjaText name = args->keyword[k]->text;
        bool known = jinja_is(name, "caller");
        for (int i = 0; i < want->n; i++)
            known = known || (want->list[i]->text.size == name.size &&
                              memcmp(want->list[i]->text.data, name.data, name.size) == 0);
        if (known)
            set_var(r, own, name, args->keyword_value[k]);
        else
            jinja_put(named.dict, jinja_string(name.data, name.size), args->keyword_value[k],
                      r->arena);
    }
    for (int i = 0; i < want->n; i++) {
        JinjaText name = want->list[i]->text;
        if (jinja_get(own->vars, jinja_string(name.data, name.size))) continue;
        JinjaValue v = jinja_undefined(name.data, name.size);
        if (want->list[i]->a) TRY(jinja_eval(r, want->list[i]->a, own, &v));
        set_var(r, own, name, v);
    }
    set_var(r, own, (JinjaText){"varargs", 7}, more);
    set_var(r, own, (JinjaText){"kwargs", 6}, named);
    Str text = {0};
    Status st = jinja_execute(r, m->node->list, m->node->n, own, &text);
    if (st == ST_OK) return jinja_made(r, &text, out);
    str_free(&text);
    return st;
}

Status jinja_call(JinjaRender *r, JinjaValue f, const JinjaArgs *args, JinjaValue *out) {
    TRY(jinja_spend(r, JINJA_STEP));
    switch (f.kind) {
    case JINJA_FUNCTION: return jinja_call_function(r, f.integer, args, out);
    case JINJA_METHOD: return jinja_method(r, f.method->self, f.method->name, args, out);
    case JINJA_LOOP: return jinja_recurse(r, f.loop, jinja_arg(args, 0, NULL, jinja_none()), out);
    case JINJA_MACRO: {
        if (r->depth > 3 * MAX_CALLS) return jinja_fail(r, "macros call each other too often");
        r->depth += 3;
        Status st = call_macro(r, f.macro, args, out);
        r->depth -= 3;
        return st;
    }
    case JINJA_UNDEFINED:
        return jinja_fail(r, "'%.*s' is undefined", (int)f.text.size, f.text.data);
    default: return jinja_fail(r, "%s cannot be called", jinja_kind_name(f.kind));
    }
}

// ---- statements ------------------------------------------------------------------------------
static Status captured(JinjaRender *r, const JinjaNode *n, JinjaScope *s, JinjaValue *out) {
    Str text = {0};
    Status st = jinja_execute(r, n->list, n->n, inner_scope(r, s), &text);
    if (st == ST_OK) return jinja_made(r, &text, out);
    str_free(&text);
    return st;
}

// The filters of a block: its innermost value is what the block wrote.
static Status through(JinjaRender *r, const JinjaNode *filter, JinjaScope *s, JinjaValue *v) {
    if (filter->a) TRY(through(r, filter->a, s, v));
    JinjaNode held = {.kind = JINJA_N_CONST, .line = filter->line, .value = *v}, one = *filter;
    one.a = &held;
    return jinja_eval(r, &one, s, v);
}

static Status call_block(JinjaRender *r, const JinjaNode *n, JinjaScope *s, JinjaValue *out) {
    JinjaValue f = {0}, v = {0};
    JinjaArgs args = {.value = ARENA_ARRAY(r->arena, JinjaValue, n->a->n + 1),
                      .keyword = ARENA_ARRAY(r->arena, const JinjaNode *, n->a->n + 1),
                      .keyword_value = ARENA_ARRAY(r->arena, JinjaValue, n->a->n + 1)};
    JinjaNode *caller = ARENA_ARRAY(r->arena, JinjaNode, 1);
    *caller = (JinjaNode){.kind = JINJA_N_KEYWORD, .line = n->line, .text = {"caller", 6}};
    TRY(jinja_eval(r, n->a->a, s, &f));
    for (int i = 0; i < n->a->n; i++) {
        const JinjaNode *one = n->a->list[i];
        TRY(jinja_eval(r, one->kind == JINJA_N_KEYWORD ? one->a : one, s, &v));
        if (one->kind == JINJA_N_KEYWORD) {
            args.keyword[args.n_keywords] = one;
            args.keyword_value[args.n_keywords++] = v;
        } else {
            args.value[args.n++] = v;
        }
    }
    args.keyword[args.n_keywords] = caller;
    args.keyword_value[args.n_keywords++] = macro_of(r, n, s);
    return jinja_call(r, f, &args, out);
}

static Status put(JinjaRender *r, JinjaValue v, Str *out) {
    size_t before = out->size;
    jinja_str(v, out);
    return jinja_spend(r, out->size - before);
}

static Status conditional(JinjaRender *r, const JinjaNode *n, JinjaScope *s, Str *out) {
    for (; n; n = n->b) {
        if (n->kind == JINJA_N_BODY) return jinja_execute(r, n->list, n->n, s, out);
        JinjaValue yes = {0};
        TRY(jinja_eval(r, n->a, s, &yes));
        if (jinja_truth(yes)) return jinja_execute(r, n->list, n->n, s, out);
    }
    return ST_OK;
}

static Status statement(JinjaRender *r, const JinjaNode *n, JinjaScope *s, Str *out) {
    JinjaValue v = {0};
    r->line = n->line;
    switch (n->kind) {
    case JINJA_N_DATA:
        TRY(jinja_spend(r, n->text.size));
        str_add(out, n->text.data, n->text.size);
        return ST_OK;
    case JINJA_N_PRINT: TRY(jinja_eval(r, n->a, s, &v)); return put(r, v, out);
    case JINJA_N_BODY: return jinja_execute(r, n->list, n->n, s, out);
    case JINJA_N_IF: return conditional(r, n, s, out);
    case JINJA_N_FOR: TRY(jinja_eval(r, n->b, s, &v)); return walk(r, n, v, 0, s, out);
    case JINJA_N_SET: TRY(jinja_eval(r, n->b, s, &v)); return assign(r, n->a, v, s);
    case JINJA_N_SET_BLOCK:
        TRY(captured(r, n, s, &v));
        if (n->b) TRY(through(r, n->b, s, &v));
        return assign(r, n->a, v, s);
    case JINJA_N_MACRO: set_var(r, s, n->text, macro_of(r, n, s)); return ST_OK;
    case JINJA_N_CALL_BLOCK: TRY(call_block(r, n, s, &v)); return put(r, v, out);
    case JINJA_N_FILTER_BLOCK:
        TRY(captured(r, n, s, &v));
        TRY(through(r, n->b, s, &v));
        return put(r, v, out);
    case JINJA_N_BREAK:
    case JINJA_N_CONTINUE:
        r->jumps = true;
        r->continues = n->kind == JINJA_N_CONTINUE;
        return ST_OK;
    default: return jinja_fail(r, "not a statement");
    }
}

Status jinja_execute(JinjaRender *r, const JinjaNode *const *list, int n, JinjaScope *s, Str *out) {
    TRY(jinja_spend(r, JINJA_STEP));
    for (int i = 0; i < n && !r->jumps; i++) TRY(statement(r, list[i], s, out));
    return ST_OK;
}
