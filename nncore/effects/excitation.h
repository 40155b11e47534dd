/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much a picture excites a channel, a neuron or a class of a network, as a function of what the
 * picture is made from (Simonyan, Vedaldi and Zisserman 2013; Olah, Mordvintsev and Schubert 2017,
 * "Feature Visualization"). With x the parameters, p(x) the picture and W a warp (image/warp.h),
 *   J(x) = A(W p(x)) - l a S(W p(x)) - t TV(p(x)),
 * a is |A| of the evaluation before, A the excitement (loss/loss.h), S the similarity to the other pictures of the same channel
 * (loss/similarity.h), TV total variation (loss/smoothness.h). Parameters are the pixels, or
 * frequencies (image/spectrum.h), of which p = 1 / (1 + exp(-4 u)), u the picture that they give.
 *
 * A layer that a Relu makes is excited through what goes into it, with a small slope below 0: a
 * channel that is silent on the picture can still be reached. */
#pragma once

#include "nncore/effects/target.h"
#include "nncore/image/warp.h"

/** NN_GREY: a pixel that says nothing, and what lies outside a picture. */
#define NN_GREY 0.5

/**
 * NnExcitationSettings:
 * @kind: what is excited: a channel by its mean, the neuron in the middle of its map, or a class by
 *   its score before softmax
 * @layer: of channel and neuron, as nn_network_parse_layers() takes it; the first one counts
 * @squared: of a channel: the mean of its squares: strong responses count for more than many
 * @size_px: side of the pictures; 0: one that suits, by the receptive field of the layer, or the
 *   size that a classifier was made for, from 128 to 224 px
 * @frequencies: parameters are these, not pixels
 * @variation: t, in units of the mean |gradient| of A - l a S to the picture's values, times their
 *   number; of pixels a tenth of that
 * @variants: pictures of a channel, at least 1
 * @diversity: l
 */
typedef struct {
  NnTargetKind kind;
  const char *layer;
  bool squared;
  int size_px;
  bool frequencies;
  double variation;
  int variants;
  double diversity;
} NnExcitationSettings;

typedef struct NnExcitation NnExcitation;

/**
 * nn_excitation_new:
 * @network, @context, @settings: must outlive it
 *
 * Makes the program and takes all memory. Errors as nn_criterion_evaluator(); %NN_ERROR_ARGUMENT
 * where there is no such layer or it has no channels.
 */
NnExcitation *nn_excitation_new(const NnNetwork *network, NnContext *context,
                                const NnExcitationSettings *settings, GError **error);
void nn_excitation_free(NnExcitation *excitation);

/** NnExcitationForesight: @layer: the file's tensor; owned; @channels: as nn_excitation_channels(),
 * %G_MAXINT where they do not follow;
 * @size_px: as nn_excitation_size() */
typedef struct {
  char *layer;
  int channels, size_px;
} NnExcitationForesight;

/** nn_excitation_foresee: what it would be, without weights and without the memory. @foresight: (out):
 * g_free() its layer. Errors as nn_excitation_new(). */
bool nn_excitation_foresee(const NnNetwork *network, const NnExcitationSettings *settings,
                           NnExcitationForesight *foresight, GError **error);

#define NN_EXCITATION_PICTURES 6 /* RGB, of its pictures' size, that it needs, at most */

/** nn_excitation_channels: of the layer, or classes; they are numbered from 0. */
int nn_excitation_channels(const NnExcitation *excitation);

/** nn_excitation_size: side of the pictures, px. */
int nn_excitation_size(const NnExcitation *excitation);

/** nn_excitation_describe: (transfer full): for people: "relu4_1:12", or the name of the class;
 * below 0: "relu4_1". */
char *nn_excitation_describe(const NnExcitation *excitation, int channel);

/** nn_excitation_choose: the channel from now on; forgets the pictures of the one before. There must
 * be such a channel. */
void nn_excitation_choose(NnExcitation *excitation, int channel);

/** nn_excitation_watch: as nn_criterion_watch(). */
void nn_excitation_watch(NnExcitation *excitation, NnProceed proceed, gpointer data);

/**
 * nn_excitation_start:
 * Returns: (transfer full): parameters of a grey picture with a little noise, which are an image of
 *   3 channels, not always of the picture's size; %NN_ERROR_MEMORY.
 */
NnImage *nn_excitation_start(const NnExcitation *excitation, uint64_t seed, GError **error);

/** nn_excitation_unit: how far a picture's values move (root mean square) where its parameters move
 * by 1 and at random. */
double nn_excitation_unit(const NnExcitation *excitation);

/** nn_excitation_change: mean |change| of the values of a grey picture whose parameters change by
 * @change. */
double nn_excitation_change(NnExcitation *excitation, const NnImage *change);

/** nn_excitation_draw: @parameters -> @picture, RGB within 0..1. */
void nn_excitation_draw(NnExcitation *excitation, const NnImage *parameters, NnImage *picture);

/**
 * NnExcitementNow: what an evaluation found.
 * @objective: J
 * @excitement: A; @similarity: S, 0 where there is one picture only
 * @unit: mean |gradient| of A - l a S to the picture's values
 */
typedef struct {
  double objective, excitement, similarity, unit;
} NnExcitementNow;

/**
 * nn_excitation_evaluate:
 * @variant: which of the channel's pictures it is
 * @warp: how it is seen
 * @gradient: (out): of J to @parameters, the unit of t taken for a constant
 * @contributions: (nullable): a number a pixel: (out): nn_pixel_contributions() to A - l a S
 * @now: (inout): the variant's evaluation before, all 0 at first; this one
 *
 * Allocates nothing. Errors as nn_criterion_evaluate(); %NN_ERROR_ARGUMENT where the network gives no
 * numbers.
 */
bool nn_excitation_evaluate(NnExcitation *excitation, int variant, const NnImage *parameters,
                            const NnWarp *warp, NnImage *gradient, float *contributions,
                            NnExcitementNow *now, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnExcitation, nn_excitation_free)
