#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole occlusion map (Zeiler and Fergus 2014) beside the way of Captum's Occlusion in PyTorch: every
covered picture is run whole, a batch at a time, and what it takes from the score is averaged where
patches overlap. VGG-16 with random weights at 224 px, patch 16, stride 8, black, the first choice's
score. PyTorch's network is ready before its time begins; ours includes reading the file. Its batch is
the fastest of several, its memory format the better one.

occlusion.py [THREADS]: prints a line of JSON."""

import json
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from engines import BUILD, HERE, launch
from networks import MODELS

SIDE, PATCH, STRIDE = 224, 16, 8
BATCHES = (1, 4, 16)
TRIAL = 16  # patches by which the fastest way is found
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LAYOUTS = {"PyTorch NCHW": torch.contiguous_format, "PyTorch NHWC": torch.channels_last}
TAKEN = re.compile(r"^occlusion: ([\d.]+) s$", re.M)


def picture():
    """Coarse noise, so that patches matter: SIDE x SIDE x 3 floats of 0..1."""
    coarse = np.random.default_rng(1).random((SIDE // 16, SIDE // 16, 3), np.float32)
    return np.repeat(np.repeat(coarse, 16, 0), 16, 1)


def ours(levels, threads, folder):
    network = Path(folder) / "vgg16.onnx"
    launch([sys.executable, "-W", "ignore", HERE / "networks.py", "vgg16-scores", network])
    np.save(f"{folder}/in.npy", levels)
    done = launch(
        [BUILD / "tests/effects/run-effect", "occlusion", network, f"{folder}/in.npy", f"{folder}/map.npy",
         f"patch={PATCH}", f"stride={STRIDE}", "fill=black", "output=grey", "transparent=0", "clip=0",
         "opacity=100", f"working-size={SIDE}", f"threads={threads}"])
    return float(TAKEN.search(done.stdout).group(1)), np.load(f"{folder}/map.npy")[:, :, 0]


def normalise(levels):
    planes = torch.tensor(levels).permute(2, 0, 1)
    return (planes - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)


def captum(network, levels, batch, layout, patches=None):
    """The map by whole pictures, `batch` at a time; or of its first patches only."""
    image, black = normalise(levels), normalise(np.zeros_like(levels))
    corners = [(y, x) for y in range(0, SIDE - PATCH + 1, STRIDE)
               for x in range(0, SIDE - PATCH + 1, STRIDE)][:patches]
    total, count = torch.zeros(SIDE, SIDE), torch.zeros(SIDE, SIDE)
    with torch.inference_mode():
        scores = network(image[None].contiguous(memory_format=layout))[0]
        best = int(scores.argmax())
        for first in range(0, len(corners), batch):
            some = corners[first:first + batch]
            covered = image.repeat(len(some), 1, 1, 1)
            for each, (y, x) in zip(covered, some):
                each[:, y:y + PATCH, x:x + PATCH] = black[:, y:y + PATCH, x:x + PATCH]
            values = network(covered.contiguous(memory_format=layout))[:, best]
            for value, (y, x) in zip(values, some):
                total[y:y + PATCH, x:x + PATCH] += scores[best] - value
                count[y:y + PATCH, x:x + PATCH] += 1
    return (total / count.clamp(min=1)).numpy()


def theirs(levels, threads):
    """Seconds, name and map of the fastest way."""
    torch.set_num_threads(threads)
    torch.manual_seed(1)  # as networks.py does: the same weights
    network = MODELS["vgg16-scores"]().eval()
    trials = []
    for name, layout in LAYOUTS.items():
        network.to(memory_format=layout)
        for batch in BATCHES:
            captum(network, levels, batch, layout, batch)
            start = time.perf_counter()
            captum(network, levels, batch, layout, TRIAL)
            trials.append((time.perf_counter() - start, name, batch))
    _, name, batch = min(trials)
    network.to(memory_format=LAYOUTS[name])
    start = time.perf_counter()
    made = captum(network, levels, batch, LAYOUTS[name])
    return time.perf_counter() - start, f"{name}, {batch} at a time", made


def measure(threads):
    levels = picture()
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        ours_s, ours_map = ours(levels, threads, folder)
    peer_s, peer, peer_map = theirs(levels, threads)
    positive = np.maximum(peer_map, 0)
    error = float(np.abs(ours_map - positive / positive.max()).max())
    return {"name": "occlusion", "size_px": SIDE, "threads": threads, "what": "map", "ours_s": ours_s,
            "peer": peer, "peer_s": peer_s, "ratio": peer_s / ours_s,
            "ours_peak_mib": None, "peer_peak_mib": None, "error": error}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 2)))
