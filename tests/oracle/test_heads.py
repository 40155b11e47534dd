#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classifiers with a head of one size, at others, against PyTorch's own modules.

torchvision's VGG and AlexNet average their last map to 7 x 7 and 6 x 6 (AdaptiveAvgPool2d), and
GoogLeNet its own to 1 x 1. Exported at 224 x 224, the first two lose that layer to a constant
shape; a GoogLeNet as Caffe has it pools by a fixed window. The engine must put back what was lost:
scores and gradients at other sizes are those of the PyTorch module, which never lost it.

Where ReLU and max-pooling are at a tie, rounding decides, and gradients differ for no fault of the
head (test_networks.py looks into that). So they are compared on the same networks made smooth.
"""

import contextlib
import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import torchvision
from torch import nn

from common import FORWARD_BOUND, GRADIENT_BOUND, THREADS, Tap, relative_error
from peers import Engine
from pictures import IMAGENET, photo_levels
from random_weights import draw_weights, export

MADE_FOR = (224, 224)
SIZES = (MADE_FOR, (320, 256), (131, 203), (64, 97))


def vgg11():
    return torchvision.models.vgg11(weights=None)


def alexnet():
    return torchvision.models.alexnet(weights=None)


def googlenet():
    return torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=False)


def with_fixed_window(model):
    """The same weights, with the mean over all of the map as a window of 7 x 7."""
    model.avgpool = nn.AvgPool2d(7, stride=1)
    return model


def average_pool(x, kernel_size, stride, padding, _, ceil_mode, **__):
    """In place of max_pool2d, which nn.MaxPool2d calls."""
    return nn.functional.avg_pool2d(x, kernel_size, stride, padding, ceil_mode)


@contextlib.contextmanager
def smooth():
    """Has networks compute, and be exported, with SiLU and average pooling."""
    functional = torch.nn.functional
    with mock.patch.object(functional, "relu", lambda x, inplace=False: functional.silu(x)), \
            mock.patch.object(functional, "max_pool2d", average_pool):
        yield


class ResizedEngine(Engine):
    """With heads that see the picture resized."""

    def call(self, arguments):
        super().call([*arguments, "--head", "resized"])


def resized(x):
    return nn.functional.interpolate(x, MADE_FOR, mode="bilinear", antialias=True)


class Classifier:
    """A module with random weights; fix makes of it what goes into the file."""

    def __init__(self, name, constructor, fix=None):
        self.name = name
        self.model = constructor()
        draw_weights(self.model, IMAGENET.prepare(photo_levels(*MADE_FOR)), sum(name.encode()))
        self.fix = fix

    def export(self, path):
        pool = self.model.avgpool
        export(self.fix(self.model) if self.fix else self.model, MADE_FOR, path, 13, False)
        self.model.avgpool = pool

    def run(self, image, seed, view):
        """PyTorch's scores on a view of the image, and the gradient to the image of seed times
        scores."""
        x = torch.from_numpy(image).requires_grad_()
        scores = self.model(view(x))
        (scores * torch.from_numpy(seed)).sum().backward()
        return scores.detach().numpy(), x.grad.numpy()


class Comparison:
    """Of one classifier in one way, at all sizes."""

    def __init__(self, classifier, way, engine, view, gradients):
        self.classifier = classifier
        self.way = way
        self.engine = engine
        self.view = view
        self.gradients = gradients

    def compare(self, tap, path, size):
        """One size; returns a line for the table."""
        image = IMAGENET.prepare(photo_levels(*size))
        seed = np.random.default_rng(sum(size)).standard_normal((1, 1000)).astype(np.float32)
        scores, gradient = self.classifier.run(image, seed, self.view)
        ours, our_gradient = self.engine(path).gradient(image, "logits", seed)
        forward, backward = relative_error(ours, scores), relative_error(our_gradient, gradient)
        problems = []
        if forward > FORWARD_BOUND:
            problems.append(f"the scores' error is {forward:.2e}")
        if self.gradients and backward > GRADIENT_BOUND:
            problems.append(f"the gradient's error is {backward:.2e}")
        name = f"{self.classifier.name} {size[0]}x{size[1]} {self.way}"
        tap.case(name, problems)
        return f"{name:46}  {forward:.1e}  {f'{backward:.1e}' if self.gradients else '-'}"

    def compare_all(self, tap):
        with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
            path = Path(folder) / "classifier.onnx"
            self.classifier.export(path)
            return [self.compare(tap, path, size) for size in SIZES]


def main():
    torch.set_num_threads(THREADS)
    tap = Tap()
    table = []
    for name, constructor, fix in (("vgg11", vgg11, None), ("alexnet", alexnet, None),
                                   ("googlenet", googlenet, None),
                                   ("googlenet-fixed-window", googlenet, with_fixed_window)):
        classifier = Classifier(name, constructor, fix)
        table += Comparison(classifier, "pooled", Engine, torch.clone, False).compare_all(tap)
        with smooth():
            classifier = Classifier(name, constructor, fix)
            table += Comparison(classifier, "pooled smooth", Engine, torch.clone,
                                True).compare_all(tap)
            if name in ("alexnet", "googlenet-fixed-window"):
                table += Comparison(classifier, "resized smooth", ResizedEngine, resized,
                                    True).compare_all(tap)
    print(f"# {'network, size, head':46}  forward  gradient")
    for row in table:
        print(f"# {row}")
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
