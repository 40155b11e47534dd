/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counting who reads a value, once for a whole pass. */
#include "nncore/graph/uses.h"

#include "nncore/base/memory.h"

bool
nn_uses_init(NnUses *uses, const NnGraph *graph, const NnValueId *targets, int n_targets,
             GError **error)
{
  *uses = (NnUses){nn_alloc0(graph->n_values, sizeof(int), error), graph->n_values};
  if (uses->counts == NULL)
    return false;
  for (size_t i = 0; i < graph->n_nodes; i++)
    for (int k = 0; k < graph->nodes[i].n_inputs; k++)
      if (graph->nodes[i].inputs[k] != NN_NO_VALUE)
        uses->counts[graph->nodes[i].inputs[k]]++;
  for (int i = 0; i < n_targets; i++)
    uses->counts[targets[i]] += 2;
  return true;
}

void
nn_uses_clear(NnUses *uses)
{
  nn_free(uses->counts);
}

bool
nn_uses_is_private(const NnUses *uses, NnValueId value)
{
  return (size_t)value < uses->n_values && uses->counts[value] == 1;
}
