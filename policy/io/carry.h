// policy/io/carry.h -- what a model folder holds besides weights we know, kept for writing it back.
//
// Floor 2 (policy/io). Three things are carried from the folder a model came from to the folder it
// is saved in:
//   config.json   every key as it was, unknown ones too; the dtype and our own object "grpo" are
//                 set anew, and quantization_config goes, for weights are never saved quantised
//   files         README.md, generation_config.json, chat templates, ...: every plain file that is
//                 no weights (*.safetensors, *.bin, *.gguf, ...); folders inside are not looked
//                 into
//   tensors       those the model does not compute with (layers that predict further tokens); FP8
//                 ones are written in the dtype of the others, their scales multiplied in
// A Carry holds small files in memory, large ones and the weights mapped, so the folder may go.
// ST_IO, ST_FORMAT.
#ifndef POLICY_IO_CARRY_H
#define POLICY_IO_CARRY_H

#include "base/status.h"
#include "base/str.h"
#include "policy/io/safetensors.h"
#include "policy/io/tensor_source.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Carry Carry;

// `known`: the names of the model's own tensors, [n], any order; the others of `file` are carried.
// Takes over `file`, which it closes at its end, also on failure.
MUST_USE Status carry_read(const char *folder, SafeTensors *file, const char *const *known, int n,
                           Carry **out);
void carry_free(Carry *carry); // NULL is fine

int carry_n_tensors(const Carry *carry);
TensorSource carry_tensor(const Carry *carry, int i, Dtype dtype);

// Appends config.json. `grpo`: the text of our object, NULL = as it was.
MUST_USE Status carry_config(const Carry *carry, const char *torch_dtype, const char *grpo,
                             Str *out);
// Writes the files; one of that name that is there already stays.
MUST_USE Status carry_files(const Carry *carry, const char *folder);

#ifdef __cplusplus
}
#endif
#endif
