// tests/peers/hf_write.c -- a model folder and the log-probs of a text, for hf_loads.py.
//
//     hf_write CONFIG_FOLDER OUT_FOLDER DTYPE
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "policy/files/checkpoint.h"

enum { N = 60 };

static Status run(const char *config, const char *out, const char *dtype) {
    ModelConfig model;
    Policy *policy = NULL;
    Tokenizer *tokenizer = NULL;
    Arena *arena = arena_new(1 << 16);
    TRY(checkpoint_config(config, &model));
    TRY(tokenizer_load("datasets/desk/tokenizer.json", &tokenizer));
    model.vocab_size = tokenizer_size(tokenizer);
    model.eos_id = tokenizer_id(tokenizer, "<eos>");
    model.initializer_range = 0; // large enough weights that routing and attention matter
    model.precision = PRECISION_FP32;
    const PolicyOpts opts = {.chunk_tokens = N, .max_seq_tokens = N};
    TRY(policy_new(&model, &opts, &policy));
    policy_init(policy, 11);
    TRY(checkpoint_save(out, policy, tokenizer, dtype));
    TRY(checkpoint_load(out, policy)); // as rounded by dtype
    const char text[] = "User: Compute 47*6+85. Assistant:<think> 47*6=282. \xc3\xa9</think>";
    int32_t *token;
    int n;
    TRY(tokenizer_encode(tokenizer, text, sizeof text - 1, true, false, &token, &n, arena));
    uint8_t want[N];
    float logp[N];
    memset(want, 1, sizeof want);
    want[0] = 0;
    const Seq seq = {0, n, 0};
    Pack pack = pack_make(token, want, &seq, 1, arena);
    const ScoreOpts score = {.temperature = 1};
    TRY(policy_score(policy, &pack, &score, logp, NULL));
    printf("{\"text\": \"User: Compute 47*6+85. Assistant:<think> 47*6=282. \\u00e9</think>\","
           " \"ids\": [");
    for (int i = 0; i < n; i++) printf("%s%d", i ? ", " : "", token[i]);
    printf("], \"logp\": [");
    for (int i = 0; i < n; i++) printf("%s%.9g", i ? ", " : "", (double)logp[i]);
    printf("]}\n");
    policy_free(policy);
    tokenizer_free(tokenizer);
    arena_free(arena);
    return ST_OK;
}

int main(int argc, char **argv) {
    if (argc != 4 || run(argv[1], argv[2], argv[3]) != ST_OK) {
        fprintf(stderr, "hf_write: %s\n", argc == 4 ? status_text() : "CONFIG OUT DTYPE");
        return 1;
    }
    return 0;
}
