#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times PyTorch on a network, as a process of its own: one memory format, weights frozen, only the
layers used. Prints a line of JSON: the seconds of every round, and the peak resident memory.

peer_torch.py FILE INPUT.npy TARGET SEED.npy FORMAT THREADS ROUNDS OUTPUT.npy GRADIENT.npy
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))
from onnx_torch import OPERATORS, OnnxTorch  # noqa: E402

FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


class Frozen:
    """The layers that a target needs: constants computed and laid out once, every activation
    dropped after its last reader, as a module written by hand would do."""

    def __init__(self, path, target, memory_format):
        self.network = OnnxTorch(path)
        self.values = dict(self.network.constants)
        self.target = target
        self.steps = [step for step in self.network.needed([target]) if not self.fold(*step)]
        for name, value in self.values.items():
            if value is not None and value.dim() == 4:
                self.values[name] = value.to(memory_format=memory_format)
        self.last_reader = {name: node.name or node.output[0]
                            for node, _ in self.steps for name in node.input}

    def fold(self, node, attributes):
        if not all(name in self.values for name in node.input):
            return False
        inputs = [self.values[name] for name in node.input]
        self.values[node.output[0]] = OPERATORS[node.op_type](self.network, attributes, *inputs)
        return True

    def run(self, image):
        values = {self.network.input: image}
        for node, attributes in self.steps:
            inputs = [values.get(name, self.values.get(name)) for name in node.input]
            values[node.output[0]] = OPERATORS[node.op_type](self.network, attributes, *inputs)
            del inputs
            for name in node.input:
                if self.last_reader[name] == (node.name or node.output[0]):
                    values.pop(name, None)
        return values[self.target]


def load(path, memory_format):
    tensor = torch.from_numpy(np.load(path))
    return tensor.to(memory_format=memory_format) if tensor.dim() == 4 else tensor


def forward(network, image):
    start = time.perf_counter()
    with torch.no_grad():
        output = network.run(image)
    return output, time.perf_counter() - start


def both(network, image, seed):
    start = time.perf_counter()
    image.requires_grad_(True)
    gradient, = torch.autograd.grad(network.run(image), image, seed)
    image.requires_grad_(False)
    return gradient, time.perf_counter() - start


def main():
    path, input_path, target, seed_path, layout, threads, rounds, output_path, gradient_path = \
        sys.argv[1:]
    torch.set_num_threads(int(threads))
    network = Frozen(path, target, FORMATS[layout])
    image = load(input_path, FORMATS[layout])
    seed = load(seed_path, FORMATS[layout])
    times = {"forward": [], "forward+gradient": []}
    for _ in range(int(rounds)):
        output, seconds = forward(network, image)
        times["forward"].append(seconds)
        gradient, seconds = both(network, image, seed)
        times["forward+gradient"].append(seconds)
    np.save(output_path, output.detach().numpy())
    np.save(gradient_path, gradient.numpy())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"times": times, "peak_mib": peak}))


if __name__ == "__main__":
    main()
