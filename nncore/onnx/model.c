/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The opened file. */
#include "nncore/onnx/model.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/onnx/import.h"
#include "nncore/onnx/stored.h"

struct NnModel {
  gint refs;
  NnSource *source;
  NnGraph *graph;
  NnRawModel raw; /* only metadata, locations and opset stay */
};

static NnModel *
open_source(NnSource *source, GError **error)
{
  NnModel *model = g_new0(NnModel, 1);
  model->refs = 1;
  model->source = source;
  if (nn_raw_model_read(source, &model->raw, error))
    model->graph = nn_import(&model->raw, error);
  if (model->graph == NULL) {
    nn_model_unref(model);
    return NULL;
  }
  NnRawModel rest = model->raw;
  model->raw = (NnRawModel){
      .metadata = rest.metadata,
      .n_metadata = rest.n_metadata,
      .locations = rest.locations,
      .opset = rest.opset,
  };
  rest.metadata = NULL;
  rest.n_metadata = 0;
  rest.locations = (NnRawNames){0};
  nn_raw_model_clear(&rest);
  return model;
}

NnModel *
nn_model_open(const char *path, GError **error)
{
  NnSource *source = nn_source_open(path, error);
  return source != NULL ? open_source(source, error) : NULL;
}

NnModel *
nn_model_open_bytes(GBytes *bytes, GError **error)
{
  return open_source(nn_source_new_bytes(bytes), error);
}

NnModel *
nn_model_ref(NnModel *model)
{
  g_atomic_int_inc(&model->refs);
  return model;
}

void
nn_model_unref(NnModel *model)
{
  if (model == NULL || !g_atomic_int_dec_and_test(&model->refs))
    return;
  nn_graph_free(model->graph);
  nn_raw_model_clear(&model->raw);
  nn_source_free(model->source);
  g_free(model);
}

const NnGraph *
nn_model_graph(const NnModel *model)
{
  return model->graph;
}

const char *
nn_model_metadata(const NnModel *model, const char *key)
{
  for (size_t i = 0; i < model->raw.n_metadata; i++)
    if (g_strcmp0(model->raw.metadata[i].key, key) == 0)
      return model->raw.metadata[i].value;
  return NULL;
}

int
nn_model_opset(const NnModel *model)
{
  return (int)MIN(model->raw.opset, G_MAXINT);
}

bool
nn_model_bind_input(NnModel *model, const char *name, NnTensor *tensor, GError **error)
{
  NnGraph *graph = model->graph;
  for (size_t i = 0; i < graph->n_inputs; i++) {
    NnValue *value = &graph->values[graph->inputs[i]];
    if (strcmp(value->name, name) != 0)
      continue;
    value->is_constant = true;
    value->constant = nn_tensor_ref(tensor);
    value->type = (NnType){tensor->shape, tensor->dtype, true};
    memmove(&graph->inputs[i], &graph->inputs[i + 1],
            (graph->n_inputs - i - 1) * sizeof *graph->inputs);
    graph->n_inputs--;
    return true;
  }
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT, _("The network has no input “%s”."), name);
  return false;
}

/* Infinity has its uses (the bounds of a Clip, the padding before a MaxPool); what is no number would
 * spread over the whole picture without a word. */
static bool
check_numbers(const NnTensor *tensor, GError **error)
{
  int64_t count = tensor->dtype == NN_DTYPE_FLOAT ? nn_shape_count(&tensor->shape) : 0;
  int wrong = 0;
  for (int64_t i = 0; i < count; i++)
    wrong |= isnan(tensor->f[i]) != 0;
  if (wrong)
    g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED,
                        _("Some of them are no numbers (NaN); the file is damaged or the network's "
                          "training failed."));
  return !wrong;
}

NnTensor *
nn_model_load_constant(const NnModel *model, NnValueId id, GError **error)
{
  const NnValue *value = &model->graph->values[id];
  if (value->constant != NULL)
    return nn_tensor_ref(value->constant);
  g_autoptr(NnTensor) tensor = nn_stored_load(model->source, &model->raw.locations, &value->stored,
                                              &value->type.shape, error);
  if (tensor != NULL && check_numbers(tensor, error))
    return g_steal_pointer(&tensor);
  g_prefix_error(error, _("Weights “%s”: "), value->name);
  return NULL;
}

bool
nn_model_load_constants(const NnModel *model, NnGraph *graph, GError **error)
{
  for (size_t i = 0; i < graph->n_nodes; i++)
    for (int k = 0; k < graph->nodes[i].n_inputs; k++) {
      NnValueId id = graph->nodes[i].inputs[k];
      if (id == NN_NO_VALUE || !graph->values[id].is_constant || graph->values[id].constant != NULL)
        continue;
      NnTensor *tensor = nn_model_load_constant(model, id, error);
      if (tensor == NULL)
        return false;
      graph->values[id].constant = tensor;
      graph->values[id].type = (NnType){tensor->shape, tensor->dtype, true};
    }
  return true;
}
