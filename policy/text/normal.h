// policy/text/normal.h -- the normalizer of a tokenizer.json: text before it is cut.
//
// Layer 2 (policy/text). NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace (String or Regex),
// Strip, Sequence, in order. Others are refused by name. ST_FORMAT, ST_UNSUPPORTED.
#ifndef POLICY_FILES_NORMAL_H
#define POLICY_FILES_NORMAL_H

#include "base/json.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Normal Normal;

// Reads the node "normalizer" (NULL or null: nothing is done). The caller owns *out; read-only
// afterwards.
MUST_USE Status normal_parse(const JsonDoc *doc, const Json *node, Normal **out);
void normal_free(Normal *normal); // NULL is fine

// The normalised form of a valid UTF-8 text, a view of `text` itself or of *work, which it may
// overwrite.
const char *normal_run(const Normal *normal, const char *text, size_t size, size_t *out_size,
                       Str *work);

#ifdef __cplusplus
}
#endif
#endif
