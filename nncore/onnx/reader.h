/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hostile bytes -> raw nodes, by nanopb (onnx.proto). Names and attributes are copied; weights are
 * only located, in this file or in one beside it. Nesting is bounded by the grammar itself:
 * subgraphs inside attributes are not entered. Left unread: functions (a node that calls one ends
 * in the sentence for an unknown operator), training_info, documentation. Nothing here knows what
 * an operator means; import.h does. */
#pragma once

#include "nncore/graph/graph.h"
#include "nncore/onnx/source.h"

/** NnOnnxType: values of TensorProto.DataType. */
typedef enum {
  NN_ONNX_FLOAT = 1,
  NN_ONNX_UINT8 = 2,
  NN_ONNX_INT8 = 3,
  NN_ONNX_UINT16 = 4,
  NN_ONNX_INT16 = 5,
  NN_ONNX_INT32 = 6,
  NN_ONNX_INT64 = 7,
  NN_ONNX_STRING = 8,
  NN_ONNX_BOOL = 9,
  NN_ONNX_FLOAT16 = 10,
  NN_ONNX_DOUBLE = 11,
  NN_ONNX_UINT32 = 12,
  NN_ONNX_UINT64 = 13,
  NN_ONNX_BFLOAT16 = 16,
  NN_ONNX_SPARSE = -1, /* ours: of a sparse initialiser, which has a name here but no elements */
} NnOnnxType;

/** NnRawTensor: an initialiser: type.dtype is not yet known, only its data_type in @stored. */
typedef struct {
  char *name;
  NnShape shape;
  NnStored stored;
} NnRawTensor;

/** NnRawValue: a graph input or output; free dimensions are 0; @has_shape: the file says any. */
typedef struct {
  char *name;
  NnShape shape;
  bool has_shape;
  int data_type;
} NnRawValue;

typedef struct {
  char **names;
  size_t count, capacity;
} NnRawNames;

typedef struct {
  char *name, *op_type, *domain;
  NnRawNames inputs, outputs;
  NnAttributes attributes;
  size_t attributes_capacity;
} NnRawNode;

typedef struct {
  char *key, *value;
} NnRawEntry;

typedef struct {
  NnRawNode *nodes;
  size_t n_nodes, nodes_capacity;
  NnRawTensor *tensors;
  size_t n_tensors, tensors_capacity;
  NnRawValue *inputs;
  size_t n_inputs, inputs_capacity;
  NnRawValue *outputs;
  size_t n_outputs, outputs_capacity;
  NnRawEntry *metadata;
  size_t n_metadata, metadata_capacity;
  NnRawNames locations; /* of external data; NnStored.file counts from 1 */
  size_t n_items;       /* names and all the others, which are bounded together */
  int64_t opset;        /* of the default domain; 0: not given */
} NnRawModel;

/** nn_raw_model_read: @model must be zero; clear it also after an error. */
bool nn_raw_model_read(const NnSource *source, NnRawModel *model, GError **error);
void nn_raw_model_clear(NnRawModel *model);

/**
 * nn_tensor_proto_load:
 * Reads a file that holds one TensorProto (the inputs and outputs of ONNX's conformance cases).
 * @name: (out) (optional) (transfer full): its name, nn_free()
 */
NnTensor *nn_tensor_proto_load(const char *path, char **name, GError **error);
