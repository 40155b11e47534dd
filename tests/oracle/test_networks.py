#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the engine against others on whole networks, on a photo and on noise, at two sizes and
three depths each: forward against onnxruntime, the gradient to the input against PyTorch's
autograd. Errors are relative to the largest absolute value. Also, the number of threads must not
change a bit. Prints a table of all errors at the end.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import networks
from common import FORWARD_BOUND, GRADIENT_BOUND, THREADS, Tap, relative_error
from onnx_files import cut
from onnx_torch import OnnxTorch
from peers import Engine, OnnxRuntime
from pictures import noise_levels, photo_levels
from ties import NoTie, gradient_with_decisions

INPUTS = {"photo": photo_levels, "noise": noise_levels}


def torch_run(path):
    """PyTorch's float32 as a function like Engine.run."""
    def run(image, names):
        with torch.no_grad():
            return [tensor.numpy() for tensor in OnnxTorch(path).run(image, names)]
    return run


def explain_by_ties(path, image, layer, seed, ours, theirs):
    """Whether ties, and nothing else, set two gradients apart: problems, and a remark."""
    ties, problems = [], []
    for who, run, gradient in (("Somnium", Engine(path).run, ours),
                               ("PyTorch", torch_run(path), theirs)):
        try:
            exact, count = gradient_with_decisions(path, run, image, layer, seed)
        except NoTie as reason:
            return [f"{who}: {reason}"], ""
        ties.append(count)
        rest = relative_error(gradient, exact)
        if rest > GRADIENT_BOUND:
            problems.append(f"{who}'s differs from float64's with the same decisions by {rest:.1e}")
        if who == "Somnium":
            remark = f"with ours decided in float64 too {rest:.1e}"
    if sum(ties) == 0:
        problems.append("no unit is at a tie")
    remark = f"ties against float64: ours {ties[0]}, PyTorch's {ties[1]}; {remark}"
    return problems, remark


class Comparison:
    """One network at one size on one picture."""

    def __init__(self, network, size, kind):
        self.network = network
        self.layers = network.layers[size]
        self.size = size
        self.kind = kind
        self.image = network.spec.prepare(INPUTS[kind](*size))

    def compare(self, tap, table, onnxruntime, cut_path):
        references = onnxruntime.run(cut_path, self.image, self.layers)
        random = np.random.default_rng(sum(self.size))
        seeds = [random.standard_normal(array.shape).astype(np.float32) for array in references]
        gradients = OnnxTorch(self.network.path).gradients(self.image, self.layers, seeds)
        for layer, reference, seed, gradient in zip(self.layers, references, seeds, gradients):
            self.compare_layer(tap, table, layer, reference, seed, gradient)

    def compare_layer(self, tap, table, layer, reference, seed, gradient):
        name = f"{self.network.name} {self.size[0]}x{self.size[1]} {self.kind} {layer.lstrip('/')}"
        activation, ours = Engine(self.network.path).gradient(self.image, layer, seed)
        forward = relative_error(activation, reference)
        backward = relative_error(ours, gradient)
        problems, remark = [], ""
        if backward > GRADIENT_BOUND:
            problems, remark = explain_by_ties(
                self.network.path, self.image, layer, seed, ours, gradient)
            if problems:
                problems.insert(0, f"the gradient's error is {backward:.2e}")
        if forward > FORWARD_BOUND:
            problems.append(f"the activation's error is {forward:.2e}")
        table.append((name, forward, backward, remark))
        tap.case(name, problems)


def compare_threads(tap, network):
    """The last layer, forward and backward, with one thread and with several."""
    size = networks.ODD_SIZE
    image = network.spec.prepare(photo_levels(*size))
    layer = network.layers[size][-1]
    engine = Engine(network.path)
    (activation,) = engine.run(image, [layer])
    seed = np.random.default_rng(3).standard_normal(activation.shape).astype(np.float32)
    one = engine.gradient(image, layer, seed, threads=1)
    same = all(
        np.array_equal(a.view(np.uint32), b.view(np.uint32))
        for threads in (THREADS, 2 * THREADS - 1)
        for a, b in zip(one, engine.gradient(image, layer, seed, threads)))
    tap.case(f"{network.name} threads change no bit", [] if same else ["the results differ"])


def check_excuse(tap, network):
    """A gradient that is wrong at a single element must not pass as a matter of ties."""
    size = networks.ODD_SIZE
    image = network.spec.prepare(noise_levels(*size))
    layer = network.layers[size][0]
    interpreter = OnnxTorch(network.path)
    (activation,) = interpreter.run(image, [layer])
    seed = np.random.default_rng(4).standard_normal(activation.shape).astype(np.float32)
    (theirs,) = interpreter.gradients(image, [layer], [seed])
    _, ours = Engine(network.path).gradient(image, layer, seed)
    ours[0, 1, 70, 50] += 2 * GRADIENT_BOUND * np.abs(theirs).max()
    problems, _ = explain_by_ties(network.path, image, layer, seed, ours, theirs)
    tap.case("a wrong gradient is not taken for a tie", [] if problems else ["it is"])


def check_deviations(tap, network):
    """Random weights are worth comparing on only where signals neither vanish nor explode."""
    deviations = networks.convolution_deviations(network)
    low, high = networks.DEVIATIONS
    good = low <= deviations.min() and deviations.max() <= high
    told = f"{deviations.min():.2f} to {deviations.max():.2f}"
    tap.case(f"{network.name} has convolutions of deviation {low} to {high}",
             [] if good else [f"they are {told}"])
    print(f"# {network.name}: deviations of the convolutions' outputs {told}")


def compare_network(tap, table, network, onnxruntime, folder):
    for size, layers in network.layers.items():
        cut_path = Path(folder) / f"{network.name}-{size[0]}.onnx"
        cut(network.path, layers, cut_path)
        for kind in INPUTS:
            Comparison(network, size, kind).compare(tap, table, onnxruntime, cut_path)
        cut_path.unlink()
    compare_threads(tap, network)


def print_table(table):
    width = max(len(row[0]) for row in table)
    print(f"# {'network, size, input, layer':{width}}  forward  gradient")
    for name, forward, backward, remark in table:
        print(f"# {name:{width}}  {forward:.1e}  {backward:.1e}  {remark}".rstrip())


def main():
    torch.set_num_threads(THREADS)
    tap = Tap()
    table = []
    check_excuse(tap, networks.trained()[-1])
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder, OnnxRuntime() as onnxruntime:
        for network in networks.trained():
            if network.path.exists():
                compare_network(tap, table, network, onnxruntime, folder)
            else:
                tap.skip(network.name, f"{network.path.name} is in ../shared, which is not here")
        for network in networks.exported(folder):
            check_deviations(tap, network)
            compare_network(tap, table, network, onnxruntime, folder)
            network.path.unlink()
    print_table(table)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
