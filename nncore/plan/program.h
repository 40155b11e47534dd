/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program: a model lowered for a set of target layers. Pruned to what they need, weights read,
 * constants and batch-norm folded, activations fused, memory orders chosen, kernels' weights
 * prepared. It knows no sizes yet: plans of all shapes share it. Immutable. */
#pragma once

#include "nncore/onnx/model.h"

typedef struct NnProgram NnProgram;

/**
 * nn_program_new:
 * @targets: names of the values that are wanted (any of the network's inner tensors)
 * @gradient: whether plans of it shall be able to run backward
 *
 * Returns: (transfer full): %NN_ERROR_ARGUMENT for an unknown name, and all errors of reading.
 */
NnProgram *nn_program_new(NnModel *model, NnContext *context, const char *const *targets,
                          int n_targets, bool gradient, GError **error);
NnProgram *nn_program_ref(NnProgram *program);
void nn_program_unref(NnProgram *program);
int nn_program_n_targets(const NnProgram *program);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnProgram, nn_program_unref)
