/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks for infer functions. */
#include "nncore/ops/checks.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"

bool
nn_has_input(const NnInfer *infer, int index)
{
  return index < infer->n_inputs && infer->in[index].present;
}

const NnTensor *
nn_constant(const NnInfer *infer, int index)
{
  return nn_has_input(infer, index) ? infer->constants[index] : NULL;
}

bool
nn_check_present(const NnInfer *infer, int index, GError **error)
{
  if (nn_has_input(infer, index))
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED, _("Input %d of this layer is missing."),
              index + 1);
  return false;
}

bool
nn_check_floats(const NnInfer *infer, int first, int last, GError **error)
{
  if (!nn_check_present(infer, first, error))
    return false;
  for (int i = first; i <= last; i++)
    if (nn_has_input(infer, i) && infer->in[i].dtype != NN_DTYPE_FLOAT) {
      g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                  _("Input %d of this layer has integers where fractional numbers are needed."),
                  i + 1);
      return false;
    }
  return true;
}

bool
nn_check_rank(const NnShape *shape, int least, int most, GError **error)
{
  if (shape->rank >= least && shape->rank <= most)
    return true;
  g_autofree char *text = nn_shape_to_string(shape);
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("The shape %s has the wrong number of dimensions for this layer."), text);
  return false;
}

bool
nn_set_output(NnInfer *infer, NnDtype dtype, const NnShape *shape, GError **error)
{
  if (!nn_shape_check(shape, error))
    return false;
  infer->out[0] = (NnType){.shape = *shape, .dtype = dtype, .present = true};
  return true;
}

bool
nn_infer_same(NnInfer *infer, GError **error)
{
  return nn_check_floats(infer, 0, 0, error) &&
         nn_set_output(infer, NN_DTYPE_FLOAT, &infer->in[0].shape, error);
}

bool
nn_constant_ints(const NnInfer *infer, int input, int64_t values[NN_MAX_RANK * 2], int *count,
                 GError **error)
{
  *count = -1;
  if (!nn_has_input(infer, input))
    return true;
  const NnTensor *tensor = nn_constant(infer, input);
  if (tensor == NULL) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("Input %d of this layer is computed from the picture's contents, which is not "
                  "supported."),
                input + 1);
    return false;
  }
  if (tensor->dtype != NN_DTYPE_INT64 || tensor->shape.rank > 1 ||
      nn_shape_count(&tensor->shape) > 2 * NN_MAX_RANK) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("Input %d of this layer is no short list of whole numbers."), input + 1);
    return false;
  }
  *count = (int)nn_shape_count(&tensor->shape);
  for (int i = 0; i < *count; i++)
    values[i] = tensor->i[i];
  return true;
}

const int64_t *
nn_run_ints(const NnOpRun *run, int input, int *count)
{
  bool given = input < run->n_inputs && run->in[input].data != NULL;
  *count = given ? (int)nn_shape_count(&run->in[input].shape) : -1;
  return given ? run->in[input].i : NULL;
}

bool
nn_axes_mask(const int64_t *axes, int count, int rank, unsigned *mask, GError **error)
{
  NnShape shape = {.rank = rank};
  *mask = count < 0 ? (1u << rank) - 1 : 0;
  for (int i = 0; i < count; i++) {
    int axis;
    if (!nn_shape_axis(&shape, axes[i], &axis, error))
      return false;
    if (*mask >> axis & 1) {
      g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED, _("Axis %d is given twice."), axis);
      return false;
    }
    *mask |= 1u << axis;
  }
  return true;
}
