/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is made of a network that nobody describes: from its structure, and its family where that
 * is known. Every guess that an effect will use is told in NnNetwork.guessed. */
#pragma once

#include "weights/families.h"

/**
 * SomGuesses: sentences so far, for NnNetwork.guessed.
 */
typedef struct {
  NnNetwork *network;
  const SomSurvey *survey;
  const SomFamily *family;
  GString *sentences;
} SomGuesses;

/** som_guesses_add: a sentence, as of printf. */
void som_guesses_add(SomGuesses *guesses, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** som_guess_role: also from what the last layers make. */
void som_guess_role(SomGuesses *guesses);

/**
 * som_guess_input:
 * Returns: the input of the family or, where none is known, of nearly all networks that come from
 *   PyTorch; adds no sentence, since facts may override it.
 */
NnInputSpec som_guess_input(const SomGuesses *guesses);

/** som_guesses_add_input: the sentence for it. */
void som_guesses_add_input(SomGuesses *guesses, const NnInputSpec *input);

/** som_guess_labels: ImageNet's where a classifier has as many classes; none for a family with an order of
 * its own. */
void som_guess_labels(SomGuesses *guesses);

/** som_guess_presets: those that the network has not got yet: the family's without a sentence, for
 * they are known to be good, else by position. */
void som_guess_presets(SomGuesses *guesses);
