/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pruning to what the targets need, and removing operators that do nothing. */
#include "nncore/base/memory.h"
#include "nncore/graph/passes.h"

static bool
is_needed(const NnNode *node, const bool *wanted)
{
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE && wanted[node->outputs[o]])
      return true;
  return false;
}

/* all but the first, which every operator writes */
static void
drop_unwanted_outputs(NnGraph *graph, const bool *wanted)
{
  for (size_t i = 0; i < graph->n_nodes; i++)
    for (int o = 1; o < graph->nodes[i].n_outputs; o++) {
      NnValueId *id = &graph->nodes[i].outputs[o];
      if (*id != NN_NO_VALUE && !wanted[*id])
        *id = NN_NO_VALUE;
    }
}

/* a file may leave out the first one too */
static bool
add_first_outputs(NnGraph *graph, GError **error)
{
  for (size_t i = 0; i < graph->n_nodes; i++) {
    if (graph->nodes[i].outputs[0] != NN_NO_VALUE)
      continue;
    NnValueId id = nn_graph_add_value(graph, "", error);
    if (id == NN_NO_VALUE)
      return false;
    graph->nodes[i].outputs[0] = id;
    graph->values[id].producer = (int)i;
  }
  return true;
}

static void
drop_unwanted_inputs(NnGraph *graph, const bool *wanted)
{
  size_t kept = 0;
  for (size_t i = 0; i < graph->n_inputs; i++)
    if (wanted[graph->inputs[i]])
      graph->inputs[kept++] = graph->inputs[i];
  graph->n_inputs = kept;
}

bool
nn_pass_prune(NnGraph *graph, const NnValueId *targets, int n_targets, GError **error)
{
  bool *wanted = nn_alloc0(graph->n_values, sizeof *wanted, error);
  bool *removed = wanted != NULL ? nn_alloc0(graph->n_nodes, sizeof *removed, error) : NULL;
  if (removed == NULL) {
    nn_free(wanted);
    return false;
  }
  for (int i = 0; i < n_targets; i++)
    wanted[targets[i]] = true;
  for (size_t i = graph->n_nodes; i-- > 0;) {
    const NnNode *node = &graph->nodes[i];
    removed[i] = !is_needed(node, wanted);
    for (int k = 0; !removed[i] && k < node->n_inputs; k++)
      if (node->inputs[k] != NN_NO_VALUE)
        wanted[node->inputs[k]] = true;
  }
  drop_unwanted_outputs(graph, wanted);
  drop_unwanted_inputs(graph, wanted);
  nn_graph_remove_nodes(graph, removed);
  nn_free(removed);
  nn_free(wanted);
  return add_first_outputs(graph, error);
}

bool
nn_pass_bypass_identities(NnGraph *graph, NnValueId *targets, int n_targets, GError **error)
{
  NnValueId *stands_for = nn_alloc(graph->n_values, sizeof *stands_for, error);
  bool *removed = stands_for != NULL ? nn_alloc0(graph->n_nodes, sizeof *removed, error) : NULL;
  if (removed == NULL) {
    nn_free(stands_for);
    return false;
  }
  for (size_t v = 0; v < graph->n_values; v++)
    stands_for[v] = (NnValueId)v;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    NnNode *node = &graph->nodes[i];
    for (int k = 0; k < node->n_inputs; k++)
      if (node->inputs[k] != NN_NO_VALUE)
        node->inputs[k] = stands_for[node->inputs[k]];
    bool alone = node->n_outputs < 2 || node->outputs[1] == NN_NO_VALUE;
    removed[i] = node->op->is_identity && alone && node->inputs[0] != NN_NO_VALUE;
    if (removed[i])
      stands_for[node->outputs[0]] = node->inputs[0];
  }
  for (int i = 0; i < n_targets; i++)
    targets[i] = stands_for[targets[i]];
  nn_graph_remove_nodes(graph, removed);
  nn_free(removed);
  nn_free(stands_for);
  return true;
}
