/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operators whose arithmetic is their own, and not a kernel's (tests/unit has these), against their
 * formulas in double precision: LIMIT of the largest value; and their gradients, of the sum of w y,
 * against differences of these formulas. In every layout, with one and with three threads. */
#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "tests/ops/harness.h"
#include "tests/worst.h"

#define LIMIT 1e-5

enum { CHECKED = 150 /* elements of an input, about */ };

/**
 * Reference: @y from the inputs, all in ONNX's order: @n pictures of @channels times @places. What
 * LpPool says is of a plane @high x @wide.
 */
typedef struct {
  int64_t n, channels, places, high, wide;
} Sizes;

typedef void (*Reference)(const Sizes *sizes, double *const *in, double *y);

static double *
at(double *x, const Sizes *s, int64_t n, int64_t c, int64_t p)
{
  return x + (n * s->channels + c) * s->places + p;
}

/* size 5, alpha 0.9, beta 0.75, bias 1.5; and an even size, whose window reaches further up */
static void
lrn(const Sizes *s, double *const *in, double *y, int64_t before, int64_t behind, double alpha,
    double beta, double bias)
{
  for (int64_t n = 0; n < s->n; n++)
    for (int64_t c = 0; c < s->channels; c++)
      for (int64_t p = 0; p < s->places; p++) {
        double sum = 0;
        for (int64_t k = MAX(c - before, 0); k <= MIN(c + behind, s->channels - 1); k++)
          sum += pow(*at(in[0], s, n, k, p), 2);
        double scale = pow(bias + alpha / (double)(before + behind + 1) * sum, beta);
        *at(y, s, n, c, p) = *at(in[0], s, n, c, p) / scale;
      }
}

static void
lrn_odd(const Sizes *s, double *const *in, double *y)
{
  lrn(s, in, y, 2, 2, 0.9, 0.75, 1.5);
}

static void
lrn_even(const Sizes *s, double *const *in, double *y)
{
  lrn(s, in, y, 1, 2, 2, 0.6, 1);
}

static void
log_softmax(const Sizes *s, double *const *in, double *y)
{
  for (int64_t n = 0; n < s->n; n++)
    for (int64_t p = 0; p < s->places; p++) {
      double sum = 0;
      for (int64_t c = 0; c < s->channels; c++)
        sum += exp(*at(in[0], s, n, c, p));
      for (int64_t c = 0; c < s->channels; c++)
        *at(y, s, n, c, p) = *at(in[0], s, n, c, p) - log(sum);
    }
}

static void
softmax(const Sizes *s, double *const *in, double *y)
{
  log_softmax(s, in, y);
  for (int64_t i = 0; i < s->n * s->channels * s->places; i++)
    y[i] = exp(y[i]);
}

/* scale, shift, mean, variance; epsilon 0.01 */
static void
batch_normalization(const Sizes *s, double *const *in, double *y)
{
  for (int64_t n = 0; n < s->n; n++)
    for (int64_t c = 0; c < s->channels; c++)
      for (int64_t p = 0; p < s->places; p++)
        *at(y, s, n, c, p) =
            in[1][c] * (*at(in[0], s, n, c, p) - in[3][c]) / sqrt(in[4][c] + (double)0.01f) +
            in[2][c];
}

/* by channels, p 2 */
static void
lp_normalization(const Sizes *s, double *const *in, double *y)
{
  for (int64_t n = 0; n < s->n; n++)
    for (int64_t p = 0; p < s->places; p++) {
      double sum = 0;
      for (int64_t c = 0; c < s->channels; c++)
        sum += pow(*at(in[0], s, n, c, p), 2);
      for (int64_t c = 0; c < s->channels; c++)
        *at(y, s, n, c, p) = *at(in[0], s, n, c, p) / sqrt(sum);
    }
}

/* kernel 3 x 2, strides 2 x 1, pads 1, 0, 1, 1; p 2 */
static void
lp_pool(const Sizes *s, double *const *in, double *y)
{
  int64_t high = (s->high + 2 - 3) / 2 + 1, wide = s->wide + 1 - 2 + 1;
  for (int64_t plane = 0; plane < s->n * s->channels; plane++)
    for (int64_t v = 0; v < high; v++)
      for (int64_t u = 0; u < wide; u++) {
        double sum = 0;
        for (int64_t a = MAX(2 * v - 1, 0); a <= MIN(2 * v + 1, s->high - 1); a++)
          for (int64_t b = u; b <= MIN(u + 1, s->wide - 1); b++)
            sum += pow(in[0][(plane * s->high + a) * s->wide + b], 2);
        y[(plane * high + v) * wide + u] = sqrt(sum);
      }
}

static void
global_lp_pool(const Sizes *s, double *const *in, double *y)
{
  for (int64_t plane = 0; plane < s->n * s->channels; plane++) {
    double sum = 0;
    for (int64_t p = 0; p < s->places; p++)
      sum += pow(fabs(in[0][plane * s->places + p]), 3);
    y[plane] = cbrt(sum);
  }
}

typedef struct {
  Case run;
  Reference reference;
} Row;

static const Row rows[] = {
    {{"LRN", "size=5 alpha=0.9 beta=0.75 bias=1.5", {"2x11x4x3"}}, lrn_odd},
    {{"LRN", "size=5 alpha=0.9 beta=0.75 bias=1.5", {"1x3x5x7"}}, lrn_odd},
    {{"LRN", "size=4 alpha=2.0 beta=0.6", {"3x13x3x5"}}, lrn_even},
    {{"Softmax", "axis=1", {"4x13x3x5"}}, softmax},
    {{"Softmax", "axis=1", {"3x19"}}, softmax},
    {{"LogSoftmax", "axis=1", {"2x13x3x5"}}, log_softmax},
    {{"LogSoftmax", "axis=1", {"3x19"}}, log_softmax},
    {{"BatchNormalization", "epsilon=0.01", {"3x13x5x7", "*13", "*13", "*13", "*13"}},
     batch_normalization},
    {{"LpNormalization", "axis=1", {"2x13x3x5"}}, lp_normalization},
    {{"LpPool", "kernel_shape=[3,2] strides=[2,1] pads=[1,0,1,1]", {"4x5x9x7"}}, lp_pool},
    {{"GlobalLpPool", "p=3", {"4x13x7x3"}, .kinked = true}, global_lp_pool},
};

/* ---- in ONNX's order and in double precision; nn_free() ---- */

static double *
plain_doubles(const NnTensor *tensor)
{
  int64_t count = nn_shape_count(&tensor->shape);
  NnTensor plain = *tensor;
  plain.layout = NN_LAYOUT_PLAIN;
  plain.f = nn_alloc((size_t)count, sizeof(float), NULL);
  nn_tensor_copy(tensor, &plain);
  double *doubles = nn_alloc((size_t)count, sizeof *doubles, NULL);
  for (int64_t i = 0; i < count; i++)
    doubles[i] = (double)plain.f[i];
  nn_free(plain.f);
  return doubles;
}

static Sizes
sizes_of(const NnShape *shape)
{
  Sizes sizes = {shape->dim[0], shape->dim[1], nn_shape_product(shape, 2, shape->rank), 1, 1};
  if (shape->rank == 4) {
    sizes.high = shape->dim[2];
    sizes.wide = shape->dim[3];
  }
  return sizes;
}

static double
objective(const Row *row, const Sizes *sizes, double *const *in, const double *weights, double *y,
          int64_t count)
{
  double sum = 0;
  row->reference(sizes, in, y);
  for (int64_t i = 0; i < count; i++)
    sum += weights[i] * y[i];
  return sum;
}

/* of the gradient to input 0 */
static double
worst_slope(const Row *row, const Bench *bench, const Sizes *sizes, double *const *in,
            const double *weights, double *y)
{
  int64_t count = nn_shape_count(&bench->in[0].shape), results = bench_count(bench, 0);
  double *gradient = plain_doubles(&bench->grad_in[0]), largest = 0, worst = 0, step = 1e-5;
  for (int64_t i = 0; i < count; i++)
    largest = fmax(largest, fabs(gradient[i]));
  for (int64_t i = 0; i < count; i += count / CHECKED + 1) {
    double before = in[0][i];
    in[0][i] = before + step;
    double up = objective(row, sizes, in, weights, y, results);
    in[0][i] = before - step;
    double down = objective(row, sizes, in, weights, y, results);
    in[0][i] = before;
    worst = worse(worst, fabs((up - down) / (2 * step) - gradient[i]));
  }
  nn_free(gradient);
  g_assert_cmpfloat(largest, >, 0);
  return worst / largest;
}

static void
check(const Row *row, NnLayout layout, int threads)
{
  g_autoptr(Bench) bench = bench_new(&row->run, layout, threads, true);
  g_autofree float *seed = bench_seed(bench);
  int64_t count = bench_count(bench, 0);
  bench_forward(bench, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
  bench_backward(bench, seed);
  double *in[MAX_CASE_INPUTS] = {NULL}, largest = 0, worst = 0;
  for (int i = 0; i < bench->n_inputs; i++)
    in[i] = plain_doubles(&bench->in[i]);
  NnTensor seeds = bench->out[0];
  seeds.f = seed;
  double *got = plain_doubles(&bench->out[0]), *weights = plain_doubles(&seeds);
  double *want = nn_alloc((size_t)count, sizeof *want, NULL);
  Sizes sizes = sizes_of(&bench->in[0].shape);
  row->reference(&sizes, in, want);
  for (int64_t i = 0; i < count; i++) {
    largest = fmax(largest, fabs(want[i]));
    worst = worse(worst, fabs(got[i] - want[i]));
  }
  double slope = worst_slope(row, bench, &sizes, in, weights, want);
  g_test_message("layout %d, %d threads: within %.1e, gradient within %.1e", (int)layout, threads,
                 worst / largest, slope);
  g_assert_cmpfloat(worst, <=, LIMIT * largest);
  g_assert_cmpfloat(slope, <=, LIMIT);
  for (int i = 0; i < bench->n_inputs; i++)
    nn_free(in[i]);
  nn_free(want);
  nn_free(weights);
  nn_free(got);
}

static void
test_row(gconstpointer data)
{
  const Row *row = data;
  int ran = 0;
  for (NnLayout layout = NN_LAYOUT_PLAIN; layout <= NN_LAYOUT_CHANNELS_LAST; layout++)
    for (int threads = 1; threads <= 3 && bench_has_layout(&row->run, layout); threads += 2, ran++)
      check(row, layout, threads);
  g_assert_cmpint(ran, >, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path =
        g_strdup_printf("/references/%s/%s", rows[i].run.op, rows[i].run.inputs[0]);
    g_test_add_data_func(path, &rows[i], test_row);
  }
  return g_test_run();
}
