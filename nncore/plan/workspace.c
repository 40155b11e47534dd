/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A workspace: one block of memory, and for every node the two calls (forward, backward) ready to
 * be made, so that an iteration only makes them. */
#include "nncore/plan/workspace.h"

#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/plan/plan-private.h"

typedef struct {
  NnOpRun forward, backward;
  NnTensor *views; /* of both: in, out, kept in, kept out, gradients out, gradients in */
} Step;

struct NnWorkspace {
  NnPlan *plan;
  NnContext *context;
  char *memory;
  bool borrowed; /* the memory */
  Step *steps;
  NnTensor *inputs, *input_gradients, *targets, *seeds; /* views */
};

static void *
buffer_at(const NnWorkspace *workspace, int buffer)
{
  return buffer != NN_NO_BUFFER ? workspace->memory + workspace->plan->buffers[buffer].offset
                                : NULL;
}

static NnTensor
view_of(const NnWorkspace *workspace, NnValueId id, void *data)
{
  if (id == NN_NO_VALUE)
    return (NnTensor){0};
  const NnValue *value = &workspace->plan->graph->values[id];
  return (NnTensor){
      .shape = value->type.shape,
      .dtype = value->type.dtype,
      .layout = value->layout,
      .data = data,
  };
}

/* of a constant, or of what follows from the shapes; NULL: computed by forward */
static const NnTensor *
elements_of(const NnWorkspace *workspace, NnValueId id)
{
  const NnValue *value = &workspace->plan->graph->values[id];
  return value->constant != NULL ? value->constant : value->known;
}

static NnTensor
data_view(const NnWorkspace *workspace, NnValueId id)
{
  if (id == NN_NO_VALUE)
    return (NnTensor){0};
  const NnTensor *elements = elements_of(workspace, id);
  if (elements != NULL) {
    NnTensor view = *elements;
    view.refs = 0;
    return view;
  }
  const NnPlanValue *planned = &workspace->plan->values[id];
  char *buffer = buffer_at(workspace, planned->data);
  return view_of(workspace, id, buffer != NULL ? buffer + planned->offset : NULL);
}

static NnTensor
gradient_view(const NnWorkspace *workspace, NnValueId id, int buffer)
{
  return view_of(workspace, id, buffer_at(workspace, buffer));
}

static void
fill_views(NnWorkspace *workspace, int index)
{
  const NnNode *node = &workspace->plan->graph->nodes[index];
  const NnPlanNode *planned = &workspace->plan->nodes[index];
  Step *step = &workspace->steps[index];
  int n_in = node->n_inputs, n_out = node->n_outputs;
  NnTensor *in = step->views, *out = in + n_in, *kept_in = out + n_out, *kept_out = kept_in + n_in;
  NnTensor *grad_out = kept_out + n_out, *grad_in = grad_out + n_out;
  for (int k = 0; k < n_in; k++) {
    NnValueId id = node->inputs[k];
    in[k] = kept_in[k] = data_view(workspace, id);
    bool constant = id != NN_NO_VALUE && elements_of(workspace, id) != NULL;
    if (!constant && (k >= 30 || !(planned->kept & NN_KEEPS_INPUT(k))))
      kept_in[k].data = NULL;
    grad_in[k] = gradient_view(workspace, id, planned->input_gradients[k]);
  }
  for (int o = 0; o < n_out; o++) {
    NnValueId id = node->outputs[o];
    out[o] = kept_out[o] = data_view(workspace, id);
    if (o > 0 || !(planned->kept & NN_KEEPS_OUTPUT))
      kept_out[o].data = NULL;
    int gradient = id != NN_NO_VALUE ? workspace->plan->values[id].gradient : NN_NO_BUFFER;
    grad_out[o] = gradient_view(workspace, id, gradient);
  }
  step->forward.in = in;
  step->forward.out = out;
  step->backward.in = kept_in;
  step->backward.out = kept_out;
  step->backward.grad_out = grad_out;
  step->backward.grad_in = grad_in;
}

static bool
new_step(NnWorkspace *workspace, int index, GError **error)
{
  const NnNode *node = &workspace->plan->graph->nodes[index];
  const NnPlanNode *planned = &workspace->plan->nodes[index];
  Step *step = &workspace->steps[index];
  NnOpRun run = {
      .context = workspace->context,
      .params = node->params,
      .n_inputs = node->n_inputs,
      .n_outputs = node->n_outputs,
      .prepared = workspace->plan->program->prepared[index],
      .aux = buffer_at(workspace, planned->aux),
      .activation = node->activation,
      .activation_bits = buffer_at(workspace, planned->bits),
  };
  step->forward = step->backward = run;
  step->forward.out_pixel = planned->out_pixel;
  step->backward.adds = planned->adds;
  if (planned->gate >= 0)
    step->backward.gate = nn_gate(workspace->plan->graph->nodes[planned->gate].activation,
                                  buffer_at(workspace, workspace->plan->nodes[planned->gate].bits));
  step->forward.scratch = buffer_at(workspace, planned->forward_scratch);
  step->backward.scratch = buffer_at(workspace, planned->backward_scratch);
  step->views =
      nn_alloc0(3 * ((size_t)node->n_inputs + (size_t)node->n_outputs), sizeof(NnTensor), error);
  if (step->views == NULL)
    return false;
  fill_views(workspace, index);
  return true;
}

static bool
new_ends(NnWorkspace *workspace, GError **error)
{
  const NnPlan *plan = workspace->plan;
  size_t n_inputs = plan->graph->n_inputs, n_targets = (size_t)plan->program->n_targets;
  NnTensor *views = nn_alloc0(2 * (n_inputs + n_targets), sizeof(NnTensor), error);
  workspace->inputs = views;
  if (views == NULL)
    return false;
  workspace->input_gradients = views + n_inputs;
  workspace->targets = workspace->input_gradients + n_inputs;
  workspace->seeds = workspace->targets + n_targets;
  for (size_t i = 0; i < n_inputs; i++) {
    NnValueId id = plan->graph->inputs[i];
    workspace->inputs[i] = data_view(workspace, id);
    workspace->input_gradients[i] = gradient_view(workspace, id, plan->values[id].gradient);
  }
  for (size_t t = 0; t < n_targets; t++) {
    NnValueId id = plan->program->targets[t];
    workspace->targets[t] = data_view(workspace, id);
    workspace->seeds[t] = gradient_view(workspace, id, plan->values[id].gradient);
  }
  return true;
}

NnWorkspace *
nn_workspace_new(NnPlan *plan, NnContext *context, GError **error)
{
  return nn_workspace_new_in(plan, context, NULL, error);
}

NnWorkspace *
nn_workspace_new_in(NnPlan *plan, NnContext *context, void *memory, GError **error)
{
  /* the plan's scratch was measured for so many workers */
  g_return_val_if_fail(nn_context_threads(context) == nn_context_threads(plan->program->context),
                       NULL);
  NnWorkspace *workspace = g_new0(NnWorkspace, 1);
  workspace->plan = nn_plan_ref(plan);
  workspace->context = context;
  workspace->borrowed = memory != NULL;
  workspace->memory = memory != NULL ? memory : nn_alloc(1, plan->bytes, error);
  if (workspace->memory != NULL)
    workspace->steps = nn_alloc0(plan->graph->n_nodes, sizeof(Step), error);
  bool ok = workspace->steps != NULL && new_ends(workspace, error);
  for (size_t i = 0; ok && i < plan->graph->n_nodes; i++)
    ok = new_step(workspace, (int)i, error);
  if (!ok) {
    nn_workspace_free(workspace);
    return NULL;
  }
  return workspace;
}

void
nn_workspace_free(NnWorkspace *workspace)
{
  if (workspace == NULL)
    return;
  for (size_t i = 0; workspace->steps != NULL && i < workspace->plan->graph->n_nodes; i++)
    nn_free(workspace->steps[i].views);
  nn_free(workspace->steps);
  nn_free(workspace->inputs);
  if (!workspace->borrowed)
    nn_free(workspace->memory);
  nn_plan_unref(workspace->plan);
  g_free(workspace);
}

const NnTensor *
nn_workspace_input(NnWorkspace *workspace, int index)
{
  return &workspace->inputs[index];
}

void
nn_workspace_forward_node(NnWorkspace *workspace, size_t index)
{
  if (!workspace->plan->nodes[index].done)
    workspace->plan->graph->nodes[index].op->forward(&workspace->steps[index].forward);
}

void
nn_workspace_forward(NnWorkspace *workspace)
{
  for (size_t i = 0; i < workspace->plan->graph->n_nodes; i++)
    nn_workspace_forward_node(workspace, i);
}

const NnTensor *
nn_workspace_target(NnWorkspace *workspace, int target)
{
  return &workspace->targets[target];
}

const NnTensor *
nn_workspace_seed(NnWorkspace *workspace, int target)
{
  return &workspace->seeds[target];
}

typedef struct {
  float *to;
  const float *from;
} Sum;

static void
add_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Sum *sum = data;
  for (int64_t i = begin; i < end; i++)
    sum->to[i] += sum->from[i];
}

/* contributions that could not be written straight into their value's gradient */
static void
add_contributions(NnWorkspace *workspace, size_t index)
{
  const NnPlan *plan = workspace->plan;
  const NnNode *node = &plan->graph->nodes[index];
  for (int k = 0; k < node->n_inputs; k++) {
    int buffer = plan->nodes[index].input_gradients[k];
    if (buffer == NN_NO_BUFFER || buffer == plan->values[node->inputs[k]].gradient)
      continue;
    const NnTensor *part = &workspace->steps[index].backward.grad_in[k];
    Sum sum = {buffer_at(workspace, plan->values[node->inputs[k]].gradient), part->f};
    nn_parallel_for(workspace->context, nn_shape_count(&part->shape), 1 << 15, add_chunk, &sum);
  }
}

static void
backward_activation(NnWorkspace *workspace, const NnOpRun *run)
{
  NnRectifierRule rule = workspace->plan->program->options.rectifiers;
  int64_t count = nn_shape_count(&run->grad_out[0].shape);
  if (rule != NN_RECTIFIER_GRADIENT)
    nn_keep_positive(workspace->context, run->grad_out[0].f, count);
  if (rule != NN_RECTIFIER_DECONVNET)
    nn_gate_run(workspace->context, nn_gate(run->activation, run->activation_bits),
                run->grad_out[0].f, count);
}

/* a rectifier that is a node of its own; what else it reads, bounds or slopes, stays out of the
 * deconvnet's way */
static void
backward_rectifier(NnWorkspace *workspace, const NnOp *op, const NnOpRun *run)
{
  NnRectifierRule rule = workspace->plan->program->options.rectifiers;
  const NnTensor *above = &run->grad_out[0], *below = run->grad_in;
  if (rule != NN_RECTIFIER_GRADIENT)
    nn_keep_positive(workspace->context, above->f, nn_shape_count(&above->shape));
  if (rule != NN_RECTIFIER_DECONVNET || !nn_shape_equal(&above->shape, &below->shape)) {
    op->backward(run);
    return;
  }
  if (below->data != NULL)
    nn_copy_bytes(workspace->context, below->data, above->data, nn_tensor_bytes(below));
  for (int k = 1; k < run->n_inputs; k++)
    if (below[k].data != NULL)
      nn_fill(workspace->context, below[k].f, 0, nn_shape_count(&below[k].shape));
}

void
nn_workspace_backward_node(NnWorkspace *workspace, size_t index)
{
  const NnOp *op = workspace->plan->graph->nodes[index].op;
  const NnOpRun *run = &workspace->steps[index].backward;
  if (!workspace->plan->nodes[index].active)
    return;
  if (run->activation_bits != NULL && !workspace->plan->nodes[index].gated)
    backward_activation(workspace, run);
  if (op->is_rectifier)
    backward_rectifier(workspace, op, run);
  else
    op->backward(run);
  add_contributions(workspace, index);
}

/* an input whose gradient no step writes and that is no target itself */
static bool
gets_nothing(const NnPlan *plan, NnValueId input)
{
  for (size_t i = 0; i < plan->graph->n_nodes; i++)
    for (int k = 0; k < plan->graph->nodes[i].n_inputs; k++)
      if (plan->graph->nodes[i].inputs[k] == input &&
          plan->nodes[i].input_gradients[k] != NN_NO_BUFFER)
        return false;
  return !nn_plan_is_target(plan, input);
}

const NnTensor *
nn_workspace_backward_to(NnWorkspace *workspace, int target)
{
  const NnPlan *plan = workspace->plan;
  g_return_val_if_fail(plan->program->options.gradient, NULL);
  int producer = plan->graph->values[plan->program->targets[target]].producer;
  for (int i = (int)plan->graph->n_nodes - 1; i > producer; i--)
    nn_workspace_backward_node(workspace, (size_t)i);
  return &workspace->seeds[target];
}

void
nn_workspace_backward(NnWorkspace *workspace)
{
  const NnPlan *plan = workspace->plan;
  g_return_if_fail(plan->program->options.gradient);
  for (size_t i = plan->graph->n_nodes; i-- > 0;)
    nn_workspace_backward_node(workspace, i);
  for (size_t i = 0; i < plan->graph->n_inputs; i++)
    if (gets_nothing(plan, plan->graph->inputs[i]))
      memset(workspace->input_gradients[i].data, 0,
             nn_tensor_bytes(&workspace->input_gradients[i]));
}

const NnTensor *
nn_workspace_input_gradient(NnWorkspace *workspace, int index)
{
  return &workspace->input_gradients[index];
}
