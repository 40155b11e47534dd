/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ONNX's own conformance cases (Debian's libonnx-testdata) through the whole engine: reader,
 * import, passes, plan, workspace. A case belongs to the one operator that its model uses, or to
 * "several" where it uses more; it counts only if the engine has all of them. Float cases must
 * pass, but for those that excluded.txt names with a reason; cases in other number types are tried
 * and counted. The networks in the folder light/ (weights all alike; inputs rising from 0 to 1)
 * must give their results too. Writes a table an operator (--table FILE). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/onnx/model.h"
#include "nncore/onnx/reader.h"
#include "nncore/plan/workspace.h"

#define DATA_DIR "/usr/share/libonnx-testdata/data"
#define RELATIVE 1e-3 /* tolerances of ONNX's backend tests */
#define ABSOLUTE 1e-7
#define SEVERAL "several"
#define NETWORK "network"
#define MAX_TENSORS 16

typedef struct {
  char *name; /* folder/case */
  char *path; /* folder; of a network, the file without .onnx */
  char *op;   /* row of the table */
  bool is_float;
  const char *excluded; /* the reason, or NULL */
  bool passed;
} ConformanceCase;

static GPtrArray *all_cases;
static GHashTable *exclusions; /* name -> reason */
static const char *table_path;

/* ---- which cases there are ---- */

static bool
is_constant_slot(const NnRawModel *raw, const char *name)
{
  for (size_t i = 0; i < raw->n_nodes; i++) {
    const NnRawNode *node = &raw->nodes[i];
    const NnOp *op = nn_op_find(node->op_type);
    for (size_t k = 0; op != NULL && k < node->inputs.count; k++)
      if (strcmp(node->inputs.names[k], name) == 0)
        return k < 30 && (op->constant_inputs & 1u << k);
  }
  return false;
}

static bool
is_initializer(const NnRawModel *raw, const char *name)
{
  for (size_t i = 0; i < raw->n_tensors; i++)
    if (raw->tensors[i].name != NULL && strcmp(raw->tensors[i].name, name) == 0)
      return true;
  return false;
}

static bool
is_float_case(const NnRawModel *raw)
{
  for (size_t i = 0; i < raw->n_inputs; i++) {
    const NnRawValue *input = &raw->inputs[i];
    if (input->data_type != NN_ONNX_FLOAT && !is_initializer(raw, input->name) &&
        !is_constant_slot(raw, input->name))
      return false;
  }
  return raw->n_outputs > 0 && raw->outputs[0].data_type == NN_ONNX_FLOAT;
}

/* the table's row: an operator of ours, "several", or NULL where some operator is not ours */
static const char *
row_of(const NnRawModel *raw)
{
  const char *row = NULL;
  for (size_t i = 0; i < raw->n_nodes; i++) {
    const char *type = raw->nodes[i].op_type;
    const char *domain = raw->nodes[i].domain;
    if (strcmp(type, "Constant") == 0)
      continue;
    if (strcmp(type, "Upsample") == 0) /* which the importer makes a Resize */
      type = "Resize";
    if (nn_op_find(type) == NULL || (domain != NULL && *domain != '\0'))
      return NULL;
    row = row == NULL || strcmp(row, type) == 0 ? type : SEVERAL;
  }
  return row;
}

static void
add_case(const char *folder, const char *name, const char *path)
{
  g_autofree char *file = g_build_filename(path, "model.onnx", NULL);
  g_autoptr(NnSource) source = nn_source_open(file, NULL);
  NnRawModel raw = {0};
  if (source != NULL && nn_raw_model_read(source, &raw, NULL) && row_of(&raw) != NULL) {
    ConformanceCase *test = g_new0(ConformanceCase, 1);
    test->name = g_strconcat(folder, "/", name, NULL);
    test->path = g_strdup(path);
    test->op = g_strdup(row_of(&raw));
    test->is_float = is_float_case(&raw);
    test->excluded = g_hash_table_lookup(exclusions, test->name);
    g_ptr_array_add(all_cases, test);
  }
  nn_raw_model_clear(&raw);
}

static void
add_network(const char *folder, const char *file)
{
  if (!g_str_has_suffix(file, ".onnx"))
    return;
  g_autofree char *name = g_strndup(file, strlen(file) - strlen(".onnx"));
  ConformanceCase *test = g_new0(ConformanceCase, 1);
  test->name = g_strconcat("light/", name, NULL);
  test->path = g_build_filename(folder, name, NULL);
  test->op = g_strdup(NETWORK);
  test->is_float = true;
  test->excluded = g_hash_table_lookup(exclusions, test->name);
  g_ptr_array_add(all_cases, test);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
  const ConformanceCase *const *left = a, *const *right = b;
  return strcmp((*left)->name, (*right)->name);
}

static bool
find_cases(const char *data)
{
  static const char *const folders[] = {"node", "pytorch-converted", "pytorch-operator", "simple"};
  for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *folder = g_build_filename(data, folders[i], NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
      g_autofree char *path = g_build_filename(folder, name, NULL);
      add_case(folders[i], name, path);
    }
  }
  g_autofree char *light = g_build_filename(data, "light", NULL);
  g_autoptr(GDir) dir = g_dir_open(light, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
    add_network(light, name);
  g_ptr_array_sort(all_cases, compare_names);
  return all_cases->len > 0;
}

/* lines of "folder/case reason"; # starts a comment */
static void
read_exclusions(void)
{
  g_autofree char *path = g_test_build_filename(G_TEST_DIST, "conformance", "excluded.txt", NULL);
  g_autofree char *text = NULL;
  g_autoptr(GError) error = NULL;
  exclusions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  if (!g_file_get_contents(path, &text, NULL, &error))
    g_error("%s", error->message);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (int i = 0; lines[i] != NULL; i++) {
    g_auto(GStrv) words = g_strsplit(g_strstrip(lines[i]), " ", 2);
    if (words[0] != NULL && words[0][0] != '#' && words[0][0] != '\0')
      g_hash_table_insert(exclusions, g_strdup(words[0]), g_strdup(words[1]));
  }
}

/* ---- running one ---- */

typedef struct {
  NnTensor *tensors[MAX_TENSORS];
  char *names[MAX_TENSORS];
  int count;
} TensorSet;

static void
tensor_set_clear(TensorSet *set)
{
  for (int i = 0; i < set->count; i++) {
    nn_tensor_unref(set->tensors[i]);
    nn_free(set->names[i]);
  }
  set->count = 0;
}

/* @names[i] is used where the file itself names none */
static bool
load_tensors(const char *folder, const char *kind, const char *const *names, int n_names,
             TensorSet *set, GError **error)
{
  for (; set->count < MAX_TENSORS; set->count++) {
    g_autofree char *base = g_strdup_printf("%s_%d.pb", kind, set->count);
    g_autofree char *path = g_build_filename(folder, base, NULL);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
      return true;
    int i = set->count;
    set->tensors[i] = nn_tensor_proto_load(path, &set->names[i], error);
    if (set->tensors[i] == NULL)
      return false;
    if ((set->names[i] == NULL || *set->names[i] == '\0') && i < n_names) {
      nn_free(set->names[i]);
      set->names[i] = nn_strndup(names[i], strlen(names[i]), NULL);
    }
  }
  return true;
}

/* @integers: whether whole numbers are bound: sizes and axes, beside a picture */
static bool
must_be_constant(const NnGraph *graph, const char *name, const NnTensor *tensor, bool integers)
{
  if (tensor->dtype == NN_DTYPE_INT64 && integers)
    return true;
  NnValueId id = nn_graph_find(graph, name);
  for (size_t i = 0; i < graph->n_nodes; i++)
    for (int k = 0; k < MIN(graph->nodes[i].n_inputs, 30); k++)
      if (graph->nodes[i].inputs[k] == id && (graph->nodes[i].op->constant_inputs & 1u << k))
        return true;
  return false;
}

static double
element(const NnTensor *tensor, int64_t i)
{
  return tensor->dtype == NN_DTYPE_INT64 ? (double)tensor->i[i] : (double)tensor->f[i];
}

/* where ONNX's element @index lies in memory */
static int64_t
memory_offset(const NnTensor *tensor, int64_t index)
{
  if (tensor->layout == NN_LAYOUT_PLAIN)
    return index;
  int64_t channels = tensor->shape.dim[1];
  int64_t pixels = nn_shape_product(&tensor->shape, 2, tensor->shape.rank);
  int64_t pixel = index % pixels, channel = index / pixels % channels;
  return (index / (pixels * channels) * pixels + pixel) * channels + channel;
}

static bool
compare(const char *name, const NnTensor *actual, const NnTensor *expected, GError **error)
{
  if (!nn_shape_equal(&actual->shape, &expected->shape)) {
    g_autofree char *a = nn_shape_to_string(&actual->shape);
    g_autofree char *b = nn_shape_to_string(&expected->shape);
    g_set_error(error, G_FILE_ERROR, 0, "output %s is %s instead of %s", name, a, b);
    return false;
  }
  for (int64_t i = 0; i < nn_shape_count(&expected->shape); i++) {
    double a = element(actual, memory_offset(actual, i)), b = element(expected, i);
    if (a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= ABSOLUTE + RELATIVE * fabs(b))
      continue;
    g_set_error(error, G_FILE_ERROR, 0, "output %s, element %d is %.9g instead of %.9g", name,
                (int)i, a, b);
    return false;
  }
  return true;
}

static bool
run_program(NnModel *model, NnContext *context, const TensorSet *inputs, const TensorSet *outputs,
            bool gradient, GError **error)
{
  g_autoptr(NnProgram) program =
      nn_program_new(model, context, (const char *const *)outputs->names, outputs->count,
                     (NnProgramOptions){.gradient = gradient}, error);
  if (program == NULL)
    return false;
  NnShape shapes[MAX_TENSORS];
  for (int i = 0; i < inputs->count; i++)
    shapes[i] = inputs->tensors[i]->shape;
  g_autoptr(NnPlan) plan = nn_plan_new(program, shapes, inputs->count, error);
  g_autoptr(NnWorkspace) workspace = plan != NULL ? nn_workspace_new(plan, context, error) : NULL;
  if (workspace == NULL)
    return false;
  for (int i = 0; i < inputs->count; i++) {
    NnTensor view = *nn_workspace_input(workspace, i);
    if (view.dtype != inputs->tensors[i]->dtype) {
      g_set_error(error, G_FILE_ERROR, 0, "input %d is of a type that networks do not have", i);
      return false;
    }
    nn_tensor_copy(inputs->tensors[i], &view);
  }
  nn_workspace_forward(workspace);
  for (int i = 0; i < outputs->count; i++)
    if (!compare(outputs->names[i], nn_workspace_target(workspace, i), outputs->tensors[i], error))
      return false;
  return true;
}

static bool
is_used(const NnGraph *graph, const char *name)
{
  NnValueId id = nn_graph_find(graph, name);
  for (size_t i = 0; i < graph->n_nodes; i++)
    for (int k = 0; k < graph->nodes[i].n_inputs; k++)
      if (graph->nodes[i].inputs[k] == id)
        return true;
  return false;
}

static bool
has_floats(const TensorSet *inputs)
{
  for (int i = 0; i < inputs->count; i++)
    if (inputs->tensors[i]->dtype == NN_DTYPE_FLOAT)
      return true;
  return false;
}

/* Binds what must be constant; what varies and is used stays in @inputs, in the graph's order. */
static bool
bind_constants(NnModel *model, TensorSet *inputs, GError **error)
{
  TensorSet varying = {0};
  bool ok = true, integers = has_floats(inputs);
  for (int i = 0; i < inputs->count; i++) {
    const NnGraph *graph = nn_model_graph(model);
    if (!is_used(graph, inputs->names[i]) ||
        must_be_constant(graph, inputs->names[i], inputs->tensors[i], integers)) {
      ok = ok && nn_model_bind_input(model, inputs->names[i], inputs->tensors[i], error);
      nn_tensor_unref(inputs->tensors[i]);
      nn_free(inputs->names[i]);
    } else {
      varying.tensors[varying.count] = inputs->tensors[i];
      varying.names[varying.count++] = inputs->names[i];
    }
  }
  *inputs = varying;
  return ok;
}

/* @names: (out): of the graph's values @ids, borrowed */
static int
value_names(const NnGraph *graph, const NnValueId *ids, size_t count, const char **names)
{
  int n = (int)MIN(count, MAX_TENSORS);
  for (int i = 0; i < n; i++)
    names[i] = graph->values[ids[i]].name;
  return n;
}

static bool
run_set(const ConformanceCase *test, NnContext *context, const char *set, GError **error)
{
  g_autofree char *path = g_build_filename(test->path, "model.onnx", NULL);
  g_autofree char *folder = g_build_filename(test->path, set, NULL);
  g_autoptr(NnModel) model = nn_model_open(path, error);
  if (model == NULL)
    return false;
  const NnGraph *graph = nn_model_graph(model);
  const char *names[MAX_TENSORS];
  TensorSet inputs = {0}, outputs = {0};
  int n_inputs = value_names(graph, graph->inputs, graph->n_inputs, names);
  bool ok = load_tensors(folder, "input", names, n_inputs, &inputs, error);
  int n_outputs = value_names(graph, graph->outputs, graph->n_outputs, names);
  ok = ok && load_tensors(folder, "output", names, n_outputs, &outputs, error) &&
       bind_constants(model, &inputs, error) &&
       run_program(model, context, &inputs, &outputs, false, error) &&
       run_program(model, context, &inputs, &outputs, true, error);
  tensor_set_clear(&inputs);
  tensor_set_clear(&outputs);
  return ok;
}

/* as ONNX's backend tests have it: element i of n is i / n */
static NnTensor *
rising_input(const NnShape *shape, GError **error)
{
  NnTensor *tensor = nn_tensor_new(NN_DTYPE_FLOAT, shape, error);
  int64_t count = tensor != NULL ? nn_shape_count(shape) : 0;
  for (int64_t i = 0; i < count; i++)
    tensor->f[i] = (float)((double)i / (double)count);
  return tensor;
}

static bool
run_network(const ConformanceCase *test, NnContext *context, GError **error)
{
  g_autofree char *path = g_strconcat(test->path, ".onnx", NULL);
  g_autofree char *expected = g_strconcat(test->path, "_output_0.pb", NULL);
  g_autoptr(NnModel) model = nn_model_open(path, error);
  if (model == NULL)
    return false;
  const NnGraph *graph = nn_model_graph(model);
  const char *name;
  TensorSet inputs = {.count = 1}, outputs = {.count = 1};
  value_names(graph, graph->outputs, 1, &name);
  outputs.names[0] = nn_strndup(name, strlen(name), NULL);
  outputs.tensors[0] = nn_tensor_proto_load(expected, NULL, error);
  inputs.tensors[0] = rising_input(&graph->values[graph->inputs[0]].type.shape, error);
  bool ok = outputs.tensors[0] != NULL && inputs.tensors[0] != NULL &&
            run_program(model, context, &inputs, &outputs, false, error);
  tensor_set_clear(&inputs);
  tensor_set_clear(&outputs);
  return ok;
}

static bool
run_case(const ConformanceCase *test, GError **error)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  if (strcmp(test->op, NETWORK) == 0)
    return run_network(test, context, error);
  for (int i = 0;; i++) {
    g_autofree char *set = g_strdup_printf("test_data_set_%d", i);
    g_autofree char *folder = g_build_filename(test->path, set, NULL);
    if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
      return i > 0;
    if (!run_set(test, context, set, error))
      return false;
  }
}

/* ---- tests ---- */

static void
test_case(gconstpointer data)
{
  ConformanceCase *test = (ConformanceCase *)data;
  g_autoptr(GError) error = NULL;
  test->passed = run_case(test, &error);
  bool may_pass = test->excluded != NULL && g_str_has_prefix(test->excluded, "ill-conditioned");
  if (test->excluded != NULL && test->passed && !may_pass)
    g_test_fail_printf("it passes: take it out of excluded.txt");
  else if (test->excluded == NULL && !test->passed)
    g_test_fail_printf("%s", error != NULL ? error->message : "it has no data");
}

static void
test_exclusions_exist(void)
{
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init(&iter, exclusions);
  while (g_hash_table_iter_next(&iter, &name, NULL)) {
    bool found = false;
    for (guint i = 0; i < all_cases->len; i++) {
      const ConformanceCase *test = g_ptr_array_index(all_cases, i);
      found = found || (test->is_float && strcmp(test->name, name) == 0);
    }
    if (!found)
      g_test_fail_printf("excluded.txt names %s, which is no float case", (char *)name);
  }
}

typedef struct {
  int float_passed, floats, passed, all;
} Row;

static Row
count_row(const char *op)
{
  Row row = {0};
  for (guint i = 0; i < all_cases->len; i++) {
    const ConformanceCase *test = g_ptr_array_index(all_cases, i);
    if (op != NULL && strcmp(test->op, op) != 0)
      continue;
    row.all++;
    row.passed += test->passed;
    row.floats += test->is_float;
    row.float_passed += test->is_float && test->passed;
  }
  return row;
}

static void
print_row(GString *table, const char *label, const char *op)
{
  Row row = count_row(op);
  g_string_append_printf(table, "%-20s %6d /%4d %6d /%4d\n", label, row.float_passed, row.floats,
                         row.passed, row.all);
}

/* After the required cases: tries the others, then writes the table. */
static bool
write_table(void)
{
  GString *other = g_string_new(NULL);
  for (guint i = 0; i < all_cases->len; i++) {
    ConformanceCase *test = g_ptr_array_index(all_cases, i);
    g_autoptr(GError) error = NULL;
    if (!test->is_float) {
      test->passed = run_case(test, &error);
      if (!test->passed)
        g_string_append_printf(other, "other type: %s: %s\n", test->name,
                               error != NULL ? error->message : "no data");
    } else if (test->excluded != NULL) {
      g_string_append_printf(other, "excluded: %s: %s\n", test->name, test->excluded);
    }
  }
  GString *table = g_string_new("operator              float passed    all passed\n");
  for (int i = 0; nn_op_at(i) != NULL; i++)
    print_row(table, nn_op_at(i)->onnx_name, nn_op_at(i)->onnx_name);
  print_row(table, "several operators", SEVERAL);
  print_row(table, "networks", NETWORK);
  print_row(table, "all", NULL);
  g_string_append_printf(table, "\n%s", other->str);
  g_autoptr(GError) error = NULL;
  bool ok = g_file_set_contents(table_path, table->str, -1, &error);
  if (!ok)
    g_printerr("%s\n", error->message);
  g_string_free(table, TRUE);
  g_string_free(other, TRUE);
  return ok;
}

static void
test_absent(void)
{
  g_test_skip("the package libonnx-testdata is not installed");
}

static void
free_case(gpointer data)
{
  ConformanceCase *test = data;
  g_free(test->name);
  g_free(test->path);
  g_free(test->op);
  g_free(test);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (int i = 1; i + 1 < argc; i++)
    if (strcmp(argv[i], "--table") == 0)
      table_path = argv[i + 1];
  const char *data = g_getenv("SOMNIUM_ONNX_TESTDATA");
  all_cases = g_ptr_array_new_with_free_func(free_case);
  read_exclusions();
  if (find_cases(data != NULL ? data : DATA_DIR)) {
    for (guint i = 0; i < all_cases->len; i++) {
      const ConformanceCase *test = g_ptr_array_index(all_cases, i);
      g_autofree char *path = g_strdup_printf("/conformance/%s/%s", test->op, test->name);
      if (test->is_float)
        g_test_add_data_func(path, test, test_case);
    }
    g_test_add_func("/conformance/excluded-cases-exist", test_exclusions_exist);
  } else {
    g_test_add_func("/conformance/data", test_absent);
  }
  int status = g_test_run();
  if (table_path != NULL && all_cases->len > 0 && !write_table())
    status = 1;
  g_ptr_array_unref(all_cases);
  g_hash_table_unref(exclusions);
  return status;
}
