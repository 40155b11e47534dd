/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Select Subject from end to end on the small network: an outline, or what the network sees, becomes a
 * selection, a mask or a layer that follows the edges at full size, the same for every number of
 * threads; Stop keeps, Cancel does not; alpha; hostile pictures and selections. */
#include <math.h>

#include "tests/effects/base-network.h"
#include "tests/effects/fixture.h"

#define WIDTH 240
#define HEIGHT 180

static bool
in_disc(int x, int y)
{
  return hypot(x + 0.5 - 130, y + 0.5 - 90) < 45;
}

/* a disc of noise on other noise; opaque */
static NnImage *
disc_picture(void)
{
  NnImage *image = picture_noise(WIDTH, HEIGHT, 4, 5);
  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    float *rgba = image->data + 4 * i;
    bool inside = in_disc(i % WIDTH, i / WIDTH);
    rgba[0] = (inside ? 0.5f : 0.25f) + 0.3f * rgba[0];
    rgba[1] = (inside ? 0.3f : 0.4f) + 0.3f * rgba[1];
    rgba[2] = (inside ? 0.1f : 0.4f) + 0.3f * rgba[2];
    rgba[3] = 1;
  }
  return image;
}

static NnImage *
rectangle(int left, int top, int right, int bottom, float value)
{
  NnImage *selection = picture_new(WIDTH, HEIGHT, 1);
  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    int x = i % WIDTH, y = i / WIDTH;
    selection->data[i] = x >= left && x < right && y >= top && y < bottom ? value : 0;
  }
  return selection;
}

static double
agreement(const NnImage *mask)
{
  double both = 0, either = 0;
  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    bool found = mask->data[i] > 0.5f, is = in_disc(i % WIDTH, i / WIDTH);
    both += found && is;
    either += found || is;
  }
  return both / either;
}

typedef struct {
  Fixture base;
  NnNetwork *network;
  NnImage *content;
} Case;

static void
set_up(Case *data, int threads)
{
  data->network = base_network_new();
  data->network->input.own_px = 48;
  data->content = disc_picture();
  fixture_init(&data->base, "select-subject", data->network, threads);
  fixture_argument(&data->base, "working-size")->i = 100;
}

static void
tear_down(Case *data)
{
  nn_image_free((NnImage *)data->base.run.selection);
  nn_image_free(data->content);
  fixture_clear(&data->base);
  nn_network_free(data->network);
}

static void
select_rectangle(Case *data, NnImage *selection)
{
  nn_image_free((NnImage *)data->base.run.selection);
  data->base.run.selection = selection;
}

static const NnImage *
run(Case *data, NnPlace place)
{
  return fixture_run(&data->base, data->content, place);
}

static void
test_around(void)
{
  Case data;
  set_up(&data, 2);
  for (int soft = 0; soft < 2; soft++) { /* a soft selection says the same */
    select_rectangle(&data, rectangle(70, 30, 190, 150, soft ? 0.3f : 1));
    const NnImage *mask = run(&data, NN_PLACE_SELECTION);
    g_assert_cmpint(mask->width, ==, WIDTH);
    g_assert_cmpint(mask->channels, ==, 1);
    g_test_message("%.4f", agreement(mask));
    g_assert_cmpfloat(agreement(mask), >, 0.97);
  }
  select_rectangle(&data, rectangle(100, 30, 190, 150, 1)); /* nothing outside of it */
  const NnImage *half = run(&data, NN_PLACE_SELECTION);
  for (int i = 0; i < WIDTH * HEIGHT; i++)
    if (i % WIDTH < 96)
      g_assert_cmpfloat(half->data[i], ==, 0);
  tear_down(&data);
}

static void
test_inside(void)
{
  Case data;
  set_up(&data, 2);
  fixture_argument(&data.base, "selection-means")->i = 1;
  select_rectangle(&data, rectangle(115, 75, 145, 105, 1));
  g_assert_cmpfloat(agreement(run(&data, NN_PLACE_SELECTION)), >, 0.97);
  tear_down(&data);
}

static void
test_outputs(void)
{
  Case data;
  set_up(&data, 2);
  fixture_argument(&data.base, "softness")->d = 0;
  select_rectangle(&data, rectangle(70, 30, 190, 150, 1));
  fixture_argument(&data.base, "output")->i = 1;
  g_autoptr(NnImage) mask = nn_image_copy(run(&data, NN_PLACE_MASK), NULL);
  for (int i = 0; i < WIDTH * HEIGHT; i++)
    g_assert_true(mask->data[i] == 0 || mask->data[i] == 1);
  fixture_argument(&data.base, "output")->i = 2;
  const NnImage *layer = run(&data, NN_PLACE_LAYER);
  const NnResult *result = &g_array_index(data.base.run.results, NnResult, 0);
  g_assert_true(result->own_alpha);
  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    g_assert_cmpmem(layer->data + 4 * i, 12, data.content->data + 4 * i, 12);
    g_assert_cmpfloat(layer->data[4 * i + 3], ==, mask->data[i]);
  }
  g_assert_cmpint(g_array_index(data.base.run.results, NnResult, 1).place, ==, NN_PLACE_TEXT);
  fixture_argument(&data.base, "output")->i = 0;
  fixture_argument(&data.base, "softness")->d = 8;
  const NnImage *soft = run(&data, NN_PLACE_SELECTION);
  int between = 0;
  for (int x = 130; x < WIDTH; x++)
    between += soft->data[90 * WIDTH + x] > 0.1f && soft->data[90 * WIDTH + x] < 0.9f;
  g_assert_cmpint(between, >=, 6);
  g_assert_cmpint(between, <=, 10);
  tear_down(&data);
}

/* of what is seen, and named */
static void
test_network(void)
{
  Case data;
  set_up(&data, 2);
  for (int map = 0; map < 3; map++) {
    fixture_argument(&data.base, "map")->i = map;
    const NnImage *mask = run(&data, NN_PLACE_SELECTION);
    double mean = mean_of(mask, 0);
    g_assert_cmpfloat(mean, >, 0.02); /* at least most of what is surely subject */
    g_assert_cmpfloat(mean, <, 0.72); /* and nothing of what surely is not */
    const char *label = g_array_index(data.base.run.results, NnResult, 0).label;
    g_test_message("%s: %.3f", label, mean);
    g_assert_nonnull(strchr(label, '%'));
  }
  select_rectangle(&data, rectangle(0, 0, WIDTH, HEIGHT, 1)); /* everything says nothing */
  run(&data, NN_PLACE_SELECTION);
  g_assert_nonnull(strchr(g_array_index(data.base.run.results, NnResult, 0).label, '%'));
  fixture_argument(&data.base, "class")->text = "no such thing";
  fixture_fail(&data.base, data.content, NN_ERROR_ARGUMENT, "no such thing");
  tear_down(&data);
}

/* what is sure leaves something to be cut; of a selection, it says nothing */
static void
test_sure(void)
{
  Case data;
  set_up(&data, 2);
  fixture_argument(&data.base, "sure-subject")->d = 60.1;
  fixture_argument(&data.base, "sure-background")->d = 39.9;
  fixture_fail(&data.base, data.content, NN_ERROR_ARGUMENT, "100.0 %");
  fixture_argument(&data.base, "sure-subject")->d = 90;
  fixture_argument(&data.base, "sure-background")->d = 90;
  fixture_fail(&data.base, data.content, NN_ERROR_ARGUMENT, "nothing to cut");
  select_rectangle(&data, rectangle(70, 30, 190, 150, 1));
  run(&data, NN_PLACE_SELECTION);
  tear_down(&data);
}

/* the picture, filled, with seeds, labels, the mask and what blurs it: 22 bytes a pixel */
static void
test_memory(void)
{
  Case data;
  set_up(&data, 1);
  fixture_argument(&data.base, "working-size")->i = 40;
  for (int selected = 0; selected < 2; selected++) {
    nn_context_set_memory_budget(data.base.context, 21 * WIDTH * HEIGHT);
    fixture_fail(&data.base, data.content, NN_ERROR_MEMORY, "pictures alone");
    g_assert_cmpint(data.base.reports, ==, 0); /* before the network is asked */
    nn_context_set_memory_budget(data.base.context, 256 << 20);
    run(&data, NN_PLACE_SELECTION);
    g_assert_cmpint(nn_context_memory_held(data.base.context), ==, 0);
    select_rectangle(&data, rectangle(70, 30, 190, 150, 1));
  }
  tear_down(&data);
}

static void
test_threads(void)
{
  g_autoptr(NnImage) one = NULL;
  for (int threads = 1; threads <= 3; threads++) {
    Case data;
    set_up(&data, threads);
    const NnImage *mask = run(&data, NN_PLACE_SELECTION);
    if (one == NULL)
      one = nn_image_copy(mask, NULL);
    g_assert_cmpmem(one->data, nn_image_samples(one) * sizeof(float), mask->data,
                    nn_image_samples(mask) * sizeof(float));
    tear_down(&data);
  }
}

/* whenever it comes */
static void
test_answers(void)
{
  Case data;
  set_up(&data, 2);
  run(&data, NN_PLACE_SELECTION);
  int reports = data.base.reports;
  g_assert_cmpint(reports, >, 34);
  for (int after = 1; after <= reports; after += after < 30 ? 7 : 1) {
    data.base.stop_after = after;
    data.base.verdict = NN_STOP;
    g_assert_cmpfloat(mean_of(run(&data, NN_PLACE_SELECTION), 0), >, 0.02);
    data.base.verdict = NN_CANCEL;
    fixture_fail(&data.base, data.content, NN_ERROR_CANCELLED, "");
  }
  tear_down(&data);
}

static void
test_alpha(void)
{
  Case data;
  set_up(&data, 2);
  fixture_argument(&data.base, "softness")->d = 0;
  for (int i = 0; i < WIDTH * HEIGHT; i++) /* undefined colours where nothing is */
    if (i / WIDTH < 80)
      for (int c = 0; c < 4; c++)
        data.content->data[4 * i + c] = c == 3 ? 0 : NAN;
  select_rectangle(&data, rectangle(70, 30, 190, 150, 1));
  const NnImage *mask = run(&data, NN_PLACE_SELECTION);
  double both = 0, either = 0;
  for (int i = 0; i < WIDTH * HEIGHT; i++) {
    bool found = mask->data[i] > 0.5f, is = in_disc(i % WIDTH, i / WIDTH) && i / WIDTH >= 80;
    both += found && is;
    either += found || is;
    if (i / WIDTH < 80)
      g_assert_cmpfloat(mask->data[i], ==, 0);
  }
  g_assert_cmpfloat(both / either, >, 0.95);
  for (int i = 0; i < WIDTH * HEIGHT; i++)
    data.content->data[4 * i + 3] = 0;
  fixture_fail(&data.base, data.content, NN_ERROR_ARGUMENT, "transparent");
  tear_down(&data);
}

/* pictures in which nothing can be told, or that are hardly pictures */
static void
test_hostile(void)
{
  Case data;
  set_up(&data, 2);
  g_autoptr(NnImage) point = picture_constant(1, 1, 4, 1), uniform = picture_constant(60, 40, 4, 1);
  g_autoptr(NnImage) line = picture_noise(300, 1, 4, 8), nonsense = picture_noise(50, 40, 4, 9);
  fixture_fail(&data.base, point, NN_ERROR_ARGUMENT, "background");
  for (int i = 0; i < 300; i++)
    line->data[4 * i + 3] = 1;
  fixture_run(&data.base, line, NN_PLACE_SELECTION);
  for (int i = 0; i < 50 * 40; i++) {
    nonsense->data[4 * i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -1e30f;
    nonsense->data[4 * i + 3] = i % 5 == 0 ? NAN : 1;
  }
  const NnImage *mask = fixture_run(&data.base, nonsense, NN_PLACE_SELECTION);
  for (size_t i = 0; i < nn_image_samples(mask); i++)
    g_assert_true(mask->data[i] >= 0 && mask->data[i] <= 1);
  g_autoptr(GError) error = NULL; /* a network may see something in it or not */
  fixture_start(&data.base, uniform);
  if (!nn_effect_run(&data.base.run, &error))
    g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  select_rectangle(&data, rectangle(70, 30, 190, 150, 0)); /* hosts give none such */
  fixture_fail(&data.base, data.content, NN_ERROR_ARGUMENT, "");
  select_rectangle(&data, rectangle(130, 90, 131, 91, 1)); /* one pixel */
  fixture_start(&data.base, data.content);
  if (!nn_effect_run(&data.base.run, &error))
    g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  tear_down(&data);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/select-subject/around", test_around);
  g_test_add_func("/select-subject/inside", test_inside);
  g_test_add_func("/select-subject/outputs", test_outputs);
  g_test_add_func("/select-subject/network", test_network);
  g_test_add_func("/select-subject/sure", test_sure);
  g_test_add_func("/select-subject/memory", test_memory);
  g_test_add_func("/select-subject/threads", test_threads);
  g_test_add_func("/select-subject/answers", test_answers);
  g_test_add_func("/select-subject/alpha", test_alpha);
  g_test_add_func("/select-subject/hostile", test_hostile);
  return g_test_run();
}
