#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What channels and classes want to see, as onnxruntime sees it: each picture excites its channel at
least twice as much as the best of five crops of every photo of ../shared does, and is taken for its
class, whose score is above that of every crop."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import explained
import networks
import onnx_files
import pictures
from common import BUILD, SOURCE, Tap
from peers import OnnxRuntime
from pictures import InputSpec

RUNNER = BUILD / "tests" / "effects" / "run-effect"
TIMES = 2
SIDE = 128
ITERATIONS = 128
CHANNELS = (0, 9, 40, 77)
CLASSES = (0, 60, 111, 170)
BASE = SOURCE / "tests" / "networks" / "somnium-base.onnx"


def visualise(path, result, **arguments):
    """The picture, H x W x 3 levels of 0 to 255."""
    words = [f"{key}={value}" for key, value in arguments.items()]
    subprocess.run([RUNNER, "visualise", path, "-", result, f"size={SIDE}",
                    f"iterations={ITERATIONS}", *words], check=True, capture_output=True)
    return np.load(result) * 255


def crops():
    """Of every photo its corners and its middle, at half the size at which it is a picture."""
    for path in pictures.photos():
        photo = pictures.centre_crop(pictures.load(path), 2 * SIDE, 2 * SIDE)
        for left, top in ((0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE), (SIDE // 2, SIDE // 2)):
            yield photo[top:top + SIDE, left:left + SIDE]


class Subject:
    """A network, and onnxruntime's word on what its layers see."""

    def __init__(self, path, spec, folder, onnxruntime):
        self.path, self.spec, self.folder, self.onnxruntime = path, spec, Path(folder), onnxruntime

    def means(self, layer, shown):
        """The mean of each channel over the places, a row a picture."""
        cut = self.folder / f"{self.path.stem}-{layer}.onnx"
        onnx_files.cut(self.path, [layer], cut)
        rows = []
        for picture in shown:
            (values,) = self.onnxruntime.run(cut, self.spec.prepare(picture), [layer])
            rows.append(values.reshape(values.shape[1], -1).mean(axis=1))
        return np.array(rows)

    def check_layer(self, tap, layer):
        made = [visualise(self.path, self.folder / "out.npy", layer=layer, channels=channel)
                for channel in CHANNELS]
        best, reached = self.means(layer, crops()).max(axis=0), self.means(layer, made)
        times = [reached[i, channel] / max(best[channel], 1e-6)
                 for i, channel in enumerate(CHANNELS)]
        print(f"# {self.path.stem} {layer}: " + ", ".join(f"{time:.1f}" for time in times),
              "times the best crop")
        tap.case(f"{self.path.stem} {layer}",
                 [f"channel {channel}: {time:.2f} times the best crop"
                  for channel, time in zip(CHANNELS, times) if not time >= TIMES])

    def check_classes(self, tap):
        made = [visualise(self.path, self.folder / "out.npy", target="class", classes=number)
                for number in CLASSES]
        best, reached = self.means("logits", crops()).max(axis=0), self.means("logits", made)
        problems = []
        for row, number in zip(reached, CLASSES):
            print(f"# {self.path.stem} class {number}: score {row[number]:.1f}, best crop "
                  f"{best[number]:.1f}")
            if row.argmax() != number or not row[number] > best[number]:
                problems.append(f"class {number} is taken for {row.argmax()}")
        tap.case(f"{self.path.stem} classes", problems)


def main():
    tap = Tap()
    if not (networks.TINY_DARKNET.exists() and pictures.photos()):
        tap.skip("visualise", "needs the photos and networks of ../shared")
        tap.done()
        return
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder, OnnxRuntime() as onnxruntime:
        tiny = Path(folder) / networks.TINY_DARKNET.name
        tiny.write_bytes(networks.TINY_DARKNET.read_bytes())
        explained.describe(tiny, InputSpec())
        base = InputSpec.of_metadata(onnx_files.metadata(BASE))
        for path, spec, layers in ((BASE, base, ("relu3_2", "relu5_1")),
                                   (tiny, InputSpec(), ("leaky8", "leaky14"))):
            subject = Subject(path, spec, folder, onnxruntime)
            for layer in layers:
                subject.check_layer(tap, layer)
            subject.check_classes(tap)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
