/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An effect as a host runs it, for tests. Errors end the test, unless they are asked for. */
#pragma once

#include <string.h>

#include "nncore/base/error.h"
#include "nncore/effects/effect.h"
#include "tests/image/pictures.h"

/** Fixture: @stop_after: reports after which the host answers with @verdict; 0: never. */
typedef struct {
  NnContext *context;
  NnArgument *arguments;
  NnEffectRun run;
  NnProgress progress;
  int reports, stop_after;
  NnVerdict verdict;
  double fraction; /* of the last report */
  bool render;     /* have the picture made at each report */
} Fixture;

static inline NnVerdict
fixture_report(const NnReport *report, gpointer data)
{
  Fixture *fixture = data;
  g_assert_cmpfloat(report->fraction, >=, fixture->fraction);
  g_assert_cmpfloat(report->fraction, <=, 1);
  fixture->fraction = report->fraction;
  if (fixture->render && report->render != NULL) {
    g_autoptr(NnImage) picture = report->render(report->render_data, NULL);
    g_assert_nonnull(picture);
  }
  fixture->reports++;
  return fixture->stop_after > 0 && fixture->reports >= fixture->stop_after ? fixture->verdict
                                                                            : NN_CONTINUE;
}

static inline void
fixture_init(Fixture *fixture, const char *effect_id, const NnNetwork *network, int threads)
{
  const NnEffect *effect = nn_effect_find(effect_id);
  g_assert_nonnull(effect);
  *fixture =
      (Fixture){.context = nn_context_new(threads), .arguments = nn_effect_arguments(effect)};
  fixture->run = (NnEffectRun){.effect = effect,
                               .context = fixture->context,
                               .arguments = fixture->arguments,
                               .results = nn_results_new()};
  for (int i = 0; i < nn_effect_n_params(effect); i++)
    if (effect->params[i].kind == NN_PARAM_NETWORK && !effect->params[i].optional)
      fixture->arguments[i].network = network;
}

static inline void
fixture_clear(Fixture *fixture)
{
  g_array_unref(fixture->run.results);
  g_free(fixture->arguments);
  nn_context_free(fixture->context);
}

/** fixture_argument: to be written to. */
static inline NnArgument *
fixture_argument(Fixture *fixture, const char *key)
{
  return (NnArgument *)nn_effect_argument(&fixture->run, key);
}

static inline void
fixture_start(Fixture *fixture, const NnImage *content)
{
  g_array_set_size(fixture->run.results, 0);
  fixture->run.content = content;
  fixture->reports = 0;
  fixture->fraction = 0;
  fixture->progress = (NnProgress){fixture_report, fixture};
  fixture->run.progress = &fixture->progress;
}

/** fixture_run: (transfer none): the first result, of @place; RGBA */
static inline const NnImage *
fixture_run(Fixture *fixture, const NnImage *content, NnPlace place)
{
  g_autoptr(GError) error = NULL;
  fixture_start(fixture, content);
  bool done = nn_effect_run(&fixture->run, &error);
  g_assert_no_error(error);
  g_assert_true(done);
  g_assert_cmpuint(fixture->run.results->len, >=, 1);
  const NnResult *result = &g_array_index(fixture->run.results, NnResult, 0);
  g_assert_cmpint(result->place, ==, place);
  g_assert_true(result->label != NULL && result->label[0] != '\0');
  return result->image;
}

/** fixture_run_layer: a result over @content, of its size; a copy of it (transfer full) */
static inline NnImage *
fixture_run_layer(Fixture *fixture, const NnImage *content)
{
  const NnImage *image = fixture_run(fixture, content, NN_PLACE_LAYER);
  g_assert_cmpint(image->width, ==, content->width);
  g_assert_cmpint(image->height, ==, content->height);
  g_assert_cmpint(image->channels, ==, 4);
  return nn_image_copy(image, NULL);
}

/** fixture_fail: the run ends in an error of @code whose sentence has @part in it, and no result */
static inline void
fixture_fail(Fixture *fixture, const NnImage *content, NnError code, const char *part)
{
  g_autoptr(GError) error = NULL;
  fixture_start(fixture, content);
  g_assert_false(nn_effect_run(&fixture->run, &error));
  g_assert_error(error, NN_ERROR, (int)code);
  g_test_message("%s", error->message);
  g_assert_nonnull(strstr(error->message, part));
  g_assert_cmpuint(fixture->run.results->len, ==, 0);
}
