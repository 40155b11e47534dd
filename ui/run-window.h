/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The window of a run: the picture so far, how far the run is, Stop (keep what is there) and
 * Cancel (nothing happened; also Escape and the window's close button). */
#pragma once

#include <gtk/gtk.h>

#include "ui/run-job.h"

/**
 * som_run_window_new:
 * @title: of the window
 * @before: (nullable): shown until the run has a picture of its own
 *
 * Returns: (transfer none): a toplevel, not yet shown; gtk_widget_destroy() it afterwards.
 */
GtkWidget *som_run_window_new(const char *title, cairo_surface_t *before);

/** som_run_window_run: shows the window until @job is done, passing on what the person answers. */
void som_run_window_run(GtkWidget *window, SomRunJob *job);
