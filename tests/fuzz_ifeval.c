// tests/fuzz_ifeval.c -- verifiers/ifeval: any response to every instruction type, any row too.
#include "verifiers/ifeval/ifeval.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char all[] =
    "{\"instruction_id_list\":[\"keywords:existence\",\"keywords:frequency\","
    "\"keywords:forbidden_words\",\"keywords:letter_frequency\",\"language:response_language\","
    "\"length_constraints:number_sentences\",\"length_constraints:number_paragraphs\","
    "\"length_constraints:number_words\",\"length_constraints:nth_paragraph_first_word\","
    "\"detectable_content:number_placeholders\",\"detectable_content:postscript\","
    "\"detectable_format:number_bullet_lists\",\"detectable_format:constrained_response\","
    "\"detectable_format:number_highlighted_sections\",\"detectable_format:multiple_sections\","
    "\"detectable_format:json_format\",\"detectable_format:title\",\"combination:two_responses\","
    "\"combination:repeat_prompt\",\"startend:end_checker\",\"change_case:capital_word_frequency\","
    "\"change_case:english_capital\",\"change_case:english_lowercase\",\"punctuation:no_comma\","
    "\"startend:quotation\"],\"kwargs\":[{\"keywords\":[\"a.b\",\"the\"]},{\"keyword\":\"a+\","
    "\"frequency\":2,\"relation\":\"at least\"},{\"forbidden_words\":[\"x\"]},{\"letter\":\"e\","
    "\"let_frequency\":3,\"let_relation\":\"less "
    "than\"},{\"language\":\"de\"},{\"num_sentences\":3,"
    "\"relation\":\"at least\"},{\"num_paragraphs\":2},{\"num_words\":5,\"relation\":\"less "
    "than\"},"
    "{\"num_paragraphs\":2,\"nth_paragraph\":2,\"first_word\":\"so\"},{\"num_placeholders\":1},"
    "{\"postscript_marker\":\"P.S.\"},{\"num_bullets\":2},{},{\"num_highlights\":1},"
    "{\"section_spliter\":\"Section\",\"num_sections\":2},{},{},{},{\"prompt_to_repeat\":\"Say\"},"
    "{\"end_phrase\":\"end.\"},{\"capital_frequency\":1,\"capital_relation\":\"at "
    "least\"},{},{},{},{}"
    "]}";

static void judge(const Json *task, const char *text, size_t size, const char *how) {
    Str more = {0};
    JudgeInput in = {.text = text,
                     .size = size,
                     .finished = true,
                     .task = task,
                     .template_ = how,
                     .more = &more};
    Judgement j = ifeval_judge(&in);
    CHECK((j.verdict == VERDICT_ERROR) == (ifeval_refuses(&in) != NULL));
    CHECK(j.verdict == VERDICT_ERROR || (j.score >= 0 && j.score <= 1));
    CHECK(memchr(j.note, 0, sizeof j.note));
    str_free(&more);
}

// The first byte chooses: a response to all types, or a row (up to the first zero byte) and one.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static JsonDoc *every;
    static const char *const how[] = {NULL, "strict", "loose", "share"};
    if (!every) CHECK(json_parse(all, sizeof all - 1, "all", 1, false, &every) == ST_OK);
    if (size < 1 || size > 16384) return 0;
    const char *text = (const char *)data + 1, *end = (const char *)data + size;
    const char *choice = how[data[0] >> 1 & 3];
    if (data[0] & 1) {
        judge(json_root(every), text, size - 1, choice);
        return 0;
    }
    const char *zero = memchr(text, 0, size - 1), *stop = zero ? zero : end;
    JsonDoc *row;
    if (json_parse(text, (size_t)(stop - text), "row", 1, false, &row) != ST_OK) return 0;
    judge(json_root(row), stop, (size_t)(end - stop), choice);
    json_free(row);
    return 0;
}
