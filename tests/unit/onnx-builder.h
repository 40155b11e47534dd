/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes .onnx files for tests, byte by byte, so that wrong ones can be made as easily as right
 * ones. Field numbers are those of nncore/onnx/onnx.proto. */
#pragma once

#include "nncore/onnx/model.h"

/** OnnxBuilder: the fields of a graph and of a model so far; zero-initialise. */
typedef struct {
  GByteArray *graph, *model;
} OnnxBuilder;

void onnx_builder_init(OnnxBuilder *builder);
void onnx_builder_clear(OnnxBuilder *builder);

/** onnx_add_input: a float tensor; dimensions of 0 are free. */
void onnx_add_input(OnnxBuilder *builder, const char *name, const NnShape *shape);
void onnx_add_output(OnnxBuilder *builder, const char *name);

/** onnx_add_weights: raw float32 drawn from a generator seeded by the name, in -1..1. */
void onnx_add_weights(OnnxBuilder *builder, const char *name, const NnShape *shape);

/** onnx_add_raw: an initialiser with any bytes and any claims about them. */
void onnx_add_raw(OnnxBuilder *builder, const char *name, int data_type, const int64_t *dims,
                  int rank, const void *bytes, size_t length);
void onnx_add_ints(OnnxBuilder *builder, const char *name, const int64_t *values, int count);

/**
 * onnx_add_node:
 * @inputs, @outputs: names, separated by spaces
 * @attributes: "name=1", "name=0.5f", "name=1,2,3", "name=text", separated by spaces, or %NULL
 */
void onnx_add_node(OnnxBuilder *builder, const char *op_type, const char *inputs,
                   const char *outputs, const char *attributes);

/** onnx_builder_bytes: the whole file, of opset 13. */
GBytes *onnx_builder_bytes(OnnxBuilder *builder);

/** onnx_builder_open: opens it; a test that expects a good file may pass %NULL. */
NnModel *onnx_builder_open(OnnxBuilder *builder, GError **error);
