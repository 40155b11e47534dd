/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operators, one row each, sorted by name. */
#include <string.h>

#include "nncore/ops/op.h"

extern const NnOp nn_op_abs, nn_op_add, nn_op_and, nn_op_arg_max, nn_op_arg_min, nn_op_average_pool, nn_op_batch_normalization, nn_op_cast, nn_op_cast_like, nn_op_ceil, nn_op_celu, nn_op_clip, nn_op_concat, nn_op_constant_of_shape, nn_op_conv, nn_op_cos, nn_op_depth_to_space, nn_op_div, nn_op_dropout, nn_op_elu, nn_op_equal, nn_op_erf, nn_op_exp, nn_op_expand, nn_op_flatten, nn_op_floor, nn_op_gather, nn_op_gelu, nn_op_gemm, nn_op_global_average_pool, nn_op_global_max_pool, nn_op_greater, nn_op_greater_or_equal, nn_op_group_normalization, nn_op_hard_sigmoid, nn_op_hard_swish, nn_op_identity, nn_op_instance_normalization, nn_op_layer_normalization, nn_op_leaky_relu, nn_op_less, nn_op_less_or_equal, nn_op_log, nn_op_log_softmax, nn_op_lp_normalization, nn_op_lrn, nn_op_mat_mul, nn_op_max, nn_op_max_pool, nn_op_mean, nn_op_min, nn_op_mish, nn_op_mod, nn_op_mul, nn_op_neg, nn_op_not, nn_op_or, nn_op_p_relu, nn_op_pad, nn_op_pow, nn_op_range, nn_op_reciprocal, nn_op_reduce_l1, nn_op_reduce_l2, nn_op_reduce_log_sum, nn_op_reduce_log_sum_exp, nn_op_reduce_max, nn_op_reduce_mean, nn_op_reduce_min, nn_op_reduce_prod, nn_op_reduce_sum, nn_op_reduce_sum_square, nn_op_relu, nn_op_reshape, nn_op_resize, nn_op_round, nn_op_selu, nn_op_shape, nn_op_shrink, nn_op_sigmoid, nn_op_sign, nn_op_sin, nn_op_size, nn_op_slice, nn_op_softmax, nn_op_softplus, nn_op_softsign, nn_op_space_to_depth, nn_op_split, nn_op_sqrt, nn_op_squeeze, nn_op_sub, nn_op_sum, nn_op_tanh, nn_op_thresholded_relu, nn_op_tile, nn_op_transpose, nn_op_unsqueeze, nn_op_where, nn_op_xor;

static const NnOp *const op_table[] = {
    &nn_op_abs,
    &nn_op_add,
    &nn_op_and,
    &nn_op_arg_max,
    &nn_op_arg_min,
    &nn_op_average_pool,
    &nn_op_batch_normalization,
    &nn_op_cast,
    &nn_op_cast_like,
    &nn_op_ceil,
    &nn_op_celu,
    &nn_op_clip,
    &nn_op_concat,
    &nn_op_constant_of_shape,
    &nn_op_conv,
    &nn_op_cos,
    &nn_op_depth_to_space,
    &nn_op_div,
    &nn_op_dropout,
    &nn_op_elu,
    &nn_op_equal,
    &nn_op_erf,
    &nn_op_exp,
    &nn_op_expand,
    &nn_op_flatten,
    &nn_op_floor,
    &nn_op_gather,
    &nn_op_gelu,
    &nn_op_gemm,
    &nn_op_global_average_pool,
    &nn_op_global_max_pool,
    &nn_op_greater,
    &nn_op_greater_or_equal,
    &nn_op_group_normalization,
    &nn_op_hard_sigmoid,
    &nn_op_hard_swish,
    &nn_op_identity,
    &nn_op_instance_normalization,
    &nn_op_lrn,
    &nn_op_layer_normalization,
    &nn_op_leaky_relu,
    &nn_op_less,
    &nn_op_less_or_equal,
    &nn_op_log,
    &nn_op_log_softmax,
    &nn_op_lp_normalization,
    &nn_op_mat_mul,
    &nn_op_max,
    &nn_op_max_pool,
    &nn_op_mean,
    &nn_op_min,
    &nn_op_mish,
    &nn_op_mod,
    &nn_op_mul,
    &nn_op_neg,
    &nn_op_not,
    &nn_op_or,
    &nn_op_p_relu,
    &nn_op_pad,
    &nn_op_pow,
    &nn_op_range,
    &nn_op_reciprocal,
    &nn_op_reduce_l1,
    &nn_op_reduce_l2,
    &nn_op_reduce_log_sum,
    &nn_op_reduce_log_sum_exp,
    &nn_op_reduce_max,
    &nn_op_reduce_mean,
    &nn_op_reduce_min,
    &nn_op_reduce_prod,
    &nn_op_reduce_sum,
    &nn_op_reduce_sum_square,
    &nn_op_relu,
    &nn_op_reshape,
    &nn_op_resize,
    &nn_op_round,
    &nn_op_selu,
    &nn_op_shape,
    &nn_op_shrink,
    &nn_op_sigmoid,
    &nn_op_sign,
    &nn_op_sin,
    &nn_op_size,
    &nn_op_slice,
    &nn_op_softmax,
    &nn_op_softplus,
    &nn_op_softsign,
    &nn_op_space_to_depth,
    &nn_op_split,
    &nn_op_sqrt,
    &nn_op_squeeze,
    &nn_op_sub,
    &nn_op_sum,
    &nn_op_tanh,
    &nn_op_thresholded_relu,
    &nn_op_tile,
    &nn_op_transpose,
    &nn_op_unsqueeze,
    &nn_op_where,
    &nn_op_xor,
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
