/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Softmax and sorting, in double. */
#include "nncore/effects/ranking.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nncore/base/memory.h"

static int
compare_ranks(const void *a, const void *b)
{
  const NnRank *x = a, *y = b;
  if (x->score != y->score)
    return x->score < y->score ? 1 : -1;
  return x->number - y->number;
}

/* what is no number comes last */
static double
score_of(const NnLoss *scores, int64_t number)
{
  double score = nn_loss_strongest_mean(scores, number);
  return isnan(score) ? -INFINITY : score;
}

double
nn_best_probability(const NnLoss *scores)
{
  double best = -INFINITY, sum = 0;
  int64_t count = nn_loss_strongest_channels(scores);
  for (int64_t i = 0; i < count; i++)
    best = MAX(best, score_of(scores, i));
  for (int64_t i = 0; i < count; i++)
    sum += exp(score_of(scores, i) - best);
  return 1 / sum;
}

NnRanking *
nn_ranking_new(const NnLoss *scores, GError **error)
{
  int64_t count = nn_loss_strongest_channels(scores);
  g_autoptr(NnRanking) ranking = g_new0(NnRanking, 1);
  ranking->ranks = nn_alloc((size_t)count, sizeof(NnRank), error);
  if (ranking->ranks == NULL)
    return NULL;
  ranking->count = (int)count;
  for (int i = 0; i < ranking->count; i++)
    ranking->ranks[i] = (NnRank){i, score_of(scores, i), 0};
  qsort(ranking->ranks, (size_t)count, sizeof(NnRank), compare_ranks);
  double sum = 0;
  for (int i = 0; i < ranking->count; i++)
    sum += ranking->ranks[i].probability = exp(ranking->ranks[i].score - ranking->ranks[0].score);
  for (int i = 0; i < ranking->count; i++)
    ranking->ranks[i].probability /= sum;
  return g_steal_pointer(&ranking);
}

void
nn_ranking_free(NnRanking *ranking)
{
  if (ranking == NULL)
    return;
  nn_free(ranking->ranks);
  g_free(ranking);
}

const NnRank *
nn_ranking_find(const NnRanking *ranking, int number)
{
  for (int i = 0; i < ranking->count; i++)
    if (ranking->ranks[i].number == number)
      return &ranking->ranks[i];
  return NULL;
}

char *
nn_network_class_name(const NnNetwork *network, int number)
{
  bool named = network->labels != NULL && number < (int)g_strv_length(network->labels);
  if (!named || network->labels[number][0] == '\0')
    return g_strdup_printf(_("class %d"), number);
  const char *label = network->labels[number];
  return g_strndup(label, strcspn(label, ","));
}

char *
nn_rank_describe(const NnRank *rank, const NnNetwork *network)
{
  g_autofree char *name = nn_network_class_name(network, rank->number);
  /* Translators: a class and how sure the network is of it */
  return g_strdup_printf(_("%s (%.1f %%)"), name, 100 * rank->probability);
}

char *
nn_ranking_describe(const NnRanking *ranking, const NnNetwork *network, int count)
{
  GString *lines = g_string_new(NULL);
  for (int i = 0; i < MIN(count, ranking->count); i++) {
    g_autofree char *line = nn_rank_describe(&ranking->ranks[i], network);
    g_string_append_printf(lines, "%s%d. %s", i == 0 ? "" : "\n", i + 1, line);
  }
  return g_string_free(lines, FALSE);
}
