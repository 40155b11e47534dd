/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The effect table: every row complete, keys unique and writable in scripts, defaults in range;
 * checks that refuse what is out of it. */
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/effects/effect.h"

static bool
is_key(const char *text)
{
  return text[0] >= 'a' && text[0] <= 'z' &&
         strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static bool
is_text(const char *text)
{
  return text != NULL && text[0] != '\0';
}

static bool
is_number(const NnParam *param)
{
  return param->kind == NN_PARAM_INT || param->kind == NN_PARAM_FLOAT ||
         param->kind == NN_PARAM_BOOL || param->kind == NN_PARAM_SEED;
}

static void
check_choices(const NnParam *param)
{
  int n = 0;
  for (; param->choices[n].nick != NULL; n++) {
    g_assert_true(is_key(param->choices[n].nick));
    g_assert_true(is_text(param->choices[n].label));
  }
  g_assert_cmpint((int)param->initial, <, n);
}

static void
check_param(const NnEffect *effect, int i)
{
  const NnParam *param = &effect->params[i];
  g_test_message("%s %s", effect->id, param->key);
  g_assert_true(is_key(param->key));
  g_assert_true(is_text(param->label));
  g_assert_true(is_text(param->help) && g_str_has_suffix(param->help, "."));
  g_assert_true(is_text(param->section));
  for (int k = 0; k < i; k++)
    g_assert_cmpstr(param->key, !=, effect->params[k].key);
  if (is_number(param)) {
    g_assert_cmpfloat(param->min, <, param->max);
    g_assert_cmpfloat(param->initial, >=, param->min);
    g_assert_cmpfloat(param->initial, <=, param->max);
  }
  if (param->kind == NN_PARAM_FLOAT)
    g_assert_cmpint(param->digits, >, 0);
  if (param->kind == NN_PARAM_CHOICE)
    check_choices(param);
}

static bool
is_always(const NnParam *param, const char *nick, gpointer data)
{
  return GPOINTER_TO_INT(data) != 0;
}

/* what rows are enabled by exists, whatever it is (nn_param_enabled() ends the test if not) */
static void
check_enabled(const NnEffect *effect)
{
  for (int i = 0; effect->params[i].key != NULL; i++)
    for (int set = 0; set < 2; set++)
      nn_param_enabled(effect, &effect->params[i], is_always, GINT_TO_POINTER(set));
}

/* neighbours of a section stand together, and no two mnemonics of an effect collide */
static void
check_dialog(const NnEffect *effect)
{
  g_autoptr(GHashTable) sections = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GHashTable) mnemonics = g_hash_table_new(NULL, NULL);
  for (int i = 0; effect->params[i].key != NULL; i++) {
    const char *section = effect->params[i].section;
    if (i == 0 || strcmp(section, effect->params[i - 1].section) != 0)
      g_assert_true(g_hash_table_add(sections, (gpointer)section));
    const char *mark = strchr(effect->params[i].label, '_');
    if (mark != NULL)
      g_assert_true(g_hash_table_add(mnemonics, GINT_TO_POINTER(g_ascii_tolower(mark[1]))));
  }
}

static void
test_rows(void)
{
  int n = 0;
  for (const NnEffect *effect; (effect = nn_effect_at(n)) != NULL; n++) {
    g_assert_true(is_key(effect->id));
    g_assert_true(is_text(effect->label) && strchr(effect->label, '_') != NULL);
    g_assert_true(is_text(effect->blurb) && is_text(effect->help));
    g_assert_true(effect->run != NULL);
    g_assert_true(nn_effect_find(effect->id) == effect); /* ids are unique, then */
    g_assert_cmpint(nn_effect_n_params(effect), >, 0);
    for (int i = 0; i < nn_effect_n_params(effect); i++)
      check_param(effect, i);
    check_dialog(effect);
    check_enabled(effect);
  }
  g_assert_cmpint(n, >, 0);
  g_assert_null(nn_effect_at(-1));
  g_assert_null(nn_effect_find("no-such-effect"));
}

/* every parameter refuses what is below, above, and no number */
static void
test_checks(void)
{
  const NnNetwork *any_network = (const NnNetwork *)"not looked into";
  for (int n = 0; nn_effect_at(n) != NULL; n++) {
    const NnEffect *effect = nn_effect_at(n);
    g_autofree NnArgument *arguments = nn_effect_arguments(effect);
    for (int i = 0; effect->params[i].key != NULL; i++)
      arguments[i].network = any_network;
    g_assert_true(nn_effect_check(effect, arguments, NULL));
    for (int i = 0; effect->params[i].key != NULL; i++) {
      const NnParam *param = &effect->params[i];
      NnArgument kept = arguments[i];
      NnArgument bad[4] = {
          {.i = (int64_t)param->min - 1, .d = param->min - 0.01},
          {.i = (int64_t)param->max + 1, .d = param->max + 0.01},
          {.i = G_MAXINT64, .d = NAN},
          {.i = G_MININT64, .d = INFINITY},
      };
      if (param->kind == NN_PARAM_CHOICE)
        bad[1].i = 1000;
      bool optional = param->kind == NN_PARAM_DRAWABLE || param->kind == NN_PARAM_FILE ||
                      param->kind == NN_PARAM_FOLDER || param->kind == NN_PARAM_REGION ||
                      param->optional;
      for (int k = 0; k < 4; k++) {
        g_autoptr(GError) error = NULL;
        arguments[i] = bad[k];
        g_assert_true(nn_effect_check(effect, arguments, &error) == optional);
        if (!optional) {
          g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
          g_assert_nonnull(strstr(error->message, param->key));
        }
      }
      arguments[i] = kept;
    }
  }
}

static void
test_arguments(void)
{
  const NnEffect *effect = nn_effect_find("deepdream");
  g_autofree NnArgument *arguments = nn_effect_arguments(effect);
  NnEffectRun run = {.effect = effect, .arguments = arguments};
  g_assert_cmpint(nn_effect_argument(&run, "working-size")->i, ==, 1024);
  g_assert_cmpint(nn_effect_argument(&run, "octaves")->i, ==, 0);
  g_assert_cmpint(nn_effect_argument(&run, "iterations")->i, ==, 10);
  g_assert_cmpint(nn_effect_argument(&run, "jitter")->i, ==, 32);
  g_assert_cmpint(nn_effect_argument(&run, "seed")->i, ==, 0);
  g_assert_cmpfloat(nn_effect_argument(&run, "octave-scale")->d, ==, 1.4);
  g_assert_cmpfloat(nn_effect_argument(&run, "step")->d, ==, 1.5);
  g_assert_cmpfloat(nn_effect_argument(&run, "strength")->d, ==, 1);
  g_assert_cmpstr(nn_effect_argument(&run, "layers")->text, ==, "");
  g_assert_null(nn_effect_argument(&run, "guide")->image);
}

static void
test_results(void)
{
  GArray *results = nn_results_new();
  NnResult *layer =
      nn_results_add(results, NN_PLACE_LAYER, nn_image_new(3, 2, 4, NULL), g_strdup("a"));
  g_assert_cmpfloat(layer->opacity, ==, 1);
  g_assert_false(layer->own_alpha);
  layer->opacity = 0.5;
  nn_results_add(results, NN_PLACE_TEXT, NULL, g_strdup("b"));
  g_assert_cmpuint(results->len, ==, 2);
  g_assert_cmpfloat(g_array_index(results, NnResult, 0).opacity, ==, 0.5);
  g_assert_cmpstr(g_array_index(results, NnResult, 1).label, ==, "b");
  g_array_unref(results);
}

/* ---- enabled_by, on a table of the test's own ---- */

static const NnChoice modes[] = {{"one", "One"}, {"two", "Two"}, {"three", "Three"}, {NULL, NULL}};

static const NnParam rows[] = {
    {.key = "mode", .kind = NN_PARAM_CHOICE, .choices = modes},
    {.key = "flag", .kind = NN_PARAM_BOOL},
    {.key = "file", .kind = NN_PARAM_FILE},
    {.key = "of-two", .enabled_by = "mode=two"},
    {.key = "of-two-or-three", .enabled_by = "mode=two,three"},
    {.key = "not-of-one", .enabled_by = "!mode=one"},
    {.key = "of-both", .enabled_by = "flag !file"},
    {.key = "of-either", .enabled_by = "flag|file"},
    {.key = "chained", .enabled_by = "of-two"},
    {.key = "negated-chain", .enabled_by = "!of-two"},
    {.key = NULL},
};

static const NnEffect effect_of_rows = {.id = "rows", .params = rows};

/* @data: what is set, each as " key" or " key=nick" between spaces */
static bool
is_in_text(const NnParam *param, const char *nick, gpointer data)
{
  g_autofree char *word = nick == NULL ? g_strconcat(" ", param->key, " ", NULL)
                                       : g_strconcat(" ", param->key, "=", nick, " ", NULL);
  return strstr(data, word) != NULL;
}

/* @set: as is_in_text() takes it; @enabled: the keys of rows that then count */
static void
check_rows(const char *set, const char *enabled)
{
  for (int i = 3; rows[i].key != NULL; i++) {
    g_autofree char *word = g_strconcat(" ", rows[i].key, " ", NULL);
    g_test_message("%s: %s", set, rows[i].key);
    g_assert_cmpint(nn_param_enabled(&effect_of_rows, &rows[i], is_in_text, (gpointer)set), ==,
                    strstr(enabled, word) != NULL);
  }
}

static void
test_enabled(void)
{
  check_rows(" mode=one ", " negated-chain ");
  check_rows(" mode=two of-two ", " of-two of-two-or-three not-of-one chained ");
  check_rows(" mode=two ", " of-two of-two-or-three not-of-one negated-chain ");
  /* a row that does not count enables nothing, even if it is set */
  check_rows(" mode=three of-two ", " of-two-or-three not-of-one negated-chain ");
  check_rows(" mode=one flag ", " of-both of-either negated-chain ");
  check_rows(" mode=one file ", " of-either negated-chain ");
  check_rows(" mode=one flag file ", " of-either negated-chain ");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/effect-table/rows", test_rows);
  g_test_add_func("/effect-table/checks", test_checks);
  g_test_add_func("/effect-table/arguments", test_arguments);
  g_test_add_func("/effect-table/enabled", test_enabled);
  g_test_add_func("/effect-table/results", test_results);
  return g_test_run();
}
