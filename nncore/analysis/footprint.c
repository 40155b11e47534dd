/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lifetimes as a plan's (plan/plan.c), on the graph as it is in the file: an operator that will be
 * fused into the one before it, or goes away, writes over its input; where a MaxPool is part of a Conv, only
 * its result is there, and where a sum is, that is where the other term was. Backward, the gradients of
 * what a layer reads and makes take the places of these. */
#include "nncore/analysis/footprint.h"

#include "nncore/base/memory.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"
#include "nncore/graph/uses.h"

#define THREADS 4 /* that scratch memory is counted for */

/** Moment: bytes: @change: that are there from this node on and were not before; @kept: for its way
 * back; @forward, @back: scratch memory. */
typedef struct {
  double change, kept, forward, back;
} Moment;

/**
 * Lives:
 * @n_nodes: up to the last one
 * @separate: as in nn_footprint()
 * @last_read: by value: the last node that reads it
 * @owner: by value: the one whose memory it shares, mostly itself
 * @bytes: by owner
 * @end: by value: the last node that reads it or one that shares it
 * @moments: by node
 */
typedef struct {
  const NnGraph *graph;
  int n_nodes;
  bool separate;
  NnUses uses;
  int *last_read;
  NnValueId *owner;
  double *bytes;
  int *end;
  Moment *moments;
} Lives;

static void
lives_clear(Lives *lives)
{
  nn_uses_clear(&lives->uses);
  nn_free(lives->last_read);
  nn_free(lives->owner);
  nn_free(lives->bytes);
  nn_free(lives->end);
  nn_free(lives->moments);
}

static double
bytes_of(const Lives *lives, NnValueId id)
{
  const NnValue *value = id != NN_NO_VALUE ? &lives->graph->values[id] : NULL;
  if (value == NULL || value->is_constant || value->known != NULL || !value->type.present)
    return 0;
  return (double)nn_shape_count(&value->type.shape) * (double)nn_dtype_size(value->type.dtype);
}

static bool
lives_init(Lives *lives, const NnGraph *graph, NnValueId last, GError **error)
{
  size_t n_values = graph->n_values, n_nodes = graph->n_nodes;
  *lives = (Lives){.graph = graph, .n_nodes = graph->values[last].producer + 1};
  if (!nn_uses_init(&lives->uses, graph, &last, 1, error))
    return false;
  lives->last_read = nn_alloc0(n_values, sizeof(int), error);
  lives->owner = lives->last_read != NULL ? nn_alloc(n_values, sizeof *lives->owner, error) : NULL;
  lives->bytes = lives->owner != NULL ? nn_alloc(n_values, sizeof(double), error) : NULL;
  lives->end = lives->bytes != NULL ? nn_alloc(n_values, sizeof *lives->end, error) : NULL;
  lives->moments = lives->end != NULL ? nn_alloc0(n_nodes + 1, sizeof(Moment), error) : NULL;
  for (size_t v = 0; lives->moments != NULL && v < n_values; v++) {
    lives->owner[v] = (NnValueId)v;
    lives->bytes[v] = bytes_of(lives, (NnValueId)v);
    lives->end[v] = graph->values[v].producer;
  }
  for (int i = 0; lives->moments != NULL && i < lives->n_nodes; i++)
    for (int k = 0; k < graph->nodes[i].n_inputs; k++)
      if (graph->nodes[i].inputs[k] != NN_NO_VALUE)
        lives->last_read[graph->nodes[i].inputs[k]] = i;
  return lives->moments != NULL;
}

/* whether the operator before it will do its work, or none is left of it */
static bool
vanishes(const NnNode *node, const NnInfer *infer)
{
  const NnOp *op = node->op;
  return op->is_identity || op->is_channel_affine ||
         (op->as_activation != NULL && op->as_activation(infer).kind != NN_ACTIVATION_NONE);
}

static double
kept_bytes(const Lives *lives, const NnNode *node)
{
  unsigned varying = 0, keeps;
  double sum = 0;
  for (int k = 0; k < node->n_inputs && k < 30; k++)
    if (bytes_of(lives, node->inputs[k]) > 0)
      varying |= 1u << k;
  keeps = node->op->keeps != NULL ? node->op->keeps(node->params, varying) : 0;
  for (int k = 0; k < node->n_inputs && k < 30; k++)
    sum += keeps & NN_KEEPS_INPUT(k) ? bytes_of(lives, node->inputs[k]) : 0;
  return sum + (keeps & NN_KEEPS_OUTPUT ? bytes_of(lives, node->outputs[0]) : 0);
}

/* the convolution that a value comes from, through what vanishes, if nobody else has anything of it */
static const NnNode *
private_maker(const Lives *lives, NnValueId id)
{
  const NnNode *node = NULL;
  bool private = nn_uses_is_private(&lives->uses, id);
  while (private && lives->graph->values[id].producer >= 0) {
    node = &lives->graph->nodes[lives->graph->values[id].producer];
    if (lives->owner[id] == id) /* it has memory of its own */
      return node;
    bool through =
        node->op->as_activation != NULL || node->op->is_channel_affine || node->op->is_identity;
    private =
        through && node->outputs[0] == id && nn_uses_is_private(&lives->uses, node->inputs[0]);
    id = node->inputs[0];
  }
  return NULL;
}

static void
join_pool(Lives *lives, const NnNode *node)
{
  const NnNode *maker = private_maker(lives, node->inputs[0]);
  if (maker == NULL || !nn_can_fuse_pool(lives->graph, maker, node))
    return;
  NnValueId owner = lives->owner[node->inputs[0]];
  lives->bytes[owner] = bytes_of(lives, node->outputs[0]);
  lives->owner[node->outputs[0]] = owner;
}

/* of the terms, the one that is made last, bare */
static void
join_sum(Lives *lives, int i)
{
  const NnNode *node = &lives->graph->nodes[i];
  const NnValue *values = lives->graph->values;
  int last = values[node->inputs[0]].producer > values[node->inputs[1]].producer ? 0 : 1;
  NnValueId own = node->inputs[last], other = node->inputs[1 - last];
  const NnNode *maker = private_maker(lives, own);
  if (maker == NULL || lives->graph->nodes[values[own].producer].op->as_activation != NULL ||
      !nn_can_fuse_sum(lives->graph, maker, own, other))
    return;
  if (lives->last_read[other] > i) {
    lives->owner[node->outputs[0]] = lives->owner[own];
    return;
  }
  lives->bytes[lives->owner[own]] = 0;
  lives->owner[node->outputs[0]] = lives->owner[other];
}

/* @i: of a node that is part of a run */
static bool
look_at(Lives *lives, int i, GError **error)
{
  const NnNode *node = &lives->graph->nodes[i];
  NnNodeTypes types;
  if (!nn_node_types_init(&types, lives->graph, node, error)) {
    nn_node_types_clear(&types);
    return false;
  }
  bool gone = vanishes(node, &types.infer);
  for (int k = 0; k < node->n_inputs; k++)
    if (node->inputs[k] != NN_NO_VALUE)
      lives->end[lives->owner[node->inputs[k]]] = i;
  bool has_first = node->outputs[0] != NN_NO_VALUE;
  if (gone && has_first && nn_uses_is_private(&lives->uses, node->inputs[0]))
    lives->owner[node->outputs[0]] = lives->owner[node->inputs[0]];
  if (!lives->separate && has_first && node->op == nn_op_find("MaxPool"))
    join_pool(lives, node);
  if (!lives->separate && has_first && node->op == nn_op_find("Add"))
    join_sum(lives, i);
  Moment *moment = &lives->moments[i];
  if (node->op->scratch_bytes != NULL && !gone) {
    moment->forward = (double)node->op->scratch_bytes(&types.infer, THREADS, false);
    moment->back = (double)node->op->scratch_bytes(&types.infer, THREADS, true);
  }
  if (node->op->aux_bytes != NULL)
    moment->kept = (double)node->op->aux_bytes(&types.infer);
  if (!gone)
    moment->kept += kept_bytes(lives, node);
  nn_node_types_clear(&types);
  return true;
}

static bool
is_run(const Lives *lives, const NnInventory *inventory, int i)
{
  const NnNode *node = &lives->graph->nodes[i];
  bool made = false;
  for (int o = 0; o < node->n_outputs; o++)
    made = made || bytes_of(lives, node->outputs[o]) > 0;
  return made && !inventory->nodes[i].constant && inventory->nodes[i].problem == NULL;
}

/* from first to last, each owner's bytes */
static double
enter_lives(Lives *lives)
{
  double all = 0;
  for (size_t v = 0; v < lives->graph->n_values; v++) {
    int begin = lives->graph->values[v].producer;
    double bytes = lives->bytes[v];
    if (begin >= lives->n_nodes || lives->owner[v] != (NnValueId)v || bytes == 0)
      continue;
    int end = MIN(lives->end[v], lives->n_nodes - 1);
    lives->moments[MAX(begin, 0)].change += bytes;
    lives->moments[MAX(end, 0) + 1].change -= bytes;
    all += bytes;
  }
  return all;
}

bool
nn_footprint(const NnInventory *inventory, NnValueId last, bool separate, NnFootprint *footprint,
             GError **error)
{
  const NnGraph *graph = inventory->graph;
  Lives lives;
  *footprint = (NnFootprint){0};
  if (graph->values[last].producer < 0 || nn_inventory_shape(inventory, last) == NULL)
    return true;
  bool ok = lives_init(&lives, graph, last, error);
  lives.separate = separate;
  for (int i = 0; ok && i < lives.n_nodes; i++)
    ok = !is_run(&lives, inventory, i) || look_at(&lives, i, error);
  double now = 0, kept = ok && graph->n_inputs > 0 ? 2 * bytes_of(&lives, graph->inputs[0]) : 0;
  footprint->all = ok ? enter_lives(&lives) : 0;
  for (int i = 0; ok && i < lives.n_nodes; i++) {
    const Moment *moment = &lives.moments[i];
    now += moment->change;
    kept += moment->kept;
    footprint->forward = MAX(footprint->forward, now + moment->forward);
    footprint->gradient = MAX(footprint->gradient, now + kept + MAX(moment->forward, moment->back));
  }
  lives_clear(&lives);
  return ok;
}

/* ---- weights ---- */

static bool
has_constants(const NnNodeTypes *types, const NnNode *node)
{
  for (int k = 0; k < node->n_inputs && k < 32; k++)
    if ((node->op->constant_inputs >> k & 1) && node->inputs[k] != NN_NO_VALUE &&
        types->constants[k] == NULL)
      return false;
  return true;
}

static double
constants_bytes(const NnNodeTypes *types, const NnNode *node)
{
  double sum = 0;
  for (int k = 0; k < node->n_inputs; k++)
    if (types->constants[k] != NULL)
      sum += (double)nn_tensor_bytes(types->constants[k]);
  return sum;
}

/* @bytes: (inout): of weights prepared, and prepared lean; where nothing is made, they stay as they are */
static bool
add_weights(const NnGraph *graph, const NnNode *node, bool gradient, double bytes[2],
            GError **error)
{
  NnNodeTypes types;
  bool ok = nn_node_types_init(&types, graph, node, error);
  for (int lean = 0; ok && lean < 2; lean++) {
    NnPrepare prepare = nn_node_types_prepare(&types, gradient, lean == 1);
    size_t made = node->op->prepared_bytes != NULL && has_constants(&types, node)
                      ? node->op->prepared_bytes(&prepare)
                      : 0;
    bytes[lean] += made > 0 ? (double)made : constants_bytes(&types, node);
  }
  nn_node_types_clear(&types);
  return ok;
}

bool
nn_footprint_weights(const NnInventory *inventory, NnValueId last, bool gradient, double left,
                     double *bytes, GError **error)
{
  const NnGraph *graph = inventory->graph;
  double both[2] = {0, 0};
  bool ok = true;
  for (int i = 0; ok && i <= graph->values[last].producer; i++)
    if (!inventory->nodes[i].constant && inventory->nodes[i].problem == NULL)
      ok = add_weights(graph, &graph->nodes[i], gradient, both, error);
  *bytes = both[both[0] > NN_LEAN_PART * left ? 1 : 0];
  return ok;
}
