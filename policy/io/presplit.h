// policy/io/presplit.h -- cuts text into the pieces that BPE may merge within.
//
// Floor 2 (policy/io). The pre_tokenizer of a Hugging Face tokenizer.json as a list of steps, each
// applied to every piece that the step before left: Split (Regex or String; Removed, Isolated,
// MergedWithPrevious, MergedWithNext, Contiguous; invert), Digits, ByteLevel (its GPT-2 regex and
// add_prefix_space), Sequence. Regexes run on PCRE2 with UTF and UCP; \s is Unicode's White_Space,
// as in Hugging Face's engines (PCRE2's own \s also takes U+180E).
//
// Hostile text must not hang: a match that needs more than PRESPLIT_MATCH_LIMIT steps ends the
// cutting; from there on every byte of the text is a piece. ST_FORMAT names what is wrong in the
// file, ST_UNSUPPORTED the component that is not built.
#ifndef POLICY_IO_PRESPLIT_H
#define POLICY_IO_PRESPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PRESPLIT_MATCH_LIMIT = 10 * 1000 * 1000 };

typedef struct Presplit Presplit;

typedef struct Piece {
    size_t begin, end; // bytes of Pieces.text
    bool bytes;        // every byte stands alone; nothing merges
} Piece;

// Zeroed = empty; reused from text to text by one thread.
typedef struct Pieces {
    Str text; // what the pieces point into (add_prefix_space adds to the text)
    Piece *piece;
    size_t n, cap;
} Pieces;
void pieces_free(Pieces *pieces);

// Reads the node "pre_tokenizer". The caller owns *out. Afterwards it is read-only and serves all
// threads. A tokenizer without a ByteLevel step is refused.
MUST_USE Status presplit_parse(const JsonDoc *doc, const Json *node, Presplit **out);
void presplit_free(Presplit *presplit); // NULL is fine

// Replaces the contents of *out by the pieces of a valid UTF-8 text, in order, none empty.
void presplit_run(const Presplit *presplit, const char *text, size_t size, Pieces *out);

#ifdef __cplusplus
}
#endif
#endif
