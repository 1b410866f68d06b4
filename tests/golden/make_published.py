#!/usr/bin/env python3
"""Writes tests/golden/deepseek-fp8/: a tiny model in the form in which DeepSeek-V3 and R1 are published.

Two shards with an index; linears in F8_E4M3 with F32 scales of 128x128 blocks, the last ones partial;
a layer beyond num_hidden_layers that predicts further tokens; config.json with every key of the
published one; files that no program knows. golden.safetensors holds tokens and their log-probs as
transformers' code computes them in double from the dequantised weights.
Run by hand (needs torch and transformers).
"""
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

HERE = pathlib.Path(__file__).parent / "deepseek-fp8"
BLOCK, LAYERS = 128, 2
PUBLISHED = {
    "architectures": ["DeepseekV3ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
    "auto_map": {"AutoConfig": "configuration_deepseek.DeepseekV3Config",
                 "AutoModelForCausalLM": "modeling_deepseek.DeepseekV3ForCausalLM"},
    "aux_loss_alpha": 0.001, "bos_token_id": 0, "eos_token_id": 1, "ep_size": 1,
    "first_k_dense_replace": 1, "hidden_act": "silu", "hidden_size": 132, "initializer_range": 0.02,
    "intermediate_size": 140, "kv_lora_rank": 16, "max_position_embeddings": 160,
    "model_type": "deepseek_v3", "moe_intermediate_size": 12, "moe_layer_freq": 1, "n_group": 2,
    "n_routed_experts": 4, "n_shared_experts": 1, "norm_topk_prob": True, "num_attention_heads": 2,
    "num_experts_per_tok": 2, "num_hidden_layers": LAYERS, "num_key_value_heads": 2,
    "num_nextn_predict_layers": 1, "pretraining_tp": 1, "q_lora_rank": 20, "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
                            "weight_block_size": [BLOCK, BLOCK]},
    "rms_norm_eps": 1e-06,
    "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0,
                     "mscale_all_dim": 1.0, "original_max_position_embeddings": 40, "type": "yarn"},
    "rope_theta": 10000, "routed_scaling_factor": 2.5, "scoring_func": "sigmoid", "seq_aux": True,
    "tie_word_embeddings": False, "topk_group": 1, "topk_method": "noaux_tc",
    "torch_dtype": "bfloat16", "transformers_version": "4.33.1", "use_cache": True,
    "v_head_dim": 12, "vocab_size": 61,
}


def quantise(w):
    """Codes and scales of 128x128 blocks: what is stored, and the value it stands for."""
    rows, cols = w.shape
    scale = torch.zeros(-(-rows // BLOCK), -(-cols // BLOCK))
    code = torch.zeros(rows, cols).to(torch.float8_e4m3fn)
    for i in range(scale.shape[0]):
        for j in range(scale.shape[1]):
            at = slice(i * BLOCK, (i + 1) * BLOCK), slice(j * BLOCK, (j + 1) * BLOCK)
            scale[i, j] = w[at].abs().max().clamp(min=1e-4) / 448
            code[at] = (w[at] / scale[i, j]).to(torch.float8_e4m3fn)
    full = scale.repeat_interleave(BLOCK, 0)[:rows].repeat_interleave(BLOCK, 1)[:, :cols]
    return code, scale, code.float() * full


def is_quantised(name):
    return name.endswith("_proj.weight") or name.endswith("kv_a_proj_with_mqa.weight")


def main():
    torch.manual_seed(4)
    config = {k: v for k, v in PUBLISHED.items() if k not in ("quantization_config", "auto_map")}
    model = DeepseekV3ForCausalLM(DeepseekV3Config(
        **config, attn_implementation="eager", experts_implementation="eager")).float().eval()
    stored, layer = {}, f"model.layers.{LAYERS - 1}."
    with torch.no_grad():
        state = model.state_dict()
        for key, value in state.items():
            if "norm" in key:
                value.copy_((1 + 0.2 * torch.randn_like(value)).bfloat16().float())
            elif "e_score_correction_bias" in key:
                value.copy_(0.1 * torch.rand_like(value))
            else:
                value.copy_((torch.randn_like(value) / value.shape[-1] ** 0.5).bfloat16().float())

        def put(name, w):
            """Stores a weight under its published name; returns what it stands for."""
            if not is_quantised(name):
                stored[name] = w.clone() if "e_score" in name else w.bfloat16()
                return w
            code, scale, means = quantise(w)
            stored[name], stored[name + "_scale_inv"] = code, scale
            return means

        for key, value in state.items():
            if key.endswith("experts.gate_up_proj"):  # transformers stacks the experts in memory
                for e, both in enumerate(value):
                    stem = key.replace("gate_up_proj", f"{e}.")
                    parts = [put(stem + n + "_proj.weight", p)
                             for n, p in zip(("gate", "up"), both.chunk(2))]
                    both.copy_(torch.cat(parts))
            elif key.endswith("experts.down_proj"):
                for e, one in enumerate(value):
                    one.copy_(put(key.replace("down_proj", f"{e}.down_proj.weight"), one))
            else:
                value.copy_(put(key, value))
        # the layer that predicts further tokens: a block of its own, and its five tensors
        extra = f"model.layers.{LAYERS}."
        for key in [k for k in stored if k.startswith(layer)]:
            stored[key.replace(layer, extra)] = stored[key].clone()
        d, v = PUBLISHED["hidden_size"], PUBLISHED["vocab_size"]
        for name, shape in [("embed_tokens.weight", (v, d)), ("enorm.weight", (d,)),
                            ("hnorm.weight", (d,)), ("eh_proj.weight", (d, 2 * d)),
                            ("shared_head.norm.weight", (d,)), ("shared_head.head.weight", (v, d))]:
            stored[extra + name] = torch.randn(shape).bfloat16()

    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    names, half = list(stored), len(stored) // 2
    weight_map = {}
    for i, part in enumerate([names[:half], names[half:]]):
        file = f"model-{i + 1:05}-of-000002.safetensors"
        save_file({n: stored[n].contiguous() for n in part}, HERE / file, {"format": "pt"})
        weight_map |= {n: file for n in part}
    index = {"metadata": {"total_size": sum(t.nbytes for t in stored.values())}, "weight_map": weight_map}
    (HERE / "model.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    (HERE / "config.json").write_text(json.dumps(PUBLISHED, indent=2) + "\n")
    (HERE / "configuration_deepseek.py").write_text("# what auto_map names; carried along\n")
    (HERE / "generation_config.json").write_text(
        '{\n  "_from_model_config": true,\n  "bos_token_id": 0,\n  "do_sample": true,\n'
        '  "eos_token_id": 1,\n  "temperature": 0.6,\n  "top_p": 0.95\n}\n')

    tokens = torch.randint(v, (90,))
    with torch.no_grad():
        p = model.double()(tokens[None], use_cache=False).logits[0, :-1].double().log_softmax(-1)
    logp = torch.cat([torch.zeros(1).double(), p.gather(1, tokens[1:, None])[:, 0]])
    save_file({"tokens": tokens.float(), "logp": logp.float()}, HERE / "golden.safetensors")
    print("tensors", len(stored), "bytes", index["metadata"]["total_size"], "mean logp", logp.mean().item())


main()
