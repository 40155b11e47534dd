/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the recognisers share, and their order. */
#include "weights/families.h"

#include <stdarg.h>
#include <string.h>

static bool (*const recognisers[])(const SomNaming *) = {
    som_family_vgg,        som_family_darknet,  som_family_alexnet, som_family_inception,
    som_family_squeezenet, som_family_densenet, som_family_resnet,  som_family_mobile,
};

void
som_name(const SomNaming *naming, NnValueId value, const char *format, ...)
{
  const char *tensor = som_survey_name(naming->survey, value);
  if (tensor == NULL)
    return;
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *alias = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  nn_network_add_alias(naming->network, alias, tensor);
}

void
som_name_head(const SomNaming *naming, int first)
{
  int n = som_count_landmarks(naming->survey, SOM_DENSE);
  for (int i = 0; i < n && n == 3; i++) {
    const SomLandmark *dense = som_landmark(naming->survey, SOM_DENSE, i);
    NnValueId out = som_survey_biased(naming->survey, dense->out);
    NnValueId activated = som_survey_activated(naming->survey, out);
    som_name(naming, out, "fc%d", first + i);
    if (activated != out)
      som_name(naming, activated, "relu%d", first + i);
  }
  som_name_probabilities(naming);
}

void
som_name_probabilities(const SomNaming *naming)
{
  const NnGraph *graph = naming->survey->graph;
  for (size_t i = graph->n_nodes; i-- > 0;)
    if (strcmp(graph->nodes[i].op->onnx_name, "Softmax") == 0) {
      som_name(naming, graph->nodes[i].outputs[0], "prob");
      break;
    }
}

const SomLandmark *
som_landmark(const SomSurvey *survey, SomLandmarkKind kind, int n)
{
  for (size_t i = 0; i < survey->n_landmarks; i++)
    if (survey->landmarks[i].kind == kind && n-- == 0)
      return &survey->landmarks[i];
  return NULL;
}

int
som_count_landmarks(const SomSurvey *survey, SomLandmarkKind kind)
{
  int count = 0;
  for (size_t i = 0; i < survey->n_landmarks; i++)
    count += survey->landmarks[i].kind == kind;
  return count;
}

bool
som_count_by_level(const SomSurvey *survey, SomLandmarkKind kind, int64_t kernel,
                   int counts[SOM_MAX_LEVELS])
{
  bool all = true;
  memset(counts, 0, SOM_MAX_LEVELS * sizeof *counts);
  for (size_t i = 0; i < survey->n_landmarks; i++) {
    const SomLandmark *landmark = &survey->landmarks[i];
    if (landmark->kind != kind || (kernel != 0 && landmark->kernel != kernel))
      continue;
    if (landmark->level >= 0 && landmark->level < SOM_MAX_LEVELS)
      counts[landmark->level]++;
    else
      all = false;
  }
  return all;
}

SomFamily
som_family_recognise(NnNetwork *network, const SomSurvey *survey)
{
  SomFamily family = {0};
  SomNaming naming = {network, survey, &family};
  for (size_t i = 0; i < G_N_ELEMENTS(recognisers); i++)
    if (recognisers[i](&naming))
      break;
  return family;
}
