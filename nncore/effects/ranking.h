/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a classifier takes a picture for: scores before softmax, probabilities, names, best first. */
#pragma once

#include "nncore/effects/network.h"
#include "nncore/loss/loss.h"

/**
 * NnRank:
 * @number: of the class
 * @score: before softmax; @probability: after
 */
typedef struct {
  int number;
  double score, probability;
} NnRank;

/** NnRanking: @ranks: all classes, the best first; equal ones by number. */
typedef struct {
  int count;
  NnRank *ranks;
} NnRanking;

/** nn_ranking_new: of the scores that @scores, an nn_loss_strongest(), has observed.
 * %NN_ERROR_MEMORY. */
NnRanking *nn_ranking_new(const NnLoss *scores, GError **error);
void nn_ranking_free(NnRanking *ranking);

/** nn_best_probability: of the first of nn_ranking_new()'s classes; allocates nothing. NaN where no
 * score is finite. */
double nn_best_probability(const NnLoss *scores);

/** nn_ranking_find: (transfer none): the class @number, or %NULL. */
const NnRank *nn_ranking_find(const NnRanking *ranking, int number);

/** nn_network_class_name: (transfer full): the first of the class's names, without its synonyms;
 * "class 7" where it has none. */
char *nn_network_class_name(const NnNetwork *network, int number);

/** nn_rank_describe: (transfer full): "golden retriever (97.3 %)". */
char *nn_rank_describe(const NnRank *rank, const NnNetwork *network);

/** nn_ranking_describe: (transfer full): the best @count, a line each, numbered. */
char *nn_ranking_describe(const NnRanking *ranking, const NnNetwork *network, int count);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnRanking, nn_ranking_free)
