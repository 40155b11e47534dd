#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How good classifiers are on pictures that they were not trained on, as a table:

    evaluate.py NETWORK.onnx... --data PACKS [--cache FOLDER] [--photos FOLDER]

The files are computed in float32 by the interpreter of the oracle tests. `48 px, resampled` is the
whole picture brought to 48 x 48; `48 px` its middle, as it is; `64 px, resampled` that middle
brought to 64 x 64; `64 px` the whole picture as it is. Photos (SYNSET_name.jpg) are brought to 8/7
of the size, and their middle counts; those of other classes than the network's are left out.
"""

import argparse
import os
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import data
from precision import halved

VIEWS = {"48 px, resampled": (64, 48), "48 px": (48, 48), "64 px, resampled": (48, 64),
         "64 px": (64, 64)}
PHOTO_SIZES = (64, 128, 224)
BATCH = 256


def accuracy(network, pictures, crop, size, device="cpu", fast=False, each=map):
    """Top-1 and top-5 on the middle crop x crop pixels of each picture, brought to size x size.

    `fast` computes in bfloat16 where it can; `each` may be the `map` of an executor."""
    edge = (data.SIDE - crop) // 2

    @torch.no_grad()
    def logits(levels):
        images = data.resized(data.normalised(levels[:, edge:edge + crop, edge:edge + crop]), size)
        images = images.contiguous(memory_format=torch.channels_last).to(device)
        with halved(device, cache_enabled=False) if fast else nullcontext():
            return network(images).float().cpu()

    return hits(torch.cat(list(each(logits, pictures.levels.split(BATCH)))), pictures.labels)


def hits(logits, labels):
    """The shares of the pictures whose class is the best, and among the five best."""
    found = logits.topk(min(5, logits.shape[1])).indices == labels[:, None]
    return found[:, 0].float().mean().item(), found.any(1).float().mean().item()


def photo(path, size):
    """A photo's middle size x size pixels, of size * 8 / 7 on its shorter side, as the network
    wants it."""
    with Image.open(path) as picture:
        scale = size * 8 / 7 / min(picture.size)
        sides = [max(size, round(side * scale)) for side in picture.size]
        scaled = picture.convert("RGB").resize(sides, Image.Resampling.BICUBIC)
    left, top = ((side - size) // 2 for side in sides)
    return np.array(scaled.crop((left, top, left + size, top + size)))


@torch.no_grad()
def on_photos(network, folder, classes, size):
    """Top-1 and top-5 on the photos whose class the network knows, and how many these are."""
    known = [path for path in sorted(Path(folder).glob("*.jpg"))
             if path.name.split("_")[0] in classes]
    levels = torch.from_numpy(np.stack([photo(path, size) for path in known]))
    labels = torch.tensor([classes.index(path.name.split("_")[0]) for path in known])
    return *hits(network(data.normalised(levels)), labels), len(known)


def network_of(path):
    """A function from images to logits, of a file."""
    sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "oracle"))
    from onnx_torch import OnnxTorch  # of the oracle tests, which the training does without
    network = OnnxTorch(path)
    return lambda images: network.run(images, ["logits"])[0]


def main():
    parser = argparse.ArgumentParser(description="How good classifiers are, as a table.")
    parser.add_argument("networks", nargs="+", type=Path)
    parser.add_argument("--data", required=True, help="the folder of the packed data set")
    parser.add_argument("--cache", default=data.cache_folder(), help="of classifier.py")
    parser.add_argument("--photos", help="a folder of photos")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    validation = data.Pictures(options.data, "val", options.cache)
    classes = data.class_names(options.data)[0]
    print("| network | pictures | top-1 | top-5 |\n|---|---|---|---|")
    for path in options.networks:
        network = network_of(path)
        for name, (crop, size) in VIEWS.items():
            row(path.stem, name, *accuracy(network, validation, crop, size))
        for size in PHOTO_SIZES if options.photos else ():
            best, five, count = on_photos(network, options.photos, classes, size)
            row(path.stem, f"{count} photos, {size} px", best, five)


def row(network, pictures, best, five):
    print(f"| {network} | {pictures} | {100 * best:.1f} % | {100 * five:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
