/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory that runs out. Whatever is proportional to a file or a picture is allocated by nn_alloc(),
 * and that by posix_memalign(), which the linker replaces here (--wrap) by one that fails when it
 * is told to: each allocation in turn, alone and with all after it, and all above a size. Every
 * failure must come out as NN_ERROR_MEMORY, nothing may leak (a sanitizer watches), and afterwards
 * the same work must give the same result as before. */
#define _GNU_SOURCE
#include <execinfo.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/effects/effect.h"
#include "nncore/plan/workspace.h"
#include "tests/effects/base-network.h"
#include "tests/effects/sources.h"
#include "tests/fuzz/networks.h"
#include "tests/image/pictures.h"

/* ---- the allocator ---- */

typedef enum { FAIL_NEVER, FAIL_ONE, FAIL_FROM, FAIL_ABOVE } FailMode;

static struct {
  FailMode mode;
  size_t limit; /* number of an allocation, from 0, or bytes */
  size_t count; /* allocations so far */
  size_t failed;
  GArray *firsts; /* (element-type size_t) (nullable): the first allocation of each place */
  GHashTable *places; /* (nullable): digests of call stacks */
} memory;

int __real_posix_memalign(void **pointer, size_t alignment, size_t bytes);
int __wrap_posix_memalign(void **pointer, size_t alignment, size_t bytes);

/* two allocations are of one place if their innermost callers are the same */
static void
note_place(void)
{
  enum { DEPTH = 9 };
  void *stack[DEPTH] = {0};
  guint64 digest = 14695981039346656037u;
  int depth = backtrace(stack, DEPTH);
  for (int i = 0; i < depth; i++)
    digest = (digest ^ (guint64)(gsize)stack[i]) * 1099511628211u;
  if (!g_hash_table_add(memory.places, GSIZE_TO_POINTER(digest)))
    return;
  g_array_append_val(memory.firsts, memory.count);
}

static bool
fails(size_t bytes)
{
  switch (memory.mode) {
  case FAIL_ONE:
    return memory.count == memory.limit;
  case FAIL_FROM:
    return memory.count >= memory.limit;
  case FAIL_ABOVE:
    return bytes > memory.limit;
  default:
    return false;
  }
}

/* called by one thread only: operators allocate nothing while they run */
int
__wrap_posix_memalign(void **pointer, size_t alignment, size_t bytes)
{
  if (alignment < NN_ALIGNMENT) /* not nn_alloc()'s */
    return __real_posix_memalign(pointer, alignment, bytes);
  bool failing = fails(bytes);
  if (memory.places != NULL)
    note_place();
  memory.count++;
  memory.failed += failing;
  return failing ? ENOMEM : __real_posix_memalign(pointer, alignment, bytes);
}

static void
set_memory(FailMode mode, size_t limit)
{
  memory.mode = mode;
  memory.limit = limit;
  memory.count = memory.failed = 0;
}

/* ---- work that may fail ---- */

/* Work: does the whole of something; @digest: (out): of its result */
typedef bool (*WorkFunc)(gconstpointer data, guint *digest, GError **error);

typedef struct {
  WorkFunc func;
  gconstpointer data;
  guint digest; /* when nothing fails */
  size_t count; /* its allocations */
} Work;

/* with one failure or more; which ones, set_memory() has said */
static void
check_failure(const Work *work)
{
  g_autoptr(GError) error = NULL;
  guint digest;
  bool done = work->func(work->data, &digest, &error);
  bool failed = memory.failed > 0;
  set_memory(FAIL_NEVER, 0);
  g_assert_true(failed);
  g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
  g_assert_false(done);
}

static void
check_success(const Work *work)
{
  g_autoptr(GError) error = NULL;
  guint digest;
  set_memory(FAIL_NEVER, 0);
  bool done = work->func(work->data, &digest, &error);
  g_assert_no_error(error);
  g_assert_true(done);
  g_assert_cmpuint(digest, ==, work->digest);
}

/* runs it undisturbed: what it gives, how often it allocates and where; @firsts: (out) */
static Work
observe(WorkFunc func, gconstpointer data, GArray **firsts)
{
  g_autoptr(GError) error = NULL;
  Work work = {.func = func, .data = data};
  memory.firsts = g_array_new(FALSE, FALSE, sizeof(size_t));
  memory.places = g_hash_table_new(NULL, NULL);
  set_memory(FAIL_NEVER, 0);
  bool done = func(data, &work.digest, &error);
  g_assert_no_error(error);
  g_assert_true(done);
  work.count = memory.count;
  *firsts = g_steal_pointer(&memory.firsts);
  g_clear_pointer(&memory.places, g_hash_table_unref);
  g_test_message("%zu allocations from %u places", work.count, (*firsts)->len);
  return work;
}

static void
fail_each(const Work *work, const size_t *numbers, size_t n_numbers)
{
  for (size_t i = 0; i < n_numbers; i++) {
    g_test_message("allocation %zu", numbers[i]);
    set_memory(FAIL_ONE, numbers[i]);
    check_failure(work);
    set_memory(FAIL_FROM, numbers[i]);
    check_failure(work);
  }
  check_success(work);
}

/* all above a size, from a byte on up to where nothing is too large any more */
static void
fail_above(const Work *work)
{
  bool done = false;
  int failures = 0;
  for (size_t bytes = 1; !done; bytes *= 2) {
    g_autoptr(GError) error = NULL;
    guint digest;
    set_memory(FAIL_ABOVE, bytes);
    done = work->func(work->data, &digest, &error);
    g_assert_cmpint(done, ==, memory.failed == 0);
    if (!done)
      g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
    failures += !done;
  }
  set_memory(FAIL_NEVER, 0);
  g_assert_cmpint(failures, >, 5);
}

/* ---- a network, the whole way ---- */

static guint
digest_of(guint digest, const NnTensor *tensor)
{
  const guint8 *bytes = tensor->data;
  for (size_t i = 0; i < nn_tensor_bytes(tensor); i++)
    digest = digest * 33 + bytes[i];
  return digest;
}

static bool
run_size(NnProgram *program, NnContext *context, int64_t size_px, guint *digest, GError **error)
{
  NnShape shape = NN_SHAPE(1, 3, size_px, size_px + 2);
  g_autoptr(NnPlan) plan = nn_plan_new(program, &shape, 1, error);
  g_autoptr(NnWorkspace) workspace = plan != NULL ? nn_workspace_new(plan, context, error) : NULL;
  if (workspace == NULL)
    return false;
  const NnTensor *input = nn_workspace_input(workspace, 0);
  for (int64_t i = 0; i < nn_shape_count(&input->shape); i++)
    input->f[i] = (float)(i % 7) - 3;
  nn_workspace_forward(workspace);
  *digest = digest_of(*digest, nn_workspace_target(workspace, 0));
  const NnTensor *seed = nn_workspace_seed(workspace, 0);
  for (int64_t i = 0; i < nn_shape_count(&seed->shape); i++)
    seed->f[i] = (float)(i % 5) - 2;
  nn_workspace_backward(workspace);
  *digest = digest_of(*digest, nn_workspace_input_gradient(workspace, 0));
  return true;
}

/* @data: the file's bytes */
static bool
run_network(gconstpointer data, guint *digest, GError **error)
{
  static const char *const targets[] = {"y"};
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnModel) model = nn_model_open_bytes((GBytes *)data, error);
  g_autoptr(NnProgram) program = NULL;
  if (model != NULL)
    program =
        nn_program_new(model, context, targets, 1, (NnProgramOptions){.gradient = true}, error);
  *digest = 5381;
  return program != NULL && run_size(program, context, 16, digest, error) &&
         run_size(program, context, 21, digest, error);
}

static void
test_network(gconstpointer data)
{
  const SmallNetwork *network = data;
  g_autoptr(GBytes) bytes = network->make();
  g_autoptr(GArray) firsts = NULL;
  Work work = observe(run_network, bytes, &firsts);
  g_assert_cmpuint(work.count, >, 100);
  g_autofree size_t *all = g_new(size_t, work.count);
  for (size_t i = 0; i < work.count; i++)
    all[i] = i;
  fail_each(&work, all, work.count);
  fail_above(&work);
  check_success(&work);
}

/* ---- an effect, with the small network ---- */

static void
set_argument(NnArgument *arguments, const NnEffect *effect, const char *key, int64_t value)
{
  for (int i = 0; effect->params[i].key != NULL; i++)
    if (strcmp(effect->params[i].key, key) == 0)
      arguments[i].i = value;
}

typedef struct {
  const NnNetwork *network; /* opening it again each time would be most of the work */
  const NnEffect *effect;
} EffectCase;

/* (transfer full): small work; a style's picture is @picture, a folder's are those of @source */
static NnArgument *
arguments_of(const EffectCase *data, const NnImage *picture, NnImageSource *source)
{
  NnArgument *arguments = nn_effect_arguments(data->effect);
  for (int i = 0; data->effect->params[i].key != NULL; i++) {
    if (data->effect->params[i].kind == NN_PARAM_NETWORK)
      arguments[i].network = data->network;
    if (data->effect->params[i].kind == NN_PARAM_FOLDER) {
      arguments[i].source = source;
      set_argument(arguments, data->effect, "working-size", 40);
    }
    if (strcmp(data->effect->params[i].key, "style-1-layer") == 0)
      arguments[i].image = picture;
    if (strcmp(data->effect->params[i].key, "channels") == 0)
      arguments[i].text = "1-2";
  }
  set_argument(arguments, data->effect, "layout", 1);
  set_argument(arguments, data->effect, "leave-out-same", 0);
  set_argument(arguments, data->effect, "octaves", 2);
  set_argument(arguments, data->effect, "scales", 2);
  set_argument(arguments, data->effect, "iterations", 1);
  set_argument(arguments, data->effect, "size", 36);
  set_argument(arguments, data->effect, "variants", 2);
  return arguments;
}

static bool
run_effect(gconstpointer data, guint *digest, GError **error)
{
  const EffectCase *effect_case = data;
  FailMode mode = memory.mode;
  memory.mode = FAIL_NEVER; /* the picture is the host's */
  size_t count = memory.count;
  g_autoptr(NnImage) content = picture_noise(56, 47, 4, 1);
  memory.count = count;
  memory.mode = mode;
  NnImage *const pictures[] = {content, content, content};
  static const char *const names[] = {"a", "b", "c"};
  MemorySource source = memory_source(pictures, names, 3);
  g_autofree NnArgument *arguments = arguments_of(effect_case, content, &source.source);
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(GArray) results = nn_results_new();
  NnEffectRun run = {.effect = effect_case->effect,
                     .context = context,
                     .arguments = arguments,
                     .content = content,
                     .results = results};
  if (!run.effect->run(&run, error)) {
    g_assert_cmpuint(results->len, ==, 0);
    return false;
  }
  const NnImage *image = g_array_index(results, NnResult, 0).image;
  NnTensor view = {.shape = NN_SHAPE((int64_t)nn_image_samples(image)), .f = image->data};
  *digest = digest_of(5381, &view);
  return true;
}

static void
test_effect(gconstpointer id)
{
  NnNetwork *network = base_network_new();
  EffectCase data = {network, nn_effect_find(id)};
  g_autoptr(GArray) firsts = NULL;
  g_hash_table_insert(network->presets, g_strdup("style"), g_strdup("relu1_1,relu2_1"));
  g_hash_table_insert(network->presets, g_strdup("content"), g_strdup("relu2_1"));
  Work work = observe(run_effect, &data, &firsts);
  g_assert_cmpuint(firsts->len, >, 50);
  fail_each(&work, (const size_t *)(gconstpointer)firsts->data, firsts->len);
  fail_above(&work);
  check_success(&work);
  nn_network_free(network);
}

/* ---- opening the small network ---- */

static bool
open_base(gconstpointer data, guint *digest, GError **error)
{
  g_autoptr(NnModel) model = nn_model_open(data, error);
  if (model == NULL)
    return false;
  *digest = (guint)nn_model_graph(model)->n_nodes;
  return true;
}

static void
test_open(void)
{
  g_autofree char *path = g_build_filename(g_getenv("SOMNIUM_SOURCE_DIR"), "tests", "networks",
                                           "somnium-base.onnx", NULL);
  g_autoptr(GArray) firsts = NULL;
  Work work = observe(open_base, path, &firsts);
  g_autofree size_t *all = g_new(size_t, work.count);
  for (size_t i = 0; i < work.count; i++)
    all[i] = i;
  fail_each(&work, all, work.count);
  fail_above(&work);
  check_success(&work);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (const SmallNetwork *network = small_networks; network->name != NULL; network++) {
    g_autofree char *path = g_strconcat("/memory-failure/", network->name, NULL);
    g_test_add_data_func(path, network, test_network);
  }
  g_test_add_func("/memory-failure/open", test_open);
  g_test_add_data_func("/memory-failure/deepdream", "deepdream", test_effect);
  g_test_add_data_func("/memory-failure/style-transfer", "style-transfer", test_effect);
  g_test_add_data_func("/memory-failure/activations", "activations", test_effect);
  g_test_add_data_func("/memory-failure/top-patches", "top-patches", test_effect);
  g_test_add_data_func("/memory-failure/visualise", "visualise", test_effect);
  g_test_add_data_func("/memory-failure/nearest-images", "nearest-images", test_effect);
  g_test_add_data_func("/memory-failure/image-map", "image-map", test_effect);
  g_test_add_data_func("/memory-failure/select-subject", "select-subject", test_effect);
  return g_test_run();
}
