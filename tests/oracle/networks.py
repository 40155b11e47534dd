# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that the oracle tests compare on.

Those of ../shared and the bundled one are files with trained weights. The others are torchvision's
and a network of blocks, exported to ONNX in a temporary folder with their batch-norm nodes, and
networks built node by node; all of these with random weights.
"""

import functools
from pathlib import Path

import numpy as np
import torch
import torchvision

import blocks
import built
from common import SHARED, SOURCE
from onnx_files import opset_of
from onnx_torch import opened
from pictures import CAFFE, IMAGENET, InputSpec, noise_levels, photo_levels
from random_weights import draw_weights, export

SMALL = SOURCE / "tests" / "networks" / "somnium-base.onnx"
BUNDLED = SOURCE / "weights" / "networks" / "somnium-vgg12.onnx"
FEATURES = SOURCE / "weights" / "networks" / "somnium-features.onnx"
BUNDLED_STYLES = sorted((SOURCE / "weights" / "networks").glob("style-*.onnx"))
TINY_DARKNET = SHARED / "networks" / "tiny-darknet.onnx"
VGG19 = SHARED / "networks" / "vgg19-relu3_4.onnx"
STYLES = [SHARED / "networks" / f"fast-style-{name}.onnx" for name in ("candy", "mosaic")]
TRAINED_SIZE = (224, 224)
TRAINED_ODD = (187, 203)
SIZE = (128, 128)
ODD_SIZE = (97, 131)
DEVIATIONS = (0.1, 10.0)  # of every convolution's output


class Network:
    """A file, what its input should look like, the layers to compare at each size (fewer if the
    head is for one size), and for a classifier of photos the shorter side of the photo and the
    size of the crop that it sees."""

    def __init__(self, name, path, spec, layers, view=None):
        self.name = name
        self.path = path
        self.spec = spec
        self.layers = layers
        self.view = view

    @property
    def odd_size(self):
        return list(self.layers)[-1]

    @functools.cached_property
    def opset(self):
        return opset_of(self.path)


def trained():
    """The trained networks, whether their files are there or not."""
    base = InputSpec(mean=(0.45, 0.45, 0.45), deviation=(0.25, 0.25, 0.25))

    def both(layers, sizes=(TRAINED_SIZE, TRAINED_ODD)):
        return dict.fromkeys(sizes, layers)

    networks = [
        Network("tiny-darknet", TINY_DARKNET, InputSpec(), both(["leaky2", "leaky9", "logits"]),
                (256, 224)),
        Network("vgg19-relu3_4", VGG19, CAFFE, both(["relu1_2", "conv2_2", "relu3_4"])),
        Network("somnium-base", SMALL, base, both(["relu2_1", "relu4_1", "logits"]), (64, 56)),
        Network("somnium-vgg12", BUNDLED, base, both(["relu2_1", "relu4_3", "logits"]), (73, 64)),
        Network("somnium-features", FEATURES, base, both(["relu1_1", "relu2_1", "relu3_2"])),
    ]
    for path in BUNDLED_STYLES:  # for sides that are multiples of 4
        networks.append(Network(path.stem, path, base,
                                both(["conv2.relu", "res2", "picture"], (SIZE, (100, 132)))))
    for path in STYLES:  # likewise
        networks.append(Network(path.stem, path, InputSpec(value_range=255),
                                both(["relu2", "res3", "deconv3"], (SIZE, (100, 132)))))
    return networks


# ---- exported from PyTorch

class Export:
    """How a torchvision model becomes a file: the opset (all from 7 to 22 are there), the operator
    whose outputs are compared, two sizes, and whether its head takes any size."""

    def __init__(self, opset=13, seen="Relu", sizes=(SIZE, ODD_SIZE), any_size=True, **arguments):
        self.opset = opset
        self.seen = seen
        self.sizes = sizes
        self.any_size = any_size
        self.arguments = arguments


FIXED = {"sizes": (TRAINED_SIZE, ODD_SIZE), "any_size": False}

TORCHVISION = {
    "alexnet": Export(opset=9, **FIXED),
    "vgg11": Export(opset=10, **FIXED),
    "vgg16_bn": Export(opset=11, **FIXED),
    "vgg19": Export(opset=20, **FIXED),
    "squeezenet1_1": Export(opset=12),
    "googlenet": Export(init_weights=False),
    "inception_v3": Export(opset=14, sizes=((160, 160), (139, 171)), init_weights=False),
    "resnet18": Export(opset=7),
    "resnet50": Export(opset=22),
    "resnext50_32x4d": Export(opset=14),
    "densenet121": Export(opset=15),
    "mobilenet_v2": Export(opset=16, seen="Clip"),
    "mobilenet_v3_large": Export(opset=17, seen="HardSwish"),
    "efficientnet_b0": Export(seen="Mul"),
    "efficientnet_v2_s": Export(opset=18, seen="Mul"),
    "shufflenet_v2_x1_0": Export(opset=11),
    "mnasnet1_0": Export(opset=8),
    "regnet_y_400mf": Export(opset=19),
    "convnext_tiny": Export(opset=21, seen="Add"),
}


def outputs_of(path, op_type):
    """The first outputs of all nodes of this type, where they are pictures' features; in order."""
    network = opened(path)
    varying = network.varying()
    return [node.output[0] for node, _ in network.nodes
            if node.op_type == op_type and node.output[0] in varying]


def depths(path, seen, last):
    """An early tensor, one in the middle, and the last."""
    outputs = outputs_of(path, seen)
    return [outputs[1], outputs[len(outputs) // 2], last]


def torchvision_network(name, folder):
    """Made in the folder."""
    how = TORCHVISION[name]
    size, odd_size = how.sizes
    model = getattr(torchvision.models, name)(weights=None, **how.arguments)
    draw_weights(model, IMAGENET.prepare(photo_levels(*size)), seed=sum(name.encode()))
    path = Path(folder) / f"{name}.onnx"
    export(model, size, path, how.opset, how.any_size)
    deepest = "logits" if how.any_size else outputs_of(path, "MaxPool")[-1]
    return Network(name, path, IMAGENET, {size: depths(path, how.seen, "logits"),
                                          odd_size: depths(path, how.seen, deepest)})


def blocks_network(name, folder):
    """blocks-OPSET-fixed or blocks-OPSET-any: the head for one size, or for any."""
    _, opset, head = name.split("-")
    size = (64, 64) if head == "fixed" else (62, 74)
    model = blocks.network(int(opset), head == "fixed")
    draw_weights(model, IMAGENET.prepare(photo_levels(*size)), seed=int(opset))
    path = Path(folder) / f"{name}.onnx"
    export(model, size, path, int(opset), head == "any")
    return Network(name, path, IMAGENET, {size: depths(path, "Conv", "logits")})


# ---- built

def caffe_googlenet(name, folder):
    path = Path(folder) / f"{name}.onnx"
    built.googlenet(CAFFE.prepare(photo_levels(*TRAINED_SIZE)), path)
    inner = ["pool1/norm1", "inception_4c/output"]
    return Network(name, path, CAFFE, {TRAINED_SIZE: [*inner, "loss3/classifier"],
                                       ODD_SIZE: [*inner, "inception_5b/output"]})


def dynamic_style(name, folder):
    """dynamic-style-OPSET."""
    path = Path(folder) / f"{name}.onnx"
    spec = InputSpec(value_range=255)
    built.style(spec.prepare(photo_levels(*SIZE)), path, int(name.rsplit("-")[-1]))
    layers = ["conv2_relu", "res2", "deconv3"]
    return Network(name, path, spec, {SIZE: layers, (100, 132): layers})


# ---- all

# Tests that run beside each other; the heaviest come first.
GROUPS = {
    "vgg": ["vgg16_bn", "vgg19", "vgg11", "alexnet"],
    "mobile": ["efficientnet_v2_s", "efficientnet_b0", "mobilenet_v2", "mobilenet_v3_large",
               "shufflenet_v2_x1_0", "mnasnet1_0", "regnet_y_400mf", "convnext_tiny"],
    "residual": ["densenet121", "resnext50_32x4d", "resnet50", "resnet18"],
    "inception": ["inception_v3", "googlenet", "caffe-googlenet", "squeezenet1_1"],
    "blocks": [f"blocks-{opset}-{head}" for opset in (9, 11, 13, 17, 18, 20)
               for head in ("fixed", "any")],
    "style": ["dynamic-style-9", "dynamic-style-11", "dynamic-style-13"],
    "trained": [network.name for network in trained()],
}
KINKED = "blocks-17-fixed"  # has every kind of unit that can be at a tie


def make(name, folder):
    """The network of this name, made in the folder unless it is a file already."""
    for network in trained():
        if network.name == name:
            return network
    if name in TORCHVISION:
        return torchvision_network(name, folder)
    makers = {"blocks": blocks_network, "caffe": caffe_googlenet, "dynamic": dynamic_style}
    return makers[name.partition("-")[0]](name, folder)


def convolution_deviations(network):
    """Of every convolution's output, on a photo and on noise of the odd size."""
    interpreter = opened(network.path)
    names = [node.output[0] for node, _ in interpreter.nodes
             if node.op_type in ("Conv", "ConvTranspose")]
    deviations = []
    with torch.no_grad():
        for levels in (photo_levels(*network.odd_size), noise_levels(*network.odd_size)):
            outputs = interpreter.run(network.spec.prepare(levels), names)
            deviations += [float(output.std()) for output in outputs]
    return np.array(deviations)
