/* SPDX-License-Identifier: GPL-3.0-or-later */
/* profile FILE.onnx TARGET [SIZE [ROUNDS [gradient]]]: where a network's time goes: the median milliseconds
 * of every node of the plan with one thread and with all, its multiply-adds a second, and the megabytes
 * that it reads and writes at least (its inputs and outputs). Threads take turns, round by round. */
#include <stdio.h>
#include <stdlib.h>

#include "nncore/graph/node-types.h"
#include "nncore/plan/plan-private.h"
#include "nncore/plan/workspace.h"

enum { ONE, ALL, SIDES, WARM_UPS = 3 };

typedef struct {
  NnContext *context;
  NnProgram *program;
  NnPlan *plan;
  NnWorkspace *workspace;
  double *seconds; /* node by node, of every round */
} Side;

typedef struct {
  NnModel *model;
  const char *target;
  NnShape shape;
  int rounds;
  bool gradient;
  Side sides[SIDES];
} Profile;

static void
stop_on(GError *error)
{
  if (error == NULL)
    return;
  g_printerr("profile: %s\n", error->message);
  exit(1);
}

static void
fill(const NnTensor *tensor)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  for (int64_t i = 0; i < nn_shape_count(&tensor->shape); i++)
    tensor->f[i] = (float)g_rand_double_range(random, -2, 2);
}

static Side
open_side(const Profile *profile, int threads)
{
  GError *error = NULL;
  Side side = {.context = nn_context_new(threads)};
  NnProgramOptions options = {.gradient = profile->gradient};
  side.program =
      nn_program_new(profile->model, side.context, &profile->target, 1, options, &error);
  stop_on(error);
  side.plan = nn_plan_new(side.program, &profile->shape, 1, &error);
  stop_on(error);
  side.workspace = nn_workspace_new(side.plan, side.context, &error);
  stop_on(error);
  side.seconds = g_new0(double, side.plan->graph->n_nodes *(size_t)profile->rounds);
  return side;
}

static void
close_side(Side *side)
{
  nn_workspace_free(side->workspace);
  nn_plan_unref(side->plan);
  nn_program_unref(side->program);
  nn_context_free(side->context);
  g_free(side->seconds);
}

/* @round: less than 0 does not count */
static void
run(const Profile *profile, Side *side, int round)
{
  size_t n_nodes = side->plan->graph->n_nodes;
  for (size_t i = 0; i < n_nodes; i++) {
    gint64 start = g_get_monotonic_time();
    nn_workspace_forward_node(side->workspace, i);
    if (round >= 0)
      side->seconds[i * (size_t)profile->rounds + (size_t)round] =
          (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
  }
  if (profile->gradient)
    fill(nn_workspace_seed(side->workspace, 0));
  for (size_t i = n_nodes; profile->gradient && i-- > 0;) {
    gint64 start = g_get_monotonic_time();
    nn_workspace_backward_node(side->workspace, i);
    if (round >= 0)
      side->seconds[i * (size_t)profile->rounds + (size_t)round] +=
          (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
  }
}

static int
compare_seconds(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double
median_ms(const Profile *profile, const Side *side, size_t node)
{
  double *seconds = side->seconds + node * (size_t)profile->rounds;
  qsort(seconds, (size_t)profile->rounds, sizeof *seconds, compare_seconds);
  return seconds[profile->rounds / 2] * 1e3;
}

static int64_t
count_operations(const NnGraph *graph, const NnNode *node)
{
  NnNodeTypes types;
  GError *error = NULL;
  nn_node_types_init(&types, graph, node, &error);
  stop_on(error);
  int64_t operations = nn_node_operations(node, &types.infer);
  nn_node_types_clear(&types);
  return operations;
}

/* of what is no constant */
static double
count_megabytes(const NnGraph *graph, const NnValueId *ids, int count)
{
  double bytes = 0;
  for (int i = 0; i < count; i++)
    if (ids[i] != NN_NO_VALUE && graph->values[ids[i]].constant == NULL)
      bytes += (double)nn_shape_count(&graph->values[ids[i]].type.shape) * sizeof(float);
  return bytes / 1e6;
}

static void
print_node(const Profile *profile, size_t i, double ms[SIDES])
{
  const NnGraph *graph = profile->sides[ONE].plan->graph;
  const NnNode *node = &graph->nodes[i];
  const NnShape *out = &graph->values[node->outputs[0]].type.shape;
  for (int side = 0; side < SIDES; side++)
    ms[side] = median_ms(profile, &profile->sides[side], i);
  double operations = (double)count_operations(graph, node) * (profile->gradient ? 2 : 1);
  g_autofree char *shape = nn_shape_to_string(out);
  printf("%-28.28s %-20.20s %-16s %8.3f %8.3f %5.2f %8.1f %7.1f %7.1f\n", node->name,
         node->op->onnx_name, shape, ms[ONE], ms[ALL], ms[ONE] / ms[ALL],
         operations / ms[ALL] / 1e6, count_megabytes(graph, node->inputs, node->n_inputs),
         count_megabytes(graph, node->outputs, node->n_outputs));
}

static void
print_table(const Profile *profile)
{
  double sums[SIDES] = {0};
  printf("%-28s %-20s %-16s %8s %8s %5s %8s %7s %7s\n", "node", "operator", "result", "1 thread",
         "all, ms", "gain", "G/s, all", "in, MB", "out, MB");
  for (size_t i = 0; i < profile->sides[ONE].plan->graph->n_nodes; i++) {
    double ms[SIDES];
    print_node(profile, i, ms);
    for (int side = 0; side < SIDES; side++)
      sums[side] += ms[side];
  }
  printf("%-66s %8.3f %8.3f %5.2f\n", "sum", sums[ONE], sums[ALL], sums[ONE] / sums[ALL]);
}

int
main(int argc, char **argv)
{
  if (argc < 3) {
    g_printerr("usage: profile FILE.onnx TARGET [SIZE [ROUNDS [gradient]]]\n");
    return 1;
  }
  GError *error = NULL;
  int size = argc > 3 ? atoi(argv[3]) : 512;
  Profile profile = {
      .model = nn_model_open(argv[1], &error),
      .target = argv[2],
      .shape = NN_SHAPE(1, 3, size, size),
      .rounds = MAX(argc > 4 ? atoi(argv[4]) : 30, 1),
      .gradient = argc > 5,
  };
  stop_on(error);
  for (int side = 0; side < SIDES; side++) {
    profile.sides[side] = open_side(&profile, side == ONE ? 1 : 0);
    fill(nn_workspace_input(profile.sides[side].workspace, 0));
  }
  for (int round = -WARM_UPS; round < profile.rounds; round++)
    for (int side = 0; side < SIDES; side++)
      run(&profile, &profile.sides[side], round);
  print_table(&profile);
  for (int side = 0; side < SIDES; side++)
    close_side(&profile.sides[side]);
  nn_model_unref(profile.model);
  return 0;
}
