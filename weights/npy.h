/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NumPy's .npy files, version 1, little-endian float32 in C order: the plainest way to hold our
 * numbers against another engine's. */
#pragma once

#include "nncore/tensor/tensor.h"

/** som_npy_load: (transfer full): plain layout. */
NnTensor *som_npy_load(const char *path, GError **error);

/** som_npy_save: any layout; written in ONNX's order. */
bool som_npy_save(const char *path, const NnTensor *tensor, GError **error);
