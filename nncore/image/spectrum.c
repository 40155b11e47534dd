/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters have the layout of the canvas: rows, columns, 3 decorrelated colours. */
#include "nncore/image/spectrum.h"

#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/base/random.h"

#define GRAIN_ROWS 16
#define GRAIN_PX 8192
#define MARGIN 16 /* px that the canvas is larger at least */

/* Colours that are as good as independent in photos (Ohta, Kanade and Sakai 1980): lightness, red
 * to blue, green to magenta; of length 1. The deviations are those of the 10,100 validation photos
 * of Tiny ImageNet, in which no two of the three correlate by more than 0.06. */
static const float colours[3][3] = {
    {0.57735027f, 0.57735027f, 0.57735027f},
    {0.70710678f, 0, -0.70710678f},
    {-0.40824829f, 0.81649658f, -0.40824829f},
};
static const float deviations[3] = {0.4524f, 0.1412f, 0.0639f};

struct NnSpectrum {
  int width, height; /* of the picture */
  NnHartley *hartley;
  NnImage *canvas;
  float *scales; /* of each frequency, in rows and columns of the canvas */
};

static void
fill_scales(NnSpectrum *spectrum)
{
  int width = spectrum->canvas->width, height = spectrum->canvas->height;
  double lowest = 1.0 / MAX(width, height), squares = 0;
  for (int v = 0; v < height; v++)
    for (int u = 0; u < width; u++) {
      double f = hypot(nn_hartley_frequency(u, width), nn_hartley_frequency(v, height));
      double scale = 1 / MAX(f, lowest);
      spectrum->scales[(size_t)v * (size_t)width + (size_t)u] = (float)scale;
      squares += scale * scale;
    }
  size_t count = (size_t)width * (size_t)height;
  float factor = (float)sqrt((double)count / squares);
  for (size_t i = 0; i < count; i++)
    spectrum->scales[i] *= factor;
}

void
nn_spectrum_canvas(int width, int height, int *canvas_width, int *canvas_height)
{
  *canvas_width = nn_hartley_size(width + MARGIN);
  *canvas_height = nn_hartley_size(height + MARGIN);
}

NnSpectrum *
nn_spectrum_new(NnContext *context, int width, int height, GError **error)
{
  g_autoptr(NnSpectrum) spectrum = g_new0(NnSpectrum, 1);
  int w, h;
  nn_spectrum_canvas(width, height, &w, &h);
  spectrum->width = width;
  spectrum->height = height;
  spectrum->hartley = nn_hartley_new(context, w, h, error);
  if (spectrum->hartley != NULL)
    spectrum->canvas = nn_image_new(w, h, 3, error);
  if (spectrum->canvas != NULL)
    spectrum->scales = nn_alloc((size_t)w * (size_t)h, sizeof(float), error);
  if (spectrum->scales == NULL)
    return NULL;
  fill_scales(spectrum);
  return g_steal_pointer(&spectrum);
}

void
nn_spectrum_free(NnSpectrum *spectrum)
{
  if (spectrum == NULL)
    return;
  nn_hartley_free(spectrum->hartley);
  nn_image_free(spectrum->canvas);
  nn_free(spectrum->scales);
  g_free(spectrum);
}

void
nn_spectrum_size(const NnSpectrum *spectrum, int *width, int *height)
{
  *width = spectrum->canvas->width;
  *height = spectrum->canvas->height;
}

double
nn_spectrum_deviation(void)
{
  double variance = 0;
  for (int k = 0; k < 3; k++)
    variance += (double)deviations[k] * (double)deviations[k] / 3;
  return sqrt(variance);
}

typedef struct {
  NnSpectrum *spectrum;
  const float *from;
  float *to;
  const NnImage *gradient;
  NnImage *picture;
  uint64_t seed;
  float deviation;
} Job;

static void
draw(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to[i] = job->deviation * nn_random_normal_at(job->seed, (uint64_t)i);
}

/* canvas = scales * z */
static void
scale_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    for (int c = 0; c < 3; c++)
      job->to[3 * i + c] = job->from[3 * i + c] * job->spectrum->scales[i] * deviations[c];
}

/* decorrelated colours of the canvas -> R'G'B' of the picture */
static void
colour_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnImage *canvas = job->spectrum->canvas;
  for (int64_t y = begin; y < end; y++)
    for (int64_t x = 0; x < job->picture->width; x++) {
      const float *from = canvas->data + (y * canvas->width + x) * 3;
      float *to = job->picture->data + (y * job->picture->width + x) * 3;
      for (int c = 0; c < 3; c++)
        to[c] = from[0] * colours[0][c] + from[1] * colours[1][c] + from[2] * colours[2][c];
    }
}

/* the other way, transposed; 0 outside the picture */
static void
uncolour_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnImage *canvas = job->spectrum->canvas;
  memset(canvas->data + begin * canvas->width * 3, 0,
         (size_t)(end - begin) * (size_t)canvas->width * 3 * sizeof(float));
  for (int64_t y = begin; y < MIN(end, job->gradient->height); y++)
    for (int64_t x = 0; x < job->gradient->width; x++) {
      const float *from = job->gradient->data + (y * job->gradient->width + x) * 3;
      float *to = canvas->data + (y * canvas->width + x) * 3;
      for (int k = 0; k < 3; k++)
        to[k] = from[0] * colours[k][0] + from[1] * colours[k][1] + from[2] * colours[k][2];
    }
}

void
nn_spectrum_noise(NnContext *context, uint64_t seed, float deviation, NnImage *parameters)
{
  Job job = {.to = parameters->data, .seed = seed, .deviation = deviation};
  nn_parallel_for(context, (int64_t)nn_image_samples(parameters), GRAIN_PX, draw, &job);
}

static void
scale(NnSpectrum *spectrum, NnContext *context, const float *from, float *to)
{
  Job job = {.spectrum = spectrum, .from = from, .to = to};
  int64_t count = (int64_t)spectrum->canvas->width * spectrum->canvas->height;
  nn_parallel_for(context, count, GRAIN_PX, scale_rows, &job);
}

void
nn_spectrum_picture(NnSpectrum *spectrum, NnContext *context, const NnImage *parameters,
                    NnImage *picture)
{
  g_return_if_fail(picture->width == spectrum->width && picture->height == spectrum->height &&
                   picture->channels == 3);
  Job job = {.spectrum = spectrum, .picture = picture};
  scale(spectrum, context, parameters->data, spectrum->canvas->data);
  nn_hartley_run(spectrum->hartley, context, spectrum->canvas);
  nn_parallel_for(context, picture->height, GRAIN_ROWS, colour_rows, &job);
}

void
nn_spectrum_gradient(NnSpectrum *spectrum, NnContext *context, const NnImage *gradient,
                     NnImage *parameters_gradient)
{
  g_return_if_fail(gradient->width == spectrum->width && gradient->height == spectrum->height &&
                   gradient->channels == 3);
  Job job = {.spectrum = spectrum, .gradient = gradient};
  nn_parallel_for(context, spectrum->canvas->height, GRAIN_ROWS, uncolour_rows, &job);
  nn_hartley_run(spectrum->hartley, context, spectrum->canvas);
  scale(spectrum, context, spectrum->canvas->data, parameters_gradient->data);
}
