# SPDX-License-Identifier: GPL-3.0-or-later
"""ONNX's operators on PyTorch, for the interpreter in onnx_torch.py.

Each is called with the network, a dictionary of its attributes and its inputs (None where one is
left out), and returns its output, or a tuple where there are several. Windows have two spatial
dimensions. What became an input in a later opset is taken from either place.
"""

import math

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

FLOATS = (onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)


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


def transposed_convolution(_, attributes, x, weight, bias=None):
    """Padding takes rows and columns of the result away."""
    pads = attributes.get("pads", [0] * 4)
    wide = F.conv_transpose2d(
        x, weight, bias,
        stride=attributes.get("strides", 1),
        output_padding=attributes.get("output_padding", 0),
        dilation=attributes.get("dilations", 1),
        groups=attributes.get("group", 1))
    height, width = wide.shape[2:]
    return wide[:, :, pads[0]:height - pads[2], pads[1]:width - pads[3]]


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


# ---- normalisation

def batch_normalization(_, attributes, x, scale, bias, mean, variance):
    return F.batch_norm(x, mean, variance, scale, bias, eps=attributes.get("epsilon", 1e-5))


def instance_normalization(_, attributes, x, scale, bias):
    return F.instance_norm(x, weight=scale, bias=bias, eps=attributes.get("epsilon", 1e-5))


def layer_normalization(_, attributes, x, scale, bias=None):
    shape = x.shape[attributes.get("axis", -1):]
    return F.layer_norm(x, shape, scale, bias, attributes.get("epsilon", 1e-5))


def group_normalization(_, attributes, x, scale, bias):
    """Before opset 21, scale and bias had one value a group."""
    groups = attributes["num_groups"]
    if scale.numel() == groups:
        scale, bias = (v.repeat_interleave(x.shape[1] // groups) for v in (scale, bias))
    return F.group_norm(x, groups, scale, bias, attributes.get("epsilon", 1e-5))


def lrn(_, attributes, x):
    return F.local_response_norm(
        x, attributes["size"], attributes.get("alpha", 1e-4), attributes.get("beta", 0.75),
        attributes.get("bias", 1.0))


# ---- shapes and places

def integers(attributes, name, tensor):
    """A list that is an input or, in older opsets, an attribute."""
    return tensor.tolist() if tensor is not None else attributes.get(name)


def reshape(_, attributes, x, shape):
    sizes = shape.tolist()
    if not attributes.get("allowzero", 0):
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return x.reshape(sizes)


def flatten(_, attributes, x):
    axis = attributes.get("axis", 1) % (x.dim() + 1)
    return x.reshape(math.prod(x.shape[:axis]), -1)


def shape_of(_, attributes, x):
    return torch.tensor(x.shape)[attributes.get("start", 0):attributes.get("end", x.dim())]


def gather(_, attributes, x, places):
    axis = attributes.get("axis", 0) % x.dim()
    flat = places.reshape(-1) % x.shape[axis]
    return x.index_select(axis, flat).reshape(x.shape[:axis] + places.shape + x.shape[axis + 1:])


def slices(_, attributes, x, starts=None, ends=None, axes=None, steps=None):
    starts, ends = integers(attributes, "starts", starts), integers(attributes, "ends", ends)
    axes = integers(attributes, "axes", axes) or list(range(len(starts)))
    steps = steps.tolist() if steps is not None else [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps):
        places = range(x.shape[axis])[slice(start, end, step)]
        x = x.index_select(axis, torch.tensor(list(places), dtype=torch.int64))
    return x


def split(_, attributes, x, sizes=None):
    axis = attributes.get("axis", 0)
    sizes = integers(attributes, "split", sizes)
    if sizes is None:
        sizes = -(-x.shape[axis] // attributes["num_outputs"])
    return x.split(sizes, axis)


def squeeze(_, attributes, x, axes=None):
    axes = integers(attributes, "axes", axes)
    return x.squeeze() if axes is None else x.squeeze(axes)


def unsqueeze(_, attributes, x, axes=None):
    axes = integers(attributes, "axes", axes)
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def pad(_, attributes, x, pads=None, value=None):
    """In reflect, edge and wrap mode the last two axes only, where PyTorch has them."""
    pads = integers(attributes, "pads", pads)
    pairs = list(zip(pads[:x.dim()], pads[x.dim():]))
    mode = attributes.get("mode", "constant")
    flat = [size for pair in reversed(pairs) for size in pair]
    if mode == "constant":
        value = attributes.get("value", 0) if value is None else value
        return F.pad(x, flat, value=float(value))
    if any(flat[4:]):
        raise NotImplementedError(f"Pad, mode {mode}, on the first axes")
    return F.pad(x, flat[:4], {"edge": "replicate", "wrap": "circular"}.get(mode, mode))


def resize(_, attributes, x, *inputs):
    """Scales are the second input of Upsample and of opset 10's, the third from 11 on. PyTorch's
    own meaning of each mode, and no other."""
    scales = inputs[min(1, len(inputs) - 1)]
    sizes = inputs[2] if len(inputs) > 2 else None
    mode = attributes.get("mode", "nearest")
    place = attributes.get("coordinate_transformation_mode",
                           "asymmetric" if len(inputs) == 1 else "half_pixel")
    wanted = {"nearest": ("asymmetric",)}.get(
        mode, ("half_pixel", "pytorch_half_pixel", "align_corners"))
    if place not in wanted:
        raise NotImplementedError(f"Resize, mode {mode}, places {place}")
    return F.interpolate(
        x, sizes.tolist()[2:] if sizes is not None else None,
        scales.tolist()[2:] if sizes is None else None,
        {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode),
        align_corners=None if mode == "nearest" else place == "align_corners")


def depth_to_space(_, attributes, x):
    count, channels, height, width = x.shape
    block = attributes["blocksize"]
    if attributes.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, block)
    x = x.reshape(count, block, block, channels // block ** 2, height, width)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(count, -1, height * block, width * block)


def constant_of_shape(network, attributes, shape):
    value = attributes.get("value")
    array = np.zeros(1, np.float32) if value is None else numpy_helper.to_array(value)
    return network.constant(array).expand(shape.tolist())


# ---- arithmetic

def gemm(_, attributes, a, b, c=None):
    a = a.T if attributes.get("transA", 0) else a
    b = b.T if attributes.get("transB", 0) else b
    product = attributes.get("alpha", 1.0) * (a @ b)
    return product if c is None else product + attributes.get("beta", 1.0) * c


def divide(_, attributes, a, b):
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def clip(_, attributes, x, low=None, high=None):
    low, high = (attributes.get(name) if bound is None else bound.item()
                 for name, bound in (("min", low), ("max", high)))
    return x.clamp(low, high)


def reducing(reduce):
    """An operator from a function of tensor, axes and keepdims."""
    def operator(_, attributes, x, axes=None):
        axes = integers(attributes, "axes", axes)
        axes = list(range(x.dim())) if axes is None else axes
        return reduce(x, axes, bool(attributes.get("keepdims", 1)))
    return operator


def cast(network, attributes, x):
    if attributes["to"] in FLOATS:
        return x.to(network.dtype)
    return x.to(torch.bool if attributes["to"] == onnx.TensorProto.BOOL else torch.int64)


def constant(network, attributes):
    name, value = next(iter(attributes.items()))
    if name == "value":
        return network.constant(numpy_helper.to_array(value))
    return torch.tensor(value, dtype=network.dtype if "float" in name else None)


def prelu(_, attributes, x, slope):
    return torch.where(x > 0, x, slope * x)


def elementwise(function):
    """An operator from a function of its inputs."""
    return lambda _, attributes, *inputs: function(*inputs)


OPERATORS = {
    "Abs": elementwise(torch.abs),
    "Add": elementwise(lambda a, b: a + b),
    "AveragePool": average_pool,
    "BatchNormalization": batch_normalization,
    "Cast": cast,
    "Clip": clip,
    "Concat": lambda _, attributes, *parts: torch.cat(parts, attributes["axis"]),
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "Conv": convolution,
    "ConvTranspose": transposed_convolution,
    "DepthToSpace": depth_to_space,
    "Div": divide,
    "Dropout": lambda _, attributes, x, *rest: x,
    "Elu": lambda _, attributes, x: F.elu(x, attributes.get("alpha", 1.0)),
    "Equal": elementwise(lambda a, b: a == b),
    "Erf": elementwise(torch.erf),
    "Exp": elementwise(torch.exp),
    "Expand": elementwise(lambda x, shape: x * torch.ones(shape.tolist(), dtype=x.dtype)),
    "Flatten": flatten,
    "Floor": elementwise(torch.floor),
    "Gather": gather,
    "Gelu": lambda _, attributes, x: F.gelu(x, approximate=attributes.get("approximate", "none")),
    "Gemm": gemm,
    "GlobalAveragePool": elementwise(lambda x: x.mean(dim=(2, 3), keepdim=True)),
    "GroupNormalization": group_normalization,
    "HardSigmoid": lambda _, attributes, x: (
        attributes.get("alpha", 0.2) * x + attributes.get("beta", 0.5)).clamp(0, 1),
    "HardSwish": elementwise(F.hardswish),
    "Identity": elementwise(lambda x: x),
    "InstanceNormalization": instance_normalization,
    "LRN": lrn,
    "LayerNormalization": layer_normalization,
    "LeakyRelu": lambda _, attributes, x: F.leaky_relu(x, attributes.get("alpha", 0.01)),
    "Log": elementwise(torch.log),
    "MatMul": elementwise(lambda a, b: a @ b),
    "Max": elementwise(torch.maximum),
    "MaxPool": max_pool,
    "Min": elementwise(torch.minimum),
    "Mish": elementwise(F.mish),
    "Mul": elementwise(lambda a, b: a * b),
    "Neg": elementwise(torch.neg),
    "PRelu": prelu,
    "Pad": pad,
    "Pow": elementwise(lambda a, b: a ** b),
    "ReduceL2": reducing(lambda x, axes, keep: (x * x).sum(axes, keep).sqrt()),
    "ReduceMax": reducing(torch.amax),
    "ReduceMean": reducing(torch.mean),
    "ReduceSum": reducing(torch.sum),
    "Relu": elementwise(F.relu),
    "Reshape": reshape,
    "Resize": resize,
    "Shape": shape_of,
    "Sigmoid": elementwise(torch.sigmoid),
    "Slice": slices,
    "Softmax": lambda _, attributes, x: torch.softmax(x, attributes.get("axis", -1)),
    "Softplus": elementwise(F.softplus),
    "Split": split,
    "Sqrt": elementwise(torch.sqrt),
    "Squeeze": squeeze,
    "Sub": elementwise(lambda a, b: a - b),
    "Tanh": elementwise(torch.tanh),
    "Transpose": lambda _, attributes, x: x.permute(
        attributes.get("perm", list(range(x.dim()))[::-1])),
    "Unsqueeze": unsqueeze,
    "Upsample": resize,
    "Where": elementwise(torch.where),
}
