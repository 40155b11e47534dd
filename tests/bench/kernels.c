/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolution kernels beside the limit: the multiply-adds a second that each kind of layer does,
 * against those of OpenBLAS's own product of large matrices on the same threads, taken in turn.
 * Winograd does a quarter of the direct multiply-adds, so its limit is 4; all others' is 1 where
 * OpenBLAS uses the same instructions, and layers with little to multiply for each number read
 * (depthwise) are limited by memory.
 *
 * kernels [THREADS [ROUNDS [ISA [NAME]]]]: ISA is 0 for the baseline, 1 for AVX2, 2 for AVX-512 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/kernels/gemm.h"
#include "nncore/ops/conv-taps.h"

typedef struct {
  const char *name;
  int size, in, out, kernel, stride, groups; /* size: of the input, in pixels */
} Layer;

/* what the networks of the benchmark have at 512 px */
static const Layer layers[] = {
    {"conv1_2", 512, 64, 64, 3, 1, 1},
    {"conv2_1", 256, 64, 128, 3, 1, 1},
    {"conv2_2", 256, 128, 128, 3, 1, 1},
    {"conv3_1", 128, 128, 256, 3, 1, 1},
    {"conv3_2", 128, 256, 256, 3, 1, 1},
    {"conv4_1", 64, 256, 512, 3, 1, 1},
    {"conv4_2", 64, 512, 512, 3, 1, 1},
    {"conv5_1", 32, 512, 512, 3, 1, 1},
    {"first 3x3", 512, 3, 64, 3, 1, 1},
    {"first 3x3/2", 512, 3, 32, 3, 2, 1},
    {"first 7x7/2", 512, 3, 64, 7, 2, 1},
    {"last 9x9", 512, 32, 3, 9, 1, 1},
    {"1x1", 256, 16, 96, 1, 1, 1},
    {"1x1", 128, 144, 24, 1, 1, 1},
    {"1x1", 128, 64, 256, 1, 1, 1},
    {"1x1", 64, 512, 128, 1, 1, 1},
    {"1x1", 32, 1024, 256, 1, 1, 1},
    {"1x1", 16, 512, 2048, 1, 1, 1},
    {"1x1", 31, 512, 1000, 1, 1, 1},
    {"1x1/2", 64, 512, 1024, 1, 2, 1},
    {"3x3/2", 128, 128, 128, 3, 2, 1},
    {"3x3/2", 32, 512, 512, 3, 2, 1},
    {"5x5", 64, 32, 96, 5, 1, 1},
    {"grouped", 128, 128, 128, 3, 1, 32},
    {"grouped/2", 128, 256, 256, 3, 2, 32},
    {"grouped", 64, 256, 256, 3, 1, 32},
    {"grouped/2", 64, 512, 512, 3, 2, 32},
    {"grouped", 32, 512, 512, 3, 1, 32},
    {"grouped/2", 32, 1024, 1024, 3, 2, 32},
    {"grouped", 16, 1024, 1024, 3, 1, 32},
    {"depthwise", 256, 32, 32, 3, 1, 32},
    {"depthwise/2", 256, 96, 96, 3, 2, 96},
    {"depthwise", 64, 192, 192, 3, 1, 192},
    {"depthwise", 32, 576, 576, 3, 1, 576},
};

static float *
random_floats(size_t count)
{
  float *values = nn_alloc(count, sizeof *values, NULL);
  for (size_t i = 0; i < count; i++)
    values[i] = (float)rand() / (float)RAND_MAX - 0.5f;
  return values;
}

enum { PEAK = 768, PEAK_ITEMS = 8 };

static void
peak_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  (void)begin;
  (void)end;
  float *a = (float *)data + worker * 3 * PEAK * PEAK;
  nn_gemm(false, false, PEAK, PEAK, PEAK, 1, a, PEAK, a + PEAK * PEAK, PEAK, 0, a + 2 * PEAK * PEAK,
          PEAK);
}

/* the larger of @best and what OpenBLAS does now, multiply-adds a second */
static double
measure_peak(NnContext *context, float *matrices, double best)
{
  gint64 start = g_get_monotonic_time();
  nn_parallel_for(context, PEAK_ITEMS, 1, peak_chunk, matrices);
  double seconds = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
  return MAX(best, (double)PEAK_ITEMS * PEAK * PEAK * PEAK / seconds);
}

typedef struct {
  NnConvParams params;
  NnWindow window;
  NnTensor x, y;
  float *bias;
  NnConvTaps *taps;
  void *scratch;
} Case;

static NnTensor
new_tensor(int channels, int64_t size)
{
  NnTensor tensor = {.shape = NN_SHAPE(1, channels, size, size), .layout = NN_LAYOUT_CHANNELS_LAST};
  tensor.f = random_floats((size_t)nn_shape_count(&tensor.shape));
  return tensor;
}

static Case
new_case(const Layer *layer, int threads)
{
  int64_t pad = layer->kernel / 2, output[3];
  Case c = {
      .params =
          {
              .window = {.rank = 2,
                         .kernel = {1, layer->kernel, layer->kernel},
                         .stride = {1, layer->stride, layer->stride},
                         .dilation = {1, 1, 1},
                         .pad_begin = {0, pad, pad},
                         .pad_end = {0, pad, pad}},
              .groups = layer->groups,
          },
      .x = new_tensor(layer->in, layer->size),
      .bias = random_floats((size_t)layer->out),
  };
  NnTensor w = {.shape =
                    NN_SHAPE(layer->out, layer->in / layer->groups, layer->kernel, layer->kernel)};
  if (!nn_window_resolve(&c.params.window, &c.x.shape, w.shape.dim + 2, &c.window, output, NULL))
    exit(1);
  c.y = new_tensor(layer->out, output[2]);
  w.f = random_floats((size_t)nn_shape_count(&w.shape));
  c.taps = nn_conv_taps_new(&c.params, &w, true, false, NULL);
  nn_free(w.f);
  c.scratch = nn_alloc(nn_conv_scratch_bytes(&c.params, c.taps, &w.shape, &c.x.shape, &c.y.shape,
                                             threads, true, true),
                       1, NULL);
  return c;
}

static void
free_case(Case *c)
{
  nn_conv_taps_free(c->taps);
  nn_free(c->x.f);
  nn_free(c->y.f);
  nn_free(c->bias);
  nn_free(c->scratch);
}

static void
run(NnContext *context, Case *c, bool back)
{
  NnConvRun conv = {
      .context = context,
      .params = &c->params,
      .taps = c->taps,
      .window = &c->window,
      .x = &c->x,
      .y = &c->y,
      .bias = back ? NULL : c->bias,
      .activation = {back ? NN_ACTIVATION_NONE : NN_ACTIVATION_RELU, 0},
      .scratch = c->scratch,
  };
  if (back)
    nn_conv_back(&conv);
  else
    nn_conv_there(&conv);
}

static void
bench(NnContext *context, const Layer *layer, bool back, float *matrices, int rounds)
{
  Case c = new_case(layer, nn_context_threads(context));
  double products = (double)nn_shape_count(&c.y.shape) * layer->in / layer->groups * layer->kernel *
                    layer->kernel;
  double best = 0, peak = 0;
  for (int i = 0; i < rounds; i++) {
    peak = measure_peak(context, matrices, peak);
    gint64 start = g_get_monotonic_time();
    run(context, &c, back);
    double seconds = (double)MAX(g_get_monotonic_time() - start, 1) / G_USEC_PER_SEC;
    best = MAX(best, products / seconds);
  }
  printf("%-11s %-8s %4d px %4d -> %4d  %7.3f ms %6.1f G/s, OpenBLAS %6.1f G/s: %5.2f\n",
         layer->name, back ? "gradient" : "forward", layer->size, layer->in, layer->out,
         products / best * 1e3, best / 1e9, peak / 1e9, best / peak);
  fflush(stdout);
  free_case(&c);
}

int
main(int argc, char **argv)
{
  int threads = argc > 1 ? atoi(argv[1]) : 0, rounds = argc > 2 ? atoi(argv[2]) : 10;
  g_autoptr(NnContext) context = nn_context_new(threads);
  if (argc > 3)
    nn_context_limit_isa(context, (NnIsa)atoi(argv[3]));
  float *matrices = random_floats((size_t)nn_context_threads(context) * 3 * PEAK * PEAK);
  for (size_t i = 0; i < G_N_ELEMENTS(layers); i++) {
    if (argc > 4 && strcmp(argv[4], layers[i].name) != 0)
      continue;
    bench(context, &layers[i], false, matrices, rounds);
    bench(context, &layers[i], true, matrices, rounds);
  }
  nn_free(matrices);
  return 0;
}
