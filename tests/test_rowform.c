// tests/test_rowform.c -- datasets/rowform: rows as they are published, and the task each becomes.
//
// One row of each form, with the fields and the nesting of the published files (texts shortened).
#include "datasets/rowform.h"

#include "datasets/corpus.h"
#include "datasets/taskfile.h"
#include "tests/test.h"

static Arena *arena;

// The first task of these rows; the source stays open until the next call.
static const char *task_of(const char *rows, const TaskFields *fields, Task *out) {
    static TaskSource source;
    task_source_close(&source);
    if (taskfile_open_bytes(rows, strlen(rows), "f.jsonl", fields, &source) != ST_OK)
        return status_text();
    assert_ok(source.get(&source, 0, out, arena));
    return source.form;
}

#define MATHS "\"reward_model\":{\"style\":\"rule\",\"ground_truth\":\"34\"}"

static const struct {
    const char *form, *row, *prompt, *gold, *judge, *source;
    int turns;
} published[] = {
    {"verl",
     "{\"data_source\":\"openai/gsm8k\",\"prompt\":[{\"role\":\"user\",\"content\":\"How many?\"}],"
     "\"ability\":\"math\"," MATHS ",\"extra_info\":{\"split\":\"train\",\"index\":0}}",
     "How many?", "34", "math", "openai/gsm8k", 0},
    {"verl", // DAPO-Math-17k
     "{\"data_source\":\"math_dapo\",\"prompt\":[{\"content\":\"Solve it.\",\"role\":\"user\"}],"
     "\"ability\":\"MATH\"," MATHS ",\"extra_info\":{\"index\":\"9a9b\"}}",
     "Solve it.", "34", "math", "math_dapo", 0},
    {"verl", // with a system message
     "{\"data_source\":\"x/MATH\",\"prompt\":[{\"role\":\"system\",\"content\":\"Think.\"},"
     "{\"role\":\"user\",\"content\":\"2+2?\"}]," MATHS "}",
     "2+2?", "34", "math", "x/MATH", 2},
    {"verl",
     "{\"data_source\":\"countdown\",\"prompt\":[{\"role\":\"user\",\"content\":\"Make 24\"}],"
     "\"reward_model\":{\"style\":\"rule\",\"ground_truth\":{\"target\":24,\"numbers\":[4,6]}}}",
     "Make 24", NULL, "countdown", "countdown", 0},
    {"verl", // PRIME's code rows
     "{\"data_source\":\"taco\",\"prompt\":[{\"role\":\"user\",\"content\":\"Add.\"}],\"reward_"
     "model\":"
     "{\"style\":\"rule\",\"ground_truth\":\"{\\\"inputs\\\":[\\\"1 "
     "2\\\"],\\\"outputs\\\":[\\\"3\\\"]}\"}}",
     "Add.", NULL, "code", "taco", 0},
    {"open-r1 (verification_info)",
     "{\"problem\":\"Sum?\",\"verification_info\":{\"language\":\"python\",\"test_cases\":[{\"fn_"
     "name\":null,"
     "\"input\":\"1\",\"output\":\"2\",\"type\":\"stdin_stdout\"}]}}",
     "Sum?", NULL, "code", "f", 0},
    {"open-r1 (verification_info)", // SYNTHETIC-1 writes it as a text
     "{\"prompt\":\"Sum?\",\"verification_info\":\"{\\\"ground_truth\\\":\\\"7\\\"}\"}", "Sum?",
     "7", "math", "f", 0},
    {"NuminaMath", // OpenR1-Math
     "{\"problem\":\"P\",\"solution\":\"so "
     "\\\\boxed{5}\",\"answer\":\"5\",\"problem_type\":\"Algebra\","
     "\"source\":\"olympiads\"}",
     "P", "5", "math", "olympiads", 0},
    {"conversations (TRL)",
     "{\"prompt\":[{\"role\":\"user\",\"content\":\"What color is the "
     "sky?\"}],\"solution\":\"blue\"}",
     "What color is the sky?", "blue", "math", "f", 0},
    {"OpenRLHF", "{\"input\":\"1+1=\",\"label\":\"2\"}", "1+1=", "2", "math", "f", 0},
    {"OpenRLHF", "{\"context_messages\":[{\"role\":\"user\",\"content\":\"1+1=\"}],\"label\":2}",
     "1+1=", "2", "math", "f", 0},
    {"GSM8K", "{\"question\":\"Natalia?\",\"answer\":\"48/2 = 24\\n#### 72\"}", "Natalia?", "72",
     "math", "f", 0},
    {"MATH",
     "{\"problem\":\"Let x.\",\"level\":\"Level "
     "5\",\"type\":\"Algebra\",\"solution\":\"\\\\boxed{2}\"}",
     "Let x.", "\\boxed{2}", "math", "f", 0},
    {"DeepMath",
     "{\"question\":\"Limit?\",\"final_answer\":\"0\",\"difficulty\":4.5,\"topic\":\"Calculus\"}",
     "Limit?", "0", "math", "f", 0},
    {"APPS or TACO",
     "{\"question\":\"Read "
     "a.\",\"solutions\":\"[]\",\"input_output\":\"{\\\"inputs\\\":[\\\"1\\\"],"
     "\\\"outputs\\\":[\\\"1\\\"]}\",\"difficulty\":\"introductory\"}",
     "Read a.", NULL, "code", "f", 0},
    {"code_contests",
     "{\"name\":\"1_A\",\"description\":\"Print "
     "it.\",\"public_tests\":{\"input\":[\"1\"],\"output\":[\"1\"]}}",
     "Print it.", NULL, "code", "f", 0},
    {"LiveCodeBench",
     "{\"question_title\":\"T\",\"question_content\":\"Print.\",\"starter_code\":\"\",\"public_"
     "test_cases\":"
     "\"[{\\\"input\\\": \\\"1\\\", \\\"output\\\": \\\"1\\\", \\\"testtype\\\": "
     "\\\"stdin\\\"}]\"}",
     "Print.", NULL, "code", "f", 0},
    {"mbpp",
     "{\"task_id\":2,\"text\":\"Write it.\",\"code\":\"x\",\"test_list\":[\"assert f(1)==1\"]}",
     "Write it.", NULL, "code", "f", 0},
    {"ifeval",
     "{\"key\":1,\"prompt\":\"No "
     "commas.\",\"instruction_id_list\":[\"punctuation:no_comma\"],\"kwargs\":[{}]}",
     "No commas.", NULL, "ifeval", "f", 0},
    {"alpaca", "{\"instruction\":\"Add.\",\"input\":\"1 and 2\",\"output\":\"3\"}",
     "Add.\n\n1 and 2", "3", "math", "f", 0},
};

static void every_published_form_is_recognised_and_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        Task t = {0};
        const char *form = task_of(published[i].row, &(TaskFields){0}, &t);
        if (!t.prompt || !strstr(form, published[i].form))
            fail_msg("%s: %s", published[i].form, form);
        if (strncmp(t.prompt, published[i].prompt, strlen(published[i].prompt)) != 0)
            fail_msg("%s: prompt '%s'", published[i].form, t.prompt);
        const char *gold = published[i].gold;
        if (gold ? !t.gold || strcmp(t.gold, gold) != 0 : false)
            fail_msg("%s: gold '%s'", published[i].form, t.gold ? t.gold : "(none)");
        assert_string_equal(t.judge, published[i].judge);
        assert_string_equal(t.source, published[i].source);
        assert_int_equal(t.n_turns, published[i].turns);
    }
}

static void tests_of_code_reach_the_judge_in_a_form_it_knows(void **state) {
    (void)state;
    Task t;
    for (int i = 4; i <= 5; i++) {
        task_of(published[i].row, &(TaskFields){0}, &t);
        assert_non_null(strstr(t.row, i == 4 ? "{\"input_output\":\"{" : "{\"tests\":[{"));
    }
    task_of(published[3].row, &(TaskFields){0}, &t);
    assert_string_equal(t.row, "{\"target\":24,\"numbers\":[4,6]}");
}

static void messages_keep_their_turns(void **state) {
    (void)state;
    Task t;
    task_of("{\"prompt\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":"
            "\"a\"},"
            "{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":[{\"type\":"
            "\"text\","
            "\"text\":\"c\"}]}],\"answer\":1}",
            &(TaskFields){.template_ = "Q: {}"}, &t);
    assert_int_equal(t.n_turns, 4);
    assert_string_equal(t.turn[0].role, "system");
    assert_string_equal(t.turn[2].content, "b");
    assert_string_equal(t.turn[3].content, "Q: c"); // the template is for the question
    assert_string_equal(t.prompt, "Q: c");
}

static void what_is_wrong_is_named_with_its_field_and_value(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"{\"question\":\"q\",\"answer\":null}", "f.jsonl:1: 'answer' is null"},
        {"{\"question\":\"q\",\"answer\":[1,2]}", "'answer' is an array: [1,2]"},
        {"{\"question\":\"q\",\"answer\":true}", "'answer' is true or false: true"},
        {"{\"question\":\"a\\u0000b\",\"answer\":1}", "'question' holds a zero byte"},
        {"{\"answer\":1}", "no question: needs 'prompt'"},
        {"{\"question\":\"q\"}", "no answer: needs 'answer'"},
        {"{\"question\":\"\",\"answer\":1}", "the question is empty"},
        {"{\"question\":\"q\",\"answer\":1,\"images\":[\"x.png\"]}", "the row has images"},
        {"{\"prompt\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}],\"answer\":1}",
         "a message holds 'image'"},
        {"{\"prompt\":[{\"role\":\"tool\",\"content\":\"x\"}],\"answer\":1}", "the role 'tool'"},
        {"{\"prompt\":[{\"role\":\"system\",\"content\":\"x\"}],\"answer\":1}",
         "no message of the user"},
    };
    Task t;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *why = task_of(wrong[i][0], &(TaskFields){0}, &t);
        if (!strstr(why, wrong[i][1])) fail_msg("%s: %s", wrong[i][0], why);
    }
    // A list of one is its element (OlympiadBench), and images that are none refuse nothing.
    task_of("{\"question\":\"q\",\"answer\":[\"7\"],\"images\":[]}", &(TaskFields){0}, &t);
    assert_string_equal(t.gold, "7");
}

static void fields_are_mapped_by_dotted_paths(void **state) {
    (void)state;
    static const char row[] =
        "{\"id\":1,\"body\":{\"text\":\"2+2?\"},\"extra\":{\"gt\":4,\"from\":\"set a\"},"
        "\"meta.level\":3,\"answer\":\"no\"}";
    Task t;
    const char *form = task_of(row,
                               &(TaskFields){.prompt = "body.text",
                                             .gold = "extra.gt",
                                             .source_field = "extra.from",
                                             .level_field = "meta.level"},
                               &t);
    assert_non_null(strstr(form, "question from 'body.text', answer from 'extra.gt'"));
    assert_string_equal(t.prompt, "2+2?");
    assert_string_equal(t.gold, "4");
    assert_string_equal(t.source, "set a");
    assert_int_equal(t.level, 3);
    const char *why = task_of(row, &(TaskFields){.prompt = "body.words", .gold = "extra.gt"}, &t);
    assert_non_null(strstr(why, "'body.words' is not there"));
}

static void a_split_is_of_content_and_has_duplicates_on_one_side(void **state) {
    (void)state;
    enum { N = 2000 };
    Str rows = {0};
    for (int i = 0; i < N; i++) {
        str_printf(&rows, "{\"question\":\"What is %d plus %d?\",\"answer\":%d}\n", i, i, 2 * i);
        str_printf(&rows, "{\"question\":\"what  is %d PLUS %d? \",\"answer\":%d}\n", i, i, 2 * i);
    }
    TaskSource side[3];
    for (int s = 0; s < 3; s++)
        assert_ok(taskfile_open_bytes(rows.data, rows.size, "f",
                                      &(TaskFields){.side = s == 0 ? TASKS_TRAIN : TASKS_HELDOUT,
                                                    .heldout_fraction = 0.1,
                                                    .split_seed = s == 2},
                                      &side[s]));
    assert_int_equal(side[0].n_tasks + side[1].n_tasks, 2 * N);
    assert_true(side[1].n_tasks > 2 * N * 0.07 && side[1].n_tasks < 2 * N * 0.13);
    assert_int_equal(side[1].n_tasks % 2, 0); // both spellings of a question together
    int same = 0;
    Task t, u;
    for (int64_t i = 0; i < side[1].n_tasks; i += 2) {
        assert_ok(side[1].get(&side[1], (uint64_t)i, &t, arena));
        assert_ok(side[1].get(&side[1], (uint64_t)i + 1, &u, arena));
        assert_string_equal(t.gold, u.gold);
        if (i < side[2].n_tasks) {
            assert_ok(side[2].get(&side[2], (uint64_t)i, &u, arena));
            same += strcmp(t.gold, u.gold) == 0;
        }
    }
    assert_true(same < 20); // another seed, another split
    for (int s = 0; s < 3; s++) task_source_close(&side[s]);
    TaskSource none;
    assert_int_equal(
        taskfile_open_bytes("{\"question\":\"q\",\"answer\":1}\n", 28, "f",
                            &(TaskFields){.side = TASKS_HELDOUT, .heldout_fraction = 1e-9}, &none),
        ST_CONFIG);
    assert_non_null(
        strstr(status_text(), "data.heldout_fraction=1e-09 leaves no held-out question"));
    assert_non_null(strstr(status_text(), "data.heldout"));
    str_free(&rows);
}

static void rows_are_documents_for_sft(void **state) {
    (void)state;
    static const struct {
        const char *row, *prompt, *response; // of turns: the last two
        int turns;
    } row[] = {
        {"{\"text\":\"once\"}", "", "once", 0},
        {"{\"prompt\":\"p\",\"completion\":\"c\"}", "p", "c", 0},
        {"{\"instruction\":\"Add.\",\"input\":\"1\",\"output\":\"2\"}", "Add.\n\n1", "2", 0},
        {"{\"instruction\":\"Hi.\",\"input\":\"\",\"output\":\"Ho\"}", "Hi.", "Ho", 0},
        {"{\"conversations\":[{\"from\":\"human\",\"value\":\"h\"},{\"from\":\"gpt\",\"value\":"
         "\"g\"}]}",
         "h", "g", 2},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\",\"content\":"
         "\"a\"},"
         "{\"role\":\"user\",\"content\":\"more\"}]}",
         "u", "a", 2},
        {"{\"prompt\":[{\"role\":\"user\",\"content\":\"sky?\"}],\"completion\":[{\"role\":"
         "\"assistant\","
         "\"content\":\"blue\"}]}",
         "sky?", "blue", 2},
        {"{\"prompt\":\"q\",\"chosen\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":"
         "\"assistant\",\"content\":"
         "\"good\"}],\"rejected\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\","
         "\"content\":"
         "\"bad\"}]}",
         "q", "good", 2},
        {"{\"input\":\"i\",\"output\":\"o\"}", "i", "o", 0},
        {"{\"question\":\"GSM\",\"answer\":\"a #### 1\"}", "GSM", "a #### 1", 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        JsonDoc *doc;
        Document d;
        assert_ok(json_parse(row[i].row, strlen(row[i].row), "row", 1, false, &doc));
        const char *why = rowform_document(json_root(doc), NULL, NULL, &d, arena);
        if (why) fail_msg("%s: %s", row[i].row, why);
        assert_int_equal(d.n_turns, row[i].turns);
        int n = d.n_turns;
        assert_string_equal(n ? d.turn[n - 2].content : d.prompt, row[i].prompt);
        assert_string_equal(n ? d.turn[n - 1].content : d.response, row[i].response);
        json_free(doc);
    }
}

static int open_all(void **state) {
    (void)state;
    arena = arena_new(1 << 16);
    return 0;
}

static int close_all(void **state) {
    (void)state;
    Task t;
    task_of("{}", &(TaskFields){0}, &t); // closes the last source
    arena_free(arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_published_form_is_recognised_and_read),
        cmocka_unit_test(tests_of_code_reach_the_judge_in_a_form_it_knows),
        cmocka_unit_test(messages_keep_their_turns),
        cmocka_unit_test(what_is_wrong_is_named_with_its_field_and_value),
        cmocka_unit_test(fields_are_mapped_by_dotted_paths),
        cmocka_unit_test(a_split_is_of_content_and_has_duplicates_on_one_side),
        cmocka_unit_test(rows_are_documents_for_sft),
    };
    return cmocka_run_group_tests_name("datasets/rowform", tests, open_all, close_all);
}
