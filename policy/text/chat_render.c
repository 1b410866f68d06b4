// policy/text/chat_render.c -- each family's rules, to the letter of its published template.
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "policy/text/chat.h"

#define WIDE(name) "<\xEF\xBD\x9C" name "\xEF\xBD\x9C>"

typedef struct ChatView {
    const char *text;
    size_t size;
} ChatView;

static ChatView view(const char *text) {
    return (ChatView){text, strlen(text)};
}

static void put(Str *out, ChatView v) {
    str_add(out, v.text, v.size);
}

static ChatView trim(ChatView v, bool newlines_only, bool left, bool right) {
    while (left && v.size && (newlines_only ? *v.text == '\n' : isspace((unsigned char)*v.text)))
        v.text++, v.size--;
    while (
        right && v.size &&
        (newlines_only ? v.text[v.size - 1] == '\n' : isspace((unsigned char)v.text[v.size - 1])))
        v.size--;
    return v;
}

// After the last </think>; *thought: what precedes the first, from its <think> on.
static ChatView split_thought(const char *content, ChatView *thought) {
    const char *close = strstr(content, "</think>"), *last = NULL;
    *thought = (ChatView){content, 0};
    if (!close) return view(content);
    for (const char *at = close; at; at = strstr(at + 1, "</think>")) last = at;
    thought->size = (size_t)(close - content);
    for (const char *at = content; (at = strstr(at, "<think>")) != NULL && at < close;) {
        at += strlen("<think>");
        *thought = (ChatView){at, (size_t)(close - at)};
    }
    return view(last + strlen("</think>"));
}

static bool is(const ChatMessage *m, const char *role) {
    return strcmp(m->role, role) == 0;
}

// ---- <|im_start|> ----------------------------------------------------------------------------
static void open_turn(const char *role, Str *out) {
    str_puts(out, "<|im_start|>");
    str_puts(out, role);
    str_putc(out, '\n');
}

static void qwen3_reply(const ChatMessage *m, bool after_query, bool last, Str *out) {
    ChatView thought, answer = split_thought(m->content, &thought);
    if (strstr(m->content, "</think>")) answer = trim(answer, true, true, false);
    thought = trim(thought, true, true, true);
    if (after_query && (last || thought.size)) {
        str_puts(out, "<think>\n");
        put(out, thought);
        str_puts(out, "\n</think>\n\n");
        answer = trim(answer, true, true, false);
    }
    put(out, answer);
}

static bool is_tool_response(const char *content) {
    static const char open[] = "<tool_response>", close[] = "</tool_response>";
    size_t size = strlen(content), n_close = sizeof close - 1;
    return strncmp(content, open, sizeof open - 1) == 0 && size >= n_close &&
           strcmp(content + size - n_close, close) == 0;
}

static void chatml(const Chat *chat, const ChatMessage *m, int n, bool reply, Str *out) {
    int query = n - 1; // the last question: thoughts after it stay
    for (int i = n - 1; i >= 0; i--)
        if (is(&m[i], "user") && !is_tool_response(m[i].content)) {
            query = i;
            break;
        }
    if (chat->system[0] && (n == 0 || !is(&m[0], "system"))) {
        open_turn("system", out);
        str_puts(out, chat->system);
        str_puts(out, "<|im_end|>\n");
    }
    for (int i = 0; i < n; i++) {
        ChatView thought;
        open_turn(m[i].role, out);
        if (!is(&m[i], "assistant") || !chat->drop_thoughts)
            str_puts(out, m[i].content);
        else if (chat->kind == CHAT_QWEN3)
            qwen3_reply(&m[i], i > query, i == n - 1, out);
        else
            put(out, trim(split_thought(m[i].content, &thought), true, true, false));
        str_puts(out, "<|im_end|>\n");
    }
    if (!reply) return;
    open_turn("assistant", out);
    str_puts(out, chat_prefilled(chat));
    if (chat->kind == CHAT_QWEN3 && chat->thinking == CHAT_THINK_OFF)
        str_puts(out, "<think>\n\n</think>\n\n");
}

// ---- Llama -----------------------------------------------------------------------------------
static void header(const char *role, Str *out) {
    str_puts(out, "<|start_header_id|>");
    str_puts(out, role);
    str_puts(out, "<|end_header_id|>\n\n");
}

static void put_dates(const Chat *chat, Str *out) {
    char date[32] = "26 Jul 2024";
    time_t now = time(NULL);
    struct tm local;
    if (chat->today && localtime_r(&now, &local)) strftime(date, sizeof date, "%d %b %Y", &local);
    str_printf(out, "Cutting Knowledge Date: December 2023\nToday Date: %s\n\n", date);
}

static void llama3(const Chat *chat, const ChatMessage *m, int n, bool reply, Str *out) {
    str_puts(out, chat->bos);
    int first = 0;
    if (chat->dates) {
        header("system", out);
        put_dates(chat, out);
        if (n > 0 && is(&m[0], "system"))
            put(out, trim(view(m[first++].content), false, true, true));
        str_puts(out, "<|eot_id|>");
    }
    for (int i = first; i < n; i++) {
        header(m[i].role, out);
        put(out, trim(view(m[i].content), false, true, true));
        str_puts(out, "<|eot_id|>");
    }
    if (reply) header("assistant", out);
}

static Status llama2(const Chat *chat, const ChatMessage *m, int n, Str *out) {
    const char *system = n > 0 && is(&m[0], "system") ? m[0].content : NULL;
    int first = system != NULL;
    for (int i = first; i < n; i++) {
        bool user = (i - first) % 2 == 0;
        if (is(&m[i], "user") != user)
            return FAIL(ST_FORMAT,
                        "message %d: Llama-2's template wants user and assistant in turn", i);
        if (is(&m[i], "system")) {
            str_puts(out, "<<SYS>>\n");
            put(out, trim(view(m[i].content), false, true, true));
            str_puts(out, "\n<</SYS>>\n\n");
            continue;
        }
        if (!user) {
            str_putc(out, ' ');
            put(out, trim(view(m[i].content), false, true, true));
            str_putc(out, ' ');
            str_puts(out, chat->eos);
            continue;
        }
        Str content = {0};
        if (i == first && system) str_printf(&content, "<<SYS>>\n%s\n<</SYS>>\n\n", system);
        str_puts(&content, m[i].content);
        str_puts(out, chat->bos);
        str_puts(out, "[INST] ");
        put(out, trim((ChatView){str_text(&content), content.size}, false, true, true));
        str_puts(out, " [/INST]");
        str_free(&content);
    }
    return ST_OK;
}

// ---- DeepSeek --------------------------------------------------------------------------------
static void systems(const Chat *chat, const ChatMessage *m, int n, Str *out) {
    const char *last = "";
    bool first = true;
    for (int i = 0; i < n; i++) {
        if (!is(&m[i], "system")) continue;
        last = m[i].content;
        if (!chat->join_systems) continue;
        if (!first) str_puts(out, "\n\n");
        str_puts(out, last);
        first = false;
    }
    if (!chat->join_systems) str_puts(out, last);
}

static void deepseek(const Chat *chat, const ChatMessage *m, int n, bool reply, Str *out) {
    bool v31 = chat->kind == CHAT_DEEPSEEK31, asked = false;
    str_puts(out, chat->bos);
    systems(chat, m, n, out);
    for (int i = 0; i < n; i++) {
        if (is(&m[i], "user")) {
            str_puts(out, WIDE("User"));
            str_puts(out, m[i].content);
            asked = true;
        } else if (is(&m[i], "assistant")) {
            ChatView thought, content = view(m[i].content);
            if (v31) {
                const char *close = strstr(m[i].content, "</think>");
                if (close) content = view(close + strlen("</think>"));
            } else if (chat->drop_thoughts) {
                content = split_thought(m[i].content, &thought);
            }
            if (!v31 || asked) str_puts(out, WIDE("Assistant"));
            if (v31 && asked) str_puts(out, "</think>");
            put(out, content);
            str_puts(out, chat->eos);
            asked = false;
        }
    }
    if (!reply || (v31 && !asked)) return;
    str_puts(out, WIDE("Assistant"));
    if (v31)
        str_puts(out, chat->thinking == CHAT_THINK_ON ? "<think>" : "</think>");
    else
        str_puts(out, chat_prefilled(chat));
}

// ---- R1-Zero ---------------------------------------------------------------------------------
#define R1_ZERO                                                                                    \
    "A conversation between User and Assistant. The user asks a question, and the Assistant "      \
    "solves it. The assistant first thinks about the reasoning process in the mind and then "      \
    "provides the user with the answer. The reasoning process and answer are enclosed within "     \
    "<think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process " \
    "here </think> <answer> answer here </answer>."

static void zero(const Chat *chat, const ChatMessage *m, int n, bool reply, Str *out) {
    str_puts(out, chat->bos);
    bool system = n > 0 && is(&m[0], "system");
    str_puts(out, system ? m[0].content : R1_ZERO);
    for (int i = system; i < n; i++) {
        str_puts(out, is(&m[i], "assistant") ? " Assistant:" : " User: ");
        str_puts(out, m[i].content);
        if (!is(&m[i], "assistant")) str_putc(out, '.');
    }
    if (reply) str_puts(out, " Assistant:");
}

const char *chat_prefilled(const Chat *chat) {
    if (chat->kind == CHAT_DEEPSEEK31) return chat->thinking == CHAT_THINK_ON ? "<think>" : "";
    return chat->thinking == CHAT_THINK_OFF ? "" : chat->prefill;
}

Status chat_render(const Chat *chat, const ChatMessage *m, int n, bool reply, Str *out) {
    bool switched = chat->switched || chat->kind == CHAT_QWEN3 || chat->kind == CHAT_DEEPSEEK31 ||
                    chat->prefill[0];
    if (chat->thinking == CHAT_THINK_OFF && !switched)
        return FAIL(ST_CONFIG, "template %s has no switch for thinking", chat->name);
    if (chat->jinja) return chat_template_render(chat, m, n, reply, out);
    for (int i = 0; i < n; i++)
        if (!is(&m[i], "system") && !is(&m[i], "user") && !is(&m[i], "assistant"))
            return FAIL(ST_FORMAT,
                        "message %d: role '%s' is not supported: system, user, assistant", i,
                        m[i].role);
    size_t before = out->size;
    Status st = ST_OK;
    switch (chat->kind) {
    case CHAT_CHATML:
    case CHAT_QWEN3: chatml(chat, m, n, reply, out); break;
    case CHAT_LLAMA2: st = llama2(chat, m, n, out); break;
    case CHAT_LLAMA3: llama3(chat, m, n, reply, out); break;
    case CHAT_DEEPSEEK:
    case CHAT_DEEPSEEK31: deepseek(chat, m, n, reply, out); break;
    case CHAT_R1_ZERO: zero(chat, m, n, reply, out); break;
    }
    if (st != ST_OK && out->size > before) {
        out->size = before;
        out->data[before] = 0;
    }
    return st;
}

const char *chat_r1_zero(void) {
    return R1_ZERO;
}

const char *chat_r1_zero_prompt(void) {
    return R1_ZERO " User: {}. Assistant:";
}

Status chat_encode(const Chat *chat, const Tokenizer *tokenizer, const char *question,
                   int32_t **ids, int *n, Arena *arena) {
    Str text = {0};
    Status st = ST_OK;
    if (chat)
        st = chat_prompt(chat, tokenizer, question, &text);
    else
        str_puts(&text, question);
    if (st == ST_OK)
        st = tokenizer_encode(tokenizer, str_text(&text), text.size, true, true, ids, n, arena);
    str_free(&text);
    return st;
}

Status chat_prompt(const Chat *chat, const Tokenizer *tokenizer, const char *question, Str *out) {
    ChatMessage m[2] = {{.role = "system", .content = chat->said},
                        {.role = "user", .content = question}};
    bool has_system = chat->said && chat->said[0];
    Str text = {0};
    Status st = chat_render(chat, has_system ? m : m + 1, has_system ? 2 : 1, true, &text);
    if (st == ST_OK) {
        size_t bos = tokenizer ? chat_own_bos(tokenizer, str_text(&text)) : 0;
        str_add(out, str_text(&text) + bos, text.size - bos);
    }
    str_free(&text);
    return st;
}
