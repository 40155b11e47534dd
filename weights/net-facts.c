/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands below a network's layers: what they all come to, what is known or guessed of the
 * network, and why what cannot be used cannot. */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/plan/plan.h"
#include "weights/net.h"
#include "weights/table.h"

/* ---- what it comes to ---- */

static void
add_fact(SomTable *facts, const char *key, const char *value)
{
  if (value != NULL)
    som_table_add(facts, (const char *const[]){key, value});
}

/* whether a run could have it as its target */
static bool
is_usable(const SomNetLook *look, NnValueId id)
{
  return nn_inventory_shape(look->inventory, id) != NULL && !look->inventory->fields[id].none;
}

#define MAX_OUTPUTS 64 /* that count: a file may declare any number of them */

/* (transfer container): the network's outputs, without those that no run computes */
static GPtrArray *
output_names(const SomNetLook *look)
{
  const NnGraph *graph = look->inventory->graph;
  GPtrArray *names = g_ptr_array_new();
  for (size_t i = 0; i < graph->n_outputs && names->len < MAX_OUTPUTS; i++) {
    NnValueId id = graph->outputs[i];
    if ((!look->inventory->fields[id].none || nn_inventory_shape(look->inventory, id) == NULL) &&
        !g_ptr_array_find(names, graph->values[id].name, NULL))
      g_ptr_array_add(names, graph->values[id].name);
  }
  return names;
}

static const char *
last_usable(const SomNetLook *look)
{
  const NnGraph *graph = look->inventory->graph;
  for (size_t i = graph->n_nodes; i-- > 0;)
    for (int o = 0; o < graph->nodes[i].n_outputs; o++)
      if (graph->nodes[i].outputs[o] != NN_NO_VALUE && is_usable(look, graph->nodes[i].outputs[o]))
        return graph->values[graph->nodes[i].outputs[o]].name;
  return NULL;
}

/* of a run to @targets; -1 on error
 * @helped: (out): whether the program helps a head that was made for one size */
static int64_t
run_bytes(const SomNetLook *look, NnContext *context, const GPtrArray *targets, bool gradient,
          bool *helped, GError **error)
{
  g_autoptr(NnProgram) program = nn_program_new(
      look->network->model, context, (const char *const *)targets->pdata, (int)targets->len,
      (NnProgramOptions){.gradient = gradient, .head = look->options->head}, error);
  if (program == NULL)
    return -1;
  *helped = nn_program_head_note(program) != NULL;
  if (!gradient)
    som_net_note(program);
  g_autoptr(NnPlan) plan = nn_plan_new(program, &look->shape, 1, error);
  return plan != NULL ? (int64_t)nn_plan_bytes(plan) : -1;
}

/* to the outputs, or where they cannot be had to the last layer that can; (transfer full)
 * @whole: (out): whether the outputs can be had because a head that was made for one size is
 *   helped */
static char *
memory_text(const SomNetLook *look, bool *whole)
{
  g_autoptr(NnContext) context = nn_context_new(look->options->threads);
  g_autoptr(GPtrArray) targets = output_names(look);
  g_autoptr(GError) error = NULL;
  const char *until = NULL;
  bool helped = false;
  int64_t forward =
      targets->len > 0 ? run_bytes(look, context, targets, false, &helped, &error) : -1;
  if (forward < 0 && (until = last_usable(look)) != NULL) {
    g_clear_error(&error);
    g_ptr_array_set_size(targets, 0);
    g_ptr_array_add(targets, (gpointer)until);
    forward = run_bytes(look, context, targets, false, &helped, &error);
  }
  int64_t both = forward >= 0 ? run_bytes(look, context, targets, true, &helped, &error) : -1;
  if (both < 0)
    return g_strdup(error != NULL ? error->message : SOM_NET_UNKNOWN);
  *whole = until == NULL && helped;
  g_autofree char *a = som_bytes_text(forward), *b = som_bytes_text(both);
  return until == NULL
             ? g_strdup_printf(_("%s for a run, %s with gradient"), a, b)
             : g_strdup_printf(_("%s for a run as far as “%s”, %s with gradient"), a, until, b);
}

static void
add_totals(const SomNetLook *look, SomTable *facts, bool *whole)
{
  int64_t parameters = look->inventory->parameters;
  g_autofree char *shape = nn_shape_to_string(&look->shape), *memory = memory_text(look, whole);
  g_autofree char *count = som_count_text(parameters);
  g_autofree char *bytes = som_bytes_text((int64_t)MIN(parameters, G_MAXINT64 / 4) * 4);
  g_autofree char *weights = g_strdup_printf("%s (%s)", count, bytes);
  g_autofree char *operations = som_count_text(look->inventory->operations);
  g_autofree char *products = g_strdup_printf(_("%s multiply-adds"), operations);
  add_fact(facts, _("Input size"), shape);
  add_fact(facts, _("Parameters"), weights);
  add_fact(facts, _("Operations"), products);
  add_fact(facts, _("Memory"), memory);
}

/* ---- what cannot be used ---- */

/* @whole: the network runs nevertheless: the program helps the head that was made for one size */
static void
print_problems(const SomNetLook *look, bool whole)
{
  const char *title = whole ? _("Made for another size; --head says how they take this one:")
                            : _("What cannot be used at this size:");
  const NnGraph *graph = look->inventory->graph;
  guint behind = 0, own = 0;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const char *problem = look->inventory->nodes[i].problem;
    bool lost = false;
    for (int o = 0; o < graph->nodes[i].n_outputs; o++)
      lost = lost || (graph->nodes[i].outputs[o] != NN_NO_VALUE &&
                      nn_inventory_shape(look->inventory, graph->nodes[i].outputs[o]) == NULL);
    behind += lost && problem == NULL;
    if (problem == NULL)
      continue;
    g_autofree char *sentence = som_printable(problem);
    if (own++ == 0)
      g_print("\n%s\n", title);
    g_print("%s\n", sentence);
  }
  if (behind > 0 && !whole)
    g_print(ngettext("%u layer behind that cannot be used either.\n",
                     "%u layers behind that cannot be used either.\n", behind),
            behind);
}

/* ---- what is known ---- */

static char *
role_text(const NnNetwork *network)
{
  guint classes = network->labels != NULL ? g_strv_length(network->labels) : 0;
  switch (network->role) {
  case NN_ROLE_CLASSIFIER:
    return classes == 0 ? g_strdup(_("classifier without names of its classes"))
                        : g_strdup_printf(ngettext("classifier with a name for %u class",
                                                   "classifier with names for %u classes", classes),
                                          classes);
  case NN_ROLE_FEED_FORWARD:
    return g_strdup(_("feed-forward: its output is a picture"));
  default:
    return g_strdup(_("features"));
  }
}

static char *
three_text(const float values[3])
{
  return g_strdup_printf("%g %g %g", (double)values[0], (double)values[1], (double)values[2]);
}

static char *
input_text(const NnInputSpec *input)
{
  g_autofree char *mean = three_text(input->mean), *deviation = three_text(input->deviation);
  g_autofree char *multiple =
      input->multiple > 1 ? g_strdup_printf(_(", sides multiples of %d"), input->multiple) : NULL;
  return g_strdup_printf(_("%s, 0 to %g, mean %s, deviation %s%s"), input->bgr ? "BGR" : "RGB",
                         (double)input->range, mean, deviation, multiple != NULL ? multiple : "");
}

static void
add_presets(const NnNetwork *network, SomTable *facts)
{
  g_autoptr(GList) uses =
      g_list_sort(g_hash_table_get_keys(network->presets), (GCompareFunc)strcmp);
  for (const GList *at = uses; at != NULL; at = at->next) {
    /* translators: layers to take for a use: dream, content, style, class */
    g_autofree char *key = g_strdup_printf(_("Layers (%s)"), (const char *)at->data);
    add_fact(facts, key, g_hash_table_lookup(network->presets, at->data));
  }
}

void
som_net_print_facts(const SomNetLook *look)
{
  const NnNetwork *network = look->network;
  g_autoptr(SomTable) facts = som_table_new(2, (const bool[]){false, false});
  g_autofree char *role = role_text(network), *input = input_text(&network->input);
  bool whole = false;
  add_totals(look, facts, &whole);
  add_fact(facts, _("Role"), role);
  add_fact(facts, _("Input values"), input);
  add_presets(network, facts);
  add_fact(facts, _("Licence"), network->licence);
  add_fact(facts, _("Source"), network->source);
  add_fact(facts, _("Guessed"), network->guessed);
  g_autofree char *text = som_table_to_string(facts);
  g_print("%s", text);
  print_problems(look, whole);
}
