/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes .onnx files for tests, byte by byte, so that wrong ones can be made as easily as right
 * ones. Field numbers are those of nncore/onnx/onnx.proto. */
#pragma once

#include "nncore/base/error.h"
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

/** onnx_builder_finish: (transfer full): what must be a good file, opened; clears @builder. */
NnModel *onnx_builder_finish(OnnxBuilder *builder);

/* ---- protobuf's pieces, for files that no sane program writes ---- */

/** A message so far is a GByteArray; @message and @tensor are taken by those who put them in. */
void onnx_put_varint(GByteArray *to, uint64_t value);
void onnx_put_int(GByteArray *to, int field, int64_t value);
void onnx_put_bytes(GByteArray *to, int field, const void *bytes, size_t length);
void onnx_put_string(GByteArray *to, int field, const char *text);
void onnx_put_message(GByteArray *to, int field, GByteArray *message);

/** onnx_tensor_new: a TensorProto that has no elements yet. */
GByteArray *onnx_tensor_new(const char *name, int data_type, const int64_t *dims, int rank);

/** onnx_put_external: @entries: (array zero-terminated=1): key, value, key, value ... */
void onnx_put_external(GByteArray *tensor, const char *const *entries);

void onnx_add_initializer(OnnxBuilder *builder, GByteArray *tensor);

/** onnx_add_constant: a Constant node with @tensor as its value. */
void onnx_add_constant(OnnxBuilder *builder, const char *output, GByteArray *tensor);

/* ---- what must become of them ---- */

/** onnx_assert_sentence: @error is of NN_ERROR and @code, a whole sentence, and has @part in it. */
void onnx_assert_sentence(const GError *error, NnError code, const char *part);

/** onnx_assert_opening_fails: clears @builder. */
void onnx_assert_opening_fails(OnnxBuilder *builder, NnError code, const char *part);

/** onnx_assert_layer_fails: a program for the layer y cannot be made. */
void onnx_assert_layer_fails(NnModel *model, NnError code, const char *part);

/** onnx_assert_program_fails: opens, but its layer y cannot be used; clears @builder. */
void onnx_assert_program_fails(OnnxBuilder *builder, NnError code, const char *part);
