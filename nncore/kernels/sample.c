/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Picking and mixing. The slowest axis that changes is what threads share out: forward its places
 * in the result, backward its places in the source, so that each writes its own slab. Inside one,
 * the axes are walked one by one; those at the end that do not change are one block. */
#include "nncore/kernels/sample.h"

#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/kernels/elementwise.h"

void
nn_sample_init(NnSample *sample, const NnTensor *tensor)
{
  *sample = (NnSample){.rank = tensor->shape.rank, .dtype = tensor->dtype};
  int64_t dims[NN_MAX_RANK];
  nn_tensor_memory_dims(tensor, dims);
  for (int i = 0; i < sample->rank; i++)
    sample->axis[i] = (NnSampleAxis){.in = dims[i], .out = dims[i], .taps = 1};
}

size_t
nn_sample_table_bytes(int64_t out, int64_t taps, bool weights)
{
  size_t count = (size_t)(out * taps);
  return nn_align(count * sizeof(int64_t)) + (weights ? nn_align(count * sizeof(float)) : 0);
}

void *
nn_sample_set(NnSample *sample, int axis, int64_t out, int64_t taps, bool weights, void *scratch)
{
  NnSampleAxis *a = &sample->axis[axis];
  char *at = scratch;
  a->out = out;
  a->taps = taps;
  a->index = (int64_t *)at;
  a->weight = weights ? (float *)(at + nn_align((size_t)(out * taps) * sizeof(int64_t))) : NULL;
  return at + nn_sample_table_bytes(out, taps, weights);
}

/* What the walks share: the axes from the first that changes to the last that does. */
typedef struct {
  const NnSample *sample;
  int first, last; /* axes; first > last: nothing changes */
  int64_t outer;   /* slabs before the first */
  int64_t block;   /* elements after the last */
  int64_t in_step[NN_MAX_RANK], out_step[NN_MAX_RANK]; /* elements between places of an axis */
  bool copies;     /* one tap, no weights */
  const char *from;
  char *to;
  const int64_t *start,
      *place; /* backward: the places of the result that read each of the source */
  const float *share;
} Walk;

static void
walk_init(Walk *walk, const NnSample *sample)
{
  *walk = (Walk){.sample = sample, .first = 0, .last = sample->rank - 1, .outer = 1, .block = 1};
  while (walk->first < sample->rank && sample->axis[walk->first].index == NULL)
    walk->outer *= sample->axis[walk->first++].out;
  while (walk->last > walk->first && sample->axis[walk->last].index == NULL)
    walk->block *= sample->axis[walk->last--].out;
  walk->copies = true;
  int64_t in = walk->block, out = walk->block;
  for (int i = walk->last; i >= walk->first; i--) {
    walk->in_step[i] = in;
    walk->out_step[i] = out;
    in *= sample->axis[i].in;
    out *= sample->axis[i].out;
    walk->copies = walk->copies && sample->axis[i].taps == 1 && sample->axis[i].weight == NULL;
  }
}

static size_t
element_size(const Walk *walk)
{
  return nn_dtype_size(walk->sample->dtype);
}

static void
fill(const Walk *walk, char *to, int64_t count)
{
  if (walk->sample->dtype == NN_DTYPE_FLOAT)
    for (int64_t i = 0; i < count; i++)
      ((float *)to)[i] = walk->sample->fill.f;
  else
    for (int64_t i = 0; i < count; i++)
      ((int64_t *)to)[i] = walk->sample->fill.i;
}

static void copy_axis(const Walk *walk, int axis, const char *from, char *to);

static void
copy_place(const Walk *walk, int axis, int64_t o, const char *from, char *to)
{
  const NnSampleAxis *a = &walk->sample->axis[axis];
  size_t size = element_size(walk);
  int64_t i = a->index != NULL ? a->index[o] : o;
  if (i < 0)
    fill(walk, to, walk->out_step[axis]);
  else if (axis == walk->last)
    memcpy(to, from + (size_t)(i * walk->block) * size, (size_t)walk->block * size);
  else
    copy_axis(walk, axis + 1, from + (size_t)(i * walk->in_step[axis]) * size, to);
}

/* single numbers, whose copying one by one would be slow */
static void
copy_numbers(const NnSampleAxis *a, const float *from, float *to, float none)
{
  for (int64_t o = 0; o < a->out; o++)
    to[o] = a->index[o] < 0 ? none : from[a->index[o]];
}

static void
copy_axis(const Walk *walk, int axis, const char *from, char *to)
{
  const NnSampleAxis *a = &walk->sample->axis[axis];
  size_t step = (size_t)walk->out_step[axis] * element_size(walk);
  if (axis == walk->last && walk->block == 1 && walk->sample->dtype == NN_DTYPE_FLOAT &&
      a->index != NULL)
    copy_numbers(a, (const float *)from, (float *)to, walk->sample->fill.f);
  else
    for (int64_t o = 0; o < a->out; o++)
      copy_place(walk, axis, o, from, to + (size_t)o * step);
}

static void add_axis(const Walk *walk, int axis, float weight, const float *from, float *to);

static void
add_place(const Walk *walk, int axis, int64_t o, float weight, const float *from, float *to)
{
  const NnSampleAxis *a = &walk->sample->axis[axis];
  for (int64_t t = 0; t < a->taps; t++) {
    int64_t i = a->index != NULL ? a->index[o * a->taps + t] : o;
    float w = a->weight != NULL ? weight * a->weight[o * a->taps + t] : weight;
    const float *source = from + i * walk->in_step[axis];
    if (i < 0) {
      fill(walk, (char *)to, walk->out_step[axis]);
      return;
    }
    if (axis < walk->last)
      add_axis(walk, axis + 1, w, source, to);
    else
      for (int64_t k = 0; k < walk->block; k++)
        to[k] += w * source[k];
  }
}

static void
add_axis(const Walk *walk, int axis, float weight, const float *from, float *to)
{
  for (int64_t o = 0; o < walk->sample->axis[axis].out; o++)
    add_place(walk, axis, o, weight, from, to + o * walk->out_step[axis]);
}

static void
forward_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Walk *walk = data;
  const NnSampleAxis *a = &walk->sample->axis[walk->first];
  size_t size = element_size(walk);
  int64_t out_step = walk->out_step[walk->first], in_slab = walk->in_step[walk->first] * a->in;
  for (int64_t item = begin; item < end; item++) {
    int64_t n = item / a->out, o = item % a->out;
    const char *from = walk->from + (size_t)(n * in_slab) * size;
    char *to = walk->to + (size_t)(item * out_step) * size;
    if (walk->copies) {
      copy_place(walk, walk->first, o, from, to);
      continue;
    }
    memset(to, 0, (size_t)out_step * size);
    add_place(walk, walk->first, o, 1, (const float *)from, (float *)to);
  }
}

static size_t
total_bytes(const NnSample *sample)
{
  size_t bytes = nn_dtype_size(sample->dtype);
  for (int i = 0; i < sample->rank; i++)
    bytes *= (size_t)sample->axis[i].out;
  return bytes;
}

void
nn_sample_forward(NnContext *context, const NnSample *sample, const void *from, void *to)
{
  Walk walk;
  walk_init(&walk, sample);
  if (walk.first >= sample->rank) {
    nn_copy_bytes(context, to, from, total_bytes(sample));
    return;
  }
  walk.from = from;
  walk.to = to;
  const NnSampleAxis *a = &sample->axis[walk.first];
  nn_parallel_for(context, walk.outer * a->out, nn_grain(walk.out_step[walk.first] * a->taps),
                  forward_chunk, &walk);
}

size_t
nn_sample_backward_bytes(int64_t in, int64_t out, int64_t taps)
{
  size_t count = (size_t)(out * taps);
  return nn_align(((size_t)in + 1) * sizeof(int64_t)) + nn_align(count * sizeof(int64_t)) +
         nn_align(count * sizeof(float));
}

/* For each place of the source, which of the result read it: a counting sort, places in order. */
static void
invert(Walk *walk, const NnSampleAxis *a, char *scratch)
{
  int64_t count = a->out * a->taps;
  int64_t *start = (int64_t *)scratch;
  int64_t *place = (int64_t *)(scratch + nn_align(((size_t)a->in + 1) * sizeof(int64_t)));
  float *share = (float *)((char *)place + nn_align((size_t)count * sizeof(int64_t)));
  memset(start, 0, ((size_t)a->in + 1) * sizeof *start);
  for (int64_t k = 0; k < count; k++)
    if (a->index[k / a->taps * a->taps] >= 0)
      start[a->index[k] + 1]++;
  for (int64_t i = 0; i < a->in; i++)
    start[i + 1] += start[i];
  for (int64_t k = 0; k < count; k++) {
    if (a->index[k / a->taps * a->taps] < 0)
      continue;
    int64_t at = start[a->index[k]]++;
    place[at] = k / a->taps;
    share[at] = a->weight != NULL ? a->weight[k] : 1;
  }
  for (int64_t i = a->in; i > 0; i--) /* each start has moved to its end */
    start[i] = start[i - 1];
  start[0] = 0;
  walk->start = start;
  walk->place = place;
  walk->share = share;
}

static void
scatter_axis(const Walk *walk, int axis, float weight, const float *gradient, float *to)
{
  if (axis > walk->last) {
    for (int64_t k = 0; k < walk->block; k++)
      to[k] += weight * gradient[k];
    return;
  }
  const NnSampleAxis *a = &walk->sample->axis[axis];
  for (int64_t o = 0; o < a->out; o++)
    for (int64_t t = 0; t < a->taps; t++) {
      int64_t i = a->index != NULL ? a->index[o * a->taps + t] : o;
      if (i < 0)
        break;
      float w = a->weight != NULL ? weight * a->weight[o * a->taps + t] : weight;
      if (axis == walk->last && walk->block == 1)
        to[i] += w * gradient[o];
      else
        scatter_axis(walk, axis + 1, w, gradient + o * walk->out_step[axis],
                     to + i * walk->in_step[axis]);
    }
}

static void
backward_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Walk *walk = data;
  const NnSampleAxis *a = &walk->sample->axis[walk->first];
  int64_t in_step = walk->in_step[walk->first], out_step = walk->out_step[walk->first];
  for (int64_t item = begin; item < end; item++) {
    int64_t n = item / a->in, i = item % a->in;
    const float *gradient = (const float *)walk->from + n * a->out * out_step;
    float *to = (float *)walk->to + item * in_step;
    memset(to, 0, (size_t)in_step * sizeof *to);
    for (int64_t k = walk->start[i]; k < walk->start[i + 1]; k++)
      scatter_axis(walk, walk->first + 1, walk->share[k], gradient + walk->place[k] * out_step, to);
  }
}

void
nn_sample_backward(NnContext *context, const NnSample *sample, const float *gradient, float *to,
                   void *scratch)
{
  Walk walk;
  walk_init(&walk, sample);
  if (walk.first >= sample->rank) {
    nn_copy_bytes(context, to, gradient, total_bytes(sample));
    return;
  }
  const NnSampleAxis *a = &sample->axis[walk.first];
  invert(&walk, a, scratch);
  walk.from = (const char *)gradient;
  walk.to = (char *)to;
  nn_parallel_for(context, walk.outer * a->in, nn_grain(walk.in_step[walk.first] * a->taps),
                  backward_chunk, &walk);
}
