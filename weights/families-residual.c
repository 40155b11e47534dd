/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks of blocks with a shortcut that ends in Add: ResNet (He et al. 2015, v2: 2016) and
 * ResNeXt (Xie et al. 2016), RegNet, and those with a convolution of its own for each channel
 * (depthwise): MobileNet, MNASNet, EfficientNet, ShuffleNet, ConvNeXt. */
#include <string.h>

#include "weights/families.h"

#define FIRST_STAGE 2 /* halvings before the first stage */

static int
count_depthwise(const SomSurvey *survey, int64_t kernel)
{
  int count = 0;
  for (size_t i = 0; i < survey->n_landmarks; i++) {
    const SomLandmark *landmark = &survey->landmarks[i];
    count += landmark->kind == SOM_CONV && landmark->groups > 1 &&
             landmark->groups == landmark->channels && (kernel == 0 || landmark->kernel == kernel);
  }
  return count;
}

static int
count_grouped(const SomSurvey *survey)
{
  int count = 0;
  for (size_t i = 0; i < survey->n_landmarks; i++) {
    const SomLandmark *landmark = &survey->landmarks[i];
    count +=
        landmark->kind == SOM_CONV && landmark->groups > 1 && landmark->groups < landmark->channels;
  }
  return count;
}

/* ---- ResNet ---- */

typedef struct {
  const char *title, *v2_title, *grouped_title;
  bool bottleneck; /* one 3x3 convolution a block, between two of 1x1 */
  int blocks[4];   /* in each stage */
} ResShape;

static const ResShape resnets[] = {
    {"ResNet-18", "ResNet-18 v2", NULL, false, {2, 2, 2, 2}},
    {"ResNet-34", "ResNet-34 v2", NULL, false, {3, 4, 6, 3}},
    {"ResNet-50", "ResNet-50 v2", "ResNeXt-50", true, {3, 4, 6, 3}},
    {"ResNet-101", "ResNet-101 v2", "ResNeXt-101", true, {3, 4, 23, 3}},
    {"ResNet-152", "ResNet-152 v2", "ResNeXt-152", true, {3, 8, 36, 3}},
};

/* A block's end: the activation behind the sum, or the sum itself where the next block begins
 * with the activation (v2). */
static NnValueId
block_end(const SomSurvey *survey, const SomLandmark *add)
{
  return som_survey_activated(survey, add->out);
}

/* Caffe's names: res3a, res3b, ...; in long stages res4a, res4b1, res4b2, ... */
static void
name_as_in_caffe(const SomNaming *naming, NnValueId value, int stage, int block, int blocks)
{
  if (blocks <= 6)
    som_name(naming, value, "res%d%c", stage + 1, 'a' + block);
  else if (block == 0)
    som_name(naming, value, "res%da", stage + 1);
  else
    som_name(naming, value, "res%db%d", stage + 1, block);
}

static void
name_resnet(const SomNaming *naming, const int counts[SOM_MAX_LEVELS])
{
  const SomSurvey *survey = naming->survey;
  const SomLandmark *stem = som_landmark(survey, SOM_CONV, 0);
  int stage = 0, block = 0, last_level = -1;
  som_name(naming, stem->out, "conv1");
  som_name(naming, stem->settled, "relu");
  for (size_t i = 0; i < survey->n_landmarks; i++) {
    const SomLandmark *add = &survey->landmarks[i];
    if (add->kind == SOM_POOL && last_level < 0) {
      som_name(naming, add->out, "maxpool");
      som_name(naming, add->out, "pool1");
    }
    if (add->kind != SOM_ADD)
      continue;
    stage += add->level != last_level;
    block = add->level != last_level ? 0 : block + 1;
    last_level = add->level;
    NnValueId end = block_end(survey, add);
    som_name(naming, end, "layer%d.%d", stage, block);
    if (block == counts[add->level] - 1)
      som_name(naming, end, "layer%d", stage);
    name_as_in_caffe(naming, end, stage, block, counts[add->level]);
  }
  const SomLandmark *dense = som_landmark(survey, SOM_DENSE, 0);
  if (dense != NULL)
    som_name(naming, som_survey_biased(survey, dense->out), "fc");
  som_name_probabilities(naming);
}

static int
count_3x3(const SomSurvey *survey)
{
  int counts[SOM_MAX_LEVELS], sum = 0;
  som_count_by_level(survey, SOM_CONV, 3, counts);
  for (int i = 0; i < SOM_MAX_LEVELS; i++)
    sum += counts[i];
  return sum;
}

static const ResShape *
find_resnet(const SomSurvey *survey, const int counts[SOM_MAX_LEVELS], bool grouped)
{
  int blocks = som_count_landmarks(survey, SOM_ADD);
  bool bottleneck = count_3x3(survey) < 2 * blocks;
  for (size_t r = 0; r < G_N_ELEMENTS(resnets); r++)
    if (memcmp(counts + FIRST_STAGE, resnets[r].blocks, sizeof resnets[r].blocks) == 0 &&
        resnets[r].bottleneck == bottleneck && (!grouped || resnets[r].grouped_title != NULL))
      return &resnets[r];
  return NULL;
}

/* the next block, not this one, begins with the activation */
static bool
is_v2(const SomSurvey *survey)
{
  const SomLandmark *add = som_landmark(survey, SOM_ADD, 0);
  return block_end(survey, add) == add->out;
}

static const char *
resnet_title(const SomSurvey *survey, const ResShape *shape, bool grouped)
{
  if (shape == NULL)
    return "RegNet";
  if (grouped)
    return shape->grouped_title;
  return is_v2(survey) ? shape->v2_title : shape->title;
}

bool
som_family_resnet(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  int counts[SOM_MAX_LEVELS], blocks = som_count_landmarks(survey, SOM_ADD);
  if (blocks < 4 || som_count_landmarks(survey, SOM_CONV) == 0 || count_depthwise(survey, 0) > 0 ||
      som_count_landmarks(survey, SOM_CONCAT) > 0 ||
      !som_count_by_level(survey, SOM_ADD, 0, counts))
    return false;
  bool grouped = count_grouped(survey) > 0;
  const ResShape *shape = find_resnet(survey, counts, grouped);
  if (shape == NULL && !grouped)
    return false;
  name_resnet(naming, counts);
  *naming->family = (SomFamily){
      .title = resnet_title(survey, shape, grouped),
      .dream = "layer3|layer2",
      .content = "layer2|layer1",
      .style = "relu,layer1,layer2,layer3",
  };
  return true;
}

/* ---- depthwise ---- */

/* "features.N" of torchvision's MobileNet v2: the stem, 17 blocks, the last convolution */
static void
name_mobilenet_v2(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  const SomLandmark *marks = survey->landmarks;
  int number = 0;
  som_name(naming, som_landmark(survey, SOM_CONV, 0)->settled, "features.%d", number++);
  for (size_t i = 0; i + 1 < survey->n_landmarks; i++) {
    if (marks[i].kind != SOM_CONV || marks[i].groups <= 1)
      continue;
    bool is_added = i + 2 < survey->n_landmarks && marks[i + 2].kind == SOM_ADD;
    som_name(naming, is_added ? marks[i + 2].out : marks[i + 1].settled, "features.%d", number++);
  }
  for (size_t i = survey->n_landmarks; i-- > 0;)
    if (marks[i].kind == SOM_CONV && marks[i].level >= 0) {
      som_name(naming, marks[i].settled, "features.%d", number);
      break;
    }
}

/* the activations that tell them apart */
static const char *
mobile_title(const SomSurvey *survey, int depthwise, int adds)
{
  bool has_clip = som_survey_count(survey, "Clip") > 0;
  bool has_hard = som_survey_count(survey, "HardSwish") + som_survey_count(survey, "HardSigmoid");
  if (count_depthwise(survey, 7) >= 9)
    return "ConvNeXt";
  if (adds == 0)
    return "MobileNet v1";
  if (has_hard)
    return "MobileNet v3";
  if (som_survey_count(survey, "Sigmoid") > 0)
    return "EfficientNet";
  if (depthwise == 17 && adds == 10 && count_depthwise(survey, 3) == 17)
    return "MobileNet v2";
  return has_clip ? "EfficientNet-Lite" : "MNASNet";
}

/* channels are dealt out anew between the blocks, by a Transpose of five dimensions */
static bool
is_shuffled(const SomSurvey *survey)
{
  int count = 0;
  for (size_t i = 0; i < survey->graph->n_nodes; i++) {
    const NnNode *node = &survey->graph->nodes[i];
    count += strcmp(node->op->onnx_name, "Transpose") == 0 && node->n_outputs > 0 &&
             node->outputs[0] != NN_NO_VALUE &&
             survey->graph->values[node->outputs[0]].type.shape.rank == 5;
  }
  return count >= 4;
}

bool
som_family_mobile(const SomNaming *naming)
{
  const SomSurvey *survey = naming->survey;
  int depthwise = count_depthwise(survey, 0), adds = som_count_landmarks(survey, SOM_ADD);
  if (depthwise < 9)
    return false;
  const char *title = "ShuffleNet";
  if (!is_shuffled(survey))
    title = mobile_title(survey, depthwise, adds);
  if (strcmp(title, "MobileNet v2") == 0)
    name_mobilenet_v2(naming);
  naming->family->title = title;
  return true;
}
