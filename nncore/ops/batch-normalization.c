/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BatchNormalization as at inference: y = (x - mean) scale / sqrt (variance + epsilon) + bias, one
 * of each a channel, made ready as y = factor x + shift. graph/ folds it into the operator before
 * it where it can; this runs what is left. Channels-last; plain for other ranks. */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

enum { X, SCALE, BIAS, MEAN, VARIANCE, N_INPUTS };

typedef struct {
  float epsilon;
} BatchNormalization;

static bool
batch_normalization_parse(NnAttributes *attributes, void *data, GError **error)
{
  BatchNormalization *params = data;
  int64_t training, spatial;
  float momentum; /* of the running statistics, which only training updates */
  if (!nn_attributes_float(attributes, "epsilon", 1e-5f, &params->epsilon, error) ||
      !nn_attributes_float(attributes, "momentum", 0.9f, &momentum, error) ||
      !nn_attributes_int(attributes, "training_mode", 0, &training, error) ||
      !nn_attributes_int(attributes, "spatial", 1, &spatial, error))
    return false;
  if (training != 0) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("The network was exported for training. Please export it for inference."));
    return false;
  }
  if (spatial != 1) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("Batch normalisation of every pixel by itself is not supported."));
    return false;
  }
  return true;
}

static bool
batch_normalization_infer(NnInfer *infer, GError **error)
{
  if (!nn_infer_same(infer, error) || !nn_check_rank(&infer->in[X].shape, 2, NN_MAX_RANK, error))
    return false;
  for (int i = SCALE; i < N_INPUTS; i++) {
    if (!nn_check_floats(infer, i, i, error))
      return false;
    const NnShape *shape = &infer->in[i].shape;
    if (shape->rank != 1 || shape->dim[0] != infer->in[X].shape.dim[1]) {
      g_autofree char *text = nn_shape_to_string(shape);
      g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                  _("The normalisation values' shape %s does not fit the layer's channels."), text);
      return false;
    }
  }
  return true;
}

/* factors of all channels, then their shifts */
static void *
batch_normalization_prepare(const NnPrepare *prepare, GError **error)
{
  const BatchNormalization *params = prepare->params;
  const NnTensor *const *in = prepare->constants;
  int64_t channels = nn_shape_count(&in[SCALE]->shape);
  float *prepared = nn_alloc((size_t)channels, 2 * sizeof(float), error);
  if (prepared == NULL)
    return NULL;
  for (int64_t c = 0; c < channels; c++) {
    double deviation = sqrt((double)in[VARIANCE]->f[c] + (double)params->epsilon);
    double factor = (double)in[SCALE]->f[c] / deviation;
    prepared[c] = (float)factor;
    prepared[channels + c] = (float)((double)in[BIAS]->f[c] - (double)in[MEAN]->f[c] * factor);
  }
  return prepared;
}

/* Rows are stretches of memory: of all channels of a pixel where @inner is 1, else of one channel
 * of one picture, @inner long. */
typedef struct {
  const float *from, *factor, *shift; /* shift is NULL for a gradient */
  float *to;
  int64_t channels, inner;
} Scale;

static void
scale_pixels(const Scale *job, int64_t begin, int64_t end)
{
  const float *restrict factor = job->factor, *restrict shift = job->shift;
  for (int64_t i = begin; i < end; i++) {
    const float *from = job->from + i * job->channels;
    float *restrict to = job->to + i * job->channels;
    if (shift != NULL)
      for (int64_t c = 0; c < job->channels; c++)
        to[c] = factor[c] * from[c] + shift[c];
    else
      for (int64_t c = 0; c < job->channels; c++)
        to[c] = factor[c] * from[c];
  }
}

static void
scale_planes(const Scale *job, int64_t begin, int64_t end)
{
  for (int64_t i = begin; i < end; i++) {
    int64_t c = i % job->channels;
    float factor = job->factor[c], shift = job->shift != NULL ? job->shift[c] : 0;
    const float *from = job->from + i * job->inner;
    float *restrict to = job->to + i * job->inner;
    for (int64_t j = 0; j < job->inner; j++)
      to[j] = factor * from[j] + shift;
  }
}

static void
scale_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Scale *job = data;
  if (job->inner == 1)
    scale_pixels(job, begin, end);
  else
    scale_planes(job, begin, end);
}

static void
scale_tensor(const NnOpRun *run, const NnTensor *from, const NnTensor *to, bool with_shift)
{
  const NnShape *shape = &to->shape;
  const float *prepared = run->prepared;
  int64_t channels = shape->dim[1];
  Scale job = {.from = from->f,
               .factor = prepared,
               .shift = with_shift ? prepared + channels : NULL,
               .to = to->f,
               .channels = channels,
               .inner = 1};
  if (to->layout == NN_LAYOUT_PLAIN)
    job.inner = nn_shape_product(shape, 2, shape->rank);
  int64_t row = job.inner == 1 ? channels : job.inner;
  if (row > 0)
    nn_parallel_for(run->context, nn_shape_count(shape) / row, nn_grain(row), scale_chunk, &job);
}

static void
batch_normalization_forward(const NnOpRun *run)
{
  scale_tensor(run, &run->in[X], &run->out[0], true);
  nn_activate(run->context, run->activation, run->out[0].f, run->out[0].f,
              nn_shape_count(&run->out[0].shape), run->activation_bits);
}

static void
batch_normalization_backward(const NnOpRun *run)
{
  scale_tensor(run, &run->grad_out[0], &run->grad_in[X], false);
}

const NnOp nn_op_batch_normalization = {
    .onnx_name = "BatchNormalization",
    .min_inputs = N_INPUTS,
    .max_inputs = N_INPUTS,
    .max_outputs = 1,
    .constant_inputs = 1u << SCALE | 1u << BIAS | 1u << MEAN | 1u << VARIANCE,
    .layout = NN_TAKES_CHANNELS_LAST,
    .fuses_activation = true,
    .is_channel_affine = true,
    .params_bytes = sizeof(BatchNormalization),
    .parse = batch_normalization_parse,
    .infer = batch_normalization_infer,
    .prepare = batch_normalization_prepare,
    .free_prepared = nn_free,
    .reach = nn_reach_pointwise,
    .forward = batch_normalization_forward,
    .backward = batch_normalization_backward,
};
