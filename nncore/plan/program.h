/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program: a model lowered for a set of target layers. Pruned to what they need, weights read,
 * constants and batch-norm folded, activations fused, memory orders chosen, kernels' weights
 * prepared. It knows no sizes yet: plans of all shapes share it. Immutable. */
#pragma once

#include "nncore/onnx/model.h"

typedef struct NnProgram NnProgram;

/**
 * NnHead: how a network whose head was made for one size (fully connected layers behind a map of
 * 7 x 7, say) takes pictures of others. Layers before the head are the same either way.
 * @NN_HEAD_POOLED: the map is averaged down (or spread out) to the size that the head was made for
 * @NN_HEAD_RESIZED: the head sees the whole network's work on the picture resized to the size that
 *   the network was made for (224 x 224 px where the file names none). With targets before the
 *   head as well, the layers that they share run twice, at both sizes
 */
typedef enum { NN_HEAD_POOLED, NN_HEAD_RESIZED } NnHead;

/**
 * NnPoolingKind: what stands in for max-pooling, which makes for hard edges in pictures.
 * @NN_POOLING_OWN: nothing: as the network has it
 * @NN_POOLING_AVERAGE: average-pooling over the same windows
 * @NN_POOLING_L2: the root of the mean of squares over them
 */
typedef enum { NN_POOLING_OWN, NN_POOLING_AVERAGE, NN_POOLING_L2 } NnPoolingKind;

/**
 * NnRectifierRule: how rectifiers (NnOp.is_rectifier: Relu, LeakyRelu, PRelu, Clip) go backward. All
 * but the first give pictures that look like what the network responds to, and no gradients.
 * @NN_RECTIFIER_GRADIENT: the true gradient
 * @NN_RECTIFIER_GUIDED: the gradient of what is positive of the gradient that comes in (Springenberg
 *   et al., Striving for Simplicity, 2015)
 * @NN_RECTIFIER_DECONVNET: what is positive of it, whatever went forward (Zeiler and Fergus,
 *   Visualizing and Understanding Convolutional Networks, 2014)
 */
typedef enum {
  NN_RECTIFIER_GRADIENT,
  NN_RECTIFIER_GUIDED,
  NN_RECTIFIER_DECONVNET,
} NnRectifierRule;

/**
 * NnProgramOptions:
 * @gradient: whether plans of it shall be able to run backward
 * @rectifiers: how they go backward
 * @head: for targets in or behind a head of fixed size; others do not care
 * @pooling: in place of MaxPool; one whose indices are wanted stays
 * @separate: convolutions stay nodes of their own, none is run as one with others: for a run that
 *   makes parts of them anew (plan/partial.h)
 */
typedef struct {
  bool gradient;
  NnRectifierRule rectifiers;
  NnHead head;
  NnPoolingKind pooling;
  bool separate;
} NnProgramOptions;

/**
 * nn_program_new:
 * @targets: names of the values that are wanted (any of the network's inner tensors)
 *
 * Returns: (transfer full): %NN_ERROR_ARGUMENT for an unknown name, and all errors of reading.
 */
NnProgram *nn_program_new(NnModel *model, NnContext *context, const char *const *targets,
                          int n_targets, NnProgramOptions options, GError **error);
NnProgram *nn_program_ref(NnProgram *program);
void nn_program_unref(NnProgram *program);
int nn_program_n_targets(const NnProgram *program);

/** nn_program_bytes: of its weights, which it holds of the context's memory (nn_context_hold_memory()). */
size_t nn_program_bytes(const NnProgram *program);

/**
 * nn_program_head_note:
 * Returns: (transfer none) (nullable): a translated sentence for people, where a target is in or
 *   behind a head that was made for one size: what is done for other sizes, or that nothing can
 *   be and the plan will refuse them. %NULL where every size is taken as it is.
 */
const char *nn_program_head_note(const NnProgram *program);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnProgram, nn_program_unref)
