// policy/text/tokenfile.h -- a tokenizer.json, read and checked into what encoding needs.
//
// Layer 2 (policy/text), private to tokenizer.c. ST_FORMAT: the file is not what it claims to be;
// ST_UNSUPPORTED: a component that is not built, by name. Both with file and line.
#ifndef POLICY_FILES_TOKENFILE_H
#define POLICY_FILES_TOKENFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "policy/text/added.h"
#include "policy/text/bpe.h"
#include "policy/text/decoder.h"
#include "policy/text/normal.h"
#include "policy/text/presplit.h"
#include "policy/text/wordcache.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct VocabToken {
    const char *key;   // as the file spells it; NULL: no such id
    const char *bytes; // what it stands for
    size_t key_size, size;
    bool special;
} VocabToken;

typedef struct Tokenfile {
    Arena *arena; // owns all that is not freed by tokenfile_close
    const char *name;
    VocabToken *token; // [size]
    int size;          // highest id + 1
    Bpe *bpe;          // by bytes, or by spelling where rules.chars
    BpeRules rules;
    Normal *normal;
    Presplit *presplit;
    Decoder decoder;
    Added *raw_added, *normal_added; // looked for before and after normalising
    TokenIds bos, eos;               // what the post-processor puts before and after a text
    WordCache *cache;
} Tokenfile;

// *out must be zero; tokenfile_close it in any case.
MUST_USE Status tokenfile_read(const char *text, size_t size, const char *name, Tokenfile *out);
void tokenfile_close(Tokenfile *file);

#ifdef __cplusplus
}
#endif
#endif
