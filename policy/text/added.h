// policy/text/added.h -- added tokens (<think>, <eos>): found before anything else cuts.
//
// Layer 2 (policy/text). Leftmost match first, the longest among those that begin together, as in
// Hugging Face's added vocabulary. Read-only once made. No error leaves this file.
#ifndef POLICY_FILES_ADDED_H
#define POLICY_FILES_ADDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct AddedToken {
    const char *content; // not empty; valid UTF-8
    size_t size;
    int32_t id;
    bool special;        // left out by a decoder that skips specials
    bool single_word;    // only between characters that are no word characters
    bool lstrip, rstrip; // takes the white space before, after it
    bool normalized;     // looked for in normalised text
} AddedToken;

typedef struct Added Added;

// Sorts `token` in place and keeps it. *twin: a content that is there twice, or NULL.
Added *added_new(AddedToken *token, size_t n, const char **twin, Arena *arena);
int32_t added_find(const Added *added, const char *content, size_t size); // -1 if none

// Walks a text: zeroed at its start; `done` is where the last token ended.
typedef struct AddedScan {
    size_t at, done;
    size_t begin, end; // the token found, white space it takes included
    int32_t id;
} AddedScan;
// The next token; false when there is none left. specials false: special tokens are plain text.
bool added_next(const Added *added, const char *text, size_t size, bool specials, AddedScan *scan);

#ifdef __cplusplus
}
#endif
#endif
