/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/: receptive fields against numbers from the literature, against the formula by hand,
 * and against the truth: pixels are changed one at a time, and what changes with them is looked at.
 * Also the inventory of a network: what it counts, and how it goes on past what cannot be used. */
#include <math.h>
#include <string.h>

#include "nncore/analysis/inventory.h"
#include "nncore/base/error.h"
#include "nncore/plan/workspace.h"
#include "onnx-builder.h"

/* ---- chains ---- */

typedef struct {
  int kernel, stride, pad;
} Step;

/* AlexNet, VGG-19 and ResNet-18's long way, as torchvision has them. What is known of them:
 * Araujo, Norris, Sim: Computing Receptive Fields of Convolutional Neural Networks (Distill 2019),
 * for the convolutions before the last pool; ResNet-18's as given for PyTorch's model. */
static const struct {
  const char *name;
  int64_t size, stride;
  Step steps[24];
} chains[] = {
    {"alexnet conv5",
     163,
     16,
     {{11, 4, 2}, {3, 2, 0}, {5, 1, 2}, {3, 2, 0}, {3, 1, 1}, {3, 1, 1}, {3, 1, 1}}},
    {"alexnet pool5",
     195,
     32,
     {{11, 4, 2}, {3, 2, 0}, {5, 1, 2}, {3, 2, 0}, {3, 1, 1}, {3, 1, 1}, {3, 1, 1}, {3, 2, 0}}},
    {"vgg19 conv3_4",
     48,
     4,
     {{3, 1, 1},
      {3, 1, 1},
      {2, 2, 0},
      {3, 1, 1},
      {3, 1, 1},
      {2, 2, 0},
      {3, 1, 1},
      {3, 1, 1},
      {3, 1, 1},
      {3, 1, 1}}},
    {"vgg19 conv5_4", 252, 16, {{3, 1, 1}, {3, 1, 1}, {2, 2, 0}, {3, 1, 1}, {3, 1, 1},
                                {2, 2, 0}, {3, 1, 1}, {3, 1, 1}, {3, 1, 1}, {3, 1, 1},
                                {2, 2, 0}, {3, 1, 1}, {3, 1, 1}, {3, 1, 1}, {3, 1, 1},
                                {2, 2, 0}, {3, 1, 1}, {3, 1, 1}, {3, 1, 1}, {3, 1, 1}}},
    {"resnet18 layer4",
     435,
     32,
     {{7, 2, 3},
      {3, 2, 1},
      {3, 1, 1},
      {3, 1, 1},
      {3, 1, 1},
      {3, 1, 1},
      {3, 2, 1},
      {3, 1, 1},
      {3, 1, 1},
      {3, 1, 1},
      {3, 2, 1},
      {3, 1, 1},
      {3, 1, 1},
      {3, 1, 1},
      {3, 2, 1},
      {3, 1, 1},
      {3, 1, 1},
      {3, 1, 1}}},
};

static NnModel *
finish_model(OnnxBuilder *builder)
{
  g_autoptr(GError) error = NULL;
  NnModel *model = onnx_builder_open(builder, &error);
  g_assert_no_error(error);
  onnx_builder_clear(builder);
  return model;
}

static void
start_model(OnnxBuilder *builder, int channels)
{
  onnx_builder_init(builder);
  onnx_add_input(builder, "x", &NN_SHAPE(1, channels, 0, 0));
}

static NnInventory *
take_inventory(const NnModel *model, int64_t height, int64_t width)
{
  g_autoptr(GError) error = NULL;
  int64_t channels =
      nn_model_graph(model)->values[nn_model_graph(model)->inputs[0]].type.shape.dim[1];
  NnInventory *inventory = nn_inventory_new(model, &NN_SHAPE(1, channels, height, width), &error);
  g_assert_no_error(error);
  return inventory;
}

static const NnReceptiveField *
field_of(const NnInventory *inventory, const char *name)
{
  NnValueId id = nn_graph_find(inventory->graph, name);
  g_assert_cmpint(id, !=, NN_NO_VALUE);
  return &inventory->fields[id];
}

static void
add_step(OnnxBuilder *builder, const Step *step, int index)
{
  g_autofree char *from = index > 0 ? g_strdup_printf("y%d", index - 1) : g_strdup("x");
  g_autofree char *to = g_strdup_printf("y%d", index);
  g_autofree char *inputs = g_strdup_printf("%s w%d", from, index);
  g_autofree char *weights = g_strdup_printf("w%d", index);
  g_autofree char *attributes =
      g_strdup_printf("strides=%d,%d pads=%d,%d,%d,%d", step->stride, step->stride, step->pad,
                      step->pad, step->pad, step->pad);
  onnx_add_weights(builder, weights, &NN_SHAPE(1, 1, step->kernel, step->kernel));
  onnx_add_node(builder, "Conv", inputs, to, attributes);
}

static void
test_chain(gconstpointer data)
{
  OnnxBuilder builder;
  const Step *steps = chains[GPOINTER_TO_INT(data)].steps;
  int64_t size = 1, stride = 1, first = 0;
  int n = 0;
  start_model(&builder, 1);
  for (; steps[n].kernel > 0; n++) {
    add_step(&builder, &steps[n], n);
    first -= steps[n].pad * stride; /* the formula that papers have */
    size += (steps[n].kernel - 1) * stride;
    stride *= steps[n].stride;
  }
  g_autofree char *last = g_strdup_printf("y%d", n - 1);
  onnx_add_output(&builder, last);
  g_autoptr(NnModel) model = finish_model(&builder);
  g_autoptr(NnInventory) inventory = take_inventory(model, 256, 224);
  const NnReceptiveField *field = field_of(inventory, last);
  g_assert_false(field->none || field->reach.everywhere);
  for (int a = 0; a < 2; a++) {
    int64_t from, to;
    g_assert_cmpint(nn_receptive_field_size(field, a), ==, size);
    g_assert_cmpint(size, ==, chains[GPOINTER_TO_INT(data)].size);
    g_assert_cmpfloat(field->reach.stride[a], ==, (double)chains[GPOINTER_TO_INT(data)].stride);
    g_assert_cmpfloat(nn_receptive_field_center(field, a, 3), ==,
                      (double)(3 * stride + first) + (double)(size - 1) / 2);
    nn_receptive_field_pixels(field, a, 2, &from, &to);
    g_assert_cmpint(from, ==, 2 * stride + first);
    g_assert_cmpint(to, ==, 2 * stride + first + size - 1);
  }
}

/* ---- the truth ---- */

/* Both ways of every turn: skips, branches of several widths, maps enlarged in every manner, maps
 * resized to a size that is no multiple, borders of all kinds, a flipped picture, squeeze and
 * excitation, a head. Channel counts are such that no kernel rounds across its window. */
static NnModel *
winding_model(void)
{
  OnnxBuilder builder;
  start_model(&builder, 2);
  onnx_add_weights(&builder, "w1", &NN_SHAPE(3, 2, 3, 3));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(3, 3, 5, 1));
  onnx_add_weights(&builder, "w3", &NN_SHAPE(3, 3, 2, 3));
  onnx_add_weights(&builder, "w4", &NN_SHAPE(12, 3, 1, 1));
  onnx_add_weights(&builder, "w5", &NN_SHAPE(3, 3, 1, 1));
  onnx_add_weights(&builder, "slopes", &NN_SHAPE(3, 1, 1));
  onnx_add_ints(&builder, "mirror", (int64_t[]){0, 0, 2, 1, 0, 0, 1, 2}, 8);
  onnx_add_ints(&builder, "starts", (int64_t[]){-1, 2}, 2);
  onnx_add_ints(&builder, "ends", (int64_t[]){-1000, 1000}, 2);
  onnx_add_ints(&builder, "axes", (int64_t[]){2, 3}, 2);
  onnx_add_ints(&builder, "steps", (int64_t[]){-1, 1}, 2);
  onnx_add_ints(&builder, "spatial", (int64_t[]){2, 3}, 2);
  const float doubled[] = {1, 1, 2, 2};
  onnx_add_raw(&builder, "doubled", 1, (int64_t[]){4}, 1, doubled, sizeof doubled);
  onnx_add_node(&builder, "Conv", "x w1", "conv", "strides=2,2 pads=1,1,1,1");
  onnx_add_node(&builder, "PRelu", "conv slopes", "relu", NULL);
  onnx_add_node(&builder, "Conv", "relu w2", "tall", "pads=2,0,2,0");
  onnx_add_node(&builder, "AveragePool", "relu", "pool", "kernel_shape=3,3 pads=1,1,1,1");
  onnx_add_node(&builder, "Concat", "relu tall pool", "branches", "axis=1");
  onnx_add_node(&builder, "ConvTranspose", "relu w3", "transposed", "strides=2,2 pads=0,1,0,0");
  onnx_add_node(&builder, "Conv", "relu w4", "wide", NULL);
  onnx_add_node(&builder, "DepthToSpace", "wide", "shuffled", "blocksize=2");
  onnx_add_node(&builder, "Resize", "relu  doubled", "resized", "mode=linear");
  onnx_add_node(&builder, "Add", "shuffled resized", "enlarged", NULL);
  onnx_add_node(&builder, "Shape", "x", "shape", NULL);
  onnx_add_ints(&builder, "two", (int64_t[]){2}, 1);
  onnx_add_ints(&builder, "four", (int64_t[]){4}, 1);
  onnx_add_ints(&builder, "three", (int64_t[]){1, 3}, 2);
  onnx_add_node(&builder, "Slice", "shape two four", "size", NULL);
  onnx_add_node(&builder, "Concat", "three size", "sizes", "axis=0");
  onnx_add_node(&builder, "Resize", "relu   sizes", "fitted", "mode=linear");
  onnx_add_weights(&builder, "w6", &NN_SHAPE(3, 2, 1, 1));
  onnx_add_node(&builder, "Conv", "x w6", "skip", NULL);
  onnx_add_node(&builder, "Add", "fitted skip", "met", NULL);
  onnx_add_node(&builder, "Conv", "met w1x", "behind", "strides=2,2");
  onnx_add_weights(&builder, "w1x", &NN_SHAPE(2, 3, 3, 3));
  onnx_add_node(&builder, "Pad", "relu mirror", "mirrored", "mode=reflect");
  onnx_add_node(&builder, "Slice", "relu starts ends axes steps", "flipped", NULL);
  onnx_add_node(&builder, "Conv", "flipped w2", "tall_flipped", "strides=2,1 pads=3,0,1,0");
  onnx_add_node(&builder, "ReduceMean", "relu", "squeezed", "axes=2,3");
  onnx_add_node(&builder, "Conv", "squeezed w5", "excited", NULL);
  onnx_add_node(&builder, "Mul", "tall excited", "scaled", NULL);
  onnx_add_node(&builder, "Flatten", "relu", "flat", NULL);
  onnx_add_output(&builder, "scaled");
  return finish_model(&builder);
}

typedef struct {
  NnContext *context;
  NnProgram *program;
  NnPlan *plan;
  NnWorkspace *workspace;
} Run;

static Run
start(NnModel *model, const char *target, const NnShape *shape)
{
  g_autoptr(GError) error = NULL;
  Run run = {.context = nn_context_new(2)};
  run.program = nn_program_new(model, run.context, &target, 1, (NnProgramOptions){0}, &error);
  g_assert_no_error(error);
  run.plan = nn_plan_new(run.program, shape, 1, &error);
  g_assert_no_error(error);
  run.workspace = nn_workspace_new(run.plan, run.context, &error);
  g_assert_no_error(error);
  const NnTensor *x = nn_workspace_input(run.workspace, 0);
  g_autoptr(GRand) random = g_rand_new_with_seed(5);
  for (int64_t i = 0; i < nn_shape_count(&x->shape); i++)
    x->f[i] = (float)g_rand_double_range(random, -1, 1);
  return run;
}

static void
finish(Run *run)
{
  nn_workspace_free(run->workspace);
  nn_plan_unref(run->plan);
  nn_program_unref(run->program);
  nn_context_free(run->context);
}

/* the target's elements in ONNX's order */
static float *
run_forward(const Run *run, NnShape *shape)
{
  nn_workspace_forward(run->workspace);
  const NnTensor *target = nn_workspace_target(run->workspace, 0);
  g_autoptr(NnTensor) plain = nn_tensor_new(NN_DTYPE_FLOAT, &target->shape, NULL);
  nn_tensor_copy(target, plain);
  *shape = target->shape;
  return g_memdup2(plain->f, nn_tensor_bytes(plain));
}

/* the same with @step added to all channels of one pixel */
static float *
run_changed(const Run *run, int64_t y, int64_t x, float step, NnShape *shape)
{
  const NnTensor *input = nn_workspace_input(run->workspace, 0);
  int64_t channels = input->shape.dim[1]; /* last in memory */
  float *pixel = input->f + (y * input->shape.dim[3] + x) * channels;
  g_autofree float *own = g_memdup2(pixel, (gsize)channels * sizeof *pixel);
  for (int64_t c = 0; c < channels; c++)
    pixel[c] += step;
  float *result = run_forward(run, shape);
  memcpy(pixel, own, (gsize)channels * sizeof *pixel);
  return result;
}

/* Whatever changes with a pixel must see it; @least, @most: how far from the place's own first
 * pixel those are that change something. */
static void
compare(const NnReceptiveField *field, const NnShape *shape, const float *before,
        const float *after, const int64_t pixel[2], double least[2], double most[2])
{
  for (int64_t i = 0; i < nn_shape_count(shape); i++) {
    if (memcmp(&before[i], &after[i], sizeof *after) == 0)
      continue;
    const int64_t place[2] = {i / shape->dim[3] % shape->dim[2], i % shape->dim[3]};
    for (int a = 0; a < 2; a++) {
      int64_t first, last;
      nn_receptive_field_pixels(field, a, place[a], &first, &last);
      double distance = (double)pixel[a] - (double)place[a] * field->reach.stride[a];
      if (pixel[a] < first || pixel[a] > last)
        g_error("along axis %d, place %d sees %d to %d, but pixel %d changes it", a, (int)place[a],
                (int)first, (int)last, (int)pixel[a]);
      least[a] = MIN(least[a], distance);
      most[a] = MAX(most[a], distance);
    }
  }
}

typedef struct {
  const char *value;
  bool tight; /* the ends of the window are reached: no ways of different strides, no border */
} Look;

static void
test_truth(gconstpointer data)
{
  const Look *look = data;
  enum { HEIGHT = 19, WIDTH = 23 };
  g_autoptr(NnModel) model = winding_model();
  g_autoptr(NnInventory) inventory = take_inventory(model, HEIGHT, WIDTH);
  const NnReceptiveField *field = field_of(inventory, look->value);
  g_assert_false(field->none || field->reach.everywhere);
  Run run = start(model, look->value, &NN_SHAPE(1, 2, HEIGHT, WIDTH));
  double least[2] = {INFINITY, INFINITY}, most[2] = {-INFINITY, -INFINITY};
  NnShape shape;
  g_autofree float *before = run_forward(&run, &shape);
  for (int64_t y = 0; y < HEIGHT; y++)
    for (int64_t x = 0; x < WIDTH; x++) {
      g_autofree float *after = run_changed(&run, y, x, 8, &shape);
      compare(field, &shape, before, after, (const int64_t[]){y, x}, least, most);
    }
  for (int a = 0; a < 2; a++)
    if (look->tight &&
        (least[a] > field->reach.first[a] + 1e-5 || most[a] < field->reach.last[a] - 1e-5))
      g_error("along axis %d the window is %g to %g, but %g to %g matters", a,
              field->reach.first[a], field->reach.last[a], least[a], most[a]);
  finish(&run);
}

static const Look looks[] = {
    {"conv", true},         {"relu", true},      {"tall", true},      {"pool", true},
    {"branches", true},     {"wide", true},      {"shuffled", true},  {"transposed", false},
    {"resized", false},     {"enlarged", false}, {"fitted", false},   {"skip", true},
    {"met", false},         {"behind", false},   {"mirrored", false}, {"flipped", true},
    {"tall_flipped", true},
};

static void
test_everywhere_and_nowhere(void)
{
  g_autoptr(NnModel) model = winding_model();
  g_autoptr(NnInventory) inventory = take_inventory(model, 19, 23);
  static const char *const all[] = {"squeezed", "excited", "scaled", "flat"};
  static const char *const none[] = {"shape", "size", "sizes", "w1"};
  for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
    g_assert_true(field_of(inventory, all[i])->reach.everywhere);
  for (size_t i = 0; i < G_N_ELEMENTS(none); i++)
    g_assert_true(field_of(inventory, none[i])->none);
  for (size_t i = 0; i < inventory->graph->n_nodes; i++)
    g_assert_null(inventory->nodes[i].problem);
}

/* Branches of one size each: the field is the widest's, here 5 high for the tall one. */
static void
test_union(void)
{
  g_autoptr(NnModel) model = winding_model();
  g_autoptr(NnInventory) inventory = take_inventory(model, 19, 23);
  const NnReceptiveField *field = field_of(inventory, "branches");
  g_assert_cmpint(nn_receptive_field_size(field, 0), ==, 3 + (5 - 1) * 2);
  g_assert_cmpint(nn_receptive_field_size(field, 1), ==, 3 + (3 - 1) * 2);
}

/* a second input: what is said of a picture alone takes the sizes that the file leaves open as 1 */
static void
test_second_input(void)
{
  OnnxBuilder builder;
  g_autoptr(GError) error = NULL;
  start_model(&builder, 3);
  onnx_add_input(&builder, "factor", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_node(&builder, "Mul", "x factor", "y", NULL);
  onnx_add_output(&builder, "y");
  g_autoptr(NnModel) model = finish_model(&builder);
  g_autoptr(NnInventory) inventory =
      nn_inventory_of_picture(model, &NN_SHAPE(1, 3, 19, 23), &error);
  g_assert_no_error(error);
  const NnShape *y = nn_inventory_shape(inventory, nn_graph_find(inventory->graph, "y"));
  g_assert_true(nn_shape_equal(y, &NN_SHAPE(1, 3, 19, 23)));
}

/* ---- a trained network ---- */

static NnModel *
open_base(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(g_getenv("SOMNIUM_SOURCE_DIR"), "tests", "networks",
                                           "somnium-base.onnx", NULL);
  NnModel *model = nn_model_open(path, &error);
  g_assert_no_error(error);
  return model;
}

/* how much the unit at (@y, @x) changes with a pixel, the most of all channels */
static double
change_of_unit(const Run *run, const float *before, const int64_t unit[2], int64_t y, int64_t x)
{
  NnShape shape;
  double most = 0;
  for (int sign = -1; sign <= 1; sign += 2) {
    g_autofree float *after = run_changed(run, y, x, (float)(30 * sign), &shape);
    for (int64_t c = 0; c < shape.dim[1]; c++) {
      int64_t at = (c * shape.dim[2] + unit[0]) * shape.dim[3] + unit[1];
      most = fmax(most, fabs((double)after[at] - (double)before[at]));
    }
  }
  return most;
}

/* relu3_2 of the small network: a pixel in the field's corner matters, one step further none does
 * (beyond the rounding of Winograd's tiles) */
static void
test_bundled(void)
{
  const int64_t unit[2] = {13, 17};
  g_autoptr(NnModel) model = open_base();
  g_autoptr(NnInventory) inventory = take_inventory(model, 120, 136);
  const NnReceptiveField *field = field_of(inventory, "relu3_2");
  int64_t first[2], last[2];
  for (int a = 0; a < 2; a++) {
    nn_receptive_field_pixels(field, a, unit[a], &first[a], &last[a]);
    g_assert_cmpint(last[a] - first[a] + 1, ==, 32);
    g_assert_cmpint(first[a], >, 0);
  }
  Run run = start(model, "relu3_2", &NN_SHAPE(1, 3, 120, 136));
  NnShape shape;
  g_autofree float *before = run_forward(&run, &shape);
  double inside = fmin(change_of_unit(&run, before, unit, first[0], first[1]),
                       change_of_unit(&run, before, unit, last[0], last[1]));
  double outside = 0;
  const int64_t steps[][2] = {{first[0] - 1, first[1]}, {first[0], first[1] - 1},
                              {last[0] + 1, last[1]},   {last[0], last[1] + 1},
                              {60, first[1] - 1},       {last[0] + 1, 70}};
  for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
    outside = fmax(outside, change_of_unit(&run, before, unit, steps[i][0], steps[i][1]));
  g_test_message("corner %g, outside %g", inside, outside);
  g_assert_cmpfloat(inside, >, 1e-4);
  g_assert_cmpfloat(outside, <, inside / 50);
  finish(&run);
}

/* weights of half precision behind Cast nodes count once, as parameters of the layers */
static void
test_bundled_counts(void)
{
  g_autoptr(NnModel) model = open_base();
  g_autoptr(NnInventory) inventory = take_inventory(model, 64, 64);
  static const int channels[] = {3, 32, 32, 64, 64, 128, 128, 256, 256, 384};
  int64_t parameters = 384 * 202 + 202;
  for (size_t i = 1; i < G_N_ELEMENTS(channels); i++)
    parameters += channels[i] * (channels[i - 1] * 9 + 1);
  g_assert_cmpint(inventory->parameters, ==, parameters);
}

/* ---- what cannot be used ---- */

static void
test_problems(void)
{
  OnnxBuilder builder;
  start_model(&builder, 3);
  onnx_add_weights(&builder, "w", &NN_SHAPE(8, 3, 3, 3));
  onnx_add_weights(&builder, "large", &NN_SHAPE(5000, 8));
  onnx_add_node(&builder, "Conv", "x w", "conv", NULL);
  onnx_add_node(&builder, "Wonder", "conv", "wonder", NULL);
  onnx_add_node(&builder, "Relu", "wonder", "behind", NULL);
  onnx_add_node(&builder, "Relu", "conv", "beside", NULL);
  onnx_add_node(&builder, "Flatten", "conv", "flat", NULL);
  onnx_add_node(&builder, "Gemm", "flat large", "head", "transB=1");
  onnx_add_output(&builder, "head");
  g_autoptr(NnModel) model = finish_model(&builder);
  g_autoptr(NnInventory) inventory = take_inventory(model, 10, 12);
  const NnGraph *graph = inventory->graph;
  g_assert_null(nn_inventory_shape(inventory, nn_graph_find(graph, "wonder")));
  g_assert_null(nn_inventory_shape(inventory, nn_graph_find(graph, "behind")));
  g_assert_true(nn_shape_equal(nn_inventory_shape(inventory, nn_graph_find(graph, "beside")),
                               &NN_SHAPE(1, 8, 8, 10)));
  g_assert_nonnull(strstr(inventory->nodes[1].problem, "Wonder"));
  g_assert_null(inventory->nodes[2].problem);
  g_assert_true(field_of(inventory, "behind")->reach.everywhere);
  g_assert_false(field_of(inventory, "beside")->reach.everywhere);
  g_assert_nonnull(strstr(inventory->nodes[5].problem, "1 x 640")); /* made for one size */
  g_assert_cmpint(inventory->operations, ==, 8 * 8 * 10 * (3 * 9 + 1));
}

/* strides that no picture has room for */
static void
test_far(void)
{
  OnnxBuilder builder;
  start_model(&builder, 1);
  for (int i = 0; i < 20; i++)
    add_step(&builder, &(Step){1, 1 << 30, 0}, i);
  onnx_add_output(&builder, "y19");
  g_autoptr(NnModel) model = finish_model(&builder);
  g_autoptr(NnInventory) inventory = take_inventory(model, 4, 4);
  g_assert_false(field_of(inventory, "y0")->reach.everywhere);
  g_assert_true(field_of(inventory, "y19")->reach.everywhere);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(chains); i++) {
    g_autofree char *path = g_strdup_printf("/analysis/field/%s", chains[i].name);
    g_test_add_data_func(path, GINT_TO_POINTER((int)i), test_chain);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(looks); i++) {
    g_autofree char *path = g_strdup_printf("/analysis/truth/%s", looks[i].value);
    g_test_add_data_func(path, &looks[i], test_truth);
  }
  g_test_add_func("/analysis/everywhere-and-nowhere", test_everywhere_and_nowhere);
  g_test_add_func("/analysis/union", test_union);
  g_test_add_func("/analysis/second-input", test_second_input);
  g_test_add_func("/analysis/bundled/field", test_bundled);
  g_test_add_func("/analysis/bundled/counts", test_bundled_counts);
  g_test_add_func("/analysis/problems", test_problems);
  g_test_add_func("/analysis/far", test_far);
  return g_test_run();
}
