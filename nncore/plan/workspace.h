/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A workspace: the memory of one run, allocated once. One caller at a time. An iteration is:
 * write the input, forward, read the targets, write the seeds, backward, read the input gradient.
 * Nothing is allocated in it. */
#pragma once

#include "nncore/plan/plan.h"

typedef struct NnWorkspace NnWorkspace;

/** nn_workspace_new: allocates nn_plan_bytes(). The context is the program's, or one with as many
 * threads, and must outlive it. */
NnWorkspace *nn_workspace_new(NnPlan *plan, NnContext *context, GError **error);
void nn_workspace_free(NnWorkspace *workspace);

/** nn_workspace_new_in: in memory of the caller's: nn_plan_bytes(), aligned to %NN_ALIGNMENT, which
 * must outlive it. Several may share the same memory, if each is done before the next begins. */
NnWorkspace *nn_workspace_new_in(NnPlan *plan, NnContext *context, void *memory, GError **error);

/**
 * nn_workspace_input:
 * Returns: (transfer none): input @index, to be written before forward; N, C, H, W inputs are
 *   channels-last in memory (read its layout). Its contents are kept until the next write.
 */
const NnTensor *nn_workspace_input(NnWorkspace *workspace, int index);

void nn_workspace_forward(NnWorkspace *workspace);

/** nn_workspace_target: (transfer none): valid from forward to the next forward or backward. */
const NnTensor *nn_workspace_target(NnWorkspace *workspace, int target);

/**
 * nn_workspace_seed:
 * Returns: (transfer none): the gradient of the objective to target @target: same shape and
 *   layout, to be written whole by the caller after forward and before backward, for every
 *   target.
 */
const NnTensor *nn_workspace_seed(NnWorkspace *workspace, int target);

/** nn_workspace_backward: carries the seeds to the inputs. Once per forward. The program must
 * have been made with a gradient. */
void nn_workspace_backward(NnWorkspace *workspace);

/**
 * nn_workspace_backward_to:
 * Carries the seeds back to target @target and no further; takes the place of
 * nn_workspace_backward(). Once per forward.
 * Returns: (transfer none): the gradient of all seeds' objective to this target, its own seed
 *   included (write zeros into it for what the others give alone); valid to the next forward
 */
const NnTensor *nn_workspace_backward_to(NnWorkspace *workspace, int target);

/** nn_workspace_input_gradient: (transfer none): valid after backward. Zero where no target
 * depends on the input. */
const NnTensor *nn_workspace_input_gradient(NnWorkspace *workspace, int index);

/** nn_workspace_forward_node, nn_workspace_backward_node: what nn_workspace_forward() does at each node
 * of the plan in turn, and nn_workspace_backward() from the last to the first; for who measures. */
void nn_workspace_forward_node(NnWorkspace *workspace, size_t index);
void nn_workspace_backward_node(NnWorkspace *workspace, size_t index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnWorkspace, nn_workspace_free)
