// policy/io/presplit.c -- steps over pieces; each step reads one list and writes the next.
#include "policy/io/presplit.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

static const char gpt2_regex[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

typedef enum Behavior { ISOLATED, REMOVED, CONTIGUOUS, WITH_PREVIOUS, WITH_NEXT } Behavior;

typedef struct Step {
    pcre2_code *code; // NULL: add_prefix_space
    Behavior behavior;
    bool invert;
} Step;

struct Presplit {
    Step *step;
    int n_steps;
    bool byte_level;
    pcre2_match_context *limits;
};

// ---- lists of pieces -------------------------------------------------------------------------
static void add_piece(Pieces *p, size_t begin, size_t end, bool bytes) {
    if (begin == end) return;
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->piece = (Piece *)realloc(p->piece, p->cap * sizeof *p->piece);
        CHECK(p->piece != NULL);
    }
    p->piece[p->n++] = (Piece){begin, end, bytes};
}

void pieces_free(Pieces *pieces) {
    str_free(&pieces->text);
    free(pieces->piece);
    *pieces = (Pieces){0};
}

// ---- reading the file ------------------------------------------------------------------------
static Step *new_step(Presplit *ps) {
    ps->step = (Step *)realloc(ps->step, (size_t)(ps->n_steps + 1) * sizeof *ps->step);
    CHECK(ps->step != NULL);
    ps->step[ps->n_steps] = (Step){0};
    return &ps->step[ps->n_steps++];
}

// \s and \S as properties; everything else is taken as it stands.
static void translate(const char *regex, size_t size, Str *out) {
    for (size_t i = 0; i < size; i++) {
        if (regex[i] != '\\' || i + 1 == size) {
            str_putc(out, regex[i]);
        } else if (regex[++i] == 's' || regex[i] == 'S') {
            str_puts(out, regex[i] == 's' ? "\\p{White_Space}" : "\\P{White_Space}");
        } else {
            str_putc(out, '\\');
            str_putc(out, regex[i]);
        }
    }
}

static Status add_regex(Presplit *ps, const char *name, int line, const char *regex, size_t size,
                        bool literal, Behavior behavior, bool invert) {
    Str pattern = {0};
    if (literal)
        str_add(&pattern, regex, size);
    else
        translate(regex, size, &pattern);
    int error;
    PCRE2_SIZE at;
    uint32_t options =
        literal ? PCRE2_UTF | PCRE2_LITERAL : PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)str_text(&pattern), pattern.size, options, &error, &at, NULL);
    str_free(&pattern);
    if (!code) {
        PCRE2_UCHAR message[128];
        pcre2_get_error_message(error, message, sizeof message);
        return FAIL(ST_FORMAT, "%s:%d: pre_tokenizer: regex does not compile: %s", name, line,
                    (const char *)message);
    }
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); // no JIT on this machine: interpreted
    *new_step(ps) = (Step){code, behavior, invert};
    return ST_OK;
}

static Status read_split(Presplit *ps, const JsonDoc *doc, const Json *node) {
    static const char *const names[] = {"Isolated", "Removed", "Contiguous", "MergedWithPrevious",
                                        "MergedWithNext"};
    const char *file = json_name(doc), *behavior = json_text(json_get(node, "behavior"), "");
    const Json *pattern = json_get(node, "pattern");
    const Json *regex = json_get(pattern, "Regex"), *string = json_get(pattern, "String");
    const Json *text = regex ? regex : string;
    int line = json_line(doc, node);

    size_t b = 0;
    while (b < 5 && strcmp(names[b], behavior) != 0) b++;
    if (b == 5)
        return FAIL(ST_UNSUPPORTED, "%s:%d: pre_tokenizer: Split behavior '%s' is not known", file,
                    line, behavior);
    if (!text || json_kind(text) != JSON_STRING)
        return FAIL(ST_FORMAT, "%s:%d: pre_tokenizer: Split needs a pattern, Regex or String", file,
                    line);
    if (json_text_size(text) == 0) return ST_OK; // an empty pattern cuts nothing
    return add_regex(ps, file, line, json_text(text, ""), json_text_size(text), text == string,
                     (Behavior)b, json_bool(json_get(node, "invert"), false));
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
    if (strcmp(type, "Digits") == 0)
        return add_regex(
            ps, json_name(doc), line, "\\p{N}", 5, false,
            json_bool(json_get(node, "individual_digits"), false) ? ISOLATED : CONTIGUOUS, false);
    if (strcmp(type, "ByteLevel") == 0) {
        ps->byte_level = true;
        if (json_bool(json_get(node, "add_prefix_space"), true)) new_step(ps);
        if (json_bool(json_get(node, "use_regex"), true))
            return add_regex(ps, json_name(doc), line, gpt2_regex, sizeof gpt2_regex - 1, false,
                             ISOLATED, false);
        return ST_OK;
    }
    return FAIL(ST_UNSUPPORTED, "%s:%d: pre_tokenizer '%s' is not built", json_name(doc), line,
                type);
}

Status presplit_parse(const JsonDoc *doc, const Json *node, Presplit **out) {
    Presplit *ps = (Presplit *)calloc(1, sizeof *ps);
    CHECK(ps != NULL);
    *out = NULL;
    Status st = ST_OK;
    if (node && json_kind(node) != JSON_NULL) st = read_node(ps, doc, node);
    if (st == ST_OK && !ps->byte_level)
        st =
            FAIL(ST_UNSUPPORTED, "%s: pre_tokenizer has no ByteLevel; only byte-level BPE is built",
                 json_name(doc));
    if (st != ST_OK) {
        presplit_free(ps);
        return st;
    }
    ps->limits = pcre2_match_context_create(NULL);
    CHECK(ps->limits != NULL);
    pcre2_set_match_limit(ps->limits, PRESPLIT_MATCH_LIMIT);
    pcre2_set_depth_limit(ps->limits, PRESPLIT_MATCH_LIMIT);
    pcre2_set_heap_limit(ps->limits, 256 * 1024); // KiB
    *out = ps;
    return ST_OK;
}

void presplit_free(Presplit *presplit) {
    if (!presplit) return;
    for (int i = 0; i < presplit->n_steps; i++) pcre2_code_free(presplit->step[i].code);
    pcre2_match_context_free(presplit->limits);
    free(presplit->step);
    free(presplit);
}

// ---- running ---------------------------------------------------------------------------------
// What one step makes of one piece: matches and gaps arrive in order, pieces leave.
typedef struct Cutter {
    const Step *step;
    Pieces *out;
    size_t first; // out->n when the piece began
    bool previous;
    bool pending; // WITH_NEXT: a match that waits for the gap after it
    size_t pending_begin, pending_end;
} Cutter;

static void flush_pending(Cutter *c) {
    if (c->pending) add_piece(c->out, c->pending_begin, c->pending_end, false);
    c->pending = false;
}

static void cut(Cutter *c, size_t begin, size_t end, bool match) {
    Pieces *out = c->out;
    match ^= c->step->invert;
    bool extend = false;
    switch (c->step->behavior) {
    case ISOLATED: break;
    case REMOVED:
        if (match) begin = end;
        break;
    case CONTIGUOUS: extend = match == c->previous; break;
    case WITH_PREVIOUS: extend = match && !c->previous; break;
    case WITH_NEXT:
        if (!match && c->pending) {
            begin = c->pending_begin;
            c->pending = false;
        }
        flush_pending(c);
        if (match) {
            c->pending = true;
            c->pending_begin = begin;
            c->pending_end = end;
            begin = end;
        }
        break;
    }
    c->previous = match;
    if (extend && out->n > c->first)
        out->piece[out->n - 1].end = end;
    else
        add_piece(out, begin, end, false);
}

static size_t char_size(const char *text, size_t at, size_t size) {
    size_t n = 1;
    while (at + n < size && ((unsigned char)text[at + n] & 0xC0) == 0x80) n++;
    return n;
}

// False: a limit was hit; *done is then how far the cutting came.
static bool cut_matches(const Presplit *ps, Cutter *c, pcre2_match_data *data, const char *text,
                        Piece piece, size_t *done) {
    PCRE2_SPTR subject = (PCRE2_SPTR)text + piece.begin;
    size_t size = piece.end - piece.begin, prev = 0, at = 0, last_end = SIZE_MAX;
    const size_t *span = pcre2_get_ovector_pointer(data);
    while (at <= size) {
        uint32_t options = PCRE2_NO_UTF_CHECK;
        int rc = pcre2_match(c->step->code, subject, size, at, options, data, ps->limits);
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
            rc = pcre2_match(c->step->code, subject, size, at, options | PCRE2_NO_JIT, data,
                             ps->limits);
        if (rc == PCRE2_ERROR_NOMATCH) break;
        if (rc < 0 || span[0] < prev || span[1] < span[0]) {
            flush_pending(c);
            *done = piece.begin + prev;
            return false;
        }
        if (span[0] == span[1] && span[1] == last_end) { // an empty match right after a match
            at += at < size ? char_size((const char *)subject, at, size) : 1;
            continue;
        }
        if (prev != span[0]) cut(c, piece.begin + prev, piece.begin + span[0], false);
        cut(c, piece.begin + span[0], piece.begin + span[1], true);
        prev = at = last_end = span[1];
    }
    if (prev != size) cut(c, piece.begin + prev, piece.end, false);
    flush_pending(c);
    return true;
}

static void run_regex(const Presplit *ps, const Step *step, Pieces *in, Pieces *out) {
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    CHECK(data != NULL);
    out->n = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (in->piece[i].bytes) {
            add_piece(out, in->piece[i].begin, in->piece[i].end, true);
            continue;
        }
        Cutter cutter = {.step = step, .out = out, .first = out->n};
        size_t done = 0;
        if (cut_matches(ps, &cutter, data, str_text(&in->text), in->piece[i], &done)) continue;
        add_piece(out, done, in->piece[i].end, true);
        for (i++; i < in->n; i++) add_piece(out, in->piece[i].begin, in->piece[i].end, true);
    }
    pcre2_match_data_free(data);
}

static void run_prefix(Pieces *in, Pieces *out) {
    Str text = {0};
    out->n = 0;
    for (size_t i = 0; i < in->n; i++) {
        Piece p = in->piece[i];
        size_t begin = text.size;
        if (!p.bytes && in->text.data[p.begin] != ' ') str_putc(&text, ' ');
        str_add(&text, in->text.data + p.begin, p.end - p.begin);
        add_piece(out, begin, text.size, p.bytes);
    }
    str_free(&in->text);
    in->text = text;
}

void presplit_run(const Presplit *presplit, const char *text, size_t size, Pieces *out) {
    Pieces next = {0};
    str_clear(&out->text);
    str_add(&out->text, text, size);
    out->n = 0;
    add_piece(out, 0, size, false);
    for (int i = 0; i < presplit->n_steps; i++) {
        const Step *step = &presplit->step[i];
        if (step->code)
            run_regex(presplit, step, out, &next);
        else
            run_prefix(out, &next);
        Piece *piece = out->piece;
        size_t cap = out->cap;
        out->piece = next.piece, out->n = next.n, out->cap = next.cap;
        next.piece = piece, next.cap = cap;
    }
    pieces_free(&next);
}
