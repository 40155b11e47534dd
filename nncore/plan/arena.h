/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places for buffers whose lifetimes are known: two may share bytes if they never live at the
 * same time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/** NnBuffer: @bytes that live from step @first to step @last, both included; @offset is found. */
typedef struct {
  size_t bytes;
  int first, last;
  size_t offset;
} NnBuffer;

/**
 * nn_arena_place:
 * @total: (out): bytes that hold all
 *
 * Largest first, each at the lowest offset that is free during its life (greedy by size, as in
 * Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference, 2020). Offsets
 * are multiples of %NN_ALIGNMENT. Buffers of 0 bytes get offset 0.
 */
bool nn_arena_place(NnBuffer *buffers, size_t count, size_t *total, GError **error);
