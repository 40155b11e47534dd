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

/** nn_source_open: @path: a regular file; never waits for one that is not. */
NnSource *nn_source_open(const char *path, GError **error);
NnSource *nn_source_new_bytes(GBytes *bytes);
void nn_source_free(NnSource *source);
int64_t nn_source_size(const NnSource *source);

/**
 * nn_source_check_location:
 * Whether @location, by which a network names a file with some of its weights, is a relative path
 * that leads down only; else %NN_ERROR_MALFORMED. Looks at the text, not at the disk.
 */
bool nn_source_check_location(const char *location, GError **error);

/**
 * nn_source_open_beside:
 * Opens the file @location in the folder of @network. A network is somebody else's file and must
 * not make us read what is elsewhere, so symbolic links are followed only as long as they end in
 * the folder of @network or, where @network is itself a link (as download caches have it), in that
 * of the file that it leads to.
 * Returns: (transfer full): or %NULL with %NN_ERROR_MALFORMED for a place that is not allowed and
 *   for @network itself, %NN_ERROR_READ for a file that is missing or no file.
 */
NnSource *nn_source_open_beside(const NnSource *network, const char *location, GError **error);

/** nn_source_check_range: whether the source has @length bytes from @offset on; else
 * %NN_ERROR_READ. */
bool nn_source_check_range(const NnSource *source, int64_t offset, int64_t length, GError **error);

/** nn_source_read: exactly @length bytes from @offset, or %NN_ERROR_READ. Thread-safe. */
bool nn_source_read(const NnSource *source, int64_t offset, void *to, size_t length,
                    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnSource, nn_source_free)
