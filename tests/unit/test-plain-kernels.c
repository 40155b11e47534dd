/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kernels/ that are plain C, the same for every instruction set: average-pooling, normalisation,
 * sampling, broadcasting, reducing, products of matrices, sums by channel, eigenvectors. There and back, against the
 * same in double precision, written out as plainly as can be; over odd sizes and batches of 1 to 4.
 * What is gathered in floats may differ by LIMIT of the largest value, what is in double by
 * DOUBLE_LIMIT. */
#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/kernels/broadcast.h"
#include "nncore/kernels/channel-sums.h"
#include "nncore/kernels/matmul.h"
#include "nncore/kernels/norm.h"
#include "nncore/kernels/pooling.h"
#include "nncore/kernels/sample.h"
#include "nncore/kernels/symmetric.h"
#include "tests/worst.h"

#define LIMIT 1e-5
#define DOUBLE_LIMIT 1e-12

static float *
random_floats(GRand *random, int64_t count, double low, double high)
{
  float *values = nn_alloc((size_t)count, sizeof *values, NULL);
  for (int64_t i = 0; i < count; i++)
    values[i] = (float)g_rand_double_range(random, low, high);
  return values;
}

static double *
zeros(int64_t count)
{
  return nn_alloc0((size_t)count, sizeof(double), NULL);
}

static void
check(const float *values, const double *want, int64_t count)
{
  double largest = 0, worst = 0;
  for (int64_t i = 0; i < count; i++) {
    largest = MAX(largest, fabs(want[i]));
    worst = worse(worst, fabs((double)values[i] - want[i]));
  }
  g_assert_cmpfloat(worst, <=, LIMIT * largest);
}

/* ---- average-pooling ---- */

static int64_t
pixel_of(const int64_t dims[3], int64_t n, const int64_t at[3])
{
  return ((n * dims[0] + at[0]) * dims[1] + at[1]) * dims[2] + at[2];
}

/* where a window's tap lies along an axis */
static int64_t
tap_place(const NnPooling *p, int d, int64_t o, int64_t k)
{
  const NnWindow *w = &p->window;
  return o * w->stride[d] + k * w->dilation[d] - w->pad_begin[d];
}

static double
divisor_of(const NnPooling *p, NnDivisor divisor, const int64_t o[3])
{
  double product = 1;
  for (int d = 0; d < 3; d++) {
    bool padded = divisor == NN_DIVIDE_BY_PADDED;
    int64_t low = padded ? -p->window.pad_begin[d] : 0, count = 0;
    int64_t high = p->input[d] + (padded ? p->window.pad_end[d] : 0);
    for (int64_t k = 0; k < p->window.kernel[d]; k++) {
      int64_t at = tap_place(p, d, o[d], k);
      count += at >= low && at < high;
    }
    product *= (double)MAX(count, 1);
  }
  return divisor == NN_DIVIDE_BY_ONE ? 1 : product;
}

/* one place of the result: Y from X, or X from Y */
static void
add_window(const NnPooling *p, NnDivisor divisor, int64_t n, const int64_t o[3], const float *from,
           bool back, double *to)
{
  const int64_t *kernel = p->window.kernel;
  double share = 1 / divisor_of(p, divisor, o);
  int64_t y = pixel_of(p->output, n, o) * p->channels;
  for (int64_t t = 0; t < kernel[0] * kernel[1] * kernel[2]; t++) {
    int64_t k[3] = {t / kernel[2] / kernel[1], t / kernel[2] % kernel[1], t % kernel[2]}, q[3];
    bool inside = true;
    for (int d = 0; d < 3; d++) {
      q[d] = tap_place(p, d, o[d], k[d]);
      inside = inside && q[d] >= 0 && q[d] < p->input[d];
    }
    int64_t x = pixel_of(p->input, n, q) * p->channels;
    for (int64_t c = 0; inside && c < p->channels; c++)
      if (back)
        to[x + c] += share * (double)from[y + c];
      else
        to[y + c] += share * (double)from[x + c];
  }
}

static double *
average(const NnPooling *p, NnDivisor divisor, const float *from, bool back)
{
  const int64_t *dims = back ? p->input : p->output;
  double *to = zeros(p->batch * dims[0] * dims[1] * dims[2] * p->channels);
  int64_t o[3];
  for (int64_t n = 0; n < p->batch; n++)
    for (o[0] = 0; o[0] < p->output[0]; o[0]++)
      for (o[1] = 0; o[1] < p->output[1]; o[1]++)
        for (o[2] = 0; o[2] < p->output[2]; o[2]++)
          add_window(p, divisor, n, o, from, back, to);
  return to;
}

/* returns whether the windows fit */
static bool
check_average_pool(NnContext *context, const NnWindow *window, const NnShape *shape,
                   NnDivisor divisor)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(7);
  NnPooling p;
  if (!nn_pooling_resolve(window, shape, &p, NULL))
    return false;
  int64_t in = nn_shape_count(shape);
  int64_t out = p.batch * p.output[0] * p.output[1] * p.output[2] * p.channels;
  float *x = random_floats(random, in, -1, 1), *y = random_floats(random, out, -1, 1);
  double *want = average(&p, divisor, x, false);
  nn_average_pool_forward(context, &p, divisor, x, y);
  check(y, want, out);
  nn_free(want);
  want = average(&p, divisor, y, true);
  nn_average_pool_backward(context, &p, divisor, y, x);
  check(x, want, in);
  nn_free(want);
  nn_free(y);
  nn_free(x);
  return true;
}

static void
test_average_pool(void)
{
  static const NnWindow windows[] = {
      {.rank = 2, .kernel = {1, 2, 2}, .stride = {1, 2, 2}},
      {.rank = 2,
       .kernel = {1, 3, 3},
       .stride = {1, 2, 2},
       .pad_begin = {0, 1, 1},
       .ceil_mode = true},
      {.rank = 2,
       .kernel = {1, 3, 2},
       .stride = {1, 1, 3},
       .dilation = {1, 2, 1},
       .pad_begin = {0, 2, 0},
       .pad_end = {0, 1, 1}},
      {.rank = 3,
       .kernel = {2, 3, 2},
       .stride = {1, 2, 1},
       .dilation = {1, 1, 2},
       .pad_begin = {1, 1, 0},
       .pad_end = {0, 1, 2}},
  };
  static const int64_t sizes[][3] = {{1, 2, 2}, {3, 5, 7}, {2, 13, 9}, {5, 22, 37}};
  static const int64_t channels[] = {1, 8, 19};
  g_autoptr(NnContext) context = nn_context_new(2);
  int fitting = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(windows); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(sizes); k++)
      for (NnDivisor divisor = NN_DIVIDE_BY_INSIDE; divisor <= NN_DIVIDE_BY_ONE; divisor++) {
        const int64_t *s = sizes[k], n = 1 + (int64_t)(i + k) % 4, c = channels[(i + k) % 3];
        NnShape shape =
            windows[i].rank == 2 ? NN_SHAPE(n, c, s[1], s[2]) : NN_SHAPE(n, c, s[0], s[1], s[2]);
        fitting += check_average_pool(context, &windows[i], &shape, divisor);
      }
  g_assert_cmpint(fitting, >=, 36);
}

/* ---- normalisation ---- */

typedef struct {
  NnNormSets sets;
  float epsilon;
  float *x, *scale, *shift, *gradient; /* scale and shift may be NULL */
} Norm;

/* element @i of set (@outer, @group), counted over pixels and then places */
static int64_t
set_element(const NnNormSets *s, int64_t outer, int64_t group, int64_t i)
{
  return ((outer * s->pixels + i / s->size) * s->groups + group) * s->size + i % s->size;
}

static double
weight_at(const NnNormSets *s, const float *weights, int64_t group, int64_t i, double otherwise)
{
  int64_t place = s->scale_by_group ? group : group * s->size + i % s->size;
  return weights != NULL ? (double)weights[place] : otherwise;
}

static void
moments_of(const Norm *norm, int64_t outer, int64_t group, double *mean, double *inverse)
{
  const NnNormSets *s = &norm->sets;
  int64_t count = s->pixels * s->size;
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < count; i++)
    sum += (double)norm->x[set_element(s, outer, group, i)];
  *mean = sum / (double)count;
  for (int64_t i = 0; i < count; i++)
    squares += pow((double)norm->x[set_element(s, outer, group, i)] - *mean, 2);
  *inverse = 1 / sqrt(squares / (double)count + (double)norm->epsilon);
}

static void
normalise_set(const Norm *norm, int64_t outer, int64_t group, double *y)
{
  const NnNormSets *s = &norm->sets;
  double mean, inverse;
  moments_of(norm, outer, group, &mean, &inverse);
  for (int64_t i = 0; i < s->pixels * s->size; i++) {
    int64_t at = set_element(s, outer, group, i);
    y[at] = weight_at(s, norm->scale, group, i, 1) * ((double)norm->x[at] - mean) * inverse +
            weight_at(s, norm->shift, group, i, 0);
  }
}

/* by the chain rule: through the elements themselves, the variance, and the mean */
static void
differentiate_set(const Norm *norm, int64_t outer, int64_t group, double *dx)
{
  const NnNormSets *s = &norm->sets;
  int64_t count = s->pixels * s->size;
  double mean, inverse, to_variance = 0, to_mean = 0;
  moments_of(norm, outer, group, &mean, &inverse);
  for (int64_t i = 0; i < count; i++) {
    int64_t at = set_element(s, outer, group, i);
    double slope = weight_at(s, norm->scale, group, i, 1) * (double)norm->gradient[at];
    to_variance -= slope * ((double)norm->x[at] - mean) * pow(inverse, 3) / 2;
    to_mean -= slope * inverse;
  }
  for (int64_t i = 0; i < count; i++) {
    int64_t at = set_element(s, outer, group, i);
    double slope = weight_at(s, norm->scale, group, i, 1) * (double)norm->gradient[at];
    double from_variance = to_variance * 2 * ((double)norm->x[at] - mean) / (double)count;
    dx[at] = slope * inverse + from_variance + to_mean / (double)count;
  }
}

static void
check_statistics(const Norm *norm, const NnNormStatistics *statistics)
{
  const NnNormSets *s = &norm->sets;
  for (int64_t set = 0; set < s->outer * s->groups; set++) {
    double mean, inverse;
    moments_of(norm, set / s->groups, set % s->groups, &mean, &inverse);
    g_assert_cmpfloat_with_epsilon((double)statistics[set].mean, mean, LIMIT);
    g_assert_cmpfloat_with_epsilon((double)statistics[set].inverse / inverse, 1, LIMIT);
  }
}

static void
run_norm(const Norm *norm, int threads)
{
  const NnNormSets *s = &norm->sets;
  int64_t n_sets = s->outer * s->groups, count = n_sets * s->pixels * s->size;
  g_autoptr(NnContext) context = nn_context_new(threads);
  NnNormStatistics *statistics = nn_alloc((size_t)n_sets, sizeof *statistics, NULL);
  void *scratch = nn_alloc(1, nn_norm_scratch_bytes(s, threads), NULL);
  float *y = nn_alloc((size_t)count, sizeof *y, NULL);
  double *want = zeros(count);
  for (int64_t set = 0; set < n_sets; set++)
    normalise_set(norm, set / s->groups, set % s->groups, want);
  nn_norm_forward(context, s, norm->epsilon, norm->x, norm->scale, norm->shift, y, statistics,
                  scratch);
  check(y, want, count);
  check_statistics(norm, statistics);
  for (int64_t set = 0; set < n_sets; set++)
    differentiate_set(norm, set / s->groups, set % s->groups, want);
  memcpy(y, norm->gradient, (size_t)count * sizeof *y); /* in its place */
  nn_norm_backward(context, s, norm->x, norm->scale, statistics, y, y, scratch);
  check(y, want, count);
  nn_free(want);
  nn_free(y);
  nn_free(scratch);
  nn_free(statistics);
}

/* @weights: whether there are scales and shifts */
static void
check_norm(NnNormSets sets, bool weights, int threads)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(13);
  int64_t places = sets.groups * sets.size, count = sets.outer * sets.pixels * places;
  Norm norm = {.sets = sets, .epsilon = 1e-5f};
  norm.x = random_floats(random, count, -0.5, 1.5);
  norm.gradient = random_floats(random, count, -1, 1);
  norm.scale = weights ? random_floats(random, places, 0.5, 2) : NULL;
  norm.shift = weights ? random_floats(random, places, -1, 1) : NULL;
  run_norm(&norm, threads);
  nn_free(norm.shift);
  nn_free(norm.scale);
  nn_free(norm.gradient);
  nn_free(norm.x);
}

static void
test_norm(void)
{
  static const NnNormSets sets[] = {
      /* instance normalisation, group, layer; and instance in plain memory order */
      {.outer = 1, .pixels = 35, .groups = 19, .size = 1},
      {.outer = 1, .pixels = 3333, .groups = 5, .size = 1},
      {.outer = 1, .pixels = 1517, .groups = 64, .size = 1},
      {.outer = 1, .pixels = 63, .groups = 3, .size = 7},
      {.outer = 1, .pixels = 91, .groups = 4, .size = 4, .scale_by_group = true},
      {.outer = 1, .pixels = 2501, .groups = 2, .size = 24},
      {.outer = 1, .pixels = 1, .groups = 1, .size = 37},
      {.outer = 211, .pixels = 1, .groups = 1, .size = 129},
      {.outer = 1, .pixels = 1, .groups = 11, .size = 40007, .scale_by_group = true},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(sets); i++)
    for (int batch = 1; batch <= 4; batch++) {
      NnNormSets s = sets[i];
      s.outer *= batch;
      check_norm(s, (i + (size_t)batch) % 3 != 0, 1 + batch % 3);
    }
}

/* ---- sampling ---- */

/* NnSampleAxis: @taps 0: the axis stays as it is; @missing: some places have nothing */
typedef struct {
  struct {
    int64_t out, taps;
    bool weights, missing;
  } axis[4];
} Sampling;

static int64_t
axes_count(const NnSample *sample, bool out)
{
  int64_t count = 1;
  for (int a = 0; a < sample->rank; a++)
    count *= out ? sample->axis[a].out : sample->axis[a].in;
  return count;
}

/* the axes from @axis on of place @o, whose earlier axes have led to element @at of the source with
 * @weight. Returns: the sum; with @to, adds @value's shares there instead. */
static double
mix(const NnSample *sample, int axis, const int64_t o[4], int64_t at, double weight,
    const float *from, double value, double *to)
{
  if (axis == sample->rank) {
    if (to != NULL)
      to[at] += weight * value;
    return from != NULL ? weight * (double)from[at] : 0;
  }
  const NnSampleAxis *a = &sample->axis[axis];
  if (a->index == NULL)
    return mix(sample, axis + 1, o, at * a->in + o[axis], weight, from, value, to);
  double sum = 0;
  for (int64_t t = 0; t < a->taps; t++) {
    int64_t k = o[axis] * a->taps + t;
    double w = a->weight != NULL ? weight * (double)a->weight[k] : weight;
    sum += mix(sample, axis + 1, o, at * a->in + a->index[k], w, from, value, to);
  }
  return sum;
}

static void
place_at(const NnSample *sample, int64_t index, int64_t o[4])
{
  for (int a = sample->rank - 1; a >= 0; a--) {
    o[a] = index % sample->axis[a].out;
    index /= sample->axis[a].out;
  }
}

static bool
is_missing(const NnSample *sample, const int64_t o[4])
{
  bool missing = false;
  for (int a = 0; a < sample->rank; a++)
    missing = missing || (sample->axis[a].index != NULL &&
                          sample->axis[a].index[o[a] * sample->axis[a].taps] < 0);
  return missing;
}

static void
fill_tables(GRand *random, const NnSampleAxis *a, bool missing)
{
  for (int64_t k = 0; k < a->out * a->taps; k++) {
    a->index[k] = g_rand_int_range(random, 0, (int)a->in);
    if (missing && k % a->taps == 0 && g_rand_int_range(random, 0, 4) == 0)
      a->index[k] = -1;
    if (a->weight != NULL)
      a->weight[k] = (float)g_rand_double_range(random, -1, 1);
  }
}

/* returns the tables' memory */
static void *
make_tables(GRand *random, const Sampling *sampling, NnSample *sample)
{
  size_t bytes = 1;
  for (int a = 0; a < 4; a++)
    bytes += nn_sample_table_bytes(sampling->axis[a].out, sampling->axis[a].taps,
                                   sampling->axis[a].weights);
  void *memory = nn_alloc(bytes, 1, NULL), *next = memory;
  for (int a = 0; a < 4; a++) {
    if (sampling->axis[a].taps == 0)
      continue;
    next = nn_sample_set(sample, a, sampling->axis[a].out, sampling->axis[a].taps,
                         sampling->axis[a].weights, next);
    fill_tables(random, &sample->axis[a], sampling->axis[a].missing);
  }
  return memory;
}

static void
check_sample_forward(NnContext *context, GRand *random, const NnSample *sample, const float *from)
{
  int64_t count = axes_count(sample, true), o[4];
  float *to = random_floats(random, count, -1, 1);
  double *want = zeros(count);
  nn_sample_forward(context, sample, from, to);
  for (int64_t i = 0; i < count; i++) {
    place_at(sample, i, o);
    want[i] =
        is_missing(sample, o) ? (double)sample->fill.f : mix(sample, 0, o, 0, 1, from, 0, NULL);
  }
  check(to, want, count);
  nn_free(want);
  nn_free(to);
}

static void
check_sample_backward(NnContext *context, GRand *random, const NnSample *sample)
{
  int64_t count = axes_count(sample, true), sources = axes_count(sample, false), o[4];
  int64_t in = 1, out = 1, taps = 1;
  for (int a = 0; a < sample->rank; a++) {
    in = MAX(in, sample->axis[a].in);
    out = MAX(out, sample->axis[a].out);
    taps = MAX(taps, sample->axis[a].taps);
  }
  float *gradient = random_floats(random, count, -1, 1);
  float *to = random_floats(random, sources, -1, 1);
  void *scratch = nn_alloc(nn_sample_backward_bytes(in, out, taps), 1, NULL);
  double *want = zeros(sources);
  nn_sample_backward(context, sample, gradient, to, scratch);
  for (int64_t i = 0; i < count; i++) {
    place_at(sample, i, o);
    if (!is_missing(sample, o))
      mix(sample, 0, o, 0, 1, NULL, (double)gradient[i], want);
  }
  check(to, want, sources);
  nn_free(want);
  nn_free(scratch);
  nn_free(to);
  nn_free(gradient);
}

static void
check_sampling(const Sampling *sampling, const NnShape *shape, int threads)
{
  g_autoptr(NnContext) context = nn_context_new(threads);
  g_autoptr(GRand) random = g_rand_new_with_seed(23);
  NnTensor tensor = {.shape = *shape, .layout = NN_LAYOUT_CHANNELS_LAST};
  tensor.f = random_floats(random, nn_shape_count(shape), -1, 1);
  NnSample sample;
  nn_sample_init(&sample, &tensor);
  sample.fill.f = 0.75f;
  void *tables = make_tables(random, sampling, &sample);
  check_sample_forward(context, random, &sample, tensor.f);
  check_sample_backward(context, random, &sample);
  nn_free(tables);
  nn_free(tensor.f);
}

static void
test_sample(void)
{
  /* in memory order: batch, height, width, channels */
  static const Sampling samplings[] = {
      {{{0}}}, /* nothing changes */
      {{{0}, {31, 2, true, false}, {45, 2, true, false}, {0}}}, /* linear */
      {{{0}, {9, 4, true, false}, {17, 4, true, true}, {0}}}, /* cubic */
      {{{0}, {19, 1, false, true}, {23, 1, false, true}, {0}}}, /* pads */
      {{{3, 1, false, false}, {0}, {7, 1, false, false}, {0}}}, /* tiles */
      {{{0}, {0}, {0}, {21, 1, false, true}}}, /* channels picked */
      {{{0}, {11, 3, true, false}, {0}, {5, 2, true, false}}},
      {{{0}, {0}, {13, 2, false, false}, {0}}},
  };
  static const int64_t sizes[][3] = {{1, 1, 3}, {7, 5, 19}, {13, 22, 8}};
  for (size_t i = 0; i < G_N_ELEMENTS(samplings); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(sizes); k++) {
      int64_t batch = 1 + (int64_t)(i + k) % 4;
      NnShape shape = NN_SHAPE(batch, sizes[k][2], sizes[k][0], sizes[k][1]);
      check_sampling(&samplings[i], &shape, 1 + (int)k % 3);
    }
}

/* ---- broadcasting ---- */

/* the element of @tensor that belongs to @place of the full shape */
static int64_t
element_at(const NnTensor *tensor, const NnShape *full, const int64_t place[4])
{
  int rank = tensor->shape.rank;
  bool last = tensor->layout == NN_LAYOUT_CHANNELS_LAST;
  int64_t at = 0;
  for (int i = 0; i < rank; i++) {
    int axis = !last || i == 0 ? i : i < rank - 1 ? i + 1 : 1;
    int64_t size = tensor->shape.dim[axis];
    at = at * size + (size == 1 ? 0 : place[full->rank - rank + axis]);
  }
  return at;
}

static void
next_place(const NnShape *full, int64_t place[4])
{
  for (int axis = full->rank - 1; axis >= 0; axis--) {
    if (++place[axis] < full->dim[axis])
      return;
    place[axis] = 0;
  }
}

static NnTensor
tensor_new(GRand *random, const NnShape *shape, NnLayout layout, double low, double high)
{
  return (NnTensor){.shape = *shape,
                    .layout = shape->rank == 4 ? layout : NN_LAYOUT_PLAIN,
                    .f = random_floats(random, nn_shape_count(shape), low, high)};
}

/* NumPy's */
static double
modulo(double a, double b)
{
  return a - b * floor(a / b);
}

/* in the order of NnBinary; @slopes: to a and to b */
static double
binary_value(NnBinary binary, double a, double b, double slopes[2])
{
  double values[] = {a + b,     a * b,     a - b,        a / b,      pow(a, b),
                     MAX(a, b), MIN(a, b), modulo(a, b), fmod(a, b), a > 0 ? a : a * b};
  double to_a[] = {1, b, 1, 1 / b, b * pow(a, b - 1), a >= b, a <= b, 0, 0, a > 0 ? 1 : b};
  double to_b[] = {1, a, -1, -a / b / b, pow(a, b) * log(a), a<b, a> b, 0, 0, a > 0 ? 0 : a};
  slopes[0] = to_a[binary];
  slopes[1] = to_b[binary];
  return values[binary];
}

/* what one pair of tensors is tried with */
typedef struct {
  NnContext *context;
  NnTensor a, b, out, gradient;
} Pair;

/* the gradient to operand @which, of the full shape; and its sum, of the operand's own */
static void
check_slopes(const Pair *pair, NnBinary binary, int which, const double *want)
{
  const NnTensor *operand = which == 0 ? &pair->a : &pair->b;
  const NnShape *full = &pair->out.shape;
  int64_t place[4] = {0};
  nn_broadcast_binary_gradient(pair->context, binary, which, &pair->a, &pair->b, &pair->gradient,
                               &pair->out);
  check(pair->out.f, want, nn_shape_count(full));
  NnTensor sum = *operand;
  int64_t count = nn_shape_count(&sum.shape);
  sum.f = nn_alloc((size_t)count, sizeof *sum.f, NULL);
  double *sums = zeros(count);
  nn_broadcast_sum(pair->context, &pair->out, NULL, 1.5f, &sum);
  for (int64_t i = 0; i < nn_shape_count(full); i++, next_place(full, place))
    sums[element_at(operand, full, place)] +=
        1.5 * (double)pair->out.f[element_at(&pair->out, full, place)];
  check(sum.f, sums, count);
  nn_free(sums);
  nn_free(sum.f);
}

static void
check_binary(const Pair *pair, NnBinary binary)
{
  const NnShape *full = &pair->out.shape;
  int64_t count = nn_shape_count(full), place[4] = {0};
  double *want = zeros(count), *slopes[2] = {zeros(count), zeros(count)};
  for (int64_t i = 0; i < count; i++, next_place(full, place)) {
    int64_t at = element_at(&pair->out, full, place);
    double to[2], a = (double)pair->a.f[element_at(&pair->a, full, place)];
    want[at] = binary_value(binary, a, (double)pair->b.f[element_at(&pair->b, full, place)], to);
    for (int which = 0; which < 2; which++)
      slopes[which][at] = to[which] * (double)pair->gradient.f[at];
  }
  nn_broadcast_binary(pair->context, binary, &pair->a, &pair->b, &pair->out,
                      (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
  check(pair->out.f, want, count);
  bool smooth = binary != NN_BINARY_MODULO && binary != NN_BINARY_REMAINDER;
  for (int which = 0; smooth && which < 2; which++)
    check_slopes(pair, binary, which, slopes[which]);
  nn_free(want);
  nn_free(slopes[0]);
  nn_free(slopes[1]);
}

static const NnLayout layouts[] = {NN_LAYOUT_PLAIN, NN_LAYOUT_CHANNELS_LAST};

/* shapes of what is broadcast: each element, channel, pixel, picture; rows; one number */
static NnShape
operand_shape(const NnShape *full, int kind)
{
  const int64_t *dim = full->dim;
  const NnShape shapes[] = {*full,
                            NN_SHAPE(1, dim[1], 1, 1),
                            NN_SHAPE(dim[0], 1, dim[2], dim[3]),
                            NN_SHAPE(dim[0], dim[1], 1, 1),
                            NN_SHAPE(dim[2], 1),
                            {0}};
  return shapes[kind];
}

enum { OPERAND_KINDS = 6 };

static NnShape
full_shape(int i)
{
  static const int64_t sizes[][3] = {{3, 1, 1}, {19, 5, 7}, {8, 31, 45}, {33, 13, 22}};
  return NN_SHAPE(1 + i % 4, sizes[i][0], sizes[i][1], sizes[i][2]);
}

static void
check_pair(NnBinary binary, int size, int kind, NnLayout layout)
{
  g_autoptr(NnContext) context = nn_context_new(1 + (size + kind) % 3);
  g_autoptr(GRand) random = g_rand_new_with_seed(29);
  NnShape full = full_shape(size), shape = operand_shape(&full, kind);
  /* bases above 0, divisors away from it */
  bool positive = binary == NN_BINARY_POWER, apart = binary == NN_BINARY_DIVIDE;
  Pair pair = {.context = context,
               .a = tensor_new(random, &full, layout, positive ? 0.5 : -1, 1.5),
               .b = tensor_new(random, &shape, layout, apart ? 0.5 : -1, 1.5),
               .out = tensor_new(random, &full, layout, -1, 1),
               .gradient = tensor_new(random, &full, layout, -1, 1)};
  check_binary(&pair, binary);
  nn_free(pair.a.f);
  nn_free(pair.b.f);
  nn_free(pair.out.f);
  nn_free(pair.gradient.f);
}

static void
test_broadcast(void)
{
  for (NnBinary binary = NN_BINARY_ADD; binary <= NN_BINARY_PRELU; binary++)
    for (int size = 0; size < 4; size++)
      for (int kind = 0; kind < OPERAND_KINDS; kind++)
        check_pair(binary, size, kind, layouts[(size + kind) % 2]);
}

/* ---- reducing ---- */

/* in the order of NnReduce */
static double
fold(NnReduce reduce, double sum, double a, double b)
{
  double sums[] = {sum + a * b,    MAX(sum, a),      MIN(sum, a), sum + fabs(a),
                   sum + (a == b), sum + exp(a - b), sum * a};
  return sums[reduce];
}

static double
start_of(NnReduce reduce)
{
  return reduce == NN_REDUCE_MAXIMUM   ? -INFINITY
         : reduce == NN_REDUCE_MINIMUM ? INFINITY
         : reduce == NN_REDUCE_PRODUCT ? 1
                                       : 0;
}

static void
check_reduce(NnReduce reduce, const NnTensor *a, const NnTensor *b, const NnTensor *out)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  const NnShape *full = &a->shape;
  int64_t count = nn_shape_count(&out->shape), place[4] = {0};
  double *want = zeros(count);
  for (int64_t i = 0; i < count; i++)
    want[i] = start_of(reduce);
  for (int64_t i = 0; i < nn_shape_count(full); i++, next_place(full, place)) {
    double *to = &want[element_at(out, full, place)];
    double right = b != NULL ? (double)b->f[element_at(b, full, place)] : 1;
    *to = fold(reduce, *to, (double)a->f[element_at(a, full, place)], right);
  }
  nn_broadcast_reduce(context, reduce, a, b, out);
  check(out->f, want, count);
  nn_free(want);
}

/* @kind: operand_shape() of the result */
static void
check_reduction(NnReduce reduce, int size, int kind, NnLayout layout)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(31);
  NnShape full = full_shape(size), shape = operand_shape(&full, kind);
  /* factors near 1: of thousands, a product is still a number */
  bool product = reduce == NN_REDUCE_PRODUCT, counts = reduce == NN_REDUCE_COUNT_EQUAL;
  NnTensor a = tensor_new(random, &full, layout, product ? 0.999 : -1, product ? 1.001 : 1);
  NnTensor b = tensor_new(random, &shape, layout, -1, 1);
  NnTensor out = tensor_new(random, &shape, layout, -1, 1);
  for (int64_t i = 0; counts && i < nn_shape_count(&full); i++)
    a.f[i] = roundf(2 * a.f[i]);
  for (int64_t i = 0; counts && i < nn_shape_count(&shape); i++)
    b.f[i] = roundf(2 * b.f[i]);
  bool two = counts || reduce == NN_REDUCE_EXPONENTIAL || reduce == NN_REDUCE_SUM;
  check_reduce(reduce, &a, two ? &b : NULL, &out);
  if (reduce == NN_REDUCE_SUM)
    check_reduce(reduce, &a, NULL, &out);
  nn_free(out.f);
  nn_free(b.f);
  nn_free(a.f);
}

static void
test_reduce(void)
{
  for (NnReduce reduce = NN_REDUCE_SUM; reduce <= NN_REDUCE_PRODUCT; reduce++)
    for (int size = 0; size < 4; size++)
      for (int kind = 1; kind < OPERAND_KINDS; kind++)
        check_reduction(reduce, size, kind, layouts[(size + kind) % 2]);
}

/* ---- products of matrices ---- */

/* the stack: pictures, and two products that meet in the same C */
enum { MET = 2 };

typedef struct {
  int64_t m, n, k;
} Product;

static double
product_at(const NnMatmul *p, int64_t picture, int64_t row, int64_t column)
{
  double sum = 0;
  for (int64_t met = 0; met < MET; met++) {
    const float *a = p->a + picture * p->step_a[0] + met * p->step_a[1];
    const float *b = p->b + picture * p->step_b[0] + met * p->step_b[1];
    for (int64_t i = 0; i < p->k; i++)
      sum += (double)a[p->transpose_a ? i * p->lda + row : row * p->lda + i] *
             (double)b[p->transpose_b ? column * p->ldb + i : i * p->ldb + column];
  }
  return (double)p->alpha * sum;
}

/* what lies between the rows of C is nobody's */
static void
check_product(NnContext *context, const NnMatmul *p, int64_t count)
{
  double *want = zeros(count);
  for (int64_t i = 0; i < count; i++) {
    int64_t picture = i / p->step_c[0], row = i % p->step_c[0] / p->ldc, column = i % p->ldc;
    bool inside = column < p->n;
    want[i] = inside ? product_at(p, picture, row, column) : (double)p->c[i];
    want[i] += inside && p->add ? (double)p->c[i] : 0;
  }
  nn_matmul(context, p);
  check(p->c, want, count);
  nn_free(want);
}

static void
check_matmul(const Product *size, int batch, int way)
{
  g_autoptr(NnContext) context = nn_context_new(1 + batch % 3);
  g_autoptr(GRand) random = g_rand_new_with_seed(37);
  NnMatmul p = {.transpose_a = (way & 1) != 0,
                .transpose_b = (way & 2) != 0,
                .add = (way & 4) != 0,
                .m = size->m,
                .n = size->n,
                .k = size->k,
                .alpha = 0.75f,
                .ldc = size->n + 3,
                .batch = NN_SHAPE(batch, MET)};
  p.lda = (p.transpose_a ? p.m : p.k) + 1;
  p.ldb = (p.transpose_b ? p.k : p.n) + 2;
  p.step_a[1] = (p.transpose_a ? p.k : p.m) * p.lda;
  p.step_b[1] = (p.transpose_b ? p.n : p.k) * p.ldb;
  p.step_a[0] = MET * p.step_a[1];
  p.step_b[0] = batch % 2 == 0 ? 0 : MET * p.step_b[1]; /* one B for all pictures */
  p.step_c[0] = p.m * p.ldc;
  float *a = random_floats(random, batch * p.step_a[0], -1, 1);
  float *b = random_floats(random, batch * MET * p.step_b[1], -1, 1);
  p.a = a;
  p.b = b;
  p.c = random_floats(random, batch * p.step_c[0], -1, 1);
  check_product(context, &p, batch * p.step_c[0]);
  nn_free(p.c);
  nn_free(b);
  nn_free(a);
}

static void
test_matmul(void)
{
  static const Product sizes[] = {{1, 1, 1},     {7, 5, 3},      {1, 300, 65},
                                  {131, 19, 33}, {130, 259, 40}, {17, 9, 501}};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int batch = 1; batch <= 4; batch++)
      for (int way = 0; way < 8; way++)
        check_matmul(&sizes[i], batch, way);
}

/* ---- sums over positions ---- */

static void
check_channel_sums(int64_t channels, int64_t high, int64_t wide, NnLayout layout, int threads)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(43);
  g_autoptr(NnContext) context = nn_context_new(threads);
  int64_t positions = high * wide, count = channels * positions;
  bool last = layout == NN_LAYOUT_CHANNELS_LAST;
  NnTensor map = {.shape = NN_SHAPE(1, channels, high, wide), .layout = layout}, gradient = map;
  map.f = random_floats(random, count, -1, 2);
  gradient.f = random_floats(random, count, -1, 1);
  float *slopes = random_floats(random, 2 * channels, -1, 1), *before = gradient.f;
  gradient.f = nn_alloc((size_t)count, sizeof(float), NULL);
  memcpy(gradient.f, before, (size_t)count * sizeof(float));
  double *sums = zeros(2 * channels), *want = zeros(2 * channels), *spread = zeros(count);
  double *scratch = zeros((int64_t)nn_channel_sums_scratch_doubles(channels));
  for (int64_t i = 0; i < count; i++) {
    int64_t c = last ? i % channels : i / positions;
    double x = (double)map.f[i];
    want[c] += x;
    want[channels + c] += x * x;
    spread[i] = (double)before[i] + (double)slopes[c] + (double)slopes[channels + c] * x;
  }
  sums[0] = 5; /* is added to */
  want[0] += 5;
  nn_channel_sums_add(context, &map, true, sums, scratch);
  for (int64_t c = 0; c < 2 * channels; c++)
    g_assert_cmpfloat(fabs(sums[c] - want[c]), <=, DOUBLE_LIMIT * (double)positions);
  nn_channel_sums_spread(context, &map, slopes, slopes + channels, &gradient);
  check(gradient.f, spread, count);
  nn_free(scratch);
  nn_free(spread);
  nn_free(want);
  nn_free(sums);
  nn_free(slopes);
  nn_free(before);
  nn_free(gradient.f);
  nn_free(map.f);
}

static void
test_channel_sums(void)
{
  static const int64_t channels[] = {1, 3, 16, 21, 67};
  static const int64_t planes[][2] = {{1, 1}, {5, 7}, {61, 53}, {211, 97}};
  for (size_t i = 0; i < G_N_ELEMENTS(channels); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(planes); k++)
      for (int threads = 1; threads <= 3; threads += 2) {
        check_channel_sums(channels[i], planes[k][0], planes[k][1], NN_LAYOUT_PLAIN, threads);
        check_channel_sums(channels[i], planes[k][0], planes[k][1], NN_LAYOUT_CHANNELS_LAST,
                           threads);
      }
}

/* ---- eigenvectors of symmetric matrices ---- */

/* rows of @v are orthonormal, and sum of values x v v' is @a again */
static void
check_eigenvectors(int64_t n, const double *a, const double *v, const double *values)
{
  double largest = 0, worst = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      double dot = 0, again = 0;
      for (int64_t k = 0; k < n; k++) {
        dot += v[i * n + k] * v[j * n + k];
        again += values[k] * v[k * n + i] * v[k * n + j];
      }
      g_assert_cmpfloat(fabs(dot - (i == j)), <=, DOUBLE_LIMIT);
      largest = MAX(largest, fabs(a[i * n + j]));
      worst = worse(worst, fabs(again - a[i * n + j]));
    }
  g_assert_cmpfloat(worst, <=, DOUBLE_LIMIT * (double)n * largest);
}

/* @terms: of the sum of x x' that the matrix is: below @n, eigenvalues are 0, and several the same */
static void
check_eigen(int64_t n, int64_t terms)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(41);
  double *a = zeros(n * n), *v = zeros(n * n), *x = zeros(n), *values = zeros(n);
  double *workspace = zeros(nn_eigen_workspace(n));
  for (int64_t t = 0; t < terms; t++) {
    for (int64_t i = 0; i < n; i++)
      x[i] = g_rand_double_range(random, -1, 1);
    for (int64_t i = 0; i < n * n; i++)
      a[i] += x[i / n] * x[i % n];
  }
  memcpy(v, a, (size_t)(n * n) * sizeof *v);
  g_assert_true(nn_eigen(n, v, values, workspace));
  for (int64_t k = 1; k < n; k++)
    g_assert_cmpfloat(values[k], >=, values[k - 1]);
  check_eigenvectors(n, a, v, values);
  nn_free(workspace);
  nn_free(values);
  nn_free(x);
  nn_free(v);
  nn_free(a);
}

static void
test_eigen(void)
{
  static const int64_t sizes[] = {1, 2, 3, 17, 64, 129};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    check_eigen(sizes[i], 2 * sizes[i]);
    check_eigen(sizes[i], (sizes[i] + 1) / 2);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/plain-kernels/average-pool", test_average_pool);
  g_test_add_func("/plain-kernels/norm", test_norm);
  g_test_add_func("/plain-kernels/sample", test_sample);
  g_test_add_func("/plain-kernels/broadcast", test_broadcast);
  g_test_add_func("/plain-kernels/reduce", test_reduce);
  g_test_add_func("/plain-kernels/matmul", test_matmul);
  g_test_add_func("/plain-kernels/channel-sums", test_channel_sums);
  g_test_add_func("/plain-kernels/eigen", test_eigen);
  return g_test_run();
}
