/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fast style (Johnson, Alahi and Fei-Fei 2016): a network that was trained to paint in one style
 * does so in one pass (effects/feed-forward.h). What it changes at the working size is enlarged
 * onto the picture; two networks' changes can be mixed. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/effects/cost.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/feed-forward.h"
#include "nncore/effects/working.h"
#include "nncore/image/arithmetic.h"
#include "nncore/image/colour.h"

#define SECTION_STYLE N_("Style")
#define SECTION_RESULT N_("Result")

static const NnParam params[] = {
    {
        .key = "network",
        .label = N_("_Network"),
        .help = N_("The network that paints; each was trained on one style. Networks that make no "
                   "pictures are not taken."),
        .section = SECTION_STYLE,
        .kind = NN_PARAM_NETWORK,
        .feed_forward = true,
    },
    {
        .key = "second-network",
        .label = N_("_Second network"),
        .help = N_("Another network whose picture is mixed with the first one's."),
        .section = SECTION_STYLE,
        .kind = NN_PARAM_NETWORK,
        .feed_forward = true,
        .optional = true,
    },
    {
        .key = "mix",
        .label = N_("_Mix"),
        .help = N_("Share of the second network: 0 is the first one alone, 1 the second."),
        .section = SECTION_STYLE,
        .kind = NN_PARAM_FLOAT,
        .max = 1,
        .initial = 0.5,
        .digits = 2,
        .enabled_by = "second-network",
    },
    {
        .key = "working-size",
        .label = N_("_Working size"),
        .help = N_("Longest side of the picture that the network works on; the change is then "
                   "enlarged onto the full picture. Larger makes the brush strokes finer, and "
                   "takes longer. 0 works at full size."),
        .unit = N_("px"),
        .section = SECTION_STYLE,
        .kind = NN_PARAM_INT,
        .max = 32768,
        .initial = 1024,
    },
    {
        .key = "strength",
        .label = N_("S_trength"),
        .help = N_("How much of the change is added to the picture: 1 is all of it, more "
                   "exaggerates."),
        .section = SECTION_RESULT,
        .kind = NN_PARAM_FLOAT,
        .max = 2,
        .initial = 1,
        .digits = 2,
    },
    {
        .key = "keep-colors",
        .label = N_("_Keep original colors"),
        .help = N_("Take the lightness only from the style and leave the colors as they were."),
        .section = SECTION_RESULT,
        .kind = NN_PARAM_BOOL,
        .max = 1,
    },
    {.key = NULL},
};

/**
 * Style:
 * @shares: of each network's change
 * @at: number of the network at work
 * @outputs: what each network makes of @working; where it has not painted yet, @working itself
 */
typedef struct {
  const NnEffectRun *run;
  const NnNetwork *networks[2];
  float shares[2];
  int n_networks, at;
  NnImage *working, *outputs[2];
  NnVerdict verdict;
} Style;

static void
style_clear(Style *style)
{
  g_clear_pointer(&style->working, nn_image_free);
  for (int i = 0; i < 2; i++)
    g_clear_pointer(&style->outputs[i], nn_image_free);
}

/* (transfer full): the mixed change so far, at working size */
static NnImage *
mix_changes(const Style *style, GError **error)
{
  NnContext *context = style->run->context;
  g_autoptr(NnImage) change = nn_image_copy(style->working, error);
  g_autoptr(NnImage) clipped = NULL;
  if (change == NULL)
    return NULL;
  nn_image_add(context, change, -1, style->working);
  for (int i = 0; i < style->n_networks; i++) {
    nn_image_free(clipped);
    clipped = nn_image_copy(style->outputs[i], error);
    if (clipped == NULL)
      return NULL;
    nn_image_clip(context, clipped);
    nn_image_add(context, change, style->shares[i], clipped);
    nn_image_add(context, change, -style->shares[i], style->working);
  }
  return g_steal_pointer(&change);
}

/* NnReport.render */
static NnImage *
render(gconstpointer data, GError **error)
{
  const Style *style = data;
  const NnEffectRun *run = style->run;
  const NnImage *content = run->content;
  g_autoptr(NnImage) change = mix_changes(style, error);
  g_autoptr(NnImage) result = NULL;
  if (change != NULL)
    result = nn_image_new(content->width, content->height, content->channels, error);
  if (result == NULL ||
      !nn_apply_change(run->context, content, change, (float)nn_effect_argument(run, "strength")->d,
                       nn_effect_argument(run, "keep-colors")->i != 0 ? NN_KEEP_HUE
                                                                      : NN_KEEP_NOTHING,
                       result, error))
    return NULL;
  return g_steal_pointer(&result);
}

/* NnEvaluation.proceed */
static bool
report(gpointer data, double fraction)
{
  Style *style = data;
  g_autofree char *text = g_strdup_printf(_("Painting with %s"), style->networks[style->at]->name);
  NnReport news = {
      .fraction = MIN((style->at + fraction) / style->n_networks, 1),
      .text = text,
      .render = style->working == NULL ? NULL : render,
      .render_data = style,
  };
  style->verdict = nn_progress_report(style->run->progress, &news);
  return style->verdict == NN_CONTINUE;
}

static bool
paint_networks(Style *style, GError **error)
{
  for (style->at = 0; style->at < style->n_networks && style->verdict == NN_CONTINUE; style->at++) {
    g_autoptr(GError) refusal = NULL;
    bool done = nn_feed_forward(style->networks[style->at], style->run->context, style->working,
                                style->outputs[style->at], report, style, &refusal);
    if (!done && style->verdict != NN_STOP) {
      g_propagate_error(error, g_steal_pointer(&refusal));
      return false;
    }
    if (done && style->verdict == NN_CONTINUE)
      report(style, 1);
  }
  style->at = 0;
  if (style->verdict == NN_CANCEL)
    nn_set_cancelled(error);
  return style->verdict != NN_CANCEL;
}

static bool
make_working(Style *style, GError **error)
{
  int working_px = (int)nn_effect_argument(style->run, "working-size")->i;
  style->working = nn_working_picture(style->run->context, style->run->content, working_px, error);
  if (style->working == NULL)
    return false;
  for (int i = 0; i < style->n_networks; i++) {
    style->outputs[i] = nn_image_copy(style->working, error);
    if (style->outputs[i] == NULL)
      return false;
  }
  return true;
}

/* (transfer full): the result's name */
static char *
describe(const Style *style)
{
  if (style->n_networks == 1)
    return g_strdup_printf(_("Fast style %s"), style->networks[0]->title);
  return g_strdup_printf(_("Fast style %s + %s"), style->networks[0]->title,
                         style->networks[1]->title);
}

/* the networks and their shares; one with no share is not asked to paint */
static bool
choose_networks(Style *style, GError **error)
{
  const NnNetwork *first = nn_effect_argument(style->run, "network")->network;
  const NnNetwork *second = nn_effect_argument(style->run, "second-network")->network;
  double mix = second == NULL ? 0 : nn_effect_argument(style->run, "mix")->d;
  if (mix < 1) {
    style->networks[style->n_networks] = first;
    style->shares[style->n_networks++] = (float)(1 - mix);
  }
  if (mix > 0) {
    style->networks[style->n_networks] = second;
    style->shares[style->n_networks++] = (float)mix;
  }
  for (int i = 0; i < style->n_networks; i++)
    if (!nn_feed_forward_check(style->networks[i], error))
      return false;
  return true;
}

/* (transfer full) */
static NnImage *
paint(Style *style, GError **error)
{
  if (!report(style, 0) && style->verdict == NN_CANCEL) {
    nn_set_cancelled(error);
    return NULL;
  }
  return make_working(style, error) && paint_networks(style, error) ? render(style, error) : NULL;
}

static bool
run_fast_style(NnEffectRun *run, GError **error)
{
  Style style = {.run = run};
  if (!nn_effect_check(run->effect, run->arguments, error) || !choose_networks(&style, error))
    return false;
  NnImage *result = paint(&style, error);
  if (result != NULL)
    nn_results_add(run->results, NN_PLACE_LAYER, result, describe(&style));
  style_clear(&style);
  return result != NULL;
}

static bool
estimate_fast_style(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                    GError **error)
{
  Style style = {.run = run};
  if (!choose_networks(&style, error))
    return false;
  NnSize full = {width, height};
  nn_working_size((int)nn_effect_argument(run, "working-size")->i, &width, &height);
  for (int i = 0; i < style.n_networks; i++) {
    const NnGraph *graph = nn_model_graph(style.networks[i]->model);
    const char *layers[] = {graph->n_outputs > 0 ? graph->values[graph->outputs[0]].name : NULL,
                            NULL};
    NnPasses passes = {.network = style.networks[i],
                       .layers = layers,
                       .width = width,
                       .height = height,
                       .forward = 1};
    if (!nn_cost_add_passes(estimate, run->context, &passes, error))
      return false;
  }
  nn_cost_add_pictures(estimate, 2 + style.n_networks, width, height, 3); /* and one reflected */
  nn_cost_add_result(estimate, width, height, full.width, full.height);
  return true;
}

const NnEffect nn_effect_fast_style = {
    .id = "fast-style",
    .group = NN_GROUP_STYLE,
    .label = N_("_Fast Style..."),
    .blurb = N_("Paint the picture in the style that a network was trained for"),
    .help = N_("Fast style (Johnson, Alahi and Fei-Fei, “Perceptual Losses for Real-Time Style "
               "Transfer”, 2016) shows the picture once to a network that was trained to paint in "
               "one style. It takes a second where style transfer takes minutes, but each style "
               "is a network of its own."),
    .params = params,
    .run = run_fast_style,
    .estimate = estimate_fast_style,
};
