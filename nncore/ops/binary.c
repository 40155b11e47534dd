/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators on two broadcast inputs have in common. */
#include "nncore/ops/binary.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"

bool
nn_binary_infer(NnInfer *infer, GError **error)
{
  if (!nn_check_present(infer, 0, error) || !nn_check_present(infer, 1, error))
    return false;
  const NnType *a = &infer->in[0], *b = &infer->in[1];
  if (a->dtype != b->dtype) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("This layer combines integers with fractional numbers."));
    return false;
  }
  NnShape shape;
  return nn_shape_broadcast(&a->shape, &b->shape, &shape, error) &&
         nn_set_output(infer, a->dtype, &shape, error);
}

void
nn_binary_forward(const NnOpRun *run, NnBinary binary)
{
  nn_broadcast_binary(run->context, binary, &run->in[0], &run->in[1], &run->out[0], run->activation,
                      run->activation_bits);
}
