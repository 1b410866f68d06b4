#!/usr/bin/env python3
"""Writes tests/golden/deepseek-mtp/: a small random DeepSeek-V3 with two MTP layers, and what a
reference in double precision makes of it.

The reference is written here from the papers (DeepSeek-V3, sections 2.1 and 2.2) with autograd's
numpy; before it is used it must give Hugging Face's log-probabilities of tests/golden/deepseek-v3.
model.safetensors has the published layout: layers 3 and 4 are the MTP layers, with copies of the
embedding and the head. golden.safetensors:
  tokens, begin      the sequences, one after the other, and where each begins
  logp               of every token given those before it; the first of a sequence has 0
  mtp1, mtp2         of every token as module 1 or 2 predicts it; 0 where it does not
  dlogp, mtp_scale   loss = sum(dlogp * logp) - mtp_scale / modules * sum over modules of its log-probs
  loss_N, grad_N.NAME  that loss and its gradient for a model of N modules, N = 1, 2
Run by hand; needs numpy and autograd. Routing decisions that rounding could tip are refused.
"""
import json
import pathlib
import struct

import autograd.numpy as np
import numpy
from autograd import value_and_grad

HERE = pathlib.Path(__file__).parent
LENGTHS = [2, 41, 17, 3]
SCALE, MARGIN = 0.02, 2e-4


def read_safetensors(path):
    data = path.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    out = {}
    for name, t in json.loads(data[8:8 + n]).items():
        if name != "__metadata__":
            assert t["dtype"] == "F32", (name, t)
            a, b = t["data_offsets"]
            out[name] = numpy.frombuffer(data[8 + n + a:8 + n + b], "<f4").reshape(t["shape"])
    return {k: v.astype(numpy.float64) for k, v in out.items()}


def write_safetensors(path, tensors):
    header, body, at = {}, b"", 0
    for name, value in sorted(tensors.items()):
        raw = numpy.ascontiguousarray(value, "<f4").tobytes()
        header[name] = dict(dtype="F32", shape=list(value.shape), data_offsets=[at, at + len(raw)])
        at += len(raw)
        body += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def norm(x, gain, eps):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * gain


def yarn(c):
    """Rates of the rotary pairs, and the factor of the attention's scores."""
    r, dim = c["rope_parameters"], c["qk_rope_head_dim"]
    rate = r["rope_theta"] ** (-numpy.arange(0, dim, 2) / dim)
    if r["rope_type"] != "yarn":
        return rate, 1.0, 1.0

    def pair(turns):
        length = r["original_max_position_embeddings"]
        return dim * numpy.log(length / (turns * 2 * numpy.pi)) / (2 * numpy.log(r["rope_theta"]))

    low = max(numpy.floor(pair(r["beta_fast"])), 0)
    high = min(numpy.ceil(pair(r["beta_slow"])), dim - 1)
    ramp = numpy.clip((numpy.arange(dim // 2) - low) / max(high - low, 0.001), 0, 1)

    def m(by):
        return 0.1 * by * numpy.log(r["factor"]) + 1

    rate = rate * (1 - ramp) + rate / r["factor"] * ramp
    return rate, m(r["mscale"]) / m(r["mscale_all_dim"]), m(r["mscale_all_dim"]) ** 2


def rotate(x, rate, scale):
    """x [T, ..., P]: neighbours 2i, 2i + 1 are a pair."""
    angle = numpy.arange(x.shape[0])[:, None] * rate
    cos, sin = numpy.cos(angle) * scale, numpy.sin(angle) * scale
    if x.ndim == 3:
        cos, sin = cos[:, None], sin[:, None]
    a, b = x[..., 0::2], x[..., 1::2]
    return np.stack([a * cos - b * sin, a * sin + b * cos], axis=-1).reshape(x.shape)


def attention(c, w, p, x):
    H, N, P, V = (c[k] for k in ("num_attention_heads", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"))
    R, T = c["kv_lora_rank"], x.shape[0]
    rate, scale, factor = yarn(c)
    q = norm(x @ w[p + "q_a_proj.weight"].T, w[p + "q_a_layernorm.weight"], 1e-6)
    q = (q @ w[p + "q_b_proj.weight"].T).reshape(T, H, N + P)
    kv = x @ w[p + "kv_a_proj_with_mqa.weight"].T
    latent = norm(kv[:, :R], w[p + "kv_a_layernorm.weight"], 1e-6)
    both = (latent @ w[p + "kv_b_proj.weight"].T).reshape(T, H, N + V)
    qr, kr = rotate(q[..., N:], rate, scale), rotate(kv[:, R:], rate, scale)
    score = np.einsum("thn,shn->hts", q[..., :N], both[..., :N]) + np.einsum("thp,sp->hts", qr, kr)
    score = score * factor / numpy.sqrt(N + P)
    score = np.where(numpy.tril(numpy.ones((T, T), bool)), score, -1e30)
    score = np.exp(score - np.max(score, axis=-1, keepdims=True))
    score = score / np.sum(score, axis=-1, keepdims=True)
    return np.einsum("hts,shv->thv", score, both[..., N:]).reshape(T, H * V) @ w[p + "o_proj.weight"].T


def mlp(w, p, x):
    gate = x @ w[p + "gate_proj.weight"].T
    return (gate / (1 + np.exp(-gate)) * (x @ w[p + "up_proj.weight"].T)) @ w[p + "down_proj.weight"].T


def moe(c, w, p, x, margins):
    E, K, G = c["n_routed_experts"], c["num_experts_per_tok"], c["n_group"]
    score = 1 / (1 + np.exp(-(x @ w[p + "gate.weight"].T)))
    value = getattr(score, "_value", score) + w[p + "gate.e_score_correction_bias"]
    groups = numpy.sort(value.reshape(-1, G, E // G), axis=-1)[..., -2:].sum(-1)
    ranked = numpy.sort(groups, axis=-1)
    margins.append((ranked[:, -c["topk_group"]] - ranked[:, -c["topk_group"] - 1]).min())
    keep = groups >= ranked[:, -c["topk_group"]][:, None]
    value = numpy.where(numpy.repeat(keep, E // G, axis=1), value, -numpy.inf)
    ranked = numpy.sort(value, axis=-1)
    margins.append((ranked[:, -K] - ranked[:, -K - 1]).min())
    chosen = (value >= ranked[:, -K][:, None]).astype(float)
    weight = score * chosen
    if c["norm_topk_prob"]:
        weight = weight / (np.sum(weight, axis=-1, keepdims=True) + 1e-20)
    weight = weight * c["routed_scaling_factor"]
    out = mlp(w, p + "shared_experts.", x)
    for e in range(E):
        out = out + weight[:, e:e + 1] * mlp(w, f"{p}experts.{e}.", x)
    return out


def layer(c, w, l, x, margins):
    p, eps = f"model.layers.{l}.", c["rms_norm_eps"]
    x = x + attention(c, w, p + "self_attn.", norm(x, w[p + "input_layernorm.weight"], eps))
    h = norm(x, w[p + "post_attention_layernorm.weight"], eps)
    return x + (mlp(w, p + "mlp.", h) if l < c["first_k_dense_replace"] else moe(c, w, p + "mlp.", h, margins))


def log_softmax(z):
    z = z - np.max(z, axis=-1, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))


def forward(c, w, ids, modules, margins, temperature=1.0):
    """Log-probabilities of ids[1:], and of ids[1 + k:] as module k = 1 .. predicts them."""
    L, eps, head = c["num_hidden_layers"], c["rms_norm_eps"], w["lm_head.weight"].T
    x = w["model.embed_tokens.weight"][ids]
    for l in range(L):
        x = layer(c, w, l, x, margins)
    state = norm(x, w["model.norm.weight"], eps)
    logp = log_softmax((state @ head)[:-1] / temperature)
    out = [logp[numpy.arange(len(ids) - 1), ids[1:]]]
    for k in range(1, modules + 1):
        p = f"model.layers.{L + k - 1}."
        if len(ids) <= k:
            out.append(numpy.zeros(0))
            continue
        ahead = w["model.embed_tokens.weight"][ids[k:]]
        both = np.concatenate([norm(ahead, w[p + "enorm.weight"], eps),
                               norm(state[:len(ids) - k], w[p + "hnorm.weight"], eps)], axis=1)
        x = layer(c, w, L + k - 1, both @ w[p + "eh_proj.weight"].T, margins)
        state = norm(x, w[p + "shared_head.norm.weight"], eps)
        logp = log_softmax((state @ head)[:-1])
        out.append(logp[numpy.arange(len(ids) - 1 - k), ids[1 + k:]])
    return out


def check_against_hugging_face():
    folder = HERE / "deepseek-v3"
    c, w = json.loads((folder / "config.json").read_text()), read_safetensors(folder / "model.safetensors")
    golden = read_safetensors(folder / "golden.safetensors")
    tokens, begin = golden["tokens"].astype(int), list(golden["begin"].astype(int)) + [None]
    worst = 0
    for a, b in zip(begin, begin[1:]):
        got = forward(c, w, tokens[a:b], 0, [], golden["temperature"][0])[0]
        worst = max(worst, numpy.abs(got - golden["logp"][a:b][1:]).max())
    print("the reference differs from Hugging Face's log-probabilities by %.1e" % worst)
    assert worst < 1e-6
    return c, w


def make(c, base, seed):
    rng = numpy.random.default_rng(seed)
    L, D, V = c["num_hidden_layers"], c["hidden_size"], c["vocab_size"]
    w = dict(base)
    for k in (1, 2):
        p = f"model.layers.{L + k - 1}."
        for name in [n for n in base if n.startswith(f"model.layers.{L - 1}.")]:
            value = base[name]
            new = rng.standard_normal(value.shape)
            new = 0.1 * numpy.abs(new) if name.endswith("bias") else \
                1 + 0.2 * new if "norm" in name else new / value.shape[-1] ** 0.5
            w[name.replace(f"layers.{L - 1}.", f"layers.{L + k - 1}.")] = new
        for name in ("enorm", "hnorm", "shared_head.norm"):
            w[p + name + ".weight"] = 1 + 0.2 * rng.standard_normal(D)
        w[p + "eh_proj.weight"] = rng.standard_normal((D, 2 * D)) / (2 * D) ** 0.5
    w = {k: v.astype(numpy.float32).astype(numpy.float64) for k, v in w.items()}
    begin = [sum(LENGTHS[:i]) for i in range(len(LENGTHS))]
    total = sum(LENGTHS)
    tokens = rng.integers(V, size=total)
    dlogp = (rng.standard_normal(total) / total).astype(numpy.float32).astype(numpy.float64)
    dlogp[begin] = 0
    margins, out = [], dict(tokens=tokens, begin=numpy.array(begin), dlogp=dlogp, mtp_scale=numpy.array([SCALE]),
                            logp=numpy.zeros(total), mtp1=numpy.zeros(total), mtp2=numpy.zeros(total))
    trained = {k: v for k, v in w.items() if not k.endswith("e_score_correction_bias")}

    def loss(params, modules):
        sum_ = 0
        for b, n in zip(begin, LENGTHS):
            got = forward(c, {**w, **params}, tokens[b:b + n], modules, margins)
            sum_ = sum_ + np.sum(dlogp[b + 1:b + n] * got[0])
            for part in got[1:]:
                sum_ = sum_ - SCALE / modules * np.sum(part)
        return sum_

    for b, n in zip(begin, LENGTHS):
        got = forward(c, w, tokens[b:b + n], 2, margins)
        out["logp"][b + 1:b + n] = got[0]
        out["mtp1"][b + 2:b + n] = got[1]
        if n > 2:
            out["mtp2"][b + 3:b + n] = got[2]
    if min(margins) < MARGIN:
        return False
    for modules in (1, 2):
        value, grads = value_and_grad(lambda p: loss(p, modules))(trained)
        out[f"loss_{modules}"] = numpy.array([value])
        for name, grad in grads.items():
            if modules == 2 or not name.startswith(f"model.layers.{L + 1}."):
                out[f"grad_{modules}.{name}"] = grad
    folder = HERE / "deepseek-mtp"
    folder.mkdir(exist_ok=True)
    for k in (1, 2):
        w[f"model.layers.{L + k - 1}.embed_tokens.weight"] = w["model.embed_tokens.weight"]
        w[f"model.layers.{L + k - 1}.shared_head.head.weight"] = w["lm_head.weight"]
    (folder / "config.json").write_text(json.dumps({**c, "num_nextn_predict_layers": 2}, indent=2) + "\n")
    write_safetensors(folder / "model.safetensors", w)
    write_safetensors(folder / "golden.safetensors", out)
    print("seed", seed, "margin %.1e" % min(margins), "losses", out["loss_1"][0], out["loss_2"][0])
    return True


def main():
    c, w = check_against_hugging_face()
    if not any(make(c, w, seed) for seed in range(100)):
        raise SystemExit("every seed has a routing decision on the edge")


main()
