/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A place i of a layer sees the pixels i s + f to i s + l (analysis/receptive-field.h) of what the
 * network is shown. The margin m is a multiple of all s, so that place m / s is to the picture what
 * place 0 is without margin; from m / s on, as many places count as lie over the picture. Their
 * pixels are within what is shown where m >= -f and m >= l. */
#include "nncore/effects/torus.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/analysis/inventory.h"
#include "nncore/base/error.h"
#include "nncore/base/memory.h"

#define REFERENCE_PX 224   /* size at which receptive fields are looked at */
#define MOST_STRIDE 1024   /* px */

struct NnTorus {
  int margin;
  int n_layers;
  double (*strides)[2]; /* by layer and axis */
};

static bool
refuse(const NnNetwork *network, const char *layer, GError **error)
{
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("A picture that tiles cannot be made with the layer %s of the network %s, which "
                "looks at all of a picture at once. Choose another layer or network."),
              nn_network_layer_name(network, layer), network->name);
  return false;
}

static int
greatest_common_divisor(int a, int b)
{
  while (b != 0) {
    int rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* @period: (inout): becomes a multiple of the stride, too */
static bool
include_stride(double stride, int *period)
{
  int whole = (int)lround(MAX(stride, 1 / stride));
  if (!(stride > 0) || fabs(MAX(stride, 1 / stride) - whole) > 1e-6)
    return false;
  if (stride > 1)
    *period = *period / greatest_common_divisor(*period, whole) * whole;
  return *period <= MOST_STRIDE;
}

/* @reach: (inout): px that layers see beyond a place's own */
static bool
add_layer(NnTorus *torus, int layer, const NnReceptiveField *field, int *period, double *reach)
{
  if (field->none || field->reach.everywhere || field->n_axes != 2)
    return false;
  for (int a = 0; a < 2; a++) {
    double stride = field->reach.stride[a];
    if (!(stride > 1e-3 && stride <= MOST_STRIDE) || !include_stride(stride, period))
      return false;
    torus->strides[layer][a] = stride;
    *reach = MAX(*reach, MAX(-field->reach.first[a], field->reach.last[a]));
  }
  return true;
}

NnTorus *
nn_torus_new(const NnNetwork *network, const char *const *layers, int n_layers, GError **error)
{
  int side = nn_input_size(&network->input, REFERENCE_PX);
  NnShape shape = NN_SHAPE(1, 3, side, side);
  g_autoptr(NnInventory) inventory = nn_inventory_of_picture(network->model, &shape, error);
  g_autoptr(NnTorus) torus = g_new0(NnTorus, 1);
  if (inventory == NULL)
    return NULL;
  torus->n_layers = n_layers;
  torus->strides = nn_alloc((size_t)n_layers, sizeof *torus->strides, error);
  if (torus->strides == NULL)
    return NULL;
  int period = 1;
  double reach = 0;
  for (int i = 0; i < n_layers; i++) {
    NnValueId value = nn_graph_find(inventory->graph, layers[i]);
    if (value == NN_NO_VALUE || !add_layer(torus, i, &inventory->fields[value], &period, &reach)) {
      refuse(network, layers[i], error);
      return NULL;
    }
  }
  torus->margin = (int)(ceil(reach / period) * period);
  return g_steal_pointer(&torus);
}

void
nn_torus_free(NnTorus *torus)
{
  if (torus == NULL)
    return;
  nn_free(torus->strides);
  g_free(torus);
}

int
nn_torus_margin(const NnTorus *torus)
{
  return torus->margin;
}

NnBox
nn_torus_box(const NnTorus *torus, int layer, int width, int height)
{
  const double *strides = torus->strides[layer];
  int64_t sides[2] = {height, width};
  NnBox box;
  for (int a = 0; a < 2; a++) {
    box.begin[a] = lround(torus->margin / strides[a]);
    box.end[a] = box.begin[a] + MAX(lround((double)sides[a] / strides[a]), 1);
  }
  return box;
}
