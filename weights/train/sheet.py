#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dreams of several networks beside each other, to be looked at:

    sheet.py SHEET.png PHOTO... --networks A.onnx B.onnx --program build/tests/effects/run-effect

For each network every third of its layers (those called relu...), and a row a photo: the photo and
a dream on each layer, all else at its default values. --layers names layers, the same of each
network.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import onnx
from PIL import Image, ImageDraw, ImageOps

CAPTION_PX = 14


def layers_of(path, step):
    """Every so manieth layer, counted from the last."""
    names = [node.output[0] for node in onnx.load(path).graph.node]
    return [name for name in names if name.startswith("relu")][::-step][::-1]


def dream(options, network, layer, photo):
    """What becomes of the photo, a picture."""
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        photo.save(f"{folder}/photo.ppm")
        command = [options.program, "deepdream", network, f"{folder}/photo.ppm",
                   f"{folder}/out.ppm", f"layers={layer}", *options.set]
        subprocess.run(command, check=True, capture_output=True)
        with Image.open(f"{folder}/out.ppm") as picture:
            return picture.convert("RGB")


def row(options, photo, networks):
    """Pictures and what to write above each."""
    cells = [(photo, "the photo")]
    for network, layers in networks.items():
        for layer in layers:
            cells.append((dream(options, network, layer, photo), f"{Path(network).stem} {layer}"))
    return cells


def main():
    parser = argparse.ArgumentParser(description="Dreams of networks beside each other.")
    parser.add_argument("sheet")
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--networks", nargs="+", required=True)
    parser.add_argument("--program", required=True, help="build/tests/effects/run-effect")
    parser.add_argument("--layers", help="instead of every third one; commas between them")
    parser.add_argument("--step", type=int, default=3, help="2 takes every second layer")
    parser.add_argument("--size", type=int, default=384, help="sides in px")
    parser.add_argument("--set", nargs="*", default=[], help="KEY=VALUE of the effect")
    options = parser.parse_args()
    chosen = options.layers.split(",") if options.layers else None
    networks = {path: chosen or layers_of(path, options.step) for path in options.networks}
    columns = 1 + sum(map(len, networks.values()))
    sheet = Image.new("RGB", (columns * options.size,
                              len(options.photos) * (options.size + CAPTION_PX)))
    draw = ImageDraw.Draw(sheet)
    for i, path in enumerate(options.photos):
        with Image.open(path) as picture:
            photo = picture.convert("RGB")
        photo = ImageOps.fit(photo, (options.size, options.size), Image.Resampling.LANCZOS)
        for j, (cell, caption) in enumerate(row(options, photo, networks)):
            left, top = j * options.size, i * (options.size + CAPTION_PX)
            draw.text((left + 2, top), caption, "white")
            sheet.paste(cell, (left, top + CAPTION_PX))
        sheet.save(options.sheet)  # after every row: it takes its time


if __name__ == "__main__":
    main()
