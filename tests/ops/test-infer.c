/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators must refuse, with the right code and a sentence; the shapes they find where
 * rules are subtle; whole numbers; and results at the far ends of the number line. */
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "tests/ops/harness.h"

/* some sizes that a hostile file may claim */
#define HUGE_DIM "4611686018427387904" /* 2^62 */
#define LARGE_DIM "70368744177664"     /* 2^46 */

typedef struct {
  Case test;
  NnError code;
} Refusal;

static const Refusal refusals[] = {
    /* windows */
    {{"MaxPool", "kernel_shape=[0,2]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,-2]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2," HUGE_DIM "]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] strides=[0,1]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] strides=[1,-1]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] dilations=[1,0]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] pads=[0,0,0,-1]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] pads=[0,0,0]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] pads=[0,0,0," HUGE_DIM "]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] pads=[0,0,0,2]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] strides=[2]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] auto_pad=SIDEWAYS", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] ceil_mode=1.5", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2,2,2]", {"1x3x8x8x8x8"}}, NN_ERROR_UNSUPPORTED},
    {{"MaxPool", "kernel_shape=[100000,100000] auto_pad=SAME_UPPER", {"1x3x8x8"}},
     NN_ERROR_UNSUPPORTED},
    {{"MaxPool",
      "kernel_shape=[2147483647,1] dilations=[2147483647,1] auto_pad=SAME_LOWER",
      {"1x3x8x8"}},
     NN_ERROR_UNSUPPORTED},
    {{"MaxPool", "kernel_shape=[2,2]", {"1x3x8"}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[9,2]", {"1x3x8x8"}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[2,5] dilations=[1,2]", {"1x3x8x8"}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[1,1]", {"1x3x0x8"}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[1,1]", {"1x3x" HUGE_DIM "x" HUGE_DIM}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[1,1]", {"1x3x-8x8"}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[1,1]", {"i1x3x8x8"}}, NN_ERROR_UNSUPPORTED},
    {{"MaxPool", "kernel_shape=[2] dilations=[4] auto_pad=SAME_UPPER", {"1x1x2"}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[5,5] strides=[2,2] ceil_mode=1", {"1x1x3x3"}}, NN_ERROR_SHAPE},
    {{"AveragePool", "kernel_shape=[9,2]", {"1x3x8x8"}}, NN_ERROR_SHAPE},
    {{"AveragePool", "kernel_shape=[2,2] pads=[2,0,0,0]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"AveragePool",
      "kernel_shape=[2000000000] pads=[1999999999,1999999999] strides=[1]",
      {"1000x1000x1000"}},
     NN_ERROR_SHAPE},
    {{"Conv", "", {"1x3x8x8", "*4x3x9x9"}}, NN_ERROR_SHAPE},
    {{"Conv", "", {"1x3x8x8", "*4x2x3x3"}}, NN_ERROR_SHAPE},
    {{"Conv", "", {"1x3x8x8", "*4x3x3"}}, NN_ERROR_SHAPE},
    {{"Conv", "", {"1x3x8x8", "*4x3x3x3", "*5"}}, NN_ERROR_SHAPE},
    {{"Conv", "kernel_shape=[5,5]", {"1x3x8x8", "*4x3x3x3"}}, NN_ERROR_MALFORMED},
    {{"Conv", "group=0", {"1x3x8x8", "*4x3x3x3"}}, NN_ERROR_MALFORMED},
    {{"Conv", "group=2", {"1x3x8x8", "*4x1x3x3"}}, NN_ERROR_SHAPE},
    {{"Conv", "strides=[0,1]", {"1x3x8x8", "*4x3x3x3"}}, NN_ERROR_MALFORMED},
    /* element by element */
    {{"Add", "", {"2x5", "2x4"}}, NN_ERROR_SHAPE},
    {{"Add", "", {"2x5", "i2x5"}}, NN_ERROR_MALFORMED},
    {{"Add", "", {"2x5", "-"}}, NN_ERROR_MALFORMED},
    {{"Mul", "", {LARGE_DIM "x1", "1x" LARGE_DIM}}, NN_ERROR_SHAPE},
    {{"Relu", "", {"i2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"Relu", "", {HUGE_DIM "x4"}}, NN_ERROR_SHAPE},
    {{"LeakyRelu", "alpha=1", {"2x5"}}, NN_ERROR_MALFORMED},
    {{"BatchNormalization", "", {"2x5x7", "*4", "*4", "*4", "*4"}}, NN_ERROR_SHAPE},
    {{"BatchNormalization", "", {"2x5x7", "*5", "*5", "*5", "*5x1"}}, NN_ERROR_SHAPE},
    {{"BatchNormalization", "", {"5", "*5", "*5", "*5", "*5"}}, NN_ERROR_SHAPE},
    {{"BatchNormalization", "", {"2x5", "*5", "*5", "*5"}}, NN_ERROR_MALFORMED},
    {{"BatchNormalization", "training_mode=1", {"2x5", "*5", "*5", "*5", "*5"}},
     NN_ERROR_UNSUPPORTED},
    {{"Cast", "to=8", {"2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"Cast", "to=99", {"2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"Cast", "", {"2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"Dropout", "", {"2x5", "-", "i:1"}}, NN_ERROR_UNSUPPORTED},
    /* shapes */
    {{"Concat", "", {"2x5", "2x5"}}, NN_ERROR_MALFORMED},
    {{"Concat", "axis=2", {"2x5", "2x5"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=-3", {"2x5", "2x5"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=" HUGE_DIM, {"2x5", "2x5"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=0", {"2x5", "2x4"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=0", {"2x5", "2x5x1"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=0", {"2x5", "i2x5"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=0", {LARGE_DIM, LARGE_DIM}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=0", {HUGE_DIM, HUGE_DIM}}, NN_ERROR_SHAPE},
    {{"Flatten", "axis=4", {"2x5x3"}}, NN_ERROR_SHAPE},
    {{"Flatten", "axis=-4", {"2x5x3"}}, NN_ERROR_SHAPE},
    {{"Flatten", "", {HUGE_DIM "x4x3"}}, NN_ERROR_SHAPE},
    {{"Reshape", "", {"2x5", "i:3,4"}}, NN_ERROR_SHAPE},
    {{"Reshape", "", {"2x5", "i:-1,-1"}}, NN_ERROR_MALFORMED},
    {{"Reshape", "", {"2x5", "i:-2,5"}}, NN_ERROR_MALFORMED},
    {{"Reshape", "", {"2x5", "i:2,5,0"}}, NN_ERROR_MALFORMED},
    {{"Reshape", "", {"2x5", "i:4,-1"}}, NN_ERROR_SHAPE},
    {{"Reshape", "allowzero=1", {"2x5", "i:0,-1"}}, NN_ERROR_SHAPE},
    {{"Reshape", "", {"2x5", "i:" HUGE_DIM "," HUGE_DIM ",-1"}}, NN_ERROR_SHAPE},
    {{"Reshape", "", {"2x5", "i:1,1,1,1,1,1,1,2,5"}}, NN_ERROR_MALFORMED},
    {{"Reshape", "", {"2x5", "i2"}}, NN_ERROR_UNSUPPORTED},
    {{"GlobalAveragePool", "", {"2x5"}}, NN_ERROR_SHAPE},
    {{"GlobalAveragePool", "", {"2x5x0x4"}}, NN_ERROR_SHAPE},
    {{"Softmax", "axis=2", {"2x5"}}, NN_ERROR_SHAPE},
    {{"Softmax", "", {"scalar"}}, NN_ERROR_SHAPE},
    /* products */
    {{"Gemm", "", {"2x5", "4x5"}}, NN_ERROR_SHAPE},
    {{"Gemm", "transB=1", {"2x5", "5x4"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"2x5x1", "5x4"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"2x5", "5"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"2x5", "5x4", "3"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"2x5", "5x4", "3x2x4"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"1x5", "5x4", "2x4"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"2x5", "i5x4"}}, NN_ERROR_UNSUPPORTED},
    {{"Gemm", "", {LARGE_DIM "x1", "1x" LARGE_DIM}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {"2x5", "4x5"}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {"3x2x5", "2x5x4"}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {"scalar", "2"}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {"2", "scalar"}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {"1000000000x1x1x4", "1x1000000000x4x1"}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {HUGE_DIM "x" HUGE_DIM "x2x5", "5x4"}}, NN_ERROR_SHAPE},
    /* element by element, the others */
    {{"Sub", "", {"2x5", "2x4"}}, NN_ERROR_SHAPE},
    {{"Div", "", {"2x5", "i2x5"}}, NN_ERROR_MALFORMED},
    {{"Pow", "", {"i2x5", "2x5"}}, NN_ERROR_MALFORMED},
    {{"Pow", "", {"2x5", "i2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"PRelu", "", {"2x5", "4"}}, NN_ERROR_SHAPE},
    {{"PRelu", "by_channel=1", {"2x5x3", "4"}}, NN_ERROR_SHAPE},
    {{"Sum", "", {"2x5", "2x5", "2x4"}}, NN_ERROR_SHAPE},
    {{"Sum", "", {"2x5", "-"}}, NN_ERROR_MALFORMED},
    {{"Mean", "", {"i2x5", "i2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"Max", "", {"2x5", "i2x5"}}, NN_ERROR_MALFORMED},
    {{"Min", "", {LARGE_DIM "x1", "1x" LARGE_DIM}}, NN_ERROR_SHAPE},
    {{"Where", "", {"2x5", "2x5", "2x5"}}, NN_ERROR_MALFORMED},
    {{"Where", "", {"i2x5", "2x5", "i2x5"}}, NN_ERROR_MALFORMED},
    {{"Where", "", {"i2x4", "2x5", "2x5"}}, NN_ERROR_SHAPE},
    {{"Equal", "", {"2x5", "i2x5"}}, NN_ERROR_MALFORMED},
    {{"Not", "", {"2x5"}}, NN_ERROR_MALFORMED},
    {{"Sigmoid", "", {"i2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"Gelu", "approximate=roughly", {"2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"Elu", "alpha=1", {"2x5"}}, NN_ERROR_MALFORMED},
    {{"Clip", "", {"2x5", "f:1,2"}}, NN_ERROR_MALFORMED},
    {{"Clip", "", {"2x5", "-", "i:1"}}, NN_ERROR_MALFORMED},
    /* reductions */
    {{"ReduceSum", "", {"2x5", "i:2"}}, NN_ERROR_SHAPE},
    {{"ReduceSum", "", {"2x5", "i:1,-1"}}, NN_ERROR_MALFORMED},
    {{"ReduceSum", "", {"2x5", "i2"}}, NN_ERROR_UNSUPPORTED},
    {{"ReduceSum", "", {"2x5", "f:1"}}, NN_ERROR_MALFORMED},
    {{"ReduceMean", "", {"i2x5", "i:1"}}, NN_ERROR_UNSUPPORTED},
    {{"ReduceL2", "", {HUGE_DIM "x4", "i:1"}}, NN_ERROR_SHAPE},
    {{"ArgMax", "axis=2", {"2x5"}}, NN_ERROR_SHAPE},
    {{"ArgMax", "axis=1", {"2x0"}}, NN_ERROR_SHAPE},
    {{"ArgMin", "", {"i2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"GlobalMaxPool", "", {"2x5"}}, NN_ERROR_SHAPE},
    {{"GlobalMaxPool", "", {"2x5x0x3"}}, NN_ERROR_SHAPE},
    {{"LpPool", "kernel_shape=[2,2] p=0", {"1x3x8x8"}}, NN_ERROR_UNSUPPORTED},
    {{"LogSoftmax", "axis=2", {"2x5"}}, NN_ERROR_SHAPE},
    /* normalisations */
    {{"InstanceNormalization", "", {"2x5x7x3", "*4", "*5"}}, NN_ERROR_SHAPE},
    {{"InstanceNormalization", "", {"5", "*5", "*5"}}, NN_ERROR_SHAPE},
    {{"GroupNormalization", "", {"2x6x7x3", "*6", "*6"}}, NN_ERROR_SHAPE},
    {{"GroupNormalization", "num_groups=4", {"2x6x7x3", "*6", "*6"}}, NN_ERROR_SHAPE},
    {{"GroupNormalization", "num_groups=4611686018427387904", {"1x0x7x3", "*0", "*0"}},
     NN_ERROR_SHAPE},
    {{"GroupNormalization", "num_groups=-2", {"2x6x7x3", "*6", "*6"}}, NN_ERROR_SHAPE},
    {{"LayerNormalization", "axis=3", {"2x5x7", "*7"}}, NN_ERROR_SHAPE},
    {{"LayerNormalization", "", {"2x5x7", "*5"}}, NN_ERROR_SHAPE},
    {{"LpNormalization", "p=3", {"2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"LpNormalization", "axis=2", {"2x5"}}, NN_ERROR_SHAPE},
    {{"LRN", "", {"2x5x7x3"}}, NN_ERROR_MALFORMED},
    {{"LRN", "size=" HUGE_DIM, {"2x5x7x3"}}, NN_ERROR_MALFORMED},
    {{"LRN", "size=5", {"5"}}, NN_ERROR_SHAPE},
    /* shapes, the others */
    {{"Squeeze", "", {"2x1", "i:0"}}, NN_ERROR_SHAPE},
    {{"Squeeze", "", {"2x1", "i:1,1"}}, NN_ERROR_MALFORMED},
    {{"Unsqueeze", "", {"2x5", "i:4"}}, NN_ERROR_SHAPE},
    {{"Unsqueeze", "", {"2x5", "i:0,0"}}, NN_ERROR_MALFORMED},
    {{"Unsqueeze", "", {"2x5", "i:0,1,2,3,4,5,6"}}, NN_ERROR_SHAPE},
    {{"Expand", "", {"2x5", "i:2,4"}}, NN_ERROR_SHAPE},
    {{"Expand", "", {"1x5", "i:-2,5"}}, NN_ERROR_SHAPE},
    {{"Expand", "", {"1x1", "i:" LARGE_DIM "," LARGE_DIM}}, NN_ERROR_SHAPE},
    {{"ConstantOfShape", "", {"i:-1"}}, NN_ERROR_SHAPE},
    {{"ConstantOfShape", "", {"i:" HUGE_DIM "," HUGE_DIM}}, NN_ERROR_SHAPE},
    {{"ConstantOfShape", "", {"i:3", "f:1,2"}}, NN_ERROR_MALFORMED},
    {{"ConstantOfShape", "", {"i3"}}, NN_ERROR_UNSUPPORTED},
    {{"Range", "", {"i:0", "i:9", "i:0"}}, NN_ERROR_MALFORMED},
    {{"Range", "", {"i:0", "i:" HUGE_DIM, "i:1"}}, NN_ERROR_MALFORMED},
    {{"Range", "", {"i:0", "f:9", "i:1"}}, NN_ERROR_MALFORMED},
    {{"Transpose", "perm=[0,1,1]", {"2x5x7"}}, NN_ERROR_MALFORMED},
    {{"Transpose", "perm=[0,3,1]", {"2x5x7"}}, NN_ERROR_SHAPE},
    {{"Transpose", "perm=[1,0]", {"2x5x7"}}, NN_ERROR_SHAPE},
    {{"DepthToSpace", "blocksize=2", {"1x6x2x2"}}, NN_ERROR_SHAPE},
    {{"DepthToSpace", "blocksize=0", {"1x4x2x2"}}, NN_ERROR_MALFORMED},
    {{"DepthToSpace", "blocksize=2 mode=crd", {"1x4x2x2"}}, NN_ERROR_UNSUPPORTED},
    {{"SpaceToDepth", "blocksize=2", {"1x6x3x2"}}, NN_ERROR_SHAPE},
    {{"SpaceToDepth", "blocksize=" HUGE_DIM, {"1x6x4x2"}}, NN_ERROR_MALFORMED},
    {{"Tile", "", {"2x5", "i:2"}}, NN_ERROR_MALFORMED},
    {{"Tile", "", {"2x5", "i:2,-1"}}, NN_ERROR_MALFORMED},
    {{"Tile", "", {"2x5", "i:2," HUGE_DIM}}, NN_ERROR_MALFORMED},
    {{"Slice", "", {"2x5", "i:0,0", "i:1"}}, NN_ERROR_MALFORMED},
    {{"Slice", "", {"2x5", "i:0", "i:1", "i:2"}}, NN_ERROR_SHAPE},
    {{"Slice", "", {"2x5", "i:0", "i:1", "i:1", "i:0"}}, NN_ERROR_MALFORMED},
    {{"Slice", "", {"2x5", "i:0,0", "i:1,1", "i:1,1"}}, NN_ERROR_MALFORMED},
    {{"Slice", "", {"2x5", "i1", "i:1"}}, NN_ERROR_UNSUPPORTED},
    {{"Pad", "", {"2x5", "i:0,0,1"}}, NN_ERROR_MALFORMED},
    {{"Pad", "", {"2x5", "i:0,0,0,-6"}}, NN_ERROR_SHAPE},
    {{"Pad", "", {"2x5", "i:0,0,0," HUGE_DIM}}, NN_ERROR_SHAPE},
    {{"Pad", "mode=reflect", {"2x0", "i:0,1,0,0"}}, NN_ERROR_SHAPE},
    {{"Pad", "mode=sideways", {"2x5", "i:0,0,1,1"}}, NN_ERROR_UNSUPPORTED},
    {{"Pad", "", {"2x5", "i:1,1", "f:1,2", "i:0"}}, NN_ERROR_MALFORMED},
    {{"Gather", "axis=1", {"2x5", "i:5"}}, NN_ERROR_SHAPE},
    {{"Gather", "axis=1", {"2x5", "i:-6"}}, NN_ERROR_SHAPE},
    {{"Gather", "axis=2", {"2x5", "i:0"}}, NN_ERROR_SHAPE},
    {{"Gather", "", {"2x5", "i2"}}, NN_ERROR_UNSUPPORTED},
    {{"Gather", "", {"2x5", "f:0"}}, NN_ERROR_MALFORMED},
    {{"Split", "", {"5", "i:2,2"}, 2}, NN_ERROR_SHAPE},
    {{"Split", "", {"5", "i:2,3"}}, NN_ERROR_SHAPE},
    {{"Split", "", {"5", "i:-1,6"}, 2}, NN_ERROR_SHAPE},
    {{"Split", "axis=1", {"5"}, 2}, NN_ERROR_SHAPE},
    {{"Resize", "", {"1x3x4x4"}}, NN_ERROR_MALFORMED},
    {{"Resize", "", {"1x3x4x4", "-", "f:1,1,2"}}, NN_ERROR_MALFORMED},
    {{"Resize", "", {"1x3x4x4", "-", "f:1,1,0,2"}}, NN_ERROR_SHAPE},
    {{"Resize", "", {"1x3x4x4", "-", "f:1,1,-1,2"}}, NN_ERROR_SHAPE},
    {{"Resize", "", {"1x3x4x4", "-", "f:1,1,1e30,2"}}, NN_ERROR_SHAPE},
    {{"Resize", "", {"1x3x4x4", "-", "f:1,1,0.1,2"}}, NN_ERROR_SHAPE},
    {{"Resize", "", {"1x3x4x4", "-", "-", "i:1,3,0,4"}}, NN_ERROR_SHAPE},
    {{"Resize", "", {"1x3x0x4", "-", "-", "i:1,3,4,4"}}, NN_ERROR_SHAPE},
    {{"Resize", "", {"1x3x4x4", "-", "-", "i4"}}, NN_ERROR_UNSUPPORTED},
    {{"Resize",
      "coordinate_transformation_mode=tf_crop_and_resize",
      {"1x3x4x4", "-", "-", "i:1,3,4,4"}},
     NN_ERROR_MALFORMED},
    {{"Resize", "mode=lanczos", {"1x3x4x4", "-", "f:1,1,2,2"}}, NN_ERROR_UNSUPPORTED},
    {{"ConvTranspose", "", {"1x3x8x8", "*4x3x3x3"}}, NN_ERROR_SHAPE},
    {{"ConvTranspose", "group=2", {"1x3x8x8", "*3x3x3x3"}}, NN_ERROR_SHAPE},
    {{"ConvTranspose", "", {"1x3x8x8", "*3x4x3x3", "*3"}}, NN_ERROR_SHAPE},
    {{"ConvTranspose", "pads=[9,0,9,0]", {"1x3x2x8", "*3x4x3x3"}}, NN_ERROR_SHAPE},
    {{"ConvTranspose", "kernel_shape=[2,2]", {"1x3x8x8", "*3x4x3x3"}}, NN_ERROR_MALFORMED},
    {{"ConvTranspose", "output_padding=[1]", {"1x3x8x8", "*3x4x3x3"}}, NN_ERROR_MALFORMED},
    {{"ConvTranspose", "output_shape=[0,4]", {"1x3x8x8", "*3x4x3x3"}}, NN_ERROR_MALFORMED},
    {{"ConvTranspose", "strides=[2147483647,2147483647]", {"1x3x" LARGE_DIM "x1", "*3x4x3x3"}},
     NN_ERROR_SHAPE},
    {{"ConvTranspose", "strides=[2147483647,2147483647]", {"1x3x100000x100000", "*3x4x3x3"}},
     NN_ERROR_SHAPE},
    {{"ConvTranspose", "", {"1x3x0x8", "*3x4x3x3"}}, NN_ERROR_SHAPE},
};

static void
test_refusal(gconstpointer data)
{
  const Refusal *refusal = data;
  g_autoptr(GError) error = NULL;
  NnType out[2] = {0};
  g_assert_false(bench_infer(&refusal->test, out, &error));
  g_test_message("%s", error->message);
  g_assert_error(error, NN_ERROR, (int)refusal->code);
  g_assert_true(g_str_has_suffix(error->message, "."));
}

typedef struct {
  Case test;
  const char *shape;
} Shape;

static const Shape shapes[] = {
    {{"MaxPool", "kernel_shape=[1,1] strides=[2,2] ceil_mode=1", {"1x1x2x2"}}, "1 x 1 x 1 x 1"},
    {{"MaxPool", "kernel_shape=[3,3] strides=[2,2] ceil_mode=1", {"1x1x4x6"}}, "1 x 1 x 2 x 3"},
    {{"MaxPool", "kernel_shape=[3,3] strides=[2,2] ceil_mode=1", {"1x1x2x3"}}, "1 x 1 x 1 x 1"},
    {{"MaxPool", "kernel_shape=[2,2] strides=[3,3] ceil_mode=1 pads=[1,1,1,1]", {"1x1x3x4"}},
     "1 x 1 x 2 x 2"},
    {{"MaxPool", "kernel_shape=[3] strides=[2] auto_pad=SAME_UPPER", {"1x1x5"}}, "1 x 1 x 3"},
    {{"MaxPool", "kernel_shape=[3] dilations=[3] pads=[3,3]", {"1x1x2"}}, "1 x 1 x 2"},
    {{"MaxPool", "kernel_shape=[3] strides=[2] auto_pad=VALID", {"1x1x6"}}, "1 x 1 x 2"},
    {{"MaxPool", "kernel_shape=[2,2]", {"0x3x8x8"}}, "0 x 3 x 7 x 7"},
    {{"Conv", "strides=[2,2] pads=[1,1,1,1]", {"1x3x8x7", "*4x3x3x3"}}, "1 x 4 x 4 x 4"},
    {{"Flatten", "axis=0", {"2x5x3"}}, "1 x 30"},
    {{"Flatten", "", {"scalar"}}, NULL},
    {{"Reshape", "", {"2x5x3", "i:0,-1"}}, "2 x 15"},
    {{"Reshape", "", {"2x5x3", "i:-1"}}, "30"},
    {{"Reshape", "", {"1", "i:"}}, "scalar"},
    {{"Reshape", "allowzero=1", {"0x3", "i:3,0"}}, "3 x 0"},
    {{"Reshape", "", {"i2x3", "i:3,2"}}, "3 x 2"},
    {{"MatMul", "", {"7", "7"}}, "scalar"},
    {{"MatMul", "", {"2x1x3x7", "4x7x5"}}, "2 x 4 x 3 x 5"},
    {{"MatMul", "", {"4x3x7", "7"}}, "4 x 3"},
    {{"Gemm", "transA=1", {"7x3", "7x5"}}, "3 x 5"},
    {{"Add", "", {"5x1x1", "2x1x4x3"}}, "2 x 5 x 4 x 3"},
    {{"Add", "", {"i2", "i2"}}, "2"},
    {{"Concat", "axis=-1", {"2x5", "2x0", "2x3"}}, "2 x 8"},
    {{"GlobalAveragePool", "", {"2x5x7x3"}}, "2 x 5 x 1 x 1"},
    {{"ConvTranspose",
      "strides=[2,2] pads=[1,1,1,1] output_padding=[1,1]",
      {"1x3x8x7", "*3x4x3x3"}},
     "1 x 4 x 16 x 14"},
    {{"ConvTranspose", "auto_pad=SAME_UPPER strides=[3,3]", {"1x3x8x7", "*3x4x3x3"}},
     "1 x 4 x 24 x 21"},
    {{"ReduceMean", "keepdims=0", {"2x5x7x3", "i:-1,-2"}}, "2 x 5"},
    {{"ReduceMean", "", {"2x5x7x3"}}, "1 x 1 x 1 x 1"},
    {{"ReduceSum", "noop_with_empty_axes=1", {"2x5", "i:"}}, "2 x 5"},
    {{"Slice", "", {"2x5x7", "i:-1,1", "i:-100,100", "i:2,1", "i:-2,3"}}, "2 x 2 x 4"},
    {{"Slice", "", {"7", "i:5", "i:2"}}, "0"},
    {{"Slice", "", {"7", "i:0", "i:9223372036854775807"}}, "7"},
    {{"Pad", "", {"2x5", "i:1,-2", "-", "i:-1"}}, "2 x 4"},
    {{"Gather", "axis=1", {"2x5x3", "i:1,-1"}}, "2 x 2 x 3"},
    {{"Split", "", {"7"}, 2}, "4"},
    {{"Shape", "start=1 end=-1", {"2x5x7x3"}}, "2"},
    {{"Shape", "start=3 end=1", {"2x5x7x3"}}, "0"},
    {{"Range", "", {"i:2", "i:9", "i:3"}}, "3"},
    {{"Range", "", {"f:2", "f:0", "f:0.5"}}, "0"},
    {{"Expand", "", {"3x1", "i:2,1,4"}}, "2 x 3 x 4"},
    {{"Resize", "", {"1x3x4x5", "-", "f:1,1,2,0.5"}}, "1 x 3 x 8 x 2"},
    {{"Resize", "keep_aspect_ratio_policy=not_larger axes=[2,3]", {"1x3x4x6", "-", "-", "i:8,9"}},
     "1 x 3 x 6 x 9"},
    {{"ConstantOfShape", "", {"i:"}}, "scalar"},
    {{"Transpose", "", {"2x5x7"}}, "7 x 5 x 2"},
    {{"DepthToSpace", "blocksize=2", {"1x12x2x3"}}, "1 x 3 x 4 x 6"},
};

static void
test_shape(gconstpointer data)
{
  const Shape *shape = data;
  g_autoptr(GError) error = NULL;
  NnType out[2] = {0};
  bool ok = bench_infer(&shape->test, out, &error);
  if (shape->shape == NULL) {
    g_assert_false(ok);
    return;
  }
  g_assert_no_error(error);
  g_autofree char *text = nn_shape_to_string(&out[0].shape);
  g_assert_cmpstr(text, ==, shape->shape);
}

/* int64 values go through shape arithmetic and casts exactly */
static void
test_integers(void)
{
  static const Case add = {"Add", "", {"i:3,-5,9000000000000000000", "i:4"}};
  static const Case multiply = {"Mul", "", {"i:3,-5,7", "i:-2"}};
  static const Case divide = {"Div", "", {"i:7,-7,5", "i:2,2,0"}};
  static const Case modulo = {"Mod", "", {"i:7,-7,5", "i:3,3,-3"}};
  static const Case remainder = {"Mod", "fmod=1", {"i:7,-7,5", "i:3,3,0"}};
  static const Case clip = {"Clip", "", {"i:7,-7,5", "i:-1", "i:6"}};
  static const Case where = {"Where", "", {"i:1,0,1", "i:7,-7,5", "i:4"}};
  static const Case less = {"Less", "", {"i:1,4,6", "i:4"}};
  static const Case slice = {"Slice", "", {"i:1,4,6,8", "i:-1", "i:0", "i:0", "i:-1"}};
  static const Case gather = {"Gather", "", {"i:1,4,6,8", "i:-1,0,2"}};
  static const Case tile = {"Tile", "", {"i:5", "i:3"}};
  static const Case largest = {"Max", "", {"i:1,4,6", "i:3"}};
  static const Case negative = {"Neg", "", {"i:1,-4,0"}};
  static const Case concat = {"Concat", "axis=0", {"i:1,2", "i:3"}};
  static const struct {
    const Case *test;
    int64_t expected[3];
  } rows[] = {{&add, {7, -1, 9000000000000000004}},
              {&multiply, {-6, 10, -14}},
              {&concat, {1, 2, 3}},
              {&divide, {3, -3, 0}},
              {&modulo, {1, 2, -1}},
              {&remainder, {1, -1, 0}},
              {&clip, {6, -1, 5}},
              {&where, {7, 4, 5}},
              {&less, {1, 0, 0}},
              {&slice, {8, 6, 4}},
              {&gather, {8, 1, 6}},
              {&tile, {5, 5, 5}},
              {&largest, {3, 4, 6}},
              {&negative, {-1, 4, 0}}};
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(Bench) bench = bench_new(rows[i].test, NN_LAYOUT_PLAIN, 2, false);
    bench_forward(bench, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
    g_assert_cmpint(bench_count(bench, 0), ==, 3);
    for (int k = 0; k < 3; k++)
      g_assert_cmpint(bench->out[0].i[k], ==, rows[i].expected[k]);
  }
}

/* Nothing overflows on the way to a finite result, forward or backward. */
static void
test_far_ends(void)
{
  static const Case tests[] = {
      {"Sigmoid", "", {"12"}},    {"Tanh", "", {"12"}},
      {"Softplus", "", {"12"}},   {"Mish", "", {"12"}},
      {"Gelu", "", {"12"}},       {"Gelu", "approximate=tanh", {"12"}},
      {"Erf", "", {"12"}},        {"Elu", "", {"12"}},
      {"Selu", "", {"12"}},       {"Celu", "", {"12"}},
      {"Softsign", "", {"12"}},   {"HardSigmoid", "", {"12"}},
      {"HardSwish", "", {"12"}},  {"Softmax", "", {"12"}},
      {"LogSoftmax", "", {"12"}}, {"LpNormalization", "", {"12"}},
  };
  static const float x[12] = {0,    1e-30f, -1e-30f, 20,    -20,    100,
                              -100, 1e4f,   -1e4f,   1e18f, -1e18f, -0.0f};
  for (size_t t = 0; t < G_N_ELEMENTS(tests); t++) {
    g_autoptr(Bench) bench = bench_new(&tests[t], NN_LAYOUT_PLAIN, 1, true);
    g_autofree float *seed = bench_seed(bench);
    memcpy(bench->in[0].f, x, sizeof x);
    bench_forward(bench, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
    bench_backward(bench, seed);
    for (int i = 0; i < 12; i++)
      if (!isfinite(bench->out[0].f[i]) || !isfinite(bench->grad_in[0].f[i]))
        g_error("%s of %g is %g, its gradient %g", tests[t].op, (double)x[i],
                (double)bench->out[0].f[i], (double)bench->grad_in[0].f[i]);
  }
}

/* digits that a careless formula loses */
static void
test_tails(void)
{
  static const struct {
    Case test;
    float x, y;
  } rows[] = {
      {{"Sigmoid", "", {"1"}}, -30, 9.3576229e-14f}, {{"Softplus", "", {"1"}}, -20, 2.0611536e-9f},
      {{"Softplus", "", {"1"}}, 200, 200},           {{"Gelu", "", {"1"}}, -5, -1.4332579e-6f},
      {{"Elu", "", {"1"}}, -1e-6f, -9.9999950e-7f},  {{"Mish", "", {"1"}}, -20, -4.1223073e-8f},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(Bench) bench = bench_new(&rows[i].test, NN_LAYOUT_PLAIN, 1, false);
    bench->in[0].f[0] = rows[i].x;
    bench_forward(bench, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
    g_assert_cmpfloat_with_epsilon(bench->out[0].f[0] / rows[i].y, 1.0f, 1e-5f);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
    g_autofree char *path = g_strdup_printf("/ops/refusals/%s/%d", refusals[i].test.op, (int)i);
    g_test_add_data_func(path, &refusals[i], test_refusal);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
    g_autofree char *path = g_strdup_printf("/ops/shapes/%s/%d", shapes[i].test.op, (int)i);
    g_test_add_data_func(path, &shapes[i], test_shape);
  }
  g_test_add_func("/ops/integers", test_integers);
  g_test_add_func("/ops/far-ends", test_far_ends);
  g_test_add_func("/ops/tails", test_tails);
  return g_test_run();
}
