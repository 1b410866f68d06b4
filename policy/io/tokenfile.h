// policy/io/tokenfile.h -- a tokenizer.json, read and checked into the parts that encoding needs.
//
// Floor 2 (policy/io), private to tokenizer.c. ST_FORMAT: the file is not what it claims to be;
// ST_UNSUPPORTED: a component that is not built, by name. Both with file and line.
#ifndef POLICY_IO_TOKENFILE_H
#define POLICY_IO_TOKENFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "policy/io/added.h"
#include "policy/io/bpe.h"
#include "policy/io/presplit.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Token {
    const char *bytes; // what it stands for; NULL: no such id
    size_t size;
    bool special;
} Token;

// Code points of the byte alphabet (GPT-2's printable stand-ins for bytes) lie below this.
enum { TOKENFILE_ALPHABET = 0x100 + 0x44 };

typedef struct Tokenfile {
    Arena *arena; // owns all that is not freed by tokenfile_close
    const char *name;
    Token *token; // [size]
    int size;     // highest id + 1
    Bpe *bpe;     // holds all 256 bytes
    Presplit *presplit;
    Added *raw, *normal; // looked for before and after normalising
    bool nfc, ignore_merges;
    int16_t byte_of[TOKENFILE_ALPHABET]; // byte a stand-in means, -1: none
    Ids bos;                             // what the post-processor's template puts before a text
} Tokenfile;

// *out must be zero; tokenfile_close it in any case.
MUST_USE Status tokenfile_read(const char *text, size_t size, const char *name, Tokenfile *out);
void tokenfile_close(Tokenfile *file);

// The text in form NFC, for free(); NULL: take the text as it is.
char *tokenfile_nfc(const char *text, size_t size, size_t *out_size);

#ifdef __cplusplus
}
#endif
#endif
