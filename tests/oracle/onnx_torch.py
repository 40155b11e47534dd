# SPDX-License-Identifier: GPL-3.0-or-later
"""A small ONNX interpreter on PyTorch, so that autograd can give the gradient to a network's input.

It knows the operators of the networks that the tests compare (onnx_operators.py) and computes in
float32 or float64. Any inner tensor can be asked for.
An `override` may take a node's place: called with the node, its attributes and its inputs, it
returns the output, or None to leave the node to the interpreter.
"""

import functools

import onnx
import torch
from onnx import numpy_helper

from onnx_operators import OPERATORS


class OnnxTorch:
    """A network, ready to run."""

    def __init__(self, path, dtype=torch.float32):
        graph = onnx.load(path)
        self.dtype = dtype
        self.nodes = [(detached(node), attributes_of(node)) for node in graph.graph.node]
        self.constants = {
            tensor.name: self.constant(numpy_helper.to_array(tensor))
            for tensor in graph.graph.initializer
        }
        inputs = [value.name for value in graph.graph.input if value.name not in self.constants]
        if len(inputs) != 1:
            raise ValueError(f"{path}: one input expected, not {inputs}")
        self.input = inputs[0]

    def constant(self, array):
        tensor = torch.from_numpy(array.copy())
        return tensor.to(self.dtype) if tensor.is_floating_point() else tensor

    def needed(self, targets):
        """The nodes that the targets depend on, in order."""
        wanted = set(targets)
        kept = []
        for node, attributes in reversed(self.nodes):
            if wanted.intersection(node.output):
                wanted.update(node.input)
                kept.append((node, attributes))
        return kept[::-1]

    def varying(self):
        """The names of the tensors whose elements depend on the picture, not on its size alone."""
        names = {self.input}
        for node, _ in self.nodes:
            if node.op_type not in ("Shape", "Size") and names.intersection(node.input):
                names.update(node.output)
        return names

    def run(self, image, targets, override=None):
        """The tensors named in targets, for a N x C x H x W tensor or array."""
        values = {"": None, self.input: torch.as_tensor(image).to(self.dtype), **self.constants}
        for node, attributes in self.needed(targets):
            inputs = [values[name] for name in node.input]
            output = override(node, attributes, inputs) if override is not None else None
            if output is None:
                output = OPERATORS[node.op_type](self, attributes, *inputs)
            values.update(zip(node.output, output if isinstance(output, tuple) else (output,)))
        return [values[name] for name in targets]

    def gradients(self, image, targets, seeds, override=None):
        """The gradients to the input of the sum of seed times target, as arrays, for each target
        by itself."""
        return self.both(image, targets, lambda _: seeds, override)[1]

    def both(self, image, targets, seeds_of, override=None):
        """The targets, and gradients() for the seeds that are made from them."""
        image = torch.as_tensor(image).to(self.dtype).requires_grad_()
        activations = self.run(image, targets, override)
        arrays = [activation.detach().numpy() for activation in activations]
        return arrays, [
            torch.autograd.grad(activation, image, torch.as_tensor(seed).to(self.dtype),
                                retain_graph=True)[0].numpy()
            for activation, seed in zip(activations, seeds_of(arrays))
        ]


@functools.lru_cache(maxsize=2)
def opened(path, dtype=torch.float32):
    """A network, kept: large files are slow to read."""
    return OnnxTorch(path, dtype)


def detached(node):
    """A copy that doesn't keep the file's weights in memory."""
    return onnx.NodeProto.FromString(node.SerializeToString())


def attributes_of(node):
    """A dictionary of a node's attributes; texts as str."""
    values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return {key: v.decode() if isinstance(v, bytes) else v for key, v in values.items()}
