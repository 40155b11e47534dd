/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Broadcasting. A Walk describes up to four tensors over a common list of axes in memory order,
 * slowest first, by their step (in elements) along each axis: 0 where a tensor is broadcast.
 * Neighbouring axes that every tensor walks without a jump are merged. */
#include "nncore/kernels/broadcast.h"

#include <math.h>
#include <string.h>

#include "nncore/base/round.h"
#include "nncore/kernels/elementwise.h"

#define MAX_OPERANDS 4
#define INLINE static inline __attribute__((always_inline))
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

/* ---- element by element ---- */

/* as NumPy has it: the sign is the divisor's */
INLINE float
modulo(float a, float b)
{
  float r = fmodf(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

INLINE float
power(float a, float b)
{
  return b == 2 ? a * a : b == 0.5f ? sqrtf(a) : powf(a, b);
}

INLINE float
binary_value(NnBinary binary, float a, float b)
{
  switch (binary) {
  case NN_BINARY_ADD:
    return a + b;
  case NN_BINARY_MULTIPLY:
    return a * b;
  case NN_BINARY_SUBTRACT:
    return a - b;
  case NN_BINARY_DIVIDE:
    return a / b;
  case NN_BINARY_POWER:
    return power(a, b);
  case NN_BINARY_MAXIMUM: /* a NaN wins, here and below */
    return a > b || a != a ? a : b;
  case NN_BINARY_MINIMUM:
    return a < b || a != a ? a : b;
  case NN_BINARY_MODULO:
    return modulo(a, b);
  case NN_BINARY_REMAINDER:
    return fmodf(a, b);
  case NN_BINARY_PRELU:
    return a > 0 ? a : a * b;
  }
  return 0;
}

/* the derivative with respect to @a, or @b */
INLINE float
binary_slope(NnBinary binary, int which, float a, float b)
{
  switch (binary) {
  case NN_BINARY_ADD:
    return 1;
  case NN_BINARY_MULTIPLY:
    return which == 0 ? b : a;
  case NN_BINARY_SUBTRACT:
    return which == 0 ? 1 : -1;
  case NN_BINARY_DIVIDE:
    return which == 0 ? 1 / b : -a / b / b;
  case NN_BINARY_POWER:
    if (which == 0)
      return b == 0 ? 0 : b == 2 ? 2 * a : b * powf(a, b - 1);
    return a > 0 ? power(a, b) * logf(a) : 0; /* of a negative base, b does not vary */
  case NN_BINARY_MAXIMUM:
    return (a >= b) == (which == 0) ? 1 : 0;
  case NN_BINARY_MINIMUM:
    return (a <= b) == (which == 0) ? 1 : 0;
  case NN_BINARY_PRELU:
    return which == 0 ? (a > 0 ? 1 : b) : (a > 0 ? 0 : a);
  default:
    return 0;
  }
}

/* one run along the innermost axis; a constant kind and steps of 0 and 1 make it vectorise */
INLINE void
value_loop(NnBinary binary, float *out, const float *a, int64_t step_a, const float *b,
           int64_t step_b, int64_t count)
{
  if (step_a == 1 && step_b == 1) {
    for (int64_t i = 0; i < count; i++)
      out[i] = binary_value(binary, a[i], b[i]);
  } else if (step_a == 1 && step_b == 0) {
    float right = *b;
    for (int64_t i = 0; i < count; i++)
      out[i] = binary_value(binary, a[i], right);
  } else if (step_a == 0 && step_b == 1) {
    float left = *a;
    for (int64_t i = 0; i < count; i++)
      out[i] = binary_value(binary, left, b[i]);
  } else {
    for (int64_t i = 0; i < count; i++)
      out[i] = binary_value(binary, a[i * step_a], b[i * step_b]);
  }
}

#define FOR_BINARIES(DO) \
  DO(NN_BINARY_ADD) \
  DO(NN_BINARY_MULTIPLY) \
  DO(NN_BINARY_SUBTRACT) \
  DO(NN_BINARY_DIVIDE) \
  DO(NN_BINARY_POWER) \
  DO(NN_BINARY_MAXIMUM) \
  DO(NN_BINARY_MINIMUM) \
  DO(NN_BINARY_MODULO) \
  DO(NN_BINARY_REMAINDER) \
  DO(NN_BINARY_PRELU)

#define VALUE_CASE(kind) \
  case kind: \
    value_loop(kind, out, a, step_a, b, step_b, count); \
    break;

static void
value_run(NnBinary binary, float *out, const float *a, int64_t step_a, const float *b,
          int64_t step_b, int64_t count)
{
  switch (binary) {
    FOR_BINARIES(VALUE_CASE)
  }
}

static int64_t
integer_power(int64_t a, int64_t b)
{
  if (b < 0)
    return a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : -1) : 0;
  uint64_t result = 1, base = (uint64_t)a;
  for (; b > 0; b >>= 1, base *= base)
    if (b & 1)
      result *= base;
  return (int64_t)result;
}

/* Unsigned where it may wrap: shape arithmetic may be hostile; infer refuses what comes of it. */
static int64_t
integer_value(NnBinary binary, int64_t a, int64_t b)
{
  uint64_t left = (uint64_t)a, right = (uint64_t)b;
  bool divides = b != 0 && b != -1;
  int64_t rest = divides ? a % b : 0;
  switch (binary) {
  case NN_BINARY_ADD:
    return (int64_t)(left + right);
  case NN_BINARY_MULTIPLY:
    return (int64_t)(left * right);
  case NN_BINARY_SUBTRACT:
    return (int64_t)(left - right);
  case NN_BINARY_DIVIDE:
    return divides ? a / b : b == 0 ? 0 : (int64_t)(0 - left);
  case NN_BINARY_POWER:
    return integer_power(a, b);
  case NN_BINARY_MAXIMUM:
    return MAX(a, b);
  case NN_BINARY_MINIMUM:
    return MIN(a, b);
  case NN_BINARY_MODULO:
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  case NN_BINARY_REMAINDER:
    return rest;
  case NN_BINARY_PRELU:
    return a > 0 ? a : (int64_t)(left * right);
  }
  return 0;
}

static void
binary_run(gconstpointer data, const Walk *walk, const int64_t offset[MAX_OPERANDS], int64_t count)
{
  const Binary *job = data;
  int64_t step_a = walk->step[1][walk->rank - 1], step_b = walk->step[2][walk->rank - 1];
  if (job->out->dtype == NN_DTYPE_FLOAT) {
    value_run(job->binary, job->out->f + offset[0], job->a->f + offset[1], step_a,
              job->b->f + offset[2], step_b, count);
    return;
  }
  int64_t *out = job->out->i + offset[0];
  const int64_t *a = job->a->i + offset[1], *b = job->b->i + offset[2];
  for (int64_t i = 0; i < count; i++)
    out[i] = integer_value(job->binary, a[i * step_a], b[i * step_b]);
}

typedef void (*RunFunc)(gconstpointer job, const Walk *walk, const int64_t offset[MAX_OPERANDS],
                        int64_t count);

/* cuts elements @begin to @end - 1 of the walk into runs along the innermost axis */
static void
for_runs(const Walk *walk, int operands, int64_t begin, int64_t end, RunFunc func,
         gconstpointer job)
{
  int inner = walk->rank - 1;
  int64_t place[NN_MAX_RANK], offset[MAX_OPERANDS];
  walk_seek(walk, operands, begin, place, offset);
  for (int64_t i = begin; i < end;) {
    int64_t count = MIN(walk->dim[inner] - place[inner], end - i);
    func(job, walk, offset, count);
    i += count;
    for (int operand = 0; operand < operands; operand++)
      offset[operand] -= place[inner] * walk->step[operand][inner];
    place[inner] = 0;
    walk_next(walk, operands, inner - 1, place, offset);
  }
}

static void
binary_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Binary *job = data;
  for_runs(&job->walk, 3, begin, end, binary_run, job);
  /* the walk follows out's memory order: the chunk is one stretch of it, a multiple of 8 long */
  if (job->out->dtype == NN_DTYPE_FLOAT)
    nn_activation_forward(job->activation, job->out->f + begin, end - begin,
                          job->bits != NULL ? job->bits + begin / 8 : NULL);
}

void
nn_broadcast_binary(NnContext *context, NnBinary binary, const NnTensor *a, const NnTensor *b,
                    const NnTensor *out, NnActivation activation, uint8_t *bits)
{
  const NnTensor *const tensors[MAX_OPERANDS] = {out, a, b};
  Binary job = {walk_new(out, 3, tensors), binary, a, b, out, activation, bits};
  nn_parallel_for(context, walk_count(&job.walk), nn_grain(1), binary_chunk, &job);
}

/* ---- derivatives ---- */

typedef struct {
  Walk walk; /* operands: out (and gradient), a, b */
  NnBinary binary;
  int which;
  const NnTensor *a, *b, *gradient, *out;
} Slope;

INLINE void
slope_loop(NnBinary binary, int which, float *out, const float *gradient, const float *a,
           int64_t step_a, const float *b, int64_t step_b, int64_t count)
{
  if (step_a == 1 && step_b == 1)
    for (int64_t i = 0; i < count; i++)
      out[i] = gradient[i] * binary_slope(binary, which, a[i], b[i]);
  else
    for (int64_t i = 0; i < count; i++)
      out[i] = gradient[i] * binary_slope(binary, which, a[i * step_a], b[i * step_b]);
}

#define SLOPE_CASE(kind) \
  case kind: \
    if (job->which == 0) \
      slope_loop(kind, 0, out, gradient, a, step_a, b, step_b, count); \
    else \
      slope_loop(kind, 1, out, gradient, a, step_a, b, step_b, count); \
    break;

static void
slope_run(gconstpointer data, const Walk *walk, const int64_t offset[MAX_OPERANDS], int64_t count)
{
  const Slope *job = data;
  int64_t step_a = walk->step[1][walk->rank - 1], step_b = walk->step[2][walk->rank - 1];
  float *out = job->out->f + offset[0];
  const float *gradient = job->gradient->f + offset[0];
  const float *a = job->a->f + offset[1], *b = job->b->f + offset[2];
  switch (job->binary) {
    FOR_BINARIES(SLOPE_CASE)
  }
}

static void
slope_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Slope *job = data;
  for_runs(&job->walk, 3, begin, end, slope_run, job);
}

void
nn_broadcast_binary_gradient(NnContext *context, NnBinary binary, int which, const NnTensor *a,
                             const NnTensor *b, const NnTensor *gradient, const NnTensor *out)
{
  const NnTensor *const tensors[MAX_OPERANDS] = {out, a, b};
  Slope job = {walk_new(out, 3, tensors), binary, which, a, b, gradient, out};
  nn_parallel_for(context, walk_count(&job.walk), nn_grain(1), slope_chunk, &job);
}

/* ---- comparing and selecting ---- */

typedef struct {
  Walk walk; /* operands: out, a, b, and of a selection c */
  int kind;
  const NnTensor *a, *b, *c, *out;
} Choice;

#define COMPARE(kind, test) \
  case kind: \
    for (int64_t i = 0; i < count; i++) \
      out[i] = a[i * step_a] test b[i * step_b]; \
    break;

#define COMPARE_ALL \
  COMPARE(NN_COMPARE_EQUAL, ==) \
  COMPARE(NN_COMPARE_LESS, <) \
  COMPARE(NN_COMPARE_LESS_OR_EQUAL, <=) \
  COMPARE(NN_COMPARE_GREATER, >) \
  COMPARE(NN_COMPARE_GREATER_OR_EQUAL, >=) \
  COMPARE(NN_COMPARE_AND, &&) \
  COMPARE(NN_COMPARE_OR, ||) \
  case NN_COMPARE_XOR: \
    for (int64_t i = 0; i < count; i++) \
      out[i] = (a[i * step_a] != 0) != (b[i * step_b] != 0); \
    break;

static void
compare_run(gconstpointer data, const Walk *walk, const int64_t offset[MAX_OPERANDS], int64_t count)
{
  const Choice *job = data;
  int64_t step_a = walk->step[1][walk->rank - 1], step_b = walk->step[2][walk->rank - 1];
  int64_t *out = job->out->i + offset[0];
  if (job->a->dtype == NN_DTYPE_FLOAT) {
    const float *a = job->a->f + offset[1], *b = job->b->f + offset[2];
    switch ((NnCompare)job->kind) {
      COMPARE_ALL
    }
  } else {
    const int64_t *a = job->a->i + offset[1], *b = job->b->i + offset[2];
    switch ((NnCompare)job->kind) {
      COMPARE_ALL
    }
  }
}

static void
compare_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Choice *job = data;
  for_runs(&job->walk, 3, begin, end, compare_run, job);
}

void
nn_broadcast_compare(NnContext *context, NnCompare compare, const NnTensor *a, const NnTensor *b,
                     const NnTensor *out)
{
  const NnTensor *const tensors[MAX_OPERANDS] = {out, a, b};
  Choice job = {walk_new(out, 3, tensors), (int)compare, a, b, NULL, out};
  nn_parallel_for(context, walk_count(&job.walk), nn_grain(1), compare_chunk, &job);
}

static void
where_run(const Choice *job, const int64_t offset[MAX_OPERANDS], const int64_t step[MAX_OPERANDS],
          int64_t count)
{
  const int64_t *a = job->a->i + offset[1];
  if (job->out->dtype == NN_DTYPE_FLOAT) {
    const float *b = job->b->f + offset[2], *c = job->c->f + offset[3];
    float *out = job->out->f + offset[0];
    for (int64_t i = 0; i < count; i++)
      out[i] = a[i * step[1]] != 0 ? b[i * step[2]] : c[i * step[3]];
  } else {
    const int64_t *b = job->b->i + offset[2], *c = job->c->i + offset[3];
    int64_t *out = job->out->i + offset[0];
    for (int64_t i = 0; i < count; i++)
      out[i] = a[i * step[1]] != 0 ? b[i * step[2]] : c[i * step[3]];
  }
}

static void
select_run(gconstpointer data, const Walk *walk, const int64_t offset[MAX_OPERANDS], int64_t count)
{
  const Choice *job = data;
  int64_t step[MAX_OPERANDS];
  for (int i = 0; i < MAX_OPERANDS; i++)
    step[i] = walk->step[i][walk->rank - 1];
  if (job->kind == NN_SELECT_WHERE) {
    where_run(job, offset, step, count);
    return;
  }
  bool equal = job->kind == NN_SELECT_IF_EQUAL;
  const float *a = job->a->f + offset[1], *b = job->b->f + offset[2], *c = job->c->f + offset[3];
  float *out = job->out->f + offset[0];
  for (int64_t i = 0; i < count; i++)
    out[i] = (a[i * step[1]] == b[i * step[2]]) == equal ? c[i * step[3]] : 0;
}

static void
select_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Choice *job = data;
  for_runs(&job->walk, MAX_OPERANDS, begin, end, select_run, job);
}

void
nn_broadcast_select(NnContext *context, NnSelect select, const NnTensor *a, const NnTensor *b,
                    const NnTensor *c, const NnTensor *out)
{
  const NnTensor *const tensors[MAX_OPERANDS] = {out, a, b, c};
  Choice job = {walk_new(out, MAX_OPERANDS, tensors), (int)select, a, b, c, out};
  nn_parallel_for(context, walk_count(&job.walk), nn_grain(1), select_chunk, &job);
}

/* ---- sums ---- */

void
nn_broadcast_scaled(NnContext *context, const NnTensor *a, float scale, const NnTensor *out)
{
  NnTensor factor = {.dtype = NN_DTYPE_FLOAT, .f = &scale};
  NnActivation none = {NN_ACTIVATION_NONE, 0};
  nn_broadcast_binary(context, NN_BINARY_MULTIPLY, a, &factor, out, none, NULL);
}

typedef struct {
  NnReduce reduce;
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

INLINE double
fold(NnReduce reduce, double sum, double a, double b)
{
  switch (reduce) {
  case NN_REDUCE_SUM:
    return sum + a * b;
  case NN_REDUCE_MAXIMUM:
    return a > sum || a != a ? a : sum;
  case NN_REDUCE_MINIMUM:
    return a < sum || a != a ? a : sum;
  case NN_REDUCE_ABSOLUTE:
    return sum + fabs(a);
  case NN_REDUCE_COUNT_EQUAL:
    return sum + (a == b ? 1 : 0);
  case NN_REDUCE_EXPONENTIAL:
    return sum + exp(a - b);
  case NN_REDUCE_PRODUCT:
    return sum * a;
  }
  return sum;
}

static double
start_of(NnReduce reduce)
{
  return reduce == NN_REDUCE_MAXIMUM   ? -INFINITY
         : reduce == NN_REDUCE_MINIMUM ? INFINITY
         : reduce == NN_REDUCE_PRODUCT ? 1
                                       : 0;
}

INLINE void
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

/* @count more elements: into one result each (@step_out 1), or all into one (0) */
INLINE void
fold_loop(NnReduce reduce, double *sums, int64_t step_out, const float *a, int64_t step_a,
          const float *b, int64_t step_b, int64_t count)
{
  for (int64_t i = 0; i < count; i++)
    sums[i * step_out] = fold(reduce, sums[i * step_out], (double)a[i * step_a],
                              b != NULL ? (double)b[i * step_b] : 1.0);
}

#define FOLD_CASE(kind) \
  case kind: \
    fold_loop(kind, sums, step_out, a, step_a, b, step_b, count); \
    break;

static void
fold_run(NnReduce reduce, double *sums, int64_t step_out, const float *a, int64_t step_a,
         const float *b, int64_t step_b, int64_t count)
{
  switch (reduce) {
    FOLD_CASE(NN_REDUCE_SUM)
    FOLD_CASE(NN_REDUCE_MAXIMUM)
    FOLD_CASE(NN_REDUCE_MINIMUM)
    FOLD_CASE(NN_REDUCE_ABSOLUTE)
    FOLD_CASE(NN_REDUCE_COUNT_EQUAL)
    FOLD_CASE(NN_REDUCE_EXPONENTIAL)
    FOLD_CASE(NN_REDUCE_PRODUCT)
  }
}

/* the results from @offset on, @count along the last kept axis */
static void
sum_block(const Sum *job, const int64_t offset[MAX_OPERANDS], int64_t count)
{
  const Walk *kept = &job->kept, *dropped = &job->dropped;
  int last = kept->rank - 1, inner = dropped->rank - 1;
  double sums[MAX_INNER_BLOCK];
  for (int i = 0; i < MAX_INNER_BLOCK; i++)
    sums[i] = start_of(job->reduce);
  int64_t place[NN_MAX_RANK], at[MAX_OPERANDS];
  int64_t total = walk_count(dropped), run = count == 1 ? dropped->dim[inner] : 1;
  if (total > 0)
    walk_seek(dropped, MAX_OPERANDS, 0, place, at);
  for (int64_t i = 0; i < total; i += run) {
    const float *a = job->a->f + offset[1] + at[1];
    const float *b = job->b != NULL ? job->b->f + offset[2] + at[2] : NULL;
    if (count == 1)
      fold_run(job->reduce, sums, 0, a, dropped->step[1][inner], b, dropped->step[2][inner], run);
    else if (job->reduce != NN_REDUCE_SUM)
      fold_run(job->reduce, sums, 1, a, kept->step[1][last], b, kept->step[2][last], count);
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

static void
run_sum(NnContext *context, NnReduce reduce, const NnTensor *a, const NnTensor *b, float scale,
        const NnTensor *out)
{
  const NnTensor *const tensors[MAX_OPERANDS] = {out, a, b != NULL ? b : a};
  Walk walk = walk_new(a, 3, tensors);
  Sum job = {.reduce = reduce, .a = a, .b = b, .out = out, .scale = scale};
  split_axes(&walk, &job.kept, &job.dropped);
  int last = job.kept.rank - 1;
  bool kept_is_fastest = walk.step[0][walk.rank - 1] != 0;
  job.block = kept_is_fastest ? MAX_INNER_BLOCK : 1;
  job.blocks = nn_divide_up(job.kept.dim[last], job.block);
  int64_t items = walk_count(&job.kept) / MAX(job.kept.dim[last], 1) * job.blocks;
  nn_parallel_for(context, items, nn_grain(walk_count(&job.dropped) * job.block), sum_chunk, &job);
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
  run_sum(context, NN_REDUCE_SUM, a, b, scale, out);
}

void
nn_broadcast_reduce(NnContext *context, NnReduce reduce, const NnTensor *a, const NnTensor *b,
                    const NnTensor *out)
{
  run_sum(context, reduce, a, b, 1, out);
}
