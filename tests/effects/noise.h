/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tensors of noise for the tests of losses. */
#pragma once

#include "nncore/base/random.h"
#include "nncore/tensor/tensor.h"

/** noise_at: number @counter of @seed, uniform from -1 to 1. */
static inline float
noise_at(uint64_t seed, uint64_t counter)
{
  return (float)((double)(nn_random_at(seed, counter) >> 40) / 8388608 - 1);
}

/** noise_new: (transfer full): uniform from -1 to 1. */
static inline NnTensor *
noise_new(const NnShape *shape, NnLayout layout, uint64_t seed)
{
  g_autoptr(GError) error = NULL;
  NnTensor *tensor = nn_tensor_new(NN_DTYPE_FLOAT, shape, &error);
  g_assert_no_error(error);
  tensor->layout = layout;
  for (int64_t i = 0; i < nn_shape_count(shape); i++)
    tensor->f[i] = noise_at(seed, (uint64_t)i);
  return tensor;
}
