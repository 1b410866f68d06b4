// sft/example.c -- encodes the two parts, joins them, marks what is trained.
#include "sft/example.h"

#include <string.h>

Status example_encode(const Tokenizer *tokenizer, const Chat *chat, const Document *document,
                      ExampleMask mask, int32_t eos_id, Example *out, Arena *arena) {
    int32_t *prompt = NULL, *response;
    int n_prompt = 0, n_response;
    *out = (Example){0};
    size_t size = strlen(document->prompt);
    if (size) TRY(chat_encode(chat, tokenizer, document->prompt, &prompt, &n_prompt, arena));
    if (size && chat && chat_turn_end(chat, tokenizer) >= 0)
        eos_id = chat_turn_end(chat, tokenizer);
    TRY(tokenizer_encode(tokenizer, document->response, strlen(document->response), true, size == 0,
                         &response, &n_response, arena));

    int n = n_prompt + n_response + (eos_id >= 0);
    out->token = ARENA_ARRAY(arena, int32_t, n);
    out->want = ARENA_ARRAY(arena, uint8_t, n);
    out->n = n;
    if (n_prompt) memcpy(out->token, prompt, (size_t)n_prompt * sizeof *prompt);
    if (n_response) memcpy(out->token + n_prompt, response, (size_t)n_response * sizeof *response);
    if (eos_id >= 0) out->token[n - 1] = eos_id;
    int from = mask == EXAMPLE_ALL ? 1 : n_prompt > 1 ? n_prompt : 1;
    for (int t = from; t < n; t++) out->want[t] = 1;
    return ST_OK;
}
