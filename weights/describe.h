/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the effects must know of a network: from NAME.ini beside the file, which a person wrote and
 * which therefore wins, else from the file's own metadata ("somnium.*"), else from the catalogue
 * (catalogue.h), else from its structure (families.h, guess.h), and then NnNetwork.guessed says
 * so. Layers also get the names that people know. */
#pragma once

#include "nncore/effects/network.h"

/**
 * som_describe:
 * @path: of the .onnx file
 * @certain: whether a file that has the size of a known one is read to the end once, to know; else
 *   its size counts for now, and a thread of its own takes the digest
 *
 * Fills in @network. Keys, in the ini's group [network] and, with "somnium." before them, in the
 * metadata:
 *   title, licence, provenance: for people
 *   role: features, classifier, feed-forward
 *   channels: RGB or BGR;  range: what white is, 1 or 255
 *   mean, std: three numbers in the network's channel order, subtracted and divided by
 *   multiple: width and height are multiples of it
 *   size: side in px of the pictures that it was trained on, where the file's input does not say it
 *   labels: class names, one a line (in an ini: written \n); NAME.labels.txt does as well; or
 *     "imagenet-1000" for the usual ones
 *   layers.dream, .content, .style, .class: layers preset for these uses
 * %NN_ERROR_MALFORMED where an ini cannot be read as such, or %NN_ERROR_MEMORY.
 */
bool som_describe(NnNetwork *network, const char *path, bool certain, GError **error);
