/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Losses on an evaluator's pieces. A layer's seed is the sum of its terms' gradients: the first
 * writes it, the others are added through a scratch buffer. */
#include "nncore/effects/criterion.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/sum.h"
#include "nncore/effects/torus.h"

#define GRAIN 16384

/**
 * Term:
 * @value: of the evaluation at hand or the last one
 * @squares: of its gradient with factor 1, where it is to be normalised
 * @factor: of its gradient
 */
typedef struct {
  int layer;
  NnLoss *loss;
  double weight, value, squares;
  float factor;
} Term;

struct NnCriterion {
  const NnNetwork *network;
  NnContext *context;
  NnProgram *program;
  char **layers;
  GArray *terms;
  bool normalise;
  NnProceed proceed;
  gpointer proceed_data;
  NnTorus *torus; /* (nullable): of pictures whose edges are not padded */
  NnEdges edges;
  float *scratch; /* a piece's gradient; of a torus, also what counts of a piece and its gradient */
  size_t scratch_elements;
};

/* one evaluation */
typedef struct {
  NnCriterion *criterion;
  const NnImage *picture;
  int dx, dy;
  NnImage *gradient;
} Run;

static Term *
term_at(const NnCriterion *criterion, int term)
{
  return &g_array_index(criterion->terms, Term, term);
}

static void
clear_term(gpointer data)
{
  nn_loss_free(((Term *)data)->loss);
}

NnCriterion *
nn_criterion_new(const NnNetwork *network, NnContext *context, const char *const *layers,
                 int n_layers, NnProgramOptions options, GError **error)
{
  g_autoptr(NnCriterion) criterion = g_new0(NnCriterion, 1);
  criterion->network = network;
  criterion->context = context;
  criterion->layers = g_new0(char *, n_layers + 1);
  for (int i = 0; i < n_layers; i++)
    criterion->layers[i] = g_strdup(layers[i]);
  criterion->terms = g_array_new(FALSE, TRUE, sizeof(Term));
  g_array_set_clear_func(criterion->terms, clear_term);
  criterion->program = nn_program_new(network->model, context, layers, n_layers, options, error);
  return criterion->program != NULL ? g_steal_pointer(&criterion) : NULL;
}

static size_t
scratch_bytes(const NnCriterion *criterion)
{
  return criterion->scratch_elements * sizeof(float);
}

static void
free_scratch(NnCriterion *criterion)
{
  nn_context_hold_memory(criterion->context, -(int64_t)scratch_bytes(criterion));
  nn_free(criterion->scratch);
  criterion->scratch = NULL;
  criterion->scratch_elements = 0;
}

void
nn_criterion_free(NnCriterion *criterion)
{
  if (criterion == NULL)
    return;
  g_array_unref(criterion->terms);
  g_strfreev(criterion->layers);
  nn_program_unref(criterion->program);
  nn_torus_free(criterion->torus);
  free_scratch(criterion);
  g_free(criterion);
}

NnProgram *
nn_criterion_program(const NnCriterion *criterion)
{
  return criterion->program;
}

int
nn_criterion_add(NnCriterion *criterion, int layer, NnLoss *loss, double weight)
{
  Term term = {.layer = layer, .loss = loss, .weight = weight};
  g_array_append_val(criterion->terms, term);
  return (int)criterion->terms->len - 1;
}

int
nn_criterion_n_terms(const NnCriterion *criterion)
{
  return (int)criterion->terms->len;
}

NnLoss *
nn_criterion_loss(const NnCriterion *criterion, int term)
{
  return term_at(criterion, term)->loss;
}

void
nn_criterion_set_loss(NnCriterion *criterion, int term, NnLoss *loss)
{
  nn_loss_free(term_at(criterion, term)->loss);
  term_at(criterion, term)->loss = loss;
}

void
nn_criterion_set_weight(NnCriterion *criterion, int term, double weight)
{
  term_at(criterion, term)->weight = weight;
}

void
nn_criterion_clear(NnCriterion *criterion)
{
  g_array_set_size(criterion->terms, 0);
}

void
nn_criterion_normalise(NnCriterion *criterion, bool normalise)
{
  criterion->normalise = normalise;
}

void
nn_criterion_watch(NnCriterion *criterion, NnProceed proceed, gpointer data)
{
  criterion->proceed = proceed;
  criterion->proceed_data = data;
}

bool
nn_criterion_set_edges(NnCriterion *criterion, NnEdges edges, GError **error)
{
  if (edges != NN_EDGES_PADDED && criterion->torus == NULL) {
    criterion->torus = nn_torus_new(criterion->network, (const char *const *)criterion->layers,
                                    nn_program_n_targets(criterion->program), error);
    if (criterion->torus == NULL)
      return false;
  }
  criterion->edges = edges;
  return true;
}

void
nn_criterion_places(const NnCriterion *criterion, int layer, int width, int height, NnShape *shape)
{
  if (criterion->edges == NN_EDGES_PADDED)
    return;
  NnBox box = nn_torus_box(criterion->torus, layer, width, height);
  for (int a = 0; a < 2; a++)
    shape->dim[2 + a] = box.end[a] - box.begin[a];
}

bool
nn_check_channel(const char *layer, const NnShape *shape, int64_t channel, GError **error)
{
  if (nn_shape_count(shape) == 0 || shape->rank < 2 || shape->dim[0] != 1) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The layer %s has no channels. Choose a convolution or an activation."), layer);
    return false;
  }
  if (channel >= shape->dim[1]) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The channels of %s are numbered from 0 to %d; there is no number %d."), layer,
                (int)shape->dim[1] - 1, (int)channel);
    return false;
  }
  return true;
}

double
nn_criterion_value(const NnCriterion *criterion, int term)
{
  return term_at(criterion, term)->value;
}

/* ---- evaluators ---- */

/* a size that is refused may be a matter of the head */
static void
explain_head(const NnCriterion *criterion, GError **error)
{
  const char *note = nn_program_head_note(criterion->program);
  if (note != NULL && error != NULL && g_error_matches(*error, NN_ERROR, NN_ERROR_SHAPE))
    g_prefix_error(error, "%s ", note);
}

NnPlan *
nn_criterion_plan(const NnCriterion *criterion, int width, int height, GError **error)
{
  const NnInputSpec *spec = &criterion->network->input;
  NnShape shape = NN_SHAPE(1, 3, nn_input_size(spec, height), nn_input_size(spec, width));
  NnPlan *plan = nn_plan_new(criterion->program, &shape, 1, error);
  if (plan == NULL)
    explain_head(criterion, error);
  return plan;
}

static bool
is_padded(const NnCriterion *criterion)
{
  return criterion->edges == NN_EDGES_PADDED;
}

/* of what the network is shown around the picture, px */
static int
margin(const NnCriterion *criterion)
{
  return is_padded(criterion) ? 0 : nn_torus_margin(criterion->torus);
}

/* elements of scratch: the largest piece whose gradient is not written straight into the seed */
static size_t
count_scratch(const NnCriterion *criterion, const NnEvaluator *evaluator)
{
  size_t most = 0;
  for (guint i = 0; i < criterion->terms->len; i++) {
    int layer = term_at(criterion, (int)i)->layer;
    bool alone = !criterion->normalise && is_padded(criterion);
    for (guint k = 0; k < i; k++)
      alone = alone && term_at(criterion, (int)k)->layer != layer;
    if (!alone)
      most = MAX(most, (size_t)nn_evaluator_piece_elements(evaluator, layer));
  }
  return most * (is_padded(criterion) ? 1 : 3);
}

static bool
make_scratch(NnCriterion *criterion, size_t elements, GError **error)
{
  if (elements <= criterion->scratch_elements)
    return true;
  free_scratch(criterion);
  criterion->scratch = nn_alloc(elements, sizeof(float), error);
  if (criterion->scratch == NULL)
    return false;
  criterion->scratch_elements = elements;
  nn_context_hold_memory(criterion->context, (int64_t)scratch_bytes(criterion));
  return true;
}

static NnEvaluator *
new_evaluator(NnCriterion *criterion, const NnShape *shape, size_t budget, GError **error)
{
  NnEvaluator *evaluator =
      nn_evaluator_new(criterion->program, criterion->context, shape, budget, error);
  if (evaluator == NULL)
    explain_head(criterion, error);
  return evaluator;
}

NnEvaluator *
nn_criterion_evaluator(NnCriterion *criterion, int width, int height, GError **error)
{
  const NnInputSpec *spec = &criterion->network->input;
  int around = 2 * margin(criterion);
  NnShape shape =
      NN_SHAPE(1, 3, nn_input_size(spec, height + around), nn_input_size(spec, width + around));
  size_t budget = (size_t)nn_context_memory_left(criterion->context);
  g_autoptr(NnEvaluator) evaluator = new_evaluator(criterion, &shape, budget, error);
  if (evaluator == NULL)
    return NULL;
  size_t scratch = count_scratch(criterion, evaluator) * sizeof(float);
  size_t more = scratch - MIN(scratch, scratch_bytes(criterion));
  if (more > 0 && nn_evaluator_bytes(evaluator) + more > budget) {
    nn_evaluator_free(evaluator); /* whole pieces are too large: those of tiles are not */
    evaluator = new_evaluator(criterion, &shape, budget - MIN(more, budget / 2), error);
  }
  if (evaluator == NULL || !make_scratch(criterion, count_scratch(criterion, evaluator), error))
    return NULL;
  return g_steal_pointer(&evaluator);
}

/* ---- what an evaluation asks for ---- */

static void
fill_input(gpointer data, int64_t y, int64_t x, const NnTensor *pixels)
{
  const Run *run = data;
  const NnCriterion *criterion = run->criterion;
  const NnInputSpec *spec = &criterion->network->input;
  int from_x = run->dx + (int)x - margin(criterion), from_y = run->dy + (int)y - margin(criterion);
  if (criterion->edges == NN_EDGES_MIRRORED)
    nn_preprocess_mirrored(criterion->context, run->picture, spec, from_x, from_y, pixels);
  else
    nn_preprocess_rolled(criterion->context, run->picture, spec, from_x, from_y, pixels);
}

static void
take_gradient(gpointer data, int64_t y, int64_t x, const NnTensor *gradient)
{
  const Run *run = data;
  const NnCriterion *criterion = run->criterion;
  int around = margin(criterion);
  nn_input_gradient_add(criterion->context, gradient, &criterion->network->input, run->dx - around,
                        run->dy - around, (int)x, (int)y, !is_padded(criterion), run->gradient);
}

static NnBox
box_of(const Run *run, int target)
{
  return nn_torus_box(run->criterion->torus, target, run->picture->width, run->picture->height);
}

static bool
ask_proceed(gpointer data, double fraction)
{
  const NnCriterion *criterion = ((Run *)data)->criterion;
  return criterion->proceed == NULL || criterion->proceed(criterion->proceed_data, fraction);
}

/* a tensor like @piece's in the scratch buffer */
static NnTensor
scratch_like(const NnCriterion *criterion, const NnPiece *piece)
{
  NnTensor tensor = *piece->activation;
  tensor.refs = 0;
  tensor.f = criterion->scratch;
  return tensor;
}

typedef struct {
  float *to;
  const float *from;
} Sum;

static double
sum_squares(int64_t begin, int64_t end, int worker, gpointer data)
{
  const float *x = ((const Sum *)data)->from;
  double sum = 0;
  for (int64_t i = begin; i < end; i++)
    sum += (double)x[i] * x[i];
  return sum;
}

static void
add_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Sum *sum = data;
  for (int64_t i = begin; i < end; i++)
    sum->to[i] += sum->from[i];
}

/* the value and the gradient's length, where the latter must be known beforehand */
static void
measure(NnCriterion *criterion, Term *term, const NnPiece *piece)
{
  NnTensor gradient = scratch_like(criterion, piece);
  Sum sum = {.from = gradient.f};
  term->loss->klass->evaluate(term->loss, criterion->context, piece, 1, &gradient);
  term->squares += nn_parallel_sum(criterion->context, nn_shape_count(&gradient.shape), GRAIN,
                                   sum_squares, &sum);
}

/* what of a piece the losses are to see: @crop is made of it in the scratch buffer, or it is @piece
 * itself; NULL where there is nothing for them in it */
static const NnPiece *
what_counts(const Run *run, int target, const NnPiece *piece, NnTensor *cropped, NnPiece *crop)
{
  const NnCriterion *criterion = run->criterion;
  if (is_padded(criterion))
    return piece;
  NnBox box = box_of(run, target);
  float *buffer = criterion->scratch + criterion->scratch_elements / 3;
  return nn_piece_crop(piece, &box, buffer, cropped, crop) ? crop : NULL;
}

static void
observe(gpointer data, int target, const NnPiece *piece)
{
  NnCriterion *criterion = ((Run *)data)->criterion;
  NnTensor cropped;
  NnPiece crop;
  piece = what_counts(data, target, piece, &cropped, &crop);
  for (guint i = 0; piece != NULL && i < criterion->terms->len; i++) {
    Term *term = term_at(criterion, (int)i);
    if (term->layer != target)
      continue;
    if (nn_loss_has_statistics(term->loss))
      term->loss->klass->observe(term->loss, criterion->context, piece);
    else if (criterion->normalise)
      measure(criterion, term, piece);
  }
}

static void
close_terms(gpointer data)
{
  NnCriterion *criterion = ((Run *)data)->criterion;
  for (guint i = 0; i < criterion->terms->len; i++) {
    Term *term = term_at(criterion, (int)i);
    if (nn_loss_has_statistics(term->loss)) {
      term->value = term->loss->klass->close(term->loss, criterion->context);
    } else if (criterion->normalise) {
      double factor = term->weight / sqrt(term->squares);
      term->factor =
          term->squares > 0 && isfinite((float)factor) ? (float)factor : (float)term->weight;
    }
  }
}

/* the sum of the terms' gradients to a piece, written to @seed */
static void
sum_gradients(NnCriterion *criterion, int target, const NnPiece *piece, const NnTensor *seed)
{
  bool written = false;
  for (guint i = 0; i < criterion->terms->len; i++) {
    Term *term = term_at(criterion, (int)i);
    if (term->layer != target)
      continue;
    NnTensor own = scratch_like(criterion, piece);
    term->value += term->loss->klass->evaluate(term->loss, criterion->context, piece, term->factor,
                                               written ? &own : seed);
    Sum sum = {seed->f, own.f};
    if (written)
      nn_parallel_for(criterion->context, nn_shape_count(&seed->shape), GRAIN, add_chunk, &sum);
    written = true;
  }
  if (!written)
    memset(seed->data, 0, nn_tensor_bytes(seed));
}

static void
seed(gpointer data, int target, const NnPiece *piece, const NnTensor *seed)
{
  NnCriterion *criterion = ((Run *)data)->criterion;
  NnTensor cropped;
  NnPiece crop;
  const NnPiece *counting = what_counts(data, target, piece, &cropped, &crop);
  if (counting == piece) {
    sum_gradients(criterion, target, piece, seed);
    return;
  }
  NnTensor gradient = cropped;
  gradient.f = criterion->scratch + criterion->scratch_elements / 3 * 2;
  if (counting != NULL)
    sum_gradients(criterion, target, counting, &gradient);
  NnBox box = box_of(data, target);
  nn_piece_uncrop(piece, &box, &gradient, seed);
}

/* returns whether anything must be observed before the seeds */
static bool
begin_terms(NnCriterion *criterion)
{
  bool statistics = criterion->normalise;
  for (guint i = 0; i < criterion->terms->len; i++) {
    Term *term = term_at(criterion, (int)i);
    term->value = term->squares = 0;
    term->factor = (float)term->weight;
    if (!nn_loss_has_statistics(term->loss))
      continue;
    statistics = true;
    if (term->loss->klass->begin != NULL)
      term->loss->klass->begin(term->loss);
  }
  return statistics;
}

bool
nn_criterion_observe(NnCriterion *criterion, NnEvaluator *evaluator, const NnImage *picture,
                     GError **error)
{
  NnEvaluation evaluation = {.input = fill_input, .observe = observe, .proceed = ask_proceed};
  Run run = {.criterion = criterion, .picture = picture};
  begin_terms(criterion);
  return nn_evaluator_forward(evaluator, &evaluation, &run, error);
}

bool
nn_criterion_evaluate(NnCriterion *criterion, NnEvaluator *evaluator, const NnImage *picture,
                      int dx, int dy, NnImage *gradient, double *value, GError **error)
{
  g_return_val_if_fail(criterion->edges != NN_EDGES_MIRRORED, false);
  NnEvaluation evaluation = {
      .input = fill_input, .seed = seed, .gradient = take_gradient, .proceed = ask_proceed};
  Run run = {criterion, picture, dx, dy, gradient};
  if (begin_terms(criterion)) {
    evaluation.observe = observe;
    evaluation.observed = close_terms;
  }
  memset(gradient->data, 0, nn_image_samples(gradient) * sizeof(float));
  if (!nn_evaluator_run(evaluator, &evaluation, &run, error))
    return false;
  *value = 0;
  for (guint i = 0; i < criterion->terms->len; i++)
    *value += term_at(criterion, (int)i)->weight * term_at(criterion, (int)i)->value;
  return true;
}
