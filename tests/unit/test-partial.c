/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan/partial: pictures that differ in a window give what whole pictures give, for networks with
 * padding, strides, odd sizes, paths that fork and meet, and heads that flatten. */
#include <math.h>
#include <string.h>

#include "nncore/plan/partial.h"
#include "nncore/plan/workspace.h"
#include "onnx-builder.h"

static NnModel *
open_model(OnnxBuilder *builder, const char *output)
{
  g_autoptr(GError) error = NULL;
  onnx_add_output(builder, output);
  NnModel *model = onnx_builder_open(builder, &error);
  g_assert_no_error(error);
  onnx_builder_clear(builder);
  return model;
}

/* convolutions of strides 1 and 2 with padding, pools that round up and that pad to SAME, a path
 * beside, a mean over the picture and a head; @one_by_one: one that takes one picture at a time */
static NnModel *
network(bool one_by_one)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(8, 3, 3, 3));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(16, 8, 5, 5));
  onnx_add_weights(&builder, "w3", &NN_SHAPE(16, 16, 3, 3));
  onnx_add_weights(&builder, "w4", &NN_SHAPE(16, 1, 3, 3));
  onnx_add_weights(&builder, "w5", &NN_SHAPE(32, 7));
  onnx_add_node(&builder, "Conv", "x w1", "conv1", "pads=1,1,1,1");
  onnx_add_node(&builder, "Relu", "conv1", "relu1", NULL);
  onnx_add_node(&builder, "MaxPool", "relu1", "pool1",
                "kernel_shape=3,3 strides=2,2 auto_pad=SAME_UPPER");
  onnx_add_node(&builder, "Conv", "pool1 w2", "conv2", "pads=2,1,2,3 strides=2,2");
  onnx_add_node(&builder, "LeakyRelu", "conv2", "relu2", "alpha=0.1f");
  onnx_add_node(&builder, "Conv", "relu2 w3", "conv3", "pads=2,2,2,2 dilations=2,2");
  onnx_add_node(&builder, "Add", "relu2 conv3", "sum", NULL);
  onnx_add_node(&builder, "Conv", "sum w4", "conv4", "pads=1,1,1,1 group=16");
  onnx_add_node(&builder, "Concat", "sum conv4", "joined", "axis=1");
  onnx_add_node(&builder, "AveragePool", "joined", "pool2",
                "kernel_shape=2,2 strides=2,2 ceil_mode=1");
  onnx_add_node(&builder, "GlobalAveragePool", "pool2", "mean", NULL);
  if (one_by_one) {
    onnx_add_ints(&builder, "shape", (const int64_t[]){1, 32}, 2);
    onnx_add_node(&builder, "Reshape", "mean shape", "flat", NULL);
  } else {
    onnx_add_node(&builder, "Flatten", "mean", "flat", NULL);
  }
  onnx_add_node(&builder, "MatMul", "flat w5", "scores", NULL);
  return open_model(&builder, "scores");
}

typedef struct {
  NnContext *context;
  NnProgram *program;
  NnShape shape;
  float *picture, *replacement; /* channels-last */
} Fixture;

static const char *const targets[] = {"scores", "relu2"};

static Fixture
set_up(NnModel *model, int threads, int height, int width)
{
  g_autoptr(GError) error = NULL;
  Fixture fixture = {.context = nn_context_new(threads), .shape = NN_SHAPE(1, 3, height, width)};
  fixture.program =
      nn_program_new(model, fixture.context, targets, 2, (NnProgramOptions){0}, &error);
  g_assert_no_error(error);
  nn_model_unref(model);
  int64_t count = nn_shape_count(&fixture.shape);
  fixture.picture = g_new(float, count);
  fixture.replacement = g_new(float, count);
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  for (int64_t i = 0; i < count; i++) {
    fixture.picture[i] = (float)g_rand_double_range(random, -1, 1);
    fixture.replacement[i] = (float)g_rand_double_range(random, -3, 3);
  }
  return fixture;
}

static void
tear_down(Fixture *fixture)
{
  nn_program_unref(fixture->program);
  nn_context_free(fixture->context);
  g_free(fixture->picture);
  g_free(fixture->replacement);
}

static NnPartial *
partial_new(Fixture *fixture, int side, const NnCorner *corners, int n_corners, int most)
{
  g_autoptr(GError) error = NULL;
  NnPartial *partial = nn_partial_new(fixture->program, fixture->context, &fixture->shape, side,
                                      side, corners, n_corners, most, 0, &error);
  g_assert_no_error(error);
  memcpy(nn_partial_input(partial)->f, fixture->picture,
         nn_tensor_bytes(nn_partial_input(partial)));
  nn_partial_forward(partial);
  return partial;
}

static void
occlude(const Fixture *fixture, float *pixels, const NnCorner *corner, int side)
{
  int64_t width = fixture->shape.dim[3];
  memcpy(pixels, fixture->picture, (size_t)nn_shape_count(&fixture->shape) * sizeof(float));
  for (int64_t y = corner->y; y < corner->y + side; y++)
    memcpy(pixels + (y * width + corner->x) * 3, fixture->replacement + (y * width + corner->x) * 3,
           (size_t)side * 3 * sizeof(float));
}

static double
largest_difference(const NnTensor *a, const NnTensor *b)
{
  double largest = 0, scale = 0;
  g_assert_true(nn_shape_equal(&a->shape, &b->shape) && a->layout == b->layout);
  for (int64_t i = 0; i < nn_shape_count(&a->shape); i++) {
    largest = MAX(largest, fabs((double)a->f[i] - (double)b->f[i]));
    scale = MAX(scale, fabs((double)b->f[i]));
  }
  return largest / scale;
}

/* every window against the whole network */
static void
check_all(Fixture *fixture, int side, int step, int most)
{
  g_autoptr(GArray) corners = g_array_new(FALSE, FALSE, sizeof(NnCorner));
  int64_t height = fixture->shape.dim[2], width = fixture->shape.dim[3];
  for (int64_t y = 0; y + side <= height; y += step)
    for (int64_t x = 0; x + side <= width; x += step) {
      NnCorner corner = {y, x};
      g_array_append_val(corners, corner);
    }
  const NnCorner *all = (const NnCorner *)corners->data;
  g_autoptr(NnPartial) partial = partial_new(fixture, side, all, (int)corners->len, most);
  g_autoptr(NnPlan) plan = nn_plan_new(fixture->program, &fixture->shape, 1, NULL);
  g_autoptr(NnWorkspace) workspace = nn_workspace_new(plan, fixture->context, NULL);
  NnTensor replacement = *nn_partial_input(partial);
  replacement.f = fixture->replacement;
  int seen = 0;
  for (int batch = 0; batch < nn_partial_n_batches(partial); batch++) {
    int first, count;
    nn_partial_run(partial, batch, &replacement, &first, &count);
    g_assert_cmpint(first, ==, seen);
    seen += count;
    for (int i = 0; i < count; i++) {
      occlude(fixture, nn_workspace_input(workspace, 0)->f, &all[first + i], side);
      nn_workspace_forward(workspace);
      for (int t = 0; t < 2; t++) {
        NnTensor ours = nn_partial_target(partial, t, i);
        g_assert_cmpfloat(largest_difference(&ours, nn_workspace_target(workspace, t)), <, 1e-5);
      }
    }
  }
  g_assert_cmpint(seen, ==, (int)corners->len);
}

static void
test_windows(void)
{
  const int sizes[][2] = {{48, 64}, {57, 43}, {30, 31}};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int one_by_one = 0; one_by_one < 2; one_by_one++) {
      Fixture fixture = set_up(network(one_by_one == 1), 2, sizes[i][0], sizes[i][1]);
      check_all(&fixture, 7, 5, 6);
      check_all(&fixture, 1, 9, 1);
      check_all(&fixture, 16, 8, 64);
      tear_down(&fixture);
    }
}

static void
test_threads(void)
{
  const NnCorner corners[] = {{0, 0}, {0, 9}, {0, 40}, {13, 2}, {32, 48}};
  g_autofree float *reference = NULL;
  for (int threads = 1; threads <= 3; threads++) {
    Fixture fixture = set_up(network(false), threads, 48, 64);
    g_autoptr(NnPartial) partial = partial_new(&fixture, 16, corners, G_N_ELEMENTS(corners), 3);
    NnTensor replacement = *nn_partial_input(partial);
    replacement.f = fixture.replacement;
    g_autofree float *scores = g_new(float, 7 * G_N_ELEMENTS(corners));
    for (int batch = 0; batch < nn_partial_n_batches(partial); batch++) {
      int first, count;
      nn_partial_run(partial, batch, &replacement, &first, &count);
      for (int i = 0; i < count; i++)
        memcpy(scores + 7 * (first + i), nn_partial_target(partial, 0, i).f, 7 * sizeof(float));
    }
    if (reference == NULL)
      reference = g_steal_pointer(&scores);
    else
      g_assert_cmpmem(scores, 7 * sizeof(float) * G_N_ELEMENTS(corners), reference,
                      7 * sizeof(float) * G_N_ELEMENTS(corners));
    tear_down(&fixture);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/partial/windows", test_windows);
  g_test_add_func("/partial/threads", test_threads);
  return g_test_run();
}
