/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NnImageSource over a folder's files and over the open images. */
#pragma once

#include <libgimp/gimp.h>

#include "nncore/base/context.h"
#include "nncore/effects/image-source.h"
#include "ui/run-job.h"

typedef struct SomImageList SomImageList;

/**
 * som_image_list_new_folder:
 * Returns: (transfer full): the pictures right in @folder, by name; %NN_ERROR_READ where it cannot
 *   be listed. Files of other kinds do not count, nor do hidden ones.
 */
SomImageList *som_image_list_new_folder(GFile *folder, GError **error);

/** som_image_list_new_open: (transfer full): the images that are open now; on the main thread. */
SomImageList *som_image_list_new_open(void);
void som_image_list_free(SomImageList *list);

/** som_image_list_source: (transfer none): for effects. */
NnImageSource *som_image_list_source(SomImageList *list);

/** som_image_list_attach: before pictures are loaded: @job is the work that loads them, by whose
 * watcher GIMP is asked; @context makes them smaller. */
void som_image_list_attach(SomImageList *list, SomRunJob *job, NnContext *context);

/** som_image_list_take_skipped: (transfer full) (nullable): a sentence that names the pictures that
 * could not be read since the last call; %NULL if there were none. */
char *som_image_list_take_skipped(SomImageList *list);
