/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The architectures that people know, recognised by their structure: each gives its layers the
 * names that people write ("relu4_2", "inception_4c/output", "mixed4c", "layer3.1") and says which
 * of them are good for what. */
#pragma once

#include "nncore/effects/network.h"
#include "weights/survey.h"

/**
 * SomConvention: where its weights come from, which says what they take and give.
 * @SOM_AS_IN_PYTORCH: RGB, 0 to 1, ImageNet's mean and deviation; also where nothing is known
 * @SOM_AS_IN_CAFFE: BGR, 0 to 255, minus means
 * @SOM_AS_IN_DARKNET: RGB, 0 to 1; its ImageNet classes have an order of their own
 */
typedef enum { SOM_AS_IN_PYTORCH, SOM_AS_IN_CAFFE, SOM_AS_IN_DARKNET } SomConvention;

/**
 * SomFamily:
 * @title: (nullable): "VGG-16"; %NULL where nothing is recognised
 * @dream, @content, @style: (nullable): layers by the names given to them; alternatives, best
 *   first, between bars; those that a truncated network lacks count for nothing
 */
typedef struct {
  const char *title;
  SomConvention convention;
  const char *dream, *content, *style;
} SomFamily;

/** som_family_recognise: adds the names to @network. */
SomFamily som_family_recognise(NnNetwork *network, const SomSurvey *survey);

/* ---- for the families' own files ---- */

/** SomNaming: the network that gets names. */
typedef struct {
  NnNetwork *network;
  const SomSurvey *survey;
  SomFamily *family;
} SomNaming;

/** som_name: gives @value the name printed; the first that it gets is the one it is known by. */
void som_name(const SomNaming *naming, NnValueId value, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/** som_name_head: names the three dense layers of the old networks, if there are three, "fc6" and
 * so on from @first, the activations behind them "relu6", and the probabilities. */
void som_name_head(const SomNaming *naming, int first);

/** som_name_probabilities: names the last softmax "prob". */
void som_name_probabilities(const SomNaming *naming);

/** som_landmark: the @n-th of @kind, counted from 0, or %NULL. */
const SomLandmark *som_landmark(const SomSurvey *survey, SomLandmarkKind kind, int n);

/** som_count_landmarks: of @kind. */
int som_count_landmarks(const SomSurvey *survey, SomLandmarkKind kind);

#define SOM_MAX_LEVELS 8 /* halvings that any family has, and some */

/**
 * som_count_by_level:
 * @counts: (out): how many landmarks of @kind have each level, of convolutions only those with
 *   windows of @kernel (0: all)
 *
 * Returns: whether all of them have a level below %SOM_MAX_LEVELS.
 */
bool som_count_by_level(const SomSurvey *survey, SomLandmarkKind kind, int64_t kernel,
                        int counts[SOM_MAX_LEVELS]);

/** The recognisers: true where the structure is theirs; they name layers and fill in the family.
 * families.c tries them in order. */
bool som_family_vgg(const SomNaming *naming);
bool som_family_alexnet(const SomNaming *naming);
bool som_family_darknet(const SomNaming *naming);
bool som_family_inception(const SomNaming *naming);
bool som_family_squeezenet(const SomNaming *naming);
bool som_family_densenet(const SomNaming *naming);
bool som_family_resnet(const SomNaming *naming);
bool som_family_mobile(const SomNaming *naming);
