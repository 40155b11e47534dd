/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The values of a procedure's arguments as the engine takes them: pictures read, folders listed,
 * networks opened. */
#pragma once

#include <stdbool.h>

#include <libgimp/gimp.h>

#include "nncore/effects/effect.h"
#include "plugin/image-list.h"
#include "plugin/targets.h"
#include "weights/networks.h"

/**
 * SomRegion: a drawable as it was when the run began.
 * @pixels: (nullable): where none was chosen
 * @x, @y: its place in the image
 * @is_picture: whether it is a layer, and no channel or mask
 */
typedef struct {
  GeglBuffer *pixels;
  int x, y;
  bool is_picture;
} SomRegion;

/**
 * SomArguments: @values is parallel to the effect's params; the rest owns what they point to.
 * @lists: (element-type SomImageList)
 * @regions: parallel to the params
 * @folders: (nullable items): parallel to the params
 * @masks: what regions are over the current target
 */
typedef struct {
  const NnEffect *effect;
  NnArgument *values;
  GPtrArray *texts, *images, *networks, *lists;
  SomRegion *regions;
  GFile **folders;
  GPtrArray *masks;
} SomArguments;

/** SomArgumentsKind: all values, or those that are no pictures, which is quick. */
typedef enum { SOM_ARGUMENTS_ALL, SOM_ARGUMENTS_PLAIN } SomArgumentsKind;

/**
 * som_arguments_new: on the main thread, since it asks GIMP for pixels.
 *
 * Returns: (transfer full): everything but networks and folders, which take time, and regions,
 *   which depend on the layer: see below.
 */
SomArguments *som_arguments_new(const NnEffect *effect, GimpProcedureConfig *config,
                                SomArgumentsKind kind, GError **error);
void som_arguments_free(SomArguments *arguments);

/** som_arguments_aim: takes the regions as they lie over @target; %NULL where there is no layer to lie
 * over. */
bool som_arguments_aim(SomArguments *arguments, const SomTarget *target, GError **error);

/**
 * som_arguments_complete: on any thread; opens the networks, lists the folders and checks all
 * values. Does nothing once that was done; after an error it tries again.
 * @certain: as runs open networks; else as dialogs look at them (weights/networks.h)
 */
bool som_arguments_complete(SomArguments *arguments, const SomNetworks *networks, bool certain,
                            GError **error);

/** som_arguments_read_choice: the index of the value that @param (a choice) has in @config. */
bool som_arguments_read_choice(const NnParam *param, GimpProcedureConfig *config, int64_t *index,
                               GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SomArguments, som_arguments_free)
