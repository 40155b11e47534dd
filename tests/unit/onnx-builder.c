/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Protobuf's wire format by hand: a key (field number and wire type), then a varint or a length
 * and bytes. */
#include "onnx-builder.h"

#include <string.h>

#include "nncore/onnx/reader.h"
#include "nncore/plan/program.h"

enum { VARINT = 0, BYTES = 2, FIXED32 = 5 };

void
onnx_put_varint(GByteArray *to, uint64_t value)
{
  do {
    guint8 byte = (guint8)((value & 127) | (value > 127 ? 128 : 0));
    g_byte_array_append(to, &byte, 1);
    value >>= 7;
  } while (value > 0);
}

void
onnx_put_int(GByteArray *to, int field, int64_t value)
{
  onnx_put_varint(to, (uint64_t)field << 3 | VARINT);
  onnx_put_varint(to, (uint64_t)value);
}

void
onnx_put_bytes(GByteArray *to, int field, const void *bytes, size_t length)
{
  onnx_put_varint(to, (uint64_t)field << 3 | BYTES);
  onnx_put_varint(to, length);
  g_byte_array_append(to, bytes, (guint)length);
}

void
onnx_put_string(GByteArray *to, int field, const char *text)
{
  onnx_put_bytes(to, field, text, strlen(text));
}

void
onnx_put_message(GByteArray *to, int field, GByteArray *message)
{
  onnx_put_bytes(to, field, message->data, message->len);
  g_byte_array_unref(message);
}

void
onnx_builder_init(OnnxBuilder *builder)
{
  builder->graph = g_byte_array_new();
  builder->model = g_byte_array_new();
  GByteArray *opset = g_byte_array_new();
  onnx_put_int(opset, 2, 13);
  onnx_put_int(builder->model, 1, 8);
  onnx_put_message(builder->model, 8, opset);
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
      onnx_put_int(dim, 1, shape->dim[i]);
    else
      onnx_put_string(dim, 2, "free");
    onnx_put_message(dims, 1, dim);
  }
  onnx_put_int(tensor, 1, NN_ONNX_FLOAT);
  onnx_put_message(tensor, 2, dims);
  onnx_put_message(type, 1, tensor);
  onnx_put_string(info, 1, name);
  onnx_put_message(info, 2, type);
  onnx_put_message(graph, field, info);
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

GByteArray *
onnx_tensor_new(const char *name, int data_type, const int64_t *dims, int rank)
{
  GByteArray *tensor = g_byte_array_new();
  for (int i = 0; i < rank; i++)
    onnx_put_int(tensor, 1, dims[i]);
  onnx_put_int(tensor, 2, data_type);
  onnx_put_string(tensor, 8, name);
  return tensor;
}

void
onnx_put_external(GByteArray *tensor, const char *const *entries)
{
  for (int i = 0; entries[i] != NULL; i += 2) {
    GByteArray *entry = g_byte_array_new();
    onnx_put_string(entry, 1, entries[i]);
    onnx_put_string(entry, 2, entries[i + 1]);
    onnx_put_message(tensor, 13, entry);
  }
  onnx_put_int(tensor, 14, 1);
}

void
onnx_add_initializer(OnnxBuilder *builder, GByteArray *tensor)
{
  onnx_put_message(builder->graph, 5, tensor);
}

void
onnx_add_raw(OnnxBuilder *builder, const char *name, int data_type, const int64_t *dims, int rank,
             const void *bytes, size_t length)
{
  GByteArray *tensor = onnx_tensor_new(name, data_type, dims, rank);
  onnx_put_bytes(tensor, 9, bytes, length);
  onnx_add_initializer(builder, tensor);
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
    onnx_put_string(to, field, words[i]);
}

static GByteArray *
make_attribute(const char *text)
{
  g_auto(GStrv) parts = g_strsplit(text, "=", 2);
  const char *value = parts[1];
  GByteArray *attribute = g_byte_array_new();
  onnx_put_string(attribute, 1, parts[0]);
  if (g_ascii_isalpha(*value)) {
    onnx_put_string(attribute, 4, value);
    onnx_put_int(attribute, 20, 3);
  } else if (strchr(value, ',') != NULL) {
    g_auto(GStrv) numbers = g_strsplit(value, ",", -1);
    for (int i = 0; numbers[i] != NULL; i++)
      onnx_put_int(attribute, 8, g_ascii_strtoll(numbers[i], NULL, 10));
    onnx_put_int(attribute, 20, 7);
  } else if (g_str_has_suffix(value, "f")) {
    float number = (float)g_ascii_strtod(value, NULL);
    onnx_put_varint(attribute, 2 << 3 | FIXED32);
    g_byte_array_append(attribute, (const guint8 *)&number, sizeof number);
    onnx_put_int(attribute, 20, 1);
  } else {
    onnx_put_int(attribute, 3, g_ascii_strtoll(value, NULL, 10));
    onnx_put_int(attribute, 20, 2);
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
  onnx_put_string(node, 4, op_type);
  g_auto(GStrv) list = g_strsplit(attributes != NULL ? attributes : "", " ", -1);
  for (int i = 0; list[i] != NULL; i++)
    onnx_put_message(node, 5, make_attribute(list[i]));
  onnx_put_message(builder->graph, 1, node);
}

void
onnx_add_constant(OnnxBuilder *builder, const char *output, GByteArray *tensor)
{
  GByteArray *node = g_byte_array_new(), *attribute = g_byte_array_new();
  onnx_put_string(attribute, 1, "value");
  onnx_put_message(attribute, 5, tensor);
  onnx_put_int(attribute, 20, 4);
  onnx_put_string(node, 2, output);
  onnx_put_string(node, 4, "Constant");
  onnx_put_message(node, 5, attribute);
  onnx_put_message(builder->graph, 1, node);
}

GBytes *
onnx_builder_bytes(OnnxBuilder *builder)
{
  g_autoptr(GByteArray) file = g_byte_array_new();
  g_byte_array_append(file, builder->model->data, builder->model->len);
  onnx_put_bytes(file, 7, builder->graph->data, builder->graph->len);
  return g_byte_array_free_to_bytes(g_steal_pointer(&file));
}

NnModel *
onnx_builder_open(OnnxBuilder *builder, GError **error)
{
  g_autoptr(GBytes) bytes = onnx_builder_bytes(builder);
  return nn_model_open_bytes(bytes, error);
}

NnModel *
onnx_builder_finish(OnnxBuilder *builder)
{
  g_autoptr(GError) error = NULL;
  NnModel *model = onnx_builder_open(builder, &error);
  g_assert_no_error(error);
  onnx_builder_clear(builder);
  return model;
}

void
onnx_assert_sentence(const GError *error, NnError code, const char *part)
{
  g_assert_error(error, NN_ERROR, (int)code);
  g_assert_cmpuint(strlen(error->message), >, 15);
  if (!g_str_has_suffix(error->message, ".") || strstr(error->message, part) == NULL)
    g_error("“%s” is no sentence or does not name “%s”", error->message, part);
}

void
onnx_assert_opening_fails(OnnxBuilder *builder, NnError code, const char *part)
{
  g_autoptr(GError) error = NULL;
  g_assert_null(onnx_builder_open(builder, &error));
  onnx_assert_sentence(error, code, part);
  onnx_builder_clear(builder);
}

void
onnx_assert_layer_fails(NnModel *model, NnError code, const char *part)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(1);
  const char *const targets[] = {"y"};
  g_assert_null(
      nn_program_new(model, context, targets, 1, (NnProgramOptions){.gradient = false}, &error));
  onnx_assert_sentence(error, code, part);
}

void
onnx_assert_program_fails(OnnxBuilder *builder, NnError code, const char *part)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = onnx_builder_open(builder, &error);
  g_assert_no_error(error);
  onnx_assert_layer_fails(model, code, part);
  onnx_builder_clear(builder);
}
