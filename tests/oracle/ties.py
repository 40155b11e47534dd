# SPDX-License-Identifier: GPL-3.0-or-later
"""The one excuse for a gradient that differs: a tie.

Where a ReLU's input is within rounding of zero, or two elements of a max-pooling window within
rounding of each other, float32 engines may fairly decide either way, and the gradient differs by
that unit's whole share. So it does wherever else a function of one number has a kink. This module
repeats the calculation in float64 with an engine's own decisions in place of float64's, which it
accepts only where float64 shows a tie. What is left between that gradient and the engine's is no
tie's doing.
"""

import math

import torch

from onnx_operators import max_pool, padded_for_max
from onnx_torch import opened

TIE = 2e-5  # what counts as one, relative to the tensor's largest absolute value


def bound(value, missing):
    """A bound of Clip: an attribute, an input or left out."""
    return missing if value is None else float(value)


def clip_pieces(attributes, low=None, high=None):
    low = bound(attributes.get("min") if low is None else low, -math.inf)
    high = bound(attributes.get("max") if high is None else high, math.inf)
    return [low, high], [lambda x: torch.full_like(x, low) + 0 * x, lambda x: x,
                         lambda x: torch.full_like(x, high) + 0 * x]


def hard_sigmoid_pieces(attributes):
    alpha, beta = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    return [-beta / alpha, (1 - beta) / alpha], [
        lambda x: 0 * x, lambda x: alpha * x + beta, lambda x: 0 * x + 1]


# For a node's attributes and its other inputs: the kinks, and the function on each side of them.
PIECES = {
    "Abs": lambda attributes: ([0.0], [torch.neg, lambda x: x]),
    "Clip": clip_pieces,
    "HardSigmoid": hard_sigmoid_pieces,
    "HardSwish": lambda attributes: ([-3.0, 3.0], [
        lambda x: 0 * x, lambda x: x * (x + 3) / 6, lambda x: x]),
    "LeakyRelu": lambda attributes: ([0.0], [
        lambda x: attributes.get("alpha", 0.01) * x, lambda x: x]),
    "PRelu": lambda attributes, slope: ([0.0], [lambda x: slope * x, lambda x: x]),
    "Relu": lambda attributes: ([0.0], [lambda x: 0 * x, lambda x: x]),
}
FUSED = ("LeakyRelu", "Relu")  # engines may compute these together with the node before
CHOOSING = ("Max", "MaxPool")


class Decisions:
    """An override for OnnxTorch: units decide as in an engine's activations. Counts the ties at
    every node, and keeps a sentence where a unit decided otherwise that had no right to."""

    def __init__(self, names, activations):
        self.activations = {name: torch.from_numpy(a) for name, a in zip(names, activations)}
        self.ties = {}
        self.refused = {}

    def __call__(self, node, attributes, inputs):
        if node.op_type in PIECES and inputs[0].requires_grad:
            return self.follow(node, attributes, *inputs)
        if node.op_type == "MaxPool":
            return self.pool(node, attributes, inputs[0])
        if node.op_type == "Max" and any(x.requires_grad for x in inputs):
            return self.choose(node, *inputs)
        return None

    def follow(self, node, attributes, x, *inputs):
        """The piece that the engine was on."""
        kinks, functions = PIECES[node.op_type](attributes, *inputs)
        edges = torch.tensor([-math.inf, *kinks, math.inf], dtype=x.dtype)
        seen = self.activations[(node.output if node.op_type in FUSED else node.input)[0]]
        piece = torch.bucketize(seen.to(x.dtype), edges[1:-1])
        margins = torch.maximum(edges[piece] - x, x - edges[piece + 1])
        self.accept(node, margins, x, margins > 0)
        result = functions[-1](x)
        for i, function in enumerate(functions[:-1]):
            result = torch.where(piece == i, function(x), result)
        return result

    def pool(self, node, attributes, x):
        """The engine's maximum in each window is taken, wherever it is."""
        _, places = max_pool(None, attributes, self.activations[node.input[0]], return_indices=True)
        values = padded_for_max(attributes, x).flatten(2)
        chosen = values.gather(2, places.flatten(2)).view(places.shape)
        best = max_pool(None, attributes, x)
        self.accept(node, best - chosen, x, chosen != best)
        return chosen

    def choose(self, node, a, b):
        """The larger of two, as the engine saw it."""
        first, second = (self.activations.get(name, x) for name, x in zip(node.input, (a, b)))
        chosen = torch.where(first >= second, a, b)
        best = torch.maximum(a, b)
        self.accept(node, best - chosen, best, chosen != best)
        return chosen

    def accept(self, node, margins, x, differs):
        """Counts the units that decided otherwise, or says that one had no right to."""
        with torch.no_grad():
            margins = margins[differs]
            largest = TIE * x.abs().max()
            if margins.numel() and margins.max() > largest:
                self.refused[node.output[0]] = (
                    f"{node.output[0]}: a unit {margins.max():.3g} from a tie went the other way, "
                    f"where {largest:.3g} is within rounding")
            self.ties[node.output[0]] = margins.numel()


def deciding_tensors(network, targets):
    """The names of the tensors that show how units decided."""
    names = {}
    varying = network.varying()
    for node, _ in network.needed(targets):
        shown = []
        if node.op_type in FUSED:
            shown = node.output
        elif node.op_type in PIECES:
            shown = node.input[:1]
        elif node.op_type in CHOOSING:
            shown = node.input
        names.update(dict.fromkeys(name for name in shown if name in varying))
    return list(names)


class Repeated:
    """What float64 makes of an engine's decisions, for one target."""

    def __init__(self, gradient, ties, refused):
        self.gradient = gradient
        self.ties = ties
        self.refused = refused


def gradients_with_decisions(path, run, image, targets, seeds):
    """For each target the float64 gradient with the decisions of an engine, the number of ties
    among them, and sentences about those that were none.

    run(image, names) gives the engine's tensors of these names as arrays.
    """
    network = opened(path, torch.float64)
    names = deciding_tensors(network, targets)
    decisions = Decisions(names, run(image, names) if names else [])
    gradients = network.gradients(image, targets, seeds, decisions)
    results = []
    for target, gradient in zip(targets, gradients):
        nodes = [node.output[0] for node, _ in network.needed([target])]
        results.append(Repeated(
            gradient, sum(decisions.ties.get(name, 0) for name in nodes),
            [decisions.refused[name] for name in nodes if name in decisions.refused]))
    return results
