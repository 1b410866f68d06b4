#!/usr/bin/env python3
"""tests/peers/gguf_dequant.py -- we read every GGUF type as the `gguf` package does, bit for bit.

By hand, from the root of the repository, after `make CUDA=0` (needs gguf, numpy and, to make the
types, llama-cpp-python):
    python3 tests/peers/gguf_dequant.py MODEL.gguf [more.gguf ...]
llama.cpp quantises the first file anew to each type; each is converted to a folder in F32 and every
tensor compared with gguf.dequantize, Q and K of architecture llama turned back.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import gguf
import numpy as np

try:
    import llama_cpp
except ImportError:
    llama_cpp = None

GRPO = "build/release-cpu/grpo"
NAMES = [("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"),
         ("model.layers.", "blk."), ("self_attn.o_proj", "attn_output"), ("self_attn.", "attn_"),
         ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"), ("mlp.", "ffn_"),
         ("_proj", "")]
# llama.cpp's numbers of file types (llama_ftype)
KINDS = {"Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18,
         "BF16": 32, "F16": 1}


def tensors(path):
    """The tensors of a safetensors file, all F32."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    for name, t in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = t["data_offsets"]
            yield name, np.frombuffer(data[8 + size + begin:8 + size + end], np.float32).reshape(t["shape"])


def turn_back(w, heads):
    return w.reshape(heads, w.shape[0] // heads // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def compare(path, tmp):
    reader = gguf.GGUFReader(path)
    number = {k: f.contents() for k, f in reader.fields.items() if k.startswith("llama.attention.head_count")}
    want = {t.name: gguf.dequantize(t.data, t.tensor_type).reshape([int(d) for d in reversed(t.shape)])
            for t in reader.tensors}
    kinds = sorted({t.tensor_type.name for t in reader.tensors})
    out = pathlib.Path(tmp, "folder")
    subprocess.run([GRPO, "convert", str(path), "-o", str(out), "--dtype", "f32", "--overwrite"], check=True,
                   stdout=subprocess.DEVNULL)
    bad = n = 0
    for name, got in tensors(out / "model.safetensors"):
        for a, b in NAMES:
            name = name.replace(a, b)
        expect = want[name]
        if number and name.endswith(("attn_q.weight", "attn_k.weight")):
            kv = "_kv" if "attn_k" in name else ""
            expect = turn_back(expect, int(number["llama.attention.head_count" + kv]))
        n += 1
        if not np.array_equal(got.view(np.uint32), np.ascontiguousarray(expect, np.float32).view(np.uint32)):
            bad += 1
            print("   ", name, "differs by", np.abs(got - expect).max())
    print(f"{pathlib.Path(path).name}: {bad} of {n} tensors differ ({', '.join(kinds)})", flush=True)
    return bad


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        for path in sys.argv[1:]:
            bad += compare(path, tmp)
        for name, kind in KINDS.items() if llama_cpp else []:
            params = llama_cpp.llama_model_quantize_default_params()
            params.ftype, params.nthread, params.allow_requantize = kind, 2, True
            out = f"{tmp}/{name}.gguf"
            assert llama_cpp.llama_model_quantize(sys.argv[1].encode(), out.encode(), params) == 0, name
            bad += compare(out, tmp)
            pathlib.Path(out).unlink()
    print("DIFFERS" if bad else "ok")
    return bad > 0


sys.exit(main())
