/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who reads a value: what a pass must know before it lets one disappear. */
#pragma once

#include "nncore/graph/graph.h"

typedef struct {
  int *counts; /* of nodes' inputs, by value; a target counts as read twice */
  size_t n_values;
} NnUses;

bool nn_uses_init(NnUses *uses, const NnGraph *graph, const NnValueId *targets, int n_targets,
                  GError **error);
void nn_uses_clear(NnUses *uses);

/** nn_uses_is_private: exactly one node reads it and it is no target. Values made after
 * nn_uses_init() are not. */
bool nn_uses_is_private(const NnUses *uses, NnValueId value);
