// pipelines/command/command_distill.c -- `grpo distill`: a teacher's kept samples into a student.
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "pipelines/actor.h"
#include "pipelines/command.h"
#include "pipelines/command/command_reject.h"
#include "pipelines/input.h"
#include "pipelines/run/stage.h"
#include "pipelines/run/teachers.h"

// Before anything is sampled: are the teacher's tokens the student's?
static Status check_tokenizers(const char *teacher, const RunConfig *rc, Arena *arena) {
    Tokenizer *own = NULL, *its = NULL;
    const char *folder;
    Status st;
    TRY_OUT(input_model(teacher, &folder, arena));
    TRY_OUT(tokenizer_load(folder, &its));
    if (rc->model.path[0]) {
        TRY_OUT(input_model(rc->model.path, &folder, arena));
        TRY_OUT(tokenizer_load(folder, &own));
    } else {
        TRY_OUT(actor_desk_tokenizer(&own));
    }
    st = teachers_same_tokenizer(teacher, its, own);
out:
    tokenizer_free(own);
    tokenizer_free(its);
    return st;
}

// The words of the student's config: all but the teacher, with the kept rows as its corpus.
static Status open_student(const Args *args, const char *corpus, RunConfig *rc, Arena *arena) {
    static Args student;
    student = *args;
    student.command = "sft";
    for (int i = 1; i < student.n_words; i++) student.word[i - 1] = student.word[i];
    student.n_words--;
    for (int i = 0; i < args->n_assignments; i++)
        if (strncmp(args->assignment[i], "data.corpus=", 12) == 0)
            return FAIL(ST_CONFIG, "distill: data.corpus is what is kept of the teacher's samples; "
                                   "for rows of your own say grpo sft");
    if (args->n_assignments + 2 > ARGS_MAX) return FAIL(ST_CONFIG, "distill: too many settings");
    student.assignment[0] = "sft.mask=response";
    for (int i = 0; i < args->n_assignments; i++) student.assignment[i + 1] = args->assignment[i];
    student.n_assignments = args->n_assignments + 2;
    student.assignment[student.n_assignments - 1] = arena_printf(arena, "data.corpus=%s", corpus);
    return runconfig_open(rc, NULL, &student);
}

// Its flags are those of `grpo reject`, which writes the kept rows.
static int sample_teacher(const Args *args, const char *kept) {
    static Args teacher;
    teacher = *args;
    teacher.command = "reject";
    teacher.n_words = 1;
    teacher.n_assignments = 0;
    for (int i = 0; i < teacher.n_given; i++)
        if (strcmp(teacher.given[i]->name, "out") == 0) teacher.value[i] = kept;
    return reject_run(&teacher);
}

static int run(const Args *args) {
    const char *out = args_text(args, "out", NULL);
    if (args->n_words < 1 || args->n_words > 2 || !out)
        return command_usage("distill: wants a TEACHER, at most one config and -o RUN");
    Arena *arena = arena_new(1 << 16);
    const char *kept = arena_printf(arena, "%s/kept.jsonl", out);
    RunConfig rc;
    int code = EXIT_DONE;
    Status st = open_student(args, kept, &rc, arena);
    if (st != ST_OK) {
        arena_free(arena);
        return command_failed(st);
    }
    StageResult result = {0};
    TRY_OUT(check_tokenizers(args->word[0], &rc, arena));
    TRY_OUT(file_mkdirs(out));
    code = sample_teacher(args, kept);
    if (code == EXIT_DONE) {
        StageOpts opts = {.rc = &rc,
                          .args = args,
                          .command = "sft",
                          .out = arena_printf(arena, "%s/student", out),
                          .fresh = args_has(args, "fresh")};
        TRY_OUT(stage_sft(&opts, &result, arena));
        if (result.stopped)
            code = EXIT_STOPPED;
        else
            printf("%s\n", result.model);
    }
out:
    if (st != ST_OK) {
        code = command_failed(st);
        if (result.nonfinite) code = EXIT_NUMERIC;
    }
    runconfig_close(&rc);
    arena_free(arena);
    return code;
}

const Command command_distill = {
    .name = "distill",
    .summary = "a teacher's kept samples into a student of any shape",
    .usage = "distill TEACHER [CONFIG.json] [model.path=STUDENT] [key=value ...] --data F -o RUN",
    .about =
        "Keeps samples of the teacher as `grpo reject` does (RUN/kept.jsonl), then trains the "
        "student on them as `grpo sft`\ndoes (RUN/student): model.path, or a new model of section "
        "\"model\". Both have one tokenizer. The same command goes on\nwhere it was stopped. On "
        "the "
        "student's own samples: rl.distill of `grpo rl`.",
    .examples =
        "grpo distill runs/zero/checkpoints/best model.family=llama model.hidden_size=64 "
        "--data desk -k 4 --tasks 1280 -o runs/student\n"
        "grpo distill TEACHER model.path=STUDENT sft.steps=0 sft.epochs=3 --data train.jsonl -k 16 "
        "-n 4 -o runs/student",
    .model = true,
    .flag = reject_flags,
    .n_flags = REJECT_FLAGS,
    .config = true,
    .run = run,
};
