/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Slice: every step-th place from start to end along some axes; inputs 1 to 4 hold starts, ends,
 * axes and steps. Negative places count from the end; what lies outside is brought inside. Any
 * layout. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/sampled.h"
#include "nncore/ops/traits.h"

enum { X, STARTS, ENDS, AXES, STEPS };

typedef struct {
  int64_t start, count, step;
} Cut;

/* as NumPy has it: a negative step runs down to, not including, end */
static Cut
cut_of(int64_t dim, int64_t start, int64_t end, int64_t step)
{
  bool up = step > 0;
  start = start < 0 ? MAX(start, -dim - 1) + dim : start; /* at least -1 */
  end = end < 0 ? MAX(end, -dim - 1) + dim : end;
  start = up ? CLAMP(start, 0, dim) : CLAMP(start, -1, dim - 1);
  end = up ? CLAMP(end, 0, dim) : CLAMP(end, -1, dim - 1);
  int64_t way = up ? end - start : start - end, pace = up ? step : -step;
  return (Cut){start, way > 0 ? (way - 1) / pace + 1 : 0, step};
}

/* the cut along every axis; @ints: starts, ends, axes (or NULL), steps (or NULL) */
static bool
find_cuts(const NnShape *shape, const int64_t *const ints[4], int count, Cut cuts[NN_MAX_RANK],
          GError **error)
{
  for (int i = 0; i < shape->rank; i++)
    cuts[i] = (Cut){0, shape->dim[i], 1};
  for (int k = 0; k < count; k++) {
    int axis;
    int64_t step = ints[3] != NULL ? ints[3][k] : 1;
    if (!nn_shape_axis(shape, ints[2] != NULL ? ints[2][k] : k, &axis, error))
      return false;
    if (step == 0 || step == INT64_MIN) {
      g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED, _("The step of a slice must not be 0."));
      return false;
    }
    cuts[axis] = cut_of(shape->dim[axis], ints[0][k], ints[1][k], step);
  }
  return true;
}

/* the same from the constant inputs */
static bool
slice_cuts(const NnInfer *infer, Cut cuts[NN_MAX_RANK], GError **error)
{
  int64_t values[4][2 * NN_MAX_RANK];
  int counts[4];
  unsigned mask;
  for (int i = 0; i < 4; i++)
    if (!nn_constant_ints(infer, i + 1, values[i], &counts[i], error))
      return false;
  bool fits = counts[0] == counts[1] && counts[0] <= infer->in[X].shape.rank &&
              (counts[2] < 0 || counts[2] == counts[0]) &&
              (counts[3] < 0 || counts[3] == counts[0]);
  if (!fits) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("The lists that say what this layer cuts out do not belong together."));
    return false;
  }
  if (counts[2] > 0 && !nn_axes_mask(values[2], counts[2], infer->in[X].shape.rank, &mask, error))
    return false;
  const int64_t *ints[4] = {values[0], values[1], counts[2] >= 0 ? values[2] : NULL,
                            counts[3] >= 0 ? values[3] : NULL};
  return find_cuts(&infer->in[X].shape, ints, counts[0], cuts, error);
}

static bool
slice_infer(NnInfer *infer, GError **error)
{
  Cut cuts[NN_MAX_RANK];
  for (int i = X; i <= ENDS; i++)
    if (!nn_check_present(infer, i, error))
      return false;
  if (!slice_cuts(infer, cuts, error))
    return false;
  NnShape shape = infer->in[X].shape;
  for (int i = 0; i < shape.rank; i++)
    shape.dim[i] = cuts[i].count;
  return nn_set_output(infer, infer->in[X].dtype, &shape, error);
}

static void *
describe(const NnOpRun *run, NnSample *sample, void *scratch)
{
  const int64_t *ints[4];
  int counts[4];
  for (int i = 0; i < 4; i++)
    ints[i] = nn_run_ints(run, i + 1, &counts[i]);
  Cut cuts[NN_MAX_RANK];
  if (!find_cuts(&run->in[X].shape, ints, counts[0], cuts, NULL))
    g_assert_not_reached();
  nn_sample_init(sample, &run->in[X]);
  for (int i = 0; i < run->in[X].shape.rank; i++) {
    int axis = nn_tensor_memory_axis(&run->in[X], i);
    if (cuts[i].count == run->in[X].shape.dim[i] && cuts[i].step == 1)
      continue;
    scratch = nn_sample_set(sample, axis, cuts[i].count, 1, false, scratch);
    for (int64_t o = 0; o < cuts[i].count; o++)
      sample->axis[axis].index[o] = cuts[i].start + o * cuts[i].step;
  }
  return scratch;
}

static size_t
slice_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return nn_sampled_scratch_bytes(infer, 1, false, gradient);
}

static void
slice_forward(const NnOpRun *run)
{
  nn_sampled_forward(run, describe);
}

static void
slice_backward(const NnOpRun *run)
{
  nn_sampled_backward(run, describe);
}

static void
slice_reach(const NnInfer *infer, int input, NnReach *reach)
{
  Cut cuts[NN_MAX_RANK];
  *reach = (NnReach){.everywhere = true};
  if (input != X || !slice_cuts(infer, cuts, NULL))
    return;
  reach->everywhere = false;
  for (int i = 2; i < infer->in[X].shape.rank; i++) {
    reach->stride[i - 2] = (double)cuts[i].step;
    reach->first[i - 2] = reach->last[i - 2] = (double)cuts[i].start;
  }
}

const NnOp nn_op_slice = {
    .onnx_name = "Slice",
    .min_inputs = 3,
    .max_inputs = 5,
    .max_outputs = 1,
    .constant_inputs = 1u << STARTS | 1u << ENDS | 1u << AXES | 1u << STEPS,
    .layout = NN_TAKES_ANY,
    .infer = slice_infer,
    .scratch_bytes = slice_scratch_bytes,
    .reach = slice_reach,
    .forward = slice_forward,
    .backward = slice_backward,
};
