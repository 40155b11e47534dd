#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effect fast-style against onnxruntime on the same picture, padded by reflection and cropped
here: sizes that the networks take and sizes that they do not."""

import subprocess
import sys
import tempfile

import numpy as np

import onnx_files
import pictures
from common import BUILD, SHARED, Tap
from peers import OnnxRuntime

RUNNER = BUILD / "tests" / "effects" / "run-effect"
NETWORKS = ("fast-style-candy", "fast-style-mosaic")
SIZES = ((128, 192), (97, 130), (61, 250))
MULTIPLE = 4
BOUND = 1e-4  # of 0..1: far below an 8-bit level


def ours(path, picture):
    """The picture that the effect makes."""
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        np.save(f"{folder}/in.npy", picture)
        command = [RUNNER, "fast-style", path, f"{folder}/in.npy", f"{folder}/out.npy",
                   "working-size=0"]
        subprocess.run(command, check=True, capture_output=True)
        return np.load(f"{folder}/out.npy")


def theirs(path, picture, onnxruntime):
    """The same by onnxruntime."""
    height, width, _ = picture.shape
    padding = [(0, -side % MULTIPLE) for side in (height, width)]
    padded = np.pad(picture, (*padding, (0, 0)), mode="reflect")
    levels = np.ascontiguousarray(padded.transpose(2, 0, 1)[None] * np.float32(255))
    (output,) = onnxruntime.run(path, levels, onnx_files.outputs(path))
    return output[0].transpose(1, 2, 0)[:height, :width].clip(0, 255) / 255


def compare(tap, path, onnxruntime):
    for height, width in SIZES:
        picture = np.float32(pictures.photo_levels(height, width).clip(0, 255) / 255)
        difference = float(np.abs(ours(path, picture) - theirs(path, picture, onnxruntime)).max())
        problems = [] if difference <= BOUND else [f"the pictures differ by {difference:.2e}"]
        tap.case(f"{path.stem} {width} x {height}", problems)
        print(f"# largest difference {difference:.1e}")


def main():
    tap = Tap()
    with OnnxRuntime() as onnxruntime:
        for name in NETWORKS:
            path = SHARED / "networks" / f"{name}.onnx"
            if path.exists():
                compare(tap, path, onnxruntime)
            else:
                tap.skip(name, "needs the networks of ../shared")
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
