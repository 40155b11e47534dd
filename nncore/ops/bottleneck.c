/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Three convolutions as one (kernels/bottleneck.h). Nothing of what lies between them is kept for the
 * way back but a bit an element where an activation is behind it. */
#include "nncore/ops/bottleneck.h"

#include "nncore/base/memory.h"
#include "nncore/kernels/bottleneck.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/conv.h"
#include "nncore/ops/traits.h"

enum {
  X = NN_BOTTLENECK_X,
  W = NN_BOTTLENECK_W,
  B = NN_BOTTLENECK_B,
  FIRST_W = NN_BOTTLENECK_FIRST_W,
  FIRST_B = NN_BOTTLENECK_FIRST_B,
  LAST_W = NN_BOTTLENECK_LAST_W,
  LAST_B = NN_BOTTLENECK_LAST_B,
  MOST_STRIDE = 2,
  PHASES = MOST_STRIDE * MOST_STRIDE,
};

/* filters of the two 1x1 convolutions, each for both ways where there is a way back */
typedef struct {
  NnConvTaps *middle;
  float *first, *last;
  float *first_back, *last_back;
} Prepared;

/* ---- shapes ---- */

static bool
is_pointwise(const NnShape *w)
{
  return w->rank == 4 && w->dim[2] == 1 && w->dim[3] == 1;
}

bool
nn_bottleneck_fits(const NnConvParams *middle, const NnShape *w, const NnShape *first,
                   const NnShape *last)
{
  const NnWindow *window = &middle->window;
  if (!is_pointwise(first) || !is_pointwise(last) || w->rank != 4 || w->dim[1] != 1)
    return false;
  int64_t channels = w->dim[0];
  bool fits = middle->groups == channels && first->dim[0] == channels && last->dim[1] == channels;
  /* bits of a pixel are whole bytes */
  fits = fits && channels % 8 == 0 && first->dim[1] % 8 == 0 && last->dim[0] % 8 == 0;
  fits = fits && w->dim[2] * w->dim[3] <= NN_BOTTLENECK_TAPS;
  for (int d = 1; d < 3; d++) { /* 0 stands for the default, 1 */
    int64_t stride = MAX(window->stride[d], 1);
    fits = fits && window->dilation[d] <= 1 && stride <= MOST_STRIDE && w->dim[d + 1] >= stride;
  }
  return fits;
}

/* the shape of what is between, at the size of @at */
static NnShape
between(const NnShape *w, const NnShape *at)
{
  NnShape shape = *at;
  shape.dim[1] = w->dim[0];
  return shape;
}

/* what the first convolution would say of its input: at another size that may have other channels */
static bool
check_first(const NnInfer *infer, GError **error)
{
  NnConvParams params = {.groups = 1};
  NnType in[] = {infer->in[X], infer->in[FIRST_W]}, out = {0};
  NnInfer first = {.params = &params, .n_inputs = 2, .in = in, .n_outputs = 1, .out = &out};
  return nn_conv_infer(&first, error);
}

static bool
infer(NnInfer *infer, GError **error)
{
  const NnBottleneckParams *params = infer->params;
  const NnShape *x = &infer->in[X].shape, *w = &infer->in[W].shape;
  NnWindow window;
  int64_t output[3];
  if (!check_first(infer, error) ||
      !nn_window_resolve(&params->middle.window, x, w->dim + 2, &window, output, error))
    return false;
  NnShape y = NN_SHAPE(x->dim[0], infer->in[LAST_W].shape.dim[0], output[1], output[2]);
  return nn_set_output(infer, NN_DTYPE_FLOAT, &y, error);
}

/* ---- weights ---- */

static NnFilters
pointwise_filters(const NnShape *w, bool back)
{
  return (NnFilters){1, w->dim[back ? 0 : 1], w->dim[back ? 1 : 0], 1};
}

/* of @w, @outputs x @inputs; @back: turned over, from outputs to inputs */
static float *
order_filters(const NnTensor *w, bool back, GError **error)
{
  int64_t outputs = w->shape.dim[0], inputs = w->shape.dim[1];
  NnFilters shape = pointwise_filters(&w->shape, back);
  float *turned = nn_alloc((size_t)(inputs * outputs), sizeof *turned, error);
  float *filters = turned != NULL ? nn_alloc(nn_filters_bytes(&shape, false), 1, error) : NULL;
  if (filters != NULL) {
    for (int64_t o = 0; back && o < outputs; o++)
      for (int64_t i = 0; i < inputs; i++)
        turned[i * outputs + o] = w->f[o * inputs + i];
    nn_filters_fill(&shape, back ? turned : w->f, false, filters);
  }
  nn_free(turned);
  return filters;
}

static void
free_prepared(void *data)
{
  Prepared *prepared = data;
  if (prepared == NULL)
    return;
  nn_conv_taps_free(prepared->middle);
  nn_free(prepared->first);
  nn_free(prepared->last);
  nn_free(prepared->first_back);
  nn_free(prepared->last_back);
  nn_free(prepared);
}

static bool
order_all(const NnPrepare *prepare, Prepared *prepared, GError **error)
{
  const NnBottleneckParams *params = prepare->params;
  const NnTensor *first = prepare->constants[FIRST_W], *last = prepare->constants[LAST_W];
  prepared->middle =
      nn_conv_taps_new(&params->middle, prepare->constants[W], prepare->gradient, false, error);
  if (prepared->middle == NULL || (prepared->first = order_filters(first, false, error)) == NULL ||
      (prepared->last = order_filters(last, false, error)) == NULL)
    return false;
  return !prepare->gradient ||
         ((prepared->first_back = order_filters(first, true, error)) != NULL &&
          (prepared->last_back = order_filters(last, true, error)) != NULL);
}

static void *
prepare(const NnPrepare *prepare, GError **error)
{
  Prepared *prepared = nn_alloc0(1, sizeof *prepared, error);
  if (prepared != NULL && order_all(prepare, prepared, error))
    return prepared;
  free_prepared(prepared);
  return NULL;
}

static size_t
pointwise_bytes(const NnShape *w, bool back)
{
  NnFilters there = pointwise_filters(w, false), turned = pointwise_filters(w, true);
  return nn_filters_bytes(&there, false) + (back ? nn_filters_bytes(&turned, false) : 0);
}

static size_t
prepared_bytes(const NnPrepare *prepare)
{
  const NnBottleneckParams *params = prepare->params;
  const NnTensor *const *in = prepare->constants;
  return nn_conv_taps_bytes(&params->middle, &in[W]->shape, prepare->gradient, false) +
         pointwise_bytes(&in[FIRST_W]->shape, prepare->gradient) +
         pointwise_bytes(&in[LAST_W]->shape, prepare->gradient);
}

static unsigned
stands_for(const void *prepared)
{
  return 1u << W | 1u << FIRST_W | 1u << LAST_W;
}

/* ---- memory ---- */

static size_t
bits_bytes(NnActivation activation, const NnShape *shape)
{
  if (activation.kind == NN_ACTIVATION_NONE)
    return 0;
  size_t bytes = nn_activation_bits_bytes(nn_shape_count(shape));
  return nn_align(bytes);
}

static size_t
aux_bytes(const NnInfer *infer)
{
  const NnBottleneckParams *params = infer->params;
  const NnShape *w = &infer->in[W].shape;
  NnShape above = between(w, &infer->in[X].shape), below = between(w, &infer->out[0].shape);
  return bits_bytes(params->first, &above) + bits_bytes(params->second, &below);
}

/* without finishes and filters: of the channels of @first and @last */
static NnBottleneck
describe(const NnShape *w, const NnShape *first, const NnShape *last, const NnGather *gathers,
         bool back)
{
  NnBottleneck bottleneck = {
      .first = {.inputs = first->dim[1], .outputs = first->dim[0]},
      .last = {.inputs = last->dim[1], .outputs = last->dim[0]},
      .kernel = {w->dim[2], w->dim[3]},
      .gathers = gathers,
  };
  if (back) {
    bottleneck.first = (NnPointwise){.inputs = last->dim[0], .outputs = last->dim[1]};
    bottleneck.last = (NnPointwise){.inputs = first->dim[0], .outputs = first->dim[1]};
  }
  return bottleneck;
}

static size_t
one_way_bytes(const NnInfer *infer, int threads, bool back)
{
  const NnBottleneckParams *params = infer->params;
  const NnShape *w = &infer->in[W].shape;
  NnShape above = between(w, &infer->in[X].shape), below = between(w, &infer->out[0].shape);
  NnGather gather = nn_conv_any_gather(&params->middle, w, &above, &below, back);
  NnBottleneck bottleneck =
      describe(w, &infer->in[FIRST_W].shape, &infer->in[LAST_W].shape, &gather, back);
  return nn_bottleneck_scratch_bytes(&bottleneck, threads);
}

static size_t
scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  size_t there = one_way_bytes(infer, threads, false);
  return gradient ? MAX(there, one_way_bytes(infer, threads, true)) : there;
}

/* ---- running ---- */

/* one way: the depthwise gathers, with room for them */
typedef struct {
  int64_t offsets[NN_BOTTLENECK_TAPS][3];
  NnGather gathers[PHASES];
  NnBottleneck bottleneck;
} Way;

static void
find_way(const NnOpRun *run, bool back, Way *way)
{
  const NnBottleneckParams *params = run->params;
  const Prepared *prepared = run->prepared;
  const NnTensor *in = run->in;
  NnShape above = between(&in[W].shape, &in[X].shape),
          below = between(&in[W].shape, &run->out[0].shape);
  NnWindow window;
  int64_t output[3];
  nn_window_resolve(&params->middle.window, &in[X].shape, in[W].shape.dim + 2, &window, output,
                    NULL);
  way->bottleneck =
      describe(&in[W].shape, &in[FIRST_W].shape, &in[LAST_W].shape, way->gathers, back);
  way->bottleneck.n_gathers =
      nn_conv_gathers(prepared->middle, &above, &below, &window, back, way->gathers, way->offsets);
  way->bottleneck.first.filters = back ? prepared->last_back : prepared->first;
  way->bottleneck.last.filters = back ? prepared->first_back : prepared->last;
}

/* where the bits behind the first and behind the depthwise convolution are; NULL for none */
static void
find_bits(const NnOpRun *run, uint8_t **first, uint8_t **second)
{
  const NnBottleneckParams *params = run->params;
  NnShape above = between(&run->in[W].shape, &run->in[X].shape);
  size_t bytes = bits_bytes(params->first, &above);
  bool has_second = params->second.kind != NN_ACTIVATION_NONE;
  *first = bytes > 0 ? run->aux : NULL;
  *second = has_second && run->aux != NULL ? (uint8_t *)run->aux + bytes : NULL;
}

static void
forward(const NnOpRun *run)
{
  const NnBottleneckParams *params = run->params;
  Way way;
  uint8_t *first, *second;
  find_way(run, false, &way);
  find_bits(run, &first, &second);
  NnBottleneck *bottleneck = &way.bottleneck;
  bottleneck->first.finish = nn_finish(run->in[FIRST_B].f, params->first, first);
  bottleneck->finish = nn_finish(run->in[B].f, params->second, second);
  bottleneck->last.finish = nn_finish(run->in[LAST_B].f, run->activation, run->activation_bits);
  nn_bottleneck_run(run->context, bottleneck, run->in[X].f, run->out[0].f, run->scratch);
}

static void
backward(const NnOpRun *run)
{
  const NnBottleneckParams *params = run->params;
  Way way;
  uint8_t *first, *second;
  if (run->grad_in[X].data == NULL)
    return;
  find_way(run, true, &way);
  find_bits(run, &first, &second);
  NnBottleneck *bottleneck = &way.bottleneck;
  bottleneck->first.finish = nn_finish_gate(nn_gate(params->second, second));
  bottleneck->finish = nn_finish_gate(nn_gate(params->first, first));
  bottleneck->last.finish = nn_finish_gate(run->gate);
  nn_bottleneck_run(run->context, bottleneck, run->grad_out[0].f, run->grad_in[X].f, run->scratch);
}

/* ---- what is asked about it ---- */

static NnWindow *
find_window(void *params)
{
  return &((NnBottleneckParams *)params)->middle.window;
}

static void
reach(const NnInfer *infer, int input, NnReach *out)
{
  const NnBottleneckParams *params = infer->params;
  NnWindow window;
  int64_t output[3];
  *out = (NnReach){.everywhere = true};
  if (input == X && nn_window_resolve(&params->middle.window, &infer->in[X].shape,
                                      infer->in[W].shape.dim + 2, &window, output, NULL))
    nn_reach_window(&window, out);
}

static int64_t
operations(const NnInfer *infer)
{
  const NnShape *x = &infer->in[X].shape, *y = &infer->out[0].shape;
  const NnShape *w = &infer->in[W].shape;
  NnShape above = between(w, x), below = between(w, y);
  return nn_operations_each(&above, x->dim[1]) +
         nn_operations_each(&below, w->dim[2] * w->dim[3] + y->dim[1]);
}

const NnOp nn_op_bottleneck = {
    .onnx_name = "(bottleneck)",
    .min_inputs = B,
    .max_inputs = NN_BOTTLENECK_INPUTS,
    .max_outputs = 1,
    .constant_inputs =
        1u << W | 1u << B | 1u << FIRST_W | 1u << FIRST_B | 1u << LAST_W | 1u << LAST_B,
    .layout = NN_TAKES_CHANNELS_LAST,
    .fuses_activation = true,
    .gates_gradient = true,
    .params_bytes = sizeof(NnBottleneckParams),
    .infer = infer,
    .prepare = prepare,
    .free_prepared = free_prepared,
    .prepared_bytes = prepared_bytes,
    .stands_for = stands_for,
    .aux_bytes = aux_bytes,
    .scratch_bytes = scratch_bytes,
    .window = find_window,
    .reach = reach,
    .operations = operations,
    .forward = forward,
    .backward = backward,
};
