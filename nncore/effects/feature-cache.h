/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Features of a folder's pictures, with a small picture of each, kept in a file from run to run. A
 * file that is damaged, cut short, or of another network, layer or size (another key) is as none:
 * nothing of it is believed before all of it has been checked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "nncore/base/file-key.h"

#define NN_FEATURE_CACHE_BYTES ((int64_t)256 << 20) /* a file, at most */
#define NN_THUMBNAIL_PX 64 /* of the longer side, at most */

/**
 * NnFeatureEntry: a picture.
 * @file: it had then; without a path, it cannot be kept
 * @width, @height: of the small picture, 1 to %NN_THUMBNAIL_PX
 * @thumbnail: R'G'B', 8 bits each, rows from the top
 * @features: as many as the others' of its run
 */
typedef struct {
  NnFileKey file;
  int width, height;
  const uint8_t *thumbnail;
  const float *features;
} NnFeatureEntry;

typedef struct NnFeatureCache NnFeatureCache;

/**
 * nn_feature_cache_load:
 * @folder: NnEffectRun.cache_folder
 * @key: says all that features depend on beside the picture: the folder, the network's file, ...
 *
 * Returns: (transfer full) (nullable): %NULL where there is none that can be used.
 */
NnFeatureCache *nn_feature_cache_load(const char *folder, const char *key);
void nn_feature_cache_free(NnFeatureCache *cache);

/** nn_feature_cache_dimensions: features of each picture. */
int64_t nn_feature_cache_dimensions(const NnFeatureCache *cache);

/** nn_feature_cache_find: (transfer none) (nullable): of the file as @file has it, no older and no
 * newer. @cache: (nullable) */
const NnFeatureEntry *nn_feature_cache_find(const NnFeatureCache *cache, const NnFileKey *file);

/**
 * nn_feature_cache_save:
 * @most_bytes: of the file: %NN_FEATURE_CACHE_BYTES or less
 *
 * Replaces the file of @key, at once, by one with those of @entries that have a path, the first ones
 * where there is not room for all; then throws the oldest files away, as nn_feature_cache_trim() does. Returns: false where it could not, which is only
 * a pity.
 */
bool nn_feature_cache_save(const char *folder, const char *key, int64_t dimensions,
                           const NnFeatureEntry *entries, size_t count, int64_t most_bytes);

/** nn_feature_cache_trim: deletes files, those first that have not been used for longest, until the
 * others take @most_bytes at most. */
void nn_feature_cache_trim(const char *folder, int64_t most_bytes);

/** nn_feature_cache_path: (transfer full): of the file of @key. */
char *nn_feature_cache_path(const char *folder, const char *key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnFeatureCache, nn_feature_cache_free)
