// policy/files/convert.h -- models from one kind of file to another, a few rows at a time.
//
// Layer 2 (policy/files). What is written appears whole or not at all. A Hugging Face folder keeps
// what it has besides weights (README, generation_config.json, unknown keys of config.json, ...),
// see policy/files/extras. ST_IO; ST_FORMAT; ST_UNSUPPORTED: an architecture, type or tokenizer
// that is not built, by name; ST_CONFIG: the place is taken.
#ifndef POLICY_FILES_CONVERT_H
#define POLICY_FILES_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ConvertOpts {
    const char *dtype;  // NULL: as the model has it. Folders: f32, bf16, f16; GGUF: q8_0 too
    size_t shard_bytes; // of a folder; 0: SAFEWRITE_SHARD_BYTES
    bool overwrite;     // the older one is replaced
} ConvertOpts;

typedef struct ConvertReport {
    int tensors, skipped; // skipped: tensors of the source that have no place in the target
    const char *dtype;    // of the matrices written
    bool tokenizer;
} ConvertReport;

// True where the path ends in .gguf, or is a file that begins like one.
bool convert_is_gguf(const char *path);
// Either way, by the names: FROM and TO are a folder or a .gguf file. Two GGUF files: ST_CONFIG.
MUST_USE Status convert_model(const char *from, const char *to, const ConvertOpts *opts,
                              ConvertReport *report);

#ifdef __cplusplus
}
#endif
#endif
