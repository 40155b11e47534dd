/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small networks, by the shapes that people's networks have: a chain, branches, a mobile
 * block, a classifier's head, a style network, a transformer-like block, arithmetic on shapes. */
#include "tests/fuzz/networks.h"

#include "tests/unit/onnx-builder.h"

typedef struct {
  const char *op, *inputs, *outputs, *attributes;
} Node;

static void
begin(OnnxBuilder *builder)
{
  onnx_builder_init(builder);
  onnx_add_input(builder, "x", &NN_SHAPE(1, 3, 0, 0));
}

static GBytes *
finish(OnnxBuilder *builder, const Node *nodes, size_t count)
{
  for (size_t i = 0; i < count; i++)
    onnx_add_node(builder, nodes[i].op, nodes[i].inputs, nodes[i].outputs, nodes[i].attributes);
  onnx_add_output(builder, "y");
  GBytes *bytes = onnx_builder_bytes(builder);
  onnx_builder_clear(builder);
  return bytes;
}

static void
add_batch_norm(OnnxBuilder *builder, int channels)
{
  onnx_add_weights(builder, "scale", &NN_SHAPE(channels));
  onnx_add_weights(builder, "shift", &NN_SHAPE(channels));
  onnx_add_weights(builder, "mean", &NN_SHAPE(channels));
  g_autofree float *variance = g_new(float, channels);
  for (int c = 0; c < channels; c++)
    variance[c] = 0.5f + (float)c;
  onnx_add_raw(builder, "variance", 1, (int64_t[]){channels}, 1, variance,
               (size_t)channels * sizeof *variance);
}

/* batch norm to fold, activations to fuse, windows of all sizes, a flattened head */
static GBytes *
make_classifier(void)
{
  static const Node nodes[] = {
      {"Conv", "x w1 b1", "conv1", "pads=1,1,1,1 strides=2,2"},
      {"BatchNormalization", "conv1 scale shift mean variance", "bn1", "epsilon=0.001f"},
      {"Relu", "bn1", "relu1", NULL},
      {"MaxPool", "relu1", "pool1", "kernel_shape=2,2 strides=2,2 ceil_mode=1"},
      {"Conv", "pool1 w2", "conv2", "pads=1,1,1,1"},
      {"LRN", "conv2", "lrn", "size=3 alpha=0.1f"},
      {"PRelu", "lrn slope", "prelu", NULL},
      {"Dropout", "prelu", "dropped", NULL},
      {"AveragePool", "dropped", "pool2", "kernel_shape=3,3 pads=1,1,1,1"},
      {"GlobalAveragePool", "pool2", "mean5", NULL},
      {"Flatten", "mean5", "flat", NULL},
      {"Gemm", "flat w3 b3", "logits", "transB=1"},
      {"Softmax", "logits", "y", "axis=1"},
  };
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_weights(&builder, "w1", &NN_SHAPE(8, 3, 3, 3));
  onnx_add_weights(&builder, "b1", &NN_SHAPE(8));
  add_batch_norm(&builder, 8);
  onnx_add_weights(&builder, "w2", &NN_SHAPE(5, 8, 3, 3));
  onnx_add_weights(&builder, "slope", &NN_SHAPE(5, 1, 1));
  onnx_add_weights(&builder, "w3", &NN_SHAPE(4, 5));
  onnx_add_weights(&builder, "b3", &NN_SHAPE(4));
  return finish(&builder, nodes, G_N_ELEMENTS(nodes));
}

/* values read twice and more, joined and split again */
static GBytes *
make_branches(void)
{
  static const Node nodes[] = {
      {"Conv", "x w1", "a", NULL},
      {"Conv", "x w2", "b", "dilations=2,2 pads=2,2,2,2"},
      {"LpPool", "x", "c", "kernel_shape=3,3 pads=1,1,1,1 p=2"},
      {"Concat", "a b c", "joined", "axis=1"},
      {"Sigmoid", "joined", "gate", NULL},
      {"Mul", "joined gate", "swish", NULL},
      {"Identity", "swish", "same", NULL},
      {"Split", "same lengths", "s1 s2 s3", "axis=1"},
      {"Sub", "s1 s2", "difference", NULL},
      {"Max", "s1 s2 difference", "largest", NULL},
      {"Transpose", "s3", "turned", "perm=0,1,3,2"},
      {"ReduceMean", "turned", "centre", "axes=2,3 keepdims=1"},
      {"Add", "largest centre", "sum", NULL},
      {"Add", "sum largest", "y", NULL},
  };
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_weights(&builder, "w1", &NN_SHAPE(4, 3, 1, 1));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(2, 3, 3, 3));
  onnx_add_ints(&builder, "lengths", (int64_t[]){4, 4, 1}, 3);
  return finish(&builder, nodes, G_N_ELEMENTS(nodes));
}

/* depthwise, grouped, squeeze and excite, a bottleneck, a residual sum */
static GBytes *
make_mobile(void)
{
  static const Node nodes[] = {
      {"Conv", "x w1", "stem", "strides=2,2 auto_pad=SAME_UPPER"},
      {"HardSwish", "stem", "hard", NULL},
      {"Conv", "hard w2", "depth", "group=8 pads=1,1,1,1"},
      {"Clip", "depth low high", "relu6", NULL},
      {"GlobalAveragePool", "relu6", "pooled", NULL},
      {"Conv", "pooled w3", "squeezed", NULL},
      {"HardSigmoid", "squeezed", "excited", "alpha=0.2f"},
      {"Mul", "relu6 excited", "scaled", NULL},
      {"Conv", "scaled w4", "grouped", "group=2"},
      {"Conv", "grouped w3", "wide", NULL},
      {"Relu", "wide", "kept", NULL},
      {"Conv", "kept w2", "deep", "group=8 pads=1,1,1,1"},
      {"Conv", "deep w3", "narrow", NULL},
      {"Add", "narrow hard", "residual", NULL},
      {"LeakyRelu", "residual", "y", "alpha=0.1f"},
  };
  const float low = 0, high = 6;
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_weights(&builder, "w1", &NN_SHAPE(8, 3, 3, 3));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(8, 1, 3, 3));
  onnx_add_weights(&builder, "w3", &NN_SHAPE(8, 8, 1, 1));
  onnx_add_weights(&builder, "w4", &NN_SHAPE(8, 4, 1, 1));
  onnx_add_raw(&builder, "low", 1, NULL, 0, &low, sizeof low);
  onnx_add_raw(&builder, "high", 1, NULL, 0, &high, sizeof high);
  return finish(&builder, nodes, G_N_ELEMENTS(nodes));
}

/* a feed-forward style network: reflection, instance norm, up again, two ways */
static GBytes *
make_style(void)
{
  static const Node nodes[] = {
      {"Pad", "x pads", "padded", "mode=reflect"},
      {"Conv", "padded w1", "conv", "strides=2,2"},
      {"InstanceNormalization", "conv scale shift", "norm", NULL},
      {"Elu", "norm", "elu", NULL},
      {"Resize", "elu  factors", "large", "mode=nearest"},
      {"Conv", "large w2", "flat", "pads=1,1,1,1"},
      {"ConvTranspose", "elu w3", "up", "strides=2,2 pads=1,1,1,1 output_padding=1,1"},
      {"DepthToSpace", "conv", "shuffled", "blocksize=2"},
      {"SpaceToDepth", "shuffled", "back", "blocksize=2"},
      {"Resize", "back  factors", "smooth", "mode=cubic"},
      {"Tanh", "up", "tanh", NULL},
      {"Sum", "flat tanh", "both", NULL},
      {"Concat", "both smooth", "y", "axis=1"},
  };
  const float factors[] = {1, 1, 2, 2};
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_ints(&builder, "pads", (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1}, 8);
  onnx_add_weights(&builder, "w1", &NN_SHAPE(4, 3, 3, 3));
  onnx_add_weights(&builder, "scale", &NN_SHAPE(4));
  onnx_add_weights(&builder, "shift", &NN_SHAPE(4));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(3, 4, 3, 3));
  onnx_add_weights(&builder, "w3", &NN_SHAPE(4, 3, 3, 3));
  onnx_add_raw(&builder, "factors", 1, (int64_t[]){4}, 1, factors, sizeof factors);
  return finish(&builder, nodes, G_N_ELEMENTS(nodes));
}

/* a block of ConvNeXt: channels last by Transpose, layer norm, a matrix product, Gelu */
static GBytes *
make_transposed(void)
{
  static const Node nodes[] = {
      {"Conv", "x w1", "depth", "group=3 pads=3,3,3,3"},
      {"Transpose", "depth", "last", "perm=0,2,3,1"},
      {"LayerNormalization", "last scale shift", "norm", "axis=-1"},
      {"MatMul", "norm w2", "wide", NULL},
      {"Div", "wide root", "narrow", NULL},
      {"Erf", "narrow", "erf", NULL},
      {"Add", "erf one", "above", NULL},
      {"Mul", "wide above", "gelu", NULL},
      {"MatMul", "gelu w3", "back", NULL},
      {"Transpose", "back", "first", "perm=0,3,1,2"},
      {"Add", "first x", "y", NULL},
  };
  const float root = 1.4142135f, one = 1;
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_weights(&builder, "w1", &NN_SHAPE(3, 1, 7, 7));
  onnx_add_weights(&builder, "scale", &NN_SHAPE(3));
  onnx_add_weights(&builder, "shift", &NN_SHAPE(3));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(3, 6));
  onnx_add_weights(&builder, "w3", &NN_SHAPE(6, 3));
  onnx_add_raw(&builder, "root", 1, NULL, 0, &root, sizeof root);
  onnx_add_raw(&builder, "one", 1, NULL, 0, &one, sizeof one);
  return finish(&builder, nodes, G_N_ELEMENTS(nodes));
}

/* "twice as large" as exporters write it, and other arithmetic that is over before the run */
static GBytes *
make_shapes(void)
{
  static const Node nodes[] = {
      {"Shape", "x", "shape", NULL},
      {"Slice", "shape 0 2 0", "front", NULL},
      {"Gather", "shape 2", "height", NULL},
      {"Gather", "shape 3", "width", NULL},
      {"Concat", "height width", "size", "axis=0"},
      {"Cast", "size", "real", "to=1"},
      {"Mul", "real factor", "twice", NULL},
      {"Floor", "twice", "floor", NULL},
      {"Cast", "floor", "whole", "to=7"},
      {"Concat", "front whole", "sizes", "axis=0"},
      {"Resize", "x   sizes", "large", "mode=linear"},
      {"Concat", "front minus", "flat_shape", "axis=0"},
      {"Reshape", "large flat_shape", "flat", NULL},
      {"Unsqueeze", "flat 3", "column", NULL},
      {"Tile", "column repeats", "tiled", NULL},
      {"Squeeze", "flat", "thin", NULL},
      {"ReduceMax", "thin", "peak", "axes=1 keepdims=1"},
      {"ConstantOfShape", "minus1", "zero", NULL},
      {"Greater", "tiled zero", "positive", NULL},
      {"Where", "positive tiled zero", "y", NULL},
  };
  const float factor = 2;
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_ints(&builder, "0", (int64_t[]){0}, 1);
  onnx_add_ints(&builder, "2", (int64_t[]){2}, 1);
  onnx_add_ints(&builder, "3", (int64_t[]){3}, 1);
  onnx_add_ints(&builder, "minus", (int64_t[]){-1}, 1);
  onnx_add_ints(&builder, "minus1", (int64_t[]){1}, 1);
  onnx_add_ints(&builder, "repeats", (int64_t[]){1, 1, 1, 2}, 4);
  onnx_add_raw(&builder, "factor", 1, NULL, 0, &factor, sizeof factor);
  return finish(&builder, nodes, G_N_ELEMENTS(nodes));
}

const SmallNetwork small_networks[] = {
    {"classifier", make_classifier},
    {"branches", make_branches},
    {"mobile", make_mobile},
    {"style", make_style},
    {"transposed", make_transposed},
    {"shapes", make_shapes},
    {NULL, NULL},
};
