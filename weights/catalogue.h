/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks that are known by their contents: catalogue.tsv says which files, catalogue.ini what
 * they are. A file is first looked up by its size, which costs nothing; its SHA-256 settles it.
 * Digests are taken off the opening path and remembered by path, size and time in the user's
 * cache folder, so that opening never waits for half a gigabyte. */
#pragma once

#include <stdbool.h>

#include <gio/gio.h>

typedef struct SomCatalogue SomCatalogue;

/**
 * SomMatch:
 * @SOM_MATCH_NONE: no such file is known, or its digest is another one
 * @SOM_MATCH_SIZE: the size is right to the byte; the digest is not known yet
 * @SOM_MATCH_DIGEST: it is this file
 */
typedef enum { SOM_MATCH_NONE, SOM_MATCH_SIZE, SOM_MATCH_DIGEST } SomMatch;

/**
 * SomCatalogueEntry:
 * @kind: a group of catalogue.ini, which tells what an effect must know
 * @path: in the ONNX model zoo's repository
 */
typedef struct {
  char *name;
  gint64 bytes;
  char *sha256, *kind, *path;
} SomCatalogueEntry;

/** som_catalogue_new: what is compiled in. */
SomCatalogue *som_catalogue_new(void);

/** som_catalogue_new_from: @files and @kinds: texts of the form of catalogue.tsv and
 * catalogue.ini. */
SomCatalogue *som_catalogue_new_from(const char *files, const char *kinds);
void som_catalogue_free(SomCatalogue *catalogue);

/** som_catalogue_at: (transfer none): the entries in the file's order; %NULL past the end. */
const SomCatalogueEntry *som_catalogue_at(const SomCatalogue *catalogue, guint index);

/** som_catalogue_facts: (transfer none): the groups by kind, with the keys of a NAME.ini. */
GKeyFile *som_catalogue_facts(const SomCatalogue *catalogue);

/**
 * som_catalogue_find:
 * @entry: (out) (nullable): with %SOM_MATCH_SIZE, one of those that have this size, by preference
 *   the one that is called like the file; all of them are of its kind
 *
 * Looks at the file's size and, where it was remembered, its digest. Quick.
 */
SomMatch som_catalogue_find(const SomCatalogue *catalogue, const char *path,
                            const SomCatalogueEntry **entry);

/**
 * som_catalogue_check:
 * The same for certain: takes the digest of a file whose size is in the catalogue, unless it is
 * remembered, and remembers it. Takes about four seconds a gigabyte.
 * @match: (out): %SOM_MATCH_NONE or %SOM_MATCH_DIGEST
 *
 * Returns: false with an error of GIO's where the file cannot be read or @cancellable was
 *   cancelled.
 */
bool som_catalogue_check(const SomCatalogue *catalogue, const char *path, GCancellable *cancellable,
                         SomMatch *match, const SomCatalogueEntry **entry, GError **error);

/** som_catalogue_check_later: the same on a thread of its own, for the next opening to know.
 * Nothing happens where it is already at work on a file. Errors are forgotten. */
void som_catalogue_check_later(const char *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SomCatalogue, som_catalogue_free)
