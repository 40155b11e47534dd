/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The look at a network: its layers at one size, with receptive field, cost and memory, in columns
 * for people or between tabs for programs. */
#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "weights/net.h"
#include "weights/table.h"

#define DEFAULT_SIZE 224     /* px: what most classifiers are made for */
#define MAX_SIZE (1 << 16)   /* px */

/* ---- the size ---- */

static bool
parse_size(const char *text, int64_t *width, int64_t *height, GError **error)
{
  char *end;
  *width = *height = g_ascii_strtoll(text, &end, 10);
  if (*end == 'x')
    *height = g_ascii_strtoll(end + 1, &end, 10);
  if (*end == '\0' && *width >= 1 && *height >= 1 && *width <= MAX_SIZE && *height <= MAX_SIZE)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("“%s” is no size. Write width and height in pixels, like 640x480."), text);
  return false;
}

/* what the file leaves open is one RGB picture of the usual size */
static NnShape
input_shape(const NnShape *declared)
{
  NnShape shape = *declared;
  if (shape.rank == 0)
    shape = NN_SHAPE(0, 0, 0, 0);
  for (int i = 0; i < shape.rank; i++)
    if (shape.dim[i] == 0)
      shape.dim[i] = i == 0 ? 1 : i == 1 ? 3 : DEFAULT_SIZE;
  return shape;
}

static bool
take_inventory(SomNetLook *look, GError **error)
{
  const NnGraph *graph = nn_model_graph(look->network->model);
  g_autofree NnShape *shapes = g_new0(NnShape, graph->n_inputs + 1);
  for (size_t i = 0; i < graph->n_inputs; i++)
    shapes[i] = input_shape(&graph->values[graph->inputs[i]].type.shape);
  int64_t width, height;
  if (look->options->size != NULL) {
    if (!parse_size(look->options->size, &width, &height, error))
      return false;
    if (shapes[0].rank != 4) {
      g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT,
                          _("The network's input is no picture: leave --size out."));
      return false;
    }
    shapes[0].dim[2] = height;
    shapes[0].dim[3] = width;
  }
  look->shape = shapes[0];
  look->inventory = nn_inventory_new(look->network->model, shapes, error);
  return look->inventory != NULL;
}

/* ---- a layer's line ---- */

/* without an exponent, which nobody reads as pixels */
static void
append_number(GString *text, double number)
{
  bool whole = fabs(number - round(number)) < 1e-6;
  g_string_append_printf(text, whole ? "%.0f" : "%.4g", number);
}

/* one number where all axes have the same */
static char *
axes_text(double (*number)(const NnReceptiveField *field, int axis), const NnReceptiveField *field)
{
  GString *text = g_string_new(NULL);
  bool same = true;
  for (int a = 1; a < field->n_axes; a++)
    same = same && fabs(number(field, a) - number(field, 0)) < 1e-6;
  for (int a = 0; a < (same ? MIN(field->n_axes, 1) : field->n_axes); a++) {
    g_string_append(text, a > 0 ? " x " : "");
    append_number(text, number(field, a));
  }
  return g_string_free(text, FALSE);
}

static double
size_number(const NnReceptiveField *field, int axis)
{
  return (double)nn_receptive_field_size(field, axis);
}

static double
stride_number(const NnReceptiveField *field, int axis)
{
  return field->reach.stride[axis];
}

/* Layer: one value, as both kinds of listing show it; @node is %NULL for an input */
typedef struct {
  const char *name, *known_as, *made_by;
  const NnShape *shape; /* or NULL */
  const NnReceptiveField *field;
  const NnInventoryNode *node;
  int64_t operations, parameters;
  int64_t bytes;
} Layer;

enum { NAME, OPERATOR, SHAPE, FIELD, STRIDE, OPERATIONS, MEMORY, WEIGHTS, N_COLUMNS };

static void
add_to_table(const Layer *layer, SomTable *table)
{
  bool window = layer->shape != NULL && !layer->field->reach.everywhere && !layer->field->none;
  const char *elsewhere = layer->shape == NULL ? SOM_NET_UNKNOWN
                          : layer->field->none ? ""
                                               : _("all");
  g_autofree char *name = layer->known_as != NULL
                              ? g_strdup_printf("%s (%s)", layer->name, layer->known_as)
                              : g_strdup(layer->name);
  g_autofree char *shape = layer->shape != NULL ? nn_shape_to_string(layer->shape) : NULL;
  g_autofree char *field = window ? axes_text(size_number, layer->field) : g_strdup(elsewhere);
  g_autofree char *stride = window ? axes_text(stride_number, layer->field) : g_strdup("");
  g_autofree char *operations = som_count_text(layer->operations),
                  *memory = som_bytes_text(layer->bytes);
  g_autofree char *weights = som_bytes_text(layer->parameters * (int64_t)sizeof(float));
  const char *const cells[N_COLUMNS] = {
      [NAME] = name,
      [OPERATOR] = layer->made_by,
      [SHAPE] = shape != NULL ? shape : SOM_NET_UNKNOWN,
      [FIELD] = field,
      [STRIDE] = stride,
      [OPERATIONS] = layer->operations > 0 ? operations : "",
      [MEMORY] = shape != NULL ? memory : "",
      [WEIGHTS] = layer->parameters > 0 ? weights : "",
  };
  som_table_add(table, cells);
}

static void
append_axes(GString *line, const Layer *layer,
            double (*number)(const NnReceptiveField *field, int axis))
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  bool window = layer->shape != NULL && !layer->field->reach.everywhere && !layer->field->none;
  for (int a = 0; a < 2; a++) /* height, width */
    g_string_append_printf(
        line, "\t%s",
        window && a < layer->field->n_axes
            ? g_ascii_formatd(text, sizeof text, "%.12g", number(layer->field, a))
        : window || layer->shape == NULL ? ""
        : layer->field->none             ? "none"
                                         : "all");
}

/* backslashes stand before what would end the cell */
static void
append_escaped(GString *line, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);
  for (const char *at = valid; *at != '\0'; at++)
    if (*at == '\\' || *at == '\t' || *at == '\n' || *at == '\r')
      g_string_append_printf(line, "\\%c", *at == '\\' ? '\\' : *at == '\t' ? 't' : 'n');
    else if (g_ascii_iscntrl(*at))
      g_string_append_printf(line, "\\x%02x", (unsigned)*at);
    else
      g_string_append_c(line, *at);
}

static void
print_tsv(const Layer *layer)
{
  g_autoptr(GString) line = g_string_new(NULL);
  append_escaped(line, layer->name);
  g_string_append_c(line, '\t');
  append_escaped(line, layer->known_as);
  g_string_append_printf(line, "\t%s\t", layer->made_by);
  for (int i = 0; layer->shape != NULL && i < layer->shape->rank; i++)
    g_string_append_printf(line, "%s%" G_GINT64_FORMAT, i > 0 ? "x" : "", layer->shape->dim[i]);
  append_axes(line, layer, size_number);
  append_axes(line, layer, stride_number);
  g_string_append_printf(line,
                         "\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT "\t",
                         layer->operations, layer->bytes, layer->parameters);
  append_escaped(line, layer->node != NULL ? layer->node->problem : NULL);
  g_print("%s\n", line->str);
}

/* ---- all layers ---- */

static Layer
layer_of(const SomNetLook *look, NnValueId id, const NnNode *node, const NnInventoryNode *seen)
{
  const NnValue *value = &look->inventory->graph->values[id];
  Layer layer = {
      .name = value->name,
      .known_as = nn_network_alias_of(look->network, value->name),
      .made_by = node != NULL ? node->op->onnx_name : "(input)",
      .shape = nn_inventory_shape(look->inventory, id),
      .field = &look->inventory->fields[id],
      .node = seen,
  };
  if (layer.shape != NULL)
    layer.bytes = nn_shape_count(layer.shape) * (int64_t)nn_dtype_size(value->type.dtype);
  return layer;
}

static void
show(const Layer *layer, SomTable *table)
{
  if (table != NULL)
    add_to_table(layer, table);
  else
    print_tsv(layer);
}

/* every value that a run computes; @table: %NULL for the machine-readable form */
static void
show_layers(const SomNetLook *look, SomTable *table)
{
  const NnGraph *graph = look->inventory->graph;
  for (size_t i = 0; i < graph->n_inputs; i++) {
    Layer layer = layer_of(look, graph->inputs[i], NULL, NULL);
    show(&layer, table);
  }
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const NnInventoryNode *seen = &look->inventory->nodes[i];
    bool first = true; /* the node's cost stands with its first result */
    for (int o = 0; o < graph->nodes[i].n_outputs && !seen->constant; o++) {
      if (graph->nodes[i].outputs[o] == NN_NO_VALUE)
        continue;
      Layer layer = layer_of(look, graph->nodes[i].outputs[o], &graph->nodes[i], seen);
      layer.operations = first ? seen->operations : 0;
      layer.parameters = first ? seen->parameters : 0;
      show(&layer, table);
      first = false;
    }
  }
}

static void
print_table(const SomNetLook *look)
{
  static const bool right[N_COLUMNS] = {
      [FIELD] = true, [STRIDE] = true, [OPERATIONS] = true, [MEMORY] = true, [WEIGHTS] = true};
  const char *const titles[N_COLUMNS] = {
      [NAME] = _("Layer"),
      [OPERATOR] = _("Operator"),
      [SHAPE] = _("Shape"),
      /* translators: pixels that one element of a layer sees */
      [FIELD] = _("Field (px)"),
      /* translators: pixels from one element of a layer to the next */
      [STRIDE] = _("Stride (px)"),
      [OPERATIONS] = _("Operations"),
      [MEMORY] = _("Memory"),
      [WEIGHTS] = _("Weights"),
  };
  g_autoptr(SomTable) table = som_table_new(N_COLUMNS, right);
  som_table_add(table, titles);
  show_layers(look, table);
  g_autofree char *text = som_table_to_string(table);
  g_print("%s\n", text);
}

bool
som_net_look(const NnNetwork *network, const SomNetOptions *options, GError **error)
{
  SomNetLook look = {.network = network, .options = options};
  if (!take_inventory(&look, error))
    return false;
  if (options->tsv) {
    g_print("layer\tknown_as\toperator\tshape\tfield_height\tfield_width\tstride_height\t"
            "stride_width\toperations\tbytes\tparameters\tproblem\n");
    show_layers(&look, NULL);
  } else {
    g_autofree char *title = som_printable(network->title), *name = som_printable(network->name);
    g_print("%s%s%s\n\n", name, strcmp(name, title) != 0 ? ": " : "",
            strcmp(name, title) != 0 ? title : "");
    print_table(&look);
    som_net_print_facts(&look);
  }
  nn_inventory_free(look.inventory);
  return true;
}
