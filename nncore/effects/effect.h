/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an effect is: one file, ending in one `const NnEffect`, and one line in effect-table.c.
 * The plug-in turns each row into a GIMP procedure, its arguments, dialog and menu entry.
 *
 * The host resolves networks, reads pixels and decodes files before run; run gets pictures and
 * plain values and gives back results; it never sees a drawable, a file or a widget. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/base/progress.h"
#include "nncore/effects/network.h"
#include "nncore/image/image.h"

/**
 * NnParamKind:
 * @NN_PARAM_SEED: an int with a button for a random one; 0 by default, which is a seed like any
 * @NN_PARAM_NETWORK: text: a network's name; empty takes the bundled one. The host opens it.
 * @NN_PARAM_LAYERS: text like "relu3_1:0.5,relu4_1"; empty takes the network's preset
 * @NN_PARAM_CLASS: text: a class label or number
 * @NN_PARAM_DRAWABLE: a layer of an open image, optional; read by the host as an RGBA picture
 * @NN_PARAM_FILE: a picture file, optional; read by the host as an RGBA picture
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
 * @label, @help: N_(); @label has a mnemonic; @help says what turning it up does
 * @unit: N_() or %NULL: "px"
 * @section: N_(): heading in the dialog under which neighbours with the same one stand
 * @min, @max, @initial: numbers; of a choice, @initial is the index of the default; of a bool 0, 1
 * @digits: decimals shown of a float
 * @text: default of the text kinds; %NULL is ""
 */
typedef struct {
  const char *key, *label, *help, *unit, *section;
  NnParamKind kind;
  double min, max, initial;
  int digits;
  const char *text;
  const NnChoice *choices;
} NnParam;

/** NnArgument: a parameter's value; the member used follows the kind. Memory is the host's. */
typedef struct {
  int64_t i;              /* INT, SEED, BOOL, CHOICE (its index) */
  double d;               /* FLOAT */
  const char *text;       /* TEXT, LAYERS, CLASS: never NULL */
  const NnNetwork *network; /* NETWORK: never NULL */
  const NnImage *image;   /* DRAWABLE, FILE: RGBA, or NULL where none was chosen */
} NnArgument;

/** NnPlace: where a result goes. */
typedef enum {
  NN_PLACE_LAYER,     /* over the source: a new layer or, if the person asked so, in place */
  NN_PLACE_NEW_IMAGE, /* an image of its own */
  NN_PLACE_TEXT,      /* no picture: @label is the message */
} NnPlace;

/** NnResult: @image is %NULL for text; @label is translated and names the layer. */
typedef struct {
  NnPlace place;
  NnImage *image;
  char *label;
} NnResult;

typedef struct NnEffect NnEffect;

/**
 * NnEffectRun: everything a run works on.
 * @arguments: parallel to the effect's params
 * @content: (nullable): RGBA, full size of the region to work on; read only. Colours under alpha
 *   0 are undefined: effects that look at them must mind.
 * @progress: (nullable)
 * @results: (element-type NnResult): run appends to it
 */
typedef struct {
  const NnEffect *effect;
  NnContext *context;
  const NnArgument *arguments;
  const NnImage *content;
  const NnProgress *progress;
  GArray *results;
} NnEffectRun;

/** NnMenuGroup: the submenu, in this order. */
typedef enum { NN_GROUP_DREAM, NN_GROUP_STYLE, NN_GROUP_EXPLAIN, NN_GROUP_LOOK_INSIDE } NnMenuGroup;

/**
 * NnEffect:
 * @id: the procedure is called plug-in-somnium-@id
 * @label: N_(), with a mnemonic and an ellipsis: the menu entry
 * @blurb: N_(), a line; @help: N_(), a paragraph with the paper
 * @params: ends with a %NULL key
 * @run: fills run->results and returns true, also when stopped; or false with a GError whose
 *   message a person can act on. Works on the caller's thread.
 */
struct NnEffect {
  const char *id;
  NnMenuGroup group;
  const char *label, *blurb, *help;
  const NnParam *params;
  bool (*run)(NnEffectRun *run, GError **error);
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

/** nn_effect_check: whether each argument is in range; %NN_ERROR_ARGUMENT names the first that is
 * not. */
bool nn_effect_check(const NnEffect *effect, const NnArgument *arguments, GError **error);

/** nn_results_new: for NnEffectRun.results; unref with g_array_unref(), frees what it holds. */
GArray *nn_results_new(void);

/** nn_results_add: takes @image and @label. */
void nn_results_add(GArray *results, NnPlace place, NnImage *image, char *label);
