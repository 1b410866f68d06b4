#!/usr/bin/env python3
"""tests/peers/gguf_tiny.py -- llama.cpp computes what we do, on a tiny model of every architecture.

By hand, from the root of the repository, after `make CUDA=0` (needs llama-cpp-python and numpy):
    python3 tests/peers/gguf_tiny.py
Each golden folder becomes an F32 GGUF without a tokenizer; the mean Kullback-Leibler divergence of
llama.cpp's distributions from ours over 60 random tokens must be at most 1e-6. deepseek-v2 is left
out: llama.cpp chooses groups of experts by their two best, as V3 does, where V2 takes the best.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import llama_cpp as lib
import numpy as np

LIBS = "-lcjson -lpcre2-8 -lutf8proc -lgmp -lz -lm -lpthread".split()
BUILD = "build/release-cpu"
MODELS = ["smollm2", "llama3", "llama-bias", "mistral", "qwen2", "qwen3", "deepseek-v2-lite", "deepseek-v3",
          "deepseek-v3-plain-q", "deepseek-fp8"]


def log_softmax(x):
    x = x.astype(np.float64)
    x -= x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def main():
    worst = 0.0
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(["cc", "-std=c17", "-O2", "-D_GNU_SOURCE", "-I.", "tests/peers/logits.c",
                        f"{BUILD}/libgrpo.a", *LIBS, "-o", f"{tmp}/logits"], check=True)
        for name in MODELS:
            folder, path = f"{tmp}/{name}", f"{tmp}/{name}.gguf"
            shutil.copytree(f"tests/golden/{name}", folder)
            file = pathlib.Path(folder, "config.json")
            config = json.loads(file.read_text())
            rope = config.get("rope_parameters") or {}
            if rope.get("mscale_all_dim"):  # GGUF holds one of the two
                rope["mscale"] = rope["mscale_all_dim"]
                file.write_text(json.dumps(config))
            subprocess.run([f"{BUILD}/grpo", "convert", folder, "-o", path, "--dtype", "f32"], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            vocab = config["vocab_size"]
            ids = np.random.default_rng(1).integers(0, vocab, 60).astype(np.int32)
            out = subprocess.run([f"{tmp}/logits", folder, "fp32"], check=True, stdout=subprocess.PIPE,
                                 input=np.int32(len(ids)).tobytes() + ids.tobytes()).stdout
            p = log_softmax(np.frombuffer(out, np.float32).reshape(-1, vocab))
            llama = lib.Llama(path, n_ctx=128, n_batch=128, logits_all=True, verbose=False, type_k=0,
                              type_v=0, flash_attn=False, n_threads=2)
            llama.eval(ids.tolist())
            q = log_softmax(np.ctypeslib.as_array(lib.llama_get_logits(llama.ctx), shape=p.shape))
            kl = (np.exp(p) * (p - q)).sum(-1).mean()
            worst = max(worst, kl)
            print(f"{name:20} mean KL {kl:.1e}, log-probs differ by at most {np.abs(p - q).max():.1e}",
                  flush=True)
            llama.close()
    print("ok" if worst <= 1e-6 else "DIFFERS")
    return bool(worst > 1e-6)


sys.exit(main())
