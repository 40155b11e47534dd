#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times PyTorch on a network that lower.py wrote, as a process of its own: one memory format,
weights frozen, a single copy of them. Every activation is dropped after its last reader, as in a
module written by hand.

peer_torch.py FORMAT.pt INPUT.npy SEED.npy THREADS ROUNDS OUTPUT.npy GRADIENT.npy

Prints a line of JSON: for forward, and forward+gradient, the seconds of every round and the peak
resident memory of the process until then, from its start.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F


FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


def add(a, b, inplace=False):
    return a.add_(b) if inplace else a + b


FUNCTIONS = {
    "Add": add,
    "Clip": F.hardtanh,
    "Concat": lambda *parts, dim: torch.cat(parts, dim),
    "Conv": F.conv2d,
    "Flatten": torch.flatten,
    "Gemm": F.linear,
    "GlobalAveragePool": F.adaptive_avg_pool2d,
    "LeakyRelu": F.leaky_relu,
    "MaxPool": F.max_pool2d,
    "Relu": F.relu,
}


class Network:
    def __init__(self, path):
        self.__dict__.update(torch.load(path, weights_only=True))
        last = {name: number for number, call in enumerate(self.calls) for name in call[1]}
        self.calls = [(FUNCTIONS[op], names, output, keywords,
                       [name for name in set(names) if last[name] == number])
                      for number, (op, names, output, keywords) in enumerate(self.calls)]

    def run(self, image):
        values = {**self.weights, self.input: image}
        for function, names, output, keywords, done in self.calls:
            values[output] = function(*[values[name] for name in names], **keywords)
            for name in done:
                del values[name]
        return values[self.target]


def load(path, layout):
    tensor = torch.from_numpy(np.load(path))
    return tensor.to(memory_format=layout) if tensor.dim() == 4 else tensor


def forward(network, image, _):
    with torch.inference_mode():
        return network.run(image)


def both(network, image, seed):
    image.requires_grad_(True)
    gradient, = torch.autograd.grad(network.run(image), image, seed)
    image.requires_grad_(False)
    return gradient


def measure(work, arguments, rounds, path):
    seconds = []
    for _ in range(rounds):
        result = None
        start = time.perf_counter()
        result = work(*arguments)
        seconds.append(time.perf_counter() - start)
    np.save(path, result.numpy())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak_mib": peak}


def main():
    path, input_path, seed_path, threads, rounds, output_path, gradient_path = sys.argv[1:]
    torch.set_num_threads(int(threads))
    network = Network(path)
    layout = FORMATS[Path(path).stem]
    arguments = network, load(input_path, layout), load(seed_path, layout)
    print(json.dumps({
        "forward": measure(forward, arguments, int(rounds), output_path),
        "forward+gradient": measure(both, arguments, int(rounds), gradient_path)}))


if __name__ == "__main__":
    main()
