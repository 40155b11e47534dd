/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shape inference: every value's type from those of the inputs. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"

static bool
check_constant_inputs(const NnGraph *graph, const NnNode *node, GError **error)
{
  for (int i = 0; i < node->n_inputs && i < 32; i++) {
    if ((node->op->constant_inputs >> i & 1) == 0 || node->inputs[i] == NN_NO_VALUE ||
        graph->values[node->inputs[i]].constant != NULL)
      continue;
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("Its input %d must be a constant in the file, not computed from the picture."),
                i);
    return false;
  }
  return true;
}

/* the checks that every operator would repeat */
static bool
check_inputs(const NnNode *node, const NnType *in, GError **error)
{
  for (int i = 0; i < node->n_inputs; i++) {
    if (in[i].present || (i >= node->op->min_inputs && node->inputs[i] == NN_NO_VALUE))
      continue;
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED, _("Its input %d is missing."), i + 1);
    return false;
  }
  return true;
}

bool
nn_node_infer(NnGraph *graph, const NnNode *node, GError **error)
{
  NnNodeTypes types;
  bool ok = nn_node_types_init(&types, graph, node, error);
  if (ok) {
    for (int o = 0; o < node->n_outputs; o++)
      types.out[o] = (NnType){.present = true};
    ok = check_inputs(node, types.in, error) && check_constant_inputs(graph, node, error) &&
         node->op->infer(&types.infer, error);
    for (int o = 0; ok && o < node->n_outputs; o++) {
      types.out[o].present = true;
      ok = nn_shape_check(&types.out[o].shape, error);
      if (ok && node->outputs[o] != NN_NO_VALUE)
        graph->values[node->outputs[o]].type = types.out[o];
    }
  }
  nn_node_types_clear(&types);
  return ok || nn_node_prefix_error(node, error);
}

bool
nn_pass_infer(NnGraph *graph, GError **error)
{
  for (size_t i = 0; i < graph->n_nodes; i++)
    if (!nn_node_infer(graph, &graph->nodes[i], error))
      return false;
  return true;
}
