#!/usr/bin/env python3
"""tests/peers/gguf_llama.py -- llama.cpp opens a GGUF that we wrote and computes the same.

By hand, from the root of the repository, after `make CUDA=0` (needs llama-cpp-python and numpy):
    python3 tests/peers/gguf_llama.py MODEL_FOLDER TEXTS.jsonl [COUNT]
Of each row the "question" or "text" is taken. Writes the model as F32, F16, BF16 and Q8_0; of F32
the mean Kullback-Leibler divergence from our own fp32 distributions must be at most 1e-6, over
every position of every text (cache in F32, no flash attention: llama.cpp's defaults round to F16).
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import llama_cpp
import numpy as np
from llama_cpp import Llama

LIBS = "-lcjson -lpcre2-8 -lutf8proc -lgmp -lz -lm -lpthread".split()
BUILD = "build/release-cpu"


def log_softmax(x):
    x = x.astype(np.float64)
    x -= x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def ours(process, ids, vocab):
    process.stdin.write(np.array([len(ids), *ids], np.int32).tobytes())
    process.stdin.flush()
    return np.frombuffer(process.stdout.read(4 * vocab * len(ids)), np.float32).reshape(-1, vocab)


def tokens(folder, texts):
    feed = "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts))
    out = subprocess.run([f"{BUILD}/grpo", "tokenize", folder, "--in", "-"], input=feed, text=True,
                         check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line)["tokens"] for line in out.splitlines()]


def main():
    folder, file = sys.argv[1], sys.argv[2]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    rows = [json.loads(line) for line in open(file, encoding="utf-8")][:count]
    texts = [r.get("question") or r["text"] for r in rows]
    vocab = json.loads(pathlib.Path(folder, "config.json").read_text())["vocab_size"]
    bad = False
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(["cc", "-std=c17", "-O2", "-D_GNU_SOURCE", "-I.", "tests/peers/logits.c",
                        f"{BUILD}/libgrpo.a", *LIBS, "-o", f"{tmp}/logits"], check=True)
        process = subprocess.Popen([f"{tmp}/logits", folder, "fp32"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        ids = tokens(folder, texts)
        want = [log_softmax(ours(process, i, vocab)) for i in ids]
        process.stdin.close()
        for dtype, limit in [("f32", 1e-6), ("bf16", 1e-2), ("f16", 1e-2), ("q8_0", 1e-1)]:
            path = f"{tmp}/{dtype}.gguf"
            subprocess.run([f"{BUILD}/grpo", "convert", folder, "-o", path, "--dtype", dtype],
                           check=True, stdout=subprocess.DEVNULL)
            llama = Llama(path, n_ctx=2048, n_batch=2048, logits_all=True, verbose=False, type_k=0, type_v=0,
                          flash_attn=False, n_threads=2)
            differ = sum(llama.tokenize(t.encode(), add_bos=True, special=True) != i
                         for t, i in zip(texts, ids))
            sum_kl, n, most = 0.0, 0, 0.0
            for i, p in zip(ids, want):
                llama.reset()
                llama.eval(i)
                q = log_softmax(np.ctypeslib.as_array(
                    llama_cpp.llama_get_logits(llama.ctx), shape=(len(i), vocab)))
                kl = (np.exp(p) * (p - q)).sum(-1)
                sum_kl, n, most = sum_kl + kl.sum(), n + len(i), max(most, kl.max())
            print(f"{dtype:5} {differ} of {len(texts)} texts tokenised otherwise; {n} positions: "
                  f"mean KL {sum_kl / n:.2e}, largest {most:.2e} (limit {limit:g})", flush=True)
            bad |= differ > 0 or not sum_kl / n <= limit
            llama.close()
            pathlib.Path(path).unlink()
    print("DIFFERS" if bad else "ok")
    return bool(bad)


sys.exit(main())
