// tests/fuzz_lines.c -- any bytes as a file of questions to verify, tokenize, score and generate:
// every line is answered, the exit code is 0.
#include "base/json.h"
#include "base/log.h"
#include "pipelines/command.h"
#include "pipelines/lines.h"
#include "tests/fuzz_file.h"

static char model[128];

static int run(const Command *cmd, int argc, char **argv) {
    Args args = {.command = cmd->name};
    CHECK(args_parse(&args, argc, argv, cmd->flag, cmd->n_flags, cmd->config) == ST_OK);
    return cmd->run(&args);
}
#define RUN(cmd, ...)                                                                              \
    run(&(cmd), sizeof((char *[]){"grpo", "x", __VA_ARGS__}) / sizeof(char *),                     \
        (char *[]){"grpo", "x", __VA_ARGS__})

// What is echoed as the id is JSON, alone and in an answer.
static void check_ids(const char *path) {
    Arena *arena = arena_new(4096);
    Lines lines;
    Str out = {0};
    CHECK(lines_read(path, &lines, arena) == ST_OK);
    for (int i = 0; i < lines.n; i++) {
        InLine *line = &lines.line[i];
        JsonDoc *doc;
        if (!line->error) line->error = "said";
        str_clear(&out);
        lines_error(line, i & 1, &out);
        CHECK(json_parse(out.data, out.size, "answer", 1, false, &doc) == ST_OK);
        CHECK(json_get(json_root(doc), "id") != NULL);
        json_free(doc);
    }
    lines_close(&lines);
    str_free(&out);
    arena_free(arena);
}

// The first byte chooses the command.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!model[0]) {
        log_open(LOG_QUIET, LOG_COLOR_NEVER);
        CHECK(freopen("/dev/null", "w", stdout) != NULL);
        snprintf(model, sizeof model, "%s/model", fuzz_dir());
        CHECK(RUN(command_model, "new", "model.hidden_size=16", "model.n_layers=1", "-o", model) ==
              EXIT_DONE);
    }
    if (size < 1 || size > 2048) return 0;
    char *path = (char *)(intptr_t)fuzz_put("in.jsonl", data + 1, size - 1);
    check_ids(path);
    int code = EXIT_DONE;
    switch (data[0] % 8) {
    case 0: code = RUN(command_score, model, "--in", path, "--entropy", "-j", "1"); break;
    case 1:
        code = RUN(command_generate, model, "--in", path, "--max-tokens", "2", "-j", "1");
        break;
    case 2: code = RUN(command_tokenize, "desk", "--in", path); break;
    case 3: code = RUN(command_tokenize, "desk", "--in", path, "--decode"); break;
    default: code = RUN(command_verify, "--in", path); break;
    }
    CHECK(code == EXIT_DONE);
    return 0;
}
