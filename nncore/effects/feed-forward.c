/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One forward pass of an evaluator; its pieces go straight into the picture. */
#include "nncore/effects/feed-forward.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/image/pad.h"
#include "nncore/optim/ascent.h"
#include "nncore/plan/evaluator.h"
#include "nncore/plan/plan.h"

#define MOST_MULTIPLE 64 /* px: of the sides that are tried where the file says nothing */
#define MOST_LEAST 512   /* px: of the shortest side that is tried */

typedef struct {
  const NnNetwork *network;
  NnContext *context;
  const NnImage *padded;
  NnImage *output;
  NnProceed proceed;
  gpointer data;
  bool infinite; /* it made values that are no numbers */
} Pass;

bool
nn_feed_forward_check(const NnNetwork *network, GError **error)
{
  if (network->role == NN_ROLE_FEED_FORWARD && nn_model_graph(network->model)->n_outputs > 0)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The network %s does not make a picture of a picture, which this effect needs. "
                "Choose a feed-forward network, such as a fast style network in ONNX format (those "
                "of the ONNX model zoo, or of PyTorch's examples); put its .onnx file into a "
                "networks folder, or name the file."),
              network->name);
  return false;
}

/* (transfer full) */
static NnProgram *
make_program(const NnNetwork *network, NnContext *context, GError **error)
{
  const NnGraph *graph = nn_model_graph(network->model);
  const char *output = graph->values[graph->outputs[0]].name;
  return nn_program_new(network->model, context, &output, 1, (NnProgramOptions){0}, error);
}

static bool
makes_same_size(NnProgram *program, int width, int height, GError **error)
{
  NnShape shape = NN_SHAPE(1, 3, height, width);
  g_autoptr(NnPlan) plan = nn_plan_new(program, &shape, 1, error);
  if (plan == NULL)
    return false;
  NnShape made = nn_plan_target_shape(plan, 0);
  if (nn_shape_equal(&made, &shape))
    return true;
  g_autofree char *text = nn_shape_to_string(&made);
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("It makes %s out of a picture of %d x %d pixels, not a picture of the same size."),
              text, width, height);
  return false;
}

/* the smallest size from @width x @height on that the network takes, of those worth trying */
static bool
find_size(const NnNetwork *network, NnProgram *program, int *width, int *height, GError **error)
{
  g_autoptr(GError) first = NULL;
  for (int least = 1; least <= MOST_LEAST; least *= 8)
    for (int factor = 1; factor <= MOST_MULTIPLE; factor *= 2) {
      NnInputSpec spec = {.multiple = MAX(network->input.multiple, 1) * factor};
      int w = nn_input_size(&spec, MAX(*width, least));
      int h = nn_input_size(&spec, MAX(*height, least));
      g_autoptr(GError) refusal = NULL;
      if (makes_same_size(program, w, h, &refusal)) {
        *width = w;
        *height = h;
        return true;
      }
      if (!g_error_matches(refusal, NN_ERROR, NN_ERROR_SHAPE)) {
        g_propagate_error(error, g_steal_pointer(&refusal));
        return false;
      }
      if (first == NULL)
        first = g_steal_pointer(&refusal);
    }
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("The network %s cannot be used on a picture of %d x %d pixels: %s Choose another "
                "network or another working size."),
              network->name, *width, *height, first->message);
  return false;
}

static void
fill_input(gpointer data, int64_t y, int64_t x, const NnTensor *pixels)
{
  const Pass *pass = data;
  nn_preprocess_rolled(pass->context, pass->padded, &pass->network->input, (int)x, (int)y, pixels);
}

static void
take_piece(gpointer data, int target, const NnPiece *piece)
{
  Pass *pass = data;
  int64_t count = nn_shape_count(&piece->activation->shape);
  if (!isfinite(nn_mean_absolute(pass->context, piece->activation->f, count)))
    pass->infinite = true;
  nn_unpreprocess(pass->context, piece->activation, &pass->network->input, (int)piece->first[1],
                  (int)piece->first[0], pass->output);
}

static bool
ask_proceed(gpointer data, double fraction)
{
  const Pass *pass = data;
  return pass->proceed == NULL || pass->proceed(pass->data, fraction);
}

bool
nn_feed_forward(const NnNetwork *network, NnContext *context, const NnImage *picture,
                NnImage *output, NnProceed proceed, gpointer data, GError **error)
{
  if (!nn_feed_forward_check(network, error))
    return false;
  g_autoptr(NnProgram) program = make_program(network, context, error);
  int width = picture->width, height = picture->height;
  if (program == NULL || !find_size(network, program, &width, &height, error))
    return false;
  NnShape shape = NN_SHAPE(1, 3, height, width);
  size_t budget = (size_t)nn_context_memory_left(context);
  g_autoptr(NnImage) padded = nn_image_pad_reflect(picture, width, height, error);
  g_autoptr(NnEvaluator) evaluator =
      padded != NULL ? nn_evaluator_new(program, context, &shape, budget, error) : NULL;
  if (evaluator == NULL)
    return false;
  NnEvaluation evaluation = {.input = fill_input, .observe = take_piece, .proceed = ask_proceed};
  Pass pass = {network, context, padded, output, proceed, data, false};
  bool done = nn_evaluator_forward(evaluator, &evaluation, &pass, error);
  if (done && pass.infinite)
    nn_network_set_not_finite(network, error);
  return done && !pass.infinite;
}
