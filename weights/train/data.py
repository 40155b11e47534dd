# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures that networks are trained on, and what is done to them.

A packed data set is a folder with classes.tsv (a class's folder, a tab, its names; a class a line)
and train*.tar.xz and val*.tar.xz, which hold CLASS/picture files of 64 x 64 pixels. It is unpacked
once, into arrays of bytes in a cache folder: train.npy and val.npy (N x 64 x 64 x 3), and
train-labels.npy and val-labels.npy beside them. They are mapped into memory.
"""

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

SIDE = 64
MEAN, DEVIATION = 0.45, 0.25  # of values from 0 to 1, the same for each channel


def cache_folder():
    """Where what can be made again is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "somnium" / "train"


def class_names(packs):
    """The folders of the classes, in order, and what people call them."""
    lines = (Path(packs) / "classes.tsv").read_text(encoding="utf-8").splitlines()
    folders, names = zip(*(line.split("\t") for line in lines))
    return list(folders), [name.split(",")[0].strip() for name in names]


def pictures_in(pack):
    """Name and levels of each picture of a pack."""
    with tarfile.open(pack) as archive:
        for member in archive:
            if member.isfile():
                picture = Image.open(io.BytesIO(archive.extractfile(member).read()))
                yield member.name, np.asarray(picture.convert("RGB"))


def unpack_part(packs, part, folder):
    """Writes PART.npy and PART-labels.npy, in the order of the packs and of what is in them."""
    number = {name: index for index, name in enumerate(class_names(packs)[0])}
    pictures, labels = [], []
    for pack in sorted(Path(packs).glob(f"{part}*.tar.xz")):
        for name, levels in pictures_in(pack):
            if levels.shape != (SIDE, SIDE, 3):
                raise ValueError(f"{pack}: {name} is not {SIDE} x {SIDE} pixels large")
            pictures.append(levels)
            labels.append(number[Path(name).parent.name])
    if not pictures:
        raise FileNotFoundError(f"there are no pictures in {packs}/{part}*.tar.xz")
    save(folder / f"{part}-labels.npy", np.array(labels, np.int64))
    save(folder / f"{part}.npy", np.stack(pictures))


def save(path, array):
    """An array as a file: whole or not at all."""
    aside = path.with_suffix(".part")
    with open(aside, "wb") as file:
        np.save(file, array)
    aside.rename(path)


class Pictures:
    """A part of a data set: `levels` (N x 64 x 64 x 3 bytes, mapped) and `labels`, as tensors."""

    def __init__(self, packs, part, cache):
        folder = Path(cache) / Path(packs).name
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / f"{part}.npy").exists():
            unpack_part(packs, part, folder)
        # copy on write: PyTorch warns of arrays that cannot be written to
        self.levels = torch.from_numpy(np.load(folder / f"{part}.npy", mmap_mode="c"))
        self.labels = torch.from_numpy(np.load(folder / f"{part}-labels.npy"))

    def __len__(self):
        return len(self.labels)


def normalised(levels):
    """Levels of 0 to 255, N x H x W x 3 -> what the network sees, N x 3 x H x W."""
    return ((levels.float() / 255 - MEAN) / DEVIATION).permute(0, 3, 1, 2)


def resized(images, height, width=None):
    """N x 3 x H x W at another size, with all that a new pixel covers taken in."""
    size = (height, width or height)
    if images.shape[2:] == size:
        return images
    return F.interpolate(images, size, mode="bilinear", antialias=True)


def crops(levels, height, width, generator):
    """height x width pixels from anywhere in each picture, mirrored in half the cases."""
    count = len(levels)

    def anywhere(side):
        return torch.randint(0, SIDE - side + 1, (count, 1), generator=generator)

    rows = anywhere(height) + torch.arange(height)
    columns = anywhere(width) + torch.arange(width)
    mirrored = torch.rand((count, 1), generator=generator) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    return levels[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def views(levels, size, generator, smallest=0.35, groups=4):
    """What training sees of a batch, at size x size pixels.

    The batch is cut into groups. One of them is cropped and not resampled; the others are resampled
    from crops of any area from `smallest` of the picture's on and of any shape from 3 : 4 to 4 : 3,
    one of each a group. Which pictures are in which group must be left to chance.
    """
    seen = []
    for index, group in enumerate(levels.chunk(groups)):
        height = width = size
        if index > 0:
            area = smallest + (1 - smallest) * torch.rand((), generator=generator).item()
            shape = (4 / 3) ** (torch.rand((), generator=generator).item() - 0.5)
            height, width = (min(SIDE, round(SIDE * area ** 0.5 * by)) for by in (shape, 1 / shape))
        seen.append(resized(normalised(crops(group, height, width, generator)), size))
    return coloured(torch.cat(seen), generator)


def coloured(images, generator, strength=0.3):
    """Brightness, contrast and saturation of each picture changed at random."""
    by = 1 + strength * (2 * torch.rand((3, len(images), 1, 1, 1), generator=generator) - 1)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * by[0]
    middle = images.mean((1, 2, 3), keepdim=True)
    return middle + (images - middle) * by[1] + (by[2] - 1) * 2


def cut_and_mixed(images, targets, generator):
    """CutMix (Yun et al., arXiv:1905.04899): a rectangle of each picture comes from another one.

    So does the rectangle's share of each target, N x classes."""
    height, width = images.shape[2:]
    order = torch.randperm(len(images), generator=generator)
    share, down, across = torch.rand(3, generator=generator).tolist()
    tall, wide = (round(side * (1 - share) ** 0.5) for side in (height, width))
    top, left = round(down * (height - tall)), round(across * (width - wide))
    place = (slice(None), slice(None), slice(top, top + tall), slice(left, left + wide))
    mixed = images.clone()
    mixed[place] = images[order][place]
    return mixed, targets.lerp(targets[order], tall * wide / (height * width))
