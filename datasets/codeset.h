// datasets/codeset.h -- questions that are answered by a program.
//
// Floor 2 (datasets). Rows of a JSON-lines file become tasks for the judge "code", which is told
// the whole row (verifiers/code/suite.h has the forms of tests). What the model sees:
//
//   HumanEval        prompt, test, entry_point     the prompt as it stands: a program to go on with
//   MBPP             prompt or text, tests or      the question and the first of its tests, which
//                    test_list                     names the function; the others stay hidden
//   LiveCodeBench,   question or content,          the question, and the starter code if there is
//   APPS, LeetCode   input_output, test, ...       one
//   Codeforces,      prompt or description,        the statement
//   CodeContests     tests, official_tests, public_tests, ...
#ifndef DATASETS_CODESET_H
#define DATASETS_CODESET_H

#include <stdbool.h>

#include "base/json.h"
#include "base/status.h"
#include "datasets/jsonl.h"
#include "datasets/task.h"

#ifdef __cplusplus
extern "C" {
#endif

// Does the row have a question and tests of a program? NULL, or what it lacks (a literal).
const char *codeset_lacks(const Json *row);
// Is the first row of the file that is JSON one? False also where there is none or no file.
bool codeset_is(const char *path);

// Opens a file as tasks. Of `fields` prompt, source, template_, shuffle and seed are used, as in
// jsonl_tasks. ST_IO, ST_FORMAT, ST_CONFIG.
MUST_USE Status codeset_tasks(const char *path, const JsonlFields *fields, TaskSource *out);

#ifdef __cplusplus
}
#endif
#endif
