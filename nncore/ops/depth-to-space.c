/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DepthToSpace: blocks of channels become blocks of pixels: channel (b1, b2, c) (DCR) or (c, b1,
 * b2) (CRD) goes to row y b + b1, column x b + b2.
 * Channels-last. */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/kernels/permute.h"
#include "nncore/ops/checks.h"

typedef struct {
  int64_t block;
  bool crd; /* blocks are the fastest part of the channel */
} DepthToSpace;

static bool
depth_to_space_parse(NnAttributes *attributes, void *data, GError **error)
{
  DepthToSpace *params = data;
  const char *mode;
  if (!nn_attributes_int(attributes, "blocksize", 0, &params->block, error))
    return false;
  if (!nn_attributes_string(attributes, "mode", "DCR", &mode, error))
    return false;
  params->crd = strcmp(mode, "CRD") == 0;
  if (!params->crd && strcmp(mode, "DCR") != 0) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("The attribute “%s” has the value “%s”, which is not supported."), "mode", mode);
    return false;
  }
  if (params->block >= 1 && params->block <= G_MAXINT16)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
              _("The attribute “%s” has the impossible value %d."), "blocksize",
              (int)CLAMP(params->block, G_MININT, G_MAXINT));
  return false;
}

static bool
depth_to_space_infer(NnInfer *infer, GError **error)
{
  const DepthToSpace *params = infer->params;
  if (!nn_infer_same(infer, error) || !nn_check_rank(&infer->in[0].shape, 4, 4, error))
    return false;
  const NnShape *in = &infer->in[0].shape;
  int64_t b = params->block;
  if (in->dim[1] % (b * b) != 0) {
    g_autofree char *text = nn_shape_to_string(in);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("The shape %s does not divide into blocks of %d."), text, (int)b);
    return false;
  }
  NnShape out = NN_SHAPE(in->dim[0], in->dim[1] / (b * b), in->dim[2] * b, in->dim[3] * b);
  return nn_set_output(infer, NN_DTYPE_FLOAT, &out, error);
}

/* the large picture's axes in memory are n, y, b1, x, b2, c */
static void
rearrange(const NnOpRun *run, const NnTensor *from, const NnTensor *to, bool to_space)
{
  const DepthToSpace *params = run->params;
  const NnShape *small = to_space ? &from->shape : &to->shape;
  int64_t n = small->dim[0], y = small->dim[2], x = small->dim[3], b = params->block;
  int64_t c = small->dim[1] / (b * b);
  static const int crd_there[] = {0, 1, 4, 2, 5, 3}, crd_back[] = {0, 1, 3, 5, 2, 4};
  static const int there[] = {0, 1, 3, 2, 4, 5}; /* its own inverse */
  const int64_t narrow[] = {n, y, x, b, b, c}, crd_narrow[] = {n, y, x, c, b, b};
  const int64_t wide[] = {n, y, b, x, b, c};
  const int64_t *dims = !to_space ? wide : params->crd ? crd_narrow : narrow;
  const int *order = !params->crd ? there : to_space ? crd_there : crd_back;
  nn_permute(run->context, 6, dims, order, sizeof(float), from->data, to->data);
}

static void
depth_to_space_forward(const NnOpRun *run)
{
  rearrange(run, &run->in[0], &run->out[0], true);
}

static void
depth_to_space_backward(const NnOpRun *run)
{
  rearrange(run, &run->grad_out[0], &run->grad_in[0], false);
}

static void
depth_to_space_reach(const NnInfer *infer, int input, NnReach *reach)
{
  const DepthToSpace *params = infer->params;
  double block = (double)params->block;
  *reach = (NnReach){0};
  for (int a = 0; a < 2; a++) {
    reach->stride[a] = 1 / block;
    reach->first[a] = (1 - block) / block;
  }
}

const NnOp nn_op_depth_to_space = {
    .onnx_name = "DepthToSpace",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_CHANNELS_LAST,
    .params_bytes = sizeof(DepthToSpace),
    .parse = depth_to_space_parse,
    .infer = depth_to_space_infer,
    .reach = depth_to_space_reach,
    .forward = depth_to_space_forward,
    .backward = depth_to_space_backward,
};
