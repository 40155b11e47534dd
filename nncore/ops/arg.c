/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ArgMax and ArgMin have in common. */
#include "nncore/ops/arg.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/kernels/elementwise.h"

bool
nn_arg_parse(NnAttributes *attributes, void *data, GError **error)
{
  NnArgParams *params = data;
  return nn_attributes_int(attributes, "axis", 0, &params->axis, error) &&
         nn_attributes_int(attributes, "keepdims", 1, &params->keep_dims, error) &&
         nn_attributes_int(attributes, "select_last_index", 0, &params->select_last, error);
}

bool
nn_arg_infer(NnInfer *infer, GError **error)
{
  const NnArgParams *params = infer->params;
  const NnShape *in = &infer->in[0].shape;
  int axis;
  if (!nn_check_floats(infer, 0, 0, error) || !nn_shape_axis(in, params->axis, &axis, error))
    return false;
  if (in->dim[axis] == 0) {
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("There is no largest or smallest number where there are none."));
    return false;
  }
  NnShape out = {0};
  for (int i = 0; i < in->rank; i++)
    if (i != axis)
      out.dim[out.rank++] = in->dim[i];
    else if (params->keep_dims != 0)
      out.dim[out.rank++] = 1;
  return nn_set_output(infer, NN_DTYPE_INT64, &out, error);
}

typedef struct {
  const float *x;
  int64_t *to;
  int64_t length, inner;
  bool smallest, last;
} Job;

static void
arg_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t item = begin; item < end; item++) {
    const float *x = job->x + item / job->inner * job->length * job->inner + item % job->inner;
    int64_t best = 0;
    for (int64_t i = 1; i < job->length; i++) {
      float value = x[i * job->inner], record = x[best * job->inner];
      bool wins = job->smallest ? value < record : value > record;
      best = wins || (job->last && value == record) ? i : best;
    }
    job->to[item] = best;
  }
}

void
nn_arg_forward(const NnOpRun *run, bool smallest)
{
  const NnArgParams *params = run->params;
  const NnShape *shape = &run->in[0].shape;
  int axis;
  if (!nn_shape_axis(shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  Job job = {run->in[0].f,     run->out[0].i,
             shape->dim[axis], nn_shape_product(shape, axis + 1, shape->rank),
             smallest,         params->select_last != 0};
  nn_parallel_for(run->context, nn_shape_count(&run->out[0].shape), nn_grain(job.length), arg_chunk,
                  &job);
}
