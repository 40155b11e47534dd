/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The estimate is made on a thread of GTask's, from a copy of the values, a moment after the last
 * change. An answer to values that have changed meanwhile is not shown. */
#include "plugin/dialog-estimate.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "plugin/arguments.h"
#include "plugin/preferences.h"
#include "plugin/search-path.h"
#include "plugin/speed.h"
#include "plugin/work.h"

#define WAIT_MS 300 /* for more changes, after one */

typedef struct {
  GtkLabel *label;
  SomDialogState *state;
  GeglRectangle size;
  guint timer;
  gulong handler;
  int changes; /* so far */
} Estimator;

/* What the thread works on, and its answer. */
typedef struct {
  SomArguments *arguments;
  SomNetworks *networks; /* made on the main thread, since GIMP is asked for folders */
  GeglRectangle size;
  int changes;
  NnEstimate estimate;
  double seconds;       /* 0 where it is not known */
  int64_t budget_bytes;
} Question;

static void
question_free(gpointer data)
{
  Question *question = data;

  som_arguments_free(question->arguments);
  som_networks_free(question->networks);
  g_free(question);
}

/* On the thread. */
static void
answer(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Question *question = data;
  g_autoptr(NnContext) context = som_context_new(0);
  const NnEffect *effect = question->arguments->effect;
  NnEffectRun run = {
      .effect = effect, .context = context, .arguments = question->arguments->values};
  GError *error = NULL;

  question->budget_bytes = nn_context_memory_budget(context);
  if (!som_arguments_complete(question->arguments, question->networks, false, &error) ||
      !nn_effect_estimate(&run, question->size.width, question->size.height, &question->estimate,
                          &error)) {
    g_task_return_error(task, error);
    return;
  }
  double speed =
      question->estimate.multiply_adds > 0 ? som_speed(effect, question->networks, context) : 0;
  question->seconds = speed > 0 ? question->estimate.multiply_adds / speed : 0;
  g_task_return_boolean(task, TRUE);
}

static char *
describe_time(double seconds, bool at_most)
{
  g_autofree char *text = NULL;

  if (seconds >= 1 && at_most) {
    text = describe_time(seconds, false);
    /* Translators: a time, as in "about 12 s" */
    return g_strdup_printf(_("at most %s"), text);
  }
  if (seconds < 1)
    return g_strdup(_("less than a second"));
  if (seconds < 99)
    return g_strdup_printf(_("about %d s"), (int)ceil(seconds));
  if (seconds < 99 * 60)
    return g_strdup_printf(_("about %d min"), (int)ceil(seconds / 60));
  return g_strdup_printf(_("about %d h"), (int)MIN(ceil(seconds / 3600), G_MAXINT));
}

static char *
describe(const Question *question)
{
  g_autofree char *time =
      question->seconds > 0 ? describe_time(question->seconds, question->estimate.at_most) : NULL;
  g_autofree char *memory =
      question->estimate.bytes > 0 ? g_format_size((guint64)question->estimate.bytes) : NULL;
  g_autofree char *budget = g_format_size((guint64)question->budget_bytes);

  if (memory && question->estimate.bytes > (double)question->budget_bytes)
    return g_strdup_printf(
        _("Expected: %s of memory, more than the %s that a run may take; a smaller "
          "working size takes less."),
        memory, budget);
  if (time && memory)
    /* Translators: a time, then an amount of memory */
    return g_strdup_printf(_("Expected: %s, %s of memory."), time, memory);
  if (time)
    return g_strdup_printf(_("Expected: %s."), time);
  return memory ? g_strdup_printf(_("Expected: %s of memory."), memory) : g_strdup("");
}

static void
on_answered(GObject *source, GAsyncResult *result, gpointer data)
{
  Estimator *self = g_object_get_data(source, "somnium-estimator");
  Question *question = g_task_get_task_data(G_TASK(result));
  g_autofree char *text = NULL;

  if (!self || question->changes != self->changes)
    return;
  if (g_task_propagate_boolean(G_TASK(result), NULL))
    text = describe(question);
  gtk_label_set_text(self->label, text ? text : "");
}

static gboolean
on_timer(gpointer data)
{
  Estimator *self = data;
  SomArguments *arguments =
      som_arguments_new(som_dialog_state_effect(self->state), som_dialog_state_config(self->state),
                        SOM_ARGUMENTS_PLAIN, NULL);
  Question *question;
  g_autoptr(GTask) task = NULL;

  self->timer = 0;
  if (!arguments)
    return G_SOURCE_REMOVE;
  question = g_new0(Question, 1);
  question->arguments = arguments;
  question->networks = som_networks_new_for_gimp();
  question->size = self->size;
  question->changes = self->changes;
  task = g_task_new(self->label, NULL, on_answered, NULL);
  g_task_set_task_data(task, question, question_free);
  g_task_run_in_thread(task, answer);
  return G_SOURCE_REMOVE;
}

static void
on_changed(Estimator *self)
{
  self->changes++;
  g_clear_handle_id(&self->timer, g_source_remove);
  self->timer = g_timeout_add(WAIT_MS, on_timer, self);
}

/* The dialog goes; a thread may still hold the label. */
static void
on_destroy(GtkWidget *label, Estimator *self)
{
  g_clear_handle_id(&self->timer, g_source_remove);
  g_clear_signal_handler(&self->handler, som_dialog_state_config(self->state));
  g_object_set_data(G_OBJECT(label), "somnium-estimator", NULL);
}

GtkWidget *
som_estimate_label_new(SomDialogState *state, GeglRectangle size)
{
  GtkWidget *label = gtk_label_new(NULL);
  Estimator *self = g_new0(Estimator, 1);

  *self = (Estimator){.label = GTK_LABEL(label), .state = state, .size = size};
  gtk_label_set_xalign(self->label, 0);
  gtk_label_set_line_wrap(self->label, TRUE);
  g_object_set_data_full(G_OBJECT(label), "somnium-estimator", self, g_free);
  self->handler = g_signal_connect_swapped(som_dialog_state_config(state), "notify",
                                           G_CALLBACK(on_changed), self);
  g_signal_connect(label, "destroy", G_CALLBACK(on_destroy), self);
  on_changed(self);
  gtk_widget_show(label);
  return label;
}
