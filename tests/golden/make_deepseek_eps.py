#!/usr/bin/env python3
"""Writes tests/golden/deepseek-v3/eps.safetensors: log-probs of that model with rms_norm_eps = 0.02.

The published code (DeepSeek's inference/model.py, transformers' DeepseekV3Attention) makes
q_a_layernorm and kv_a_layernorm without rms_norm_eps: they stay at 1e-6, the default of their class.
Plain numpy in double, after transformers' forward pass. It must first give golden.safetensors, which
transformers wrote at 1e-6; run by hand (needs numpy).
"""
import json
import math
import pathlib
import struct

import numpy as np

HERE = pathlib.Path(__file__).parent / "deepseek-v3"


def read(path):
    data = path.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:8 + n])
    out = {}
    for name, t in head.items():
        if name == "__metadata__":
            continue
        a, b = t["data_offsets"]
        assert t["dtype"] == "F32"
        out[name] = np.frombuffer(data[8 + n + a:8 + n + b], "<f4").reshape(t["shape"]).astype(float)
    return out


C = json.loads((HERE / "config.json").read_text())
W = read(HERE / "model.safetensors")
G = read(HERE / "golden.safetensors")
R, N, P, V = C["kv_lora_rank"], C["qk_nope_head_dim"], C["qk_rope_head_dim"], C["v_head_dim"]
H = C["num_attention_heads"]


def norm(x, gain, eps):
    return gain * x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)


def silu(x):
    return x / (1 + np.exp(-x))


def mscale(factor, m):
    return 1.0 if factor <= 1 else 0.1 * m * math.log(factor) + 1.0


Y = C["rope_parameters"]


def rope_tables(n):
    base, factor, old = Y["rope_theta"], Y["factor"], Y["original_max_position_embeddings"]
    def at(turns):
        return P * math.log(old / (turns * 2 * math.pi)) / (2 * math.log(base))
    low, high = max(math.floor(at(Y["beta_fast"])), 0), min(math.ceil(at(Y["beta_slow"])), P - 1)
    i = np.arange(P // 2)
    ramp = np.clip((i - low) / (high - low if high != low else 0.001), 0, 1)
    freq = base ** (-2.0 * i / P)
    freq = freq / factor * ramp + freq * (1 - ramp)
    angle = np.arange(n)[:, None] * freq
    scale = mscale(factor, Y["mscale"]) / mscale(factor, Y["mscale_all_dim"])
    return np.cos(angle) * scale, np.sin(angle) * scale


def rotate(x, cos, sin):  # pairs (0,1), (2,3), ...: the order of the result does not change q.k
    a, b = x[..., 0::2], x[..., 1::2]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def attention(x, p, eps_latent):
    n = len(x)
    cos, sin = rope_tables(n)
    q = norm(x @ W[p + "q_a_proj.weight"].T, W[p + "q_a_layernorm.weight"], eps_latent)
    q = (q @ W[p + "q_b_proj.weight"].T).reshape(n, H, N + P)
    kva = x @ W[p + "kv_a_proj_with_mqa.weight"].T
    kv = norm(kva[:, :R], W[p + "kv_a_layernorm.weight"], eps_latent) @ W[p + "kv_b_proj.weight"].T
    kv = kv.reshape(n, H, N + V)
    qr = rotate(q[..., N:], cos[:, None], sin[:, None])
    kr = rotate(kva[:, R:], cos, sin)
    s = np.einsum("qhd,khd->hqk", q[..., :N], kv[..., :N]) + np.einsum("qhd,kd->hqk", qr, kr)
    s = s * (N + P) ** -0.5 * mscale(Y["factor"], Y["mscale_all_dim"]) ** 2
    s = np.where(np.tril(np.ones((n, n), bool)), s, -np.inf)
    s = np.exp(s - s.max(-1, keepdims=True))
    o = np.einsum("hqk,khd->qhd", s / s.sum(-1, keepdims=True), kv[..., N:]).reshape(n, H * V)
    return o @ W[p + "o_proj.weight"].T


def mlp(x, p):
    gate, up = x @ W[p + "gate_proj.weight"].T, x @ W[p + "up_proj.weight"].T
    return (silu(gate) * up) @ W[p + "down_proj.weight"].T


def moe(x, p):
    scores = 1 / (1 + np.exp(-(x @ W[p + "gate.weight"].T)))
    choice = scores + W[p + "gate.e_score_correction_bias"]
    groups = choice.reshape(len(x), C["n_group"], -1)
    best = np.sort(groups, -1)[..., -2:].sum(-1)
    out = mlp(x, p + "shared_experts.")
    for t in range(len(x)):
        kept = np.argsort(-best[t])[:C["topk_group"]]
        open_ = np.full_like(groups[t], -np.inf)
        open_[kept] = groups[t][kept]
        experts = np.argsort(-open_.ravel())[:C["num_experts_per_tok"]]
        weight = scores[t][experts]
        weight = weight / (weight.sum() + 1e-20) * C["routed_scaling_factor"]
        for e, w in zip(experts, weight):
            out[t] += w * mlp(x[t:t + 1], p + f"experts.{e}.")[0]
    return out


def logp(eps, eps_latent):
    tokens, begin = G["tokens"].astype(int), G["begin"].astype(int).tolist()
    out = np.zeros(len(tokens))
    for b, e in zip(begin, begin[1:] + [len(tokens)]):
        ids = tokens[b:e]
        x = W["model.embed_tokens.weight"][ids]
        for layer in range(C["num_hidden_layers"]):
            p = f"model.layers.{layer}."
            x = x + attention(norm(x, W[p + "input_layernorm.weight"], eps), p + "self_attn.", eps_latent)
            h = norm(x, W[p + "post_attention_layernorm.weight"], eps)
            x = x + (mlp if layer < C["first_k_dense_replace"] else moe)(h, p + "mlp.")
        z = norm(x, W["model.norm.weight"], eps) @ W["lm_head.weight"].T / G["temperature"][0]
        z = z - z.max(-1, keepdims=True)
        z = z - np.log(np.exp(z).sum(-1, keepdims=True))
        out[b + 1:e] = z[np.arange(e - b - 1), ids[1:]]
    return out


off = np.abs(logp(1e-6, 1e-6) - G["logp"]).max()
print("against transformers at 1e-6:", off)
assert off < 1e-5
want, shared = logp(0.02, 1e-6), logp(0.02, 0.02)
print("latents at rms_norm_eps would differ by", np.abs(want - shared).max())
assert np.abs(want - shared).max() > 1e-2
data = want.astype("<f4").tobytes()
head = json.dumps({"logp": {"dtype": "F32", "shape": [len(want)], "data_offsets": [0, len(data)]}}).encode()
head += b" " * (-len(head) % 8)
(HERE / "eps.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)
