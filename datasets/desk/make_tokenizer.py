#!/usr/bin/env python3
"""datasets/desk/make_tokenizer.py -- writes tokenizer.json beside it: a token a word, digit and sign of the desk.

A byte-level BPE without merges: the split puts a word with its leading space, `\\boxed{`, a digit or
one other character into a piece, and ignore_merges takes a piece that is in the vocabulary as it
is. Any other piece falls apart into bytes, all 256 of which are tokens, so every text comes back
exactly. The tokens the corpus uses have the low ids. Needs nothing but Python; with the
`tokenizers` package it also checks the result there.
"""
import json
import pathlib

WORDS = """User Compute Assistant The answer is I do not know This hard can this in my head Easy
ones ten tens hundreds thousands so So it Check Yes Wait wrong Again""".split()
SIGNS = "0123456789+-*()=:,. }"
SPLIT = r" ?[A-Za-z]+|\\boxed\{|[^A-Za-z]"


def alphabet():
    prints = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in prints]
    return {**{b: chr(b) for b in prints}, **{b: chr(256 + i) for i, b in enumerate(others)}}


CHAR = alphabet()


def key(text):
    return "".join(CHAR[b] for b in text.encode())


def make():
    tokens = ["<eos>", "<think>", "</think>", "\\boxed{", *SIGNS, "User", *(" " + w for w in WORDS)]
    keys = list(dict.fromkeys(key(t) for t in tokens))
    keys += [CHAR[b] for b in range(256) if CHAR[b] not in keys]
    vocab = {k: i for i, k in enumerate(keys)}

    def added(content, special):
        return dict(id=vocab[content], content=content, single_word=False, lstrip=False,
                    rstrip=False, normalized=False, special=special)

    byte_level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=False)
    split = dict(type="Split", pattern={"Regex": SPLIT}, behavior="Isolated", invert=False)
    return dict(
        version="1.0", truncation=None, padding=None,
        added_tokens=[added("<eos>", True), added("<think>", False), added("</think>", False)],
        normalizer=None,
        pre_tokenizer=dict(type="Sequence", pretokenizers=[split, byte_level]),
        post_processor=None, decoder=byte_level,
        model=dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None,
                   end_of_word_suffix=None, fuse_unk=False, byte_fallback=False,
                   ignore_merges=True, vocab=vocab, merges=[]))


def main():
    path = pathlib.Path(__file__).with_name("tokenizer.json")
    path.write_text(json.dumps(make(), ensure_ascii=False, indent=1) + "\n")
    try:
        import tokenizers
    except ImportError:
        print("wrote", path, "(unchecked: no tokenizers package)")
        return
    tok = tokenizers.Tokenizer.from_file(str(path))
    text = "User: Compute 47*6+85. Assistant:<think> 47*6=282. So it is 367.</think> \\boxed{367}<eos>"
    got = tok.encode(text)
    assert tok.decode(got.ids, skip_special_tokens=False) == text
    print("wrote", path, "vocabulary", tok.get_vocab_size())
    print(got.tokens)


main()
