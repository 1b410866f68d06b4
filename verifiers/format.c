// verifiers/format.c -- eats the response from the left, part by part.
#include "verifiers/format.h"

#include <string.h>

#include "verifiers/boxed.h"

typedef const char *Tail(Slice rest); // why the part behind </think> is not as asked; NULL if it is

static bool holds(Slice s, const char *needle) {
    return memmem(s.data, s.size, needle, strlen(needle)) != NULL;
}

static bool eat(Slice *s, const char *text) {
    size_t n = strlen(text);
    if (s->size < n || memcmp(s->data, text, n) != 0) return false;
    s->data += n, s->size -= n;
    return true;
}

static const char *tail_boxed(Slice rest) {
    size_t end;
    Slice box = boxed_first(rest, &end);
    if (!box.data) return "no box after </think>";
    if (boxed_blank(box)) return "empty box";
    if (end != rest.size) return "text after the box";
    return NULL;
}

static const char *tail_answer(Slice rest) {
    if (!eat(&rest, "<answer>")) return "no <answer> after </think>";
    const char *close = memmem(rest.data, rest.size, "</answer>", 9);
    if (!close) return "no </answer>";
    Slice answer = {rest.data, (size_t)(close - rest.data)};
    if (holds(answer, "<answer>")) return "more than one <answer>";
    if (boxed_blank(answer)) return "empty answer";
    if (close + 9 != rest.data + rest.size) return "text after </answer>";
    return NULL;
}

static const char *tail_chat(Slice rest) {
    return boxed_blank(rest) ? "no answer after </think>" : NULL;
}

static const struct Template {
    const char *name;
    Tail *tail;
} templates[] = {{"think-boxed", tail_boxed}, {"r1-zero", tail_answer}, {"chat", tail_chat}};
enum { N_TEMPLATES = sizeof templates / sizeof *templates };

static const struct Template *find(const char *name) {
    for (int i = 0; i < N_TEMPLATES; i++)
        if (!name || strcmp(templates[i].name, name) == 0) return &templates[i];
    return NULL;
}

bool format_template_known(const char *name) {
    return find(name) != NULL;
}

static const char *why_not(const JudgeInput *in, const struct Template *t) {
    Slice s = slice_trim((Slice){in->text, in->size});
    if (!in->finished) return "cut off";
    bool closed = in->prefilled && strstr(in->prefilled, "</think>") &&
                  !boxed_prefill_open(in->prefilled); // the prompt did the thinking
    if (closed && (holds(s, "<think>") || holds(s, "</think>"))) return "more than one <think>";
    if (closed) return t->tail(s);
    if (!boxed_prefill_open(in->prefilled) && !eat(&s, "<think>"))
        return "does not begin with <think>";
    const char *close = s.size ? memmem(s.data, s.size, "</think>", 8) : NULL;
    if (!close) return "no </think>";
    Slice thought = {s.data, (size_t)(close - s.data)};
    Slice rest = {close + 8, (size_t)(s.data + s.size - close - 8)};
    if (holds(thought, "<think>") || holds(rest, "<think>")) return "more than one <think>";
    if (holds(rest, "</think>")) return "more than one </think>";
    if (t->tail == tail_answer && (holds(thought, "<answer>") || holds(thought, "</answer>")))
        return "<answer> inside the thought";
    return t->tail(slice_trim(rest));
}

Judgement format_judge(const JudgeInput *in) {
    const struct Template *t = find(in->template_);
    if (!t) return (Judgement){.verdict = VERDICT_ERROR, .reason = "no such template"};
    const char *why = why_not(in, t);
    return (Judgement){.verdict = why ? VERDICT_WRONG : VERDICT_RIGHT,
                       .score = why ? 0 : 1,
                       .reason = why ? why : "as asked"};
}
