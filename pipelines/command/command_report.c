// pipelines/command/command_report.c -- `grpo report`: curves and samples of runs.
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "pipelines/command.h"
#include "pipelines/report/report.h"

enum { RUNS_MAX = 64 };

static const Flag flags[] = {
    {"out", 'o', "FILE",
     "where the page, or what is asked for instead, goes (default RUN/report.html; several runs: "
     "report.html; --md, --csv, --json: stdout)"},
    {"md", 0, NULL, "tables as Markdown"},
    {"csv", 0, NULL, "every metric of every step as CSV"},
    {"svg", 0, "DIR", "each chart as a picture DIR/<name>.svg"},
};

static int run(const Args *args) {
    if (args->n_words == 0) return command_usage("report: wants at least one run's folder");
    if (args->n_words > RUNS_MAX) return command_usage("report: at most %d runs", RUNS_MAX);
    Arena *arena = arena_new(1 << 20);
    static RunData data[RUNS_MAX];
    Str out = {0};
    Status st = ST_OK;
    int n = 0;
    for (; n < args->n_words; n++) TRY_OUT(rundata_open(args->word[n], &data[n], arena));
    bool plain = false;
    if (args_has(args, "md") + args_has(args, "csv") + args_has(args, "json") > 1) {
        st = FAIL(ST_CONFIG, "report: one of --md, --csv and --json at a time");
        goto out;
    }
    if (args_has(args, "md")) report_markdown(data, n, &out), plain = true;
    if (args_has(args, "csv")) report_csv(data, n, &out), plain = true;
    if (args_has(args, "json")) report_json(data, n, &out), plain = true;
    if (args_has(args, "svg")) {
        TRY_OUT(report_svg(data, n, args_text(args, "svg", NULL)));
        plain = true;
    }
    const char *path = args_text(args, "out", NULL);
    if (path && out.size) {
        TRY_OUT(file_write_atomic(path, out.data, out.size));
        puts(path);
        goto out;
    }
    fputs(str_text(&out), stdout);
    if (!plain || path) {
        if (!path)
            path = n > 1 ? "report.html" : arena_printf(arena, "%s/report.html", args->word[0]);
        str_clear(&out);
        report_html(data, n, &out);
        TRY_OUT(file_write_atomic(path, out.data, out.size));
        if (plain)
            log_info("%s", path);
        else
            puts(path);
    }
out:
    for (int i = 0; i < n; i++) rundata_close(&data[i]);
    str_free(&out);
    arena_free(arena);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

const Command command_report = {
    .name = "report",
    .summary = "curves and samples of runs as one page, report.html",
    .usage = "report RUN... [-o FILE] [--md] [--csv] [--json] [--svg DIR]",
    .about =
        "Works on finished and on running runs. Several runs are overlaid: mean over runs with "
        "a band of\none standard deviation.",
    .examples = "grpo report runs/zero\n"
                "grpo report runs/seed1 runs/seed2 runs/seed3 -o seeds.html\n"
                "grpo report runs/zero --md",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
