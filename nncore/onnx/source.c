/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An open file or bytes in memory. */
#include "nncore/onnx/source.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nncore/base/error.h"

struct NnSource {
  int file;   /* -1: memory */
  char *path; /* absolute; NULL: memory */
  char *name; /* for people */
  GBytes *bytes;
  int64_t size;
  dev_t device;
  ino_t inode;
};

/* Not canonicalised: what ".." means behind a symbolic link is for the system to say. */
static char *
absolute_path(const char *path)
{
  g_autofree char *folder = g_get_current_dir();
  return g_path_is_absolute(path) ? g_strdup(path) : g_build_filename(folder, path, NULL);
}

/* O_NONBLOCK: opening a pipe that nobody writes to would wait for ever */
static NnSource *
open_file(const char *path, int flags, const char *name, GError **error)
{
  int file = g_open(path, flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
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
  *source = (NnSource){
      .file = file,
      .path = absolute_path(path),
      .name = g_strdup(name),
      .size = info.st_size,
      .device = info.st_dev,
      .inode = info.st_ino,
  };
  return source;
}

NnSource *
nn_source_open(const char *path, GError **error)
{
  g_autofree char *name = g_filename_display_name(path);
  return open_file(path, 0, name, error);
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
  g_free(source->path);
  g_free(source->name);
  g_clear_pointer(&source->bytes, g_bytes_unref);
  g_free(source);
}

int64_t
nn_source_size(const NnSource *source)
{
  return source->size;
}

/* ---- files beside a network ---- */

#define MAX_LOCATION 4095 /* bytes; no system takes longer paths */

static bool
has_part(const char *location, const char *part)
{
  size_t length;
  for (const char *at = location;; at += length + 1) {
    length = strcspn(at, G_DIR_SEPARATOR_S);
    if (length == strlen(part) && strncmp(at, part, length) == 0)
      return true;
    if (at[length] == '\0')
      return false;
  }
}

bool
nn_source_check_location(const char *location, GError **error)
{
  if (strlen(location) > MAX_LOCATION)
    g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED,
                        _("They are said to be in a file whose name is too long."));
  else if (g_path_is_absolute(location))
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("They are said to be in “%s”, but may only be in the network's own folder."),
                location);
  else if (has_part(location, ".."))
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("They are said to be in “%s”, which leads out of the network's folder."),
                location);
  else if (has_part(location, ""))
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("They are said to be in “%s”, which is no file's name."), location);
  else
    return true;
  return false;
}

/* @path and @folder are free of symbolic links; @folder may be NULL */
static bool
is_inside(const char *path, const char *folder)
{
  size_t length = folder != NULL ? strlen(folder) : 0;
  return length > 0 && strncmp(path, folder, length) == 0 &&
         (path[length] == G_DIR_SEPARATOR || folder[length - 1] == G_DIR_SEPARATOR);
}

static bool
is_beside(const NnSource *network, const char *path)
{
  g_autofree char *folder = g_path_get_dirname(network->path);
  g_autofree char *real_folder = realpath(folder, NULL);
  if (is_inside(path, real_folder))
    return true;
  g_autofree char *real_network = realpath(network->path, NULL);
  g_autofree char *linked_folder = real_network != NULL ? g_path_get_dirname(real_network) : NULL;
  return is_inside(path, linked_folder);
}

/* where @location in the folder of @network leads, without symbolic links */
static char *
resolve(const NnSource *network, const char *location, GError **error)
{
  g_autofree char *folder = g_path_get_dirname(network->path);
  g_autofree char *path = g_build_filename(folder, location, NULL);
  g_autofree char *real = realpath(path, NULL);
  if (real == NULL && errno == ENOENT)
    g_set_error(error, NN_ERROR, NN_ERROR_READ,
                _("The file “%s” with a part of the network is missing; put it beside the "
                  "network."),
                location);
  else if (real == NULL)
    g_set_error(error, NN_ERROR, NN_ERROR_READ, _("“%s” cannot be opened: %s."), location,
                g_strerror(errno));
  else if (!is_beside(network, real))
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("They are said to be in “%s”, a link that leads out of the network's folder."),
                location);
  else
    return g_steal_pointer(&real);
  return NULL;
}

NnSource *
nn_source_open_beside(const NnSource *network, const char *location, GError **error)
{
  if (!nn_source_check_location(location, error))
    return NULL;
  if (network->path == NULL) {
    g_set_error(error, NN_ERROR, NN_ERROR_READ,
                _("They are said to be in “%s”, but this network has no folder to look in; open "
                  "it from a file."),
                location);
    return NULL;
  }
  g_autofree char *path = resolve(network, location, error);
  NnSource *source = path != NULL ? open_file(path, O_NOFOLLOW, location, error) : NULL;
  if (source != NULL && source->device == network->device && source->inode == network->inode) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("They are said to be in another file, “%s”, which is the network itself."),
                location);
    nn_source_free(source);
    return NULL;
  }
  return source;
}

/* ---- reading ---- */

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
nn_source_check_range(const NnSource *source, int64_t offset, int64_t length, GError **error)
{
  if (offset >= 0 && length >= 0 && offset <= source->size && length <= source->size - offset)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_READ, _("“%s” ends too early; copy or download it again."),
              source->name);
  return false;
}

bool
nn_source_read(const NnSource *source, int64_t offset, void *to, size_t length, GError **error)
{
  if (!nn_source_check_range(source, offset, (int64_t)MIN(length, INT64_MAX), error))
    return false;
  if (source->file >= 0)
    return read_file(source, offset, to, length, error);
  if (length > 0)
    memcpy(to, (const char *)g_bytes_get_data(source->bytes, NULL) + offset, length);
  return true;
}
