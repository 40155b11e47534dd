/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What hosts and effects do with a row of the table: defaults, look-ups, range checks, results. */
#include "nncore/effects/effect.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"

const NnEffect *
nn_effect_find(const char *id)
{
  const NnEffect *effect;
  for (int i = 0; (effect = nn_effect_at(i)) != NULL; i++)
    if (strcmp(effect->id, id) == 0)
      return effect;
  return NULL;
}

int
nn_effect_n_params(const NnEffect *effect)
{
  int n = 0;
  while (effect->params[n].key != NULL)
    n++;
  return n;
}

NnArgument *
nn_effect_arguments(const NnEffect *effect)
{
  int n = nn_effect_n_params(effect);
  NnArgument *arguments = g_new0(NnArgument, n + 1);
  for (int i = 0; i < n; i++) {
    const NnParam *param = &effect->params[i];
    arguments[i].i = (int64_t)param->initial;
    arguments[i].d = param->initial;
    arguments[i].text = param->text == NULL ? "" : param->text;
  }
  return arguments;
}

const NnArgument *
nn_effect_argument(const NnEffectRun *run, const char *key)
{
  const NnParam *params = run->effect->params;
  for (int i = 0; params[i].key != NULL; i++)
    if (strcmp(params[i].key, key) == 0)
      return &run->arguments[i];
  g_error("The effect %s has no parameter %s", run->effect->id, key);
}

bool
nn_effect_estimate(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                   GError **error)
{
  *estimate = (NnEstimate){0};
  if (run->effect->estimate == NULL ||
      !run->effect->estimate(run, width, height, estimate, error)) {
    *estimate = (NnEstimate){0};
    return false;
  }
  double excess = estimate->bytes - (double)nn_context_memory_left(run->context);
  double spared = CLAMP(excess, 0, estimate->tiled_bytes);
  estimate->bytes -= spared;
  estimate->tiled_bytes -= spared;
  return true;
}

bool
nn_effect_check_memory(NnContext *context, GError **error)
{
  int64_t held = nn_context_memory_held(context), budget = nn_context_memory_budget(context);
  if (nn_context_memory_left(context) > 1)
    return true;
  g_autofree char *needed = g_format_size((guint64)held);
  g_autofree char *given = g_format_size((guint64)budget);
  g_set_error(error, NN_ERROR, NN_ERROR_MEMORY,
              _("At this size the pictures alone take %s of memory, and the memory budget is %s. "
                "Raise the budget, or choose a smaller size or fewer pictures."),
              needed, given);
  return false;
}

bool
nn_effect_run(NnEffectRun *run, GError **error)
{
  const NnImage *content = run->content;
  NnEffectRun question = *run;
  NnEstimate estimate;
  question.content = question.selection = NULL;
  question.progress = NULL;
  question.results = NULL;
  nn_effect_estimate(&question, content != NULL ? content->width : 0,
                     content != NULL ? content->height : 0, &estimate, NULL);
  int64_t held = (int64_t)MIN(estimate.held_bytes, (double)(G_MAXINT64 / 4));
  nn_context_hold_memory(run->context, held);
  /* before anything is allocated; what networks need is for their evaluators to say */
  bool done = nn_effect_check_memory(run->context, error) && run->effect->run(run, error);
  nn_context_hold_memory(run->context, -held);
  return done;
}

/* the label without its mnemonic; g_free() */
static char *
plain_label(const NnParam *param)
{
  const char *label = _(param->label);
  GString *plain = g_string_new(NULL);
  for (const char *c = label; *c != '\0'; c++)
    if (*c != '_')
      g_string_append_c(plain, *c);
  return g_string_free(plain, FALSE);
}

static bool
check_number(const NnParam *param, double value, int digits, GError **error)
{
  /* false for what is no number, too */
  if (value >= param->min && value <= param->max)
    return true;
  g_autofree char *label = plain_label(param);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("“%s” (%s) must lie between %.*f and %.*f; %.*f does not."), label, param->key,
              digits, param->min, digits, param->max, digits, value);
  return false;
}

static int
n_choices(const NnParam *param)
{
  int n = 0;
  while (param->choices[n].nick != NULL)
    n++;
  return n;
}

static bool
check_choice(const NnParam *param, int64_t value, GError **error)
{
  if (value >= 0 && value < n_choices(param))
    return true;
  g_autoptr(GString) nicks = g_string_new(NULL);
  for (int i = 0; i < n_choices(param); i++)
    g_string_append_printf(nicks, "%s%s", i == 0 ? "" : ", ", param->choices[i].nick);
  g_autofree char *label = plain_label(param);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT, _("“%s” (%s) must be one of: %s."), label,
              param->key, nicks->str);
  return false;
}

static bool
check_given(const NnParam *param, bool given, GError **error)
{
  if (given)
    return true;
  g_autofree char *label = plain_label(param);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT, _("“%s” (%s) is missing. Choose one."), label,
              param->key);
  return false;
}

static bool
check_argument(const NnParam *param, const NnArgument *argument, GError **error)
{
  switch (param->kind) {
  case NN_PARAM_INT:
  case NN_PARAM_SEED:
  case NN_PARAM_BOOL:
    return check_number(param, (double)argument->i, 0, error);
  case NN_PARAM_FLOAT:
    return check_number(param, argument->d, MAX(param->digits, 1), error);
  case NN_PARAM_CHOICE:
    return check_choice(param, argument->i, error);
  case NN_PARAM_TEXT:
  case NN_PARAM_LAYERS:
  case NN_PARAM_CLASS:
    return check_given(param, argument->text != NULL, error);
  case NN_PARAM_NETWORK:
    return check_given(param, argument->network != NULL || param->optional, error);
  case NN_PARAM_DRAWABLE:
  case NN_PARAM_FILE:
  case NN_PARAM_FOLDER:
  case NN_PARAM_REGION:
    return true; /* optional */
  }
  return true;
}

bool
nn_effect_check(const NnEffect *effect, const NnArgument *arguments, GError **error)
{
  for (int i = 0; effect->params[i].key != NULL; i++)
    if (!check_argument(&effect->params[i], &arguments[i], error))
      return false;
  return true;
}

static void
clear_caption(gpointer data)
{
  g_free(((NnCaption *)data)->text);
}

static void
clear_result(gpointer data)
{
  NnResult *result = data;
  nn_image_free(result->image);
  g_free(result->label);
  g_clear_pointer(&result->captions, g_array_unref);
}

GArray *
nn_results_new(void)
{
  GArray *results = g_array_new(FALSE, TRUE, sizeof(NnResult));
  g_array_set_clear_func(results, clear_result);
  return results;
}

NnResult *
nn_results_add(GArray *results, NnPlace place, NnImage *image, char *label)
{
  NnResult result = {.place = place, .image = image, .label = label, .opacity = 1};
  g_array_append_val(results, result);
  return &g_array_index(results, NnResult, results->len - 1);
}

void
nn_result_add_caption(NnResult *result, NnRectangle box, char *text)
{
  NnCaption caption = {text, box};
  if (result->captions == NULL) {
    result->captions = g_array_new(FALSE, FALSE, sizeof(NnCaption));
    g_array_set_clear_func(result->captions, clear_caption);
  }
  g_array_append_val(result->captions, caption);
}
