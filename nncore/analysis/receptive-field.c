/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Composition of windows. If a map's place j sees the pixels j S + F to j S + L, and a layer's
 * place i sees the map's places i s + f to i s + l, then i sees, for S >= 0, the pixels
 *
 *   i s S + f S + F   to   i s S + l S + L
 *
 * and where S is negative (a flipped picture), f and l change places. */
#include "nncore/analysis/receptive-field.h"

#include <math.h>

#include "nncore/base/memory.h"
#include "nncore/graph/node-types.h"
#include "nncore/ops/traits.h"

#define FAR 1e12 /* px: no picture is that large; whole numbers are exact in double */

/* whole steps start at whole places only: ends between them see no more than the place inside */
static void
tighten(NnReach *reach, int a)
{
  double step = round(reach->stride[a]);
  if (fabs(reach->stride[a] - step) > NN_REACH_SLACK * 1e-3)
    return;
  double first = ceil(reach->first[a] - NN_REACH_SLACK);
  double last = floor(reach->last[a] + NN_REACH_SLACK);
  if (first > last) /* nothing but padding */
    return;
  reach->stride[a] = step;
  reach->first[a] = first;
  reach->last[a] = last;
}

/* @near: from the layer to the map that it reads; @far: from the map to the pixels */
static NnReach
compose(const NnReach *far, const NnReach *near, int n_axes)
{
  NnReach whole = {.everywhere = far->everywhere || near->everywhere};
  for (int a = 0; a < n_axes && !whole.everywhere; a++) {
    NnReach step = *near;
    tighten(&step, a);
    double at_first = far->stride[a] * step.first[a], at_last = far->stride[a] * step.last[a];
    whole.stride[a] = far->stride[a] * step.stride[a];
    whole.first[a] = MIN(at_first, at_last) + far->first[a];
    whole.last[a] = MAX(at_first, at_last) + far->last[a];
    whole.everywhere =
        !(whole.first[a] > -FAR && whole.last[a] < FAR && fabs(whole.stride[a]) < FAR);
    tighten(&whole, a);
  }
  return whole;
}

/* the window that covers both ways, @sizes places long; at different strides they part from each
 * other along the way */
static void
unite(NnReach *to, const NnReach *other, int n_axes, const int64_t *sizes)
{
  to->everywhere = to->everywhere || other->everywhere;
  for (int a = 0; a < n_axes && !to->everywhere; a++) {
    double parting = (other->stride[a] - to->stride[a]) * (double)MAX(sizes[a] - 1, 0);
    if (fabs(parting) < NN_REACH_SLACK)
      parting = 0;
    to->first[a] = MIN(to->first[a], other->first[a] + MIN(parting, 0));
    to->last[a] = MAX(to->last[a], other->last[a] + MAX(parting, 0));
    to->everywhere = !(to->first[a] > -FAR && to->last[a] < FAR);
    tighten(to, a);
  }
}

/* where the node's input @k looks from, asked of its operator */
static NnReach
reach_of(const NnNode *node, const NnNodeTypes *types, int k)
{
  NnReach reach = {.everywhere = true};
  if (node->op->reach != NULL)
    node->op->reach(&types->infer, k, &reach);
  return reach;
}

/* the field of the node's results; @sizes: of theirs */
static void
see_through(const NnNode *node, const NnNodeTypes *types, const NnReceptiveField *fields,
            const int64_t *sizes, NnReceptiveField *field)
{
  for (int k = 0; k < node->n_inputs; k++) {
    if (node->inputs[k] == NN_NO_VALUE || fields[node->inputs[k]].none)
      continue;
    NnReach near = {.everywhere = true};
    if (sizes != NULL && types->in[k].shape.rank == field->n_axes + 2)
      near = reach_of(node, types, k);
    NnReach way = compose(&fields[node->inputs[k]].reach, &near, field->n_axes);
    if (field->none)
      field->reach = way;
    else
      unite(&field->reach, &way, field->n_axes, sizes);
    field->none = false;
  }
}

/* the spatial sizes of the node's results, if all types are known and they are maps like the
 * input */
static const int64_t *
map_sizes(const NnNode *node, const NnNodeTypes *types, int n_axes)
{
  const int64_t *sizes = NULL;
  for (int o = 0; o < node->n_outputs; o++) {
    const NnType *type = &types->out[o];
    if (node->outputs[o] == NN_NO_VALUE)
      continue;
    if (!type->present || type->shape.rank != n_axes + 2)
      return NULL;
    sizes = type->shape.dim + 2;
  }
  return sizes;
}

static bool
add_node(const NnGraph *graph, const NnNode *node, NnReceptiveField *fields, int n_axes,
         GError **error)
{
  NnNodeTypes types;
  NnReceptiveField field = {.none = true, .n_axes = n_axes};
  bool ok = nn_node_types_init(&types, graph, node, error);
  if (ok && !node->op->reads_shapes_only)
    see_through(node, &types, fields, map_sizes(node, &types, n_axes), &field);
  nn_node_types_clear(&types);
  for (int o = 0; ok && o < node->n_outputs; o++) {
    NnValueId id = node->outputs[o];
    if (id != NN_NO_VALUE && graph->values[id].known == NULL)
      fields[id] = field;
  }
  return ok;
}

NnReceptiveField *
nn_receptive_fields_new(const NnGraph *graph, NnValueId input, GError **error)
{
  NnReceptiveField *fields = nn_alloc0(graph->n_values, sizeof *fields, error);
  if (fields == NULL)
    return NULL;
  int rank = input != NN_NO_VALUE ? graph->values[input].type.shape.rank : 0;
  int n_axes = MAX(rank - 2, 0);
  for (size_t v = 0; v < graph->n_values; v++)
    fields[v] = (NnReceptiveField){.none = (NnValueId)v != input, .n_axes = n_axes};
  for (int a = 0; input != NN_NO_VALUE && a < n_axes; a++)
    fields[input].reach.stride[a] = 1;
  for (size_t i = 0; i < graph->n_nodes; i++)
    if (!add_node(graph, &graph->nodes[i], fields, n_axes, error)) {
      nn_free(fields);
      return NULL;
    }
  return fields;
}

int64_t
nn_receptive_field_size(const NnReceptiveField *field, int axis)
{
  double length = field->reach.last[axis] - field->reach.first[axis];
  return (int64_t)floor(length + 2 * NN_REACH_SLACK) + 1;
}

double
nn_receptive_field_center(const NnReceptiveField *field, int axis, int64_t unit)
{
  const NnReach *reach = &field->reach;
  return (double)unit * reach->stride[axis] + (reach->first[axis] + reach->last[axis]) / 2;
}

void
nn_receptive_field_pixels(const NnReceptiveField *field, int axis, int64_t unit, int64_t *first,
                          int64_t *last)
{
  double start = (double)unit * field->reach.stride[axis];
  *first = (int64_t)ceil(start + field->reach.first[axis] - NN_REACH_SLACK);
  *last = (int64_t)floor(start + field->reach.last[axis] + NN_REACH_SLACK);
}
