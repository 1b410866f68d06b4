// pipelines/needs.h -- which keys of a run's config act only together with others.
//
// Layer 5. One row for each such key (base/config_need.h has the form of a condition). A new key
// that does nothing without another belongs here, and in tests/test_needs.c.
#ifndef PIPELINES_NEEDS_H
#define PIPELINES_NEEDS_H

#include "base/config_need.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const ConfigNeed needs_table[];
extern const int n_needs_table;

// The command for config_check_needs: NULL for one whose keys are not told apart.
const char *needs_command(const char *command);

#ifdef __cplusplus
}
#endif
#endif
