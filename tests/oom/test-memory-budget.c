/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What runs really take beside what they may. All that nn_alloc() gives is counted: the linker puts
 * functions of this file before posix_memalign() and free() (--wrap). An effect is run with all the
 * memory it wants, then with a budget that is too little for its network in one piece. Runs of more
 * iterations allocate as often as those of fewer: nothing is allocated inside one. */
#include <stdlib.h>

#include "nncore/base/memory.h"
#include "tests/effects/base-network.h"
#include "tests/effects/fixture.h"

#define MIB 1048576.0
#define SMALL MIB /* what does not grow with the picture and is not counted: statistics, tables */
#define WIDTH 361
#define HEIGHT 270

/* ---- the allocator ---- */

static struct {
  GMutex mutex;
  GHashTable *sizes; /* of what is there, by address */
  size_t now, most;
  int allocations;
} memory;

int __real_posix_memalign(void **pointer, size_t alignment, size_t bytes);
int __wrap_posix_memalign(void **pointer, size_t alignment, size_t bytes);
void __real_free(void *pointer);
void __wrap_free(void *pointer);

int
__wrap_posix_memalign(void **pointer, size_t alignment, size_t bytes)
{
  int failed = __real_posix_memalign(pointer, alignment, bytes);
  if (failed != 0 || alignment < NN_ALIGNMENT || memory.sizes == NULL)
    return failed;
  g_mutex_lock(&memory.mutex);
  g_hash_table_insert(memory.sizes, *pointer, GSIZE_TO_POINTER(bytes));
  memory.now += bytes;
  memory.most = MAX(memory.most, memory.now);
  memory.allocations++;
  g_mutex_unlock(&memory.mutex);
  return 0;
}

void
__wrap_free(void *pointer)
{
  if (memory.sizes != NULL && pointer != NULL) {
    g_mutex_lock(&memory.mutex);
    memory.now -= GPOINTER_TO_SIZE(g_hash_table_lookup(memory.sizes, pointer));
    g_hash_table_remove(memory.sizes, pointer);
    g_mutex_unlock(&memory.mutex);
  }
  __real_free(pointer);
}

/* ---- runs ---- */

/**
 * Case:
 * @values: KEY=VALUE, separated by spaces
 * @part: of what it wants beside pictures, that it gets
 */
typedef struct {
  const char *effect, *values;
  double part;
} Case;

static const Case cases[] = {
    {"deepdream", "working-size=0 octaves=2 iterations=2", 0.5},
    {"deepdream", "working-size=0 octaves=1 iterations=1 smoothing=2", 0.5},
    {"deepdream", "working-size=240 octaves=1 iterations=1", 0.8},
    {"style-transfer", "working-size=0 scales=2 iterations=2", 0.5},
    {"style-transfer", "working-size=0 scales=1 iterations=2 optimizer=1", 0.5},
    {"style-transfer", "working-size=0 scales=1 iterations=1 content-layers=relu1_1", 0.5},
    {"texture-synthesis",
     "working-size=0 width=361 height=270 scales=1 iterations=2 "
     "layers=relu1_1,relu3_1",
     0.5},
    {"feature-inversion", "working-size=0 iterations=2 layers=relu3_1", 0.5},
    {"feature-inversion", "working-size=0 iterations=1 layers=relu1_1", 0.6},
    {"adversarial", "iterations=2", 0.8},
    {"occlusion", "working-size=256 stride=64", 0.9},
    {"saliency", "working-size=361 method=0", 0.7},
    {"saliency", "working-size=361 method=2 steps=2", 0.7},
    {"saliency", "working-size=128 method=0", 0.7},
};

static void
set_values(Fixture *fixture, const char *values, const NnImage *picture)
{
  g_auto(GStrv) pairs = g_strsplit(values, " ", -1);
  for (int i = 0; pairs[i] != NULL; i++) {
    g_auto(GStrv) pair = g_strsplit(pairs[i], "=", 2);
    NnArgument *argument = fixture_argument(fixture, pair[0]);
    argument->i = g_ascii_strtoll(pair[1], NULL, 10);
    argument->d = g_ascii_strtod(pair[1], NULL);
    argument->text = g_intern_string(pair[1]);
  }
  const NnParam *params = fixture->run.effect->params;
  for (int i = 0; params[i].key != NULL; i++)
    if (strcmp(params[i].key, "style-1-layer") == 0 ||
        strcmp(params[i].key, "exemplar-1-layer") == 0)
      fixture->arguments[i].image = picture;
}

/* what was there at a time of a run, at most, its results among it; what was there before is not */
static size_t
run_peak(Fixture *fixture, const NnImage *content)
{
  g_autoptr(GError) error = NULL;
  size_t before = memory.now;
  memory.most = before;
  fixture_start(fixture, content);
  bool done = nn_effect_run(&fixture->run, &error);
  g_assert_no_error(error);
  g_assert_true(done);
  g_assert_cmpint(nn_context_memory_held(fixture->context), ==, 0);
  return memory.most - before;
}

static NnNetwork *
network_new(void)
{
  NnNetwork *network = base_network_new();
  g_hash_table_insert(network->presets, g_strdup("style"), g_strdup("relu1_1,relu3_1"));
  g_hash_table_insert(network->presets, g_strdup("content"), g_strdup("relu3_1"));
  return network;
}

static void
test_case(gconstpointer data)
{
  const Case *c = data;
  Fixture fixture;
  NnEstimate estimate;
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnImage) content = picture_noise(WIDTH, HEIGHT, 4, 1);
  fixture_init(&fixture, c->effect, network, 4);
  set_values(&fixture, c->values, content);
  nn_context_set_memory_budget(fixture.context, INT64_C(1) << 40);
  g_assert_true(nn_effect_estimate(&fixture.run, WIDTH, HEIGHT, &estimate, NULL));
  size_t wanted = run_peak(&fixture, content);
  double told = estimate.bytes / (double)wanted;
  g_test_message("%.1f MiB, told %.3f of it, held %.1f MiB", (double)wanted / MIB, told,
                 estimate.held_bytes / MIB);
  g_assert_cmpfloat(told, >, 0.75);
  g_assert_cmpfloat(told, <, 1.5);
  double budget = estimate.held_bytes + c->part * ((double)wanted - estimate.held_bytes);
  nn_context_set_memory_budget(fixture.context, (int64_t)budget);
  size_t taken = run_peak(&fixture, content);
  g_test_message("of %.1f MiB: %.1f", budget / MIB, (double)taken / MIB);
  g_assert_cmpfloat((double)taken, <=, budget + SMALL);
  fixture_clear(&fixture);
}

/* ---- iterations ---- */

/** Length: @few, @many: values of a shorter run and of a longer one */
typedef struct {
  const char *effect, *values, *few, *many;
} Length;

static const Length lengths[] = {
    {"deepdream", "working-size=200 octaves=1", "iterations=2", "iterations=5"},
    {"deepdream", "working-size=200 octaves=1 smoothing=1", "iterations=2", "iterations=5"},
    {"deepdream", "working-size=200 octaves=1 smoothing=2", "iterations=2", "iterations=5"},
    {"style-transfer", "working-size=200 scales=1", "iterations=2", "iterations=5"},
    {"style-transfer", "working-size=200 scales=1 optimizer=1", "iterations=2", "iterations=5"},
    {"style-transfer", "working-size=200 scales=1 loss=2", "iterations=2", "iterations=5"},
    {"texture-synthesis", "width=120 height=90 scales=1 tileable=1 layers=relu1_1,relu3_1",
     "iterations=2", "iterations=5"},
    {"feature-inversion", "working-size=120 layers=relu3_1", "iterations=2", "iterations=5"},
    {"feature-inversion", "working-size=120 layers=relu3_1 parametrization=1", "iterations=2",
     "iterations=5"},
    {"visualise", "size=96 target=1 classes=3", "iterations=2", "iterations=5"},
    {"visualise",
     "size=96 target=1 classes=3 parametrization=0 blur-every=2 clear-small=10 clear-idle=10",
     "iterations=4", "iterations=10"},
    {"adversarial", "bound=0.01 whole-levels=0 least=0", "iterations=2", "iterations=5"},
    {"adversarial", "bound=30 confidence=99.9 least=0", "iterations=2", "iterations=5"},
    {"saliency", "method=1", "samples=2", "samples=5"},
    {"saliency", "method=2", "steps=4", "steps=16"},
    {"occlusion", "", "stride=100", "stride=50"},
};

static int
count_allocations(const Length *length, const char *own)
{
  Fixture fixture;
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnImage) content = picture_noise(WIDTH, HEIGHT, 4, 1);
  g_autofree char *values =
      g_strjoin(" ", own, length->values[0] != '\0' ? length->values : NULL, NULL);
  fixture_init(&fixture, length->effect, network, 2);
  set_values(&fixture, values, content);
  memory.allocations = 0;
  run_peak(&fixture, content);
  int count = memory.allocations;
  fixture_clear(&fixture);
  return count;
}

static void
test_length(gconstpointer data)
{
  const Length *length = data;
  int few = count_allocations(length, length->few), many = count_allocations(length, length->many);
  g_test_message("%d allocations with %s", few, length->few);
  g_assert_cmpint(few, >, 0);
  g_assert_cmpint(many, ==, few);
}

/* pictures alone are more than the budget: nothing is allocated */
static void
test_refused(void)
{
  Fixture fixture;
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) content = picture_noise(WIDTH, HEIGHT, 4, 1);
  fixture_init(&fixture, "deepdream", network, 1);
  fixture_argument(&fixture, "working-size")->i = 0;
  nn_context_set_memory_budget(fixture.context, 8 << 20);
  memory.most = memory.now;
  size_t before = memory.now;
  fixture_fail(&fixture, content, NN_ERROR_MEMORY, "smaller size");
  g_assert_cmpuint(memory.most - before, <, 1 << 20);
  g_assert_cmpint(nn_context_memory_held(fixture.context), ==, 0);
  fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  memory.sizes = g_hash_table_new(NULL, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = g_strdup_printf("/memory-budget/%s/%d", cases[i].effect, (int)i);
    g_test_add_data_func(path, &cases[i], test_case);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
    g_autofree char *path = g_strdup_printf("/iterations/%s/%d", lengths[i].effect, (int)i);
    g_test_add_data_func(path, &lengths[i], test_length);
  }
  g_test_add_func("/memory-budget/refused", test_refused);
  return g_test_run();
}
