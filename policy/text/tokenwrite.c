// policy/text/tokenwrite.c -- tokenizer.json component by component.
#include "policy/text/tokenwrite.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy/text/bpe.h"

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define QWEN(numbers)                                                                              \
    CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" numbers                                         \
                 "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define DEEPSEEK                                                                                   \
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"                                       \
    "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|"                      \
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define GPT4O_UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define GPT4O_LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define GPT4O_TAIL "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

enum { SPLITS = 3 };

// What llama.cpp's name of a pre-tokenizer stands for.
typedef struct Pre {
    const char *name;
    const char *split[SPLITS];
    bool digits; // every digit alone
    bool gpt2;   // GPT-2's regex inside each piece
    bool nfc, ignore_merges, add_bos;
} Pre;

static const Pre known[] = {
    {.name = "default", .gpt2 = true},
    {.name = "gpt-2", .gpt2 = true},
    {.name = "smollm", .digits = true, .gpt2 = true},
    {.name = "starcoder", .digits = true, .gpt2 = true},
    {.name = "refact", .digits = true, .gpt2 = true},
    {.name = "qwen2", .split = {QWEN("\\p{N}")}, .nfc = true},
    {.name = "deepseek-r1-qwen", .split = {QWEN("\\p{N}")}, .nfc = true},
    {.name = "llama-bpe", .split = {QWEN("\\p{N}{1,3}")}, .ignore_merges = true, .add_bos = true},
    {.name = "llama3", .split = {QWEN("\\p{N}{1,3}")}, .ignore_merges = true, .add_bos = true},
    {.name = "llama-v3", .split = {QWEN("\\p{N}{1,3}")}, .ignore_merges = true, .add_bos = true},
    {.name = "deepseek-v3",
     .split = {"\\p{N}{1,3}",
               "[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-"
               "\xE3\x83\xBF]+",
               DEEPSEEK}},
    {.name = "gpt-4o",
     .split = {"[^\\r\\n\\p{L}\\p{N}]?" GPT4O_UPPER "*" GPT4O_LOWER "+" CONTRACTIONS
               "?|[^\\r\\n\\p{L}\\p{N}]?" GPT4O_UPPER "+" GPT4O_LOWER "*" CONTRACTIONS
               "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" GPT4O_TAIL}},
    {.name = "tekken",
     .split = {"[^\\r\\n\\p{L}\\p{N}]?" GPT4O_UPPER "*" GPT4O_LOWER
               "+|[^\\r\\n\\p{L}\\p{N}]?" GPT4O_UPPER "+" GPT4O_LOWER
               "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" GPT4O_TAIL},
     .ignore_merges = true,
     .add_bos = true},
};

static const Pre *find_pre(const char *name) {
    if (!name || !name[0]) name = "default";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) return &known[i];
    return NULL;
}

static void text(Str *out, const char *s) {
    str_json(out, s, strlen(s));
}

static bool is_added(const Vocabulary *v, int id) {
    if (!v->type) return id == v->bos_id || id == v->eos_id || id == v->pad_id;
    return v->type[id] == VOCAB_CONTROL || v->type[id] == VOCAB_USER ||
           v->type[id] == VOCAB_UNKNOWN;
}

static void write_added(const Vocabulary *v, Str *out) {
    bool first = true;
    str_puts(out, "\"added_tokens\":[");
    for (int i = 0; i < v->n_tokens; i++) {
        if (!is_added(v, i) || !v->token[i][0]) continue;
        str_printf(out, "%s\n{\"id\":%d,\"content\":", first ? "" : ",", i);
        text(out, v->token[i]);
        str_printf(out,
                   ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"
                   "\"special\":%s}",
                   v->type && v->type[i] == VOCAB_USER ? "false" : "true");
        first = false;
    }
    str_puts(out, "],\n");
}

static void write_split(const char *regex, Str *out) {
    str_puts(out, "{\"type\":\"Split\",\"pattern\":{\"Regex\":");
    text(out, regex);
    str_puts(out, "},\"behavior\":\"Isolated\",\"invert\":false},");
}

static void write_byte_level(const Pre *pre, Str *out) {
    str_printf(out, "\"normalizer\":%s,\n", pre->nfc ? "{\"type\":\"NFC\"}" : "null");
    str_puts(out, "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[");
    if (pre->digits) str_puts(out, "{\"type\":\"Digits\",\"individual_digits\":true},");
    for (int i = 0; i < SPLITS && pre->split[i]; i++) write_split(pre->split[i], out);
    str_printf(out,
               "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
               "\"use_regex\":%s}]},\n",
               pre->gpt2 ? "true" : "false");
    str_puts(out, "\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,"
                  "\"trim_offsets\":true,\"use_regex\":true},\n");
}

#define MARK "\xE2\x96\x81" // SentencePiece's word mark, U+2581

static void write_sentencepiece(bool prefix, Str *out) {
    str_printf(out,
               "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[%s{\"type\":\"Replace\","
               "\"pattern\":{\"String\":\" \"},\"content\":\"" MARK "\"}]},\n",
               prefix ? "{\"type\":\"Prepend\",\"prepend\":\"" MARK "\"}," : "");
    str_puts(out, "\"pre_tokenizer\":null,\n\"decoder\":{\"type\":\"Sequence\",\"decoders\":["
                  "{\"type\":\"Replace\",\"pattern\":{\"String\":\"" MARK "\"},\"content\":\" \"},"
                  "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}");
    if (prefix) str_puts(out, ",{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}");
    str_puts(out, "]},\n");
}

static void template_token(const char *token, bool first, Str *out) {
    str_puts(out, first ? "{\"SpecialToken\":{\"id\":" : ",{\"SpecialToken\":{\"id\":");
    text(out, token);
    str_puts(out, ",\"type_id\":0}}");
}

static void template_side(const char *bos, const char *eos, bool pair, Str *out) {
    str_printf(out, "\"%s\":[", pair ? "pair" : "single");
    for (int side = 0; side < 1 + pair; side++) {
        if (side) str_putc(out, ',');
        if (bos) template_token(bos, true, out);
        str_printf(out, "%s{\"Sequence\":{\"id\":\"%s\",\"type_id\":%d}}", bos ? "," : "",
                   side ? "B" : "A", side);
        if (eos) template_token(eos, false, out);
    }
    str_puts(out, "],");
}

static void template_special(const char *token, int id, Str *out) {
    text(out, token);
    str_puts(out, ":{\"id\":");
    text(out, token);
    str_printf(out, ",\"ids\":[%d],\"tokens\":[", id);
    text(out, token);
    str_puts(out, "]}");
}

static const char *token_or_null(const Vocabulary *v, int id) {
    return id >= 0 && id < v->n_tokens ? v->token[id] : NULL;
}

static void write_post(const Vocabulary *v, bool add_bos, bool byte_level, Str *out) {
    const char *bos = add_bos ? token_or_null(v, v->bos_id) : NULL;
    const char *eos = v->add_eos == 1 ? token_or_null(v, v->eos_id) : NULL;
    str_puts(out, "\"post_processor\":");
    if (bos || eos) {
        str_puts(out, "{\"type\":\"TemplateProcessing\",");
        template_side(bos, eos, false, out);
        template_side(bos, eos, true, out);
        str_puts(out, "\"special_tokens\":{");
        if (bos) template_special(bos, v->bos_id, out);
        if (eos && (!bos || strcmp(bos, eos) != 0)) {
            if (bos) str_putc(out, ',');
            template_special(eos, v->eos_id, out);
        }
        str_puts(out, "}},\n");
    } else if (byte_level) {
        str_puts(out, "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":false,"
                      "\"use_regex\":true},\n");
    } else {
        str_puts(out, "null,\n");
    }
}

// ---- merges of a SentencePiece vocabulary ----------------------------------------------------
typedef struct Merge {
    const char *whole;
    float score;
    int left_chars, right_chars, left_bytes;
    size_t number; // the order before sorting, which a sort keeps among equals
} Merge;

static int by_score(const void *pa, const void *pb) {
    const Merge *a = (const Merge *)pa, *b = (const Merge *)pb;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    if (a->left_chars != b->left_chars) return b->left_chars - a->left_chars;
    if (a->right_chars != b->right_chars) return b->right_chars - a->right_chars;
    return (a->number > b->number) - (a->number < b->number);
}

typedef struct MergeCut {
    int left_bytes, left_chars;
    int32_t left, right; // ids
} MergeCut;

static int by_ids(const void *pa, const void *pb) {
    const MergeCut *a = (const MergeCut *)pa, *b = (const MergeCut *)pb;
    if (a->left != b->left) return a->left < b->left ? -1 : 1;
    return (a->right > b->right) - (a->right < b->right);
}

static int chars_of(const char *s, size_t size) {
    int n = 0;
    for (size_t i = 0; i < size; i++) n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

static size_t cut_token(const Bpe *vocab, const char *token, MergeCut *cut) {
    size_t n = 0, size = strlen(token);
    for (size_t at = 1; at < size; at++) {
        if (((unsigned char)token[at] & 0xC0) == 0x80) continue;
        int32_t left = bpe_find(vocab, token, at), right = bpe_find(vocab, token + at, size - at);
        if (left >= 0 && right >= 0)
            cut[n++] = (MergeCut){(int)at, chars_of(token, at), left, right};
    }
    if (n > 1) qsort(cut, n, sizeof *cut, by_ids);
    return n;
}

static Merge *derive_merges(const Vocabulary *v, size_t *n_merges) {
    Arena *arena = arena_new(1 << 20);
    Bpe *vocab = bpe_new((size_t)v->n_tokens, 0, arena);
    size_t longest = 0, n = 0, cap = 1024;
    for (int i = 0; i < v->n_tokens; i++) {
        size_t size = strlen(v->token[i]);
        bpe_add_token(vocab, v->token[i], size, i);
        if (size > longest) longest = size;
    }
    MergeCut *cut = ARENA_ARRAY(arena, MergeCut, longest + 1);
    Merge *merge = (Merge *)malloc(cap * sizeof *merge);
    CHECK(merge != NULL);
    for (int i = 0; i < v->n_tokens; i++) {
        size_t n_cuts = cut_token(vocab, v->token[i], cut);
        int chars = chars_of(v->token[i], strlen(v->token[i]));
        if (n + n_cuts > cap) {
            cap = 2 * cap + n_cuts;
            merge = (Merge *)realloc(merge, cap * sizeof *merge);
            CHECK(merge != NULL);
        }
        for (size_t c = 0; c < n_cuts; c++, n++)
            merge[n] = (Merge){v->token[i],       v->score[i],
                               cut[c].left_chars, chars - cut[c].left_chars,
                               cut[c].left_bytes, n};
    }
    if (n > 1) qsort(merge, n, sizeof *merge, by_score);
    arena_free(arena);
    *n_merges = n;
    return merge;
}

static void write_merges(const Vocabulary *v, Str *out) {
    if (v->n_merges > 0 || !v->score) {
        for (int i = 0; i < v->n_merges; i++) {
            str_puts(out, i ? ",\n" : "\n");
            text(out, v->merge[i]);
        }
        return;
    }
    size_t n;
    Merge *merge = derive_merges(v, &n);
    for (size_t i = 0; i < n; i++) {
        const char *whole = merge[i].whole;
        size_t left = (size_t)merge[i].left_bytes;
        str_puts(out, i ? ",\n[" : "\n[");
        str_json(out, whole, left);
        str_putc(out, ',');
        str_json(out, whole + left, strlen(whole + left));
        str_putc(out, ']');
    }
    free(merge);
}

static void write_model(const Vocabulary *v, bool byte_level, bool ignore_merges, Str *out) {
    Arena *arena = arena_new(1 << 16);
    Bpe *seen = bpe_new((size_t)v->n_tokens, 0, arena);
    const char *unk = byte_level ? NULL : token_or_null(v, v->unk_id);
    str_puts(out, "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":");
    if (unk)
        text(out, unk);
    else
        str_puts(out, "null");
    str_printf(out,
               ",\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":%s,"
               "\"byte_fallback\":%s,\"ignore_merges\":%s,\n\"vocab\":{",
               byte_level ? "false" : "true", byte_level ? "false" : "true",
               ignore_merges ? "true" : "false");
    bool first = true;
    for (int i = 0; i < v->n_tokens; i++) {
        if (!bpe_add_token(seen, v->token[i], strlen(v->token[i]), i)) continue; // said twice
        str_puts(out, first ? "\n" : ",\n");
        text(out, v->token[i]);
        str_printf(out, ":%d", i);
        first = false;
    }
    str_puts(out, "},\n\"merges\":[");
    write_merges(v, out);
    str_puts(out, "]}}\n");
    arena_free(arena);
}

static Status check(const Vocabulary *v, const Pre *pre, bool byte_level) {
    if (!byte_level && (!v->model || strcmp(v->model, "llama") != 0))
        return FAIL(ST_UNSUPPORTED, "tokenizer model '%s' is not built, only gpt2 and llama",
                    v->model ? v->model : "");
    if (byte_level && !pre) return FAIL(ST_UNSUPPORTED, "pre-tokenizer '%s' is not known", v->pre);
    if (v->n_tokens < 1) return FAIL(ST_FORMAT, "the vocabulary is empty");
    if (!byte_level && !v->score && v->n_merges == 0)
        return FAIL(ST_FORMAT, "a SentencePiece vocabulary needs scores or merges");
    for (int i = 0; i < v->n_tokens; i++)
        if (!str_is_utf8(v->token[i], strlen(v->token[i]), NULL))
            return FAIL(ST_FORMAT, "token %d of the vocabulary is not UTF-8", i);
    return ST_OK;
}

Status tokenwrite_json(const Vocabulary *v, Str *out) {
    bool byte_level = v->model && strcmp(v->model, "gpt2") == 0;
    const Pre *pre = find_pre(v->pre);
    TRY(check(v, pre, byte_level));
    bool add_bos = v->add_bos >= 0 ? v->add_bos == 1 : !byte_level || pre->add_bos;
    str_puts(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\n");
    write_added(v, out);
    if (byte_level)
        write_byte_level(pre, out);
    else
        write_sentencepiece(v->add_space_prefix != 0, out);
    write_post(v, add_bos, byte_level, out);
    write_model(v, byte_level, byte_level && pre->ignore_merges, out);
    return ST_OK;
}

void tokenwrite_config(const Vocabulary *v, Str *out) {
    static const char *const name[] = {"bos_token", "eos_token", "pad_token", "unk_token"};
    const int id[] = {v->bos_id, v->eos_id, v->pad_id, v->unk_id};
    const Pre *pre = find_pre(v->pre);
    bool byte_level = v->model && strcmp(v->model, "gpt2") == 0;
    bool add_bos = v->add_bos >= 0 ? v->add_bos == 1 : !byte_level || (pre && pre->add_bos);
    str_printf(out, "{\n  \"add_bos_token\": %s,\n  \"add_eos_token\": %s,\n",
               add_bos ? "true" : "false", v->add_eos == 1 ? "true" : "false");
    for (int i = 0; i < 4; i++) {
        const char *token = token_or_null(v, id[i]);
        if (!token) continue;
        str_printf(out, "  \"%s\": ", name[i]);
        text(out, token);
        str_puts(out, ",\n");
    }
    if (v->chat_template) {
        str_puts(out, "  \"chat_template\": ");
        text(out, v->chat_template);
        str_puts(out, ",\n");
    }
    str_printf(out, "  \"clean_up_tokenization_spaces\": false,\n"
                    "  \"tokenizer_class\": \"PreTrainedTokenizerFast\"\n}\n");
}
