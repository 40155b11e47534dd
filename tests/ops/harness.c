/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs one operator row by itself. */
#include "tests/ops/harness.h"

#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"

static void *
allocate(size_t count, size_t size)
{
  GError *error = NULL;
  void *memory = nn_alloc0(count, size, &error);
  g_assert_no_error(error);
  return memory;
}

/* ---- text ---- */

static void
parse_list(NnAttribute *item, const char *text)
{
  g_autofree char *inner = g_strndup(text + 1, strlen(text) - 2);
  g_auto(GStrv) words = g_strsplit(inner, ",", -1);
  item->kind = NN_ATTRIBUTE_INTS;
  item->count = g_strv_length(words);
  item->ints = allocate(item->count, sizeof(int64_t));
  for (size_t i = 0; i < item->count; i++)
    item->ints[i] = g_ascii_strtoll(words[i], NULL, 10);
}

NnAttributes
case_attributes(const char *text)
{
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  size_t count = text[0] == '\0' ? 0 : g_strv_length(words);
  NnAttributes attributes = {.items = allocate(count, sizeof(NnAttribute)), .count = count};
  for (size_t i = 0; i < count; i++) {
    NnAttribute *item = &attributes.items[i];
    const char *value = strchr(words[i], '=') + 1;
    item->name = nn_strndup(words[i], (size_t)(value - 1 - words[i]), NULL);
    if (value[0] == '[') {
      parse_list(item, value);
    } else if (g_ascii_isalpha(value[0])) {
      item->kind = NN_ATTRIBUTE_STRING;
      item->s = nn_strndup(value, strlen(value), NULL);
    } else if (strchr(value, '.') != NULL) {
      item->kind = NN_ATTRIBUTE_FLOAT;
      item->f = (float)g_ascii_strtod(value, NULL);
    } else {
      item->kind = NN_ATTRIBUTE_INT;
      item->i = g_ascii_strtoll(value, NULL, 10);
    }
  }
  return attributes;
}

static NnShape
parse_shape(const char *text)
{
  NnShape shape = {0};
  if (strcmp(text, "scalar") == 0)
    return shape;
  g_auto(GStrv) words = g_strsplit(text, "x", -1);
  for (int i = 0; words[i] != NULL; i++)
    shape.dim[shape.rank++] = g_ascii_strtoll(words[i], NULL, 10);
  return shape;
}

static bool
has_values(const char *text)
{
  return text[0] != '\0' && text[1] == ':';
}

/* shape and dtype; @values: the list of an input that gives its values, else NULL */
static NnTensor
parse_input(const char *text, bool *varies, char ***values)
{
  bool integers = text[0] == 'i' || text[0] == 'b';
  NnTensor tensor = {.dtype = integers ? NN_DTYPE_INT64 : NN_DTYPE_FLOAT};
  *varies = text[0] != '*' && !has_values(text);
  *values = NULL;
  if (has_values(text)) {
    *values = g_strsplit(text + 2, ",", -1);
    int64_t count = text[2] == '\0' ? 0 : (int64_t)g_strv_length(*values);
    tensor.shape = (NnShape){.rank = text[0] != 'f' || count != 1, .dim = {count}};
  } else {
    tensor.shape = parse_shape(text + (text[0] == '*' || text[0] == 'i' || text[0] == 'p'));
  }
  return tensor;
}

static void
set_value(NnTensor *tensor, int64_t i, const char *text)
{
  if (tensor->dtype == NN_DTYPE_INT64)
    tensor->i[i] = g_ascii_strtoll(text, NULL, 10);
  else
    tensor->f[i] = (float)g_ascii_strtod(text, NULL);
}

NnTensor
case_input(const char *text, GRand *random, bool *varies)
{
  g_auto(GStrv) values = NULL;
  NnTensor tensor = parse_input(text, varies, &values);
  int64_t count = nn_shape_count(&tensor.shape);
  bool positive = !*varies || text[0] == 'p'; /* constants may be variances: not small either */
  tensor.data = allocate((size_t)count, nn_dtype_size(tensor.dtype));
  for (int64_t i = 0; i < count; i++)
    if (values != NULL)
      set_value(&tensor, i, values[i]);
    else if (tensor.dtype == NN_DTYPE_INT64)
      tensor.i[i] = g_rand_int_range(random, -100, 100);
    else
      tensor.f[i] = (float)g_rand_double_range(random, positive ? 0.5 : -1, positive ? 1.5 : 1);
  return tensor;
}

/* distinct values with an equal distance from each other and half of it from zero */
static double
space_values(NnTensor *tensor, GRand *random)
{
  int64_t count = nn_shape_count(&tensor->shape);
  double spacing = 2.0 / (double)count;
  for (int64_t i = 0; i < count; i++)
    tensor->f[i] = (float)(((double)(i - count / 2) + 0.5) * spacing);
  for (int64_t i = count - 1; i > 0; i--) {
    int64_t j = g_rand_int_range(random, 0, (int)i + 1);
    float swap = tensor->f[i];
    tensor->f[i] = tensor->f[j];
    tensor->f[j] = swap;
  }
  return spacing;
}

/* ---- infer ---- */

static bool
parse_params(const Case *test, const NnOp *op, void *params, GError **error)
{
  NnAttributes attributes = case_attributes(test->attributes);
  bool ok = op->parse == NULL || op->parse(&attributes, params, error);
  if (ok)
    g_assert_cmpstr(nn_attributes_unknown(&attributes), ==, NULL);
  nn_attributes_clear(&attributes);
  return ok;
}

/* Types only: shapes may be hostile, so nothing of their size is allocated; only "i:" inputs have
 * elements. */
bool
bench_infer(const Case *test, NnType out[2], GError **error)
{
  const NnOp *op = nn_op_find(test->op);
  g_assert_nonnull(op);
  NnType types[MAX_CASE_INPUTS] = {0};
  NnTensor tensors[MAX_CASE_INPUTS] = {0};
  const NnTensor *constants[MAX_CASE_INPUTS] = {0};
  int n_inputs = 0;
  for (; n_inputs < MAX_CASE_INPUTS && test->inputs[n_inputs] != NULL; n_inputs++) {
    const char *text = test->inputs[n_inputs];
    if (strcmp(text, "-") == 0)
      continue;
    bool varies;
    g_auto(GStrv) values = NULL;
    tensors[n_inputs] = parse_input(text, &varies, &values);
    types[n_inputs] = (NnType){tensors[n_inputs].shape, tensors[n_inputs].dtype, true};
    if (values != NULL) {
      tensors[n_inputs] = case_input(text, NULL, &varies);
      constants[n_inputs] = &tensors[n_inputs];
    }
  }
  void *params = g_malloc0(op->params_bytes + 1);
  NnInfer infer = {params, n_inputs, types, constants, MAX(test->outputs, 1), out};
  bool ok = parse_params(test, op, params, error) && op->infer(&infer, error);
  g_free(params);
  for (int i = 0; i < n_inputs; i++)
    nn_free(tensors[i].data);
  return ok;
}

/* ---- layouts ---- */

static bool
rank_has_channels_last(const NnShape *shape)
{
  return shape->rank >= 3 && shape->rank <= 5;
}

bool
bench_has_layout(const Case *test, NnLayout layout)
{
  const NnOp *op = nn_op_find(test->op);
  g_assert_nonnull(op);
  NnType out[2] = {0};
  GError *error = NULL;
  bench_infer(test, out, &error);
  g_assert_no_error(error);
  bool can_last = rank_has_channels_last(&out[0].shape) && out[0].dtype == NN_DTYPE_FLOAT;
  if (layout == NN_LAYOUT_CHANNELS_LAST)
    return op->layout != NN_TAKES_PLAIN && can_last;
  return op->layout != NN_TAKES_CHANNELS_LAST || !can_last;
}

/* as graph/ brings inputs to equal rank before they go channels-last */
static void
raise_rank(NnShape *shape, int rank)
{
  int missing = rank - shape->rank;
  if (missing <= 0)
    return;
  memmove(shape->dim + missing, shape->dim, sizeof shape->dim[0] * (size_t)shape->rank);
  for (int i = 0; i < missing; i++)
    shape->dim[i] = 1;
  shape->rank = rank;
}

static void
change_layout(NnTensor *tensor)
{
  NnTensor last = *tensor;
  last.layout = NN_LAYOUT_CHANNELS_LAST;
  last.data = allocate((size_t)nn_shape_count(&tensor->shape), nn_dtype_size(tensor->dtype));
  nn_tensor_copy(tensor, &last);
  nn_free(tensor->data);
  *tensor = last;
}

static void
arrange_inputs(Bench *bench, int rank)
{
  if (bench->layout == NN_LAYOUT_PLAIN)
    return;
  bool any = bench->op->layout == NN_TAKES_ANY;
  for (int i = 0; i < bench->n_inputs; i++) {
    NnTensor *tensor = &bench->in[i];
    bool is_weight = (bench->op->constant_inputs >> i & 1) != 0;
    if (tensor->data == NULL || is_weight || (!any && i > 0))
      continue;
    raise_rank(&tensor->shape, rank);
    change_layout(tensor);
  }
}

/* ---- a bench ---- */

static void
load_inputs(Bench *bench, const Case *test)
{
  GRand *random = g_rand_new_with_seed(1);
  for (; bench->n_inputs < MAX_CASE_INPUTS && test->inputs[bench->n_inputs] != NULL;
       bench->n_inputs++) {
    int i = bench->n_inputs;
    if (strcmp(test->inputs[i], "-") == 0)
      continue;
    bench->in[i] = case_input(test->inputs[i], random, &bench->varies[i]);
    if (test->kinked && bench->varies[i])
      bench->spacing = space_values(&bench->in[i], random);
    if (!bench->varies[i])
      bench->constants[i] = &bench->in[i];
  }
  g_rand_free(random);
}

static void
infer_outputs(Bench *bench, const Case *test)
{
  for (int i = 0; i < bench->n_inputs; i++)
    bench->types_in[i] =
        (NnType){bench->in[i].shape, bench->in[i].dtype, bench->in[i].data != NULL};
  NnInfer infer = {bench->params,    bench->n_inputs,  bench->types_in,
                   bench->constants, bench->n_outputs, bench->types_out};
  GError *error = NULL;
  g_assert_true(bench->op->infer(&infer, &error));
  g_assert_no_error(error);
}

static void
make_buffers(Bench *bench, int threads, bool gradient)
{
  NnInfer infer = {bench->params,    bench->n_inputs,  bench->types_in,
                   bench->constants, bench->n_outputs, bench->types_out};
  for (int o = 0; o < bench->n_outputs; o++) {
    const NnType *type = &bench->types_out[o];
    bool last = bench->layout == NN_LAYOUT_CHANNELS_LAST && rank_has_channels_last(&type->shape);
    bench->out[o] = (NnTensor){.shape = type->shape,
                               .dtype = type->dtype,
                               .layout = last ? NN_LAYOUT_CHANNELS_LAST : NN_LAYOUT_PLAIN};
    size_t count = (size_t)nn_shape_count(&type->shape);
    bench->out[o].data = allocate(count, nn_dtype_size(type->dtype));
    bench->grad_out[o] = bench->out[o];
    bench->grad_out[o].data =
        type->dtype == NN_DTYPE_FLOAT && o == 0 ? allocate(count, sizeof(float)) : NULL;
  }
  for (int i = 0; i < bench->n_inputs; i++) {
    bench->grad_in[i] = bench->in[i];
    size_t count = (size_t)nn_shape_count(&bench->in[i].shape);
    bool wanted = gradient && bench->varies[i] && bench->in[i].dtype == NN_DTYPE_FLOAT;
    bench->grad_in[i].data = wanted ? allocate(count, sizeof(float)) : NULL;
  }
  if (gradient && bench->op->aux_bytes != NULL)
    bench->aux = allocate(1, bench->op->aux_bytes(&infer));
  if (bench->op->scratch_bytes != NULL)
    bench->scratch = allocate(1, bench->op->scratch_bytes(&infer, threads, gradient));
}

Bench *
bench_new(const Case *test, NnLayout layout, int threads, bool gradient)
{
  Bench *bench = g_new0(Bench, 1);
  GError *error = NULL;
  bench->op = nn_op_find(test->op);
  g_assert_nonnull(bench->op);
  bench->layout = layout;
  bench->n_outputs = MAX(test->outputs, 1);
  bench->context = nn_context_new(threads);
  bench->params = g_malloc0(bench->op->params_bytes + 1);
  g_assert_true(parse_params(test, bench->op, bench->params, &error));
  load_inputs(bench, test);
  infer_outputs(bench, test);
  if (bench->op->prepare != NULL) {
    NnPrepare prepare = {bench->params, bench->n_inputs, bench->constants, gradient};
    bench->prepared = bench->op->prepare(&prepare, &error);
    g_assert_no_error(error);
    g_assert_nonnull(bench->prepared);
  }
  arrange_inputs(bench, bench->types_out[0].shape.rank);
  make_buffers(bench, threads, gradient);
  return bench;
}

void
bench_free(Bench *bench)
{
  if (bench == NULL)
    return;
  for (int i = 0; i < bench->n_inputs; i++) {
    nn_free(bench->in[i].data);
    nn_free(bench->grad_in[i].data);
  }
  for (int o = 0; o < bench->n_outputs; o++) {
    nn_free(bench->out[o].data);
    nn_free(bench->grad_out[o].data);
  }
  if (bench->prepared != NULL)
    bench->op->free_prepared(bench->prepared);
  nn_free(bench->aux);
  nn_free(bench->scratch);
  nn_context_free(bench->context);
  g_free(bench->params);
  g_free(bench);
}

int64_t
bench_count(const Bench *bench, int output)
{
  return nn_shape_count(&bench->out[output].shape);
}

float *
bench_seed(const Bench *bench)
{
  GRand *random = g_rand_new_with_seed(2);
  float *seed = g_new(float, bench_count(bench, 0));
  for (int64_t i = 0; i < bench_count(bench, 0); i++)
    seed[i] = (float)g_rand_double_range(random, -1, 1);
  g_rand_free(random);
  return seed;
}

static void
poison(const NnTensor *tensor)
{
  if (tensor->data == NULL)
    return;
  int64_t count = nn_shape_count(&tensor->shape);
  for (int64_t i = 0; i < count; i++)
    if (tensor->dtype == NN_DTYPE_FLOAT)
      tensor->f[i] = NAN;
    else
      tensor->i[i] = INT64_MIN;
}

static NnOpRun
run_of(const Bench *bench)
{
  return (NnOpRun){.context = bench->context,
                   .params = bench->params,
                   .n_inputs = bench->n_inputs,
                   .n_outputs = bench->n_outputs,
                   .in = bench->in,
                   .out = bench->out,
                   .prepared = bench->prepared,
                   .aux = bench->aux,
                   .scratch = bench->scratch};
}

void
bench_forward(Bench *bench, NnActivation activation, uint8_t *bits)
{
  for (int o = 0; o < bench->n_outputs; o++)
    poison(&bench->out[o]);
  NnOpRun run = run_of(bench);
  run.activation = activation;
  run.activation_bits = bits;
  bench->op->forward(&run);
}

void
bench_backward(Bench *bench, const float *seed)
{
  NnTensor in[MAX_CASE_INPUTS], out[2];
  unsigned varying = 0;
  for (int i = 0; i < bench->n_inputs; i++)
    varying |= bench->varies[i] ? 1u << i : 0;
  unsigned keeps = bench->op->keeps != NULL ? bench->op->keeps(bench->params, varying) : 0;
  for (int i = 0; i < bench->n_inputs; i++) {
    in[i] = bench->in[i];
    if (bench->varies[i] && !(keeps & NN_KEEPS_INPUT(i)))
      in[i].data = NULL;
    poison(&bench->grad_in[i]);
  }
  for (int o = 0; o < bench->n_outputs; o++) {
    out[o] = bench->out[o];
    if (o > 0 || !(keeps & NN_KEEPS_OUTPUT))
      out[o].data = NULL;
  }
  memcpy(bench->grad_out[0].f, seed, nn_tensor_bytes(&bench->grad_out[0]));
  NnOpRun run = run_of(bench);
  run.in = in;
  run.out = out;
  run.grad_out = bench->grad_out;
  run.grad_in = bench->grad_in;
  bench->op->backward(&run);
}
