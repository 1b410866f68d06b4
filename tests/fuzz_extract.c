// tests/fuzz_extract.c -- any bytes as a response: the program is a view into it; as outputs too.
#include "verifiers/code/extract.h"

#include <stdint.h>
#include <string.h>

#include "verifiers/code/output.h"
#include "verifiers/code/packed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const prefilled[] = {NULL, "<think>", "```python\n"};
    const CageLang lang = CAGE_PYTHON;
    JudgeInput in = {.text = (const char *)data, .size = size, .finished = true};
    for (int i = 0; i < 6; i++) {
        in.prefilled = prefilled[i % 3];
        Extract found = extract_code(&in, i < 3 ? &lang : NULL,
                                     &(BlockTask){.entry = i < 2 ? "f" : NULL, .reads = i & 1});
        CHECK(found.code.data || found.reason);
        if (!found.code.data) continue;
        CHECK(found.code.data >= in.text && found.code.data <= in.text + size &&
              found.code.size <= (size_t)(in.text + size - found.code.data));
        Str out = {0};
        extract_text(&found, &out);
        CHECK(out.size <= size + 3 * ((size_t)found.n_parts + 1));
        str_free(&out);
    }
    const char *reason = NULL;
    size_t half = size / 2;
    const char *text = (const char *)data;
    (void)output_equals(text, half, text + half, size - half, &reason);
    CHECK(reason != NULL);
    CHECK(output_equals(text, size, text, size, &reason));
    Str out = {0};
    (void)packed_open(text, size < 4096 ? size : 4096, &out);
    str_free(&out);
    return 0;
}
