/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan/partial: pictures that differ in a window give what whole pictures give, for networks with
 * padding, strides, odd sizes, paths that fork and meet, layers that move what they see, and heads that
 * flatten; memory is counted. */
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/plan/partial-private.h"
#include "nncore/plan/workspace.h"
#include "onnx-builder.h"
#include "tests/worst.h"

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

/* a layer between convolutions whose places begin elsewhere than what they look at: cut off at the
 * beginning, moved, cut off at the end, every second of them */
typedef struct {
  const char *op;
  const char *attributes;
  int64_t first[4]; /* pads at the beginning; or starts of H and W */
  int64_t last[4];  /* pads at the end; or ends of H and W */
  int64_t step;     /* of a Slice */
} Shift;

static const Shift shifts[] = {
    {"Pad", NULL, {0, 0, -1, -1}, {0, 0, 1, 1}, 0},
    {"Pad", NULL, {0, 0, -3, 2}, {0, 0, 0, -1}, 0},
    {"Pad", NULL, {0, 0, 2, -2}, {0, 0, -4, 1}, 0},
    {"Pad", "mode=edge", {0, 0, 1, -1}, {0, 0, 1, 2}, 0},
    {"Slice", NULL, {1, 1}, {INT64_MAX, INT64_MAX}, 1},
    {"Slice", NULL, {5, 0}, {-1, -6}, 1},
    {"Slice", NULL, {3, 1}, {INT64_MAX, -2}, 2},
};

static NnModel *
shifted_network(const Shift *shift)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(8, 3, 3, 3));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(8, 8, 3, 3));
  onnx_add_node(&builder, "Conv", "x w1", "conv1", "pads=1,1,1,1");
  if (shift->step == 0) {
    int64_t pads[8];
    memcpy(pads, shift->first, sizeof shift->first);
    memcpy(pads + 4, shift->last, sizeof shift->last);
    onnx_add_ints(&builder, "pads", pads, 8);
    onnx_add_node(&builder, "Pad", "conv1 pads", "moved", shift->attributes);
  } else {
    onnx_add_ints(&builder, "starts", shift->first, 2);
    onnx_add_ints(&builder, "ends", shift->last, 2);
    onnx_add_ints(&builder, "axes", (const int64_t[]){2, 3}, 2);
    onnx_add_ints(&builder, "steps", (const int64_t[]){shift->step, shift->step}, 2);
    onnx_add_node(&builder, "Slice", "conv1 starts ends axes steps", "moved", NULL);
  }
  onnx_add_node(&builder, "Relu", "moved", "relu2", NULL);
  onnx_add_node(&builder, "Conv", "relu2 w2", "conv2", "pads=1,1,1,1");
  onnx_add_node(&builder, "GlobalAveragePool", "conv2", "scores", NULL);
  return open_model(&builder, "scores");
}

/* maps of 16 channels: one that kernels write with the widest stores, and a target */
static NnModel *
wide_network(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(16, 3, 3, 3));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(16, 16, 3, 3));
  onnx_add_node(&builder, "Conv", "x w1", "conv1", "pads=1,1,1,1");
  onnx_add_node(&builder, "Conv", "conv1 w2", "relu2", "pads=1,1,1,1");
  onnx_add_node(&builder, "GlobalAveragePool", "relu2", "scores", NULL);
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
    largest = worse(largest, fabs((double)a->f[i] - (double)b->f[i]));
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
test_shifts(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(shifts); i++) {
    Fixture fixture = set_up(shifted_network(&shifts[i]), 2, 41, 36);
    check_all(&fixture, 6, 5, 4);
    check_all(&fixture, 1, 8, 64);
    check_all(&fixture, 1, 7, 1);
    tear_down(&fixture);
  }
}

/* more than a cache holds, of a width that leaves the maps behind each other at odd places */
static void
test_wide_stores(void)
{
  const NnCorner corner = {250, 300};
  Fixture fixture = set_up(wide_network(), 2, 515, 511);
  NnPartial *partial = partial_new(&fixture, 16, &corner, 1, 1);
  for (size_t v = 0; v < partial->graph->n_values; v++)
    g_assert_cmpuint((gsize)partial->values[v].kept % NN_ALIGNMENT, ==, 0);
  g_assert_cmpint(partial->values[partial->program->targets[1]].kind, ==, NN_PARTIAL_WINDOW);
  nn_partial_free(partial);
  tear_down(&fixture);
}

/* windows of a target are put into whole ones, of no more pictures at a time than are asked for where
 * each is large, and all that is allocated counts */
static void
test_memory(void)
{
  enum { COUNT = 64, SIDE = 256 };
  Fixture fixture = set_up(wide_network(), 2, SIDE, SIDE);
  size_t map_bytes = 16 * SIDE * SIDE * sizeof(float);
  NnCorner corners[COUNT];
  for (int i = 0; i < COUNT; i++)
    corners[i] = (NnCorner){8, 3 * i};
  for (int most = 1; most <= 8; most *= 8) {
    int first, count;
    g_autoptr(NnPartial) partial = partial_new(&fixture, 16, corners, COUNT, most);
    NnTensor replacement = *nn_partial_input(partial);
    replacement.f = fixture.replacement;
    nn_partial_run(partial, 0, &replacement, &first, &count);
    /* the whole picture's three values; of each other one, the target twice */
    g_assert_cmpuint(nn_partial_bytes(partial), <, (size_t)(4 + 2 * (most + 1)) * map_bytes);
    g_assert_cmpuint(nn_partial_bytes(partial), >, (size_t)(2 + 2 * count) * map_bytes);
  }
  tear_down(&fixture);
}

static void
test_refused_size(void)
{
  const NnCorner corner = {0, 0};
  Fixture fixture = set_up(network(false), 1, 4, 4);
  g_autoptr(GError) error = NULL;
  NnShape shape = NN_SHAPE(1, 4, 32, 32);
  g_assert_null(
      nn_partial_new(fixture.program, fixture.context, &shape, 2, 2, &corner, 1, 1, 0, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
  tear_down(&fixture);
}

static void
test_threads(void)
{
  const NnCorner corners[] = {{0, 0}, {0, 9}, {0, 40}, {13, 2}, {32, 48}};
  g_autofree float *reference = NULL;
  for (int threads = 1; threads <= 3; threads++) {
    Fixture fixture = set_up(network(false), threads, 48, 64);
    NnPartial *partial = partial_new(&fixture, 16, corners, G_N_ELEMENTS(corners), 3);
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
    nn_partial_free(partial);
    tear_down(&fixture);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/partial/windows", test_windows);
  g_test_add_func("/partial/shifts", test_shifts);
  g_test_add_func("/partial/wide-stores", test_wide_stores);
  g_test_add_func("/partial/memory", test_memory);
  g_test_add_func("/partial/refused-size", test_refused_size);
  g_test_add_func("/partial/threads", test_threads);
  return g_test_run();
}
