/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a .npy file: read or refused; what was read is the same after being written and
 * read again. */
#include <glib/gstdio.h>

#include "tests/fuzz/fuzz.h"
#include "weights/npy.h"

static void
check_round_trip(const NnTensor *tensor)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(g_get_tmp_dir(), "somnium-fuzz-XXXXXX.npy", NULL);
  int file = g_mkstemp(path);
  g_assert_cmpint(file, >=, 0);
  g_close(file, NULL);
  som_npy_save(path, tensor, &error);
  g_assert_no_error(error);
  g_autoptr(NnTensor) again = som_npy_load(path, &error);
  g_assert_no_error(error);
  g_assert_true(nn_shape_equal(&again->shape, &tensor->shape));
  g_assert_cmpmem(again->data, nn_tensor_bytes(again), tensor->data, nn_tensor_bytes(tensor));
  g_unlink(path);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = fuzz_memory_path(data, size);
  g_autoptr(NnTensor) tensor = som_npy_load(path, &error);
  if (tensor == NULL)
    fuzz_check_error(&error);
  else
    check_round_trip(tensor);
}
