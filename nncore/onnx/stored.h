/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A located tensor (NnStored) -> its elements. */
#pragma once

#include "nncore/onnx/reader.h"

/**
 * nn_stored_load:
 * Reads a tensor's elements, converted to float32 or int64 (convert.h says how).
 * @source: the network
 * @locations: files beside it with more weights, by NnStored.file. They are opened for each
 *   weight and closed again: some exporters give every weight a file of its own, and there may be
 *   more of them than a process may hold open.
 * Returns: (transfer full): or %NULL with %NN_ERROR_MALFORMED where the length is not what type and
 *   shape ask for, %NN_ERROR_READ, %NN_ERROR_UNSUPPORTED or %NN_ERROR_MEMORY.
 */
NnTensor *nn_stored_load(const NnSource *source, const NnRawNames *locations,
                         const NnStored *stored, const NnShape *shape, GError **error);
