/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Planning: types at the real size, then a buffer with a lifetime for everything that a run needs,
 * then their places (arena.h). Only what backward reads (NnOp.keeps, aux, activation bits) lives
 * on after its last reader. */
#include "nncore/plan/plan.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"
#include "nncore/graph/uses.h"
#include "nncore/plan/plan-private.h"

static int
n_steps(const NnPlan *plan)
{
  return (int)plan->graph->n_nodes;
}

static int
backward_time(const NnPlan *plan, int node)
{
  return 2 * n_steps(plan) - node;
}

static int
end_time(const NnPlan *plan)
{
  return plan->program->options.gradient ? 2 * n_steps(plan) + 1 : n_steps(plan);
}

static bool
add_buffer(NnPlan *plan, size_t bytes, int first, int last, int *index, GError **error)
{
  if (!nn_grow(&plan->buffers, &plan->buffers_capacity, plan->n_buffers + 1, sizeof(NnBuffer),
               error))
    return false;
  *index = (int)plan->n_buffers++;
  plan->buffers[*index] = (NnBuffer){.bytes = bytes, .first = first, .last = last};
  return true;
}

static size_t
value_bytes(const NnPlan *plan, NnValueId id)
{
  const NnType *type = &plan->graph->values[id].type;
  return (size_t)nn_shape_count(&type->shape) * nn_dtype_size(type->dtype);
}

static void
live_until(NnPlan *plan, NnValueId id, int time)
{
  if (id == NN_NO_VALUE || plan->values[id].data == NN_NO_BUFFER)
    return;
  NnBuffer *buffer = &plan->buffers[plan->values[id].data];
  buffer->last = MAX(buffer->last, time);
}

/* ---- activations ---- */

static bool
plan_activations(NnPlan *plan, GError **error)
{
  const NnGraph *graph = plan->graph;
  for (size_t v = 0; v < graph->n_values; v++)
    plan->values[v] = (NnPlanValue){NN_NO_BUFFER, NN_NO_BUFFER, 0};
  for (size_t i = 0; i < graph->n_inputs; i++) {
    NnValueId id = graph->inputs[i];
    if (!add_buffer(plan, value_bytes(plan, id), 0, end_time(plan), &plan->values[id].data, error))
      return false;
  }
  for (int i = 0; i < n_steps(plan); i++) {
    const NnNode *node = &graph->nodes[i];
    for (int o = 0; o < node->n_outputs; o++)
      if (node->outputs[o] != NN_NO_VALUE && graph->values[node->outputs[o]].known == NULL &&
          !add_buffer(plan, value_bytes(plan, node->outputs[o]), i, i,
                      &plan->values[node->outputs[o]].data, error))
        return false;
    for (int k = 0; k < node->n_inputs; k++)
      live_until(plan, node->inputs[k], i);
  }
  for (int t = 0; t < plan->program->n_targets; t++)
    live_until(plan, plan->program->targets[t], n_steps(plan));
  return true;
}

static unsigned
varying_inputs(const NnPlan *plan, const NnNode *node)
{
  unsigned varying = 0;
  for (int k = 0; k < node->n_inputs && k < 30; k++)
    if (node->inputs[k] != NN_NO_VALUE && plan->values[node->inputs[k]].data != NN_NO_BUFFER)
      varying |= 1u << k;
  return varying;
}

static void
keep_for_backward(NnPlan *plan, int i)
{
  const NnNode *node = &plan->graph->nodes[i];
  NnPlanNode *planned = &plan->nodes[i];
  if (node->op->keeps != NULL)
    planned->kept = node->op->keeps(node->params, varying_inputs(plan, node));
  for (int k = 0; k < node->n_inputs && k < 30; k++)
    if (planned->kept & NN_KEEPS_INPUT(k))
      live_until(plan, node->inputs[k], backward_time(plan, i));
  if (planned->kept & NN_KEEPS_OUTPUT)
    live_until(plan, node->outputs[0], backward_time(plan, i));
}

/* ---- gradients ---- */

/* whether a value's gradient could be asked for: it depends on an input through operators that
 * have one */
static void
find_dependent(const NnPlan *plan, bool *depends)
{
  const NnGraph *graph = plan->graph;
  for (size_t i = 0; i < graph->n_inputs; i++)
    depends[graph->inputs[i]] = graph->values[graph->inputs[i]].type.dtype == NN_DTYPE_FLOAT;
  for (int i = 0; i < n_steps(plan); i++) {
    const NnNode *node = &graph->nodes[i];
    bool any = false;
    for (int k = 0; k < node->n_inputs; k++)
      any = any || (node->inputs[k] != NN_NO_VALUE && depends[node->inputs[k]]);
    for (int o = 0; o < node->n_outputs; o++)
      if (node->outputs[o] != NN_NO_VALUE)
        depends[node->outputs[o]] = any && node->op->backward != NULL &&
                                    graph->values[node->outputs[o]].type.dtype == NN_DTYPE_FLOAT;
  }
}

bool
nn_plan_is_target(const NnPlan *plan, NnValueId id)
{
  for (int t = 0; t < plan->program->n_targets; t++)
    if (plan->program->targets[t] == id)
      return true;
  return false;
}

/* when the gradient to a value is read for the last time */
static int
last_time(const NnPlan *plan, NnValueId id)
{
  int producer = plan->graph->values[id].producer;
  return producer >= 0 ? backward_time(plan, producer) : end_time(plan);
}

static bool
add_gradient(NnPlan *plan, NnValueId id, int time, GError **error)
{
  return add_buffer(plan, value_bytes(plan, id), time, last_time(plan, id),
                    &plan->values[id].gradient, error);
}

/* whether the gradient to node i's result, which nobody wants any more, becomes that to input k */
static bool
hands_gradient_on(const NnPlan *plan, int i, int k)
{
  const NnNode *node = &plan->graph->nodes[i];
  if (k >= 32 || !(node->op->passes_gradient >> k & 1))
    return false;
  const NnValue *from = &plan->graph->values[node->outputs[0]];
  const NnValue *to = &plan->graph->values[node->inputs[k]];
  int buffer = plan->values[node->outputs[0]].gradient;
  bool taken = nn_plan_is_target(plan, node->outputs[0]);
  for (int j = 0; j < k; j++)
    taken = taken || plan->nodes[i].input_gradients[j] == buffer;
  return !taken && from->layout == to->layout && nn_shape_equal(&from->type.shape, &to->type.shape);
}

/* whether node i's backward can add to the gradient to its first input */
static bool
find_whether_adds(NnPlan *plan, int i, GError **error)
{
  const NnNode *node = &plan->graph->nodes[i];
  NnNodeTypes types;
  if (node->op->adds_gradient == NULL)
    return true;
  bool ok = nn_node_types_init(&types, plan->graph, node, error);
  if (ok)
    plan->nodes[i].adds = node->op->adds_gradient(&types.infer);
  nn_node_types_clear(&types);
  return ok;
}

/* where node i's backward leaves its gradient to input k: straight in the value's own, if it is
 * the first to come or can add, else in a buffer of its own, to be added */
static bool
plan_contribution(NnPlan *plan, int i, int k, GError **error)
{
  NnValueId id = plan->graph->nodes[i].inputs[k];
  int time = backward_time(plan, i);
  int *place = &plan->nodes[i].input_gradients[k];
  if (plan->values[id].gradient != NN_NO_BUFFER) {
    if (k == 0 && !find_whether_adds(plan, i, error))
      return false;
    if (k > 0 || !plan->nodes[i].adds)
      return add_buffer(plan, value_bytes(plan, id), time, time, place, error);
    *place = plan->values[id].gradient;
    return true;
  }
  if (hands_gradient_on(plan, i, k)) {
    int handed = plan->values[plan->graph->nodes[i].outputs[0]].gradient;
    plan->buffers[handed].last = MAX(plan->buffers[handed].last, last_time(plan, id));
    plan->values[id].gradient = handed;
  } else if (!add_gradient(plan, id, time, error)) {
    return false;
  }
  *place = plan->values[id].gradient;
  return true;
}

/* a target that cannot have one (integers) has a seed all the same, which nobody reads */
static bool
has_gradient(const NnPlan *plan, const NnNode *node, const bool *depends)
{
  for (int o = 0; o < node->n_outputs; o++) {
    NnValueId id = node->outputs[o];
    if (id != NN_NO_VALUE && depends[id] && plan->values[id].gradient != NN_NO_BUFFER)
      return true;
  }
  return false;
}

static bool
plan_backward_node(NnPlan *plan, int i, const bool *depends, GError **error)
{
  const NnNode *node = &plan->graph->nodes[i];
  if (!has_gradient(plan, node, depends))
    return true;
  for (int k = 0; k < node->n_inputs; k++) {
    if (node->inputs[k] == NN_NO_VALUE || !depends[node->inputs[k]])
      continue;
    plan->nodes[i].active = true;
    if (!plan_contribution(plan, i, k, error))
      return false;
  }
  if (plan->nodes[i].active)
    keep_for_backward(plan, i);
  return true;
}

/**
 * Contributions: to the gradient to a value.
 * @count: how many nodes there are that leave their part
 * @last: the one that does so last, which is the first to read the value, if that is its input 0
 */
typedef struct {
  int count, last;
} Contributions;

/* what makes input 0 of node @i, if its activation's derivative may go into what backward of @i
 * writes: the whole of that gradient, alone or added to what all others have left there, and nobody
 * asks for it; else -1 */
static int
find_gate(const NnPlan *plan, const Contributions *contributions, int i)
{
  const NnNode *node = &plan->graph->nodes[i];
  if (!node->op->gates_gradient || plan->nodes[i].input_gradients[0] == NN_NO_BUFFER)
    return -1;
  NnValueId id = node->inputs[0];
  int producer = plan->graph->values[id].producer;
  bool whole = contributions[id].count == 1 || (plan->nodes[i].adds && contributions[id].last == i);
  return producer >= 0 && plan->nodes[producer].active && whole && !nn_plan_is_target(plan, id) &&
                 plan->graph->nodes[producer].activation.kind != NN_ACTIVATION_NONE
             ? producer
             : -1;
}

/* saves the gradient's way from memory and back; other rules look at it before the activation */
static bool
plan_gates(NnPlan *plan, GError **error)
{
  if (plan->program->options.rectifiers != NN_RECTIFIER_GRADIENT)
    return true;
  Contributions *contributions = nn_alloc0(plan->graph->n_values, sizeof *contributions, error);
  if (contributions == NULL)
    return false;
  for (int i = n_steps(plan) - 1; i >= 0; i--)
    for (int k = 0; k < plan->graph->nodes[i].n_inputs; k++)
      if (plan->nodes[i].input_gradients[k] != NN_NO_BUFFER) {
        Contributions *to = &contributions[plan->graph->nodes[i].inputs[k]];
        *to = (Contributions){to->count + 1, k == 0 ? i : -1};
      }
  for (int i = 0; i < n_steps(plan); i++) {
    plan->nodes[i].gate = find_gate(plan, contributions, i);
    if (plan->nodes[i].gate >= 0)
      plan->nodes[plan->nodes[i].gate].gated = true;
  }
  nn_free(contributions);
  return true;
}

static bool
plan_gradients(NnPlan *plan, GError **error)
{
  const NnGraph *graph = plan->graph;
  bool *depends = nn_alloc0(graph->n_values, sizeof *depends, error);
  if (depends == NULL)
    return false;
  find_dependent(plan, depends);
  bool ok = true;
  for (int t = 0; ok && t < plan->program->n_targets; t++)
    ok = add_gradient(plan, plan->program->targets[t], n_steps(plan), error);
  for (int i = n_steps(plan) - 1; ok && i >= 0; i--)
    ok = plan_backward_node(plan, i, depends, error);
  for (size_t i = 0; ok && i < graph->n_inputs; i++)
    if (plan->values[graph->inputs[i]].gradient == NN_NO_BUFFER)
      ok = add_gradient(plan, graph->inputs[i], n_steps(plan), error);
  nn_free(depends);
  return ok && plan_gates(plan, error);
}

/* ---- results in the place of inputs ---- */

static bool
can_take_place(const NnPlan *plan, int i, int k)
{
  const NnNode *node = &plan->graph->nodes[i];
  const NnValue *from = &plan->graph->values[node->inputs[k]];
  const NnValue *to = &plan->graph->values[node->outputs[0]];
  int buffer = plan->values[node->inputs[k]].data;
  bool last = buffer != NN_NO_BUFFER && plan->buffers[buffer].last == i;
  for (int j = 0; j < node->n_inputs; j++)
    last = last && (j == k || node->inputs[j] == NN_NO_VALUE ||
                    plan->values[node->inputs[j]].data != buffer);
  return last && from->layout == to->layout && nn_shape_equal(&from->type.shape, &to->type.shape);
}

/* when it is known how long everything lives */
static void
take_places(NnPlan *plan)
{
  for (int i = 0; i < n_steps(plan); i++) {
    const NnNode *node = &plan->graph->nodes[i];
    for (int k = 0; k < node->n_inputs && k < 32; k++) {
      if (!(node->op->takes_place_of >> k & 1) || !can_take_place(plan, i, k))
        continue;
      int *place = &plan->values[node->outputs[0]].data;
      NnBuffer *own = &plan->buffers[*place];
      *place = plan->values[node->inputs[k]].data;
      plan->buffers[*place].last = own->last;
      own->bytes = 0;
      break;
    }
  }
}

static bool
node_types_init(NnNodeTypes *types, const NnPlan *plan, int i, GError **error)
{
  bool ok = nn_node_types_init(types, plan->graph, &plan->graph->nodes[i], error);
  types->infer.prepared = plan->program->prepared[i];
  return ok;
}

/* ---- inputs in the place of results: what is joined is written side by side ---- */

/* multiples of it: whole lines of the cache, as NnOp.steps_out wants them */
#define JOINED_CHANNELS 16

/* whether node @i's input @id can be written straight into its result: nobody else ever reads it */
static bool
can_be_joined(const NnPlan *plan, const NnUses *uses, int i, NnValueId id, bool *can,
              GError **error)
{
  const NnValue *value = id != NN_NO_VALUE ? &plan->graph->values[id] : NULL;
  *can = value != NULL && value->producer >= 0 && plan->values[id].data != NN_NO_BUFFER &&
         value->layout == NN_LAYOUT_CHANNELS_LAST && value->type.dtype == NN_DTYPE_FLOAT &&
         value->type.shape.dim[1] % JOINED_CHANNELS == 0;
  if (!*can)
    return true;
  const NnOp *op = plan->graph->nodes[value->producer].op;
  const NnBuffer *buffer = &plan->buffers[plan->values[id].data];
  *can = op->steps_out != NULL && buffer->first == value->producer && buffer->last == i &&
         nn_uses_is_private(uses, id);
  if (!*can)
    return true;
  NnNodeTypes types;
  bool ok = node_types_init(&types, plan, value->producer, error);
  *can = ok && op->steps_out(&types.infer);
  nn_node_types_clear(&types);
  return ok;
}

/* whether node @i is done when its inputs are, each written between the pixels of the others */
static bool
find_whether_joins(const NnPlan *plan, const NnUses *uses, int i, bool *joins, GError **error)
{
  const NnNode *node = &plan->graph->nodes[i];
  NnNodeTypes types;
  *joins = false;
  if (node->op->joins_pixels == NULL || plan->nodes[i].done ||
      plan->graph->values[node->outputs[0]].layout != NN_LAYOUT_CHANNELS_LAST)
    return true;
  bool ok = node_types_init(&types, plan, i, error);
  *joins = ok && node->op->joins_pixels(&types.infer);
  nn_node_types_clear(&types);
  for (int k = 0; ok && *joins && k < node->n_inputs; k++)
    ok = can_be_joined(plan, uses, i, node->inputs[k], joins, error);
  return ok;
}

static void
join(NnPlan *plan, int i)
{
  const NnNode *node = &plan->graph->nodes[i];
  int place = plan->values[node->outputs[0]].data;
  int64_t channels = plan->graph->values[node->outputs[0]].type.shape.dim[1], first = 0;
  for (int k = 0; k < node->n_inputs; k++) {
    NnPlanValue *part = &plan->values[node->inputs[k]];
    const NnValue *value = &plan->graph->values[node->inputs[k]];
    plan->buffers[part->data].bytes = 0;
    plan->buffers[place].first = MIN(plan->buffers[place].first, value->producer);
    part->data = place;
    part->offset = (size_t)first * sizeof(float);
    plan->nodes[value->producer].out_pixel = channels;
    first += value->type.shape.dim[1];
  }
  plan->nodes[i].done = true;
}

static bool
join_places(NnPlan *plan, GError **error)
{
  NnUses uses;
  bool ok =
      nn_uses_init(&uses, plan->graph, plan->program->targets, plan->program->n_targets, error);
  for (int i = 0; ok && i < n_steps(plan); i++) {
    bool joins;
    ok = find_whether_joins(plan, &uses, i, &joins, error);
    if (ok && joins)
      join(plan, i);
  }
  nn_uses_clear(&uses);
  return ok;
}

/* ---- what operators ask for ---- */

static bool
plan_scratch(NnPlan *plan, int i, const NnNodeTypes *types, GError **error)
{
  const NnOp *op = plan->graph->nodes[i].op;
  NnPlanNode *planned = &plan->nodes[i];
  if (op->scratch_bytes == NULL)
    return true;
  int threads = nn_context_threads(plan->program->context), time = backward_time(plan, i);
  size_t forward = op->scratch_bytes(&types->infer, threads, false);
  size_t backward = op->scratch_bytes(&types->infer, threads, true);
  return add_buffer(plan, forward, i, i, &planned->forward_scratch, error) &&
         (!planned->active ||
          add_buffer(plan, backward, time, time, &planned->backward_scratch, error));
}

static bool
plan_kept(NnPlan *plan, int i, const NnNodeTypes *types, GError **error)
{
  const NnNode *node = &plan->graph->nodes[i];
  NnPlanNode *planned = &plan->nodes[i];
  int last = backward_time(plan, i);
  if (!planned->active)
    return true;
  if (node->op->aux_bytes != NULL &&
      !add_buffer(plan, node->op->aux_bytes(&types->infer), i, last, &planned->aux, error))
    return false;
  if (node->activation.kind == NN_ACTIVATION_NONE)
    return true;
  size_t bits = nn_activation_bits_bytes(nn_shape_count(&types->out[0].shape));
  return add_buffer(plan, bits, i, last, &planned->bits, error);
}

static bool
plan_nodes(NnPlan *plan, GError **error)
{
  for (int i = 0; i < n_steps(plan); i++) {
    NnNodeTypes types;
    bool ok = node_types_init(&types, plan, i, error) && plan_scratch(plan, i, &types, error) &&
              plan_kept(plan, i, &types, error);
    nn_node_types_clear(&types);
    if (!ok)
      return false;
  }
  return true;
}

/* the places of all buffers once more, with the scratch memory of another number of threads */
static bool
find_nominal_bytes(NnPlan *plan, GError **error)
{
  NnBuffer *buffers = nn_alloc(plan->n_buffers, sizeof *buffers, error);
  bool ok = buffers != NULL;
  if (ok)
    memcpy(buffers, plan->buffers, plan->n_buffers * sizeof *buffers);
  for (int i = 0; ok && i < n_steps(plan); i++) {
    const NnPlanNode *planned = &plan->nodes[i];
    const NnOp *op = plan->graph->nodes[i].op;
    NnNodeTypes types;
    if (op->scratch_bytes == NULL)
      continue;
    ok = node_types_init(&types, plan, i, error);
    if (ok && planned->forward_scratch != NN_NO_BUFFER)
      buffers[planned->forward_scratch].bytes =
          op->scratch_bytes(&types.infer, NN_NOMINAL_THREADS, false);
    if (ok && planned->backward_scratch != NN_NO_BUFFER)
      buffers[planned->backward_scratch].bytes =
          op->scratch_bytes(&types.infer, NN_NOMINAL_THREADS, true);
    nn_node_types_clear(&types);
  }
  ok = ok && nn_arena_place(buffers, plan->n_buffers, &plan->nominal_bytes, error);
  nn_free(buffers);
  return ok;
}

static bool
new_nodes(NnPlan *plan, GError **error)
{
  plan->nodes = nn_alloc0(plan->graph->n_nodes, sizeof(NnPlanNode), error);
  if (plan->nodes == NULL)
    return false;
  for (int i = 0; i < n_steps(plan); i++) {
    NnPlanNode *planned = &plan->nodes[i];
    int n_inputs = plan->graph->nodes[i].n_inputs;
    planned->forward_scratch = planned->backward_scratch = NN_NO_BUFFER;
    planned->aux = planned->bits = NN_NO_BUFFER;
    planned->gate = -1;
    planned->done = nn_node_is_known(plan->graph, &plan->graph->nodes[i]);
    planned->input_gradients = nn_alloc((size_t)n_inputs, sizeof(int), error);
    if (planned->input_gradients == NULL)
      return false;
    for (int k = 0; k < n_inputs; k++)
      planned->input_gradients[k] = NN_NO_BUFFER;
  }
  return true;
}

/* ---- shapes ---- */

static bool
set_input_shapes(NnPlan *plan, const NnShape *shapes, int n_shapes, GError **error)
{
  NnGraph *graph = plan->graph;
  if ((size_t)n_shapes != graph->n_inputs) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("The network has %d inputs, but %d were given."), (int)graph->n_inputs, n_shapes);
    return false;
  }
  for (int i = 0; i < n_shapes; i++) {
    if (!nn_shape_check(&shapes[i], error))
      return false;
    NnValue *input = &graph->values[graph->inputs[i]];
    if (input->type.shape.rank != 0 && input->type.shape.rank != shapes[i].rank) {
      g_autofree char *text = nn_shape_to_string(&input->type.shape);
      g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                  _("The network takes an input of shape %s, which is no picture."), text);
      return false;
    }
    input->type.shape = shapes[i];
  }
  return true;
}

NnPlan *
nn_plan_new(NnProgram *program, const NnShape *shapes, int n_shapes, GError **error)
{
  NnPlan *plan = g_new0(NnPlan, 1);
  plan->refs = 1;
  plan->program = nn_program_ref(program);
  plan->graph = nn_graph_copy(program->graph, error);
  bool ok = plan->graph != NULL && set_input_shapes(plan, shapes, n_shapes, error) &&
            nn_pass_infer(plan->graph, error) && new_nodes(plan, error);
  if (ok)
    plan->values = nn_alloc(plan->graph->n_values, sizeof(NnPlanValue), error);
  ok = plan->values != NULL && plan_activations(plan, error) &&
       (!program->options.gradient || plan_gradients(plan, error));
  if (ok)
    take_places(plan);
  ok = ok && join_places(plan, error) && plan_nodes(plan, error) &&
       nn_arena_place(plan->buffers, plan->n_buffers, &plan->bytes, error) &&
       find_nominal_bytes(plan, error);
  if (!ok) {
    nn_plan_unref(plan);
    return NULL;
  }
  return plan;
}

NnPlan *
nn_plan_ref(NnPlan *plan)
{
  g_atomic_int_inc(&plan->refs);
  return plan;
}

void
nn_plan_unref(NnPlan *plan)
{
  if (plan == NULL || !g_atomic_int_dec_and_test(&plan->refs))
    return;
  for (size_t i = 0; plan->nodes != NULL && i < plan->graph->n_nodes; i++)
    nn_free(plan->nodes[i].input_gradients);
  nn_free(plan->nodes);
  nn_free(plan->values);
  nn_free(plan->buffers);
  nn_graph_free(plan->graph);
  nn_program_unref(plan->program);
  g_free(plan);
}

bool
nn_check_budget(const NnContext *context, size_t needed, size_t budget_bytes, GError **error)
{
  if (budget_bytes == 0 || needed <= budget_bytes)
    return true;
  size_t held = (size_t)MAX(nn_context_memory_held(context), 0);
  g_autofree char *more = g_format_size(held + needed);
  g_autofree char *given = g_format_size(held + budget_bytes);
  g_set_error(error, NN_ERROR, NN_ERROR_MEMORY,
              _("At this size the run needs at least %s of memory, and the memory budget is %s. "
                "Raise the budget, choose a smaller working size, or a layer nearer to the input."),
              more, given);
  return false;
}

size_t
nn_plan_bytes(const NnPlan *plan)
{
  return plan->bytes;
}

size_t
nn_plan_nominal_bytes(const NnPlan *plan)
{
  return plan->nominal_bytes;
}

NnShape
nn_plan_target_shape(const NnPlan *plan, int target)
{
  return plan->graph->values[plan->program->targets[target]].type.shape;
}
