#!/usr/bin/env python3
"""tests/peers/speed.py -- decoding and prefill: ours, llama.cpp's and transformers', side by side.

By hand, on a quiet machine, from the root of the repository, after `make CUDA=0`:
    python3 tests/peers/speed.py MODEL GGUF [--threads 1,2] [--seqs 1,16,64] [--only NAME]
MODEL is a dense model's folder, GGUF the same weights for llama.cpp (`grpo convert MODEL -o X.gguf`).
Each program decodes --new tokens greedily after a prompt of --prompt random tokens, all sequences
in one batch; a figure is the median of the decoding calls, in tokens a second of wall time. The
rounds of the three alternate (--rounds), so that a noisy neighbour meets all of them. A program
that is not installed is named and left out. Prints one JSON line a figure, then a table with the ratios,
for each number of threads.
"""
import argparse
import ctypes
import json
import statistics
import subprocess
import sys
import time


def ours(a, what):
    cmd = [a.grpo, "bench", a.model, "--only", what, "--json", "-q", "--seqs", a.seqs, "--prompt",
           str(a.prompt if what == "decode" else a.prefill), "--new", str(a.new), "-j",
           str(a.threads), "--rounds", "3", "--precision", a.precision]
    out = subprocess.run(cmd, check=True, stdout=subprocess.PIPE, text=True).stdout
    took = "cpu_seconds" if a.cpu else "seconds"
    return {row["seqs"] if what == "decode" else "prefill": row["tokens"] / row[took]
            for row in map(json.loads, out.splitlines())}


def tokens_of(n, vocab, seed):
    x, out = seed * 2654435761 + 12345, []
    for _ in range(n):
        x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((x >> 33) % (vocab - 100) + 50)
    return out


class Llama:
    name = "llama.cpp"

    def __init__(self, a):
        import llama_cpp as c
        self.c, self.a = c, a
        c.llama_backend_init()
        quiet = c.llama_log_callback(lambda level, text, data: None)
        self.quiet = quiet
        c.llama_log_set(quiet, ctypes.c_void_p(0))
        self.model = c.llama_model_load_from_file(a.gguf.encode(), c.llama_model_default_params())
        assert self.model, a.gguf
        self.vocab = c.llama_vocab_n_tokens(c.llama_model_get_vocab(self.model))

    def set_threads(self):
        pass  # a context is made with them

    def context(self, seqs):
        c, a = self.c, self.a
        p = c.llama_context_default_params()
        p.n_ctx = max(seqs * (a.prompt + a.new + 8), a.prefill + 8)
        p.n_batch = p.n_ubatch = max(512, seqs)
        p.n_seq_max = seqs
        p.n_threads = p.n_threads_batch = a.threads
        if hasattr(p, "kv_unified"):
            p.kv_unified = False
        return c.llama_init_from_model(self.model, p)

    def feed(self, batch, rows):
        batch.n_tokens = len(rows)
        for i, (token, pos, seq, want) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.logits[i] = token, pos, want
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = seq

    def best(self, ctx, row):
        import numpy as np
        p = self.c.llama_get_logits_ith(ctx, row)
        return int(np.ctypeslib.as_array(p, shape=(self.vocab,)).argmax())

    def decode(self, seqs):
        c, a = self.c, self.a
        ctx = self.context(seqs)
        batch = c.llama_batch_init(max(512, seqs), 0, 1)
        nxt = []
        for s in range(seqs):
            prompt = tokens_of(a.prompt, self.vocab, s)
            self.feed(batch, [(t, i, s, i + 1 == a.prompt) for i, t in enumerate(prompt)])
            assert c.llama_decode(ctx, batch) == 0
            nxt.append(self.best(ctx, a.prompt - 1))
        took = []
        for step in range(a.new):
            begin = a.now()
            self.feed(batch, [(nxt[s], a.prompt + step, s, True) for s in range(seqs)])
            assert c.llama_decode(ctx, batch) == 0
            took.append(a.now() - begin)  # choosing the best is left out here
            nxt = [self.best(ctx, s) for s in range(seqs)]
        c.llama_batch_free(batch)
        c.llama_free(ctx)
        return seqs / statistics.median(took)

    def prefill(self):
        c, a = self.c, self.a
        ctx = self.context(1)
        n, took = a.prefill, []
        batch = c.llama_batch_init(n, 0, 1)
        prompt = tokens_of(n, self.vocab, 0)
        for _ in range(4):
            c.llama_memory_clear(c.llama_get_memory(ctx), True)
            begin = a.now()
            for at in range(0, n, 512):
                piece = prompt[at:at + 512]
                self.feed(batch, [(t, at + i, 0, at + i + 1 == n) for i, t in enumerate(piece)])
                assert c.llama_decode(ctx, batch) == 0
            took.append(a.now() - begin)
        c.llama_free(ctx)
        return n / statistics.median(took[1:])


class Transformers:
    name = "transformers"

    def set_threads(self):
        self.torch.set_num_threads(self.a.threads)

    def __init__(self, a):
        import torch
        from transformers import AutoModelForCausalLM
        self.torch, self.a = torch, a
        self.model = AutoModelForCausalLM.from_pretrained(a.model, dtype=getattr(torch, a.torch)).eval()

    def decode(self, seqs):
        torch, a = self.torch, self.a
        vocab = self.model.config.vocab_size
        ids = torch.tensor([tokens_of(a.prompt, vocab, s) for s in range(seqs)])
        took = []
        with torch.no_grad():
            out = self.model(ids, use_cache=True, logits_to_keep=1)
            for _ in range(min(a.new, 12)):
                ids = out.logits[:, -1:].argmax(-1)
                begin = a.now()
                out = self.model(ids, past_key_values=out.past_key_values, use_cache=True)
                took.append(a.now() - begin)
        return seqs / statistics.median(took)

    def prefill(self):
        torch, a = self.torch, self.a
        ids = torch.tensor([tokens_of(a.prefill, self.model.config.vocab_size, 0)])
        took = []
        with torch.no_grad():
            for _ in range(3):
                begin = a.now()
                self.model(ids, use_cache=True, logits_to_keep=1)
                took.append(a.now() - begin)
        return a.prefill / statistics.median(took[1:])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("gguf")
    p.add_argument("--grpo", default="build/release-cpu/grpo")
    p.add_argument("--threads", default="1,2", help="one number, or several")
    p.add_argument("--seqs", default="1,16,64")
    p.add_argument("--prompt", type=int, default=128)
    p.add_argument("--prefill", type=int, default=512)
    p.add_argument("--new", type=int, default=24)
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--precision", default="bf16")
    p.add_argument("--torch", default="bfloat16", help="transformers' type: bfloat16 or float32")
    p.add_argument("--cpu", action="store_true",
                   help="processor time instead of wall time: for a busy machine, with --threads 1")
    p.add_argument("--only", help="llama.cpp or transformers: leave the other out")
    a = p.parse_args()
    a.now = time.process_time if a.cpu else time.perf_counter
    peers = []
    for kind in (Llama, Transformers):
        if a.only and a.only != kind.name:
            continue
        try:
            peers.append(kind(a))
        except ImportError as e:
            print(f"{kind.name}: not here ({e})", file=sys.stderr)
    for threads in map(int, str(a.threads).split(",")):
        a.threads = threads
        table(a, peers)


def table(a, peers):
    keys = [int(s) for s in a.seqs.split(",")]
    got = {}
    for _ in range(a.rounds):
        for key, value in {**ours(a, "decode"), **ours(a, "prefill")}.items():
            got.setdefault(("ours", key), []).append(value)
        for peer in peers:
            peer.set_threads()
            for key in keys:
                got.setdefault((peer.name, key), []).append(peer.decode(key))
            got.setdefault((peer.name, "prefill"), []).append(peer.prefill())
    best = {k: statistics.median(v) for k, v in got.items()}
    for (name, key), value in best.items():
        print(json.dumps({"program": name, "what": "prefill" if key == "prefill" else "decode",
                          "seqs": 1 if key == "prefill" else key, "threads": a.threads,
                          "tokens_s": round(value, 1), "rounds": [round(v, 1) for v in got[name, key]]}))
    print(f"{a.threads} threads, tokens/s{' of processor time' if a.cpu else ''}; in brackets: ours / theirs")
    print(f"{'':12}{'ours':>10}" + "".join(f"{peer.name:>22}" for peer in peers))
    for key in keys + ["prefill"]:
        cells = "".join(f"{best[peer.name, key]:13.1f} ({best['ours', key] / best[peer.name, key]:6.2f})"
                        for peer in peers)
        print(f"{key if key == 'prefill' else f'decode {key}':12}{best['ours', key]:10.1f}{cells}", flush=True)


main()
