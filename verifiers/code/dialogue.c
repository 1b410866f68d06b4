// verifiers/code/dialogue.c -- the harness is compiled once, inside the cage, and kept.
#include "verifiers/code/dialogue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "verifiers/code/harness.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Str compiled[CAGE_N_ROLES]; // their ends of the harness as Python's marshal wrote them

static CageFile text_file(const char *name, const char *text) {
    return (CageFile){name, text, strlen(text)};
}

static Status compile_harness(Cage *cage, CageRole role) {
    Str *out = &compiled[role];
    if (out->size) return ST_OK;
    bool test = role == CAGE_JUDGE;
    const CageFile file[] = {text_file("make.py", harness_maker),
                             text_file("1.py", harness_codec),
                             text_file("2.py", harness_peer),
                             text_file("3.py", harness_leetcode),
                             text_file("4.py", test ? harness_test : harness_program),
                             text_file("5.py", test ? harness_evaluate : "")};
    CageJob job = {.lang = CAGE_PYTHON, .role = CAGE_JUDGE, .file = file, .n_files = 6};
    CageRecord record;
    Status st = ST_OK;
    cage_run(cage, &job, &record);
    if (record.verdict != CAGE_OK || !record.out.size) {
        st = FAIL(ST_IO, "the judge's harness does not compile in the sandbox: %s %s",
                  cage_verdict_name(record.verdict),
                  record.why[0] ? record.why : str_text(&record.err));
    } else {
        str_add(out, record.out.data, record.out.size);
    }
    cage_record_free(&record);
    return st;
}

void dialogue_forget(void) {
    pthread_mutex_lock(&lock);
    for (int role = 0; role < CAGE_N_ROLES; role++) str_free(&compiled[role]);
    pthread_mutex_unlock(&lock);
}

Status dialogue_begin(Cage *cage, CageRole role, const CageLimits *limits, uint64_t seed,
                      Dialogue *out) {
    *out = (Dialogue){0};
    pthread_mutex_lock(&lock);
    Status st = compile_harness(cage, role);
    CageFile file[] = {text_file("boot.py", harness_boot),
                       {"h", compiled[role].data, compiled[role].size}};
    pthread_mutex_unlock(&lock); // written once for a cage
    if (st != ST_OK) return st;
    CageJob job = {.lang = CAGE_PYTHON,
                   .role = role,
                   .file = file,
                   .n_files = 2,
                   .limits = *limits,
                   .seed = seed};
    TRY(cage_talk_begin(cage, &job, &out->talk));
    int wall = limits->wall_ms ? limits->wall_ms : 2 * limits->cpu_ms + 2000;
    out->deadline = clock_now() + wall / 1000.0 + (wall < 4000 ? wall / 4000.0 : 1);
    return ST_OK;
}

static int left_ms(const Dialogue *dialogue) {
    double left = (dialogue->deadline - clock_now()) * 1000;
    return left < 1 ? 1 : (int)left;
}

DialogueAnswer dialogue_send(Dialogue *dialogue, char kind, const void *value, size_t size) {
    if (getrandom(dialogue->tag, sizeof dialogue->tag, 0) != sizeof dialogue->tag) abort();
    str_clear(&dialogue->in);
    str_add(&dialogue->in, dialogue->tag, sizeof dialogue->tag);
    str_putc(&dialogue->in, kind);
    str_add(&dialogue->in, value, size);
    Status st =
        cage_talk_send(dialogue->talk, dialogue->in.data, dialogue->in.size, left_ms(dialogue));
    return st == ST_OK ? DIALOGUE_ANSWER : DIALOGUE_ENDED;
}

DialogueAnswer dialogue_wait(Dialogue *dialogue) {
    str_clear(&dialogue->in);
    Status st = cage_talk_recv(dialogue->talk, VALUE_MAX_BYTES, left_ms(dialogue), &dialogue->in);
    if (st == ST_FORMAT) return DIALOGUE_FORGED;
    if (st != ST_OK) return DIALOGUE_ENDED;
    if (dialogue->in.size < VALUE_HEAD_BYTES ||
        memcmp(dialogue->in.data, dialogue->tag, sizeof dialogue->tag) != 0 ||
        value_check((const uint8_t *)dialogue->in.data + VALUE_HEAD_BYTES,
                    dialogue->in.size - VALUE_HEAD_BYTES))
        return DIALOGUE_FORGED;
    return DIALOGUE_ANSWER;
}

char dialogue_kind(const Dialogue *dialogue) {
    return dialogue->in.data[VALUE_TAG_BYTES];
}

const uint8_t *dialogue_value(const Dialogue *dialogue, size_t *size) {
    *size = dialogue->in.size - VALUE_HEAD_BYTES;
    return (const uint8_t *)dialogue->in.data + VALUE_HEAD_BYTES;
}

void dialogue_end(Dialogue *dialogue, bool kill, CageRecord *record) {
    if (dialogue->talk) cage_talk_end(dialogue->talk, kill ? 0 : 200, record);
    str_free(&dialogue->in);
    *dialogue = (Dialogue){0};
}
