/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks whose branches meet in Concat: GoogLeNet or Inception v1 (Szegedy et al. 2014),
 * Inception v2 (Ioffe and Szegedy 2015) and v3 (Szegedy et al. 2015), SqueezeNet (Iandola et al.
 * 2016), DenseNet (Huang et al. 2016). */
#include <string.h>

#include "weights/families.h"

/* ---- Inception ---- */

/* The modules of a network, first level first. Several names, since several communities have
 * theirs: Caffe's (Inception v1 and v2), Lucid's, torchvision's, TensorFlow-slim's, Keras's. */
typedef struct {
  const char *caffe, *lucid, *torch, *slim, *keras;
} Module;

static const Module v1_modules[] = {
    {"inception_3a", "mixed3a", "inception3a", "Mixed_3b", NULL},
    {"inception_3b", "mixed3b", "inception3b", "Mixed_3c", NULL},
    {"inception_4a", "mixed4a", "inception4a", "Mixed_4b", NULL},
    {"inception_4b", "mixed4b", "inception4b", "Mixed_4c", NULL},
    {"inception_4c", "mixed4c", "inception4c", "Mixed_4d", NULL},
    {"inception_4d", "mixed4d", "inception4d", "Mixed_4e", NULL},
    {"inception_4e", "mixed4e", "inception4e", "Mixed_4f", NULL},
    {"inception_5a", "mixed5a", "inception5a", "Mixed_5b", NULL},
    {"inception_5b", "mixed5b", "inception5b", "Mixed_5c", NULL},
};

static const Module v2_modules[] = {
    {"inception_3a", NULL, NULL, "Mixed_3b", NULL}, {"inception_3b", NULL, NULL, "Mixed_3c", NULL},
    {"inception_3c", NULL, NULL, "Mixed_4a", NULL}, {"inception_4a", NULL, NULL, "Mixed_4b", NULL},
    {"inception_4b", NULL, NULL, "Mixed_4c", NULL}, {"inception_4c", NULL, NULL, "Mixed_4d", NULL},
    {"inception_4d", NULL, NULL, "Mixed_4e", NULL}, {"inception_4e", NULL, NULL, "Mixed_5a", NULL},
    {"inception_5a", NULL, NULL, "Mixed_5b", NULL}, {"inception_5b", NULL, NULL, "Mixed_5c", NULL},
};

static const Module v3_modules[] = {
    {NULL, NULL, NULL, "Mixed_5b", "mixed0"},  {NULL, NULL, NULL, "Mixed_5c", "mixed1"},
    {NULL, NULL, NULL, "Mixed_5d", "mixed2"},  {NULL, NULL, NULL, "Mixed_6a", "mixed3"},
    {NULL, NULL, NULL, "Mixed_6b", "mixed4"},  {NULL, NULL, NULL, "Mixed_6c", "mixed5"},
    {NULL, NULL, NULL, "Mixed_6d", "mixed6"},  {NULL, NULL, NULL, "Mixed_6e", "mixed7"},
    {NULL, NULL, NULL, "Mixed_7a", "mixed8"},  {NULL, NULL, NULL, "Mixed_7b", "mixed9"},
    {NULL, NULL, NULL, "Mixed_7c", "mixed10"},
};

typedef struct {
  SomFamily family;
  int by_level[3]; /* modules at a level, from the third halving on */
  const Module *modules;
} InceptionShape;

static const InceptionShape inceptions[] = {
    {{.title = "GoogLeNet",
      .dream = "inception_4c/output",
      .content = "inception_4a/output",
      .style = "conv1/7x7_s2,conv2/3x3,inception_3a/output,inception_4a/output"},
     {2, 5, 2},
     v1_modules},
    {{.title = "Inception v2",
      .dream = "inception_4c/output",
      .content = "inception_4a/output",
      .style = "conv1/7x7_s2,conv2/3x3,inception_3a/output,inception_4a/output"},
     {2, 5, 3},
     v2_modules},
    {{.title = "Inception v3",
      .dream = "Mixed_6b",
      .content = "Mixed_5d",
      .style = "Conv2d_1a_3x3,Conv2d_3b_1x1,Mixed_5b,Mixed_6a"},
     {3, 5, 3},
     v3_modules},
};

/* where all branches of a module meet again, not those inside it */
static const SomLandmark *
next_module(const SomSurvey *survey, size_t *at)
{
  while (*at < survey->n_landmarks) {
    const SomLandmark *landmark = &survey->landmarks[(*at)++];
    if (landmark->kind == SOM_CONCAT && survey->cuts[landmark->out])
      return landmark;
  }
  return NULL;
}

static const InceptionShape *
find_inception(const SomSurvey *survey)
{
  int counts[SOM_MAX_LEVELS] = {0};
  size_t at = 0;
  const SomLandmark *module;
  while ((module = next_module(survey, &at)) != NULL) {
    if (module->level < 3 || module->level > 5 || survey->graph->nodes[module->node].n_inputs < 3)
      return NULL;
    counts[module->level]++;
  }
  for (size_t i = 0; i < G_N_ELEMENTS(inceptions); i++)
    if (memcmp(counts + 3, inceptions[i].by_level, sizeof inceptions[i].by_level) == 0)
      return &inceptions[i];
  return NULL;
}

static void
name_output(const SomNaming *naming, NnValueId value, const Module *module)
{
  if (module->caffe != NULL)
    som_name(naming, value, "%s/output", module->caffe);
  const char *const names[] = {module->lucid, module->torch, module->slim, module->keras,
                               module->caffe};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (names[i] != NULL)
      som_name(naming, value, "%s", names[i]);
}

/* one branch of Inception v1: a convolution, and perhaps one that reduces the channels for it */
static void
name_branch(const SomNaming *naming, NnValueId value, const char *module, const char *name)
{
  const SomSurvey *survey = naming->survey;
  int at = som_survey_behind(survey, value);
  som_name(naming, value, "%s/%s", module, name);
  if (at < 0 || survey->landmarks[at].kind != SOM_CONV)
    return;
  int before =
      som_survey_behind(survey, survey->graph->nodes[survey->landmarks[at].node].inputs[0]);
  if (before < 0)
    return;
  const SomLandmark *reduce = &survey->landmarks[before];
  if (reduce->kind == SOM_CONV && strcmp(name, "1x1") != 0)
    som_name(naming, reduce->settled, "%s/%s_reduce", module, name);
  else if (reduce->kind == SOM_POOL && strcmp(name, "pool_proj") == 0)
    som_name(naming, reduce->out, "%s/pool", module);
}

static void
name_modules(const SomNaming *naming, const InceptionShape *shape)
{
  static const char *const branches[] = {"1x1", "3x3", "5x5", "pool_proj"};
  const SomLandmark *module;
  size_t at = 0;
  for (int m = 0; (module = next_module(naming->survey, &at)) != NULL; m++) {
    const NnNode *node = &naming->survey->graph->nodes[module->node];
    name_output(naming, module->out, &shape->modules[m]);
    for (int i = 0; shape->modules == v1_modules && node->n_inputs == 4 && i < 4; i++)
      name_branch(naming, node->inputs[i], shape->modules[m].caffe, branches[i]);
  }
}

/* the layers before the first module; v1 and v2 have three convolutions there */
static void
name_stem(const SomNaming *naming, const InceptionShape *shape)
{
  static const char *const caffe[] = {"conv1/7x7_s2", "conv2/3x3_reduce", "conv2/3x3"};
  static const char *const v3[] = {"Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3",
                                   "Conv2d_3b_1x1", "Conv2d_4a_3x3"};
  bool is_v3 = shape->modules == v3_modules;
  for (int i = 0; i < (is_v3 ? 5 : 3); i++) {
    const SomLandmark *conv = som_landmark(naming->survey, SOM_CONV, i);
    if (conv == NULL)
      return;
    som_name(naming, conv->settled, "%s", is_v3 ? v3[i] : caffe[i]);
    if (shape->modules == v1_modules) {
      som_name(naming, conv->settled, "conv2d%d", i);
      som_name(naming, conv->settled, "conv%d", i + 1);
    }
  }
}

/* pools between the modules, and the normalisations of the original */
static void
name_pools(const SomNaming *naming)
{
  static const char *const pools[] = {"pool1/3x3_s2", "pool2/3x3_s2", "pool3/3x3_s2",
                                      "pool4/3x3_s2"};
  static const char *const norms[] = {"pool1/norm1", "conv2/norm2"};
  const SomSurvey *survey = naming->survey;
  size_t n_pools = 0, n_norms = 0;
  for (size_t i = 0; i < survey->n_landmarks; i++) {
    const SomLandmark *landmark = &survey->landmarks[i];
    if (landmark->kind == SOM_POOL && survey->cuts[landmark->out] &&
        n_pools < G_N_ELEMENTS(pools)) {
      som_name(naming, landmark->out, "%s", pools[n_pools++]);
      som_name(naming, landmark->out, "maxpool%d", (int)n_pools);
    } else if (landmark->kind == SOM_LRN && n_norms < G_N_ELEMENTS(norms)) {
      som_name(naming, landmark->out, "%s", norms[n_norms++]);
      som_name(naming, landmark->out, "localresponsenorm%d", (int)n_norms - 1);
    }
  }
}

bool
som_family_inception(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  const InceptionShape *shape =
      som_count_landmarks(survey, SOM_ADD) == 0 ? find_inception(survey) : NULL;
  if (shape == NULL)
    return false;
  name_modules(naming, shape);
  name_stem(naming, shape);
  som_name_probabilities(naming);
  if (shape->modules == v1_modules) {
    const SomLandmark *dense = som_landmark(survey, SOM_DENSE, 0);
    name_pools(naming);
    if (dense != NULL)
      som_name(naming, som_survey_biased(survey, dense->out), "loss3/classifier");
  }
  *naming->family = shape->family;
  naming->family->convention =
      som_landmark(survey, SOM_LRN, 0) != NULL ? SOM_AS_IN_CAFFE : SOM_AS_IN_PYTORCH;
  return true;
}

/* ---- SqueezeNet ---- */

#define FIRES 8 /* fire2 to fire9 */

/* a fire module: one convolution squeezes, two of 1x1 and 3x3 expand side by side */
static bool
is_fire(const SomSurvey *survey, const SomLandmark *concat, const SomLandmark *expand[2])
{
  const NnNode *node = &survey->graph->nodes[concat->node];
  if (node->n_inputs != 2)
    return false;
  for (int i = 0; i < 2; i++) {
    int at = node->inputs[i] != NN_NO_VALUE ? som_survey_behind(survey, node->inputs[i]) : -1;
    if (at < 0 || survey->landmarks[at].kind != SOM_CONV ||
        survey->landmarks[at].kernel != (i == 0 ? 1 : 3))
      return false;
    expand[i] = &survey->landmarks[at];
  }
  return true;
}

static void
name_fire(const SomNaming *naming, const SomLandmark *concat, int number)
{
  const SomSurvey *survey = naming->survey;
  const SomLandmark *expand[2];
  is_fire(survey, concat, expand);
  int squeeze = som_survey_behind(survey, survey->graph->nodes[expand[0]->node].inputs[0]);
  som_name(naming, concat->out, "fire%d/concat", number);
  som_name(naming, concat->out, "fire%d", number);
  som_name(naming, expand[0]->settled, "fire%d/expand1x1", number);
  som_name(naming, expand[1]->settled, "fire%d/expand3x3", number);
  if (squeeze >= 0)
    som_name(naming, survey->landmarks[squeeze].settled, "fire%d/squeeze1x1", number);
}

static bool
are_all_fires(const SomSurvey *survey)
{
  const SomLandmark *expand[2];
  for (int i = 0; i < FIRES; i++)
    if (!is_fire(survey, som_landmark(survey, SOM_CONCAT, i), expand))
      return false;
  return true;
}

/* torchvision's "features.N": convolution, ReLU, then pools and fires as they come */
static void
name_squeezenet_features(const SomNaming *naming)
{
  const SomLandmark *first = som_landmark(naming->survey, SOM_CONV, 0);
  int number = 2;
  som_name(naming, first->out, "features.0");
  som_name(naming, first->settled, "features.1");
  for (size_t i = 0; i < naming->survey->n_landmarks; i++) {
    const SomLandmark *landmark = &naming->survey->landmarks[i];
    if (landmark->kind == SOM_POOL || landmark->kind == SOM_CONCAT)
      som_name(naming, landmark->out, "features.%d", number++);
  }
}

bool
som_family_squeezenet(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  if (som_count_landmarks(survey, SOM_CONCAT) != FIRES ||
      som_count_landmarks(survey, SOM_ADD) != 0 || !are_all_fires(survey))
    return false;
  const SomLandmark *first = som_landmark(survey, SOM_CONV, 0);
  const SomLandmark *last = som_landmark(survey, SOM_CONV, 3 * FIRES + 1);
  som_name(naming, first->out, "conv1");
  som_name(naming, first->settled, "relu_conv1");
  for (int i = 0; i < FIRES; i++)
    name_fire(naming, som_landmark(survey, SOM_CONCAT, i), i + 2);
  if (last != NULL) {
    som_name(naming, last->out, "conv10");
    som_name(naming, last->settled, "relu_conv10");
  }
  name_squeezenet_features(naming);
  som_name_probabilities(naming);
  bool early =
      som_landmark(survey, SOM_CONCAT, 1)->level < som_landmark(survey, SOM_CONCAT, 2)->level;
  *naming->family = (SomFamily){
      .title = early ? "SqueezeNet 1.1" : "SqueezeNet 1.0",
      .dream = "fire6/concat",
      .content = "fire5/concat",
      .style = "relu_conv1,fire2/concat,fire4/concat,fire6/concat",
  };
  return true;
}

/* ---- DenseNet ---- */

typedef struct {
  const char *title;
  int layers[4]; /* of each dense block, at halvings 2 to 5 */
} DenseShape;

static const DenseShape densenets[] = {
    {"DenseNet-121", {6, 12, 24, 16}},
    {"DenseNet-169", {6, 12, 32, 32}},
    {"DenseNet-201", {6, 12, 48, 32}},
    {"DenseNet-161", {6, 12, 36, 24}},
};

static void
name_densenet(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  const SomLandmark *stem = som_landmark(survey, SOM_CONV, 0);
  som_name(naming, stem->settled, "relu0");
  for (int block = 1; block <= 4; block++) {
    const SomLandmark *end = NULL, *transition = NULL;
    for (size_t i = 0; i < survey->n_landmarks; i++) {
      const SomLandmark *landmark = &survey->landmarks[i];
      if (landmark->kind == SOM_CONCAT && landmark->level == block + 1)
        end = landmark;
      if (landmark->kind == SOM_POOL && landmark->level == block + 2 && transition == NULL)
        transition = landmark;
    }
    if (end != NULL)
      som_name(naming, end->out, "denseblock%d", block);
    if (transition != NULL)
      som_name(naming, transition->out, "transition%d", block);
  }
}

bool
som_family_densenet(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  int convs[SOM_MAX_LEVELS];
  som_count_by_level(survey, SOM_CONV, 3, convs);
  for (size_t d = 0; d < G_N_ELEMENTS(densenets); d++) {
    int layers = 0;
    for (int b = 0; b < 4; b++)
      layers += densenets[d].layers[b];
    if (memcmp(convs + 2, densenets[d].layers, sizeof densenets[d].layers) != 0 ||
        som_count_landmarks(survey, SOM_ADD) != 0 ||
        som_count_landmarks(survey, SOM_CONCAT) < layers - 4)
      continue;
    name_densenet(naming);
    *naming->family = (SomFamily){
        .title = densenets[d].title,
        .dream = "denseblock3",
        .content = "denseblock2",
        .style = "relu0,denseblock1,denseblock2,denseblock3",
    };
    return true;
  }
  return false;
}
