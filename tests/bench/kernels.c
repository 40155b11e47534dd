/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolution kernels beside the limit: the multiply-adds a second that each kind of layer does,
 * against those of OpenBLAS's own product of large matrices on the same threads, taken in turn.
 * Winograd does a quarter of the direct multiply-adds, so its limit is 4; all others' is 1.
 *
 * kernels [THREADS [ROUNDS [ISA]]]: ISA is 0 for the baseline, 1 for AVX2, 2 for AVX-512 */
#include <stdio.h>
#include <stdlib.h>

#include "nncore/base/memory.h"
#include "nncore/kernels/gemm.h"
#include "nncore/kernels/winograd.h"

typedef struct {
  const char *name;
  int size, in, out;
} Layer;

/* VGG-19's at 512 px */
static const Layer layers[] = {
    {"conv1_2", 512, 64, 64},   {"conv2_1", 256, 64, 128},  {"conv2_2", 256, 128, 128},
    {"conv3_1", 128, 128, 256}, {"conv3_2", 128, 256, 256}, {"conv4_1", 64, 256, 512},
    {"conv4_2", 64, 512, 512},  {"conv5_1", 32, 512, 512},
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
  NnWinograd winograd;
  float *x, *y;
  void *scratch;
} Case;

static Case
new_case(const Layer *layer, bool back, int threads)
{
  int64_t pixels = (int64_t)layer->size * layer->size;
  g_autofree float *taps = g_new(float, 9 * layer->in * layer->out);
  for (int i = 0; i < 9 * layer->in * layer->out; i++)
    taps[i] = (float)rand() / (float)RAND_MAX - 0.5f;
  float *filters = nn_alloc(nn_winograd_filters_bytes(layer->in, layer->out, back), 1, NULL);
  nn_winograd_filters(taps, layer->in, layer->out, back, filters);
  Case c = {
      .winograd =
          {
              .batch = 1,
              .source_height = layer->size,
              .source_width = layer->size,
              .source_channels = back ? layer->out : layer->in,
              .target_height = layer->size,
              .target_width = layer->size,
              .target_channels = back ? layer->in : layer->out,
              .pad_top = 1,
              .pad_left = 1,
              .filters = filters,
              .back = back,
          },
      .x = random_floats((size_t)(pixels * MAX(layer->in, layer->out))),
      .y = random_floats((size_t)(pixels * MAX(layer->in, layer->out))),
  };
  c.scratch = nn_alloc(nn_winograd_scratch_bytes(&c.winograd, threads), 1, NULL);
  return c;
}

static void
free_case(Case *c)
{
  nn_free((void *)c->winograd.filters);
  nn_free(c->x);
  nn_free(c->y);
  nn_free(c->scratch);
}

static void
bench(NnContext *context, const Layer *layer, bool back, float *matrices, int rounds)
{
  Case c = new_case(layer, back, nn_context_threads(context));
  double products = 9.0 * layer->in * layer->out * layer->size * layer->size;
  double best = 0, peak = 0;
  for (int i = 0; i < rounds; i++) {
    peak = measure_peak(context, matrices, peak);
    gint64 start = g_get_monotonic_time();
    nn_winograd_run(context, &c.winograd, c.x, c.y, NULL, (NnActivation){NN_ACTIVATION_NONE, 0},
                    NULL, c.scratch);
    double seconds = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
    best = MAX(best, products / seconds);
  }
  printf("%-8s %-8s %4d px %4d -> %4d  %6.1f G/s, OpenBLAS %6.1f G/s: %5.2f\n", layer->name,
         back ? "gradient" : "forward", layer->size, layer->in, layer->out, best / 1e9, peak / 1e9,
         best / peak);
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
    bench(context, &layers[i], false, matrices, rounds);
    bench(context, &layers[i], true, matrices, rounds);
  }
  nn_free(matrices);
  return 0;
}
