/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the engine's results to layers and images. */
#pragma once

#include <stdbool.h>

#include "plugin/targets.h"

/** SomMade: what a run gave; the arrays do not own the layers and images, GIMP does. */
typedef struct {
  GPtrArray *layers; /* of GimpLayer */
  GPtrArray *images; /* of GimpImage */
  GString *text;
} SomMade;

/**
 * som_results_write:
 * @results: (element-type GArray): parallel to the first of @targets
 *
 * Writes everything as one undo step. A new layer lies right above its source, in normal mode,
 * with the source's size, offsets, precision, alpha and mask; outside the selection it is a copy
 * of the source, so that it can also be shown alone.
 */
SomMade *som_results_write(GimpImage *image, GArray *targets, GPtrArray *results, bool in_place);
void som_made_free(SomMade *made);

/** som_made_return: (transfer full): success and the return values that stand for @made. */
GimpValueArray *som_made_return(const SomMade *made, GimpProcedure *procedure);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SomMade, som_made_free)
