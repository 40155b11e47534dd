/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Push-pull filling. Push: each coarser level holds, of 2 x 2 pixels, the sum of alpha times
 * colour and the sum of alpha. Pull: from the coarsest level down, a pixel without weight takes
 * the bilinear mean of the coarser pixels around it, all of which have a colour by then. */
#include "nncore/image/fill.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/image/arithmetic.h"

#define MAX_LEVELS 32

static void
look_at_alpha(const NnImage *image, bool *has_holes, bool *has_colours)
{
  size_t samples = nn_image_samples(image);
  *has_holes = *has_colours = false;
  for (size_t i = 3; i < samples; i += 4) {
    if (image->data[i] > 0)
      *has_colours = true;
    else
      *has_holes = true;
  }
}

static void
premultiply(const NnImage *image, NnImage *premultiplied)
{
  size_t samples = nn_image_samples(image);
  for (size_t i = 0; i < samples; i += 4) {
    float alpha = nn_clipped(image->data[i + 3]);
    for (int c = 0; c < 3; c++)
      premultiplied->data[i + c] = nn_clipped(image->data[i + c]) * alpha;
    premultiplied->data[i + 3] = alpha;
  }
}

static void
push(const NnImage *fine, NnImage *coarse)
{
  memset(coarse->data, 0, nn_image_samples(coarse) * sizeof(float));
  for (int y = 0; y < fine->height; y++) {
    const float *from = fine->data + (size_t)y * (size_t)fine->width * 4;
    float *to = coarse->data + (size_t)(y / 2) * (size_t)coarse->width * 4;
    for (int x = 0; x < fine->width; x++)
      for (int c = 0; c < 4; c++)
        to[x / 2 * 4 + c] += from[x * 4 + c];
  }
}

/* colour of coarse, whose pixels all have one, around pixel (x, y) of the finer level */
static void
interpolate(const NnImage *coarse, int x, int y, float colour[4])
{
  int x0 = x / 2, y0 = y / 2;
  int x1 = CLAMP(x % 2 == 0 ? x0 - 1 : x0 + 1, 0, coarse->width - 1);
  int y1 = CLAMP(y % 2 == 0 ? y0 - 1 : y0 + 1, 0, coarse->height - 1);
  const float *row0 = coarse->data + (size_t)y0 * (size_t)coarse->width * 4;
  const float *row1 = coarse->data + (size_t)y1 * (size_t)coarse->width * 4;
  const float *pixels[4] = {row0 + x0 * 4, row0 + x1 * 4, row1 + x0 * 4, row1 + x1 * 4};
  static const float weights[4] = {0.5625f, 0.1875f, 0.1875f, 0.0625f};
  memset(colour, 0, 4 * sizeof(float));
  for (int k = 0; k < 4; k++)
    for (int c = 0; c < 3; c++)
      colour[c] += weights[k] * pixels[k][c] / pixels[k][3];
  colour[3] = 1;
}

static void
pull(const NnImage *coarse, NnImage *fine)
{
  for (int y = 0; y < fine->height; y++) {
    float *row = fine->data + (size_t)y * (size_t)fine->width * 4;
    for (int x = 0; x < fine->width; x++)
      if (!(row[x * 4 + 3] > 0))
        interpolate(coarse, x, y, row + x * 4);
  }
}

/* levels: *n of them, the first given; the coarser ones are the caller's to free */
static bool
make_levels(NnImage *levels[MAX_LEVELS], int *n, GError **error)
{
  while (levels[*n - 1]->width > 1 || levels[*n - 1]->height > 1) {
    const NnImage *fine = levels[*n - 1];
    NnImage *coarse = nn_image_new((fine->width + 1) / 2, (fine->height + 1) / 2, 4, error);
    if (coarse == NULL)
      return false;
    push(fine, coarse);
    levels[(*n)++] = coarse;
  }
  return true;
}

/* (transfer full): every pixel with a colour, premultiplied; image has one somewhere */
static NnImage *
fill_holes(const NnImage *image, GError **error)
{
  g_autoptr(NnImage) filled = nn_image_new(image->width, image->height, 4, error);
  if (filled == NULL)
    return NULL;
  premultiply(image, filled);
  NnImage *levels[MAX_LEVELS] = {filled};
  int n = 1;
  bool made = make_levels(levels, &n, error);
  for (int i = n - 1; i >= 1; i--) {
    if (made)
      pull(levels[i], levels[i - 1]);
    nn_image_free(levels[i]);
  }
  return made ? g_steal_pointer(&filled) : NULL;
}

NnImage *
nn_image_fill(const NnImage *image, GError **error)
{
  g_return_val_if_fail(image->channels == 4, NULL);
  bool has_holes, has_colours;
  look_at_alpha(image, &has_holes, &has_colours);
  if (!has_colours) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("Everything here is transparent: there is nothing to see. Choose another layer "
                  "or another selection."));
    return NULL;
  }
  g_autoptr(NnImage) filled = has_holes ? fill_holes(image, error) : NULL;
  g_autoptr(NnImage) rgb = NULL;
  if (!has_holes || filled != NULL)
    rgb = nn_image_new(image->width, image->height, 3, error);
  if (rgb == NULL)
    return NULL;
  size_t pixels = (size_t)image->width * (size_t)image->height;
  for (size_t i = 0; i < pixels; i++) {
    /* its own colour comes from the picture itself: through alpha and back would round */
    const float *own = image->data + 4 * i;
    const float *around = own[3] > 0 ? NULL : filled->data + 4 * i;
    for (int c = 0; c < 3; c++)
      rgb->data[3 * i + c] = nn_clipped(around == NULL ? own[c] : around[c] / around[3]);
  }
  return g_steal_pointer(&rgb);
}
