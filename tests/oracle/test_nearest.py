#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nearest images beside PyTorch and numpy: the features of each picture, as the effect keeps them from run
to run, and which pictures are nearest, and how near, by features and by pixels. The small network on
small pictures, and tiny-darknet on the photos of ../shared."""

import struct
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch

import explained
import networks
import pictures
from common import FORWARD_BOUND, SOURCE, THREADS, Tap, relative_error
from onnx_torch import opened
from pictures import InputSpec
from test_tsne import pictures as waves

NEAREST = 8
THUMBNAIL, PIXELS = 64, 32  # px of the sides at which pictures are kept, and compared
DISTANCE_BOUND = 1e-3


# ---- what the effect kept and said

def padded(size):
    return (size + 7) // 8 * 8


def kept_features(cache):
    """By file name, from the only file there (nncore/effects/feature-cache.c)."""
    (path,) = (Path(cache) / "features").iterdir()
    data = path.read_bytes()
    key_bytes, dimensions, count = struct.unpack_from("<3I", data, 8)
    at, features = 24 + padded(key_bytes), {}
    for _ in range(count):
        path_bytes, width, height = struct.unpack_from("<3I", data, at + 16)
        at += 32
        name = Path(data[at:at + path_bytes - 1].decode()).name
        at += padded(path_bytes)
        features[name] = np.frombuffer(data, "<f4", dimensions, at)
        at += padded(4 * dimensions) + padded(3 * width * height)
    return features


def told_neighbours(text):
    """Two lists of names and distances: by features and by pixels."""
    lists = []
    for line in text.splitlines():
        if line.startswith("By "):
            lists.append([])
        elif "\t" in line and lists:
            distance, name = line.split("\t")
            lists[-1].append((name, float(distance)))
    return lists


# ---- the same in PyTorch and numpy

def their_features(path, spec, layer, picture):
    """The mean of every channel."""
    with torch.no_grad():
        (value,) = opened(path).run(spec.prepare(picture * 255), [layer])
    return value.reshape(value.shape[1], -1).double().mean(1).numpy()


def weights(size, smaller):
    """Catmull-Rom's kernel, widened: smaller x size."""
    scale = size / smaller
    table = np.zeros((smaller, size))
    for i in range(smaller):
        centre = (i + 0.5) * scale - 0.5
        for k in range(int(np.ceil(centre - 2 * scale)), int(centre + 2 * scale) + 1):
            table[i, np.clip(k, 0, size - 1)] += explained.keys_kernel((k - centre) / scale)
    return table / table.sum(1, keepdims=True)


def shrunk(picture, side):
    """A square one."""
    table = weights(len(picture), side)
    return np.tensordot(table, np.tensordot(table, picture, (1, 0)), (1, 1)).swapaxes(0, 1)


def compared_pixels(picture):
    small = picture if len(picture) <= THUMBNAIL else shrunk(picture, THUMBNAIL).clip(0, 1)
    return shrunk(np.floor(small * 255 + 0.5) / 255, PIXELS).ravel()


def cosine(a, b):
    return 1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def euclidean(a, b):
    return np.linalg.norm(a - b)


def compare_lists(what, told, distances):
    """distances: by name; returns what is wrong."""
    nearest = sorted(distances, key=distances.get)[:NEAREST]
    names = [name for name, _ in told]
    if names != nearest:
        return [f"by {what}, {names} instead of {nearest}"]
    worst = max(abs(told[k][1] - distances[name]) for k, name in enumerate(nearest))
    if worst > DISTANCE_BOUND * distances[nearest[-1]]:
        return [f"by {what}, distances differ by {worst:.2g}"]
    return []


def compare(tap, name, path, spec, layer, all_pictures):
    """The last picture is the one whose like is looked for."""
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        (Path(folder) / "pictures").mkdir()
        made = {f"{i:02}.ppm": explained.write_ppm(f"{folder}/pictures/{i:02}.ppm", picture)
                for i, picture in enumerate(all_pictures[:-1])}
        query = explained.write_ppm(f"{folder}/query.ppm", all_pictures[-1])
        theirs = {file: their_features(path, spec, layer, made[file]) for file in made}
        own = their_features(path, spec, layer, query)
        pixels = {file: euclidean(compared_pixels(query), compared_pixels(made[file]))
                  for file in made}
        for space, distance in (("cosine", cosine), ("euclidean", euclidean)):
            text = explained.run_effect("nearest-images", path, f"{folder}/query.ppm",
                                        f"{folder}/out.ppm", folder=f"{folder}/pictures",
                                        cache=f"{folder}/cache", count=NEAREST, distance=space,
                                        leave_out_same=0)
            by_features, by_pixels = told_neighbours(text)
            problems = compare_lists("features", by_features, {
                file: distance(own, theirs[file]) for file in made})
            tap.case(f"{name} {space}", problems + compare_lists("pixels", by_pixels, pixels))
        kept = kept_features(f"{folder}/cache")
        worst = max(relative_error(kept[file], theirs[file]) for file in made)
        print(f"# {name}: {len(kept)} pictures, error of features {worst:.1e}")
        tap.case(f"{name} features", [] if worst <= FORWARD_BOUND and len(kept) == len(made)
                 else [f"the error is {worst:.2g}"])


def small_spec():
    properties = {entry.key.removeprefix("somnium."): entry.value
                  for entry in onnx.load(networks.SMALL).metadata_props}
    return InputSpec.of_metadata(properties)


def main():
    torch.set_num_threads(THREADS)
    tap = Tap()
    small = [picture.transpose(1, 2, 0) for picture in waves(40)]
    compare(tap, "somnium-base", networks.SMALL, small_spec(), "features", small)
    if networks.TINY_DARKNET.exists() and pictures.photos():
        photos = [pictures.centre_crop(pictures.load(path), 256, 224) / 255
                  for path in pictures.photos()]
        compare(tap, "tiny-darknet", networks.TINY_DARKNET, InputSpec(), "leaky15", photos)
    else:
        tap.skip("tiny-darknet", "needs the photos and networks of ../shared")
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
