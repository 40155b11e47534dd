/* SPDX-License-Identifier: GPL-3.0-or-later */
/* L-BFGS. Pairs lie in a ring; pair 0 is the newest. Vectors are floats, inner products double. */
#include "nncore/optim/lbfgs.h"

#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/base/sum.h"

#define GRAIN 16384
#define DECREASE 1e-4 /* the first Wolfe condition's factor */
#define CURVATURE 0.9 /* the second one's */
#define SEARCH 12     /* evaluations in a line search */
#define EXPAND 4.0

struct NnLbfgs {
  int64_t count, evaluations;
  int history, pairs, newest;
  double first_step;
  bool started;
  bool searching; /* x is in the middle of a line search */
  double value;
  float *s, *y;         /* history x count */
  double *curvature;    /* s'y of each place in the ring */
  double *alpha;        /* of the recursion */
  double gamma;         /* s'y / y'y of the newest pair */
  float *direction, *x, *gradient; /* the latter two where the line search began */
};

/* a vector for each pair */
static float *
new_ring(const NnLbfgs *lbfgs, GError **error)
{
  return nn_alloc((size_t)lbfgs->history, (size_t)lbfgs->count * sizeof(float), error);
}

static bool
new_vectors(NnLbfgs *lbfgs, GError **error)
{
  lbfgs->direction = nn_alloc((size_t)lbfgs->count, sizeof(float), error);
  if (lbfgs->direction != NULL)
    lbfgs->x = nn_alloc((size_t)lbfgs->count, sizeof(float), error);
  if (lbfgs->x != NULL)
    lbfgs->gradient = nn_alloc((size_t)lbfgs->count, sizeof(float), error);
  return lbfgs->gradient != NULL;
}

static void
free_vectors(NnLbfgs *lbfgs)
{
  g_clear_pointer(&lbfgs->direction, nn_free);
  g_clear_pointer(&lbfgs->x, nn_free);
  g_clear_pointer(&lbfgs->gradient, nn_free);
}

NnLbfgs *
nn_lbfgs_new(int64_t count, int history, double first_step, GError **error)
{
  g_autoptr(NnLbfgs) lbfgs = g_new0(NnLbfgs, 1);
  lbfgs->count = count;
  lbfgs->history = history;
  lbfgs->first_step = first_step;
  lbfgs->curvature = g_new0(double, history);
  lbfgs->alpha = g_new0(double, history);
  lbfgs->s = new_ring(lbfgs, error);
  if (lbfgs->s != NULL)
    lbfgs->y = new_ring(lbfgs, error);
  return lbfgs->y != NULL && new_vectors(lbfgs, error) ? g_steal_pointer(&lbfgs) : NULL;
}

void
nn_lbfgs_free(NnLbfgs *lbfgs)
{
  if (lbfgs == NULL)
    return;
  g_free(lbfgs->curvature);
  g_free(lbfgs->alpha);
  nn_free(lbfgs->s);
  nn_free(lbfgs->y);
  free_vectors(lbfgs);
  g_free(lbfgs);
}

void
nn_lbfgs_go_back(NnLbfgs *lbfgs, const NnProblem *problem)
{
  if (lbfgs->searching)
    memcpy(problem->x, lbfgs->x, (size_t)lbfgs->count * sizeof(float));
  lbfgs->searching = lbfgs->started = false;
}

int64_t
nn_lbfgs_evaluations(const NnLbfgs *lbfgs)
{
  return lbfgs->evaluations;
}

/* where pair @age (0: the newest) lies in the ring */
static int
place_of(const NnLbfgs *lbfgs, int age)
{
  return (lbfgs->newest - age + lbfgs->history) % lbfgs->history;
}

/* ---- vectors ---- */

/* to += factor * add; then the sum of to * times */
typedef struct {
  float *to;
  const float *add, *times;
  float factor;
} Update;

static double
update_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Update *update = data;
  double sum = 0;
  if (update->add != NULL)
    for (int64_t i = begin; i < end; i++)
      update->to[i] += update->factor * update->add[i];
  for (int64_t i = begin; i < end; i++)
    sum += (double)update->to[i] * update->times[i];
  return sum;
}

static double
add_and_dot(const NnLbfgs *lbfgs, NnContext *context, double factor, const float *add, float *to,
            const float *times)
{
  Update update = {to, add, times, (float)factor};
  return nn_parallel_sum(context, lbfgs->count, GRAIN, update_chunk, &update);
}

static double
dot(const NnLbfgs *lbfgs, NnContext *context, const float *a, const float *b)
{
  return add_and_dot(lbfgs, context, 0, NULL, (float *)a, b);
}

typedef struct {
  NnLbfgs *lbfgs;
  const NnProblem *problem;
  float factor;
} Job;

/* whether the value lies on a bound and the gradient drives it further out */
static bool
is_held(const NnProblem *problem, float x, float gradient)
{
  return problem->bounded &&
         ((x <= problem->low && gradient > 0) || (x >= problem->high && gradient < 0));
}

/* the direction begins as the gradient; returns the sum of its absolute values */
static double
start_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnProblem *problem = job->problem;
  double sum = 0;
  for (int64_t i = begin; i < end; i++) {
    float g = problem->gradient[i];
    job->lbfgs->x[i] = problem->x[i];
    job->lbfgs->gradient[i] = g;
    job->lbfgs->direction[i] = is_held(problem, problem->x[i], g) ? 0 : g;
    sum += fabsf(job->lbfgs->direction[i]);
  }
  return sum;
}

/* turns it downhill, times the factor, with held values left alone; returns the slope */
static double
turn_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnLbfgs *lbfgs = job->lbfgs;
  double slope = 0;
  for (int64_t i = begin; i < end; i++) {
    float d = -job->factor * lbfgs->direction[i];
    lbfgs->direction[i] = is_held(job->problem, lbfgs->x[i], lbfgs->gradient[i]) ? 0 : d;
    slope += (double)lbfgs->direction[i] * lbfgs->gradient[i];
  }
  return slope;
}

static void
move_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnProblem *problem = job->problem;
  for (int64_t i = begin; i < end; i++) {
    float x = job->lbfgs->x[i] + job->factor * job->lbfgs->direction[i];
    problem->x[i] = problem->bounded ? CLAMP(x, problem->low, problem->high) : x;
  }
}

/* ---- the direction ---- */

/* H g in place of g, by the two-loop recursion */
static void
recur(NnLbfgs *lbfgs, NnContext *context)
{
  float *q = lbfgs->direction;
  int64_t n = lbfgs->count;
  double product = dot(lbfgs, context, q, lbfgs->s + place_of(lbfgs, 0) * n);
  for (int age = 0; age < lbfgs->pairs; age++) {
    int place = place_of(lbfgs, age);
    bool last = age + 1 == lbfgs->pairs;
    const float *next = last ? lbfgs->y + place * n : lbfgs->s + place_of(lbfgs, age + 1) * n;
    lbfgs->alpha[age] = product / lbfgs->curvature[place];
    product = add_and_dot(lbfgs, context, -lbfgs->alpha[age], lbfgs->y + place * n, q, next);
  }
  /* instead of q = gamma q here, the second loop works on q / gamma; turn_chunk multiplies */
  for (int age = lbfgs->pairs - 1; age >= 0; age--) {
    int place = place_of(lbfgs, age);
    double beta = product / lbfgs->curvature[place];
    double factor = lbfgs->alpha[age] / lbfgs->gamma - beta;
    const float *next = age > 0 ? lbfgs->y + place_of(lbfgs, age - 1) * n : q;
    product = add_and_dot(lbfgs, context, factor, lbfgs->s + place * n, q, next);
  }
}

/* the direction downhill at problem->x; returns the slope along it: 0 where there is none */
static double
find_direction(NnLbfgs *lbfgs, NnContext *context, const NnProblem *problem)
{
  Job job = {lbfgs, problem, 1};
  double size = nn_parallel_sum(context, lbfgs->count, GRAIN, start_chunk, &job);
  if (!(size > 0) || !isfinite(size))
    return 0;
  if (lbfgs->pairs > 0) {
    recur(lbfgs, context);
    job.factor = (float)lbfgs->gamma;
  } else {
    job.factor = (float)(lbfgs->first_step * (double)lbfgs->count / size);
  }
  return nn_parallel_sum(context, lbfgs->count, GRAIN, turn_chunk, &job);
}

/* ---- the line search ---- */

/* a place along the direction: how far, the value, the slope */
typedef struct {
  double t, value, slope;
} Point;

static bool
evaluate_at(NnLbfgs *lbfgs, NnContext *context, const NnProblem *problem, double t, Point *point,
            GError **error)
{
  Job job = {lbfgs, problem, (float)t};
  nn_parallel_for(context, lbfgs->count, GRAIN, move_chunk, &job);
  point->t = t;
  lbfgs->evaluations++;
  lbfgs->searching = true;
  if (!problem->evaluate(problem->data, &point->value, error))
    return false;
  lbfgs->searching = false;
  point->slope = dot(lbfgs, context, problem->gradient, lbfgs->direction);
  return true;
}

/* where the cubic through two points has its minimum, kept inside the interval */
static double
between(const Point *a, const Point *b)
{
  double low = MIN(a->t, b->t), high = MAX(a->t, b->t), margin = 0.1 * (high - low);
  double d = a->slope + b->slope - 3 * (a->value - b->value) / (a->t - b->t);
  double square = d * d - a->slope * b->slope;
  double t = (low + high) / 2;
  if (square >= 0) {
    double root = copysign(sqrt(square), b->t - a->t);
    double cubic = b->t - (b->t - a->t) * (b->slope + root - d) / (b->slope - a->slope + 2 * root);
    if (isfinite(cubic))
      t = cubic;
  }
  return CLAMP(t, low + margin, high - margin);
}

/* The search itself: grows the step until the minimum is bracketed, then narrows the bracket.
 * @best: (out): the lowest point of all that decrease enough; its t is 0 where there is none */
static bool
search(NnLbfgs *lbfgs, NnContext *context, const NnProblem *problem, double slope, Point *best,
       Point *last, GError **error)
{
  Point low = {0, lbfgs->value, slope}, high = {0};
  bool bracketed = false;
  double t = 1;
  *best = low;
  for (int i = 0; i < SEARCH; i++) {
    if (!evaluate_at(lbfgs, context, problem, t, last, error))
      return false;
    bool lower = last->value <= lbfgs->value + DECREASE * t * slope; /* false of no number */
    if (lower && last->value < best->value)
      *best = *last;
    if (lower && (problem->bounded || fabs(last->slope) <= -CURVATURE * slope))
      return true;
    if (!isfinite(last->value)) {
      high = (Point){t, lbfgs->value, 0}; /* a wall: only its place is used */
      bracketed = true;
      t = low.t + (t - low.t) / 10;
      continue;
    }
    if (!lower || last->value >= low.value) {
      high = *last;
      bracketed = true;
    } else {
      if (last->slope * (bracketed ? high.t - low.t : 1) >= 0) {
        high = low;
        bracketed = true;
      }
      low = *last;
    }
    t = bracketed ? between(&low, &high) : t * EXPAND;
  }
  return true;
}

/* ---- pairs ---- */

typedef struct {
  const NnLbfgs *lbfgs;
  const NnProblem *problem;
  float *s, *y;
} NewPair;

static double
pair_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NewPair *pair = data;
  double sum = 0;
  for (int64_t i = begin; i < end; i++) {
    pair->s[i] = pair->problem->x[i] - pair->lbfgs->x[i];
    pair->y[i] = pair->problem->gradient[i] - pair->lbfgs->gradient[i];
    sum += (double)pair->s[i] * pair->y[i];
  }
  return sum;
}

/* the pair that lies at @place becomes the newest, where its curvature is positive */
static void
accept_pair(NnLbfgs *lbfgs, NnContext *context, int place)
{
  const float *s = lbfgs->s + place * lbfgs->count, *y = lbfgs->y + place * lbfgs->count;
  double curvature = dot(lbfgs, context, s, y), squares = dot(lbfgs, context, y, y);
  double lengths = dot(lbfgs, context, s, s) * squares;
  if (!(curvature > 1e-8 * sqrt(lengths)) || !isfinite(curvature) || !(squares > 0))
    return;
  lbfgs->curvature[place] = curvature;
  lbfgs->gamma = curvature / squares;
  lbfgs->newest = place;
  lbfgs->pairs = MIN(lbfgs->pairs + 1, lbfgs->history);
}

static void
remember(NnLbfgs *lbfgs, NnContext *context, const NnProblem *problem)
{
  /* a full ring's oldest place is next; a pair that is refused then costs the oldest one */
  int place = (lbfgs->newest + 1) % lbfgs->history;
  if (lbfgs->pairs == lbfgs->history)
    lbfgs->pairs--;
  NewPair pair = {lbfgs, problem, lbfgs->s + place * lbfgs->count, lbfgs->y + place * lbfgs->count};
  nn_parallel_sum(context, lbfgs->count, GRAIN, pair_chunk, &pair);
  accept_pair(lbfgs, context, place);
}

/* ---- steps ---- */

/* a line search from where problem->x is, which ends at its best point; back there if none */
static bool
try_direction(NnLbfgs *lbfgs, NnContext *context, const NnProblem *problem, bool *moved,
              GError **error)
{
  Point best = {0}, last = {0};
  double slope = find_direction(lbfgs, context, problem);
  *moved = false;
  if (!(slope < 0))
    return true;
  if (!search(lbfgs, context, problem, slope, &best, &last, error))
    return false;
  if (last.t != best.t && !evaluate_at(lbfgs, context, problem, best.t, &last, error))
    return false;
  *moved = best.t > 0;
  if (!*moved)
    return true;
  lbfgs->value = last.value;
  remember(lbfgs, context, problem);
  return true;
}

bool
nn_lbfgs_step(NnLbfgs *lbfgs, NnContext *context, const NnProblem *problem, double *value,
              bool *moved, GError **error)
{
  g_return_val_if_fail(problem->count == lbfgs->count, false);
  if (!lbfgs->started) {
    lbfgs->evaluations++;
    if (!problem->evaluate(problem->data, &lbfgs->value, error))
      return false;
    lbfgs->started = true;
  }
  bool ok = try_direction(lbfgs, context, problem, moved, error);
  if (ok && !*moved && lbfgs->pairs > 0) {
    /* what is remembered misleads: along the gradient itself */
    lbfgs->pairs = 0;
    ok = try_direction(lbfgs, context, problem, moved, error);
  }
  *value = lbfgs->value;
  return ok;
}

/* the ring's vectors at the new size, from the oldest on, in place of those of @old_count elements */
static bool
resize_ring(const NnLbfgs *lbfgs, float **ring, int64_t old_count, NnResizeFunc resize,
            gpointer data, GError **error)
{
  float *resized = new_ring(lbfgs, error);
  bool ok = resized != NULL;
  for (int k = 0; ok && k < lbfgs->pairs; k++)
    ok = resize(data, *ring + place_of(lbfgs, lbfgs->pairs - 1 - k) * old_count,
                resized + k * lbfgs->count, error);
  nn_free(*ring);
  *ring = resized;
  return ok;
}

/* all pairs once more, from the first place on; those that are refused leave no gap */
static void
accept_anew(NnLbfgs *lbfgs, NnContext *context)
{
  int pairs = lbfgs->pairs;
  size_t n = (size_t)lbfgs->count;
  lbfgs->pairs = 0;
  lbfgs->newest = lbfgs->history - 1;
  for (int k = 0; k < pairs; k++) {
    size_t to = (size_t)lbfgs->pairs * n, from = (size_t)k * n;
    if (to != from) {
      memcpy(lbfgs->s + to, lbfgs->s + from, n * sizeof(float));
      memcpy(lbfgs->y + to, lbfgs->y + from, n * sizeof(float));
    }
    accept_pair(lbfgs, context, lbfgs->pairs);
  }
}

bool
nn_lbfgs_resize(NnLbfgs *lbfgs, NnContext *context, int64_t count, NnResizeFunc resize,
                gpointer data, double scale, GError **error)
{
  int64_t old_count = lbfgs->count;
  int pairs = lbfgs->pairs;
  free_vectors(lbfgs); /* before others are made: no more is there at a time than must be */
  lbfgs->count = count;
  if (!resize_ring(lbfgs, &lbfgs->s, old_count, resize, data, error) ||
      !resize_ring(lbfgs, &lbfgs->y, old_count, resize, data, error) || !new_vectors(lbfgs, error))
    return false;
  lbfgs->searching = lbfgs->started = false;
  for (int64_t i = 0; i < pairs * count; i++)
    lbfgs->y[i] *= (float)scale;
  accept_anew(lbfgs, context);
  return true;
}
