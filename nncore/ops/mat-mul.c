/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MatMul as NumPy's: the last two axes are matrices, those before them a stack that broadcasts; a
 * vector counts as one row on the left and as one column on the right, and that axis is left out
 * of the result. With G the gradient to Y: to A G B^T, to B A^T G, summed where broadcast. */
#include <glib/gi18n-lib.h>
#include <limits.h>

#include "nncore/base/error.h"
#include "nncore/kernels/matmul.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

/* The product with vectors made matrices; steps are counted in elements. */
typedef struct {
  int64_t m, n, k;
  NnShape batch; /* of the result */
  int64_t step_a[NN_MAX_RANK], step_b[NN_MAX_RANK], step_y[NN_MAX_RANK];
} Geometry;

static NnShape
stack_of(const NnShape *shape)
{
  NnShape stack = *shape;
  stack.rank = MAX(shape->rank - 2, 0);
  return stack;
}

static void
steps_of(const NnShape *stack, const NnShape *batch, int64_t matrix, int64_t steps[NN_MAX_RANK])
{
  int64_t step = matrix;
  for (int axis = batch->rank - 1; axis >= 0; axis--) {
    int own = axis - (batch->rank - stack->rank);
    bool broadcast = own < 0 || stack->dim[own] == 1;
    steps[axis] = broadcast ? 0 : step;
    step *= own >= 0 ? stack->dim[own] : 1;
  }
}

static bool
geometry_of(const NnShape *a, const NnShape *b, Geometry *geometry, GError **error)
{
  if (!nn_check_rank(a, 1, NN_MAX_RANK, error) || !nn_check_rank(b, 1, NN_MAX_RANK, error))
    return false;
  Geometry g = {.m = a->rank > 1 ? a->dim[a->rank - 2] : 1,
                .n = b->rank > 1 ? b->dim[b->rank - 1] : 1,
                .k = a->dim[a->rank - 1]};
  if (g.k != b->dim[b->rank > 1 ? b->rank - 2 : 0] || MAX(MAX(g.m, g.n), g.k) > INT_MAX) {
    g_autofree char *text_a = nn_shape_to_string(a), *text_b = nn_shape_to_string(b);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE, _("The matrices %s and %s cannot be multiplied."),
                text_a, text_b);
    return false;
  }
  NnShape stack_a = stack_of(a), stack_b = stack_of(b);
  if (!nn_shape_broadcast(&stack_a, &stack_b, &g.batch, error))
    return false;
  steps_of(&stack_a, &g.batch, g.m * g.k, g.step_a);
  steps_of(&stack_b, &g.batch, g.k * g.n, g.step_b);
  steps_of(&g.batch, &g.batch, g.m * g.n, g.step_y);
  *geometry = g;
  return true;
}

static bool
mat_mul_infer(NnInfer *infer, GError **error)
{
  Geometry g;
  if (!nn_check_floats(infer, 0, 0, error) || !nn_check_floats(infer, 1, 1, error) ||
      !geometry_of(&infer->in[0].shape, &infer->in[1].shape, &g, error))
    return false;
  NnShape out = g.batch;
  if (infer->in[0].shape.rank > 1)
    out.dim[out.rank++] = g.m;
  if (infer->in[1].shape.rank > 1)
    out.dim[out.rank++] = g.n;
  return nn_set_output(infer, NN_DTYPE_FLOAT, &out, error);
}

static unsigned
mat_mul_keeps(const void *params, unsigned varying)
{
  return (varying & 1 ? NN_KEEPS_INPUT(1) : 0) | (varying & 2 ? NN_KEEPS_INPUT(0) : 0);
}

static Geometry
geometry_of_run(const NnOpRun *run)
{
  Geometry g;
  if (!geometry_of(&run->in[0].shape, &run->in[1].shape, &g, NULL))
    g_assert_not_reached();
  return g;
}

static void
copy_steps(NnMatmul *product, const int64_t *a, const int64_t *b, const int64_t *c)
{
  for (int axis = 0; axis < product->batch.rank; axis++) {
    product->step_a[axis] = a[axis];
    product->step_b[axis] = b[axis];
    product->step_c[axis] = c[axis];
  }
}

static void
mat_mul_forward(const NnOpRun *run)
{
  Geometry g = geometry_of_run(run);
  NnMatmul product = {.m = g.m,
                      .n = g.n,
                      .k = g.k,
                      .alpha = 1,
                      .a = run->in[0].f,
                      .b = run->in[1].f,
                      .c = run->out[0].f,
                      .lda = g.k,
                      .ldb = g.n,
                      .ldc = g.n,
                      .batch = g.batch};
  copy_steps(&product, g.step_a, g.step_b, g.step_y);
  nn_matmul(run->context, &product);
}

static void
gradient_to_a(const NnOpRun *run, const Geometry *g)
{
  NnMatmul product = {.transpose_b = true,
                      .m = g->m,
                      .n = g->k,
                      .k = g->n,
                      .alpha = 1,
                      .a = run->grad_out[0].f,
                      .b = run->in[1].f,
                      .c = run->grad_in[0].f,
                      .lda = g->n,
                      .ldb = g->n,
                      .ldc = g->k,
                      .batch = g->batch};
  copy_steps(&product, g->step_y, g->step_b, g->step_a);
  nn_matmul(run->context, &product);
}

static void
gradient_to_b(const NnOpRun *run, const Geometry *g)
{
  NnMatmul product = {.transpose_a = true,
                      .m = g->k,
                      .n = g->n,
                      .k = g->m,
                      .alpha = 1,
                      .a = run->in[0].f,
                      .b = run->grad_out[0].f,
                      .c = run->grad_in[1].f,
                      .lda = g->k,
                      .ldb = g->n,
                      .ldc = g->n,
                      .batch = g->batch};
  copy_steps(&product, g->step_a, g->step_y, g->step_b);
  nn_matmul(run->context, &product);
}

static void
mat_mul_backward(const NnOpRun *run)
{
  Geometry g = geometry_of_run(run);
  if (run->grad_in[0].data != NULL)
    gradient_to_a(run, &g);
  if (run->grad_in[1].data != NULL)
    gradient_to_b(run, &g);
}

static int64_t
mat_mul_operations(const NnInfer *infer)
{
  const NnShape *a = &infer->in[0].shape;
  return nn_operations_each(&infer->out[0].shape, a->dim[a->rank - 1]);
}

const NnOp nn_op_mat_mul = {
    .onnx_name = "MatMul",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_PLAIN,
    .infer = mat_mul_infer,
    .operations = mat_mul_operations,
    .keeps = mat_mul_keeps,
    .forward = mat_mul_forward,
    .backward = mat_mul_backward,
};
