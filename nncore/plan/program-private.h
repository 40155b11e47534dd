/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What plans see of a program. */
#pragma once

#include "nncore/plan/program.h"

struct NnProgram {
  gint refs;
  NnModel *model;
  NnContext *context;
  NnGraph *graph;      /* lowered */
  void **prepared;     /* by node */
  NnValueId *targets;
  int n_targets;
  NnProgramOptions options;
  char *head_note; /* nullable */
};
