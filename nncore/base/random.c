/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random numbers by counter: SplitMix64, whose state is seed + (counter + 1) * golden gamma. */
#include "nncore/base/random.h"

#include <math.h>

#define PI 3.14159265358979323846

uint64_t
nn_random_at(uint64_t seed, uint64_t counter)
{
  uint64_t z = seed + (counter + 1) * UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint64_t
nn_random_next(NnRandom *random)
{
  return nn_random_at(random->seed, random->counter++);
}

int
nn_random_range(NnRandom *random, int low, int high)
{
  /* the upper half times the number of outcomes: no modulo, and a bias below 2^-32 */
  uint64_t outcomes = (uint64_t)((int64_t)high - low + 1);
  return (int)(low + (int64_t)(((nn_random_next(random) >> 32) * outcomes) >> 32));
}

double
nn_random_uniform(NnRandom *random, double low, double high)
{
  return low + (high - low) * ((double)(nn_random_next(random) >> 11) * 0x1p-53);
}

double
nn_random_normal_at(uint64_t seed, uint64_t index)
{
  /* 53 bits each; the radius's are never 0 */
  double radius = (double)((nn_random_at(seed, 2 * index) >> 11) + 1) * 0x1p-53;
  double turn = (double)(nn_random_at(seed, 2 * index + 1) >> 11) * 0x1p-53;
  return sqrt(-2 * log(radius)) * cos(2 * PI * turn);
}
