// pipelines/conversation.h -- turns of a talk with a model: history in, streamed reply out.
//
// Layer 5. What is said is kept as messages and rendered anew for each reply, so the model sees
// what its template makes of the whole talk. Where the talk outgrows the context, its oldest turns
// are forgotten. ST_CONFIG, ST_FORMAT, and what the engine leaves with.
#ifndef PIPELINES_CONVERSATION_H
#define PIPELINES_CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "pipelines/actor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CONVERSATION_MAX = 4096 }; // messages

typedef struct Conversation {
    Actor *actor; // with a chat; borrowed
    SampleConfig sampling;
    int context; // tokens of the longest talk, the reply included
    ChatMessage message[CONVERSATION_MAX];
    int n;
    int n_forgotten; // turns that no longer fitted, since conversation_clear
    Arena *arena;    // of the messages
} Conversation;

// Called with whole characters of the reply as they come. `thought`: inside <think> ... </think>,
// the tags included.
typedef void ReplyFn(void *ctx, const char *text, size_t size, bool thought);

typedef struct Reply {
    Str text; // of the whole reply, with what was prefilled
    int n_prompt, n_tokens;
    Finish finish; // FINISH_ABORT: it was stopped
    double seconds;
} Reply;

void conversation_open(Conversation *talk, Actor *actor, const SampleConfig *sampling, int context);
void conversation_close(Conversation *talk);
void conversation_clear(Conversation *talk); // everything is forgotten

// Says something and lets the model reply; both become part of the talk. `stop` (may be NULL) ends
// the reply early, what came so far is kept. The caller ends *out with str_free(&out->text). On
// failure the talk is as it was.
MUST_USE Status conversation_say(Conversation *talk, const char *text, const volatile int *stop,
                                 ReplyFn *fn, void *ctx, Reply *out);

#ifdef __cplusplus
}
#endif
#endif
