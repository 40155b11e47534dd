#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The maps of the effects saliency and occlusion against the papers' formulas in PyTorch, in double
precision (VGG-16: in single), on tiny-darknet and on ResNet-18 and VGG-16 with random weights; completeness of integrated
gradients; and that maps change when the weights are drawn anew.

Errors are relative to a map's largest value. Where a unit is at a tie, rounding decides and the map
differs at its pixels; then the reference is computed again with our engine's decisions, which ties.py
accepts only at ties.

    ./dev shell --oracle -- python3 tests/oracle/test_explain.py [SUBJECT...]

SUBJECT: tiny-darknet, resnet18 or vgg16; all unless told.
"""

import functools
import re
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import torchvision

import explained
import networks
from common import GRADIENT_BOUND, RESOLVED_BOUND, THREADS, Tap, relative_error
from peers import Engine
from pictures import IMAGENET, InputSpec, photo_levels
from random_weights import draw_weights, export
from ties import Decisions, deciding_tensors

COMPLETENESS_BOUND = 0.01
SAMPLES, NOISE, SEED = 3, 0.1, 7
PATCH, STRIDE = 24, 20
DEFAULT_BASELINE = explained.BLUR


class Subject:
    """A network on a picture, with the class that it sees."""

    def __init__(self, name, path, spec, size, folder, dtype=torch.float64):
        self.name, self.path, self.folder = name, path, folder
        explained.describe(path, spec)
        self.picture_path = Path(folder) / f"{name}.ppm"
        self.picture = explained.write_ppm(self.picture_path, photo_levels(*size) / 255)
        self.classifier = explained.Classifier(path, spec, dtype)
        self.label = int(self.classifier.score([self.picture])[0].argmax())

    def ours(self, effect, **arguments):
        size = max(self.picture.shape[:2])
        return explained.our_map(effect, self.path, self.picture_path, self.folder,
                                 working_size=size, **arguments)

    def decide(self, picture):
        """An override with our engine's decisions on a picture."""
        names = deciding_tensors(self.classifier.network, [self.classifier.scores])
        image = self.classifier.prepare_ours(picture)
        self.decisions.append(Decisions(names, Engine(self.path).run(image, names)))
        return self.decisions[-1]

    def formula(self, function, again=False, **arguments):
        """A paper's map; again: with our engine's decisions."""
        self.decisions = []
        decide = self.decide if again else explained.nobody
        return function(self.classifier, self.picture, self.label, decide=decide, **arguments)

    def excuses(self):
        """Whether there were ties, and nothing but ties, when formula() was last asked again."""
        ties = sum(sum(each.ties.values()) for each in self.decisions)
        return ties > 0 and not any(each.refused for each in self.decisions)


class Table:
    def __init__(self, tap):
        self.tap = tap
        self.lines = []

    def compare(self, subject, method, ours, formula, shape=explained.normalised):
        """formula: gives a map, again or not; shape: makes it look like ours."""
        error = relative_error(ours, shape(formula(False)))
        problems, told = [], f"{error:.1e}"
        if not error <= GRADIENT_BOUND:
            rest = relative_error(ours, shape(formula(True)))
            told += f", with ties resolved {rest:.1e}"
            if not (rest <= RESOLVED_BOUND and subject.excuses()):
                problems.append(f"the error is {told}")
        self.tap.case(f"{subject.name} {method}", problems)
        self.lines.append(f"{subject.name:14} {method:30} {told}")


def chosen(baseline):
    """The argument of the effect, which takes the default untold."""
    return {} if baseline == DEFAULT_BASELINE else {"baseline": baseline}


def compare_gradients(table, subject):
    """The methods of one gradient."""
    for method, function in (("gradient", explained.gradient),
                             ("guided-backprop", explained.guided),
                             ("deconvnet", explained.deconvnet)):
        ours, _ = subject.ours("saliency", method=method)
        table.compare(subject, method, ours, functools.partial(subject.formula, function))
    for baseline in (explained.MEAN, DEFAULT_BASELINE):
        ours, _ = subject.ours("saliency", method="input-x-gradient", **chosen(baseline))
        table.compare(subject, f"input-x-gradient, {baseline}", ours, functools.partial(
            subject.formula, explained.input_x_gradient, baseline=baseline))


def compare_means(table, subject, steps):
    """The methods of many gradients."""
    ours, _ = subject.ours("saliency", method="smoothgrad", samples=SAMPLES, noise=100 * NOISE,
                           seed=SEED)
    table.compare(subject, "smoothgrad", ours, functools.partial(
        subject.formula, explained.smoothgrad, samples=SAMPLES, noise=NOISE, seed=SEED))
    for baseline in (explained.BLACK, DEFAULT_BASELINE):
        compare_integrated(table, subject, steps, baseline)


def compare_integrated(table, subject, steps, baseline):
    ours, text = subject.ours("saliency", method="integrated-gradients", steps=steps,
                              **chosen(baseline))
    taken, gap = re.search(r"In (\d+) steps.*error of ([\d.]+) %", text).groups()
    gaps = []

    def integrated(again):
        array, their_gap = subject.formula(explained.integrated_gradients, again, steps=int(taken),
                                           baseline=baseline, decide_black=subject.decide)
        gaps.append(their_gap)
        return array

    table.compare(subject, f"integrated, {baseline}, {taken} steps", ours, integrated)
    problems = []
    if abs(float(gap) / 100 - gaps[-1]) > 2e-3:
        problems.append(f"the gap is {gaps[-1]:.2%}, not {gap} %")
    table.tap.case(f"{subject.name} tells the gap from {baseline}", problems)


def check_completeness(tap, subject):
    """With the effect's own baseline and number of steps."""
    _, text = subject.ours("saliency", method="integrated-gradients")
    steps, gap = re.search(r"In (\d+) steps.*error of ([\d.]+) %", text).groups()
    complete = float(gap) / 100 <= COMPLETENESS_BOUND
    tap.case(f"{subject.name} completeness", [] if complete else [f"the gap is {gap} %"])
    print(f"# {subject.name}: integrated gradients in {steps} steps, gap {gap} %")


def compare_regions(table, subject, layer):
    """Grad-CAM, guided Grad-CAM and occlusion."""
    size = subject.picture.shape[:2]

    def cam(again):
        return subject.formula(explained.grad_cam, again, layer=layer)

    def guided_cam(again):
        larger = np.maximum(explained.enlarged(cam(again), size), 0)
        return larger * subject.formula(explained.guided, again)

    ours, _ = subject.ours("saliency", method="grad-cam")  # of the layer that it finds itself
    table.compare(subject, "grad-cam", ours, cam, lambda array: explained.shown(array, size))
    ours, _ = subject.ours("saliency", method="guided-grad-cam", cam_layer=layer)
    table.compare(subject, "guided-grad-cam", ours, guided_cam)
    ours, _ = subject.ours("occlusion", patch=PATCH, stride=STRIDE, fill=explained.MEAN)
    table.compare(subject, "occlusion", ours, lambda _: explained.occlusion(
        subject.classifier, subject.picture, subject.label, PATCH, STRIDE))


def compare_all(table, subject, steps, layer):
    compare_gradients(table, subject)
    compare_means(table, subject, steps)
    compare_regions(table, subject, layer)


def correlation(a, b):
    """Of the ranks of two maps' values."""
    ranks = [np.argsort(np.argsort(x.ravel())).astype(np.float64) for x in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def check_randomised(tap, subject, other):
    """Two draws of weights must give maps that have little in common (Adebayo et al. 2018)."""
    for method in ("gradient", "smoothgrad", "integrated-gradients", "grad-cam"):
        extra = {"steps": 2} if method == "integrated-gradients" else {}
        if method == "smoothgrad":
            extra = {"samples": SAMPLES}
        maps = [each.ours("saliency", method=method, **{"class": 3}, **extra)[0]
                for each in (subject, other)]
        alike = correlation(*maps)
        # what two maps share is the picture: where it is dark, input times gradient is small
        tap.case(f"{method} changes with the weights", [] if alike < 0.8 else [f"rank correlation {alike:.2f}"])
        print(f"# {method}: rank correlation of two draws of weights {alike:.2f}")


def torchvision_subject(name, size, draw, folder, dtype=torch.float64):
    model = getattr(torchvision.models, name)(weights=None)
    draw_weights(model, IMAGENET.prepare(photo_levels(*size)), sum(name.encode()) + draw)
    path = Path(folder) / f"{name}-{draw}.onnx"
    export(model, size, path, 13, name.startswith("resnet"))
    return Subject(f"{name}-{draw}", path, IMAGENET, size, folder, dtype)


def last_output(path, op_type):
    return networks.outputs_of(path, op_type)[-1]


def test_tiny_darknet(table, folder):
    if not networks.TINY_DARKNET.exists():
        table.tap.skip("tiny-darknet", "needs the networks of ../shared")
        return
    path = Path(folder) / networks.TINY_DARKNET.name
    shutil.copy(networks.TINY_DARKNET, path)
    subject = Subject("tiny-darknet", path, InputSpec(), (93, 112), folder)
    compare_all(table, subject, 4, last_output(path, "Conv"))
    check_completeness(table.tap, subject)


def test_resnet18(table, folder):
    subject = torchvision_subject("resnet18", (96, 112), 0, folder)
    compare_all(table, subject, 2, last_output(subject.path, "Relu"))
    check_completeness(table.tap, subject)
    check_randomised(table.tap, subject, torchvision_subject("resnet18", (96, 112), 1, folder))


def test_vgg16(table, folder):
    subject = torchvision_subject("vgg16", (224, 224), 0, folder, torch.float32)
    compare_all(table, subject, 2, networks.outputs_of(subject.path, "Relu")[12])


SUBJECTS = {"tiny-darknet": test_tiny_darknet, "resnet18": test_resnet18, "vgg16": test_vgg16}


def main():
    torch.set_num_threads(THREADS)
    tap = Tap()
    table = Table(tap)
    for name in sys.argv[1:] or SUBJECTS:
        with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
            SUBJECTS[name](table, folder)
    for line in table.lines:
        print(f"# {line}")
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
