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
