/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kernels/unary.c against the formulas of its header in double precision, and its derivatives against
 * differences of these, over more elements than a thread takes at a time. */
#include <math.h>

#include "nncore/base/memory.h"
#include "nncore/kernels/unary.h"
#include "tests/worst.h"

#define LIMIT 2e-6 /* of the value, or of 1 where that is more */
#define SLOPE_LIMIT 1e-5 /* of the derivative, likewise */
#define STEP 1e4 /* a derivative as large is none: the function jumps */

enum { COUNT = 20011 };

typedef double (*Function)(double x, double a, double b);

static double
absolute(double x, double a, double b)
{
  return fabs(x);
}

static double
ceiling(double x, double a, double b)
{
  return ceil(x);
}

static double
celu(double x, double a, double b)
{
  return fmax(x, 0) + fmin(a * (exp(x / a) - 1), 0);
}

static double
clip(double x, double a, double b)
{
  return fmin(fmax(x, a), b);
}

static double
cosine(double x, double a, double b)
{
  return cos(x);
}

static double
elu(double x, double a, double b)
{
  return x < 0 ? a * (exp(x) - 1) : x;
}

static double
error_function(double x, double a, double b)
{
  return erf(x);
}

static double
exponential(double x, double a, double b)
{
  return exp(x);
}

static double
floored(double x, double a, double b)
{
  return floor(x);
}

static double
gelu(double x, double a, double b)
{
  return x * (1 + erf(x / sqrt(2))) / 2;
}

static double
gelu_tanh(double x, double a, double b)
{
  return x * (1 + tanh(sqrt(2 / G_PI) * (x + 0.044715 * x * x * x))) / 2;
}

static double
hard_sigmoid(double x, double a, double b)
{
  return fmin(fmax(a * x + b, 0), 1);
}

static double
hard_swish(double x, double a, double b)
{
  return x * fmin(fmax(x / 6 + 0.5, 0), 1);
}

static double
logarithm(double x, double a, double b)
{
  return log(x);
}

static double
mish(double x, double a, double b)
{
  return x * tanh(log(1 + exp(x)));
}

static double
negative(double x, double a, double b)
{
  return -x;
}

static double
reciprocal(double x, double a, double b)
{
  return 1 / x;
}

static double
rounded(double x, double a, double b)
{
  return rint(x);
}

static double
selu(double x, double a, double b)
{
  return b * (x < 0 ? a * (exp(x) - 1) : x);
}

static double
shrink(double x, double a, double b)
{
  return x < -a ? x + b : x > a ? x - b : 0;
}

static double
sigmoid(double x, double a, double b)
{
  return 1 / (1 + exp(-x));
}

static double
sign(double x, double a, double b)
{
  return (x > 0) - (x < 0);
}

static double
sine(double x, double a, double b)
{
  return sin(x);
}

static double
softplus(double x, double a, double b)
{
  return log(1 + exp(x));
}

static double
softsign(double x, double a, double b)
{
  return x / (1 + fabs(x));
}

static double
square_root(double x, double a, double b)
{
  return sqrt(x);
}

static double
hyperbolic_tangent(double x, double a, double b)
{
  return tanh(x);
}

static double
thresholded_relu(double x, double a, double b)
{
  return x > a ? x : 0;
}

/* by NnUnaryKind; @low, @high: the x that are tried */
static const struct {
  const char *name;
  Function function;
  float a, b, low, high;
} rows[] = {
    [NN_UNARY_ABS] = {"abs", absolute, 0, 0, -9, 9},
    [NN_UNARY_CEIL] = {"ceil", ceiling, 0, 0, -9, 9},
    [NN_UNARY_CELU] = {"celu", celu, 0.7f, 0, -40, 9},
    [NN_UNARY_CLIP] = {"clip", clip, -1.25f, 2.5f, -9, 9},
    [NN_UNARY_COS] = {"cos", cosine, 0, 0, -30, 30},
    [NN_UNARY_ELU] = {"elu", elu, 1.3f, 0, -40, 9},
    [NN_UNARY_ERF] = {"erf", error_function, 0, 0, -6, 6},
    [NN_UNARY_EXP] = {"exp", exponential, 0, 0, -40, 8},
    [NN_UNARY_FLOOR] = {"floor", floored, 0, 0, -9, 9},
    [NN_UNARY_GELU] = {"gelu", gelu, 0, 0, -20, 20},
    [NN_UNARY_GELU_TANH] = {"gelu-tanh", gelu_tanh, 0, 0, -20, 20},
    [NN_UNARY_HARD_SIGMOID] = {"hard-sigmoid", hard_sigmoid, 0.3f, 0.45f, -9, 9},
    [NN_UNARY_HARD_SWISH] = {"hard-swish", hard_swish, 0, 0, -9, 9},
    [NN_UNARY_LOG] = {"log", logarithm, 0, 0, 0.03f, 90},
    [NN_UNARY_MISH] = {"mish", mish, 0, 0, -30, 30},
    [NN_UNARY_NEG] = {"neg", negative, 0, 0, -9, 9},
    [NN_UNARY_RECIPROCAL] = {"reciprocal", reciprocal, 0, 0, -9, -0.03f},
    [NN_UNARY_ROUND] = {"round", rounded, 0, 0, -9, 9},
    [NN_UNARY_SELU] = {"selu", selu, 1.67326f, 1.0507f, -40, 9},
    [NN_UNARY_SHRINK] = {"shrink", shrink, 0.6f, 0.4f, -9, 9},
    [NN_UNARY_SIGMOID] = {"sigmoid", sigmoid, 0, 0, -90, 90},
    [NN_UNARY_SIGN] = {"sign", sign, 0, 0, -9, 9},
    [NN_UNARY_SIN] = {"sin", sine, 0, 0, -30, 30},
    [NN_UNARY_SOFTPLUS] = {"softplus", softplus, 0, 0, -90, 90},
    [NN_UNARY_SOFTSIGN] = {"softsign", softsign, 0, 0, -90, 90},
    [NN_UNARY_SQRT] = {"sqrt", square_root, 0, 0, 0.03f, 90},
    [NN_UNARY_TANH] = {"tanh", hyperbolic_tangent, 0, 0, -20, 20},
    [NN_UNARY_THRESHOLDED_RELU] = {"thresholded-relu", thresholded_relu, 0.8f, 0, -9, 9},
};

/* the derivative from both sides; false where these differ: at a corner or a step */
static bool
slope_of(int kind, double x, double *slope)
{
  Function f = rows[kind].function;
  double a = (double)rows[kind].a, b = (double)rows[kind].b, step = 1e-5 * fmax(1, fabs(x));
  double left = (f(x, a, b) - f(x - step, a, b)) / step;
  double right = (f(x + step, a, b) - f(x, a, b)) / step;
  *slope = (left + right) / 2;
  return fabs(left - right) <= 1e-2 * fmax(fabs(*slope), 1) && fabs(*slope) < STEP;
}

/* from end to end, with the steps of ROUND among them */
static float *
abscissas(int kind)
{
  float *x = nn_alloc(COUNT, sizeof *x, NULL);
  for (int i = 0; i < COUNT; i++) {
    double share = (double)i / (COUNT - 1);
    double at = (double)rows[kind].low + share * ((double)rows[kind].high - (double)rows[kind].low);
    x[i] = (float)(i % 7 == 0 && rows[kind].low * rows[kind].high < -1 ? rint(2 * at) / 2 : at);
  }
  return x;
}

static void
test_kind(gconstpointer data)
{
  int kind = GPOINTER_TO_INT(data), corners = 0;
  NnUnary unary = {(NnUnaryKind)kind, rows[kind].a, rows[kind].b};
  g_autoptr(NnContext) context = nn_context_new(2);
  float *x = abscissas(kind), *y = nn_alloc(COUNT, sizeof *y, NULL);
  float *gradient = nn_alloc(COUNT, sizeof *gradient, NULL);
  double worst = 0, worst_slope = 0, slope;
  for (int i = 0; i < COUNT; i++)
    gradient[i] = i % 2 == 0 ? 1 : -0.5f;
  nn_unary_apply(context, unary, x, y, COUNT);
  nn_unary_gradient(context, unary, x, gradient, gradient, COUNT);
  for (int i = 0; i < COUNT; i++) {
    double at = (double)x[i], want = rows[kind].function(at, (double)unary.a, (double)unary.b);
    worst = worse(worst, fabs((double)y[i] - want) / fmax(fabs(want), 1));
    double got = (double)gradient[i] / (i % 2 == 0 ? 1 : -0.5);
    if (slope_of(kind, at, &slope))
      worst_slope = worse(worst_slope, fabs(got - slope) / fmax(fabs(slope), 1));
    else
      corners++;
  }
  g_test_message("within %.1e, derivative within %.1e, %d at corners", worst, worst_slope, corners);
  g_assert_cmpfloat(worst, <=, LIMIT);
  g_assert_cmpfloat(worst_slope, <=, SLOPE_LIMIT);
  g_assert_cmpint(corners, <, COUNT / 4);
  nn_free(gradient);
  nn_free(y);
  nn_free(x);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(G_N_ELEMENTS(rows), ==, NN_UNARY_THRESHOLDED_RELU + 1);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strconcat("/unary/", rows[i].name, NULL);
    g_test_add_data_func(path, GINT_TO_POINTER((int)i), test_kind);
  }
  return g_test_run();
}
