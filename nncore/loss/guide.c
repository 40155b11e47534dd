/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Best match with a guide: sum over positions p of max over guide positions q of <x_p, g_q>;
 * gradient g_q of the winner. The products are made by GEMM in blocks of POSITIONS x MATCHES, of
 * which each thread has one, and each block only updates the best so far: memory stays bounded
 * however large picture and guide are. Guide vectors are stored as Q x C, channels fastest. */
#include <float.h>
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/round.h"
#include "nncore/base/sum.h"
#include "nncore/kernels/gemm.h"
#include "nncore/loss/loss.h"

#define POSITIONS 64
#define MATCHES 256

typedef struct {
  NnLoss base;
  int64_t count, channels; /* Q, C */
  float *vectors;
  int threads;
  float *products; /* POSITIONS x MATCHES a thread */
} GuideLoss;

typedef struct {
  const GuideLoss *guide;
  const float *x;
  float *gradient;
  float factor;
  int64_t positions, channel_stride, position_stride;
} Job;

typedef struct {
  float product;
  int64_t match;
} Best;

/* the best guide vectors of n positions from begin on */
static void
find_matches(const Job *job, int64_t begin, int64_t n, float *products, Best best[POSITIONS])
{
  const GuideLoss *guide = job->guide;
  bool channels_last = job->channel_stride == 1;
  const float *x = job->x + begin * job->position_stride;
  for (int64_t i = 0; i < n; i++)
    best[i] = (Best){-FLT_MAX, 0};
  for (int64_t from = 0; from < guide->count; from += MATCHES) {
    int64_t matches = MIN(MATCHES, guide->count - from);
    nn_gemm(!channels_last, true, n, matches, guide->channels, 1, x,
            channels_last ? job->position_stride : job->channel_stride,
            guide->vectors + from * guide->channels, guide->channels, 0, products, matches);
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < matches; j++)
        if (products[i * matches + j] > best[i].product)
          best[i] = (Best){products[i * matches + j], from + j};
  }
}

static double
guide_block(const Job *job, int64_t begin, int64_t n, float *products)
{
  const GuideLoss *guide = job->guide;
  Best best[POSITIONS];
  double sum = 0;
  find_matches(job, begin, n, products, best);
  for (int64_t p = begin; p < begin + n; p++) {
    const float *vector = guide->vectors + best[p - begin].match * guide->channels;
    float *gradient = job->gradient + p * job->position_stride;
    for (int64_t c = 0; c < guide->channels; c++)
      gradient[c * job->channel_stride] = job->factor * vector[c];
    sum += best[p - begin].product;
  }
  return sum;
}

/* items are blocks, so that no product depends on how chunks were cut */
static double
guide_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  float *products = job->guide->products + (int64_t)worker * POSITIONS * MATCHES;
  double sum = 0;
  for (int64_t block = begin; block < end; block++)
    sum += guide_block(job, block * POSITIONS, MIN(POSITIONS, job->positions - block * POSITIONS),
                       products);
  return sum;
}

static double
guide_evaluate(NnLoss *loss, NnContext *context, const NnPiece *piece, float factor,
               const NnTensor *gradient)
{
  const GuideLoss *guide = (GuideLoss *)loss;
  const NnTensor *activation = piece->activation;
  Job job = {.guide = guide, .x = activation->f, .gradient = gradient->f, .factor = factor};
  int64_t channels;
  bool viewed = nn_channel_view(activation, &channels, &job.positions, &job.channel_stride,
                                &job.position_stride);
  g_return_val_if_fail(viewed && channels == guide->channels, 0);
  g_return_val_if_fail(nn_context_threads(context) <= guide->threads, 0);
  int64_t blocks = nn_divide_up(job.positions, POSITIONS);
  return nn_parallel_sum(context, blocks, 1, guide_chunk, &job);
}

static void
guide_free(NnLoss *loss)
{
  GuideLoss *guide = (GuideLoss *)loss;
  nn_free(guide->vectors);
  nn_free(guide->products);
  g_free(guide);
}

static const NnLossClass guide_class = {
    .name = "guide", .evaluate = guide_evaluate, .free = guide_free};

NnLoss *
nn_loss_guide(NnContext *context, const NnTensor *features, GError **error)
{
  int64_t channels, positions, channel_stride, position_stride;
  if (!nn_channel_view(features, &channels, &positions, &channel_stride, &position_stride)) {
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("This layer has no channels that a guide could be compared by. Choose a "
                  "convolution or an activation."));
    return NULL;
  }
  GuideLoss *guide = g_new0(GuideLoss, 1);
  g_autoptr(NnLoss) loss = &guide->base;
  *guide = (GuideLoss){.base = {&guide_class}, .count = positions, .channels = channels};
  guide->threads = nn_context_threads(context);
  guide->vectors = nn_alloc((size_t)positions, (size_t)channels * sizeof(float), error);
  if (guide->vectors != NULL)
    guide->products = nn_alloc((size_t)guide->threads, POSITIONS * MATCHES * sizeof(float), error);
  if (guide->products == NULL)
    return NULL;
  nn_loss_hold(loss, context, (size_t)(positions * channels) * sizeof(float));
  for (int64_t p = 0; p < positions; p++)
    for (int64_t c = 0; c < channels; c++)
      guide->vectors[p * channels + c] = features->f[p * position_stride + c * channel_stride];
  return g_steal_pointer(&loss);
}
