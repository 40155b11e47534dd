/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much memory there still is. */
#pragma once

#include <stdint.h>

#include <glib.h>

/**
 * nn_memory_available:
 * Returns: bytes that can be had without others being swapped out: what the kernel says
 *   (MemAvailable), but no more than what the control groups leave that this process is in (a
 *   container, a systemd slice); more than 0. A guess where the system tells nothing.
 */
int64_t nn_memory_available(void);

/** nn_memory_available_at: for tests: the same with /proc and /sys below @root. */
int64_t nn_memory_available_at(const char *root);
