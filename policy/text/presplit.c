// policy/text/presplit.c -- steps over pieces; each step reads one list and writes the next.
#include "policy/text/presplit.h"

#include <stdlib.h>
#include <string.h>

#include "policy/text/knownsplit.h"
#include "policy/text/splitstep.h"

struct Presplit {
    SplitStep *step;
    int n_steps;
    bool byte_level;
    KnownSplit known;
};

// ---- reading the file ------------------------------------------------------------------------
static SplitStep *new_step(Presplit *ps, SplitStep step) {
    ps->step = (SplitStep *)realloc(ps->step, (size_t)(ps->n_steps + 1) * sizeof *ps->step);
    CHECK(ps->step != NULL);
    ps->step[ps->n_steps] = step;
    return &ps->step[ps->n_steps++];
}

static Status read_behavior(const JsonDoc *doc, const Json *node, const char *type,
                            SplitBehavior *out) {
    static const char *const names[] = {"Isolated", "Removed", "Contiguous", "MergedWithPrevious",
                                        "MergedWithNext"};
    const char *behavior = json_text(json_get(node, "behavior"), "");
    size_t b = 0;
    while (b < 5 && strcmp(names[b], behavior) != 0) b++;
    if (b == 5)
        return FAIL(ST_UNSUPPORTED, "%s:%d: pre_tokenizer: %s behavior '%s' is not known",
                    json_name(doc), json_line(doc, node), type, behavior);
    *out = (SplitBehavior)b;
    return ST_OK;
}

static Status add_regex(Presplit *ps, const JsonDoc *doc, const Json *node, const char *regex,
                        size_t size, bool literal, SplitStep step) {
    TRY(splitstep_regex(json_name(doc), json_line(doc, node), regex, size, literal, &step));
    new_step(ps, step);
    return ST_OK;
}

static Status read_split(Presplit *ps, const JsonDoc *doc, const Json *node) {
    const Json *pattern = json_get(node, "pattern");
    const Json *regex = json_get(pattern, "Regex"), *string = json_get(pattern, "String");
    const Json *text = regex ? regex : string;
    SplitStep step = {.invert = json_bool(json_get(node, "invert"), false)};
    TRY(read_behavior(doc, node, "Split", &step.behavior));
    if (!text || json_kind(text) != JSON_STRING)
        return FAIL(ST_FORMAT, "%s:%d: pre_tokenizer: Split needs a pattern, Regex or String",
                    json_name(doc), json_line(doc, node));
    if (json_text_size(text) == 0) return ST_OK; // an empty pattern cuts nothing
    return add_regex(ps, doc, node, json_text(text, ""), json_text_size(text), text == string,
                     step);
}

static Status read_metaspace(Presplit *ps, const JsonDoc *doc, const Json *node) {
    const Json *scheme = json_get(node, "prepend_scheme");
    const char *name =
        json_text(scheme, json_bool(json_get(node, "add_prefix_space"), true) ? "always" : "never");
    const char *mark = json_text(json_get(node, "replacement"), "\xE2\x96\x81");
    SplitStep step = {.kind = SPLIT_METASPACE, .behavior = SPLIT_WITH_NEXT};
    if (strcmp(name, "always") == 0)
        step.prefix = SPLIT_PREFIX_ALWAYS;
    else if (strcmp(name, "first") == 0)
        step.prefix = SPLIT_PREFIX_FIRST;
    else if (strcmp(name, "never") != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: pre_tokenizer: prepend_scheme '%s' is not known",
                    json_name(doc), json_line(doc, node), name);
    if (!mark[0] || strlen(mark) >= sizeof step.mark)
        return FAIL(ST_FORMAT, "%s:%d: pre_tokenizer: Metaspace replacement must be a character",
                    json_name(doc), json_line(doc, node));
    strcpy(step.mark, mark);
    new_step(ps, step);
    if (!json_bool(json_get(node, "split"), true)) return ST_OK;
    return add_regex(ps, doc, node, mark, strlen(mark), true,
                     (SplitStep){.behavior = SPLIT_WITH_NEXT});
}

static Status read_byte_level(Presplit *ps, const JsonDoc *doc, const Json *node) {
    ps->byte_level = true;
    if (json_bool(json_get(node, "add_prefix_space"), true))
        new_step(ps, (SplitStep){.kind = SPLIT_PREFIX, .mark = " "});
    if (!json_bool(json_get(node, "use_regex"), true)) return ST_OK;
    return add_regex(ps, doc, node, known_regex_gpt2, strlen(known_regex_gpt2), false,
                     (SplitStep){.behavior = SPLIT_ISOLATED});
}

static Status read_node(Presplit *ps, const JsonDoc *doc, const Json *node) {
    const char *type = json_text(json_get(node, "type"), "");
    int line = json_line(doc, node);
    if (strcmp(type, "Sequence") == 0) {
        const Json *list = json_get(node, "pretokenizers");
        for (const Json *n = list ? json_first(list) : NULL; n; n = json_next(n))
            TRY(read_node(ps, doc, n));
        return ST_OK;
    }
    if (ps->byte_level)
        return FAIL(ST_UNSUPPORTED, "%s:%d: pre_tokenizer: %s after ByteLevel is not built",
                    json_name(doc), line, type);
    if (strcmp(type, "Split") == 0) return read_split(ps, doc, node);
    if (strcmp(type, "ByteLevel") == 0) return read_byte_level(ps, doc, node);
    if (strcmp(type, "Metaspace") == 0) return read_metaspace(ps, doc, node);
    SplitStep step = {.behavior = SPLIT_REMOVED};
    if (strcmp(type, "Digits") == 0) {
        step.kind = SPLIT_NUMERIC;
        step.behavior = json_bool(json_get(node, "individual_digits"), false) ? SPLIT_ISOLATED
                                                                              : SPLIT_CONTIGUOUS;
    } else if (strcmp(type, "Punctuation") == 0) {
        step.kind = SPLIT_PUNCTUATION;
        step.behavior = SPLIT_ISOLATED;
        if (json_get(node, "behavior")) TRY(read_behavior(doc, node, type, &step.behavior));
    } else if (strcmp(type, "Whitespace") == 0) {
        step.kind = SPLIT_WORDS;
        step.invert = true;
    } else if (strcmp(type, "WhitespaceSplit") == 0) {
        step.kind = SPLIT_SPACE;
    } else if (strcmp(type, "CharDelimiterSplit") == 0) {
        const Json *mark = json_get(node, "delimiter");
        if (json_text_size(mark) == 0)
            return FAIL(ST_FORMAT, "%s:%d: pre_tokenizer: CharDelimiterSplit needs a delimiter",
                        json_name(doc), line);
        return add_regex(ps, doc, node, json_text(mark, ""), json_text_size(mark), true, step);
    } else {
        return FAIL(ST_UNSUPPORTED, "%s:%d: pre_tokenizer '%s' is not built", json_name(doc), line,
                    type);
    }
    new_step(ps, step);
    return ST_OK;
}

// Does the step cut by this regex and keep all? Where a regex matches every character, removing
// what does not match is the same.
static bool is_regex(const SplitStep *s, const char *regex, bool covers) {
    if (s->kind != SPLIT_REGEX || strcmp(s->source, regex) != 0) return false;
    return (s->behavior == SPLIT_ISOLATED && !s->invert) ||
           (covers && ((s->behavior == SPLIT_REMOVED && s->invert) ||
                       (s->behavior == SPLIT_ISOLATED && s->invert)));
}

static KnownSplit recognise(const Presplit *ps) {
    const SplitStep *s = ps->step;
    bool digits = ps->n_steps == 2 && s[0].kind == SPLIT_NUMERIC && s[0].behavior == SPLIT_ISOLATED;
    if (digits && is_regex(&s[1], known_regex_gpt2, true)) return KNOWN_SMOLLM;
    if (ps->n_steps == 1 && is_regex(&s[0], known_regex_gpt2, true)) return KNOWN_GPT2;
    if (ps->n_steps == 1 && is_regex(&s[0], known_regex_qwen, true)) return KNOWN_QWEN;
    if (ps->n_steps == 1 && is_regex(&s[0], known_regex_llama3, true)) return KNOWN_LLAMA3;
    if (ps->n_steps == 3 && is_regex(&s[0], known_regex_digits, false) &&
        is_regex(&s[1], known_regex_cjk, false) && is_regex(&s[2], known_regex_deepseek, false))
        return KNOWN_DEEPSEEK;
    return KNOWN_NONE;
}

Status presplit_parse(const JsonDoc *doc, const Json *node, Presplit **out) {
    Presplit *ps = (Presplit *)calloc(1, sizeof *ps);
    CHECK(ps != NULL);
    *out = NULL;
    Status st = ST_OK;
    if (node && json_kind(node) != JSON_NULL) st = read_node(ps, doc, node);
    if (st != ST_OK) {
        presplit_free(ps);
        return st;
    }
    ps->known = recognise(ps);
    *out = ps;
    return ST_OK;
}

void presplit_free(Presplit *presplit) {
    if (!presplit) return;
    for (int i = 0; i < presplit->n_steps; i++) splitstep_close(&presplit->step[i]);
    free(presplit->step);
    free(presplit);
}

bool presplit_byte_level(const Presplit *presplit) {
    return presplit->byte_level;
}

void presplit_by_regex(Presplit *presplit) {
    presplit->known = KNOWN_NONE;
}

void presplit_run(const Presplit *presplit, const char *text, size_t size, bool first,
                  Pieces *out) {
    out->text = text;
    out->n = 0;
    if (size == 0) return;
    if (presplit->known != KNOWN_NONE) {
        knownsplit_run(presplit->known, text, 0, size, out);
        return;
    }
    pieces_add(out, 0, size);
    for (int i = 0; i < presplit->n_steps; i++) {
        TextPiece *piece = out->piece;
        size_t n = out->n, cap = out->cap;
        out->piece = out->spare, out->cap = out->spare_cap;
        out->spare = piece, out->spare_cap = cap;
        out->n = 0;
        splitstep_run(&presplit->step[i], piece, n, first, out);
    }
}
