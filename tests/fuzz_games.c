// tests/fuzz_games.c -- choice, countdown, knights and a program's answer on any bytes.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "verifiers/choice.h"
#include "verifiers/countdown.h"
#include "verifiers/knights.h"
#include "verifiers/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(Judgement j, const JudgeInput *in, bool refused) {
    CHECK((j.verdict == VERDICT_ERROR) == refused);
    CHECK(refused || j.score == (j.verdict == VERDICT_RIGHT ? 1 : 0));
    CHECK(refused || j.reason != NULL);
    CHECK(!j.answer || (j.answer >= in->text && j.answer + j.answer_size <= in->text + in->size));
}

// The first byte chooses the judge and how the answer is marked; a second text up to the first zero
// byte is the gold, or the row.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char row[] =
        "{\"numbers\":[3,5,7,100],\"target\":36,\"options\":[\"Rome\",\"New York\",\"3\"]}";
    static JsonDoc *fixed;
    if (!fixed) CHECK(json_parse(row, sizeof row - 1, "row", 1, false, &fixed) == ST_OK);
    if (size < 1 || size > 8192) return 0;
    char first[8192];
    const char *text = (const char *)data + 1, *end = (const char *)data + size;
    const char *zero = memchr(text, 0, size - 1), *answer = zero ? zero + 1 : text;
    size_t n = zero ? (size_t)(zero - text) : 0;
    memcpy(first, text, n), first[n] = 0;
    JsonDoc *own = NULL;
    if (data[0] & 4) (void)!json_parse(first, n, "own", 1, false, &own);
    JudgeInput in = {.text = answer,
                     .size = (size_t)(end - answer),
                     .finished = !(data[0] & 8),
                     .gold = n ? first : "B",
                     .task = json_root(own ? own : fixed),
                     .extract = data[0] & 16 ? "bare" : NULL};
    Judgement j;
    switch (data[0] & 3) {
    case 0: check(choice_judge(&in), &in, choice_refuses(&in) != NULL); break;
    case 1: check(countdown_judge(&in), &in, countdown_refuses(&in) != NULL); break;
    case 2: check(knights_judge(&in), &in, knights_refuses(&in) != NULL); break;
    default:
        if (program_read(answer, in.size, 7, &in, &j))
            CHECK(j.verdict == VERDICT_ERROR || (j.score >= 0 && j.score <= 1));
    }
    json_free(own);
    return 0;
}
