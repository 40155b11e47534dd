/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an .onnx file, described: by its metadata, by the families that its structure is
 * compared with, by guesses; and the layers and names that follow from that. */
#include "nncore/effects/network.h"
#include "tests/fuzz/fuzz.h"
#include "weights/describe.h"

static void
describe(NnModel *model)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnNetwork) network = nn_network_new(nn_model_ref(model), "fuzz");
  if (!som_describe(network, "/nonexistent/fuzz.onnx", false, &error)) {
    fuzz_check_error(&error);
    return;
  }
  g_autoptr(GPtrArray) layers = nn_network_layers(network);
  for (guint i = 0; i < layers->len && i < 100; i++)
    nn_network_alias_of(network, g_ptr_array_index(layers, i));
  if (nn_network_class_target(network, &error) == NULL)
    fuzz_check_error(&error);
  g_autoptr(GArray) chosen = nn_network_parse_layers(network, "", "dream", &error);
  if (chosen == NULL)
    fuzz_check_error(&error);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
  g_autoptr(NnModel) model = nn_model_open_bytes(bytes, &error);
  if (model != NULL)
    describe(model);
}
