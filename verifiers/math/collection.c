// verifiers/math/collection.c -- elements first, then who must match whom.
#include "verifiers/math/collection.h"

#include <string.h>

#include "verifiers/math/equal.h"
#include "verifiers/math/rational.h"
#include "verifiers/math/signs.h"
#include "verifiers/math/statement.h"
#include "verifiers/math/tree/limits.h"

typedef struct Elements {
    Named *item; // of MATH_MAX_ELEMENTS
    const Expr **whole;
    int n, n_named;
    bool ordered, over;
    const Expr *spread; // the one name of all, or NULL
    bool bare;          // as long as the other, both without braces: 1, 1, 2 is not 1, 2, 2
} Elements;

static bool differ(Work *w, const char *why) {
    w->why = why;
    return false;
}

static void push(Work *w, Elements *e, const Expr *x) {
    const Expr *variant[1 << MATH_MAX_SIGNS];
    int n = signs_expand(w, x, variant);
    if (!n || e->n + n > MATH_MAX_ELEMENTS) {
        e->over = true;
        return;
    }
    for (int i = 0; i < n; i++) {
        if (variant[i]->kind == EX_DOTS) e->ordered = true;
        e->whole[e->n] = variant[i];
        e->item[e->n] = statement_name(w, variant[i]);
        e->n_named += e->item[e->n].name != NULL;
        e->n++;
    }
}

// (x, y) = (1, 2) as x = 1, y = 2; x in {1, 2} as the set: what a list is compared with.
static const Expr *opened(Work *w, const Expr *e) {
    if (e->kind != EX_RELATION || e->n != 2) return e;
    const Expr *name = e->first, *value = e->last;
    if (value->relation == RELATION_IN && (name->kind == EX_SYMBOL || name->kind == EX_TUPLE) &&
        value->kind == EX_SET && value->op != 'b')
        return value;
    if (value->relation != RELATION_EQ || name->kind != EX_TUPLE || value->kind != EX_TUPLE ||
        name->n != value->n)
        return e;
    Expr *list = expr_new(w, EX_LIST);
    const Expr *v = value->first;
    for (const Expr *x = name->first; x && list; x = x->next, v = v->next) {
        Expr *right = expr_copy(w, v);
        if (!right || x->kind != EX_SYMBOL) return e;
        Expr *one = expr_new(w, EX_RELATION);
        expr_add(one, expr_copy(w, x));
        expr_add(one, right);
        right->relation = RELATION_EQ;
        expr_add(list, expr_done(w, one));
    }
    list = expr_done(w, list);
    return list ? list : e;
}

static Elements elements(Work *w, const Expr *e) {
    bool open = e->kind == EX_LIST || (e->kind == EX_SET && e->op != 'b');
    uint32_t room = open ? 0 : 1;
    for (const Expr *c = e->first; open && c; c = c->next) room += c->kind == EX_LIST ? c->n : 1;
    if (e->has & HAS_SIGN) room = room << MATH_MAX_SIGNS;
    if (room > MATH_MAX_ELEMENTS) room = MATH_MAX_ELEMENTS;
    Elements out = {.item = ARENA_ARRAY(w->arena, Named, room + 1),
                    .whole = ARENA_ARRAY(w->arena, const Expr *, room + 1)};
    if (!open) push(w, &out, e);
    for (const Expr *c = open ? e->first : NULL; c && !out.over; c = c->next) {
        if (c->kind == EX_LIST)
            for (const Expr *d = c->first; d && !out.over; d = d->next) push(w, &out, d);
        else
            push(w, &out, c);
    }
    return out;
}

static bool same_item(Work *w, const Elements *a, int i, const Elements *b, int j,
                      MathLayer *layer) {
    return equal_answers(w, a->whole[i], b->whole[j], layer);
}

static bool all_in_order(Work *w, const Elements *a, const Elements *b, MathLayer *layer) {
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (!same_item(w, a, i, b, i, layer)) return false;
    return true;
}

// Every element of a is one of b, and the other way round.
static bool same_set(Work *w, const Elements *a, const Elements *b, MathLayer *layer) {
    bool met[MATH_MAX_ELEMENTS] = {false};
    for (int i = 0; i < a->n; i++) {
        bool found = false;
        for (int j = 0; j < b->n; j++) {
            int at = (i + j) % b->n; // in order first
            if (met[at] && (found || a->bare)) continue;
            if (same_item(w, a, i, b, at, layer)) found = met[at] = true;
            if (found && a->n == b->n) break;
        }
        if (!found) return differ(w, "an element is missing");
    }
    for (int j = 0; j < b->n; j++) {
        for (int i = 0; i < a->n && !met[j]; i++) met[j] = same_item(w, a, i, b, j, layer);
        if (!met[j]) return differ(w, "an element too many");
    }
    return !w->over;
}

// x = 3, 5, 7: the name belongs to all.
static void spread_name(Elements *e) {
    if (e->n < 2 || e->n_named != 1 || !e->item[0].name || !e->item[0].value) return;
    if (e->item[0].name->kind == EX_TUPLE && e->item[0].value->kind != EX_TUPLE) return;
    for (int i = 1; i < e->n; i++)
        if (e->whole[i]->kind == EX_RELATION) return;
    for (int i = 0; i < e->n; i++) e->item[i].name = e->item[0].name;
    e->spread = e->item[0].name;
    e->whole[0] = e->item[0].value;
    e->n_named = 0;
}

static bool names_differ(const Elements *e) {
    for (int i = 1; i < e->n; i++)
        if (e->item[i].name && e->item[0].name && !expr_same(e->item[i].name, e->item[0].name))
            return true;
    return false;
}

// p = 5, q = 2; p = 7, q = 2: groups that begin where a name comes again.
static int split_groups(const Elements *e, int *begin) {
    int n = 0;
    for (int i = 0; i < e->n; i++) {
        bool again = n == 0;
        for (int j = n ? begin[n - 1] : 0; j < i && !again; j++)
            again = expr_same(e->item[j].name, e->item[i].name);
        if (again) begin[n++] = i;
    }
    begin[n] = e->n;
    return n;
}

static bool same_group(Work *w, const Elements *a, int from_a, int to_a, const Elements *b,
                       int from_b, int to_b, MathLayer *layer) {
    Elements x = {.item = a->item + from_a, .whole = a->whole + from_a, .n = to_a - from_a};
    Elements y = {.item = b->item + from_b, .whole = b->whole + from_b, .n = to_b - from_b};
    return x.n == y.n && same_set(w, &x, &y, layer);
}

static bool same_groups(Work *w, const Elements *a, const Elements *b, MathLayer *layer) {
    int begin_a[MATH_MAX_ELEMENTS + 1], begin_b[MATH_MAX_ELEMENTS + 1];
    int n_a = split_groups(a, begin_a), n_b = split_groups(b, begin_b);
    bool met[MATH_MAX_ELEMENTS] = {false};
    for (int i = 0; i < n_a; i++) {
        bool found = false;
        for (int j = 0; j < n_b; j++)
            if (same_group(w, a, begin_a[i], begin_a[i + 1], b, begin_b[j], begin_b[j + 1], layer))
                found = met[j] = true;
        if (!found) return differ(w, "a solution is missing");
    }
    for (int j = 0; j < n_b; j++)
        if (!met[j]) return differ(w, "a solution too many");
    return !w->over;
}

// p = 5, q = 2; p = 7, q = 2 against (5, 2), (7, 2): the names of the first solution give the
// places.
static bool same_tuples_of_groups(Work *w, const Elements *named, const Elements *tuples,
                                  MathLayer *layer) {
    int begin[MATH_MAX_ELEMENTS + 1];
    int n = split_groups(named, begin);
    bool met[MATH_MAX_ELEMENTS] = {false};
    if (n < 2 || n != tuples->n || w->rules->list_names_kept) return false;
    for (int i = 0; i < n; i++) {
        int size = begin[i + 1] - begin[i], at = -1;
        if (size != begin[1]) return false;
        for (int j = 0; j < size; j++)
            if (!expr_same(named->item[begin[i] + j].name, named->item[j].name)) return false;
        for (int t = 0; t < n && at < 0; t++) {
            const Expr *tuple = tuples->whole[t];
            if (met[t] || tuple->kind != EX_TUPLE || (int)tuple->n != size) continue;
            const Expr *place = tuple->first;
            bool same = true;
            for (int j = 0; j < size && same; j++, place = place->next)
                same = equal_answers(w, named->item[begin[i] + j].value, place, layer);
            if (same) at = t;
        }
        if (at < 0) return false;
        met[at] = true;
    }
    return !w->over;
}

// (x, y) = (3, 4) against x = 3, y = 4.
static bool same_tuple_of_names(Work *w, const Elements *tuple, const Elements *list,
                                MathLayer *layer) {
    const Named *t = &tuple->item[0];
    if (tuple->n != 1 || !t->name || t->name->kind != EX_TUPLE || t->value->kind != EX_TUPLE ||
        list->n_named != list->n || t->name->n != t->value->n || (int)t->name->n != list->n)
        return false;
    const Expr *value = t->value->first;
    for (const Expr *name = t->name->first; name; name = name->next, value = value->next) {
        int met = 0;
        for (int i = 0; i < list->n; i++)
            if (expr_same(name, list->item[i].name)) {
                if (met++ || !equal_answers(w, value, list->item[i].value, layer)) return false;
            }
        if (met != 1) return false;
    }
    return true;
}

// x = 1, y = 2 or x = 3, y = 4
static bool name_returns(const Elements *e) {
    for (int i = 1; i < e->n; i++)
        if (expr_same(e->item[0].name, e->item[i].name)) return true;
    return false;
}

static void strip_names(Elements *e) {
    for (int i = 0; i < e->n; i++)
        if (e->item[i].value) e->whole[i] = e->item[i].value;
}

static bool same_lists(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (a->kind == EX_LIST || a->kind == EX_SET) b = opened(w, b);
    if (b->kind == EX_LIST || b->kind == EX_SET) a = opened(w, a);
    Elements x = elements(w, a), y = elements(w, b);
    if (x.over || y.over) {
        if (!w->over) w->over = "too many elements";
        return false;
    }
    if (x.n == 1 && y.n == 1) { // no list after all
        if (x.whole[0] == a && y.whole[0] == b) return differ(w, "different kinds of answers");
        return equal_answers(w, x.whole[0], y.whole[0], layer);
    }
    if (same_tuple_of_names(w, &x, &y, layer) || same_tuple_of_names(w, &y, &x, layer)) return true;
    if (x.n_named == x.n && y.n_named == 0 && same_tuples_of_groups(w, &x, &y, layer)) return true;
    if (y.n_named == y.n && x.n_named == 0 && same_tuples_of_groups(w, &y, &x, layer)) return true;
    spread_name(&x);
    spread_name(&y);
    if (x.spread && y.spread && !expr_same(x.spread, y.spread)) return differ(w, "different names");
    bool named_x = x.n_named == x.n && x.n > 0, named_y = y.n_named == y.n && y.n > 0;
    if (named_x && named_y && (names_differ(&x) || names_differ(&y))) {
        // of different letters: x = 2 or y = 3 says less than both
        bool either = (a->kind == EX_LIST && a->op == 'o') != (b->kind == EX_LIST && b->op == 'o');
        if (either && !name_returns(&x) && !name_returns(&y))
            return differ(w, "both against one of them");
        return same_groups(w, &x, &y, layer);
    }
    if (named_x != named_y && x.n_named + y.n_named > 0 && (x.n_named == 0 || y.n_named == 0)) {
        // names on one side: if they differ, the places must agree
        if (w->rules->list_names_kept) return differ(w, "names on one side alone");
        bool places = named_x ? names_differ(&x) : names_differ(&y);
        strip_names(&x);
        strip_names(&y);
        if (places)
            return all_in_order(w, &x, &y, layer) || differ(w, "in another order than the names");
    }
    bool ordered = x.ordered || y.ordered ||
                   (w->rules->list_ordered && a->kind == EX_LIST && b->kind == EX_LIST);
    if (ordered) return all_in_order(w, &x, &y, layer) || differ(w, "different lists");
    x.bare = x.n == y.n && a->kind == EX_LIST && b->kind == EX_LIST;
    return same_set(w, &x, &y, layer);
}

static bool same_places(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (a->n != b->n) return differ(w, "of different length");
    const Expr *y = b->first;
    for (const Expr *x = a->first; x; x = x->next, y = y->next)
        if (!equal_answers(w, x, y, layer)) return false;
    return true;
}

bool collection_unordered(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (a->n > MATH_MAX_ELEMENTS || b->n > MATH_MAX_ELEMENTS) return differ(w, "too many elements");
    bool met[MATH_MAX_ELEMENTS] = {false};
    for (const Expr *x = a->first; x; x = x->next) {
        bool found = false;
        uint32_t j = 0;
        for (const Expr *y = b->first; y; y = y->next, j++)
            if ((!found || !met[j]) && equal_answers(w, x, y, layer)) found = met[j] = true;
        if (!found) return differ(w, "a part is missing");
    }
    for (uint32_t j = 0; j < b->n; j++)
        if (!met[j]) return differ(w, "a part too many");
    return true;
}

// [[1, 2], [3, 4]] as the matrix it is.
static bool same_nested(Work *w, const Expr *matrix, const Expr *rows, MathLayer *layer) {
    if (!matrix->op || rows->n != matrix->n / matrix->op) return differ(w, "different sizes");
    const Expr *cell = matrix->first;
    for (const Expr *r = rows->first; r; r = r->next) {
        if ((r->kind != EX_BRACKET && r->kind != EX_TUPLE) || r->n != matrix->op)
            return differ(w, "different sizes");
        for (const Expr *c = r->first; c; c = c->next, cell = cell->next)
            if (!equal_answers(w, cell, c, layer)) return false;
    }
    return true;
}

static bool same_cases(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (a->op != b->op || a->n != b->n || a->n > MATH_MAX_ELEMENTS)
        return differ(w, "different cases");
    bool used[MATH_MAX_ELEMENTS] = {false};
    for (uint32_t i = 0; i < a->n; i += a->op) {
        bool found = false;
        for (uint32_t j = 0; j < b->n && !found; j += b->op) {
            bool same = !used[j];
            for (uint32_t k = 0; k < a->op && same; k++)
                same = equal_answers(w, expr_child(a, i + k), expr_child(b, j + k), layer);
            if (same) found = used[j] = true;
        }
        if (!found) return differ(w, "different cases");
    }
    return true;
}

static bool has_places(const Expr *e) {
    return e->kind == EX_TUPLE || e->kind == EX_BRACKET;
}

bool collection_same(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (*layer < MATH_STRUCTURE) *layer = MATH_STRUCTURE;
    if ((a->has | b->has) & HAS_SIGN) return same_lists(w, a, b, layer);
    if (a->kind == EX_CASES && b->kind == EX_CASES) return same_cases(w, a, b, layer);
    if (a->kind == EX_MATRIX && b->kind == EX_MATRIX)
        return a->op == b->op ? same_places(w, a, b, layer) : differ(w, "different sizes");
    if (a->kind == EX_MATRIX || b->kind == EX_MATRIX) {
        const Expr *matrix = a->kind == EX_MATRIX ? a : b, *other = matrix == a ? b : a;
        if (!has_places(other)) return differ(w, "a matrix alone");
        if (has_places(other->first)) return same_nested(w, matrix, other, layer);
        return matrix->op == 1 ? same_places(w, matrix, other, layer) : differ(w, "a matrix alone");
    }
    if (a->kind == b->kind && has_places(a)) return same_places(w, a, b, layer);
    BracketRule rule = w->rules->brackets;
    if (has_places(a) && has_places(b)) {
        if (a->n < 3 && rule != BRACKETS_IGNORED) return differ(w, "different brackets");
        return same_places(w, a, b, layer);
    }
    if (has_places(a) || has_places(b)) {
        const Expr *tuple = has_places(a) ? a : b, *other = tuple == a ? b : a;
        bool list = other->kind == EX_LIST || other->kind == EX_SET;
        if (!list) return differ(w, "different kinds of answers");
        if (rule == BRACKETS_STRICT || tuple->kind == EX_BRACKET) {
            // a list of one tuple is that tuple
            return other->n == 1 ? equal_answers(w, tuple, other->first, layer)
                                 : differ(w, "different brackets");
        }
        Expr *open = expr_copy(w, tuple);
        if (!open) return false;
        open->kind = EX_LIST;
        open->op = other->op;
        return same_lists(w, open, other, layer);
    }
    return same_lists(w, a, b, layer);
}
