/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The content loss. The target is stored P x C, channels fastest, whatever the activations'
 * layout. */
#include "nncore/loss/content.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/sum.h"
#include "nncore/loss/mask.h"

#define GRAIN 16384 /* elements */

typedef struct {
  NnLoss base;
  NnShape shape;
  float *target;
  NnMask mask;
  double squares; /* sum w_p |t_p|^2 */
} ContentLoss;

typedef struct {
  const ContentLoss *content;
  const NnPiece *piece;
  const float *x;
  float *gradient;
  float factor;
  int64_t channels, positions, channel_stride, position_stride;
} Job;

static Job
make_job(const ContentLoss *content, const NnPiece *piece)
{
  Job job = {.content = content, .piece = piece, .x = piece->activation->f};
  bool viewed = nn_channel_view(piece->activation, &job.channels, &job.positions,
                                &job.channel_stride, &job.position_stride);
  g_assert(viewed && nn_shape_equal(&piece->whole, &content->shape));
  return job;
}

static int64_t
grain_of(const Job *job)
{
  return 1 + GRAIN / MAX(job->channels, 1);
}

static void
store_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t p = begin; p < end; p++) {
    float *target = job->content->target + nn_piece_place(job->piece, p) * job->channels;
    for (int64_t c = 0; c < job->channels; c++)
      target[c] = job->x[p * job->position_stride + c * job->channel_stride];
  }
}

static void
content_begin(NnLoss *loss)
{
  ContentLoss *content = (ContentLoss *)loss;
  memset(content->target, 0, (size_t)nn_shape_count(&content->shape) * sizeof(float));
}

static void
content_observe(NnLoss *loss, NnContext *context, const NnPiece *piece)
{
  Job job = make_job((ContentLoss *)loss, piece);
  nn_parallel_for(context, job.positions, grain_of(&job), store_chunk, &job);
}

static double
content_close(NnLoss *loss, NnContext *context)
{
  return 0;
}

/* nothing to compare with before there is a target */
static double
evaluate_nothing(NnLoss *loss, NnContext *context, const NnPiece *piece, float factor,
                 const NnTensor *gradient)
{
  memset(gradient->data, 0, nn_tensor_bytes(gradient));
  return 0;
}

static double
compare_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  double sum = 0;
  for (int64_t p = begin; p < end; p++) {
    const float *target = job->content->target + nn_piece_place(job->piece, p) * job->channels;
    const float *x = job->x + p * job->position_stride;
    float *gradient = job->gradient + p * job->position_stride;
    float weight = nn_mask_at(&job->content->mask, job->piece, p);
    float factor = job->factor * weight;
    double squares = 0;
    for (int64_t c = 0; c < job->channels; c++) {
      float difference = x[c * job->channel_stride] - target[c];
      gradient[c * job->channel_stride] = weight == 0 ? 0 : factor * difference;
      squares += (double)difference * difference;
    }
    sum += weight == 0 ? 0 : weight * squares;
  }
  return sum;
}

static double
content_evaluate(NnLoss *loss, NnContext *context, const NnPiece *piece, float factor,
                 const NnTensor *gradient)
{
  const ContentLoss *content = (ContentLoss *)loss;
  Job job = make_job(content, piece);
  job.gradient = gradient->f;
  job.factor = (float)(2 * factor / content->squares);
  return nn_parallel_sum(context, job.positions, grain_of(&job), compare_chunk, &job) /
         content->squares;
}

static void
content_free(NnLoss *loss)
{
  ContentLoss *content = (ContentLoss *)loss;
  nn_mask_clear(&content->mask);
  nn_free(content->target);
  g_free(content);
}

static const NnLossClass storing_class = {
    .name = "content to be stored",
    .begin = content_begin,
    .observe = content_observe,
    .close = content_close,
    .evaluate = evaluate_nothing,
    .free = content_free,
};

static const NnLossClass content_class = {
    .name = "content", .evaluate = content_evaluate, .free = content_free};

NnLoss *
nn_loss_content(NnContext *context, const NnShape *shape, GError **error)
{
  if (shape->rank < 2 || shape->dim[0] != 1) {
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("This layer has no channels, so that no content can be compared by it. Choose a "
                  "convolution or an activation."));
    return NULL;
  }
  size_t count = (size_t)nn_shape_count(shape);
  float *target = nn_alloc0(count, sizeof(float), error);
  if (target == NULL)
    return NULL;
  ContentLoss *content = g_new0(ContentLoss, 1);
  *content = (ContentLoss){.base = {&storing_class}, .shape = *shape, .target = target};
  nn_loss_hold(&content->base, context, count * sizeof(float));
  return &content->base;
}

static double
square_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const ContentLoss *content = data;
  int64_t channels = content->shape.dim[1];
  double sum = 0;
  for (int64_t p = begin; p < end; p++) {
    double squares = 0;
    for (int64_t c = 0; c < channels; c++)
      squares += (double)content->target[p * channels + c] * content->target[p * channels + c];
    sum += content->mask.weights == NULL ? squares : content->mask.weights[p] * squares;
  }
  return sum;
}

bool
nn_loss_content_fix(NnLoss *loss, NnContext *context, const float *weights, int64_t height,
                    int64_t width, GError **error)
{
  ContentLoss *content = (ContentLoss *)loss;
  g_return_val_if_fail(loss->klass == &storing_class, false);
  if (!nn_mask_set(&content->mask, weights, height, width, error))
    return false;
  g_return_val_if_fail(nn_mask_fits(&content->mask, &content->shape), false);
  int64_t positions = nn_shape_product(&content->shape, 2, content->shape.rank);
  int64_t grain = 1 + GRAIN / MAX(content->shape.dim[1], 1);
  content->squares = nn_parallel_sum(context, positions, grain, square_chunk, content);
  if (!isfinite(content->squares)) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The network's features of the picture are no numbers. Its file may be damaged, "
                  "or its input range set wrongly; choose another network."));
    return false;
  }
  if (!(content->squares > 0))
    content->squares = (double)MAX(nn_shape_count(&content->shape), 1);
  loss->klass = &content_class;
  return true;
}
