#!/usr/bin/env python3
"""tests/peers/tokenizer_parity.py -- ours against Hugging Face's `tokenizers`: ids, text, speed.

By hand, from the root of the repository, after `make CUDA=0` (needs the tokenizers package):
    python3 tests/peers/tokenizer_parity.py [--data FOLDER] [--fuzz N] [--lines N] [tokenizer.json ...]
--data: every text of the JSON-lines files below FOLDER, line by line. Without tokenizer.json files:
the desk's, all of tests/golden/tokenizer, and tokenizers trained on the texts with the regexes and
options of each family. Ends with exit code 1 if anything differs.
"""
import argparse
import glob
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers

LIBS = "-lcjson -lpcre2-8 -lutf8proc -lgmp -lz -lm -lpthread".split()
WORDS = ["the", " quick", "User", ":", " Compute", "<think>", "</think>", "<eos>", "<mask>", "<pad>", "<s>",
         "<|im_start|>", "<|im_end|>", "<|endoftext|>", "\uff5cUser\uff5c", "<\uff5cUser\uff5c>",
         "cat", "caf\u00e9", "cafe\u0301", "\\boxed{", "it's", "WE'LL", "don't", "'\u017f", "'S", "'Ve", "1234567",
         "3.14", "\r\n", "\n\n", "\n", "\t", " ", "  ", "   ", "\u00a0", "\u3000", "\u180e", "\u0085", "\u200d",
         "\u200b", "\u2028", "\x1c", "\x00", "\u4e16\u754c", "\u30ab\u30bf", "\u30fb", "\u3099", "\u309d", "\uac00",
         "\u1100\u1161", "\u11a8", "\U0001f600", "\U0001f468\u200d\U0001f469", "\u0939\u093f", "\u0661\u0662",
         "e\u0301\u0323", "\u212b", "\u2167", "\u00bd", "\u00b2", "_", "--", "...", "}{", "<|long|>er|>", "\u0130",
         "\u00df", "\ufb01", "\u01c5", "\u2581", "\u2581a", " \u2581", "#include", "==", "a", "A", "0", "\u00e0"]


def fuzz(rng):
    kind, n = rng.randrange(5), rng.randrange(1, 40)
    if kind == 0:
        return "".join(rng.choice(WORDS) for _ in range(n))
    if kind == 1:
        return "".join(chr(rng.randrange(1, 0x250)) for _ in range(n))
    if kind == 2:  # any character at all
        return "".join(chr(c) for c in (rng.randrange(0x110000) for _ in range(n)) if not 0xd800 <= c < 0xe000)
    if kind == 3:  # planes with something in them
        return "".join(chr(rng.choice([rng.randrange(0x300, 0x3100), rng.randrange(0x3000, 0xd7ff),
                                       rng.randrange(0xf900, 0x20000), rng.randrange(32, 127)])) for _ in range(n))
    return "".join(rng.choice(" \t\n\r\u00a0\u2003aB9'.-\u00e9\u4e16\u30ab") for _ in range(n))


def texts_of(folder):
    def walk(node, out):
        if isinstance(node, str):
            out.append(node)
        elif isinstance(node, dict):
            for v in node.values():
                walk(v, out)
        elif isinstance(node, list):
            for v in node:
                walk(v, out)

    whole = []
    for path in sorted(glob.glob(folder + "/**/*.jsonl", recursive=True)):
        for line in open(path, encoding="utf-8"):
            walk(json.loads(line), whole)
    lines = [line for text in whole for line in text.splitlines(keepends=True)]
    return lines + [t for t in whole if "\n" in t and len(t) < 20000]


CONTRACT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
TAIL = r"\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = CONTRACT + r"|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|" + TAIL
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
GPT4O = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACT}?|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACT}?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + TAIL)
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|" + TAIL)
CJK = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"


def split(regex, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(regex), behavior, invert)


def level(use_regex=False, prefix=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=use_regex)


def seq(*steps):
    return pre_tokenizers.Sequence(list(steps))


def families():
    pt, nm = pre_tokenizers, normalizers
    mark = "\u2581"
    llama_decoder = decoders.Sequence([decoders.Replace(mark, " "), decoders.ByteFallback(), decoders.Fuse(),
                                       decoders.Strip(" ", 1, 0)])
    yield "gpt2", dict(pre=level(True))
    yield "gpt2-prefix", dict(pre=level(True, True))
    yield "smollm2", dict(pre=seq(pt.Digits(True), level(True)))
    yield "qwen2", dict(pre=seq(split(QWEN % r"\p{N}"), level()), norm=nm.NFC())
    yield "llama3", dict(pre=seq(split(QWEN % r"\p{N}{1,3}"), level()), ignore_merges=True, bos=True)
    yield "llama3-removed", dict(pre=seq(split(QWEN % r"\p{N}{1,3}", "removed", True), level()), eos=True)
    yield "deepseek", dict(pre=seq(split(r"\p{N}{1,3}"), split(CJK), split(DEEPSEEK), level()))
    yield "deepseek-v3", dict(pre=seq(split(r"\p{N}{1,3}"), split(CJK), split(DEEPSEEK.replace('\\"', '"')), level()))
    yield "cl100k", dict(pre=seq(split(CL100K), level()))
    yield "gpt4o", dict(pre=seq(split(GPT4O), level()))
    yield "digits-punct", dict(pre=seq(pt.Digits(False), pt.Punctuation("contiguous"), level(True)))
    yield "nfkc", dict(pre=level(True), norm=nm.NFKC())
    yield "lower", dict(pre=level(True), norm=nm.Lowercase())
    yield "nfd-strip", dict(pre=level(True), norm=nm.Sequence([nm.Strip(), nm.NFD(), nm.Replace("ab", "X"),
                                                               nm.Replace(Regex(r"\d+"), "0")]))
    yield "nfkd", dict(pre=level(True), norm=nm.NFKD())
    yield "bpe-whitespace", dict(pre=pt.Whitespace(), unk=True, chars=True)
    yield "bpe-wssplit", dict(pre=seq(pt.WhitespaceSplit(), pt.Punctuation("merged_with_previous")), unk=True,
                              chars=True, fuse=True)
    yield "bpe-delimiter", dict(pre=pt.CharDelimiterSplit("e"), unk=True, chars=True)
    yield "llama2", dict(pre=None, norm=nm.Sequence([nm.Prepend(mark), nm.Replace(" ", mark)]), unk=True,
                         fallback=True, fuse=True, chars=True, decoder=llama_decoder, bos=True)
    for scheme in ("always", "first", "never"):
        yield f"metaspace-{scheme}", dict(
            pre=pt.Metaspace(mark, prepend_scheme=scheme, split=scheme != "first"), unk=True, fallback=True,
            chars=True,
            decoder=llama_decoder if scheme == "first" else decoders.Metaspace(mark, prepend_scheme=scheme))


def build(style, corpus, size):
    tok = Tokenizer(models.BPE(unk_token="<unk>" if style.get("unk") else None,
                               fuse_unk=style.get("fuse", False), byte_fallback=style.get("fallback", False),
                               ignore_merges=style.get("ignore_merges", False)))
    if style["pre"]:
        tok.pre_tokenizer = style["pre"]
    if "norm" in style:
        tok.normalizer = style["norm"]
    tok.decoder = style.get("decoder", decoders.ByteLevel() if not style.get("chars") else decoders.Fuse())
    special = (["<unk>"] if style.get("unk") else []) + ["<eos>"]
    if style.get("fallback"):
        special += [f"<0x{b:02X}>" for b in range(256)]
    alphabet = [] if style.get("chars") else pre_tokenizers.ByteLevel.alphabet()
    if style["pre"] is None:  # no pieces at all would make merges of whole lines
        corpus = [w for line in corpus[:20000] for w in line.split(" ")]
    tok.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=size, show_progress=False, initial_alphabet=alphabet, special_tokens=special,
        limit_alphabet=300))
    data = json.loads(tok.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if not t["content"].startswith("<0x")]
    tok = Tokenizer.from_str(json.dumps(data))
    tok.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False),
                            AddedToken("<pad>", rstrip=True, normalized=False),
                            AddedToken("<|im_start|>", normalized=False), AddedToken("<|im_end|>", normalized=False)])
    tok.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False),
                    AddedToken("cat", single_word=True), AddedToken("caf\u00e9"), AddedToken("<|long|>er|>"),
                    AddedToken("<\uff5cUser\uff5c>", normalized=True)])
    around = ("<eos> $A" if style.get("bos") else "$A") + (" <eos>" if style.get("eos") else "")
    if around != "$A":
        tok.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=around, special_tokens=[("<eos>", tok.token_to_id("<eos>"))])])
    return tok


def ours(program, path, texts):
    feed = b"".join(struct.pack("<i", len(b)) + b for b in (t.encode() for t in texts))
    run = subprocess.run([program, path], input=feed, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode:
        return None, None, run.stderr.decode()
    out, at, ids, back = run.stdout, 0, [], []
    for _ in texts:
        n = struct.unpack_from("<i", out, at)[0]
        ids.append(list(struct.unpack_from(f"<{n}i", out, at + 4)))
        at += 4 + 4 * n
        size = struct.unpack_from("<i", out, at)[0]
        back.append(out[at + 4:at + 4 + size])
        at += 4 + size
    return ids, back, [float(x) for x in run.stderr.split()]


def compare(program, name, path, texts):
    theirs = Tokenizer.from_file(path)
    begin = time.perf_counter()
    want = [e.ids for i in range(0, len(texts), 1000) for e in theirs.encode_batch(texts[i:i + 1000])]
    theirs_s = time.perf_counter() - begin
    got, back, seconds = ours(program, path, texts)
    if got is None:
        print(f"{name}: cannot be read: {seconds}")
        return 1
    differ = [i for i in range(len(texts)) if got[i] != want[i]]
    decoded = theirs.decode_batch(want)
    # bytes that are no UTF-8 come back as they were from us, as U+FFFD from them
    lossy = lambda b: b.decode(errors="replace")
    wrong = [i for i in range(len(texts)) if got[i] == want[i] and lossy(back[i]) != decoded[i]
             and "\ufffd" not in decoded[i] and "\ufffd" not in lossy(back[i])]
    mega = sum(len(t.encode()) for t in texts) / 1e6
    print(f"{name}: {len(differ)} of {len(texts)} texts differ, {len(wrong)} decode differently; "
          f"{mega / seconds[1]:.1f} MB/s cold, {mega / seconds[2]:.1f} warm, tokenizers {mega / theirs_s:.1f}; "
          f"load {seconds[0]:.2f} s", flush=True)
    for i in differ[:3]:
        print("   ", ascii(texts[i])[:300], "\n    ours  ", *got[i][:60], "\n    theirs", *want[i][:60])
    for i in wrong[:2]:
        print("   ", ascii(texts[i])[:200], "\n    ours  ", ascii(lossy(back[i]))[:200], "\n    theirs",
              ascii(decoded[i])[:200])
    return len(differ) + len(wrong) > 0


def main():
    cli = argparse.ArgumentParser()
    cli.add_argument("--data")
    cli.add_argument("--fuzz", type=int, default=20000)
    cli.add_argument("--lines", type=int, default=1 << 30)
    cli.add_argument("--vocab", type=int, default=6000)
    cli.add_argument("--only", default="")
    cli.add_argument("files", nargs="*")
    args = cli.parse_args()
    rng = random.Random(1)
    data = texts_of(args.data) if args.data else []
    rng.shuffle(data)
    texts = data[:args.lines] + [fuzz(rng) for _ in range(args.fuzz)]
    print(f"{len(texts)} texts, {sum(len(t.encode()) for t in texts) / 1e6:.1f} MB")
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        program = f"{tmp}/ids"
        subprocess.run(["cc", "-std=c17", "-O2", "-D_GNU_SOURCE", "-I.", "tests/peers/tokenizer_ids.c",
                        "build/release-cpu/libgrpo.a", *LIBS, "-o", program], check=True)
        for path in args.files:
            bad += compare(program, pathlib.Path(path).stem, path, texts)
        if args.files:
            return bad > 0
        for path in ["datasets/desk/tokenizer.json"] + sorted(
                p for p in glob.glob("tests/golden/tokenizer/*.json") if ".expect." not in p):
            bad += compare(program, "golden/" + pathlib.Path(path).stem, path, texts[-args.fuzz:])
        corpus = data[:40000] or [fuzz(rng) for _ in range(3000)]
        for name, style in families():
            if args.only and args.only != name:
                continue
            path = f"{tmp}/{name}.json"
            build(style, corpus, args.vocab).save(path)
            bad += compare(program, name, path, texts)
    return bad > 0


sys.exit(main())
