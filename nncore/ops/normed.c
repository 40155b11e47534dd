/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators on kernels/norm.h have in common. */
#include "nncore/ops/normed.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"

bool
nn_normed_check(const NnInfer *infer, int64_t count, GError **error)
{
  if (!nn_check_floats(infer, NN_NORMED_X, NN_NORMED_SHIFT, error))
    return false;
  for (int i = NN_NORMED_SCALE; i <= NN_NORMED_SHIFT; i++) {
    if (!nn_has_input(infer, i))
      continue;
    const NnShape *shape = &infer->in[i].shape;
    if (nn_shape_check(shape, error) && nn_shape_count(shape) == count)
      continue;
    g_clear_error(error);
    g_autofree char *text = nn_shape_to_string(shape);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("Input %d of this layer has the shape %s instead of %d elements."), i + 1, text,
                (int)MIN(count, G_MAXINT));
    return false;
  }
  return true;
}

unsigned
nn_normed_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(NN_NORMED_X);
}

int64_t
nn_normed_operations(const NnInfer *infer)
{
  return nn_operations_each(&infer->in[NN_NORMED_X].shape, 3);
}

size_t
nn_normed_bytes(const NnNormSets *sets)
{
  return (size_t)(sets->outer * sets->groups) * sizeof(NnNormStatistics);
}

size_t
nn_normed_scratch_bytes(const NnNormSets *sets, int threads)
{
  return nn_normed_bytes(sets) + nn_norm_scratch_bytes(sets, threads);
}

/* what of the scratch memory is behind the statistics */
static void *
kernel_scratch(const NnOpRun *run, const NnNormSets *sets)
{
  return (char *)run->scratch + nn_normed_bytes(sets);
}

static const float *
weights(const NnOpRun *run, int input)
{
  return input < run->n_inputs ? run->in[input].f : NULL;
}

void
nn_normed_forward(const NnOpRun *run, const NnNormSets *sets, float epsilon,
                  NnNormStatistics *statistics)
{
  nn_norm_forward(run->context, sets, epsilon, run->in[NN_NORMED_X].f,
                  weights(run, NN_NORMED_SCALE), weights(run, NN_NORMED_SHIFT), run->out[0].f,
                  statistics, kernel_scratch(run, sets));
}

void
nn_normed_backward(const NnOpRun *run, const NnNormSets *sets, const NnNormStatistics *statistics)
{
  nn_norm_backward(run->context, sets, run->in[NN_NORMED_X].f, weights(run, NN_NORMED_SCALE),
                   statistics, run->grad_out[0].f, run->grad_in[NN_NORMED_X].f,
                   kernel_scratch(run, sets));
}
