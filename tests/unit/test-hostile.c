/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that nobody should have made, and what becomes of them: an error of the right kind whose
 * sentence names the culprit, in time and memory that the file's size explains. */
#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nncore/analysis/footprint.h"
#include "nncore/effects/grad-cam.h"
#include "nncore/plan/workspace.h"
#include "onnx-builder.h"

#ifdef __SANITIZE_ADDRESS__
#define MANY 100000 /* a sanitizer needs some kilobytes a node */
#else
#define MANY 1000000
#endif

enum { RAW_DATA = 9 }; /* field of TensorProto */

static void
begin(OnnxBuilder *builder)
{
  onnx_builder_init(builder);
  onnx_add_input(builder, "x", &NN_SHAPE(1, 3, 0, 0));
}

/* the layer y reads x and, if there is one, the weights w */
static void
add_layer(OnnxBuilder *builder)
{
  onnx_add_node(builder, "Add", "x w", "y", NULL);
}

static void
assert_layer_works(NnModel *model)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnProgram) program = nn_program_new(model, context, (const char *const[]){"y"}, 1,
                                                (NnProgramOptions){.gradient = false}, &error);
  g_assert_no_error(error);
  g_assert_nonnull(program);
}

/* ---- the graph ---- */

static void
test_cycles(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "y", "y", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "“y” waits for its own result");
  begin(&builder);
  onnx_add_node(&builder, "Add", "x third", "first", NULL);
  onnx_add_node(&builder, "Relu", "first", "second", NULL);
  onnx_add_node(&builder, "Relu", "second", "third", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "“second” waits for its own result");
}

static void
test_names_twice(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_weights(&builder, "w", &NN_SHAPE(3, 1, 1));
  onnx_add_weights(&builder, "w", &NN_SHAPE(3, 1, 1));
  add_layer(&builder);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "“w” is defined twice");
  begin(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "“x” is defined twice");
  begin(&builder);
  onnx_add_input(&builder, "z", NULL);
  onnx_add_node(&builder, "Relu", "z", "x", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "“x” is defined twice");
  begin(&builder);
  onnx_add_weights(&builder, "w", &NN_SHAPE(3, 1, 1));
  onnx_add_node(&builder, "Relu", "x", "w", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "“w” is defined twice");
  begin(&builder);
  onnx_add_node(&builder, "Split", "x", "y y", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "“y” is defined twice");
}

static void
test_missing(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Conv", "x w", "y", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "“y” reads “w”, which nothing makes");
  begin(&builder);
  onnx_add_node(&builder, "Conv", "x", "y", NULL);
  onnx_assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, "Conv: It has 1 inputs");
  onnx_builder_init(&builder);
  onnx_add_weights(&builder, "w", &NN_SHAPE(3, 1, 1));
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "no ONNX network");
}

static void
test_other_domain(void)
{
  OnnxBuilder builder;
  begin(&builder);
  GByteArray *node = g_byte_array_new();
  onnx_put_string(node, 1, "x");
  onnx_put_string(node, 2, "y");
  onnx_put_string(node, 4, "Relu");
  onnx_put_string(node, 7, "com.example");
  onnx_put_message(builder.graph, 1, node);
  onnx_assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, "“Relu” of the domain “com.example”");
}

/* a value of text, and two outputs: no constant of ours, but no harm to other layers either */
static void
test_constants(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Constant", "", "w", "value_string=text");
  onnx_add_node(&builder, "Relu", "x", "z", NULL);
  add_layer(&builder);
  onnx_assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, "“w”");
  begin(&builder);
  onnx_add_node(&builder, "Constant", "", "w v", "value_int=1");
  add_layer(&builder);
  onnx_assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, "“w”");
}

static void
test_sparse(void)
{
  OnnxBuilder builder;
  begin(&builder);
  GByteArray *sparse = g_byte_array_new();
  onnx_put_message(sparse, 1, onnx_tensor_new("w", 1, (int64_t[]){3}, 1));
  onnx_put_message(builder.graph, 15, sparse);
  add_layer(&builder);
  onnx_assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, "“w”: Sparse");
}

/* ---- sizes ---- */

static void
test_dimensions(void)
{
  static const struct {
    int64_t dims[9];
    int rank;
    NnError code;
    const char *part;
  } cases[] = {
      {{3, -1, 1}, 3, NN_ERROR_SHAPE, "“w”: The shape 3 x -1 x 1"},
      {{G_MININT64}, 1, NN_ERROR_SHAPE, "“w”: The shape -9223372036854775808"},
      {{INT64_C(1) << 40, INT64_C(1) << 40}, 2, NN_ERROR_SHAPE, "“w”: The shape 1099511627776"},
      {{G_MAXINT64, 2}, 2, NN_ERROR_SHAPE, "“w”: The shape 9223372036854775807"},
      {{0, G_MAXINT64}, 2, NN_ERROR_SHAPE, "“w”: The shape 0 x 9223372036854775807"},
      {{1, 1, 1, 1, 1, 1, 1, 1, 1}, 9, NN_ERROR_UNSUPPORTED, "“w”: A tensor has 9 dimensions"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    OnnxBuilder builder;
    begin(&builder);
    onnx_add_raw(&builder, "w", 1, cases[i].dims, cases[i].rank, "1234", 4);
    add_layer(&builder);
    onnx_assert_opening_fails(&builder, cases[i].code, cases[i].part);
  }
}

static void
test_zero_dimensions(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_raw(&builder, "w", 1, (int64_t[]){0, 3, 3, 3}, 4, "", 0);
  onnx_add_node(&builder, "Conv", "x w", "y", NULL);
  onnx_assert_program_fails(&builder, NN_ERROR_SHAPE, "“y” (Conv)");
}

static void
put_dimensions(OnnxBuilder *builder, const char *name, int64_t dim, int rank)
{
  GByteArray *dims = g_byte_array_new(), *tensor = g_byte_array_new();
  GByteArray *type = g_byte_array_new(), *info = g_byte_array_new();
  for (int i = 0; i < rank; i++) {
    GByteArray *one = g_byte_array_new();
    onnx_put_int(one, 1, dim);
    onnx_put_message(dims, 1, one);
  }
  onnx_put_int(tensor, 1, 1);
  onnx_put_message(tensor, 2, dims);
  onnx_put_message(type, 1, tensor);
  onnx_put_string(info, 1, name);
  onnx_put_message(info, 2, type);
  onnx_put_message(builder->graph, 11, info);
}

static void
test_input_dimensions(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  put_dimensions(&builder, "x", INT64_C(1) << 40, 4);
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_SHAPE, "“x”: The shape 1099511627776");
  onnx_builder_init(&builder);
  put_dimensions(&builder, "x", 1, 9);
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  onnx_assert_opening_fails(&builder, NN_ERROR_UNSUPPORTED, "“x”: A tensor has 9 dimensions");
  onnx_builder_init(&builder);
  put_dimensions(&builder, "x", -1, 4); /* old exporters' word for a free one */
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  const NnGraph *graph = nn_model_graph(model);
  g_assert_true(nn_shape_equal(&graph->values[graph->inputs[0]].type.shape, &NN_SHAPE(0, 0, 0, 0)));
}

/* ---- numbers of things ---- */

static void
test_many_nodes(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "x", "v0", NULL);
  for (int i = 1; i < MANY; i++) {
    char from[16], to[16];
    g_snprintf(from, sizeof from, "v%d", i - 1);
    g_snprintf(to, sizeof to, "v%d", i);
    onnx_add_node(&builder, "Relu", from, to, NULL);
  }
  onnx_add_node(&builder, "Relu", "v1", "y", NULL);
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  g_assert_cmpuint(nn_model_graph(model)->n_nodes, ==, MANY + 1);
  assert_layer_works(model);
}

/* all its inputs are made after it, so each is found to be missing in its turn */
static void
test_fan_in(void)
{
  OnnxBuilder builder;
  begin(&builder);
  g_autoptr(GString) names = g_string_new("v0");
  for (int i = 1; i < MANY; i++)
    g_string_append_printf(names, " v%d", i);
  onnx_add_node(&builder, "Concat", names->str, "y", "axis=1");
  for (int i = 0; i < MANY; i++) {
    char to[16];
    g_snprintf(to, sizeof to, "v%d", i);
    onnx_add_node(&builder, "Relu", "x", to, NULL);
  }
  g_autofree char *sentence = g_strdup_printf("Concat: It has %d inputs", MANY);
  onnx_assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, sentence);
}

/* "Ez" and "FY" have the same value under the usual hash of strings, so have all their chains; with
 * it, this test would take hours */
static void
test_colliding_names(void)
{
  enum { PAIRS = 18 };
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  for (guint i = 0; i < 1u << PAIRS; i++) {
    char name[2 * PAIRS + 1] = {0};
    for (guint k = 0; k < PAIRS; k++)
      memcpy(name + 2 * (gsize)k, i >> k & 1 ? "Ez" : "FY", 2);
    onnx_add_node(&builder, "Relu", "x", name, NULL);
  }
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  assert_layer_works(model);
}

/* two bytes of the file each, but more in memory */
static void
test_empty_items(void)
{
  enum { COUNT = (1 << 23) + 1 };
  OnnxBuilder builder;
  begin(&builder);
  GByteArray *node = g_byte_array_new();
  g_byte_array_set_size(node, 2 * COUNT);
  for (gsize i = 0; i < COUNT; i++)
    memcpy(node->data + 2 * i, "\x0a", 2);
  onnx_put_string(node, 4, "Relu");
  onnx_put_message(builder.graph, 1, node);
  onnx_assert_opening_fails(&builder, NN_ERROR_UNSUPPORTED, "too many");
}

/* ---- the grammar ---- */

/* writes a field before what is at *@at, in a buffer that ends at @end */
static void
prepend_field(guint8 **at, const guint8 *end, guint8 field)
{
  g_autoptr(GByteArray) head = g_byte_array_new();
  onnx_put_varint(head, (guint64)field << 3 | 2);
  onnx_put_varint(head, (guint64)(end - *at));
  *at -= head->len;
  memcpy(*at, head->data, head->len);
}

static void
test_nested_graphs(void)
{
  enum { LEVELS = 100000, SIZE = LEVELS * 16 };
  g_autofree guint8 *buffer = g_malloc(SIZE);
  guint8 *end = buffer + SIZE, *at = end;
  for (int i = 0; i < LEVELS; i++) {
    prepend_field(&at, end, 6); /* AttributeProto.g */
    prepend_field(&at, end, 5); /* NodeProto.attribute */
    prepend_field(&at, end, 1); /* GraphProto.node */
  }
  OnnxBuilder builder;
  begin(&builder);
  GByteArray *node = g_byte_array_new(), *attribute = g_byte_array_new();
  onnx_put_string(attribute, 1, "then_branch");
  onnx_put_int(attribute, 20, 5);
  onnx_put_bytes(attribute, 6, at, (size_t)(end - at));
  onnx_put_string(node, 1, "x");
  onnx_put_string(node, 2, "y");
  onnx_put_string(node, 4, "If");
  onnx_put_message(node, 5, attribute);
  onnx_put_message(builder.graph, 1, node);
  onnx_assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, "“If”");
}

static void
test_huge_varints(void)
{
  static const struct {
    const char *bytes;
    size_t length;
  } cases[] = {
      {"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* a graph of 2^64 - 1 bytes */
      {"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* a number of 11 bytes */
      {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11}, /* in a key's place */
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* in ir_version */
      {"\x3a\x04\x0a\x02\x0a\x7f", 6}, /* longer than what is around it */
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_static(cases[i].bytes, cases[i].length);
    g_assert_null(nn_model_open_bytes(bytes, &error));
    onnx_assert_sentence(error, NN_ERROR_MALFORMED, "damaged");
  }
}

/* bytes that are no text, and a zero by which two names would look like one */
static void
test_names(void)
{
  static const struct {
    const char *bytes;
    size_t length;
  } names[] = {{"y\0z", 3}, {"\0", 1}, {"\xff\xfe", 2}, {"\xc3", 1}, {"\xed\xa0\x80", 3}};
  enum { INPUT = 1, OUTPUT = 2, NAME = 3, OP_TYPE = 4, DOMAIN = 7 };
  static const int fields[] = {INPUT, OUTPUT, NAME, OP_TYPE, DOMAIN};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    for (size_t f = 0; f < G_N_ELEMENTS(fields); f++) {
      OnnxBuilder builder;
      begin(&builder);
      GByteArray *node = g_byte_array_new();
      onnx_put_string(node, 4, "Relu");
      onnx_put_bytes(node, fields[f], names[i].bytes, names[i].length);
      onnx_put_message(builder.graph, 1, node);
      onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "is no text");
    }
}

/* a file with one of everything: cut anywhere, it ends in a sentence */
static void
test_truncated(void)
{
  OnnxBuilder builder;
  begin(&builder);
  GByteArray *external = onnx_tensor_new("w", 1, (int64_t[]){3, 1, 1}, 3);
  onnx_put_external(external, (const char *const[]){"location", "w.data", "offset", "12", NULL});
  onnx_add_initializer(&builder, external);
  GByteArray *typed = onnx_tensor_new("t", 7, (int64_t[]){1}, 1);
  onnx_put_int(typed, 7, 300);
  onnx_add_initializer(&builder, typed);
  GByteArray *sparse = g_byte_array_new();
  onnx_put_message(sparse, 1, onnx_tensor_new("s", 1, (int64_t[]){3}, 1));
  onnx_put_message(builder.graph, 15, sparse);
  GByteArray *constant = onnx_tensor_new("", 1, NULL, 0);
  onnx_put_bytes(constant, RAW_DATA, "1234", 4);
  onnx_add_constant(&builder, "c", constant);
  onnx_add_node(&builder, "LeakyRelu", "x", "z", "alpha=0.5f");
  onnx_add_node(&builder, "Transpose", "z", "y", "perm=0,2,3,1");
  onnx_add_output(&builder, "y");
  g_autoptr(GBytes) bytes = onnx_builder_bytes(&builder);
  onnx_builder_clear(&builder);
  for (gsize length = 0; length < g_bytes_get_size(bytes); length++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) part = g_bytes_new_from_bytes(bytes, 0, length);
    g_assert_null(nn_model_open_bytes(part, &error));
    onnx_assert_sentence(error, NN_ERROR_MALFORMED, length > 0 ? "network" : "empty");
  }
  g_autoptr(NnModel) whole = nn_model_open_bytes(bytes, NULL);
  assert_layer_works(whole);
}

/* ---- weights ---- */

static void
test_lengths(void)
{
  static const struct {
    int data_type, field;
    size_t length;
  } cases[] = {
      {1, RAW_DATA, 0},   {1, RAW_DATA, 11}, {1, RAW_DATA, 13}, {1, RAW_DATA, 16}, /* FLOAT */
      {10, RAW_DATA, 12}, {11, RAW_DATA, 7}, {7, RAW_DATA, 25}, /* others */
      {1, 4, 8},          {1, 4, 16},        {1, 4, 11},        {1, 4, 0}, /* float_data */
      {7, 7, 2},          {7, 7, 4},         {11, 10, 25},      {6, 5, 4},
      {1, 5, 12}, /* float elements as int32_data */
  };
  static const guint8 ones[32] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    OnnxBuilder builder;
    begin(&builder);
    GByteArray *tensor = onnx_tensor_new("w", cases[i].data_type, (int64_t[]){3, 1, 1}, 3);
    onnx_put_bytes(tensor, cases[i].field, ones, cases[i].length);
    onnx_add_initializer(&builder, tensor);
    add_layer(&builder);
    onnx_assert_program_fails(&builder, NN_ERROR_MALFORMED, "“w”: The weights do not have");
  }
}

/* raw_data and float_data: which should count? */
static void
test_two_fields(void)
{
  OnnxBuilder builder;
  begin(&builder);
  GByteArray *tensor = onnx_tensor_new("w", 1, (int64_t[]){3, 1, 1}, 3);
  onnx_put_bytes(tensor, RAW_DATA, "123412341234", 12);
  onnx_put_bytes(tensor, 4, "123412341234", 12);
  onnx_add_initializer(&builder, tensor);
  add_layer(&builder);
  onnx_assert_opening_fails(&builder, NN_ERROR_MALFORMED, "damaged");
}

static void
test_unusable_types(void)
{
  static const struct {
    int type;
    const char *part;
  } cases[] = {{8, "“w”: Weights of ONNX's element type 8 (STRING)"},
               {17, "17 (FLOAT8E4M3FN)"},
               {0, "type 0"},
               {-5, "type -5"},
               {1000, "type 1000"}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    OnnxBuilder builder;
    begin(&builder);
    onnx_add_raw(&builder, "w", cases[i].type, (int64_t[]){3, 1, 1}, 3, "123412341234", 12);
    add_layer(&builder);
    onnx_assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, cases[i].part);
  }
}

static void
test_not_a_number(void)
{
  static const struct {
    int type;
    const char *bytes;
    size_t length;
  } cases[] = {
      {1, "\0\0\xc0\x7f", 4},
      {10, "\0\x7e", 2},
      {16, "\xc0\xff", 2},
      {11, "\0\0\0\0\0\0\xf8\x7f", 8},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    OnnxBuilder builder;
    begin(&builder);
    onnx_add_raw(&builder, "w", cases[i].type, NULL, 0, cases[i].bytes, cases[i].length);
    add_layer(&builder);
    onnx_assert_program_fails(&builder, NN_ERROR_MALFORMED, "“w”: Some of them are no numbers");
  }
}

/* infinite weights are fine, as are bad ones that nobody needs */
static void
test_infinite(void)
{
  const float infinite[] = {INFINITY, -INFINITY, 1}, bad[] = {NAN};
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_raw(&builder, "w", 1, (int64_t[]){3, 1, 1}, 3, infinite, sizeof infinite);
  onnx_add_raw(&builder, "bad", 1, (int64_t[]){1}, 1, bad, sizeof bad);
  add_layer(&builder);
  onnx_add_node(&builder, "Add", "y bad", "z", NULL);
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  assert_layer_works(model);
}

/* ---- weights in other files: a folder with network.onnx and what a test puts beside it ---- */

typedef struct {
  char *folder, *network;
} Folder;

static void
make_folder(Folder *folder, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  folder->folder = g_dir_make_tmp("somnium-hostile-XXXXXX", &error);
  g_assert_no_error(error);
  folder->network = g_build_filename(folder->folder, "network.onnx", NULL);
}

static void
remove_tree(const char *path)
{
  g_autoptr(GDir) dir =
      g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    remove_tree(child);
  }
  g_assert_cmpint(g_remove(path), ==, 0);
}

static void
clear_folder(Folder *folder, gconstpointer data)
{
  remove_tree(folder->folder);
  g_free(folder->folder);
  g_free(folder->network);
}

static void
write_beside(const Folder *folder, const char *name, const void *bytes, size_t length)
{
  g_autofree char *path = g_build_filename(folder->folder, name, NULL);
  g_assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

static void
link_beside(const Folder *folder, const char *name, const char *target)
{
  g_autofree char *path = g_build_filename(folder->folder, name, NULL);
  g_assert_cmpint(symlink(target, path), ==, 0);
}

static void
write_network(const Folder *folder, OnnxBuilder *builder)
{
  g_autoptr(GBytes) bytes = onnx_builder_bytes(builder);
  onnx_builder_clear(builder);
  write_beside(folder, "network.onnx", g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

/* three weights w, said to be where @entries say */
static void
write_external(const Folder *folder, const char *const *entries)
{
  OnnxBuilder builder;
  begin(&builder);
  GByteArray *tensor = onnx_tensor_new("w", 1, (int64_t[]){3, 1, 1}, 3);
  onnx_put_external(tensor, entries);
  onnx_add_initializer(&builder, tensor);
  add_layer(&builder);
  onnx_add_node(&builder, "Relu", "x", "z", NULL);
  write_network(folder, &builder);
}

static void
assert_external_opens(const Folder *folder, int64_t offset)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = nn_model_open(folder->network, &error);
  g_assert_no_error(error);
  g_autoptr(NnTensor) w =
      nn_model_load_constant(model, nn_graph_find(nn_model_graph(model), "w"), &error);
  g_assert_no_error(error);
  for (int64_t i = 0; i < 3; i++)
    g_assert_cmpfloat(w->f[i], ==, (float)(offset / 4 + i));
  assert_layer_works(model);
}

/* opening fails, or what needs the weights does */
static void
assert_external_fails(const Folder *folder, NnError code, const char *part)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = nn_model_open(folder->network, &error);
  if (model != NULL)
    onnx_assert_layer_fails(model, code, part);
  else
    onnx_assert_sentence(error, code, part);
}

static void
write_numbers(const Folder *folder, const char *name)
{
  const float numbers[] = {0, 1, 2, 3, 4, 5};
  write_beside(folder, name, numbers, sizeof numbers);
}

static void
test_external(Folder *folder, gconstpointer data)
{
  write_numbers(folder, "w.data");
  write_external(folder, (const char *const[]){"location", "w.data", NULL});
  assert_external_opens(folder, 0);
  write_external(folder, (const char *const[]){"length", "12", "checksum", "?", "offset", "8",
                                               "location", "./w.data", NULL});
  assert_external_opens(folder, 8);
  g_autofree char *inner = g_build_filename(folder->folder, "inner", NULL);
  g_assert_cmpint(g_mkdir(inner, 0700), ==, 0);
  write_numbers(folder, "inner/w.data");
  write_external(folder, (const char *const[]){"location", "inner/w.data", "offset", "4", NULL});
  assert_external_opens(folder, 4);
  link_beside(folder, "link", "inner/w.data");
  write_external(folder, (const char *const[]){"location", "link", NULL});
  assert_external_opens(folder, 0);
}

/* a Constant's tensor, which lies in an attribute */
static void
test_external_attribute(Folder *folder, gconstpointer data)
{
  OnnxBuilder builder;
  begin(&builder);
  GByteArray *tensor = onnx_tensor_new("", 1, (int64_t[]){3, 1, 1}, 3);
  onnx_put_external(tensor, (const char *const[]){"location", "w.data", "offset", "12", NULL});
  onnx_add_constant(&builder, "w", tensor);
  add_layer(&builder);
  write_network(folder, &builder);
  write_numbers(folder, "w.data");
  assert_external_opens(folder, 12);
}

/* ".." behind a link: the folder above the link's end */
static void
test_external_above_link(Folder *folder, gconstpointer data)
{
  g_autofree char *inner = g_build_filename(folder->folder, "outer", "inner", NULL);
  g_assert_cmpint(g_mkdir_with_parents(inner, 0700), ==, 0);
  write_external(folder, (const char *const[]){"location", "w.data", NULL});
  g_autofree char *moved = g_build_filename(folder->folder, "outer", "network.onnx", NULL);
  g_assert_cmpint(g_rename(folder->network, moved), ==, 0);
  write_numbers(folder, "outer/w.data");
  link_beside(folder, "link", "outer/inner");
  g_autofree char *network =
      g_strconcat(folder->folder, "/link/../network.onnx", NULL); /* of outer */
  const Folder seen = {folder->folder, network};
  assert_external_opens(&seen, 0);
}

/* the network and its data are links into a store where they have other names, as download caches
 * have it */
static void
test_external_store(Folder *folder, gconstpointer data)
{
  g_autofree char *store = g_build_filename(folder->folder, "store", NULL);
  g_autofree char *snapshot = g_build_filename(folder->folder, "snapshot", NULL);
  g_assert_cmpint(g_mkdir(store, 0700), ==, 0);
  g_assert_cmpint(g_mkdir(snapshot, 0700), ==, 0);
  write_external(folder, (const char *const[]){"location", "w.data", NULL});
  g_autofree char *blob = g_build_filename(store, "1234", NULL);
  g_assert_cmpint(g_rename(folder->network, blob), ==, 0);
  write_numbers(folder, "store/5678");
  link_beside(folder, "snapshot/network.onnx", "../store/1234");
  link_beside(folder, "snapshot/w.data", "../store/5678");
  g_autofree char *network = g_build_filename(snapshot, "network.onnx", NULL);
  const Folder linked = {snapshot, network};
  assert_external_opens(&linked, 0);
}

static void
test_external_places(Folder *folder, gconstpointer data)
{
  static const char *const out[] = {"../x", "a/../../b", "..", "a/..", "/etc/passwd",
                                    "/",    "//x",       "",   "a//b", "a/"};
  for (size_t i = 0; i < G_N_ELEMENTS(out); i++) {
    g_autoptr(GError) error = NULL;
    write_external(folder, (const char *const[]){"location", out[i], NULL});
    g_assert_null(nn_model_open(folder->network, &error));
    g_autofree char *part = g_strdup_printf("“w”: They are said to be in “%s”", out[i]);
    onnx_assert_sentence(error, NN_ERROR_MALFORMED, part);
  }
  g_autofree char *name = g_strnfill(100000, 'a');
  write_external(folder, (const char *const[]){"location", name, NULL});
  assert_external_fails(folder, NN_ERROR_MALFORMED, "too long");
  name[255 + 1] = '\0'; /* longer than a name may be, shorter than a path */
  write_external(folder, (const char *const[]){"location", name, NULL});
  assert_external_fails(folder, NN_ERROR_READ, "“w”");
  write_external(folder, (const char *const[]){"offset", "0", NULL});
  assert_external_fails(folder, NN_ERROR_MALFORMED, "“w”: They are said to be in “”");
}

static void
test_external_links(Folder *folder, gconstpointer data)
{
  static const char *const targets[] = {"/etc/passwd", "/dev/zero", "..", "../../../../etc/passwd"};
  for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
    g_autofree char *name = g_strdup_printf("link%d", (int)i);
    link_beside(folder, name, targets[i]);
    write_external(folder, (const char *const[]){"location", name, NULL});
    assert_external_fails(folder, NN_ERROR_MALFORMED, "a link that leads out of the network's");
  }
  link_beside(folder, "outside", "/etc");
  write_external(folder, (const char *const[]){"location", "outside/passwd", NULL});
  assert_external_fails(folder, NN_ERROR_MALFORMED, "“outside/passwd”, a link that leads out");
  link_beside(folder, "loop", "loop");
  write_external(folder, (const char *const[]){"location", "loop", NULL});
  assert_external_fails(folder, NN_ERROR_READ, "“loop” cannot be opened");
}

static void
test_external_itself(Folder *folder, gconstpointer data)
{
  write_external(folder, (const char *const[]){"location", "network.onnx", NULL});
  assert_external_fails(folder, NN_ERROR_MALFORMED, "“network.onnx”, which is the network itself");
  link_beside(folder, "other", "network.onnx");
  write_external(folder, (const char *const[]){"location", "other", NULL});
  assert_external_fails(folder, NN_ERROR_MALFORMED, "“other”, which is the network itself");
  g_autofree char *hard = g_build_filename(folder->folder, "hard", NULL);
  write_external(folder, (const char *const[]){"location", "hard", NULL});
  g_assert_cmpint(link(folder->network, hard), ==, 0);
  assert_external_fails(folder, NN_ERROR_MALFORMED, "“hard”, which is the network itself");
}

/* must not wait for somebody to write */
static void
test_no_files(Folder *folder, gconstpointer data)
{
  g_autofree char *pipe = g_build_filename(folder->folder, "pipe", NULL);
  g_autofree char *inner = g_build_filename(folder->folder, "inner", NULL);
  g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
  g_assert_cmpint(g_mkdir(inner, 0700), ==, 0);
  write_external(folder, (const char *const[]){"location", "pipe", NULL});
  assert_external_fails(folder, NN_ERROR_READ, "“pipe” is not a file");
  write_external(folder, (const char *const[]){"location", "inner", NULL});
  assert_external_fails(folder, NN_ERROR_READ, "“inner” is not a file");
  write_external(folder, (const char *const[]){"location", ".", NULL});
  assert_external_fails(folder, NN_ERROR_MALFORMED, "“w”");
  const char *const networks[] = {pipe, inner, "/dev/zero"};
  for (size_t i = 0; i < G_N_ELEMENTS(networks); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(nn_model_open(networks[i], &error));
    onnx_assert_sentence(error, NN_ERROR_READ, "is not a file");
  }
}

static void
test_external_ranges(Folder *folder, gconstpointer data)
{
  static const struct {
    const char *offset, *length;
    NnError code;
    const char *part;
  } cases[] = {
      {"16", "12", NN_ERROR_READ, "“w”: “w.data” ends too early"},
      {"1000", "12", NN_ERROR_READ, "“w.data” ends too early"},
      {"9223372036854775807", "12", NN_ERROR_READ, "“w.data” ends too early"},
      {"9223372036854775800", "12", NN_ERROR_READ, "“w.data” ends too early"},
      {"18446744073709551615", "12", NN_ERROR_MALFORMED, "“18446744073709551615”"},
      {"-4", "12", NN_ERROR_MALFORMED, "“w”: Their place in another file is given as “-4”"},
      {"4 ", "12", NN_ERROR_MALFORMED, "“4 ”"},
      {"", "12", NN_ERROR_MALFORMED, "“”"},
      {"0x4", "12", NN_ERROR_MALFORMED, "“0x4”"},
      {"0", "8", NN_ERROR_MALFORMED, "“w”: The weights do not have the length"},
      {"0", "16", NN_ERROR_MALFORMED, "“w”: The weights do not have the length"},
      {"0", "0", NN_ERROR_MALFORMED, "“w”: The weights do not have the length"},
      {"0", "9223372036854775807", NN_ERROR_MALFORMED, "do not have the length"},
      {"0", "-12", NN_ERROR_MALFORMED, "“-12”"},
  };
  write_numbers(folder, "w.data");
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    write_external(folder, (const char *const[]){"location", "w.data", "offset", cases[i].offset,
                                                 "length", cases[i].length, NULL});
    assert_external_fails(folder, cases[i].code, cases[i].part);
  }
}

/* what needs no missing file works */
static void
test_external_missing(Folder *folder, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  write_external(folder, (const char *const[]){"location", "w.data", NULL});
  g_autoptr(NnModel) model = nn_model_open(folder->network, &error);
  g_assert_no_error(error);
  onnx_assert_layer_fails(model, NN_ERROR_READ, "“w”: The file “w.data”");
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnProgram) program = nn_program_new(model, context, (const char *const[]){"z"}, 1,
                                                (NnProgramOptions){.gradient = false}, &error);
  g_assert_no_error(error);
}

static void
test_external_in_memory(void)
{
  OnnxBuilder builder;
  begin(&builder);
  GByteArray *tensor = onnx_tensor_new("w", 1, (int64_t[]){3, 1, 1}, 3);
  onnx_put_external(tensor, (const char *const[]){"location", "w.data", NULL});
  onnx_add_initializer(&builder, tensor);
  add_layer(&builder);
  onnx_assert_program_fails(&builder, NN_ERROR_READ, "no folder to look in");
}

/* a shape of 2^40 elements over a file of 24 bytes: nothing may be allocated for it */
static void
test_external_claims(Folder *folder, gconstpointer data)
{
  OnnxBuilder builder;
  begin(&builder);
  GByteArray *tensor = onnx_tensor_new("w", 1, (int64_t[]){INT64_C(1) << 40}, 1);
  onnx_put_external(tensor, (const char *const[]){"location", "w.data", NULL});
  onnx_add_initializer(&builder, tensor);
  add_layer(&builder);
  write_network(folder, &builder);
  write_numbers(folder, "w.data");
  assert_external_fails(folder, NN_ERROR_READ, "“w”: “w.data” ends too early");
}

/* ---- results that nobody named ---- */

/* the second alone has a name; an estimate looks at all of the file */
static void
test_nameless_first(void)
{
  static const char *const layers[][2] = {{"Dropout", NULL},
                                          {"MaxPool", "kernel_shape=2,2 strides=2,2"}};
  for (size_t i = 0; i < G_N_ELEMENTS(layers); i++) {
    OnnxBuilder builder;
    begin(&builder);
    onnx_add_weights(&builder, "w", &NN_SHAPE(8, 3, 3, 3));
    onnx_add_node(&builder, "Conv", "x w", "conv", NULL);
    onnx_add_node(&builder, layers[i][0], "conv", " second", layers[i][1]);
    onnx_add_node(&builder, "Relu", "x", "y", NULL);
    g_autoptr(NnModel) model = onnx_builder_finish(&builder);
    g_autoptr(GError) error = NULL;
    g_autoptr(NnInventory) inventory =
        nn_inventory_of_picture(model, &NN_SHAPE(1, 3, 16, 16), &error);
    g_assert_no_error(error);
    NnFootprint footprint;
    g_assert_true(
        nn_footprint(inventory, nn_graph_find(inventory->graph, "y"), false, &footprint, &error));
    g_assert_no_error(error);
    g_assert_cmpfloat(footprint.forward, >=, 2 * 3 * 16 * 16 * 4);
    assert_layer_works(model);
  }
}

/* one makes nothing at all, and is not there: neither for what is looked for before a target, nor
 * for an estimate; be it an operator of ours or not */
static void
test_no_outputs(void)
{
  static const char *const ops[] = {"Print", "Relu", "Constant"};
  for (size_t i = 0; i < G_N_ELEMENTS(ops); i++) {
    OnnxBuilder builder;
    begin(&builder);
    onnx_add_weights(&builder, "w", &NN_SHAPE(8, 3, 3, 3));
    onnx_add_node(&builder, "Conv", "x w", "conv", NULL);
    onnx_add_node(&builder, ops[i], i < 2 ? "conv" : "", "", NULL);
    onnx_add_node(&builder, "Relu", "conv", "y", NULL);
    onnx_add_node(&builder, ops[i], i < 2 ? "y" : "", "", NULL);
    g_autoptr(NnModel) model = onnx_builder_finish(&builder);
    g_autoptr(GError) error = NULL;
    g_autoptr(NnInventory) inventory =
        nn_inventory_of_picture(model, &NN_SHAPE(1, 3, 16, 16), &error);
    g_assert_no_error(error);
    g_autofree char *map = nn_last_map(inventory, "y", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(map, ==, "conv");
    g_assert_cmpuint(inventory->graph->n_nodes, ==, 2);
    assert_layer_works(model);
  }
}

/* ---- a file that changes while it is open ---- */

static void
test_cut_while_open(Folder *folder, gconstpointer data)
{
  OnnxBuilder builder;
  begin(&builder);
  add_layer(&builder);
  onnx_add_weights(&builder, "w", &NN_SHAPE(3, 100, 100));
  write_network(folder, &builder);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = nn_model_open(folder->network, &error);
  g_assert_no_error(error);
  g_assert_cmpint(truncate(folder->network, 5000), ==, 0);
  onnx_assert_layer_fails(model, NN_ERROR_READ, "network.onnx” ends too early");
  g_assert_cmpint(truncate(folder->network, 0), ==, 0);
  onnx_assert_layer_fails(model, NN_ERROR_READ, "network.onnx” ends too early");
}

static void
test_cut_typed_while_open(Folder *folder, gconstpointer data)
{
  OnnxBuilder builder;
  begin(&builder);
  add_layer(&builder);
  GByteArray *tensor = onnx_tensor_new("w", 1, (int64_t[]){3, 100, 100}, 3);
  g_autofree float *zeros = g_new0(float, 30000);
  onnx_put_bytes(tensor, 4, zeros, 30000 * sizeof *zeros);
  onnx_add_initializer(&builder, tensor);
  write_network(folder, &builder);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = nn_model_open(folder->network, &error);
  g_assert_no_error(error);
  g_assert_cmpint(truncate(folder->network, 5000), ==, 0);
  onnx_assert_layer_fails(model, NN_ERROR_READ, "network.onnx” ends too early");
}

static void
test_cut_external_while_open(Folder *folder, gconstpointer data)
{
  g_autofree char *path = g_build_filename(folder->folder, "w.data", NULL);
  g_autoptr(GError) error = NULL;
  write_numbers(folder, "w.data");
  write_external(folder, (const char *const[]){"location", "w.data", NULL});
  g_autoptr(NnModel) model = nn_model_open(folder->network, &error);
  g_assert_no_error(error);
  assert_layer_works(model);
  g_assert_cmpint(truncate(path, 8), ==, 0);
  onnx_assert_layer_fails(model, NN_ERROR_READ, "“w.data” ends too early");
  g_assert_cmpint(g_unlink(path), ==, 0);
  onnx_assert_layer_fails(model, NN_ERROR_READ, "“w.data”");
}

/* ---- other files ---- */

static void
test_other_files(Folder *folder, gconstpointer data)
{
  static const struct {
    const char *bytes;
    size_t length;
    const char *part;
  } cases[] = {
      {"", 0, "The file is empty"},
      {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16, "is a picture"},
      {"\xff\xd8\xff\xe0\0\x10JFIF", 10, "is a picture"},
      {"RIFF\x10\0\0\0WEBPVP8 ", 16, "is a picture"},
      {"<!DOCTYPE html>\n<html><head>", 28, "is a web page"},
      {"<html>\n<head><title>404", 23, "is a web page"},
      {"<?xml version=\"1.0\"?><Error>", 28, "is a web page"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00", 56, "Git LFS pointer"},
      {"PK\3\4\0\0\x08\x08\0\0archive/data.pkl", 26, "torch.onnx.export"},
      {"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15, "torch.onnx.export"},
      {"\x89HDF\r\n\x1a\n\0\0", 10, "Keras"},
      {"\x1c\0\0\0TFL3\x14\0 \0", 12, "TensorFlow Lite"},
      {"\x10\0\0\0\0\0\0\0{\"weight\":{}}   ", 24, "safetensors"},
      {"\x1f\x8b\x08\0\0\0\0\0\0\x03", 10, "unpack"},
      {"just some words", 15, "is no ONNX network"},
      {"x", 1, "is no ONNX network"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    write_beside(folder, "network.onnx", cases[i].bytes, cases[i].length);
    g_assert_null(nn_model_open(folder->network, &error));
    onnx_assert_sentence(error, NN_ERROR_MALFORMED, cases[i].part);
  }
}

static void
add_folder_test(const char *path, void (*test)(Folder *, gconstpointer))
{
  g_test_add(path, Folder, NULL, make_folder, test, clear_folder);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/hostile/graph/cycles", test_cycles);
  g_test_add_func("/hostile/graph/names-twice", test_names_twice);
  g_test_add_func("/hostile/graph/missing", test_missing);
  g_test_add_func("/hostile/graph/other-domain", test_other_domain);
  g_test_add_func("/hostile/graph/constants", test_constants);
  g_test_add_func("/hostile/graph/sparse", test_sparse);
  g_test_add_func("/hostile/sizes/dimensions", test_dimensions);
  g_test_add_func("/hostile/sizes/zero", test_zero_dimensions);
  g_test_add_func("/hostile/sizes/input", test_input_dimensions);
  g_test_add_func("/hostile/many/nodes", test_many_nodes);
  g_test_add_func("/hostile/many/fan-in", test_fan_in);
  g_test_add_func("/hostile/many/colliding-names", test_colliding_names);
  g_test_add_func("/hostile/many/empty-items", test_empty_items);
  g_test_add_func("/hostile/grammar/nested-graphs", test_nested_graphs);
  g_test_add_func("/hostile/grammar/huge-varints", test_huge_varints);
  g_test_add_func("/hostile/grammar/names", test_names);
  g_test_add_func("/hostile/grammar/truncated", test_truncated);
  g_test_add_func("/hostile/weights/lengths", test_lengths);
  g_test_add_func("/hostile/weights/two-fields", test_two_fields);
  g_test_add_func("/hostile/weights/unusable-types", test_unusable_types);
  g_test_add_func("/hostile/weights/not-a-number", test_not_a_number);
  g_test_add_func("/hostile/weights/infinite", test_infinite);
  add_folder_test("/hostile/external/good", test_external);
  add_folder_test("/hostile/external/attribute", test_external_attribute);
  add_folder_test("/hostile/external/above-link", test_external_above_link);
  add_folder_test("/hostile/external/store", test_external_store);
  add_folder_test("/hostile/external/places", test_external_places);
  add_folder_test("/hostile/external/links", test_external_links);
  add_folder_test("/hostile/external/itself", test_external_itself);
  add_folder_test("/hostile/external/no-files", test_no_files);
  add_folder_test("/hostile/external/ranges", test_external_ranges);
  add_folder_test("/hostile/external/missing", test_external_missing);
  g_test_add_func("/hostile/external/in-memory", test_external_in_memory);
  add_folder_test("/hostile/external/claims", test_external_claims);
  g_test_add_func("/hostile/nameless-first", test_nameless_first);
  g_test_add_func("/hostile/no-outputs", test_no_outputs);
  add_folder_test("/hostile/cut-while-open/raw", test_cut_while_open);
  add_folder_test("/hostile/cut-while-open/typed", test_cut_typed_while_open);
  add_folder_test("/hostile/cut-while-open/external", test_cut_external_while_open);
  add_folder_test("/hostile/other-files", test_other_files);
  return g_test_run();
}
