/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an effect is: one file, ending in one `const NnEffect`, and one line in effect-table.c.
 * The plug-in turns each row into a GIMP procedure, its arguments, dialog and menu entry.
 *
 * The host resolves networks, reads pixels and decodes files before run; run gets pictures and
 * plain values and gives back results; it never sees a drawable, a file or a widget. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/base/progress.h"
#include "nncore/effects/image-source.h"
#include "nncore/effects/network.h"
#include "nncore/image/crop.h"

/**
 * NnParamKind:
 * @NN_PARAM_SEED: an int with a button for a random one; 0 by default, which is a seed like any
 * @NN_PARAM_NETWORK: text: a network's name; empty takes the bundled one. The host opens it.
 * @NN_PARAM_LAYERS: text like "relu3_1:0.5,relu4_1"; empty takes the network's preset
 * @NN_PARAM_CLASS: text: a class label or number
 * @NN_PARAM_DRAWABLE: a layer of an open image, optional; read by the host as an RGBA picture
 * @NN_PARAM_FILE: a picture file, optional; read by the host as an RGBA picture
 * @NN_PARAM_FOLDER: a folder with pictures, optional; the host makes an NnImageSource of it
 * @NN_PARAM_REGION: a layer, channel or layer mask, optional; read by the host as a picture of one
 *   channel that lies over the content, pixel by pixel: positions are those in the image, 0 outside
 *   the drawable. A channel or mask as it is; of a layer its luminance (perceptual) times alpha.
 */
typedef enum {
  NN_PARAM_INT,
  NN_PARAM_FLOAT,
  NN_PARAM_BOOL,
  NN_PARAM_CHOICE,
  NN_PARAM_SEED,
  NN_PARAM_TEXT,
  NN_PARAM_NETWORK,
  NN_PARAM_LAYERS,
  NN_PARAM_CLASS,
  NN_PARAM_DRAWABLE,
  NN_PARAM_FILE,
  NN_PARAM_FOLDER,
  NN_PARAM_REGION,
} NnParamKind;

/** NnChoice: one value of an %NN_PARAM_CHOICE; arrays end with a %NULL nick. */
typedef struct {
  const char *nick;  /* what scripts write */
  const char *label; /* N_() */
} NnChoice;

/**
 * NnParam:
 * @key: what scripts write: lower case with dashes
 * @label, @help: N_(); @label has a mnemonic, unless they are all taken; @help says what turning
 *   it up does
 * @unit: N_() or %NULL: "px"
 * @section: N_(): heading in the dialog under which neighbours with the same one stand
 * @min, @max, @initial: numbers; of a choice, @initial is the index of the default; of a bool 0, 1
 * @digits: decimals shown of a float
 * @text: default of the text kinds; %NULL is ""
 * @use: of %NN_PARAM_LAYERS: the use whose preset an empty text takes ("dream", "content",
 *   "style"); the dialog shows it. Of %NN_PARAM_NETWORK: "style" where an empty text takes the
 *   bundled network for styles, else %NULL
 * @when_empty: (nullable): N_(): of texts, layers and classes: what an empty one takes, which the
 *   dialog shows in its place where there is no preset
 * @feed_forward: of %NN_PARAM_NETWORK: only networks that make pictures of pictures will do; an empty
 *   text means the first of these
 * @optional: of %NN_PARAM_NETWORK: an empty text means none
 * @open_images: of %NN_PARAM_FOLDER: whether an empty one means the open images
 * @enabled_by: (nullable): when this row counts; else the dialog greys it out, while scripts may
 *   set it all the same. All of the terms between spaces must hold: "key" (a bool that is true, a
 *   text, layer, file, folder that is given, a number that is not 0), "key=nick,nick" (a choice with
 *   one of these values), either with "!" before it for the opposite; "a|b" holds if a or b does.
 *   Example: "objective=channel", "!guide !guide-file", "style-2-layer|style-2-file"
 *
 * Layers and classes are those of the network whose row comes last before theirs.
 */
typedef struct {
  const char *key, *label, *help, *unit, *section;
  NnParamKind kind;
  double min, max, initial;
  int digits;
  const char *text;
  const NnChoice *choices;
  const char *use, *when_empty;
  bool feed_forward, optional;
  bool open_images;
  const char *enabled_by;
} NnParam;

/** NnArgument: a parameter's value; the member used follows the kind. Memory is the host's. */
typedef struct {
  int64_t i;              /* INT, SEED, BOOL, CHOICE (its index) */
  double d;               /* FLOAT */
  const char *text;       /* TEXT, LAYERS, CLASS: never NULL */
  const NnNetwork *network; /* NETWORK: never NULL, but for an optional one */
  const NnImage *image;   /* DRAWABLE, FILE: RGBA; REGION: 1 channel, the content's size; or NULL
                             where none was chosen */
  NnImageSource *source;  /* FOLDER: or NULL where none was chosen */
} NnArgument;

/**
 * NnPlace: where a result goes.
 * @NN_PLACE_LAYER: of the content's size, over the source: a new layer or, if the person asked so,
 *   in place (the first result of a run only)
 * @NN_PLACE_NEW_IMAGE: an image of its own, of any size
 * @NN_PLACE_SELECTION: one channel of the content's size, 0..1: becomes the image's selection,
 *   which is empty elsewhere. Several layers' add up.
 * @NN_PLACE_MASK: one channel of the content's size: becomes the source's layer mask, blended by
 *   the selection into the mask that it has, else into a white one
 * @NN_PLACE_TEXT: no picture: @label is the message
 */
typedef enum {
  NN_PLACE_LAYER,
  NN_PLACE_NEW_IMAGE,
  NN_PLACE_SELECTION,
  NN_PLACE_MASK,
  NN_PLACE_TEXT,
} NnPlace;

/**
 * NnCaption: a line of text on a result's picture.
 * @text: translated; owned
 * @box: where on the picture, in px: the text is as high as the box allows, centred in it, and cut
 *   with an ellipsis where it is too long
 */
typedef struct {
  char *text;
  NnRectangle box;
} NnCaption;

/**
 * NnResult:
 * @image: %NULL for text
 * @label: translated; names the layer or image
 * @own_alpha: of %NN_PLACE_LAYER with RGBA: the picture's alpha counts, times the selection, and
 *   not the content's (maps laid over a picture); such a result is always a layer of its own
 * @opacity: of the new layer, 0 to 1
 * @captions: (nullable) (element-type NnCaption): the host draws them, as nncore has no fonts: in a
 *   new image on a layer of their own, in a layer onto its picture
 */
typedef struct {
  NnPlace place;
  NnImage *image;
  char *label;
  bool own_alpha;
  double opacity;
  GArray *captions;
} NnResult;

typedef struct NnEffect NnEffect;

/**
 * NnEffectRun: everything a run works on.
 * @arguments: parallel to the effect's params
 * @content: (nullable): RGBA, full size of the region to work on; read only. Colours under alpha
 *   0 are undefined: effects that look at them must mind. %NULL only where the effect's content
 *   is not %NN_CONTENT_REQUIRED.
 * @selection: (nullable): how much each pixel of @content is selected, one channel 0..1; %NULL
 *   where the image has no selection. It has pixels above 0.
 * @cache_folder: (nullable): where files may be kept from run to run, in GLib's file name encoding;
 *   it may not exist yet; what is lost there costs only time
 * @progress: (nullable)
 * @results: (element-type NnResult): run appends to it
 */
typedef struct {
  const NnEffect *effect;
  NnContext *context;
  const NnArgument *arguments;
  const NnImage *content, *selection;
  const char *cache_folder;
  const NnProgress *progress;
  GArray *results;
} NnEffectRun;

/**
 * NnContent: whether an effect works on a picture.
 * @NN_CONTENT_OPTIONAL: takes the chosen layer where an image is open, but does without
 * @NN_CONTENT_NONE: never looks at it; runs once, however many layers are chosen
 */
typedef enum { NN_CONTENT_REQUIRED, NN_CONTENT_OPTIONAL, NN_CONTENT_NONE } NnContent;

/**
 * NnSelectionUse: what a selection means to an effect.
 * @NN_SELECTION_LIMITS: the content is the selection's bounds and some context around them; what
 *   goes to layers and masks is blended by it
 * @NN_SELECTION_INFORMS: the content is the whole layer and nothing is blended: what the selection
 *   means is the effect's affair (a rough outline of the subject, where a style goes)
 */
typedef enum { NN_SELECTION_LIMITS, NN_SELECTION_INFORMS } NnSelectionUse;

/**
 * NnEstimate: what a run costs, all of it; 0 where it is not known.
 * @bytes: memory at its highest, the host's pictures not counted
 * @held_bytes: of it, what is there all the time beside what networks work with
 * @tiled_bytes: of it, what tiles can do without (plan/evaluator.h), which take more time then
 * @at_most: whether the run may well end earlier, having come to what it looks for
 */
typedef struct {
  double multiply_adds, bytes, held_bytes, tiled_bytes;
  bool at_most;
} NnEstimate;

/** NnMenuGroup: the submenu. (GIMP shows submenus sorted by their names.) */
typedef enum { NN_GROUP_DREAM, NN_GROUP_STYLE, NN_GROUP_EXPLAIN, NN_GROUP_LOOK_INSIDE } NnMenuGroup;

/**
 * NnEffect:
 * @id: the procedure is called plug-in-somnium-@id
 * @label: N_(), with a mnemonic and an ellipsis: the menu entry
 * @blurb: N_(), a line; @help: N_(), a paragraph with the paper
 * @params: ends with a %NULL key
 * @content, @selection: what it works on
 * @no_output: whether it never makes a layer over the source, so that there is no choice between a
 *   new layer and in place
 * @run: fills run->results and returns true, also when stopped; or false with a GError whose
 *   message a person can act on. Works on the caller's thread.
 * @estimate: (nullable): what run would cost on a content of @width x @height px (0 x 0: without
 *   content), for the dialog. The arguments have networks, but no pictures, and sources that can
 *   be counted alone; content, progress and results are %NULL. @estimate is all 0 before. It should
 *   take a tenth of a second at most and may fail. effects/cost.h helps. Hosts call
 *   nn_effect_estimate()
 */
struct NnEffect {
  const char *id;
  NnMenuGroup group;
  const char *label, *blurb, *help;
  const NnParam *params;
  NnContent content;
  NnSelectionUse selection;
  bool no_output;
  bool (*run)(NnEffectRun *run, GError **error);
  bool (*estimate)(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                   GError **error);
};

/** nn_effect_at: rows of the table; %NULL past the end. */
const NnEffect *nn_effect_at(int index);

/** nn_effect_find: by id, or %NULL. */
const NnEffect *nn_effect_find(const char *id);

/** nn_effect_n_params: rows of @effect->params. */
int nn_effect_n_params(const NnEffect *effect);

/**
 * nn_effect_arguments:
 * Returns: (transfer full): an argument for each parameter, at its default; g_free().
 */
NnArgument *nn_effect_arguments(const NnEffect *effect);

/** nn_effect_argument: @run's argument by key. The key must exist (programmer error). */
const NnArgument *nn_effect_argument(const NnEffectRun *run, const char *key);

/**
 * nn_effect_estimate:
 * @estimate: (out): what nn_effect_run() would cost within the memory that is left of the context's
 *
 * Returns: false, and all 0, where the effect cannot tell.
 */
bool nn_effect_estimate(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                        GError **error);

/** nn_effect_check_memory: whether what is held of the context's memory leaves some for networks; else
 * %NN_ERROR_MEMORY: the sentence says that the pictures are too many or too large. */
bool nn_effect_check_memory(NnContext *context, GError **error);

/** nn_effect_run: NnEffect.run. Of the context's memory it holds what the pictures of the run take, so
 * that networks do with the rest of the budget; also %NN_ERROR_MEMORY where there is no rest. */
bool nn_effect_run(NnEffectRun *run, GError **error);

/** nn_effect_check: whether each argument is in range; %NN_ERROR_ARGUMENT names the first that is
 * not. */
bool nn_effect_check(const NnEffect *effect, const NnArgument *arguments, GError **error);

/** NnParamIs: whether @param has the value @nick, or (%NULL) is set, as NnParam.enabled_by has it. */
typedef bool (*NnParamIs)(const NnParam *param, const char *nick, gpointer data);

/** nn_param_enabled: whether @param->enabled_by holds, and so for the rows that it names. Keys and
 * nicks that do not exist are programmer errors. */
bool nn_param_enabled(const NnEffect *effect, const NnParam *param, NnParamIs is, gpointer data);

/** nn_results_new: for NnEffectRun.results; unref with g_array_unref(), frees what it holds. */
GArray *nn_results_new(void);

/**
 * nn_results_add: takes @image and @label.
 * Returns: (transfer none): the new result, opaque and with the content's alpha, for those that
 *   want it otherwise; valid until the next one is added
 */
NnResult *nn_results_add(GArray *results, NnPlace place, NnImage *image, char *label);

/** nn_result_add_caption: takes @text. */
void nn_result_add_caption(NnResult *result, NnRectangle box, char *text);
