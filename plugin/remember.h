/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GIMP remembers the last values of all arguments but drawables. These functions do so for them,
 * until GIMP quits: by their numbers, in parasites that are never saved. */
#pragma once

#include <stdbool.h>

#include <libgimp/gimp.h>

#include "nncore/effects/effect.h"

/** som_remember_drawables: after a run from the dialog. @image may be %NULL, here and below. */
void som_remember_drawables(const NnEffect *effect, GimpImage *image, GimpProcedureConfig *config);

/**
 * som_recall_drawables: sets those arguments of @config that are %NULL to what the last run had.
 * @must_exist: whether a drawable that is gone, or a region of another image, is an error; else it
 *   is left %NULL
 */
bool som_recall_drawables(const NnEffect *effect, GimpImage *image, GimpProcedureConfig *config,
                          bool must_exist, GError **error);
