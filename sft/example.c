// sft/example.c -- encodes the two parts, joins them, marks what is trained.
#include "sft/example.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"

// ---- a conversation: pieces of text, each trained or not ------------------------------------
typedef struct ExamplePart {
    size_t end; // in the text
    bool trained;
} ExamplePart;

typedef struct Talk {
    Str text;
    ExamplePart *piece;
    int n;
} Talk;

static void cut(Talk *talk, size_t end, bool trained) {
    talk->piece[talk->n++] = (ExamplePart){end, trained};
}

static bool begins(const Str *s, const Str *with) {
    return with->size <= s->size && memcmp(str_text(s), str_text(with), with->size) == 0;
}

// Does the turn stand in text[from..to) as it was written, with no more than an end and blanks?
static bool unchanged(const Str *text, size_t from, size_t to, const char *content) {
    enum { END = 32 };
    while (isspace((unsigned char)*content)) content++;
    size_t n = strlen(content);
    while (n && isspace((unsigned char)content[n - 1])) n--;
    const char *at = str_text(text) + from;
    return to - from <= strlen(content) + END && memmem(at, to - from, content, n) != NULL;
}

// What precedes the last reply, cut where earlier ones begin and end.
static Status render(const Chat *chat, const ChatMessage *m, int n, Talk *talk) {
    Str ask = {0}, told = {0};
    size_t done = 0;
    Status st = chat_render(chat, m, n - 1, true, &talk->text);
    for (int i = 0; st == ST_OK && i < n - 1; i++) {
        if (strcmp(m[i].role, "assistant") != 0) continue;
        str_clear(&ask);
        str_clear(&told);
        st = chat_render(chat, m, i, true, &ask);
        if (st == ST_OK) st = chat_render(chat, m, i + 1, false, &told);
        while (told.size && isspace((unsigned char)told.data[told.size - 1])) told.size--;
        if (st != ST_OK || !begins(&talk->text, &ask) || !begins(&talk->text, &told) ||
            told.size <= ask.size || ask.size < done ||
            !unchanged(&talk->text, ask.size, told.size, m[i].content))
            continue;
        cut(talk, ask.size, false);
        cut(talk, told.size, true);
        done = told.size;
    }
    if (st == ST_OK) cut(talk, talk->text.size, false);
    str_free(&ask);
    str_free(&told);
    return st;
}

static void add(Example *e, const int32_t *ids, int n, bool trained) {
    if (n) memcpy(e->token + e->n, ids, (size_t)n * sizeof *ids);
    memset(e->want + e->n, trained, (size_t)n);
    e->n += n;
}

// The tokens of all pieces, the last reply and its end.
static Status join(const Tokenizer *tokenizer, const Chat *chat, const Talk *talk,
                   const char *reply, ExampleMask mask, int32_t eos_id, Example *out,
                   Arena *arena) {
    const char *prefilled = chat_prefilled(chat);
    size_t n_prefilled = strlen(prefilled);
    if (n_prefilled && strncmp(reply, prefilled, n_prefilled) == 0) reply += n_prefilled;
    // A byte is one token at most, and normal form C makes three of it at most.
    size_t most = 3 * (talk->text.size + strlen(reply)) + 16;
    out->token = ARENA_ARRAY(arena, int32_t, most);
    out->want = ARENA_ARRAY(arena, uint8_t, most);
    size_t at = chat_own_bos(tokenizer, str_text(&talk->text));
    int32_t *ids;
    int n;
    for (int i = 0; i < talk->n; i++) {
        const ExamplePart *p = &talk->piece[i];
        TRY(tokenizer_encode(tokenizer, str_text(&talk->text) + at, p->end - at, true, i == 0, &ids,
                             &n, arena));
        add(out, ids, n, mask == EXAMPLE_ALL || p->trained);
        at = p->end;
    }
    TRY(tokenizer_encode(tokenizer, reply, strlen(reply), true, false, &ids, &n, arena));
    add(out, ids, n, true);
    if (eos_id >= 0) add(out, &eos_id, 1, true);
    CHECK((size_t)out->n <= most);
    if (out->n) out->want[0] = 0; // nothing is before it
    return ST_OK;
}

static Status encode_talk(const Tokenizer *tokenizer, const Chat *chat, const Document *document,
                          ExampleMask mask, int32_t eos_id, Example *out, Arena *arena) {
    if (!chat)
        return FAIL(ST_CONFIG, "a document of 'messages' needs a chat template: data.chat=auto, or "
                               "the name of one");
    int n = 0;
    ChatMessage *m = ARENA_ARRAY(arena, ChatMessage, document->n_turns + 1);
    const DocumentTurn *turn = document->turn;
    if (chat->said && chat->said[0] && strcmp(turn[0].role, "system") != 0)
        m[n++] = (ChatMessage){.role = "system", .content = chat->said};
    for (int i = 0; i < document->n_turns; i++)
        m[n++] = (ChatMessage){.role = turn[i].role, .content = turn[i].content};
    if (chat_turn_end(chat, tokenizer) >= 0) eos_id = chat_turn_end(chat, tokenizer);
    Talk talk = {.piece = ARENA_ARRAY(arena, ExamplePart, 2 * n + 1)};
    Status st = render(chat, m, n, &talk);
    if (st == ST_OK)
        st = join(tokenizer, chat, &talk, m[n - 1].content, mask, eos_id, out, arena);
    else if (st == ST_FORMAT)
        st = ST_OK; // the template refuses it: no tokens
    str_free(&talk.text);
    return st;
}

Status example_encode(const Tokenizer *tokenizer, const Chat *chat, const Document *document,
                      ExampleMask mask, int32_t eos_id, Example *out, Arena *arena) {
    int32_t *prompt = NULL, *response;
    int n_prompt = 0, n_response;
    *out = (Example){0};
    if (document->n_turns > 0)
        return encode_talk(tokenizer, chat, document, mask, eos_id, out, arena);
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
