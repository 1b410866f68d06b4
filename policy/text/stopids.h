// policy/text/stopids.h -- the tokens that end a reply, from the files of a model folder.
//
// Layer 2 (policy/text). config.json and generation_config.json name eos_token_id, a number or a
// list (Llama-3 has three); tokenizer_config.json names eos_token, a text. All of them count.
// ST_FORMAT, ST_IO.
#ifndef POLICY_FILES_STOPIDS_H
#define POLICY_FILES_STOPIDS_H

#include <stdint.h>

#include "base/status.h"
#include "policy/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { STOPIDS_MAX = 16 };

typedef struct StopIds {
    int32_t id[STOPIDS_MAX];
    int n;
} StopIds;

// Keeps an id once; negative ones and those past the room are passed over.
void stopids_add(StopIds *ids, int64_t id);
// Adds what the folder says; files that are not there say nothing. An id that is no token of the
// tokenizer is an error.
MUST_USE Status stopids_of_folder(const char *folder, const Tokenizer *tokenizer, StopIds *ids);

#ifdef __cplusplus
}
#endif
#endif
