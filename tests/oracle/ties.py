# SPDX-License-Identifier: GPL-3.0-or-later
"""The one excuse for a gradient that differs: a tie.

Where a ReLU's input is within rounding of zero, or two elements of a max-pooling window within
rounding of each other, float32 engines may fairly decide either way, and the gradient differs by
that unit's whole share. This module repeats the calculation in float64 with an engine's own
decisions in place of float64's, which it accepts only where float64 shows a tie. What is left
between that gradient and the engine's is no tie's doing.
"""

import torch

from onnx_torch import OnnxTorch, max_pool, padded_for_max

TIE = 2e-5  # what counts as one, relative to the tensor's largest absolute value


class NoTie(Exception):
    """An engine decided otherwise than float64 where it is no matter of rounding."""


class Decisions:
    """An override for OnnxTorch: units decide as in an engine's activations."""

    def __init__(self, activations):
        self.activations = {name: torch.from_numpy(a) for name, a in activations.items()}
        self.ties = 0

    def __call__(self, node, attributes, inputs):
        if node.op_type in ("Relu", "LeakyRelu"):
            return self.rectify(node, attributes, inputs[0])
        if node.op_type == "MaxPool":
            return self.pool(node, attributes, inputs[0])
        return None

    def rectify(self, node, attributes, x):
        slope = attributes.get("alpha", 0.01) if node.op_type == "LeakyRelu" else 0.0
        active = self.activations[node.output[0]] > 0
        self.accept(node, x.abs(), x, active != (x > 0))
        return torch.where(active, x, slope * x)

    def pool(self, node, attributes, x):
        """The engine's maximum in each window is taken, wherever it is."""
        _, places = max_pool(None, attributes, self.activations[node.input[0]], return_indices=True)
        values = padded_for_max(attributes, x).flatten(2)
        chosen = values.gather(2, places.flatten(2)).view(places.shape)
        best = max_pool(None, attributes, x)
        self.accept(node, best - chosen, x, chosen != best)
        return chosen

    def accept(self, node, margins, x, differs):
        """Counts the units that decided otherwise, or says that one had no right to."""
        with torch.no_grad():
            margins = margins[differs]
            bound = TIE * x.abs().max()
            if margins.numel() and margins.max() > bound:
                raise NoTie(f"{node.output[0]}: a unit {margins.max():.3g} from a tie went the "
                            f"other way, where {bound:.3g} is within rounding")
            self.ties += margins.numel()


def deciding_tensors(network, target):
    """The names of the tensors that show how units decided."""
    names = {}
    for node, _ in network.needed([target]):
        if node.op_type in ("Relu", "LeakyRelu"):
            names[node.output[0]] = None
        elif node.op_type == "MaxPool":
            names[node.input[0]] = None
    return list(names)


def gradient_with_decisions(path, run, image, target, seed):
    """The float64 gradient with the decisions of an engine, and the number of ties among them.

    run(image, names) gives the engine's tensors of these names as arrays.
    """
    network = OnnxTorch(path, torch.float64)
    names = deciding_tensors(network, target)
    decisions = Decisions(dict(zip(names, run(image, names))) if names else {})
    return network.gradients(image, [target], [seed], decisions)[0], decisions.ties
