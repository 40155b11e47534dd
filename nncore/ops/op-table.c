/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operators, one row each, sorted by name. */
#include <string.h>

#include "nncore/ops/op.h"

extern const NnOp nn_op_add, nn_op_average_pool, nn_op_batch_normalization, nn_op_cast,
    nn_op_concat, nn_op_conv, nn_op_dropout, nn_op_flatten, nn_op_gemm, nn_op_global_average_pool,
    nn_op_identity, nn_op_leaky_relu, nn_op_mat_mul, nn_op_max_pool, nn_op_mul, nn_op_relu,
    nn_op_reshape, nn_op_softmax;

static const NnOp *const op_table[] = {
    &nn_op_add,
    &nn_op_average_pool,
    &nn_op_batch_normalization,
    &nn_op_cast,
    &nn_op_concat,
    &nn_op_conv,
    &nn_op_dropout,
    &nn_op_flatten,
    &nn_op_gemm,
    &nn_op_global_average_pool,
    &nn_op_identity,
    &nn_op_leaky_relu,
    &nn_op_mat_mul,
    &nn_op_max_pool,
    &nn_op_mul,
    &nn_op_relu,
    &nn_op_reshape,
    &nn_op_softmax,
};

const NnOp *
nn_op_find(const char *onnx_name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(op_table); i++)
    if (strcmp(op_table[i]->onnx_name, onnx_name) == 0)
      return op_table[i];
  return NULL;
}

const NnOp *
nn_op_at(int index)
{
  return index >= 0 && index < (int)G_N_ELEMENTS(op_table) ? op_table[index] : NULL;
}
