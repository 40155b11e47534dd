/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Protobuf's wire format by hand: a key (field number and wire type), then a varint or a length
 * and bytes. */
#include "onnx-builder.h"

#include <string.h>

#include "nncore/onnx/reader.h"

enum { VARINT = 0, BYTES = 2, FIXED32 = 5 };

static void
put_varint(GByteArray *to, uint64_t value)
{
  do {
    guint8 byte = (guint8)((value & 127) | (value > 127 ? 128 : 0));
    g_byte_array_append(to, &byte, 1);
    value >>= 7;
  } while (value > 0);
}

static void
put_int(GByteArray *to, int field, int64_t value)
{
  put_varint(to, (uint64_t)field << 3 | VARINT);
  put_varint(to, (uint64_t)value);
}

static void
put_bytes(GByteArray *to, int field, const void *bytes, size_t length)
{
  put_varint(to, (uint64_t)field << 3 | BYTES);
  put_varint(to, length);
  g_byte_array_append(to, bytes, (guint)length);
}

static void
put_string(GByteArray *to, int field, const char *text)
{
  put_bytes(to, field, text, strlen(text));
}

/* takes the message */
static void
put_message(GByteArray *to, int field, GByteArray *message)
{
  put_bytes(to, field, message->data, message->len);
  g_byte_array_unref(message);
}

void
onnx_builder_init(OnnxBuilder *builder)
{
  builder->graph = g_byte_array_new();
  builder->model = g_byte_array_new();
  GByteArray *opset = g_byte_array_new();
  put_int(opset, 2, 13);
  put_int(builder->model, 1, 8);
  put_message(builder->model, 8, opset);
}

void
onnx_builder_clear(OnnxBuilder *builder)
{
  g_byte_array_unref(builder->graph);
  g_byte_array_unref(builder->model);
}

static void
put_value_info(GByteArray *graph, int field, const char *name, const NnShape *shape)
{
  GByteArray *dims = g_byte_array_new(), *tensor = g_byte_array_new();
  GByteArray *type = g_byte_array_new(), *info = g_byte_array_new();
  for (int i = 0; shape != NULL && i < shape->rank; i++) {
    GByteArray *dim = g_byte_array_new();
    if (shape->dim[i] != 0)
      put_int(dim, 1, shape->dim[i]);
    else
      put_string(dim, 2, "free");
    put_message(dims, 1, dim);
  }
  put_int(tensor, 1, NN_ONNX_FLOAT);
  put_message(tensor, 2, dims);
  put_message(type, 1, tensor);
  put_string(info, 1, name);
  put_message(info, 2, type);
  put_message(graph, field, info);
}

void
onnx_add_input(OnnxBuilder *builder, const char *name, const NnShape *shape)
{
  put_value_info(builder->graph, 11, name, shape);
}

void
onnx_add_output(OnnxBuilder *builder, const char *name)
{
  put_value_info(builder->graph, 12, name, NULL);
}

void
onnx_add_raw(OnnxBuilder *builder, const char *name, int data_type, const int64_t *dims, int rank,
             const void *bytes, size_t length)
{
  GByteArray *tensor = g_byte_array_new();
  for (int i = 0; i < rank; i++)
    put_int(tensor, 1, dims[i]);
  put_int(tensor, 2, data_type);
  put_string(tensor, 8, name);
  put_bytes(tensor, 9, bytes, length);
  put_message(builder->graph, 5, tensor);
}

void
onnx_add_weights(OnnxBuilder *builder, const char *name, const NnShape *shape)
{
  int64_t count = nn_shape_count(shape);
  g_autoptr(GRand) random = g_rand_new_with_seed(g_str_hash(name));
  g_autofree float *values = g_new(float, count);
  for (int64_t i = 0; i < count; i++)
    values[i] = (float)g_rand_double_range(random, -1, 1);
  onnx_add_raw(builder, name, NN_ONNX_FLOAT, shape->dim, shape->rank, values,
               (size_t)count * sizeof *values);
}

void
onnx_add_ints(OnnxBuilder *builder, const char *name, const int64_t *values, int count)
{
  const int64_t dims[] = {count};
  onnx_add_raw(builder, name, NN_ONNX_INT64, dims, 1, values, (size_t)count * sizeof *values);
}

static void
put_strings(GByteArray *to, int field, const char *list)
{
  g_auto(GStrv) words = g_strsplit(list, " ", -1);
  for (int i = 0; words[i] != NULL; i++)
    put_string(to, field, words[i]);
}

static GByteArray *
make_attribute(const char *text)
{
  g_auto(GStrv) parts = g_strsplit(text, "=", 2);
  const char *value = parts[1];
  GByteArray *attribute = g_byte_array_new();
  put_string(attribute, 1, parts[0]);
  if (g_ascii_isalpha(*value)) {
    put_string(attribute, 4, value);
    put_int(attribute, 20, 3);
  } else if (strchr(value, ',') != NULL) {
    g_auto(GStrv) numbers = g_strsplit(value, ",", -1);
    for (int i = 0; numbers[i] != NULL; i++)
      put_int(attribute, 8, g_ascii_strtoll(numbers[i], NULL, 10));
    put_int(attribute, 20, 7);
  } else if (g_str_has_suffix(value, "f")) {
    float number = (float)g_ascii_strtod(value, NULL);
    put_varint(attribute, 2 << 3 | FIXED32);
    g_byte_array_append(attribute, (const guint8 *)&number, sizeof number);
    put_int(attribute, 20, 1);
  } else {
    put_int(attribute, 3, g_ascii_strtoll(value, NULL, 10));
    put_int(attribute, 20, 2);
  }
  return attribute;
}

void
onnx_add_node(OnnxBuilder *builder, const char *op_type, const char *inputs, const char *outputs,
              const char *attributes)
{
  GByteArray *node = g_byte_array_new();
  put_strings(node, 1, inputs);
  put_strings(node, 2, outputs);
  put_string(node, 4, op_type);
  g_auto(GStrv) list = g_strsplit(attributes != NULL ? attributes : "", " ", -1);
  for (int i = 0; list[i] != NULL; i++)
    put_message(node, 5, make_attribute(list[i]));
  put_message(builder->graph, 1, node);
}

GBytes *
onnx_builder_bytes(OnnxBuilder *builder)
{
  g_autoptr(GByteArray) file = g_byte_array_new();
  g_byte_array_append(file, builder->model->data, builder->model->len);
  put_bytes(file, 7, builder->graph->data, builder->graph->len);
  return g_byte_array_free_to_bytes(g_steal_pointer(&file));
}

NnModel *
onnx_builder_open(OnnxBuilder *builder, GError **error)
{
  g_autoptr(GBytes) bytes = onnx_builder_bytes(builder);
  return nn_model_open_bytes(bytes, error);
}
