// tests/fuzz_json.c -- base/json on any bytes, with and without comments.
#include "base/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What is echoed is the same value: echoed again it is the same text.
static void echo(const Json *root) {
    Str one = {0}, two = {0};
    JsonDoc *doc;
    json_echo(root, &one);
    CHECK(json_parse(one.data, one.size, "echo", 1, false, &doc) == ST_OK);
    json_echo(json_root(doc), &two);
    CHECK(one.size == two.size && memcmp(one.data, two.data, one.size) == 0);
    json_free(doc);
    str_free(&one);
    str_free(&two);
}

static size_t walk(const JsonDoc *doc, const Json *node) {
    size_t sum = (size_t)json_line(doc, node) + json_text_size(node);
    const char *text = json_text(node, "");
    if (json_text_size(node)) sum += (unsigned char)text[json_text_size(node) - 1];
    for (const Json *child = json_first(node); child; child = json_next(child)) {
        if (json_kind(node) == JSON_OBJECT) CHECK(json_get(node, json_key(child)) == child);
        sum += walk(doc, child);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 4096) return 0;
    for (int comments = 0; comments < 2; comments++) {
        JsonDoc *doc;
        if (json_parse((const char *)data, size, "fuzz", 1, comments, &doc) != ST_OK) continue;
        CHECK(walk(doc, json_root(doc)) >= 1);
        echo(json_root(doc));
        json_free(doc);
    }
    return 0;
}
