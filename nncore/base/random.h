/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random numbers by counter: the n-th number of a seed is a hash of both (SplitMix64, Steele, Lea
 * and Flood 2014), so a picture of a seed is the same on every machine, for every number of
 * threads, and whatever was drawn before. */
#pragma once

#include <stdint.h>

/** NnRandom: @counter is the number drawn next. */
typedef struct {
  uint64_t seed;
  uint64_t counter;
} NnRandom;

/** nn_random_at: number @counter of @seed, uniform over all 64 bits. */
uint64_t nn_random_at(uint64_t seed, uint64_t counter);

/** nn_random_next: the next number. */
uint64_t nn_random_next(NnRandom *random);

/** nn_random_range: uniform from @low to @high, both included; draws one number. */
int nn_random_range(NnRandom *random, int low, int high);

/** nn_random_uniform: uniform from @low to @high, in steps of 2^-53 of the way; draws one number. */
double nn_random_uniform(NnRandom *random, double low, double high);

/** nn_random_normal_at: normal (mean 0, deviation 1; Box and Muller 1958), from the numbers
 * 2 @index and 2 @index + 1 of @seed. */
double nn_random_normal_at(uint64_t seed, uint64_t index);
