#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What layers remember of a photo: feature inversion at several depths of two networks. The PSNR
between photo and inversion falls with the depth, and is above 28 dB at the first layer."""

import subprocess
import sys
import tempfile

import numpy as np

import pictures
from common import BUILD, SHARED, SOURCE, Tap

RUNNER = BUILD / "tests" / "effects" / "run-effect"
SIDE = 128
FIRST_DB = 28
NETWORKS = {
    SOURCE / "tests" / "networks" / "somnium-base.onnx":
        ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
    SHARED / "networks" / "vgg19-relu3_4.onnx": ("relu1_1", "relu2_1", "relu3_1", "relu3_4"),
}
CHOICES = ("parametrization=frequencies", "parametrization=pixels")


def invert(path, layer, picture, choices):
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        np.save(f"{folder}/in.npy", picture)
        command = [RUNNER, "feature-inversion", path, f"{folder}/in.npy", f"{folder}/out.npy",
                   f"layers={layer}", *choices]
        subprocess.run(command, check=True, capture_output=True)
        return np.load(f"{folder}/out.npy")


def psnr(ours, picture):
    return float(-10 * np.log10(np.mean((ours.astype(np.float64) - picture) ** 2)))


def compare(tap, path, layers, choice):
    picture = np.float32(pictures.photo_levels(SIDE, SIDE).clip(0, 255) / 255)
    values = [psnr(invert(path, layer, picture, [choice]), picture) for layer in layers]
    problems = []
    if not values[0] >= FIRST_DB:
        problems.append(f"{layers[0]} gives {values[0]:.1f} dB")
    if not all(a > b for a, b in zip(values, values[1:])):
        problems.append("the PSNR does not fall with the depth")
    tap.case(f"{path.stem} {choice}", problems)
    print("#", ", ".join(f"{layer} {value:.1f} dB" for layer, value in zip(layers, values)))


def main():
    tap = Tap()
    for path, layers in NETWORKS.items():
        for choice in CHOICES:
            if path.exists():
                compare(tap, path, layers, choice)
            else:
                tap.skip(f"{path.stem} {choice}", "needs the networks of ../shared")
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
