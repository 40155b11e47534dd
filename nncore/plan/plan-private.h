/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What workspaces see of a plan. Time runs from 0: forward of node i at i, the seeds at n, backward
 * of node i at 2 n - i, the input gradients at 2 n + 1 (n nodes). */
#pragma once

#include "nncore/plan/arena.h"
#include "nncore/plan/plan.h"
#include "nncore/plan/program-private.h"

#define NN_NO_BUFFER (-1)

/** NnPlanValue: buffers of an activation and of the gradient to it. @offset: bytes of the first's
 * buffer before it. */
typedef struct {
  int data, gradient;
  size_t offset;
} NnPlanValue;

/**
 * NnPlanNode:
 * @forward_scratch, @backward_scratch, @aux, @bits: buffers
 * @kept: NnOp.keeps of it
 * @active: backward has something to do
 * @done: all its outputs are known already, or made by others: forward has nothing to do
 * @out_pixel: NnOpRun.out_pixel
 * @gate: of what made input 0, whose activation's derivative backward applies: the node, or -1
 * @adds: backward adds to the gradient to input 0, of which others have left their part there
 * @gated: that derivative of its own activation is applied by another node's backward
 * @input_gradients: by input: where backward writes; the value's own gradient, or a buffer that
 *   is then added to it; NN_NO_BUFFER: not wanted
 */
typedef struct {
  int forward_scratch, backward_scratch, aux, bits;
  unsigned kept;
  bool active, done, gated, adds;
  int gate;
  int64_t out_pixel;
  int *input_gradients;
} NnPlanNode;

struct NnPlan {
  gint refs;
  NnProgram *program;
  NnGraph *graph; /* the program's, with the types of this size */
  NnPlanValue *values;
  NnPlanNode *nodes;
  NnBuffer *buffers;
  size_t n_buffers, buffers_capacity;
  size_t bytes;
  size_t nominal_bytes; /* with NN_NOMINAL_THREADS */
};

/** nn_plan_is_target: whether somebody reads this value and may ask for its gradient. */
bool nn_plan_is_target(const NnPlan *plan, NnValueId id);

/** nn_plan_nominal_bytes: what a workspace would allocate for %NN_NOMINAL_THREADS: how a picture is cut
 * follows this, so that it does not depend on the number of threads (each has scratch memory). */
size_t nn_plan_nominal_bytes(const NnPlan *plan);
