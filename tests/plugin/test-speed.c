/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Speeds that runs are foretold by: what is measured, learnt and remembered, and what becomes of a
 * file that somebody else has written. */
#include "plugin/speed.h"

#include <glib/gstdio.h>
#include <math.h>

#include "plugin/preferences.h"

#define GROUP "[measured]\n"
#define KEY "multiply-adds-per-second"

static const NnEffect one = {.id = "one"}, other = {.id = "other"};
static char *ini_path;

static void
write_ini(const char *text)
{
  g_autoptr(GError) error = NULL;
  g_file_set_contents(ini_path, text, -1, &error);
  g_assert_no_error(error);
}

static char *
read_ini(void)
{
  char *text = NULL;
  g_file_get_contents(ini_path, &text, NULL, NULL);
  return text;
}

/* with the bundled network at hand, or with none */
static double
ask(const NnEffect *effect, bool measures)
{
  g_autofree char *folder =
      g_build_filename(g_getenv("SOMNIUM_SOURCE_DIR"), "weights", "networks", NULL);
  const char *folders[] = {measures ? folder : NULL, NULL};
  g_autoptr(SomNetworks) networks = som_networks_new(folders);
  g_autoptr(NnContext) context = nn_context_new(2);
  return som_speed(effect, networks, context);
}

static void
test_measured(void)
{
  g_remove(ini_path);
  g_assert_cmpfloat(ask(&one, false), ==, 0);
  double speed = ask(&one, true);
  g_assert_cmpfloat(speed, >, 1e6);
  g_assert_true(isfinite(speed));
  g_test_message("%.3g multiply-adds a second", speed);
  /* once: from then on it is remembered, for every effect */
  g_assert_cmpfloat(ask(&one, false), ==, speed);
  g_assert_cmpfloat(ask(&other, false), ==, speed);
}

static void
test_learnt(void)
{
  write_ini("# mine\n[somnium]\nthreads=3\n" GROUP KEY "=3e10\n");
  som_speed_learn(&one, 1e12, 10);
  g_assert_cmpfloat(ask(&one, false), ==, 1e11);
  g_assert_cmpfloat(ask(&other, false), ==, 3e10);
  som_speed_learn(&one, 4e12, 10);
  g_assert_cmpfloat(ask(&one, false), ==, 4e11);
  g_autofree char *text = read_ini();
  g_assert_nonnull(strstr(text, "# mine"));
  g_autoptr(SomPreferences) preferences = som_preferences_load();
  g_assert_cmpint(preferences->threads, ==, 3);
}

/* from short runs, those that did something else than foretold, and numbers that are none */
static void
test_not_learnt(void)
{
  static const double runs[][2] = {{1e12, 1.9}, {1e9, 10},   {0, 10},         {INFINITY, 10},
                                   {NAN, 10},   {1e12, NAN}, {1e12, INFINITY}};
  write_ini(GROUP KEY "=3e10\n");
  for (size_t i = 0; i < G_N_ELEMENTS(runs); i++) {
    som_speed_learn(&one, runs[i][0], runs[i][1]);
    g_assert_cmpfloat(ask(&one, false), ==, 3e10);
  }
}

static void
test_hostile(void)
{
  static const char *const values[] = {"",     "fast",  "0",      "-3e10", "nan",    "inf",
                                       "-inf", "1e300", "1e-300", "1",     "3e10 4", "\xff\xfe"};
  for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
    g_autofree char *of_one = g_strdup_printf(GROUP KEY "=3e10\n" KEY "-one=%s\n", values[i]);
    g_autofree char *of_all = g_strdup_printf(GROUP KEY "=%s\n", values[i]);
    write_ini(of_one);
    g_assert_cmpfloat(ask(&one, false), ==, 3e10);
    write_ini(of_all);
    g_assert_cmpfloat(ask(&one, false), ==, 0);
  }
}

/* what is measured takes the place of what cannot be used */
static void
test_mended(void)
{
  write_ini(GROUP KEY "=nan\n");
  double speed = ask(&one, true);
  g_assert_cmpfloat(speed, >, 1e6);
  g_assert_cmpfloat(ask(&one, false), ==, speed);
}

/* a file that cannot be understood to its end is what somebody has to mend: it stays as it is, and
 * it is measured each time */
static void
test_left_alone(void)
{
  static const char *const files[] = {"\x89PNG\r\n", "[measured\nno key file",
                                      "[somnium]\nthreads=3\nmemory-mb 4000\nnetwork-folders=/n\n"};
  for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
    write_ini(files[i]);
    g_assert_cmpfloat(ask(&one, true), >, 1e6);
    som_speed_learn(&one, 1e12, 10);
    g_assert_cmpfloat(ask(&one, false), ==, 0);
    g_autofree char *text = read_ini();
    g_assert_cmpstr(text, ==, files[i]);
  }
}

/* what is saved on purpose takes such a file's place, and nothing of it is lost */
static void
test_set_aside(void)
{
  static const char words[] = "[somnium]\nthreads=3\nmemory-mb 4000\n";
  SomPreferences wanted = {.memory_mb = 500, .threads = 2, .folders = (char *)"/n"};
  g_autofree char *aside = g_strconcat(ini_path, "~", NULL), *text = NULL;
  g_autoptr(GError) error = NULL;
  write_ini(words);
  g_assert_true(som_preferences_save(&wanted, &error));
  g_assert_no_error(error);
  g_file_get_contents(aside, &text, NULL, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(text, ==, words);
  g_autoptr(SomPreferences) saved = som_preferences_load();
  g_assert_cmpint(saved->memory_mb, ==, 500);
  g_assert_cmpstr(saved->folders, ==, "/n");
  g_assert_cmpint(g_remove(aside), ==, 0);
  g_assert_true(som_preferences_save(&wanted, &error));
  g_assert_false(g_file_test(aside, G_FILE_TEST_EXISTS));
}

/* a folder in the file's place: nothing is remembered, and it is measured each time */
static void
test_no_file(void)
{
  g_remove(ini_path);
  g_assert_cmpint(g_mkdir(ini_path, 0700), ==, 0);
  som_speed_learn(&one, 1e12, 10);
  g_assert_cmpfloat(ask(&one, false), ==, 0);
  g_assert_cmpfloat(ask(&one, true), >, 1e6);
  g_assert_cmpint(g_rmdir(ini_path), ==, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_autofree char *folder = g_dir_make_tmp("somnium-XXXXXX", NULL);
  g_setenv("GIMP3_DIRECTORY", folder, TRUE);
  ini_path = g_build_filename(folder, "somnium.ini", NULL);
  g_test_add_func("/speed/measured", test_measured);
  g_test_add_func("/speed/learnt", test_learnt);
  g_test_add_func("/speed/not-learnt", test_not_learnt);
  g_test_add_func("/speed/hostile", test_hostile);
  g_test_add_func("/speed/mended", test_mended);
  g_test_add_func("/speed/left-alone", test_left_alone);
  g_test_add_func("/speed/set-aside", test_set_aside);
  g_test_add_func("/speed/no-file", test_no_file);
  int status = g_test_run();
  g_remove(ini_path);
  g_assert_cmpint(g_rmdir(folder), ==, 0);
  g_free(ini_path);
  return status;
}
