/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In a file, a map lies as it would in memory; boxes go row by row. */
#include "nncore/plan/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <unistd.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"

struct NnStore {
  NnContext *context; /* may be NULL */
  NnTensor map; /* its data is NULL where there is a file */
  int file;     /* -1: none */
  float *row;   /* room for one of the file's */
};

static bool
set_file_error(GError **error)
{
  int code = errno;
  if (code == ENOSPC || code == EDQUOT || code == EFBIG)
    g_set_error(error, NN_ERROR, NN_ERROR_READ,
                _("There is no room on the disk for the temporary file that a picture of this size "
                  "needs. Make room, set TMPDIR to a folder on a larger disk, raise the memory "
                  "budget, or choose a smaller working size."));
  else
    g_set_error(error, NN_ERROR, NN_ERROR_READ,
                _("A temporary file cannot be used: %s. Set TMPDIR to a folder that can be written "
                  "to, raise the memory budget, or choose a smaller working size."),
                g_strerror(code));
  return false;
}

static int
open_unnamed(GError **error)
{
  const char *folder = g_getenv("TMPDIR");
  if (folder == NULL || *folder == '\0')
    folder = access("/var/tmp", W_OK) == 0 ? "/var/tmp" : g_get_tmp_dir();
  g_autofree char *path = g_build_filename(folder, "somnium-XXXXXX", NULL);
  int file = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
  if (file < 0)
    set_file_error(error);
  else
    unlink(path);
  return file;
}

static int64_t
row_floats(const NnStore *store)
{
  bool last = store->map.layout == NN_LAYOUT_CHANNELS_LAST;
  return store->map.shape.dim[3] * (last ? store->map.shape.dim[1] : 1);
}

static bool
make_file(NnStore *store, GError **error)
{
  store->row = nn_alloc((size_t)row_floats(store), sizeof(float), error);
  if (store->row != NULL)
    store->file = open_unnamed(error);
  if (store->file < 0)
    return false;
  off_t bytes = (off_t)nn_tensor_bytes(&store->map);
  do
    errno = bytes > 0 ? posix_fallocate(store->file, 0, bytes) : 0;
  while (errno == EINTR);
  return errno == 0 || set_file_error(error);
}

NnStore *
nn_store_new(NnContext *context, const NnShape *shape, NnLayout layout, bool in_file,
             GError **error)
{
  g_autoptr(NnStore) store = g_new0(NnStore, 1);
  store->context = context;
  store->map = (NnTensor){.shape = *shape, .dtype = NN_DTYPE_FLOAT, .layout = layout};
  store->file = -1;
  if (in_file)
    return make_file(store, error) ? g_steal_pointer(&store) : NULL;
  store->map.data = nn_alloc(1, nn_tensor_bytes(&store->map), error);
  return store->map.data != NULL ? g_steal_pointer(&store) : NULL;
}

void
nn_store_free(NnStore *store)
{
  if (store == NULL)
    return;
  if (store->file >= 0)
    close(store->file);
  nn_free(store->map.data);
  nn_free(store->row);
  g_free(store);
}

bool
nn_store_is_file(const NnStore *store)
{
  return store->file >= 0;
}

size_t
nn_store_bytes(const NnStore *store)
{
  return store->file >= 0 ? (size_t)row_floats(store) * sizeof(float)
                          : nn_tensor_bytes(&store->map);
}

static bool
read_floats(NnStore *store, float *to, int64_t count, int64_t at, GError **error)
{
  char *bytes = (char *)to;
  size_t left = (size_t)count * sizeof(float);
  off_t offset = (off_t)(at * (int64_t)sizeof(float));
  while (left > 0) {
    ssize_t done = pread(store->file, bytes, left, offset);
    if (done < 0 && errno == EINTR)
      continue;
    if (done == 0)
      errno = EIO; /* somebody has cut it short */
    if (done <= 0)
      return set_file_error(error);
    bytes += done;
    left -= (size_t)done;
    offset += done;
  }
  return true;
}

static bool
write_floats(NnStore *store, const float *from, int64_t count, int64_t at, GError **error)
{
  const char *bytes = (const char *)from;
  size_t left = (size_t)count * sizeof(float);
  off_t offset = (off_t)(at * (int64_t)sizeof(float));
  while (left > 0) {
    ssize_t done = pwrite(store->file, bytes, left, offset);
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return set_file_error(error);
    bytes += done;
    left -= (size_t)done;
    offset += done;
  }
  return true;
}

bool
nn_store_clear(NnStore *store, GError **error)
{
  if (store->file < 0) {
    memset(store->map.data, 0, nn_tensor_bytes(&store->map));
    return true;
  }
  int64_t each = row_floats(store), count = nn_shape_count(&store->map.shape);
  memset(store->row, 0, (size_t)each * sizeof(float));
  for (int64_t at = 0; at < count; at += each)
    if (!write_floats(store, store->row, each, at, error))
      return false;
  return true;
}

/* where position (y, x) of plane p is, in floats, and the floats of a position */
static int64_t
place_of(const NnTensor *map, int64_t plane, int64_t y, int64_t x, int64_t *each)
{
  *each = map->layout == NN_LAYOUT_CHANNELS_LAST ? map->shape.dim[1] : 1;
  return ((plane * map->shape.dim[2] + y) * map->shape.dim[3] + x) * *each;
}

static int64_t
n_planes(const NnTensor *map)
{
  return map->layout == NN_LAYOUT_CHANNELS_LAST ? 1 : map->shape.dim[1];
}

bool
nn_store_read(NnStore *store, int64_t y, int64_t x, const NnTensor *to, GError **error)
{
  int64_t high = to->shape.dim[2], wide = to->shape.dim[3], each;
  if (store->file < 0) {
    NnBox box = {{y, x}, {y + high, x + wide}};
    nn_box_copy(store->context, &store->map, &box, to, 0, 0, false);
    return true;
  }
  for (int64_t p = 0; p < n_planes(to); p++)
    for (int64_t row = 0; row < high; row++) {
      float *line = to->f + place_of(to, p, row, 0, &each);
      if (!read_floats(store, line, wide * each, place_of(&store->map, p, y + row, x, &each),
                       error))
        return false;
    }
  return true;
}

/* one row of a box */
static bool
write_line(NnStore *store, const float *line, int64_t count, int64_t at, bool add, GError **error)
{
  if (!add)
    return write_floats(store, line, count, at, error);
  if (!read_floats(store, store->row, count, at, error))
    return false;
  for (int64_t i = 0; i < count; i++)
    store->row[i] += line[i];
  return write_floats(store, store->row, count, at, error);
}

bool
nn_store_write(NnStore *store, const NnTensor *from, const NnBox *box, int64_t y, int64_t x,
               bool add, GError **error)
{
  if (store->file < 0) {
    nn_box_copy(store->context, from, box, &store->map, y, x, add);
    return true;
  }
  int64_t each;
  for (int64_t p = 0; p < n_planes(from); p++)
    for (int64_t row = 0; row < nn_box_size(box, 0); row++) {
      const float *line = from->f + place_of(from, p, box->begin[0] + row, box->begin[1], &each);
      if (!write_line(store, line, nn_box_size(box, 1) * each,
                      place_of(&store->map, p, y + row, x, &each), add, error))
        return false;
    }
  return true;
}
