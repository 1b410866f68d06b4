// policy/mtp.h -- multi-token prediction: modules that predict the tokens after the next.
//
// Private to policy/ (layer 2). DeepSeek-V3 (arXiv 2412.19437), section 2.2. Module k = 1, 2, ...
// is layer n_layers + k - 1 of the model, with Hugging Face's names. At position i it continues the
// state s of the module before it (the model's own for k = 1), i + k inside the sequence:
//
//   x_i = M [norm(Emb(t_{i+k})) ; norm(s_i)]     eh_proj, enorm, hnorm
//   h   = layer(x)                               attention and MLP or experts as in the model
//   p(t_{i+k+1}) = softmax(Head(norm(h_i)))      shared_head.norm; embedding and head are the
//                                                model's
//
// The order in M is that of the published weights, the reverse of the paper's equation 21. s is the
// state after the norm in front of the head: the final norm for k = 1, as vLLM and SGLang run V3's
// weights, shared_head.norm for later modules, as Megatron-LM chains them.
// Loss: lambda / n_mtp * sum over k of -sum ln p(t) over wanted tokens / (wanted tokens of the
// batch). Its gradient goes into the modules and through s into the model.
#ifndef POLICY_MTP_H
#define POLICY_MTP_H

#include "policy/net.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MTP_MOST = DRAFT_MOST }; // modules of a model

// What a module has besides a layer: parameters, buffers. `plain`: x is not there.
void mtp_params(ParamAdder *a, int l, Layer *out, const ModelConfig *m);
void mtp_save(PlanCursor *b, const ModelConfig *m, MtpSave *s, bool plain);

// A module at work: the unit over its rows, and what it keeps of them.
typedef struct MtpUnit {
    NetUnit u;
    int l; // its layer
    MtpSave s;
    View from; // [rows of the module before, D]: the state it continues, before the norm
    const Weight *from_norm;
} MtpUnit;
// Module k (from 0 on) over the rows of a unit of decoding; its logits are the unit's then. The
// first module continues the states that policy_decode kept.
MtpUnit mtp_decoding(const NetUnit *u, int k);
void mtp_forward(MtpUnit *m);

// Forward and backward of all modules of a unit whose forward pass is kept, over the piece it is
// made of. Gradients add to u->grad; acts.dx becomes the gradient of acts.x through the modules.
// loss[k] is added to. ST_FORMAT: a log-probability is not a finite number.
MUST_USE Status mtp_train(NetUnit *u, const Pack *piece, double scale, MtpLoss *loss);

#ifdef __cplusplus
}
#endif
#endif
