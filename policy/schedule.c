// policy/schedule.c -- warm-up, then constant, a line, or half a cosine down to the final rate.
#include "policy/schedule.h"

#include <math.h>

double schedule_lr(const Schedule *schedule, int64_t step) {
    int64_t warmup = schedule->warmup_steps, last = schedule->total_steps - 1;
    if (step < warmup) return schedule->lr * (double)(step + 1) / (double)warmup;
    if (schedule->kind == SCHEDULE_CONSTANT) return schedule->lr;
    // 0 at the first step after the warm-up, 1 at the last one.
    double t = step >= last ? 1 : (double)(step - warmup) / (double)(last - warmup);
    double high = schedule->kind == SCHEDULE_LINEAR ? 1 - t : .5 * (1 + cos(M_PI * t));
    return schedule->lr * (schedule->final_ratio + (1 - schedule->final_ratio) * high);
}
