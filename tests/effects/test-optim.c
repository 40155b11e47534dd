/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adam and L-BFGS on functions whose minimum is known: ill-conditioned squares, Rosenbrock's
 * valley, with bounds; from one size to another; for any number of threads. */
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/optim/adam.h"
#include "nncore/optim/lbfgs.h"
#include "tests/effects/noise.h"

typedef struct {
  NnProblem problem;
  int evaluations;
  int fail_at; /* evaluation that is refused; 0: none */
} Bowl;

/* mean of k_i (x_i - t_i)^2, k from 1 to 1000, t from -1 to 1 */
static bool
bowl(gpointer data, double *value, GError **error)
{
  Bowl *self = data;
  int64_t n = self->problem.count;
  *value = 0;
  if (++self->evaluations == self->fail_at) {
    g_set_error(error, NN_ERROR, NN_ERROR_CANCELLED, "Enough.");
    return false;
  }
  for (int64_t i = 0; i < n; i++) {
    double k = pow(1000, (double)i / (double)n);
    double d = (double)self->problem.x[i] - (double)noise_at(3, (uint64_t)i);
    *value += k * d * d / (double)n;
    self->problem.gradient[i] = (float)(2 * k * d / (double)n);
  }
  return true;
}

/* Rosenbrock's function of two numbers */
static bool
valley(gpointer data, double *value, GError **error)
{
  Bowl *self = data;
  double x = self->problem.x[0], y = self->problem.x[1];
  self->evaluations++;
  *value = (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x);
  self->problem.gradient[0] = (float)(-2 * (1 - x) - 400 * x * (y - x * x));
  self->problem.gradient[1] = (float)(200 * (y - x * x));
  return true;
}

static void
bowl_init(Bowl *self, float *x, float *gradient, int64_t count)
{
  memset(x, 0, (size_t)count * sizeof *x);
  *self = (Bowl){.problem = {.x = x, .gradient = gradient, .count = count, .evaluate = bowl}};
  self->problem.data = self;
}

#define N 3000

/* steps until nothing moves or @steps are done; the last value */
static double
descend(Bowl *self, NnLbfgs *lbfgs, NnContext *context, int steps)
{
  g_autoptr(GError) error = NULL;
  double value = INFINITY;
  bool moved = true;
  for (int i = 0; i < steps && moved; i++) {
    double before = value;
    nn_lbfgs_step(lbfgs, context, &self->problem, &value, &moved, &error);
    g_assert_no_error(error);
    g_assert_cmpfloat(value, <=, before);
  }
  return value;
}

static void
test_lbfgs(void)
{
  static float x[N], gradient[N];
  g_autoptr(NnContext) context = nn_context_new(2);
  Bowl self;
  bowl_init(&self, x, gradient, N);
  g_autoptr(NnLbfgs) lbfgs = nn_lbfgs_new(N, 10, 0.01, NULL);
  g_assert_cmpfloat(descend(&self, lbfgs, context, 150), <, 1e-7);
  g_assert_cmpint(nn_lbfgs_evaluations(lbfgs), ==, self.evaluations);
  g_assert_cmpint(self.evaluations, <, 200);
  for (int i = 0; i < N; i++)
    g_assert_cmpfloat_with_epsilon(x[i], noise_at(3, (uint64_t)i), 2e-2);
}

static void
test_valley(void)
{
  float x[2] = {-1.2f, 1}, gradient[2];
  g_autoptr(NnContext) context = nn_context_new(1);
  Bowl self = {.problem = {.x = x, .gradient = gradient, .count = 2, .evaluate = valley}};
  self.problem.data = &self;
  g_autoptr(NnLbfgs) lbfgs = nn_lbfgs_new(2, 5, 0.1, NULL);
  descend(&self, lbfgs, context, 60);
  g_assert_cmpfloat_with_epsilon(x[0], 1, 1e-3);
  g_assert_cmpfloat_with_epsilon(x[1], 1, 1e-3);
}

/* the minimum is the target clipped */
static void
test_bounds(void)
{
  static float x[N], gradient[N];
  g_autoptr(NnContext) context = nn_context_new(2);
  Bowl self;
  bowl_init(&self, x, gradient, N);
  self.problem.bounded = true;
  self.problem.low = -0.5f;
  self.problem.high = 0.25f;
  g_autoptr(NnLbfgs) lbfgs = nn_lbfgs_new(N, 10, 0.01, NULL);
  descend(&self, lbfgs, context, 200);
  for (int i = 0; i < N; i++) {
    float target = noise_at(3, (uint64_t)i);
    g_assert_true(x[i] >= -0.5f && x[i] <= 0.25f);
    g_assert_cmpfloat_with_epsilon(x[i], CLAMP(target, -0.5f, 0.25f), 2e-2);
  }
}

static void
test_adam(void)
{
  static float x[N], gradient[N];
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(GError) error = NULL;
  double value;
  Bowl self;
  bowl_init(&self, x, gradient, N);
  g_autoptr(NnAdam) adam = nn_adam_new(N, NULL);
  for (int i = 0; i < 400; i++) {
    nn_adam_step(adam, context, &self.problem, 0.02 * (1 - i / 400.0), &value, &error);
    g_assert_no_error(error);
  }
  g_assert_cmpint(self.evaluations, ==, 400);
  for (int i = 0; i < N; i++)
    g_assert_cmpfloat_with_epsilon(x[i], noise_at(3, (uint64_t)i), 1e-2);
}

/* the first step of Adam is the rate, against the gradient's sign */
static void
test_adam_first(void)
{
  float x[4], gradient[4];
  g_autoptr(NnContext) context = nn_context_new(1);
  double value;
  Bowl self;
  bowl_init(&self, x, gradient, 4);
  g_autoptr(NnAdam) adam = nn_adam_new(4, NULL);
  g_assert_true(nn_adam_step(adam, context, &self.problem, 0.1, &value, NULL));
  for (int i = 0; i < 4; i++)
    g_assert_cmpfloat_with_epsilon(x[i], noise_at(3, (uint64_t)i) > 0 ? 0.1 : -0.1, 1e-6);
}

/* the same bits, the other way */
static void
test_adam_uphill(void)
{
  float x[2][4], gradient[4];
  g_autoptr(NnContext) context = nn_context_new(1);
  for (int uphill = 0; uphill < 2; uphill++) {
    double value;
    Bowl self;
    bowl_init(&self, x[uphill], gradient, 4);
    self.problem.uphill = uphill;
    g_autoptr(NnAdam) adam = nn_adam_new(4, NULL);
    g_assert_true(nn_adam_step(adam, context, &self.problem, 0.1, &value, NULL));
  }
  for (int i = 0; i < 4; i++)
    g_assert_cmpfloat(x[0][i], ==, -x[1][i]);
}

static bool
same_size(gpointer data, const float *from, float *to, GError **error)
{
  memcpy(to, from, N * sizeof *to);
  return true;
}

/* carried to an equal size, the descent goes on as if nothing had happened */
static void
test_carry(void)
{
  static float x[2][N], gradient[N];
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(GError) error = NULL;
  for (int carried = 0; carried < 2; carried++) {
    Bowl self;
    bowl_init(&self, x[carried], gradient, N);
    g_autoptr(NnLbfgs) lbfgs = nn_lbfgs_new(N, 6, 0.01, NULL);
    descend(&self, lbfgs, context, 20);
    if (carried)
      nn_lbfgs_resize(lbfgs, context, N, same_size, NULL, 1, &error);
    g_assert_no_error(error);
    descend(&self, lbfgs, context, 20);
  }
  g_assert_cmpmem(x[0], sizeof x[0], x[1], sizeof x[1]);
  for (int carried = 0; carried < 2; carried++) {
    Bowl self;
    double value;
    bowl_init(&self, x[carried], gradient, N);
    g_autoptr(NnAdam) adam = nn_adam_new(N, NULL);
    for (int i = 0; i < 10; i++)
      nn_adam_step(adam, context, &self.problem, 0.02, &value, NULL);
    if (carried)
      nn_adam_resize(adam, N, same_size, NULL, 1, &error);
    g_assert_no_error(error);
    for (int i = 0; i < 10; i++)
      nn_adam_step(adam, context, &self.problem, 0.02, &value, NULL);
  }
  g_assert_cmpmem(x[0], sizeof x[0], x[1], sizeof x[1]);
}

static void
test_failure(void)
{
  float x[4], gradient[4];
  g_autoptr(NnContext) context = nn_context_new(1);
  for (int at = 1; at < 5; at++) {
    g_autoptr(GError) error = NULL;
    double value;
    bool moved = true;
    Bowl self;
    bowl_init(&self, x, gradient, 4);
    self.fail_at = at;
    g_autoptr(NnLbfgs) lbfgs = nn_lbfgs_new(4, 3, 0.01, NULL);
    while (nn_lbfgs_step(lbfgs, context, &self.problem, &value, &moved, &error))
      g_assert_true(moved);
    g_assert_error(error, NN_ERROR, NN_ERROR_CANCELLED);
    g_assert_cmpint(self.evaluations, ==, at);
  }
}

static void
test_threads(void)
{
  static float x[2][40000], gradient[40000];
  for (int i = 0; i < 2; i++) {
    g_autoptr(NnContext) context = nn_context_new(i == 0 ? 1 : 4);
    Bowl self;
    bowl_init(&self, x[i], gradient, 40000);
    g_autoptr(NnLbfgs) lbfgs = nn_lbfgs_new(40000, 5, 0.01, NULL);
    descend(&self, lbfgs, context, 15);
  }
  g_assert_cmpmem(x[0], sizeof x[0], x[1], sizeof x[1]);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/optim/lbfgs", test_lbfgs);
  g_test_add_func("/optim/valley", test_valley);
  g_test_add_func("/optim/bounds", test_bounds);
  g_test_add_func("/optim/adam", test_adam);
  g_test_add_func("/optim/adam-first", test_adam_first);
  g_test_add_func("/optim/adam-uphill", test_adam_uphill);
  g_test_add_func("/optim/carry", test_carry);
  g_test_add_func("/optim/failure", test_failure);
  g_test_add_func("/optim/threads", test_threads);
  return g_test_run();
}
