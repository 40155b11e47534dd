/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a file is that turned out to be no ONNX network: people pick the wrong file, and downloads
 * end in web pages. */
#pragma once

#include "nncore/onnx/source.h"

/** nn_file_kind_check: false and %NN_ERROR_MALFORMED with a sentence that says what to do, where
 * the file begins like one of a well-known other kind. */
bool nn_file_kind_check(const NnSource *source, GError **error);
