/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators on kernels/sample.h have in common. */
#include "nncore/ops/sampled.h"

size_t
nn_sampled_scratch_bytes(const NnInfer *infer, int taps, bool weights, bool gradient)
{
  const NnShape *in = &infer->in[0].shape, *out = &infer->out[0].shape;
  size_t tables = 0, inverse = 0;
  for (int i = 0; i < out->rank; i++) {
    int64_t source = i < in->rank ? in->dim[i] : 1;
    tables += nn_sample_table_bytes(out->dim[i], taps, weights);
    inverse = MAX(inverse, nn_sample_backward_bytes(source, out->dim[i], taps));
  }
  return tables + (gradient ? inverse : 0);
}

void
nn_sampled_forward(const NnOpRun *run, NnSampledFunc describe)
{
  NnSample sample;
  describe(run, &sample, run->scratch);
  nn_sample_forward(run->context, &sample, run->in[0].data, run->out[0].data);
}

void
nn_sampled_backward(const NnOpRun *run, NnSampledFunc describe)
{
  NnSample sample;
  if (run->grad_in[0].data == NULL)
    return;
  void *rest = describe(run, &sample, run->scratch);
  nn_sample_backward(run->context, &sample, run->grad_out[0].f, run->grad_in[0].f, rest);
}
