// pipelines/run/runfolder.c -- opening, resuming and rows of a run's folder; see
// checkpoint_store.c.
#include "pipelines/run/runfolder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "pipelines/command.h"
#include "pipelines/run/checkpoint_store.h"
#include "pipelines/run/machine.h"
#include "pipelines/run/metric_alias.h"
#include "pipelines/run/tfevents.h"

struct RunFolder {
    RunFolderOpts opts;
    char *path, *checkpoints, *command_line, *again, *config, *data;
    CheckpointStore store;
    double created;
    int lock;
    int metrics; // opened for appending; unbuffered, so that a failed row is written once
    Tfevents *events;
    int64_t resume_step;
    Str resume_path;
    int64_t step;  // of the newest checkpoint made or found; -1: none
    int64_t ended; // step at which an older life with this config and data finished; -1: it did not
    bool logs;     // log.txt is this folder's
    bool broken_row; // a row could not be written: nothing may be appended after it
};

static char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *text = NULL;
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    CHECK(n >= 0);
    return text;
}

static Status take_lock(RunFolder *run) {
    char *path = format("%s/lock", run->path);
    Status st = ST_OK;
    run->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (run->lock < 0)
        st = FAIL(ST_IO, "%s: cannot create: %s", path, strerror(errno));
    else if (flock(run->lock, LOCK_EX | LOCK_NB) != 0) {
        char pid[32] = "";
        ssize_t n = pread(run->lock, pid, sizeof pid - 1, 0);
        st = FAIL(ST_CONFIG,
                  "%s: another process%s%s is running in this folder; wait for it, or "
                  "choose another -o",
                  run->path, n > 0 ? " with pid " : "", n > 0 ? pid : "");
    } else {
        char pid[32];
        int n = snprintf(pid, sizeof pid, "%d", (int)getpid());
        if (ftruncate(run->lock, 0) != 0 || pwrite(run->lock, pid, (size_t)n, 0) != n)
            st = FAIL(ST_IO, "%s: cannot write: %s", path, strerror(errno));
    }
    free(path);
    return st;
}

Status runfolder_status(RunFolder *run, const char *status, const char *facts) {
    Str out = {0};
    str_puts(&out, "{\n  \"format\": 1,\n  \"command\": ");
    str_json(&out, run->opts.command, strlen(run->opts.command));
    str_puts(&out, ",\n  \"command_line\": ");
    str_json(&out, run->command_line, strlen(run->command_line));
    str_puts(&out, ",\n  \"version\": ");
    str_json(&out, command_version(), strlen(command_version()));
    str_puts(&out, ",\n  \"git\": ");
    str_json(&out, command_git(), strlen(command_git()));
    str_puts(&out, ",\n  \"machine\": ");
    machine_json(&out);
    str_printf(&out, ",\n  \"seed\": %lld,\n  \"created\": %.3f,\n  \"written\": %.3f",
               (long long)run->opts.seed, run->created, clock_wall());
    str_puts(&out, ",\n  \"status\": ");
    str_json(&out, status, strlen(status));
    if (run->step >= 0) str_printf(&out, ",\n  \"step\": %lld", (long long)run->step);
    if (facts) str_printf(&out, ",\n  %s", facts);
    str_printf(&out, ",\n  \"data\": %s", run->data);
    str_printf(&out, ",\n  \"config\": %s\n}\n", run->config);
    char *path = format("%s/run.json", run->path);
    Status st = file_write_atomic(path, out.data, out.size);
    free(path);
    str_free(&out);
    return st;
}

void runfolder_failed(RunFolder *run, Status why) {
    if (!run) return;
    char *sentence = format("%s", status_text());
    Str facts = {0};
    str_puts(&facts, "\"warnings\": [");
    str_json(&facts, sentence, strlen(sentence));
    str_putc(&facts, ']');
    if (runfolder_status(run, "failed", facts.data) != ST_OK) log_warn("%s", status_text());
    status_fail(why, __FILE__, __LINE__, "%s", sentence); // keep the first sentence
    str_free(&facts);
    free(sentence);
}

// Lists the data sets whose hash is not the one in run.json.
static Status diff_data(const RunFolder *run, const Json *was, Str *out) {
    JsonDoc *doc;
    TRY(json_parse(run->data, strlen(run->data), "the data's hashes", 1, false, &doc));
    for (const Json *now = json_first(json_root(doc)); now; now = json_next(now)) {
        const char *before = json_text(json_get(was, json_key(now)), "");
        if (*before && strcmp(before, json_text(now, "")) != 0)
            str_printf(out, "  the data of '%s' changed (hash %s, was %s)\n", json_key(now),
                       json_text(now, ""), before);
    }
    json_free(doc);
    return ST_OK;
}

// More steps than before need no permission: takes such a line ("rl.steps: 4 -> 8") out of *diff.
static bool take_growth(Str *diff, const char *key) {
    char *line = strstr(str_text(diff), key);
    const size_t n = strlen(key);
    if (!diff->size || !line || (line > diff->data && line[-1] != '\n')) return false;
    char *arrow = strstr(line, " -> "), *end = strchr(line, '\n');
    if (!arrow || !end || arrow > end || atoll(arrow + 4) <= atoll(line + n)) return false;
    log_info(
        "%.*s: the run goes on to there; a schedule that ends with the last step is that of the "
        "longer run from here on",
        (int)(end - line), line);
    memmove(line, end + 1, strlen(end + 1) + 1);
    diff->size -= (size_t)(end + 1 - line);
    return true;
}

// Takes the line of a key that nobody set out of *diff: its default follows from the steps.
static void take_default(const RunFolder *run, Str *diff, const char *key) {
    char *line = diff->size ? strstr(diff->data, key) : NULL,
         *end = line ? strchr(line, '\n') : NULL;
    if (!end || config_was_asked(run->opts.config, key)) return;
    memmove(line, end + 1, strlen(end + 1) + 1);
    diff->size -= (size_t)(end + 1 - line);
}

// Has the run a checkpoint that could be lost?
static bool has_checkpoint(const RunFolder *run) {
    const CheckpointStore store = store_at(run->checkpoints, run->opts.keep);
    Str path = {0};
    int64_t bytes;
    const bool has = store_newest(&store, &path, &bytes) >= 0;
    str_free(&path);
    return has;
}

// Compares with the run.json that is there. *there says whether one is.
static Status check_older(RunFolder *run, bool *there) {
    char *path = format("%s/run.json", run->path);
    JsonDoc *doc = NULL;
    Str diff = {0};
    Status st = ST_OK;
    *there = file_exists(path);
    if (!*there) goto out;
    TRY_OUT(json_read(path, false, &doc));
    const char *command = json_text(json_get(json_root(doc), "command"), "");
    if (strcmp(command, run->opts.command) != 0) {
        st = FAIL(ST_CONFIG,
                  "%s: made by 'grpo %s', not by 'grpo %s'; choose another -o, or --fresh",
                  run->path, command, run->opts.command);
        goto out;
    }
    run->created = json_num(json_get(json_root(doc), "created"), run->created);
    const Json *config = json_get(json_root(doc), "config");
    if (!config || !run->opts.config) goto out;
    TRY_OUT(config_diff(run->opts.config, doc, config, run->opts.free_keys, &diff));
    const bool grown = take_growth(&diff, "rl.steps: ") || take_growth(&diff, "sft.steps: ");
    if (grown)
        take_default(run, &diff, "rl.warmup_steps"), take_default(run, &diff, "sft.warmup_steps");
    TRY_OUT(diff_data(run, json_get(json_root(doc), "data"), &diff));
    if (diff.size && run->opts.override_config)
        log_warn("%s: going on with what changed:\n%s", run->path, str_text(&diff));
    else if (!diff.size && !grown &&
             strcmp(json_text(json_get(json_root(doc), "status"), ""), "finished") == 0)
        run->ended = json_int(json_get(json_root(doc), "step"), -1);
    else if (diff.size && !has_checkpoint(run))
        log_info(
            "%s: the run ended before its first checkpoint; it begins anew with what changed:\n%s",
            run->path, str_text(&diff));
    else if (diff.size)
        st = FAIL(ST_CONFIG,
                  "%s: config or data are not those this run began with:\n%sGo on with "
                  "--override-config, or begin anew with --fresh (the old run is moved aside)",
                  run->path, str_text(&diff));
out:
    json_free(doc);
    str_free(&diff);
    free(path);
    return st;
}

// metrics.jsonl as it was when the checkpoint was made; rows after it are made again.
static Status open_metrics(RunFolder *run, int64_t bytes) {
    char *path = format("%s/metrics.jsonl", run->path);
    Status st = ST_OK;
    struct stat info;
    if (stat(path, &info) == 0 && info.st_size > bytes && truncate(path, bytes) != 0)
        st = FAIL(ST_IO, "%s: cannot cut back to %lld bytes: %s", path, (long long)bytes,
                  strerror(errno));
    else if (bytes > 0 && (stat(path, &info) != 0 || info.st_size < bytes))
        st = FAIL(ST_FORMAT,
                  "%s: has lost rows that were there when the checkpoint was made (%lld bytes)",
                  path, (long long)bytes);
    if (st == ST_OK) {
        run->metrics = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (run->metrics < 0) st = FAIL(ST_IO, "%s: cannot open: %s", path, strerror(errno));
    }
    free(path);
    return st;
}

// Removes FOLDER/NNNNNN.jsonl of steps after the checkpoint: a shorter second life leaves none.
static void drop_later_lines(const RunFolder *run, const char *folder) {
    char *path = format("%s/%s", run->path, folder);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char *end;
        long long step = strtoll(e->d_name, &end, 10);
        if (strcmp(end, ".jsonl") != 0 || step <= run->resume_step) continue;
        char *file = format("%s/%s", path, e->d_name);
        unlink(file);
        free(file);
    }
    if (dir) closedir(dir);
    free(path);
}

// What is said is kept too; RUN/base speaks into the log of the run that it is a part of.
static void open_log(RunFolder *run) {
    char *path = format("%s/log.txt", run->path), when[32];
    time_t now = time(NULL);
    struct tm local;
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &local));
    run->logs = log_copy_to(path);
    if (run->logs) log_debug("%s  %s", when, run->command_line);
    free(path);
}

// The event file of this life, with what it was told as a text panel.
static Status open_events(RunFolder *run, bool there) {
    TRY(tfevents_open(run->path, there ? run->resume_step + 1 : -1, &run->events));
    Str text = {0};
    str_printf(&text, "    %s\n\n", run->command_line);
    if (run->opts.config) {
        Str given = {0};
        config_given(run->opts.config, &given);
        for (const char *line = str_text(&given); *line; line += strcspn(line, "\n") + 1)
            str_printf(&text, "    %.*s\n", (int)strcspn(line, "\n"), line);
        str_free(&given);
    }
    int64_t step = run->resume_step < 0 ? 0 : run->resume_step;
    Status st = tfevents_text(run->events, "config", str_text(&text), step, clock_wall());
    str_free(&text);
    return st;
}

Status runfolder_open(const RunFolderOpts *opts, RunFolder **out) {
    *out = NULL;
    RunFolder *run = calloc(1, sizeof *run);
    CHECK(run);
    *run = (RunFolder){.opts = *opts,
                       .path = format("%s", opts->path),
                       .checkpoints = format("%s/checkpoints", opts->path),
                       .lock = -1,
                       .metrics = -1,
                       .created = clock_wall(),
                       .resume_step = -1,
                       .step = -1,
                       .ended = -1};
    Str line = {0}, dump = {0};
    args_line(opts->args, true, &line);
    run->again = format("%s", str_text(&line));
    str_clear(&line);
    args_line(opts->args, false, &line);
    if (opts->config) config_dump(opts->config, &dump);
    run->command_line = format("%s", str_text(&line));
    run->config = format("%s", dump.size ? str_text(&dump) : "{}");
    run->data = format("%s", opts->data ? opts->data : "{}");
    str_free(&line);
    str_free(&dump);
    Status st = ST_OK;
    Arena *arena = arena_new(4096);

    TRY_OUT(file_mkdirs(run->path));
    TRY_OUT(take_lock(run));
    if (opts->fresh) {
        // The lock proves that nobody runs there; it moves with the folder.
        char *moved = NULL, *probe = format("%s/run.json", run->path);
        bool used = file_exists(probe);
        free(probe);
        if (used) {
            TRY_OUT(file_move_aside(run->path, &moved, arena));
            if (moved) log_info("the older run is now %s", moved);
            close(run->lock);
            run->lock = -1;
            TRY_OUT(file_mkdirs(run->path));
            TRY_OUT(take_lock(run));
        }
    }
    bool there;
    TRY_OUT(check_older(run, &there));
    open_log(run);
    TRY_OUT(file_mkdirs(run->checkpoints));
    int64_t bytes = 0;
    run->store = store_at(run->checkpoints, opts->keep);
    run->resume_step = run->step = store_newest(&run->store, &run->resume_path, &bytes);
    if (runfolder_finished(run)) {
        log_info("%s is finished at step %lld; --fresh begins anew", run->path,
                 (long long)run->resume_step);
        *out = run;
        run = NULL;
        goto out;
    }
    if (run->resume_step >= 0)
        log_info("resuming %s from step %lld", run->path, (long long)run->resume_step);
    else if (there)
        log_info("%s has no checkpoint yet: beginning anew", run->path);
    TRY_OUT(open_metrics(run, bytes));
    drop_later_lines(run, "rollouts");
    drop_later_lines(run, "samples");
    if (opts->tensorboard) TRY_OUT(open_events(run, there));
    TRY_OUT(runfolder_status(run, "running", NULL));
    *out = run;
    run = NULL;
out:
    arena_free(arena);
    runfolder_close(run);
    return st;
}

void runfolder_close(RunFolder *run) {
    if (!run) return;
    if (run->logs) log_copy_to(NULL);
    if (run->metrics >= 0) close(run->metrics);
    tfevents_close(run->events);
    if (run->lock >= 0) close(run->lock);
    free(run->path);
    free(run->checkpoints);
    free(run->command_line);
    free(run->again);
    free(run->config);
    free(run->data);
    str_free(&run->resume_path);
    free(run);
}

bool runfolder_finished(const RunFolder *run) {
    return run->ended >= 0 && run->resume_step == run->ended;
}

const char *runfolder_path(const RunFolder *run) {
    return run->path;
}

const char *runfolder_again(const RunFolder *run) {
    return run->again;
}

int64_t runfolder_resume_step(const RunFolder *run) {
    return run->resume_step;
}

const char *runfolder_resume_path(const RunFolder *run) {
    return run->resume_path.data;
}

// Names as the user wants them. `renamed` is space for them.
static const Metrics *named(const RunFolder *run, const Metrics *row, Metrics *renamed) {
    if (!run->opts.trl_names) return row;
    metric_alias_trl(row, renamed);
    return renamed;
}

// Whole, or not at all.
static Status append_row(RunFolder *run, const Metrics *row, int64_t step, double now) {
    Str line = {0};
    metrics_json(row, (long)step, now, &line);
    str_putc(&line, '\n');
    struct stat info;
    bool known = fstat(run->metrics, &info) == 0;
    size_t done = 0;
    while (done < line.size) {
        ssize_t n = write(run->metrics, line.data + done, line.size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        done += (size_t)n;
    }
    bool good = done == line.size;
    str_free(&line);
    if (good) return ST_OK;
    Status st = FAIL(ST_IO, "%s/metrics.jsonl: cannot write: %s", run->path, strerror(errno));
    run->broken_row = true;
    if (known && ftruncate(run->metrics, info.st_size) != 0) return st; // half a row
    return st;
}

Status runfolder_row(RunFolder *run, const Metrics *row, int64_t step) {
    static _Thread_local Metrics renamed;
    CHECK(!run->broken_row);
    row = named(run, row, &renamed);
    double now = clock_wall();
    TRY(append_row(run, row, step, now));
    if (run->events) TRY(tfevents_add(run->events, row, step, now));
    return ST_OK;
}

Status runfolder_row_for_now(RunFolder *run, const Metrics *row, int64_t step) {
    static _Thread_local Metrics renamed;
    if (run->broken_row) return ST_OK;
    return append_row(run, named(run, row, &renamed), step, clock_wall());
}

Status runfolder_lines(RunFolder *run, const char *folder, int64_t step, const Str *lines) {
    char *path = format("%s/%s", run->path, folder);
    Status st = file_mkdirs(path);
    if (st == ST_OK) {
        char *file = format("%s/%06lld.jsonl", path, (long long)step);
        st = file_write_atomic(file, str_text(lines), lines->size);
        free(file);
    }
    free(path);
    return st;
}

Status runfolder_checkpoint_begin(RunFolder *run, int64_t step, Str *folder) {
    return store_begin(&run->store, step, folder);
}

Status runfolder_checkpoint_commit(RunFolder *run, int64_t step, bool best) {
    struct stat info;
    fsync(run->metrics); // the rows up to here are part of the checkpoint
    if (fstat(run->metrics, &info) != 0)
        return FAIL(ST_IO, "%s/metrics.jsonl: cannot stat: %s", run->path, strerror(errno));
    TRY(store_publish(&run->store, step, info.st_size, best));
    run->step = step;
    return store_tidy(&run->store);
}

void runfolder_checkpoint_abort(RunFolder *run, int64_t step) {
    store_abort(&run->store, step);
}
