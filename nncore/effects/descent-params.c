/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The choices of those rows, and from arguments to settings and models. */
#include "nncore/effects/descent-params.h"

#include <glib/gi18n-lib.h>

#include "nncore/effects/cost.h"

#define HISTORY 10 /* pairs of L-BFGS; 100 come no closer */
/* of a region, what all style layers' losses have of it, in pictures, about */
#define MASK_PARTS 1.4

/* in the order of NnOptimiser */
const NnChoice nn_descent_optimisers[] = {
    {"lbfgs", N_("L-BFGS")},
    {"adam", N_("Adam")},
    {NULL, NULL},
};

const NnChoice nn_descent_parametrizations[] = {
    {"pixels", N_("Pixels")},
    {"frequencies", N_("Frequencies, as strong as in photos")},
    {NULL, NULL},
};

/* in the order of NnPoolingKind */
const NnChoice nn_descent_poolings[] = {
    {"network", N_("As in the network")},
    {"average", N_("Average")},
    {"l2", N_("L2 (root mean square)")},
    {NULL, NULL},
};

/* in the order of NnStyle */
const NnChoice nn_descent_losses[] = {
    {"gram", N_("Gram matrix")},
    {"covariance", N_("Mean and covariance")},
    {"wasserstein", N_("Wasserstein distance")},
    {NULL, NULL},
};

NnStyleModel *
nn_descent_read_style_model(const NnEffectRun *run, const char *style_layers,
                            const char *content_layers, GError **error)
{
  NnProgramOptions options = {
      .gradient = true,
      .pooling = (NnPoolingKind)nn_effect_argument(run, "pooling")->i,
  };
  return nn_style_model_new(
      nn_effect_argument(run, "network")->network, run->context,
      (NnStyle)nn_effect_argument(run, "loss")->i, nn_effect_argument(run, style_layers)->text,
      content_layers == NULL ? NULL : nn_effect_argument(run, content_layers)->text, options,
      error);
}

NnDescentSettings
nn_descent_read_settings(const NnEffectRun *run)
{
  return (NnDescentSettings){
      .optimiser = (NnOptimiser)nn_effect_argument(run, "optimizer")->i,
      .iterations = (int)nn_effect_argument(run, "iterations")->i,
      .rate = nn_effect_argument(run, "step")->d / 255,
      .least_improvement = nn_effect_argument(run, "tolerance")->d / 100,
      .average = nn_effect_argument(run, "average")->i != 0,
      .history = HISTORY,
  };
}

bool
nn_descent_pools_otherwise(const NnEffectRun *run)
{
  return nn_effect_argument(run, "pooling")->i != NN_POOLING_OWN;
}

/* regions lie over the content as they are: what they leave is made once, and masks of the size worked
 * on, at most, for each of them and for what they leave */
static void
add_regions(const NnImage *region, int count, const NnSize *size, NnEstimate *estimate)
{
  nn_cost_add_pictures(estimate, 1, region->width, region->height, region->channels);
  nn_cost_add_pictures(estimate, MASK_PARTS * (count + 1), size->width, size->height, 1);
}

/* what is given beside the content, where it is there: pictures are filled, with what counts of them;
 * what they become at the size worked on is for the effects to tell */
static void
add_given(const NnEffectRun *run, const NnSize *size, NnEstimate *estimate)
{
  const NnParam *params = run->effect->params;
  const NnImage *region = NULL;
  int regions = 0;
  for (int i = 0; params[i].key != NULL; i++) {
    const NnImage *given = run->arguments[i].image;
    if (given == NULL)
      continue;
    if (params[i].kind == NN_PARAM_REGION) {
      region = given;
      regions++;
    } else {
      nn_cost_add_pictures(estimate, 1, given->width, given->height, given->channels);
    }
  }
  if (region != NULL)
    add_regions(region, regions, size, estimate);
}

bool
nn_descent_add_cost(const NnEffectRun *run, const char *const *layers,
                    const NnDescentSettings *settings, const NnSize *sizes, int n_sizes,
                    bool pools_otherwise, bool cropped, int margin_px, int pictures,
                    NnEstimate *estimate, GError **error)
{
  const NnSize *last = &sizes[n_sizes - 1];
  double evaluations = nn_descent_evaluations(settings, sizes, n_sizes);
  NnPasses passes = {
      .network = nn_effect_argument(run, "network")->network,
      .layers = layers,
      .width = last->width + 2 * margin_px,
      .height = last->height + 2 * margin_px,
      .forward = evaluations,
      .back = evaluations,
      .gradient = true,
      .separate = pools_otherwise,
      .cropped = cropped,
  };
  if (!nn_cost_add_passes(estimate, run->context, &passes, error))
    return false;
  nn_cost_add_pictures(estimate, nn_descent_pictures(settings) + pictures + (n_sizes > 1),
                       last->width, last->height, 3);
  add_given(run, last, estimate);
  estimate->at_most = settings->least_improvement > 0;
  return true;
}
