// datasets/rowdocument.c -- rows as documents for next-token training.
#include <string.h>

#include "datasets/rowform.h"
#include "datasets/rowread.h"

static const char *const prompts[] = {"prompt", "question", "problem", "input", "query", NULL};
static const char *const responses[] = {"response", "completion", "solution",
                                        "answer",   "output",     NULL};

// A conversation up to its last reply.
static const char *conversation(const Json *list, const char *name, Document *out, Arena *arena) {
    DocumentTurn *turn;
    int n;
    const char *why = rowread_turns(list, name, &turn, &n, arena);
    if (why) return why;
    *out = (Document){.prompt = "", .response = "", .turn = turn};
    for (int i = 0; i < n; i++)
        if (turn[i].role[0] == 'a' && *turn[i].content) out->n_turns = i + 1;
    return out->n_turns ? NULL : arena_printf(arena, "'%s' holds no reply of the assistant", name);
}

// Messages of both sides (either may be a text), one after the other.
static const char *joined(const Json *asked, const char *asked_name, const Json *said,
                          const char *said_name, Document *out, Arena *arena) {
    DocumentTurn *first = NULL, *second = NULL;
    int n_first = 0, n_second = 0;
    const Json *const side[] = {asked, said};
    const char *const name[] = {asked_name, said_name}, *const role[] = {"user", "assistant"};
    DocumentTurn **turn[] = {&first, &second};
    int *n[] = {&n_first, &n_second};
    for (int i = 0; i < 2; i++) {
        const char *why = NULL;
        if (rowread_is_turns(side[i])) {
            why = rowread_turns(side[i], name[i], turn[i], n[i], arena);
        } else {
            *turn[i] = ARENA_ARRAY(arena, DocumentTurn, 1);
            *n[i] = 1;
            (*turn[i])[0] = (DocumentTurn){role[i], rowread_text(side[i], name[i], &why, arena)};
        }
        if (why) return why;
    }
    // A preference's 'chosen' holds the question again.
    int skip = 0;
    if (n_second > n_first && strcmp(second[n_first - 1].content, first[n_first - 1].content) == 0)
        skip = n_first;
    DocumentTurn *all = ARENA_ARRAY(arena, DocumentTurn, n_first + n_second);
    memcpy(all, first, (size_t)n_first * sizeof *all);
    memcpy(all + n_first, second + skip, (size_t)(n_second - skip) * sizeof *all);
    int total = n_first + n_second - skip;
    while (total && all[total - 1].role[0] != 'a') total--;
    *out = (Document){.prompt = "", .response = "", .turn = all, .n_turns = total};
    return total ? NULL : arena_printf(arena, "'%s' holds no reply of the assistant", said_name);
}

static const char *pair(const Json *asked, const char *asked_name, const Json *said,
                        const char *said_name, Document *out, Arena *arena) {
    if (rowread_is_turns(asked) || rowread_is_turns(said))
        return joined(asked, asked_name, said, said_name, out, arena);
    const char *why = NULL;
    *out = (Document){.prompt = rowread_text(asked, asked_name, &why, arena)};
    if (out->prompt) out->response = rowread_text(said, said_name, &why, arena);
    if (why) return why;
    return *out->response ? NULL : "the response is empty";
}

// Alpaca: the input, where there is one, is below the instruction.
static const char *alpaca(const Json *row, Document *out, Arena *arena) {
    const char *why = NULL;
    const char *instruction =
        rowread_text(json_get(row, "instruction"), "instruction", &why, arena);
    const char *output =
        instruction ? rowread_text(json_get(row, "output"), "output", &why, arena) : NULL;
    if (!output) return why;
    const char *input = rowread_text(json_get(row, "input"), "input", NULL, arena);
    *out =
        (Document){.prompt = input && *input ? arena_printf(arena, "%s\n\n%s", instruction, input)
                                             : instruction,
                   .response = output};
    return *output ? NULL : "the response is empty";
}

const char *rowform_document(const Json *row, const char *prompt, const char *response,
                             Document *out, Arena *arena) {
    *out = (Document){0};
    if (prompt && response)
        return pair(rowread_at(row, prompt), prompt, rowread_at(row, response), response, out,
                    arena);
    if (response) { // a text, or a conversation
        const Json *value = rowread_at(row, response);
        if (rowread_is_turns(value)) return conversation(value, response, out, arena);
        const char *why = NULL;
        *out = (Document){.prompt = "", .response = rowread_text(value, response, &why, arena)};
        return why ? why : *out->response ? NULL : "the text is empty";
    }
    static const char *const talks[] = {"messages", "conversations", NULL};
    const char *name = NULL, *said_name = NULL;
    const Json *talk = rowread_first(row, talks, &name);
    if (talk && json_kind(talk) != JSON_NULL) return conversation(talk, name, out, arena);
    const Json *text = json_get(row, "text");
    if (text) return rowform_document(row, NULL, "text", out, arena);
    const Json *chosen = json_get(row, "chosen");
    if (chosen && rowread_is_turns(chosen) && !json_get(row, "prompt"))
        return conversation(chosen, "chosen", out, arena);
    const Json *asked = rowread_first(row, prompts, &name);
    if (chosen && asked) return pair(asked, name, chosen, "chosen", out, arena);
    if (json_get(row, "instruction") && json_get(row, "output")) return alpaca(row, out, arena);
    const Json *said = rowread_first(row, responses, &said_name);
    if (!asked || !said)
        return "no document: needs 'text', or 'prompt' and 'response', or 'messages', or the "
               "fields that data.fields names";
    return pair(asked, name, said, said_name, out, arena);
}
