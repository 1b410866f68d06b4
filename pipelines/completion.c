// pipelines/completion.c -- the tables as scripts of bash, zsh and fish.
#include "pipelines/completion.h"

#include <string.h>

#include "pipelines/command.h"
#include "pipelines/recipe.h"
#include "pipelines/runconfig.h"

typedef void KeyFn(Str *out, const char *section, const ConfigKey *key);

static void each_key(Str *out, KeyFn *fn) {
    RunConfig rc;
    runconfig_sections(&rc);
    for (int s = 0; s < RUNCONFIG_SECTIONS; s++)
        for (int i = 0; i < rc.section[s].n_keys; i++)
            fn(out, rc.section[s].name, &rc.section[s].key[i]);
}

// "a|b" with blanks; a switch is one of two words. "" where any value may be.
static void choices(const ConfigKey *key, Str *out) {
    const char *text = key->type == CONFIG_BOOL ? "true|false" : "";
    if (key->type == CONFIG_CHOICE) text = key->choices;
    for (; *text; text++) str_putc(out, *text == '|' ? ' ' : *text);
}

static void command_names(Str *out) {
    for (int i = 0; i < command_count(); i++) str_printf(out, "%s ", command_at(i)->name);
    str_puts(out, "help");
}

// The words that may be first after the command's name.
static void first_words(const Command *cmd, Str *out) {
    if (cmd->words) str_puts(out, cmd->words);
    if (!cmd->config) return;
    if (cmd->words) str_putc(out, ' ');
    for (const char *p = recipe_names(); *p; p++)
        if (*p != ',') str_putc(out, *p);
}

static void bash_flags(Str *out, const Flag *flag, int n) {
    for (int i = 0; i < n; i++) {
        if (flag[i].letter) str_printf(out, "-%c ", flag[i].letter);
        str_printf(out, "--%s ", flag[i].name);
    }
}

static void bash_key(Str *out, const char *section, const ConfigKey *key) {
    str_printf(out, " %s.%s", section, key->name);
}

static void bash_choice(Str *out, const char *section, const ConfigKey *key) {
    Str words = {0};
    choices(key, &words);
    if (words.size)
        str_printf(out, "    %s.%s=*) words='%s' ;;\n", section, key->name, str_text(&words));
    str_free(&words);
}

void completion_bash(Str *out) {
    str_puts(out, "# bash completion for grpo, made by 'grpo completion bash'\n"
                  "_grpo() {\n"
                  "    local line=${COMP_LINE:0:COMP_POINT} cmd=${COMP_WORDS[1]} cur before='' "
                  "flags='' words='' keys='' IFS=$' \\t\\n'\n"
                  "    cur=${line##*[[:space:]]}\n"
                  "    COMPREPLY=()\n"
                  "    if [ \"$COMP_CWORD\" -le 1 ]; then\n"
                  "        COMPREPLY=($(compgen -W '");
    command_names(out);
    str_puts(out, " --help --version' -- \"$cur\"))\n        return\n    fi\n    case $cmd in\n");
    for (int i = 0; i < command_count(); i++) {
        const Command *cmd = command_at(i);
        str_printf(out, "    %s) flags='", cmd->name);
        bash_flags(out, cmd->flag, cmd->n_flags);
        bash_flags(out, args_common, args_n_common);
        out->size--; // the blank
        str_puts(out, "' words='");
        first_words(cmd, out);
        str_printf(out, "'%s ;;\n", cmd->config ? " keys=1" : "");
    }
    str_puts(out, "    help) words='");
    command_names(out);
    str_puts(out, "' flags='--man' ;;\n    esac\n    [ -z \"$keys\" ] || keys='");
    each_key(out, bash_key);
    str_puts(out,
             "'\n"
             "    if [[ $cur == -* ]]; then\n"
             "        COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n"
             "        return\n"
             "    fi\n"
             "    if [[ $cur != *=* || -z $keys ]]; then\n"
             "        [ \"$COMP_CWORD\" -eq 2 ] || words=''\n"
             "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\") $(compgen -f -- \"$cur\"))\n"
             "        [ -z \"$cur\" ] || COMPREPLY+=($(compgen -W \"$keys\" -S = -- \"$cur\"))\n"
             "        [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace\n"
             "        return\n"
             "    fi\n"
             "    words=''\n"
             "    case $cur in\n");
    each_key(out, bash_choice);
    str_puts(out, "    esac\n"
                  "    # Where '=' breaks words, only what follows it is replaced.\n"
                  "    [[ $COMP_WORDBREAKS == *=* ]] || before=${cur%%=*}=\n"
                  "    if [ -n \"$words\" ]; then\n"
                  "        COMPREPLY=($(compgen -P \"$before\" -W \"$words\" -- \"${cur#*=}\"))\n"
                  "    else\n"
                  "        COMPREPLY=($(compgen -P \"$before\" -f -- \"${cur#*=}\"))\n"
                  "    fi\n"
                  "}\n"
                  "complete -o filenames -F _grpo grpo\n");
}

// In single quotes of a shell; zsh's descriptions also mind brackets and colons.
static void quoted(Str *out, const char *text, const char *also) {
    for (; *text; text++) {
        if (*text == '\'')
            str_puts(out, "'\\''");
        else if (strchr(also, *text))
            str_printf(out, "\\%c", *text);
        else
            str_putc(out, *text);
    }
}

static void zsh_flags(Str *out, const Flag *flag, int n) {
    for (int i = 0; i < n; i++) {
        str_puts(out, " \\\n        ");
        if (flag[i].letter)
            str_printf(out, "'(-%c --%s)'{-%c,--%s}'[", flag[i].letter, flag[i].name,
                       flag[i].letter, flag[i].name);
        else
            str_printf(out, "'--%s[", flag[i].name);
        quoted(out, flag[i].help, "[]:\\");
        str_puts(out, "]");
        if (flag[i].value) {
            str_putc(out, ':');
            quoted(out, flag[i].value, "[]:\\");
            str_puts(out, ":_files");
        }
        str_putc(out, '\'');
    }
}

static void zsh_choice(Str *out, const char *section, const ConfigKey *key) {
    Str words = {0};
    choices(key, &words);
    if (words.size)
        str_printf(out, "        %s.%s=*) compset -P '*='; compadd -- %s; return ;;\n", section,
                   key->name, str_text(&words));
    str_free(&words);
}

void completion_zsh(Str *out) {
    str_puts(out, "#compdef grpo\n"
                  "# zsh completion for grpo, made by 'grpo completion zsh'\n"
                  "_grpo_words() {\n"
                  "    local -a keys=(");
    each_key(out, bash_key);
    str_puts(out, ")\n"
                  "    case $PREFIX in\n");
    each_key(out, zsh_choice);
    str_puts(out, "        *=*) compset -P '*=' ;;\n"
                  "        ?*) compadd -S = -q -a keys ;;\n"
                  "    esac\n"
                  "    compadd -- ${=1}\n"
                  "    _files\n"
                  "}\n"
                  "_grpo() {\n"
                  "    local -a commands=(");
    for (int i = 0; i < command_count(); i++) {
        str_printf(out, "\n        '%s:", command_at(i)->name);
        quoted(out, command_at(i)->summary, ":\\");
        str_putc(out, '\'');
    }
    str_puts(out, "\n        'help:every command, or one of them')\n"
                  "    if ((CURRENT == 2)); then\n"
                  "        _describe command commands\n"
                  "        return\n"
                  "    fi\n"
                  "    local cmd=$words[2]\n"
                  "    shift words\n"
                  "    ((CURRENT--))\n"
                  "    case $cmd in\n"
                  "    help) _describe command commands ;;\n");
    for (int i = 0; i < command_count(); i++) {
        const Command *cmd = command_at(i);
        str_printf(out, "    %s) _arguments", cmd->name);
        zsh_flags(out, cmd->flag, cmd->n_flags);
        zsh_flags(out, args_common, args_n_common);
        if (cmd->config) {
            str_puts(out, " \\\n        '*: :_grpo_words \"");
            first_words(cmd, out);
            str_puts(out, "\"' ;;\n");
        } else {
            Str words = {0};
            first_words(cmd, &words);
            if (words.size) str_printf(out, " \\\n        '1: :(%s)'", str_text(&words));
            str_puts(out, " \\\n        '*:file:_files' ;;\n");
            str_free(&words);
        }
    }
    str_puts(out, "    esac\n"
                  "}\n"
                  "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _grpo \"$@\"; else compdef "
                  "_grpo grpo; fi\n");
}

static void fish_quoted(Str *out, const char *text) {
    str_putc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') str_putc(out, '\\');
        str_putc(out, *text);
    }
    str_putc(out, '\'');
}

static void fish_flags(Str *out, const char *name, const Flag *flag, int n) {
    for (int i = 0; i < n; i++) {
        str_printf(out, "complete -c grpo -n '__fish_seen_subcommand_from %s' -l %s", name,
                   flag[i].name);
        if (flag[i].letter) str_printf(out, " -s %c", flag[i].letter);
        str_printf(out, "%s -d ", flag[i].value ? " -r" : "");
        fish_quoted(out, flag[i].help);
        str_putc(out, '\n');
    }
}

static void fish_key(Str *out, const char *section, const ConfigKey *key) {
    Str words = {0};
    choices(key, &words);
    str_printf(out, "    printf '%%s\\t%%s\\n' %s.%s= ", section, key->name);
    fish_quoted(out, key->help);
    str_putc(out, '\n');
    for (const char *p = str_text(&words); *p; p += strspn(p, " ")) {
        int n = (int)strcspn(p, " ");
        str_printf(out, "    echo %s.%s=%.*s\n", section, key->name, n, p);
        p += n;
    }
    str_free(&words);
}

void completion_fish(Str *out) {
    str_puts(out, "# fish completion for grpo, made by 'grpo completion fish'\n"
                  "function __grpo_keys\n"
                  "    string length -q -- (commandline -ct); or return\n");
    each_key(out, fish_key);
    str_puts(out, "end\n");
    for (int i = 0; i < command_count(); i++) {
        const Command *cmd = command_at(i);
        str_printf(out, "complete -c grpo -n __fish_use_subcommand -f -a %s -d ", cmd->name);
        fish_quoted(out, cmd->summary);
        str_putc(out, '\n');
        fish_flags(out, cmd->name, cmd->flag, cmd->n_flags);
        fish_flags(out, cmd->name, args_common, args_n_common);
        Str words = {0};
        first_words(cmd, &words);
        if (words.size) {
            str_printf(out, "complete -c grpo -n '__fish_seen_subcommand_from %s' -a ", cmd->name);
            fish_quoted(out, str_text(&words));
            str_putc(out, '\n');
        }
        str_free(&words);
        if (cmd->config)
            str_printf(out,
                       "complete -c grpo -n '__fish_seen_subcommand_from %s' -a "
                       "'(__grpo_keys)'\n",
                       cmd->name);
    }
    str_puts(out, "complete -c grpo -n __fish_use_subcommand -f -a help -d 'every command'\n"
                  "complete -c grpo -n '__fish_seen_subcommand_from help' -f -a '");
    command_names(out);
    str_puts(out, "'\n");
}
