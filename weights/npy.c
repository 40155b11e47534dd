/* SPDX-License-Identifier: GPL-3.0-or-later */
/* .npy files: a magic, the length of a header, the header (a Python literal), the elements. */
#include "weights/npy.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"

#define MAGIC "\x93NUMPY\x01\x00"
enum { MAGIC_LENGTH = 8, PREFIX_LENGTH = 10 };

static bool
set_format_error(const char *path, GError **error)
{
  g_autofree char *name = g_filename_display_name(path);
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED, _("“%s” is no .npy file of float32 in C order."),
              name);
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

NnTensor *
som_npy_load(const char *path, GError **error)
{
  g_autofree char *bytes = NULL;
  gsize length;
  if (!g_file_get_contents(path, &bytes, &length, error))
    return NULL;
  const guchar *prefix = (const guchar *)bytes;
  gsize header = length >= PREFIX_LENGTH ? prefix[8] + 256u * prefix[9] : 0;
  NnShape shape = {0};
  if (length < PREFIX_LENGTH + header || memcmp(bytes, MAGIC, MAGIC_LENGTH) != 0) {
    set_format_error(path, error);
    return NULL;
  }
  g_autofree char *text = g_strndup(bytes + PREFIX_LENGTH, header);
  if (strstr(text, "'<f4'") == NULL || strstr(text, "'fortran_order': False") == NULL ||
      !parse_shape(text, &shape)) {
    set_format_error(path, error);
    return NULL;
  }
  g_autoptr(NnTensor) tensor = nn_tensor_new(NN_DTYPE_FLOAT, &shape, error);
  if (tensor == NULL)
    return NULL;
  if (length - PREFIX_LENGTH - header != nn_tensor_bytes(tensor)) {
    set_format_error(path, error);
    return NULL;
  }
  memcpy(tensor->data, bytes + PREFIX_LENGTH + header, nn_tensor_bytes(tensor));
  return g_steal_pointer(&tensor);
}

static char *
make_header(const NnShape *shape)
{
  GString *header = g_string_new("{'descr': '<f4', 'fortran_order': False, 'shape': (");
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
  g_autoptr(NnTensor) plain = nn_tensor_new(NN_DTYPE_FLOAT, &tensor->shape, error);
  if (plain == NULL)
    return false;
  nn_tensor_copy(tensor, plain);
  g_autofree char *header = make_header(&tensor->shape);
  gsize length = strlen(header);
  g_autoptr(GByteArray) file = g_byte_array_new();
  const guint8 size[2] = {length & 255, (guint8)(length >> 8)};
  g_byte_array_append(file, (const guint8 *)MAGIC, MAGIC_LENGTH);
  g_byte_array_append(file, size, sizeof size);
  g_byte_array_append(file, (const guint8 *)header, (guint)length);
  g_byte_array_append(file, plain->data, (guint)nn_tensor_bytes(plain));
  return g_file_set_contents(path, (const char *)file->data, file->len, error);
}
