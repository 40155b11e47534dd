/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What changed between ONNX's opsets, operator by operator: old spellings become new ones. */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/onnx/import.h"

/* Attributes that say nothing at inference count as known, so that nobody complains. */
static void
ignore(NnRawNode *node, const char *name)
{
  nn_attributes_find(&node->attributes, name);
}

static bool
set_int(NnRawNode *node, const char *name, int64_t value, GError **error)
{
  NnAttribute *item = nn_attributes_find(&node->attributes, name);
  if (item == NULL) {
    NnAttributes *list = &node->attributes;
    char *copy = nn_strndup(name, strlen(name), error);
    if (copy == NULL ||
        !nn_grow(&list->items, &node->attributes_capacity, list->count + 1, sizeof *item, error)) {
      nn_free(copy);
      return false;
    }
    item = &list->items[list->count++];
    *item = (NnAttribute){.name = copy};
  }
  item->kind = NN_ATTRIBUTE_INT;
  item->i = value;
  item->known = false;
  return true;
}

static int64_t
get_int(NnRawNode *node, const char *name, int64_t fallback)
{
  const NnAttribute *item = nn_attributes_find(&node->attributes, name);
  return item != NULL && item->kind == NN_ATTRIBUTE_INT ? item->i : fallback;
}

/* before 13, softmax ran over all dimensions from axis (default 1) on, as one */
static bool
normalise_softmax(NnRawNode *node, int64_t opset, GError **error)
{
  if (opset >= 13)
    return true;
  return set_int(node, "axis", get_int(node, "axis", 1), error) &&
         set_int(node, "coerce_2d", 1, error);
}

static bool
refuse(const char *sentence, GError **error)
{
  g_set_error_literal(error, NN_ERROR, NN_ERROR_UNSUPPORTED, sentence);
  return false;
}

static bool
normalise_batch_norm(NnRawNode *node, int64_t opset, GError **error)
{
  ignore(node, "momentum");
  ignore(node, "consumed_inputs");
  ignore(node, "is_test");
  if (get_int(node, "training_mode", 0) != 0)
    return refuse(_("It is in training mode; export the network for inference."), error);
  if (opset < 9 && get_int(node, "spatial", 1) != 1)
    return refuse(_("Batch normalization by element (spatial = 0) is not supported."), error);
  return true;
}

static bool
normalise_dropout(NnRawNode *node, int64_t opset, GError **error)
{
  ignore(node, "ratio");
  ignore(node, "seed");
  ignore(node, "is_test");
  ignore(node, "consumed_inputs");
  return true;
}

/* before 7, the second operand was broadcast on request only, along an axis of the first */
static bool
normalise_binary(NnRawNode *node, int64_t opset, GError **error)
{
  ignore(node, "consumed_inputs");
  if (opset < 7 && get_int(node, "broadcast", 0) != 0 &&
      nn_attributes_find(&node->attributes, "axis") != NULL)
    return refuse(_("Broadcasting along an axis, from before opset 7, is not supported; convert "
                    "the network to a newer opset."),
                  error);
  return true;
}

/* before 7, C was broadcast on request only; that it fits is checked anyway */
static bool
normalise_gemm(NnRawNode *node, int64_t opset, GError **error)
{
  if (opset < 7)
    ignore(node, "broadcast");
  return true;
}

typedef struct {
  const char *op_type;
  bool (*normalise)(NnRawNode *node, int64_t opset, GError **error);
} Rule;

static const Rule rules[] = {
    {"Add", normalise_binary},      {"BatchNormalization", normalise_batch_norm},
    {"Dropout", normalise_dropout}, {"Gemm", normalise_gemm},
    {"Mul", normalise_binary},      {"Softmax", normalise_softmax},
};

bool
nn_normalise(NnRawNode *node, int64_t opset, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
    if (strcmp(rules[i].op_type, node->op_type) == 0)
      return rules[i].normalise(node, opset, error);
  return true;
}
