/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Raw nodes -> NnGraph. Every difference between opsets is settled here (normalise.c) and nowhere
 * else: operators see the newest meaning of their attributes. */
#pragma once

#include "nncore/onnx/reader.h"

/**
 * nn_import:
 * A node that cannot be used (unknown operator, attribute or value) becomes one that fails with
 * its sentence when a program needs it, so that the rest of the network stays usable.
 * Returns: (transfer full): %NN_ERROR_MALFORMED for names used twice, missing values, cycles.
 */
NnGraph *nn_import(NnRawModel *raw, GError **error);

/**
 * nn_normalise:
 * Rewrites @node, written for @opset, to the newest opset's operator, inputs and attributes. An
 * attribute that became an input gets its number in NnAttribute.input; the importer makes it a
 * constant.
 */
bool nn_normalise(NnRawNode *node, int64_t opset, GError **error);

/** nn_op_unsupported: the stand-in for a node that cannot be used; its parameters are
 * NnUnsupported. */
typedef struct {
  char message[512];
} NnUnsupported;

extern const NnOp nn_op_unsupported;
