// tests/test_example.c -- sft/example: what of a document is trained on.
#include "sft/example.h"

#include "base/file.h"
#include "datasets/desk.h"
#include "tests/test.h"

static Tokenizer *tokenizer;
static Tokenizer *letters; // of any text, with <|im_end|>
static Arena *arena;

static void all_tokens_or_the_response_alone_are_trained(void **state) {
    (void)state;
    Document d = {.prompt = "User: Compute 1+2. Assistant:", .response = " \\boxed{3}"};
    int32_t *ids;
    int n_prompt, n_response;
    assert_ok(tokenizer_encode(tokenizer, d.prompt, strlen(d.prompt), true, true, &ids, &n_prompt,
                               arena));
    assert_ok(tokenizer_encode(tokenizer, d.response, strlen(d.response), true, false, &ids,
                               &n_response, arena));
    Example all, response;
    assert_ok(example_encode(tokenizer, NULL, &d, EXAMPLE_ALL, 7, &all, arena));
    assert_ok(example_encode(tokenizer, NULL, &d, EXAMPLE_RESPONSE, 7, &response, arena));
    assert_int_equal(all.n, n_prompt + n_response + 1);
    assert_int_equal(all.token[all.n - 1], 7);
    assert_memory_equal(all.token, response.token, (size_t)all.n * sizeof *all.token);
    assert_memory_equal(all.token + n_prompt, ids, (size_t)n_response * sizeof *ids);
    for (int t = 0; t < all.n; t++) {
        assert_int_equal(all.want[t], t > 0);
        assert_int_equal(response.want[t], t >= n_prompt);
    }
}

static void a_text_without_prompt_is_all_response(void **state) {
    (void)state;
    Document d = {.prompt = "", .response = "12"};
    Example e;
    assert_ok(example_encode(tokenizer, NULL, &d, EXAMPLE_RESPONSE, -1, &e, arena));
    assert_int_equal(e.n, 2);
    assert_int_equal(e.want[0], 0); // nothing is before it
    assert_int_equal(e.want[1], 1);
}

static void tokens_of_a_document_spell_its_text(void **state) {
    (void)state;
    int32_t eos = tokenizer_id(tokenizer, "<eos>");
    for (uint64_t i = 0; i < 500; i++) {
        ArenaMark mark = arena_mark(arena);
        Document d;
        Example e;
        Str text = {0};
        desk_document(&desk_default, 1, i, &d, NULL, NULL, NULL, arena);
        assert_ok(example_encode(tokenizer, NULL, &d, EXAMPLE_ALL, eos, &e, arena));
        tokenizer_decode(tokenizer, e.token, e.n - 1, false, &text);
        assert_string_equal(text.data, arena_printf(arena, "%s%s", d.prompt, d.response));
        // Far fewer tokens than characters: words and tags are one token each.
        assert_true(e.n * 3 < (int)text.size * 2 + 30);
        str_free(&text);
        arena_rewind(arena, mark);
    }
}

// ---- conversations -------------------------------------------------------------------------

static const DocumentTurn talk[] = {{"system", "Be brief."},
                                    {"user", "1+1?"},
                                    {"assistant", "2"},
                                    {"user", "2+2?"},
                                    {"assistant", "4"}};

// The trained tokens as text, a bar where others are between them.
static const char *trained(const Example *e) {
    Str text = {0};
    for (int t = 0; t < e->n; t++) {
        if (e->want[t])
            tokenizer_decode(letters, &e->token[t], 1, false, &text);
        else if (text.size && text.data[text.size - 1] != '|')
            str_putc(&text, '|');
    }
    const char *out = arena_printf(arena, "%s", str_text(&text));
    str_free(&text);
    return out;
}

static void all_replies_of_a_conversation_are_trained(void **state) {
    (void)state;
    Document d = {"", "", talk, 5};
    Chat chat;
    assert_ok(chat_named("chatml", &chat));
    Example e, all;
    assert_ok(example_encode(letters, &chat, &d, EXAMPLE_RESPONSE, 0, &e, arena));
    Str text = {0}, want = {0};
    tokenizer_decode(letters, e.token, e.n, false, &text);
    ChatMessage m[4];
    for (int i = 0; i < 4; i++)
        m[i] = (ChatMessage){.role = talk[i].role, .content = talk[i].content};
    assert_ok(chat_render(&chat, m, 4, true, &want));
    str_puts(&want, "4");
    assert_true(text.size > want.size);
    assert_memory_equal(text.data, want.data, want.size); // what a sampler would see, then the end
    assert_string_equal(trained(&e), "2<|im_end|>|4<|im_end|>");
    assert_ok(example_encode(letters, &chat, &d, EXAMPLE_ALL, 0, &all, arena));
    assert_int_equal(all.n, e.n);
    for (int t = 0; t < all.n; t++) assert_int_equal(all.want[t], t > 0);
    str_free(&text);
    str_free(&want);
}

static void a_reply_that_the_template_changes_is_not_trained(void **state) {
    (void)state;
    DocumentTurn t[] = {{"user", "1+1?"},
                        {"assistant", "<think>\none\n</think>\n\n2"},
                        {"user", "2+2?"},
                        {"assistant", "<think>\ntwo\n</think>\n\n4"}};
    Document d = {"", "", t, 4};
    Chat chat;
    assert_ok(chat_named("qwen3", &chat));
    Example e;
    assert_ok(example_encode(letters, &chat, &d, EXAMPLE_RESPONSE, 0, &e, arena));
    assert_string_equal(trained(&e), "<think>\ntwo\n</think>\n\n4<|im_end|>");
}

static void a_conversation_needs_a_template_that_takes_it(void **state) {
    (void)state;
    DocumentTurn t[] = {{"user", "a"}, {"user", "b"}, {"assistant", "c"}};
    Document d = {"", "", t, 3};
    Example e;
    assert_int_equal(example_encode(letters, NULL, &d, EXAMPLE_RESPONSE, 0, &e, arena), ST_CONFIG);
    Chat chat;
    assert_ok(chat_named("llama2", &chat));
    assert_ok(example_encode(letters, &chat, &d, EXAMPLE_RESPONSE, 0, &e, arena));
    assert_int_equal(e.n, 0);
}

// A golden tokenizer whose <eos> is called <|im_end|>.
static Status open_letters(void) {
    char *text;
    size_t size;
    TRY(file_read("tests/golden/tokenizer/qwen2.json", &text, &size, arena));
    Str out = {0};
    const char *at = strstr(text, "<eos>");
    CHECK(at);
    str_add(&out, text, (size_t)(at - text));
    str_puts(&out, "<|im_end|>");
    str_puts(&out, at + strlen("<eos>"));
    Status st = tokenizer_parse(str_text(&out), out.size, "letters", &letters);
    str_free(&out);
    return st;
}

static int open_all(void **state) {
    (void)state;
    arena = arena_new(1 << 16);
    return tokenizer_load("datasets/desk/tokenizer.json", &tokenizer) != ST_OK ||
           open_letters() != ST_OK;
}

static int close_all(void **state) {
    (void)state;
    tokenizer_free(tokenizer);
    tokenizer_free(letters);
    arena_free(arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_tokens_or_the_response_alone_are_trained),
        cmocka_unit_test(a_text_without_prompt_is_all_response),
        cmocka_unit_test(tokens_of_a_document_spell_its_text),
        cmocka_unit_test(all_replies_of_a_conversation_are_trained),
        cmocka_unit_test(a_reply_that_the_template_changes_is_not_trained),
        cmocka_unit_test(a_conversation_needs_a_template_that_takes_it),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
