/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both ways gather: a pixel of the view from the four around its place; a pixel of the gradient from
 * all of the view whose places lie within a pixel of it, which the inverse map finds. Weights are
 * products of (1 - distance) along rows and columns, in double and by one expression both ways. */
#include "nncore/image/warp.h"

#include <math.h>

#define GRAIN_PX 4096
#define SLACK 1e-6 /* px: of the inverse map, whose rounding must lose no pixel */

typedef struct {
  double x, y;
} Place;

typedef struct {
  double cosine, sine; /* times the scale */
  Place picture, view; /* centres, the shift included */
  double reach; /* how far in the view, each way, a pixel of the picture can be seen */
  const NnImage *from;
  NnImage *to;
  float outside;
} Job;

NnWarp
nn_warp_random(NnRandom *random, const NnWarpRange *range)
{
  NnWarp warp;
  warp.dx = nn_random_range(random, -range->jitter_px, range->jitter_px);
  warp.dy = nn_random_range(random, -range->jitter_px, range->jitter_px);
  warp.angle = nn_random_uniform(random, -range->angle, range->angle);
  double most = log1p(range->rescale);
  warp.scale = exp(nn_random_uniform(random, -most, most));
  return warp;
}

static Job
make_job(const NnWarp *warp, const NnImage *picture, const NnImage *view)
{
  Job job = {.cosine = warp->scale * cos(warp->angle), .sine = warp->scale * sin(warp->angle)};
  job.picture =
      (Place){(picture->width - 1) / 2.0 + warp->dx, (picture->height - 1) / 2.0 + warp->dy};
  job.view = (Place){(view->width - 1) / 2.0, (view->height - 1) / 2.0};
  double reach = (fabs(job.cosine) + fabs(job.sine)) / (warp->scale * warp->scale);
  job.reach = reach + SLACK;
  return job;
}

/* where pixel (x, y) of the view looks */
static inline Place
look(const Job *job, int64_t x, int64_t y)
{
  double right = (double)x - job->view.x, down = (double)y - job->view.y;
  return (Place){job->picture.x + job->cosine * right - job->sine * down,
                 job->picture.y + job->sine * right + job->cosine * down};
}

/* the other way */
static inline Place
look_back(const Job *job, int64_t x, int64_t y)
{
  double square = job->cosine * job->cosine + job->sine * job->sine;
  double right = (double)x - job->picture.x, down = (double)y - job->picture.y;
  return (Place){job->view.x + (job->cosine * right + job->sine * down) / square,
                 job->view.y + (job->cosine * down - job->sine * right) / square};
}

/* of the pixel in column x, row y of the picture for that place; 0 from a pixel away on */
static inline float
weigh(Place place, int64_t x, int64_t y)
{
  double across = 1 - fabs(place.x - (double)x), down = 1 - fabs(place.y - (double)y);
  return across > 0 && down > 0 ? (float)(across * down) : 0;
}

static void
view_pixel(const Job *job, Place place, float *to)
{
  const NnImage *picture = job->from;
  int channels = picture->channels;
  int64_t left = (int64_t)floor(place.x), top = (int64_t)floor(place.y);
  for (int c = 0; c < channels; c++)
    to[c] = 0;
  for (int64_t y = top; y <= top + 1; y++)
    for (int64_t x = left; x <= left + 1; x++) {
      bool inside = x >= 0 && y >= 0 && x < picture->width && y < picture->height;
      const float *from = inside ? picture->data + (y * picture->width + x) * channels : NULL;
      float weight = weigh(place, x, y);
      for (int c = 0; c < channels; c++)
        to[c] += weight * (inside ? from[c] : job->outside);
    }
}

static void
view_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  int width = job->to->width, channels = job->to->channels;
  for (int64_t y = begin; y < end; y++)
    for (int64_t x = 0; x < width; x++)
      view_pixel(job, look(job, x, y), job->to->data + (y * width + x) * channels);
}

static void
gather_pixel(const Job *job, int64_t x, int64_t y, float *to)
{
  const NnImage *view = job->from;
  int channels = view->channels;
  Place seen = look_back(job, x, y);
  int64_t left = (int64_t)MAX(ceil(seen.x - job->reach), 0);
  int64_t top = (int64_t)MAX(ceil(seen.y - job->reach), 0);
  int64_t right = (int64_t)MIN(floor(seen.x + job->reach), view->width - 1);
  int64_t bottom = (int64_t)MIN(floor(seen.y + job->reach), view->height - 1);
  for (int c = 0; c < channels; c++)
    to[c] = 0;
  for (int64_t v = top; v <= bottom; v++)
    for (int64_t u = left; u <= right; u++) {
      float weight = weigh(look(job, u, v), x, y);
      const float *from = view->data + (v * view->width + u) * channels;
      for (int c = 0; weight > 0 && c < channels; c++)
        to[c] += weight * from[c];
    }
}

static void
gather_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  int width = job->to->width, channels = job->to->channels;
  for (int64_t y = begin; y < end; y++)
    for (int64_t x = 0; x < width; x++)
      gather_pixel(job, x, y, job->to->data + (y * width + x) * channels);
}

void
nn_warp_view(NnContext *context, const NnWarp *warp, const NnImage *picture, float outside,
             NnImage *view)
{
  Job job = make_job(warp, picture, view);
  job.from = picture;
  job.to = view;
  job.outside = outside;
  nn_parallel_for(context, view->height, 1 + GRAIN_PX / view->width, view_rows, &job);
}

void
nn_warp_gradient(NnContext *context, const NnWarp *warp, const NnImage *view, NnImage *gradient)
{
  Job job = make_job(warp, gradient, view);
  job.from = view;
  job.to = gradient;
  nn_parallel_for(context, gradient->height, 1 + GRAIN_PX / gradient->width, gather_rows, &job);
}
