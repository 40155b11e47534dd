/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one error domain of the engine. Every message is a whole sentence that says what is wrong
 * and, where a person can do something about it, what to do. */
#pragma once

#include <glib.h>

#define NN_ERROR (nn_error_quark())

/**
 * NnError:
 * @NN_ERROR_READ: a file cannot be opened or read.
 * @NN_ERROR_MALFORMED: a file contradicts itself or its format.
 * @NN_ERROR_UNSUPPORTED: well-formed, but uses what the engine does not implement.
 * @NN_ERROR_SHAPE: shapes do not fit each other, or a picture is too small for a network.
 * @NN_ERROR_ARGUMENT: an argument's value or combination makes no sense.
 * @NN_ERROR_MEMORY: memory ran out.
 * @NN_ERROR_CANCELLED: the caller cancelled the run.
 */
typedef enum {
  NN_ERROR_READ,
  NN_ERROR_MALFORMED,
  NN_ERROR_UNSUPPORTED,
  NN_ERROR_SHAPE,
  NN_ERROR_ARGUMENT,
  NN_ERROR_MEMORY,
  NN_ERROR_CANCELLED,
} NnError;

GQuark nn_error_quark(void);
