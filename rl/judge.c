// rl/judge.c -- one SampleJudgement for each sample: a worker decodes, asks the judges, fills it.
#include "rl/judge.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "rl/reward.h"
#include "verifiers/boxed.h"
#include "verifiers/code/code.h"
#include "verifiers/format.h"
#include "verifiers/language.h"
#include "verifiers/math/math.h"
#include "verifiers/program.h"
#include "verifiers/verify.h"

typedef struct SampleJudgement {
    const Judge *judge;
    const Task *task;
    const Json *row;      // task->row, read
    uint64_t draw;        // equal for a whole group
    const int32_t *token; // copied when the sample finished: the batch may move its own later
    int n_tokens;
    bool ended, known; // known: handed in
    Verdict verdict;
    double accuracy, format, language;
    double further[BATCH_REWARDS_MAX]; // of rl.rewards
    uint64_t answer_hash;              // 0 = no answer was found
    int answer_begin, answer_end;      // bytes of the text; equal where the answer is no part of it
} SampleJudgement;

struct BatchJudge {
    RlContext run;
    RlConfig cfg;
    CodeRules code;
    Program *program; // of rl.judge_program, or NULL
    RewardTerms terms;
    const Judge *further[BATCH_REWARDS_MAX];     // [terms.n], of rl.rewards
    Program *further_program[BATCH_REWARDS_MAX]; // NULL = program
    Arena *arena;                                // the batch's cells
    ArenaMark mark;
    SampleJudgement *sample;
    int n_samples;
    JsonDoc **row; // [n_rows] of each group of the batch; NULL: its task has none
    int n_rows;
    Str *text; // [pool_threads] scratch of each worker
};

static const char *given(const char *text) {
    return text && text[0] ? text : NULL;
}

static JudgeInput input(const RlConfig *cfg, const char *text, size_t size,
                        const SampleJudgement *s) {
    return (JudgeInput){
        .text = text,
        .size = size,
        .gold = s->task ? s->task->gold : NULL,
        .prompt = s->task ? s->task->prompt : NULL,
        .task = s->row,
        .draw = s->draw,
        .template_ = given(cfg->format_template),
        .prefilled = given(cfg->prefilled),
        .extract = given(cfg->extract),
        .target = given(cfg->language),
        .policy = given(cfg->math_policy),
        .finished = s->ended,
    };
}

// Refuses what no response could be judged with, naming the key.
static Status check_config(const RlConfig *cfg) {
    JudgeInput probe = input(cfg, "", 0, &(SampleJudgement){.ended = true});
    Judgement tried = format_judge(&probe);
    if (tried.verdict == VERDICT_ERROR)
        return FAIL(ST_CONFIG, "rl.format_template=%s: %s", cfg->format_template, tried.reason);
    if (given(cfg->extract) && !boxed_extract_known(cfg->extract))
        return FAIL(ST_CONFIG, "rl.extract=%s: boxed, answer, hash or bare", cfg->extract);
    if (cfg->reward_language != 0 && !given(cfg->language))
        return FAIL(ST_CONFIG, "rl.reward_language=%g: needs rl.language, one of %s",
                    cfg->reward_language, language_codes());
    if (given(cfg->language) && !language_known(cfg->language))
        return FAIL(ST_CONFIG, "rl.language=%s: there are %s", cfg->language, language_codes());
    if (!math_policy_known(given(cfg->math_policy)))
        return FAIL(ST_CONFIG, "rl.math_policy=%s: there are %s", cfg->math_policy,
                    math_policy_names());
    return ST_OK;
}

unsigned judge_layers(void) {
    return code_cage() ? cage_machine(code_cage())->layers : 0;
}

Status judge_same_layers(unsigned before) {
    const unsigned now = judge_layers();
    if (!before || !now || before == now) return ST_OK;
    Str names = {0};
    for (int i = 0; i < CAGE_N_LAYERS; i++)
        if ((before ^ now) >> i & 1)
            str_printf(&names, " %c%s", now >> i & 1 ? '+' : '-', cage_layer_name(i));
    Status st = FAIL(ST_CONFIG,
                     "the sandbox has other layers than when this run began:%s; go on where it "
                     "began, or with --override-config",
                     str_text(&names));
    str_free(&names);
    return st;
}

void judge_measure(Metrics *row) {
    CageCounts counts;
    if (!code_cage()) return;
    cage_counts(code_cage(), &counts);
    metrics_set(row, judge_layers(), "sandbox/layers");
    metrics_set(row, (double)counts.runs, "sandbox/runs");
    metrics_set(row, (double)counts.verdict[CAGE_SANDBOX_ERROR], "sandbox/errors");
    metrics_set(row, (double)counts.second_tries, "sandbox/second_tries");
}

// The judges of rl.rewards.
static Status open_further(BatchJudge *b) {
    TRY(reward_terms(&b->cfg, &b->terms));
    for (int p = N_REWARD_PARTS; p < b->terms.n; p++) {
        const RewardTerm *term = &b->terms.term[p];
        Str who = {0};
        str_printf(&who, "rl.rewards: '%s'", term->name);
        Status st = verify_need(term->judge, str_text(&who), &b->further[p]);
        str_free(&who);
        if (st != ST_OK) return st;
        if (strcmp(term->judge, "program") != 0) continue;
        if (term->command) {
            TRY(program_open(&(ProgramOpts){.command = term->command,
                                            .copies = pool_threads(b->run.pool),
                                            .deadline_ms = (int)b->cfg.judge_deadline_ms},
                             &b->further_program[p]));
        } else if (!b->program) {
            return FAIL(ST_CONFIG,
                        "rl.rewards: '%s:...:program': add its command, or name one in "
                        "rl.judge_program",
                        term->name);
        }
    }
    return ST_OK;
}

Status judge_new(const RlContext *run, const RlConfig *cfg, BatchJudge **out) {
    *out = NULL;
    TRY(check_config(cfg));
    Program *program = NULL;
    if (given(cfg->judge_program))
        TRY(program_open(&(ProgramOpts){.command = cfg->judge_program,
                                        .copies = pool_threads(run->pool),
                                        .deadline_ms = (int)cfg->judge_deadline_ms},
                         &program));
    BatchJudge *b = calloc(1, sizeof *b);
    CHECK(b != NULL);
    b->run = *run, b->cfg = *cfg;
    b->code = (CodeRules){
        .score = (SuiteScore)cfg->code_score, .max_tests = (int)cfg->code_tests, .seed = run->seed};
    b->text = calloc((size_t)pool_threads(run->pool), sizeof *b->text);
    CHECK(b->text != NULL);
    b->program = program;
    b->arena = arena_new(1 << 18);
    b->mark = arena_mark(b->arena);
    Status st = open_further(b);
    if (st != ST_OK) {
        judge_free(b);
        return st;
    }
    *out = b;
    return ST_OK;
}

static void close_rows(BatchJudge *judging) {
    for (int g = 0; g < judging->n_rows; g++) json_free(judging->row[g]);
    judging->n_rows = 0;
}

void judge_free(BatchJudge *judging) {
    if (!judging) return;
    for (int i = 0; i < pool_threads(judging->run.pool); i++) str_free(&judging->text[i]);
    free(judging->text);
    program_close(judging->program);
    for (int p = 0; p < BATCH_REWARDS_MAX; p++) program_close(judging->further_program[p]);
    close_rows(judging);
    arena_free(judging->arena);
    free(judging);
}

Status judge_knows(const BatchJudge *judging, const Task *task) {
    const Judge *judge;
    if (task->judge && strcmp(task->judge, "program") == 0 && !judging->program)
        return FAIL(ST_CONFIG,
                    "a task of '%s' asks for the judge 'program': name it in rl.judge_program, as "
                    "in rl.judge_program='python3 my_judge.py'",
                    task->source);
    if (task->judge && verify_find(task->judge) && !verify_find(task->judge)->ready) return ST_OK;
    Str who = {0};
    str_printf(&who, "a task of '%s'", task->source);
    Status st = verify_need(task->judge, str_text(&who), &judge);
    str_free(&who);
    return st;
}

// The rows were written by datasets/, so one that cannot be read is our own bug.
static void open_rows(BatchJudge *judging, const Batch *batch) {
    judging->row = ARENA_ARRAY(judging->arena, JsonDoc *, batch->n_groups + 1);
    judging->n_rows = batch->n_groups;
    for (int g = 0; g < batch->n_groups; g++) {
        const Task *task = batch->task[g];
        if (!task || !task->row) continue;
        Status st =
            json_parse(task->row, strlen(task->row), task->source, 1, false, &judging->row[g]);
        CHECK(st == ST_OK);
    }
}

void judge_begin(BatchJudge *judging, const Batch *batch) {
    close_rows(judging);
    arena_rewind(judging->arena, judging->mark);
    open_rows(judging, batch);
    judging->sample = ARENA_ARRAY(judging->arena, SampleJudgement, batch->n_samples);
    judging->n_samples = batch->n_samples;
}

// The response without an end token that closes it.
static int text_tokens(const BatchJudge *judging, const Batch *batch, int sample) {
    int n = batch_response_length(batch, sample);
    if (n == 0 || batch->finish[sample] != FINISH_STOP) return n;
    int32_t last = batch->token[batch->token_end[sample] - 1];
    for (int i = 0; i < judging->run.n_stop_tokens; i++)
        if (judging->run.stop_token[i] == last) return n - 1;
    return n;
}

void judge_text(const BatchJudge *judging, const Batch *batch, int sample, Str *out) {
    tokenizer_decode(judging->run.tokenizer, batch->token + batch->response_begin[sample],
                     text_tokens(judging, batch, sample), false, out);
}

// The hash serves votes among samples; the place serves readers of the batch. What a judge's own
// process answers is no part of the text and has no place.
static void keep_answer(SampleJudgement *c, const Judgement *judged, const char *text,
                        size_t size) {
    if (judged->answer_size == 0) return;
    c->answer_hash = rng_hash(judged->answer, judged->answer_size) | 1;
    uintptr_t begin = (uintptr_t)judged->answer - (uintptr_t)text;
    if (begin > size || judged->answer_size > size - begin || size > INT_MAX) return;
    c->answer_begin = (int)begin;
    c->answer_end = (int)(begin + judged->answer_size);
}

static void judge_sample(void *ctx, int i, int worker) {
    BatchJudge *b = ctx;
    SampleJudgement *c = &b->sample[i];
    Str *text = &b->text[worker];
    str_clear(text);
    tokenizer_decode(b->run.tokenizer, c->token, c->n_tokens, false, text);
    JudgeInput in = input(&b->cfg, str_text(text), text->size, c);
    in.program = b->program;
    in.code = &b->code;
    // A box is every judge's default; games also take answer tags, and programs are no boxes.
    if (in.extract && strcmp(in.extract, "boxed") == 0) in.extract = NULL;
    Judgement form = format_judge(&in), spoken = {.verdict = VERDICT_WRONG};
    if (b->cfg.reward_language != 0) {
        JudgeInput thought = in;
        thought.extract = NULL;
        spoken = language_judge(&thought);
    }
    c->format = form.verdict == VERDICT_RIGHT ? form.score : 0;
    c->language = spoken.score;
    in.finished = c->ended || !b->cfg.accuracy_needs_end; // a judge calls what was cut off wrong
    // The template of rl is the form's; a judge with templates of its own has them in its rows.
    in.template_ = json_text(json_get(c->row, "template"), NULL);
    Judgement judged = verify_judge(c->judge, &in);
    bool known = form.verdict != VERDICT_ERROR && spoken.verdict != VERDICT_ERROR;
    for (int p = N_REWARD_PARTS; p < b->terms.n; p++) {
        JudgeInput more = in;
        if (b->further_program[p]) more.program = b->further_program[p];
        Judgement part = verify_judge(b->further[p], &more);
        c->further[p] = part.verdict == VERDICT_ERROR ? 0 : part.score;
        known = known && part.verdict != VERDICT_ERROR;
    }
    c->verdict = known ? judged.verdict : VERDICT_ERROR;
    keep_answer(c, &judged, in.text, in.size);
    c->accuracy = c->verdict == VERDICT_ERROR ? 0 : judged.score;
}

static const Json *bench_row(const BatchJudge *b, int group) {
    return b->row[group] ? json_root(b->row[group]) : NULL;
}

void judge_finished(void *ctx, Batch *batch, int sample) {
    BatchJudge *b = ctx;
    CHECK(sample >= 0 && sample < b->n_samples);
    SampleJudgement *c = &b->sample[sample];
    int group = batch_group_of(batch, sample);
    const Task *task = batch->task[group];
    c->known = true;
    if (batch->finish[sample] == FINISH_ABORT) {
        c->verdict = VERDICT_ERROR; // nobody saw its end
        return;
    }
    c->judge = verify_find(task->judge);
    CHECK(c->judge != NULL); // judge_knows was asked when the task was
    c->task = task;
    c->row = bench_row(b, group);
    c->draw = rng_mix(task->id + batch->step);
    c->ended = batch->finish[sample] == FINISH_STOP;
    c->n_tokens = text_tokens(b, batch, sample);
    int32_t *copy = ARENA_ARRAY(b->arena, int32_t, c->n_tokens + 1);
    memcpy(copy, batch->token + batch->response_begin[sample], (size_t)c->n_tokens * sizeof *copy);
    c->token = copy;
    if (b->run.pool)
        pool_submit(b->run.pool, judge_sample, b, sample);
    else
        judge_sample(b, sample, 0);
}

void judge_cancel(BatchJudge *judging) {
    if (judging->run.pool) pool_drain(judging->run.pool);
    close_rows(judging);
    judging->n_samples = 0;
}

void judge_end(BatchJudge *judging, Batch *batch, Arena *arena) {
    CHECK(judging->n_samples == batch->n_samples);
    if (judging->run.pool) pool_drain(judging->run.pool);
    batch_open_judged(batch, judging->terms.n, arena);
    for (int p = 0; p < judging->terms.n; p++)
        batch_name_part(batch, p, judging->terms.term[p].name);
    for (int i = 0; i < batch->n_samples; i++) {
        const SampleJudgement *c = &judging->sample[i];
        CHECK(c->known);
        batch->verdict[i] = (uint8_t)c->verdict;
        batch->part[PART_ACCURACY][i] = (float)c->accuracy;
        batch->part[PART_FORMAT][i] = (float)c->format;
        batch->part[PART_LANGUAGE][i] = (float)c->language;
        for (int p = N_REWARD_PARTS; p < judging->terms.n; p++)
            batch->part[p][i] = (float)c->further[p];
        batch->answer_hash[i] = c->answer_hash;
        batch->answer_begin[i] = c->answer_begin;
        batch->answer_end[i] = c->answer_end;
    }
    reward_fill(&judging->cfg, batch);
    close_rows(judging);
    judging->n_samples = 0;
}
