/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolutions in groups, a group after the other; groups of 4 or 8 channels are run as teams that
 * fill 16 (conv-lanes.h). The target is cut into tiles. A group has few outputs, too few to share
 * what im2col packs once for every tap. So taps that differ by whole places share a plane: what lies
 * under the first of them over the tile, and as many places more as they are apart. A tile's rows
 * follow each other in a plane, and the product runs through all of it: what it makes of the places
 * between the rows is not wanted. Where rows are so short that this costs more than packing, every
 * tap has a plane of its own. Sums are taken in the same order, whatever the tile. */
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/base/round.h"
#include "nncore/kernels/conv-private.h"

enum {
  BLOCK = NN_CONV_BLOCK,
  PACKED = 1 << 16, /* floats of a packed tile, but for deep groups */
  MOST_ROWS = 1024, /* places of a tile, those between rows included */
  MOST_WIDTH = 112, /* places of a tile's row that are wanted */
  MOST_APART = 15,  /* places between the taps of a plane */
  MOST_DOWN = 6,    /* rows between them, with one block of channels */
  LATEST = 64,      /* planes that a tap may join */
  LEAST_ITEMS = 16, /* that a layer is cut into where it can be */
};

/** Plane: @offset: of its first tap; @last: of its last one. */
typedef struct {
  int64_t offset[3];
  int64_t last[3];
} Plane;

/**
 * Job:
 * @teams: of groups, or groups; @source_team, @target_team: channels of one
 * @blocks: of a team's source channels under a tap
 * @apart: places, in rows and in a row, between the taps of any plane, at most
 * @height, @width: of a tile; @pitch: places from one row of it to the next; @tiles: how many along
 *   each axis, batch first
 * @next_slab: floats between the packed blocks of a plane; @plane: between planes
 * @panel: floats from one panel of filters to the next; @team: from one team to the next
 */
typedef struct {
  NnConvJob *conv;
  int span;
  int64_t teams, source_team, target_team, blocks;
  int64_t apart[3];
  int64_t height, width, pitch;
  int64_t tiles[4];
  int64_t n_slabs, n_planes;
  NnSlab *slabs;
  Plane *planes;
  int64_t next_slab, plane;
  const float *filters;
  int64_t panel, team;
  char *workers;
  size_t worker_bytes;
} Job;

typedef struct {
  NnConvPosition p; /* its first place */
  int64_t height, width;
} Tile;

/* ---- scratch: slabs, planes; for each worker the places' targets, and the packed planes ---- */

static int64_t
group_channels(const NnGather *gather)
{
  const NnFilters *shape = &gather->shape;
  return (gather->back ? shape->outputs : shape->inputs) / shape->groups;
}

/* of one block of a plane; tiles of the product and taps reach past the last place */
static int64_t
slab_floats(int64_t rows)
{
  return (rows + NN_CONV_MAX_ROWS + MOST_APART) * BLOCK;
}

static int64_t
most_down(int64_t blocks)
{
  return blocks == 1 ? MOST_DOWN : 0;
}

static size_t
worker_bytes(const NnGather *gather)
{
  int64_t blocks = nn_conv_blocks(group_channels(gather));
  int64_t rows = (1 + most_down(blocks)) * (NN_CONV_MAX_ROWS + MOST_APART);
  int64_t least = gather->n_taps * blocks * slab_floats(rows);
  return nn_align((MOST_ROWS + NN_CONV_MAX_ROWS) * sizeof(int64_t)) +
         nn_align((size_t)MAX(PACKED, least) * sizeof(float));
}

static size_t
slabs_bytes(const NnGather *gather)
{
  int64_t blocks = nn_conv_blocks(group_channels(gather));
  return nn_align((size_t)(gather->n_taps * blocks) * sizeof(NnSlab));
}

size_t
nn_conv_grouped_scratch_bytes(const NnGather *gather, int threads)
{
  return slabs_bytes(gather) + nn_align((size_t)gather->n_taps * sizeof(Plane)) +
         (size_t)threads * worker_bytes(gather);
}

/* ---- planes ---- */

/* whether a tap may join a plane, which grows by it */
static bool
join(Plane *plane, const int64_t offset[3], const int64_t step[3], const int64_t most[3])
{
  Plane grown;
  for (int d = 0; d < 3; d++) {
    grown.offset[d] = MIN(plane->offset[d], offset[d]);
    grown.last[d] = MAX(plane->last[d], offset[d]);
    if ((offset[d] - plane->offset[d]) % step[d] != 0 ||
        grown.last[d] - grown.offset[d] > most[d] * step[d])
      return false;
  }
  *plane = grown;
  return true;
}

/* the number of a tap's plane, perhaps a new one */
static int64_t
find_plane(Job *job, const int64_t offset[3], const int64_t most[3])
{
  for (int64_t i = job->n_planes; i-- > MAX(job->n_planes - LATEST, 0);)
    if (join(&job->planes[i], offset, job->conv->gather->source_step, most))
      return i;
  Plane *plane = &job->planes[job->n_planes];
  memcpy(plane->offset, offset, sizeof plane->offset);
  memcpy(plane->last, offset, sizeof plane->last);
  return job->n_planes++;
}

/* until the planes are whole, a slab's source is its plane's number */
static void
list_planes(Job *job)
{
  const NnGather *gather = job->conv->gather;
  /* in teams always, since the order of their sums depends on it */
  bool share = job->span > 0 || 2 * gather->count[2] >= 3 * group_channels(gather);
  int64_t most[3] = {0, share ? most_down(job->blocks) : 0, share ? MOST_APART : 0};
  for (int t = 0; t < gather->n_taps; t++)
    job->slabs[t * job->blocks].source = find_plane(job, gather->offsets[t], most);
  for (int64_t i = 0; i < job->n_planes; i++)
    for (int d = 1; d < 3; d++)
      job->apart[d] = MAX(job->apart[d], (job->planes[i].last[d] - job->planes[i].offset[d]) /
                                             gather->source_step[d]);
}

/* a team's slabs by where they lie, so that those a row apart follow each other */
static void
list_runs(NnSlab *slabs, int64_t count)
{
  for (int64_t i = 1; i < count; i++)
    for (int64_t k = i; k > 0 && slabs[k - 1].source > slabs[k].source; k--) {
      NnSlab slab = slabs[k];
      slabs[k] = slabs[k - 1];
      slabs[k - 1] = slab;
    }
  for (int64_t i = 0; i < count; i += slabs[i].run) {
    int run = 1;
    while (run < NN_CONV_RUN && i + run < count &&
           slabs[i + run].source == slabs[i].source + run * BLOCK)
      run++;
    slabs[i].run = run;
  }
}

static void
list_slabs(Job *job)
{
  const NnGather *gather = job->conv->gather;
  int64_t slab = nn_conv_slab_floats(gather->shape.groups, group_channels(gather));
  for (int t = 0; t < gather->n_taps; t++) {
    NnSlab *slabs = &job->slabs[t * job->blocks];
    const Plane *plane = &job->planes[slabs[0].source];
    int64_t down = (gather->offsets[t][1] - plane->offset[1]) / gather->source_step[1];
    int64_t along = (gather->offsets[t][2] - plane->offset[2]) / gather->source_step[2];
    int64_t source = (plane - job->planes) * job->plane + (down * job->pitch + along) * BLOCK;
    for (int64_t b = 0; b < job->blocks; b++)
      slabs[b] = (NnSlab){
          .source = source + b * job->next_slab,
          .filter = (gather->taps[t] * job->blocks + b) * slab,
          .channels = (int)MIN(BLOCK, group_channels(gather) - b * BLOCK),
      };
  }
  if (job->span > 0)
    list_runs(job->slabs, job->n_slabs);
}

/* ---- tiles ---- */

/* as high as fits, but so that there are enough */
static void
cut(Job *job)
{
  const NnGather *gather = job->conv->gather;
  int64_t depth = job->n_planes * job->blocks, down = job->apart[1];
  int64_t most = MIN(PACKED / depth / BLOCK - NN_CONV_MAX_ROWS - MOST_APART, MOST_ROWS);
  int64_t wide = CLAMP(most / (1 + down) - job->apart[2], NN_CONV_MAX_ROWS, MOST_WIDTH);
  job->tiles[3] = nn_divide_up(gather->count[2], wide);
  job->width = nn_divide_up(gather->count[2], job->tiles[3]);
  job->pitch = MAX(job->width, 2) + job->apart[2]; /* no run goes on in the next row */
  int64_t others = gather->batch * gather->count[0] * job->tiles[3] * job->teams;
  int64_t bands = MAX(nn_divide_up(LEAST_ITEMS, others),
                      nn_divide_up(gather->count[1], MAX(most / job->pitch - down, 1)));
  job->height = nn_divide_up(gather->count[1], MIN(bands, gather->count[1]));
  job->tiles[2] = nn_divide_up(gather->count[1], job->height);
  job->tiles[1] = gather->count[0];
  job->tiles[0] = gather->batch;
  job->next_slab = slab_floats((job->height + down) * job->pitch);
  job->plane = job->blocks * job->next_slab;
}

static Tile
tile_at(const Job *job, int64_t index)
{
  const NnGather *gather = job->conv->gather;
  int64_t x = index % job->tiles[3] * job->width;
  index /= job->tiles[3];
  int64_t y = index % job->tiles[2] * job->height;
  index /= job->tiles[2];
  return (Tile){
      .p = {index / job->tiles[1], {index % job->tiles[1], y, x}},
      .height = MIN(job->height, gather->count[1] - y),
      .width = MIN(job->width, gather->count[2] - x),
  };
}

static void
find_targets(const Job *job, const Tile *tile, int64_t *at)
{
  const NnGather *gather = job->conv->gather;
  int64_t channels = job->conv->target_channels, step = gather->target_step[2] * channels;
  NnConvPosition p = tile->p;
  for (int64_t y = 0; y < tile->height; y++, p.j[1]++, at += job->pitch) {
    int64_t first = nn_conv_target(gather, &p) * channels;
    for (int64_t x = 0; x < job->pitch; x++)
      at[x] = x < tile->width ? first + x * step : -1;
  }
}

static void
pack_planes(const Job *job, const Tile *tile, int64_t team, float *to)
{
  const NnGather *gather = job->conv->gather;
  int64_t channel = team * job->source_team;
  NnConvPack pack = {
      .conv = job->conv,
      .gather = gather,
      .channel = channel,
      .channels = MIN(job->source_team, job->conv->source_channels - channel),
      .next_slab = job->next_slab,
  };
  int64_t places = tile->width + job->apart[2];
  for (int64_t i = 0; i < job->n_planes; i++, to += job->plane) {
    NnConvPosition p = tile->p;
    pack.offset = job->planes[i].offset;
    nn_conv_inside(gather, pack.offset[2], gather->count[2] + job->apart[2], &pack.inside,
                   &pack.outside);
    for (int64_t y = 0; y < tile->height + job->apart[1]; y++, p.j[1]++)
      nn_conv_pack(&pack, &p, places, to + y * job->pitch * BLOCK);
  }
}

static void
run_tile(const Job *job, const Tile *tile, int64_t team, const int64_t *at, float *packed)
{
  const NnConvJob *conv = job->conv;
  int64_t first = team * job->target_team;
  NnProduct product = {
      .rows = (tile->height - 1) * job->pitch + tile->width,
      .packed = packed,
      .n_slabs = job->n_slabs,
      .slabs = job->slabs,
      .filters = job->filters + team * job->team,
      .panel = job->panel,
      .first = first,
      .end = MIN(first + job->target_team, conv->target_channels),
      .span = job->span,
      .target = conv->target,
      .plane = BLOCK,
      .at = at,
      .elements = at,
      .expect = true,
      .finish = conv->finish,
  };
  pack_planes(job, tile, team, packed);
  if (job->span > 0)
    conv->lanes->team(&product);
  else
    conv->lanes->product(&product);
}

/* items: the teams of a tile, tile by tile */
static void
run_items(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  int64_t *at = (int64_t *)(job->workers + (size_t)worker * job->worker_bytes);
  float *packed = (float *)((char *)at + nn_align((MOST_ROWS + NN_CONV_MAX_ROWS) * sizeof *at));
  for (int64_t item = begin; item < end; item++) {
    Tile tile = tile_at(job, item / job->teams);
    if (item == begin || item % job->teams == 0)
      find_targets(job, &tile, at);
    run_tile(job, &tile, item % job->teams, at, packed);
  }
}

/* ---- the layer ---- */

void
nn_conv_grouped_run(NnConvJob *conv)
{
  const NnGather *gather = conv->gather;
  const NnFilters *shape = &gather->shape;
  int span = nn_conv_span(shape);
  int64_t floats = nn_filters_product_floats(shape, gather->back);
  Job job = {
      .conv = conv,
      .span = span,
      .teams = span > 0 ? nn_conv_blocks(shape->outputs) : shape->groups,
      .source_team = span > 0 ? BLOCK : conv->source_channels / shape->groups,
      .target_team = span > 0 ? BLOCK : conv->target_channels / shape->groups,
      .blocks = nn_conv_blocks(group_channels(gather)),
      .slabs = (NnSlab *)conv->scratch,
      .planes = (Plane *)(conv->scratch + slabs_bytes(gather)),
      .filters = gather->filters + (gather->back ? nn_filters_product_floats(shape, false) : 0),
      .worker_bytes = worker_bytes(gather),
  };
  job.n_slabs = gather->n_taps * job.blocks;
  job.team = floats / job.teams;
  job.panel = job.team / nn_conv_blocks(job.target_team);
  job.workers = (char *)job.planes + nn_align((size_t)gather->n_taps * sizeof(Plane));
  list_planes(&job);
  cut(&job);
  list_slabs(&job);
  int64_t tiles = job.tiles[0] * job.tiles[1] * job.tiles[2] * job.tiles[3];
  /* neighbouring teams read neighbouring lines */
  int64_t grain = tiles >= LEAST_ITEMS ? job.teams : CLAMP(job.teams / 4, 1, 8);
  nn_parallel_for(conv->context, tiles * job.teams, grain, run_items, &job);
}
