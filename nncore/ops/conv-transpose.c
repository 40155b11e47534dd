/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ConvTranspose: the adjoint of a convolution from its result Y to its input X (conv-taps.h): 1 to
 * 3 spatial dimensions, groups, strides, dilations, pads, and a bias. Weights are X channels x Y
 * channels a group x taps. Channels-last.
 *
 *   size of Y = stride (size of X - 1) + output_padding + (kernel - 1) dilation + 1 - pads
 *
 * or, where output_shape gives it, pads follow from it. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/kernels/broadcast.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/conv-taps.h"
#include "nncore/ops/traits.h"

enum { X, W, B };

typedef struct {
  NnConvParams conv; /* from Y to X */
  int n_padding, n_shape;
  int64_t output_padding[NN_WINDOW_DIMS], output_shape[NN_WINDOW_DIMS + 2];
} ConvTranspose;

static bool
check_range(const int64_t *values, int count, int64_t least, GError **error)
{
  for (int i = 0; i < count; i++)
    if (values[i] < least || values[i] > G_MAXINT32) {
      g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                  _("The size that this layer asks for is impossible."));
      return false;
    }
  return true;
}

static bool
conv_transpose_parse(NnAttributes *attributes, void *data, GError **error)
{
  ConvTranspose *params = data;
  return nn_conv_parse(attributes, &params->conv, error) &&
         nn_attributes_ints(attributes, "output_padding", params->output_padding, NN_WINDOW_DIMS,
                            &params->n_padding, error) &&
         nn_attributes_ints(attributes, "output_shape", params->output_shape, NN_WINDOW_DIMS + 2,
                            &params->n_shape, error) &&
         check_range(params->output_padding, params->n_padding, 0, error) &&
         check_range(params->output_shape, params->n_shape, 1, error);
}

/* the size of Y along dimension @d (0 to spatial - 1), and the pads that go with it */
static int64_t
resolve_axis(const ConvTranspose *params, int d, int spatial, int64_t in, NnWindow *window)
{
  int i = d + NN_WINDOW_DIMS - spatial;
  int64_t padding = params->n_padding > 0 ? params->output_padding[d] : 0;
  int64_t full =
      window->stride[i] * (in - 1) + padding + (window->kernel[i] - 1) * window->dilation[i] + 1;
  bool upper = window->auto_pad == NN_PAD_SAME_UPPER, lower = window->auto_pad == NN_PAD_SAME_LOWER;
  bool given = params->n_shape > 0;
  if (!given && !upper && !lower)
    return full - window->pad_begin[i] - window->pad_end[i];
  int64_t out =
      given ? params->output_shape[params->n_shape - spatial + d] : in * window->stride[i];
  int64_t pads = MAX(full - out, 0); /* the odd one goes behind for SAME_UPPER, else in front */
  window->pad_begin[i] = upper ? pads / 2 : pads - pads / 2;
  window->pad_end[i] = pads - window->pad_begin[i];
  return out;
}

static bool
resolve(const ConvTranspose *params, const NnShape *x, const NnShape *w, NnWindow *window,
        int64_t output[NN_WINDOW_DIMS], GError **error)
{
  int spatial = x->rank - 2;
  *window = params->conv.window;
  bool fits =
      (window->rank == 0 || window->rank == spatial) &&
      (params->n_padding == 0 || params->n_padding == spatial) &&
      (params->n_shape == 0 || params->n_shape == spatial || params->n_shape == spatial + 2);
  for (int i = 0; i < NN_WINDOW_DIMS; i++) {
    int d = i - (NN_WINDOW_DIMS - spatial);
    int64_t kernel = d >= 0 ? w->dim[2 + d] : 1;
    fits = fits && (window->kernel[i] == 0 || window->kernel[i] == kernel) && kernel >= 1 &&
           kernel <= G_MAXINT32;
    window->kernel[i] = kernel;
    window->stride[i] = MAX(window->stride[i], 1);
    window->dilation[i] = MAX(window->dilation[i], 1);
  }
  window->rank = spatial;
  if (!fits) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("The attributes of this layer do not belong to its weights."));
    return false;
  }
  for (int d = 0; d < spatial; d++) {
    int64_t in = x->dim[2 + d];
    output[d] = in >= 1 && in <= G_MAXINT32 / 4 ? resolve_axis(params, d, spatial, in, window) : 0;
    if (output[d] >= 1)
      continue;
    g_autofree char *text = nn_shape_to_string(x);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("The shape %s is too small for this layer: nothing would be left."), text);
    return false;
  }
  return true;
}

static bool
conv_transpose_infer(NnInfer *infer, GError **error)
{
  const ConvTranspose *params = infer->params;
  const NnShape *x = &infer->in[X].shape, *w = &infer->in[W].shape;
  int64_t groups = params->conv.groups;
  if (!nn_check_floats(infer, 0, infer->n_inputs - 1, error) ||
      !nn_check_present(infer, W, error) || !nn_check_rank(x, 3, 5, error))
    return false;
  if (w->rank != x->rank || w->dim[0] != x->dim[1] || w->dim[0] < 1 || w->dim[1] < 1 ||
      w->dim[0] % groups != 0 || !nn_shape_check(w, NULL)) {
    g_autofree char *shape_x = nn_shape_to_string(x), *shape_w = nn_shape_to_string(w);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("Weights of shape %s in %d groups do not fit an input of shape %s."), shape_w,
                (int)groups, shape_x);
    return false;
  }
  NnShape y = {.rank = x->rank, .dim = {x->dim[0], w->dim[1] * groups}};
  if (nn_has_input(infer, B) && !nn_shape_equal(&infer->in[B].shape, &NN_SHAPE(y.dim[1]))) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_SHAPE,
                        _("The bias must have one value for each output channel."));
    return false;
  }
  NnWindow window;
  return resolve(params, x, w, &window, y.dim + 2, error) &&
         nn_set_output(infer, NN_DTYPE_FLOAT, &y, error);
}

static void *
conv_transpose_prepare(const NnPrepare *prepare, GError **error)
{
  const ConvTranspose *params = prepare->params;
  return nn_conv_taps_new(&params->conv, prepare->constants[W], true, prepare->lean, error);
}

static size_t
conv_transpose_prepared_bytes(const NnPrepare *prepare)
{
  const ConvTranspose *params = prepare->params;
  return nn_conv_taps_bytes(&params->conv, &prepare->constants[W]->shape, true, prepare->lean);
}

static unsigned
conv_transpose_stands_for(const void *prepared)
{
  return nn_conv_taps_ready(prepared) ? 1u << W : 0;
}

static void
conv_transpose_free_prepared(void *prepared)
{
  nn_conv_taps_free(prepared);
}

static size_t
conv_transpose_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  const ConvTranspose *params = infer->params;
  return nn_conv_scratch_bytes(&params->conv, infer->prepared, &infer->in[W].shape,
                               &infer->out[0].shape, &infer->in[X].shape, threads, gradient, true);
}

/* @small, @large: X and Y of this operator, which are Y and X of the convolution */
static void
describe(const NnOpRun *run, const NnTensor *small, const NnTensor *large, NnWindow *window,
         NnConvRun *conv)
{
  const ConvTranspose *params = run->params;
  int64_t output[NN_WINDOW_DIMS];
  if (!resolve(params, &small->shape, &run->in[W].shape, window, output, NULL))
    g_assert_not_reached();
  *conv = (NnConvRun){
      .context = run->context,
      .params = &params->conv,
      .taps = run->prepared,
      .window = window,
      .x = large,
      .y = small,
      .weights = run->in[W].f,
      .scratch = run->scratch,
  };
}

static void
conv_transpose_forward(const NnOpRun *run)
{
  NnWindow window;
  NnConvRun conv;
  const NnTensor *y = &run->out[0];
  describe(run, &run->in[X], y, &window, &conv);
  nn_conv_back(&conv);
  if (run->n_inputs > B && run->in[B].data != NULL) {
    NnTensor bias = run->in[B];
    bias.shape = (NnShape){.rank = y->shape.rank};
    for (int i = 0; i < bias.shape.rank; i++)
      bias.shape.dim[i] = i == 1 ? y->shape.dim[1] : 1;
    nn_broadcast_binary(run->context, NN_BINARY_ADD, y, &bias, y, run->activation,
                        run->activation_bits);
  } else {
    nn_activate(run->context, run->activation, y->f, y->f, nn_shape_count(&y->shape),
                run->activation_bits);
  }
}

static void
conv_transpose_backward(const NnOpRun *run)
{
  NnWindow window;
  NnConvRun conv;
  if (run->grad_in[X].data == NULL)
    return;
  describe(run, &run->grad_in[X], &run->grad_out[0], &window, &conv);
  nn_conv_there(&conv);
}

/* q of the result collects from p = (q + pad - k dilation) / stride, k from 0 to kernel - 1 */
static void
conv_transpose_reach(const NnInfer *infer, int input, NnReach *reach)
{
  NnWindow window;
  int64_t output[NN_WINDOW_DIMS];
  *reach = (NnReach){.everywhere = true};
  if (input != X ||
      !resolve(infer->params, &infer->in[X].shape, &infer->in[W].shape, &window, output, NULL))
    return;
  reach->everywhere = false;
  for (int a = 0; a < window.rank; a++) {
    int i = NN_WINDOW_DIMS - window.rank + a;
    double stride = (double)window.stride[i], pad = (double)window.pad_begin[i];
    reach->stride[a] = 1 / stride;
    reach->first[a] = (pad - (double)((window.kernel[i] - 1) * window.dilation[i])) / stride;
    reach->last[a] = pad / stride;
  }
}

static int64_t
conv_transpose_operations(const NnInfer *infer)
{
  const NnShape *w = &infer->in[W].shape;
  return nn_operations_each(&infer->in[X].shape, nn_shape_product(w, 1, w->rank));
}

const NnOp nn_op_conv_transpose = {
    .onnx_name = "ConvTranspose",
    .min_inputs = 2,
    .max_inputs = 3,
    .max_outputs = 1,
    .constant_inputs = 1u << W | 1u << B,
    .layout = NN_TAKES_CHANNELS_LAST,
    .fuses_activation = true,
    .params_bytes = sizeof(ConvTranspose),
    .parse = conv_transpose_parse,
    .infer = conv_transpose_infer,
    .prepare = conv_transpose_prepare,
    .free_prepared = conv_transpose_free_prepared,
    .prepared_bytes = conv_transpose_prepared_bytes,
    .stands_for = conv_transpose_stands_for,
    .scratch_bytes = conv_transpose_scratch_bytes,
    .reach = conv_transpose_reach,
    .operations = conv_transpose_operations,
    .forward = conv_transpose_forward,
    .backward = conv_transpose_backward,
};
