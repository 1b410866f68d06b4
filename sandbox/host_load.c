// sandbox/host_load.c -- reads what the kernel says about waiting and stolen time.
#include "sandbox/host_load.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PUT_OFF = 20, // times; a program that sleeps is put off hardly ever
    WAITING = 20, // percent of the last ten seconds in which somebody waited for a core
    STOLEN = 20,  // percent of the time that a hypervisor gave to others
    LOOK_US = 100000,
};

bool host_load_starved(const CellRun *run, const CellTail *tail) {
    return tail->ended_by == CELL_BY_WALL && tail->setup_err == 0 &&
           tail->cpu_us * 2 < run->cpu_ms * 1000ull && tail->cpu_us * 2 < run->wall_ms * 1000ull &&
           tail->put_off >= PUT_OFF;
}

bool host_load_pressure(const char *pressure, const char *load, int n_cpus) {
    double percent, runnable;
    if (sscanf(pressure, "some avg10=%lf", &percent) == 1) return percent >= WAITING;
    return sscanf(load, "%lf", &runnable) == 1 && runnable > 1.5 * n_cpus;
}

// user nice system idle iowait irq softirq steal
static bool read_times(const char *stat, unsigned long long *all, unsigned long long *stolen) {
    unsigned long long t[8];
    if (sscanf(stat, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3],
               &t[4], &t[5], &t[6], &t[7]) != 8)
        return false;
    *all = 0;
    for (int i = 0; i < 8; i++) *all += t[i];
    *stolen = t[7];
    return true;
}

bool host_load_stolen(const char *before, const char *after) {
    unsigned long long all[2], stolen[2];
    if (!read_times(before, &all[0], &stolen[0]) || !read_times(after, &all[1], &stolen[1]))
        return false;
    if (all[1] <= all[0] || stolen[1] < stolen[0]) return false;
    return (stolen[1] - stolen[0]) * 100 >= (all[1] - all[0]) * STOLEN;
}

static void read_text(const char *path, char *out, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);
    if (fd >= 0) close(fd);
    out[n > 0 ? n : 0] = 0;
}

bool host_load_host(void) {
    char pressure[256], load[128], before[256], after[256];
    read_text("/proc/pressure/cpu", pressure, sizeof pressure);
    read_text("/proc/loadavg", load, sizeof load);
    if (host_load_pressure(pressure, load, (int)sysconf(_SC_NPROCESSORS_ONLN))) return true;
    read_text("/proc/stat", before, sizeof before);
    usleep(LOOK_US);
    read_text("/proc/stat", after, sizeof after);
    return host_load_stolen(before, after);
}
