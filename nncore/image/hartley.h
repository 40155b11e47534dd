/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The discrete Hartley transform of pictures (Bracewell 1983), along rows and columns:
 *   X[u, v] = 1 / sqrt(W H) sum x[i, j] cas(2 pi i u / W) cas(2 pi j v / H),  cas = cos + sin.
 *
 * It is the Fourier transform of real pictures in real numbers: as many as pixels, those at u and
 * W - u, and at v and H - v, of one frequency. It is orthonormal, symmetric and its own inverse, so
 * it is its own adjoint too: gradients go through it as pictures do. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

typedef struct NnHartley NnHartley;

/** nn_hartley_size: the smallest size from @size on that has no prime factors but 2, 3 and 5. */
int nn_hartley_size(int size);

/**
 * nn_hartley_new:
 * @context: transforms run with contexts of at most as many threads
 * @width, @height: as nn_hartley_size() gives them
 *
 * Takes all the memory that transforms need.
 */
NnHartley *nn_hartley_new(NnContext *context, int width, int height, GError **error);
void nn_hartley_free(NnHartley *hartley);

/** nn_hartley_run: transforms each channel of @image, of the size given, in place. */
void nn_hartley_run(NnHartley *hartley, NnContext *context, NnImage *image);

/** nn_hartley_frequency: of number @index of @size: cycles a pixel, 0 to 0.5. */
double nn_hartley_frequency(int index, int size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnHartley, nn_hartley_free)
