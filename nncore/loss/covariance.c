/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Covariances and means: |S - S*|^2 / |S*|^2 + |m - m*|^2 / tr G*; gradient to S:
 * 2 (S - S*) / |S*|^2. Workspace: |S*|^2, tr G*, S*, S. */
#include <math.h>

#include "nncore/loss/statistics.h"

static int64_t
covariance_workspace_doubles(int64_t channels)
{
  return 2 + 2 * channels * channels;
}

static bool
covariance_prepare(int64_t channels, const NnStatistics *style, double *workspace)
{
  double *target = workspace + 2, sum = 0;
  nn_statistics_covariance(channels, style, target);
  for (int64_t i = 0; i < channels * channels; i++)
    sum += target[i] * target[i];
  double trace = nn_statistics_trace(channels, style->second);
  workspace[0] = sum > 0 ? sum : 1;
  workspace[1] = trace > 0 ? trace : 1;
  return isfinite(sum) && isfinite(trace);
}

static double
covariance_measure(int64_t channels, const NnStatistics *style, const NnStatistics *picture,
                   double *workspace, NnStatistics *gradient)
{
  const double *target = workspace + 2;
  double *covariance = workspace + 2 + channels * channels;
  double sum = 0;
  nn_statistics_covariance(channels, picture, covariance);
  for (int64_t i = 0; i < channels * channels; i++) {
    double difference = covariance[i] - target[i];
    gradient->second[i] = 2 * difference / workspace[0];
    sum += difference * difference;
  }
  double means = nn_statistics_mean_term(channels, style, picture, workspace[1], gradient);
  nn_statistics_through_covariance(channels, picture, gradient);
  return sum / workspace[0] + means;
}

const NnDistance nn_distance_covariance = {
    .workspace_doubles = covariance_workspace_doubles,
    .prepare = covariance_prepare,
    .measure = covariance_measure,
};
