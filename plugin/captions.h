/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The captions of results, in a font: the engine only says what is to be read where. */
#pragma once

#include <libgimp/gimp.h>

#include "nncore/effects/effect.h"

/** som_captions_lay: @captions (nullable) over @picture, of 1, 3 or 4 channels. Nothing is drawn
 * outside their boxes. Main thread. */
void som_captions_lay(const GArray *captions, NnImage *picture);

/** som_captions_layer: (transfer none): @captions on a layer of their own, transparent elsewhere, of
 * @image's size and not in it yet. Main thread. */
GimpLayer *som_captions_layer(GimpImage *image, const GArray *captions);
