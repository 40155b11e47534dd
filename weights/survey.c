/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Types are inferred node by node; of the constants only those are read that shape arithmetic may
 * want, so that a survey of a large file stays quick. A cut is found by walking along the nodes
 * and counting the values that somebody still wants. */
#include "weights/survey.h"

#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/graph/evaluate.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"

#define USUAL_SIZE 224
#define MAX_SHAPE_ELEMENTS 64   /* of a constant that shape arithmetic may want */
#define MAX_ELEMENTS (1 << 16) /* of one that an operator asks for */

typedef struct SomReaders {
  int first, second; /* nodes; -1 */
  int count;
  int last;
} SomReaders;

static const char *const activations[] = {
    "Relu", "LeakyRelu",   "PRelu",    "Elu",  "Selu", "Celu",     "Clip",    "HardSwish", "Mish",
    "Gelu", "HardSigmoid", "Softplus", "Tanh", "Erf",  "Softsign", "Sigmoid", NULL,
};
static const char *const norms[] = {"BatchNormalization", "InstanceNormalization",
                                    "GroupNormalization", NULL};
static const char *const scalings[] = {"Mul", "Div", "Add", "Sub", "Identity", "Dropout", NULL};

static bool
is_any(const NnNode *node, const char *const *names)
{
  return g_strv_contains(names, node->op->onnx_name);
}

static bool
is_op(const NnNode *node, const char *name)
{
  return strcmp(node->op->onnx_name, name) == 0;
}

/* ---- types ---- */

static bool
is_out_of_memory(const GError *error)
{
  return g_error_matches(error, NN_ERROR, NN_ERROR_MEMORY);
}

/* drops an error that only means "cannot be told"; false for the one that counts */
static bool
forgive(GError **reason, GError **error)
{
  if (*reason == NULL)
    return true;
  if (is_out_of_memory(*reason)) {
    g_propagate_error(error, g_steal_pointer(reason));
    return false;
  }
  g_clear_error(reason);
  return true;
}

static bool
load_constant(SomSurvey *survey, const NnModel *model, NnValueId id, int64_t limit, GError **error)
{
  NnValue *value = &survey->graph->values[id];
  g_autoptr(GError) reason = NULL;
  if (!value->is_constant || value->constant != NULL || !nn_shape_check(&value->type.shape, NULL) ||
      nn_shape_count(&value->type.shape) > limit)
    return true;
  value->constant = nn_model_load_constant(model, id, &reason);
  if (value->constant != NULL)
    value->type.dtype = value->constant->dtype;
  return forgive(&reason, error);
}

/* those that shape arithmetic may want, and those without which an operator tells no shape */
static bool
load_constants(SomSurvey *survey, const NnModel *model, GError **error)
{
  const NnGraph *graph = survey->graph;
  for (size_t i = 0; i < graph->n_values; i++)
    if (!load_constant(survey, model, (NnValueId)i, MAX_SHAPE_ELEMENTS, error))
      return false;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const NnNode *node = &graph->nodes[i];
    for (int k = 0; k < MIN(node->n_inputs, 32) && node->op->prepare == NULL; k++)
      if ((node->op->constant_inputs >> k & 1) != 0 && node->inputs[k] != NN_NO_VALUE &&
          !load_constant(survey, model, node->inputs[k], MAX_ELEMENTS, error))
        return false;
  }
  return true;
}

/* operators with prepare take their weights' elements there and need only types here */
static bool
infer_by_types(NnGraph *graph, const NnNode *node, GError **error)
{
  NnNodeTypes types;
  bool ok = nn_node_types_init(&types, graph, node, error);
  for (int i = 0; ok && i < node->n_inputs; i++)
    ok = types.in[i].present || (i >= node->op->min_inputs && node->inputs[i] == NN_NO_VALUE);
  for (int o = 0; ok && o < node->n_outputs; o++)
    types.out[o] = (NnType){.present = true};
  ok = ok && node->op->infer(&types.infer, error);
  for (int o = 0; ok && o < node->n_outputs; o++) {
    types.out[o].present = true;
    if (node->outputs[o] != NN_NO_VALUE && nn_shape_check(&types.out[o].shape, NULL))
      graph->values[node->outputs[o]].type = types.out[o];
  }
  nn_node_types_clear(&types);
  return ok;
}

/* numbers that follow from shapes, for the Reshape or Resize behind them */
static bool
find_known(NnGraph *graph, const NnNode *node, NnContext *context, GError **error)
{
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE &&
        nn_shape_count(&graph->values[node->outputs[o]].type.shape) > MAX_SHAPE_ELEMENTS)
      return true;
  if (node->op->prepare != NULL || !nn_node_is_evaluable(graph, node, true))
    return true;
  NnTensor **outputs = nn_alloc0((size_t)node->n_outputs, sizeof *outputs, error);
  bool ok = outputs != NULL && nn_node_evaluate(graph, node, context, outputs, error);
  for (int o = 0; ok && o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE)
      graph->values[node->outputs[o]].known = outputs[o];
  nn_free(outputs);
  return ok;
}

static bool
infer_types(SomSurvey *survey, GError **error)
{
  NnContext *context = nn_context_new(1);
  bool ok = true;
  for (size_t i = 0; ok && i < survey->graph->n_nodes; i++) {
    const NnNode *node = &survey->graph->nodes[i];
    g_autoptr(GError) reason = NULL;
    if (node->op->prepare != NULL)
      infer_by_types(survey->graph, node, &reason);
    else if (nn_node_infer(survey->graph, node, &reason))
      find_known(survey->graph, node, context, &reason);
    ok = forgive(&reason, error);
  }
  nn_context_free(context);
  return ok;
}

/* a picture's input gets a size where it declares none */
static void
set_size(SomSurvey *survey)
{
  static const int64_t usual[] = {1, 3, USUAL_SIZE, USUAL_SIZE};
  for (size_t i = 0; i < survey->graph->n_inputs; i++) {
    NnType *type = &survey->graph->values[survey->graph->inputs[i]].type;
    if (type->shape.rank == 0)
      type->shape = NN_SHAPE(0, 0, 0, 0);
    for (int d = 0; d < type->shape.rank; d++)
      if (type->shape.dim[d] <= 0)
        type->shape.dim[d] = type->shape.rank == 4 ? usual[d] : 1;
    if (type->shape.rank == 4 && survey->width == 0) {
      survey->height = type->shape.dim[2];
      survey->width = type->shape.dim[3];
    }
  }
}

/* ---- maps ---- */

/* how often a side was halved, or NAN where that makes no sense */
static double
halvings(int64_t from, int64_t to)
{
  return from > 0 && to > 0 ? log2((double)from / (double)to) : NAN;
}

static int
level_of(const SomSurvey *survey, const NnType *type)
{
  const NnShape *shape = &type->shape;
  if (!type->present || type->dtype != NN_DTYPE_FLOAT || shape->rank != 4 ||
      !nn_shape_check(shape, NULL) || shape->dim[2] * shape->dim[3] <= 1)
    return -1;
  double high = halvings(survey->height, shape->dim[2]);
  double wide = halvings(survey->width, shape->dim[3]);
  if (!(fabs(high - wide) < 0.5))
    return -1; /* other dimensions than a picture's, as inside a block that is channels-last */
  double level = round(MIN(high, wide));
  return level < 0 ? 0 : (int)level;
}

static void
add_reader(SomReaders *readers, int node)
{
  if (readers->last == node)
    return;
  if (readers->count == 0)
    readers->first = node;
  else if (readers->count == 1)
    readers->second = node;
  readers->count++;
  readers->last = node;
}

/* levels, and who reads what is made from the picture (not from its size) */
static bool
find_maps(SomSurvey *survey, GError **error)
{
  const NnGraph *graph = survey->graph;
  bool *varying = nn_alloc0(graph->n_values, sizeof *varying, error);
  if (varying == NULL)
    return false;
  for (size_t i = 0; i < graph->n_values; i++) {
    survey->levels[i] = -1;
    survey->readers[i] = (SomReaders){-1, -1, 0, -1};
  }
  for (size_t i = 0; i < graph->n_inputs; i++) {
    NnValueId input = graph->inputs[i];
    varying[input] = true;
    survey->levels[input] = level_of(survey, &graph->values[input].type);
  }
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const NnNode *node = &graph->nodes[i];
    bool from_picture = false;
    for (int k = 0; k < node->n_inputs && !node->op->reads_shapes_only; k++)
      if (node->inputs[k] != NN_NO_VALUE && varying[node->inputs[k]]) {
        add_reader(&survey->readers[node->inputs[k]], (int)i);
        from_picture = true;
      }
    for (int o = 0; from_picture && o < node->n_outputs; o++)
      if (node->outputs[o] != NN_NO_VALUE) {
        varying[node->outputs[o]] = true;
        survey->levels[node->outputs[o]] = level_of(survey, &graph->values[node->outputs[o]].type);
      }
  }
  nn_free(varying);
  return true;
}

static void
find_cuts(SomSurvey *survey)
{
  const NnGraph *graph = survey->graph;
  int wanted = 0;
  for (size_t i = 0; i < graph->n_inputs; i++)
    wanted += survey->readers[graph->inputs[i]].count > 0;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const NnNode *node = &graph->nodes[i];
    for (int k = 0; k < node->n_inputs; k++) {
      if (node->inputs[k] == NN_NO_VALUE || node->op->reads_shapes_only)
        continue;
      SomReaders *readers = &survey->readers[node->inputs[k]];
      if (readers->count > 0 && readers->last == (int)i) {
        readers->last = -1; /* a node may read a value twice */
        wanted--;
      }
    }
    for (int o = 0; o < node->n_outputs; o++)
      if (node->outputs[o] != NN_NO_VALUE)
        wanted += survey->readers[node->outputs[o]].count > 0;
    if (node->n_outputs > 0 && node->outputs[0] != NN_NO_VALUE)
      survey->cuts[node->outputs[0]] =
          wanted == (survey->readers[node->outputs[0]].count > 0) && wanted <= 1;
  }
}

/* ---- landmarks ---- */

static int
count_maps(const SomSurvey *survey, const NnNode *node)
{
  int count = 0;
  for (int i = 0; i < node->n_inputs; i++)
    count += node->inputs[i] != NN_NO_VALUE && survey->levels[node->inputs[i]] >= 0;
  return count;
}

static bool
is_of_same_shape(const SomSurvey *survey, NnValueId a, NnValueId b)
{
  return nn_shape_equal(&survey->graph->values[a].type.shape, &survey->graph->values[b].type.shape);
}

/* the one map that @node changes element by element, or NN_NO_VALUE */
static NnValueId
pointwise_input(const SomSurvey *survey, const NnNode *node)
{
  if (!is_any(node, activations) && !is_any(node, norms) && !is_any(node, scalings))
    return NN_NO_VALUE;
  NnValueId map = NN_NO_VALUE;
  for (int i = 0; i < node->n_inputs; i++) {
    NnValueId input = node->inputs[i];
    if (input == NN_NO_VALUE || survey->levels[input] < 0 || input == map)
      continue;
    if (map != NN_NO_VALUE)
      return NN_NO_VALUE;
    map = input;
  }
  if (map == NN_NO_VALUE || node->n_outputs < 1 || node->outputs[0] == NN_NO_VALUE)
    return NN_NO_VALUE;
  return is_of_same_shape(survey, map, node->outputs[0]) ? map : NN_NO_VALUE;
}

/* x Sigmoid(x) (SiLU), or x HardSigmoid(x), of a value that both nodes read: the product */
static NnValueId
gated(const SomSurvey *survey, NnValueId value)
{
  static const char *const gates[] = {"Sigmoid", "HardSigmoid", NULL};
  const SomReaders *readers = &survey->readers[value];
  if (readers->count != 2)
    return NN_NO_VALUE;
  const NnNode *gate = &survey->graph->nodes[readers->first];
  const NnNode *product = &survey->graph->nodes[readers->second];
  bool is_gated =
      is_any(gate, gates) && is_op(product, "Mul") && product->n_inputs == 2 &&
      (product->inputs[0] == gate->outputs[0] || product->inputs[1] == gate->outputs[0]);
  return is_gated ? product->outputs[0] : NN_NO_VALUE;
}

/* what follows @value through one pointwise node; NN_NO_VALUE where other things do */
static NnValueId
next_pointwise(const SomSurvey *survey, NnValueId value, const char *const *only)
{
  const SomReaders *readers = &survey->readers[value];
  NnValueId product = gated(survey, value);
  if (product != NN_NO_VALUE || readers->count != 1)
    return product;
  const NnNode *node = &survey->graph->nodes[readers->first];
  if (pointwise_input(survey, node) != value || (only != NULL && !is_any(node, only)))
    return NN_NO_VALUE;
  return node->outputs[0];
}

/* by value: where the pointwise nodes behind it end. Readers stand later, so from the end. */
static NnValueId *
settle_all(const SomSurvey *survey, GError **error)
{
  const NnGraph *graph = survey->graph;
  NnValueId *settled = nn_alloc(graph->n_values, sizeof *settled, error);
  for (size_t v = 0; settled != NULL && v < graph->n_values; v++)
    settled[v] = (NnValueId)v;
  for (size_t i = settled != NULL ? graph->n_nodes : 0; i-- > 0;)
    for (int o = 0; o < graph->nodes[i].n_outputs; o++) {
      NnValueId value = graph->nodes[i].outputs[o];
      NnValueId next = value != NN_NO_VALUE ? next_pointwise(survey, value, NULL) : NN_NO_VALUE;
      if (next != NN_NO_VALUE)
        settled[value] = settled[next];
    }
  return settled;
}

NnValueId
som_survey_activated(const SomSurvey *survey, NnValueId value)
{
  const SomReaders *readers = &survey->readers[value];
  if (readers->count != 1)
    return value;
  const NnNode *node = &survey->graph->nodes[readers->first];
  return is_any(node, activations) && node->outputs[0] != NN_NO_VALUE ? node->outputs[0] : value;
}

NnValueId
som_survey_biased(const SomSurvey *survey, NnValueId value)
{
  const SomReaders *readers = &survey->readers[value];
  if (readers->count != 1)
    return value;
  const NnNode *node = &survey->graph->nodes[readers->first];
  bool is_bias = is_op(node, "Add") && node->n_inputs == 2 && node->inputs[0] != NN_NO_VALUE &&
                 node->outputs[0] != NN_NO_VALUE &&
                 (survey->graph->values[node->inputs[0]].is_constant ||
                  survey->graph->values[node->inputs[1]].is_constant);
  return is_bias ? node->outputs[0] : value;
}

bool
som_survey_is_normed(const SomSurvey *survey, NnValueId value)
{
  const SomReaders *readers = &survey->readers[value];
  return readers->count == 1 && is_any(&survey->graph->nodes[readers->first], norms);
}

double
som_survey_slope(const SomSurvey *survey, NnValueId value)
{
  int producer = survey->graph->values[value].producer;
  const NnNode *node = producer >= 0 ? &survey->graph->nodes[producer] : NULL;
  if (node == NULL || !is_op(node, "LeakyRelu"))
    return NAN;
  NnInfer infer = {.params = node->params};
  return (double)node->op->as_activation(&infer).slope;
}

static void
describe_conv(const SomSurvey *survey, const NnNode *node, SomLandmark *landmark)
{
  const NnShape *x = &survey->graph->values[node->inputs[0]].type.shape;
  const NnShape *w = &survey->graph->values[node->inputs[1]].type.shape;
  landmark->kernel = w->dim[w->rank - 1];
  landmark->groups = w->dim[1] > 0 ? x->dim[1] / w->dim[1] : 1;
}

static bool
classify(const SomSurvey *survey, const NnNode *node, SomLandmarkKind *kind)
{
  static const char *const pools[] = {"MaxPool", "AveragePool", "LpPool", NULL};
  static const char *const sums[] = {"Add", "Sum", NULL};
  int maps = count_maps(survey, node);
  const NnType *type = &survey->graph->values[node->outputs[0]].type;
  bool is_map = survey->levels[node->outputs[0]] >= 0;
  if (is_op(node, "Conv") && maps > 0 && type->present && type->shape.rank == 4)
    *kind = SOM_CONV;
  else if (is_any(node, pools) && is_map)
    *kind = SOM_POOL;
  else if (is_op(node, "Concat") && maps > 1 && is_map)
    *kind = SOM_CONCAT;
  else if (is_any(node, sums) && maps > 1 && is_map)
    *kind = SOM_ADD;
  else if (is_op(node, "LRN") && is_map)
    *kind = SOM_LRN;
  else if ((is_op(node, "Gemm") || is_op(node, "MatMul")) && maps == 0)
    *kind = SOM_DENSE;
  else
    return false;
  return true;
}

static bool
find_landmarks(SomSurvey *survey, const NnValueId *settled, GError **error)
{
  const NnGraph *graph = survey->graph;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const NnNode *node = &graph->nodes[i];
    SomLandmarkKind kind;
    survey->nodes[i] = -1;
    if (node->n_outputs < 1 || node->outputs[0] == NN_NO_VALUE || !classify(survey, node, &kind))
      continue;
    if (!nn_grow(&survey->landmarks, &survey->capacity, survey->n_landmarks + 1,
                 sizeof *survey->landmarks, error))
      return false;
    NnValueId out = node->outputs[0];
    SomLandmark landmark = {
        .kind = kind,
        .node = (int)i,
        .out = out,
        .settled = settled[out],
        .level = survey->levels[out],
        .channels =
            graph->values[out].type.shape.rank > 1 ? graph->values[out].type.shape.dim[1] : 0,
    };
    if (kind == SOM_CONV)
      describe_conv(survey, node, &landmark);
    survey->nodes[i] = (int)survey->n_landmarks;
    survey->landmarks[survey->n_landmarks++] = landmark;
  }
  return true;
}

/* ---- the whole ---- */

static bool
allocate(SomSurvey *survey, GError **error)
{
  size_t n = survey->graph->n_values;
  survey->levels = nn_alloc0(n, sizeof *survey->levels, error);
  if (survey->levels != NULL)
    survey->cuts = nn_alloc0(n, sizeof *survey->cuts, error);
  if (survey->cuts != NULL)
    survey->readers = nn_alloc0(n, sizeof *survey->readers, error);
  if (survey->readers != NULL)
    survey->nodes = nn_alloc0(survey->graph->n_nodes, sizeof *survey->nodes, error);
  return survey->nodes != NULL;
}

SomSurvey *
som_survey_new(const NnModel *model, GError **error)
{
  g_autoptr(SomSurvey) survey = g_new0(SomSurvey, 1);
  survey->graph = nn_graph_copy(nn_model_graph(model), error);
  if (survey->graph == NULL || !load_constants(survey, model, error))
    return NULL;
  set_size(survey);
  if (!infer_types(survey, error) || !allocate(survey, error) || !find_maps(survey, error))
    return NULL;
  find_cuts(survey);
  NnValueId *settled = settle_all(survey, error);
  bool ok = settled != NULL && find_landmarks(survey, settled, error);
  nn_free(settled);
  return ok ? g_steal_pointer(&survey) : NULL;
}

void
som_survey_free(SomSurvey *survey)
{
  if (survey == NULL)
    return;
  nn_graph_free(survey->graph);
  nn_free(survey->levels);
  nn_free(survey->cuts);
  nn_free(survey->readers);
  nn_free(survey->nodes);
  nn_free(survey->landmarks);
  g_free(survey);
}

int
som_survey_behind(const SomSurvey *survey, NnValueId value)
{
  for (size_t i = 0; i < survey->graph->n_nodes; i++) {
    int producer = survey->graph->values[value].producer;
    if (producer < 0)
      return -1;
    if (survey->nodes[producer] >= 0)
      return survey->nodes[producer];
    value = pointwise_input(survey, &survey->graph->nodes[producer]);
    if (value == NN_NO_VALUE)
      return -1;
  }
  return -1;
}

int
som_survey_count(const SomSurvey *survey, const char *onnx_name)
{
  int count = 0;
  for (size_t i = 0; i < survey->graph->n_nodes; i++) {
    const NnNode *node = &survey->graph->nodes[i];
    if (is_op(node, onnx_name) && node->outputs[0] != NN_NO_VALUE &&
        survey->levels[node->outputs[0]] >= 0)
      count++;
  }
  return count;
}

bool
som_survey_ends_in(const SomSurvey *survey, const char *onnx_name)
{
  const NnGraph *graph = survey->graph;
  NnValueId value = graph->n_outputs > 0 ? graph->outputs[0] : NN_NO_VALUE;
  for (size_t i = 0; i < graph->n_nodes && value != NN_NO_VALUE; i++) {
    int producer = graph->values[value].producer;
    if (producer < 0)
      return false;
    if (is_op(&graph->nodes[producer], onnx_name))
      return true;
    value = is_any(&graph->nodes[producer], scalings)
                ? pointwise_input(survey, &graph->nodes[producer])
                : NN_NO_VALUE;
  }
  return false;
}

const char *
som_survey_name(const SomSurvey *survey, NnValueId value)
{
  const char *name = value != NN_NO_VALUE ? survey->graph->values[value].name : "";
  return name[0] != '\0' && strchr(name, ',') == NULL ? name : NULL;
}
