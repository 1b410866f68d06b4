#!/usr/bin/env python3
# tests/peers/paired.py -- two builds of grpo in turn: the ratio NEW / OLD of every figure of `grpo bench`.
#
#   python3 tests/peers/paired.py OLD/grpo NEW/grpo [MODEL] [--pairs 15] [--only step,prefill,decode,train]
#
# OLD and NEW run alternately, each first in every other pair. Printed: the geometric mean of the
# ratios of wall and processor time, and its 95 % interval (Student's t over the pairs).
import argparse
import json
import math
import subprocess

T95 = {9: 2.262, 10: 2.228, 11: 2.201, 12: 2.179, 13: 2.160, 14: 2.145, 15: 2.131, 19: 2.093, 24: 2.064, 29: 2.045}


def figures(program, what, model):
    args = {
        "step": ["--only", "step"],
        "prefill": [model, "--only", "prefill", "--rounds", "5", "--prompt", "512", "--precision", "bf16"],
        "decode": [model, "--only", "decode", "--rounds", "1", "--seqs", "1,16,64", "--new", "16", "--precision", "bf16"],
        "train": [model, "--only", "train", "--rounds", "1", "--batch", "4", "--length", "128", "--precision", "bf16"],
    }[what]
    out = subprocess.run([program, "bench", *args, "--json"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found = {}
    for line in out.stdout.decode().splitlines():
        row = json.loads(line)
        if "cpu_seconds" in row:
            found[f"{what} {row.get('phase', row.get('seqs', ''))}"] = (row["seconds"], row["cpu_seconds"])
    return found


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("old")
    ap.add_argument("new")
    ap.add_argument("model", nargs="?")
    ap.add_argument("--pairs", type=int, default=15)
    ap.add_argument("--only", default=None)
    args = ap.parse_args()
    parts = args.only.split(",") if args.only else ["step"] + (["prefill", "decode", "train"] if args.model else [])
    ratios = {}
    for i in range(args.pairs):
        for what in parts:
            order = [("old", args.old), ("new", args.new)]
            if i % 2:
                order.reverse()
            got = {name: figures(program, what, args.model) for name, program in order}
            for key, (wall, cpu) in got["new"].items():
                old = got["old"][key]
                ratios.setdefault(key, []).append((wall / old[0], cpu / old[1]))
    for key, pairs in ratios.items():
        for at, name in enumerate(("wall", "processor")):
            logs = [math.log(p[at]) for p in pairs]
            n = len(logs)
            mean = sum(logs) / n
            half = T95.get(n - 1, 2.26) * math.sqrt(sum((x - mean) ** 2 for x in logs) / max(1, n - 1) / n)
            print(f"{key:20} {name:9} {n} pairs: {math.exp(mean):.3f} ({math.exp(mean - half):.3f} to {math.exp(mean + half):.3f})")


main()
