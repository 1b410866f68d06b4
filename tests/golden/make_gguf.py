#!/usr/bin/env python3
"""Writes tests/golden/gguf/: what the `gguf` package says that blocks of every type mean.

blocks.gguf holds one tensor a type, of random blocks with finite scales; blocks.safetensors the
same tensors in F32, as gguf.dequantize gives them, and q8_0.source/q8_0.code: values and the bytes
that gguf.quantize makes of them. Run by hand (needs gguf, numpy and safetensors).
"""
import pathlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent / "gguf"
ROWS = 3
# where a block holds F16 numbers, which random bytes would make NaN now and then
HALVES = {T.Q8_0: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q4_K: [0, 2],
          T.Q5_K: [0, 2], T.Q6_K: [208]}


def main():
    HERE.mkdir(exist_ok=True)
    rng = np.random.default_rng(5)
    writer = gguf.GGUFWriter(HERE / "blocks.gguf", "none")
    want = {}
    for kind in [T.F32, T.F16, T.BF16, *HALVES]:
        block, size = gguf.GGML_QUANT_SIZES[kind]
        per_row = 2 if block > 1 else 40
        if kind == T.F32:
            data = rng.standard_normal((ROWS, per_row)).astype(np.float32)
        elif kind == T.F16:  # denormals and both ends among them
            data = rng.integers(0, 0x7C00, (ROWS, per_row)).astype(np.uint16).view(np.float16)
            data[1] = -data[1]
        else:
            data = rng.integers(0, 256, (ROWS, per_row * size)).astype(np.uint8)
            for at in HALVES.get(kind, []):
                for b in range(per_row):
                    half = (rng.standard_normal(ROWS) * 0.1).astype(np.float16)
                    data[:, b * size + at:b * size + at + 2] = half[:, None].view(np.uint8)
            if kind == T.BF16:
                data[:, 1::2] = rng.integers(0x20, 0x60, (ROWS, per_row))
        writer.add_tensor(kind.name, data, raw_dtype=kind)
        flat = data.view(np.uint8) if kind not in (T.F32, T.F16) else data
        want[kind.name] = gguf.dequantize(flat, kind).astype(np.float32).reshape(ROWS, -1)
    source = (rng.standard_normal((ROWS, 64)) * np.array([[1e-3], [1], [300]])).astype(np.float32)
    source[0, :32] = 0
    want["q8_0.source"] = source
    want["q8_0.code"] = gguf.quantize(source, T.Q8_0).reshape(ROWS, -1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(want, HERE / "blocks.safetensors")
    for name, value in want.items():
        assert name == "q8_0.code" or np.isfinite(value).all(), name
        print(name, value.shape, value.ravel()[:3])


main()
