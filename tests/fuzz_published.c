// tests/fuzz_published.c -- any bytes as rows of any data set: tasks, or a refusal; never a crash.
#include "datasets/published.h"
#include "datasets/taskfile.h"

#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "verifiers/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    if (size < 1 || size > 16384) return 0;
    int which = data[0] % (published_count() + 1);
    TaskFields fields = {.known = which ? published_at(which - 1) : NULL, .shuffle = data[0] & 128};
    TaskSource source;
    if (taskfile_open_bytes((const char *)data + 1, size - 1, "rows", &fields, &source) != ST_OK)
        return 0;
    Arena *arena = arena_new(4096);
    for (int64_t i = 0; i < source.n_tasks; i++) {
        Task task;
        CHECK(source.get(&source, (uint64_t)i, &task, arena) == ST_OK);
        CHECK(task.prompt && task.judge && task.row);
        const Judge *judge = verify_find(task.judge);
        JsonDoc *row;
        CHECK(json_parse(task.row, strlen(task.row), "row", 1, false, &row) == ST_OK);
        JudgeInput in = {.gold = task.gold, .prompt = task.prompt, .task = json_root(row)};
        if (judge && judge->refuses) (void)judge->refuses(&in);
        json_free(row);
    }
    arena_free(arena);
    task_source_close(&source);
    return 0;
}
