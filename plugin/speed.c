/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The speed of an effect's last long run, else of a picture of noughts in the bundled network. */
#include "plugin/speed.h"

#include <string.h>

#include "nncore/analysis/inventory.h"
#include "nncore/plan/workspace.h"
#include "plugin/preferences.h"

#define SIDE_PX 192       /* of the picture to measure with */
#define LONG_RUN_S 2      /* shorter ones are spent on reading the network and the like */
#define OUTLIER_SPEED 1e9 /* no machine is slower at what it really does */

/* Multiply-adds of a pass, or 0. */
static double
count_operations(const NnNetwork *network, const NnShape *shape)
{
  g_autoptr(NnInventory) inventory = nn_inventory_of_picture(network->model, shape, NULL);

  return inventory ? (double)inventory->operations : 0;
}

/* The second of two passes forward; 0 where there is none. */
static double
time_forward(NnWorkspace *workspace)
{
  const NnTensor *input = nn_workspace_input(workspace, 0);
  gint64 begin_us = 0;

  memset(input->data, 0, nn_tensor_bytes(input));
  for (int pass = 0; pass < 2; pass++) {
    begin_us = g_get_monotonic_time();
    nn_workspace_forward(workspace);
  }
  return (double)(g_get_monotonic_time() - begin_us) / G_USEC_PER_SEC;
}

static double
measure(const SomNetworks *networks, NnContext *context)
{
  g_autoptr(NnNetwork) network = som_networks_look(networks, "", NULL);
  const char *target = network ? nn_network_class_target(network, NULL) : NULL;

  if (!target)
    return 0;
  int side = nn_input_size(&network->input, SIDE_PX);
  NnShape shape = NN_SHAPE(1, 3, side, side);
  g_autoptr(NnProgram) program = nn_program_new(network->model, context, &target, 1,
                                                (NnProgramOptions){.gradient = false}, NULL);
  g_autoptr(NnPlan) plan = program ? nn_plan_new(program, &shape, 1, NULL) : NULL;
  g_autoptr(NnWorkspace) workspace = plan ? nn_workspace_new(plan, context, NULL) : NULL;
  double seconds = workspace ? time_forward(workspace) : 0;

  return seconds > 0 ? count_operations(network, &shape) / seconds : 0;
}

double
som_speed(const NnEffect *effect, const SomNetworks *networks, NnContext *context)
{
  double speed = som_preferences_recall_speed(effect->id);

  if (speed <= 0)
    speed = som_preferences_recall_speed(NULL);
  if (speed > 0)
    return speed;
  speed = measure(networks, context);
  if (speed > 0)
    som_preferences_remember_speed(NULL, speed);
  return speed;
}

void
som_speed_learn(const NnEffect *effect, double multiply_adds, double seconds)
{
  double speed = multiply_adds / MAX(seconds, 1e-6);

  if (seconds >= LONG_RUN_S && speed >= OUTLIER_SPEED)
    som_preferences_remember_speed(effect->id, speed);
}
