#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How close style transfer with a network's features comes to that with VGG-19's, as a table:

    judged.py NETWORK.onnx --reference VGG19.onnx --judges VGG19.onnx... --photos FOLDER
      --program build/tests/effects/run-effect [--set KEY=VALUE...]

Three photos by three drawn styles, Gram matrices, all else at its default values. A judge's loss of
style falls from that of the photo to that of the result made with the reference; the share of this
gap that the network's result closes is told, where its loss of content is the reference's: the
weight of the style is searched for that. --set changes what the network's results are made with.
"""

import argparse
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

import data
from style import Judge

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "oracle"))
from styles import STYLES  # noqa: E402

PHOTOS = ("n02123045_tabby", "n02814860_beacon", "n07753592_banana")
WEIGHT = 30  # of the style, the effect's default
SPAN = 64  # the weights that are tried are at most this many times as large or as small
CLOSE = 0.02  # of the wanted loss of content
TRIES = 8


class Pair:
    """A photo and a style, and what becomes of them: tensors as `data.normalised` has them."""

    def __init__(self, options, folder, photo, style):
        self.options, self.folder, self.made = options, folder, {}
        photo.save(f"{folder}/photo.ppm")
        style.save(f"{folder}/style.ppm")
        self.photo, self.style = (data.normalised(torch.from_numpy(np.array(picture))[None])
                                  for picture in (photo, style))
        self.aim = self.transferred(options.reference, WEIGHT)

    def transferred(self, network, weight, words=()):
        """The photo in the style, by the effect."""
        command = [self.options.program, "style-transfer", str(network), f"{self.folder}/photo.ppm",
                   f"{self.folder}/out.npy", f"style-1-file={self.folder}/style.ppm", "loss=gram",
                   f"style-weight={weight:.4f}", *words]
        subprocess.run(command, check=True, capture_output=True)
        return data.normalised(torch.from_numpy(np.load(f"{self.folder}/out.npy"))[None, ..., :3] * 255)

    def ours(self, weight):
        """With the network in question; each weight is computed once."""
        if weight not in self.made:
            self.made[weight] = self.transferred(self.options.network, weight, self.options.set)
        return self.made[weight]


@torch.no_grad()
def closed(pair, judge):
    """The share of the gap, the weight of the style, and the loss of content relative to the
    reference's."""

    def losses(picture):
        return tuple(loss.item() for loss in judge(picture, pair.photo))

    wanted, reached = losses(pair.aim)
    start = losses(pair.photo)[1]
    low, high = WEIGHT / SPAN, WEIGHT * SPAN
    weight, tried = WEIGHT, []
    for _ in range(TRIES):
        content, style = losses(pair.ours(weight))
        tried.append((abs(math.log(content / wanted)), weight, content, style))
        if min(tried)[0] < CLOSE:
            break
        low, high = (low, weight) if content > wanted else (weight, high)
        weight = math.sqrt(low * high)
    _, weight, content, style = min(tried)
    return (start - style) / (start - reached), weight, content / wanted


def pairs(options):
    """Each photo with each style, with their names."""
    for name in PHOTOS:
        with Image.open(Path(options.photos) / f"{name}.jpg") as picture:
            photo = ImageOps.fit(picture.convert("RGB"), [options.size] * 2, Image.Resampling.LANCZOS)
        for style, draw in STYLES.items():
            with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
                drawn = draw().resize([options.size] * 2, Image.Resampling.LANCZOS)
                yield name.split("_")[1], style, Pair(options, folder, photo, drawn)


def main():
    parser = argparse.ArgumentParser(description="Style transfer beside that with VGG-19.")
    parser.add_argument("network")
    parser.add_argument("--reference", required=True, help="whose results count as whole")
    parser.add_argument("--judges", nargs="+", required=True)
    parser.add_argument("--photos", required=True, help="the folder of the test photos")
    parser.add_argument("--program", required=True, help="build/tests/effects/run-effect")
    parser.add_argument("--size", type=int, default=256, help="sides in px")
    parser.add_argument("--set", nargs="*", default=[], help="KEY=VALUE of the effect")
    options = parser.parse_args()
    shares = {judge: [] for judge in options.judges}
    print("| judge | photo | style | of the gap | weight | content |\n|---|---|---|---|---|---|")
    for photo, style, pair in pairs(options):
        for path in options.judges:
            share, weight, content = closed(pair, Judge(path, pair.style))
            shares[path].append(share)
            print(f"| {Path(path).stem} | {photo} | {style} | {100 * share:.1f} % | {weight:.1f} | "
                  f"{content:.2f} |", flush=True)
    for path, closed_by in shares.items():
        print(f"| {Path(path).stem} | mean | | {100 * sum(closed_by) / len(closed_by):.1f} % | | |")


if __name__ == "__main__":
    main()
