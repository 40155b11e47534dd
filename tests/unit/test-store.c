/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Maps kept in memory and in a file: what is written box by box is read back box by box, is added
 * up, is cleared, in both orders of memory; a folder that cannot be written to is a sentence. */
#include <string.h>

#include "nncore/base/random.h"
#include "nncore/plan/store.h"
#include "onnx-builder.h"

enum { CHANNELS = 3, HEIGHT = 11, WIDTH = 7 };

static NnTensor *
map_new(int64_t height, int64_t width, NnLayout layout, uint64_t seed)
{
  NnTensor *map = nn_tensor_new(NN_DTYPE_FLOAT, &NN_SHAPE(1, CHANNELS, height, width), NULL);
  map->layout = layout;
  for (int64_t i = 0; i < nn_shape_count(&map->shape); i++)
    map->f[i] = (float)(nn_random_at(seed, (uint64_t)i) % 64);
  return map;
}

static float
at(const NnTensor *map, int64_t c, int64_t y, int64_t x)
{
  int64_t height = map->shape.dim[2], width = map->shape.dim[3];
  return map->layout == NN_LAYOUT_CHANNELS_LAST ? map->f[(y * width + x) * CHANNELS + c]
                                                : map->f[(c * height + y) * width + x];
}

/* every box of 4 x 3 of the store holds @factor times what the map has there */
static void
check_boxes(NnStore *store, const NnTensor *map, float factor)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnTensor) box = map_new(4, 3, map->layout, 9);
  for (int64_t y0 = 0; y0 <= HEIGHT - 4; y0++)
    for (int64_t x0 = 0; x0 <= WIDTH - 3; x0++) {
      bool read = nn_store_read(store, y0, x0, box, &error);
      g_assert_no_error(error);
      g_assert_true(read);
      for (int64_t c = 0; c < CHANNELS; c++)
        for (int64_t y = 0; y < 4; y++)
          for (int64_t x = 0; x < 3; x++)
            g_assert_cmpfloat(at(box, c, y, x), ==, factor * at(map, c, y0 + y, x0 + x));
    }
}

/* the map in four boxes that meet at (5, 2) */
static void
write_in_boxes(NnStore *store, const NnTensor *map, bool add)
{
  static const int64_t ys[] = {0, 5, HEIGHT}, xs[] = {0, 2, WIDTH};
  for (int i = 0; i < 4; i++) {
    NnBox box = {{ys[i / 2], xs[i % 2]}, {ys[i / 2 + 1], xs[i % 2 + 1]}};
    g_assert_true(nn_store_write(store, map, &box, box.begin[0], box.begin[1], add, NULL));
  }
}

static void
test_boxes(gconstpointer data)
{
  int kind = GPOINTER_TO_INT(data);
  NnLayout layout = (kind & 1) != 0 ? NN_LAYOUT_CHANNELS_LAST : NN_LAYOUT_PLAIN;
  g_autoptr(GError) error = NULL;
  g_autoptr(NnTensor) map = map_new(HEIGHT, WIDTH, layout, 1);
  g_autoptr(NnStore) store = nn_store_new(NULL, &map->shape, layout, (kind & 2) != 0, &error);
  g_assert_no_error(error);
  write_in_boxes(store, map, false);
  check_boxes(store, map, 1);
  write_in_boxes(store, map, true);
  check_boxes(store, map, 2);
  g_assert_true(nn_store_clear(store, NULL));
  check_boxes(store, map, 0);
}

static void
test_no_folder(void)
{
  g_autoptr(GError) error = NULL;
  g_setenv("TMPDIR", "/nowhere/at/all", TRUE);
  g_assert_null(nn_store_new(NULL, &NN_SHAPE(1, 3, 8, 8), NN_LAYOUT_PLAIN, true, &error));
  onnx_assert_sentence(error, NN_ERROR_READ, "TMPDIR");
  g_unsetenv("TMPDIR");
}

int
main(int argc, char **argv)
{
  static const char *const names[] = {"memory/plain", "memory/channels-last", "file/plain",
                                      "file/channels-last"};
  g_test_init(&argc, &argv, NULL);
  for (int kind = 0; kind < 4; kind++) {
    g_autofree char *path = g_strconcat("/store/", names[kind], NULL);
    g_test_add_data_func(path, GINT_TO_POINTER(kind), test_boxes);
  }
  g_test_add_func("/store/no-folder", test_no_folder);
  return g_test_run();
}
