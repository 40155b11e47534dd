#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects that look inside, on the trained networks: filters against the weights as onnx and numpy
read them, activations against onnxruntime's, top patches against the highest of onnxruntime's over the
same pictures; and that onnxruntime's activation stays when all that is outside of a patch changes."""

import re
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

import explained
import networks
import onnx_files
from common import FORWARD_BOUND, Tap, relative_error
from peers import OnnxRuntime
from pictures import cloud_levels, photo_levels

CAPTION = re.compile(r"^caption (\d+) (\d+) (\d+) (\d+) (.*)$", re.MULTILINE)
LAYERS = {"somnium-base": "relu3_1", "tiny-darknet": "leaky4", "vgg19-relu3_4": "relu2_2"}
SIZE = (96, 112)
TOLD = 6e-3  # captions have three digits


class Sheet:
    """What an effect made: its pixels, and the cells over the captions."""

    def __init__(self, effect, network, picture, scratch, **arguments):
        result = Path(scratch) / "sheet.npy"
        text = explained.run_effect(effect, network.path, picture, result, **arguments)
        self.pixels = np.load(result)
        self.captions = [(*map(int, match[:4]), match[4]) for match in CAPTION.findall(text)]

    def cell(self, index, height, width):
        """What is above a caption, centred."""
        x, y, room = self.captions[index][:3]
        x += (room - width) // 2
        return self.pixels[y - height:y, x:x + width]


def first_weights(path):
    """Of the first convolution, looked up through Cast."""
    graph = onnx.load(path).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]].astype(np.float32)
        if node.op_type == "Conv":
            return constants[node.input[1]].astype(np.float64)
    raise ValueError("there is no convolution")


def check_filters(tap, network, folder):
    weights = first_weights(network.path).transpose(0, 2, 3, 1)
    if network.spec.channels == "BGR":
        weights = weights[..., ::-1]
    low, high = [reach(weights, axis=(1, 2, 3), keepdims=True) for reach in (np.min, np.max)]
    wanted = {"each": (weights - low) / (high - low), "alike": 0.5 + weights / np.abs(weights).max() / 2}
    height, width = weights.shape[1:3]
    for scale, levels in wanted.items():
        sheet = Sheet("filters", network, "-", folder, scale=scale, cell_size=2 * max(height, width) + 1)
        error = max(float(np.abs(sheet.cell(i, 2 * height, 2 * width)[::2, ::2] - levels[i]).max())
                    for i in range(len(weights)))
        problems = [] if error < 1e-6 and len(sheet.captions) == len(weights) else [f"off by {error:.1e}"]
        tap.case(f"{network.name}: filters, {scale}", problems)
        print(f"# largest difference {error:.1e}")


def activation(onnxruntime, network, layer, picture, folder):
    """onnxruntime's maps of a picture of 0 to 1."""
    path = Path(folder) / "cut.onnx"
    if not path.exists():
        onnx_files.cut(network.path, [layer], path)
    return onnxruntime.run(path, network.spec.prepare(picture * 255.0), [layer])[0][0]


def check_activations(tap, network, layer, onnxruntime, folder):
    path = Path(folder) / "picture.ppm"
    picture = explained.write_ppm(path, photo_levels(*SIZE) / 255)
    maps = activation(onnxruntime, network, layer, picture, folder)
    height, width = maps.shape[1:]
    sheet = Sheet("activations", network, path, folder, layer=layer, working_size=max(SIZE), count=0,
                  cell_size=max(height, width), order="strength")
    problems, error, told = [], 0, []
    for i, (*_, text) in enumerate(sheet.captions):
        number, highest = text.split(": ")
        one = maps[int(number)]
        told.append(float(highest))
        low = min(one.min(), 0)
        if one.max() > low:
            shown = (one - low) / (one.max() - low)
            error = max(error, float(np.abs(sheet.cell(i, height, width)[:, :, 0] - shown).max()))
        if abs(told[-1] - one.max()) > TOLD * max(abs(one.max()), 1e-3):
            problems.append(f"channel {number} has {one.max()}, not {highest}")
    if error > 10 * FORWARD_BOUND:
        problems.append(f"maps are off by {error:.1e}")
    if len(told) != len(maps) or told != sorted(told, reverse=True):
        problems.append("not all channels, or not in their order")
    tap.case(f"{network.name}: activations of {layer}", problems)
    print(f"# {len(told)} maps, largest difference {error:.1e} of a map's highest value")


def write_pictures(folder):
    """A dozen pictures, by name: parts of a photo and of clouds."""
    made = Path(folder) / "pictures"
    made.mkdir()
    photo, clouds = photo_levels(300, 400) / 255, cloud_levels(300, 400) / 255
    pictures = {}
    for i in range(12):
        source, y, x = (photo, clouds)[i % 2], 17 * i, 22 * i
        name = f"{i:02}.ppm"
        pictures[name] = explained.write_ppm(made / name, source[y:y + SIZE[0], x:x + SIZE[1]])
    return made, pictures


def find(picture, patch, near):
    """Where a patch lies in a picture, both corners in whole pixels, or None."""
    views = np.lib.stride_tricks.sliding_window_view(picture[..., 0], patch.shape[:2])
    places = np.argwhere(np.abs(views - patch[..., 0]).max(axis=(2, 3)) < 1e-6)
    return min(places, key=lambda place: np.abs(place - near).max(), default=None)


def survives(run, picture, place, patch, channel, value):
    """By how much the activation changes when all outside of the patch does, relative to it."""
    other = np.random.default_rng(3).random(picture.shape).astype(np.float32)
    box = (slice(place[0], place[0] + patch.shape[0]), slice(place[1], place[1] + patch.shape[1]))
    other[box] = picture[box]
    y, x = np.unravel_index(run(picture)[channel].argmax(), run(picture)[channel].shape)
    return abs(float(run(other)[channel, y, x]) - value) / max(abs(value), 1e-3)


def check_patches(tap, network, layer, onnxruntime, folder):
    place_of, pictures = write_pictures(folder)

    def run(picture):
        return activation(onnxruntime, network, layer, picture, folder)

    highest = {name: run(picture).reshape(-1, *run(picture).shape[1:]).max(axis=(1, 2))
               for name, picture in pictures.items()}
    sheet = Sheet("top-patches", network, "-", folder, folder=place_of, layer=layer, channels="1,4,6,9",
                  patches=3, working_size=max(SIZE), cell_size=64)
    columns = sorted({caption[0] for caption in sheet.captions})
    rows = sorted({caption[1] for caption in sheet.captions if caption[0] != columns[0]})
    problems, worst, checked = [], 0, 0
    for i, (x, y, width, _, text) in enumerate(sheet.captions):
        if x == columns[0]:
            continue
        channel, rank = (1, 4, 6, 9)[rows.index(y)], columns.index(x) - 1
        value, name = text.split(" ", 1)
        best = sorted(pictures, key=lambda each: -highest[each][channel])
        wanted = highest[best[rank]][channel]
        if abs(float(value) - wanted) > TOLD * abs(wanted):
            problems.append(f"channel {channel}, patch {rank}: {wanted:.4g} in {best[rank]}, not {text}")
        room = sheet.pixels[y - width:y, x:x + width]
        patch = magnified(room)
        place = None if patch is None else find(pictures[name], patch, np.array(SIZE) // 2)
        if place is not None:
            worst = max(worst, survives(run, pictures[name], place, patch, channel, highest[name][channel]))
            checked += 1
    if worst > FORWARD_BOUND or checked == 0:
        problems.append(f"{checked} patches looked at; what is outside changes {worst:.1e}")
    tap.case(f"{network.name}: top patches of {layer}", problems)
    print(f"# {checked} patches within their pictures; what is outside changes at most {worst:.1e}")


def magnified(room):
    """The patch that a cell shows, without its magnification; None where paper is at its edge."""
    paper = np.abs(room - room[0, 0]).max(axis=(1, 2)) < 1e-6
    if paper.any():
        return None
    for factor in range(len(room), 0, -1):
        blocks = room[::factor, ::factor]
        if np.abs(np.kron(blocks[..., 0], np.ones((factor, factor)))[:len(room), :len(room)]
                  - room[..., 0]).max() < 1e-6:
            return blocks
    return None


def main():
    tap = Tap()
    with OnnxRuntime() as onnxruntime:
        for network in networks.trained():
            if network.name not in LAYERS:
                continue
            if not network.path.exists():
                tap.skip(network.name, "needs the networks of ../shared")
                continue
            with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
                network.path = Path(shutil.copy(network.path, folder))
                explained.describe(network.path, network.spec)
                check_filters(tap, network, folder)
                check_activations(tap, network, LAYERS[network.name], onnxruntime, folder)
                check_patches(tap, network, LAYERS[network.name], onnxruntime, folder)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
