#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the engine against others on whole networks, on a photo and on noise, at two sizes and
three depths each: forward against onnxruntime, the gradient to the input against PyTorch's
autograd. Errors are relative to the largest absolute value. Also, the number of threads must not
change a bit.

  test_networks.py [GROUP...]

The groups are those of networks.py. Each leaves its part of the table in build/networks.txt.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import networks
import table
from common import (
    BUILD, FORWARD_BOUND, GRADIENT_BOUND, RESOLVED_BOUND, THREADS, Tap, relative_error)
from onnx_files import cut
from onnx_torch import opened
from peers import Engine, OnnxRuntime
from pictures import noise_levels, photo_levels
from ties import deciding_tensors, gradients_with_decisions

INPUTS = {"photo": photo_levels, "noise": noise_levels}


def torch_run(path):
    """PyTorch's float32 as a function like Engine.run."""
    def run(image, names):
        with torch.no_grad():
            return [tensor.numpy() for tensor in opened(path).run(image, names)]
    return run


class Explained:
    """Two gradients that differ, each beside float64's with the same decisions."""

    def __init__(self, ours, theirs, ours_repeated, theirs_repeated):
        self.rest = relative_error(ours, ours_repeated.gradient)
        self.ties = (ours_repeated.ties, theirs_repeated.ties)
        self.problems = []
        for who, rest, repeated in (
                ("Somnium", self.rest, ours_repeated),
                ("PyTorch", relative_error(theirs, theirs_repeated.gradient), theirs_repeated)):
            self.problems += [f"{who}: {sentence}" for sentence in repeated.refused]
            if not rest <= RESOLVED_BOUND:
                self.problems.append(
                    f"{who}'s differs from float64's with the same decisions by {rest:.1e}")
        if sum(self.ties) == 0:
            self.problems.append("no unit is at a tie")


def explain_by_ties(path, image, layers, seeds, ours, theirs):
    """For each layer, whether ties, and nothing else, set two gradients apart."""
    repeated = [gradients_with_decisions(path, run, image, layers, seeds)
                for run in (Engine(path).run, torch_run(path))]
    return [Explained(*item) for item in zip(ours, theirs, *repeated)]


def seeds_like(arrays, number):
    random = np.random.default_rng(number)
    return [random.standard_normal(array.shape).astype(np.float32) for array in arrays]


class Comparison:
    """One network at one size on one picture."""

    def __init__(self, network, size, kind):
        self.network = network
        self.path = network.path
        self.layers = network.layers[size]
        self.image = network.spec.prepare(INPUTS[kind](*size))
        self.rows = [table.Row(network.name, network.opset, size, kind, layer)
                     for layer in self.layers]

    def compare(self, tap, onnxruntime, cut_path):
        references = onnxruntime.run(cut_path, self.image, self.layers)
        seeds = seeds_like(references, self.image.size)
        activations, theirs = opened(self.path).both(self.image, self.layers, lambda _: seeds)
        ours = []
        for row, layer, seed, reference, gradient in zip(
                self.rows, self.layers, seeds, references, theirs):
            activation, mine = Engine(self.path).gradient(self.image, layer, seed)
            row.forward = relative_error(activation, reference)
            row.gradient = relative_error(mine, gradient)
            ours.append(mine)
        problems = self.explain(seeds, ours, theirs)
        for row, activation, reference in zip(self.rows, activations, references):
            if not relative_error(activation, reference) <= FORWARD_BOUND:
                problems[row].append("PyTorch and onnxruntime do not agree on the activation")
            if not row.forward <= FORWARD_BOUND:
                problems[row].append(f"the activation's error is {row.forward:.2e}")
            tap.case(row.name, problems[row])

    def explain(self, seeds, ours, theirs):
        """Problems for each row; fills in what is left where ties are resolved."""
        problems = {row: [] for row in self.rows}
        apart = [i for i, row in enumerate(self.rows) if not row.gradient <= GRADIENT_BOUND]
        if apart:
            explained = explain_by_ties(self.path, self.image, *(
                [items[i] for i in apart] for items in (self.layers, seeds, ours, theirs)))
            for i, answer in zip(apart, explained):
                row = self.rows[i]
                row.resolved, row.ties = answer.rest, answer.ties
                if answer.problems:
                    problems[row] = [f"the gradient's error is {row.gradient:.2e}",
                                     *answer.problems]
        return problems


def compare_threads(tap, network):
    """The last layer, forward and backward, with one thread and with several."""
    size = network.odd_size
    image = network.spec.prepare(photo_levels(*size))
    layer = network.layers[size][-1]
    engine = Engine(network.path)
    (activation,) = engine.run(image, [layer])
    seed = np.random.default_rng(3).standard_normal(activation.shape).astype(np.float32)
    one = engine.gradient(image, layer, seed, threads=1)
    same = all(
        np.array_equal(a.view(np.uint32), b.view(np.uint32))
        for threads in (2, 3)
        for a, b in zip(one, engine.gradient(image, layer, seed, threads)))
    tap.case(f"{network.name} threads change no bit", [] if same else ["the results differ"])


def check_excuse(tap, network):
    """A gradient that is wrong at a single element must not pass as a matter of ties."""
    size = network.odd_size
    image = network.spec.prepare(noise_levels(*size))
    layers = network.layers[size][-1:]
    activations, theirs = opened(network.path).both(
        image, layers, lambda arrays: seeds_like(arrays, 4))
    seeds = seeds_like(activations, 4)
    _, ours = Engine(network.path).gradient(image, layers[0], seeds[0])
    ours[0, 1, size[0] // 2, size[1] // 2] += 2.5 * GRADIENT_BOUND * np.abs(theirs).max()
    (explained,) = explain_by_ties(network.path, image, layers, seeds, [ours], theirs)
    tap.case(f"{network.name} a wrong gradient is not taken for a tie",
             [] if explained.problems else ["it is"])


def check_refusal(tap, network):
    """A unit that decides otherwise far from a tie has no excuse, whatever kind it is of."""
    size = network.odd_size
    image = network.spec.prepare(photo_levels(*size))
    layers = network.layers[size][-1:]
    names = deciding_tensors(opened(network.path), layers)
    (activation,) = torch_run(network.path)(image, layers)
    for wrong in names:
        def run(image, names):
            arrays = dict(zip(names, torch_run(network.path)(image, names)))
            array = arrays[wrong] = arrays[wrong].copy()
            array.flat[np.abs(array).argmax()] *= -1
            return [arrays[name] for name in names]

        (repeated,) = gradients_with_decisions(
            network.path, run, image, layers, [np.ones_like(activation)])
        tap.case(f"{network.name} a wrong decision at {wrong} is refused",
                 [] if repeated.refused else ["it is not"])


def check_deviations(tap, network):
    """Random weights are worth comparing on only where signals neither vanish nor explode."""
    deviations = networks.convolution_deviations(network)
    low, high = networks.DEVIATIONS
    good = low <= deviations.min() and deviations.max() <= high
    told = f"{deviations.min():.2f} to {deviations.max():.2f}"
    tap.case(f"{network.name} has convolutions of deviation {low} to {high}",
             [] if good else [f"they are {told}"])
    print(f"# {network.name}: deviations of the convolutions' outputs {told}")


def compare_network(tap, network, onnxruntime, folder):
    """The rows of the table."""
    rows = []
    for size, layers in network.layers.items():
        cut_path = Path(folder) / f"{network.name}-{size[0]}-cut.onnx"
        cut(network.path, layers, cut_path)
        for kind in INPUTS:
            comparison = Comparison(network, size, kind)
            comparison.compare(tap, onnxruntime, cut_path)
            rows += comparison.rows
        cut_path.unlink()
    compare_threads(tap, network)
    check_excuse(tap, network)
    return rows


def test_network(tap, name, onnxruntime):
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        network = networks.make(name, folder)
        if not network.path.exists():
            tap.skip(name, f"{network.path.name} is in ../shared, which is not here")
            return []
        if network.path.is_relative_to(folder):
            check_deviations(tap, network)
        if name == networks.KINKED:
            check_refusal(tap, network)
        return compare_network(tap, network, onnxruntime, folder)


def test_group(tap, group, onnxruntime):
    rows = []
    for name in networks.GROUPS[group]:
        rows += test_network(tap, name, onnxruntime)
        table.publish(BUILD, group, rows, networks.GROUPS, GRADIENT_BOUND)


def main():
    torch.set_num_threads(THREADS)
    tap = Tap()
    groups = sys.argv[1:] or list(networks.GROUPS)
    with OnnxRuntime() as onnxruntime:
        for group in groups:
            test_group(tap, group, onnxruntime)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
