/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running stages of tiles. Forward, stage by stage: each tile's inputs are read, its program run, and
 * of what it owns sums are added up, maps kept, and targets shown. Backward, from the last stage to
 * the first: each tile is run again, with a gradient; where it owns an output, the seed is the sum
 * of what the caller, the sums and the kept maps' later readers have to say, and elsewhere 0. What
 * comes out of it is added where it belongs: tiles overlap by what they see around them, so every
 * pixel gets the contributions of all tiles that looked at it. */
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/progress.h"
#include "nncore/kernels/channel-sums.h"
#include "nncore/plan/tiled-private.h"

#define BACKWARD_STEPS 3 /* of work, where a tile or segment forward is one */

typedef struct {
  NnTiled *tiled;
  const NnEvaluation *evaluation;
  gpointer data;
  double steps_done, steps;
  GError **error;
} Run;

static bool
report(Run *run, double steps)
{
  const NnEvaluation *evaluation = run->evaluation;
  run->steps_done += steps;
  if (evaluation->proceed == NULL ||
      evaluation->proceed(run->data, MIN(run->steps_done / run->steps, 1)))
    return true;
  nn_set_cancelled(run->error);
  return false;
}

/* the target that a value is, or -1 */
static int
target_of(const NnTiled *tiled, NnValueId id)
{
  const NnProgram *program = tiled->stages->program;
  for (int t = 0; t < program->n_targets; t++)
    if (program->targets[t] == id)
      return t;
  return -1;
}

/* ---- inputs ---- */

static bool
is_picture(const Run *run, NnValueId id)
{
  return id == nn_stages_input(run->tiled->stages);
}

static bool
read_input(Run *run, NnValueId id, const int64_t begin[2], const NnTensor *to)
{
  NnTiled *tiled = run->tiled;
  if (is_picture(run, id)) {
    run->evaluation->input(run->data, begin[0], begin[1], to);
    return true;
  }
  if (tiled->maps[id] != NULL)
    return nn_store_read(tiled->maps[id], begin[0], begin[1], to, run->error);
  memcpy(to->data, tiled->wholes[id]->data, nn_tensor_bytes(to));
  return true;
}

static void
add_to(const NnTensor *sum, const NnTensor *from)
{
  for (int64_t i = 0; i < nn_shape_count(&sum->shape); i++)
    sum->f[i] += from->f[i];
}

/* a gradient to an input, added to what it has */
static bool
take_gradient(Run *run, NnValueId id, const int64_t begin[2], const NnTensor *gradient)
{
  NnTiled *tiled = run->tiled;
  if (is_picture(run, id)) {
    run->evaluation->gradient(run->data, begin[0], begin[1], gradient);
    return true;
  }
  if (tiled->map_gradients[id] != NULL) {
    NnBox box = {{0, 0}, {gradient->shape.dim[2], gradient->shape.dim[3]}};
    return nn_store_write(tiled->map_gradients[id], gradient, &box, begin[0], begin[1], true,
                          run->error);
  }
  if (tiled->whole_gradients[id] != NULL)
    add_to(tiled->whole_gradients[id], gradient);
  return true;
}

/* ---- pieces ---- */

/* a box of an output in a tile's own coordinates, and the piece that it is */
typedef struct {
  NnTensor tensor;
  NnBox local;
  NnPiece piece;
} View;

static View
view_of(const NnPart *part, const NnTile *tile, NnValueId id, const NnTensor *map, const NnBox *box,
        float *memory)
{
  int64_t begin[2];
  View view = {.tensor = *map};
  nn_part_local(part, &tile->view, id, begin);
  view.tensor.refs = 0;
  view.tensor.f = memory;
  view.piece.whole = nn_part_shape(part, id);
  for (int a = 0; a < 2; a++) {
    view.local.begin[a] = box->begin[a] - begin[a];
    view.local.end[a] = box->end[a] - begin[a];
    view.tensor.shape.dim[2 + a] = nn_box_size(box, a);
    view.piece.first[a] = box->begin[a];
  }
  return view;
}

/* rows of @owned, a piece at a time; false after the last */
static bool
next_rows(const NnShape *whole, const NnBox *owned, NnBox *rows)
{
  int64_t begin = rows->end[0];
  if (nn_box_is_empty(owned) || begin >= owned->end[0])
    return false;
  *rows = *owned;
  rows->begin[0] = begin;
  rows->end[0] = MIN(begin + nn_tile_piece_rows(whole, owned), owned->end[0]);
  return true;
}

/* ---- sums over space ---- */

static bool
is_summed_by(const NnTiled *tiled, size_t node, NnValueId id)
{
  return tiled->stages->kinds[node] == NN_NODE_SUM &&
         tiled->stages->graph->nodes[node].inputs[0] == id;
}

static void
add_sums(NnTiled *tiled, NnValueId id, const NnTensor *map)
{
  for (size_t i = 0; i < tiled->stages->graph->n_nodes; i++)
    if (is_summed_by(tiled, i, id))
      nn_channel_sums_add(tiled->context, map, tiled->stages->sums[i]->squares, tiled->sums[i],
                          tiled->sum_scratch);
}

static void
spread_sums(NnTiled *tiled, NnValueId id, const NnTensor *map, const NnTensor *seed)
{
  int64_t channels = map->shape.dim[1];
  for (size_t i = 0; i < tiled->stages->graph->n_nodes; i++)
    if (is_summed_by(tiled, i, id))
      nn_channel_sums_spread(tiled->context, map, tiled->slopes[i], tiled->slopes[i] + channels,
                             seed);
}

/* views of a sum's results, or of the gradients to them */
static void
view_results(const NnTiled *tiled, const NnNode *node, NnTensor *const *tensors, NnTensor views[2])
{
  for (int o = 0; o < 2; o++) {
    NnValueId id = o < node->n_outputs ? node->outputs[o] : NN_NO_VALUE;
    views[o] = id != NN_NO_VALUE && tensors[id] != NULL ? *tensors[id] : (NnTensor){0};
  }
}

/* the sums over @stage's tiles become results, or the gradients to these become slopes */
static void
settle_sums(NnTiled *tiled, int stage, bool backward)
{
  const NnStages *stages = tiled->stages;
  for (size_t i = 0; i < stages->graph->n_nodes; i++) {
    const NnNode *node = &stages->graph->nodes[i];
    NnTensor out[2], gradients[2];
    if (stages->kinds[i] != NN_NODE_SUM || stages->values[node->outputs[0]].stage != stage + 1)
      continue;
    const NnShape *shape = &stages->graph->values[node->inputs[0]].type.shape;
    int64_t channels = shape->dim[1], count = shape->dim[2] * shape->dim[3];
    view_results(tiled, node, tiled->wholes, out);
    view_results(tiled, node, tiled->whole_gradients, gradients);
    if (backward)
      stages->sums[i]->slope(node->params, count, channels, out, gradients, tiled->slopes[i],
                             tiled->slopes[i] + channels);
    else
      stages->sums[i]->close(node->params, count, channels, tiled->sums[i], out);
  }
}

/* ---- forward ---- */

static bool
run_tile_forward(Run *run, const NnPart *part, const NnTile *tile)
{
  for (int i = 0; i < part->n_inputs; i++) {
    int64_t begin[2];
    nn_part_local(part, &tile->view, part->inputs[i], begin);
    if (!read_input(run, part->inputs[i], begin, nn_workspace_input(tile->workspace, i)))
      return false;
  }
  nn_workspace_forward(tile->workspace);
  return true;
}

/* what a tile owns of an output goes where it is waited for */
static bool
hand_out(Run *run, const NnPart *part, const NnTile *tile, int output)
{
  NnTiled *tiled = run->tiled;
  NnValueId id = part->outputs[output];
  const NnTensor *map = nn_workspace_target(tile->workspace, output);
  const NnBox *owned = &tile->owned[output];
  int target = target_of(tiled, id);
  NnBox rows = {.end = {owned->begin[0]}};
  NnShape whole = nn_part_shape(part, id);
  while (next_rows(&whole, owned, &rows)) {
    View view = view_of(part, tile, id, map, &rows, tiled->piece);
    nn_box_copy(tiled->context, map, &view.local, &view.tensor, 0, 0, false);
    view.piece.activation = &view.tensor;
    add_sums(tiled, id, &view.tensor);
    if (target >= 0 && run->evaluation->observe != NULL)
      run->evaluation->observe(run->data, target, &view.piece);
    NnBox box = {{0, 0}, {nn_box_size(&rows, 0), nn_box_size(&rows, 1)}};
    if (tiled->maps[id] != NULL && !nn_store_write(tiled->maps[id], &view.tensor, &box,
                                                   rows.begin[0], rows.begin[1], false, run->error))
      return false;
  }
  return true;
}

static bool
forward_tiles(Run *run, const NnTilePass *pass)
{
  for (int t = 0; t < pass->n_tiles; t++) {
    const NnTile *tile = &pass->tiles[t];
    if (!run_tile_forward(run, pass->part, tile))
      return false;
    for (int o = 0; o < pass->part->n_outputs; o++)
      if (!hand_out(run, pass->part, tile, o))
        return false;
    if (!report(run, 1))
      return false;
  }
  return true;
}

static bool
run_whole_forward(Run *run, const NnPart *part, NnWorkspace *workspace)
{
  static const int64_t origin[2] = {0, 0};
  for (int i = 0; i < part->n_inputs; i++)
    if (!read_input(run, part->inputs[i], origin, nn_workspace_input(workspace, i)))
      return false;
  nn_workspace_forward(workspace);
  return true;
}

static bool
forward_segment(Run *run, const NnSegment *segment)
{
  const NnPart *part = segment->forward;
  if (part == NULL)
    return true;
  if (!run_whole_forward(run, part, segment->forward_workspace))
    return false;
  for (int o = 0; o < part->n_outputs; o++) {
    const NnTensor *output = nn_workspace_target(segment->forward_workspace, o);
    memcpy(run->tiled->wholes[part->outputs[o]]->data, output->data, nn_tensor_bytes(output));
  }
  return true;
}

static void
clear_sums(NnTiled *tiled)
{
  const NnGraph *graph = tiled->stages->graph;
  for (size_t i = 0; i < graph->n_nodes; i++)
    if (tiled->sums[i] != NULL)
      memset(tiled->sums[i], 0,
             2 * (size_t)graph->values[graph->nodes[i].inputs[0]].type.shape.dim[1] *
                 sizeof(double));
}

/* targets that are no maps are shown at the end */
static void
observe_wholes(Run *run)
{
  NnTiled *tiled = run->tiled;
  for (int t = 0; t < tiled->stages->program->n_targets; t++) {
    NnTensor *whole = tiled->wholes[tiled->stages->program->targets[t]];
    if (whole == NULL)
      continue;
    NnPiece piece = nn_piece_whole(whole);
    run->evaluation->observe(run->data, t, &piece);
  }
}

static bool
is_run_forward(const Run *run, const NnTileStage *stage)
{
  return stage->forward.part != NULL && (stage->needed || run->evaluation->observe != NULL);
}

static bool
forward_all(Run *run)
{
  NnTiled *tiled = run->tiled;
  clear_sums(tiled);
  for (int s = 0; s < tiled->stages->n_stages; s++) {
    NnTileStage *stage = &tiled->stage[s];
    if (is_run_forward(run, stage) && !forward_tiles(run, &stage->forward))
      return false;
    settle_sums(tiled, s, false);
    for (int i = 0; i < tiled->n_segments; i++)
      if (!forward_segment(run, &stage->segments[i]) || !report(run, 1))
        return false;
  }
  if (run->evaluation->observe != NULL)
    observe_wholes(run);
  if (run->evaluation->observed != NULL)
    run->evaluation->observed(run->data);
  return true;
}

/* ---- backward ---- */

static bool
clear_gradients(Run *run)
{
  NnTiled *tiled = run->tiled;
  for (size_t v = 0; v < tiled->stages->graph->n_values; v++) {
    NnTensor *whole = tiled->whole_gradients[v];
    if (whole != NULL)
      memset(whole->data, 0, nn_tensor_bytes(whole));
    if (tiled->map_gradients[v] != NULL && !nn_store_clear(tiled->map_gradients[v], run->error))
      return false;
  }
  return true;
}

static void
seed_wholes(Run *run)
{
  NnTiled *tiled = run->tiled;
  for (int t = 0; t < tiled->stages->program->n_targets; t++) {
    NnValueId id = tiled->stages->program->targets[t];
    if (tiled->wholes[id] == NULL || tiled->whole_gradients[id] == NULL)
      continue;
    NnPiece piece = nn_piece_whole(tiled->wholes[id]);
    run->evaluation->seed(run->data, t, &piece, tiled->whole_gradients[id]);
  }
}

static bool
backward_segment(Run *run, const NnSegment *segment)
{
  static const int64_t origin[2] = {0, 0};
  bool again = segment->backward != NULL;
  const NnPart *part = again ? segment->backward : segment->forward;
  NnWorkspace *workspace = again ? segment->backward_workspace : segment->forward_workspace;
  if (part == NULL)
    return true;
  if (again && !run_whole_forward(run, part, workspace))
    return false;
  for (int o = 0; o < part->n_outputs; o++) {
    const NnTensor *seed = nn_workspace_seed(workspace, o);
    const NnTensor *gradient = run->tiled->whole_gradients[part->outputs[o]];
    if (gradient != NULL)
      memcpy(seed->data, gradient->data, nn_tensor_bytes(seed));
    else
      memset(seed->data, 0, nn_tensor_bytes(seed));
  }
  nn_workspace_backward(workspace);
  for (int i = 0; i < part->n_inputs; i++)
    if (!take_gradient(run, part->inputs[i], origin, nn_workspace_input_gradient(workspace, i)))
      return false;
  return true;
}

/* the rows of an output's seed, into the piece's own memory */
static bool
fill_seed(Run *run, NnValueId id, const View *view, const NnTensor *seed)
{
  NnTiled *tiled = run->tiled;
  int target = target_of(tiled, id);
  if (target >= 0)
    run->evaluation->seed(run->data, target, &view->piece, seed);
  else
    memset(seed->data, 0, nn_tensor_bytes(seed));
  spread_sums(tiled, id, view->piece.activation, seed);
  if (tiled->map_gradients[id] == NULL)
    return true;
  NnTensor later = *seed;
  later.f = tiled->scratch;
  if (!nn_store_read(tiled->map_gradients[id], view->piece.first[0], view->piece.first[1], &later,
                     run->error))
    return false;
  add_to(seed, &later);
  return true;
}

static bool
seed_output(Run *run, const NnPart *part, const NnTile *tile, int output)
{
  NnTiled *tiled = run->tiled;
  NnValueId id = part->outputs[output];
  const NnTensor *map = nn_workspace_target(tile->workspace, output);
  const NnTensor *all = nn_workspace_seed(tile->workspace, output);
  const NnBox *owned = &tile->owned[output];
  NnBox rows = {.end = {owned->begin[0]}};
  NnShape whole = nn_part_shape(part, id);
  memset(all->data, 0, nn_tensor_bytes(all));
  while (next_rows(&whole, owned, &rows)) {
    View view = view_of(part, tile, id, map, &rows, tiled->piece);
    nn_box_copy(tiled->context, map, &view.local, &view.tensor, 0, 0, false);
    view.piece.activation = &view.tensor;
    NnTensor seed = view.tensor;
    seed.f = tiled->piece_gradient;
    if (!fill_seed(run, id, &view, &seed))
      return false;
    NnBox box = {{0, 0}, {nn_box_size(&rows, 0), nn_box_size(&rows, 1)}};
    nn_box_copy(tiled->context, &seed, &box, all, view.local.begin[0], view.local.begin[1], false);
  }
  return true;
}

static bool
backward_tiles(Run *run, const NnTilePass *pass)
{
  const NnPart *part = pass->part;
  for (int t = 0; t < pass->n_tiles; t++) {
    const NnTile *tile = &pass->tiles[t];
    if (!run_tile_forward(run, part, tile))
      return false;
    for (int o = 0; o < part->n_outputs; o++)
      if (!seed_output(run, part, tile, o))
        return false;
    nn_workspace_backward(tile->workspace);
    for (int i = 0; i < part->n_inputs; i++) {
      int64_t begin[2];
      nn_part_local(part, &tile->view, part->inputs[i], begin);
      if (!take_gradient(run, part->inputs[i], begin,
                         nn_workspace_input_gradient(tile->workspace, i)))
        return false;
    }
    if (!report(run, BACKWARD_STEPS))
      return false;
  }
  return true;
}

static bool
backward_all(Run *run)
{
  NnTiled *tiled = run->tiled;
  if (!clear_gradients(run))
    return false;
  seed_wholes(run);
  for (int s = tiled->stages->n_stages - 1; s >= 0; s--) {
    NnTileStage *stage = &tiled->stage[s];
    for (int i = tiled->n_segments; i-- > 0;)
      if (!backward_segment(run, &stage->segments[i]) || !report(run, BACKWARD_STEPS))
        return false;
    settle_sums(tiled, s, true);
    if (stage->backward.part != NULL && !backward_tiles(run, &stage->backward))
      return false;
  }
  return true;
}

static double
count_steps(const Run *run, bool backward)
{
  double steps = 0;
  for (int s = 0; s < run->tiled->stages->n_stages; s++) {
    const NnTileStage *stage = &run->tiled->stage[s];
    int segments = run->tiled->n_segments;
    steps += segments + (is_run_forward(run, stage) ? stage->forward.n_tiles : 0);
    steps += backward ? BACKWARD_STEPS * (stage->backward.n_tiles + segments) : 0;
  }
  return steps;
}

bool
nn_tiled_forward(NnTiled *tiled, const NnEvaluation *evaluation, gpointer data, GError **error)
{
  Run run = {tiled, evaluation, data, .error = error};
  run.steps = count_steps(&run, false);
  return forward_all(&run);
}

bool
nn_tiled_run(NnTiled *tiled, const NnEvaluation *evaluation, gpointer data, GError **error)
{
  Run run = {tiled, evaluation, data, .error = error};
  run.steps = count_steps(&run, true);
  return forward_all(&run) && backward_all(&run);
}
