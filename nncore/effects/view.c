/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filling, choosing a size, resampling, clipping what resampling overshoots. */
#include "nncore/effects/view.h"

#include <math.h>

#include "nncore/base/error.h"
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

/* false with @error only where memory is short */
static bool
is_taken(const NnNetwork *network, NnProgram *program, Size size, GError **error)
{
  NnShape shape = NN_SHAPE(1, 3, nn_input_size(&network->input, size.height),
                           nn_input_size(&network->input, size.width));
  g_autoptr(GError) refusal = NULL;
  g_autoptr(NnPlan) plan = nn_plan_new(program, &shape, 1, &refusal);
  if (plan == NULL && g_error_matches(refusal, NN_ERROR, NN_ERROR_MEMORY))
    g_propagate_error(error, g_steal_pointer(&refusal));
  return plan != NULL;
}

void
nn_view_size(const NnNetwork *network, int working_px, int *width, int *height)
{
  double side = nn_network_own_px(network), w = *width, h = *height;
  double scale = working_px > 0 ? working_px / MAX(w, h) : side / sqrt(w * h);
  int least = working_px > 0 ? 1 : SMALLEST_PX;
  *width = MAX(least, (int)lround(w * MIN(scale, 1)));
  *height = MAX(least, (int)lround(h * MIN(scale, 1)));
}

static bool
choose_size(const NnNetwork *network, NnProgram *program, const NnImage *content, int working_px,
            Size *size, GError **error)
{
  GError *shortage = NULL;
  *size = (Size){content->width, content->height};
  nn_view_size(network, working_px, &size->width, &size->height);
  if (working_px > 0 || is_taken(network, program, *size, &shortage))
    return true;
  int own = nn_network_own_px(network);
  const NnShape *declared = declared_shape(network);
  *size =
      declared != NULL ? (Size){(int)declared->dim[3], (int)declared->dim[2]} : (Size){own, own};
  if (shortage != NULL)
    g_propagate_error(error, shortage);
  return shortage == NULL;
}

NnImage *
nn_view_new(const NnNetwork *network, NnContext *context, NnProgram *program,
            const NnImage *content, int working_px, GError **error)
{
  g_autoptr(NnImage) filled = nn_image_fill(content, error);
  Size size;
  if (filled == NULL || !choose_size(network, program, content, working_px, &size, error))
    return NULL;
  if (size.width == filled->width && size.height == filled->height)
    return g_steal_pointer(&filled);
  NnImage *view = nn_resample_new(context, filled, size.width, size.height, error);
  for (size_t i = 0; view != NULL && i < nn_image_samples(view); i++)
    view->data[i] = CLAMP(view->data[i], 0, 1);
  return view;
}
