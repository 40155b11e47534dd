#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well maps explain: deletion and insertion (Petsiuk et al., RISE, 2018) of every method over the
photos of ../shared with tiny-darknet, in one table.

Pixels are taken away in the order of the map, the highest first (deletion), or brought into the blurred
picture (insertion), in steps of equal number; the figure is the area under the curve of the
probability of the class that the network sees in the whole photo: low is good for deletion, high for
insertion. What is taken away becomes what the blurred picture has there, so that no edges are made that
the network would react to. Maps are averaged over squares of CELL px first: what is judged is the
region, and not the grain. Two maps that know nothing of the network stand beside: a random one, and a
Gaussian in the middle, where photographers put things.

    ./dev shell --oracle -- python3 tests/oracle/explain_quality.py [PHOTOS]

PHOTOS: how many, all unless told. Each method of gradients must beat both in the difference of insertion
and deletion."""

import sys
import tempfile
from pathlib import Path
import shutil

import numpy as np
import torch
from PIL import Image, ImageFilter

import explained
import networks
import pictures
from common import THREADS, Tap
from onnx_torch import opened
from pictures import InputSpec

AREA_PX = 224  # side of a square as large as the pictures
CELL = 8
STEPS = 20
BLUR_PX = 12
METHODS = ("gradient", "smoothgrad", "integrated-gradients", "input-x-gradient", "guided-backprop",
           "deconvnet", "grad-cam", "guided-grad-cam")
HONEST = [name for name in METHODS if name != "deconvnet"]  # it hardly looks at the class


def fitted(photo):
    """As effects/view has it: as many pixels as a square of AREA_PX."""
    scale = AREA_PX / np.sqrt(photo.width * photo.height)
    return photo.resize([round(side * scale) for side in photo.size], Image.Resampling.BICUBIC)


def averaged(array):
    """Over squares of CELL px, at the size of the array."""
    rows, columns = (np.arange(size) // CELL for size in array.shape)
    index = rows[:, None] * (columns[-1] + 1) + columns
    sums = np.bincount(index.ravel(), array.ravel())
    return (sums / np.bincount(index.ravel()))[index]


def random_map(shape, number):
    return np.random.default_rng(number).random(shape)


def centred_gaussian(shape):
    y, x = (np.linspace(-1, 1, size) for size in shape)
    return np.exp(-2 * (y[:, None] ** 2 + x[None] ** 2))


class Judge:
    """Asks the network for the probability of a class."""

    def __init__(self, path, spec):
        self.network = opened(path)
        self.spec = spec

    def probabilities(self, pictures_):
        images = np.concatenate([self.spec.prepare(picture * 255) for picture in pictures_])
        with torch.no_grad():
            (scores,) = self.network.run(images, ["logits"])
        return torch.softmax(scores.reshape(len(images), -1), 1).numpy()

    def areas(self, picture, blurred, order_map, label):
        """Deletion and insertion."""
        shape = order_map.shape
        noise = np.random.default_rng(0).random(shape) * 1e-9  # ties in no order of ours
        order = np.argsort(-(order_map / order_map.max() + noise).ravel())
        deletion, insertion = [], []
        for step in range(STEPS + 1):
            mask = np.zeros(order.size, bool)
            mask[order[:order.size * step // STEPS]] = True
            mask = mask.reshape(*shape, 1)
            deletion.append(np.where(mask, blurred, picture))
            insertion.append(np.where(mask, picture, blurred))
        curves = self.probabilities(deletion + insertion)[:, label]
        return [float((curve[:-1] + curve[1:]).mean() / 2) for curve in np.split(curves, 2)]


def maps_of(path, picture_path, shape, folder, number):
    yield "random", random_map(shape, number)
    yield "centred Gaussian", centred_gaussian(shape)
    size = max(shape)
    for method in METHODS:
        extra = {"steps": 16} if method == "integrated-gradients" else {}
        yield method, explained.our_map("saliency", path, picture_path, folder, method=method,
                                        working_size=size, **extra)[0]
    yield "occlusion", explained.our_map("occlusion", path, picture_path, folder, patch=24, stride=8,
                                         working_size=size)[0]


def measure(count):
    """For each method, a row of deletion and insertion for each photo."""
    table = {}
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        path = Path(folder) / networks.TINY_DARKNET.name
        shutil.copy(networks.TINY_DARKNET, path)
        explained.describe(path, InputSpec())
        judge = Judge(path, InputSpec())
        for number, photo_path in enumerate(pictures.photos()[:count]):
            photo = fitted(pictures.load(photo_path))
            picture = np.asarray(photo) / 255
            blurred = np.asarray(photo.filter(ImageFilter.GaussianBlur(BLUR_PX))) / 255
            explained.write_ppm(Path(folder) / "photo.ppm", picture)
            label = int(judge.probabilities([picture])[0].argmax())
            for name, array in maps_of(path, Path(folder) / "photo.ppm", picture.shape[:2], folder,
                                       number):
                areas = judge.areas(picture, blurred, averaged(array), label)
                table.setdefault(name, []).append(areas)
    return table


def main():
    torch.set_num_threads(THREADS)
    tap = Tap()
    if not (networks.TINY_DARKNET.exists() and pictures.photos()):
        tap.skip("quality of maps", "needs the photos and networks of ../shared")
        tap.done()
        return
    table = measure(int(sys.argv[1]) if sys.argv[1:] else None)
    print(f"# {'method':22} deletion  insertion   ({len(table['random'])} photos)")
    means = {name: np.mean(rows, 0) for name, rows in table.items()}
    for name, (deletion, insertion) in means.items():
        print(f"# {name:22} {deletion:8.3f}  {insertion:9.3f}")
    worth = {name: insertion - deletion for name, (deletion, insertion) in means.items()}
    for name in HONEST + ["occlusion"]:
        beaten = [other for other in ("random", "centred Gaussian") if worth[other] >= worth[name]]
        tap.case(f"{name} beats maps that know nothing",
                 [f"{other} is as good" for other in beaten])
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
