// tests/fuzz_math.c -- any two texts as gold and answer: bounded, symmetric, reflexive.
#include "verifiers/math/math.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The input is two texts with a line feed between them; one alone is compared with itself.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *gold = (const char *)data, *line = size ? memchr(gold, '\n', size) : NULL;
    size_t gold_size = line ? (size_t)(line - gold) : size;
    const char *answer = line ? line + 1 : gold;
    size_t answer_size = line ? size - gold_size - 1 : size;
    for (int i = 0; i < 2; i++) {
        MathOptions options = {.policy = i ? "qwen" : NULL};
        MathResult one = math_compare(gold, gold_size, answer, answer_size, &options);
        MathResult two = math_compare(answer, answer_size, gold, gold_size, &options);
        CHECK(one.reason && two.reason);
        if (one.verdict != VERDICT_ERROR && two.verdict != VERDICT_ERROR)
            CHECK(one.verdict == two.verdict);
    }
    MathResult self = math_compare(gold, gold_size, gold, gold_size, NULL);
    CHECK(self.verdict != VERDICT_WRONG);
    Arena *arena = arena_new(4096);
    CHECK(math_explain(gold, gold_size, answer, answer_size, NULL, arena) != NULL);
    arena_free(arena);
    return 0;
}
