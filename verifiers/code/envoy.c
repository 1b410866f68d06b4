// verifiers/code/envoy.c -- the harness is compiled once, inside the cage, and kept.
#include "verifiers/code/envoy.h"

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
    const CageFile file[] = {
        text_file("make.py", harness_maker), text_file("codec.py", harness_codec),
        text_file("peer.py", harness_peer),
        text_file("end.py", role == CAGE_JUDGE ? harness_test : harness_program)};
    CageJob job = {.lang = CAGE_PYTHON, .role = CAGE_JUDGE, .file = file, .n_files = 4};
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

void envoy_forget(void) {
    pthread_mutex_lock(&lock);
    for (int role = 0; role < CAGE_N_ROLES; role++) str_free(&compiled[role]);
    pthread_mutex_unlock(&lock);
}

Status envoy_begin(Cage *cage, CageRole role, const CageLimits *limits, Envoy *out) {
    *out = (Envoy){0};
    pthread_mutex_lock(&lock);
    Status st = compile_harness(cage, role);
    CageFile file[] = {text_file("boot.py", harness_boot),
                       {"h", compiled[role].data, compiled[role].size}};
    pthread_mutex_unlock(&lock); // written once for a cage
    if (st != ST_OK) return st;
    CageJob job = {
        .lang = CAGE_PYTHON, .role = role, .file = file, .n_files = 2, .limits = *limits};
    TRY(cage_talk_begin(cage, &job, &out->talk));
    int wall = limits->wall_ms ? limits->wall_ms : 2 * limits->cpu_ms + 2000;
    out->deadline = clock_now() + wall / 1000.0 + 1;
    return ST_OK;
}

static int left_ms(const Envoy *envoy) {
    double left = (envoy->deadline - clock_now()) * 1000;
    return left < 1 ? 1 : (int)left;
}

EnvoyAnswer envoy_send(Envoy *envoy, char kind, const void *value, size_t size) {
    if (getrandom(envoy->tag, sizeof envoy->tag, 0) != sizeof envoy->tag) abort();
    str_clear(&envoy->in);
    str_add(&envoy->in, envoy->tag, sizeof envoy->tag);
    str_putc(&envoy->in, kind);
    str_add(&envoy->in, value, size);
    Status st = cage_talk_send(envoy->talk, envoy->in.data, envoy->in.size, left_ms(envoy));
    return st == ST_OK ? ENVOY_ANSWER : ENVOY_ENDED;
}

EnvoyAnswer envoy_wait(Envoy *envoy) {
    str_clear(&envoy->in);
    Status st = cage_talk_recv(envoy->talk, VALUE_MAX_BYTES, left_ms(envoy), &envoy->in);
    if (st == ST_FORMAT) return ENVOY_FORGED;
    if (st != ST_OK) return ENVOY_ENDED;
    if (envoy->in.size < VALUE_HEAD_BYTES ||
        memcmp(envoy->in.data, envoy->tag, sizeof envoy->tag) != 0 ||
        value_check((const uint8_t *)envoy->in.data + VALUE_HEAD_BYTES,
                    envoy->in.size - VALUE_HEAD_BYTES))
        return ENVOY_FORGED;
    return ENVOY_ANSWER;
}

char envoy_kind(const Envoy *envoy) {
    return envoy->in.data[VALUE_TAG_BYTES];
}

const uint8_t *envoy_value(const Envoy *envoy, size_t *size) {
    *size = envoy->in.size - VALUE_HEAD_BYTES;
    return (const uint8_t *)envoy->in.data + VALUE_HEAD_BYTES;
}

void envoy_end(Envoy *envoy, bool kill, CageRecord *record) {
    if (envoy->talk) cage_talk_end(envoy->talk, kill ? 0 : 200, record);
    str_free(&envoy->in);
    *envoy = (Envoy){0};
}
