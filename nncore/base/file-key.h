/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tells a file that has been seen before from one that is new or has changed: the key under
 * which facts about it (its digest, features of a picture) may be kept. */
#pragma once

#include <stdint.h>

/**
 * NnFileKey:
 * @path: (nullable): absolute, in GLib's file name encoding; %NULL for what is in no file (an open
 *   image): nothing may then be kept of it
 * @bytes: size
 * @modified_us: time of the last change, microseconds since 1970
 */
typedef struct {
  const char *path;
  int64_t bytes, modified_us;
} NnFileKey;
