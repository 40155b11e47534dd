/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lies between the convolutions is kept in slabs (conv-lanes.h): the first one's panels are written
 * as the depthwise one wants to read them, 16 channels at a time along a row, and what that gives is
 * packed already for the last one's product.
 *
 * Large maps are cut into strips of columns and bands of rows. Going down a strip of a band, a ring
 * holds the rows of the first convolution's result that the depthwise one reaches; of its result, one
 * row is there at a time. Neighbouring bands and strips both make what lies under both.
 *
 * Small maps are made two panels at a time: the first convolution and the depthwise one for all places,
 * then, of all panels, the last. Nothing is made twice, and there are as many items as panels. */
#include "nncore/kernels/bottleneck.h"

#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/base/round.h"
#include "nncore/kernels/conv-private.h"

enum {
  BLOCK = NN_CONV_BLOCK,
  RING = 80 << 10, /* floats of a worker's rows, which fit into a second-level cache */
  SMALL = 1 << 19, /* floats of a small map */
  LEAST_COLUMNS = 48, /* of a strip, unless the map has fewer */
  LEAST_ROWS = 8, /* of a band */
  ITEMS_A_THREAD = 2, /* more of them, and more rows would be made twice */
  PANELS = 2, /* of a small map, at a time */
  LAST_ROWS = 6 * NN_CONV_MAX_ROWS, /* places of a small map that the last one makes at a time */
  LAST_ITEMS = 8, /* that they are cut into where they can be */
};

/**
 * Cut:
 * @small: panel by panel
 * @columns, @strips, @rows, @bands: of the target
 * @ring_rows, @ring_columns, @ring_slabs: that a worker holds of the first result
 * @first_slab, @last_slab: floats between the slabs that the two products read
 * @last_parts: of the last one's panels, for small maps
 */
typedef struct {
  bool small;
  int64_t columns, strips;
  int64_t rows, bands;
  int64_t ring_rows, ring_columns, ring_slabs;
  int64_t first_slab, last_slab;
  int64_t last_parts;
} Cut;

/* of one worker; floats. @row and @packed are shared where the map is small. */
typedef struct {
  float *ring, *row, *packed;
} Worker;

typedef struct {
  NnContext *context;
  const NnBottleneck *b;
  const NnGather *gather; /* any: for the sizes */
  const NnConvLanes *lanes;
  int64_t channels; /* between */
  Cut cut;
  const float *source;
  float *target;
  NnSlab *first_slabs, *last_slabs;
  int64_t *first_at, *first_elements, *last_at;
  char *workers;
  size_t worker_bytes;
  int64_t n; /* picture, of small maps */
  float *row, *packed; /* of small maps */
} Job;

/* ---- cutting ---- */

static int64_t
places(const int64_t dims[3])
{
  return dims[0] * dims[1] * dims[2];
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
  return (ring_rows * columns_under(b, columns) + columns) * nn_conv_blocks(b->first.outputs) *
         BLOCK;
}

static int64_t
slab_floats(int64_t pixels)
{
  return (pixels + NN_CONV_MAX_ROWS) * BLOCK;
}

static Cut
cut_small(const NnBottleneck *b)
{
  const NnGather *gather = b->gathers;
  int64_t above = places(gather->source_dims), below = places(gather->target_dims);
  int64_t panels = nn_conv_blocks(b->last.outputs), blocks = nn_divide_up(below, LAST_ROWS);
  return (Cut){.small = true,
               .columns = gather->target_dims[2],
               .strips = 1,
               .rows = gather->target_dims[1],
               .bands = 1,
               .ring_rows = gather->source_dims[1],
               .ring_columns = columns_under(b, gather->target_dims[2]),
               .ring_slabs = PANELS,
               .first_slab = slab_floats(above),
               .last_slab = slab_floats(below),
               .last_parts =
                   CLAMP(nn_divide_up(LAST_ITEMS, blocks), 1, nn_divide_up(panels, PANELS))};
}

static Cut
cut_large(const NnBottleneck *b, int threads)
{
  const NnGather *gather = b->gathers;
  const int64_t *dims = gather->target_dims;
  int64_t step = gather->target_step[2], rows = nn_divide_up(b->kernel[0], gather->target_step[1]);
  Cut cut = {.ring_rows = rows,
             .ring_slabs = nn_conv_blocks(b->first.outputs),
             .strips = 1,
             .columns = nn_round_up(dims[2], step)};
  while (rows_floats(b, rows, cut.columns) > RING && cut.columns > LEAST_COLUMNS) {
    cut.strips++;
    cut.columns = nn_round_up(nn_divide_up(dims[2], cut.strips), step);
  }
  cut.small = rows_floats(b, rows, cut.columns) > RING;
  cut.strips = nn_divide_up(dims[2], cut.columns);
  int64_t strips = MAX(cut.strips * gather->batch, 1);
  int64_t wanted = nn_divide_up((int64_t)threads * ITEMS_A_THREAD, strips);
  cut.rows = MAX(nn_divide_up(dims[1], wanted), LEAST_ROWS);
  cut.bands = nn_divide_up(dims[1], cut.rows);
  cut.ring_columns = columns_under(b, cut.columns);
  cut.first_slab = slab_floats(cut.ring_columns);
  cut.last_slab = slab_floats(cut.columns);
  return cut;
}

/* maps whose rows have too many channels for a ring are made as small ones are */
static Cut
cut_target(const NnBottleneck *b, int threads)
{
  const NnGather *gather = b->gathers;
  int64_t larger = MAX(places(gather->target_dims), places(gather->source_dims));
  Cut cut = cut_large(b, threads);
  return cut.small || larger * b->first.outputs <= SMALL ? cut_small(b) : cut;
}

/* ---- scratch ---- */

/* takes @count elements of @size bytes off what *@next points to */
static void *
take(char **next, int64_t count, size_t size)
{
  void *begin = *next;
  *next += nn_align((size_t)count * size);
  return begin;
}

static int64_t
packed_floats(const NnBottleneck *b, const Cut *cut)
{
  return nn_conv_blocks(b->first.inputs) * cut->first_slab;
}

static int64_t
row_floats(const NnBottleneck *b, const Cut *cut)
{
  return nn_conv_blocks(b->last.inputs) * cut->last_slab;
}

static int64_t
ring_plane(const Cut *cut)
{
  return cut->ring_rows * cut->ring_columns * BLOCK;
}

static size_t
lay_out_worker(const NnBottleneck *b, const Cut *cut, char *memory, Worker *worker)
{
  char *next = memory;
  worker->ring = take(&next, cut->ring_slabs * ring_plane(cut), sizeof(float));
  if (!cut->small) {
    worker->row = take(&next, row_floats(b, cut), sizeof(float));
    worker->packed = take(&next, packed_floats(b, cut), sizeof(float));
  }
  return (size_t)(next - memory);
}

static size_t
lay_out_shared(const NnBottleneck *b, const Cut *cut, char *memory, Job *job)
{
  char *next = memory;
  int64_t first = cut->small ? places(b->gathers->source_dims) : cut->ring_columns;
  job->first_slabs = take(&next, nn_conv_blocks(b->first.inputs), sizeof(NnSlab));
  job->last_slabs = take(&next, nn_conv_blocks(b->last.inputs), sizeof(NnSlab));
  job->first_at = take(&next, first, sizeof(int64_t));
  job->last_at = take(&next, cut->small ? LAST_ROWS : cut->columns, sizeof(int64_t));
  job->first_elements = take(&next, first, sizeof(int64_t));
  if (cut->small) {
    job->row = take(&next, row_floats(b, cut), sizeof(float));
    job->packed = take(&next, packed_floats(b, cut), sizeof(float));
  }
  return (size_t)(next - memory);
}

size_t
nn_bottleneck_scratch_bytes(const NnBottleneck *bottleneck, int threads)
{
  Cut cut = cut_target(bottleneck, threads);
  Worker worker;
  Job job;
  return lay_out_shared(bottleneck, &cut, NULL, &job) +
         (size_t)threads * lay_out_worker(bottleneck, &cut, NULL, &worker);
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

/* row @row in slab 0 of a ring: floats from its beginning */
static int64_t
ring_row(const Job *job, int64_t row)
{
  return row % job->cut.ring_rows * job->cut.ring_columns * BLOCK;
}

/* columns of the ring beside the map */
static void
blank_sides(const Job *job, const Item *item, const Worker *worker)
{
  int64_t columns = job->cut.ring_columns, inside = item->outside - item->inside;
  int64_t before = CLAMP(item->inside - item->begin, 0, columns);
  size_t side = BLOCK * sizeof(float);
  for (int64_t r = 0; r < job->cut.ring_slabs * job->cut.ring_rows; r++) {
    float *row = worker->ring + r * columns * BLOCK;
    memset(row, 0, (size_t)before * side);
    memset(row + (before + inside) * BLOCK, 0, (size_t)(columns - before - inside) * side);
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

/* slabs of the source up to the last, in chunks as conv-product.c adds them up */
static void
multiply(const Job *job, NnProduct product, const NnSlab *slabs, int64_t n_slabs)
{
  NnFinish finish = product.finish;
  NnFinish nothing = nn_finish(NULL, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
  for (int64_t slab = 0; slab < n_slabs; slab += NN_CONV_CHUNK) {
    product.slabs = slabs + slab;
    product.n_slabs = MIN(NN_CONV_CHUNK, n_slabs - slab);
    product.add = slab > 0;
    product.finish = slab + NN_CONV_CHUNK < n_slabs ? nothing : finish;
    job->lanes->product(&product);
  }
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
                   worker->packed, job->cut.first_slab);
  NnProduct product = {
      .rows = end - begin,
      .packed = worker->packed,
      .filters = first->filters,
      .panel = blocks * NN_CONV_SQUARE,
      .end = first->outputs,
      .target = worker->ring + ring_row(job, row) + (begin - item->begin) * BLOCK,
      .plane = ring_plane(&job->cut),
      .at = job->first_at,
      .elements = job->first_elements,
      .finish = finish_from(first->finish, pixel, first->outputs, 0),
  };
  if (row < item->own_row || begin < item->own)
    product.finish.bits = NULL; /* another item's */
  multiply(job, product, job->first_slabs, blocks);
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
list_taps(const Job *job, const Item *item, const NnGather *gather, int64_t row, int64_t j,
          NnTap *taps)
{
  int64_t n_taps = 0;
  int64_t base = (row - gather->target_begin[1]) / gather->target_step[1] * gather->source_step[1];
  for (int t = 0; t < gather->n_taps; t++) {
    int64_t from = base + gather->offsets[t][1];
    int64_t column = j * gather->source_step[2] + gather->offsets[t][2] - item->begin;
    if (from >= 0 && from < gather->source_dims[1])
      taps[n_taps++] =
          (NnTap){ring_row(job, from) + column * BLOCK, gather->taps[t] * job->channels};
  }
  return n_taps;
}

/* one slab of a row of the depthwise result, or what @gather makes of it, read from @plane of the ring */
static void
run_slab(const Job *job, const Item *item, const NnGather *gather, int64_t row, const NnTap *taps,
         int64_t n_taps, int64_t slab, const float *plane, float *target)
{
  const int64_t *dims = job->gather->target_dims;
  int64_t step = gather->target_step[2], begin = gather->target_begin[2];
  int64_t pixel = (item->n * dims[1] + row) * dims[2] + item->column;
  NnPixels pixels = {
      .count = nn_divide_up(item->column_end - item->column - begin, step),
      .source = plane,
      .step = gather->source_step[2] * BLOCK,
      .source_channels = BLOCK,
      .n_taps = n_taps,
      .taps = taps,
      .filters = gather->filters + slab * BLOCK,
      .target = target,
      .at = begin * BLOCK,
      .target_step = step * BLOCK,
      .target_channels = MIN(job->channels - slab * BLOCK, BLOCK),
      .element = begin * job->channels,
      .element_step = step * job->channels,
      .finish = finish_from(job->b->finish, pixel, job->channels, slab * BLOCK),
  };
  job->lanes->depthwise(&pixels);
}

/* one row of the depthwise result: slabs @first to @last - 1, the first of them being the ring's; @target:
 * of slab 0 */
static void
run_middle(const Job *job, const Item *item, const Worker *worker, int64_t row, int64_t first,
           int64_t last, float *target)
{
  for (int g = 0; g < job->b->n_gathers; g++) {
    const NnGather *gather = &job->b->gathers[g];
    NnTap taps[NN_BOTTLENECK_TAPS];
    if (row % gather->target_step[1] != gather->target_begin[1])
      continue;
    /* strips begin at whole steps */
    int64_t j = item->column / gather->target_step[2];
    int64_t n_taps = list_taps(job, item, gather, row, j, taps);
    for (int64_t s = first; s < last; s++)
      run_slab(job, item, gather, row, taps, n_taps, s,
               worker->ring + (s - first) * ring_plane(&job->cut), target + s * job->cut.last_slab);
  }
}

static void
run_last(const Job *job, const Item *item, const Worker *worker, int64_t row)
{
  const NnPointwise *last = &job->b->last;
  int64_t pixel =
      (item->n * job->gather->target_dims[1] + row) * job->gather->target_dims[2] + item->column;
  NnProduct product = {
      .rows = item->column_end - item->column,
      .packed = worker->row,
      .filters = last->filters,
      .panel = nn_conv_blocks(last->inputs) * NN_CONV_SQUARE,
      .end = last->outputs,
      .target = job->target + pixel * last->outputs,
      .plane = BLOCK,
      .at = job->last_at,
      .elements = job->last_at,
      .expect = true,
      .finish = finish_from(last->finish, pixel, last->outputs, 0),
  };
  multiply(job, product, job->last_slabs, nn_conv_blocks(last->inputs));
}

static Worker
worker_at(const Job *job, int index)
{
  Worker worker;
  lay_out_worker(job->b, &job->cut, job->workers + (size_t)index * job->worker_bytes, &worker);
  return worker;
}

static void
run_items(int64_t begin, int64_t end, int index, gpointer data)
{
  const Job *job = data;
  Worker worker = worker_at(job, index);
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
      run_middle(job, &item, &worker, row, 0, job->cut.ring_slabs, worker.row);
      run_last(job, &item, &worker, row);
    }
  }
}

/* ---- small maps ---- */

/* items: places of the source */
static void
pack_places(int64_t begin, int64_t end, int index, gpointer data)
{
  const Job *job = data;
  int64_t channels = job->b->first.inputs, from = job->n * places(job->gather->source_dims) + begin;
  job->lanes->pack(job->source + from * channels, channels, end - begin, channels,
                   job->packed + begin * BLOCK, job->cut.first_slab);
}

/* slabs @slab to @slab_end - 1 of the first result, at all places */
static void
make_panels(const Job *job, const Worker *worker, int64_t slab, int64_t slab_end)
{
  const NnPointwise *first = &job->b->first;
  int64_t count = places(job->gather->source_dims), blocks = nn_conv_blocks(first->inputs);
  NnProduct product = {
      .rows = count,
      .packed = job->packed,
      .filters = first->filters + slab * blocks * NN_CONV_SQUARE,
      .panel = blocks * NN_CONV_SQUARE,
      .end = MIN(slab_end * BLOCK, first->outputs) - slab * BLOCK,
      .target = worker->ring,
      .plane = ring_plane(&job->cut),
      .at = job->first_at,
      .elements = job->first_elements,
      .finish = finish_from(first->finish, job->n * count, first->outputs, slab * BLOCK),
  };
  multiply(job, product, job->first_slabs, blocks);
}

/* items: some panels of the first and of the depthwise result */
static void
run_panels(int64_t begin, int64_t end, int index, gpointer data)
{
  const Job *job = data;
  Worker worker = worker_at(job, index);
  Item item = find_item(job, job->n);
  int64_t width = job->gather->target_dims[2];
  blank_sides(job, &item, &worker);
  for (int64_t i = begin; i < end; i++) {
    int64_t slab = i * PANELS, slab_end = MIN(slab + PANELS, nn_conv_blocks(job->channels));
    make_panels(job, &worker, slab, slab_end);
    for (int64_t row = 0; row < item.row_end; row++)
      run_middle(job, &item, &worker, row, slab, slab_end, job->row + row * width * BLOCK);
  }
}

/* items: parts of the last convolution's panels, at some places after the other */
static void
run_places(int64_t begin, int64_t end, int index, gpointer data)
{
  const Job *job = data;
  const NnPointwise *last = &job->b->last;
  int64_t count = places(job->gather->target_dims), blocks = nn_conv_blocks(last->inputs);
  int64_t part = nn_divide_up(nn_conv_blocks(last->outputs), job->cut.last_parts);
  for (int64_t i = begin; i < end; i++) {
    int64_t place = i / job->cut.last_parts * LAST_ROWS, pixel = job->n * count + place;
    int64_t panel = i % job->cut.last_parts * part;
    NnProduct product = {
        .rows = MIN(LAST_ROWS, count - place),
        .packed = job->row + place * BLOCK,
        .filters = last->filters + panel * blocks * NN_CONV_SQUARE,
        .panel = blocks * NN_CONV_SQUARE,
        .first = panel * BLOCK,
        .end = MIN((panel + part) * BLOCK, last->outputs),
        .target = job->target + pixel * last->outputs,
        .plane = BLOCK,
        .at = job->last_at,
        .elements = job->last_at,
        .finish = finish_from(last->finish, pixel, last->outputs, 0),
    };
    multiply(job, product, job->last_slabs, blocks);
  }
}

static void
run_small(Job *job)
{
  const NnGather *gather = job->gather;
  int64_t panels = nn_divide_up(nn_conv_blocks(job->channels), PANELS);
  int64_t blocks = nn_divide_up(places(gather->target_dims), LAST_ROWS);
  for (job->n = 0; job->n < gather->batch; job->n++) {
    nn_parallel_for(job->context, places(gather->source_dims), LAST_ROWS, pack_places, job);
    nn_parallel_for(job->context, panels, 1, run_panels, job);
    nn_parallel_for(job->context, blocks * job->cut.last_parts, 1, run_places, job);
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

/* of all places of a small map, in the ring, or -1 for columns that nothing is over */
static void
list_ring(const Job *job)
{
  Item item = find_item(job, 0);
  int64_t width = job->gather->source_dims[2];
  for (int64_t i = 0; i < places(job->gather->source_dims); i++) {
    int64_t row = i / width, column = i % width;
    bool wanted = column >= item.inside && column < item.outside;
    job->first_at[i] = wanted ? (row * job->cut.ring_columns + column - item.begin) * BLOCK : -1;
  }
}

void
nn_bottleneck_run(NnContext *context, const NnBottleneck *bottleneck, const float *source,
                  float *target, void *scratch)
{
  const NnBottleneck *b = bottleneck;
  if (b->gathers->batch == 0)
    return;
  Job job = {
      .context = context,
      .b = b,
      .gather = b->gathers,
      .lanes = nn_conv_choose_lanes(nn_context_isa(context)),
      .channels = b->first.outputs,
      .cut = cut_target(b, nn_context_threads(context)),
      .source = source,
      .target = target,
  };
  Worker worker;
  job.workers = (char *)scratch + lay_out_shared(b, &job.cut, scratch, &job);
  job.worker_bytes = lay_out_worker(b, &job.cut, NULL, &worker);
  list_slabs(b->first.inputs, job.cut.first_slab, job.first_slabs);
  list_slabs(b->last.inputs, job.cut.last_slab, job.last_slabs);
  list_places(job.cut.small ? LAST_ROWS : job.cut.columns, b->last.outputs, job.last_at);
  if (job.cut.small) {
    list_ring(&job);
    list_places(places(b->gathers->source_dims), job.channels, job.first_elements);
    run_small(&job);
    return;
  }
  list_places(job.cut.ring_columns, BLOCK, job.first_at);
  list_places(job.cut.ring_columns, job.channels, job.first_elements);
  nn_parallel_for(context, b->gathers->batch * job.cut.bands * job.cut.strips, 1, run_items, &job);
}
