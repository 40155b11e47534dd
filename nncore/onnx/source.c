/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An open file or bytes in memory. */
#include "nncore/onnx/source.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nncore/base/error.h"

struct NnSource {
  int file; /* -1: memory */
  char *name;
  GBytes *bytes;
  int64_t size;
};

NnSource *
nn_source_open(const char *path, GError **error)
{
  g_autofree char *name = g_filename_display_name(path);
  int file = g_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0) {
    g_set_error(error, NN_ERROR, NN_ERROR_READ, _("“%s” cannot be opened: %s."), name,
                g_strerror(errno));
    if (file >= 0)
      close(file);
    return NULL;
  }
  if (!S_ISREG(info.st_mode)) {
    g_set_error(error, NN_ERROR, NN_ERROR_READ, _("“%s” is not a file."), name);
    close(file);
    return NULL;
  }
  NnSource *source = g_new(NnSource, 1);
  *source = (NnSource){.file = file, .name = g_steal_pointer(&name), .size = info.st_size};
  return source;
}

NnSource *
nn_source_new_bytes(GBytes *bytes)
{
  NnSource *source = g_new(NnSource, 1);
  *source = (NnSource){
      .file = -1,
      .name = g_strdup(_("data in memory")),
      .bytes = g_bytes_ref(bytes),
      .size = (int64_t)g_bytes_get_size(bytes),
  };
  return source;
}

void
nn_source_free(NnSource *source)
{
  if (source == NULL)
    return;
  if (source->file >= 0)
    close(source->file);
  g_free(source->name);
  g_clear_pointer(&source->bytes, g_bytes_unref);
  g_free(source);
}

int64_t
nn_source_size(const NnSource *source)
{
  return source->size;
}

static bool
read_file(const NnSource *source, int64_t offset, char *to, size_t length, GError **error)
{
  while (length > 0) {
    ssize_t got = pread(source->file, to, length, offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      g_set_error(error, NN_ERROR, NN_ERROR_READ,
                  got == 0 ? _("“%s” ends too early; copy or download it again.")
                           : _("“%s” cannot be read; check the disk or the connection."),
                  source->name);
      return false;
    }
    to += got;
    offset += got;
    length -= (size_t)got;
  }
  return true;
}

bool
nn_source_read(const NnSource *source, int64_t offset, void *to, size_t length, GError **error)
{
  if (offset < 0 || offset > source->size || length > (uint64_t)(source->size - offset)) {
    g_set_error(error, NN_ERROR, NN_ERROR_READ,
                _("“%s” ends too early; copy or download it again."), source->name);
    return false;
  }
  if (source->file >= 0)
    return read_file(source, offset, to, length, error);
  if (length > 0)
    memcpy(to, (const char *)g_bytes_get_data(source->bytes, NULL) + offset, length);
  return true;
}
