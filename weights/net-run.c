/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running a network on a .npy file (float32, N x C x H x W, the network's own input values), so
 * that anyone can hold our numbers against another engine's. */
#include <glib/gi18n-lib.h>
#include <string.h>
#include <sys/resource.h>

#include "nncore/base/error.h"
#include "nncore/plan/evaluator.h"
#include "nncore/tensor/box.h"
#include "weights/net.h"
#include "weights/npy.h"

void
som_net_note(const NnProgram *program)
{
  const char *note = nn_program_head_note(program);
  if (note != NULL)
    g_printerr("%s\n", note);
}

/**
 * Work: rounds of evaluations.
 * @input, @seed, @gradient: @seed and what comes of it are %NULL without a gradient
 * @outputs: of the targets that are wanted, %NULL else
 * @start_us: of the round at hand; @forward_us: until the first seed was asked for; @copy_us: that
 *   took to copy what is to be saved
 */
typedef struct {
  const SomNetOptions *options;
  NnEvaluator *evaluator;
  NnTensor *input, *seed, *gradient;
  NnTensor **outputs;
  int n_targets;
  gint64 start_us, forward_us, copy_us;
} Work;

static NnBox
box_of(int64_t y, int64_t x, const NnShape *shape)
{
  return (NnBox){{y, x}, {y + shape->dim[2], x + shape->dim[3]}};
}

static bool
is_all(const NnTensor *part, const NnTensor *whole)
{
  return nn_shape_equal(&part->shape, &whole->shape);
}

static void
give_input(gpointer data, int64_t y, int64_t x, const NnTensor *pixels)
{
  const Work *work = data;
  NnTensor view = *pixels;
  if (is_all(pixels, work->input)) {
    nn_tensor_copy(work->input, &view);
    return;
  }
  NnBox box = box_of(y, x, &pixels->shape);
  nn_box_copy(NULL, work->input, &box, pixels, 0, 0, false);
}

static void
take_output(gpointer data, int target, const NnPiece *piece)
{
  Work *work = data;
  gint64 start_us = g_get_monotonic_time();
  NnTensor *output = work->outputs[target];
  if (work->forward_us == 0)
    work->forward_us = start_us - work->start_us;
  if (output != NULL && is_all(piece->activation, output)) {
    nn_tensor_copy(piece->activation, output);
  } else if (output != NULL) {
    NnBox box = box_of(0, 0, &piece->activation->shape);
    nn_box_copy(NULL, piece->activation, &box, output, piece->first[0], piece->first[1], false);
  }
  work->copy_us += g_get_monotonic_time() - start_us;
}

static void
give_seed(gpointer data, int target, const NnPiece *piece, const NnTensor *seed)
{
  Work *work = data;
  NnTensor view = *seed;
  if (work->forward_us == 0)
    work->forward_us = g_get_monotonic_time() - work->start_us;
  if (is_all(seed, work->seed)) {
    nn_tensor_copy(work->seed, &view);
    return;
  }
  NnBox box = box_of(piece->first[0], piece->first[1], &seed->shape);
  nn_box_copy(NULL, work->seed, &box, seed, 0, 0, false);
}

static void
take_gradient(gpointer data, int64_t y, int64_t x, const NnTensor *gradient)
{
  const Work *work = data;
  NnBox box = box_of(0, 0, &gradient->shape);
  if (gradient->shape.rank == 4 && gradient->shape.dim[0] == 1) {
    nn_box_copy(NULL, gradient, &box, work->gradient, y, x, true);
    return;
  }
  g_return_if_fail(is_all(gradient, work->gradient)); /* only pictures are cut */
  for (int64_t i = 0; i < nn_shape_count(&gradient->shape); i++)
    work->gradient->f[i] += gradient->f[i];
}

/* (transfer full): of floats */
static NnTensor *
map_new(const NnShape *shape, NnLayout layout, GError **error)
{
  NnTensor *tensor = nn_tensor_new(NN_DTYPE_FLOAT, shape, error);
  if (tensor != NULL)
    tensor->layout = layout;
  return tensor;
}

/* the engine's order of a network's input */
static NnLayout
input_layout(const NnShape *shape)
{
  return shape->rank >= 3 && shape->rank <= 5 ? NN_LAYOUT_CHANNELS_LAST : NN_LAYOUT_PLAIN;
}

/* (transfer full): in the order in which the engine wants boxes of it */
static NnTensor *
load_map(const char *path, const NnLayout *layout, GError **error)
{
  g_autoptr(NnTensor) plain = som_npy_load(path, error);
  if (plain == NULL)
    return NULL;
  NnLayout order = input_layout(&plain->shape);
  if (layout != NULL && order == NN_LAYOUT_CHANNELS_LAST)
    order = *layout;
  NnTensor *map = map_new(&plain->shape, order, error);
  if (map != NULL)
    nn_tensor_copy(plain, map);
  return map;
}

static bool
load_seed(Work *work, GError **error)
{
  NnShape shape = nn_evaluator_target_shape(work->evaluator, 0);
  NnLayout layout;
  nn_evaluator_target_type(work->evaluator, 0, &layout);
  work->seed = load_map(work->options->gradient_seed, &layout, error);
  if (work->seed == NULL)
    return false;
  if (!nn_shape_equal(&work->seed->shape, &shape)) {
    g_autofree char *given = nn_shape_to_string(&work->seed->shape);
    g_autofree char *wanted = nn_shape_to_string(&shape);
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The gradient seed has the shape %s; the target's is %s."), given, wanted);
    return false;
  }
  work->gradient = map_new(&work->input->shape, work->input->layout, error);
  return work->gradient != NULL;
}

static bool
new_outputs(Work *work, GError **error)
{
  for (int i = 0; work->options->outputs != NULL && work->options->outputs[i] != NULL; i++) {
    NnShape shape = nn_evaluator_target_shape(work->evaluator, i);
    NnLayout layout;
    NnDtype dtype = nn_evaluator_target_type(work->evaluator, i, &layout);
    work->outputs[i] = nn_tensor_new(dtype, &shape, error);
    if (work->outputs[i] == NULL)
      return false;
    work->outputs[i]->layout = layout;
  }
  return true;
}

/* @last: the targets are saved */
static bool
run_round(Work *work, bool last, GError **error)
{
  NnEvaluation evaluation = {.input = give_input, .seed = give_seed, .gradient = take_gradient};
  if (last && work->options->outputs != NULL)
    evaluation.observe = take_output;
  if (work->gradient != NULL)
    memset(work->gradient->data, 0, nn_tensor_bytes(work->gradient));
  work->forward_us = work->copy_us = 0;
  work->start_us = g_get_monotonic_time();
  bool ok = work->seed != NULL ? nn_evaluator_run(work->evaluator, &evaluation, work, error)
                               : nn_evaluator_forward(work->evaluator, &evaluation, work, error);
  gint64 all_us = g_get_monotonic_time() - work->start_us - work->copy_us;
  if (ok && work->options->repeat > 0)
    g_printerr("forward %.5f s, with gradient %.5f s\n",
               (double)(work->seed != NULL ? work->forward_us : all_us) / G_USEC_PER_SEC,
               (double)all_us / G_USEC_PER_SEC);
  return ok;
}

static void
print_peak(const NnEvaluator *evaluator)
{
  struct rusage usage;
  int rows, columns;
  getrusage(RUSAGE_SELF, &usage);
  nn_evaluator_grid(evaluator, &rows, &columns);
  g_printerr("plan %.1f MiB, %d x %d tiles, peak %.1f MiB\n",
             (double)nn_evaluator_bytes(evaluator) / (1 << 20), columns, rows,
             (double)usage.ru_maxrss / 1024);
}

static bool
save(const Work *work, GError **error)
{
  for (int i = 0; i < work->n_targets; i++)
    if (work->outputs[i] != NULL &&
        !som_npy_save(work->options->outputs[i], work->outputs[i], error))
      return false;
  return work->gradient == NULL || som_npy_save(work->options->gradient, work->gradient, error);
}

static bool
run_rounds(Work *work, GError **error)
{
  int count = MAX(work->options->repeat, 1);
  if (!new_outputs(work, error) || (work->options->gradient != NULL && !load_seed(work, error)))
    return false;
  for (int i = 0; i < count; i++)
    if (!run_round(work, i == count - 1, error))
      return false;
  if (work->options->repeat > 0)
    print_peak(work->evaluator);
  return save(work, error);
}

static void
clear_work(Work *work)
{
  for (int i = 0; i < work->n_targets; i++)
    nn_tensor_unref(work->outputs[i]);
  g_free(work->outputs);
  nn_tensor_unref(work->seed);
  nn_tensor_unref(work->gradient);
  nn_evaluator_free(work->evaluator);
}

static bool
run_program(NnProgram *program, NnContext *context, NnTensor *input, const SomNetOptions *options,
            GError **error)
{
  Work work = {.options = options, .input = input, .n_targets = nn_program_n_targets(program)};
  size_t budget = (size_t)nn_context_memory_left(context);
  work.outputs = g_new0(NnTensor *, work.n_targets);
  work.evaluator = nn_evaluator_new(program, context, &input->shape, budget, error);
  bool ok = work.evaluator != NULL && run_rounds(&work, error);
  clear_work(&work);
  return ok;
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
  g_autoptr(NnTensor) input = load_map(options->run, NULL, error);
  g_autofree const char **targets = NULL;
  if (input != NULL && check_input(nn_model_graph(network->model), input, options->run, error))
    targets = resolve_targets(network, options->targets, error);
  if (targets == NULL)
    return false;
  g_autoptr(NnContext) context = nn_context_new(options->threads);
  nn_context_set_memory_budget(context, (int64_t)MAX(options->memory_mb, 0) << 20);
  g_autoptr(NnProgram) program = nn_program_new(
      network->model, context, targets, (int)g_strv_length(options->targets),
      (NnProgramOptions){.gradient = options->gradient != NULL, .head = options->head}, error);
  if (program == NULL)
    return false;
  som_net_note(program);
  return run_program(program, context, input, options, error);
}
