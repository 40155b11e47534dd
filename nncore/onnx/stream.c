/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading through a small buffer; a jump costs nothing. */
#include "nncore/onnx/stream.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"

static bool
fill_buffer(NnCursor *cursor)
{
  int64_t left = nn_source_size(cursor->source) - cursor->position;
  cursor->buffer_start = cursor->position;
  cursor->buffer_length = (size_t)CLAMP(left, (int64_t)0, (int64_t)sizeof cursor->buffer);
  if (cursor->buffer_length > 0 && nn_source_read(cursor->source, cursor->position, cursor->buffer,
                                                  cursor->buffer_length, &cursor->error))
    return true;
  cursor->buffer_length = 0;
  return false;
}

static bool
read_bytes(pb_istream_t *stream, pb_byte_t *to, size_t count)
{
  NnCursor *cursor = stream->state;
  while (count > 0) {
    int64_t inside = cursor->position - cursor->buffer_start;
    if (inside < 0 || inside >= (int64_t)cursor->buffer_length) {
      if (!fill_buffer(cursor))
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

pb_istream_t
nn_cursor_open(NnCursor *cursor, const NnSource *source, int64_t offset, int64_t length)
{
  cursor->source = source;
  cursor->position = offset;
  cursor->buffer_start = 0;
  cursor->buffer_length = 0;
  cursor->error = NULL;
  return (pb_istream_t){.callback = read_bytes, .state = cursor, .bytes_left = (size_t)length};
}

bool
nn_cursor_fail(NnCursor *cursor, const pb_istream_t *stream, GError **error)
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
nn_stream_is_ours(const pb_istream_t *stream)
{
  return stream->callback == read_bytes;
}

GError **
nn_stream_error(pb_istream_t *stream)
{
  return nn_stream_is_ours(stream) ? &((NnCursor *)stream->state)->error : NULL;
}

int64_t
nn_stream_position(const pb_istream_t *stream)
{
  return ((const NnCursor *)stream->state)->position;
}

bool
nn_stream_skip(pb_istream_t *stream)
{
  NnCursor *cursor = stream->state;
  cursor->position += (int64_t)stream->bytes_left;
  stream->bytes_left = 0;
  return true;
}
