// pipelines/args.c -- the words after `grpo CMD`, sorted.
#include "pipelines/args.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

const Flag args_common[] = {
    {"help", 'h', NULL, "show this help"},
    {"json", 0, NULL, "the result as JSON on stdout"},
    {"quiet", 'q', NULL, "errors and warnings only"},
    {"verbose", 'v', NULL, "more detail on stderr"},
    {"color", 0, "WHEN", "auto, always or never (NO_COLOR is honoured)"},
};
const int args_n_common = (int)(sizeof args_common / sizeof args_common[0]);

static const Flag *flag_named(const Flag *flag, int n, const char *name, size_t size) {
    for (int i = 0; i < n; i++)
        if (strlen(flag[i].name) == size && memcmp(flag[i].name, name, size) == 0) return &flag[i];
    return NULL;
}

static const Flag *flag_lettered(const Flag *flag, int n, char letter) {
    for (int i = 0; i < n; i++)
        if (flag[i].letter == letter) return &flag[i];
    return NULL;
}

static Status unknown_flag(const char *word, const Flag *flag, int n_flags, const char *command) {
    const char *best = NULL;
    int best_distance = 4;
    for (int set = 0; set < 2; set++) {
        const Flag *list = set ? args_common : flag;
        int n = set ? args_n_common : n_flags;
        for (int i = 0; i < n; i++) {
            int d = str_distance(word + 2, list[i].name);
            if (d < best_distance) best_distance = d, best = list[i].name;
        }
    }
    if (best)
        return FAIL(ST_CONFIG, "%s: no flag %s; did you mean --%s? ('grpo help %s' lists them)",
                    command, word, best, command);
    return FAIL(ST_CONFIG, "%s: no flag %s ('grpo help %s' lists them)", command, word, command);
}

// section.key=value with a plain dotted name on the left.
static bool is_assignment(const char *word) {
    const char *eq = strchr(word, '=');
    if (!eq || eq == word) return false;
    bool dot = false;
    for (const char *c = word; c < eq; c++) {
        if (*c == '.')
            dot = true;
        else if (!(*c == '_' || *c == '-' || isalnum((unsigned char)*c)))
            return false;
    }
    (void)dot; // a name without a dot is refused later, by name, with a suggestion
    return true;
}

static Status keep(Args *args, const Flag *flag, const char *value) {
    if (args->n_given == ARGS_MAX) return FAIL(ST_CONFIG, "more than %d flags", ARGS_MAX);
    args->given[args->n_given] = flag;
    args->value[args->n_given++] = value;
    return ST_OK;
}

Status args_parse(Args *args, int argc, char **argv, const Flag *flag, int n_flags,
                  bool assignments) {
    *args = (Args){
        .command = argc > 1 ? argv[1] : "", .assignments = assignments, .argc = argc, .argv = argv};
    bool only_words = false;
    for (int i = 2; i < argc; i++) {
        char *word = argv[i];
        const Flag *found = NULL;
        const char *value = NULL;
        if (only_words || word[0] != '-' || word[1] == 0 || (word[1] >= '0' && word[1] <= '9')) {
            int *n = assignments && !only_words && is_assignment(word) ? &args->n_assignments
                                                                       : &args->n_words;
            if (*n == ARGS_MAX) return FAIL(ST_CONFIG, "more than %d words", ARGS_MAX);
            (n == &args->n_words ? args->word : args->assignment)[(*n)++] = word;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (word[1] == '-') {
            const char *eq = strchr(word, '=');
            size_t size = eq ? (size_t)(eq - word - 2) : strlen(word + 2);
            found = flag_named(flag, n_flags, word + 2, size);
            if (!found) found = flag_named(args_common, args_n_common, word + 2, size);
            if (!found) return unknown_flag(word, flag, n_flags, args->command);
            if (eq) value = eq + 1;
        } else {
            found = flag_lettered(flag, n_flags, word[1]);
            if (!found) found = flag_lettered(args_common, args_n_common, word[1]);
            if (!found)
                return FAIL(ST_CONFIG, "%s: no flag %s ('grpo help %s' lists them)", args->command,
                            word, args->command);
            if (word[2]) value = word + 2;
        }
        if (!found->value && value)
            return FAIL(ST_CONFIG, "--%s is a switch and takes no value", found->name);
        if (found->value && !value) {
            if (i + 1 == argc) return FAIL(ST_CONFIG, "--%s needs %s", found->name, found->value);
            value = argv[++i];
        }
        TRY(keep(args, found, value));
    }
    return ST_OK;
}

bool args_has(const Args *args, const char *name) {
    for (int i = 0; i < args->n_given; i++)
        if (strcmp(args->given[i]->name, name) == 0) return true;
    return false;
}

const char *args_text(const Args *args, const char *name, const char *fallback) {
    for (int i = args->n_given - 1; i >= 0; i--)
        if (strcmp(args->given[i]->name, name) == 0) return args->value[i];
    return fallback;
}

ConfigTexts args_texts(const Args *args, const char *name, Arena *arena) {
    ConfigTexts out = {0};
    const char **value = ARENA_ARRAY(arena, const char *, args->n_given + 1);
    for (int i = 0; i < args->n_given; i++)
        if (strcmp(args->given[i]->name, name) == 0) value[out.n++] = args->value[i];
    out.value = value;
    return out;
}

Status args_int(const Args *args, const char *name, int64_t low, int64_t high, int64_t *out) {
    const char *text = args_text(args, name, NULL);
    if (!text) return ST_OK;
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end || errno || v < low || v > high)
        return FAIL(ST_CONFIG, "--%s %s: wants a whole number from %lld to %lld", name, text,
                    (long long)low, (long long)high);
    *out = v;
    return ST_OK;
}

Status args_num(const Args *args, const char *name, double low, double high, double *out) {
    const char *text = args_text(args, name, NULL);
    if (!text) return ST_OK;
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !(v >= low && v <= high))
        return FAIL(ST_CONFIG, "--%s %s: wants a number from %g to %g", name, text, low, high);
    *out = v;
    return ST_OK;
}

Status args_bytes(const Args *args, const char *name, uint64_t *out) {
    const char *text = args_text(args, name, NULL);
    if (!text) return ST_OK;
    char *end;
    double v = strtod(text, &end), unit = 1;
    if (end == text || !(v >= 0)) goto bad;
    switch (*end) {
    case 'k':
    case 'K':
        unit = 1024.0;
        end++;
        break;
    case 'm':
    case 'M':
        unit = 1024.0 * 1024;
        end++;
        break;
    case 'g':
    case 'G':
        unit = 1024.0 * 1024 * 1024;
        end++;
        break;
    case 't':
    case 'T':
        unit = 1024.0 * 1024 * 1024 * 1024;
        end++;
        break;
    default: break;
    }
    if (unit > 1 && *end == 'i') end++;
    if (*end == 'B') end++;
    if (*end || v * unit > 9e18) goto bad;
    *out = (uint64_t)(v * unit);
    return ST_OK;
bad:
    return FAIL(ST_CONFIG, "--%s %s: wants bytes, such as 512M or 2G", name, text);
}

void args_line(const Args *args, bool again, Str *out) {
    for (int i = 0; args && i < args->argc; i++) {
        const char *word = i == 0 && !again ? "grpo" : args->argv[i];
        if (again && strcmp(word, "--fresh") == 0) continue;
        bool plain = *word != 0;
        for (const char *c = word; *c; c++)
            if (!isalnum((unsigned char)*c) && !strchr("_-./=:,@+", *c)) plain = false;
        if (i) str_putc(out, ' ');
        if (plain) {
            str_puts(out, word);
            continue;
        }
        str_putc(out, '\'');
        for (const char *c = word; *c; c++) {
            if (*c == '\'')
                str_puts(out, "'\\''");
            else
                str_putc(out, *c);
        }
        str_putc(out, '\'');
    }
}
