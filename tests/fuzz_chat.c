// tests/fuzz_chat.c -- any bytes as a chat template, and as what is said in one.
#include <stdlib.h>
#include <string.h>

#include "policy/text/chat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"chatml",  "qwen2.5",      "qwen3",       "qwq",
                                    "llama2",  "llama3.1",     "deepseek-v3", "deepseek-r1-distill",
                                    "r1-zero", "deepseek-v3.1"};

static void talk(const Chat *chat, const char *text, size_t size) {
    static const char *const role[] = {"user", "assistant", "system"};
    char *copy = malloc(size + 1), *rest = copy, *part;
    ChatMessage message[8];
    int n = 0;
    Str out = {0};
    if (!copy) abort();
    memcpy(copy, text, size);
    copy[size] = 0;
    while (n < 8 && (part = strsep(&rest, "\x1e")) != NULL)
        message[n] =
            (ChatMessage){.role = role[((size_t)n + (unsigned char)part[0]) % 3], .content = part},
        n++;
    str_puts(&out, "before");
    Status st = chat_render(chat, message, n, size % 2, &out);
    if (st != ST_OK && (out.size != 6 || strcmp(out.data, "before") != 0)) abort();
    str_free(&out);
    free(copy);
}

// The first byte chooses: a template's text, or a conversation in a template by name.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Chat chat;
    if (size == 0) return 0;
    size_t which = data[0] % 16;
    if (which < sizeof names / sizeof *names) {
        if (chat_named(names[which], &chat) != ST_OK) abort();
        chat.thinking = data[0] & 16 ? CHAT_THINK_OFF : CHAT_THINK_AUTO;
        talk(&chat, (const char *)data + 1, size - 1);
        return 0;
    }
    char *text = malloc(size);
    if (!text) abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    if (chat_of_template(text, "<s>", "</s>", &chat) == ST_OK) {
        talk(&chat, "Hi\x1eYes\x1eNo", 9);
        chat_close(&chat);
    }
    free(text);
    return 0;
}
