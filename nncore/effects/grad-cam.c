/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program of two targets, the map and the target's layer; backward from one to the other. */
#include "nncore/effects/grad-cam.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/analysis/inventory.h"
#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/plan/plan-private.h"
#include "nncore/plan/workspace.h"

enum { MAP, GOAL };

/* ---- the layer ---- */

static bool
is_picture(const NnShape *shape)
{
  return shape != NULL && shape->rank == 4 && shape->dim[0] == 1 && shape->dim[2] > 1 &&
         shape->dim[3] > 1;
}

/* what only shrinks, pads or renames a map: its input is the one to look at */
static bool
is_plain(const NnNode *node)
{
  static const char *const plain[] = {
      "AveragePool", "BatchNormalization", "Dropout", "Identity", "MaxPool", "Pad", "Softmax",
      NULL};
  return g_strv_contains(plain, node->op->onnx_name);
}

/* marks what @goal is made from; by value */
static void
mark_ancestors(const NnGraph *graph, NnValueId goal, bool *ancestor)
{
  ancestor[goal] = true;
  for (size_t i = graph->n_nodes; i-- > 0;) {
    const NnNode *node = &graph->nodes[i];
    bool needed = false;
    for (int o = 0; o < node->n_outputs; o++)
      needed = needed || (node->outputs[o] != NN_NO_VALUE && ancestor[node->outputs[o]]);
    for (int k = 0; needed && k < node->n_inputs; k++)
      if (node->inputs[k] != NN_NO_VALUE)
        ancestor[node->inputs[k]] = true;
  }
}

char *
nn_last_map(const NnInventory *inventory, const char *goal_name, GError **error)
{
  const NnGraph *graph = inventory->graph;
  NnValueId goal = nn_graph_find(graph, goal_name);
  bool *ancestor = nn_alloc0(graph->n_values, sizeof *ancestor, error);
  if (ancestor == NULL)
    return NULL;
  mark_ancestors(graph, goal, ancestor);
  NnValueId found = NN_NO_VALUE;
  for (size_t i = graph->n_nodes; i-- > 0 && found == NN_NO_VALUE;) {
    NnValueId made = graph->nodes[i].outputs[0];
    if (made != NN_NO_VALUE && made != goal && ancestor[made] && !is_plain(&graph->nodes[i]) &&
        !inventory->nodes[i].constant && graph->values[made].name[0] != '\0' &&
        is_picture(nn_inventory_shape(inventory, made)))
      found = made;
  }
  nn_free(ancestor);
  if (found != NN_NO_VALUE)
    return g_strdup(graph->values[found].name);
  g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT,
                      _("There is no map before what is to be explained that Grad-CAM could show. "
                        "Choose another target, or another way to explain it."));
  return NULL;
}

/* (transfer full): the file's tensor */
static char *
find_layer(const NnNetwork *network, const NnTarget *target, const NnShape *input, const char *text,
           GError **error)
{
  g_autofree char *stripped = g_strstrip(g_strdup(text));
  if (stripped[0] != '\0') {
    g_autoptr(GArray) layers = nn_network_parse_layers(network, stripped, "dream", error);
    return layers != NULL ? g_strdup(g_array_index(layers, NnLayer, 0).name) : NULL;
  }
  g_autoptr(NnInventory) inventory = nn_inventory_of_picture(network->model, input, error);
  if (inventory == NULL)
    return NULL;
  return nn_last_map(inventory, nn_target_layer(target), error);
}

/* ---- the map ---- */

static NnImage *
weigh_maps(const NnTensor *map, const NnTensor *gradient, GError **error)
{
  int64_t channels, positions, channel_stride, position_stride;
  bool viewed = nn_channel_view(map, &channels, &positions, &channel_stride, &position_stride);
  if (!viewed || map->shape.rank != 4) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT,
                        _("The layer chosen for Grad-CAM is no map. Choose a convolution or an "
                          "activation, or leave the choice to Somnium."));
    return NULL;
  }
  NnImage *cam = nn_image_new((int)map->shape.dim[3], (int)map->shape.dim[2], 1, error);
  if (cam == NULL)
    return NULL;
  memset(cam->data, 0, nn_image_samples(cam) * sizeof(float));
  for (int64_t c = 0; c < channels; c++) {
    const float *a = map->f + c * channel_stride, *g = gradient->f + c * channel_stride;
    double weight = 0;
    for (int64_t p = 0; p < positions; p++)
      weight += g[p * position_stride];
    weight /= (double)positions;
    for (int64_t p = 0; p < positions; p++)
      cam->data[p] += (float)(weight * a[p * position_stride]);
  }
  for (int64_t p = 0; p < positions; p++)
    cam->data[p] = MAX(cam->data[p], 0);
  return cam;
}

static NnImage *
run_cam(const NnNetwork *network, NnContext *context, const NnTarget *target, const NnImage *view,
        NnWorkspace *workspace, GError **error)
{
  nn_preprocess_rolled(context, view, &network->input, 0, 0, nn_workspace_input(workspace, 0));
  nn_workspace_forward(workspace);
  const NnTensor *seed = nn_workspace_seed(workspace, MAP);
  g_autoptr(NnTensor) map = nn_tensor_new(NN_DTYPE_FLOAT, &seed->shape, error);
  if (map == NULL)
    return NULL;
  map->layout = seed->layout;
  memcpy(map->data, nn_workspace_target(workspace, MAP)->data, nn_tensor_bytes(map));
  memset(seed->data, 0, nn_tensor_bytes(seed));
  nn_loss_evaluate(nn_target_loss(target), context, nn_workspace_target(workspace, GOAL), 1,
                   nn_workspace_seed(workspace, GOAL));
  return weigh_maps(map, nn_workspace_backward_to(workspace, MAP), error);
}

NnImage *
nn_grad_cam(const NnNetwork *network, NnContext *context, NnTarget *target, const NnImage *view,
            const char *layer, char **name, GError **error)
{
  NnShape shape = NN_SHAPE(1, 3, nn_input_size(&network->input, view->height),
                           nn_input_size(&network->input, view->width));
  g_autofree char *tensor = find_layer(network, target, &shape, layer, error);
  if (tensor == NULL)
    return NULL;
  nn_target_close(target);
  const char *targets[] = {[MAP] = tensor, [GOAL] = nn_target_layer(target)};
  NnProgramOptions options = {.gradient = true};
  g_autoptr(NnProgram) program =
      nn_program_new(network->model, context, targets, G_N_ELEMENTS(targets), options, error);
  g_autoptr(NnPlan) plan = program != NULL ? nn_plan_new(program, &shape, 1, error) : NULL;
  size_t left = (size_t)nn_context_memory_left(context);
  bool fits = plan != NULL && nn_check_budget(context, nn_plan_nominal_bytes(plan), left, error);
  g_autoptr(NnWorkspace) workspace = fits ? nn_workspace_new(plan, context, error) : NULL;
  NnImage *cam = NULL;
  if (workspace != NULL)
    cam = run_cam(network, context, target, view, workspace, error);
  if (cam != NULL && name != NULL)
    *name = g_strdup(nn_network_layer_name(network, tensor));
  return cam;
}
