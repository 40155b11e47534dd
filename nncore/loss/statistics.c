/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the distances share. */
#include "nncore/loss/statistics.h"

void
nn_statistics_covariance(int64_t channels, const NnStatistics *statistics, double *covariance)
{
  const double *mean = statistics->mean;
  for (int64_t i = 0; i < channels; i++)
    for (int64_t k = 0; k < channels; k++)
      covariance[i * channels + k] = statistics->second[i * channels + k] - mean[i] * mean[k];
}

double
nn_statistics_trace(int64_t channels, const double *matrix)
{
  double trace = 0;
  for (int64_t i = 0; i < channels; i++)
    trace += matrix[i * channels + i];
  return trace;
}

double
nn_statistics_mean_term(int64_t channels, const NnStatistics *style, const NnStatistics *picture,
                        double scale, NnStatistics *gradient)
{
  double sum = 0;
  for (int64_t i = 0; i < channels; i++) {
    double difference = picture->mean[i] - style->mean[i];
    gradient->mean[i] = 2 * difference / scale;
    sum += difference * difference;
  }
  return sum / scale;
}

void
nn_statistics_through_covariance(int64_t channels, const NnStatistics *picture,
                                 NnStatistics *gradient)
{
  for (int64_t i = 0; i < channels; i++) {
    double product = 0;
    for (int64_t k = 0; k < channels; k++)
      product += gradient->second[i * channels + k] * picture->mean[k];
    gradient->mean[i] -= 2 * product;
  }
}
