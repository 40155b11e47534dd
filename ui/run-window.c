/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A GtkDialog that looks at the job ten times a second; the job never waits for it. */
#include "ui/run-window.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "ui/preview.h"

#define POLL_INTERVAL_MS 100
#define PREVIEW_WIDTH 480
#define PREVIEW_HEIGHT 360
#define RESPONSE_STOP 1

typedef struct {
  GtkDialog *dialog;
  GtkWidget *preview, *bar, *label;
  SomRunJob *job;
  SomRunNews news;
  gint64 begin_us;
  bool answered; /* the label then says what is being waited for */
} RunWindow;

static void
run_window_free(gpointer data)
{
  RunWindow *self = data;

  som_run_news_clear(&self->news);
  g_free(self);
}

static RunWindow *
run_window_of(GtkWidget *window)
{
  return g_object_get_data(G_OBJECT(window), "somnium-run-window");
}

/* "42%, about 20 s left", or without a guess while there is nothing to guess from. */
static char *
describe_progress(const RunWindow *self)
{
  double fraction = CLAMP(self->news.fraction, 0, 1);
  double elapsed_s = (double)(g_get_monotonic_time() - self->begin_us) / G_USEC_PER_SEC;
  int percent = (int)(100 * fraction);

  if (fraction < 0.02 || elapsed_s < 3)
    return g_strdup_printf(_("%d%%"), percent);
  int left_s = (int)ceil(elapsed_s * (1 - fraction) / fraction);
  if (left_s < 60)
    /* Translators: part done, then seconds */
    return g_strdup_printf(_("%d%%, about %d s left"), percent, left_s);
  /* Translators: part done, then minutes */
  return g_strdup_printf(_("%d%%, about %d min left"), percent, (left_s + 30) / 60);
}

static void
answer(RunWindow *self, NnVerdict verdict)
{
  som_run_job_answer(self->job, verdict);
  self->answered = true;
  gtk_label_set_text(GTK_LABEL(self->label),
                     verdict == NN_STOP ? _("Stopping…") : _("Cancelling…"));
  gtk_dialog_set_response_sensitive(self->dialog, RESPONSE_STOP, FALSE);
  if (verdict == NN_CANCEL)
    gtk_dialog_set_response_sensitive(self->dialog, GTK_RESPONSE_CANCEL, FALSE);
}

/* What was answered to one job is nothing to the next. */
static void
begin(RunWindow *self, SomRunJob *job)
{
  self->job = job;
  self->answered = false;
  self->begin_us = g_get_monotonic_time();
  gtk_dialog_set_response_sensitive(self->dialog, RESPONSE_STOP, TRUE);
  gtk_dialog_set_response_sensitive(self->dialog, GTK_RESPONSE_CANCEL, TRUE);
}

static void
on_response(GtkDialog *dialog, int response, gpointer user_data)
{
  answer(user_data, response == RESPONSE_STOP ? NN_STOP : NN_CANCEL);
}

/* The close button asks to cancel; the window goes when the worker has ended. */
static gboolean
on_delete_event(GtkWidget *window, GdkEvent *event, gpointer user_data)
{
  return TRUE;
}

static gboolean
on_poll(gpointer user_data)
{
  RunWindow *self = user_data;
  bool done = som_run_job_poll(self->job, &self->news);
  g_autofree char *progress = describe_progress(self);

  gtk_progress_bar_set_fraction(GTK_PROGRESS_BAR(self->bar), CLAMP(self->news.fraction, 0, 1));
  gtk_progress_bar_set_text(GTK_PROGRESS_BAR(self->bar), progress);
  if (!self->answered && self->news.text)
    gtk_label_set_text(GTK_LABEL(self->label), self->news.text);
  if (self->news.preview) {
    som_preview_set_surface(self->preview, self->news.preview);
    g_clear_pointer(&self->news.preview, cairo_surface_destroy);
  }
  if (done)
    gtk_main_quit();
  return done ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void
add_buttons(GtkDialog *dialog)
{
  GtkWidget *button;

  button = gtk_dialog_add_button(dialog, _("_Cancel"), GTK_RESPONSE_CANCEL);
  gtk_widget_set_tooltip_text(button, _("End the run and leave the image as it was"));
  button = gtk_dialog_add_button(dialog, _("_Stop and Keep"), RESPONSE_STOP);
  gtk_widget_set_tooltip_text(button, _("End the run now and keep the picture as it is so far"));
}

GtkWidget *
som_run_window_new(const char *title, cairo_surface_t *before)
{
  RunWindow *self = g_new0(RunWindow, 1);
  GtkWidget *window = gtk_dialog_new();
  GtkWidget *box = gtk_dialog_get_content_area(GTK_DIALOG(window));

  self->dialog = GTK_DIALOG(window);
  g_object_set_data_full(G_OBJECT(window), "somnium-run-window", self, run_window_free);
  gtk_window_set_title(GTK_WINDOW(window), title);
  gtk_window_set_role(GTK_WINDOW(window), "somnium-run");
  gtk_container_set_border_width(GTK_CONTAINER(window), 6);
  gtk_container_set_border_width(GTK_CONTAINER(box), 6);
  gtk_box_set_spacing(GTK_BOX(box), 6);

  self->preview = som_preview_new(PREVIEW_WIDTH, PREVIEW_HEIGHT);
  if (before)
    som_preview_set_surface(self->preview, before);
  gtk_box_pack_start(GTK_BOX(box), self->preview, TRUE, TRUE, 0);
  self->bar = gtk_progress_bar_new();
  gtk_progress_bar_set_show_text(GTK_PROGRESS_BAR(self->bar), TRUE);
  gtk_box_pack_start(GTK_BOX(box), self->bar, FALSE, FALSE, 0);
  self->label = gtk_label_new(_("Starting…"));
  gtk_label_set_xalign(GTK_LABEL(self->label), 0);
  gtk_label_set_ellipsize(GTK_LABEL(self->label), PANGO_ELLIPSIZE_END);
  gtk_box_pack_start(GTK_BOX(box), self->label, FALSE, FALSE, 0);
  add_buttons(self->dialog);
  g_signal_connect(window, "response", G_CALLBACK(on_response), self);
  g_signal_connect(window, "delete-event", G_CALLBACK(on_delete_event), NULL);
  gtk_widget_show_all(box);
  return window;
}

void
som_run_window_run(GtkWidget *window, SomRunJob *job)
{
  RunWindow *self = run_window_of(window);
  int scale = gtk_widget_get_scale_factor(window);

  begin(self, job);
  som_run_job_want_preview(job, PREVIEW_WIDTH * scale, PREVIEW_HEIGHT * scale);
  gtk_widget_show(window);
  /* a key that was still meant for the dialog before must not end the run */
  gtk_window_set_focus(GTK_WINDOW(window), NULL);
  g_timeout_add(POLL_INTERVAL_MS, on_poll, self);
  gtk_main();
  gtk_widget_hide(window);
  self->job = NULL;
}
