// tests/fuzz_format.c -- verifiers/format on any response: a verdict in every template.
#include "verifiers/format.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The first byte chooses template, beginning and end; the rest is the response.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const templates[] = {NULL, "think-boxed", "r1-zero", "chat"};
    if (size == 0) return 0;
    JudgeInput in = {.text = (const char *)data + 1,
                     .size = size - 1,
                     .template_ = templates[data[0] & 3],
                     .prefilled = data[0] & 4 ? "<think>" : NULL,
                     .finished = !(data[0] & 8)};
    Judgement j = format_judge(&in);
    CHECK(j.verdict == VERDICT_RIGHT || j.verdict == VERDICT_WRONG);
    CHECK(j.score == (j.verdict == VERDICT_RIGHT ? 1 : 0));
    CHECK(in.finished || j.verdict == VERDICT_WRONG);
    CHECK(!j.answer || j.answer_size <= size);
    return 0;
}
