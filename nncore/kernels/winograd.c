/* SPDX-License-Identifier: GPL-3.0-or-later */
/* F(4 x 4, 3 x 3) by blocks of tiles: patches are transformed (V = B' d B), multiplied with the
 * transformed filters (M = V U, one product for each of the 36 places), and transformed back
 * (Y = A' M A), with bias and activation. The inner loops are in winograd-lanes.c.
 *
 * The points are 0, 1, -1, 1/2, -2 and infinity. They lose less to rounding than the usual 0, 1,
 * -1, 2, -2 (a third of the error at 512 channels; Barabasz and others, Error Analysis and
 * Improving the Accuracy of Winograd Convolution, 2020), and they are closed under p -> -1/p: the
 * flipped taps' polynomial is p^2 g(1/p), so the flipped filter's value at -1/p is that of the
 * filter at p, up to a factor, if every second pixel changes its sign. Factors and signs go into
 * the transforms, so one set of filters serves the convolution and its gradient.
 *
 * F(6 x 6, 3 x 3) has 0.79 times the products but filters 1.78 times as large and transforms of 8 x 8:
 * where it was tried (AVX2), it was 1.2 times as fast at best, up to 128 channels, and slower on wider
 * layers, with errors of 5e-6 to 2e-5. A quarter of VGG-19's products are in layers so narrow: it would
 * save 4 % of that network's time, for errors above the 1e-5 that all kernels here are held to. With
 * AVX-512, where products are cheaper beside the transforms, it has not been tried.
 *
 * Small filters: each thread takes a block of tiles the whole way, with V and M in its second-level
 * cache. Large ones (they would be read from memory for every block): all threads share a block as
 * large as the last-level cache may hold, and go through the three steps together, so that the
 * filters are read once a block. */
#include "nncore/kernels/winograd.h"

#include <string.h>

#include "nncore/base/round.h"
#include "nncore/kernels/vector.h"
#include "nncore/kernels/winograd-lanes.h"

enum {
  IN = NN_WINOGRAD_IN,
  OUT = NN_WINOGRAD_OUT,
  BLOCK = NN_WINOGRAD_BLOCK,
  POOLED = NN_WINOGRAD_POOLED,
  PLACES = IN * IN,
  SQUARE = BLOCK * BLOCK,
  PANELS = 8, /* of an item of shared multiplication */
  TURNED = 2, /* of them turned over at a time */
  /* floats between places: a tile's 36 numbers would lie a multiple of some thousand bytes apart
   * and share a few sets of the cache (VGG-19 took 4 % longer) */
  APART = 16,
};

#define SMALL_FILTERS_BYTES (INT64_C(12) << 20)
#define OWN_BLOCK_BYTES (INT64_C(3) << 18)     /* V and M of one thread */
#define SHARED_BLOCK_BYTES (INT64_C(24) << 20) /* V and M of all */
#define STREAMED_BYTES (INT64_C(16) << 20)
#define ROW_STEP 14 /* block sizes are multiples of it: whole products in the widest kernel */

bool
nn_winograd_fits(int64_t inputs, int64_t outputs)
{
  return inputs % NN_LANES == 0 && outputs % 8 == 0;
}

/* ---- filters: U = G g G' ---- */

static int64_t
place_floats(int64_t inputs, int64_t outputs)
{
  return nn_round_up(inputs, BLOCK) * nn_round_up(outputs, BLOCK);
}

static bool
are_small(int64_t inputs, int64_t outputs)
{
  return PLACES * place_floats(inputs, outputs) * (int64_t)sizeof(float) <= SMALL_FILTERS_BYTES;
}

size_t
nn_winograd_filters_bytes(int64_t inputs, int64_t outputs, bool both)
{
  size_t sets = both && are_small(inputs, outputs) ? 2 : 1;
  return sets * (size_t)(PLACES * place_floats(inputs, outputs)) * sizeof(float);
}

static void
transform_three(const float g[3][BLOCK], float u[IN][BLOCK])
{
  for (int i = 0; i < BLOCK; i++) {
    u[0][i] = g[0][i];
    u[1][i] = (g[0][i] + g[1][i] + g[2][i]) / 3;
    u[2][i] = (g[1][i] - g[0][i] - g[2][i]) / 3;
    u[3][i] = (-16 * g[0][i] - 8 * g[1][i] - 4 * g[2][i]) / 15;
    u[4][i] = (g[0][i] - 2 * g[1][i] + 4 * g[2][i]) / 15;
    u[5][i] = g[2][i];
  }
}

/* one input's filters to the outputs of a panel */
static void
transform_filters(const float g[3][3][BLOCK], int64_t place, float *to)
{
  float rows[3][IN][BLOCK];
  for (int y = 0; y < 3; y++)
    transform_three(g[y], rows[y]);
  for (int x = 0; x < IN; x++) {
    float column[3][BLOCK], u[IN][BLOCK];
    for (int y = 0; y < 3; y++)
      memcpy(column[y], rows[y][x], sizeof column[y]);
    transform_three(column, u);
    for (int y = 0; y < IN; y++)
      memcpy(to + (y * IN + x) * place, u[y], sizeof u[y]);
  }
}

/* Filters: what is made of taps, and where. */
typedef struct {
  const float *taps;
  int64_t inputs, outputs;
  float *filters;
} Filters;

/* a panel of 16 outputs: inputs x 16; what is past the last input or output is zero */
static void
fill_panel(const Filters *f, int64_t panel)
{
  int64_t place = place_floats(f->inputs, f->outputs), padded = nn_round_up(f->inputs, BLOCK);
  int64_t o = panel * BLOCK;
  for (int64_t i = 0; i < padded; i++) {
    float g[3][3][BLOCK] = {0};
    int count = i < f->inputs ? (int)MIN(BLOCK, f->outputs - o) : 0;
    for (int k = 0; k < count; k++)
      for (int t = 0; t < 9; t++)
        g[t / 3][t % 3][k] = f->taps[((o + k) * f->inputs + i) * 9 + t];
    transform_filters((const float(*)[3][BLOCK])g, place, f->filters + o * padded + i * BLOCK);
  }
}

static int64_t
count_panels(const Filters *f)
{
  return nn_divide_up(f->outputs, BLOCK);
}

/* the set for running back: of a place, panels of inputs from panels of outputs */
static void
turn_place(const Filters *f, int64_t place)
{
  int64_t floats = place_floats(f->inputs, f->outputs);
  int64_t rows = count_panels(f), columns = nn_divide_up(f->inputs, BLOCK);
  const float *from = f->filters + place * floats;
  float *to = f->filters + (PLACES + place) * floats;
  for (int64_t o = 0; o < rows; o++)
    for (int64_t i = 0; i < columns; i++)
      nn_winograd_lanes_baseline.transpose(from + (o * columns + i) * SQUARE,
                                           to + (i * rows + o) * SQUARE);
}

void
nn_winograd_filters(const float *taps, int64_t inputs, int64_t outputs, bool both, float *filters)
{
  Filters f = {taps, inputs, outputs, filters};
  for (int64_t panel = 0; panel < count_panels(&f); panel++)
    fill_panel(&f, panel);
  for (int64_t place = 0; both && are_small(inputs, outputs) && place < PLACES; place++)
    turn_place(&f, place);
}

static void
fill_panels(int64_t begin, int64_t end, int worker, gpointer data)
{
  for (int64_t panel = begin; panel < end; panel++)
    fill_panel(data, panel);
}

static void
turn_places(int64_t begin, int64_t end, int worker, gpointer data)
{
  for (int64_t place = begin; place < end; place++)
    turn_place(data, place);
}

void
nn_winograd_filters_run(NnContext *context, const float *taps, int64_t inputs, int64_t outputs,
                        bool both, float *filters)
{
  Filters f = {taps, inputs, outputs, filters};
  nn_parallel_for(context, count_panels(&f), 1, fill_panels, &f);
  if (both && are_small(inputs, outputs))
    nn_parallel_for(context, PLACES, 1, turn_places, &f);
}

/* ---- blocks ---- */

/**
 * Blocks: how a layer is cut.
 * @tiles: of the layer; @block: tiles of a block
 * @own: each thread takes blocks of its own
 * @v_place, @m_place: floats of a place in V and M
 * @patch: floats of a padded patch, or of a tile before it is pooled; @panels: of filters turned over;
 *   of each thread
 */
typedef struct {
  int64_t tiles_high, tiles_wide, tiles, block;
  bool own;
  int64_t v_place, m_place, patch, panels;
} Blocks;

static Blocks
cut_blocks(const NnWinograd *w)
{
  int64_t in = nn_round_up(w->source_channels, BLOCK), out = nn_round_up(w->target_channels, BLOCK);
  Blocks b = {
      .tiles_high = nn_divide_up(w->target_height, OUT),
      .tiles_wide = nn_divide_up(w->target_width, OUT),
      .own = are_small(w->source_channels, w->target_channels),
      .patch = MAX(PLACES * w->source_channels, OUT * OUT * w->target_channels),
      .panels = TURNED * BLOCK * in,
  };
  b.tiles = w->batch * b.tiles_high * b.tiles_wide;
  int64_t filters = PLACES * in * out * (int64_t)sizeof(float);
  int64_t bytes = b.own ? MAX(OWN_BLOCK_BYTES, filters / 4) : SHARED_BLOCK_BYTES;
  int64_t most = MAX(bytes / (PLACES * (in + out) * (int64_t)sizeof(float)), ROW_STEP);
  int64_t count = MAX(nn_divide_up(b.tiles, most), 1);
  if (!b.own) /* equal ones */
    most = nn_divide_up(b.tiles, count);
  b.block = MIN(nn_round_up(most, ROW_STEP), MAX(b.tiles, 1));
  b.v_place = b.block * in + APART;
  b.m_place = b.block * out + APART;
  if (b.own || !w->back)
    b.panels = 0;
  return b;
}

size_t
nn_winograd_scratch_bytes(const NnWinograd *winograd, int threads)
{
  Blocks b = cut_blocks(winograd);
  int64_t matrices = PLACES * (b.v_place + b.m_place), each = b.patch + b.panels;
  int64_t floats = b.own ? threads * (matrices + each) : matrices + threads * each;
  return (size_t)floats * sizeof(float);
}

typedef struct {
  const NnWinograd *winograd;
  const NnWinogradLanes *lanes;
  const float *source;
  float *target;
  NnFinish finish;
  Blocks blocks;
  float *scratch;
  int64_t first; /* tile of a shared block */
  int64_t count;
} Job;

/* a tile's first target pixel */
typedef struct {
  int64_t n, y, x;
} Tile;

static Tile
tile_at(const Blocks *blocks, int64_t index)
{
  int64_t in_picture = index % (blocks->tiles_high * blocks->tiles_wide);
  return (Tile){
      .n = index / (blocks->tiles_high * blocks->tiles_wide),
      .y = in_picture / blocks->tiles_wide * OUT,
      .x = in_picture % blocks->tiles_wide * OUT,
  };
}

/* ---- there ---- */

/* rows and columns of the 6 x 6 patch that lie inside the picture: begin to end */
static void
clip(int64_t first, int64_t size, int *begin, int *end)
{
  *begin = (int)CLAMP(-first, 0, IN);
  *end = (int)CLAMP(size - first, 0, IN);
}

/* the patch that begins at (@top, @left), of the gradient to the pooled picture's windows; what lies in
 * none is zero */
static void
unpool_patch(const Job *job, int64_t n, int64_t top, int64_t left, float *patch)
{
  const NnWinograd *w = job->winograd;
  int64_t channels = w->source_channels, high = w->source_height / 2, wide = w->source_width / 2;
  if (top < 0 || left < 0 || top + IN > 2 * high || left + IN > 2 * wide)
    memset(patch, 0, (size_t)(PLACES * channels) * sizeof *patch);
  for (int64_t y = MAX(top, 0) / 2; y < high && 2 * y < top + IN; y++)
    for (int64_t x = MAX(left, 0) / 2; x < wide && 2 * x < left + IN; x++) {
      int64_t from = ((n * high + y) * wide + x) * channels;
      float *pixels[4];
      for (int k = 0; k < 4; k++) {
        int64_t row = 2 * y + k / 2 - top, column = 2 * x + k % 2 - left;
        bool inside = row >= 0 && row < IN && column >= 0 && column < IN;
        pixels[k] = inside ? patch + (row * IN + column) * channels : NULL;
      }
      job->lanes->unpool(job->source + from, w->winners + from, channels, pixels);
    }
}

/* V of one tile: from the picture itself, or, at its border, from a copy with zeros around */
static void
transform_tile(const Job *job, int64_t index, NnWinogradTile v, float *padded)
{
  const NnWinograd *w = job->winograd;
  Tile tile = tile_at(&job->blocks, index);
  int64_t top = tile.y - w->pad_top, left = tile.x - w->pad_left, channels = w->source_channels;
  if (w->pools && w->back) {
    unpool_patch(job, tile.n, top, left, padded);
    job->lanes->transform(padded, IN * channels, channels, true, v);
    return;
  }
  int y0, y1, x0, x1;
  clip(top, w->source_height, &y0, &y1);
  clip(left, w->source_width, &x0, &x1);
  int64_t first = (tile.n * w->source_height + top) * w->source_width + left;
  if (y0 == 0 && y1 == IN && x0 == 0 && x1 == IN) {
    job->lanes->transform(job->source + first * channels, w->source_width * channels, channels,
                          w->back, v);
    return;
  }
  memset(padded, 0, (size_t)(PLACES * channels) * sizeof *padded);
  for (int y = y0; y < y1 && x0 < x1; y++)
    memcpy(padded + (y * IN + x0) * channels,
           job->source + (first + y * w->source_width + x0) * channels,
           (size_t)((x1 - x0) * channels) * sizeof *padded);
  job->lanes->transform(padded, IN * channels, channels, w->back, v);
}

/* tile @t of a block whose V or M is at @matrices, @place floats a place */
static NnWinogradTile
tile_of(const Job *job, float *matrices, int64_t place, int64_t t)
{
  return (NnWinogradTile){
      .at = matrices + t * BLOCK,
      .place = place,
      .block = job->blocks.block * BLOCK,
  };
}

/* ---- products ---- */

static NnWinogradProduct
product_at(const Job *job, const float *v, float *m, int64_t tiles, int64_t place)
{
  const NnWinograd *w = job->winograd;
  const Blocks *b = &job->blocks;
  int64_t in = nn_round_up(w->source_channels, BLOCK), out = nn_round_up(w->target_channels, BLOCK);
  int64_t set = w->back && b->own ? PLACES : 0;
  return (NnWinogradProduct){
      .tiles = tiles,
      .source_channels = w->source_channels,
      .panels = out / BLOCK,
      .v = v + place * b->v_place,
      .v_block = b->block * BLOCK,
      .u = w->filters + (set + place) * in * out,
      .panel = in * BLOCK,
      .m = m + place * b->m_place,
      .m_block = b->block * BLOCK,
  };
}

/* panels @first to @first + @count of a place, whose filters are panels of the source channels */
static void
turn_panels(const Job *job, const float *place, int64_t first, int64_t count, float *panels)
{
  int64_t rows = nn_divide_up(job->winograd->source_channels, BLOCK);
  int64_t columns = nn_divide_up(job->winograd->target_channels, BLOCK);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t p = 0; p < count; p++)
      job->lanes->transpose(place + (r * columns + first + p) * SQUARE,
                            panels + (p * rows + r) * SQUARE);
}

/* ---- back ---- */

/* the maxima of what is whole of a tile; @whole: room for all of it. Biases come first, so that winners are
 * those of a maximum over what a convolution without one behind it writes, to the bit. */
static void
pool_tile(const Job *job, Tile tile, NnWinogradTile m, float *whole)
{
  const NnWinograd *w = job->winograd;
  int64_t channels = w->target_channels, high = w->target_height / 2, wide = w->target_width / 2;
  int64_t y = tile.y / 2, x = tile.x / 2;
  NnFinish biases = nn_finish(job->finish.bias, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
  NnFinish rest = job->finish;
  NnWinogradPixels own = {0, OUT * channels, channels};
  rest.bias = NULL;
  job->lanes->transform_back(m, channels, false, &biases, whole, own, own, OUT, OUT);
  job->lanes->pool(whole, channels, &rest, job->target, ((tile.n * high + y) * wide + x) * channels,
                   wide * channels, (int)MIN(POOLED, high - y), (int)MIN(POOLED, wide - x),
                   w->winners);
}

/* bias, activation and its bits for one tile; @whole: as in pool_tile() */
static void
finish_tile(const Job *job, int64_t index, NnWinogradTile m, float *whole)
{
  const NnWinograd *w = job->winograd;
  Tile tile = tile_at(&job->blocks, index);
  int64_t channels = w->target_channels, pixel = w->target_pixel > 0 ? w->target_pixel : channels;
  int64_t first = (tile.n * w->target_height + tile.y) * w->target_width + tile.x;
  if (w->pools && !w->back) {
    pool_tile(job, tile, m, whole);
    return;
  }
  int high = (int)MIN(OUT, w->target_height - tile.y);
  int wide = (int)MIN(OUT, w->target_width - tile.x);
  NnWinogradPixels to = {first * pixel, w->target_width * pixel, pixel};
  NnWinogradPixels elements = {first * channels, w->target_width * channels, channels};
  job->lanes->transform_back(m, channels, w->back, &job->finish, job->target, to, elements, high,
                             wide);
}

/* ---- a block of a thread's own ---- */

static void
run_own_block(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const Blocks *b = &job->blocks;
  float *v = job->scratch + worker * (PLACES * (b->v_place + b->m_place) + b->patch);
  float *m = v + PLACES * b->v_place;
  float *padded = m + PLACES * b->m_place;
  for (int64_t t = begin; t < end; t++)
    transform_tile(job, t, tile_of(job, v, b->v_place, t - begin), padded);
  for (int64_t place = 0; place < PLACES; place++) {
    NnWinogradProduct product = product_at(job, v, m, end - begin, place);
    job->lanes->multiply(&product);
  }
  for (int64_t t = begin; t < end; t++)
    finish_tile(job, t, tile_of(job, m, b->m_place, t - begin), padded);
  job->lanes->settle();
}

/* ---- a shared block ---- */

static float *
shared_m(const Job *job)
{
  return job->scratch + PLACES * job->blocks.v_place;
}

static float *
worker_scratch(const Job *job, int worker)
{
  const Blocks *b = &job->blocks;
  return shared_m(job) + PLACES * b->m_place + worker * (b->patch + b->panels);
}

static void
transform_shared(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t t = begin; t < end; t++)
    transform_tile(job, job->first + t, tile_of(job, job->scratch, job->blocks.v_place, t),
                   worker_scratch(job, worker));
}

static int64_t
panel_groups(const Job *job)
{
  return nn_divide_up(job->winograd->target_channels, PANELS * BLOCK);
}

/* the filters are panels of the source channels: turned over, two at a time */
static void
multiply_turned(const Job *job, NnWinogradProduct product, int64_t first, float *panels)
{
  const float *place = product.u;
  int64_t count = product.panels;
  int64_t row = nn_round_up(job->winograd->target_channels, BLOCK) * BLOCK;
  product.u = panels;
  product.next_row = row;
  for (int64_t i = 0; i < count; i += TURNED) {
    product.panels = MIN(TURNED, count - i);
    turn_panels(job, place, first + i, product.panels, panels);
    product.next = i + 2 * TURNED <= count ? place + (first + i + TURNED) * SQUARE : NULL;
    job->lanes->multiply(&product);
    product.m += TURNED * product.m_block;
  }
}

/* items: groups of panels, place by place */
static void
multiply_shared(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  int64_t groups = panel_groups(job);
  for (int64_t item = begin; item < end; item++) {
    int64_t first = item % groups * PANELS;
    NnWinogradProduct product =
        product_at(job, job->scratch, shared_m(job), job->count, item / groups);
    product.panels = MIN(PANELS, product.panels - first);
    product.m += first * product.m_block;
    if (job->winograd->back) {
      multiply_turned(job, product, first, worker_scratch(job, worker) + job->blocks.patch);
    } else {
      product.u += first * product.panel;
      job->lanes->multiply(&product);
    }
  }
}

static void
finish_shared(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t t = begin; t < end; t++)
    finish_tile(job, job->first + t, tile_of(job, shared_m(job), job->blocks.m_place, t),
                worker_scratch(job, worker));
  job->lanes->settle();
}

static void
run_shared(NnContext *context, Job *job)
{
  const Blocks *b = &job->blocks;
  for (job->first = 0; job->first < b->tiles; job->first += b->block) {
    job->count = MIN(b->block, b->tiles - job->first);
    nn_parallel_for(context, job->count, 4, transform_shared, job);
    nn_parallel_for(context, PLACES * panel_groups(job), 1, multiply_shared, job);
    nn_parallel_for(context, job->count, 4, finish_shared, job);
  }
}

/* the widest kernels whose lanes divide the channels */
static const NnWinogradLanes *
choose_lanes(NnIsa isa, const NnWinograd *w)
{
#ifdef __x86_64__
  int64_t both = w->source_channels | w->target_channels;
  if (isa >= NN_ISA_AVX512 && both % nn_winograd_lanes_avx512.lanes == 0)
    return &nn_winograd_lanes_avx512;
  if (isa >= NN_ISA_AVX2 && both % nn_winograd_lanes_avx2.lanes == 0)
    return &nn_winograd_lanes_avx2;
#endif
  return &nn_winograd_lanes_baseline;
}

static int64_t
target_floats(const NnWinograd *w)
{
  int64_t share = w->pools && !w->back ? 2 : 1;
  return w->batch * (w->target_height / share) * (w->target_width / share) * w->target_channels;
}

/* lines of the cache whole, and more of them than it holds */
static bool
is_streamed(const NnWinograd *w)
{
  return w->target_channels % BLOCK == 0 &&
         target_floats(w) * (int64_t)sizeof(float) >= STREAMED_BYTES;
}

void
nn_winograd_run(NnContext *context, const NnWinograd *winograd, const float *source, float *target,
                const NnFinish *finish, void *scratch)
{
  Job job = {
      .winograd = winograd,
      .lanes = choose_lanes(nn_context_isa(context), winograd),
      .source = source,
      .target = target,
      .finish = *finish,
      .blocks = cut_blocks(winograd),
      .scratch = scratch,
  };
  bool gates = winograd->target_channels % 8 == 0; /* the gate's bits are whole bytes */
  if (!gates)
    job.finish.gate = (NnGate){0};
  job.finish.stream = is_streamed(winograd);
  if (job.blocks.own)
    nn_parallel_for(context, job.blocks.tiles, job.blocks.block, run_own_block, &job);
  else
    run_shared(context, &job);
  if (!gates)
    nn_gate_run(context, finish->gate, target, target_floats(winograd));
}
