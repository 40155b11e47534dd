/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filling, choosing a size, resampling, clipping what resampling overshoots. */
#include "nncore/effects/view.h"

#include <math.h>

#include "nncore/image/fill.h"
#include "nncore/image/resample.h"
#include "nncore/plan/plan.h"

#define USUAL_PX 224
#define SMALLEST_PX 16 /* of a side: less is no picture */

static const NnShape *
declared_shape(const NnNetwork *network)
{
  const NnGraph *graph = nn_model_graph(network->model);
  if (graph->n_inputs != 1)
    return NULL;
  const NnShape *shape = &graph->values[graph->inputs[0]].type.shape;
  return shape->rank == 4 && shape->dim[2] > 0 && shape->dim[3] > 0 ? shape : NULL;
}

int
nn_network_own_px(const NnNetwork *network)
{
  const NnShape *declared = declared_shape(network);
  if (network->input.own_px > 0)
    return network->input.own_px;
  if (declared == NULL)
    return USUAL_PX;
  return (int)lround(CLAMP(sqrt((double)declared->dim[2] * (double)declared->dim[3]), 1, 4096));
}

typedef struct {
  int width, height;
} Size;

static bool
is_taken(const NnNetwork *network, NnProgram *program, Size size)
{
  NnShape shape = NN_SHAPE(1, 3, nn_input_size(&network->input, size.height),
                           nn_input_size(&network->input, size.width));
  g_autoptr(NnPlan) plan = nn_plan_new(program, &shape, 1, NULL);
  return plan != NULL;
}

static Size
scaled(const NnImage *content, double scale)
{
  scale = MIN(scale, 1);
  return (Size){MAX(1, (int)lround(content->width * scale)),
                MAX(1, (int)lround(content->height * scale))};
}

static Size
choose_size(const NnNetwork *network, NnProgram *program, const NnImage *content, int working_px)
{
  if (working_px > 0)
    return scaled(content, (double)working_px / MAX(content->width, content->height));
  int own = nn_network_own_px(network);
  double pixels = (double)content->width * content->height;
  Size size = scaled(content, own / sqrt(pixels));
  size.width = MAX(size.width, SMALLEST_PX);
  size.height = MAX(size.height, SMALLEST_PX);
  if (is_taken(network, program, size))
    return size;
  const NnShape *declared = declared_shape(network);
  return declared != NULL ? (Size){(int)declared->dim[3], (int)declared->dim[2]} : (Size){own, own};
}

NnImage *
nn_view_new(const NnNetwork *network, NnContext *context, NnProgram *program,
            const NnImage *content, int working_px, GError **error)
{
  g_autoptr(NnImage) filled = nn_image_fill(content, error);
  if (filled == NULL)
    return NULL;
  Size size = choose_size(network, program, content, working_px);
  if (size.width == filled->width && size.height == filled->height)
    return g_steal_pointer(&filled);
  NnImage *view = nn_resample_new(context, filled, size.width, size.height, error);
  for (size_t i = 0; view != NULL && i < nn_image_samples(view); i++)
    view->data[i] = CLAMP(view->data[i], 0, 1);
  return view;
}
