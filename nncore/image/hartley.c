/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One axis after the other. Two lines at a time are the real and imaginary part of one: its Fourier
 * transform Z gives both of theirs, A = (Z[k] + conj Z[n - k]) / 2 and B = (Z[k] - conj Z[n - k]) /
 * 2i, and a Hartley transform is the real less the imaginary part. LANES pairs of lines are
 * transformed side by side, the pairs innermost: the Fourier transform is Stockham's, whose passes
 * (radix 5, 4, 3, 2) take n * LANES values of stride LANES as they would n * LANES of stride 1. */
#include "nncore/image/hartley.h"

#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/base/round.h"

#define LANES 8
#define MAX_RADIX 5
#define MAX_PASSES 32

/**
 * Axis:
 * @turns: cos and sin of 2 pi k / length, for k from 0 to length - 1
 * @radices: of the passes, whose product is the length
 */
typedef struct {
  int length, n_passes;
  int radices[MAX_PASSES];
  float *turns;
} Axis;

struct NnHartley {
  Axis axes[2]; /* along rows (the width), along columns */
  int threads;
  float *scratch; /* 2 buffers a thread, of LANES complex lines */
};

static const int radices[] = {5, 4, 3, 2};

int
nn_hartley_size(int size)
{
  for (;; size++) {
    int rest = size;
    for (size_t i = 0; i < G_N_ELEMENTS(radices); i++)
      while (rest % radices[i] == 0)
        rest /= radices[i];
    if (rest == 1)
      return size;
  }
}

static bool
axis_init(Axis *axis, int length, GError **error)
{
  axis->length = length;
  int rest = length;
  for (size_t i = 0; i < G_N_ELEMENTS(radices); i++)
    for (; rest % radices[i] == 0; rest /= radices[i])
      axis->radices[axis->n_passes++] = radices[i];
  g_return_val_if_fail(rest == 1, false);
  axis->turns = nn_alloc((size_t)length, 2 * sizeof(float), error);
  for (int k = 0; axis->turns != NULL && k < length; k++) {
    axis->turns[2 * k] = (float)cos(2 * G_PI * k / length);
    axis->turns[2 * k + 1] = (float)sin(2 * G_PI * k / length);
  }
  return axis->turns != NULL;
}

static size_t
buffer_floats(const NnHartley *hartley)
{
  return (size_t)MAX(hartley->axes[0].length, hartley->axes[1].length) * LANES * 2;
}

NnHartley *
nn_hartley_new(NnContext *context, int width, int height, GError **error)
{
  g_autoptr(NnHartley) hartley = g_new0(NnHartley, 1);
  hartley->threads = nn_context_threads(context);
  if (!axis_init(&hartley->axes[0], width, error) || !axis_init(&hartley->axes[1], height, error))
    return NULL;
  hartley->scratch =
      nn_alloc(buffer_floats(hartley), 2 * (size_t)hartley->threads * sizeof(float), error);
  return hartley->scratch != NULL ? g_steal_pointer(&hartley) : NULL;
}

void
nn_hartley_free(NnHartley *hartley)
{
  if (hartley == NULL)
    return;
  nn_free(hartley->axes[0].turns);
  nn_free(hartley->axes[1].turns);
  nn_free(hartley->scratch);
  g_free(hartley);
}

double
nn_hartley_frequency(int index, int size)
{
  return (double)MIN(index, size - index) / size;
}

/* ---- Fourier ---- */

/* to += from times the turn; both of @count complex numbers, split into real and imaginary parts
 * that lie @apart floats from each other */
static void
add_turned(float *restrict to, const float *restrict from, int64_t count, int64_t apart,
           const float *turn)
{
  float cosine = turn[0], sine = -turn[1]; /* e^-i: forward */
  for (int64_t q = 0; q < count; q++) {
    to[q] += from[q] * cosine - from[q + apart] * sine;
    to[q + apart] += from[q] * sine + from[q + apart] * cosine;
  }
}

/**
 * One of Stockham's passes. @n: what is left of the length; @stride: LANES times what is done.
 *   to[r p + k] = sum_j from[p + n / r j] w_n^(p k) w_r^(j k)
 */
static void
run_pass(const Axis *axis, int n, int radix, int64_t stride, const float *from, float *to)
{
  int64_t apart = (int64_t)axis->length * LANES;
  int part = n / radix, unit = axis->length / n;
  for (int p = 0; p < part; p++)
    for (int k = 0; k < radix; k++) {
      float *sum = to + ((int64_t)radix * p + k) * stride;
      memset(sum, 0, (size_t)stride * sizeof(float));
      memset(sum + apart, 0, (size_t)stride * sizeof(float));
      for (int j = 0; j < radix; j++) {
        int64_t turn = (int64_t)k * (p + (int64_t)part * j) % n * unit;
        add_turned(sum, from + (p + (int64_t)part * j) * stride, stride, apart,
                   axis->turns + 2 * turn);
      }
    }
}

/* transforms LANES complex lines; returns the one of both buffers that then holds them */
static float *
transform(const Axis *axis, float *lines, float *other)
{
  int n = axis->length;
  int64_t stride = LANES;
  for (int pass = 0; pass < axis->n_passes; pass++) {
    int radix = axis->radices[pass];
    run_pass(axis, n, radix, stride, lines, other);
    float *swapped = lines;
    lines = other;
    other = swapped;
    n /= radix;
    stride *= radix;
  }
  return lines;
}

/* ---- lines of a picture ---- */

/* the lines of one axis: line l begins at first(l), and its elements lie @step floats apart */
typedef struct {
  const NnHartley *hartley;
  const Axis *axis;
  NnImage *image;
  bool along_rows;
  int64_t n_lines, step;
} Job;

static float *
line_start(const Job *job, int64_t line)
{
  int channels = job->image->channels;
  if (!job->along_rows)
    return job->image->data + line;
  return job->image->data + line / channels * job->image->width * channels + line % channels;
}

/* lines 2 p and 2 p + 1 of the block become parts of pair p; what is past the last line is 0 */
static void
gather(const Job *job, int64_t first, float *lines)
{
  int64_t apart = (int64_t)job->axis->length * LANES;
  for (int l = 0; l < 2 * LANES; l++) {
    float *to = lines + l / 2 + l % 2 * apart;
    bool inside = first + l < job->n_lines;
    const float *from = inside ? line_start(job, first + l) : NULL;
    for (int i = 0; i < job->axis->length; i++)
      to[(int64_t)i * LANES] = inside ? from[i * job->step] : 0;
  }
}

static void
scatter(const Job *job, int64_t first, const float *lines)
{
  int n = job->axis->length;
  int64_t apart = (int64_t)n * LANES;
  float half = 0.5f / sqrtf((float)n);
  for (int l = 0; l < 2 * LANES && first + l < job->n_lines; l++) {
    const float *re = lines + l / 2, *im = re + apart;
    float *to = line_start(job, first + l);
    for (int k = 0; k < n; k++) {
      int64_t at = (int64_t)k * LANES, mirror = (int64_t)(k == 0 ? 0 : n - k) * LANES;
      float even = l % 2 == 0 ? re[at] + re[mirror] : im[at] + im[mirror];
      float odd = l % 2 == 0 ? im[at] - im[mirror] : re[mirror] - re[at];
      to[k * job->step] = (even - odd) * half;
    }
  }
}

static void
run_blocks(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  size_t floats = buffer_floats(job->hartley);
  float *lines = job->hartley->scratch + 2 * (size_t)worker * floats;
  for (int64_t block = begin; block < end; block++) {
    gather(job, block * 2 * LANES, lines);
    scatter(job, block * 2 * LANES, transform(job->axis, lines, lines + floats));
  }
}

void
nn_hartley_run(NnHartley *hartley, NnContext *context, NnImage *image)
{
  g_return_if_fail(image->width == hartley->axes[0].length &&
                   image->height == hartley->axes[1].length &&
                   nn_context_threads(context) <= hartley->threads);
  for (int a = 0; a < 2; a++) {
    Job job = {
        .hartley = hartley,
        .axis = &hartley->axes[a],
        .image = image,
        .along_rows = a == 0,
        .n_lines = (int64_t)(a == 0 ? image->height : image->width) * image->channels,
        .step = a == 0 ? image->channels : (int64_t)image->width * image->channels,
    };
    nn_parallel_for(context, nn_divide_up(job.n_lines, 2 * LANES), 1, run_blocks, &job);
  }
}
