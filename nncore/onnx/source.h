/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a network's bytes come from: an open file or memory. Files are read with pread() and not
 * mapped: touching a mapping of a file that somebody truncates meanwhile kills the process, and
 * every weight is copied anyway, into the order that a kernel wants. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

typedef struct NnSource NnSource;

NnSource *nn_source_open(const char *path, GError **error);
NnSource *nn_source_new_bytes(GBytes *bytes);
void nn_source_free(NnSource *source);
int64_t nn_source_size(const NnSource *source);

/** nn_source_read: exactly @length bytes from @offset, or %NN_ERROR_READ. Thread-safe. */
bool nn_source_read(const NnSource *source, int64_t offset, void *to, size_t length,
                    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnSource, nn_source_free)
