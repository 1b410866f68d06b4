// policy/text/chat.h -- conversations as the text that a model was trained on.
//
// Layer 2 (policy/text). A Chat is one family's template with its properties; it is found by name
// or by what a model folder says (chat_template.jinja, tokenizer_config.json, else special tokens).
// Templates are not run: they are recognised, and the family's own rules written here render them
// to the same text. ST_CONFIG: no such name, or a folder that says nothing; ST_UNSUPPORTED: a
// template of no known family; ST_FORMAT: messages that the family cannot have.
//
//   name                 turn                                            of its own accord
//   chatml               <|im_start|>ROLE\nTEXT<|im_end|>\n
//   smollm2 qwen2 qwen2.5 qwen2.5-math      the same                     a system message
//   qwen3                the same; drops earlier thoughts                --no-think: an empty
//   thought qwq                  the same; drops earlier thoughts                <think>\n is
//   prefilled llama2               [INST] TEXT [/INST] REPLY </s>                  <<SYS>> inside
//   the first turn llama3               <|start_header_id|>ROLE<|end_header_id|>\n\nTEXT<|eot_id|>
//   llama3.1 llama3.2    the same                                        a system message with
//   dates deepseek-v3          SYSTEM<|User|>TEXT<|Assistant|>REPLY<|end_of_sentence|>, wide bars
//   deepseek-r1          the same; drops earlier thoughts
//   deepseek-r1-distill  the same; drops earlier thoughts                <think>\n is prefilled
//   deepseek-v3.1        the same                                        <think> or </think>
//   r1-zero              A conversation between User and Assistant. ... User: TEXT. Assistant:
#ifndef POLICY_FILES_CHAT_H
#define POLICY_FILES_CHAT_H

#include <stdbool.h>

#include "base/status.h"
#include "base/str.h"
#include "policy/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ChatKind {
    CHAT_CHATML,
    CHAT_QWEN3,
    CHAT_LLAMA2,
    CHAT_LLAMA3,
    CHAT_DEEPSEEK,
    CHAT_DEEPSEEK31,
    CHAT_R1_ZERO
} ChatKind;

typedef enum ChatThinking { CHAT_THINK_AUTO, CHAT_THINK_ON, CHAT_THINK_OFF } ChatThinking;
#define CHAT_THINKING_CHOICES "auto|on|off" // for a ConfigKey, in the enum's order

enum { CHAT_TEXT = 512 }; // longest default system message, with its terminator

typedef struct Chat {
    ChatKind kind;
    const char *name;
    char system[CHAT_TEXT]; // said where no system message is given; "" = none
    char bos[64], eos[64];  // texts of the folder's tokens, "" = none
    char prefill[16];       // what the reply is begun with: "<think>\n"
    bool drop_thoughts;     // of earlier replies: what stands before </think>
    bool join_systems;      // several system messages, with a blank line between; else the last
    bool dates, today;      // Llama-3.1's lines; the date is today's, else 26 Jul 2024
    ChatThinking thinking;  // set by the caller; off is refused where the family has no switch
    const char *said; // set by the caller: chat_prompt's system message, NULL: the family's own
} Chat;

typedef struct ChatMessage {
    const char *role, *content; // "system", "user", "assistant"
} ChatMessage;

// "chatml, smollm2, ...", for messages.
const char *chat_names(void);
MUST_USE Status chat_named(const char *name, Chat *out);
// From a folder; the tokenizer may be NULL where its tokens do not matter. A file (tokenizer.json)
// stands for its folder.
MUST_USE Status chat_of_folder(const char *folder, const Tokenizer *tokenizer, Chat *out);
// From the text of a template. bos and eos as above.
MUST_USE Status chat_of_template(const char *text, const char *bos, const char *eos, Chat *out);
// `name` "auto" or NULL: of the folder. A name takes bos and eos from the folder if they are there.
MUST_USE Status chat_open(const char *name, const char *folder, const Tokenizer *tokenizer,
                          Chat *out);

// Appends the conversation. `reply`: ends where the assistant's reply begins
// (add_generation_prompt) with what is prefilled. On failure `out` is as it was.
MUST_USE Status chat_render(const Chat *chat, const ChatMessage *message, int n, bool reply,
                            Str *out);
// What chat_render puts before the reply that counts as part of it: "<think>\n", "" for nothing.
const char *chat_prefilled(const Chat *chat);
// Where a rendered text begins with the token that the tokenizer puts there itself, its length.
size_t chat_own_bos(const Tokenizer *tokenizer, const char *text);
// The tokens that end a turn besides eos ("<|im_end|>"), for stopping: -1 where there is none.
int32_t chat_turn_end(const Chat *chat, const Tokenizer *tokenizer);

// R1-Zero's words about <think> and <answer>, for use as a system message; and its whole prompt
// with {} for the question.
const char *chat_r1_zero(void);
const char *chat_r1_zero_prompt(void);

// A prompt: one question, ready for a reply, without a beginning token that the tokenizer (may be
// NULL) adds by itself.
MUST_USE Status chat_prompt(const Chat *chat, const Tokenizer *tokenizer, const char *question,
                            Str *out);
// Such a prompt as tokens; chat NULL: the question as it stands. Everything in the arena.
MUST_USE Status chat_encode(const Chat *chat, const Tokenizer *tokenizer, const char *question,
                            int32_t **ids, int *n, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
