/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Distances between statistics, each as a function of mean and raw second moment: what style.c is
 * made from. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** NnStatistics: of C channels: @mean, C numbers; @second, E x x', C x C. */
typedef struct {
  double *mean, *second;
} NnStatistics;

/**
 * NnDistance: nothing here allocates.
 * @workspace_doubles: that the others need for C channels; what prepare leaves there must be kept
 * @prepare: what depends on the style alone. Returns: false where its statistics are no numbers
 * @measure: Returns: the distance; @gradient: (out): to mean and second moment, the latter's
 *   symmetric: the change of value for a change D of the second moment is sum_ij gradient_ij D_ij
 */
typedef struct {
  int64_t (*workspace_doubles)(int64_t channels);
  bool (*prepare)(int64_t channels, const NnStatistics *style, double *workspace);
  double (*measure)(int64_t channels, const NnStatistics *style, const NnStatistics *picture,
                    double *workspace, NnStatistics *gradient);
} NnDistance;

extern const NnDistance nn_distance_gram;
extern const NnDistance nn_distance_covariance;
extern const NnDistance nn_distance_wasserstein;

/** nn_statistics_covariance: second - mean mean' into @covariance, C x C. */
void nn_statistics_covariance(int64_t channels, const NnStatistics *statistics, double *covariance);

/** nn_statistics_trace: E |x|^2. */
double nn_statistics_trace(int64_t channels, const double *matrix);

/** nn_statistics_mean_term: |m - m*|^2 / @scale, its gradient written to gradient->mean. */
double nn_statistics_mean_term(int64_t channels, const NnStatistics *style,
                               const NnStatistics *picture, double scale, NnStatistics *gradient);

/** nn_statistics_through_covariance: the gradient to the covariance, in gradient->second, is also
 * one to the second moment; adds what it is to the mean: -2 gradient m. */
void nn_statistics_through_covariance(int64_t channels, const NnStatistics *picture,
                                      NnStatistics *gradient);
