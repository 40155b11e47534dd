/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run-effect EFFECT NETWORK IN OUT [KEY=VALUE...]: an effect without GIMP, for looking at pictures
 * and measuring. IN is a binary PPM of 8 or 16 bits, or, by the ending .npy, height x width x 3 floats
 * of 0..1; "-" is none. Keys are those of the effect; a drawable, file or region takes a picture's
 * name, a network a file's, a folder that of one with PPM files. Also threads=N, memory-mb=N,
 * cache=FOLDER and selection=PICTURE. Says on standard error what the run is expected to take and how
 * far it is, and prints the results' labels, and captions with their boxes.
 *
 * An OUT with ".16." in it is written with 16 bits a channel; one that ends in .npy holds the numbers
 * themselves. Of several pictures the second goes to 2-OUT and so on. What is partly transparent is
 * laid over the picture. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "nncore/effects/effect.h"
#include "tests/effects/ppm-folder.h"
#include "weights/networks.h"
#include "weights/npy.h"

static G_GNUC_NORETURN void
fail(const char *message)
{
  g_printerr("run-effect: %s\n", message);
  exit(1);
}

static NnImage *
load_npy(const char *path)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnTensor) tensor = som_npy_load(path, &error);
  if (tensor == NULL)
    fail(error->message);
  if (tensor->shape.rank != 3 || tensor->shape.dim[2] != 3)
    fail("give a picture of height x width x 3");
  NnImage *image = nn_image_new((int)tensor->shape.dim[1], (int)tensor->shape.dim[0], 4, &error);
  if (image == NULL)
    fail(error->message);
  for (size_t i = 0; i < nn_image_samples(image); i++)
    image->data[i] = i % 4 == 3 ? 1 : tensor->f[i / 4 * 3 + i % 4];
  return image;
}

static NnImage *
load(const char *path)
{
  if (g_str_has_suffix(path, ".npy"))
    return load_npy(path);
  int width, height, white;
  FILE *file = fopen(path, "rb");
  if (file == NULL || fscanf(file, "P6 %d %d %d", &width, &height, &white) != 3 ||
      fgetc(file) == EOF || (white != 255 && white != 65535))
    fail("cannot read the picture: give a binary PPM of 8 or 16 bits");
  g_autoptr(GError) error = NULL;
  NnImage *image = nn_image_new(width, height, 4, &error);
  if (image == NULL)
    fail(error->message);
  for (size_t i = 0; i < nn_image_samples(image); i++) {
    int high = i % 4 == 3 || white == 255 ? 0 : fgetc(file);
    image->data[i] = i % 4 == 3 ? 1 : (float)(high * 256 + fgetc(file)) / (float)white;
  }
  fclose(file);
  return image;
}

/* ---- results ---- */

/* the red of a picture */
static NnImage *
load_region(const char *path)
{
  g_autoptr(NnImage) picture = load(path);
  NnImage *region = nn_image_new(picture->width, picture->height, 1, NULL);
  for (size_t i = 0; i < nn_image_samples(region); i++)
    region->data[i] = picture->data[4 * i];
  return region;
}

/* colour @c of pixel @i of a result: over the content where it is partly transparent */
static float
level_of(const NnResult *result, const NnImage *content, size_t i, size_t c)
{
  const NnImage *image = result->image;
  if (image->channels == 1)
    return image->data[i];
  float level = image->data[(size_t)image->channels * i + c];
  if (content == NULL || (!result->own_alpha && result->opacity == 1))
    return level;
  float alpha = (result->own_alpha ? image->data[4 * i + 3] : 1) * (float)result->opacity;
  return alpha * level + (1 - alpha) * content->data[4 * i + c];
}

/* without alpha, unless it is the result's own */
static void
save_numbers(const NnResult *result, const char *path)
{
  g_autoptr(GError) error = NULL;
  const NnImage *image = result->image;
  int channels = result->own_alpha ? image->channels : MIN(image->channels, 3);
  NnShape shape = NN_SHAPE(image->height, image->width, channels);
  g_autoptr(NnTensor) tensor = nn_tensor_new(NN_DTYPE_FLOAT, &shape, &error);
  if (tensor == NULL)
    fail(error->message);
  for (int64_t i = 0; i < nn_shape_count(&shape); i++)
    tensor->f[i] = image->data[i / channels * image->channels + i % channels];
  if (!som_npy_save(path, tensor, &error))
    fail(error->message);
}

static void
save(const NnResult *result, const NnImage *content, const char *path)
{
  const NnImage *image = result->image;
  if (g_str_has_suffix(path, ".npy")) {
    save_numbers(result, path);
    return;
  }
  FILE *file = fopen(path, "wb");
  if (file == NULL)
    fail("cannot write the picture");
  bool deep = strstr(path, ".16.") != NULL;
  int white = deep ? 65535 : 255;
  fprintf(file, "P6\n%d %d\n%d\n", image->width, image->height, white);
  for (size_t i = 0; i < nn_image_samples(image) / (size_t)image->channels; i++)
    for (size_t c = 0; c < 3; c++) {
      int level = (int)(CLAMP(level_of(result, content, i, c), 0, 1) * (float)white + 0.5f);
      if (deep)
        fputc(level >> 8, file);
      fputc(level & 255, file);
    }
  if (fclose(file) != 0)
    fail("cannot write the picture");
}

static void
save_all(GArray *results, const NnImage *content, const char *path)
{
  g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
  int pictures = 0;
  for (guint i = 0; i < results->len; i++) {
    const NnResult *result = &g_array_index(results, NnResult, i);
    g_print("%s\n", result->label);
    for (guint k = 0; result->captions != NULL && k < result->captions->len; k++) {
      const NnCaption *caption = &g_array_index(result->captions, NnCaption, k);
      g_print("caption %d %d %d %d %s\n", caption->box.x, caption->box.y, caption->box.width,
              caption->box.height, caption->text);
    }
    if (result->image == NULL)
      continue;
    g_autofree char *numbered = g_strdup_printf("%s/%d-%s", folder, ++pictures, name);
    save(result, content, pictures == 1 ? path : numbered);
  }
}

static int64_t
choice_index(const NnParam *param, const char *nick)
{
  for (int i = 0; param->choices[i].nick != NULL; i++)
    if (strcmp(param->choices[i].nick, nick) == 0)
      return i;
  return -1;
}

static NnNetwork *
open_network(const char *path)
{
  g_autoptr(GError) error = NULL;
  NnNetwork *network = som_network_open_file(path, &error);
  if (network == NULL)
    fail(error->message);
  return network;
}

static void
set_argument(const NnParam *param, NnArgument *argument, const char *value)
{
  argument->i = g_ascii_strtoll(value, NULL, 10);
  argument->d = g_ascii_strtod(value, NULL);
  argument->text = value;
  if (param->kind == NN_PARAM_CHOICE)
    argument->i = choice_index(param, value);
  if (param->kind == NN_PARAM_DRAWABLE || param->kind == NN_PARAM_FILE)
    argument->image = load(value);
  if (param->kind == NN_PARAM_FOLDER && (argument->source = ppm_folder_open(value, load)) == NULL)
    fail("cannot list the folder");
  if (param->kind == NN_PARAM_REGION)
    argument->image = load_region(value);
  if (param->kind == NN_PARAM_NETWORK)
    argument->network = open_network(value);
}

typedef struct {
  int threads;
  int64_t memory_mb;
  const char *cache;
  NnImage *selection;
} Settings;

static Settings
read_arguments(const NnEffect *effect, NnArgument *arguments, char **words)
{
  Settings settings = {0};
  for (; *words != NULL; words++) {
    char *value = strchr(*words, '=');
    if (value == NULL)
      fail("give arguments as KEY=VALUE");
    *value++ = '\0';
    int i = 0;
    while (effect->params[i].key != NULL && strcmp(effect->params[i].key, *words) != 0)
      i++;
    if (effect->params[i].key != NULL)
      set_argument(&effect->params[i], &arguments[i], value);
    else if (strcmp(*words, "threads") == 0)
      settings.threads = (int)g_ascii_strtoll(value, NULL, 10);
    else if (strcmp(*words, "memory-mb") == 0)
      settings.memory_mb = g_ascii_strtoll(value, NULL, 10);
    else if (strcmp(*words, "cache") == 0)
      settings.cache = value;
    else if (strcmp(*words, "selection") == 0)
      settings.selection = load_region(value);
    else
      fail("there is no such argument");
  }
  return settings;
}

static NnVerdict
show(const NnReport *report, gpointer user_data)
{
  if (report->text != NULL)
    g_printerr("%3.0f %% %s\n", 100 * report->fraction, report->text);
  return NN_CONTINUE;
}

static double
peak_mib(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss / 1024;
}

/* beside what it took: what the dialog would have told */
static void
tell_expected(NnEffectRun *run)
{
  const NnImage *content = run->content;
  NnEstimate estimate;
  if (nn_effect_estimate(run, content != NULL ? content->width : 0,
                         content != NULL ? content->height : 0, &estimate, NULL))
    g_printerr("expected%s %.2f GMAC, %.1f MiB over %.1f MiB\n", estimate.at_most ? " at most" : "",
               estimate.multiply_adds / 1e9, estimate.bytes / 1048576, peak_mib());
}

int
main(int argc, char **argv)
{
  const NnEffect *effect = argc < 5 ? NULL : nn_effect_find(argv[1]);
  if (effect == NULL)
    fail("usage: run-effect EFFECT NETWORK IN.ppm OUT.ppm [KEY=VALUE...]");
  g_autoptr(GError) error = NULL;
  g_autoptr(NnNetwork) network = open_network(argv[2]);
  g_autofree NnArgument *arguments = nn_effect_arguments(effect);
  for (int i = 0; i < nn_effect_n_params(effect); i++)
    if (effect->params[i].kind == NN_PARAM_NETWORK && !effect->params[i].optional)
      arguments[i].network = network;
  Settings settings = read_arguments(effect, arguments, argv + 5);
  g_autoptr(NnContext) context = nn_context_new(settings.threads);
  nn_context_set_memory_budget(context, settings.memory_mb << 20);
  g_autoptr(NnImage) content = strcmp(argv[3], "-") == 0 ? NULL : load(argv[3]);
  NnProgress progress = {.func = show};
  NnEffectRun run = {.effect = effect,
                     .context = context,
                     .arguments = arguments,
                     .content = content,
                     .cache_folder = settings.cache,
                     .selection = settings.selection,
                     .progress = &progress,
                     .results = nn_results_new()};
  tell_expected(&run);
  gint64 start = g_get_monotonic_time();
  if (!nn_effect_run(&run, &error))
    fail(error->message);
  g_print("%s: %.3f s\n", effect->id, (double)(g_get_monotonic_time() - start) / 1e6);
  save_all(run.results, content, argv[4]);
  g_printerr("peak %.1f MiB\n", peak_mib());
  g_array_unref(run.results);
  nn_image_free(settings.selection);
  for (int i = 0; i < nn_effect_n_params(effect); i++) {
    nn_image_free((NnImage *)arguments[i].image);
    if (arguments[i].network != network)
      nn_network_free((NnNetwork *)arguments[i].network);
  }
  return 0;
}
