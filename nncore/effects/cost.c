/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operations of all nodes up to the last that a layer needs, and their footprint. */
#include "nncore/effects/cost.h"

#include "nncore/analysis/footprint.h"
#include "nncore/plan/partial.h"

/* what the node @i makes first; NN_NO_VALUE where that is nothing */
static NnValueId
first_output(const NnInventory *inventory, int i)
{
  return inventory->graph->nodes[i].outputs[0];
}

/* the node that makes @layer, or the last one before it whose result has a shape; -1 for none */
static int
last_node(const NnInventory *inventory, const char *layer)
{
  NnValueId value = nn_graph_find(inventory->graph, layer);
  int node = value != NN_NO_VALUE ? inventory->graph->values[value].producer : -1;
  for (; node >= 0; node--) {
    NnValueId made = first_output(inventory, node);
    if (made != NN_NO_VALUE && !inventory->nodes[node].constant &&
        nn_inventory_shape(inventory, made) != NULL)
      break;
  }
  return node;
}

/* the part of what node @i makes that a patch reaches */
static double
reached_part(const NnInventory *inventory, int i, const NnShape *picture, int patch_px)
{
  NnValueId made = first_output(inventory, i);
  double part = 1;
  if (made == NN_NO_VALUE)
    return 1;
  const NnReceptiveField *field = &inventory->fields[made];
  if (field->none || field->reach.everywhere || field->n_axes != 2)
    return field->none ? 0 : 1;
  for (int axis = 0; axis < 2; axis++) {
    double reached = patch_px + (double)nn_receptive_field_size(field, axis) - 1;
    part *= MIN(reached / (double)picture->dim[2 + axis], 1);
  }
  return part;
}

/* multiply-adds of the nodes up to @last */
static double
count_operations(const NnInventory *inventory, int last, const NnShape *picture,
                 const NnPasses *passes)
{
  double sum = 0;
  for (int i = 0; i <= last; i++) {
    double times = passes->forward + passes->back;
    if (passes->patches > 0 && inventory->nodes[i].operations > 0)
      times += passes->patches * reached_part(inventory, i, picture, passes->patch_px);
    sum += times * (double)inventory->nodes[i].operations;
  }
  return sum;
}

/* of what a node makes first; 0 where that is not known */
static double
layer_bytes(const NnInventory *inventory, int node)
{
  NnValueId made = first_output(inventory, node);
  const NnShape *shape = made != NN_NO_VALUE ? nn_inventory_shape(inventory, made) : NULL;
  return shape != NULL ? (double)nn_shape_count(shape) * (double)sizeof(float) : 0;
}

/* of layers before the last: what is there until their losses have seen it, or their gradients then */
static double
count_layers(const NnInventory *inventory, int last, const NnPasses *passes)
{
  double bytes = 0, largest = 0;
  for (int i = 0; passes->layers[i] != NULL; i++) {
    int node = last_node(inventory, passes->layers[i]);
    if (node >= 0)
      largest = MAX(largest, layer_bytes(inventory, node));
    if (node >= 0 && node < last)
      bytes += layer_bytes(inventory, node);
  }
  return bytes + (passes->cropped ? 3 * largest : 0);
}

/* of what a square reaches: the largest layer, with what that is made of */
static double
count_reached(const NnInventory *inventory, int last, const NnShape *picture, int patch_px)
{
  double most = 0;
  for (int i = 0; i <= last; i++) {
    const NnNode *node = &inventory->graph->nodes[i];
    double bytes = reached_part(inventory, i, picture, patch_px) * layer_bytes(inventory, i);
    for (int k = 0; k < node->n_inputs; k++) {
      NnValueId input = node->inputs[k];
      int maker = input != NN_NO_VALUE ? inventory->graph->values[input].producer : -1;
      if (maker >= 0 && !inventory->nodes[maker].constant)
        bytes += reached_part(inventory, maker, picture, patch_px) * layer_bytes(inventory, maker);
    }
    most = MAX(most, inventory->nodes[i].constant ? 0 : bytes);
  }
  return most;
}

/* of squares, as many at a time as half of the budget allows; @each: of one of them */
static double
count_patches(const NnFootprint *footprint, double each, double budget, const NnPasses *passes)
{
  int at_a_time = (int)CLAMP(passes->batch, 1, passes->patches);
  for (;; at_a_time /= 2) {
    double bytes = footprint->all + at_a_time * each + (double)nn_partial_tail_bytes(at_a_time);
    if (at_a_time <= 1 || bytes <= budget / 2)
      return bytes;
  }
}

/* the part of what a run as a whole takes that its smallest tiles do without */
#define TILED_PART 0.95

/* the network's work; its weights count where they are */
static void
add_bytes(NnEstimate *estimate, double work, double weights, const NnPasses *passes)
{
  if (weights + work <= estimate->bytes)
    return;
  estimate->bytes = weights + work;
  estimate->tiled_bytes = passes->whole || passes->patches > 0 ? 0 : TILED_PART * work;
}

/* (transfer full): of a picture of @width x @height px */
static NnInventory *
inventory_of(const NnNetwork *network, int width, int height, NnShape *shape, GError **error)
{
  const NnInputSpec *spec = &network->input;
  *shape = NN_SHAPE(1, 3, nn_input_size(spec, height), nn_input_size(spec, width));
  return nn_inventory_of_picture(network->model, shape, error);
}

bool
nn_cost_add_passes(NnEstimate *estimate, NnContext *context, const NnPasses *passes, GError **error)
{
  NnShape shape;
  g_autoptr(NnInventory) inventory =
      inventory_of(passes->network, passes->width, passes->height, &shape, error);
  if (inventory == NULL)
    return false;
  int last = -1;
  for (int i = 0; passes->layers[i] != NULL; i++)
    last = MAX(last, last_node(inventory, passes->layers[i]));
  if (last < 0)
    return true;
  NnValueId made = inventory->graph->nodes[last].outputs[0];
  double left = (double)nn_context_memory_left(context), weights;
  NnFootprint footprint;
  if (!nn_footprint(inventory, made, passes->separate, &footprint, error) ||
      !nn_footprint_weights(inventory, made, passes->gradient, left, &weights, error))
    return false;
  estimate->multiply_adds += count_operations(inventory, last, &shape, passes);
  double work = count_layers(inventory, last, passes) +
                (passes->gradient ? footprint.gradient : footprint.forward);
  if (passes->patches > 0)
    work = count_patches(&footprint, count_reached(inventory, last, &shape, passes->patch_px), left,
                         passes);
  add_bytes(estimate, work, weights, passes);
  return true;
}

void
nn_cost_add_held(NnEstimate *estimate, double bytes)
{
  estimate->bytes += bytes;
  estimate->held_bytes += bytes;
}

void
nn_cost_add_pictures(NnEstimate *estimate, double count, int width, int height, int channels)
{
  nn_cost_add_held(estimate, count * width * height * channels * (double)sizeof(float));
}

void
nn_cost_add_result(NnEstimate *estimate, int width, int height, int full_width, int full_height)
{
  nn_cost_add_pictures(estimate, 1, full_width, full_height, 4);
  if (width != full_width || height != full_height) {
    nn_cost_add_pictures(estimate, 1, full_width, full_height, 3);
    nn_cost_add_pictures(estimate, 1, full_width, height, 3); /* resampled along one axis */
  }
}

bool
nn_cost_add_remembered(NnEstimate *estimate, const NnNetwork *network, const char *const *layers,
                       int width, int height, GError **error)
{
  NnShape shape;
  g_autoptr(NnInventory) inventory = inventory_of(network, width, height, &shape, error);
  for (int i = 0; inventory != NULL && layers[i] != NULL; i++) {
    int node = last_node(inventory, layers[i]);
    if (node >= 0)
      estimate->bytes += layer_bytes(inventory, node);
  }
  return inventory != NULL;
}

void
nn_cost_raise(NnEstimate *estimate, double bytes)
{
  double in_tiles = MAX(estimate->bytes - estimate->tiled_bytes, bytes);
  estimate->bytes = MAX(estimate->bytes, bytes);
  estimate->tiled_bytes = estimate->bytes - in_tiles;
}

bool
nn_cost_add_layers(GStrvBuilder *names, const NnNetwork *network, const char *text, const char *use,
                   GError **error)
{
  g_autoptr(GArray) layers = nn_network_parse_layers(network, text, use, error);
  for (guint i = 0; layers != NULL && i < layers->len; i++)
    g_strv_builder_add(names, g_array_index(layers, NnLayer, i).name);
  return layers != NULL;
}
