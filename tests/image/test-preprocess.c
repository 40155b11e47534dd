/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A network's input from a picture: both layouts, both channel orders, there and back, rolled, and
 * the gradient against its definition. */
#include "nncore/image/preprocess.h"
#include "tests/image/pictures.h"

static const NnInputSpec odd_spec = {
    .bgr = true,
    .range = 255,
    .mean = {103.939f, 116.779f, 123.68f},
    .deviation = {1, 2, 4},
    .multiple = 1,
};

static NnTensor *
input_new(int width, int height, NnLayout layout)
{
  g_autoptr(GError) error = NULL;
  NnShape shape = NN_SHAPE(1, 3, height, width);
  NnTensor *tensor = nn_tensor_new(NN_DTYPE_FLOAT, &shape, &error);
  g_assert_no_error(error);
  tensor->layout = layout;
  return tensor;
}

static float
input_at(const NnTensor *tensor, int c, int y, int x)
{
  int64_t height = tensor->shape.dim[2], width = tensor->shape.dim[3];
  return tensor->layout == NN_LAYOUT_CHANNELS_LAST ? tensor->f[(y * width + x) * 3 + c]
                                                   : tensor->f[(c * height + y) * width + x];
}

static void
test_values(gconstpointer data)
{
  NnLayout layout = GPOINTER_TO_INT(data) == 0 ? NN_LAYOUT_PLAIN : NN_LAYOUT_CHANNELS_LAST;
  g_autoptr(NnContext) context = nn_context_new(2);
  for (int channels = 3; channels <= 4; channels++) {
    g_autoptr(NnImage) image = picture_noise(7, 5, channels, 1);
    g_autoptr(NnTensor) tensor = input_new(7, 5, layout);
    nn_preprocess(image, &odd_spec, tensor);
    for (int k = 0; k < 3; k++) {
      double expected =
          (255.0 * pixel_at(image, 3, 2, 2 - k) - odd_spec.mean[k]) / odd_spec.deviation[k];
      g_assert_cmpfloat_with_epsilon(input_at(tensor, k, 2, 3), expected, 2e-5);
    }
    g_autoptr(NnImage) back = nn_image_copy(image, NULL);
    for (size_t i = 0; i < nn_image_samples(back); i++)
      back->data[i] = i % (size_t)channels == 3 ? image->data[i] : -1;
    nn_unpreprocess(context, tensor, &odd_spec, 0, 0, back);
    g_assert_cmpfloat(largest_difference(image, back), <, 1e-6);
  }
}

/* a part that hangs over the picture's end writes what lies within */
static void
test_part(gconstpointer data)
{
  NnLayout layout = GPOINTER_TO_INT(data) == 0 ? NN_LAYOUT_PLAIN : NN_LAYOUT_CHANNELS_LAST;
  g_autoptr(NnContext) context = nn_context_new(2);
  static const int at[][2] = {{0, 0}, {3, 2}, {6, 4}, {7, 0}, {2, 9}};
  for (size_t i = 0; i < G_N_ELEMENTS(at); i++) {
    g_autoptr(NnImage) image = picture_noise(7, 5, 3, 4);
    g_autoptr(NnTensor) tensor = input_new(4, 3, layout);
    nn_preprocess_rolled(context, image, &odd_spec, at[i][0], at[i][1], tensor);
    g_autoptr(NnImage) back = picture_constant(7, 5, 3, -1);
    nn_unpreprocess(context, tensor, &odd_spec, at[i][0], at[i][1], back);
    for (int y = 0; y < 5; y++)
      for (int x = 0; x < 7; x++) {
        bool covered = x >= at[i][0] && x < at[i][0] + 4 && y >= at[i][1] && y < at[i][1] + 3;
        for (int c = 0; c < 3; c++)
          g_assert_cmpfloat_with_epsilon(pixel_at(back, x, y, c),
                                         covered ? pixel_at(image, x, y, c) : -1, 1e-6);
      }
  }
}

/* place @at of a picture that goes on mirrored */
static int
mirrored(int at, int size)
{
  int place = (at % (2 * size) + 2 * size) % (2 * size);
  return MIN(place, 2 * size - 1 - place);
}

static void
test_mirrored(gconstpointer data)
{
  NnLayout layout = GPOINTER_TO_INT(data) == 0 ? NN_LAYOUT_PLAIN : NN_LAYOUT_CHANNELS_LAST;
  g_autoptr(NnContext) context = nn_context_new(2);
  static const NnInputSpec identity = {.range = 1, .deviation = {1, 1, 1}, .multiple = 1};
  static const int sizes[][2] = {{7, 5}, {2, 3}, {1, 1}};
  static const int begins[][2] = {{0, 0}, {2, 3}, {-1, -4}, {-32, 32}, {100, -101}};
  g_autoptr(NnTensor) tensor = input_new(19, 18, layout);
  for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++)
    for (size_t i = 0; i < G_N_ELEMENTS(begins); i++) {
      int width = sizes[s][0], height = sizes[s][1], dx = begins[i][0], dy = begins[i][1];
      g_autoptr(NnImage) image = picture_noise(width, height, 3, s);
      nn_preprocess_mirrored(context, image, &identity, dx, dy, tensor);
      for (int c = 0; c < 3; c++)
        for (int y = 0; y < 18; y++)
          for (int x = 0; x < 19; x++)
            g_assert_cmpfloat(
                input_at(tensor, c, y, x), ==,
                pixel_at(image, mirrored(x + dx, width), mirrored(y + dy, height), c));
    }
}

static void
test_roll(gconstpointer data)
{
  NnLayout layout = GPOINTER_TO_INT(data) == 0 ? NN_LAYOUT_PLAIN : NN_LAYOUT_CHANNELS_LAST;
  g_autoptr(NnContext) context = nn_context_new(2);
  static const NnInputSpec identity = {.range = 1, .deviation = {1, 1, 1}, .multiple = 1};
  g_autoptr(NnImage) image = picture_noise(7, 5, 3, 2);
  g_autoptr(NnTensor) tensor = input_new(9, 8, layout);
  static const int rolls[][2] = {{0, 0}, {2, 3}, {-1, -4}, {-32, 32}, {100, -101}};
  for (size_t i = 0; i < G_N_ELEMENTS(rolls); i++) {
    int dx = rolls[i][0], dy = rolls[i][1];
    nn_preprocess_rolled(context, image, &identity, dx, dy, tensor);
    for (int c = 0; c < 3; c++)
      for (int y = 0; y < 8; y++)
        for (int x = 0; x < 9; x++)
          g_assert_cmpfloat(input_at(tensor, c, y, x), ==,
                            pixel_at(image, ((x + dx) % 7 + 7) % 7, ((y + dy) % 5 + 5) % 5, c));
    /* what was rolled there comes back unrolled */
    g_autoptr(NnImage) back = picture_constant(7, 5, 3, 0);
    nn_input_gradient_add(context, tensor, &identity, dx, dy, 0, 0, false, back);
    g_assert_cmpfloat(largest_difference(image, back), ==, 0);
  }
}

/* F(x) = sum of w x: its gradient to the picture, by differences of F itself */
static void
test_gradient(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnImage) image = picture_noise(4, 3, 3, 3);
  g_autoptr(NnTensor) before = input_new(4, 3, NN_LAYOUT_CHANNELS_LAST);
  g_autoptr(NnTensor) after = input_new(4, 3, NN_LAYOUT_CHANNELS_LAST);
  g_autoptr(NnTensor) weights = input_new(4, 3, NN_LAYOUT_CHANNELS_LAST);
  for (int i = 0; i < 36; i++)
    weights->f[i] = (float)(i % 7) - 3;
  g_autoptr(NnImage) gradient = picture_constant(4, 3, 3, 0);
  nn_input_gradient_add(context, weights, &odd_spec, 1, 2, 0, 0, false, gradient);
  nn_preprocess_rolled(context, image, &odd_spec, 1, 2, before);
  for (int i = 0; i < 36; i++) {
    float kept = image->data[i];
    image->data[i] = kept + 0.25f;
    nn_preprocess_rolled(context, image, &odd_spec, 1, 2, after);
    image->data[i] = kept;
    double difference = 0;
    for (int k = 0; k < 36; k++)
      difference += weights->f[k] * ((double)after->f[k] - before->f[k]);
    g_assert_cmpfloat_with_epsilon(difference / 0.25, gradient->data[i], 1e-3);
  }
}

/* parts of a tensor are those of the whole, filled or added; what overlaps is added twice */
static void
test_parts(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnImage) image = picture_noise(7, 5, 3, 2);
  g_autoptr(NnTensor) whole = input_new(9, 8, NN_LAYOUT_CHANNELS_LAST);
  g_autoptr(NnTensor) part = input_new(4, 3, NN_LAYOUT_CHANNELS_LAST);
  g_autoptr(NnImage) sum = picture_constant(7, 5, 3, 1);
  nn_preprocess_rolled(context, image, &odd_spec, 3, -2, whole);
  for (int y0 = 0; y0 <= 5; y0++)
    for (int x0 = 0; x0 <= 5; x0++) {
      nn_preprocess_rolled(context, image, &odd_spec, 3 + x0, -2 + y0, part);
      for (int i = 0; i < 36; i++)
        g_assert_cmpfloat(input_at(part, i % 3, i / 12, i / 3 % 4), ==,
                          input_at(whole, i % 3, y0 + i / 12, x0 + i / 3 % 4));
      for (int i = 0; i < 36; i++)
        part->f[i] = 1;
      nn_input_gradient_add(context, part, &odd_spec, 3, -2, x0, y0, false, sum);
    }
  for (int y = 0; y < 5; y++)
    for (int x = 0; x < 7; x++) { /* the place in the tensor: how many parts lie over it */
      int over = MIN(y + 1, 3) * MIN(MIN(x + 1, 4), 9 - x);
      float added = pixel_at(sum, (x + 3) % 7, (y + 3) % 5, 0) - 1;
      float each = odd_spec.range / odd_spec.deviation[odd_spec.bgr ? 2 : 0];
      g_assert_cmpfloat_with_epsilon(added, (float)over * each, 1e-3f * (float)over * each);
    }
}

/* what goes on past the picture's end counts where it is asked for, for the pixels it repeats */
static void
test_periodic(void)
{
  g_autoptr(NnContext) context = nn_context_new(3);
  g_autoptr(NnTensor) tensor = input_new(17, 13, NN_LAYOUT_CHANNELS_LAST);
  for (int i = 0; i < 17 * 13 * 3; i++)
    tensor->f[i] = (float)(nn_random_at(1, (uint64_t)i) >> 40) / 16777216.0f;
  g_autoptr(NnImage) sum = picture_constant(7, 5, 3, 0);
  g_autoptr(NnImage) expected = picture_constant(7, 5, 3, 0);
  nn_input_gradient_add(context, tensor, &odd_spec, -6, -4, 0, 0, true, sum);
  for (int y = 0; y < 13; y++)
    for (int x = 0; x < 17; x++)
      for (int c = 0; c < 3; c++)
        expected->data[((y + 1) % 5 * 7 + (x + 1) % 7) * 3 + c] +=
            input_at(tensor, 2 - c, y, x) * odd_spec.range / odd_spec.deviation[2 - c];
  g_assert_cmpfloat(largest_difference(sum, expected), <, 1e-3);
}

static void
test_size(void)
{
  NnInputSpec spec = {.multiple = 4};
  g_assert_cmpint(nn_input_size(&spec, 1), ==, 4);
  g_assert_cmpint(nn_input_size(&spec, 8), ==, 8);
  g_assert_cmpint(nn_input_size(&spec, 9), ==, 12);
  spec.multiple = 0; /* a file that says nonsense */
  g_assert_cmpint(nn_input_size(&spec, 9), ==, 9);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/preprocess/values/plain", GINT_TO_POINTER(0), test_values);
  g_test_add_data_func("/preprocess/values/channels-last", GINT_TO_POINTER(1), test_values);
  g_test_add_data_func("/preprocess/part/plain", GINT_TO_POINTER(0), test_part);
  g_test_add_data_func("/preprocess/part/channels-last", GINT_TO_POINTER(1), test_part);
  g_test_add_data_func("/preprocess/roll/plain", GINT_TO_POINTER(0), test_roll);
  g_test_add_data_func("/preprocess/roll/channels-last", GINT_TO_POINTER(1), test_roll);
  g_test_add_data_func("/preprocess/mirrored/plain", GINT_TO_POINTER(0), test_mirrored);
  g_test_add_data_func("/preprocess/mirrored/channels-last", GINT_TO_POINTER(1), test_mirrored);
  g_test_add_func("/preprocess/gradient", test_gradient);
  g_test_add_func("/preprocess/parts", test_parts);
  g_test_add_func("/preprocess/periodic", test_periodic);
  g_test_add_func("/preprocess/size", test_size);
  return g_test_run();
}
