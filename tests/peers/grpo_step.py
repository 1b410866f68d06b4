#!/usr/bin/env python3
"""One GRPO step of one model, ours against TRL's GRPOTrainer: wall time, tokens and peak memory.

By hand, on a quiet machine, from the root of the repository, after `make CUDA=0` and `make model`, in a
virtual environment with trl, torch and transformers (PyPI):
    python3 tests/peers/grpo_step.py MODEL QUESTIONS.jsonl [--steps 2] [--new 200] [--only ours|trl]
QUESTIONS has rows {"question","answer"}. Both sides: --groups questions a step, --size samples of each at
temperature 1, at most --new tokens, the model's own chat template, no KL, one optimiser step over
all samples, a reward for the right number, bf16 weights in the forward pass as each has them. The
first step of each side is left out (allocation, threads). Each side runs in a process of its own; peak
memory is that process's. Lengths differ by chance, so tokens a second stand beside seconds a step.
"""
import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time


def ours(a):
    run = tempfile.mkdtemp()
    config = {
        "name": "step",
        "model": {"path": a.model, "precision": "bf16", "max_position": 512 + a.new},
        "data": {"tasks": a.questions, "heldout": a.questions, "chat": "auto", "template": "boxed"},
        "run": {"decode_seqs": a.groups * a.size, "checkpoint_every": 0, "threads": a.threads},
        "rl": {"steps": a.steps + 1, "groups_per_step": a.groups, "group_size": a.size,
               "max_new_tokens": a.new, "loss": "grpo", "lr": 1e-6, "reward_format": 0, "kl_coef": 0,
               "preflight_tasks": 0},
        "eval": {"every": 0, "final_tasks": 1, "passk_tasks": 0, "large_tasks": 0},
    }
    with open(run + "/config.json", "w") as f:
        json.dump(config, f)
    subprocess.run([a.grpo, "rl", run + "/config.json", "-q", "--override-config", "-o", run + "/out"],
                   check=True, stdout=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    rows = [json.loads(line)["data"] for line in open(run + "/out/metrics.jsonl")]
    rows = [r for r in rows if "timing_s/step" in r][1:]
    return {"seconds": [r["timing_s/step"] for r in rows], "sampling": [r["timing_s/gen"] for r in rows],
            "tokens": [r["perf/total_num_tokens"] for r in rows], "peak_mb": peak}


def trl(a):
    os.environ["OMP_NUM_THREADS"] = str(a.threads)
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer
    torch.set_num_threads(a.threads)
    rows = [json.loads(line) for line in open(a.questions)]
    ask = " Please reason step by step, and put your final answer within \\boxed{}."
    data = Dataset.from_list([{"prompt": [{"role": "user", "content": r["question"] + ask}],
                               "gold": str(r["answer"])} for r in rows])
    lengths = []

    def right(completions, gold, **kwargs):
        out = []
        for c, g in zip(completions, gold):
            found = re.findall(r"\\boxed\{([^{}]*)\}", c[0]["content"])
            out.append(float(bool(found) and found[-1].strip() == g))
        return out

    class Clock(TrainerCallback):
        took, begin = [], 0.0

        def on_step_begin(self, *_, **__):
            Clock.begin = time.monotonic()

        def on_step_end(self, *_, **__):
            Clock.took.append(time.monotonic() - Clock.begin)

    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(), use_cpu=True, bf16=False, beta=0.0, learning_rate=1e-6,
        per_device_train_batch_size=a.batch, gradient_accumulation_steps=a.groups * a.size // a.batch,
        num_generations=a.size, max_completion_length=a.new, temperature=1.0, loss_type="grpo",
        max_steps=a.steps + 1, save_strategy="no", report_to="none", logging_steps=1,
        gradient_checkpointing=False, model_init_kwargs={"dtype": a.dtype}, disable_tqdm=True)
    trainer = GRPOTrainer(model=a.model, reward_funcs=right, args=config, train_dataset=data,
                          callbacks=[Clock()])
    trainer.train()
    for row in trainer.state.log_history:
        if "num_tokens" in row:
            lengths.append(row["num_tokens"])
    tokens = [b - x for x, b in zip(lengths, lengths[1:])]
    return {"seconds": Clock.took[1:], "tokens": tokens, "dtype": a.dtype,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("questions")
    p.add_argument("--grpo", default="build/release-cpu/grpo")
    p.add_argument("--steps", type=int, default=2)
    p.add_argument("--groups", type=int, default=8)
    p.add_argument("--size", type=int, default=8)
    p.add_argument("--new", type=int, default=200)
    p.add_argument("--batch", type=int, default=8, help="TRL's per_device_train_batch_size")
    p.add_argument("--dtype", default="float32", help="TRL's weights: float32 or bfloat16")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--only")
    a = p.parse_args()
    if a.only:
        print(json.dumps({"ours": ours, "trl": trl}[a.only](a)))
        return
    result = {}
    for side in ("ours", "trl"):
        out = subprocess.run([sys.executable, *sys.argv, "--only", side], stdout=subprocess.PIPE, text=True)
        if out.returncode != 0:
            print(f"{side} did not run", file=sys.stderr)
            continue
        r = result[side] = json.loads(out.stdout.splitlines()[-1])
        mean = sum(r["seconds"]) / len(r["seconds"])
        r["rate"] = sum(r["tokens"]) / sum(r["seconds"])
        print(f"{side}: {mean:.1f} s a step, {r['rate']:.0f} tokens/s, peak {r['peak_mb']:.0f} MiB", flush=True)
    if len(result) == 2:
        x, y = result["ours"], result["trl"]
        print(f"ratio: {x['rate'] / y['rate']:.2f} times the tokens a second, "
              f"{x['peak_mb'] / y['peak_mb']:.2f} of the memory")


if __name__ == "__main__":
    main()
