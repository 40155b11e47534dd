/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolutions both ways: ordering the weights, and describing gathers to the kernels. */
#include "nncore/ops/conv-taps.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/round.h"
#include "nncore/kernels/conv.h"
#include "nncore/kernels/winograd.h"
#include "nncore/ops/window.h"

/* taps by their index in depth-height-width order */
typedef struct {
  int n_taps;
  int *taps;
} TapSet;

struct NnConvTaps {
  int64_t kernel[3];
  bool winograd;  /* how the filters are kept */
  bool back;      /* they serve both ways */
  float *filters; /* NULL: not ready */
  NnFilters shape;
  TapSet forward; /* all taps */
  int n_phases;   /* 0 where the other way is not run by gathers */
  TapSet *phases; /* their taps are in phase_taps */
  int *phase_taps;
};

bool
nn_conv_parse(NnAttributes *attributes, NnConvParams *params, GError **error)
{
  if (!nn_window_parse(attributes, false, &params->window, error) ||
      !nn_attributes_int(attributes, "group", 1, &params->groups, error))
    return false;
  if (params->groups >= 1 && params->groups <= G_MAXINT32)
    return true;
  g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED,
                      _("The number of groups must be at least 1."));
  return false;
}

/* ---- weights ---- */

static void
tap_position(const int64_t kernel[3], int tap, int64_t k[3])
{
  k[2] = tap % kernel[2];
  k[1] = tap / kernel[2] % kernel[1];
  k[0] = tap / kernel[2] / kernel[1];
}

static bool
use_winograd(const NnConvParams *params, const NnShape *w)
{
  const NnWindow *window = &params->window;
  bool square = w->rank == 4 && w->dim[2] == 3 && w->dim[3] == 3 && params->groups == 1;
  for (int d = 1; d < 3; d++) /* 0 stands for the default, 1 */
    square = square && window->stride[d] <= 1 && window->dilation[d] <= 1;
  return square && nn_winograd_fits(w->dim[1], w->dim[0]);
}

static NnFilters
filters_shape(const NnConvParams *params, const NnShape *w)
{
  return (NnFilters){
      .groups = (int)params->groups,
      .inputs = w->dim[1] * params->groups,
      .outputs = w->dim[0],
      .taps = (int)nn_shape_product(w, 2, w->rank),
  };
}

size_t
nn_conv_taps_bytes(const NnConvParams *params, const NnShape *w, bool back, bool lean)
{
  NnFilters shape = filters_shape(params, w);
  if (!use_winograd(params, w))
    return nn_filters_bytes(&shape, back);
  return lean ? 0 : nn_winograd_filters_bytes(shape.inputs, shape.outputs, back);
}

bool
nn_conv_taps_ready(const NnConvTaps *taps)
{
  return taps->filters != NULL;
}

static bool
fill_filters(NnConvTaps *prepared, const float *w, size_t bytes, GError **error)
{
  const NnFilters *shape = &prepared->shape;
  bool back = prepared->back;
  if (bytes == 0) /* lean */
    return true;
  prepared->filters = nn_alloc(bytes, 1, error);
  if (prepared->filters == NULL)
    return false;
  if (prepared->winograd)
    nn_winograd_filters(w, shape->inputs, shape->outputs, back, prepared->filters);
  else
    nn_filters_fill(shape, w, back, prepared->filters);
  return true;
}

static int64_t
common_divisor(int64_t a, int64_t b)
{
  return b == 0 ? a : common_divisor(b, a % b);
}

/* after how many taps of an axis the residue of (k dilation) mod stride comes again */
static int64_t
residue_period(const NnWindow *window, int d)
{
  int64_t stride = MAX(window->stride[d], 1), dilation = MAX(window->dilation[d], 1);
  return stride / common_divisor(stride, dilation);
}

/* which phase a tap belongs to: they are in the order of their first taps */
static int64_t
phase_of(const NnConvTaps *prepared, const NnWindow *window, int tap)
{
  int64_t k[3], phase = 0;
  tap_position(prepared->kernel, tap, k);
  for (int d = 0; d < 3; d++) {
    int64_t period = residue_period(window, d);
    phase = phase * MIN(period, prepared->kernel[d]) + k[d] % period;
  }
  return phase;
}

static int64_t
count_phases(const NnConvTaps *prepared, const NnWindow *window)
{
  int64_t count = 1;
  for (int d = 0; d < 3; d++)
    count *= MIN(residue_period(window, d), prepared->kernel[d]);
  return count;
}

/* sorts the taps into phases */
static bool
split_phases(const NnConvParams *params, NnConvTaps *prepared, GError **error)
{
  const NnWindow *window = &params->window;
  int n_taps = prepared->forward.n_taps, begin = 0;
  int64_t n_phases = count_phases(prepared, window);
  prepared->phases = nn_alloc0((size_t)n_phases, sizeof(TapSet), error);
  prepared->phase_taps = prepared->phases != NULL
                             ? nn_alloc((size_t)n_taps, sizeof *prepared->phase_taps, error)
                             : NULL;
  if (prepared->phase_taps == NULL)
    return false;
  prepared->n_phases = (int)n_phases;
  for (int t = 0; t < n_taps; t++)
    prepared->phases[phase_of(prepared, window, t)].n_taps++;
  for (int i = 0; i < prepared->n_phases; begin += prepared->phases[i++].n_taps)
    prepared->phases[i].taps = prepared->phase_taps + begin;
  int *next = nn_alloc0((size_t)n_phases, sizeof *next, error);
  for (int t = 0; next != NULL && t < n_taps; t++) {
    int64_t phase = phase_of(prepared, window, t);
    prepared->phases[phase].taps[next[phase]++] = t;
  }
  nn_free(next);
  return next != NULL;
}

void
nn_conv_taps_free(NnConvTaps *taps)
{
  if (taps == NULL)
    return;
  nn_free(taps->phases);
  nn_free(taps->phase_taps);
  nn_free(taps->filters);
  nn_free(taps->forward.taps);
  nn_free(taps);
}

static bool
list_all(TapSet *set, GError **error)
{
  set->taps = nn_alloc((size_t)set->n_taps, sizeof *set->taps, error);
  for (int t = 0; set->taps != NULL && t < set->n_taps; t++)
    set->taps[t] = t;
  return set->taps != NULL;
}

NnConvTaps *
nn_conv_taps_new(const NnConvParams *params, const NnTensor *w, bool back, bool lean,
                 GError **error)
{
  NnConvTaps *taps = nn_alloc0(1, sizeof *taps, error);
  if (taps == NULL)
    return NULL;
  nn_window_input_dims(&w->shape, taps->kernel);
  taps->winograd = use_winograd(params, &w->shape);
  taps->back = back;
  taps->shape = filters_shape(params, &w->shape);
  taps->forward.n_taps = taps->shape.taps;
  if (fill_filters(taps, w->f, nn_conv_taps_bytes(params, &w->shape, back, lean), error) &&
      (taps->winograd ||
       (list_all(&taps->forward, error) && (!back || split_phases(params, taps, error)))))
    return taps;
  nn_conv_taps_free(taps);
  return NULL;
}

/* ---- running ---- */

/* scratch: the offsets of the taps, then the kernel's own */
static size_t
offsets_bytes(int64_t n_taps)
{
  size_t bytes = (size_t)n_taps * 3 * sizeof(int64_t);
  return nn_align(bytes);
}

/* what both ways have in common */
static NnGather
start_gather(const NnFilters *shape, const int64_t kernel[3], const NnShape *x, const NnShape *y,
             const NnWindow *window, bool back)
{
  NnGather gather = {
      .batch = x->dim[0],
      .target_step = {1, 1, 1},
      .source_step = {1, 1, 1},
      .n_taps = shape->taps,
      .tap_rows = kernel[0] * kernel[1],
      .reach = (kernel[2] - 1) * MAX(window->dilation[2], 1),
      .shape = *shape,
      .back = back,
  };
  nn_window_input_dims(back ? y : x, gather.source_dims);
  nn_window_input_dims(back ? x : y, gather.target_dims);
  memcpy(gather.count, gather.target_dims, sizeof gather.count);
  for (int d = 0; d < 3 && !back; d++)
    gather.source_step[d] = MAX(window->stride[d], 1);
  return gather;
}

NnGather
nn_conv_any_gather(const NnConvParams *params, const NnShape *w, const NnShape *x, const NnShape *y,
                   bool back)
{
  NnFilters shape = filters_shape(params, w);
  int64_t kernel[3];
  nn_window_input_dims(w, kernel);
  NnGather gather = start_gather(&shape, kernel, x, y, &params->window, back);
  for (int d = 0; d < 3 && back; d++)
    gather.target_step[d] = MAX(params->window.stride[d], 1);
  return gather;
}

/* running back, the most that a phase may need */
static size_t
gather_scratch(const NnConvParams *params, const NnShape *w, const NnShape *x, const NnShape *y,
               bool back, int threads)
{
  NnGather gather = nn_conv_any_gather(params, w, x, y, back);
  return nn_gather_scratch_bytes(&gather, threads);
}

/* X to Y; or Y to X, which is Y convolved with the flipped taps, padded by what the window reaches
 * beyond its own pad */
static NnWinograd
describe_winograd(const NnShape *x, const NnShape *y, const NnWindow *window, bool back)
{
  const NnShape *source = back ? y : x, *target = back ? x : y;
  return (NnWinograd){
      .batch = x->dim[0],
      .source_height = source->dim[2],
      .source_width = source->dim[3],
      .source_channels = source->dim[1],
      .target_height = target->dim[2],
      .target_width = target->dim[3],
      .target_channels = target->dim[1],
      .pad_top = back ? 2 - window->pad_begin[1] : window->pad_begin[1],
      .pad_left = back ? 2 - window->pad_begin[2] : window->pad_begin[2],
      .back = back,
  };
}

static size_t
winograd_scratch(const NnConvParams *params, const NnShape *x, const NnShape *y, bool back,
                 int threads)
{
  NnWinograd winograd = describe_winograd(x, y, &params->window, back);
  return nn_winograd_scratch_bytes(&winograd, threads);
}

/* of filters that one run makes: running back they are made for both ways */
static size_t
run_filters_bytes(const NnConvTaps *taps, bool back)
{
  bool ready = taps == NULL || nn_conv_taps_ready(taps);
  return ready ? 0 : nn_winograd_filters_bytes(taps->shape.inputs, taps->shape.outputs, back);
}

size_t
nn_conv_scratch_bytes(const NnConvParams *params, const NnConvTaps *taps, const NnShape *w,
                      const NnShape *x, const NnShape *y, int threads, bool there, bool back)
{
  bool winograd = use_winograd(params, w);
  size_t one_way = 0, other_way = 0;
  if (there)
    one_way = run_filters_bytes(taps, false) +
              (winograd ? winograd_scratch(params, x, y, false, threads)
                        : gather_scratch(params, w, x, y, false, threads));
  if (back)
    other_way =
        run_filters_bytes(taps, true) + (winograd ? winograd_scratch(params, x, y, true, threads)
                                                  : gather_scratch(params, w, x, y, true, threads));
  return (winograd ? 0 : offsets_bytes(nn_shape_product(w, 2, w->rank))) + MAX(one_way, other_way);
}

/* those that are ready, or made for this run at the beginning of @scratch, which then begins behind them */
static const float *
find_filters(const NnConvRun *run, bool back, char **scratch)
{
  const NnConvTaps *taps = run->taps;
  if (nn_conv_taps_ready(taps))
    return taps->filters;
  float *filters = (float *)*scratch;
  nn_winograd_filters_run(run->context, run->weights, taps->shape.inputs, taps->shape.outputs, back,
                          filters);
  *scratch += run_filters_bytes(taps, back);
  return filters;
}

static void
run_winograd(const NnConvRun *run, bool back)
{
  char *scratch = run->scratch;
  const NnShape *y = run->bare != NULL ? run->bare : &run->y->shape;
  NnWinograd winograd = describe_winograd(&run->x->shape, y, run->window, back);
  winograd.filters = find_filters(run, back, &scratch);
  winograd.pools = run->bare != NULL;
  winograd.winners = run->winners;
  winograd.target_pixel = back ? 0 : run->y_pixel;
  NnFinish finish =
      back ? nn_finish_gate(run->gate) : nn_finish(run->bias, run->activation, run->bits);
  const NnTensor *source = back ? run->y : run->x, *target = back ? run->x : run->y;
  nn_winograd_run(run->context, &winograd, source->f, target->f, &finish, scratch);
}

/* X to Y: one gather */
static NnGather
describe_there(const NnConvTaps *prepared, const NnShape *x, const NnShape *y,
               const NnWindow *window, int64_t (*offsets)[3])
{
  NnGather gather = start_gather(&prepared->shape, prepared->kernel, x, y, window, false);
  gather.offsets = (const int64_t(*)[3])offsets;
  gather.taps = prepared->forward.taps;
  gather.filters = prepared->filters;
  for (int t = 0; t < prepared->forward.n_taps; t++) {
    int64_t k[3];
    tap_position(prepared->kernel, t, k);
    for (int d = 0; d < 3; d++)
      offsets[t][d] = k[d] * window->dilation[d] - window->pad_begin[d];
  }
  return gather;
}

/* the places of X that a phase serves, and where in Y their taps begin */
static void
place_phase(const NnConvTaps *prepared, const NnWindow *window, const TapSet *phase,
            NnGather *gather, int64_t (*offsets)[3])
{
  int64_t k[3];
  tap_position(prepared->kernel, phase->taps[0], k);
  for (int d = 0; d < 3; d++) {
    int64_t stride = window->stride[d];
    int64_t begin = nn_wrap(k[d] * window->dilation[d] - window->pad_begin[d], stride);
    int64_t size = gather->target_dims[d];
    gather->target_begin[d] = begin;
    gather->target_step[d] = stride;
    gather->count[d] = begin < size ? nn_divide_up(size - begin, stride) : 0;
  }
  for (int t = 0; t < phase->n_taps; t++) {
    tap_position(prepared->kernel, phase->taps[t], k);
    for (int d = 0; d < 3; d++)
      offsets[t][d] =
          (gather->target_begin[d] + window->pad_begin[d] - k[d] * window->dilation[d]) /
          window->stride[d];
  }
}

/* Y to X: of the phases, one */
static NnGather
describe_phase(const NnConvTaps *prepared, const NnShape *x, const NnShape *y,
               const NnWindow *window, const TapSet *phase, int64_t (*offsets)[3])
{
  NnGather gather = start_gather(&prepared->shape, prepared->kernel, x, y, window, true);
  gather.offsets = (const int64_t(*)[3])offsets;
  gather.filters = prepared->filters;
  gather.n_taps = phase->n_taps;
  gather.taps = phase->taps;
  place_phase(prepared, window, phase, &gather, offsets);
  return gather;
}

int
nn_conv_gathers(const NnConvTaps *taps, const NnShape *x, const NnShape *y, const NnWindow *window,
                bool back, NnGather *gathers, int64_t (*offsets)[3])
{
  if (!back) {
    gathers[0] = describe_there(taps, x, y, window, offsets);
    return 1;
  }
  for (int i = 0; i < taps->n_phases; i++) {
    gathers[i] = describe_phase(taps, x, y, window, &taps->phases[i], offsets);
    offsets += taps->phases[i].n_taps;
  }
  return taps->n_phases;
}

static bool
can_add(const NnConvParams *params, const NnShape *w, bool back)
{
  NnGather gather = {.shape = filters_shape(params, w), .back = back};
  return !use_winograd(params, w) && nn_gather_adds(&gather);
}

bool
nn_conv_pools(const NnConvParams *params, const NnShape *w)
{
  return use_winograd(params, w);
}

bool
nn_conv_there_adds(const NnConvParams *params, const NnShape *w)
{
  return can_add(params, w, false);
}

bool
nn_conv_there_steps(const NnConvParams *params, const NnShape *w)
{
  NnGather gather = {.shape = filters_shape(params, w)};
  return use_winograd(params, w) || nn_gather_steps(&gather);
}

bool
nn_conv_back_adds(const NnConvParams *params, const NnShape *w)
{
  return can_add(params, w, true);
}

void
nn_conv_there(const NnConvRun *run)
{
  const NnConvTaps *prepared = run->taps;
  if (prepared->winograd) {
    run_winograd(run, false);
    return;
  }
  NnGather gather =
      describe_there(prepared, &run->x->shape, &run->y->shape, run->window, run->scratch);
  NnFinish finish = nn_finish(run->bias, run->activation, run->bits);
  gather.add = run->adds;
  gather.target_pixel = run->y_pixel;
  nn_gather_run(run->context, &gather, run->x->f, run->y->f, &finish,
                (char *)run->scratch + offsets_bytes(prepared->forward.n_taps));
}

void
nn_conv_back(const NnConvRun *run)
{
  const NnConvTaps *prepared = run->taps;
  const NnWindow *window = run->window;
  const NnTensor *x = run->x;
  if (prepared->winograd) {
    run_winograd(run, true);
    return;
  }
  NnGather any =
      start_gather(&prepared->shape, prepared->kernel, &x->shape, &run->y->shape, window, true);
  bool whole = prepared->n_phases == window->stride[0] * window->stride[1] * window->stride[2];
  bool gates = nn_gather_gates(&any) && (whole || !run->adds);
  NnFinish finish = nn_finish_gate(gates ? run->gate : (NnGate){0});
  if (!whole && !run->adds)
    memset(x->data, 0, nn_tensor_bytes(x)); /* some places are under no tap */
  for (int i = 0; i < prepared->n_phases; i++) {
    NnGather gather = describe_phase(prepared, &x->shape, &run->y->shape, window,
                                     &prepared->phases[i], run->scratch);
    gather.add = run->adds;
    nn_gather_run(run->context, &gather, run->y->f, x->f, &finish,
                  (char *)run->scratch + offsets_bytes(prepared->forward.n_taps));
  }
  if (!gates)
    nn_gate_run(run->context, run->gate, x->f, nn_shape_count(&x->shape));
}
