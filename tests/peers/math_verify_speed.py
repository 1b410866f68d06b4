#!/usr/bin/env python3
"""tests/peers/math_verify_speed.py -- Math-Verify and `grpo bench verify` timed on the same rows.

    python3 -m venv venv && venv/bin/pip install math-verify
    venv/bin/python tests/peers/math_verify_speed.py build/release-cpu/grpo ROWS.jsonl [LIMIT]

ROWS are lines {"gold", "pred", "expect"}. Math-Verify is used as its README says: parse() of both sides,
then verify(); its time is that of both parses and the comparison, once a row after a warm-up. LIMIT takes
every n-th row so that at most so many are timed on either side (Math-Verify needs about 20 ms a row).
"""
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time

grpo, path = sys.argv[1:3]
limit = int(sys.argv[3]) if len(sys.argv) > 3 else 0
rows = [json.loads(line) for line in open(path, encoding="utf-8")]
rows = [r for r in rows if isinstance(r.get("pred"), str)]
if limit and len(rows) > limit:
    rows = rows[:: -(-len(rows) // limit)]

logging.disable(logging.CRITICAL)
from math_verify import LatexExtractionConfig, ExprExtractionConfig, parse, verify  # noqa: E402

configs = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]
parse("$\\frac{1}{2}$"), verify(parse("$1$"), parse("$2$"))
times, agree, labelled, positives, negatives = [], 0, 0, 0, 0
for r in rows:
    begin = time.perf_counter()
    try:
        gold = parse(f"\\boxed{{{r['gold']}}}", extraction_config=configs)
        said = bool(verify(gold, parse(r["pred"], extraction_config=configs)))
    except Exception:  # a crash of the peer counts as its "wrong"
        said = False
    times.append((time.perf_counter() - begin) * 1e6)
    if isinstance(r.get("expect"), bool):
        labelled += 1
        agree += said == r["expect"]
        positives += said and not r["expect"]
        negatives += not said and r["expect"]
times.sort()
median, p99 = statistics.median(times), times[int(0.99 * (len(times) - 1))]

with tempfile.NamedTemporaryFile("w", suffix=".jsonl", delete=False) as f:
    f.write("".join(json.dumps(r) + "\n" for r in rows))
try:
    out = subprocess.run([grpo, "bench", "verify", f.name, "--json"], capture_output=True, text=True, check=True)
finally:
    os.unlink(f.name)
ours = json.loads(out.stdout)
print(f"rows          {len(rows)}")
print(f"Math-Verify   median {median:9.1f} us, p99 {p99:11.1f} us, slowest {times[-1]:11.1f} us, "
      f"agrees with {agree} of {labelled} labels, {positives} false positives, {negatives} false negatives")
print(f"grpo          median {ours['median_us']:9.1f} us, p99 {ours['p99_us']:11.1f} us, slowest {ours['max_us']:11.1f} us, "
      f"agrees with {ours['agree']} of {ours['labelled']} labels, {ours['false_positive']} false positives, "
      f"{ours['false_negative']} false negatives")
print(f"ratio         median {median / ours['median_us']:.0f}, p99 {p99 / ours['p99_us']:.0f}, "
      f"sum {sum(times) / (ours['mean_us'] * len(rows)):.0f}")
