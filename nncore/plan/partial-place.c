/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where windows and crops are. Along an axis, place i of a layer looks at s i + f to s i + l of its
 * input (NnReach). A window of w places from p on reaches the places
 *   ceil ((p - l) / s)  to  floor ((p + w - 1 - f) / s),
 * and o places from q on look at s q + f to s (q + o - 1) + l. In a batch, all windows of a value
 * have the size of the largest: one that needs less, or would end outside, begins earlier. */
#include <math.h>
#include <string.h>

#include "nncore/plan/partial-private.h"

static int64_t
floor_divide(int64_t a, int64_t b)
{
  return a >= 0 ? a / b : -((b - 1 - a) / b);
}

static int64_t
dim_of(const NnGraph *graph, NnValueId id, int axis)
{
  return graph->values[id].type.shape.dim[2 + axis];
}

static NnPartialKind
kind_of(const NnPartial *partial, NnValueId id)
{
  return id == NN_NO_VALUE ? NN_PARTIAL_SAME : partial->values[id].kind;
}

/* ---- which nodes can be cropped ---- */

static bool
is_map(const NnGraph *graph, NnValueId id)
{
  const NnValue *value = &graph->values[id];
  return value->type.shape.rank == 4 && value->type.dtype == NN_DTYPE_FLOAT &&
         value->layout == NN_LAYOUT_CHANNELS_LAST;
}

/* the reach in whole numbers; false where it is none */
static bool
whole_reach(const NnReach *reach, int axis, int64_t *stride, int64_t *first, int64_t *last)
{
  double values[] = {reach->stride[axis], reach->first[axis], reach->last[axis]};
  for (int i = 0; i < 3; i++)
    if (values[i] != rint(values[i]) || fabs(values[i]) > 1e6)
      return false;
  *stride = (int64_t)values[0];
  *first = (int64_t)values[1];
  *last = (int64_t)values[2];
  return *stride >= 1 && *last >= *first;
}

/* asks the operator how it looks at @input; false where it looks at all, or otherwise than at the
 * other inputs that vary */
static bool
read_reach(NnPartialNode *node, const NnOp *op, int input, bool first_one)
{
  NnReach reach = {.everywhere = true};
  if (op->reach != NULL)
    op->reach(&node->types.infer, input, &reach);
  for (int a = 0; a < NN_PARTIAL_AXES; a++) {
    int64_t stride, first, last;
    if (reach.everywhere || !whole_reach(&reach, a, &stride, &first, &last))
      return false;
    if (!first_one &&
        (stride != node->stride[a] || first != node->first[a] || last != node->last[a]))
      return false;
    node->stride[a] = stride;
    node->first[a] = first;
    node->last[a] = last;
  }
  return true;
}

/* the first input that differs in windows, or -1 */
static int
first_window(const NnPartial *partial, const NnNode *node)
{
  for (int k = 0; k < node->n_inputs; k++)
    if (kind_of(partial, node->inputs[k]) == NN_PARTIAL_WINDOW)
      return k;
  return -1;
}

static bool
can_crop(NnPartial *partial, int index)
{
  const NnGraph *graph = partial->graph;
  const NnNode *node = &graph->nodes[index];
  int first = first_window(partial, node);
  for (int o = 0; o < node->n_outputs; o++)
    if ((node->outputs[o] == NN_NO_VALUE) != (o > 0))
      return false;
  if (first < 0 || !is_map(graph, node->outputs[0]))
    return false;
  for (int k = 0; k < node->n_inputs; k++) {
    NnPartialKind kind = kind_of(partial, node->inputs[k]);
    if (kind == NN_PARTIAL_SAME && node->inputs[k] != NN_NO_VALUE &&
        graph->values[node->inputs[k]].constant == NULL &&
        graph->values[node->inputs[k]].known == NULL)
      return false;
    if (kind == NN_PARTIAL_SAME)
      continue;
    bool alike =
        kind == NN_PARTIAL_WINDOW && read_reach(&partial->nodes[index], node->op, k, k == first);
    for (int a = 0; alike && a < NN_PARTIAL_AXES; a++)
      alike = dim_of(graph, node->inputs[k], a) == dim_of(graph, node->inputs[first], a);
    if (!alike)
      return false;
  }
  return true;
}

static void
restore_types(NnPartial *partial, int index)
{
  const NnNode *node = &partial->graph->nodes[index];
  NnNodeTypes *types = &partial->nodes[index].types;
  types->infer.params = node->params;
  for (int k = 0; k < node->n_inputs; k++)
    if (node->inputs[k] != NN_NO_VALUE)
      types->in[k] = partial->graph->values[node->inputs[k]].type;
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE)
      types->out[o] = partial->graph->values[node->outputs[o]].type;
}

void
nn_partial_classify(NnPartial *partial, const bool *refused)
{
  const NnGraph *graph = partial->graph;
  for (size_t v = 0; v < graph->n_values; v++)
    partial->values[v].kind = NN_PARTIAL_SAME;
  NnValueId input = graph->inputs[0];
  partial->values[input].kind = is_map(graph, input) ? NN_PARTIAL_WINDOW : NN_PARTIAL_WHOLE;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const NnNode *node = &graph->nodes[i];
    bool varies = false;
    for (int k = 0; k < node->n_inputs; k++)
      varies = varies || kind_of(partial, node->inputs[k]) != NN_PARTIAL_SAME;
    restore_types(partial, (int)i);
    partial->nodes[i].cropped = varies && !refused[i] && can_crop(partial, (int)i);
    for (int o = 0; o < node->n_outputs; o++)
      if (node->outputs[o] != NN_NO_VALUE && graph->values[node->outputs[o]].known == NULL)
        partial->values[node->outputs[o]].kind = !varies                     ? NN_PARTIAL_SAME
                                                 : partial->nodes[i].cropped ? NN_PARTIAL_WINDOW
                                                                             : NN_PARTIAL_WHOLE;
  }
}

/* ---- windows and crops of a batch ---- */

/* the places of the node's result that window @b of its inputs reaches */
static void
find_reached(const NnPartial *partial, int index, int axis, int b, int64_t *low, int64_t *high)
{
  const NnNode *node = &partial->graph->nodes[index];
  const NnPartialNode *planned = &partial->nodes[index];
  int64_t stride = planned->stride[axis], places = dim_of(partial->graph, node->outputs[0], axis);
  *low = places - 1;
  *high = 0;
  for (int k = 0; k < node->n_inputs; k++) {
    if (kind_of(partial, node->inputs[k]) != NN_PARTIAL_WINDOW)
      continue;
    const NnPartialValue *value = &partial->values[node->inputs[k]];
    int64_t begin = value->start[axis][b], end = begin + value->size[axis] - 1;
    *low = MIN(*low, -floor_divide(planned->last[axis] - begin, stride));
    *high = MAX(*high, floor_divide(end - planned->first[axis], stride));
  }
  *low = CLAMP(*low, 0, places - 1);
  *high = CLAMP(*high, *low, places - 1);
}

static void
place_windows(NnPartial *partial, int index, int axis, int count)
{
  NnValueId made = partial->graph->nodes[index].outputs[0];
  NnPartialValue *value = &partial->values[made];
  int64_t places = dim_of(partial->graph, made, axis), size = 0;
  for (int b = 0; b < count; b++) {
    int64_t low, high;
    find_reached(partial, index, axis, b, &low, &high);
    value->start[axis][b] = low;
    size = MAX(size, high - low + 1);
  }
  value->size[axis] = size;
  for (int b = 0; b < count; b++)
    value->start[axis][b] = MIN(value->start[axis][b], places - size);
}

/* the crops of the inputs that suffice for the windows */
static void
place_bare_crops(NnPartial *partial, int index, int axis, int count)
{
  NnPartialNode *planned = &partial->nodes[index];
  NnPartialValue *value = &partial->values[partial->graph->nodes[index].outputs[0]];
  int64_t stride = planned->stride[axis], first = planned->first[axis];
  planned->length[axis] = (value->size[axis] - 1) * stride + planned->last[axis] - first + 1;
  value->stored[axis] = value->size[axis];
  for (int b = 0; b < count; b++) {
    planned->crop[axis][b] = value->start[axis][b] * stride + first;
    value->offset[axis][b] = 0;
  }
}

static void
place_crops(NnPartial *partial, int index, int axis, int count)
{
  const NnNode *node = &partial->graph->nodes[index];
  NnPartialNode *planned = &partial->nodes[index];
  NnPartialValue *value = &partial->values[node->outputs[0]];
  int64_t stride = planned->stride[axis], length = 0;
  int64_t whole = dim_of(partial->graph, node->inputs[first_window(partial, node)], axis);
  int64_t places = dim_of(partial->graph, node->outputs[0], axis);
  for (int b = 0; b < count; b++) {
    int64_t start = value->start[axis][b], after = places - start - value->size[axis];
    int64_t begin = start * stride + planned->first[axis];
    int64_t end = (start + value->size[axis] - 1) * stride + planned->last[axis];
    /* who cuts off or moves looks beside its own place: the crop spans both, since places are counted
     * from its ends */
    int64_t crop = CLAMP(floor_divide(begin, stride), 0, start) * stride;
    int64_t spared = CLAMP(floor_divide(whole - 1 - end, stride), 0, after) * stride;
    planned->crop[axis][b] = crop;
    length = MAX(length, whole - spared - crop);
  }
  planned->length[axis] = length;
  for (int b = 0; b < count; b++) {
    planned->crop[axis][b] = MIN(planned->crop[axis][b], whole - length);
    value->offset[axis][b] = value->start[axis][b] - planned->crop[axis][b] / stride;
  }
  value->stored[axis] = places - (whole - length) / stride;
}

/* whether the operator makes of the crops what it makes of the whole */
static bool
check_crops(NnPartial *partial, int index, int count)
{
  const NnNode *node = &partial->graph->nodes[index];
  NnPartialNode *planned = &partial->nodes[index];
  const NnPartialValue *value = &partial->values[node->outputs[0]];
  NnNodeTypes *types = &planned->types;
  int first = first_window(partial, node);
  restore_types(partial, index);
  for (int k = 0; k < node->n_inputs; k++) {
    if (kind_of(partial, node->inputs[k]) != NN_PARTIAL_WINDOW)
      continue;
    types->in[k].shape.dim[0] = count;
    for (int a = 0; a < NN_PARTIAL_AXES; a++)
      types->in[k].shape.dim[2 + a] = planned->length[a];
  }
  NnShape wanted = types->out[0].shape;
  wanted.dim[0] = count;
  for (int a = 0; a < NN_PARTIAL_AXES; a++)
    wanted.dim[2 + a] = value->stored[a];
  types->out[0] = (NnType){.dtype = NN_DTYPE_FLOAT, .present = true};
  if (planned->bare != NULL)
    types->infer.params = planned->bare;
  if (!node->op->infer(&types->infer, NULL) || !nn_shape_equal(&types->out[0].shape, &wanted))
    return false;
  for (int k = first; k < node->n_inputs && planned->bare == NULL; k++)
    if (kind_of(partial, node->inputs[k]) == NN_PARTIAL_WINDOW &&
        !read_reach(planned, node->op, k, false))
      return false;
  return true;
}

static void
place_input(NnPartial *partial, const NnPartialBatch *batch)
{
  NnPartialValue *value = &partial->values[partial->graph->inputs[0]];
  for (int b = 0; b < batch->count; b++) {
    const NnCorner *corner = &partial->corners[batch->first + b];
    value->start[NN_PARTIAL_Y][b] = corner->y;
    value->start[NN_PARTIAL_X][b] = corner->x;
    value->offset[NN_PARTIAL_Y][b] = value->offset[NN_PARTIAL_X][b] = 0;
  }
  memcpy(value->size, partial->size, sizeof value->size);
  memcpy(value->stored, partial->size, sizeof value->stored);
}

int
nn_partial_place(NnPartial *partial, const NnPartialBatch *batch)
{
  place_input(partial, batch);
  for (int i = 0; i < (int)partial->graph->n_nodes; i++) {
    if (!partial->nodes[i].cropped)
      continue;
    for (int a = 0; a < NN_PARTIAL_AXES; a++) {
      place_windows(partial, i, a, batch->count);
      if (partial->nodes[i].bare != NULL)
        place_bare_crops(partial, i, a, batch->count);
      else
        place_crops(partial, i, a, batch->count);
    }
    if (!check_crops(partial, i, batch->count))
      return i;
  }
  return -1;
}
