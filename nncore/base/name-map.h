/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A map from names to numbers that may run out of memory without ending the process (GHashTable
 * would), since the number of names is a file's choice. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/** NnNameMap: zero-initialise; nn_name_map_clear() frees. Names are borrowed: they must outlive
 * the map. */
typedef struct {
  const char **names; /* open addressing; %NULL is an empty slot */
  int *numbers;
  size_t capacity; /* a power of two, or 0 */
  size_t count;
} NnNameMap;

/** nn_name_map_set: inserts or replaces. */
bool nn_name_map_set(NnNameMap *map, const char *name, int number, GError **error);

/** nn_name_map_get: -1 where @name is not in the map. */
int nn_name_map_get(const NnNameMap *map, const char *name);

void nn_name_map_clear(NnNameMap *map);
