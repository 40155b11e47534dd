/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filters in the kernels' order, and which kernel runs. Filters of a product are panels of 16
 * outputs x taps x blocks of 16 inputs x 16 x 16 (what is past the last channel is zero), a group
 * after the other; groups of 4 and of 8 channels each way share panels. Running back needs the squares turned over and ordered the other way round;
 * small filters and those of groups are kept both ways, large ones are turned over while they are in
 * use (conv-product.c). With few channels on one side, one order serves both ways (conv-lanes.h). */
#include "nncore/kernels/conv.h"

#include <string.h>

#include "nncore/base/round.h"
#include "nncore/kernels/conv-private.h"
#include "nncore/kernels/elementwise.h"

#define SMALL_FILTERS_BYTES (INT64_C(1) << 18)

enum {
  BLOCK = NN_CONV_BLOCK,
  MOST_FEW_TAPS = 1024, /* few channels in keep a row of the picture for each row of taps */
};

/* ---- filters ---- */

NnConvKind
nn_conv_kind(const NnFilters *shape)
{
  if (shape->groups > 1) {
    bool depthwise = shape->inputs == shape->groups && shape->outputs == shape->groups;
    return depthwise ? NN_CONV_DEPTHWISE : NN_CONV_GROUPED;
  }
  if (shape->taps > MOST_FEW_TAPS)
    return NN_CONV_PRODUCT;
  return shape->inputs <= NN_FEW    ? NN_CONV_FEW_IN
         : shape->outputs <= NN_FEW ? NN_CONV_FEW_OUT
                                    : NN_CONV_PRODUCT;
}

int64_t
nn_conv_blocks(int64_t channels)
{
  return nn_divide_up(channels, BLOCK);
}

int64_t
nn_conv_slab_floats(int groups, int64_t channels)
{
  return (groups > 1 ? MIN(channels, BLOCK) : BLOCK) * BLOCK;
}

int
nn_conv_span(const NnFilters *shape)
{
  int64_t channels = shape->inputs / shape->groups;
  bool spans = shape->groups > 1 && (channels == 4 || channels == 8);
  return spans && shape->inputs == shape->outputs ? (int)channels : 0;
}

int64_t
nn_filters_product_floats(const NnFilters *shape, bool turned)
{
  int span = nn_conv_span(shape);
  if (span > 0)
    return nn_conv_blocks(shape->outputs) * shape->taps * span * BLOCK;
  int64_t in = shape->inputs / shape->groups, out = shape->outputs / shape->groups;
  int64_t depth = turned ? out : in, width = turned ? in : out;
  return shape->groups * nn_conv_blocks(width) * shape->taps * nn_conv_blocks(depth) *
         nn_conv_slab_floats(shape->groups, depth);
}

bool
nn_filters_has_turned(const NnFilters *shape, bool both)
{
  int64_t bytes = nn_filters_product_floats(shape, false) * (int64_t)sizeof(float);
  return both && (shape->groups > 1 || bytes <= SMALL_FILTERS_BYTES);
}

static int64_t
filters_floats(const NnFilters *shape, bool both)
{
  switch (nn_conv_kind(shape)) {
  case NN_CONV_DEPTHWISE:
    return shape->taps * shape->inputs;
  case NN_CONV_FEW_IN:
    return nn_conv_blocks(shape->outputs) * BLOCK * shape->taps * shape->inputs;
  case NN_CONV_FEW_OUT:
    return nn_conv_blocks(shape->inputs) * BLOCK * shape->taps * shape->outputs;
  case NN_CONV_PRODUCT:
  case NN_CONV_GROUPED:
    break;
  }
  return nn_filters_product_floats(shape, false) +
         (nn_filters_has_turned(shape, both) ? nn_filters_product_floats(shape, true) : 0);
}

size_t
nn_filters_bytes(const NnFilters *shape, bool both)
{
  return (size_t)filters_floats(shape, both) * sizeof(float);
}

/* floats from one output, input and tap to the next within a group, and between blocks of them; of
 * groups in a team from one to the next, and from one team to the next */
typedef struct {
  int64_t team, group, out_block, out, in_block, in, tap;
} Order;

static Order
order_of(const NnFilters *shape, bool turned)
{
  int64_t in = shape->inputs / shape->groups, out = shape->outputs / shape->groups;
  int64_t in_blocks = nn_conv_blocks(in), out_blocks = nn_conv_blocks(out), taps = shape->taps;
  switch (nn_conv_kind(shape)) {
  case NN_CONV_DEPTHWISE:
    return (Order){.team = 1, .tap = shape->inputs};
  case NN_CONV_FEW_IN:
    return (Order){
        .out_block = taps * in * BLOCK, .out = 1, .in = BLOCK, .tap = in * BLOCK, .in_block = 0};
  case NN_CONV_FEW_OUT:
    return (Order){.in_block = taps * out * BLOCK, .in = 1, .out = BLOCK, .tap = out * BLOCK};
  case NN_CONV_PRODUCT:
  case NN_CONV_GROUPED:
    break;
  }
  int span = nn_conv_span(shape);
  if (span > 0)
    return (Order){.team = taps * span * BLOCK,
                   .group = span,
                   .out = turned ? BLOCK : 1,
                   .in = turned ? 1 : BLOCK,
                   .tap = span * BLOCK};
  int64_t group = nn_filters_product_floats(shape, turned) / shape->groups;
  int64_t slab = nn_conv_slab_floats(shape->groups, turned ? out : in);
  if (turned)
    return (Order){group, 0, slab, BLOCK, out_blocks * taps * slab, 1, out_blocks * slab};
  return (Order){group, 0, in_blocks * taps * slab, 1, slab, BLOCK, in_blocks * slab};
}

static void
fill(const NnFilters *shape, const float *w, bool turned, float *filters)
{
  Order order = order_of(shape, turned);
  int span = nn_conv_span(shape), team = span > 0 ? BLOCK / span : 1;
  int64_t in = shape->inputs / shape->groups, out = shape->outputs / shape->groups;
  for (int64_t g = 0; g < shape->groups; g++)
    for (int64_t o = 0; o < out; o++)
      for (int64_t i = 0; i < in; i++, w += shape->taps) {
        /* few channels have no blocks of their own; their count is below a block's */
        float *to = filters + g / team * order.team + g % team * order.group +
                    o / BLOCK * order.out_block + o % BLOCK * order.out +
                    i / BLOCK * order.in_block + i % BLOCK * order.in;
        for (int64_t t = 0; t < shape->taps; t++)
          to[t * order.tap] = w[t];
      }
}

void
nn_filters_fill(const NnFilters *shape, const float *w, bool both, float *filters)
{
  memset(filters, 0, nn_filters_bytes(shape, both));
  fill(shape, w, false, filters);
  NnConvKind kind = nn_conv_kind(shape);
  bool product = kind == NN_CONV_PRODUCT || kind == NN_CONV_GROUPED;
  if (product && nn_filters_has_turned(shape, both))
    fill(shape, w, true, filters + nn_filters_product_floats(shape, false));
}

/* ---- positions ---- */

NnConvPosition
nn_conv_position(const NnGather *gather, int64_t index)
{
  NnConvPosition p;
  for (int d = 2; d >= 0; d--) {
    p.j[d] = index % gather->count[d];
    index /= gather->count[d];
  }
  p.n = index;
  return p;
}

int64_t
nn_conv_target(const NnGather *gather, const NnConvPosition *p)
{
  int64_t index = p->n;
  for (int d = 0; d < 3; d++)
    index =
        index * gather->target_dims[d] + gather->target_begin[d] + p->j[d] * gather->target_step[d];
  return index;
}

int64_t
nn_conv_source_row(const NnGather *gather, const NnConvPosition *p, const int64_t offset[3])
{
  int64_t index = p->n;
  for (int d = 0; d < 2; d++) {
    int64_t at = p->j[d] * gather->source_step[d] + offset[d];
    if (at < 0 || at >= gather->source_dims[d])
      return -1;
    index = index * gather->source_dims[d] + at;
  }
  return index * gather->source_dims[2];
}

/* the least j from 0 to @count with j @step >= @distance */
static int64_t
first_from(int64_t distance, int64_t step, int64_t count)
{
  return distance <= 0 ? 0 : MIN((distance - 1) / step + 1, count);
}

void
nn_conv_inside(const NnGather *gather, int64_t offset, int64_t count, int64_t *begin, int64_t *end)
{
  int64_t step = gather->source_step[2];
  *begin = first_from(-offset, step, count);
  *end = first_from(gather->source_dims[2] - offset, step, count);
}

/* ---- packing ---- */

static void
blank(float *to, int64_t next_slab, int64_t rows, int64_t channels)
{
  for (int64_t c = 0; rows > 0 && c < channels; c += BLOCK, to += next_slab)
    memset(to, 0, (size_t)(rows * BLOCK) * sizeof *to);
}

void
nn_conv_pack(const NnConvPack *pack, const NnConvPosition *p, int64_t places, float *to)
{
  int64_t row = nn_conv_source_row(pack->gather, p, pack->offset);
  int64_t step = pack->gather->source_step[2], channels = pack->conv->source_channels;
  int64_t first = CLAMP(pack->inside - p->j[2], 0, places);
  int64_t last = CLAMP(pack->outside - p->j[2], first, places);
  if (row < 0)
    first = last = places;
  blank(to, pack->next_slab, first, pack->channels);
  if (last > first) {
    int64_t pixel = row + (p->j[2] + first) * step + pack->offset[2];
    pack->conv->lanes->pack(pack->conv->source + pixel * channels + pack->channel, step * channels,
                            last - first, pack->channels, to + first * BLOCK, pack->next_slab);
  }
  blank(to + last * BLOCK, pack->next_slab, places - last, pack->channels);
}

/* ---- choosing ---- */

/* few in, run back, is few out */
static NnConvKind
running_kind(const NnGather *gather)
{
  NnConvKind kind = nn_conv_kind(&gather->shape);
  if (gather->back && kind == NN_CONV_FEW_IN)
    return NN_CONV_FEW_OUT;
  if (gather->back && kind == NN_CONV_FEW_OUT)
    return NN_CONV_FEW_IN;
  return kind;
}

size_t
nn_gather_scratch_bytes(const NnGather *gather, int threads)
{
  NnConvKind kind = running_kind(gather);
  if (kind == NN_CONV_PRODUCT)
    return nn_conv_product_scratch_bytes(gather, threads);
  return kind == NN_CONV_GROUPED ? nn_conv_grouped_scratch_bytes(gather, threads)
                                 : nn_conv_rows_scratch_bytes(gather, kind, threads);
}

const NnConvLanes *
nn_conv_choose_lanes(NnIsa isa)
{
#ifdef __x86_64__
  if (isa >= NN_ISA_AVX512)
    return &nn_conv_lanes_avx512;
  if (isa >= NN_ISA_AVX2)
    return &nn_conv_lanes_avx2;
#endif
  return &nn_conv_lanes_baseline;
}

static int64_t
target_channels(const NnGather *gather)
{
  return gather->back ? gather->shape.inputs : gather->shape.outputs;
}

/* whether the kernels' pixels are whole bytes of bits */
static bool
has_whole_bytes(const NnGather *gather, NnConvKind kind)
{
  bool apart = kind == NN_CONV_GROUPED && nn_conv_span(&gather->shape) == 0;
  return kind != NN_CONV_FEW_OUT &&
         target_channels(gather) / (apart ? gather->shape.groups : 1) % 8 == 0;
}

bool
nn_gather_gates(const NnGather *gather)
{
  return has_whole_bytes(gather, running_kind(gather));
}

bool
nn_gather_adds(const NnGather *gather)
{
  return running_kind(gather) == NN_CONV_PRODUCT;
}

bool
nn_gather_steps(const NnGather *gather)
{
  return running_kind(gather) == NN_CONV_PRODUCT && has_whole_bytes(gather, NN_CONV_PRODUCT);
}

void
nn_gather_run(NnContext *context, const NnGather *gather, const float *source, float *target,
              const NnFinish *finish, void *scratch)
{
  NnConvKind kind = running_kind(gather);
  const NnFilters *shape = &gather->shape;
  if (gather->batch * gather->count[0] * gather->count[1] * gather->count[2] == 0)
    return;
  NnConvJob job = {
      .context = context,
      .gather = gather,
      .lanes = nn_conv_choose_lanes(nn_context_isa(context)),
      .source_channels = gather->back ? shape->outputs : shape->inputs,
      .target_channels = target_channels(gather),
      .source = source,
      .target = target,
      .finish = *finish,
      .scratch = scratch,
  };
  bool later = kind == NN_CONV_FEW_OUT || (finish->bits != NULL && !has_whole_bytes(gather, kind));
  if (later)
    job.finish = nn_finish(finish->bias, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
  if (kind == NN_CONV_PRODUCT)
    nn_conv_product_run(&job);
  else if (kind == NN_CONV_GROUPED)
    nn_conv_grouped_run(&job);
  else
    nn_conv_rows_run(&job, kind);
  if (later && finish->activation.kind != NN_ACTIVATION_NONE) {
    int64_t pixels = gather->target_dims[0] * gather->target_dims[1] * gather->target_dims[2];
    nn_activate(context, finish->activation, target, target,
                gather->batch * pixels * job.target_channels, finish->bits);
  }
}
