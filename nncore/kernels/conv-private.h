/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the ways of running a gather share (conv.c chooses): by packed blocks and products
 * (conv-product.c), group by group (conv-grouped.c), or along rows of the target (conv-rows.c). */
#pragma once

#include "nncore/kernels/conv-lanes.h"
#include "nncore/kernels/conv.h"

typedef enum {
  NN_CONV_PRODUCT,
  NN_CONV_GROUPED,
  NN_CONV_DEPTHWISE,
  NN_CONV_FEW_IN,  /* filters are panels of their outputs, as those of a product are */
  NN_CONV_FEW_OUT, /* of their inputs */
} NnConvKind;

/* slabs whose products are summed up in registers; sums go on in the target from there on */
enum { NN_CONV_CHUNK = 24 };

/** nn_conv_choose_lanes: the inner loops for the instruction set in use. */
const NnConvLanes *nn_conv_choose_lanes(NnIsa isa);

/** nn_conv_kind: how filters of this shape are kept. */
NnConvKind nn_conv_kind(const NnFilters *shape);

/** nn_conv_blocks: of 16 channels. */
int64_t nn_conv_blocks(int64_t channels);

/** nn_conv_slab_floats: of a product's filters for a block of @channels, those of a group: 16 x 16,
 * but only the rows that there are in many narrow groups. */
int64_t nn_conv_slab_floats(int groups, int64_t channels);

/** nn_conv_span: how many channels a group has if such groups share panels of 16, a team of
 * neighbours each; else 0. */
int nn_conv_span(const NnFilters *shape);

/** nn_filters_has_turned: filters for running back are there too, behind the others and in their
 * order; groups always have them. */
bool nn_filters_has_turned(const NnFilters *shape, bool both);

/** nn_filters_product_floats: of a product's filters: there, or those @turned for running back. */
int64_t nn_filters_product_floats(const NnFilters *shape, bool turned);

typedef struct {
  NnContext *context;
  const NnGather *gather;
  const NnConvLanes *lanes;
  int64_t source_channels, target_channels; /* all groups */
  const float *source;
  float *target;
  NnFinish finish;
  char *scratch;
} NnConvJob;

/** NnConvPosition: a target position: picture, and j along each axis. */
typedef struct {
  int64_t n, j[3];
} NnConvPosition;

NnConvPosition nn_conv_position(const NnGather *gather, int64_t index);

/** nn_conv_target: its pixel in the target. */
int64_t nn_conv_target(const NnGather *gather, const NnConvPosition *p);

/** nn_conv_source_row: pixel 0 of the row of the source under a tap, or -1 where that is outside. */
int64_t nn_conv_source_row(const NnGather *gather, const NnConvPosition *p,
                           const int64_t offset[3]);

/** nn_conv_inside: of @count places along a row, those @begin to @end - 1 that have something of the
 * source under a tap at @offset. */
void nn_conv_inside(const NnGather *gather, int64_t offset, int64_t count, int64_t *begin,
                    int64_t *end);

/**
 * NnConvPack: what lies under a tap at @offset, to be packed into slabs @next_slab floats apart.
 * @channel, @channels: of the source
 * @inside, @outside: nn_conv_inside()
 */
typedef struct {
  const NnConvJob *conv;
  const NnGather *gather;
  const int64_t *offset;
  int64_t channel, channels;
  int64_t inside, outside;
  int64_t next_slab;
} NnConvPack;

/** nn_conv_pack: @places places from @p on, all in one row. */
void nn_conv_pack(const NnConvPack *pack, const NnConvPosition *p, int64_t places, float *to);

size_t nn_conv_product_scratch_bytes(const NnGather *gather, int threads);
void nn_conv_product_run(NnConvJob *job);

size_t nn_conv_grouped_scratch_bytes(const NnGather *gather, int threads);
void nn_conv_grouped_run(NnConvJob *job);

/** The rows' ways: depthwise, few channels in, few channels out; one way of them in @kind. */
size_t nn_conv_rows_scratch_bytes(const NnGather *gather, NnConvKind kind, int threads);
void nn_conv_rows_run(NnConvJob *job, NnConvKind kind);
