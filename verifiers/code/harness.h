// verifiers/code/harness.h -- the Python text that runs at both ends inside the cage.
//
// Floor 3 (verifiers). harness.py as bytes of this program, and the few lines that start it: they
// read and write frames on descriptors 3 and 4 and find the harness, compiled, in the file 'h'.
#ifndef VERIFIERS_CODE_HARNESS_H
#define VERIFIERS_CODE_HARNESS_H

#ifdef __cplusplus
extern "C" {
#endif

extern const char harness_text[];  // harness.py
extern const char harness_boot[];  // runs the compiled harness in the file 'h'
extern const char harness_maker[]; // prints the compiled form of the file 'harness.py'
extern const char harness_judge[]; // runs the file 'checker.py' on input, expected and output

#ifdef __cplusplus
}
#endif
#endif
