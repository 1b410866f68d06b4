// policy/files/extras.h -- what a model folder holds besides weights we know, kept for writing it
// back.
//
// Layer 2 (policy/files). Three things are carried from the folder a model came from to the folder
// it is saved in:
//   config.json   every key as it was, unknown ones too; the dtype and our own object "grpo" are
//                 set anew, and quantization_config goes, for weights are never saved quantised
//   files         README.md, generation_config.json, chat templates, ...: every plain file that is
//                 no weights (*.safetensors, *.bin, *.gguf, ...); folders inside are not looked
//                 into
//   tensors       those the model does not compute with (layers that predict further tokens); FP8
//                 ones are written in the dtype of the others, their scales multiplied in
// A Extras holds small files in memory, large ones and the weights mapped, so the folder may go.
// ST_IO, ST_FORMAT.
#ifndef POLICY_FILES_EXTRAS_H
#define POLICY_FILES_EXTRAS_H

#include "base/status.h"
#include "base/str.h"
#include "policy/files/safetensors.h"
#include "policy/files/tensor_source.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Extras Extras;

// `known`: the names of the model's own tensors, [n], any order; the others of `file` are carried.
// Takes over `file`, which it closes at its end, also on failure.
MUST_USE Status extras_read(const char *folder, SafeTensors *file, const char *const *known, int n,
                            Extras **out);
void extras_free(Extras *extras); // NULL is fine

int extras_n_tensors(const Extras *extras);
TensorSource extras_tensor(const Extras *extras, int i, Dtype dtype);

// Appends config.json. `grpo`: the text of our object, NULL = as it was; n_mtp:
// num_nextn_predict_layers, -1 = as it was.
MUST_USE Status extras_config(const Extras *extras, const char *torch_dtype, const char *grpo,
                              int n_mtp, Str *out);
// Writes the files; one of that name that is there already stays.
MUST_USE Status extras_files(const Extras *extras, const char *folder);

#ifdef __cplusplus
}
#endif
#endif
