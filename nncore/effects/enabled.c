/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NnParam.enabled_by: terms between spaces that must all hold, each of alternatives between bars,
 * each "key" or "key=nick,nick", negated by "!". A row that does not count counts as not set, so
 * what hangs on it does not count either. */
#include <string.h>

#include "nncore/effects/effect.h"

typedef struct {
  const NnEffect *effect;
  NnParamIs is;
  gpointer data;
} Question;

static const NnParam *
find_param(const NnEffect *effect, const char *key)
{
  for (const NnParam *param = effect->params; param->key != NULL; param++)
    if (strcmp(param->key, key) == 0)
      return param;
  g_error("The effect %s has no parameter %s for another one to be enabled by", effect->id, key);
}

static void
check_nick(const NnParam *param, const char *nick)
{
  for (const NnChoice *choice = param->choices; choice != NULL && choice->nick != NULL; choice++)
    if (strcmp(choice->nick, nick) == 0)
      return;
  g_error("The parameter %s has no choice %s for another one to be enabled by", param->key, nick);
}

static bool
has_value(const Question *question, const NnParam *param, const char *nicks)
{
  if (nicks == NULL)
    return question->is(param, NULL, question->data);
  g_auto(GStrv) list = g_strsplit(nicks, ",", 0);
  bool has = false;
  for (int i = 0; list[i] != NULL; i++) {
    check_nick(param, list[i]);
    has = has || question->is(param, list[i], question->data);
  }
  return has;
}

static bool
holds(const Question *question, const char *condition)
{
  bool negated = condition[0] == '!';
  g_auto(GStrv) parts = g_strsplit(condition + negated, "=", 2);
  const NnParam *param = find_param(question->effect, parts[0]);
  bool enabled = nn_param_enabled(question->effect, param, question->is, question->data);
  bool has = has_value(question, param, parts[1]);
  return (enabled && has) != negated;
}

static bool
any_holds(const Question *question, const char *term)
{
  g_auto(GStrv) conditions = g_strsplit(term, "|", 0);
  bool any = false;
  for (int i = 0; conditions[i] != NULL; i++)
    any = holds(question, conditions[i]) || any;
  return any;
}

bool
nn_param_enabled(const NnEffect *effect, const NnParam *param, NnParamIs is, gpointer data)
{
  if (param->enabled_by == NULL)
    return true;
  Question question = {effect, is, data};
  g_auto(GStrv) terms = g_strsplit(param->enabled_by, " ", 0);
  bool all = true;
  for (int i = 0; terms[i] != NULL; i++)
    all = any_holds(&question, terms[i]) && all;
  return all;
}
