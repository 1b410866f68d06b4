// tests/fuzz_language.c -- verifiers/language on any bytes: a share between 0 and 1, a known code.
#include "verifiers/language.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const target[] = {"en", "zh", "ja", "de", "th", "ru", "hi", NULL};
    if (size == 0) return 0;
    const char *text = (const char *)data + 1;
    const char *code = language_detect(text, size - 1);
    CHECK(!code || language_known(code));
    JudgeInput in = {.text = text,
                     .size = size - 1,
                     .target = target[data[0] & 7],
                     .extract = data[0] & 8 ? "bare" : NULL};
    Judgement j = language_judge(&in);
    CHECK((j.verdict == VERDICT_ERROR) == (in.target == NULL));
    CHECK(j.verdict == VERDICT_ERROR || (j.score >= 0 && j.score <= 1));
    return 0;
}
