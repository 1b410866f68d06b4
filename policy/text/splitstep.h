// policy/text/splitstep.h -- one step of a pre-tokenizer: where it matches, what it does.
//
// Layer 2 (policy/text), private to presplit.c. ST_FORMAT: a regex that does not compile.
#ifndef POLICY_FILES_SPLITSTEP_H
#define POLICY_FILES_SPLITSTEP_H

#include "base/status.h"
#include "policy/text/pieces.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SPLITSTEP_MATCH_LIMIT = 10 * 1000 * 1000 }; // steps of a match of a regex

typedef enum SplitBehavior {
    SPLIT_ISOLATED,
    SPLIT_REMOVED,
    SPLIT_CONTIGUOUS,
    SPLIT_WITH_PREVIOUS,
    SPLIT_WITH_NEXT
} SplitBehavior;

typedef enum SplitKind {
    SPLIT_REGEX,
    SPLIT_NUMERIC,     // each numeric character is a match
    SPLIT_PUNCTUATION, // each punctuation character
    SPLIT_SPACE,       // each white space character
    SPLIT_WORDS,       // \w+|[^\w\s]+
    SPLIT_PREFIX,      // `mark` before every piece that does not begin with it
    SPLIT_METASPACE    // blanks become `mark`; before a piece as `prefix` says
} SplitKind;

typedef enum SplitPrefix {
    SPLIT_PREFIX_NEVER,
    SPLIT_PREFIX_ALWAYS,
    SPLIT_PREFIX_FIRST
} SplitPrefix;

typedef struct SplitStep {
    SplitKind kind;
    SplitBehavior behavior;
    bool invert;
    SplitPrefix prefix;
    char mark[8];
    char *source; // of a regex, \r and \n spelled out; owned
    void *code;   // pcre2_code, owned
    void *limits; // pcre2_match_context, owned
} SplitStep;

// Compiles the regex into *step, whose kind it sets. name:line locate it in messages.
MUST_USE Status splitstep_regex(const char *name, int line, const char *regex, size_t size,
                                bool literal, SplitStep *step);
void splitstep_close(SplitStep *step);

// Appends to *out what the step makes of piece[0..n), which point into out->text; a step that adds
// to the text puts its own there.
void splitstep_run(const SplitStep *step, const TextPiece *piece, size_t n, bool first,
                   Pieces *out);

#ifdef __cplusplus
}
#endif
#endif
