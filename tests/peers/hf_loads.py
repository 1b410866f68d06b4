#!/usr/bin/env python3
"""tests/peers/hf_loads.py -- transformers opens a folder that we wrote and computes the same.

By hand, from the root of the repository, after `make CUDA=0` (needs torch and transformers):
    python3 tests/peers/hf_loads.py
"""
import json
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

BUILD = "build/release-cpu"
LIBS = "-lcjson -lpcre2-8 -lutf8proc -lgmp -lz -lm -lpthread".split()


def main():
    worst = 0.0
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-I.", "tests/peers/hf_write.c",
                        f"{BUILD}/libgrpo.a", *LIBS, "-o", f"{tmp}/hf_write"], check=True)
        for config in ["deepseek-v3", "deepseek-v3-plain-q", "deepseek-v2", "deepseek-v2-lite", "llama3",
                       "llama-bias", "smollm2", "qwen2", "qwen3", "mistral"]:
            for dtype in ["f32", "bf16", "f16"]:
                folder = f"{tmp}/{config}-{dtype}"
                got = json.loads(subprocess.run(
                    [f"{tmp}/hf_write", f"tests/golden/{config}", folder, dtype],
                    check=True, stdout=subprocess.PIPE).stdout)
                # AutoTokenizer would put Qwen2's own splitting in place of the folder's
                tok = PreTrainedTokenizerFast.from_pretrained(folder)
                assert tok.encode(got["text"]) == got["ids"], "ids differ"
                assert tok.decode(got["ids"]) == got["text"], "text differs"
                model, info = AutoModelForCausalLM.from_pretrained(
                    folder, dtype=torch.float32, output_loading_info=True)
                bad = {k: v for k, v in info.items() if v and k != "error_msgs"}
                assert not bad, bad
                ids = torch.tensor([got["ids"]])
                with torch.no_grad():
                    p = model(ids).logits[0, :-1].log_softmax(-1)
                want = p.gather(1, ids[0, 1:, None])[:, 0]
                off = (want - torch.tensor(got["logp"][1:])).abs().max().item()
                worst = max(worst, off)
                print(f"{config:20} {dtype:5} {type(model).__name__:24} "
                      f"eos {model.config.eos_token_id} largest difference {off:.1e}")
    print("ok" if worst < 2e-5 else "DIFFERS")
    return worst >= 2e-5


sys.exit(main())
