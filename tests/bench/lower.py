#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a network down for the peers, once and in a process of its own, so that theirs hold nothing
but the layers they run: only what the target needs, constants computed, batch norm folded into the
convolution before it, and element by element in place wherever nobody reads the old values.

lower.py FILE TARGET FOLDER writes into the folder
  cut.onnx            for onnxruntime, which does all this by itself
  NCHW.pt, NHWC.pt    for peer_torch.py: a list of calls, and weights in one memory format
  darknet.cfg, darknet.weights    for peer_darknet.c, if the network is a chain that darknet knows
"""

import sys
from collections import Counter
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))
import darknet  # noqa: E402
import onnx_files  # noqa: E402
from onnx_torch import OPERATORS, OnnxTorch  # noqa: E402

FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


class Call:
    """A layer as PyTorch has it: what peer_torch.py is to call, on what, with which keywords."""

    def __init__(self, node, attributes):
        self.op, self.attributes = node.op_type, attributes
        self.inputs, self.output = list(node.input), node.output[0]
        self.keywords = {}


class Lowered:
    """The calls that a target needs, and their weights."""

    def __init__(self, path, target):
        network = OnnxTorch(path)
        self.input, self.target, self.constants = network.input, target, network.constants
        self.calls = [Call(*step) for step in network.needed([target])
                      if not self.fold_constants(network, *step)]
        self.fold_batch_norm()
        for call in self.calls:
            KEYWORDS[call.op](self, call)
        self.work_in_place()
        used = {name for call in self.calls for name in call.inputs}
        self.constants = {name: self.constants[name].clone() for name in self.constants if name in used}

    def fold_constants(self, network, node, attributes):
        if not all(name in self.constants for name in node.input):
            return False
        inputs = [self.constants[name] for name in node.input]
        self.constants[node.output[0]] = OPERATORS[node.op_type](network, attributes, *inputs)
        return True

    def readers(self):
        """How many read each tensor; the target has one more."""
        return Counter([name for call in self.calls for name in call.inputs] + [self.target])

    def maker(self, name, ops):
        """The call that makes a tensor for a single reader, if it is one of these."""
        makers = [call for call in self.calls if call.output == name and call.op in ops]
        return makers[0] if makers and self.readers()[name] == 1 else None

    def fold_batch_norm(self):
        for call in [call for call in self.calls if call.op == "BatchNormalization"]:
            conv = self.maker(call.inputs[0], ["Conv"])
            scale, bias, mean, variance = (self.constants[name] for name in call.inputs[1:])
            factor = scale / torch.sqrt(variance + call.attributes.get("epsilon", 1e-5))
            old = self.constants[conv.inputs[2]] if len(conv.inputs) > 2 else 0
            names = [f"{call.output}.weight", f"{call.output}.bias"]
            self.constants[names[0]] = self.constants[conv.inputs[1]] * factor[:, None, None, None]
            self.constants[names[1]] = (old - mean) * factor + bias
            conv.inputs[1:], conv.output = names, call.output
            self.calls.remove(call)

    def work_in_place(self):
        """As torchvision's own networks do; autograd wants none of these old values."""
        for call in self.calls:
            if call.op == "Add" and not self.maker(call.inputs[0], ["Conv"]):
                call.inputs.reverse()
            ops = {"Add": ["Conv"], "Clip": ["Conv"], "LeakyRelu": ["Conv"], "Relu": ["Conv", "Add"]}
            if self.maker(call.inputs[0], ops.get(call.op, [])):
                call.keywords["inplace"] = True

    def save(self, path, memory_format):
        weights = {name: value.to(memory_format=memory_format) if value.dim() == 4 else value
                   for name, value in self.constants.items()}
        calls = [(call.op, call.inputs, call.output, call.keywords) for call in self.calls]
        torch.save({"input": self.input, "target": self.target, "calls": calls,
                    "weights": weights}, path)


def convolution(_, call):
    pads = call.attributes.get("pads", [0] * 4)
    assert pads[:2] == pads[2:], "PyTorch pads both sides alike"
    call.keywords = {"stride": call.attributes.get("strides", [1, 1]), "padding": pads[:2],
                     "dilation": call.attributes.get("dilations", [1, 1]),
                     "groups": call.attributes.get("group", 1)}


def max_pool(_, call):
    kernel = call.attributes["kernel_shape"]
    strides = call.attributes.get("strides", [1, 1])
    pads = call.attributes.get("pads", [0] * 4)
    same = call.attributes.get("auto_pad", "NOTSET") == "SAME_UPPER"
    assert pads[:2] == pads[2:] and (not same or kernel == strides), "PyTorch pads both sides alike"
    call.keywords = {"kernel_size": kernel, "stride": strides, "padding": pads[:2],
                     "ceil_mode": same or bool(call.attributes.get("ceil_mode", 0))}


def clip(network, call):
    low, high = (network.constants[name].item() for name in call.inputs[1:])
    call.inputs, call.keywords = call.inputs[:1], {"min_val": low, "max_val": high}


def linear(_, call):
    alike = [call.attributes.get(name, default) for name, default in
             (("alpha", 1), ("beta", 1), ("transA", 0), ("transB", 0))]
    assert alike == [1, 1, 0, 1], "a Gemm that is no Linear"


def always(**fixed):
    return lambda _, call: call.keywords.update(fixed)


KEYWORDS = {
    "Add": always(),
    "Clip": clip,
    "Concat": lambda _, call: call.keywords.update(dim=call.attributes["axis"]),
    "Conv": convolution,
    "Flatten": always(start_dim=1),
    "Gemm": linear,
    "GlobalAveragePool": always(output_size=1),
    "LeakyRelu": lambda _, call: call.keywords.update(
        negative_slope=call.attributes.get("alpha", 0.01)),
    "MaxPool": max_pool,
    "Relu": always(),
}


def main():
    path, target, folder = sys.argv[1:]
    onnx_files.cut(path, [target], f"{folder}/cut.onnx")
    network = Lowered(path, target)
    for name, memory_format in FORMATS.items():
        network.save(f"{folder}/{name}.pt", memory_format)
    if darknet.can_run(network.calls):
        darknet.write(network, Path(folder))


if __name__ == "__main__":
    main()
