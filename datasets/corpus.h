// datasets/corpus.h -- streams of documents for next-token training.
//
// Layer 2 (datasets). Document number `index` is a function of (corpus, seed, index), so a run
// resumes by index. A file is read in another order each epoch; a family never ends.
#ifndef DATASETS_CORPUS_H
#define DATASETS_CORPUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "datasets/family.h"
#include "datasets/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Corpus Corpus;

// A family's documents. `config` is borrowed; NULL = the family's default. ST_CONFIG if the family
// has no corpus.
MUST_USE Status corpus_of_family(const TaskFamily *family, const void *config, uint64_t seed,
                                 Corpus **out);
// Rows of files as documents, as their form says (rowform.h, docs/DATA.md): a text, a question and
// its response, or a conversation up to its last reply. Other rows are skipped and counted
// (datasets/jsonl.h). shuffle false: file order.
MUST_USE Status corpus_of_jsonl(const char *path, bool shuffle, uint64_t seed, Corpus **out);
// The same with named fields (dotted paths, copied). `fields` may be NULL, and so may its texts.
typedef struct CorpusFields {
    const char *prompt, *response; // response alone: a text, or a conversation
} CorpusFields;
MUST_USE Status corpus_of_rows(const char *path, const CorpusFields *fields, bool shuffle,
                               uint64_t seed, Corpus **out);
const char *corpus_format(const Corpus *corpus); // "gzip CSV"; "family"
void corpus_free(Corpus *corpus);                // NULL is fine

const char *corpus_name(const Corpus *corpus);
int64_t corpus_size(const Corpus *corpus);   // documents in an epoch; 0 = endless
uint64_t corpus_hash(const Corpus *corpus);  // for run.json
bool corpus_has_turns(const Corpus *corpus); // is any of the first rows a conversation?
// Thread-safe. Texts live in the arena.
MUST_USE Status corpus_get(const Corpus *corpus, uint64_t index, Document *out, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
