// policy/text/jinja/jinja.h -- chat templates of model folders, evaluated.
//
// Layer 2 (policy/text). The part of Jinja that chat templates use, with the settings of Hugging
// Face's apply_chat_template (trim_blocks, lstrip_blocks, loop controls, tojson without escapes,
// raise_exception, strftime_now): output, if, for (recursive, filtered, with else), set (of names,
// namespaces and blocks), macro, call, filter, raw, break, continue and generation; expressions,
// slices, about 40 filters and 34 tests, methods of texts, lists and mappings. Left out, and
// refused by name: include, import, extends, block, with, do, autoescape.
//
// A template is untrusted: a render ends after 1 million steps or 16 MB of text, nesting is
// bounded, and nothing of the host can be reached but the date. ST_FORMAT names template, line and
// reason, raise_exception among them; ST_UNSUPPORTED a statement that is left out.
#ifndef POLICY_TEXT_JINJA_JINJA_H
#define POLICY_TEXT_JINJA_JINJA_H

#include "base/status.h"
#include "policy/text/jinja/jinja_value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Jinja Jinja;

// `name` is what errors call the template; both are copied. The caller owns *out.
MUST_USE Status jinja_parse(const char *text, size_t size, const char *name, Jinja **out);
void jinja_free(Jinja *jinja); // NULL is fine

// Appends the output for `vars` (a JINJA_DICT; only read). On failure `out` is as it was.
// Everything that is made on the way is in the arena. Safe from several threads, each with its own
// arena.
MUST_USE Status jinja_render(const Jinja *jinja, JinjaValue vars, Str *out, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
