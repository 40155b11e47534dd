/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conv: 1 to 3 spatial dimensions, groups, strides, dilations, pads, and a bias for each output
 * channel (conv-taps.h). Channels-last. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/conv.h"
#include "nncore/ops/traits.h"

enum { X = NN_CONV_X, W = NN_CONV_W, B = NN_CONV_B };

static bool
parse(NnAttributes *attributes, void *data, GError **error)
{
  return nn_conv_parse(attributes, data, error);
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

bool
nn_conv_infer(NnInfer *infer, GError **error)
{
  const NnConvParams *params = infer->params;
  const NnShape *x = &infer->in[X].shape, *w = &infer->in[W].shape;
  bool has_bias = infer->n_inputs > B && infer->in[B].present;
  if (!nn_check_floats(infer, X, W, error) || (has_bias && !nn_check_floats(infer, B, B, error)))
    return false;
  if (x->rank < 3 || x->rank > 5) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("Its input has %d dimensions; 3 to 5 are supported."), x->rank);
    return false;
  }
  if (!check_channels(x, w, params->groups, error))
    return false;
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

void *
nn_conv_prepare(const NnPrepare *prepare, GError **error)
{
  return nn_conv_taps_new(prepare->params, prepare->constants[W], prepare->gradient, prepare->lean,
                          error);
}

size_t
nn_conv_prepared_bytes(const NnPrepare *prepare)
{
  return nn_conv_taps_bytes(prepare->params, &prepare->constants[W]->shape, prepare->gradient,
                            prepare->lean);
}

unsigned
nn_conv_stands_for(const void *prepared)
{
  return nn_conv_taps_ready(prepared) ? 1u << W : 0;
}

void
nn_conv_free_prepared(void *prepared)
{
  nn_conv_taps_free(prepared);
}

size_t
nn_conv_op_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return nn_conv_scratch_bytes(infer->params, infer->prepared, &infer->in[W].shape,
                               &infer->in[X].shape, &infer->out[0].shape, threads, true, gradient);
}

static NnWindow
run_window(const NnOpRun *run)
{
  const NnConvParams *params = run->params;
  NnWindow window;
  int64_t output[3];
  nn_window_resolve(&params->window, &run->in[X].shape, run->in[W].shape.dim + 2, &window, output,
                    NULL);
  return window;
}

NnConvRun
nn_conv_describe_there(const NnOpRun *run, NnWindow *window)
{
  *window = run_window(run);
  return (NnConvRun){
      .context = run->context,
      .params = run->params,
      .taps = run->prepared,
      .window = window,
      .x = &run->in[X],
      .y = &run->out[0],
      .weights = run->in[W].f,
      .bias = run->n_inputs > B ? run->in[B].f : NULL,
      .activation = run->activation,
      .bits = run->activation_bits,
      .scratch = run->scratch,
  };
}

NnConvRun
nn_conv_describe_back(const NnOpRun *run, NnWindow *window)
{
  *window = run_window(run);
  return (NnConvRun){
      .context = run->context,
      .params = run->params,
      .taps = run->prepared,
      .window = window,
      .x = &run->grad_in[X],
      .y = &run->grad_out[0],
      .weights = run->in[W].f,
      .gate = run->gate,
      .adds = run->adds,
      .scratch = run->scratch,
  };
}

static void
forward(const NnOpRun *run)
{
  NnWindow window;
  NnConvRun there = nn_conv_describe_there(run, &window);
  there.y_pixel = run->out_pixel;
  nn_conv_there(&there);
}

void
nn_conv_backward(const NnOpRun *run)
{
  if (run->grad_in[X].data == NULL)
    return;
  NnWindow window;
  NnConvRun back = nn_conv_describe_back(run, &window);
  nn_conv_back(&back);
}

bool
nn_conv_adds_gradient(const NnInfer *infer)
{
  return nn_conv_back_adds(infer->params, &infer->in[W].shape);
}

static bool
steps_out(const NnInfer *infer)
{
  return nn_conv_there_steps(infer->params, &infer->in[W].shape);
}

NnWindow *
nn_conv_find_window(void *params)
{
  return &((NnConvParams *)params)->window;
}

void
nn_conv_reach(const NnInfer *infer, int input, NnReach *out)
{
  const NnConvParams *params = infer->params;
  NnWindow window;
  int64_t output[3];
  *out = (NnReach){.everywhere = true};
  if (input == X && nn_window_resolve(&params->window, &infer->in[X].shape,
                                      infer->in[W].shape.dim + 2, &window, output, NULL))
    nn_reach_window(&window, out);
}

int64_t
nn_conv_operations(const NnInfer *infer)
{
  const NnShape *w = &infer->in[W].shape;
  return nn_operations_each(&infer->out[0].shape, nn_shape_product(w, 1, w->rank));
}

const NnOp nn_op_conv = {
    .onnx_name = "Conv",
    .min_inputs = 2,
    .max_inputs = 3,
    .max_outputs = 1,
    .constant_inputs = 1u << W | 1u << B,
    .layout = NN_TAKES_CHANNELS_LAST,
    .fuses_activation = true,
    .adds_gradient = nn_conv_adds_gradient,
    .gates_gradient = true,
    .steps_out = steps_out,
    .params_bytes = sizeof(NnConvParams),
    .parse = parse,
    .infer = nn_conv_infer,
    .prepare = nn_conv_prepare,
    .free_prepared = nn_conv_free_prepared,
    .prepared_bytes = nn_conv_prepared_bytes,
    .stands_for = nn_conv_stands_for,
    .scratch_bytes = nn_conv_op_scratch_bytes,
    .window = nn_conv_find_window,
    .reach = nn_conv_reach,
    .operations = nn_conv_operations,
    .forward = forward,
    .backward = nn_conv_backward,
};
