// pipelines/stop.h -- what signals ask of a running stage.
//
// Floor 5. The first INT, TERM, HUP or USR1 sets the stop flag: the stage writes a checkpoint and
// the process leaves with 75. The second ends the process at once. USR2 asks for a checkpoint and
// goes on.
#ifndef PIPELINES_STOP_H
#define PIPELINES_STOP_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

void stop_install(void);             // once, in main
const volatile int *stop_flag(void); // nonzero = stop; for loops that poll
int stop_signal(void);               // which signal asked, 0 if none
const char *stop_name(void);         // "SIGTERM"; "" if none
bool stop_wants_checkpoint(void);    // true once for each USR2

#ifdef __cplusplus
}
#endif
#endif
