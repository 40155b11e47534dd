/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A node's attributes as an operator's parse function sees them: by name, with ONNX's defaults
 * given by the caller. Every getter marks its attribute as known; the importer refuses a node
 * with an attribute that nobody asked for, so nothing is ignored silently. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nncore/tensor/tensor.h"

typedef enum {
  NN_ATTRIBUTE_INT,
  NN_ATTRIBUTE_FLOAT,
  NN_ATTRIBUTE_STRING,
  NN_ATTRIBUTE_INTS,
  NN_ATTRIBUTE_FLOATS,
  NN_ATTRIBUTE_TENSOR,
  NN_ATTRIBUTE_OTHER, /* graphs, sparse tensors: known by name only */
} NnAttributeKind;

/**
 * NnStored: where a constant's elements lie.
 * @file: 0: in the network's own file; n: in the n-th of those that it names besides
 * @data_type: ONNX's TensorProto.DataType
 * @field: number of the TensorProto field that holds them (9 is raw_data); 0: none, i.e. zeros
 *   are not implied: an error on loading unless the shape is empty
 * @offset, @length: bytes from the start of the file. For the repeated fields (float_data, ...)
 *   the whole TensorProto, which loading reads again, since they may come in pieces.
 */
typedef struct {
  int file;
  int data_type;
  int field;
  int64_t offset, length;
} NnStored;

/** NnAttribute: the members that @kind does not use are zero. All memory is the owner's. */
typedef struct {
  char *name;
  NnAttributeKind kind;
  int64_t i;
  float f;
  char *s;         /* zero-terminated */
  int64_t *ints;   /* @count of them */
  float *floats;   /* @count of them */
  size_t count;
  NnShape shape;   /* TENSOR: read by whoever has the file */
  NnStored stored;
  bool known; /* set by the getters */
  int input;  /* > 0: newer opsets have it as this input, and so do operators (normalise.c) */
} NnAttribute;

typedef struct {
  NnAttribute *items;
  size_t count;
} NnAttributes;

/** The getters return @fallback where the attribute is absent and fail with %NN_ERROR_MALFORMED
 * where it has another kind. */
bool nn_attributes_int(NnAttributes *attributes, const char *name, int64_t fallback, int64_t *value,
                       GError **error);
bool nn_attributes_float(NnAttributes *attributes, const char *name, float fallback, float *value,
                         GError **error);
/** @value: (transfer none) */
bool nn_attributes_string(NnAttributes *attributes, const char *name, const char *fallback,
                          const char **value, GError **error);

/**
 * nn_attributes_ints:
 * @values: (out): room for @max of them
 * @count: (out): how many there are; 0 where the attribute is absent. More than @max: an error.
 */
bool nn_attributes_ints(NnAttributes *attributes, const char *name, int64_t *values, int max,
                        int *count, GError **error);

/** nn_attributes_find: %NULL where absent; marks it as known. */
NnAttribute *nn_attributes_find(NnAttributes *attributes, const char *name);

/** nn_attributes_unknown: the first attribute that nobody asked for, or %NULL. */
const char *nn_attributes_unknown(const NnAttributes *attributes);

/** nn_attributes_clear: frees the items and all that they own. */
void nn_attributes_clear(NnAttributes *attributes);
