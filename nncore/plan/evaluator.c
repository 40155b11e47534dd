/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole picture as one plan where the budget allows it, else in tiles (tiled.h). */
#include "nncore/plan/evaluator.h"

#include "nncore/plan/plan-private.h"
#include "nncore/plan/tiled.h"
#include "nncore/plan/workspace.h"

/* either @plan and @workspace, or @tiled */
struct NnEvaluator {
  NnPlan *plan;
  NnWorkspace *workspace;
  NnTiled *tiled;
  int n_targets;
  NnContext *context;
  int64_t held_bytes; /* of the context's memory */
};

NnEvaluator *
nn_evaluator_new(NnProgram *program, NnContext *context, const NnShape *shape, size_t budget_bytes,
                 GError **error)
{
  g_autoptr(NnEvaluator) evaluator = g_new0(NnEvaluator, 1);
  evaluator->n_targets = nn_program_n_targets(program);
  evaluator->context = context;
  evaluator->plan = nn_plan_new(program, shape, 1, error);
  if (evaluator->plan == NULL)
    return NULL;
  if (budget_bytes == 0 || nn_plan_nominal_bytes(evaluator->plan) <= budget_bytes)
    evaluator->workspace = nn_workspace_new(evaluator->plan, context, error);
  else
    evaluator->tiled = nn_tiled_new(program, context, shape, budget_bytes, error);
  if (evaluator->workspace == NULL && evaluator->tiled == NULL)
    return NULL;
  evaluator->held_bytes = (int64_t)nn_evaluator_bytes(evaluator);
  nn_context_hold_memory(context, evaluator->held_bytes);
  return g_steal_pointer(&evaluator);
}

void
nn_evaluator_free(NnEvaluator *evaluator)
{
  if (evaluator == NULL)
    return;
  nn_context_hold_memory(evaluator->context, -evaluator->held_bytes);
  nn_tiled_free(evaluator->tiled);
  nn_workspace_free(evaluator->workspace);
  nn_plan_unref(evaluator->plan);
  g_free(evaluator);
}

size_t
nn_evaluator_bytes(const NnEvaluator *evaluator)
{
  return evaluator->tiled != NULL ? nn_tiled_bytes(evaluator->tiled)
                                  : nn_plan_nominal_bytes(evaluator->plan);
}

void
nn_evaluator_grid(const NnEvaluator *evaluator, int *rows, int *columns)
{
  *rows = *columns = 1;
  if (evaluator->tiled != NULL)
    nn_tiled_grid(evaluator->tiled, rows, columns);
}

void
nn_evaluator_maps(const NnEvaluator *evaluator, int *in_memory, int *in_file)
{
  *in_memory = *in_file = 0;
  if (evaluator->tiled != NULL)
    nn_tiled_maps(evaluator->tiled, in_memory, in_file);
}

NnShape
nn_evaluator_target_shape(const NnEvaluator *evaluator, int target)
{
  return nn_plan_target_shape(evaluator->plan, target);
}

NnDtype
nn_evaluator_target_type(const NnEvaluator *evaluator, int target, NnLayout *layout)
{
  const NnPlan *plan = evaluator->plan;
  const NnValue *value = &plan->graph->values[plan->program->targets[target]];
  *layout = value->layout;
  return value->type.dtype;
}

int64_t
nn_evaluator_piece_elements(const NnEvaluator *evaluator, int target)
{
  NnShape shape = nn_plan_target_shape(evaluator->plan, target);
  return evaluator->tiled != NULL ? nn_tiled_piece_elements(evaluator->tiled, target)
                                  : nn_shape_count(&shape);
}

static void
forward_whole(NnEvaluator *evaluator, const NnEvaluation *evaluation, gpointer data)
{
  evaluation->input(data, 0, 0, nn_workspace_input(evaluator->workspace, 0));
  nn_workspace_forward(evaluator->workspace);
  for (int t = 0; evaluation->observe != NULL && t < evaluator->n_targets; t++) {
    NnPiece piece = nn_piece_whole(nn_workspace_target(evaluator->workspace, t));
    evaluation->observe(data, t, &piece);
  }
  if (evaluation->observed != NULL)
    evaluation->observed(data);
}

bool
nn_evaluator_forward(NnEvaluator *evaluator, const NnEvaluation *evaluation, gpointer data,
                     GError **error)
{
  if (evaluator->tiled != NULL)
    return nn_tiled_forward(evaluator->tiled, evaluation, data, error);
  forward_whole(evaluator, evaluation, data);
  return true;
}

bool
nn_evaluator_run(NnEvaluator *evaluator, const NnEvaluation *evaluation, gpointer data,
                 GError **error)
{
  NnWorkspace *workspace = evaluator->workspace;
  if (evaluator->tiled != NULL)
    return nn_tiled_run(evaluator->tiled, evaluation, data, error);
  forward_whole(evaluator, evaluation, data);
  for (int t = 0; t < evaluator->n_targets; t++) {
    NnPiece piece = nn_piece_whole(nn_workspace_target(workspace, t));
    evaluation->seed(data, t, &piece, nn_workspace_seed(workspace, t));
  }
  nn_workspace_backward(workspace);
  evaluation->gradient(data, 0, 0, nn_workspace_input_gradient(workspace, 0));
  return true;
}
