// rl/reject.c -- the rules, one after the other.
#include "rl/reject.h"

#include <string.h>

#include "base/arena.h"
#include "base/rng.h"

const char *reject_reason_name(RejectReason reason) {
    static const char *const name[REJECT_REASONS] = {
        "no_verdict", "wrong", "cut_off",  "format",       "language",  "repetition",
        "short",      "long",  "not_utf8", "contaminated", "duplicate", "limit"};
    return name[reason];
}

// ---- test sets

static void add_grams(RejectTests *tests, WordList *words, const char *text) {
    wordlist_clear(words);
    if (text) wordlist_add(words, text, strlen(text));
    for (size_t i = 0; i + REJECT_GRAM <= words->n; i++)
        gramset_add(&tests->gram, wordlist_gram(words, i, REJECT_GRAM));
}

// A question's words as an id: other spaces, case and signs make the same question.
static uint64_t words_id(WordList *words, const char *text) {
    wordlist_clear(words);
    wordlist_add(words, text, strlen(text));
    return wordlist_gram(words, 0, words->n);
}

Status reject_tests_add(RejectTests *tests, const TaskSource *source) {
    if (source->n_tasks <= 0)
        return FAIL(ST_CONFIG,
                    "the test set '%s' never ends, so it cannot be looked through: name a file or "
                    "a data set (grpo data list)",
                    source->name);
    Arena *arena = arena_new(1 << 16);
    WordList words = {0};
    Status st = ST_OK;
    for (int64_t i = 0; i < source->n_tasks && st == ST_OK; i++) {
        ArenaMark mark = arena_mark(arena);
        Task task;
        st = source->get(source, (uint64_t)i, &task, arena);
        if (st == ST_OK) {
            gramset_add(&tests->id, task.id);
            add_grams(tests, &words, task.prompt);
            for (int t = 0; t < task.n_turns; t++) add_grams(tests, &words, task.turn[t].content);
            add_grams(tests, &words, task.gold);
            tests->questions++;
        }
        arena_rewind(arena, mark);
    }
    wordlist_free(&words);
    arena_free(arena);
    return st;
}

void reject_tests_free(RejectTests *tests) {
    gramset_free(&tests->gram);
    gramset_free(&tests->id);
    *tests = (RejectTests){0};
}

static bool holds_gram(const RejectTests *tests, WordList *words, const char *text, size_t size) {
    wordlist_clear(words);
    wordlist_add(words, text, size);
    for (size_t i = 0; i + REJECT_GRAM <= words->n; i++)
        if (gramset_has(&tests->gram, wordlist_gram(words, i, REJECT_GRAM))) return true;
    return false;
}

static bool contaminated(const RejectTests *tests, const RejectSample *s, WordList *words) {
    if (gramset_has(&tests->id, s->task->id)) return true;
    if (holds_gram(tests, words, s->task->prompt, strlen(s->task->prompt))) return true;
    for (int t = 0; t < s->task->n_turns; t++) {
        const char *said = s->task->turn[t].content;
        if (holds_gram(tests, words, said, strlen(said))) return true;
    }
    return holds_gram(tests, words, s->response, s->size);
}

// ---- one sample

unsigned reject_reasons(const RejectRules *rules, const RejectSample *s, double *repeats) {
    unsigned why = 0;
    WordList words = {0};
    wordlist_add(&words, s->response, s->size);
    *repeats = wordlist_repeats(&words, REJECT_REPEAT_GRAM);
    const bool against[REJECT_REASONS] = {
        [REJECT_NO_VERDICT] = s->verdict == VERDICT_ERROR,
        [REJECT_WRONG] = s->verdict == VERDICT_WRONG,
        [REJECT_CUT_OFF] = !s->ended,
        [REJECT_FORMAT] = rules->format &&
                          s->format<1, [REJECT_LANGUAGE] = rules->min_language> 0 &&
                          s->language < rules->min_language,
        [REJECT_REPETITION] = s->looped || *repeats > rules->max_repeats,
        [REJECT_SHORT] = s->n_tokens < rules->min_tokens || s->size == 0,
        [REJECT_LONG] = rules->max_tokens > 0 && s->n_tokens > rules->max_tokens,
        [REJECT_BYTES] =
            !str_is_utf8(s->response, s->size, NULL) || memchr(s->response, 0, s->size) != NULL,
        [REJECT_CONTAMINATED] = rules->tests && contaminated(rules->tests, s, &words),
    };
    for (int r = 0; r < REJECT_REASONS; r++) why |= (unsigned)against[r] << r;
    wordlist_free(&words);
    return why;
}

// ---- among samples

void reject_next(RejectTaken *taken) {
    taken->of_prompt = 0;
}

unsigned reject_take(const RejectRules *rules, RejectTaken *taken, const char *prompt,
                     const char *response) {
    WordList words = {0};
    // Numbers and signs make arithmetic different: the bytes of the question, the words of what is
    // said to it.
    uint64_t asked = rng_hash(prompt, strlen(prompt));
    uint64_t said = words_id(&words, response);
    wordlist_free(&words);
    uint64_t both = rng_mix(asked ^ rng_mix(said));
    if (gramset_has(&taken->seen, both)) return 1u << REJECT_DUPLICATE;
    if (rules->per_prompt > 0 && taken->of_prompt >= rules->per_prompt) return 1u << REJECT_LIMIT;
    gramset_add(&taken->seen, both);
    taken->of_prompt++;
    return 0;
}

void reject_taken_free(RejectTaken *taken) {
    gramset_free(&taken->seen);
}
