/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small network for the tests of this folder, described by hand, since effects must not need
 * weights/. Errors end the test. */
#pragma once

#include "nncore/effects/network.h"

static inline NnNetwork *
base_network_new(void)
{
  g_autoptr(GError) error = NULL;
  const char *source = g_getenv("SOMNIUM_SOURCE_DIR");
  g_autofree char *path = g_build_filename(source == NULL ? "." : source, "tests", "networks",
                                           "somnium-base.onnx", NULL);
  NnModel *model = nn_model_open(path, &error);
  g_assert_no_error(error);
  NnNetwork *network = nn_network_new(model, "somnium-base");
  network->role = NN_ROLE_CLASSIFIER;
  network->input = (NnInputSpec){
      .range = 1, .mean = {0.45f, 0.45f, 0.45f}, .deviation = {0.25f, 0.25f, 0.25f}, .multiple = 1};
  network->labels = g_strsplit(nn_model_metadata(model, "somnium.labels"), "\n", -1);
  g_hash_table_insert(network->presets, g_strdup("dream"), g_strdup("relu4_1"));
  return network;
}
