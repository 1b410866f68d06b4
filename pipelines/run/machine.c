// pipelines/run/machine.c -- /proc, sysconf, getrusage.
#include "pipelines/run/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/pool.h"

static void read_line(const char *path, const char *key, char *out, size_t size) {
    FILE *f = fopen(path, "r");
    char line[512];
    out[0] = 0;
    while (f && fgets(line, sizeof line, f)) {
        if (key && strncmp(line, key, strlen(key)) != 0) continue;
        char *value = key ? strchr(line, ':') : line;
        if (!value) continue;
        if (key) value++;
        value += strspn(value, " \t");
        value[strcspn(value, "\n")] = 0;
        snprintf(out, size, "%s", value);
        break;
    }
    if (f) fclose(f);
}

static uint64_t read_kib(const char *key) {
    char text[64];
    unsigned long long kib = 0;
    read_line("/proc/meminfo", key, text, sizeof text);
    if (sscanf(text, "%llu", &kib) != 1) kib = 0;
    return kib * 1024;
}

static uint64_t read_number(const char *path) {
    char text[64];
    unsigned long long v = 0;
    read_line(path, NULL, text, sizeof text);
    return sscanf(text, "%llu", &v) == 1 ? v : 0; // "max" is no number
}

Machine machine_read(void) {
    Machine m = {0};
    struct utsname name;
    if (gethostname(m.host, sizeof m.host - 1) != 0) m.host[0] = 0;
    if (uname(&name) == 0)
        snprintf(m.kernel, sizeof m.kernel, "%s %s %s", name.sysname, name.release, name.machine);
    read_line("/proc/cpuinfo", "model name", m.cpu, sizeof m.cpu);
    m.cores = pool_cores();
    m.memory_bytes = read_kib("MemTotal");
    m.available_bytes = read_kib("MemAvailable");
    uint64_t limit = read_number("/sys/fs/cgroup/memory.max");
    uint64_t used = read_number("/sys/fs/cgroup/memory.current");
    if (!limit) {
        limit = read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes");
        used = read_number("/sys/fs/cgroup/memory/memory.usage_in_bytes");
    }
    if (limit && limit < m.memory_bytes) {
        uint64_t left = limit > used ? limit - used : 0;
        if (left < m.available_bytes) m.available_bytes = left;
    }
    return m;
}

void machine_json(Str *out) {
    Machine m = machine_read();
    str_puts(out, "{\"host\": ");
    str_json(out, m.host, strlen(m.host));
    str_puts(out, ", \"cpu\": ");
    str_json(out, m.cpu, strlen(m.cpu));
    str_puts(out, ", \"kernel\": ");
    str_json(out, m.kernel, strlen(m.kernel));
    str_printf(out, ", \"cores\": %d, \"memory_bytes\": %llu}", m.cores,
               (unsigned long long)m.memory_bytes);
}

uint64_t machine_peak_rss(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    return (uint64_t)usage.ru_maxrss * 1024;
}

void machine_bytes(uint64_t bytes, Str *out) {
    double v = (double)bytes;
    if (v >= 1024.0 * 1024 * 1024)
        str_printf(out, "%.2f GiB", v / (1024.0 * 1024 * 1024));
    else if (v >= 1024.0 * 1024)
        str_printf(out, "%.1f MiB", v / (1024.0 * 1024));
    else
        str_printf(out, "%.1f KiB", v / 1024);
}
