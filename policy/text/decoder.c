// policy/text/decoder.c -- from spellings to bytes, once for every token.
#include "policy/text/decoder.h"

#include <string.h>

#include "policy/text/unicode.h"

// GPT-2's printable stand-ins: bytes that print stand for themselves, the others for U+0100 on.
static void make_alphabet(int16_t byte_of[DECODER_ALPHABET]) {
    int next = 0x100;
    for (int c = 0; c < DECODER_ALPHABET; c++) byte_of[c] = -1;
    for (int b = 0; b < 256; b++) {
        bool prints = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
        byte_of[prints ? b : next++] = (int16_t)b;
    }
}

bool decoder_from_alphabet(const Decoder *decoder, const char *text, size_t size, char *out,
                           size_t *n) {
    *n = 0;
    for (size_t at = 0; at < size;) {
        int32_t c;
        at = unicode_next(text, at, &c);
        if (c >= DECODER_ALPHABET || decoder->byte_of[c] < 0) return false;
        out[(*n)++] = (char)decoder->byte_of[c];
    }
    return *n > 0;
}

static Status add_step(Decoder *d, const JsonDoc *doc, const Json *node, DecoderStep step) {
    if (d->n_steps == DECODER_STEPS)
        return FAIL(ST_UNSUPPORTED, "%s:%d: more than %d decoders are not built", json_name(doc),
                    json_line(doc, node), DECODER_STEPS);
    d->step[d->n_steps++] = step;
    return ST_OK;
}

static Status read_strip(Decoder *d, const JsonDoc *doc, const Json *node) {
    const char *content = json_text(json_get(node, "content"), "");
    int64_t start = json_int(json_get(node, "start"), 0),
            stop = json_int(json_get(node, "stop"), 0);
    if (strlen(content) != 1 || start < 0 || stop < 0 || start > 1000 || stop > 1000)
        return FAIL(ST_UNSUPPORTED, "%s:%d: decoder Strip wants one ASCII character and counts",
                    json_name(doc), json_line(doc, node));
    if (!d->fused)
        return add_step(d, doc, node,
                        (DecoderStep){.kind = DECODER_STRIP,
                                      .strip = content[0],
                                      .start = (int)start,
                                      .stop = (int)stop});
    d->edge = content[0];
    d->edge_start = (int)start;
    d->edge_stop = (int)stop;
    return ST_OK;
}

static Status read_node(const JsonDoc *doc, const Json *node, DecoderKeep *keep, void *ctx,
                        Decoder *d) {
    const char *type = json_text(json_get(node, "type"), "");
    if (strcmp(type, "Sequence") == 0) {
        const Json *list = json_get(node, "decoders");
        for (const Json *n = list ? json_first(list) : NULL; n; n = json_next(n))
            TRY(read_node(doc, n, keep, ctx, d));
        return ST_OK;
    }
    if (strcmp(type, "Fuse") == 0) {
        d->fused = true;
        return ST_OK;
    }
    if (strcmp(type, "Strip") == 0) return read_strip(d, doc, node);
    DecoderStep step = {.kind = DECODER_REPLACE};
    const char *from = NULL, *to = " ";
    if (strcmp(type, "ByteLevel") == 0) {
        step.kind = DECODER_BYTE_LEVEL;
        d->byte_level = true;
    } else if (strcmp(type, "ByteFallback") == 0) {
        step.kind = DECODER_FALLBACK;
    } else if (strcmp(type, "Metaspace") == 0) {
        from = json_text(json_get(node, "replacement"), "\xE2\x96\x81");
        const char *scheme = json_text(json_get(node, "prepend_scheme"), "always");
        d->first_bare =
            strcmp(scheme, "never") != 0 && json_bool(json_get(node, "add_prefix_space"), true);
    } else if (strcmp(type, "Replace") == 0) {
        const Json *string = json_get(json_get(node, "pattern"), "String");
        if (!string || !json_text_size(string))
            return FAIL(ST_UNSUPPORTED, "%s:%d: decoder Replace wants a pattern String",
                        json_name(doc), json_line(doc, node));
        from = json_text(string, "");
        to = json_text(json_get(node, "content"), "");
    } else {
        return FAIL(ST_UNSUPPORTED, "%s:%d: decoder '%s' is not built", json_name(doc),
                    json_line(doc, node), type);
    }
    if (d->fused)
        return FAIL(ST_UNSUPPORTED, "%s:%d: decoder %s after Fuse is not built", json_name(doc),
                    json_line(doc, node), type);
    if (from) {
        step.n_from = strlen(from);
        step.n_to = strlen(to);
        step.from = keep(ctx, from, step.n_from);
        step.to = keep(ctx, to, step.n_to);
    }
    return add_step(d, doc, node, step);
}

Status decoder_parse(const JsonDoc *doc, const Json *node, DecoderKeep *keep, void *ctx,
                     Decoder *out) {
    *out = (Decoder){0};
    make_alphabet(out->byte_of);
    if (!node || json_kind(node) == JSON_NULL) return ST_OK;
    return read_node(doc, node, keep, ctx, out);
}

static int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static void fall_back(Str *s) {
    const char *t = s->data;
    if (s->size != 6 || memcmp(t, "<0x", 3) != 0 || t[5] != '>' || hex(t[3]) < 0 || hex(t[4]) < 0)
        return;
    char byte = (char)(hex(t[3]) * 16 + hex(t[4]));
    str_clear(s);
    str_putc(s, byte);
}

static void replace(const DecoderStep *step, Str *s) {
    Str out = {0};
    for (size_t at = 0; at < s->size;) {
        bool here =
            s->size - at >= step->n_from && memcmp(s->data + at, step->from, step->n_from) == 0;
        str_add(&out, here ? step->to : s->data + at, here ? step->n_to : 1);
        at += here ? step->n_from : 1;
    }
    str_free(s);
    *s = out;
}

static void strip(const DecoderStep *step, Str *s) {
    size_t begin = 0, end = s->size;
    for (int i = 0; i < step->start && begin < end && s->data[begin] == step->strip; i++) begin++;
    for (int i = 0; i < step->stop && end > begin && s->data[end - 1] == step->strip; i++) end--;
    Str out = {0};
    str_add(&out, str_text(s) + begin, end - begin);
    str_free(s);
    *s = out;
}

void decoder_bytes(const Decoder *d, const char *token, size_t size, bool added, Str *out) {
    Str s = {0};
    str_add(&s, token, size);
    for (int i = 0; i < d->n_steps && s.size; i++) {
        const DecoderStep *step = &d->step[i];
        size_t n;
        switch (step->kind) {
        case DECODER_BYTE_LEVEL:
            if (!added && decoder_from_alphabet(d, s.data, s.size, s.data, &n)) {
                s.size = n;
                s.data[n] = 0;
            }
            break;
        case DECODER_FALLBACK: fall_back(&s); break;
        case DECODER_REPLACE: replace(step, &s); break;
        case DECODER_STRIP: strip(step, &s); break;
        }
    }
    str_add(out, str_text(&s), s.size);
    str_free(&s);
}
