/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole map that is written and read box by box: in memory, or in a temporary file where memory
 * is short. The file has no name (nothing is left behind, whatever happens), and its room is
 * reserved when it is made, so that a full disk is an error at the start. */
#pragma once

#include "nncore/tensor/box.h"

typedef struct NnStore NnStore;

/**
 * nn_store_new:
 * @context: (nullable): whose threads copy what is in memory
 * @shape: 1 x C x H x W
 * @in_file: whether in a file, in the folder for temporary files (TMPDIR, else /var/tmp, which is on
 *   a disk as a rule, where /tmp may be memory)
 *
 * Contents are undefined. %NN_ERROR_MEMORY, or %NN_ERROR_READ where there is no room on the disk.
 */
NnStore *nn_store_new(NnContext *context, const NnShape *shape, NnLayout layout, bool in_file,
                      GError **error);
void nn_store_free(NnStore *store);

/** nn_store_is_file: whether it is in a file. */
bool nn_store_is_file(const NnStore *store);

/** nn_store_bytes: the memory that it takes. */
size_t nn_store_bytes(const NnStore *store);

/** nn_store_clear: zeroes it. */
bool nn_store_clear(NnStore *store, GError **error);

/** nn_store_read: the box of the store that begins at (@y, @x) into the whole of @to. */
bool nn_store_read(NnStore *store, int64_t y, int64_t x, const NnTensor *to, GError **error);

/** nn_store_write: @box of @from to the store, from (@y, @x) on; added to what is there if @add. */
bool nn_store_write(NnStore *store, const NnTensor *from, const NnBox *box, int64_t y, int64_t x,
                    bool add, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnStore, nn_store_free)
