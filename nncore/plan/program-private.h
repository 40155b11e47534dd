/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What plans see of a program. */
#pragma once

#include "nncore/plan/program.h"

struct NnProgram {
  gint refs;
  NnProgram *whole; /* (nullable): of a part: the program whose prepared weights it shares */
  NnModel *model;
  NnContext *context;
  NnGraph *graph;      /* lowered */
  void **prepared;     /* by node */
  size_t bytes;        /* of weights, as they are and made ready */
  bool holds;          /* them of the context's memory */
  NnValueId *targets;
  int n_targets;
  NnProgramOptions options;
  char *head_note; /* nullable */
};

/**
 * nn_program_part:
 * @whole: (transfer none): the program that it is a part of
 * @graph: (transfer full): lowered; a node whose first output is one of @whole's graph is its node
 */
NnProgram *nn_program_part(NnProgram *whole, NnGraph *graph, const NnValueId *targets,
                           int n_targets, bool gradient, GError **error);
