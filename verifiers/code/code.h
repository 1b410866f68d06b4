// verifiers/code/code.h -- the judge "code": does a program do what its tests want?
//
// Layer 3 (verifiers). The program runs in a cage (sandbox/cage.h). What it was expected to answer
// never enters that cage: inputs go in, answers come out as bytes and are compared here. Where a
// test is itself a program (HumanEval's check, MBPP's asserts), it runs unmodified in a second
// cage, the candidate a proxy; each call goes over to the program's cage and a value of exact type
// comes back (value.h). So nothing that the program does to its process, prints or exits with can
// say "passed": it passes by answering right, or not at all. What judges (a checker, a test's own
// text, the compilers of both) runs in slots where no candidate ever runs (CageRole).
//
//   form (suite.h)   cages of one judgement
//   io               one for each test; one more for each test if the task has a checker
//   calls            one for all calls
//   asserts, check   one for the program, one for the test
//
// right: every test passed. wrong: all that the program did otherwise, with the reason. error: no
// verdict (a task that cannot be read, a fault of the sandbox, twice in a row); never a zero.
#ifndef VERIFIERS_CODE_CODE_H
#define VERIFIERS_CODE_CODE_H

#include "base/status.h"
#include "sandbox/cage.h"
#include "verifiers/code/suite.h"
#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

// What a run says about the judgement of its programs.
struct CodeRules {
    SuiteScore score; // of rows that do not say
    int max_tests;    // of one judgement; 0: all. in->draw says which
    uint64_t seed;    // a program's random numbers and hashes are a function of it, of the draw and
                      // of the row
};

// How the process's cage will be opened; before code_ready, or not at all. Copied.
void code_configure(const CageOpts *cage);

// Opens the process's cage if it is not open. ST_UNSUPPORTED says which layer is missing and how to
// get it. The broker should start before weights are loaded: call this early where the judge will
// be needed.
MUST_USE Status code_ready(void);
Cage *code_cage(void); // NULL before code_ready
void code_close(void); // no judgement may be in progress

// The judge; in->task is the row. Thread-safe.
Judgement code_judge(const JudgeInput *in);
// NULL, or why no response to this row could be judged (a literal).
const char *code_refuses(const JudgeInput *in);

#ifdef __cplusplus
}
#endif
#endif
