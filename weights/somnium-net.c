/* SPDX-License-Identifier: GPL-3.0-or-later */
/* somnium-net: a look at a network from the command line. Lists its layers, or runs it on a .npy
 * file (float32, N x C x H x W, the network's own input values), so that anyone can hold our
 * numbers against another engine's. */
#include <glib/gi18n-lib.h>
#include <locale.h>
#include <string.h>
#include <sys/resource.h>

#include "nncore/base/error.h"
#include "nncore/plan/workspace.h"
#include "weights/networks.h"
#include "weights/npy.h"

typedef struct {
  char *run, *gradient_seed, *gradient;
  char **targets, **outputs;
  int threads, repeat;
} Options;

static void
print_shape(const NnType *type)
{
  g_autofree char *text = nn_shape_to_string(&type->shape);
  g_print("%s", type->shape.rank > 0 ? text : "?");
}

static void
list_layers(const NnNetwork *network)
{
  const NnGraph *graph = nn_model_graph(network->model);
  g_print("%s: %s\n", network->name, network->title);
  if (network->guessed != NULL)
    g_print("%s\n", network->guessed);
  for (size_t i = 0; i < graph->n_inputs; i++) {
    const NnValue *input = &graph->values[graph->inputs[i]];
    g_print("%-32s %-22s ", input->name, "(input)");
    print_shape(&input->type);
    g_print("\n");
  }
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const NnNode *node = &graph->nodes[i];
    for (int o = 0; o < node->n_outputs; o++)
      if (node->outputs[o] != NN_NO_VALUE)
        g_print("%-32s %s\n", graph->values[node->outputs[o]].name, node->op->onnx_name);
  }
}

static NnTensor *
load_seed(const NnPlan *plan, const Options *options, GError **error)
{
  NnTensor *seed = som_npy_load(options->gradient_seed, error);
  NnShape shape = nn_plan_target_shape(plan, 0);
  if (seed == NULL || nn_shape_equal(&seed->shape, &shape))
    return seed;
  g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT,
                      _("The gradient seed does not have the target's shape."));
  nn_tensor_unref(seed);
  return NULL;
}

static bool
save_targets(NnWorkspace *workspace, const Options *options, GError **error)
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
iterate(NnWorkspace *workspace, const NnTensor *seed, const Options *options, bool last,
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
run_plan(NnPlan *plan, NnContext *context, const NnTensor *input, const Options *options,
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

static bool
run_network(const NnNetwork *network, const Options *options, GError **error)
{
  g_autoptr(NnTensor) input = som_npy_load(options->run, error);
  if (input == NULL)
    return false;
  int n_targets = (int)g_strv_length(options->targets);
  g_autoptr(NnContext) context = nn_context_new(options->threads);
  g_autoptr(NnProgram) program =
      nn_program_new(network->model, context, (const char *const *)options->targets, n_targets,
                     (NnProgramOptions){.gradient = options->gradient != NULL}, error);
  g_autoptr(NnPlan) plan = program != NULL ? nn_plan_new(program, &input->shape, 1, error) : NULL;
  return plan != NULL && run_plan(plan, context, input, options, error);
}

static bool
check_options(const Options *options, GError **error)
{
  guint targets = options->targets != NULL ? g_strv_length(options->targets) : 0;
  guint outputs = options->outputs != NULL ? g_strv_length(options->outputs) : 0;
  bool seeded = (options->gradient != NULL) == (options->gradient_seed != NULL);
  bool one_target = options->gradient == NULL || targets == 1;
  if (options->run == NULL || (targets >= 1 && outputs <= targets && seeded && one_target))
    return true;
  g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT,
                      _("--run needs a --target, an --output for each, and --gradient together "
                        "with --gradient-seed for a single target."));
  return false;
}

/* the catalogues are beside the program, like the plug-in's */
static void
set_up_translation(void)
{
  setlocale(LC_ALL, "");
  g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname(program != NULL ? program : ".");
  g_autofree char *locale = g_build_filename(folder, "locale", NULL);
  bindtextdomain(GETTEXT_PACKAGE, locale);
  bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
}

int
main(int argc, char **argv)
{
  set_up_translation();
  Options options = {0};
  const GOptionEntry entries[] = {
      {"run", 0, 0, G_OPTION_ARG_FILENAME, &options.run, N_("Run on this input"), "INPUT.npy"},
      {"target", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.targets,
       N_("Layer wanted; may be given again"), "LAYER"},
      {"output", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.outputs,
       N_("Where its activation goes"), "OUT.npy"},
      {"gradient-seed", 0, 0, G_OPTION_ARG_FILENAME, &options.gradient_seed,
       N_("Gradient to the target"), "SEED.npy"},
      {"gradient", 0, 0, G_OPTION_ARG_FILENAME, &options.gradient,
       N_("Where the gradient to the input goes"), "GRAD.npy"},
      {"threads", 0, 0, G_OPTION_ARG_INT, &options.threads, N_("Threads; 0: all processors"), "N"},
      {"repeat", 0, 0, G_OPTION_ARG_INT, &options.repeat, N_("Run so often and print the times"),
       "N"},
      {NULL},
  };
  g_autoptr(GError) error = NULL;
  g_autoptr(GOptionContext) parser = g_option_context_new("FILE");
  g_option_context_set_translation_domain(parser, GETTEXT_PACKAGE);
  g_option_context_set_summary(parser, _("Looks into a network: its layers, or their numbers."));
  g_option_context_add_main_entries(parser, entries, GETTEXT_PACKAGE);
  bool ok = g_option_context_parse(parser, &argc, &argv, &error) && check_options(&options, &error);
  if (ok && argc != 2) {
    g_autofree char *help = g_option_context_get_help(parser, TRUE, NULL);
    g_printerr("%s", help);
    return 2;
  }
  g_autoptr(NnNetwork) network = ok ? som_network_open_file(argv[1], &error) : NULL;
  if (network != NULL && options.run == NULL)
    list_layers(network);
  else if (network != NULL)
    ok = run_network(network, &options, &error);
  if (error != NULL)
    g_printerr("somnium-net: %s\n", error->message);
  g_free(options.run);
  g_free(options.gradient);
  g_free(options.gradient_seed);
  g_strfreev(options.targets);
  g_strfreev(options.outputs);
  return error != NULL ? 1 : 0;
}
