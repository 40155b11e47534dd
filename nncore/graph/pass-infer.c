/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shape inference: every value's type from those of the inputs. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/graph/evaluate.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"

#define MAX_KNOWN_ELEMENTS (INT64_C(1) << 16) /* of a tensor that is worth knowing */

static bool
has_elements(const NnNode *node, const NnValue *value)
{
  return value->constant != NULL || (value->known != NULL && node->op->prepare == NULL);
}

static bool
check_constant_inputs(const NnGraph *graph, const NnNode *node, GError **error)
{
  for (int i = 0; i < node->n_inputs && i < 32; i++) {
    if ((node->op->constant_inputs >> i & 1) == 0 || node->inputs[i] == NN_NO_VALUE ||
        has_elements(node, &graph->values[node->inputs[i]]))
      continue;
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("Its input %d must be a constant in the file, not computed from the picture."),
                i + 1);
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

static bool
is_small(const NnGraph *graph, const NnNode *node)
{
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE &&
        nn_shape_count(&graph->values[node->outputs[o]].type.shape) > MAX_KNOWN_ELEMENTS)
      return false;
  return node->op->prepare == NULL;
}

bool
nn_node_find_known(NnGraph *graph, const NnNode *node, NnContext *context, GError **error)
{
  if (!nn_node_is_evaluable(graph, node, true) || !is_small(graph, node))
    return true;
  NnTensor **outputs = nn_alloc0((size_t)node->n_outputs, sizeof *outputs, error);
  bool ok = outputs != NULL && nn_node_evaluate(graph, node, context, outputs, error);
  for (int o = 0; ok && o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE)
      graph->values[node->outputs[o]].known = outputs[o];
  nn_free(outputs);
  return ok;
}

bool
nn_pass_infer(NnGraph *graph, GError **error)
{
  nn_graph_forget_known(graph);
  NnContext *context = nn_context_new(1); /* the caller's own may be at work */
  bool ok = true;
  for (size_t i = 0; ok && i < graph->n_nodes; i++)
    ok = nn_node_infer(graph, &graph->nodes[i], error) &&
         nn_node_find_known(graph, &graph->nodes[i], context, error);
  nn_context_free(context);
  return ok;
}
