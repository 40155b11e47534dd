#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains a network that gives pictures a style in one pass, or goes on training it, and writes it:

    style.py NAME PICTURE --judge FEATURES.onnx --data PACKS [--cache FOLDER] [--steps N]

The network (Johnson, Alahi and Fei-Fei, arXiv:1603.08155; Ulyanov et al., arXiv:1607.08022): three
convolutions down to a quarter, residual blocks, two steps of enlarging by two and a convolution,
instance normalisation after all but the last, padding by reflection. What the judge, a network with
the metadata of Somnium's (or one of two others, by name), sees at its layers for content and for style is
compared as Somnium compares it (nncore/loss/content.h, style.h): the style by Gram matrices, of
each picture of a batch by itself. Learnt on pictures of the packed data set, enlarged, and on
mosaics of them, whose details are as sharp as a photo's.

The folder NAME in the cache gets checkpoint.pt and, at the end, NAME.onnx.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

import checkpoint
import data
import export
from precision import halved

WIDTHS = (16, 32, 64)
BLOCKS = 5
BATCH = 2
RATE = 1e-3
STEPS_BETWEEN_CHECKPOINTS = 100
EPSILON = 1e-5  # of instance normalisation

# what judges want that do not say it themselves, by the name of the file
KNOWN = {
    "vgg19-relu3_4": {"channels": "BGR", "range": "255", "mean": "103.939 116.779 123.68",
                      "std": "1 1 1", "layers.content": "relu3_2",
                      "layers.style": "relu1_1,relu2_1,relu3_1"},
    "tiny-darknet": {"channels": "RGB", "range": "1", "mean": "0 0 0", "std": "1 1 1",
                     "layers.content": "leaky6", "layers.style": "leaky1,leaky2,leaky4"},
}


class Step:
    """A convolution of the network and what is about it."""

    def __init__(self, name, channels, kernel=3, stride=1, enlarge=1, relu=True, add=False):
        self.name, self.channels, self.kernel, self.stride = name, channels, kernel, stride
        self.enlarge, self.relu, self.add = enlarge, relu, add


def steps_of(widths=WIDTHS, blocks=BLOCKS):
    yield Step("conv1", (3, widths[0]), 9)
    yield Step("conv2", widths[:2], stride=2)
    yield Step("conv3", widths[1:], stride=2)
    for i in range(1, blocks + 1):
        yield Step(f"res{i}.conv1", (widths[2], widths[2]))
        yield Step(f"res{i}.conv2", (widths[2], widths[2]), relu=False, add=True)
    yield Step("deconv1", (widths[2], widths[1]), enlarge=2)
    yield Step("deconv2", (widths[1], widths[0]), enlarge=2)
    yield Step("deconv3", (widths[0], 3), 9, relu=False)


class Stylist(nn.Module):
    """From pictures to pictures, both as `data.normalised` has them."""

    def __init__(self):
        super().__init__()
        self.steps = list(steps_of())
        self.convolutions, self.norms = nn.ModuleDict(), nn.ModuleDict()
        for step in self.steps:
            key = step.name.replace(".", "_")
            self.convolutions[key] = nn.Conv2d(*step.channels, step.kernel, step.stride)
            if step is not self.steps[-1]:
                self.norms[key] = nn.InstanceNorm2d(step.channels[1], EPSILON, affine=True)

    def parts(self):
        """Each step with its convolution and its normalisation, if it has one."""
        for step in self.steps:
            key = step.name.replace(".", "_")
            yield step, self.convolutions[key], self.norms[key] if key in self.norms else None

    def forward(self, values):
        before = values  # of the residual block
        for step, convolution, norm in self.parts():
            if step.enlarge > 1:
                values = F.interpolate(values, scale_factor=step.enlarge, mode="nearest")
            values = convolution(F.pad(values, [step.kernel // 2] * 4, mode="reflect"))
            values = norm(values) if norm is not None else values
            values = values + before if step.add else values
            values = F.relu(values) if step.relu else values
            if not step.name.endswith(".conv1"):
                before = values
        return values


class Seen:
    """What a network sees in pictures, one of ours or one in KNOWN, a file."""

    def __init__(self, path):
        sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "oracle"))
        from onnx_files import metadata  # of the oracle tests
        from onnx_torch import OnnxTorch
        from pictures import InputSpec
        facts = metadata(path)
        if "layers.style" not in facts:
            if Path(path).stem not in KNOWN:
                raise ValueError(f"{path} does not say which of its layers see styles, and is not "
                                 f"one of {', '.join(KNOWN)}")
            facts = KNOWN[Path(path).stem]
        self.network, self.spec = OnnxTorch(path), InputSpec.of_metadata(facts)
        self.content, self.style = (facts[f"layers.{use}"].split(",") for use in ("content", "style"))

    def __call__(self, images, layers):
        """The layers, of pictures as `data.normalised` has them."""
        values = (images * data.DEVIATION + data.MEAN) * self.spec.value_range
        if self.spec.channels == "BGR":
            values = values.flip(1)
        mean, deviation = (torch.from_numpy(np.float32(numbers)).view(1, 3, 1, 1)
                           for numbers in (self.spec.mean, self.spec.deviation))
        return self.network.run((values - mean) / deviation, layers)


class Judge:
    """The losses of pictures, as a judging network sees them."""

    def __init__(self, path, style):
        self.seen = Seen(path)
        with torch.no_grad():
            self.wanted = [grams(layer) for layer in self.seen(style, self.seen.style)]

    def __call__(self, pictures, contents):
        """The mean loss of content and that of style, each over its layers and the pictures."""
        layers = self.seen(pictures, self.seen.content + self.seen.style)
        count = len(self.seen.content)
        with torch.no_grad():
            targets = self.seen(contents, self.seen.content)
        content = sum(relative(layer, target) for layer, target in zip(layers, targets))
        style = sum(relative(grams(layer), wanted)
                    for layer, wanted in zip(layers[count:], self.wanted))
        return content / count, style / len(self.wanted)


def grams(layer):
    """The Gram matrix of each picture of N x C x H x W, divided by H * W."""
    rows = layer.flatten(2)
    return (rows @ rows.transpose(1, 2)).float() / rows.shape[2]


def relative(values, targets):
    """Squared distances relative to the targets' squares, the mean over the pictures."""
    axes, values, targets = tuple(range(1, values.dim())), values.float(), targets.float()
    return ((values - targets).square().sum(axes) / targets.square().sum(axes)).mean()


def variation(pictures):
    """The mean squared difference of neighbours."""
    return ((pictures[..., 1:] - pictures[..., :-1]).square().mean()
            + (pictures[..., 1:, :] - pictures[..., :-1, :]).square().mean())


def contents(pictures, size, generator):
    """A batch: enlarged pictures and mosaics in turn, mirrored or not."""
    tiles = size // data.SIDE

    def drawn(count):
        chosen = torch.randint(0, len(pictures), (count,), generator=generator)
        return data.normalised(pictures.levels[chosen])

    batch = []
    for i in range(BATCH):
        if i % 2:
            rows = drawn(tiles * tiles).unflatten(0, (tiles, tiles))
            image = rows.permute(2, 0, 3, 1, 4).reshape(1, 3, size, size)
        else:
            image = F.interpolate(drawn(1), (size, size), mode="bicubic")
        mirrored = torch.rand((), generator=generator).item() < 0.5
        batch.append(image.flip(3) if mirrored else image)
    return torch.cat(batch)


def style_picture(path, size):
    """A picture with a shorter side of size pixels, as `data.normalised` has it."""
    with Image.open(path) as picture:
        scale = size / min(picture.size)
        sides = [max(size, round(side * scale)) for side in picture.size]
        levels = np.array(picture.convert("RGB").resize(sides, Image.Resampling.LANCZOS))
    return data.normalised(torch.from_numpy(levels)[None])


class Training:
    """The network, its optimiser and its losses."""

    def __init__(self, options):
        torch.manual_seed(options.seed)
        self.options = options
        self.stylist = Stylist().to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(self.stylist.parameters(), RATE)
        self.judge = Judge(options.judge, style_picture(options.picture, options.style_size))
        self.pictures = data.Pictures(options.data, "train", options.cache)
        self.step = 0

    def learn(self):
        """One step. Returns the losses of content and style."""
        options = self.options
        chance = torch.Generator().manual_seed(options.seed * 1_000_003 + self.step)
        pictures = contents(self.pictures, options.size, chance)
        part = self.step / options.steps
        self.optimiser.param_groups[0]["lr"] = RATE * (1 if part < 0.75 else 4 * (1 - part))
        with halved():
            made = self.stylist(pictures).float()
            content, style = self.judge(made, pictures)
        loss = content + options.style_weight * style + options.smoothness * variation(made)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.step += 1
        return content.item(), style.item()

    def state(self):
        return {"stylist": self.stylist.state_dict(), "optimiser": self.optimiser.state_dict(),
                "step": self.step, "steps": self.options.steps}

    def restore(self, state):
        self.stylist.load_state_dict(state["stylist"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]


def graph_of(stylist):
    """The network, from `image` to `picture`."""
    graph, values = export.Graph(), "image"
    before = values
    for step, convolution, norm in stylist.parts():
        name, edge = step.name, step.kernel // 2
        if step.enlarge > 1:
            factors = np.float32([1, 1, step.enlarge, step.enlarge])
            scales = graph.constant(f"{name}.scales", factors)
            values = graph.node("Resize", [values, "", scales], f"{name}.up", mode="nearest",
                                coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        pads = graph.constant(f"{name}.pads", np.int64([0, 0, edge, edge] * 2))
        values = graph.node("Pad", [values, pads], f"{name}.pad", mode="reflect")
        output = name if norm is not None else "picture"
        values = graph.convolution(values, output, convolution.weight.detach(),
                                   convolution.bias.detach(), strides=[step.stride] * 2)
        if norm is not None:
            inputs = [graph.weight(f"{name}.scale", norm.weight.detach()),
                      graph.weight(f"{name}.shift", norm.bias.detach())]
            values = graph.node("InstanceNormalization", [values, *inputs], f"{name}.norm",
                                epsilon=EPSILON)
        if step.add:
            values = graph.node("Add", [values, before], name.removesuffix(".conv2"))
        if step.relu:
            values = graph.node("Relu", [values], f"{name}.relu")
        if not name.endswith(".conv1"):
            before = values
    return graph.finish("picture", [1, 3, "h", "w"])


def facts(options):
    """What effects must know of the network, and people."""
    return {**export.INPUT, "title": options.name.removeprefix("style-").capitalize(),
            "role": "feed-forward", "multiple": "4", "licence": "CC0-1.0",
            "layers.style": "conv1.relu,conv2.relu,conv3.relu", "layers.content": "res3",
            "layers.dream": f"res{BLOCKS}",
            "provenance": f"trained for Somnium (weights/train) in {options.steps} steps on "
                          f"{Path(options.picture).name}, judged by {Path(options.judge).stem}"}


def add_training_options(parser, steps):
    """What trainings by steps have in common."""
    parser.add_argument("--data", required=True, help="the folder of the packed data set")
    parser.add_argument("--cache", default=data.cache_folder(), help="of classifier.py")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--stop", type=int, help="stop after this step")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())


def train(kind, options, folder):
    """A training of this kind up to a step, going on from the checkpoint if there is one."""
    torch.set_num_threads(options.threads)
    folder.mkdir(parents=True, exist_ok=True)
    training, path = kind(options), folder / "checkpoint.pt"
    if path.exists():
        training.restore(checkpoint.read(path))
    last = min(options.steps, options.stop or options.steps)
    while training.step < last:
        losses = training.learn()
        if training.step % STEPS_BETWEEN_CHECKPOINTS == 0 or training.step == last:
            told = " ".join(f"{float(loss):.4f}" for loss in losses)
            print(f"step {training.step}: {told}", flush=True)
            checkpoint.write(training.state(), path)
    return training


def main():
    parser = argparse.ArgumentParser(description="Trains a network that gives pictures a style.")
    parser.add_argument("name", help="what the network is to be called")
    parser.add_argument("picture", help="that has the style")
    parser.add_argument("--judge", required=True, help="a network of features, in ONNX")
    add_training_options(parser, steps=700)
    parser.add_argument("--size", type=int, default=192,
                        help=f"of what is learnt on: a multiple of {data.SIDE} px")
    parser.add_argument("--style-size", type=int, default=320,
                        help="the shorter side of the style's picture, in px")
    parser.add_argument("--style-weight", type=float, default=10)
    parser.add_argument("--smoothness", type=float, default=0.01)
    options = parser.parse_args()
    folder = Path(options.cache) / options.name
    training = train(Training, options, folder)
    if training.step == options.steps:
        export.write(graph_of(training.stylist), facts(options), folder / f"{options.name}.onnx")


if __name__ == "__main__":
    main()
