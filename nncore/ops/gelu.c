/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gelu: y = x (1 + erf (x / sqrt 2)) / 2, or its approximation by tanh. Any layout. */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/ops/unary.h"

static bool
gelu_parse(NnAttributes *attributes, void *params, GError **error)
{
  NnUnary *unary = params;
  const char *approximate;
  if (!nn_attributes_string(attributes, "approximate", "none", &approximate, error))
    return false;
  bool by_tanh = strcmp(approximate, "tanh") == 0;
  unary->kind = by_tanh ? NN_UNARY_GELU_TANH : NN_UNARY_GELU;
  if (by_tanh || strcmp(approximate, "none") == 0)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
              _("The attribute “%s” has the value “%s”, which is not supported."), "approximate",
              approximate);
  return false;
}

const NnOp nn_op_gelu = NN_UNARY_OP("Gelu", gelu_parse);
