/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A block of target positions at a time: what lies under the taps is packed (im2col, in the
 * product's own order) and multiplied with all panels of filters. The depth, taps x channels, is
 * cut into chunks so that a packed block stays in the second-level cache; sums go on in the target
 * from chunk to chunk. Blocks are independent, and so are the panels of one: small pictures are cut
 * along both. */
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/base/round.h"
#include "nncore/kernels/conv-private.h"

enum {
  BLOCK = NN_CONV_BLOCK,
  SQUARE = NN_CONV_SQUARE,
  CHUNK = NN_CONV_CHUNK,
  PACKED = 1 << 16,    /* floats of a packed block */
  LEAST_ROWS = 168,    /* CHUNK slabs of them fill a packed block */
  MOST_ROWS = 336,
  LEAST_ITEMS = 8,     /* that a layer is cut into where it can be */
  LEAST_PANELS = 4,    /* of an item */
  TURNED = 2,          /* panels turned over at a time */
};

/* of one worker */
typedef struct {
  _Alignas(NN_ALIGNMENT) float packed[PACKED];
  float turned[TURNED * CHUNK * SQUARE];
  int64_t at[MOST_ROWS + NN_CONV_MAX_ROWS], elements[MOST_ROWS + NN_CONV_MAX_ROWS];
} Worker;

/**
 * Job:
 * @gather: as described, or with all axes as one
 * @blocks: of source channels under a tap; @item_panels: of the panels, those of an item
 * @block: rows of a block; @next_slab: floats between the slabs of one
 * @panel: floats from one panel of filters to the next
 */
typedef struct {
  NnConvJob *conv;
  NnGather gather;
  int64_t positions;
  int64_t blocks, panels, item_panels, parts;
  int64_t block, next_slab;
  int64_t n_slabs;
  NnSlab *slabs;
  const float *filters;
  int64_t panel;
  bool turn;
  Worker *workers;
} Job;

static size_t
slabs_bytes(int64_t n_slabs)
{
  size_t bytes = (size_t)n_slabs * sizeof(NnSlab);
  return nn_align(bytes);
}

static int64_t
slabs_of(const NnGather *gather)
{
  const NnFilters *shape = &gather->shape;
  int64_t channels = gather->back ? shape->outputs : shape->inputs;
  return gather->n_taps * nn_conv_blocks(channels);
}

size_t
nn_conv_product_scratch_bytes(const NnGather *gather, int threads)
{
  return slabs_bytes(slabs_of(gather)) + (size_t)threads * sizeof(Worker);
}

/* ---- packing ---- */

static void
pack_tap(const Job *job, int64_t begin, int64_t end, int tap, int64_t channel, int64_t channels,
         float *to)
{
  const NnGather *gather = &job->gather;
  NnConvPack pack = {.conv = job->conv,
                     .gather = gather,
                     .offset = gather->offsets[tap],
                     .channel = channel,
                     .channels = channels,
                     .next_slab = job->next_slab};
  nn_conv_inside(gather, pack.offset[2], gather->count[2], &pack.inside, &pack.outside);
  while (begin < end) {
    NnConvPosition p = nn_conv_position(gather, begin);
    int64_t rows = MIN(gather->count[2] - p.j[2], end - begin);
    nn_conv_pack(&pack, &p, rows, to);
    begin += rows;
    to += rows * BLOCK;
  }
}

/* slabs @first to @last - 1 of rows @begin to @end - 1 */
static void
pack_chunk(const Job *job, int64_t begin, int64_t end, int64_t first, int64_t last, float *to)
{
  while (first < last) {
    int64_t tap = first / job->blocks, block = first % job->blocks;
    int64_t slabs = MIN(job->blocks - block, last - first);
    int64_t channels = MIN(slabs * BLOCK, job->conv->source_channels - block * BLOCK);
    pack_tap(job, begin, end, (int)tap, block * BLOCK, channels, to);
    first += slabs;
    to += slabs * job->next_slab;
  }
}

/* ---- products ---- */

/* filters run back: @panels panels of the targets from slabs @first to @last - 1 */
static void
turn_panels(const Job *job, const float *filters, int64_t first, int64_t last, int64_t begin,
            int64_t panels, float *to)
{
  const NnGather *gather = &job->gather;
  int64_t row = gather->shape.taps * job->panels; /* squares of a panel as it is kept */
  for (int64_t panel = begin; panel < begin + panels; panel++, to += CHUNK * SQUARE)
    for (int64_t s = first; s < last; s++) {
      int64_t square = s % job->blocks * row + gather->taps[s / job->blocks] * job->panels + panel;
      job->conv->lanes->transpose(filters + square * SQUARE, to + (s - first) * SQUARE);
    }
}

static void
multiply_turned(const Job *job, NnProduct *product, const float *filters, int64_t slab,
                int64_t panel, Worker *worker)
{
  int64_t end = product->end;
  for (; product->first < end; panel += TURNED) {
    product->end = MIN(product->first + TURNED * BLOCK, end);
    turn_panels(job, filters, slab, slab + product->n_slabs, panel,
                nn_conv_blocks(product->end - product->first), worker->turned);
    job->conv->lanes->product(product);
    product->first = product->end;
  }
}

/* panels @panel on of one block: all of the depth */
static void
multiply_block(const Job *job, int64_t begin, int64_t end, int64_t panel, Worker *worker)
{
  NnFinish nothing = nn_finish(NULL, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
  for (int64_t slab = 0; slab < job->n_slabs; slab += CHUNK) {
    NnProduct product = {
        .rows = end - begin,
        .packed = worker->packed,
        .n_slabs = MIN(CHUNK, job->n_slabs - slab),
        .slabs = job->slabs + slab,
        .filters = job->turn ? worker->turned : job->filters + panel * job->panel,
        .panel = job->panel,
        .first = panel * BLOCK,
        .end = MIN((panel + job->item_panels) * BLOCK, job->conv->target_channels),
        .target = job->conv->target,
        .plane = BLOCK,
        .at = worker->at,
        .elements = job->gather.target_pixel > 0 ? worker->elements : worker->at,
        .add = slab > 0 || job->gather.add,
        .expect = slab == 0,
        .finish = slab + CHUNK >= job->n_slabs ? job->conv->finish : nothing,
    };
    pack_chunk(job, begin, end, slab, slab + product.n_slabs, worker->packed);
    if (job->turn)
      multiply_turned(job, &product, job->filters, slab, panel, worker);
    else
      job->conv->lanes->product(&product);
  }
}

/* @pixel: from one of the target's to the next */
static void
find_targets(const Job *job, int64_t begin, int64_t end, int64_t pixel, int64_t *at)
{
  const NnGather *gather = &job->gather;
  for (int64_t left = 0; begin < end; begin++, at++, left--) {
    if (left == 0) {
      NnConvPosition p = nn_conv_position(gather, begin);
      *at = nn_conv_target(gather, &p) * pixel;
      left = gather->count[2] - p.j[2];
    } else {
      *at = at[-1] + gather->target_step[2] * pixel;
    }
  }
}

/* items: parts of the panels, block by block */
static void
run_items(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t item = begin; item < end; item++) {
    int64_t first = item / job->parts * job->block;
    int64_t last = MIN(first + job->block, job->positions);
    int64_t channels = job->conv->target_channels, pixel = job->gather.target_pixel;
    find_targets(job, first, last, pixel > 0 ? pixel : channels, job->workers[worker].at);
    if (pixel > 0)
      find_targets(job, first, last, channels, job->workers[worker].elements);
    multiply_block(job, first, last, item % job->parts * job->item_panels, &job->workers[worker]);
  }
}

/* ---- the layer ---- */

/* where every pixel has its own right under it, the picture is one row */
static void
flatten(NnGather *gather)
{
  bool flat = gather->n_taps == 1;
  for (int d = 0; d < 3; d++)
    flat = flat && gather->offsets[0][d] == 0 && gather->source_step[d] == 1 &&
           gather->target_begin[d] == 0 && gather->target_step[d] == 1 &&
           gather->count[d] == gather->source_dims[d] && gather->count[d] == gather->target_dims[d];
  if (!flat)
    return;
  int64_t count = gather->batch * gather->count[0] * gather->count[1] * gather->count[2];
  gather->batch = gather->count[0] = gather->count[1] = 1;
  gather->source_dims[0] = gather->source_dims[1] = 1;
  gather->target_dims[0] = gather->target_dims[1] = 1;
  gather->count[2] = gather->source_dims[2] = gather->target_dims[2] = count;
}

/* equal blocks of whole tiles, and parts where there would be few of them */
static void
cut(Job *job)
{
  int64_t depth = MIN(job->n_slabs, CHUNK) * BLOCK;
  int64_t most = CLAMP(PACKED / depth / NN_CONV_MAX_ROWS * NN_CONV_MAX_ROWS, LEAST_ROWS, MOST_ROWS);
  int64_t count = MAX(nn_divide_up(job->positions, most), 1);
  job->block = nn_round_up(nn_divide_up(job->positions, count), NN_CONV_MAX_ROWS);
  job->next_slab = job->block * BLOCK;
  int64_t wanted = nn_divide_up(LEAST_ITEMS, count);
  job->item_panels = MAX(nn_divide_up(job->panels, wanted), MIN(LEAST_PANELS, job->panels));
  job->item_panels = nn_round_up(job->item_panels, TURNED);
  job->parts = nn_divide_up(job->panels, job->item_panels);
}

static void
list_slabs(Job *job)
{
  const NnGather *gather = &job->gather;
  for (int64_t s = 0; s < job->n_slabs; s++) {
    int64_t block = s % job->blocks, tap = gather->taps[s / job->blocks];
    job->slabs[s] = (NnSlab){
        .source = s % CHUNK * job->next_slab,
        .filter = job->turn ? s % CHUNK * SQUARE : (tap * job->blocks + block) * SQUARE,
        .channels = (int)MIN(BLOCK, job->conv->source_channels - block * BLOCK),
    };
  }
}

void
nn_conv_product_run(NnConvJob *conv)
{
  const NnFilters *shape = &conv->gather->shape;
  bool turned = nn_filters_has_turned(shape, conv->gather->back);
  Job job = {
      .conv = conv,
      .gather = *conv->gather,
      .n_slabs = slabs_of(conv->gather),
      .slabs = (NnSlab *)conv->scratch,
      .filters = conv->gather->filters,
      .turn = conv->gather->back && !turned,
  };
  flatten(&job.gather);
  job.positions =
      job.gather.batch * job.gather.count[0] * job.gather.count[1] * job.gather.count[2];
  job.blocks = nn_conv_blocks(conv->source_channels);
  job.panels = nn_conv_blocks(conv->target_channels);
  job.panel = job.turn ? CHUNK * SQUARE : shape->taps * job.blocks * SQUARE;
  if (conv->gather->back && turned)
    job.filters += nn_filters_product_floats(shape, false);
  job.workers = (Worker *)(conv->scratch + slabs_bytes(job.n_slabs));
  cut(&job);
  list_slabs(&job);
  nn_parallel_for(conv->context, nn_divide_up(job.positions, job.block) * job.parts, 1, run_items,
                  &job);
}
