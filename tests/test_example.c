// tests/test_example.c -- sft/example: what of a document is trained on.
#include "sft/example.h"

#include "datasets/desk.h"
#include "tests/test.h"

static Tokenizer *tokenizer;
static Arena *arena;

static void all_tokens_or_the_response_alone_are_trained(void **state) {
    (void)state;
    Document d = {"User: Compute 1+2. Assistant:", " \\boxed{3}"};
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
    Document d = {"", "12"};
    Example e;
    assert_ok(example_encode(tokenizer, NULL, &d, EXAMPLE_RESPONSE, -1, &e, arena));
    assert_int_equal(e.n, 2);
    assert_int_equal(e.want[0], 0); // nothing stands before it
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

static int open_all(void **state) {
    (void)state;
    arena = arena_new(1 << 16);
    return tokenizer_load("datasets/desk/tokenizer.json", &tokenizer) != ST_OK;
}

static int close_all(void **state) {
    (void)state;
    tokenizer_free(tokenizer);
    arena_free(arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_tokens_or_the_response_alone_are_trained),
        cmocka_unit_test(a_text_without_prompt_is_all_response),
        cmocka_unit_test(tokens_of_a_document_spell_its_text),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
