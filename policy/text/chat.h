// policy/text/chat.h -- conversations as the text that a model was trained on.
//
// Layer 2 (policy/text). A Chat is a template with its properties, found by name or by what a model
// folder holds (chat_template.jinja, tokenizer_config.json, else special tokens). A folder's own
// template is evaluated (policy/text/jinja), so it need be of no known family; where it is of one,
// the family's name and its switch for thinking are known too. A family chosen by name is rendered
// by the rules below, to the same text. ST_CONFIG: no such name, or a folder that has no template;
// ST_FORMAT: a template that does not parse, or messages that it refuses.
//
//   name                      turn                                           without being asked
//   chatml                    <|im_start|>ROLE\nTEXT<|im_end|>\n
//   smollm2 qwen2 qwen2.5 qwen2.5-math   the same                            a system message
//   qwen3                     the same; drops earlier thoughts               --no-think: an empty
//   thought qwq                       the same; drops earlier thoughts               prefills
//   <think>\n llama2                    [INST] TEXT [/INST] REPLY </s>                 <<SYS>>
//   inside the first turn llama3 <|start_header_id|>ROLE<|end_header_id|>\n\nTEXT<|eot_id|>
//   llama3.1 llama3.2         the same                                       a system message with
//   dates deepseek-v3               SYSTEM<|User|>TEXT<|Assistant|>REPLY<|end_of_sentence|>, wide
//   bars deepseek-r1               the same; drops earlier thoughts deepseek-r1-distill       the
//   same; drops earlier thoughts               prefills <think>\n deepseek-v3.1             the
//   same                                       <think> or </think> r1-zero                   A
//   conversation between User and Assistant. ... User: TEXT. Assistant:
#ifndef POLICY_TEXT_CHAT_H
#define POLICY_TEXT_CHAT_H

#include <stdbool.h>

#include "base/json.h"
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

typedef struct Jinja Jinja;

typedef struct Chat {
    ChatKind kind;
    Jinja *
        jinja; // the folder's own template, owned: chat_close; NULL: rendered by the family's rules
    const char *name;
    char system[CHAT_TEXT]; // said where no system message is given; "" = none
    char bos[64], eos[64];  // texts of the folder's tokens, "" = none
    char after[64];         // of an own template: what follows a reply
    bool switched;          // the template has a switch for thinking
    const Json *tools;      // set by the caller: what an own template lists as tools; NULL: none
    char prefill[16];       // what the reply is begun with: "<think>\n"
    bool drop_thoughts;     // of earlier replies: what precedes </think>
    bool join_systems;      // several system messages, with a blank line between; else the last
    bool dates, today;      // Llama-3.1's lines; the date is today's, else 26 Jul 2024
    ChatThinking thinking;  // set by the caller; off is refused where the family has no switch
    const char *said; // set by the caller: chat_prompt's system message, NULL: the family's own
} Chat;

typedef struct ChatMessage {
    const char *role, *content; // "system", "user", "assistant"; own templates may know others
    const Json
        *json; // the whole message (tool calls, parts) for own templates; NULL: role and content
} ChatMessage;

// "chatml, smollm2, ...", for messages.
const char *chat_names(void);
void chat_close(Chat *chat); // zeroed chats are fine
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

// For chat*.c: an own template. Parses it into chat->jinja; where the family is not known, what is
// prefilled and what ends a turn are found by rendering small conversations.
MUST_USE Status chat_template_open(const char *text, bool known, Chat *chat);
MUST_USE Status chat_template_render(const Chat *chat, const ChatMessage *message, int n,
                                     bool reply, Str *out);
// The token that follows a reply in the template; -1 if none can be told.
int32_t chat_template_turn_end(const Chat *chat, const Tokenizer *tokenizer);

// R1-Zero's words about <think> and <answer>, for use as a system message; and its whole prompt
// with {} for the question.
const char *chat_r1_zero(void);
const char *chat_r1_zero_prompt(void);

// A prompt: one question, ready for a reply, without a beginning token that the tokenizer (may be
// NULL) adds by itself.
MUST_USE Status chat_prompt(const Chat *chat, const Tokenizer *tokenizer, const char *question,
                            Str *out);
// Such a prompt as tokens; chat NULL: the question as written. Everything in the arena.
MUST_USE Status chat_encode(const Chat *chat, const Tokenizer *tokenizer, const char *question,
                            int32_t **ids, int *n, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
