# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks built node by node, as exporters that are not at hand wrote them: GoogLeNet as converted
from Caffe, and feed-forward style networks that work out the sizes of their upsampling."""

import math

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from onnx_operators import OPERATORS

CHANNELS = 3


class Builder:
    """A graph that grows: every node is computed at once on an example, so that the weights can be
    scaled to give what they make a random deviation. Calls return the names of tensors."""

    dtype = torch.float32

    def __init__(self, image, opset, seed):
        self.opset = opset
        self.random = torch.Generator().manual_seed(seed)
        self.values = {"": None, "image": torch.from_numpy(image)}
        self.nodes = []
        self.weights = []

    def constant(self, array):
        """For Constant nodes, as OnnxTorch has it."""
        return torch.from_numpy(array.copy())

    def draw(self, shape, deviation):
        return torch.randn(shape, generator=self.random) * deviation

    def uniform(self, low, high, shape=()):
        return low + (high - low) * torch.rand(shape, generator=self.random)

    def weight(self, name, tensor):
        self.values[name] = tensor
        self.weights.append(name)
        return name

    def compute(self, op_type, inputs, attributes):
        with torch.no_grad():
            return OPERATORS[op_type](self, attributes, *[self.values[name] for name in inputs])

    def node(self, op_type, name, inputs, **attributes):
        self.values[name] = self.compute(op_type, inputs, attributes)
        self.nodes.append(helper.make_node(op_type, inputs, [name], **attributes))
        return name

    def scaled(self, op_type, name, x, weight, **attributes):
        """A node with a weight and a bias, both scaled by what they give at first."""
        inputs = [x, self.weight(f"{name}_w_0", weight),
                  self.weight(f"{name}_b_0", self.draw(weight.shape[:1], 0.3))]
        scale = self.uniform(0.5, 2) / self.compute(op_type, inputs, attributes).std()
        for tensor in inputs[1:]:
            self.values[tensor] *= scale
        return self.node(op_type, name, inputs, **attributes)

    def conv(self, name, x, channels, kernel, stride=1, pad=0):
        before = self.values[x].shape[1]
        deviation = math.sqrt(2 / (before * kernel ** 2))
        weight = self.draw((channels, before, kernel, kernel), deviation)
        return self.scaled("Conv", name, x, weight, kernel_shape=[kernel] * 2,
                           strides=[stride] * 2, pads=[pad] * 4)

    def integers(self, name, values):
        """A Constant node."""
        array = numpy_helper.from_array(np.array(values, np.int64))
        return self.node("Constant", name, [], value=array)

    def save(self, path, output):
        size = ["N", CHANNELS, "H", "W"]
        graph = helper.make_graph(
            self.nodes, "built",
            [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, size)],
            [onnx.ValueInfoProto(name=output)],
            [numpy_helper.from_array(self.values[name].numpy(), name) for name in self.weights])
        onnx.save(helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8), path)


# ---- GoogLeNet

# 1x1; 3x3 after a 1x1; 5x5 after a 1x1; 1x1 after pooling
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def conv_relu(builder, name, *arguments):
    return builder.node("Relu", f"{name}_relu", [builder.conv(name, *arguments)])


def pool(builder, name, x, stride, pads):
    return builder.node("MaxPool", name, [x], kernel_shape=[3, 3], strides=[stride] * 2, pads=pads)


def norm(builder, name, x):
    return builder.node("LRN", name, [x], size=5, alpha=1e-4, beta=0.75, bias=1.0)


def inception(builder, name, x, counts):
    prefix = f"inception_{name}/"
    ones, reduce3, threes, reduce5, fives, pooled = counts
    branches = [
        conv_relu(builder, prefix + "1x1", x, ones, 1),
        conv_relu(builder, prefix + "3x3",
                  conv_relu(builder, prefix + "3x3_reduce", x, reduce3, 1), threes, 3, 1, 1),
        conv_relu(builder, prefix + "5x5",
                  conv_relu(builder, prefix + "5x5_reduce", x, reduce5, 1), fives, 5, 1, 2),
        conv_relu(builder, prefix + "pool_proj",
                  pool(builder, prefix + "pool", x, 1, [1, 1, 1, 1]), pooled, 1),
    ]
    return builder.node("Concat", prefix + "output", branches, axis=1)


def googlenet(image, path):
    """BVLC's, for 224 x 224, with Caffe's names, in opset 7."""
    builder = Builder(image, opset=7, seed=7)
    x = conv_relu(builder, "conv1/7x7_s2", "image", 64, 7, 2, 3)
    x = norm(builder, "pool1/norm1", pool(builder, "pool1/3x3_s2", x, 2, [0, 0, 1, 1]))
    x = conv_relu(builder, "conv2/3x3_reduce", x, 64, 1)
    x = norm(builder, "conv2/norm2", conv_relu(builder, "conv2/3x3", x, 192, 3, 1, 1))
    for name, counts in INCEPTIONS.items():
        if name in ("3a", "4a", "5a"):  # the numbering counts the pooling
            x = pool(builder, f"pool{int(name[0]) - 1}/3x3_s2", x, 2, [0, 0, 1, 1])
        x = inception(builder, name, x, counts)
    x = builder.node("AveragePool", "pool5/7x7_s1", [x], kernel_shape=[7, 7], strides=[1, 1])
    x = builder.node("Dropout", "pool5/drop_7x7_s1", [x], ratio=0.4)
    x = builder.node("Reshape", "flat", [x, builder.weight("flat_shape", torch.tensor([1, 1024]))])
    weight = builder.draw((1000, 1024), math.sqrt(2 / 1024))
    x = builder.scaled("Gemm", "loss3/classifier", x, weight, transB=1)
    builder.save(path, builder.node("Softmax", "prob", [x], axis=1))


# ---- style networks

def padded_conv(builder, name, x, channels, kernel, stride=1):
    """With reflected edges."""
    border = [0, 0, kernel // 2, kernel // 2] * 2
    if builder.opset < 11:
        x = builder.node("Pad", f"{name}_pad", [x], mode="reflect", pads=border)
    else:
        pads = builder.integers(f"{name}_pads", border)
        x = builder.node("Pad", f"{name}_pad", [x, pads], mode="reflect")
    return builder.conv(name, x, channels, kernel, stride)


def instance_norm(builder, name, x):
    channels = builder.values[x].shape[1:2]
    return builder.node("InstanceNormalization", name, [
        x, builder.weight(f"{name}_scale", builder.uniform(0.5, 1.5, channels)),
        builder.weight(f"{name}_bias", builder.draw(channels, 0.5))], epsilon=1e-5)


def block(builder, name, x, channels, kernel, stride=1):
    x = padded_conv(builder, name, x, channels, kernel, stride)
    x = instance_norm(builder, f"{name}_norm", x)
    return builder.node("Relu", f"{name}_relu", [x])


def axis_size(builder, name, x, axis):
    """A vector with the size along an axis, through Shape and Gather."""
    shape = builder.node("Shape", f"{name}_shape", [x])
    size = builder.node("Gather", f"{name}_size", [shape, builder.integers(f"{name}_axis", axis)],
                        axis=0)
    return unsqueezed(builder, f"{name}_vector", size)


def unsqueezed(builder, name, x):
    if builder.opset < 13:
        return builder.node("Unsqueeze", name, [x], axes=[0])
    return builder.node("Unsqueeze", name, [x, builder.integers(f"{name}_axes", [0])])


def doubled(builder, name, x):
    """floor (2 size) as floats, and the size, as PyTorch 1.x wrote it out."""
    size = builder.node("Cast", f"{name}_float", [x], to=onnx.TensorProto.FLOAT)
    two = builder.weight(f"{name}_two", torch.tensor([2.0]))
    twice = builder.node("Mul", f"{name}_twice", [size, two])
    return builder.node("Floor", f"{name}_floor", [twice]), size


def upsample(builder, name, x):
    """To twice the size: by computed scales (Upsample), or from opset 11 on computed sizes."""
    numbers = []
    for axis in (2, 3):
        label = f"{name}_{axis}"
        size, before = doubled(builder, label, axis_size(builder, label, x, axis))
        if builder.opset < 11:
            numbers.append(builder.node("Div", f"{label}_scale", [size, before]))
        else:
            whole = builder.node("Cast", f"{label}_whole", [size], to=onnx.TensorProto.INT64)
            numbers.append(whole)
    if builder.opset < 11:
        ones = builder.weight(f"{name}_ones", torch.ones(2))
        scales = builder.node("Concat", f"{name}_scales", [ones, *numbers], axis=0)
        return builder.node("Upsample", name, [x, scales], mode="nearest")
    first = [axis_size(builder, f"{name}_{axis}", x, axis) for axis in (0, 1)]
    sizes = builder.node("Concat", f"{name}_sizes", [*first, *numbers], axis=0)
    empty = "" if builder.opset >= 13 else builder.weight(f"{name}_empty", torch.zeros(0))
    return builder.node("Resize", name, [x, empty, empty, sizes], mode="nearest",
                        nearest_mode="floor", coordinate_transformation_mode="asymmetric")


def style(image, path, opset):
    """Down to a quarter, two residual blocks, up again."""
    builder = Builder(image, opset, seed=opset)
    x = block(builder, "conv1", "image", 16, 9)
    x = block(builder, "conv2", x, 24, 3, 2)
    x = block(builder, "conv3", x, 32, 3, 2)
    for i in (1, 2):
        y = block(builder, f"res{i}_1", x, 32, 3)
        y = instance_norm(builder, f"res{i}_norm", padded_conv(builder, f"res{i}_2", y, 32, 3))
        x = builder.node("Add", f"res{i}", [x, y])
    x = block(builder, "deconv1", upsample(builder, "up1", x), 24, 3)
    x = block(builder, "deconv2", upsample(builder, "up2", x), 16, 3)
    builder.save(path, padded_conv(builder, "deconv3", x, 3, 9))
