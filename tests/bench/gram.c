/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an iteration of style transfer costs at a size, for how time and memory grow with it: value
 * and gradient of a Gram loss on the last layer of each block, in the form of somnium-net's lines.
 *
 * gram NETWORK WIDTH HEIGHT MEMORY_MB ROUNDS LAYER... */
#include <stdlib.h>
#include <sys/resource.h>

#include "nncore/effects/criterion.h"
#include "nncore/loss/style.h"
#include "weights/networks.h"

#define STYLE_PX 256

static G_GNUC_NORETURN void
fail(const GError *error)
{
  g_printerr("gram: %s\n", error->message);
  exit(1);
}

static NnImage *
noise_new(int width, int height)
{
  g_autoptr(GError) error = NULL;
  NnImage *image = nn_image_new(width, height, 3, &error);
  if (image == NULL)
    fail(error);
  for (size_t i = 0; i < nn_image_samples(image); i++)
    image->data[i] = (float)rand() / (float)RAND_MAX;
  return image;
}

/* a Gram loss on each layer, with noise as the style */
static void
add_losses(NnCriterion *criterion, NnContext *context, int n_layers)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnImage) style = noise_new(STYLE_PX, STYLE_PX);
  g_autoptr(NnEvaluator) evaluator = nn_criterion_evaluator(criterion, STYLE_PX, STYLE_PX, &error);
  for (int i = 0; evaluator != NULL && error == NULL && i < n_layers; i++) {
    NnShape shape = nn_evaluator_target_shape(evaluator, i);
    NnLoss *loss = nn_loss_style(context, NN_STYLE_GRAM, shape.dim[1], &error);
    if (loss != NULL)
      nn_criterion_add(criterion, i, loss, 1);
  }
  if (error == NULL)
    nn_criterion_observe(criterion, evaluator, style, &error);
  for (int i = 0; error == NULL && i < n_layers; i++)
    nn_loss_style_add_target(nn_criterion_loss(criterion, i), 1, &error);
  if (error != NULL)
    fail(error);
}

static void
run_rounds(NnCriterion *criterion, int width, int height, int rounds)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnImage) picture = noise_new(width, height), gradient = noise_new(width, height);
  g_autoptr(NnEvaluator) evaluator = nn_criterion_evaluator(criterion, width, height, &error);
  double value = 0;
  int rows, columns;
  struct rusage usage;
  for (int i = 0; error == NULL && i < rounds; i++) {
    gint64 start_us = g_get_monotonic_time();
    nn_criterion_evaluate(criterion, evaluator, picture, 0, 0, gradient, &value, &error);
    double seconds = (double)(g_get_monotonic_time() - start_us) / G_USEC_PER_SEC;
    g_printerr("forward %.5f s, with gradient %.5f s\n", seconds, seconds);
  }
  if (error != NULL)
    fail(error);
  nn_evaluator_grid(evaluator, &rows, &columns);
  getrusage(RUSAGE_SELF, &usage);
  g_printerr("plan %.1f MiB, %d x %d tiles, peak %.1f MiB\n",
             (double)nn_evaluator_bytes(evaluator) / (1 << 20), columns, rows,
             (double)usage.ru_maxrss / 1024);
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  if (argc < 7) {
    g_printerr("usage: gram NETWORK WIDTH HEIGHT MEMORY_MB ROUNDS LAYER...\n");
    return 2;
  }
  g_autoptr(NnNetwork) network = som_network_open_file(argv[1], &error);
  if (network == NULL)
    fail(error);
  g_autoptr(NnContext) context = nn_context_new(0);
  nn_context_set_memory_budget(context, g_ascii_strtoll(argv[4], NULL, 10) << 20);
  int n_layers = argc - 6;
  g_autofree const char **layers = g_new0(const char *, n_layers + 1);
  for (int i = 0; i < n_layers; i++) {
    layers[i] = nn_network_resolve_layer(network, argv[6 + i], &error);
    if (layers[i] == NULL)
      fail(error);
  }
  g_autoptr(NnCriterion) criterion = nn_criterion_new(network, context, layers, n_layers,
                                                      (NnProgramOptions){.gradient = true}, &error);
  if (criterion == NULL)
    fail(error);
  add_losses(criterion, context, n_layers);
  run_rounds(criterion, atoi(argv[2]), atoi(argv[3]), atoi(argv[5]));
  return 0;
}
