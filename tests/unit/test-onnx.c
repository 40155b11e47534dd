/* SPDX-License-Identifier: GPL-3.0-or-later */
/* onnx/: good files are read as they are meant; hostile ones end in a sentence. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/onnx/convert.h"
#include "nncore/plan/workspace.h"
#include "onnx-builder.h"

static GBytes *
good_file(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w", &NN_SHAPE(8, 3, 3, 3));
  onnx_add_weights(&builder, "b", &NN_SHAPE(8));
  onnx_add_node(&builder, "Conv", "x w b", "conv", "pads=1,1,1,1 strides=2,2");
  onnx_add_node(&builder, "LeakyRelu", "conv", "relu", "alpha=0.25f");
  onnx_add_output(&builder, "relu");
  GBytes *bytes = onnx_builder_bytes(&builder);
  onnx_builder_clear(&builder);
  return bytes;
}

/* what a person would see: a sentence, with a full stop */
static void
assert_sentence(const GError *error)
{
  g_assert_nonnull(error);
  g_assert_true(error->domain == NN_ERROR);
  g_assert_cmpuint(strlen(error->message), >, 15);
  g_assert_true(g_str_has_suffix(error->message, "."));
}

static void
begin(OnnxBuilder *builder)
{
  onnx_builder_init(builder);
  onnx_add_input(builder, "x", &NN_SHAPE(1, 3, 0, 0));
}

static void
test_good(void)
{
  g_autoptr(GBytes) bytes = good_file();
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = nn_model_open_bytes(bytes, &error);
  g_assert_no_error(error);
  const NnGraph *graph = nn_model_graph(model);
  g_assert_cmpuint(graph->n_nodes, ==, 2);
  g_assert_cmpuint(graph->n_inputs, ==, 1);
  g_assert_cmpuint(graph->n_outputs, ==, 1);
  g_assert_cmpint(nn_model_opset(model), ==, 13);
  g_assert_cmpstr(graph->nodes[0].op->onnx_name, ==, "Conv");
  g_autoptr(NnTensor) w = nn_model_load_constant(model, nn_graph_find(graph, "w"), &error);
  g_assert_no_error(error);
  g_assert_true(nn_shape_equal(&w->shape, &NN_SHAPE(8, 3, 3, 3)));
}

/* every prefix of a good file, and every file with one byte changed, opens or fails cleanly */
static void
test_truncated(void)
{
  g_autoptr(GBytes) bytes = good_file();
  for (gsize length = 0; length < g_bytes_get_size(bytes); length++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) part = g_bytes_new_from_bytes(bytes, 0, length);
    g_assert_null(nn_model_open_bytes(part, &error));
    assert_sentence(error);
  }
}

/* the whole way, as far as it goes; each step that fails must say so */
static bool
run_whole_way(GBytes *bytes, NnContext *context)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnProgram) program = NULL;
  g_autoptr(NnPlan) plan = NULL;
  g_autoptr(NnWorkspace) workspace = NULL;
  g_autoptr(NnModel) model = nn_model_open_bytes(bytes, &error);
  if (model != NULL)
    program = nn_program_new(model, context, (const char *const[]){"relu"}, 1,
                             (NnProgramOptions){.gradient = true}, &error);
  if (program != NULL)
    plan = nn_plan_new(program, &NN_SHAPE(1, 3, 9, 11), 1, &error);
  if (plan == NULL) {
    assert_sentence(error);
    return false;
  }
  if (nn_plan_bytes(plan) > 1 << 24) /* honest about what it needs, but nothing for a test */
    return true;
  workspace = nn_workspace_new(plan, context, &error);
  g_assert_no_error(error);
  const NnTensor *input = nn_workspace_input(workspace, 0);
  memset(input->data, 0, nn_tensor_bytes(input));
  nn_workspace_forward(workspace);
  const NnTensor *seed = nn_workspace_seed(workspace, 0);
  memset(seed->data, 0, nn_tensor_bytes(seed));
  nn_workspace_backward(workspace);
  return true;
}

static void
test_changed_bytes(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(GBytes) bytes = good_file();
  gsize length;
  const guint8 *data = g_bytes_get_data(bytes, &length);
  g_autofree guint8 *copy = g_memdup2(data, length);
  int run = 0, refused = 0;
  for (gsize at = 0; at < length; at++)
    for (int bit = 0; bit < 8; bit++) {
      copy[at] ^= (guint8)(1 << bit);
      g_autoptr(GBytes) changed = g_bytes_new_static(copy, length);
      if (run_whole_way(changed, context))
        run++;
      else
        refused++;
      copy[at] ^= (guint8)(1 << bit);
    }
  /* most bytes are weights, which may have any value; many of the others must not change */
  g_assert_cmpint(run, >, 1000);
  g_assert_cmpint(refused, >, 500);
}

static void
test_random(void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  for (int round = 0; round < 500; round++) {
    guint8 noise[300];
    for (size_t i = 0; i < sizeof noise; i++)
      noise[i] = (guint8)g_rand_int(random);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_static(noise, sizeof noise);
    g_assert_null(nn_model_open_bytes(bytes, &error));
    assert_sentence(error);
  }
}

static void
open_contents(const void *contents, gssize length, GError **error)
{
  g_autofree char *path = NULL;
  int file = g_file_open_tmp("somnium-XXXXXX.onnx", &path, NULL);
  g_assert_cmpint(file, >=, 0);
  close(file);
  g_assert_true(g_file_set_contents(path, contents, length, NULL));
  NnModel *model = nn_model_open(path, error);
  g_assert_null(model);
  g_unlink(path);
}

static void
test_empty(void)
{
  g_autoptr(GError) error = NULL;
  open_contents("", 0, &error);
  assert_sentence(error);
  g_assert_nonnull(strstr(error->message, "empty"));
}

static void
test_missing_and_folder(void)
{
  g_autoptr(GError) error = NULL;
  g_assert_null(nn_model_open("/nonexistent/network.onnx", &error));
  assert_sentence(error);
  g_assert_error(error, NN_ERROR, NN_ERROR_READ);
  g_clear_error(&error);
  g_assert_null(nn_model_open(g_get_tmp_dir(), &error));
  assert_sentence(error);
}

/* a graph that claims 2 GB, in a file of a few bytes */
static void
test_claims_2gb(void)
{
  static const guint8 file[] = {0x08, 0x08, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x0a, 0x00};
  g_autoptr(GError) error = NULL;
  open_contents(file, sizeof file, &error);
  assert_sentence(error);
  g_clear_error(&error);
  static const guint8 longest[] = {0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
  open_contents(longest, sizeof longest, &error);
  assert_sentence(error);
}

/* weights whose shape asks for 2 GB, with four bytes of data: an error, not an allocation */
static void
test_weights_claim(void)
{
  OnnxBuilder builder;
  begin(&builder);
  const int64_t dims[] = {1 << 14, 1 << 14, 2, 1};
  onnx_add_raw(&builder, "w", NN_ONNX_FLOAT, dims, 4, "\0\0\0", 4);
  onnx_add_node(&builder, "Conv", "x w", "y", NULL);
  onnx_assert_program_fails(&builder, NN_ERROR_MALFORMED, "w");
}

static void
test_weights_length(void)
{
  OnnxBuilder builder;
  begin(&builder);
  const int64_t dims[] = {1, 3, 1, 1};
  onnx_add_raw(&builder, "w", NN_ONNX_FLOAT, dims, 4, "12345678901", 11);
  onnx_add_node(&builder, "Conv", "x w", "y", NULL);
  onnx_assert_program_fails(&builder, NN_ERROR_MALFORMED, "w");
}

static void
test_negative_dimension(void)
{
  OnnxBuilder builder;
  begin(&builder);
  const int64_t dims[] = {1, -3, 1, 1};
  onnx_add_raw(&builder, "w", NN_ONNX_FLOAT, dims, 4, "123456789012", 12);
  onnx_add_node(&builder, "Conv", "x w", "y", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_SHAPE, "-3");
}

static void
test_cycle(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Add", "x b", "a", NULL);
  onnx_add_node(&builder, "Relu", "a", "b", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "own result");
}

static void
test_duplicate(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "y");
}

static void
test_missing_value(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "nowhere", "y", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "nowhere");
}

static void
test_unsupported_operator(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "NoSuchOperator", "x", "y", NULL);
  onnx_assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, "NoSuchOperator");
}

static void
test_unsupported_attribute(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "x", "y", "no_such_attribute=1");
  onnx_assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, "no_such_attribute");
}

/* what cannot be used does no harm to who does not need it */
static void
test_unsupported_elsewhere(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  onnx_add_node(&builder, "NoSuchOperator", "y", "z", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = onnx_builder_open(&builder, &error);
  g_assert_no_error(error);
  g_autoptr(NnContext) context = nn_context_new(1);
  const char *const targets[] = {"y"};
  g_autoptr(NnProgram) program =
      nn_program_new(model, context, targets, 1, (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  g_assert_nonnull(program);
  onnx_builder_clear(&builder);
}

/* nodes in any order, as some exporters write them; a chain long enough to overflow a stack */
static void
test_reversed_order(void)
{
  enum { COUNT = 20000 };
  OnnxBuilder builder;
  begin(&builder);
  for (int i = COUNT; i > 0; i--) {
    g_autofree char *from = i == 1 ? g_strdup("x") : g_strdup_printf("v%d", i - 1);
    g_autofree char *to = g_strdup_printf("v%d", i);
    onnx_add_node(&builder, "Relu", from, to, NULL);
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = onnx_builder_open(&builder, &error);
  g_assert_no_error(error);
  const NnGraph *graph = nn_model_graph(model);
  g_assert_cmpuint(graph->n_nodes, ==, COUNT);
  g_assert_cmpstr(graph->values[graph->nodes[0].outputs[0]].name, ==, "v1");
  onnx_builder_clear(&builder);
}

static void
test_invalid_text(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "x", "\xff\xfe", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "damaged");
}

static void
test_half(void)
{
  g_assert_cmpfloat(nn_half_to_float(0x3c00), ==, 1.0f);
  g_assert_cmpfloat(nn_half_to_float(0xc000), ==, -2.0f);
  g_assert_cmpfloat(nn_half_to_float(0x0001), ==, 0x1p-24f);
  g_assert_cmpfloat(nn_half_to_float(0x83ff), ==, -1023 * 0x1p-24f);
  g_assert_cmpfloat(nn_half_to_float(0x7bff), ==, 65504.0f);
  g_assert_cmpfloat(nn_half_to_float(0x7c00), ==, INFINITY);
  g_assert_true(isnan(nn_half_to_float(0x7e00)));
}

/* ---- element types: each in raw_data and in the field that ONNX has for it ---- */

typedef struct {
  NnOnnxType type;
  int field; /* of the typed form */
  guint8 raw[16];
  size_t raw_length;
  gint64 typed[2]; /* unless it is the same bytes as raw: float_data, double_data */
  double expected[2];
} TypeCase;

enum { FLOAT_DATA = 4, INT32_DATA = 5, INT64_DATA = 7, RAW_DATA = 9, DOUBLE_DATA = 10 };
enum { UINT64_DATA = 11 };

static const TypeCase type_cases[] = {
    {NN_ONNX_FLOAT, FLOAT_DATA, {0, 0, 0, 0x3f, 0, 0, 0x40, 0xc0}, 8, {0}, {0.5, -3}},
    {NN_ONNX_DOUBLE,
     DOUBLE_DATA,
     {0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 0, 0, 0, 0, 0, 0, 8, 0xc0},
     16,
     {0},
     {0.5, -3}},
    {NN_ONNX_FLOAT16, INT32_DATA, {0, 0x38, 0, 0xc2}, 4, {0x3800, 0xc200}, {0.5, -3}},
    {NN_ONNX_BFLOAT16, INT32_DATA, {0, 0x3f, 0x40, 0xc0}, 4, {0x3f00, 0xc040}, {0.5, -3}},
    {NN_ONNX_UINT8, INT32_DATA, {0xff, 3}, 2, {255, 3}, {255, 3}},
    {NN_ONNX_INT8, INT32_DATA, {0x80, 0x7f}, 2, {-128, 127}, {-128, 127}},
    {NN_ONNX_UINT16, INT32_DATA, {0xff, 0xff, 1, 0}, 4, {65535, 1}, {65535, 1}},
    {NN_ONNX_INT16, INT32_DATA, {0, 0x80, 0xff, 0x7f}, 4, {-32768, 32767}, {-32768, 32767}},
    {NN_ONNX_INT32, INT32_DATA, {0, 0, 0, 0x80, 7, 0, 0, 0}, 8, {G_MININT32, 7}, {G_MININT32, 7}},
    {NN_ONNX_UINT32,
     UINT64_DATA,
     {0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0},
     8,
     {G_MAXUINT32, 7},
     {G_MAXUINT32, 7}},
    {NN_ONNX_INT64,
     INT64_DATA,
     {0, 0, 0, 0, 0, 0, 0, 0x80, 7, 0, 0, 0, 0, 0, 0, 0},
     16,
     {G_MININT64, 7},
     {(double)G_MININT64, 7}},
    {NN_ONNX_UINT64, /* what int64 does not hold (slices to the end) is the largest that it does */
     UINT64_DATA,
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0, 0, 0, 0, 0},
     16,
     {-1, 7},
     {(double)G_MAXINT64, 7}},
    {NN_ONNX_BOOL, INT32_DATA, {1, 0}, 2, {1, 0}, {1, 0}},
};

enum { RAW, PACKED, UNPACKED, N_FORMS };

static void
put_unpacked(GByteArray *tensor, const TypeCase *c, int i)
{
  enum { FIXED64 = 1, FIXED32 = 5 };
  size_t size = c->raw_length / 2;
  if (c->field != FLOAT_DATA && c->field != DOUBLE_DATA) {
    onnx_put_int(tensor, c->field, c->typed[i]);
    return;
  }
  onnx_put_varint(tensor, (guint64)c->field << 3 | (c->field == FLOAT_DATA ? FIXED32 : FIXED64));
  g_byte_array_append(tensor, c->raw + (size_t)i * size, (guint)size);
}

static void
put_elements(GByteArray *tensor, const TypeCase *c, int form)
{
  g_autoptr(GByteArray) packed = g_byte_array_new();
  if (form == RAW) {
    onnx_put_bytes(tensor, RAW_DATA, c->raw, c->raw_length);
    return;
  }
  for (int i = 0; i < 2; i++) {
    if (form == UNPACKED)
      put_unpacked(tensor, c, i);
    onnx_put_varint(packed, (guint64)c->typed[i]);
  }
  if (form == PACKED && (c->field == FLOAT_DATA || c->field == DOUBLE_DATA))
    onnx_put_bytes(tensor, c->field, c->raw, c->raw_length);
  else if (form == PACKED)
    onnx_put_bytes(tensor, c->field, packed->data, packed->len);
}

static NnTensor *
load(OnnxBuilder *builder, const char *name)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = onnx_builder_open(builder, &error);
  g_assert_no_error(error);
  NnValueId id = nn_graph_find(nn_model_graph(model), name);
  g_assert_cmpint(id, !=, NN_NO_VALUE);
  NnTensor *tensor = nn_model_load_constant(model, id, &error);
  g_assert_no_error(error);
  return tensor;
}

static void
test_types(void)
{
  for (size_t t = 0; t < G_N_ELEMENTS(type_cases); t++)
    for (int form = 0; form < N_FORMS; form++) {
      const TypeCase *c = &type_cases[t];
      OnnxBuilder builder;
      begin(&builder);
      GByteArray *tensor = onnx_tensor_new("w", c->type, (int64_t[]){2}, 1);
      put_elements(tensor, c, form);
      onnx_add_initializer(&builder, tensor);
      onnx_add_node(&builder, "Relu", "x", "y", NULL);
      g_autoptr(NnTensor) w = load(&builder, "w");
      g_assert_true(nn_shape_equal(&w->shape, &NN_SHAPE(2)));
      g_assert_true((w->dtype == NN_DTYPE_FLOAT) ==
                    (c->type == NN_ONNX_FLOAT || c->type == NN_ONNX_DOUBLE ||
                     c->type == NN_ONNX_FLOAT16 || c->type == NN_ONNX_BFLOAT16));
      for (int i = 0; i < 2; i++)
        g_assert_cmpfloat(w->dtype == NN_DTYPE_FLOAT ? w->f[i] : (double)w->i[i], ==,
                          c->expected[i]);
      onnx_builder_clear(&builder);
    }
}

/* a type in the field of another one */
static void
test_types_mixed(void)
{
  for (size_t t = 0; t < G_N_ELEMENTS(type_cases); t++) {
    OnnxBuilder builder;
    begin(&builder);
    TypeCase wrong = type_cases[t];
    wrong.field = wrong.field == INT64_DATA ? INT32_DATA : INT64_DATA;
    GByteArray *tensor = onnx_tensor_new("w", wrong.type, (int64_t[]){2}, 1);
    put_elements(tensor, &wrong, PACKED);
    onnx_add_initializer(&builder, tensor);
    onnx_add_node(&builder, "Add", "x w", "y", NULL);
    onnx_assert_program_fails(&builder, NN_ERROR_MALFORMED, "“w”");
  }
}

static void
test_scalar_and_empty(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_raw(&builder, "scalar", NN_ONNX_FLOAT, NULL, 0, "\0\0\0\x3f", 4);
  onnx_add_initializer(&builder, onnx_tensor_new("no field", NN_ONNX_FLOAT, (int64_t[]){0}, 1));
  onnx_add_raw(&builder, "empty field", NN_ONNX_INT64, (int64_t[]){3, 0}, 2, "", 0);
  GByteArray *tensor = onnx_tensor_new("", NN_ONNX_INT64, NULL, 0);
  onnx_put_int(tensor, INT64_DATA, -7);
  onnx_add_constant(&builder, "attribute", tensor);
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  g_autoptr(NnTensor) scalar = load(&builder, "scalar");
  g_assert_cmpint(scalar->shape.rank, ==, 0);
  g_assert_cmpfloat(scalar->f[0], ==, 0.5);
  g_autoptr(NnTensor) no_field = load(&builder, "no field");
  g_assert_true(nn_shape_equal(&no_field->shape, &NN_SHAPE(0)));
  g_autoptr(NnTensor) empty_field = load(&builder, "empty field");
  g_assert_true(nn_shape_equal(&empty_field->shape, &NN_SHAPE(3, 0)));
  g_autoptr(NnTensor) attribute = load(&builder, "attribute");
  g_assert_cmpint(attribute->i[0], ==, -7);
  onnx_builder_clear(&builder);
}

/* before IR version 4, initialisers were among the inputs too */
static void
test_weights_among_inputs(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_input(&builder, "w", &NN_SHAPE(4, 3, 1, 1));
  onnx_add_weights(&builder, "w", &NN_SHAPE(4, 3, 1, 1));
  onnx_add_node(&builder, "Conv", "x w", "y", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = onnx_builder_open(&builder, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(nn_model_graph(model)->n_inputs, ==, 1);
  onnx_builder_clear(&builder);
}

/* ---- files ---- */

/* bytes that this process has read so far, or -1 */
static gint64
bytes_read(void)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents("/proc/self/io", &text, NULL, NULL) ||
      !g_str_has_prefix(text, "rchar: "))
    return -1;
  return g_ascii_strtoll(text + strlen("rchar: "), NULL, 10);
}

/* A file of half a gigabyte, nearly all of it a hole where the weights of one layer are: a graph
 * message around an initialiser whose raw_data is the hole. */
static bool
write_large_file(const char *path, OnnxBuilder *builder)
{
  enum { BYTES = 2, HOLE = 1 << 29 };
  g_autoptr(GByteArray) before = g_byte_array_new(), head = g_byte_array_new();
  GByteArray *tensor = onnx_tensor_new("large", NN_ONNX_FLOAT, (int64_t[]){HOLE / 4}, 1);
  onnx_put_varint(tensor, RAW_DATA << 3 | BYTES);
  onnx_put_varint(tensor, HOLE);
  onnx_put_varint(head, 5 << 3 | BYTES);
  onnx_put_varint(head, tensor->len + (guint64)HOLE);
  g_byte_array_append(head, tensor->data, tensor->len);
  g_byte_array_append(before, builder->model->data, builder->model->len);
  onnx_put_varint(before, 7 << 3 | BYTES);
  onnx_put_varint(before, head->len + (guint64)HOLE + builder->graph->len);
  g_byte_array_append(before, head->data, head->len);
  g_byte_array_unref(tensor);
  int file = g_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  bool ok = file >= 0 && write(file, before->data, before->len) == (ssize_t)before->len &&
            lseek(file, HOLE, SEEK_CUR) > 0 &&
            write(file, builder->graph->data, builder->graph->len) == (ssize_t)builder->graph->len;
  if (file >= 0)
    close(file);
  return ok;
}

/* opening reads the structure only, and a layer only what it needs */
static void
test_large_file(void)
{
  enum { LITTLE = 1 << 17 };
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_weights(&builder, "w", &NN_SHAPE(4, 3, 1, 1));
  onnx_add_node(&builder, "Conv", "x w", "y", NULL);
  onnx_add_node(&builder, "Add", "y large", "z", NULL);
  g_autofree char *path = g_build_filename(g_get_tmp_dir(), "somnium-large-XXXXXX", NULL);
  int file = g_mkstemp(path);
  g_assert_cmpint(file, >=, 0);
  close(file);
  gint64 start = bytes_read();
  if (start < 0 || !write_large_file(path, &builder)) {
    g_test_skip("no /proc/self/io, or no large files in the temporary folder");
  } else {
    g_autoptr(GError) error = NULL;
    g_autoptr(NnModel) model = nn_model_open(path, &error);
    g_assert_no_error(error);
    g_autoptr(NnContext) context = nn_context_new(1);
    g_autoptr(NnProgram) program = nn_program_new(model, context, (const char *const[]){"y"}, 1,
                                                  (NnProgramOptions){.gradient = true}, &error);
    g_assert_no_error(error);
    g_assert_nonnull(program);
    gint64 end = bytes_read();
    g_assert_cmpint(end - start, >, 0);
    g_assert_cmpint(end - start, <, LITTLE);
  }
  g_unlink(path);
  onnx_builder_clear(&builder);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/onnx/good", test_good);
  g_test_add_func("/onnx/hostile/truncated", test_truncated);
  g_test_add_func("/onnx/hostile/changed-bytes", test_changed_bytes);
  g_test_add_func("/onnx/hostile/random", test_random);
  g_test_add_func("/onnx/hostile/empty", test_empty);
  g_test_add_func("/onnx/hostile/missing", test_missing_and_folder);
  g_test_add_func("/onnx/hostile/claims-2gb", test_claims_2gb);
  g_test_add_func("/onnx/hostile/weights-claim-2gb", test_weights_claim);
  g_test_add_func("/onnx/hostile/weights-length", test_weights_length);
  g_test_add_func("/onnx/hostile/negative-dimension", test_negative_dimension);
  g_test_add_func("/onnx/hostile/cycle", test_cycle);
  g_test_add_func("/onnx/hostile/duplicate-name", test_duplicate);
  g_test_add_func("/onnx/hostile/missing-value", test_missing_value);
  g_test_add_func("/onnx/hostile/invalid-text", test_invalid_text);
  g_test_add_func("/onnx/unsupported/operator", test_unsupported_operator);
  g_test_add_func("/onnx/unsupported/attribute", test_unsupported_attribute);
  g_test_add_func("/onnx/unsupported/elsewhere", test_unsupported_elsewhere);
  g_test_add_func("/onnx/reversed-order", test_reversed_order);
  g_test_add_func("/onnx/convert/half", test_half);
  g_test_add_func("/onnx/types", test_types);
  g_test_add_func("/onnx/types/mixed", test_types_mixed);
  g_test_add_func("/onnx/types/scalar-and-empty", test_scalar_and_empty);
  g_test_add_func("/onnx/weights-among-inputs", test_weights_among_inputs);
  g_test_add_func("/onnx/large-file", test_large_file);
  return g_test_run();
}
