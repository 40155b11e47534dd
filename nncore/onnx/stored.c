/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two forms: raw_data, little-endian elements in a row (here or in another file), and the repeated
 * fields, one for a group of types, packed or not. */
#include "nncore/onnx/stored.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/onnx/convert.h"
#include "nncore/onnx/onnx.pb.h"
#include "nncore/onnx/stream.h"

static bool
set_length_error(GError **error)
{
  g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED,
                      _("The weights do not have the length that their shape asks for; the file "
                        "is damaged."));
  return false;
}

/* ---- the repeated fields ---- */

typedef struct {
  NnTensor *tensor;
  int data_type;
  int64_t count; /* elements read */
} ElementReader;

/* one element of a repeated field, widened as ONNX has it, into bytes of data_type */
static bool
decode_element(pb_istream_t *stream, int field, uint8_t bytes[8])
{
  uint64_t number = 0;
  bool ok = field == OnnxTensor_float_data_tag    ? pb_decode_fixed32(stream, &number)
            : field == OnnxTensor_double_data_tag ? pb_decode_fixed64(stream, &number)
                                                  : pb_decode_varint(stream, &number);
  memcpy(bytes, &number, sizeof number); /* little-endian: the low bytes are the element */
  return ok;
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
    if (reader->count >= count || !decode_element(stream, field->tag, bytes))
      return false;
    nn_onnx_convert(reader->data_type, bytes, 1,
                    (char *)tensor->data + (size_t)reader->count++ * size);
  }
  return true;
}

static int
field_of_type(int data_type)
{
  switch (data_type) {
  case NN_ONNX_FLOAT:
    return OnnxTensor_float_data_tag;
  case NN_ONNX_DOUBLE:
    return OnnxTensor_double_data_tag;
  case NN_ONNX_INT64:
    return OnnxTensor_int64_data_tag;
  case NN_ONNX_UINT32:
  case NN_ONNX_UINT64:
    return OnnxTensor_uint64_data_tag;
  default:
    return OnnxTensor_int32_data_tag;
  }
}

static bool
load_typed(const NnSource *source, const NnStored *stored, NnTensor *tensor, GError **error)
{
  NnCursor cursor;
  pb_istream_t stream = nn_cursor_open(&cursor, source, stored->offset, stored->length);
  ElementReader reader = {tensor, stored->data_type, 0};
  OnnxTensor message = OnnxTensor_init_zero;
  pb_callback_t *callbacks[] = {
      [OnnxTensor_float_data_tag] = &message.float_data,
      [OnnxTensor_int32_data_tag] = &message.int32_data,
      [OnnxTensor_int64_data_tag] = &message.int64_data,
      [OnnxTensor_double_data_tag] = &message.double_data,
      [OnnxTensor_uint64_data_tag] = &message.uint64_data,
  };
  if (stored->field != field_of_type(stored->data_type))
    return set_length_error(error);
  *callbacks[stored->field] = (pb_callback_t){{read_elements}, &reader};
  if (pb_decode(&stream, OnnxTensor_fields, &message) &&
      reader.count == nn_shape_count(&tensor->shape))
    return true;
  if (cursor.error == NULL)
    return set_length_error(error);
  g_propagate_error(error, g_steal_pointer(&cursor.error));
  return false;
}

/* ---- raw_data ---- */

static bool
load_raw(const NnSource *source, const NnStored *stored, NnTensor *tensor, GError **error)
{
  enum { CHUNK = 1 << 16 };
  size_t size = nn_onnx_type_size(stored->data_type);
  int64_t count = nn_shape_count(&tensor->shape);
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

/* ---- both ---- */

static bool
check_type(int data_type, GError **error)
{
  /* ONNX's own names, which nobody translates */
  static const char *const names[] = {
      [8] = "STRING",          [14] = "COMPLEX64",  [15] = "COMPLEX128",     [17] = "FLOAT8E4M3FN",
      [18] = "FLOAT8E4M3FNUZ", [19] = "FLOAT8E5M2", [20] = "FLOAT8E5M2FNUZ", [21] = "UINT4",
      [22] = "INT4",           [23] = "FLOAT4E2M1",
  };
  if (nn_onnx_type_size(data_type) > 0)
    return true;
  const char *name =
      data_type > 0 && data_type < (int)G_N_ELEMENTS(names) ? names[data_type] : NULL;
  if (data_type == NN_ONNX_SPARSE)
    g_set_error_literal(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                        _("Sparse weights are not supported; save the network with dense ones."));
  else
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("Weights of ONNX's element type %d (%s) are not supported."), data_type,
                name != NULL ? name : "?");
  return false;
}

/* Before anything is allocated: what the shape claims must be there. In the repeated fields, no
 * element takes less than a byte. */
static bool
check_length(const NnSource *source, const NnStored *stored, const NnShape *shape, GError **error)
{
  int64_t count = nn_shape_count(shape);
  bool raw = stored->field == OnnxTensor_raw_data_tag;
  int64_t bytes = count * (int64_t)nn_onnx_type_size(stored->data_type);
  if (raw ? stored->length != bytes : stored->length < count || stored->field == 0)
    return set_length_error(error);
  return nn_source_check_range(source, stored->offset, stored->length, error);
}

NnTensor *
nn_stored_load(const NnSource *source, const NnRawNames *locations, const NnStored *stored,
               const NnShape *shape, GError **error)
{
  if (!check_type(stored->data_type, error) || !nn_shape_check(shape, error))
    return NULL;
  g_autoptr(NnSource) beside = NULL;
  if (stored->file > 0) {
    beside = nn_source_open_beside(source, locations->names[stored->file - 1], error);
    if (beside == NULL)
      return NULL;
    source = beside;
  }
  bool none = stored->field == 0 && nn_shape_count(shape) == 0;
  if (!none && !check_length(source, stored, shape, error))
    return NULL;
  g_autoptr(NnTensor) tensor = nn_tensor_new(nn_onnx_type_dtype(stored->data_type), shape, error);
  if (tensor == NULL)
    return NULL;
  bool raw = stored->field == OnnxTensor_raw_data_tag;
  if (!none && !(raw ? load_raw : load_typed)(source, stored, tensor, error))
    return NULL;
  return g_steal_pointer(&tensor);
}
