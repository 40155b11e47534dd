/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of somnium-net, the look at a network from the command line. */
#pragma once

#include "nncore/analysis/inventory.h"
#include "nncore/effects/network.h"
#include "nncore/plan/program.h"

/**
 * SomNetOptions: the command line.
 * @size: WIDTHxHEIGHT, or %NULL: the size that the file declares, or else 224 x 224
 * @tsv: a line a layer with tabs between raw numbers, for programs
 * @run: input file, or %NULL: only look
 */
typedef struct {
  char *size, *head_name;
  NnHead head;
  gboolean tsv;
  char *run, *gradient_seed, *gradient;
  char **targets, **outputs;
  int threads, repeat, memory_mb;
} SomNetOptions;

#define SOM_NET_UNKNOWN "?"

/** SomNetLook: a network at one size; @shape: its input's. */
typedef struct {
  const NnNetwork *network;
  const SomNetOptions *options;
  NnShape shape;
  NnInventory *inventory;
} SomNetLook;

/** som_net_print_facts: what stands below the layers. */
void som_net_print_facts(const SomNetLook *look);

/** som_net_look: prints the layers and what is known of the network. */
bool som_net_look(const NnNetwork *network, const SomNetOptions *options, GError **error);

/** som_net_run: runs it on a file, writes what is asked for. */
bool som_net_run(const NnNetwork *network, const SomNetOptions *options, GError **error);

/** som_net_note: prints what is done about a head of fixed size, if anything, for people. */
void som_net_note(const NnProgram *program);
