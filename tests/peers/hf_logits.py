#!/usr/bin/env python3
"""Shows that transformers opens the folders that `grpo convert` writes and gives the same logits.

By hand, from the root of the repository, after `make CUDA=0` (needs torch and transformers):
    python3 tests/peers/hf_logits.py MODEL_FOLDER TEXTS.jsonl [COUNT]
The folder as it is, as F32 and BF16, and through F32 GGUF: each is opened by transformers and by us.
Ids must be equal, and our fp32 log-probs of the texts at most twice as far from an evaluation in
float64 as those of transformers in fp32 (by the largest and by the mean difference). float64 is
transformers' model too, with the parts it always computes in fp32 (norms, rotation) put in float64.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

BUILD = "build/release-cpu"


def grpo(*args):
    subprocess.run([f"{BUILD}/grpo", *map(str, args)], check=True, stdout=subprocess.DEVNULL)


def to_double(model):
    """The same model evaluated in float64 throughout; rope_type default only."""
    def norm(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)

    def rope(self, x, position_ids, **_):
        angle = position_ids[:, :, None].double() * self.inv_double[None, None]
        angle = torch.cat([angle, angle], -1)
        return angle.cos(), angle.sin()

    model = model.double()
    for module in model.modules():
        kind = type(module)
        if kind.__name__.endswith("RMSNorm"):
            module.forward = norm.__get__(module, kind)
        elif kind.__name__.endswith("RotaryEmbedding"):
            assert module.rope_type == "default", module.rope_type
            n = 2 * len(module.inv_freq)
            base = model.config.rope_parameters["rope_theta"]
            module.inv_double = float(base) ** -(torch.arange(0, n, 2).double() / n)
            module.forward = rope.__get__(module, kind)
    return model


def logp_of(model, ids):
    with torch.no_grad():
        p = model(torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
    return p.gather(1, torch.tensor(ids)[1:, None])[:, 0].numpy()


def compare(folder, texts):
    """Rows of (ours, transformers', float64) log-probs, all tokens of all texts."""
    tok = AutoTokenizer.from_pretrained(folder)
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32,
                                                       output_loading_info=True)
    bad = {k: v for k, v in info.items() if v and k != "error_msgs"}
    assert not bad, bad
    feed = "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts))
    out = subprocess.run([f"{BUILD}/grpo", "score", folder, "--in", "-", "--precision", "fp32"],
                         input=feed, text=True, check=True, stdout=subprocess.PIPE).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    for row, text in zip(rows, texts):
        assert tok(text).input_ids == row["tokens"], "ids differ"
    ours = np.concatenate([r["logp"][1:] for r in rows])
    single = np.concatenate([logp_of(model, r["tokens"]) for r in rows])
    model = to_double(model)
    return ours, single, np.concatenate([logp_of(model, r["tokens"]) for r in rows])


def main():
    folder, file = sys.argv[1], sys.argv[2]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    rows = [json.loads(line) for line in open(file, encoding="utf-8")][:count]
    texts = [r.get("question") or r["text"] for r in rows]
    torch.set_num_threads(2)
    bad = False
    with tempfile.TemporaryDirectory() as tmp:
        for name in ["as it is", "f32", "bf16", "gguf"]:
            out = pathlib.Path(tmp, name)
            if name == "as it is":
                out = folder
            elif name == "gguf":
                grpo("convert", folder, "-o", f"{tmp}/x.gguf", "--dtype", "f32")
                grpo("convert", f"{tmp}/x.gguf", "-o", out)
            else:
                grpo("convert", folder, "-o", out, "--dtype", name)
            ours, single, double = compare(str(out), texts)
            far = [(np.abs(x - double).max(), np.abs(x - double).mean()) for x in (ours, single)]
            print(f"{name:8} {len(ours)} tokens: from float64 we are {far[0][0]:.1e} at most, "
                  f"{far[0][1]:.2e} in the mean; transformers {far[1][0]:.1e}, {far[1][1]:.2e}",
                  flush=True)
            bad |= far[0][0] > 2 * far[1][0] or far[0][1] > 2 * far[1][1]
    print("DIFFERS" if bad else "ok")
    return bool(bad)


sys.exit(main())
