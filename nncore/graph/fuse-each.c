/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walk, and what it needs: who reads what, and who is gone. */
#include "nncore/graph/fuse-each.h"

#include "nncore/base/memory.h"

bool
nn_fuse_each(NnGraph *graph, const NnValueId *targets, int n_targets, NnFuse fuse, GError **error)
{
  NnUses uses;
  bool *removed = NULL;
  if (nn_uses_init(&uses, graph, targets, n_targets, error))
    removed = nn_alloc0(graph->n_nodes, sizeof *removed, error);
  bool ok = removed != NULL;
  for (size_t at = 0; ok && at < graph->n_nodes; at++)
    ok = fuse(graph, at, &uses, removed, error);
  if (ok)
    nn_graph_remove_nodes(graph, removed);
  nn_free(removed);
  nn_uses_clear(&uses);
  return ok;
}
