/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an operator is. One file an operator, each ending in one `const NnOp`, listed in
 * op-table.c. Everything else (import, passes, planning, running) is driven by this row.
 *
 * An operator never allocates while it runs, never sees the graph, and writes disjoint parts of
 * its outputs from its threads, so results do not depend on the number of threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "nncore/base/context.h"
#include "nncore/kernels/activation.h"
#include "nncore/kernels/window.h"
#include "nncore/ops/attributes.h"
#include "nncore/ops/space-sums.h"
#include "nncore/tensor/tensor.h"

#define NN_MAX_INPUTS 1024 /* of one node (Concat of a DenseNet has many) */

/** NnType: shape and element type of a value; @present is false for an optional input left out. */
typedef struct {
  NnShape shape;
  NnDtype dtype;
  bool present;
} NnType;

/**
 * NnInfer:
 * @params: what parse made of the attributes
 * @in: types of the @n_inputs inputs
 * @constants: (array length=n_inputs): the inputs' elements where they are known (constants, and
 *   what follows from the size of the picture), else %NULL. Of weights that NnOp.stands_for, the
 *   data may be %NULL
 * @out: (out): types of the @n_outputs outputs; preset to float, rank 0
 * @prepared: (nullable): what prepare made, where that has been
 */
typedef struct {
  const void *params;
  int n_inputs;
  const NnType *in;
  const NnTensor *const *constants;
  int n_outputs;
  NnType *out;
  const void *prepared;
} NnInfer;

/**
 * NnPrepare: what an operator sees when its weights are made ready, once for all shapes.
 * @constants: as in NnInfer
 * @gradient: whether backward will be called
 * @lean: memory is short: weights that would be much larger when ready are made so in each run, in
 *   its scratch memory
 */
typedef struct {
  const void *params;
  int n_inputs;
  const NnTensor *const *constants;
  bool gradient, lean;
} NnPrepare;

/**
 * NnOpRun:
 * @in, @out: views; data is %NULL for an input left out and for an output nobody wants.
 *   Backward: the data of an input or output is %NULL unless @keeps (below) asked for it; shapes
 *   and layouts are always there, as is the data of constants and of what is known before the
 *   run.
 * @prepared: what prepare made, or %NULL; of inputs that it stands for, data is %NULL
 * @aux: aux_bytes() that forward writes and backward reads; %NULL where no gradient is wanted
 * @scratch: scratch_bytes(), contents undefined at the start of each call
 * @activation: fused behind the operator's own result (fuses_activation); kind NONE otherwise.
 *   Forward applies it and, where @activation_bits is not %NULL, records it
 *   (kernels/activation.h). Backward has nothing to do: @grad_out already is the gradient to the
 *   operator's own result.
 * @out_pixel: forward only, where the operator steps_out: floats from a pixel of output 0 to the next,
 *   between which others' channels lie; 0: its own channels, as anywhere else
 * @grad_out: backward only: gradient to each output; data is %NULL where it is zero. Backward may
 *   overwrite it.
 * @gate: backward only, with gates_gradient: the derivative of the activation behind which input 0
 *   was made: grad_in[0] is to be written times it
 * @adds: backward only, where the operator says that it adds_gradient: what would be written to
 *   grad_in[0] is to be added to what is there, and the gate is for the sum
 * @grad_in: backward only: gradients to be *written* (not added to), one an input; data is %NULL
 *   where it is not wanted. Layouts are those of @in. Backward is called only if at least one
 *   output has a gradient and at least one input wants one, so an operator with one input and
 *   one output need not look.
 */
typedef struct {
  NnContext *context;
  const void *params;
  int n_inputs, n_outputs;
  const NnTensor *in;
  const NnTensor *out;
  const void *prepared;
  void *aux;
  void *scratch;
  NnActivation activation;
  uint8_t *activation_bits;
  NnGate gate;
  bool adds;
  int64_t out_pixel;
  const NnTensor *grad_out;
  const NnTensor *grad_in;
} NnOpRun;

#define NN_MAX_SPATIAL (NN_MAX_RANK - 2) /* axes after N and C */

/**
 * NnReach: where an operator looks. Along spatial axis a (0 is H of N, C, H, W), the output's
 * element i depends on no other elements of the input than those at integers in
 * i * stride[a] + first[a] to i * stride[a] + last[a].
 * @everywhere: on all of them (a mean over the picture, a head); the rest is undefined then
 *
 * A 3x3 convolution with padding 1 has stride 1, first -1, last 1; 2x2 pooling stride 2, first 0,
 * last 1; a stride below 1 enlarges.
 */
typedef struct {
  bool everywhere;
  double stride[NN_MAX_SPATIAL], first[NN_MAX_SPATIAL], last[NN_MAX_SPATIAL];
} NnReach;

/**
 * NnLayoutRule: in which memory order an operator takes its data.
 * @NN_TAKES_PLAIN: everything in ONNX's order.
 * @NN_TAKES_CHANNELS_LAST: input 0 and all outputs channels-last, where their rank is 3 to 5
 *   (plain below); constants as they are in the file.
 * @NN_TAKES_ANY: any order, the same for all inputs and outputs. An operator with an axis maps it
 *   with nn_tensor_memory_axis(); one that broadcasts has its inputs brought to equal rank
 *   first whenever the order is channels-last.
 */
typedef enum { NN_TAKES_PLAIN, NN_TAKES_CHANNELS_LAST, NN_TAKES_ANY } NnLayoutRule;

/** Bits for NnOp.keeps: bit i is input i (i < 30). */
#define NN_KEEPS_INPUT(i) (1u << (i))
#define NN_KEEPS_OUTPUT (1u << 31) /* output 0 */

typedef struct NnOp {
  const char *onnx_name;

  /* inputs, outputs that ONNX allows */
  int min_inputs, max_inputs, max_outputs;

  /* bit i: input i must be a constant (weights, shapes). Without prepare, it may also be computed
   * from the picture's size: infer finds it among the constants, and forward and backward read
   * it. */
  unsigned constant_inputs;

  NnLayoutRule layout;

  /* its forward applies NnOpRun.activation */
  bool fuses_activation;

  /* its backward applies NnOpRun.gate */
  bool gates_gradient;

  /* optional: whether forward heeds NnOpRun.out_pixel, given that the result's channels, and those
   * between its pixels, come by the block of 16 */
  bool (*steps_out)(const NnInfer *infer);

  /* optional: whether the result is the inputs side by side, pixel by pixel, so that there is nothing to
   * do where these are written there */
  bool (*joins_pixels)(const NnInfer *infer);

  /* optional: the operator is this activation (Relu, Clip) and can be fused into another; kind NONE
   * where it cannot. Constants are those that hold at every size. */
  NnActivation (*as_activation)(const NnInfer *infer);

  /* bit i: the result's data may be that of input i, where the two have one shape and order and the
   * input is nobody else's: forward finds it there and makes the result in its place */
  unsigned takes_place_of;

  /* bit i: the gradient to input i, if it has the result's shape, is that to the result: grad_in of one
   * of them may be grad_out itself, with nothing to be written then */
  unsigned passes_gradient;

  /* optional, false by default: its backward, with these params and types, heeds NnOpRun.adds */
  bool (*adds_gradient)(const NnInfer *infer);

  /* it lets pass what is large of its first input and holds back the rest, element by element:
   * there are other ways backward than the gradient (NnRectifierRule, plan/program.h) */
  bool is_rectifier;

  /* prepare gives floats: a factor for each channel, then a shift for each, and the result is
   * factor * input 0 + shift (BatchNormalization): can be folded into the operator before it */
  bool is_channel_affine;

  /* forward reads its inputs' shapes, never their elements (Shape, Size) */
  bool reads_shapes_only;

  /* its result is its first input, unchanged: removed from the graph (Identity, Dropout) */
  bool is_identity;

  /* bytes of the parameter block; plain data, zeroed before parse, freed without ceremony */
  size_t params_bytes;

  /* attributes -> params; NULL where there are none. Attributes are those of the newest opset. */
  bool (*parse)(NnAttributes *attributes, void *params, GError **error);

  /* shapes in ONNX's order; must reject everything that forward could trip over */
  bool (*infer)(NnInfer *infer, GError **error);

  /* optional: weights made ready; returns NULL on error. free_prepared goes with it. */
  void *(*prepare)(const NnPrepare *prepare, GError **error);
  void (*free_prepared)(void *prepared);

  /* optional, 0 by default: bytes of what prepare would make; the constants' shapes are enough */
  size_t (*prepared_bytes)(const NnPrepare *prepare);

  /* optional, none by default: bit i: forward and backward read no element of input i any more, whose
   * place is taken by what prepare made; its shape is still there */
  unsigned (*stands_for)(const void *prepared);

  /* optional, 0 by default: bytes kept from forward to backward */
  size_t (*aux_bytes)(const NnInfer *infer);

  /* optional, 0 by default: the larger need of forward and (if gradient) backward */
  size_t (*scratch_bytes)(const NnInfer *infer, int threads, bool gradient);

  /* optional, everywhere by default: where @input's elements reach the outputs from. Shapes of
   * @infer->out are filled in. */
  void (*reach)(const NnInfer *infer, int input, NnReach *reach);

  /* optional: the sliding window among params (kernels/window.h), for passes that settle its pads */
  NnWindow *(*window)(void *params);

  /* optional: how the results follow from sums over space (space-sums.h), where, with these params
   * and types, they do; else NULL */
  const NnSpaceSums *(*space_sums)(const NnInfer *infer);

  /* optional, one an output element by default: multiply-adds (or what costs as much) of forward.
   * Shapes of @infer->out are filled in. */
  int64_t (*operations)(const NnInfer *infer);

  /* optional, nothing by default: which inputs' and outputs' data backward reads.
   * varying: bit i set where input i is not a constant */
  unsigned (*keeps)(const void *params, unsigned varying);

  void (*forward)(const NnOpRun *run);
  void (*backward)(const NnOpRun *run); /* NULL: no gradient passes (integer operators) */
} NnOp;

/** nn_op_find: the operator of ONNX's default domain with this name, or %NULL. */
const NnOp *nn_op_find(const char *onnx_name);

/** nn_op_at: the rows of the table, for tests; %NULL past the end. */
const NnOp *nn_op_at(int index);

/**
 * nn_op_layout:
 * The internal operator by which graph/ changes the memory order; not in the table. Its params
 * are NnLayoutParams: the order and rank of its output.
 */
typedef struct {
  NnLayout layout;
  int rank;
} NnLayoutParams;

extern const NnOp nn_op_layout;

/** nn_layout_raise: @shape with leading dimensions of 1 up to @rank. */
NnShape nn_layout_raise(const NnShape *shape, int rank);

/**
 * nn_op_moments:
 * The internal operator into which graph/ takes normalisation apart: two outputs, 1 x C x 1 x 1:
 * mean and 1 / sqrt (variance + epsilon) of each channel over space; not in the table.
 */
typedef struct {
  float epsilon;
} NnMomentsParams;

extern const NnOp nn_op_moments;

/**
 * nn_op_bottleneck:
 * The internal operator into which graph/ puts a 1x1, a depthwise and a 1x1 Conv one behind the
 * other: inputs and params are those of ops/bottleneck.h; not in the table.
 */
extern const NnOp nn_op_bottleneck;

/**
 * nn_op_conv_sum:
 * The internal operator into which graph/ puts a Conv and the Add behind it: inputs are those of
 * ops/conv.h; not in the table.
 */
extern const NnOp nn_op_conv_sum;

/**
 * nn_op_conv_pool:
 * The internal operator into which graph/ puts a Conv and the MaxPool behind it: inputs and params are
 * Conv's; not in the table.
 */
extern const NnOp nn_op_conv_pool;
