/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Losses: what of an activation is to grow or to shrink. Each is a vtable and its parameters; it
 * gives a value and its gradient to the activation.
 *
 * Activations are float, of any layout (channels-last as a rule). Those with channels are
 * 1 x C x spatial dimensions; P is the number of positions, the product of the spatial dimensions;
 * scores 1 x C have one position. They come in pieces (tensor/piece.h): all of it at once, or, of a
 * picture that is worked on in tiles, box by box. Sums are taken in double and in an order that
 * does not depend on the number of threads.
 *
 * Where the gradient at a position depends on other positions (a Gram matrix), a loss gathers
 * statistics first: begin, observe every piece, close; then evaluate every piece. Others have
 * evaluate alone, which also gives the piece's part of the value. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/tensor/piece.h"

typedef struct NnLoss NnLoss;

/**
 * NnLossClass: nothing is allocated by any of these but free.
 * @begin, @observe, @close: (nullable): of a loss with statistics: forgets those it has; adds a
 *   piece's; gives the value, and makes what evaluate needs. The numbers of positions are those of
 *   piece->whole
 * @evaluate: writes @factor times the gradient to the piece, whole, into @gradient (same shape and
 *   layout as the piece's activation). Returns the piece's part of the value (without @factor):
 *   the sum over all pieces is the value; 0 of a loss with statistics
 * @free: frees what the constructor made
 */
typedef struct {
  const char *name;
  void (*begin)(NnLoss *loss);
  void (*observe)(NnLoss *loss, NnContext *context, const NnPiece *piece);
  double (*close)(NnLoss *loss, NnContext *context);
  double (*evaluate)(NnLoss *loss, NnContext *context, const NnPiece *piece, float factor,
                     const NnTensor *gradient);
  void (*free)(NnLoss *loss);
} NnLossClass;

/** NnLoss: the first member of every loss. @context, @held_bytes: of nn_loss_hold() */
struct NnLoss {
  const NnLossClass *klass;
  NnContext *context;
  int64_t held_bytes;
};

/** nn_loss_hold: for constructors of losses that take much: holds @bytes of the context's memory until
 * nn_loss_free(). */
void nn_loss_hold(NnLoss *loss, NnContext *context, size_t bytes);

/** nn_loss_has_statistics: whether all pieces must be observed before the first is evaluated. */
bool nn_loss_has_statistics(const NnLoss *loss);

/** nn_loss_evaluate: the value at the whole @activation, and @factor times the gradient, written
 * into @gradient. For channel and guide, @activation must be one that nn_channel_view() takes,
 * with that channel or with as many channels as the guide. */
double nn_loss_evaluate(NnLoss *loss, NnContext *context, const NnTensor *activation, float factor,
                        const NnTensor *gradient);
void nn_loss_free(NnLoss *loss);

/** nn_loss_l2: half the sum of squares; its gradient is the activation itself (DeepDream). */
NnLoss *nn_loss_l2(void);

/** nn_loss_mean: the mean over all elements. */
NnLoss *nn_loss_mean(void);

/** nn_loss_channel: the mean of channel @channel over its P positions. Of scores 1 x C, the score
 * of class @channel. */
NnLoss *nn_loss_channel(int64_t channel);

/**
 * nn_loss_excitement:
 * @squared: whether strong responses count for more than many
 * @leak: slope for what is below 0: 1 for activations that mean something there; less for what a
 *   rectifier will cut off, which then still shows the way out of silence; 0 leaves none
 *
 * The mean over the positions of f(x) of channel @channel: f(x) = x, or x^2 if @squared, where x is
 * not below 0, and @leak x where it is.
 */
NnLoss *nn_loss_excitement(int64_t channel, bool squared, float leak);

/**
 * nn_loss_guide:
 * @features: activation of the guide at the same layer; copied
 *
 * For each position, the largest of the dot products of its C channels with those of the guide's
 * positions; summed. The gradient is, at each position, the guide's vector that won (the notebook
 * of Mordvintsev, Olah and Tyka).
 * Returns: (transfer full): or %NULL with %NN_ERROR_MEMORY, or %NN_ERROR_SHAPE where @features has
 *   no channels.
 */
NnLoss *nn_loss_guide(NnContext *context, const NnTensor *features, GError **error);

/**
 * nn_channel_view:
 * @channels, @positions: (out): C and P
 * @channel_stride, @position_stride: (out): elements from one to the next
 *
 * Returns: false where @tensor is not float or not 1 x C x spatial dimensions.
 */
bool nn_channel_view(const NnTensor *tensor, int64_t *channels, int64_t *positions,
                     int64_t *channel_stride, int64_t *position_stride);

/**
 * nn_loss_strongest:
 * @channels: C of the activations that it will observe
 *
 * A loss that only observes; nn_loss_strongest_channel() then is the channel with the largest
 * mean (the first of equal ones).
 */
NnLoss *nn_loss_strongest(int64_t channels, GError **error);
int64_t nn_loss_strongest_channel(const NnLoss *loss);

/** nn_loss_strongest_channels: C. */
int64_t nn_loss_strongest_channels(const NnLoss *loss);

/** nn_loss_strongest_mean: of channel @channel, over all positions observed: of scores, the score.
 */
double nn_loss_strongest_mean(const NnLoss *loss, int64_t channel);

/** NnPeak: where a channel responds most: @value: minus infinity where no number was seen; @y, @x: its
 * place on the whole map (0 of scores). */
typedef struct {
  float value;
  int64_t y, x;
} NnPeak;

/**
 * nn_loss_peaks:
 * @channels: C of the activations that it will observe
 * @exclusions: most that nn_loss_peaks_exclude() will be told of a channel
 *
 * A loss that only observes; nn_loss_peaks_at() then is the highest value of a channel, the first
 * row by row of equal ones.
 */
NnLoss *nn_loss_peaks(int64_t channels, int exclusions, GError **error);
const NnPeak *nn_loss_peaks_at(const NnLoss *loss, int64_t channel);

/** nn_loss_peaks_exclude: places of @channel that do not count until nn_loss_peaks_include() is
 * called. */
void nn_loss_peaks_exclude(NnLoss *loss, int64_t channel, const NnBox *box);
void nn_loss_peaks_include(NnLoss *loss);

/**
 * nn_loss_neuron:
 * @channel: -1: the one that responds most at this position
 * @y, @x: its row and column in the whole activation; 0 and 0 of scores
 *
 * A single element; nn_loss_neuron_channel() is its channel.
 */
NnLoss *nn_loss_neuron(int64_t channel, int64_t y, int64_t x);
int64_t nn_loss_neuron_channel(const NnLoss *loss);

/**
 * nn_loss_margin:
 * @channels: of the scores that it will see, at least 2
 *
 * How far the best class but @from is ahead of @from: above 0, the network does not take the picture
 * for @from. nn_loss_margin_scores() is the loss that has gathered the scores of the last evaluation
 * (nn_loss_strongest_mean()).
 */
NnLoss *nn_loss_margin(int64_t channels, int64_t from, GError **error);
const NnLoss *nn_loss_margin_scores(const NnLoss *loss);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnLoss, nn_loss_free)
