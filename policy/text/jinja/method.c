// policy/text/jinja/method.c -- methods of texts, lists and mappings; the global functions.
#include <string.h>
#include <time.h>
#include <utf8proc.h>

#include "policy/text/jinja/render.h"

// ---- texts -----------------------------------------------------------------------------------
static JinjaText text_arg(const JinjaArgs *args, int i, const char *name) {
    JinjaValue v = jinja_arg(args, i, name, jinja_none());
    return v.kind == JINJA_STRING ? v.text : (JinjaText){NULL, 0};
}

static const char *find(JinjaText in, JinjaText what, size_t from) {
    if (from > in.size || what.size > in.size - from) return NULL;
    if (what.size == 0) return in.data + from;
    return (const char *)memmem(in.data + from, in.size - from, what.data, what.size);
}

static const char *find_last(JinjaText in, JinjaText what) {
    for (size_t at = in.size - what.size + 1; what.size <= in.size && at-- > 0;)
        if (memcmp(in.data + at, what.data, what.size) == 0) return in.data + at;
    return NULL;
}

static void push_text(JinjaRender *r, JinjaList *list, const char *from, const char *to) {
    jinja_push(list, jinja_string(from, (size_t)(to - from)), r->arena);
}

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// str.split() without a separator: runs of whitespace, none at the ends.
static Status split_blank(JinjaRender *r, JinjaText t, int64_t most, JinjaList *list) {
    const char *at = t.data, *end = t.data + t.size;
    for (;;) {
        while (at < end && is_blank(*at)) at++;
        if (at == end) return ST_OK;
        const char *word = at;
        if (most-- == 0) {
            while (end > at && is_blank(end[-1])) end--;
            push_text(r, list, word, end);
            return ST_OK;
        }
        while (at < end && !is_blank(*at)) at++;
        push_text(r, list, word, at);
    }
}

static Status split(JinjaRender *r, JinjaText t, const JinjaArgs *args, bool last,
                    JinjaValue *out) {
    JinjaText by = text_arg(args, 0, "sep");
    JinjaValue most_ = jinja_arg(args, 1, "maxsplit", jinja_int(-1));
    int64_t most = most_.kind == JINJA_INT ? most_.integer : -1;
    *out = jinja_list(JINJA_LIST, r->arena);
    TRY(jinja_spend(r, t.size));
    if (!by.data) return split_blank(r, t, most, out->list);
    if (by.size == 0) return jinja_fail(r, "split: an empty separator");
    if (last && most >= 0) { // the last `most` places, then in order
        JinjaValue back = jinja_list(JINJA_LIST, r->arena);
        const char *at;
        while (most-- > 0 && (at = find_last(t, by)) != NULL) {
            push_text(r, back.list, at + by.size, t.data + t.size);
            t.size = (size_t)(at - t.data);
            TRY(jinja_spend(r, t.size + JINJA_STEP));
        }
        push_text(r, back.list, t.data, t.data + t.size);
        for (int i = back.list->n - 1; i >= 0; i--)
            jinja_push(out->list, back.list->item[i], r->arena);
        return ST_OK;
    }
    size_t from = 0;
    for (const char *at; most-- != 0 && (at = find(t, by, from)) != NULL;) {
        TRY(jinja_spend(r, JINJA_STEP));
        push_text(r, out->list, t.data + from, at);
        from = (size_t)(at - t.data) + by.size;
    }
    push_text(r, out->list, t.data + from, t.data + t.size);
    return ST_OK;
}

static Status split_lines(JinjaRender *r, JinjaText t, const JinjaArgs *args, JinjaValue *out) {
    bool keep = jinja_truth(jinja_arg(args, 0, "keepends", jinja_bool(false)));
    const char *at = t.data, *end = t.data + t.size;
    *out = jinja_list(JINJA_LIST, r->arena);
    TRY(jinja_spend(r, t.size * 4));
    while (at < end) {
        const char *line = at;
        while (at < end && *at != '\n' && *at != '\r') at++;
        const char *stop = at;
        if (at < end) at += at[0] == '\r' && at + 1 < end && at[1] == '\n' ? 2 : 1;
        push_text(r, out->list, line, keep ? at : stop);
    }
    return ST_OK;
}

static Status replace(JinjaRender *r, JinjaText t, const JinjaArgs *args, JinjaValue *out) {
    JinjaText old = text_arg(args, 0, "old"), with = text_arg(args, 1, "new");
    JinjaValue count = jinja_arg(args, 2, "count", jinja_int(-1));
    if (!old.data || !with.data) return jinja_fail(r, "replace needs two strings");
    return jinja_replace(r, t, old, with, count.kind == JINJA_INT ? count.integer : -1, out);
}

Status jinja_replace(JinjaRender *r, JinjaText t, JinjaText old, JinjaText with, int64_t most,
                     JinjaValue *out) {
    Str text = {0};
    size_t from = 0;
    Status st = jinja_spend(r, t.size);
    for (const char *at; st == ST_OK && most-- != 0 && (at = find(t, old, from)) != NULL;) {
        size_t place = (size_t)(at - t.data);
        if (old.size == 0) { // between all characters
            size_t next = place + jinja_byte_of((JinjaText){t.data + place, t.size - place}, 1);
            str_add(&text, with.data, with.size);
            str_add(&text, at, next - place);
            if (place == t.size) break;
            from = next;
        } else {
            str_add(&text, t.data + from, place - from);
            str_add(&text, with.data, with.size);
            from = place + old.size;
        }
        st = jinja_spend(r, JINJA_STEP + with.size);
    }
    if (from < t.size) str_add(&text, t.data + from, t.size - from);
    if (st == ST_OK) return jinja_made(r, &text, out);
    str_free(&text);
    return st;
}

// startswith and endswith: a text, or a tuple of them.
static Status at_end(JinjaRender *r, JinjaText t, const JinjaArgs *args, bool end, bool *out) {
    JinjaValue v = jinja_arg(args, 0, NULL, jinja_none());
    JinjaValue one[1] = {v};
    JinjaList single = {.item = one, .n = 1};
    const JinjaList *all = v.kind == JINJA_TUPLE ? v.list : &single;
    *out = false;
    for (int i = 0; i < all->n; i++) {
        if (all->item[i].kind != JINJA_STRING)
            return jinja_fail(r, "startswith and endswith need a string, not %s",
                              jinja_kind_name(all->item[i].kind));
        JinjaText w = all->item[i].text;
        if (w.size <= t.size &&
            (w.size == 0 || memcmp(t.data + (end ? t.size - w.size : 0), w.data, w.size) == 0))
            *out = true;
    }
    return ST_OK;
}

// isdigit, isalpha, ...: of all characters, of which there is one at least.
static bool all_are(JinjaText t, const char *what) {
    size_t at = 0;
    bool upper = false, lower = false;
    while (at < t.size) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)t.data + at,
                                              (utf8proc_ssize_t)(t.size - at), &c);
        if (n <= 0) return false;
        utf8proc_category_t k = utf8proc_category(c);
        bool letter = k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
        bool digit = k == UTF8PROC_CATEGORY_ND;
        bool blank =
            k >= UTF8PROC_CATEGORY_ZS ? k <= UTF8PROC_CATEGORY_ZP : c < 128 && is_blank((char)c);
        if (strcmp(what, "isdigit") == 0 && !digit) return false;
        if (strcmp(what, "isalpha") == 0 && !letter) return false;
        if (strcmp(what, "isalnum") == 0 && !letter && !digit) return false;
        if (strcmp(what, "isspace") == 0 && !blank) return false;
        upper = upper || k == UTF8PROC_CATEGORY_LU;
        lower = lower || k == UTF8PROC_CATEGORY_LL;
        at += (size_t)n;
    }
    if (strcmp(what, "isupper") == 0) return upper && !lower;
    if (strcmp(what, "islower") == 0) return lower && !upper;
    return t.size > 0;
}

Status jinja_letters(JinjaRender *r, JinjaText t, JinjaLetters how, JinjaValue *out) {
    Str text = {0};
    bool begin = true;
    Status st = jinja_spend(r, t.size);
    for (size_t at = 0; st == ST_OK && at < t.size;) {
        utf8proc_int32_t c;
        utf8proc_uint8_t buffer[4];
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)t.data + at,
                                              (utf8proc_ssize_t)(t.size - at), &c);
        if (n <= 0) break;
        utf8proc_category_t k = utf8proc_category(c);
        bool up = how == JINJA_UPPER || (begin && how != JINJA_LOWER);
        utf8proc_int32_t to = up ? utf8proc_toupper(c) : utf8proc_tolower(c);
        if (up && c == 0xDF) // the German sharp s has no capital in Python
            str_puts(&text, how == JINJA_UPPER ? "SS" : "Ss");
        else
            str_add(&text, buffer, (size_t)utf8proc_encode_char(to, buffer));
        if (how == JINJA_CAPITALIZE) begin = false;
        if (how == JINJA_TITLE) begin = !(k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO);
        if (how == JINJA_TITLE_WORDS)
            begin = c < 128 && (is_blank((char)c) || strchr("-({[<", c) != NULL);
        at += (size_t)n;
    }
    if (st == ST_OK) return jinja_made(r, &text, out);
    str_free(&text);
    return st;
}

static const char *const text_methods[] = {
    "strip",    "lstrip",  "rstrip",  "split",        "rsplit",       "splitlines", "startswith",
    "endswith", "upper",   "lower",   "title",        "capitalize",   "replace",    "find",
    "rfind",    "index",   "count",   "join",         "isdigit",      "isalpha",    "isalnum",
    "isspace",  "isupper", "islower", "removeprefix", "removesuffix", "format"};

static Status text_places(JinjaRender *r, JinjaText t, JinjaText name, const JinjaArgs *args,
                          JinjaValue *out) {
    JinjaText what = text_arg(args, 0, NULL);
    if (!what.data) return jinja_fail(r, "%.*s needs a string", (int)name.size, name.data);
    TRY(jinja_spend(r, t.size));
    if (jinja_is(name, "count")) {
        int64_t n = 0;
        size_t from = 0;
        for (const char *at; what.size && (at = find(t, what, from)) != NULL; n++)
            from = (size_t)(at - t.data) + what.size;
        *out = jinja_int(what.size ? n : jinja_length(t) + 1);
        return ST_OK;
    }
    const char *at = jinja_is(name, "rfind") ? find_last(t, what) : find(t, what, 0);
    if (!at && jinja_is(name, "index")) return jinja_fail(r, "index: the text is not there");
    *out = jinja_int(at ? jinja_length((JinjaText){t.data, (size_t)(at - t.data)}) : -1);
    return ST_OK;
}

static Status text_method(JinjaRender *r, JinjaText t, JinjaText name, const JinjaArgs *args,
                          JinjaValue *out) {
    bool yes;
    JinjaText chars = text_arg(args, 0, NULL), *set = chars.data ? &chars : NULL;
    bool left = jinja_is(name, "lstrip"), right = jinja_is(name, "rstrip");
    if (left || right || jinja_is(name, "strip")) {
        JinjaText cut = jinja_trim(t, set, !right, !left);
        *out = jinja_string(cut.data, cut.size);
        return jinja_spend(r, t.size / 16);
    }
    if (jinja_is(name, "split") || jinja_is(name, "rsplit"))
        return split(r, t, args, name.data[0] == 'r', out);
    if (jinja_is(name, "splitlines")) return split_lines(r, t, args, out);
    if (jinja_is(name, "replace")) return replace(r, t, args, out);
    if (jinja_is(name, "upper")) return jinja_letters(r, t, JINJA_UPPER, out);
    if (jinja_is(name, "lower")) return jinja_letters(r, t, JINJA_LOWER, out);
    if (jinja_is(name, "title")) return jinja_letters(r, t, JINJA_TITLE, out);
    if (jinja_is(name, "capitalize")) return jinja_letters(r, t, JINJA_CAPITALIZE, out);
    if (jinja_is(name, "startswith") || jinja_is(name, "endswith")) {
        TRY(at_end(r, t, args, name.data[0] == 'e', &yes));
        *out = jinja_bool(yes);
        return ST_OK;
    }
    if (jinja_is(name, "removeprefix") || jinja_is(name, "removesuffix")) {
        bool end = jinja_is(name, "removesuffix");
        TRY(at_end(r, t, args, end, &yes));
        if (yes) t = (JinjaText){t.data + (end ? 0 : chars.size), t.size - chars.size};
        *out = jinja_string(t.data, t.size);
        return ST_OK;
    }
    if (jinja_is(name, "find") || jinja_is(name, "rfind") || jinja_is(name, "index") ||
        jinja_is(name, "count"))
        return text_places(r, t, name, args, out);
    if (jinja_is(name, "join")) {
        JinjaValue self = jinja_string(t.data, t.size);
        return jinja_filter(r, name, jinja_arg(args, 0, NULL, jinja_none()),
                            &(JinjaArgs){.value = &self, .n = 1}, out);
    }
    if (jinja_is(name, "format")) return jinja_fail(r, "str.format is not supported");
    char what[16] = {0};
    memcpy(what, name.data, name.size < 15 ? name.size : 15);
    *out = jinja_bool(all_are(t, what));
    return ST_OK;
}

// ---- mappings and lists ----------------------------------------------------------------------
static Status dict_method(JinjaRender *r, const JinjaDict *d, JinjaText name, const JinjaArgs *args,
                          JinjaValue *out) {
    if (jinja_is(name, "get")) {
        const JinjaValue *there = jinja_get(d, jinja_arg(args, 0, "key", jinja_none()));
        *out = there ? *there : jinja_arg(args, 1, "default", jinja_none());
        return ST_OK;
    }
    TRY(jinja_spend(r, (size_t)d->n * JINJA_STEP));
    if (jinja_is(name, "copy")) {
        *out = jinja_dict(JINJA_DICT, r->arena);
        for (int i = 0; i < d->n; i++)
            jinja_put(out->dict, d->entry[i].key, d->entry[i].value, r->arena);
        return ST_OK;
    }
    *out = jinja_list(JINJA_LIST, r->arena);
    for (int i = 0; i < d->n; i++) {
        JinjaValue v = jinja_is(name, "values") ? d->entry[i].value : d->entry[i].key;
        if (jinja_is(name, "items")) {
            v = jinja_list(JINJA_TUPLE, r->arena);
            jinja_push(v.list, d->entry[i].key, r->arena);
            jinja_push(v.list, d->entry[i].value, r->arena);
        }
        jinja_push(out->list, v, r->arena);
    }
    return ST_OK;
}

static Status list_method(JinjaRender *r, const JinjaList *l, JinjaText name, const JinjaArgs *args,
                          JinjaValue *out) {
    JinjaValue what = jinja_arg(args, 0, NULL, jinja_none());
    int64_t n = 0;
    TRY(jinja_spend(r, (size_t)l->n));
    for (int i = 0; i < l->n; i++) {
        if (!jinja_same(l->item[i], what)) continue;
        if (jinja_is(name, "index")) {
            *out = jinja_int(i);
            return ST_OK;
        }
        n++;
    }
    if (jinja_is(name, "index")) return jinja_fail(r, "index: the item is not there");
    *out = jinja_int(n);
    return ST_OK;
}

static bool in_list(const char *const *list, size_t n, JinjaText name) {
    for (size_t i = 0; i < n; i++)
        if (jinja_is(name, list[i])) return true;
    return false;
}

bool jinja_has_method(JinjaValue self, JinjaText name) {
    static const char *const of_dict[] = {"get", "items", "keys", "values", "copy"};
    static const char *const of_list[] = {"index", "count"}, *const of_loop[] = {"cycle",
                                                                                 "changed"};
    switch (self.kind) {
    case JINJA_STRING:
        return in_list(text_methods, sizeof text_methods / sizeof *text_methods, name);
    case JINJA_DICT: return in_list(of_dict, sizeof of_dict / sizeof *of_dict, name);
    case JINJA_LIST:
    case JINJA_TUPLE: return in_list(of_list, sizeof of_list / sizeof *of_list, name);
    case JINJA_LOOP: return in_list(of_loop, sizeof of_loop / sizeof *of_loop, name);
    default: return false;
    }
}

static Status loop_method(JinjaRender *r, JinjaLoop *l, JinjaText name, const JinjaArgs *args,
                          JinjaValue *out) {
    if (jinja_is(name, "cycle")) {
        if (args->n == 0) return jinja_fail(r, "loop.cycle needs values");
        *out = args->value[l->index % args->n];
        return ST_OK;
    }
    JinjaValue now = jinja_list(JINJA_TUPLE, r->arena);
    for (int i = 0; i < args->n; i++) jinja_push(now.list, args->value[i], r->arena);
    *out = jinja_bool(!l->changed || !jinja_same(*l->changed, now));
    if (!l->changed) l->changed = ARENA_ARRAY(r->arena, JinjaValue, 1);
    *l->changed = now;
    return ST_OK;
}

Status jinja_method(JinjaRender *r, JinjaValue self, JinjaText name, const JinjaArgs *args,
                    JinjaValue *out) {
    switch (self.kind) {
    case JINJA_STRING: return text_method(r, self.text, name, args, out);
    case JINJA_DICT: return dict_method(r, self.dict, name, args, out);
    case JINJA_LOOP: return loop_method(r, self.loop, name, args, out);
    default: return list_method(r, self.list, name, args, out);
    }
}

// ---- functions -------------------------------------------------------------------------------
typedef enum Function { F_NAMESPACE, F_RANGE, F_DICT, F_RAISE, F_STRFTIME, N_FUNCTIONS } Function;

bool jinja_function(JinjaText name, JinjaValue *out) {
    static const char *const known[N_FUNCTIONS] = {"namespace", "range", "dict", "raise_exception",
                                                   "strftime_now"};
    for (int i = 0; i < N_FUNCTIONS; i++)
        if (jinja_is(name, known[i])) {
            *out = (JinjaValue){.kind = JINJA_FUNCTION, .integer = i};
            return true;
        }
    return false;
}

static Status range(JinjaRender *r, const JinjaArgs *args, JinjaValue *out) {
    int64_t v[3] = {0, 0, 1};
    if (args->n < 1 || args->n > 3) return jinja_fail(r, "range needs one to three integers");
    for (int i = 0; i < args->n; i++) {
        if (args->value[i].kind != JINJA_INT) return jinja_fail(r, "range needs integers");
        v[args->n == 1 ? 1 : i] = args->value[i].integer;
    }
    if (v[2] == 0) return jinja_fail(r, "range: a step of 0");
    *out = jinja_list(JINJA_LIST, r->arena);
    for (int64_t i = v[0]; v[2] > 0 ? i < v[1] : i > v[1];) {
        TRY(jinja_spend(r, JINJA_STEP));
        jinja_push(out->list, jinja_int(i), r->arena);
        if (__builtin_add_overflow(i, v[2], &i)) break;
    }
    return ST_OK;
}

static Status filled(JinjaRender *r, JinjaKind kind, const JinjaArgs *args, JinjaValue *out) {
    *out = jinja_dict(kind, r->arena);
    JinjaValue from = jinja_arg(args, 0, NULL, jinja_none());
    for (int i = 0; from.kind == JINJA_DICT && i < from.dict->n; i++)
        jinja_put(out->dict, from.dict->entry[i].key, from.dict->entry[i].value, r->arena);
    for (int i = 0; i < args->n_keywords; i++)
        jinja_put(out->dict, jinja_string(args->keyword[i]->text.data, args->keyword[i]->text.size),
                  args->keyword_value[i], r->arena);
    if (jinja_depth(*out) > JINJA_DEPTH)
        return jinja_fail(r, "a value holds values deeper than %d", JINJA_DEPTH);
    return ST_OK;
}

static Status now(JinjaRender *r, const JinjaArgs *args, JinjaValue *out) {
    JinjaText format = text_arg(args, 0, "format");
    char how[128] = "", text[256];
    time_t t = time(NULL);
    struct tm local;
    if (!format.data || format.size >= sizeof how)
        return jinja_fail(r, "strftime_now needs a short string");
    memcpy(how, format.data, format.size);
    how[format.size] = 0;
    size_t n = localtime_r(&t, &local) ? strftime(text, sizeof text, how, &local) : 0;
    Str copy = {0};
    str_add(&copy, text, n);
    return jinja_made(r, &copy, out);
}

Status jinja_call_function(JinjaRender *r, int64_t number, const JinjaArgs *args, JinjaValue *out) {
    switch ((Function)number) {
    case F_NAMESPACE: return filled(r, JINJA_NAMESPACE, args, out);
    case F_DICT: return filled(r, JINJA_DICT, args, out);
    case F_RANGE: return range(r, args, out);
    case F_STRFTIME: return now(r, args, out);
    default: break;
    }
    Str why = {0};
    jinja_str(jinja_arg(args, 0, "message", jinja_none()), &why);
    Status st = jinja_fail(r, "the template refuses: %s", str_text(&why));
    str_free(&why);
    return st;
}

static bool in_set(const JinjaText *set, const char *c, size_t n) {
    for (size_t i = 0; i + n <= set->size;) {
        size_t size = jinja_byte_of((JinjaText){set->data + i, set->size - i}, 1);
        if (size == n && memcmp(set->data + i, c, n) == 0) return true;
        i += size;
    }
    return false;
}

static bool goes(const JinjaText *set, const char *c, size_t n) {
    if (set) return in_set(set, c, n);
    utf8proc_int32_t code;
    if (utf8proc_iterate((const utf8proc_uint8_t *)c, (utf8proc_ssize_t)n, &code) <= 0)
        return false;
    if (code < 128) return is_blank((char)code) || (code >= 0x1C && code <= 0x1F);
    utf8proc_category_t k = utf8proc_category(code);
    return code == 0x85 || (k >= UTF8PROC_CATEGORY_ZS && k <= UTF8PROC_CATEGORY_ZP);
}

JinjaText jinja_trim(JinjaText t, const JinjaText *set, bool left, bool right) {
    while (left && t.size) {
        size_t n = jinja_byte_of(t, 1);
        if (!goes(set, t.data, n)) break;
        t.data += n, t.size -= n;
    }
    while (right && t.size) {
        size_t n = 1;
        while (n < t.size && ((unsigned char)t.data[t.size - n] & 0xC0) == 0x80) n++;
        if (!goes(set, t.data + t.size - n, n)) break;
        t.size -= n;
    }
    return t;
}
