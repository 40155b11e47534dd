/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words between separators, each a number, a range or a name. */
#include "nncore/effects/number-list.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"

/* (transfer full): @some of 0 to @count - 1 */
static GArray *
spread(int count, int some)
{
  GArray *numbers = g_array_new(FALSE, FALSE, sizeof(int));
  int n = MIN(count, some);
  for (int i = 0; i < n; i++) {
    int number = (int)((int64_t)i * count / n);
    g_array_append_val(numbers, number);
  }
  return numbers;
}

static bool
is_blank(const char *text)
{
  return text[strspn(text, " \t\r\n,;")] == '\0';
}

/* whether @text can be meant to be a list of numbers */
static bool
is_numbers(const char *text)
{
  return strcspn(text, "0123456789") < strlen(text) &&
         text[strspn(text, "0123456789-, \t\r\n")] == '\0';
}

static bool
contains(const GArray *numbers, int number)
{
  for (guint i = 0; i < numbers->len; i++)
    if (g_array_index(numbers, int, i) == number)
      return true;
  return false;
}

static bool
add_range(GArray *numbers, const char *what, int count, int64_t first, int64_t last, GError **error)
{
  if (MAX(first, last) >= count) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The numbers of %s go from 0 to %d; there is no number %.0f."), what, count - 1,
                (double)MAX(first, last));
    return false;
  }
  int64_t step = first <= last ? 1 : -1;
  for (int64_t i = first;; i += step) {
    int number = (int)i;
    if (!contains(numbers, number) && numbers->len == NN_NUMBERS_AT_MOST) {
      g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                  _("That would be more than %d pictures. Choose fewer."), NN_NUMBERS_AT_MOST);
      return false;
    }
    if (!contains(numbers, number))
      g_array_append_val(numbers, number);
    if (i == last)
      return true;
  }
}

/* "7" or "3-5" */
static bool
add_word(GArray *numbers, const char *what, int count, const char *word, GError **error)
{
  char *end;
  guint64 first = g_ascii_strtoull(word, &end, 10), last = first;
  bool number = g_ascii_isdigit(word[0]);
  while (*end == ' ')
    end++;
  if (number && *end == '-') {
    const char *second = end + 1;
    while (*second == ' ')
      second++;
    number = g_ascii_isdigit(*second);
    last = g_ascii_strtoull(second, &end, 10);
  }
  if (number && *end == '\0')
    return add_range(numbers, what, count, (int64_t)MIN(first, G_MAXINT64),
                     (int64_t)MIN(last, G_MAXINT64), error);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("“%s” is no list of numbers. Write numbers and ranges between commas, for example "
                "“0-15” or “3, 7, 12”."),
              word);
  return false;
}

static bool
add_numbers(GArray *numbers, const char *what, int count, const char *text, GError **error)
{
  g_auto(GStrv) words = g_strsplit(text, ",", -1);
  for (int i = 0; words[i] != NULL; i++)
    if (!is_blank(words[i]) && !add_word(numbers, what, count, g_strstrip(words[i]), error))
      return false;
  return true;
}

GArray *
nn_parse_numbers(const char *text, const char *what, int count, int some, GError **error)
{
  if (is_blank(text))
    return spread(count, some);
  g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(int));
  return add_numbers(numbers, what, count, text, error) ? g_steal_pointer(&numbers) : NULL;
}

static bool
add_class(GArray *numbers, const NnNetwork *network, const char *what, int count, const char *text,
          GError **error)
{
  int number = nn_network_find_class(network, text, error);
  return number >= 0 && add_range(numbers, what, count, number, number, error);
}

/* a class, or several between commas */
static bool
add_classes(GArray *numbers, const NnNetwork *network, const char *what, int count,
            const char *text, GError **error)
{
  g_autoptr(GError) refusal = NULL;
  if (add_class(numbers, network, what, count, text, &refusal))
    return true;
  g_auto(GStrv) words = g_strsplit(text, ",", -1);
  if (words[0] == NULL || words[1] == NULL) {
    g_propagate_error(error, g_steal_pointer(&refusal));
    return false;
  }
  for (int i = 0; words[i] != NULL; i++)
    if (!is_blank(words[i]) && !add_class(numbers, network, what, count, words[i], error))
      return false;
  return true;
}

GArray *
nn_parse_classes(const NnNetwork *network, const char *text, const char *what, int count, int some,
                 GError **error)
{
  if (is_blank(text))
    return spread(count, some);
  g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(int));
  g_auto(GStrv) parts = g_strsplit(text, ";", -1);
  for (int i = 0; parts[i] != NULL; i++) {
    if (is_blank(parts[i]))
      continue;
    bool ok = is_numbers(parts[i]) ? add_numbers(numbers, what, count, parts[i], error)
                                   : add_classes(numbers, network, what, count, parts[i], error);
    if (!ok)
      return NULL;
  }
  return g_steal_pointer(&numbers);
}
