/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laying out: which maps are kept whole, what each stage makes, and how large the tiles may be.
 *
 * A map that a later stage reads is either kept, in memory or in a file, or made again from the
 * picture by that stage's tiles. Keeping costs moving its bytes, making again costs operations: of
 * these ways, each for all maps, the cheapest is taken that does with the memory there is. What is done
 * place by place on kept maps is made again in any case.
 *
 * All tiles' workspaces share one block of memory. Its size is that of the largest plan, which is
 * found by planning: from one tile on, tiles shrink until everything fits. */
#include "nncore/plan/tiled.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/round.h"
#include "nncore/kernels/channel-sums.h"
#include "nncore/plan/plan-private.h"
#include "nncore/plan/tiled-private.h"

#define PIECE_ELEMENTS (INT64_C(1) << 21) /* 8 MiB */
/* that moving a kept map's byte there and back costs: in memory, and in a file on a disk that takes and
 * gives 500 MB a second */
#define OPERATIONS_A_BYTE 4
#define OPERATIONS_A_FILE_BYTE 400
#define PLACEWISE_INPUTS 4 /* at most */
#define PLACEWISE_OPERATIONS 8 /* an element, at most, of what is cheaper made again than kept */
#define PLACEWISE_DEPTH 4 /* nodes, at most */
#define TILES -1 /* in place of the number of a segment */
#define TILE_WAYS 4
#define SEGMENT_WAYS 6 /* 2 segments, 4, ... */
#define MAX_TILES 16384

/* ---- which maps are kept ---- */

static size_t
n_values(const NnTiled *tiled)
{
  return tiled->stages->graph->n_values;
}

static const NnValuePlace *
place_of(const NnTiled *tiled, NnValueId id)
{
  return &tiled->stages->values[id];
}

static bool
is_map(const NnTiled *tiled, NnValueId id)
{
  return id != NN_NO_VALUE && place_of(tiled, id)->kind == NN_VALUE_MAP;
}

static const NnShape *
input_shape(const NnTiled *tiled)
{
  return &tiled->stages->graph->values[nn_stages_input(tiled->stages)].type.shape;
}

/* what can be cut into tiles */
static bool
is_picture(const NnShape *shape)
{
  return shape->rank == 4 && shape->dim[0] == 1;
}

/* each element from those at the same place, for next to nothing */
static bool
is_placewise(const NnTiled *tiled, int node)
{
  const NnNode *at = &tiled->stages->graph->nodes[node];
  int64_t elements = nn_shape_count(&tiled->stages->graph->values[at->outputs[0]].type.shape);
  if (at->n_inputs > PLACEWISE_INPUTS)
    return false;
  if (nn_stages_operations(tiled->stages, (size_t)node) > PLACEWISE_OPERATIONS * elements)
    return false;
  for (int k = 0; k < at->n_inputs; k++) {
    NnReach reach;
    if (!nn_stages_reach(tiled->stages, tiled->stages->graph, at, k, &reach))
      continue;
    for (int a = 0; a < 2; a++)
      if (reach.stride[a] != 1 || reach.first[a] != 0 || reach.last[a] != 0)
        return false;
  }
  return true;
}

static void
keep_map(NnTiled *tiled, NnValueId id, int depth)
{
  int producer = tiled->stages->graph->values[id].producer;
  if (!is_map(tiled, id) || producer < 0)
    return;
  if (depth >= PLACEWISE_DEPTH || !is_placewise(tiled, producer)) {
    tiled->kept[id] = true;
    return;
  }
  const NnNode *node = &tiled->stages->graph->nodes[producer];
  for (int k = 0; k < node->n_inputs; k++)
    if (node->inputs[k] != NN_NO_VALUE)
      keep_map(tiled, node->inputs[k], depth + 1);
}

/* @all: what later stages read too, not only what is read as a whole */
static void
mark_kept(NnTiled *tiled, bool all)
{
  const NnStages *stages = tiled->stages;
  for (size_t i = 0; i < stages->graph->n_nodes; i++) {
    const NnNode *node = &stages->graph->nodes[i];
    for (int k = 0; k < node->n_inputs; k++) {
      NnValueId id = node->inputs[k];
      if (!is_map(tiled, id) || id == nn_stages_input(stages))
        continue;
      if (stages->kinds[i] == NN_NODE_WHOLE)
        tiled->kept[id] = true;
      else if (all && stages->kinds[i] == NN_NODE_TILED &&
               place_of(tiled, id)->stage < place_of(tiled, node->outputs[0])->stage)
        keep_map(tiled, id, 0);
    }
  }
}

/* ---- what is wanted ---- */

static bool
is_target(const NnTiled *tiled, NnValueId id)
{
  const NnProgram *program = tiled->stages->program;
  for (int t = 0; t < program->n_targets; t++)
    if (program->targets[t] == id)
      return true;
  return false;
}

static bool
is_summed(const NnTiled *tiled, NnValueId id)
{
  const NnGraph *graph = tiled->stages->graph;
  for (size_t i = 0; i < graph->n_nodes; i++)
    if (tiled->stages->kinds[i] == NN_NODE_SUM && graph->nodes[i].inputs[0] == id)
      return true;
  return false;
}

/* whether a node beyond those of segment @segment after stage @stage reads it */
static bool
is_read_later(const NnTiled *tiled, NnValueId id, int stage, int segment)
{
  const NnGraph *graph = tiled->stages->graph;
  for (size_t i = 0; i < graph->n_nodes; i++)
    for (int k = 0; k < graph->nodes[i].n_inputs; k++) {
      NnValueId out = graph->nodes[i].outputs[0];
      if (graph->nodes[i].inputs[k] == id && tiled->stages->kinds[i] != NN_NODE_FIXED &&
          (is_map(tiled, out) || place_of(tiled, out)->stage > stage + 1 ||
           tiled->segment_of[i] > segment))
        return true;
    }
  return false;
}

/* whether segment @segment after stage @stage makes it, for others */
static bool
is_made_whole(const NnTiled *tiled, NnValueId id, int stage, int segment)
{
  const NnValuePlace *place = place_of(tiled, id);
  int producer = tiled->stages->graph->values[id].producer;
  return place->kind == NN_VALUE_WHOLE && place->stage == stage + 1 && producer >= 0 &&
         tiled->stages->kinds[producer] == NN_NODE_WHOLE &&
         tiled->segment_of[producer] == segment &&
         (is_target(tiled, id) || is_read_later(tiled, id, stage, segment));
}

/* (transfer full): values that a stage's tiles, or a segment after it, must make; @segment is TILES
 * or its number */
static NnValueId *
wanted_of(const NnTiled *tiled, int stage, int segment, int *count, bool *needed, GError **error)
{
  NnValueId *ids = nn_alloc(n_values(tiled), sizeof *ids, error);
  *count = 0;
  *needed = false;
  for (size_t v = 0; ids != NULL && v < n_values(tiled); v++) {
    NnValueId id = (NnValueId)v;
    bool here = is_map(tiled, id) && place_of(tiled, id)->stage == stage;
    bool waited = segment != TILES ? is_made_whole(tiled, id, stage, segment)
                                   : here && (tiled->kept[v] || is_summed(tiled, id));
    if (waited || (segment == TILES && here && is_target(tiled, id)))
      ids[(*count)++] = id;
    *needed = *needed || waited;
  }
  return ids;
}

/* by value: what a stage's tiles, or a segment after them, find ready */
static void
mark_ready(const NnTiled *tiled, int stage, int segment, bool *ready)
{
  int later = segment != TILES ? 1 : 0;
  for (size_t v = 0; v < n_values(tiled); v++) {
    const NnValuePlace *place = place_of(tiled, (NnValueId)v);
    int producer = tiled->stages->graph->values[v].producer;
    bool before = producer >= 0 && (tiled->stages->kinds[producer] == NN_NODE_SUM ||
                                    tiled->segment_of[producer] < segment);
    bool whole = place->kind == NN_VALUE_WHOLE && place->stage <= stage + (before ? later : 0);
    bool map = place->kind == NN_VALUE_MAP && tiled->kept[v] && place->stage < stage + later;
    ready[v] = whole || map || (NnValueId)v == nn_stages_input(tiled->stages);
  }
}

/* (transfer full): %NULL without an error where nothing is to be made */
static NnPart *
new_part(const NnTiled *tiled, int stage, int segment, bool gradient, bool *needed, GError **error)
{
  int count;
  NnPart *part = NULL;
  NnValueId *wanted = wanted_of(tiled, stage, segment, &count, needed, error);
  bool *ready = wanted != NULL ? nn_alloc(n_values(tiled), sizeof *ready, error) : NULL;
  if (ready != NULL && count > 0) {
    mark_ready(tiled, stage, segment, ready);
    part = nn_part_new(tiled->stages, ready, wanted, count, segment != TILES, gradient, error);
  }
  nn_free(wanted);
  nn_free(ready);
  return part;
}

/* ---- parts ---- */

static void
clear_pass(NnTilePass *pass)
{
  for (int i = 0; pass->tiles != NULL && i < pass->n_tiles; i++)
    nn_free(pass->tiles[i].owned);
  nn_free(pass->tiles);
  pass->tiles = NULL;
  pass->n_tiles = 0;
  g_clear_pointer(&pass->workspaces, g_ptr_array_unref);
  g_clear_pointer(&pass->plans, g_ptr_array_unref);
}

static void
clear_segment(NnSegment *segment)
{
  nn_workspace_free(segment->forward_workspace);
  nn_workspace_free(segment->backward_workspace);
  nn_plan_unref(segment->forward_plan);
  nn_plan_unref(segment->backward_plan);
  nn_part_free(segment->forward);
  nn_part_free(segment->backward);
  *segment = (NnSegment){0};
}

static void
free_parts(NnTiled *tiled)
{
  for (int s = 0; tiled->stage != NULL && s < tiled->stages->n_stages; s++) {
    NnTileStage *stage = &tiled->stage[s];
    clear_pass(&stage->forward);
    clear_pass(&stage->backward);
    nn_part_free(stage->forward.part);
    nn_part_free(stage->backward.part);
    stage->forward.part = stage->backward.part = NULL;
    for (int i = 0; stage->segments != NULL && i < tiled->n_segments; i++)
      clear_segment(&stage->segments[i]);
  }
}

static bool
make_stage_parts(NnTiled *tiled, int s, GError **error)
{
  NnTileStage *stage = &tiled->stage[s];
  bool again = tiled->gradient && tiled->n_segments > 1, needed;
  GError *failed = NULL;
  stage->forward.part = new_part(tiled, s, TILES, false, &stage->needed, &failed);
  if (failed == NULL && tiled->gradient)
    stage->backward.part = new_part(tiled, s, TILES, true, &needed, &failed);
  for (int i = 0; failed == NULL && i < tiled->n_segments; i++) {
    NnSegment *segment = &stage->segments[i];
    segment->forward = new_part(tiled, s, i, tiled->gradient && !again, &needed, &failed);
    if (failed == NULL && again)
      segment->backward = new_part(tiled, s, i, true, &needed, &failed);
  }
  if (failed != NULL)
    g_propagate_error(error, failed);
  return failed == NULL;
}

static bool
make_parts(NnTiled *tiled, GError **error)
{
  for (int s = 0; s < tiled->stages->n_stages; s++)
    if (!make_stage_parts(tiled, s, error))
      return false;
  return true;
}

static double
operations_of(const NnTiled *tiled)
{
  double sum = 0;
  for (int s = 0; s < tiled->stages->n_stages; s++) {
    const NnTileStage *stage = &tiled->stage[s];
    if (stage->needed && stage->forward.part != NULL)
      sum += nn_part_operations(stage->forward.part);
    if (stage->backward.part != NULL)
      sum += 3 * nn_part_operations(stage->backward.part);
  }
  return sum;
}

static double
bytes_of_maps(const NnTiled *tiled)
{
  double sum = 0;
  for (size_t v = 0; v < n_values(tiled); v++)
    if (tiled->kept[v])
      sum += (double)nn_shape_count(&tiled->stages->graph->values[v].type.shape) * sizeof(float);
  return tiled->gradient ? 2 * sum : sum;
}

/* ---- values that are not made in tiles ---- */

static NnTensor *
tensor_like(const NnTiled *tiled, size_t v, GError **error)
{
  const NnValue *value = &tiled->stages->graph->values[v];
  NnTensor *tensor = nn_tensor_new(value->type.dtype, &value->type.shape, error);
  if (tensor != NULL)
    tensor->layout = value->layout;
  return tensor;
}

static bool
make_whole(NnTiled *tiled, size_t v, GError **error)
{
  const NnValue *value = &tiled->stages->graph->values[v];
  tiled->wholes[v] = tensor_like(tiled, v, error);
  if (tiled->wholes[v] == NULL)
    return false;
  size_t bytes = nn_tensor_bytes(tiled->wholes[v]);
  tiled->bytes += bytes;
  if (!tiled->gradient || value->type.dtype != NN_DTYPE_FLOAT)
    return true;
  tiled->whole_gradients[v] = tensor_like(tiled, v, error);
  tiled->bytes += bytes;
  return tiled->whole_gradients[v] != NULL;
}

static bool
make_map(NnTiled *tiled, size_t v, bool in_file, GError **error)
{
  const NnValue *value = &tiled->stages->graph->values[v];
  tiled->maps[v] = nn_store_new(tiled->context, &value->type.shape, value->layout, in_file, error);
  if (tiled->maps[v] != NULL && tiled->gradient)
    tiled->map_gradients[v] =
        nn_store_new(tiled->context, &value->type.shape, value->layout, in_file, error);
  if (tiled->maps[v] == NULL || (tiled->gradient && tiled->map_gradients[v] == NULL))
    return false;
  tiled->bytes += (tiled->gradient ? 2 : 1) * nn_store_bytes(tiled->maps[v]);
  return true;
}

static bool
make_sums(NnTiled *tiled, GError **error)
{
  const NnGraph *graph = tiled->stages->graph;
  size_t most = 0;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    if (tiled->stages->kinds[i] != NN_NODE_SUM)
      continue;
    size_t channels = (size_t)graph->values[graph->nodes[i].inputs[0]].type.shape.dim[1];
    most = MAX(most, nn_channel_sums_scratch_doubles((int64_t)channels));
    tiled->sums[i] = nn_alloc0(2 * channels, sizeof(double), error);
    if (tiled->sums[i] != NULL)
      tiled->slopes[i] = nn_alloc0(2 * channels, sizeof(float), error);
    if (tiled->slopes[i] == NULL)
      return false;
  }
  tiled->sum_scratch = nn_alloc(most, sizeof(double), error);
  tiled->bytes += most * sizeof(double);
  return tiled->sum_scratch != NULL;
}

/* whether a part or a target uses the value as a whole one */
static bool
is_whole_used(const NnTiled *tiled, NnValueId id)
{
  int producer = tiled->stages->graph->values[id].producer;
  bool sum = producer >= 0 && tiled->stages->kinds[producer] == NN_NODE_SUM;
  const NnValuePlace *place = place_of(tiled, id);
  return place->kind == NN_VALUE_WHOLE &&
         (sum || (producer >= 0 &&
                  is_made_whole(tiled, id, place->stage - 1, tiled->segment_of[producer])));
}

static bool
make_kept(NnTiled *tiled, bool in_file, size_t budget_bytes, GError **error)
{
  double bytes = bytes_of_maps(tiled);
  if (!in_file && bytes > (double)budget_bytes / 2) /* too little would be left for the tiles */
    return nn_check_budget(tiled->context, (size_t)(2 * bytes), budget_bytes, error);
  for (size_t v = 0; v < n_values(tiled); v++) {
    if (is_whole_used(tiled, (NnValueId)v) && !make_whole(tiled, v, error))
      return false;
    if (tiled->kept[v] && !make_map(tiled, v, in_file, error))
      return false;
  }
  return make_sums(tiled, error);
}

/* what counts against the budget */
static size_t
plan_bytes(const NnPlan *plan)
{
  return nn_plan_nominal_bytes(plan);
}

/* (transfer full): of a part on whole values */
static NnPlan *
plan_whole(const NnPart *part, GError **error)
{
  NnShape *shapes = nn_alloc((size_t)part->n_inputs, sizeof *shapes, error);
  for (int i = 0; shapes != NULL && i < part->n_inputs; i++)
    shapes[i] = nn_part_shape(part, part->inputs[i]);
  NnPlan *plan = shapes != NULL ? nn_plan_new(part->program, shapes, part->n_inputs, error) : NULL;
  nn_free(shapes);
  return plan;
}

/* a segment of its own memory is made here; others wait for the tiles' */
static bool
make_segment(NnTiled *tiled, NnSegment *segment, GError **error)
{
  if (segment->forward == NULL)
    return true;
  segment->forward_plan = plan_whole(segment->forward, error);
  if (segment->forward_plan == NULL)
    return false;
  if (segment->backward != NULL) {
    segment->backward_plan = plan_whole(segment->backward, error);
    return segment->backward_plan != NULL;
  }
  if (tiled->n_segments > 1)
    return true;
  segment->forward_workspace = nn_workspace_new(segment->forward_plan, tiled->context, error);
  tiled->bytes += plan_bytes(segment->forward_plan);
  return segment->forward_workspace != NULL;
}

/* ---- tiles ---- */

int64_t
nn_tile_piece_rows(const NnShape *whole, const NnBox *box)
{
  int64_t row = MAX(whole->dim[1] * nn_box_size(box, 1), 1);
  return CLAMP(PIECE_ELEMENTS / row, 1, MAX(nn_box_size(box, 0), 1));
}

/* the positions of @id that tile (row, column) owns */
static NnBox
owned_box(const NnTiled *tiled, const NnPart *part, NnValueId id, int row, int column)
{
  NnShape shape = nn_part_shape(part, id);
  const int at[2] = {row, column}, count[2] = {tiled->rows, tiled->columns};
  const int64_t size_px[2] = {tiled->high_px, tiled->wide_px};
  NnBox box;
  for (int a = 0; a < 2; a++) {
    double stride = place_of(tiled, id)->stride[a];
    int64_t dim = shape.dim[2 + a];
    box.begin[a] = MIN((int64_t)round((double)(at[a] * size_px[a]) / stride), dim);
    box.end[a] = at[a] + 1 == count[a]
                     ? dim
                     : MIN((int64_t)round((double)((at[a] + 1) * size_px[a]) / stride), dim);
  }
  return box;
}

static bool
place_tile(NnTiled *tiled, NnTilePass *pass, int row, int column, NnBox *boxes, GError **error)
{
  NnTile *tile = &pass->tiles[pass->n_tiles];
  bool empty = true;
  tile->owned = nn_alloc((size_t)pass->part->n_outputs, sizeof(NnBox), error);
  if (tile->owned == NULL)
    return false;
  pass->n_tiles++;
  memset(boxes, 0, n_values(tiled) * sizeof *boxes);
  for (int o = 0; o < pass->part->n_outputs; o++) {
    NnValueId id = pass->part->outputs[o];
    NnShape shape = nn_part_shape(pass->part, id);
    tile->owned[o] = boxes[id] = owned_box(tiled, pass->part, id, row, column);
    int64_t elements =
        shape.dim[1] * nn_tile_piece_rows(&shape, &boxes[id]) * MAX(nn_box_size(&boxes[id], 1), 0);
    tiled->piece_elements = MAX(tiled->piece_elements, elements);
    empty = empty && nn_box_is_empty(&boxes[id]);
  }
  if (!empty)
    return nn_part_view(pass->part, boxes, pass->plans, &tile->view, error);
  nn_free(tile->owned); /* the end of the picture leaves nothing for it */
  pass->n_tiles--;
  return true;
}

static bool
place_tiles(NnTiled *tiled, NnTilePass *pass, GError **error)
{
  clear_pass(pass);
  if (pass->part == NULL)
    return true;
  pass->plans = g_ptr_array_new_with_free_func((GDestroyNotify)nn_plan_unref);
  pass->tiles = nn_alloc0((size_t)tiled->rows * (size_t)tiled->columns, sizeof(NnTile), error);
  NnBox *boxes = pass->tiles != NULL ? nn_alloc(n_values(tiled), sizeof *boxes, error) : NULL;
  bool ok = boxes != NULL;
  for (int r = 0; ok && r < tiled->rows; r++)
    for (int c = 0; ok && c < tiled->columns; c++)
      ok = place_tile(tiled, pass, r, c, boxes, error);
  nn_free(boxes);
  return ok;
}

static size_t
largest_plan(const NnTilePass *pass)
{
  size_t bytes = 0;
  for (guint i = 0; pass->plans != NULL && i < pass->plans->len; i++)
    bytes = MAX(bytes, plan_bytes(g_ptr_array_index(pass->plans, i)));
  return bytes;
}

static size_t
largest_segment(const NnTiled *tiled, const NnTileStage *stage)
{
  size_t bytes = 0;
  for (int i = 0; tiled->n_segments > 1 && i < tiled->n_segments; i++) {
    const NnSegment *segment = &stage->segments[i];
    if (segment->forward_plan != NULL)
      bytes = MAX(bytes, plan_bytes(segment->forward_plan));
    if (segment->backward_plan != NULL)
      bytes = MAX(bytes, plan_bytes(segment->backward_plan));
  }
  return bytes;
}

/* lays out tiles of about @tile_px; @bytes: (out): that they need together */
static bool
lay_out(NnTiled *tiled, int64_t tile_px, size_t *bytes, GError **error)
{
  size_t block_bytes = 0;
  const NnShape *picture = input_shape(tiled);
  int64_t alignment = tiled->stages->alignment_px;
  int64_t height = picture->dim[2], width = picture->dim[3];
  tiled->rows = (int)nn_divide_up(height, tile_px);
  tiled->columns = (int)nn_divide_up(width, tile_px);
  tiled->high_px = nn_round_up(nn_divide_up(height, tiled->rows), alignment);
  tiled->wide_px = nn_round_up(nn_divide_up(width, tiled->columns), alignment);
  tiled->rows = (int)nn_divide_up(height, tiled->high_px);
  tiled->columns = (int)nn_divide_up(width, tiled->wide_px);
  tiled->piece_elements = 0;
  for (int s = 0; s < tiled->stages->n_stages; s++) {
    NnTileStage *stage = &tiled->stage[s];
    if (!place_tiles(tiled, &stage->forward, error) || !place_tiles(tiled, &stage->backward, error))
      return false;
    size_t tiles = MAX(largest_plan(&stage->forward), largest_plan(&stage->backward));
    block_bytes = MAX(block_bytes, MAX(tiles, largest_segment(tiled, stage)));
  }
  *bytes = block_bytes + 3 * (size_t)tiled->piece_elements * sizeof(float);
  return true;
}

/* an input that is no picture can be shown by a plan of the whole alone, which has not fitted */
static bool
refuse_input(const NnTiled *tiled, const NnShape *shape, size_t budget_bytes, GError **error)
{
  g_autoptr(NnPlan) plan = nn_plan_new(tiled->stages->program, shape, 1, error);
  return plan != NULL && nn_check_budget(tiled->context, plan_bytes(plan), budget_bytes, error);
}

/* without tiles, but for one where the picture itself is a target: the memory that segments share */
static bool
fit_segments(NnTiled *tiled, size_t budget_bytes, GError **error)
{
  const NnShape *shape = input_shape(tiled);
  size_t bytes = largest_segment(tiled, &tiled->stage[0]);
  bool shown = tiled->stage[0].forward.part != NULL;
  tiled->rows = tiled->columns = 1;
  if (shown && !is_picture(shape) && !refuse_input(tiled, shape, budget_bytes, error))
    return false;
  if (shown && !lay_out(tiled, MAX(shape->dim[2], shape->dim[3]), &bytes, error))
    return false;
  tiled->bytes += bytes;
  return nn_check_budget(tiled->context, tiled->bytes, budget_bytes, error);
}

/* the smallest tiles that are tried: there must not be too many */
static int64_t
least_tile_px(const NnTiled *tiled)
{
  const NnShape *picture = input_shape(tiled);
  int64_t alignment = tiled->stages->alignment_px, tile_px = alignment;
  while (nn_divide_up(picture->dim[2], tile_px) * nn_divide_up(picture->dim[3], tile_px) >
         MAX_TILES)
    tile_px += alignment;
  return tile_px;
}

/* the largest tiles that fit; memory grows about as their area */
static bool
fit_tiles(NnTiled *tiled, size_t budget_bytes, GError **error)
{
  if (!tiled->stages->tiles)
    return fit_segments(tiled, budget_bytes, error);
  if (!nn_check_budget(tiled->context, tiled->bytes, budget_bytes, error))
    return false;
  const NnShape *picture = input_shape(tiled);
  int64_t alignment = tiled->stages->alignment_px, least_px = least_tile_px(tiled);
  int64_t tile_px = MAX(picture->dim[2], picture->dim[3]);
  size_t bytes, left = budget_bytes - tiled->bytes;
  for (;;) {
    if (!lay_out(tiled, tile_px, &bytes, error))
      return false;
    if (bytes <= left) {
      tiled->bytes += bytes;
      return true;
    }
    if (tile_px <= least_px)
      return nn_check_budget(tiled->context, tiled->bytes + bytes, budget_bytes, error);
    double shrunk = (double)MAX(tiled->high_px, tiled->wide_px) *
                    sqrt((double)left / (double)bytes) / (double)alignment;
    int64_t smaller = (MIN(tile_px, MAX(tiled->high_px, tiled->wide_px)) - 1) / alignment;
    tile_px = MAX(MIN((int64_t)shrunk, smaller) * alignment, least_px);
  }
}

static NnWorkspace *
workspace_of(const NnTilePass *pass, const NnPlan *plan)
{
  for (guint i = 0; i < pass->plans->len; i++)
    if (g_ptr_array_index(pass->plans, i) == plan)
      return g_ptr_array_index(pass->workspaces, i);
  return NULL;
}

static bool
make_workspaces(NnTiled *tiled, NnTilePass *pass, GError **error)
{
  if (pass->part == NULL)
    return true;
  pass->workspaces = g_ptr_array_new_with_free_func((GDestroyNotify)nn_workspace_free);
  for (guint i = 0; i < pass->plans->len; i++) {
    NnWorkspace *workspace = nn_workspace_new_in(g_ptr_array_index(pass->plans, i), tiled->context,
                                                 tiled->memory, error);
    if (workspace == NULL)
      return false;
    g_ptr_array_add(pass->workspaces, workspace);
  }
  for (int t = 0; t < pass->n_tiles; t++)
    pass->tiles[t].workspace = workspace_of(pass, pass->tiles[t].view.plan);
  return true;
}

/* of segments that share the tiles' memory */
static bool
share_memory(NnTiled *tiled, NnTileStage *stage, GError **error)
{
  bool ok = true;
  for (int i = 0; ok && tiled->n_segments > 1 && i < tiled->n_segments; i++) {
    NnSegment *segment = &stage->segments[i];
    if (segment->forward_plan != NULL) {
      segment->forward_workspace =
          nn_workspace_new_in(segment->forward_plan, tiled->context, tiled->memory, error);
      ok = segment->forward_workspace != NULL;
    }
    if (ok && segment->backward_plan != NULL) {
      segment->backward_workspace =
          nn_workspace_new_in(segment->backward_plan, tiled->context, tiled->memory, error);
      ok = segment->backward_workspace != NULL;
    }
  }
  return ok;
}

/* what all that share the block really need, whose number of threads is not the nominal one */
static size_t
largest_workspace(const NnTiled *tiled)
{
  size_t bytes = 0;
  for (int s = 0; s < tiled->stages->n_stages; s++) {
    const NnTileStage *stage = &tiled->stage[s];
    const NnTilePass *passes[] = {&stage->forward, &stage->backward};
    for (int p = 0; p < 2; p++)
      for (guint i = 0; passes[p]->plans != NULL && i < passes[p]->plans->len; i++)
        bytes = MAX(bytes, nn_plan_bytes(g_ptr_array_index(passes[p]->plans, i)));
    for (int i = 0; tiled->n_segments > 1 && i < tiled->n_segments; i++) {
      const NnSegment *segment = &stage->segments[i];
      bytes = MAX(bytes, segment->forward_plan != NULL ? nn_plan_bytes(segment->forward_plan) : 0);
      bytes =
          MAX(bytes, segment->backward_plan != NULL ? nn_plan_bytes(segment->backward_plan) : 0);
    }
  }
  return bytes;
}

static bool
allocate(NnTiled *tiled, GError **error)
{
  size_t piece = (size_t)tiled->piece_elements;
  tiled->memory = nn_alloc(1, largest_workspace(tiled), error);
  if (tiled->memory != NULL)
    tiled->piece = nn_alloc(piece, sizeof(float), error);
  if (tiled->piece != NULL)
    tiled->piece_gradient = nn_alloc(piece, sizeof(float), error);
  if (tiled->piece_gradient != NULL)
    tiled->scratch = nn_alloc(piece, sizeof(float), error);
  bool ok = tiled->scratch != NULL;
  for (int s = 0; ok && s < tiled->stages->n_stages; s++)
    ok = make_workspaces(tiled, &tiled->stage[s].forward, error) &&
         make_workspaces(tiled, &tiled->stage[s].backward, error) &&
         share_memory(tiled, &tiled->stage[s], error);
  return ok;
}

static bool
make_tables(NnTiled *tiled, GError **error)
{
  void ***tables[] = {(void ***)&tiled->maps,   (void ***)&tiled->map_gradients,
                      (void ***)&tiled->wholes, (void ***)&tiled->whole_gradients,
                      (void ***)&tiled->sums,   (void ***)&tiled->slopes};
  for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
    size_t count = i < 4 ? n_values(tiled) : tiled->stages->graph->n_nodes;
    *tables[i] = nn_alloc0(count, sizeof(void *), error);
    if (*tables[i] == NULL)
      return false;
  }
  tiled->stage = nn_alloc0((size_t)tiled->stages->n_stages, sizeof(NnTileStage), error);
  for (int s = 0; tiled->stage != NULL && s < tiled->stages->n_stages; s++) {
    tiled->stage[s].segments = nn_alloc0((size_t)tiled->n_segments, sizeof(NnSegment), error);
    if (tiled->stage[s].segments == NULL)
      return false;
  }
  return tiled->stage != NULL;
}

/* the nodes run as a whole after each stage, in segments that make about as many bytes each */
static bool
cut_segments(NnTiled *tiled, GError **error)
{
  const NnGraph *graph = tiled->stages->graph;
  tiled->segment_of = nn_alloc0(graph->n_nodes, sizeof(int), error);
  if (tiled->segment_of == NULL)
    return false;
  double all = 0, so_far = 0;
  for (int pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < graph->n_nodes; i++) {
      if (tiled->stages->kinds[i] != NN_NODE_WHOLE)
        continue;
      double made = (double)nn_shape_count(&graph->values[graph->nodes[i].outputs[0]].type.shape);
      int segment = (int)(so_far / MAX(all, 1) * tiled->n_segments);
      tiled->segment_of[i] = MIN(segment, tiled->n_segments - 1);
      *(pass == 0 ? &all : &so_far) += made;
    }
  return true;
}

/* ---- ways ---- */

/**
 * Way:
 * @again: whether maps are made again, where they can be, and not kept
 * @in_file: where maps are kept
 * @cost: in operations
 */
typedef struct {
  bool tiles, again, in_file;
  int n_segments;
  double cost;
} Way;

/* (transfer full): with its parts, which is enough to tell what they cost */
static NnTiled *
begin_tiled(NnProgram *program, NnContext *context, const NnShape *shape, const Way *way,
            GError **error)
{
  NnTiled *tiled = g_new0(NnTiled, 1);
  tiled->context = context;
  tiled->gradient = program->options.gradient;
  tiled->n_segments = way->n_segments;
  tiled->stages = nn_stages_new(program, shape, way->tiles, error);
  if (tiled->stages != NULL)
    tiled->kept = nn_alloc0(n_values(tiled), sizeof *tiled->kept, error);
  if (tiled->kept != NULL && make_tables(tiled, error) && cut_segments(tiled, error)) {
    mark_kept(tiled, !way->again);
    if (make_parts(tiled, error))
      return tiled;
  }
  nn_tiled_free(tiled);
  return NULL;
}

static bool
finish_tiled(NnTiled *tiled, bool in_file, size_t budget_bytes, GError **error)
{
  bool ok = make_kept(tiled, in_file, budget_bytes, error);
  for (int s = 0; ok && s < tiled->stages->n_stages; s++)
    for (int i = 0; ok && i < tiled->n_segments; i++)
      ok = make_segment(tiled, &tiled->stage[s].segments[i], error);
  return ok && fit_tiles(tiled, budget_bytes, error) && allocate(tiled, error);
}

static NnTiled *
try_way(NnProgram *program, NnContext *context, const NnShape *shape, const Way *way,
        size_t budget_bytes, GError **error)
{
  NnTiled *tiled = begin_tiled(program, context, shape, way, error);
  if (tiled == NULL || finish_tiled(tiled, way->in_file, budget_bytes, error))
    return tiled;
  nn_tiled_free(tiled);
  return NULL;
}

static int
compare_costs(const void *a, const void *b)
{
  const Way *one = a, *other = b;
  return (one->cost > other->cost) - (one->cost < other->cost);
}

/* ways of working in tiles, the cheapest first; 0 with an error where there is none */
static int
list_tile_ways(NnProgram *program, NnContext *context, const NnShape *shape, Way *ways,
               GError **error)
{
  int n = 0;
  double all_bytes = 0;
  for (int again = 0; again < 2; again++) {
    Way way = {.tiles = true, .again = again != 0, .n_segments = 1};
    NnTiled *tiled = begin_tiled(program, context, shape, &way, error);
    if (tiled == NULL)
      return 0;
    double operations = operations_of(tiled), bytes = bytes_of_maps(tiled);
    nn_tiled_free(tiled);
    if (way.again && bytes == all_bytes) /* nothing can be made again */
      break;
    all_bytes = bytes;
    way.cost = operations + OPERATIONS_A_BYTE * bytes;
    ways[n++] = way;
    way.in_file = true;
    way.cost = operations + OPERATIONS_A_FILE_BYTE * bytes;
    if (bytes > 0)
      ways[n++] = way;
  }
  qsort(ways, (size_t)n, sizeof *ways, compare_costs);
  return n;
}

/* whether another way to work may succeed. A size may be refused where it is only that of a tile. */
static bool
may_try_on(const GError *error)
{
  return g_error_matches(error, NN_ERROR, NN_ERROR_UNSUPPORTED) ||
         g_error_matches(error, NN_ERROR, NN_ERROR_SHAPE) ||
         g_error_matches(error, NN_ERROR, NN_ERROR_READ) ||
         g_error_matches(error, NN_ERROR, NN_ERROR_MEMORY);
}

/* how much memory tiles would need says more than how much other ways would */
static bool
is_worth_keeping(const GError *error)
{
  return g_error_matches(error, NN_ERROR, NN_ERROR_MEMORY) ||
         g_error_matches(error, NN_ERROR, NN_ERROR_READ);
}

NnTiled *
nn_tiled_new(NnProgram *program, NnContext *context, const NnShape *shape, size_t budget_bytes,
             GError **error)
{
  Way ways[TILE_WAYS + SEGMENT_WAYS];
  g_autoptr(GError) failed = NULL;
  NnTiled *tiled = NULL;
  int in_tiles = is_picture(shape) ? list_tile_ways(program, context, shape, ways, &failed) : 0;
  int n = in_tiles;
  for (int doublings = 1; doublings <= SEGMENT_WAYS; doublings++)
    ways[n++] = (Way){.again = true, .n_segments = 1 << doublings};
  for (int i = 0; i < n && tiled == NULL && (failed == NULL || may_try_on(failed)); i++) {
    g_autoptr(GError) again = NULL;
    tiled = try_way(program, context, shape, &ways[i], budget_bytes, &again);
    if (again != NULL && (i < in_tiles || !is_worth_keeping(failed) || !may_try_on(again))) {
      g_clear_error(&failed);
      failed = g_steal_pointer(&again);
    }
  }
  if (tiled == NULL)
    g_propagate_error(error, g_steal_pointer(&failed));
  return tiled;
}

void
nn_tiled_free(NnTiled *tiled)
{
  if (tiled == NULL)
    return;
  free_parts(tiled);
  for (size_t v = 0; tiled->stage != NULL && v < n_values(tiled); v++) {
    nn_store_free(tiled->maps[v]);
    nn_store_free(tiled->map_gradients[v]);
    nn_tensor_unref(tiled->wholes[v]);
    nn_tensor_unref(tiled->whole_gradients[v]);
  }
  for (size_t i = 0; tiled->stage != NULL && i < tiled->stages->graph->n_nodes; i++) {
    nn_free(tiled->sums[i]);
    nn_free(tiled->slopes[i]);
  }
  nn_free(tiled->maps);
  nn_free(tiled->map_gradients);
  nn_free(tiled->wholes);
  nn_free(tiled->whole_gradients);
  nn_free(tiled->sums);
  nn_free(tiled->slopes);
  for (int i = 0; tiled->stage != NULL && i < tiled->stages->n_stages; i++)
    nn_free(tiled->stage[i].segments);
  nn_free(tiled->stage);
  nn_free(tiled->segment_of);
  nn_free(tiled->sum_scratch);
  nn_free(tiled->kept);
  nn_free(tiled->memory);
  nn_free(tiled->piece);
  nn_free(tiled->piece_gradient);
  nn_free(tiled->scratch);
  nn_stages_free(tiled->stages);
  g_free(tiled);
}

size_t
nn_tiled_bytes(const NnTiled *tiled)
{
  return tiled->bytes;
}

void
nn_tiled_grid(const NnTiled *tiled, int *rows, int *columns)
{
  *rows = tiled->rows;
  *columns = tiled->columns;
}

void
nn_tiled_maps(const NnTiled *tiled, int *in_memory, int *in_file)
{
  *in_memory = *in_file = 0;
  for (size_t v = 0; v < n_values(tiled); v++)
    if (tiled->maps[v] != NULL)
      *(nn_store_is_file(tiled->maps[v]) ? in_file : in_memory) += 1;
}

int64_t
nn_tiled_piece_elements(const NnTiled *tiled, int target)
{
  NnValueId id = tiled->stages->program->targets[target];
  NnShape shape = tiled->stages->graph->values[id].type.shape;
  return is_map(tiled, id) ? MIN(tiled->piece_elements, nn_shape_count(&shape))
                           : nn_shape_count(&shape);
}
