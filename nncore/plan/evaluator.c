/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole picture as one plan. */
#include "nncore/plan/evaluator.h"

#include "nncore/base/error.h"
#include "nncore/base/progress.h"
#include "nncore/plan/workspace.h"

struct NnEvaluator {
  NnPlan *plan;
  NnWorkspace *workspace;
  int n_targets;
};

NnEvaluator *
nn_evaluator_new(NnProgram *program, NnContext *context, const NnShape *shape, size_t budget_bytes,
                 GError **error)
{
  (void)budget_bytes;
  g_autoptr(NnEvaluator) evaluator = g_new0(NnEvaluator, 1);
  evaluator->n_targets = nn_program_n_targets(program);
  evaluator->plan = nn_plan_new(program, shape, 1, error);
  if (evaluator->plan != NULL)
    evaluator->workspace = nn_workspace_new(evaluator->plan, context, error);
  return evaluator->workspace != NULL ? g_steal_pointer(&evaluator) : NULL;
}

void
nn_evaluator_free(NnEvaluator *evaluator)
{
  if (evaluator == NULL)
    return;
  nn_workspace_free(evaluator->workspace);
  nn_plan_unref(evaluator->plan);
  g_free(evaluator);
}

size_t
nn_evaluator_bytes(const NnEvaluator *evaluator)
{
  return nn_plan_bytes(evaluator->plan);
}

void
nn_evaluator_grid(const NnEvaluator *evaluator, int *rows, int *columns)
{
  (void)evaluator;
  *rows = *columns = 1;
}

NnShape
nn_evaluator_target_shape(const NnEvaluator *evaluator, int target)
{
  return nn_plan_target_shape(evaluator->plan, target);
}

int64_t
nn_evaluator_piece_elements(const NnEvaluator *evaluator, int target)
{
  NnShape shape = nn_plan_target_shape(evaluator->plan, target);
  return nn_shape_count(&shape);
}

static bool
proceed(const NnEvaluation *evaluation, gpointer data, double fraction, GError **error)
{
  if (evaluation->proceed == NULL || evaluation->proceed(data, fraction))
    return true;
  nn_set_cancelled(error);
  return false;
}

static bool
forward_whole(NnEvaluator *evaluator, const NnEvaluation *evaluation, gpointer data, GError **error)
{
  evaluation->input(data, 0, 0, nn_workspace_input(evaluator->workspace, 0));
  nn_workspace_forward(evaluator->workspace);
  for (int t = 0; evaluation->observe != NULL && t < evaluator->n_targets; t++) {
    NnPiece piece = nn_piece_whole(nn_workspace_target(evaluator->workspace, t));
    evaluation->observe(data, t, &piece);
  }
  if (evaluation->observed != NULL)
    evaluation->observed(data);
  return proceed(evaluation, data, 1, error);
}

bool
nn_evaluator_forward(NnEvaluator *evaluator, const NnEvaluation *evaluation, gpointer data,
                     GError **error)
{
  return forward_whole(evaluator, evaluation, data, error);
}

bool
nn_evaluator_run(NnEvaluator *evaluator, const NnEvaluation *evaluation, gpointer data,
                 GError **error)
{
  NnWorkspace *workspace = evaluator->workspace;
  if (!forward_whole(evaluator, evaluation, data, error))
    return false;
  for (int t = 0; t < evaluator->n_targets; t++) {
    NnPiece piece = nn_piece_whole(nn_workspace_target(workspace, t));
    evaluation->seed(data, t, &piece, nn_workspace_seed(workspace, t));
  }
  nn_workspace_backward(workspace);
  evaluation->gradient(data, 0, 0, nn_workspace_input_gradient(workspace, 0));
  return true;
}
