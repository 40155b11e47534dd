/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open addressing with linear probing, at most half full. The hash is the name's bytes as the digits
 * of a number in base key, modulo the prime 2^61 - 1: for a key drawn at random, two names of n
 * bytes collide with a probability below n / 2^61, whoever chose them (Carter and Wegman, 1979). */
#include "nncore/base/name-map.h"

#include <stdint.h>
#include <string.h>

#include "nncore/base/memory.h"

#define PRIME ((UINT64_C(1) << 61) - 1)

/* a * key + digit modulo PRIME; a, key below PRIME */
static guint64
append_digit(guint64 a, guint64 key, guint64 digit)
{
  __extension__ typedef unsigned __int128 Wide;
  Wide product = (Wide)a * key + digit;
  guint64 folded = (guint64)(product & PRIME) + (guint64)(product >> 61);
  return folded >= PRIME ? folded - PRIME : folded;
}

static guint64
draw_key(void)
{
  return ((guint64)g_random_int() << 32 | g_random_int()) % PRIME;
}

static guint32
hash_name(const NnNameMap *map, const char *name)
{
  guint64 hash = 0;
  for (const char *c = name; *c != '\0'; c++)
    hash = append_digit(hash, map->key, (guchar)*c);
  /* names that differ in their last digit alone would lie side by side */
  return (guint32)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

static NnNameSlot *
find_slot(NnNameSlot *slots, size_t capacity, guint32 hash, const char *name)
{
  size_t at = hash & (capacity - 1);
  while (slots[at].name != NULL && (slots[at].hash != hash || strcmp(slots[at].name, name) != 0))
    at = (at + 1) & (capacity - 1);
  return &slots[at];
}

static bool
enlarge(NnNameMap *map, GError **error)
{
  size_t capacity = MAX(map->capacity * 2, 64);
  NnNameSlot *slots = nn_alloc0(capacity, sizeof *slots, error);
  if (slots == NULL)
    return false;
  for (size_t i = 0; i < map->capacity; i++)
    if (map->slots[i].name != NULL)
      *find_slot(slots, capacity, map->slots[i].hash, map->slots[i].name) = map->slots[i];
  if (map->capacity == 0)
    map->key = draw_key();
  nn_free(map->slots);
  map->slots = slots;
  map->capacity = capacity;
  return true;
}

bool
nn_name_map_set(NnNameMap *map, const char *name, int number, GError **error)
{
  if (map->count * 2 >= map->capacity && !enlarge(map, error))
    return false;
  guint32 hash = hash_name(map, name);
  NnNameSlot *slot = find_slot(map->slots, map->capacity, hash, name);
  map->count += slot->name == NULL;
  *slot = (NnNameSlot){slot->name != NULL ? slot->name : name, hash, number};
  return true;
}

int
nn_name_map_get(const NnNameMap *map, const char *name)
{
  if (map->capacity == 0)
    return -1;
  const NnNameSlot *slot = find_slot(map->slots, map->capacity, hash_name(map, name), name);
  return slot->name != NULL ? slot->number : -1;
}

void
nn_name_map_clear(NnNameMap *map)
{
  nn_free(map->slots);
  *map = (NnNameMap){0};
}
