/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attributes by name. */
#include "nncore/ops/attributes.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"

NnAttribute *
nn_attributes_find(NnAttributes *attributes, const char *name)
{
  for (size_t i = 0; i < attributes->count; i++) {
    NnAttribute *item = &attributes->items[i];
    if (strcmp(item->name, name) == 0) {
      item->known = true;
      return item;
    }
  }
  return NULL;
}

static bool
set_type_error(const char *name, GError **error)
{
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED, _("The attribute “%s” has the wrong type."),
              name);
  return false;
}

/* found is NULL where the attribute is absent, which is no error */
static bool
find_kind(NnAttributes *attributes, const char *name, NnAttributeKind kind, NnAttribute **found,
          GError **error)
{
  *found = nn_attributes_find(attributes, name);
  return *found == NULL || (*found)->kind == kind || set_type_error(name, error);
}

bool
nn_attributes_int(NnAttributes *attributes, const char *name, int64_t fallback, int64_t *value,
                  GError **error)
{
  NnAttribute *item;
  if (!find_kind(attributes, name, NN_ATTRIBUTE_INT, &item, error))
    return false;
  *value = item != NULL ? item->i : fallback;
  return true;
}

bool
nn_attributes_float(NnAttributes *attributes, const char *name, float fallback, float *value,
                    GError **error)
{
  NnAttribute *item;
  if (!find_kind(attributes, name, NN_ATTRIBUTE_FLOAT, &item, error))
    return false;
  *value = item != NULL ? item->f : fallback;
  return true;
}

bool
nn_attributes_string(NnAttributes *attributes, const char *name, const char *fallback,
                     const char **value, GError **error)
{
  NnAttribute *item;
  if (!find_kind(attributes, name, NN_ATTRIBUTE_STRING, &item, error))
    return false;
  if (item != NULL && !g_utf8_validate(item->s, -1, NULL)) /* sentences quote it */
    return set_type_error(name, error);
  *value = item != NULL ? item->s : fallback;
  return true;
}

bool
nn_attributes_ints(NnAttributes *attributes, const char *name, int64_t *values, int max, int *count,
                   GError **error)
{
  NnAttribute *item;
  *count = 0;
  if (!find_kind(attributes, name, NN_ATTRIBUTE_INTS, &item, error))
    return false;
  if (item == NULL)
    return true;
  if (item->count > (size_t)max) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED, _("The attribute “%s” has too many values."),
                name);
    return false;
  }
  if (item->count > 0)
    memcpy(values, item->ints, item->count * sizeof *values);
  *count = (int)item->count;
  return true;
}

const char *
nn_attributes_unknown(const NnAttributes *attributes)
{
  for (size_t i = 0; i < attributes->count; i++)
    if (!attributes->items[i].known)
      return attributes->items[i].name;
  return NULL;
}

void
nn_attributes_clear(NnAttributes *attributes)
{
  for (size_t i = 0; i < attributes->count; i++) {
    NnAttribute *item = &attributes->items[i];
    nn_free(item->name);
    nn_free(item->s);
    nn_free(item->ints);
    nn_free(item->floats);
  }
  nn_free(attributes->items);
  *attributes = (NnAttributes){0};
}
