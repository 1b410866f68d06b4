// verifiers/ifeval/ifeval.c -- the instructions of a task, one by one, strictly and loosely.
#include "verifiers/ifeval/ifeval.h"

#include <stdio.h>
#include <string.h>

#include "verifiers/boxed.h"
#include "verifiers/ifeval/glyph.h"
#include "verifiers/ifeval/rule.h"

// ---- arguments

Slice rule_text(const Json *kwargs, const char *name, bool strip) {
    const Json *value = json_get(kwargs, name);
    Slice s = {json_text(value, ""), json_text_size(value)};
    return strip ? glyph_strip(s) : s;
}

const char *rule_refuses_text(const Json *kwargs, const char *name) {
    const Json *value = json_get(kwargs, name);
    return value && json_kind(value) == JSON_STRING && json_text_size(value)
               ? NULL
               : "an instruction lacks a text argument";
}

const char *rule_refuses_count(const Json *kwargs, const char *name) {
    return json_int(json_get(kwargs, name), -1) >= 0 ? NULL
                                                     : "an instruction lacks a count argument";
}

bool rule_compare(const Json *kwargs, const char *relation, const char *limit, long n) {
    bool less = strcmp(json_text(json_get(kwargs, relation), ""), "less than") == 0;
    long bound = (long)json_int(json_get(kwargs, limit), 0);
    return less ? n < bound : n >= bound;
}

const char *rule_refuses_compare(const Json *kwargs, const char *relation, const char *limit) {
    const char *r = json_text(json_get(kwargs, relation), "");
    if (strcmp(r, "less than") != 0 && strcmp(r, "at least") != 0)
        return "a relation is neither \"at least\" nor \"less than\"";
    return rule_refuses_count(kwargs, limit);
}

// ---- instructions

typedef struct AskedInstruction {
    const Rule *rule[IFEVAL_MAX_INSTRUCTIONS];
    const Json *kwargs[IFEVAL_MAX_INSTRUCTIONS]; // NULL: none
    int n;
} AskedInstruction;

static const Rule *find(const char *id) {
    const Rule *const table[] = {rules_length, rules_keyword, rules_form};
    for (size_t t = 0; t < sizeof table / sizeof *table; t++)
        for (const Rule *r = table[t]; r->id; r++)
            if (strcmp(r->id, id) == 0) return r;
    return NULL;
}

static const char *read_task(const JudgeInput *in, AskedInstruction *out) {
    const Json *ids = json_get(in->task, "instruction_id_list"), *kwargs;
    *out = (AskedInstruction){0};
    if (!ids || json_kind(ids) != JSON_ARRAY || !json_first(ids)) return "no instruction_id_list";
    kwargs = json_get(in->task, "kwargs");
    if (kwargs && json_kind(kwargs) != JSON_ARRAY) return "kwargs is not a list";
    const Json *k = json_first(kwargs);
    for (const Json *id = json_first(ids); id; id = json_next(id)) {
        if (out->n == IFEVAL_MAX_INSTRUCTIONS) return "more than 32 instructions";
        const Rule *rule = find(json_text(id, ""));
        if (!rule) return "an instruction that IFEval does not have";
        const char *why = rule->refuses ? rule->refuses(k) : NULL;
        if (why) return why;
        out->rule[out->n] = rule;
        out->kwargs[out->n++] = k;
        k = k ? json_next(k) : NULL;
    }
    if (in->template_ && strcmp(in->template_, "strict") != 0 &&
        strcmp(in->template_, "loose") != 0 && strcmp(in->template_, "share") != 0)
        return "no such template; strict, loose or share";
    return NULL;
}

const char *ifeval_refuses(const JudgeInput *in) {
    AskedInstruction asked;
    return read_task(in, &asked);
}

// ---- the looser versions of an answer

enum { N_VERSIONS = 8 };

static void without_asterisks(Slice s, Str *out) {
    str_clear(out);
    for (const char *p = s.data, *end = p + s.size; p < end;) {
        const char *star = memchr(p, '*', (size_t)(end - p)), *stop = star ? star : end;
        str_add(out, p, (size_t)(stop - p));
        p = stop + (star != NULL);
    }
}

// Version 0 is the answer itself; 1-3 lose lines; 4-7 are 0-3 without asterisks, kept in `bare`.
static void versions(Slice text, Slice out[N_VERSIONS], Str bare[4]) {
    const char *end = text.data + text.size;
    const char *first = memchr(text.data, '\n', text.size),
               *last = memrchr(text.data, '\n', text.size);
    const char *begin = first ? first + 1 : end, *stop = last ? last : text.data;
    out[0] = text;
    out[1] = glyph_strip((Slice){begin, (size_t)(end - begin)});
    out[2] = glyph_strip((Slice){text.data, (size_t)(stop - text.data)});
    out[3] = stop > begin ? glyph_strip((Slice){begin, (size_t)(stop - begin)}) : (Slice){end, 0};
    for (int i = 0; i < 4; i++) {
        without_asterisks(out[i], &bare[i]);
        out[4 + i] = (Slice){str_text(&bare[i]), bare[i].size};
    }
}

static bool follows(const AskedInstruction *asked, int i, Slice text) {
    return !glyph_is_blank(text) && asked->rule[i]->followed(text, asked->kwargs[i]);
}

typedef struct Outcome {
    bool strict[IFEVAL_MAX_INSTRUCTIONS], loose[IFEVAL_MAX_INSTRUCTIONS];
    int n_strict, n_loose;
} Outcome;

static void look(const AskedInstruction *asked, Slice text, bool loosely, Outcome *out) {
    *out = (Outcome){0};
    for (int i = 0; i < asked->n; i++) out->n_strict += out->strict[i] = follows(asked, i, text);
    if (!loosely) return;
    Str bare[4] = {{0}};
    Slice version[N_VERSIONS];
    versions(text, version, bare);
    for (int i = 0; i < asked->n; i++) {
        out->loose[i] = out->strict[i];
        for (int v = 1; v < N_VERSIONS && !out->loose[i]; v++)
            out->loose[i] = follows(asked, i, version[v]);
        out->n_loose += out->loose[i];
    }
    for (int i = 0; i < 4; i++) str_free(&bare[i]);
}

static void put(const AskedInstruction *asked, const Outcome *o, Str *out) {
    str_printf(out, ",\"strict\":%s,\"loose\":%s,\"instructions\":[",
               o->n_strict == asked->n ? "true" : "false",
               o->n_loose == asked->n ? "true" : "false");
    for (int i = 0; i < asked->n; i++)
        str_printf(out, "%s{\"id\":\"%s\",\"strict\":%s,\"loose\":%s}", i ? "," : "",
                   asked->rule[i]->id, o->strict[i] ? "true" : "false",
                   o->loose[i] ? "true" : "false");
    str_putc(out, ']');
}

Judgement ifeval_judge(const JudgeInput *in) {
    AskedInstruction asked;
    const char *why = read_task(in, &asked);
    if (why) return (Judgement){.verdict = VERDICT_ERROR, .reason = why};
    Slice text = in->text ? boxed_after_think(in->text, in->size, in->prefilled) : (Slice){"", 0};
    bool unclosed = !text.data, large = text.size > IFEVAL_MAX_BYTES;
    if (unclosed || large) text = (Slice){"", 0};
    // Behind a thought the answer begins with its first line, not with the blanks before it.
    if (text.data != in->text) text = glyph_strip(text);
    bool loosely = in->more || in->explain || (in->template_ && !strcmp(in->template_, "loose"));
    Outcome o;
    look(&asked, text, loosely, &o);
    bool loose = in->template_ && strcmp(in->template_, "loose") == 0;
    bool share = in->template_ && strcmp(in->template_, "share") == 0;
    const bool *followed = loose ? o.loose : o.strict;
    int n = loose ? o.n_loose : o.n_strict;
    Judgement j = {.verdict = n == asked.n ? VERDICT_RIGHT : VERDICT_WRONG,
                   .score = share ? (double)n / asked.n : n == asked.n,
                   .reason = unclosed       ? "thought not closed"
                             : large        ? "longer than 128 KiB"
                             : n == asked.n ? "every instruction followed"
                                            : "not followed"};
    for (int i = 0, at = 0; i < asked.n && at < (int)sizeof j.note - 1; i++)
        if (!followed[i])
            at += snprintf(j.note + at, sizeof j.note - (size_t)at, "%s%s", at ? ", " : "",
                           asked.rule[i]->id);
    if (in->more) put(&asked, &o, in->more);
    for (int i = 0; in->explain && i < asked.n; i++)
        str_printf(in->explain, "%-45s strict %-3s loose %s\n", asked.rule[i]->id,
                   o.strict[i] ? "yes" : "no", o.loose[i] ? "yes" : "no");
    return j;
}
