/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A map from names to numbers that may run out of memory without ending the process (GHashTable
 * would), since the number of names is a file's choice. So are the names themselves: they are
 * hashed with a random key, so that nobody can make a file whose names all collide. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

typedef struct {
  const char *name; /* %NULL: empty */
  guint32 hash;     /* so that other names need not be fetched */
  int number;
} NnNameSlot;

/** NnNameMap: zero-initialise; nn_name_map_clear() frees. Names are borrowed: they must outlive
 * the map. */
typedef struct {
  NnNameSlot *slots; /* open addressing */
  size_t capacity;   /* a power of two, or 0 */
  size_t count;
  guint64 key; /* of the hash; drawn with the first name */
} NnNameMap;

/** nn_name_map_set: inserts or replaces. */
bool nn_name_map_set(NnNameMap *map, const char *name, int number, GError **error);

/** nn_name_map_get: -1 where @name is not in the map. */
int nn_name_map_get(const NnNameMap *map, const char *name);

void nn_name_map_clear(NnNameMap *map);
