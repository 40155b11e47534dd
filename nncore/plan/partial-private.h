/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two halves of nncore/plan/partial share: where windows and crops are (partial-place.c),
 * and their memory and computation (partial.c). */
#pragma once

#include "nncore/graph/node-types.h"
#include "nncore/plan/arena.h"
#include "nncore/plan/partial.h"
#include "nncore/plan/program-private.h"

enum { NN_PARTIAL_Y, NN_PARTIAL_X, NN_PARTIAL_AXES };

/**
 * NnPartialKind: of a value
 * @NN_PARTIAL_SAME: of all pictures alike
 * @NN_PARTIAL_WINDOW: differs in a window
 * @NN_PARTIAL_WHOLE: may differ everywhere
 */
typedef enum { NN_PARTIAL_SAME, NN_PARTIAL_WINDOW, NN_PARTIAL_WHOLE } NnPartialKind;

/**
 * NnPartialValue:
 * @kept: of the whole picture; of a window value
 * @size: of the windows of the batch at hand; @stored: of the crops that its producer has made, in
 *   which the windows lie
 * @start: by axis and window: where it begins in the whole; @offset: in the crop
 * @window, @spread, @whole: buffers: the crops; whole tensors with the windows in them; whole
 *   tensors of a whole value
 */
typedef struct {
  NnPartialKind kind;
  float *kept;
  int64_t size[NN_PARTIAL_AXES], stored[NN_PARTIAL_AXES];
  int64_t *start[NN_PARTIAL_AXES], *offset[NN_PARTIAL_AXES];
  int window, spread, whole;
} NnPartialValue;

/**
 * NnPartialNode:
 * @cropped: makes a window value
 * @bare: (nullable): the operator's parameters without padding: a convolution's, whose crops then
 *   are no larger than needed, with zeros for what lies outside the whole
 * @types: at the crops' size
 * @stride, @first, @last: NnReach in whole numbers
 * @length: of the crops; @crop: by axis and window: where it begins in the whole input, or before it
 * @crops: by input: buffers
 * @views: inputs, then outputs
 */
typedef struct {
  bool cropped, done;
  void *bare;
  NnNodeTypes types;
  int64_t stride[NN_PARTIAL_AXES], first[NN_PARTIAL_AXES], last[NN_PARTIAL_AXES];
  int64_t length[NN_PARTIAL_AXES];
  int64_t *crop[NN_PARTIAL_AXES];
  int *crops;
  int scratch;
  NnTensor *views;
} NnPartialNode;

/** NnPartialBatch: windows in a row that are computed together. What looks at all of a picture is
 * computed of @at_a_time pictures together, as many batches as that may be: the weights of a head are
 * large, and read for each time. */
typedef struct {
  int first, count;
} NnPartialBatch;

struct NnPartial {
  NnProgram *program;
  NnContext *context;
  NnGraph *graph; /* at one picture */
  NnGraph *tail;  /* at as many as whole layers take at a time */
  int most, at_a_time; /* windows, pictures; see NnPartialBatch */
  int64_t size[NN_PARTIAL_AXES]; /* of the input's windows */
  NnCorner *corners;
  NnPartialBatch *batches, *groups; /* a group: batches */
  int n_batches, n_groups, n_corners;
  NnPartialValue *values;
  NnPartialNode *nodes;
  int64_t *places; /* of all starts, offsets and crops */
  NnBuffer *buffers;
  size_t n_buffers, buffers_capacity;
  size_t bytes, kept_bytes;
  char *memory;
  float *kept;
  NnTensor input;
  NnTensor *results; /* by target: of a group */
};

/** nn_partial_classify: NnPartialValue.kind of all values and NnPartialNode.cropped, from the
 * operators' reach, but for nodes that @refused (by node) says must be run whole. */
void nn_partial_classify(NnPartial *partial, const bool *refused);

/**
 * nn_partial_place:
 * Windows and crops of @batch, and the types of the cropped nodes.
 * Returns: -1, or the first node that cannot be run on such crops.
 */
int nn_partial_place(NnPartial *partial, const NnPartialBatch *batch);
