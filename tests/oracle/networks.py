# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that the oracle tests compare on.

Those of ../shared and the bundled one are files with trained weights. VGG-16, ResNet-18 and
SqueezeNet are torchvision's, with random weights, exported to ONNX in a temporary folder with
their batch-norm nodes. Random weights must not hide bugs: every bias and batch-norm's four
vectors are random too, and each convolution is scaled so that what it gives is neither lost nor
all that is left further on.
"""

import contextlib
import warnings
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import nn

from common import SHARED, SOURCE
from onnx_torch import OnnxTorch
from pictures import CAFFE, IMAGENET, InputSpec, noise_levels, photo_levels

BUNDLED = SOURCE / "weights" / "networks" / "somnium-base.onnx"
TINY_DARKNET = SHARED / "networks" / "tiny-darknet.onnx"
VGG19 = SHARED / "networks" / "vgg19-relu3_4.onnx"
SIZE = (224, 224)
ODD_SIZE = (187, 203)
DEVIATIONS = (0.1, 10.0)  # of every convolution's output


class Network:
    """A file, what its input should look like, the layers to compare (at 224 x 224 and at an odd
    size; other ones there if the head is for one size), and for a classifier of photos the
    shorter side of the photo and the size of the crop that it sees."""

    def __init__(self, name, path, spec, layers, odd_layers=None, view=None):
        self.name = name
        self.path = path
        self.spec = spec
        self.layers = {SIZE: layers, ODD_SIZE: odd_layers or layers}
        self.view = view


def trained():
    """The trained networks, whether their files are there or not."""
    base = InputSpec(mean=(0.45, 0.45, 0.45), deviation=(0.25, 0.25, 0.25))
    return [
        Network("tiny-darknet", TINY_DARKNET, InputSpec(), ["leaky2", "leaky9", "logits"],
                view=(256, 224)),
        Network("vgg19-relu3_4", VGG19, CAFFE, ["relu1_2", "conv2_2", "relu3_4"]),
        Network("somnium-base", BUNDLED, base, ["relu2_1", "relu4_1", "logits"], view=(64, 56)),
    ]


# ---- random weights

def randomise(model, seed):
    """Draws all of a torchvision model's weights."""
    torch.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.5)
            module.running_mean.normal_(0, 0.5)
            module.running_var.uniform_(0.3, 3)
        elif isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                module.bias.data.normal_(0, 0.3)


def draw_deviation(module, _, output):
    """A forward hook: scales the module so that its output has a random deviation."""
    wanted = float(torch.empty(()).uniform_(0.5, 2))
    scale = wanted / float(output.std())
    module.weight.data *= scale
    if module.bias is not None:
        module.bias.data *= scale
    return output * scale


@contextlib.contextmanager
def hooked(model, hook):
    """The hook on every layer with weights, for as long as the context."""
    layers = (module for module in model.modules() if isinstance(module, (nn.Conv2d, nn.Linear)))
    handles = [module.register_forward_hook(hook) for module in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def build(constructor, seed):
    """A model with random weights, in the mode for use."""
    with torch.no_grad():
        model = constructor(weights=None)
        model.eval()
        randomise(model, seed)
        with hooked(model, draw_deviation):
            model(torch.from_numpy(IMAGENET.prepare(photo_levels(*SIZE))))
    return model


def export(model, path, any_size):
    """Writes the model as ONNX; batch-norm and constants stay as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, torch.zeros(1, 3, *SIZE), str(path), dynamo=False, opset_version=13,
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
            input_names=["image"], output_names=["logits"],
            dynamic_axes={"image": {2: "H", 3: "W"}} if any_size else None)


def outputs_of(path, op_type):
    """The outputs of all nodes of this type, in order."""
    return [node.output[0] for node, _ in OnnxTorch(path).nodes if node.op_type == op_type]


def exported(folder):
    """The three exports, made in the folder one by one."""
    for name, constructor, any_size in (
            ("vgg16", torchvision.models.vgg16, False),
            ("resnet18", torchvision.models.resnet18, True),
            ("squeezenet1_1", torchvision.models.squeezenet1_1, True)):
        path = Path(folder) / f"{name}.onnx"
        export(build(constructor, seed=sum(name.encode())), path, any_size)
        relus = outputs_of(path, "Relu")
        layers = [relus[1], relus[len(relus) // 2], "logits"]
        deep = layers if any_size else [relus[1], relus[6], outputs_of(path, "MaxPool")[-1]]
        yield Network(name, path, IMAGENET, layers, deep)


def convolution_deviations(network):
    """Of every convolution's output, on a photo and on noise of the odd size."""
    interpreter = OnnxTorch(network.path)
    names = [node.output[0] for node, _ in interpreter.nodes if node.op_type == "Conv"]
    deviations = []
    with torch.no_grad():
        for levels in (photo_levels(*ODD_SIZE), noise_levels(*ODD_SIZE)):
            outputs = interpreter.run(network.spec.prepare(levels), names)
            deviations += [float(output.std()) for output in outputs]
    return np.array(deviations)
