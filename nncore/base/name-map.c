/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open addressing with linear probing, at most half full. */
#include "nncore/base/name-map.h"

#include <string.h>

#include "nncore/base/memory.h"

static size_t
find_slot(const char *const *names, size_t capacity, const char *name)
{
  size_t slot = g_str_hash(name) * (size_t)0x9E3779B1u & (capacity - 1);
  while (names[slot] != NULL && strcmp(names[slot], name) != 0)
    slot = (slot + 1) & (capacity - 1);
  return slot;
}

static bool
enlarge(NnNameMap *map, GError **error)
{
  size_t capacity = MAX(map->capacity * 2, 64);
  const char **names = nn_alloc0(capacity, sizeof *names, error);
  int *numbers = names != NULL ? nn_alloc(capacity, sizeof *numbers, error) : NULL;
  if (numbers == NULL) {
    nn_free(names);
    return false;
  }
  for (size_t i = 0; i < map->capacity; i++) {
    if (map->names[i] == NULL)
      continue;
    size_t slot = find_slot(names, capacity, map->names[i]);
    names[slot] = map->names[i];
    numbers[slot] = map->numbers[i];
  }
  nn_free(map->names);
  nn_free(map->numbers);
  map->names = names;
  map->numbers = numbers;
  map->capacity = capacity;
  return true;
}

bool
nn_name_map_set(NnNameMap *map, const char *name, int number, GError **error)
{
  if (map->count * 2 >= map->capacity && !enlarge(map, error))
    return false;
  size_t slot = find_slot(map->names, map->capacity, name);
  if (map->names[slot] == NULL) {
    map->names[slot] = name;
    map->count++;
  }
  map->numbers[slot] = number;
  return true;
}

int
nn_name_map_get(const NnNameMap *map, const char *name)
{
  if (map->capacity == 0)
    return -1;
  size_t slot = find_slot(map->names, map->capacity, name);
  return map->names[slot] != NULL ? map->numbers[slot] : -1;
}

void
nn_name_map_clear(NnNameMap *map)
{
  nn_free(map->names);
  nn_free(map->numbers);
  *map = (NnNameMap){0};
}
