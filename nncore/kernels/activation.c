/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Relu, LeakyRelu and Clip with where they let the gradient pass as bits. */
#include "nncore/kernels/activation.h"

#include <string.h>

#include "nncore/kernels/vector.h"

size_t
nn_activation_bits_bytes(int64_t count)
{
  return (size_t)(count + 7) / 8;
}

static inline NnInts
passes(NnActivation activation, const float *x)
{
  NnFloats value = *(const NnFloatsAt *)x;
  if (activation.kind != NN_ACTIVATION_CLIP)
    return value > 0;
  return (value >= activation.low) & (value <= activation.high);
}

static inline uint8_t
bits_of_eight(NnActivation activation, const float *x)
{
  const NnInts low = {1, 2, 4, 8}, high = {16, 32, 64, 128};
  NnInts bits = (passes(activation, x) & low) | (passes(activation, x + 4) & high);
  return (uint8_t)(bits[0] | bits[1] | bits[2] | bits[3]);
}

static void
record(NnActivation activation, const float *x, int64_t count, uint8_t *bits)
{
  int64_t whole = count / 8 * 8;
  for (int64_t i = 0; i < whole; i += 8)
    bits[i / 8] = bits_of_eight(activation, x + i);
  if (whole == count)
    return;
  float last[8] = {0};
  memcpy(last, x + whole, (size_t)(count - whole) * sizeof *last);
  bits[whole / 8] = bits_of_eight(activation, last) & (uint8_t)((1u << (count - whole)) - 1);
}

void
nn_activation_forward(NnActivation activation, float *x, int64_t count, uint8_t *bits)
{
  if (bits != NULL && activation.kind != NN_ACTIVATION_NONE)
    record(activation, x, count, bits);
  float slope = activation.slope, low = activation.low, high = activation.high;
  switch (activation.kind) {
  case NN_ACTIVATION_NONE:
    break;
  case NN_ACTIVATION_RELU: /* apart, so that an infinite x gives 0; a NaN stays one in all three */
    for (int64_t i = 0; i < count; i++)
      x[i] = x[i] < 0 ? 0 : x[i];
    break;
  case NN_ACTIVATION_LEAKY_RELU:
    for (int64_t i = 0; i < count; i++)
      x[i] = x[i] > 0 ? x[i] : slope * x[i];
    break;
  case NN_ACTIVATION_CLIP:
    for (int64_t i = 0; i < count; i++) {
      float above = x[i] < low ? low : x[i];
      x[i] = above > high ? high : above;
    }
  }
}

typedef struct {
  NnGate gate;
  float *gradient;
} GateJob;

/* four gradients times 1 where @keep is set, else times @slope */
static inline void
scale_lanes(float *gradient, NnInts keep, float slope)
{
  NnFloats value = *(const NnFloatsAt *)gradient, scaled = value * slope;
  *(NnIntsAt *)gradient = ((NnInts)value & keep) | ((NnInts)scaled & ~keep);
}

static void
gate_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  (void)worker;
  const GateJob *job = data;
  const uint8_t *bytes = job->gate.bits;
  float *g = job->gradient;
  float slope = job->gate.slope;
  const NnInts low = {1, 2, 4, 8}, high = {16, 32, 64, 128};
  int64_t i = begin;
  for (; i + 8 <= end; i += 8) {
    int32_t byte = bytes[i / 8];
    NnInts bits = {byte, byte, byte, byte};
    scale_lanes(g + i, (bits & low) != 0, slope);
    scale_lanes(g + i + 4, (bits & high) != 0, slope);
  }
  for (; i < end; i++)
    g[i] *= (bytes[i / 8] >> (i % 8) & 1) ? 1.0f : slope;
}

void
nn_gate_run(NnContext *context, NnGate gate, float *gradient, int64_t count)
{
  GateJob job = {gate, gradient};
  if (gate.bits != NULL)
    nn_parallel_for(context, count, 1 << 15, gate_chunk, &job);
}
