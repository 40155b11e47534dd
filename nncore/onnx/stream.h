/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nanopb's input stream over an NnSource. The cursor knows where in the file a field lies, so that
 * weights can be noted and jumped over without reading them. Inside onnx/ only. */
#pragma once

#include <pb_decode.h>

#include "nncore/onnx/source.h"

/** NnCursor: @error: the first thing that went wrong, if it was not the grammar. */
typedef struct {
  const NnSource *source;
  int64_t position; /* of the next byte that the stream gives */
  int64_t buffer_start;
  size_t buffer_length;
  GError *error;
  uint8_t buffer[8192];
} NnCursor;

/** nn_cursor_open: a stream over @length bytes from @offset; @cursor must outlive it. */
pb_istream_t nn_cursor_open(NnCursor *cursor, const NnSource *source, int64_t offset,
                            int64_t length);

/** nn_cursor_fail: the error that a failed decode ends in: the cursor's own, or that of the
 * grammar. Returns false. */
bool nn_cursor_fail(NnCursor *cursor, const pb_istream_t *stream, GError **error);

/** nn_stream_is_ours: whether @stream has a cursor. Only length-delimited fields come with our own
 * stream; a number's field has one of nanopb's. */
bool nn_stream_is_ours(const pb_istream_t *stream);

/** nn_stream_error: where an error goes that is not the grammar's; %NULL if @stream is not ours. */
GError **nn_stream_error(pb_istream_t *stream);

/** nn_stream_position: where in the file @stream, which is ours, stands. */
int64_t nn_stream_position(const pb_istream_t *stream);

/** nn_stream_skip: jumps over the rest of @stream. */
bool nn_stream_skip(pb_istream_t *stream);
