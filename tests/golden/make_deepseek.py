#!/usr/bin/env python3
"""Writes tests/golden/deepseek-*/: tiny random models with what Hugging Face's code makes of them.

Each folder holds config.json and model.safetensors as transformers saves them, and golden.safetensors:
  tokens, begin      the sequences, one after the other, and where each begins (as numbers in F32)
  logp, entropy      of every token given those before it in its sequence, at `temperature`; the
                     first token of a sequence has none (0)
  dlogp, dentropy    loss = sum(dlogp * logp + dentropy * entropy)
  grad.NAME          gradient of that loss for every parameter
Computed in double where transformers' code allows it. Run by hand (needs torch and transformers);
routing decisions that rounding could tip are refused.
"""
import pathlib
import shutil

import torch
from safetensors.torch import load_file, save_file
from transformers import (DeepseekV2Config, DeepseekV2ForCausalLM, DeepseekV3Config,
                          DeepseekV3ForCausalLM)

HERE = pathlib.Path(__file__).parent
LENGTHS = [5, 70, 17]
TEMPERATURE = 0.8
MARGIN = 2e-4

BASE = dict(vocab_size=61, hidden_size=24, intermediate_size=40, num_attention_heads=2,
            num_key_value_heads=2, num_hidden_layers=3, first_k_dense_replace=1, kv_lora_rank=16,
            qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=12, n_routed_experts=8,
            n_shared_experts=1, num_experts_per_tok=3, moe_intermediate_size=12, n_group=4,
            topk_group=2, max_position_embeddings=128, rms_norm_eps=1e-6, bos_token_id=None,
            eos_token_id=0, pad_token_id=None, attn_implementation="eager", experts_implementation="eager")
YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=32,
            beta_fast=32.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=0.7)
PLAIN = dict(rope_type="default", rope_theta=10000.0)

MODELS = {
    "deepseek-v3": (DeepseekV3ForCausalLM, DeepseekV3Config(
        **BASE, q_lora_rank=16, rope_parameters=YARN, norm_topk_prob=True, routed_scaling_factor=2.5)),
    "deepseek-v3-plain-q": (DeepseekV3ForCausalLM, DeepseekV3Config(
        **{**BASE, "num_hidden_layers": 2, "tie_word_embeddings": True}, q_lora_rank=None,
        rope_parameters=PLAIN, norm_topk_prob=False, routed_scaling_factor=1.0)),
    "deepseek-v2": (DeepseekV2ForCausalLM, DeepseekV2Config(
        **{**BASE, "num_hidden_layers": 2, "n_shared_experts": 2}, q_lora_rank=16,
        rope_parameters=YARN, topk_method="group_limited_greedy", norm_topk_prob=False,
        routed_scaling_factor=4.0)),
    "deepseek-v2-lite": (DeepseekV2ForCausalLM, DeepseekV2Config(
        **{**BASE, "num_hidden_layers": 2, "n_group": 1, "topk_group": 1}, q_lora_rank=None,
        rope_parameters={**YARN, "mscale": 0.707, "mscale_all_dim": 0.707}, topk_method="greedy",
        norm_topk_prob=False, routed_scaling_factor=1.0)),
}


def gap(values, k):
    """How far the k-th best stands from the next, over all rows."""
    if k >= values.shape[-1]:
        return float("inf")
    best = values.sort(dim=-1, descending=True).values
    return (best[..., k - 1] - best[..., k]).min().item()


def margin(config, logits, bias, v3):
    """The smallest distance of a routing decision from tipping."""
    scores = logits.sigmoid() + bias if v3 else logits.softmax(-1)
    if not v3 and config.topk_method == "greedy":
        return gap(scores, config.num_experts_per_tok)
    groups = scores.view(len(scores), config.n_group, -1)
    best = groups.topk(2, dim=-1).values.sum(-1) if v3 else groups.max(-1).values
    keep = torch.zeros_like(best).scatter_(1, best.topk(config.topk_group, dim=-1).indices, 1)
    kept = groups.masked_fill(keep[..., None] == 0, float("-inf")).flatten(1)
    assert (kept[kept > float("-inf")] > 0).all()
    return min(gap(best, config.topk_group), gap(kept, config.num_experts_per_tok))


def make(name, kind, config, seed):
    torch.manual_seed(seed)
    v3 = kind is DeepseekV3ForCausalLM
    model = kind(config).float().eval()
    with torch.no_grad():
        for key, value in model.named_parameters():
            if "norm" in key:
                value.copy_(1 + 0.2 * torch.randn_like(value))
            elif "embed_tokens" in key:
                value.copy_(0.5 * torch.randn_like(value))
            else:
                value.copy_(torch.randn_like(value) / value.shape[-1] ** 0.5)
        for key, value in model.named_buffers():
            if "e_score_correction_bias" in key:
                value.copy_(0.1 * torch.rand_like(value))
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)

    model = model.double()
    margins = []

    def watch(module, inputs, output):
        bias = getattr(module, "e_score_correction_bias", 0)
        margins.append(margin(config, output[0].double(), bias, v3))

    for key, module in model.named_modules():
        if key.endswith("mlp.gate"):
            module.register_forward_hook(watch)
    total = sum(LENGTHS)
    begin = [sum(LENGTHS[:i]) for i in range(len(LENGTHS))]
    tokens = torch.randint(config.vocab_size, (total,))
    dlogp, dentropy = torch.randn(total).double() / total, 0.1 * torch.randn(total).double() / total
    logp, entropy = torch.zeros(total).double(), torch.zeros(total).double()
    loss = 0
    dlogp[begin] = dentropy[begin] = 0
    for b, n in zip(begin, LENGTHS):
        ids = tokens[b:b + n]
        p = (model(ids[None], use_cache=False).logits[0, :-1].double() / TEMPERATURE).log_softmax(-1)
        got = p.gather(1, ids[1:, None])[:, 0]
        ent = -(p.exp() * p).sum(-1)
        loss = loss + (dlogp[b + 1:b + n] * got).sum() + (dentropy[b + 1:b + n] * ent).sum()
        logp[b + 1:b + n], entropy[b + 1:b + n] = got.detach(), ent.detach()
    if min(margins) < MARGIN:
        return False
    loss.backward()
    out = dict(tokens=tokens, begin=torch.tensor(begin), logp=logp, entropy=entropy, dlogp=dlogp,
               dentropy=dentropy, temperature=torch.tensor([TEMPERATURE]))
    # The names are those of the saved file: transformers keeps experts stacked in memory.
    grads = {}
    for key, value in model.named_parameters():
        grad = value.grad if value.grad is not None else torch.zeros_like(value)
        if key.endswith("experts.gate_up_proj"):
            for e, both in enumerate(grad):
                stem = key.replace("gate_up_proj", f"{e}.")
                grads[stem + "gate_proj.weight"], grads[stem + "up_proj.weight"] = both.chunk(2)
        elif key.endswith("experts.down_proj"):
            for e, one in enumerate(grad):
                grads[key.replace("down_proj", f"{e}.down_proj.weight")] = one
        else:
            grads[key] = grad
    stored = set(load_file(folder / "model.safetensors"))
    assert stored - {k for k in stored if k.endswith("e_score_correction_bias")} == set(grads), \
        sorted(stored ^ set(grads))
    out |= {"grad." + k: v for k, v in grads.items()}
    save_file({k: v.float().contiguous().clone() for k, v in out.items()},
              folder / "golden.safetensors")
    print(name, "seed", seed, "margin %.1e" % min(margins), "loss %.6f" % loss.item(),
          "mean logp %.3f" % logp.mean().item())
    return True


def main():
    for name, (kind, config) in MODELS.items():
        if not any(make(name, kind, config, seed) for seed in range(100)):
            raise SystemExit(f"{name}: every seed has a routing decision on the edge")


main()
