// pipelines/command/command_chat.c -- `grpo chat`: a conversation, typed or line by line.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "pipelines/chatflags.h"
#include "pipelines/command.h"
#include "pipelines/conversation.h"
#include "pipelines/interrupt.h"

static const Flag flags[] = {
    {"template", 0, "NAME", "the chat template, where the folder does not say: chatml, qwen3, ..."},
    {"system", 0, "TEXT",
     "system message (default: the template's own); r1-zero = R1-Zero's words"},
    {"no-think", 0, NULL, "where the template has the switch (qwen3): answer without thinking"},
    {"temperature", 'T', "T", "0 = greedy (default 0.6)"},
    {"top-p", 0, "P", "nucleus (default 0.95)"},
    {"stop", 0, "TEXT", "ends a response where it appears; may be given several times"},
    {"top-k", 0, "K", "best tokens only (default 0 = off)"},
    {"max-tokens", 'm', "N", "longest reply (default 1024)"},
    {"context", 0, "N", "tokens of the talk that are kept (default 4096, at most the model's)"},
    {"seed", 's', "N", "default 1"},
    {"threads", 'j', "N", "worker threads (default: all cores)"},
};

// ---- Ctrl-C: once stops the reply, at the prompt it leaves
// ---------------------------------------
static volatile int stop_reply;
static volatile sig_atomic_t replying;

static void on_interrupt(int sig) {
    if (!replying || stop_reply) _exit(128 + sig);
    stop_reply = sig;
}

static void listen_for_interrupt(void) {
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

// ---- the screen ------------------------------------------------------------------------------
typedef struct Screen {
    bool terminal, dim, json; // dim: thoughts are shown so
    bool thought;             // what was shown last
    char last;
} Screen;

static void show(void *ctx, const char *text, size_t size, bool thought) {
    Screen *s = ctx;
    if (s->json) return;
    if (s->dim && thought != s->thought) fputs(thought ? "\033[2m" : "\033[0m", stdout);
    s->thought = thought;
    fwrite(text, 1, size, stdout);
    fflush(stdout);
    s->last = text[size - 1];
}

static void end_reply(Screen *s, const Reply *reply, int turn) {
    if (s->json) {
        Str out = {0};
        str_printf(&out, "{\"turn\":%d,\"role\":\"assistant\",\"content\":", turn);
        str_json(&out, str_text(&reply->text), reply->text.size);
        str_printf(&out, ",\"tokens\":%d,\"finish\":\"%s\"}\n", reply->n_tokens,
                   finish_name((Finish)reply->finish));
        fputs(str_text(&out), stdout);
        str_free(&out);
    } else {
        if (s->dim && s->thought) fputs("\033[0m", stdout);
        if (s->last != '\n') putchar('\n');
    }
    fflush(stdout);
    s->thought = false;
    s->last = '\n';
    if (!s->terminal) return;
    if (reply->finish == FINISH_ABORT)
        log_info("(stopped)");
    else if (reply->finish == FINISH_LENGTH)
        log_info("(cut off after %d tokens: --max-tokens, --context)", reply->n_tokens);
}

// One message: a line, or several where each but the last ends with a backslash. False at the end.
static bool read_message(const Screen *s, Str *out) {
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    bool more = true, any = false;
    str_clear(out);
    while (more) {
        if (s->terminal) fputs(any ? ". " : "> ", stderr);
        n = getline(&line, &cap, stdin);
        if (n < 0) break;
        any = true;
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
        more = n > 0 && line[n - 1] == '\\';
        str_add(out, line, (size_t)(more ? n - 1 : n));
        if (more) str_putc(out, '\n');
    }
    free(line);
    return any;
}

static bool blank(const Str *text) {
    return strspn(str_text(text), " \t\n") == text->size;
}

static Status talk(Conversation *c, Screen *s) {
    Str text = {0};
    Status st = ST_OK;
    for (int turn = 0; st == ST_OK && !*interrupt_flag() && read_message(s, &text);) {
        if (blank(&text)) continue;
        if (s->terminal && strcmp(text.data, "/quit") == 0) break;
        if (s->terminal && strcmp(text.data, "/clear") == 0) {
            conversation_clear(c);
            log_info("(forgotten)");
            continue;
        }
        Reply reply;
        int forgotten = c->n_forgotten;
        stop_reply = 0;
        replying = 1;
        st = conversation_say(c, text.data, &stop_reply, show, s, &reply);
        replying = 0;
        if (st != ST_OK) break;
        end_reply(s, &reply, turn++);
        if (s->terminal && c->n_forgotten > forgotten)
            log_info("(the oldest turns no longer fit the context and are forgotten)");
        str_free(&reply.text);
    }
    str_free(&text);
    return st;
}

static int run(const Args *args) {
    if (args->n_words != 1) return command_usage("chat: wants one MODEL");
    Actor a = {0};
    Conversation *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    Arena *arena = arena_new(0);
    SampleConfig cfg = {.temperature = 0.6, .top_p = 0.95};
    int64_t max_tokens = 1024, context = 4096, seed = 1, threads = 0, top_k = 0;
    Screen screen = {.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
                     .dim = isatty(STDOUT_FILENO) && log_has_color(),
                     .json = args_has(args, "json"),
                     .last = '\n'};
    Status st;
    TRY_OUT(args_int(args, "max-tokens", 1, 1 << 24, &max_tokens));
    TRY_OUT(args_int(args, "context", 2, 1 << 24, &context));
    TRY_OUT(args_int(args, "seed", 0, INT64_MAX, &seed));
    TRY_OUT(args_int(args, "threads", 0, 1024, &threads));
    TRY_OUT(args_int(args, "top-k", 0, 1 << 24, &top_k));
    TRY_OUT(args_num(args, "temperature", 0, 100, &cfg.temperature));
    TRY_OUT(args_num(args, "top-p", 1e-6, 1, &cfg.top_p));
    ConfigTexts stop = args_texts(args, "stop", arena);
    cfg.stop_text = stop.value, cfg.n_stop_texts = stop.n;
    ActorOpts ao = {.folder = args->word[0],
                    .engine = true,
                    .allocate = true,
                    .quiet = true,
                    .keep_prefixes = true,
                    .threads = (int)threads,
                    .decode_seqs = 1,
                    .max_seq_tokens = (int)context,
                    .seed = (uint64_t)seed};
    TRY_OUT(actor_open(&ao, &a));
    TRY_OUT(actor_chat(&a, chatflags_name(args), chatflags_thinking(args), chatflags_system(args)));
    if (context > a.model.max_position) context = a.model.max_position;
    cfg.max_new_tokens = (int)(max_tokens < context ? max_tokens : context);
    cfg.top_k = (int)top_k;
    cfg.stop_token = a.stop_token;
    cfg.n_stop_tokens = a.n_stop_tokens;
    conversation_open(c, &a, &cfg, (int)context);
    listen_for_interrupt();
    if (screen.terminal)
        log_info(
            "template %s; Ctrl-C stops a reply, a \\ at the end goes on in the next line, /clear "
            "forgets, /quit or Ctrl-D leaves",
            a.chat.name);
    st = talk(c, &screen);
out:
    arena_free(arena);
    conversation_close(c);
    free(c);
    actor_close(&a);
    if (st != ST_OK) return command_failed(st);
    return *interrupt_flag() ? 128 + interrupt_signal() : EXIT_DONE;
}

const Command command_chat = {
    .name = "chat",
    .summary = "a conversation with a model, in its own chat template",
    .usage = "chat MODEL [--template NAME] [--system TEXT] [--no-think]",
    .about = "Replies are streamed; thinking is shown dim. Off a terminal every line of stdin is a "
             "message and is\nanswered on stdout; with --json by one line "
             "{\"turn\",\"role\",\"content\",\"tokens\",\"finish\"}.",
    .examples = "grpo chat models/SmolLM2-135M-Instruct\n"
                "grpo chat models/Qwen3-0.6B --no-think\n"
                "printf 'What is 2+3?\\nAnd 4 more?\\n' | grpo chat model/ -T 0 --json",
    .model = true,
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
