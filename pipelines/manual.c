// pipelines/manual.c -- grpo(1), out of the tables of commands, flags and keys.
#include <string.h>

#include "base/setting.h"
#include "pipelines/command.h"
#include "pipelines/completion.h"
#include "pipelines/runconfig.h"

// Text of roff: no backslash speaks, a minus is a minus, and no line begins with a dot or a quote.
static void put(Str *out, const char *text) {
    bool start = out->size == 0 || out->data[out->size - 1] == '\n';
    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\'')) str_puts(out, "\\&");
        if (*text == '\\')
            str_puts(out, "\\e");
        else if (*text == '-')
            str_puts(out, "\\-");
        else
            str_putc(out, *text);
        start = *text == '\n';
    }
}

static void verbatim(Str *out, const char *text) {
    str_puts(out, ".PP\n.nf\n");
    put(out, text);
    str_puts(out, "\n.fi\n");
}

static void flags(Str *out, const Flag *flag, int n) {
    for (int i = 0; i < n; i++) {
        str_puts(out, ".TP\n.B ");
        if (flag[i].letter) str_printf(out, "\\-%c, ", flag[i].letter);
        str_puts(out, "\\-\\-");
        put(out, flag[i].name);
        if (flag[i].value) {
            str_puts(out, " \\fI");
            put(out, flag[i].value);
            str_puts(out, "\\fR");
        }
        str_putc(out, '\n');
        put(out, flag[i].help);
        str_putc(out, '\n');
    }
}

static void keys(Str *out) {
    RunConfig rc;
    runconfig_sections(&rc);
    for (int s = 0; s < RUNCONFIG_SECTIONS; s++) {
        const ConfigSection *section = &rc.section[s];
        str_puts(out, ".SS ");
        put(out, section->name);
        str_putc(out, '\n');
        put(out, section->help);
        str_putc(out, '\n');
        for (int i = 0; i < section->n_keys; i++) {
            const ConfigKey *key = &section->key[i];
            Str allowed = {0};
            setting_allowed(key, &allowed);
            str_puts(out, ".TP\n.B ");
            put(out, section->name);
            str_putc(out, '.');
            put(out, key->name);
            str_puts(out, "\\fR=");
            put(out, key->initial);
            str_putc(out, '\n');
            put(out, key->help);
            if (allowed.size) {
                str_puts(out, " [");
                put(out, str_text(&allowed));
                str_putc(out, ']');
            }
            str_putc(out, '\n');
            str_free(&allowed);
        }
    }
}

void completion_man(Str *out) {
    str_puts(out,
             ".TH GRPO 1 \"\" \"grpo\" \"User Commands\"\n"
             ".SH NAME\ngrpo \\- train reasoning models with GRPO\n"
             ".SH SYNOPSIS\n.B grpo\n\\fICMD\\fR [\\fICONFIG.json\\fR] [\\fIkey=value\\fR ...] "
             "[\\fI\\-\\-flags\\fR]\n"
             ".SH DESCRIPTION\n"
             "R1\\-Zero from a base model and the tools around it: a question goes in, samples "
             "come out, a rule judges them, the weights move. Results go to standard output, "
             "everything else to standard error. The same command goes on with a run that was "
             "stopped.\n"
             ".PP\nA setting is taken from, in rising order: the program, a recipe, "
             "\\fICONFIG.json\\fR, the environment, the command line.\n"
             ".SH COMMANDS\n");
    for (int i = 0; i < command_count(); i++) {
        const Command *cmd = command_at(i);
        str_puts(out, ".SS ");
        put(out, cmd->name);
        str_putc(out, '\n');
        put(out, cmd->summary);
        str_puts(out, ".\n.PP\n.B grpo\n");
        put(out, cmd->usage);
        str_putc(out, '\n');
        if (cmd->about) {
            str_puts(out, ".PP\n");
            put(out, cmd->about);
            str_putc(out, '\n');
        }
        flags(out, cmd->flag, cmd->n_flags);
        verbatim(out, cmd->examples);
    }
    str_puts(out, ".SH COMMON FLAGS\n");
    flags(out, args_common, args_n_common);
    str_puts(out, ".SH KEYS\nOf a config, each with its built\\-in value.\n");
    keys(out);
    str_puts(out,
             ".SH ENVIRONMENT\n"
             ".TP\n.B GRPO_\\fISECTION\\fR_\\fIKEY\\fR\na key of a config: GRPO_RL_LR=1e\\-4\n"
             ".TP\n.B GRPO_CPU\nthe kernel set of matrix products: amx, avx512, avx2, portable\n"
             ".TP\n.B NO_COLOR\nno colours\n"
             ".SH EXIT STATUS\n");
    static const struct {
        int code;
        const char *means;
    } codes[] = {
        {EXIT_DONE, "done"},
        {EXIT_FAILED, "failed while running"},
        {EXIT_USAGE, "usage or config"},
        {EXIT_NO_FIT, "the memory plan does not fit"},
        {EXIT_BAD_DATA, "bad data or model file"},
        {EXIT_NUMERIC, "a number that is none"},
        {EXIT_STOPPED, "stopped on request with a checkpoint; the same command goes on"},
        {EXIT_ABORTED, "a second Ctrl-C"},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        str_printf(out, ".TP\n.B %d\n", codes[i].code);
        put(out, codes[i].means);
        str_putc(out, '\n');
    }
    str_puts(out, ".SH SIGNALS\n"
                  "INT, TERM, HUP and USR1 write a checkpoint and stop; a second INT aborts at "
                  "once. USR2 writes a checkpoint and goes on.\n");
}
