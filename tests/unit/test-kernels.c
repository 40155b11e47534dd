/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kernels/: convolution by every way and by every instruction set that the processor has, there and
 * back, against the sums in double precision, over odd sizes, pads, strides, dilations, groups,
 * batches and channel counts, with bias, activation and its bits, with something that is added to
 * it, and with the maxima behind it; and maxima alone. Kernels that are plain C are
 * test-plain-kernels.c's. */
#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/kernels/pooling.h"
#include "nncore/kernels/winograd.h"
#include "nncore/ops/conv-taps.h"
#include "tests/worst.h"

typedef struct {
  int batch, height, width, in, out, kernel, stride, pad;
} Size;

typedef struct {
  Size size;
  int out_height, out_width;
  float *x, *taps, *bias, *y; /* taps: kernel^2 x in x out */
} Case;

static float *
random_floats(GRand *random, int64_t count)
{
  float *values = nn_alloc((size_t)count, sizeof *values, NULL);
  for (int64_t i = 0; i < count; i++)
    values[i] = (float)g_rand_double_range(random, -1, 1);
  return values;
}

static Case
new_case(Size s)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(11);
  Case c = {.size = s};
  c.out_height = (s.height + 2 * s.pad - s.kernel) / s.stride + 1;
  c.out_width = (s.width + 2 * s.pad - s.kernel) / s.stride + 1;
  c.x = random_floats(random, (int64_t)s.batch * s.height * s.width * s.in);
  c.taps = random_floats(random, (int64_t)s.kernel * s.kernel * s.in * s.out);
  c.bias = random_floats(random, s.out);
  c.y = random_floats(random, (int64_t)s.batch * c.out_height * c.out_width * s.out);
  return c;
}

static void
clear_case(Case *c)
{
  nn_free(c->x);
  nn_free(c->taps);
  nn_free(c->bias);
  nn_free(c->y);
}

static double
reference(const Case *c, int n, int oy, int ox, int o)
{
  const Size *s = &c->size;
  double sum = (double)c->bias[o];
  for (int ky = 0; ky < s->kernel; ky++)
    for (int kx = 0; kx < s->kernel; kx++) {
      int y = oy * s->stride + ky - s->pad, x = ox * s->stride + kx - s->pad;
      if (y < 0 || y >= s->height || x < 0 || x >= s->width)
        continue;
      const float *pixel = c->x + (((int64_t)n * s->height + y) * s->width + x) * s->in;
      const float *tap = c->taps + (int64_t)(ky * s->kernel + kx) * s->in * s->out + o;
      for (int i = 0; i < s->in; i++)
        sum += (double)pixel[i] * (double)tap[(int64_t)i * s->out];
    }
  return sum;
}

/* LeakyRelu 0.5 behind the sum; the bits say where it was positive */
static void
check(const Case *c, const uint8_t *bits, double limit)
{
  double largest = 0, worst = 0;
  int64_t at = 0;
  for (int n = 0; n < c->size.batch; n++)
    for (int y = 0; y < c->out_height; y++)
      for (int x = 0; x < c->out_width; x++)
        for (int o = 0; o < c->size.out; o++, at++) {
          double sum = reference(c, n, y, x, o), want = sum > 0 ? sum : 0.5 * sum;
          largest = MAX(largest, fabs(want));
          worst = worse(worst, fabs((double)c->y[at] - want));
          if (bits != NULL)
            g_assert_cmpint(bits[at / 8] >> (at % 8) & 1, ==, c->y[at] > 0);
        }
  g_assert_cmpfloat(worst, <=, limit * largest);
}

static const NnActivation leaky = {NN_ACTIVATION_LEAKY_RELU, 0.5f};

static uint8_t *
new_bits(const Case *c)
{
  int64_t count = (int64_t)c->size.batch * c->out_height * c->out_width * c->size.out;
  return nn_alloc(nn_activation_bits_bytes(count), 1, NULL);
}

/* the taps in ONNX's order, of the convolution itself or (@back) of the one whose gradient this is:
 * flipped, inputs and outputs swapped */
static float *
onnx_taps(const Case *c, bool back)
{
  int in = c->size.in, out = c->size.out;
  float *taps = nn_alloc((size_t)(9 * in), (size_t)out * sizeof *taps, NULL);
  for (int t = 0; t < 9; t++)
    for (int i = 0; i < in; i++)
      for (int o = 0; o < out; o++)
        taps[back ? (i * out + o) * 9 + 8 - t : (o * in + i) * 9 + t] =
            c->taps[(t * in + i) * out + o];
  return taps;
}

/* a case run Winograd's way */
typedef struct {
  Case c;
  NnContext *context;
  NnWinograd winograd;
  float *filters;
  void *scratch;
} Run;

/* @back: the case is the gradient of a convolution */
static void
run_init(Run *run, Size s, bool back, int threads, NnIsa isa)
{
  *run = (Run){.c = new_case(s), .context = nn_context_new(threads)};
  nn_context_limit_isa(run->context, isa);
  int inputs = back ? s.out : s.in, outputs = back ? s.in : s.out;
  g_assert_true(nn_winograd_fits(inputs, outputs));
  float *taps = onnx_taps(&run->c, back);
  run->filters = nn_alloc(nn_winograd_filters_bytes(inputs, outputs, back), 1, NULL);
  nn_winograd_filters(taps, inputs, outputs, back, run->filters);
  nn_free(taps);
  run->winograd = (NnWinograd){
      .batch = s.batch,
      .source_height = s.height,
      .source_width = s.width,
      .source_channels = s.in,
      .target_height = run->c.out_height,
      .target_width = run->c.out_width,
      .target_channels = s.out,
      .pad_top = s.pad,
      .pad_left = s.pad,
      .filters = run->filters,
      .back = back,
  };
  run->scratch = nn_alloc(1, nn_winograd_scratch_bytes(&run->winograd, threads), NULL);
}

static void
run_clear(Run *run)
{
  nn_free(run->scratch);
  nn_free(run->filters);
  nn_context_free(run->context);
  clear_case(&run->c);
}

/* @source: what the case has, or, of a gradient through maxima, what it was made of */
static void
run_whole(Run *run, const float *source)
{
  Case *c = &run->c;
  uint8_t *bits = c->size.out % 8 == 0 ? new_bits(c) : NULL;
  NnFinish finish = nn_finish(c->bias, leaky, bits);
  nn_winograd_run(run->context, &run->winograd, source, c->y, &finish, run->scratch);
  check(c, bits, 1e-5);
  nn_free(bits);
}

static void
check_winograd(Size s, bool back, int threads, NnIsa isa)
{
  Run run;
  run_init(&run, s, back, threads, isa);
  run_whole(&run, run.c.x);
  run_clear(&run);
}

/* ---- Winograd with the maxima over windows of 2 x 2 pixels behind it ---- */

/* the results under window (@y, @x), in scan order; returns the largest */
static double
window_results(const Case *c, int n, int y, int x, int o, double results[4])
{
  double largest = -INFINITY;
  for (int k = 0; k < 4; k++) {
    results[k] = reference(c, n, 2 * y + k / 2, 2 * x + k % 2, o);
    largest = MAX(largest, results[k]);
  }
  return largest;
}

/* LeakyRelu 0.5 behind the maximum. Of results that rounding cannot tell apart any may have won. */
static void
check_pooled(const Case *c, const float *pooled, const uint8_t *winners, const uint8_t *bits)
{
  double largest = 0, worst = 0;
  int64_t at = 0;
  for (int n = 0; n < c->size.batch; n++)
    for (int y = 0; y < c->out_height / 2; y++)
      for (int x = 0; x < c->out_width / 2; x++)
        for (int o = 0; o < c->size.out; o++, at++) {
          double results[4], most = window_results(c, n, y, x, o, results);
          double want = most > 0 ? most : 0.5 * most;
          g_assert_cmpint(winners[at], <, 4);
          g_assert_cmpint(bits[at / 8] >> (at % 8) & 1, ==, pooled[at] > 0);
          largest = MAX(largest, fabs(most));
          worst = worse(worst, fabs((double)pooled[at] - want));
          /* two results, each a little off */
          worst = worse(worst, (most - results[winners[at]]) / 2);
        }
  g_assert_cmpfloat(worst, <=, 1e-5 * largest);
}

static void
check_pooling(Size s, int threads, NnIsa isa)
{
  Run run;
  run_init(&run, s, false, threads, isa);
  int64_t count = (int64_t)s.batch * (run.c.out_height / 2) * (run.c.out_width / 2) * s.out;
  float *pooled = nn_alloc((size_t)count, sizeof *pooled, NULL);
  float *plain = nn_alloc((size_t)count, sizeof *plain, NULL);
  uint8_t *winners = nn_alloc((size_t)count, 1, NULL), *bits = new_bits(&run.c);
  NnFinish finish = nn_finish(run.c.bias, leaky, bits);
  run.winograd.pools = true;
  run.winograd.winners = winners;
  memset(winners, 0xff, (size_t)count);
  nn_winograd_run(run.context, &run.winograd, run.c.x, pooled, &finish, run.scratch);
  check_pooled(&run.c, pooled, winners, bits);
  finish.bits = NULL;
  run.winograd.winners = NULL;
  nn_winograd_run(run.context, &run.winograd, run.c.x, plain, &finish, run.scratch);
  g_assert_cmpmem(plain, (size_t)count * sizeof *plain, pooled, (size_t)count * sizeof *pooled);
  nn_free(bits);
  nn_free(winners);
  nn_free(plain);
  nn_free(pooled);
  run_clear(&run);
}

/* the case's source becomes what @pooled is the gradient to the maxima of */
static void
unpool(const Case *c, const float *pooled, const uint8_t *winners)
{
  const Size *s = &c->size;
  memset(c->x, 0, (size_t)s->batch * (size_t)(s->height * s->width * s->in) * sizeof *c->x);
  int64_t at = 0;
  for (int n = 0; n < s->batch; n++)
    for (int y = 0; y < s->height / 2; y++)
      for (int x = 0; x < s->width / 2; x++)
        for (int i = 0; i < s->in; i++, at++) {
          int64_t row = 2 * y + winners[at] / 2, column = 2 * x + winners[at] % 2;
          c->x[((n * s->height + row) * s->width + column) * s->in + i] = pooled[at];
        }
}

static void
check_unpooling(Size s, int threads, NnIsa isa)
{
  Run run;
  run_init(&run, s, true, threads, isa);
  g_autoptr(GRand) random = g_rand_new_with_seed(19);
  int64_t count = (int64_t)s.batch * (s.height / 2) * (s.width / 2) * s.in;
  float *pooled = random_floats(random, count);
  uint8_t *winners = nn_alloc((size_t)count, 1, NULL);
  for (int64_t i = 0; i < count; i++)
    winners[i] = (uint8_t)g_rand_int_range(random, 0, 4);
  unpool(&run.c, pooled, winners);
  run.winograd.pools = true;
  run.winograd.winners = winners;
  run_whole(&run, pooled);
  nn_free(winners);
  nn_free(pooled);
  run_clear(&run);
}

/* ---- targets too large for a cache, which AVX-512 writes past it ---- */

/* two pictures together are so large, one is not: the same bits */
static void
check_streamed(bool pools, bool back, NnIsa isa)
{
  Run run;
  int share = pools ? 2 : 1;
  Size s = {2, 188 * (back ? 1 : share), 186 * (back ? 1 : share), 16, 64, 3, 1, 1};
  run_init(&run, s, back, 2, isa);
  NnWinograd *w = &run.winograd;
  int64_t to = (int64_t)(s.height / (back ? 1 : share)) * (s.width / (back ? 1 : share)) * s.out;
  int64_t from = (int64_t)(s.height / (back ? share : 1)) * (s.width / (back ? share : 1)) * s.in;
  int64_t windows = back ? from : to;
  g_autoptr(GRand) random = g_rand_new_with_seed(29);
  float *target[2];
  uint8_t *bits[2], *winners[2];
  w->pools = pools;
  for (int i = 0; i < 2; i++) {
    target[i] = nn_alloc((size_t)(2 * to), sizeof(float), NULL);
    bits[i] = nn_alloc(nn_activation_bits_bytes(2 * to), 1, NULL);
    winners[i] = nn_alloc((size_t)(2 * windows), 1, NULL);
    for (int64_t k = 0; k < 2 * windows; k++)
      winners[i][k] =
          (uint8_t)(back ? (i == 0 ? g_rand_int_range(random, 0, 4) : winners[0][k]) : 9);
  }
  for (int n = -1; n < 2; n++) {
    int64_t at = MAX(n, 0), which = n < 0 ? 0 : 1;
    NnFinish finish = nn_finish(run.c.bias, leaky, bits[which] + at * to / 8);
    w->batch = n < 0 ? 2 : 1;
    w->winners = pools ? winners[which] + at * windows : NULL;
    nn_winograd_run(run.context, w, run.c.x + at * from, target[which] + at * to, &finish,
                    run.scratch);
  }
  g_assert_cmpmem(target[0], (size_t)(2 * to) * sizeof(float), target[1],
                  (size_t)(2 * to) * sizeof(float));
  g_assert_cmpmem(bits[0], (size_t)(2 * to / 8), bits[1], (size_t)(2 * to / 8));
  g_assert_cmpmem(winners[0], (size_t)(2 * windows), winners[1], (size_t)(2 * windows));
  for (int i = 0; i < 2; i++) {
    nn_free(target[i]);
    nn_free(bits[i]);
    nn_free(winners[i]);
  }
  run_clear(&run);
}

static const int sizes[][2] = {{1, 1}, {2, 3}, {4, 4}, {5, 7}, {13, 9}, {37, 22}, {64, 51}};

/* ---- convolution as operators call it: every kernel but Winograd's too ---- */

typedef struct {
  int in, out, groups, kernel[3], stride[3], dilation[3], pad[3];
} Layer;

typedef struct {
  NnConvParams params;
  NnWindow window;
  NnTensor x, y, w;
  int64_t x_dims[3], y_dims[3];
  float *bias;
  double *sums; /* of the way that is run, in the order of x or y */
} Conv;

static NnTensor
new_tensor(GRand *random, NnShape shape)
{
  return (NnTensor){.shape = shape,
                    .layout = NN_LAYOUT_CHANNELS_LAST,
                    .f = random_floats(random, nn_shape_count(&shape))};
}

/* of rank 4 where nothing is deep, as pictures have it, else of rank 5 */
static NnShape
volume_shape(int64_t batch, int64_t channels, const int64_t size[3], bool flat)
{
  return flat ? NN_SHAPE(batch, channels, size[1], size[2])
              : NN_SHAPE(batch, channels, size[0], size[1], size[2]);
}

static bool
new_conv(const Layer *layer, int batch, const int64_t size[3], Conv *c)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(3);
  bool flat = layer->kernel[0] == 1 && layer->pad[0] == 0 && size[0] == 1;
  *c = (Conv){.params = {.window = {.rank = flat ? 2 : 3}, .groups = layer->groups}};
  int64_t kernel[3], out[3];
  for (int d = 0; d < 3; d++) {
    c->params.window.kernel[d] = kernel[d] = layer->kernel[d];
    c->params.window.stride[d] = layer->stride[d];
    c->params.window.dilation[d] = layer->dilation[d];
    c->params.window.pad_begin[d] = c->params.window.pad_end[d] = layer->pad[d];
  }
  NnShape x = volume_shape(batch, layer->in, size, flat);
  NnShape w = volume_shape(layer->out, layer->in / layer->groups, kernel, flat);
  if (!nn_window_resolve(&c->params.window, &x, w.dim + 2, &c->window, out, NULL))
    return false;
  c->x = new_tensor(random, x);
  c->w = new_tensor(random, w);
  c->y = new_tensor(random, volume_shape(batch, layer->out, out, flat));
  nn_window_input_dims(&c->x.shape, c->x_dims);
  nn_window_input_dims(&c->y.shape, c->y_dims);
  c->bias = random_floats(random, layer->out);
  return true;
}

static void
clear_conv(Conv *c)
{
  nn_free(c->x.f);
  nn_free(c->w.f);
  nn_free(c->y.f);
  nn_free(c->bias);
  nn_free(c->sums);
}

static int64_t
pixel_of(const int64_t dims[3], int64_t n, const int64_t at[3])
{
  return ((n * dims[0] + at[0]) * dims[1] + at[1]) * dims[2] + at[2];
}

/* one pixel of Y under one tap: Y from X, or X from Y */
static void
add_tap(Conv *c, int64_t n, const int64_t p[3], const int64_t k[3], bool back)
{
  int64_t q[3], in = c->w.shape.dim[1], out = c->w.shape.dim[0], taps = 1, tap = 0;
  for (int d = 0; d < 3; d++) {
    q[d] = p[d] * c->window.stride[d] + k[d] * c->window.dilation[d] - c->window.pad_begin[d];
    if (q[d] < 0 || q[d] >= c->x_dims[d])
      return;
    tap = tap * c->window.kernel[d] + k[d];
    taps *= c->window.kernel[d];
  }
  int64_t x = pixel_of(c->x_dims, n, q) * c->x.shape.dim[1], y = pixel_of(c->y_dims, n, p) * out;
  for (int64_t o = 0; o < out; o++)
    for (int64_t i = 0; i < in; i++) {
      int64_t channel = o / (out / c->params.groups) * in + i;
      double w = (double)c->w.f[(o * in + i) * taps + tap];
      if (back)
        c->sums[x + channel] += w * (double)c->y.f[y + o];
      else
        c->sums[y + o] += w * (double)c->x.f[x + channel];
    }
}

static void
add_up(Conv *c, bool back)
{
  const NnTensor *target = back ? &c->x : &c->y;
  int64_t count = nn_shape_count(&target->shape), channels = target->shape.dim[1];
  nn_free(c->sums);
  c->sums = nn_alloc((size_t)count, sizeof *c->sums, NULL);
  for (int64_t i = 0; i < count; i++)
    c->sums[i] = back ? 0 : (double)c->bias[i % channels];
  const int64_t *dims = c->y_dims, *kernel = c->window.kernel;
  int64_t p[3], k[3];
  for (int64_t n = 0; n < c->y.shape.dim[0]; n++)
    for (p[0] = 0; p[0] < dims[0]; p[0]++)
      for (p[1] = 0; p[1] < dims[1]; p[1]++)
        for (p[2] = 0; p[2] < dims[2]; p[2]++)
          for (k[0] = 0; k[0] < kernel[0]; k[0]++)
            for (k[1] = 0; k[1] < kernel[1]; k[1]++)
              for (k[2] = 0; k[2] < kernel[2]; k[2]++)
                add_tap(c, n, p, k, back);
}

static const NnActivation activations[] = {
    {NN_ACTIVATION_NONE, 0},
    {NN_ACTIVATION_RELU, 0},
    {NN_ACTIVATION_LEAKY_RELU, 0.5f},
    {NN_ACTIVATION_CLIP, 0, -0.5f, 1},
};

static double
activated(NnActivation activation, double x)
{
  switch (activation.kind) {
  case NN_ACTIVATION_NONE:
    return x;
  case NN_ACTIVATION_CLIP:
    return CLAMP(x, (double)activation.low, (double)activation.high);
  default:
    return x > 0 ? x : (double)activation.slope * x;
  }
}

/* whether the gradient passes; near the edge, rounding may say otherwise */
static void
check_bit(NnActivation activation, double x, bool bit)
{
  bool clip = activation.kind == NN_ACTIVATION_CLIP;
  double low = clip ? (double)activation.low : 0, high = clip ? (double)activation.high : INFINITY;
  if (fabs(x - low) > 1e-4 && fabs(x - high) > 1e-4)
    g_assert_cmpint(bit, ==, x > low && x < high);
}

static void
check_sums(const Conv *c, const NnTensor *target, NnActivation activation, const uint8_t *bits)
{
  double largest = 1e-3, worst = 0;
  for (int64_t i = 0; i < nn_shape_count(&target->shape); i++) {
    largest = MAX(largest, fabs(c->sums[i]));
    worst = worse(worst, fabs((double)target->f[i] - activated(activation, c->sums[i])));
    if (bits != NULL)
      check_bit(activation, c->sums[i], bits[i / 8] >> (i % 8) & 1);
  }
  g_assert_cmpfloat(worst, <=, 1e-5 * largest);
}

static uint8_t *
random_bits(int64_t count)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(11);
  uint8_t *bits = nn_alloc(nn_activation_bits_bytes(count), 1, NULL);
  for (size_t i = 0; i < nn_activation_bits_bytes(count); i++)
    bits[i] = (uint8_t)g_rand_int_range(random, 0, 256);
  return bits;
}

/* to the bit: what was computed without the gate, times it */
static void
check_gate(const float *gated, const float *plain, NnGate gate, int64_t count)
{
  for (int64_t i = 0; i < count; i++) {
    bool passes = (gate.bits[i / 8] >> i % 8 & 1) != 0;
    g_assert_cmpfloat(gated[i], ==, passes ? plain[i] : plain[i] * gate.slope);
  }
}

/* @before: (nullable): what the target has that is added to */
static void
check_gated_back(NnConvRun run, const float *before)
{
  int64_t count = nn_shape_count(&run.x->shape);
  g_autofree float *plain = g_memdup2(run.x->data, nn_tensor_bytes(run.x));
  uint8_t *bits = random_bits(count);
  if (before != NULL)
    memcpy(run.x->data, before, nn_tensor_bytes(run.x));
  run.gate = (NnGate){bits, -0.25f};
  nn_conv_back(&run);
  check_gate(run.x->f, plain, run.gate, count);
  nn_free(bits);
}

/* the sums are those of the run without what the target has before */
static void
check_adding(Conv *c, NnConvRun run, bool back)
{
  const NnTensor *target = back ? &c->x : &c->y;
  int64_t count = nn_shape_count(&target->shape);
  g_autoptr(GRand) random = g_rand_new_with_seed(17);
  float *before = random_floats(random, count);
  for (int64_t i = 0; i < count; i++)
    c->sums[i] += (double)before[i];
  memcpy(target->data, before, nn_tensor_bytes(target));
  run.adds = true;
  if (back) {
    nn_conv_back(&run);
    check_sums(c, target, activations[0], NULL);
    check_gated_back(run, before);
  } else {
    nn_conv_there(&run);
    check_sums(c, target, run.activation, run.bits);
  }
  nn_free(before);
}

static void
check_both_ways(Conv *c, const NnConvRun *run)
{
  add_up(c, false);
  nn_conv_there(run);
  check_sums(c, &c->y, run->activation, run->bits);
  if (nn_conv_there_adds(run->params, &c->w.shape))
    check_adding(c, *run, false);
  add_up(c, true);
  nn_conv_back(run);
  check_sums(c, &c->x, activations[0], NULL);
  check_gated_back(*run, NULL);
  if (nn_conv_back_adds(run->params, &c->w.shape))
    check_adding(c, *run, true);
}

static void
check_conv(const Layer *layer, int batch, const int64_t size[3], NnActivation activation,
           int threads, NnIsa isa)
{
  Conv c;
  if (!new_conv(layer, batch, size, &c))
    return;
  g_autoptr(NnContext) context = nn_context_new(threads);
  nn_context_limit_isa(context, isa);
  bool lean = batch % 2 == 0; /* of Winograd's filters */
  NnConvTaps *taps = nn_conv_taps_new(&c.params, &c.w, true, lean, NULL);
  size_t scratch = nn_conv_scratch_bytes(&c.params, taps, &c.w.shape, &c.x.shape, &c.y.shape,
                                         threads, true, true);
  uint8_t *bits = nn_alloc(nn_activation_bits_bytes(nn_shape_count(&c.y.shape)), 1, NULL);
  NnConvRun run = {
      .context = context,
      .params = &c.params,
      .taps = taps,
      .window = &c.window,
      .x = &c.x,
      .y = &c.y,
      .weights = nn_conv_taps_ready(taps) ? NULL : c.w.f,
      .bias = c.bias,
      .activation = activation,
      .bits = activation.kind != NN_ACTIVATION_NONE ? bits : NULL,
      .scratch = nn_alloc(scratch, 1, NULL),
  };
  check_both_ways(&c, &run);
  nn_free(run.scratch);
  nn_free(bits);
  nn_conv_taps_free(taps);
  clear_conv(&c);
}

#define PLANE(k, s, d, p) \
  {1, k, k}, {1, s, s}, {1, d, d}, \
  { \
    0, p, p \
  }

static const Layer conv_layers[] = {
    /* products: counts of channels that fill registers and blocks, and that do not */
    {16, 32, 1, PLANE(1, 1, 1, 0)},
    {19, 37, 1, PLANE(1, 1, 1, 0)},
    {40, 24, 1, PLANE(1, 2, 1, 0)},
    {9, 8, 1, PLANE(3, 2, 1, 1)},
    {24, 20, 1, PLANE(3, 3, 1, 0)},
    {33, 72, 1, PLANE(3, 1, 2, 2)},
    {5, 11, 1, PLANE(5, 2, 3, 4)},
    {16, 16, 1, {2, 3, 1}, {1, 2, 1}, {1, 1, 1}, {1, 1, 0}},
    /* deeper than a chunk; filters large enough to be turned over */
    {400, 168, 1, PLANE(1, 1, 1, 0)},
    {104, 120, 1, PLANE(3, 2, 1, 1)},
    /* groups */
    {24, 48, 3, PLANE(1, 1, 1, 0)},
    {12, 8, 4, PLANE(3, 1, 1, 1)},
    {36, 20, 2, PLANE(3, 2, 1, 1)},
    {6, 18, 6, PLANE(3, 1, 2, 1)},
    {96, 96, 3, PLANE(3, 1, 1, 1)},
    {34, 102, 2, PLANE(5, 2, 1, 2)},
    {48, 16, 2, PLANE(3, 1, 20, 20)},
    {24, 36, 3, {2, 3, 1}, {1, 2, 1}, {1, 1, 1}, {1, 1, 0}},
    /* groups that share registers */
    {16, 16, 4, PLANE(3, 1, 1, 1)},
    {40, 40, 10, PLANE(3, 2, 1, 1)},
    {64, 64, 8, PLANE(3, 1, 1, 1)},
    {24, 24, 3, PLANE(5, 2, 3, 4)},
    {12, 12, 3, {2, 3, 3}, {1, 2, 1}, {1, 1, 2}, {1, 1, 0}},
    {56, 56, 7, PLANE(1, 1, 1, 0)},
    /* few channels in, few out, few on both sides */
    {3, 64, 1, PLANE(3, 1, 1, 1)},
    {3, 24, 1, PLANE(7, 2, 1, 3)},
    {1, 9, 1, PLANE(3, 3, 1, 0)},
    {4, 18, 1, PLANE(5, 1, 2, 9)},
    {3, 8, 1, {2, 3, 3}, {2, 1, 2}, {1, 2, 1}, {1, 0, 1}},
    {32, 3, 1, PLANE(9, 1, 1, 4)},
    {19, 4, 1, PLANE(3, 2, 1, 1)},
    {6, 1, 1, PLANE(1, 1, 1, 0)},
    {3, 3, 1, PLANE(3, 1, 1, 1)},
    {2, 1, 1, PLANE(2, 2, 1, 0)},
    /* depthwise */
    {32, 32, 32, PLANE(3, 1, 1, 1)},
    {24, 24, 24, PLANE(3, 2, 1, 1)},
    {37, 37, 37, PLANE(5, 1, 1, 2)},
    {7, 7, 7, PLANE(3, 3, 2, 5)},
    {40, 40, 40, {2, 3, 3}, {1, 2, 1}, {1, 1, 2}, {1, 1, 0}},
    /* Winograd's, where nothing is deep */
    {12, 40, 1, PLANE(3, 1, 1, 1)},
    {40, 24, 1, PLANE(3, 1, 1, 1)},
    {16, 32, 1, PLANE(3, 1, 1, 0)},
};

static void
test_conv(gconstpointer data)
{
  NnIsa isa = (NnIsa)GPOINTER_TO_INT(data);
  static const int64_t planes[][3] = {{1, 1, 1}, {1, 2, 5}, {2, 7, 4}, {1, 13, 18}, {3, 5, 33}};
  if (isa > nn_isa_best()) {
    g_test_skip("this processor does not have the instruction set");
    return;
  }
  for (size_t i = 0; i < G_N_ELEMENTS(conv_layers); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(planes); k++)
      check_conv(&conv_layers[i], 1 + (int)(i + k) % 4, planes[k],
                 activations[(i + k) % G_N_ELEMENTS(activations)], 1 + (int)k % 3, isa);
  /* in tiles along both axes; so deep that a tile is as small as can be */
  check_conv(&(Layer){16, 16, 4, PLANE(3, 1, 1, 1)}, 1, (const int64_t[3]){1, 41, 250},
             activations[1], 2, isa);
  check_conv(&(Layer){24, 32, 2, PLANE(3, 2, 1, 1)}, 1, (const int64_t[3]){1, 67, 261},
             activations[2], 2, isa);
  check_conv(&(Layer){1024, 64, 2, PLANE(3, 1, 1, 1)}, 1, (const int64_t[3]){1, 5, 47},
             activations[3], 2, isa);
}

/* ---- Winograd, its edges ---- */

/* every instruction set that this processor has, both ways, channel counts for every width of
 * register and some that fill no panel, filters small and large */
static void
test_winograd(gconstpointer data)
{
  NnIsa isa = (NnIsa)GPOINTER_TO_INT(data);
  static const int channels[][2] = {{4, 8}, {20, 40}, {24, 16}, {32, 48}, {72, 8}, {16, 112}};
  if (isa > nn_isa_best()) {
    g_test_skip("this processor does not have the instruction set");
    return;
  }
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(channels); k++) {
      int pad = (int)(i + k) % 3;
      Size size = {1 + (int)i % 4, sizes[i][0], sizes[i][1], channels[k][0],
                   channels[k][1], 3,           1,           pad};
      if (MIN(size.height, size.width) + 2 * pad < 3)
        continue;
      check_winograd(size, false, 1 + (int)k % 3, isa);
      size.in = channels[k][1];
      size.out = channels[k][0];
      check_winograd(size, true, 1 + (int)k % 3, isa);
    }
  /* too large for a cache of their own: a block is shared, and the filters are turned over */
  check_winograd((Size){1, 9, 14, 320, 352, 3, 1, 1}, false, 2, isa);
  check_winograd((Size){1, 9, 14, 352, 320, 3, 1, 1}, true, 2, isa);
  check_winograd((Size){2, 7, 6, 328, 324, 3, 1, 0}, true, 3, isa);
  check_winograd((Size){1, 265, 251, 16, 64, 3, 1, 1}, false, 2, isa); /* too large for a cache */
  check_streamed(false, true, isa);
}

/* of odd sizes, the last row or column is in no window */
static void
test_winograd_pooling(gconstpointer data)
{
  NnIsa isa = (NnIsa)GPOINTER_TO_INT(data);
  static const int planes[][2] = {{2, 2}, {3, 5}, {6, 7}, {9, 13}, {22, 19}, {29, 34}};
  static const int channels[][2] = {{4, 8}, {20, 40}, {24, 16}, {32, 48}, {12, 24}};
  if (isa > nn_isa_best()) {
    g_test_skip("this processor does not have the instruction set");
    return;
  }
  for (size_t i = 0; i < G_N_ELEMENTS(planes); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(channels); k++) {
      int threads = 1 + (int)k % 3, few = channels[k][0], many = channels[k][1];
      Size size = {1 + (int)(i + k) % 4, planes[i][0], planes[i][1], few, many, 3, 1, 1};
      check_pooling(size, threads, isa);
      size.in = many;
      size.out = few;
      check_unpooling(size, threads, isa);
    }
  /* without a pad, and with the most that a gradient has; filters that threads share */
  check_pooling((Size){2, 11, 8, 16, 32, 3, 1, 0}, 2, isa);
  check_unpooling((Size){3, 7, 10, 32, 16, 3, 1, 2}, 2, isa);
  check_pooling((Size){1, 9, 15, 320, 352, 3, 1, 1}, 2, isa);
  check_unpooling((Size){1, 9, 15, 352, 320, 3, 1, 1}, 2, isa);
  check_streamed(true, false, isa);
  check_streamed(true, true, isa);
}

/* ---- max-pooling ---- */

/* the winner of a window, and its tap's number: of equal ones the first */
static float
largest(const NnPooling *p, const float *x, const int64_t place[2], int64_t c, int *tap)
{
  const NnWindow *w = &p->window;
  float best = -INFINITY;
  *tap = -1;
  for (int k = 0; k < w->kernel[1] * w->kernel[2]; k++) {
    int64_t v = place[0] * w->stride[1] + k / w->kernel[2] * w->dilation[1] - w->pad_begin[1];
    int64_t u = place[1] * w->stride[2] + k % w->kernel[2] * w->dilation[2] - w->pad_begin[2];
    if (v < 0 || v >= p->input[1] || u < 0 || u >= p->input[2])
      continue;
    float value = x[(v * p->input[2] + u) * p->channels + c];
    if (*tap < 0 || value > best) {
      best = value;
      *tap = k;
    }
  }
  return best;
}

/* forward; what each place of the input gets of @y is added up in @want */
static void
check_winners(const NnPooling *p, const float *x, const float *y, const uint8_t *taps, double *want)
{
  const NnWindow *w = &p->window;
  int64_t plane = p->output[1] * p->output[2], picture = p->input[1] * p->input[2] * p->channels;
  for (int64_t i = 0; i < p->batch * plane * p->channels; i++) {
    int64_t c = i % p->channels, at = i / p->channels % plane, n = i / p->channels / plane;
    int64_t place[2] = {at / p->output[2], at % p->output[2]};
    int tap;
    g_assert_cmpfloat(y[i], ==, largest(p, x + n * picture, place, c, &tap));
    g_assert_cmpint(taps[i], ==, tap);
    int64_t v = place[0] * w->stride[1] + tap / w->kernel[2] * w->dilation[1] - w->pad_begin[1];
    int64_t u = place[1] * w->stride[2] + tap % w->kernel[2] * w->dilation[2] - w->pad_begin[2];
    want[n * picture + (v * p->input[2] + u) * p->channels + c] += (double)y[i];
  }
}

static void
check_max_pool(NnContext *context, const NnWindow *window, const NnShape *shape)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(7);
  NnPooling p;
  if (!nn_pooling_resolve(window, shape, &p, NULL))
    return;
  int64_t count = nn_shape_count(shape), out = p.batch * p.output[1] * p.output[2] * p.channels;
  float *x = random_floats(random, count), *y = random_floats(random, out);
  float *grad_x = random_floats(random, count), *plain_y = random_floats(random, out);
  double *want = g_new0(double, count);
  uint8_t *taps = nn_alloc(nn_max_pool_taps_bytes(&p), 1, NULL);
  for (int64_t i = 0; i < count; i++)
    x[i] = roundf(4 * x[i]); /* many equal ones */
  nn_max_pool_forward(context, &p, x, y, taps, NULL, false);
  nn_max_pool_forward(context, &p, x, plain_y, NULL, NULL, false);
  for (int64_t i = 0; i < out; i++)
    g_assert_cmpfloat(plain_y[i], ==, y[i]);
  check_winners(&p, x, y, taps, want);
  nn_max_pool_backward(context, &p, taps, y, (NnGate){0}, grad_x);
  for (int64_t i = 0; i < count; i++)
    g_assert_cmpfloat((double)grad_x[i], ==, want[i]); /* small whole numbers */
  uint8_t *bits = random_bits(count);
  g_autofree float *ungated = g_memdup2(grad_x, (gsize)count * sizeof *grad_x);
  nn_max_pool_backward(context, &p, taps, y, (NnGate){bits, 0.5f}, grad_x);
  check_gate(grad_x, ungated, (NnGate){bits, 0.5f}, count);
  nn_free(bits);
  nn_free(taps);
  g_free(want);
  nn_free(plain_y);
  nn_free(grad_x);
  nn_free(y);
  nn_free(x);
}

static void
test_max_pool(gconstpointer data)
{
  NnIsa isa = (NnIsa)GPOINTER_TO_INT(data);
  static const int windows[][4] = {{2, 2, 1, 0}, {3, 2, 1, 1}, {3, 1, 1, 1}, {3, 2, 2, 2}};
  static const int channels[] = {1, 8, 19, 48};
  if (isa > nn_isa_best()) {
    g_test_skip("this processor does not have the instruction set");
    return;
  }
  g_autoptr(NnContext) context = nn_context_new(2);
  nn_context_limit_isa(context, isa);
  for (size_t i = 0; i < G_N_ELEMENTS(windows); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(channels); k++)
      for (size_t j = 0; j < G_N_ELEMENTS(sizes); j++) {
        const int *w = windows[i];
        NnWindow window = {.rank = 2,
                           .kernel = {1, w[0], w[0]},
                           .stride = {1, w[1], w[1]},
                           .dilation = {1, w[2], w[2]},
                           .pad_begin = {0, w[3], w[3]},
                           .pad_end = {0, w[3], w[3]}};
        int batch = 1 + (int)(i + k + j) % 4;
        check_max_pool(context, &window, &NN_SHAPE(batch, channels[k], sizes[j][0], sizes[j][1]));
      }
}

static void
test_activation(void)
{
  enum { COUNT = 1001 };
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(GRand) random = g_rand_new_with_seed(5);
  float *x = random_floats(random, COUNT), *gradient = random_floats(random, COUNT);
  g_autofree float *before = g_memdup2(x, COUNT * sizeof *x);
  g_autofree float *gradient_before = g_memdup2(gradient, COUNT * sizeof *gradient);
  uint8_t *bits = nn_alloc(nn_activation_bits_bytes(COUNT), 1, NULL);
  x[500] = before[500] = -INFINITY;
  nn_activation_forward((NnActivation){NN_ACTIVATION_RELU, 0}, x, COUNT, bits);
  nn_gate_run(context, nn_gate((NnActivation){NN_ACTIVATION_RELU, 0}, bits), gradient, COUNT);
  for (int i = 0; i < COUNT; i++) {
    g_assert_cmpfloat(x[i], ==, before[i] > 0 ? before[i] : 0.0f);
    g_assert_cmpfloat(gradient[i], ==, before[i] > 0 ? gradient_before[i] : 0.0f);
  }
  nn_free(bits);
  nn_free(x);
  nn_free(gradient);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  static const struct {
    const char *name;
    GTestDataFunc func;
  } tests[] = {
      {"conv", test_conv},
      {"winograd", test_winograd},
      {"winograd-pooling", test_winograd_pooling},
      {"max-pool", test_max_pool},
  };
  for (int isa = 0; isa < NN_N_ISAS; isa++)
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
      g_autofree char *path =
          g_strdup_printf("/kernels/%s/%s", tests[i].name, nn_isa_name((NnIsa)isa));
      g_test_add_data_func(path, GINT_TO_POINTER(isa), tests[i].func);
    }
  g_test_add_func("/kernels/activation", test_activation);
  return g_test_run();
}
