/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks without branches: VGG (Simonyan and Zisserman 2014), AlexNet (Krizhevsky et al. 2012)
 * and its relatives CaffeNet and ZFNet (Zeiler and Fergus 2013), and Darknet's (Redmon 2013-2016). Names
 * are those of the Caffe files; torchvision's "features.N", which count every layer, are given as
 * well. */
#include <math.h>
#include <string.h>

#include "weights/families.h"

static bool
is_chain(const SomSurvey *survey)
{
  return som_count_landmarks(survey, SOM_CONCAT) == 0 && som_count_landmarks(survey, SOM_ADD) == 0;
}

/* names a convolution's layers in torchvision's numbering; returns the next number */
static int
name_features(const SomNaming *naming, const SomLandmark *conv, int number)
{
  som_name(naming, conv->out, "features.%d", number++);
  if (som_survey_is_normed(naming->survey, conv->out))
    number++;
  if (conv->settled != conv->out)
    som_name(naming, conv->settled, "features.%d", number++);
  return number;
}

/* ---- VGG ---- */

typedef struct {
  const char *title, *normed_title;
  int groups[5];
} VggShape;

static const VggShape vggs[] = {
    {"VGG-11", "VGG-11 with batch normalisation", {1, 1, 2, 2, 2}},
    {"VGG-13", "VGG-13 with batch normalisation", {2, 2, 2, 2, 2}},
    {"VGG-16", "VGG-16 with batch normalisation", {2, 2, 3, 3, 3}},
    {"VGG-19", "VGG-19 with batch normalisation", {2, 2, 4, 4, 4}},
};

/* a network of 3x3 convolutions in groups, each at half the size of the one before */
static bool
is_vgg_like(const SomSurvey *survey)
{
  int convs = 0, last = 0, groups = 1;
  for (size_t i = 0; i < survey->n_landmarks; i++) {
    const SomLandmark *landmark = &survey->landmarks[i];
    if (landmark->kind == SOM_LRN)
      return false;
    if (landmark->kind != SOM_CONV)
      continue;
    bool fits = landmark->kernel == 3 && landmark->groups == 1 && landmark->level >= last &&
                landmark->level <= last + 1;
    if (!fits || (convs == 0 && landmark->level != 0))
      return false;
    groups += landmark->level != last;
    last = landmark->level;
    convs++;
  }
  return convs >= 3 && groups >= 2 && groups <= 5;
}

static void
name_vgg(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  int group = 1, position = 0, number = 0, level = 0;
  for (size_t i = 0; i < survey->n_landmarks; i++) {
    const SomLandmark *landmark = &survey->landmarks[i];
    if (landmark->kind == SOM_POOL && landmark->level > level) {
      som_name(naming, landmark->out, "pool%d", group);
      som_name(naming, landmark->out, "features.%d", number++);
    } else if (landmark->kind == SOM_CONV) {
      group += landmark->level > level;
      position = landmark->level > level ? 1 : position + 1;
      level = landmark->level;
      som_name(naming, landmark->out, "conv%d_%d", group, position);
      if (landmark->settled != landmark->out)
        som_name(naming, landmark->settled, "relu%d_%d", group, position);
      number = name_features(naming, landmark, number);
    }
  }
  som_name_head(naming, 6);
}

/* titles a whole one; counts: convolutions by level. Returns its row, or one that it is the
 * beginning of, or NULL. */
static const VggShape *
find_vgg(const int counts[SOM_MAX_LEVELS], bool *whole)
{
  for (size_t v = G_N_ELEMENTS(vggs); v-- > 0;) {
    int group = 0;
    while (group < 5 && counts[group] == vggs[v].groups[group])
      group++;
    *whole = group == 5;
    if (*whole || (group >= 2 && counts[group] <= vggs[v].groups[group] &&
                   (group == 4 || counts[group + 1] == 0)))
      return &vggs[v];
  }
  return NULL;
}

/* weights that came from Caffe brought its names along, perhaps with a number behind them */
static bool
has_caffe_names(const SomSurvey *survey, const SomLandmark *conv)
{
  const char *name = survey->graph->values[conv->out].name;
  return g_str_has_prefix(name, "conv1_1") && conv->channels == 64;
}

bool
som_family_vgg(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  if (!is_chain(survey) || !is_vgg_like(survey))
    return false;
  int counts[SOM_MAX_LEVELS];
  bool whole;
  const SomLandmark *first = som_landmark(survey, SOM_CONV, 0);
  som_count_by_level(survey, SOM_CONV, 0, counts);
  const VggShape *shape = find_vgg(counts, &whole);
  bool normed = som_survey_is_normed(survey, first->out);
  name_vgg(naming);
  *naming->family = (SomFamily){
      .title = !whole   ? "VGG"
               : normed ? shape->normed_title
                        : shape->title,
      .convention =
          shape != NULL && has_caffe_names(survey, first) ? SOM_AS_IN_CAFFE : SOM_AS_IN_PYTORCH,
      .dream = "relu4_3|relu4_2|relu4_1|relu3_3|relu3_1",
      .content = "relu4_2|relu4_1|relu3_2|relu3_1",
      .style = "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1",
  };
  return true;
}

/* ---- AlexNet and relatives ---- */

static void
name_alexnet(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  int conv = 0, number = 0, level = 0;
  for (size_t i = 0; i < survey->n_landmarks; i++) {
    const SomLandmark *landmark = &survey->landmarks[i];
    if (landmark->kind == SOM_CONV) {
      conv++;
      level = landmark->level;
      som_name(naming, landmark->out, "conv%d", conv);
      if (landmark->settled != landmark->out)
        som_name(naming, landmark->settled, "relu%d", conv);
      number = name_features(naming, landmark, number);
    } else if (landmark->kind == SOM_POOL && landmark->level > level) {
      level = landmark->level;
      som_name(naming, landmark->out, "pool%d", conv);
      som_name(naming, landmark->out, "features.%d", number++);
    } else if (landmark->kind == SOM_LRN) {
      som_name(naming, landmark->out, "norm%d", conv);
      number++;
    }
  }
  som_name_head(naming, 6);
}

static const char *
alexnet_title(const SomSurvey *survey, int64_t first_kernel)
{
  const SomLandmark *norm = som_landmark(survey, SOM_LRN, 0);
  const SomLandmark *pool = som_landmark(survey, SOM_POOL, 0);
  if (first_kernel == 7)
    return "ZFNet";
  return norm != NULL && pool != NULL && pool->node < norm->node ? "CaffeNet" : "AlexNet";
}

bool
som_family_alexnet(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  static const int64_t kernels[] = {0, 5, 3, 3, 3};
  if (!is_chain(survey) || som_count_landmarks(survey, SOM_CONV) != G_N_ELEMENTS(kernels))
    return false;
  const SomLandmark *first = som_landmark(survey, SOM_CONV, 0);
  if (first->kernel != 11 && first->kernel != 7)
    return false;
  for (int i = 1; i < (int)G_N_ELEMENTS(kernels); i++)
    if (som_landmark(survey, SOM_CONV, i)->kernel != kernels[i])
      return false;
  name_alexnet(naming);
  *naming->family = (SomFamily){
      .title = alexnet_title(survey, first->kernel),
      .convention = som_landmark(survey, SOM_LRN, 0) != NULL ? SOM_AS_IN_CAFFE : SOM_AS_IN_PYTORCH,
      .dream = "relu4|relu3",
      .content = "relu3",
      .style = "relu1,relu2,relu3,relu4,relu5",
  };
  return true;
}

/* ---- Darknet ---- */

#define DARKNET_SLOPE 0.1
#define FEWEST_CONVS 6

/* a chain that halves the picture by max-pooling alone, of convolutions with windows of 3 and 1, each
 * with a LeakyRelu of Darknet's slope behind it, but for the last, which makes the scores */
static bool
is_darknet(const SomSurvey *survey)
{
  int convs = som_count_landmarks(survey, SOM_CONV), level = 0;
  if (convs < FEWEST_CONVS || som_count_landmarks(survey, SOM_LRN) > 0 ||
      som_count_landmarks(survey, SOM_DENSE) > 0)
    return false;
  for (int i = 0; i < convs; i++) {
    const SomLandmark *conv = som_landmark(survey, SOM_CONV, i);
    bool leaks = fabs(som_survey_slope(survey, conv->settled) - DARKNET_SLOPE) < 1e-3;
    if ((conv->kernel != 3 && conv->kernel != 1) || conv->groups != 1 || conv->level < level ||
        (i + 1 < convs && !leaks))
      return false;
    level = conv->level;
  }
  return level >= 3 && som_landmark(survey, SOM_CONV, 0)->level == 0;
}

bool
som_family_darknet(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  if (!is_chain(survey) || !is_darknet(survey))
    return false;
  int conv = 0, pool = 0;
  for (size_t i = 0; i < survey->n_landmarks; i++) {
    const SomLandmark *landmark = &survey->landmarks[i];
    if (landmark->kind == SOM_POOL)
      som_name(naming, landmark->out, "pool%d", ++pool);
    if (landmark->kind != SOM_CONV)
      continue;
    som_name(naming, landmark->out, "conv%d", ++conv);
    if (landmark->settled != landmark->out)
      som_name(naming, landmark->settled, "leaky%d", conv);
  }
  som_name_probabilities(naming);
  *naming->family = (SomFamily){
      .title = conv == 16   ? "Tiny Darknet"
               : conv == 19 ? "Darknet-19"
                            : "Darknet",
      .convention = SOM_AS_IN_DARKNET,
  };
  return true;
}
