/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people write: layers with weights, classes by name and number; what a network offers. */
#include <string.h>

#include "nncore/base/error.h"
#include "tests/effects/base-network.h"
#include "tests/unit/onnx-builder.h"

static void
test_layers(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(GPtrArray) names = nn_network_layers(network);
  g_assert_cmpuint(names->len, >=, 24);
  g_assert_cmpstr(names->pdata[0], ==, "conv1_1");
  g_assert_cmpstr(names->pdata[1], ==, "relu1_1");
  g_assert_cmpstr(names->pdata[names->len - 1], ==, "prob");
  g_assert_false(g_ptr_array_find_with_equal_func(names, "conv1_1.weight", g_str_equal, NULL));
  g_assert_false(g_ptr_array_find_with_equal_func(names, "image", g_str_equal, NULL));
}

/* expected: name, weight, name, weight, ... NULL */
static void
check_layers(const char *text, const char *const *expected)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(GArray) layers = nn_network_parse_layers(network, text, "dream", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(layers->len, ==, g_strv_length((char **)expected) / 2);
  for (guint i = 0; i < layers->len; i++) {
    g_assert_cmpstr(g_array_index(layers, NnLayer, i).name, ==, expected[2 * i]);
    g_assert_cmpfloat(g_array_index(layers, NnLayer, i).weight, ==,
                      g_ascii_strtod(expected[2 * i + 1], NULL));
  }
}

static void
test_parse_layers(void)
{
  check_layers("relu3_1", (const char *[]){"relu3_1", "1", NULL});
  check_layers(" relu3_1 : 0.5 ,relu4_1,",
               (const char *[]){"relu3_1", "0.5", "relu4_1", "1", NULL});
  check_layers("pool1:-2e-1", (const char *[]){"pool1", "-0.2", NULL});
  check_layers("", (const char *[]){"relu4_1", "1", NULL});
  check_layers(" , ", (const char *[]){"relu4_1", "1", NULL});
  check_layers(NULL, (const char *[]){"relu4_1", "1", NULL});
}

/* part: what the sentence must contain */
static void
check_refusal(const char *text, const char *use, const char *part)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(GError) error = NULL;
  g_assert_null(nn_network_parse_layers(network, text, use, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  g_test_message("%s", error->message);
  g_assert_nonnull(strstr(error->message, part));
}

static void
test_refused_layers(void)
{
  check_refusal("relu9_9", "dream", "relu4_2");
  check_refusal("relu9_9:0.5", "dream", "relu9_9");
  check_refusal("relu3_1:", "dream", "relu3_1:0.5");
  check_refusal("relu3_1:0", "dream", "relu3_1:0.5");
  check_refusal("relu3_1:nan", "dream", "relu3_1:0.5");
  check_refusal("relu3_1:1,5", "dream", "“5”");
  check_refusal("relu3_1,relu3_1:2", "dream", "twice");
  check_refusal("image", "dream", "relu4_2");
  check_refusal("conv1_1.weight", "dream", "relu4_2");
  check_refusal("", "no such use", "relu4_2");
}

/* names beside the file's own: found, shown, and never in the way of the file's */
static void
test_aliases(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(GError) error = NULL;
  nn_network_add_alias(network, "eyes", "relu4_1");
  nn_network_add_alias(network, "eyes", "relu1_1");  /* keeps its meaning */
  nn_network_add_alias(network, "heads", "relu4_1"); /* known by the first */
  nn_network_add_alias(network, "relu3_1", "relu1_1");
  nn_network_add_alias(network, "fur:2", "relu5_1");
  nn_network_add_alias(network, "relu2_1", "relu2_1");
  g_assert_cmpstr(nn_network_alias_of(network, "relu4_1"), ==, "eyes");
  g_assert_null(nn_network_alias_of(network, "relu2_1")); /* its own */
  g_assert_null(nn_network_alias_of(network, "no such"));
  static const char *const cases[][2] = {{"eyes", "relu4_1"},    {"heads", "relu4_1"},
                                         {"Eyes", "relu4_1"},    {"relu3_1", "relu3_1"},
                                         {"RELU3_1", "relu3_1"}, {"fur:2", "relu5_1"}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    g_assert_cmpstr(nn_network_resolve_layer(network, cases[i][0], NULL), ==, cases[i][1]);
  g_autoptr(GArray) layers =
      nn_network_parse_layers(network, "eyes:0.5, fur:2 , FUR:2:-3", "dream", &error);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT); /* one layer by two names */
  g_clear_error(&error);
  layers = nn_network_parse_layers(network, "eyes:0.5, FUR:2:-3", "dream", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(g_array_index(layers, NnLayer, 0).name, ==, "relu4_1");
  g_assert_cmpstr(g_array_index(layers, NnLayer, 1).name, ==, "relu5_1");
  g_assert_cmpfloat(g_array_index(layers, NnLayer, 1).weight, ==, -3);
  g_assert_null(nn_network_resolve_layer(network, "ears", &error));
  g_assert_nonnull(strstr(error->message, "eyes"));
  g_assert_nonnull(strstr(error->message, "relu2_1"));
  g_assert_null(strstr(error->message, "conv1_1")); /* only names that people know */
}

static void
test_classes(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_assert_cmpint(nn_network_find_class(network, "goldfish", NULL), ==, 0);
  g_assert_cmpint(nn_network_find_class(network, " GoldFish ", NULL), ==, 0);
  g_assert_cmpint(nn_network_find_class(network, "fire sala", NULL), ==, 1);
  g_assert_cmpint(nn_network_find_class(network, "201", NULL), ==, 201);
  g_strfreev(network->labels);
  network->labels = g_strsplit("ant;elephant;tench, Tinca tinca;Persian cat;tabby cat", ";", -1);
  g_assert_cmpint(nn_network_find_class(network, "ant", NULL), ==, 0);
  g_assert_cmpint(nn_network_find_class(network, "tinca TINCA", NULL), ==, 2);
  static const char *const refused[] = {"cat",     "dog", "", "5", "-1", "99999999999999999999",
                                        "\xff\xfe"};
  for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(nn_network_find_class(network, refused[i], &error), ==, -1);
    g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
    g_test_message("%s", error->message);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
  }
  g_clear_pointer(&network->labels, g_strfreev);
  g_assert_cmpint(nn_network_find_class(network, "777", NULL), ==, 777);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(nn_network_find_class(network, "cat", &error), ==, -1);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
}

static void
test_class_target(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(GError) error = NULL;
  g_assert_cmpstr(nn_network_class_target(network, NULL), ==, "logits");
  g_hash_table_insert(network->presets, g_strdup("class"), g_strdup("prob"));
  g_assert_cmpstr(nn_network_class_target(network, NULL), ==, "prob");
  network->role = NN_ROLE_FEATURES;
  g_assert_null(nn_network_class_target(network, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
}

/* what a network with these nodes, each "op inputs outputs attributes", has its scores y made from */
static void
check_features(const char *expected, const char *const (*nodes)[4])
{
  OnnxBuilder builder = {NULL};
  g_autoptr(GError) error = NULL;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 8, 8));
  onnx_add_weights(&builder, "w", &NN_SHAPE(3, 3, 1, 1));
  onnx_add_weights(&builder, "m", &NN_SHAPE(192, 5));
  onnx_add_weights(&builder, "n", &NN_SHAPE(5, 5));
  onnx_add_weights(&builder, "b", &NN_SHAPE(5));
  for (; (*nodes)[0] != NULL; nodes++)
    onnx_add_node(&builder, (*nodes)[0], (*nodes)[1], (*nodes)[2], (*nodes)[3]);
  onnx_add_output(&builder, "y");
  NnModel *model = onnx_builder_open(&builder, &error);
  g_assert_no_error(error);
  g_autoptr(NnNetwork) network = nn_network_new(model, "small");
  network->role = NN_ROLE_CLASSIFIER;
  g_assert_cmpstr(nn_network_features_target(network, &error), ==, expected);
  onnx_builder_clear(&builder);
}

static void
test_features_target(void)
{
  g_autoptr(NnNetwork) base = base_network_new();
  g_assert_cmpstr(nn_network_features_target(base, NULL), ==, "features");
  /* a convolution makes the scores, which are pooled afterwards */
  check_features("r", (const char *const[][4]){{"Relu", "x", "r", NULL},
                                               {"Conv", "r w", "c", NULL},
                                               {"GlobalAveragePool", "c", "g", NULL},
                                               {"Flatten", "g", "f", NULL},
                                               {"Softmax", "f", "y", NULL},
                                               {NULL}});
  /* a map that is flattened still has places */
  check_features("r", (const char *const[][4]){{"Relu", "x", "r", NULL},
                                               {"Flatten", "r", "f", NULL},
                                               {"MatMul", "f m", "p", NULL},
                                               {"Add", "p b", "y", NULL},
                                               {NULL}});
  /* the last of several with weights; what drops out says the same */
  check_features("r", (const char *const[][4]){{"Flatten", "x", "f", NULL},
                                               {"MatMul", "f m", "p", NULL},
                                               {"Relu", "p", "r", NULL},
                                               {"Dropout", "r", "d", NULL},
                                               {"Gemm", "d n b", "y", NULL},
                                               {NULL}});
  /* two ways lead to the scores: they are their own features */
  check_features("y", (const char *const[][4]){{"Flatten", "x", "f", NULL},
                                               {"MatMul", "f m", "p", NULL},
                                               {"MatMul", "p n", "q", NULL},
                                               {"Add", "p q", "y", NULL},
                                               {NULL}});
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/network/layers", test_layers);
  g_test_add_func("/network/parse-layers", test_parse_layers);
  g_test_add_func("/network/refused-layers", test_refused_layers);
  g_test_add_func("/network/aliases", test_aliases);
  g_test_add_func("/network/classes", test_classes);
  g_test_add_func("/network/class-target", test_class_target);
  g_test_add_func("/network/features-target", test_features_target);
  return g_test_run();
}
