# SPDX-License-Identifier: GPL-3.0-or-later
"""How time and memory grow with the picture, from 0.25 to 24 megapixels, with all threads: seconds a
pixel, relative to 1 megapixel, and peak resident memory, for the workloads below. Large pictures are
worked on in tiles, within the budget that is named there, or half of the memory available.
"""

import os
import re
import statistics
import tempfile
from typing import Callable, NamedTuple

import numpy as np

from engines import BUILD, FORWARD, GRADIENT, PEAK, TIME, Case, launch, ours_once

MEGAPIXELS = (0.25, 4, 12, 24)  # and 1, which the others are relative to
ASPECT = 1.5
ROUNDS = 2
COLD_S = 5  # a first round that takes longer needs none before it to warm up
BUDGET_MIB = 1500
DREAM_BUDGET_MIB = 3072  # what a run may take beside the host's pictures: 4 GiB with 24 megapixels of them
ITERATIONS = 6  # of a dream
RELUS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
DONE = re.compile(r": ([\d.]+) s$", re.M)


class Picture:
    """Random pixels, as many as wanted, in a file of the kind that a workload's program reads."""

    def __init__(self, network, megapixels, folder):
        width = (megapixels * 1e6 * ASPECT) ** 0.5
        # multiples of 4, which the style networks want
        self.height, self.width = round(width / ASPECT / 4) * 4, round(width / 4) * 4
        self.network, self.folder = network, folder

    def pixels(self):
        return self.height * self.width


def dream(picture, rounds):
    """The whole effect at full size: one octave of a few iterations, with the bundled network."""
    path = f"{picture.folder}/in.ppm"
    with open(path, "wb") as file:
        file.write(f"P6 {picture.width} {picture.height} 255\n".encode())
        np.random.default_rng(1).integers(
            0, 256, 3 * picture.pixels(), np.uint8).tofile(file)
    runs = [launch([BUILD / "tests/effects/run-effect", "deepdream", picture.network.path, path,
                    f"{picture.folder}/out.ppm", "working-size=0", "octaves=1",
                    f"iterations={ITERATIONS}", f"memory-mb={DREAM_BUDGET_MIB}"])
            for _ in range(rounds)]
    return [float(DONE.search(done.stdout).group(1)) for done in runs], runs[-1].stderr


def gram(picture, rounds):
    """Value and gradient of VGG-19's Gram losses."""
    done = launch([BUILD / "tests/bench/gram", picture.network.path, picture.width, picture.height,
                   0, rounds, *RELUS])
    return [float(pair[1]) for pair in TIME.findall(done.stderr)], done.stderr


def fast_style(picture, rounds):
    """A feed-forward network that normalises over the whole picture."""
    case = Case(picture.network, picture.height, picture.width, os.cpu_count(), picture.folder,
                ("--memory-mb", BUDGET_MIB))
    run = ours_once(case, FORWARD, rounds)
    return run["seconds"], f"peak {run['peak_mib']} MiB"


class Workload(NamedTuple):
    network: str
    what: str
    run: Callable


WORKLOADS = {
    "dream": Workload("somnium-vgg12", GRADIENT, dream),
    "gram": Workload("vgg19", GRADIENT, gram),
    "fast-style": Workload("candy", FORWARD, fast_style),
}


def measure(name, picture, guess_s):
    """Median seconds a pixel, and the peak."""
    warm_ups = 0 if guess_s > COLD_S else 1
    seconds, text = WORKLOADS[name].run(picture, ROUNDS + warm_ups)
    seconds = seconds[warm_ups:] or seconds
    return statistics.median(seconds) / picture.pixels(), float(PEAK.search(text).group(1))


def result(name, megapixels, picture, a_pixel_s, peak_mib, relative):
    what, seconds = WORKLOADS[name].what, a_pixel_s * picture.pixels()
    print(f"growth/{name:12} {megapixels:5} megapixels  {what:17} {seconds:8.3f} s  "
          f"{relative:4.2f} times as long a pixel as at 1  {peak_mib:7.0f} MiB", flush=True)
    return {"name": f"growth/{name}", "size_px": picture.width, "threads": os.cpu_count(),
            "what": what, "ours_s": seconds, "peer": None, "peer_s": None, "ratio": None,
            "ours_peak_mib": peak_mib, "peer_peak_mib": None, "megapixels": megapixels,
            "relative": relative}


def grow(name, network):
    """Yields a workload's results. The megapixel is measured before and after every other size,
    since other things run on the machine too."""
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        one = Picture(network, 1, folder)
        before_s, peak_mib = measure(name, one, 0)
        yield result(name, 1, one, before_s, peak_mib, 1.0)
        for megapixels in MEGAPIXELS:
            with tempfile.TemporaryDirectory(prefix="somnium-") as other:
                picture = Picture(network, megapixels, other)
                a_pixel_s, peak_mib = measure(name, picture, before_s * picture.pixels())
            after_s, _ = measure(name, one, 0)
            relative = 2 * a_pixel_s / (before_s + after_s)
            yield result(name, megapixels, picture, a_pixel_s, peak_mib, relative)
            before_s = after_s
