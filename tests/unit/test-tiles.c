/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiled is untiled: activations, and the gradient to the picture, of an evaluator whose budget
 * forces tiles, against one without a budget, to LIMIT of the largest value. Every position must be
 * shown once and be asked for its seed once. Seeds depend on the place, the channel, the activation
 * there and a mean over all of the target, as losses' do. Networks: of every kind that stages.h
 * distinguishes, the bundled ones, and those of ../shared. */
#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/base/random.h"
#include "nncore/plan/evaluator.h"
#include "onnx-builder.h"

#define LIMIT 1e-4 /* of the largest value */
enum { MAX_TARGETS = 4, LEAST = 3 /* tiles along each side */ };

/* ---- one evaluation, and what it gave ---- */

typedef struct {
  int64_t height, width;
  int n_targets;
  NnTensor *targets[MAX_TARGETS];
  NnTensor *shown[MAX_TARGETS]; /* how often; then how often asked for */
  double sums[MAX_TARGETS];
  NnTensor *gradient; /* 1 x 3 x H x W, channels-last */
  bool observes;
} Given;

static float
noise_at(uint64_t seed, int64_t y, int64_t x, int64_t c)
{
  uint64_t bits = nn_random_at(seed, (uint64_t)((y * 100003 + x) * 4099 + c));
  return (float)((double)(bits >> 40) / (1 << 23) - 1);
}

/* waves and some noise: smooth enough for activations to be of ordinary size */
static void
give_input(gpointer data, int64_t y0, int64_t x0, const NnTensor *pixels)
{
  const NnShape *shape = &pixels->shape;
  g_assert_true(pixels->layout == NN_LAYOUT_CHANNELS_LAST && shape->dim[1] == 3);
  for (int64_t y = 0; y < shape->dim[2]; y++)
    for (int64_t x = 0; x < shape->dim[3]; x++)
      for (int64_t c = 0; c < 3; c++) {
        double wave = sin(0.05 * (double)(y0 + y) + (double)c) * cos(0.07 * (double)(x0 + x));
        pixels->f[(y * shape->dim[3] + x) * 3 + c] =
            (float)wave + 0.3f * noise_at(1, y0 + y, x0 + x, c);
      }
}

/* element (c, y, x) of a map, or element c of anything else */
static float *
element(const NnTensor *tensor, int64_t c, int64_t y, int64_t x)
{
  const NnShape *shape = &tensor->shape;
  if (shape->rank != 4)
    return tensor->f + c;
  if (tensor->layout == NN_LAYOUT_CHANNELS_LAST)
    return tensor->f + (y * shape->dim[3] + x) * shape->dim[1] + c;
  return tensor->f + (c * shape->dim[2] + y) * shape->dim[3] + x;
}

typedef void (*Visit)(Given *given, int target, const NnPiece *piece, const NnTensor *seed,
                      const int64_t at[3], const int64_t in_piece[3]);

static void
visit_all(Given *given, int target, const NnPiece *piece, const NnTensor *seed, Visit visit)
{
  const NnShape *shape = &piece->activation->shape;
  bool map = shape->rank == 4;
  int64_t channels = map ? shape->dim[1] : nn_shape_count(shape);
  for (int64_t y = 0; y < (map ? shape->dim[2] : 1); y++)
    for (int64_t x = 0; x < (map ? shape->dim[3] : 1); x++)
      for (int64_t c = 0; c < channels; c++)
        visit(given, target, piece, seed, (int64_t[]){c, piece->first[0] + y, piece->first[1] + x},
              (int64_t[]){c, y, x});
}

static void
observe_element(Given *given, int target, const NnPiece *piece, const NnTensor *seed,
                const int64_t at[3], const int64_t in[3])
{
  float value = *element(piece->activation, in[0], in[1], in[2]);
  *element(given->targets[target], at[0], at[1], at[2]) = value;
  *element(given->shown[target], at[0], at[1], at[2]) += 1;
  given->sums[target] += value;
}

static void
observe(gpointer data, int target, const NnPiece *piece)
{
  Given *given = data;
  g_assert_true(nn_shape_equal(&piece->whole, &given->targets[target]->shape));
  visit_all(given, target, piece, NULL, observe_element);
}

static void
seed_element(Given *given, int target, const NnPiece *piece, const NnTensor *seed,
             const int64_t at[3], const int64_t in[3])
{
  float value = *element(piece->activation, in[0], in[1], in[2]);
  double mean = given->sums[target] / (double)nn_shape_count(&piece->whole);
  *element(seed, in[0], in[1], in[2]) =
      noise_at(2 + (uint64_t)target, at[1], at[2], at[0]) + 0.1f * (value - (float)mean);
  *element(given->shown[target], at[0], at[1], at[2]) += 100;
}

static void
write_seed(gpointer data, int target, const NnPiece *piece, const NnTensor *seed)
{
  visit_all(data, target, piece, seed, seed_element);
}

static void
add_gradient(gpointer data, int64_t y0, int64_t x0, const NnTensor *gradient)
{
  Given *given = data;
  const NnShape *shape = &gradient->shape;
  for (int64_t y = 0; y < shape->dim[2]; y++)
    for (int64_t i = 0; i < shape->dim[3] * 3; i++)
      given->gradient->f[((y0 + y) * given->width + x0) * 3 + i] +=
          gradient->f[y * shape->dim[3] * 3 + i];
}

static NnTensor *
zeros_new(const NnShape *shape, NnLayout layout)
{
  NnTensor *tensor = nn_tensor_new(NN_DTYPE_FLOAT, shape, NULL);
  tensor->layout = layout;
  memset(tensor->data, 0, nn_tensor_bytes(tensor));
  return tensor;
}

static void
given_clear(Given *given)
{
  for (int t = 0; t < given->n_targets; t++) {
    nn_tensor_unref(given->targets[t]);
    nn_tensor_unref(given->shown[t]);
  }
  nn_tensor_unref(given->gradient);
}

/* @observes: in a pass of their own, before the seeds */
static void
evaluate(NnEvaluator *evaluator, int n_targets, const NnShape *picture, bool observes, Given *given)
{
  NnEvaluation evaluation = {.input = give_input, .seed = write_seed, .gradient = add_gradient};
  g_autoptr(GError) error = NULL;
  *given = (Given){.height = picture->dim[2],
                   .width = picture->dim[3],
                   .n_targets = n_targets,
                   .gradient = zeros_new(picture, NN_LAYOUT_CHANNELS_LAST),
                   .observes = observes};
  if (observes)
    evaluation.observe = observe;
  for (int t = 0; t < n_targets; t++) {
    NnShape shape = nn_evaluator_target_shape(evaluator, t);
    given->targets[t] = zeros_new(&shape, NN_LAYOUT_PLAIN);
    given->shown[t] = zeros_new(&shape, NN_LAYOUT_PLAIN);
  }
  bool done = nn_evaluator_run(evaluator, &evaluation, given, &error);
  g_assert_no_error(error);
  g_assert_true(done);
  for (int t = 0; t < n_targets; t++)
    for (int64_t i = 0; i < nn_shape_count(&given->shown[t]->shape); i++)
      g_assert_cmpfloat(given->shown[t]->f[i], ==, observes ? 101 : 100);
}

/* ---- comparing ---- */

static double
difference(const NnTensor *a, const NnTensor *b)
{
  double most = 0, largest = 0;
  g_assert_true(nn_shape_equal(&a->shape, &b->shape));
  for (int64_t i = 0; i < nn_shape_count(&a->shape); i++) {
    g_assert_true(isfinite(a->f[i]) && isfinite(b->f[i]));
    most = MAX(most, fabs((double)a->f[i] - b->f[i]));
    largest = MAX(largest, fabs((double)a->f[i]));
  }
  g_assert_cmpfloat(largest, >, 0);
  return most / largest;
}

/* (transfer full): with the largest budget, by sixteenths, that makes LEAST x LEAST tiles */
static NnEvaluator *
tiled_new(NnProgram *program, NnContext *context, const NnShape *shape, size_t whole_bytes)
{
  int rows = 1, columns = 1;
  for (double budget = (double)whole_bytes; budget > 1; budget *= 0.9375) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NnEvaluator) evaluator =
        nn_evaluator_new(program, context, shape, (size_t)budget - 1, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(nn_evaluator_bytes(evaluator), <=, (size_t)budget - 1);
    nn_evaluator_grid(evaluator, &rows, &columns);
    if (rows >= LEAST && columns >= LEAST)
      return g_steal_pointer(&evaluator);
  }
  g_assert_not_reached();
}

/* (transfer full): with a share of the memory that the whole needs */
static NnEvaluator *
segmented_new(NnProgram *program, NnContext *context, const NnShape *shape, double budget)
{
  g_autoptr(GError) error = NULL;
  NnEvaluator *evaluator = nn_evaluator_new(program, context, shape, (size_t)budget, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(nn_evaluator_bytes(evaluator), <=, (size_t)budget);
  return evaluator;
}

static void
compare(NnEvaluator *whole, NnEvaluator *tiled, const char *names, int n_targets,
        const NnShape *shape, bool observes)
{
  Given one, many;
  int rows, columns;
  double shown = 0;
  evaluate(whole, n_targets, shape, observes, &one);
  evaluate(tiled, n_targets, shape, observes, &many);
  for (int t = 0; observes && t < n_targets; t++)
    shown = MAX(shown, difference(one.targets[t], many.targets[t]));
  double gradient = difference(one.gradient, many.gradient);
  nn_evaluator_grid(tiled, &rows, &columns);
  g_test_message("%s at %d x %d: %d x %d tiles, %.1f instead of %.1f MiB, within %.1e, gradient "
                 "within %.1e",
                 names, (int)shape->dim[3], (int)shape->dim[2], columns, rows,
                 (double)nn_evaluator_bytes(tiled) / (1 << 20),
                 (double)nn_evaluator_bytes(whole) / (1 << 20), shown, gradient);
  g_assert_cmpfloat(shown, <, LIMIT);
  g_assert_cmpfloat(gradient, <, LIMIT);
  given_clear(&one);
  given_clear(&many);
}

/* @names: separated by spaces; @share: of the whole's memory, 0 for as much as makes tiles */
static void
check_model(NnModel *model, const char *names, int64_t height, int64_t width, NnHead head,
            double share)
{
  g_auto(GStrv) targets = g_strsplit(names, " ", -1);
  int n_targets = (int)g_strv_length(targets);
  NnShape shape = NN_SHAPE(1, 3, height, width);
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnProgram) program =
      nn_program_new(model, context, (const char *const *)targets, n_targets,
                     (NnProgramOptions){.gradient = true, .head = head}, &error);
  g_assert_no_error(error);
  g_autoptr(NnEvaluator) whole = nn_evaluator_new(program, context, &shape, 0, &error);
  g_assert_no_error(error);
  size_t bytes = nn_evaluator_bytes(whole);
  g_autoptr(NnEvaluator) tiled =
      share > 0 ? segmented_new(program, context, &shape, share * (double)bytes)
                : tiled_new(program, context, &shape, bytes);
  for (int observes = 0; observes < 2; observes++)
    compare(whole, tiled, names, n_targets, &shape, observes);
}

/* ---- networks of our own ---- */

typedef void (*Build)(OnnxBuilder *builder);

static void
add_conv(OnnxBuilder *builder, const char *name, const char *from, const char *to, int64_t in,
         int64_t out, int64_t kernel, const char *attributes)
{
  g_autofree char *w = g_strconcat(name, "_w", NULL), *b = g_strconcat(name, "_b", NULL);
  g_autofree char *inputs = g_strdup_printf("%s %s %s", from, w, b);
  onnx_add_weights(builder, w, &NN_SHAPE(out, in, kernel, kernel));
  onnx_add_weights(builder, b, &NN_SHAPE(out));
  onnx_add_node(builder, "Conv", inputs, to, attributes);
}

/* strides, dilation, odd pads, both kinds of pooling, ceil_mode, branches that meet again */
static void
build_windows(OnnxBuilder *builder)
{
  add_conv(builder, "a", "x", "a", 3, 8, 3, "strides=2,2 pads=1,1,1,1");
  onnx_add_node(builder, "Relu", "a", "b", NULL);
  onnx_add_node(builder, "MaxPool", "b", "c", "kernel_shape=3,3 strides=2,2 ceil_mode=1");
  add_conv(builder, "d", "c", "d", 8, 8, 3, "dilations=2,3 pads=2,3,2,3");
  add_conv(builder, "e", "c", "e", 8, 8, 1, NULL);
  add_conv(builder, "f", "e", "f", 8, 8, 3, "pads=2,0,0,2");
  onnx_add_node(builder, "Add", "d f", "g", NULL);
  onnx_add_node(builder, "Concat", "g c", "h", "axis=1");
  onnx_add_node(builder, "AveragePool", "h", "y",
                "kernel_shape=3,3 strides=2,2 auto_pad=SAME_UPPER");
}

/* up again: transposed convolution, nearest and linear resizing, reflection, blocks to space */
static void
build_enlarging(OnnxBuilder *builder)
{
  float scales[] = {1, 1, 2, 2};
  onnx_add_raw(builder, "scales", 1, (int64_t[]){4}, 1, scales, sizeof scales);
  onnx_add_ints(builder, "pads", (int64_t[]){0, 0, 2, 1, 0, 0, 1, 2}, 8);
  onnx_add_node(builder, "Pad", "x pads", "a", "mode=reflect");
  add_conv(builder, "b", "a", "b", 3, 8, 4, "strides=2,2");
  onnx_add_weights(builder, "t_w", &NN_SHAPE(8, 4, 3, 3));
  onnx_add_node(builder, "ConvTranspose", "b t_w", "c",
                "strides=2,2 pads=1,1,1,1 output_padding=1,1");
  add_conv(builder, "d", "c", "d", 4, 8, 3, "pads=1,1,1,1 strides=2,2");
  onnx_add_node(builder, "Resize", "d  scales", "e",
                "mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor");
  onnx_add_node(builder, "Resize", "d  scales", "f", "mode=linear");
  onnx_add_node(builder, "Add", "e f", "g", NULL);
  onnx_add_node(builder, "DepthToSpace", "d", "h", "blocksize=2");
  add_conv(builder, "i", "h", "i", 2, 8, 1, NULL);
  onnx_add_node(builder, "Add", "g i", "y", NULL);
}

/* a mean over the picture that scales channels, twice, and a residual around it */
static void
build_squeeze(OnnxBuilder *builder)
{
  add_conv(builder, "a", "x", "a", 3, 8, 3, "pads=1,1,1,1 strides=2,2");
  onnx_add_node(builder, "Relu", "a", "b", NULL);
  onnx_add_node(builder, "GlobalAveragePool", "b", "m", NULL);
  add_conv(builder, "n", "m", "n", 8, 4, 1, NULL);
  onnx_add_node(builder, "Relu", "n", "o", NULL);
  add_conv(builder, "p", "o", "p", 4, 8, 1, NULL);
  onnx_add_node(builder, "Sigmoid", "p", "s", NULL);
  onnx_add_node(builder, "Mul", "b s", "c", NULL);
  add_conv(builder, "d", "c", "d", 8, 8, 3, "pads=1,1,1,1");
  onnx_add_node(builder, "Add", "d b", "e", NULL);
  onnx_add_node(builder, "ReduceMean", "e", "q", "axes=2,3");
  onnx_add_node(builder, "Tanh", "q", "r", NULL);
  onnx_add_node(builder, "Mul", "e r", "f", NULL);
  add_conv(builder, "g", "f", "y", 8, 4, 3, "pads=1,1,1,1");
}

/* normalised over the picture, three times */
static void
build_norms(OnnxBuilder *builder)
{
  const char *from = "x";
  onnx_add_weights(builder, "scale", &NN_SHAPE(8));
  onnx_add_weights(builder, "shift", &NN_SHAPE(8));
  for (int i = 0; i < 3; i++) {
    g_autofree char *name = g_strdup_printf("c%d", i);
    g_autofree char *inputs = g_strdup_printf("c%d scale shift", i);
    g_autofree char *normed = g_strdup_printf("n%d", i);
    add_conv(builder, name, from, name, i == 0 ? 3 : 8, 8, 3,
             i == 1 ? "pads=1,1,1,1 strides=2,2" : "pads=1,1,1,1");
    onnx_add_node(builder, "InstanceNormalization", inputs, normed, NULL);
    onnx_add_node(builder, "Relu", normed, i == 0 ? "r0" : i == 1 ? "r1" : "y", NULL);
    from = i == 0 ? "r0" : "r1";
  }
}

/* the same, of few channels that cost much to make */
static void
build_costly_norms(OnnxBuilder *builder)
{
  const char *from = "x";
  onnx_add_weights(builder, "scale", &NN_SHAPE(8));
  onnx_add_weights(builder, "shift", &NN_SHAPE(8));
  for (int i = 0; i < 2; i++) {
    g_autofree char *wide = g_strdup_printf("w%d", i), *narrow = g_strdup_printf("n%d", i);
    g_autofree char *deep = g_strdup_printf("d%d", i);
    g_autofree char *inputs = g_strdup_printf("n%d scale shift", i);
    add_conv(builder, wide, from, wide, i == 0 ? 3 : 8, 64, 3,
             i == 0 ? "pads=1,1,1,1" : "pads=1,1,1,1 strides=2,2");
    add_conv(builder, deep, wide, deep, 64, 64, 3, "pads=1,1,1,1");
    add_conv(builder, narrow, deep, narrow, 64, 8, 3, "pads=1,1,1,1");
    onnx_add_node(builder, "InstanceNormalization", inputs, i == 0 ? "m" : "y", NULL);
    from = "m";
  }
}

/* a map that is looked at as a whole in the middle: its largest values are taken off it */
static void
build_whole(OnnxBuilder *builder)
{
  add_conv(builder, "a", "x", "a", 3, 16, 3, "pads=1,1,1,1");
  onnx_add_node(builder, "MaxPool", "a", "b", "kernel_shape=4,4 strides=4,4");
  add_conv(builder, "c", "b", "c", 16, 4, 1, NULL);
  onnx_add_node(builder, "GlobalMaxPool", "c", "m", NULL);
  onnx_add_node(builder, "Sub", "c m", "d", NULL);
  add_conv(builder, "e", "d", "y", 4, 4, 3, "pads=1,1,1,1 strides=2,2");
}

/* nothing that could be cut: all of a map at once brought to length 1 and back into its shape, again
 * and again */
static void
build_uncut(OnnxBuilder *builder)
{
  onnx_add_ints(builder, "flat", (int64_t[]){1, 8, -1}, 3);
  onnx_add_node(builder, "LpNormalization", "x", "n0", "axis=2");
  for (int i = 0; i < 8; i++) {
    g_autofree char *name = g_strdup_printf("c%d", i), *from = g_strdup_printf("n%d", i);
    g_autofree char *slope = g_strdup_printf("s%d", i), *shape = g_strdup_printf("d%d", i);
    g_autofree char *flat = g_strdup_printf("s%d flat", i), *row = g_strdup_printf("f%d", i);
    g_autofree char *unit = g_strdup_printf("u%d", i), *back = g_strdup_printf("u%d d%d", i, i);
    g_autofree char *to = g_strdup_printf("n%d", i + 1);
    add_conv(builder, name, from, name, i == 0 ? 3 : 8, 8, 3, "pads=1,1,1,1");
    onnx_add_node(builder, "Sigmoid", name, slope, NULL);
    onnx_add_node(builder, "Shape", slope, shape, NULL);
    onnx_add_node(builder, "Reshape", flat, row, NULL);
    onnx_add_node(builder, "LpNormalization", row, unit, "axis=2");
    onnx_add_node(builder, "Reshape", back, i == 7 ? "y" : to, NULL);
  }
}

/* what depends on the picture's size alone: a map as large as it, and columns counted from its
 * edge */
static void
build_sized(OnnxBuilder *builder)
{
  int64_t from = 0, step = 1, border = 40;
  add_conv(builder, "p", "x", "p", 3, 48, 3, "pads=1,1,1,1");
  onnx_add_node(builder, "Sigmoid", "p", "q", NULL);
  add_conv(builder, "a", "q", "a", 48, 8, 3, "pads=1,1,1,1");
  onnx_add_node(builder, "Shape", "a", "s", NULL);
  onnx_add_node(builder, "ConstantOfShape", "s", "zeros", NULL);
  onnx_add_node(builder, "Cos", "zeros", "ones", NULL);
  onnx_add_node(builder, "Add", "a ones", "b", NULL);
  onnx_add_raw(builder, "width", 7, NULL, 0, (int64_t[]){3}, sizeof(int64_t));
  onnx_add_raw(builder, "from", 7, NULL, 0, &from, sizeof from);
  onnx_add_raw(builder, "step", 7, NULL, 0, &step, sizeof step);
  onnx_add_raw(builder, "border", 7, NULL, 0, &border, sizeof border);
  onnx_add_node(builder, "Gather", "s width", "w", "axis=0");
  onnx_add_node(builder, "Range", "from w step", "columns", NULL);
  onnx_add_node(builder, "Less", "columns border", "left", NULL);
  onnx_add_node(builder, "Neg", "a", "minus", NULL);
  onnx_add_node(builder, "Where", "left minus b", "c", NULL);
  add_conv(builder, "d", "c", "y", 8, 4, 3, "pads=1,1,1,1 strides=4,4");
}

/* inverted residuals, which run as one node each: of stride 1 and 2, with odd pads */
static void
build_bottlenecks(OnnxBuilder *builder)
{
  static const char *const pads[] = {"group=24 pads=1,1,1,1", "group=24 pads=0,1,1,0 strides=2,2",
                                     "group=24 auto_pad=SAME_UPPER strides=2,1"};
  const char *from = "a";
  add_conv(builder, "a", "x", "a", 3, 8, 3, "pads=1,1,1,1");
  for (int i = 0; i < 3; i++) {
    g_autofree char *up = g_strdup_printf("up%d", i), *wide = g_strdup_printf("wide%d", i);
    g_autofree char *deep = g_strdup_printf("deep%d", i), *cut = g_strdup_printf("cut%d", i);
    g_autofree char *w = g_strdup_printf("deep_w%d", i);
    g_autofree char *inputs = g_strdup_printf("%s %s", wide, w);
    const char *to = i == 2 ? "y" : i == 1 ? "c1" : "c0";
    add_conv(builder, up, from, up, 8, 24, 1, NULL);
    onnx_add_node(builder, "Relu", up, wide, NULL);
    onnx_add_weights(builder, w, &NN_SHAPE(24, 1, 3, 3));
    onnx_add_node(builder, "Conv", inputs, deep, pads[i]);
    onnx_add_node(builder, "LeakyRelu", deep, cut, "alpha=0.1f");
    add_conv(builder, to, cut, to, 24, 8, 1, NULL);
    from = to;
  }
}

/* a classifier's head: a mean, and one that was made for maps of 4 x 4 */
static void
build_head(OnnxBuilder *builder)
{
  add_conv(builder, "a", "x", "a", 3, 8, 3, "pads=1,1,1,1 strides=2,2");
  onnx_add_node(builder, "MaxPool", "a", "b", "kernel_shape=2,2 strides=2,2");
  onnx_add_node(builder, "Flatten", "b", "c", NULL);
  onnx_add_weights(builder, "w", &NN_SHAPE(8 * 4 * 4, 6));
  onnx_add_node(builder, "MatMul", "c w", "y", NULL);
}

/* a resize to what Shape says, as exporters write it */
static void
build_computed(OnnxBuilder *builder)
{
  add_conv(builder, "a", "x", "a", 3, 8, 3, "pads=1,1,1,1 strides=2,2");
  onnx_add_ints(builder, "from", (int64_t[]){0}, 1);
  onnx_add_ints(builder, "to", (int64_t[]){2}, 1);
  onnx_add_ints(builder, "two", (int64_t[]){2, 2}, 2);
  onnx_add_ints(builder, "rest", (int64_t[]){2}, 1);
  onnx_add_ints(builder, "end", (int64_t[]){4}, 1);
  onnx_add_node(builder, "Shape", "a", "s", NULL);
  onnx_add_node(builder, "Slice", "s from to", "s0", NULL);
  onnx_add_node(builder, "Slice", "s rest end", "s1", NULL);
  onnx_add_node(builder, "Mul", "s1 two", "s2", NULL);
  onnx_add_node(builder, "Concat", "s0 s2", "size", "axis=0");
  onnx_add_node(builder, "Resize", "a   size", "b",
                "mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor");
  add_conv(builder, "c", "b", "y", 8, 4, 3, "pads=1,1,1,1");
}

typedef struct {
  const char *name;
  Build build;
  const char *targets;
  int64_t side; /* that the file says; 0: any */
  NnHead head;
  double share; /* as check_model() takes it */
} Case;

static const Case cases[] = {
    {"windows", build_windows, "b y", 0, NN_HEAD_POOLED, 0},
    {"enlarging", build_enlarging, "c y", 0, NN_HEAD_POOLED, 0},
    {"squeeze", build_squeeze, "b e y", 0, NN_HEAD_POOLED, 0},
    {"squeeze-mean", build_squeeze, "q", 0, NN_HEAD_POOLED, 0},
    {"norms", build_norms, "c1 y", 0, NN_HEAD_POOLED, 0},
    {"whole", build_whole, "m y", 0, NN_HEAD_POOLED, 0},
    {"uncut", build_uncut, "y", 0, NN_HEAD_POOLED, 0.86},
    {"sized", build_sized, "y", 0, NN_HEAD_POOLED, 0.7},
    {"input", build_windows, "x b", 0, NN_HEAD_POOLED, 0},
    {"head-pooled", build_head, "y a", 16, NN_HEAD_POOLED, 0},
    {"head-resized", build_head, "y a", 16, NN_HEAD_RESIZED, 0},
    {"bottlenecks", build_bottlenecks, "c1 y", 0, NN_HEAD_POOLED, 0},
    {"computed", build_computed, "y", 0, NN_HEAD_POOLED, 0},
};

static void
test_case(gconstpointer data)
{
  const Case *c = data;
  static const int64_t sizes[][2] = {{203, 331}, {256, 192}};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    OnnxBuilder builder;
    g_autoptr(GError) error = NULL;
    onnx_builder_init(&builder);
    onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, c->side, c->side));
    c->build(&builder);
    onnx_add_output(&builder, "y");
    g_autoptr(NnModel) model = onnx_builder_open(&builder, &error);
    g_assert_no_error(error);
    check_model(model, c->targets, sizes[i][0], sizes[i][1], c->head, c->share);
    onnx_builder_clear(&builder);
  }
}

/* the same tiles and the same bits for every number of threads */
static void
test_threads(void)
{
  NnShape shape = NN_SHAPE(1, 3, 203, 331);
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  build_norms(&builder);
  onnx_add_output(&builder, "y");
  g_autoptr(NnModel) model = onnx_builder_open(&builder, NULL);
  Given given[3];
  for (int i = 0; i < 3; i++) {
    const char *const targets[] = {"y"};
    g_autoptr(NnContext) context = nn_context_new(1 + i);
    g_autoptr(NnProgram) program =
        nn_program_new(model, context, targets, 1, (NnProgramOptions){.gradient = true}, NULL);
    g_autoptr(NnEvaluator) evaluator = nn_evaluator_new(program, context, &shape, 3 << 20, NULL);
    int rows, columns;
    nn_evaluator_grid(evaluator, &rows, &columns);
    g_assert_cmpint(rows * columns, >, 1);
    evaluate(evaluator, 1, &shape, true, &given[i]);
    g_assert_cmpmem(given[i].gradient->data, nn_tensor_bytes(given[i].gradient),
                    given[0].gradient->data, nn_tensor_bytes(given[0].gradient));
    g_assert_cmpmem(given[i].targets[0]->data, nn_tensor_bytes(given[i].targets[0]),
                    given[0].targets[0]->data, nn_tensor_bytes(given[0].targets[0]));
  }
  for (int i = 0; i < 3; i++)
    given_clear(&given[i]);
  onnx_builder_clear(&builder);
}

/* what a share of the memory makes of maps that later passes read; the results are the whole's */
static void
find_way(Build build, double share, int *in_memory, int *in_file)
{
  static const char *const targets[] = {"y"};
  NnShape shape = NN_SHAPE(1, 3, 203, 331);
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  build(&builder);
  onnx_add_output(&builder, "y");
  g_autoptr(NnModel) model = onnx_builder_open(&builder, NULL);
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnProgram) program =
      nn_program_new(model, context, targets, 1, (NnProgramOptions){.gradient = true}, NULL);
  g_autoptr(NnEvaluator) whole = nn_evaluator_new(program, context, &shape, 0, NULL);
  g_autoptr(NnEvaluator) tiled =
      segmented_new(program, context, &shape, share * (double)nn_evaluator_bytes(whole));
  nn_evaluator_maps(tiled, in_memory, in_file);
  g_test_message("%.3f of the memory: %d maps in memory, %d in a file", share, *in_memory,
                 *in_file);
  compare(whole, tiled, "y", 1, &shape, true);
  onnx_builder_clear(&builder);
}

/* cheaper than a file, and there is no memory */
static void
test_made_again(void)
{
  int in_memory, in_file;
  find_way(build_norms, 0.5, &in_memory, &in_file);
  g_assert_cmpint(in_memory, ==, 0);
  g_assert_cmpint(in_file, ==, 0);
}

/* dearer to make again: in memory, and where that is too short, in a file */
static void
test_kept(void)
{
  int in_memory, in_file;
  find_way(build_costly_norms, 0.5, &in_memory, &in_file);
  g_assert_cmpint(in_memory, >, 0);
  g_assert_cmpint(in_file, ==, 0);
  find_way(build_costly_norms, 0.12, &in_memory, &in_file);
  g_assert_cmpint(in_memory, ==, 0);
  g_assert_cmpint(in_file, >, 0);
}

/* ---- real networks ---- */

typedef struct {
  const char *folder, *name, *targets;
  int64_t height, width;
} File;

#define BUNDLED "weights/networks"
#define SHARED "../shared/networks"

static const File files[] = {
    {"tests/networks", "somnium-base", "relu1_1 relu3_2 relu5_1", 401, 333},
    {"tests/networks", "somnium-base", "relu5_1", 640, 500},
    {"tests/networks", "somnium-base", "logits", 333, 401},
    {BUNDLED, "somnium-vgg12", "relu5_3 logits", 333, 401},
    {BUNDLED, "somnium-features", "relu1_1 relu3_2", 301, 333},
    {BUNDLED, "style-strokes", "picture", 204, 260},
    {BUNDLED, "style-strokes", "picture", 203, 261},
    {BUNDLED, "style-agate", "picture", 204, 260},
    {BUNDLED, "style-glass", "picture", 263, 205},
    {BUNDLED, "style-mosaic", "picture", 206, 259},
    {SHARED, "tiny-darknet", "leaky9 logits", 403, 501},
    {SHARED, "vgg19-relu3_4", "relu1_2 relu3_4", 333, 301},
    {SHARED, "fast-style-candy", "deconv3", 204, 260},
    {SHARED, "fast-style-candy", "deconv3", 205, 263},
    {SHARED, "fast-style-mosaic", "deconv3", 181, 227},
};

static void
test_file(gconstpointer data)
{
  const File *file = data;
  g_autofree char *name = g_strconcat(file->name, ".onnx", NULL);
  g_autofree char *path =
      g_build_filename(g_getenv("SOMNIUM_SOURCE_DIR"), file->folder, name, NULL);
  g_autoptr(GError) error = NULL;
  if (strcmp(file->folder, SHARED) == 0 && !g_file_test(path, G_FILE_TEST_EXISTS)) {
    g_test_skip("its file is in ../shared");
    return;
  }
  g_autoptr(NnModel) model = nn_model_open(path, &error);
  g_assert_no_error(error);
  check_model(model, file->targets, file->height, file->width, NN_HEAD_POOLED, 0);
}

static bool
is_tried(const char *file_name)
{
  bool tried = false;
  for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree char *name = g_strconcat(files[i].name, ".onnx", NULL);
    tried = tried || (strcmp(files[i].folder, BUNDLED) == 0 && strcmp(name, file_name) == 0);
  }
  return tried;
}

/* no bundled network has been forgotten above */
static void
test_bundled(void)
{
  g_autofree char *folder = g_build_filename(g_getenv("SOMNIUM_SOURCE_DIR"), BUNDLED, NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(GDir) entries = g_dir_open(folder, 0, &error);
  const char *name;
  int count = 0;
  g_assert_no_error(error);
  while ((name = g_dir_read_name(entries)) != NULL) {
    if (!g_str_has_suffix(name, ".onnx"))
      continue;
    g_test_message("%s", name);
    g_assert_true(is_tried(name));
    count++;
  }
  g_assert_cmpint(count, >, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = g_strconcat("/tiles/", cases[i].name, NULL);
    g_test_add_data_func(path, &cases[i], test_case);
  }
  g_test_add_func("/tiles/threads", test_threads);
  g_test_add_func("/tiles/made-again", test_made_again);
  g_test_add_func("/tiles/kept", test_kept);
  g_test_add_func("/tiles/bundled", test_bundled);
  for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree char *path = g_strdup_printf("/tiles/%s/%s/%dx%d", files[i].name, files[i].targets,
                                            (int)files[i].width, (int)files[i].height);
    g_test_add_data_func(path, &files[i], test_file);
  }
  return g_test_run();
}
