// pipelines/timelimit.c -- reads a duration and sets a timer.
#include "pipelines/timelimit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "pipelines/interrupt.h"

enum { SLURM_MARGIN = 300 };

static Status wrong(const char *text) {
    return FAIL(ST_CONFIG,
                "run.max_time=%s: wants a time above 0 as 90s, 30m, 3.5h, 2d, 1-12:00:00 "
                "(days-hours:minutes:seconds), or slurm",
                text);
}

static Status slurm_left(double *seconds) {
    const char *text = getenv("SLURM_JOB_END_TIME");
    char *end;
    long long at = text ? strtoll(text, &end, 10) : 0;
    if (at <= 0)
        return FAIL(ST_CONFIG, "run.max_time=slurm: SLURM_JOB_END_TIME is not set; is this a job "
                               "of Slurm 22.05 or later?");
    *seconds = (double)at - (double)time(NULL) - SLURM_MARGIN;
    if (*seconds <= 0) *seconds = 1e-3; // what is left is for the checkpoint
    return ST_OK;
}

// [D-]HH:MM:SS, HH:MM or MM:SS are told apart by the number of colons: two, or one with days.
static bool read_clock(const char *text, double *seconds) {
    char *end;
    double days = 0, part[3];
    const char *dash = strchr(text, '-');
    if (dash) {
        days = (double)strtoll(text, &end, 10);
        if (end != dash || days < 0) return false;
        text = dash + 1;
    }
    for (int i = 0; i < 3; i++) {
        if (*text < '0' || *text > '9') return false;
        part[i] = (double)strtoll(text, &end, 10);
        if (*end != (i < 2 ? ':' : 0)) return false;
        text = end + 1;
    }
    *seconds = ((days * 24 + part[0]) * 60 + part[1]) * 60 + part[2];
    return true;
}

Status timelimit_parse(const char *text, double *seconds) {
    *seconds = 0;
    if (!*text) return ST_OK;
    if (strcmp(text, "slurm") == 0) return slurm_left(seconds);
    if (strchr(text, ':')) return read_clock(text, seconds) && *seconds > 0 ? ST_OK : wrong(text);
    static const char unit[] = "smhd";
    static const double factor[] = {1, 60, 3600, 86400};
    char *end;
    if (text[strspn(text, "0123456789.")] == 0) return wrong(text); // a number without its unit
    double value = strtod(text, &end);
    const char *at = end != text && *end && !end[1] ? strchr(unit, *end) : NULL;
    if (!at || !isfinite(value) || value <= 0) return wrong(text);
    *seconds = value * factor[at - unit];
    return ST_OK;
}

Status timelimit_start(const char *text) {
    double seconds;
    TRY(timelimit_parse(text, &seconds));
    if (seconds <= 0) return ST_OK;
    interrupt_take_alarm();
    struct itimerval timer = {
        .it_value = {.tv_sec = (time_t)seconds, .tv_usec = (suseconds_t)(fmod(seconds, 1) * 1e6)}};
    if (timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0) timer.it_value.tv_usec = 1;
    if (setitimer(ITIMER_REAL, &timer, NULL) != 0)
        return FAIL(ST_IO, "run.max_time=%s: the timer cannot be set: %s", text, strerror(errno));
    return ST_OK;
}
