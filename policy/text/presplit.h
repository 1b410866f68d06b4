// policy/text/presplit.h -- cuts text into the pieces that BPE may merge within.
//
// Layer 2 (policy/text). The pre_tokenizer of a Hugging Face tokenizer.json as a list of steps,
// each applied to every piece that the step before left: Split (Regex or String; Removed, Isolated,
// MergedWithPrevious, MergedWithNext, Contiguous; invert), Digits, Punctuation, Whitespace,
// WhitespaceSplit, CharDelimiterSplit, Metaspace, ByteLevel (its GPT-2 regex and add_prefix_space),
// Sequence. The lists of steps of well-known families are matched by hand (knownsplit.h), other
// regexes by PCRE2 with UTF and UCP, their classes brought to the Unicode of Hugging Face's engine.
//
// Hostile text must not hang: a match that needs more than SPLITSTEP_MATCH_LIMIT steps
// (splitstep.h) ends the cutting; from there on every byte of the text is a piece. ST_FORMAT names
// what is wrong in the file, ST_UNSUPPORTED the component that is not built.
#ifndef POLICY_FILES_PRESPLIT_H
#define POLICY_FILES_PRESPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/status.h"
#include "policy/text/pieces.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Presplit Presplit;

// Reads the node "pre_tokenizer" (NULL or null: no steps). The caller owns *out. Afterwards it is
// read-only and serves all threads.
MUST_USE Status presplit_parse(const JsonDoc *doc, const Json *node, Presplit **out);
void presplit_free(Presplit *presplit); // NULL is fine
// Does the text become bytes in the end, or stay characters?
bool presplit_byte_level(const Presplit *presplit);
// For tests: the regexes themselves instead of what is matched by hand.
void presplit_by_regex(Presplit *presplit);

// Replaces the contents of *out by the pieces of a valid UTF-8 text, in order, none empty.
// `first`: the text is the beginning of what is encoded.
void presplit_run(const Presplit *presplit, const char *text, size_t size, bool first, Pieces *out);

#ifdef __cplusplus
}
#endif
#endif
