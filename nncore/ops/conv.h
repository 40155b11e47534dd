/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Conv and Conv with a sum (conv-sum.c) have in common: members of NnOp, which say what they do. */
#pragma once

#include "nncore/ops/conv-taps.h"

/** Inputs. */
enum {
  NN_CONV_X,
  NN_CONV_W,
  NN_CONV_B, /* may be left out */
  NN_CONV_SUM, /* of nn_op_conv_sum: of the shape of the result */
  NN_CONV_SUM_INPUTS,
};

bool nn_conv_infer(NnInfer *infer, GError **error);
void *nn_conv_prepare(const NnPrepare *prepare, GError **error);
void nn_conv_free_prepared(void *prepared);
size_t nn_conv_op_scratch_bytes(const NnInfer *infer, int threads, bool gradient);
bool nn_conv_adds_gradient(const NnInfer *infer);
NnWindow *nn_conv_find_window(void *params);
void nn_conv_reach(const NnInfer *infer, int input, NnReach *out);
int64_t nn_conv_operations(const NnInfer *infer);
void nn_conv_backward(const NnOpRun *run);

/** nn_conv_forward: @adds: to what the result's place holds, before the activation, which
 * nn_conv_there_adds() must allow. */
void nn_conv_forward(const NnOpRun *run, bool adds);
