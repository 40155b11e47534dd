/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base/ and tensor/: allocation, names, threads, shapes, memory order. */
#include <string.h>

#include "nncore/base/available.h"
#include "nncore/base/context.h"
#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/name-map.h"
#include "nncore/base/progress.h"
#include "nncore/tensor/tensor.h"

static void
test_alloc_overflow(void)
{
  g_autoptr(GError) error = NULL;
  g_assert_null(nn_alloc(G_MAXSIZE / 2, 3, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
  g_clear_error(&error);
  g_assert_null(nn_alloc(1, G_MAXSIZE - 100, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
}

static void
test_alloc_alignment(void)
{
  for (size_t size = 0; size < 300; size += 7) {
    char *memory = nn_alloc0(size, 1, NULL);
    g_assert_nonnull(memory);
    g_assert_cmpuint((guintptr)memory % NN_ALIGNMENT, ==, 0);
    for (size_t i = 0; i < size; i++)
      g_assert_cmpint(memory[i], ==, 0);
    nn_free(memory);
  }
}

static void
test_grow(void)
{
  int *items = NULL;
  size_t capacity = 0;
  for (int i = 0; i < 1000; i++) {
    g_assert_true(nn_grow(&items, &capacity, (size_t)i + 1, sizeof *items, NULL));
    g_assert_cmpint(items[i], ==, 0);
    items[i] = i;
  }
  for (int i = 0; i < 1000; i++)
    g_assert_cmpint(items[i], ==, i);
  nn_free(items);
}

static void
test_name_map(void)
{
  enum { COUNT = 5000 };
  NnNameMap map = {0};
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_assert_cmpint(nn_name_map_get(&map, "nothing"), ==, -1);
  for (int i = 0; i < COUNT; i++) {
    g_ptr_array_add(names, g_strdup_printf("layer%d", i));
    g_assert_true(nn_name_map_set(&map, names->pdata[i], i, NULL));
  }
  for (int i = 0; i < COUNT; i++)
    g_assert_cmpint(nn_name_map_get(&map, names->pdata[i]), ==, i);
  g_assert_cmpint(nn_name_map_get(&map, "layer5000"), ==, -1);
  g_assert_true(nn_name_map_set(&map, "layer7", -5, NULL));
  g_assert_cmpint(nn_name_map_get(&map, "layer7"), ==, -5);
  nn_name_map_clear(&map);
}

typedef struct {
  _Atomic int busy[8]; /* by worker: chunks running */
  _Atomic int visits[1000];
  int64_t grain;
} Visits;

static void
visit(int64_t begin, int64_t end, int worker, gpointer data)
{
  Visits *visits = data;
  g_assert_cmpint(++visits->busy[worker], ==, 1);
  g_assert_cmpint(begin % visits->grain, ==, 0);
  for (int64_t i = begin; i < end; i++)
    visits->visits[i]++;
  visits->busy[worker]--;
}

static void
test_parallel(void)
{
  for (int threads = 1; threads <= 5; threads++) {
    g_autoptr(NnContext) context = nn_context_new(threads);
    g_assert_cmpint(nn_context_threads(context), ==, threads);
    for (int round = 0; round < 200; round++) {
      Visits visits = {.grain = 1 + round % 13};
      int64_t count = round * 5;
      nn_parallel_for(context, count, visits.grain, visit, &visits);
      for (int64_t i = 0; i < 1000; i++)
        g_assert_cmpint(visits.visits[i], ==, i < count);
    }
  }
}

static void
test_shape_check(void)
{
  g_autoptr(GError) error = NULL;
  g_assert_true(nn_shape_check(&NN_SHAPE(1, 3, 100000, 100000), NULL));
  g_assert_true(nn_shape_check(&NN_SHAPE(0, 3, 5), NULL));
  g_assert_false(nn_shape_check(&NN_SHAPE(1, -1), &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
  g_clear_error(&error);
  g_assert_false(nn_shape_check(&NN_SHAPE(0, INT64_MAX, INT64_MAX), &error));
  g_clear_error(&error);
  g_assert_false(nn_shape_check(&NN_SHAPE(1 << 20, 1 << 20, 1 << 20), &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
  g_clear_error(&error);
  g_assert_false(nn_shape_check(&(NnShape){.rank = 9}, &error));
  g_assert_nonnull(error);
}

static void
test_broadcast(void)
{
  NnShape out;
  g_assert_true(nn_shape_broadcast(&NN_SHAPE(2, 1, 4), &NN_SHAPE(3, 1), &out, NULL));
  g_assert_true(nn_shape_equal(&out, &NN_SHAPE(2, 3, 4)));
  g_assert_true(nn_shape_broadcast(&NN_SHAPE(0, 1), &NN_SHAPE(1, 5), &out, NULL));
  g_assert_true(nn_shape_equal(&out, &NN_SHAPE(0, 5)));
  g_autoptr(GError) error = NULL;
  g_assert_false(nn_shape_broadcast(&NN_SHAPE(2, 3), &NN_SHAPE(2, 4), &out, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
}

static void
test_memory_order(void)
{
  g_autoptr(NnTensor) plain = nn_tensor_new(NN_DTYPE_FLOAT, &NN_SHAPE(2, 37, 5, 7), NULL);
  g_autoptr(NnTensor) last = nn_tensor_new(NN_DTYPE_FLOAT, &plain->shape, NULL);
  g_autoptr(NnTensor) back = nn_tensor_new(NN_DTYPE_FLOAT, &plain->shape, NULL);
  for (int64_t i = 0; i < nn_shape_count(&plain->shape); i++)
    plain->f[i] = (float)i;
  last->layout = NN_LAYOUT_CHANNELS_LAST;
  nn_tensor_copy(plain, last);
  for (int n = 0; n < 2; n++)
    for (int c = 0; c < 37; c++)
      for (int p = 0; p < 35; p++)
        g_assert_cmpfloat(last->f[(n * 35 + p) * 37 + c], ==, plain->f[(n * 37 + c) * 35 + p]);
  nn_tensor_copy(last, back);
  g_assert_cmpmem(plain->f, nn_tensor_bytes(plain), back->f, nn_tensor_bytes(back));
  int64_t dims[NN_MAX_RANK];
  nn_tensor_memory_dims(last, dims);
  g_assert_true(dims[0] == 2 && dims[1] == 5 && dims[2] == 7 && dims[3] == 37);
}

static NnVerdict
stop_late(const NnReport *report, gpointer data)
{
  g_assert_cmpstr(report->text, ==, "half");
  *(double *)data = report->fraction;
  return NN_STOP;
}

static void
test_progress(void)
{
  double fraction = 0;
  NnProgress progress = {stop_late, &fraction};
  NnReport report = {.fraction = 0.5, .text = "half"};
  g_assert_cmpint(nn_progress_report(NULL, &report), ==, NN_CONTINUE);
  g_assert_cmpint(nn_progress_report(&progress, &report), ==, NN_STOP);
  g_assert_cmpfloat(fraction, ==, 0.5);
}

/* ---- memory that is available ---- */

static void
write_below(const char *root, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename(root, name, NULL);
  g_autofree char *folder = g_path_get_dirname(path);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
test_available(void)
{
  g_autofree char *root = g_dir_make_tmp("somnium-XXXXXX", NULL);
  int64_t mib = 1 << 20;
  write_below(root, "proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable:    4194304 kB\n");
  g_assert_cmpint(nn_memory_available_at(root), ==, 4096 * mib);
  /* version 2: the group above has the tighter limit; files that nobody uses count as free */
  write_below(root, "proc/self/cgroup", "0::/slice/app\n");
  write_below(root, "sys/fs/cgroup/slice/app/memory.max", "max\n");
  write_below(root, "sys/fs/cgroup/slice/app/memory.current", "1048576\n");
  g_assert_cmpint(nn_memory_available_at(root), ==, 4096 * mib);
  write_below(root, "sys/fs/cgroup/slice/memory.max", "1073741824\n");
  write_below(root, "sys/fs/cgroup/slice/memory.current", "536870912\n");
  g_assert_cmpint(nn_memory_available_at(root), ==, 512 * mib);
  write_below(root, "sys/fs/cgroup/slice/memory.stat", "anon 1\ninactive_file 268435456\n");
  g_assert_cmpint(nn_memory_available_at(root), ==, 768 * mib);
  /* version 1 beside it */
  write_below(root, "proc/self/cgroup", "4:cpu,memory:/box\n0::/slice/app\n");
  write_below(root, "sys/fs/cgroup/memory/box/memory.limit_in_bytes", "104857600\n");
  write_below(root, "sys/fs/cgroup/memory/box/memory.usage_in_bytes", "73400320\n");
  g_assert_cmpint(nn_memory_available_at(root), ==, 30 * mib);
  /* over its limit: never nothing */
  write_below(root, "sys/fs/cgroup/memory/box/memory.usage_in_bytes", "973400320\n");
  g_assert_cmpint(nn_memory_available_at(root), ==, 1);
  g_autoptr(GError) error = NULL;
  const char *remove[] = {"rm", "-rf", root, NULL};
  g_assert_true(g_spawn_sync(NULL, (char **)remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                             NULL, NULL, &error));
}

static void
test_memory_budget(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  g_assert_cmpint(nn_context_memory_budget(context), >, 0);
  nn_context_set_memory_budget(context, 12345678);
  g_assert_cmpint(nn_context_memory_budget(context), ==, 12345678);
  nn_context_set_memory_budget(context, 0);
  g_assert_cmpint(nn_context_memory_budget(context), !=, 12345678);
  g_assert_cmpint(nn_context_memory_budget(context), >, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/base/memory/overflow", test_alloc_overflow);
  g_test_add_func("/base/memory/alignment", test_alloc_alignment);
  g_test_add_func("/base/memory/grow", test_grow);
  g_test_add_func("/base/name-map", test_name_map);
  g_test_add_func("/base/context/parallel-for", test_parallel);
  g_test_add_func("/base/progress", test_progress);
  g_test_add_func("/tensor/shape/check", test_shape_check);
  g_test_add_func("/tensor/shape/broadcast", test_broadcast);
  g_test_add_func("/tensor/memory-order", test_memory_order);
  g_test_add_func("/base/available", test_available);
  g_test_add_func("/base/memory-budget", test_memory_budget);
  return g_test_run();
}
