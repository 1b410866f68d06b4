// verifiers/code/suite.h -- the tests of a code task, in whatever form its row has them.
//
// Layer 3 (verifiers). Forms, told apart by their fields:
//   io       "tests": [{"input","output"}] (texts, lists of lines, or {"stdin"} and {"stdout"});
//            "official_tests"; {"inputs": [..], "outputs": [..]} without a function's name;
//            CodeContests' "public_tests" + "private_tests" + "generated_tests"
//   calls    "entry" + "calls": [{"args","kwargs","want"}]; APPS's and LiveCodeBench's
//            {"inputs","outputs","fn_name"}, also inside "input_output" and packed in "test"
//   asserts  MBPP: "tests" or "test_list": [line, ..] with "test_imports", "test_setup_code"; or a
//            text "test"
//   check    HumanEval: "prompt", "test" that defines check(candidate), "entry_point"
// and for all of them "prelude" (leetcode or none; without it LeetCode's is used where `Solution`
// is called), "lang", limits ("cpu_ms", "wall_ms", "memory_mb", "output_kb", "time_limit"
// in seconds, "memory_limit" in MB, "memory_limit_bytes", or the sentence in a Codeforces
// statement), "checker" (a Python program that judges an io output: suite_checker below) and
// "score".
#ifndef VERIFIERS_CODE_SUITE_H
#define VERIFIERS_CODE_SUITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/json.h"
#include "sandbox/cage.h"
#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum SuiteForm { SUITE_IO, SUITE_CALLS, SUITE_ASSERTS, SUITE_CHECK } SuiteForm;
typedef enum SuiteScore {
    SUITE_BINARY,   // 1 if every test passes, else 0
    SUITE_FRACTION, // passed / tests
    SUITE_WEIGHTED, // (1 if every test passes) + 0.1 * passed / tests
} SuiteScore;

typedef struct SuiteTest {
    const char *input, *output; // io; output NULL: only the checker knows
    size_t input_size, output_size;
    const Json *args, *kwargs, *want; // calls: an array, an object or NULL, any value
    const char *text;                 // asserts, check
} SuiteTest;

enum { SUITE_DOCS_MAX = 8 };

typedef struct Suite {
    SuiteForm form;
    bool any_lang; // the row names no language
    CageLang lang;
    CageLimits limits;
    SuiteScore score;
    // What is called: f, Solution().f, Class.method; NULL where nobody said it.
    const char *entry;
    SuiteTest *test;
    int n_tests;
    const char **import; // asserts: lines that are run before
    int n_imports;
    const char *setup;     // asserts: a text or NULL
    const char *prompt;    // check: the beginning of the program; NULL if the row has none
    const char *reference; // a known solution's text: names what the tests are about; or NULL
    const char *checker;   // io: source of a Python program, or NULL
    bool leetcode;         // the program runs under LeetCode's prelude (harness/leetcode.py)
    JsonDoc *doc[SUITE_DOCS_MAX];
    int n_docs;
} Suite;

// Reads a row. NULL, or why it cannot be judged (a literal). Views into the row, the rest in the
// arena; suite_free gives back documents that were packed inside it.
const char *suite_read(const Json *row, const char *prompt, Suite *out, Arena *arena);
void suite_free(Suite *suite);

// Leaves `n` tests of many, the same for equal `draw`, in their order. n <= 0: all.
void suite_select(Suite *suite, int n, uint64_t draw);

#ifdef __cplusplus
}
#endif
#endif
