// pipelines/command/command_sandbox.c -- `grpo sandbox`: run a program in the cage; prove the cage.
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/pool.h"
#include "pipelines/command.h"
#include "pipelines/command/sandbox_report.h"
#include "pipelines/input.h"
#include "pipelines/lines.h"
#include "sandbox/cage.h"

static const Flag flags[] = {
    {"lang", 'l', "NAME", "python, c, cpp, sh or js (default: by the file's ending)"},
    {"stdin", 0, "FILE", "what the program reads (default: nothing)"},
    {"cpu-ms", 0, "N", "CPU time, user and system (default: 4000)"},
    {"wall-ms", 0, "N", "time on the clock (default: twice the CPU time and 2000)"},
    {"memory-mb", 0, "N", "memory (default: 512)"},
    {"output-kb", 0, "N", "bytes on stdout, and as many on stderr (default: 1024)"},
    {"in", 'i', "FILE", "JSON lines {\"id\",\"lang\",\"source\",\"stdin\",...limits}; - is stdin"},
    {"self-test", 0, NULL, "prove every layer on this machine"},
    FLAG_ALLOW_MISSING,
};

static void put_bytes(const char *key, const Str *s, Str *out) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (str_is_utf8(str_text(s), s->size, NULL)) {
        str_printf(out, ",\"%s\":", key);
        str_json(out, str_text(s), s->size);
        return;
    }
    str_printf(out, ",\"%s_b64\":\"", key);
    for (size_t i = 0; i < s->size; i += 3) {
        unsigned n = 0;
        for (size_t k = 0; k < 3; k++)
            n = n << 8 | (i + k < s->size ? (unsigned char)s->data[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            str_putc(out, i + k > s->size ? '=' : digit[n >> (18 - 6 * k) & 63]);
    }
    str_putc(out, '"');
}

static void put_record(const CageRecord *r, Str *out) {
    str_printf(out, "\"verdict\":\"%s\",\"stage\":\"%s\"", cage_verdict_name(r->verdict), r->stage);
    if (r->exit >= 0)
        str_printf(out, ",\"exit\":%d", r->exit);
    else
        str_puts(out, ",\"exit\":null");
    str_printf(out, ",\"signal\":%d,\"wall_ms\":%.3f,\"cpu_ms\":%.3f,\"peak_kb\":%lld", r->signal,
               r->wall_ms, r->cpu_ms, (long long)r->peak_kb);
    put_bytes("stdout", &r->out, out);
    put_bytes("stderr", &r->err, out);
    str_printf(out, ",\"truncated\":%s,\"layers\":[", r->truncated ? "true" : "false");
    for (int i = 0, n = 0; i < CAGE_N_LAYERS; i++)
        if (r->layers & 1u << i) str_printf(out, "%s\"%s\"", n++ ? "," : "", cage_layer_name(i));
    str_puts(out, "]");
    if (r->why[0]) {
        str_puts(out, ",\"reason\":");
        str_json(out, r->why, strlen(r->why));
    }
    str_puts(out, "}\n");
}

typedef struct SandboxJob {
    Cage *cage;
    Lines lines;
    CageLimits limits; // of the command line; a row's own come first
    Str *answer;       // one a line
} SandboxJob;

// A number of the row, or what was there. False: not a whole number in the range.
static bool read_limit(const Json *row, const char *key, int64_t low, int64_t high, int64_t *out) {
    const Json *node = json_get(row, key);
    if (!node) return true;
    int64_t value = json_int(node, -1);
    if (value < low || value > high) return false;
    *out = value;
    return true;
}

static const char *read_limits(const Json *row, CageLimits *limits) {
    int64_t cpu = limits->cpu_ms, wall = limits->wall_ms, memory = limits->memory_bytes >> 20,
            output = limits->output_bytes >> 10;
    if (!read_limit(row, "cpu_ms", 1, 3600000, &cpu)) return "\"cpu_ms\" wants 1 to 3600000";
    if (!read_limit(row, "wall_ms", 1, 3600000, &wall)) return "\"wall_ms\" wants 1 to 3600000";
    if (!read_limit(row, "memory_mb", 16, 1 << 20, &memory))
        return "\"memory_mb\" wants 16 to 1048576";
    if (!read_limit(row, "output_kb", 1, 1 << 18, &output))
        return "\"output_kb\" wants 1 to 262144";
    limits->cpu_ms = (int)cpu;
    limits->wall_ms = (int)wall;
    limits->memory_bytes = memory << 20;
    limits->output_bytes = output << 10;
    return NULL;
}

static const char *read_job(const Json *row, CageJob *job, CageFile *file) {
    const Json *lang = json_get(row, "lang"), *source = json_get(row, "source");
    const Json *input = json_get(row, "stdin");
    if (!lang || !cage_lang_find(json_text(lang, "?"), &job->lang))
        return "\"lang\" wants python, c, cpp, sh or js";
    if (!source || json_kind(source) != JSON_STRING) return "\"source\" is missing or not a text";
    if (input && json_kind(input) != JSON_STRING) return "\"stdin\" is not a text";
    *file = (CageFile){NULL, json_text(source, ""), json_text_size(source)};
    job->file = file;
    job->n_files = 1;
    job->input = input ? json_text(input, "") : NULL;
    job->input_bytes = input ? json_text_size(input) : 0;
    return read_limits(row, &job->limits);
}

static void run_line(void *ctx, int i, int worker) {
    SandboxJob *w = ctx;
    InLine *line = &w->lines.line[i];
    CageJob job = {.limits = w->limits};
    CageFile file;
    Str *out = &w->answer[i];
    (void)worker;
    if (!line->error) line->error = read_job(line->row, &job, &file);
    if (line->error) {
        lines_error(line, true, out);
        return;
    }
    CageRecord record;
    cage_run(w->cage, &job, &record);
    lines_begin(line, out);
    str_putc(out, ',');
    put_record(&record, out);
    cage_record_free(&record);
}

static Status run_file(const char *path, const CageLimits *limits) {
    Arena *arena = arena_new(1 << 20);
    SandboxJob w = {.limits = *limits};
    Pool *pool = NULL;
    bool heard = true;
    Status st = ST_OK;
    TRY_OUT(cage_open(NULL, &w.cage));
    TRY_OUT(lines_read(path, &w.lines, arena));
    w.answer = ARENA_ARRAY(arena, Str, w.lines.n + 1);
    pool = pool_new(0);
    enum { BLOCK = 256 }; // answers come while the file is worked on
    for (int at = 0; at < w.lines.n && heard; at += BLOCK) {
        SandboxJob part = w;
        int n = w.lines.n - at < BLOCK ? w.lines.n - at : BLOCK;
        part.lines.line += at;
        part.answer += at;
        pool_for(pool, n, run_line, &part);
        for (int i = 0; i < n; i++) {
            heard = lines_flush(&part.answer[i]) && heard;
            str_free(&part.answer[i]);
        }
    }
    lines_close(&w.lines);
out:
    pool_free(pool);
    cage_close(w.cage);
    arena_free(arena);
    return st;
}

static Status run_program(const Args *args, const CageLimits *limits) {
    const char *path = args->word[0], *lang = args_text(args, "lang", NULL);
    const char *input = args_text(args, "stdin", NULL), *dot = strrchr(path, '.');
    CageJob job = {.limits = *limits, .n_files = 1};
    CageFile file = {0};
    Cage *cage = NULL;
    Arena *arena = arena_new(1 << 20);
    CageRecord record = {0};
    Str out = {0};
    Status st = ST_OK;
    char *source, *data = NULL;
    if (!lang) lang = dot ? dot + 1 : "";
    if (!cage_lang_find(lang, &job.lang)) {
        st =
            FAIL(ST_CONFIG, "--lang: wants python, c, cpp, sh or js, and '%s' does not tell", path);
        goto out;
    }
    TRY_OUT(input_file(path));
    TRY_OUT(file_read(path, &source, &file.size, arena));
    if (input) TRY_OUT(input_file(input));
    if (input) TRY_OUT(file_read(input, &data, &job.input_bytes, arena));
    TRY_OUT(cage_open(NULL, &cage));
    file.data = source;
    job.file = &file;
    job.input = data;
    cage_run(cage, &job, &record);
    str_putc(&out, '{');
    put_record(&record, &out);
    lines_flush(&out);
    if (record.verdict == CAGE_SANDBOX_ERROR) st = FAIL(ST_IO, "sandbox: %s", record.why);
out:
    cage_record_free(&record);
    str_free(&out);
    cage_close(cage);
    arena_free(arena);
    return st;
}

static Status read_flags(const Args *args, CageLimits *limits) {
    int64_t cpu = 0, wall = 0, memory = 0, output = 0;
    TRY(args_int(args, "cpu-ms", 1, 3600000, &cpu));
    TRY(args_int(args, "wall-ms", 1, 3600000, &wall));
    TRY(args_int(args, "memory-mb", 16, 1 << 20, &memory));
    TRY(args_int(args, "output-kb", 1, 1 << 18, &output));
    *limits = (CageLimits){.cpu_ms = (int)cpu,
                           .wall_ms = (int)wall,
                           .memory_bytes = memory << 20,
                           .output_bytes = output << 10};
    return ST_OK;
}

static int run(const Args *args) {
    CageLimits limits;
    const char *path = args_text(args, "in", NULL);
    Status st = read_flags(args, &limits);
    if (st != ST_OK) return command_failed(st);
    if (args_has(args, "self-test")) return sandbox_self_test(args_has(args, "json"));
    if ((path != NULL) == (args->n_words == 1) || args->n_words > 1)
        return command_usage("sandbox: wants one FILE, or --in FILE, or --self-test");
    st = path ? run_file(path, &limits) : run_program(args, &limits);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

const Command command_sandbox = {
    .name = "sandbox",
    .summary = "run a program in the cage, or prove the cage with --self-test",
    .usage = "sandbox [--lang NAME] FILE | sandbox --in FILE | sandbox --self-test",
    .about = "Verdicts: ok, runtime_error, time_limit, memory_limit, output_limit, "
             "security_violation,\nsandbox_error (our fault, says nothing about the program). "
             "stdout that is not UTF-8 comes as\nstdout_b64. In a file a row's limits are cpu_ms, "
             "wall_ms, memory_mb, output_kb.",
    .examples = "grpo sandbox hello.py\n"
                "grpo sandbox --lang c --stdin input.txt --cpu-ms 1000 main.c\n"
                "grpo sandbox --self-test",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
