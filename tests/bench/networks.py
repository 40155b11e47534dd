#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the networks with random weights that the benchmark runs, as ONNX files.

networks.py NAME FILE.onnx
"""

import sys
import warnings

import torch
import torchvision
from torch import nn


def vgg19_relu5_1():
    """The part of VGG-19 that style transfer uses."""
    return nn.Sequential(*list(torchvision.models.vgg19(weights=None).features)[:30])


def vgg16():
    return torchvision.models.vgg16(weights=None).features


def googlenet():
    return torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False)


MODELS = {
    "vgg19": vgg19_relu5_1,
    "vgg16": vgg16,
    "vgg16-scores": lambda: torchvision.models.vgg16(weights=None),
    "googlenet": googlenet,
    "resnet50": lambda: torchvision.models.resnet50(weights=None),
    "resnext50": lambda: torchvision.models.resnext50_32x4d(weights=None),
    "squeezenet": lambda: torchvision.models.squeezenet1_1(weights=None),
    "mobilenet": lambda: torchvision.models.mobilenet_v2(weights=None),
}


def main():
    name, path = sys.argv[1:]
    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        any_size = {"image": {2: "H", 3: "W"}} if not name.endswith("-scores") else None
        torch.onnx.export(
            MODELS[name]().eval(), torch.zeros(1, 3, 224, 224), path, dynamo=False,
            opset_version=13, input_names=["image"], output_names=["output"],
            dynamic_axes=any_size)


if __name__ == "__main__":
    main()
