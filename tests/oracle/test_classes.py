#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What classifiers make of the test photos: the same best class as with onnxruntime, and the same
probabilities."""

import sys

import numpy as np

import networks
import pictures
from common import Tap
from onnx_files import metadata
from peers import Engine, OnnxRuntime

PROBABILITY_BOUND = 1e-5
OUTPUT = "prob"


def compare_photo(tap, network, path, onnxruntime):
    """Returns the best class and the largest difference."""
    image = network.spec.prepare(pictures.centre_crop(pictures.load(path), *network.view))
    (ours,) = Engine(network.path).run(image, [OUTPUT])
    (theirs,) = onnxruntime.run(network.path, image, [OUTPUT])
    difference = float(np.abs(ours - theirs).max())
    problems = []
    if ours.argmax() != theirs.argmax():
        problems.append(f"class {ours.argmax()} instead of {theirs.argmax()}")
    if not difference <= PROBABILITY_BOUND:
        problems.append(f"probabilities differ by {difference:.2e}")
    tap.case(f"{network.name} {path.stem}", problems)
    return int(ours.argmax()), difference


def labels_of(network):
    """The names of the classes in the file beside the network, or in it."""
    beside = network.path.with_suffix(".labels.txt")
    if beside.exists():
        return beside.read_text(encoding="utf-8").splitlines()
    return metadata(network.path)["labels"].splitlines()


def compare_network(tap, network, onnxruntime):
    labels = labels_of(network)
    for path in pictures.photos():
        best, difference = compare_photo(tap, network, path, onnxruntime)
        print(f"# {path.stem}: {labels[best]}; largest difference {difference:.1e}")


def main():
    tap = Tap()
    with OnnxRuntime() as onnxruntime:
        for network in networks.trained():
            if network.view is None:
                continue
            if network.path.exists() and pictures.photos():
                compare_network(tap, network, onnxruntime)
            else:
                tap.skip(network.name, "needs the photos and networks of ../shared")
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
