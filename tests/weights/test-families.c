/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Architectures are recognised by structure alone, and their layers found by the names that people
 * write; what nobody says is guessed and told. */
#include <string.h>

#include "nncore/base/error.h"
#include "tests/weights/sketch.h"
#include "weights/describe.h"

static const char *const uses[] = {"dream", "content", "style", "class"};

/* takes the sketch and describes it as a file of which nothing else is known */
static NnNetwork *
describe(Sketch *sketch, const char *y)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = sketch_finish(sketch, y);
  NnModel *model = nn_model_open_bytes(bytes, &error);
  g_assert_no_error(error);
  NnNetwork *network = nn_network_new(model, "unnamed");
  g_assert_true(som_describe(network, "/nonexistent/unnamed.onnx", false, &error));
  g_assert_no_error(error);
  g_test_message("%s: %s", network->title, network->guessed);
  return network;
}

static void
assert_layer(const NnNetwork *network, const char *name, const char *tensor)
{
  g_autoptr(GError) error = NULL;
  const char *found = nn_network_resolve_layer(network, name, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(found, ==, tensor);
}

static void
assert_is(const NnNetwork *network, const char *title, bool whole)
{
  g_assert_cmpstr(network->title, ==, title);
  g_assert_nonnull(strstr(network->guessed, title));
  for (size_t i = 0; i < G_N_ELEMENTS(uses); i++) {
    g_autoptr(GError) error = NULL;
    if (!whole && i == 3)
      continue;
    g_autoptr(GArray) layers = nn_network_parse_layers(network, NULL, uses[i], &error);
    g_assert_no_error(error);
    g_assert_cmpuint(layers->len, >=, 1);
  }
}

static void
assert_classifies(const NnNetwork *network)
{
  g_assert_cmpint(network->role, ==, NN_ROLE_CLASSIFIER);
  g_assert_cmpuint(g_strv_length(network->labels), ==, 1000);
  g_assert_cmpstr(network->labels[0], ==, "tench");
  g_assert_cmpstr(network->labels[999], ==, "toilet tissue");
}

static const char *
add_mean_head(Sketch *sketch, const char *x, int channels)
{
  x = sketch_op(sketch, "GlobalAveragePool", x, NULL);
  x = sketch_op(sketch, "Flatten", x, NULL);
  return sketch_dense(sketch, x, channels, 1000);
}

/* what people call a layer -> its tensor */
static void note(GHashTable *names, const char *tensor, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static void
note(GHashTable *names, const char *tensor, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_hash_table_insert(names, g_strdup_vprintf(format, arguments), g_strdup(tensor));
  va_end(arguments);
}

static GHashTable *
names_new(void)
{
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static void
assert_names(const NnNetwork *network, GHashTable *names)
{
  GHashTableIter iter;
  gpointer name, tensor;
  g_hash_table_iter_init(&iter, names);
  while (g_hash_table_iter_next(&iter, &name, &tensor))
    assert_layer(network, name, tensor);
}

/* ---- chains ---- */

/* takes @outs: channels of convolutions, negative ones with windows of 1; 0: a pool */
static NnNetwork *
describe_darknet(const int *outs, size_t n, bool normed, const char *slope)
{
  Sketch *sketch = sketch_new(224);
  const char *x = "x";
  for (size_t i = 0; i < n; i++) {
    if (outs[i] == 0) {
      x = sketch_op(sketch, "MaxPool", x, "kernel_shape=2,2 strides=2,2 auto_pad=SAME_UPPER");
      continue;
    }
    x = sketch_conv(sketch, x, ABS(outs[i]), outs[i] < 0 ? 1 : 3, 1, 1);
    if (normed)
      x = sketch_norm(sketch, x);
    x = sketch_op(sketch, "LeakyRelu", x, slope);
  }
  x = sketch_conv(sketch, x, 1000, 1, 1, 1);
  x = sketch_op(sketch, "GlobalAveragePool", x, NULL);
  return describe(sketch,
                  sketch_op(sketch, "Softmax", sketch_op(sketch, "Flatten", x, NULL), NULL));
}

/* told by LeakyRelu of slope 0.1: values of 0 to 1 with no mean taken off, and no guess at labels, whose
 * order is Darknet's own */
static void
test_darknet(void)
{
  static const int tiny[] = {16,  0,   32,  0, -16, 128, -16, 128, 0,   -32,
                             256, -32, 256, 0, -64, 512, -64, 512, -128};
  static const int reference[] = {16, 0, 32, 0, 64, 0, 128, 0, 256, 0, 512, 0, 1024};
  for (int normed = 0; normed < 2; normed++) {
    NnNetwork *network = describe_darknet(tiny, G_N_ELEMENTS(tiny), normed == 1, "alpha=0.1f");
    assert_is(network, "Tiny Darknet", true);
    g_assert_cmpint(network->role, ==, NN_ROLE_CLASSIFIER);
    g_assert_null(network->labels);
    g_assert_false(network->input.bgr);
    for (int c = 0; c < 3; c++) {
      g_assert_cmpfloat(network->input.mean[c], ==, 0);
      g_assert_cmpfloat(network->input.deviation[c], ==, 1);
    }
    g_assert_cmpfloat(network->input.range, ==, 1);
    g_assert_nonnull(strstr(network->guessed, "RGB, 0 to 1."));
    const char *leaky = nn_network_resolve_layer(network, "leaky16", NULL);
    g_assert_null(leaky); /* the last convolution has none */
    g_assert_nonnull(nn_network_resolve_layer(network, "leaky15", NULL));
    nn_network_free(network);
  }
  NnNetwork *network = describe_darknet(reference, G_N_ELEMENTS(reference), true, "alpha=0.1f");
  assert_is(network, "Darknet", true);
  nn_network_free(network);
  network = describe_darknet(tiny, G_N_ELEMENTS(tiny), true, "alpha=0.2f");
  g_assert_cmpstr(network->title, ==, "unnamed");
  g_assert_cmpfloat(network->input.mean[0], >, 0.4f);
  assert_classifies(network);
  nn_network_free(network);
}

typedef struct {
  const char *title;
  int groups[5];
} Vgg;

static const Vgg vggs[] = {{"VGG-11", {1, 1, 2, 2, 2}},
                           {"VGG-13", {2, 2, 2, 2, 2}},
                           {"VGG-16", {2, 2, 3, 3, 3}},
                           {"VGG-19", {2, 2, 4, 4, 4}}};

static const char *
add_vgg_features(Sketch *sketch, const int groups[5], GHashTable *names)
{
  static const int channels[] = {64, 128, 256, 512, 512};
  const char *x = "x";
  int number = 0;
  for (int group = 1; group <= 5 && groups[group - 1] > 0; group++) {
    for (int i = 1; i <= groups[group - 1]; i++) {
      x = sketch_conv(sketch, x, channels[group - 1], 3, 1, 1);
      note(names, x, "conv%d_%d", group, i);
      note(names, x, "features.%d", number++);
      if (sketch->normed) {
        x = sketch_norm(sketch, x);
        number++;
      }
      x = sketch_op(sketch, "Relu", x, NULL);
      note(names, x, "relu%d_%d", group, i);
      note(names, x, "features.%d", number++);
    }
    x = sketch_pool(sketch, "MaxPool", x, 2, 2);
    note(names, x, "pool%d", group);
    note(names, x, "features.%d", number++);
  }
  return x;
}

static const char *
add_fc_head(Sketch *sketch, const char *x, int width, GHashTable *names)
{
  const int widths[] = {width, 64, 64, 1000};
  x = sketch_op(sketch, "Flatten", x, NULL);
  for (int i = 0; i < 3; i++) {
    x = sketch_dense(sketch, x, widths[i], widths[i + 1]);
    note(names, x, "fc%d", i + 6);
    if (i == 2)
      break;
    x = sketch_op(sketch, "Relu", x, NULL);
    note(names, x, "relu%d", i + 6);
    x = sketch_op(sketch, "Dropout", x, NULL);
  }
  x = sketch_op(sketch, "Softmax", x, NULL);
  note(names, x, "prob");
  return x;
}

static void
check_vgg(const Vgg *vgg, bool normed)
{
  g_autoptr(GHashTable) names = names_new();
  Sketch *sketch = sketch_new(224);
  sketch->normed = normed;
  const char *x = add_vgg_features(sketch, vgg->groups, names);
  g_autoptr(NnNetwork) network = describe(sketch, add_fc_head(sketch, x, 512 * 7 * 7, names));
  g_autofree char *title =
      g_strdup_printf("%s%s", vgg->title, normed ? " with batch normalisation" : "");
  assert_is(network, title, true);
  assert_classifies(network);
  assert_names(network, names);
  const char *scores = g_hash_table_lookup(names, "fc8"),
             *relu = g_hash_table_lookup(names, "relu4_2");
  g_assert_cmpstr(nn_network_class_target(network, NULL), ==, scores);
  g_assert_cmpstr(g_hash_table_lookup(network->presets, "content"), ==, relu);
  g_assert_cmpstr(nn_network_alias_of(network, relu), ==, "relu4_2");
  assert_layer(network, "RELU4_2", relu);
}

static void
test_vgg(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(vggs); i++) {
    check_vgg(&vggs[i], false);
    check_vgg(&vggs[i], true);
  }
}

/* as people cut it off who want it for style alone; any size */
static void
test_truncated_vgg(void)
{
  g_autoptr(GHashTable) names = names_new();
  Sketch *sketch = sketch_new(0);
  const char *x = add_vgg_features(sketch, (const int[5]){2, 2, 4, 0, 0}, names);
  g_autoptr(NnNetwork) network = describe(sketch, x);
  assert_is(network, "VGG", false);
  assert_names(network, names);
  g_assert_cmpint(network->role, ==, NN_ROLE_FEATURES);
  g_assert_null(network->labels);
  g_autofree char *style = g_strdup_printf(
      "%s,%s,%s", (char *)g_hash_table_lookup(names, "relu1_1"),
      (char *)g_hash_table_lookup(names, "relu2_1"), (char *)g_hash_table_lookup(names, "relu3_1"));
  g_assert_cmpstr(g_hash_table_lookup(network->presets, "style"), ==, style);
}

/* where: of the normalisation: 0 nowhere, 1 before the pool, 2 behind it */
static NnNetwork *
describe_alexnet(int first_kernel, int where, GHashTable *names)
{
  static const int channels[] = {96, 256, 384, 384, 256}, kernels[] = {0, 5, 3, 3, 3};
  Sketch *sketch = sketch_new(224);
  const char *x = "x";
  for (int i = 0; i < 5; i++) {
    bool pooled = i < 2 || i == 4;
    x = sketch_conv(sketch, x, channels[i], i == 0 ? first_kernel : kernels[i], i == 0 ? 4 : 1,
                    where > 0 && i % 2 == 1 ? 2 : 1);
    note(names, x, "conv%d", i + 1);
    x = sketch_op(sketch, "Relu", x, NULL);
    note(names, x, "relu%d", i + 1);
    for (int step = 1; step <= 2 && pooled; step++) {
      bool is_norm = where == step && i < 2;
      if (is_norm) {
        x = sketch_op(sketch, "LRN", x, "size=5");
        note(names, x, "norm%d", i + 1);
      }
      if (step == 1 + (where == 1) || (step == 1 && where != 1)) {
        x = sketch_pool(sketch, "MaxPool", x, 3, 2);
        note(names, x, "pool%d", i + 1);
      }
    }
  }
  return describe(sketch, add_fc_head(sketch, x, 256 * 7 * 7, names));
}

static void
test_alexnet(void)
{
  static const struct {
    const char *title;
    int kernel, where;
  } cases[] = {{"AlexNet", 11, 0}, {"AlexNet", 11, 1}, {"CaffeNet", 11, 2}, {"ZFNet", 7, 2}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GHashTable) names = names_new();
    g_autoptr(NnNetwork) network = describe_alexnet(cases[i].kernel, cases[i].where, names);
    assert_is(network, cases[i].title, true);
    assert_classifies(network);
    assert_names(network, names);
    g_assert_cmpint(network->input.bgr, ==, cases[i].where > 0); /* Caffe's have LRN */
    g_assert_cmpfloat(network->input.range, ==, cases[i].where > 0 ? 255 : 1);
  }
}

/* ---- networks with Concat ---- */

static const char *
add_module(Sketch *sketch, const char *x, const char *name, GHashTable *names)
{
  const char *branches[4], *y;
  branches[0] = sketch_unit(sketch, x, 16, 1, 1);
  note(names, branches[0], "%s/1x1", name);
  y = sketch_unit(sketch, x, 8, 1, 1);
  note(names, y, "%s/3x3_reduce", name);
  branches[1] = sketch_unit(sketch, y, 24, 3, 1);
  note(names, branches[1], "%s/3x3", name);
  y = sketch_unit(sketch, x, 4, 1, 1);
  note(names, y, "%s/5x5_reduce", name);
  branches[2] = sketch_unit(sketch, y, 12, 5, 1);
  note(names, branches[2], "%s/5x5", name);
  y = sketch_pool(sketch, "MaxPool", x, 3, 1);
  note(names, y, "%s/pool", name);
  branches[3] = sketch_unit(sketch, y, 12, 1, 1);
  note(names, branches[3], "%s/pool_proj", name);
  y = sketch_join(sketch, "Concat", branches, 4);
  note(names, y, "%s/output", name);
  return y;
}

/* also the names of others for the same: "inception_4c" -> "mixed4c", "inception4c" */
static void
note_lucid(GHashTable *names, const char *tensor, const char *name)
{
  note(names, tensor, "mixed%s", name + strlen("inception_"));
  note(names, tensor, "inception%s", name + strlen("inception_"));
}

static const char *
add_googlenet_stem(Sketch *sketch, bool lrn, GHashTable *names)
{
  const char *x = sketch_unit(sketch, "x", 64, 7, 2);
  note(names, x, "conv1/7x7_s2");
  note(names, x, "conv2d0");
  x = sketch_pool(sketch, "MaxPool", x, 3, 2);
  note(names, x, "pool1/3x3_s2");
  if (lrn) {
    x = sketch_op(sketch, "LRN", x, "size=5");
    note(names, x, "pool1/norm1");
  }
  x = sketch_unit(sketch, x, 64, 1, 1);
  note(names, x, "conv2/3x3_reduce");
  x = sketch_unit(sketch, x, 192, 3, 1);
  note(names, x, "conv2/3x3");
  note(names, x, "conv2d2");
  if (lrn)
    x = sketch_op(sketch, "LRN", x, "size=5");
  x = sketch_pool(sketch, "MaxPool", x, 3, 2);
  note(names, x, "pool2/3x3_s2");
  return x;
}

/* Caffe's has LRN and no batch normalisation, torchvision's the other way round */
static void
check_googlenet(bool caffe)
{
  static const char *const modules[] = {"inception_3a", "inception_3b", "inception_4a",
                                        "inception_4b", "inception_4c", "inception_4d",
                                        "inception_4e", "inception_5a", "inception_5b"};
  g_autoptr(GHashTable) names = names_new();
  Sketch *sketch = sketch_new(224);
  sketch->normed = !caffe;
  const char *x = add_googlenet_stem(sketch, caffe, names);
  for (size_t i = 0; i < G_N_ELEMENTS(modules); i++) {
    if (i == 2 || i == 7) {
      x = sketch_pool(sketch, "MaxPool", x, 3, 2);
      note(names, x, i == 2 ? "pool3/3x3_s2" : "pool4/3x3_s2");
    }
    x = add_module(sketch, x, modules[i], names);
    note_lucid(names, x, modules[i]);
  }
  x = add_mean_head(sketch, x, 64);
  note(names, x, "loss3/classifier");
  g_autoptr(NnNetwork) network = describe(sketch, sketch_op(sketch, "Softmax", x, NULL));
  assert_is(network, "GoogLeNet", true);
  assert_classifies(network);
  assert_names(network, names);
  const char *output = g_hash_table_lookup(names, "inception_4c/output");
  g_assert_cmpstr(g_hash_table_lookup(network->presets, "dream"), ==, output);
  assert_layer(network, "Mixed_4d", output); /* TensorFlow-slim counts from b */
  g_assert_cmpint(network->input.bgr, ==, caffe);
  g_assert_cmpfloat(network->input.mean[0], ==, caffe ? 103.939f : 0.485f);
}

static void
test_googlenet(void)
{
  check_googlenet(true);
  check_googlenet(false);
}

/* three branches to half the size */
static const char *
add_reduction(Sketch *sketch, const char *x)
{
  const char *branches[] = {sketch_unit(sketch, x, 16, 3, 2),
                            sketch_unit(sketch, sketch_unit(sketch, x, 8, 1, 1), 16, 3, 2),
                            sketch_pool(sketch, "MaxPool", x, 3, 2)};
  return sketch_join(sketch, "Concat", branches, 3);
}

/* some branches fork once more, as at the end of Inception v3 */
static const char *
add_forked_module(Sketch *sketch, const char *x)
{
  const char *y = sketch_unit(sketch, x, 8, 1, 1);
  const char *fork[] = {sketch_unit(sketch, y, 8, 3, 1), sketch_unit(sketch, y, 8, 3, 1)};
  const char *branches[] = {sketch_unit(sketch, x, 8, 1, 1), sketch_join(sketch, "Concat", fork, 2),
                            sketch_unit(sketch, x, 8, 1, 1)};
  return sketch_join(sketch, "Concat", branches, 3);
}

static void
test_inception_v2(void)
{
  g_autoptr(GHashTable) names = names_new();
  Sketch *sketch = sketch_new(224);
  sketch->normed = true;
  const char *x = add_googlenet_stem(sketch, false, names), *first, *last;
  x = first = add_module(sketch, x, "m", names);
  x = add_reduction(sketch, add_module(sketch, x, "m", names));
  for (int i = 0; i < 4; i++)
    x = last = add_module(sketch, x, "m", names);
  x = add_reduction(sketch, x);
  for (int i = 0; i < 2; i++)
    x = add_module(sketch, x, "m", names);
  g_autofree char *first_name = g_strdup(first), *last_name = g_strdup(last);
  g_autoptr(NnNetwork) network = describe(sketch, add_mean_head(sketch, x, 64));
  assert_is(network, "Inception v2", true);
  assert_layer(network, "inception_3a/output", first_name);
  assert_layer(network, "inception_4d/output", last_name);
}

static void
test_inception_v3(void)
{
  g_autoptr(GHashTable) names = names_new(), inner = names_new();
  Sketch *sketch = sketch_new(0);
  sketch->normed = true;
  const char *x = sketch_unit(sketch, "x", 32, 3, 2), *y;
  x = sketch_unit(sketch, sketch_unit(sketch, x, 32, 3, 1), 64, 3, 1);
  x = sketch_unit(sketch, sketch_pool(sketch, "MaxPool", x, 3, 2), 80, 1, 1);
  note(names, x, "Conv2d_3b_1x1");
  x = sketch_pool(sketch, "MaxPool", sketch_unit(sketch, x, 192, 3, 1), 3, 2);
  for (int i = 0; i < 3; i++, note(names, x, "Mixed_5%c", 'a' + i))
    x = add_module(sketch, x, "m", inner);
  x = y = add_reduction(sketch, x);
  note(names, y, "mixed3");
  for (int i = 0; i < 4; i++)
    x = add_module(sketch, x, "m", inner);
  x = add_reduction(sketch, x);
  note(names, x, "Mixed_7a");
  x = add_forked_module(sketch, add_forked_module(sketch, x));
  note(names, x, "mixed10");
  g_autoptr(NnNetwork) network = describe(sketch, add_mean_head(sketch, x, 32));
  assert_is(network, "Inception v3", true);
  assert_names(network, names);
}

static const char *
add_fire(Sketch *sketch, const char *x, int number, GHashTable *names)
{
  const char *squeezed = sketch_unit(sketch, x, 16, 1, 1);
  const char *expanded[] = {sketch_unit(sketch, squeezed, 64, 1, 1),
                            sketch_unit(sketch, squeezed, 64, 3, 1)};
  const char *y = sketch_join(sketch, "Concat", expanded, 2);
  note(names, squeezed, "fire%d/squeeze1x1", number);
  note(names, expanded[0], "fire%d/expand1x1", number);
  note(names, expanded[1], "fire%d/expand3x3", number);
  note(names, y, "fire%d/concat", number);
  note(names, y, "fire%d", number);
  return y;
}

static void
check_squeezenet(const char *title, int first_pool, int second_pool)
{
  g_autoptr(GHashTable) names = names_new();
  Sketch *sketch = sketch_new(224);
  const char *x = sketch_unit(sketch, "x", 64, first_pool == 3 ? 3 : 7, 2);
  note(names, x, "relu_conv1");
  note(names, x, "features.1");
  x = sketch_pool(sketch, "MaxPool", x, 3, 2);
  for (int number = 2; number <= 9; number++) {
    x = add_fire(sketch, x, number, names);
    int features = number + 1 + (number > first_pool) + (number > second_pool);
    note(names, x, "features.%d", features);
    if (number == first_pool || number == second_pool) {
      x = sketch_pool(sketch, "MaxPool", x, 3, 2);
      note(names, x, "features.%d", features + 1);
    }
  }
  x = sketch_conv(sketch, sketch_op(sketch, "Dropout", x, NULL), 1000, 1, 1, 1);
  note(names, x, "conv10");
  x = sketch_op(sketch, "GlobalAveragePool", sketch_op(sketch, "Relu", x, NULL), NULL);
  g_autofree char *scores = g_strdup(x);
  g_autoptr(NnNetwork) network = describe(sketch, sketch_op(sketch, "Softmax", x, "axis=1"));
  assert_is(network, title, true);
  assert_classifies(network);
  assert_names(network, names);
  g_assert_cmpstr(nn_network_class_target(network, NULL), ==, scores);
}

static void
test_squeezenet(void)
{
  check_squeezenet("SqueezeNet 1.0", 4, 8);
  check_squeezenet("SqueezeNet 1.1", 3, 5);
}

/* ---- DenseNet ---- */

static void
check_densenet(const char *title, const int layers[4])
{
  g_autoptr(GHashTable) names = names_new();
  Sketch *sketch = sketch_new(224);
  sketch->normed = true;
  const char *x = sketch_pool(sketch, "MaxPool", sketch_unit(sketch, "x", 16, 7, 2), 3, 2);
  for (int block = 0; block < 4; block++) {
    for (int i = 0; i < layers[block]; i++) {
      const char *y = sketch_op(sketch, "Relu", sketch_norm(sketch, x), NULL);
      y = sketch_conv(sketch, sketch_unit(sketch, y, 8, 1, 1), 4, 3, 1, 1);
      x = sketch_join(sketch, "Concat", (const char *[]){x, y}, 2);
    }
    note(names, x, "denseblock%d", block + 1);
    x = sketch_op(sketch, "Relu", sketch_norm(sketch, x), NULL);
    if (block == 3)
      break;
    x = sketch_pool(sketch, "AveragePool", sketch_conv(sketch, x, 16, 1, 1, 1), 2, 2);
    note(names, x, "transition%d", block + 1);
  }
  g_autoptr(NnNetwork) network = describe(sketch, add_mean_head(sketch, x, 16 + 4 * layers[3]));
  assert_is(network, title, true);
  assert_names(network, names);
}

static void
test_densenet(void)
{
  check_densenet("DenseNet-121", (const int[]){6, 12, 24, 16});
  check_densenet("DenseNet-169", (const int[]){6, 12, 32, 32});
  check_densenet("DenseNet-201", (const int[]){6, 12, 48, 32});
  check_densenet("DenseNet-161", (const int[]){6, 12, 36, 24});
}

/* ---- residual networks ---- */

typedef struct {
  const char *title;
  int groups; /* 0: two 3x3 convolutions a block; else a bottleneck of so many */
  bool activated_first; /* v2 */
  int blocks[4];
} Res;

static const char *
add_residual(Sketch *sketch, const char *x, const Res *res, int channels, int stride, bool first)
{
  bool late = !res->activated_first;
  const char *start = late ? x : sketch_op(sketch, "Relu", sketch_norm(sketch, x), NULL);
  const char *shortcut = first ? sketch_conv(sketch, start, channels, 1, stride, 1) : x;
  const char *y = start;
  if (res->groups > 0) {
    y = sketch_unit(sketch, y, channels / 2, 1, 1);
    y = sketch_conv(sketch, y, channels / 2, 3, stride, res->groups);
    y = sketch_op(sketch, "Relu", sketch_norm(sketch, y), NULL);
    y = sketch_conv(sketch, y, channels, 1, 1, 1);
  } else {
    y = sketch_conv(sketch, sketch_unit(sketch, y, channels, 3, stride), channels, 3, 1, 1);
  }
  if (late)
    y = sketch_norm(sketch, y);
  if (late && first)
    shortcut = sketch_norm(sketch, shortcut);
  y = sketch_join(sketch, "Add", (const char *[]){y, shortcut}, 2);
  return late ? sketch_op(sketch, "Relu", y, NULL) : y;
}

static void
check_resnet(const Res *res)
{
  g_autoptr(GHashTable) names = names_new();
  Sketch *sketch = sketch_new(224);
  sketch->normed = true;
  const char *x = sketch_pool(sketch, "MaxPool", sketch_unit(sketch, "x", 64, 7, 2), 3, 2);
  for (int stage = 1; stage <= 4; stage++) {
    for (int block = 0; block < res->blocks[stage - 1]; block++) {
      x = add_residual(sketch, x, res, 64 << stage, stage > 1 && block == 0 ? 2 : 1, block == 0);
      note(names, x, "layer%d.%d", stage, block);
      if (res->blocks[stage - 1] <= 6)
        note(names, x, "res%d%c", stage + 1, 'a' + block);
      else if (block > 0)
        note(names, x, "res%db%d", stage + 1, block);
    }
    note(names, x, "layer%d", stage);
  }
  if (res->activated_first)
    x = sketch_op(sketch, "Relu", sketch_norm(sketch, x), NULL);
  x = add_mean_head(sketch, x, 1024);
  note(names, x, "fc");
  g_autoptr(NnNetwork) network = describe(sketch, x);
  assert_is(network, res->title, true);
  assert_classifies(network);
  assert_names(network, names);
  g_assert_cmpstr(g_hash_table_lookup(network->presets, "dream"), ==,
                  g_hash_table_lookup(names, "layer3"));
}

static void
test_resnet(void)
{
  static const Res cases[] = {
      {"ResNet-18", 0, false, {2, 2, 2, 2}},     {"ResNet-34", 0, false, {3, 4, 6, 3}},
      {"ResNet-50", 1, false, {3, 4, 6, 3}},     {"ResNet-101", 1, false, {3, 4, 23, 3}},
      {"ResNet-152", 1, false, {3, 8, 36, 3}},   {"ResNet-18 v2", 0, true, {2, 2, 2, 2}},
      {"ResNet-50 v2", 1, true, {3, 4, 6, 3}},   {"ResNeXt-50", 32, false, {3, 4, 6, 3}},
      {"ResNeXt-101", 32, false, {3, 4, 23, 3}},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    check_resnet(&cases[i]);
}

/* ---- depthwise networks ---- */

static void
test_mobilenet_v2(void)
{
  static const int channels[] = {16, 24, 32, 64, 96, 160, 320}, repeats[] = {1, 2, 3, 4, 3, 3, 1},
                   strides[] = {1, 2, 2, 2, 1, 2, 1};
  g_autoptr(GHashTable) names = names_new();
  Sketch *sketch = sketch_new(224);
  sketch->normed = true;
  const char *x = sketch_unit(sketch, "x", 32, 3, 2);
  int number = 1, width = 32;
  note(names, x, "features.0");
  for (int stage = 0; stage < 7; stage++)
    for (int i = 0; i < repeats[stage]; i++, width = channels[stage]) {
      const char *y = number > 1 ? sketch_unit(sketch, x, width * 6, 1, 1) : x;
      int expanded = number > 1 ? width * 6 : width;
      y = sketch_conv(sketch, y, expanded, 3, i == 0 ? strides[stage] : 1, expanded);
      y = sketch_op(sketch, "Relu", sketch_norm(sketch, y), NULL);
      y = sketch_norm(sketch, sketch_conv(sketch, y, channels[stage], 1, 1, 1));
      x = i > 0 ? sketch_join(sketch, "Add", (const char *[]){x, y}, 2) : y;
      note(names, x, "features.%d", number++);
    }
  x = sketch_unit(sketch, x, 1280, 1, 1);
  note(names, x, "features.18");
  g_autoptr(NnNetwork) network = describe(sketch, add_mean_head(sketch, x, 1280));
  assert_is(network, "MobileNet v2", true);
  assert_names(network, names);
}

/* ---- the unknown ---- */

/* a network that makes pictures; last: what stands at its end */
static void
check_feed_forward(const char *last, float range, float mean)
{
  Sketch *sketch = sketch_new(0);
  static const float ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
  const int64_t dims[] = {8};
  onnx_add_raw(&sketch->onnx, "one", 1, dims, 1, ones, sizeof ones);
  onnx_add_raw(&sketch->onnx, "scales", 1, (const int64_t[]){4}, 1, (const float[]){1, 1, 4, 4},
               16);
  const char *x = sketch_conv(sketch, sketch_conv(sketch, "x", 8, 9, 2, 1), 8, 3, 2, 1);
  g_autofree char *inputs = g_strdup_printf("%s one one", x);
  onnx_add_node(&sketch->onnx, "InstanceNormalization", inputs, "normed", NULL);
  onnx_add_node(&sketch->onnx, "Resize", "normed  scales", "large", "mode=nearest");
  g_hash_table_insert(sketch->channels, g_strdup("large"), GINT_TO_POINTER(8));
  x = sketch_conv(sketch, "large", 3, 9, 1, 1);
  if (last != NULL)
    x = sketch_op(sketch, last, x, NULL);
  g_autoptr(NnNetwork) network = describe(sketch, x);
  g_assert_cmpint(network->role, ==, NN_ROLE_FEED_FORWARD);
  g_assert_cmpfloat(network->input.range, ==, range);
  g_assert_cmpfloat(network->input.mean[0], ==, mean);
  g_assert_cmpint(network->input.multiple, ==, 4);
  g_assert_null(network->labels);
}

static void
test_feed_forward(void)
{
  check_feed_forward(NULL, 255, 0);
  check_feed_forward("Tanh", 1, 0.5f);
  check_feed_forward("Sigmoid", 1, 0);
}

static const char *
preset(const NnNetwork *network, const char *use)
{
  return g_hash_table_lookup(network->presets, use);
}

/* a chain like no other: positions decide, and the sentence tells which */
static void
test_unknown(void)
{
  Sketch *sketch = sketch_new(0);
  g_autofree char *tensors[6] = {NULL};
  const char *x = "x";
  for (int i = 0; i < 6; i++) {
    x = sketch_op(sketch, "LeakyRelu", sketch_conv(sketch, x, 8 + i, 5, 1 + i % 2, 1), NULL);
    tensors[i] = g_strdup(x);
  }
  x = sketch_dense(
      sketch, sketch_op(sketch, "Flatten", sketch_op(sketch, "GlobalAveragePool", x, NULL), NULL),
      13, 1001);
  g_autoptr(NnNetwork) network = describe(sketch, x);
  g_assert_cmpstr(network->title, ==, "unnamed");
  g_assert_cmpstr(preset(network, "dream"), ==, tensors[4]);
  g_assert_cmpstr(preset(network, "content"), ==, tensors[3]);
  g_autofree char *style =
      g_strdup_printf("%s,%s,%s,%s", tensors[0], tensors[1], tensors[3], tensors[5]);
  g_assert_cmpstr(preset(network, "style"), ==, style);
  g_assert_nonnull(strstr(network->guessed, style));
  g_assert_cmpuint(g_strv_length(network->labels), ==, 1001);
  g_assert_cmpstr(network->labels[0], ==, "background");
  g_assert_cmpstr(network->labels[1], ==, "tench");
  g_assert_null(nn_network_alias_of(network, tensors[4]));
  for (int i = 0; i < 6; i++)
    g_clear_pointer(&tensors[i], g_free);
}

/* what the engine cannot run is no reason to know nothing of the rest */
static void
test_partly_unknown(void)
{
  g_autoptr(GHashTable) names = names_new();
  Sketch *sketch = sketch_new(224);
  const char *x = add_vgg_features(sketch, vggs[3].groups, names);
  g_autoptr(NnNetwork) network = describe(sketch, sketch_op(sketch, "NoSuchOperator", x, NULL));
  assert_is(network, "VGG-19", false);
  assert_names(network, names);
}

/* no convolution, no picture: nothing to guess, and no harm */
static void
test_nothing(void)
{
  Sketch *sketch = sketch_new(8);
  g_autoptr(NnNetwork) network = describe(sketch, sketch_op(sketch, "Flatten", "x", NULL));
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(network->role, ==, NN_ROLE_FEATURES);
  g_assert_null(preset(network, "dream"));
  g_assert_null(nn_network_parse_layers(network, "", "dream", &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
}

/* the sums of a ResNet-50 where they belong, but no convolution */
static void
test_no_convolution(void)
{
  static const int blocks[] = {3, 4, 6, 3};
  Sketch *sketch = sketch_new(224);
  const char *x = sketch_pool(sketch, "MaxPool", "x", 3, 2);
  for (size_t stage = 0; stage < G_N_ELEMENTS(blocks); stage++) {
    x = sketch_pool(sketch, "MaxPool", x, 3, 2);
    for (int block = 0; block < blocks[stage]; block++)
      x = sketch_join(sketch, "Add", (const char *[]){x, x}, 2);
  }
  g_autoptr(NnNetwork) network = describe(sketch, x);
  g_assert_cmpstr(network->title, ==, "unnamed");
}

/* an Add behind the scores that leaves its first term out */
static void
test_half_a_bias(void)
{
  g_autoptr(GHashTable) names = names_new();
  Sketch *sketch = sketch_new(224);
  const char *x = add_vgg_features(sketch, (const int[5]){1, 1, 1, 1, 1}, names);
  x = sketch_op(sketch, "Flatten", x, NULL);
  for (int i = 0; i < 3; i++)
    x = sketch_dense(sketch, x, i == 0 ? 512 * 7 * 7 : 64, 64);
  g_autoptr(NnNetwork) network =
      describe(sketch, sketch_join(sketch, "Add", (const char *[]){"", x}, 2));
  g_assert_cmpstr(network->title, ==, "VGG");
  assert_names(network, names);
}

/* ---- names ---- */

/* a NodeProto with a name, as PyTorch's exports have it; every text is shorter than 128 bytes */
static void
add_named_node(Sketch *sketch, const char *x, const char *y, const char *name)
{
  const char *const fields[] = {x, y, name, "Relu"};
  g_autoptr(GByteArray) node = g_byte_array_new();
  for (guint8 field = 1; field <= 4; field++) {
    guint8 head[] = {(guint8)(field << 3 | 2), (guint8)strlen(fields[field - 1])};
    g_byte_array_append(node, head, sizeof head);
    g_byte_array_append(node, (const guint8 *)fields[field - 1], head[1]);
  }
  guint8 head[] = {1 << 3 | 2, (guint8)node->len};
  g_byte_array_append(sketch->onnx.graph, head, sizeof head);
  g_byte_array_append(sketch->onnx.graph, node->data, node->len);
}

static void
test_modules(void)
{
  Sketch *sketch = sketch_new(8);
  add_named_node(sketch, "x", "a", "/layer1/layer1.0/act/Relu");
  add_named_node(sketch, "a", "b", "/layer1/layer1.0/last/Relu");
  add_named_node(sketch, "b", "c", "/layer1/layer1.1/Relu");
  add_named_node(sketch, "c", "d", "/layer10/Relu");
  add_named_node(sketch, "d", "e", "plain");
  g_autoptr(NnNetwork) network = describe(sketch, "e");
  nn_network_add_alias(network, "layer10", "a"); /* the file knows better */
  nn_network_add_alias(network, "mixed", "c");
  static const char *const cases[][2] = {{"a", "a"},        {"layer1", "c"},
                                         {"layer1.0", "b"}, {"layer1.0.act", "a"},
                                         {"LAYER1.1", "c"}, {"layer10", "d"},
                                         {"plain", "e"},    {"/layer10/Relu", "d"},
                                         {"Mixed", "c"},    {"/layer1/layer1.0/act/Relu", "a"}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    assert_layer(network, cases[i][0], cases[i][1]);
  static const char *const wrong[] = {"layer", "layer1.", "layer1.0.a", "", "/", "x", "layer1.2"};
  for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(nn_network_resolve_layer(network, wrong[i], &error));
    g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
    g_assert_nonnull(strstr(error->message, "mixed"));
  }
}

/* presets of a file, and what people write, with weights */
static void
test_written_layers(void)
{
  g_autoptr(GHashTable) names = names_new();
  Sketch *sketch = sketch_new(224);
  const char *x = add_vgg_features(sketch, vggs[2].groups, names);
  g_autoptr(NnNetwork) network = describe(sketch, x);
  g_autoptr(GError) error = NULL;
  g_autoptr(GArray) layers =
      nn_network_parse_layers(network, "relu4_2:0.5, Conv1_1", "dream", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(g_array_index(layers, NnLayer, 0).name, ==,
                  g_hash_table_lookup(names, "relu4_2"));
  g_assert_cmpfloat(g_array_index(layers, NnLayer, 0).weight, ==, 0.5);
  g_assert_cmpstr(g_array_index(layers, NnLayer, 1).name, ==,
                  g_hash_table_lookup(names, "conv1_1"));
  g_autofree char *twice =
      g_strdup_printf("relu4_2,%s:2", (char *)g_hash_table_lookup(names, "relu4_2"));
  g_assert_null(nn_network_parse_layers(network, twice, "dream", &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  g_clear_error(&error);
  g_assert_null(nn_network_parse_layers(network, "relu9_9", "dream", &error));
  g_assert_nonnull(strstr(error->message, "relu4_2"));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func("/families/darknet", test_darknet);
  g_test_add_func("/families/vgg", test_vgg);
  g_test_add_func("/families/truncated-vgg", test_truncated_vgg);
  g_test_add_func("/families/alexnet", test_alexnet);
  g_test_add_func("/families/googlenet", test_googlenet);
  g_test_add_func("/families/inception-v2", test_inception_v2);
  g_test_add_func("/families/inception-v3", test_inception_v3);
  g_test_add_func("/families/squeezenet", test_squeezenet);
  g_test_add_func("/families/densenet", test_densenet);
  g_test_add_func("/families/resnet", test_resnet);
  g_test_add_func("/families/mobilenet-v2", test_mobilenet_v2);
  g_test_add_func("/families/feed-forward", test_feed_forward);
  g_test_add_func("/families/unknown", test_unknown);
  g_test_add_func("/families/partly-unknown", test_partly_unknown);
  g_test_add_func("/families/nothing", test_nothing);
  g_test_add_func("/families/no-convolution", test_no_convolution);
  g_test_add_func("/families/half-a-bias", test_half_a_bias);
  g_test_add_func("/families/modules", test_modules);
  g_test_add_func("/families/written-layers", test_written_layers);
  return g_test_run();
}
