// tests/fuzz_boxed.c -- any bytes as a response: the answer is a view into it, in every way.
#include "verifiers/boxed.h"

#include <stdint.h>

#include "verifiers/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const extract[] = {"boxed", "answer", "hash", "bare"};
    static const char *const template_[] = {"think-boxed", "r1-zero", "chat"};
    JudgeInput in = {.text = (const char *)data, .size = size, .finished = true};
    for (int i = 0; i < 8; i++) {
        const char *reason;
        in.extract = extract[i % 4];
        in.template_ = template_[i % 3];
        in.prefilled = i < 4 ? NULL : "<think>";
        Slice answer = boxed_answer(&in, &reason);
        CHECK(answer.data || reason);
        CHECK(!answer.data || (answer.data >= in.text && answer.data <= in.text + size &&
                               answer.size <= (size_t)(in.text + size - answer.data)));
        CHECK(format_judge(&in).verdict != VERDICT_ERROR);
    }
    return 0;
}
