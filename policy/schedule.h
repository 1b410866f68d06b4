// policy/schedule.h -- the learning rate of a step.
//
// Floor 2 (policy). A function of the step alone, so a resumed run needs nothing but its number.
#ifndef POLICY_SCHEDULE_H
#define POLICY_SCHEDULE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ScheduleKind { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE } ScheduleKind;
#define SCHEDULE_CHOICES "constant|linear|cosine" // for a ConfigKey, in the enum's order

typedef struct Schedule {
    ScheduleKind kind;
    double lr;            // the peak, reached at the end of the warm-up
    double final_ratio;   // the last step's rate over the peak; linear and cosine
    int64_t warmup_steps; // step s < warmup has lr * (s + 1) / warmup
    int64_t total_steps;  // the last step is total_steps - 1; later ones stay at its rate
} Schedule;

// The rate of optimiser step number `step`, counted from 0.
double schedule_lr(const Schedule *schedule, int64_t step);

#ifdef __cplusplus
}
#endif
#endif
