#!/usr/bin/env python3
"""Compares our tokenizer with Hugging Face's `tokenizers` on many random strings.

By hand, from the root of the repository, after `make CUDA=0` (needs the tokenizers package):
    python3 tests/peers/tokenizer_parity.py [STRINGS] [tokenizer.json ...]
Without files: the desk tokenizer and every style under tests/golden/tokenizer.
"""
import glob
import random
import struct
import subprocess
import sys
import tempfile
import unicodedata

from tokenizers import Tokenizer

LIBS = "-lcjson -lpcre2-8 -lutf8proc -lz -lm -lpthread".split()
WORDS = ["the", " quick", "User", ":", " Compute", "<think>", "</think>", "<eos>", "<mask>", "<pad>",
         "cat", "caf\u00e9", "cafe\u0301", "\\boxed{", "it's", "WE'LL", "don't", "'\u017f", "1234567",
         "3.14", "\r\n", "\n\n", "\t", "  ", "\u00a0", "\u3000", "\u180e", "\u0085", "\u200d", "\u200b",
         "\u4e16\u754c", "\u30ab\u30bf", "\uac00", "\u1100\u1161", "\U0001f600", "\u0939\u093f",
         "e\u0301\u0323", "\u212b", "\u2167", "\u00bd", "_", "--", "...", "}{", "<|long|>er|>"]


def text(rng):
    kind = rng.randrange(3)
    n = rng.randrange(1, 40)
    if kind == 0:
        return "".join(rng.choice(WORDS) for _ in range(n))
    if kind == 1:
        return "".join(chr(rng.randrange(1, 0x250)) for _ in range(n))
    # characters that both sides' Unicode tables know (Unicode 13 and older)
    out = []
    while len(out) < n:
        c = chr(rng.choice([rng.randrange(0x3100), rng.randrange(0xd7ff), rng.randrange(0x10000, 0x20000)]))
        if unicodedata.ucd_3_2_0.category(c) != "Cn":
            out.append(c)
    return "".join(out)


def main():
    args = sys.argv[1:]
    count = int(args.pop(0)) if args and args[0].isdigit() else 5000
    paths = args or ["datasets/desk/tokenizer.json"] + sorted(
        p for p in glob.glob("tests/golden/tokenizer/*.json") if ".expect." not in p)
    rng = random.Random(1)
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-I.", "tests/peers/tokenizer_ids.c",
                        "build/release-cpu/libgrpo.a", *LIBS, "-o", f"{tmp}/ids"], check=True)
        for path in paths:
            theirs = Tokenizer.from_file(path)
            texts = [t.replace("\0", "") for t in (text(rng) for _ in range(count))]
            feed = b"".join(struct.pack("<i", len(b)) + b for b in (t.encode() for t in texts))
            out = subprocess.run([f"{tmp}/ids", path], input=feed, check=True,
                                 stdout=subprocess.PIPE).stdout.decode().splitlines()
            differ = [(t, o) for t, o in zip(texts, out)
                      if [int(x) for x in o.split()] != theirs.encode(t).ids]
            bad += len(differ) + (len(out) != len(texts))
            print(f"{path}: {len(differ)} of {len(texts)} differ")
            for t, o in differ[:3]:
                print("   ", ascii(t), "\n    ours  ", o, "\n    theirs", *theirs.encode(t).ids)
    return bad > 0


sys.exit(main())
