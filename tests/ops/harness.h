/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs one operator row by itself, as plan/ would: exact buffers, poisoned where the operator must
 * write, NULL where it must not read. Any failure aborts the test. */
#pragma once

#include "nncore/ops/op.h"

#define MAX_CASE_INPUTS 6

/**
 * Case:
 * @attributes: "kernel_shape=[3,2] auto_pad=SAME_UPPER alpha=0.5 axis=-1", or ""
 * @inputs: "2x5x7" varies; "*5x3" is a constant; "i:2,-1" is a constant int64 vector; "i2x3" a
 *   varying int64 tensor; "b:1,0" the same with values that the layout pass may arrange; "p2x3"
 *   varies and is positive; "f:0.5" is a constant float scalar, "f:1,2" a vector; "-" is left out; "scalar" has rank 0; NULL ends the list
 * @outputs: how many; 0 means 1
 * @kinked: the derivative jumps: inputs are spaced so that no tie is near
 */
typedef struct {
  const char *op;
  const char *attributes;
  const char *inputs[MAX_CASE_INPUTS];
  int outputs;
  bool kinked;
} Case;

/** cases, big_cases: tables that NULL .op ends; big ones fill several chunks for threads. */
extern const Case cases[];
extern const Case big_cases[];

/** Bench: one operator, ready to run in one layout. */
typedef struct {
  const NnOp *op;
  NnLayout layout;
  NnContext *context;
  void *params;
  void *prepared;
  int n_inputs, n_outputs;
  bool varies[MAX_CASE_INPUTS];
  NnTensor in[MAX_CASE_INPUTS], grad_in[MAX_CASE_INPUTS];
  NnTensor out[2], grad_out[2];
  NnType types_in[MAX_CASE_INPUTS], types_out[2];
  const NnTensor *constants[MAX_CASE_INPUTS];
  void *aux, *scratch;
  double spacing; /* between the values of a kinked case */
} Bench;

/** case_attributes: parses the text; to be freed with nn_attributes_clear(). */
NnAttributes case_attributes(const char *text);

/** case_input: shape, dtype, elements (random, or the int64 values); free .data by nn_free(). */
NnTensor case_input(const char *text, GRand *random, bool *varies);

/** bench_infer: parse and infer only. Whether both accept. */
bool bench_infer(const Case *test, NnType out[2], GError **error);

/** bench_has_layout: whether the operator can get this case in @layout. */
bool bench_has_layout(const Case *test, NnLayout layout);

/** bench_new: all benches of one case have the same elements. */
Bench *bench_new(const Case *test, NnLayout layout, int threads, bool gradient);
void bench_free(Bench *bench);

/** bench_forward: poisons the outputs, runs. @bits may be NULL. */
void bench_forward(Bench *bench, NnActivation activation, uint8_t *bits);

/** bench_backward: @seed: the gradient to output 0 in memory order; fills grad_in. */
void bench_backward(Bench *bench, const float *seed);

int64_t bench_count(const Bench *bench, int output);

/** bench_seed: random numbers as many as output 0 has; g_free(). */
float *bench_seed(const Bench *bench);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)
