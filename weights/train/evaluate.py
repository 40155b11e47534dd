#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a classifier is on pictures that it was not trained on."""

import torch

import data


@torch.no_grad()
def accuracy(network, pictures, crop, size, device="cpu", batch=256):
    """Top-1 and top-5 on the middle crop x crop pixels of each picture, brought to size x size."""
    network.eval()
    edge = (data.SIDE - crop) // 2
    best = five = 0
    for levels, labels in zip(pictures.levels.split(batch), pictures.labels.split(batch)):
        images = data.resized(data.normalised(levels[:, edge:edge + crop, edge:edge + crop]), size)
        with torch.autocast(device, torch.bfloat16):
            logits = network(images.contiguous(memory_format=torch.channels_last).to(device))
        hits = logits.topk(5).indices.cpu() == labels[:, None]
        best += hits[:, 0].sum().item()
        five += hits.sum().item()
    return best / len(pictures), five / len(pictures)
