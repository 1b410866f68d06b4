// tests/peers/logits.c -- writes every next-token distribution of given token ids, for the scripts.
//
//     logits FOLDER PRECISION     stdin: int32 n, n ids, again; stdout: n rows of fp32 logits each
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/files/checkpoint.h"

enum { LONGEST = 2048 };

static void write_row(void *ctx, const DecodeSeq *seq, int row, const float *logits) {
    (void)seq, (void)row;
    const size_t n = *(const size_t *)ctx;
    if (fwrite(logits, sizeof *logits, n, stdout) != n) exit(1);
}

static Status run(const char *folder, const char *precision) {
    static const char *const names[] = {"fp32", "bf16", "fp8"};
    static int32_t token[LONGEST], page[LONGEST / KV_PAGE_TOKENS];
    ModelConfig model;
    Policy *policy = NULL;
    int32_t n;
    TRY(checkpoint_config(folder, &model));
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], precision) == 0) model.precision = (Precision)i;
    size_t vocab = (size_t)model.vocab_size;
    const PolicyOpts opts = {.chunk_tokens = 1,
                             .max_seq_tokens = LONGEST,
                             .kv_pages = LONGEST / KV_PAGE_TOKENS,
                             .max_decode_rows = LONGEST};
    for (int i = 0; i < LONGEST / KV_PAGE_TOKENS; i++) page[i] = i;
    TRY(policy_new(&model, &opts, &policy));
    TRY(checkpoint_load(folder, policy));
    while (fread(&n, sizeof n, 1, stdin) == 1) {
        if (n < 1 || n > LONGEST || fread(token, sizeof *token, (size_t)n, stdin) != (size_t)n)
            return FAIL(ST_FORMAT, "stdin: 1 to %d ids", LONGEST);
        const DecodeSeq seq = {.token = token, .n_new = n, .page = page, .n_logits = n};
        TRY(policy_logits(policy, &seq, 1, write_row, &vocab));
        fflush(stdout);
    }
    policy_free(policy);
    return ST_OK;
}

int main(int argc, char **argv) {
    if (argc != 3 || run(argv[1], argv[2]) != ST_OK) {
        fprintf(stderr, "logits: %s\n", argc == 3 ? status_text() : "FOLDER PRECISION");
        return 1;
    }
    return 0;
}
