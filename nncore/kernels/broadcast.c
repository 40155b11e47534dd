/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Broadcasting. A Walk describes up to three tensors over a common list of axes in memory order,
 * slowest first, by their step (in elements) along each axis: 0 where a tensor is broadcast.
 * Neighbouring axes that every tensor walks without a jump are merged. */
#include "nncore/kernels/broadcast.h"

#include <string.h>

#include "nncore/kernels/elementwise.h"

#define MAX_OPERANDS 3
#define MAX_INNER_BLOCK 16 /* elements that a sum treats together: a cache line */

typedef struct {
  int rank; /* at least 1 */
  int64_t dim[NN_MAX_RANK];
  int64_t step[MAX_OPERANDS][NN_MAX_RANK];
} Walk;

/* Steps of @tensor along the axes of @full (in ONNX's order), 0 where it is broadcast. */
static void
steps_of(const NnTensor *tensor, const NnShape *full, int64_t steps[NN_MAX_RANK])
{
  int64_t dims[NN_MAX_RANK], memory_steps[NN_MAX_RANK];
  nn_tensor_memory_dims(tensor, dims);
  int64_t step = 1;
  for (int i = tensor->shape.rank - 1; i >= 0; i--) {
    memory_steps[i] = step;
    step *= dims[i];
  }
  for (int axis = 0; axis < full->rank; axis++) {
    int own = axis - (full->rank - tensor->shape.rank);
    bool broadcast = own < 0 || tensor->shape.dim[own] == 1;
    steps[axis] = broadcast ? 0 : memory_steps[nn_tensor_memory_axis(tensor, own)];
  }
}

static bool
can_merge(const Walk *walk, int operands, int axis, int64_t dim, int64_t steps[MAX_OPERANDS])
{
  for (int i = 0; i < operands; i++)
    if (walk->step[i][axis] != steps[i] * dim)
      return false;
  return true;
}

/* @operands tensors over the axes of the first one of full shape, @order */
static Walk
walk_new(const NnTensor *order, int operands, const NnTensor *const tensors[MAX_OPERANDS])
{
  const NnShape *full = &order->shape;
  int64_t steps[MAX_OPERANDS][NN_MAX_RANK];
  for (int i = 0; i < operands; i++)
    steps_of(tensors[i], full, steps[i]);
  int axes[NN_MAX_RANK];
  for (int axis = 0; axis < full->rank; axis++)
    axes[nn_tensor_memory_axis(order, axis)] = axis;
  Walk walk = {0};
  for (int place = 0; place < full->rank; place++) {
    int axis = axes[place];
    int64_t dim = full->dim[axis], own[MAX_OPERANDS] = {0};
    if (dim == 1)
      continue;
    for (int i = 0; i < operands; i++)
      own[i] = steps[i][axis];
    bool merge = walk.rank > 0 && can_merge(&walk, operands, walk.rank - 1, dim, own);
    int last = merge ? walk.rank - 1 : walk.rank++;
    walk.dim[last] = merge ? walk.dim[last] * dim : dim;
    for (int i = 0; i < operands; i++)
      walk.step[i][last] = own[i];
  }
  if (walk.rank == 0) {
    walk.rank = 1;
    walk.dim[0] = 1;
  }
  return walk;
}

static int64_t
walk_count(const Walk *walk)
{
  int64_t count = 1;
  for (int i = 0; i < walk->rank; i++)
    count *= walk->dim[i];
  return count;
}

/* Where element @index of the walk is in each operand; also its place along each axis. */
static void
walk_seek(const Walk *walk, int operands, int64_t index, int64_t place[NN_MAX_RANK],
          int64_t offset[MAX_OPERANDS])
{
  memset(offset, 0, sizeof(int64_t) * MAX_OPERANDS);
  for (int axis = walk->rank - 1; axis >= 0; axis--) {
    place[axis] = index % walk->dim[axis];
    index /= walk->dim[axis];
    for (int i = 0; i < operands; i++)
      offset[i] += place[axis] * walk->step[i][axis];
  }
}

/* Goes on by one along axis @axis, carrying into the slower ones. */
static void
walk_next(const Walk *walk, int operands, int axis, int64_t place[NN_MAX_RANK],
          int64_t offset[MAX_OPERANDS])
{
  for (; axis >= 0; axis--) {
    for (int i = 0; i < operands; i++)
      offset[i] += walk->step[i][axis];
    if (++place[axis] < walk->dim[axis])
      return;
    place[axis] = 0;
    for (int i = 0; i < operands; i++)
      offset[i] -= walk->dim[axis] * walk->step[i][axis];
  }
}

typedef struct {
  Walk walk; /* operands: out, a, b */
  NnBinary binary;
  const NnTensor *a, *b, *out;
  NnActivation activation;
  uint8_t *bits;
} Binary;

static void
add_run(float *out, const float *a, int64_t step_a, const float *b, int64_t step_b, int64_t count)
{
  if (step_a == 1 && step_b == 1)
    for (int64_t i = 0; i < count; i++)
      out[i] = a[i] + b[i];
  else if (step_a == 1 && step_b == 0)
    for (int64_t i = 0; i < count; i++)
      out[i] = a[i] + *b;
  else
    for (int64_t i = 0; i < count; i++)
      out[i] = a[i * step_a] + b[i * step_b];
}

static void
multiply_run(float *out, const float *a, int64_t step_a, const float *b, int64_t step_b,
             int64_t count)
{
  if (step_a == 1 && step_b == 1)
    for (int64_t i = 0; i < count; i++)
      out[i] = a[i] * b[i];
  else if (step_a == 1 && step_b == 0)
    for (int64_t i = 0; i < count; i++)
      out[i] = a[i] * *b;
  else
    for (int64_t i = 0; i < count; i++)
      out[i] = a[i * step_a] * b[i * step_b];
}

/* Unsigned, since hostile shape arithmetic may wrap; infer refuses what comes out of it. */
static void
integer_run(NnBinary binary, int64_t *out, const int64_t *a, int64_t step_a, const int64_t *b,
            int64_t step_b, int64_t count)
{
  for (int64_t i = 0; i < count; i++) {
    uint64_t left = (uint64_t)a[i * step_a], right = (uint64_t)b[i * step_b];
    out[i] = (int64_t)(binary == NN_BINARY_ADD ? left + right : left * right);
  }
}

static void
binary_run(const Binary *job, const int64_t offset[MAX_OPERANDS], int64_t step_a, int64_t step_b,
           int64_t count)
{
  if (job->out->dtype == NN_DTYPE_INT64) {
    integer_run(job->binary, job->out->i + offset[0], job->a->i + offset[1], step_a,
                job->b->i + offset[2], step_b, count);
    return;
  }
  float *out = job->out->f + offset[0];
  const float *a = job->a->f + offset[1], *b = job->b->f + offset[2];
  if (step_a == 0) { /* both operations commute: the constant goes right */
    const float *swap = a;
    a = b;
    b = swap;
    step_a = step_b;
    step_b = 0;
  }
  if (job->binary == NN_BINARY_ADD)
    add_run(out, a, step_a, b, step_b, count);
  else
    multiply_run(out, a, step_a, b, step_b, count);
}

static void
binary_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Binary *job = data;
  const Walk *walk = &job->walk;
  int inner = walk->rank - 1;
  int64_t place[NN_MAX_RANK], offset[MAX_OPERANDS];
  walk_seek(walk, 3, begin, place, offset);
  for (int64_t i = begin; i < end;) {
    int64_t count = MIN(walk->dim[inner] - place[inner], end - i);
    binary_run(job, offset, walk->step[1][inner], walk->step[2][inner], count);
    i += count;
    for (int operand = 0; operand < 3; operand++)
      offset[operand] -= place[inner] * walk->step[operand][inner];
    place[inner] = 0;
    walk_next(walk, 3, inner - 1, place, offset);
  }
  /* the walk follows out's memory order: the chunk is one stretch of it, a multiple of 8 long */
  if (job->out->dtype == NN_DTYPE_FLOAT)
    nn_activation_forward(job->activation, job->out->f + begin, end - begin,
                          job->bits != NULL ? job->bits + begin / 8 : NULL);
}

void
nn_broadcast_binary(NnContext *context, NnBinary binary, const NnTensor *a, const NnTensor *b,
                    const NnTensor *out, NnActivation activation, uint8_t *bits)
{
  const NnTensor *const tensors[] = {out, a, b};
  Binary job = {walk_new(out, 3, tensors), binary, a, b, out, activation, bits};
  nn_parallel_for(context, walk_count(&job.walk), nn_grain(1), binary_chunk, &job);
}

void
nn_broadcast_scaled(NnContext *context, const NnTensor *a, float scale, const NnTensor *out)
{
  NnTensor factor = {.dtype = NN_DTYPE_FLOAT, .f = &scale};
  NnActivation none = {NN_ACTIVATION_NONE, 0};
  nn_broadcast_binary(context, NN_BINARY_MULTIPLY, a, &factor, out, none, NULL);
}

typedef struct {
  Walk kept;    /* axes of the result; operands: out, a, b */
  Walk dropped; /* axes that are summed over; operands: a, b (as 1, 2) */
  int64_t block; /* elements of the last kept axis that one item sums together */
  int64_t blocks; /* of one run along that axis */
  const NnTensor *a, *b, *out;
  float scale;
} Sum;

/* Splits the axes of @walk by whether the result (operand 0) has them. */
static void
split_axes(const Walk *walk, Walk *kept, Walk *dropped)
{
  for (int axis = 0; axis < walk->rank; axis++) {
    Walk *to = walk->step[0][axis] != 0 ? kept : dropped;
    to->dim[to->rank] = walk->dim[axis];
    for (int i = 0; i < MAX_OPERANDS; i++)
      to->step[i][to->rank] = walk->step[i][axis];
    to->rank++;
  }
  for (int i = 0; i < 2; i++) {
    Walk *part = i == 0 ? kept : dropped;
    if (part->rank == 0) {
      part->rank = 1;
      part->dim[0] = 1;
    }
  }
}

static inline void
accumulate_runs(double *restrict sums, const float *a, const float *b, int64_t count)
{
  if (b == NULL)
    for (int64_t i = 0; i < count; i++)
      sums[i] += (double)a[i];
  else
    for (int64_t i = 0; i < count; i++)
      sums[i] += (double)a[i] * (double)b[i];
}

/* adds a * b, for @count results side by side; with a constant count the compiler unrolls */
static void
accumulate(double *sums, const float *a, int64_t step_a, const float *b, int64_t step_b,
           int64_t count)
{
  bool runs = step_a == 1 && (b == NULL || step_b == 1);
  if (runs && count == MAX_INNER_BLOCK)
    accumulate_runs(sums, a, b, MAX_INNER_BLOCK);
  else if (runs)
    accumulate_runs(sums, a, b, count);
  else
    for (int64_t i = 0; i < count; i++)
      sums[i] += (double)a[i * step_a] * (b != NULL ? (double)b[i * step_b] : 1.0);
}

/* adds up @count products into one result */
static double
sum_run(const float *a, int64_t step_a, const float *b, int64_t step_b, int64_t count)
{
  double sum = 0;
  for (int64_t i = 0; i < count; i++)
    sum += (double)a[i * step_a] * (b != NULL ? (double)b[i * step_b] : 1.0);
  return sum;
}

/* the results from @offset on, @count along the last kept axis */
static void
sum_block(const Sum *job, const int64_t offset[MAX_OPERANDS], int64_t count)
{
  const Walk *kept = &job->kept, *dropped = &job->dropped;
  int last = kept->rank - 1, inner = dropped->rank - 1;
  double sums[MAX_INNER_BLOCK] = {0};
  int64_t place[NN_MAX_RANK], at[MAX_OPERANDS];
  int64_t total = walk_count(dropped), run = count == 1 ? dropped->dim[inner] : 1;
  walk_seek(dropped, MAX_OPERANDS, 0, place, at);
  for (int64_t i = 0; i < total; i += run) {
    const float *a = job->a->f + offset[1] + at[1];
    const float *b = job->b != NULL ? job->b->f + offset[2] + at[2] : NULL;
    if (count == 1)
      sums[0] += sum_run(a, dropped->step[1][inner], b, dropped->step[2][inner], run);
    else
      accumulate(sums, a, kept->step[1][last], b, kept->step[2][last], count);
    walk_next(dropped, MAX_OPERANDS, count == 1 ? inner - 1 : inner, place, at);
  }
  for (int64_t i = 0; i < count; i++)
    job->out->f[offset[0] + i * kept->step[0][last]] = (float)(sums[i] * (double)job->scale);
}

static void
sum_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Sum *job = data;
  const Walk *kept = &job->kept;
  int last = kept->rank - 1;
  for (int64_t item = begin; item < end; item++) {
    int64_t place[NN_MAX_RANK], offset[MAX_OPERANDS];
    int64_t first = item % job->blocks * job->block;
    walk_seek(kept, MAX_OPERANDS, item / job->blocks * kept->dim[last] + first, place, offset);
    sum_block(job, offset, MIN(job->block, kept->dim[last] - first));
  }
}

void
nn_broadcast_sum(NnContext *context, const NnTensor *a, const NnTensor *b, float scale,
                 const NnTensor *out)
{
  if (b == NULL && nn_shape_count(&a->shape) == nn_shape_count(&out->shape)) {
    nn_broadcast_scaled(context, a, scale, out);
    return;
  }
  if (scale == 1 && nn_shape_count(&a->shape) == nn_shape_count(&out->shape)) {
    NnActivation none = {NN_ACTIVATION_NONE, 0};
    nn_broadcast_binary(context, NN_BINARY_MULTIPLY, a, b, out, none, NULL);
    return;
  }
  const NnTensor *const tensors[] = {out, a, b != NULL ? b : a};
  Walk walk = walk_new(a, MAX_OPERANDS, tensors);
  Sum job = {.a = a, .b = b, .out = out, .scale = scale};
  split_axes(&walk, &job.kept, &job.dropped);
  int last = job.kept.rank - 1;
  bool kept_is_fastest = walk.step[0][walk.rank - 1] != 0;
  job.block = kept_is_fastest ? MAX_INNER_BLOCK : 1;
  job.blocks = (job.kept.dim[last] + job.block - 1) / job.block;
  int64_t items = walk_count(&job.kept) / MAX(job.kept.dim[last], 1) * job.blocks;
  nn_parallel_for(context, items, nn_grain(walk_count(&job.dropped) * job.block), sum_chunk, &job);
}
