/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory and computation of partial.h. Time in the arena, with n nodes: node i at i if it is run on
 * crops, at n + 1 + i if it is run on whole tensors; 2 n + 1 is the end. What is kept of the whole picture lives apart, since every batch reads it. */
#include "nncore/plan/partial.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/round.h"
#include "nncore/graph/passes.h"
#include "nncore/plan/partial-private.h"
#include "nncore/plan/plan.h"

#define NO_BUFFER (-1)
#define TAIL_BYTES (64u << 20) /* about, of what looks at all of a picture; at a time */
#define TAIL_SHARE_BYTES (2u << 20) /* of them, for each picture that the caller allows */
#define MOST_AT_A_TIME 64 /* pictures: more gain nothing */
#define MOST_REFUSALS 64 /* nodes that turn out to be whole one after the other; then all are */

static NnPartialKind
kind_of(const NnPartial *partial, NnValueId id)
{
  return id == NN_NO_VALUE ? NN_PARTIAL_SAME : partial->values[id].kind;
}

static int
n_nodes(const NnPartial *partial)
{
  return (int)partial->graph->n_nodes;
}

static size_t
elements_of(const NnGraph *graph, NnValueId id)
{
  return (size_t)nn_shape_count(&graph->values[id].type.shape);
}

/* ---- graphs ---- */

/* (transfer full): the program's graph with the types of @count pictures */
static NnGraph *
infer_for(const NnPartial *partial, const NnShape *shape, int count, GError **error)
{
  g_autoptr(NnGraph) graph = nn_graph_copy(partial->program->graph, error);
  if (graph == NULL)
    return NULL;
  if (graph->n_inputs != 1) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("The network has %d inputs, but %d were given."), (int)graph->n_inputs, 1);
    return NULL;
  }
  NnShape *input = &graph->values[graph->inputs[0]].type.shape;
  *input = *shape;
  input->dim[0] = count;
  if (!nn_shape_check(input, error) || !nn_pass_infer(graph, error))
    return NULL;
  return g_steal_pointer(&graph);
}

/* whether the layers make as many targets of several pictures as there are pictures */
static bool
keeps_pictures_apart(const NnPartial *partial, const NnGraph *graph, int count)
{
  for (int t = 0; t < partial->program->n_targets; t++) {
    NnValueId id = partial->program->targets[t];
    NnShape one = partial->graph->values[id].type.shape;
    if (one.rank < 1 || one.dim[0] != 1)
      return false;
    one.dim[0] = count;
    if (!nn_shape_equal(&one, &graph->values[id].type.shape))
      return false;
  }
  return true;
}

/* by value: windows that are put into whole tensors: of targets, and for who reads all */
static void
mark_spread(const NnPartial *partial, bool *spread)
{
  for (int i = 0; i < n_nodes(partial); i++) {
    const NnNode *node = &partial->graph->nodes[i];
    bool whole = !partial->nodes[i].cropped && !nn_node_is_known(partial->graph, node);
    for (int k = 0; whole && k < node->n_inputs; k++)
      if (kind_of(partial, node->inputs[k]) == NN_PARTIAL_WINDOW)
        spread[node->inputs[k]] = true;
  }
  for (int t = 0; t < partial->program->n_targets; t++) {
    NnValueId id = partial->program->targets[t];
    spread[id] = kind_of(partial, id) == NN_PARTIAL_WINDOW;
  }
}

/* of a picture of which the whole layers are run, with its results; about, and at least 1 */
static bool
measure_tail(const NnPartial *partial, size_t *bytes, GError **error)
{
  const NnGraph *graph = partial->graph;
  bool *spread = nn_alloc0(graph->n_values, sizeof *spread, error);
  if (spread == NULL)
    return false;
  *bytes = 1;
  mark_spread(partial, spread);
  for (size_t v = 0; v < graph->n_values; v++)
    if (partial->values[v].kind == NN_PARTIAL_WHOLE || spread[v])
      *bytes += elements_of(graph, (NnValueId)v) * sizeof(float);
  for (int t = 0; t < partial->program->n_targets; t++)
    *bytes += elements_of(graph, partial->program->targets[t]) * sizeof(float);
  nn_free(spread);
  return true;
}

size_t
nn_partial_tail_bytes(int most)
{
  return MIN((size_t)most * TAIL_SHARE_BYTES, TAIL_BYTES);
}

/* how many pictures layers that look at all of them take at a time: as many as fit into some memory,
 * or one, where a head flattens to one picture */
static bool
make_tail(NnPartial *partial, const NnShape *shape, GError **error)
{
  size_t each, most = (size_t)partial->most;
  if (!measure_tail(partial, &each, error))
    return false;
  size_t room = nn_partial_tail_bytes(partial->most);
  partial->at_a_time = (int)MIN(MAX(room / each, most), MOST_AT_A_TIME);
  partial->tail = infer_for(partial, shape, partial->at_a_time, NULL);
  if (partial->tail != NULL && keeps_pictures_apart(partial, partial->tail, partial->at_a_time))
    return true;
  nn_graph_free(partial->tail);
  partial->at_a_time = 1;
  partial->tail = infer_for(partial, shape, 1, error);
  return partial->tail != NULL;
}

/* ---- batches and places ---- */

static bool
make_batches(NnPartial *partial, const NnCorner *corners, int n_corners, GError **error)
{
  partial->n_corners = n_corners;
  partial->corners = nn_alloc((size_t)n_corners, sizeof(NnCorner), error);
  if (partial->corners != NULL)
    partial->batches = nn_alloc((size_t)n_corners, sizeof(NnPartialBatch), error);
  if (partial->batches == NULL)
    return false;
  memcpy(partial->corners, corners, (size_t)n_corners * sizeof(NnCorner));
  partial->groups = nn_alloc((size_t)n_corners, sizeof(NnPartialBatch), error);
  if (partial->groups == NULL)
    return false;
  for (int first = 0; first < n_corners;) {
    int row = 1;
    while (first + row < n_corners && corners[first + row].y == corners[first].y)
      row++;
    int parts = (int)nn_divide_up(row, partial->most); /* of equal length, nearly */
    for (int p = 0; p < parts; p++) {
      int begin = row * p / parts, end = row * (p + 1) / parts;
      partial->batches[partial->n_batches++] = (NnPartialBatch){first + begin, end - begin};
    }
    first += row;
  }
  return true;
}

/* as many batches as the tail takes, at least one */
static void
make_groups(NnPartial *partial)
{
  int pictures = 0;
  for (int b = 0; b < partial->n_batches; b++) {
    pictures += partial->batches[b].count;
    if (b == 0 || pictures > partial->at_a_time) {
      partial->groups[partial->n_groups++] = (NnPartialBatch){b, 0};
      pictures = partial->batches[b].count;
    }
    partial->groups[partial->n_groups - 1].count++;
  }
}

static int
pictures_of(const NnPartial *partial, const NnPartialBatch *group)
{
  int pictures = 0;
  for (int b = group->first; b < group->first + group->count; b++)
    pictures += partial->batches[b].count;
  return pictures;
}

/* the arrays of starts, offsets and crops */
static bool
make_places(NnPartial *partial, GError **error)
{
  size_t n_values = partial->graph->n_values, each = (size_t)partial->most;
  size_t arrays = 2 * NN_PARTIAL_AXES * n_values + NN_PARTIAL_AXES * partial->graph->n_nodes;
  partial->places = nn_alloc0(arrays * each, sizeof(int64_t), error);
  if (partial->places == NULL)
    return false;
  int64_t *next = partial->places;
  for (size_t v = 0; v < n_values; v++)
    for (int a = 0; a < NN_PARTIAL_AXES; a++) {
      partial->values[v].start[a] = next;
      partial->values[v].offset[a] = next + each;
      next += 2 * each;
    }
  for (int i = 0; i < n_nodes(partial); i++)
    for (int a = 0; a < NN_PARTIAL_AXES; a++, next += each)
      partial->nodes[i].crop[a] = next;
  return true;
}

/* only a convolution is known to pad with zeros, which make no difference to its sums */
static bool
make_bare(NnPartialNode *planned, const NnNode *node, GError **error)
{
  if (node->op->window == NULL || strcmp(node->op->onnx_name, "Conv") != 0)
    return true;
  planned->bare = nn_alloc(1, node->op->params_bytes, error);
  if (planned->bare == NULL)
    return false;
  memcpy(planned->bare, node->params, node->op->params_bytes);
  NnWindow *window = node->op->window(planned->bare);
  window->auto_pad = NN_PAD_NOTSET;
  memset(window->pad_begin, 0, sizeof window->pad_begin);
  memset(window->pad_end, 0, sizeof window->pad_end);
  return true;
}

static bool
make_nodes(NnPartial *partial, GError **error)
{
  partial->values = nn_alloc0(partial->graph->n_values, sizeof(NnPartialValue), error);
  if (partial->values != NULL)
    partial->nodes = nn_alloc0((size_t)n_nodes(partial), sizeof(NnPartialNode), error);
  if (partial->nodes == NULL)
    return false;
  for (int i = 0; i < n_nodes(partial); i++) {
    const NnNode *node = &partial->graph->nodes[i];
    NnPartialNode *planned = &partial->nodes[i];
    size_t n_in = (size_t)node->n_inputs, n_out = (size_t)node->n_outputs;
    planned->crops = nn_alloc(n_in, sizeof(int), error);
    planned->views =
        planned->crops != NULL ? nn_alloc0(n_in + n_out, sizeof(NnTensor), error) : NULL;
    if (planned->views == NULL || !make_bare(planned, node, error) ||
        !nn_node_types_init(&planned->types, partial->graph, node, error))
      return false;
    planned->types.infer.prepared = partial->program->prepared[i];
  }
  return make_places(partial, error);
}

/* until every node that is run on crops takes those of all batches */
static bool
settle_kinds(NnPartial *partial, GError **error)
{
  bool *refused = nn_alloc0((size_t)n_nodes(partial), sizeof *refused, error);
  if (refused == NULL)
    return false;
  int refusals = 0;
  nn_partial_classify(partial, refused);
  for (int batch = 0; batch < partial->n_batches;) {
    int node = nn_partial_place(partial, &partial->batches[batch]);
    if (node < 0) {
      batch++;
      continue;
    }
    refused[node] = true;
    if (++refusals > MOST_REFUSALS)
      memset(refused, true, (size_t)n_nodes(partial) * sizeof *refused);
    nn_partial_classify(partial, refused);
    batch = 0;
  }
  nn_free(refused);
  return true;
}

/* ---- buffers ---- */

static int
time_of(const NnPartial *partial, int node)
{
  return partial->nodes[node].cropped ? node : n_nodes(partial) + 1 + node;
}

static int
end_time(const NnPartial *partial)
{
  return 2 * n_nodes(partial) + 1;
}

static bool
add_buffer(NnPartial *partial, int time, int *index, GError **error)
{
  if (!nn_grow(&partial->buffers, &partial->buffers_capacity, partial->n_buffers + 1,
               sizeof(NnBuffer), error))
    return false;
  *index = (int)partial->n_buffers++;
  partial->buffers[*index] = (NnBuffer){.first = time, .last = time};
  return true;
}

static void
need(NnPartial *partial, int buffer, size_t bytes)
{
  partial->buffers[buffer].bytes = MAX(partial->buffers[buffer].bytes, bytes);
}

static void
live_until(NnPartial *partial, int buffer, int time)
{
  if (buffer != NO_BUFFER)
    partial->buffers[buffer].last = MAX(partial->buffers[buffer].last, time);
}

/* whole tensors with the windows in them, for who reads all: gathered from several batches; or the
 * tail runs several times for one */
static bool
plan_spread(NnPartial *partial, NnValueId id, int time, GError **error)
{
  NnPartialValue *value = &partial->values[id];
  if (value->spread == NO_BUFFER) {
    if (!add_buffer(partial, 0, &value->spread, error))
      return false;
    need(partial, value->spread,
         elements_of(partial->graph, id) * (size_t)partial->at_a_time * sizeof(float));
  }
  live_until(partial, value->spread, time);
  live_until(partial, value->window, end_time(partial));
  return true;
}

static size_t
tail_bytes(const NnPartial *partial, NnValueId id)
{
  return elements_of(partial->tail, id) * nn_dtype_size(partial->tail->values[id].type.dtype);
}

static bool
plan_made(NnPartial *partial, int index, GError **error)
{
  const NnNode *node = &partial->graph->nodes[index];
  int time = time_of(partial, index);
  for (int o = 0; o < node->n_outputs; o++) {
    NnValueId id = node->outputs[o];
    if (id == NN_NO_VALUE || partial->tail->values[id].known != NULL)
      continue;
    NnPartialValue *value = &partial->values[id];
    if (partial->nodes[index].cropped) {
      if (!add_buffer(partial, time, &value->window, error))
        return false;
    } else {
      if (!add_buffer(partial, time, &value->whole, error))
        return false;
      need(partial, value->whole, tail_bytes(partial, id));
    }
  }
  return true;
}

static bool
plan_read(NnPartial *partial, int index, GError **error)
{
  const NnNode *node = &partial->graph->nodes[index];
  NnPartialNode *planned = &partial->nodes[index];
  int time = time_of(partial, index);
  for (int k = 0; k < node->n_inputs; k++) {
    NnPartialKind kind = kind_of(partial, node->inputs[k]);
    planned->crops[k] = NO_BUFFER;
    if (planned->done)
      continue;
    if (kind == NN_PARTIAL_WINDOW && planned->cropped) {
      live_until(partial, partial->values[node->inputs[k]].window, time);
      if (!add_buffer(partial, time, &planned->crops[k], error))
        return false;
    } else if (kind == NN_PARTIAL_WINDOW) {
      if (!plan_spread(partial, node->inputs[k], time, error))
        return false;
    } else if (node->inputs[k] != NN_NO_VALUE) {
      live_until(partial, partial->values[node->inputs[k]].whole, time);
    }
  }
  return true;
}

/* the sizes of a batch: of crops, and of what is made of them */
static void
need_crops(NnPartial *partial, const NnPartialBatch *batch)
{
  int threads = nn_context_threads(partial->context);
  nn_partial_place(partial, batch);
  for (int i = 0; i < n_nodes(partial); i++) {
    const NnNode *node = &partial->graph->nodes[i];
    NnPartialNode *planned = &partial->nodes[i];
    if (!planned->cropped)
      continue;
    for (int k = 0; k < node->n_inputs; k++)
      if (planned->crops[k] != NO_BUFFER)
        need(partial, planned->crops[k],
             (size_t)nn_shape_count(&planned->types.in[k].shape) * sizeof(float));
    need(partial, partial->values[node->outputs[0]].window,
         (size_t)nn_shape_count(&planned->types.out[0].shape) * sizeof(float));
    if (node->op->scratch_bytes != NULL)
      need(partial, planned->scratch,
           node->op->scratch_bytes(&planned->types.infer, threads, false));
  }
}

/* scratch of nodes on whole tensors: of the tail, and of the picture itself where it is kept */
static bool
need_whole_scratch(NnPartial *partial, int index, const NnGraph *graph, GError **error)
{
  const NnNode *node = &graph->nodes[index];
  NnNodeTypes types;
  bool ok = nn_node_types_init(&types, graph, node, error);
  types.infer.prepared = partial->program->prepared[index];
  if (ok && node->op->scratch_bytes != NULL)
    need(partial, partial->nodes[index].scratch,
         node->op->scratch_bytes(&types.infer, nn_context_threads(partial->context), false));
  nn_node_types_clear(&types);
  return ok;
}

static bool
plan_buffers(NnPartial *partial, GError **error)
{
  for (size_t v = 0; v < partial->graph->n_values; v++)
    partial->values[v].window = partial->values[v].spread = partial->values[v].whole = NO_BUFFER;
  NnPartialValue *input = &partial->values[partial->graph->inputs[0]];
  if (!add_buffer(partial, 0, &input->window, error))
    return false;
  need(partial, input->window,
       (size_t)partial->most * 3 * (size_t)(partial->size[0] * partial->size[1]) * sizeof(float));
  for (int i = 0; i < n_nodes(partial); i++) {
    NnPartialNode *planned = &partial->nodes[i];
    planned->done = nn_node_is_known(partial->tail, &partial->graph->nodes[i]);
    if (!add_buffer(partial, time_of(partial, i), &planned->scratch, error) ||
        !plan_made(partial, i, error) || !plan_read(partial, i, error) ||
        !need_whole_scratch(partial, i, planned->cropped ? partial->graph : partial->tail, error))
      return false;
  }
  for (int t = 0; t < partial->program->n_targets; t++) {
    NnValueId id = partial->program->targets[t];
    if (kind_of(partial, id) == NN_PARTIAL_WINDOW &&
        !plan_spread(partial, id, end_time(partial), error))
      return false;
    live_until(partial, partial->values[id].whole, end_time(partial));
  }
  for (int b = 0; b < partial->n_batches; b++)
    need_crops(partial, &partial->batches[b]);
  return nn_arena_place(partial->buffers, partial->n_buffers, &partial->bytes, error);
}

/* ---- memory ---- */

/* of a window value of the whole picture; kernels may write with aligned stores */
static size_t
kept_bytes(const NnPartial *partial, NnValueId id)
{
  return nn_align(elements_of(partial->graph, id) * sizeof(float));
}

static void
count_kept(NnPartial *partial)
{
  for (size_t v = 0; v < partial->graph->n_values; v++)
    if (partial->values[v].kind == NN_PARTIAL_WINDOW)
      partial->kept_bytes += kept_bytes(partial, (NnValueId)v);
}

static bool
keep_whole(NnPartial *partial, GError **error)
{
  partial->kept = nn_alloc(1, partial->kept_bytes, error);
  char *next = (char *)partial->kept;
  for (size_t v = 0; next != NULL && v < partial->graph->n_values; v++)
    if (partial->values[v].kind == NN_PARTIAL_WINDOW) {
      partial->values[v].kept = (float *)next;
      next += kept_bytes(partial, (NnValueId)v);
    }
  return partial->kept != NULL;
}

/* for values of @count pictures; constants and what is known have their own elements */
static NnTensor
view_of(const NnGraph *graph, NnValueId id, void *data)
{
  if (id == NN_NO_VALUE)
    return (NnTensor){0};
  const NnValue *value = &graph->values[id];
  const NnTensor *elements = value->constant != NULL ? value->constant : value->known;
  NnTensor view = elements != NULL ? *elements
                                   : (NnTensor){.shape = value->type.shape,
                                                .dtype = value->type.dtype,
                                                .layout = value->layout,
                                                .data = data};
  view.refs = 0;
  return view;
}

static int
most_pictures(const NnPartial *partial)
{
  int pictures = 1;
  for (int g = 0; g < partial->n_groups; g++)
    pictures = MAX(pictures, pictures_of(partial, &partial->groups[g]));
  return pictures;
}

/* of a target of the largest group */
static size_t
result_bytes(const NnPartial *partial, NnValueId id)
{
  return elements_of(partial->graph, id) * (size_t)most_pictures(partial) *
         nn_dtype_size(partial->graph->values[id].type.dtype);
}

static bool
make_results(NnPartial *partial, GError **error)
{
  int n_targets = partial->program->n_targets;
  partial->results = nn_alloc0((size_t)n_targets, sizeof(NnTensor), error);
  for (int t = 0; partial->results != NULL && t < n_targets; t++) {
    NnValueId id = partial->program->targets[t];
    NnTensor *result = &partial->results[t];
    *result = view_of(partial->graph, id, NULL);
    result->data = nn_alloc(1, result_bytes(partial, id), error);
    if (result->data == NULL)
      return false;
  }
  return partial->results != NULL;
}

static bool
make_memory(NnPartial *partial, GError **error)
{
  partial->memory = nn_alloc(1, partial->bytes, error);
  if (partial->memory == NULL || !keep_whole(partial, error) || !make_results(partial, error))
    return false;
  NnValueId input = partial->graph->inputs[0];
  partial->input = view_of(partial->graph, input, partial->values[input].kept);
  if (partial->values[input].kind == NN_PARTIAL_WINDOW)
    return true;
  g_set_error_literal(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                      _("The network's input is no picture."));
  return false;
}

NnPartial *
nn_partial_new(NnProgram *program, NnContext *context, const NnShape *shape, int64_t height,
               int64_t width, const NnCorner *corners, int n_corners, int most, size_t budget_bytes,
               GError **error)
{
  g_return_val_if_fail(height <= shape->dim[2] && width <= shape->dim[3], NULL);
  g_autoptr(NnPartial) partial = g_new0(NnPartial, 1);
  partial->program = nn_program_ref(program);
  partial->context = context;
  partial->most = MAX(most, 1);
  partial->size[NN_PARTIAL_Y] = height;
  partial->size[NN_PARTIAL_X] = width;
  partial->graph = infer_for(partial, shape, 1, error);
  bool ok = partial->graph != NULL && make_nodes(partial, error) &&
            make_batches(partial, corners, n_corners, error) && settle_kinds(partial, error) &&
            make_tail(partial, shape, error);
  if (ok)
    make_groups(partial);
  ok = ok && plan_buffers(partial, error);
  if (ok)
    count_kept(partial);
  ok = ok && nn_check_budget(context, nn_partial_bytes(partial), budget_bytes, error) &&
       make_memory(partial, error);
  return ok ? g_steal_pointer(&partial) : NULL;
}

void
nn_partial_free(NnPartial *partial)
{
  if (partial == NULL)
    return;
  for (int i = 0; partial->nodes != NULL && i < n_nodes(partial); i++) {
    nn_free(partial->nodes[i].bare);
    nn_free(partial->nodes[i].crops);
    nn_free(partial->nodes[i].views);
    nn_node_types_clear(&partial->nodes[i].types);
  }
  for (int t = 0; partial->results != NULL && t < partial->program->n_targets; t++)
    nn_free(partial->results[t].data);
  nn_free(partial->results);
  nn_free(partial->nodes);
  nn_free(partial->values);
  nn_free(partial->places);
  nn_free(partial->corners);
  nn_free(partial->batches);
  nn_free(partial->groups);
  nn_free(partial->buffers);
  nn_free(partial->memory);
  nn_free(partial->kept);
  nn_graph_free(partial->graph);
  nn_graph_free(partial->tail);
  nn_program_unref(partial->program);
  g_free(partial);
}

size_t
nn_partial_bytes(const NnPartial *partial)
{
  size_t bytes = partial->bytes + partial->kept_bytes;
  for (int t = 0; t < partial->program->n_targets; t++)
    bytes += result_bytes(partial, partial->program->targets[t]);
  return bytes;
}

const NnTensor *
nn_partial_input(NnPartial *partial)
{
  return &partial->input;
}

int
nn_partial_n_batches(const NnPartial *partial)
{
  return partial->n_groups;
}

/* ---- running ---- */

static void *
buffer_at(const NnPartial *partial, int buffer)
{
  return buffer != NO_BUFFER ? partial->memory + partial->buffers[buffer].offset : NULL;
}

/* node->views are filled; @params: the node's or its bare ones */
static void
run_node(NnPartial *partial, int index, const void *params)
{
  const NnNode *node = &partial->graph->nodes[index];
  NnPartialNode *planned = &partial->nodes[index];
  NnOpRun run = {
      .context = partial->context,
      .params = params,
      .n_inputs = node->n_inputs,
      .n_outputs = node->n_outputs,
      .in = planned->views,
      .out = planned->views + node->n_inputs,
      .prepared = partial->program->prepared[index],
      .scratch = buffer_at(partial, planned->scratch),
      .activation = node->activation,
  };
  node->op->forward(&run);
}

void
nn_partial_forward(NnPartial *partial)
{
  for (int i = 0; i < n_nodes(partial); i++) {
    const NnNode *node = &partial->graph->nodes[i];
    NnTensor *views = partial->nodes[i].views;
    if (!partial->nodes[i].cropped)
      continue;
    for (int k = 0; k < node->n_inputs; k++)
      views[k] =
          view_of(partial->graph, node->inputs[k],
                  node->inputs[k] == NN_NO_VALUE ? NULL : partial->values[node->inputs[k]].kept);
    for (int o = 0; o < node->n_outputs; o++)
      views[node->n_inputs + o] =
          view_of(partial->graph, node->outputs[o],
                  node->outputs[o] == NN_NO_VALUE ? NULL : partial->values[node->outputs[o]].kept);
    run_node(partial, i, node->params);
  }
}

/* a box of a map, channels-last: @rows times @columns pixels of @pixel_bytes */
static void
copy_box(char *to, int64_t to_width, const char *from, int64_t from_width, int64_t rows,
         int64_t columns, size_t pixel_bytes)
{
  for (int64_t y = 0; y < rows; y++)
    memcpy(to + (size_t)(y * to_width) * pixel_bytes, from + (size_t)(y * from_width) * pixel_bytes,
           (size_t)columns * pixel_bytes);
}

/* makes, for each window of the batch, a box of a value: what is kept of the whole picture, zeros
 * outside, and the window pasted in */
typedef struct {
  const NnPartial *partial;
  const NnPartialValue *value;
  NnShape whole;
  int first_window; /* of the value's */
  const int64_t *begin[NN_PARTIAL_AXES]; /* of the boxes, by window; NULL: 0 */
  int64_t length[NN_PARTIAL_AXES];
  char *to;
} Paste;

/* what lies in both of two stretches: how much, and from where on in each */
typedef struct {
  int64_t count, in_first, in_second;
} Overlap;

static Overlap
overlap_of(int64_t first, int64_t first_length, int64_t second, int64_t second_length)
{
  int64_t begin = MAX(first, second);
  int64_t end = MIN(first + first_length, second + second_length);
  return (Overlap){MAX(end - begin, 0), begin - first, begin - second};
}

/* into the box at @to what it has in common with @source */
static void
paste_box(const Paste *job, char *to, const char *source, int64_t source_width,
          const Overlap overlap[NN_PARTIAL_AXES])
{
  size_t pixel = (size_t)job->whole.dim[1] * sizeof(float);
  const Overlap *y = &overlap[NN_PARTIAL_Y], *x = &overlap[NN_PARTIAL_X];
  if (y->count > 0 && x->count > 0)
    copy_box(to + (size_t)(y->in_first * job->length[NN_PARTIAL_X] + x->in_first) * pixel,
             job->length[NN_PARTIAL_X],
             source + (size_t)(y->in_second * source_width + x->in_second) * pixel, source_width,
             y->count, x->count, pixel);
}

static void
paste_windows(int64_t from, int64_t to, int worker, gpointer data)
{
  const Paste *job = data;
  const NnPartialValue *value = job->value;
  size_t pixel = (size_t)job->whole.dim[1] * sizeof(float);
  size_t box_bytes = (size_t)(job->length[0] * job->length[1]) * pixel;
  size_t stored_bytes = (size_t)(value->stored[0] * value->stored[1]) * pixel;
  for (int64_t i = from; i < to; i++) {
    int64_t w = job->first_window + i;
    char *box = job->to + (size_t)i * box_bytes;
    Overlap kept[NN_PARTIAL_AXES], window[NN_PARTIAL_AXES];
    bool inside = true;
    for (int a = 0; a < NN_PARTIAL_AXES; a++) {
      int64_t begin = job->begin[a] != NULL ? job->begin[a][w] : 0;
      kept[a] = overlap_of(begin, job->length[a], 0, job->whole.dim[2 + a]);
      window[a] = overlap_of(begin, job->length[a], value->start[a][w], value->size[a]);
      window[a].in_second += value->offset[a][w];
      inside = inside && kept[a].count == job->length[a];
    }
    if (!inside)
      memset(box, 0, box_bytes);
    paste_box(job, box, (const char *)value->kept, job->whole.dim[3], kept);
    paste_box(job, box,
              (const char *)buffer_at(job->partial, value->window) + (size_t)w * stored_bytes,
              value->stored[NN_PARTIAL_X], window);
  }
}

static void
run_cropped(NnPartial *partial, int index, int count)
{
  const NnNode *node = &partial->graph->nodes[index];
  NnPartialNode *planned = &partial->nodes[index];
  NnTensor *views = planned->views;
  for (int k = 0; k < node->n_inputs; k++) {
    views[k] = view_of(partial->graph, node->inputs[k], NULL);
    if (planned->crops[k] == NO_BUFFER)
      continue;
    Paste paste = {.partial = partial,
                   .value = &partial->values[node->inputs[k]],
                   .whole = views[k].shape,
                   .begin = {planned->crop[0], planned->crop[1]},
                   .length = {planned->length[0], planned->length[1]},
                   .to = buffer_at(partial, planned->crops[k])};
    nn_parallel_for(partial->context, count, 1, paste_windows, &paste);
    views[k].data = paste.to;
    views[k].shape = planned->types.in[k].shape;
  }
  NnTensor *out = &views[node->n_inputs];
  *out = view_of(partial->graph, node->outputs[0],
                 buffer_at(partial, partial->values[node->outputs[0]].window));
  out->shape = planned->types.out[0].shape;
  run_node(partial, index, planned->bare != NULL ? planned->bare : node->params);
}

/* whole tensors of @count pictures, from window @first of the batch on, into those from @slot on */
static void
spread(NnPartial *partial, int first, int count, int slot)
{
  for (size_t v = 0; v < partial->graph->n_values; v++) {
    const NnPartialValue *value = &partial->values[v];
    if (value->kind != NN_PARTIAL_WINDOW || value->spread == NO_BUFFER)
      continue;
    Paste paste = {.partial = partial,
                   .value = value,
                   .whole = partial->graph->values[v].type.shape,
                   .first_window = first};
    size_t bytes = elements_of(partial->graph, (NnValueId)v) * sizeof(float);
    paste.to = (char *)buffer_at(partial, value->spread) + (size_t)slot * bytes;
    paste.length[0] = paste.whole.dim[2];
    paste.length[1] = paste.whole.dim[3];
    nn_parallel_for(partial->context, count, 1, paste_windows, &paste);
  }
}

/* the tail always takes as many pictures: those that are missing are the first one again */
static void
fill_up(NnPartial *partial, int count)
{
  for (size_t v = 0; v < partial->graph->n_values; v++) {
    const NnPartialValue *value = &partial->values[v];
    if (value->kind != NN_PARTIAL_WINDOW || value->spread == NO_BUFFER)
      continue;
    size_t bytes = elements_of(partial->graph, (NnValueId)v) * sizeof(float);
    char *pictures = buffer_at(partial, value->spread);
    for (int i = count; i < partial->at_a_time; i++)
      memcpy(pictures + (size_t)i * bytes, pictures, bytes);
  }
}

static void
run_whole(NnPartial *partial, int index)
{
  const NnNode *node = &partial->tail->nodes[index];
  NnTensor *views = partial->nodes[index].views;
  for (int k = 0; k < node->n_inputs; k++) {
    NnValueId id = node->inputs[k];
    const NnPartialValue *value = id == NN_NO_VALUE ? NULL : &partial->values[id];
    int buffer = value == NULL                      ? NO_BUFFER
                 : value->kind == NN_PARTIAL_WINDOW ? value->spread
                                                    : value->whole;
    views[k] = view_of(partial->tail, id, buffer_at(partial, buffer));
  }
  for (int o = 0; o < node->n_outputs; o++) {
    NnValueId id = node->outputs[o];
    int buffer = id == NN_NO_VALUE ? NO_BUFFER : partial->values[id].whole;
    views[node->n_inputs + o] = view_of(partial->tail, id, buffer_at(partial, buffer));
  }
  run_node(partial, index, node->params);
}

/* the layers that look at all, and the targets, of the @count pictures that have been spread; results
 * from @done on */
static void
run_tail(NnPartial *partial, int count, int done)
{
  fill_up(partial, count);
  for (int i = 0; i < n_nodes(partial); i++)
    if (!partial->nodes[i].cropped && !partial->nodes[i].done)
      run_whole(partial, i);
  for (int t = 0; t < partial->program->n_targets; t++) {
    const NnPartialValue *value = &partial->values[partial->program->targets[t]];
    int buffer = value->kind == NN_PARTIAL_WINDOW ? value->spread : value->whole;
    size_t bytes = nn_tensor_bytes(&partial->results[t]);
    memcpy((char *)partial->results[t].data + (size_t)done * bytes, buffer_at(partial, buffer),
           (size_t)count * bytes);
  }
}

/* the windows of the input, from the replacement */
static void
cut_windows(NnPartial *partial, const NnTensor *replacement, const NnPartialBatch *batch)
{
  const NnPartialValue *input = &partial->values[partial->graph->inputs[0]];
  size_t pixel = (size_t)replacement->shape.dim[1] * sizeof(float);
  int64_t width = replacement->shape.dim[3];
  char *to = buffer_at(partial, input->window);
  for (int b = 0; b < batch->count; b++) {
    const NnCorner *corner = &partial->corners[batch->first + b];
    copy_box(to + (size_t)(b * input->size[0] * input->size[1]) * pixel, input->size[1],
             (const char *)replacement->data + (size_t)(corner->y * width + corner->x) * pixel,
             width, input->size[0], input->size[1], pixel);
  }
}

/* all that is run on crops */
static void
run_batch(NnPartial *partial, const NnPartialBatch *batch, const NnTensor *replacement)
{
  nn_partial_place(partial, batch);
  cut_windows(partial, replacement, batch);
  for (int i = 0; i < n_nodes(partial); i++)
    if (partial->nodes[i].cropped)
      run_cropped(partial, i, batch->count);
}

void
nn_partial_run(NnPartial *partial, int batch, const NnTensor *replacement, int *first, int *count)
{
  const NnPartialBatch *group = &partial->groups[batch];
  int waiting = 0, done = 0; /* pictures that have been spread; whose results are there */
  for (int i = group->first; i < group->first + group->count; i++) {
    const NnPartialBatch *windows = &partial->batches[i];
    run_batch(partial, windows, replacement);
    for (int b = 0; b < windows->count;) {
      int part = MIN(partial->at_a_time - waiting, windows->count - b);
      spread(partial, b, part, waiting);
      waiting += part;
      b += part;
      if (waiting < partial->at_a_time)
        continue;
      run_tail(partial, waiting, done);
      done += waiting;
      waiting = 0;
    }
  }
  if (waiting > 0)
    run_tail(partial, waiting, done);
  *first = partial->batches[group->first].first;
  *count = done + waiting;
}

NnTensor
nn_partial_target(const NnPartial *partial, int target, int index)
{
  NnTensor view = partial->results[target];
  view.data = (char *)view.data + (size_t)index * nn_tensor_bytes(&view);
  return view;
}
