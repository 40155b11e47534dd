# SPDX-License-Identifier: GPL-3.0-or-later
"""Random weights for PyTorch's models, and their export to ONNX.

Random weights must not hide bugs: every bias and the vectors of every normalisation are random
too, and each convolution is scaled so that what it gives is neither lost nor all that is left
further on.
"""

import contextlib
import warnings

import onnx
import onnx.version_converter
import torch
from torch import nn

NEWEST = 20  # opset that PyTorch's exporter knows
WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
NORMS = (nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d, nn.LayerNorm)


def randomise(model, seed):
    """Draws all of a model's weights."""
    torch.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, NORMS) and module.weight is not None:
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.5)
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.5)
            module.running_var.uniform_(0.3, 3)
        elif isinstance(module, WEIGHTED):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                module.bias.data.normal_(0, 0.3)
    for name, parameter in model.named_parameters():
        if name.endswith("layer_scale"):  # of ConvNeXt: 1e-6 before training
            parameter.data.uniform_(0.5, 1.5)


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
    layers = (module for module in model.modules() if isinstance(module, WEIGHTED))
    handles = [module.register_forward_hook(hook) for module in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def draw_weights(model, image, seed):
    """Brings the model into the mode for use, with random weights that suit the image."""
    with torch.no_grad():
        model.eval()
        randomise(model, seed)
        with hooked(model, draw_deviation):
            model(torch.from_numpy(image))


def export(model, size, path, opset, any_size):
    """Writes the model as ONNX; batch-norm and constants stay as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, torch.zeros(1, 3, *size), str(path), dynamo=False,
            opset_version=min(opset, NEWEST),
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
            input_names=["image"], output_names=["logits"],
            dynamic_axes={"image": {2: "H", 3: "W"}} if any_size else None)
    if opset > NEWEST:
        onnx.save(onnx.version_converter.convert_version(onnx.load(path), opset), path)
