/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kernels/: convolution by every way against the sum in double precision, over odd sizes, pads,
 * strides, batches and channel counts, with bias, activation and its bits. */
#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/kernels/conv.h"
#include "nncore/kernels/winograd.h"

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
          worst = MAX(worst, fabs((double)c->y[at] - want));
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

static void
check_gather(Size s, int threads)
{
  g_autoptr(NnContext) context = nn_context_new(threads);
  Case c = new_case(s);
  int n_taps = s.kernel * s.kernel;
  int64_t(*offsets)[3] = nn_alloc((size_t)n_taps, sizeof *offsets, NULL);
  for (int t = 0; t < n_taps; t++) {
    offsets[t][0] = 0;
    offsets[t][1] = t / s.kernel - s.pad;
    offsets[t][2] = t % s.kernel - s.pad;
  }
  NnGather gather = {
      .batch = s.batch,
      .source_dims = {1, s.height, s.width},
      .target_dims = {1, c.out_height, c.out_width},
      .source_channels = s.in,
      .target_channels = s.out,
      .groups = 1,
      .count = {1, c.out_height, c.out_width},
      .target_step = {1, 1, 1},
      .source_step = {1, s.stride, s.stride},
      .n_taps = n_taps,
      .offsets = (const int64_t(*)[3])offsets,
      .weights = c.taps,
  };
  void *scratch = nn_alloc(1, nn_gather_scratch_bytes(n_taps, 1, s.in, s.out, threads), NULL);
  uint8_t *bits = new_bits(&c);
  nn_gather_run(context, &gather, c.x, c.y, c.bias, leaky, bits, scratch);
  check(&c, bits, 2e-6);
  nn_free(bits);
  nn_free(scratch);
  nn_free(offsets);
  clear_case(&c);
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

static void
check_winograd(Size s, bool back, int threads, NnIsa isa)
{
  g_autoptr(NnContext) context = nn_context_new(threads);
  nn_context_limit_isa(context, isa);
  Case c = new_case(s);
  int inputs = back ? s.out : s.in, outputs = back ? s.in : s.out;
  g_assert_true(nn_winograd_fits(inputs, outputs));
  float *taps = onnx_taps(&c, back);
  float *filters = nn_alloc(nn_winograd_filters_bytes(inputs, outputs, back), 1, NULL);
  nn_winograd_filters(taps, inputs, outputs, back, filters);
  NnWinograd winograd = {
      .batch = s.batch,
      .source_height = s.height,
      .source_width = s.width,
      .source_channels = s.in,
      .target_height = c.out_height,
      .target_width = c.out_width,
      .target_channels = s.out,
      .pad_top = s.pad,
      .pad_left = s.pad,
      .filters = filters,
      .back = back,
  };
  void *scratch = nn_alloc(1, nn_winograd_scratch_bytes(&winograd, threads), NULL);
  uint8_t *bits = s.out % 8 == 0 ? new_bits(&c) : NULL;
  nn_winograd_run(context, &winograd, c.x, c.y, c.bias, leaky, bits, scratch);
  check(&c, bits, 1e-5);
  nn_free(bits);
  nn_free(scratch);
  nn_free(filters);
  nn_free(taps);
  clear_case(&c);
}

static const int sizes[][2] = {{1, 1}, {2, 3}, {4, 4}, {5, 7}, {13, 9}, {37, 22}, {64, 51}};

static void
test_gather(void)
{
  static const int shapes[][3] = {{1, 1, 0}, {3, 1, 1}, {3, 2, 1}, {5, 3, 2}, {7, 2, 3}};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(shapes); k++) {
      const int *shape = shapes[k];
      Size size = {1 + (int)i % 4, sizes[i][0], sizes[i][1], 3, 5, shape[0], shape[1], shape[2]};
      check_gather(size, 1 + (int)k % 3);
      size.in = 19;
      size.out = 8;
      check_gather(size, 2);
    }
}

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
  nn_activation_backward(context, (NnActivation){NN_ACTIVATION_RELU, 0}, bits, gradient, COUNT);
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
  g_test_add_func("/kernels/gather", test_gather);
  for (int isa = 0; isa < NN_N_ISAS; isa++) {
    g_autofree char *path = g_strdup_printf("/kernels/winograd/%s", nn_isa_name((NnIsa)isa));
    g_test_add_data_func(path, GINT_TO_POINTER(isa), test_winograd);
  }
  g_test_add_func("/kernels/activation", test_activation);
  return g_test_run();
}
