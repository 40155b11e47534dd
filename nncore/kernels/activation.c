/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Relu and LeakyRelu with their signs as bits. */
#include "nncore/kernels/activation.h"

#include "nncore/kernels/vector.h"

size_t
nn_activation_bits_bytes(int64_t count)
{
  return (size_t)(count + 7) / 8;
}

static inline uint8_t
signs_of_eight(const float *x)
{
  const NnInts low = {1, 2, 4, 8}, high = {16, 32, 64, 128};
  NnInts bits = ((*(const NnFloats *)x > 0) & low) | ((*(const NnFloats *)(x + 4) > 0) & high);
  return (uint8_t)(bits[0] | bits[1] | bits[2] | bits[3]);
}

/* of the last few */
static uint8_t
signs_of(const float *x, int count)
{
  unsigned byte = 0;
  for (int i = 0; i < count; i++)
    byte |= (unsigned)(x[i] > 0) << i;
  return (uint8_t)byte;
}

void
nn_activation_forward(NnActivation activation, float *x, int64_t count, uint8_t *bits)
{
  if (activation.kind == NN_ACTIVATION_NONE)
    return;
  if (bits != NULL) {
    for (int64_t i = 0; i + 8 <= count; i += 8)
      bits[i / 8] = signs_of_eight(x + i);
    if (count % 8 != 0)
      bits[count / 8] = signs_of(x + count / 8 * 8, (int)(count % 8));
  }
  float slope = activation.slope;
  if (slope == 0) /* apart, so that an infinite x gives 0 and not NaN */
    for (int64_t i = 0; i < count; i++)
      x[i] = x[i] > 0 ? x[i] : 0;
  else
    for (int64_t i = 0; i < count; i++)
      x[i] = x[i] > 0 ? x[i] : slope * x[i];
}

typedef struct {
  const uint8_t *bits;
  float *gradient;
  float slope;
} Backward;

/* four gradients times 1 where @keep is set, else times @slope */
static inline void
scale_lanes(float *gradient, NnInts keep, float slope)
{
  NnFloats value = *(const NnFloats *)gradient, scaled = value * slope;
  *(NnInts *)gradient = ((NnInts)value & keep) | ((NnInts)scaled & ~keep);
}

static void
backward_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  (void)worker;
  const Backward *job = data;
  float *g = job->gradient;
  float slope = job->slope;
  const NnInts low = {1, 2, 4, 8}, high = {16, 32, 64, 128};
  int64_t i = begin;
  for (; i + 8 <= end; i += 8) {
    int32_t byte = job->bits[i / 8];
    NnInts bits = {byte, byte, byte, byte};
    scale_lanes(g + i, (bits & low) != 0, slope);
    scale_lanes(g + i + 4, (bits & high) != 0, slope);
  }
  for (; i < end; i++)
    g[i] *= (job->bits[i / 8] >> (i % 8) & 1) ? 1.0f : slope;
}

void
nn_activation_backward(NnContext *context, NnActivation activation, const uint8_t *bits,
                       float *gradient, int64_t count)
{
  if (activation.kind == NN_ACTIVATION_NONE)
    return;
  Backward job = {bits, gradient, activation.slope};
  nn_parallel_for(context, count, 1 << 15, backward_chunk, &job);
}
