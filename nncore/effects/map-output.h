/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a map of numbers to what people get: a layer in colours or in grey, a layer mask, a
 * selection; a legend. The rows of a table with which they choose it. */
#pragma once

#include "nncore/effects/effect.h"
#include "nncore/image/colormap.h"

/** NnMapOutput: in the order of nn_map_outputs. */
typedef enum {
  NN_MAP_COLOURS,
  NN_MAP_GREY,
  NN_MAP_MASK,
  NN_MAP_SELECTION,
} NnMapOutput;

extern const NnChoice nn_map_outputs[], nn_map_colormaps[];

#define NN_MAP_SECTION N_("Result")

/** NN_MAP_PARAMS: rows for nn_map_results(). */
#define NN_MAP_PARAMS NN_MAP_PARAMS_WHEN(NULL)

/** NN_MAP_PARAMS_WHEN: the same, which count only when @condition (NnParam.enabled_by) holds. */
#define NN_MAP_PARAMS_WHEN(condition) \
  { \
      .key = "output", \
      .label = N_("_Output"), \
      .section = NN_MAP_SECTION, \
      .help = N_("What becomes of the map: a layer in colors or in grey over the picture, " \
                 "the layer's mask, or a selection of what lies above the threshold."), \
      .kind = NN_PARAM_CHOICE, \
      .choices = nn_map_outputs, \
      .enabled_by = (condition), \
  }, \
      { \
          .key = "colormap", \
          .label = N_("Color _map"), \
          .section = NN_MAP_SECTION, \
          .help = N_("Viridis, magma and inferno grow lighter evenly; turbo tells more " \
                     "levels apart."), \
          .kind = NN_PARAM_CHOICE, \
          .choices = nn_map_colormaps, \
          .initial = NN_COLORMAP_INFERNO, \
          .enabled_by = "output=colors", \
      }, \
      { \
          .key = "transparent", \
          .label = N_("Tran_sparent where low"), \
          .section = NN_MAP_SECTION, \
          .help = N_("Let the picture show through where the map is low, so that the layer " \
                     "can lie over it. Off, the map covers the picture."), \
          .kind = NN_PARAM_BOOL, \
          .max = 1, \
          .enabled_by = "output=colors,grey", \
      }, \
      { \
          .key = "opacity", \
          .label = N_("O_pacity"), \
          .section = NN_MAP_SECTION, \
          .help = N_("Of the new layer: lower lets more of the picture show through."), \
          .unit = N_("%"), \
          .kind = NN_PARAM_FLOAT, \
          .max = 100, \
          .initial = 100, \
          .digits = 1, \
          .enabled_by = "output=colors,grey", \
      }, \
      { \
          .key = "clip", \
          .label = N_("Cl_ip the highest"), \
          .section = NN_MAP_SECTION, \
          .help = N_("So many of the points are shown as the highest value. More brightens " \
                     "the rest: a few points often stand far above all others."), \
          .unit = N_("%"), \
          .kind = NN_PARAM_FLOAT, \
          .max = 50, \
          .initial = 0.5, \
          .digits = 1, \
          .enabled_by = (condition), \
      }, \
      { \
          .key = "threshold", \
          .label = N_("Thr_eshold"), \
          .section = NN_MAP_SECTION, \
          .help = N_("What of the map is selected: all above this part of the highest value. " \
                     "Higher selects less."), \
          .unit = N_("%"), \
          .kind = NN_PARAM_FLOAT, \
          .max = 100, \
          .initial = 50, \
          .digits = 1, \
          .enabled_by = "output=selection", \
      }, \
  { \
    .key = "legend", .label = N_("Le_gend"), .section = NN_MAP_SECTION, \
    .help = N_("Add a layer with a bar that shows which color is which value, and the values " \
               "at its ends."), \
    .kind = NN_PARAM_BOOL, .max = 1, .enabled_by = "output=colors,grey", \
  }

/** nn_map_result_bytes: what nn_map_results() allocates at its highest, with the results and its @map, of
 * a map and a content of these sizes. */
double nn_map_result_bytes(const NnEffectRun *run, NnSize map, NnSize content);

/** nn_map_set_empty: %NN_ERROR_ARGUMENT: nothing in a map is above 0. */
void nn_map_set_empty(GError **error);

/**
 * nn_map_results:
 * @map: one channel, of any size: brought to the content's (image/resample.h); what is below 0 counts
 *   as 0
 * @label: for people: what is shown
 * @stopped: whether more of @map might have come: it may be empty then, and is shown as it is
 *
 * Adds what the arguments of NN_MAP_PARAMS ask for to @run->results, a legend before the map, which it
 * is to lie above. The highest value, but for those clipped, is 1.
 * Returns: false with %NN_ERROR_MEMORY, or with %NN_ERROR_ARGUMENT where nothing in @map is above 0,
 *   unless it is @stopped.
 */
bool nn_map_results(NnEffectRun *run, const NnImage *map, const char *label, bool stopped,
                    GError **error);
