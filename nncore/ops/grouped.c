/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Normalisation over groups of channels, by kernels/norm.h. */
#include "nncore/ops/grouped.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"

static int64_t
groups_of(const NnGrouped *params, const NnShape *shape)
{
  return params->groups == NN_GROUPED_BY_CHANNEL ? MAX(shape->dim[1], 1) : params->groups;
}

static NnNormSets
sets_of(const NnGrouped *params, const NnShape *shape)
{
  int64_t pixels = nn_shape_product(shape, 2, shape->rank), groups = groups_of(params, shape);
  return (NnNormSets){shape->dim[0], pixels, groups, shape->dim[1] / groups, params->by_group != 0};
}

bool
nn_grouped_infer(NnInfer *infer, GError **error)
{
  const NnGrouped *params = infer->params;
  const NnShape *shape = &infer->in[NN_NORMED_X].shape;
  if (!nn_check_present(infer, NN_NORMED_X, error) || !nn_check_rank(shape, 2, 5, error))
    return false;
  int64_t groups = groups_of(params, shape);
  if (groups < 1 || groups > MAX(shape->dim[1], 1) || shape->dim[1] % groups != 0) {
    g_autofree char *text = nn_shape_to_string(shape);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("The channels of the shape %s do not divide into %d groups."), text,
                (int)CLAMP(groups, G_MININT, G_MAXINT));
    return false;
  }
  int64_t count = params->by_group != 0 ? groups : shape->dim[1];
  return nn_normed_check(infer, count, error) && nn_infer_same(infer, error);
}

size_t
nn_grouped_aux_bytes(const NnInfer *infer)
{
  NnNormSets sets = sets_of(infer->params, &infer->in[NN_NORMED_X].shape);
  return nn_normed_bytes(&sets);
}

size_t
nn_grouped_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  NnNormSets sets = sets_of(infer->params, &infer->in[NN_NORMED_X].shape);
  return nn_normed_scratch_bytes(&sets, threads);
}

void
nn_grouped_forward(const NnOpRun *run)
{
  const NnGrouped *params = run->params;
  NnNormSets sets = sets_of(params, &run->in[NN_NORMED_X].shape);
  nn_normed_forward(run, &sets, params->epsilon, run->aux != NULL ? run->aux : run->scratch);
}

void
nn_grouped_backward(const NnOpRun *run)
{
  NnNormSets sets = sets_of(run->params, &run->in[NN_NORMED_X].shape);
  nn_normed_backward(run, &sets, run->aux);
}
