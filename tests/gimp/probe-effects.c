/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Effects that look at nothing and dream of nothing: an effect table of the tests' own, linked to the
 * plug-in's files in place of the real one, so that everything that effects may ask of their host is
 * tried whether a real one asks for it or not. Each says in a text what it was given. */
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/effects/effect.h"

enum {
  LAYER,
  OVERLAY,
  TWO_LAYERS,
  MASK,
  SELECTION,
  GREY_IMAGE,
  RGB_IMAGE,
  IMAGES,
  CAPTIONS,
  TEXT,
  FAIL
};

static const NnChoice makes[] = {
    [LAYER] = {"layer", "A green layer"},
    [OVERLAY] = {"overlay", "A half transparent red left half"},
    [TWO_LAYERS] = {"two-layers", "Both"},
    [MASK] = {"mask", "A mask that grows from left to right"},
    [SELECTION] = {"selection", "The same as the selection"},
    [GREY_IMAGE] = {"grey-image", "An image of one channel"},
    [RGB_IMAGE] = {"rgb-image", "An image of three"},
    [IMAGES] = {"images", "Two images"},
    [CAPTIONS] = {"captions", "A black image and an overlay, both with captions"},
    [TEXT] = {"text", "Text alone"},
    [FAIL] = {"fail", "An error"},
    {NULL, NULL},
};

#define ROWS \
  {.key = "make", \
   .label = "_Make", \
   .help = "What to make.", \
   .section = "Probe", \
   .kind = NN_PARAM_CHOICE, \
   .choices = makes}, \
  { \
    .key = "region", .label = "_Region", .help = "A region.", .section = "Probe", \
    .kind = NN_PARAM_REGION \
  }

#define STYLE(number, section_) \
  {.key = "style-" number "-name", \
   .label = "Style " number " name", \
   .help = "A name.", \
   .section = section_, \
   .kind = NN_PARAM_TEXT}, \
      {.key = "style-" number "-weight", \
       .label = "Style " number " weight", \
       .help = "A weight.", \
       .section = section_, \
       .kind = NN_PARAM_FLOAT, \
       .min = 0, \
       .max = 10, \
       .initial = 1, \
       .digits = 1, \
       .enabled_by = "style-" number "-name"}

#define MIX(number) \
  {.key = "mix-" number "-name", \
   .label = "Mix " number " name", \
   .help = "A name.", \
   .section = "Styles", \
   .kind = NN_PARAM_TEXT, \
   .when_empty = "no mix " number}

static const NnParam region_params[] = {
    ROWS,
    {.key = "size",
     .label = "_Size",
     .help = "Counts for layers only.",
     .section = "Probe",
     .kind = NN_PARAM_INT,
     .min = 1,
     .max = 100,
     .initial = 10,
     .enabled_by = "make=layer,overlay"},
    {.key = "network",
     .label = "_Network",
     .help = "A network.",
     .section = "Network",
     .kind = NN_PARAM_NETWORK},
    {.key = "layers",
     .label = "_Layers",
     .help = "Layers.",
     .section = "Network",
     .kind = NN_PARAM_LAYERS,
     .use = "dream"},
    {.key = "class",
     .label = "_Class",
     .help = "A class.",
     .section = "Network",
     .kind = NN_PARAM_CLASS},
    STYLE("1", "Styles"),
    STYLE("2", "Further styles"),
    STYLE("3", "Further styles"),
    MIX("2"),
    MIX("3"),
    {NULL},
};

static const NnParam folder_params[] = {
    ROWS,
    {.key = "folder",
     .label = "_Folder",
     .help = "Pictures.",
     .section = "Probe",
     .kind = NN_PARAM_FOLDER,
     .open_images = true},
    {NULL},
};

static double
mean_of(const NnImage *image)
{
  double sum = 0;
  for (size_t i = 0; i < nn_image_samples(image); i++)
    sum += image->data[i];
  return sum / (double)nn_image_samples(image);
}

/* every pixel by @func of its place */
static NnImage *
paint(int width, int height, int channels, void (*func)(float x, float *pixel))
{
  NnImage *image = nn_image_new(width, height, channels, NULL);
  for (int i = 0; i < width * height; i++)
    func((float)(i % width) / (float)MAX(width - 1, 1), image->data + (size_t)i * channels);
  return image;
}

static void
green(float x, float *pixel)
{
  memcpy(pixel, (float[]){0, 1, 0}, 3 * sizeof(float));
}

static void
half_red(float x, float *pixel)
{
  memcpy(pixel, (float[]){1, 0, 0, x < 0.5f ? 0.5f : 0}, 4 * sizeof(float));
}

static void
ramp(float x, float *pixel)
{
  pixel[0] = x;
}

static void
describe_picture(GString *text, const char *name, const NnImage *image)
{
  if (image == NULL)
    g_string_append_printf(text, "%s: none; ", name);
  else
    g_string_append_printf(text, "%s: %d x %d x %d, mean %.3f; ", name, image->width, image->height,
                           image->channels, mean_of(image));
}

/* each picture's name and size, of at most 16 px; false where loading failed for good */
static bool
describe_source(GString *text, NnImageSource *source, GError **error)
{
  for (int i = 0; source != NULL && i < nn_image_source_count(source); i++) {
    g_autoptr(GError) failure = NULL;
    g_autoptr(NnImage) image = nn_image_source_load(source, i, 16, &failure);
    NnFileKey key = nn_image_source_key(source, i);
    if (image == NULL && !g_error_matches(failure, NN_ERROR, NN_ERROR_READ)) {
      g_propagate_error(error, g_steal_pointer(&failure));
      return false;
    }
    g_string_append_printf(text, "%s (%d bytes): ", nn_image_source_name(source, i),
                           key.path == NULL ? -1 : (int)key.bytes);
    describe_picture(text, "picture", image);
  }
  return true;
}

static void
black(float x, float *pixel)
{
  memset(pixel, 0, 3 * sizeof(float));
}

/* what fits, what does not, other scripts, what is no text, and boxes that reach out of the picture */
static void
add_captions(NnResult *result)
{
  nn_result_add_caption(result, (NnRectangle){4, 4, 40, 12}, g_strdup("fits"));
  nn_result_add_caption(result, (NnRectangle){4, 20, 40, 12}, g_strdup("too long for its box"));
  nn_result_add_caption(result, (NnRectangle){4, 36, 40, 12}, g_strdup("\xe4\xb8\xad\xe6\x96\x87"));
  nn_result_add_caption(result, (NnRectangle){4, 52, 40, 12}, g_strdup("\xff\nX"));
  nn_result_add_caption(result, (NnRectangle){50, 70, 100, 30}, g_strdup("WWWWWWW"));
  nn_result_add_caption(result, (NnRectangle){500, 4, 40, 12}, g_strdup("far away"));
  nn_result_add_caption(result, (NnRectangle){60, 4, 0, 0}, g_strdup("no room"));
}

static void
make(NnEffectRun *run, int what)
{
  int width = run->content == NULL ? 40 : run->content->width;
  int height = run->content == NULL ? 30 : run->content->height;
  GArray *results = run->results;
  if (what == LAYER || what == TWO_LAYERS)
    nn_results_add(results, NN_PLACE_LAYER, paint(width, height, 3, green), g_strdup("green"));
  if (what == OVERLAY || what == TWO_LAYERS) {
    NnResult *result =
        nn_results_add(results, NN_PLACE_LAYER, paint(width, height, 4, half_red), g_strdup("red"));
    result->own_alpha = true;
    result->opacity = 0.25;
  }
  if (what == MASK)
    nn_results_add(results, NN_PLACE_MASK, paint(width, height, 1, ramp), g_strdup("mask"));
  if (what == SELECTION)
    nn_results_add(results, NN_PLACE_SELECTION, paint(width, height, 1, ramp), g_strdup("ramp"));
  if (what == GREY_IMAGE || what == IMAGES)
    nn_results_add(results, NN_PLACE_NEW_IMAGE, paint(40, 30, 1, ramp), g_strdup("grey"));
  if (what == RGB_IMAGE || what == IMAGES)
    nn_results_add(results, NN_PLACE_NEW_IMAGE, paint(40, 30, 3, green), g_strdup("rgb"));
  if (what == CAPTIONS) {
    add_captions(
        nn_results_add(results, NN_PLACE_NEW_IMAGE, paint(96, 80, 3, black), g_strdup("black")));
    NnResult *result =
        nn_results_add(results, NN_PLACE_LAYER, paint(width, height, 4, half_red), g_strdup("red"));
    result->own_alpha = true;
    add_captions(result);
  }
}

static bool
run_probe(NnEffectRun *run, GError **error)
{
  g_autoptr(GString) text = g_string_new(NULL);
  int what = (int)nn_effect_argument(run, "make")->i;
  if (!nn_effect_check(run->effect, run->arguments, error))
    return false;
  if (what == FAIL) {
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE, "It cannot be done.");
    return false;
  }
  describe_picture(text, "content", run->content);
  describe_picture(text, "selection", run->selection);
  describe_picture(text, "region", nn_effect_argument(run, "region")->image);
  if (run->effect->params == folder_params &&
      !describe_source(text, nn_effect_argument(run, "folder")->source, error))
    return false;
  g_string_append_printf(text, "memory: %" G_GINT64_FORMAT,
                         nn_context_memory_budget(run->context) / 1000000);
  make(run, what);
  nn_results_add(run->results, NN_PLACE_TEXT, NULL, g_strdup(text->str));
  return true;
}

/* much time, and as many gigabytes as "size" says */
static bool
estimate_probe(const NnEffectRun *run, int width, int height, NnEstimate *estimate, GError **error)
{
  estimate->multiply_adds = 1e9 * width * height;
  estimate->bytes = 1e9 * (double)nn_effect_argument(run, "size")->i;
  return true;
}

/* a gigabyte and a half for each picture */
static bool
estimate_folder(const NnEffectRun *run, int width, int height, NnEstimate *estimate, GError **error)
{
  const NnImageSource *source = nn_effect_argument(run, "folder")->source;
  estimate->bytes = source != NULL ? 1.5e9 * nn_image_source_count(source) : 0;
  return true;
}

static const NnEffect effects[] = {
    {.id = "limits",
     .group = NN_GROUP_DREAM,
     .label = "_Limits...",
     .blurb = "A probe",
     .help = "A probe.",
     .params = region_params,
     .run = run_probe,
     .estimate = estimate_probe},
    {.id = "informs",
     .group = NN_GROUP_STYLE,
     .label = "_Informs...",
     .blurb = "A probe",
     .help = "A probe.",
     .params = region_params,
     .selection = NN_SELECTION_INFORMS,
     .run = run_probe},
    {.id = "optional",
     .group = NN_GROUP_EXPLAIN,
     .label = "_Optional...",
     .blurb = "A probe",
     .help = "A probe.",
     .params = folder_params,
     .content = NN_CONTENT_OPTIONAL,
     .run = run_probe},
    {.id = "none",
     .group = NN_GROUP_LOOK_INSIDE,
     .label = "_None...",
     .blurb = "A probe",
     .help = "A probe.",
     .params = folder_params,
     .content = NN_CONTENT_NONE,
     .run = run_probe,
     .estimate = estimate_folder},
};

const NnEffect *
nn_effect_at(int index)
{
  return index >= 0 && index < (int)G_N_ELEMENTS(effects) ? &effects[index] : NULL;
}
