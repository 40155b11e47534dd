/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan: a program at one input shape. The order of the steps and the place of every buffer are
 * known, so is the memory of a run, before it starts. Immutable; workspaces hold the bytes. */
#pragma once

#include "nncore/plan/program.h"

typedef struct NnPlan NnPlan;

/**
 * nn_plan_new:
 * @shapes: one for each graph input that the program uses (nearly always one: 1 x 3 x H x W)
 * @n_shapes: how many are given
 *
 * %NN_ERROR_SHAPE where the network does not allow the size; the sentence names the layer.
 */
NnPlan *nn_plan_new(NnProgram *program, const NnShape *shapes, int n_shapes, GError **error);
NnPlan *nn_plan_ref(NnPlan *plan);
void nn_plan_unref(NnPlan *plan);

/** nn_plan_bytes: what a workspace allocates. */
size_t nn_plan_bytes(const NnPlan *plan);

/** nn_check_budget: whether @needed bytes are within @budget_bytes (0: no limit); else %NN_ERROR_MEMORY,
 * in a sentence with both that says what to do; to both is added what is held of @context's. */
bool nn_check_budget(const NnContext *context, size_t needed, size_t budget_bytes, GError **error);

/** nn_plan_target_shape: in ONNX's order. */
NnShape nn_plan_target_shape(const NnPlan *plan, int target);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnPlan, nn_plan_unref)
