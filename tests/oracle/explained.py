# SPDX-License-Identifier: GPL-3.0-or-later
"""The maps that explain a verdict: ours, through the effects themselves (run-effect), and the formulas
of the papers, written down in PyTorch in double precision. A map here is H x W, its largest value 1."""

import math
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import torch

from common import BUILD, THREADS
from onnx_torch import OPERATORS, opened

RUN_EFFECT = Path(os.environ.get("SOMNIUM_RUN_EFFECT") or BUILD / "tests" / "effects" / "run-effect")
RECTIFIERS = ("Relu", "LeakyRelu", "Clip")
BATCH = 8  # pictures at a time
BLACK, MEAN, BLUR = "black", "mean", "blur"
BLUR_PART = 0.1  # deviation of the blurred baseline over the shorter side


# ---- ours

def write_ppm(path, picture):
    """A picture of 0 to 1, H x W x 3, at 16 bits a channel; returns it as it then is, in single
    precision like ours."""
    levels = np.rint(np.clip(picture, 0, 1) * 65535)
    height, width, _ = levels.shape
    with open(path, "wb") as file:
        file.write(b"P6\n%d %d\n65535\n" % (width, height) + levels.astype(">u2").tobytes())
    return levels.astype(np.float32) / np.float32(65535)


def read_ppm16(path):
    """H x W x 3 levels of 0 to 65535."""
    data = Path(path).read_bytes()
    head = re.match(rb"P6\s(\d+) (\d+)\s65535\s", data)
    width, height = (int(number) for number in head.groups())
    return np.frombuffer(data[head.end():], ">u2").reshape(height, width, 3)


def run_effect(effect, network, picture_path, result_path, **arguments):
    """What it prints: labels and texts."""
    words = [f"{key.replace('_', '-')}={value}" for key, value in arguments.items()]
    command = [str(RUN_EFFECT), effect, str(network), str(picture_path), str(result_path), *words,
               f"threads={THREADS}"]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", check=False,
                         env={**os.environ, "CHARSET": "UTF-8"})  # of what GLib prints
    if run.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {run.stderr.strip().splitlines()[-1]}")
    return run.stdout


def our_map(effect, network, picture_path, folder, **arguments):
    """A map at the picture's size, and what was printed."""
    result_path = Path(folder) / "map.npy"
    text = run_effect(effect, network, picture_path, result_path, output="grey", clip=0, **arguments)
    return np.load(result_path)[:, :, 0].astype(np.float64), text


def describe(path, spec):
    """NAME.ini beside an .onnx file, so that its input is no guess."""
    lines = ["[network]", "role=classifier", f"channels={spec.channels}",
             f"range={spec.value_range:g}"]
    lines += [f"{key}={' '.join(f'{float(x):.9g}' for x in values)}"
              for key, values in (("mean", spec.mean), ("std", spec.deviation))]
    Path(path).with_suffix(".ini").write_text("\n".join(lines) + "\n", encoding="utf-8")


# ---- noise

def random_bits(seed, counters):
    """SplitMix64 by counter, as base/random."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (counters + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def normals(seed, first, count):
    """Box and Muller: number i from the bits 2 i and 2 i + 1."""
    index = np.arange(first, first + count, dtype=np.uint64) * np.uint64(2)
    radius = ((random_bits(seed, index) >> np.uint64(11)) + np.uint64(1)) * 2.0 ** -53
    turn = (random_bits(seed, index + np.uint64(1)) >> np.uint64(11)) * 2.0 ** -53
    return np.sqrt(-2 * np.log(radius)) * np.cos(2 * np.pi * turn)


# ---- the papers' formulas

class Rectify(torch.autograd.Function):
    """A rectifier with another way back: what is positive of the gradient that comes in, times the
    rectifier's derivative (guided) or not (deconvnet)."""

    @staticmethod
    def forward(context, x, derivative, guided):
        context.save_for_backward(derivative)
        context.guided = guided
        return x

    @staticmethod
    def backward(context, gradient):
        (derivative,) = context.saved_tensors
        positive = gradient.clamp(min=0)
        return (positive * derivative if context.guided else positive), None, None


class OtherRule:
    """An override for OnnxTorch; decisions: those of an engine (ties.py), or None for its own."""

    def __init__(self, guided, decisions=None):
        self.guided = guided
        self.decisions = decisions

    def __call__(self, node, attributes, inputs):
        if node.op_type not in RECTIFIERS:
            return self.decisions and self.decisions(node, attributes, inputs)
        x = inputs[0]
        value = self.decisions and self.decisions(node, attributes, inputs)
        with torch.enable_grad():
            free = x.detach().requires_grad_()
            if value is None:
                value = OPERATORS[node.op_type](None, attributes, free, *inputs[1:])
            else:
                value = self.decisions.follow(node, attributes, free, *inputs[1:])
            (derivative,) = torch.autograd.grad(value.sum(), free)
        return Rectify.apply(x, derivative, self.guided) + (value.detach() - x.detach())


class Classifier:
    """A network as a function of a picture of 0 to 1, H x W x 3."""

    def __init__(self, path, spec, dtype=torch.float64, scores="logits"):
        self.network = opened(path, dtype)
        self.spec = spec
        self.scores = scores
        self.scale = (spec.value_range / spec.deviation).astype(np.float64)

    def prepare(self, picture):
        """In double precision."""
        values = np.asarray(picture, np.float64) * self.spec.value_range
        if self.spec.channels == "BGR":
            values = values[:, :, ::-1]
        values = (values - self.spec.mean) / self.spec.deviation
        return np.ascontiguousarray(values.transpose(2, 0, 1)[None])

    def prepare_ours(self, picture):
        """In single precision, to the bit as image/preprocess has it."""
        deviation = self.spec.deviation
        scale = np.float32(self.spec.value_range) / deviation
        values = np.asarray(picture, np.float32)
        if self.spec.channels == "BGR":
            values = values[:, :, ::-1]
        values = values * scale + -self.spec.mean / deviation
        return np.ascontiguousarray(values.transpose(2, 0, 1)[None])

    def score(self, pictures):
        """A row of scores for each picture."""
        images = np.concatenate([self.prepare(picture) for picture in pictures])
        with torch.no_grad():
            (scores,) = self.network.run(images, [self.scores])
        return scores.reshape(scores.shape[0], scores.shape[1], -1).mean(2).numpy()

    def gradient(self, picture, label, override=None):
        """Of the label's score to the picture: H x W x 3; and the score."""
        def seeds(arrays):
            seed = np.zeros_like(arrays[0])
            seed[0, label] = 1 / seed[0, label].size
            return [seed]
        (scores,), (gradient,) = self.network.both(
            self.prepare(picture), [self.scores], seeds, override)
        gradient = gradient[0] * self.scale[:, None, None]
        if self.spec.channels == "BGR":
            gradient = gradient[::-1]
        return gradient.transpose(1, 2, 0), scores[0, label].mean()


def largest(gradient):
    return np.abs(gradient).max(2)


def blurred(picture):
    """By a Gaussian whose kernel ends at three deviations; past the edges their pixels go on."""
    deviation = BLUR_PART * min(picture.shape[:2])
    reach = math.ceil(3 * deviation)
    kernel = np.exp(-(np.arange(-reach, reach + 1) / deviation) ** 2 / 2)
    result = picture.astype(np.float64)
    for axis in (0, 1):
        longer = np.pad(result, [(reach * (axis == k),) * 2 for k in range(3)], mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(longer, kernel.size, axis)
        result = windows @ (kernel / kernel.sum())
    return result


def blurred_ours(picture):
    """In single precision, to the bit as image/blur: rows, then columns, from the middle outwards."""
    deviation = BLUR_PART * min(picture.shape[:2])
    kernel = np.exp(-0.5 * np.arange(math.ceil(3 * deviation) + 1) ** 2 / deviation ** 2)
    kernel = (kernel / (1 + 2 * kernel[1:].sum())).astype(np.float32)
    for axis in (1, 0):
        at = np.arange(picture.shape[axis])
        result = kernel[0] * picture
        for i, weight in enumerate(kernel[1:], 1):
            sides = [picture.take(np.clip(at + shift, 0, at[-1]), axis) for shift in (-i, i)]
            result += weight * (sides[0] + sides[1])
        picture = result
    return picture


def baseline_of(picture, kind):
    if kind == BLUR:
        return blurred(picture)
    return np.zeros_like(picture) + (picture.mean((0, 1)) if kind == MEAN else 0)


def nobody(_):
    """Decides nothing: an override for a picture."""
    return None


def gradient(classifier, picture, label, decide=nobody):
    return largest(classifier.gradient(picture, label, decide(picture))[0])


def guided(classifier, picture, label, decide=nobody):
    return largest(classifier.gradient(picture, label, OtherRule(True, decide(picture)))[0])


def deconvnet(classifier, picture, label, decide=nobody):
    return largest(classifier.gradient(picture, label, OtherRule(False, decide(picture)))[0])


def input_x_gradient(classifier, picture, label, decide=nobody, baseline=BLUR):
    difference = picture - baseline_of(picture, baseline)
    return np.abs((difference * classifier.gradient(picture, label, decide(picture))[0]).sum(2))


def smoothgrad(classifier, picture, label, decide=nobody, samples=1, noise=0.0, seed=0):
    """The noisy pictures are ours to the bit."""
    deviation = np.float32(noise * (float(picture.max()) - float(picture.min())))
    total = 0
    for i in range(samples):
        drawn = normals(seed, i * picture.size, picture.size).astype(np.float32)
        noisy = picture + deviation * drawn.reshape(picture.shape)
        total = total + classifier.gradient(noisy, label, decide(noisy))[0]
    return largest(total / samples)


def integrated_gradients(classifier, picture, label, decide=nobody, steps=1, baseline=BLACK,
                         decide_black=nobody):
    """By the trapezoidal rule: the map and the gap of completeness. decide_black: for the black picture,
    where all of a max-pooling window is at a tie. Decisions are those at our own points, to the bit."""
    start = baseline_of(picture, baseline)
    our_start = blurred_ours(picture) if baseline == BLUR else start
    difference = picture - start
    total, ends = 0, []
    for k in range(steps + 1):
        part = np.float32(k / steps)
        our_point = our_start + part * (picture - our_start)
        override = (decide_black if k == 0 and baseline == BLACK else decide)(our_point)
        step, score = classifier.gradient(start + part * difference, label, override)
        total = total + step * (0.5 if k in (0, steps) else 1)
        if k in (0, steps):
            ends.append(score)
    parts = difference * total / steps
    gap = abs(parts.sum() - (ends[1] - ends[0])) / abs(ends[1] - ends[0])
    return np.abs(parts.sum(2)), gap


def grad_cam(classifier, picture, label, layer, decide=nobody):
    """At the layer's size."""
    image = torch.as_tensor(classifier.prepare(picture)).requires_grad_()
    maps, scores = classifier.network.run(image, [layer, classifier.scores], decide(picture))
    (slopes,) = torch.autograd.grad(scores[0, label].mean(), maps)
    weights = slopes.mean((2, 3), keepdim=True)
    return (weights * maps).sum(1)[0].clamp(min=0).detach().numpy()


def occlusion(classifier, picture, label, patch, stride, baseline=MEAN):
    """The mean drop over the patches that cover a pixel."""
    cover = baseline_of(picture, baseline)
    places = [sorted({min(i, size - patch) for i in range(0, size - patch + stride, stride)})
              for size in picture.shape[:2]]
    boxes = [(slice(y, y + patch), slice(x, x + patch)) for y in places[0] for x in places[1]]
    whole = classifier.score([picture])[0, label]
    total, count = np.zeros(picture.shape[:2]), np.zeros(picture.shape[:2])
    for first in range(0, len(boxes), BATCH):
        batch = boxes[first:first + BATCH]
        covered = [picture.copy() for _ in batch]
        for each, box in zip(covered, batch):
            each[box] = cover[box]
        for box, score in zip(batch, classifier.score(covered)[:, label]):
            total[box] += whole - score
            count[box] += 1
    return total / np.maximum(count, 1)


# ---- from maps to pictures

def keys_kernel(x):
    """Catmull-Rom."""
    x = np.abs(x)
    return np.where(x < 1, 1.5 * x ** 3 - 2.5 * x ** 2 + 1,
                    np.where(x < 2, -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2, 0))


def enlarge_axis(array, size, axis):
    array = np.moveaxis(array, axis, 0)
    at = (np.arange(size) + 0.5) * len(array) / size - 0.5
    first = np.floor(at).astype(int)
    result = 0
    for tap in range(-1, 3):
        index = np.clip(first + tap, 0, len(array) - 1)
        weight = keys_kernel(at - (first + tap))
        result = result + array[index] * weight.reshape(-1, *[1] * (array.ndim - 1))
    return np.moveaxis(result, 0, axis)


def enlarged(array, shape):
    """As image/resample, not clipped."""
    return enlarge_axis(enlarge_axis(array, shape[0], 0), shape[1], 1)


def normalised(array):
    array = np.maximum(array, 0)
    return array / array.max()


def shown(array, shape):
    """As the effect shows a map: its largest value 1, enlarged, clipped."""
    return enlarged(normalised(array), shape).clip(0, 1)
