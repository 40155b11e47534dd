# SPDX-License-Identifier: GPL-3.0-or-later
"""A small ONNX interpreter on PyTorch, so that autograd can give the gradient to a network's input.

It knows the operators of the networks that the tests compare, as opset 13 and later define them,
in two spatial dimensions, and computes in float32 or float64. Any inner tensor can be asked for.
An `override` may take a node's place: called with the node and its inputs, it returns the output,
or None to leave the node to the interpreter.
"""

import math

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

FLOATS = (onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)


class OnnxTorch:
    """A network, ready to run."""

    def __init__(self, path, dtype=torch.float32):
        graph = onnx.load(path)
        self.dtype = dtype
        self.nodes = [(node, attributes_of(node)) for node in graph.graph.node]
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

    def run(self, image, targets, override=None):
        """The tensors named in targets, for a N x C x H x W tensor or array."""
        values = {"": None, self.input: torch.as_tensor(image).to(self.dtype), **self.constants}
        for node, attributes in self.needed(targets):
            inputs = [values[name] for name in node.input]
            output = override(node, attributes, inputs) if override is not None else None
            if output is None:
                output = OPERATORS[node.op_type](self, attributes, *inputs)
            values[node.output[0]] = output
        return [values[name] for name in targets]

    def gradients(self, image, targets, seeds, override=None):
        """The gradients to the input of the sum of seed times target, as arrays, for each target
        by itself."""
        image = torch.as_tensor(image).to(self.dtype).requires_grad_()
        activations = self.run(image, targets, override)
        return [
            torch.autograd.grad(activation, image, torch.as_tensor(seed).to(self.dtype),
                                retain_graph=True)[0].numpy()
            for activation, seed in zip(activations, seeds)
        ]


def attributes_of(node):
    """A dictionary of a node's attributes; texts as str."""
    values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return {key: v.decode() if isinstance(v, bytes) else v for key, v in values.items()}


# ---- windows

def window_pads(attributes, sizes, kernel):
    """Pairs of rows or columns to add before and after, and those that only ceil_mode asks for."""
    strides = attributes.get("strides", [1] * len(sizes))
    dilations = attributes.get("dilations", [1] * len(sizes))
    explicit = attributes.get("pads", [0] * 2 * len(sizes))
    auto_pad = attributes.get("auto_pad", "NOTSET")
    pads, extra = [], []
    for axis, size in enumerate(sizes):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        begin, end = explicit[axis], explicit[axis + len(sizes)]
        if auto_pad.startswith("SAME"):
            outputs = math.ceil(size / strides[axis])
            total = max(0, (outputs - 1) * strides[axis] + reach - size)
            begin = total - total // 2 if auto_pad == "SAME_LOWER" else total // 2
            end = total - begin
        pads.append((begin, end))
        extra.append(ceil_rest(size, (begin, end), reach, strides[axis], attributes))
    return pads, extra


def ceil_rest(size, pads, reach, stride, attributes):
    """How much is to be added at the end so that the last, incomplete window fits."""
    if not attributes.get("ceil_mode", 0):
        return 0
    padded = size + sum(pads)
    outputs = math.ceil((padded - reach) / stride) + 1
    if (outputs - 1) * stride >= size + pads[0]:  # it would see padding only
        outputs -= 1
    return max(0, (outputs - 1) * stride + reach - padded)


def pad_list(pads, extra=(0, 0)):
    """In F.pad's order: the last axis first."""
    return [pads[1][0], pads[1][1] + extra[1], pads[0][0], pads[0][1] + extra[0]]


def convolution(_, attributes, x, weight, bias=None):
    pads, _ = window_pads(attributes, x.shape[2:], weight.shape[2:])
    return F.conv2d(
        F.pad(x, pad_list(pads)), weight, bias,
        stride=attributes.get("strides", 1),
        dilation=attributes.get("dilations", 1),
        groups=attributes.get("group", 1))


def padded_for_max(attributes, x):
    pads, extra = window_pads(attributes, x.shape[2:], attributes["kernel_shape"])
    return F.pad(x, pad_list(pads, extra), value=-math.inf)


def max_pool(_, attributes, x, return_indices=False):
    """The indices are places in what padded_for_max() gives."""
    return F.max_pool2d(
        padded_for_max(attributes, x), attributes["kernel_shape"],
        stride=attributes.get("strides", 1),
        dilation=attributes.get("dilations", 1),
        return_indices=return_indices)


def average_pool(_, attributes, x):
    if max(attributes.get("dilations", [1])) > 1:
        raise NotImplementedError("AveragePool with dilations")
    pads, extra = window_pads(attributes, x.shape[2:], attributes["kernel_shape"])
    ones = torch.ones_like(x[:1, :1])
    counted = F.pad(ones, pad_list(pads), value=attributes.get("count_include_pad", 0))

    def window_sums(padded):
        return F.avg_pool2d(padded, attributes["kernel_shape"], attributes.get("strides", 1),
                            divisor_override=1)

    counts = window_sums(F.pad(counted, [0, extra[1], 0, extra[0]]))
    return window_sums(F.pad(x, pad_list(pads, extra))) / counts


# ---- the other operators

def batch_normalization(_, attributes, x, scale, bias, mean, variance):
    return F.batch_norm(x, mean, variance, scale, bias, eps=attributes.get("epsilon", 1e-5))


def gemm(_, attributes, a, b, c=None):
    a = a.T if attributes.get("transA", 0) else a
    b = b.T if attributes.get("transB", 0) else b
    product = attributes.get("alpha", 1.0) * (a @ b)
    return product if c is None else product + attributes.get("beta", 1.0) * c


def flatten(_, attributes, x):
    axis = attributes.get("axis", 1) % (x.dim() + 1)
    return x.reshape(math.prod(x.shape[:axis]), -1)


def reshape(_, attributes, x, shape):
    sizes = shape.tolist()
    if not attributes.get("allowzero", 0):
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return x.reshape(sizes)


def cast(network, attributes, x):
    if attributes["to"] in FLOATS:
        return x.to(network.dtype)
    return x.to(torch.int64)


def constant(network, attributes):
    if "value" in attributes:
        return network.constant(numpy_helper.to_array(attributes["value"]))
    value = next(iter(attributes.values()))
    return torch.tensor(value, dtype=network.dtype if "float" in next(iter(attributes)) else None)


OPERATORS = {
    "Add": lambda _, attributes, a, b: a + b,
    "AveragePool": average_pool,
    "BatchNormalization": batch_normalization,
    "Cast": cast,
    "Concat": lambda _, attributes, *parts: torch.cat(parts, attributes["axis"]),
    "Constant": constant,
    "Conv": convolution,
    "Dropout": lambda _, attributes, x, *rest: x,
    "Flatten": flatten,
    "Gemm": gemm,
    "GlobalAveragePool": lambda _, attributes, x: x.mean(dim=(2, 3), keepdim=True),
    "Identity": lambda _, attributes, x: x,
    "LeakyRelu": lambda _, attributes, x: F.leaky_relu(x, attributes.get("alpha", 0.01)),
    "MatMul": lambda _, attributes, a, b: a @ b,
    "MaxPool": max_pool,
    "Mul": lambda _, attributes, a, b: a * b,
    "Relu": lambda _, attributes, x: F.relu(x),
    "Reshape": reshape,
    "Softmax": lambda _, attributes, x: torch.softmax(x, attributes.get("axis", -1)),
}
