/* SPDX-License-Identifier: GPL-3.0-or-later */
/* L2 of an activation: 1/2 sum x^2, gradient x. */
#include "nncore/base/sum.h"
#include "nncore/loss/loss.h"

#define GRAIN 16384

typedef struct {
  const float *x;
  float *gradient;
  float factor;
} Job;

static double
l2_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  double sum = 0;
  for (int64_t i = begin; i < end; i++) {
    sum += (double)job->x[i] * job->x[i];
    job->gradient[i] = job->factor * job->x[i];
  }
  return sum;
}

static double
l2_evaluate(NnLoss *loss, NnContext *context, const NnPiece *piece, float factor,
            const NnTensor *gradient)
{
  const NnTensor *activation = piece->activation;
  Job job = {activation->f, gradient->f, factor};
  return 0.5 * nn_parallel_sum(context, nn_shape_count(&activation->shape), GRAIN, l2_chunk, &job);
}

static void
l2_free(NnLoss *loss)
{
  g_free(loss);
}

static const NnLossClass l2_class = {.name = "L2", .evaluate = l2_evaluate, .free = l2_free};

NnLoss *
nn_loss_l2(void)
{
  NnLoss *loss = g_new0(NnLoss, 1);
  loss->klass = &l2_class;
  return loss;
}
