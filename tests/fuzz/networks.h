/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small networks that between them go through every pass and most operators: what fuzzing starts
 * from, and what the test of memory running out runs. */
#pragma once

#include <glib.h>

/** SmallNetwork: @name: of the test and the file; @make: (transfer full): the file's bytes. Input
 * "x" is 1 x 3 x H x W, the last layer is "y". */
typedef struct {
  const char *name;
  GBytes *(*make)(void);
} SmallNetwork;

/** small_networks: ends with a %NULL name. */
extern const SmallNetwork small_networks[];
