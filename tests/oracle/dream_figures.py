#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures whether a picture has been dreamt on, from the photo and the dream of the same size.

  python3 dream_figures.py PHOTO.png DREAM.png [NETWORK.onnx]

The objective is the mean square of the network's preset layers, seen by onnxruntime at full size.
Noise of the same energy is white, Gaussian and as far from the photo as the dream is. The
low-pass pictures have been blurred by a Gaussian of 8 px.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from networks import BUNDLED
from onnx_files import cut, metadata
from peers import OnnxRuntime
from pictures import InputSpec, load

LOW_PASS_PX = 8


class Figures:
    """What was measured: objectives of the photo, the dream and the photo with noise, the
    correlation of the low-pass pictures, and the mean absolute change in levels."""

    def __init__(self, photo, dream, noisy, correlation, change):
        self.photo = photo
        self.dream = dream
        self.noisy = noisy
        self.correlation = correlation
        self.change = change

    def __str__(self):
        return (f"objective {self.dream:.4g}: {self.dream / self.photo:.2f} x the photo's, "
                f"{self.dream / self.noisy:.2f} x that with noise of the same energy; "
                f"low-pass correlation {self.correlation:.3f}; "
                f"mean change {self.change:.1f} levels")


class Objective:
    """Mean square of a network's preset layers, summed with their weights."""

    def __init__(self, path, onnxruntime, folder):
        properties = metadata(path)
        self.spec = InputSpec.of_metadata(properties)
        items = [item.partition(":") for item in properties["layers.dream"].split(",")]
        self.weights = {name.strip(): float(weight or 1) for name, _, weight in items}
        self.onnxruntime = onnxruntime
        self.path = Path(folder) / "objective.onnx"
        cut(path, list(self.weights), self.path)

    def __call__(self, levels):
        image = self.spec.prepare(levels)
        activations = self.onnxruntime.run(self.path, image, list(self.weights))
        return sum(weight * float(np.mean(np.square(activation, dtype=np.float64)))
                   for weight, activation in zip(self.weights.values(), activations))


def low_pass_correlation(first, second):
    """Of all values of two blurred pictures."""
    blur = ImageFilter.GaussianBlur(LOW_PASS_PX)
    values = [np.asarray(Image.fromarray(levels).filter(blur), np.float64).ravel()
              for levels in (first, second)]
    return float(np.corrcoef(*values)[0, 1])


def measure(photo_path, dream_path, network=BUNDLED):
    """The figures of a dream."""
    photo, dream = (np.asarray(load(path)) for path in (photo_path, dream_path))
    if photo.shape != dream.shape:
        raise ValueError(f"the sizes differ: {photo.shape} and {dream.shape}")
    change = dream.astype(np.float64) - photo
    noise = np.random.default_rng(1).standard_normal(photo.shape)
    noise *= np.sqrt(np.mean(change ** 2))
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder, OnnxRuntime() as onnxruntime:
        objective = Objective(network, onnxruntime, folder)
        return Figures(objective(photo), objective(dream), objective(photo + noise),
                       low_pass_correlation(photo, dream), float(np.abs(change).mean()))


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    print(measure(*sys.argv[1:3], *map(Path, sys.argv[3:])))


if __name__ == "__main__":
    main()
