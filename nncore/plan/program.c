/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lowering: the passes in their order. Shapes are needed before the real size is known, for ranks
 * and channel counts; a reference size that every network of its kind takes stands in. */
#include "nncore/plan/program.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"
#include "nncore/graph/uses.h"
#include "nncore/plan/program-private.h"

#define REFERENCE_SIZE 224 /* px: for free dimensions */

static bool
resolve_targets(NnProgram *program, const char *const *names, GError **error)
{
  for (int i = 0; i < program->n_targets; i++) {
    NnValueId id = nn_graph_find(program->graph, names[i]);
    if (id == NN_NO_VALUE || program->graph->values[id].is_constant) {
      g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT, _("The network has no layer “%s”."),
                  names[i]);
      return false;
    }
    program->targets[i] = id;
  }
  return true;
}

static bool
check_targets(const NnProgram *program, GError **error)
{
  for (int i = 0; i < program->n_targets; i++) {
    const NnValue *value = &program->graph->values[program->targets[i]];
    if (value->constant != NULL) {
      g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                  _("The layer “%s” does not depend on the picture."), value->name);
      return false;
    }
    for (int k = 0; k < i; k++)
      if (program->targets[k] == program->targets[i]) {
        g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT, _("The layer “%s” is asked for twice."),
                    value->name);
        return false;
      }
  }
  return true;
}

static void
set_reference_sizes(NnGraph *graph)
{
  for (size_t i = 0; i < graph->n_inputs; i++) {
    NnShape *shape = &graph->values[graph->inputs[i]].type.shape;
    for (int d = 0; d < shape->rank; d++)
      if (shape->dim[d] == 0)
        shape->dim[d] = d == 0 ? 1 : d == 1 ? 3 : REFERENCE_SIZE;
  }
}

/* of the one picture; the reference size is then the only one that the network was made for */
static bool
declares_size(const NnGraph *graph)
{
  if (graph->n_inputs != 1)
    return false;
  const NnShape *shape = &graph->values[graph->inputs[0]].type.shape;
  return shape->rank == 4 && shape->dim[2] > 0 && shape->dim[3] > 0;
}

/* (transfer full): see nn_program_head_note(); @picture: height and width that it was made for */
static char *
describe_head(const NnHeadStart *start, NnHead head, const int64_t *picture, bool declared)
{
  int height = (int)picture[0], width = (int)picture[1];
  if (head == NN_HEAD_RESIZED && declared)
    return g_strdup_printf(_("The head of this network was made for %d x %d px: it sees the "
                             "picture resized to that, the layers before it see it at full size."),
                           width, height);
  if (head == NN_HEAD_RESIZED)
    return g_strdup_printf(_("The head of this network takes one size only: it sees the picture "
                             "resized to %d x %d px, the layers before it see it at full size."),
                           width, height);
  if (start->input < 0)
    return g_strdup_printf(_("This network has layers that were made for %d x %d px and cannot be "
                             "pooled: choose “resized” for the head, or a layer before them."),
                           width, height);
  if (declared)
    return g_strdup_printf(_("The head of this network was made for %d x %d px: its last map is "
                             "averaged to %d x %d for other sizes."),
                           width, height, (int)start->width, (int)start->height);
  return g_strdup_printf(_("The head of this network was made for a map of %d x %d: maps of other "
                           "sizes are averaged to that."),
                         (int)start->width, (int)start->height);
}

/* after the reference size is set; has targets in heads of one size take any */
static bool
adapt_heads(NnProgram *program, bool declared, GError **error)
{
  NnGraph *graph = program->graph;
  bool resized = program->options.head == NN_HEAD_RESIZED;
  NnHeads heads;
  bool ok =
      nn_pass_find_heads(graph, program->targets, program->n_targets, declared, &heads, error);
  if (ok && heads.n_starts > 0) {
    int64_t picture[2];
    memcpy(picture, graph->values[graph->inputs[0]].type.shape.dim + 2, sizeof picture);
    program->head_note = describe_head(&heads.starts[0], program->options.head, picture, declared);
    ok = nn_pass_pool_heads(graph, &heads, resized, error) &&
         (!resized || nn_pass_resize_heads(graph, program->targets, program->n_targets, &heads,
                                           picture[0], picture[1], error));
  }
  nn_heads_clear(&heads);
  return ok;
}

/* constants that no node reads any more: half-precision originals, weights before folding */
static bool
drop_unread_constants(NnProgram *program, GError **error)
{
  NnGraph *graph = program->graph;
  bool *read = nn_alloc0(graph->n_values, sizeof *read, error);
  if (read == NULL)
    return false;
  for (size_t i = 0; i < graph->n_nodes; i++)
    for (int k = 0; k < graph->nodes[i].n_inputs; k++)
      if (graph->nodes[i].inputs[k] != NN_NO_VALUE)
        read[graph->nodes[i].inputs[k]] = true;
  for (size_t v = 0; v < graph->n_values; v++)
    if (!read[v])
      g_clear_pointer(&graph->values[v].constant, nn_tensor_unref);
  nn_free(read);
  return true;
}

/* what was known at the reference size is not at others */
static bool
forget_reference(NnProgram *program)
{
  nn_graph_forget_known(program->graph);
  return true;
}

/* ---- weights made ready ---- */

/* what preparing all nodes takes */
static bool
count_prepared(const NnProgram *program, bool lean, size_t *bytes, GError **error)
{
  const NnGraph *graph = program->graph;
  bool ok = true;
  for (size_t i = 0; ok && i < graph->n_nodes; i++) {
    const NnNode *node = &graph->nodes[i];
    NnNodeTypes types;
    if (node->op->prepared_bytes == NULL)
      continue;
    ok = nn_node_types_init(&types, graph, node, error);
    if (ok) {
      NnPrepare prepare = nn_node_types_prepare(&types, program->options.gradient, lean);
      *bytes += node->op->prepared_bytes(&prepare);
    }
    nn_node_types_clear(&types);
  }
  return ok;
}

static bool
prepare_node(NnProgram *program, size_t i, bool lean, GError **error)
{
  const NnNode *node = &program->graph->nodes[i];
  NnNodeTypes types;
  if (node->op->prepare == NULL)
    return true;
  if (nn_node_types_init(&types, program->graph, node, error)) {
    NnPrepare prepare = nn_node_types_prepare(&types, program->options.gradient, lean);
    program->prepared[i] = node->op->prepare(&prepare, error);
  }
  nn_node_types_clear(&types);
  return program->prepared[i] != NULL || nn_node_prefix_error(node, error);
}

/* constants that what was prepared stands for, in all that read them: only their shapes stay */
static void
give_up_elements(NnProgram *program, size_t i, NnUses *uses)
{
  const NnNode *node = &program->graph->nodes[i];
  const void *prepared = program->prepared[i];
  unsigned given_up =
      prepared != NULL && node->op->stands_for != NULL ? node->op->stands_for(prepared) : 0;
  for (int k = 0; k < node->n_inputs && k < 32; k++) {
    if (!(given_up >> k & 1))
      continue;
    NnValue *value = &program->graph->values[node->inputs[k]];
    if (--uses->counts[node->inputs[k]] > 0)
      continue;
    nn_tensor_unref(value->constant);
    value->constant = nn_tensor_new_hollow(value->type.dtype, &value->type.shape);
  }
}

static size_t
constants_bytes(const NnGraph *graph)
{
  size_t bytes = 0;
  for (size_t v = 0; v < graph->n_values; v++) {
    const NnTensor *constant = graph->values[v].constant;
    bytes += constant != NULL && constant->data != NULL ? nn_tensor_bytes(constant) : 0;
  }
  return bytes;
}

static bool
prepare_all(NnProgram *program, NnUses *uses, GError **error)
{
  size_t n_nodes = program->graph->n_nodes, rich_bytes = 0, bytes = 0;
  double left = (double)nn_context_memory_left(program->context);
  program->prepared = nn_alloc0(n_nodes, sizeof(void *), error);
  bool ok = program->prepared != NULL && count_prepared(program, false, &rich_bytes, error);
  bool lean = (double)rich_bytes > NN_LEAN_PART * left;
  for (size_t i = 0; ok && i < n_nodes; i++) {
    ok = prepare_node(program, i, lean, error);
    give_up_elements(program, i, uses);
  }
  ok = ok && count_prepared(program, lean, &bytes, error);
  program->bytes = bytes + constants_bytes(program->graph);
  return ok;
}

static bool
prepare_nodes(NnProgram *program, GError **error)
{
  NnUses uses;
  bool ok = nn_uses_init(&uses, program->graph, program->targets, program->n_targets, error) &&
            prepare_all(program, &uses, error);
  nn_uses_clear(&uses);
  return ok;
}

/* what goes backward by other rules than the gradient's is the workspace's, node by node */
static bool
fuse_bottlenecks(NnProgram *program, GError **error)
{
  const NnProgramOptions *options = &program->options;
  return options->separate || options->rectifiers != NN_RECTIFIER_GRADIENT ||
         nn_pass_fuse_bottlenecks(program->graph, program->targets, program->n_targets, error);
}

/* the deconvnet sends something back into windows that are 0 all over, too: to their first place, which
 * is not where the largest was before the activation */
static bool
fuse_tails(NnProgram *program, GError **error)
{
  NnGraph *graph = program->graph;
  const NnProgramOptions *options = &program->options;
  return options->separate ||
         (nn_pass_fuse_sums(graph, program->targets, program->n_targets, error) &&
          (options->rectifiers == NN_RECTIFIER_DECONVNET ||
           nn_pass_fuse_pools(graph, program->targets, program->n_targets, error)));
}

static bool
lower(NnProgram *program, GError **error)
{
  NnGraph *graph = program->graph;
  NnValueId *targets = program->targets;
  int n_targets = program->n_targets;
  if (!nn_pass_prune(graph, targets, n_targets, error) ||
      !nn_pass_bypass_identities(graph, targets, n_targets, error) ||
      !nn_model_load_constants(program->model, graph, error) ||
      !nn_pass_fold_constants(graph, program->context, error))
    return false;
  if (program->options.pooling != NN_POOLING_OWN &&
      !nn_pass_replace_max_pooling(graph, program->options.pooling == NN_POOLING_L2, error))
    return false;
  bool declared = declares_size(graph);
  set_reference_sizes(graph);
  return check_targets(program, error) && adapt_heads(program, declared, error) &&
         nn_pass_infer(graph, error) && nn_pass_fold_batch_norm(graph, targets, n_targets, error) &&
         nn_pass_fuse_activations(graph, targets, n_targets, error) &&
         fuse_bottlenecks(program, error) && nn_pass_layout(graph, error) &&
         fuse_tails(program, error) && drop_unread_constants(program, error) &&
         forget_reference(program) && prepare_nodes(program, error);
}

NnProgram *
nn_program_new(NnModel *model, NnContext *context, const char *const *targets, int n_targets,
               NnProgramOptions options, GError **error)
{
  NnProgram *program = g_new0(NnProgram, 1);
  *program = (NnProgram){
      .refs = 1,
      .model = nn_model_ref(model),
      .context = context,
      .graph = nn_graph_copy(nn_model_graph(model), error),
      .n_targets = n_targets,
      .options = options,
  };
  if (program->graph != NULL)
    program->targets = nn_alloc((size_t)n_targets, sizeof(NnValueId), error);
  if (program->targets == NULL || !resolve_targets(program, targets, error) ||
      !lower(program, error)) {
    nn_program_unref(program);
    return NULL;
  }
  nn_context_hold_memory(context, (int64_t)program->bytes);
  program->holds = true;
  return program;
}

/* what the whole has prepared for the nodes of its part */
static bool
share_prepared(NnProgram *part, GError **error)
{
  const NnProgram *whole = part->whole;
  int *makers = nn_alloc(part->graph->n_values, sizeof *makers, error);
  part->prepared = makers != NULL ? nn_alloc0(part->graph->n_nodes, sizeof(void *), error) : NULL;
  bool ok = part->prepared != NULL;
  for (size_t v = 0; ok && v < part->graph->n_values; v++)
    makers[v] = -1;
  for (size_t i = 0; ok && i < whole->graph->n_nodes; i++)
    makers[whole->graph->nodes[i].outputs[0]] = (int)i;
  for (size_t i = 0; ok && i < part->graph->n_nodes; i++) {
    const NnNode *node = &part->graph->nodes[i];
    int maker = makers[node->outputs[0]];
    if (maker >= 0 && whole->graph->nodes[maker].op == node->op)
      part->prepared[i] = whole->prepared[maker];
  }
  nn_free(makers);
  return ok;
}

NnProgram *
nn_program_part(NnProgram *whole, NnGraph *graph, const NnValueId *targets, int n_targets,
                bool gradient, GError **error)
{
  NnProgram *part = g_new0(NnProgram, 1);
  *part = (NnProgram){
      .refs = 1,
      .whole = nn_program_ref(whole),
      .model = nn_model_ref(whole->model),
      .context = whole->context,
      .graph = graph,
      .n_targets = n_targets,
      .options = whole->options,
  };
  part->options.gradient = gradient;
  part->targets = nn_alloc((size_t)n_targets, sizeof(NnValueId), error);
  if (part->targets == NULL || !share_prepared(part, error)) {
    nn_program_unref(part);
    return NULL;
  }
  memcpy(part->targets, targets, (size_t)n_targets * sizeof(NnValueId));
  return part;
}

NnProgram *
nn_program_ref(NnProgram *program)
{
  g_atomic_int_inc(&program->refs);
  return program;
}

void
nn_program_unref(NnProgram *program)
{
  if (program == NULL || !g_atomic_int_dec_and_test(&program->refs))
    return;
  bool own = program->prepared != NULL && program->whole == NULL;
  for (size_t i = 0; own && i < program->graph->n_nodes; i++)
    if (program->prepared[i] != NULL)
      program->graph->nodes[i].op->free_prepared(program->prepared[i]);
  if (program->holds)
    nn_context_hold_memory(program->context, -(int64_t)program->bytes);
  nn_free(program->prepared);
  nn_free(program->targets);
  g_free(program->head_note);
  nn_graph_free(program->graph);
  nn_program_unref(program->whole);
  nn_model_unref(program->model);
  g_free(program);
}

size_t
nn_program_bytes(const NnProgram *program)
{
  return program->whole != NULL ? program->whole->bytes : program->bytes;
}

int
nn_program_n_targets(const NnProgram *program)
{
  return program->n_targets;
}

const char *
nn_program_head_note(const NnProgram *program)
{
  return program->head_note;
}
