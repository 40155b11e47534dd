#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adversarial pictures of the photos that tiny-darknet classifies rightly: saved as 16-bit PNG, read
again and shown to onnxruntime. At least 95 % must be taken for something else within 4 levels of 256,
and at least 90 % for a class drawn at random within 8; no value may change by more.

  test_adversarial.py [PHOTOS]
"""

import math
import shutil
import struct
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

import explained
import networks
import pictures
from common import Tap
from peers import OnnxRuntime
from pictures import InputSpec

VIEW = (256, 224)
FLIPPED, REACHED = 0.95, 0.90
ROUNDING = 0.6 / 65535


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png16(path, levels):
    """H x W x 3 levels of 0 to 65535."""
    height, width, _ = levels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)) + chunk(
            b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def read_png16(path):
    """What write_png16() has written, as a reader of PNG sees it."""
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if zlib.crc32(kind + body) != struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0]:
            raise ValueError(f"{path}: damaged")
        if kind == b"IHDR":
            width, height, depth, colours = struct.unpack(">IIBB", body[:10])
            assert (depth, colours) == (16, 2)
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + 6 * width)
    assert not rows[:, 0].any()
    return np.frombuffer(rows[:, 1:].tobytes(), ">u2").reshape(height, width, 3)


class Attack:
    """The effect on one network, and onnxruntime's word on what comes out."""

    def __init__(self, path, folder, onnxruntime):
        self.path, self.folder, self.onnxruntime = path, Path(folder), onnxruntime
        self.spec = InputSpec()

    def seen(self, levels):
        """Which class, of levels of 0 to 255, whole or not."""
        (scores,) = self.onnxruntime.run(networks.TINY_DARKNET, self.spec.prepare(levels), ["prob"])
        return int(scores.argmax())

    def attack(self, photo, bound, goal):
        """The class that the saved picture is taken for, and its largest change, 0 to 1."""
        before = self.folder / "photo.ppm"
        explained.write_ppm(before, photo / 255)
        goals = {"class": goal} if goal is not None else {}
        explained.run_effect("adversarial", self.path, before, self.folder / "result.16.ppm",
                             bound=bound, least=0, whole_levels=0, difference=0, iterations=60,
                             **goals)
        png = self.folder / "result.png"
        write_png16(png, explained.read_ppm16(self.folder / "result.16.ppm"))
        levels = read_png16(png).astype(np.float64) / 65535
        return self.seen(levels * 255), float(np.abs(levels - photo / 255).max())


def right_photos(attack, labels, count):
    """The photos that are classified rightly: number, picture."""
    for path in pictures.photos()[:count]:
        photo = pictures.centre_crop(pictures.load(path), *VIEW)
        name = path.stem.split("_", 1)[1].replace("_", " ").lower()
        seen = attack.seen(photo)
        if name in labels[seen].lower():
            yield seen, photo


def main():
    tap = Tap()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else None
    if not (networks.TINY_DARKNET.exists() and pictures.photos()):
        tap.skip("adversarial pictures", "needs the photos and networks of ../shared")
        tap.done()
        return
    labels = networks.TINY_DARKNET.with_suffix(".labels.txt").read_text().splitlines()
    random = np.random.default_rng(1)
    flipped, reached, bounds = [], [], []
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder, OnnxRuntime() as onnxruntime:
        path = Path(folder) / networks.TINY_DARKNET.name
        shutil.copy(networks.TINY_DARKNET, path)
        explained.describe(path, InputSpec())
        attack = Attack(path, folder, onnxruntime)
        for seen, photo in right_photos(attack, labels, count):
            goal = int(random.choice([i for i in range(len(labels)) if i != seen]))
            now, change = attack.attack(photo, 4, None)
            flipped.append(now != seen)
            bounds.append(change <= 4 / 255 + ROUNDING)
            now, change = attack.attack(photo, 8, goal)
            reached.append(now == goal)
            bounds.append(change <= 8 / 255 + ROUNDING)
    n = len(flipped)
    print(f"# of {n} photos, {sum(flipped)} flipped within 4/255, {sum(reached)} taken for a class "
          "drawn at random within 8/255")
    tap.case("photos are classified rightly", [] if n > 0 else ["none is"])
    tap.case("flipped", [] if sum(flipped) >= math.ceil(FLIPPED * n) else [f"{sum(flipped)} of {n}"])
    tap.case("reached", [] if sum(reached) >= math.ceil(REACHED * n) else [f"{sum(reached)} of {n}"])
    tap.case("within the bound", [] if all(bounds) else ["not all are"])
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
