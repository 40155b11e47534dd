# SPDX-License-Identifier: GPL-3.0-or-later
"""Style pictures for tests, drawn here: strokes of a brush along a flow, stained glass, hatching."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = 512
SMOOTH = 2  # drawn this many times as large


def flow_angles(random, size):
    """A smooth field of directions: whirls around random centres, and between them."""
    y, x = np.mgrid[0:size, 0:size] / size
    dx, dy = np.full_like(x, 0.3), np.zeros_like(x)
    for _ in range(9):
        cx, cy, radius = random.uniform(0, 1), random.uniform(0, 1), random.uniform(0.05, 0.16)
        turn = random.choice([-1, 1])
        fall = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * radius**2)) / radius
        dx += turn * (cy - y) * fall
        dy += turn * (x - cx) * fall
    return np.arctan2(dy, dx)


def strokes():
    """Curved strokes of a loaded brush, cold with warm lights."""
    random = np.random.default_rng(3)
    size = SIZE * SMOOTH
    angles = flow_angles(random, size)
    picture = Image.new("RGB", (size, size), (24, 38, 92))
    draw = ImageDraw.Draw(picture)
    palette = np.array([[20, 44, 120], [36, 86, 168], [84, 148, 196], [150, 196, 190],
                        [232, 206, 110], [240, 168, 50], [18, 26, 60]])
    odds = [0.24, 0.24, 0.17, 0.12, 0.08, 0.05, 0.10]
    for width in (26, 18, 12, 8):
        for _ in range(90000 // width**2 * 6):
            x, y = random.uniform(0, size, 2)
            colour = palette[random.choice(len(palette), p=odds)] + random.normal(0, 9, 3)
            points = []
            for _ in range(16):
                points.append((x, y))
                angle = angles[int(y) % size, int(x) % size]
                x += math.cos(angle) * width * 0.45
                y += math.sin(angle) * width * 0.45
            draw.line(points, tuple(int(c) for c in colour.clip(0, 255)), width, joint="curve")
    return picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def glass():
    """Cells of strong colours in lead."""
    random = np.random.default_rng(5)
    size = SIZE
    seeds = random.uniform(0, size, (240, 2))
    y, x = np.mgrid[0:size, 0:size]
    distances = np.hypot(x[..., None] - seeds[:, 0], y[..., None] - seeds[:, 1])
    two = np.partition(distances, 1, axis=-1)[..., :2]
    cell = distances.argmin(axis=-1)
    palette = np.array([[190, 30, 40], [230, 150, 30], [30, 80, 170], [30, 130, 90],
                        [240, 220, 160], [110, 40, 120], [70, 170, 200]], float)
    colours = palette[random.integers(0, len(palette), len(seeds))] + random.normal(0, 12, (240, 3))
    shade = 0.8 + 0.25 * np.cos((x + y) / 37 + cell)
    picture = colours[cell] * shade[..., None]
    picture *= np.clip((two[..., 1] - two[..., 0] - 2.5) / 2, 0.06, 1)[..., None]
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def hatching():
    """Ink on paper: hatching, crossed where it is darker."""
    random = np.random.default_rng(8)
    size = SIZE * SMOOTH
    tone = Image.fromarray((random.uniform(0, 255, (14, 14))).astype(np.uint8))
    tone = np.asarray(tone.resize((size, size), Image.Resampling.BICUBIC), float) / 255
    picture = Image.new("RGB", (size, size), (238, 228, 206))
    draw = ImageDraw.Draw(picture)
    for angle, least in ((0.7, 0.25), (2.1, 0.5), (1.4, 0.7)):
        for _ in range(9000):
            x, y = random.uniform(0, size, 2)
            if 1 - tone[int(y), int(x)] < least:
                continue
            turn, length = angle + random.normal(0, 0.05), random.uniform(24, 60)
            end = (x + math.cos(turn) * length, y + math.sin(turn) * length)
            draw.line([(x, y), end], (34, 28, 36), int(random.integers(2, 5)))
    picture = picture.filter(ImageFilter.GaussianBlur(0.8))
    return picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


STYLES = {"strokes": strokes, "glass": glass, "hatching": hatching}
