/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operations of all nodes up to the last that a layer needs, and their footprint. */
#include "nncore/effects/cost.h"

#include "nncore/analysis/footprint.h"

/* the node that makes @layer, or the last one before it whose result has a shape; -1 for none */
static int
last_node(const NnInventory *inventory, const char *layer)
{
  NnValueId value = nn_graph_find(inventory->graph, layer);
  int node = value != NN_NO_VALUE ? inventory->graph->values[value].producer : -1;
  for (; node >= 0; node--) {
    NnValueId made = inventory->graph->nodes[node].outputs[0];
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
  NnValueId made = inventory->graph->nodes[i].outputs[0];
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

/* of layers before the last: what is there until their losses have seen it, or their gradients then */
static double
count_layers(const NnInventory *inventory, int last, const NnPasses *passes)
{
  double bytes = 0;
  for (int i = 0; passes->layers[i] != NULL; i++) {
    int node = last_node(inventory, passes->layers[i]);
    if (node >= 0 && node < last)
      bytes += (double)nn_shape_count(
                   nn_inventory_shape(inventory, inventory->graph->nodes[node].outputs[0])) *
               (double)sizeof(float);
  }
  return bytes;
}

/* of squares, as many at a time as half of the budget allows */
static double
count_patches(const NnFootprint *footprint, double budget, const NnPasses *passes)
{
  double at_a_time = CLAMP(passes->batch, 1, passes->patches);
  while (at_a_time > 1 && footprint->all + at_a_time * footprint->forward > budget / 2)
    at_a_time /= 2;
  return footprint->all + MAX(at_a_time, 1) * footprint->forward;
}

/* of @footprint what counts; evaluators cut what is too much into tiles */
static double
count_bytes(const NnFootprint *footprint, double layers, const NnContext *context,
            const NnPasses *passes)
{
  double budget = (double)nn_context_memory_budget(context);
  if (passes->patches > 0)
    return count_patches(footprint, budget, passes);
  double bytes = layers + (passes->gradient ? footprint->gradient : footprint->forward);
  return passes->whole ? bytes : MIN(bytes, budget);
}

bool
nn_cost_add_passes(NnEstimate *estimate, const NnContext *context, const NnPasses *passes,
                   GError **error)
{
  const NnInputSpec *spec = &passes->network->input;
  NnShape shape =
      NN_SHAPE(1, 3, nn_input_size(spec, passes->height), nn_input_size(spec, passes->width));
  g_autoptr(NnInventory) inventory = nn_inventory_of_picture(passes->network->model, &shape, error);
  if (inventory == NULL)
    return false;
  int last = -1;
  for (int i = 0; passes->layers[i] != NULL; i++)
    last = MAX(last, last_node(inventory, passes->layers[i]));
  if (last < 0)
    return true;
  NnFootprint footprint;
  if (!nn_footprint(inventory, inventory->graph->nodes[last].outputs[0], passes->separate,
                    &footprint, error))
    return false;
  estimate->multiply_adds += count_operations(inventory, last, &shape, passes);
  estimate->bytes =
      MAX(estimate->bytes,
          count_bytes(&footprint, count_layers(inventory, last, passes), context, passes));
  return true;
}

void
nn_cost_add_pictures(NnEstimate *estimate, double count, int width, int height, int channels)
{
  estimate->bytes += count * width * height * channels * (double)sizeof(float);
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
