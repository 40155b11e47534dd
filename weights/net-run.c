/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running a network on a .npy file (float32, N x C x H x W, the network's own input values), so
 * that anyone can hold our numbers against another engine's. */
#include <glib/gi18n-lib.h>
#include <sys/resource.h>

#include "nncore/base/error.h"
#include "nncore/plan/workspace.h"
#include "weights/net.h"
#include "weights/npy.h"

void
som_net_note(const NnProgram *program)
{
  const char *note = nn_program_head_note(program);
  if (note != NULL)
    g_printerr("%s\n", note);
}

static NnTensor *
load_seed(const NnPlan *plan, const SomNetOptions *options, GError **error)
{
  NnTensor *seed = som_npy_load(options->gradient_seed, error);
  NnShape shape = nn_plan_target_shape(plan, 0);
  if (seed == NULL || nn_shape_equal(&seed->shape, &shape))
    return seed;
  g_autofree char *given = nn_shape_to_string(&seed->shape);
  g_autofree char *wanted = nn_shape_to_string(&shape);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The gradient seed has the shape %s; the target's is %s."), given, wanted);
  nn_tensor_unref(seed);
  return NULL;
}

static bool
save_targets(NnWorkspace *workspace, const SomNetOptions *options, GError **error)
{
  for (int i = 0; options->outputs != NULL && options->outputs[i] != NULL; i++)
    if (!som_npy_save(options->outputs[i], nn_workspace_target(workspace, i), error))
      return false;
  return true;
}

static double
seconds_since(gint64 start_us)
{
  return (double)(g_get_monotonic_time() - start_us) / G_USEC_PER_SEC;
}

/* one iteration; with --repeat, its times go to standard error. The targets are saved before
 * backward, which may use their memory for other things. */
static bool
iterate(NnWorkspace *workspace, const NnTensor *seed, const SomNetOptions *options, bool last,
        GError **error)
{
  gint64 start_us = g_get_monotonic_time();
  nn_workspace_forward(workspace);
  double forward_s = seconds_since(start_us);
  if (last && !save_targets(workspace, options, error))
    return false;
  start_us = g_get_monotonic_time();
  if (seed != NULL) {
    NnTensor view = *nn_workspace_seed(workspace, 0);
    nn_tensor_copy(seed, &view);
    nn_workspace_backward(workspace);
  }
  if (options->repeat > 0)
    g_printerr("forward %.5f s, with gradient %.5f s\n", forward_s,
               forward_s + seconds_since(start_us));
  return true;
}

static void
print_peak(const NnPlan *plan)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  g_printerr("plan %.1f MiB, peak %.1f MiB\n", (double)nn_plan_bytes(plan) / (1 << 20),
             (double)usage.ru_maxrss / 1024);
}

static bool
run_plan(NnPlan *plan, NnContext *context, const NnTensor *input, const SomNetOptions *options,
         GError **error)
{
  g_autoptr(NnWorkspace) workspace = nn_workspace_new(plan, context, error);
  g_autoptr(NnTensor) seed = NULL;
  if (workspace == NULL)
    return false;
  if (options->gradient != NULL) {
    seed = load_seed(plan, options, error);
    if (seed == NULL)
      return false;
  }
  NnTensor view = *nn_workspace_input(workspace, 0);
  nn_tensor_copy(input, &view);
  int count = MAX(options->repeat, 1);
  for (int i = 0; i < count; i++)
    if (!iterate(workspace, seed, options, i == count - 1, error))
      return false;
  if (options->repeat > 0)
    print_peak(plan);
  return seed == NULL ||
         som_npy_save(options->gradient, nn_workspace_input_gradient(workspace, 0), error);
}

/* a plan would find out as well, but blame the network */
static bool
check_input(const NnGraph *graph, const NnTensor *input, const char *path, GError **error)
{
  if (graph->n_inputs == 0 || graph->values[graph->inputs[0]].type.shape.rank == 0)
    return true;
  const NnShape *declared = &graph->values[graph->inputs[0]].type.shape;
  bool fits = declared->rank == input->shape.rank;
  fits = fits &&
         (declared->rank < 2 || declared->dim[1] == 0 || declared->dim[1] == input->shape.dim[1]);
  if (fits)
    return true;
  g_autofree char *name = g_filename_display_name(path);
  g_autofree char *given = nn_shape_to_string(&input->shape);
  g_autofree char *wanted = nn_shape_to_string(declared);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("“%s” has the shape %s; the network's input is %s, where 0 stands for any number."),
              name, given, wanted);
  return false;
}

/* The file's own names as they are, whatever they name; else what people call a layer. An unknown
 * one's sentence names layers that exist. */
static const char **
resolve_targets(const NnNetwork *network, char *const *names, GError **error)
{
  const NnGraph *graph = nn_model_graph(network->model);
  g_autofree const char **targets = g_new0(const char *, g_strv_length((char **)names) + 1);
  for (int i = 0; names[i] != NULL; i++) {
    bool own = nn_graph_find(graph, names[i]) != NN_NO_VALUE;
    targets[i] = own ? names[i] : nn_network_resolve_layer(network, names[i], error);
    if (targets[i] == NULL)
      return NULL;
  }
  return g_steal_pointer(&targets);
}

bool
som_net_run(const NnNetwork *network, const SomNetOptions *options, GError **error)
{
  g_autoptr(NnTensor) input = som_npy_load(options->run, error);
  g_autofree const char **targets = NULL;
  if (input != NULL && check_input(nn_model_graph(network->model), input, options->run, error))
    targets = resolve_targets(network, options->targets, error);
  if (targets == NULL)
    return false;
  g_autoptr(NnContext) context = nn_context_new(options->threads);
  g_autoptr(NnProgram) program = nn_program_new(
      network->model, context, targets, (int)g_strv_length(options->targets),
      (NnProgramOptions){.gradient = options->gradient != NULL, .head = options->head}, error);
  if (program == NULL)
    return false;
  som_net_note(program);
  g_autoptr(NnPlan) plan = nn_plan_new(program, &input->shape, 1, error);
  return plan != NULL && run_plan(plan, context, input, options, error);
}
