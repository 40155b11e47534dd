/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Patches row by row, and the mean of what each of them takes from the target. */
#include "nncore/effects/occlude.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/round.h"
#include "nncore/plan/partial.h"
#include "nncore/plan/workspace.h"

#define PATCHES_A_SIDE 14

typedef struct {
  const NnNetwork *network;
  NnContext *context;
  NnTarget *target;
  const NnImage *view;
  int patch_px, stride_px;
  NnProgram *program; /* the target's */
  NnPartial *partial;
  NnCorner *corners;
  int n_corners, n_covered;
  NnTensor *replacement, *gradient; /* the latter is not used but has to be written */
  double value;                     /* of the whole picture */
  NnImage *sum, *count;
} Run;

static void
finish(Run *run)
{
  nn_partial_free(run->partial);
  nn_program_unref(run->program);
  nn_free(run->corners);
  nn_tensor_unref(run->replacement);
  nn_tensor_unref(run->gradient);
  nn_image_free(run->sum);
  nn_image_free(run->count);
}

/* ---- patches ---- */

static void
choose_sides(const NnOcclusionSettings *settings, int width, int height, int *patch_px,
             int *stride_px)
{
  *patch_px =
      settings->patch_px > 0 ? settings->patch_px : MAX(MIN(width, height) / PATCHES_A_SIDE, 1);
  *stride_px = settings->stride_px > 0 ? settings->stride_px : MAX(*patch_px / 2, 1);
}

/* how many patches a side of @size px takes */
static int
count_along(int patch_px, int stride_px, int size)
{
  return nn_divide_up(MAX(size - patch_px, 0), stride_px) + 1;
}

double
nn_occlusion_patches(const NnOcclusionSettings *settings, int width, int height, int *patch_px)
{
  int stride_px;
  choose_sides(settings, width, height, patch_px, &stride_px);
  return (double)count_along(*patch_px, stride_px, width) *
         count_along(*patch_px, stride_px, height);
}

static bool
choose_patches(Run *run, const NnOcclusionSettings *settings, GError **error)
{
  choose_sides(settings, run->view->width, run->view->height, &run->patch_px, &run->stride_px);
  if (run->patch_px <= MIN(run->view->width, run->view->height))
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("A patch of %d px does not fit into what the network sees of the picture, %d x %d "
                "px. Take a smaller patch or a larger working size."),
              run->patch_px, run->view->width, run->view->height);
  return false;
}

static bool
make_corners(Run *run, GError **error)
{
  int rows = count_along(run->patch_px, run->stride_px, run->view->height);
  int columns = count_along(run->patch_px, run->stride_px, run->view->width);
  if (!nn_check_budget(run->context, (size_t)rows * (size_t)columns * sizeof(NnCorner),
                       (size_t)nn_context_memory_left(run->context), error))
    return false;
  run->corners = nn_alloc((size_t)rows * (size_t)columns, sizeof(NnCorner), error);
  if (run->corners == NULL)
    return false;
  for (int row = 0; row < rows; row++)
    for (int column = 0; column < columns; column++)
      run->corners[run->n_corners++] =
          (NnCorner){MIN(row * run->stride_px, run->view->height - run->patch_px),
                     MIN(column * run->stride_px, run->view->width - run->patch_px)};
  return true;
}

/* ---- the network ---- */

/* as many patches at a time as half of the memory budget allows; one, if need be, in all of it */
static bool
make_partial(Run *run, const NnShape *shape, int most, GError **error)
{
  bool chosen = most > 0;
  size_t budget = (size_t)nn_context_memory_left(run->context);
  for (most = chosen ? most : NN_OCCLUSION_BATCH;; most /= 2) {
    g_autoptr(GError) refusal = NULL;
    bool last = chosen || most == 1;
    run->partial =
        nn_partial_new(run->program, run->context, shape, run->patch_px, run->patch_px,
                       run->corners, run->n_corners, most, last ? budget : budget / 2, &refusal);
    if (run->partial != NULL)
      return true;
    if (last || !g_error_matches(refusal, NN_ERROR, NN_ERROR_MEMORY)) {
      g_propagate_error(error, g_steal_pointer(&refusal));
      return false;
    }
  }
}

/* (transfer full): a tensor of @like's shape and layout */
static NnTensor *
tensor_like(const NnTensor *like, GError **error)
{
  NnTensor *tensor = nn_tensor_new(NN_DTYPE_FLOAT, &like->shape, error);
  if (tensor != NULL)
    tensor->layout = like->layout;
  return tensor;
}

static bool
make_replacement(Run *run, NnBaseline fill, GError **error)
{
  g_autoptr(NnImage) cover = nn_baseline_new(run->context, run->view, fill, error);
  if (cover != NULL)
    run->replacement = tensor_like(nn_partial_input(run->partial), error);
  if (run->replacement == NULL)
    return false;
  nn_preprocess_rolled(run->context, cover, &run->network->input, 0, 0, run->replacement);
  NnTensor goal = nn_partial_target(run->partial, 0, 0);
  run->gradient = tensor_like(&goal, error);
  return run->gradient != NULL;
}

static double
value_of(const Run *run, int index)
{
  NnTensor goal = nn_partial_target(run->partial, 0, index);
  return nn_loss_evaluate(nn_target_loss(run->target), run->context, &goal, 1, run->gradient);
}

/* the value of the whole picture: covered with itself */
static void
start_partial(Run *run)
{
  int first, count;
  const NnTensor *input = nn_partial_input(run->partial);
  nn_preprocess_rolled(run->context, run->view, &run->network->input, 0, 0, input);
  nn_partial_forward(run->partial);
  nn_partial_run(run->partial, 0, input, &first, &count);
  run->value = value_of(run, 0);
}

/* ---- the map ---- */

static void
add_patch(Run *run, const NnCorner *corner, float drop)
{
  for (int64_t y = corner->y; y < corner->y + run->patch_px; y++)
    for (int64_t x = corner->x; x < corner->x + run->patch_px; x++) {
      run->sum->data[y * run->view->width + x] += drop;
      run->count->data[y * run->view->width + x] += 1;
    }
}

static bool
cover_all(Run *run, const NnProgress *progress, GError **error)
{
  int batches = nn_partial_n_batches(run->partial);
  for (int batch = 0; batch < batches; batch++) {
    int first, count;
    nn_partial_run(run->partial, batch, run->replacement, &first, &count);
    for (int i = 0; i < count; i++)
      add_patch(run, &run->corners[first + i], (float)(run->value - value_of(run, i)));
    run->n_covered = first + count;
    g_autofree char *text = g_strdup_printf(_("Patch %d of %d"), run->n_covered, run->n_corners);
    NnReport news = {.fraction = (double)(batch + 1) / batches, .text = text};
    NnVerdict verdict = nn_progress_report(progress, &news);
    if (verdict == NN_CANCEL)
      nn_set_cancelled(error);
    if (verdict != NN_CONTINUE)
      return verdict == NN_STOP;
  }
  return true;
}

/* (transfer full) */
static NnImage *
make_empty(const Run *run, GError **error)
{
  NnImage *image = nn_image_new(run->view->width, run->view->height, 1, error);
  if (image != NULL)
    memset(image->data, 0, nn_image_samples(image) * sizeof(float));
  return image;
}

static bool
prepare(Run *run, const NnOcclusionSettings *settings, GError **error)
{
  const NnInputSpec *spec = &run->network->input;
  NnShape shape =
      NN_SHAPE(1, 3, nn_input_size(spec, run->view->height), nn_input_size(spec, run->view->width));
  if (!choose_patches(run, settings, error) || !make_corners(run, error) ||
      !make_partial(run, &shape, settings->most, error) ||
      !make_replacement(run, settings->fill, error))
    return false;
  run->sum = make_empty(run, error);
  run->count = run->sum != NULL ? make_empty(run, error) : NULL;
  return run->count != NULL;
}

NnImage *
nn_occlude(const NnNetwork *network, NnContext *context, NnTarget *target, const NnImage *view,
           const NnOcclusionSettings *settings, const NnProgress *progress, int *patches,
           GError **error)
{
  Run run = {.network = network, .context = context, .target = target, .view = view};
  NnImage *map = NULL;
  run.program = nn_program_ref(nn_target_program(target));
  nn_target_close(target);
  if (prepare(&run, settings, error)) {
    start_partial(&run);
    if (cover_all(&run, progress, error))
      map = g_steal_pointer(&run.sum);
  }
  for (size_t i = 0; map != NULL && i < nn_image_samples(map); i++)
    map->data[i] /= MAX(run.count->data[i], 1);
  *patches = run.n_covered;
  finish(&run);
  return map;
}
