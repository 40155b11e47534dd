/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Allocation that may fail. Everything whose size follows from a file or a picture goes through
 * here; GLib's own allocators abort the process and are for small things of known size only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#define NN_ALIGNMENT 64 /* bytes; a cache line, and the widest vector of any CPU we know */

/** nn_align: @bytes, rounded up to a multiple of %NN_ALIGNMENT */
static inline size_t
nn_align(size_t bytes)
{
  return (bytes + NN_ALIGNMENT - 1) / NN_ALIGNMENT * NN_ALIGNMENT;
}

/**
 * nn_alloc:
 * @count, @size: the product, checked for overflow, is the number of bytes
 *
 * Uninitialised memory, aligned to %NN_ALIGNMENT. Free with nn_free().
 * Returns: (transfer full): never %NULL without @error set (%NN_ERROR_MEMORY); zero bytes give a
 *   valid pointer.
 */
void *nn_alloc(size_t count, size_t size, GError **error);

/** nn_alloc0: nn_alloc(), zeroed. */
void *nn_alloc0(size_t count, size_t size, GError **error);

/** nn_strndup: a copy of @length bytes with a terminating zero. Free with nn_free(). */
char *nn_strndup(const char *text, size_t length, GError **error);

/** nn_free: frees what this header's functions gave; %NULL is fine. */
void nn_free(void *memory);

/**
 * nn_grow:
 * @array: (inout): pointer to the array (of @size-byte items), from nn_alloc() or %NULL
 * @capacity: (inout): items that fit now
 * @needed: items that must fit
 *
 * Makes room, at least doubling, so that appending n items costs O(n). The new part is zeroed.
 */
bool nn_grow(void *array, size_t *capacity, size_t needed, size_t size, GError **error);
