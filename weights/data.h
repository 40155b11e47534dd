/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables and lists that are compiled into the program (weights.gresource.xml). */
#pragma once

#include <glib.h>

/** som_data_text: (transfer full): the file @name, which must be one of those (programmer error). */
char *som_data_text(const char *name);

/** som_data_labels: (transfer full) (nullable): the class names called @name ("imagenet-1000"), or
 * %NULL; g_strfreev(). */
char **som_data_labels(const char *name);
