/* SPDX-License-Identifier: GPL-3.0-or-later */
/* somnium-net: a look at a network from the command line. Lists its layers (net-look.c), or runs
 * it on a file (net-run.c). Ends with status 1 and a sentence where the network cannot be used. */
#include <glib/gi18n-lib.h>
#include <locale.h>

#include "nncore/base/error.h"
#include "weights/net.h"
#include "weights/networks.h"
#include "weights/table.h"

static bool
check_run(const SomNetOptions *options, GError **error)
{
  guint targets = options->targets != NULL ? g_strv_length(options->targets) : 0;
  guint outputs = options->outputs != NULL ? g_strv_length(options->outputs) : 0;
  bool seeded = (options->gradient != NULL) == (options->gradient_seed != NULL);
  bool one_target = options->gradient == NULL || targets == 1;
  if (options->run == NULL || (targets >= 1 && outputs <= targets && seeded && one_target))
    return true;
  g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT,
                      _("--run needs a --target, an --output for each, and --gradient together "
                        "with --gradient-seed for a single target."));
  return false;
}

static bool
check_options(SomNetOptions *options, GError **error)
{
  const char *head = options->head_name;
  options->head = g_strcmp0(head, "resized") == 0 ? NN_HEAD_RESIZED : NN_HEAD_POOLED;
  if (head == NULL || options->head == NN_HEAD_RESIZED || g_str_equal(head, "pooled"))
    return check_run(options, error);
  g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT,
                      _("--head is either “pooled” or “resized”."));
  return false;
}

static void
clear_options(SomNetOptions *options)
{
  g_free(options->size);
  g_free(options->head_name);
  g_free(options->run);
  g_free(options->gradient);
  g_free(options->gradient_seed);
  g_strfreev(options->targets);
  g_strfreev(options->outputs);
}

/* the catalogues are beside the program, like the plug-in's */
static void
set_up_translation(void)
{
  setlocale(LC_ALL, "");
  g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname(program != NULL ? program : ".");
  g_autofree char *locale = g_build_filename(folder, "locale", NULL);
  bindtextdomain(GETTEXT_PACKAGE, locale);
  bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
}

static GOptionContext *
new_parser(SomNetOptions *options)
{
  const GOptionEntry entries[] = {
      {"size", 0, 0, G_OPTION_ARG_STRING, &options->size,
       N_("Look at this size; the file's own by default, or 224x224"), "WIDTHxHEIGHT"},
      {"tsv", 0, 0, G_OPTION_ARG_NONE, &options->tsv,
       N_("A line a layer, tabs between raw numbers"), NULL},
      {"head", 0, 0, G_OPTION_ARG_STRING, &options->head_name,
       N_("How a head made for one size takes others"), "pooled|resized"},
      {"run", 0, 0, G_OPTION_ARG_FILENAME, &options->run, N_("Run on this input"), "INPUT.npy"},
      {"target", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->targets,
       N_("Layer wanted; may be given again"), "LAYER"},
      {"output", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->outputs,
       N_("Where its activation goes"), "OUT.npy"},
      {"gradient-seed", 0, 0, G_OPTION_ARG_FILENAME, &options->gradient_seed,
       N_("Gradient to the target"), "SEED.npy"},
      {"gradient", 0, 0, G_OPTION_ARG_FILENAME, &options->gradient,
       N_("Where the gradient to the input goes"), "GRAD.npy"},
      {"threads", 0, 0, G_OPTION_ARG_INT, &options->threads, N_("Threads; 0: all processors"), "N"},
      {"memory-mb", 0, 0, G_OPTION_ARG_INT, &options->memory_mb,
       N_("Memory budget in MiB, kept to by working in tiles; 0: half of what is available"), "N"},
      {"repeat", 0, 0, G_OPTION_ARG_INT, &options->repeat, N_("Run so often and print the times"),
       "N"},
      {NULL},
  };
  GOptionContext *parser = g_option_context_new("FILE");
  g_option_context_set_translation_domain(parser, GETTEXT_PACKAGE);
  g_option_context_set_summary(parser, _("Looks into a network: its layers, or their numbers."));
  g_option_context_add_main_entries(parser, entries, GETTEXT_PACKAGE);
  return parser;
}

static bool
look_or_run(const char *path, const SomNetOptions *options, GError **error)
{
  g_autoptr(NnNetwork) network = som_network_open_file(path, error);
  if (network == NULL)
    return false;
  return options->run != NULL ? som_net_run(network, options, error)
                              : som_net_look(network, options, error);
}

int
main(int argc, char **argv)
{
  set_up_translation();
  SomNetOptions options = {0};
  g_autoptr(GError) error = NULL;
  g_autoptr(GOptionContext) parser = new_parser(&options);
  bool ok = g_option_context_parse(parser, &argc, &argv, &error) && check_options(&options, &error);
  if (ok && argc != 2) {
    g_autofree char *help = g_option_context_get_help(parser, TRUE, NULL);
    g_printerr("%s", help);
    clear_options(&options);
    return 2;
  }
  ok = ok && look_or_run(argv[1], &options, &error);
  if (error != NULL) {
    g_autofree char *message = som_printable(error->message); /* it may quote the file */
    g_printerr("somnium-net: %s\n", message);
  }
  clear_options(&options);
  return ok ? 0 : 1;
}
