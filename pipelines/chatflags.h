// pipelines/chatflags.h -- the flags of every command that can speak in a chat template.
//
// Layer 5. ST_CONFIG names the flag.
#ifndef PIPELINES_CHATFLAGS_H
#define PIPELINES_CHATFLAGS_H

#include "base/json.h"
#include "pipelines/actor.h"
#include "pipelines/args.h"

#ifdef __cplusplus
extern "C" {
#endif

// Rows for a command's table of flags.
#define CHAT_FLAGS                                                                                 \
    {"chat", 0, NULL, "prompts are what a user says, in the model's own chat template"},           \
        {"template", 0, "NAME", "the chat template of this family: chatml, qwen3, llama3, ..."},   \
        {"system", 0, "TEXT", "with a template: the system message; r1-zero = R1-Zero's words"}, { \
        "no-think", 0, NULL, "with a template that has the switch (qwen3): no thinking"            \
    }

// Are the flags there that ask for a template?
bool chatflags_given(const Args *args);
// The name for chat_open, thinking and system message as the flags say.
const char *chatflags_name(const Args *args);
ChatThinking chatflags_thinking(const Args *args);
const char *chatflags_system(const Args *args);
// actor_chat with all of them; without flags nothing is done and *out is NULL.
MUST_USE Status chatflags_actor(const Args *args, Actor *actor, const Chat **out);
// The messages of a line: {"messages":[{"role","content"},...],"tools":[...]} rendered for a reply
// into the arena, or the sentence of what is wrong in *error. Tools, tool calls and contents in
// parts need a template of the model's own.
const char *chatflags_messages(const Chat *chat, const Tokenizer *tokenizer, const Json *row,
                               const char **error, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
