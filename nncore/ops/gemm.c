/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gemm: Y (M x N) = alpha op(A) op(B) + beta C, C broadcast. op transposes where transA or transB
 * says so. With G the gradient to Y: to op(A) alpha G op(B)^T, to op(B) alpha op(A)^T G, to C
 * beta times G summed over the axes that were broadcast. */
#include <glib/gi18n-lib.h>
#include <limits.h>

#include "nncore/base/error.h"
#include "nncore/kernels/broadcast.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/kernels/matmul.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

enum { A, B, C, N_INPUTS };

typedef struct {
  float alpha, beta;
  int64_t transpose_a, transpose_b;
} Gemm;

static bool
gemm_parse(NnAttributes *attributes, void *data, GError **error)
{
  Gemm *params = data;
  return nn_attributes_float(attributes, "alpha", 1, &params->alpha, error) &&
         nn_attributes_float(attributes, "beta", 1, &params->beta, error) &&
         nn_attributes_int(attributes, "transA", 0, &params->transpose_a, error) &&
         nn_attributes_int(attributes, "transB", 0, &params->transpose_b, error);
}

static bool
check_addend(const NnShape *addend, const NnShape *out, GError **error)
{
  NnShape both;
  if (!nn_shape_broadcast(addend, out, &both, error))
    return false;
  if (nn_shape_equal(&both, out))
    return true;
  g_autofree char *text = nn_shape_to_string(addend);
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("The shape %s of what this layer adds is larger than its product."), text);
  return false;
}

static bool
gemm_infer(NnInfer *infer, GError **error)
{
  const Gemm *params = infer->params;
  const NnType *in = infer->in;
  if (!nn_check_floats(infer, A, C, error) || !nn_check_floats(infer, B, B, error) ||
      !nn_check_rank(&in[A].shape, 2, 2, error) || !nn_check_rank(&in[B].shape, 2, 2, error))
    return false;
  const int64_t *a = in[A].shape.dim, *b = in[B].shape.dim;
  int64_t m = a[params->transpose_a ? 1 : 0], k = a[params->transpose_a ? 0 : 1];
  int64_t n = b[params->transpose_b ? 0 : 1];
  if (k != b[params->transpose_b ? 1 : 0] || MAX(MAX(m, n), k) > INT_MAX) {
    g_autofree char *text_a = nn_shape_to_string(&in[A].shape);
    g_autofree char *text_b = nn_shape_to_string(&in[B].shape);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE, _("The matrices %s and %s cannot be multiplied."),
                text_a, text_b);
    return false;
  }
  NnShape out = NN_SHAPE(m, n);
  return nn_set_output(infer, NN_DTYPE_FLOAT, &out, error) &&
         (!nn_has_input(infer, C) || check_addend(&in[C].shape, &out, error));
}

static unsigned
gemm_keeps(const void *params, unsigned varying)
{
  return (varying & 1u << A ? NN_KEEPS_INPUT(B) : 0) | (varying & 1u << B ? NN_KEEPS_INPUT(A) : 0);
}

static bool
has_addend(const NnOpRun *run)
{
  return run->n_inputs > C && run->in[C].data != NULL;
}

static void
gemm_forward(const NnOpRun *run)
{
  const Gemm *params = run->params;
  const NnTensor *a = &run->in[A], *b = &run->in[B], *y = &run->out[0];
  if (has_addend(run))
    nn_broadcast_scaled(run->context, &run->in[C], params->beta, y);
  NnMatmul product = {.transpose_a = params->transpose_a != 0,
                      .transpose_b = params->transpose_b != 0,
                      .add = has_addend(run),
                      .m = y->shape.dim[0],
                      .n = y->shape.dim[1],
                      .k = a->shape.dim[params->transpose_a ? 0 : 1],
                      .alpha = params->alpha,
                      .a = a->f,
                      .b = b->f,
                      .c = y->f,
                      .lda = a->shape.dim[1],
                      .ldb = b->shape.dim[1],
                      .ldc = y->shape.dim[1]};
  nn_matmul(run->context, &product);
  nn_activate(run->context, run->activation, y->f, y->f, nn_shape_count(&y->shape),
              run->activation_bits);
}

/* to (stored) = alpha op(left) op(right) */
static void
multiply(const NnOpRun *run, const NnTensor *left, bool transpose_left, const NnTensor *right,
         bool transpose_right, const NnTensor *to)
{
  const Gemm *params = run->params;
  NnMatmul product = {.transpose_a = transpose_left,
                      .transpose_b = transpose_right,
                      .m = to->shape.dim[0],
                      .n = to->shape.dim[1],
                      .k = left->shape.dim[transpose_left ? 0 : 1],
                      .alpha = params->alpha,
                      .a = left->f,
                      .b = right->f,
                      .c = to->f,
                      .lda = left->shape.dim[1],
                      .ldb = right->shape.dim[1],
                      .ldc = to->shape.dim[1]};
  nn_matmul(run->context, &product);
}

static void
gemm_backward(const NnOpRun *run)
{
  const Gemm *params = run->params;
  const NnTensor *g = &run->grad_out[0], *to = run->grad_in;
  bool transpose_a = params->transpose_a != 0, transpose_b = params->transpose_b != 0;
  if (to[A].data != NULL && transpose_a)
    multiply(run, &run->in[B], transpose_b, g, true, &to[A]);
  else if (to[A].data != NULL)
    multiply(run, g, false, &run->in[B], !transpose_b, &to[A]);
  if (to[B].data != NULL && transpose_b)
    multiply(run, g, true, &run->in[A], transpose_a, &to[B]);
  else if (to[B].data != NULL)
    multiply(run, &run->in[A], !transpose_a, g, false, &to[B]);
  if (run->n_inputs > C && to[C].data != NULL)
    nn_broadcast_sum(run->context, g, NULL, params->beta, &to[C]);
}

static int64_t
gemm_operations(const NnInfer *infer)
{
  const Gemm *params = infer->params;
  return nn_operations_each(&infer->out[0].shape,
                            infer->in[A].shape.dim[params->transpose_a ? 0 : 1]);
}

const NnOp nn_op_gemm = {
    .onnx_name = "Gemm",
    .min_inputs = 2,
    .max_inputs = N_INPUTS,
    .max_outputs = 1,
    .layout = NN_TAKES_PLAIN,
    .fuses_activation = true,
    .params_bytes = sizeof(Gemm),
    .parse = gemm_parse,
    .infer = gemm_infer,
    .operations = gemm_operations,
    .keeps = gemm_keeps,
    .forward = gemm_forward,
    .backward = gemm_backward,
};
