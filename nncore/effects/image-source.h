/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures by number: those of a folder, or the images that are open. Effects only see this
 * interface; the host lists, decodes and names them. */
#pragma once

#include <stdbool.h>

#include <glib.h>

#include "nncore/base/file-key.h"
#include "nncore/image/image.h"

typedef struct NnImageSource NnImageSource;

/**
 * NnImageSourceClass:
 * @count: number of pictures; does not change while a run lasts
 * @name: (transfer none): of picture @index for people: the file's name without its folder, or the
 *   open image's. Folders are in the order of their files' names.
 * @key: its file as it was when the folder was listed; valid as long as the source
 * @load: (transfer full): see nn_image_source_load()
 */
typedef struct {
  int (*count)(const NnImageSource *source);
  const char *(*name)(const NnImageSource *source, int index);
  NnFileKey (*key)(const NnImageSource *source, int index);
  NnImage *(*load)(NnImageSource *source, int index, int longest_px, GError **error);
} NnImageSourceClass;

/** NnImageSource: hosts embed it as the first member of their own. */
struct NnImageSource {
  const NnImageSourceClass *vtable;
};

static inline int
nn_image_source_count(const NnImageSource *source)
{
  return source->vtable->count(source);
}

static inline const char *
nn_image_source_name(const NnImageSource *source, int index)
{
  return source->vtable->name(source, index);
}

static inline NnFileKey
nn_image_source_key(const NnImageSource *source, int index)
{
  return source->vtable->key(source, index);
}

/**
 * nn_image_source_load:
 * @index: 0 to count - 1
 * @longest_px: the picture is made smaller, with its proportions kept, so that no side is longer;
 *   never larger; 0 gives it at full size. Ask for no more than is needed: it saves time and memory.
 *
 * From the run's thread only, one at a time.
 * Returns: (transfer full): RGBA, sRGB; %NULL with %NN_ERROR_READ where this picture cannot be
 *   read: go on with the next one, the host tells the person its name and why. Any other error
 *   ends the run.
 */
static inline NnImage *
nn_image_source_load(NnImageSource *source, int index, int longest_px, GError **error)
{
  return source->vtable->load(source, index, longest_px, error);
}

/** nn_image_source_check_any: whether there is a picture in @source (nullable), of an argument that
 * takes the open images where it is empty; else %NN_ERROR_ARGUMENT. */
bool nn_image_source_check_any(const NnImageSource *source, GError **error);

/** nn_image_source_tell_refused: (transfer full) (nullable): a sentence with the first of @names
 * (element-type utf8): pictures that could be read and that the network can make nothing of; %NULL
 * where there are none. */
char *nn_image_source_tell_refused(const GPtrArray *names);
