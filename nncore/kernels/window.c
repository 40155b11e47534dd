/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows at one input size. One dimension's output is
 *   floor or ceil ((input + pads - extent) / stride) + 1,  extent = (kernel - 1) dilation + 1,
 * and ceil (input / stride) for the SAME paddings. All values are below 2^31 (ops/window.c) and
 * inputs below 2^46, so nothing here overflows 64 bits. */
#include "nncore/kernels/window.h"

#include <glib/gi18n-lib.h>
#include <limits.h>

#include "nncore/base/error.h"

void
nn_window_input_dims(const NnShape *input, int64_t dims[NN_WINDOW_DIMS])
{
  for (int i = 0; i < NN_WINDOW_DIMS; i++) {
    int axis = input->rank - NN_WINDOW_DIMS + i;
    dims[i] = axis >= 2 ? input->dim[axis] : 1;
  }
}

static bool
resolve_kernel(const int64_t *from_weights, NnWindow *window, GError **error)
{
  int first = NN_WINDOW_DIMS - window->rank;
  for (int i = first; i < NN_WINDOW_DIMS; i++) {
    if (from_weights != NULL) {
      int64_t size = from_weights[i - first];
      if (size < 1 || (window->kernel[i] != 0 && window->kernel[i] != size)) {
        g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                    _("The attribute “kernel_shape” contradicts the shape of the weights."));
        return false;
      }
      window->kernel[i] = size;
    }
    if (window->kernel[i] == 0) {
      g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                  _("The attribute “kernel_shape” is missing."));
      return false;
    }
  }
  return true;
}

static void
fill_defaults(NnWindow *window)
{
  for (int i = 0; i < NN_WINDOW_DIMS; i++) {
    window->kernel[i] = MAX(window->kernel[i], 1);
    window->stride[i] = MAX(window->stride[i], 1);
    window->dilation[i] = MAX(window->dilation[i], 1);
  }
}

static int64_t
resolve_same(NnWindow *window, int i, int64_t input, int64_t extent)
{
  int64_t output = (input - 1) / window->stride[i] + 1;
  int64_t total = MAX((output - 1) * window->stride[i] + extent - input, 0);
  int64_t begin = window->auto_pad == NN_PAD_SAME_LOWER ? total - total / 2 : total / 2;
  window->pad_begin[i] = begin;
  window->pad_end[i] = total - begin;
  return output;
}

static int64_t
output_size(const NnWindow *window, int i, int64_t input, int64_t extent)
{
  int64_t room = input + window->pad_begin[i] + window->pad_end[i] - extent;
  int64_t stride = window->stride[i];
  if (room < 0) /* what is left over may be all that there is */
    return window->ceil_mode && room > -stride && input > 0 ? 1 : 0;
  int64_t output = room / stride + 1;
  bool left_over = window->ceil_mode && room % stride != 0;
  return left_over && output * stride < input + window->pad_begin[i] ? output + 1 : output;
}

static void
set_too_small(const NnShape *input, int64_t extent, GError **error)
{
  g_autofree char *text = nn_shape_to_string(input);
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("The picture is too small for this layer: its window of %d does not fit into the "
                "input of %s."),
              (int)MIN(extent, INT_MAX), text);
}

static bool
check_input(const NnWindow *parsed, const NnShape *input, GError **error)
{
  int rank = input->rank - 2;
  if (rank >= 1 && rank <= NN_WINDOW_DIMS && (parsed->rank == 0 || parsed->rank == rank))
    return true;
  g_autofree char *text = nn_shape_to_string(input);
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("The input's shape %s has the wrong number of dimensions for this layer."), text);
  return false;
}

bool
nn_window_resolve(const NnWindow *parsed, const NnShape *input, const int64_t *kernel_from_weights,
                  NnWindow *resolved, int64_t output[NN_WINDOW_DIMS], GError **error)
{
  if (!check_input(parsed, input, error))
    return false;
  NnWindow window = *parsed;
  window.rank = input->rank - 2;
  if (!resolve_kernel(kernel_from_weights, &window, error))
    return false;
  fill_defaults(&window);
  int64_t dims[NN_WINDOW_DIMS];
  nn_window_input_dims(input, dims);
  bool same = window.auto_pad == NN_PAD_SAME_UPPER || window.auto_pad == NN_PAD_SAME_LOWER;
  for (int i = 0; i < NN_WINDOW_DIMS; i++) {
    int64_t extent = (window.kernel[i] - 1) * window.dilation[i] + 1;
    output[i] = dims[i] < 1 ? 0
                : same      ? resolve_same(&window, i, dims[i], extent)
                            : output_size(&window, i, dims[i], extent);
    if (output[i] < 1) {
      set_too_small(input, extent, error);
      return false;
    }
  }
  *resolved = window;
  return true;
}
