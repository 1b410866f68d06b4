// pipelines/interrupt.h -- what signals ask of a running stage.
//
// Layer 5. The first INT, TERM, HUP or USR1 sets the stop flag: the stage writes a checkpoint and
// the process leaves with 75. A second INT, or a TERM later than a second after the first signal,
// ends the process at once; a HUP or USR1 never does, nor a TERM that comes with the first, as when
// a batch system signals the group and its members. USR2 asks for a checkpoint and goes on.
#ifndef PIPELINES_INTERRUPT_H
#define PIPELINES_INTERRUPT_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

void interrupt_install(void);             // once, in main
void interrupt_take_alarm(void);          // from now on ALRM sets the stop flag (timelimit.h)
const volatile int *interrupt_flag(void); // nonzero = stop; for loops that poll
int interrupt_signal(void);               // which signal asked, 0 if none
const char *interrupt_name(void);         // "SIGTERM"; "" if none
bool interrupt_wants_checkpoint(void);    // true once for each USR2

#ifdef __cplusplus
}
#endif
#endif
