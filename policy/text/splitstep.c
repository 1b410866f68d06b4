// policy/text/splitstep.c -- matches and gaps in order, pieces out.
#include "policy/text/splitstep.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "policy/text/unicode.h"

// ---- regexes ---------------------------------------------------------------------------------
static char *spelled(const char *regex, size_t size) {
    char *out = (char *)malloc(2 * size + 1), *to = out;
    CHECK(out != NULL);
    for (size_t i = 0; i < size; i++) {
        bool line = regex[i] == '\r' || regex[i] == '\n';
        if (line) *to++ = '\\';
        *to++ = regex[i] == '\r' ? 'r' : regex[i] == '\n' ? 'n' : regex[i];
    }
    *to = 0;
    return out;
}

Status splitstep_regex(const char *name, int line, const char *regex, size_t size, bool literal,
                       SplitStep *step) {
    Str pattern = {0};
    if (literal)
        str_add(&pattern, regex, size);
    else
        unicode_regex(regex, size, &pattern);
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
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    CHECK(limits != NULL);
    pcre2_set_match_limit(limits, SPLITSTEP_MATCH_LIMIT);
    pcre2_set_depth_limit(limits, SPLITSTEP_MATCH_LIMIT);
    pcre2_set_heap_limit(limits, 256 * 1024); // KiB
    step->kind = SPLIT_REGEX;
    step->code = code;
    step->limits = limits;
    step->source = spelled(regex, size);
    return ST_OK;
}

void splitstep_close(SplitStep *step) {
    pcre2_code_free((pcre2_code *)step->code);
    pcre2_match_context_free((pcre2_match_context *)step->limits);
    free(step->source);
}

// ---- pieces from matches and gaps ------------------------------------------------------------
typedef struct Cutter {
    const SplitStep *step;
    Pieces *out;
    size_t first; // out->n when the piece began
    bool previous;
    bool pending; // WITH_NEXT: a match that waits for the gap after it
    size_t pending_begin, pending_end;
} Cutter;

static void put(Pieces *out, size_t begin, size_t end) {
    if (end > begin) pieces_add(out, begin, end);
}

static void put_bytes(Pieces *out, size_t begin, size_t end) {
    if (begin == end) return;
    pieces_add(out, begin, end);
    out->piece[out->n - 1].bytes = true;
}

static void flush_pending(Cutter *c) {
    if (c->pending) put(c->out, c->pending_begin, c->pending_end);
    c->pending = false;
}

static void cut(Cutter *c, size_t begin, size_t end, bool match) {
    Pieces *out = c->out;
    match ^= c->step->invert;
    bool extend = false;
    switch (c->step->behavior) {
    case SPLIT_ISOLATED: break;
    case SPLIT_REMOVED:
        if (match) begin = end;
        break;
    case SPLIT_CONTIGUOUS: extend = match == c->previous; break;
    case SPLIT_WITH_PREVIOUS: extend = match && !c->previous; break;
    case SPLIT_WITH_NEXT:
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
        put(out, begin, end);
}

static size_t char_size(const char *text, size_t at, size_t size) {
    size_t n = 1;
    while (at + n < size && ((unsigned char)text[at + n] & 0xC0) == 0x80) n++;
    return n;
}

// False: a limit was hit; *done is then how far the cutting came.
static bool cut_matches(Cutter *c, pcre2_match_data *data, TextPiece piece, size_t *done) {
    const pcre2_code *code = (const pcre2_code *)c->step->code;
    pcre2_match_context *limits = (pcre2_match_context *)c->step->limits;
    PCRE2_SPTR subject = (PCRE2_SPTR)c->out->text + piece.begin;
    size_t size = piece.end - piece.begin, prev = 0, at = 0, last_end = SIZE_MAX;
    const size_t *span = pcre2_get_ovector_pointer(data);
    while (at <= size) {
        uint32_t options = PCRE2_NO_UTF_CHECK;
        int rc = pcre2_match(code, subject, size, at, options, data, limits);
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
            rc = pcre2_match(code, subject, size, at, options | PCRE2_NO_JIT, data, limits);
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

static void run_regex(const SplitStep *step, const TextPiece *piece, size_t n, Pieces *out) {
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    CHECK(data != NULL);
    for (size_t i = 0; i < n; i++) {
        if (piece[i].bytes) {
            put_bytes(out, piece[i].begin, piece[i].end);
            continue;
        }
        Cutter cutter = {.step = step, .out = out, .first = out->n};
        size_t done = 0;
        if (cut_matches(&cutter, data, piece[i], &done)) continue;
        put_bytes(out, done, piece[i].end);
        for (i++; i < n; i++) put_bytes(out, piece[i].begin, piece[i].end);
    }
    pcre2_match_data_free(data);
}

// ---- classes of characters -------------------------------------------------------------------
// What the character is for the step: characters of one sort > 0 make one match where matches run.
static int sort_of(const SplitStep *step, uint8_t class) {
    switch (step->kind) {
    case SPLIT_NUMERIC: return (class & UC_NUMERIC) != 0;
    case SPLIT_PUNCTUATION: return (class & UC_PUNCTS) != 0;
    case SPLIT_SPACE: return (class & UC_KIND) == UC_SPACE;
    default: return class & UC_WORD ? 2 : (class & UC_KIND) == UC_SPACE ? 0 : 3;
    }
}

static void run_class(const SplitStep *step, const TextPiece *piece, size_t n, Pieces *out) {
    const uint8_t *class_of = unicode_classes();
    for (size_t i = 0; i < n; i++) {
        if (piece[i].bytes) {
            put_bytes(out, piece[i].begin, piece[i].end);
            continue;
        }
        Cutter cutter = {.step = step, .out = out, .first = out->n};
        size_t begin = piece[i].begin;
        int open = -1; // the sort of the run that begins at `begin`
        for (size_t at = begin, next; at < piece[i].end; at = next) {
            int32_t c;
            next = unicode_next(out->text, at, &c);
            int sort = sort_of(step, class_of[c]);
            if (open >= 0 && (sort != open || sort == 1)) {
                cut(&cutter, begin, at, open > 0);
                begin = at;
            }
            open = sort;
        }
        if (open >= 0) cut(&cutter, begin, piece[i].end, open > 0);
        flush_pending(&cutter);
    }
}

// ---- steps that change the text --------------------------------------------------------------
static void run_marks(const SplitStep *step, const TextPiece *piece, size_t n, bool first,
                      Pieces *out) {
    Str text = {0};
    size_t mark_size = strlen(step->mark);
    for (size_t i = 0; i < n; i++) {
        TextPiece p = piece[i];
        size_t begin = text.size, size = p.end - p.begin;
        const char *s = out->text + p.begin;
        bool there = size >= mark_size && memcmp(s, step->mark, mark_size) == 0;
        bool meta = step->kind == SPLIT_METASPACE;
        bool wanted = !meta || step->prefix == SPLIT_PREFIX_ALWAYS ||
                      (step->prefix == SPLIT_PREFIX_FIRST && first && i == 0);
        if (meta && s[0] == ' ') there = true; // it will be
        if (wanted && !there && !p.bytes) str_add(&text, step->mark, mark_size);
        for (size_t k = 0; meta && k < size; k++)
            str_add(&text, s[k] == ' ' ? step->mark : s + k, s[k] == ' ' ? mark_size : 1);
        if (!meta) str_add(&text, s, size);
        pieces_add(out, begin, text.size);
        out->piece[out->n - 1].bytes = p.bytes;
    }
    str_free(&out->own);
    out->own = text;
    out->text = str_text(&out->own);
}

void splitstep_run(const SplitStep *step, const TextPiece *piece, size_t n, bool first,
                   Pieces *out) {
    switch (step->kind) {
    case SPLIT_REGEX: run_regex(step, piece, n, out); return;
    case SPLIT_PREFIX:
    case SPLIT_METASPACE: run_marks(step, piece, n, first, out); return;
    default: run_class(step, piece, n, out);
    }
}
