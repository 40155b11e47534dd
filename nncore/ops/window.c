/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parsing windows: every number that a file gives is checked here, once. */
#include "nncore/ops/window.h"

#include <glib/gi18n-lib.h>
#include <limits.h>
#include <string.h>

#include "nncore/base/error.h"

#define MAX_VALUE INT64_C(0x7fffffff)

static bool
check_values(const char *name, const int64_t *values, int count, int64_t least, GError **error)
{
  for (int i = 0; i < count; i++)
    if (values[i] < least || values[i] > MAX_VALUE) {
      g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                  _("The attribute “%s” has the impossible value %d."), name,
                  (int)CLAMP(values[i], INT_MIN, INT_MAX));
      return false;
    }
  return true;
}

/* The first attribute present sets the rank, the others must agree. */
static bool
check_rank(const char *name, int count, int *rank, GError **error)
{
  if (*rank == 0)
    *rank = count;
  if (count == *rank)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
              _("The attribute “%s” has another number of dimensions than the others."), name);
  return false;
}

static bool
parse_values(NnAttributes *attributes, const char *name, int *rank, int64_t out[NN_WINDOW_DIMS],
             GError **error)
{
  int64_t values[NN_WINDOW_DIMS];
  int count;
  if (!nn_attributes_ints(attributes, name, values, NN_WINDOW_DIMS, &count, error))
    return false;
  if (count == 0)
    return true;
  if (!check_values(name, values, count, 1, error) || !check_rank(name, count, rank, error))
    return false;
  memcpy(out + NN_WINDOW_DIMS - count, values, (size_t)count * sizeof *values);
  return true;
}

static bool
parse_pads(NnAttributes *attributes, NnWindow *window, GError **error)
{
  int64_t values[2 * NN_WINDOW_DIMS];
  int count;
  if (!nn_attributes_ints(attributes, "pads", values, 2 * NN_WINDOW_DIMS, &count, error))
    return false;
  if (count == 0 || window->auto_pad != NN_PAD_NOTSET)
    return true;
  if (count % 2 != 0) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("The attribute “pads” has an odd number of values."));
    return false;
  }
  int half = count / 2, first = NN_WINDOW_DIMS - half;
  if (!check_values("pads", values, count, 0, error) ||
      !check_rank("pads", half, &window->rank, error))
    return false;
  memcpy(window->pad_begin + first, values, (size_t)half * sizeof *values);
  memcpy(window->pad_end + first, values + half, (size_t)half * sizeof *values);
  return true;
}

static bool
parse_auto_pad(NnAttributes *attributes, int *auto_pad, GError **error)
{
  static const char *const names[] = {
      [NN_PAD_NOTSET] = "NOTSET",
      [NN_PAD_SAME_UPPER] = "SAME_UPPER",
      [NN_PAD_SAME_LOWER] = "SAME_LOWER",
      [NN_PAD_VALID] = "VALID",
  };
  const char *text;
  if (!nn_attributes_string(attributes, "auto_pad", "NOTSET", &text, error))
    return false;
  if (text[0] == '\0') /* some old exporters write an empty string */
    text = "NOTSET";
  for (int i = 0; i < (int)G_N_ELEMENTS(names); i++)
    if (strcmp(text, names[i]) == 0) {
      *auto_pad = i;
      return true;
    }
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
              _("The attribute “auto_pad” has the unknown value “%.32s”."), text);
  return false;
}

bool
nn_window_parse(NnAttributes *attributes, bool with_ceil_mode, NnWindow *window, GError **error)
{
  *window = (NnWindow){0};
  int64_t ceil_mode = 0;
  if (!parse_auto_pad(attributes, &window->auto_pad, error) ||
      !parse_values(attributes, "kernel_shape", &window->rank, window->kernel, error) ||
      !parse_values(attributes, "strides", &window->rank, window->stride, error) ||
      !parse_values(attributes, "dilations", &window->rank, window->dilation, error) ||
      !parse_pads(attributes, window, error))
    return false;
  if (with_ceil_mode && !nn_attributes_int(attributes, "ceil_mode", 0, &ceil_mode, error))
    return false;
  window->ceil_mode = ceil_mode != 0;
  return true;
}
