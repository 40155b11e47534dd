/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Conv, and Conv with more behind it (conv-sum.c, conv-pool.c), have in common: members of NnOp, and
 * the two ways of a run. */
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
size_t nn_conv_prepared_bytes(const NnPrepare *prepare);
unsigned nn_conv_stands_for(const void *prepared);
size_t nn_conv_op_scratch_bytes(const NnInfer *infer, int threads, bool gradient);
bool nn_conv_adds_gradient(const NnInfer *infer);
NnWindow *nn_conv_find_window(void *params);
void nn_conv_reach(const NnInfer *infer, int input, NnReach *out);
int64_t nn_conv_operations(const NnInfer *infer);
void nn_conv_backward(const NnOpRun *run);

/** nn_conv_describe_there, nn_conv_describe_back: what nn_conv_there() and nn_conv_back() are to do.
 * @window: (out): resolved; the description refers to it */
NnConvRun nn_conv_describe_there(const NnOpRun *run, NnWindow *window);
NnConvRun nn_conv_describe_back(const NnOpRun *run, NnWindow *window);
