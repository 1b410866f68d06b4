// datasets/rowform.h -- rows as they are published: which form is it, and what do its fields mean.
//
// Layer 2 (datasets). A form is recognised by the fields of a row (docs/DATA.md has the table). One
// function makes a question with its answer of a row, another a document for next-token training.
// Both give a reason where they cannot. Texts live in the arena.
#ifndef DATASETS_ROWFORM_H
#define DATASETS_ROWFORM_H

#include "base/arena.h"
#include "base/json.h"
#include "datasets/published.h"
#include "datasets/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct RowTask {
    const char *prompt; // the question, or the last message of the conversation
    DocumentTurn *turn; // [n_turns] where there is a system message or more than one turn
    int n_turns;
    const char *gold, *gold_why;           // NULL and why, where the row has none
    const char *judge;                     // NULL: the row does not say
    const char *source;                    // NULL: the row does not say
    const char *prompt_field, *gold_field; // where they come from; NULL: made of several
    const char *judge_row; // what the judge is told in place of the row; NULL: the row
} RowTask;

// "verl", "open-r1", "GSM8K", ...; never NULL.
const char *rowform_name(const Json *row);
// As the row's form says; `known` (may be NULL): as this data set says. NULL, or why not.
const char *rowform_read(const Json *row, const Published *known, RowTask *out, Arena *arena);
// A field as the question: a text, or messages up to the last one of the user. NULL, or why not.
const char *rowform_prompt(const Json *value, const char *name, RowTask *out, Arena *arena);
// NULL, or why the row is no document. prompt and response may be named (dotted paths), or NULL.
const char *rowform_document(const Json *row, const char *prompt, const char *response,
                             Document *out, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
