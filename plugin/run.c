/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scripts and repeated runs show their progress where GIMP shows it. A Cancel there kills this
 * process, which does no harm, since nothing is written before the end. A run from the dialog has a
 * window of its own; after an error it goes back to the dialog, with all values as they were. */
#include "plugin/run.h"

#include <glib/gi18n-lib.h>
#include <libgimp/gimpui.h>
#include <math.h>

#include "nncore/base/error.h"
#include "plugin/dialog.h"
#include "plugin/procedure.h"
#include "plugin/remember.h"
#include "plugin/results.h"
#include "plugin/work.h"
#include "ui/image-surface.h"
#include "ui/run-window.h"

#define POLL_INTERVAL_US (G_USEC_PER_SEC / 10)
#define BEFORE_SIZE_PX 960 /* enough for the run window on any screen */

typedef struct {
  const NnEffect *effect;
  GimpProcedure *procedure;
  GimpProcedureConfig *config;
  GimpImage *image;         /* (nullable), as are the drawables */
  GimpDrawable **drawables;
} Call;

/* The plug-in's own arguments. */
typedef struct {
  bool in_place;
  gboolean all_images;
  int memory_mb;
} Options;

static bool
read_options(const Call *call, Options *options, GError **error)
{
  int64_t output = SOM_OUTPUT_NEW_LAYER;

  *options = (Options){0};
  if (som_param_applies(call->effect, &som_param_all_images))
    g_object_get(call->config, som_param_all_images.key, &options->all_images, NULL);
  g_object_get(call->config, som_param_memory.key, &options->memory_mb, NULL);
  if (som_param_applies(call->effect, &som_param_output) &&
      !som_arguments_read_choice(&som_param_output, call->config, &output, error))
    return false;
  options->in_place = output == SOM_OUTPUT_IN_PLACE;
  return true;
}

/* Of several images, one that cannot be worked on is left out, unless none can. */
static bool
execute_batches(const Call *call, const Options *options, GArray *batches, SomWork *work,
                const SomView *view, SomMade *made, GString *left_out, GError **error)
{
  guint failed = 0;

  for (guint i = 0; i < batches->len && !som_work_stopped(work); i++) {
    const SomBatch *batch = &g_array_index(batches, SomBatch, i);
    GError *failure = NULL;
    g_autoptr(GPtrArray) results = som_work_run(work, batch, view, left_out, &failure);

    if (results && som_results_write(made, call->effect, batch, results, options->in_place,
                                     left_out, &failure))
      continue;
    if (!options->all_images || ++failed == batches->len || som_work_refused(work) ||
        g_error_matches(failure, NN_ERROR, NN_ERROR_CANCELLED)) {
      g_propagate_error(error, failure);
      return false;
    }
    som_name_left_out(left_out, batch->name, failure);
    g_error_free(failure);
  }
  return true;
}

static int
count_jobs(GArray *batches)
{
  guint n = 0;

  for (guint i = 0; i < batches->len; i++)
    n += MAX(g_array_index(batches, SomBatch, i).targets->len, 1);
  return (int)n;
}

static void
show_images(const SomMade *made)
{
  for (guint i = 0; i < made->images->len; i++)
    gimp_display_new(g_ptr_array_index(made->images, i));
  gimp_displays_flush();
}

/* Computes, then writes. NULL with @error set: images that were finished before are shown. */
static SomMade *
execute(const Call *call, const SomView *view, GError **error)
{
  g_autoptr(GString) left_out = g_string_new(NULL);
  g_autoptr(GArray) batches = NULL;
  g_autoptr(SomArguments) arguments = NULL;
  g_autoptr(SomWork) work = NULL;
  g_autoptr(SomMade) made = som_made_new();
  Options options;

  if (!read_options(call, &options, error))
    return NULL;
  batches = som_batches_new(call->effect, call->image, call->drawables, options.all_images,
                            options.in_place, left_out, error);
  if (!batches)
    return NULL;
  arguments = som_arguments_new(call->effect, call->config, SOM_ARGUMENTS_ALL, error);
  if (!arguments)
    return NULL;
  work = som_work_new(arguments, count_jobs(batches), options.memory_mb);
  if (!execute_batches(call, &options, batches, work, view, made, left_out, error)) {
    show_images(made);
    return NULL;
  }
  som_made_add_text(made, left_out->str);
  return g_steal_pointer(&made);
}

/* The answer to GIMP; takes @error. */
static GimpValueArray *
return_error(const Call *call, GError *error)
{
  GimpPDBStatusType status = GIMP_PDB_EXECUTION_ERROR;

  if (g_error_matches(error, NN_ERROR, NN_ERROR_CANCELLED)) {
    g_clear_error(&error);
    status = GIMP_PDB_CANCEL;
  } else if (g_error_matches(error, NN_ERROR, NN_ERROR_ARGUMENT)) {
    status = GIMP_PDB_CALLING_ERROR;
  }
  return gimp_procedure_new_return_values(call->procedure, status, error);
}

/* SomView.watch without a window. */
static void
watch_with_gimp_progress(SomRunJob *job, gpointer data)
{
  SomRunNews news = {0};
  g_autofree char *shown = NULL;
  double shown_fraction = -1;
  bool done = false;

  while (!done) {
    done = som_run_job_wait(job, POLL_INTERVAL_US);
    som_run_job_poll(job, &news);
    if (news.text && g_strcmp0(news.text, shown) != 0) {
      gimp_progress_set_text(news.text);
      g_free(shown);
      shown = g_strdup(news.text);
    }
    if (fabs(news.fraction - shown_fraction) >= 0.001) {
      gimp_progress_update(news.fraction);
      shown_fraction = news.fraction;
    }
  }
  som_run_news_clear(&news);
}

/* @quietly: for a script, which has the return values */
static GimpValueArray *
run_directly(const Call *call, bool quietly)
{
  const SomView view = {.watch = watch_with_gimp_progress};
  g_autofree char *title = som_label_plain(call->effect->label);
  g_autoptr(SomMade) made = NULL;
  GError *error = NULL;

  gimp_progress_init(title);
  made = execute(call, &view, &error);
  gimp_progress_end();
  if (made && !quietly) {
    show_images(made);
    if (made->text->len)
      g_message("%s", made->text->str);
  }
  return made ? som_made_return(made, call->procedure) : return_error(call, error);
}

typedef struct {
  const char *title;
  GtkWidget *window;
} Watched;

static void
open_window(const NnImage *content, gpointer data)
{
  Watched *watched = data;
  cairo_surface_t *surface =
      content ? som_image_surface_new(content, BEFORE_SIZE_PX, BEFORE_SIZE_PX) : NULL;

  watched->window = som_run_window_new(watched->title, surface);
  gimp_window_set_transient(GTK_WINDOW(watched->window));
  if (surface)
    cairo_surface_destroy(surface);
}

static void
watch_with_window(SomRunJob *job, gpointer data)
{
  Watched *watched = data;

  som_run_window_run(watched->window, job);
}

/* Its text can be selected, to be copied. */
static void
show_message(GtkWidget *dialog, GtkMessageType type, const char *text)
{
  GtkWidget *message = gtk_message_dialog_new(GTK_WINDOW(dialog), GTK_DIALOG_MODAL, type,
                                              GTK_BUTTONS_CLOSE, "%s", text);
  GtkWidget *area = gtk_message_dialog_get_message_area(GTK_MESSAGE_DIALOG(message));
  g_autoptr(GList) labels = gtk_container_get_children(GTK_CONTAINER(area));

  if (labels && GTK_IS_LABEL(labels->data))
    gtk_label_set_selectable(labels->data, TRUE);
  gtk_dialog_set_default_response(GTK_DIALOG(message), GTK_RESPONSE_CLOSE);
  gtk_window_set_title(GTK_WINDOW(message), gtk_window_get_title(GTK_WINDOW(dialog)));
  gtk_dialog_run(GTK_DIALOG(message));
  gtk_widget_destroy(message);
}

/* Shows what there is to be seen. A text beside pictures goes where GIMP's own messages go; one that
 * is all there is has a window. */
static void
show_made(GtkWidget *dialog, const SomMade *made)
{
  show_images(made);
  if (!made->text->len)
    return;
  if (made->layers->len || made->images->len)
    g_message("%s", made->text->str);
  else
    show_message(dialog, GTK_MESSAGE_INFO, made->text->str);
}

/* One press of OK. NULL with @error set. */
static SomMade *
execute_in_window(const Call *call, GtkWidget *dialog, GError **error)
{
  Watched watched = {.title = gtk_window_get_title(GTK_WINDOW(dialog))};
  const SomView view = {open_window, watch_with_window, &watched};
  SomMade *made;
  int x, y;

  gtk_window_get_position(GTK_WINDOW(dialog), &x, &y);
  gtk_widget_hide(dialog);
  made = execute(call, &view, error);
  if (watched.window)
    gtk_widget_destroy(watched.window);
  gtk_window_move(GTK_WINDOW(dialog), x, y); /* should it be shown again */
  return made;
}

static GimpValueArray *
run_dialog(const Call *call, GtkWidget *dialog)
{
  while (gimp_procedure_dialog_run(GIMP_PROCEDURE_DIALOG(dialog))) {
    g_autoptr(GError) error = NULL;
    g_autoptr(SomMade) made = execute_in_window(call, dialog, &error);

    if (made) {
      show_made(dialog, made);
      som_remember_drawables(call->effect, call->image, call->config);
      return som_made_return(made, call->procedure);
    }
    if (g_error_matches(error, NN_ERROR, NN_ERROR_CANCELLED))
      break;
    gtk_widget_show(dialog);
    show_message(dialog, GTK_MESSAGE_ERROR, error->message);
  }
  return gimp_procedure_new_return_values(call->procedure, GIMP_PDB_CANCEL, NULL);
}

/* What the effect will see of the first layer; 0 x 0 where it sees none. */
static GeglRectangle
first_size(GArray *batches)
{
  const SomBatch *batch = &g_array_index(batches, SomBatch, 0);

  return batch->targets->len ? g_array_index(batch->targets, SomTarget, 0).region
                             : (GeglRectangle){0};
}

static GimpValueArray *
run_interactively(const Call *call)
{
  GError *error = NULL;
  g_autoptr(GString) left_out = g_string_new(NULL);
  g_autoptr(GArray) batches = NULL;
  GimpValueArray *values;
  GtkWidget *dialog;

  if (!som_has_display(&error))
    return return_error(call, error);
  gimp_ui_init("somnium");
  /* what no setting can cure is said before the dialog opens */
  batches =
      som_batches_new(call->effect, call->image, call->drawables, false, false, left_out, &error);
  if (!batches)
    return return_error(call, error);
  som_recall_drawables(call->effect, call->image, call->config, FALSE, NULL);
  dialog =
      som_dialog_new(call->effect, call->image, first_size(batches), call->procedure, call->config);
  values = run_dialog(call, dialog);
  gtk_widget_destroy(dialog);
  return values;
}

GimpValueArray *
som_run(GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image, GimpDrawable **drawables,
        GimpProcedureConfig *config, gpointer run_data)
{
  Call call = {run_data, procedure, config, image, drawables};
  GError *error = NULL;

  gegl_init(NULL, NULL);
  switch (run_mode) {
  case GIMP_RUN_INTERACTIVE:
    return run_interactively(&call);
  case GIMP_RUN_WITH_LAST_VALS:
    if (!som_recall_drawables(call.effect, image, config, TRUE, &error))
      return return_error(&call, error);
    return run_directly(&call, false);
  case GIMP_RUN_NONINTERACTIVE:
    break;
  }
  return run_directly(&call, true);
}
