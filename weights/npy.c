/* SPDX-License-Identifier: GPL-3.0-or-later */
/* .npy files: a magic, the length of a header, the header (a Python literal), the elements. */
#include "weights/npy.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/onnx/source.h"

#define MAGIC "\x93NUMPY\x01\x00"
enum { MAGIC_LENGTH = 8, PREFIX_LENGTH = 10 };

static bool
set_format_error(const char *path, GError **error)
{
  g_autofree char *name = g_filename_display_name(path);
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
              _("“%s” is no .npy file, or it is damaged. Write it with numpy.save()."), name);
  return false;
}

/* the commonest ways to save something else */
static bool
check_header(const char *header, const char *path, GError **error)
{
  g_autofree char *name = g_filename_display_name(path);
  if (strstr(header, "'<f4'") == NULL)
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("“%s” holds numbers of another type than float32. Convert them with "
                  "array.astype('float32')."),
                name);
  else if (strstr(header, "'fortran_order': False") == NULL)
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("“%s” holds an array in Fortran's order. Save "
                  "numpy.ascontiguousarray(array) instead."),
                name);
  else
    return true;
  return false;
}

/* "'shape': (1, 3, 224, 224)," */
static bool
parse_shape(const char *header, NnShape *shape)
{
  const char *at = strstr(header, "'shape':");
  at = at != NULL ? strchr(at, '(') : NULL;
  if (at == NULL)
    return false;
  at++;
  while (*at != ')' && *at != '\0') {
    char *end;
    gint64 dim = g_ascii_strtoll(at, &end, 10);
    if (end == at || dim < 0 || shape->rank >= NN_MAX_RANK)
      return false;
    shape->dim[shape->rank++] = dim;
    at = end + strspn(end, ", ");
  }
  return *at == ')';
}

/* (transfer full): the header, ended by a zero; @start: (out): where the elements start */
static char *
read_header(const NnSource *source, const char *path, int64_t *start, GError **error)
{
  guchar prefix[PREFIX_LENGTH];
  if (nn_source_size(source) < PREFIX_LENGTH) {
    set_format_error(path, error);
    return NULL;
  }
  if (!nn_source_read(source, 0, prefix, PREFIX_LENGTH, error))
    return NULL;
  gsize length = prefix[8] + 256u * prefix[9];
  *start = PREFIX_LENGTH + (int64_t)length;
  if (memcmp(prefix, MAGIC, MAGIC_LENGTH) != 0 || nn_source_size(source) < *start) {
    set_format_error(path, error);
    return NULL;
  }
  g_autofree char *text = g_malloc0(length + 1);
  if (!nn_source_read(source, PREFIX_LENGTH, text, length, error))
    return NULL;
  return g_steal_pointer(&text);
}

NnTensor *
som_npy_load(const char *path, GError **error)
{
  g_autoptr(NnSource) source = nn_source_open(path, error);
  int64_t start = 0;
  NnShape shape = {0};
  g_autofree char *text = source != NULL ? read_header(source, path, &start, error) : NULL;
  if (text == NULL || !check_header(text, path, error))
    return NULL;
  /* before anything of the size that the header claims is allocated */
  if (!parse_shape(text, &shape) || !nn_shape_check(&shape, NULL) ||
      nn_source_size(source) - start != nn_shape_count(&shape) * (int64_t)sizeof(float)) {
    set_format_error(path, error);
    return NULL;
  }
  g_autoptr(NnTensor) tensor = nn_tensor_new(NN_DTYPE_FLOAT, &shape, error);
  if (tensor == NULL ||
      !nn_source_read(source, start, tensor->data, nn_tensor_bytes(tensor), error))
    return NULL;
  return g_steal_pointer(&tensor);
}

static char *
make_header(const NnShape *shape, NnDtype dtype)
{
  GString *header = g_string_new(NULL);
  g_string_printf(header, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                  dtype == NN_DTYPE_INT64 ? "<i8" : "<f4");
  for (int i = 0; i < shape->rank; i++)
    g_string_append_printf(header, "%" G_GINT64_FORMAT ", ", shape->dim[i]);
  g_string_append(header, "), }");
  while ((PREFIX_LENGTH + header->len + 1) % 64 != 0)
    g_string_append_c(header, ' ');
  g_string_append_c(header, '\n');
  return g_string_free(header, FALSE);
}

bool
som_npy_save(const char *path, const NnTensor *tensor, GError **error)
{
  g_autofree char *header = make_header(&tensor->shape, tensor->dtype);
  gsize length = strlen(header), start = PREFIX_LENGTH + length;
  char *file = nn_alloc(1, start + nn_tensor_bytes(tensor), error);
  if (file == NULL)
    return false;
  memcpy(file, MAGIC, MAGIC_LENGTH);
  file[8] = (char)(length & 255);
  file[9] = (char)(length >> 8);
  memcpy(file + PREFIX_LENGTH, header, length);
  NnTensor plain = {.shape = tensor->shape, .dtype = tensor->dtype, .data = file + start};
  nn_tensor_copy(tensor, &plain);
  bool saved = g_file_set_contents(path, file, (gssize)(start + nn_tensor_bytes(tensor)), error);
  nn_free(file);
  return saved;
}
