#!/usr/bin/env python3
"""tests/peers/logprobs.py -- how far our fp32 log-probs and transformers' are from float64.

By hand, from the root of the repository, after `make CUDA=0` (needs torch and transformers):
    python3 tests/peers/logprobs.py MODEL [--prompts FILE.jsonl] [-n 200]
MODEL is a dense model's folder with its tokenizer; FILE has a "question" a line (GSM8K's test.jsonl).
Rotary tables: transformers makes them in single precision whatever the model's type, and so they
stand in its float64 too; --exact-rope makes them in double there. Exit code 0 if ours is at most
twice as far.
"""
import argparse
import json
import subprocess
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

SOME = ["Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in "
        "May. How many clips did Natalia sell altogether in April and May?",
        "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total "
        "does it take?"]


def logp_of(model, ids):
    with torch.no_grad():
        p = model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
    return p.gather(1, torch.tensor(ids[1:])[:, None])[:, 0].double()


def exact_rope(model):
    rotary = model.model.rotary_emb
    config = model.config
    theta = config.rope_parameters["rope_theta"]
    assert config.rope_parameters["rope_type"] == "default"
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    rate = theta ** -(torch.arange(0, dim, 2, dtype=torch.float64) / dim)

    def forward(x, position_ids, *args, **kwargs):
        angle = position_ids[..., None].double() * rate
        angle = torch.cat([angle, angle], -1)
        return angle.cos(), angle.sin()
    rotary.forward = forward


def main():
    a = argparse.ArgumentParser()
    a.add_argument("model")
    a.add_argument("--prompts")
    a.add_argument("-n", type=int, default=200)
    a.add_argument("--grpo", default="build/release-cpu/grpo")
    a.add_argument("--precision", default="fp32")
    a.add_argument("--exact-rope", action="store_true")
    a = a.parse_args()
    texts = [json.loads(line)["question"] for line in open(a.prompts)][:a.n] if a.prompts else SOME
    tok = AutoTokenizer.from_pretrained(a.model)
    ids = [tok.encode(t) for t in texts]
    lines = "".join(json.dumps({"id": i, "tokens": x}) + "\n" for i, x in enumerate(ids))
    out = subprocess.run([a.grpo, "score", a.model, "--in", "-", "--precision", a.precision, "-q"],
                         input=lines, check=True, stdout=subprocess.PIPE, text=True).stdout
    ours = [torch.tensor(json.loads(line)["logp"][1:]).double() for line in out.splitlines()]
    assert len(ours) == len(ids)
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32).eval()
    single = [logp_of(model, x) for x in ids]
    model = model.double()
    if a.exact_rope:
        exact_rope(model)
    truth = [logp_of(model, x) for x in ids]
    far = {}
    for name, got in [("ours", ours), ("transformers fp32", single)]:
        off = torch.cat([g - t for g, t in zip(got, truth)])
        far[name] = off.square().mean().sqrt().item()
        print(f"{name:18} rms {far[name]:.2e}, largest {off.abs().max():.2e} of {len(off)} tokens")
    ratio = far["ours"] / far["transformers fp32"]
    print(f"ratio {ratio:.2f}")
    return ratio > 2


sys.exit(main())
