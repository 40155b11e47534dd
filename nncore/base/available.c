/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linux's /proc/meminfo, and the limits of control groups, version 1 and 2: of the process's own and
 * of all those above it. What a group holds of files that nobody uses (inactive_file) is given back
 * when memory is wanted, so it counts as free. */
#include "nncore/base/available.h"

#include <string.h>
#include <unistd.h>

#define FALLBACK_BYTES (INT64_C(2) << 30)

typedef struct {
  const char *folder; /* below /sys/fs/cgroup */
  const char *limit, *usage, *reclaimable;
} GroupFiles;

static const GroupFiles version_1 = {"memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                                     "total_inactive_file"};
static const GroupFiles version_2 = {"", "memory.max", "memory.current", "inactive_file"};

static char *
read_text(const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename(folder, name, NULL);
  char *text = NULL;
  g_file_get_contents(path, &text, NULL, NULL);
  return text;
}

/* the number behind @key at the start of a line; -1 where there is none */
static int64_t
find_number(const char *text, const char *key)
{
  size_t length = strlen(key);
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (strncmp(line, key, length) == 0 && (line[length] == ' ' || line[length] == ':'))
      return g_ascii_strtoll(line + length + 1, NULL, 10);
  }
  return -1;
}

/* what is left in the group at @path; G_MAXINT64 where it has no limit */
static int64_t
left_in_group(const char *path, const GroupFiles *files)
{
  g_autofree char *limit = read_text(path, files->limit);
  g_autofree char *usage = read_text(path, files->usage);
  g_autofree char *stat = read_text(path, "memory.stat");
  if (limit == NULL || usage == NULL || !g_ascii_isdigit(limit[0]))
    return G_MAXINT64;
  int64_t reclaimable = find_number(stat, files->reclaimable);
  int64_t used = g_ascii_strtoll(usage, NULL, 10) - MAX(reclaimable, 0);
  return MAX(g_ascii_strtoll(limit, NULL, 10) - used, 0);
}

/* the least that the group @name and those above it leave */
static int64_t
left_in_groups(const char *root, const char *name, const GroupFiles *files)
{
  g_autofree char *top = g_build_filename(root, "sys/fs/cgroup", files->folder, NULL);
  g_autofree char *path = g_build_filename(top, name, NULL);
  int64_t left = left_in_group(top, files);
  while (strlen(path) > strlen(top)) {
    left = MIN(left, left_in_group(path, files));
    char *parent = g_path_get_dirname(path);
    g_free(path);
    path = parent;
  }
  return left;
}

/* lines of /proc/self/cgroup: number, controllers, path; version 2 has none named */
static int64_t
left_by_control(const char *root)
{
  g_autofree char *text = read_text(root, "proc/self/cgroup");
  g_auto(GStrv) lines = g_strsplit(text == NULL ? "" : text, "\n", 0);
  int64_t left = G_MAXINT64;
  for (int i = 0; lines[i] != NULL; i++) {
    g_auto(GStrv) parts = g_strsplit(lines[i], ":", 3);
    if (g_strv_length(parts) < 3)
      continue;
    g_auto(GStrv) controllers = g_strsplit(parts[1], ",", 0);
    if (parts[1][0] == '\0')
      left = MIN(left, left_in_groups(root, parts[2], &version_2));
    else if (g_strv_contains((const char *const *)controllers, "memory"))
      left = MIN(left, left_in_groups(root, parts[2], &version_1));
  }
  return left;
}

static int64_t
physical_bytes(void)
{
#ifdef _SC_PHYS_PAGES
  int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0)
    return pages * page / 2;
#endif
  return FALLBACK_BYTES;
}

int64_t
nn_memory_available_at(const char *root)
{
  g_autofree char *text = read_text(root, "proc/meminfo");
  int64_t kib = find_number(text, "MemAvailable");
  int64_t available = kib > 0 ? kib * 1024 : physical_bytes();
  return MAX(MIN(available, left_by_control(root)), 1);
}

int64_t
nn_memory_available(void)
{
  return nn_memory_available_at("/");
}
