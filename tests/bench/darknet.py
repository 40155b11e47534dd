# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a network in darknet's own two files: the structure as sections of a .cfg, and a .weights
file, which is a header (int32 major, minor, revision; uint64 pictures seen) and then, for each
convolution, its biases and its weights in (out, in, height, width) order, all as float32.

Darknet knows chains (and a few crossings that we leave out) of convolution with activation,
max-pooling that also counts an incomplete last window, and average pooling over everything.
"""

import numpy as np

HEADER = np.array([0, 2, 0], np.int32).tobytes() + np.uint64(0).tobytes()
SIDE = 32  # px, of the .cfg; peer_darknet.c resizes the network


def is_leaky(call):
    """Darknet's only slope."""
    return call.op == "LeakyRelu" and abs(call.keywords["negative_slope"] - 0.1) < 1e-6


def knows(call):
    keywords = call.keywords
    if call.op == "Conv":
        return keywords["groups"] == 1 and set(keywords["dilation"]) <= {1} and len(call.inputs) == 3
    if call.op == "MaxPool":
        return keywords["ceil_mode"] and keywords["padding"] == [0, 0]
    return call.op in ("Relu", "GlobalAveragePool", "Flatten") or is_leaky(call)


def can_run(calls):
    chained = all(call.inputs[0] == before.output for before, call in zip(calls, calls[1:]))
    return chained and calls[0].op == "Conv" and all(map(knows, calls))


def section(network, call, follower):
    """A layer's lines of the .cfg; an activation belongs to the convolution before it."""
    keywords = call.keywords
    if call.op == "Conv":
        filters, _, _, size = network.constants[call.inputs[1]].shape
        activation = {"LeakyRelu": "leaky", "Relu": "relu"}.get(follower, "linear")
        return (f"[convolutional]\nfilters={filters}\nsize={size}\nstride={keywords['stride'][0]}\n"
                f"padding={keywords['padding'][0]}\nactivation={activation}\n")
    if call.op == "MaxPool":
        return f"[maxpool]\nsize={keywords['kernel_size'][0]}\nstride={keywords['stride'][0]}\n"
    return "[avgpool]\n" if call.op == "GlobalAveragePool" else ""


def write(network, folder):
    calls = network.calls
    followers = [call.op for call in calls[1:]] + [None]
    text = [f"[net]\nbatch=1\nheight={SIDE}\nwidth={SIDE}\nchannels=3\n"]
    text += [section(network, call, follower) for call, follower in zip(calls, followers)]
    (folder / "darknet.cfg").write_text("\n".join(text), encoding="ascii")
    weights = [network.constants[name].numpy().astype("<f4").tobytes()
               for call in calls if call.op == "Conv" for name in (call.inputs[2], call.inputs[1])]
    (folder / "darknet.weights").write_bytes(HEADER + b"".join(weights))
