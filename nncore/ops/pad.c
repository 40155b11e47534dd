/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pad: input 1 holds places to add before and behind every axis (or those that input 3 names;
 * negative ones cut away), filled with input 2 (constant), or with the picture mirrored at its
 * border (reflect), its border (edge), or the picture again (wrap). Any layout. */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/round.h"
#include "nncore/ops/sampled.h"
#include "nncore/ops/traits.h"

enum { X, PADS, VALUE, AXES };
enum { CONSTANT, REFLECT, EDGE, WRAP };

typedef struct {
  int mode;
} Pad;

static bool
pad_parse(NnAttributes *attributes, void *data, GError **error)
{
  static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
  Pad *params = data;
  const char *mode;
  if (!nn_attributes_string(attributes, "mode", "constant", &mode, error))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
    if (strcmp(mode, modes[i]) == 0) {
      params->mode = (int)i;
      return true;
    }
  g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
              _("The attribute “%s” has the value “%s”, which is not supported."), "mode", mode);
  return false;
}

/* for every axis, places before and behind */
static bool
spread_pads(const int64_t *pads, const int64_t *axes, int count, int rank,
            int64_t before[NN_MAX_RANK], int64_t behind[NN_MAX_RANK], GError **error)
{
  NnShape shape = {.rank = rank};
  memset(before, 0, NN_MAX_RANK * sizeof *before);
  memset(behind, 0, NN_MAX_RANK * sizeof *behind);
  for (int k = 0; k < count; k++) {
    int axis;
    if (!nn_shape_axis(&shape, axes != NULL ? axes[k] : k, &axis, error))
      return false;
    before[axis] = pads[k];
    behind[axis] = pads[count + k];
  }
  return true;
}

static bool
pad_infer(NnInfer *infer, GError **error)
{
  const Pad *params = infer->params;
  int64_t pads[2 * NN_MAX_RANK], axes[2 * NN_MAX_RANK], before[NN_MAX_RANK], behind[NN_MAX_RANK];
  int n_pads, n_axes;
  if (!nn_check_present(infer, X, error) || !nn_check_present(infer, PADS, error) ||
      !nn_constant_ints(infer, PADS, pads, &n_pads, error) ||
      !nn_constant_ints(infer, AXES, axes, &n_axes, error))
    return false;
  NnShape shape = infer->in[X].shape;
  int count = n_axes >= 0 ? n_axes : shape.rank;
  bool has_value = nn_has_input(infer, VALUE);
  if (n_pads != 2 * count || (has_value && (nn_shape_count(&infer->in[VALUE].shape) != 1 ||
                                            infer->in[VALUE].dtype != infer->in[X].dtype))) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("The padding of this layer does not fit its input."));
    return false;
  }
  if (!spread_pads(pads, n_axes >= 0 ? axes : NULL, count, shape.rank, before, behind, error))
    return false;
  for (int i = 0; i < shape.rank; i++) {
    int64_t dim = shape.dim[i], most = INT64_C(1) << 40;
    bool fits = before[i] > -most && before[i] < most && behind[i] > -most && behind[i] < most;
    shape.dim[i] = fits ? dim + before[i] + behind[i] : -1;
    bool grows = fits && (before[i] > 0 || behind[i] > 0);
    if (fits && shape.dim[i] >= 0 && (params->mode == CONSTANT || !grows || dim > 0))
      continue;
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("The picture is too small for the padding of this layer."));
    return false;
  }
  return nn_set_output(infer, infer->in[X].dtype, &shape, error);
}

/* the place of the source that place @i, counted from its first, shows; -1: none */
static int64_t
source_place(int mode, int64_t i, int64_t dim)
{
  if (i >= 0 && i < dim)
    return i;
  int64_t period = 2 * (dim - 1);
  switch (mode) {
  case REFLECT: /* the border itself is not repeated */
    if (dim == 1)
      return 0;
    i = nn_wrap(i, period);
    return i < dim ? i : period - i;
  case EDGE:
    return i < 0 ? 0 : dim - 1;
  case WRAP:
    return nn_wrap(i, dim);
  default:
    return -1;
  }
}

static void *
describe(const NnOpRun *run, NnSample *sample, void *scratch)
{
  const Pad *params = run->params;
  int64_t before[NN_MAX_RANK], behind[NN_MAX_RANK];
  int n_pads, n_axes, rank = run->in[X].shape.rank;
  const int64_t *pads = nn_run_ints(run, PADS, &n_pads), *axes = nn_run_ints(run, AXES, &n_axes);
  if (!spread_pads(pads, axes, n_pads / 2, rank, before, behind, NULL))
    g_assert_not_reached();
  nn_sample_init(sample, &run->in[X]);
  if (run->n_inputs > VALUE && run->in[VALUE].data != NULL)
    memcpy(&sample->fill, run->in[VALUE].data, nn_dtype_size(run->in[VALUE].dtype));
  for (int i = 0; i < rank; i++) {
    int axis = nn_tensor_memory_axis(&run->in[X], i);
    int64_t dim = run->in[X].shape.dim[i];
    if (before[i] == 0 && behind[i] == 0)
      continue;
    scratch = nn_sample_set(sample, axis, run->out[0].shape.dim[i], 1, false, scratch);
    for (int64_t o = 0; o < run->out[0].shape.dim[i]; o++)
      sample->axis[axis].index[o] = source_place(params->mode, o - before[i], dim);
  }
  return scratch;
}

static size_t
pad_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return nn_sampled_scratch_bytes(infer, 1, false, gradient);
}

static void
pad_forward(const NnOpRun *run)
{
  nn_sampled_forward(run, describe);
}

static void
pad_backward(const NnOpRun *run)
{
  nn_sampled_backward(run, describe);
}

/* Where a place shows the source, the distance to what it shows never grows along an axis (all
 * modes), so the first and the last place have the extremes. */
static void
pad_reach(const NnInfer *infer, int input, NnReach *reach)
{
  const Pad *params = infer->params;
  int64_t pads[2 * NN_MAX_RANK], axes[2 * NN_MAX_RANK], before[NN_MAX_RANK], behind[NN_MAX_RANK];
  int n_pads, n_axes, rank = infer->in[X].shape.rank;
  *reach = (NnReach){.everywhere = true};
  if (input != X || !nn_constant_ints(infer, PADS, pads, &n_pads, NULL) ||
      !nn_constant_ints(infer, AXES, axes, &n_axes, NULL) ||
      !spread_pads(pads, n_axes >= 0 ? axes : NULL, n_pads / 2, rank, before, behind, NULL))
    return;
  reach->everywhere = false;
  for (int i = 2; i < rank; i++) {
    int64_t dim = infer->in[X].shape.dim[i], end = infer->out[0].shape.dim[i] - 1;
    bool shows = params->mode != CONSTANT && dim > 0 && end >= 0;
    int64_t first = shows ? source_place(params->mode, end - before[i], dim) - end : -before[i];
    int64_t last = shows ? source_place(params->mode, -before[i], dim) : -before[i];
    reach->stride[i - 2] = 1;
    reach->first[i - 2] = (double)first;
    reach->last[i - 2] = (double)last;
  }
}

const NnOp nn_op_pad = {
    .onnx_name = "Pad",
    .min_inputs = 2,
    .max_inputs = 4,
    .max_outputs = 1,
    .constant_inputs = 1u << PADS | 1u << VALUE | 1u << AXES,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(Pad),
    .parse = pad_parse,
    .infer = pad_infer,
    .scratch_bytes = pad_scratch_bytes,
    .reach = pad_reach,
    .forward = pad_forward,
    .backward = pad_backward,
};
