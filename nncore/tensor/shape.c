/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shapes: counting, checking, broadcasting. */
#include "nncore/tensor/shape.h"

#include <glib/gi18n-lib.h>
#include <limits.h>

#include "nncore/base/error.h"

#define MAX_ELEMENTS (INT64_C(1) << 46)

int64_t
nn_shape_product(const NnShape *shape, int begin, int end)
{
  int64_t product = 1;
  for (int i = begin; i < end; i++)
    product *= shape->dim[i];
  return product;
}

int64_t
nn_shape_count(const NnShape *shape)
{
  return nn_shape_product(shape, 0, shape->rank);
}

bool
nn_shape_check(const NnShape *shape, GError **error)
{
  if (shape->rank < 0 || shape->rank > NN_MAX_RANK) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("A tensor has %d dimensions; at most %d are supported."), shape->rank,
                NN_MAX_RANK);
    return false;
  }
  int64_t count = 1;
  bool fits = true;
  for (int i = 0; i < shape->rank; i++) {
    int64_t dim = shape->dim[i];
    fits = fits && dim >= 0 && dim <= MAX_ELEMENTS / MAX(count, 1);
    count *= fits ? MAX(dim, 1) : 1;
  }
  if (!fits) {
    g_autofree char *text = nn_shape_to_string(shape);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE, _("The shape %s is impossible or too large."),
                text);
  }
  return fits;
}

bool
nn_shape_equal(const NnShape *a, const NnShape *b)
{
  if (a->rank != b->rank)
    return false;
  for (int i = 0; i < a->rank; i++)
    if (a->dim[i] != b->dim[i])
      return false;
  return true;
}

char *
nn_shape_to_string(const NnShape *shape)
{
  GString *text = g_string_new(NULL);
  int rank = CLAMP(shape->rank, 0, NN_MAX_RANK);
  for (int i = 0; i < rank; i++)
    g_string_append_printf(text, "%s%" G_GINT64_FORMAT, i > 0 ? " x " : "", shape->dim[i]);
  if (rank == 0)
    g_string_append(text, "scalar");
  return g_string_free(text, FALSE);
}

bool
nn_shape_axis(const NnShape *shape, int64_t axis, int *axis_out, GError **error)
{
  if (axis < -shape->rank || axis >= shape->rank) {
    g_autofree char *text = nn_shape_to_string(shape);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE, _("Axis %d is outside the shape %s."),
                (int)CLAMP(axis, INT_MIN, INT_MAX), text);
    return false;
  }
  *axis_out = (int)(axis < 0 ? axis + shape->rank : axis);
  return true;
}

bool
nn_shape_broadcast(const NnShape *a, const NnShape *b, NnShape *out, GError **error)
{
  NnShape result = {.rank = MAX(a->rank, b->rank)};
  for (int i = 0; i < result.rank; i++) {
    int ia = i - (result.rank - a->rank), ib = i - (result.rank - b->rank);
    int64_t da = ia >= 0 ? a->dim[ia] : 1, db = ib >= 0 ? b->dim[ib] : 1;
    if (da != db && da != 1 && db != 1) {
      g_autofree char *ta = nn_shape_to_string(a), *tb = nn_shape_to_string(b);
      g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                  _("The shapes %s and %s cannot be combined element by element."), ta, tb);
      return false;
    }
    result.dim[i] = da == 1 ? db : da;
  }
  *out = result;
  return nn_shape_check(out, error);
}
