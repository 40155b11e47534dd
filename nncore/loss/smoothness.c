/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Total variation (Rudin, Osher and Fatemi 1992; with exponents, Mahendran and Vedaldi 2015) and
 * p-norms. A value's gradient is gathered from the up to three differences that it is part of, so
 * that rows are independent. */
#include "nncore/loss/smoothness.h"

#include <math.h>

#include "nncore/base/sum.h"

#define GRAIN 16384
#define SMALLEST 1e-8 /* of squares, for exponents below 2 */

typedef struct {
  const NnVariation *variation;
  const float *x;
  float *gradient;
  double factor, add, least;
} Job;

/* differences of the value at (column, row) to the right and below; where there are none, 0 */
typedef struct {
  double x, y;
} Differences;

static Differences
differences_at(const Job *job, int64_t column, int64_t row, int64_t channel)
{
  const NnVariation *v = job->variation;
  int64_t right = column + 1 < v->width ? column + 1 : v->wrapped ? 0 : column;
  int64_t below = row + 1 < v->height ? row + 1 : v->wrapped ? 0 : row;
  double here = job->x[(row * v->width + column) * v->channels + channel];
  return (Differences){job->x[(row * v->width + right) * v->channels + channel] - here,
                       job->x[(below * v->width + column) * v->channels + channel] - here};
}

/* (square + add)^(b/2), and its derivative by the difference over the difference */
static double
power(const Job *job, double square, double *derivative)
{
  double b = job->variation->exponent;
  *derivative = b == 2 ? 2 : b * pow(square + job->add, b / 2 - 1);
  return b == 2 ? square : pow(square + job->add, b / 2) - job->least;
}

/* the value's own term, and its derivatives by the two differences */
static double
term(const Job *job, Differences d, Differences *derivative)
{
  double by_x, by_y, value;
  if (job->variation->isotropic) {
    value = power(job, d.x * d.x + d.y * d.y, &by_x);
    by_y = by_x;
  } else {
    value = power(job, d.x * d.x, &by_x);
    value += power(job, d.y * d.y, &by_y);
  }
  *derivative = (Differences){by_x * d.x, by_y * d.y};
  return value;
}

static double
value_at(const Job *job, int64_t column, int64_t row, int64_t channel)
{
  const NnVariation *v = job->variation;
  Differences own, other;
  double value = term(job, differences_at(job, column, row, channel), &own);
  double gradient = -own.x - own.y;
  if (column > 0 || v->wrapped) {
    int64_t left = column > 0 ? column - 1 : v->width - 1;
    term(job, differences_at(job, left, row, channel), &other);
    gradient += other.x;
  }
  if (row > 0 || v->wrapped) {
    int64_t above = row > 0 ? row - 1 : v->height - 1;
    term(job, differences_at(job, column, above, channel), &other);
    gradient += other.y;
  }
  job->gradient[(row * v->width + column) * v->channels + channel] +=
      (float)(job->factor * gradient);
  return value;
}

static double
variation_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  double sum = 0;
  for (int64_t row = begin; row < end; row++)
    for (int64_t column = 0; column < job->variation->width; column++)
      for (int64_t channel = 0; channel < job->variation->channels; channel++)
        sum += value_at(job, column, row, channel);
  return sum;
}

double
nn_total_variation(NnContext *context, const NnVariation *variation, const float *x, double factor,
                   float *gradient)
{
  int64_t row = variation->width * variation->channels;
  double count = (double)MAX(row * variation->height, 1);
  Job job = {.variation = variation, .x = x, .gradient = gradient, .factor = factor / count};
  if (variation->exponent < 2) {
    job.add = SMALLEST;
    job.least = pow(SMALLEST, variation->exponent / 2);
  }
  int64_t grain = 1 + GRAIN / MAX(row, 1);
  return nn_parallel_sum(context, variation->height, grain, variation_rows, &job) / count;
}

typedef struct {
  const float *x;
  float *gradient;
  float middle;
  double exponent, factor;
} Norm;

static double
norm_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Norm *norm = data;
  double sum = 0;
  for (int64_t i = begin; i < end; i++) {
    double difference = (double)norm->x[i] - (double)norm->middle;
    double size = fabs(difference), lower = pow(size, norm->exponent - 1);
    sum += lower * size;
    if (size > 0)
      norm->gradient[i] += (float)(norm->factor * copysign(lower, difference));
  }
  return sum;
}

double
nn_power_norm(NnContext *context, const float *x, int64_t count, double exponent, float middle,
              double factor, float *gradient)
{
  double all = (double)MAX(count, 1);
  Norm norm = {x, gradient, middle, exponent, factor * exponent / all};
  return nn_parallel_sum(context, count, GRAIN, norm_chunk, &norm) / all;
}
