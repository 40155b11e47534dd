/* SPDX-License-Identifier: GPL-3.0-or-later */
/* occlusion FILE.onnx TARGET [SIZE PATCH STRIDE THREADS MOST]: how long the scores of all covered pictures
 * take when only what a patch can reach is computed (plan/partial.h), beside brute force: whole
 * pictures, with the same engine, in batches of the size that suits it best. The two take turns; of
 * brute force, batches spread over the picture, since every one costs the same. Also the largest
 * difference between their results, relative to the largest score. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nncore/plan/partial.h"
#include "nncore/plan/workspace.h"

#define TURNS 3

typedef struct {
  NnContext *context;
  NnProgram *program;
  NnShape shape;
  int patch;
  NnCorner *corners;
  int n_corners;
  float *picture, *cover; /* channels-last */
  NnPartial *partial;
  float *scores; /* of every corner, by the partial way */
  int64_t n_scores;
} Bench;

static void
stop_on(GError *error)
{
  if (error == NULL)
    return;
  g_printerr("occlusion: %s\n", error->message);
  exit(1);
}

static double
now(void)
{
  return (double)g_get_monotonic_time() / 1e6;
}

static void
make_corners(Bench *bench, int size, int stride)
{
  int along = (size - bench->patch) / stride + 1;
  bench->corners = g_new(NnCorner, along * along);
  for (int y = 0; y < along; y++)
    for (int x = 0; x < along; x++)
      bench->corners[bench->n_corners++] = (NnCorner){y * stride, x * stride};
}

static void
cover(const Bench *bench, float *pixels, const NnCorner *corner)
{
  int64_t width = bench->shape.dim[3];
  memcpy(pixels, bench->picture, (size_t)(width * width * 3) * sizeof(float));
  for (int64_t y = corner->y; y < corner->y + bench->patch; y++)
    memcpy(pixels + (y * width + corner->x) * 3, bench->cover + (y * width + corner->x) * 3,
           (size_t)bench->patch * 3 * sizeof(float));
}

/* seconds for all pictures by the partial way */
static double
time_partial(Bench *bench)
{
  NnTensor replacement = *nn_partial_input(bench->partial);
  double start = now();
  memcpy(nn_partial_input(bench->partial)->f, bench->picture, nn_tensor_bytes(&replacement));
  nn_partial_forward(bench->partial);
  replacement.f = bench->cover;
  for (int batch = 0; batch < nn_partial_n_batches(bench->partial); batch++) {
    int first, count;
    nn_partial_run(bench->partial, batch, &replacement, &first, &count);
    for (int i = 0; i < count; i++)
      memcpy(bench->scores + (first + i) * bench->n_scores,
             nn_partial_target(bench->partial, 0, i).f, (size_t)bench->n_scores * sizeof(float));
  }
  return now() - start;
}

typedef struct {
  int batch;
  NnPlan *plan;
  NnWorkspace *workspace;
} Brute;

/* seconds a picture, of one batch around corner @at; the largest relative difference so far */
static double
time_brute(const Bench *bench, const Brute *brute, int at, double *difference)
{
  const NnTensor *input = nn_workspace_input(brute->workspace, 0);
  int64_t pixels = nn_shape_count(&bench->shape);
  double start = now(), largest = 0, scale = 0;
  for (int i = 0; i < brute->batch; i++)
    cover(bench, input->f + i * pixels, &bench->corners[(at + i) % bench->n_corners]);
  nn_workspace_forward(brute->workspace);
  double seconds = (now() - start) / brute->batch;
  const float *scores = nn_workspace_target(brute->workspace, 0)->f;
  for (int i = 0; i < brute->batch; i++)
    for (int64_t c = 0; c < bench->n_scores; c++) {
      float ours = bench->scores[(at + i) % bench->n_corners * bench->n_scores + c];
      float theirs = scores[i * bench->n_scores + c];
      largest = MAX(largest, fabs((double)ours - (double)theirs));
      scale = MAX(scale, fabs((double)theirs));
    }
  *difference = MAX(*difference, largest / scale);
  return seconds;
}

/* a batch size that the network does not allow has no plan */
static void
make_brute(const Bench *bench, int batch, Brute *brute)
{
  NnShape shape = bench->shape;
  shape.dim[0] = batch;
  *brute = (Brute){.batch = batch, .plan = nn_plan_new(bench->program, &shape, 1, NULL)};
  if (brute->plan != NULL)
    brute->workspace = nn_workspace_new(brute->plan, bench->context, NULL);
}

static void
set_up(Bench *bench, char **words, int threads, int size, int stride)
{
  GError *error = NULL;
  bench->context = nn_context_new(threads);
  NnModel *model = nn_model_open(words[1], &error);
  stop_on(error);
  const char *target = words[2];
  bench->program = nn_program_new(model, bench->context, &target, 1, (NnProgramOptions){0}, &error);
  stop_on(error);
  nn_model_unref(model);
  bench->shape = NN_SHAPE(1, 3, size, size);
  make_corners(bench, size, stride);
  int64_t count = nn_shape_count(&bench->shape);
  bench->picture = g_new(float, count);
  bench->cover = g_new0(float, count);
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  for (int64_t i = 0; i < count; i++)
    bench->picture[i] = (float)g_rand_double_range(random, -2, 2);
}

static void
compare(Bench *bench)
{
  static const int batches[] = {1, 2, 4, 8, 16, 32};
  double best = INFINITY, partial = INFINITY, difference = 0;
  int best_batch = 0;
  Brute brutes[G_N_ELEMENTS(batches)];
  for (size_t i = 0; i < G_N_ELEMENTS(batches); i++)
    make_brute(bench, batches[i], &brutes[i]);
  for (int turn = 0; turn < TURNS; turn++) {
    partial = MIN(partial, time_partial(bench));
    for (size_t i = 0; i < G_N_ELEMENTS(batches); i++) {
      if (brutes[i].workspace == NULL)
        continue;
      double seconds = time_brute(bench, &brutes[i], turn * bench->n_corners / TURNS, &difference);
      best_batch = seconds < best ? batches[i] : best_batch;
      best = MIN(best, seconds);
    }
  }
  printf("%d pictures: partial %.2f s, brute force %.2f s (%.3f s a picture in batches of %d): "
         "%.2f times as fast; largest difference %.1e\n",
         bench->n_corners, partial, best * bench->n_corners, best, best_batch,
         best * bench->n_corners / partial, difference);
  for (size_t i = 0; i < G_N_ELEMENTS(batches); i++) {
    nn_workspace_free(brutes[i].workspace);
    nn_plan_unref(brutes[i].plan);
  }
}

int
main(int argc, char **argv)
{
  if (argc < 3) {
    g_printerr("usage: occlusion FILE.onnx TARGET [SIZE PATCH STRIDE THREADS MOST]\n");
    return 1;
  }
  GError *error = NULL;
  int numbers[] = {224, 16, 8, 0, 32};
  for (int i = 3; i < MIN(argc, 3 + (int)G_N_ELEMENTS(numbers)); i++)
    numbers[i - 3] = atoi(argv[i]);
  Bench bench = {.patch = numbers[1]};
  set_up(&bench, argv, numbers[3], numbers[0], numbers[2]);
  bench.partial =
      nn_partial_new(bench.program, bench.context, &bench.shape, bench.patch, bench.patch,
                     bench.corners, bench.n_corners, numbers[4], 0, &error);
  stop_on(error);
  NnTensor scores = nn_partial_target(bench.partial, 0, 0);
  bench.n_scores = nn_shape_count(&scores.shape);
  bench.scores = g_new(float, bench.n_scores *bench.n_corners);
  printf("%.0f MiB, %d batches; ", (double)nn_partial_bytes(bench.partial) / 1048576,
         nn_partial_n_batches(bench.partial));
  fflush(stdout);
  compare(&bench);
  nn_partial_free(bench.partial);
  nn_program_unref(bench.program);
  nn_context_free(bench.context);
  g_free(bench.corners);
  g_free(bench.picture);
  g_free(bench.cover);
  g_free(bench.scores);
  return 0;
}
