/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds for all runs: somnium.ini in the user's GIMP folder. */
#pragma once

#include <stdbool.h>

#include <libgimp/gimp.h>

#define SOM_MB (1000 * 1000) /* bytes */

/* keys of the file and names of the procedure's arguments; upper bounds */
#define SOM_KEY_MEMORY "memory-mb"
#define SOM_KEY_THREADS "threads"
#define SOM_KEY_FOLDERS "network-folders"
#define SOM_MAX_MEMORY_MB (1 << 24)
#define SOM_MAX_THREADS 256

/**
 * SomPreferences:
 * @memory_mb: what a run may take; 0: half of what is available
 * @threads: 0: as many as GIMP uses
 * @folders: with networks, beside the usual ones; separated as in PATH
 */
typedef struct {
  int memory_mb, threads;
  char *folders;
} SomPreferences;

/** som_preferences_load: (transfer full): defaults where nothing was saved; a file that cannot be
 * read, or values out of range, count as such. */
SomPreferences *som_preferences_load(void);
void som_preferences_free(SomPreferences *preferences);

/** som_preferences_save: keeps what else stands in the file. One with an error in it is kept, whole, as
 * somnium.ini~. */
bool som_preferences_save(const SomPreferences *preferences, GError **error);

/**
 * som_preferences_recall_speed:
 * @of: (nullable): an effect's id, or the machine as such
 *
 * Returns: multiply-adds a second that it was last measured at; 0 where it was not
 */
double som_preferences_recall_speed(const char *of);

/** som_preferences_remember_speed: failure is of no consequence. A file with an error in it, which
 * saving would shorten, is left as it is. */
void som_preferences_remember_speed(const char *of, double multiply_adds_per_s);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SomPreferences, som_preferences_free)
