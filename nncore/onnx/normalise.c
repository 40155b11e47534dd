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

/* ---- attributes that became inputs ---- */

/* A kind that makes no constant is left alone, for nn_attributes_unknown() to find. */
static void
to_input(NnRawNode *node, const char *name, int input)
{
  NnAttribute *item = nn_attributes_find(&node->attributes, name);
  if (item == NULL)
    return;
  if (item->kind == NN_ATTRIBUTE_STRING || item->kind == NN_ATTRIBUTE_OTHER)
    item->known = false;
  else
    item->input = input;
}

typedef struct {
  const char *op_type, *attribute;
  int input;
  int64_t opset; /* from which on it is one */
} Moved;

static const Moved moved[] = {
    {"Clip", "min", 1, 11},
    {"Clip", "max", 2, 11},
    {"ConstantOfShape", "value", 1, INT64_MAX}, /* still an attribute; operators see no tensors */
    {"Pad", "pads", 1, 11},
    {"Pad", "paddings", 1, 2},
    {"Pad", "value", 2, 11},
    {"ReduceL1", "axes", 1, 18},
    {"ReduceL2", "axes", 1, 18},
    {"ReduceLogSum", "axes", 1, 18},
    {"ReduceLogSumExp", "axes", 1, 18},
    {"ReduceMax", "axes", 1, 18},
    {"ReduceMean", "axes", 1, 18},
    {"ReduceMin", "axes", 1, 18},
    {"ReduceProd", "axes", 1, 18},
    {"ReduceSum", "axes", 1, 13},
    {"ReduceSumSquare", "axes", 1, 18},
    {"Reshape", "shape", 1, 5},
    {"Resize", "scales", 2, 10}, /* of Upsample, once it is one */
    {"Slice", "axes", 3, 10},
    {"Slice", "ends", 2, 10},
    {"Slice", "starts", 1, 10},
    {"Split", "split", 1, 13},
    {"Squeeze", "axes", 1, 13},
    {"Unsqueeze", "axes", 1, 13},
};

static void
move_attributes(NnRawNode *node, int64_t opset)
{
  for (size_t i = 0; i < G_N_ELEMENTS(moved); i++)
    if (opset < moved[i].opset && strcmp(moved[i].op_type, node->op_type) == 0)
      to_input(node, moved[i].attribute, moved[i].input);
}

/* ---- operators that became others ---- */

static bool
set_string(NnRawNode *node, const char *name, const char *value, GError **error)
{
  if (!set_int(node, name, 0, error))
    return false;
  NnAttribute *item = nn_attributes_find(&node->attributes, name);
  item->known = false;
  item->kind = NN_ATTRIBUTE_STRING;
  nn_free(item->s);
  item->s = nn_strndup(value, strlen(value), error);
  return item->s != NULL;
}

/* an empty second input (Resize's region of interest), before whatever follows */
static bool
insert_second_input(NnRawNode *node, GError **error)
{
  NnRawNames *inputs = &node->inputs;
  if (inputs->count < 2)
    return true;
  char *empty = nn_strndup("", 0, error);
  if (empty == NULL || !nn_grow(&inputs->names, &inputs->capacity, inputs->count + 1,
                                sizeof *inputs->names, error)) {
    nn_free(empty);
    return false;
  }
  memmove(inputs->names + 2, inputs->names + 1, (inputs->count - 1) * sizeof *inputs->names);
  inputs->names[1] = empty;
  inputs->count++;
  return true;
}

/* Upsample, and Resize of opset 10: scales are the second input, places are x / scale */
static bool
normalise_upsample(NnRawNode *node, GError **error)
{
  if (strcmp(node->op_type, "Upsample") == 0) {
    char *name = nn_strndup("Resize", 6, error);
    if (name == NULL)
      return false;
    nn_free(node->op_type);
    node->op_type = name;
  }
  return insert_second_input(node, error) &&
         set_string(node, "coordinate_transformation_mode", "asymmetric", error) &&
         set_string(node, "nearest_mode", "floor", error);
}

static bool
normalise_resize(NnRawNode *node, int64_t opset, GError **error)
{
  return opset >= 11 || normalise_upsample(node, error);
}

static bool
normalise_upsample_any(NnRawNode *node, int64_t opset, GError **error)
{
  return normalise_upsample(node, error);
}

/* before 21, scale and bias had one value a group */
static bool
normalise_group_norm(NnRawNode *node, int64_t opset, GError **error)
{
  ignore(node, "stash_type");
  return opset >= 21 || set_int(node, "by_group", 1, error);
}

static bool
normalise_layer_norm(NnRawNode *node, int64_t opset, GError **error)
{
  ignore(node, "stash_type"); /* the precision of the statistics; ours is double */
  return true;
}

/* before 6, nearly all had this hint for memory */
static bool
normalise_old(NnRawNode *node, int64_t opset, GError **error)
{
  ignore(node, "consumed_inputs");
  return true;
}

/* before 7, a vector of slopes ran along axis 1 instead of the last */
static bool
normalise_prelu(NnRawNode *node, int64_t opset, GError **error)
{
  ignore(node, "consumed_inputs");
  return opset >= 7 || set_int(node, "by_channel", 1, error);
}

typedef struct {
  const char *op_type;
  bool (*normalise)(NnRawNode *node, int64_t opset, GError **error);
} Rule;

static const Rule rules[] = {
    {"Add", normalise_binary},
    {"And", normalise_binary},
    {"BatchNormalization", normalise_batch_norm},
    {"Div", normalise_binary},
    {"Dropout", normalise_dropout},
    {"Equal", normalise_binary},
    {"Gemm", normalise_gemm},
    {"Greater", normalise_binary},
    {"GroupNormalization", normalise_group_norm},
    {"Hardmax", normalise_softmax},
    {"LayerNormalization", normalise_layer_norm},
    {"Less", normalise_binary},
    {"LogSoftmax", normalise_softmax},
    {"Mul", normalise_binary},
    {"Or", normalise_binary},
    {"PRelu", normalise_prelu},
    {"Pow", normalise_binary},
    {"Resize", normalise_resize},
    {"Softmax", normalise_softmax},
    {"Sub", normalise_binary},
    {"Upsample", normalise_upsample_any},
    {"Xor", normalise_binary},
};

static bool
apply_rule(NnRawNode *node, int64_t opset, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
    if (strcmp(rules[i].op_type, node->op_type) == 0)
      return rules[i].normalise(node, opset, error);
  return opset >= 6 || normalise_old(node, opset, error);
}

bool
nn_normalise(NnRawNode *node, int64_t opset, GError **error)
{
  if (!apply_rule(node, opset, error))
    return false;
  move_attributes(node, opset);
  return true;
}
