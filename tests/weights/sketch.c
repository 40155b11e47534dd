/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sketching networks. */
#include "tests/weights/sketch.h"

Sketch *
sketch_new(int size)
{
  Sketch *sketch = g_new0(Sketch, 1);
  onnx_builder_init(&sketch->onnx);
  onnx_add_input(&sketch->onnx, "x", &NN_SHAPE(1, 3, size, size));
  sketch->channels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_insert(sketch->channels, g_strdup("x"), GINT_TO_POINTER(3));
  return sketch;
}

/* a new tensor of this many channels; its name lives as long as the sketch */
static const char *
new_tensor(Sketch *sketch, int channels)
{
  char *name = g_strdup_printf("t%d", ++sketch->count);
  g_hash_table_insert(sketch->channels, name, GINT_TO_POINTER(channels));
  return name;
}

static int
channels_of(Sketch *sketch, const char *x)
{
  return GPOINTER_TO_INT(g_hash_table_lookup(sketch->channels, x));
}

static const char *
add_weights(Sketch *sketch, const int64_t *dims, int rank)
{
  const char *weights = new_tensor(sketch, 0);
  g_autofree char *shape = g_strdup_printf("%s.shape", weights);
  onnx_add_ints(&sketch->onnx, shape, dims, rank);
  onnx_add_node(&sketch->onnx, "ConstantOfShape", shape, weights, NULL);
  return weights;
}

const char *
sketch_conv(Sketch *sketch, const char *x, int out, int kernel, int stride, int groups)
{
  const int64_t dims[] = {out, channels_of(sketch, x) / groups, kernel, kernel};
  const char *weights = add_weights(sketch, dims, 4), *y = new_tensor(sketch, out);
  g_autofree char *inputs = g_strdup_printf("%s %s", x, weights);
  int pad = kernel / 2;
  g_autofree char *attributes = g_strdup_printf("strides=%d,%d pads=%d,%d,%d,%d group=%d", stride,
                                                stride, pad, pad, pad, pad, groups);
  onnx_add_node(&sketch->onnx, "Conv", inputs, y, attributes);
  return y;
}

const char *
sketch_norm(Sketch *sketch, const char *x)
{
  int channels = channels_of(sketch, x);
  const int64_t dims[] = {channels};
  const char *vector = add_weights(sketch, dims, 1), *y = new_tensor(sketch, channels);
  g_autofree char *inputs = g_strdup_printf("%s %s %s %s %s", x, vector, vector, vector, vector);
  onnx_add_node(&sketch->onnx, "BatchNormalization", inputs, y, NULL);
  return y;
}

const char *
sketch_op(Sketch *sketch, const char *op, const char *x, const char *attributes)
{
  const char *y = new_tensor(sketch, channels_of(sketch, x));
  onnx_add_node(&sketch->onnx, op, x, y, attributes);
  return y;
}

const char *
sketch_unit(Sketch *sketch, const char *x, int out, int kernel, int stride)
{
  const char *y = sketch_conv(sketch, x, out, kernel, stride, 1);
  if (sketch->normed)
    y = sketch_norm(sketch, y);
  return sketch_op(sketch, "Relu", y, NULL);
}

const char *
sketch_join(Sketch *sketch, const char *op, const char *const *x, int n)
{
  bool is_concat = g_str_equal(op, "Concat");
  int channels = is_concat ? 0 : channels_of(sketch, x[0]);
  g_autoptr(GString) inputs = g_string_new(NULL);
  for (int i = 0; i < n; i++) {
    g_string_append_printf(inputs, "%s%s", i > 0 ? " " : "", x[i]);
    channels += is_concat ? channels_of(sketch, x[i]) : 0;
  }
  const char *y = new_tensor(sketch, channels);
  onnx_add_node(&sketch->onnx, op, inputs->str, y, is_concat ? "axis=1" : NULL);
  return y;
}

const char *
sketch_dense(Sketch *sketch, const char *x, int in, int out)
{
  const int64_t dims[] = {in, out};
  const char *weights = add_weights(sketch, dims, 2), *y = new_tensor(sketch, out);
  g_autofree char *inputs = g_strdup_printf("%s %s", x, weights);
  onnx_add_node(&sketch->onnx, "Gemm", inputs, y, NULL);
  return y;
}

const char *
sketch_pool(Sketch *sketch, const char *op, const char *x, int kernel, int stride)
{
  int pad = (kernel - 1) / 2;
  g_autofree char *attributes = g_strdup_printf("kernel_shape=%d,%d strides=%d,%d pads=%d,%d,%d,%d",
                                                kernel, kernel, stride, stride, pad, pad, pad, pad);
  return sketch_op(sketch, op, x, attributes);
}

GBytes *
sketch_finish(Sketch *sketch, const char *y)
{
  onnx_add_output(&sketch->onnx, y);
  GBytes *bytes = onnx_builder_bytes(&sketch->onnx);
  onnx_builder_clear(&sketch->onnx);
  g_hash_table_unref(sketch->channels);
  g_free(sketch);
  return bytes;
}
