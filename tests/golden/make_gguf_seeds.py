#!/usr/bin/env python3
"""Writes tests/golden/fuzz/gguf/: the smallest GGUF files that are whole models, for tests/fuzz_gguf.c.

Run by hand (needs gguf and numpy).
"""
import pathlib

import gguf
import numpy as np

HERE = pathlib.Path(__file__).parent / "fuzz" / "gguf"


def dense(arch, bias=False, norm=False, freqs=False, kind=gguf.GGMLQuantizationType.F32):
    shapes = {"token_embd.weight": (3, 32), "output_norm.weight": (32,), "blk.0.attn_norm.weight": (32,),
              "blk.0.ffn_norm.weight": (32,), "blk.0.attn_q.weight": (8, 32), "blk.0.attn_k.weight": (4, 32),
              "blk.0.attn_v.weight": (4, 32), "blk.0.attn_output.weight": (32, 8),
              "blk.0.ffn_gate.weight": (4, 32), "blk.0.ffn_up.weight": (4, 32),
              "blk.0.ffn_down.weight": (32, 4)}
    if bias:
        shapes |= {f"blk.0.attn_{n}.bias": (w,) for n, w in zip("qkv", (8, 4, 4))}
    if norm:
        shapes |= {"blk.0.attn_q_norm.weight": (4,), "blk.0.attn_k_norm.weight": (4,)}
    if freqs:
        shapes["rope_freqs.weight"] = (2,)
    numbers = {"block_count": 1, "context_length": 16, "embedding_length": 32, "feed_forward_length": 4,
               "attention.head_count": 2, "attention.head_count_kv": 1, "attention.key_length": 4}
    return arch, shapes, numbers, {"rope.freq_base": 1e4, "attention.layer_norm_rms_epsilon": 1e-5}, kind


def deepseek(split):
    shapes = {"token_embd.weight": (3, 8), "output_norm.weight": (8,), "output.weight": (3, 8),
              "blk.0.attn_norm.weight": (8,), "blk.0.ffn_norm.weight": (8,), "blk.0.attn_q_a.weight": (6, 8),
              "blk.0.attn_q_a_norm.weight": (6,), "blk.0.attn_q_b.weight": (8, 6),
              "blk.0.attn_kv_a_mqa.weight": (7, 8), "blk.0.attn_kv_a_norm.weight": (5,),
              "blk.0.attn_output.weight": (8, 6), "blk.0.ffn_gate_inp.weight": (2, 8),
              "blk.0.exp_probs_b.bias": (2,), "blk.0.ffn_gate_exps.weight": (2, 4, 8),
              "blk.0.ffn_up_exps.weight": (2, 4, 8), "blk.0.ffn_down_exps.weight": (2, 8, 4),
              "blk.0.ffn_gate_shexp.weight": (4, 8), "blk.0.ffn_up_shexp.weight": (4, 8),
              "blk.0.ffn_down_shexp.weight": (8, 4)}
    shapes |= ({"blk.0.attn_k_b.weight": (2, 5, 2), "blk.0.attn_v_b.weight": (2, 3, 5)} if split
               else {"blk.0.attn_kv_b.weight": (10, 5)})
    mla = ({"attention.key_length_mla": 4, "attention.value_length_mla": 3, "attention.key_length": 7}
           if split else {"attention.key_length": 4, "attention.value_length": 3})
    numbers = {"block_count": 1, "context_length": 16, "embedding_length": 8, "feed_forward_length": 4,
               "attention.head_count": 2, "attention.q_lora_rank": 6, "attention.kv_lora_rank": 5,
               "rope.dimension_count": 2, "leading_dense_block_count": 0, "expert_count": 2,
               "expert_used_count": 1, "expert_shared_count": 1, "expert_feed_forward_length": 4,
               "expert_gating_func": 2, "rope.scaling.original_context_length": 8, **mla}
    return "deepseek2", shapes, numbers, {
        "rope.freq_base": 1e4, "attention.layer_norm_rms_epsilon": 1e-6, "rope.scaling.factor": 4.0,
        "rope.scaling.yarn_log_multiplier": 0.1}, gguf.GGMLQuantizationType.F32


def write(name, arch, shapes, numbers, floats, kind):
    writer = gguf.GGUFWriter(HERE / name, arch)
    for key, value in numbers.items():
        writer.add_uint32(f"{arch}.{key}", value)
    for key, value in floats.items():
        writer.add_float32(f"{arch}.{key}", value)
    if "rope.scaling.factor" in floats:
        writer.add_string(f"{arch}.rope.scaling.type", "yarn")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(["a", "b", "ab"])
    writer.add_token_types([1, 1, 3])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(2)
    writer.add_chat_template("{{ messages }}")
    for key, shape in shapes.items():
        data = np.ones(shape, np.float32)
        if len(shape) > 1 and shape[-1] % 32 == 0 and kind != gguf.GGMLQuantizationType.F32:
            writer.add_tensor(key, gguf.quantize(data, kind), raw_dtype=kind)
        else:
            writer.add_tensor(key, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    HERE.mkdir(exist_ok=True)
    write("llama", *dense("llama", kind=gguf.GGMLQuantizationType.Q8_0))
    write("llama3", *dense("llama", freqs=True))
    write("qwen2", *dense("qwen2", bias=True))
    write("qwen3", *dense("qwen3", norm=True))
    write("deepseek", *deepseek(False))
    write("deepseek-split", *deepseek(True))
    (HERE / "blocks").write_bytes((HERE.parents[1] / "gguf" / "blocks.gguf").read_bytes())


main()
