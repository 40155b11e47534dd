#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures to train styles on, drawn here and so free to be used: drawn.py FOLDER writes them.

Agate: bands of colour along the levels of smooth noise. Mosaic: rows of stones along a flow, in
mortar. With those that the oracle tests draw: strokes of a brush, stained glass, hatching.
"""

import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = 512
SMOOTH = 2  # drawn this many times as large

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "oracle"))
from styles import STYLES, flow_angles  # noqa: E402


def smooth_noise(random, size, cells):
    """Noise of 0 to 1 whose finest detail is as large as a cell, and coarser detail stronger."""
    total = np.zeros((size, size))
    while cells >= 2:
        coarse = Image.fromarray(random.uniform(-1, 1, (cells, cells)).astype(np.float32))
        total += np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC)) / cells
        cells //= 2
    return (total - total.min()) / np.ptp(total)


def agate():
    """Bands of earth and sea."""
    random = np.random.default_rng(12)
    palette = np.array([[92, 34, 26], [168, 84, 38], [226, 168, 92], [246, 232, 204],
                        [120, 168, 160], [36, 96, 112], [20, 44, 66], [214, 116, 86]], float)
    height = smooth_noise(random, SIZE, 16) * 34 + 0.5 * smooth_noise(random, SIZE, 64)
    order = random.integers(0, len(palette), 64)
    band, part = height.astype(int), (height % 1)[..., None]
    colours = palette[order[band]] * (1 - part**4) + palette[order[band + 1]] * part**4
    colours *= 0.86 + 0.14 * np.sin(height * 2 * math.pi * 4)[..., None]
    return Image.fromarray(colours.clip(0, 255).astype(np.uint8))


def stone(x, y, angle, side, random):
    """The corners of a stone that is not quite square."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * side / 2
    corners = corners + random.uniform(-0.12, 0.12, (4, 2)) * side
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return [tuple(corner) for corner in corners @ turn + (x, y)]


def mosaic():
    """Stones, those that lie where one is already left out."""
    random = np.random.default_rng(21)
    size, side = SIZE * SMOOTH, 22
    angles = flow_angles(random, size)
    tone = smooth_noise(random, size, 8)
    palette = np.array([[28, 58, 120], [56, 120, 168], [170, 200, 196], [236, 222, 180],
                        [222, 164, 66], [178, 66, 40], [92, 30, 34]], float)
    picture = Image.new("RGB", (size, size), (74, 68, 62))
    draw, taken = ImageDraw.Draw(picture), np.zeros((size, size), bool)
    for _ in range(60000):
        x, y = random.uniform(0, size - 1, 2)
        for _ in range(40):  # a row, as far as there is room
            if not (0 <= x < size and 0 <= y < size) or taken[int(y), int(x)]:
                break
            top, left = max(0, int(y - side * 0.92)), max(0, int(x - side * 0.92))
            taken[top:int(y + side * 0.92), left:int(x + side * 0.92)] = True
            angle = angles[int(y), int(x)]
            colour = palette[int(tone[int(y), int(x)] * 6.99)] + random.normal(0, 14, 3)
            draw.polygon(stone(x, y, angle, side, random), tuple(colour.clip(0, 255).astype(int)))
            x, y = x + math.cos(angle) * side * 1.1, y + math.sin(angle) * side * 1.1
    picture = picture.filter(ImageFilter.GaussianBlur(1))
    return picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in {**STYLES, "agate": agate, "mosaic": mosaic}.items():
        draw().save(folder / f"{name}.png")


if __name__ == "__main__":
    main()
