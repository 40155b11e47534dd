#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains a small network to see what VGG-19 sees up to relu3_2, or goes on training it, and writes it:

    features.py NAME --teacher VGG19.onnx --data PACKS [--cache FOLDER] [--steps N]

Its layers are the teacher's, of as many channels and called as they are, but each convolution after
the first is one of 3x3 to a few channels and one of 1x1 to the many (Zhang et al.,
arXiv:1505.06798), and each is learnt by a regression on the teacher's (hints: Romero et al., arXiv:1412.6550): first
from what the teacher has before it, then all together. The loss is, a layer, the squared distance of
the features relative to the teacher's squares; and, together, the same of the Gram matrices, which
are what a style is.

Learnt on pictures of the packed data set: mosaics of them, enlarged ones, with colours stretched
and noise of all amplitudes, as pictures are on their way to a style.
The folder NAME in the cache gets checkpoint.pt and, at the end, NAME.onnx.
"""

import argparse
import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import data
import export
from precision import halved
from style import KNOWN, Seen, add_training_options, grams, relative, train

# of each layer its place, its channels, and the few between, of which the first has none
LAYERS = (("1_1", 64, None), ("1_2", 64, 24), ("2_1", 128, 32), ("2_2", 128, 48), ("3_1", 256, 64),
          ("3_2", 256, 80))
NAMES = [f"relu{place}" for place, _, _ in LAYERS]
STYLE = ("relu2_1", "relu3_1")  # whose Gram matrices are learnt, too: relu1_1 can be had exactly
SIZE = 2 * data.SIDE
BATCH = 4
RATE = 2e-3
APART = 0.5  # the share of the steps in which each layer is learnt by itself
TOGETHER = 0.25  # how fast they then learn, beside that
LONGEST = 1  # the length that gradients are cut to
NOISE = 0.6  # the strongest, in deviations of the pictures


def pooled(place):
    """Whether pooling comes before it."""
    return place.endswith("_1") and place != "1_1"


class Features(nn.Module):
    """From pictures as `data.normalised` has them to the layers."""

    def __init__(self):
        super().__init__()
        self.narrow, self.wide = nn.ModuleDict(), nn.ModuleDict()
        channels = 3
        for place, width, few in LAYERS:
            if few is not None:
                self.narrow[place] = nn.Conv2d(channels, few, 3, padding=1, bias=False)
            self.wide[place] = (nn.Conv2d(few, width, 1) if few is not None
                                else nn.Conv2d(channels, width, 3, padding=1))
            channels = width
        for convolution in self.narrow.values():
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="linear")
        for convolution in self.wide.values():
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)

    def forward(self, images, given=None):
        """Each layer sees what the one before it gives, or what is given as the teacher's."""
        layers = []
        for i, (place, _, few) in enumerate(LAYERS):
            values = images if i == 0 else given[i - 1] if given is not None else layers[-1]
            values = F.max_pool2d(values, 2) if pooled(place) else values
            values = self.narrow[place](values) if few is not None else values
            values = F.relu(self.wide[place](values))
            layers.append(values)
        return layers


def views(pictures, chance):
    """What is learnt on: BATCH pictures of SIZE x SIZE pixels."""

    def drawn(count):
        chosen = torch.randint(0, len(pictures), (count,), generator=chance)
        return data.normalised(pictures.levels[chosen])

    tiles, half = SIZE // data.SIDE, BATCH // 2
    mosaics = drawn(half * tiles * tiles).unflatten(0, (half, tiles, tiles))
    mosaics = mosaics.permute(0, 3, 1, 4, 2, 5).reshape(half, 3, SIZE, SIZE)
    enlarged = F.interpolate(drawn(BATCH - half), (SIZE, SIZE), mode="bicubic")
    images = data.coloured(torch.cat([mosaics, enlarged]), chance, strength=0.8)
    amplitude = NOISE * torch.rand((BATCH, 1, 1, 1), generator=chance).square()
    grain = torch.randn(images.shape, generator=chance)
    smooth = F.interpolate(torch.randn((BATCH, 3, SIZE // 4, SIZE // 4), generator=chance),
                           (SIZE, SIZE), mode="bicubic")
    rough = torch.rand((BATCH, 1, 1, 1), generator=chance)
    return images + amplitude * (rough * grain + (1 - rough) * 2 * smooth)


def rate(part):
    """Of learning, at this part of the way: two times from RATE, or less, to nothing."""
    apart = part < APART
    along = part / APART if apart else (part - APART) / (1 - APART)
    rise = min(1, 50 * along)
    return RATE * (1 if apart else TOGETHER) * rise * (1 + math.cos(math.pi * along)) / 2


class Training:
    """The network, its teacher and its optimiser."""

    def __init__(self, options):
        torch.manual_seed(options.seed)
        self.options, self.step = options, 0
        self.network = Features().to(memory_format=torch.channels_last)
        self.teacher = Seen(options.teacher)
        self.pictures = data.Pictures(options.data, "train", options.cache)
        self.optimiser = torch.optim.Adam(self.network.parameters(), RATE)

    def learn(self):
        """One step. Returns the distances, a layer: of features, then of Gram matrices."""
        options = self.options
        chance = torch.Generator().manual_seed(options.seed * 1_000_003 + self.step)
        images = views(self.pictures, chance).contiguous(memory_format=torch.channels_last)
        part = self.step / options.steps
        self.optimiser.param_groups[0]["lr"] = rate(part)
        with torch.no_grad(), halved():
            targets = [layer.float() for layer in self.teacher(images, NAMES)]
            scales = [target.square().mean().sqrt() for target in targets]
        targets = [target / scale for target, scale in zip(targets, self.scales(scales))]
        with halved():
            layers = self.network(images, targets if part < APART else None)
            pairs = {name: (layer.float(), target)
                     for name, layer, target in zip(NAMES, layers, targets)}
            products = [tuple(grams(layer) for layer in pairs[name])
                        for name in STYLE if part >= APART]
        distances = [relative(layer.float(), target.float())
                     for layer, target in [*pairs.values(), *products]]
        self.optimiser.zero_grad()
        sum(distances).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), LONGEST)
        self.optimiser.step()
        self.step += 1
        return torch.stack(distances).detach()

    def scales(self, measured):
        """The teacher's amplitudes, of the first batch: what is learnt are numbers of about one."""
        if self.step == 0:
            self.fixed = [scale.item() for scale in measured]
        return self.fixed

    def state(self):
        return {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(),
                "step": self.step, "scales": self.fixed}

    def restore(self, state):
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.fixed = state["step"], state["scales"]


def graph_of(network):
    """The network, from `image` to its last layer."""
    graph, values = export.Graph(), "image"
    for place, channels, few in LAYERS:
        if pooled(place):
            values = graph.node("MaxPool", [values], f"pool{int(place[0]) - 1}",
                                kernel_shape=[2, 2], strides=[2, 2])
        wide, edge = network.wide[place], [1] * 4
        if few is not None:
            narrow = network.narrow[place].weight.detach()
            values = graph.convolution(values, f"narrow{place}", narrow, torch.zeros(few),
                                       pads=edge, strides=[1] * 2)
            edge = [0] * 4
        values = graph.convolution(values, f"conv{place}", wide.weight.detach(),
                                   wide.bias.detach(), pads=edge, strides=[1] * 2)
        values = graph.node("Relu", [values], f"relu{place}")
    return graph.finish(values, [1, channels, "h", "w"])


def facts(options):
    """What effects must know of the network, and people."""
    uses = {key: value for key, value in KNOWN["vgg19-relu3_4"].items() if key.startswith("layers")}
    return {**export.INPUT, **uses, "title": "Somnium Features", "role": "features",
            "layers.dream": "relu3_1", "licence": "CC0-1.0",
            "provenance": f"trained for Somnium (weights/train) in {options.steps} steps on "
                          f"pictures of {Path(options.data).name} to see what "
                          f"{Path(options.teacher).stem} sees"}


def main():
    parser = argparse.ArgumentParser(description="Trains a small network to see what VGG-19 sees.")
    parser.add_argument("name", help="what the network is to be called")
    parser.add_argument("--teacher", required=True, help="the file vgg19-relu3_4.onnx")
    add_training_options(parser, steps=4000)
    options = parser.parse_args()
    folder = Path(options.cache) / options.name
    training = train(Training, options, folder)
    if training.step == options.steps:
        export.write(graph_of(training.network), facts(options), folder / f"{options.name}.onnx")
    return 0 if training.step == options.steps else 3


if __name__ == "__main__":
    sys.exit(main())
