/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conv: 1 to 3 spatial dimensions, groups, strides, dilations, pads. Channels-last.
 *
 *   Y[n, o, p] = b[o] + sum over taps k, channels c of W[o, c, k] X[n, c, p stride + k dilation - pad]
 *
 * The gradient to X at q collects from p = (q + pad - k dilation) / stride wherever that is whole.
 * Taps with the same (k dilation) mod stride serve the same residue class of q (a phase); within
 * one, the gradient is a plain gather over dY again (kernels/conv.h). 3 x 3 taps at stride 1 go
 * through kernels/winograd.h, both ways, where the channel counts allow. */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/kernels/conv.h"
#include "nncore/kernels/winograd.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/op.h"
#include "nncore/ops/window.h"

typedef struct {
  NnWindow window;
  int64_t groups;
} Params;

/* taps by their index in depth-height-width order, and their weights,
 * groups x taps x from x to channels (depthwise: taps x channels; winograd: its filters) */
typedef struct {
  bool winograd;
  int n_taps;
  int *taps;
  float *weights;
} TapSet;

typedef struct {
  int64_t kernel[3];
  int64_t in_channels, out_channels;
  TapSet forward;  /* all taps, in -> out */
  int n_phases;    /* 0 without a gradient */
  TapSet *phases;  /* out -> in */
  const float *bias; /* borrowed from the constant */
} Prepared;

enum { X, W, B };

static bool
parse(NnAttributes *attributes, void *data, GError **error)
{
  Params *params = data;
  if (!nn_window_parse(attributes, false, &params->window, error) ||
      !nn_attributes_int(attributes, "group", 1, &params->groups, error))
    return false;
  if (params->groups >= 1 && params->groups <= G_MAXINT32)
    return true;
  g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED,
                      _("The number of groups must be at least 1."));
  return false;
}

static bool
check_channels(const NnShape *x, const NnShape *w, int64_t groups, GError **error)
{
  if (w->rank == x->rank && w->dim[0] >= 1 && w->dim[0] % groups == 0 && w->dim[1] >= 1 &&
      x->dim[1] == w->dim[1] * groups)
    return true;
  g_autofree char *shape_x = nn_shape_to_string(x), *shape_w = nn_shape_to_string(w);
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("Weights of shape %s in %d groups do not fit an input of shape %s."), shape_w,
              (int)groups, shape_x);
  return false;
}

static bool
infer(NnInfer *infer, GError **error)
{
  const Params *params = infer->params;
  const NnShape *x = &infer->in[X].shape, *w = &infer->in[W].shape;
  if (!nn_check_floats(infer, 0, infer->n_inputs - 1, error))
    return false;
  if (x->rank < 3 || x->rank > 5) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("Its input has %d dimensions; 3 to 5 are supported."), x->rank);
    return false;
  }
  if (!check_channels(x, w, params->groups, error))
    return false;
  bool has_bias = infer->n_inputs > B && infer->in[B].present;
  if (has_bias && !nn_shape_equal(&infer->in[B].shape, &NN_SHAPE(w->dim[0]))) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_SHAPE,
                        _("The bias must have one value for each output channel."));
    return false;
  }
  NnWindow window;
  int64_t output[3];
  if (!nn_window_resolve(&params->window, x, w->dim + 2, &window, output, error))
    return false;
  NnShape *y = &infer->out[0].shape;
  *y = (NnShape){.rank = x->rank, .dim = {x->dim[0], w->dim[0]}};
  for (int d = 2; d < x->rank; d++)
    y->dim[d] = output[d - x->rank + 3];
  return nn_shape_check(y, error);
}

/* ---- weights ---- */

static void
tap_position(const int64_t kernel[3], int tap, int64_t k[3])
{
  k[2] = tap % kernel[2];
  k[1] = tap / kernel[2] % kernel[1];
  k[0] = tap / kernel[2] / kernel[1];
}

/* W (out x in/groups x taps) -> the order that the kernel wants, for the taps of @set */
static void
order_weights(const Prepared *prepared, const float *w, int groups, bool to_input, TapSet *set)
{
  int all_taps = prepared->forward.n_taps;
  int64_t in = prepared->in_channels / groups, out = prepared->out_channels / groups;
  bool depthwise = nn_gather_is_depthwise(groups, prepared->in_channels, prepared->out_channels);
  for (int64_t g = 0; g < groups; g++)
    for (int t = 0; t < set->n_taps; t++)
      for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < in; i++) {
          float value = w[((g * out + o) * in + i) * all_taps + set->taps[t]];
          int64_t at = (g * set->n_taps + t) * in * out + (to_input ? o * in + i : i * out + o);
          set->weights[depthwise ? t * groups + g : at] = value;
        }
}

static bool
use_winograd(const Params *params, const NnShape *w, bool to_input)
{
  const NnWindow *window = &params->window;
  bool square = w->rank == 4 && w->dim[2] == 3 && w->dim[3] == 3 && params->groups == 1;
  for (int d = 1; d < 3; d++) /* 0 stands for the default, 1 */
    square = square && window->stride[d] <= 1 && window->dilation[d] <= 1;
  return square && nn_winograd_fits(w->dim[!to_input], w->dim[to_input]);
}

/* the taps' weights -> the filters of winograd */
static bool
transform_set(const Prepared *prepared, bool to_input, TapSet *set, GError **error)
{
  int64_t in = prepared->in_channels, out = prepared->out_channels;
  float *filters = nn_alloc(NN_WINOGRAD_PLACES * (size_t)in, (size_t)out * sizeof(float), error);
  if (filters == NULL)
    return false;
  nn_winograd_filters(set->weights, to_input ? out : in, to_input ? in : out, filters);
  nn_free(set->weights);
  set->weights = filters;
  return true;
}

static bool
fill_set(const Prepared *prepared, const float *w, int groups, bool to_input, TapSet *set,
         GError **error)
{
  size_t pair = (size_t)(prepared->in_channels / groups) * (size_t)prepared->out_channels;
  set->weights = nn_alloc((size_t)set->n_taps * pair, sizeof(float), error);
  if (set->weights == NULL)
    return false;
  order_weights(prepared, w, groups, to_input, set);
  return !set->winograd || transform_set(prepared, to_input, set, error);
}

static bool
same_phase(const Prepared *prepared, const NnWindow *window, int tap_a, int tap_b)
{
  int64_t a[3], b[3];
  tap_position(prepared->kernel, tap_a, a);
  tap_position(prepared->kernel, tap_b, b);
  for (int d = 0; d < 3; d++)
    if ((a[d] - b[d]) * MAX(window->dilation[d], 1) % MAX(window->stride[d], 1) != 0)
      return false;
  return true;
}

/* sorts the taps into phases, without their weights yet */
static bool
split_phases(const Params *params, const NnShape *w, Prepared *prepared, GError **error)
{
  int n_taps = prepared->forward.n_taps;
  prepared->phases = nn_alloc0((size_t)n_taps, sizeof(TapSet), error);
  if (prepared->phases == NULL)
    return false;
  prepared->phases[0].winograd = use_winograd(params, w, true);
  for (int t = 0; t < n_taps; t++) {
    int phase = 0;
    while (phase < prepared->n_phases &&
           !same_phase(prepared, &params->window, t, prepared->phases[phase].taps[0]))
      phase++;
    TapSet *set = &prepared->phases[phase];
    if (phase == prepared->n_phases) {
      set->taps = nn_alloc((size_t)n_taps, sizeof *set->taps, error);
      if (set->taps == NULL)
        return false;
      prepared->n_phases++;
    }
    set->taps[set->n_taps++] = t;
  }
  return true;
}

static void
free_prepared(void *data)
{
  Prepared *prepared = data;
  if (prepared == NULL)
    return;
  for (int i = 0; prepared->phases != NULL && i < prepared->forward.n_taps; i++) {
    nn_free(prepared->phases[i].taps);
    nn_free(prepared->phases[i].weights);
  }
  nn_free(prepared->phases);
  nn_free(prepared->forward.taps);
  nn_free(prepared->forward.weights);
  nn_free(prepared);
}

static bool
fill_forward(Prepared *prepared, const float *w, int groups, GError **error)
{
  TapSet *set = &prepared->forward;
  set->taps = nn_alloc((size_t)set->n_taps, sizeof *set->taps, error);
  if (set->taps == NULL)
    return false;
  for (int t = 0; t < set->n_taps; t++)
    set->taps[t] = t;
  return fill_set(prepared, w, groups, false, set, error);
}

static bool
fill_backward(const Params *params, Prepared *prepared, const NnTensor *w, GError **error)
{
  if (!split_phases(params, &w->shape, prepared, error))
    return false;
  TapSet *first = &prepared->phases[0];
  for (int t = 0; first->winograd && t < first->n_taps; t++)
    first->taps[t] = first->n_taps - 1 - t; /* the gradient is a convolution with flipped taps */
  for (int i = 0; i < prepared->n_phases; i++)
    if (!fill_set(prepared, w->f, (int)params->groups, true, &prepared->phases[i], error))
      return false;
  return true;
}

static void *
prepare(const NnPrepare *prepare, GError **error)
{
  const Params *params = prepare->params;
  const NnTensor *w = prepare->constants[W];
  bool has_bias = prepare->n_inputs > B && prepare->constants[B] != NULL;
  Prepared *prepared = nn_alloc0(1, sizeof *prepared, error);
  if (prepared == NULL)
    return NULL;
  *prepared = (Prepared){
      .in_channels = w->shape.dim[1] * params->groups,
      .out_channels = w->shape.dim[0],
      .bias = has_bias ? prepare->constants[B]->f : NULL,
  };
  nn_window_input_dims(&w->shape, prepared->kernel);
  prepared->forward.n_taps = (int)nn_shape_product(&w->shape, 2, w->shape.rank);
  prepared->forward.winograd = use_winograd(params, &w->shape, false);
  if (!fill_forward(prepared, w->f, (int)params->groups, error) ||
      (prepare->gradient && !fill_backward(params, prepared, w, error))) {
    free_prepared(prepared);
    return NULL;
  }
  return prepared;
}

/* ---- running ---- */

/* scratch: the offsets of the taps, then the kernel's own */
static size_t
offsets_bytes(int64_t n_taps)
{
  size_t bytes = (size_t)n_taps * 3 * sizeof(int64_t);
  return (bytes + NN_ALIGNMENT - 1) / NN_ALIGNMENT * NN_ALIGNMENT;
}

/* of the gather with up to @n_taps taps, or of winograd */
static size_t
kernel_scratch(const Params *params, const NnShape *w, bool to_input, int n_taps, int threads)
{
  int64_t in = w->dim[1] * params->groups, out = w->dim[0];
  int64_t source = to_input ? out : in, target = to_input ? in : out;
  if (use_winograd(params, w, to_input))
    return nn_winograd_scratch_bytes(source, target, threads);
  size_t bytes = 0;
  for (int t = to_input ? 1 : n_taps; t <= n_taps; t++) /* a phase may have any number of them */
    bytes = MAX(bytes, nn_gather_scratch_bytes(t, (int)params->groups, source, target, threads));
  return bytes;
}

static size_t
scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  const Params *params = infer->params;
  const NnShape *w = &infer->in[W].shape;
  int n_taps = (int)nn_shape_product(w, 2, w->rank);
  size_t forward = kernel_scratch(params, w, false, n_taps, threads);
  size_t backward = gradient ? kernel_scratch(params, w, true, n_taps, threads) : 0;
  return offsets_bytes(n_taps) + MAX(forward, backward);
}

static NnWindow
run_window(const NnOpRun *run)
{
  const Params *params = run->params;
  const Prepared *prepared = run->prepared;
  int rank = run->in[X].shape.rank - 2;
  NnWindow window;
  int64_t output[3];
  nn_window_resolve(&params->window, &run->in[X].shape, prepared->kernel + 3 - rank, &window,
                    output, NULL);
  return window;
}

static void
forward_winograd(const NnOpRun *run, const NnWindow *window)
{
  const Prepared *prepared = run->prepared;
  const NnShape *x = &run->in[X].shape, *y = &run->out[0].shape;
  NnWinograd winograd = {
      .batch = x->dim[0],
      .source_height = x->dim[2],
      .source_width = x->dim[3],
      .source_channels = prepared->in_channels,
      .target_height = y->dim[2],
      .target_width = y->dim[3],
      .target_channels = prepared->out_channels,
      .pad_top = window->pad_begin[1],
      .pad_left = window->pad_begin[2],
      .filters = prepared->forward.weights,
  };
  nn_winograd_run(run->context, &winograd, run->in[X].f, run->out[0].f, prepared->bias,
                  run->activation, run->activation_bits, run->scratch);
}

/* dX is dY convolved with the flipped taps, padded by what the window reaches beyond its own pad */
static void
backward_winograd(const NnOpRun *run, const NnWindow *window)
{
  const Prepared *prepared = run->prepared;
  const NnShape *x = &run->grad_in[X].shape, *y = &run->grad_out[0].shape;
  NnWinograd winograd = {
      .batch = x->dim[0],
      .source_height = y->dim[2],
      .source_width = y->dim[3],
      .source_channels = prepared->out_channels,
      .target_height = x->dim[2],
      .target_width = x->dim[3],
      .target_channels = prepared->in_channels,
      .pad_top = 2 - window->pad_begin[1],
      .pad_left = 2 - window->pad_begin[2],
      .filters = prepared->phases[0].weights,
  };
  nn_winograd_run(run->context, &winograd, run->grad_out[0].f, run->grad_in[X].f, NULL,
                  (NnActivation){NN_ACTIVATION_NONE, 0}, NULL, run->scratch);
}

static void
forward(const NnOpRun *run)
{
  const Params *params = run->params;
  const Prepared *prepared = run->prepared;
  NnWindow window = run_window(run);
  if (prepared->forward.winograd) {
    forward_winograd(run, &window);
    return;
  }
  int64_t(*offsets)[3] = run->scratch;
  int n_taps = prepared->forward.n_taps;
  NnGather gather = {
      .batch = run->in[X].shape.dim[0],
      .source_channels = prepared->in_channels,
      .target_channels = prepared->out_channels,
      .groups = (int)params->groups,
      .target_step = {1, 1, 1},
      .n_taps = n_taps,
      .offsets = (const int64_t(*)[3])offsets,
      .weights = prepared->forward.weights,
  };
  nn_window_input_dims(&run->in[X].shape, gather.source_dims);
  nn_window_input_dims(&run->out[0].shape, gather.target_dims);
  memcpy(gather.count, gather.target_dims, sizeof gather.count);
  memcpy(gather.source_step, window.stride, sizeof gather.source_step);
  for (int t = 0; t < n_taps; t++) {
    int64_t k[3];
    tap_position(prepared->kernel, t, k);
    for (int d = 0; d < 3; d++)
      offsets[t][d] = k[d] * window.dilation[d] - window.pad_begin[d];
  }
  nn_gather_run(run->context, &gather, run->in[X].f, run->out[0].f, prepared->bias, run->activation,
                run->activation_bits, (char *)run->scratch + offsets_bytes(n_taps));
}

static inline int64_t
floor_mod(int64_t a, int64_t b)
{
  int64_t r = a % b;
  return r < 0 ? r + b : r;
}

/* the places of dX that a phase serves, and where in dY their taps begin */
static void
place_phase(const Prepared *prepared, const NnWindow *window, const TapSet *phase, NnGather *gather,
            int64_t (*offsets)[3])
{
  int64_t k[3];
  tap_position(prepared->kernel, phase->taps[0], k);
  for (int d = 0; d < 3; d++) {
    int64_t stride = window->stride[d];
    int64_t begin = floor_mod(k[d] * window->dilation[d] - window->pad_begin[d], stride);
    int64_t size = gather->target_dims[d];
    gather->target_begin[d] = begin;
    gather->target_step[d] = stride;
    gather->count[d] = begin < size ? (size - begin + stride - 1) / stride : 0;
  }
  for (int t = 0; t < phase->n_taps; t++) {
    tap_position(prepared->kernel, phase->taps[t], k);
    for (int d = 0; d < 3; d++)
      offsets[t][d] =
          (gather->target_begin[d] + window->pad_begin[d] - k[d] * window->dilation[d]) /
          window->stride[d];
  }
}

static void
backward(const NnOpRun *run)
{
  const Params *params = run->params;
  const Prepared *prepared = run->prepared;
  const NnTensor *grad_in = &run->grad_in[X];
  if (grad_in->data == NULL)
    return;
  NnWindow window = run_window(run);
  if (prepared->phases[0].winograd) {
    backward_winograd(run, &window);
    return;
  }
  int64_t(*offsets)[3] = run->scratch;
  NnGather gather = {
      .batch = grad_in->shape.dim[0],
      .source_channels = prepared->out_channels,
      .target_channels = prepared->in_channels,
      .groups = (int)params->groups,
      .source_step = {1, 1, 1},
      .offsets = (const int64_t(*)[3])offsets,
  };
  nn_window_input_dims(&run->grad_out[0].shape, gather.source_dims);
  nn_window_input_dims(&grad_in->shape, gather.target_dims);
  if (prepared->n_phases < window.stride[0] * window.stride[1] * window.stride[2])
    memset(grad_in->data, 0, nn_tensor_bytes(grad_in)); /* some places are under no tap */
  for (int i = 0; i < prepared->n_phases; i++) {
    const TapSet *phase = &prepared->phases[i];
    gather.n_taps = phase->n_taps;
    gather.weights = phase->weights;
    place_phase(prepared, &window, phase, &gather, offsets);
    nn_gather_run(run->context, &gather, run->grad_out[0].f, grad_in->f, NULL,
                  (NnActivation){NN_ACTIVATION_NONE, 0}, NULL,
                  (char *)run->scratch + offsets_bytes(prepared->forward.n_taps));
  }
}

const NnOp nn_op_conv = {
    .onnx_name = "Conv",
    .min_inputs = 2,
    .max_inputs = 3,
    .max_outputs = 1,
    .constant_inputs = 1u << W | 1u << B,
    .layout = NN_TAKES_CHANNELS_LAST,
    .fuses_activation = true,
    .params_bytes = sizeof(Params),
    .parse = parse,
    .infer = infer,
    .prepare = prepare,
    .free_prepared = free_prepared,
    .scratch_bytes = scratch_bytes,
    .forward = forward,
    .backward = backward,
};
