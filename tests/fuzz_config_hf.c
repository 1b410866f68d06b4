// tests/fuzz_config_hf.c -- any bytes as config.json: refused, or what is written reads back.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/files/config_hf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ModelConfig model, back;
    if (config_hf_parse((const char *)data, size, "fuzz", &model) != ST_OK) return 0;
    Str text = {0};
    config_hf_write(&model, "float32", &text);
    if (config_hf_parse(text.data, text.size, "written", &back) != ST_OK) abort();
    str_free(&text);
    model.n_mtp_published = model.n_mtp; // a checkpoint carries others along, and says so itself
    if (model.n_routed_experts > 0 && memcmp(&model, &back, sizeof model) != 0) abort();
    return 0;
}
