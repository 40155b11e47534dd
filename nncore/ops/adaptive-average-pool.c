/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adaptive average pooling, with the bins of PyTorch's AdaptiveAvgPool2d: of H rows brought to h,
 * row i is the mean of the rows floor(i H / h) to ceil((i + 1) H / h) - 1, and columns alike. Bins
 * overlap where H is no multiple of h; where H is less than h, rows are repeated. An equal size is
 * copied. The mean over everything (1 x 1) is AveragePool's own kernel, so that it takes a fixed
 * AveragePool's place without changing a bit. Channels-last. */
#include "nncore/ops/adaptive-average-pool.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/base/round.h"
#include "nncore/ops/pool.h"
#include "nncore/ops/sampled.h"

enum { HEIGHT = 2, WIDTH = 3, RANK = 4 };

static bool
is_mean(const NnShape *in, const NnShape *out)
{
  bool one = out->dim[HEIGHT] == 1 && out->dim[WIDTH] == 1;
  return one && (in->dim[HEIGHT] != 1 || in->dim[WIDTH] != 1);
}

static NnWindow
whole_window(const NnShape *in)
{
  return (NnWindow){.rank = 2,
                    .kernel = {1, in->dim[HEIGHT], in->dim[WIDTH]},
                    .stride = {1, 1, 1},
                    .dilation = {1, 1, 1}};
}

static bool
adaptive_pool_infer(NnInfer *infer, GError **error)
{
  const NnAdaptivePoolParams *params = infer->params;
  NnShape in = infer->in[0].shape, out = in;
  if (!nn_infer_same(infer, error) || !nn_check_rank(&in, RANK, RANK, error))
    return false;
  if (in.dim[HEIGHT] == 0 || in.dim[WIDTH] == 0) {
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("The picture is too small for this layer: nothing is left to average."));
    return false;
  }
  out.dim[HEIGHT] = params->height;
  out.dim[WIDTH] = params->width;
  NnWindow window = whole_window(&in);
  NnPooling pooling;
  if (is_mean(&in, &out) && !nn_pooling_resolve(&window, &in, &pooling, error))
    return false;
  return nn_set_output(infer, NN_DTYPE_FLOAT, &out, error);
}

/* how many places the widest bin may have */
static int64_t
count_taps(int64_t in, int64_t out)
{
  return in / out + 2;
}

static void
fill_bins(const NnSampleAxis *axis)
{
  for (int64_t o = 0; o < axis->out; o++) {
    int64_t begin = o * axis->in / axis->out;
    int64_t end = nn_divide_up((o + 1) * axis->in, axis->out);
    for (int64_t t = 0; t < axis->taps; t++) {
      bool inside = begin + t < end;
      axis->index[o * axis->taps + t] = inside ? begin + t : begin;
      axis->weight[o * axis->taps + t] = inside ? 1.0f / (float)(end - begin) : 0;
    }
  }
}

static void *
describe(const NnOpRun *run, NnSample *sample, void *scratch)
{
  const NnShape *in = &run->in[0].shape, *out = &run->out[0].shape;
  nn_sample_init(sample, &run->in[0]);
  for (int i = HEIGHT; i <= WIDTH; i++) {
    int axis = nn_tensor_memory_axis(&run->in[0], i);
    if (in->dim[i] == out->dim[i])
      continue;
    scratch = nn_sample_set(sample, axis, out->dim[i], count_taps(in->dim[i], out->dim[i]), true,
                            scratch);
    fill_bins(&sample->axis[axis]);
  }
  return scratch;
}

static size_t
adaptive_pool_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  const int64_t *in = infer->in[0].shape.dim, *out = infer->out[0].shape.dim;
  int64_t taps = MAX(count_taps(in[HEIGHT], out[HEIGHT]), count_taps(in[WIDTH], out[WIDTH]));
  return nn_sampled_scratch_bytes(infer, (int)taps, true, gradient);
}

static void
adaptive_pool_forward(const NnOpRun *run)
{
  const NnShape *in = &run->in[0].shape;
  if (!is_mean(in, &run->out[0].shape)) {
    nn_sampled_forward(run, describe);
    return;
  }
  NnWindow window = whole_window(in);
  NnPooling pooling = nn_pool_of(&window, in);
  nn_average_pool_forward(run->context, &pooling, NN_DIVIDE_BY_INSIDE, run->in[0].f, run->out[0].f);
}

static void
adaptive_pool_backward(const NnOpRun *run)
{
  const NnShape *in = &run->in[0].shape;
  if (!is_mean(in, &run->out[0].shape)) {
    nn_sampled_backward(run, describe);
    return;
  }
  NnWindow window = whole_window(in);
  NnPooling pooling = nn_pool_of(&window, in);
  nn_average_pool_backward(run->context, &pooling, NN_DIVIDE_BY_INSIDE, run->grad_out[0].f,
                           run->grad_in[0].f);
}

/* bin i begins less than one place before i H / h and ends less than one after (i + 1) H / h */
static void
adaptive_pool_reach(const NnInfer *infer, int input, NnReach *reach)
{
  *reach = (NnReach){0};
  for (int i = HEIGHT; i <= WIDTH; i++) {
    int64_t in = infer->in[0].shape.dim[i], out = infer->out[0].shape.dim[i];
    double rest = in % out == 0 ? 0 : (double)(out - 1) / (double)out;
    reach->stride[i - HEIGHT] = (double)in / (double)out;
    reach->first[i - HEIGHT] = -rest;
    reach->last[i - HEIGHT] = (double)in / (double)out - 1 + rest;
  }
}

static int64_t
adaptive_pool_operations(const NnInfer *infer)
{
  return MAX(nn_operations_input(infer), nn_operations_each(&infer->out[0].shape, 1));
}

const NnOp nn_op_adaptive_average_pool = {
    .onnx_name = "(adaptive average)",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_CHANNELS_LAST,
    .params_bytes = sizeof(NnAdaptivePoolParams),
    .infer = adaptive_pool_infer,
    .scratch_bytes = adaptive_pool_scratch_bytes,
    .reach = adaptive_pool_reach,
    .operations = adaptive_pool_operations,
    .forward = adaptive_pool_forward,
    .backward = adaptive_pool_backward,
};
