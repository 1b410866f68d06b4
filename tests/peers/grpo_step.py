#!/usr/bin/env python3
"""tests/peers/grpo_step.py -- one whole GRPO step, ours against TRL's: time, processor time, memory.

By hand, on a quiet machine, from the root of the repository, after `make CUDA=0` and `make model`, with a
virtual environment that holds trl, torch and transformers (PyPI):
    python3 tests/peers/grpo_step.py models/SmolLM2-135M-Instruct GSM8K.jsonl [--new 200]
QUESTIONS has rows {"question","answer"}; the first --groups of them are asked by both sides, in the
model's own chat template with the same request to box the answer, --size samples of each at
temperature 1. No sample ends before --new tokens on either side (rl.ignore_eos; min_new_tokens), so both
sample and train the same number of tokens. No KL, clip 0.2, AdamW, one optimiser step over all samples,
trained on whether or not a group's rewards differ. TRL as a user has it who names the model: weights in
fp32, autocast to bf16 and gradient checkpointing (its defaults; --bf16 0 computes in fp32, which is slower), --batch
samples a device step and the rest by gradient accumulation. Each side is a process of its own; seconds are those of the first step
(sampling, judging, loss, gradients, optimiser), peak is the process's (getrusage). Prints a table.
"""
import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time


def first_rows(a):
    with open(a.questions) as f:
        return [json.loads(next(f)) for _ in range(a.groups)]


def ours(a):
    with tempfile.TemporaryDirectory() as run:  # its checkpoints are 4 GB
        return ours_in(run, a)


def ours_in(run, a):
    tasks = run + "/tasks.jsonl"
    with open(tasks, "w") as f:
        for i, r in enumerate(first_rows(a)):
            f.write(json.dumps({"id": f"q{i}", "question": r["question"], "answer": str(r["answer"])}) + "\n")
    config = {
        "name": "step",
        "model": {"path": a.model, "precision": "bf16"},
        "data": {"tasks": tasks, "heldout": tasks, "chat": "auto", "template": "boxed"},
        "run": {"decode_seqs": a.groups * a.size, "checkpoint_every": 0, "threads": a.threads},
        "rl": {"steps": a.steps, "groups_per_step": a.groups, "group_size": a.size, "max_new_tokens": a.new,
               "ignore_eos": True, "skip_flat": False, "dynamic_sampling": "off", "loss": "grpo", "lr": 1e-6,
               "reward_format": 0, "preflight_tasks": 0, "chunk_tokens": a.chunk},
        "eval": {"every": 0, "tasks": 1, "samples": 1, "final_tasks": 1, "passk_tasks": 0, "large_tasks": 0},
    }
    with open(run + "/config.json", "w") as f:
        json.dump(config, f)
    subprocess.run([a.grpo, "rl", run + "/config.json", "-q", "-o", run + "/out"],
                   check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = [json.loads(line) for line in open(run + "/out/metrics.jsonl")]
    rows = [r.get("data", r) for r in rows]
    rows = [r for r in rows if "timing_s/step" in r]
    return {"seconds": rows[0]["timing_s/step"], "sampling": rows[0]["timing_s/gen"],
            "all_seconds": [r["timing_s/step"] for r in rows], "trained": rows[0]["actor/trained_tokens"],
            "tokens": rows[0]["perf/total_num_tokens"], "process_cpu": used.ru_utime + used.ru_stime,
            "peak_mb": used.ru_maxrss / 1024}


def trl(a):
    os.environ["OMP_NUM_THREADS"] = str(a.threads)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer
    torch.set_num_threads(a.threads)
    ask = "\nPlease reason step by step, and put your final answer within \\boxed{}."
    data = Dataset.from_list([{"prompt": [{"role": "user", "content": r["question"] + ask}],
                               "gold": str(r["answer"])} for r in first_rows(a)])
    sampled = []

    def right(completions, gold, **kwargs):
        sampled.append(time.monotonic())
        out = []
        for c, g in zip(completions, gold):
            found = re.findall(r"\\boxed\{([^{}]*)\}", c[0]["content"])
            out.append(float(bool(found) and found[-1].strip() == g))
        return out

    class Clock(TrainerCallback):
        steps = []

        def on_step_begin(self, *_, **__):
            Clock.begin = time.monotonic()

        def on_step_end(self, *_, **__):
            Clock.steps.append((Clock.begin, time.monotonic()))

    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(), use_cpu=True, bf16=bool(a.bf16), beta=0.0, learning_rate=1e-6,
        per_device_train_batch_size=a.batch, gradient_accumulation_steps=a.groups * a.size // a.batch,
        num_generations=a.size, max_completion_length=a.new, temperature=1.0, loss_type="grpo",
        generation_kwargs={"min_new_tokens": a.new}, max_steps=a.steps, save_strategy="no", report_to="none",
        logging_steps=1, shuffle_dataset=False, disable_tqdm=True)
    trainer = GRPOTrainer(model=a.model, reward_funcs=right, args=config, train_dataset=data,
                          callbacks=[Clock()])
    trainer.train()
    tokens = [row["num_tokens"] for row in trainer.state.log_history if "num_tokens" in row]
    used = resource.getrusage(resource.RUSAGE_SELF)
    begin, end = Clock.steps[0]
    return {"seconds": end - begin, "sampling": sampled[0] - begin,
            "all_seconds": [e - b for b, e in Clock.steps], "trained": a.groups * a.size * a.new,
            "tokens": tokens[0] if tokens else 0, "process_cpu": used.ru_utime + used.ru_stime,
            "peak_mb": used.ru_maxrss / 1024}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("questions")
    p.add_argument("--grpo", default="build/release-cpu/grpo")
    p.add_argument("--steps", type=int, default=1)
    p.add_argument("--groups", type=int, default=8)
    p.add_argument("--size", type=int, default=8)
    p.add_argument("--new", type=int, default=200)
    p.add_argument("--batch", type=int, default=8, help="TRL's per_device_train_batch_size (8: its default)")
    p.add_argument("--chunk", type=int, default=1024, help="our rl.chunk_tokens")
    p.add_argument("--bf16", type=int, default=1, help="TRL's autocast")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--timeout", type=float, default=1500, help="seconds a side may take")
    p.add_argument("--only", help="ours or trl: run that side alone")
    p.add_argument("--side", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.side:
        print(json.dumps({"ours": ours, "trl": trl}[a.side](a)))
        return
    got = {}
    for side in [a.only] if a.only else ["ours", "trl"]:
        with subprocess.Popen([sys.executable, *sys.argv, "--side", side], stdout=subprocess.PIPE, text=True,
                              start_new_session=True) as child:
            try:
                out, _ = child.communicate(timeout=a.timeout)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)  # with the grpo that it started
                print(f"{side}: not done after {a.timeout:.0f} s", file=sys.stderr)
                continue
        if child.returncode != 0:
            print(f"{side} did not run", file=sys.stderr)
            continue
        got[side] = json.loads(out.splitlines()[-1])
    print(f"{a.groups} prompts x {a.size} samples x {a.new} tokens, {a.threads} threads, "
          f"TRL {'bf16 autocast' if a.bf16 else 'fp32'}")
    print(f"{'':8}{'step s':>10}{'sampling':>10}{'rest':>10}{'tokens':>10}{'process CPU s':>15}{'peak MiB':>10}")
    for side, r in got.items():
        print(f"{side:8}{r['seconds']:10.1f}{r['sampling']:10.1f}{r['seconds'] - r['sampling']:10.1f}"
              f"{r['tokens']:10.0f}{r['process_cpu']:15.1f}{r['peak_mb']:10.0f}")
    if len(got) == 2:
        x, y = got["ours"], got["trl"]
        print(f"TRL / ours: step {y['seconds'] / x['seconds']:.2f}, sampling {y['sampling'] / x['sampling']:.2f}; "
              f"ours / TRL: memory {x['peak_mb'] / y['peak_mb']:.2f}")


if __name__ == "__main__":
    main()
