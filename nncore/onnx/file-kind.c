/* SPDX-License-Identifier: GPL-3.0-or-later */
/* By the first bytes. */
#include "nncore/onnx/file-kind.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"

typedef struct {
  const char *magic; /* letters in either case */
  size_t offset, length;
  const char *sentence;
} FileKind;

#define MAGIC(offset, text) text, offset, sizeof text - 1

#define PYTORCH \
  N_("The file is an archive, such as a PyTorch checkpoint, and not an ONNX network; export the " \
     "network with torch.onnx.export.")
#define WEB_PAGE \
  N_("The file is a web page, not a network: the download went wrong. Download it again.")
#define PICTURE N_("The file is a picture, not a network.")

static const FileKind kinds[] = {
    {MAGIC(0, "version https://git-lfs"),
     N_("The file is a Git LFS pointer, which stands for the network. Download the real file.")},
    {MAGIC(0, "<!doctype"), WEB_PAGE},
    {MAGIC(0, "<html"), WEB_PAGE},
    {MAGIC(0, "<?xml"), WEB_PAGE},
    {MAGIC(0, "PK\3\4"), PYTORCH},
    {MAGIC(0, "\x80\2"), PYTORCH}, /* a pickle */
    {MAGIC(0, "\x89PNG"), PICTURE},
    {MAGIC(0, "\xff\xd8\xff"), PICTURE}, /* JPEG */
    {MAGIC(0, "GIF8"), PICTURE},
    {MAGIC(0, "gimp xcf"), PICTURE},
    {MAGIC(8, "WEBP"), PICTURE},
    {MAGIC(0, "\x89HDF"),
     N_("The file is a Keras network in HDF5, not an ONNX network; convert it with tf2onnx.")},
    {MAGIC(4, "TFL3"),
     N_("The file is a TensorFlow Lite network, not an ONNX network; convert it with tf2onnx.")},
    {MAGIC(8, "{\""), N_("The file holds weights alone (safetensors); an ONNX network is needed.")},
    {MAGIC(0, "\x1f\x8b"), N_("The file is compressed; unpack it first.")},
};

bool
nn_file_kind_check(const NnSource *source, GError **error)
{
  char start[32] = {0};
  size_t length = (size_t)MIN(nn_source_size(source), (int64_t)sizeof start);
  if (!nn_source_read(source, 0, start, length, NULL))
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
    if (g_ascii_strncasecmp(start + kinds[i].offset, kinds[i].magic, kinds[i].length) == 0) {
      g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED, _(kinds[i].sentence));
      return false;
    }
  return true;
}
