// pipelines/command/command_convert.c -- `grpo convert`: Hugging Face folders and GGUF files.
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "pipelines/command.h"
#include "pipelines/input.h"
#include "policy/files/convert.h"

static const Flag flags[] = {
    {"out", 'o', "PATH", "what to write: a folder, or a file that ends in .gguf"},
    {"dtype", 0, "D", "f32, bf16, f16; for GGUF q8_0 too (default: as the model has it)"},
    {"shard-gib", 0, "N", "largest file of a folder, GiB (default 5)"},
    {"overwrite", 0, NULL, "replace what stands at PATH"},
};

static int run(const Args *args) {
    const char *to = args_text(args, "out", args->n_words > 1 ? args->word[1] : NULL);
    if (args->n_words < 1 || args->n_words > 2 || !to)
        return command_usage("convert: wants MODEL and -o PATH");
    int64_t gib = 5;
    ConvertReport report = {0};
    Status st = args_int(args, "shard-gib", 1, 1 << 20, &gib);
    const ConvertOpts opts = {.dtype = args_text(args, "dtype", NULL),
                              .shard_bytes = (size_t)gib << 30,
                              .overwrite = args_has(args, "overwrite")};
    Arena *arena = arena_new(0);
    const char *model = args->word[0];
    if (st == ST_OK) st = input_model(model, &model, arena);
    if (st == ST_OK) st = convert_model(model, to, &opts, &report);
    arena_free(arena);
    if (st != ST_OK) return command_failed(st);
    if (report.skipped)
        log_warn("%s: %d tensors of layers that predict further tokens were left out",
                 args->word[0], report.skipped);
    if (!report.tokenizer) log_warn("%s: holds no tokenizer", args->word[0]);
    if (args_has(args, "json")) {
        Str out = {0};
        str_json(&out, to, strlen(to));
        printf("{\"out\":%s,\"tensors\":%d,\"skipped\":%d,\"dtype\":\"%s\",\"tokenizer\":%s}\n",
               str_text(&out), report.tensors, report.skipped, report.dtype,
               report.tokenizer ? "true" : "false");
        str_free(&out);
    } else {
        printf("%s: %d tensors, %s\n", to, report.tensors, report.dtype);
    }
    return EXIT_DONE;
}

const Command command_convert = {
    .name = "convert",
    .summary = "model folders to GGUF and back, and to another dtype",
    .usage = "convert MODEL -o PATH",
    .about =
        "MODEL is a Hugging Face folder or a GGUF file (llama, qwen2, qwen3, deepseek2), with its\n"
        "tokenizer. Quantised weights (GGUF, FP8) become plain ones. From folder to folder\n"
        "everything besides weights goes along unchanged.",
    .examples = "grpo convert SmolLM2-135M-Instruct.Q4_1.gguf -o models/SmolLM2-135M-Instruct\n"
                "grpo convert runs/words -o words.gguf --dtype q8_0\n"
                "grpo convert DeepSeek-V3/ -o DeepSeek-V3-bf16/ --dtype bf16",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
