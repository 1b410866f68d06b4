#!/usr/bin/env python3
"""Writes tests/golden/{llama3,llama-bias,smollm2,qwen2,qwen3,mistral}/: tiny random dense models
with what Hugging Face's code makes of them.

Files as those of make_deepseek.py. Computed in double, but for the rotary tables, which transformers
makes in single precision always. Run by hand (needs torch and transformers).
"""
import pathlib
import shutil

import torch
from safetensors.torch import load_file, save_file
from transformers import (LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM,
                          Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

HERE = pathlib.Path(__file__).parent
LENGTHS = [5, 70, 17]
TEMPERATURE = 0.8

BASE = dict(vocab_size=61, hidden_size=24, intermediate_size=40, num_attention_heads=6,
            num_key_value_heads=2, num_hidden_layers=2, max_position_embeddings=128,
            rms_norm_eps=1e-5, bos_token_id=None, eos_token_id=0, pad_token_id=None,
            attn_implementation="eager")


def plain(theta):
    return dict(rope_type="default", rope_theta=theta)


LLAMA3 = dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0,
              high_freq_factor=4.0, original_max_position_embeddings=64)
YARN = dict(rope_type="yarn", rope_theta=1000.0, factor=4.0, original_max_position_embeddings=32)

MODELS = {
    "llama3": (LlamaForCausalLM, LlamaConfig(**BASE, head_dim=16, rope_parameters=LLAMA3)),
    # every head its own keys, biases everywhere
    "llama-bias": (LlamaForCausalLM, LlamaConfig(
        **{**BASE, "num_key_value_heads": 6}, attention_bias=True, mlp_bias=True,
        rope_parameters=plain(10000.0))),
    # 3 query heads a key-value head of 64, tied
    "smollm2": (LlamaForCausalLM, LlamaConfig(
        **{**BASE, "num_attention_heads": 3, "num_key_value_heads": 1, "hidden_size": 48,
           "num_hidden_layers": 1, "tie_word_embeddings": True}, head_dim=64, rope_parameters=plain(100000.0))),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(
        **{**BASE, "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6},
        use_sliding_window=False, rope_parameters=YARN)),
    # one key-value head for all; heads wider than the hidden size has room for
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(
        **{**BASE, "num_key_value_heads": 1, "rms_norm_eps": 1e-6}, head_dim=10,
        use_sliding_window=False, tie_word_embeddings=True, rope_parameters=plain(1000000.0))),
    "mistral": (MistralForCausalLM, MistralConfig(
        **{**BASE, "num_hidden_layers": 1}, head_dim=6, sliding_window=None,
        rope_parameters=plain(10000.0))),
}


def make(name, kind, config, seed):
    torch.manual_seed(seed)
    model = kind(config).float().eval()
    with torch.no_grad():
        for key, value in model.named_parameters():
            if "norm" in key:
                value.copy_(1 + 0.2 * torch.randn_like(value))
            elif "bias" in key or ("embed_tokens" in key and not config.tie_word_embeddings):
                value.copy_(0.5 * torch.randn_like(value))
            else:
                value.copy_(torch.randn_like(value) / value.shape[-1] ** 0.5)
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)

    model = model.double()
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
    loss.backward()
    out = dict(tokens=tokens, begin=torch.tensor(begin), logp=logp, entropy=entropy, dlogp=dlogp,
               dentropy=dentropy, temperature=torch.tensor([TEMPERATURE]))
    grads = {key: value.grad for key, value in model.named_parameters()}
    stored = set(load_file(folder / "model.safetensors"))
    assert stored == set(grads), sorted(stored ^ set(grads))
    out |= {"grad." + k: v for k, v in grads.items()}
    save_file({k: v.float().contiguous().clone() for k, v in out.items()},
              folder / "golden.safetensors")
    print(name, "loss %.6f" % loss.item(), "mean logp %.3f" % logp.mean().item())


for number, (name, (kind, config)) in enumerate(MODELS.items()):
    make(name, kind, config, number)
