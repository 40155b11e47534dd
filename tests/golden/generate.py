#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes somnium-base.txt, what the small network gives for pictures that C can calculate too.

  ./dev shell --oracle -- python3 tests/golden/generate.py [--check]

With --check it only compares, and prints TAP. The values are PyTorch's in float64 (through
tests/oracle/onnx_torch.py), once onnxruntime has agreed. The file has a line for each of:

  size HEIGHT WIDTH             the picture; what follows belongs to it
  layer NAME COUNT LARGEST      an activation: number of elements, largest absolute value
  gradient NAME COUNT LARGEST   the gradient to the input, for a seed at this layer
  at INDEX VALUE                one of its elements, counted in ONNX's order
  class INDEX                   the most probable class

Picture and seed are defined by picture() and seed() here and in test-golden.c. The gradient jumps
where a unit is at a tie, which float32 may break either way. So elements are only taken where it
stays the same while all that the convolutions give is shaken by more than rounding ever does.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oracle"))
from common import Tap, relative_error  # noqa: E402
from networks import SMALL  # noqa: E402
from onnx_files import cut  # noqa: E402
from onnx_torch import OPERATORS, OnnxTorch  # noqa: E402
from peers import OnnxRuntime  # noqa: E402

GOLDEN = HERE / "somnium-base.txt"
SIZES = ((48, 64), (61, 45))
LAYERS = ("conv1_1", "relu1_2", "pool2", "relu3_2", "conv4_1", "pool4", "relu5_1", "features",
          "logits", "prob")
GRADIENTS = ("conv1_2", "relu2_2", "relu3_1", "relu4_1", "logits")
ACTIVATION_SAMPLES = 16
GRADIENT_SAMPLES = 32
AGREEMENT = 1e-5  # between float64 and onnxruntime
SHAKES = 16
SHAKE = 3e-5  # of the largest that a convolution gives
STEADY = 2e-4  # of the largest gradient: what shaking may change
SAME = 1e-6  # between the committed file and one made now


def hashed(indices, salt):
    """Noise of 0 to 1, a 32-bit integer hash of the index."""
    x = (np.arange(indices, dtype=np.uint64) + np.uint64(salt)).astype(np.uint32)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
        x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(8)).astype(np.float64) / (1 << 24)


def picture(height, width):
    """Waves and noise, 1 x 3 x height x width, as the network wants its input."""
    c, y, x = np.meshgrid(np.arange(3.0), np.arange(float(height)), np.arange(float(width)),
                          indexing="ij")
    waves = np.sin(0.31 * x + 0.17 * y + c) + np.sin(0.013 * x * y - 0.5 * c)
    noise = hashed(3 * height * width, 0).reshape(waves.shape)
    return (0.9 * waves + 1.6 * (noise - 0.5))[None].astype(np.float32)


def seed(shape):
    """A gradient to a layer: noise of -1 to 1."""
    noise = 2 * hashed(int(np.prod(shape)), 1 << 20) - 1
    return noise.reshape(shape).astype(np.float32)


class Shaking:
    """An override for OnnxTorch: adds noise to what convolutions give."""

    def __init__(self, network, number):
        self.network = network
        self.random = torch.Generator().manual_seed(number)

    def __call__(self, node, attributes, inputs):
        if node.op_type != "Conv":
            return None
        output = OPERATORS["Conv"](self.network, attributes, *inputs)
        noise = torch.rand(output.shape, generator=self.random, dtype=output.dtype)
        return output + (2 * noise - 1) * SHAKE * output.abs().max().detach()


def sample(indices, count):
    """As many of the indices, spread evenly."""
    places = np.linspace(0, len(indices) - 1, min(count, len(indices)))
    return np.unique(indices[np.round(places).astype(int)])


def lines_of(kind, name, values, indices):
    flat = values.ravel()
    yield f"{kind} {name} {flat.size} {np.abs(flat).max():.7g}"
    yield from (f"at {index} {flat[index]:.7g}" for index in indices)


def activation_lines(network, image):
    with torch.no_grad():
        activations = [tensor.numpy() for tensor in network.run(image, LAYERS)]
    check_with_onnxruntime(image, activations)
    for name, values in zip(LAYERS, activations):
        # by the golden ratio, so that rows, columns and channels are all hit
        indices = np.arange(ACTIVATION_SAMPLES) * 0.6180339887 % 1 * values.size
        yield from lines_of("layer", name, values, np.unique(indices.astype(int)))
    yield f"class {activations[-1].argmax()}"


def check_with_onnxruntime(image, activations):
    path = HERE / "cut.onnx.tmp"
    try:
        cut(SMALL, LAYERS, path)
        with OnnxRuntime() as onnxruntime:
            others = onnxruntime.run(path, image, LAYERS)
    finally:
        path.unlink(missing_ok=True)
    for name, ours, theirs in zip(LAYERS, activations, others):
        if relative_error(ours, theirs) > AGREEMENT:
            sys.exit(f"onnxruntime does not agree on {name}: {relative_error(ours, theirs):.1e}")


def gradient_lines(network, image):
    seeds = [seed(activation.shape) for activation in network.run(image, GRADIENTS)]
    gradients = network.gradients(image, GRADIENTS, seeds)
    changes = [np.zeros_like(gradient) for gradient in gradients]
    for number in range(SHAKES):  # in float64 too, so that every machine finds the same ones steady
        shaken = network.gradients(image, GRADIENTS, seeds, Shaking(network, number))
        for change, gradient, other in zip(changes, gradients, shaken):
            np.maximum(change, np.abs(other - gradient), out=change)
    for name, gradient, change in zip(GRADIENTS, gradients, changes):
        steady = np.flatnonzero(change < STEADY * np.abs(gradient).max())
        if len(steady) < 3 * GRADIENT_SAMPLES:
            sys.exit(f"the gradient at {name} has {len(steady)} steady elements only")
        yield from lines_of("gradient", name, gradient, sample(steady, GRADIENT_SAMPLES))


def generate():
    """The lines of the file."""
    network = OnnxTorch(SMALL, torch.float64)
    lines = ["# made by tests/golden/generate.py, which says what the lines mean"]
    for size in SIZES:
        image = picture(*size)
        lines.append(f"size {size[0]} {size[1]}")
        lines.extend(activation_lines(network, image))
        lines.extend(gradient_lines(network, image))
    return lines


def differences(old, new):
    """What differs between two files' lines by more than their last digits."""
    if len(old) != len(new):
        return [f"{len(old)} lines are committed, {len(new)} are generated"]
    problems = []
    largest = 1.0
    for ours, theirs in zip(old, new):
        words, others = ours.split(), theirs.split()
        if words[0] in ("layer", "gradient"):
            largest = float(words[-1])
        if words[:-1] != others[:-1] or (
                words[:1] != ["#"] and ours != theirs
                and abs(float(words[-1]) - float(others[-1])) > SAME * largest):
            problems.append(f"committed: {ours}; generated: {theirs}")
    return problems[:10]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    torch.set_num_threads(1)  # such small pictures do not gain by more
    lines = generate()
    if not check:
        GOLDEN.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return
    tap = Tap()
    committed = GOLDEN.read_text(encoding="utf-8").splitlines()
    tap.case("the golden file is what its generator makes", differences(committed, lines))
    tap.done()


if __name__ == "__main__":
    main()
