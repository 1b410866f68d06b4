// verifiers/code/harness.h -- the Python text that runs at both ends inside the cage.
//
// Layer 3 (verifiers). harness/*.py as bytes of this program, and the few lines that start it: they
// read and write frames on descriptors 3 and 4 and find the parts of one end, compiled, in the file
// 'h'. The program's process holds nothing of the test's end.
#ifndef VERIFIERS_CODE_HARNESS_H
#define VERIFIERS_CODE_HARNESS_H

#ifdef __cplusplus
extern "C" {
#endif

extern const char harness_codec[], harness_peer[],
    harness_leetcode[];                               // of both ends, in this order
extern const char harness_program[];                  // the program's end
extern const char harness_test[], harness_evaluate[]; // the test's end
extern const char harness_boot[];                     // runs the compiled parts in the file 'h'
extern const char harness_maker[];   // prints the compiled form of '1.py' to '5.py'
extern const char harness_checker[]; // runs the file 'checker.py' on input, expected and output

#ifdef __cplusplus
}
#endif
#endif
