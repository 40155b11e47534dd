/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nothing is allocated inside an iteration: not in an operator's forward and backward, not from a
 * workspace's input to its gradient, not in a step of an optimiser on a picture whose value is a
 * criterion of losses, on the whole or in tiles. The linker puts (--wrap) functions that count before
 * the allocators that the engine calls by name: nn_alloc()'s posix_memalign(), malloc() and its
 * kin, of OpenBLAS too, and what g_new() is made of. What GLib allocates inside itself, as for a
 * string or an array that grows, is not seen. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "nncore/base/memory.h"
#include "nncore/effects/criterion.h"
#include "nncore/loss/content.h"
#include "nncore/loss/similarity.h"
#include "nncore/loss/smoothness.h"
#include "nncore/loss/style.h"
#include "nncore/optim/adam.h"
#include "nncore/optim/lbfgs.h"
#include "nncore/plan/workspace.h"
#include "tests/effects/base-network.h"
#include "tests/effects/noise.h"
#include "tests/fuzz/networks.h"
#include "tests/image/pictures.h"
#include "tests/ops/harness.h"
#include "tests/unit/onnx-builder.h"

/* ---- the allocators ---- */

static _Atomic bool watching;
static _Atomic int allocations; /* by any thread */

static void
note(void)
{
  if (watching)
    allocations++;
}

#define WRAP(type, name, parameters, arguments) \
  type __real_##name parameters; \
  type __wrap_##name parameters; \
  type __wrap_##name parameters \
  { \
    note(); \
    return __real_##name arguments; \
  }

WRAP(int, posix_memalign, (void **pointer, size_t alignment, size_t bytes),
     (pointer, alignment, bytes))
WRAP(void *, malloc, (size_t bytes), (bytes))
WRAP(void *, calloc, (size_t count, size_t bytes), (count, bytes))
WRAP(void *, realloc, (void *memory, size_t bytes), (memory, bytes))
WRAP(gpointer, g_malloc, (gsize bytes), (bytes))
WRAP(gpointer, g_malloc0, (gsize bytes), (bytes))
WRAP(gpointer, g_malloc_n, (gsize count, gsize bytes), (count, bytes))
WRAP(gpointer, g_malloc0_n, (gsize count, gsize bytes), (count, bytes))
WRAP(gpointer, g_realloc, (gpointer memory, gsize bytes), (memory, bytes))

static void
begin_watch(void)
{
  allocations = 0;
  watching = true;
}

/* how many there were */
static int
end_watch(void)
{
  watching = false;
  return allocations;
}

static void
allocate_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  nn_free(nn_alloc(1, 100, NULL));
}

/* the watch sees what it is there for: all ways to allocate, and each thread of a kernel */
static void
test_seen(void)
{
  enum { CHUNKS = 100 };
  g_autoptr(NnContext) context = nn_context_new(2);
  begin_watch();
  nn_parallel_for(context, CHUNKS, 1, allocate_chunk, NULL);
  g_assert_cmpint(end_watch(), ==, CHUNKS);
  void *volatile kept[8];
  size_t volatile count = 3; /* that no compiler knows */
  begin_watch();
  kept[0] = malloc(count);
  kept[1] = calloc(count, 2);
  kept[2] = realloc(NULL, count);
  kept[3] = g_malloc(count);
  kept[4] = g_new(int, count);
  kept[5] = g_new0(int, count);
  kept[6] = g_new0(NnTensor, 1);
  kept[7] = g_renew(char, NULL, count);
  g_assert_cmpint(end_watch(), ==, G_N_ELEMENTS(kept));
  for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
    g_free(kept[i]);
}

/* ---- operators ---- */

static void
check_operator(const Case *test, NnLayout layout)
{
  g_autoptr(Bench) bench = bench_new(test, layout, 2, true);
  g_autofree float *seed = bench_seed(bench);
  begin_watch();
  bench_forward(bench, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
  if (bench->op->backward != NULL)
    bench_backward(bench, seed);
  g_assert_cmpint(end_watch(), ==, 0);
}

static void
test_operator(gconstpointer data)
{
  for (NnLayout layout = NN_LAYOUT_PLAIN; layout <= NN_LAYOUT_CHANNELS_LAST; layout++)
    if (bench_has_layout(data, layout))
      check_operator(data, layout);
}

/* ---- workspaces ---- */

static void
fill(const NnTensor *tensor, uint64_t seed)
{
  for (int64_t i = 0; i < nn_shape_count(&tensor->shape); i++)
    tensor->f[i] = noise_at(seed, (uint64_t)i);
}

static void
iterate(NnWorkspace *workspace, int n_targets)
{
  fill(nn_workspace_input(workspace, 0), 1);
  nn_workspace_forward(workspace);
  for (int t = 0; t < n_targets; t++)
    fill(nn_workspace_seed(workspace, t), 2);
  nn_workspace_backward(workspace);
}

static void
check_workspace(NnModel *model, const char *const *targets, int n_targets, const NnShape *shape)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnProgram) program = nn_program_new(model, context, targets, n_targets,
                                                (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  g_autoptr(NnPlan) plan = nn_plan_new(program, shape, 1, &error);
  g_assert_no_error(error);
  g_autoptr(NnWorkspace) workspace = nn_workspace_new(plan, context, &error);
  g_assert_no_error(error);
  begin_watch();
  iterate(workspace, n_targets);
  iterate(workspace, n_targets);
  g_assert_cmpint(end_watch(), ==, 0);
  const NnTensor *gradient = nn_workspace_input_gradient(workspace, 0);
  for (int64_t i = 0; i < nn_shape_count(&gradient->shape); i++)
    g_assert_true(isfinite(gradient->f[i]));
}

static void
test_small(gconstpointer data)
{
  static const char *const targets[] = {"y"};
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = ((const SmallNetwork *)data)->make();
  g_autoptr(NnModel) model = nn_model_open_bytes(bytes, &error);
  g_assert_no_error(error);
  check_workspace(model, targets, 1, &NN_SHAPE(1, 3, 21, 23));
}

/* Winograd's convolutions, with the maxima behind them; a head */
static void
test_base(void)
{
  static const char *const targets[] = {"relu1_1", "relu3_2", "logits"};
  g_autoptr(NnNetwork) network = base_network_new();
  check_workspace(network->model, targets, G_N_ELEMENTS(targets), &NN_SHAPE(1, 3, 93, 117));
}

/* residual blocks, whose sums are part of the convolutions before them */
static void
test_residual(void)
{
  static const char *const targets[] = {"y"};
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w0", &NN_SHAPE(24, 3, 3, 3));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(20, 24, 1, 1));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(24, 20, 1, 1));
  onnx_add_node(&builder, "Conv", "x w0", "first", "pads=1,1,1,1 strides=2,2");
  onnx_add_node(&builder, "Relu", "first", "wide", NULL);
  onnx_add_node(&builder, "Conv", "wide w1", "narrow", NULL);
  onnx_add_node(&builder, "Relu", "narrow", "bent", NULL);
  onnx_add_node(&builder, "Conv", "bent w2", "back", NULL);
  onnx_add_node(&builder, "Add", "back wide", "sum", NULL);
  onnx_add_node(&builder, "Relu", "sum", "y", NULL);
  onnx_add_output(&builder, "y");
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  check_workspace(model, targets, 1, &NN_SHAPE(1, 3, 41, 37));
}

/* ---- optimisers on a picture ---- */

enum { WIDTH = 333, HEIGHT = 401, LAYERS = 2 };

/* Descent: @target: what losses compare with */
typedef struct {
  NnContext *context;
  NnCriterion *criterion;
  NnEvaluator *evaluator;
  NnImage *picture, *gradient, *target;
  NnProblem problem;
} Descent;

static bool
evaluate(gpointer data, double *value, GError **error)
{
  Descent *descent = data;
  NnVariation variation = {.width = WIDTH, .height = HEIGHT, .channels = 3, .exponent = 2};
  if (!nn_criterion_evaluate(descent->criterion, descent->evaluator, descent->picture, 5, -3,
                             descent->gradient, value, error))
    return false;
  *value += nn_total_variation(descent->context, &variation, descent->picture->data, 1,
                               descent->gradient->data);
  return true;
}

static void
add_loss(Descent *descent, int layer, NnLoss *loss)
{
  g_assert_nonnull(loss);
  nn_criterion_add(descent->criterion, layer, loss, 0.01);
}

/* every loss, the ones with a target first: Gram, covariance, Wasserstein, content, similarity */
static void
add_losses(Descent *descent, int layer, const NnShape *shape)
{
  int64_t channels = shape->dim[1];
  g_autoptr(NnTensor) guide = noise_new(&NN_SHAPE(1, channels, 6, 5), NN_LAYOUT_CHANNELS_LAST, 3);
  for (int kind = NN_STYLE_GRAM; kind <= NN_STYLE_WASSERSTEIN; kind++)
    add_loss(descent, layer, nn_loss_style(descent->context, (NnStyle)kind, channels, NULL));
  add_loss(descent, layer, nn_loss_content(descent->context, shape, NULL));
  add_loss(descent, layer, nn_loss_similarity(descent->context, channels, 2, NULL));
  add_loss(descent, layer, nn_loss_l2());
  add_loss(descent, layer, nn_loss_mean());
  add_loss(descent, layer, nn_loss_channel(1));
  add_loss(descent, layer, nn_loss_excitement(2, true, 0.1f));
  add_loss(descent, layer, nn_loss_neuron(0, 7, 9));
  add_loss(descent, layer, nn_loss_neuron(-1, 7, 9));
  add_loss(descent, layer, nn_loss_guide(descent->context, guide, NULL));
  add_loss(descent, layer, nn_loss_margin(channels, 1, NULL));
}

/* @first: the term that add_losses() began with */
static void
take_targets(Descent *descent, int first)
{
  int term = first;
  for (int kind = NN_STYLE_GRAM; kind <= NN_STYLE_WASSERSTEIN; kind++)
    g_assert_true(nn_loss_style_add_target(nn_criterion_loss(descent->criterion, term++), 1, NULL));
  g_assert_true(nn_loss_content_fix(nn_criterion_loss(descent->criterion, term++), descent->context,
                                    NULL, 0, 0, NULL));
  NnLoss *similarity = nn_criterion_loss(descent->criterion, term);
  similarity->klass->close(similarity, descent->context);
  nn_loss_similarity_turn(similarity, 1);
}

/* @budget_bytes: for itself */
static NnEvaluator *
evaluator_new(Descent *descent, int64_t budget_bytes)
{
  g_autoptr(GError) error = NULL;
  int64_t held = nn_context_memory_held(descent->context);
  nn_context_set_memory_budget(descent->context, held + budget_bytes);
  NnEvaluator *evaluator = nn_criterion_evaluator(descent->criterion, WIDTH, HEIGHT, &error);
  g_assert_no_error(error);
  return evaluator;
}

static NnEvaluator *
tiled_new(Descent *descent, const NnEvaluator *whole)
{
  for (double budget = (double)nn_evaluator_bytes(whole); budget > 1; budget *= 0.875) {
    g_autoptr(NnEvaluator) evaluator = evaluator_new(descent, (int64_t)budget - 1);
    int rows, columns;
    nn_evaluator_grid(evaluator, &rows, &columns);
    if (rows > 1 && columns > 1)
      return g_steal_pointer(&evaluator);
  }
  g_assert_not_reached();
}

static void
set_up_losses(Descent *descent)
{
  g_autoptr(NnEvaluator) plain = evaluator_new(descent, G_MAXINT64 / 2);
  for (int layer = 0; layer < LAYERS; layer++) {
    NnShape shape = nn_evaluator_target_shape(plain, layer);
    add_losses(descent, layer, &shape);
  }
  g_assert_true(nn_criterion_observe(descent->criterion, plain, descent->target, NULL));
  for (int layer = 0; layer < LAYERS; layer++)
    take_targets(descent, layer * nn_criterion_n_terms(descent->criterion) / LAYERS);
}

static void
descent_init(Descent *descent, const NnNetwork *network, bool tiles)
{
  static const char *const layers[LAYERS] = {"relu2_2", "relu4_1"};
  g_autoptr(GError) error = NULL;
  *descent = (Descent){.context = nn_context_new(2),
                       .picture = picture_noise(WIDTH, HEIGHT, 3, 1),
                       .gradient = picture_new(WIDTH, HEIGHT, 3),
                       .target = picture_noise(WIDTH, HEIGHT, 3, 2)};
  descent->criterion = nn_criterion_new(network, descent->context, layers, LAYERS,
                                        (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  set_up_losses(descent);
  descent->evaluator = evaluator_new(descent, G_MAXINT64 / 2);
  if (tiles) {
    NnEvaluator *tiled = tiled_new(descent, descent->evaluator);
    nn_evaluator_free(descent->evaluator);
    descent->evaluator = tiled;
  }
  descent->problem = (NnProblem){.x = descent->picture->data,
                                 .gradient = descent->gradient->data,
                                 .count = (int64_t)nn_image_samples(descent->picture),
                                 .bounded = true,
                                 .high = 1,
                                 .evaluate = evaluate,
                                 .data = descent};
}

static void
descent_clear(Descent *descent)
{
  nn_evaluator_free(descent->evaluator);
  nn_criterion_free(descent->criterion);
  nn_image_free(descent->picture);
  nn_image_free(descent->gradient);
  nn_image_free(descent->target);
  nn_context_free(descent->context);
}

static void
step_by_adam(Descent *descent)
{
  g_autoptr(NnAdam) adam = nn_adam_new(descent->problem.count, NULL);
  double value = NAN;
  bool done = true;
  begin_watch();
  for (int i = 0; i < 2; i++)
    done = done && nn_adam_step(adam, descent->context, &descent->problem, 0.01, &value, NULL);
  int count = end_watch();
  g_assert_true(done && isfinite(value));
  g_assert_cmpint(count, ==, 0);
}

static void
step_by_lbfgs(Descent *descent)
{
  g_autoptr(NnLbfgs) lbfgs = nn_lbfgs_new(descent->problem.count, 3, 0.01, NULL);
  double value = NAN;
  bool done = true, moved;
  begin_watch();
  for (int i = 0; i < 2; i++)
    done = done && nn_lbfgs_step(lbfgs, descent->context, &descent->problem, &value, &moved, NULL);
  int count = end_watch();
  g_assert_true(done && isfinite(value));
  g_assert_cmpint(count, ==, 0);
}

static void
check_descent(bool tiles)
{
  g_autoptr(NnNetwork) network = base_network_new();
  Descent descent;
  descent_init(&descent, network, tiles);
  step_by_adam(&descent);
  step_by_lbfgs(&descent);
  descent_clear(&descent);
}

static void
test_whole(void)
{
  check_descent(false);
}

static void
test_tiles(void)
{
  check_descent(true);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/allocations/seen", test_seen);
  for (int i = 0; cases[i].op != NULL; i++) {
    g_autofree char *path = g_strdup_printf("/allocations/%s/%d", cases[i].op, i);
    g_test_add_data_func(path, &cases[i], test_operator);
  }
  for (const SmallNetwork *network = small_networks; network->name != NULL; network++) {
    g_autofree char *path = g_strconcat("/allocations/", network->name, NULL);
    g_test_add_data_func(path, network, test_small);
  }
  g_test_add_func("/allocations/residual", test_residual);
  g_test_add_func("/allocations/base", test_base);
  g_test_add_func("/allocations/descent/whole", test_whole);
  g_test_add_func("/allocations/descent/tiles", test_tiles);
  return g_test_run();
}
