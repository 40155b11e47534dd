/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run-tsne POINTS START PLACES PERPLEXITY ITERATIONS: t-SNE of points, count x dimensions, from a start,
 * count x 2, all of them .npy; writes the places and prints the divergence. */
#include <stdio.h>

#include "nncore/analysis/tsne.h"
#include "weights/npy.h"

static void
check(const GError *error)
{
  if (error == NULL)
    return;
  g_printerr("run-tsne: %s\n", error->message);
  exit(1);
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  if (argc != 6)
    return 2;
  g_autoptr(NnTensor) points = som_npy_load(argv[1], &error);
  check(error);
  g_autoptr(NnTensor) places = som_npy_load(argv[2], &error);
  check(error);
  int64_t count = points->shape.dim[0];
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnTsne) tsne = nn_tsne_new(context, points->f, count, points->shape.dim[1], &error);
  check(error);
  g_autofree double *y = g_new(double, 2 * count);
  for (int64_t i = 0; i < 2 * count; i++)
    y[i] = places->f[i];
  nn_tsne_find_affinities(tsne, nn_tsne_perplexity(g_ascii_strtod(argv[4], NULL), count), NULL,
                          NULL);
  nn_tsne_descend(tsne, atoi(argv[5]), NULL, NULL, y);
  for (int64_t i = 0; i < 2 * count; i++)
    places->f[i] = (float)y[i];
  som_npy_save(argv[3], places, &error);
  check(error);
  printf("%.9g\n", nn_tsne_divergence(tsne, y));
  return 0;
}
