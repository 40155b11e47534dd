/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gram matrices: |G - G*|^2 / |G*|^2; gradient to G: 2 (G - G*) / |G*|^2. Workspace: |G*|^2. */
#include <math.h>

#include "nncore/loss/statistics.h"

static int64_t
gram_workspace_doubles(int64_t channels)
{
  return 1;
}

static bool
gram_prepare(int64_t channels, const NnStatistics *style, double *workspace)
{
  double sum = 0;
  for (int64_t i = 0; i < channels * channels; i++)
    sum += style->second[i] * style->second[i];
  workspace[0] = sum > 0 ? sum : 1;
  return isfinite(sum);
}

static double
gram_measure(int64_t channels, const NnStatistics *style, const NnStatistics *picture,
             double *workspace, NnStatistics *gradient)
{
  double sum = 0;
  for (int64_t i = 0; i < channels * channels; i++) {
    double difference = picture->second[i] - style->second[i];
    gradient->second[i] = 2 * difference / workspace[0];
    sum += difference * difference;
  }
  for (int64_t i = 0; i < channels; i++)
    gradient->mean[i] = 0;
  return sum / workspace[0];
}

const NnDistance nn_distance_gram = {
    .workspace_doubles = gram_workspace_doubles,
    .prepare = gram_prepare,
    .measure = gram_measure,
};
