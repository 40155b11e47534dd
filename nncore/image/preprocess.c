/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a picture to a network's input and back. A tensor is addressed through the strides of its
 * channel and its row, so both layouts share the loops. */
#include "nncore/image/preprocess.h"

#include "nncore/base/round.h"

#define GRAIN_PX 16384 /* pixels a chunk of rows, about */

typedef struct {
  NnImage image;
  const NnInputSpec *spec;
  float *x;
  int width, height; /* of the tensor, or of what of it counts */
  int64_t channel_stride, column_stride, row_stride;
  int dx, dy; /* 0 to the picture's size - 1; if mirrored, to twice the size - 1 */
  bool mirrored;
} Job;

/* a walk along an axis of the picture, from place to place */
typedef struct {
  int at, step, size;
} Walk;

static Job
make_job(const NnImage *image, const NnInputSpec *spec, const NnTensor *tensor, int dx, int dy,
         bool mirrored)
{
  int times = mirrored ? 2 : 1;
  int64_t height = tensor->shape.dim[2], width = tensor->shape.dim[3];
  bool last = tensor->layout == NN_LAYOUT_CHANNELS_LAST;
  return (Job){
      .image = *image,
      .spec = spec,
      .x = tensor->f,
      .width = (int)width,
      .height = (int)height,
      .channel_stride = last ? 1 : width * height,
      .column_stride = last ? 3 : 1,
      .row_stride = last ? 3 * width : width,
      .dx = (int)nn_wrap(dx, (int64_t)times * image->width),
      .dy = (int)nn_wrap(dy, (int64_t)times * image->height),
      .mirrored = mirrored,
  };
}

/* the tensor's channel that holds colour c */
static int
tensor_channel(const NnInputSpec *spec, int c)
{
  return spec->bgr ? 2 - c : c;
}

/* @begin: as in Job */
static Walk
start_walk(bool mirrored, int64_t begin, int size)
{
  int at = (int)(begin % (mirrored ? 2 * size : size));
  return at < size ? (Walk){at, 1, size} : (Walk){2 * size - 1 - at, -1, size};
}

static void
walk_on(Walk *walk, bool mirrored)
{
  walk->at += walk->step;
  if (walk->at >= 0 && walk->at < walk->size)
    return;
  if (mirrored) {
    walk->at -= walk->step;
    walk->step = -walk->step;
  } else {
    walk->at = 0;
  }
}

static void
fill_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnInputSpec *spec = job->spec;
  for (int64_t y = begin; y < end; y++) {
    int64_t from_y = start_walk(job->mirrored, y + job->dy, job->image.height).at;
    const float *from = job->image.data + from_y * job->image.width * job->image.channels;
    for (int c = 0; c < 3; c++) {
      int k = tensor_channel(spec, c);
      float scale = spec->range / spec->deviation[k];
      float offset = -spec->mean[k] / spec->deviation[k];
      float *to = job->x + y * job->row_stride + k * job->channel_stride;
      Walk walk = start_walk(job->mirrored, job->dx, job->image.width);
      for (int x = 0; x < job->width; x++, walk_on(&walk, job->mirrored))
        to[x * job->column_stride] = from[walk.at * job->image.channels + c] * scale + offset;
    }
  }
}

/* rows of the tensor that are one row of the picture */
static void
add_gradient_row(const Job *job, int64_t y)
{
  const NnInputSpec *spec = job->spec;
  float *to =
      job->image.data + (y + job->dy) % job->image.height * job->image.width * job->image.channels;
  for (; y < job->height; y += job->image.height)
    for (int c = 0; c < 3; c++) {
      int k = tensor_channel(spec, c);
      float scale = spec->range / spec->deviation[k];
      const float *from = job->x + y * job->row_stride + k * job->channel_stride;
      int to_x = job->dx;
      for (int x = 0; x < job->width; x++) {
        to[to_x * job->image.channels + c] += from[x * job->column_stride] * scale;
        if (++to_x == job->image.width)
          to_x = 0;
      }
    }
}

static void
add_gradient_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  for (int64_t y = begin; y < end; y++)
    add_gradient_row(data, y);
}

static void
read_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnInputSpec *spec = job->spec;
  int channels = job->image.channels;
  for (int64_t y = begin; y < end; y++) {
    float *to = job->image.data + ((y + job->dy) * job->image.width + job->dx) * channels;
    for (int c = 0; c < 3; c++) {
      int k = tensor_channel(spec, c);
      const float *from = job->x + y * job->row_stride + k * job->channel_stride;
      for (int x = 0; x < job->width; x++)
        to[x * channels + c] =
            (from[x * job->column_stride] * spec->deviation[k] + spec->mean[k]) / spec->range;
    }
  }
}

void
nn_preprocess(const NnImage *image, const NnInputSpec *spec, const NnTensor *tensor)
{
  Job job = make_job(image, spec, tensor, 0, 0, false);
  fill_rows(0, job.height, 0, &job);
}

void
nn_preprocess_rolled(NnContext *context, const NnImage *image, const NnInputSpec *spec, int dx,
                     int dy, const NnTensor *tensor)
{
  Job job = make_job(image, spec, tensor, dx, dy, false);
  nn_parallel_for(context, job.height, 1 + GRAIN_PX / job.width, fill_rows, &job);
}

void
nn_preprocess_mirrored(NnContext *context, const NnImage *image, const NnInputSpec *spec, int dx,
                       int dy, const NnTensor *tensor)
{
  Job job = make_job(image, spec, tensor, dx, dy, true);
  nn_parallel_for(context, job.height, 1 + GRAIN_PX / job.width, fill_rows, &job);
}

void
nn_input_gradient_add(NnContext *context, const NnTensor *tensor, const NnInputSpec *spec, int dx,
                      int dy, int x, int y, bool periodic, NnImage *image)
{
  Job job = make_job(image, spec, tensor, dx + x, dy + y, false);
  if (!periodic) {
    job.width = CLAMP(image->width - x, 0, job.width);
    job.height = CLAMP(image->height - y, 0, job.height);
  }
  nn_parallel_for(context, MIN(job.height, image->height), 1 + GRAIN_PX / MAX(job.width, 1),
                  add_gradient_rows, &job);
}

/* what of the tensor that begins at (x, y) lies within the picture */
static Job
make_part_job(const NnImage *image, const NnInputSpec *spec, const NnTensor *tensor, int x, int y)
{
  Job job = make_job(image, spec, tensor, 0, 0, false);
  job.dx = x;
  job.dy = y;
  job.width = CLAMP(image->width - x, 0, job.width);
  job.height = CLAMP(image->height - y, 0, job.height);
  return job;
}

void
nn_unpreprocess(NnContext *context, const NnTensor *tensor, const NnInputSpec *spec, int x, int y,
                NnImage *image)
{
  Job job = make_part_job(image, spec, tensor, x, y);
  nn_parallel_for(context, job.height, 1 + GRAIN_PX / MAX(job.width, 1), read_rows, &job);
}

int
nn_input_size(const NnInputSpec *spec, int size)
{
  int multiple = MAX(spec->multiple, 1);
  return (int)nn_round_up(size, multiple);
}
