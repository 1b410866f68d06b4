// tests/test_extract.c -- verifiers/code/extract: which part of a response is the program.
#include "verifiers/code/extract.h"

#include "tests/test.h"

typedef struct ExtractCase {
    const char *text, *want, *entry, *prefilled, *extract;
} ExtractCase;

static void check(const ExtractCase *c, const CageLang *lang) {
    JudgeInput in = {.text = c->text,
                     .size = strlen(c->text),
                     .finished = true,
                     .prefilled = c->prefilled,
                     .extract = c->extract};
    Extract found = extract_code(&in, lang, &(BlockTask){.entry = c->entry});
    if (!c->want) {
        if (found.code.data) fail_msg("'%s' has no program", c->text);
        assert_non_null(found.reason);
        return;
    }
    if (!found.code.data) fail_msg("'%s': %s", c->text, found.reason);
    Str out = {0};
    extract_text(&found, &out);
    if (strcmp(str_text(&out), c->want) != 0)
        fail_msg("'%s' gives '%s', not '%s'", c->text, str_text(&out), c->want);
    str_free(&out);
}

static void the_last_complete_block_is_the_program(void **state) {
    (void)state;
    static const ExtractCase cases[] = {
        {.text = "```python\na\n```", .want = "a\n"},
        {.text = "x\n```python\na\n```\ny\n```python\nb\n```\nz", .want = "b\n"},
        {.text = "```\na\n```\n", .want = "a\n"},
        {.text = "```py\na\n```\n", .want = "a\n"},
        {.text = "```Python3\na\n```\n", .want = "a\n"},
        {.text = "```{.python .numberLines}\na\n```\n", .want = "a\n"},
        {.text = "```python title=\"x\"\na\n```\n", .want = "a\n"},
        {.text = "~~~python\na\n```\nb\n~~~\n", .want = "a\n```\nb\n"},
        {.text = "````python\na = '''\n```\n'''\n````\n", .want = "a = '''\n```\n'''\n"},
        {.text = "```python\r\na\r\n```\r\n", .want = "a\r\n"},
        {.text = "```python\n```", .want = ""},
        {.text = "1. so:\n   ```python\n   def f():\n       return 1\n   ```\n",
         .want = "def f():\n    return 1\n"},
        {.text = "`a` and ``b``\n```python\nc\n```", .want = "c\n"},
    };
    const CageLang python = CAGE_PYTHON;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i], &python);
}

static void a_block_that_is_not_closed_is_none(void **state) {
    (void)state;
    static const ExtractCase cases[] = {
        {.text = "```python\na\n"},
        {.text = "```python\na\n```\nbetter:\n```python\nb\n", .want = "a\n"},
        {.text = "```python\na\n``` no"}, // a closing fence has nothing behind it
        {.text = "```bash\npip install x\n```"},
        {.text = "```python\n"},
        {.text = "```"},
    };
    const CageLang python = CAGE_PYTHON;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i], &python);
}

static void blocks_of_other_languages_do_not_count(void **state) {
    (void)state;
    static const ExtractCase cases[] = {
        {.text = "```python\na\n```\nIt prints\n```text\n5\n```", .want = "a\n"},
        {.text = "```python\na\n```\n```json\n{}\n```\n```bash\npython a.py\n```", .want = "a\n"},
        {.text = "```cpp\nint x;\n```\n```python\na\n```\n```cpp\nint y;\n```", .want = "a\n"},
        {.text = "```python\na\n```\nOutput:\n```\n5\n```", .want = "a\n"},
    };
    const CageLang python = CAGE_PYTHON, cpp = CAGE_CPP;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i], &python);
    check(&(ExtractCase){.text = "```python\na\n```\n```c++\nint y;\n```", .want = "int y;\n"},
          &cpp);
}

static void a_block_that_defines_the_entry_comes_before_an_example(void **state) {
    (void)state;
    const CageLang python = CAGE_PYTHON;
    check(
        &(ExtractCase){
            .text = "```python\ndef f(x):\n  pass\n```\nUse it:\n```python\nprint(f(1))\n```",
            .want = "def f(x):\n  pass\n",
            .entry = "f"},
        &python);
    check(&(ExtractCase){.text =
                             "```python\ndef f(x):\n  1\n```\nno:\n```python\ndef f(x):\n  2\n```",
                         .want = "def f(x):\n  2\n",
                         .entry = "f"},
          &python);
    check(
        &(ExtractCase){.text =
                           "```python\nclass Solution:\n  def f(self, x):\n    1\n```\n```python\n"
                           "s.f(1)\n```",
                       .want = "class Solution:\n  def f(self, x):\n    1\n",
                       .entry = "f"},
        &python);
    // def f2 is another function
    check(&(ExtractCase){.text = "```python\ndef f2(x):\n  1\n```\n```python\nf = 2\n```",
                         .want = "f = 2\n",
                         .entry = "f"},
          &python);
}

static void thoughts_hold_no_program(void **state) {
    (void)state;
    const CageLang python = CAGE_PYTHON;
    static const ExtractCase cases[] = {
        {.text = "<think>```python\na\n```</think>\n```python\nb\n```", .want = "b\n"},
        {.text = "<think>```python\na\n```\n"},
        {.text = "```python\na\n```\n", .prefilled = "<think>"},
        {.text = "```python\na\n```\n</think>```python\nb\n```\n",
         .prefilled = "<think>",
         .want = "b\n"},
        {.text = "a </think> ```python\nb\n```\n<think> hm", .prefilled = "<think>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i], &python);
}

static void without_fences_the_text_is_the_program(void **state) {
    (void)state;
    const CageLang python = CAGE_PYTHON;
    static const ExtractCase cases[] = {
        {.text = "    return 1\n", .want = "    return 1\n"},
        {.text = "<think>x</think><answer>a = 1</answer>", .want = "a = 1"},
        {.text = "x = '```'\n", .want = "x = '```'\n"},
        {.text = "```python\na\n```", .want = "```python\na\n```", .extract = "bare"},
        {.text = "a\n```\nmore", .want = "a\n", .prefilled = "Q: ...\n```python\n"},
        {.text = "a\nmore", .prefilled = "Q: ...\n```python\n"},
        {.text = "a\n", .want = "a\n", .prefilled = "```\nx\n```\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i], &python);
}

static void the_fence_names_the_language_where_the_task_does_not(void **state) {
    (void)state;
    static const char text[] = "```cpp\nint main(){}\n```\nRun:\n```bash\n./a\n```\n";
    JudgeInput in = {.text = text, .size = strlen(text), .finished = true};
    Extract found = extract_code(&in, NULL, &(BlockTask){0});
    assert_int_equal(found.lang, CAGE_CPP);
    in.text = "```\nprint()\n```\n", in.size = strlen(in.text);
    assert_int_equal(extract_code(&in, NULL, &(BlockTask){0}).lang, CAGE_PYTHON);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_complete_block_is_the_program),
        cmocka_unit_test(a_block_that_is_not_closed_is_none),
        cmocka_unit_test(blocks_of_other_languages_do_not_count),
        cmocka_unit_test(a_block_that_defines_the_entry_comes_before_an_example),
        cmocka_unit_test(thoughts_hold_no_program),
        cmocka_unit_test(without_fences_the_text_is_the_program),
        cmocka_unit_test(the_fence_names_the_language_where_the_task_does_not),
    };
    return cmocka_run_group_tests_name("verifiers/code/extract", tests, NULL, NULL);
}
