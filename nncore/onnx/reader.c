/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The nanopb callbacks. Each gets a stream limited to its field; a weight's field is noted and
 * jumped over without reading it. Strings are copied, each at most as long as the file. */
#include "nncore/onnx/reader.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/onnx/convert.h"
#include "nncore/onnx/file-kind.h"
#include "nncore/onnx/onnx.pb.h"
#include "nncore/onnx/stored.h"
#include "nncore/onnx/stream.h"

/* Of nodes, names, weights and so on together: a node may take two bytes of the file, but needs
 * some hundred here. No network that people have comes near. */
#define MAX_ITEMS (1 << 23)

static bool
set_error(pb_istream_t *stream, GError *error)
{
  g_propagate_error(nn_stream_error(stream), error);
  return false;
}

/* room for one more item; false too where @stream is not ours, as for a number in its place */
static bool
grow(pb_istream_t *stream, NnRawModel *model, void *array, size_t *capacity, size_t count,
     size_t size)
{
  if (!nn_stream_is_ours(stream))
    return false;
  if (++model->n_items > MAX_ITEMS)
    return set_error(stream, g_error_new_literal(NN_ERROR, NN_ERROR_UNSUPPORTED,
                                                 _("The network has too many layers.")));
  return nn_grow(array, capacity, count + 1, size, nn_stream_error(stream));
}

static bool
copy_bytes(pb_istream_t *stream, char **bytes, size_t *length)
{
  *length = stream->bytes_left;
  if (!nn_stream_is_ours(stream))
    return false;
  nn_free(*bytes); /* given twice: the last one counts, as protobuf has it */
  *bytes = nn_alloc(*length + 1, 1, nn_stream_error(stream));
  if (*bytes == NULL || !pb_read(stream, (pb_byte_t *)*bytes, *length))
    return false;
  (*bytes)[*length] = '\0';
  return true;
}

static bool
read_string(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  size_t length;
  if (!copy_bytes(stream, *argument, &length))
    return false;
  /* also refuses a zero byte inside, by which two names could seem to be one */
  if (g_utf8_validate_len(*(char **)*argument, length, NULL))
    return true;
  return set_error(stream, g_error_new(NN_ERROR, NN_ERROR_MALFORMED,
                                       _("The file is damaged: a name near byte %d is no text."),
                                       (int)MIN(nn_stream_position(stream), G_MAXINT)));
}

/* STRING attributes, which may be any bytes */
static bool
read_bytes(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  size_t length;
  return copy_bytes(stream, *argument, &length);
}

/* a rank that is too high is for nn_shape_check() to refuse, once the tensor's name is known */
static void
append_dim(NnShape *shape, int64_t dim)
{
  if (shape->rank < NN_MAX_RANK)
    shape->dim[shape->rank] = dim;
  if (shape->rank < G_MAXINT)
    shape->rank++;
}

static bool
read_dims(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnShape *shape = *argument;
  while (stream->bytes_left > 0) {
    uint64_t dim;
    if (!pb_decode_varint(stream, &dim))
      return false;
    append_dim(shape, (int64_t)dim);
  }
  return true;
}

/* ---- tensors ---- */

typedef struct {
  NnRawModel *model;
  NnStored *stored;
  char *location, *offset, *length; /* of external data */
} TensorReader;

/* one field has the elements; an empty one says nothing */
static bool
claim_field(NnStored *stored, int field)
{
  bool first = stored->field == 0 || stored->field == field;
  stored->field = field;
  return first;
}

/* raw_data: where it lies */
static bool
locate_raw(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnStored *stored = *argument;
  if (!nn_stream_is_ours(stream))
    return false;
  if (stream->bytes_left == 0)
    return true;
  stored->offset = nn_stream_position(stream);
  stored->length = (int64_t)stream->bytes_left;
  return claim_field(stored, field->tag) && nn_stream_skip(stream);
}

/* float_data and its like: which of them; offset and length are those of the whole tensor */
static bool
locate_typed(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  if (stream->bytes_left == 0)
    return true;
  bool skipped = nn_stream_is_ours(stream) ? nn_stream_skip(stream)
                                           : pb_read(stream, NULL, stream->bytes_left);
  return skipped && claim_field(*argument, field->tag);
}

/* what is not about the place (a checksum) is left alone */
static char **
external_place(TensorReader *reader, const char *key)
{
  if (g_strcmp0(key, "location") == 0)
    return &reader->location;
  if (g_strcmp0(key, "offset") == 0)
    return &reader->offset;
  return g_strcmp0(key, "length") == 0 ? &reader->length : NULL;
}

static bool
read_external(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  TensorReader *reader = *argument;
  char *key = NULL, *value = NULL;
  OnnxStringEntry message = OnnxStringEntry_init_zero;
  message.key = (pb_callback_t){{read_string}, &key};
  message.value = (pb_callback_t){{read_string}, &value};
  bool ok = pb_decode(stream, OnnxStringEntry_fields, &message);
  char **place = ok ? external_place(reader, key) : NULL;
  if (place != NULL) {
    nn_free(*place);
    *place = g_steal_pointer(&value);
  }
  nn_free(key);
  nn_free(value);
  return ok;
}

static bool
parse_bytes(const char *text, int64_t fallback, int64_t *bytes, GError **error)
{
  enum { LONGEST = 40 }; /* worth showing */
  guint64 number = (guint64)fallback;
  if (text != NULL && !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &number, NULL)) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("Their place in another file is given as “%s”, which is no number of bytes."),
                strlen(text) <= LONGEST ? text : "…");
    return false;
  }
  *bytes = (int64_t)number;
  return true;
}

/* takes the location; most files name the same one again and again */
static bool
add_location(pb_istream_t *stream, TensorReader *reader)
{
  NnRawNames *list = &reader->model->locations;
  if (list->count > 0 && strcmp(list->names[list->count - 1], reader->location) == 0)
    return true;
  if (!grow(stream, reader->model, &list->names, &list->capacity, list->count, sizeof *list->names))
    return false;
  list->names[list->count++] = g_steal_pointer(&reader->location);
  return true;
}

static bool
finish_external(pb_istream_t *stream, TensorReader *reader, const NnShape *shape)
{
  NnStored *stored = reader->stored;
  GError **error = nn_stream_error(stream);
  int64_t bytes = nn_shape_count(shape) * (int64_t)nn_onnx_type_size(stored->data_type);
  if (!nn_source_check_location(reader->location != NULL ? reader->location : "", error) ||
      !parse_bytes(reader->offset, 0, &stored->offset, error) ||
      !parse_bytes(reader->length, bytes, &stored->length, error) || !add_location(stream, reader))
    return false;
  stored->field = OnnxTensor_raw_data_tag;
  stored->file = (int)reader->model->locations.count;
  return true;
}

static bool
decode_tensor(pb_istream_t *stream, TensorReader *reader, char **name, NnShape *shape)
{
  enum { EXTERNAL = 1 };
  NnStored *stored = reader->stored;
  OnnxTensor message = OnnxTensor_init_zero;
  pb_callback_t typed = {{locate_typed}, stored};
  stored->offset = nn_stream_position(stream);
  stored->length = (int64_t)stream->bytes_left;
  message.dims = (pb_callback_t){{read_dims}, shape};
  message.name = (pb_callback_t){{read_string}, name};
  message.raw_data = (pb_callback_t){{locate_raw}, stored};
  message.float_data = message.int32_data = message.int64_data = typed;
  message.double_data = message.uint64_data = typed;
  message.external_data = (pb_callback_t){{read_external}, reader};
  if (!pb_decode(stream, OnnxTensor_fields, &message))
    return false;
  stored->data_type = message.data_type;
  if (nn_shape_check(shape, nn_stream_error(stream)) &&
      (message.data_location != EXTERNAL || finish_external(stream, reader, shape)))
    return true;
  g_prefix_error(nn_stream_error(stream), _("Weights “%s”: "), *name != NULL ? *name : "");
  return false;
}

static bool
read_tensor(pb_istream_t *stream, NnRawModel *model, char **name, NnShape *shape, NnStored *stored)
{
  TensorReader reader = {.model = model, .stored = stored};
  bool ok = decode_tensor(stream, &reader, name, shape);
  nn_free(reader.location);
  nn_free(reader.offset);
  nn_free(reader.length);
  return ok;
}

static bool
read_initializer(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  if (!grow(stream, model, &model->tensors, &model->tensors_capacity, model->n_tensors,
            sizeof *model->tensors))
    return false;
  NnRawTensor *tensor = &model->tensors[model->n_tensors++];
  return read_tensor(stream, model, &tensor->name, &tensor->shape, &tensor->stored);
}

/* known by name, so that only who needs it gets its sentence */
static bool
read_sparse(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  if (!grow(stream, model, &model->tensors, &model->tensors_capacity, model->n_tensors,
            sizeof *model->tensors))
    return false;
  NnRawTensor *tensor = &model->tensors[model->n_tensors++];
  OnnxSparse message = OnnxSparse_init_zero;
  message.values.name = (pb_callback_t){{read_string}, &tensor->name};
  tensor->stored.data_type = NN_ONNX_SPARSE;
  return pb_decode(stream, OnnxSparse_fields, &message);
}

/* ---- attributes ---- */

typedef struct {
  NnRawModel *model;
  NnAttribute *attribute;
  size_t capacity; /* of ints or floats */
  bool has_tensor;
  GError **error; /* of the attribute's stream; that of a number's own field has none */
} AttributeReader;

static bool
read_floats(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  AttributeReader *reader = *argument;
  NnAttribute *attribute = reader->attribute;
  while (stream->bytes_left > 0)
    if (attribute->ints != NULL || /* the two lists share count and capacity */
        !nn_grow(&attribute->floats, &reader->capacity, attribute->count + 1, sizeof(float),
                 reader->error) ||
        !pb_decode_fixed32(stream, &attribute->floats[attribute->count++]))
      return false;
  return true;
}

static bool
read_ints(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  AttributeReader *reader = *argument;
  NnAttribute *attribute = reader->attribute;
  while (stream->bytes_left > 0) {
    uint64_t value;
    if (attribute->floats != NULL ||
        !nn_grow(&attribute->ints, &reader->capacity, attribute->count + 1, sizeof(int64_t),
                 reader->error) ||
        !pb_decode_varint(stream, &value))
      return false;
    attribute->ints[attribute->count++] = (int64_t)value;
  }
  return true;
}

static bool
read_attribute_tensor(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  AttributeReader *reader = *argument;
  char *name = NULL;
  if (!nn_stream_is_ours(stream))
    return false;
  reader->attribute->shape = (NnShape){0};
  reader->attribute->stored = (NnStored){0};
  bool ok = read_tensor(stream, reader->model, &name, &reader->attribute->shape,
                        &reader->attribute->stored);
  nn_free(name);
  reader->has_tensor = ok;
  return ok;
}

static NnAttributeKind
attribute_kind(const OnnxAttribute *message, const AttributeReader *reader)
{
  static const NnAttributeKind kinds[] = {
      [1] = NN_ATTRIBUTE_FLOAT,  [2] = NN_ATTRIBUTE_INT,   [3] = NN_ATTRIBUTE_STRING,
      [4] = NN_ATTRIBUTE_TENSOR, [5] = NN_ATTRIBUTE_OTHER, [6] = NN_ATTRIBUTE_FLOATS,
      [7] = NN_ATTRIBUTE_INTS,
  };
  const NnAttribute *attribute = reader->attribute;
  if (message->type >= 1 && message->type < (int)G_N_ELEMENTS(kinds))
    return kinds[message->type];
  if (message->type != 0)
    return NN_ATTRIBUTE_OTHER;
  /* files from before the type was required */
  if (message->has_f)
    return NN_ATTRIBUTE_FLOAT;
  if (message->has_i)
    return NN_ATTRIBUTE_INT;
  if (attribute->s != NULL)
    return NN_ATTRIBUTE_STRING;
  if (reader->has_tensor)
    return NN_ATTRIBUTE_TENSOR;
  return attribute->floats != NULL ? NN_ATTRIBUTE_FLOATS : NN_ATTRIBUTE_INTS;
}

static bool
attribute_is_whole(const NnAttribute *attribute, const AttributeReader *reader)
{
  switch (attribute->kind) {
  case NN_ATTRIBUTE_STRING:
    return attribute->s != NULL;
  case NN_ATTRIBUTE_TENSOR:
    return reader->has_tensor;
  case NN_ATTRIBUTE_INTS:
    return attribute->floats == NULL;
  case NN_ATTRIBUTE_FLOATS:
    return attribute->ints == NULL;
  default:
    return true;
  }
}

/* of the last node */
static bool
read_attribute(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  NnRawNode *node = &model->nodes[model->n_nodes - 1];
  NnAttributes *list = &node->attributes;
  if (!grow(stream, model, &list->items, &node->attributes_capacity, list->count,
            sizeof *list->items))
    return false;
  NnAttribute *attribute = &list->items[list->count++];
  AttributeReader reader = {
      .model = model, .attribute = attribute, .error = nn_stream_error(stream)};
  OnnxAttribute message = OnnxAttribute_init_zero;
  message.name = (pb_callback_t){{read_string}, &attribute->name};
  message.s = (pb_callback_t){{read_bytes}, &attribute->s};
  message.t = (pb_callback_t){{read_attribute_tensor}, &reader};
  message.floats = (pb_callback_t){{read_floats}, &reader};
  message.ints = (pb_callback_t){{read_ints}, &reader};
  if (!pb_decode(stream, OnnxAttribute_fields, &message) || attribute->name == NULL)
    return false;
  attribute->kind = attribute_kind(&message, &reader);
  attribute->i = message.i;
  attribute->f = message.f;
  return attribute_is_whole(attribute, &reader);
}

/* ---- nodes, inputs, the model ---- */

typedef struct {
  NnRawModel *model;
  NnRawNames *list;
} NamesReader;

static bool
read_name(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NamesReader *reader = *argument;
  NnRawNames *list = reader->list;
  if (!grow(stream, reader->model, &list->names, &list->capacity, list->count, sizeof *list->names))
    return false;
  void *name = &list->names[list->count++];
  return read_string(stream, field, &name);
}

static bool
read_node(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  if (!grow(stream, model, &model->nodes, &model->nodes_capacity, model->n_nodes,
            sizeof *model->nodes))
    return false;
  NnRawNode *node = &model->nodes[model->n_nodes++];
  NamesReader inputs = {model, &node->inputs}, outputs = {model, &node->outputs};
  OnnxNode message = OnnxNode_init_zero;
  message.name = (pb_callback_t){{read_string}, &node->name};
  message.op_type = (pb_callback_t){{read_string}, &node->op_type};
  message.domain = (pb_callback_t){{read_string}, &node->domain};
  message.input = (pb_callback_t){{read_name}, &inputs};
  message.output = (pb_callback_t){{read_name}, &outputs};
  message.attribute = (pb_callback_t){{read_attribute}, model};
  return pb_decode(stream, OnnxNode_fields, &message) && node->op_type != NULL;
}

static bool
read_dimension(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnShape *shape = *argument;
  OnnxDimension message = OnnxDimension_init_zero;
  if (!pb_decode(stream, OnnxDimension_fields, &message))
    return false;
  append_dim(shape, message.has_dim_value ? MAX(message.dim_value, 0) : 0);
  return true;
}

static bool
read_value_info(pb_istream_t *stream, NnRawValue *value)
{
  OnnxValueInfo message = OnnxValueInfo_init_zero;
  message.name = (pb_callback_t){{read_string}, &value->name};
  message.type.tensor_type.shape.dim = (pb_callback_t){{read_dimension}, &value->shape};
  if (!pb_decode(stream, OnnxValueInfo_fields, &message) || value->name == NULL)
    return false;
  value->has_shape = message.type.tensor_type.has_shape;
  value->data_type = message.type.tensor_type.elem_type;
  if (nn_shape_check(&value->shape, nn_stream_error(stream)))
    return true;
  g_prefix_error(nn_stream_error(stream), _("Input or output “%s”: "), value->name);
  return false;
}

static bool
read_input(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  return grow(stream, model, &model->inputs, &model->inputs_capacity, model->n_inputs,
              sizeof *model->inputs) &&
         read_value_info(stream, &model->inputs[model->n_inputs++]);
}

static bool
read_output(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  return grow(stream, model, &model->outputs, &model->outputs_capacity, model->n_outputs,
              sizeof *model->outputs) &&
         read_value_info(stream, &model->outputs[model->n_outputs++]);
}

static bool
read_entry(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  if (!grow(stream, model, &model->metadata, &model->metadata_capacity, model->n_metadata,
            sizeof *model->metadata))
    return false;
  NnRawEntry *entry = &model->metadata[model->n_metadata++];
  OnnxStringEntry message = OnnxStringEntry_init_zero;
  message.key = (pb_callback_t){{read_string}, &entry->key};
  message.value = (pb_callback_t){{read_string}, &entry->value};
  return pb_decode(stream, OnnxStringEntry_fields, &message);
}

static bool
read_opset(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  char *domain = NULL;
  OnnxOpset message = OnnxOpset_init_zero;
  message.domain = (pb_callback_t){{read_string}, &domain};
  bool ok = pb_decode(stream, OnnxOpset_fields, &message);
  if (ok && (domain == NULL || *domain == '\0' || strcmp(domain, "ai.onnx") == 0))
    model->opset = message.version;
  nn_free(domain);
  return ok;
}

static bool
decode_model(const NnSource *source, NnRawModel *model, GError **error)
{
  NnCursor cursor;
  pb_istream_t stream = nn_cursor_open(&cursor, source, 0, nn_source_size(source));
  OnnxModel message = OnnxModel_init_zero;
  message.graph.node = (pb_callback_t){{read_node}, model};
  message.graph.initializer = (pb_callback_t){{read_initializer}, model};
  message.graph.sparse_initializer = (pb_callback_t){{read_sparse}, model};
  message.graph.input = (pb_callback_t){{read_input}, model};
  message.graph.output = (pb_callback_t){{read_output}, model};
  message.opset_import = (pb_callback_t){{read_opset}, model};
  message.metadata_props = (pb_callback_t){{read_entry}, model};
  if (!pb_decode(&stream, OnnxModel_fields, &message))
    return nn_cursor_fail(&cursor, &stream, error);
  if (!message.has_graph || model->n_nodes == 0) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED, _("The file holds no ONNX network."));
    return false;
  }
  return true;
}

bool
nn_raw_model_read(const NnSource *source, NnRawModel *model, GError **error)
{
  if (nn_source_size(source) == 0) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED, _("The file is empty."));
    return false;
  }
  GError *reason = NULL;
  if (decode_model(source, model, &reason))
    return true;
  if (nn_file_kind_check(source, error))
    g_propagate_error(error, reason);
  else
    g_error_free(reason);
  return false;
}

static void
clear_names(NnRawNames *list)
{
  for (size_t i = 0; i < list->count; i++)
    nn_free(list->names[i]);
  nn_free(list->names);
}

static void
clear_values(NnRawValue *values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    nn_free(values[i].name);
  nn_free(values);
}

void
nn_raw_model_clear(NnRawModel *model)
{
  for (size_t i = 0; i < model->n_nodes; i++) {
    NnRawNode *node = &model->nodes[i];
    nn_free(node->name);
    nn_free(node->op_type);
    nn_free(node->domain);
    clear_names(&node->inputs);
    clear_names(&node->outputs);
    nn_attributes_clear(&node->attributes);
  }
  for (size_t i = 0; i < model->n_tensors; i++)
    nn_free(model->tensors[i].name);
  for (size_t i = 0; i < model->n_metadata; i++) {
    nn_free(model->metadata[i].key);
    nn_free(model->metadata[i].value);
  }
  clear_values(model->inputs, model->n_inputs);
  clear_values(model->outputs, model->n_outputs);
  clear_names(&model->locations);
  nn_free(model->nodes);
  nn_free(model->tensors);
  nn_free(model->metadata);
  *model = (NnRawModel){0};
}

NnTensor *
nn_tensor_proto_load(const char *path, char **name, GError **error)
{
  g_autoptr(NnSource) source = nn_source_open(path, error);
  if (source == NULL)
    return NULL;
  NnCursor cursor;
  pb_istream_t stream = nn_cursor_open(&cursor, source, 0, nn_source_size(source));
  NnRawModel model = {0}; /* for locations */
  NnRawTensor raw = {0};
  NnTensor *tensor = NULL;
  if (read_tensor(&stream, &model, &raw.name, &raw.shape, &raw.stored))
    tensor = nn_stored_load(source, &model.locations, &raw.stored, &raw.shape, error);
  else
    nn_cursor_fail(&cursor, &stream, error);
  if (name != NULL && tensor != NULL)
    *name = g_steal_pointer(&raw.name);
  nn_free(raw.name);
  nn_raw_model_clear(&model);
  return tensor;
}
