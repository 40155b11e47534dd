/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The nanopb callbacks. Each gets a stream limited to its field; the shared Cursor knows where in
 * the file that is, so a weight's field is noted and jumped over without reading it. Strings are
 * copied, each at most as long as the file. */
#include "nncore/onnx/reader.h"

#include <glib/gi18n-lib.h>
#include <pb_decode.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/onnx/convert.h"
#include "nncore/onnx/onnx.pb.h"

typedef struct {
  const NnSource *source;
  int64_t position; /* of the next byte that the stream gives */
  int64_t buffer_start;
  size_t buffer_length;
  GError *error; /* the first thing that went wrong, if it was not the grammar */
  uint8_t buffer[8192];
} Cursor;

static bool
read_bytes(pb_istream_t *stream, pb_byte_t *to, size_t count)
{
  Cursor *cursor = stream->state;
  while (count > 0) {
    int64_t inside = cursor->position - cursor->buffer_start;
    if (inside < 0 || inside >= (int64_t)cursor->buffer_length) {
      cursor->buffer_start = cursor->position;
      int64_t left = nn_source_size(cursor->source) - cursor->position;
      cursor->buffer_length = (size_t)CLAMP(left, (int64_t)0, (int64_t)sizeof cursor->buffer);
      if (cursor->buffer_length == 0 ||
          !nn_source_read(cursor->source, cursor->position, cursor->buffer, cursor->buffer_length,
                          &cursor->error))
        return false;
      inside = 0;
    }
    size_t part = MIN(count, cursor->buffer_length - (size_t)inside);
    memcpy(to, cursor->buffer + inside, part);
    to += part;
    count -= part;
    cursor->position += (int64_t)part;
  }
  return true;
}

static pb_istream_t
open_stream(Cursor *cursor, const NnSource *source, int64_t offset, int64_t length)
{
  cursor->source = source;
  cursor->position = offset;
  cursor->buffer_start = cursor->buffer_length = 0;
  cursor->error = NULL;
  return (pb_istream_t){.callback = read_bytes, .state = cursor, .bytes_left = (size_t)length};
}

/* Only length-delimited fields come with our own stream; a number's field has one of nanopb's,
 * whose state is no Cursor. */
static bool
is_ours(const pb_istream_t *stream)
{
  return stream->callback == read_bytes;
}

static GError **
stream_error(pb_istream_t *stream)
{
  return is_ours(stream) ? &((Cursor *)stream->state)->error : NULL;
}

static bool
skip(pb_istream_t *stream)
{
  Cursor *cursor = stream->state;
  cursor->position += (int64_t)stream->bytes_left;
  stream->bytes_left = 0;
  return true;
}

static bool
read_string(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  char **string = *argument;
  size_t length = stream->bytes_left;
  if (!is_ours(stream))
    return false;
  nn_free(*string); /* given twice: the last one counts, as protobuf has it */
  *string = nn_alloc(length + 1, 1, stream_error(stream));
  if (*string == NULL || !pb_read(stream, (pb_byte_t *)*string, length))
    return false;
  (*string)[length] = '\0';
  return g_utf8_validate(*string, -1, NULL);
}

/* strings that may be any bytes: STRING attributes */
static bool
read_bytes_field(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  char **string = *argument;
  if (read_string(stream, field, argument))
    return true;
  return *string != NULL && stream->bytes_left == 0;
}

static bool
read_name(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawNames *list = *argument;
  if (!is_ours(stream) || !nn_grow(&list->names, &list->capacity, list->count + 1,
                                   sizeof *list->names, stream_error(stream)))
    return false;
  void *name = &list->names[list->count++];
  return read_string(stream, field, &name);
}

static bool
read_dims(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnShape *shape = *argument;
  while (stream->bytes_left > 0) {
    uint64_t dim;
    if (!pb_decode_varint(stream, &dim) || shape->rank >= NN_MAX_RANK)
      return false;
    shape->dim[shape->rank++] = (int64_t)dim;
  }
  return true;
}

/* raw_data: where it lies */
static bool
locate_raw(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnStored *stored = *argument;
  if (!is_ours(stream))
    return false;
  stored->field = OnnxTensor_raw_data_tag;
  stored->offset = ((Cursor *)stream->state)->position;
  stored->length = (int64_t)stream->bytes_left;
  return skip(stream);
}

/* float_data and its like: which of them; offset and length are those of the whole tensor */
static bool
locate_typed(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnStored *stored = *argument;
  stored->field = field->tag;
  return is_ours(stream) ? skip(stream) : pb_read(stream, NULL, stream->bytes_left);
}

static bool
read_tensor(pb_istream_t *stream, char **name, NnShape *shape, NnStored *stored)
{
  OnnxTensor message = OnnxTensor_init_zero;
  stored->offset = ((Cursor *)stream->state)->position;
  stored->length = (int64_t)stream->bytes_left;
  message.dims = (pb_callback_t){{read_dims}, shape};
  message.name = (pb_callback_t){{read_string}, name};
  message.raw_data = (pb_callback_t){{locate_raw}, stored};
  message.float_data = (pb_callback_t){{locate_typed}, stored};
  message.int32_data = (pb_callback_t){{locate_typed}, stored};
  message.int64_data = (pb_callback_t){{locate_typed}, stored};
  message.double_data = (pb_callback_t){{locate_typed}, stored};
  if (!pb_decode(stream, OnnxTensor_fields, &message))
    return false;
  stored->data_type = message.data_type;
  if (message.data_location == 1) {
    g_set_error(stream_error(stream), NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("The weights “%s” are in another file. Networks in several files are not "
                  "supported; merge them into one .onnx file."),
                *name != NULL ? *name : "");
    return false;
  }
  return nn_shape_check(shape, stream_error(stream));
}

static bool
read_initializer(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  if (!is_ours(stream) || !nn_grow(&model->tensors, &model->tensors_capacity, model->n_tensors + 1,
                                   sizeof *model->tensors, stream_error(stream)))
    return false;
  NnRawTensor *tensor = &model->tensors[model->n_tensors++];
  return read_tensor(stream, &tensor->name, &tensor->shape, &tensor->stored);
}

/* ---- attributes ---- */

typedef struct {
  NnAttribute *attribute;
  size_t capacity; /* of ints or floats */
  bool has_tensor;
} AttributeReader;

static bool
read_floats(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  AttributeReader *reader = *argument;
  NnAttribute *attribute = reader->attribute;
  while (stream->bytes_left > 0)
    if (!nn_grow(&attribute->floats, &reader->capacity, attribute->count + 1, sizeof(float),
                 stream_error(stream)) ||
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
    if (!nn_grow(&attribute->ints, &reader->capacity, attribute->count + 1, sizeof(int64_t),
                 stream_error(stream)) ||
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
  if (!is_ours(stream))
    return false;
  reader->attribute->shape = (NnShape){0};
  bool ok = read_tensor(stream, &name, &reader->attribute->shape, &reader->attribute->stored);
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
  case NN_ATTRIBUTE_INTS: /* the two lists share count and capacity */
    return attribute->floats == NULL;
  case NN_ATTRIBUTE_FLOATS:
    return attribute->ints == NULL;
  default:
    return true;
  }
}

static bool
read_attribute(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawNode *node = *argument;
  NnAttributes *list = &node->attributes;
  if (!is_ours(stream) || !nn_grow(&list->items, &node->attributes_capacity, list->count + 1,
                                   sizeof *list->items, stream_error(stream)))
    return false;
  NnAttribute *attribute = &list->items[list->count++];
  AttributeReader reader = {.attribute = attribute};
  OnnxAttribute message = OnnxAttribute_init_zero;
  message.name = (pb_callback_t){{read_string}, &attribute->name};
  message.s = (pb_callback_t){{read_bytes_field}, &attribute->s};
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

static bool
read_node(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  if (!is_ours(stream) || !nn_grow(&model->nodes, &model->nodes_capacity, model->n_nodes + 1,
                                   sizeof *model->nodes, stream_error(stream)))
    return false;
  NnRawNode *node = &model->nodes[model->n_nodes++];
  OnnxNode message = OnnxNode_init_zero;
  message.name = (pb_callback_t){{read_string}, &node->name};
  message.op_type = (pb_callback_t){{read_string}, &node->op_type};
  message.domain = (pb_callback_t){{read_string}, &node->domain};
  message.input = (pb_callback_t){{read_name}, &node->inputs};
  message.output = (pb_callback_t){{read_name}, &node->outputs};
  message.attribute = (pb_callback_t){{read_attribute}, node};
  return pb_decode(stream, OnnxNode_fields, &message) && node->op_type != NULL;
}

static bool
read_dimension(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnShape *shape = *argument;
  OnnxDimension message = OnnxDimension_init_zero;
  if (!pb_decode(stream, OnnxDimension_fields, &message) || shape->rank >= NN_MAX_RANK)
    return false;
  shape->dim[shape->rank++] = message.has_dim_value ? MAX(message.dim_value, 0) : 0;
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
  return nn_shape_check(&value->shape, stream_error(stream));
}

static bool
read_input(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  return is_ours(stream) &&
         nn_grow(&model->inputs, &model->inputs_capacity, model->n_inputs + 1,
                 sizeof *model->inputs, stream_error(stream)) &&
         read_value_info(stream, &model->inputs[model->n_inputs++]);
}

static bool
read_output(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  return is_ours(stream) &&
         nn_grow(&model->outputs, &model->outputs_capacity, model->n_outputs + 1,
                 sizeof *model->outputs, stream_error(stream)) &&
         read_value_info(stream, &model->outputs[model->n_outputs++]);
}

static bool
read_entry(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  NnRawModel *model = *argument;
  if (!is_ours(stream) ||
      !nn_grow(&model->metadata, &model->metadata_capacity, model->n_metadata + 1,
               sizeof *model->metadata, stream_error(stream)))
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

/* the error that a failed decode ends in: the cursor's own, or that of the grammar */
static bool
fail_decode(Cursor *cursor, const pb_istream_t *stream, GError **error)
{
  if (cursor->error != NULL)
    g_propagate_error(error, g_steal_pointer(&cursor->error));
  else
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("The file is damaged or is no ONNX network (near byte %d: %s)."),
                (int)MIN(cursor->position, G_MAXINT), PB_GET_ERROR(stream));
  return false;
}

bool
nn_raw_model_read(const NnSource *source, NnRawModel *model, GError **error)
{
  Cursor cursor;
  pb_istream_t stream = open_stream(&cursor, source, 0, nn_source_size(source));
  OnnxModel message = OnnxModel_init_zero;
  message.graph.node = (pb_callback_t){{read_node}, model};
  message.graph.initializer = (pb_callback_t){{read_initializer}, model};
  message.graph.input = (pb_callback_t){{read_input}, model};
  message.graph.output = (pb_callback_t){{read_output}, model};
  message.opset_import = (pb_callback_t){{read_opset}, model};
  message.metadata_props = (pb_callback_t){{read_entry}, model};
  if (nn_source_size(source) == 0) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED, _("The file is empty."));
    return false;
  }
  if (!pb_decode(&stream, OnnxModel_fields, &message))
    return fail_decode(&cursor, &stream, error);
  if (!message.has_graph || model->n_nodes == 0) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED, _("The file holds no ONNX network."));
    return false;
  }
  return true;
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
  nn_free(model->nodes);
  nn_free(model->tensors);
  nn_free(model->metadata);
  *model = (NnRawModel){0};
}

/* ---- elements ---- */

typedef struct {
  NnTensor *tensor;
  int data_type;
  int64_t count; /* elements read */
} ElementReader;

/* one element of a repeated field, widened as ONNX has it, into bytes of data_type */
static bool
decode_element(pb_istream_t *stream, int field, int data_type, uint8_t bytes[8])
{
  uint64_t number = 0;
  bool ok = field == OnnxTensor_float_data_tag    ? pb_decode_fixed32(stream, &number)
            : field == OnnxTensor_double_data_tag ? pb_decode_fixed64(stream, &number)
                                                  : pb_decode_varint(stream, &number);
  memcpy(bytes, &number, sizeof number); /* little-endian: the low bytes are the element */
  return ok && nn_onnx_type_size(data_type) != 0;
}

static bool
read_elements(pb_istream_t *stream, const pb_field_t *field, void **argument)
{
  ElementReader *reader = *argument;
  NnTensor *tensor = reader->tensor;
  int64_t count = nn_shape_count(&tensor->shape);
  size_t size = nn_dtype_size(tensor->dtype);
  while (stream->bytes_left > 0) {
    uint8_t bytes[8];
    if (reader->count >= count || !decode_element(stream, field->tag, reader->data_type, bytes))
      return false;
    nn_onnx_convert(reader->data_type, bytes, 1,
                    (char *)tensor->data + (size_t)reader->count++ * size);
  }
  return true;
}

static bool
field_fits_type(int field, int data_type)
{
  switch (field) {
  case OnnxTensor_float_data_tag:
    return data_type == NN_ONNX_FLOAT;
  case OnnxTensor_double_data_tag:
    return data_type == NN_ONNX_DOUBLE;
  case OnnxTensor_int64_data_tag:
    return data_type == NN_ONNX_INT64;
  default:
    return data_type != NN_ONNX_FLOAT && data_type != NN_ONNX_DOUBLE && data_type != NN_ONNX_INT64;
  }
}

static bool
set_length_error(GError **error)
{
  g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED,
                      _("The weights do not have the length that their shape asks for; the file "
                        "is damaged."));
  return false;
}

static bool
load_typed(const NnSource *source, const NnStored *stored, NnTensor *tensor, GError **error)
{
  Cursor cursor;
  pb_istream_t stream = open_stream(&cursor, source, stored->offset, stored->length);
  ElementReader reader = {tensor, stored->data_type, 0};
  OnnxTensor message = OnnxTensor_init_zero;
  pb_callback_t callback = {{read_elements}, &reader};
  switch (stored->field) {
  case OnnxTensor_float_data_tag:
    message.float_data = callback;
    break;
  case OnnxTensor_int32_data_tag:
    message.int32_data = callback;
    break;
  case OnnxTensor_int64_data_tag:
    message.int64_data = callback;
    break;
  case OnnxTensor_double_data_tag:
    message.double_data = callback;
    break;
  default:
    break;
  }
  if (!field_fits_type(stored->field, stored->data_type) ||
      !pb_decode(&stream, OnnxTensor_fields, &message) ||
      reader.count != nn_shape_count(&tensor->shape)) {
    g_clear_error(&cursor.error);
    return set_length_error(error);
  }
  return true;
}

static bool
load_raw(const NnSource *source, const NnStored *stored, NnTensor *tensor, GError **error)
{
  enum { CHUNK = 1 << 16 };
  size_t size = nn_onnx_type_size(stored->data_type);
  int64_t count = nn_shape_count(&tensor->shape);
  if (stored->length != count * (int64_t)size)
    return set_length_error(error);
  if (size == nn_dtype_size(tensor->dtype) && stored->data_type != NN_ONNX_UINT64)
    return nn_source_read(source, stored->offset, tensor->data, (size_t)stored->length, error);
  char *buffer = nn_alloc(CHUNK, size, error);
  bool ok = buffer != NULL;
  for (int64_t done = 0; ok && done < count; done += CHUNK) {
    size_t part = (size_t)MIN(count - done, (int64_t)CHUNK);
    ok = nn_source_read(source, stored->offset + done * (int64_t)size, buffer, part * size, error);
    if (ok)
      nn_onnx_convert(stored->data_type, buffer, part,
                      (char *)tensor->data + (size_t)done * nn_dtype_size(tensor->dtype));
  }
  nn_free(buffer);
  return ok;
}

NnTensor *
nn_stored_load(const NnSource *source, const NnStored *stored, const NnShape *shape, GError **error)
{
  size_t size = nn_onnx_type_size(stored->data_type);
  if (size == 0) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("Weights of ONNX's element type %d are not supported."), stored->data_type);
    return NULL;
  }
  /* before anything is allocated: no element takes less than a byte of the file */
  if (!nn_shape_check(shape, error))
    return NULL;
  if (nn_shape_count(shape) > stored->length) {
    set_length_error(error);
    return NULL;
  }
  g_autoptr(NnTensor) tensor = nn_tensor_new(nn_onnx_type_dtype(stored->data_type), shape, error);
  if (tensor == NULL)
    return NULL;
  bool raw = stored->field == OnnxTensor_raw_data_tag;
  bool none = stored->field == 0 && nn_shape_count(shape) == 0;
  if (!none && !(raw ? load_raw : load_typed)(source, stored, tensor, error))
    return NULL;
  return g_steal_pointer(&tensor);
}

NnTensor *
nn_tensor_proto_load(const char *path, char **name, GError **error)
{
  g_autoptr(NnSource) source = nn_source_open(path, error);
  if (source == NULL)
    return NULL;
  Cursor cursor;
  pb_istream_t stream = open_stream(&cursor, source, 0, nn_source_size(source));
  char *tensor_name = NULL;
  NnShape shape = {0};
  NnStored stored = {0};
  NnTensor *tensor = NULL;
  if (read_tensor(&stream, &tensor_name, &shape, &stored))
    tensor = nn_stored_load(source, &stored, &shape, error);
  else
    fail_decode(&cursor, &stream, error);
  if (name != NULL && tensor != NULL)
    *name = g_steal_pointer(&tensor_name);
  nn_free(tensor_name);
  return tensor;
}
