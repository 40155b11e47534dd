/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resize: to the sizes of input 3, or by the factors of input 2, axis by axis: each place of the
 * result looks at a place of the source (coordinate_transformation_mode) and takes the nearest
 * element, or mixes two (linear) or four (cubic) around it; more where antialias asks for a wider
 * filter. Any layout.
 *
 * Coordinates are computed in double and rounded to float, as other engines compute them in
 * float: 6 / 1.2 is 5 and not 4.9999998. */
#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/ops/sampled.h"
#include "nncore/ops/traits.h"

#define MAX_PLACES (1 << 16) /* of a map's side; resize_reach() does not go through more */

enum { X, ROI, SCALES, SIZES };

typedef enum {
  HALF_PIXEL,
  HALF_PIXEL_SYMMETRIC,
  PYTORCH_HALF_PIXEL,
  ALIGN_CORNERS,
  ASYMMETRIC,
  TF_CROP_AND_RESIZE,
  TF_HALF_PIXEL_FOR_NN,
} Coordinates;

typedef enum { NEAREST, LINEAR, CUBIC } Mode;
typedef enum { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL } Nearest;
typedef enum { STRETCH, NOT_LARGER, NOT_SMALLER } Aspect;

typedef struct {
  int coordinates, mode, nearest, aspect;
  int n_axes; /* 0: all, in order */
  int64_t axes[NN_MAX_RANK];
  float cubic_a, extrapolation;
  int64_t exclude_outside, antialias;
} Resize;

static bool
parse_choice(NnAttributes *attributes, const char *name, const char *const *choices, int *value,
             GError **error)
{
  const char *text;
  if (!nn_attributes_string(attributes, name, choices[0], &text, error))
    return false;
  for (*value = 0; choices[*value] != NULL; (*value)++)
    if (strcmp(text, choices[*value]) == 0)
      return true;
  g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
              _("The attribute “%s” has the value “%s”, which is not supported."), name, text);
  return false;
}

static bool
resize_parse(NnAttributes *attributes, void *data, GError **error)
{
  static const char *const coordinates[] = {
      "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",   "align_corners",
      "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn", NULL};
  static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
  static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil",
                                        NULL};
  static const char *const aspects[] = {"stretch", "not_larger", "not_smaller", NULL};
  Resize *params = data;
  return parse_choice(attributes, "coordinate_transformation_mode", coordinates,
                      &params->coordinates, error) &&
         parse_choice(attributes, "mode", modes, &params->mode, error) &&
         parse_choice(attributes, "nearest_mode", nearest, &params->nearest, error) &&
         parse_choice(attributes, "keep_aspect_ratio_policy", aspects, &params->aspect, error) &&
         nn_attributes_ints(attributes, "axes", params->axes, NN_MAX_RANK, &params->n_axes,
                            error) &&
         nn_attributes_float(attributes, "cubic_coeff_a", -0.75f, &params->cubic_a, error) &&
         nn_attributes_float(attributes, "extrapolation_value", 0, &params->extrapolation, error) &&
         nn_attributes_int(attributes, "exclude_outside", 0, &params->exclude_outside, error) &&
         nn_attributes_int(attributes, "antialias", 0, &params->antialias, error);
}

/* ---- sizes ---- */

/* Axis: one axis of the tensor; @begin, @end: the part of it that tf_crop_and_resize shows */
typedef struct {
  int64_t in, out;
  double scale, begin, end;
} Axis;

static const NnTensor *
given(const NnTensor *tensor)
{
  return tensor != NULL && tensor->data != NULL && nn_shape_count(&tensor->shape) > 0 ? tensor
                                                                                      : NULL;
}

static bool
set_sizes(const Resize *params, const NnTensor *sizes, Axis *axes, const int *order, int count,
          GError **error)
{
  double common = params->aspect == NOT_LARGER ? INFINITY : 0;
  for (int k = 0; k < count; k++) {
    Axis *axis = &axes[order[k]];
    int64_t size = sizes->i[k];
    if (size < 1 || size > G_MAXINT32 || axis->in < 1) {
      g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                  _("A picture of this size cannot be resized to what this layer asks for."));
      return false;
    }
    axis->out = size;
    axis->scale = (double)size / (double)axis->in;
    common = params->aspect == NOT_LARGER ? MIN(common, axis->scale) : MAX(common, axis->scale);
  }
  for (int k = 0; params->aspect != STRETCH && k < count; k++) {
    Axis *axis = &axes[order[k]];
    double size = floor(common * (double)axis->in + 0.5);
    if (!(size <= G_MAXINT32)) {
      g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                  _("A picture of this size cannot be resized to what this layer asks for."));
      return false;
    }
    axis->scale = common;
    axis->out = MAX((int64_t)size, 1);
  }
  return true;
}

static bool
set_scales(const NnTensor *scales, Axis *axes, const int *order, int count, GError **error)
{
  for (int k = 0; k < count; k++) {
    Axis *axis = &axes[order[k]];
    float scale = scales->f[k], size = floorf(scale * (float)axis->in);
    if (!(scale > 0) || !(size >= 1) || !(size <= 2e9f) || axis->in > G_MAXINT32) {
      g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                  _("A picture of this size cannot be resized by what this layer asks for."));
      return false;
    }
    axis->scale = (double)scale;
    axis->out = (int64_t)size;
  }
  return true;
}

/* the sizes in and out along every axis, from whichever inputs are given */
static bool
find_axes(const Resize *params, const NnShape *in, const NnTensor *roi, const NnTensor *scales,
          const NnTensor *sizes, Axis axes[NN_MAX_RANK], GError **error)
{
  int order[NN_MAX_RANK], count = params->n_axes > 0 ? params->n_axes : in->rank;
  for (int i = 0; i < in->rank; i++)
    axes[i] = (Axis){in->dim[i], in->dim[i], 1, 0, 1};
  for (int k = 0; k < count; k++)
    if (!nn_shape_axis(in, params->n_axes > 0 ? params->axes[k] : k, &order[k], error))
      return false;
  const NnTensor *list = given(sizes) != NULL ? sizes : given(scales);
  bool crops = params->coordinates == TF_CROP_AND_RESIZE;
  bool fits = list != NULL && list->shape.rank == 1 && list->shape.dim[0] == count &&
              list->dtype == (list == sizes ? NN_DTYPE_INT64 : NN_DTYPE_FLOAT) &&
              (!crops || (given(roi) != NULL && nn_shape_count(&roi->shape) == 2 * count &&
                          roi->dtype == NN_DTYPE_FLOAT));
  if (!fits) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("The new size that this layer asks for is missing or does not fit its input."));
    return false;
  }
  for (int k = 0; crops && k < count; k++) {
    axes[order[k]].begin = (double)roi->f[k];
    axes[order[k]].end = (double)roi->f[count + k];
  }
  return list == sizes ? set_sizes(params, list, axes, order, count, error)
                       : set_scales(list, axes, order, count, error);
}

static bool
resize_infer(NnInfer *infer, GError **error)
{
  const Resize *params = infer->params;
  Axis axes[NN_MAX_RANK];
  if (!nn_infer_same(infer, error))
    return false;
  for (int i = ROI; i <= SIZES; i++)
    if (nn_has_input(infer, i) && nn_constant(infer, i) == NULL) {
      g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                  _("Input %d of this layer is computed from the picture's contents, which is not "
                    "supported."),
                  i + 1);
      return false;
    }
  if (!find_axes(params, &infer->in[X].shape, nn_constant(infer, ROI), nn_constant(infer, SCALES),
                 nn_constant(infer, SIZES), axes, error))
    return false;
  NnShape out = infer->in[X].shape;
  for (int i = 0; i < out.rank; i++) {
    out.dim[i] = axes[i].out;
    if (params->antialias != 0 && axes[i].scale < 1e-3 && axes[i].in != axes[i].out) {
      g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                  _("This layer shrinks its input more than a thousandfold."));
      return false;
    }
  }
  return nn_set_output(infer, NN_DTYPE_FLOAT, &out, error);
}

/* ---- tables ---- */

static double
source_place(const Resize *params, const Axis *axis, int64_t o)
{
  double x = (double)o, s = axis->scale, in = (double)axis->in, out = (double)axis->out, center;
  switch ((Coordinates)params->coordinates) {
  case HALF_PIXEL_SYMMETRIC: /* the fraction that out lacks is shared by both ends */
    center = in / 2 * (1 - out / (s * in));
    return center + (x + 0.5) / s - 0.5;
  case PYTORCH_HALF_PIXEL:
    return axis->out > 1 ? (x + 0.5) / s - 0.5 : 0;
  case ALIGN_CORNERS:
    return axis->out > 1 ? x * (in - 1) / (out - 1) : 0;
  case ASYMMETRIC:
    return x / s;
  case TF_CROP_AND_RESIZE:
    if (axis->out == 1)
      return 0.5 * (axis->begin + axis->end) * (in - 1);
    return axis->begin * (in - 1) + x * (axis->end - axis->begin) * (in - 1) / (out - 1);
  case TF_HALF_PIXEL_FOR_NN:
    return (x + 0.5) / s;
  default:
    return (x + 0.5) / s - 0.5;
  }
}

static double
rounded_place(const Resize *params, const Axis *axis, int64_t o)
{
  double x = (double)(float)source_place(params, axis, o);
  return CLAMP(x, -1e9, 1e9); /* a hostile region */
}

/* the extrapolation value stands in */
static bool
shows_nothing(const Resize *params, const Axis *axis, double x)
{
  return params->coordinates == TF_CROP_AND_RESIZE && (x < 0 || x > (double)(axis->in - 1));
}

static double
nearest_place(const Resize *params, double x)
{
  switch ((Nearest)params->nearest) {
  case PREFER_CEIL:
    return floor(x + 0.5);
  case FLOOR:
    return floor(x);
  case CEIL:
    return ceil(x);
  default:
    return ceil(x - 0.5);
  }
}

/* the filter at distance @d; cubic after Keys, with a for its slope at 1 */
static double
filter(const Resize *params, double d)
{
  double a = (double)params->cubic_a;
  d = fabs(d);
  if (params->mode == LINEAR)
    return d < 1 ? 1 - d : 0;
  if (d <= 1)
    return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static double
filter_scale(const Resize *params, const Axis *axis)
{
  return params->antialias != 0 ? MIN(axis->scale, 1) : 1;
}

/* how many places of the source the filter reaches */
static int64_t
count_taps(const Resize *params, const Axis *axis)
{
  double radius = params->mode == LINEAR ? 1 : 2;
  if (params->mode == NEAREST)
    return 1;
  return 2 * (int64_t)ceil(radius / filter_scale(params, axis));
}

/* of @place of the source for a place that looks at @x, not yet divided by the sum of all */
static double
tap_weight(const Resize *params, const Axis *axis, double x, int64_t place)
{
  bool outside = place < 0 || place >= axis->in;
  if (outside && params->exclude_outside != 0)
    return 0;
  return filter(params, (x - (double)place) * filter_scale(params, axis));
}

static void
fill_filtered(const Resize *params, const Axis *axis, const NnSampleAxis *table, int64_t o,
              double x)
{
  double sum = 0;
  int64_t base = (int64_t)floor(x) - table->taps / 2 + 1;
  for (int64_t t = 0; t < table->taps; t++) {
    double weight = tap_weight(params, axis, x, base + t);
    sum += weight;
    table->index[o * table->taps + t] = CLAMP(base + t, 0, axis->in - 1);
    table->weight[o * table->taps + t] = (float)weight;
  }
  for (int64_t t = 0; sum != 0 && t < table->taps; t++)
    table->weight[o * table->taps + t] /= (float)sum;
}

static void
fill_table(const Resize *params, const Axis *axis, const NnSampleAxis *table)
{
  for (int64_t o = 0; o < axis->out; o++) {
    double x = rounded_place(params, axis, o);
    if (params->mode == NEAREST)
      table->index[o] = CLAMP((int64_t)nearest_place(params, x), 0, axis->in - 1);
    else
      fill_filtered(params, axis, table, o, x);
    if (shows_nothing(params, axis, x))
      table->index[o * table->taps] = -1;
  }
}

/* places and sizes alike: nothing to do along this axis */
static bool
is_unchanged(const Resize *params, const Axis *axis)
{
  return axis->in == axis->out && axis->scale == 1 && params->coordinates != TF_CROP_AND_RESIZE &&
         params->coordinates != TF_HALF_PIXEL_FOR_NN;
}

static void *
describe(const NnOpRun *run, NnSample *sample, void *scratch)
{
  const Resize *params = run->params;
  Axis axes[NN_MAX_RANK];
  const NnTensor *roi = run->n_inputs > ROI ? &run->in[ROI] : NULL;
  const NnTensor *scales = run->n_inputs > SCALES ? &run->in[SCALES] : NULL;
  const NnTensor *sizes = run->n_inputs > SIZES ? &run->in[SIZES] : NULL;
  if (!find_axes(params, &run->in[X].shape, roi, scales, sizes, axes, NULL))
    g_assert_not_reached();
  nn_sample_init(sample, &run->in[X]);
  sample->fill.f = params->extrapolation;
  for (int i = 0; i < run->in[X].shape.rank; i++) {
    int memory_axis = nn_tensor_memory_axis(&run->in[X], i);
    if (is_unchanged(params, &axes[i]))
      continue;
    scratch = nn_sample_set(sample, memory_axis, axes[i].out, count_taps(params, &axes[i]),
                            params->mode != NEAREST, scratch);
    fill_table(params, &axes[i], &sample->axis[memory_axis]);
  }
  return scratch;
}

/* ---- what analysis asks ---- */

/* takes into @first and @last, relative to o @stride, the places of the source that o shows */
static void
extend_reach(const Resize *params, const Axis *axis, int64_t o, double stride, double *first,
             double *last)
{
  double x = rounded_place(params, axis, o);
  int64_t taps = count_taps(params, axis), base = (int64_t)floor(x) - taps / 2 + 1;
  if (shows_nothing(params, axis, x))
    return;
  if (params->mode == NEAREST)
    base = (int64_t)nearest_place(params, x);
  for (int64_t place = base; place < base + taps; place++) {
    if (params->mode != NEAREST && (float)tap_weight(params, axis, x, place) == 0)
      continue;
    double distance = (double)CLAMP(place, 0, axis->in - 1) - (double)o * stride;
    *first = MIN(*first, distance - NN_REACH_SLACK);
    *last = MAX(*last, distance + NN_REACH_SLACK);
  }
}

/* by looking at every place, so that rounding and the ends of the axis are as they are */
static void
reach_along(const Resize *params, const Axis *axis, int a, NnReach *reach)
{
  reach->stride[a] = 1;
  if (is_unchanged(params, axis))
    return;
  if (axis->out > MAX_PLACES) {
    reach->everywhere = true;
    return;
  }
  reach->stride[a] =
      axis->out > 1 ? source_place(params, axis, 1) - source_place(params, axis, 0) : 0;
  reach->first[a] = INFINITY;
  reach->last[a] = -INFINITY;
  for (int64_t o = 0; o < axis->out; o++)
    extend_reach(params, axis, o, reach->stride[a], &reach->first[a], &reach->last[a]);
  if (reach->last[a] < reach->first[a]) /* shows nothing of the source at all */
    reach->first[a] = reach->last[a] = 0;
}

static void
find_known_axes(const NnInfer *infer, Axis axes[NN_MAX_RANK])
{
  if (!find_axes(infer->params, &infer->in[X].shape, nn_constant(infer, ROI),
                 nn_constant(infer, SCALES), nn_constant(infer, SIZES), axes, NULL))
    g_assert_not_reached();
}

static void
resize_reach(const NnInfer *infer, int input, NnReach *reach)
{
  Axis axes[NN_MAX_RANK];
  *reach = (NnReach){.everywhere = input != X};
  find_known_axes(infer, axes);
  for (int i = 2; input == X && i < infer->in[X].shape.rank; i++)
    reach_along(infer->params, &axes[i], i - 2, reach);
}

static int64_t
resize_operations(const NnInfer *infer)
{
  Axis axes[NN_MAX_RANK];
  int64_t taps = 1; /* the kernel goes through all combinations of the axes' taps */
  find_known_axes(infer, axes);
  for (int i = 0; i < infer->in[X].shape.rank; i++)
    if (!is_unchanged(infer->params, &axes[i]))
      taps = nn_operations_each(&NN_SHAPE(taps), count_taps(infer->params, &axes[i]));
  return nn_operations_each(&infer->out[0].shape, taps);
}

/* ---- running ---- */

static size_t
resize_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  const Resize *params = infer->params;
  Axis axes[NN_MAX_RANK];
  find_known_axes(infer, axes);
  size_t tables = 0, inverse = 0;
  for (int i = 0; i < infer->in[X].shape.rank; i++) {
    int64_t taps = count_taps(params, &axes[i]);
    tables += nn_sample_table_bytes(axes[i].out, taps, true);
    inverse = MAX(inverse, nn_sample_backward_bytes(axes[i].in, axes[i].out, taps));
  }
  return tables + (gradient ? inverse : 0);
}

static void
resize_forward(const NnOpRun *run)
{
  nn_sampled_forward(run, describe);
}

static void
resize_backward(const NnOpRun *run)
{
  nn_sampled_backward(run, describe);
}

const NnOp nn_op_resize = {
    .onnx_name = "Resize",
    .min_inputs = 1,
    .max_inputs = 4,
    .max_outputs = 1,
    .constant_inputs = 1u << ROI | 1u << SCALES | 1u << SIZES,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(Resize),
    .parse = resize_parse,
    .infer = resize_infer,
    .scratch_bytes = resize_scratch_bytes,
    .reach = resize_reach,
    .operations = resize_operations,
    .forward = resize_forward,
    .backward = resize_backward,
};
