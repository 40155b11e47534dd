#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Textures by depth: made from the losses up to each block of the small network, in a sheet beside
the exemplar (build/texture-depth-NETWORK.png). The deeper, the larger the parts of the exemplar that
come back: the correlation of patches of the texture with the exemplar, each at the place where it
fits best, rises over the first three blocks. Beyond, layers share the weight with ever more others,
and the measure levels off.

And one that tiles, twice by twice (build/texture-tiles-NETWORK.png): differences across its borders
are like those inside.

As a script, also of another network: test_texture.py [NETWORK.onnx LAYER...]."""

import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from common import BUILD, SOURCE, Tap

RUNNER = BUILD / "tests" / "effects" / "run-effect"
BASE = SOURCE / "tests" / "networks" / "somnium-base.onnx"
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
RISING = 3  # blocks
SIDE = 128
PATCH, STEP = 16, 3  # of every other pixel
SEEDS = 2
TILEABLE_SEEDS = 4


def gimp_pattern(name):
    """A pattern of GIMP's as levels, or None."""
    query = ["pkg-config", "--variable=gimpdatadir", "gimp-3.0"]
    folder = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    for path in Path(folder, "patterns").rglob(name + ".pat"):
        data = path.read_bytes()
        start, _, width, height, channels = struct.unpack(">5I", data[:20])
        levels = np.frombuffer(data, np.uint8, width * height * channels, start)
        return levels.reshape(height, width, channels)[:, :, :3]
    return None


def synthesise(path, exemplar, *arguments):
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        np.save(f"{folder}/in.npy", np.float32(exemplar / 255))
        command = [RUNNER, "texture-synthesis", path, f"{folder}/in.npy", f"{folder}/out.npy",
                   f"width={SIDE}", f"height={SIDE}", *arguments]
        subprocess.run(command, check=True, capture_output=True)
        return np.load(f"{folder}/out.npy")


def patches_of(levels, step):
    """Grey patches, of the picture at half its size, of mean 0 and length 1: count x PATCH^2."""
    grey = torch.tensor(np.ascontiguousarray(levels, np.float32)).mean(-1)
    grey = torch.nn.functional.avg_pool2d(grey[None], 2)[0]
    patches = grey.unfold(0, PATCH, step).unfold(1, PATCH, step).reshape(-1, PATCH * PATCH)
    patches = patches - patches.mean(1, keepdim=True)
    return patches / (patches.norm(dim=1, keepdim=True) + 1e-6)


def correlation(texture, exemplar):
    """The mean over patches of the texture of the largest correlation with one of the exemplar."""
    return float((patches_of(texture, STEP) @ patches_of(exemplar, 1).T).max(1).values.mean())


def check_depth(tap, path, layers, exemplar):
    sheet, values = [exemplar / 255], []
    for depth in range(1, len(layers) + 1):
        chosen = f"layers={','.join(layers[:depth])}"
        textures = [synthesise(path, exemplar, chosen, f"seed={seed}") for seed in range(SEEDS)]
        values.append(np.mean([correlation(texture, exemplar / 255) for texture in textures]))
        sheet.append(textures[0])
    tap.case(f"{path.stem}: structure rises with the depth",
             [] if all(np.diff(values[:RISING]) > 0) else ["the correlation of patches does not rise"])
    print("#", ", ".join(f"up to {layer} {value:.3f}" for layer, value in zip(layers, values)))
    save_sheet(sheet, f"texture-depth-{path.stem}.png")


def save_sheet(images, name):
    height = max(image.shape[0] for image in images)
    padded = [np.pad(image, ((0, height - image.shape[0]), (0, 4), (0, 0))) for image in images]
    levels = np.uint8(np.concatenate(padded, 1).clip(0, 1) * 255 + 0.5)
    Image.fromarray(levels).save(BUILD / name)


def border_excess(texture):
    """By how many deviations the differences across the borders are above those inside: both ways."""
    excess = []
    for axis in (0, 1):
        differences = np.abs(np.roll(texture, -1, axis) - texture).mean((1 - axis, 2))
        inside = differences[:-1]
        excess.append((differences[-1] - inside.mean()) / inside.std())
    return excess


def check_tiles(tap, path, exemplar):
    textures = [synthesise(path, exemplar, "tileable=1", f"seed={seed}") for seed in range(TILEABLE_SEEDS)]
    mean = np.mean([border_excess(texture) for texture in textures])
    tap.case(f"{path.stem}: no seam",
             [] if abs(mean) < 3 / (2 * TILEABLE_SEEDS) ** 0.5 else [f"{mean:.2f} deviations"])
    print(f"# differences across the borders: {mean:.2f} deviations from those inside")
    save_sheet([np.tile(texture, (2, 2, 1)) for texture in textures[:2]],
               f"texture-tiles-{path.stem}.png")


def main():
    tap = Tap()
    path, layers = BASE, LAYERS
    if len(sys.argv) > 2:
        path, layers = Path(sys.argv[1]), tuple(sys.argv[2:])
    parquet, brick = gimp_pattern("parque3"), gimp_pattern("brick")
    if parquet is None or brick is None:
        tap.skip("textures", "GIMP has no patterns parque3 and brick")
    else:
        torch.set_num_threads(1)
        check_depth(tap, path, layers, np.tile(parquet, (2, 2, 1)))
        check_tiles(tap, path, brick)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
