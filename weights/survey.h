/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A network's structure as one who knows such networks sees it: how far each map is scaled down,
 * where the paths come together, and the operators that give an architecture its face
 * (landmarks). By operators and shapes alone, never by names or weights. */
#pragma once

#include "nncore/onnx/model.h"

typedef enum {
  SOM_CONV,
  SOM_POOL,   /* max, average, of a window */
  SOM_CONCAT, /* of maps, along the channels */
  SOM_ADD,    /* of two maps or more: the end of a residual block */
  SOM_DENSE,  /* Gemm, or MatMul of what is no map any more */
  SOM_LRN,
} SomLandmarkKind;

/**
 * SomLandmark:
 * @node: index in the graph; landmarks are in this order
 * @out: what it makes
 * @settled: the same behind the normalisation and activation that follow; @out where none does
 * @level: how often its result is halved with regard to the input; -1 where it is no map
 * @channels: of @out
 * @kernel: the width of a convolution's window; 0 for others
 * @groups: of a convolution: as many as channels where it is depthwise
 */
typedef struct {
  SomLandmarkKind kind;
  int node;
  NnValueId out, settled;
  int level;
  int64_t channels, kernel, groups;
} SomLandmark;

/**
 * SomSurvey:
 * @graph: a copy of the network's, with types at @width x @height as far as they can be told
 * @levels: by value: how often the picture was halved to get it; -1 for what is no map
 * @cuts: by value: whether all that comes later depends on the input through it alone
 * @nodes: by node: its landmark, or -1
 */
typedef struct {
  NnGraph *graph;
  int64_t width, height;
  int *levels;
  bool *cuts;
  int *nodes;
  SomLandmark *landmarks;
  size_t n_landmarks, capacity;
  struct SomReaders *readers; /* by value */
} SomSurvey;

/**
 * som_survey_new:
 * Takes the size that the file declares, else 224 x 224. What cannot be told (an operator that is
 * not supported, a wrong shape) is left out. %NN_ERROR_MEMORY is the only error.
 * Returns: (transfer full)
 */
SomSurvey *som_survey_new(const NnModel *model, GError **error);
void som_survey_free(SomSurvey *survey);

/** som_survey_behind: the landmark that @value comes from through normalisation, activation and
 * the like alone; -1 where there is none. */
int som_survey_behind(const SomSurvey *survey, NnValueId value);

/** som_survey_activated: @value, or the activation of it where nothing else reads it. */
NnValueId som_survey_activated(const SomSurvey *survey, NnValueId value);

/** som_survey_biased: @value, or the sum of it and a constant where nothing else reads it. */
NnValueId som_survey_biased(const SomSurvey *survey, NnValueId value);

/** som_survey_is_normed: whether nothing but a batch normalisation reads @value. */
bool som_survey_is_normed(const SomSurvey *survey, NnValueId value);

/** som_survey_slope: below 0, of the LeakyRelu that makes @value; NaN where none does. */
double som_survey_slope(const SomSurvey *survey, NnValueId value);

/** som_survey_count: nodes of this operator that maps come from. */
int som_survey_count(const SomSurvey *survey, const char *onnx_name);

/** som_survey_ends_in: whether the last node, or one of the plain arithmetic after it, is this
 * operator. */
bool som_survey_ends_in(const SomSurvey *survey, const char *onnx_name);

/** som_survey_name: the file's name of @value, or %NULL for one that cannot stand in a list of
 * layers. */
const char *som_survey_name(const SomSurvey *survey, NnValueId value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SomSurvey, som_survey_free)
