#!/usr/bin/env python3
"""Writes tests/golden/tokenizer/*.json: small trained byte-level BPEs in the styles of real models,
each with texts and the ids that Hugging Face's `tokenizers` gives for them.

Run by hand (needs the `tokenizers` package); the C test reads what is committed.
"""
import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers

HERE = pathlib.Path(__file__).parent / "tokenizer"
QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
CJK = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def split(regex, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(regex), behavior, invert)


def byte_level(use_regex=False, prefix=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=use_regex)


def seq(*steps):
    return pre_tokenizers.Sequence(list(steps))


STYLES = {
    "gpt2": dict(pre=byte_level(True, True)),
    "smollm2": dict(pre=seq(pre_tokenizers.Digits(individual_digits=True), byte_level(True))),
    "qwen2": dict(pre=seq(split(QWEN % r"\p{N}"), byte_level()), norm=normalizers.NFC()),
    "llama3": dict(pre=seq(split(QWEN % r"\p{N}{1,3}"), byte_level()), ignore_merges=True, bos=True),
    "deepseek": dict(pre=seq(split(r"\p{N}{1,3}"), split(CJK), split(DEEPSEEK), byte_level())),
    # not a model's: the behaviours that the five above leave out
    "removed": dict(pre=seq(split(r"\s+", "removed"), byte_level())),
    "previous": dict(pre=seq(split(r"[aeiou]", "merged_with_previous"), byte_level())),
    "next": dict(pre=seq(split(r"[aeiou]", "merged_with_next"), byte_level())),
    "contiguous": dict(pre=seq(pre_tokenizers.Digits(individual_digits=False),
                               split(r"[aeiou]", "contiguous"), byte_level())),
    "punctuation": dict(pre=seq(pre_tokenizers.Punctuation("merged_with_next"), byte_level(True)),
                        norm=normalizers.NFKC(), eos=True),
    "words": dict(pre=pre_tokenizers.Whitespace(), chars=True),
    "llama2": dict(pre=None, chars=True, fallback=True, bos=True,
                   norm=normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]),
                   decoder=decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(),
                                              decoders.Fuse(), decoders.Strip(" ", 1, 0)])),
    "metaspace": dict(pre=pre_tokenizers.Metaspace("\u2581", prepend_scheme="first"), chars=True, fallback=True,
                      decoder=decoders.Metaspace("\u2581", prepend_scheme="first"),
                      norm=normalizers.NFD()),
    "invert": dict(pre=seq(split(r"[A-Za-z]+", "removed", True),
                           pre_tokenizers.Split("the", "isolated"), byte_level())),
}

CORPUS = """The quick brown fox jumps over the lazy dog, 1234567 times; it's what we've been told.
User: Compute 47*6+85. Assistant: <think> 47*6=282. 282+85=367.</think> \\boxed{367}
for (int i = 0; i < n; i++) { sum += weight[i] * value[i]; }  // the dot product
Voil\u00e0 l'\u00e9t\u00e9 \u00e0 la fa\u00e7ade, na\u00efve; Stra\u00dfe, \u00fcber, \u00c5ngstr\u00f6m.
\u4eca\u65e5\u306f\u4e16\u754c\u3001\u4f60\u597d\u4e16\u754c\u3002\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd
We'll don't can't I'm you're they'd HE'S; \t tabs\tand  double  spaces\r\n\r\n newlines\n\n\n
""" * 4

TEXTS = [
    "", " ", "  ", "\n", "a", "hello world", " hello  world ", "It's what THEY'VE said, isn't IT?",
    "1 12 123 1234 12345 123456789", "x=1.5e-10;y=\u00bd\u00b2\u2167", "tabs\t\tand\r\n\r\nnewlines \n \n",
    "   leading", "trailing   ", "a   b\u00a0\u00a0c\u2003d\u180ee\u0085f\u200bg\u001ch",
    "e\u0301 \u00e9 A\u030a \u212b \u1e9b\u0323 \uac00 \u1100\u1161\u11a8 \u0958 \ufb01",
    "'s 's'S '\u017f don'T We'LL 'RE", "\u4eca\u65e5\u306f\u4e16\u754c\u3001\u30ab\u30bf\u30ab\u30ca123\u6f22\u5b57abc",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f", "\u0645\u0631\u062d\u0628\u0627 \u0661\u0662\u0663 \u0939\u093f\u0928\u094d\u0926\u0940",
    "<think> 47*6=282.</think> \\boxed{367}<eos>", "<eos><eos> <think>x</think></think>",
    "a<mask> b <mask>c<mask>", "word cat concat cat, cat_ 1cat cat", "  <pad>  x  <pad>y",
    "<|long|><|long|>er|><|lo", "caf\u00e9 cafe\u0301 decafe\u0301", "\x01\x7f", "$$ \\frac{a}{b} $$ [x](y) `z`",
    "the then bathe THE", "aeiou xaaey bcd", "....!!!???\n---\n\n***", "_under_score __init__ snake_case",
]


def tokenizer(style):
    chars = style.get("chars", False)
    tok = Tokenizer(models.BPE(ignore_merges=style.get("ignore_merges", False), unk_token="<unk>" if chars else None,
                               fuse_unk=chars, byte_fallback=style.get("fallback", False)))
    if style["pre"]:
        tok.pre_tokenizer = style["pre"]
    if "norm" in style:
        tok.normalizer = style["norm"]
    tok.decoder = style.get("decoder", decoders.Fuse() if chars else decoders.ByteLevel())
    special = (["<unk>"] if chars else []) + ([f"<0x{b:02X}>" for b in range(256)] if "fallback" in style else [])
    trainer = trainers.BpeTrainer(vocab_size=500 if chars else 420, show_progress=False, special_tokens=special,
                                  **({"limit_alphabet": 90} if chars else {}),
                                  initial_alphabet=[] if chars else pre_tokenizers.ByteLevel.alphabet())
    lines = CORPUS.splitlines(keepends=True)
    tok.train_from_iterator(lines if style["pre"] else " ".join(lines).split(" "), trainer)
    if special:  # byte tokens are words of the vocabulary, not added ones
        data = json.loads(tok.to_str())
        data["added_tokens"] = [t for t in data["added_tokens"] if not t["content"].startswith("<0x")]
        tok = Tokenizer.from_str(json.dumps(data))
    tok.add_special_tokens([AddedToken("<eos>", special=True, normalized=False),
                            AddedToken("<mask>", special=True, lstrip=True, normalized=False),
                            AddedToken("<pad>", special=True, rstrip=True, normalized=False)])
    tok.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False),
                    AddedToken("cat", single_word=True), AddedToken("caf\u00e9"),
                    AddedToken("<|long|>", normalized=False),
                    AddedToken("<|long|>er|>", normalized=False)])
    if style.get("bos") or style.get("eos"):
        eos = tok.token_to_id("<eos>")
        single = "<eos> $A" if style.get("bos") else "$A <eos>"
        tok.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=single, pair="<eos> $A <eos> $B",
                                          special_tokens=[("<eos>", eos)])])
    return tok


def ids(tok, text, specials, bos):
    tok.encode_special_tokens = not specials
    got = tok.encode(text, add_special_tokens=bos).ids
    tok.encode_special_tokens = False
    return got


def noise(rng):
    """Strings of characters on which regex engines and normalisers tend to differ."""
    pool = ("ab Z'sS09\u00b2\u2167\u00e9e\u0301\u030a \n\r\t\u00a0\u3000\u4e16\u30ab_-.!{}<>|/\\"
            "\U0001f600\u200d\u0939\u093f\u0661\u0130\u0131\u00df")
    return "".join(rng.choice(pool) for _ in range(rng.randrange(1, 30)))


def main():
    HERE.mkdir(exist_ok=True)
    rng = random.Random(5)
    texts = TEXTS + [noise(rng) for _ in range(40)]
    for name, style in STYLES.items():
        tok = tokenizer(style)
        data = json.loads(tok.to_str())
        if name == "gpt2":  # the older way to write merges
            data["model"]["merges"] = [" ".join(m) for m in data["model"]["merges"]]
        (HERE / f"{name}.json").write_text(json.dumps(data, ensure_ascii=False) + "\n")
        rows = [dict(text=t, ids=ids(tok, t, True, True), plain=ids(tok, t, False, False),
                     back=tok.decode(ids(tok, t, True, True))) for t in texts]
        (HERE / f"{name}.expect.json").write_text(
            "[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
    tok = Tokenizer.from_file(str(HERE.parents[2] / "datasets/desk/tokenizer.json"))
    desk = ["User: Compute 47*6+85. Assistant:<think> 47*6=282. 282+85=367.</think> \\boxed{367}<eos>",
            " So it is 367. Wait, 843 is wrong. Again: ones 12-5=7, tens 7-3=4, so 74. Yes."] + texts
    rows = [dict(text=t, ids=ids(tok, t, True, True), plain=ids(tok, t, False, False)) for t in desk]
    (HERE / "desk.expect.json").write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


main()
