/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mixtures of Gaussians: moments, members and costs of what was drawn from known ones. GrabCut: of a
 * texture on another, whose colours overlap, the shape that was laid there is found again (intersection
 * over union of 0.9 at least), from a rectangle or an ellipse around it; and again at twice the size,
 * also in strips. Sizes of one pixel, pictures without colours, seeds that say nothing. */
#include <math.h>
#include <string.h>

#include "nncore/analysis/grab-cut.h"
#include "nncore/base/error.h"
#include "nncore/base/random.h"
#include "tests/image/pictures.h"

#define WIDTH 180
#define HEIGHT 140

/* ---- mixtures ---- */

static void
test_moments(void)
{
  enum { COUNT = 20000 };
  g_autoptr(NnImage) picture = picture_new(COUNT, 1, 3);
  uint8_t labels[COUNT], members[COUNT];
  for (int i = 0; i < COUNT; i++) {
    float common = (float)nn_random_normal_at(1, (uint64_t)i);
    float *rgb = picture->data + 3 * i;
    rgb[0] = 0.3f + 0.05f * common;
    rgb[1] = 0.5f - 0.02f * common + 0.01f * (float)nn_random_normal_at(2, (uint64_t)i);
    rgb[2] = i % 2 == 0 ? 0.9f : NAN; /* of the other label */
    labels[i] = (uint8_t)(i % 2);
  }
  NnMixturePixels pixels = {picture, labels, 0, members};
  NnGaussianMixture mixture;
  nn_mixture_split(&mixture, 1, &pixels);
  const NnGaussian *gaussian = &mixture.gaussians[0];
  const double floor = 1.0 / (255 * 255);
  g_assert_cmpfloat(gaussian->share, ==, 1);
  g_assert_cmpfloat_with_epsilon(gaussian->mean[0], 0.3, 0.002);
  g_assert_cmpfloat_with_epsilon(gaussian->mean[1], 0.5, 0.001);
  g_assert_cmpfloat_with_epsilon(gaussian->covariance[0], 0.0025 + floor, 1e-4);
  g_assert_cmpfloat_with_epsilon(gaussian->covariance[1], -0.001, 5e-5);
  g_assert_cmpfloat_with_epsilon(gaussian->covariance[4], 0.0005 + floor, 3e-5);
  g_assert_cmpfloat_with_epsilon(gaussian->covariance[8], floor, 1e-6);
  for (int i = 0; i < 9; i++) { /* the inverse is one */
    double product = 0;
    for (int k = 0; k < 3; k++)
      product += gaussian->covariance[i / 3 * 3 + k] * gaussian->inverse[3 * k + i % 3];
    g_assert_cmpfloat_with_epsilon(product, i % 4 == 0, 1e-9);
  }
}

/* four heaps of colours, far from each other, each found, and costs lowest in them */
static void
test_heaps(void)
{
  static const float means[4][3] = {
      {0.1f, 0.1f, 0.1f}, {0.9f, 0.2f, 0.1f}, {0.2f, 0.8f, 0.3f}, {0.3f, 0.3f, 0.9f}};
  enum { COUNT = 4000 };
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) picture = picture_new(COUNT, 1, 3);
  uint8_t labels[COUNT] = {0}, members[COUNT];
  for (int i = 0; i < 3 * COUNT; i++)
    picture->data[i] = means[i / 3 % 4][i % 3] + 0.02f * (float)nn_random_normal_at(3, (uint64_t)i);
  NnMixturePixels pixels = {picture, labels, 0, members};
  NnGaussianMixture mixture;
  nn_mixture_split(&mixture, 4, &pixels);
  nn_mixture_assign(&mixture, context, &pixels);
  nn_mixture_learn(&mixture, &pixels);
  g_assert_cmpint(mixture.count, ==, 4);
  for (int i = 4; i < COUNT; i++)
    g_assert_cmpint(members[i], ==, members[i % 4]);
  for (int k = 0; k < 4; k++) {
    g_assert_cmpfloat(mixture.gaussians[k].share, ==, 0.25);
    float off[3] = {means[k][0] + 0.06f, means[k][1], means[k][2]};
    double more = nn_mixture_cost(&mixture, off) - nn_mixture_cost(&mixture, means[k]);
    g_assert_cmpfloat_with_epsilon(more, 4.5, 0.8); /* three deviations */
  }
}

static void
test_one_colour(void)
{
  g_autoptr(NnImage) picture = picture_constant(7, 5, 3, 0.25f);
  uint8_t labels[35] = {0}, members[35];
  NnMixturePixels pixels = {picture, labels, 0, members};
  NnGaussianMixture mixture;
  nn_mixture_split(&mixture, 5, &pixels);
  g_assert_cmpint(mixture.count, ==, 1);
  g_assert_true(isfinite(nn_mixture_cost(&mixture, (float[3]){1, 0, 1})));
  g_assert_cmpfloat(nn_mixture_cost(&mixture, (float[3]){1, 0, 1}), >,
                    nn_mixture_cost(&mixture, (float[3]){0.25f, 0.25f, 0.25f}));
}

/* ---- textures ---- */

typedef void (*Texture)(int x, int y, uint64_t seed, float rgb[3]);

static float
normal_of(int x, int y, uint64_t seed)
{
  return (float)nn_random_normal_at(seed, (uint64_t)y * 4096 + (uint64_t)x);
}

static void
set(float rgb[3], float r, float g, float b, float noise, int x, int y, uint64_t seed)
{
  rgb[0] = CLAMP(r + noise * normal_of(x, y, seed), 0, 1);
  rgb[1] = CLAMP(g + noise * normal_of(x, y, seed + 1), 0, 1);
  rgb[2] = CLAMP(b + noise * normal_of(x, y, seed + 2), 0, 1);
}

/* the same histogram of each channel as the next: red and green rise together */
static void
together(int x, int y, uint64_t seed, float rgb[3])
{
  float common = 0.15f * normal_of(x, y, seed + 9);
  set(rgb, 0.5f + common, 0.5f + common, 0.5f, 0.04f, x, y, seed);
}

/* red falls as green rises */
static void
against(int x, int y, uint64_t seed, float rgb[3])
{
  float common = 0.15f * normal_of(x, y, seed + 9);
  set(rgb, 0.5f + common, 0.5f - common, 0.5f, 0.04f, x, y, seed);
}

static void
stripes(int x, int y, uint64_t seed, float rgb[3])
{
  float level = 0.5f + 0.3f * (float)sin((x + y) / 3.0);
  set(rgb, level, 0.8f * level, 1 - level, 0.06f, x, y, seed);
}

static void
checks(int x, int y, uint64_t seed, float rgb[3])
{
  bool dark = (x / 6 + y / 6) % 2 == 0;
  set(rgb, dark ? 0.3f : 0.7f, dark ? 0.5f : 0.6f, dark ? 0.3f : 0.6f, 0.06f, x, y, seed);
}

static void
spots(int x, int y, uint64_t seed, float rgb[3])
{
  bool spot = hypot(x % 12 - 6, y % 12 - 6) < 4;
  set(rgb, spot ? 0.7f : 0.35f, spot ? 0.3f : 0.45f, spot ? 0.35f : 0.6f, 0.06f, x, y, seed);
}

/* ---- shapes ---- */

typedef bool (*Shape)(double x, double y); /* both from -1 to 1 */

static bool
disc(double x, double y)
{
  return hypot(x, y) < 0.55;
}

static bool
slanting_ellipse(double x, double y)
{
  double along = (x + y) * G_SQRT2 / 2, across = (x - y) * G_SQRT2 / 2;
  return hypot(along / 0.7, across / 0.35) < 1;
}

static bool
star(double x, double y)
{
  return hypot(x, y) < 0.5 + 0.15 * cos(5 * atan2(y, x));
}

static bool
corner(double x, double y)
{
  return fabs(x) < 0.6 && fabs(y) < 0.6 && (x < 0 || y > 0);
}

/* ---- composites ---- */

typedef struct {
  NnImage *picture;
  bool *mask;
} Composite;

static bool
is_inside(Shape shape, int x, int y, int scale)
{
  return shape((x + 0.5) / (WIDTH * scale / 2.0) - 1, (y + 0.5) / (HEIGHT * scale / 2.0) - 1);
}

static Composite
composite(Texture on, Texture under, Shape shape, int scale)
{
  int width = WIDTH * scale, height = HEIGHT * scale;
  Composite made = {picture_new(width, height, 3), g_new(bool, width *height)};
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      int i = y * width + x;
      made.mask[i] = is_inside(shape, x, y, scale);
      (made.mask[i] ? on : under)(x, y, made.mask[i] ? 10 : 20, made.picture->data + 3 * i);
    }
  return made;
}

static void
composite_clear(Composite *made)
{
  nn_image_free(made->picture);
  g_free(made->mask);
}

/* of the histograms of a channel inside and outside, the part that they share */
static double
overlap(const Composite *made, int channel)
{
  enum { BINS = 24 };
  double bins[2][BINS] = {0}, counts[2] = {0}, shared = 0;
  for (size_t i = 0; i < nn_image_samples(made->picture) / 3; i++) {
    bins[made->mask[i]]
        [MIN((int)(made->picture->data[3 * i + (size_t)channel] * BINS), BINS - 1)]++;
    counts[made->mask[i]]++;
  }
  for (int b = 0; b < BINS; b++)
    shared += MIN(bins[0][b] / counts[0], bins[1][b] / counts[1]);
  return shared;
}

static double
intersection_over_union(const Composite *made, const uint8_t *labels)
{
  double both = 0, either = 0;
  for (size_t i = 0; i < nn_image_samples(made->picture) / 3; i++) {
    bool found = labels[i] == NN_LABEL_SUBJECT;
    both += found && made->mask[i];
    either += found || made->mask[i];
  }
  return both / either;
}

typedef enum { SEED_RECTANGLE, SEED_ELLIPSE } SeedShape;

/* what is outside of it is background; it is wider than the shapes */
static uint8_t *
rough_seeds(SeedShape shape, int scale)
{
  int width = WIDTH * scale, height = HEIGHT * scale;
  uint8_t *seeds = g_new(uint8_t, width *height);
  for (int i = 0; i < width * height; i++) {
    double x = (i % width + 0.5) / (width / 2.0) - 1, y = (i / width + 0.5) / (height / 2.0) - 1;
    bool within = shape == SEED_RECTANGLE ? fabs(x) < 0.76 && fabs(y) < 0.76 : hypot(x, y) < 0.92;
    seeds[i] = within ? NN_SEED_MAYBE_SUBJECT : NN_SEED_BACKGROUND;
  }
  return seeds;
}

static const NnGrabCutSettings usual = {.smoothness = 50, .iterations = 10, .gaussians = 5};

static NnGrabCut *
cut_with(const NnGrabCutSettings *settings, const NnImage *picture, const uint8_t *seeds,
         uint8_t *labels)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(2);
  NnGrabCut *grab_cut = nn_grab_cut_new(context, picture, seeds, settings, NULL, labels, &error);
  g_assert_no_error(error);
  g_assert_nonnull(grab_cut);
  return grab_cut;
}

static NnGrabCut *
cut(const NnImage *picture, const uint8_t *seeds, uint8_t *labels)
{
  return cut_with(&usual, picture, seeds, labels);
}

/* Noise that differs from its surroundings by little and checks with edges stronger than the shape's own
 * lose corners with the paper's smoothness of 50: 0.71 to 0.98 were found, 0.71 to 0.98 by OpenCV's
 * implementation, too, of the same pictures. Less smoothness is for such. */
typedef struct {
  const char *name;
  Texture on, under;
  double smoothness;
} Pair;

static const Pair pairs[] = {
    {"together-against", together, against, 10}, {"stripes-checks", stripes, checks, 50},
    {"spots-stripes", spots, stripes, 50},       {"checks-spots", checks, spots, 50},
    {"against-checks", against, checks, 10},
};

static const Shape shapes[] = {disc, slanting_ellipse, star, corner};

static void
test_composites(gconstpointer data)
{
  const Pair *pair = data;
  NnGrabCutSettings settings = usual;
  settings.smoothness = pair->smoothness;
  uint8_t *labels = g_new(uint8_t, WIDTH *HEIGHT);
  for (size_t s = 0; s < G_N_ELEMENTS(shapes); s++)
    for (int k = 0; k < 2; k++) {
      Composite made = composite(pair->on, pair->under, shapes[s], 1);
      g_autofree uint8_t *seeds = rough_seeds((SeedShape)k, 1);
      g_autoptr(NnGrabCut) grab_cut = cut_with(&settings, made.picture, seeds, labels);
      double found = intersection_over_union(&made, labels);
      g_test_message("shape %zu, seed %d: %.3f after %d; histograms overlap by %.2f %.2f %.2f", s,
                     k, found, nn_grab_cut_iterations(grab_cut), overlap(&made, 0),
                     overlap(&made, 1), overlap(&made, 2));
      for (int c = 0; c < 3; c++)
        g_assert_cmpfloat(overlap(&made, c), >, 0.2);
      g_assert_cmpfloat(found, >=, 0.9);
      composite_clear(&made);
    }
  g_free(labels);
}

/* the label of every pixel follows the larger picture, not the smaller one's */
static void
test_refine(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(GError) error = NULL;
  Composite small = composite(spots, stripes, star, 1), large = composite(spots, stripes, star, 2);
  g_autofree uint8_t *seeds = rough_seeds(SEED_RECTANGLE, 1),
                     *more = rough_seeds(SEED_RECTANGLE, 2);
  uint8_t *labels = g_new(uint8_t, WIDTH *HEIGHT), *found = g_new(uint8_t, 4 * WIDTH * HEIGHT);
  g_autoptr(NnGrabCut) grab_cut = cut(small.picture, seeds, labels);
  g_assert_true(nn_grab_cut_refine(grab_cut, context, large.picture, more, labels, WIDTH, HEIGHT,
                                   NULL, found, &error));
  g_assert_no_error(error);
  double blocks = 0, refined = intersection_over_union(&large, found);
  uint8_t *blown_up = g_new(uint8_t, 4 * WIDTH * HEIGHT);
  for (int i = 0; i < 4 * WIDTH * HEIGHT; i++)
    blown_up[i] = labels[i / (2 * WIDTH) / 2 * WIDTH + i % (2 * WIDTH) / 2];
  blocks = intersection_over_union(&large, blown_up);
  g_test_message("%.4f, blown up %.4f", refined, blocks);
  g_assert_cmpfloat(refined, >=, 0.95);
  g_assert_cmpfloat(refined, >=, blocks);
  g_free(labels);
  g_free(found);
  g_free(blown_up);
  composite_clear(&small);
  composite_clear(&large);
}

/* an edge as long as the picture is large does not fit into one strip */
static void
test_strips(void)
{
  enum { SIDE = 700, SCALE = 2 };
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnImage) small = picture_new(SIDE, SIDE, 3);
  g_autoptr(NnImage) large = picture_new(SIDE * SCALE, SIDE * SCALE, 3);
  uint8_t *seeds = g_new0(uint8_t, SIDE *SIDE), *labels = g_new(uint8_t, SIDE *SIDE);
  uint8_t *more = g_new0(uint8_t, SCALE *SCALE *SIDE *SIDE);
  uint8_t *found = g_new(uint8_t, SCALE *SCALE *SIDE *SIDE);
  for (int i = 0; i < SIDE * SIDE; i++) { /* bars of 4 px */
    bool subject = i % SIDE / 4 % 2 == 0;
    set(small->data + 3 * i, subject ? 0.7f : 0.3f, 0.5f, 0.5f, 0.02f, i % SIDE, i / SIDE, 5);
    seeds[i] = i / SIDE < 20 ? (subject ? NN_SEED_SUBJECT : NN_SEED_BACKGROUND) : NN_SEED_OPEN;
  }
  for (int i = 0; i < SCALE * SCALE * SIDE * SIDE; i++) {
    int x = i % (SCALE * SIDE), y = i / (SCALE * SIDE);
    set(large->data + 3 * i, x / SCALE / 4 % 2 == 0 ? 0.7f : 0.3f, 0.5f, 0.5f, 0.02f, x, y, 6);
  }
  g_autoptr(NnGrabCut) grab_cut = cut(small, seeds, labels);
  g_assert_true(
      nn_grab_cut_refine(grab_cut, context, large, more, labels, SIDE, SIDE, NULL, found, &error));
  g_assert_no_error(error);
  for (int i = 0; i < SCALE * SCALE * SIDE * SIDE; i++)
    g_assert_cmpint(found[i], ==, i % (SCALE * SIDE) / SCALE / 4 % 2 == 0);
  g_free(seeds);
  g_free(labels);
  g_free(more);
  g_free(found);
}

/* ---- bounds ---- */

static void
test_seeds_hold(void)
{
  Composite made = composite(spots, stripes, disc, 1);
  g_autofree uint8_t *seeds = rough_seeds(SEED_RECTANGLE, 1);
  uint8_t *labels = g_new(uint8_t, WIDTH *HEIGHT);
  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    seeds[i] = i % 7 == 0 ? NN_SEED_SUBJECT : seeds[i];
    seeds[i] = i % 11 == 0 ? NN_SEED_BACKGROUND : i % 13 == 0 ? NN_SEED_HOLE : seeds[i];
  }
  g_autoptr(NnGrabCut) grab_cut = cut(made.picture, seeds, labels);
  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    if (seeds[i] == NN_SEED_SUBJECT)
      g_assert_cmpint(labels[i], ==, NN_LABEL_SUBJECT);
    else if (seeds[i] == NN_SEED_BACKGROUND)
      g_assert_cmpint(labels[i], ==, NN_LABEL_BACKGROUND);
    else
      g_assert_true((labels[i] == NN_LABEL_NONE) == (seeds[i] == NN_SEED_HOLE));
  }
  g_free(labels);
  composite_clear(&made);
}

static void
fail(const NnImage *picture, const uint8_t *seeds)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autofree uint8_t *labels = g_new(uint8_t, picture->width * picture->height);
  g_assert_null(nn_grab_cut_new(context, picture, seeds, &usual, NULL, labels, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
}

static void
test_nothing_to_tell(void)
{
  g_autoptr(NnImage) one = picture_constant(1, 1, 3, 0.5f), many = picture_constant(8, 8, 3, 0.5f);
  uint8_t seeds[64];
  for (int seed = 0; seed <= NN_SEED_HOLE; seed++) {
    memset(seeds, seed, sizeof seeds);
    fail(one, seeds);
    fail(many, seeds);
  }
}

/* nothing but seeds and the length of the edge */
static void
test_uniform(void)
{
  g_autoptr(NnImage) picture = picture_constant(20, 20, 3, 0.5f);
  uint8_t seeds[400], labels[400];
  for (int i = 0; i < 400; i++)
    seeds[i] = i % 20 < 3 ? NN_SEED_SUBJECT : i % 20 >= 17 ? NN_SEED_BACKGROUND : NN_SEED_OPEN;
  g_autoptr(NnGrabCut) grab_cut = cut(picture, seeds, labels);
  int edges = 0;
  for (int i = 0; i < 400; i++)
    edges += i % 20 < 19 && labels[i] != labels[i + 1];
  g_assert_cmpint(edges, ==, 20);
}

static void
test_threads(void)
{
  Composite made = composite(stripes, checks, star, 1);
  g_autofree uint8_t *seeds = rough_seeds(SEED_ELLIPSE, 1);
  g_autofree uint8_t *one = g_new(uint8_t, WIDTH *HEIGHT), *more = g_new(uint8_t, WIDTH *HEIGHT);
  for (int threads = 1; threads <= 3; threads++) {
    g_autoptr(NnContext) context = nn_context_new(threads);
    g_autoptr(NnGrabCut) grab_cut = nn_grab_cut_new(context, made.picture, seeds, &usual, NULL,
                                                    threads == 1 ? one : more, NULL);
    g_assert_nonnull(grab_cut);
    if (threads > 1)
      g_assert_cmpmem(one, WIDTH * HEIGHT, more, WIDTH * HEIGHT);
  }
  composite_clear(&made);
}

typedef struct {
  int calls, after;
  NnVerdict verdict;
} Answer;

static NnVerdict
answer(const NnReport *report, gpointer data)
{
  Answer *answer = data;
  g_assert_nonnull(report->text);
  return ++answer->calls > answer->after ? answer->verdict : NN_CONTINUE;
}

static void
test_answers(void)
{
  Composite made = composite(together, against, star, 1);
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autofree uint8_t *seeds = rough_seeds(SEED_RECTANGLE, 1);
  g_autofree uint8_t *labels = g_new(uint8_t, WIDTH *HEIGHT);
  for (int after = 0; after < 3; after++) {
    g_autoptr(GError) error = NULL;
    Answer stop = {.after = after, .verdict = NN_STOP}, cancel = {.after = after};
    NnProgress progress = {answer, &stop};
    g_autoptr(NnGrabCut) stopped =
        nn_grab_cut_new(context, made.picture, seeds, &usual, &progress, labels, &error);
    g_assert_no_error(error);
    g_assert_cmpint(nn_grab_cut_iterations(stopped), ==, 1); /* one there is */
    cancel.verdict = NN_CANCEL;
    progress.user_data = &cancel;
    g_assert_null(nn_grab_cut_new(context, made.picture, seeds, &usual, &progress, labels, &error));
    g_assert_error(error, NN_ERROR, NN_ERROR_CANCELLED);
  }
  composite_clear(&made);
}

static void
test_budget(void)
{
  Composite made = composite(spots, stripes, disc, 1);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autofree uint8_t *seeds = rough_seeds(SEED_RECTANGLE, 1);
  g_autofree uint8_t *labels = g_new(uint8_t, WIDTH *HEIGHT);
  nn_context_set_memory_budget(context, 100000);
  g_assert_null(nn_grab_cut_new(context, made.picture, seeds, &usual, NULL, labels, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
  composite_clear(&made);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gaussian-mixture/moments", test_moments);
  g_test_add_func("/gaussian-mixture/heaps", test_heaps);
  g_test_add_func("/gaussian-mixture/one-colour", test_one_colour);
  for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
    g_autofree char *name = g_strconcat("/grab-cut/", pairs[i].name, NULL);
    g_test_add_data_func(name, &pairs[i], test_composites);
  }
  g_test_add_func("/grab-cut/refine", test_refine);
  g_test_add_func("/grab-cut/strips", test_strips);
  g_test_add_func("/grab-cut/seeds-hold", test_seeds_hold);
  g_test_add_func("/grab-cut/nothing-to-tell", test_nothing_to_tell);
  g_test_add_func("/grab-cut/uniform", test_uniform);
  g_test_add_func("/grab-cut/threads", test_threads);
  g_test_add_func("/grab-cut/answers", test_answers);
  g_test_add_func("/grab-cut/budget", test_budget);
  return g_test_run();
}
