#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a checkpoint's network (the mean of its weights) as Somnium wants it:

    export.py CHECKPOINT.pt NETWORK.onnx --data PACKS [--recipe NAME] [--cache FOLDER]
              [--between OLDER.onnx]

Batch normalisation goes into the convolutions; weights are stored in half precision, and Cast nodes
make them float. Inner tensors are called conv1_1, relu1_1, ..., pool1, ..., features, logits, prob.
What effects must know is in the metadata (somnium.*), and so is how good the network is, which is
measured here, on the validation pictures.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

import checkpoint
import data
from evaluate import accuracy
from network import Vgg
from recipes import RECIPES

OPSET = 13
INPUT = {"channels": "RGB", "range": "1", "mean": " ".join([str(data.MEAN)] * 3),
         "std": " ".join([str(data.DEVIATION)] * 3)}


class Graph:
    """Nodes and weights as they are added."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def node(self, kind, inputs, output, name=None, **attributes):
        node = helper.make_node(kind, inputs, [output], name=name or output, **attributes)
        self.nodes.append(node)
        return output

    def weight(self, name, values):
        """Stored as halves, read as floats. Returns the name of the latter."""
        halves = values.numpy().astype(np.float16)
        if not np.isfinite(halves).all():
            raise ValueError(f"{name} does not fit into half precision")
        self.constant(f"{name}.f16", halves)
        return self.node("Cast", [f"{name}.f16"], name, f"{name}.cast", to=TensorProto.FLOAT)

    def constant(self, name, values):
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def convolution(self, values, name, weight, bias, **attributes):
        weights = [self.weight(f"{name}.weight", weight), self.weight(f"{name}.bias", bias)]
        return self.node("Conv", [values, *weights], name, kernel_shape=list(weight.shape[2:]),
                         **attributes)

    def finish(self, output, shape):
        """The graph from `image` to an output of this shape."""
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "H", "W"])
        last = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
        return helper.make_graph(self.nodes, "somnium", [image], [last], self.weights)


def graph_of(network):
    """The network, from `image` to `prob`."""
    graph, values, pools = Graph(), "image", 0
    for place, pooled, weight, bias in network.folded():
        if pooled:
            pools += 1
            values = graph.node("MaxPool", [values], f"pool{pools}", kernel_shape=[2, 2],
                                strides=[2, 2])
        values = graph.convolution(values, f"conv{place}", weight, bias, pads=[1] * 4,
                                   strides=[1] * 2)
        values = graph.node("Relu", [values], f"relu{place}")
    graph.node("GlobalAveragePool", [values], "gap")
    graph.node("Flatten", ["gap"], "features")
    weights = [graph.weight("fc.weight", network.fc.weight.detach()),
               graph.weight("fc.bias", network.fc.bias.detach())]
    graph.node("Gemm", ["features", *weights], "logits", transB=1)
    graph.node("Softmax", ["logits"], "prob", axis=1)
    return graph.finish("prob", [1, network.fc.out_features])


def facts(recipe, packs, accuracies, epochs):
    """What effects must know of the network, and people."""
    names = data.class_names(packs)[1]
    pictures = f"{len(names)} classes of {Path(packs).name}, pictures of {data.SIDE} x {data.SIDE}"
    told = "; ".join(f"{size} px: top-1 {best:.3f}, top-5 {five:.3f}"
                     for size, (best, five) in accuracies.items())
    return {
        **INPUT, "title": recipe.title, "role": "classifier", "licence": "CC0-1.0",
        "size": str(data.SIDE), "labels": "\n".join(names), "accuracy": f"validation, {told}",
        "provenance": f"trained from scratch for Somnium (weights/train): {pictures}, "
                      f"epochs: {epochs}",
        **{f"layers.{use}": layers for use, layers in recipe.presets.items()},
    }


def write(graph, properties, path):
    """The file: whole or not at all."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8,
                              producer_name="somnium")
    helper.set_model_props(model, {f"somnium.{key}": value for key, value in properties.items()})
    onnx.checker.check_model(model)
    aside = path.with_suffix(".part")
    aside.write_bytes(model.SerializeToString())
    aside.rename(path)


def weights_of(path):
    """The weights in a file that was exported, by their names, as floats."""
    return {tensor.name.removesuffix(".f16"):
            torch.from_numpy(numpy_helper.to_array(tensor).astype(np.float32))
            for tensor in onnx.load(path).graph.initializer}


def epochs_of(state):
    """How often a checkpoint's network has seen all pictures."""
    phase, epoch, _, _ = state["place"]
    return sum(epochs for epochs, *_ in state["phases"][:phase]) + epoch


def network_of(state):
    """The mean of a checkpoint's weights."""
    network = Vgg(state["blocks"], state["classes"])
    network.load_state_dict(state["mean"])
    return network.eval()


@torch.no_grad()
def move_between(network, older):
    """Halfway, weight by weight, to those of the network that its training went on from, normalisation
    folded in: good at what either is good at (Wortsman et al., arXiv:2109.01903)."""
    for name, _, weight, bias in list(network.folded()):
        convolution, norm = network.convolutions[name], network.norms[name]
        convolution.weight.copy_((weight + older[f"conv{name}.weight"]) / 2)
        norm.bias.copy_((bias + older[f"conv{name}.bias"]) / 2)
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.fill_(1)
    for name, weight in network.fc.named_parameters():
        weight.copy_((weight + older[f"fc.{name}"]) / 2)


def main():
    parser = argparse.ArgumentParser(description="Writes a checkpoint's network as ONNX.")
    parser.add_argument("checkpoint")
    parser.add_argument("network", type=Path)
    parser.add_argument("--data", required=True, help="the folder of the packed data set")
    parser.add_argument("--recipe", default="vgg12", choices=RECIPES)
    parser.add_argument("--cache", default=data.cache_folder(), help="of classifier.py")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--between", metavar="OLDER.onnx", help="the network exported is halfway "
                        "between the checkpoint's and this one, from which that was trained on")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    state = checkpoint.read(options.checkpoint)
    network = network_of(state)
    if options.between:
        move_between(network, weights_of(options.between))
    validation = data.Pictures(options.data, "val", options.cache)
    accuracies = {size: accuracy(network, validation, data.SIDE, size) for size in (48, data.SIDE)}
    properties = facts(RECIPES[options.recipe], options.data, accuracies, epochs_of(state))
    write(graph_of(network), properties, options.network)
    print(properties["accuracy"])


if __name__ == "__main__":
    main()
