/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The target is cut into strips of columns and bands of rows. Going down a strip of a band, a ring
 * holds the rows of the first convolution's result that the depthwise one reaches; of its result, one
 * row is there at a time. Both are kept 16 channels at a time, which the depthwise convolution reads
 * from the first-level cache, and the last one's product needs no packing. Neighbouring bands and strips
 * both make what lies under both. Small maps are made as a whole, one convolution after the other: they
 * stay in the cache anyway, and have so many channels that little of a row would fit. */
#include "nncore/kernels/bottleneck.h"

#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/kernels/conv-private.h"

enum {
  BLOCK = NN_CONV_BLOCK,
  RING = 80 << 10,     /* floats of a worker's rows, which fit into a second-level cache */
  SMALL = 1 << 19,     /* floats of a small map */
  MOST_CHANNELS = 384, /* that conv-product.c too adds up in one go */
  LEAST_COLUMNS = 48,  /* of a strip, unless the map has fewer */
  LEAST_ROWS = 8,      /* of a band */
  ITEMS_A_THREAD = 2, /* more of them, and more rows would be made twice */
};

/**
 * Cut:
 * @columns, @strips, @rows, @bands: of the target
 * @plane: floats of a ring's rows, 16 channels of them
 * @source_slab, @row_slab: floats between the slabs of what the two products read
 */
typedef struct {
  bool whole;
  int64_t columns, strips;
  int64_t rows, bands;
  int64_t ring_rows, ring_columns, plane;
  int64_t source_slab, row_slab;
} Cut;

/* of one worker: planes of the ring; slabs of the source's row and of the depthwise result's */
typedef struct {
  float *ring, *source, *row;
} Worker;

typedef struct {
  NnContext *context;
  const NnBottleneck *b;
  const NnGather *gather; /* any: for the sizes */
  const NnConvLanes *lanes;
  int64_t channels, blocks; /* between */
  Cut cut;
  const float *source;
  float *target;
  NnSlab *first_slabs, *last_slabs;
  int64_t *ring_at, *ring_elements, *last_at;
  char *workers;
  size_t worker_bytes;
} Job;

/* ---- cutting ---- */

static int64_t
divide_up(int64_t a, int64_t b)
{
  return (a + b - 1) / b;
}

static int64_t
map_floats(const int64_t dims[3], int64_t channels)
{
  return dims[0] * dims[1] * dims[2] * channels;
}

/* of the source, under so many columns of the target */
static int64_t
columns_under(const NnBottleneck *b, int64_t columns)
{
  const NnGather *gather = b->gathers;
  int64_t step = gather->target_step[2];
  return step > 1 ? (columns + b->kernel[1]) / step + 1
                  : (columns - 1) * gather->source_step[2] + b->kernel[1];
}

static int64_t
rows_floats(const NnBottleneck *b, int64_t ring_rows, int64_t columns)
{
  return (ring_rows * columns_under(b, columns) + columns) * b->first.outputs;
}

static int64_t
slab_floats(int64_t pixels)
{
  return (pixels + NN_CONV_MAX_ROWS) * BLOCK;
}

static Cut
cut_target(const NnBottleneck *b, int threads)
{
  const NnGather *gather = b->gathers;
  const int64_t *dims = gather->target_dims;
  int64_t larger = MAX(map_floats(dims, 1), map_floats(gather->source_dims, 1));
  int64_t step = gather->target_step[2], rows = divide_up(b->kernel[0], gather->target_step[1]);
  Cut cut = {.ring_rows = rows, .strips = 1, .columns = divide_up(dims[2], step) * step};
  while (rows_floats(b, rows, cut.columns) > RING && cut.columns > LEAST_COLUMNS) {
    cut.strips++;
    cut.columns = divide_up(divide_up(dims[2], cut.strips), step) * step;
  }
  cut.whole = larger * b->first.outputs <= SMALL || rows_floats(b, rows, cut.columns) > RING ||
              b->first.outputs > MOST_CHANNELS;
  cut.strips = divide_up(dims[2], cut.columns);
  int64_t wanted = divide_up((int64_t)threads * ITEMS_A_THREAD, cut.strips * gather->batch);
  cut.rows = MAX(divide_up(dims[1], wanted), LEAST_ROWS);
  cut.bands = divide_up(dims[1], cut.rows);
  cut.ring_columns = columns_under(b, cut.columns);
  cut.plane = cut.ring_rows * cut.ring_columns * BLOCK;
  cut.source_slab = slab_floats(cut.ring_columns);
  cut.row_slab = slab_floats(cut.columns);
  return cut;
}

/* ---- scratch ---- */

static size_t
aligned(size_t bytes)
{
  return (bytes + NN_ALIGNMENT - 1) / NN_ALIGNMENT * NN_ALIGNMENT;
}

/* takes @count elements of @size bytes off what *@next points to */
static void *
take(char **next, int64_t count, size_t size)
{
  void *begin = *next;
  *next += aligned((size_t)count * size);
  return begin;
}

static size_t
lay_out_worker(const NnBottleneck *b, const Cut *cut, char *memory, Worker *worker)
{
  char *next = memory;
  int64_t blocks = nn_conv_blocks(b->first.outputs);
  worker->ring = take(&next, blocks * cut->plane, sizeof(float));
  worker->source = take(&next, nn_conv_blocks(b->first.inputs) * cut->source_slab, sizeof(float));
  worker->row = take(&next, blocks * cut->row_slab, sizeof(float));
  return (size_t)(next - memory);
}

static size_t
lay_out_shared(const NnBottleneck *b, const Cut *cut, char *memory, Job *job)
{
  char *next = memory;
  job->first_slabs = take(&next, nn_conv_blocks(b->first.inputs), sizeof(NnSlab));
  job->last_slabs = take(&next, nn_conv_blocks(b->last.inputs), sizeof(NnSlab));
  job->ring_at = take(&next, cut->ring_columns, sizeof(int64_t));
  job->ring_elements = take(&next, cut->ring_columns, sizeof(int64_t));
  job->last_at = take(&next, cut->columns, sizeof(int64_t));
  return (size_t)(next - memory);
}

static NnGather
pointwise_gather(const NnPointwise *pointwise, int64_t batch, const int64_t dims[3])
{
  static const int64_t offset[1][3] = {{0, 0, 0}};
  static const int tap = 0;
  NnGather gather = {
      .batch = batch,
      .target_step = {1, 1, 1},
      .source_step = {1, 1, 1},
      .n_taps = 1,
      .offsets = offset,
      .taps = &tap,
      .tap_rows = 1,
      .shape = {1, pointwise->inputs, pointwise->outputs, 1},
      .filters = pointwise->filters,
  };
  memcpy(gather.source_dims, dims, sizeof gather.source_dims);
  memcpy(gather.target_dims, dims, sizeof gather.target_dims);
  memcpy(gather.count, dims, sizeof gather.count);
  return gather;
}

/* the two maps between, and what gathers need */
static size_t
whole_bytes(const NnBottleneck *b, int threads)
{
  const NnGather *middle = b->gathers;
  NnGather first = pointwise_gather(&b->first, middle->batch, middle->source_dims);
  NnGather last = pointwise_gather(&b->last, middle->batch, middle->target_dims);
  size_t maps = 0, runs = nn_gather_scratch_bytes(middle, threads);
  maps += aligned((size_t)(middle->batch * map_floats(middle->source_dims, b->first.outputs)) *
                  sizeof(float));
  maps += aligned((size_t)(middle->batch * map_floats(middle->target_dims, b->first.outputs)) *
                  sizeof(float));
  runs = MAX(runs, nn_gather_scratch_bytes(&first, threads));
  return maps + MAX(runs, nn_gather_scratch_bytes(&last, threads));
}

size_t
nn_bottleneck_scratch_bytes(const NnBottleneck *bottleneck, int threads)
{
  Cut cut = cut_target(bottleneck, threads);
  Worker worker;
  Job job;
  if (cut.whole)
    return whole_bytes(bottleneck, threads);
  return lay_out_shared(bottleneck, &cut, NULL, &job) +
         (size_t)threads * lay_out_worker(bottleneck, &cut, NULL, &worker);
}

/* ---- as a whole ---- */

static void
run_whole(const Job *job, char *scratch)
{
  const NnBottleneck *b = job->b;
  const NnGather *middle = b->gathers;
  NnGather first = pointwise_gather(&b->first, middle->batch, middle->source_dims);
  NnGather last = pointwise_gather(&b->last, middle->batch, middle->target_dims);
  char *next = scratch;
  float *above =
      take(&next, middle->batch * map_floats(middle->source_dims, job->channels), sizeof(float));
  float *below =
      take(&next, middle->batch * map_floats(middle->target_dims, job->channels), sizeof(float));
  nn_gather_run(job->context, &first, job->source, above, &b->first.finish, next);
  for (int g = 0; g < b->n_gathers; g++)
    nn_gather_run(job->context, &b->gathers[g], above, below, &b->finish, next);
  nn_gather_run(job->context, &last, below, job->target, &b->last.finish, next);
}

/* ---- an item: a strip of a band ---- */

/**
 * Item: of picture @n.
 * @row, @row_end, @column, @column_end: of the target
 * @begin: the source's column where the ring's begin, be it before the first one;
 * @inside, @outside: those that there are
 * @own_row, @own, @own_end: what of the source no item before this one makes: rows from @own_row on,
 *   these columns
 */
typedef struct {
  int64_t n, row, row_end, column, column_end;
  int64_t begin, inside, outside;
  int64_t own_row, own, own_end;
} Item;

/* the first and the last place of the source that the target's @at needs, along an axis */
static void
find_under(const NnBottleneck *b, int axis, int64_t at, int64_t *first, int64_t *last)
{
  const NnGather *gather = b->gathers;
  for (int g = 0; g < b->n_gathers; g++)
    if (at % gather->target_step[axis] == b->gathers[g].target_begin[axis])
      gather = &b->gathers[g];
  int64_t j = (at - gather->target_begin[axis]) / gather->target_step[axis];
  *first = INT64_MAX;
  *last = INT64_MIN;
  for (int t = 0; t < gather->n_taps; t++) {
    int64_t place = j * gather->source_step[axis] + gather->offsets[t][axis];
    *first = MIN(*first, place);
    *last = MAX(*last, place);
  }
}

/* the first place that is not under what is before the target's @at */
static int64_t
first_fresh(const NnBottleneck *b, int axis, int64_t at)
{
  int64_t first, last;
  if (at == 0)
    return 0;
  find_under(b, axis, at - 1, &first, &last);
  return MAX(last + 1, 0);
}

static Item
find_item(const Job *job, int64_t index)
{
  const Cut *cut = &job->cut;
  const int64_t *dims = job->gather->target_dims;
  int64_t strip = index % cut->strips, band = index / cut->strips % cut->bands, last;
  Item item = {.n = index / cut->strips / cut->bands,
               .row = band * cut->rows,
               .column = strip * cut->columns};
  item.row_end = MIN(item.row + cut->rows, dims[1]);
  item.column_end = MIN(item.column + cut->columns, dims[2]);
  int64_t unused, width = job->gather->source_dims[2];
  find_under(job->b, 2, item.column, &item.begin, &unused);
  find_under(job->b, 2, item.column_end - 1, &unused, &last);
  item.inside = CLAMP(item.begin, 0, width);
  item.outside = CLAMP(last + 1, item.inside, width);
  item.own_row = first_fresh(job->b, 1, item.row);
  item.own = CLAMP(first_fresh(job->b, 2, item.column), item.inside, item.outside);
  item.own_end = item.outside;
  return item;
}

/* in the first plane */
static float *
ring_row(const Job *job, const Worker *worker, int64_t row)
{
  return worker->ring + row % job->cut.ring_rows * job->cut.ring_columns * BLOCK;
}

static void
blank(float *columns, int64_t count)
{
  memset(columns, 0, (size_t)(count * BLOCK) * sizeof *columns);
}

/* columns of the ring beside the map */
static void
blank_sides(const Job *job, const Item *item, const Worker *worker)
{
  const Cut *cut = &job->cut;
  int64_t before = CLAMP(item->inside - item->begin, 0, cut->ring_columns);
  int64_t end = before + item->outside - item->inside;
  for (int64_t r = 0; r < job->blocks * cut->ring_rows; r++) {
    float *row = worker->ring + r * cut->ring_columns * BLOCK;
    blank(row, before);
    blank(row + end * BLOCK, cut->ring_columns - end);
  }
}

/* @finish from channel @channel of pixel @pixel on, of @channels */
static NnFinish
finish_from(NnFinish finish, int64_t pixel, int64_t channels, int64_t channel)
{
  int64_t bytes = (pixel * channels + channel) / 8;
  if (finish.bias != NULL)
    finish.bias += channel;
  if (finish.bits != NULL)
    finish.bits += bytes;
  if (finish.gate.bits != NULL)
    finish.gate.bits += bytes;
  return finish;
}

/* columns @begin to @end - 1 of one row of the first result */
static void
make_columns(const Job *job, const Item *item, const Worker *worker, int64_t row, int64_t begin,
             int64_t end)
{
  const NnPointwise *first = &job->b->first;
  int64_t pixel =
      (item->n * job->gather->source_dims[1] + row) * job->gather->source_dims[2] + begin;
  int64_t blocks = nn_conv_blocks(first->inputs);
  if (begin >= end)
    return;
  job->lanes->pack(job->source + pixel * first->inputs, first->inputs, end - begin, first->inputs,
                   worker->source, job->cut.source_slab);
  NnProduct product = {
      .rows = end - begin,
      .packed = worker->source,
      .n_slabs = blocks,
      .slabs = job->first_slabs,
      .filters = first->filters,
      .panel = blocks * NN_CONV_SQUARE,
      .end = first->outputs,
      .target = ring_row(job, worker, row) + (begin - item->begin) * BLOCK,
      .plane = job->cut.plane,
      .at = job->ring_at,
      .elements = job->ring_elements,
      .finish = finish_from(first->finish, pixel, first->outputs, 0),
  };
  if (row < item->own_row || begin < item->own)
    product.finish.bits = NULL; /* another item's */
  job->lanes->product(&product);
}

static void
make_row(const Job *job, const Item *item, const Worker *worker, int64_t row)
{
  int64_t middle = job->b->first.finish.bits != NULL ? item->own : item->inside;
  make_columns(job, item, worker, row, item->inside, middle);
  make_columns(job, item, worker, row, middle, item->outside);
}

/* taps of @gather that are inside along the height, for target places from the strip's @j-th on */
static int64_t
list_taps(const Job *job, const Item *item, const Worker *worker, const NnGather *gather,
          int64_t row, int64_t j, NnTap *taps)
{
  int64_t n_taps = 0;
  int64_t base = (row - gather->target_begin[1]) / gather->target_step[1] * gather->source_step[1];
  for (int t = 0; t < gather->n_taps; t++) {
    int64_t from = base + gather->offsets[t][1];
    int64_t column = j * gather->source_step[2] + gather->offsets[t][2] - item->begin;
    if (from >= 0 && from < gather->source_dims[1])
      taps[n_taps++] = (NnTap){ring_row(job, worker, from) - worker->ring + column * BLOCK,
                               gather->taps[t] * job->channels};
  }
  return n_taps;
}

/* one row of the depthwise result: what @gather makes of it, of the channels of block @block */
static void
run_block(const Job *job, const Item *item, const Worker *worker, const NnGather *gather,
          int64_t row, const NnTap *taps, int64_t n_taps, int64_t block)
{
  const int64_t *dims = job->gather->target_dims;
  int64_t step = gather->target_step[2], begin = gather->target_begin[2];
  int64_t pixel = (item->n * dims[1] + row) * dims[2] + item->column, channel = block * BLOCK;
  NnPixels pixels = {
      .count = divide_up(item->column_end - item->column - begin, step),
      .source = worker->ring + block * job->cut.plane,
      .step = gather->source_step[2] * BLOCK,
      .source_channels = BLOCK,
      .n_taps = n_taps,
      .taps = taps,
      .filters = gather->filters + channel,
      .target = worker->row + block * job->cut.row_slab,
      .at = begin * BLOCK,
      .target_step = step * BLOCK,
      .target_channels = MIN(job->channels - channel, BLOCK),
      .element = begin * job->channels,
      .element_step = step * job->channels,
      .finish = finish_from(job->b->finish, pixel, job->channels, channel),
  };
  job->lanes->depthwise(&pixels);
}

static void
run_middle(const Job *job, const Item *item, const Worker *worker, int64_t row)
{
  for (int g = 0; g < job->b->n_gathers; g++) {
    const NnGather *gather = &job->b->gathers[g];
    NnTap taps[NN_BOTTLENECK_TAPS];
    if (row % gather->target_step[1] != gather->target_begin[1])
      continue;
    /* strips begin at whole steps */
    int64_t j = item->column / gather->target_step[2];
    int64_t n_taps = list_taps(job, item, worker, gather, row, j, taps);
    for (int64_t block = 0; block < job->blocks; block++)
      run_block(job, item, worker, gather, row, taps, n_taps, block);
  }
}

static void
run_last(const Job *job, const Item *item, const Worker *worker, int64_t row)
{
  const NnPointwise *last = &job->b->last;
  int64_t columns = item->column_end - item->column, blocks = nn_conv_blocks(last->inputs);
  int64_t pixel =
      (item->n * job->gather->target_dims[1] + row) * job->gather->target_dims[2] + item->column;
  NnProduct product = {
      .rows = columns,
      .packed = worker->row,
      .n_slabs = blocks,
      .slabs = job->last_slabs,
      .filters = last->filters,
      .panel = blocks * NN_CONV_SQUARE,
      .end = last->outputs,
      .target = job->target + pixel * last->outputs,
      .plane = BLOCK,
      .at = job->last_at,
      .elements = job->last_at,
      .expect = true,
      .finish = finish_from(last->finish, pixel, last->outputs, 0),
  };
  job->lanes->product(&product);
}

static void
run_items(int64_t begin, int64_t end, int index, gpointer data)
{
  const Job *job = data;
  Worker worker;
  lay_out_worker(job->b, &job->cut, job->workers + (size_t)index * job->worker_bytes, &worker);
  for (int64_t i = begin; i < end; i++) {
    Item item = find_item(job, i);
    int64_t first, last, made;
    blank_sides(job, &item, &worker);
    find_under(job->b, 1, item.row, &made, &last);
    made = MAX(made, 0);
    for (int64_t row = item.row; row < item.row_end; row++) {
      find_under(job->b, 1, row, &first, &last);
      for (; made <= MIN(last, job->gather->source_dims[1] - 1); made++)
        make_row(job, &item, &worker, made);
      run_middle(job, &item, &worker, row);
      run_last(job, &item, &worker, row);
    }
  }
}

/* ---- the layer ---- */

static void
list_slabs(int64_t channels, int64_t next_slab, NnSlab *slabs)
{
  for (int64_t s = 0; s < nn_conv_blocks(channels); s++)
    slabs[s] = (NnSlab){.source = s * next_slab,
                        .filter = s * NN_CONV_SQUARE,
                        .channels = (int)MIN(BLOCK, channels - s * BLOCK)};
}

static void
list_places(int64_t count, int64_t channels, int64_t *at)
{
  for (int64_t i = 0; i < count; i++)
    at[i] = i * channels;
}

void
nn_bottleneck_run(NnContext *context, const NnBottleneck *bottleneck, const float *source,
                  float *target, void *scratch)
{
  const NnBottleneck *b = bottleneck;
  Job job = {
      .context = context,
      .b = b,
      .gather = b->gathers,
      .lanes = nn_conv_choose_lanes(nn_context_isa(context)),
      .channels = b->first.outputs,
      .blocks = nn_conv_blocks(b->first.outputs),
      .cut = cut_target(b, nn_context_threads(context)),
      .source = source,
      .target = target,
  };
  if (job.cut.whole) {
    run_whole(&job, scratch);
    return;
  }
  Worker worker;
  job.workers = (char *)scratch + lay_out_shared(b, &job.cut, scratch, &job);
  job.worker_bytes = lay_out_worker(b, &job.cut, NULL, &worker);
  list_slabs(b->first.inputs, job.cut.source_slab, job.first_slabs);
  list_slabs(b->last.inputs, job.cut.row_slab, job.last_slabs);
  list_places(job.cut.ring_columns, BLOCK, job.ring_at);
  list_places(job.cut.ring_columns, job.channels, job.ring_elements);
  list_places(job.cut.columns, b->last.outputs, job.last_at);
  nn_parallel_for(context, b->gathers->batch * job.cut.bands * job.cut.strips, 1, run_items, &job);
}
