/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of a table that effects which descend on a picture share (effects/descent.h): what they
 * compare, and how they go down. What they are called and explained with differs where the effects
 * do; their keys, kinds and ranges do not. */
#pragma once

#include "nncore/effects/descent.h"
#include "nncore/effects/effect.h"
#include "nncore/effects/style.h"

extern const NnChoice nn_descent_optimisers[], nn_descent_poolings[], nn_descent_losses[];

/** nn_descent_parametrizations: what descends or climbs: 0 pixels, 1 frequencies (image/spectrum.h). */
extern const NnChoice nn_descent_parametrizations[];

/* ---- what is compared ---- */

/** NN_DESCENT_POOLING: row for nn_descent_read_style_model(). */
#define NN_DESCENT_POOLING(in, label_text, help_text) \
  { \
      .key = "pooling", \
      .label = label_text, \
      .help = help_text, \
      .section = in, \
      .kind = NN_PARAM_CHOICE, \
      .choices = nn_descent_poolings, \
  }

/** NN_DESCENT_LOSS: row for nn_descent_read_style_model(). @first: an NnStyle */
#define NN_DESCENT_LOSS(in, label_text, help_text, first) \
  { \
      .key = "loss", \
      .label = label_text, \
      .help = help_text, \
      .section = in, \
      .kind = NN_PARAM_CHOICE, \
      .initial = first, \
      .choices = nn_descent_losses, \
  }

/** NN_DESCENT_SMOOTHNESS: row for the weight of total variation beside a style. */
#define NN_DESCENT_SMOOTHNESS(in, first) \
  { \
      .key = "smoothness", \
      .label = N_("S_moothness"), \
      .help = N_("Weight of total variation. Larger makes flatter areas with less grain."), \
      .section = in, \
      .kind = NN_PARAM_FLOAT, \
      .max = 1000, \
      .initial = first, \
      .digits = 2, \
  }

/**
 * nn_descent_read_style_model:
 * @style_layers, @content_layers: keys of arguments; @content_layers %NULL: no content
 *
 * Returns: (transfer full): of the arguments "network", "pooling" and "loss" besides; errors as
 *   nn_style_model_new().
 */
NnStyleModel *nn_descent_read_style_model(const NnEffectRun *run, const char *style_layers,
                                          const char *content_layers, GError **error);

/* ---- the descent ---- */

#define NN_DESCENT_SECTION N_("Optimization")

/** NN_DESCENT_SCALES: row for nn_descent_sizes(). */
#define NN_DESCENT_SCALES(label_text, help_text) \
  { \
      .key = "scales", \
      .label = label_text, \
      .help = help_text, \
      .section = NN_DESCENT_SECTION, \
      .kind = NN_PARAM_INT, \
      .max = NN_MAX_SCALES, \
  }

/** NN_DESCENT_ITERATIONS: row for nn_descent_read_settings(), as are those that follow. */
#define NN_DESCENT_ITERATIONS(label_text, help_text, first) \
  { \
      .key = "iterations", \
      .label = label_text, \
      .help = help_text, \
      .section = NN_DESCENT_SECTION, \
      .kind = NN_PARAM_INT, \
      .min = 1, \
      .max = 10000, \
      .initial = first, \
  }

#define NN_DESCENT_OPTIMIZER(label_text, help_text) \
  { \
      .key = "optimizer", \
      .label = label_text, \
      .help = help_text, \
      .section = NN_DESCENT_SECTION, \
      .kind = NN_PARAM_CHOICE, \
      .choices = nn_descent_optimisers, \
  }

#define NN_DESCENT_STEP(label_text, first) \
  { \
      .key = "step", \
      .label = label_text, \
      .help = N_("Of Adam: how far an iteration moves a value at first."), \
      .unit = N_("levels"), \
      .section = NN_DESCENT_SECTION, \
      .kind = NN_PARAM_FLOAT, \
      .min = 0.1, \
      .max = 64, \
      .initial = first, \
      .digits = 1, \
      .enabled_by = "optimizer=adam", \
  }

#define NN_DESCENT_AVERAGE(label_text, first) \
  { \
      .key = "average", \
      .label = label_text, \
      .help = N_("The result is an average of the last iterations: less grain, softer edges."), \
      .section = NN_DESCENT_SECTION, \
      .kind = NN_PARAM_BOOL, \
      .max = 1, \
      .initial = first, \
  }

#define NN_DESCENT_TOLERANCE(help_text, first) \
  { \
      .key = "tolerance", \
      .label = N_("Stop _below"), \
      .help = help_text, \
      .unit = "%", \
      .section = NN_DESCENT_SECTION, \
      .kind = NN_PARAM_FLOAT, \
      .max = 50, \
      .initial = first, \
      .digits = 2, \
  }

/** NN_DESCENT_SEED: row for the noise to start from. @condition: as NnParam.enabled_by */
#define NN_DESCENT_SEED(help_text, condition) \
  { \
      .key = "seed", \
      .label = N_("Ran_dom seed"), \
      .help = help_text, \
      .section = NN_DESCENT_SECTION, \
      .kind = NN_PARAM_SEED, \
      .max = G_MAXINT32, \
      .enabled_by = condition, \
  }

/** nn_descent_read_settings: from the arguments "optimizer", "iterations", "step" (levels of 256),
 * "tolerance" (per cent) and "average". */
NnDescentSettings nn_descent_read_settings(const NnEffectRun *run);

/**
 * nn_descent_add_cost:
 * @layers: (array zero-terminated=1): of the network of @run, which is run up to them
 * @pools_otherwise: than the network does
 * @cropped, @margin_px: as NnPasses.cropped; that the network is shown around the pictures
 * @pictures: as large as the last of @sizes that the effect keeps beside
 *
 * For NnEffect.estimate, as nn_cost_add_passes().
 */
bool nn_descent_add_cost(const NnEffectRun *run, const char *const *layers,
                         const NnDescentSettings *settings, const NnSize *sizes, int n_sizes,
                         bool pools_otherwise, bool cropped, int margin_px, int pictures,
                         NnEstimate *estimate, GError **error);

/** nn_descent_pools_otherwise: whether the argument "pooling" says so. */
bool nn_descent_pools_otherwise(const NnEffectRun *run);
