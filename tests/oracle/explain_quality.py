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

    ./dev shell --oracle -- python3 tests/oracle/explain_quality.py [PHOTOS | held-out]

PHOTOS: how many, all unless told. held-out: over pictures on which nothing was ever chosen, neither this
measure nor a default of the effects: validation pictures of Tiny ImageNet, enlarged from 64 px, drawn
at random among those whose class the network gets right. At the blur's scale, each method of gradients
must beat both in the difference of insertion and deletion; the lead over the Gaussian is told with its
standard error. onnxruntime judges."""

import io
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

import explained
import networks
import pictures
from common import SHARED, Tap
from peers import OnnxRuntime
from pictures import InputSpec

AREA_PX = 224  # side of a square as large as the pictures
CELL = 8
STEPS = 10
BLUR_PX = 12
METHODS = ("gradient", "smoothgrad", "integrated-gradients", "input-x-gradient", "guided-backprop",
           "deconvnet", "grad-cam", "guided-grad-cam")
KNOW_NOTHING = ("random", "centred Gaussian")
HONEST = [name for name in METHODS if name != "deconvnet"]  # it hardly looks at the class


HELD_OUT = 40
TINY_IMAGENET = SHARED / "data" / "tiny-imagenet"


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

    def __init__(self, onnxruntime, spec):
        self.onnxruntime = onnxruntime
        self.spec = spec

    def probabilities(self, picture):
        image = self.spec.prepare(picture * 255)
        return self.onnxruntime.run(networks.TINY_DARKNET, image, ["prob"])[0].ravel()

    def curve(self, ends, label, between):
        """The area under it; ends: probabilities of all classes; between: pictures."""
        inner = [self.probabilities(picture)[label] for picture in between]
        curve = np.array([ends[0][label], *inner, ends[1][label]])
        return float((curve[:-1] + curve[1:]).mean() / 2)

    def areas(self, picture, blurred, ends, order_map, label):
        """Deletion and insertion; ends: what the picture and the blurred one are taken for."""
        shape = order_map.shape
        noise = np.random.default_rng(0).random(shape) * 1e-9  # ties in no order of ours
        order = np.argsort(-(order_map / order_map.max() + noise).ravel())
        masks = np.zeros((STEPS - 1, order.size), bool)
        for step, mask in enumerate(masks, 1):
            mask[order[:order.size * step // STEPS]] = True
        masks = masks.reshape(-1, *shape, 1)
        return [self.curve(ends, label, (np.where(mask, blurred, picture) for mask in masks)),
                self.curve(ends[::-1], label, (np.where(mask, picture, blurred) for mask in masks))]


def maps_of(path, picture_path, shape, folder, number):
    yield KNOW_NOTHING[0], random_map(shape, number)
    yield KNOW_NOTHING[1], centred_gaussian(shape)
    size = max(shape)
    for method in METHODS:
        extra = {"steps": 16} if method == "integrated-gradients" else {}
        yield method, explained.our_map("saliency", path, picture_path, folder, method=method,
                                        working_size=size, **extra)[0]
    yield "occlusion", explained.our_map("occlusion", path, picture_path, folder, patch=24, stride=8,
                                         working_size=size)[0]


def pictures_of_classes():
    """Validation pictures of Tiny ImageNet in a random order, with the names of their classes."""
    lines = (TINY_IMAGENET / "classes.tsv").read_text(encoding="utf-8").splitlines()
    names = {folder: [name.strip().lower() for name in text.split(",")]
             for folder, text in (line.split("\t") for line in lines)}
    with tarfile.open(TINY_IMAGENET / "val.tar.xz") as archive:
        files = [(member.name, archive.extractfile(member).read())
                 for member in archive if member.isfile()]
    files.sort()
    for index in np.random.default_rng(0).permutation(len(files)):
        name, data = files[index]
        yield Image.open(io.BytesIO(data)).convert("RGB"), names[Path(name).parent.name]


def held_out(judge):
    """Those whose class, which one label alone must name, is the network's first choice."""
    labels = networks.TINY_DARKNET.with_suffix(".labels.txt").read_text(encoding="utf-8").splitlines()
    found = 0
    for picture, names in pictures_of_classes():
        meant = [i for i, label in enumerate(labels) if label.lower() in names]
        picture = fitted(picture)
        if len(meant) == 1 and judge.probabilities(np.asarray(picture) / 255).argmax() == meant[0]:
            yield picture
            found += 1
        if found == HELD_OUT:
            return


def chosen_photos(count):
    for path in pictures.photos()[:count]:
        yield fitted(pictures.load(path))


def measure_photo(judge, path, folder, number, photo):
    """Deletion and insertion at each scale, for each method."""
    picture = np.asarray(photo) / 255
    blurred = np.asarray(photo.filter(ImageFilter.GaussianBlur(BLUR_PX))) / 255
    explained.write_ppm(Path(folder) / "photo.ppm", picture)
    ends = [judge.probabilities(each) for each in (picture, blurred)]
    label = int(ends[0].argmax())
    return {name: [judge.areas(picture, blurred, ends, scale(array), label)
                   for scale in SCALES.values()]
            for name, array in maps_of(path, Path(folder) / "photo.ppm", picture.shape[:2], folder,
                                       number)}


def measure(which):
    """A dictionary of measure_photo() for each photo."""
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder, OnnxRuntime() as onnxruntime:
        path = Path(folder) / networks.TINY_DARKNET.name
        shutil.copy(networks.TINY_DARKNET, path)
        explained.describe(path, InputSpec())
        judge = Judge(onnxruntime, InputSpec())
        photos = held_out(judge) if which == "held-out" else chosen_photos(which)
        return [measure_photo(judge, path, folder, number, photo)
                for number, photo in enumerate(photos)]


def show(rows):
    """The table; returns the worth of each method: a difference for each photo, at the blur's scale."""
    print(f"# {len(rows)} photos: deletion, insertion, and their difference; its lead over the Gaussian")
    print(f"# {'method':22}" + "".join(f"{scale:>24}" for scale in SCALES) + f"{'lead (blur)':>18}")
    worth = {name: np.array([row[name][0][1] - row[name][0][0] for row in rows]) for name in rows[0]}
    for name in rows[0]:
        told = [f"   {deletion:6.3f} {insertion:6.3f} {insertion - deletion:6.3f}"
                for deletion, insertion in np.mean([row[name] for row in rows], 0)]
        lead = worth[name] - worth["centred Gaussian"]
        error = lead.std(ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else np.nan
        print(f"# {name:22}" + " ".join(told) + f"   {lead.mean():6.3f} +- {error:.3f}")
    return worth


def main():
    tap = Tap()
    which = sys.argv[1] if sys.argv[1:] else None
    if not (networks.TINY_DARKNET.exists() and pictures.photos() and TINY_IMAGENET.exists()):
        tap.skip("quality of maps", "needs the photos and networks of ../shared")
        tap.done()
        return
    worth = show(measure(int(which) if which and which.isdigit() else which))
    for name in HONEST + ["occlusion"]:
        beaten = [other for other in KNOW_NOTHING if worth[other].mean() >= worth[name].mean()]
        tap.case(f"{name} beats maps that know nothing",
                 [f"{other} is as good" for other in beaten])
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
