# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of the blocks that today's and yesterday's zoos are made of, one after the other: what
its export looks like depends on the opset, and all of it must be read."""

import torch
import torch.nn.functional as F
from torch import nn

WIDTH = 16


class SqueezeExcite(nn.Module):
    """EfficientNet's, with the mean as ReduceMean."""

    def __init__(self):
        super().__init__()
        self.reduce = nn.Conv2d(WIDTH, 8, 1)
        self.expand = nn.Conv2d(8, WIDTH, 1)

    def forward(self, x):
        scale = self.reduce(x.mean((2, 3), keepdim=True))
        scale = self.expand(scale * torch.sigmoid(scale))
        return x * torch.sigmoid(scale)


class InvertedBottleneck(nn.Module):
    """1x1, depthwise, squeeze and excite, 1x1, with x * sigmoid(x)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH, 1, bias=False), nn.BatchNorm2d(WIDTH), nn.SiLU(),
            nn.Conv2d(WIDTH, WIDTH, 5, padding=2, groups=WIDTH, bias=False),
            nn.BatchNorm2d(WIDTH), nn.SiLU(),
            SqueezeExcite(), nn.Conv2d(WIDTH, WIDTH, 1, bias=False), nn.BatchNorm2d(WIDTH))

    def forward(self, x):
        return x + self.layers(x)


class ConvNext(nn.Module):
    """Depthwise 7x7, LayerNorm over channels between permutes, Linear layers, Gelu."""

    def __init__(self, gelu):
        super().__init__()
        self.depthwise = nn.Conv2d(WIDTH, WIDTH, 7, padding=3, groups=WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)
        self.widen = nn.Linear(WIDTH, 2 * WIDTH)
        self.narrow = nn.Linear(2 * WIDTH, WIDTH)
        self.gelu = gelu

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + self.narrow(self.gelu(self.widen(y))).permute(0, 3, 1, 2)


def gelu_by_tanh(x):
    """As older code writes it out."""
    return 0.5 * x * (1 + torch.tanh(0.7978845608 * (x + 0.044715 * torch.pow(x, 3))))


class LayerNorm2d(nn.Module):
    """Written out over axis 1, as in code from before torch had it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 1.5, WIDTH))
        self.bias = nn.Parameter(torch.linspace(-0.5, 0.5, WIDTH))

    def forward(self, x):
        centred = x - x.mean(1, keepdim=True)
        x = centred / torch.sqrt(centred.pow(2).mean(1, keepdim=True) + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class StandardisedConv(nn.Module):
    """Its weights are normalised in the graph (weight standardisation)."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(WIDTH, WIDTH, 3, 3))

    def forward(self, x):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        weight = weight / (weight.pow(2).mean((1, 2, 3), keepdim=True).sqrt() + 1e-5)
        return F.conv2d(F.pad(x, (1, 1, 1, 1)), weight / (3 * WIDTH ** 0.5))


class Grid(nn.Module):
    """Grouped and dilated convolutions beside each other, as in DeepLab."""

    def __init__(self):
        super().__init__()
        self.cells = nn.ModuleList(
            nn.Conv2d(WIDTH, 8, 3, padding=rate, dilation=rate, groups=groups)
            for rate, groups in ((1, 1), (2, 2), (3, 4), (2, 8)))
        self.join = nn.Conv2d(32, WIDTH, 1)

    def forward(self, x):
        return self.join(torch.cat([F.relu(cell(x)) for cell in self.cells], 1))


class Blur(nn.Module):
    """Anti-aliased stride (BlurPool): reflected edges, a fixed kernel."""

    def __init__(self):
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("kernel", (row[:, None] * row).repeat(WIDTH, 1, 1, 1))

    def forward(self, x):
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.kernel, stride=2, groups=WIDTH)


class Up(nn.Module):
    """Ways to double the size: transposed convolution, pixel shuffle, Resize of each mode."""

    def __init__(self, ceil_mode):
        super().__init__()
        self.ceil_mode = ceil_mode
        self.transposed = nn.ConvTranspose2d(WIDTH, WIDTH, 3, 2, 1, output_padding=1)
        self.shuffled = nn.Conv2d(WIDTH, 4 * WIDTH, 1)

    def forward(self, x):
        x = self.transposed(x) + F.pixel_shuffle(self.shuffled(x), 2)
        y = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return x + 0.5 * F.max_pool2d(y, 2 + self.ceil_mode, 2, ceil_mode=self.ceil_mode)


class Smooth(nn.Module):
    """Resize between pixels; opsets before 11 mean something else by it."""

    def __init__(self, mode, aligned):
        super().__init__()
        self.mode = mode
        self.aligned = aligned

    def forward(self, x):
        y = F.interpolate(x, scale_factor=2.0, mode=self.mode, align_corners=self.aligned)
        return x + F.avg_pool2d(y, 2)


class Attention(nn.Module):
    """Of positions to each other, one head."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Conv2d(WIDTH, 3 * WIDTH, 1)

    def forward(self, x):
        q, k, v = self.qkv(F.max_pool2d(x, 3, 2, 1)).flatten(2).split(3 * [WIDTH], 1)
        weights = torch.softmax(q.transpose(1, 2) @ k / WIDTH ** 0.5, dim=-1)
        seen = (v @ weights.transpose(1, 2)).mean(2)
        return x + seen[:, :, None, None]


class Activations(nn.Module):
    """One function a branch."""

    def __init__(self):
        super().__init__()
        self.prelu = nn.PReLU(WIDTH, 0.1)
        self.functions = (F.elu, F.mish, F.softplus, F.leaky_relu, F.relu6, F.hardswish,
                          F.hardsigmoid, torch.abs, F.softsign, torch.tanh)

    def forward(self, x):
        return sum((f(x) for f in self.functions), self.prelu(x)) * 0.2


class Focus(nn.Module):
    """Every second pixel to channels (YOLOv5's stem), then a convolution."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(12, WIDTH, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(WIDTH)

    def forward(self, x):
        rows = [x[..., ::2, :], x[..., 1::2, :]]
        parts = [row[..., start::2] for start in (0, 1) for row in rows]
        return F.relu(self.norm(self.conv(torch.cat(parts, 1))))


class Head(nn.Module):
    """Pooled to 2 x 2 and to 1 x 1, the mean and the maximum, normalised, a linear layer."""

    def __init__(self, fixed):
        super().__init__()
        self.fixed = fixed
        self.linear = nn.Linear((10 if fixed else 2) * WIDTH, 10)

    def forward(self, x):
        parts = [F.adaptive_avg_pool2d(x, 1).flatten(1), x.amax((2, 3))]
        if self.fixed:
            x = x.reshape([int(size) for size in x.shape])  # the exporter lost track of them
            parts += [pool(x, 2).flatten(1)
                      for pool in (F.adaptive_avg_pool2d, F.adaptive_max_pool2d)]
        return self.linear(F.normalize(torch.cat(parts, 1)))


def network(opset, fixed):
    """The blocks that this opset can say; with the head for a fixed size, or for any."""
    stem = [nn.Conv2d(3, WIDTH, 7, 2, 3), nn.ReLU()] if opset < 10 else [Focus()]
    smooth = [] if opset < 11 else [
        Smooth("bilinear", True), Smooth("bilinear", False), Smooth("bicubic", False)]
    return nn.Sequential(
        *stem, InvertedBottleneck(), ConvNext(F.gelu), Blur(), ConvNext(gelu_by_tanh),
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.GroupNorm(4, WIDTH), Activations(),
        StandardisedConv(), LayerNorm2d(), Grid(), Up(opset >= 10), *smooth,
        nn.InstanceNorm2d(WIDTH, affine=True), Attention(), nn.ReflectionPad2d(2),
        nn.ReplicationPad2d(1), nn.Conv2d(WIDTH, WIDTH, 3, 2), nn.ReLU(), Head(fixed))
