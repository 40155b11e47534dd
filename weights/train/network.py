# SPDX-License-Identifier: GPL-3.0-or-later
"""A VGG-like classifier: blocks of 3x3 convolutions, each with batch normalisation and ReLU, 2x2
max-pooling between the blocks, the average over the picture, one fully connected layer.

Layers are called conv1_1, relu1_1, ... as VGG's are (Simonyan and Zisserman, arXiv:1409.1556).
`folded` gives the convolutions with the batch normalisation (Ioffe and Szegedy, arXiv:1502.03167)
inside them, which is what is exported.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Vgg(nn.Module):
    """`blocks`: how many channels each convolution of each block puts out."""

    def __init__(self, blocks, classes):
        super().__init__()
        self.blocks = [list(block) for block in blocks]
        self.convolutions, self.norms = nn.ModuleDict(), nn.ModuleDict()
        channels = 3
        for name, width, _ in self.layers():
            convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
            self.convolutions[name], self.norms[name] = convolution, nn.BatchNorm2d(width)
            channels = width
        self.fc = nn.Linear(channels, classes)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def layers(self):
        """Of each convolution its place ("2_1"), its channels, whether pooling comes before it."""
        for block, widths in enumerate(self.blocks, 1):
            for number, width in enumerate(widths, 1):
                yield f"{block}_{number}", width, number == 1 and block > 1

    def forward(self, images, wanted=None):
        """The logits of N x 3 x H x W. What `wanted`, a dictionary, has as keys gets its tensor."""
        values = images
        for name, _, pooled in self.layers():
            if pooled:
                values = F.max_pool2d(values, 2)
            values = F.relu(self.norms[name](self.convolutions[name](values)), inplace=True)
            if wanted is not None and f"relu{name}" in wanted:
                wanted[f"relu{name}"] = values
        return self.fc(values.mean((2, 3)))

    def folded(self):
        """Of each convolution its place, whether pooling comes before it, its weights, its bias."""
        for name, _, pooled in self.layers():
            norm = self.norms[name]
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weight = self.convolutions[name].weight * scale[:, None, None, None]
            yield name, pooled, weight.detach(), (norm.bias - norm.running_mean * scale).detach()

    @torch.no_grad()
    def unfold(self, weights, images):
        """Becomes a network that has the normalisation inside its convolutions, a dictionary of what
        is exported: with the statistics of these pictures, and what undoes them."""
        values = images
        for name, _, pooled in self.layers():
            convolution, norm = self.convolutions[name], self.norms[name]
            bias = weights[f"conv{name}.bias"]
            convolution.weight.copy_(weights[f"conv{name}.weight"])
            values = convolution(F.max_pool2d(values, 2) if pooled else values)
            variance, mean = torch.var_mean(values, (0, 2, 3), correction=0)
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_(torch.sqrt(variance + norm.eps))
            norm.bias.copy_(bias + mean)
            values = F.relu(values + bias[:, None, None])
        self.fc.weight.copy_(weights["fc.weight"])
        self.fc.bias.copy_(weights["fc.bias"])
