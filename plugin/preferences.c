/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A key file, read anew by each run, written atomically. */
#include "plugin/preferences.h"

#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>

#include "nncore/base/error.h"

#define GROUP "somnium"
#define GROUP_MEASURED "measured"
#define KEY_SPEED "multiply-adds-per-second"
/* what can be believed, whatever has written it */
#define SLOWEST 1e6
#define FASTEST 1e18

static char *
file_path(void)
{
  return g_build_filename(gimp_directory(), "somnium.ini", NULL);
}

/* @whole: (out) (optional): false where there is a file that was not understood to its end */
static GKeyFile *
load_file(bool *whole)
{
  g_autofree char *path = file_path();
  g_autoptr(GError) failure = NULL;
  GKeyFile *file = g_key_file_new();
  bool loaded = g_key_file_load_from_file(file, path, G_KEY_FILE_KEEP_COMMENTS, &failure);

  if (whole)
    *whole = loaded || g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  return file;
}

static bool
save_file(GKeyFile *file, GError **error)
{
  g_autofree char *path = file_path();
  g_autoptr(GError) failure = NULL;

  if (g_key_file_save_to_file(file, path, &failure))
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_READ, _("The preferences cannot be saved: %s."),
              failure->message);
  return false;
}

/* somnium.ini~ in place of somnium.ini: somebody's words that were not understood, to be mended */
static void
set_aside(void)
{
  g_autofree char *path = file_path();
  g_autofree char *aside = g_strconcat(path, "~", NULL);

  g_rename(path, aside);
}

static int
get_number(GKeyFile *file, const char *key, int max)
{
  int number = g_key_file_get_integer(file, GROUP, key, NULL);

  return number >= 0 && number <= max ? number : 0;
}

SomPreferences *
som_preferences_load(void)
{
  g_autoptr(GKeyFile) file = load_file(NULL);
  SomPreferences *self = g_new0(SomPreferences, 1);

  self->memory_mb = get_number(file, SOM_KEY_MEMORY, SOM_MAX_MEMORY_MB);
  self->threads = get_number(file, SOM_KEY_THREADS, SOM_MAX_THREADS);
  self->folders = g_key_file_get_string(file, GROUP, SOM_KEY_FOLDERS, NULL);
  if (!self->folders)
    self->folders = g_strdup("");
  return self;
}

void
som_preferences_free(SomPreferences *preferences)
{
  g_free(preferences->folders);
  g_free(preferences);
}

bool
som_preferences_save(const SomPreferences *preferences, GError **error)
{
  bool whole;
  g_autoptr(GKeyFile) file = load_file(&whole);

  if (!whole)
    set_aside();
  g_key_file_set_integer(file, GROUP, SOM_KEY_MEMORY, preferences->memory_mb);
  g_key_file_set_integer(file, GROUP, SOM_KEY_THREADS, preferences->threads);
  g_key_file_set_string(file, GROUP, SOM_KEY_FOLDERS, preferences->folders);
  return save_file(file, error);
}

static char *
speed_key(const char *of)
{
  return of ? g_strdup_printf(KEY_SPEED "-%s", of) : g_strdup(KEY_SPEED);
}

double
som_preferences_recall_speed(const char *of)
{
  g_autoptr(GKeyFile) file = load_file(NULL);
  g_autofree char *key = speed_key(of);
  double speed = g_key_file_get_double(file, GROUP_MEASURED, key, NULL);

  return speed >= SLOWEST && speed <= FASTEST ? speed : 0;
}

void
som_preferences_remember_speed(const char *of, double multiply_adds_per_s)
{
  bool whole;
  g_autoptr(GKeyFile) file = load_file(&whole);
  g_autofree char *key = speed_key(of);

  g_key_file_set_double(file, GROUP_MEASURED, key, multiply_adds_per_s);
  if (whole)
    save_file(file, NULL);
}
