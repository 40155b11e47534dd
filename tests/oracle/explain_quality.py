#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well maps explain: deletion and insertion (Petsiuk et al., RISE, 2018) of every method over the
photos of ../shared with tiny-darknet, in one table.

Pixels are taken away in the order of the map, the highest first (deletion), or brought into the blurred
picture (insertion), in steps of equal number; the figure is the area under the curve of the
probability of the class that the network sees in the whole photo: low is good for deletion, high for
insertion. What is taken away becomes what the blurred picture has there, so that no edges are made that
the network would react to. What is judged is the region, and not the grain: all maps, be they of a method
or not, are first smoothed as much as the blurred picture is, for what is smaller than its blur is hardly
gone when it is taken away. Beside it, as a finer scale, stand means over squares of CELL px. Two maps
that know nothing of the network are measured as well: a random one, and a Gaussian in the middle, where
photographers put things.

    ./dev shell --oracle -- python3 tests/oracle/explain_quality.py [PHOTOS]

PHOTOS: how many, all unless told. At the blur's scale, each method of gradients must beat both in the
difference of insertion and deletion."""

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
STEPS = 10
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


def smoothed(array):
    """By a Gaussian of BLUR_PX; past the border there is nothing."""
    def kernel(size):
        at = np.arange(size)
        weights = np.exp(-(at[:, None] - at) ** 2 / (2 * BLUR_PX ** 2))
        return weights / weights.sum(1, keepdims=True)
    rows, columns = (kernel(size) for size in array.shape)
    return rows @ array @ columns.T


SCALES = {"blur": smoothed, "squares": averaged}


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
    """For each method, a row for each photo: deletion and insertion at each scale."""
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
                areas = [judge.areas(picture, blurred, scale(array), label)
                         for scale in SCALES.values()]
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
    print(f"# {len(table['random'])} photos: deletion, insertion, and their difference")
    print(f"# {'method':22}" + "".join(f"{scale:>24}" for scale in SCALES))
    worth = {}
    for name, rows in table.items():
        means = np.mean(rows, 0)
        told = [f"   {deletion:6.3f} {insertion:6.3f} {insertion - deletion:6.3f}"
                for deletion, insertion in means]
        print(f"# {name:22}" + " ".join(told))
        worth[name] = means[0, 1] - means[0, 0]
    for name in HONEST + ["occlusion"]:
        beaten = [other for other in ("random", "centred Gaussian") if worth[other] >= worth[name]]
        tap.case(f"{name} beats maps that know nothing",
                 [f"{other} is as good" for other in beaten])
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
