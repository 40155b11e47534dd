/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SpaceToDepth: blocks of pixels become blocks of channels: row y b + b1, column x b + b2 goes to
 * channel (b1, b2, c).
 * Channels-last. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/kernels/permute.h"
#include "nncore/ops/checks.h"

typedef struct {
  int64_t block;
} SpaceToDepth;

static bool
space_to_depth_parse(NnAttributes *attributes, void *data, GError **error)
{
  SpaceToDepth *params = data;
  if (!nn_attributes_int(attributes, "blocksize", 0, &params->block, error))
    return false;
  if (params->block >= 1 && params->block <= G_MAXINT16)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
              _("The attribute “%s” has the impossible value %d."), "blocksize",
              (int)CLAMP(params->block, G_MININT, G_MAXINT));
  return false;
}

static bool
space_to_depth_infer(NnInfer *infer, GError **error)
{
  const SpaceToDepth *params = infer->params;
  if (!nn_infer_same(infer, error) || !nn_check_rank(&infer->in[0].shape, 4, 4, error))
    return false;
  const NnShape *in = &infer->in[0].shape;
  int64_t b = params->block;
  if (in->dim[2] % b != 0 || in->dim[3] % b != 0) {
    g_autofree char *text = nn_shape_to_string(in);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("The shape %s does not divide into blocks of %d."), text, (int)b);
    return false;
  }
  if (b * b > INT64_MAX / MAX(in->dim[1], 1))
    return nn_set_output(infer, NN_DTYPE_FLOAT, &NN_SHAPE(-1), error);
  NnShape out = NN_SHAPE(in->dim[0], in->dim[1] * b * b, in->dim[2] / b, in->dim[3] / b);
  return nn_set_output(infer, NN_DTYPE_FLOAT, &out, error);
}

/* the large picture's axes in memory are n, y, b1, x, b2, c */
static void
rearrange(const NnOpRun *run, const NnTensor *from, const NnTensor *to, bool to_space)
{
  const SpaceToDepth *params = run->params;
  const NnShape *small = to_space ? &from->shape : &to->shape;
  int64_t n = small->dim[0], y = small->dim[2], x = small->dim[3], b = params->block;
  int64_t c = small->dim[1] / (b * b);
  static const int order[] = {0, 1, 3, 2, 4, 5}; /* its own inverse */
  const int64_t narrow[] = {n, y, x, b, b, c}, wide[] = {n, y, b, x, b, c};
  nn_permute(run->context, 6, to_space ? narrow : wide, order, sizeof(float), from->data, to->data);
}

static void
space_to_depth_forward(const NnOpRun *run)
{
  rearrange(run, &run->in[0], &run->out[0], false);
}

static void
space_to_depth_backward(const NnOpRun *run)
{
  rearrange(run, &run->grad_out[0], &run->grad_in[0], true);
}

static void
space_to_depth_reach(const NnInfer *infer, int input, NnReach *reach)
{
  const SpaceToDepth *params = infer->params;
  *reach = (NnReach){0};
  for (int a = 0; a < 2; a++) {
    reach->stride[a] = (double)params->block;
    reach->last[a] = (double)(params->block - 1);
  }
}

const NnOp nn_op_space_to_depth = {
    .onnx_name = "SpaceToDepth",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_CHANNELS_LAST,
    .params_bytes = sizeof(SpaceToDepth),
    .parse = space_to_depth_parse,
    .infer = space_to_depth_infer,
    .reach = space_to_depth_reach,
    .forward = space_to_depth_forward,
    .backward = space_to_depth_backward,
};
