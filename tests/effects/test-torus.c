/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures without borders: rolling one by the network's stride changes neither the value nor, but
 * for being rolled, the gradient; the gradient against differences of the value; losses see as many
 * places as a period has, also of a picture that goes on mirrored, which is the same where it is
 * symmetric; layers that look everywhere are refused. And pieces cut and put back. */
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/effects/criterion.h"
#include "nncore/effects/torus.h"
#include "tests/effects/base-network.h"
#include "tests/effects/noise.h"
#include "tests/image/pictures.h"
#include "tests/unit/onnx-builder.h"

static const char *const layers[] = {"relu1_1", "relu3_1"};
enum { STRIDE = 4 }; /* of the deepest */

/* (transfer full): L2 on two layers */
static NnCriterion *
criterion_new(const NnNetwork *network, NnContext *context, bool wrapped)
{
  g_autoptr(GError) error = NULL;
  NnCriterion *criterion =
      nn_criterion_new(network, context, layers, 2, (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  for (int i = 0; i < 2; i++)
    nn_criterion_add(criterion, i, nn_loss_l2(), i == 0 ? 0.01 : 1);
  nn_criterion_set_edges(criterion, wrapped ? NN_EDGES_PERIODIC : NN_EDGES_PADDED, &error);
  g_assert_no_error(error);
  return criterion;
}

static double
evaluate(NnCriterion *criterion, const NnImage *picture, int dx, int dy, NnImage *gradient)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnEvaluator) evaluator =
      nn_criterion_evaluator(criterion, picture->width, picture->height, &error);
  g_assert_no_error(error);
  double value;
  nn_criterion_evaluate(criterion, evaluator, picture, dx, dy, gradient, &value, &error);
  g_assert_no_error(error);
  return value;
}

/* differences relative to the largest value */
static double
relative_difference(const NnImage *a, const NnImage *b)
{
  double largest = 0;
  for (size_t i = 0; i < nn_image_samples(a); i++)
    largest = MAX(largest, fabs((double)a->data[i]));
  return largest_difference(a, b) / largest;
}

static void
test_rolling(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) picture = picture_noise(44, 36, 3, 1);
  g_autoptr(NnImage) gradient = picture_new(44, 36, 3);
  g_autoptr(NnImage) rolled = picture_new(44, 36, 3);
  for (int wrapped = 0; wrapped < 2; wrapped++) {
    g_autoptr(NnCriterion) criterion = criterion_new(network, context, wrapped);
    double value = evaluate(criterion, picture, 0, 0, gradient);
    double other = evaluate(criterion, picture, 5 * STRIDE, -2 * STRIDE, rolled);
    bool same = fabs(other - value) < 1e-5 * value && relative_difference(gradient, rolled) < 1e-4;
    g_test_message("%g, rolled %g; gradients differ by %g", value, other,
                   relative_difference(gradient, rolled));
    g_assert_cmpint(same, ==, wrapped);
  }
}

static void
test_gradient(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnContext) context = nn_context_new(2);
  static const int sizes[][2] = {{24, 20}, {9, 7}, {3, 2}, {1, 1}};
  g_autoptr(NnCriterion) criterion = criterion_new(network, context, true);
  for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++) {
    int width = sizes[s][0], height = sizes[s][1];
    g_autoptr(NnImage) picture = picture_noise(width, height, 3, s);
    g_autoptr(NnImage) gradient = picture_new(width, height, 3);
    g_autoptr(NnImage) scratch = picture_new(width, height, 3);
    g_autoptr(NnImage) direction = picture_noise(width, height, 3, 9);
    evaluate(criterion, picture, 0, 0, gradient);
    double slope = 0;
    float step = width < 24 ? 2e-4f : 1e-3f;
    for (size_t i = 0; i < nn_image_samples(picture); i++)
      slope += (double)gradient->data[i] * direction->data[i];
    for (size_t i = 0; i < nn_image_samples(picture); i++)
      picture->data[i] += step * direction->data[i];
    double after = evaluate(criterion, picture, 0, 0, scratch);
    for (size_t i = 0; i < nn_image_samples(picture); i++)
      picture->data[i] -= 2 * step * direction->data[i];
    double before = evaluate(criterion, picture, 0, 0, scratch);
    g_test_message("%d x %d: slope %g, differences %g", width, height, slope,
                   (after - before) / (2 * (double)step));
    g_assert_cmpfloat_with_epsilon((after - before) / (2 * (double)step), slope,
                                   0.02 * fabs(slope));
  }
}

/* what of a layer a loss sees */
typedef struct {
  NnLoss parent;
  NnShape whole;
  int64_t positions;
  double sum;
} Probe;

static void
probe_observe(NnLoss *loss, NnContext *context, const NnPiece *piece)
{
  Probe *probe = (Probe *)loss;
  probe->whole = piece->whole;
  probe->positions += nn_shape_product(&piece->activation->shape, 2, 4);
  for (int64_t i = 0; i < nn_shape_count(&piece->activation->shape); i++)
    probe->sum += (double)piece->activation->f[i];
}

static void
probe_free(NnLoss *loss)
{
}

static const NnLossClass probe_class = {
    .name = "probe", .observe = probe_observe, .free = probe_free};

static void
test_places(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnContext) context = nn_context_new(1);
  static const int sizes[][4] = {{40, 24, 10, 6}, {41, 27, 10, 7}, {1, 3, 1, 1}};
  for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++) {
    g_autoptr(NnCriterion) criterion = criterion_new(network, context, true);
    Probe probe = {{&probe_class}};
    g_autoptr(NnImage) picture = picture_noise(sizes[s][0], sizes[s][1], 3, s);
    nn_criterion_set_loss(criterion, 1, &probe.parent);
    g_autoptr(NnEvaluator) evaluator =
        nn_criterion_evaluator(criterion, picture->width, picture->height, NULL);
    g_assert_true(nn_criterion_observe(criterion, evaluator, picture, NULL));
    g_assert_cmpint(probe.whole.dim[3], ==, sizes[s][2]);
    g_assert_cmpint(probe.whole.dim[2], ==, sizes[s][3]);
    g_assert_cmpint(probe.positions, ==, sizes[s][2] * sizes[s][3]);
  }
}

/* what a probe at the deeper layer sees of a picture */
static Probe
look_at(const NnImage *picture, NnEdges edges)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnCriterion) criterion = criterion_new(network, context, true);
  Probe probe = {{&probe_class}};
  nn_criterion_set_loss(criterion, 1, &probe.parent);
  nn_criterion_set_edges(criterion, edges, &error);
  g_assert_no_error(error);
  g_autoptr(NnEvaluator) evaluator =
      nn_criterion_evaluator(criterion, picture->width, picture->height, &error);
  g_assert_no_error(error);
  nn_criterion_observe(criterion, evaluator, picture, &error);
  g_assert_no_error(error);
  NnShape shape = {.rank = 4};
  nn_criterion_places(criterion, 1, picture->width, picture->height, &shape);
  if (edges != NN_EDGES_PADDED)
    g_assert_cmpint(shape.dim[2] * shape.dim[3], ==, probe.positions);
  return probe;
}

/* a picture that is its own mirror image goes on the same periodically and mirrored */
static void
test_mirrored(void)
{
  static const int sizes[][2] = {{24, 20}, {9, 7}, {3, 2}, {1, 1}};
  for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++)
    for (int symmetric = 0; symmetric < 2; symmetric++) {
      int width = sizes[s][0], height = sizes[s][1];
      g_autoptr(NnImage) picture = picture_noise(width, height, 3, s);
      for (int y = 0; symmetric && y < height; y++)
        for (int x = 0; x < width; x++)
          for (int c = 0; c < 3; c++)
            picture->data[(y * width + x) * 3 + c] =
                pixel_at(picture, MIN(x, width - 1 - x), MIN(y, height - 1 - y), c);
      double periodic = look_at(picture, NN_EDGES_PERIODIC).sum;
      double mirrored = look_at(picture, NN_EDGES_MIRRORED).sum;
      g_test_message("%d x %d: %g periodic, %g mirrored", width, height, periodic, mirrored);
      bool same = fabs(mirrored - periodic) < 1e-5 * fabs(periodic);
      g_assert_cmpint(same, ==, symmetric || width == 1);
    }
}

static void
test_refusal(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  static const char *const bad[] = {"logits"};
  g_autoptr(GError) error = NULL;
  g_assert_null(nn_torus_new(network, bad, 1, &error));
  onnx_assert_sentence(error, NN_ERROR_ARGUMENT, "logits");
}

static void
test_pieces(gconstpointer data)
{
  NnLayout layout = (NnLayout)GPOINTER_TO_INT(data);
  g_autoptr(NnTensor) tensor = noise_new(&NN_SHAPE(1, 5, 6, 7), layout, 3);
  g_autoptr(NnTensor) back = noise_new(&tensor->shape, layout, 4);
  /* the tensor is a piece from (10, 20) on of something larger */
  NnShape whole = NN_SHAPE(1, 5, 50, 60);
  NnPiece piece = {tensor, whole, {10, 20}};
  static const NnBox boxes[] = {
      {{10, 20}, {16, 27}}, {{0, 0}, {50, 60}}, {{12, 21}, {14, 24}},
      {{14, 25}, {44, 55}}, {{0, 0}, {9, 60}},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(boxes); i++) {
    float elements[5 * 6 * 7];
    const NnBox *box = &boxes[i];
    NnTensor cropped;
    NnPiece crop;
    bool any = nn_piece_crop(&piece, box, elements, &cropped, &crop);
    g_assert_cmpint(any, ==, i != 4);
    g_assert_cmpint(crop.whole.dim[2], ==, nn_box_size(box, 0));
    nn_piece_uncrop(&piece, box, &cropped, back);
    for (int c = 0; c < 5; c++)
      for (int y = 0; y < 6; y++)
        for (int x = 0; x < 7; x++) {
          int at = layout == NN_LAYOUT_PLAIN ? (c * 6 + y) * 7 + x : (y * 7 + x) * 5 + c;
          int64_t wy = y + 10 - box->begin[0], wx = x + 20 - box->begin[1];
          bool inside = wy >= 0 && wy < nn_box_size(box, 0) && wx >= 0 && wx < nn_box_size(box, 1);
          g_assert_cmpfloat(back->f[at], ==, inside ? tensor->f[at] : 0);
          if (!inside)
            continue;
          int64_t cy = wy - crop.first[0], cx = wx - crop.first[1];
          int64_t h = cropped.shape.dim[2], w = cropped.shape.dim[3];
          int64_t from = layout == NN_LAYOUT_PLAIN ? (c * h + cy) * w + cx : (cy * w + cx) * 5 + c;
          g_assert_cmpfloat(elements[from], ==, tensor->f[at]);
        }
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/torus/rolling", test_rolling);
  g_test_add_func("/torus/gradient", test_gradient);
  g_test_add_func("/torus/places", test_places);
  g_test_add_func("/torus/mirrored", test_mirrored);
  g_test_add_func("/torus/refusal", test_refusal);
  g_test_add_data_func("/piece/plain", GINT_TO_POINTER(NN_LAYOUT_PLAIN), test_pieces);
  g_test_add_data_func("/piece/channels-last", GINT_TO_POINTER(NN_LAYOUT_CHANNELS_LAST),
                       test_pieces);
  return g_test_run();
}
