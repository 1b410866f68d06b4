// tests/test_chat.c -- policy/files/chat: what transformers' apply_chat_template renders.
//
// tests/golden/make_chat.py wrote tests/golden/chat.json.
#include "policy/text/chat.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/test.h"

enum { TURNS = 16 };

static Arena *arena;

static int talk_of(const Json *talk, ChatMessage *out) {
    int n = 0;
    for (const Json *m = json_first(talk); m && n < TURNS; m = json_next(m)) {
        const Json *role = json_first(m);
        out[n++] =
            (ChatMessage){.role = json_text(role, ""), .content = json_text(json_next(role), "")};
    }
    return n;
}

static const Json *nth(const Json *list, int64_t i) {
    const Json *n = json_first(list);
    while (n && i-- > 0) n = json_next(n);
    return n;
}

static void templates_are_recognised_and_rendered_to_the_letter(void **state) {
    (void)state;
    JsonDoc *doc = NULL;
    assert_ok(json_read("tests/golden/chat.json", false, &doc));
    const Json *root = json_root(doc);
    int rendered = 0;
    Str out = {0};
    for (const Json *c = json_first(json_get(root, "cases")); c; c = json_next(c)) {
        const char *name = json_text(json_get(c, "template"), "");
        const Json *t = json_get(json_get(root, "templates"), name);
        const char *want = json_text(json_get(c, "want"), NULL);
        const Json *thinking = json_get(c, "thinking");
        Chat chat;
        ChatMessage message[TURNS];
        assert_ok(chat_of_template(json_text(json_get(t, "text"), ""),
                                   json_text(json_get(t, "bos"), ""),
                                   json_text(json_get(t, "eos"), ""), &chat));
        if (strcmp(name, "deepseek-r1-open") != 0) assert_string_equal(chat.name, name);
        if (json_kind(thinking) == JSON_BOOL)
            chat.thinking = json_bool(thinking, false) ? CHAT_THINK_ON : CHAT_THINK_OFF;
        int64_t talk = json_int(json_get(c, "talk"), -1);
        int n = talk_of(nth(json_get(root, "talks"), talk), message);
        str_clear(&out);
        Status st = chat_render(&chat, message, n, json_bool(json_get(c, "reply"), false), &out);
        assert_int_equal(st == ST_OK, want != NULL);
        if (want && strcmp(want, str_text(&out)) != 0)
            fail_msg("%s, talk %d:\nwant %s\ngot  %s", name, (int)talk, want, str_text(&out));
        rendered += want != NULL;
        chat_close(&chat);
    }
    assert_true(rendered > 400);
    str_free(&out);
    json_free(doc);
}

static void a_name_gives_what_the_template_of_that_name_gives(void **state) {
    (void)state;
    JsonDoc *doc = NULL;
    assert_ok(json_read("tests/golden/chat.json", false, &doc));
    const ChatMessage talk[] = {{.role = "user", .content = "One"},
                                {.role = "assistant", .content = "1"},
                                {.role = "user", .content = "Two"}};
    for (const Json *t = json_first(json_get(json_root(doc), "templates")); t; t = json_next(t)) {
        if (strcmp(json_key(t), "deepseek-r1-open") == 0) continue;
        Chat named, read;
        Str a = {0}, b = {0};
        const char *bos = json_text(json_get(t, "bos"), "");
        assert_ok(chat_named(json_key(t), &named));
        assert_ok(chat_of_template(json_text(json_get(t, "text"), ""), bos,
                                   json_text(json_get(t, "eos"), ""), &read));
        assert_ok(chat_render(&named, talk, 3, true, &a));
        assert_ok(chat_render(&read, talk, 3, true, &b));
        assert_string_equal(str_text(&a), str_text(&b));
        assert_string_equal(chat_prefilled(&named), chat_prefilled(&read));
        str_free(&a);
        str_free(&b);
        chat_close(&read);
    }
    json_free(doc);
    char *names = arena_printf(arena, "%s", chat_names()), *rest = names, *name;
    while ((name = strsep(&rest, ", ")) != NULL) {
        Chat chat;
        if (*name) assert_ok(chat_named(name, &chat));
    }
}

static void the_r1_zero_prompt_is_that_of_the_paper(void **state) {
    (void)state;
    Chat chat;
    Str out = {0};
    assert_ok(chat_named("r1-zero", &chat));
    assert_ok(chat_prompt(&chat, NULL, "What is 2+3", &out));
    assert_string_equal(
        str_text(&out),
        "A conversation between User and Assistant. The user asks a question, and the Assistant "
        "solves it. The assistant first thinks about the reasoning process in the mind and then "
        "provides the user with the answer. The reasoning process and answer are enclosed within "
        "<think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning "
        "process here </think> <answer> answer here </answer>. User: What is 2+3. Assistant:");
    str_free(&out);
}

static void a_prefilled_thought_is_told(void **state) {
    (void)state;
    Chat chat;
    Str out = {0};
    assert_ok(chat_named("deepseek-r1-distill", &chat));
    assert_string_equal(chat_prefilled(&chat), "<think>\n");
    chat.thinking = CHAT_THINK_OFF;
    assert_string_equal(chat_prefilled(&chat), "");
    assert_ok(chat_named("qwen3", &chat));
    assert_string_equal(chat_prefilled(&chat), "");
    assert_ok(chat_named("llama3", &chat));
    chat.thinking = CHAT_THINK_OFF;
    const ChatMessage hi = {.role = "user", .content = "Hi"};
    assert_int_equal(chat_render(&chat, &hi, 1, true, &out), ST_CONFIG);
    assert_int_equal(out.size, 0);
    const ChatMessage odd = {.role = "narrator", .content = "Hi"};
    chat.thinking = CHAT_THINK_AUTO;
    assert_int_equal(chat_render(&chat, &odd, 1, true, &out), ST_FORMAT);
    assert_non_null(strstr(status_text(), "narrator"));
    str_free(&out);
}

static void llama_3_2_says_todays_date(void **state) {
    (void)state;
    Chat chat;
    Str out = {0};
    char date[64];
    time_t now = time(NULL);
    struct tm local;
    assert_ok(chat_named("llama3.2", &chat));
    chat.said = "Be brief.";
    assert_ok(chat_prompt(&chat, NULL, "Hi", &out));
    assert_true(strftime(date, sizeof date, "Today Date: %d %b %Y\n\nBe brief.",
                         localtime_r(&now, &local)));
    assert_non_null(strstr(str_text(&out), date));
    str_free(&out);
}

static char *folder_with(const char *file, const char *text) {
    char *folder = arena_printf(arena, "%s", "/tmp/grpo-chat-XXXXXX");
    assert_non_null(mkdtemp(folder));
    if (file)
        assert_ok(
            file_write_atomic(arena_printf(arena, "%s/%s", folder, file), text, strlen(text)));
    return folder;
}

static void a_folder_tells_its_template(void **state) {
    (void)state;
    static const struct {
        const char *file, *text, *name;
    } folder[] = {
        {"chat_template.jinja", "{{ '<|im_start|>' }}", "chatml"},
        {"tokenizer_config.json", "{\"chat_template\":\"<|start_header_id|>\"}", "llama3"},
        {"tokenizer_config.json",
         "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"<|im_start|>\"},"
         "{\"name\":\"default\",\"template\":\"[INST] "
         "<<SYS>>\"}],\"bos_token\":{\"content\":\"<b>\"}}",
         "llama2"},
    };
    Chat chat;
    for (size_t i = 0; i < 3; i++) {
        char *path = folder_with(folder[i].file, folder[i].text);
        assert_ok(chat_of_folder(path, NULL, &chat));
        assert_string_equal(chat.name, folder[i].name);
        if (i == 2) assert_string_equal(chat.bos, "<b>");
        chat_close(&chat);
        assert_ok(chat_open("qwen3", path, NULL, &chat));
        assert_string_equal(chat.name, "qwen3");
        assert_ok(file_remove_tree(path));
    }
    char *path = folder_with("chat_template.jinja", "{{ something }");
    assert_int_equal(chat_open("auto", path, NULL, &chat), ST_FORMAT);
    assert_non_null(strstr(status_text(), "line 1"));
    assert_ok(file_remove_tree(path));
    path = folder_with(NULL, NULL);
    assert_int_equal(chat_open(NULL, path, NULL, &chat), ST_CONFIG);
    assert_non_null(strstr(status_text(), path));
    assert_int_equal(chat_open("nobody", path, NULL, &chat), ST_CONFIG);
    assert_non_null(strstr(status_text(), "nobody"));
    assert_ok(file_remove_tree(path));
}

// A fine-tuned model's template of no family: what it begins a reply with and what ends a turn are
// found.
static void a_template_of_no_family_works(void **state) {
    (void)state;
    static const char text[] =
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}<eos>\n{% endfor %}"
        "{% if add_generation_prompt %}[bot]<think>\n{% endif %}";
    Tokenizer *t = NULL;
    Chat chat;
    Str out = {0};
    const ChatMessage talk[] = {{.role = "narrator", .content = "Once"},
                                {.role = "user", .content = "Hi"}};
    assert_ok(tokenizer_load("tests/golden/tokenizer/llama3.json", &t));
    assert_ok(chat_of_template(text, "", "", &chat));
    assert_string_equal(chat.name, "own");
    assert_ok(chat_render(&chat, talk, 2, true, &out));
    assert_string_equal(str_text(&out), "[narrator]Once<eos>\n[user]Hi<eos>\n[bot]<think>\n");
    assert_string_equal(chat_prefilled(&chat), "<think>\n");
    assert_int_equal(chat_turn_end(&chat, t), tokenizer_id(t, "<eos>"));
    str_clear(&out);
    chat.thinking = CHAT_THINK_OFF; // the thought that is always begun is taken back
    assert_ok(chat_render(&chat, talk, 1, true, &out));
    assert_string_equal(str_text(&out), "[narrator]Once<eos>\n[bot]");
    chat_close(&chat);

    // Tools and the messages' further fields reach the template; what it refuses is an error with
    // its words.
    JsonDoc *doc = NULL;
    static const char row[] =
        "{\"tools\":[{\"name\":\"add\"}],\"m\":{\"role\":\"user\",\"parts\":[1,2]}}";
    assert_ok(json_parse(row, strlen(row), "row", 1, false, &doc));
    assert_ok(chat_of_template(
        "{{ tools | tojson }}{{ messages[0].parts | join }}{% if messages[1] is defined %}"
        "{{ raise_exception('one message only') }}{% endif %}",
        "", "", &chat));
    chat.tools = json_get(json_root(doc), "tools");
    const ChatMessage parts[2] = {{.role = "user", .json = json_get(json_root(doc), "m")}, talk[0]};
    str_clear(&out);
    assert_ok(chat_render(&chat, parts, 1, true, &out));
    assert_string_equal(str_text(&out), "[{\"name\": \"add\"}]12");
    assert_int_equal(chat_render(&chat, parts, 2, true, &out), ST_FORMAT);
    assert_non_null(strstr(status_text(), "one message only"));
    chat_close(&chat);
    json_free(doc);
    str_free(&out);
    tokenizer_free(t);
}

static void a_beginning_that_the_tokenizer_adds_is_not_said_twice(void **state) {
    (void)state;
    Tokenizer *t = NULL;
    Chat chat;
    Str out = {0};
    assert_ok(tokenizer_load("tests/golden/tokenizer/llama3.json", &t)); // its bos is <eos>
    assert_ok(chat_named("llama3", &chat));
    strcpy(chat.bos, "<eos>");
    assert_ok(chat_prompt(&chat, t, "Hi", &out));
    assert_memory_equal(str_text(&out), "<|start_header_id|>user", 23);
    str_clear(&out);
    strcpy(chat.bos, "<pad>");
    assert_ok(chat_prompt(&chat, t, "Hi", &out));
    assert_memory_equal(str_text(&out), "<pad><|start_header_id|>", 24);
    str_free(&out);
    tokenizer_free(t);
}

int main(void) {
    arena = arena_new(1 << 20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_recognised_and_rendered_to_the_letter),
        cmocka_unit_test(a_name_gives_what_the_template_of_that_name_gives),
        cmocka_unit_test(the_r1_zero_prompt_is_that_of_the_paper),
        cmocka_unit_test(a_prefilled_thought_is_told),
        cmocka_unit_test(llama_3_2_says_todays_date),
        cmocka_unit_test(a_folder_tells_its_template),
        cmocka_unit_test(a_template_of_no_family_works),
        cmocka_unit_test(a_beginning_that_the_tokenizer_adds_is_not_said_twice),
    };
    int failed = cmocka_run_group_tests_name("policy/text/chat", tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
