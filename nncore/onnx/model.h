/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An opened .onnx file: its graph as imported, its metadata, and its weights, which stay in the
 * file until a program (plan/program.h) asks for them. Immutable after opening, but for
 * nn_model_bind_input(); shared by any number of programs. */
#pragma once

#include <glib.h>

#include "nncore/graph/graph.h"

typedef struct NnModel NnModel;

/**
 * nn_model_open:
 * @path: a file name in GLib's encoding
 *
 * Reads the structure, not the weights: takes time and memory by the number of nodes, not by the
 * size of the file. The file stays open and is read with pread(), never mapped, so that a file
 * truncated later ends in %NN_ERROR_READ instead of a signal. Files beside it that hold weights
 * (external data) are opened when a weight is wanted: a network whose data file is missing still
 * serves for the layers that need none of it. A path that leads out of the network's folder is
 * refused here.
 * Returns: (transfer full): or %NULL with %NN_ERROR_READ, %NN_ERROR_MALFORMED,
 *   %NN_ERROR_UNSUPPORTED or %NN_ERROR_MEMORY.
 */
NnModel *nn_model_open(const char *path, GError **error);

/** nn_model_open_bytes: the same over bytes in memory, kept by reference. */
NnModel *nn_model_open_bytes(GBytes *bytes, GError **error);

NnModel *nn_model_ref(NnModel *model);
void nn_model_unref(NnModel *model);

/** nn_model_graph: (transfer none): the whole graph, nothing folded. */
const NnGraph *nn_model_graph(const NnModel *model);

/** nn_model_metadata: (transfer none) (nullable): metadata_props[key] of the file. */
const char *nn_model_metadata(const NnModel *model, const char *key);

/** nn_model_opset: of the default domain. */
int nn_model_opset(const NnModel *model);

/**
 * nn_model_bind_input:
 * Turns the graph's input @name into a constant with @tensor's elements (a reference is taken),
 * for files that pass weights or shapes as inputs. Call before any program is made.
 */
bool nn_model_bind_input(NnModel *model, const char *name, NnTensor *tensor, GError **error);

/**
 * nn_model_load_constant:
 * Reads the constant @value from the file, converted to float32 or int64, checked for length and
 * for what is no number (NaN).
 * Returns: (transfer full)
 */
NnTensor *nn_model_load_constant(const NnModel *model, NnValueId value, GError **error);

/** nn_model_load_constants: all that the nodes of @graph, a copy of the model's, read and that have not
 * been loaded yet; errors as nn_model_load_constant(). */
bool nn_model_load_constants(const NnModel *model, NnGraph *graph, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnModel, nn_model_unref)
