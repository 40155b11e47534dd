/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Holds the engine against somnium-base.txt, which generate.py made with PyTorch and onnxruntime
 * and whose docstring says what the lines mean: activations and gradients of the small network,
 * sampled. Errors are relative to the largest absolute value of the tensor. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nncore/plan/workspace.h"

#define FORWARD_BOUND 1e-4
#define GRADIENT_BOUND 1e-3
#define SEED_SALT (1 << 20)

/* a tensor's line and the "at" lines that follow it */
typedef struct {
  char kind[16], name[64];
  gint64 count;
  double largest;
  char **samples;
} Tensor;

typedef struct {
  int height, width;
  gint64 best_class;
  GArray *tensors; /* Tensor; their samples belong to the text */
} Size;

static char **lines;
static NnModel *model;

/* ---- what generate.py defines too ---- */

static double
hashed(uint32_t x)
{
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  x ^= x >> 16;
  return (double)(x >> 8) / (1 << 24);
}

static NnTensor *
make_picture(int height, int width)
{
  NnTensor *picture = nn_tensor_new(NN_DTYPE_FLOAT, &NN_SHAPE(1, 3, height, width), NULL);
  float *at = picture->f;
  for (int c = 0; c < 3; c++)
    for (int y = 0; y < height; y++)
      for (int x = 0; x < width; x++) {
        double waves = sin(0.31 * x + 0.17 * y + c) + sin(0.013 * x * y - 0.5 * c);
        *at = (float)(0.9 * waves + 1.6 * (hashed((uint32_t)(at - picture->f)) - 0.5));
        at++;
      }
  return picture;
}

static NnTensor *
make_seed(const NnShape *shape)
{
  NnTensor *seed = nn_tensor_new(NN_DTYPE_FLOAT, shape, NULL);
  for (gint64 i = 0; i < nn_shape_count(shape); i++)
    seed->f[i] = (float)(2 * hashed((uint32_t)i + SEED_SALT) - 1);
  return seed;
}

/* ---- the file ---- */

static Size *
read_sizes(int *n_sizes)
{
  GArray *sizes = g_array_new(FALSE, TRUE, sizeof(Size));
  for (char **line = lines; *line != NULL; line++) {
    Size size = {.best_class = -1};
    Tensor tensor = {.samples = line + 1};
    Size *last = sizes->len > 0 ? &g_array_index(sizes, Size, sizes->len - 1) : NULL;
    if (sscanf(*line, "size %d %d", &size.height, &size.width) == 2) {
      size.tensors = g_array_new(FALSE, TRUE, sizeof(Tensor));
      g_array_append_val(sizes, size);
    } else if (g_str_has_prefix(*line, "class ")) {
      last->best_class = g_ascii_strtoll(*line + strlen("class "), NULL, 10);
    } else if (sscanf(*line, "%15s %63s %" G_GINT64_FORMAT " %lf", tensor.kind, tensor.name,
                      &tensor.count, &tensor.largest) == 4) {
      g_array_append_val(last->tensors, tensor);
    }
  }
  *n_sizes = (int)sizes->len;
  return (Size *)g_array_free(sizes, FALSE);
}

static void
check_samples(const Tensor *expected, const NnTensor *given, double bound)
{
  g_autoptr(NnTensor) plain = nn_tensor_new(NN_DTYPE_FLOAT, &given->shape, NULL);
  nn_tensor_copy(given, plain);
  g_assert_cmpint(nn_shape_count(&plain->shape), ==, expected->count);
  int checked = 0;
  gint64 index;
  double value;
  for (char **line = expected->samples;
       *line != NULL && sscanf(*line, "at %" G_GINT64_FORMAT " %lf", &index, &value) == 2; line++) {
    double error = fabs(plain->f[index] - value) / expected->largest;
    if (!(error <= bound))
      g_error("%s %s[%d]: %.7g instead of %.7g", expected->kind, expected->name, (int)index,
              (double)plain->f[index], value);
    checked++;
  }
  g_assert_cmpint(checked, >=, 10);
}

/* ---- the engine ---- */

/* A workspace for the targets, with the picture in it and forward run. Plans and programs live on
 * in it. */
static NnWorkspace *
run_forward(NnContext *context, const Size *size, const char *const *targets, int n_targets,
            bool gradient)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnProgram) program = nn_program_new(model, context, targets, n_targets,
                                                (NnProgramOptions){.gradient = gradient}, &error);
  g_assert_no_error(error);
  g_autoptr(NnTensor) picture = make_picture(size->height, size->width);
  g_autoptr(NnPlan) plan = nn_plan_new(program, &picture->shape, 1, &error);
  g_assert_no_error(error);
  NnWorkspace *workspace = nn_workspace_new(plan, context, &error);
  g_assert_no_error(error);
  NnTensor input = *nn_workspace_input(workspace, 0);
  nn_tensor_copy(picture, &input);
  nn_workspace_forward(workspace);
  return workspace;
}

static gint64
strongest(const NnTensor *tensor)
{
  gint64 best = 0;
  for (gint64 i = 1; i < nn_shape_count(&tensor->shape); i++)
    if (tensor->f[i] > tensor->f[best])
      best = i;
  return best;
}

static void
check_size(const Size *size, int threads)
{
  g_autoptr(NnContext) context = nn_context_new(threads);
  g_autoptr(GPtrArray) targets = g_ptr_array_new();
  for (guint i = 0; i < size->tensors->len; i++) {
    Tensor *tensor = &g_array_index(size->tensors, Tensor, i);
    if (strcmp(tensor->kind, "layer") == 0)
      g_ptr_array_add(targets, tensor);
  }
  g_autofree const char **names = g_new(const char *, targets->len);
  for (guint i = 0; i < targets->len; i++)
    names[i] = ((Tensor *)targets->pdata[i])->name;
  g_autoptr(NnWorkspace) workspace = run_forward(context, size, names, (int)targets->len, false);
  for (guint i = 0; i < targets->len; i++) {
    const NnTensor *given = nn_workspace_target(workspace, (int)i);
    check_samples(targets->pdata[i], given, FORWARD_BOUND);
    if (strcmp(names[i], "prob") == 0)
      g_assert_cmpint(strongest(given), ==, size->best_class);
  }
}

static void
check_gradient(const Size *size, const Tensor *expected, int threads)
{
  g_autoptr(NnContext) context = nn_context_new(threads);
  const char *target = expected->name;
  g_autoptr(NnWorkspace) workspace = run_forward(context, size, &target, 1, true);
  NnTensor to = *nn_workspace_seed(workspace, 0);
  g_autoptr(NnTensor) seed = make_seed(&to.shape);
  nn_tensor_copy(seed, &to);
  nn_workspace_backward(workspace);
  check_samples(expected, nn_workspace_input_gradient(workspace, 0), GRADIENT_BOUND);
}

/* ---- the cases ---- */

static void
test_activations(gconstpointer data)
{
  for (int threads = 1; threads <= 2; threads++)
    check_size(data, threads);
}

static void
test_gradients(gconstpointer data)
{
  const Size *size = data;
  int checked = 0;
  for (guint i = 0; i < size->tensors->len; i++) {
    const Tensor *tensor = &g_array_index(size->tensors, Tensor, i);
    if (strcmp(tensor->kind, "gradient") != 0)
      continue;
    for (int threads = 1; threads <= 2; threads++)
      check_gradient(size, tensor, threads);
    checked++;
  }
  g_assert_cmpint(checked, >=, 3);
}

static void
open_files(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;
  const char *source = g_getenv("SOMNIUM_SOURCE_DIR");
  g_assert_nonnull(source);
  g_autofree char *golden = g_build_filename(source, "tests", "golden", "somnium-base.txt", NULL);
  g_autofree char *network =
      g_build_filename(source, "tests", "networks", "somnium-base.onnx", NULL);
  g_file_get_contents(golden, &text, NULL, &error);
  g_assert_no_error(error);
  lines = g_strsplit(text, "\n", -1);
  model = nn_model_open(network, &error);
  g_assert_no_error(error);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  open_files();
  int n_sizes;
  g_autofree Size *sizes = read_sizes(&n_sizes);
  g_assert_cmpint(n_sizes, >=, 2);
  for (int i = 0; i < n_sizes; i++) {
    g_autofree char *name = g_strdup_printf("%dx%d", sizes[i].height, sizes[i].width);
    g_autofree char *forward = g_strconcat("/golden/", name, "/activations", NULL);
    g_autofree char *backward = g_strconcat("/golden/", name, "/gradients", NULL);
    g_test_add_data_func(forward, &sizes[i], test_activations);
    g_test_add_data_func(backward, &sizes[i], test_gradients);
  }
  int status = g_test_run();
  for (int i = 0; i < n_sizes; i++)
    g_array_unref(sizes[i].tensors);
  nn_model_unref(model);
  g_strfreev(lines);
  return status;
}
