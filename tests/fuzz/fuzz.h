/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the fuzz targets share: the function that a target is, and what every failure must be. It is
 * called by a fuzzer (fuzzer.c), or for each file of its corpus (replay.c). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/** fuzz_one: a target: what it does with any bytes. Ends the process where something is wrong. */
void fuzz_one(const uint8_t *data, size_t size);

/** fuzz_init: to be called once, before. */
void fuzz_init(void);

/** fuzz_check_error: @error must be the engine's, and a sentence; cleared. */
void fuzz_check_error(GError **error);

/** fuzz_memory_path: (transfer full): a name under which the @size bytes can be opened as a file,
 * until the next call. */
char *fuzz_memory_path(const uint8_t *data, size_t size);
